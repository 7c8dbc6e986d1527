/**
 * A live terminal: what the target sent, as a screen. A chunk of its own.
 *
 * Invariant: only what draws reaches the emulator, and it answers nothing: a target that asks the terminal for something would have
 * the answer typed into the person's shell (A-SSH-22). Two modes are kept beside it, since they change what keys send.
 */
import { Terminal } from '@xterm/headless/lib-headless/xterm-headless.mjs';
import { TerminalFilter, TerminalParser } from '../../../../src/base/terminal.ts';
import { type Frame, frameOf } from '../../ui/terminal/frame.ts';

/** Lines kept above the screen. */
const scrollbackLines = 5_000;

export class LiveEmulator {
  readonly #terminal: Terminal;
  readonly #filter = new TerminalFilter();
  readonly #parser = new TerminalParser();
  readonly #decoder = new TextDecoder();
  #isCursorHidden = false;
  isApplication = false;
  isBracketed = false;

  constructor(columns: number, rows: number) {
    this.#terminal = new Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: scrollbackLines });
  }

  /** `drawn` is called once it can be seen. */
  write(data: Uint8Array, drawn: () => void): void {
    const text = this.#decoder.decode(data, { stream: true });
    for (const token of this.#parser.push(text)) {
      if (token.kind !== 'csi' || token.prefix !== '?' || (token.final !== 'h' && token.final !== 'l')) continue;
      const modes = token.parameters.split(';');
      const isSet = token.final === 'h';
      if (modes.includes('1')) this.isApplication = isSet;
      if (modes.includes('2004')) this.isBracketed = isSet;
      if (modes.includes('25')) this.#isCursorHidden = !isSet;
    }
    this.#terminal.write(this.#filter.push(text), drawn);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  frame(): Frame {
    return frameOf(this.#terminal, this.#isCursorHidden, scrollbackLines);
  }

  close(): void {
    this.#terminal.dispose();
  }
}
