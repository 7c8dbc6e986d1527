/**
 * What must be held back: where, at the end of a line that goes on, something begins that could still become a finding.
 *
 * Invariants:
 * - For every finding in a text, and every cut within it, what stands before the cut is held from the finding's beginning
 *   on, at the latest. So is a finding about which what follows may still decide.
 * - *Strong* is only a beginning that hardly anything else has: it may be masked unseen. Everything else is *weak*.
 *
 * Derived from the detectors' expressions (prefix.ts) where they are expressions; numbers, telephones and addresses are
 * found by code, and have expressions here that admit more than they do.
 *
 * Deliberately absent: whether it is a finding (scanner.ts).
 */
import type { DetectPart } from '../detection.ts';
import { dateExpression, letteredRules } from '../detectors/lettered.ts';
import { assignment, bearer, privateKeyBegin, tokenRules } from '../detectors/secrets.ts';
import type { DetectorName } from '../detectors/table.ts';
import * as limits from './limits.ts';
import { beginningOf } from './prefix.ts';

/** Positions in the text; `strong` null where no beginning is strong. Both are below the text's length. */
export interface Held {
  readonly from: number;
  readonly strong: number | null;
}

interface Beginning {
  readonly expression: RegExp;
  /** Characters at the end of the text within which it must begin. */
  readonly tail: number;
  /** Characters from which on it is strong; infinite where it never is. */
  readonly strong: number;
  readonly strongForm: RegExp | null;
  /** What it must have in it to be strong, in lower case; empty: nothing. */
  readonly hints: readonly string[];
  /**
   * Set where what is found has no blank in it, so that only the last word counts, with so many characters before it for
   * its name. Then `gate` is in every beginning that is longer than `shortWordCharacters`.
   */
  readonly before: number | null;
  readonly gate: readonly string[];
}

/** Longer beginnings of a word have their hint whole. */
const shortWordCharacters = 40;
/** The longest name before a value, with what stands between. */
const nameCharacters = 128;

const horizon = limits.horizonCharacters;
const weak = Number.POSITIVE_INFINITY;

