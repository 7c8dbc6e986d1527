/** The detecting mask on every type, its budgets, and what never happens. */
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { valueTypes } from '../core/masking.ts';
import type { MaskMethod } from '../core/rules.ts';
import { detectorNames } from './detectors/table.ts';
import * as limits from './limits.ts';
import { Scanner } from './scanner.ts';
import { apply, cell, valueMask } from './testing.ts';
import { Work } from './work.ts';

const everything = { detect: ['pii', 'secret'] };
const mask = valueMask(everything);
const card = '4111111111111111';

describe('types', () => {
  it('finds cards in numbers and gives numbers back', () => {
    expect(apply(mask, card, cell('integer'))).toBe('0');
    expect(apply(mask, `${card}.00`, cell('decimal'))).toBe('0');
    expect(apply(mask, `${card}.50`, cell('decimal'))).toBe(`${card}.50`);
    expect(apply(mask, `-${card}`, cell('integer'))).toBe('0');
    expect(apply(mask, '123456789', cell('integer', 'ssn'))).toBe('0');
    expect(apply(valueMask({ ...everything, with: { partial: { last: 4 } } }), card, cell('integer'))).toBe('1111');
    expect(apply(valueMask({ ...everything, with: 'null' }), card, cell('integer'))).toBeNull();
    const preserved = apply(valueMask({ ...everything, with: 'format-preserving' }), card, cell('integer'));
    expect(preserved).toMatch(/^[1-9]\d{15}$/);
  });

  it('looks through JSON and keeps it valid, types included', () => {
    const document = {
      card,
      number: 1.5,
      list: [`x ${card}`, null, true, 'a\nb "c"'],
      ssn: '123456789',
      deep: { ssn: 123456789 },
    };
    const out = apply(mask, JSON.stringify(document), cell('json', 'doc'));
    expect(JSON.parse(out!)).toEqual({
      card: '[redacted]',
      number: 1.5,
      list: ['x [redacted]', null, true, 'a\nb "c"'],
      ssn: '[redacted]',
      deep: { ssn: 0 },
    });
    expect(apply(mask, `{ "n" : ${card} , "x":1 }`, cell('json'))).toBe('{ "n" : 0 , "x":1 }');
    expect(apply(mask, '"4111\\u0031111\\u0031111 1111"'.replace(' ', ''), cell('json'))).toBe('"[redacted]"');
    expect(apply(mask, '{"k":"４１１１１１１１１１１１１１１１"}', cell('json'))).toBe('{"k":"[redacted]"}');
    expect(apply(mask, '{"a@example.com":1}', cell('json'))).toBe('{"[redacted]":1}');
    expect(apply(valueMask({ ...everything, with: 'null' }), `{"c":"${card}","n":${card}}`, cell('json'))).toBe(
      '{"c":null,"n":null}',
    );
  });

  it('masks JSON whole that it cannot read, or that is too deep', () => {
    for (const text of ['{', '{"a"}', '[1,]', '{"a":1,}', 'x', '"a', '1 2', '', '[', ']', '{"a":01}', '"\\x"', '[1}']) {
      if (text !== '') expect(apply(mask, text, cell('json')), text).toBe('"[redacted]"');
    }
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(apply(mask, nested(limits.jsonDepthMax), cell('json'))).toBe(nested(limits.jsonDepthMax));
    expect(apply(mask, nested(limits.jsonDepthMax + 1), cell('json'))).toBe('"[redacted]"');
  });

  it('looks through bytes that are text', () => {
    const hex = (text: string): string => `\\x${Buffer.from(text).toString('hex')}`;
    expect(apply(mask, hex(`card ${card}!`), cell('bytes'))).toBe(hex('card [redacted]!'));
    expect(apply(mask, hex('nothing'), cell('bytes'))).toBe(hex('nothing'));
    const binary = Buffer.concat([Buffer.from([0, 255, 254, 32]), Buffer.from(card), Buffer.from([200])]);
    const out = apply(mask, `\\x${binary.toString('hex')}`, cell('bytes'))!;
    expect(out).toBe(`\\x00fffe20${Buffer.from('[redacted]').toString('hex')}c8`);
  });

  it('masks dates that are named dates of birth, addresses, and what it cannot cut', () => {
    expect(apply(mask, '1980-05-17', cell('date', 'birth_date'))).toBe('1900-01-01');
    expect(apply(mask, '1980-05-17', cell('date', 'created'))).toBe('1980-05-17');
    expect(apply(mask, '1980-05-17 00:00:00+00', cell('timestamp', 'dob'))).toBe('1900-01-01 00:00:00+00');
    expect(apply(mask, '192.0.2.7/32', cell('address'))).toBe('0.0.0.0/32');
    expect(apply(mask, `{a,${card}}`, cell('other'))).toBeNull();
    expect(apply(mask, '{a,b}', cell('other'))).toBe('{a,b}');
    expect(apply(mask, card, cell('float'))).toBe('0');
    const pins = valueMask({ patterns: [{ name: 'pin', pattern: '^-?\\d{4}$' }] });
    expect(apply(pins, '1234', cell('integer'))).toBe('0');
    expect(apply(pins, '-1234', cell('integer'))).toBe('0');
    expect(apply(pins, '{"a":1234,"b":12345}', cell('json'))).toBe('{"a":0,"b":12345}');
    for (const type of ['boolean', 'uuid', 'time', 'interval'] as const) {
      expect(apply(mask, 'anything', cell(type))).toBe('anything');
    }
  });

  it('leaves UUIDs and times in text alone, unless their column says what they are', () => {
    const id = '41111111-1111-4111-8111-111111111111';
    expect(apply(mask, id)).toBe(id);
    expect(apply(mask, id, cell('text', 'access_token'))).toBe('[redacted]');
    expect(apply(mask, '1980-05-17 00:00:00+00', cell('text', 'created'))).toBe('1980-05-17 00:00:00+00');
    expect(apply(mask, '1980-05-17 00:00:00+00', cell('text', 'dob'))).toBe('[redacted] 00:00:00+00');
    expect(apply(valueMask({ patterns: [{ name: 'x', pattern: '8111' }] }), id)).toContain('[redacted]');
  });

  it('keeps within the column’s width', () => {
    expect(apply(mask, 'a@b.de', cell('text', 'mail', 6))).toBe('[redac');
    expect(apply(mask, card, cell('text', 'c', 19))).toBe('[redacted]');
  });

  it('keeps bytes that are no UTF-8 as they are around a finding', () => {
    const value = Buffer.concat([Buffer.from([0xff, 0xc3, 0x20]), Buffer.from(card), Buffer.from([0x20, 0x80])]);
    const out = mask.apply(value, cell())!;
    expect(out.toString('latin1')).toBe(`\xff\xc3 [redacted] \x80`);
  });
});

