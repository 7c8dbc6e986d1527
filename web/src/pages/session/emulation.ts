// oxlint-disable-next-line typescript/triple-slash-reference -- an ambient declaration has no other way in for who imports this file
/// <reference path="../../xterm.d.ts" />
/**
 * One terminal of a recording, at any moment of it. Text is parsed once as it comes, with a snapshot every so many characters; a
 * seek restores the snapshot before the moment and parses what is between.
 *
 * Invariants:
 * - Only what draws reaches the emulator (A-SSH-22): no titles, clipboards, links, reports.
 * - Work is done one step after the other, in the order in which it was asked for.
 * - A seek parses at most `keyframeChars` (twice that much once snapshots were thinned out), whatever the recording's length.
 *
 * Deliberately absent: drawing (screen.ts) and the worker around it (emulator-worker.ts).
 */
// First: what follows looks for what it makes.
import './worker-globals.ts';

import { SerializeAddon } from '@xterm/addon-serialize/lib/addon-serialize.mjs';
import { Terminal } from '@xterm/headless/lib-headless/xterm-headless.mjs';
import { TerminalFilter } from '../../../../src/base/terminal.ts';
import { fromBase64 } from '../../format/base64.ts';
import { type Frame, frameOf } from '../../ui/terminal/frame.ts';
import * as limits from './limits.ts';

/** Written to the emulator at once; a seek waits for no more than that. Characters. */
const writeChars = 64 * 1024;

interface Piece {
  readonly ms: number;
  text: string;
  readonly size: readonly [columns: number, rows: number] | null;
}

interface Keyframe {
  /** The pieces before it are in it. */
  readonly at: number;
  readonly state: string;
  readonly columns: number;
  readonly rows: number;
  readonly isCursorHidden: boolean;
}

export interface Hit {
  readonly ms: number;
  readonly text: string;
}

/** What is read of the emulator beside its public interface. */
interface Inner {
  readonly _core: {
    readonly buffer: {
      readonly scrollTop: number;
      readonly scrollBottom: number;
      readonly savedX: number;
      readonly savedY: number;
      readonly x: number;
      readonly y: number;
    };
  };
}

/** A terminal, and whether its cursor shows. */
class Screen {
  readonly terminal: Terminal;
  isCursorHidden = false;
  readonly #serializer = new SerializeAddon();

  constructor(columns: number, rows: number) {
    this.terminal = new Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: limits.scrollbackLines });
    this.terminal.loadAddon(this.#serializer as unknown as Parameters<Terminal['loadAddon']>[0]);
    for (const final of ['h', 'l']) {
      this.terminal.parser.registerCsiHandler({ prefix: '?', final }, (parameters) => {
        if (parameters.includes(25)) this.isCursorHidden = final === 'l';
        return false;
      });
    }
  }

  write(text: string): Promise<void> {
    return new Promise((resolve) => this.terminal.write(text, resolve));
  }

  /** Text that makes a new terminal of the same size look and go on like this one. */
  state(): string {
    const { scrollTop, scrollBottom, savedX, savedY, x, y } = (this.terminal as unknown as Inner)._core.buffer;
    const text = this.#serializer.serialize({ scrollback: limits.scrollbackLines });
    const isWhole = scrollTop === 0 && scrollBottom === this.terminal.rows - 1;
    if (isWhole && savedX === 0 && savedY === 0) return text;
    const saved = `\u001b[${savedY + 1};${savedX + 1}H\u001b7`;
    const region = isWhole ? '' : `\u001b[${scrollTop + 1};${scrollBottom + 1}r`;
    const row = this.terminal.modes.originMode ? y - scrollTop : y;
    return `${text}${saved}${region}\u001b[${row + 1};${x + 1}H`;
  }
}

export class Emulation {
  readonly #filter = new TerminalFilter();
  readonly #decoder = new TextDecoder();
  readonly #pieces: Piece[] = [];
  #keyframes: Keyframe[] = [];
  #spacing = limits.keyframeChars;
  #sinceKeyframe = 0;
  #chars = 0;
  /** Where everything that came was parsed to. */
  #end: Screen | null = null;
  #parsed = 0;
  #isParsing = false;
  #view: Screen | null = null;
  #shown = 0;
  #work: Promise<unknown> = Promise.resolve();
  readonly #lines: Hit[] = [];
  #lineChars = 0;
  #parsingMs = 0;
  #screenMs = 0;
  #screenRows = new Set<string>();
  isTruncated = false;

