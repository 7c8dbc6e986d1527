/**
 * Reading and writing the data types of RFC 4251, 5.
 *
 * Invariants: never reads past the message; every string has a bound that its caller names; whatever is wrong throws
 * `ssh.message-malformed`, which ends the connection. `end` refuses trailing bytes.
 *
 * Deliberately absent: knowledge of any message.
 */
import { ByteWriter } from '../../../base/bytes.ts';
import { sshErrors } from './errors.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class SshReader {
  readonly #view: Buffer;
  #at: number;

  constructor(view: Buffer, at = 0) {
    this.#view = view;
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#view.length - this.#at;
  }

  uint8(): number {
    this.#need(1);
    return this.#view[this.#at++]!;
  }

  /** Any value but zero is true (RFC 4251, 5). */
  boolean(): boolean {
    return this.uint8() !== 0;
  }

  uint32(): number {
    this.#need(4);
    const value = this.#view.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  uint64(): bigint {
    this.#need(8);
    const value = this.#view.readBigUInt64BE(this.#at);
    this.#at += 8;
    return value;
  }

  /** A view into the message, not a copy. */
  string(bytesMax: number): Buffer {
    const length = this.uint32();
    if (length > bytesMax || length > this.left) throw malformed(`string of ${length} bytes`);
    const value = this.#view.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  /** Text that must be UTF-8; control characters are the reader's to judge. */
  utf8(bytesMax: number): string {
    const bytes = this.string(bytesMax);
    try {
      return strictUtf8.decode(bytes);
    } catch {
      throw malformed('text is not UTF-8');
    }
  }

  /** Names of algorithms, methods, requests: printable ASCII (RFC 4251, 6). */
  name(bytesMax: number): string {
    const bytes = this.string(bytesMax);
    for (const byte of bytes)
      if (byte < 0x21 || byte > 0x7e) throw malformed('name with a byte that names cannot have');
    return bytes.toString('latin1');
  }

  nameList(bytesMax: number): readonly string[] {
    const text = this.string(bytesMax).toString('latin1');
    return text === '' ? [] : text.split(',');
  }

  rest(): Buffer {
    const value = this.#view.subarray(this.#at);
    this.#at = this.#view.length;
    return value;
  }

  end(): void {
    if (this.left !== 0) throw malformed(`${this.left} bytes after the message`);
  }

  #need(bytes: number): void {
    if (this.left < bytes) throw malformed('message ends early');
  }
}

export class SshWriter {
  readonly #bytes: ByteWriter;

  constructor(capacityBytes = 128) {
    this.#bytes = new ByteWriter(capacityBytes);
  }

  uint8(value: number): this {
    this.#bytes.uint8(value);
    return this;
  }

  boolean(value: boolean): this {
    this.#bytes.uint8(value ? 1 : 0);
    return this;
  }

  uint32(value: number): this {
    this.#bytes.uint32(value);
    return this;
  }

  uint64(value: bigint): this {
    this.#bytes.uint32(Number((value >> 32n) & 0xffff_ffffn)).uint32(Number(value & 0xffff_ffffn));
    return this;
  }

  string(value: Uint8Array | string): this {
    if (typeof value === 'string') this.#bytes.uint32(Buffer.byteLength(value)).utf8(value);
    else this.#bytes.uint32(value.length).bytes(value);
    return this;
  }

  raw(value: Uint8Array): this {
    this.#bytes.bytes(value);
    return this;
  }

  /** An unsigned number of any length, as `mpint`. */
  mpint(value: Uint8Array): this {
    let from = 0;
    while (from < value.length && value[from] === 0) from++;
    const trimmed = value.subarray(from);
    const padded = trimmed.length > 0 && (trimmed[0]! & 0x80) !== 0;
    this.#bytes.uint32(trimmed.length + (padded ? 1 : 0));
    if (padded) this.#bytes.uint8(0);
    this.#bytes.bytes(trimmed);
    return this;
  }

  finish(): Buffer {
    return this.#bytes.finish();
  }
}

export function malformed(detail: string): Error {
  return sshErrors('ssh.message-malformed', { detail });
}
