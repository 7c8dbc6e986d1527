/**
 * Building messages: a growing buffer that is written front to back. Reading is done in place by each codec.
 */

export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  uint8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  uint16(value: number): this {
    this.#reserve(2);
    this.#length = this.#bytes.writeUInt16BE(value, this.#length);
    return this;
  }

  int32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
    return this;
  }

  uint32(value: number): this {
    this.#reserve(4);
    this.#length = this.#bytes.writeUInt32BE(value, this.#length);
    return this;
  }

  bytes(view: Uint8Array): this {
    this.#reserve(view.length);
    this.#bytes.set(view, this.#length);
    this.#length += view.length;
    return this;
  }

  utf8(text: string): this {
    const size = Buffer.byteLength(text);
    this.#reserve(size);
    this.#bytes.write(text, this.#length, size, 'utf8');
    this.#length += size;
    return this;
  }

  /** UTF-8 followed by a zero byte. */
  cstring(text: string): this {
    return this.utf8(text).uint8(0);
  }

  /** Overwrites four bytes written before, for lengths that are known only at the end. */
  patchInt32(at: number, value: number): this {
    this.#bytes.writeInt32BE(value, at);
    return this;
  }

  /** A view of what was written; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(size: number): void {
    const need = this.#length + size;
    if (need <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
