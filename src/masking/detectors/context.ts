/**
 * Context: what a column's name or the words beside a candidate say about it.
 *
 * Names and neighbours are brought to one form, lower-case words between underscores (`cardNumber` and `card-number` are
 * `_card_number_`), and compared with each detector's words.
 */
import * as limits from '../limits.ts';
import type { DetectorName } from './table.ts';

export type Strength = 'strong' | 'medium' | 'weak';

/** `cardNumber` → `_card_number_`. */
export function wordsOf(name: string): string {
  const separated = name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^\x00-\x7f]+/g, (foreign) => foreign.normalize('NFKD').replace(/\p{M}/gu, ''))
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_');
  return `_${separated}_`;
}

/** What speaks against any identifier of a person: numbers that systems give to things. */
const against =
  /_(order|orders|invoice|tracking|shipment|parcel|sku|ean|upc|gtin|isbn|version|build|release|revision|commit|timestamp|epoch|unix|millis|nanos|ticket|batch|lot|serial|part|article|artikel|product|transaction|txn|trace|span|request|session|sequence|seq|row|offset|checksum|hash|sha1|sha256|md5|uuid|guid|latitude|longitude|lat|lon|lng|size|bytes|count|quantity|qty|amount|price|total|port|pid|job|run|commande|bestellung|bestellnummer|rechnung|auftrag|pedido|factura)_/;

export interface ColumnContext {
  readonly positive: ReadonlySet<DetectorName>;
  readonly negative: boolean;
}

/** Words per detector, as one expression over `wordsOf`. */
export function contextPattern(words: readonly string[]): RegExp {
  return new RegExp(`_(?:${words.map((word) => wordsOf(word).slice(1, -1)).join('|')})_`);
}

/** Words of the longest label. */
const labelWordsMax = 4;

/** Label → the detectors that it speaks for. */
export function contextIndex(
  labels: Iterable<readonly [DetectorName, readonly string[]]>,
): ReadonlyMap<string, readonly DetectorName[]> {
  const index = new Map<string, DetectorName[]>();
  for (const [name, words] of labels) {
    for (const word of words) {
      const label = wordsOf(word).slice(1, -1);
      const names = index.get(label);
      if (names === undefined) index.set(label, [name]);
      else names.push(name);
    }
  }
  return index;
}

export function columnContext(column: string, index: ReadonlyMap<string, readonly DetectorName[]>): ColumnContext {
  const words = wordsOf(column);
  const parts = words.split('_');
  const positive = new Set<DetectorName>();
  for (let first = 0; first < parts.length; first++) {
    let label = '';
    for (let last = first; last < parts.length && last < first + labelWordsMax; last++) {
      label += last === first ? parts[last]! : `_${parts[last]!}`;
      for (const name of index.get(label) ?? []) positive.add(name);
    }
  }
  return { positive, negative: against.test(words) };
}

/** The last part of a text between separators that has words; all of it where none has. */
function lastPhrase(text: string): string {
  const phrases = text.split(/[\n;|,\t]/);
  for (let index = phrases.length - 1; index >= 0; index--)
    if (/\p{L}{2}/u.test(phrases[index]!)) return phrases[index]!;
  return text;
}

/**
 * The words around a candidate: what stands before it, back to the last separator that has words behind it, so that the
 * label of one field does not speak for the next; and a few characters after it.
 */
export function neighbourWords(text: string, start: number, end: number): string {
  const before = lastPhrase(text.slice(Math.max(0, start - limits.neighboursBefore), start));
  const after = text.slice(end, end + limits.neighboursAfter).split(/[\n;|,\t]/, 1)[0]!;
  return `${wordsOf(before)}|${wordsOf(after)}`;
}

export function speaksAgainst(words: string): boolean {
  return against.test(words);
}
