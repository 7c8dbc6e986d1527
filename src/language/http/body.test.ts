import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpBody } from '../../core/http.ts';
import { type BodyMeaning, bodyMeaning, isReadType } from './body.ts';
import { readJson } from './json.ts';
import * as limits from './limits.ts';
import { mediaTypeOf } from './media-type.ts';

const read = (type: string | null, body: string | Uint8Array, path = '/x'): BodyMeaning =>
  bodyMeaning(type, typeof body === 'string' ? Buffer.from(body) : body, { path });
const json = (body: string, path?: string): HttpBody => read('application/json', body, path).body;
const unread = (reason: RegExp) => ({ kind: 'unread', reason: expect.stringMatching(reason) as string });

describe('bodies by their type', () => {
  const table: readonly (readonly [type: string | null, body: string, kind: HttpBody['kind']])[] = [
    ['application/json', '', 'none'],
    [null, '{}', 'unread'],
    ['', '{}', 'unread'],
    ['application/json', '{}', 'json'],
    ['Application/JSON; charset=UTF-8', '{}', 'json'],
    ['text/json', '{}', 'json'],
    ['application/merge-patch+json', '{}', 'json'],
    ['application/vnd.api+json;profile="a;b"', '{}', 'json'],
    ['application/json-rpc', '{}', 'json'],
    ['application/x-amz-json-1.0', '{"TableName":"customers"}', 'json'],
    ['application/x-amz-json-1.1; charset=utf-8', '{}', 'json'],
    ['application/x-amz-json-1.1', '{"a":1,"a":2}', 'unread'],
    ['application/x-amz-json-1.2', '{}', 'unread'],
    ['application/x-amz-json-111', '{}', 'unread'],
    ['application/json; charset=utf-16', '{}', 'unread'],
    ['application/json; charset=utf-8; charset=utf-7', '{}', 'unread'],
    ['application/json, text/plain', '{}', 'unread'],
    ['application/x-ndjson', '{}\n{}', 'text'],
    ['application/json-seq', '{}', 'text'],
    ['application/xml', '<a/>', 'text'],
    ['application/soap+xml', '<a/>', 'text'],
    ['text/plain', 'x', 'text'],
    ['text/csv; header=present', 'a,b', 'text'],
    ['text/plain; charset=iso-8859-1', 'x', 'unread'],
    ['application/yaml', 'a: b', 'text'],
    ['application/x-www-form-urlencoded', 'a=b', 'form'],
    ['application/octet-stream', 'x', 'unread'],
    ['application/grpc', 'x', 'unread'],
    ['multipart/mixed; boundary=x', '--x--', 'unread'],
    ['nonsense', 'x', 'unread'],
  ];
  it.each(table)('%j with %j', (type, body, kind) => {
    expect(read(type, body).body.kind).toBe(kind);
  });

  it('is text only where it is UTF-8 that all parsers begin alike', () => {
    for (const bytes of [[0xff], [0xef, 0xbb, 0xbf, 0x7b, 0x7d], [0x7b, 0, 0x7d, 0]]) {
      expect(read('application/json', Uint8Array.from(bytes)).body).toEqual(unread(/UTF-8/));
      expect(read('text/plain', Uint8Array.from(bytes)).body.kind).toBe('unread');
    }
  });

  it('takes as many bytes as are read before judging, and no more', () => {
    const { analysedBodyBytesMax } = limits;
    expect(read('text/plain', Buffer.alloc(analysedBodyBytesMax, 'x')).body.kind).toBe('text');
    expect(read('text/plain', Buffer.alloc(analysedBodyBytesMax + 1, 'x')).body).toEqual(unread(/longer than 1048576/));
  });
});

describe('media types', () => {
  it.each([
    ['a/b;c', null],
    ['a/b; c=d e', null],
    ['a/b; c="d', null],
    ['a/b; c=1; C=2', null],
    ['a', null],
    ['a/b;', []],
    [
      'A/B ; C=D;e="f\\"g;h" ;',
      [
        ['c', 'D'],
        ['e', 'f"g;h'],
      ],
    ],
  ] as const)('%s', (text, parameters) => {
    const found = mediaTypeOf(text);
    expect(found === null ? null : [...found.parameters]).toEqual(parameters);
    if (found !== null) expect(found.type).toBe('a/b');
  });
});

