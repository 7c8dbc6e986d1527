/**
 * A terminal whose program draws on the whole screen: the bytes go to a shadow of it first. Where nothing on it is found,
 * they go on to the client as they came. Where something is, the client gets the rows painted anew, with stars, until the
 * screen is clean; then its state is put right, and bytes pass again.
 *
 * ```
 *   clean ──found──▶ painted ──nothing found──▶ clean
 * ```
 *
 * Invariants:
 * - No byte passes before the screen that it draws was looked at; and none that draws a finding which is gone when one looks.
 * - A turn does a bounded amount of work. What is more waits: then fewer frames are looked at and painted, and what is
 *   between them is never seen. Nothing passes for lack of time.
 * - While the screen is painted, of the program's sequences only those pass that draw nothing.
 *
 * Deliberately absent: when this screen is used (terminal.ts).
 */

import { none } from './filter.ts';
import type { Finder } from './finder.ts';
import type { Hits } from './hits.ts';
import * as limits from './limits.ts';
import { paintBegin, paintCursor, paintRow, paintState } from './paint.ts';
import { isAddressing, isAlternate, type SequenceTexts } from './primary.ts';
import { RowScan } from './rows.ts';
import type { Shadow } from './shadow.ts';
import { type Sequence, Tokeniser, type TokenSink } from './tokeniser.ts';

/** What of the screen the client has. */
type State = 'clean' | 'painted';

export class Screen implements TokenSink {
  readonly shadow: Shadow;
  /** Set when the program left the alternate screen; the tokeniser stops. */
  left: Sequence | null = null;
  /** Lines that ended one after the other without a move between rows: on the primary screen. */
  calm = 0;
  readonly #alternate: boolean;
  readonly #finder: Finder;
  readonly #hits: Hits;
  readonly #texts: SequenceTexts;
  readonly #rows: RowScan;
  #state: State = 'clean';
  /** What the shadow has yet to get of this turn, and what it costs. */
  readonly #feed: Buffer[] = [];
  #cost = 0;
  /** For the client: everything; and what draws nothing. */
  readonly #raw: Buffer[] = [];
  readonly #silent: Buffer[] = [];
  /** Text that was printed in one go; where it had a finding the client does not get it, even if it is gone by now. */
  readonly #run: Buffer[] = [];
  #flash = false;
  /** Rows as the client has them, while they are painted. */
  #painted: string[] = [];
  #visible = true;
  #charsets = new Map<string, Buffer>();
  #rules = new Set<string>();
  #lastFrameMs = Number.NEGATIVE_INFINITY;
  #waits = false;

  constructor(shadow: Shadow, alternate: boolean, finder: Finder, hits: Hits, texts: SequenceTexts) {
    this.shadow = shadow;
    this.#alternate = alternate;
    this.#finder = finder;
    this.#hits = hits;
    this.#texts = texts;
    this.#rows = new RowScan(finder);
  }

  get stopped(): boolean {
    return this.left !== null || this.#cost >= this.#costMax;
  }

