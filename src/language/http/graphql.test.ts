import { describe, expect, it } from 'vitest';
import type { HttpMeaning } from '../../core/http.ts';
import { isGraphqlPath, readGraphql } from './graphql.ts';
import * as limits from './limits.ts';
import { httpMeaning } from './request.ts';
import { noRoutes } from './routes.ts';
import { isHttpFault } from './target.ts';

const fieldsOf = (document: string) => {
  const found = readGraphql(document);
  return 'unread' in found ? found.unread : found.map(({ fields }) => fields);
};

describe('documents', () => {
  it('tell operations with their fields, fragments resolved and aliases left out', () => {
    const document = `
      query Q($id: ID!) @live { me: customer(id: $id) { ...C  orders { total @skip(if: true) } ... on VIP { level } ... { x } } }
      mutation { safe: deleteCustomer(id: 7) { id } }
      subscription S { ticks }
      fragment C on Customer { ssn address { ...A } }
      fragment A on Address { city }`;
    expect(readGraphql(document)).toEqual([
      {
        operation: 'query',
        name: 'Q',
        fields: [
          'customer',
          'customer.ssn',
          'customer.address',
          'customer.address.city',
          'customer.orders',
          'customer.orders.total',
          'customer.level',
          'customer.x',
        ],
      },
      { operation: 'mutation', name: null, fields: ['deleteCustomer', 'deleteCustomer.id'] },
      { operation: 'subscription', name: 'S', fields: ['ticks'] },
    ]);
  });

  it.each([
    ['{ a', /could not be parsed/],
    ['', /could not be parsed/],
    ['fragment F on T { a }', /no operation/],
    ['type T { a: Int } query { a }', /types/],
    ['{ ...F }', /does not define/],
    ['{ ...F } fragment F on T { a } fragment F on T { b }', /twice/],
  ])('are unread: %s', (document, reason) => {
    expect(fieldsOf(document)).toMatch(reason);
  });

  it('end where fragments are cycles', () => {
    expect(fieldsOf('{ ...A } fragment A on T { a { ...B } } fragment B on T { b { ...A } }')).toEqual([['a', 'a.b']]);
    expect(fieldsOf('{ ...A } fragment A on T { ...A a }')).toEqual([['a']]);
  });

  it('are bounded in tokens, depth, fields and what fragments stand for', () => {
    const deep = (depth: number): string => '{a'.repeat(depth) + '}'.repeat(depth);
    expect(fieldsOf(deep(limits.graphqlDepthMax))).toHaveLength(1);
    expect(fieldsOf(deep(limits.graphqlDepthMax + 1))).toMatch(/deeper than 50/);
    expect(fieldsOf(deep(2400))).toMatch(/GraphQL/);
    expect(fieldsOf(deep(300_000))).toMatch(/could not be parsed/);
    const wide = (count: number): string => `{${Array.from({ length: count }, (_, index) => `a${index}`).join(' ')}}`;
    expect(fieldsOf(wide(limits.graphqlFieldsMax))).toHaveLength(1);
    expect(fieldsOf(wide(limits.graphqlFieldsMax + 1))).toMatch(/more than 2000/);
    expect(fieldsOf(wide(limits.graphqlTokensMax))).toMatch(/could not be parsed/);
    // Each fragment stands for twice the next: 2^40 fields.
    const bomb = Array.from(
      { length: 40 },
      (_, index) => `fragment F${index} on T { ...F${index + 1} ...F${index + 1} }`,
    );
    expect(fieldsOf(`{ ...F0 } ${bomb.join(' ')} fragment F40 on T { a }`)).toMatch(/too many fields/);
    const operations = (count: number): string =>
      Array.from({ length: count }, (_, index) => `query Q${index} { a }`).join(' ');
    expect(fieldsOf(operations(limits.graphqlOperationsMax))).toHaveLength(limits.graphqlOperationsMax);
    expect(fieldsOf(operations(limits.graphqlOperationsMax + 1))).toMatch(/more than 100/);
  });
});

