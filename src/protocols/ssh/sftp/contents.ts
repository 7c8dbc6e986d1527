/**
 * Requests on open handles: content, listings, and what changes a file by its handle.
 *
 * A file that is open is one command, from its OPEN to its CLOSE. Its READs and WRITEs are forwarded behind it, counted
 * by offsets (transfer.ts), held to the limits and the pace of its judgement, and looked into where a rule has it so.
 *
 * Invariants: requests on one handle are forwarded in order. Once a transfer is cut, nothing passes on that handle any
 * more. What sets attributes by a handle, or copies between handles, is a command of its own.
 */
import { ownedOf, regionOf } from '../../../base/regions.ts';
import type { Command } from '../../../core/session.ts';
import { status } from './constants.ts';
import { copyIntent } from './copy.ts';
import { cutFile } from './cut.ts';
import { draftOf, type FileIntent } from './draft.ts';
import { sftpErrors } from './errors.ts';
import { closeFile, finished } from './finish.ts';
import type { Handles, OpenDirectory, OpenFile, OpenHandle } from './handles.ts';
import { found, inspectFile } from './inspection.ts';
import { checkedNames, observeNames } from './names.ts';
import { Pace } from './pace.ts';
import { answerStatus, deny, type GateParts, passOn, resultOf } from './parts.ts';
import { setstatIntent } from './plan.ts';
import { type Reply, writeReply } from './replies.ts';
import { type Request, readRequest } from './requests.ts';

type Of<T extends Request['type']> = Extract<Request, { readonly type: T }>;
export type HandleRequest = Of<
  'close' | 'fstat' | 'fstatvfs' | 'fsync' | 'readdir' | 'read' | 'write' | 'fsetstat' | 'copy-data'
>;

/** The first field behind the type. */
const idAt = 5;

