/**
 * Spelling binary numbers. Exact: numeric and money never pass through a float, floats are given their shortest
 * spelling that reads back the same, as the server does since version 12.
 *
 * Deliberately absent: locales. Source: src/backend/utils/adt/numeric.c, float.c, cash.c; src/common/d2s.c, f2s.c.
 */
import type { Body } from './body.ts';

const signs = { positive: 0x0000, negative: 0x4000, nan: 0xc000, infinity: 0xd000, minusInfinity: 0xf000 } as const;

/** The largest scale that a numeric can have (NUMERIC_DSCALE_MASK); more is malformed, and would be long to spell. */
const scaleMax = 0x3fff;

/** Int16 digits, Int16 weight (of the first, in powers of 10,000), Int16 sign, Int16 scale, digits × Int16. */
export function numeric(body: Body): string {
  const count = body.int16();
  const weight = body.int16();
  const sign = body.int16() & 0xffff;
  const scale = body.int16();
  if (count < 0 || count * 2 > body.left || scale < 0 || scale > scaleMax) throw body.malformed('numeric');
  const digits: number[] = [];
  for (let index = 0; index < count; index++) {
    const digit = body.int16();
    if (digit < 0 || digit > 9999) throw body.malformed('numeric digit');
    digits.push(digit);
  }
  switch (sign) {
    case signs.nan:
      return 'NaN';
    case signs.infinity:
      return 'Infinity';
    case signs.minusInfinity:
      return '-Infinity';
    case signs.positive:
    case signs.negative:
      break;
    default:
      throw body.malformed('numeric sign');
  }
  const group = (power: number): string => String(digits[weight - power] ?? 0).padStart(4, '0');
  let whole = '';
  for (let power = weight; power >= 0; power--) whole += group(power);
  let fraction = '';
  for (let power = -1; fraction.length < scale; power--) fraction += group(power);
  const text = (whole.replace(/^0+/, '') || '0') + (scale > 0 ? `.${fraction.slice(0, scale)}` : '');
  return sign === signs.negative ? `-${text}` : text;
}

/** Int64 in the smallest unit. How many of them make one, only the server's locale knows: two decimals are assumed. */
export function money(body: Body): string {
  const cents = body.buffer.readBigInt64BE(body.take(8));
  const digits = String(cents < 0n ? -cents : cents).padStart(3, '0');
  return `${cents < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

export function float8(body: Body): string {
  const value = body.buffer.readDoubleBE(body.take(8));
  let spelled = value.toExponential();
  // JavaScript's shortest spelling may lie exactly between two doubles and rely on the tie going our way; the server
  // does not rely on that and takes a digit more. Only whole numbers of this size can be such a middle.
  const size = Math.abs(value);
  if (size >= 2 ** 53 && size < 1e40) {
    if (isMiddle(spelled, size)) spelled = longer(value, spelled, size);
  }
  return shortest(value, spelled, 15);
}

/** True when the decimal `spelled` is exactly half-way between `size`, a whole number, and one of its neighbours. */
function isMiddle(spelled: string, size: number): boolean {
  const [, first, rest = '', power] = /^-?(\d)(?:\.(\d+))?e\+(\d+)$/.exec(spelled)!;
  const decimal = BigInt(first! + rest) * 10n ** BigInt(Number(power) - rest.length);
  const ulp = 2n ** BigInt(Math.floor(Math.log2(size)) - 52);
  const distance = decimal - BigInt(size);
  return distance * 2n === ulp || distance * -2n === ulp;
}

function longer(value: number, spelled: string, size: number): string {
  for (let digits = spelled.replace(/e.*|[-.]/g, '').length; digits <= 16; digits++) {
    const candidate = value.toExponential(digits);
    if (Number(candidate) === value && !isMiddle(candidate, size)) return candidate;
  }
  return spelled;
}

export function float4(body: Body): string {
  const value = body.buffer.readFloatBE(body.take(4));
  if (!Number.isFinite(value) || value === 0) return shortest(value, '', 6);
  const size = Math.abs(value);
  // The middles to the neighbours; a double holds them exactly. What lies strictly between reads back as `value`.
  const bits = Buffer.alloc(4);
  bits.writeFloatBE(size);
  const around = (step: number): number => {
    const neighbour = Buffer.alloc(4);
    neighbour.writeUInt32BE(bits.readUInt32BE() + step);
    const read = neighbour.readFloatBE();
    return (size + (Number.isFinite(read) ? read : 2 ** 128)) / 2;
  };
  const low = around(-1);
  const high = around(1);
  for (let digits = 0; digits < 9; digits++) {
    // Below a power of two neighbours are nearer than above it: the nearest decimal may be outside, the next inside.
    for (const candidate of [nearest(size, digits), above(nearest(size, digits))]) {
      const read = Number(candidate);
      if (read > low && read < high) return shortest(value, (value < 0 ? '-' : '') + candidate, 6);
    }
  }
  return shortest(value, value.toExponential(8), 6);
}

/** The nearest decimal of `digits` behind the point; of two as near the even one, where `toExponential` takes the upper. */
function nearest(size: number, digits: number): string {
  const upper = size.toExponential(digits);
  const exact = size.toExponential(40);
  if (!/^50*$/.test(exact.slice(digits + 2, exact.indexOf('e')))) return upper;
  const cut = exact.slice(0, digits === 0 ? 1 : digits + 2);
  return /[02468]$/.test(cut) ? cut + exact.slice(exact.indexOf('e')) : upper;
}

/** The next decimal of as many digits. */
function above(exponential: string): string {
  const [, first, rest = '', power] = /^(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(exponential)!;
  const digits = String(BigInt(first! + rest) + 1n);
  const carried = digits.length > rest.length + 1 ? 1 : 0;
  const exponent = Number(power) + carried;
  const fraction = digits.slice(1, rest.length + 1);
  return `${digits[0]}${fraction === '' ? '' : `.${fraction}`}e${exponent < 0 ? '' : '+'}${exponent}`;
}

/** Lays out `d.ddde±x` as the server does: plain from 1e-4 up to `plainDigits` whole digits, else with an exponent. */
function shortest(value: number, exponential: string, plainDigits: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [, minus, first, rest = '', power] = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(exponential)!;
  const exponent = Number(power);
  const digits = first! + rest.replace(/0+$/, '');
  if (exponent < -4 || exponent >= plainDigits) {
    const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
    const shown = String(Math.abs(exponent)).padStart(2, '0');
    return `${minus}${mantissa}e${exponent < 0 ? '-' : '+'}${shown}`;
  }
  if (exponent < 0) return `${minus}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const fraction = digits.slice(exponent + 1);
  return minus + (fraction === '' ? whole : `${whole}.${fraction}`);
}
