/**
 * The relay of one session: joins the client's side and the server's side, keeps back-pressure, and ends both.
 *
 * Invariants:
 * - Nothing is written to either side but through the Session.
 * - A side that cannot take more stops the other from being read; what is in between is bounded (F-07, F-08).
 * - The session ends once, for whatever reason comes first; a command that still runs then is cancelled (F-09).
 * - Between the parts of a message nothing of our own is said.
 *
 * Deliberately absent: messages (client-side.ts, server-side.ts), what comes before a session (server.ts).
 */
import type { Timer } from '../../base/clock.ts';
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { Wire, WireHandler } from '../../base/wire.ts';
import { coreErrors } from '../../core/errors.ts';
import type { SessionEndReason } from '../../core/event.ts';
import type { Door } from '../../core/protocol.ts';
import type { PendingReview } from '../../core/review.ts';
import type { Command, Session, SessionEnding } from '../../core/session.ts';
import type { ColumnOrigin } from '../../core/sql.ts';
import type { CatalogMember } from './catalog.ts';
import { ClientSide, type ClientSideHost } from './client-side.ts';
import { SessionContext } from './context.ts';
import { ContextAnswer } from './context-answer.ts';
import { Conversation } from './conversation.ts';
import { noticeOfGateway, noticeOfHold, renderEnding } from './denial.ts';
import { postgresErrors } from './errors.ts';
import { contextInspection, readServerContext, type ServerContext } from './inspection.ts';
import * as limits from './limits.ts';
import { ServerSide, type ServerSideHost } from './server-side.ts';
import type { UpstreamReady } from './upstream.ts';

export interface RelayParts {
  readonly session: Session;
  readonly client: Wire;
  readonly ready: Pick<UpstreamReady, 'upstream' | 'cancelUpstream' | 'parameters'>;
  readonly door: Pick<Door, 'clock' | 'log' | 'connection'>;
  readonly catalog: CatalogMember;
  /** What the server said of the session at its start. */
  readonly known: ServerContext | null;
  /** Milliseconds without anything passing after which the session ends. */
  readonly idleMs: number;
  /** The session is over; called once. */
  readonly onOver: () => void;
}

export class Relay implements ClientSideHost, ServerSideHost {
  readonly #parts: RelayParts;
  readonly #session: Session;
  readonly #conversation: Conversation;
  readonly #client: ClientSide;
  readonly #server: ServerSide;
  readonly #context: SessionContext;
  /** While a question of the gateway's own is being answered. */
  #answer: ContextAnswer | null = null;
  /** What the owner of a held command has yet to hear. */
  #notice: { readonly command: Command; readonly view: Buffer } | null = null;
  readonly #idleTimer: Timer;
  #departureTimer: Timer | null = null;
  #upstreamPaused = false;
  /** A cancel is on its way to the server, which is not read meanwhile. */
  #stopping = false;
  #over = false;
  /** What the gateway has to say, once no message of the server is under way. */
  readonly #messages: Buffer[] = [];

