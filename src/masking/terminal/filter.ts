/**
 * One look at a chunk of bytes that tells which of its lines could hold a finding at all: most lines of logs hold none, and
 * are given back as they came, never decoded.
 *
 * Invariant: never passes over a line in which the scanner would find something, or which a terminal would show otherwise
 * than it is written (controls, bytes beyond ASCII).
 *
 * Deliberately absent: what is found (scanner.ts). One function, `next`, is all that callers know of how this is done.
 */
import type { DetectPart } from '../detection.ts';
import { tokenRules } from '../detectors/secrets.ts';
import type { DetectorName } from '../detectors/table.ts';

const codeBits = 6;
const other = 0;
const digitCode = 27;
/** Controls and bytes beyond ASCII. */
const special = 62;
const marks = '_-:/.@=~ +';

const codes = new Uint8Array(256).fill(other);
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte).toLowerCase();
  if (byte >= 0x80 || byte < 0x20 || byte === 0x7f) codes[byte] = special;
  else if (character >= 'a' && character <= 'z') codes[byte] = character.charCodeAt(0) - 0x60;
  else if (character >= '0' && character <= '9') codes[byte] = digitCode;
  else if (marks.includes(character)) codes[byte] = digitCode + 1 + marks.indexOf(character);
}
codes[0x09] = other;
codes[0x0a] = other;
codes[0x0d] = special;

/** What stands in whatever a detector finds: three characters to look up, and the rest to be sure. */
interface Hint {
  readonly begins: string;
  /** What must follow `begins`, without regard to case. */
  readonly then: string;
}

const hint = (text: string, then = ''): Hint => ({ begins: text, then });

const assignmentHints = 'pass pwd secret token key cred auth bearer basic'.split(' ').map((text) => hint(text));
const birthHints = 'birth born dob bday geb naiss ne nac nasc urodz'.split(' ').map((text) => hint(text));
/** What stands behind the sign decides; what stands before it may be anything. */
const emailHint = hint('@', '[^]?');

/** Two prefixes are so short that words begin like them: what follows must look like the rest of a token. */
function tokenHint(text: string): Hint {
  if (text === 'sk') return hint(text, '[0-9a-f]{8}');
  if (text === ':aa' || text === 'eaaa' || text === 'key-') return hint(text, '[a-z0-9_-]{8}');
  if (/^(?:sk|hf)[-_]$/.test(text) || text === 'q~') return hint(text, '[a-z0-9_~.-]{6}');
  return hint(text);
}

function hintsOf(names: ReadonlySet<DetectorName>): Hint[] {
  const hints: Hint[] = [];
  for (const rule of tokenRules) {
    // The hints of what stands beside a name are words of prose, but few.
    if (names.has(rule.detector)) hints.push(...rule.hints.map(tokenHint));
  }
  if (names.has('private_key')) hints.push(hint('-----begin '));
  if (names.has('high_entropy')) hints.push(...assignmentHints);
  if (names.has('date_of_birth')) hints.push(...birthHints);
  if (names.has('email')) hints.push(emailHint);
  return hints;
}

const codeOf = (character: string): number => codes[character.charCodeAt(0)]!;

/** What `next` answers where no line is left to look at. */
export const none = -1;

interface Memo {
  readonly bytes: Uint8Array | null;
  readonly from: number;
  readonly to: number;
  readonly found: number;
}

const nothing: Memo = { bytes: null, from: 0, to: 0, found: none };

export class LineFilter {
  readonly #everything: boolean;
  readonly #controls: boolean;
  /** By three codes: which check must pass, 1 and up; 0 where no hint begins so. */
  readonly #table = new Uint8Array(1 << (codeBits * 3));
  readonly #checks: RegExp[] = [];
  readonly #numbers: boolean;
  readonly #mixed: boolean;
  readonly #addresses: boolean;
  #memo: Memo = nothing;

  /** `controls`: whether lines with controls are to be looked at, as on a terminal. */
  constructor(parts: readonly Pick<DetectPart, 'names' | 'custom'>[], controls: boolean) {
    const names = new Set(parts.flatMap((part) => [...part.names]));
    this.#controls = controls;
    this.#everything = parts.some(({ custom }) => custom.length > 0);
    const byBeginning = new Map<number, Set<string>>();
    for (const one of hintsOf(names)) {
      for (const key of keysOf(one)) {
        const checks = byBeginning.get(key) ?? new Set();
        checks.add(one.begins.replace(/[.+/~]/g, '\\$&') + one.then);
        byBeginning.set(key, checks);
      }
    }
    const numbers = new Map<string, number>();
    for (const [key, checks] of byBeginning) {
      const source = [...checks].join('|');
      let number = numbers.get(source);
      if (number === undefined) {
        this.#checks.push(new RegExp(`^(?:${source})`, 'i'));
        number = this.#checks.length;
        numbers.set(source, number);
      }
      this.#table[key] = number;
    }
    const national = [...names].some((name) => /^[a-z]{2}_/.test(name));
    this.#numbers = national || names.has('credit_card') || names.has('phone') || names.has('iban');
    this.#mixed = national || names.has('iban');
    this.#addresses = names.has('ip_address');
  }

