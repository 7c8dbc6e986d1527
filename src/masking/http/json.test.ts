/** JSON bodies: what is masked, what passes byte for byte, however it is cut, and in bounded memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MaskMethod, MaskSpec } from '../../core/rules.ts';
import { Place } from '../specification.ts';
import { columnMask } from '../testing.ts';
import type { Body } from './body.ts';
import * as limits from './limits.ts';
import { compileField, FieldAutomaton } from './pointers.ts';
import { bodyType, card, every, httpMasks, type Masked, run } from './testing.ts';

const json = bodyType('application/json');

function mask(spec: Partial<MaskSpec>, input: string | Buffer, cuts: readonly number[] = [], type = json): Masked {
  return run(httpMasks(spec).body(type), input, cuts);
}

describe('fields', () => {
  const document = `{"id": 7, "customer": {"ssn":"078-05-1120", "age": 41, "ok": true, "none": null},\n "list":[{"ssn":1},{"SSN":"x"}]}`;

  it.each<[readonly string[], string]>([
    [['/customer/ssn'], document.replace('"078-05-1120"', '"[redacted]"')],
    [['/list/*/ssn'], document.replace('{"ssn":1}', '{"ssn":0}').replace('{"SSN":"x"}', '{"SSN":"[redacted]"}')],
    [['/list/1/ssn'], document.replace('{"SSN":"x"}', '{"SSN":"[redacted]"}')],
    [
      ['/**/ssn'],
      document
        .replace('"078-05-1120"', '"[redacted]"')
        .replace('{"ssn":1}', '{"ssn":0}')
        .replace('{"SSN":"x"}', '{"SSN":"[redacted]"}'),
    ],
    [['/customer/age', '/customer/ok', '/customer/none'], document.replace('41', '0').replace('true', 'null')],
    [['/customer'], document.replace(/\{"ssn":"078[^}]*\}/, '"[redacted]"')],
    [['/list'], document.replace(/\[.*\]/, '"[redacted]"')],
    [['/list/0'], document.replace('{"ssn":1}', '"[redacted]"')],
    [['/**'], '"[redacted]"'],
    [['/nothing/here', '/customer/ssn/deeper'], document],
  ])('%j', (fields, expected) => {
    const input = Buffer.from(document);
    for (const cuts of [[], every(1, input.length), every(7, input.length)]) {
      const { text, fault } = mask({ fields }, input, cuts);
      expect(fault).toBeNull();
      expect(text).toBe(expected);
    }
  });

  it('takes escaped and duplicate names, and both spellings of a pointer', () => {
    const input = '{"s\\u0073n":"a","ssn":"b","ssn":"c","a/b":"d","a~b":"e","":"f"}';
    expect(mask({ fields: ['/ssn', '/a~1b', '/a~0b', '/'] }, input).text).toBe(
      '{"s\\u0073n":"[redacted]","ssn":"[redacted]","ssn":"[redacted]","a/b":"[redacted]","a~b":"[redacted]","":"[redacted]"}',
    );
  });

  it.each<[MaskMethod, string, string]>([
    ['null', '["abcdef",12,true,{"a":1}]', '[null,null,null,null]'],
    ['redact', '["abcdef",-1.5e3,false,[]]', '["[redacted]",0,null,"[redacted]"]'],
    [{ partial: { last: 4 } }, '["4111 1111 1111 1111",123456789012]', '["********1111",9012]'],
  ])('by %j', (method, input, expected) => {
    expect(mask({ fields: ['/*'], with: method }, input).text).toBe(expected);
  });

  it.each<MaskMethod>(['hash', 'format-preserving'])(
    'by %s as values of SQL are, and numbers stay numbers',
    (method) => {
      const value = columnMask(method);
      const cell = { type: 'text', column: '', charactersMax: null } as const;
      const { text } = mask({ fields: ['/*'], with: method }, '["Jo Doe",41,4.25,1e3,{"a":1}]');
      const read = JSON.parse(text) as unknown[];
      expect(read[0]).toBe(value.apply(Buffer.from('Jo Doe'), cell)!.toString());
      expect(read.slice(1, 4).every((one) => typeof one === 'number')).toBe(true);
      expect(typeof read[4]).toBe('string');
      expect(mask({ fields: ['/*'], with: method }, '[{"a":1},{"a":1}]').text).toMatch(/^\["(.*)","\1"\]$/);
    },
  );

  it('takes the strictest mask of a place, counted by its rule', () => {
    const masks = httpMasks({ fields: ['/a'], with: 'hash' }, { fields: ['/*'], with: 'null' }, { fields: ['/b'] });
    const { text, hits } = run(masks.body(json), '{"a":"x","b":"y"}');
    expect(text).toBe('{"a":null,"b":null}');
    expect(hits).toEqual({ b: 2 });
  });

  it('redacts what is too long to be held, within and beyond its bound', () => {
    const of = (size: number, method: MaskMethod): string =>
      mask({ fields: ['/a'], with: method }, `{"a":"${'x'.repeat(size)}","b":1}`).text;
    expect(of(limits.heldBytesMax - 2, 'hash')).toMatch(/^\{"a":"[0-9a-f]{32}","b":1\}$/);
    expect(of(limits.heldBytesMax - 1, 'hash')).toBe('{"a":"[redacted]","b":1}');
    expect(of(limits.heldBytesMax - 1, 'null')).toBe('{"a":null,"b":1}');
    const object = `{"a":{"b":"${'x'.repeat(limits.heldBytesMax)}"}}`;
    expect(mask({ fields: ['/a'], with: 'hash' }, object).text).toBe('{"a":"[redacted]"}');
  });

  it('bounds the work and states of its patterns, whatever names come', () => {
    const fields = ['/**/a/*/*/*/*/*/*/*/*/*/*/*/*/*/*/x', '/**/b/*/**/c/**/d'];
    const masks = httpMasks({ fields });
    const names = Array.from({ length: 6000 }, (_, index) => (index * 7919) % 8191);
    const nest = names.map((noise) => {
      const steps = [...noise.toString(2).padStart(14, '0')].map((bit) => (bit === '1' ? '{"a":' : '{"z":'));
      return `${steps.join('')}1${'}'.repeat(14)}`;
    });
    const { text, fault } = run(masks.body(json), nest.join('\n'));
    expect(fault).toBeNull();
    expect(text).toBe(nest.join('\n'));
  });
});

