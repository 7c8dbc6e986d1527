/**
 * Detection over many values at once (core/masking.ts, `BulkMask`): one pass over the bytes marks where something could be
 * (marks.ts); of a value with marks only the detectors run whose kinds are marked, and the commonest, e-mail addresses and
 * numbers, run on the bytes as they are.
 *
 * Invariant: what comes of a value is what the mask's `apply` makes of it; where that is not certain, `apply` is called
 * (bulk.test.ts compares the two).
 */
import type { BulkMask, BulkRows, CellContext, ValueSink } from '../core/masking.ts';
import type { MaskMethod } from '../core/rules.ts';
import { cutFinding, type Detection, replacement } from './detection.ts';
import {
  findEmailsInBytes,
  findNumbersInBytes,
  type LayoutNode,
  layoutTree,
  type NumberJudge,
  Places,
} from './detectors/bytes.ts';
import type { ColumnContext, Strength } from './detectors/context.ts';
import { layoutsOf } from './detectors/numbers.ts';
import type { DetectorName } from './detectors/table.ts';
import { hintGroups, tokenHintsOf } from './hints.ts';
import { kinds, kindsOf, wantsFreely } from './kinds.ts';
import {
  hintsBetween,
  isMarked,
  kindsBetween,
  markBytes,
  markedBytesMax,
  nextMark,
  nextOf,
  traitsBetween,
} from './marks.ts';
import { isIdentifierOrTimeIn } from './prefilter.ts';
import { fitsRows, Rewriting, RewrittenRows } from './rewriting.ts';
import { type Finding, joined, type Scanner } from './scanner.ts';
import { redacted } from './spelling.ts';
import { Work } from './work.ts';

const bits = { at: Math.log2(kinds.at), number: Math.log2(kinds.number) };

/** Longest value that is looked through in place, bytes: the scanner's own window. */
const placeBytesMax = 2048;

const redactedBytes = Buffer.from(redacted);

type Apply = (value: Buffer, cell: CellContext) => Buffer | null;

export class BulkDetection implements BulkMask {
  readonly markedBytesMax = markedBytesMax;
  readonly #detection: Detection;
  readonly #scanner: Scanner;
  readonly #apply: Apply;
  readonly #wanted: number;
  /** Kinds for which the text is looked through, rather than the bytes. */
  readonly #textual: number;
  /** The same where there are numbers. */
  readonly #numeric: number;
  readonly #tokenHints: number;
  readonly #layouts: LayoutNode | null;
  readonly #judge: Judge;
  readonly #rewriting: Rewriting | null;
  readonly #hasEmail: boolean;
  readonly #hasPhone: boolean;
  readonly #hasEntropy: boolean;
  readonly #methods = new Map<DetectorName, MaskMethod>();
  readonly #reaches = new WeakMap<CellContext, 'none' | 'marked' | 'all'>();
  readonly #nextAt = (from: number): number => nextOf(bits.at, from - this.#start) + this.#start;
  readonly #nextNumber = (from: number): number => nextOf(bits.number, from - this.#start) + this.#start;
  #bytes: Buffer = none;
  #start = 0;
  #end = 0;
  #when = -1;

