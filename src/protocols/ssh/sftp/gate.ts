/**
 * The file gate: stands between an SFTP client and the real server, takes the bytes of both, and lets through what rules
 * allow. No sockets and no waiting of its own: bytes in, calls on its host out (host.ts).
 *
 * ```
 *  client ──fromClient──► frames ► requests ─┬─ paths, look-ups ─► resolve ► Command ─┐
 *                                            └─ open handles ─► lane ► count, inspect ─┼─ forward ─► server
 *  client ◄──deliver── replies ◄── count, check names, inspect ◄── conversation ◄── fromUpstream ─┘
 * ```
 *
 * Invariants:
 * - Nothing of a client's reaches the server but a request that this gate wrote (or a WRITE whose id and handle it set),
 *   behind a released command. What is unknown is answered here (A-SSH-13).
 * - Nothing of the server's reaches the client but the answer to a request of the client, read to its end and found well
 *   formed. VERSION shows only extensions of the closed list.
 * - Memory is bounded: when too many requests or bytes wait, or either side does not read, the client is not read.
 * - After an error of a peer the gate is dead: nothing more is read, sent or answered.
 *
 * Specification: draft-ietf-secsh-filexfer-02 (version 3); OpenSSH PROTOCOL, section 4.
 */
import type { Clock } from '../../../base/clock.ts';
import { describeError, isGatewayError } from '../../../base/errors.ts';
import { ownedOf } from '../../../base/regions.ts';
import type { Command } from '../../../core/session.ts';
import { extensions, isKnownExtension, packet, protocolVersion, status } from './constants.ts';
import { Contents } from './contents.ts';
import { Conversation } from './conversation.ts';
import { cutFile } from './cut.ts';
import { sftpErrors } from './errors.ts';
import { FrameReader } from './frames.ts';
import { Handles } from './handles.ts';
import type { FileGateHost } from './host.ts';
import { PathLane } from './lane.ts';
import * as limits from './limits.ts';
import { Lookups } from './lookups.ts';
import { answerStatus, type GateParts, OpenCommands } from './parts.ts';
import { Paths } from './paths.ts';
import { readVersion, type Version, writeReply, writeVersion } from './replies.ts';
import { type Request, readInit, readRequest, writeInit } from './requests.ts';
import { Resolver } from './resolve.ts';
import { clampLimits } from './server-limits.ts';

type State = 'starting' | 'asked-version' | 'got-version' | 'open' | 'ending' | 'closed';

export class FileGate {
  readonly #host: FileGateHost;
  readonly #conversation: Conversation;
  readonly #fromClient = new FrameReader('lends');
  readonly #fromUpstream = new FrameReader('lends');
  readonly #commands: OpenCommands;
  readonly #clock: Clock;
  #state: State = 'starting';
  /** Set once the server's version is known. */
  #parts: GateParts | null = null;
  #paths: Paths | null = null;
  #contents: Contents | null = null;
  /** What the server answers to limits@openssh.com, no more than ours; null where it has none. */
  #limits: Buffer | null = null;
  #offered: ReadonlySet<string> = new Set();
  #pending = 0;
  #waitingBytes = 0;
  #upstreamFull = false;
  #clientFull = false;
  #isClientPaused = false;

