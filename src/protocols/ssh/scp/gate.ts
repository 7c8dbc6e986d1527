/**
 * The scp gate: stands between the two ends of an `scp -t` or `scp -f` on the target, and makes each file and directory a
 * Command of its own.
 *
 * Invariants:
 * - A record of the end that gives reaches the other only once its Command is released; content follows only a released
 *   file, as many bytes as were said, counted, held to limits, and looked into where a rule has it so.
 * - A status reaches the giving end only for a record that the taking end has seen. So nobody can accept in advance what
 *   is then denied.
 * - A file that is denied is left out, and the rest goes on, for the protocol has an answer for that. What is found in
 *   content, or passes a limit, ends the conversation: within content nothing can be said.
 *
 * Honest limits: paths are exact only with `locate` (paths.ts). An upload that is stopped leaves what was written until
 * then; scp has no means to remove it.
 */
import type { Clock } from '../../../base/clock.ts';
import { describeError, isGatewayError } from '../../../base/errors.ts';
import { escapeLine } from '../../../base/escape.ts';
import type { Command } from '../../../core/session.ts';
import { draftOf, type FileGateHost, Pace, sftpErrors, Transfer } from '../sftp/index.ts';
import { scpDepthMax, scpLineBytesMax } from '../sftp/limits.ts';
import { denial, OpenCommands } from '../sftp/parts.ts';
import { ByteQueue } from './bytes.ts';
import type { ScpCommand } from './command.ts';
import { type Entry, intentOf, type Locate, notLocated, placesOf } from './paths.ts';
import { accepted, readRecord, type ScpRecord, writeError } from './records.ts';

export type ScpGateHost = Omit<FileGateHost, 'question'>;

/** A piece of content as it is taken on. */
const pieceBytesMax = 64 * 1024;

/** One of the two ends. */
interface End {
  readonly side: 'client' | 'upstream';
  readonly bytes: ByteQueue;
  /** Sends to it. Resolves when it takes more. */
  send(view: Buffer, command: Command): Promise<void>;
}

export class ScpGate {
  readonly #host: ScpGateHost;
  readonly #clock: Clock;
  readonly #command: ScpCommand;
  /** The command that runs scp on the target; it was released before there was a gate. */
  readonly #parent: Command;
  readonly #locate: Locate;
  readonly #commands: OpenCommands;
  readonly #client: End;
  readonly #upstream: End;
  /** The ends that give and take files. */
  readonly #giver: End;
  readonly #taker: End;
  readonly #directories: { readonly path: string; readonly command: Command }[] = [];
  /** Times for the next entry: shown to the taker only with it. */
  #times: Buffer | null = null;
  #closed = false;
  #clientDrained: (() => void) | null = null;
  #upstreamDrained: (() => void) | null = null;
  #isClientPaused = false;
  #isUpstreamPaused = false;

