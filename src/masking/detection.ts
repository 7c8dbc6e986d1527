/**
 * The detectors of all masks in force together: what they find in a text, and what stands there instead.
 *
 * Invariant: a finding gets the method of the strictest mask that looks for it; where a method is `null`, the whole text is.
 *
 * Deliberately absent: types of values (detect.ts), many values at once (bulk.ts).
 */
import type { CellContext, ValueMask } from '../core/masking.ts';
import type { MaskMethod } from '../core/rules.ts';
import type { CustomDetector } from './custom.ts';
import type { DetectorName } from './detectors/table.ts';
import type { Keyed } from './keyed.ts';
import * as limits from './limits.ts';
import { createMethodMask, howOf, strictness } from './methods.ts';
import { type Finding, Scanner } from './scanner.ts';
import { partialText, redacted } from './spelling.ts';
import type { Work } from './work.ts';

/** What one Mask looks for. */
export interface DetectPart {
  readonly rule: string;
  readonly method: MaskMethod;
  readonly keyed: Keyed;
  readonly names: ReadonlySet<DetectorName>;
  readonly custom: readonly CustomDetector[];
}

export class Detection {
  readonly rule: string;
  readonly scanner: Scanner;
  readonly #owners = new Map<Finding['by'], DetectPart>();
  readonly #whole: ReadonlyMap<DetectPart, ValueMask>;
  readonly #strictest: DetectPart;

  constructor(parts: readonly DetectPart[]) {
    this.rule = parts.map(({ rule }) => rule).join(', ');
    const byStrictness = [...parts].sort((a, b) => strictness(howOf(b.method)) - strictness(howOf(a.method)));
    for (const part of byStrictness) {
      for (const by of [...part.names, ...part.custom]) if (!this.#owners.has(by)) this.#owners.set(by, part);
    }
    this.#strictest = byStrictness[0]!;
    this.#whole = new Map(parts.map((part) => [part, createMethodMask(part.rule, part.method, part.keyed)]));
    const names = new Set(parts.flatMap((part) => [...part.names]));
    this.scanner = new Scanner(
      names,
      parts.flatMap((part) => [...part.custom]),
    );
  }

  ownerOf(finding: Finding): DetectPart {
    return this.#owners.get(finding.by) ?? this.#strictest;
  }

  /** All of a value, because a finding is in a place that cannot be cut out. */
  wholly(value: Buffer, cell: CellContext, part: DetectPart): Buffer | null {
    return this.#whole.get(part)!.apply(value, cell);
  }

  redact(cell: CellContext): Buffer | null {
    return createMethodMask(this.rule, 'redact', null).apply(Buffer.alloc(0), cell);
  }

  /** The text with its findings replaced; itself where there are none; null where the whole of it is. */
  rewrite(text: string, column: string, work: Work, known = 0, marked = -1): string | null {
    const findings = this.scanner.scan(text, column, work, known, marked);
    if (findings.length === 0) return text;
    let out = '';
    let from = 0;
    for (const finding of findings) {
      const part = this.ownerOf(finding);
      if (part.method === 'null') return null;
      out += text.slice(from, finding.start) + replacement(text.slice(finding.start, finding.end), finding, part);
      from = finding.end;
    }
    return out + text.slice(from);
  }
}

/** Hexadecimal digits as letters, so that no detector takes a hash for a number. */
function letters(digest: Buffer): string {
  return digest
    .toString('hex', 0, 8)
    .replace(/[0-9a-f]/g, (digit) => String.fromCharCode(97 + Number.parseInt(digit, 16)));
}

/** What stands in place of a finding. */
export function replacement(text: string, finding: Finding, part: DetectPart): string {
  const { method } = part;
  if (typeof method !== 'string') {
    const ends = { first: method.partial.first ?? 0, last: method.partial.last ?? 0 };
    return partialText(text, ends, null) ?? redacted;
  }
  if (method === 'format-preserving') {
    return text.length > limits.preservedCharactersMax ? redacted : part.keyed.preserveFormat(text);
  }
  if (method !== 'hash') return redacted;
  const name = typeof finding.by === 'string' ? finding.by : finding.by.name;
  // Of a number or a name only what identifies it, so that a card is the same with and without blanks.
  const compact = text.replace(/[\s().\-/]/g, '').toLowerCase();
  return `[${name}:${letters(part.keyed.digest('finding', compact === '' ? text : compact))}]`;
}

/** A replacement may be longer than what it stands for; the column's end cuts the rest. */
export function cutFinding(text: string, charactersMax: number | null): string {
  if (charactersMax === null || text.length <= charactersMax) return text;
  const points = [...text];
  return points.length <= charactersMax ? text : points.slice(0, charactersMax).join('');
}
