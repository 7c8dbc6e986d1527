/**
 * History for another thread of this process, which asks the database by itself: PostgreSQL on connections of its own, the
 * embedded engine's thread on a port of its own. The main thread has no part in it.
 *
 * Deliberately absent: migrations (the main thread's store made them), and everything but history and what it is joined with.
 */
import type { MessagePort } from 'node:worker_threads';
import { Kysely } from 'kysely';
import type { Clock } from '../base/clock.ts';
import { EngineDialect } from './dialect.ts';
import { EmbeddedCalls } from './embedded-calls.ts';
import type { FromWorker } from './embedded-messages.ts';
import type { Engine, EngineConnection } from './engine.ts';
import { storeErrors } from './errors.ts';
import { HistoryRepository } from './history/history.ts';
import { SessionRepository } from './repositories/sessions.ts';
import type { Schema } from './schema.ts';
import type { Store, Unsubscribe } from './types.ts';

/** What goes to the other thread; a port is transferred with it. */
export type StoreShare =
  | { readonly engine: 'embedded'; readonly port: MessagePort }
  | { readonly engine: 'postgres'; readonly databaseUrl: string };

export interface SharedStore extends Pick<Store, 'history' | 'sessions' | 'onFailure'> {
  close(): Promise<void>;
}

/** Opens what the main thread shared. Rejects while the database does not answer; a port serves once. */
export async function openShared(share: StoreShare, clock: Clock): Promise<SharedStore> {
  const engine = share.engine === 'embedded' ? new GuestEngine(share.port, clock) : await postgres(share, clock);
  const db = new Kysely<Schema>({ dialect: new EngineDialect(engine) });
  try {
    const history = await HistoryRepository.open(db, clock);
    return {
      history,
      sessions: new SessionRepository(db, null),
      onFailure: (listener) => engine.onFailure(listener),
      close: () => engine.close(),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Its driver is loaded only where it is used: the thread begins the sooner. */
async function postgres({ databaseUrl }: Extract<StoreShare, { engine: 'postgres' }>, clock: Clock): Promise<Engine> {
  const { PostgresEngine } = await import('./postgres.ts');
  return await PostgresEngine.open(databaseUrl, clock);
}

/** The embedded engine as a thread sees it that does not own it. */
class GuestEngine implements Engine {
  readonly name = 'embedded';
  readonly #port: MessagePort;
  readonly #calls: EmbeddedCalls;
  readonly #listeners = new Set<(failure: Error) => void>();
  #isClosed = false;
  #failure: Error | null = null;

  constructor(port: MessagePort, clock: Clock) {
    this.#port = port;
    this.#calls = new EmbeddedCalls({
      clock,
      send: (message) => port.postMessage(message),
      onLost: (detail) => this.#fail(detail),
    });
    port.on('message', (message: FromWorker) => {
      if (message.type === 'result' || message.type === 'refused') this.#calls.settle(message);
    });
    port.on('close', () => this.#fail('the engine’s thread is gone'));
  }

  get failure(): Error | null {
    return this.#failure;
  }

  onFailure(listener: (failure: Error) => void): Unsubscribe {
    if (this.#failure !== null) listener(this.#failure);
    else this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  acquire(): Promise<EngineConnection> {
    return this.#calls.acquire();
  }

  share(): StoreShare {
    throw storeErrors('store.closed', { detail: 'what is shared cannot be shared again' });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#calls.fail(storeErrors('store.closed'));
    this.#port.close();
  }

  #fail(detail: string): void {
    if (this.#isClosed || this.#failure !== null) return;
    this.#failure = storeErrors('store.failed', { detail });
    this.#calls.fail(this.#failure);
    this.#port.close();
    for (const listener of this.#listeners) listener(this.#failure);
  }
}
