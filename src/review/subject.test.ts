import { describe, expect, test } from 'vitest';
import type { HttpMeaning } from '../core/http.ts';
import * as limits from './limits.ts';
import { meaningView } from './subject.ts';

const request: HttpMeaning = {
  method: 'POST',
  path: '/v1/customers/7',
  route: '/v1/customers/{id}',
  query: [],
  fields: [],
  contentType: 'application/json',
  upgrade: null,
  body: { kind: 'json', value: {}, rpc: null, graphql: null },
  grpc: null,
};
const view = (more: Partial<HttpMeaning>) => meaningView({ language: 'http', http: { ...request, ...more } });

describe('A-REV-06: what a request means, for its reviewer', () => {
  test('its path, route and type', () => {
    expect(view({})).toMatchObject({
      effects: ['POST', 'application/json'],
      complete: true,
      reasons: [],
      relations: [{ name: '/v1/customers/7', access: 'write', via: '/v1/customers/{id}' }],
      functions: [],
      more: 0,
    });
    expect(view({ route: null, body: { kind: 'none' } })).toMatchObject({
      effects: ['POST'],
      relations: [{ via: 'POST' }],
    });
  });

  test('what it calls', () => {
    const graphql = [{ operation: 'mutation' as const, name: 'M', fields: ['deleteCustomer', 'deleteCustomer.id'] }];
    const body = { kind: 'json' as const, value: {}, rpc: ['a.b'], graphql };
    const elsewhere = [{ operation: 'query' as const, name: null, fields: ['x'] }];
    expect(view({ body, grpc: 'o.Orders/Delete', graphql: elsewhere })).toMatchObject({
      effects: ['POST', 'application/json', 'query', 'mutation'],
      functions: [
        'gRPC o.Orders/Delete',
        'JSON-RPC a.b',
        'query: x',
        'mutation M: deleteCustomer',
        'mutation M: deleteCustomer.id',
      ],
    });
  });

  test('the files in it', () => {
    const body = { kind: 'form' as const, fields: [], files: [['avatar', 'a.png']] as const };
    expect(view({ body }).relations[1]).toEqual({ name: 'a.png', access: 'write', via: 'file avatar' });
  });

  test('what of it nobody knows', () => {
    expect(view({ body: { kind: 'unread', reason: 'it is too long' } })).toMatchObject({
      complete: false,
      reasons: ['the body was not read: it is too long'],
    });
    expect(view({ graphql: 'unread', upgrade: 'websocket' }).reasons).toHaveLength(2);
  });

  test('is cut where it passes what anybody reads, with the rest counted', () => {
    const rpc = Array.from({ length: limits.meaningEntriesMax + 2 }, (_, index) => `m${index}`);
    const cut = view({ body: { kind: 'json', value: [], rpc, graphql: null } });
    expect(cut.functions).toHaveLength(limits.meaningEntriesMax);
    expect(cut.more).toBe(2);
  });
});