describe('JSON', () => {
  it('is unread where two parsers may differ', () => {
    expect(json('{"a":1,"a":2}')).toEqual(unread(/names something twice/));
    expect(json('{"a":1,"\\u0061":2}')).toEqual(unread(/twice/));
    expect(json('{"x":[{"\\"":1 , "\\u0022" : 2}]}')).toEqual(unread(/twice/));
    for (const body of ['{a:1}', "{'a':1}", '{"a":1,}', '[1] //', '{"a":1}{"b":2}', 'NaN', '{"a', '"\\', '{"\\x":1}']) {
      expect(json(body), body).toEqual(unread(/not valid/));
    }
    expect(json('{"a":{"a":["a","a",{"a":"a"}]},"b":"a","":0}').kind).toBe('json');
    expect(json('{"__proto__":1,"constructor":2}')).toMatchObject({ kind: 'json' });
  });

  it('nests and grows to its limits, and not past them', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(json(nested(limits.jsonDepthMax)).kind).toBe('json');
    expect(json(nested(limits.jsonDepthMax + 1))).toEqual(unread(/deeper than 100/));
    expect(json('['.repeat(1_000_000))).toEqual(unread(/deeper/));
    const zeros = (count: number): string => `[${Array.from({ length: count }, () => 0).join()}]`;
    expect(json(zeros(limits.jsonNodesMax)).kind).toBe('json');
    expect(json(zeros(limits.jsonNodesMax + 1))).toEqual(unread(/more than 50000/));
  });

  it('agrees with the platform about all JSON, and finds a name that stands twice', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(readJson(text)).toEqual({ value: JSON.parse(text) as unknown });
      }),
      { numRuns: 2000 },
    );
    const spelled = (name: string): string =>
      `"${[...name].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), fc.boolean(), (one, other, isEscaped) => {
        const text = `[{${JSON.stringify(one)} :0,${isEscaped ? spelled(other) : JSON.stringify(other)}\n:"}"}]`;
        expect('unread' in readJson(text)).toBe(one === other);
      }),
      { numRuns: 2000 },
    );
  });

  it('tells JSON-RPC: calls, batches, of version 1, and however its names are written', () => {
    const rpc = (body: string) => {
      const found = json(body);
      return found.kind === 'json' ? found.rpc : found;
    };
    expect(rpc('{"jsonrpc":"2.0","method":"a.b","id":1}')).toEqual(['a.b']);
    expect(rpc('[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","method":"b","id":2}]')).toEqual(['a', 'b']);
    expect(rpc('{"method":"a","params":[],"id":1}')).toEqual(['a']);
    expect(rpc('{"JsonRPC":"2.0","METHOD":"a","method":"b"}')).toEqual(['a', 'b']);
    expect(rpc('{"method":"a"}')).toBeNull();
    expect(rpc('{"jsonrpc":"2.0","id":1,"result":0}')).toBeNull();
    expect(rpc('[]')).toBeNull();
    const batch = (count: number): string =>
      JSON.stringify(Array.from({ length: count }, () => ({ id: 1, method: 'a' })));
    expect(rpc(batch(limits.rpcCallsMax))).toHaveLength(limits.rpcCallsMax);
    expect(rpc(batch(limits.rpcCallsMax + 1))).toEqual(unread(/more than 1000 calls/));
  });
});

describe('forms', () => {
  const form = (body: string): HttpBody => read('application/x-www-form-urlencoded', body).body;

  it('are told decoded and in order', () => {
    expect(form('a=1&b=+%C3%A9%2B&a=2&c&d[e]=%00')).toEqual({
      kind: 'form',
      fields: [
        ['a', '1'],
        ['b', ' é+'],
        ['a', '2'],
        ['c', ''],
        ['d[e]', '\0'],
      ],
    });
  });

  it('are unread where services may differ', () => {
    for (const body of ['a=%', 'a=%zz', 'a=%ff', 'a=1;b=2']) expect(form(body).kind, body).toBe('unread');
    // What curl sends where nobody gave a type.
    expect(form('{"amount":1}')).toEqual(unread(/looks like JSON/));
    expect(form(' [1]')).toEqual(unread(/looks like JSON/));
    const many = (count: number): string => Array.from({ length: count }, (_, index) => `a${index}=1`).join('&');
    expect(form(many(limits.formFieldsMax)).kind).toBe('form');
    expect(form(many(limits.formFieldsMax + 1))).toEqual(unread(/more than 1000 fields/));
  });

  it('agree with the platform', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }))), (pairs) => {
        const text = new URLSearchParams(pairs).toString();
        fc.pre(text !== '');
        expect(form(text)).toEqual({ kind: 'form', fields: pairs });
      }),
      { numRuns: 1000 },
    );
  });
});

describe('A-HTTP-12: multipart forms', () => {
  const part = (head: string, content: string): string => `--B\r\n${head}\r\n\r\n${content}\r\n`;
  const field = (name: string, value: string): string => part(`Content-Disposition: form-data; name="${name}"`, value);
  const multipart = (body: string, type = 'multipart/form-data; boundary=B'): BodyMeaning => read(type, body);

  it('tell fields with their values, and files by name, size and digest', () => {
    const file = part(
      'content-disposition: form-data; name="f"; filename="a.bin"\r\nContent-Type: image/png',
      '\xff\0',
    );
    const { body, text } = multipart(`${field('a', '1')}${file}${field('b', 'x\r\n--\r\ny')}${field('', '')}--B--\r\n`);
    expect(body).toEqual({
      kind: 'form',
      fields: [
        ['a', '1'],
        ['b', 'x\r\n--\r\ny'],
        ['', ''],
      ],
      files: [['f', 'a.bin']],
    });
    expect(text).toMatch(
      /^"a": "1"\n"b": "x\\r\\n--\\r\\ny"\n"": ""\n"f": file "a\.bin", 3 bytes, SHA-256 [0-9a-f]{64}$/,
    );
    expect(multipart(`${field('a', '1')}--B--`).body).toEqual({ kind: 'form', fields: [['a', '1']] });
    expect(multipart('--B--\r\n').body).toEqual({ kind: 'form', fields: [] });
  });

  const one = field('a', '1');
  const disposition = 'Content-Disposition: form-data; name="a"';
  it.each([
    ['a preamble', `x\r\n${one}--B--`],
    ['an epilogue', `${one}--B--\r\nx`],
    ['no end', one],
    ['line feeds alone', `${one}--B--`.replaceAll('\r', '')],
    ['a boundary in the middle of a line', `${field('a', 'x--By')}--B--`],
    ['a boundary after a line feed alone', `${field('a', 'x\n--B\r\ny')}--B--`],
    ['a longer boundary', `${field('a', 'x\r\n--BC')}--B--`],
    ['padding after a boundary', `--B \r\n${disposition}\r\n\r\n1\r\n--B--`],
    ['no head', '--B\r\n\r\n1\r\n--B--'],
    ['no empty line', `--B\r\n${disposition}\r\n--B--`],
    ['two names', `${part(`${disposition}; name="b"`, '1')}--B--`],
    ['two dispositions', `${part(`${disposition}\r\n${disposition}`, '1')}--B--`],
    ['an escaped quote', `${part('Content-Disposition: form-data; name="a\\"b"', '1')}--B--`],
    ['an extended name', `${part(`${disposition}; filename*=UTF-8''x`, '1')}--B--`],
    ['a name without quotes', `${part('Content-Disposition: form-data; name=a', '1')}--B--`],
    ['a folded line', `${part('Content-Disposition: form-data;\r\n name="a"', '1')}--B--`],
    ['an encoding', `${part(`${disposition}\r\nContent-Transfer-Encoding: base64`, 'MQ==')}--B--`],
    ['a charset', `${part(`${disposition}\r\nContent-Type: text/plain; charset=utf-7`, '1')}--B--`],
    ['a charset for all', `${field('_charset_', 'utf-7')}--B--`],
    ['a nested form', `${part(`${disposition}\r\nContent-Type: multipart/mixed; boundary=C`, '1')}--B--`],
    ['another disposition', `${part('Content-Disposition: attachment; name="a"', '1')}--B--`],
  ])('are unread with %s', (_name, body) => {
    expect(multipart(body).body.kind).toBe('unread');
  });

  it.each(['', '; boundary=', '; boundary="B "', '; boundary=B; boundary=C', `; boundary=${'B'.repeat(71)}`])(
    'are unread with the parameters %j',
    (parameters) => {
      expect(multipart(`${one}--B--`, `multipart/form-data${parameters}`).body.kind).toBe('unread');
    },
  );

  it('have as many parts, with heads as long, as the limits say, and no more', () => {
    const many = (count: number): HttpBody => multipart(`${one.repeat(count)}--B--`).body;
    expect(many(limits.formFieldsMax).kind).toBe('form');
    expect(many(limits.formFieldsMax + 1)).toEqual(unread(/more than 1000 parts/));
    const long = (bytes: number): HttpBody =>
      multipart(`${field('x'.repeat(bytes - disposition.length + 1), '1')}--B--`).body;
    expect(long(limits.partHeadBytesMax).kind).toBe('form');
    expect(long(limits.partHeadBytesMax + 1).kind).toBe('unread');
  });

  it('come back from what the platform builds', async () => {
    const name = fc
      .string({ minLength: 1, maxLength: 8 })
      .filter((text) => !/["\\\r\n\0]/.test(text) && text !== '_charset_');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, fc.string()), { maxLength: 6 }), async (pairs) => {
        const data = new FormData();
        for (const [key, value] of pairs) data.append(key, value);
        const request = new Response(data);
        const type = request.headers.get('content-type');
        const { body } = read(type, new Uint8Array(await request.arrayBuffer()));
        // Line ends are normalised by whoever builds a form.
        const lines = (text: string): string => text.replaceAll(/\r\n|\r|\n/g, '\r\n');
        expect(body).toEqual({ kind: 'form', fields: pairs.map(([key, value]) => [key, lines(value)]) });
      }),
      { numRuns: 300 },
    );
  });
});

describe('whatever a body is', () => {
  it('takes no longer than its length asks for', () => {
    const spaces = ' '.repeat(4000);
    const part = `--B\r\nContent-Disposition: x${spaces}x\r\n`;
    expect(read('multipart/form-data; boundary=B', part.repeat(250)).body.kind).toBe('unread');
    expect(read(`a/b${spaces.repeat(4)};${';'.repeat(16_000)}"`, 'x').body.kind).toBe('unread');
    expect(read('application/json', `"${'\\'.repeat(1_000_000)}`).body.kind).toBe('unread');
    expect(read('application/json', '{}', `/${'graphql'.repeat(2000)}/x`).body.kind).toBe('json');
  });

  it('nothing throws', () => {
    const types = fc.constantFrom(
      'application/json',
      'application/graphql',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=B',
      'text/plain',
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .array(
          fc.constantFrom('--B', '\r\n', '{', '}', '"', ':', 'query', '...', 'a', '[', ']', '\\', '--', ',', '='),
          { maxLength: 20 },
        )
        .map((parts) => Buffer.from(parts.join(''))),
    );
    fc.assert(
      fc.property(types, bytes, (type, body) => {
        expect(bodyMeaning(type, body, { path: '/graphql' }).body.kind).toBeDefined();
      }),
      { numRuns: 5000 },
    );
  });
});

describe('types', () => {
  it.each([
    ...['application/json', 'application/vnd.api+json', 'application/json-rpc', 'application/jsonrequest', 'text/json'],
    'application/x-amz-json-1.1',
  ])('%s is JSON', (type) => {
    expect(bodyMeaning(type, Buffer.from('{"a":1}')).body).toMatchObject({ kind: 'json', value: { a: 1 } });
    expect(isReadType(type)).toBe(true);
  });

  it.each([
    ...['application/x-ndjson', 'application/jsonlines', 'application/jsonl', 'application/stream+json', 'text/csv'],
    ...['application/json-seq', 'application/geo+json-seq', 'application/xml', 'application/yaml', 'text/plain'],
  ])('%s is text', (type) => {
    expect(bodyMeaning(type, Buffer.from('{"a":1}\n{"a":2}\n')).body.kind).toBe('text');
    expect(isReadType(type)).toBe(true);
  });

  it.each([
    'application/octet-stream',
    'application/x-protobuf',
    'application/grpc',
    'image/png',
    'multipart/mixed',
    '',
  ])('%s is not read', (type) => {
    expect(bodyMeaning(type, Buffer.from('{"a":1}')).body.kind).toBe('unread');
    expect(isReadType(type)).toBe(false);
  });
});