describe('methods on findings', () => {
  const methods: readonly (readonly [MaskMethod, RegExp])[] = [
    ['redact', /^call \[redacted\] or \[redacted\] now$/],
    ['hash', /^call \[credit_card:[a-p]{16}\] or \[email:[a-p]{16}\] now$/],
    [{ partial: { last: 4 } }, /^call \*{8}1111 or \*{8}ecom now$/],
    ['format-preserving', /^call \d{4} \d{4} \d{4} \d{4} or [a-z]{4}@[a-z]{7}\.[a-z]{3} now$/],
  ];

  it.each(methods)('%j', (method, expected) => {
    const own = valueMask({ ...everything, with: method });
    const text = 'call 4111 1111 1111 1111 or john@example.com now';
    expect(apply(own, text)).toMatch(expected);
    if (method === 'hash') expect(apply(own, `x ${card}`)?.slice(2)).toBe(apply(own, text)?.slice(5, 35));
  });

  it('null makes the whole value NULL', () => {
    expect(apply(valueMask({ ...everything, with: 'null' }), `x ${card}`)).toBeNull();
  });

  it('is idempotent where nothing is derived from the value', () => {
    const texts = [
      card,
      'password=Tr0ub4dor&3x',
      'ssn: 123456789',
      'jo@example.com',
      '+49 30 901820',
      '10.0.0.1',
      'born 1980-05-17',
    ];
    for (const method of ['redact', 'hash', { partial: { last: 4 } }] as const) {
      const own = valueMask({ ...everything, with: method });
      for (const text of texts) {
        const once = apply(own, text)!;
        expect(once).not.toBe(text);
        expect(apply(own, once), text).toBe(once);
      }
    }
  });
});

