/**
 * The form of an access token's secret, and what is kept of it.
 *
 *     sp_ <32 characters: 160 random bits> <6 characters: checksum>        Crockford base 32, lower case
 *
 * The prefix lets secret scanners find what leaked; the checksum tells a mistyped or cut token from a wrong one without
 * asking the store. It is public arithmetic and protects nothing.
 */
import { createHash, createHmac } from 'node:crypto';
import { base32, newSecret } from '../base/ids.ts';
import * as limits from './limits.ts';

const prefix = 'sp_';
const randomBytesOfSecret = 20;
const form = /^sp_[0-9a-hjkmnp-tv-z]{38}$/;

function checksum(body: string): string {
  return base32(createHash('sha256').update(`sallyport token ${body}`).digest().subarray(0, 5)).slice(0, 6);
}

/** A new secret of 160 random bits. */
export function newTokenSecret(): string {
  const body = newSecret(randomBytesOfSecret);
  return `${prefix}${body}${checksum(body)}`;
}

/** True when `text` has the form of a token and its checksum fits. Exact: neither case nor spaces are forgiven. */
export function isTokenSecret(text: string): boolean {
  return form.test(text) && checksum(text.slice(3, 35)) === text.slice(35);
}

/** What is kept to find a token by: 160 random bits need no slow hash. */
export function hashTokenSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

/**
 * The SCRAM salt of a login: a function of the gateway's secret and the name, so that all tokens of a principal share
 * it and an unknown name has one as stable as any other (A-ID-10).
 */
export function scramSaltOf(serverSecret: Buffer, login: string): Buffer {
  const digest = createHmac('sha256', serverSecret).update(`scram salt ${login}`).digest();
  return digest.subarray(0, limits.scramSaltBytes);
}
