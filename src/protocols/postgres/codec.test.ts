import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../base/errors.ts';
import { backendMessages, frontendMessages, MessageReader, type MessageTable } from './codec.ts';
import * as limits from './limits.ts';
import * as messages from './messages.ts';

/** How many inputs each property tries; more in CI and by night. */
const runs = Number(process.env['SALLYPORT_FUZZ_RUNS'] ?? 200);

interface Read {
  readonly messages: { readonly type: number; readonly length: number; readonly bytes: string }[];
  readonly error: string | null;
  /** Bytes that wait, and whether a streamed message is open. */
  readonly waiting: number;
}

/** Reads chunks; the parts of a streamed message are joined, since they depend on where chunks were cut. */
function readAll(table: MessageTable, chunks: readonly Buffer[]): Read {
  const reader = new MessageReader(table);
  const list: { type: number; length: number; bytes: string }[] = [];
  let waiting = 0;
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      while (reader.advance()) {
        // Never past what was given. (Not by `expect`, which would take most of the time.)
        if (reader.start > reader.end || reader.end > reader.buffer.length) throw new Error('read past the end');
        const bytes = reader.buffer.toString('hex', reader.start, reader.end);
        if (reader.part === 'whole' || reader.part === 'first')
          list.push({ type: reader.type, length: reader.length, bytes });
        else list[list.length - 1]!.bytes += bytes;
        if (reader.part === 'whole' && reader.end - reader.start !== reader.length + 1) throw new Error('length');
      }
      waiting = reader.gatheredBytes;
    }
    return { messages: list, error: null, waiting: reader.inMessage ? -1 : waiting };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.kind).toBe('protocol');
    // Dead for ever.
    expect(() => reader.push(Buffer.from('S\0\0\0\x04'))).toThrow(error);
    expect(() => reader.advance()).toThrow(error);
    expect(reader.gatheredBytes).toBe(0);
    return { messages: list, error: error.code, waiting: 0 };
  }
}

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes.length === 0 ? 1 : Math.max(1, sizes[index % sizes.length]!);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

const header = (type: string, length: number): Buffer => {
  const bytes = Buffer.from(`${type}\0\0\0\0`, 'latin1');
  bytes.writeUInt32BE(length, 1);
  return bytes;
};

const tables = { client: frontendMessages, server: backendMessages } as const;
type Side = keyof typeof tables;
const sides: readonly Side[] = ['client', 'server'];

const typesOf = (side: Side): string[] =>
  Array.from({ length: 256 }, (_, type) => type)
    .filter((type) => tables[side].lengthMax[type]! > 0)
    .map((type) => String.fromCharCode(type));

/** A stream of well-formed frames with a damaged one now and then. */
const stream = (side: Side) =>
  fc
    .array(
      fc.oneof(
        {
          weight: 8,
          arbitrary: fc
            .tuple(fc.constantFrom(...typesOf(side)), fc.uint8Array({ maxLength: 60 }))
            .map(([type, body]) => Buffer.concat([header(type, body.length + 4), body])),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(fc.constantFrom('d', ...(side === 'server' ? ['D'] : [])), fc.integer({ min: -3, max: 3 }))
            .map(([type, off]) =>
              Buffer.concat([
                header(type, limits.streamThresholdBytes + off),
                Buffer.alloc(limits.streamThresholdBytes + off - 4, 's'),
              ]),
            ),
        },
        {
          weight: 1,
          arbitrary: fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 12 })).map(([bytes]) => Buffer.from(bytes)),
        },
      ),
      { maxLength: 12 },
    )
    .map((parts) => Buffer.concat(parts));

