/**
 * What one request begins and a later one ends, on whichever gateway: challenges, enrolments, sign-ons that wait.
 *
 * Invariants:
 * - Each is for one purpose, one principal (where it is known) and one browser: all three are part of its key, so that with
 *   any other it does not exist, and nothing happens to it (A-ID-04, A-ID-08).
 * - Each is taken once; of two that come at the same time one gets it. What is put back keeps its end.
 * - The store sees a digest of the id, which is the capability, never the id.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { newSecret } from '../../base/ids.ts';
import type { OnceRecords } from '../records.ts';
import { sourceOf } from '../throttle.ts';
import * as limits from './limits.ts';
import type { Caller } from './parts.ts';

export interface Scope {
  readonly purpose: 'enrol-passkey' | 'enrol-totp' | 'sign-on' | 'passkey-sign-on' | 'confirm';
  /** Null where who it is shows only at the end. */
  readonly owner: string | null;
  readonly caller: Caller;
}

export interface Begun {
  readonly id: string;
  readonly expiresAtMs: number;
}

interface Kept<State> {
  readonly state: State;
  readonly expiresAtMs: number;
}

export class Exchanges {
  readonly #clock: Clock;
  readonly #once: OnceRecords;

  constructor(clock: Clock, once: OnceRecords) {
    this.#clock = clock;
    this.#once = once;
  }

  /** `id` is random unless given, and must be as hard to guess where it is. */
  async begin(
    scope: Scope,
    state: unknown,
    lifetimeMs: number,
    id = newSecret(limits.exchangeIdBytes),
  ): Promise<Begun> {
    const expiresAtMs = this.#clock.now() + lifetimeMs;
    await this.putBack(scope, id, { state, expiresAtMs });
    return { id, expiresAtMs };
  }

  /** Null where there is none such in this scope. It is gone then. */
  async take<State>(scope: Scope, id: string): Promise<Kept<State> | null> {
    const kept = await this.#once.take(keyOf(scope, id), this.#clock.now());
    return kept === null ? null : (JSON.parse(kept) as Kept<State>);
  }

  async putBack(scope: Scope, id: string, kept: Kept<unknown>): Promise<void> {
    await this.#once.put(keyOf(scope, id), JSON.stringify(kept), kept.expiresAtMs);
  }
}

function keyOf({ purpose, owner, caller }: Scope, id: string): string {
  const bound = caller.browser === null ? ['source', sourceOf(caller.source)] : ['browser', caller.browser];
  const digest = createHash('sha256').update(JSON.stringify([purpose, owner, ...bound, id]));
  return `factor:${digest.digest('base64url')}`;
}
