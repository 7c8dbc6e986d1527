/**
 * Identifiers that are written as digits in groups: cards, and the national numbers without letters.
 *
 * Each rule gives the layouts it is written in ("3-2-4" for 123-45-6789) and a check of the digits alone; the scanner finds
 * runs of groups, looks their layout up, and asks. So a value costs the same however many rules are on.
 *
 * How sure a hit is: `strong` fires always, `medium` unless a name or neighbour speaks against it, `weak` only where one
 * speaks for it. What about one in ten of random digits would pass is weak.
 */
import { isBirthDate, isDay, isRepeated, passesLuhn, passesMod11And10, passesVerhoeff, weighted } from './checksums.ts';
import type { Strength } from './context.ts';
import type { DetectorName } from './table.ts';

export interface NumberRule {
  readonly detector: DetectorName;
  /** Layout → how sure a passing number in it is. */
  readonly layouts: Readonly<Record<string, Strength>>;
  check(digits: string): boolean;
  /** The same of the first `size` of digits as values, for what is common enough. */
  readonly checkValues?: (digits: Uint8Array, size: number) => boolean;
}

const part = (digits: string, from: number, size: number): number => Number(digits.slice(from, from + size));

const cardLayouts: Record<string, Strength> = {};
for (let size = 13; size <= 19; size++) cardLayouts[size] = 'medium';
for (const groups of [
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
  [4, 4, 4, 4, 3],
  [4, 4, 4, 1],
  [6, 13],
  [4, 4, 5],
  [4, 5, 6],
  [8, 8],
  [6, 10],
  [4, 4, 4, 4, 1],
  [4, 4, 4, 4, 2],
  [4, 4, 4, 2],
  [4, 4, 4, 3],
]) {
  for (const separator of [' ', '-', '.']) cardLayouts[groups.join(separator)] = 'strong';
}

/** Luhn's check digit (ISO/IEC 7812-1) over digits as values. */
function passesLuhnValues(digits: Uint8Array, size: number): boolean {
  let sum = 0;
  for (let index = size - 1, doubled = false; index >= 0; index--, doubled = !doubled) {
    const digit = digits[index]!;
    sum += doubled ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
  }
  return sum % 10 === 0;
}

const cardValues = new Uint8Array(32);

export function isCard(digits: string): boolean {
  const size = Math.min(digits.length, cardValues.length);
  for (let index = 0; index < size; index++) cardValues[index] = digits.charCodeAt(index) - 0x30;
  return isCardOf(cardValues, size);
}

/** Brands by their first digits, with the lengths they use. Sources: ISO/IEC 7812 registries that the brands publish. */
function isCardOf(digits: Uint8Array, size: number): boolean {
  const first = digits[0]!;
  const six = ((((first * 10 + digits[1]!) * 10 + digits[2]!) * 10 + digits[3]!) * 10 + digits[4]!) * 10 + digits[5]!;
  const four = Math.floor(six / 100);
  const two = Math.floor(six / 10_000);
  const known =
    // Visa
    (first === 4 && (size === 13 || size === 16 || size === 19)) ||
    // Mastercard
    (size === 16 && ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720))) ||
    // American Express
    (size === 15 && (two === 34 || two === 37)) ||
    // Discover and UnionPay, which share numbers
    ((size === 16 || size === 19) &&
      (four === 6011 || two === 65 || (six >= 644_000 && six <= 649_999) || two === 62 || two === 81)) ||
    ((size === 17 || size === 18) && two === 62) ||
    // Diners Club
    (size === 14 && (two === 36 || two === 38 || two === 39 || (six >= 300_000 && six <= 305_999))) ||
    (size === 16 && (two === 36 || two === 38 || two === 39 || (six >= 300_000 && six <= 305_999))) ||
    // JCB
    (size === 16 && four >= 3528 && four <= 3589) ||
    // Maestro
    (size >= 13 &&
      (four === 5018 ||
        four === 5020 ||
        four === 5038 ||
        four === 5893 ||
        four === 6304 ||
        four === 6759 ||
        (four >= 6761 && four <= 6763))) ||
    // RuPay, Mir, Troy, Elo, Hipercard
    (size === 16 &&
      (two === 60 ||
        two === 82 ||
        four === 5085 ||
        (four >= 2200 && four <= 2204) ||
        four === 9792 ||
        six === 636_368 ||
        six === 438_935 ||
        six === 606_282));
  if (!known || !passesLuhnValues(digits, size)) return false;
  for (let index = 1; index < size; index++) if (digits[index] !== first) return true;
  return false;
}

