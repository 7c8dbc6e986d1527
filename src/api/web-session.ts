/**
 * The cookie of a web session: what a browser that signed on at the console has.
 *
 * Invariants (A-ID-08): never readable by scripts, never sent by what other sites begin but for links that a person follows,
 * never in clear but on this machine, where browsers take `Secure` as given; one cookie, one value.
 */
import { browserSecretSeconds, tokenLengthMax } from './limits.ts';

/** `__Host-`: of this host alone, on all paths, by TLS alone (RFC 6265bis, section 4.1.3.2). */
const names = { https: '__Host-sallyport', http: 'sallyport' } as const;

/** The secret of the web session that a request shows, or null. Of two, none: which one is meant is not known. */
export function webSecretOf(cookies: string | undefined, scheme: string): string | null {
  const found = cookieOf(cookies, names[scheme === 'https' ? 'https' : 'http']);
  return found === null || found.length > tokenLengthMax ? null : found;
}

/** The value of a cookie by its name; null where there is none, or more than one. */
export function cookieOf(cookies: string | undefined, name: string): string | null {
  const values = (cookies ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/.test(value)
    ? value
    : null;
}

/** The field that sets the cookie, or takes it away where `secret` is null. */
export function webCookie(secret: string | null, seconds: number, scheme: string): readonly [string, string] {
  return setCookie(names[scheme === 'https' ? 'https' : 'http'], secret, seconds, scheme);
}

const browserNames = { https: '__Host-sallyport-browser', http: 'sallyport-browser' } as const;

/** What a browser was given so that it alone can end what it began; null where it has none, or another's spelling of one. */
export function browserSecretOf(cookies: string | undefined, scheme: string): string | null {
  const found = cookieOf(cookies, browserNames[scheme === 'https' ? 'https' : 'http']);
  return found !== null && /^[\w-]{43}$/.test(found) ? found : null;
}

export function browserCookie(secret: string, scheme: string): readonly [string, string] {
  return setCookie(browserNames[scheme === 'https' ? 'https' : 'http'], secret, browserSecretSeconds, scheme);
}

/** Any cookie of the console's: `value` null takes it away. */
export function setCookie(
  name: string,
  value: string | null,
  seconds: number,
  scheme: string,
  site: 'Lax' | 'None' = 'Lax',
): readonly [string, string] {
  const secure = scheme === 'https' || site === 'None' ? '; Secure' : '';
  const age = value === null ? 0 : Math.max(0, Math.floor(seconds));
  return ['Set-Cookie', `${name}=${value ?? ''}; Path=/; HttpOnly; SameSite=${site}; Max-Age=${age}${secure}`];
}
