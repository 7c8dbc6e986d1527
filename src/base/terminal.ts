/**
 * What a terminal is told, made safe to tell another one later: a parser of terminal output by table, and a filter that
 * lets through what draws and drops what acts (A-SSH-22).
 *
 * Invariants:
 * - Only what stands in the tables below comes out. Everything else (titles, clipboards, links, device strings, reports
 *   that make a terminal type, input and mouse modes, charsets, tab stops) is dropped, known or not.
 * - What comes out is well formed by itself, whatever pieces the input came in and however it breaks off.
 * - Line drawing by another character set comes out as the drawn characters, so that no character set is left switched.
 * - After `end` the terminal is as it was: main screen, whole scrolling region, no colour, a visible cursor.
 *
 * Deliberately absent: an emulator (language/terminal has one), images, bidirectional text.
 * ECMA-48, 5.3 to 5.6 and 8.3; xterm's "Control Sequences".
 */

/** What the parser found, in order. */
export type TerminalToken =
  | { readonly kind: 'text'; readonly text: string }
  /** BS, HT, LF (also for VT and FF), CR. */
  | { readonly kind: 'control'; readonly control: '\b' | '\t' | '\n' | '\r' }
  /** A control sequence: `CSI prefix parameters intermediates final`. */
  | {
      readonly kind: 'csi';
      readonly prefix: string;
      readonly parameters: string;
      readonly intermediates: string;
      readonly final: string;
    }
  /** `ESC final`, without what selects character sets. */
  | { readonly kind: 'escape'; readonly final: string };

/** Longest parameters of a control sequence: the longest of use (SGR with true colours) is a tenth of it. */
const parametersLengthMax = 256;

type State = 'ground' | 'escape' | 'charset' | 'escape-more' | 'csi' | 'csi-ignore' | 'string' | 'string-escape';