describe('the automaton of patterns', () => {
  const place = new Place('m', 'fields');
  const value = columnMask('redact');

  it('does no more work for a step than its patterns have steps (A-MSK-01)', () => {
    const texts = ['/**/a/*/*/*/*/*/*/*/*/*/*/*/x', '/**/a/**/a/**/a/**/a/b', '/*/*/a'];
    const patterns = texts.map((text) => compileField(place, text));
    const automaton = new FieldAutomaton([{ patterns, value }]);
    const most = patterns.reduce((sum, { steps }) => sum + steps.length + 1, 0);
    let state = automaton.root;
    let steps = 0;
    for (let index = 0; index < 20_000; index++, steps++) {
      state = automaton.step(state, (index * 2_654_435_761) % 97 < 48 ? 'a' : `n${index}`);
    }
    expect(automaton.work).toBeLessThanOrEqual(steps * most);
  });

  it.each([
    ['a/b', /no[t]? a JSON pointer/],
    ['/a*', /star beside/],
    ['/a~2', /neither ~0/],
    [`/${'a'.repeat(limits.fieldCharactersMax)}`, /is longer/],
    ['/a'.repeat(limits.fieldStepsMax + 1), /more than 64 steps/],
  ])('refuses %s', (text, reason) => {
    expect(() => compileField(place, text)).toThrow(reason);
    expect(() => httpMasks({ fields: [text] })).toThrow(reason);
  });

  it('takes patterns at the limits', () => {
    compileField(place, `/${'a'.repeat(limits.fieldCharactersMax - 1)}`);
    compileField(place, '/a'.repeat(limits.fieldStepsMax));
  });
});