  constructor(host: FileGateHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
    this.#commands = new OpenCommands(host);
    this.#conversation = new Conversation(clock, {
      forward: (view, command) => {
        if (!host.forward(view, command)) this.#upstreamIsFull();
      },
      question: (view) => {
        if (!host.question(view)) this.#upstreamIsFull();
      },
      overdue: (error) => this.#fail(error),
    });
  }

  /** Requests of the client that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  /** Bytes of the client's channel. The chunk belongs to the gate afterwards; one in a region during the call only. */
  fromClient(chunk: Buffer): void {
    if (this.#state === 'closed' || this.#state === 'ending') return;
    try {
      this.#fromClient.push(chunk, (frame) => this.#clientFrame(frame));
    } catch (error) {
      this.#broken('client', error);
    }
  }

  /** Bytes of the server's channel; as `fromClient`. */
  fromUpstream(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    try {
      this.#fromUpstream.push(chunk, (frame) => this.#upstreamFrame(frame));
    } catch (error) {
      this.#broken('upstream', error);
    }
  }

  upstreamDrained(): void {
    this.#upstreamFull = false;
    this.#pace();
  }

  clientDrained(): void {
    if (!this.#clientFull) return;
    this.#clientFull = false;
    this.#host.pauseUpstream(false);
    this.#pace();
  }

  /**
   * The command ran longer than a rule allows (`Session.onOverdue`), or must stop for another reason: nothing more of its
   * file passes. False where it is none that is open here.
   */
  stop(command: Command, why: string): boolean {
    const parts = this.#parts;
    const open = parts?.handles.all.find((one) => one.command === command);
    if (parts === null || open === undefined) return false;
    if (open.type === 'file') cutFile(parts, open, why);
    else open.cut = why;
    return true;
  }

  /** The client is done or gone. Files in which something was found are dealt with; then `closed` is called. */
  clientEnded(): void {
    if (this.#state === 'closed' || this.#state === 'ending') return;
    this.#state = 'ending';
    this.#clock.after(limits.cleanupDeadlineMs, () => this.#close(null));
    const abandoned = this.#contents?.abandon() ?? Promise.resolve();
    void abandoned.then(
      () => this.#close(null),
      (error: unknown) => this.#fail(error),
    );
  }

  /** The server is gone. */
  upstreamEnded(): void {
    this.#close(null);
  }

  // --- Client -------------------------------------------------------------------------------------------------------

  #clientFrame(lent: Buffer): void {
    if (this.#state === 'closed' || this.#state === 'ending') return;
    // Content passes; what else a client says is kept in parts.
    const frame = lent[4] === packet.SSH_FXP_WRITE ? lent : ownedOf(lent);
    if (this.#state === 'starting') {
      // A client of a higher version is told ours, as every server does.
      if (readInit(frame).version < protocolVersion) throw sftpErrors('sftp.version');
      this.#state = 'asked-version';
      if (!this.#host.question(writeInit(protocolVersion))) this.#upstreamIsFull();
      return;
    }
    const parts = this.#parts;
    if (this.#state !== 'open' || parts === null || frame[4] === packet.SSH_FXP_INIT) {
      throw sftpErrors('sftp.unexpected-message', { detail: `type ${frame[4]} in ${this.#state}` });
    }
    const request = readRequest(frame);
    this.#pending++;
    this.#dispatch(request, frame, parts);
    this.#pace();
  }

  #dispatch(request: Request, frame: Buffer, parts: GateParts): void {
    switch (request.type) {
      case 'unsupported':
        answerStatus(parts, request.id, request.status, request.why);
        return;
      case 'limits':
        if (this.#limits === null) {
          this.#unsupported(parts, request.id);
          return;
        }
        parts.answer(writeReply({ type: 'extended', id: request.id, data: this.#limits }));
        return;
      case 'close':
      case 'fstat':
      case 'readdir':
      case 'read':
      case 'write':
      case 'fsetstat':
        this.#contents!.take(request, frame);
        return;
      case 'fstatvfs':
      case 'fsync':
      case 'copy-data':
        if (!this.#isOffered(request.type)) {
          this.#unsupported(parts, request.id);
          return;
        }
        this.#contents!.take(request, frame);
        return;
      default:
        if (!this.#isOffered(request.type)) {
          this.#unsupported(parts, request.id);
          return;
        }
        void this.#paths!.run(request).catch((error: unknown) => this.#fail(error));
    }
  }

  /** True for what version 3 itself has, and for extensions that the server offers. */
  #isOffered(type: Request['type']): boolean {
    const name = isKnownExtension(type) ? type : `${type}@openssh.com`;
    return !isKnownExtension(name) || this.#offered.has(name);
  }

  #unsupported(parts: GateParts, id: number): void {
    answerStatus(parts, id, status.SSH_FX_OP_UNSUPPORTED, 'The target does not offer this extension.');
  }

  // --- Server -------------------------------------------------------------------------------------------------------

  #upstreamFrame(frame: Buffer): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'starting') throw sftpErrors('sftp.unexpected-message', { detail: 'before INIT' });
    if (this.#state !== 'asked-version') {
      this.#conversation.take(frame);
      return;
    }
    const version = readVersion(ownedOf(frame));
    if (version.version !== protocolVersion) {
      throw sftpErrors('sftp.version', { detail: `version ${version.version}` });
    }
    this.#state = 'got-version';
    void this.#begin(version).catch((error: unknown) => this.#fail(error));
  }

  /** Asks where relative paths begin and what the server can take; then the client gets its VERSION. */
  async #begin({ extensions: all }: Version): Promise<void> {
    const conversation = this.#conversation;
    const offered = all.filter(([name, value]) => isKnownExtension(name) && extensions[name] === value);
    this.#offered = new Set(offered.map(([name]) => name));
    const ask = conversation.ask.bind(conversation);
    const reply = await ask({ type: 'realpath', path: '.' });
    const said = reply.type === 'name' ? (reply.entries[0]?.name.toString('latin1') ?? '/') : '/';
    const start = (await new Resolver(ask, '/').resolve(said, true)).path;
    if (this.#offered.has('limits@openssh.com')) {
      const answer = await ask({ type: 'limits' });
      this.#limits = answer.type === 'extended' ? clampLimits(answer.data) : null;
    }
    if (this.#state !== 'got-version') return;
    const parts = this.#makeParts(new Resolver(ask, start === '/' ? '' : start));
    this.#parts = parts;
    this.#contents = new Contents(parts);
    this.#paths = new Paths(parts, new Lookups(parts), this.#contents);
    this.#state = 'open';
    this.#deliver(writeVersion({ version: protocolVersion, extensions: offered }));
  }

  #makeParts(resolver: Resolver): GateParts {
    return {
      host: this.#host,
      clock: this.#clock,
      conversation: this.#conversation,
      commands: this.#commands,
      handles: new Handles(),
      lane: new PathLane(),
      resolver,
      answer: (view) => {
        this.#pending--;
        this.#deliver(view);
        this.#pace();
      },
      waiting: (bytes) => {
        this.#waitingBytes += bytes;
        this.#pace();
      },
      fail: (error) => this.#fail(error),
    };
  }

  // --- Flow ---------------------------------------------------------------------------------------------------------

  #deliver(view: Buffer): void {
    if (this.#state === 'closed' || this.#state === 'ending') return;
    if (this.#host.deliver(view) || this.#clientFull) return;
    this.#clientFull = true;
    this.#host.pauseUpstream(true);
    this.#pace();
  }

  #upstreamIsFull(): void {
    this.#upstreamFull = true;
    this.#pace();
  }

  /** Reads the client only while there is room for what it may send (A-SSH-17). */
  #pace(): void {
    if (this.#state === 'closed') return;
    const isFull =
      this.#upstreamFull ||
      this.#clientFull ||
      this.#pending >= limits.pendingRequestsMax ||
      this.#waitingBytes >= limits.pendingBytesMax;
    if (isFull === this.#isClientPaused) return;
    this.#isClientPaused = isFull;
    this.#host.pauseClient(isFull);
  }

  // --- The end ------------------------------------------------------------------------------------------------------

  #broken(side: 'client' | 'upstream', error: unknown): void {
    if (isGatewayError(error) && error.kind === 'protocol') {
      this.#host.violation(side, error.code, describeError(error));
    }
    this.#fail(error);
  }

  #fail(error: unknown): void {
    // Who still waited when the gate closed has nothing to tell.
    if (this.#state === 'closed') return;
    this.#close(error instanceof Error ? error : new Error(String(error)));
  }

  #close(error: Error | null): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#conversation.close(sftpErrors('sftp.closed'));
    this.#commands.abandon();
    this.#host.closed(error);
  }
}
