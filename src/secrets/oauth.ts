/**
 * Access tokens by the client credentials grant (RFC 6749, section 4.4): had from the authorisation server, kept in memory
 * until shortly before they expire, and had anew where a target no longer takes them.
 *
 * Invariants:
 * - One request at a time for one credential; whoever comes meanwhile gets its outcome. A refusal is kept for a moment, so
 *   that a wrong secret is not tried at the pace of requests.
 * - What is kept is found by a digest of everything that was asked with, the secret too: a changed one asks anew.
 *
 * Deliberately absent: other grants, refresh tokens (section 4.4.3 gives none), the exchange itself (grant.ts).
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { TokenRenewal } from '../core/ports.ts';
import type { OAuthReference } from '../core/resource.ts';
import { askToken } from './grant.ts';
import * as limits from './limits.ts';

export interface HeldToken {
  readonly token: string;
  readonly renewal: TokenRenewal;
}

interface Grant {
  readonly token: string;
  /** Monotonic. */
  readonly hadAtMs: number;
  readonly renewAtMs: number;
}

interface Entry {
  grant: Grant | null;
  pending: Promise<Grant> | null;
  failure: { readonly error: Error; readonly untilMs: number } | null;
}

export class OAuthTokens {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A token that holds for a while. Rejects with what is wrong, for the log. */
  async token(reference: OAuthReference, clientSecret: string): Promise<HeldToken> {
    const key = digestOf(reference, clientSecret);
    const entry = this.#entryOf(key);
    const nowMs = this.#clock.monotonic();
    if (entry.grant !== null && nowMs < entry.grant.renewAtMs) return this.#held(entry, entry.grant);
    if (entry.failure !== null && nowMs < entry.failure.untilMs) throw entry.failure.error;
    entry.pending ??= this.#ask(entry, reference, clientSecret);
    return this.#held(entry, await entry.pending);
  }

  #held(entry: Entry, grant: Grant): HeldToken {
    const refused = (): boolean => {
      // Another request found out before this one.
      if (entry.grant !== grant) return true;
      if (this.#clock.monotonic() - grant.hadAtMs < limits.tokenRenewalPauseMs) return false;
      entry.grant = null;
      return true;
    };
    return { token: grant.token, renewal: { refused } };
  }

  async #ask(entry: Entry, reference: OAuthReference, clientSecret: string): Promise<Grant> {
    try {
      const { token, lifetimeMs } = await askToken(reference, clientSecret, this.#clock);
      const hadAtMs = this.#clock.monotonic();
      // A short-lived token is used for most of its life at least.
      const marginMs = Math.min(limits.tokenMarginMs, lifetimeMs / 5);
      const grant = { token, hadAtMs, renewAtMs: hadAtMs + lifetimeMs - marginMs };
      entry.grant = grant;
      entry.failure = null;
      return grant;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      entry.grant = null;
      entry.failure = { error, untilMs: this.#clock.monotonic() + limits.tokenFailurePauseMs };
      throw error;
    } finally {
      entry.pending = null;
    }
  }

  #entryOf(key: string): Entry {
    const entry = this.#entries.get(key) ?? { grant: null, pending: null, failure: null };
    // What was used last stands last; the first goes where there are too many.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > limits.tokensMax) this.#entries.delete(this.#entries.keys().next().value!);
    return entry;
  }
}

function digestOf(reference: OAuthReference, clientSecret: string): string {
  const { tokenUrl, clientId, scopes, audience, resource, authentication, ca } = reference;
  const all = [tokenUrl, clientId, scopes, audience, resource, authentication, ca, clientSecret];
  return createHash('sha256').update(JSON.stringify(all)).digest('base64');
}
