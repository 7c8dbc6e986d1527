/**
 * The bytes of a terminal as text, controls and sequences: the state machine of ECMA-48 as terminals in use implement it
 * (the diagram of DEC's VT500 parser), over a table.
 *
 * Invariants: every byte belongs to exactly one token; tokens do not depend on how the bytes are cut; a sequence that never
 * ends is cut at `sequenceBytesMax` (its rest is a token of kind `string` without a beginning).
 *
 * C1 controls count in their UTF-8 form (C2 80 … C2 9F), as in xterm; single bytes from 80 on are text, for in UTF-8 they
 * are parts of characters and in older encodings letters.
 *
 * Deliberately absent: what sequences mean (line.ts, screen.ts).
 */
import * as limits from './limits.ts';

export type SequenceKind = 'escape' | 'csi' | 'osc' | 'string';

export interface Sequence {
  readonly kind: SequenceKind;
  /** All of it, from ESC on. Empty `final`: it was cut off, by a control or because it is too long. */
  readonly bytes: Buffer;
  readonly final: string;
  /** `?`, `>`, `=`, `<` before parameters; intermediates before the final byte. */
  readonly marks: string;
  /** Parameters of a CSI; −1 where one is left out. Sub-parameters are not told apart from parameters. */
  readonly numbers: readonly number[];
  /** Whether it is too long to be held, so that only a piece of it is here. */
  readonly long: boolean;
  /** Whether controls stand within it, which a terminal obeys before it. */
  readonly controls: boolean;
}

export interface TokenSink {
  /** Printable bytes, at least one; a view that is only valid during the call. May cut a character. */
  text(bytes: Buffer, start: number, end: number): void;
  /** C0 (but ESC) and DEL. */
  control(byte: number): void;
  sequence(sequence: Sequence): void;
}

const ground = 0;
const c1 = 1;
const escaping = 2;
const escapeMarks = 3;
const csi = 4;
const csiIgnore = 5;
const osc = 6;
const text = 7;
const oscEscape = 8;
const textEscape = 9;

type State = number;

/** What a byte does to a sequence: stay in it, end it, or leave it. */
const stay = 0;
const end = 1;
const cancel = 2;
const control = 3;
const restart = 4;

/** (state, byte) → action in the high nibble, next state in the low one. */
const table = new Uint8Array(16 * 256);
const set = (state: State, first: number, last: number, action: number, next: State): void => {
  for (let byte = first; byte <= last; byte++) table[state * 256 + byte] = (action << 4) | next;
};
for (const state of [escaping, escapeMarks, csi, csiIgnore]) {
  set(state, 0x80, 0xff, cancel, ground);
  set(state, 0x00, 0x1f, control, state);
  set(state, 0x7f, 0x7f, stay, state);
}
set(escaping, 0x20, 0x2f, stay, escapeMarks);
set(escaping, 0x30, 0x7e, end, ground);
for (const [byte, next] of [
  [0x5b, csi],
  [0x5d, osc],
  [0x50, text],
  [0x58, text],
  [0x5e, text],
  [0x5f, text],
] as const) {
  set(escaping, byte, byte, stay, next);
}
set(escapeMarks, 0x20, 0x2f, stay, escapeMarks);
set(escapeMarks, 0x30, 0x7e, end, ground);
set(csi, 0x20, 0x3f, stay, csi);
set(csi, 0x40, 0x7e, end, ground);
set(csiIgnore, 0x20, 0x3f, stay, csiIgnore);
set(csiIgnore, 0x40, 0x7e, end, ground);
for (const [state, escaped] of [
  [osc, oscEscape],
  [text, textEscape],
] as const) {
  set(state, 0x00, 0xff, stay, state);
  set(state, 0x1b, 0x1b, stay, escaped);
  set(escaped, 0x00, 0xff, restart, escaping);
  set(escaped, 0x5c, 0x5c, end, ground);
}
set(osc, 0x07, 0x07, end, ground);
for (const state of [escaping, escapeMarks, csi, csiIgnore, osc, text]) {
  set(state, 0x18, 0x18, cancel, ground);
  set(state, 0x1a, 0x1a, cancel, ground);
}
for (const state of [escaping, escapeMarks, csi, csiIgnore]) set(state, 0x1b, 0x1b, restart, escaping);

/** C1 in UTF-8 → the byte behind ESC that means the same. */
const c1Offset = 0x40;

export class Tokeniser {
  #state: State = ground;
  readonly #sequence = Buffer.alloc(limits.sequenceBytesMax);
  #length = 0;
  #kind: SequenceKind = 'escape';
  #long = false;
  #controls = false;

  /** Whether nothing is held: the next byte begins a token. */
  get atGround(): boolean {
    return this.#state === ground;
  }

  /** Takes bytes up to `end` and gives tokens to `sink`; stops early where `sink.stopped` says so. Answers how many it took. */
  run(bytes: Buffer, from: number, to: number, sink: TokenSink & { readonly stopped?: boolean }): number {
    let index = from;
    while (index < to) {
      if (this.#state === ground) {
        const start = index;
        while (index < to && bytes[index]! >= 0x20 && bytes[index] !== 0x7f && bytes[index] !== 0xc2) index++;
        if (index > start) sink.text(bytes, start, index);
        if (index < to) this.#leaveGround(bytes[index++]!, sink);
      } else this.#step(bytes[index++]!, sink);
      if (sink.stopped === true) break;
    }
    return index - from;
  }

