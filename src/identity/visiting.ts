/**
 * Signing on by a visit: what visits.ts keeps, joined with tokens, revocations and the directory.
 *
 * Invariant: a visit is kept before its token is looked at, and looked for again afterwards, so that a revocation that
 * comes in between ends it (I11). Failures count for their source, as those of tokens do.
 */
import type { Clock } from '../base/clock.ts';
import { coreErrors } from '../core/errors.ts';
import type { Visit, VisitRequest } from '../core/ports.ts';
import type { Authentication, Principal } from '../core/principal.ts';
import { provesFactor } from './factors/parts.ts';
import type { PrincipalDirectory, PrincipalEntry, TokenRecord, TokenRecords } from './records.ts';
import type { Revocations } from './revocations.ts';
import type { Throttle } from './throttle.ts';
import { proofOf, type Tokens, whyNotLive } from './tokens.ts';
import { type VisitOrder, type VisitRecord, Visits, visitQuery } from './visits.ts';

export interface VisitingParts {
  readonly clock: Clock;
  readonly directory: PrincipalDirectory;
  readonly records: TokenRecords;
  readonly tokens: Tokens;
  readonly revocations: Revocations;
  readonly throttle: Throttle;
  /** The console's page, without the fragment. */
  readonly page: () => string;
  /** Whether a sign-on of this principal takes a second factor. */
  readonly takesFactor: (owner: string) => Promise<boolean>;
  readonly principalOf: (entry: PrincipalEntry, authentication: Authentication) => Principal;
}

export class Visiting {
  readonly #parts: VisitingParts;
  readonly #visits: Visits;

  constructor(parts: VisitingParts) {
    this.#parts = parts;
    this.#visits = new Visits(parts.clock);
    parts.revocations.onRevoked((id) => this.#visits.endByToken(id));
    parts.revocations.onResync(() => this.#visits.doubt());
  }

  link(request: VisitRequest): string {
    return `${this.#parts.page()}#${visitQuery(request)}`;
  }

  /** Rejects with a denial where the token is not live. */
  async begin(order: VisitOrder): Promise<{ readonly code: string; readonly expiresAtMs: number }> {
    const token = await this.#liveToken(order.tokenId);
    if (token === null) throw denied('the token of the hand-over is not live');
    const { owner, expiresAtMs } = token;
    const { issuedBy = null, provenAtMs = null, factors = [] } = proofOf(token);
    // Whose factor was registered since that sign-on confirms nothing by it.
    const isProven = provesFactor(factors) || !(await this.#parts.takesFactor(owner));
    const { code, codeExpiresAtMs } = this.#visits.begin(order, {
      owner,
      expiresAtMs,
      issuedBy,
      provenAtMs: isProven ? provenAtMs : null,
    });
    return { code, expiresAtMs: codeExpiresAtMs };
  }

  async redeem(code: string, nonce: string, resource: string, source: string): Promise<Visit> {
    const { throttle } = this.#parts;
    throttle.check('token', null, source);
    const handover = this.#visits.take(code, nonce, resource);
    if (handover === null) {
      throttle.failed('token', null, source);
      throw denied('no such hand-over');
    }
    const { secret, visit } = this.#visits.open(handover);
    const principal = await this.#proven(secret, visit);
    if (principal === null) throw denied('the sign-on of the hand-over has ended');
    return { principal, secret, expiresAtMs: visit.expiresAtMs, returnTo: handover.returnTo };
  }

  async prove(secret: string, resource: string, source: string): Promise<Principal> {
    const { throttle } = this.#parts;
    throttle.check('token', null, source);
    const found = this.#visits.find(secret, resource);
    const principal =
      found === null ? null : found.isChecked ? this.#visitor(found.visit) : await this.#proven(secret, found.visit);
    if (principal !== null) return principal;
    throttle.failed('token', null, source);
    throw denied('no such visit');
  }

  /** Whose it was, or null where there is none such. */
  async end(secret: string, resource: string): Promise<Principal | null> {
    const found = this.#visits.find(secret, resource);
    if (found === null) return null;
    const principal = this.#visitor(found.visit);
    this.#visits.end(secret);
    await this.#parts.tokens.revoke(found.visit.tokenId);
    return principal;
  }

  /** Looks at the token of a visit that is kept; the visit ends where it should not be. */
  async #proven(secret: string, visit: VisitRecord): Promise<Principal | null> {
    const token = await this.#liveToken(visit.tokenId);
    const isKept = this.#visits.find(secret, visit.resource) !== null;
    const principal = token !== null && isKept ? this.#visitor(visit) : null;
    if (principal === null) this.#visits.end(secret);
    else this.#visits.checked(secret);
    return principal;
  }

  async #liveToken(id: string): Promise<TokenRecord | null> {
    const proof = this.#parts.revocations.begin();
    const token = await this.#parts.records.get(id);
    const isLive = token !== null && !proof.isVoid(id) && whyNotLive(token, this.#parts.clock.now()) === null;
    return isLive ? token : null;
  }

  /** Whose visit it is, as things stand now; null where they are gone or disabled. */
  #visitor({ owner, tokenId, beganAtMs, issuedBy, provenAtMs }: VisitRecord): Principal | null {
    const entry = this.#parts.directory.find(owner);
    if (entry === null || entry.disabled) return null;
    return this.#parts.principalOf(entry, {
      method: 'visit',
      credentialId: tokenId,
      atMs: beganAtMs,
      ...(issuedBy === null ? {} : { issuedBy }),
      ...(provenAtMs === null ? {} : { provenAtMs }),
    });
  }
}

function denied(detail: string): Error {
  return coreErrors('core.not-authenticated', { detail });
}