describe('detectors', () => {
  const detect: Partial<MaskSpec> = { detect: ['pii', 'secret'] };

  it.each([
    [`{"note":"card ${card} end"}`, '{"note":"card [redacted] end"}'],
    [`{"note":"4111\\u0031111 1111 1111"}`, null],
    ['{"note":"4111-1111-1111-\\u00311\\u00311 x"}', '{"note":"[redacted] x"}'],
    [`{"n":${card},"m":[ ${card}.0, 4.111111111111111e15 ]}`, '{"n":0,"m":[ 0, 0 ]}'],
    ['{"jo@example.com":1}', '{"[redacted]":1}'],
    ['{"４１１１１１１１１１１１１１１１":"a"}', '{"[redacted]":"a"}'],
    ['{"password":"correct horse1"}', null],
    ['{"password":"hunter2-x9"}', '{"password":"[redacted]"}'],
    ['{"a":"Zoë, naïve, 漢字, \\ud83d\\ude00 \\/ ok"}', '{"a":"Zoë, naïve, 漢字, \\ud83d\\ude00 \\/ ok"}'],
    [
      '{"id":"0f8fad5b-d9cb-469f-a165-70867728950e","at":"2026-11-21T12:00:00Z"}',
      '{"id":"0f8fad5b-d9cb-469f-a165-70867728950e","at":"2026-11-21T12:00:00Z"}',
    ],
  ])('%s (A-MSK-02)', (input, expected) => {
    const whole = mask(detect, input);
    expect(whole.fault).toBeNull();
    if (expected !== null) expect(whole.text).toBe(expected);
    for (const size of [1, 2, 3, 5]) {
      const cut = mask(detect, input, every(size, Buffer.byteLength(input)));
      expect(cut.text).toBe(whole.text);
      expect(cut.hits).toEqual(whole.hits);
    }
  });

  it('do not look at what a pattern masked', () => {
    const masked = mask({ fields: ['/c'], with: { partial: { last: 4 } }, detect: ['credit_card'] }, `{"c":"${card}"}`);
    expect(masked.text).toBe('{"c":"********1111"}');
    expect(masked.hits).toEqual({ a: 1 });
  });

  it('run over long strings in windows, whatever the cuts (A-HTTP-12)', () => {
    const filler = 'lorem ipsum \\"dolor\\" \\u00e9 ';
    const long = filler.repeat(4000);
    const parts = [`{"a":"`, long, ` ${card} `, long, `\\u0034111111111111111 `, long, `","b":"${card}"}`];
    const input = parts.join('');
    const whole = mask(detect, input);
    expect(whole.fault).toBeNull();
    expect(whole.text.length).toBe(input.length - card.length + '[redacted]'.length);
    expect(whole.text).not.toContain(card);
    expect(whole.hits).toEqual({ a: 3 });
    const value = JSON.parse(whole.text) as { a: string };
    expect(value.a.match(/x{16,}/g)).toHaveLength(2);
    for (const size of [997, 32_768, 70_000]) {
      expect(mask(detect, input, every(size, input.length)).bytes.equals(whole.bytes), String(size)).toBe(true);
    }
  });

  it('run the operator’s own on every string and number', () => {
    const own: Partial<MaskSpec> = { patterns: [{ name: 'badge', pattern: 'B-[0-9]+|^42$' }] };
    expect(mask(own, '{"B-1":"see B-77","n":42,"m":421}').text).toBe('{"[redacted]":"see [redacted]","n":0,"m":421}');
  });
});

describe('texts after texts', () => {
  it.each([
    ['application/x-ndjson', '{"a":1,"ssn":"x"}\n{"ssn":"y"}\r\n\n[]\n"s"\n12 13\n'],
    ['application/json', '{"type":"ADDED","ssn":"z"}\n{"ssn":1}'],
    ['application/x-amz-json-1.1', '{"Items":[],"ssn":"z"}'],
    ['application/json-seq', '\x1e{"ssn":"x"}\n\x1e{"ssn":"y"}\n'],
  ])('%s', (type, input) => {
    const expected = input.replace(/"ssn":"."/g, '"ssn":"[redacted]"').replace('"ssn":1', '"ssn":0');
    for (const size of [1, 4, 1000]) {
      expect(mask({ fields: ['/ssn'] }, input, every(size, input.length), bodyType(type)).text).toBe(expected);
    }
  });

  it('gives each text back as soon as it is complete', () => {
    const body = httpMasks({ fields: ['/ssn'] }).body(bodyType('application/x-ndjson'));
    expect(body.push(Buffer.from('{"ssn":"x"}\n')).toString()).toBe('{"ssn":"[redacted]"}\n');
    expect(body.push(Buffer.from('{"a":1}')).toString()).toBe('{"a":1}');
  });
});

