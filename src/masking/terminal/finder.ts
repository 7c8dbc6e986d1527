/**
 * Findings in a line of text, with the rule that each is due to: the room's scanner, for streams.
 *
 * Invariant: a line on which the scanner spends its budget is masked whole (A-MSK-01).
 */
import type { DetectPart } from '../detection.ts';
import type { DetectorName } from '../detectors/table.ts';
import { howOf, strictness } from '../methods.ts';
import { type Finding, Scanner } from '../scanner.ts';
import { Work } from '../work.ts';
import { LineFilter } from './filter.ts';
import { Viability } from './viable.ts';

export interface Span {
  readonly start: number;
  readonly end: number;
  readonly rule: string;
  readonly detector: string;
}

/** Where a private key's header is found. */
const keyDetector = 'private_key';

/** Immutable but for what the scanner remembers; shared by all streams of a plan. */
export class Finder {
  readonly viability: Viability;
  /** For terminals, and for what is none. */
  readonly lines: LineFilter;
  readonly plainLines: LineFilter;
  /** The rule of private keys, or null where nobody looks for them. */
  readonly keyRule: string | null;
  readonly #scanner: Scanner;
  /** Who looks for it; of several the strictest. */
  readonly #owners = new Map<Finding['by'], string>();
  /** All rules, for what is masked before it is known what it is. */
  readonly all: string;

  constructor(parts: readonly DetectPart[]) {
    this.all = parts.map(({ rule }) => rule).join(', ');
    for (const part of [...parts].sort((a, b) => strictness(howOf(b.method)) - strictness(howOf(a.method)))) {
      for (const by of [...part.names, ...part.custom]) if (!this.#owners.has(by)) this.#owners.set(by, part.rule);
    }
    const names = new Set<DetectorName>(parts.flatMap((part) => [...part.names]));
    this.#scanner = new Scanner(
      names,
      parts.flatMap((part) => [...part.custom]),
    );
    this.viability = new Viability(parts);
    this.lines = new LineFilter(parts, true);
    this.plainLines = new LineFilter(parts, false);
    this.keyRule = parts.find(({ names }) => names.has(keyDetector))?.rule ?? null;
  }

  /** In order, without overlaps. */
  find(text: string): readonly Span[] {
    const work = new Work();
    const findings = this.#scanner.scan(text, '', work);
    if (work.exhausted) return [{ start: 0, end: text.length, rule: this.all, detector: 'budget' }];
    return findings.map((finding) => ({
      start: finding.start,
      end: finding.end,
      rule: this.#owners.get(finding.by) ?? this.all,
      detector: typeof finding.by === 'string' ? finding.by : finding.by.name,
    }));
  }
}

export function isKeySpan({ detector }: Span): boolean {
  return detector === keyDetector;
}