export class Contents {
  readonly #parts: GateParts;
  /** Files whose CLOSE has begun. */
  readonly #closings = new WeakMap<OpenHandle, Promise<void>>();

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** An OPEN was allowed, done and verified. */
  opened(id: number, made: Omit<Parameters<Handles['addFile']>[0], 'pace'>): void {
    const { clock, handles } = this.#parts;
    const rates = (made.command.judgement?.limits ?? []).flatMap(({ bytesPerSecond }) => bytesPerSecond ?? []);
    const pace = rates.length === 0 ? null : new Pace(clock, Math.min(...rates));
    const file = handles.addFile({ ...made, pace });
    const error = inspectFile(this.#parts, file);
    if (error !== null) {
      handles.remove(file);
      file.cut = error;
      void closeFile(this.#parts, file)
        .then(() => answerStatus(this.#parts, id, status.SSH_FX_FAILURE, error))
        .catch(this.#parts.fail);
      return;
    }
    this.#parts.answer(writeReply({ type: 'handle', id, handle: file.handle }));
  }

  /** `frame` is the request whole, the gate's own; one to write may be lent. */
  take(request: HandleRequest, frame: Buffer): void {
    if (request.type === 'copy-data') {
      this.#copy(request);
      return;
    }
    const open = this.#parts.handles.get(request.handle);
    if (open === null) {
      answerStatus(this.#parts, request.id, status.SSH_FX_FAILURE, 'No such handle');
      return;
    }
    if (request.type === 'close') this.#parts.handles.closing(open);
    const bytes = request.type === 'write' ? request.data.length : 0;
    if (open.lane.isBusy && regionOf(frame) !== null) {
      // What waits is kept, and so is a copy of what was lent.
      const kept = Buffer.from(frame);
      this.#enqueue(readRequest(kept) as typeof request, kept, open, bytes);
    } else this.#enqueue(request, frame, open, bytes);
  }

  #enqueue(request: Exclude<HandleRequest, Of<'copy-data'>>, frame: Buffer, open: OpenHandle, bytes: number): void {
    // What waits behind a decision, or for its pace, is counted until it goes on.
    this.#parts.waiting(bytes);
    open.lane.push(() => {
      this.#parts.waiting(-bytes);
      this.#perform(request, frame, open);
    });
  }

  #perform(request: Exclude<HandleRequest, Of<'copy-data'>>, frame: Buffer, open: OpenHandle): void {
    switch (request.type) {
      case 'close':
        this.#close(request.id, open);
        return;
      case 'fstat':
      case 'fstatvfs':
        this.#plain(request.id, { type: request.type, handle: open.upstream }, open);
        return;
      case 'fsync':
        if (open.cut !== null) {
          answerStatus(this.#parts, request.id, status.SSH_FX_FAILURE, open.cut);
          return;
        }
        this.#plain(request.id, { type: 'fsync', handle: open.upstream }, open);
        return;
      case 'readdir':
        if (open.type !== 'directory') {
          this.#wrongHandle(request.id);
          return;
        }
        this.#readDirectory(request.id, open);
        return;
      case 'fsetstat':
        this.#setstat(request, open);
        return;
      case 'read':
        if (open.type !== 'file' || !open.reads) {
          this.#wrongHandle(request.id);
          return;
        }
        this.#read(request, open);
        return;
      case 'write':
        if (open.type !== 'file' || !open.writes) {
          this.#wrongHandle(request.id);
          return;
        }
        this.#write(request, frame, open);
        return;
    }
  }

  #wrongHandle(id: number): void {
    answerStatus(this.#parts, id, status.SSH_FX_FAILURE, 'The handle is not open for this.');
  }

  #plain(
    id: number,
    request: { readonly type: 'fstat' | 'fstatvfs' | 'fsync'; readonly handle: Buffer },
    open: OpenHandle,
  ): void {
    this.#parts.conversation.send(open.command, request, (reply) => passOn(this.#parts, id, reply));
  }

  // --- Content ------------------------------------------------------------------------------------------------------

  #read({ id, offset, length }: Of<'read'>, file: OpenFile): void {
    if (file.cut !== null) {
      answerStatus(this.#parts, id, status.SSH_FX_FAILURE, file.cut);
      return;
    }
    this.#paced(file, length);
    if (file.inspectedDownload !== null) {
      file.inspectedDownload.read(id, offset, length);
      return;
    }
    const request = { type: 'read' as const, handle: file.upstream, offset, length };
    this.#parts.conversation.sendLent(file.command, request, (reply, frame) => {
      if (reply.type !== 'data') return passOn(this.#parts, id, reply);
      if (reply.data.length > length)
        throw sftpErrors('sftp.unknown-reply', { detail: 'more data than was asked for' });
      file.pace?.refund(length - reply.data.length);
      if (!this.#maySpend(file, reply.data.length)) {
        return answerStatus(this.#parts, id, status.SSH_FX_FAILURE, file.cut ?? '');
      }
      file.down.add(offset, reply.data);
      frame.writeUInt32BE(id, idAt);
      this.#parts.answer(frame);
    });
  }

  #write({ id, handle, offset, data }: Of<'write'>, frame: Buffer, file: OpenFile): void {
    if (file.cut !== null) {
      answerStatus(this.#parts, id, status.SSH_FX_FAILURE, file.cut);
      return;
    }
    if (!this.#maySpend(file, data.length)) {
      answerStatus(this.#parts, id, status.SSH_FX_FAILURE, file.cut ?? '');
      return;
    }
    this.#paced(file, data.length);
    const at = file.appends ? (file.sizeBytes ?? 0) + file.up.bytes : offset;
    if (file.inspectedUpload !== null) {
      file.inspectedUpload.write(id, at, ownedOf(data));
      return;
    }
    file.up.add(at, data);
    const take = (reply: Reply): void => {
      if (reply.type === 'status' && reply.code !== status.SSH_FX_OK) file.failed = true;
      passOn(this.#parts, id, reply);
    };
    if (handle.length === file.upstream.length) {
      // A view of the frame: the message becomes the one for the target.
      file.upstream.copy(handle);
      this.#parts.conversation.sendFrame(file.command, 'write', frame, take);
    } else {
      this.#parts.conversation.send(file.command, { type: 'write', handle: file.upstream, offset, data }, take);
    }
  }

  /** Counts content before it passes; false where a limit is passed by it, and then the transfer is cut. */
  #maySpend(file: OpenFile, bytes: number): boolean {
    if (file.cut !== null) return false;
    const limit = this.#parts.host.spend(file.command, 0, bytes);
    if (limit === null) return true;
    cutFile(this.#parts, file, `${limit.reason} (rule ${limit.rule})`);
    return false;
  }

  /** What comes next on the handle waits until the pace allows it. */
  #paced(file: OpenFile, bytes: number): void {
    const waitMs = file.pace?.take(bytes) ?? 0;
    if (waitMs > 0) this.#parts.clock.after(waitMs, file.lane.block());
  }

  // --- Listings -----------------------------------------------------------------------------------------------------

  #readDirectory(id: number, directory: OpenDirectory): void {
    if (directory.cut !== null) {
      answerStatus(this.#parts, id, status.SSH_FX_FAILURE, directory.cut);
      return;
    }
    const request = { type: 'readdir' as const, handle: directory.upstream };
    this.#parts.conversation.send(directory.command, request, (reply, frame) => {
      if (reply.type !== 'name') return passOn(this.#parts, id, reply);
      const { entries, isChanged } = checkedNames(reply.entries);
      if (entries.length < reply.entries.length) {
        this.#parts.host.say('sallyport: the target listed names that no file can have; they were left out.');
      }
      // An answer without names would be the end for many clients: the next one is asked for.
      if (entries.length === 0) return this.#readDirectory(id, directory);
      const limit = this.#parts.host.spend(directory.command, entries.length, frame.length);
      if (limit !== null) {
        directory.cut = `${limit.reason} (rule ${limit.rule})`;
        this.#parts.host.say(`sallyport: ${directory.cut}`);
        return answerStatus(this.#parts, id, status.SSH_FX_FAILURE, directory.cut);
      }
      observeNames(this.#parts.host, directory, entries);
      directory.entries += entries.length;
      directory.bytes += frame.length;
      if (isChanged) return this.#parts.answer(writeReply({ type: 'name', id, entries }));
      frame.writeUInt32BE(id, idAt);
      this.#parts.answer(frame);
    });
  }

  // --- Changes by handle --------------------------------------------------------------------------------------------

  #setstat({ id, attributes }: Of<'fsetstat'>, open: OpenHandle): void {
    if (open.cut !== null) {
      answerStatus(this.#parts, id, status.SSH_FX_FAILURE, open.cut);
      return;
    }
    if (open.type === 'file' && found.has(open)) {
      answerStatus(this.#parts, id, status.SSH_FX_FAILURE, 'The file is put in quarantine.');
      return;
    }
    const canonical = open.type === 'directory' || open.canonical;
    const upload = open.type === 'file' ? open.inspectedUpload : null;
    if (upload !== null && attributes.size !== null && attributes.size < BigInt(upload.next)) {
      answerStatus(this.#parts, id, status.SSH_FX_FAILURE, 'The content is inspected, so the file cannot be cut now.');
      return;
    }
    const intent = setstatIntent(open.path, canonical, attributes);
    const go = open.lane.block();
    void this.#own(id, intent, (command) => {
      const request = { type: 'fsetstat' as const, handle: open.upstream, attributes };
      return this.#parts.conversation.request(command, request);
    })
      .finally(go)
      .catch(this.#parts.fail);
  }

  #copy(request: Of<'copy-data'>): void {
    const { handles } = this.#parts;
    const [from, to] = [handles.get(request.from), handles.get(request.to)];
    if (from?.type !== 'file' || to?.type !== 'file' || !from.reads || !to.writes) {
      this.#wrongHandle(request.id);
      return;
    }
    if (from.cut !== null || to.cut !== null) {
      answerStatus(this.#parts, request.id, status.SSH_FX_FAILURE, from.cut ?? to.cut ?? '');
      return;
    }
    if (from.inspectedDownload !== null || to.inspectedUpload !== null) {
      answerStatus(
        this.#parts,
        request.id,
        status.SSH_FX_OP_UNSUPPORTED,
        'Content is inspected here, so the target cannot copy it by itself.',
      );
      return;
    }
    to.lane.push(() => {
      const go = to.lane.block();
      void this.#own(request.id, copyIntent(from, to), (command) => {
        const { fromOffset, length, toOffset } = request;
        const copy = { type: 'copy-data' as const, from: from.upstream, to: to.upstream, fromOffset, length, toOffset };
        return this.#parts.conversation.request(command, copy);
      })
        .finally(go)
        .catch(this.#parts.fail);
    });
  }

  /** A command of its own: judged, done, ended. */
  async #own(id: number, intent: FileIntent, perform: (command: Command) => Promise<Reply>): Promise<void> {
    const { commands } = this.#parts;
    const { command, released } = commands.submit(draftOf(intent, 'sftp'));
    if (!(await released)) return deny(this.#parts, id, command);
    const reply = await perform(command);
    commands.complete(command, resultOf(reply));
    passOn(this.#parts, id, reply);
  }

  // --- The end ------------------------------------------------------------------------------------------------------

  #close(id: number, open: OpenHandle): void {
    const { conversation, commands, lane } = this.#parts;
    if (open.type === 'directory') {
      this.#parts.handles.remove(open);
      conversation.send(open.command, { type: 'close', handle: open.upstream }, (reply) => {
        commands.complete(open.command, { ...resultOf(reply), rows: open.entries, bytes: open.bytes });
        passOn(this.#parts, id, reply);
      });
      return;
    }
    const close = async (): Promise<void> => {
      // What changes names waits until what was written is closed.
      await lane.enter(false);
      try {
        const { code, message } = await closeFile(this.#parts, open);
        this.#parts.handles.remove(open);
        answerStatus(this.#parts, id, code, message);
      } finally {
        lane.leave();
      }
    };
    const closing = close().catch(this.#parts.fail);
    this.#closings.set(open, closing);
  }

  /** The client is gone: what was found in files is still dealt with at the target. Resolves when that is done. */
  async abandon(): Promise<void> {
    for (const open of this.#parts.handles.all) {
      const closing = this.#closings.get(open);
      this.#parts.handles.remove(open);
      if (closing !== undefined) await closing;
      else if (open.type === 'file') await finished(this.#parts, open);
    }
  }
}
