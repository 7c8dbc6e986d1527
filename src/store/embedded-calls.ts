/**
 * What asks the embedded engine's thread: one connection, handed out in order of asking, and the statements under way on it.
 *
 * Invariants: whoever holds the connection is alone with it, as far as this thread goes (embedded-turns.ts sees to the others);
 * every statement and every wait for a turn has a deadline; once it failed, everything pending and everything later is rejected.
 *
 * Deliberately absent: threads and ports (whoever owns one hands messages in and takes them out).
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { FromWorker, ToWorker } from './embedded-messages.ts';
import type { EngineConnection, EngineResult } from './engine.ts';
import { storeErrors } from './errors.ts';
import { toStoreError } from './failure.ts';
import { acquireDeadlineMs, queryDeadlineMs, waitersMax } from './limits.ts';
import { parserOf } from './values.ts';

interface Pending {
  readonly resolve: (result: EngineResult) => void;
  readonly reject: (error: Error) => void;
  readonly deadline: Timer;
}

interface Waiter {
  readonly grant: () => void;
  readonly reject: (error: Error) => void;
}

export interface EmbeddedCallsParts {
  readonly clock: Clock;
  send(message: ToWorker): void;
  /** The state of the connection is not known any more: answered by `fail`. */
  onLost(detail: string): void;
}

export class EmbeddedCalls {
  readonly #parts: EmbeddedCallsParts;
  readonly #pending = new Map<number, Pending>();
  readonly #waiters: Waiter[] = [];
  #nextId = 1;
  #taken = false;
  /** Why nobody gets the connection any more. */
  #refusal: Error | null = null;
  #dead: Error | null = null;

  constructor(parts: EmbeddedCallsParts) {
    this.#parts = parts;
  }

  acquire(): Promise<EngineConnection> {
    if (this.#refusal !== null) return Promise.reject(this.#refusal);
    if (!this.#taken) {
      this.#taken = true;
      return Promise.resolve(this.#connection());
    }
    if (this.#waiters.length >= waitersMax) {
      return Promise.reject(storeErrors('store.busy', { detail: `${waitersMax} callers wait` }));
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        grant: () => {
          timer.cancel();
          resolve(this.#connection());
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      const timer = this.#parts.clock.after(acquireDeadlineMs, () => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        reject(storeErrors('store.busy', { detail: `no turn within ${acquireDeadlineMs} ms` }));
      });
      this.#waiters.push(waiter);
    });
  }

  /** What the thread answered to a statement. */
  settle(message: Extract<FromWorker, { type: 'result' | 'refused' }>): void {
    const pending = this.#take(message.id);
    if (message.type === 'refused') {
      pending?.reject(toStoreError(message.error));
      return;
    }
    try {
      pending?.resolve(decode(message));
    } catch (error) {
      pending?.reject(toStoreError(error));
    }
  }

  /** Nobody gets the connection any more. Statements of transactions that are under way may finish. */
  refuse(error: Error): void {
    this.#refusal = error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** Everything that is under way, and everything later, is rejected. */
  fail(error: Error): void {
    this.#dead = error;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
    this.refuse(error);
  }

  #connection(): EngineConnection {
    let isHeld = true;
    const giveBack = (): void => {
      if (!isHeld) return;
      isHeld = false;
      const next = this.#waiters.shift();
      if (next === undefined) this.#taken = false;
      else next.grant();
    };
    return {
      query: (sql, parameters) => this.#query(sql, parameters),
      release: giveBack,
      // There is no other connection to go on with.
      discard: () => this.#parts.onLost('a transaction could not be rolled back'),
    };
  }

  #query(sql: string, parameters: readonly (string | null)[]): Promise<EngineResult> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const deadline = this.#parts.clock.after(queryDeadlineMs, () =>
        this.#parts.onLost(`a statement took longer than ${queryDeadlineMs} ms`),
      );
      this.#pending.set(id, { resolve, reject, deadline });
      this.#parts.send({ type: 'query', id, sql, parameters });
    });
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    pending?.deadline.cancel();
    this.#pending.delete(id);
    return pending;
  }
}

function decode(message: Extract<FromWorker, { type: 'result' }>): EngineResult {
  const parsers = message.types.map(parserOf);
  const rows = message.rows.map((cells) => {
    const row: Record<string, unknown> = {};
    for (const [at, name] of message.names.entries()) {
      const cell = cells[at] ?? null;
      row[name] = cell === null ? null : parsers[at]!(cell);
    }
    return row;
  });
  return { rows, affectedRows: message.affectedRows, command: message.command };
}