  /** Adds what was drawn at a moment, or a new size. */
  push(ms: number, data: string, encoding: 'utf8' | 'base64', size: Piece['size'] = null): void {
    if (size !== null) {
      this.#pieces.push({ ms, text: '', size });
      return;
    }
    const decoded =
      encoding === 'utf8' ? this.#decoder.decode() + data : this.#decoder.decode(fromBase64(data), { stream: true });
    const text = this.#filter.push(decoded);
    if (text === '') return;
    if (this.#chars > limits.terminalCharsMax) {
      this.isTruncated = true;
      return;
    }
    this.#chars += text.length;
    const last = this.#pieces.at(-1);
    // What comes at once is one piece, unless it was parsed already.
    if (last !== undefined && last.size === null && last.ms === ms && this.#pieces.length > this.#parsed + 1)
      last.text += text;
    else this.#pieces.push({ ms, text, size: null });
  }

  /** Parses what came, and takes snapshots on the way: in steps, between which a seek has its turn. */
  async parse(): Promise<void> {
    if (this.#isParsing) return;
    this.#isParsing = true;
    try {
      while (this.#parsed < this.#pieces.length) await this.#next(() => this.#parseSome());
    } finally {
      this.#isParsing = false;
    }
  }

  async #parseSome(): Promise<void> {
    const piece = this.#pieces[this.#parsed]!;
    this.#end ??= this.#opened(piece.size);
    this.#parsingMs = piece.ms;
    if (piece.size === null) await this.#run(piece);
    else {
      this.#end.terminal.resize(...piece.size);
      this.#parsed++;
    }
    if (this.#sinceKeyframe >= this.#spacing) this.#keep();
  }

  /** The screen as it was at a moment, with so many lines above it. */
  frame(ms: number, history = 0): Promise<Frame> {
    return this.#next(async () => {
      const to = this.#before(ms);
      const keyframe = this.#keyframes.findLast(({ at }) => at <= to) ?? null;
      if (this.#view === null || to < this.#shown || (keyframe !== null && keyframe.at > this.#shown)) {
        this.#view?.terminal.dispose();
        this.#view = await this.#restored(keyframe);
        this.#shown = keyframe?.at ?? 0;
      }
      const view = this.#view;
      let text = '';
      for (; this.#shown < to; this.#shown++) {
        const piece = this.#pieces[this.#shown]!;
        if (piece.size === null) {
          text += piece.text;
          continue;
        }
        if (text !== '') await view.write(text);
        text = '';
        view.terminal.resize(...piece.size);
      }
      if (text !== '') await view.write(text);
      return frameOf(view.terminal, view.isCursorHidden, history);
    });
  }

  /** Lines that hold a text, in order. */
  search(text: string): { readonly hits: readonly Hit[]; readonly isPartial: boolean } {
    const wanted = text.toLowerCase();
    const hits = wanted === '' ? [] : this.#lines.filter((line) => line.text.toLowerCase().includes(wanted));
    return { hits: hits.slice(0, limits.hitsMax), isPartial: this.#isFull() };
  }

  /** One step after the other. */
  #next<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#work.then(step, step);
    this.#work = done.catch(() => undefined);
    return done;
  }

  #opened(size: Piece['size']): Screen {
    const screen = new Screen(...(size ?? ([80, 24] as const)));
    screen.terminal.onLineFeed(() => this.#lineFed(screen.terminal));
    return screen;
  }

  /** Pieces up to and including that moment. */
  #before(ms: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pieces[middle]!.ms <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Small pieces are written together; their moment is told to what listens for lines. */
  async #run(first: Piece): Promise<void> {
    const screen = this.#end!;
    let chars = 0;
    let piece: Piece | undefined = first;
    while (piece !== undefined && piece.size === null && chars < writeChars) {
      const { ms, text } = piece;
      chars += text.length;
      const next: Piece | undefined = this.#pieces[++this.#parsed];
      const afterMs = next?.ms ?? ms;
      screen.terminal.write(text, () => {
        this.#noteScreen(screen.terminal, ms);
        this.#parsingMs = afterMs;
      });
      piece = next;
    }
    await screen.write('');
    this.#sinceKeyframe += chars;
  }

  #keep(): void {
    this.#sinceKeyframe = 0;
    const screen = this.#end!;
    const { cols: columns, rows } = screen.terminal;
    this.#keyframes.push({
      at: this.#parsed,
      state: screen.state(),
      columns,
      rows,
      isCursorHidden: screen.isCursorHidden,
    });
    if (this.#keyframes.length <= limits.keyframesMax) return;
    this.#keyframes = this.#keyframes.filter((_, index) => index % 2 === 1);
    this.#spacing *= 2;
  }

  async #restored(keyframe: Keyframe | null): Promise<Screen> {
    if (keyframe === null) return new Screen(...(this.#pieces[0]?.size ?? ([80, 24] as const)));
    const screen = new Screen(keyframe.columns, keyframe.rows);
    await screen.write(keyframe.state);
    screen.isCursorHidden = keyframe.isCursorHidden;
    return screen;
  }

  // ------------------------------------------------------------ what can be searched

  #isFull(): boolean {
    return this.#lines.length >= limits.searchLinesMax || this.#lineChars >= limits.searchCharsMax || this.isTruncated;
  }

  #note(ms: number, text: string): void {
    if (text.trim() === '' || this.#isFull()) return;
    this.#lines.push({ ms, text });
    this.#lineChars += text.length;
  }

  #lineFed(terminal: Terminal): void {
    const buffer = terminal.buffer.active;
    if (buffer.type !== 'normal') return;
    const line = buffer.getLine(buffer.baseY + buffer.cursorY - 1);
    if (line !== undefined) this.#note(this.#parsingMs, line.translateToString(true));
  }

  /** A program that takes the whole screen has no lines that end: what is new on it is noted, once a second. */
  #noteScreen(terminal: Terminal, ms: number): void {
    const buffer = terminal.buffer.active;
    if (buffer.type !== 'alternate' || ms - this.#screenMs < 1_000) return;
    this.#screenMs = ms;
    const rows = new Set<string>();
    for (let y = 0; y < terminal.rows; y++) {
      const text = buffer.getLine(buffer.baseY + y)?.translateToString(true) ?? '';
      rows.add(text);
      if (!this.#screenRows.has(text)) this.#note(ms, text);
    }
    this.#screenRows = rows;
  }
}