// What reorders or hides text is no drawing (Trojan Source), nor are characters that no terminal shows.
const unshown =
  /[\u0080-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

/** The DEC special graphics set, from 0x60. */
const lineDrawing = '◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·';

/** Reads terminal output piece by piece; pieces may be cut anywhere between characters. */
export class TerminalParser {
  #state: State = 'ground';
  #prefix = '';
  #parameters = '';
  #intermediates = '';
  /** Which set is designated as G0 and G1, and which of them is in use. */
  #isDrawing = [false, false];
  #shift = 0;
  #designated = 0;
  #text = '';
  #tokens: TerminalToken[] = [];

  /** The tokens that are complete with this piece. */
  push(piece: string): readonly TerminalToken[] {
    this.#tokens = [];
    for (const character of piece) this.#take(character);
    this.#flush();
    return this.#tokens;
  }

  #take(character: string): void {
    const code = character.codePointAt(0)!;
    if (this.#state === 'string') {
      this.#inString(code);
      return;
    }
    if (this.#state === 'string-escape') {
      this.#state = 'ground';
      // ESC \ ends a string; ESC and anything else ends it as well and begins what it begins.
      if (character !== '\\') this.#escape(character, code);
      return;
    }
    // C1 controls are the same as ESC and a letter, and are treated as such by most terminals.
    if (code >= 0x80 && code <= 0x9f) {
      this.#escape(String.fromCharCode(code - 0x40), code - 0x40);
      return;
    }
    if (code < 0x20 || code === 0x7f) {
      this.#control(code);
      return;
    }
    switch (this.#state) {
      case 'ground':
        this.#text += this.#isDrawing[this.#shift] === true && code >= 0x60 && code < 0x7f ? drawn(code) : character;
        return;
      case 'escape':
        this.#escape(character, code);
        return;
      case 'charset':
        this.#isDrawing[this.#designated] = character === '0';
        this.#state = 'ground';
        return;
      case 'escape-more':
        if (code >= 0x30) this.#state = 'ground';
        return;
      case 'csi':
      case 'csi-ignore':
        this.#inSequence(character, code);
        return;
    }
  }

  #inString(code: number): void {
    if (code === 0x1b) this.#state = 'string-escape';
    // BEL ends OSC by custom; CAN and SUB end everything; C1 ST by standard.
    else if (code === 0x07 || code === 0x18 || code === 0x1a || code === 0x9c) this.#state = 'ground';
  }

  #control(code: number): void {
    // Controls act in the middle of a sequence as outside of it.
    if (code === 0x1b) this.#begin('escape');
    else if (code === 0x18 || code === 0x1a) this.#begin('ground');
    else if (code === 0x0e) this.#shift = 1;
    else if (code === 0x0f) this.#shift = 0;
    else if (code === 0x08) this.#emit({ kind: 'control', control: '\b' });
    else if (code === 0x09) this.#emit({ kind: 'control', control: '\t' });
    else if (code >= 0x0a && code <= 0x0c) this.#emit({ kind: 'control', control: '\n' });
    else if (code === 0x0d) this.#emit({ kind: 'control', control: '\r' });
  }

  #escape(character: string, code: number): void {
    if (character === '[') {
      this.#begin('csi');
      return;
    }
    // OSC, DCS, SOS, PM, APC: nothing of their strings draws.
    if (']PX^_'.includes(character)) {
      this.#begin('string');
      return;
    }
    if (character === '(' || character === ')') {
      this.#designated = character === '(' ? 0 : 1;
      this.#begin('charset');
      return;
    }
    if (code >= 0x20 && code < 0x30) {
      this.#begin('escape-more');
      return;
    }
    this.#begin('ground');
    if (character === 'c') {
      this.#isDrawing = [false, false];
      this.#shift = 0;
    }
    if (code >= 0x30 && code < 0x7f) this.#emit({ kind: 'escape', final: character });
  }

  #inSequence(character: string, code: number): void {
    if (code >= 0x40) {
      const isWhole = this.#state === 'csi' && code < 0x7f;
      const token = { prefix: this.#prefix, parameters: this.#parameters, intermediates: this.#intermediates };
      this.#begin('ground');
      if (isWhole) this.#emit({ kind: 'csi', ...token, final: character });
      return;
    }
    if (this.#state === 'csi-ignore') return;
    if (code >= 0x3c && this.#parameters === '' && this.#prefix === '' && this.#intermediates === '') {
      this.#prefix = character;
    } else if (code >= 0x30 && code <= 0x3b && this.#intermediates === '') this.#parameters += character;
    else if (code < 0x30) this.#intermediates += character;
    else this.#state = 'csi-ignore';
    if (this.#parameters.length > parametersLengthMax || this.#intermediates.length > 2) this.#state = 'csi-ignore';
  }

  #begin(state: State): void {
    this.#state = state;
    this.#prefix = '';
    this.#parameters = '';
    this.#intermediates = '';
  }

  #emit(token: TerminalToken): void {
    this.#flush();
    this.#tokens.push(token);
  }

  #flush(): void {
    if (this.#text === '') return;
    const text = this.#text.replace(unshown, '');
    this.#text = '';
    if (text !== '') this.#tokens.push({ kind: 'text', text });
  }
}

function drawn(code: number): string {
  return lineDrawing[code - 0x60]!;
}

// ---------------------------------------------------------------------- what may come out

/** Control sequences that draw, by their final: how many numbers each may have. */
const drawing: Readonly<Record<string, number>> = {
  '@': 1, // ICH
  A: 1, // CUU
  B: 1, // CUD
  C: 1, // CUF
  D: 1, // CUB
  E: 1, // CNL
  F: 1, // CPL
  G: 1, // CHA
  H: 2, // CUP
  I: 1, // CHT
  J: 1, // ED; 3 is taken out, since it empties the scrollback of whoever looks on
  K: 1, // EL
  L: 1, // IL
  M: 1, // DL
  P: 1, // DCH
  S: 1, // SU
  T: 1, // SD; with five numbers it would be mouse tracking
  X: 1, // ECH
  Z: 1, // CBT
  '`': 1, // HPA
  a: 1, // HPR
  b: 1, // REP
  d: 1, // VPA
  e: 1, // VPR
  f: 2, // HVP
  r: 2, // DECSTBM
  s: 0, // SCOSC; with numbers it would be margins
  u: 0, // SCORC
};

