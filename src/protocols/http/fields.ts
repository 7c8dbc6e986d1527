/**
 * Head fields of requests: what of the client's goes on, what the gateway sets itself, and what is shown of them.
 *
 * Invariants:
 * - One function makes the head of every request, plain or upgrading (A-HTTP-04).
 * - Nothing with which a server could be told another client, origin, path or identity passes, however it is spelled: names
 *   are compared in the one form to which gateways of CGI and its heirs reduce them (`X_Forwarded.For`).
 * - What concerns the connection stays on it: fields of RFC 9110, section 7.6.1, and all that `Connection` names.
 * - Injected credentials are set last, over whatever the client sent by that name; they are never shown.
 *
 * There are no trusted proxies: what a client says of forwarding is nobody's (A-HTTP-05).
 *
 * Deliberately absent: fields of answers (answer-fields.ts), credentials (credentials.ts), framing (the HTTP libraries set it).
 */
import type { Principal } from '../../core/principal.ts';
import { httpErrors } from './errors.ts';
import * as limits from './limits.ts';
import { omitted } from './omitted.ts';
import { addressFields, addressWithoutPasswords } from './passwords.ts';

/** Name as it was spelled, and value. */
export type Field = readonly [name: string, value: string];

/** Fields as Node gives them: names and values in turn. Names that begin with a colon are HTTP/2's own. */
export function fieldsOf(raw: readonly string[]): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if (raw[at]!.startsWith(':')) continue;
    fields.push([raw[at]!, raw[at + 1]!]);
  }
  return fields;
}

/** And back. */
export function rawOf(fields: readonly Field[]): string[] {
  return fields.flat();
}

/** Values of all fields of this name, which is in lower case. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  const values: string[] = [];
  for (const [one, value] of fields) if (isNamed(one, name)) values.push(value);
  return values;
}

/** The first value, or null. */
export function firstOf(fields: readonly Field[], name: string): string | null {
  for (const [one, value] of fields) if (isNamed(one, name)) return value;
  return null;
}

/** `name` is in lower case. */
function isNamed(one: string, name: string): boolean {
  return one.length === name.length && one.toLowerCase() === name;
}

/** The form in which two spellings of one name are equal for some server. */
export function folded(name: string): string {
  return knownName(name).folded;
}

interface KnownName {
  readonly lower: string;
  readonly folded: string;
  /** Its values are credentials, or may be. */
  readonly isSensitive: boolean;
}

/** Names as they are spelled: programs use the same few again and again. */
const names = new Map<string, KnownName>();

/** Names whose values are credentials, or may be. */
const sensitive =
  /(?:^|-)(?:api-?key|apikey|token|secret|password|passwd|auth|authorization|signature|session|jwt)(?:-|$)/;

function knownName(name: string): KnownName {
  const known = names.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  const plain = lower.replace(/[^a-z0-9]/g, '-');
  const made = { lower, folded: plain, isSensitive: sensitive.test(plain) };
  if (name.length <= limits.rememberedNameLengthMax) {
    if (names.size >= limits.rememberedNamesMax) names.clear();
    names.set(name, made);
  }
  return made;
}

/** Of one connection, both ways (RFC 9110, section 7.6.1); framing is made anew. */
export const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'te',
  'upgrade',
  'http2-settings',
  'content-length',
  'trailer',
  'expect',
]);

/** What stays on the connection: the names above, and those that the fields name themselves. */
export function namedByConnection(fields: readonly Field[]): ReadonlySet<string> {
  const values = valuesOf(fields, 'connection');
  if (values.length === 0) return connectionFields;
  const named = new Set(connectionFields);
  for (const value of values) for (const name of value.split(',')) named.add(folded(name.trim()));
  return named;
}

/** What tells a server who or what is behind a proxy, or which path or host was really meant. */
const spoofed: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'x-originating-ip',
  'remote-user',
  'remote-addr',
  'x-host',
  'x-http-host-override',
  'x-original-url',
  'x-original-uri',
  'x-original-host',
  'x-original-method',
  'x-rewrite-url',
  'x-ssl-client-cert',
  'x-ssl-client-dn',
  'ssl-client-cert',
  'x-client-cert',
  'client-cert',
  'client-cert-chain',
  // Of a WebSocket handshake: the gateway makes its own (websocket.ts).
  'sec-websocket-key',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-version',
]);

const spoofedPrefixes = ['proxy-', 'x-forwarded', 'x-sallyport-', 'impersonate-', 'x-auth-request-', 'x-remote-'];

/** With these one method is named to the rules, and another to the service. */
const methodOverrides: ReadonlySet<string> = new Set(['x-http-method-override', 'x-http-method', 'x-method-override']);

export interface FieldContext {
  readonly method: string;
  /** Peer's address. */
  readonly source: string;
  readonly scheme: 'http' | 'https';
  /** As the client names the origin, with its port. */
  readonly authority: string;
  /** As the target is asked for. */
  readonly upstreamScheme: 'http' | 'https';
  readonly upstreamAuthority: string;
}