function isSsn(digits: string): boolean {
  const area = part(digits, 0, 3);
  return (
    area !== 0 &&
    area !== 666 &&
    area < 900 &&
    part(digits, 3, 2) !== 0 &&
    part(digits, 5, 4) !== 0 &&
    !isRepeated(digits)
  );
}

function isNhs(digits: string): boolean {
  const check = 11 - (weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
  return (check === 11 ? 0 : check) === part(digits, 9, 1) && !isRepeated(digits);
}

/** One digit of the first ten stands there twice or three times, all others at most once. */
function isSteuerId(digits: string): boolean {
  if (digits[0] === '0') return false;
  const counts = new Array<number>(10).fill(0);
  for (const digit of digits.slice(0, 10)) counts[Number(digit)]!++;
  const several = counts.filter((count) => count > 1);
  return several.length === 1 && several[0]! <= 3 && passesMod11And10(digits);
}

function isNir(digits: string): boolean {
  const month = part(digits, 3, 2);
  const plausible =
    /^[1-478]/.test(digits) && ((month >= 1 && month <= 12) || (month >= 20 && month <= 42) || month >= 50);
  return plausible && part(digits, 13, 2) === 97 - (part(digits, 0, 13) % 97);
}

function isPesel(digits: string): boolean {
  const month = part(digits, 2, 2);
  const century = [1900, 2000, 2100, 2200, 1800][Math.floor(month / 20)]!;
  if (!isBirthDate(century + part(digits, 0, 2), month % 20, part(digits, 4, 2))) return false;
  return (10 - (weighted(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10 === part(digits, 10, 1);
}

function checkDigit11(digits: string, weights: readonly number[]): number {
  const rest = weighted(digits, weights) % 11;
  return rest < 2 ? 0 : 11 - rest;
}

function isCpf(digits: string): boolean {
  return (
    !isRepeated(digits) &&
    checkDigit11(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) === part(digits, 9, 1) &&
    checkDigit11(digits, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) === part(digits, 10, 1)
  );
}

function isCnpj(digits: string): boolean {
  return (
    !isRepeated(digits) &&
    checkDigit11(digits, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === part(digits, 12, 1) &&
    checkDigit11(digits, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === part(digits, 13, 1)
  );
}

function isMedicare(digits: string): boolean {
  return (
    /^[2-6]/.test(digits) && weighted(digits, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === part(digits, 8, 1) && digits[9] !== '0'
  );
}

function isSouthAfrican(digits: string): boolean {
  return isDay(part(digits, 2, 2), part(digits, 4, 2)) && part(digits, 10, 1) <= 1 && passesLuhn(digits);
}

function isPersonnummer(digits: string): boolean {
  const short = digits.length === 12 ? digits.slice(2) : digits;
  if (digits.length === 12 && !/^(?:18|19|20)/.test(digits)) return false;
  const day = part(short, 4, 2);
  // A coordination number has sixty added to its day.
  return isDay(part(short, 2, 2), day > 60 ? day - 60 : day) && passesLuhn(short);
}

export function isResidentId(text: string): boolean {
  if (!/^[1-9]/.test(text) || !isBirthDate(part(text, 6, 4), part(text, 10, 2), part(text, 12, 2))) return false;
  const rest = weighted(text, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11;
  return '10X98765432'[rest] === text[17]!.toUpperCase();
}

function isMyNumber(digits: string): boolean {
  const rest = weighted(digits, [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
  return !isRepeated(digits) && (rest <= 1 ? 0 : 11 - rest) === part(digits, 11, 1);
}

/** Numbers given since October 2020 have no check digit any more; the date must do. */
function isRrn(digits: string): boolean {
  const century = [1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800][part(digits, 6, 1)]!;
  return isBirthDate(century + part(digits, 0, 2), part(digits, 2, 2), part(digits, 4, 2));
}

function isKimlik(digits: string): boolean {
  if (digits[0] === '0') return false;
  const odd = weighted(digits, [1, 0, 1, 0, 1, 0, 1, 0, 1]);
  const even = weighted(digits, [0, 1, 0, 1, 0, 1, 0, 1]);
  if ((((odd * 7 - even) % 10) + 10) % 10 !== part(digits, 9, 1)) return false;
  return weighted(digits, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]) % 10 === part(digits, 10, 1);
}

function isBsn(digits: string): boolean {
  return !isRepeated(digits) && weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0;
}

function isTfn(digits: string): boolean {
  const weights = digits.length === 9 ? [1, 4, 3, 7, 5, 8, 6, 9, 10] : [10, 7, 8, 4, 6, 3, 5, 1];
  return !isRepeated(digits) && weighted(digits, weights) % 11 === 0;
}

export const numberRules: readonly NumberRule[] = [
  { detector: 'credit_card', layouts: cardLayouts, check: isCard, checkValues: isCardOf },
  {
    detector: 'us_ssn',
    layouts: { '3-2-4': 'strong', '3 2 4': 'medium', '3.2.4': 'medium', '9': 'weak' },
    check: isSsn,
  },
  { detector: 'uk_nhs', layouts: { '3 3 4': 'medium', '3-3-4': 'weak', '10': 'weak' }, check: isNhs },
  {
    detector: 'de_steuer_id',
    layouts: { '2 3 3 3': 'medium', '11': 'weak', '2/3/3/3': 'medium', '2 3 6': 'weak' },
    check: isSteuerId,
  },
  {
    detector: 'fr_nir',
    layouts: {
      '15': 'medium',
      '1 2 2 2 3 3 2': 'strong',
      '13 2': 'strong',
      '1-2-2-2-3-3-2': 'strong',
      '1.2.2.2.3.3.2': 'strong',
    },
    check: isNir,
  },
  {
    detector: 'nl_bsn',
    layouts: { '9': 'weak', '4 2 3': 'weak', '4.2.3': 'weak', '3 3 3': 'weak', '4.3.2': 'weak' },
    check: isBsn,
  },
  { detector: 'pl_pesel', layouts: { '11': 'weak', '6 5': 'weak' }, check: isPesel },
  {
    detector: 'br_cpf',
    layouts: { '3.3.3-2': 'strong', '11': 'weak', '9-2': 'medium', '3 3 3 2': 'weak', '3.3.3.2': 'weak' },
    check: isCpf,
  },
  { detector: 'br_cnpj', layouts: { '2.3.3/4-2': 'strong', '14': 'weak', '8/4-2': 'strong' }, check: isCnpj },
  {
    detector: 'in_aadhaar',
    layouts: { '4 4 4': 'medium', '4-4-4': 'medium', '12': 'weak' },
    check: (digits) => /^[2-9]/.test(digits) && !isRepeated(digits) && passesVerhoeff(digits),
  },
  {
    detector: 'ca_sin',
    layouts: { '3 3 3': 'weak', '3-3-3': 'medium', '9': 'weak' },
    check: (digits) => digits[0] !== '8' && passesLuhn(digits) && !isRepeated(digits),
  },
  {
    detector: 'au_tfn',
    layouts: { '3 3 3': 'weak', '9': 'weak', '3-3-3': 'weak', '8': 'weak', '3 3 2': 'weak' },
    check: isTfn,
  },
  { detector: 'au_medicare', layouts: { '4 5 1': 'weak', '10': 'weak', '4-5-1': 'weak' }, check: isMedicare },
  { detector: 'za_id', layouts: { '13': 'medium', '6 4 3': 'strong', '6 4 2 1': 'strong' }, check: isSouthAfrican },
  {
    detector: 'se_personnummer',
    layouts: { '6-4': 'medium', '8-4': 'strong', '10': 'weak', '12': 'weak', '6 4': 'weak' },
    check: isPersonnummer,
  },
  { detector: 'cn_resident_id', layouts: { '18': 'strong', '6 8 4': 'strong' }, check: isResidentId },
  { detector: 'jp_my_number', layouts: { '12': 'weak', '4 4 4': 'weak', '4-4-4': 'weak' }, check: isMyNumber },
  { detector: 'kr_rrn', layouts: { '6-7': 'medium', '13': 'weak' }, check: isRrn },
  { detector: 'tr_kimlik', layouts: { '11': 'weak', '3 3 3 2': 'weak' }, check: isKimlik },
];

/** Groups of digits in the longest layout, and digits in the longest number. */
export const layoutGroupsMax = 7;
export const layoutDigitsMax = 19;

/** Layout → the rules that are written in it. */
export function layoutsOf(enabled: ReadonlySet<DetectorName>): ReadonlyMap<string, readonly NumberRule[]> {
  const map = new Map<string, NumberRule[]>();
  for (const rule of numberRules) {
    if (!enabled.has(rule.detector)) continue;
    for (const layout of Object.keys(rule.layouts)) {
      const rules = map.get(layout);
      if (rules === undefined) map.set(layout, [rule]);
      else rules.push(rule);
    }
  }
  return map;
}
