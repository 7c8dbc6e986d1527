/**
 * The screen as the client's terminal has it: @xterm/headless, without scrollback, fed at once.
 *
 * The library parses in turns of its own unless it is asked for more than its public interface gives: writing at once, the
 * current colours, the saved cursor, the margins. All that is beneath that interface is named here and nowhere else, and is
 * looked for when a shadow is made, so that another version of the library fails at once.
 *
 * Deliberately absent: sequences that would cost more than they draw. Who feeds it bounds numbers (screen.ts): repeating a
 * character two thousand million times keeps the library busy for a minute (A-MSK-01).
 */
import xterm, { type IBufferLine } from '@xterm/headless';
import { assert } from '../../base/assert.ts';
import type { TerminalSize } from '../../core/masking.ts';
import * as limits from './limits.ts';

/** What cells and the current attributes have in common. */
export interface Attributes {
  isBold(): number;
  isDim(): number;
  isItalic(): number;
  isUnderline(): number;
  isBlink(): number;
  isInverse(): number;
  isInvisible(): number;
  isStrikethrough(): number;
  isFgRGB(): boolean;
  isFgPalette(): boolean;
  getFgColor(): number;
  isBgRGB(): boolean;
  isBgPalette(): boolean;
  getBgColor(): number;
}

interface InnerBuffer {
  readonly savedX: number;
  readonly savedY: number;
  readonly savedCurAttrData: Attributes;
  readonly scrollTop: number;
  readonly scrollBottom: number;
}

interface Inner {
  writeSync(data: Uint8Array): void;
  readonly buffer: InnerBuffer;
  readonly _inputHandler: { readonly _curAttrData: Attributes };
}

export function boundedSize({ columns, rows }: TerminalSize): TerminalSize {
  const bounded = (value: number, most: number): number => Math.min(most, Math.max(2, Math.floor(value) || 2));
  return { columns: bounded(columns, limits.columnsMax), rows: bounded(rows, limits.rowsMax) };
}

export class Shadow {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #inner: Inner;

  constructor(size: TerminalSize) {
    const { columns, rows } = boundedSize(size);
    this.#terminal = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback: 0,
      allowProposedApi: true,
      logLevel: 'off',
    });
    const inner = (this.#terminal as unknown as { readonly _core: Inner })._core;
    assert(
      typeof inner.writeSync === 'function' &&
        typeof inner.buffer.savedX === 'number' &&
        typeof inner.buffer.scrollTop === 'number' &&
        typeof inner._inputHandler._curAttrData.isBold === 'function',
      'the terminal emulator has another inside than is known',
    );
    this.#inner = inner;
  }

  get columns(): number {
    return this.#terminal.cols;
  }

  get rows(): number {
    return this.#terminal.rows;
  }

  write(bytes: Uint8Array): void {
    this.#inner.writeSync(bytes);
  }

  resize(size: TerminalSize): void {
    const { columns, rows } = boundedSize(size);
    this.#terminal.resize(columns, rows);
  }

  row(index: number): IBufferLine {
    const buffer = this.#terminal.buffer.active;
    const line = buffer.getLine(buffer.baseY + index);
    assert(line !== undefined, 'the shadow has no such row');
    return line;
  }

  /** The cursor; a column behind the last one where the next character wraps. */
  get cursor(): { readonly column: number; readonly row: number } {
    const buffer = this.#terminal.buffer.active;
    return { column: buffer.cursorX, row: buffer.cursorY };
  }

  get savedCursor(): { readonly column: number; readonly row: number; readonly attributes: Attributes } {
    const { savedX, savedY, savedCurAttrData } = this.#inner.buffer;
    return { column: savedX, row: savedY, attributes: savedCurAttrData };
  }

  get attributes(): Attributes {
    return this.#inner._inputHandler._curAttrData;
  }

  /** Rows from 0, inclusive. */
  get margins(): { readonly top: number; readonly bottom: number } {
    const { scrollTop, scrollBottom } = this.#inner.buffer;
    return { top: scrollTop, bottom: scrollBottom };
  }

  get modes(): { readonly insert: boolean; readonly origin: boolean; readonly wrap: boolean } {
    const { insertMode, originMode, wraparoundMode } = this.#terminal.modes;
    return { insert: insertMode, origin: originMode, wrap: wraparoundMode };
  }

  dispose(): void {
    this.#terminal.dispose();
  }
}