/** What of the client's fields goes on. Throws `http.malformed` where they could mean two things. */
export function passedFields(sent: readonly Field[], context: FieldContext): Field[] {
  const named = namedByConnection(sent);
  const passed: Field[] = [];
  const cookies: string[] = [];
  for (const [name, value] of sent) {
    const known = folded(name);
    if (methodOverrides.has(known) && value.trim().toUpperCase() !== context.method) {
      throw httpErrors('http.malformed', { values: { what: `${known} names another method than the request` } });
    }
    if (methodOverrides.has(known) || named.has(known) || isSpoofed(known)) continue;
    if (known === 'prefer') passed.push(...foreignPreferences(name, value));
    else if (known === 'cookie') cookies.push(value);
    else if (known === 'origin' || known === 'referer') passed.push([name, atTarget(value, context)]);
    else passed.push([name, value]);
  }
  const cookie = foreignCookies(cookies.join('; '));
  if (cookie !== '') passed.push(['Cookie', cookie]);
  return passed;
}

/** How an answer that waits for a human is given, is the gateway's own business (waiting.ts); RFC 7240, section 2. */
function foreignPreferences(name: string, value: string): Field[] {
  const kept = value
    .split(',')
    .filter((one) => !/^\s*(?:respond-async|wait)\s*(?:[=;]|$)/i.test(one) && one.trim() !== '');
  return kept.length === 0 ? [] : [[name, kept.map((one) => one.trim()).join(', ')]];
}

function isSpoofed(name: string): boolean {
  return spoofed.has(name) || spoofedPrefixes.some((prefix) => name.startsWith(prefix));
}

/** A page of our origin is, for the target, one of its own: it compares these with its Host. */
function atTarget(value: string, context: FieldContext): string {
  const ours = `${context.scheme}://${context.authority}`;
  if (value !== ours && !value.startsWith(`${ours}/`)) return value;
  return `${context.upstreamScheme}://${context.upstreamAuthority}${value.slice(ours.length)}`;
}

/** Names of the gateway's own cookies begin with this, whatever stands before it (`__Host-`). */
const ownCookie = /^(?:__host-|__secure-)?sallyport/i;

export function isOwnCookie(name: string): boolean {
  return ownCookie.test(name.trim());
}

function foreignCookies(text: string): string {
  const kept = text.split(';').filter((pair) => pair.trim() !== '' && !isOwnCookie(pair.split('=', 1)[0]!));
  return kept.map((pair) => pair.trim()).join('; ');
}

/** Fields that the gateway says itself. */
export function ownFields(context: FieldContext, identity: { principal: Principal; session: string } | null): Field[] {
  const own: Field[] = [
    ['X-Forwarded-For', context.source],
    ['X-Forwarded-Proto', context.scheme],
    ['X-Forwarded-Host', context.authority],
  ];
  if (identity !== null) {
    own.push(['X-Sallyport-Principal', encodeURIComponent(identity.principal.name)]);
    own.push(['X-Sallyport-Groups', identity.principal.groups.map(encodeURIComponent).join(',')]);
    own.push(['X-Sallyport-Session', identity.session]);
  }
  return own;
}

/** `over` set upon `fields`, whatever spelling of its names stands there. */
export function withFields(fields: readonly Field[], over: readonly Field[]): Field[] {
  if (over.length === 0) return [...fields];
  const set = new Set(over.map(([name]) => folded(name)));
  return [...fields.filter(([name]) => !set.has(folded(name))), ...over];
}

/** As reviewers, auditors and rules see them: names in lower case, without credentials. */
export function shownFields(fields: readonly Field[]): Field[] {
  const shown: Field[] = [];
  for (const [name, value] of fields) {
    const { lower, isSensitive } = knownName(name);
    if (lower === 'cookie' || lower === 'authorization' || lower === 'proxy-authorization') continue;
    const plain = addressFields.has(lower) ? addressWithoutPasswords(value) : value;
    shown.push([lower, isSensitive ? omitted : plain]);
  }
  return shown;
}

export { omitted };

/** What the gateway can undo, of what the client takes: an answer in another coding could not be looked into. */
export function knownCodings(accepted: readonly string[]): string {
  const kept: string[] = [];
  for (const one of accepted.join(',').split(',')) {
    const coding = one.split(';', 1)[0]!.trim().toLowerCase();
    if (['gzip', 'x-gzip', 'br', 'deflate', 'zstd', 'identity'].includes(coding)) kept.push(one.trim());
  }
  return kept.length === 0 ? 'identity' : kept.join(', ');
}

/** What of a request would bring an answer that a mask cannot follow: parts of it, or a coding nobody here knows. */
export function examinedFields(fields: readonly Field[], masked: boolean): Field[] {
  const partial = new Set(masked ? ['range', 'if-range', 'accept-encoding'] : ['accept-encoding']);
  // A part of what is encoded cannot be decoded.
  const isPart = !masked && firstOf(fields, 'range') !== null;
  const codings = isPart ? 'identity' : knownCodings(valuesOf(fields, 'accept-encoding'));
  return [...fields.filter(([name]) => !partial.has(name.toLowerCase())), ['Accept-Encoding', codings]];
}

/** Refuses heads that hold too much, or a field that no field can be. */
export function checkFields(fields: readonly Field[]): void {
  if (fields.length > limits.fieldsMax) throw httpErrors('http.head-too-large');
  for (const [name, value] of fields) {
    // Node's parsers refuse these already; what goes on must not rest on that.
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) || /[\r\n\0]/.test(value)) {
      throw httpErrors('http.malformed', { values: { what: 'a field that cannot be one' } });
    }
  }
}
