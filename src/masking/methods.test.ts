/** Methods on every type: what comes back is valid text of the type and tells nothing but what the method keeps. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ValueType, valueTypes } from '../core/masking.ts';
import type { MaskMethod } from '../core/rules.ts';
import { Keyed, luhnDigit, passesLuhn } from './keyed.ts';
import * as limits from './limits.ts';
import { apply, cell, columnMask, hashKey, maskSet } from './testing.ts';

const methods: readonly MaskMethod[] = ['redact', 'null', 'hash', 'format-preserving', { partial: { last: 4 } }];

const samples: Readonly<Record<ValueType, readonly string[]>> = {
  text: ['', 'x', 'Alice', '4111 1111 1111 1111', 'Ünïcödé 漢字', 'a'.repeat(10_000)],
  integer: ['0', '-1', '32767', '-32768', '2147483647', '-2147483648', '9223372036854775807', '4111111111111111'],
  decimal: ['0', '0.00', '-12.345', '123456789012345678901234567890.5', 'NaN', 'Infinity', '1e+20'],
  float: ['0', '-0.5', '1e-300', 'NaN', 'Infinity', '3.4028235e+38'],
  boolean: ['t', 'f'],
  date: ['2024-02-29', '0044-03-15 BC', 'infinity'],
  time: ['12:34:56.789', '12:34:56+02'],
  timestamp: ['2024-02-29 12:34:56', '2024-02-29 12:34:56.789+00', '-infinity'],
  interval: ['1 day', '-00:00:01'],
  uuid: ['550e8400-e29b-41d4-a716-446655440000'],
  json: ['{"a":1}', '"x"', 'null', '[1,2]', '4111111111111111'],
  bytes: ['\\x', '\\x00ff', '\\xdeadbeef'],
  address: ['10.1.2.3', '10.0.0.0/8', 'fe80::1', '2001:db8::/32', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05'],
  other: ['{1,2}', '(1,2)'],
};

const valid: Readonly<Record<ValueType, RegExp>> = {
  text: /^[\s\S]*$/,
  integer: /^-?(?:0|[1-9]\d*)$/,
  decimal: /^-?\d+(?:\.\d+)?$/,
  float: /^\d+$/,
  boolean: /^[tf]$/,
  date: /^\d{4}-\d{2}-\d{2}$/,
  time: /^\d{2}:\d{2}:\d{2}(?:\+00)?$/,
  timestamp: /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\+00)?$/,
  interval: /^00:00:00$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  json: /^"[^"\\]*"$/,
  bytes: /^\\x(?:[0-9a-f]{2})*$/,
  address: /^[0-9a-f.:/]+$/,
  other: /^$/,
};

/** Inclusive bounds of the types that hold integers. */
const bounds = [32_768n, 2_147_483_648n, 9_223_372_036_854_775_808n];

describe.each(methods.map((method) => [typeof method === 'string' ? method : 'partial', method] as const))(
  '%s',
  (name, method) => {
    const mask = columnMask(method);

    it.each(valueTypes)('gives valid %s', (type) => {
      for (const sample of samples[type]) {
        const out = apply(mask, sample, cell(type));
        if (name === 'null' || type === 'boolean' || type === 'other') expect(out, sample).toBeNull();
        else expect(out, sample).toMatch(valid[type]);
        if (type === 'integer' && out !== null) {
          const [before, after] = [BigInt(sample), BigInt(out)];
          const bound = bounds.find((most) => before < most && before >= -most)!;
          expect(after < bound && after >= -bound, `${sample} → ${out}`).toBe(true);
        }
        if (type === 'date' || type === 'timestamp') {
          if (out !== null) expect(Number.isNaN(Date.parse(out.replace('+00', 'Z'))), out).toBe(false);
        }
      }
    });

    it('is the same for the same value, and other for another mask or key where it is keyed', () => {
      const set = maskSet({ columns: ['s.t.c'], with: method }, { columns: ['s.t.d'], with: method });
      const [one, other] = [set.column('s', 't', 'c')!, set.column('s', 't', 'd')!];
      const value = '4111 1111 1111 1111';
      expect(apply(one, value)).toBe(apply(one, value));
      if (name === 'hash' || name === 'format-preserving') expect(apply(one, value)).not.toBe(apply(other, value));
      else expect(apply(one, value)).toBe(apply(other, value));
    });

    it('never throws on anything, and keeps within the column’s width', () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 60 }),
          fc.constantFrom(...valueTypes),
          fc.nat(12),
          (bytes, type, width) => {
            const out = mask.apply(Buffer.from(bytes), cell(type, 'c', width));
            if (type === 'text' && out !== null) expect([...out.toString()].length).toBeLessThanOrEqual(width);
          },
        ),
        { seed: 3, numRuns: 2000 },
      );
    });
  },
);

