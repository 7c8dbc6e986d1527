/**
 * Identifiers that have letters among their digits, each as one bounded expression and a check.
 *
 * Invariant: every expression is anchored by its first characters and bounded in every repetition, so that it looks at no
 * more than some forty characters from each beginning of a word (A-MSK-01).
 */
import { isBirthDate, isDay, remainder97 } from './checksums.ts';
import type { Strength } from './context.ts';
import { isResidentId } from './numbers.ts';
import type { DetectorName } from './table.ts';

export interface LetteredRule {
  readonly detector: DetectorName;
  /** Global; its match is what is found. */
  readonly expression: RegExp;
  /** Null where it is none. `text` is upper case without blanks, points and dashes. */
  check(text: string): Strength | null;
}

/** Lengths by country, from the registry of ISO 13616. */
const ibanLengths: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ' +
    'ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 ' +
    'LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 ' +
    'PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

export const ibanLengthMax = 34;

/** The end of an IBAN that begins at `start`, or −1. Blanks and dashes may stand between its groups. */
export function ibanEnd(text: string, start: number): number {
  const size = ibanLengths[text.slice(start, start + 2).toUpperCase()];
  if (size === undefined) return -1;
  let compact = '';
  let index = start;
  while (compact.length < size) {
    const character = text[index];
    if (character === undefined) return -1;
    if (/[A-Za-z0-9]/.test(character)) compact += character;
    else if (!/[ -]/.test(character) || !/[A-Za-z0-9]/.test(text[index + 1] ?? '')) return -1;
    index++;
  }
  if (/[A-Za-z0-9]/.test(text[index] ?? '')) return -1;
  const upper = compact.toUpperCase();
  return remainder97(upper.slice(4) + upper.slice(0, 4)) === 1 ? index : -1;
}

const dniLetters = 'TRWAGMYFPDXBNJZSQVHLCKE';

function isDni(text: string): boolean {
  const number = text.slice(0, -1).replace('X', '0').replace('Y', '1').replace('Z', '2');
  return dniLetters[Number(number) % 23] === text.at(-1);
}

