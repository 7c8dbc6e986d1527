/**
 * Covering a value in its own length: for values in rows that are too long to be gathered, whose lengths were announced
 * before they came. Nothing of the value stays but its length and, where the type has one, its shape.
 *
 * The result is a valid value of the built-in types wherever its length allows one; an unknown type gets bytes that its
 * client may not be able to read, which is safe.
 *
 * Source: as value-encode.ts.
 */
import { textualTypes } from './value-encode.ts';

/** Covers `piece`, which stands at `offset` of a value of `size` bytes, in place. */
export type Fill = (piece: Buffer, offset: number, size: number) => void;

const star = 0x2a;
const zeroDigit = 0x30;
const quote = 0x22;

const zeros: Fill = (piece) => void piece.fill(0);
const stars: Fill = (piece) => void piece.fill(star);

/** Everything but the first `kept` bytes becomes zero. */
function keeping(kept: number): Fill {
  return (piece, offset) => void piece.fill(0, Math.min(piece.length, Math.max(0, kept - offset)));
}

/** A JSON string of stars from `start` on; a single byte holds the number 0. */
function jsonFrom(start: number): Fill {
  return (piece, offset, size) => {
    const from = Math.max(0, start - offset);
    piece.fill(size - start === 1 ? zeroDigit : star, Math.min(piece.length, from));
    if (size - start === 1) return;
    for (const at of [start, size - 1]) {
      if (at >= offset && at < offset + piece.length) piece[at - offset] = quote;
    }
  };
}

function fillArrayText(piece: Buffer, offset: number, size: number): void {
  piece.fill(star);
  if (offset === 0) piece[0] = 0x7b;
  if (offset + piece.length === size) piece[piece.length - 1] = 0x7d;
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/** Digits, and letters where they are hexadecimal digits, become 0; what stands between them stays. */
function digits(letters: boolean, from = 0): Fill {
  return (piece, offset) => {
    for (let index = Math.max(0, from - offset); index < piece.length; index++) {
      if (isDigit(piece[index]!) || (letters && isLetter(piece[index]!))) piece[index] = zeroDigit;
    }
  };
}

const someDay = Buffer.from('2000-01-01');

/** A date, perhaps with a time behind it. */
function fillDate(piece: Buffer, offset: number, size: number): void {
  digits(false)(piece, offset, size);
  for (let index = 0; index < piece.length && offset + index < someDay.length; index++) {
    piece[index] = someDay[offset + index]!;
  }
}

const textFills: ReadonlyMap<number, Fill> = new Map<number, Fill>([
  [16, (piece) => void piece.fill(0x66)],
  [17, digits(true, 2)],
  ...[20, 21, 23, 26, 28, 29, 700, 701, 1700, 5069].map(
    (oid) => [oid, (piece: Buffer) => void piece.fill(zeroDigit)] as const,
  ),
  [790, digits(false)],
  [114, jsonFrom(0)],
  [3802, jsonFrom(0)],
  ...[650, 774, 829, 869, 2950].map((oid) => [oid, digits(true)] as const),
  [1082, fillDate],
  [1114, fillDate],
  [1184, fillDate],
  [1083, digits(false)],
  [1186, digits(false)],
  [1266, digits(false)],
]);

const binaryFills: ReadonlyMap<number, Fill> = new Map<number, Fill>([
  [114, jsonFrom(0)],
  [650, keeping(4)],
  [869, keeping(4)],
  // The count of digits must go with the length.
  [1700, keeping(2)],
  [
    3802,
    (piece, offset, size) => {
      jsonFrom(1)(piece, offset, size);
      if (offset === 0) piece[0] = 1;
    },
  ],
]);

/** How a value of this type is covered. `isArray`: it is an array's literal. */
export function fillOf(typeOid: number, isBinary: boolean, isArray: boolean): Fill {
  if (isBinary) return binaryFills.get(typeOid) ?? (textualTypes.has(typeOid) ? stars : zeros);
  return textFills.get(typeOid) ?? (isArray ? fillArrayText : stars);
}