/** DEC modes that draw, and what each is written as. The alternate screen has one spelling here. */
const modes: Readonly<Record<string, string>> = {
  '6': '6', // origin
  '7': '7', // wrapping at the margin
  '25': '25', // the cursor
  '47': '1049',
  '1047': '1049',
  '1049': '1049',
};

/** `ESC final` that draw: save, restore, index, next line, reverse index. */
const escapes = '78DEM';

/** No terminal has so many columns or lines; larger numbers are only work. */
const numberMax = 9999;

export class TerminalFilter {
  readonly #parser = new TerminalParser();
  #isAlternate = false;
  #isTouched = false;
  /** A scrolling region was set; lines were counted from its top. Undoing either moves the cursor. */
  #hasRegion = false;
  #hasOrigin = false;

  /** What may be written to a terminal for this piece. */
  push(piece: string): string {
    return this.#parser
      .push(piece)
      .map((token) => this.#spell(token))
      .join('');
  }

  /** What sets a terminal right afterwards; nothing where nothing but text was let through. */
  end(): string {
    if (!this.#isTouched) return '';
    const main = this.#isAlternate ? '\u001b[?1049l' : '';
    // The cursor's place is kept around what moves it; but restoring it would restore the origin as well.
    const region = this.#hasRegion ? '\u001b7\u001b[r\u001b8' : '';
    const place = this.#hasOrigin ? `\u001b[?6l\u001b[r\u001b[${numberMax};1H` : region;
    this.#isAlternate = false;
    this.#isTouched = false;
    this.#hasRegion = false;
    this.#hasOrigin = false;
    return `${main}\u001b[4l\u001b[?7h${place}\u001b[?25h\u001b[0m`;
  }

  #spell(token: TerminalToken): string {
    if (token.kind === 'text') return token.text;
    if (token.kind === 'control') return token.control;
    const spelled = token.kind === 'escape' ? this.#escape(token.final) : this.#sequence(token);
    if (spelled !== '') this.#isTouched = true;
    return spelled;
  }

  #escape(final: string): string {
    // A full reset would also reset what is not the session's: it comes out as an empty screen.
    if (final === 'c') return `${this.end()}\u001b[H\u001b[2J`;
    return escapes.includes(final) ? `\u001b${final}` : '';
  }

  #sequence({ prefix, parameters, intermediates, final }: Extract<TerminalToken, { kind: 'csi' }>): string {
    if (intermediates !== '') return '';
    if (prefix === '?') return final === 'h' || final === 'l' ? this.#modes(parameters, final) : '';
    if (prefix !== '') return '';
    if (final === 'm') return /^[0-9;:]*$/.test(parameters) ? `\u001b[${parameters}m` : '';
    // Insert mode is the one mode of the standard that draws.
    if (final === 'h' || final === 'l') return parameters === '4' ? `\u001b[4${final}` : '';
    const numbersMax = Object.hasOwn(drawing, final) ? drawing[final] : undefined;
    if (numbersMax === undefined || !/^[0-9;]*$/.test(parameters)) return '';
    const numbers = parameters === '' ? [] : parameters.split(';');
    if (numbers.length > numbersMax) return '';
    const kept = numbers.map((number) => (number === '' ? '' : String(Math.min(Number(number), numberMax))));
    if (final === 'J' && kept[0] === '3') return '';
    if (final === 'r') this.#hasRegion = true;
    return `\u001b[${kept.join(';')}${final}`;
  }

  #modes(parameters: string, final: 'h' | 'l'): string {
    return parameters
      .split(';')
      .map((number) => {
        const mode = Object.hasOwn(modes, number) ? modes[number]! : null;
        if (mode === null) return '';
        if (mode === '6') this.#hasOrigin = true;
        if (mode === '1049') {
          // Entered and left once, so that a saved cursor is never another one's.
          if (this.#isAlternate === (final === 'h')) return '';
          this.#isAlternate = final === 'h';
        }
        return `\u001b[?${mode}${final}`;
      })
      .join('');
  }
}
