/**
 * Recording entries to bytes and back. Encoding runs on the main thread beside the traffic, so it copies each byte once
 * and makes no objects.
 *
 * Invariant: decoding checks every length before it uses it; a damaged entry is an error, never a wrong value.
 */
import type { Parameter } from '../core/command.ts';
import type { Column, RecordedEntry, RecordingEntry } from '../core/recording.ts';
import { recordingErrors } from './errors.ts';
import * as limits from './limits.ts';

const types = {
  command: 1,
  columns: 2,
  rows: 3,
  data: 4,
  omitted: 5,
  message: 6,
  completed: 7,
  terminal: 8,
  screen: 9,
  head: 10,
  omittedOneWay: 11,
} as const;
const levels = ['error', 'notice', 'notification', 'gateway'] as const;
const entryHeaderBytes = 9;
const nullLength = 0xffffffff;
/** Texts up to here are written unit by unit; beyond it the runtime's own writing is faster. */
const shortTextLengthMax = 24;
const utf16Flag = 0x80000000;

/** One block under construction. */
export class BlockEncoder {
  #bytes: Buffer;
  #end = 0;
  #textLeft = 0;
  #entries = 0;
  readonly baseAtMs: number;
  readonly startedMonotonicMs: number;

  constructor(memory: ArrayBuffer, baseAtMs: number, startedMonotonicMs: number) {
    this.#bytes = Buffer.from(memory);
    this.baseAtMs = baseAtMs;
    this.startedMonotonicMs = startedMonotonicMs;
  }

  get length(): number {
    return this.#end;
  }
  get entries(): number {
    return this.#entries;
  }
  get memory(): ArrayBuffer {
    return this.#bytes.buffer as ArrayBuffer;
  }

  add(entry: RecordingEntry, atMs: number): void {
    const start = this.#end;
    this.#textLeft = limits.entryTextBytesMax;
    this.#room(entryHeaderBytes);
    const oneWay = entry.type === 'omitted' && entry.direction !== undefined;
    this.#bytes[start] = oneWay ? types.omittedOneWay : types[entry.type];
    this.#bytes.writeInt32BE(Math.max(-0x7fffffff, Math.min(0x7fffffff, atMs - this.baseAtMs)), start + 5);
    this.#end += entryHeaderBytes;
    this.#body(entry);
    this.#bytes.writeUInt32BE(this.#end - start - entryHeaderBytes, start + 1);
    this.#entries++;
  }

