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
import type { TransactionStatus } from './messages.ts';
import { Fifo, type Request } from './request.ts';
import { Statements } from './statements.ts';

export class Conversation {
  readonly session: Session;
  readonly statements = new Statements();
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

  owe(request: Request): void {
    this.#owed.push(request);
    if (request.kind === 'query' || request.kind === 'execute') this.#executing++;
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

  /** How the request's command ended. Once; later calls and requests without a command change nothing. */
  settle(request: Request, outcome: Exclude<CommandOutcome, 'refused'>): void {
    if (request.statement !== null && request.kind === 'parse' && outcome !== 'completed') {
      this.statements.discard(request.statement);
    }
    const { command } = request;
    if (command === null || request.settled) return;
    request.settled = true;
    this.openCommands--;
    // A refused command ended when it was refused.
    if (command.state === 'refused') return;
    const { tag, error, rows, bytes } = request;
    this.session.complete(command, { outcome, tag, error, rows, bytes });
  }

  /** What the server will not answer any more. */
  abandon(): void {
    while (this.head !== undefined) this.settle(this.answered()!, 'unfinished');
  }
}
