/**
 * Masks JSON (RFC 8259) as it streams by, without building it: also one text after another (NDJSON, watches, RFC 7464).
 *
 * Invariants:
 * - What is not masked passes byte for byte. What comes out does not depend on how it was cut.
 * - Memory is bounded by the depth and by one value (`heldBytesMax`), whatever the size.
 * - Every occurrence of a name counts, so duplicates are all masked. What a pattern names is masked with all that is in it,
 *   as one value; nothing else looks at it then.
 * - What is no JSON is a fault, and then nothing passes. Escapes and UTF-8 are checked where a string is read.
 *
 * | what a pattern names | becomes                                                                  |
 * | -------------------- | ------------------------------------------------------------------------ |
 * | string, number       | text or number by the method (spelling.ts); a string too long is redacted |
 * | true, false, null    | null                                                                     |
 * | object, array        | `"[redacted]"`, null, or its hash where it is short enough               |
 *
 * Deliberately absent: which bytes are JSON (types.ts); what a string says that is itself JSON, but as text.
 */
import type { CellContext, MaskStream, ValueMask } from '../../core/masking.ts';
import { detectStream } from '../detect-stream.ts';
import { isMarked, markBytes, markedBytesMax, nextMark } from '../marks.ts';
import { isIdentifierOrTimeIn, traitsOf, traitsOfSource, traitsOfSourceIn } from '../prefilter.ts';
import { Body, Held, nothing } from './body.ts';
import { atomByte, classOf, isAtom, ordinary } from './json-bytes.ts';
import { type JsonRules, Place } from './json-place.ts';
import { fixedJson, MaskedContainer, nullBytes, redactedJson } from './json-whole.ts';
import * as limits from './limits.ts';
import { unquote } from './names.ts';
import { numberType, shortestNumber, type Values } from './values.ts';

const quote = 0x22;
const backslash = 0x5c;
const recordSeparator = 0x1e;

/** What must come next. `end`: a comma or the closing bracket; `first…`: or an empty container's. */
const due = { value: 0, firstValue: 1, name: 2, firstName: 3, colon: 4, end: 5 } as const;
type Due = (typeof due)[keyof typeof due];

/** What a piece of input ended within, and what becomes of it. */
type Token = 'none' | 'passing' | 'held' | 'dropped' | 'streamed' | 'atom';

export class JsonBody extends Body {
  readonly #rules: JsonRules;
  readonly #wanted: number;
  /** Values are looked at by their marks; not where an operator's own detectors want them all. */
  readonly #isMarking: boolean;
  readonly #separators: boolean;
  readonly #place: Place;
  #due: Due = due.value;
  #offset = 0;

  #token: Token = 'none';
  /** The string that goes on: whether it is a name, has an escape, and ended within one. */
  #isName = false;
  #hasEscape = false;
  #isEscaped = false;
  readonly #held = new Held();
  #stream: MaskStream | null = null;

  /** The object or array that is being masked as a whole. */
  readonly #whole = new MaskedContainer();

  /** The piece that is being read, and up to where it was dealt with. */
  #bytes: Buffer = nothing;
  #from = 0;
  #when = -1;
  #mark = 0;

  /** `separators`: texts begin with a record separator (RFC 7464). */
  constructor(rules: JsonRules, separators = false) {
    super();
    this.#rules = rules;
    this.#place = new Place(rules);
    this.#separators = separators;
    const scanner = rules.values?.detection.scanner;
    this.#isMarking = scanner !== undefined && !scanner.hasCustom;
    this.#wanted = scanner?.kinds ?? 0;
  }

  override get retainedBytes(): number {
    return this.#held.length + this.#whole.retainedBytes + (this.#stream === null ? 0 : limits.heldBytesMax * 2);
  }

  protected take(view: Buffer): void {
    for (let at = 0; at < view.length && this.fault === null; at += markedBytesMax) {
      this.#piece(view.length <= markedBytesMax ? view : view.subarray(at, at + markedBytesMax));
    }
  }

