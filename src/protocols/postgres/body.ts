/**
 * A cursor over one message's body, and the writer of typed messages: what frontend.ts and backend.ts are made of.
 *
 * Invariants:
 * - Never reads past the message, whatever counts and lengths inside it say; a body must be consumed exactly.
 * - A count is checked against the bytes that are left before a loop over it begins (A-PG-09).
 * - Nothing is copied: byte fields are views of the message, valid as long as its buffer is.
 *
 * Deliberately absent: meaning of messages, state.
 * Source: PostgreSQL documentation, chapter 54.6 "Message Data Types".
 */
import { isUtf8 } from 'node:buffer';
import { ByteWriter } from '../../base/bytes.ts';
import type { GatewayError } from '../../base/errors.ts';
import { postgresErrors } from './errors.ts';

/** A whole message: the offset of its type byte, and one past its end. A MessageReader standing on one is such a view. */
export interface MessageView {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Type byte and length, which stand before every body but those of the start-up phase. */
export const headerBytes = 5;

export class Body {
  readonly buffer: Buffer;
  readonly end: number;
  position: number;
  readonly #name: string;

  constructor(name: string, buffer: Buffer, start: number, end: number) {
    this.#name = name;
    this.buffer = buffer;
    this.position = start;
    this.end = end;
  }

  static of(name: string, message: MessageView): Body {
    return new Body(name, message.buffer, message.start + headerBytes, message.end);
  }

  get left(): number {
    return this.end - this.position;
  }

  malformed(why: string): GatewayError {
    return postgresErrors('postgres.message-malformed', { detail: `${this.#name}: ${why}` });
  }

  /** Checks that `size` more bytes are there and steps over them; answers where they begin. */
  take(size: number): number {
    const at = this.position;
    if (size < 0 || size > this.end - at) throw this.malformed('a field reaches past the end');
    this.position = at + size;
    return at;
  }

  uint8(): number {
    return this.buffer[this.take(1)]!;
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4));
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4));
  }

  /** A count of elements that take at least `elementBytes` each. */
  count16(elementBytes: number): number {
    // Servers read this field unsigned, so that 65,535 parameters are possible.
    const count = this.buffer.readUInt16BE(this.take(2));
    if (count * elementBytes > this.left) throw this.malformed('a count reaches past the end');
    return count;
  }

  view(size: number): Buffer {
    const at = this.take(size);
    return this.buffer.subarray(at, at + size);
  }

  rest(): Buffer {
    return this.view(this.left);
  }

  /** A NUL-terminated string as a view without its NUL. */
  cbytes(): Buffer {
    const nul = this.buffer.indexOf(0, this.position);
    if (nul < 0 || nul >= this.end) throw this.malformed('a string without its end');
    const view = this.buffer.subarray(this.position, nul);
    this.position = nul + 1;
    return view;
  }

  /** A string that the client wrote: exactly UTF-8, since that is what is judged (A-PG-13). */
  strictString(): string {
    const view = this.cbytes();
    if (!isUtf8(view)) throw postgresErrors('postgres.text-invalid', { detail: `${this.#name}: not UTF-8` });
    return view.toString('utf8');
  }

  /** A string that the server wrote, for people: what is not UTF-8 becomes U+FFFD. */
  looseString(): string {
    return this.cbytes().toString('utf8');
  }

  /** Everything must have been read. */
  finish(): void {
    if (this.position !== this.end) throw this.malformed(`${this.left} bytes too many`);
  }
}

/** Writes one typed message: header, then what `fill` writes, then the length. */
export function message(type: string, fill?: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter(64);
  writer.uint8(type.charCodeAt(0)).int32(4);
  fill?.(writer);
  writer.patchInt32(1, writer.length - 1);
  return writer.finish();
}

/** Writes one packet of the start-up phase: no type byte. */
export function packet(fill: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter(64);
  writer.int32(0);
  fill(writer);
  writer.patchInt32(0, writer.length);
  return writer.finish();
}
