/**
 * The login name of every protocol: `principal+resource`, or `principal` alone where the protocol has another place
 * for the resource (PostgreSQL's database name, say).
 *
 * Invariants: neither a principal's nor a resource's name may contain `+`, so a login has one reading; one with two is
 * refused instead of being guessed at. Names are compared byte by byte and hold ASCII only, so that no two look alike
 * (A-ID-05).
 *
 * Deliberately absent: whether the principal or the resource exists.
 */
import { loginBytesMax } from './limits.ts';

/** Longest name of a principal, in bytes: leaves half of a login to the resource. */
export const principalNameBytesMax = 127;

// Begins with a letter or digit; then also `.`, `_`, `-` and `@`, so that an address may serve as a name.
const principalName = /^[A-Za-z0-9][A-Za-z0-9._@-]*$/;

export interface Login {
  readonly principal: string;
  /** Null where the login names none. */
  readonly resource: string | null;
}

/** True when `name` may name a principal. */
export function isPrincipalName(name: string): boolean {
  return name.length <= principalNameBytesMax && principalName.test(name);
}

/** Reads a login name; null where it is too long or malformed, which is refused like any unknown login. */
export function splitLogin(login: string): Login | null {
  if (login.length > loginBytesMax || Buffer.byteLength(login) > loginBytesMax) return null;
  const [principal = '', resource, ...more] = login.split('+');
  if (!isPrincipalName(principal) || more.length > 0 || resource === '') return null;
  return { principal, resource: resource ?? null };
}
