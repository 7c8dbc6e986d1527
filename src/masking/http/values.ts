/**
 * Detectors over texts and numbers of bodies, with counts of what each rule masked. What is found and what stands there
 * instead is the room's (detection.ts); where a method is `null`, a finding within a text of its own is taken out.
 *
 * Invariant: what spends the budget is cut into smaller pieces; a piece that spends it again is masked whole (A-MSK-01).
 */
import type { CellContext, ValueType } from '../../core/masking.ts';
import { type Detection, replacement } from '../detection.ts';
import { traits, traitsOf } from '../prefilter.ts';
import type { Finding } from '../scanner.ts';
import { redacted } from '../spelling.ts';
import type { Hits } from '../terminal/hits.ts';
import { Work } from '../work.ts';
import * as limits from './limits.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Digits of the shortest number that a built-in detector looks for: a telephone number in context. */
export const shortestNumber = 7;

/** Places by which the point of a number with exponent is moved at most: longer numbers are none that is looked for. */
const exponentMax = 40;

/** What stands in place of bytes of a text. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly bytes: Buffer;
  /** The rest of a private key may follow. */
  readonly isKey: boolean;
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly rule: string;
  readonly isKey: boolean;
}

/** The type by which a number of JSON is masked. */
export function numberType(spelling: string): ValueType {
  if (/[eE]/.test(spelling)) return 'float';
  return spelling.includes('.') ? 'decimal' : 'integer';
}

/** A number without exponent and without zeros behind the point; null where it has too many digits or a fraction. */
function wholeDigits(spelling: string): string | null {
  const match = /^-?(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/.exec(spelling);
  if (match === null) return null;
  const shift = Number(match[3] ?? 0);
  const fraction = match[2] ?? '';
  if (shift < 0 || shift > exponentMax) return null;
  const digits = match[1]! + fraction.slice(0, shift).padEnd(shift, '0');
  if (/[1-9]/.test(fraction.slice(shift)) || !/^\d{7,40}$/.test(digits)) return null;
  return shift === 0 ? digits : digits.replace(/^0+/, '');
}

export class Values {
  readonly detection: Detection;
  readonly #work = new Work();

  constructor(detection: Detection) {
    this.detection = detection;
  }

  /** Without its findings; itself where there are none; null where all of it goes. */
  text(source: string, column: string, known: number, hits: Hits): string | null {
    const { detection } = this;
    this.#work.reset();
    const findings = detection.scanner.scan(source, column, this.#work, known);
    if (this.#work.exhausted) {
      hits.count(detection.rule);
      return redacted;
    }
    if (findings.length === 0) return source;
    let out = '';
    let from = 0;
    for (const finding of findings) {
      const part = detection.ownerOf(finding);
      hits.count(part.rule);
      if (part.method === 'null') return null;
      out += source.slice(from, finding.start) + replacement(source.slice(finding.start, finding.end), finding, part);
      from = finding.end;
    }
    return out + source.slice(from);
  }

  /** A number of JSON; itself where it is none that is looked for. */
  number(spelling: string, column: string, hits: Hits): string {
    const { scanner } = this.detection;
    if (spelling.length < shortestNumber && !scanner.hasCustom) return spelling;
    const digits = wholeDigits(spelling);
    if (digits === null && !scanner.hasCustom) return spelling;
    this.#work.reset();
    let finding: Finding | undefined = scanner.scan(digits ?? spelling, column, this.#work)[0];
    if (finding === undefined && scanner.hasCustom && digits !== null && digits !== spelling) {
      finding = scanner.scan(spelling, column, this.#work)[0];
    }
    if (this.#work.exhausted) {
      hits.count(this.detection.rule);
      return '0';
    }
    if (finding === undefined) return spelling;
    const part = this.detection.ownerOf(finding);
    hits.count(part.rule);
    const cell: CellContext = { type: numberType(spelling), column, charactersMax: null };
    return this.detection.wholly(Buffer.from(spelling), cell, part)?.toString() ?? 'null';
  }

  /** What is to be replaced in a text, in order. Counts nothing: see `count`. */
  spans(bytes: Buffer, column: string): readonly (Span & { readonly rule: string })[] {
    const { scanner } = this.detection;
    const has = traitsOf(bytes);
    if ((has & scanner.traits) === 0 && !scanner.wantsAll(column)) return [];
    let source: string;
    let encoding: 'utf8' | 'latin1' = 'latin1';
    if ((has & traits.foreign) === 0) source = bytes.toString('latin1');
    else {
      try {
        source = decoder.decode(bytes);
        encoding = 'utf8';
      } catch {
        source = bytes.toString('latin1');
      }
    }
    let characters = 0;
    let at = 0;
    const byteOf = (position: number): number => {
      at += encoding === 'utf8' ? Buffer.byteLength(source.slice(characters, position)) : position - characters;
      characters = position;
      return at;
    };
    return this.#parts(source, column).map(({ start, end, text, rule, isKey }) => ({
      from: byteOf(start),
      to: byteOf(end),
      bytes: Buffer.from(text, encoding),
      rule,
      isKey,
    }));
  }

  /** A text without its findings; the very same where there are none. */
  bytes(bytes: Buffer, column: string, hits: Hits): Buffer {
    const spans = this.spans(bytes, column);
    if (spans.length === 0) return bytes;
    const out: Buffer[] = [];
    let from = 0;
    for (const span of spans) {
      hits.count(span.rule);
      out.push(bytes.subarray(from, span.from), span.bytes);
      from = span.to;
    }
    out.push(bytes.subarray(from));
    return Buffer.concat(out);
  }

  #parts(source: string, column: string): readonly Part[] {
    this.#work.reset();
    const findings = this.detection.scanner.scan(source, column, this.#work);
    if (!this.#work.exhausted) return findings.map((finding) => this.#part(source, finding, 0));
    const parts: Part[] = [];
    const { pieceCharacters, pieceOverlapCharacters } = limits;
    const step = pieceCharacters - pieceOverlapCharacters;
    let settled = 0;
    for (let from = 0; from < source.length; from += step) {
      const piece = source.slice(from, from + pieceCharacters);
      const isLast = from + pieceCharacters >= source.length;
      const until = isLast ? source.length : from + step;
      this.#work.reset();
      const found = this.detection.scanner.scan(piece, column, this.#work);
      if (this.#work.exhausted) {
        const start = Math.max(settled, from);
        if (start < until) parts.push({ start, end: until, text: redacted, rule: this.detection.rule, isKey: false });
        settled = Math.max(settled, until);
      } else {
        for (const finding of found) {
          const part = this.#part(piece, finding, from);
          if (part.start < settled || part.start >= until) continue;
          parts.push(part);
          settled = part.end;
        }
      }
      if (isLast) break;
    }
    return parts;
  }

  #part(source: string, finding: Finding, offset: number): Part {
    const { start, end } = finding;
    const part = this.detection.ownerOf(finding);
    return {
      start: start + offset,
      end: end + offset,
      text: part.method === 'null' ? '' : replacement(source.slice(start, end), finding, part),
      rule: part.rule,
      isKey: finding.by === 'private_key',
    };
  }
}