  protected finish(): void {
    this.#bytes = nothing;
    this.#from = 0;
    if (this.#token === 'atom') this.#endHeldAtom();
    if (this.#token !== 'none' || this.#place.depth > 0) this.refuse('the JSON ends before it is complete');
  }

  #piece(bytes: Buffer): void {
    const { length } = bytes;
    this.#bytes = bytes;
    this.#from = 0;
    this.#markFrom();
    let at = 0;
    while (at < length && this.fault === null) {
      if (this.#token === 'none') at = this.#structure(at);
      else at = this.#token === 'atom' ? this.#moreAtom(at) : this.#moreString(at);
    }
    if (this.#token === 'none' || this.#token === 'passing') this.#settle(length);
    this.#offset += length;
  }

  #markFrom(): void {
    if (!this.#isMarking) return;
    this.#when = markBytes(this.#bytes, 0, this.#bytes.length, this.#wanted);
    this.#mark = nextMark(0);
  }

  /** Whether a detector could find something between two positions of the piece. */
  #isMarked(from: number, to: number): boolean {
    if (!isMarked(this.#when)) this.#markFrom();
    if (this.#mark < from) this.#mark = nextMark(from);
    return this.#mark < to;
  }

  /** What stands in the piece up to `to`, and was not dealt with, passes. */
  #settle(to: number): void {
    if (to > this.#from) {
      if (this.#whole.depth > 0) this.#whole.keep(this.#bytes, this.#from, to);
      else
        this.out.push(
          this.#from === 0 && to === this.#bytes.length ? this.#bytes : this.#bytes.subarray(this.#from, to),
        );
    }
    this.#from = to;
  }

  #give(bytes: Buffer): void {
    if (this.#whole.depth > 0) this.#whole.keep(bytes, 0, bytes.length);
    else this.out.push(bytes);
  }

  #replace(from: number, to: number, bytes: Buffer): void {
    this.#settle(from);
    this.#give(bytes);
    this.#from = to;
  }

  /** Brackets, colons, commas and blanks, and whatever begins among them. Answers how far it came. */
  #structure(from: number): number {
    const bytes = this.#bytes;
    const { length } = bytes;
    let at = from;
    while (at < length) {
      const byte = bytes[at]!;
      switch (classOf[byte]) {
        case 1:
          at++;
          break;
        case 2:
          at = this.#string(at);
          if (this.#token !== 'none') return length;
          break;
        case 3:
          at = this.#atom(at);
          if (this.#token !== 'none') return length;
          break;
        case 4:
          this.#open(at++, byte === 0x7b);
          break;
        case 5:
          this.#close(at++, byte === 0x7d);
          break;
        case 6:
          if (this.#due !== due.colon) this.#unexpected(at);
          this.#due = due.value;
          at++;
          break;
        case 7:
          this.#comma(at++);
          break;
        default:
          if (!this.#isBlankHere(byte, at)) this.#unexpected(at);
          at++;
      }
      if (this.fault !== null) return length;
    }
    return at;
  }

  /** A mark of UTF-8 at the very beginning, and separators between texts. */
  #isBlankHere(byte: number, at: number): boolean {
    if (byte === recordSeparator) return this.#separators && this.#place.depth === 0;
    const offset = this.#offset + at;
    return offset < 3 && byte === [0xef, 0xbb, 0xbf][offset];
  }

  #unexpected(at: number): void {
    this.refuse(`it is no JSON at byte ${this.#offset + at}`);
  }

  #comma(at: number): void {
    if (this.#due !== due.end) {
      this.#unexpected(at);
      return;
    }
    this.#place.next();
    this.#due = this.#place.isObject ? due.name : due.value;
  }

  #open(at: number, isObject: boolean): void {
    if (this.#due !== due.value && this.#due !== due.firstValue) {
      this.#unexpected(at);
      return;
    }
    if (this.#place.depth >= limits.jsonDepthMax) {
      this.refuse(`the JSON is deeper than ${limits.jsonDepthMax} levels`);
      return;
    }
    const state = this.#place.open(isObject);
    if (state !== null && state.mask !== null) {
      this.#settle(at);
      this.#whole.begin(state.mask, this.#place.depth);
    }
    this.#due = isObject ? due.firstName : due.firstValue;
  }

  #close(at: number, isObject: boolean): void {
    const first = isObject ? due.firstName : due.firstValue;
    if (
      this.#place.depth === 0 ||
      this.#place.isObject !== isObject ||
      (this.#due !== due.end && this.#due !== first)
    ) {
      this.#unexpected(at);
      return;
    }
    if (this.#whole.depth === this.#place.depth) {
      this.#settle(at + 1);
      this.out.push(this.#whole.end(this.#place.outside.text, this.counts));
    }
    this.#place.close();
    this.#valueEnded();
  }

  #valueEnded(): void {
    this.#due = this.#place.depth === 0 ? due.value : due.end;
  }

  /** A string begins. Answers the position behind it, or the piece's end where it goes on. */
  #string(from: number): number {
    const isName = this.#due === due.name || this.#due === due.firstName;
    if (!isName && this.#due !== due.value && this.#due !== due.firstValue) {
      this.#unexpected(from);
      return from;
    }
    this.#isName = isName;
    this.#hasEscape = false;
    this.#isEscaped = false;
    const end = this.#stringEnd(from + 1);
    if (end > 0 && end - from <= limits.heldBytesMax) {
      this.#readString(from, end);
      return end;
    }
    const { fields, values } = this.#rules;
    const isLookedAt = this.#whole.depth === 0 && (isName || values !== null || this.#mask() !== null);
    // A name is needed by patterns and as context.
    if (!isLookedAt || (fields === null && values === null)) {
      this.#token = 'passing';
      if (end < 0) return this.#bytes.length;
      this.#endString();
      return end;
    }
    this.#settle(from);
    this.#token = 'held';
    return this.#collect(from, end);
  }

  /** Takes more of a string that is collected. `end` −1: it goes on. */
  #collect(from: number, end: number): number {
    const to = end < 0 ? this.#bytes.length : end;
    this.#from = to;
    if (this.#token === 'held') {
      this.#held.add(this.#bytes, from, to);
      if (this.#held.length > limits.heldBytesMax) this.#tooLong(end > 0);
    } else if (this.#token === 'streamed') {
      this.out.push(this.#stream!.push(Buffer.from(this.#bytes.subarray(from, to)), end > 0));
    }
    if (end > 0) this.#endCollected();
    return to;
  }

  /** What is held is longer than what is looked at as a whole. */
  #tooLong(last: boolean): void {
    if (this.#isName) {
      this.refuse(`a name in the JSON has more than ${limits.heldBytesMax} bytes`);
      return;
    }
    const mask = this.#mask();
    if (mask !== null && (mask.how !== 'detect' || mask.tooLong !== undefined)) {
      this.#token = 'dropped';
      this.#held.clear();
      return;
    }
    const { detection } = this.#rules.values!;
    const cell: CellContext = { type: 'json', column: this.#place.around.text, charactersMax: null };
    this.#token = 'streamed';
    this.#stream = detectStream(detection.scanner, cell, (finding) => {
      this.counts.count(finding === null ? detection.rule : detection.ownerOf(finding).rule);
    });
    this.out.push(this.#stream.push(this.#held.take(), last));
  }

  /** A string that was collected is complete. */
  #endCollected(): void {
    if (this.fault !== null) return;
    if (this.#token === 'held') {
      const bytes = this.#held.view;
      const masked = this.#masked(bytes, 0, bytes.length, false);
      if (this.fault !== null) return;
      this.#give(masked ?? Buffer.from(bytes));
      this.#held.clear();
    } else if (this.#token === 'dropped') {
      const mask = this.#mask()!;
      this.counts.count(mask.rule);
      this.out.push(mask.tooLong ?? (mask.how === 'null' ? nullBytes : redactedJson));
    }
    this.#endString();
  }

  #endString(): void {
    this.#token = 'none';
    this.#stream = null;
    if (this.#isName) this.#due = due.colon;
    else this.#valueEnded();
  }

  /** A string stands whole in the piece. */
  #readString(from: number, to: number): void {
    if (this.#whole.depth === 0) {
      const masked = this.#masked(this.#bytes, from, to, true);
      if (masked !== null) this.#replace(from, to, masked);
    }
    this.#endString();
  }

