/** Bodies other than JSON, fields of heads, and plans joined: what is masked, what passes, however it is cut. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BodyMask, BodyType } from '../../core/masking.ts';
import type { MaskSpec } from '../../core/rules.ts';
import { maskEverything, mergePlans } from '../merge.ts';
import { hashKey, maskSet } from '../testing.ts';
import type { Body } from './body.ts';
import * as limits from './limits.ts';
import { bodyType, card, every, httpMasks, type Masked, run } from './testing.ts';

const detect: Partial<MaskSpec> = { detect: ['pii', 'secret'] };
const fields: Partial<MaskSpec> = { fields: ['/ssn'] };

/** Runs in pieces of several sizes, which must all come to the same. */
function alike(make: () => BodyMask, input: string | Buffer, sizes: readonly number[] = [1, 2, 3, 7, 64]): Masked {
  const whole = run(make(), input);
  const { length } = Buffer.from(input);
  for (const size of sizes) {
    const cut = run(make(), input, every(size, length));
    expect(cut.fault, String(size)).toBe(whole.fault);
    // Before a fault as much has passed as was given in time.
    if (whole.fault !== null) {
      expect(cut.bytes.subarray(0, whole.bytes.length).equals(whole.bytes)).toBe(true);
      continue;
    }
    expect(cut.bytes.equals(whole.bytes), `${size}: ${cut.text.slice(0, 300)}`).toBe(true);
    expect(cut.hits).toEqual(whole.hits);
  }
  return whole;
}

function mask(type: BodyType | string, input: string | Buffer, ...specs: readonly Partial<MaskSpec>[]): Masked {
  const masks = httpMasks(...specs);
  return alike(() => masks.body(typeof type === 'string' ? bodyType(type) : type), input);
}

