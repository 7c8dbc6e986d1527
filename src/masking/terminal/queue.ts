/**
 * Bytes that wait to be given back, and the glyphs among them that may be masked.
 *
 * Every printed character is a glyph with a number of its own, counted up for the life of a stream; what stands between
 * glyphs (sequences, controls) is given back with whatever comes before the next glyph.
 *
 * Invariant: what comes out is what went in, byte for byte and in order, but that a masked glyph becomes as many `*` as it
 * has columns.
 */

const star = 0x2a;
const initialBytes = 4096;
const initialGlyphs = 1024;

export class Queue {
  #bytes = Buffer.alloc(initialBytes);
  #length = 0;
  /** Of each waiting glyph: where its bytes begin, how many there are, its columns, and whether it is masked. */
  #starts = new Uint32Array(initialGlyphs);
  #sizes = new Uint8Array(initialGlyphs);
  #widths = new Uint8Array(initialGlyphs);
  #masked = new Uint8Array(initialGlyphs);
  #glyphs = 0;
  /** The number of the first waiting glyph. */
  #first = 0;
  /** Whether any waiting glyph is masked. */
  #dirty = false;

  /** The number of the next glyph. */
  get next(): number {
    return this.#first + this.#glyphs;
  }

  get first(): number {
    return this.#first;
  }

  get byteLength(): number {
    return this.#length;
  }

  /** Adds bytes that are none of a glyph. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    this.#room(end - start);
    for (let index = start; index < end; index++) this.#bytes[this.#length++] = bytes[index]!;
  }

  control(byte: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = byte;
  }

  /** Adds a glyph and answers its number. */
  glyph(bytes: Uint8Array, start: number, end: number, width: number): number {
    if (this.#glyphs === this.#starts.length) this.#grow();
    this.#starts[this.#glyphs] = this.#length;
    this.#sizes[this.#glyphs] = end - start;
    this.#widths[this.#glyphs] = width;
    this.#masked[this.#glyphs] = 0;
    this.raw(bytes, start, end);
    return this.#first + this.#glyphs++;
  }

  /** Adds bytes to the glyph before them: what combines with it goes with it. */
  extend(bytes: Uint8Array, start: number, end: number): void {
    const last = this.#glyphs - 1;
    const size = last < 0 ? 0 : this.#sizes[last]! + end - start;
    if (last >= 0 && this.#starts[last]! + this.#sizes[last]! === this.#length && size < 256) this.#sizes[last] = size;
    this.raw(bytes, start, end);
  }

  /** Masks a glyph; false where it was masked already, or is gone. */
  mask(glyph: number): boolean {
    const index = glyph - this.#first;
    if (index < 0 || index >= this.#glyphs || this.#masked[index] === 1) return false;
    this.#masked[index] = 1;
    this.#dirty = true;
    return true;
  }

  /** Gives back what comes before a glyph; all of it where that is `next`. */
  take(before: number): Buffer {
    const count = Math.min(Math.max(0, before - this.#first), this.#glyphs);
    const end = count === this.#glyphs ? this.#length : this.#starts[count]!;
    if (end === 0) return empty;
    const out = this.#dirty ? this.#render(count, end) : Buffer.from(this.#bytes.subarray(0, end));
    this.#bytes.copyWithin(0, end, this.#length);
    this.#length -= end;
    for (let index = count; index < this.#glyphs; index++) this.#starts[index - count] = this.#starts[index]! - end;
    this.#sizes.copyWithin(0, count, this.#glyphs);
    this.#widths.copyWithin(0, count, this.#glyphs);
    this.#masked.copyWithin(0, count, this.#glyphs);
    this.#glyphs -= count;
    this.#first += count;
    if (this.#glyphs === 0) this.#dirty = false;
    return out;
  }

  #render(count: number, end: number): Buffer {
    const out = Buffer.alloc(end * 2);
    let length = 0;
    let from = 0;
    for (let index = 0; index < count; index++) {
      if (this.#masked[index] === 0) continue;
      const start = this.#starts[index]!;
      length += this.#bytes.copy(out, length, from, start);
      for (let column = 0; column < this.#widths[index]!; column++) out[length++] = star;
      from = start + this.#sizes[index]!;
    }
    length += this.#bytes.copy(out, length, from, end);
    return out.subarray(0, length);
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  #grow(): void {
    const larger = <Kind extends Uint8Array | Uint32Array>(old: Kind, made: Kind): Kind => {
      made.set(old);
      return made;
    };
    const size = this.#starts.length * 2;
    this.#starts = larger(this.#starts, new Uint32Array(size));
    this.#sizes = larger(this.#sizes, new Uint8Array(size));
    this.#widths = larger(this.#widths, new Uint8Array(size));
    this.#masked = larger(this.#masked, new Uint8Array(size));
  }
}

const empty = Buffer.alloc(0);