function meaning(method: string, target: string, type: string | null, body: string): HttpMeaning {
  const found = httpMeaning({
    method,
    target,
    fields: type === null ? [] : [['Content-Type', type]],
    body: body === '' ? { kind: 'none' } : { kind: 'whole', bytes: Buffer.from(body) },
    routes: noRoutes,
  });
  if (isHttpFault(found)) throw new Error(found.reason);
  return found.http;
}

/** The operations of a request, wherever they stand. */
function operations(method: string, target: string, type: string | null = null, body = '') {
  const { body: read, graphql } = meaning(method, target, type, body);
  if (read.kind === 'unread' || graphql === 'unread') return 'unread';
  const found = [...(graphql ?? []), ...((read.kind === 'json' ? read.graphql : null) ?? [])];
  return found.length === 0 ? null : found.map(({ operation, fields }) => `${operation} ${fields.join()}`);
}

describe('where GraphQL stands in a request', () => {
  const type = 'application/json';
  const form = 'application/x-www-form-urlencoded';
  const persisted = '"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}';
  const document = encodeURIComponent('mutation{a}');
  it.each([
    ['JSON', type, '{"query":"mutation{a}"}', ['mutation a']],
    ['JSON with another spelling', type, '{"Query":"mutation{a}"}', ['mutation a']],
    [
      'JSON, several operations',
      type,
      '{"query":"query A{a} mutation B{b}","operationName":"A"}',
      ['query a', 'mutation b'],
    ],
    ['a batch', type, '[{"query":"{a}"},{"query":"mutation{b}"}]', ['query a', 'mutation b']],
    ['the type of GraphQL', 'application/graphql', '{a{b}}', ['query a,a.b']],
    ['a form', form, `query=${document}`, ['mutation a']],
    ['a persisted query', type, `{${persisted}}`, 'unread'],
    ['a persisted query in a batch', type, `[{"query":"{a}"},{${persisted}}]`, 'unread'],
    ['a persisted query with an empty text', type, `{"query":"",${persisted}}`, 'unread'],
    ['a query to be persisted', type, `{"query":"{a}",${persisted}}`, ['query a']],
    ['what does not parse', type, '{"query":"{a"}', 'unread'],
    ['a search term', type, '{"query":"shoes"}', null],
    ['another query language', type, '{"query":{"match_all":{}}}', null],
    ['nothing of the kind', type, '{"a":1}', null],
  ])('%s', (_name, contentType, body, found) => {
    expect(operations('POST', '/x', contentType, body)).toEqual(found);
  });

  it.each([
    ['/x?query=%7Ba%7D', ['query a']],
    [`/x?operationName=Q&query=${document}`, ['mutation a']],
    ['/x?query={a}', ['query a']],
    ['/x?query=shoes', null],
    ['/graphql?query=shoes', 'unread'],
    ['/x?extensions={"persistedQuery":{"sha256Hash":"x"}}', 'unread'],
    ['/x?extensions={"persistedQuery"', 'unread'],
    ['/x?id=7', null],
    ['/api/graphql?id=7', 'unread'],
    ['/graphql?documentId=7', 'unread'],
  ])('GET %s', (target, found) => {
    expect(operations('GET', target)).toEqual(found);
  });

  it('in the query string of a request with a body, which some services prefer', () => {
    expect(operations('POST', `/x?query=${document}`, type, '{"query":"{b}"}')).toEqual(['mutation a', 'query b']);
  });

  it('in an upload', () => {
    const body = `--B\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":"mutation{up}"}\r\n--B--`;
    expect(operations('POST', '/x', 'multipart/form-data; boundary=B', body)).toEqual(['mutation up']);
    expect(operations('POST', '/graphql', 'multipart/form-data; boundary=B', body.replace('{"query', '{query'))).toBe(
      'unread',
    );
  });

  it('leaves the rest of the body known', () => {
    expect(meaning('POST', '/x', type, `{"a":1,${persisted}}`)).toMatchObject({
      graphql: 'unread',
      body: { kind: 'json', graphql: null },
    });
  });

  it('knows paths that say so', () => {
    for (const path of ['/graphql', '/api/GraphQL/', '/v1/gql', '/graphql-beta'])
      expect(isGraphqlPath(path)).toBe(true);
    for (const path of ['/', '/graphql/x', '/api/regql']) expect(isGraphqlPath(path)).toBe(false);
  });
});