  /** The stream is over: what is held of a sequence, for nothing can follow. */
  end(sink: TokenSink): void {
    if (this.#length > 0) {
      if (this.#state === c1) sink.text(Buffer.from([0xc2]), 0, 1);
      else this.#give('', sink);
    }
    this.#state = ground;
    this.#length = 0;
  }

  #leaveGround(byte: number, sink: TokenSink): void {
    if (byte === 0x1b) this.#begin(byte, escaping);
    else if (byte === 0xc2) this.#begin(byte, c1);
    else sink.control(byte);
  }

  #begin(byte: number, state: State): void {
    this.#state = state;
    this.#kind = 'escape';
    this.#long = false;
    this.#controls = false;
    this.#length = 0;
    this.#sequence[this.#length++] = byte;
  }

  #step(byte: number, sink: TokenSink): void {
    if (this.#state === c1) {
      this.#stepC1(byte, sink);
      return;
    }
    const entry = table[this.#state * 256 + byte]!;
    const action = entry >> 4;
    const before = this.#state;
    this.#state = entry & 15;
    switch (action) {
      case control:
        // Terminals obey controls within a sequence, and the sequence goes on.
        this.#controls = true;
        this.#add(byte, sink);
        return;
      case restart:
        if (before === oscEscape || before === textEscape) {
          // ESC ended the string, and begins something of its own.
          this.#length--;
          this.#give('', sink);
          this.#begin(0x1b, escaping);
          this.#step(byte, sink);
        } else {
          this.#give('', sink);
          this.#begin(byte, escaping);
        }
        return;
      case cancel:
        if (byte < 0x20) this.#add(byte, sink);
        this.#give('', sink);
        this.#length = 0;
        if (byte >= 0x80) {
          if (byte === 0xc2) this.#begin(byte, c1);
          else sink.text(Buffer.from([byte]), 0, 1);
        }
        return;
    }
    this.#add(byte, sink);
    if (before === escaping && action === stay) this.#kind = kindOf(this.#state);
    if (action === end) {
      this.#give(this.#kind === 'string' || this.#kind === 'osc' ? '\\' : String.fromCharCode(byte), sink);
      this.#length = 0;
    }
  }

  #stepC1(byte: number, sink: TokenSink): void {
    this.#state = ground;
    if (byte < 0x80 || byte > 0x9f) {
      // No C1: an ordinary character of two bytes, or none at all.
      this.#length = 0;
      if (byte > 0x9f && byte < 0xc0) sink.text(Buffer.from([0xc2, byte]), 0, 2);
      else {
        sink.text(Buffer.from([0xc2]), 0, 1);
        if (byte >= 0x20 && byte !== 0x7f && byte !== 0xc2) sink.text(Buffer.from([byte]), 0, 1);
        else this.#leaveGround(byte, sink);
      }
      return;
    }
    this.#add(byte, sink);
    const entry = table[escaping * 256 + byte - c1Offset]!;
    this.#state = entry & 15;
    if (entry >> 4 === end) {
      this.#give(String.fromCharCode(byte - c1Offset), sink);
      this.#length = 0;
    } else this.#kind = kindOf(this.#state);
  }

  #add(byte: number, sink: TokenSink): void {
    if (this.#length === limits.sequenceBytesMax) {
      this.#long = true;
      this.#give('', sink);
      this.#length = 0;
    }
    this.#sequence[this.#length++] = byte;
  }

  #give(final: string, sink: TokenSink): void {
    const bytes = Buffer.from(this.#sequence.subarray(0, this.#length));
    const { marks, numbers } = this.#kind === 'osc' || this.#kind === 'string' ? unread : read(bytes);
    sink.sequence({ kind: this.#kind, bytes, final, marks, numbers, long: this.#long, controls: this.#controls });
  }
}

function kindOf(state: State): SequenceKind {
  if (state === csi) return 'csi';
  if (state === osc) return 'osc';
  return state === text ? 'string' : 'escape';
}

const unread = { marks: '', numbers: [] as number[] };

/** Marks and numbers of a sequence. */
function read(bytes: Buffer): { marks: string; numbers: number[] } {
  let marks = '';
  const numbers: number[] = [];
  let number = -1;
  let some = false;
  const from = bytes[0] === 0x1b && bytes[1] === 0x5b ? 2 : bytes[0] === 0xc2 ? 2 : 1;
  for (let index = from; index < bytes.length - 1; index++) {
    const byte = bytes[index]!;
    if (byte >= 0x30 && byte <= 0x39) {
      number = Math.min(limits.sequenceNumberMax, (number < 0 ? 0 : number * 10) + byte - 0x30);
      some = true;
    } else if (byte === 0x3b || byte === 0x3a) {
      numbers.push(number);
      number = -1;
      some = true;
    } else if (byte >= 0x20) marks += String.fromCharCode(byte);
  }
  if (some) numbers.push(number);
  return { marks, numbers };
}
