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
 * What passes on the session's own two wires is its main flow (flow.ts); a protocol that is `multiplexed` carries flows of
 * its channels inside them instead.
 *
 * Deliberately absent: sockets (a Wire is handed in), protocol knowledge, timers of protocols.
 */
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { describeError, GatewayError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Wire } from '../base/wire.ts';
import type { CommandDraft } from './command.ts';
import { type CommandResult, Commands } from './commands.ts';
import { coreErrors } from './errors.ts';
import type { EventBody, SessionEndReason } from './event.ts';
import { Flow, type FlowEnds, type FlowHost } from './flow.ts';
import type { ClientSide } from './gathering.ts';
import type { OutputLimit } from './judgement.ts';
import * as limits from './limits.ts';
import type { Credentials, Dialler, Journal, Judge, Recording, UpstreamCredential } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Protocol } from './protocol.ts';
import type { RecordingEntry } from './recording.ts';
import type { Resource } from './resource.ts';
import type { PendingReview, Reviews } from './review.ts';
import type { Command } from './run.ts';
import type { Confirmation } from './step-up.ts';
import {
  assertInspection,
  connect,
  type Inspection,
  inspectionOf,
  previewCheck,
  type Upstream,
  upstreamOf,
} from './upstream.ts';

export type { Flow } from './flow.ts';
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
  readonly client: ClientSide;
  /** The resources that lead to this one, nearest first; empty where it is reached by itself. */
  readonly hops: readonly Resource[];
  /** What the client says of itself. */
  readonly clientFacts: Readonly<Record<string, string>>;
  /** The Access that let it in. */
  readonly access: string;
  /** The person's confirmation of its opening, where there was one. */
  readonly confirmation?: Confirmation | null;
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
  /** The person's confirmation of its opening, or null. */
  readonly confirmation: Confirmation | null;
  isPaused = false;
  /** Ends the session natively: the protocol renders the goodbye, then calls `finish`. */
  onEnding: ((ending: SessionEnding) => void) | null = null;
  /** The person whose command is held should hear so, natively: when it is held, and every `heldNoticeIntervalMs` then. */
  onHeld: ((command: Command, review: PendingReview, waitedMs: number) => void) | null = null;
  /** Somebody has something to say to the person; shown natively, named as a message of the gateway. */
  onMessage: ((text: string) => void) | null = null;
  /** The command has run longer than a rule allows: the protocol stops it, as it does when `spend` answers a limit. */
  onOverdue: ((command: Command, limit: OutputLimit) => void) | null = null;

  readonly #parts: SessionParts;
  readonly #startedMonotonicMs: number;
  readonly #commands: Commands;
  #upstream: Wire | null = null;
  /** Of a protocol that spans connections: all that are open. */
  readonly #upstreams = new Set<Wire>();
  #phase: 'opened' | 'handshake' | 'established' | 'ending' | 'ended' = 'opened';
  #ending: SessionEnding | null = null;
  readonly #host: FlowHost;
  /** What passes on the two wires themselves. */
  readonly #main: Flow;
  readonly #flows = new Set<Flow>();
  #forwardedSequence = 0;
  #bytesIn = 0;
  #bytesOut = 0;
  #lastActivityMs: number;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.principal = parts.principal;
    this.resource = parts.resource;
    this.source = parts.source;
    this.confirmation = parts.confirmation ?? null;
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
    this.#host = this.#flowHost();
    this.#main = new Flow(this.#host, {
      toUpstream: (view) => this.#upstream!.write(view),
      toClient: (view) => parts.client.write(view),
    });
    this.#flows.add(this.#main);
    parts.recording.onFailure = (error) => this.#fail('recording-failed', error);
    parts.recording.onReady = () => {
      for (const flow of this.#flows) flow.deliverable();
    };
  }

  get ended(): boolean {
    return this.#phase === 'ending' || this.#phase === 'ended';
  }
  /** What it was opened and confirmed with: revoking any of them ends it. */
  get credentialIds(): readonly string[] {
    const ids = [this.principal.authentication.credentialId, this.confirmation?.credentialId ?? null];
    return ids.filter((id) => id !== null);
  }
  /** Commands submitted so far. */
  get commands(): number {
    return this.#commands.count;
  }
  /** Rows delivered by those that have ended. */
  get rows(): number {
    return this.#commands.rows;
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

  /** The resources that lead to this one, nearest first. */
  get hops(): readonly Resource[] {
    return this.#parts.hops;
  }

  /** The credential to present to the resource, or to a hop; ask at the moment of use and let go of it. */
  credential(of: Resource = this.resource): Promise<UpstreamCredential | null> {
    assert(of === this.resource || this.hops.includes(of), 'a credential of another resource');
    return this.#parts.credentials.reveal(of);
  }

  /**
   * Connects to the resource, or to the first hop on the way. Once per session, unless its protocol spans connections: then
   * for each that it needs, once established. Rejects with `core.upstream-unreachable`.
   */
  async dial(): Promise<Upstream> {
    const { spansConnections } = this.#parts.protocol;
    if (spansConnections === true) return this.#dialMore();
    assert(this.#phase === 'opened', `dial in ${this.#phase}`);
    this.#phase = 'handshake';
    const wire = await connect(this.#parts.dialler, this.hops[0] ?? this.resource);
    if (this.ended) {
      wire.destroy();
      throw coreErrors('core.upstream-unreachable', { values: { resource: this.resource.name } });
    }
    this.#upstream = wire;
    const { multiplexed } = this.#parts.protocol;
    return upstreamOf(
      wire,
      // Enciphered bytes go on after the handshake: what is inside them passes by flows.
      () => assert(this.#phase === 'handshake' || multiplexed === true, `handshake bytes in ${this.#phase}`),
      () => this.#main.upstreamDrained(),
    );
  }

  async #dialMore(): Promise<Upstream> {
    assert(this.#phase === 'established', `dial in ${this.#phase}`);
    const wire = await connect(this.#parts.dialler, this.hops[0] ?? this.resource);
    if (this.ended) {
      wire.destroy();
      throw coreErrors('core.upstream-unreachable', { values: { resource: this.resource.name } });
    }
    for (const one of this.#upstreams) if (one.closed) this.#upstreams.delete(one);
    this.#upstreams.add(wire);
    return upstreamOf(
      wire,
      () => assert(this.#phase === 'established' || this.#phase === 'ending', `upstream bytes in ${this.#phase}`),
      () => {},
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
    const inspections = this.#parts.protocol.inspections ?? [];
    const wire = await connect(this.#parts.dialler, this.resource);
    return inspectionOf(wire, (view) => assertInspection(view, inspections));
  }

  /**
   * A connection to the resource for one question about a command that waits for a human (`Protocol.preview`), of which
   * it carries nothing else after `established`. The caller's to destroy; rejects as `dial` does.
   */
  async dialPreview(command: Command): Promise<Inspection> {
    const { preview } = this.#parts.protocol;
    assert(!this.ended && preview !== undefined, `dialPreview in ${this.#phase}`);
    assert(
      command.state === 'pending' && command.judgement?.hold != null,
      'a question about a command that is not held',
    );
    const wire = await connect(this.#parts.dialler, this.resource);
    return inspectionOf(wire, previewCheck(preview, command.draft.text));
  }

  /** Asks one of the gateway's own questions over the session's own connection; the answer is not the client's. */
  inspect(view: Buffer): void {
    if (this.#phase !== 'established') return;
    assertInspection(view, this.#parts.protocol.inspections ?? []);
    this.#upstream?.write(view);
  }

  /** The handshake is over: from here on nothing passes but commands, housekeeping and output. */
  establish(): void {
    const from = this.#parts.protocol.spansConnections === true ? 'opened' : 'handshake';
    assert(this.#phase === from, `establish in ${this.#phase}`);
    this.#phase = 'established';
  }

  /** See `Commands.submit`. */
  submit(draft: CommandDraft, decided: (command: Command) => void, inTransaction = false): Command {
    if (this.#phase !== 'established') throw coreErrors('core.illegal-forward', { detail: `submit in ${this.#phase}` });
    return this.#commands.submit(draft, decided, inTransaction);
  }

  /** Counts output before it is delivered: see `Commands.spend`. */
  spend(command: Command, rows: number, bytes: number): OutputLimit | null {
    return this.#commands.spend(command, rows, bytes);
  }

  /** The main flow's: see `Flow`. */
  forward(view: Buffer, command: Command): boolean {
    return this.#main.forward(view, command);
  }
  perform<T>(command: Command, act: () => T): T | null {
    return this.#main.perform(command, act);
  }
  forwardHousekeeping(view: Buffer, name: string): boolean {
    return this.#main.forwardHousekeeping(view, name);
  }
  deliver(view: Buffer): boolean {
    return this.#main.deliver(view);
  }
  afterDelivered(act: () => void): void {
    this.#main.afterDelivered(act);
  }
  /** The client's wire drained: the upstream may go on, if nothing else keeps it. */
  clientDrained(): void {
    this.#main.clientDrained();
  }
  // When a `deliver` or `forward` that answered false may go on.
  set onDeliverable(listener: (() => void) | null) {
    this.#main.onDeliverable = listener;
  }
  set onForwardable(listener: (() => void) | null) {
    this.#main.onForwardable = listener;
  }

  /**
   * A flow of its own for a channel inside an enciphered upstream; `closeFlow` when the channel is gone. Its ends are reached
   * through it and in no other way.
   */
  openFlow(ends: FlowEnds): Flow {
    assert(this.#parts.protocol.multiplexed === true, 'a flow of its own in a protocol of plain streams');
    const flow = new Flow(this.#host, ends);
    this.#flows.add(flow);
    return flow;
  }

  /** The channel is gone; what was held for it is dropped. */
  closeFlow(flow: Flow): void {
    flow.drop();
    this.#flows.delete(flow);
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

  /** Tells the pipeline how a command ended: see `Commands.complete`. */
  complete(command: Command, result: CommandResult): void {
    this.#commands.complete(command, result);
  }

  /** Shows the person a message. False where the protocol has no way to. */
  say(text: string): boolean {
    if (this.#phase !== 'established' || this.onMessage === null) return false;
    this.onMessage(text);
    return true;
  }

  /** Reads nothing from the client any more, or goes on; what runs at the target runs on. */
  pause(paused: boolean): boolean {
    if (this.#phase !== 'established' || this.#parts.client.freeze === undefined) return false;
    this.#parts.client.freeze(paused);
    this.isPaused = paused;
    return true;
  }

  /** Journals an act that concerns this session (a cancel request, say). */
  note(event: Extract<EventBody, { type: 'command.cancel' | 'violation' | 'alert.raised' }>): void {
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
    for (const wire of this.#upstreams) wire.pause();
    this.#parts.clock.after(limits.goodbyeDeadlineMs, () => this.finish());
    try {
      if (this.onEnding === null) this.finish();
      else this.onEnding(ending);
    } catch (error) {
      this.#parts.log.error('goodbye failed', { session: this.id, detail: describeError(error) });
      this.finish();
    }
  }

  /** Writes the native goodbye; allowed only while the session is ending. */
  goodbye(view: Buffer): void {
    if (this.#phase === 'ending') this.#parts.client.end(view);
  }

  /** Closes both sides, ends what is pending, seals. Idempotent. `keepClient`: the protocol has yet to tell the client why. */
  finish(ending?: SessionEnding, keepClient = false): void {
    if (this.#phase === 'ended') return;
    const why = this.#ending ??
      ending ?? { reason: 'failed' as const, message: 'The session ended.', code: null, by: null };
    this.#phase = 'ended';
    const { clock, client, recording } = this.#parts;
    this.#commands.abandon();
    for (const flow of this.#flows) flow.drop();
    this.#upstream?.destroy();
    for (const wire of this.#upstreams) wire.destroy();
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

  /** What flows see of the session. */
  #flowHost(): FlowHost {
    const session = this;
    const { journal, protocol, recording, clock } = this.#parts;
    const isStrict = this.resource.recording === 'strict';
    const outputWaits = (): boolean => isStrict && journal.durableSequence < session.#forwardedSequence;
    const afterOutputMay = (callback: () => void): void => {
      journal.afterDurable(session.#forwardedSequence, (error) => {
        if (error !== null) return session.#fail('recording-failed', error);
        if (session.#phase !== 'established') return;
        if (outputWaits()) afterOutputMay(callback);
        else callback();
      });
    };
    return {
      housekeeping: protocol.housekeeping,
      get established() {
        return session.#phase === 'established';
      },
      get congested() {
        return recording.congested;
      },
      get outputWaits() {
        return outputWaits();
      },
      forwarding: (run) => {
        if (run.sequence > session.#forwardedSequence) session.#forwardedSequence = run.sequence;
      },
      count: (bytesIn, bytesOut) => {
        session.#lastActivityMs = clock.monotonic();
        session.#bytesIn += bytesIn;
        session.#bytesOut += bytesOut;
      },
      afterOutputMay,
    };
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
