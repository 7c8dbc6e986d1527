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
import { BulkDetection } from './bulk.ts';
import { detectStream } from './detect-stream.ts';
import { cutFinding, Detection, type DetectPart } from './detection.ts';

export type { DetectPart } from './detection.ts';

import { type JsonVisitor, rewriteJson } from './json.ts';
import { kinds } from './kinds.ts';
import * as limits from './limits.ts';
import { kindsOfBytes } from './marks.ts';
import { allTraits, isIdentifierOrTime, traits, traitsOf, traitsOfSource } from './prefilter.ts';
import { Work } from './work.ts';

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

/** Bytes from which on a value is marked (marks.ts) rather than looked at in a loop: more than the scanner's one window. */
const longBytesMin = 2049;

/** The traits that a long value may have, by its kinds. */
function traitsOfMarked(marked: number): number {
  const isAscii = (marked & (kinds.foreign | kinds.latin)) === 0;
  return allTraits & ~(isAscii ? traits.foreign : 0) & ~((marked & kinds.token) === 0 ? traits.token : 0);
}

function applyText(detection: Detection, value: Buffer, cell: CellContext): Buffer | null {
  const { scanner } = detection;
  let has: number;
  if (value.length < longBytesMin) has = traitsOf(value);
  else {
    const marked = kindsOfBytes(value, scanner.kinds | kinds.latin);
    if ((marked & scanner.kinds) === 0 && !scanner.wantsAll(cell.column)) return value;
    has = traitsOfMarked(marked);
  }
  if ((has & scanner.traits) === 0 && !scanner.wantsAll(cell.column)) return value;
  if (isIdentifierOrTime(value) && !scanner.meansIdentifiers(cell.column)) return value;
  const work = new Work();
  const { text, encoding } = decode(value, (has & traits.foreign) === 0);
  const out = detection.rewrite(text, cell.column, work, has);
  if (work.exhausted) return detection.redact(cell);
  if (out === text) return value;
  if (out === null) return null;
  return Buffer.from(cutFinding(out, cell.charactersMax), encoding);
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

/** A long string within JSON. */
function rewriteLong(detection: Detection, inner: string, column: string, work: Work): string | null {
  const { scanner } = detection;
  const marked = kindsOfBytes(Buffer.from(inner), scanner.kinds | kinds.latin);
  if ((marked & scanner.kinds) === 0 && !scanner.wantsAll(column)) return inner;
  return detection.rewrite(inner, column, work, traitsOfMarked(marked));
}

function applyJson(detection: Detection, value: Buffer, cell: CellContext): Buffer | null {
  const work = new Work();
  const ascii = kindsOfBytes(value, kinds.foreign | kinds.latin) === 0;
  const { text, encoding } = decode(value, ascii);
  // JSON is UTF-8, so this is none.
  if (encoding === 'latin1' && !ascii) return detection.redact(cell);
  work.spend(text.length >> (ascii ? 2 : 1));
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
      const { scanner } = detection;
      const column = around(key);
      if (inner.length >= longBytesMin) return rewriteLong(detection, inner, column, work);
      const has = traitsOfSource(inner);
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
    ...(scanner.hasCustom ? {} : { bulk: new BulkDetection(detection, apply) }),
  });
}