  #body(entry: RecordingEntry): void {
    switch (entry.type) {
      case 'command':
        this.#uint32(entry.command);
        this.#uint32(entry.of ?? 0);
        this.#text(entry.kind);
        this.#text(entry.verb);
        this.#text(entry.text);
        this.#parameters(entry.parameters);
        return;
      case 'columns':
        this.#uint32(entry.command);
        this.#uint32(entry.columns.length);
        for (const column of entry.columns) {
          this.#text(column.name);
          this.#text(column.type);
          this.#uint8(column.format === 'binary' ? 1 : 0);
        }
        return;
      case 'rows':
        this.#uint32(entry.command);
        this.#uint32(entry.count);
        this.#raw(entry.data);
        return;
      case 'data':
        this.#uint32(entry.command);
        this.#uint8(entry.direction === 'out' ? 1 : 0);
        this.#raw(entry.data);
        return;
      case 'head':
        this.#uint32(entry.command);
        this.#uint8((entry.direction === 'out' ? 1 : 0) | (entry.trailers ? 2 : 0));
        this.#uint32(entry.status ?? 0);
        this.#uint32(entry.fields.length);
        for (const [name, value] of entry.fields) {
          this.#text(name);
          this.#text(value);
        }
        return;
      case 'terminal':
        this.#uint32(entry.command);
        this.#uint32(entry.columns);
        this.#uint32(entry.rows);
        this.#text(entry.term);
        return;
      case 'screen':
        this.#uint32(entry.command);
        this.#uint8(entry.direction === 'out' ? 1 : 0);
        this.#raw(entry.data);
        return;
      case 'omitted':
        this.#uint32(entry.command);
        if (entry.direction !== undefined) this.#uint8(entry.direction === 'out' ? 1 : 0);
        this.#number(entry.rows);
        this.#number(entry.bytes);
        this.#text(entry.digest);
        return;
      case 'message': {
        this.#uint32(entry.command ?? nullLength);
        this.#uint8(levels.indexOf(entry.level));
        this.#text(entry.code);
        this.#text(entry.text);
        const fields = Object.entries(entry.fields);
        this.#uint32(fields.length);
        for (const [name, value] of fields) {
          this.#text(name);
          this.#text(value);
        }
        return;
      }
      case 'completed':
        this.#uint32(entry.command);
        this.#text(entry.outcome);
        this.#text(entry.tag);
        this.#number(entry.rows);
        this.#number(entry.bytes);
        this.#number(entry.durationMs);
        return;
    }
  }

  #parameters(parameters: readonly Parameter[] | null): void {
    if (parameters === null) {
      this.#uint32(nullLength);
      return;
    }
    this.#uint32(parameters.length);
    for (const parameter of parameters) {
      this.#text(parameter.type);
      this.#text(parameter.value);
      this.#number(parameter.bytes);
      this.#text(parameter.digest ?? null);
    }
  }

  #uint8(value: number): void {
    this.#room(1);
    this.#bytes[this.#end++] = value;
  }

  #uint32(value: number): void {
    this.#room(4);
    this.#put32(value, this.#end);
    this.#end += 4;
  }

  #put32(value: number, at: number): void {
    if (value >>> 0 !== value) throw new RangeError('a number of a recording does not fit its field');
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  #number(value: number): void {
    this.#room(8);
    this.#end = this.#bytes.writeDoubleBE(value, this.#end);
  }

  #raw(view: Uint8Array): void {
    this.#room(view.length);
    this.#bytes.set(view, this.#end);
    this.#end += view.length;
  }

  #text(text: string | null): void {
    if (text === null) {
      this.#uint32(nullLength);
      return;
    }
    if (text.length <= shortTextLengthMax && this.#shortText(text)) return;
    const most = text.length * 3 > this.#textLeft ? Math.floor(this.#textLeft / 3) : text.length;
    const kept = most < text.length && Buffer.byteLength(text) > this.#textLeft ? text.slice(0, most) : text;
    this.#room(4 + kept.length * 3);
    const isUtf8 = kept.isWellFormed();
    // UTF-8 has no form for a lone surrogate, and a record must not change what was sent (A-REC-02).
    const written = this.#bytes.write(kept, this.#end + 4, isUtf8 ? 'utf8' : 'utf16le');
    this.#bytes.writeUInt32BE(isUtf8 ? written : (written | utf16Flag) >>> 0, this.#end);
    this.#end += 4 + written;
    this.#textLeft -= written;
  }

  /** Names and types of columns, outcomes, tags: two calls into the runtime each cost more than the bytes. False where not all of it is ASCII. */
  #shortText(text: string): boolean {
    const { length } = text;
    if (length > this.#textLeft) return false;
    this.#room(4 + length);
    const bytes = this.#bytes;
    const start = this.#end + 4;
    for (let at = 0; at < length; at++) {
      const unit = text.charCodeAt(at);
      if (unit > 0x7f) return false;
      bytes[start + at] = unit;
    }
    this.#put32(length, this.#end);
    this.#end = start + length;
    this.#textLeft -= length;
    return true;
  }

  #room(bytes: number): void {
    const need = this.#end + bytes;
    if (need <= this.#bytes.length) return;
    const grown = Buffer.from(new ArrayBuffer(Math.max(need, this.#bytes.length * 2)));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
  }
}

/** Reads the entries of one uncompressed chunk. Buffers in them are views of `raw`. Throws `recording.unreadable`. */
export function decodeEntries(raw: Buffer, baseAtMs: number, count: number): RecordedEntry[] {
  const decoder = new EntryDecoder(raw);
  const entries: RecordedEntry[] = [];
  for (let index = 0; index < count; index++) entries.push(decoder.entry(baseAtMs));
  decoder.expectEnd();
  return entries;
}

class EntryDecoder {
  readonly #raw: Buffer;
  #at = 0;
  #end: number;

  constructor(raw: Buffer) {
    this.#raw = raw;
    this.#end = raw.length;
  }

  expectEnd(): void {
    if (this.#at !== this.#end) this.#refuse();
  }

  entry(baseAtMs: number): RecordedEntry {
    const type = this.#uint8();
    const length = this.#uint32();
    const at = baseAtMs + this.#raw.readInt32BE(this.#advance(4));
    const outer = this.#end;
    if (this.#at + length > outer) this.#refuse();
    this.#end = this.#at + length;
    const entry = this.#body(type);
    this.expectEnd();
    this.#end = outer;
    return { ...entry, at };
  }

  #body(type: number): RecordingEntry {
    switch (type) {
      case types.command: {
        const command = this.#uint32();
        const of = this.#uint32();
        return {
          type: 'command',
          command,
          of: of === 0 ? null : of,
          kind: this.#textNotNull(),
          verb: this.#textNotNull(),
          text: this.#textNotNull(),
          parameters: this.#parameters(),
        };
      }
      case types.columns: {
        const command = this.#uint32();
        return { type: 'columns', command, columns: this.#list(9, () => this.#column()) };
      }
      case types.rows:
        return { type: 'rows', command: this.#uint32(), count: this.#uint32(), data: this.#rest() };
      case types.data: {
        const command = this.#uint32();
        return { type: 'data', command, direction: this.#uint8() === 1 ? 'out' : 'in', data: this.#rest() };
      }
      case types.terminal:
        return {
          type: 'terminal',
          command: this.#uint32(),
          columns: this.#uint32(),
          rows: this.#uint32(),
          term: this.#text(),
        };
      case types.screen: {
        const command = this.#uint32();
        return { type: 'screen', command, direction: this.#uint8() === 1 ? 'out' : 'in', data: this.#rest() };
      }
      case types.head: {
        const command = this.#uint32();
        const flags = this.#uint8();
        const status = this.#uint32();
        return {
          type: 'head',
          command,
          direction: (flags & 1) === 1 ? 'out' : 'in',
          trailers: (flags & 2) === 2,
          status: status === 0 ? null : status,
          fields: this.#list(8, () => [this.#textNotNull(), this.#textNotNull()] as const),
        };
      }
      case types.omitted:
      case types.omittedOneWay:
        return {
          type: 'omitted',
          command: this.#uint32(),
          ...(type === types.omitted ? {} : { direction: this.#uint8() === 1 ? 'out' : 'in' }),
          rows: this.#number(),
          bytes: this.#number(),
          digest: this.#textNotNull(),
        };
      case types.message:
        return this.#message();
      case types.completed:
        return {
          type: 'completed',
          command: this.#uint32(),
          outcome: this.#textNotNull(),
          tag: this.#text(),
          rows: this.#number(),
          bytes: this.#number(),
          durationMs: this.#number(),
        };
      default:
        return this.#refuse();
    }
  }

  #message(): RecordingEntry {
    const command = this.#uint32();
    const level = levels[this.#uint8()];
    if (level === undefined) return this.#refuse();
    return {
      type: 'message',
      command: command === nullLength ? null : command,
      level,
      code: this.#text(),
      text: this.#textNotNull(),
      fields: Object.fromEntries(this.#list(8, () => [this.#textNotNull(), this.#textNotNull()] as const)),
    };
  }

  #column(): Column {
    return { name: this.#textNotNull(), type: this.#textNotNull(), format: this.#uint8() === 1 ? 'binary' : 'text' };
  }

  #parameters(): readonly Parameter[] | null {
    if (this.#raw.readUInt32BE(this.#peek(4)) === nullLength) {
      this.#advance(4);
      return null;
    }
    return this.#list(20, () => {
      const parameter = { type: this.#text(), value: this.#text(), bytes: this.#number() };
      const digest = this.#text();
      return digest === null ? parameter : { ...parameter, digest };
    });
  }

  /** A counted list whose items take at least `itemBytesMin` each, so that a count cannot promise more than is there. */
  #list<T>(itemBytesMin: number, read: () => T): T[] {
    const count = this.#uint32();
    if (count > (this.#end - this.#at) / itemBytesMin) this.#refuse();
    return Array.from({ length: count }, read);
  }

  #uint8(): number {
    return this.#raw[this.#advance(1)]!;
  }
  #uint32(): number {
    return this.#raw.readUInt32BE(this.#advance(4));
  }
  #number(): number {
    return this.#raw.readDoubleBE(this.#advance(8));
  }
  #rest(): Buffer {
    return this.#raw.subarray(this.#advance(this.#end - this.#at), this.#end);
  }

  #text(): string | null {
    const length = this.#uint32();
    if (length === nullLength) return null;
    const size = length & 0x7fffffff;
    const at = this.#advance(size);
    return this.#raw.toString(length >= utf16Flag ? 'utf16le' : 'utf8', at, at + size);
  }

  #textNotNull(): string {
    return this.#text() ?? this.#refuse();
  }

  #peek(bytes: number): number {
    if (this.#at + bytes > this.#end) this.#refuse();
    return this.#at;
  }

  #advance(bytes: number): number {
    const at = this.#peek(bytes);
    this.#at += bytes;
    return at;
  }

  #refuse(): never {
    throw recordingErrors('recording.unreadable', { values: { problem: 'an entry is damaged' } });
  }
}
