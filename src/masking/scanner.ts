/**
 * Finding what is sensitive in a text: runs the detectors that are on, and only those that could find something.
 *
 * Invariants:
 * - What is found does not depend on anything but the text, the column's name and the detectors.
 * - Work is counted; once it is exhausted the findings are incomplete, and the caller masks the value whole (A-MSK-01).
 * - Findings are in order and do not overlap.
 */
import type { CustomDetector } from './custom.ts';
import { findAddresses, findEmails, findPhones } from './detectors/contact.ts';
import {
  type ColumnContext,
  columnContext,
  contextIndex,
  neighbourWords,
  type Strength,
  speaksAgainst,
  wordsOf,
} from './detectors/context.ts';
import { dateExpression, ibanEnd, isWrittenDate, type LetteredRule, letteredRules } from './detectors/lettered.ts';
import { layoutsOf, type NumberRule } from './detectors/numbers.ts';
import { findNumbers, numberWindow } from './detectors/runs.ts';
import { contextPatterns, type DetectorName, detectors } from './detectors/table.ts';
import { findTokens, tokenDetectors } from './detectors/tokens.ts';
import { birthHints, phoneHints } from './hints.ts';
import { kinds, kindsOf, wantsFreely } from './kinds.ts';
import * as limits from './limits.ts';
import { allTraits, traits, traitsOfText } from './prefilter.ts';
import { foldWithPositions, sourceSpan } from './text.ts';
import type { Work } from './work.ts';

export interface Finding {
  readonly start: number;
  readonly end: number;
  /** The built-in detector, or the operator's. */
  readonly by: DetectorName | CustomDetector;
}

/** Characters that detectors of short things look at together; each such window is tested for its traits. */
const windowCharacters = 1024;

const ibanBegin = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])/g;

/** What is in every word that speaks for telephone numbers or dates of birth: cheap, before the words are taken apart. */
const phoneHint = new RegExp(phoneHints.join('|'), 'i');
const birthHint = new RegExp(birthHints.join('|'), 'i');

/** Any letter of any script. */
const letter = /\p{L}/u;

/** Every kind: what is marked is not known. */
const allKinds = -1;

/** Kinds of which one is marked where findTokens finds something. */
const tokenKinds = kinds.token | kinds.pem | kinds.scheme | kinds.assigned;

type Accept = (by: DetectorName, start: number, end: number, strength: Strength) => boolean;

export class Scanner {
  /** The traits that a value must have one of; operator detectors want every value. */
  readonly traits: number;
  /** The kinds (kinds.ts) that a value must have one of. */
  readonly kinds: number;
  readonly names: ReadonlySet<DetectorName>;
  readonly #custom: readonly CustomDetector[];
  readonly #layouts: ReadonlyMap<string, readonly NumberRule[]>;
  /** All that are on as one expression: most texts have none of them. */
  readonly #lettered: RegExp | null;
  readonly #letteredRules: readonly LetteredRule[];
  readonly #contexts = new Map<string, ColumnContext>();
  readonly #patterns: ReadonlyMap<DetectorName, RegExp>;
  readonly #words: ReadonlyMap<string, readonly DetectorName[]>;
  readonly #tokens: boolean;
  /** Whether numbers or mixed words are enough for identifiers with letters. */
  readonly #freely: boolean;

  get hasCustom(): boolean {
    return this.#custom.length > 0;
  }