describe('text', () => {
  const key = `-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabcd+/==\n-----END RSA PRIVATE KEY-----`;

  it.each([
    ['text/plain', `one\ncard ${card} here\r\nthree`, 'one\ncard [redacted] here\r\nthree'],
    ['text/html', `<td>jo@example.com</td>\n<b>${card}</b>`, '<td>[redacted]</td>\n<b>[redacted]</b>'],
    ['application/xml', `<c>${card}</c>`, '<c>[redacted]</c>'],
    ['text/plain', `before\n${key}; after\nend ${card}\n`, 'before\n[redacted]\n; after\nend [redacted]\n'],
    ['text/plain', `${key.slice(0, 60)}\n\nplain: (text)\n`, '[redacted]\nplain: (text)\n'],
    ['application/yaml', 'a: grün 漢字\nb: 1\n', 'a: grün 漢字\nb: 1\n'],
    ['text/plain', `é ${card} 漢字\n４１１１１１１１１１１１１１１１\n`, 'é [redacted] 漢字\n[redacted]\n'],
  ])('%s: %s', (type, input, expected) => {
    const { text, fault } = mask(type, input, detect);
    expect(fault).toBeNull();
    expect(text).toBe(expected);
  });

  it('gives lines back as they are complete, and the very view where nothing is found', () => {
    const body = httpMasks(detect).body(bodyType('text/plain'));
    const view = Buffer.from('some line\nanother line\n');
    expect(body.push(view)).toBe(view);
    expect(body.push(Buffer.from(`${card}\nrest`)).toString()).toBe('[redacted]\n');
    expect(body.push(Buffer.from(' of it\n')).toString()).toBe('rest of it\n');
  });

  it('looks through long lines in windows, whatever the cuts (A-HTTP-12)', () => {
    const filler = 'lorem ipsum dolor é '.repeat(6000);
    const input = `${filler}${card} ${filler.slice(0, 24_560)}${card} ${filler} ${card}\nshort ${card}\n`;
    const masks = httpMasks(detect);
    const whole = alike(() => masks.body(bodyType('text/plain')), input, [997, 8191, 32_768, 100_000]);
    expect(whole.text).toBe(input.replaceAll(card, '[redacted]'));
    expect(whole.hits).toEqual({ a: 4 });
  });

  it('drops the rest of a line behind a finding that goes on', () => {
    const input = `x -----BEGIN PRIVATE KEY-----${'A'.repeat(100_000)} tail\nnext: (line)\n`;
    const masks = httpMasks(detect);
    const { text } = alike(() => masks.body(bodyType('text/plain')), input, [1009, 40_000]);
    expect(text).not.toContain('AAAA');
    expect(text.endsWith('next: (line)\n')).toBe(true);
  });

  it('refuses NULs, UTF-16 and character sets that hide ASCII (A-HTTP-12)', () => {
    expect(mask('text/plain', Buffer.from(`a ${card}\n`, 'utf16le'), detect).fault).toMatch(/NULs/);
    for (const charset of ['utf-16', 'utf-7', 'iso-2022-jp', 'ibm037']) {
      expect(mask(bodyType('text/plain', { charset }), 'x', detect).fault, charset).toMatch(/character set/);
    }
    const latin = Buffer.from(`\xe9t\xe9 ${card} \xfc\n`, 'latin1');
    const { bytes } = mask(bodyType('text/plain', { charset: 'iso-8859-1' }), latin, detect);
    expect(bytes.toString('latin1')).toBe('\xe9t\xe9 [redacted] \xfc\n');
  });

  it('is read as JSON where fields are masked and it begins so', () => {
    for (const type of ['text/plain', 'text/html']) {
      expect(mask(type, ' \n{"ssn":"x"}', fields).text).toBe(' \n{"ssn":"[redacted]"}');
      expect(mask(type, '\ufeff[ {"a":1} ]', fields).text).toBe('\ufeff[ {"a":1} ]');
      expect(mask(type, '{"ssn":"x"', fields).fault).not.toBeNull();
      expect(mask(type, '[2026-11-21] {"ssn":"x"}', fields)).toMatchObject({ fault: null });
      expect(mask(type, '４ fullwidth', fields)).toMatchObject({ text: '４ fullwidth' });
      expect(mask(type, '', fields)).toMatchObject({ text: '', fault: null });
      expect(mask(type, `[x] ${card}`, { ...fields, ...detect }).text).toBe('[x] [redacted]');
      const blanks = ' '.repeat(limits.sniffedBlanksMax);
      expect(mask(type, `${blanks} plain`, fields).fault).not.toBeNull();
      expect(mask(type, `${blanks.slice(5)}plain`, fields).fault).toBeNull();
    }
  });

  it('costs no more than its length, whatever it is (A-MSK-01)', () => {
    const masks = httpMasks({ detect: ['pii', 'secret'] }, { patterns: [{ name: 'p', pattern: '(a|b)*a[ab]{50}x' }] });
    for (const unit of ['4', '4 ', 'a@', '-----BEGIN ', 'ab', '1.2.3.', '"']) {
      const body = masks.body(bodyType('text/plain')) as Body;
      for (let times = 0; times < 6; times++) body.push(Buffer.alloc(50_000, unit));
      expect(body.retainedBytes).toBeLessThan(70_000);
      body.end();
      expect(body.fault).toBeNull();
    }
  });
});

