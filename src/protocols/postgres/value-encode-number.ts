/**
 * numeric, from its decimal spelling. Exact; nothing goes through a float.
 *
 * Source: src/backend/utils/adt/numeric.c (numeric_recv).
 */

/** What the protocol's Int16 fields and the type itself allow: 131,072 digits before the point, 16,383 behind it. */
const wholeDigitsMax = 131_072;
const scaleMax = 16_383;

const specials: Readonly<Record<string, number>> = { NaN: 0xc000, Infinity: 0xd000, '-Infinity': 0xf000 };

/** Int16 digits, Int16 weight (of the first, in powers of 10,000), Int16 sign, Int16 scale, digits × Int16. */
export function encodeNumeric(text: string): Buffer | null {
  if (Object.hasOwn(specials, text)) return pack([], 0, specials[text]!, 0);
  const parts = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(text);
  if (parts === null || text.length > wholeDigitsMax + scaleMax) return null;
  const whole = parts[2]!.replace(/^0+/, '');
  const fraction = parts[3] ?? '';
  if (parts[2] === '' && fraction === '') return null;
  if (whole.length > wholeDigitsMax || fraction.length > scaleMax) return null;
  const padded = whole.padStart(Math.ceil(whole.length / 4) * 4, '0');
  const all = padded + fraction.padEnd(Math.ceil(fraction.length / 4) * 4, '0');
  const groups: number[] = [];
  for (let at = 0; at < all.length; at += 4) groups.push(Number(all.slice(at, at + 4)));
  let weight = padded.length / 4 - 1;
  let first = 0;
  while (first < groups.length && groups[first] === 0) {
    first++;
    weight--;
  }
  let end = groups.length;
  while (end > first && groups[end - 1] === 0) end--;
  const digits = groups.slice(first, end);
  return pack(
    digits,
    digits.length === 0 ? 0 : weight,
    parts[1] === '-' && digits.length > 0 ? 0x4000 : 0,
    fraction.length,
  );
}

function pack(digits: readonly number[], weight: number, sign: number, scale: number): Buffer {
  const bytes = Buffer.alloc(8 + digits.length * 2);
  bytes.writeInt16BE(digits.length, 0);
  bytes.writeInt16BE(weight, 2);
  bytes.writeUInt16BE(sign, 4);
  bytes.writeInt16BE(scale, 6);
  for (const [index, digit] of digits.entries()) bytes.writeInt16BE(digit, 8 + index * 2);
  return bytes;
}
