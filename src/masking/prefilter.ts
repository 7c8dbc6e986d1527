/**
 * One look at the bytes of a value that tells which detectors could find something at all. Most values of a database
 * hold nothing that any detector cares for; they cost this one loop and are never decoded.
 *
 * Invariant: never says no where a detector would find something in ASCII text; bytes beyond ASCII switch everything on.
 */

/** What a value has; bits. */
export const traits = {
  /** Four digits or more in all. */
  digits: 1,
  /** Six digits or more with at most two separators between any two of them. */
  number: 2,
  at: 4,
  /** Three points. */
  points: 8,
  /** Two colons. */
  colons: 16,
  /** Eight letters and digits in a row, both among them. */
  mixed: 32,
  /** Sixteen characters of the alphabets that keys and tokens are written in. */
  token: 64,
  /** A line of PEM. */
  pem: 128,
  /** Bytes beyond ASCII. */
  foreign: 256,
  /** A colon or an equals sign: something may be assigned. */
  assigned: 512,
} as const;

export const allTraits = 1023;

const digit = 1;
const letter = 2;
const separator = 4;
const tokenMark = 8;

/** Class of each byte: digit, letter, separator or mark of tokens (both in some), 16 beyond ASCII. */
export const byteClasses = new Uint8Array(256);
const classes = byteClasses;
for (let byte = 0; byte < 256; byte++) {
  const character = String.fromCharCode(byte);
  if (byte >= 0x80) classes[byte] = 16;
  else if (/[0-9]/.test(character)) classes[byte] = digit;
  else if (/[A-Za-z]/.test(character)) classes[byte] = letter;
  else classes[byte] = (/[ ().+/-]/.test(character) ? separator : 0) | (/[_\-+/=.:~]/.test(character) ? tokenMark : 0);
}

/** The traits of `value`. */
export function traitsOf(value: Uint8Array): number {
  let found = 0;
  let digits = 0;
  let number = 0;
  let gap = 0;
  let wordLetters = 0;
  let wordDigits = 0;
  let token = 0;
  let points = 0;
  let colons = 0;
  let dashes = 0;
  for (let index = 0; index < value.length; index++) {
    const byte = value[index]!;
    const kind = classes[byte]!;
    if (kind === letter) {
      wordLetters++;
      token++;
      number = 0;
      dashes = 0;
      continue;
    }
    if (kind === digit) {
      digits++;
      wordDigits++;
      token++;
      number++;
      gap = 0;
      dashes = 0;
      if (number >= 6) found |= traits.number;
      continue;
    }
    if (wordDigits > 0) {
      if (wordLetters > 0 && wordLetters + wordDigits >= 8) found |= traits.mixed;
      wordDigits = 0;
    }
    wordLetters = 0;
    if ((kind & tokenMark) !== 0) token++;
    else {
      if (token >= 16) found |= traits.token;
      token = 0;
    }
    if ((kind & separator) !== 0) {
      if (++gap > 2) number = 0;
    } else number = 0;
    if (byte === 0x2e) points++;
    else if (byte === 0x3d) found |= traits.assigned;
    else if (byte === 0x3a) colons++;
    else if (byte === 0x40) found |= traits.at;
    else if (kind === 16) found |= traits.foreign;
    if (byte === 0x2d) {
      if (++dashes === 5) found |= traits.pem;
    } else dashes = 0;
  }
  if (wordLetters > 0 && wordDigits > 0 && wordLetters + wordDigits >= 8) found |= traits.mixed;
  if (token >= 16) found |= traits.token;
  if (digits >= 4) found |= traits.digits;
  if (points >= 3) found |= traits.points;
  if (colons > 0) found |= traits.assigned;
  if (colons >= 2) found |= traits.colons;
  return found;
}

/**
 * The same of a folded text. A character beyond ASCII counts as some other byte, which can only add traits: none of them
 * continues a run that detectors look for.
 */
export function traitsOfText(text: string): number {
  return traitsOf(Buffer.from(text, 'latin1')) & ~traits.foreign;
}

const beyondAscii = /[^\x00-\x7f]/;

/** The same of a text that was not folded: beyond ASCII, anything may be in it. */
export function traitsOfSource(text: string): number {
  return beyondAscii.test(text) ? allTraits : traitsOfText(text);
}

/** The same of a text as UTF-8 in a part of `bytes`. */
export function traitsOfSourceIn(bytes: Buffer, from: number, to: number): number {
  const found = traitsOf(bytes.subarray(from, to));
  return (found & traits.foreign) === 0 ? found : allTraits;
}

const dash = 0x2d;
const colon = 0x3a;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const moment = /^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d(?::?\d\d)?)?$/;

/** The same of what stands in `bytes` from `from` to `to`. */
export function isIdentifierOrTimeIn(bytes: Buffer, from: number, to: number): boolean {
  const size = to - from;
  if (size < 19 || size > 36) return false;
  const mayBe = bytes[from + 13] === dash ? bytes[from + 8] === dash : bytes[from + 13] === colon;
  return mayBe && isIdentifierOrTime(bytes.subarray(from, to));
}

/** Whether a value is a UUID or a point in time and nothing else: common in text, full of digits, and never a finding. */
export function isIdentifierOrTime(value: Buffer): boolean {
  if (value.length < 19 || value.length > 36) return false;
  if (value[8] === dash && value[13] === dash) return uuid.test(value.toString('latin1'));
  return value[4] === dash && value[7] === dash && value[13] === colon && moment.test(value.toString('latin1'));
}
