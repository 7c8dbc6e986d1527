/**
 * Bodies of HTTP/1.1 as bytes: walked, not copied; what is the body is handed on as views of what was read.
 *
 * Invariants:
 * - Strict as heads are: CRLF alone ends a line, a size is hexadecimal digits and nothing else, what is behind a chunk is CRLF.
 * - The walk ends with the message: what lies behind it is never touched.
 * - Extensions of chunks are read past, never handed on, and bounded; fields behind a body are bounded as a head is.
 *
 * Deliberately absent: sockets, content codings.
 * Source: RFC 9112, sections 6 and 7.
 */
import type { Field } from './fields.ts';
import { type Framing, FramingFault, scanTrailers } from './head.ts';
import * as limits from './limits.ts';

export interface BodySink {
  /** Borrowed as the chunk is that it lies in. */
  data(view: Buffer): void;
  /** The body is whole; behind it stood these fields. */
  trail(trailers: Field[]): void;
}

type State =
  /** Before the first digit of a size. */
  | 'size'
  | 'digits'
  | 'extension'
  /** Behind the CR of a line with a size. */
  | 'size-end'
  | 'data'
  /** Behind the data of a chunk, and behind its CR. */
  | 'data-end'
  | 'data-line'
  | 'trailers'
  | 'length'
  | 'close'
  | 'over';

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
/** RFC 9112, section 7.1.1, without white space, and without a quoted value that would need unquoting. */
const extensionForm =
  /^(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"[\x20\x21\x23-\x5b\x5d-\x7e]*"))?)*$/;

export class BodyReader {
  #state: State;
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left: number;
  #digits = 0;
  #extension = '';
  #extensionBytes = 0;
  #trailers = '';

  constructor(framing: Framing) {
    this.#left = framing.kind === 'length' ? framing.bytes : 0;
    this.#state = framing.kind === 'none' ? 'over' : framing.kind === 'chunked' ? 'size' : framing.kind;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Reads on from `at`; answers where it stopped: at the end of the chunk, or behind the message. Throws `FramingFault`. */
  push(chunk: Buffer, at: number, sink: BodySink): number {
    let next = at;
    while (next < chunk.length) {
      switch (this.#state) {
        case 'over':
          return next;
        case 'close':
          sink.data(next === 0 ? chunk : chunk.subarray(next));
          return chunk.length;
        case 'length':
        case 'data':
          next = this.#take(chunk, next, sink);
          break;
        default:
          this.#step(chunk[next++]!, sink);
      }
    }
    return next;
  }

  /** Nothing more comes. True where that is the end of the body. */
  finish(sink: BodySink): boolean {
    if (this.#state !== 'close') return false;
    this.#state = 'over';
    sink.trail([]);
    return true;
  }

  #take(chunk: Buffer, at: number, sink: BodySink): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    const isWhole = this.#left === 0;
    const isBody = this.#state === 'length';
    if (isWhole) this.#state = isBody ? 'over' : 'data-end';
    sink.data(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (isWhole && isBody) sink.trail([]);
    return end;
  }

  /** One byte of what is around the data. */
  #step(byte: number, sink: BodySink): void {
    switch (this.#state) {
      case 'size':
        this.#left = digitOf(byte) ?? fail('a size of a chunk is none');
        this.#digits = 1;
        this.#state = 'digits';
        return;
      case 'digits':
        this.#digit(byte);
        return;
      case 'extension':
        this.#extend(byte);
        return;
      case 'size-end':
        if (byte !== lineFeed) fail('a line of its body ends without LF');
        this.#state = this.#left === 0 ? 'trailers' : 'data';
        return;
      case 'data-end':
        if (byte !== carriageReturn) fail('a chunk is longer than it says');
        this.#state = 'data-line';
        return;
      case 'data-line':
        if (byte !== lineFeed) fail('a line of its body ends without LF');
        this.#state = 'size';
        return;
      case 'trailers':
        this.#trail(byte, sink);
        return;
      default:
        fail('its body is over');
    }
  }

  #digit(byte: number): void {
    const digit = digitOf(byte);
    if (digit !== null) {
      if (++this.#digits > limits.chunkSizeDigitsMax) fail('a size of a chunk is too large');
      this.#left = this.#left * 16 + digit;
    } else if (byte === carriageReturn) this.#state = 'size-end';
    else if (byte === 0x3b) {
      this.#state = 'extension';
      this.#extend(byte);
    } else fail('a size of a chunk is none');
  }

  #extend(byte: number): void {
    if (byte === carriageReturn) {
      if (!extensionForm.test(this.#extension)) fail('an extension of a chunk is none');
      this.#extension = '';
      this.#state = 'size-end';
      return;
    }
    if (++this.#extensionBytes > limits.chunkExtensionBytesMax) {
      throw new FramingFault('the extensions of its chunks are too long', 'too-large');
    }
    this.#extension += String.fromCharCode(byte);
  }

  #trail(byte: number, sink: BodySink): void {
    this.#trailers += String.fromCharCode(byte);
    if (this.#trailers.length > limits.headBytesMax)
      throw new FramingFault('what follows its body is too large', 'too-large');
    if (byte !== lineFeed) return;
    if (!this.#trailers.endsWith('\r\n')) fail('a line of it ends without CR');
    if (this.#trailers !== '\r\n' && !this.#trailers.endsWith('\r\n\r\n')) return;
    const trailers = scanTrailers(this.#trailers);
    if (trailers.length > limits.fieldsMax) throw new FramingFault('too many fields follow its body', 'too-large');
    this.#trailers = '';
    this.#state = 'over';
    sink.trail(trailers);
  }
}

function digitOf(byte: number): number | null {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : null;
}

function fail(what: string): never {
  throw new FramingFault(what);
}