  constructor(host: ScpGateHost, clock: Clock, command: ScpCommand, parent: Command, locate: Locate = notLocated) {
    this.#host = host;
    this.#clock = clock;
    this.#command = command;
    this.#parent = parent;
    this.#locate = locate;
    this.#commands = new OpenCommands({ ...bound(host), question: () => true });
    const bytes = (): ByteQueue => new ByteQueue(() => this.#pace());
    this.#client = {
      side: 'client',
      bytes: bytes(),
      send: (view) => (host.deliver(view) ? done : new Promise((resolve) => (this.#clientDrained = resolve))),
    };
    this.#upstream = {
      side: 'upstream',
      bytes: bytes(),
      send: (view, of) => (host.forward(view, of) ? done : new Promise((resolve) => (this.#upstreamDrained = resolve))),
    };
    const isUpload = command.direction === 'upload';
    this.#giver = isUpload ? this.#client : this.#upstream;
    this.#taker = isUpload ? this.#upstream : this.#client;
    void this.#run().then(
      () => this.#close(null),
      (error: unknown) => this.#fail(error),
    );
  }

  /** The chunk belongs to the gate afterwards. */
  fromClient(chunk: Buffer): void {
    this.#client.bytes.push(chunk);
  }

  /** The chunk belongs to the gate afterwards. */
  fromUpstream(chunk: Buffer): void {
    this.#upstream.bytes.push(chunk);
  }

  clientDrained(): void {
    this.#clientDrained?.();
    this.#clientDrained = null;
  }

  upstreamDrained(): void {
    this.#upstreamDrained?.();
    this.#upstreamDrained = null;
  }

  clientEnded(): void {
    this.#client.bytes.end();
    this.clientDrained();
  }

  upstreamEnded(): void {
    this.#upstream.bytes.end();
    this.upstreamDrained();
  }

  /** The command ran longer than a rule allows: ends the conversation, since within content nothing can be said. */
  stop(command: Command, why: string): boolean {
    if (!this.#commands.has(command) || this.#closed) return false;
    this.#host.say(`sallyport: ${escapeLine(why)}`);
    this.#close(null);
    return true;
  }

  /** From the taker's first word to the giver's end. */
  async #run(): Promise<void> {
    const greeting = await this.#status();
    await this.#giver.send(greeting, this.#parent);
    for (;;) {
      const first = await this.#giver.bytes.byte();
      if (first === null) return;
      const line = await this.#giver.bytes.line(scpLineBytesMax);
      const record = readRecord(first, line);
      await this.#record(record, Buffer.concat([Buffer.of(first), line, Buffer.of(0x0a)]));
    }
  }

  async #record(record: ScpRecord, raw: Buffer): Promise<void> {
    switch (record.type) {
      case 'times':
        // Answered here: the taker hears of it with the entry, if that is allowed.
        this.#times = raw;
        return this.#giver.send(accepted, this.#parent);
      case 'error':
        await this.#taker.send(raw, this.#parent);
        if (record.isFatal) this.#giver.bytes.end();
        return;
      case 'end': {
        const directory = this.#directories.pop();
        if (directory === undefined) throw sftpErrors('scp.malformed', { detail: 'the end of no directory' });
        await this.#taker.send(raw, directory.command);
        const status = await this.#status();
        this.#commands.complete(directory.command, { outcome: isAccepted(status) ? 'completed' : 'failed' });
        return this.#giver.send(status, this.#parent);
      }
      case 'file':
      case 'directory':
        return this.#entry(record as Entry, raw);
    }
  }

  async #entry(entry: Entry, raw: Buffer): Promise<void> {
    if (this.#directories.length >= scpDepthMax) throw sftpErrors('scp.malformed', { detail: 'directories too deep' });
    if (entry.type === 'directory' && !this.#command.recursive) {
      throw sftpErrors('scp.malformed', { detail: 'a directory that was not asked for' });
    }
    const times = this.#times;
    this.#times = null;
    const places = await this.#placesOf(entry);
    const draft = draftOf(intentOf(entry, places, this.#command.direction), 'scp', async () => {
      const now = intentOf(entry, await this.#placesOf(entry), this.#command.direction);
      return { language: 'file', file: now.meaning };
    });
    const { command, released } = this.#commands.submit({ ...draft, of: this.#parent.ordinal });
    if (!(await released)) return this.#denied(command);
    for (const view of times === null ? [raw] : [times, raw]) {
      await this.#taker.send(view, command);
      const status = await this.#status();
      if (isAccepted(status) && view !== raw) continue;
      if (!isAccepted(status)) {
        this.#commands.complete(command, { outcome: 'failed', error: 'scp' });
        return this.#giver.send(status, this.#parent);
      }
      await this.#giver.send(status, this.#parent);
    }
    // Of several places that it may be at, names below are joined to the last: the one inside the path that was given.
    if (entry.type === 'directory') this.#directories.push({ path: places.at(-1)!.path, command });
    else await this.#content(entry, command, places.at(-1)!.path);
  }

  #placesOf(entry: Entry) {
    return placesOf(entry, this.#directories.at(-1)?.path ?? null, this.#command, this.#locate);
  }

  /** The giver leaves the entry out; whoever sits at the client reads why. */
  async #denied(command: Command): Promise<void> {
    const { line } = denial(command);
    const message = writeError(escapeLine(line).slice(0, 1000));
    if (this.#giver === this.#client) return this.#giver.send(message, this.#parent);
    await this.#taker.send(message, this.#parent);
    await this.#giver.send(writeError('denied by the gateway'), this.#parent);
  }

  // --- Content ------------------------------------------------------------------------------------------------------

  async #content(entry: Entry, command: Command, path: string): Promise<void> {
    const transfer = new Transfer();
    const inspector = this.#host.inspector(command, this.#command.direction);
    const pace = this.#paceOf(command);
    const held = new Held();
    let taken = 0;
    const stopped = (why: string): Error => {
      this.#summary(command, transfer, entry, 'failed');
      const upload = this.#command.direction === 'upload';
      const left = upload ? ' What was sent until then is at the target.' : '';
      this.#host.say(`sallyport: ${escapeLine(path)}: ${why}${left}`);
      return sftpErrors('sftp.closed', { detail: 'stopped by a rule' });
    };
    const release = async (bytes: number): Promise<void> => {
      for (const piece of held.take(bytes)) {
        const limit = this.#host.spend(command, 0, piece.length);
        if (limit !== null) throw stopped(`${limit.reason} (rule ${limit.rule})`);
        transfer.add(transfer.bytes, piece);
        await this.#taker.send(piece, command);
      }
    };
    while (taken < entry.size) {
      const piece = await this.#giver.bytes.take(Math.min(pieceBytesMax, entry.size - taken));
      // The giver is gone, or nobody is there to take it.
      if (piece === null || this.#taker.bytes.isOver) throw sftpErrors('sftp.closed');
      taken += piece.length;
      held.push(piece);
      const finding = inspector?.push(piece);
      if (finding?.stop != null) throw stopped(`${finding.stop.reason} (rule ${finding.stop.rule})`);
      await release(Math.min(finding?.clearBytes ?? taken, taken) - transfer.bytes);
      const waitMs = pace?.take(piece.length) ?? 0;
      if (waitMs > 0) await new Promise<void>((resolve) => void this.#clock.after(waitMs, resolve));
    }
    const ending = await this.#statusFrom(this.#giver);
    const finding = inspector?.end();
    if (finding?.stop != null) throw stopped(`${finding.stop.reason} (rule ${finding.stop.rule})`);
    await release(taken - transfer.bytes);
    await this.#taker.send(ending, command);
    const status = await this.#status();
    this.#summary(command, transfer, entry, isAccepted(ending) && isAccepted(status) ? 'completed' : 'failed');
    await this.#giver.send(status, this.#parent);
  }

  #paceOf({ judgement }: Command): Pace | null {
    const rates = (judgement?.limits ?? []).flatMap(({ bytesPerSecond }) => bytesPerSecond ?? []);
    return rates.length === 0 ? null : new Pace(this.#clock, Math.min(...rates));
  }

  #summary(command: Command, transfer: Transfer, entry: Entry, outcome: 'completed' | 'failed'): void {
    const { bytes, isWhole, sha256, ranges } = transfer.summary(entry.size);
    const digest = sha256 ?? ranges[0]?.sha256;
    const whole = isWhole ? 'whole' : `of ${entry.size} bytes`;
    const tag = `${this.#command.direction} ${bytes} bytes, ${whole}${digest === undefined ? '' : `, sha256 ${digest}`}`;
    this.#commands.complete(command, { outcome, tag, bytes, error: outcome === 'failed' ? 'scp' : null });
  }

  // --- Both ends ----------------------------------------------------------------------------------------------------

  /** The taker's word on what it was sent. */
  #status(): Promise<Buffer> {
    return this.#statusFrom(this.#taker);
  }

  async #statusFrom(end: End): Promise<Buffer> {
    const first = await end.bytes.byte();
    if (first === null) throw sftpErrors('sftp.closed');
    if (first === 0) return accepted;
    if (first !== 1 && first !== 2) {
      throw sftpErrors('scp.malformed', { detail: `a status of ${first} from the ${end.side}` });
    }
    const line = await end.bytes.line(scpLineBytesMax);
    return Buffer.concat([Buffer.of(first), line, Buffer.of(0x0a)]);
  }

  #pace(): void {
    if (this.#closed) return;
    const [client, upstream] = [this.#client.bytes.isFull, this.#upstream.bytes.isFull];
    if (client !== this.#isClientPaused) {
      this.#isClientPaused = client;
      this.#host.pauseClient(client);
    }
    if (upstream !== this.#isUpstreamPaused) {
      this.#isUpstreamPaused = upstream;
      this.#host.pauseUpstream(upstream);
    }
  }

  #fail(error: unknown): void {
    if (isGatewayError(error) && error.kind === 'protocol') {
      this.#host.violation(this.#giver.side, error.code, describeError(error));
      this.#host.say(`sallyport: ${error.publicMessage}`);
    }
    const isClosed = isGatewayError(error) && error.code === 'sftp.closed';
    this.#close(isClosed ? null : error instanceof Error ? error : new Error(String(error)));
  }

  #close(error: Error | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#commands.abandon();
    this.#host.closed(error);
  }
}

const done: Promise<void> = Promise.resolve();

function isAccepted(status: Buffer): boolean {
  return status[0] === 0;
}

/** Methods of the host that stay its own when they are spread. */
function bound(host: ScpGateHost): ScpGateHost {
  return {
    submit: (draft, decided) => host.submit(draft, decided),
    spend: (command, rows, bytes) => host.spend(command, rows, bytes),
    complete: (command, result) => host.complete(command, result),
    observe: (entry) => host.observe(entry),
    inspector: (command, direction) => host.inspector(command, direction),
    forward: (view, command) => host.forward(view, command),
    deliver: (view) => host.deliver(view),
    say: (line) => host.say(line),
    pauseClient: (paused) => host.pauseClient(paused),
    pauseUpstream: (paused) => host.pauseUpstream(paused),
    violation: (side, code, detail) => host.violation(side, code, detail),
    closed: (error) => host.closed(error),
  };
}

/** Content that was taken and not yet let on. */
class Held {
  #pieces: Buffer[] = [];

  push(piece: Buffer): void {
    this.#pieces.push(piece);
  }

  take(bytes: number): Buffer[] {
    const taken: Buffer[] = [];
    let left = bytes;
    while (left > 0) {
      const first = this.#pieces[0]!;
      const piece = first.length <= left ? first : first.subarray(0, left);
      if (piece.length === first.length) this.#pieces.shift();
      else this.#pieces[0] = first.subarray(left);
      taken.push(piece);
      left -= piece.length;
    }
    return taken;
  }
}
