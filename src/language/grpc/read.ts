/**
 * A protobuf message as the value that rules, reviewers and recordings see: objects by the names of the `.proto`, 64-bit
 * numbers that a double cannot hold as text, bytes in base 64, enumerations by name, `Any` opened where its type is known.
 *
 * | in the message                    | in the value                                                       |
 * | --------------------------------- | ------------------------------------------------------------------ |
 * | not there, without presence       | its zero, where `defaults` asks for it: the service takes it for that |
 * | a number that the set has no field for | `"?7"`: base 64 of what stands there, and `isUnknown`          |
 * | `google.protobuf.Any`             | `type_url`, and `value` as an object                               |
 *
 * Invariants:
 * - Never throws. Depth and number of values are bounded.
 * - What two readers could take differently is unread, not guessed: a field twice that may be there once, two alternatives of
 *   a `oneof`, a key twice in one map, text that is no UTF-8.
 *
 * Deliberately absent: the mapping of well-known types to JSON (`Timestamp`, `Struct`, wrappers are messages like any other).
 */
import { ProtobufFault, readField, type WireField, wires } from '../../base/protobuf.ts';
import { fits, isNumber, numberEnd, readNumber } from '../../core/message-values.ts';
import { anyType, type MessageField, type MessageType, typeOfAddress } from '../../core/messages.ts';
import * as limits from './limits.ts';

export type MessageReading =
  | { readonly value: unknown; readonly isUnknown: boolean }
  /** Why not, for people: `it …`. */
  | { readonly unread: string };

export function readMessage(
  bytes: Uint8Array,
  type: MessageType,
  { defaults }: { readonly defaults: boolean },
): MessageReading {
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), defaults);
  try {
    return { value: reader.message(type, 0, bytes.byteLength, 0), isUnknown: reader.isUnknown };
  } catch (error) {
    if (!(error instanceof ProtobufFault)) throw error;
    return { unread: error.message };
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

class Reader {
  isUnknown = false;
  readonly #bytes: Buffer;
  readonly #defaults: boolean;
  #nodes = 0;

  constructor(bytes: Buffer, defaults: boolean) {
    this.#bytes = bytes;
    this.#defaults = defaults;
  }

  message(type: MessageType, from: number, to: number, depth: number): Record<string, unknown> {
    if (depth > limits.messageDepthMax)
      throw new ProtobufFault(`it nests deeper than ${limits.messageDepthMax} levels`);
    const found = new Map<string, unknown>();
    const alternatives = new Map<string, string>();
    for (let at = from; at < to; ) {
      const wire = readField(this.#bytes, at, to);
      at = wire.next;
      const field = type.fields.get(wire.number);
      if (field === undefined || !fits(field, wire)) this.#unknown(found, wire);
      else if (field.isMap) this.#entry(found, field, wire, depth);
      else if (field.isRepeated) this.#element(found, field, wire, depth);
      else {
        if (found.has(field.name)) throw new ProtobufFault('it has a field twice that may be there once');
        if (field.oneof !== null && alternatives.has(field.oneof)) {
          throw new ProtobufFault('it has two alternatives of which there may be one');
        }
        if (field.oneof !== null) alternatives.set(field.oneof, field.name);
        found.set(field.name, this.#value(field, wire, depth));
      }
    }
    if (this.#defaults) this.#fill(type, found);
    if (type.name === anyType) this.#open(type, found, depth);
    return Object.fromEntries(
      [...found].map(([name, value]) => [name, value instanceof Map ? objectOf(value) : value]),
    );
  }

  #count(): void {
    if (++this.#nodes > limits.messageNodesMax)
      throw new ProtobufFault(`it has more than ${limits.messageNodesMax} values`);
  }

  #unknown(found: Map<string, unknown>, { number, start, next }: WireField): void {
    this.#count();
    this.isUnknown = true;
    const name = `?${number}`;
    const known = found.get(name) as string[] | undefined;
    const value = this.#bytes.toString('base64', start, next);
    if (known === undefined) found.set(name, [value]);
    else known.push(value);
  }

  #element(found: Map<string, unknown>, field: MessageField, wire: WireField, depth: number): void {
    const list = (found.get(field.name) as unknown[] | undefined) ?? [];
    found.set(field.name, list);
    if (wire.wire !== wires.bytes || !isNumber(field)) {
      list.push(this.#value(field, wire, depth));
      return;
    }
    for (let at = wire.from; at < wire.to; ) {
      const to = numberEnd(field, this.#bytes, at, wire.to);
      list.push(this.#value(field, { ...wire, from: at, to }, depth));
      at = to;
    }
  }

  #entry(found: Map<string, unknown>, field: MessageField, wire: WireField, depth: number): void {
    const type = field.message!;
    const map = (found.get(field.name) as Map<string, unknown> | undefined) ?? new Map<string, unknown>();
    found.set(field.name, map);
    const entry = this.message(type, wire.from, wire.to, depth + 1);
    const absent = (number: number): unknown => type.fields.get(number)?.absent ?? {};
    const key = String(entry['key'] ?? absent(1));
    if (map.has(key)) throw new ProtobufFault('it names something twice in one map');
    map.set(key, entry['value'] ?? absent(2));
  }

  #value(field: MessageField, { from, to }: WireField, depth: number): unknown {
    this.#count();
    const bytes = this.#bytes;
    switch (field.kind) {
      case 'message':
        return this.message(field.message!, from, to, depth + 1);
      case 'string':
        try {
          return decoder.decode(bytes.subarray(from, to));
        } catch {
          throw new ProtobufFault('it has text that is no UTF-8');
        }
      case 'bytes':
        return bytes.toString('base64', from, to);
      default:
        return spelled(field, readNumber(field, bytes, from, to));
    }
  }

  #fill(type: MessageType, found: Map<string, unknown>): void {
    for (const { name, absent } of type.fields.values()) {
      if (absent === undefined || found.has(name)) continue;
      this.#count();
      found.set(name, absent);
    }
  }

  /** What an `Any` holds. Of a type that is not known it may say anything. */
  #open(type: MessageType, found: Map<string, unknown>, depth: number): void {
    const [address, value] = [found.get('type_url'), found.get('value')];
    if (typeof value !== 'string' || value === '') return;
    const inner = typeof address === 'string' ? type.find(typeOfAddress(address)) : null;
    if (inner === null) {
      this.isUnknown = true;
      return;
    }
    const bytes = Buffer.from(value, 'base64');
    const reader = new Reader(bytes, this.#defaults);
    reader.#nodes = this.#nodes;
    found.set('value', reader.message(inner, 0, bytes.length, depth + 1));
    this.#nodes = reader.#nodes;
    this.isUnknown ||= reader.isUnknown;
  }
}

function objectOf(entries: ReadonlyMap<unknown, unknown>): Record<string, unknown> {
  return Object.fromEntries([...entries].map(([key, value]) => [String(key), value]));
}

function spelled({ kind, values }: MessageField, number: bigint | number | boolean): unknown {
  if (typeof number === 'boolean') return number;
  if (kind === 'enum') return values?.get(Number(number)) ?? Number(number);
  if (kind === 'float') return finite(shortest(Number(number)));
  if (typeof number === 'number') return finite(number);
  const near = Number(number);
  return Number.isSafeInteger(near) ? near : String(number);
}

function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** The shortest spelling that is the same float: 0.1, not 0.10000000149011612. */
function shortest(value: number): number {
  for (let digits = 6; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
