/**
 * What a terminal showed, as lines of text: for transcripts, and wherever the output is no terminal.
 *
 * It follows what happens within a line, which is how people's editing and progress bars look; a program that takes the
 * whole screen is named and left out, since it has no lines.
 *
 * Invariants: everything is escaped (I13); memory is bounded by one line.
 * Deliberately absent: an emulator. Text that is moved to by line and column comes out in the order in which it was drawn.
 */
import { escapeLine } from '../../base/escape.ts';
import { TerminalParser, type TerminalToken } from '../../base/terminal.ts';

/** Longest line kept; the rest of it is dropped. Wider than any terminal, and narrow enough to hold. */
const lineColumnsMax = 4096;
const tabColumns = 8;

export class ScreenText {
  readonly #parser = new TerminalParser();
  #line: string[] = [];
  #column = 0;
  #isWholeScreen = false;
  #lines: string[] = [];

  /** The lines that are finished with this piece. */
  push(piece: string): readonly string[] {
    this.#lines = [];
    for (const token of this.#parser.push(piece)) this.#take(token);
    return this.#lines;
  }

  /** The line that was begun; forgets it. */
  rest(): readonly string[] {
    this.#lines = [];
    if (this.#line.length > 0) this.#feed();
    return this.#lines;
  }

  #take(token: TerminalToken): void {
    if (token.kind === 'csi') {
      this.#sequence(token);
      return;
    }
    if (this.#isWholeScreen || token.kind === 'escape') return;
    if (token.kind === 'text') {
      this.#write(token.text);
      return;
    }
    switch (token.control) {
      case '\b':
        this.#column = Math.max(0, this.#column - 1);
        return;
      case '\t':
        this.#column = Math.min(lineColumnsMax, this.#column - (this.#column % tabColumns) + tabColumns);
        return;
      case '\r':
        this.#column = 0;
        return;
      case '\n':
        this.#feed();
        return;
    }
  }

  #write(text: string): void {
    for (const character of text) {
      if (this.#column >= lineColumnsMax) return;
      while (this.#line.length < this.#column) this.#line.push(' ');
      this.#line[this.#column++] = character;
    }
  }

  #sequence({ prefix, parameters, intermediates, final }: Extract<TerminalToken, { kind: 'csi' }>): void {
    if (intermediates !== '') return;
    if (prefix === '?') {
      this.#mode(parameters, final);
      return;
    }
    if (prefix !== '' || this.#isWholeScreen) return;
    const amount = Math.min(Math.max(1, Number(parameters.split(';')[0] ?? '') || 1), lineColumnsMax);
    switch (final) {
      case 'C':
        this.#column = Math.min(lineColumnsMax, this.#column + amount);
        return;
      case 'D':
        this.#column = Math.max(0, this.#column - amount);
        return;
      case 'G':
      case '`':
        this.#column = amount - 1;
        return;
      case 'K':
        if (parameters === '' || parameters === '0') this.#line.length = Math.min(this.#line.length, this.#column);
        else if (parameters === '2') this.#line = [];
        return;
      case 'P':
        this.#line.splice(this.#column, amount);
        return;
      case '@':
        if (this.#column < this.#line.length) this.#line.splice(this.#column, 0, ...Array<string>(amount).fill(' '));
        this.#line.length = Math.min(this.#line.length, lineColumnsMax);
        return;
      case 'X':
        for (let at = this.#column; at < Math.min(this.#line.length, this.#column + amount); at++) this.#line[at] = ' ';
        return;
      case 'A':
      case 'B':
      case 'E':
      case 'F':
      case 'H':
      case 'd':
      case 'f':
        // Another line: what is drawn next stands by itself.
        if (this.#line.length > 0) this.#feed();
        this.#column = 0;
        return;
    }
  }

  #mode(parameters: string, final: string): void {
    if (!parameters.split(';').some((mode) => mode === '47' || mode === '1047' || mode === '1049')) return;
    if (final === 'h' && !this.#isWholeScreen) {
      if (this.#line.length > 0) this.#feed();
      this.#lines.push('(a program that takes the whole screen)');
      this.#isWholeScreen = true;
    } else if (final === 'l') this.#isWholeScreen = false;
  }

  #feed(): void {
    this.#lines.push(escapeLine(this.#line.join('').trimEnd()));
    this.#line = [];
    this.#column = 0;
  }
}
