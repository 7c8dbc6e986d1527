/**
 * Masks text of any kind, line by line: what a detector finds stands in one line, but for private keys. A line is given
 * back as soon as it is complete; one that is too long to be held passes through windows.
 *
 * ```
 *  given back │          window (streamWindowBytes)          │ not yet seen
 *  ─ context ─┼── certain ───────────┼── streamOverlapBytes ─┤
 * ```
 * Invariants:
 * - What comes out does not depend on how the text was cut: windows begin at positions that the line alone determines.
 * - A finding that may reach beyond what a window sees takes the rest of the line with it.
 *
 * Deliberately absent: character references, percent-encoding and escapes within text; what a newline breaks; UTF-16,
 * which is a fault.
 */

import { notPem, privateKeyEnd } from '../detectors/secrets.ts';
import * as roomLimits from '../limits.ts';
import { isMarked, markBytes, markedBytesMax, nextMark } from '../marks.ts';
import type { Hits } from '../terminal/hits.ts';
import { Body, Held } from './body.ts';
import * as limits from './limits.ts';
import type { Values } from './values.ts';

const newline = 0x0a;
const window = roomLimits.streamWindowBytes;

/** A line that is longer than a window, piece by piece. */
export class LongLine {
  readonly #values: Values;
  readonly #hits: Hits;
  /** Context, then what was not yet given back. */
  readonly #bytes = Buffer.allocUnsafe(limits.contextBytes + window);
  #length = 0;
  #context = 0;
  #maskRest: boolean;

  constructor(values: Values, hits: Hits, maskRest: boolean) {
    this.#values = values;
    this.#hits = hits;
    this.#maskRest = maskRest;
  }