describe('faults', () => {
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

  it.each(
    [
      '{"a":1',
      '{"a" 1}',
      '{"a":1,}',
      '[1,]',
      '[1 2]',
      '[1}',
      '}',
      '{1:2}',
      '{"a":01}',
      '{"a":1.}',
      '{"a":+1}',
      '[nul]',
      '[truefalse]',
      '["a\nb"]',
      '["a',
      'x',
      ")]}'\n{}",
      '["\\x41"]',
      '[\u00a01]',
      deep(limits.jsonDepthMax + 1),
      `[${'1'.repeat(limits.atomBytesMax + 1)}]`,
      `{"${'a'.repeat(limits.heldBytesMax)}":1}`,
      '\u0000{\u0000}',
      '\x1e{}',
      '{"a":1}]',
      ',',
    ].map((input) => [input.slice(0, 20), input] as const),
  )('of %j', (_begin, input) => {
    const spec: Partial<MaskSpec> = { fields: ['/a'], detect: ['credit_card'] };
    const bytes = Buffer.from(input);
    for (const cuts of [[], every(1, Math.min(bytes.length, 5000))]) {
      const body = httpMasks(spec).body(json);
      expect(run(body, bytes, cuts).fault).not.toBeNull();
      expect(body.push(Buffer.from('{"a":1}'))).toHaveLength(0);
      expect(body.end()).toHaveLength(0);
    }
  });

  it('of bytes that are no UTF-8, and of UTF-16 and other character sets (A-HTTP-12)', () => {
    const spec: Partial<MaskSpec> = { detect: ['credit_card'] };
    expect(mask(spec, Buffer.from('["\xe9t\xe9"]', 'latin1')).fault).toMatch(/UTF-8/);
    expect(mask(spec, Buffer.from(`["${card}"]`, 'utf16le')).fault).not.toBeNull();
    expect(mask(spec, Buffer.from(`\ufeff["${card}"]`, 'utf16le')).fault).not.toBeNull();
    expect(mask(spec, '[]', [], { ...json, charset: 'utf-16' }).fault).toMatch(/character set/);
    expect(mask(spec, '\ufeff[]', [1, 2], { ...json, charset: 'utf-8' })).toMatchObject({
      fault: null,
      text: '\ufeff[]',
    });
    expect(mask({ headers: ['x-a'] }, 'anything', [], { ...json, charset: 'utf-16' })).toMatchObject({ fault: null });
  });

  it('not at the limits', () => {
    const spec: Partial<MaskSpec> = { fields: ['/a'] };
    for (const input of ['', ' \n', deep(limits.jsonDepthMax), `[${'1'.repeat(limits.atomBytesMax)}]`, '7', 'null']) {
      expect(mask(spec, input), input.slice(0, 10)).toMatchObject({ fault: null, text: input });
    }
  });
});

/** The same on a whole document: masks what pointers name, and strings and numbers that are the card. */
function reference(value: unknown, names: readonly string[], path: readonly string[] = []): unknown {
  const isNamed = names.includes(path[path.length - 1] ?? '\0') && path.length > 0;
  if (isNamed) {
    if (value === null || typeof value === 'boolean') return null;
    return typeof value === 'number' ? 0 : '[redacted]';
  }
  if (typeof value === 'string') return value.replaceAll(card, '[redacted]');
  if (typeof value === 'number') return value === Number(card) ? 0 : value;
  if (Array.isArray(value)) return value.map((one, index) => reference(one, names, [...path, String(index)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, reference(one, names, [...path, key])]));
}

