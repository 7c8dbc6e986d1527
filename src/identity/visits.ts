/**
 * Visits: browsers that signed on at the console and were handed over to the origin of one resource.
 *
 * The way: the origin gives the browser a nonce in a cookie of its own and sends it to the console's page with the nonce's
 * digest; the person signs on there, sees which resource it is for, and goes back with a code; the origin takes the code
 * for the browser that still has the nonce, and sets the cookie that stands for the visit from then on.
 *
 * Invariants:
 * - A code is good once, for a minute, for one resource, and for the browser whose nonce it was made for: a code of
 *   somebody else's sign-on, sent as a link, signs nobody on (login CSRF).
 * - A visit is good at the origin of its resource only; it ends no later than the token that it came from, with that
 *   token's revocation, and where its principal is gone or disabled (A-ID-07, A-ID-08).
 * - Kept of codes and secrets are digests. Where to return to is a path on that origin, or `/` (open redirects).
 * - Nothing grows without a bound: the oldest goes.
 *
 * In memory: the console that hands over and the origin are the same gateway. A restart signs browsers off.
 *
 * Deliberately absent: cookies and pages (protocols/http), the console's page and route (web, api), Access.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { newSecret } from '../base/ids.ts';
import { BoundedMap } from './bounded.ts';
import * as limits from './limits.ts';

/** What a code is made for. */
export interface VisitOrder {
  /** The console's token. */
  readonly tokenId: string;
  readonly resource: string;
  /** `nonceDigest` of the nonce. */
  readonly nonce: string;
  readonly returnTo: string;
}

/** What a visit stands for; the principal behind it is looked up each time. */
export interface VisitRecord {
  readonly owner: string;
  readonly tokenId: string;
  readonly resource: string;
  readonly beganAtMs: number;
  readonly expiresAtMs: number;
  readonly issuedBy: string | null;
  readonly provenAtMs: number | null;
}

interface Handover extends VisitOrder, Omit<VisitRecord, 'beganAtMs'> {
  readonly codeExpiresAtMs: number;
}

interface Kept extends VisitRecord {
  /** Of `Visits.epoch`, when its token was last known to be live. */
  epoch: number;
}

/** What of the console's token a visit takes over. */
export type VisitToken = Pick<VisitRecord, 'owner' | 'expiresAtMs' | 'issuedBy' | 'provenAtMs'>;

export class Visits {
  readonly #clock: Clock;
  readonly #codes = new BoundedMap<string, Handover>(limits.visitCodesMax);
  readonly #visits = new BoundedMap<string, Kept>(limits.visitsMax);
  /** Digests of secrets by owner, oldest first. */
  readonly #ofOwner = new Map<string, string[]>();
  #epoch = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A code for a console's token that was just found to be live. */
  begin(order: VisitOrder, token: VisitToken): { readonly code: string; readonly codeExpiresAtMs: number } {
    const nowMs = this.#clock.now();
    const code = newSecret(limits.visitSecretBytes);
    const codeExpiresAtMs = Math.min(nowMs + limits.visitCodeLifetimeMs, token.expiresAtMs);
    const expiresAtMs = Math.min(nowMs + limits.visitLifetimeMaxMs, token.expiresAtMs);
    const returnTo = returnPath(order.returnTo);
    this.#codes.set(digestOf(code), { ...order, ...token, returnTo, expiresAtMs, codeExpiresAtMs });
    return { code, codeExpiresAtMs };
  }

