/**
 * The request-target: from what a client sent to the one spelling that rules are put to and the target gets (A-HTTP-06).
 *
 * | what                                    | becomes                | RFC                               |
 * |-----------------------------------------|------------------------|-----------------------------------|
 * | `%41`, `%7E` (unreserved)               | `A`, `~`               | 3986, 6.2.2.2                     |
 * | `%c3%a9`                                | `%C3%A9`               | 3986, 6.2.2.1                     |
 * | raw `" < > [ ] ^ { } |` and backtick    | `%22`, `%3C`, …        | not in `pchar`: 3986, 3.3         |
 * | `%2C` and `,` (sub-delims, `:`, `@`)    | as sent, both          | may differ: 3986, 2.2             |
 * | the query                               | as sent, to the byte   | 3986, 3.4                         |
 * | `/./`, `/../`, `%2e`                    | refused                | 3986, 5.2.4: resolved or not?     |
 * | `//`                                    | refused                | 3986, 3.3: merged or not?         |
 * | `;params`, `%3B`                        | refused, unless kept   | 3986, 3.3: part of the name?      |
 * | `%2F`                                   | refused, unless kept   | 3986, 2.2: a slash or not?        |
 * | `\`, `%5C`                              | refused                | WHATWG URL: a slash for some      |
 * | raw or encoded controls, `%00`          | refused                | 9110, 5.5: cuts a name short      |
 * | raw non-ASCII, encoded other than UTF-8 | refused                | 3986, 2.5                         |
 * | `%zz`, `%`                              | refused                | 3986, 2.1                         |
 * | `#`                                     | refused                | 9112, 3.2.1: no fragment          |
 * | absolute form, authority form, `*`      | refused                | 9112, 3.2: not of this origin     |
 *
 * In the query `;` is refused too, for some services take it for `&` (where it is kept, both readings are told), and so are
 * `%00`, broken escapes and what is no UTF-8.
 *
 * Invariants:
 * - What is canonical is given back as it is; two targets that are equal by RFC 3986, section 6.2.2, have one spelling.
 * - What is refused never becomes a command. Nothing is repaired that two services could repair differently.
 *
 * Deliberately absent: lower-casing (paths have a case; rules compare without), merging and resolving, the fragment.
 */
import * as limits from './limits.ts';