describe('CSV', () => {
  it.each([
    ['id,ssn,name\r\n1,078,Jo\r\n2,"a ""b"", c",Al\r\n', 'id,ssn,name\r\n1,[redacted],Jo\r\n2,"[redacted]",Al\r\n'],
    ['\ufeff"id";SSN\n1;"x\ny"\n\n2;', '\ufeff"id";SSN\n1;"[redacted]"\n\n2;'],
    ['id,ssn\n1,2,3\n4\n5,x\n', 'id,ssn\n0,0,0\n0\n5,[redacted]\n'],
    ['id,ssn\n"1"x,2\n', 'id,ssn\n[redacted],0\n'],
    ['id,ssn\na""b,2\n', 'id,ssn\na""b,0\n'],
    ['id,other\n1,"2\n3",4\n', 'id,other\n1,"2\n3",4\n'],
  ])('%j by column', (input, expected) => {
    const { text, fault } = mask('text/csv', input, fields);
    expect(fault).toBeNull();
    expect(text).toBe(expected);
  });

  it('by detectors, for which names of columns are context', () => {
    const input = `id,note,password\n1,pay ${card},hunter2x9\n2,"x, jo@example.com","a""b-c9!d"\n3,é,\n`;
    expect(mask('text/csv', input, detect).text).toBe(
      'id,note,password\n1,pay [redacted],[redacted]\n2,"x, [redacted]","[redacted]"\n3,é,\n',
    );
    expect(mask('text/tab-separated-values', `a\tb\n1,2\t${card}\n`, detect).text).toBe('a\tb\n1,2\t[redacted]\n');
  });

  it('refuses what it cannot tell with unresolved: block, and records beyond the bound', () => {
    expect(mask('text/csv', 'id,ssn\n1,2,3\n', { ...fields, unresolved: 'block' }).fault).toMatch(/other columns/);
    const masks = httpMasks(detect);
    const long = (size: number): Masked => run(masks.body(bodyType('text/csv')), `a\n"${'x'.repeat(size)}"\n`);
    expect(long(limits.recordBytesMax - 3).fault).toBeNull();
    expect(long(limits.recordBytesMax - 2).fault).toMatch(/record/);
  });

  it('passes what has nothing in it byte for byte, whatever its quotes', () => {
    const masks = httpMasks({ detect: ['credit_card'] });
    const cell = fc.constantFrom('a', '"', '""', '"a', 'b"', ',', '\n', '\r\n', ' ', 'é', ';', '1');
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 60 }), (parts) => {
        const input = parts.join('');
        expect(alike(() => masks.body(bodyType('text/csv')), input, [1, 3]).text).toBe(input);
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});

describe('event streams', () => {
  it.each([
    ['data: {"ssn":"x","a":1}\n\n', 'data: {"ssn":"[redacted]","a":1}\n\n'],
    [
      'event: e\r\nid: 7\r\ndata:{"a":1,\r\ndata: "ssn":2}\r\n\r\n',
      'event: e\r\nid: 7\r\ndata: {"a":1,\r\ndata: "ssn":0}\r\n\r\n',
    ],
    ['\ufeffdata: [DONE]\n\n: comment\n\n', '\ufeffdata: [DONE]\n\n: comment\n\n'],
    [`data: card ${card}\rdata: x\r\r`, 'data: card [redacted]\rdata: x\r\r'],
    [`: ${card}\ndata: 5\n\ndata: ${card}`, ': [redacted]\ndata: 5\n\ndata: 0'],
    ['data\n\ndata:\n\n\n\n', 'data\n\ndata:\n\n\n\n'],
  ])('%j', (input, expected) => {
    const { text, fault } = mask('text/event-stream', input, fields, { detect: ['credit_card'] });
    expect(fault).toBeNull();
    expect(text.replace(/\n$/, '')).toBe(expected.replace(/\n$/, ''));
  });

  it('gives an event back as soon as it is complete, and refuses one without end', () => {
    const body = httpMasks(fields).body(bodyType('text/event-stream'));
    expect(body.push(Buffer.from('data: {"ssn":"x"}\n'))).toHaveLength(0);
    expect(body.push(Buffer.from('\n')).toString()).toBe('data: {"ssn":"[redacted]"}\n\n');
    expect(run(body, `data: ${'x'.repeat(limits.recordBytesMax)}`).fault).toMatch(/event/);
    expect(mask('text/event-stream', 'data: {"ssn":"x"\n\n', fields).fault).toMatch(/cannot be read/);
    expect(mask('text/event-stream', 'data: {"ssn":"x"\n\n', detect).fault).toBeNull();
  });
});

describe('forms', () => {
  it('masks fields and findings, and leaves other spellings', () => {
    const type = 'application/x-www-form-urlencoded';
    const input = `a=%41+b&SSN=x&note=pay+${card}%21&empty=&flag&c=4111%201111%201111%201111`;
    expect(mask(type, input, fields, detect).text).toBe(
      'a=%41+b&SSN=%5Bredacted%5D&note=pay+%5Bredacted%5D!&empty=&flag&c=%5Bredacted%5D',
    );
  });
});

describe('multipart', () => {
  const type = bodyType('multipart/form-data', { boundary: 'B' });
  const part = (head: string, body: string): string => `--B\r\n${head}\r\n\r\n${body}\r\n`;

  it('masks each part by its own type, and heads of parts (A-HTTP-12)', () => {
    const input =
      part('Content-Type: application/json\r\nContent-Length: 11', '{"ssn":"x"}') +
      part('Content-Disposition: form-data; name="SSN"', 'secret\r\n--Bx\r\nmore') +
      part(`X-Note: ${card}\r\nContent-Type: text/plain`, `--B- ${card}\r\n-- `) +
      part('Content-Type: image/png', '\x00\x01') +
      '--B--\r\n';
    const { text, fault } = mask(type, input, fields, { detect: ['credit_card'] });
    expect(fault).toBeNull();
    expect(text).toBe(
      part('Content-Type: application/json', '{"ssn":"[redacted]"}') +
        part('Content-Disposition: form-data; name="SSN"', '[redacted]') +
        part('X-Note: [redacted]\r\nContent-Type: text/plain', '--B- [redacted]\r\n-- ') +
        part('Content-Type: image/png', '\x00\x01') +
        '--B--\r\n',
    );
  });

  it('passes what has nothing in it byte for byte', () => {
    const input = `preamble\r\n${part('A: b', 'one\r\n')}--B  \n\ntwo\n--B--\r\nepilogue\r\n--B\r\n`;
    expect(mask(type, input, { detect: ['credit_card'] }).text).toBe(input);
    expect(mask(type, input, { headers: ['x-y'] }).text).toBe(input);
  });

  it('refuses what cannot be read', () => {
    const faultOf = (input: string, more: Partial<BodyType> = {}): string | null =>
      mask({ ...type, ...more }, input, fields).fault;
    expect(faultOf(part('Content-Transfer-Encoding: base64', 'eA=='))).toMatch(/encoded/);
    expect(faultOf(part('Content-Encoding: gzip', 'x'))).toMatch(/encoded/);
    expect(faultOf(part('no field', 'x'))).toMatch(/no field/);
    expect(faultOf('--B\r\nA: b')).toMatch(/ends within/);
    expect(faultOf(`--B\r\nA: ${'b'.repeat(limits.partHeadBytesMax)}`)).toMatch(/head/);
    expect(faultOf(part('Content-Type: application/json', '{"ssn":'))).toMatch(/JSON/);
    expect(faultOf(part('Content-Type: application/octet-stream', 'x'))).toMatch(/cannot be read/);
    expect(faultOf('x', { boundary: null })).toMatch(/boundary/);
    expect(faultOf('x', { boundary: 'b'.repeat(limits.boundaryCharactersMax + 1) })).toMatch(/boundary/);
    expect(faultOf('x', { mediaType: 'multipart/byteranges' })).toMatch(/cannot be read/);
    const nested = [1, 2, 3, 4, 5].map(
      (n) => `--${n === 1 ? 'B' : n}\r\nContent-Type: multipart/mixed; boundary=${n + 1}\r\n\r\n`,
    );
    expect(faultOf(nested.join(''))).toMatch(/within multipart/);
    expect(faultOf(nested.slice(0, 2).join(''))).toBeNull();
  });
});

describe('types that are not rewritten', () => {
  it.each([
    ['application/xml', /cannot be read/],
    ['application/atom+xml', /cannot be read/],
    ['application/yaml', /cannot be read/],
    ['application/x-protobuf', /cannot be read/],
    ['application/grpc', /cannot be read/],
    ['application/octet-stream', /cannot be read/],
    ['application/pdf', /cannot be read/],
    [null, /without a type/],
  ])('%s with fields is a fault, but for an empty body', (type, reason) => {
    const masks = httpMasks(fields);
    expect(run(masks.body(bodyType(type)), 'x').fault).toMatch(reason);
    expect(run(masks.body(bodyType(type)), '').fault).toBeNull();
  });

  it.each(['image/png', 'application/octet-stream', 'application/x-protobuf', null])('%s is looked through', (type) => {
    const clean = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 31) % 256));
    const masks = httpMasks({ detect: ['credit_card'] });
    const make = (): BodyMask => masks.body(bodyType(type));
    expect(alike(make, clean, [997, 40_000]).bytes.equals(clean)).toBe(true);
    const hit = Buffer.concat([clean, Buffer.from(` ${card} `), clean]);
    for (const size of [1000, 300_000]) {
      const { fault, text } = run(make(), hit, every(size, hit.length));
      expect(fault).toMatch(/credit_card/);
      expect(text).not.toContain('4111');
    }
  });

  it('pass where nothing asks for them', () => {
    const view = Buffer.from(`${card}\0`);
    const headers = httpMasks({ headers: ['x-*'] });
    for (const type of ['application/json', 'text/plain', null])
      expect(headers.body(bodyType(type)).push(view)).toBe(view);
    expect(httpMasks(fields).body(bodyType('image/png')).push(view)).toBe(view);
    expect(mask('text/html', '<p>', { ...fields, unresolved: 'block' }).fault).toMatch(/cannot be read/);
    expect(mask('text/html', '<p>', fields).fault).toBeNull();
  });
});