describe('compared with a reference', () => {
  const name = fc.constantFrom('ssn', 'token_', 'a', 'b', 'né', 'quote"d', 'x\\y', '');
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((one) => one.replace(/[\d@:]/g, '')),
    fc.constantFrom(card, `pay ${card} now`, 'plain', '', 'tab\there', 'é'),
  );
  const number = fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.constantFrom(Number(card), 0.5, 1e21));
  const { document } = fc.letrec((tie) => ({
    document: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.oneof(text, number, fc.boolean(), fc.constant(null)),
      fc.array(tie('document'), { maxLength: 4 }),
      fc.dictionary(name, tie('document'), { maxKeys: 4 }),
    ),
  }));
  const masks = httpMasks({ fields: ['/**/ssn', '/**/b'] }, { detect: ['credit_card'] });
  const detecting = httpMasks({ detect: ['credit_card'] });
  const naming = httpMasks({ fields: ['/**/ssn', '/**/b'] });

  it('masks the same, and cuts change nothing', () => {
    fc.assert(
      fc.property(document, fc.integer({ min: 0, max: 3 }), fc.array(fc.nat(400)), (value, indent, cuts) => {
        const input = JSON.stringify(value, null, indent);
        const whole = run(masks.body(json), input);
        expect(whole.fault).toBeNull();
        expect(JSON.parse(whole.text)).toEqual(JSON.parse(JSON.stringify(reference(value, ['ssn', 'b']))));
        for (const some of [cuts, every(1, Buffer.byteLength(input))]) {
          const cut = run(masks.body(json), input, some);
          expect(cut.bytes.equals(whole.bytes)).toBe(true);
          expect(cut.hits).toEqual(whole.hits);
        }
        for (const one of [detecting, naming]) {
          const single = run(one.body(json), input, cuts);
          expect(single.fault).toBeNull();
          if (Object.keys(single.hits).length === 0) expect(single.text).toBe(input);
        }
      }),
      { seed: 42, numRuns: 400 },
    );
  });

  it('cuts change nothing at any single byte', () => {
    const input = Buffer.from(
      `{"a":[1,-2.5e+3,true,null,"${card}"],"ssn":{"x":["y"]},"é\\n":"\\"${card}\\" 漢字","n": ${card} ,"b":12}`,
    );
    const whole = run(masks.body(json), input);
    expect(whole.fault).toBeNull();
    for (let cut = 1; cut < input.length; cut++) {
      expect(run(masks.body(json), input, [cut]).bytes.equals(whole.bytes), String(cut)).toBe(true);
    }
  });

  it('never throws, and faults are the same however bytes that are no JSON are cut', () => {
    const alphabet = fc.constantFrom(...'{}[]:,"\\ \n0123-.eEtruefalsn\xe9\x00');
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 40 }), fc.array(fc.nat(40)), (characters, cuts) => {
        const input = Buffer.from(characters.join(''), 'latin1');
        const whole = run(masks.body(json), input);
        const cut = run(masks.body(json), input, cuts);
        expect(cut.fault === null).toBe(whole.fault === null);
        if (whole.fault === null) expect(cut.bytes.equals(whole.bytes)).toBe(true);
      }),
      { seed: 7, numRuns: 3000 },
    );
  });
});

describe('memory', () => {
  it('stays bounded over 64 MB, and what is not masked is the very view', () => {
    const masks = httpMasks({ fields: ['/**/ssn'], detect: ['credit_card'] });
    const body = masks.body(json) as Body;
    const row = Buffer.from(
      `{"id":123,"name":"some name of somebody","note":"nothing that anybody looks for"},`.repeat(800),
    );
    body.push(Buffer.from('['));
    let most = 0;
    let total = 0;
    while (total < 64 << 20) {
      const given = body.push(row);
      expect(given).toBe(row);
      total += row.length;
      most = Math.max(most, body.retainedBytes);
    }
    expect(body.push(Buffer.from('1]')).toString()).toBe('1]');
    body.end();
    expect(body.fault).toBeNull();
    expect(most).toBeLessThan(limits.heldBytesMax * 3);
  });

  it.each([['{"ssn":"'], ['{"a":"'], ['{"ssn":["']])('stays bounded in one endless string behind %s', (begin) => {
    const body = httpMasks({ fields: ['/ssn'], with: 'hash', detect: ['credit_card'] }).body(json) as Body;
    body.push(Buffer.from(begin));
    const piece = Buffer.alloc(60_000, 'lorem ');
    for (let times = 0; times < 100; times++) {
      body.push(piece);
      expect(body.retainedBytes).toBeLessThan(limits.heldBytesMax * 4);
    }
    expect(body.fault).toBeNull();
  });
});
