/**
 * The Session: the only way by which a protocol reaches its target, the rules and the record (I3).
 *
 * A protocol calls `dial` once, does its handshake on the returned Upstream, then `establish`. From there on bytes go
 * to the target only by `forward` behind a released Command, as a declared housekeeping message, or as one of the
 * gateway's own declared questions (`inspect`), and to the client only by `deliver`.
 *
 * Invariants:
 * - I1: in strict, `forward` of a command that may have an effect is possible only after its intent is durable, and
 *   `deliver` holds output back until the intents of all forwarded commands are.
 * - I2: when journal, recording or judge fail, the session ends; nothing passes.
 * - Every command that was submitted ends in exactly one `command.ended`.
 *
 * Deliberately absent: sockets (a Wire is handed in), protocol knowledge, timers of protocols.
 */
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { describeError, GatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { regionOf } from '../base/regions.ts';
import type { Wire } from '../base/wire.ts';
import type { CommandDraft } from './command.ts';
import { type CommandResult, Commands } from './commands.ts';
import { coreErrors } from './errors.ts';
import type { EventBody, SessionEndReason } from './event.ts';
import type { OutputLimit } from './judgement.ts';
import * as limits from './limits.ts';
import type { Credentials, Dialler, Journal, Judge, Recording, UpstreamCredential } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Protocol } from './protocol.ts';
import type { RecordingEntry } from './recording.ts';
import type { Resource } from './resource.ts';
import type { PendingReview, Reviews } from './review.ts';
import type { Command, CommandRun } from './run.ts';
import { assertInspection, connect, type Inspection, inspectionOf, type Upstream, upstreamOf } from './upstream.ts';

export type { Command } from './run.ts';
export type { Inspection, Upstream } from './upstream.ts';

export interface SessionParts {
  readonly id: string;
  readonly source: string;
  readonly connection: string;
  readonly principal: Principal;
  readonly resource: Resource;
  readonly protocol: Protocol;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
  readonly recording: Recording;
  readonly judge: Judge;
  readonly reviews: Reviews;
  readonly credentials: Credentials;
  readonly dialler: Dialler;
  readonly client: Wire;
  /** What the client says of itself. */
  readonly clientFacts: Readonly<Record<string, string>>;
  /** The Access that let it in. */
  readonly access: string;
  /** Called when the session is over and sealed. */
  readonly onSealed: (session: Session) => void;
}

/** Why a session ends, for the native goodbye and for the journal. */
export interface SessionEnding {
  readonly reason: SessionEndReason;
  /** What the person is told. */
  readonly message: string;
  readonly code: string | null;
  /** Name of the principal who ended it, or null. */
  readonly by: string | null;
}

export class Session {
  readonly id: string;
  readonly principal: Principal;
  readonly resource: Resource;
  readonly source: string;
  readonly startedAtMs: number;
  /** Ends the session natively: the protocol renders the goodbye, then calls `finish`. */
  onEnding: ((ending: SessionEnding) => void) | null = null;
  /** Called when a `deliver` or `forward` that answered false may go on. */
  onDeliverable: (() => void) | null = null;
  onForwardable: (() => void) | null = null;
  /**
   * The person whose command is held should hear so, natively: called when it is held and every
   * `heldNoticeIntervalMs` while it is.
   */
  onHeld: ((command: Command, review: PendingReview, waitedMs: number) => void) | null = null;
  /** The command has run longer than a rule allows: the protocol stops it, as it does when `spend` answers a limit. */
  onOverdue: ((command: Command, limit: OutputLimit) => void) | null = null;