const octet = '\\d{1,3}';
const digitsBegin = new RegExp(
  `(?<![A-Za-z0-9_])[+(]{0,2}\\d[\\d ().\\-/]{0,30}$|(?<!\\w)[+(]{1,2}$|` +
    `(?<![A-Za-z0-9_])[+(]{0,2}\\d[\\d ().\\-/]{5,30}[^]{0,${horizon}}$`,
);
/** Layouts of cards from their third group on, bare digits beyond most identifiers, and social security numbers. */
const digitsStrong = /^(?:\d{4}([ -])\d{4}\1\d[\d -]*|\d{13,19}|\d{3}-\d\d-\d{1,4})$/;
const emailBegin = /[\p{L}\p{N}!#$%&'*+/=?^_`{|}~.-]{1,64}(?:@[\p{L}\p{N}.-]{0,253})?$/u;
const emailStrong = /^[^@]{2,}@[\p{L}\p{N}-]{2,}\.[\p{L}\p{N}.-]+$/u;
const addressBegin = new RegExp(
  `(?<![\\w.-])${octet}(?:\\.${octet}){0,3}\\.?$|(?<![\\w.-])${octet}(?:\\.${octet}){3}[^]{0,${horizon}}$|` +
    '(?<![\\w:.])[0-9A-Fa-f:.]{1,46}$|(?<![\\w:.])[0-9A-Fa-f:.]{2,46}[^]$',
);
const ibanBegin =
  /(?<![A-Za-z0-9])[A-Za-z]{1,2}\d{0,2}$|(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){0,33}[ -]?[\s\S]?$/;
const ibanStrong = /^[A-Z]{2}\d{2}[ -]?(?:[A-Z0-9]{4}[ -]?){2,}/;

const beginning = (
  expression: RegExp,
  tail: number,
  strong = weak,
  strongForm: RegExp | null = null,
  hints: readonly string[] = [],
): Beginning => ({ expression, tail, strong, strongForm, hints, before: null, gate: [] });

const inWord = (one: Beginning, gate: readonly string[], before = 0): Beginning => ({ ...one, before, gate });

/** Of a token without a name beside it, the prefix is the longest of its hints. */
function tokenBeginnings(names: ReadonlySet<DetectorName>): Beginning[] {
  return tokenRules
    .filter(({ detector }) => names.has(detector))
    .map(({ detector, expression, hints }) => {
      const prefix = Math.max(...hints.map((hint) => hint.length));
      const named = /\((?!\?)/.test(expression.source.replace(/\\./g, '').replace(/\[[^\]]*\]/g, ''));
      const strong = named
        ? limits.strongCharactersMin * 2
        : Math.max(limits.strongCharactersMin, prefix + limits.strongCharactersBeyondPrefix);
      const begun = beginningOf(expression, { group: named });
      const from = detector === 'url_password' ? weak : strong;
      const one = beginning(begun, limits.lineCharactersMax, from, null, named ? [] : hints);
      return inWord(one, hints, named ? nameCharacters : 0);
    });
}

function builtIn(names: ReadonlySet<DetectorName>): Beginning[] {
  const list = tokenBeginnings(names);
  if (names.has('private_key')) list.push(beginning(beginningOf(privateKeyBegin), 128, 11));
  if (names.has('high_entropy')) {
    const words = ['pass', 'pwd', 'secret', 'token', 'key', 'cred', 'auth', 'bearer', 'basic'];
    list.push(
      inWord(beginning(beginningOf(assignment, { group: true }), limits.tailCharacters), words, nameCharacters),
    );
    const named = beginning(
      beginningOf(bearer, { group: true }),
      limits.lineCharactersMax,
      limits.strongCharactersMin * 2,
    );
    list.push(inWord(named, ['bearer', 'basic'], nameCharacters));
  }
  for (const rule of letteredRules) {
    if (names.has(rule.detector)) list.push(beginning(beginningOf(rule.expression, { horizon }), 48 + horizon));
  }
  if (names.has('date_of_birth')) list.push(beginning(beginningOf(dateExpression, { horizon }), 64 + horizon));
  if (names.has('iban')) list.push(beginning(ibanBegin, 80, weak, ibanStrong));
  if (names.has('email')) list.push(beginning(emailBegin, 320, weak, emailStrong));
  if (names.has('ip_address')) list.push(beginning(addressBegin, 64 + horizon));
  const numeric = [...names].some((name) => name === 'phone' || name === 'credit_card' || /^[a-z]{2}_/.test(name));
  if (numeric) list.push(beginning(digitsBegin, 64 + horizon, weak, digitsStrong));
  return list;
}

function isStrong({ strong, strongForm, hints }: Beginning, begun: string): boolean {
  if (strongForm?.test(begun) === true) return true;
  if (begun.length < strong) return false;
  if (hints.length === 0) return true;
  const lower = begun.toLowerCase();
  return hints.some((hint) => lower.includes(hint));
}

export class Viability {
  readonly #beginnings: readonly Beginning[];
  readonly #custom: boolean;

  constructor(parts: readonly Pick<DetectPart, 'names' | 'custom'>[]) {
    this.#beginnings = builtIn(new Set(parts.flatMap(({ names }) => [...names])));
    this.#custom = parts.some(({ custom }) => custom.length > 0);
  }

  /** What to hold back of a text that goes on, or null. */
  of(text: string): Held | null {
    if (text.length === 0) return null;
    let from = text.length;
    let strong: number | null = null;
    const word = lastWord(text);
    const lower = text.slice(Math.max(0, word - nameCharacters)).toLowerCase();
    for (const one of this.#beginnings) {
      const offset = offsetOf(one, text.length, word, lower);
      if (offset >= text.length) continue;
      const begins = beginsAt(one, offset === 0 ? text : text.slice(offset)) + offset;
      if (begins >= text.length) continue;
      if (begins < from) from = begins;
      if ((strong === null || begins < strong) && isStrong(one, text.slice(begins))) strong = begins;
    }
    if (this.#custom) from = Math.min(from, Math.max(0, text.length - limits.customTailCharacters));
    return from === text.length ? null : { from, strong };
  }
}

/** Where the last word begins; the text's length where it ends with a blank. */
function lastWord(text: string): number {
  let at = text.length;
  while (at > 0 && !isBlank(text.charCodeAt(at - 1))) at--;
  return at;
}

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || code === 0xa0;
}

/** From where on a beginning is looked for; the length where it cannot be. `lower`: the text's end from the last name on. */
function offsetOf({ before, tail, gate }: Beginning, length: number, word: number, lower: string): number {
  if (before === null) return Math.max(0, length - tail);
  if (word === length) return length;
  // One character before tells whether a word begins there.
  const from = Math.max(0, word - Math.max(1, before), length - tail);
  if (length - from <= shortWordCharacters) return from;
  if (gate.some((hint) => lower.includes(hint))) return from;
  return before > 0 ? length : length - shortWordCharacters;
}

/** Where in a text what would be found has begun; its length where nothing has. */
function beginsAt({ expression }: Beginning, text: string): number {
  const match = expression.exec(text);
  if (match === null || match[0] === '') return text.length;
  if (match.groups === undefined) return match.index;
  const found = match.groups['found'];
  return text.length - (found?.length ?? 0);
}