  /** What the code was made for, whatever comes of it; it is used up. Null: none, too late, another browser or resource. */
  take(code: string, nonce: string, resource: string): Handover | null {
    if (code.length > limits.secretLengthMax || nonce.length > limits.secretLengthMax) return null;
    const digest = digestOf(code);
    const handover = this.#codes.get(digest);
    if (handover === undefined) return null;
    this.#codes.delete(digest);
    if (this.#clock.now() >= handover.codeExpiresAtMs) return null;
    return handover.resource === resource && handover.nonce === nonceDigest(nonce) ? handover : null;
  }

  /** The visit that a code was taken for. */
  open({ owner, tokenId, resource, expiresAtMs, issuedBy, provenAtMs }: Handover): {
    readonly secret: string;
    readonly visit: VisitRecord;
  } {
    const secret = newSecret(limits.visitSecretBytes);
    const beganAtMs = this.#clock.now();
    const visit = { owner, tokenId, resource, beganAtMs, expiresAtMs, issuedBy, provenAtMs, epoch: this.#epoch };
    const digest = digestOf(secret);
    const others = (this.#ofOwner.get(owner) ?? []).filter((one) => this.#visits.get(one) !== undefined);
    for (const oldest of others.splice(0, others.length - limits.visitsPerPrincipalMax + 1))
      this.#visits.delete(oldest);
    this.#ofOwner.set(owner, [...others, digest]);
    this.#visits.set(digest, visit);
    return { secret, visit };
  }

  /** `isChecked` false: revocations may have been missed since its token was last looked at. */
  find(secret: string, resource: string): { readonly visit: VisitRecord; readonly isChecked: boolean } | null {
    if (secret.length > limits.secretLengthMax) return null;
    const digest = digestOf(secret);
    const visit = this.#visits.get(digest);
    if (visit === undefined || visit.resource !== resource) return null;
    if (this.#clock.now() >= visit.expiresAtMs) {
      this.#drop(digest, visit.owner);
      return null;
    }
    return { visit, isChecked: visit.epoch === this.#epoch };
  }

  /** Its token was found to be live just now. */
  checked(secret: string): void {
    const visit = this.#visits.get(digestOf(secret));
    if (visit !== undefined) visit.epoch = this.#epoch;
  }

  end(secret: string): void {
    const digest = digestOf(secret);
    const visit = this.#visits.get(digest);
    if (visit !== undefined) this.#drop(digest, visit.owner);
  }

  /** Ends whatever came from a revoked token. */
  endByToken(tokenId: string): void {
    for (const [owner, digests] of [...this.#ofOwner]) {
      for (const digest of digests) {
        if (this.#visits.get(digest)?.tokenId === tokenId) this.#drop(digest, owner);
      }
    }
  }

  /** Revocations may have been missed: every visit's token is looked at again. */
  doubt(): void {
    this.#epoch++;
  }

  #drop(digest: string, owner: string): void {
    this.#visits.delete(digest);
    const left = (this.#ofOwner.get(owner) ?? []).filter((one) => one !== digest);
    if (left.length > 0) this.#ofOwner.set(owner, left);
    else this.#ofOwner.delete(owner);
  }
}

/** The query of the console's page: nothing in it is a secret, and nothing in it is believed. */
export function visitQuery(request: {
  readonly resource: string;
  readonly domain: string;
  readonly returnTo: string;
  readonly nonce: string;
}): string {
  const { resource, domain, returnTo, nonce } = request;
  return new URLSearchParams({
    resource,
    domain,
    nonce: nonceDigest(nonce),
    return: returnPath(returnTo),
  }).toString();
}

/** What the link carries of a nonce: who sees the link cannot come back in the browser's place. */
export function nonceDigest(nonce: string): string {
  return createHash('sha256').update(`sallyport visit ${nonce}`).digest('base64url');
}

/**
 * A path and query on the origin, or `/`: no other host (`//host`, `/\host`), nothing that a browser would drop or
 * rewrite before it looks (controls, backslashes), and not the sign-on itself, which would go round in circles.
 */
export function returnPath(text: string): string {
  const isPath = /^\/(?![/\\])[\x21-\x7e]*$/.test(text) && !text.includes('\\') && !text.includes('#');
  return isPath && text.length <= limits.returnPathLengthMax && !text.startsWith('/.sallyport/') ? text : '/';
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