  readonly #parts: SessionParts;
  readonly #startedMonotonicMs: number;
  readonly #commands: Commands;
  #upstream: Wire | null = null;
  #phase: 'opened' | 'handshake' | 'established' | 'ending' | 'ended' = 'opened';
  #ending: SessionEnding | null = null;
  #forwardedSequence = 0;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** The client's wire answered false, and its `drain` has not come. */
  #clientFull = false;
  #bytesIn = 0;
  #bytesOut = 0;
  #lastActivityMs: number;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.principal = parts.principal;
    this.resource = parts.resource;
    this.source = parts.source;
    this.startedAtMs = parts.clock.now();
    this.#startedMonotonicMs = parts.clock.monotonic();
    this.#lastActivityMs = this.#startedMonotonicMs;
    this.#commands = new Commands(parts, {
      session: this,
      established: () => this.#phase === 'established',
      active: () => {
        this.#lastActivityMs = parts.clock.monotonic();
      },
      fail: (reason, error) => this.#fail(reason, error),
    });
    parts.recording.onFailure = (error) => this.#fail('recording-failed', error);
    parts.recording.onReady = () => this.#deliverable();
  }

  get ended(): boolean {
    return this.#phase === 'ending' || this.#phase === 'ended';
  }
  /** Commands submitted so far. */
  get commands(): number {
    return this.#commands.count;
  }
  get bytesIn(): number {
    return this.#bytesIn;
  }
  get bytesOut(): number {
    return this.#bytesOut;
  }
  /** Monotonic milliseconds since anything passed either way. */
  get idleMs(): number {
    return this.#parts.clock.monotonic() - this.#lastActivityMs;
  }

  /** The credential to present; ask at the moment of use and let go of it. */
  credential(): Promise<UpstreamCredential | null> {
    return this.#parts.credentials.reveal(this.resource);
  }

  /** Connects to the resource. Once per session. Rejects with `core.upstream-unreachable`. */
  async dial(): Promise<Upstream> {
    assert(this.#phase === 'opened', `dial in ${this.#phase}`);
    this.#phase = 'handshake';
    const wire = await connect(this.#parts.dialler, this.resource);
    if (this.ended) {
      wire.destroy();
      throw coreErrors('core.upstream-unreachable', { values: { resource: this.resource.name } });
    }
    this.#upstream = wire;
    return upstreamOf(
      wire,
      () => assert(this.#phase === 'handshake', `handshake bytes in ${this.#phase}`),
      () => this.onForwardable?.(),
    );
  }

  /**
   * A second connection to the resource for a request that the protocol sends beside the session (PostgreSQL's
   * CancelRequest, say), while the session is established or ends. It carries at most `asideBytesMax` bytes, so that no
   * command fits through it, and is the caller's to destroy. Rejects as `dial` does.
   */
  async dialAside(): Promise<Upstream> {
    assert(this.#phase === 'established' || this.#phase === 'ending', `dialAside in ${this.#phase}`);
    let bytesLeft = limits.asideBytesMax;
    return upstreamOf(
      await connect(this.#parts.dialler, this.resource),
      (bytes) => {
        bytesLeft -= bytes;
        assert(bytesLeft >= 0, 'more than a request beside the session');
      },
      () => {},
    );
  }

  /**
   * A connection to the resource for the gateway's own questions (`Protocol.inspections`), which several sessions may share.
   * After `established` it carries nothing but those very bytes. The caller's to destroy; rejects as `dial` does.
   */
  async dialInspection(): Promise<Inspection> {
    assert(!this.ended, `dialInspection in ${this.#phase}`);
    return inspectionOf(await connect(this.#parts.dialler, this.resource), this.#parts.protocol.inspections ?? []);
  }

  /** Asks one of the gateway's own questions over the session's own connection; the answer is not the client's. */
  inspect(view: Buffer): void {
    if (this.#phase !== 'established') return;
    assertInspection(view, this.#parts.protocol.inspections ?? []);
    this.#upstream?.write(view);
  }

  /** The handshake is over: from here on nothing passes but commands, housekeeping and output. */
  establish(): void {
    assert(this.#phase === 'handshake', `establish in ${this.#phase}`);
    this.#phase = 'established';
  }

  /** Puts a command through the command stages: see `Commands.submit`. */
  submit(draft: CommandDraft, decided: (command: Command) => void, inTransaction = false): Command {
    if (this.#phase !== 'established') throw coreErrors('core.illegal-forward', { detail: `submit in ${this.#phase}` });
    return this.#commands.submit(draft, decided, inTransaction);
  }

  /** Counts output before it is delivered: see `Commands.spend`. */
  spend(command: Command, rows: number, bytes: number): OutputLimit | null {
    return this.#commands.spend(command, rows, bytes);
  }

  /**
   * Sends client bytes to the target: whole messages up to and including those of `command`, which must be released,
   * as must all before it that were not refused. False: wait for `onForwardable`.
   */
  forward(view: Buffer, command: Command): boolean {
    const run = command as CommandRun;
    if (this.#phase !== 'established') return true;
    if (run.state !== 'released') {
      throw coreErrors('core.illegal-forward', { detail: `forward of a command that is ${run.state}` });
    }
    if (run.sequence > this.#forwardedSequence) this.#forwardedSequence = run.sequence;
    return this.#toUpstream(view);
  }

  /** Sends a message that carries no command. `name` must stand in the protocol's list. */
  forwardHousekeeping(view: Buffer, name: string): boolean {
    if (this.#phase !== 'established') return true;
    if (!this.#parts.protocol.housekeeping.includes(name)) {
      throw coreErrors('core.illegal-forward', { detail: `${name} is not housekeeping` });
    }
    return this.#toUpstream(view);
  }

  /** Records what output means, before it is delivered. Buffers are borrowed for the call. */
  observe(entry: RecordingEntry): void {
    try {
      this.#parts.recording.append(entry);
    } catch (error) {
      this.#fail('recording-failed', error);
      throw error;
    }
  }

  /**
   * Sends output to the client once every forwarded command's intent is durable. The view belongs to the session
   * afterwards. False: pause the upstream until `onDeliverable`.
   */
  deliver(view: Buffer): boolean {
    if (this.#phase !== 'established') return true;
    const { journal, client, recording } = this.#parts;
    this.#lastActivityMs = this.#parts.clock.monotonic();
    if (
      this.resource.recording === 'strict' &&
      (this.#held.length > 0 || journal.durableSequence < this.#forwardedSequence)
    ) {
      // The wire that it was read from may read over it once this call is over.
      this.#held.push(regionOf(view) === null ? view : Buffer.from(view));
      this.#heldBytes += view.length;
      if (this.#held.length === 1) this.#releaseHeldAfter(this.#forwardedSequence);
      return this.#heldBytes < limits.heldOutputBytesMax;
    }
    this.#bytesOut += view.length;
    if (!client.write(view)) this.#clientFull = true;
    return !this.#clientFull && !recording.congested;
  }

  /** Tells the pipeline how a command ended: see `Commands.complete`. */
  complete(command: Command, result: CommandResult): void {
    this.#commands.complete(command, result);
  }

  /** Journals an act that concerns this session (a cancel request, say). */
  note(event: Extract<EventBody, { type: 'command.cancel' | 'violation' }>): void {
    this.#append(event);
  }

  /**
   * Ends the session from outside or inside. The protocol says goodbye natively (`onEnding`) and calls `finish`; if it
   * does not within `goodbyeDeadlineMs`, both connections are dropped (I11).
   */
  end(ending: SessionEnding): void {
    if (this.ended) return;
    this.#phase = 'ending';
    this.#ending = ending;
    this.#upstream?.pause();
    this.#parts.clock.after(limits.goodbyeDeadlineMs, () => this.finish());
    if (this.onEnding === null) {
      this.finish();
      return;
    }
    try {
      this.onEnding(ending);
    } catch (error) {
      this.#parts.log.error('goodbye failed', { session: this.id, detail: describeError(error) });
      this.finish();
    }
  }

  /** Writes the native goodbye; allowed only while the session is ending. */
  goodbye(view: Buffer): void {
    if (this.#phase === 'ending') this.#parts.client.end(view);
  }

  /**
   * Both sides are done with: closes them, ends what was pending, seals the recording. Idempotent.
   * `keepClient` leaves the client's wire to the protocol, which has yet to say why there is no session.
   */
  finish(ending?: SessionEnding, keepClient = false): void {
    if (this.#phase === 'ended') return;
    const why = this.#ending ??
      ending ?? { reason: 'failed' as const, message: 'The session ended.', code: null, by: null };
    this.#phase = 'ended';
    const { clock, client, recording } = this.#parts;
    this.#commands.abandon();
    this.#held = [];
    this.#upstream?.destroy();
    if (!keepClient) {
      client.end();
      clock.after(limits.goodbyeDeadlineMs, () => client.destroy());
    }
    void recording.close().then(
      () => this.#sealed(why, why.code),
      (error: unknown) => {
        this.#parts.log.error('recording could not be sealed', { session: this.id, detail: describeError(error) });
        this.#sealed(why, 'core.recording-failed');
      },
    );
  }

  /** The last event of the session; a recording that could not be sealed shows as its code. */
  #sealed(why: SessionEnding, code: string | null): void {
    this.#append({
      type: 'session.ended',
      session: this.id,
      reason: why.reason,
      code,
      by: why.by,
      commands: this.#commands.count,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      durationMs: Math.round(this.#parts.clock.monotonic() - this.#startedMonotonicMs),
    });
    this.#parts.onSealed(this);
  }

  #toUpstream(view: Buffer): boolean {
    assert(this.#upstream !== null, 'forward without upstream');
    this.#lastActivityMs = this.#parts.clock.monotonic();
    this.#bytesIn += view.length;
    return this.#upstream.write(view);
  }

  #releaseHeldAfter(sequence: number): void {
    this.#parts.journal.afterDurable(sequence, (error) => {
      if (error !== null) return this.#fail('recording-failed', error);
      if (this.#phase !== 'established') return;
      if (this.#parts.journal.durableSequence < this.#forwardedSequence) {
        return this.#releaseHeldAfter(this.#forwardedSequence);
      }
      const held = this.#held;
      this.#held = [];
      this.#bytesOut += this.#heldBytes;
      this.#heldBytes = 0;
      const view = held.length === 1 ? held[0]! : Buffer.concat(held);
      if (!this.#parts.client.write(view)) this.#clientFull = true;
      this.#deliverable();
    });
  }

  /** The client's wire drained, the recording caught up, or held output left: the upstream may go on. */
  clientDrained(): void {
    this.#clientFull = false;
    this.#deliverable();
  }

  #deliverable(): void {
    if (this.#held.length === 0 && !this.#parts.recording.congested && !this.#clientFull) {
      this.onDeliverable?.();
    }
  }

  #append(event: EventBody): void {
    try {
      this.#parts.journal.append(event);
    } catch (error) {
      this.#fail('recording-failed', error);
    }
  }

  #fail(reason: SessionEndReason, error: unknown): void {
    if (this.ended) return;
    const known = error instanceof GatewayError ? error : coreErrors('core.recording-failed', { cause: error });
    this.#parts.log.error('session failed', { session: this.id, code: known.code, detail: describeError(error) });
    this.end({ reason, message: known.publicMessage, code: known.code, by: null });
  }
}