describe('fields of heads', () => {
  const masks = httpMasks({ headers: ['X-Customer-*', 'content-*'], with: 'hash' }, { detect: ['credit_card'] });

  it('are masked whole by name, else by detectors, but for those that frame the message', () => {
    expect(masks.header('x-customer-id', 'jo')).toMatch(/^[0-9a-f]{32}$/);
    expect(masks.header('x-other', `a ${card}`)).toBe('a [redacted]');
    expect(masks.header('x-other', 'a b')).toBe('a b');
    expect(masks.header('content-type', 'text/plain')).toBe('text/plain');
    expect(masks.header('content-disposition', 'x')).not.toBe('x');
    expect(httpMasks({ headers: ['x'], with: 'null' }).header('x', 'y')).toBe('');
  });
});

describe('plans', () => {
  it('of fields and headers alone say nothing about other commands', () => {
    const set = maskSet({ fields: ['/a'], headers: ['x'] });
    expect(set.planStreams('shell')).toBeNull();
    expect(set.planStreams('http')?.output?.streams?.http).toBeDefined();
    expect(set.planStreams()?.output?.streams?.http).toBeDefined();
    const value = Buffer.from('x');
    expect(set.plan(null).output?.otherwise.apply(value, { type: 'text', column: '', charactersMax: null })).toBe(
      value,
    );
    expect(maskSet({ columns: ['a.b.c'] }).planStreams('http')).toBeNull();
  });

  it('join what both mask', () => {
    const one = maskSet({ fields: ['/a'], headers: ['x'] }).planStreams('http')!.output!;
    const other = maskSet({ detect: ['credit_card'] }).planStreams('http')!.output!;
    const http = mergePlans(one, other).streams!.http!;
    const input = `{"a":"x","b":"${card}"}`;
    const both = alike(() => http.body(bodyType('application/json')), input);
    expect(both.text).toBe('{"a":"[redacted]","b":"[redacted]"}');
    expect(both.hits).toEqual({ a: 2 });
    expect([http.header('x', 'v'), http.header('y', card)]).toEqual(['[redacted]', '[redacted]']);
    expect(run(http.body(bodyType('application/json')), '{').fault).not.toBeNull();
  });

  it('of a guardrail mask everything', () => {
    const whole = maskEverything('guard', 'redact', hashKey);
    const detecting = maskSet({ detect: ['credit_card'] }).planStreams('http')!.output!;
    for (const plan of [whole, mergePlans(detecting, whole), mergePlans(whole, detecting)]) {
      const http = plan.streams!.http!;
      const of = (type: string | null, input: string): Masked => alike(() => http.body(bodyType(type)), input);
      expect(of('application/json', '{"a":[1]}')).toMatchObject({ text: '"[redacted]"', hits: { guard: 1 } });
      expect(of('application/x-ndjson', '{"a":1}\n2\n').text).toBe('"[redacted]"\n0\n');
      expect(of('text/html', '<p>x</p>').text).toBe('[redacted]');
      expect(of('text/csv', 'a,b\n1,2\n').text).toBe('[redacted]');
      expect(of('text/event-stream', 'id: 1\ndata: x\n\n: c\n\n').text).toBe('data: [redacted]\n\n');
      expect(of('text/plain', '').text).toBe('');
      for (const type of ['image/png', null, 'multipart/mixed']) expect(of(type, 'x').fault).not.toBeNull();
      expect(http.header('set-cookie', 'a=b')).toBe('[redacted]');
      expect(http.header('content-length', '7')).toBe('7');
    }
  });
});

describe('types', () => {
  const masks = httpMasks({ fields: ['/a'], with: 'redact' });

  it.each([
    ...[
      'application/json',
      'application/vnd.api+json',
      'application/json-rpc',
      'application/x-ndjson',
      'application/jsonl',
    ],
    ...['application/jsonlines', 'application/stream+json', 'application/json-seq', 'application/geo+json-seq'],
  ])('%s is masked by place, in each of its texts', (type) => {
    const separator = type.endsWith('json-seq') ? '\x1e' : '';
    const texts = `${separator}{"a":"x"}\n${separator}{"a":"y"}\n`;
    expect(run(masks.body(bodyType(type)), texts).text).toBe(texts.replace(/[xy]/g, '[redacted]'));
  });

  it.each([
    'application/octet-stream',
    'application/x-protobuf',
    'application/grpc',
    'application/cbor',
    'application/pdf',
    null,
  ])('%s does not pass where fields are masked', (type) => {
    const { text, fault } = run(masks.body(bodyType(type)), '{"a":"x"}');
    expect(text).toBe('');
    expect(fault).toMatch(/cannot be read for them/);
  });
});
