/**
 * CBOR (RFC 8949) as Kubernetes speaks it: one data item behind the tag 55799, maps with names, no name twice.
 *
 * | major type | what                          | becomes                                                              |
 * |------------|-------------------------------|----------------------------------------------------------------------|
 * | 0, 1       | integers                      | number (the nearest one beyond 2^53)                                 |
 * | 2          | bytes                         | text: Kubernetes writes texts and names so                           |
 * | 3          | text                          | text                                                                 |
 * | 4, 5       | array, map                    | array, object; of a definite length only                             |
 * | 6          | tags 21, 22, 23 before bytes  | text in base64url, base64, base16 (RFC 8949, section 3.4.5.2)        |
 * | 7          | false, true, null, floats     | the same; other simple values, NaN and infinities are refused        |
 *
 * Invariants: every length is checked before anything is made of it; nothing may follow; what is not in the table is refused.
 */
import * as limits from './limits.ts';

export type CborReading = { readonly value: unknown } | { readonly unread: string };

class Refused extends Error {}

export function readCbor(bytes: Uint8Array): CborReading {
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    if (bytes[0] !== 0xd9 || bytes[1] !== 0xd9 || bytes[2] !== 0xf7)
      throw new Refused('it does not say that it is CBOR');
    reader.at = 3;
    const value = reader.item(0);
    if (reader.at !== bytes.length) throw new Refused('something follows its CBOR');
    return { value };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { unread: error.message };
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encodings: ReadonlyMap<number, 'base64url' | 'base64' | 'hex'> = new Map([
  [21, 'base64url'],
  [22, 'base64'],
  [23, 'hex'],
]);

class Reader {
  readonly #bytes: Buffer;
  at = 0;
  #nodes = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  item(depth: number): unknown {
    if (depth > limits.kubernetesDepthMax)
      throw new Refused(`its CBOR nests deeper than ${limits.kubernetesDepthMax} levels`);
    this.#count();
    const head = this.#take(1)[0]!;
    const major = head >> 5;
    if (major === 7) return this.#simple(head & 0x1f);
    const argument = this.#argument(head & 0x1f);
    switch (major) {
      case 0:
        return Number(argument);
      case 1:
        return Number(-1n - argument);
      case 2:
      case 3:
        return this.#text(argument);
      case 4:
        return this.#array(argument, depth);
      case 5:
        return this.#map(argument, depth);
      default:
        return this.#tagged(argument);
    }
  }

  #count(): void {
    if (++this.#nodes > limits.kubernetesNodesMax) {
      throw new Refused(`its CBOR has more than ${limits.kubernetesNodesMax} values`);
    }
  }

  #take(size: number): Buffer {
    if (size > this.#bytes.length - this.at) throw new Refused('its CBOR ends before it is complete');
    const from = this.at;
    this.at += size;
    return this.#bytes.subarray(from, this.at);
  }

  /** 24 to 27: 1, 2, 4, 8 bytes follow. 31 is an indefinite length, which Kubernetes does not write. */
  #argument(low: number): bigint {
    if (low < 24) return BigInt(low);
    switch (low) {
      case 24:
        return BigInt(this.#take(1)[0]!);
      case 25:
        return BigInt(this.#take(2).readUInt16BE());
      case 26:
        return BigInt(this.#take(4).readUInt32BE());
      case 27:
        return this.#take(8).readBigUInt64BE();
      default:
        throw new Refused('its CBOR has an item whose length is not given');
    }
  }

  /** Each entry takes a byte at least. */
  #length(argument: bigint): number {
    if (argument > BigInt(this.#bytes.length - this.at)) throw new Refused('its CBOR ends before it is complete');
    return Number(argument);
  }

  #text(argument: bigint): string {
    try {
      return decoder.decode(this.#take(this.#length(argument)));
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused('its CBOR has bytes that are no text');
    }
  }

  #array(argument: bigint, depth: number): unknown[] {
    const length = this.#length(argument);
    const values: unknown[] = [];
    for (let index = 0; index < length; index++) values.push(this.item(depth + 1));
    return values;
  }

  #map(argument: bigint, depth: number): unknown {
    const length = this.#length(argument);
    const entries = new Map<string, unknown>();
    for (let index = 0; index < length; index++) {
      this.#count();
      const head = this.#take(1)[0]!;
      if (head >> 5 !== 2 && head >> 5 !== 3) throw new Refused('its CBOR has a name that is no text');
      const name = this.#text(this.#argument(head & 0x1f));
      if (entries.has(name)) throw new Refused('its CBOR names something twice in one map');
      entries.set(name, this.item(depth + 1));
    }
    return Object.fromEntries(entries);
  }

  #tagged(tag: bigint): string {
    const encoding = encodings.get(Number(tag));
    const head = this.#take(1)[0]!;
    if (encoding === undefined || head >> 5 !== 2) throw new Refused(`its CBOR has the tag ${tag}, which is not read`);
    const bytes = this.#take(this.#length(this.#argument(head & 0x1f)));
    const text = bytes.toString(encoding);
    return encoding === 'hex' ? text.toUpperCase() : text;
  }

  #simple(low: number): unknown {
    switch (low) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 25:
        return finite(half(this.#take(2).readUInt16BE()));
      case 26:
        return finite(this.#take(4).readFloatBE());
      case 27:
        return finite(this.#take(8).readDoubleBE());
      default:
        throw new Refused('its CBOR has a simple value that is not read');
    }
  }
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new Refused('its CBOR has a number that is none');
  return value;
}

/** RFC 8949, appendix D. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  const value =
    exponent === 0
      ? mantissa * 2 ** -24
      : exponent === 31
        ? mantissa === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (mantissa + 1024) * 2 ** (exponent - 25);
  return (bits & 0x8000) === 0 ? value : -value;
}