describe('idempotence', () => {
  it.each(['redact', 'null', { partial: { last: 4 } }, { partial: { first: 2, last: 2 } }] as const)('%j', (method) => {
    const mask = columnMask(method);
    for (const type of valueTypes) {
      for (const sample of samples[type]) {
        const once = mask.apply(Buffer.from(sample), cell(type));
        if (once === null) continue;
        const twice = mask.apply(once, cell(type))!;
        // Of the last digits of a number, half are hidden again.
        if (typeof method === 'string' || (type !== 'integer' && type !== 'decimal' && type !== 'uuid')) {
          expect(twice.equals(once), `${type} ${sample}`).toBe(true);
        }
      }
    }
  });
});

describe('width (A-MSK-04)', () => {
  it.each(['redact', 'hash', { partial: { last: 4 } }] as const)('%j tells nothing of the length', (method) => {
    const mask = columnMask(method);
    const lengths = new Set(
      ['a'.repeat(20), 'b'.repeat(200), 'c'.repeat(2000)].map((text) => apply(mask, text)?.length),
    );
    expect(lengths.size).toBe(1);
  });

  it('partial hides at least half of the letters and digits', () => {
    const mask = columnMask({ partial: { first: 2, last: 2 } });
    expect(apply(mask, '12345678')).toBe('12********78');
    expect(apply(mask, '1-2-3-4-5-6-7-8')).toBe('12********78');
    expect(apply(mask, '1234567')).toBe('[redacted]');
    expect(apply(mask, '----------')).toBe('[redacted]');
    expect(apply(mask, '12345678', cell('text', 'c', 6))).toBe('12**78');
    expect(apply(mask, '12345678', cell('text', 'c', 4))).toBe('****');
    expect(apply(columnMask({ partial: { first: 1 } }), 'Zoë')).toBe('Z********');
  });

  it('partial keeps the last digits of numbers and the ends of UUIDs', () => {
    const mask = columnMask({ partial: { last: 4 } });
    expect(apply(mask, '4111111111111234', cell('integer'))).toBe('1234');
    expect(apply(mask, '1234567', cell('integer'))).toBe('0');
    expect(apply(mask, '4111111111110012', cell('integer'))).toBe('12');
    expect(apply(mask, samples.uuid[0]!, cell('uuid'))).toBe('00000000-0000-0000-0000-000000000000');
    expect(apply(mask, '550e8400-e29b-41d4-a716-44665544abcd', cell('uuid'))).toBe(
      '00000000-0000-0000-0000-00000000abcd',
    );
  });
});

describe('long values (A-MSK-01)', () => {
  it('are redacted where keeping their format would cost too much', () => {
    const mask = columnMask('format-preserving');
    expect(apply(mask, 'a'.repeat(limits.preservedCharactersMax))).toHaveLength(limits.preservedCharactersMax);
    expect(apply(mask, 'a'.repeat(limits.preservedCharactersMax + 1))).toBe('[redacted]');
  });

  it('leave a partial mask what stands near their ends', () => {
    const mask = columnMask({ partial: { first: 2, last: 2 } });
    expect(apply(mask, `ab${'x'.repeat(1_000_000)}cd`)).toBe('ab********cd');
    expect(apply(mask, `${'-'.repeat(limits.partialSearchCharacters)}abcdefgh${'-'.repeat(1_000_000)}`)).toBe(
      '[redacted]',
    );
  });
});