  constructor(parts: RelayParts) {
    const { session, idleMs, door } = parts;
    this.#parts = parts;
    this.#session = session;
    this.#conversation = new Conversation(session);
    this.#conversation.standardConformingStrings = !parts.ready.parameters.some(
      ({ parameter, value }) => parameter === 'standard_conforming_strings' && value !== 'on',
    );
    this.#context = new SessionContext(this.#conversation, {
      clock: door.clock,
      catalog: parts.catalog,
      known: parts.known,
      // Nor while the server is not read: the answer would wait for a client that may itself wait.
      mayAsk: () => this.#server.atBoundary && !this.#upstreamPaused && !this.#stopping,
      ask: () => this.#ask(),
      overdue: () => this.#guard('upstream', () => this.#mute()),
      resume: () => this.#guard('client', () => this.#client.pump()),
    });
    this.#conversation.context = this.#context;
    this.#client = new ClientSide(this.#conversation, this);
    this.#server = new ServerSide(this.#conversation, this);
    session.onEnding = (ending) => this.#ending(ending);
    session.onMessage = (text) => this.#say(text);
    session.onHeld = (command, review, waitedMs) => this.#held(command, review, waitedMs);
    session.onDeliverable = () => this.#deliverable();
    session.onForwardable = () => this.#guard('client', () => this.#client.forwardable());
    const interval = Math.min(60_000, Math.max(1_000, idleMs / 4));
    this.#idleTimer = door.clock.every(interval, () => this.#checkIdle(idleMs));
  }

  readonly clientHandler: WireHandler = {
    read: (chunk) => this.#guard('client', () => this.#client.read(chunk)),
    end: () => this.#guard('client', () => this.#client.end()),
    drain: () => this.#session.clientDrained(),
    close: (error) => {
      // Without an error the client has said its end before, and what it asked for is still being done.
      if (this.#departureTimer === null || error !== null) this.lost();
    },
  };

  readonly serverHandler: WireHandler = {
    borrows: true,
    read: (chunk) =>
      this.#guard('upstream', () => {
        if (this.#answer === null) this.#server.read(chunk);
        else this.#readAnswer(this.#answer, chunk);
        this.#sayNotice();
        this.#client.pump();
        this.#leave();
      }),
    end: () => this.#upstreamClosed(),
    drain: () => undefined,
    close: () => this.#upstreamClosed(),
  };

  /** A CancelRequest with this session's key (A-PG-25). Never rejects: its sender learns nothing. */
  async cancel(source: string): Promise<void> {
    if (this.#over) return;
    this.#session.note({ type: 'command.cancel', session: this.#session.id, source });
    let withdrawn = false;
    this.#guard('client', () => {
      withdrawn = this.#client.cancelWaiting();
    });
    if (!withdrawn && !this.#over && this.#conversation.owed > 0) await this.#cancelUpstream();
  }

  // --- What the two sides ask for -------------------------------------------------------------------------------------

  pauseClient(): void {
    this.#parts.client.pause();
  }

  resumeClient(): void {
    this.#parts.client.resume();
  }

  answer(view: Buffer): boolean {
    return this.#session.deliver(view);
  }

  deliver(view: Buffer): boolean {
    const flowing = this.#session.deliver(view);
    if (!flowing && !this.#upstreamPaused && !this.#session.ended) {
      this.#upstreamPaused = true;
      this.#parts.ready.upstream.pause();
    }
    return flowing;
  }

  reportClient(code: string, detail: string): void {
    this.#violation('client', code, detail);
  }

  encodingChanged(value: string): void {
    const error = postgresErrors('postgres.encoding-changed');
    this.#violation('client', error.code, value);
    this.#session.end({ reason: 'violation', message: error.publicMessage, code: error.code, by: null });
  }

  /** A command passed a limit. Until the server has the cancel nothing is read, so that it hits nothing that follows. */
  stopRunning(): void {
    if (this.#over || this.#stopping) return;
    this.#stopping = true;
    const { upstream } = this.#parts.ready;
    upstream.pause();
    void this.#cancelUpstream().then(() => {
      this.#stopping = false;
      if (!this.#upstreamPaused && !this.#over) upstream.resume();
    });
  }

  originOf(tableOid: number, attribute: number): ColumnOrigin | null {
    return this.#context.originOf(tableOid, attribute);
  }

  schedule(): void {
    queueMicrotask(() => this.#guard('client', () => this.#client.pump()));
  }

  /** Terminate is on its way: the server finishes what it does and closes. */
  departed(): void {
    if (this.#departureTimer !== null || this.#over) return;
    this.#departureTimer = this.#parts.door.clock.after(limits.departureDeadlineMs, () => this.lost());
    this.#leave();
  }

  /** The client has said its end: once it has all that it is owed, the disk being as slow as it may, the session is over. */
  #leave(): void {
    if (this.#departureTimer === null || this.#over || this.#conversation.owed > 0) return;
    this.#session.afterDelivered(() => this.#finish('client-closed'));
  }

  /** The client is gone: what waits is withdrawn, what runs is cancelled. */
  lost(): void {
    if (this.#over) return;
    this.#client.abandon();
    void this.#cancelRunning();
    this.#finish('client-closed');
  }

  /** A command waits for a human, now or still: its owner hears so. */
  #held(command: Command, review: PendingReview, waitedMs: number): void {
    const rule = command.judgement?.hold?.rule ?? command.verdict?.rule ?? 'a rule';
    this.#conversation.session.observe({
      type: 'message',
      command: command.ordinal,
      level: 'gateway',
      code: '00000',
      text: `waits for ${review.audience}: review ${review.id}`,
      fields: {},
    });
    this.#notice = { command, view: noticeOfHold(rule, review, waitedMs, this.#parts.door.clock.now()) };
    this.#guard('client', () => {
      this.#sayNotice();
      this.#client.pump();
    });
  }

  /** Within a message of the server nothing else may be said: then the notice waits for its end. */
  #sayNotice(): void {
    if (this.#server.midMessage) return;
    for (const view of this.#messages.splice(0)) this.deliver(view);
    const notice = this.#notice;
    if (notice === null) return;
    this.#notice = null;
    if (notice.command.state === 'pending') this.deliver(notice.view);
  }

  /** A client must take a notice at any time (Message Flow, Asynchronous Operations); psql shows it with its next answer. */
  #say(text: string): void {
    if (this.#over) return;
    this.#messages.push(noticeOfGateway(text));
    if (this.#messages.length > limits.gatewayMessagesMax) this.#messages.shift();
    this.#guard('client', () => {
      this.#session.observe({ type: 'message', command: null, level: 'gateway', code: '00000', text, fields: {} });
      this.#sayNotice();
    });
  }

  // --- The gateway's own questions -------------------------------------------------------------------------------------

  #ask(): void {
    this.#answer = new ContextAnswer();
    this.#session.inspect(contextInspection);
  }

  #readAnswer(reading: ContextAnswer, chunk: Buffer): void {
    const others = reading.take(chunk);
    const { answer } = reading;
    if (answer.done) this.#answer = null;
    for (const other of others) this.#server.read(other);
    if (!answer.done) return;
    // A refused question aborts a transaction, as any refused statement does.
    if (answer.refusal !== null && this.#conversation.status === 'T') this.#conversation.status = 'E';
    this.#context.answered(answer.refusal === null ? readServerContext(answer.rows) : null);
  }

  #mute(): never {
    const { resource } = this.#session;
    throw coreErrors('core.upstream-unreachable', { values: { resource: resource.name }, detail: 'no answer in time' });
  }

  // --- Endings --------------------------------------------------------------------------------------------------------

  #deliverable(): void {
    this.#guard('client', () => {
      if (this.#upstreamPaused) {
        this.#upstreamPaused = false;
        if (!this.#stopping) this.#parts.ready.upstream.resume();
      }
      this.#client.resumed();
    });
  }

  #upstreamClosed(): void {
    if (this.#over) return;
    if (this.#departureTimer !== null) {
      this.#session.afterDelivered(() => this.#finish('client-closed'));
      return;
    }
    const { fatal } = this.#server;
    const { head } = this.#conversation;
    if (head !== undefined && fatal !== null) this.#conversation.settle(head, 'failed');
    // The server said its own goodbye, and the client has it.
    if (fatal !== null) {
      this.#session.afterDelivered(() => this.#finish('upstream-closed'));
      return;
    }
    const error = postgresErrors('postgres.upstream-closed');
    this.#session.end({ reason: 'upstream-closed', message: error.publicMessage, code: error.code, by: null });
  }

  #checkIdle(idleMs: number): void {
    // Behind a Bind whose Execute never comes, nobody but the client is waited for.
    const waiting = this.#conversation.queued > 0 && !this.#client.holding;
    if (this.#over || this.#conversation.owed > 0 || waiting) return;
    if (this.#session.idleMs < idleMs) return;
    this.#session.end({
      reason: 'idle',
      message: 'terminating connection due to idle-session timeout of the gateway',
      code: null,
      by: null,
    });
  }

  /** The session is being ended, from here or elsewhere: the native goodbye. */
  #ending(ending: SessionEnding): void {
    void this.#cancelRunning();
    if (!this.#server.midMessage) this.#session.goodbye(renderEnding(ending));
    this.#finish(ending.reason);
  }

  #finish(reason: SessionEndReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#idleTimer.cancel();
    this.#departureTimer?.cancel();
    this.#client.abandon();
    this.#conversation.abandon();
    this.#context.leave();
    this.#session.finish({ reason, message: '', code: this.#server.fatal, by: null });
    this.#parts.onOver();
  }

  async #cancelRunning(): Promise<void> {
    if (this.#conversation.executing > 0) await this.#cancelUpstream();
  }

  async #cancelUpstream(): Promise<void> {
    try {
      await this.#parts.ready.cancelUpstream();
    } catch (error) {
      // Nobody waits for the outcome: the one who asked learns nothing by protocol, and the session is not at fault.
      const code = isGatewayError(error) ? error.code : null;
      this.#parts.door.log[code === null ? 'error' : 'warn']('cancelling failed', {
        code,
        session: this.#session.id,
        detail: describeError(error),
      });
    }
  }

  /** Runs a step; what it throws ends the session. */
  #guard(side: 'client' | 'upstream', step: () => void): void {
    if (this.#over) return;
    try {
      step();
    } catch (error) {
      this.#failed(side, error);
    }
  }

  #failed(side: 'client' | 'upstream', error: unknown): void {
    // The session failed by itself and has said so.
    if (this.#session.ended) return;
    if (isGatewayError(error) && error.kind === 'protocol') {
      this.#violation(side, error.code, error.detail ?? error.publicMessage);
      const reason = side === 'client' ? 'violation' : 'upstream-violation';
      this.#session.end({ reason, message: error.publicMessage, code: error.code, by: null });
      return;
    }
    const code = isGatewayError(error) ? error.code : null;
    this.#parts.door.log.error('relay failed', { session: this.#session.id, code, detail: describeError(error) });
    const message = isGatewayError(error) ? error.publicMessage : 'The gateway met an internal error.';
    this.#session.end({ reason: 'failed', message, code, by: null });
  }

  #violation(side: 'client' | 'upstream', code: string, detail: string): void {
    const { connection } = this.#parts.door;
    this.#session.note({
      type: 'violation',
      connection: connection.id,
      session: this.#session.id,
      source: connection.source,
      side,
      code,
      detail: detail.slice(0, limits.violationDetailCharactersMax),
    });
  }
}