  constructor(detection: Detection, apply: Apply) {
    const { scanner } = detection;
    const { names } = scanner;
    this.#detection = detection;
    this.#scanner = scanner;
    this.#apply = apply;
    this.#judge = new Judge(scanner);
    this.#hasEmail = names.has('email');
    this.#hasPhone = names.has('phone');
    this.#hasEntropy = names.has('high_entropy');
    this.#wanted = kindsOf(names);
    this.#tokenHints = tokenHintsOf(names);
    const layouts = layoutsOf(names);
    this.#layouts = layouts.size === 0 ? null : layoutTree(layouts);
    let textual = kinds.pem | kinds.scheme | kinds.assigned | kinds.address | kinds.iban | kinds.date | kinds.token;
    if (wantsFreely(names)) textual |= kinds.mixed | kinds.number;
    this.#textual = textual & this.#wanted;
    this.#numeric = kinds.lettered | (names.has('phone') ? kinds.phone : 0);
    this.#rewriting = Rewriting.of({
      wanted: this.#wanted,
      textual: this.#textual,
      numeric: this.#numeric,
      tokenHints: this.#tokenHints,
      hasEmail: this.#hasEmail,
      hasPhone: this.#hasPhone,
      hasEntropy: this.#hasEntropy,
      layouts: this.#layouts,
      valueBytesMax: placeBytesMax,
      isRedacted: (by) => this.#methodOf(by) === 'redact',
    });
  }

  rows(cells: readonly (CellContext | null)[]): BulkRows | null {
    if (this.#rewriting === null || !fitsRows(cells.length)) return null;
    const mark = (from: number, end: number): number => {
      if (!isMarked(this.#when)) this.mark(this.#bytes, from, end);
      return this.#start;
    };
    return new RewrittenRows(this.#rewriting, cells, (cell) => this.#isPlain(cell), mark);
  }

  /** Text of a column whose name says nothing that matters beside it. */
  #isPlain({ type, column }: CellContext): boolean {
    if (type !== 'text') return false;
    const { positive, negative } = this.#scanner.context(column);
    return !negative && !['phone', 'date_of_birth', 'high_entropy'].some((name) => positive.has(name as DetectorName));
  }

  reach(cell: CellContext): 'none' | 'marked' | 'all' {
    let reach = this.#reaches.get(cell);
    if (reach === undefined) {
      reach = this.#reachOf(cell);
      this.#reaches.set(cell, reach);
    }
    return reach;
  }

  #reachOf(cell: CellContext): 'none' | 'marked' | 'all' {
    if (this.#scanner.wantsAll(cell.column)) return 'all';
    switch (cell.type) {
      case 'text':
      case 'integer':
      case 'decimal':
      case 'float':
      case 'address':
        return 'marked';
      case 'date':
      case 'timestamp':
        return this.#scanner.context(cell.column).positive.has('date_of_birth') ? 'all' : 'none';
      case 'boolean':
      case 'time':
      case 'interval':
      case 'uuid':
        return 'none';
      default:
        return 'all';
    }
  }

  mark(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#when = markBytes(bytes, start, end, this.#wanted);
  }

  next(from: number): number {
    // A long value was marked by itself in the meantime.
    if (!isMarked(this.#when)) this.mark(this.#bytes, from, this.#end);
    return nextMark(from - this.#start) + this.#start;
  }

  apply(from: number, to: number, cell: CellContext, sink: ValueSink): boolean | null {
    const isKnown = isMarked(this.#when);
    const marked = isKnown ? kindsBetween(from - this.#start, to - this.#start) : kinds.foreign;
    if ((marked & this.#wanted) === 0) return false;
    const isInPlace = (marked & kinds.foreign) === 0 && cell.type === 'text' && to - from <= placeBytesMax;
    if (!isInPlace) return this.#whole(from, to, cell, sink);
    const { column } = cell;
    if (isIdentifierOrTimeIn(this.#bytes, from, to) && !this.#scanner.meansIdentifiers(column)) return false;
    const textual = this.#textualOf(marked, from, to, column);
    if (textual === 0) {
      const now = this.#inBytes(from, to, cell, marked, sink);
      if (now !== undefined) return now;
    }
    return this.#inText(from, to, cell, marked, textual | (marked & (kinds.at | kinds.number)), sink);
  }

  /** The kinds for which the text must be looked through. */
  #textualOf(marked: number, from: number, to: number, column: string): number {
    let textual = marked & this.#textual;
    if ((marked & kinds.number) !== 0) textual |= marked & this.#numeric;
    const mayBePhone = (marked & kinds.number) !== 0 && this.#hasPhone;
    const mayBeToken = (textual & kinds.token) !== 0 && !this.#hasEntropy;
    const mayBeDate = (textual & kinds.date) !== 0;
    if (!mayBePhone && !mayBeToken && !mayBeDate) return textual;
    const { positive } = this.#scanner.context(column);
    const hints = hintsBetween(from - this.#start, to - this.#start);
    if (mayBePhone && (positive.has('phone') || (hints & hintGroups.phone) !== 0)) textual |= kinds.phone;
    if (mayBeToken && (hints & this.#tokenHints) === 0) textual &= ~kinds.token;
    if (mayBeDate && (hints & hintGroups.birth) === 0 && !positive.has('date_of_birth')) textual &= ~kinds.date;
    return textual;
  }

  #whole(from: number, to: number, cell: CellContext, sink: ValueSink): boolean | null {
    const value = this.#bytes.subarray(from, to);
    const now = this.#apply(value, cell);
    if (now === value) return false;
    if (now === null) return null;
    sink.reserve(now.length);
    sink.length += now.copy(sink.bytes, sink.length);
    return true;
  }

  #inText(
    from: number,
    to: number,
    cell: CellContext,
    marked: number,
    looked: number,
    sink: ValueSink,
  ): boolean | null {
    const isAscii = (marked & kinds.latin) === 0;
    const has = isAscii ? traitsBetween(from - this.#start, to - this.#start) : 0;
    if (isAscii && (has & this.#scanner.traits) === 0) return false;
    const work = new Work();
    const encoding = isAscii ? 'latin1' : 'utf8';
    const text = this.#bytes.toString(encoding, from, to);
    const out = this.#detection.rewrite(text, cell.column, work, has, looked);
    if (work.exhausted) return this.#written(this.#detection.redact(cell), sink);
    if (out === text) return false;
    return out === null ? null : this.#written(Buffer.from(cutFinding(out, cell.charactersMax), encoding), sink);
  }

  #written(now: Buffer | null, sink: ValueSink): boolean | null {
    if (now === null) return null;
    sink.reserve(now.length);
    sink.length += now.copy(sink.bytes, sink.length);
    return true;
  }

  // --- On the bytes ---------------------------------------------------------------------------------------------------

  /** Undefined where the bytes do not tell. */
  #inBytes(from: number, to: number, cell: CellContext, marked: number, sink: ValueSink): boolean | null | undefined {
    const bytes = this.#bytes;
    const { places, work } = this.#judge;
    places.count = 0;
    work.reset();
    if ((marked & kinds.at) !== 0 && this.#hasEmail) {
      if (!findEmailsInBytes(bytes, from, to, this.#nextAt, work, places)) return undefined;
    }
    if ((marked & kinds.number) !== 0 && this.#layouts !== null && !work.exhausted) {
      this.#judge.begin(bytes, from, to, this.#scanner.context(cell.column), (marked & kinds.latin) !== 0);
      findNumbersInBytes(bytes, from, to, this.#nextNumber, this.#layouts, work, this.#judge);
      if (this.#judge.isUncertain) return undefined;
    }
    if (work.exhausted) return this.#written(this.#detection.redact(cell), sink);
    if (places.count === 0) return false;
    if ((marked & kinds.latin) !== 0 && cell.charactersMax !== null) return undefined;
    return this.#replace(from, to, cell, sink);
  }

  #replace(from: number, to: number, cell: CellContext, sink: ValueSink): boolean | null {
    const begin = sink.length;
    const { places } = this.#judge;
    if (!isInOrder(places)) inOrder(places);
    let copied = from;
    for (let index = 0; index < places.count; index++) {
      const start = places.starts[index]!;
      const end = places.ends[index]!;
      const by = places.by[index]!;
      const method = this.#methodOf(by);
      if (method === 'null') {
        sink.length = begin;
        return null;
      }
      this.#copy(this.#bytes, copied, start, sink);
      if (method === 'redact') this.#copy(redactedBytes, 0, redactedBytes.length, sink);
      else {
        const finding = { start, end, by };
        const now = replacement(this.#bytes.toString('latin1', start, end), finding, this.#detection.ownerOf(finding));
        sink.reserve(now.length);
        sink.length += sink.bytes.write(now, sink.length, 'latin1');
      }
      copied = end;
    }
    this.#copy(this.#bytes, copied, to, sink);
    const { charactersMax } = cell;
    if (charactersMax !== null && sink.length - begin > charactersMax) sink.length = begin + charactersMax;
    return true;
  }

  #methodOf(by: DetectorName): MaskMethod {
    let method = this.#methods.get(by);
    if (method === undefined) {
      method = this.#detection.ownerOf({ start: 0, end: 0, by }).method;
      this.#methods.set(by, method);
    }
    return method;
  }

  #copy(source: Buffer, from: number, to: number, sink: ValueSink): void {
    const size = to - from;
    if (sink.length + size > sink.bytes.length) sink.reserve(size);
    const into = sink.bytes;
    if (size > shortBytes) source.copy(into, sink.length, from, to);
    else for (let index = from, at = sink.length; index < to; ) into[at++] = source[index++]!;
    sink.length += size;
  }
}

/** Decides on the numbers of one value, as the scanner does. */
class Judge implements NumberJudge {
  readonly places = new Places();
  readonly work = new Work();
  /** Something would have to be read as text to be decided. */
  isUncertain = false;
  readonly #scanner: Scanner;
  #bytes: Buffer = none;
  #from = 0;
  #to = 0;
  #context: ColumnContext | null = null;
  #isLatin = false;
  #text: string | null = null;

  constructor(scanner: Scanner) {
    this.#scanner = scanner;
  }

  begin(bytes: Buffer, from: number, to: number, context: ColumnContext, isLatin: boolean): void {
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
    this.#context = context;
    this.#isLatin = isLatin;
    this.#text = null;
    this.isUncertain = false;
  }

  maySpeak(by: DetectorName): boolean {
    if (this.#isLatin || this.#context!.positive.has(by)) return true;
    for (let index = this.#from; index < this.#to; index++) {
      const byte = this.#bytes[index]! | 0x20;
      if (byte >= 0x61 && byte <= 0x7a) return true;
    }
    return false;
  }

  found(by: DetectorName, start: number, end: number, strength: Strength): boolean {
    if (strength !== 'strong') {
      if (this.#isLatin) {
        this.isUncertain = true;
        return false;
      }
      const isAlone = start === this.#from && end === this.#to;
      this.#text ??= isAlone ? '' : this.#bytes.toString('latin1', this.#from, this.#to);
      const size = isAlone ? 0 : end - start;
      const at = start - this.#from;
      if (!this.#scanner.fires(by, this.#text, at, at + size, strength, this.#context!, this.work)) return false;
    }
    this.places.add(by, start, end);
    return true;
  }
}

function isInOrder({ starts, ends, count }: Places): boolean {
  for (let index = 1; index < count; index++) if (starts[index]! < ends[index - 1]!) return false;
  return true;
}

/** What overlaps is joined, as the scanner does it. */
function inOrder(places: Places): void {
  const findings: Finding[] = [];
  for (let index = 0; index < places.count; index++) {
    findings.push({ start: places.starts[index]!, end: places.ends[index]!, by: places.by[index]! });
  }
  const now = joined(findings);
  places.count = 0;
  for (const { start, end, by } of now) places.add(by as DetectorName, start, end);
}

/** Copied byte by byte up to here: a call costs as much. */
const shortBytes = 48;
const none = Buffer.alloc(0);
