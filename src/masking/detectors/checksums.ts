/**
 * Check digits and calendars of identifiers. Digits come as texts of ASCII digits, already of the right length.
 */

export { passesLuhn } from '../keyed.ts';

const code = (text: string, index: number): number => text.charCodeAt(index) - 0x30;

/** Σ digit × weight over the weights given. */
export function weighted(digits: string, weights: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < weights.length; index++) sum += code(digits, index) * weights[index]!;
  return sum;
}

/** ISO 7064 MOD 97-10 over letters (A = 10) and digits: the remainder. */
export function remainder97(text: string): number {
  let rest = 0;
  for (let index = 0; index < text.length; index++) {
    const value = Number.parseInt(text[index]!, 36);
    rest = (value > 9 ? rest * 100 + value : rest * 10 + value) % 97;
  }
  return rest;
}

/** ISO 7064 MOD 11,10. */
export function passesMod11And10(digits: string): boolean {
  let product = 10;
  for (let index = 0; index < digits.length - 1; index++) {
    let sum = (code(digits, index) + product) % 10;
    if (sum === 0) sum = 10;
    product = (sum * 2) % 11;
  }
  const check = 11 - product;
  return (check === 10 ? 0 : check) === code(digits, digits.length - 1);
}

const dihedral = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const permutation = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
];

/** Verhoeff's scheme over the dihedral group of order ten. */
export function passesVerhoeff(digits: string): boolean {
  let check = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = code(digits, digits.length - 1 - index);
    check = Number(dihedral[check]![Number(permutation[index % 8]![digit]!)]!);
  }
  return check === 0;
}

const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether a month has such a day; 29 February counts, since two-digit years do not tell their century. */
export function isDay(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= monthDays[month - 1]!;
}

/** A whole date of someone who may be alive or on file. */
export function isBirthDate(year: number, month: number, day: number): boolean {
  if (year < 1890 || year > 2035 || !isDay(month, day)) return false;
  return month !== 2 || day < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

/** Whether all digits are the same: a filler, not an identifier. */
export function isRepeated(digits: string): boolean {
  for (let index = 1; index < digits.length; index++) if (digits[index] !== digits[0]) return false;
  return true;
}