  /** A position between `from` and `to` whose line must be looked at, no line before it must; `none` where none must. */
  next(bytes: Uint8Array, from: number, to: number): number {
    if (this.#everything && from < to) return from;
    const found = this.#memoized(bytes, from, to);
    if (!this.#numbers && !this.#addresses) return found;
    const number = this.#nextNumber(bytes, from, found === none ? to : found);
    return number === none ? found : number;
  }

  /** Hints are far between where numbers are not: what was found for a chunk is remembered until it is passed. */
  #memoized(bytes: Uint8Array, from: number, to: number): number {
    const memo = this.#memo;
    const known =
      memo.bytes === bytes && memo.to === to && from >= memo.from && (memo.found === none || from <= memo.found);
    if (!known) this.#memo = { bytes, from, to, found: this.#nextHint(bytes, from, to) };
    const { found } = this.#memo;
    // A chunk's memory may be written to again: what is remembered is good for one walk through it.
    if (found === none && !this.#numbers && !this.#addresses) this.forget();
    return found;
  }

  /** A walk through a chunk is over. */
  forget(): void {
    this.#memo = nothing;
  }

  #nextHint(bytes: Uint8Array, from: number, to: number): number {
    const table = this.#table;
    let key = 0;
    for (let index = from; index < to; index++) {
      const code = codes[bytes[index]!]!;
      key = ((key << codeBits) | code) & 0x3ffff;
      if (code === special) {
        if (this.#isSpecial(bytes, index, to)) return index;
      } else if (table[key] !== 0 && this.#isHint(bytes, index - 2, table[key]!)) return index;
    }
    return none;
  }

  #isSpecial(bytes: Uint8Array, index: number, to: number): boolean {
    const byte = bytes[index]!;
    if (byte >= 0x80) return true;
    if (!this.#controls) return false;
    return byte !== 0x0d || index + 1 >= to || bytes[index + 1] !== 0x0a;
  }

  #isHint(bytes: Uint8Array, index: number, number: number): boolean {
    // What begins in an earlier chunk was looked at there: lines come whole.
    let text = '';
    for (let at = Math.max(0, index); at < bytes.length && at < index + 20; at++)
      text += String.fromCharCode(bytes[at]!);
    return this.#checks[number - 1]!.test(text);
  }

  /** Six digits with at most two separators between any two; digits in a word; dotted and coloned addresses. */
  #nextNumber(bytes: Uint8Array, from: number, to: number): number {
    let digits = 0;
    let gap = 0;
    let wordLetters = 0;
    let wordDigits = 0;
    let points = 0;
    let colons = 0;
    let doubled = false;
    for (let index = from; index < to; index++) {
      const code = codes[bytes[index]!]!;
      if (code === digitCode) {
        digits++;
        wordDigits++;
        gap = 0;
        if (digits >= 6 && this.#numbers) return index;
        if (this.#mixed && wordLetters > 0 && wordLetters + wordDigits >= 8) return index;
        if (this.#addresses && (points >= 3 || colons >= 5 || doubled)) return index;
        continue;
      }
      if (code > 0 && code < digitCode) {
        wordLetters++;
        digits = 0;
        if (this.#mixed && wordDigits > 0 && wordLetters + wordDigits >= 8) return index;
        if (code > 6) {
          points = 0;
          colons = 0;
          doubled = false;
        } else if (this.#addresses && (colons >= 5 || doubled)) return index;
        continue;
      }
      wordLetters = 0;
      wordDigits = 0;
      const byte = bytes[index]!;
      if (byte === 0x20 || byte === 0x28 || byte === 0x29 || byte === 0x2b || (byte >= 0x2d && byte <= 0x2f)) {
        if (++gap > 2) digits = 0;
      } else digits = 0;
      if (byte === 0x2e) points++;
      else if (byte === 0x3a) {
        colons++;
        doubled ||= bytes[index - 1] === 0x3a;
        if (this.#addresses && doubled) return index;
      } else {
        points = 0;
        colons = 0;
        doubled = false;
      }
    }
    return none;
  }
}

/** The keys of the first three characters; where there are fewer, whatever may follow or stand before. */
function keysOf({ begins }: Hint): number[] {
  const [first, second, third] = [codeOf(begins[0]!), codeOf(begins[1] ?? ' '), codeOf(begins[2] ?? ' ')];
  if (begins.length >= 3) return [(first << (2 * codeBits)) | (second << codeBits) | third];
  const keys: number[] = [];
  for (let code = 0; code < special; code++) {
    if (begins.length === 2) keys.push((first << (2 * codeBits)) | (second << codeBits) | code);
    else for (let last = 0; last < special; last++) keys.push((first << (2 * codeBits)) | (code << codeBits) | last);
  }
  return keys;
}