describe.each(sides)('messages of the %s', (side) => {
  const table = tables[side];

  test('the result does not depend on where chunks were cut', () => {
    fc.assert(
      fc.property(stream(side), fc.array(fc.integer({ min: 1, max: 50_000 }), { maxLength: 6 }), (bytes, sizes) => {
        const whole = readAll(table, [bytes]);
        expect(readAll(table, cut(bytes, sizes))).toEqual(whole);
        if (bytes.length < 4096) expect(readAll(table, cut(bytes, [1]))).toEqual(whole);
      }),
      { numRuns: runs },
    );
  });

  test('any bytes end in messages, a wait or a protocol error', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
        (bytes, sizes) => {
          const { messages: list } = readAll(table, cut(Buffer.from(bytes), sizes));
          expect(list.reduce((sum, { bytes: hex }) => sum + hex.length / 2, 0)).toBeLessThanOrEqual(bytes.length);
        },
      ),
      { numRuns: runs },
    );
  });

  test.each(typesOf(side))('A-PG-09: type %s: lengths 0 to 3, the limit, one past it, 2³¹ and beyond', (type) => {
    const most = table.lengthMax[type.charCodeAt(0)]!;
    for (const length of [0, 1, 2, 3]) {
      expect(readAll(table, [header(type, length)]).error).toBe('postgres.message-length');
    }
    // Refused by the header alone: nothing was gathered, let alone allocated, for it.
    for (const length of [most + 1, 0x8000_0000, 0xffff_ffff]) {
      expect(readAll(table, [header(type, length)]).error).toBe('postgres.message-too-large');
      expect(readAll(table, cut(header(type, length), [1])).error).toBe('postgres.message-too-large');
    }
    const exact = readAll(table, [header(type, most)]);
    expect(exact.error).toBeNull();
    // What is streamed passes; what is not waits, holding the header only.
    expect(exact.waiting).toBe(table.streamed[type.charCodeAt(0)] === 1 ? -1 : 5);
    expect(readAll(table, [header(type, 4)]).messages).toHaveLength(1);
  });

  test('types that do not exist', () => {
    const known = new Set(typesOf(side));
    for (let type = 0; type < 256; type++) {
      if (known.has(String.fromCharCode(type))) continue;
      expect(readAll(table, [header(String.fromCharCode(type), 4)]).error).toBe('postgres.message-type');
    }
  });
});

test('A-PG-09: a message of exactly its limit is read whole', () => {
  const bytes = Buffer.concat([
    header('S', limits.smallMessageBytesMax),
    Buffer.alloc(limits.smallMessageBytesMax - 4),
  ]);
  const reader = new MessageReader(backendMessages);
  reader.push(bytes.subarray(0, 30_000));
  expect(reader.advance()).toBe(false);
  reader.push(bytes.subarray(30_000));
  expect(reader.advance()).toBe(true);
  expect(reader.end - reader.start).toBe(bytes.length);
});

test('whole messages are views of their chunk', () => {
  const chunk = Buffer.concat([messages.encodeSync(), messages.encodeQuery('SELECT 1')]);
  const reader = new MessageReader(frontendMessages);
  reader.push(chunk);
  while (reader.advance()) expect(reader.buffer).toBe(chunk);
});

test('A-PG-09: a long message in single bytes costs no buffer for each', () => {
  const size = 1024 * 1024;
  const reader = new MessageReader(frontendMessages);
  reader.push(header('Q', size + 4));
  expect(reader.advance()).toBe(false);
  const before = process.memoryUsage().arrayBuffers;
  const one = Buffer.alloc(64 * 1024, 'x');
  for (let at = 0; at < size - 1; at++) reader.push(Buffer.from(one.subarray(0, 1)));
  expect(reader.gatheredBytes).toBe(size + 4);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * size);
  expect(reader.advance()).toBe(false);
  reader.push(Buffer.from('\0'));
  expect(reader.advance()).toBe(true);
  expect(messages.decodeQuery(reader)).toBe('x'.repeat(size - 1));
});