  #moreString(from: number): number {
    const end = this.#stringEnd(from);
    if (this.fault !== null) return from;
    if (this.#token === 'passing') {
      if (end > 0) this.#endString();
      return end < 0 ? this.#bytes.length : end;
    }
    return this.#collect(from, end);
  }

  /** The position behind the string that goes on at `from`; −1 where the piece ends before. */
  #stringEnd(from: number): number {
    const bytes = this.#bytes;
    const { length } = bytes;
    let at = from;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at++;
    }
    for (;;) {
      while (at < length && ordinary[bytes[at]!] === 1) at++;
      if (at >= length) {
        this.#isEscaped = at > length;
        return -1;
      }
      const byte = bytes[at]!;
      if (byte === quote) return at + 1;
      if (byte !== backslash) {
        this.#unexpected(at);
        return -1;
      }
      this.#hasEscape = true;
      at += 2;
    }
  }

  /** The mask of the value that is due, by patterns. */
  #mask(): ValueMask | null {
    return this.#isName ? null : (this.#place.state?.mask ?? null);
  }

  /** What stands instead of a string or name that is known whole, or null. */
  #masked(bytes: Buffer, from: number, to: number, isInPiece: boolean): Buffer | null {
    const { names, values } = this.#rules;
    if (this.#isName) {
      const name = names.read(bytes, from, to, this.#hasEscape);
      if (name === null) return this.#unreadable();
      this.#place.named(name);
      for (const rule of name.rules) this.counts.count(rule);
      return name.masked;
    }
    const mask = this.#mask();
    if (mask !== null) {
      const fixed = this.#hasEscape ? null : fixedJson(mask, bytes, from, to);
      if (fixed !== null) this.counts.count(mask.rule);
      if (fixed !== null) return fixed;
      const text = unquote(bytes, from, to, this.#hasEscape);
      if (text === null) return this.#unreadable();
      const masked = mask.apply(Buffer.from(text), { type: 'text', column: '', charactersMax: null });
      if (mask.how !== 'detect' || masked?.toString() !== text) this.counts.count(mask.rule);
      return masked === null ? nullBytes : Buffer.from(JSON.stringify(masked.toString()));
    }
    return values === null ? null : this.#detected(values, bytes, from, to, isInPiece);
  }

  #detected(values: Values, bytes: Buffer, from: number, to: number, isInPiece: boolean): Buffer | null {
    const { scanner } = values.detection;
    const around = this.#place.around;
    if (!this.#hasEscape && !around.wantsAll) {
      if (isInPiece) {
        if (!this.#isMarked(from, to)) return null;
      } else if ((traitsOf(bytes.subarray(from + 1, to - 1)) & scanner.traits) === 0) return null;
      if (!around.meansIdentifiers && isIdentifierOrTimeIn(bytes, from + 1, to - 1)) return null;
    }
    const text = unquote(bytes, from, to, this.#hasEscape);
    if (text === null) return this.#unreadable();
    const has = this.#hasEscape ? traitsOfSource(text) : traitsOfSourceIn(bytes, from + 1, to - 1);
    if ((has & scanner.traits) === 0 && !around.wantsAll) return null;
    const masked = values.text(text, around.text, has, this.counts);
    if (masked === text) return null;
    return masked === null ? nullBytes : Buffer.from(JSON.stringify(masked));
  }

  #unreadable(): null {
    this.refuse('a string in the JSON is no UTF-8, or has an escape that is none');
    return null;
  }

  /** A number or word begins. */
  #atom(from: number): number {
    if (this.#due !== due.value && this.#due !== due.firstValue) {
      this.#unexpected(from);
      return from;
    }
    const bytes = this.#bytes;
    const { length } = bytes;
    let at = from + 1;
    while (at < length && atomByte[bytes[at]!] === 1) at++;
    if (at < length && at - from <= limits.atomBytesMax) {
      const masked = this.#maskedAtom(bytes, from, at, true);
      if (masked !== null) this.#replace(from, at, masked);
      this.#valueEnded();
      return at;
    }
    this.#settle(from);
    this.#token = 'atom';
    return this.#moreAtom(from);
  }

  #moreAtom(from: number): number {
    const bytes = this.#bytes;
    const { length } = bytes;
    let at = from;
    while (at < length && atomByte[bytes[at]!] === 1) at++;
    this.#from = at;
    if (this.#held.length + at - from > limits.atomBytesMax) {
      this.refuse(`a number in the JSON has more than ${limits.atomBytesMax} bytes`);
      return at;
    }
    this.#held.add(bytes, from, at);
    if (at < length) this.#endHeldAtom();
    return at;
  }

  #endHeldAtom(): void {
    const bytes = this.#held.take();
    const masked = this.#maskedAtom(bytes, 0, bytes.length, false);
    this.#give(masked ?? bytes);
    this.#token = 'none';
    this.#valueEnded();
  }

  #maskedAtom(bytes: Buffer, from: number, to: number, isInPiece: boolean): Buffer | null {
    if (!isAtom(bytes, from, to)) {
      this.refuse('the JSON has a word or number in it that is none');
      return null;
    }
    if (this.#whole.depth > 0) return null;
    const isWord = bytes[from]! >= 0x61;
    this.#isName = false;
    const mask = this.#mask();
    if (mask !== null) {
      if (bytes[from] === 0x6e) return null;
      this.counts.count(mask.rule);
      const spelling = bytes.toString('latin1', from, to);
      const type = isWord ? 'boolean' : numberType(spelling);
      return mask.apply(Buffer.from(spelling), { type, column: '', charactersMax: null }) ?? nullBytes;
    }
    const { values } = this.#rules;
    if (values === null || isWord) return null;
    if (this.#isMarking && (to - from < shortestNumber || (isInPiece && !this.#isMarked(from, to)))) return null;
    const spelling = bytes.toString('latin1', from, to);
    const masked = values.number(spelling, this.#place.around.text, this.counts);
    return masked === spelling ? null : Buffer.from(masked);
  }
}
