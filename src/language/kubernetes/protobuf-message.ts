/**
 * The wire format of protobuf (Protocol Buffers, "Encoding"): one message as its fields by number.
 *
 * Invariants: lengths are checked before anything is made of them; a field that may be there once and is there twice is
 * refused, for readers join or replace; so are groups.
 */
import * as limits from './limits.ts';

/** Why something is not read. */
export class Refused extends Error {}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(value: Buffer | bigint): string {
  if (typeof value === 'bigint') throw new Refused('its protobuf has a number where text belongs');
  try {
    return decoder.decode(value);
  } catch {
    throw new Refused('its protobuf has text that is no UTF-8');
  }
}

/** The fields of one message, by number. */
export class Message {
  readonly #fields = new Map<number, (Buffer | bigint)[]>();
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    for (let count = 0; this.#at < bytes.length; count++) {
      if (count >= limits.kubernetesNodesMax) throw new Refused('its protobuf has too many fields');
      this.#field();
    }
  }

  /** In no order that matters. */
  get numbers(): Iterable<number> {
    return this.#fields.keys();
  }

  all(number: number): readonly (Buffer | bigint)[] {
    return this.#fields.get(number) ?? [];
  }

  /** Null where it is not there. */
  one(number: number): Buffer | bigint | null {
    const values = this.all(number);
    if (values.length > 1) throw new Refused('its protobuf has a field twice');
    return values[0] ?? null;
  }

  bytes(number: number): Buffer {
    const value = this.one(number) ?? Buffer.alloc(0);
    if (typeof value === 'bigint') throw new Refused('its protobuf has a number where a message belongs');
    return value;
  }

  text(number: number): string {
    return utf8(this.one(number) ?? Buffer.alloc(0));
  }

  integer(number: number): bigint | null {
    const value = this.one(number);
    if (value !== null && typeof value !== 'bigint') throw new Refused('its protobuf has text where a number belongs');
    return value;
  }

  map(number: number): Readonly<Record<string, string>> {
    const entries = new Map<string, string>();
    for (const value of this.all(number)) {
      if (typeof value === 'bigint') throw new Refused('its protobuf has a number where a message belongs');
      const entry = new Message(value);
      const name = entry.text(1);
      if (entries.has(name)) throw new Refused('its protobuf names something twice in one map');
      entries.set(name, entry.text(2));
    }
    return Object.fromEntries(entries);
  }

  #field(): void {
    const tag = this.#varint();
    const number = Number(tag >> 3n);
    if (number === 0 || number > 0x1fffffff) throw new Refused('its protobuf has a field without a number');
    let value: Buffer | bigint;
    switch (Number(tag & 7n)) {
      case 0:
        value = this.#varint();
        break;
      case 1:
        value = this.#take(8n);
        break;
      case 2:
        value = this.#take(this.#varint());
        break;
      case 5:
        value = this.#take(4n);
        break;
      default:
        throw new Refused('its protobuf has a field of a kind that is not read');
    }
    const values = this.#fields.get(number);
    if (values === undefined) this.#fields.set(number, [value]);
    else values.push(value);
  }

  #take(size: bigint): Buffer {
    if (size > BigInt(this.#bytes.length - this.#at)) throw new Refused('its protobuf ends before it is complete');
    const from = this.#at;
    this.#at += Number(size);
    return this.#bytes.subarray(from, this.#at);
  }

  #varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new Refused('its protobuf ends before it is complete');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Refused('its protobuf has a number that is too long');
  }
}
