/**
 * Alerts on their way into the store: gathered, written in batches, tried until the store took them.
 *
 * Invariants: an alert before what is added to it; nothing is dropped; what waits is bounded by whoever adds (`isFull`), who reads
 * the journal no further then. Each write is idempotent, so that after a crash the same may come again.
 */
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { AlertUpdate, NewAlert, Store } from '../store/index.ts';
import * as limits from './limits.ts';

/** Alerts of one transaction. */
const batchMax = 500;

export interface AlertWriterParts {
  readonly store: Pick<Store, 'alerts'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Something was written. */
  readonly onWritten?: () => void;
}

export class AlertWriter {
  readonly #parts: AlertWriterParts;
  #alerts: NewAlert[] = [];
  /** The latest of each alert. */
  #updates = new Map<string, AlertUpdate>();
  #writing: Promise<void> | null = null;
  #isBehind = false;

  constructor(parts: AlertWriterParts) {
    this.#parts = parts;
  }

  /** Alerts and changes of them that the store does not have yet. */
  get waiting(): number {
    return this.#alerts.length + this.#updates.size;
  }

  get isFull(): boolean {
    return this.waiting >= limits.alertsWaitingMax;
  }

  raise(alert: NewAlert): void {
    this.#alerts.push(alert);
    this.#begin();
  }

  update(update: AlertUpdate): void {
    this.#updates.set(update.id, update);
    this.#begin();
  }

  /** Resolves once all that was added is written: true; or false where the store did not take it now. */
  async settled(): Promise<boolean> {
    await this.#writing;
    if (this.waiting === 0) return true;
    this.#isBehind = false;
    this.#begin();
    await this.#writing;
    return this.waiting === 0;
  }

  #begin(): void {
    if (this.#writing !== null || this.#isBehind || this.waiting === 0) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = null;
    });
  }

  async #write(): Promise<void> {
    const { store, clock, log, onWritten } = this.#parts;
    // What comes together is written together.
    await Promise.resolve();
    while (this.waiting > 0) {
      const alerts = this.#alerts.slice(0, batchMax);
      const isLast = alerts.length === this.#alerts.length;
      const updates = isLast ? [...this.#updates.values()].slice(0, batchMax) : [];
      try {
        await store.alerts.write(alerts, updates);
      } catch (error) {
        log.warn('alerts wait: the store does not take them', { detail: describeError(error) });
        this.#isBehind = true;
        clock.after(limits.alertRetryMs, () => {
          this.#isBehind = false;
          this.#begin();
        });
        return;
      }
      this.#alerts = this.#alerts.slice(alerts.length);
      // What was added meanwhile stays.
      for (const update of updates) if (this.#updates.get(update.id) === update) this.#updates.delete(update.id);
      onWritten?.();
    }
  }
}
