/**
 * Detection in values that are too long to be held: window by window, overwriting in place.
 *
 * ```
 *  already given back │          window (streamWindowBytes)            │ not yet seen
 *        ── context ──┼── certain ───────────┼── streamOverlapBytes ───┤
 * ```
 * What begins in the certain part is overwritten to its end; then the certain part is given back.
 *
 * Invariants:
 * - What comes out is as long as what came in, and does not depend on how it was cut into pieces: windows begin at
 *   positions that the value alone determines.
 * - A finding that may reach beyond what a window sees, and a window that exhausts its budget, mask the rest of the value.
 * - JSON stays valid: within strings everything becomes `x`, outside digits become 1, and nothing else changes.
 */
import type { CellContext, MaskStream } from '../core/masking.ts';
import * as limits from './limits.ts';
import type { Finding, Scanner } from './scanner.ts';
import { fillStream } from './streams.ts';
import { Work } from './work.ts';

/** Bytes before a window that are looked at again as context. */
const contextBytes = 256;

const star = 0x2a;
const quote = 0x22;
const backslash = 0x5c;

/** Overwrites parts of a value, front to back, and knows what may stand there. */
interface Overwriter {
  /** `bytes` from `start` to `end` are overwritten where `spans` say, and need not be looked at again. */
  settle(bytes: Buffer, start: number, end: number, spans: readonly (readonly [number, number])[]): void;
}

const plainOverwriter: Overwriter = {
  settle: (bytes, _start, _end, spans) => {
    for (const [from, to] of spans) bytes.fill(star, from, to);
  },
};

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Follows strings and their escapes, so that it knows what a byte is part of. */
class JsonOverwriter implements Overwriter {
  #inString = false;
  #escaped = false;
  /** Bytes that are overwritten to here, beyond what was settled. */
  #until = 0;

  settle(bytes: Buffer, start: number, end: number, spans: readonly (readonly [number, number])[]): void {
    let next = 0;
    let until = this.#until + start;
    for (let index = start; index < end; index++) {
      while (next < spans.length && spans[next]![0] <= index) until = Math.max(until, spans[next++]![1]);
      const byte = bytes[index]!;
      const masked = index < until;
      if (!this.#inString) {
        if (byte === quote) this.#inString = true;
        else if (masked && isDigit(byte)) bytes[index] = 0x31;
        continue;
      }
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) {
        this.#inString = false;
        continue;
      }
      if (masked) bytes[index] = 0x78;
    }
    this.#until = Math.max(0, until - end);
  }
}