  /** Work of one turn, where a byte of text is one: erasing a large screen costs more than a turn, and is one turn's work. */
  get #costMax(): number {
    return limits.shadowBytesPerTurn;
  }

  /** Takes bytes until the turn's work is done; answers how many. */
  take(tokeniser: Tokeniser, bytes: Buffer, from: number, to: number): number {
    this.#cost = 0;
    let at = from;
    while (at < to && !this.stopped) {
      // Text is cut so that a chunk of nothing but text ends its turn, too.
      at += tokeniser.run(bytes, at, Math.min(to, at + 4096), this);
    }
    this.#write();
    return at - from;
  }

  /** Draws what is on the client's screen already, as far as a few turns go. */
  prime(bytes: Buffer): void {
    const tokeniser = new Tokeniser();
    for (let turn = 0, at = 0; turn < primeTurns && at < bytes.length; turn++) {
      at += this.take(tokeniser, bytes, at, bytes.length);
    }
    this.#raw.length = 0;
    this.#silent.length = 0;
    this.#run.length = 0;
    this.#flash = false;
    this.#waits = false;
    this.calm = 0;
  }

  #write(): void {
    if (this.#feed.length > 0) this.shadow.write(this.#feed.length === 1 ? this.#feed[0]! : Buffer.concat(this.#feed));
    this.#feed.length = 0;
  }

  text(bytes: Buffer, start: number, end: number): void {
    const text = Buffer.from(bytes.subarray(start, end));
    this.#cost += text.length;
    this.#feed.push(text);
    this.#raw.push(text);
    this.#run.push(text);
    this.#waits = true;
  }

  control(byte: number): void {
    const bytes = Buffer.of(byte);
    this.#raw.push(bytes);
    this.#waits = true;
    this.#cost += byte === 0x0a ? this.#lineCost : 1;
    if (byte === 0x07) {
      this.#silent.push(bytes);
      return;
    }
    this.#feed.push(bytes);
    if (byte === 0x0e || byte === 0x0f) this.#charsets.set('shift', bytes);
    else if (byte !== 0x00) this.#endRun();
    if (byte === 0x0a) this.calm++;
  }

  /** Moving rows costs time by the width; erasing a screen by all of it. */
  get #lineCost(): number {
    return 8 + (this.shadow.columns >> 3);
  }

  get #screenCost(): number {
    return 64 + ((this.shadow.columns * this.shadow.rows) >> 3);
  }

  sequence(sequence: Sequence): void {
    const { kind, bytes, final, marks } = sequence;
    this.#waits = true;
    if (kind === 'osc' || kind === 'string') {
      if (!this.#texts.mayPass(sequence)) return;
      this.#raw.push(bytes);
      // Images are drawn; what is asked or told of the terminal is not.
      if (
        kind === 'osc'
          ? !/^\x1b\]1337;/.test(bytes.toString('latin1', 0, 8))
          : /^\x1bP[+$]q/.test(bytes.toString('latin1', 0, 4))
      ) {
        this.#silent.push(bytes);
      }
      return;
    }
    if (sequence.long) return;
    if (this.#alternate && (isAlternate(sequence, 'l') || (kind === 'escape' && final === 'c' && marks === ''))) {
      this.#endRun();
      this.left = sequence;
      return;
    }
    if (isAddressing(sequence) || (kind === 'csi' && 'HfJ'.includes(final) && marks === '')) this.calm = 0;
    if (marks === '?' && (final === 'h' || final === 'l') && sequence.numbers.includes(25))
      this.#visible = final === 'h';
    if (kind === 'escape' && '()*+'.includes(marks) && marks !== '') this.#charsets.set(marks, bytes);
    if (!(kind === 'csi' && final === 'm')) this.#endRun();
    this.#raw.push(bytes);
    if (isSilent(sequence)) this.#silent.push(bytes);
    this.#draw(sequence);
  }

  /** Gives a sequence to the shadow, with numbers that it can bear. */
  #draw({ kind, bytes, final, marks, numbers, controls }: Sequence): void {
    this.#cost += bytes.length;
    const large = numbers.some((number) => number >= limits.sequenceNumberMax);
    if (kind === 'csi' && marks === '' && !controls && (large || final === 'b')) {
      const most = final === 'b' ? this.shadow.columns * 2 : limits.sequenceNumberMax;
      const bounded = numbers.map((number) => (number < 0 ? '' : String(Math.min(number, most)))).join(';');
      if (final === 'b') this.#cost += Math.min(most, Math.max(1, numbers[0] ?? 1));
      this.#feed.push(Buffer.from(`\x1b[${bounded}${final}`));
    } else if (!large) this.#feed.push(bytes);
    if (kind === 'csi' && 'JLMSTHP@X'.includes(final)) this.#cost += final === 'H' ? 0 : this.#screenCost;
    else if (kind === 'escape' && 'DME#c'.includes(final || '#')) this.#cost += this.#lineCost;
  }

  /** A run of text ended, or a frame did. */
  #endRun(): void {
    if (this.#run.length === 0) return;
    const bytes = this.#run.length === 1 ? this.#run[0]! : Buffer.concat(this.#run);
    this.#run.length = 0;
    if (this.#flash || bytes.length < 4 || this.#finder.lines.next(bytes, 0, bytes.length) === none) return;
    for (let from = 0; from < bytes.length; from += limits.lineCharactersKept) {
      const spans = this.#finder.find(bytes.toString('utf8', from, from + limits.lineCharactersMax));
      for (const { rule } of spans) this.#found(rule);
      if (spans.length > 0) {
        this.#flash = true;
        return;
      }
    }
  }

  #found(rule: string): void {
    // Counted once each time that it appears, not once a frame.
    if (this.#rules.has(rule)) return;
    this.#rules.add(rule);
    this.#hits.count(rule);
  }

  /** When the next frame is due, if anything waits for one. `backlog`: there is more than a turn could take. */
  dueMs(backlog: boolean): number | null {
    if (!this.#waits) return null;
    return this.#lastFrameMs + (backlog ? limits.floodFrameMs : limits.frameMs);
  }

  /** Looks at the screen and gives the client what it may have of it. */
  frame(nowMs: number): Buffer {
    if (!this.#waits) return nothing;
    this.#waits = false;
    this.#lastFrameMs = nowMs;
    this.#write();
    this.#endRun();
    const { cells, rules } = this.#rows.look(this.shadow);
    const clean = cells.size === 0 && !this.#flash;
    if (cells.size === 0) this.#rules.clear();
    for (const rule of rules) this.#found(rule);
    this.#flash = false;
    const raw = Buffer.concat(this.#raw);
    const silent = Buffer.concat(this.#silent);
    this.#raw.length = 0;
    this.#silent.length = 0;
    if (clean && this.#state === 'clean') return raw;
    if (this.#state === 'clean') this.#painted = [];
    let out = paintBegin;
    for (let row = 0; row < this.shadow.rows; row++) {
      const painted = paintRow(this.shadow, row, cells.get(row));
      if (this.#painted[row] === painted) continue;
      this.#painted[row] = painted;
      out += painted;
    }
    this.#state = cells.size === 0 ? 'clean' : 'painted';
    out +=
      this.#state === 'clean'
        ? paintState(this.shadow, this.#visible, Buffer.concat([...this.#charsets.values()]).toString('latin1'))
        : paintCursor(this.shadow, this.#visible);
    return Buffer.concat([silent, Buffer.from(out)]);
  }

  /** The screen has another size: what the client has of it is not known any more. */
  resize(size: { readonly columns: number; readonly rows: number }): void {
    this.#write();
    this.shadow.resize(size);
    this.#painted = [];
    this.#waits = true;
  }

  /** Before the screen is left: the client's terminal is as the program believes it to be. */
  leave(nowMs: number): Buffer {
    this.#waits = true;
    const last = this.frame(nowMs);
    if (this.#state === 'clean') return last;
    // Its cells may stay masked; everything else must be right.
    this.#state = 'clean';
    const charsets = Buffer.concat([...this.#charsets.values()]).toString('latin1');
    return Buffer.concat([last, Buffer.from(paintState(this.shadow, this.#visible, charsets))]);
  }

  get isPainted(): boolean {
    return this.#state === 'painted';
  }
}

const nothing = Buffer.alloc(0);

/** Turns that are spent on drawing the past: some milliseconds. */
const primeTurns = 4;

/** Private modes that change what is drawn: the painter sets them itself, or the shadow does not know them. */
const drawingModes: ReadonlySet<number> = new Set([3, 5, 6, 7, 25, 45, 47, 69, 1047, 1048, 1049, 2026]);

/** Whether a sequence draws nothing and moves nothing: questions, modes of keys and mouse, the form of the cursor. */
function isSilent({ kind, final, marks, numbers, controls }: Sequence): boolean {
  if (controls || final === '') return false;
  if (kind === 'escape') return marks === '' && (final === '=' || final === '>');
  if (final === 'h' || final === 'l') return marks === '?' && numbers.every((number) => !drawingModes.has(number));
  if (final === 'q') return marks === ' ' || marks === '>';
  if (final === 'c' || final === 'n' || final === 't')
    return marks === '' || marks === '>' || marks === '=' || marks === '?';
  if (final === 'p') return marks.endsWith('$');
  return (final === 'u' || final === 'm') && /[<>=?]/.test(marks);
}
