/**
 * Revocations as they become known, by this gateway or another, and the proofs that were under way meanwhile.
 *
 * A proof reads the token and finishes later: an exchange of messages may lie in between. What was revoked after
 * `begin` is refused at the end, so that no revocation slips through the gap (I11).
 *
 * Invariant: nothing is forgotten that a proof still under way could need; where too much would have to be remembered,
 * or notices may have been lost, every proof under way fails.
 */
import type { Clock } from '../base/clock.ts';
import * as limits from './limits.ts';
import type { RevocationNotice } from './records.ts';

export class Revocations {
  readonly #clock: Clock;
  readonly #listeners = new Set<(tokenId: string) => void>();
  readonly #resyncListeners = new Set<() => void>();
  /** When each became known, monotonic; in that order. */
  readonly #recent = new Map<string, number>();
  /** Proofs begun in or before this epoch fail. */
  #failedEpoch = -1;
  #epoch = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Marks the beginning of a proof. */
  begin(): { readonly isVoid: (tokenId: string) => boolean } {
    const atMs = this.#clock.monotonic();
    const epoch = this.#epoch;
    return {
      isVoid: (tokenId) =>
        epoch <= this.#failedEpoch ||
        this.#clock.monotonic() - atMs > limits.scramExchangeMaxMs ||
        this.#recent.has(tokenId),
    };
  }

  /** Takes a store's notice. */
  notice(notice: RevocationNotice): void {
    if (notice.type === 'revoked') {
      this.add(notice.ids);
      return;
    }
    this.#failProofsUnderWay();
    for (const listener of [...this.#resyncListeners]) listener();
  }

  /** Takes revocations; each is passed on once, however often it is told. */
  add(ids: readonly string[]): void {
    const nowMs = this.#clock.monotonic();
    for (const [id, atMs] of this.#recent) {
      if (nowMs - atMs <= limits.scramExchangeMaxMs) break;
      this.#recent.delete(id);
    }
    for (const id of ids) {
      if (this.#recent.has(id)) continue;
      if (this.#recent.size >= limits.recentRevocationsMax) {
        this.#recent.clear();
        this.#failProofsUnderWay();
      }
      this.#recent.set(id, nowMs);
      for (const listener of [...this.#listeners]) listener(id);
    }
  }

  onRevoked(listener: (tokenId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  onResync(listener: () => void): () => void {
    this.#resyncListeners.add(listener);
    return () => void this.#resyncListeners.delete(listener);
  }

  #failProofsUnderWay(): void {
    this.#failedEpoch = this.#epoch++;
  }
}