describe('budgets (A-MSK-01)', () => {
  const size = 1_000_000;
  const cells: Readonly<Record<string, string>> = {
    prose: 'the quick brown fox jumps over the lazy dog. ',
    a: 'a',
    dashes: '-',
    digits: '1',
    groups: '1 ',
    points: '1.',
    colons: 'a:',
    ats: 'a@',
    dotted: 'a.@',
    cards: `${card} `,
    phones: '+49 30 901820 ',
    tokens: 'eyJaaaaaaaa.',
    assignments: 'password=',
    urls: 'http://a:',
    keys: '-----BEGIN PRIVATE KEY-----',
    mixed: 'AB12CD34',
    ibans: 'DE89 ',
    months: 'born jan 1 ',
    foreign: 'é漢字',
    wide: '４',
    marks: '\u0301',
    quotes: '\\"',
  };

  it.each(Object.entries(cells))('a cell of %s ends within its work, whatever its type and name', (_name, piece) => {
    const text = piece.repeat(Math.ceil(size / piece.length)).slice(0, size);
    for (const column of ['note', 'password', 'ssn']) {
      const work = new Work();
      new Scanner(new Set(detectorNames), []).scan(text, column, work);
      expect(work.refusals).toBeLessThan(50);
    }
    for (const type of ['text', 'json', 'bytes'] as const) {
      const value =
        type === 'json' ? JSON.stringify(text) : type === 'bytes' ? `\\x${Buffer.from(text).toString('hex')}` : text;
      const out = apply(mask, value, cell(type));
      // Nothing of what was not looked at passes.
      expect(out === value || out!.length < value.length, type).toBe(true);
      if (type === 'json') expect(() => JSON.parse(out!)).not.toThrow();
    }
  });

  it.each(['(a+)+$', '(x+x+)+y', '(a|aa)+$', '([a-zA-Z]+)+$', '(.*)(.*)(.*)(.*)[0-9]', '(a|b)*a[ab]{20}b'])(
    'the pattern %s over a megabyte is masked whole, without running on',
    (pattern) => {
      const own = valueMask({ patterns: [{ name: 'evil', pattern }] });
      for (const filler of ['a', '!', 'ab']) expect(apply(own, filler.repeat(size))).toBe('[redacted]');
    },
  );

  it('JSON of very many small things ends within its work', () => {
    const fill = (piece: string): string => `[${piece.repeat(Math.floor(size / piece.length)).slice(0, -1)}]`;
    for (const piece of ['1,', '[],', '"",', '{},', 'null,', ' \n1,', '1234567,', '"\\u0041",']) {
      expect(apply(mask, fill(piece), cell('json')), piece).toBe('"[redacted]"');
    }
    const keys = (count: number): string =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`card${index}`, 'x'])));
    for (let time = 0; time < 2; time++) expect(apply(mask, keys(5000), cell('json'))).toBe('"[redacted]"');
    expect(apply(mask, keys(500), cell('json'))).toBe(keys(500));
    expect(apply(mask, fill('1,').slice(0, 20_001).replace(/,?$/, ']'), cell('json'))).toMatch(/^\[1,1/);
  });

  it('masks values beyond what is looked at whole', () => {
    const most = 'x '.repeat(limits.detectedBytesMax / 2);
    expect(apply(valueMask({ detect: ['email'] }), most)).toBe(most);
    expect(apply(valueMask({ detect: ['email'] }), `${most}x`)).toBe('[redacted]');
  });

  it('runs operator patterns over as much as the budget allows, and not one character more', () => {
    const pattern = 'needle';
    const own = valueMask({ patterns: [{ name: 'x', pattern }] });
    const most = Math.floor(limits.patternStepsMax / RE2JS.compile(pattern).programSize());
    expect(apply(own, '!'.repeat(most))).toBe('!'.repeat(most));
    expect(apply(own, '!'.repeat(most + 1))).toBe('[redacted]');
  });
});

describe('any value', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const seeds = [
    card,
    'a@example.com',
    'password: hunter2!',
    'ssn',
    '+49 30 901820',
    '４',
    '\u0301',
    '"',
    '\\',
    '{',
    '-----BEGIN PRIVATE KEY-----',
    '1980-05-17',
  ];
  const text = fc
    .array(fc.oneof(fc.constantFrom(...seeds), fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 6 })
    .map((parts) => parts.join(' '));

  it('is masked without throwing; UTF-8 stays UTF-8, and what nothing is found in is the same Buffer', () => {
    const custom = valueMask({
      ...everything,
      patterns: [{ name: 'x', pattern: '[aeiou]{3}' }],
      dictionaries: [{ name: 'd', words: ['hunter2', 'é'] }],
      with: 'hash',
    });
    fc.assert(
      fc.property(
        text,
        fc.constantFrom(...valueTypes),
        fc.constantFrom('note', 'password', 'ssn'),
        (value, type, column) => {
          const bytes = Buffer.from(value);
          const valid = bytes.toString() === value;
          for (const one of [mask, custom]) {
            const out = one.apply(bytes, cell(type, column));
            if (out !== null && valid) decoder.decode(out);
            if (out?.equals(bytes) === true) expect(out).toBe(bytes);
            expect(bytes.toString()).toBe(Buffer.from(value).toString());
          }
        },
      ),
      { seed: 5, numRuns: 3000 },
    );
  });

  it('of bytes is masked without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...valueTypes), (bytes, type) => {
        mask.apply(Buffer.from(bytes), cell(type));
      }),
      { seed: 6, numRuns: 3000 },
    );
  });

  it('of JSON stays JSON', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.constantFrom<MaskMethod>('redact', 'hash', 'null', 'format-preserving'),
        (json, method) => {
          const own = valueMask({ ...everything, patterns: [{ name: 'digit', pattern: '[0-9a-f]' }], with: method });
          const out = apply(own, json, cell('json'));
          if (out !== null) expect(() => JSON.parse(out)).not.toThrow();
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });
});