const codiceOdd: Readonly<Record<string, number>> = Object.fromEntries(
  [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((character, index) => [
    character,
    [
      1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10,
      22, 25, 24, 23,
    ][index]!,
  ]),
);

function isCodiceFiscale(text: string): boolean {
  let sum = 0;
  for (let index = 0; index < 15; index++) {
    const character = text[index]!;
    if (index % 2 === 0) sum += codiceOdd[character]!;
    else sum += character <= '9' ? Number(character) : character.charCodeAt(0) - 65;
  }
  return String.fromCharCode(65 + (sum % 26)) === text[15];
}

function isHetu(text: string): boolean {
  const number = text.slice(0, 6) + text.slice(-4, -1);
  if (!isDay(Number(text.slice(2, 4)), Number(text.slice(0, 2)))) return false;
  return '0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(number) % 31] === text.at(-1);
}

function isCurp(text: string): boolean {
  if (!isDay(Number(text.slice(6, 8)), Number(text.slice(8, 10)))) return false;
  const alphabet = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ';
  let sum = 0;
  for (let index = 0; index < 17; index++) sum += alphabet.indexOf(text[index]!) * (18 - index);
  return String((10 - (sum % 10)) % 10) === text[17];
}

/** Letters count as two digits each; digit sums of the products are added. */
function isRentenversicherung(text: string): boolean {
  const digits = text.slice(0, 8) + String(text.charCodeAt(8) - 64).padStart(2, '0') + text.slice(9);
  const day = Number(text.slice(2, 4));
  if (!isDay(Number(text.slice(4, 6)), day > 31 ? day % 31 || 31 : day)) return false;
  const weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
  let sum = 0;
  for (let index = 0; index < 12; index++) {
    const product = Number(digits[index]) * weights[index]!;
    sum += product > 9 ? Math.floor(product / 10) + (product % 10) : product;
  }
  return sum % 10 === Number(digits[12]);
}

/** Corsica's departments are 2A and 2B, which count as 19 and 18. */
function isCorsicanNir(text: string): boolean {
  const number = Number(text.slice(0, 13).replace('2A', '19').replace('2B', '18'));
  return Number(text.slice(13)) === 97 - (number % 97);
}

const not = '(?<![A-Za-z0-9])';
const end = '(?![A-Za-z0-9])';
const ruleOf = (detector: DetectorName, body: string, check: LetteredRule['check']): LetteredRule => ({
  detector,
  expression: new RegExp(`${not}(?:${body})${end}`, 'gi'),
  check,
});

export const letteredRules: readonly LetteredRule[] = [
  ruleOf('uk_nino', '[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\\d\\d[ -]?\\d\\d[ -]?\\d\\d[ -]?[A-D]', (text) =>
    /^(?:BG|GB|NK|KN|TN|NT|ZZ)/.test(text) ? null : 'medium',
  ),
  ruleOf('es_dni_nie', '(?:\\d{8}|\\d{1,2}\\.\\d{3}\\.\\d{3}|[XYZ][ -]?\\d{7})[ -]?[A-HJ-NP-TV-Z]', (text) =>
    isDni(text) ? 'medium' : null,
  ),
  ruleOf(
    'it_codice_fiscale',
    '[A-Z]{3} ?[A-Z]{3} ?[0-9L-NP-V]{2}[A-EHLMPR-T][0-9L-NP-V]{2} ?[A-Z][0-9L-NP-V]{3}[A-Z]',
    (text) => (isCodiceFiscale(text) ? 'strong' : null),
  ),
  ruleOf('in_pan', '[A-Z]{3}[ABCFGHJLPT][A-Z]\\d{4}[A-Z]', () => 'medium'),
  ruleOf('fi_hetu', '\\d{6}[-+A-FU-Y]\\d{3}[0-9A-FHJ-NPR-Y]', (text) => (isHetu(text) ? 'strong' : null)),
  ruleOf('mx_curp', '[A-Z][AEIOUX][A-Z]{2}\\d{6}[HMX](?:[A-Z]{2})[B-DF-HJ-NP-TV-Z]{3}[A-Z0-9]\\d', (text) =>
    isCurp(text) ? 'strong' : null,
  ),
  ruleOf('de_rentenversicherung', '\\d{2} ?\\d{6} ?[A-Z] ?\\d{2} ?\\d', (text) =>
    isRentenversicherung(text) ? 'strong' : null,
  ),
  ruleOf('fr_nir', '[1-478] ?\\d{2} ?\\d{2} ?2[AB] ?\\d{3} ?\\d{3} ?\\d{2}', (text) =>
    isCorsicanNir(text) ? 'strong' : null,
  ),
  ruleOf('cn_resident_id', '[1-9]\\d{16}X', (text) => (isResidentId(text) ? 'strong' : null)),
];

/** Years and months of a date in any usual order, for dates of birth. */
export const dateExpression =
  /(?<![\w.])(?:(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})|(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})|(\d{4})年(\d{1,2})月(\d{1,2})日|(?:(?:\d{1,2})(?:st|nd|rd|th|\.)? (?:of )?)?(?:jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez|gen|ene|fév|avr|juin|juil|août|déc|mag|giu|lug|ago|set|ott|dic|abr|out)[a-zäéûç]{0,9}\.?,? (?:(?:\d{1,2})(?:st|nd|rd|th)?,? )?(\d{4})|(19|20)(\d{2})(\d{2})(\d{2}))(?![\w])/giu;

/** Whether what `dateExpression` matched is a calendar's date. */
export function isWrittenDate(match: RegExpMatchArray): boolean {
  const at = (index: number): number => Number(match[index]);
  if (match[1] !== undefined) return isBirthDate(at(1), at(2), at(3));
  if (match[4] !== undefined) {
    const year = match[6]!.length === 2 ? 1900 + at(6) : at(6);
    return isBirthDate(year, at(5), at(4)) || isBirthDate(year, at(4), at(5));
  }
  if (match[7] !== undefined) return isBirthDate(at(7), at(8), at(9));
  if (match[10] !== undefined) return isBirthDate(at(10), 1, 1);
  return isBirthDate(at(11) * 100 + at(12), at(13), at(14));
}
