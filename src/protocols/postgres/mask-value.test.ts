/** Values that a server would not send, literals, and covering in place. What comes in whole rows: mask-rows.test.ts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ValueMask } from '../../core/masking.ts';
import { fillOf } from './mask-fill.ts';
import { rewriteArray, rewriteMultirange, rewriteRange, rewriteRecord } from './mask-literal.ts';
import { RowMasker } from './mask-row.ts';
import { RowStream } from './mask-stream.ts';
import { detects, redacts } from './mask-testing.ts';
import { MaskedColumn, maskValue } from './mask-value.ts';
import * as m from './messages.ts';
import { Arena } from './output-arena.ts';
import { renderValue } from './values.ts';

const column = (mask: ValueMask, typeOid: number, isBinary = true): MaskedColumn =>
  new MaskedColumn({ mask, name: 'c', typeOid, typeModifier: -1, isBinary, tally: { rule: mask.rule, count: 0 } });

/** An array of one dimension. */
function arrayOf(type: number, items: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(20);
  head.writeInt32BE(1, 0);
  head.writeUInt32BE(type, 8);
  head.writeInt32BE(items.length, 12);
  head.writeInt32BE(1, 16);
  const parts = items.flatMap((item) => {
    const size = Buffer.alloc(4);
    size.writeInt32BE(item.length);
    return [size, item];
  });
  return Buffer.concat([head, ...parts]);
}

describe('binary values that are not understood become NULL (A-PG-21)', () => {
  test.each([
    ['an int4 of three bytes', 23, Buffer.alloc(3)],
    ['a jsonb of another version', 3802, Buffer.from('\x02{}')],
    ['an empty jsonb', 3802, Buffer.alloc(0)],
    ['an array cut short', 1009, arrayOf(25, [Buffer.from('secret')]).subarray(0, 26)],
    ['an array with something behind it', 1009, Buffer.concat([arrayOf(25, []), Buffer.from('secret')])],
    ['a range cut short', 3904, Buffer.from([2, 0, 0, 0])],
    ['a record that claims much', 2249, Buffer.from([0x7f, 0xff, 0xff, 0xff])],
    ['a numeric with a digit too large', 1700, Buffer.from('00010000000000007fff', 'hex')],
  ])('%s', (_, typeOid, value) => {
    expect(maskValue(column(redacts('m'), typeOid), value)).toBeNull();
    expect(maskValue(column(detects('d', 'nowhere'), typeOid), value)).toBeNull();
  });

  test('an unknown type is masked whole, and searched for what its bytes spell', () => {
    const found = column(detects('d', 'secret'), 90_000);
    const structured = Buffer.from('\0\0\0\x01secret\xff', 'latin1');
    expect(maskValue(column(redacts('m'), 90_000), structured)).toBeNull();
    expect(maskValue(found, structured)).toBeNull();
    expect(maskValue(found, Buffer.from('a secret'))!.toString()).toBe('a ******');
    const other = Buffer.from('\0\xfeopen', 'latin1');
    expect(maskValue(found, other)).toBe(other);
  });

  test('arrays and records of unknown types show by their structure', () => {
    const found = column(detects('d', 'secret'), 90_000);
    const list = arrayOf(25, [Buffer.from('secret'), Buffer.from('open')]);
    expect(renderValue(maskValue(found, list)!, 1009, 'binary')).toBe('{******,open}');
    const field = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 6]), Buffer.from('secret')]);
    expect(renderValue(maskValue(found, field)!, 2249, 'binary')).toBe('(******)');
  });

  test('A-MSK-01: values that spell much more than they are, and nesting without end, become NULL', () => {
    const huge = Buffer.from('00017fff000000000001', 'hex');
    expect(maskValue(column(detects('d', 'x'), 1231), arrayOf(1700, Array<Buffer>(2000).fill(huge)))).toBeNull();
    let value = arrayOf(25, [Buffer.from('secret')]);
    for (let depth = 0; depth < 100; depth++) value = arrayOf(1009, [value]);
    const now = maskValue(column(detects('d', 'secret'), 1009), value);
    expect(now?.includes('secret') ?? false).toBe(false);
  });
});

