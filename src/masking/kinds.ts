/**
 * Kinds of places where a detector could find something, as marks.as marks them: a bit each. Which detectors each stands
 * for is in `kindsOf`; that no detector fires without one is tested (marks.test.ts).
 */
import type { DetectorName } from './detectors/table.ts';
import { tokenDetectors } from './detectors/tokens.ts';

export const kinds = {
  /** Bytes beyond ASCII, but for those of `latin`: anything may be folded out of them. */
  foreign: 1 << 0,
  at: 1 << 1,
  /** Six digits with at most two separators between any two of them. */
  number: 1 << 2,
  /** Eight letters and digits in a row, both among them. */
  mixed: 1 << 3,
  /** A letter where identifiers with letters among their digits have one. */
  lettered: 1 << 4,
  /** Two letters and two digits at the beginning of a word. */
  iban: 1 << 5,
  /** The beginning of an international telephone number, or the end of a North American one. */
  phone: 1 << 6,
  /** Points or colons as in IP addresses. */
  address: 1 << 7,
  /** A year, or a day and month, as in dates. */
  date: 1 << 8,
  /** Sixteen characters of those that keys and tokens are written in. */
  token: 1 << 9,
  /** A line of PEM. */
  pem: 1 << 10,
  /** A colon or an equals sign. */
  assigned: 1 << 11,
  /** `://` */
  scheme: 1 << 12,
  /** Letters of U+00C0 to U+00FF: they change nothing by themselves. */
  latin: 1 << 13,
} as const;

/** Identifiers that may be written without anything that `lettered` looks for: runs of letters, or of digits alone. */
const spelledFreely: readonly DetectorName[] = ['it_codice_fiscale', 'fi_hetu', 'in_pan'];

/** Whether one of these may be where there are numbers or mixed words, and nothing else. */
export function wantsFreely(names: ReadonlySet<DetectorName>): boolean {
  return spelledFreely.some((name) => names.has(name));
}

/** The kinds of which one is marked in whatever one of these detectors finds. */
export function kindsOf(names: ReadonlySet<DetectorName>): number {
  let wanted: number = kinds.foreign;
  if (names.has('email')) wanted |= kinds.at;
  if (names.has('iban')) wanted |= kinds.iban;
  if (names.has('ip_address')) wanted |= kinds.address;
  if (names.has('date_of_birth')) wanted |= kinds.date;
  if (names.has('private_key')) wanted |= kinds.pem;
  if (names.has('url_password')) wanted |= kinds.scheme;
  if (names.has('high_entropy')) wanted |= kinds.assigned | kinds.token;
  if (wantsFreely(names)) wanted |= kinds.mixed;
  for (const name of names) {
    if (/^[a-z]{2}_/.test(name) || name === 'credit_card' || name === 'phone') wanted |= kinds.number;
    const isByPrefix = name !== 'private_key' && name !== 'url_password' && name !== 'high_entropy';
    if (isByPrefix && tokenDetectors.includes(name)) wanted |= kinds.token;
  }
  return wanted;
}
