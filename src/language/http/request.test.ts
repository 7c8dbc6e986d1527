import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { analyseRequest, type HttpReading, type HttpRequest, httpMeaning } from './request.ts';
import { compileRoutes, noRoutes } from './routes.ts';
import { type HttpFault, isHttpFault } from './target.ts';

const take = (more: Partial<HttpRequest>): HttpReading | HttpFault =>
  httpMeaning({ method: 'GET', target: '/', fields: [], body: { kind: 'none' }, routes: noRoutes, ...more });

function taken(more: Partial<HttpRequest>): HttpReading {
  const found = take(more);
  if (isHttpFault(found)) throw new Error(found.reason);
  return found;
}

const whole = (text: string) => ({ kind: 'whole' as const, bytes: Buffer.from(text) });

describe('a request', () => {
  it('is put together', () => {
    const routes = compileRoutes(['/v1/customers/{id}']);
    const found = taken({
      method: 'PATCH',
      target: '/v1/%63ustomers/7?dry=1&dry=%32',
      fields: [
        ['Content-Type', 'application/json; charset=utf-8'],
        ['X-Reason', 'a'],
        ['x-reason', 'b'],
        ['Authorization', 'Bearer secret'],
        ['Cookie', 'session=secret'],
      ],
      body: whole('{"name":"x"}'),
      routes,
    });
    expect(found).toEqual({
      target: '/v1/customers/7?dry=1&dry=%32',
      text: 'PATCH /v1/customers/7?dry=1&dry=%32\n\n{"name":"x"}',
      http: {
        method: 'PATCH',
        path: '/v1/customers/7',
        route: '/v1/customers/{id}',
        query: [
          ['dry', '1'],
          ['dry', '2'],
        ],
        fields: [
          ['content-type', 'application/json; charset=utf-8'],
          ['x-reason', 'a'],
          ['x-reason', 'b'],
        ],
        contentType: 'application/json',
        upgrade: null,
        body: { kind: 'json', value: { name: 'x' }, rpc: null, graphql: null },
        grpc: null,
      },
    });
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  it('A-HTTP-06: is none where its head is ambiguous', () => {
    expect(take({ target: '/a/../b' })).toMatchObject({ fault: 'dot-segment' });
    expect(take({ method: 'GET /' })).toMatchObject({ fault: 'method' });
    expect(take({ method: '' })).toMatchObject({ fault: 'method' });
    expect(take({ method: 'CONNECT' })).toMatchObject({ fault: 'method' });
    const twice = [
      ['content-type', 'application/json'],
      ['Content-Type', 'text/plain'],
    ] as const;
    expect(take({ fields: twice })).toMatchObject({ fault: 'content-type' });
  });

  it('has a type also where it is not spelled well, and a body that is then unread', () => {
    const of = (type: string) => taken({ method: 'POST', fields: [['content-type', type]], body: whole('{}') }).http;
    expect(of('APPLICATION/JSON; x')).toMatchObject({ contentType: 'application/json', body: { kind: 'unread' } });
    expect(of('')).toMatchObject({ contentType: null, body: { kind: 'unread' } });
  });

  it('is unread where it is compressed, unless somebody undid that', () => {
    const compressed = (value: string, decoded: boolean) =>
      taken({
        method: 'POST',
        fields: [
          ['content-type', 'application/json'],
          ['content-encoding', value],
        ],
        body: { ...whole('{}'), decoded },
      }).http.body.kind;
    expect(compressed('gzip', false)).toBe('unread');
    expect(compressed('gzip', true)).toBe('json');
    expect(compressed('identity', false)).toBe('json');
    const unread = taken({ method: 'PUT', body: { kind: 'unread', reason: 'it is a stream' } });
    expect(unread.http.body).toEqual({ kind: 'unread', reason: 'it is a stream' });
    expect(unread.text).toBe('PUT /');
  });

  it.each([
    ['application/grpc', 'orders.Orders/Delete'],
    ['application/grpc+proto', 'orders.Orders/Delete'],
    ['application/grpc-web-text', 'orders.Orders/Delete'],
    ['application/connect+proto', 'orders.Orders/Delete'],
    ['application/proto', 'orders.Orders/Delete'],
    ['application/json', null],
  ])('of the type %s', (type, grpc) => {
    const fields = [['content-type', type]] as const;
    expect(taken({ method: 'POST', target: '/orders.Orders/Delete', fields, body: whole('\0') }).http.grpc).toBe(grpc);
    const prefixed = taken({ method: 'POST', target: '/api/orders.Orders/Delete', fields, body: { kind: 'none' } });
    expect(prefixed.http.grpc).toBe(grpc);
  });
});

describe('a request as text', () => {
  const routes = compileRoutes(['/v1/customers/{id}']);
  it.each([
    [
      'DELETE /v1/customers/7',
      { method: 'DELETE', path: '/v1/customers/7', route: '/v1/customers/{id}', body: { kind: 'none' } },
    ],
    ['GET /x?a=b', { query: [['a', 'b']], contentType: null }],
    ['POST /x\n\n{"a":1}', { contentType: 'application/json', body: { kind: 'json', value: { a: 1 } } }],
    ['POST /x\n\na=1&b=2', { contentType: 'application/x-www-form-urlencoded', body: { kind: 'form' } }],
    ['POST /x\n\nplain text', { contentType: 'text/plain', body: { kind: 'text' } }],
    ['POST /graphql\n\nmutation { a }', { contentType: 'application/graphql', body: { kind: 'json' } }],
    ['POST /graphql\n\n{"query":"{a}"}', { contentType: 'application/json' }],
    ['POST /x\r\nContent-Type: text/plain\r\nX-A: b\r\n\r\n{}', { contentType: 'text/plain', body: { kind: 'text' } }],
    ['GET /x\nx-a: b', { fields: [['x-a', 'b']], body: { kind: 'none' } }],
  ])('%j', (text, expected) => {
    expect(analyseRequest(text, { routes })).toMatchObject(expected);
  });

  it.each([
    '',
    'DELETE',
    'SELECT 1 FROM t',
    'GET x',
    'GET /a/../b',
    'GET  /x',
    'GET /x HTTP/1.1',
    'GET /x\nno field\n\nx',
  ])('none: %j', (text) => {
    expect(analyseRequest(text)).toBeNull();
  });

  it('follows the options of the resource', () => {
    expect(analyseRequest('GET /a%2Fb')).toBeNull();
    expect(analyseRequest('GET /a%2Fb', { targetOptions: { encodedSlashes: 'keep' } })?.path).toBe('/a%2Fb');
  });

  it('comes back as it was recorded', () => {
    const boundary = 'multipart/form-data; boundary=B';
    const bodies = fc.oneof(
      fc.json().map((text) => ['application/json', text] as const),
      fc.constant(['application/json', '{"query":"mutation{a{b}}"}'] as const),
      fc
        .array(fc.tuple(fc.stringMatching(/^[a-z]+$/), fc.string()), { minLength: 1 })
        .map((pairs) => ['application/x-www-form-urlencoded', new URLSearchParams(pairs).toString()] as const),
      fc
        .string()
        .filter((value) => !value.includes('--B'))
        .map((value) => {
          const file = '--B\r\nContent-Disposition: form-data; name="f"; filename="x.png"\r\n\r\n\r\n';
          return [boundary, `--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n${value}\r\n${file}--B--`] as const;
        }),
    );
    fc.assert(
      fc.property(
        bodies,
        fc.constantFrom('/x', '/v1/customers/7?a=b', '/graphql?query={a}'),
        ([type, body], target) => {
          const { http, text } = taken({
            method: 'POST',
            target,
            fields: [['content-type', type]],
            body: whole(body),
            routes,
          });
          // A single text, number or word of JSON does not look like JSON.
          fc.pre(type !== 'application/json' || /^[[{]/.test(body));
          const again = analyseRequest(text, { routes });
          expect({ ...again, fields: [] }).toEqual({ ...http, fields: [] });
        },
      ),
      { numRuns: 1000 },
    );
  });
});
