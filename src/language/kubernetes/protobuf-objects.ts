/**
 * Objects of Kubernetes' own kinds out of protobuf, as they stand in JSON: by the table that its Go types make
 * (protobuf-table.ts).
 *
 * Invariants:
 * - All of an object or nothing: a field that the table does not have may mean anything to a newer server, and then null is
 *   the answer.
 * - What a Go type leaves out of JSON (zero, without being told apart from nothing) is left out.
 *
 * Deliberately absent: lists, options, custom kinds (which have no protobuf).
 */
import { readJson } from '../http/json.ts';
import * as limits from './limits.ts';
import { Message, Refused, utf8 } from './protobuf-message.ts';
import { protobufKinds, protobufMessages } from './protobuf-table.ts';

interface Field {
  /** Empty: the fields of its message stand in its place. */
  readonly name: string;
  readonly number: number;
  readonly many: 'one' | 'list' | 'map';
  /** Zero is something else than nothing. */
  readonly isOptional: boolean;
  /** See rig/schema. */
  readonly type: string;
}

type Value = unknown;

const kinds = new Map(
  entriesOf(protobufKinds).map((entry) => {
    const [version = '', kind = '', message = ''] = entry.split(' ');
    return [`${version} ${kind}`, message] as const;
  }),
);

/** Read as they are met: few of them ever are. */
const lines = new Map(
  entriesOf(protobufMessages).map((entry) => {
    const at = entry.indexOf(' ');
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  }),
);
const known = new Map<string, readonly Field[]>();

function entriesOf(table: string): readonly string[] {
  return table.trim().split(/[;\n]/);
}

function fieldsOf(message: string): readonly Field[] {
  let fields = known.get(message);
  if (fields === undefined) {
    fields = (lines.get(message) ?? '').split(' ').flatMap((spelled) => {
      const [, name, number, many, optional, type] = /^([^:]*):([0-9]+):([*%]?)(\??)(\w+)$/.exec(spelled) ?? [];
      if (type === undefined) return [];
      const how = many === '*' ? 'list' : many === '%' ? 'map' : 'one';
      return [{ name: name!, number: Number(number), many: how, isOptional: optional === '?', type } as const];
    });
    known.set(message, fields);
  }
  return fields;
}

/** Null: it is of no known kind, or says more than is known. Throws what refuses the body as a whole. */
export function readProtobufObject(
  apiVersion: string,
  kind: string,
  raw: Message,
): Readonly<Record<string, unknown>> | null {
  const message = kinds.get(`${apiVersion} ${kind}`);
  return message === undefined ? null : new Reading().object(message, raw, 0);
}

class Reading {
  #nodes = 0;

  /** Null where it says more than the table knows. */
  object(name: string, message: Message, depth: number): Record<string, Value> | null {
    if (depth > limits.kubernetesDepthMax) throw new Refused('its protobuf nests too deep');
    const fields = fieldsOf(name);
    const numbers = new Set(fields.map(({ number }) => number));
    for (const number of message.numbers) if (!numbers.has(number)) return null;
    const object: Record<string, Value> = {};
    for (const field of fields) {
      const value = this.#field(field, message, depth);
      if (value === null) return null;
      if (value === undefined) continue;
      // Names of messages are the table's own; those of maps stand below.
      if (field.name === '') Object.assign(object, value);
      else object[field.name] = value;
    }
    return object;
  }

  /** Undefined: nothing is there; null: it is not known. */
  #field(field: Field, message: Message, depth: number): Value {
    const { number, many, type, isOptional } = field;
    if (many === 'one') {
      const value = message.one(number);
      if (value === null) return undefined;
      const read = this.#value(type, value, depth);
      return !isOptional && isZero(read) ? undefined : read;
    }
    const all = message.all(number);
    if (all.length === 0) return undefined;
    return many === 'list' ? this.#list(type, all, depth) : this.#map(type, all, depth);
  }

  #list(type: string, all: readonly (Buffer | bigint)[], depth: number): readonly Value[] | null {
    const values: Value[] = [];
    for (const one of all) {
      // Numbers may come together.
      if (type === 'i' && typeof one !== 'bigint')
        throw new Refused('its protobuf has numbers in a form that is not read');
      const value = this.#value(type, one, depth);
      if (value === null) return null;
      values.push(value);
    }
    return values;
  }

  #map(type: string, all: readonly (Buffer | bigint)[], depth: number): Record<string, Value> | null {
    const entries = new Map<string, Value>();
    for (const one of all) {
      const entry = new Message(bytesOf(one));
      const name = entry.text(1);
      if (entries.has(name)) throw new Refused('its protobuf names something twice in one map');
      const value = this.#value(type, entry.one(2) ?? Buffer.alloc(0), depth);
      if (value === null) return null;
      entries.set(name, value);
    }
    return Object.fromEntries(entries);
  }

  #value(type: string, value: Buffer | bigint, depth: number): Value {
    if (++this.#nodes > limits.kubernetesNodesMax) throw new Refused('its protobuf has too many values');
    switch (type) {
      case 's':
        return utf8(value);
      case 'b':
        return integerOf(value) !== 0;
      case 'i':
        return integerOf(value);
      case 'f': {
        const bytes = bytesOf(value);
        if (bytes.length !== 8) throw new Refused('its protobuf has a number of another size');
        return bytes.readDoubleLE(0);
      }
      case 'y':
        return bytesOf(value).toString('base64');
      case 'l':
        return new Message(bytesOf(value)).all(1).map(utf8);
      case 't':
      case 'u':
        return timeOf(new Message(bytesOf(value)), type === 'u');
      case 'd':
        return `${Number(new Message(bytesOf(value)).integer(1) ?? 0n) / 1e9}s`;
      case 'q':
        return new Message(bytesOf(value)).text(1);
      case 'o': {
        const either = new Message(bytesOf(value));
        return either.integer(1) === 1n ? either.text(3) : integerOf(either.integer(2) ?? 0n);
      }
      case 'r': {
        const raw = new Message(bytesOf(value)).bytes(1);
        const reading = readJson(utf8(raw));
        if (raw.length > 0 && 'unread' in reading) throw new Refused(reading.unread);
        return 'value' in reading ? reading.value : undefined;
      }
      default:
        return this.object(type, new Message(bytesOf(value)), depth + 1);
    }
  }
}

function bytesOf(value: Buffer | bigint): Buffer {
  if (typeof value === 'bigint') throw new Refused('its protobuf has a number where a message belongs');
  return value;
}

function integerOf(value: Buffer | bigint): number {
  if (typeof value !== 'bigint') throw new Refused('its protobuf has text where a number belongs');
  const signed = Number(BigInt.asIntN(64, value));
  if (!Number.isSafeInteger(signed)) throw new Refused('its protobuf has a number that is too large');
  return signed;
}

/** Seconds and nanoseconds since 1970; of neither there is no time. */
function timeOf(message: Message, hasMicroseconds: boolean): string | undefined {
  const seconds = message.integer(1);
  const nanoseconds = message.integer(2);
  if (seconds === null && nanoseconds === null) return undefined;
  const at = integerOf(seconds ?? 0n) * 1000;
  if (Math.abs(at) > 8.64e15) throw new Refused('its protobuf has a time that is none');
  const text = new Date(at).toISOString().slice(0, -5);
  const micros = Math.floor(integerOf(nanoseconds ?? 0n) / 1000);
  return hasMicroseconds ? `${text}.${String(micros).padStart(6, '0')}Z` : `${text}Z`;
}

function isZero(value: Value): boolean {
  return value === undefined || value === 0 || value === '' || value === false;
}
