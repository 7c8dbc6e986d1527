/**
 * Keyed pseudo-random values: hashes that stay equal for equal values, and digits that keep their layout.
 *
 * Invariants: everything here is a function of the key and the value alone, so equal values stay equal wherever they
 * appear; without the key nothing can be computed back or tried out (A-MSK-04).
 *
 * Digits are permuted by a balanced-as-possible Feistel network over their decimal value (the shape of FF1 of NIST SP
 * 800-38G, ten rounds, with one block of AES-256 as round function): two numbers of the same length never become one. It
 * is not FF1 itself, and nothing needs to be decrypted. Longer texts take their digits from a key stream of the whole value.
 *
 * HMAC is written out over the one-shot hash, which costs a third of the streaming interface for short values.
 */
import { type Cipheriv, createCipheriv, hash } from 'node:crypto';

/** Digits of the longest number that is permuted; longer ones take the key stream. A half fits 64 bits. */
const permutedDigitsMax = 38;
const rounds = 10;
/** Digits of a half up to which numbers are exact and 48 bits of noise have no bias worth naming. */
const smallHalfDigitsMax = 9;

const blockBytes = 64;

function sha256(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** RFC 2104, with its key prepared once. */
class Hmac {
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  constructor(key: Buffer) {
    const padded = Buffer.alloc(blockBytes);
    (key.length > blockBytes ? sha256(key) : key).copy(padded);
    this.#inner = Buffer.from(padded.map((byte) => byte ^ 0x36));
    this.#outer = Buffer.from(padded.map((byte) => byte ^ 0x5c));
  }

  digest(...parts: readonly Buffer[]): Buffer {
    return sha256(Buffer.concat([this.#outer, sha256(Buffer.concat([this.#inner, ...parts]))]));
  }
}

export class Keyed {
  readonly #hmac: Hmac;
  /** Made when first needed: most masks permute nothing. */
  #cipher: Cipheriv | null = null;
  readonly #block = Buffer.alloc(16);
  #oneDigit: readonly number[] | null = null;

  /** `label` separates one mask's values from another's. */
  constructor(key: Buffer, label: string) {
    this.#hmac = new Hmac(new Hmac(key).digest(Buffer.from(`sallyport mask 1\0${label}`)));
  }

  /** 32 bytes. `purpose` separates uses of one key. */
  digest(purpose: string, value: string | Buffer): Buffer {
    return this.#hmac.digest(Buffer.from(`${purpose}\0`), typeof value === 'string' ? Buffer.from(value) : value);
  }

  /** A permutation of the decimal numbers of `digits.length` digits, leading zeros included. */
  permuteDigits(digits: string): string {
    if (digits.length === 0) return '';
    if (digits.length === 1) return this.#permuteOne(digits);
    if (digits.length > permutedDigitsMax) {
      const stream = this.#stream('digits', digits, digits.length);
      return [...digits].map((digit, index) => String((Number(digit) + stream[index]!) % 10)).join('');
    }
    const leftSize = digits.length >> 1;
    let [left, right] = [digits.slice(0, leftSize), digits.slice(leftSize)];
    for (let round = 0; round < rounds; round++) {
      const noise = this.#round(digits.length, round, right);
      const size = left.length;
      const sum =
        size <= smallHalfDigitsMax
          ? (Number(left) + (noise.readUIntBE(0, 6) % 10 ** size)) % 10 ** size
          : (BigInt(left) + ((noise.readBigUInt64BE(0) << 64n) | noise.readBigUInt64BE(8))) % 10n ** BigInt(size);
      [left, right] = [right, String(sum).padStart(size, '0')];
    }
    return left + right;
  }

  /** One block of AES over the half, the length and the round. */
  #round(length: number, round: number, half: string): Buffer {
    this.#cipher ??= createCipheriv('aes-256-ecb', this.digest('digits', ''), null).setAutoPadding(false);
    this.#block.writeBigUInt64BE(BigInt(half), 0);
    this.#block[8] = length;
    this.#block[9] = round;
    return this.#cipher.update(this.#block);
  }

  /** Ten digits in an order of the key's own. */
  #permuteOne(digit: string): string {
    if (this.#oneDigit === null) {
      const noise = this.digest('one digit', '');
      const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
      for (let index = 9; index > 0; index--) {
        const other = noise[index]! % (index + 1);
        [order[index], order[other]] = [order[other]!, order[index]!];
      }
      this.#oneDigit = order;
    }
    return String(this.#oneDigit[Number(digit)]!);
  }

  #stream(purpose: string, value: string | Buffer, size: number): Buffer {
    const parts: Buffer[] = [];
    const seed = this.digest(purpose, value);
    for (let count = 0; count * 32 < size; count++) parts.push(this.digest(`${purpose} ${count}`, seed));
    return Buffer.concat(parts);
  }

  /**
   * `text` with its digits replaced by digits and its letters by letters of the same case; what is neither stays, but
   * letters and digits beyond ASCII become `x` and `0`. Digits that pass the Luhn check still do.
   */
  preserveFormat(text: string): string {
    const digits = text.replace(/[^0-9]/g, '');
    const hasLetters = /[\p{L}\p{N}\p{M}]/u.test(text.replace(/[0-9]/g, ''));
    if (!hasLetters) return fillDigits(text, this.#permuteLuhn(digits));
    const stream = this.#stream('format', text, text.length);
    let index = 0;
    return text.replace(/[\p{L}\p{N}\p{M}]/gu, (character) => {
      const noise = stream[index++]!;
      const code = character.charCodeAt(0);
      if (code >= 0x30 && code <= 0x39) return String((code - 0x30 + noise) % 10);
      if (code >= 0x41 && code <= 0x5a) return String.fromCharCode(0x41 + ((code - 0x41 + noise) % 26));
      if (code >= 0x61 && code <= 0x7a) return String.fromCharCode(0x61 + ((code - 0x61 + noise) % 26));
      return /\p{N}/u.test(character) ? '0' : 'x';
    });
  }

  #permuteLuhn(digits: string): string {
    if (digits.length < 8 || !passesLuhn(digits)) return this.permuteDigits(digits);
    const body = this.permuteDigits(digits.slice(0, -1));
    return body + luhnDigit(body);
  }
}

/** `text` with its ASCII digits replaced, one by one. */
function fillDigits(text: string, digits: string): string {
  let index = 0;
  return text.replace(/[0-9]/g, () => digits[index++]!);
}

function luhnSum(digits: string, double: boolean): number {
  let sum = 0;
  for (let index = digits.length - 1; index >= 0; index--) {
    let digit = digits.charCodeAt(index) - 0x30;
    if (double) digit = digit > 4 ? digit * 2 - 9 : digit * 2;
    sum += digit;
    double = !double;
  }
  return sum;
}

/** ISO/IEC 7812-1, annex B. */
export function passesLuhn(digits: string): boolean {
  return luhnSum(digits, false) % 10 === 0;
}

/** The check digit that makes `body` pass. */
export function luhnDigit(body: string): string {
  return String((10 - (luhnSum(body, true) % 10)) % 10);
}
