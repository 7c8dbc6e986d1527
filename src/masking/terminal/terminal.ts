/**
 * Masks one terminal: a stream of lines while its program writes lines (primary.ts), a screen while it draws on one
 * (screen.ts).
 *
 * | from | to | when |
 * |---|---|---|
 * | lines | alternate screen | a program enters it |
 * | alternate screen | lines | it is left |
 * | lines | primary screen as a whole | a program draws at a row of its own choice |
 * | primary screen as a whole | lines | lines end one after the other, and nothing on the screen is masked |
 *
 * Invariants: bytes are taken in order, each by one of the two; a sequence is never cut by a change or by what is painted; a
 * turn takes no more than the screen can draw in one.
 */
import type { MaskedOutput, TerminalMask, TerminalSize } from '../../core/masking.ts';
import type { Finder } from './finder.ts';
import { Hits } from './hits.ts';
import * as limits from './limits.ts';
import { noGlyph } from './line.ts';
import { type LineReader, passLines } from './lines.ts';
import { Past } from './past.ts';
import { Primary, SequenceTexts } from './primary.ts';
import { Screen } from './screen.ts';
import { boundedSize, Shadow } from './shadow.ts';
import { Stream } from './stream.ts';
import { type Sequence, Tokeniser } from './tokeniser.ts';
import { Turn } from './turn.ts';
import { widthOf } from './width.ts';

const newline = 0x0a;
const nothing = Buffer.alloc(0);

class Terminal implements TerminalMask {
  readonly #finder: Finder;
  readonly #counts = new Hits();
  readonly #texts: SequenceTexts;
  readonly #turn = new Turn();
  readonly #tokeniser = new Tokeniser();
  readonly #stream: Stream;
  readonly #primary: Primary;
  readonly #reader: LineReader;
  /** What the primary screen was drawn with. */
  readonly #past = new Past();
  #size: TerminalSize;
  #screen: Screen | null = null;
  #alternate = false;
  #enteredMs = 0;
  /** What no turn took yet. */
  #backlog: Buffer = nothing;
  readonly #out: Buffer[] = [];

  constructor(finder: Finder, size: TerminalSize) {
    this.#finder = finder;
    this.#size = boundedSize(size);
    this.#texts = new SequenceTexts(finder, this.#counts);
    const stream = new Stream(finder, this.#counts, this.#turn, this.#size.columns);
    this.#stream = stream;
    this.#primary = new Primary(stream, this.#texts, this.#turn);
    this.#reader = {
      finder,
      filter: finder.lines,
      hits: this.#counts,
      turn: this.#turn,
      stream,
      slow: (bytes, from, to) => this.#tokens(bytes, from, to),
      canPass: () => this.#canPass,
    };
  }

  get hits(): ReadonlyMap<string, number> {
    return this.#counts.counts;
  }