  push(bytes: Buffer, from: number, to: number, out: Buffer[]): void {
    for (let at = from; at < to && !this.#maskRest; ) {
      const size = Math.min(to - at, this.#context + window - this.#length);
      bytes.copy(this.#bytes, this.#length, at, at + size);
      this.#length += size;
      at += size;
      // Looked at only when there is more, so that a line of one window is its last.
      if (this.#length === this.#context + window) this.#look(out, false);
    }
  }

  /** The line is over. */
  end(out: Buffer[]): void {
    if (!this.#maskRest) this.#look(out, true);
  }

  #look(out: Buffer[], last: boolean): void {
    const bytes = this.#bytes.subarray(0, this.#length);
    const certain = last ? bytes.length : bytes.length - roomLimits.streamOverlapBytes;
    const first = characterFrom(bytes, 0);
    const seen = last ? bytes.length : cutBefore(bytes, bytes.length);
    let settled = this.#context;
    for (const span of this.#values.spans(bytes.subarray(first, seen), '')) {
      const [from, to] = [span.from + first, span.to + first];
      if (to <= settled) continue;
      if (from >= certain) break;
      this.#hits.count(span.rule);
      out.push(Buffer.from(bytes.subarray(settled, Math.max(from, settled))), span.bytes);
      settled = to;
      if (!last && to >= seen - reachBytes) {
        this.#maskRest = true;
        return;
      }
    }
    if (settled < certain) {
      const until = last ? certain : cutBefore(bytes, certain);
      out.push(Buffer.from(bytes.subarray(settled, until)));
      settled = until;
    }
    const kept = Math.max(0, settled - limits.contextBytes);
    this.#bytes.copyWithin(0, kept, this.#length);
    this.#length -= kept;
    this.#context = settled - kept;
  }
}

/** A finding that ends so near to what is not seen may go on there. */
const reachBytes = 8;

/** The first byte from `from` on that begins a character. */
function characterFrom(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && at < from + 3 && (bytes[at]! & 0xc0) === 0x80) at++;
  return at;
}

/** The last position up to `to` that cuts no character. */
function cutBefore(bytes: Buffer, to: number): number {
  let at = to;
  while (at > to - 4 && at > 0 && (bytes[at - 1]! & 0xc0) === 0x80) at--;
  if (at > 0 && bytes[at - 1]! >= 0xc0) {
    const lead = bytes[at - 1]!;
    const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    return at - 1 + size <= to ? to : at - 1;
  }
  return to;
}

export class TextBody extends Body {
  readonly #values: Values;
  readonly #wanted: number;
  readonly #isMarking: boolean;
  readonly #held = new Held();
  #long: LongLine | null = null;
  /** Bytes of a private key that were taken out; null outside of one. */
  #keyBytes: number | null = null;

  constructor(values: Values) {
    super();
    this.#values = values;
    const { scanner } = values.detection;
    this.#wanted = scanner.kinds;
    this.#isMarking = !scanner.hasCustom;
  }

  override get retainedBytes(): number {
    return this.#held.length + (this.#long === null ? 0 : window + limits.contextBytes);
  }

  protected take(view: Buffer): void {
    // Text has none; in UTF-16 and UTF-32 every other byte is one.
    if (view.includes(0)) {
      this.refuse('it is said to be text, but has NULs in it, as UTF-16 has');
      return;
    }
    for (let at = 0; at < view.length; at += markedBytesMax) {
      this.#piece(view.length <= markedBytesMax ? view : view.subarray(at, at + markedBytesMax));
    }
  }

  protected finish(): void {
    if (this.#long !== null) this.#long.end(this.out);
    else if (this.#held.length > 0) {
      const line = this.#held.take();
      this.#line(line, line.length);
    }
    this.#long = null;
  }

  #piece(piece: Buffer): void {
    let at = 0;
    if (this.#long !== null || this.#held.length > 0) {
      const end = piece.indexOf(newline) + 1;
      if (end === 0) {
        this.#hold(piece, 0, piece.length);
        return;
      }
      this.#hold(piece, 0, end);
      this.#endLine();
      at = end;
    }
    const end = piece.lastIndexOf(newline) + 1;
    if (end > at) this.#lines(piece, at, end);
    if (Math.max(at, end) < piece.length) this.#hold(piece, Math.max(at, end), piece.length);
  }

  #hold(bytes: Buffer, from: number, to: number): void {
    if (this.#long === null && this.#held.length + to - from > window) {
      this.#long = new LongLine(this.#values, this.counts, this.#keyBytes !== null);
      const begun = this.#held.take();
      this.#long.push(begun, 0, begun.length, this.out);
    }
    if (this.#long === null) this.#held.add(bytes, from, to);
    else this.#long.push(bytes, from, to, this.out);
  }

  #endLine(): void {
    if (this.#long !== null) {
      this.#long.end(this.out);
      this.#long = null;
    } else {
      const line = this.#held.take();
      this.#line(line, line.length);
    }
  }

  /** Complete lines that lie in one piece: those without a mark pass together. */
  #lines(bytes: Buffer, start: number, end: number): void {
    let passed = start;
    let at = start;
    let when = -1;
    while (at < end) {
      let line = at;
      if (this.#isMarking && this.#keyBytes === null) {
        if (!isMarked(when)) when = markBytes(bytes, 0, end, this.#wanted);
        const mark = nextMark(at);
        if (mark >= end) break;
        line = bytes.lastIndexOf(newline, mark - 1) + 1;
        if (mark === 0 || line < at) line = at;
      }
      const next = bytes.indexOf(newline, line) + 1;
      if (next - line > window) {
        this.#pass(bytes, passed, line);
        this.#hold(bytes, line, next);
        this.#endLine();
        passed = next;
      } else {
        const before = this.out.length;
        const view = bytes.subarray(line, next);
        this.#pass(bytes, passed, line);
        const given = this.out.length;
        this.#line(view, view.length);
        // A line that passes as it is joins those before and behind it.
        if (this.out.length === given + 1 && this.out[given] === view) this.out.length = before;
        else passed = next;
      }
      at = next;
    }
    this.#pass(bytes, passed, end);
  }

  #pass(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.out.push(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  }

  /** One whole line with its end. Gives `line` itself where nothing is found in it. */
  #line(line: Buffer, length: number): void {
    if (this.#keyBytes !== null) {
      const rest = this.#key(line);
      if (rest === null) return;
      if (rest !== line) {
        this.#line(rest, rest.length);
        return;
      }
    }
    const ending = length > 1 && line[length - 1] === newline ? (line[length - 2] === 0x0d ? 2 : 1) : 0;
    const spans = this.#values.spans(line.subarray(0, length - ending), '');
    if (spans.length === 0) {
      this.out.push(line);
      return;
    }
    let from = 0;
    for (const span of spans) {
      this.counts.count(span.rule);
      this.out.push(line.subarray(from, span.from), span.bytes);
      from = span.to;
    }
    this.out.push(line.subarray(from));
    const last = spans[spans.length - 1]!;
    if (last.isKey && last.to >= length - ending && ending > 0 && !endsKey(line.subarray(last.from, last.to))) {
      this.#keyBytes = 0;
    }
  }

  /** What of a line is no part of the key that goes on: null where all of it is. */
  #key(line: Buffer): Buffer | null {
    this.#keyBytes! += line.length;
    const text = line.toString('latin1');
    privateKeyEnd.lastIndex = 0;
    const end = privateKeyEnd.exec(text);
    if (end !== null) {
      this.#keyBytes = null;
      return line.subarray(end.index + end[0].length);
    }
    notPem.lastIndex = 0;
    if (this.#keyBytes! <= limits.keyBytesMax && !notPem.test(text)) return null;
    this.#keyBytes = null;
    return line;
  }
}

function endsKey(bytes: Buffer): boolean {
  privateKeyEnd.lastIndex = 0;
  return privateKeyEnd.test(bytes.toString('latin1'));
}

/** A text that is known whole, without its findings; itself where there are none. */
export function maskText(values: Values, bytes: Buffer, hits: Hits): Buffer {
  const body = new TextBody(values);
  const pushed = body.push(bytes);
  const rest = body.end();
  for (const [rule, count] of body.hits) for (let times = 0; times < count; times++) hits.count(rule);
  if (body.hits.size === 0 && body.fault === null) return bytes;
  return Buffer.concat([Buffer.from(pushed), rest]);
}
