/**
 * Something of a provider that is fetched and kept for a while: its discovery document, its keys (F-06).
 *
 * Invariants: one request at a time, whoever waits; after a failure nothing is asked for a pause that grows, plus up to half
 * of it by chance, so that gateways do not come back together; what was fetched before serves for `staleMs` at most. Time is
 * monotonic (F-15).
 *
 * Deliberately absent: what is fetched, timers (nothing is fetched unless somebody asks).
 */
import type { Clock } from '../../base/clock.ts';
import * as limits from '../limits.ts';

export interface KeptParts<T> {
  readonly clock: Clock;
  readonly fetch: () => Promise<T>;
  readonly freshMs: number;
  readonly staleMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
}

export class Kept<T> {
  readonly #parts: KeptParts<T>;
  #value: { readonly value: T; readonly atMs: number } | null = null;
  #pending: Promise<T> | null = null;
  #failure: { readonly error: unknown; readonly pauseMs: number; readonly untilMs: number } | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: KeptParts<T>) {
    this.#parts = parts;
  }

  /** Rejects as `fetch` does, where nothing fresh enough is kept. */
  async get(): Promise<T> {
    const ageMs = this.#ageMs();
    if (this.#value !== null && ageMs < this.#parts.freshMs) return this.#value.value;
    try {
      return await this.#ask();
    } catch (error) {
      if (this.#value !== null && ageMs < this.#parts.staleMs) return this.#value.value;
      throw error;
    }
  }

  /** Looks again, where the last look is long enough ago: true where there is something newer than `known` now. */
  async lookAgain(known: T): Promise<boolean> {
    if (this.#value !== null && this.#value.value !== known) return true;
    const nowMs = this.#parts.clock.monotonic();
    if (this.#pending === null && nowMs - this.#askedAtMs < limits.keysLookPauseMs) return false;
    await this.#ask();
    return true;
  }

  #ageMs(): number {
    return this.#value === null ? Number.POSITIVE_INFINITY : this.#parts.clock.monotonic() - this.#value.atMs;
  }

  async #ask(): Promise<T> {
    const nowMs = this.#parts.clock.monotonic();
    if (this.#pending === null) {
      if (this.#failure !== null && nowMs < this.#failure.untilMs) throw this.#failure.error;
      this.#askedAtMs = nowMs;
      this.#pending = this.#fetch();
    }
    return this.#pending;
  }

  async #fetch(): Promise<T> {
    const { clock, random } = this.#parts;
    try {
      const value = await this.#parts.fetch();
      this.#value = { value, atMs: clock.monotonic() };
      this.#failure = null;
      return value;
    } catch (error) {
      const before = this.#failure?.pauseMs ?? limits.providerPauseMs / 2;
      const pauseMs = Math.min(before * 2, limits.providerPauseMaxMs);
      this.#failure = { error, pauseMs, untilMs: clock.monotonic() + pauseMs * (1 + random() / 2) };
      throw error;
    } finally {
      this.#pending = null;
    }
  }
}
