/**
 * The mask that looks for findings in values: what the detectors of all masks in force do, together.
 *
 * Invariants:
 * - A value in which nothing is found comes back as the very same Buffer.
 * - What goes beyond a budget is masked whole (A-MSK-01), and so is JSON that cannot be read.
 * - A finding gets the method of the strictest mask that looks for it; where a method is `null`, the whole value is NULL
 *   (within JSON: that string).
 */
import type { CellContext, MaskStream, ValueMask } from '../core/masking.ts';
import type { MaskMethod } from '../core/rules.ts';
import type { CustomDetector } from './custom.ts';
import { detectStream } from './detect-stream.ts';
import type { DetectorName } from './detectors/table.ts';
import { type JsonVisitor, rewriteJson } from './json.ts';
import type { Keyed } from './keyed.ts';
import * as limits from './limits.ts';
import { createMethodMask, howOf, strictness } from './methods.ts';
import { isIdentifierOrTime, traits, traitsOf, traitsOfSource } from './prefilter.ts';
import { type Finding, Scanner } from './scanner.ts';
import { partialText, redacted } from './spelling.ts';
import { Work } from './work.ts';

/** What one Mask looks for. */
export interface DetectPart {
  readonly rule: string;
  readonly method: MaskMethod;
  readonly keyed: Keyed;
  readonly names: ReadonlySet<DetectorName>;
  readonly custom: readonly CustomDetector[];
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 as text; anything else byte by byte, so that nothing is lost. `encoding` is the way back. */
function decode(value: Buffer, ascii: boolean): { readonly text: string; readonly encoding: 'latin1' | 'utf8' } {
  if (ascii) return { text: value.toString('latin1'), encoding: 'latin1' };
  try {
    return { text: decoder.decode(value), encoding: 'utf8' };
  } catch {
    return { text: value.toString('latin1'), encoding: 'latin1' };
  }
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
  rewrite(text: string, column: string, work: Work, known = 0): string | null {
    const findings = this.scanner.scan(text, column, work, known);
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

function replacement(text: string, finding: Finding, part: DetectPart): string {
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

function applyText(detection: Detection, value: Buffer, cell: CellContext): Buffer | null {
  const has = traitsOf(value);
  const { scanner } = detection;
  if ((has & scanner.traits) === 0 && !scanner.wantsAll(cell.column)) return value;
  if (isIdentifierOrTime(value) && !scanner.meansIdentifiers(cell.column)) return value;
  const work = new Work();
  const { text, encoding } = decode(value, (has & traits.foreign) === 0);
  const out = detection.rewrite(text, cell.column, work, has);
  if (work.exhausted) return detection.redact(cell);
  if (out === text) return value;
  if (out === null) return null;
  return Buffer.from(cell.charactersMax === null ? out : cutFinding(out, cell.charactersMax), encoding);
}

/** A replacement may be longer than what it stands for; the column's end cuts the rest. */
function cutFinding(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const points = [...text];
  return points.length <= charactersMax ? text : points.slice(0, charactersMax).join('');
}

/** Comparing a key with the labels of all detectors, in units of work: some microseconds. */
const keyWork = 600;

/** Digits of the shortest number that a built-in detector looks for: a telephone number in context. */
const shortestNumber = 7;

/** A card in a number column: the number counts as found whole. Digits behind the point are none of it. */
function maskNumber(detection: Detection, value: Buffer, cell: CellContext, work: Work): Buffer | null {
  const text = value.toString('latin1');
  const { scanner } = detection;
  if (text.length < shortestNumber && !scanner.hasCustom) return value;
  const digits = /^-?(\d{7,40})(?:\.0*)?$/.exec(text)?.[1];
  // An operator's pattern may mean any number, sign and all.
  if (digits === undefined && !scanner.hasCustom) return value;
  const finding =
    scanner.scan(digits ?? text, cell.column, work)[0] ??
    (scanner.hasCustom && digits !== undefined && digits !== text
      ? scanner.scan(text, cell.column, work)[0]
      : undefined);
  if (work.exhausted) return detection.redact(cell);
  return finding === undefined ? value : detection.wholly(value, cell, detection.ownerOf(finding));
}

function applyJson(detection: Detection, value: Buffer, cell: CellContext): Buffer | null {
  const work = new Work();
  const ascii = (traitsOf(value) & traits.foreign) === 0;
  const { text, encoding } = decode(value, ascii);
  // JSON is UTF-8, so this is none.
  if (encoding === 'latin1' && !ascii) return detection.redact(cell);
  work.spend(text.length >> 2);
  // What a key says is remembered between values, but paid for in each, so that each is always masked the same way.
  const keys = new Map<string, string>();
  const around = (key: string): string => {
    if (key === '') return cell.column;
    let column = keys.get(key);
    if (column === undefined) {
      work.spend(keyWork);
      column = `${cell.column} ${key}`;
      keys.set(key, column);
    }
    return column;
  };
  const visitor: JsonVisitor = {
    text: (inner, key) => {
      if (!work.spend(30)) return inner;
      const has = traitsOfSource(inner);
      const column = around(key);
      const { scanner } = detection;
      if ((has & scanner.traits) === 0 && !scanner.wantsAll(column)) return inner;
      return detection.rewrite(inner, column, work, has);
    },
    number: (inner, key) => {
      if (!detection.scanner.hasCustom && inner.length < shortestNumber) return inner;
      if (!work.spend(30)) return inner;
      const number: CellContext = { type: 'decimal', column: around(key), charactersMax: null };
      return maskNumber(detection, Buffer.from(inner), number, work)?.toString() ?? null;
    },
  };
  const out = rewriteJson(text, visitor, work);
  if (out === null || work.exhausted) return detection.redact(cell);
  return out === text ? value : Buffer.from(out, encoding);
}

/** `\x…` that is text: decoded, looked through, encoded again. Bytes that are no text are looked through one by one. */
function applyBytes(detection: Detection, value: Buffer, cell: CellContext): Buffer | null {
  const text = { ...cell, type: 'text' as const, charactersMax: null };
  if (value.length < 2 || value[0] !== 0x5c || value[1] !== 0x78) return applyText(detection, value, text);
  const bytes = Buffer.from(value.toString('latin1', 2), 'hex');
  const out = applyText(detection, bytes, text);
  if (out === bytes) return value;
  return out === null ? null : Buffer.from(`\\x${out.toString('hex')}`);
}

function applyWholly(detection: Detection, value: Buffer, cell: CellContext): Buffer | null {
  const work = new Work();
  const text = decode(value, false).text;
  // A time is no part of a date of birth; an address may have its width beside it.
  const bare = cell.type === 'timestamp' ? text.slice(0, 10) : text.replace(/\/\d{1,3}$/, '');
  const finding = detection.scanner.scan(bare, cell.column, work)[0];
  return finding === undefined ? value : detection.wholly(value, cell, detection.ownerOf(finding));
}

/** A mask that looks for what `parts` ask for. `parts` is not empty. */
export function createDetectMask(parts: readonly DetectPart[]): ValueMask {
  const detection = new Detection(parts);
  const { scanner } = detection;
  const apply = (value: Buffer, cell: CellContext): Buffer | null => {
    if (value.length === 0) return value;
    if (value.length > limits.detectedBytesMax * (cell.type === 'bytes' ? 2 : 1)) return detection.redact(cell);
    switch (cell.type) {
      case 'text':
        return applyText(detection, value, cell);
      case 'json':
        return applyJson(detection, value, cell);
      case 'bytes':
        return applyBytes(detection, value, cell);
      case 'integer':
      case 'decimal':
      case 'float':
        return maskNumber(detection, value, cell, new Work());
      case 'date':
      case 'timestamp':
        // All dates look alike: the name decides.
        return scanner.hasCustom || scanner.context(cell.column).positive.has('date_of_birth')
          ? applyWholly(detection, value, cell)
          : value;
      case 'address':
        return applyWholly(detection, value, cell);
      case 'other':
        // What its text means is not known, so a finding cannot be cut out of it.
        return applyText(detection, value, { ...cell, type: 'text' }) === value ? value : null;
      default:
        return value;
    }
  };
  return Object.freeze({
    rule: detection.rule,
    how: 'detect' as const,
    apply,
    stream: (cell: CellContext): MaskStream => detectStream(scanner, cell),
  });
}
