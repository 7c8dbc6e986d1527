/**
 * Throttling of failed proofs, per login and source and per source (A-ID-10). In memory, per process.
 *
 * Invariants:
 * - Both maps are bounded; time is monotonic, so that a step of the wall clock neither frees nor locks anybody (F-15).
 * - Known and unknown logins are counted alike.
 * - Attempts refused here do not make the wait longer: a client that retries by itself gets in once it is over.
 * - Passwords, tokens (with keys), step-ups and second factors are counted apart: a proof of one must not clear the
 *   failures of another.
 *
 * Deliberately absent: locking an account for everybody, which would let anybody lock out anybody; counters shared
 * between gateways.
 */
import { isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { coreErrors } from '../core/errors.ts';
import { BoundedMap } from './bounded.ts';
import * as limits from './limits.ts';

export type ProofKind = 'password' | 'token' | 'step-up' | 'factor';

interface Pair {
  failures: number;
  lastMs: number;
  blockedUntilMs: number;
}

interface Bucket {
  /** Failures left. */
  left: number;
  atMs: number;
}

/** An attempt that was counted as failed when it began. Settle it once; unsettled, it stays a failure. */
export interface Attempt {
  succeeded(): void;
  /** It was not judged: the store was down, say. */
  withdrawn(): void;
}

/** What stands for an address: all of a /64, which one machine may own, is one source. */
export function sourceOf(address: string): string {
  const plain = address.replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain);
  if (mapped !== null) return mapped[1]!;
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

export class Throttle {
  readonly #clock: Clock;
  readonly #pairs = new BoundedMap<string, Pair>(limits.throttlePairsMax);
  readonly #sources = new BoundedMap<string, Bucket>(limits.throttleSourcesMax);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many entries are remembered. */
  get size(): { readonly pairs: number; readonly sources: number } {
    return { pairs: this.#pairs.size, sources: this.#sources.size };
  }

  /** Throws `core.throttled` while `login` or all of `source` must wait. `login` null looks at the source only. */
  check(kind: ProofKind, login: string | null, source: string): void {
    const nowMs = this.#clock.monotonic();
    const pair = login === null ? undefined : this.#pair(kind, login, source);
    const bucket = this.#bucket(source);
    const sourceWaitMs = bucket.left >= 1 ? 0 : (1 - bucket.left) * limits.sourceRefillMs;
    const waitMs = Math.max((pair?.blockedUntilMs ?? 0) - nowMs, sourceWaitMs);
    if (waitMs > 0) throw coreErrors('core.throttled', { values: { seconds: Math.ceil(waitMs / 1000) } });
  }

  failed(kind: ProofKind, login: string | null, source: string): void {
    const nowMs = this.#clock.monotonic();
    const bucket = this.#bucket(source);
    bucket.left = Math.max(0, bucket.left - 1);
    this.#sources.set(sourceOf(source), bucket);
    if (login === null) return;
    const failures = (this.#pair(kind, login, source)?.failures ?? 0) + 1;
    const over = failures - limits.freeFailures;
    const waitMs = over <= 0 ? 0 : Math.min(1000 * 2 ** Math.min(over - 1, 30), limits.throttleWaitMaxMs);
    this.#pairs.set(pairKey(kind, login, source), { failures, lastMs: nowMs, blockedUntilMs: nowMs + waitMs });
  }

  /** A proof of `kind` clears what this login and source failed before; the source's other failures stay. */
  succeeded(kind: ProofKind, login: string, source: string): void {
    this.#pairs.delete(pairKey(kind, login, source));
  }

  /**
   * As `check`, and counts a failure at once, so that guesses made in parallel cannot all pass before the first is
   * judged. For passwords; tokens have nothing to guess, and pools open many connections at once.
   */
  attempt(kind: ProofKind, login: string, source: string): Attempt {
    this.check(kind, login, source);
    this.failed(kind, login, source);
    const refund = (): void => {
      const bucket = this.#bucket(source);
      bucket.left = Math.min(limits.sourceFailuresMax, bucket.left + 1);
      this.#sources.set(sourceOf(source), bucket);
    };
    return {
      succeeded: () => {
        refund();
        this.succeeded(kind, login, source);
      },
      withdrawn: () => {
        refund();
        const pair = this.#pair(kind, login, source);
        if (pair === undefined) return;
        if (pair.failures <= 1) return this.#pairs.delete(pairKey(kind, login, source));
        pair.failures--;
        if (pair.failures <= limits.freeFailures) pair.blockedUntilMs = 0;
      },
    };
  }

  #pair(kind: ProofKind, login: string, source: string): Pair | undefined {
    const pair = this.#pairs.get(pairKey(kind, login, source));
    if (pair === undefined || this.#clock.monotonic() - pair.lastMs < limits.throttleForgetMs) return pair;
    this.#pairs.delete(pairKey(kind, login, source));
    return undefined;
  }

  /** The source's bucket as it stands now; only a failure stores it. */
  #bucket(source: string): Bucket {
    const nowMs = this.#clock.monotonic();
    const bucket = this.#sources.get(sourceOf(source));
    if (bucket === undefined) return { left: limits.sourceFailuresMax, atMs: nowMs };
    const refilled = bucket.left + (nowMs - bucket.atMs) / limits.sourceRefillMs;
    bucket.left = Math.min(limits.sourceFailuresMax, refilled);
    bucket.atMs = nowMs;
    return bucket;
  }
}

function pairKey(kind: ProofKind, login: string, source: string): string {
  return `${kind}\n${sourceOf(source)}\n${login}`;
}
