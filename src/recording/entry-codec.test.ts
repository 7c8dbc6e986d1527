import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordingEntry } from '../core/recording.ts';
import { BlockEncoder, decodeEntries } from './entry-codec.ts';
import { random, seed } from './fixtures/kit.ts';
import * as limits from './limits.ts';

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.constant('\ud800x\udc00'));
const size = fc.nat(2 ** 31);
const data = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const nullable = fc.option(text, { nil: null });
const parameter = fc.oneof(
  fc.record({ type: nullable, value: nullable, bytes: size }),
  fc.record({ type: nullable, value: nullable, bytes: size, digest: fc.constant('ab'.repeat(32)) }),
);
const command = fc.integer({ min: 1, max: 2 ** 31 });
const entry: fc.Arbitrary<RecordingEntry> = fc.oneof(
  fc.record({
    type: fc.constant('command' as const),
    command,
    kind: text,
    verb: text,
    text,
    parameters: fc.option(fc.array(parameter), { nil: null }),
    of: fc.option(command, { nil: null }),
  }),
  fc.record({
    type: fc.constant('columns' as const),
    command,
    columns: fc.array(
      fc.record({ name: text, type: text, format: fc.constantFrom('text' as const, 'binary' as const) }),
    ),
  }),
  fc.record({ type: fc.constant('rows' as const), command, count: size, data }),
  fc.record({
    type: fc.constant('data' as const),
    command,
    direction: fc.constantFrom('in' as const, 'out' as const),
    data,
  }),
  fc.record({ type: fc.constant('omitted' as const), command, rows: size, bytes: size, digest: text }),
  fc.record({
    type: fc.constant('omitted' as const),
    command,
    direction: fc.constantFrom('in' as const, 'out' as const),
    rows: size,
    bytes: size,
    digest: text,
  }),
  fc.record({ type: fc.constant('terminal' as const), command, columns: size, rows: size, term: nullable }),
  fc.record({
    type: fc.constant('head' as const),
    command,
    direction: fc.constantFrom('in' as const, 'out' as const),
    status: fc.option(fc.integer({ min: 100, max: 999 }), { nil: null }),
    trailers: fc.boolean(),
    fields: fc.array(fc.tuple(text, text)),
  }),
  fc.record({
    type: fc.constant('screen' as const),
    command,
    direction: fc.constantFrom('in' as const, 'out' as const),
    data,
  }),
  fc.record({
    type: fc.constant('message' as const),
    command: fc.option(command, { nil: null }),
    level: fc.constantFrom('error' as const, 'notice' as const, 'notification' as const, 'gateway' as const),
    code: nullable,
    text,
    fields: fc.dictionary(
      fc.string({ minLength: 1 }).filter((name) => name !== '__proto__'),
      text,
    ),
  }),
  fc.record({
    type: fc.constant('completed' as const),
    command,
    outcome: text,
    tag: nullable,
    rows: size,
    bytes: size,
    durationMs: fc.double({ noNaN: true }),
  }),
);

const encode = (entries: readonly RecordingEntry[]): BlockEncoder => {
  const block = new BlockEncoder(new ArrayBuffer(16), 1000, 0);
  for (const [index, each] of entries.entries()) block.add(each, 1000 + index - 2);
  return block;
};

test('entries come back as they were, lone surrogates included (A-REC-02)', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
      const block = encode(entries);
      const decoded = decodeEntries(Buffer.from(block.memory, 0, block.length), 1000, block.entries);
      expect(decoded.map((each) => ({ ...each, fields: undefined }))).toEqual(
        entries.map((each, index) => ({ ...each, at: 998 + index, fields: undefined })),
      );
    }),
    { seed, numRuns: 300 },
  );
});

test('changed bytes are decoded to something or refused, never anything else', () => {
  const next = random(seed);
  const sample = fc.sample(entry, { seed, numRuns: 50 });
  const block = encode(sample);
  const whole = Buffer.from(block.memory, 0, block.length);
  for (let round = 0; round < 2000; round++) {
    const changed = Buffer.from(whole.subarray(0, next() < 0.5 ? whole.length : Math.floor(next() * whole.length)));
    for (let flips = Math.floor(next() * 4); flips >= 0 && changed.length > 0; flips--) {
      changed[Math.floor(next() * changed.length)] = Math.floor(next() * 256);
    }
    try {
      decodeEntries(changed, 0, block.entries);
    } catch (error) {
      expect(error, `seed ${seed} round ${round}`).toMatchObject({ code: 'recording.unreadable' });
    }
  }
});

test('text past the limit of an entry is cut, at the limit it is whole', () => {
  const message = (text: string): RecordingEntry => ({
    type: 'message',
    command: null,
    level: 'error',
    code: null,
    text,
    fields: { a: 'b' },
  });
  const read = (entry: RecordingEntry): number => {
    const block = encode([entry]);
    const [back] = decodeEntries(Buffer.from(block.memory, 0, block.length), 0, 1);
    return back?.type === 'message' ? back.text.length : -1;
  };
  expect(read(message('x'.repeat(limits.entryTextBytesMax)))).toBe(limits.entryTextBytesMax);
  expect(read(message('x'.repeat(limits.entryTextBytesMax + 1)))).toBeLessThan(limits.entryTextBytesMax);
});

test('short texts and those one past, with and without what is not ASCII, come back as they were (A-REC-02)', () => {
  for (const length of [0, 1, 23, 24, 25, 26]) {
    for (const last of ['x', '\u007f', '\u0080', 'é', '€', '\ud800', '\u0000']) {
      const tag = length === 0 ? '' : 'x'.repeat(length - 1) + last;
      const given = { command: 0xffffffff, outcome: 'completed', tag, rows: 1, bytes: 2, durationMs: 3 } as const;
      const block = encode([{ type: 'completed', ...given }]);
      const [back] = decodeEntries(Buffer.from(block.memory, 0, block.length), 0, 1);
      expect(back).toMatchObject(given);
    }
  }
});

test('a number that does not fit its field is refused, never wrapped', () => {
  for (const command of [-1, 0x1_0000_0000, 1.5, Number.NaN]) {
    expect(() => encode([{ type: 'columns', command, columns: [] }])).toThrow(RangeError);
  }
});