/** A target that may be sent on, in its canonical spelling. */
export interface CanonicalTarget {
  /** Percent-encoded where it must be; without the query. */
  readonly path: string;
  /** As sent, without the question mark; null where there is none. */
  readonly query: string | null;
  /** Path and query: what the target gets. */
  readonly target: string;
  /** The query, decoded, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

export type HttpFaultCode =
  | 'form'
  | 'length'
  | 'character'
  | 'escape'
  | 'dot-segment'
  | 'empty-segment'
  | 'parameters'
  | 'slash'
  | 'method'
  | 'content-type';

/** Why a request cannot be taken: to be answered with 400, or 414 where it is `length`. The reason is for people. */
export interface HttpFault {
  readonly fault: HttpFaultCode;
  readonly reason: string;
}

export interface TargetOptions {
  /** What some services need: `%2F` within a name stays as it is. Rules then see both readings. Refused unless given. */
  readonly encodedSlashes?: 'refuse' | 'keep';
  /** The same for `;` in path and query. Refused unless given. */
  readonly semicolons?: 'refuse' | 'keep';
}

export function isHttpFault(value: object): value is HttpFault {
  return Object.hasOwn(value, 'fault');
}

const unreserved = /^[A-Za-z0-9\-._~]$/;
/** What may stand raw in a segment (`pchar`), the semicolon aside. */
const plain = /^[A-Za-z0-9\-._~!$&'()*+,=:@]$/;
const hexadecimal = /^[0-9A-Fa-f]{2}$/;

class Refused extends Error {
  readonly code: HttpFaultCode;

  constructor(code: HttpFaultCode, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** Never throws. */
export function canonicalTarget(target: string, options: TargetOptions = {}): CanonicalTarget | HttpFault {
  try {
    return canonical(target, options);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { fault: error.code, reason: error.message };
  }
}

function canonical(target: string, options: TargetOptions): CanonicalTarget {
  if (!target.startsWith('/')) {
    throw new Refused(
      'form',
      'The request-target must begin with a slash: the origin is named by the Host field alone.',
    );
  }
  if (target.length > limits.targetBytesMax) {
    throw new Refused('length', `The request-target is longer than ${limits.targetBytesMax} bytes.`);
  }
  for (const character of target) {
    if (character > ' ' && character <= '~' && character !== '#') continue;
    throw new Refused(
      'character',
      character === '#'
        ? 'The request-target has a fragment (#). Leave it out, or encode it as %23.'
        : 'The request-target has a control character, a space or a character outside ASCII. Percent-encode it.',
    );
  }
  const at = target.indexOf('?');
  const query = at < 0 ? null : target.slice(at + 1);
  const segments = target.slice(1, at < 0 ? undefined : at).split('/');
  const path = `/${segments.map((one, index) => segment(one, index === segments.length - 1, options)).join('/')}`;
  // Encoding what must be encoded makes it longer, and what is canonical has to be taken again as it is.
  if (path.length + (query === null ? 0 : query.length + 1) > limits.targetBytesMax) {
    throw new Refused('length', `The request-target is longer than ${limits.targetBytesMax} bytes.`);
  }
  return {
    path,
    query,
    target: query === null ? path : `${path}?${query}`,
    fields: query === null ? [] : fieldsOf(query, options),
  };
}

function segment(sent: string, isLast: boolean, options: TargetOptions): string {
  if (sent === '') {
    if (isLast) return '';
    throw new Refused('empty-segment', 'The path has two slashes in a row, which services read in different ways.');
  }
  let made = '';
  for (let at = 0; at < sent.length; at++) {
    const character = sent[at]!;
    if (character === '%') {
      made += octet(sent.slice(at + 1, at + 3), options);
      at += 2;
    } else if (character === '\\') {
      throw new Refused('slash', 'The path has a backslash, which some services read as a slash.');
    } else if (character === ';') {
      semicolon(options);
      made += character;
    } else {
      made += plain.test(character) ? character : encoded(character.charCodeAt(0));
    }
  }
  if (decode(made) === null) {
    throw new Refused('escape', 'The path has percent-encoded bytes that are no UTF-8.');
  }
  // What is left where a service cuts parameters off, or splits at an encoded slash, must not be a dot either.
  for (const piece of made.split(/%2F/)) {
    const name = piece.split(/;|%3B/, 1)[0]!;
    if (name === '.' || name === '..') {
      throw new Refused('dot-segment', 'The path has a segment . or .. , which services resolve in different ways.');
    }
  }
  return made;
}

function octet(digits: string, options: TargetOptions): string {
  const code = codeOf(digits);
  if (code < 0x20 || code === 0x7f) {
    throw new Refused('character', 'The path has an encoded control character, where some services end the path.');
  }
  const character = String.fromCharCode(code);
  if (unreserved.test(character)) return character;
  if (character === '\\')
    throw new Refused('slash', 'The path has an encoded backslash, which some services read as a slash.');
  if (character === ';') semicolon(options);
  if (character === '/' && options.encodedSlashes !== 'keep') {
    throw new Refused('slash', 'The path has an encoded slash (%2F), which services read in different ways.');
  }
  return encoded(code);
}

function semicolon({ semicolons }: TargetOptions): void {
  if (semicolons === 'keep') return;
  throw new Refused('parameters', 'The path has a semicolon: some services leave out what follows it, others do not.');
}

function codeOf(digits: string): number {
  if (hexadecimal.test(digits)) return Number.parseInt(digits, 16);
  throw new Refused('escape', 'The request-target has a percent sign without two hexadecimal digits. Write it as %25.');
}

function encoded(code: number): string {
  return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Null where it is no UTF-8. */
export function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function fieldsOf(query: string, options: TargetOptions): readonly (readonly [string, string])[] {
  for (const found of query.matchAll(/%(.{0,2})/g)) {
    if (codeOf(found[1]!) === 0) throw new Refused('character', 'The query has %00, where some services end a value.');
  }
  const fields = splitFields(query, '&');
  if (fields === null) throw new Refused('escape', 'The query has percent-encoded bytes that are no UTF-8.');
  if (!query.includes(';')) return fields;
  if (options.semicolons !== 'keep') {
    throw new Refused(
      'parameters',
      'The query has a semicolon, which some services take for an ampersand. Write it as %3B.',
    );
  }
  // Whatever a service takes for a field is one here: rules restrict, and may rather see too many.
  const more = query.split('&').flatMap((part) => (part.includes(';') ? (splitFields(part, ';') ?? []) : []));
  return [...fields, ...more];
}

/** Names and values as HTML forms spell them (WHATWG URL, section 5.1), but null where anything is not UTF-8. */
export function splitFields(text: string, separator: '&' | ';'): readonly (readonly [string, string])[] | null {
  const fields: (readonly [string, string])[] = [];
  for (const part of text.split(separator)) {
    if (part === '') continue;
    const spaced = part.replaceAll('+', ' ');
    const equals = spaced.indexOf('=');
    const name = decode(equals < 0 ? spaced : spaced.slice(0, equals));
    const value = decode(equals < 0 ? '' : spaced.slice(equals + 1));
    if (name === null || value === null) return null;
    fields.push([name, value]);
  }
  return fields;
}
