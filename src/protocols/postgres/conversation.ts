/**
 * What both sides of the relay know of one conversation: which answers are owed, and what the server is doing.
 *
 * Requests that were forwarded wait in `#owed`, in order, until the server has answered them; so each answer belongs to
 * exactly one request, and so to one command.
 *
 * Invariants:
 * - Every command that was submitted is settled once: completed, failed, refused, or withdrawn.
 * - What the server skips after an error was not executed: its commands are withdrawn.
 *
 * Deliberately absent: bytes (client-side.ts, server-side.ts), endings (relay.ts).
 * Source: PostgreSQL documentation, chapters 54.2.2 to 54.2.6.
 */
import type { CommandOutcome } from '../../core/event.ts';
import type { Session } from '../../core/session.ts';
import type { SessionContext } from './context.ts';
import type { TransactionStatus } from './messages.ts';
import { Fifo, type Request } from './request.ts';
import { Statements } from './statements.ts';

export class Conversation {
  readonly session: Session;
  readonly statements = new Statements();
  /** What statements mean here; null where nothing is analysed, and then nothing is known of any. */
  context: SessionContext | null = null;
  readonly #owed = new Fifo<Request>();
  /** As the last ReadyForQuery said. */
  status: TransactionStatus = 'I';
  /** The Query or Execute whose COPY takes data from the client, until the client ends it or the server fails it. */
  copyIn: Request | null = null;
  /** The server skips what comes until Sync, and no Sync is on its way. */
  skipping = false;
  /** As ParameterStatus says; off changes where strings end, and with them statements (A-PG-14). */
  standardConformingStrings = true;
  /** Extended messages forwarded since the last Sync: an implicit transaction may be open although the status is idle. */
  unsynced = 0;
  /** Commands submitted and not settled. */
  openCommands = 0;
  /** Requests of the client that wait for their decision. */
  queued = 0;
  /** Of those, Query and Execute messages. */
  queuedCommands = 0;
  /** Commands submitted that were held when they were judged, and have not been settled. */
  waitingForReview = 0;
  #executing = 0;

  constructor(session: Session) {
    this.session = session;
  }

  /** Forwarded messages whose answer is owed. */
  get owed(): number {
    return this.#owed.length;
  }

  /** Owed answers that may begin a COPY. */
  get executing(): number {
    return this.#executing;
  }

  /** The request that the server is answering. */
  get head(): Request | undefined {
    return this.#owed.first;
  }

  /** Nothing is on its way and no transaction is open: the gateway may answer in the server's stead. */
  get quiescent(): boolean {
    return this.#owed.length === 0 && this.unsynced === 0 && this.status !== 'T';
  }

  /** A command that waits now may make others wait: a transaction is open, or may be once what is on its way has run. */
  get mayHoldLocks(): boolean {
    return this.status !== 'I' || this.unsynced > 0 || this.#executing > 0 || this.queuedCommands > 0;
  }

  owe(request: Request): void {
    this.#owed.push(request);
    if (request.kind === 'query' || request.kind === 'execute') this.#executing++;
  }

  /** The first Query or Execute whose answer is owed: what the server is doing, or comes to next. */
  get running(): Request | undefined {
    for (let index = 0; index < this.#owed.length; index++) {
      const request = this.#owed.at(index)!;
      if (request.kind === 'query' || request.kind === 'execute') return request;
    }
    return undefined;
  }

  /** A Sync was forwarded whose ReadyForQuery has not come. */
  get syncOwed(): boolean {
    for (let index = 0; index < this.#owed.length; index++) if (this.#owed.at(index)!.kind === 'sync') return true;
    return false;
  }

  /** The head has been answered. */
  answered(): Request | undefined {
    const request = this.#owed.shift();
    if (request !== undefined && (request.kind === 'query' || request.kind === 'execute')) this.#executing--;
    return request;
  }

  /** Takes the request behind the head, which the server swallowed. */
  takeSecond(): Request | undefined {
    const head = this.answered();
    const second = this.answered();
    if (head !== undefined) {
      this.#owed.unshift(head);
      if (head.kind === 'query' || head.kind === 'execute') this.#executing++;
    }
    return second;
  }

  get second(): Request | undefined {
    return this.#owed.at(1);
  }

  /**
   * The extended request at the head failed with `error`: the server skips to the next Sync. A Bind or Describe has no
   * command of its own; the Execute that it was for then counts as the one that failed.
   */
  failedUntilSync(error: string): void {
    let blame = this.head?.command === null;
    let first = true;
    for (let next = this.head; next !== undefined && next.kind !== 'sync'; next = this.head) {
      this.answered();
      const failed = first || (blame && next.kind === 'execute');
      if (failed && next.command !== null) blame = false;
      if (failed) next.error = error;
      this.settle(next, failed ? 'failed' : 'withdrawn');
      first = false;
    }
    if (this.head === undefined) this.skipping = true;
  }

  /** A parameter of the session has another value, as ParameterStatus says. */
  parameterChanged(name: string, value: string): void {
    if (name === 'standard_conforming_strings') this.standardConformingStrings = value === 'on';
    this.context?.parameterChanged(name);
  }

  /** How the request's command ended. Once; later calls and requests without a command change nothing. */
  settle(request: Request, outcome: Exclude<CommandOutcome, 'refused'>): void {
    if (request.statement !== null && request.kind === 'parse' && outcome !== 'completed') {
      this.statements.discard(request.statement);
    }
    if (request.portal !== null && request.kind === 'bind' && outcome !== 'completed') {
      this.statements.unbind(request.portal);
    }
    this.#complete(request, outcome);
    // ReadyForQuery answers these, and only these.
    if (request.kind === 'query' || request.kind === 'sync') this.context?.ready();
  }

  #complete(request: Request, outcome: Exclude<CommandOutcome, 'refused'>): void {
    const { command } = request;
    if (command === null || request.settled) return;
    request.settled = true;
    this.openCommands--;
    if (request.wasHeld) this.waitingForReview--;
    // A refused command ended when it was refused.
    if (command.state === 'refused') return;
    if (request.kind !== 'parse') this.context?.commandEnded(command.draft.meaning, outcome === 'failed');
    const { tag, error, rows, bytes } = request;
    this.session.complete(command, { outcome, tag, error, rows, bytes, masked: request.output?.plan?.masked });
  }

  /** What the server will not answer any more. */
  abandon(): void {
    while (this.head !== undefined) this.settle(this.answered()!, 'unfinished');
  }
}
