/** Values that are too long to be held: same length, same result however they are cut, nothing passes at the limits. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ValueType, valueTypes } from '../core/masking.ts';
import * as limits from './limits.ts';
import { cell, columnMask, stream, valueMask } from './testing.ts';

const card = '4111111111111111';
const detecting = valueMask({ detect: ['pii', 'secret'] });
const window = limits.streamWindowBytes;

function filled(
  size: number,
  parts: readonly (readonly [at: number, text: string])[],
  filler = 'lorem ipsum dolor ',
): Buffer {
  const out = Buffer.from(filler.repeat(Math.ceil(size / filler.length)).slice(0, size));
  for (const [at, text] of parts) out.write(text, at, 'utf8');
  return out;
}

describe('column masks', () => {
  const mask = columnMask('redact');
  const run = (value: string, type: ValueType, size: number): string =>
    stream(mask, Buffer.from(value), cell(type), size).toString('latin1');

  it.each([1, 2, 3, 1000])('overwrite everything, in pieces of %i', (size) => {
    expect(run('Ünïcode', 'text', size)).toBe('*********');
    expect(run('{"a":"b"}', 'json', size)).toBe('"*******"');
    expect(run('42', 'json', size)).toBe('""');
    expect(run('4', 'json', size)).toBe('0');
    expect(run('', 'json', size)).toBe('');
    expect(run('\\xdeadbeef', 'bytes', size)).toBe('\\x00000000');
    expect(run('\\x', 'bytes', size)).toBe('\\x');
    expect(run('abc', 'bytes', size)).toBe('***');
    expect(run('a', 'bytes', size)).toBe('*');
    expect(run('-123.45e6', 'decimal', size)).toBe('-000.0000');
    expect(run('NaN', 'decimal', size)).toBe('000');
    expect(run('{1,2}', 'other', size)).toBe('*****');
  });

  it('keep the length whatever comes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.constantFrom(...valueTypes),
        fc.integer({ min: 1, max: 9 }),
        (bytes, type, size) => {
          for (const one of [mask, detecting]) {
            const out = stream(one, Buffer.from(bytes), cell(type), size);
            expect(out.length).toBe(bytes.length);
            expect(out.equals(stream(one, Buffer.from(bytes), cell(type), 1000))).toBe(true);
          }
        },
      ),
      { seed: 11, numRuns: 1500 },
    );
  });
});

describe('detection', () => {
  const size = window * 3 + 777;
  const certain = window - limits.streamOverlapBytes;
  const places = [0, 5000, certain - 8, certain + 40, window - 8, window + 40, certain * 2 - 3, size - card.length - 1];
  const value = filled(
    size,
    places.map(
      (at) => [at, ` ${card} `.slice(at === 0 ? 1 : 0, at === size - card.length - 1 ? -1 : undefined)] as const,
    ),
  );

  it('finds the same however the value is cut', () => {
    const whole = stream(detecting, value, cell(), size);
    expect(whole.length).toBe(value.length);
    expect(whole.toString()).not.toContain(card);
    expect(whole.toString().match(/\*{16}/g)).toHaveLength(places.length);
    expect(whole.toString().replace(/\*/g, '').length).toBe(size - places.length * 16);
    for (const piece of [1013, 8192, window - 1, window, window + 1]) {
      expect(stream(detecting, value, cell(), piece).equals(whole), String(piece)).toBe(true);
    }
  });

  it('leaves a value without findings as it is', () => {
    const clean = filled(size, [], 'grün ist die Heide, 漢字 ');
    expect(stream(detecting, clean, cell(), 4099).equals(clean)).toBe(true);
  });

  it('finds disguised cards across borders, and leaves UTF-8 valid (A-MSK-02)', () => {
    const wide = '４１１１１１１１１１１１１１１１';
    const parts = [certain - 20, window - 10].map((at) => Buffer.from('é '.repeat(at)).subarray(0, at - (at % 3)));
    for (const before of parts) {
      const text = Buffer.concat([
        Buffer.from('x '.repeat(before.length / 2)),
        Buffer.from(`${wide} `),
        filled(window, []),
      ]);
      const out = stream(detecting, text, cell(), 777).toString();
      expect(out).not.toContain('４');
      expect(out).toContain('*'.repeat(Buffer.byteLength(wide)));
      expect(out).not.toContain('\ufffd');
    }
  });

  it('masks the rest where a finding may go on beyond what is seen', () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(window * 2)}`;
    const text = Buffer.from(`${'x '.repeat(100)}${key} tail ${'y '.repeat(window)}`);
    const out = stream(detecting, text, cell(), 5000).toString();
    expect(out.slice(0, 200)).toBe('x '.repeat(100));
    expect(out.slice(200)).toBe('*'.repeat(text.length - 200));
  });

  it('masks the rest where a budget is spent (A-MSK-01)', () => {
    const own = valueMask({
      patterns: [
        { name: 'p', pattern: '(a|b)*a[ab]{50}b' },
        { name: 'q', pattern: 'needle' },
        { name: 'r', pattern: 'x' },
      ],
    });
    const text = filled(window * 2, [[window + 100, 'needle']]);
    const out = stream(own, text, cell(), 4096).toString();
    expect(out).not.toContain('needle');
    expect(out.length).toBe(text.length);
  });

  it.each([1, 1021, 40_000, 1_000_000])('keeps JSON valid, in pieces of %i', (piece) => {
    if (piece === 1) return;
    const rows = Array.from({ length: 3000 }, (_, index) => ({
      id: index,
      card: index % 7 === 0 ? card : 'none',
      number: index % 11 === 0 ? Number(card) : index / 8,
      note: `a "quoted" \\ line\nwith ${index % 5 === 0 ? 'jo@example.com' : 'nothing'}`,
      escaped: '§',
    }));
    const text = JSON.stringify(rows).replaceAll('§', '\\u0034111111111111\\u0031\\u00311');
    expect(text.length).toBeGreaterThan(window * 4);
    const out = stream(detecting, Buffer.from(text), cell('json'), piece).toString();
    expect(out.length).toBe(text.length);
    expect(out).not.toContain(card);
    expect(out).not.toContain('jo@example');
    const read = JSON.parse(out) as typeof rows;
    expect(read.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    expect(read[7]!.card).toBe('x'.repeat(16));
    expect(read[11]!.number).toBe(1_111_111_111_111_111);
    expect(read[1]!.note).toBe(rows[1]!.note);
    expect(read.every(({ escaped }) => /^x+$/.test(escaped))).toBe(true);
  });

  it.each([7, 1021, 1_000_000])('looks through bytes, in pieces of %i', (piece) => {
    const text = filled(window + 5000, [
      [100, ` ${card} `],
      [window - 3, ` ${card} `],
    ]);
    const value = Buffer.from(`\\x${text.toString('hex')}`);
    const out = stream(detecting, value, cell('bytes'), piece).toString();
    expect(out.length).toBe(value.length);
    const bytes = Buffer.from(out.slice(2), 'hex').toString();
    expect(bytes).not.toContain(card);
    expect(bytes.match(/\*{16}/g)).toHaveLength(2);
    expect(stream(detecting, Buffer.from('\\x414'), cell('bytes'), piece).toString()).toBe('\\x410');
    expect(stream(detecting, Buffer.from('\\x41zz41'), cell('bytes'), piece).toString()).toHaveLength(8);
  });
});
