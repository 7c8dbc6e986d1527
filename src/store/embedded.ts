/**
 * The embedded engine, seen from the main thread: one connection, handed out in order of asking.
 *
 * Invariants: whoever holds the connection is alone with it, transactions included; every statement and every wait for
 * a turn has a deadline; when the thread dies, or does not answer in time, everything pending and everything later is
 * rejected with `store.failed`. Nothing hangs, and nothing is tried again: the state of the one connection is not known.
 */
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import type { FromWorker, ToWorker } from './embedded-messages.ts';
import type { Engine, EngineConnection, EngineResult } from './engine.ts';
import { storeErrors } from './errors.ts';
import { toStoreError } from './failure.ts';
import { acquireDeadlineMs, closeDeadlineMs, openDeadlineMs, queryDeadlineMs, waitersMax } from './limits.ts';
import type { Unsubscribe } from './types.ts';
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

export class EmbeddedEngine implements Engine {
  readonly name = 'embedded';
  readonly #clock: Clock;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #waiters: Waiter[] = [];
  readonly #listeners = new Set<(failure: Error) => void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #nextId = 1;
  #taken = false;
  #closing: Promise<void> | null = null;
  /** What everything is rejected with once the thread is gone: a failure, or an end that was asked for. */
  #dead: Error | null = null;
  #failure: Error | null = null;

  private constructor(directory: string, clock: Clock) {
    this.#clock = clock;
    // A build rewrites sources to .js, and a URL is not an import that it would see.
    const file = import.meta.url.endsWith('.ts') ? './embedded-worker.ts' : './embedded-worker.js';
    this.#worker = new Worker(new URL(file, import.meta.url), { workerData: { directory }, name: 'store' });
    this.#worker.on('message', (message: FromWorker) => this.#onMessage(message));
    this.#worker.on('error', (error) => this.#fail('store.failed', `the thread threw ${error.name}`));
    this.#worker.on('messageerror', () => this.#fail('store.failed', 'a message could not be read'));
    this.#worker.on('exit', (code) => {
      this.#exited.resolve();
      this.#fail('store.failed', `the thread ended with code ${code}`);
    });
    this.#ready.promise.catch(() => {
      // Whoever opens awaits this; a failure before that must not count as unhandled.
    });
  }

  /** Opens or creates the database in `directory`. Rejects with `store.in-use` or `store.cannot-open`. */
  static async open(directory: string, clock: Clock): Promise<EmbeddedEngine> {
    const engine = new EmbeddedEngine(directory, clock);
    try {
      await withDeadline(engine.#ready.promise, openDeadlineMs, 'opening the embedded database', clock);
      return engine;
    } catch (error) {
      engine.#fail('store.cannot-open', 'opening took too long');
      await engine.#exited.promise;
      throw engine.#dead ?? error;
    }
  }

  get failure(): Error | null {
    return this.#failure;
  }

  /** The thread's id, for tests that end it. */
  get worker(): Worker {
    return this.#worker;
  }

  onFailure(listener: (failure: Error) => void): Unsubscribe {
    if (this.#failure !== null) listener(this.#failure);
    else this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  acquire(): Promise<EngineConnection> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
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
      const timer = this.#clock.after(acquireDeadlineMs, () => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        reject(storeErrors('store.busy', { detail: `no turn within ${acquireDeadlineMs} ms` }));
      });
      this.#waiters.push(waiter);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#refuseWaiters(storeErrors('store.closed'));
    if (this.#dead === null) this.#post({ type: 'close' });
    try {
      await withDeadline(this.#exited.promise, closeDeadlineMs, 'closing the embedded database', this.#clock);
    } catch {
      // Not an error for the caller: what was committed is written, and the lock dies with the thread.
      await this.#worker.terminate();
    }
  }

  #refusal(): Error | null {
    return this.#closing === null ? this.#dead : storeErrors('store.closed');
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
      discard: () => this.#fail('store.failed', 'a transaction could not be rolled back'),
    };
  }

  #query(sql: string, parameters: readonly (string | null)[]): Promise<EngineResult> {
    // Statements of transactions that are under way may finish while the store closes; the thread handles in order.
    if (this.#dead !== null) return Promise.reject(this.#dead);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const deadline = this.#clock.after(queryDeadlineMs, () =>
        this.#fail('store.failed', `a statement took longer than ${queryDeadlineMs} ms`),
      );
      this.#pending.set(id, { resolve, reject, deadline });
      this.#post({ type: 'query', id, sql, parameters });
    });
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    pending?.deadline.cancel();
    this.#pending.delete(id);
    return pending;
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#ready.resolve();
        return;
      case 'result': {
        const pending = this.#take(message.id);
        try {
          pending?.resolve(decode(message));
        } catch (error) {
          pending?.reject(toStoreError(error));
        }
        return;
      }
      case 'refused':
        this.#take(message.id)?.reject(toStoreError(message.error));
        return;
      case 'fatal':
        this.#fail(message.code, message.detail);
        return;
      case 'closed':
        return;
    }
  }

  #refuseWaiters(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  /** Ends the engine once. An end that was asked for is no failure. */
  #fail(code: 'store.failed' | 'store.in-use' | 'store.cannot-open', detail: string): void {
    if (this.#dead !== null) return;
    const isFailure = this.#closing === null;
    const error = isFailure ? storeErrors(code, { detail }) : storeErrors('store.closed');
    this.#dead = error;
    this.#ready.reject(error);
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
    this.#refuseWaiters(error);
    void this.#worker.terminate();
    if (!isFailure) return;
    this.#failure = error;
    for (const listener of this.#listeners) listener(error);
    this.#listeners.clear();
  }
}