/** JSON's escapes as what they stand for, and where each character came from. */
function unescapeView(text: string): { readonly text: string; readonly at: readonly number[] | null } {
  if (!text.includes('\\')) return { text, at: null };
  const at: number[] = [];
  let out = '';
  let from = 0;
  const keep = (to: number): void => {
    for (let index = from; index < to; index++) at.push(index);
    out += text.slice(from, to);
  };
  for (const match of text.matchAll(/\\(?:u([0-9A-Fa-f]{4})|["\\/bfnrt])/g)) {
    keep(match.index);
    at.push(match.index);
    const short = match[0][1]!;
    if (match[1] !== undefined) out += String.fromCharCode(Number.parseInt(match[1], 16));
    else out += '"\\/'.includes(short) ? short : short === 'n' || short === 'r' ? '\n' : ' ';
    from = match.index + match[0].length;
  }
  keep(text.length);
  at.push(text.length);
  return { text: out, at };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The first byte from `from` on that begins a character. */
function boundary(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && at < from + 3 && (bytes[at]! & 0xc0) === 0x80) at++;
  return at;
}

/** Told of each finding that is overwritten; null: of a rest whose findings are not known. */
export type OnFinding = (finding: Finding | null) => void;

class WindowMasker implements MaskStream {
  readonly #scanner: Scanner;
  readonly #onFinding: OnFinding | null;
  readonly #column: string;
  readonly #json: boolean;
  readonly #overwriter: Overwriter;
  /** Context, then what was not yet given back. */
  #bytes: Buffer = Buffer.alloc(0);
  #context = 0;
  readonly #pieces: Buffer[] = [];
  #waiting = 0;
  #maskRest = false;

  constructor(scanner: Scanner, cell: CellContext, onFinding: OnFinding | null = null) {
    this.#scanner = scanner;
    this.#onFinding = onFinding;
    this.#column = cell.column;
    this.#json = cell.type === 'json';
    this.#overwriter = this.#json ? new JsonOverwriter() : plainOverwriter;
  }

  push(piece: Buffer, last: boolean): Buffer {
    if (piece.length > 0) this.#pieces.push(piece);
    this.#waiting += piece.length;
    // Joined once per window, so that many small pieces cost no more than one large.
    const held = this.#bytes.length - this.#context;
    if (!last && held + this.#waiting < limits.streamWindowBytes) return Buffer.alloc(0);
    this.#bytes = Buffer.concat([this.#bytes, ...this.#pieces]);
    this.#pieces.length = 0;
    this.#waiting = 0;
    const out: Buffer[] = [];
    while (this.#bytes.length - this.#context >= limits.streamWindowBytes) {
      out.push(this.#window(this.#context + limits.streamWindowBytes, false));
    }
    if (last) out.push(this.#window(this.#bytes.length, true));
    return out.length === 1 ? out[0]! : Buffer.concat(out);
  }

  /** Looks at `bytes` up to `end` and gives back what is certain of it. */
  #window(end: number, last: boolean): Buffer {
    const bytes = this.#bytes;
    const start = this.#context;
    const certain = last ? end : end - limits.streamOverlapBytes;
    let spans: (readonly [number, number])[] = [];
    if (!this.#maskRest) {
      const work = new Work();
      const findings = this.#find(boundary(bytes, 0), last ? end : this.#cut(end), work).filter(
        ([from]) => from >= start && from < certain,
      );
      for (const [, , finding] of findings) this.#onFinding?.(finding);
      spans = findings.map(([from, to]) => [from, to] as const);
      // A finding at the very end may go on behind it.
      const reaching = spans.find(([, to]) => !last && to >= end - 8);
      const from = work.exhausted ? start : reaching?.[0];
      if (from !== undefined) {
        this.#maskRest = true;
        if (work.exhausted) this.#onFinding?.(null);
        spans.push([from, bytes.length]);
      }
    } else spans = [[start, bytes.length]];
    spans.sort((a, b) => a[0] - b[0]);
    this.#overwriter.settle(bytes, start, certain, spans);
    const given = Buffer.from(bytes.subarray(start, certain));
    const context = Math.max(0, certain - contextBytes);
    this.#bytes = bytes.subarray(context);
    this.#context = certain - context;
    return given;
  }

  /** Where the window ends without cutting a character. */
  #cut(end: number): number {
    let at = end;
    while (at > end - 3 && at < this.#bytes.length && (this.#bytes[at]! & 0xc0) === 0x80) at--;
    return at;
  }

  #find(from: number, to: number, work: Work): (readonly [number, number, Finding])[] {
    const view = this.#bytes.subarray(from, to);
    let source: string;
    let wide = true;
    try {
      source = decoder.decode(view);
    } catch {
      source = view.toString('latin1');
      wide = false;
    }
    const { text, at } = this.#json ? unescapeView(source) : { text: source, at: null };
    const findings = this.#scanner.scan(text, this.#column, work);
    let characters = 0;
    let bytes = from;
    const byteOf = (position: number): number => {
      const index = at === null ? position : at[position]!;
      bytes += wide ? Buffer.byteLength(source.slice(characters, index)) : index - characters;
      characters = index;
      return bytes;
    };
    return findings.map((finding) => [byteOf(finding.start), byteOf(finding.end), finding] as const);
  }
}

/** `\x…`: the bytes are looked through, and given back in hexadecimal digits. A value in the escape format is text. */
class HexMasker implements MaskStream {
  readonly #inner: WindowMasker;
  #head: Buffer | null = Buffer.alloc(0);
  #hex = false;
  /** A digit that waits for its second. */
  #odd: Buffer = Buffer.alloc(0);
  #broken = false;

  constructor(scanner: Scanner, cell: CellContext) {
    this.#inner = new WindowMasker(scanner, { ...cell, type: 'text' });
  }

  push(piece: Buffer, last: boolean): Buffer {
    let prefix = Buffer.alloc(0);
    let rest = piece;
    if (this.#head !== null) {
      rest = Buffer.concat([this.#head, piece]);
      if (rest.length < 2 && !last) {
        this.#head = rest;
        return Buffer.alloc(0);
      }
      this.#head = null;
      this.#hex = rest.length >= 2 && rest[0] === backslash && rest[1] === 0x78;
      if (this.#hex) {
        prefix = Buffer.from('\\x');
        rest = rest.subarray(2);
      }
    }
    if (!this.#hex) return this.#inner.push(rest, last);
    const digits = Buffer.concat([this.#odd, rest]);
    const whole = digits.length - (digits.length % 2);
    this.#odd = digits.subarray(whole);
    let bytes = Buffer.from(digits.toString('latin1', 0, whole), 'hex');
    if (this.#broken || bytes.length * 2 !== whole) {
      // What is no hexadecimal digit is nothing that a server sends: the rest is zeros.
      this.#broken = true;
      bytes = Buffer.alloc(whole / 2);
    }
    const masked = Buffer.from(this.#inner.push(bytes, last).toString('hex'), 'latin1');
    return Buffer.concat([prefix, masked, last && this.#odd.length > 0 ? Buffer.from('0') : Buffer.alloc(0)]);
  }
}

export function detectStream(scanner: Scanner, cell: CellContext, onFinding: OnFinding | null = null): MaskStream {
  switch (cell.type) {
    case 'text':
    case 'json':
    case 'other':
      return new WindowMasker(scanner, cell, onFinding);
    case 'bytes':
      return new HexMasker(scanner, cell);
    default:
      // No value of another type is this long, but what is has no place for a finding.
      return fillStream(cell);
  }
}