  get #canPass(): boolean {
    return this.#screen === null && this.#primary.pending === null && this.#stream.idle && this.#tokeniser.atGround;
  }

  push(view: Buffer, nowMs: number): MaskedOutput {
    this.#turn.begin();
    const bytes = this.#backlog.length === 0 ? view : Buffer.concat([this.#backlog, view]);
    this.#take(bytes, nowMs);
    return this.#answer(nowMs, false);
  }

  flush(nowMs: number): MaskedOutput {
    this.#turn.begin();
    if (this.#backlog.length > 0) this.#take(this.#backlog, nowMs);
    return this.#answer(nowMs, true);
  }

  resize(size: TerminalSize, nowMs: number): MaskedOutput {
    this.#size = boundedSize(size);
    this.#stream.line.resize(this.#size.columns);
    this.#screen?.resize(this.#size);
    return this.flush(nowMs);
  }

  end(): Buffer {
    // Nothing follows, so this is one long turn.
    this.#turn.beginWithoutEnd();
    while (this.#backlog.length > 0) this.#take(this.#backlog, this.#enteredMs);
    this.#tokeniser.end(this.#screen ?? this.#primary);
    if (this.#screen !== null) this.#out.push(this.#screen.leave(this.#enteredMs));
    this.#out.push(this.#stream.end());
    return this.#taken();
  }

  #answer(nowMs: number, due: boolean): MaskedOutput {
    let holdUntilMs: number | null;
    if (this.#screen !== null) {
      const backlog = this.#backlog.length > 0;
      const frameMs = this.#screen.dueMs(backlog);
      holdUntilMs = backlog ? nowMs : frameMs;
      if (frameMs !== null && nowMs >= frameMs) {
        this.#out.push(this.#screen.frame(nowMs));
        if (!backlog) holdUntilMs = null;
      }
    } else {
      // While there is more to take, nothing has waited in vain.
      this.#out.push(due && this.#backlog.length === 0 ? this.#stream.flush(nowMs) : this.#stream.settle(nowMs));
      holdUntilMs = this.#backlog.length > 0 ? nowMs : this.#stream.holdUntilMs;
    }
    return { bytes: this.#taken(), holdUntilMs };
  }

  #taken(): Buffer {
    const parts = this.#out.filter(({ length }) => length > 0);
    this.#out.length = 0;
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** Takes bytes as far as this turn goes; the rest waits. */
  #take(bytes: Buffer, nowMs: number): void {
    let at = 0;
    while (at < bytes.length) {
      const before = at;
      if (this.#screen === null) {
        at = this.#takeLines(bytes, at);
        this.#enterScreen(nowMs);
        if (this.#turn.isLate) break;
        continue;
      }
      at += this.#screen.take(this.#tokeniser, bytes, at, bytes.length);
      if (!this.#leaveScreen(nowMs) && at < bytes.length && this.#screen !== null) break;
      if (at === before && this.#screen !== null) break;
    }
    this.#backlog = at < bytes.length ? Buffer.from(bytes.subarray(at)) : nothing;
  }

  #takeLines(bytes: Buffer, from: number): number {
    let at = from;
    if (this.#canPass) {
      at = passLines(this.#reader, bytes, at);
      this.#past.add(bytes, from, Math.min(at, bytes.length));
    }
    if (at === bytes.length || this.#primary.pending !== null) return at;
    const end = bytes.indexOf(newline, at) + 1;
    const taken = this.#tokens(bytes, at, end === 0 ? bytes.length : end);
    this.#past.add(bytes, at, at + taken);
    return at + taken;
  }

  #tokens(bytes: Buffer, from: number, to: number): number {
    // A long line is taken in pieces, so that a turn can end within it.
    return this.#tokeniser.run(bytes, from, Math.min(to, from + limits.lineCharactersMax), this.#primary);
  }

  #enterScreen(nowMs: number): void {
    const { pending } = this.#primary;
    if (pending === null) return;
    this.#primary.pending = null;
    this.#out.push(this.#stream.end());
    const { sequence, effect } = pending;
    this.#alternate = effect === 'alternate';
    this.#enteredMs = nowMs;
    const shadow = new Shadow(this.#size);
    const screen = new Screen(shadow, this.#alternate, this.#finder, this.#counts, this.#texts);
    this.#screen = screen;
    if (this.#alternate) this.#out.push(sequence.bytes);
    else {
      this.#past.drop(sequence.bytes.length);
      screen.prime(this.#past.bytes());
      screen.sequence(sequence);
    }
  }

  /** True where the screen was left. */
  #leaveScreen(nowMs: number): boolean {
    const screen = this.#screen!;
    if (screen.left !== null) {
      this.#out.push(screen.leave(nowMs), screen.left.bytes);
      if (isReset(screen.left)) this.#past.set(nothing);
    } else {
      const calm = !this.#alternate && screen.calm >= limits.calmLines && nowMs - this.#enteredMs >= limits.screenMsMin;
      if (!calm || !this.#tokeniser.atGround) return false;
      this.#out.push(screen.frame(nowMs));
      if (screen.isPainted) return false;
      this.#rememberScreen(screen.shadow);
    }
    screen.shadow.dispose();
    this.#screen = null;
    this.#alternate = false;
    return true;
  }

  /** The primary screen is a stream again: it was drawn with what is on it, and its line begins with what stands there. */
  #rememberScreen(shadow: Shadow): void {
    const rows = Array.from({ length: shadow.rows }, (_, row) => shadow.row(row).translateToString(true));
    const { column, row } = shadow.cursor;
    this.#past.set(Buffer.from(`\x1b[H${rows.join('\r\n')}\x1b[${row + 1};${column + 1}H`));
    const { line } = this.#stream;
    for (const character of shadow.row(row).translateToString(false, 0, column)) {
      const code = character.codePointAt(0)!;
      line.print(Math.min(code, 0xffff), noGlyph, widthOf(code));
    }
    this.#stream.touch();
  }
}

function isReset({ kind, final }: Sequence): boolean {
  return kind === 'escape' && final === 'c';
}

export function createTerminalMask(finder: Finder, size: TerminalSize): TerminalMask {
  return new Terminal(finder, size);
}