describe('decoders', () => {
  /** Everything that is opened, by type. */
  const decoders: Readonly<Record<Side, Readonly<Record<string, ((view: messages.MessageView) => unknown)[]>>>> = {
    client: {
      p: [messages.decodePasswordMessage, messages.decodeSASLInitialResponse, messages.decodeSASLResponse],
      Q: [messages.decodeQuery],
      P: [messages.decodeParse],
      B: [messages.decodeBind],
      D: [messages.decodeDescribe],
      C: [messages.decodeClose],
      E: [messages.decodeExecute],
      f: [messages.decodeCopyFail],
      S: [messages.decodeEmpty],
    },
    server: {
      R: [messages.decodeAuthentication],
      S: [messages.decodeParameterStatus],
      K: [messages.decodeBackendKeyData],
      v: [messages.decodeNegotiateProtocolVersion],
      Z: [messages.decodeReadyForQuery],
      E: [messages.decodeErrorResponse],
      N: [messages.decodeNoticeResponse],
      T: [messages.decodeRowDescription],
      C: [messages.decodeCommandComplete],
      t: [messages.decodeParameterDescription],
      G: [messages.decodeCopyResponse],
      A: [messages.decodeNotificationResponse],
    },
  };

  function decodeAll(side: Side, bytes: Buffer): void {
    const reader = new MessageReader(tables[side]);
    try {
      reader.push(bytes);
      while (reader.advance()) {
        if (reader.part !== 'whole') continue;
        for (const decode of decoders[side][String.fromCharCode(reader.type)] ?? []) attempt(() => decode(reader));
      }
    } catch (error) {
      if (!(error instanceof GatewayError) || error.kind !== 'protocol') throw error;
    }
  }

  function attempt(decode: () => unknown): void {
    try {
      decode();
    } catch (error) {
      if (!(error instanceof GatewayError) || error.kind !== 'protocol') throw error;
    }
  }

  test.each(sides)('any body of the %s is decoded or refused', (side) => {
    // Small numbers and zeros make counts and lengths that nearly fit.
    const byte = fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 4 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(decoders[side])), fc.array(byte, { maxLength: 80 }), (type, body) => {
        decodeAll(side, Buffer.concat([header(type, body.length + 4), Buffer.from(body)]));
      }),
      { numRuns: runs * 5 },
    );
  });

  test('any packet of the start-up phase is decoded or refused', () => {
    const codes = [0x0003_0000, 0x0003_0002, 80877102, 80877103, 80877104];
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.uint8Array({ maxLength: 60 }), (code, body) => {
        const packet = Buffer.alloc(8 + body.length);
        packet.writeUInt32BE(packet.length);
        packet.writeUInt32BE(code, 4);
        packet.set(body, 8);
        attempt(() => messages.decodeStartupPacket(packet));
      }),
      { numRuns: runs * 5 },
    );
  });

  test('what was encoded is what is decoded', () => {
    const word = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .filter((text) => !text.includes('\0') && text.isWellFormed());
    const view = (buffer: Buffer): messages.MessageView => ({ buffer, start: 0, end: buffer.length });
    const oid = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(
        word,
        word,
        fc.array(oid, { maxLength: 8 }),
        fc.array(fc.option(fc.uint8Array({ maxLength: 30 }), { nil: null }), { maxLength: 8 }),
        (statement, text, parameterTypes, values) => {
          expect(messages.decodeQuery(view(messages.encodeQuery(text)))).toBe(text);
          const parse = { statement, text, parameterTypes };
          expect(messages.decodeParse(view(messages.encodeParse(parse)))).toEqual(parse);
          const buffer = Buffer.concat(values.map((value) => value ?? Buffer.alloc(0)));
          let at = 0;
          const parameters = Int32Array.from(
            values.flatMap((value) => {
              const pair = [at, value?.length ?? -1];
              at += value?.length ?? 0;
              return pair;
            }),
          );
          const bind = messages.decodeBind(
            view(
              messages.encodeBind({
                portal: text,
                statement,
                parameterFormats: [],
                parameters,
                resultFormats: [1],
                buffer,
              }),
            ),
          );
          const back = values.map((_, index) => {
            const size = bind.parameters[index * 2 + 1]!;
            return size < 0
              ? null
              : new Uint8Array(bind.buffer.subarray(bind.parameters[index * 2]!, bind.parameters[index * 2]! + size));
          });
          expect(back).toEqual(values);
        },
      ),
      { numRuns: runs },
    );
  });

  const corpus = new URL('./corpus/', import.meta.url);
  const seeds = readdirSync(corpus).filter((name) => name.endsWith('.bin'));

  test('there is a corpus', () => {
    expect(seeds.length).toBeGreaterThan(10);
  });

  test.each(seeds)('corpus: %s, whole, byte by byte, and with each byte changed', (name) => {
    const seed = readFileSync(new URL(name, corpus));
    if (name.startsWith('startup-')) {
      attempt(() => messages.decodeStartupPacket(seed));
      return;
    }
    const side: Side = name.startsWith('client-') ? 'client' : 'server';
    expect(readAll(tables[side], cut(seed, [1]))).toEqual(readAll(tables[side], [seed]));
    decodeAll(side, seed);
    for (let index = 0; index < Math.min(seed.length, 512); index++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(seed);
        changed[index]! ^= flip;
        decodeAll(side, changed);
      }
    }
  });
});