describe('format-preserving', () => {
  const mask = columnMask('format-preserving');
  const keyed = new Keyed(hashKey, 'test');

  it('keeps layout, case and the Luhn digit, and changes the rest', () => {
    const out = apply(mask, '4111-1111-1111-1111')!;
    expect(out).toMatch(/^\d{4}-\d{4}-\d{4}-\d{4}$/);
    expect(out).not.toBe('4111-1111-1111-1111');
    expect(passesLuhn(out.replaceAll('-', ''))).toBe(true);
    expect(apply(mask, '4111 1111 1111 1111')?.replace(/\D/g, '')).toBe(out.replace(/\D/g, ''));
    expect(apply(mask, 'Alice Müller 12')).toMatch(/^[A-Z][a-z]{4} [A-Z]x[a-z]{4} \d\d$/);
    expect(apply(mask, '4111111111111111', cell('integer'))).toMatch(/^[1-9]\d{15}$/);
    expect(apply(mask, '-12.50', cell('decimal'))).toMatch(/^-[1-9]\d\.\d\d$/);
  });

  it.each([1, 2, 3])('permutes the numbers of %i digits', (size) => {
    const seen = new Set<string>();
    for (let number = 0; number < 10 ** size; number++) {
      seen.add(keyed.permuteDigits(String(number).padStart(size, '0')));
    }
    expect(seen.size).toBe(10 ** size);
    for (const text of seen) expect(text).toMatch(new RegExp(`^\\d{${size}}$`));
  });

  it('computes HMAC-SHA-256 as everybody does', () => {
    for (const key of [Buffer.alloc(32, 7), Buffer.alloc(100, 9)]) {
      const own = createHmac('sha256', key).update('sallyport mask 1\0label').digest();
      const expected = createHmac('sha256', own).update('purpose\0').update('value').digest();
      expect(new Keyed(key, 'label').digest('purpose', 'value').equals(expected)).toBe(true);
    }
  });

  it('permutes without meeting, at lengths that are too many to count', () => {
    for (const size of [4, 9, 16, 19, 20, 37, 38]) {
      const seen = new Set<string>();
      for (let number = 0; number < 2000; number++) seen.add(keyed.permuteDigits(String(number).padStart(size, '0')));
      expect(seen.size, String(size)).toBe(2000);
    }
  });

  it('keeps the number of digits at every length', () => {
    for (let size = 0; size <= 60; size++) expect(keyed.permuteDigits('7'.repeat(size))).toHaveLength(size);
    expect(keyed.preserveFormat('x'.repeat(100_000))).toHaveLength(100_000);
  });

  it('computes the Luhn digit', () => {
    expect(luhnDigit('411111111111111')).toBe('1');
    expect(luhnDigit('37828224631000')).toBe('5');
  });
});

describe('hash', () => {
  const mask = columnMask('hash');

  it('spells fixed widths', () => {
    expect(apply(mask, 'Alice')).toMatch(/^[0-9a-f]{32}$/);
    expect(apply(mask, 'Alice', cell('text', 'c', 12))).toMatch(/^[0-9a-f]{12}$/);
    expect(apply(mask, '\\x00', cell('bytes'))).toMatch(/^\\x[0-9a-f]{64}$/);
    expect(apply(mask, samples.uuid[0]!, cell('uuid'))).toMatch(/^.{14}8.{4}[89ab]/);
    expect(apply(mask, '10.1.2.3', cell('address'))).toMatch(/^10\.\d+\.\d+\.\d+$/);
    expect(apply(mask, '2001:db8::/32', cell('address'))).toMatch(/^fd00(?::[0-9a-f]{4}){7}\/128$/);
    expect(apply(mask, '08:00:2b:01:02:03', cell('address'))).toMatch(/^.2(?::..){5}$/);
  });

  it('gives equal numbers equal hashes across integer columns', () => {
    expect(apply(mask, '4711', cell('integer'))).toBe(apply(mask, '4711', cell('integer', 'other')));
    expect(apply(mask, '4711', cell('integer'))).not.toBe(apply(mask, '4712', cell('integer')));
  });
});
