/**
 * Step-up: opening a session by an Access that asks for it takes a confirmation by the person at that moment, whatever
 * was proven before. Here is what counts as one, and the confirmations that one connection was given.
 *
 * Invariants:
 * - A confirmation belongs to the connection, the principal as it was proven there, and the resource that was shown; it
 *   opens nothing else, and nothing after `confirmationLifetimeMs`.
 * - It counts only with a proof in person that is not older than `stepUpProofMaxMs`: a token alone, however it was come
 *   by, confirms nothing for longer than that.
 *
 * Deliberately absent: asking the person (identity), which Access asks for it (policy), where it is enforced (door.ts).
 */
import type { Clock } from '../base/clock.ts';
import * as limits from './limits.ts';
import type { Principal } from './principal.ts';

/** That the person confirmed: kept with the session and journaled with its opening. */
export interface Confirmation {
  readonly method: 'approval';
  /** What it was confirmed with; revoking that ends the session. */
  readonly credentialId: string | null;
  /**
   * How the person had proven to be who they are: by the password or a second factor with the confirmation, or by a sign-on
   * just before.
   */
  readonly proof: 'password' | 'factor' | 'sign-on';
  /** Wall clock, milliseconds. */
  readonly atMs: number;
}

/** Whether who proved themself in person at `provenAtMs` (wall clock) may still confirm by that. */
export function isProofFresh(provenAtMs: number | null | undefined, nowMs: number): boolean {
  if (provenAtMs === null || provenAtMs === undefined) return false;
  const ageMs = nowMs - provenAtMs;
  // From the future: another gateway's clock, which may be a little ahead.
  return ageMs <= limits.stepUpProofMaxMs && ageMs >= -limits.clockSkewMs;
}

interface Given {
  readonly confirmation: Confirmation;
  /** Null: whichever the connection names, as with a sign-on that was itself the approval. */
  readonly resource: string | null;
  readonly monotonicMs: number;
}

/** The confirmations of one connection. */
export class Confirmations {
  readonly #clock: Clock;
  readonly #given = new WeakMap<Principal, Given>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(principal: Principal, resource: string | null, confirmation: Confirmation): void {
    this.#given.set(principal, { confirmation, resource, monotonicMs: this.#clock.monotonic() });
  }

  /** A sign-on by approval is a confirmation itself, where whoever approved had proven themself just then. */
  addSignOn(principal: Principal): void {
    const { method, credentialId, atMs, provenAtMs } = principal.authentication;
    if (method !== 'approval' || !isProofFresh(provenAtMs, atMs)) return;
    this.add(principal, null, { method, credentialId, proof: 'sign-on', atMs });
  }

  /**
   * A visit is a confirmation itself while it is new, where whoever began it had proven themself just then: the console's
   * page named the resource (visits.ts of identity).
   */
  addVisit(principal: Principal, resource: string): void {
    const { method, credentialId, atMs, provenAtMs } = principal.authentication;
    if (method !== 'visit' || !isProofFresh(provenAtMs, atMs)) return;
    const ageMs = this.#clock.now() - atMs;
    if (ageMs < 0 || ageMs > limits.confirmationLifetimeMs) return;
    this.add(principal, resource, { method: 'approval', credentialId, proof: 'sign-on', atMs });
  }

  /** The confirmation by which this principal may open the resource now, or null. */
  of(principal: Principal, resource: string): Confirmation | null {
    const given = this.#given.get(principal);
    if (given === undefined || (given.resource !== null && given.resource !== resource)) return null;
    return this.#clock.monotonic() - given.monotonicMs <= limits.confirmationLifetimeMs ? given.confirmation : null;
  }
}
