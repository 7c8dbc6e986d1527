/**
 * The connection on which notifications of other gateways arrive (PostgreSQL only).
 *
 * Invariants: a lost connection is noticed within `listenHeartbeatMs` + `listenHeartbeatDeadlineMs`, also when the peer
 * merely stopped answering, and made again for as long as the store is open; each time it is made again, listeners are
 * told to `resync`, because what was sent meanwhile is gone.
 * PostgreSQL documentation: LISTEN, NOTIFY.
 */
import pg from 'pg';
import type { Clock, Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { toStoreError } from './failure.ts';
import {
  connectDeadlineMs,
  listenHeartbeatDeadlineMs,
  listenHeartbeatMs,
  listenRetryMaxMs,
  listenRetryMinMs,
} from './limits.ts';
import { channel, liveChannel, type Notices } from './notices.ts';
import { bounded, clientSettings } from './postgres.ts';

export class Listening {
  readonly #databaseUrl: string;
  readonly #notices: Notices;
  readonly #clock: Clock;
  readonly #log: Log;
  #client: pg.Client | null = null;
  #timer: Timer | null = null;
  #retryMs = listenRetryMinMs;
  #isClosed = false;

  private constructor(databaseUrl: string, notices: Notices, clock: Clock, log: Log) {
    this.#databaseUrl = databaseUrl;
    this.#notices = notices;
    this.#clock = clock;
    this.#log = log;
  }

  /** Rejects where the first connection cannot be made. */
  static async open(databaseUrl: string, notices: Notices, clock: Clock, log: Log): Promise<Listening> {
    const listening = new Listening(databaseUrl, notices, clock, log);
    await listening.#connect();
    return listening;
  }

  /** True while notifications arrive, as far as the last heartbeat knows. */
  get isListening(): boolean {
    return this.#client !== null;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    const client = this.#client;
    this.#client = null;
    if (client !== null) await this.#end(client);
  }

  async #connect(): Promise<void> {
    const client = new pg.Client(clientSettings(this.#databaseUrl));
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', (message) => {
      if (message.channel === channel) this.#notices.receive(message.payload ?? '');
      else if (message.channel === liveChannel) this.#notices.receiveLive(message.payload ?? '');
    });
    try {
      await bounded(client.connect(), connectDeadlineMs, 'connecting to listen', this.#clock);
      await bounded(
        client.query(`listen ${channel}; listen ${liveChannel}`),
        connectDeadlineMs,
        'listening',
        this.#clock,
      );
    } catch (error) {
      await this.#end(client);
      throw toStoreError(error);
    }
    if (this.#isClosed) return this.#end(client);
    this.#client = client;
    this.#retryMs = listenRetryMinMs;
    this.#timer = this.#clock.after(listenHeartbeatMs, () => this.#beat(client));
  }

  #beat(client: pg.Client): void {
    bounded(client.query('select 1'), listenHeartbeatDeadlineMs, 'a heartbeat', this.#clock).then(
      () => {
        if (this.#client === client) this.#timer = this.#clock.after(listenHeartbeatMs, () => this.#beat(client));
      },
      () => this.#lost(client),
    );
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#timer?.cancel();
    void this.#end(client);
    if (this.#isClosed) return;
    this.#log.warn('The connection for notifications of other gateways was lost; connecting again.');
    this.#retryLater();
  }

  #retryLater(): void {
    this.#timer = this.#clock.after(this.#retryMs, () => {
      this.#connect().then(
        () => {
          if (!this.#isClosed) this.#notices.resync();
        },
        (error: unknown) => {
          if (this.#isClosed) return;
          this.#log.warn('Still no connection for notifications.', { detail: describeError(error) });
          this.#retryLater();
        },
      );
    });
    this.#retryMs = Math.min(this.#retryMs * 2, listenRetryMaxMs);
  }

  /** Ends a connection that may be dead already. Never rejects: there is nothing left to do with it. */
  async #end(client: pg.Client): Promise<void> {
    await bounded(client.end(), listenHeartbeatDeadlineMs, 'closing', this.#clock).catch(() => {
      // It was dead already.
    });
  }
}
