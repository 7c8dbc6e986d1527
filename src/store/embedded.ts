/**
 * The embedded engine, seen from the main thread, which owns its thread.
 *
 * Invariant: when the thread dies, or does not answer in time, everything pending and everything later is rejected with
 * `store.failed`. Nothing hangs, and nothing is tried again: the state of the one connection is not known.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { withDeadline } from '../base/deadline.ts';
import { EmbeddedCalls } from './embedded-calls.ts';
import type { FromWorker, ToWorker } from './embedded-messages.ts';
import type { Engine, EngineConnection } from './engine.ts';
import { storeErrors } from './errors.ts';
import { closeDeadlineMs, openDeadlineMs } from './limits.ts';
import type { StoreShare } from './share.ts';
import type { Unsubscribe } from './types.ts';

export class EmbeddedEngine implements Engine {
  readonly name = 'embedded';
  readonly #clock: Clock;
  readonly #worker: Worker;
  readonly #calls: EmbeddedCalls;
  readonly #listeners = new Set<(failure: Error) => void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();
  #closing: Promise<void> | null = null;
  /** What everything is rejected with once the thread is gone: a failure, or an end that was asked for. */
  #dead: Error | null = null;
  #failure: Error | null = null;

  private constructor(directory: string, clock: Clock) {
    this.#clock = clock;
    this.#calls = new EmbeddedCalls({
      clock,
      send: (message) => this.#post(message),
      onLost: (detail) => this.#fail('store.failed', detail),
    });
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
    return this.#calls.acquire();
  }

  /** A port by which another thread asks the engine's thread directly. It closes with either. */
  share(): StoreShare {
    const { port1, port2 } = new MessageChannel();
    if (this.#closing !== null || this.#dead !== null) port1.close();
    else this.#post({ type: 'share', port: port1 }, [port1]);
    return { engine: 'embedded', port: port2 };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Statements of transactions that are under way may finish while the store closes; the thread handles in order.
    this.#calls.refuse(storeErrors('store.closed'));
    if (this.#dead === null) this.#post({ type: 'close' });
    try {
      await withDeadline(this.#exited.promise, closeDeadlineMs, 'closing the embedded database', this.#clock);
    } catch {
      // Not an error for the caller: what was committed is written, and the lock dies with the thread.
      await this.#worker.terminate();
    }
  }

  #post(message: ToWorker, transfer: readonly MessagePort[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#ready.resolve();
        return;
      case 'result':
      case 'refused':
        this.#calls.settle(message);
        return;
      case 'fatal':
        this.#fail(message.code, message.detail);
        return;
      case 'closed':
        return;
    }
  }

  /** Ends the engine once. An end that was asked for is no failure. */
  #fail(code: 'store.failed' | 'store.in-use' | 'store.cannot-open', detail: string): void {
    if (this.#dead !== null) return;
    const isFailure = this.#closing === null;
    const error = isFailure ? storeErrors(code, { detail }) : storeErrors('store.closed');
    this.#dead = error;
    this.#ready.reject(error);
    this.#calls.fail(error);
    void this.#worker.terminate();
    if (!isFailure) return;
    this.#failure = error;
    for (const listener of this.#listeners) listener(error);
    this.#listeners.clear();
  }
}
