/**
 * Cancel keys: the gateway's own, never the upstream's (A-PG-25).
 *
 * | version | process id       | secret          | what a guess must hit           |
 * |---------|------------------|-----------------|---------------------------------|
 * | 3.0     | 31 bits, random  | 4 bytes, random | both, and the client's address  |
 * | 3.2     | 31 bits, random  | 32 bytes        | both                            |
 *
 * Invariants:
 * - A request never learns whether it hit: nothing is answered, and the connection is closed either way.
 * - Secrets are compared in constant time; a process id that is not known costs the same comparison.
 * - A key dies with its session, at once, so that it never reaches a later one (A-PG-26).
 * - Wrong keys are counted per address, and an address with too many is ignored for a while. All counts are bounded.
 *
 * Deliberately absent: how the upstream is told (upstream.ts).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import * as limits from './limits.ts';

export interface CancelKey {
  readonly processId: number;
  readonly key: Buffer;
  /** The session is over: the key is worthless from here on. */
  release(): void;
}

interface Entry {
  readonly digest: Buffer;
  readonly source: string;
  readonly bound: boolean;
  readonly cancel: (source: string) => Promise<void>;
}

/** What became of a request, for the journal; the client never learns it. */
export type CancelOutcome = 'cancelled' | 'unknown' | 'ignored';

export class CancelRegistry {
  readonly #clock: Clock;
  readonly #entries = new Map<number, Entry>();
  readonly #misses = new Map<string, { count: number; sinceMs: number }>();
  readonly #decoy = digest(randomBytes(limits.cancelSecretBytes));

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Keys in use. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Makes a key for a session of protocol 3.`minor` whose client is at `source`. `cancel` is called for each request
   * that presents it, with the address it came from; it must not reject.
   */
  register(minor: number, source: string, cancel: (source: string) => Promise<void>): CancelKey {
    const key = randomBytes(minor >= 2 ? limits.cancelSecretBytes : 4);
    let processId: number;
    do processId = randomBytes(4).readUInt32BE() & 0x7fff_ffff;
    while (processId === 0 || this.#entries.has(processId));
    // The short keys of 3.0 travel in clear with older clients and are worth guessing: they count from the address of
    // their session only. The long ones stand for themselves.
    const entry: Entry = { digest: digest(key), source, bound: minor < 2, cancel };
    this.#entries.set(processId, entry);
    return {
      processId,
      key,
      release: () => {
        if (this.#entries.get(processId) === entry) this.#entries.delete(processId);
      },
    };
  }

  /** Acts on a CancelRequest. Resolves when the cancelling was done, so that closing then means it is. */
  async request(processId: number, key: Buffer, source: string): Promise<CancelOutcome> {
    if (this.#isIgnored(source)) return 'ignored';
    const entry = this.#entries.get(processId);
    const matches = timingSafeEqual(digest(key), entry?.digest ?? this.#decoy);
    if (entry === undefined || !matches || (entry.bound && entry.source !== source)) {
      this.#missed(source);
      return 'unknown';
    }
    await entry.cancel(source);
    return 'cancelled';
  }

  #isIgnored(source: string): boolean {
    const misses = this.#misses.get(source);
    if (misses === undefined) return false;
    if (this.#clock.monotonic() - misses.sinceMs < limits.cancelWindowMs) return misses.count >= limits.cancelMissesMax;
    this.#misses.delete(source);
    return false;
  }

  #missed(source: string): void {
    const misses = this.#misses.get(source);
    if (misses !== undefined) {
      misses.count++;
      return;
    }
    this.#misses.set(source, { count: 1, sinceMs: this.#clock.monotonic() });
    if (this.#misses.size > limits.cancelSourcesMax) this.#misses.delete(this.#misses.keys().next().value!);
  }
}

/** Keys of any length become comparable in constant time. */
function digest(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest();
}
