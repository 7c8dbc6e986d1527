/**
 * The window over a stream of text: finds what is sensitive in the line that is being written, across chunks and soft wraps,
 * holds back what could still become a finding, and gives back the rest.
 *
 * ```
 *   given back │ certain: given back now │ held: may become a finding │ not yet seen
 * ```
 *
 * Invariants:
 * - Lines are looked at by themselves; what is masked in one depends on its text alone, as long as nothing had to be given
 *   back because of its time.
 * - A beginning that is weak waits `weakHoldMs` and is shown; one that is strong waits `strongHoldMs` and is masked, and so is
 *   the word that goes on behind it. What was given back stays in sight, so that the rest of a finding is masked.
 * - A character is given back at the latest when the line holds `lineCharactersMax` more.
 *
 * Deliberately absent: sequences (primary.ts), the screen (screen.ts).
 */

import type { Finder, Span } from './finder.ts';
import { isKeySpan } from './finder.ts';
import type { Hits } from './hits.ts';
import { isKeyLine, keyEndIn } from './keys.ts';
import * as limits from './limits.ts';
import { Line, noGlyph } from './line.ts';
import { Queue } from './queue.ts';
import type { Turn } from './turn.ts';
import { combining, unitOf } from './units.ts';
import { widthOf } from './width.ts';

/** What goes on behind a finding that was masked before its end was seen. */
const continues = /[A-Za-z0-9_+/=.@%~-]/;
const continuing = new Uint8Array(128);
for (let code = 0; code < 128; code++) continuing[code] = continues.test(String.fromCharCode(code)) ? 1 : 0;

interface Hold {
  /** The first glyph that is held. */
  readonly glyph: number;
  readonly sinceMs: number;
}

export class Stream {
  readonly line: Line;
  readonly #finder: Finder;
  readonly #hits: Hits;
  readonly #turn: Turn;
  readonly #queue = new Queue();
  readonly #out: Buffer[] = [];
  /** The beginning of a character whose rest has not come. */
  readonly #cut: number[] = [];
  #cutNeeds = 0;
  /** Whether the line changed since it was looked at last, and what was found then. */
  #changed = false;
  #spans: readonly Span[] = [];
  #text = '';
  /** Positions of findings of this line that were counted. */
  readonly #counted = new Set<number>();
  #continues = false;
  /** Whether the line was looked at since the cursor moved. */
  #looked = false;
  /** Bytes that a private key may still have; 0: there is none. */
  #keyLeft = 0;
  #held: Hold | null = null;
  #strong: Hold | null = null;

  constructor(finder: Finder, hits: Hits, turn: Turn, width: number) {
    this.#finder = finder;
    this.#hits = hits;
    this.#turn = turn;
    this.line = new Line(width);
  }

  /** Whether nothing is remembered: the next byte begins a line like the first. */
  get idle(): boolean {
    return (
      this.line.length === 0 &&
      this.#queue.byteLength === 0 &&
      !this.#continues &&
      this.#keyLeft === 0 &&
      this.#cut.length === 0
    );
  }

