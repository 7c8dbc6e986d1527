/**
 * The fields that SFTP messages are made of: UInt32, UInt64, strings. Draft-ietf-secsh-filexfer-02, section 3.
 *
 * Invariants: nothing is read beyond the frame; a string longer than its limit is refused; a message must be used up.
 * Strings are views of the frame and live as long as it does.
 */
import { sftpErrors } from './errors.ts';

export class FieldReader {
  readonly #frame: Buffer;
  #at: number;

  /** `at`: where the first field begins. */
  constructor(frame: Buffer, at: number) {
    this.#frame = frame;
    this.#at = at;
  }

  get left(): number {
    return this.#frame.length - this.#at;
  }

  uint32(): number {
    this.#need(4);
    const value = this.#frame.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  uint64(): bigint {
    this.#need(8);
    const value = this.#frame.readBigUInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  string(bytesMax: number): Buffer {
    const length = this.uint32();
    if (length > bytesMax) throw malformed(`a string of ${length} bytes, where ${bytesMax} are allowed`);
    this.#need(length);
    const value = this.#frame.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  rest(): Buffer {
    const value = this.#frame.subarray(this.#at);
    this.#at = this.#frame.length;
    return value;
  }

  end(): void {
    if (this.left !== 0) throw malformed(`${this.left} bytes behind the last field`);
  }

  #need(bytes: number): void {
    if (this.left < bytes) throw malformed(`a field ends ${bytes - this.left} bytes behind its message`);
  }
}

export function malformed(detail: string): Error {
  return sftpErrors('sftp.message-malformed', { detail });
}

/** Writes one message; `finish` gives it with its length in front. */
export class FieldWriter {
  readonly #parts: Buffer[] = [];
  #bytes = 0;

  constructor(type: number) {
    this.byte(type);
  }

  byte(value: number): this {
    return this.#add(Buffer.of(value));
  }

  uint32(value: number): this {
    const field = Buffer.allocUnsafe(4);
    field.writeUInt32BE(value >>> 0);
    return this.#add(field);
  }

  uint64(value: number | bigint): this {
    const field = Buffer.allocUnsafe(8);
    field.writeBigUInt64BE(BigInt(value));
    return this.#add(field);
  }

  string(value: Buffer | string): this {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return this.uint32(bytes.length).raw(bytes);
  }

  raw(value: Buffer): this {
    return this.#add(value);
  }

  finish(): Buffer {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(this.#bytes);
    return Buffer.concat([length, ...this.#parts], 4 + this.#bytes);
  }

  #add(part: Buffer): this {
    this.#parts.push(part);
    this.#bytes += part.length;
    return this;
  }
}