describe('literals', () => {
  const stars = (text: string): string => '*'.repeat(text.length);
  const same = (text: string): string => text;

  test.each([
    ['{a,"b c",NULL,"NULL","",{x}}', '{*,***,NULL,****,"",{*}}'],
    ['[0:1]={a,b}', '[0:1]={*,*}'],
    ['{"a\\"b","c\\\\d"}', '{***,***}'],
    ['{}', '{}'],
  ])('array %s', (text, masked) => {
    expect(rewriteArray(text, ',', stars)).toBe(masked);
    expect(rewriteArray(text, ',', same)).toBe(text);
  });

  test.each(['', '{', '{a', '{a}b', '{a,}', '{"a}', 'a', '{a"b}', '[1]={a}', '{{{{{{{a}}}}}}}', '{\\a}'])(
    '%j is no array',
    (text) => {
      expect(rewriteArray(text, ',', same)).toBeNull();
    },
  );

  test('records, ranges and multiranges', () => {
    expect(rewriteRecord('(a,"b ""c""",,"d\\\\e",)', stars)).toBe('(*,*****,,***,)');
    expect(rewriteRecord('()', stars)).toBe('()');
    for (const text of ['', '(', 'a', '(a', '(a)b', '("a', '(a"b)']) expect(rewriteRecord(text, same)).toBeNull();
    expect(rewriteRange('[1,"a b")', stars)).toBe('[*,***)');
    expect(rewriteRange('(,)', stars)).toBe('(,)');
    expect(rewriteRange('empty', stars)).toBe('empty');
    expect(rewriteRange('[1,2)', () => null)).toBe('[,)');
    for (const text of ['', '[1', '[1,2', '[1,2)x', '{1,2}', '[1)']) expect(rewriteRange(text, same)).toBeNull();
    expect(rewriteMultirange('{[1,2),(3,]}', stars)).toBe('{[*,*),(*,]}');
    expect(rewriteMultirange('{}', stars)).toBe('{}');
    for (const text of ['', '{[1,2)', '{[1,2),}', '[1,2)']) expect(rewriteMultirange(text, same)).toBeNull();
  });

  test('what an element becomes is quoted so that it is that element again', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const heard: string[] = [];
        const hear = (item: string): string => {
          heard.push(item);
          return item;
        };
        rewriteArray(rewriteArray('{x}', ',', () => text)!, ',', hear);
        rewriteRecord(rewriteRecord('(x)', () => text)!, hear);
        rewriteRange(rewriteRange('[x,y)', () => text)!, hear);
        expect(heard).toEqual([text, text, text, text]);
      }),
    );
  });
});

describe('covering in place', () => {
  test.each([
    [23, false, '-123', '0000'],
    [1082, false, '2024-05-06', '2000-01-01'],
    [1114, false, '2024-05-06 01:02:03', '2000-01-01 00:00:00'],
    [2950, false, '0f0e0d0c-0b0a-0908-0706-050403020100', '00000000-0000-0000-0000-000000000000'],
    [114, false, '{"a": 1}', '"******"'],
    [114, true, '7', '0'],
    [16, false, 't', 'f'],
    [17, false, '\\x0aff', '\\x0000'],
    [1007, false, '{1,2}', '{***}'],
    [90_000, false, 'happy', '*****'],
    [25, true, 'abc', '***'],
  ] as const)('type %i, binary %s: %s', (typeOid, isBinary, value, covered) => {
    const fill = fillOf(typeOid, isBinary, typeOid === 1007);
    for (let size = 1; size <= value.length; size++) {
      const bytes = Buffer.from(value);
      for (let at = 0; at < bytes.length; at += size) fill(bytes.subarray(at, at + size), at, bytes.length);
      expect(bytes.toString()).toBe(covered);
    }
  });

  test.each([
    [1700, '000200010000000304d2162e', '0'],
    [869, '022000040a010203', '0.0.0.0'],
    [3802, '017b7d', '""'],
    [20, '00000000000000ff', '0'],
    [2950, '0f0e0d0c0b0a09080706050403020100', '00000000-0000-0000-0000-000000000000'],
  ])('binary of type %i stays one', (typeOid, value, covered) => {
    const bytes = Buffer.from(value, 'hex');
    fillOf(typeOid, true, false)(bytes, 0, bytes.length);
    expect(renderValue(bytes, typeOid, 'binary').replace('0.000', '0')).toBe(covered);
  });

  test('a row in pieces keeps its length, and only its masked columns change', () => {
    const message = m.encodeDataRow(['12345', 'a secret b', null, 'open', 'secret', '']);
    const columns = [
      column(redacts('m'), 23, false),
      column(detects('d', 'secret'), 25, false),
      column(redacts('m'), 25, false),
      null,
      column(redacts('m'), 90_000, false),
      column(redacts('m'), 25, false),
    ];
    for (let size = 1; size <= message.length; size++) {
      const stream = new RowStream(new RowMasker(columns, () => []), message.length - 1);
      const out: Buffer[] = [];
      for (let at = 0; at < message.length; at += size) out.push(stream.push(message.subarray(at, at + size)));
      expect(Buffer.concat(out)).toEqual(m.encodeDataRow(['00000', 'a ****** b', null, 'open', '******', '']));
    }
  });

  test('rows whose lengths do not add up are refused', () => {
    const row = m.encodeDataRow(['abc', 'def']);
    const masker = new RowMasker([null, null], () => []);
    for (const [at, value] of [
      [7, 100],
      [14, 2],
      [14, 4],
    ] as const) {
      const broken = Buffer.from(row);
      broken.writeInt32BE(value, at);
      expect(() => masker.mask(broken, 0, broken.length, new Arena(), () => undefined)).toThrow();
      expect(() => new RowStream(masker, broken.length - 1).push(broken)).toThrow();
    }
    expect(() => masker.mask(row.subarray(0, 6), 0, 6, new Arena(), () => undefined)).toThrow();
  });
});