  /** Printable bytes, in UTF-8 or what looks like it. */
  print(bytes: Uint8Array, start: number, end: number): void {
    let index = start;
    while (index < end) {
      const byte = bytes[index]!;
      if (this.#cut.length > 0) {
        if (this.#continueCut(byte)) index++;
      } else if (byte < 0x80) {
        this.#character(byte, bytes, index, index + 1, 1);
        index++;
      } else {
        const needs =
          byte >= 0xc2 && byte < 0xe0 ? 2 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xf0 && byte < 0xf5 ? 4 : 1;
        if (needs === 1) this.#character(byte, bytes, index, index + 1, 1);
        else {
          this.#cut.push(byte);
          this.#cutNeeds = needs;
        }
        index++;
      }
    }
  }

  /** False: the byte does not continue it, and is still to be taken. */
  #continueCut(byte: number): boolean {
    if ((byte & 0xc0) !== 0x80) {
      this.#breakCut();
      return false;
    }
    this.#cut.push(byte);
    if (this.#cut.length < this.#cutNeeds) return true;
    const bytes = Uint8Array.from(this.#cut);
    const [first, second, third, fourth] = this.#cut as [number, number, number, number];
    let code: number;
    if (this.#cutNeeds === 2) code = ((first & 0x1f) << 6) | (second & 0x3f);
    else if (this.#cutNeeds === 3) code = ((first & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f);
    else code = ((first & 0x07) << 18) | ((second & 0x3f) << 12) | ((third & 0x3f) << 6) | (fourth & 0x3f);
    const least = this.#cutNeeds === 2 ? 0x80 : this.#cutNeeds === 3 ? 0x800 : 0x10000;
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      this.#breakCut();
      return true;
    }
    this.#cut.length = 0;
    this.#character(code, bytes, 0, bytes.length, widthOf(code));
    return true;
  }

  /** Bytes that are no character, one by one. */
  #breakCut(): void {
    const bytes = Uint8Array.from(this.#cut);
    this.#cut.length = 0;
    for (let index = 0; index < bytes.length; index++) this.#character(bytes[index]!, bytes, index, index + 1, 1);
  }

  #character(code: number, bytes: Uint8Array, start: number, end: number, width: number): void {
    const { line } = this;
    const unit = code < 0x80 ? code : unitOf(code);
    if (width === 0 || unit === combining) {
      this.#queue.extend(bytes, start, end);
      return;
    }
    if (line.full) this.#shorten();
    if (!this.#looked && line.overwrites(unit)) {
      // What is written from here on is written over what was looked at now.
      this.look();
      this.#looked = true;
    }
    const glyph = this.#queue.glyph(bytes, start, end, width);
    line.print(unit, glyph, width);
    this.#changed = true;
    if (!this.#continues) return;
    if (unit < 128 && continuing[unit] === 1) this.#queue.mask(glyph);
    else this.#continues = false;
  }

  /** Bytes that print nothing and move nothing. */
  raw(bytes: Uint8Array): void {
    if (this.#cut.length > 0) this.#breakCut();
    this.#queue.raw(bytes, 0, bytes.length);
  }

  tab(): void {
    if (this.#cut.length > 0) this.#breakCut();
    if (this.line.full) this.#shorten();
    this.line.tab(noGlyph);
    this.#queue.control(0x09);
    this.#changed = true;
    this.#continues = false;
  }

  /** What changes characters that can be seen is preceded by a look at them. */
  look(): void {
    if (this.#cut.length > 0) this.#breakCut();
    if (!this.#refresh()) return;
    for (const span of this.#spans) this.#mask(span, span.start, span.end);
  }

  /** Something was inserted or deleted within the line. */
  touch(): void {
    this.#changed = true;
    this.#continues = false;
  }

  /** The cursor moved within the line; `bytes` moved it. */
  moved(bytes: Uint8Array): void {
    this.raw(bytes);
    this.#looked = false;
  }

  /** The line is over: everything of it is given back. `bytes` ended it. */
  close(bytes: Uint8Array): void {
    if (this.#cut.length > 0) this.#breakCut();
    this.#refresh();
    for (const span of this.#spans) this.#mask(span, span.start, span.end);
    if (this.line.length > 0) this.#followKey();
    this.#queue.raw(bytes, 0, bytes.length);
    this.#give(this.#queue.next);
    this.#begin(0);
    this.#continues = false;
  }

  #begin(column: number): void {
    this.line.clear(column);
    this.#counted.clear();
    this.#changed = false;
    this.#looked = false;
    this.#spans = [];
    this.#text = '';
    this.#held = null;
    this.#strong = null;
  }

  /** Another line, that begins elsewhere than at the left edge. */
  moveTo(column: number): void {
    this.line.clear(column);
  }

  /** Looks at the line unless it is known. False where there is nothing to look at. */
  #refresh(): boolean {
    if (this.#changed) {
      this.#text = this.line.text();
      this.#spans = this.#finder.find(this.#text);
      this.#changed = false;
      this.#turn.check();
    }
    return this.#spans.length > 0;
  }

  #mask(span: Pick<Span, 'start' | 'rule'>, start: number, end: number): void {
    let some = false;
    for (let index = start; index < end; index++) {
      const glyph = this.line.glyphAt(index);
      if (glyph === noGlyph || this.#text[index]! < ' ') continue;
      if (this.#queue.mask(glyph)) some = true;
    }
    if (!some || this.#counted.has(span.start)) return;
    this.#counted.add(span.start);
    this.#hits.count(span.rule);
  }

  /** A line that ended: does a private key begin in it, go on, or end? */
  #followKey(): void {
    const text = this.#text;
    if (this.#keyLeft === 0) {
      const last = this.#spans[this.#spans.length - 1];
      if (last === undefined || !isKeySpan(last) || text.slice(last.end).trim() !== '') return;
      if (keyEndIn(text.slice(last.start)) < 0) this.#keyLeft = limits.pemBytesMax;
      return;
    }
    const end = keyEndIn(text);
    if (end >= 0) this.#maskKey(end);
    else if (isKeyLine(text)) this.#maskKey(text.length);
    else if (text.trim() !== '') this.#keyLeft = 0;
    this.#keyLeft = end >= 0 ? 0 : Math.max(0, this.#keyLeft - text.length);
  }

  #maskKey(end: number): void {
    for (let index = 0; index < end; index++) {
      const glyph = this.line.glyphAt(index);
      if (glyph !== noGlyph && this.#text[index]! > ' ') this.#queue.mask(glyph);
    }
  }

  /** A long line: what is certain of its first part is given back, and forgotten. */
  #shorten(): void {
    const keep = limits.lineCharactersMax - limits.lineCharactersKept;
    this.#refresh();
    const { length } = this.#text;
    let reaches = false;
    for (const span of this.#spans) {
      if (span.start >= keep && span.end < length) continue;
      this.#mask(span, span.start, span.end);
      if (span.end < length) continue;
      reaches = true;
      if (isKeySpan(span)) this.#keyLeft = limits.pemBytesMax;
    }
    // What has begun so long ago and still goes on is masked before it is known.
    const held = this.#finder.viability.of(this.#text);
    if (held !== null && held.from < keep) {
      this.#mask({ start: held.from, rule: this.#finder.all }, held.from, length);
      reaches = true;
    }
    if (this.#keyLeft > 0) this.#maskKey(isKeyLine(this.#text) ? length : 0);
    if (reaches) this.#continues = true;
    this.#give(this.#firstGlyph(keep));
    this.line.drop(keep);
    const counted = [...this.#counted].filter((start) => start >= keep);
    this.#counted.clear();
    for (const start of counted) this.#counted.add(start - keep);
    this.#changed = true;
  }

  #give(before: number): void {
    const bytes = this.#queue.take(before);
    if (bytes.length > 0) this.#out.push(bytes);
  }

  /** The first glyph that waits, of all from a position on; `next` where none waits. */
  #firstGlyph(from: number): number {
    let first = this.#queue.next;
    for (let index = from; index < this.line.length; index++) {
      const glyph = this.line.glyphAt(index);
      if (glyph >= this.#queue.first && glyph < first) first = glyph;
    }
    return first;
  }

  /** What can be given back now. Afterwards `holdUntilMs` says until when the rest waits. */
  settle(nowMs: number): Buffer {
    this.#settle(nowMs);
    return this.#taken();
  }

  #settle(nowMs: number): void {
    if (this.#queue.byteLength === 0) {
      this.#held = this.#cut.length > 0 ? (this.#held ?? { glyph: -1, sinceMs: nowMs }) : null;
      this.#strong = null;
      return;
    }
    this.#refresh();
    const { from, strong } = this.#holds();
    if (!this.line.isWithin) {
      for (const span of this.#spans) if (span.start < from) this.#mask(span, span.start, span.end);
    }
    const glyph = this.#firstGlyph(from);
    this.#give(glyph);
    const waits = this.#queue.byteLength > 0 || this.#cut.length > 0;
    this.#held = waits ? sameOr(this.#held, glyph, nowMs) : null;
    this.#strong = waits && strong !== null ? sameOr(this.#strong, this.#firstGlyph(strong), nowMs) : null;
  }

  /** Where the line is held from, and from where it is masked when its time has come. */
  #holds(): { from: number; strong: number | null } {
    const text = this.#text;
    // What is being written over is neither the one nor the other yet: all of it waits.
    if (this.line.isWithin)
      return { from: 0, strong: this.#finder.viability.of(text.slice(0, this.line.at))?.strong ?? null };
    const held = this.#finder.viability.of(text);
    let from = held?.from ?? text.length;
    // What was found at the very end may go on, or turn out to be something else.
    for (const span of this.#spans) if (span.end === text.length) from = Math.min(from, span.start);
    let strong = held?.strong ?? null;
    // What is found already need not be waited for: it is masked in any case.
    if (strong !== null && this.#spans.some(({ start, end }) => start <= strong! && end === text.length)) strong = null;
    if (this.#keyLeft > 0) {
      from = 0;
      strong = isKeyLine(text) ? 0 : strong;
    }
    return { from, strong };
  }

  get holdUntilMs(): number | null {
    if (this.#held === null) return null;
    const { glyph, sinceMs } = this.#held;
    if (this.#strong !== null && this.#strong.glyph <= glyph) return this.#strong.sinceMs + limits.strongHoldMs;
    return sinceMs + limits.weakHoldMs;
  }

  /** Gives back what has waited for its time. */
  flush(nowMs: number): Buffer {
    const until = this.holdUntilMs;
    if (until === null || nowMs < until) return this.settle(nowMs);
    if (this.#cut.length > 0) this.#breakCut();
    this.#refresh();
    const { strong } = this.#holds();
    const whole = strong === null || nowMs >= (this.#strong?.sinceMs ?? nowMs) + limits.strongHoldMs;
    const to = whole ? this.#text.length : strong;
    for (const span of this.#spans) {
      if (span.start >= to) continue;
      this.#mask(span, span.start, span.end);
      if (span.end === this.#text.length) this.#continues = true;
    }
    if (whole && strong !== null) {
      this.#mask({ start: strong, rule: this.#finder.all }, strong, this.#text.length);
      this.#continues = true;
    }
    this.#give(whole ? this.#queue.next : this.#firstGlyph(to));
    if (whole) {
      this.#held = null;
      this.#strong = null;
    } else this.#held = this.#strong;
    return this.#taken();
  }

  /** Everything that is left, for nothing follows; the next line begins at the left edge. */
  end(): Buffer {
    this.close(nothing);
    return this.#taken();
  }

  /** Gives back bytes that were looked at elsewhere. Only while `idle`. */
  pass(bytes: Buffer): void {
    if (bytes.length > 0) this.#out.push(bytes);
  }

  #taken(): Buffer {
    if (this.#out.length === 0) return nothing;
    const bytes = this.#out.length === 1 ? this.#out[0]! : Buffer.concat(this.#out);
    this.#out.length = 0;
    return bytes;
  }
}

const nothing = Buffer.alloc(0);

function sameOr(hold: Hold | null, glyph: number, sinceMs: number): Hold {
  return hold !== null && hold.glyph === glyph ? hold : { glyph, sinceMs };
}