  constructor(names: ReadonlySet<DetectorName>, custom: readonly CustomDetector[]) {
    this.names = names;
    this.kinds = kindsOf(names);
    this.#custom = custom;
    this.#layouts = layoutsOf(names);
    this.#letteredRules = letteredRules.filter(({ detector }) => names.has(detector));
    this.#lettered =
      this.#letteredRules.length === 0
        ? null
        : new RegExp(this.#letteredRules.map(({ expression }) => expression.source).join('|'), 'i');
    this.#patterns = new Map([...contextPatterns].filter(([name]) => names.has(name)));
    this.#words = contextIndex([...names].map((name) => [name, detectors[name].context] as const));
    this.#tokens = tokenDetectors.some((name) => names.has(name));
    this.#freely = wantsFreely(names);
    this.traits = custom.length > 0 ? allTraits : this.#wanted();
  }

  #wanted(): number {
    const { number, at, points, colons, mixed, token, pem, foreign, digits } = traits;
    let wanted = foreign;
    if (this.#layouts.size > 0 || this.names.has('phone')) wanted |= number;
    if (this.#lettered !== null || this.names.has('iban')) wanted |= number | mixed;
    if (this.names.has('email')) wanted |= at;
    if (this.names.has('ip_address')) wanted |= points | colons;
    if (this.names.has('date_of_birth')) wanted |= digits;
    if (this.#tokens) wanted |= token | pem;
    if (this.names.has('url_password')) wanted |= at;
    if (this.names.has('high_entropy')) wanted |= traits.assigned;
    return wanted;
  }

  /** Whether values of this column are looked at whatever their traits: its name says that they are secrets. */
  wantsAll(column: string): boolean {
    return this.#custom.length > 0 || this.context(column).positive.has('high_entropy');
  }

  /** Whether an identifier or a time may be a secret or a date of birth by the name of its column. */
  meansIdentifiers(column: string): boolean {
    const { positive } = this.context(column);
    return this.#custom.length > 0 || positive.has('high_entropy') || positive.has('date_of_birth');
  }

  context(column: string): ColumnContext {
    let context = this.#contexts.get(column);
    if (context === undefined) {
      if (this.#contexts.size >= limits.columnContextsMax) this.#contexts.clear();
      context = columnContext(column.slice(0, limits.columnNameCharactersMax), this.#words);
      this.#contexts.set(column, context);
    }
    return context;
  }

  /**
   * What is found in `source`, with positions in it. `known` are its traits where they are known already; 0 where not.
   * `marked` are its kinds (kinds.ts) where they are known: what cannot be there is not looked for.
   */
  scan(source: string, column: string, work: Work, known = 0, marked = allKinds): readonly Finding[] {
    const findings: Finding[] = [];
    const plain = foldWithPositions(source, false, work);
    const add = (by: Finding['by'], start: number, end: number): void => {
      const [from, to] = sourceSpan(plain, start, end);
      findings.push({ start: from, end: to, by });
    };
    // What was folded has other traits than its bytes had.
    const same = plain.at === null && (known & traits.foreign) === 0;
    this.#builtIn(plain.text, column, work, same ? known : 0, same ? marked : allKinds, add);
    if (this.#custom.length > 0) this.#runCustom(source, work, findings);
    return joined(findings);
  }

  #runCustom(source: string, work: Work, findings: Finding[]): void {
    const folded = foldWithPositions(source, true, work);
    for (const custom of this.#custom) {
      if (work.exhausted) return;
      // A pattern may be written for the text as it is, or for what it looks like.
      if (custom.wants === 'plain') {
        custom.find(source, work, (start, end) => findings.push({ start, end, by: custom }));
        if (folded.at === null) continue;
      }
      custom.find(folded.text, work, (start, end) => {
        const [from, to] = sourceSpan(folded, start, end);
        findings.push({ start: from, end: to, by: custom });
      });
    }
  }

  #builtIn(
    text: string,
    column: string,
    work: Work,
    known: number,
    marked: number,
    add: (by: DetectorName, start: number, end: number) => void,
  ): void {
    const context = this.context(column);
    const accept = (by: DetectorName, start: number, end: number, strength: Strength): boolean => {
      if (!this.fires(by, text, start, end, strength, context, work)) return false;
      add(by, start, end);
      return true;
    };
    if (this.names.has('email') && (marked & kinds.at) !== 0 && text.includes('@')) {
      findEmails(text, work, (start, end, strength) => accept('email', start, end, strength));
    }
    if (this.#tokens && (marked & tokenKinds) !== 0 && !work.exhausted) {
      const has = known !== 0 ? known : traitsOfText(text);
      findTokens(text, column, has, this.names, context.positive.has('high_entropy'), work, add);
    }
    for (let from = 0; from < text.length && !work.exhausted; from += windowCharacters) {
      const to = text.length <= from + windowCharacters * 2 && from === 0 ? text.length : from + windowCharacters;
      const start = Math.max(0, from - numberWindow.before);
      const part = start === 0 && to >= text.length ? text : text.slice(start, to + numberWindow.after);
      const has = known !== 0 && part === text ? known : traitsOfText(part);
      if (!work.spend(part.length)) return;
      if ((has & this.traits) !== 0) {
        this.#window(part, has, marked, context, work, (by, at, end, strength) => {
          const absolute = at + start;
          // What begins elsewhere is found in that window, with its own neighbours.
          if (absolute < from || absolute >= to) return false;
          return accept(by, absolute, end + start, strength);
        });
      }
      if (to >= text.length) break;
    }
  }

  #window(text: string, has: number, marked: number, context: ColumnContext, work: Work, accept: Accept): void {
    const { number, mixed, points, colons, digits } = traits;
    // Without a letter there is no neighbour that could speak for anything.
    const lettered = letter.test(text);
    const isNumbered = (has & number) !== 0 && (marked & kinds.number) !== 0;
    if (isNumbered && this.#layouts.size > 0) {
      const maySpeak = (by: DetectorName): boolean => lettered || context.positive.has(by);
      findNumbers(text, this.#layouts, work, maySpeak, accept);
    }
    if (work.exhausted) return;
    if ((has & (number | mixed)) !== 0) {
      const mayBeLettered = this.#freely || (marked & kinds.lettered) !== 0;
      if (this.#lettered !== null && mayBeLettered && (lettered || this.names.has('fi_hetu'))) {
        this.#findLettered(text, work, accept);
      }
      if (lettered && (marked & kinds.iban) !== 0 && this.names.has('iban')) this.#findIbans(text, work, accept);
    }
    if (isNumbered && this.names.has('phone')) {
      const named =
        context.positive.has('phone') ||
        (lettered && phoneHint.test(text) && this.#patterns.get('phone')!.test(wordsOf(text)));
      work.spend(text.length * 3);
      findPhones(text, named, work, (start, end, strength) => accept('phone', start, end, strength));
    }
    if ((has & (points | colons)) !== 0 && (marked & kinds.address) !== 0 && this.names.has('ip_address')) {
      work.spend(text.length);
      findAddresses(text, work, (start, end, strength) => accept('ip_address', start, end, strength));
    }
    if (
      (has & digits) !== 0 &&
      (marked & kinds.date) !== 0 &&
      this.names.has('date_of_birth') &&
      (lettered || context.positive.has('date_of_birth'))
    ) {
      this.#findDates(text, context, work, accept);
    }
  }

  #findLettered(text: string, work: Work, accept: Accept): void {
    work.spend(text.length * 2);
    if (!this.#lettered!.test(text)) return;
    for (const rule of this.#letteredRules) {
      if (!work.spend(text.length)) return;
      for (const match of text.matchAll(rule.expression)) {
        const strength = rule.check(compactId(match[0], rule.detector));
        if (strength !== null) accept(rule.detector, match.index, match.index + match[0].length, strength);
      }
    }
  }

  #findIbans(text: string, work: Work, accept: Accept): void {
    work.spend(text.length);
    for (const match of text.matchAll(ibanBegin)) {
      if (!work.spend(300)) return;
      const end = ibanEnd(text, match.index);
      if (end > 0) accept('iban', match.index, end, 'strong');
    }
  }

  #findDates(text: string, context: ColumnContext, work: Work, accept: Accept): void {
    if (!context.positive.has('date_of_birth')) {
      if (!birthHint.test(text)) return;
      work.spend(text.length * 2);
      if (!this.#patterns.get('date_of_birth')!.test(wordsOf(text))) return;
    }
    work.spend(text.length * 8);
    for (const match of text.matchAll(dateExpression)) {
      if (!work.spend(50)) return;
      if (isWrittenDate(match)) accept('date_of_birth', match.index, match.index + match[0].length, 'weak');
    }
  }

  /** Whether a candidate counts: by its strength, its column, or the words beside it. */
  fires(
    by: DetectorName,
    text: string,
    start: number,
    end: number,
    strength: Strength,
    context: ColumnContext,
    work: Work,
  ): boolean {
    if (strength === 'strong' || context.positive.has(by)) return true;
    // Alone in its column, it has no neighbours.
    if (end - start === text.length) return strength === 'medium' && !context.negative;
    work.spend(400);
    const words = neighbourWords(text, start, end);
    if (this.#patterns.get(by)?.test(words) === true) return true;
    return strength === 'medium' && !context.negative && !speaksAgainst(words);
  }
}

/** The identifier as its check wants it: upper case, without blanks, points and, but for one kind, dashes. */
function compactId(text: string, by: DetectorName): string {
  return text.replace(by === 'fi_hetu' ? /[ .]/g : /[ .-]/g, '').toUpperCase();
}

/** In order, with what overlaps joined under the name of the first. */
export function joined(findings: Finding[]): readonly Finding[] {
  if (findings.length < 2) return findings;
  findings.sort((a, b) => a.start - b.start || b.end - a.end);
  const result: Finding[] = [];
  for (const finding of findings) {
    const last = result[result.length - 1];
    if (last === undefined || finding.start >= last.end) result.push(finding);
    else if (finding.end > last.end) result[result.length - 1] = { ...last, end: finding.end };
  }
  return result;
}
