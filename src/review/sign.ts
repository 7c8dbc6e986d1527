/**
 * Signatures of messages that leave and of requests that come in, and what may be used once (A-REV-02).
 *
 * Leaving: `Sallyport-Signature: t=<seconds>,v1=<hex>`, HMAC-SHA256 with the endpoint's secret over `<seconds>.<body>`.
 * Coming in from Slack: `X-Slack-Signature: v0=<hex>`, HMAC-SHA256 over `v0:<seconds>:<body>`, after Slack's "Verifying
 * requests". Comparison takes the same time wherever they differ; a time further than `signatureAgeMsMax` from ours is
 * refused; a signature counts once.
 *
 * Deliberately absent: any authority in a reference. It says what is decided about; who decides, a chat account that maps
 * to a principal who logged in lately says.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { reviewErrors } from './errors.ts';
import * as limits from './limits.ts';

export { signatureHeader } from '../base/signed.ts';

/** What a receiver does with it; also for our own tests and documentation. */
export function isSignedBy(secret: string, header: string, body: string | Buffer, nowMs: number): boolean {
  const match = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header);
  if (match === null || !isRecent(Number(match[1]), nowMs)) return false;
  return equal(match[2]!, hmac(secret, `${Number(match[1])}.`, body));
}

export interface SlackRequest {
  /** `X-Slack-Request-Timestamp`. */
  readonly timestamp: string;
  /** `X-Slack-Signature`. */
  readonly signature: string;
  /** The body as it came, byte for byte. */
  readonly body: Buffer;
}

/** Throws `review.bad-signature` or `review.replayed`. Each request passes once. */
export function verifySlack(secret: string, request: SlackRequest, once: OnceOnly, nowMs: number): void {
  const { timestamp, signature, body } = request;
  const bad = reviewErrors('review.bad-signature');
  if (secret === '' || !/^\d{1,12}$/.test(timestamp) || !isRecent(Number(timestamp), nowMs)) throw bad;
  const expected = `v0=${hmac(secret, `v0:${timestamp}:`, body)}`;
  if (!equal(signature, expected)) throw bad;
  // Only what was signed is remembered, so that nobody else fills the memory.
  const untilMs = Number(timestamp) * 1000 + limits.signatureAgeMsMax;
  if (!once.use(`slack:${expected}`, untilMs, nowMs)) throw reviewErrors('review.replayed');
}

/** A reference to a review in a chat message: names it and its digest, for one use before `expiresAtMs`. */
export interface ChatReference {
  readonly review: string;
  readonly digest: string;
  readonly nonce: string;
  readonly expiresAtMs: number;
}

/** The reference as text, signed. */
export function sealReference(secret: string, reference: ChatReference): string {
  const { review, digest, nonce, expiresAtMs } = reference;
  const body = Buffer.from(JSON.stringify([review, digest, nonce, expiresAtMs])).toString('base64url');
  return `${body}.${hmac(secret, 'reference.', body)}`;
}

/**
 * The reference that such a text holds. Each person may use it once: throws `review.replayed` at the second time of `by`,
 * and `review.bad-signature` where it was not made here or is too old.
 */
export function openReference(
  secret: string,
  sealed: string,
  by: string,
  once: OnceOnly,
  nowMs: number,
): ChatReference {
  const bad = reviewErrors('review.bad-signature');
  const [body = '', signature = ''] = sealed.length > 1024 ? [] : sealed.split('.', 2);
  if (!equal(signature, hmac(secret, 'reference.', body))) throw bad;
  const [review, digest, nonce, expiresAtMs] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [
    string,
    string,
    string,
    number,
  ];
  if (nowMs >= expiresAtMs) throw bad;
  if (!once.use(`reference:${nonce}:${by}`, expiresAtMs, nowMs)) throw reviewErrors('review.replayed');
  return { review, digest, nonce, expiresAtMs };
}

/** Remembers what was used until it would be refused for its age anyway. In memory, of one gateway. */
export class OnceOnly {
  readonly #used = new Map<string, number>();

  get size(): number {
    return this.#used.size;
  }

  /** True at the first use of `key`; false at any other until `untilMs`, and when there is no room to remember. */
  use(key: string, untilMs: number, nowMs: number): boolean {
    const known = this.#used.get(key);
    if (known !== undefined && nowMs <= known) return false;
    if (this.#used.size >= limits.onceOnlyMax) {
      for (const [old, until] of this.#used) if (until < nowMs) this.#used.delete(old);
      if (this.#used.size >= limits.onceOnlyMax) return false;
    }
    this.#used.set(key, untilMs);
    return true;
  }
}

/** Chat accounts and the principals they stand for: `slack:T0123/U0456` → id of the principal. */
export type ChatDirectory = ReadonlyMap<string, string>;

/** The principal of a chat account. Throws `review.unmapped`: names and addresses of chats prove nothing (A-REV-02). */
export function principalOfChat(
  directory: ChatDirectory,
  service: 'slack' | 'teams',
  team: string,
  user: string,
): string {
  const principal = directory.get(`${service}:${team}/${user}`);
  if (principal === undefined) throw reviewErrors('review.unmapped');
  return principal;
}

function isRecent(seconds: number, nowMs: number): boolean {
  return Math.abs(nowMs - seconds * 1000) <= limits.signatureAgeMsMax;
}

function hmac(secret: string, prefix: string, body: string | Buffer): string {
  return createHmac('sha256', secret).update(prefix).update(body).digest('hex');
}

function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
