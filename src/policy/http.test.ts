import { describe, expect, it } from 'vitest';
import type { Meaning } from '../core/command.ts';
import type { GraphqlOperation, HttpMeaning, HttpSelector } from '../core/http.ts';
import { Facts } from './facts.ts';
import { Fields } from './fields.ts';
import { no, opaque, perhaps, yes } from './finding.ts';
import { compileHttp } from './http.ts';
import { spellHttpDoubt } from './http-facts.ts';
import {
  checkGuardrail,
  compileGuardrails,
  type GuardrailRequest,
  type ProtocolCapability,
  runExamples,
} from './index.ts';
import * as limits from './limits.ts';
import { nowMs, request, resource, rule } from './testing.ts';

function http(more: Partial<HttpMeaning> = {}): HttpMeaning {
  return {
    method: 'GET',
    path: '/',
    route: null,
    query: [],
    fields: [],
    contentType: null,
    upgrade: null,
    body: { kind: 'none' },
    grpc: null,
    ...more,
  };
}

function requestOf(meaning: HttpMeaning | null, kind: 'http' | 'sql' = 'http'): GuardrailRequest {
  const text = meaning === null ? 'x' : `${meaning.method} ${meaning.path}`;
  const carried: Meaning | null = meaning === null ? null : { language: 'http', http: meaning };
  return request({ text, verb: 'get', command: { kind, meaning: carried }, resource: resource('shop', {}, 'http') });
}

const at = 'match.commands.http';

function find(selector: HttpSelector, more: Partial<HttpMeaning> = {}): number {
  const condition = compileHttp(new Fields('rule'), at, selector);
  const facts = new Facts(requestOf(http(more)));
  expect(condition.because(facts)).toContain(`the request is "${more.method ?? 'GET'}`);
  return condition.test(facts);
}

const json = (value: unknown, more: { rpc?: readonly string[]; graphql?: readonly GraphqlOperation[] } = {}) => ({
  contentType: 'application/json',
  body: { kind: 'json' as const, value, rpc: null, graphql: null, ...more },
});
const form = (...fields: [string, string][]) => ({
  contentType: 'application/x-www-form-urlencoded',
  body: { kind: 'form' as const, fields },
});
const unread = { kind: 'unread' as const, reason: 'it is too long' };

describe('A-HTTP-06: methods, paths and routes', () => {
  it.each<[HttpSelector, Partial<HttpMeaning>, number]>([
    [{ methods: ['DELETE', 'PUT'] }, { method: 'PUT' }, yes],
    [{ methods: ['DELETE'] }, { method: 'delete' }, yes],
    [{ methods: ['delete'] }, { method: 'DELETE' }, yes],
    [{ methods: ['DELETE'] }, { method: 'POST' }, no],
    [{ methods: ['DELETE'] }, { method: 'POST', fields: [['x-http-method-override', ' delete ']] }, perhaps],
    [{ methods: ['DELETE'] }, { method: 'POST', fields: [['x_http_method', 'DELETE']] }, perhaps],
    [{ methods: ['DELETE'] }, { method: 'POST', fields: [['x-http-method', 'PUT']] }, no],
    [{ methods: ['DELETE'] }, { method: 'POST', query: [['_method', 'DELETE']] }, perhaps],
    [{ methods: ['DELETE'] }, { method: 'POST', ...form(['_method', 'delete']) }, perhaps],
    [{ methods: ['DELETE'] }, { method: 'POST', contentType: 'multipart/form-data', body: unread }, perhaps],
    [{ methods: ['DELETE'] }, { method: 'POST', contentType: 'image/png', body: unread }, no],
  ])('%j of %j', (selector, more, finding) => {
    expect(find(selector, more)).toBe(finding);
  });

  const paths: readonly (readonly [pattern: string, matches: readonly string[], others: readonly string[]])[] = [
    [
      '/v1/customers/*',
      ['/v1/customers/7', '/V1/Customers/7', '/v1/customers/7/'],
      ['/v1/customers', '/v1/customers/7/x'],
    ],
    ['/admin/**', ['/admin', '/admin/', '/admin/a/b', '/Admin/x'], ['/administration', '/x/admin']],
    ['**/secret', ['/secret', '/a/b/secret'], ['/secret/x']],
    ['/*.json', ['/a.json', '/a%2Ejson'.replace('%2E', '.')], ['/a/b.json', '/a.jsonx']],
    ['/größe', ['/gr%C3%B6%C3%9Fe', '/GR%C3%96%C3%9Fe'], ['/grosse']],
    ['/a b', ['/a%20b'], ['/ab']],
    ['/a%20b', ['/a%20b'], ['/a%2520b']],
    ['/a[1]', ['/a%5B1%5D'], ['/a1']],
    ['/@me', ['/%40me', '/@me'], []],
    // What was let through may be read in two ways: each counts.
    ['/admin/x', ['/admin%2Fx', '/admin;a/x;b', '/admin%3Ba%2Fx'], []],
    ['/a/*/x', ['/a/b%2Fc/x'], []],
    ['/*', ['/admin%2Fx', '/'.concat('x')], ['/a/b']],
    ['/', ['/'], ['/a']],
  ];
  it.each(paths)('paths: %s', (pattern, matches, others) => {
    for (const path of matches) expect(find({ paths: [pattern] }, { path }), path).toBe(yes);
    for (const path of others) expect(find({ paths: [pattern] }, { path }), path).toBe(no);
  });

  it('routes: as the resource names them, and by the path where it does not', () => {
    const route = '/v1/customers/{id}';
    const selector: HttpSelector = { routes: [route, '/x/{a}/y'] };
    expect(find(selector, { route, path: '/v1/customers/7' })).toBe(yes);
    expect(find(selector, { route: '/V1/customers/{customerId}', path: '/v1/customers/7' })).toBe(yes);
    // The resource says that it is another one.
    expect(find(selector, { route: '/v1/customers/search', path: '/v1/customers/search' })).toBe(no);
    expect(find(selector, { path: '/v1/customers/7' })).toBe(yes);
    expect(find(selector, { path: '/x/1/Y' })).toBe(yes);
    expect(find(selector, { path: '/v1/customers' })).toBe(no);
  });
});

describe('query, headers, types, upgrades', () => {
  it.each<[HttpSelector, Partial<HttpMeaning>, number]>([
    [
      { query: ['force'] },
      {
        query: [
          ['a', '1'],
          ['Force', ''],
        ],
      },
      yes,
    ],
    [
      { query: ['force=true'] },
      {
        query: [
          ['force', 'false'],
          ['force', 'TRUE'],
        ],
      },
      yes,
    ],
    [{ query: ['force=true'] }, { query: [['force', 'false']] }, no],
    [{ query: ['*token=a*'] }, { query: [['my_token', 'abc']] }, yes],
    [{ query: ['f=a=b'] }, { query: [['f', 'a=b']] }, yes],
    [{ query: ['f='] }, { query: [['f', '']] }, yes],
    [{ headers: ['x-debug'] }, { fields: [['x-debug', '1']] }, yes],
    [{ headers: ['X-Debug=1'] }, { fields: [['x_debug', ' 1 ']] }, yes],
    [{ headers: ['x-debug=1'] }, { fields: [['x-debug', '2']] }, no],
    [{ headers: ['accept=text/xml'] }, { fields: [['accept', 'text/html, text/XML']] }, yes],
    [{ contentTypes: ['application/*xml'] }, { contentType: 'application/soap+xml', body: { kind: 'text' } }, yes],
    [{ contentTypes: ['text/xml'] }, { contentType: 'text/plain', body: { kind: 'text' } }, no],
    [{ contentTypes: ['text/xml'] }, { body: unread }, perhaps],
    [{ contentTypes: ['text/xml'] }, {}, no],
    [{ upgrades: ['websocket'] }, { upgrade: 'websocket' }, yes],
    [{ upgrades: ['websocket'] }, {}, no],
  ])('%j of %j', (selector, more, finding) => {
    expect(find(selector, more)).toBe(finding);
  });
});

describe('bodies', () => {
  const order = {
    customer: { Name: 'Anna', ssn: null },
    items: [{ price: 1.5 }, { price: 100 }],
    'a/b': { '~': true },
  };
  it.each<[pattern: string, found: number]>([
    ['/customer', yes],
    ['/customer/name', yes],
    ['/customer/name=anna', yes],
    ['/customer/name=a*', yes],
    ['/customer/name=b*', no],
    ['/customer/ssn', yes],
    ['/customer/ssn=null', yes],
    ['/items/*/price=100', yes],
    ['/items/*/price=1e2', yes],
    ['/items/0/price=100', no],
    ['/items/1/price=1*', yes],
    ['/*/0', yes],
    ['/a~1b/~0=true', yes],
    ['/customer=*', yes],
    ['/customer=', no],
    ['/customer/name/x', no],
    ['/nothing', no],
    ['/', no],
  ])('JSON: %s', (pattern, found) => {
    expect(find({ body: [pattern] }, json(order))).toBe(found);
  });

  it.each<[pattern: string, found: number]>([
    ['/a', yes],
    ['/A=1', yes],
    ['/a=2', no],
    ['/user/role', yes],
    ['/user/role=admin', yes],
    ['/user[role]=admin', yes],
    ['/user/*=guest', no],
    ['/list/*=x', yes],
    ['/file', yes],
    ['/file=x', perhaps],
    ['/nothing', no],
  ])('forms: %s', (pattern, found) => {
    const { body } = form(['a', '1'], ['user[role]', 'Admin'], ['list[]', 'x']);
    expect(find({ body: [pattern] }, { body: { ...body, files: [['file', 'x.png']] } })).toBe(found);
  });

  it('that were not read, or that a service may read in its own way, are never a certain no', () => {
    for (const selector of [
      { body: ['/a'] },
      { rpc: ['a'] },
      { graphql: { operations: ['mutation'] } },
    ] satisfies HttpSelector[]) {
      expect(find(selector)).toBe(no);
      expect(find(selector, json({ b: 1 }))).toBe(no);
      expect(find(selector, form(['b', '1']))).toBe(no);
      expect(find(selector, { body: unread })).toBe(perhaps);
      expect(find(selector, { body: { kind: 'text' } })).toBe(perhaps);
      expect(find(selector, { upgrade: 'websocket' })).toBe(perhaps);
      expect(find({ ...selector, uncertain: 'ignore' }, { body: unread })).toBe(no);
      expect(find({ ...selector, methods: ['PUT'] }, { body: unread })).toBe(no);
    }
  });
});

describe('GraphQL, JSON-RPC, gRPC', () => {
  const read: GraphqlOperation = { operation: 'query', name: null, fields: ['customer', 'customer.ssn'] };
  const write: GraphqlOperation = { operation: 'mutation', name: 'M', fields: ['deleteCustomer', 'deleteCustomer.id'] };

  it('asks for all of one operation, not for parts of several', () => {
    const both = json({}, { graphql: [read, write] });
    expect(find({ graphql: { operations: ['mutation'] } }, both)).toBe(yes);
    expect(find({ graphql: { operations: ['subscription'] } }, both)).toBe(no);
    expect(find({ graphql: { fields: ['deletecustomer'] } }, both)).toBe(yes);
    expect(find({ graphql: { fields: ['customer.*'] } }, both)).toBe(yes);
    expect(find({ graphql: { operations: ['mutation'], fields: ['customer.ssn'] } }, both)).toBe(no);
    expect(find({ graphql: { operations: ['query'], fields: ['*.ssn'] } }, both)).toBe(yes);
  });

  it('also where it stands in the query string, and where it is not known', () => {
    expect(find({ graphql: { operations: ['mutation'] } }, { graphql: [write] })).toBe(yes);
    expect(find({ graphql: { operations: ['mutation'] } }, { graphql: [read] })).toBe(no);
    expect(find({ graphql: { operations: ['mutation'] } }, { graphql: 'unread' })).toBe(perhaps);
    expect(find({ body: ['/a'] }, { ...json({ b: 1 }), graphql: 'unread' })).toBe(no);
  });

  it('of a gRPC message either spelling of a name; and what its descriptor does not know may be anything', () => {
    const message = json({ customer_id: 'c1', items: [{ unit_price: 5 }] });
    const names = { customer_id: ['customerId'], unit_price: ['unitPrice'] };
    const known = { ...message, body: { ...message.body, names } };
    for (const place of ['/customer_id', '/customerId=c1', '/items/*/unitPrice=5', '/items/0/unit_price']) {
      expect(find({ body: [place] }, known)).toBe(yes);
    }
    expect(find({ body: ['/customerid2'] }, known)).toBe(no);
    expect(find({ body: ['/customerId'] }, message)).toBe(no);
    const more = { ...known, body: { ...known.body, unknown: 'it has fields that nobody knows' } };
    expect(find({ body: ['/customerId'] }, more)).toBe(yes);
    expect(find({ body: ['/force'] }, more)).toBe(perhaps);
    expect(spellHttpDoubt(http(more))).toBe(
      'The body of the request is not known whole: it has fields that nobody knows.',
    );
  });

  it('JSON-RPC: any call of a batch', () => {
    expect(find({ rpc: ['admin_*'] }, json([], { rpc: ['eth_call', 'admin_addPeer'] }))).toBe(yes);
    expect(find({ rpc: ['admin_*'] }, json([], { rpc: ['eth_call'] }))).toBe(no);
  });

  it('gRPC: by method, and perhaps where another protocol is spoken at its path', () => {
    const path = '/orders.Orders/Delete';
    const selector: HttpSelector = { grpc: ['orders.Orders/*'] };
    expect(find(selector, { path, grpc: 'orders.Orders/Delete' })).toBe(yes);
    expect(find(selector, { path, grpc: 'orders.Other/Delete' })).toBe(no);
    expect(find(selector, { path, ...json({}) })).toBe(perhaps);
    expect(find(selector, { path: `/api${path}` })).toBe(perhaps);
    expect(find(selector, { path: '/orders' })).toBe(no);
    expect(find({ grpc: ['*'] }, { path })).toBe(no);
    expect(find({ grpc: ['*'] }, { grpc: 'a/b' })).toBe(yes);
  });
});

describe('a rule about requests', () => {
  const block = compileGuardrails(
    [rule('r', 'block', { commands: { http: { methods: ['DELETE'], paths: ['/v1/**'] } } })],
    {
      ledger: null,
    },
  );

  it('asks for everything that it gives, and only requests', () => {
    const judge = (meaning: HttpMeaning | null, kind: 'http' | 'sql' = 'http') =>
      block.judge(requestOf(meaning, kind)).verdict.name;
    expect(judge(http({ method: 'DELETE', path: '/v1/x' }))).toBe('block');
    expect(judge(http({ method: 'DELETE', path: '/v2/x' }))).toBe('allow');
    expect(judge(http({ method: 'GET', path: '/v1/x' }))).toBe('allow');
    expect(judge(null, 'sql')).toBe('allow');
  });

  it('blocks a request without a meaning', () => {
    expect(block.judge(requestOf(null)).verdict).toMatchObject({
      name: 'block',
      reason: expect.stringContaining('not analysed') as string,
    });
    const condition = compileHttp(new Fields('r'), at, { methods: ['GET'] });
    expect(condition.test(new Facts(requestOf(null)))).toBe(opaque);
  });

  it('says what is not known', () => {
    const rules = compileGuardrails([rule('r', 'block', { commands: { http: { body: ['/a'] } } })], { ledger: null });
    const { verdict } = rules.judge(requestOf(http({ body: unread })));
    expect(verdict).toMatchObject({
      name: 'block',
      reason: expect.stringMatching(/^The body of the request was not read: it is too long\./) as string,
    });
    const [trace] = rules.explain(requestOf(http({ method: 'PUT', path: '/v1', body: unread }))).rules;
    expect(trace!.conditions[0]).toMatchObject({ condition: at, finding: 'perhaps' });
    expect(trace!.conditions[0]!.because).toContain('the request is "PUT /v1"');
  });

  it('refuses what it does not know, and what selects nothing', () => {
    for (const value of [
      {},
      { uncertain: 'ignore' },
      { methods: [] },
      { other: ['x'] },
      { paths: ['v1'] },
      { paths: ['/v1?x'] },
      { paths: ['/v1/{id}'] },
      { paths: ['/a/../b'] },
      { routes: ['/v1/*'] },
      { routes: ['v1'] },
      { routes: ['/v1/{id}.json'] },
      { body: ['a'] },
      { body: ['/a~2'] },
      { graphql: {} },
      { graphql: { operations: ['drop'] } },
      { graphql: { names: ['x'] } },
      { upgrades: ['h2c'] },
      { uncertain: 'maybe', methods: ['GET'] },
    ]) {
      expect(() => compileHttp(new Fields('r'), at, value), JSON.stringify(value)).toThrow(
        'policy.malformed-guardrail',
      );
    }
  });

  it('A-POL-01: is bounded in what it may cost', () => {
    const body = (count: number) => [
      rule('r', 'block', { commands: { http: { body: Array.from({ length: count }, () => '/a') } } }),
    ];
    const most = limits.stepsMax / limits.bodyPatternSteps;
    expect(() => compileGuardrails(body(most), { ledger: null })).not.toThrow();
    expect(() => compileGuardrails(body(most + 1), { ledger: null })).toThrow('policy.malformed-guardrail');
  });
});

describe('`when` on requests', () => {
  const verdictOf = (when: string, meaning: HttpMeaning | null, kind: 'http' | 'sql' = 'http') =>
    compileGuardrails([rule('r', 'block', { when })], { ledger: null }).judge(requestOf(meaning, kind)).verdict.name;
  const full = http({
    method: 'PATCH',
    path: '/v1/customers/7',
    route: '/v1/customers/{id}',
    query: [['dry', '1']],
    fields: [['x-reason', 'ticket']],
    ...json({}, { rpc: ['a'], graphql: [{ operation: 'mutation', name: 'M', fields: ['a.b'] }] }),
  });
  it.each<[string, boolean]>([
    ['command.http.method == "PATCH" && command.http.path.startsWith("/v1/")', true],
    ['command.http.route == "/v1/customers/{id}"', true],
    ['command.http.query.exists(q, q.name == "dry" && q.value == "1")', true],
    ['command.http.query.exists(q, q.name == "force")', false],
    ['!command.http.headers.exists(h, h.name == "x-reason")', false],
    ['command.http.contentType == "application/json" && command.http.body == "json"', true],
    ['command.http.graphql.exists(o, o.operation == "mutation" && "a.b" in o.fields && o.name == "M")', true],
    ['"a" in command.http.rpc', true],
    ['command.http.form.exists(f, f.name == "x")', false],
    ['command.http.grpc == "" && command.http.upgrade == ""', true],
  ])('%s', (when, holds) => {
    expect(verdictOf(when, full)).toBe(holds ? 'block' : 'allow');
  });

  it('counts what is not known as matching, and knows that SQL is no request', () => {
    const isMutation = 'command.http.graphql.exists(o, o.operation == "mutation")';
    expect(verdictOf(isMutation, http())).toBe('allow');
    expect(verdictOf(isMutation, http({ body: unread }))).toBe('block');
    expect(verdictOf(isMutation, http({ graphql: 'unread' }))).toBe('block');
    expect(verdictOf('command.http.form.size() > 0', http({ body: { kind: 'text' } }))).toBe('block');
    expect(verdictOf('command.http.method == "DELETE"', null)).toBe('block');
    expect(verdictOf('command.http.method == "DELETE"', null, 'sql')).toBe('allow');
    const many = (count: number) => http({ query: Array.from({ length: count }, (): [string, string] => ['a', '']) });
    const isForced = 'command.http.query.exists(q, q.name == "b")';
    expect(verdictOf(isForced, many(limits.whenListEntriesMax))).toBe('allow');
    expect(verdictOf(isForced, many(limits.whenListEntriesMax + 1))).toBe('block');
  });
});

describe('a rule about requests, when it is saved', () => {
  const capability: ProtocolCapability = {
    assurance: 'exact',
    languages: ['http'],
    verbs: ['get', 'delete'],
    rowEstimates: false,
    holds: true,
    masks: true,
    limits: true,
  };
  const capabilities = { http: capability, postgres: { ...capability, languages: ['sql' as const], verbs: ['query'] } };

  it('must be on a protocol that speaks HTTP', () => {
    const check = (match: Parameters<typeof rule>[2]) => checkGuardrail(rule('r', 'block', match), [], capabilities);
    const commands = { http: { methods: ['DELETE'] } };
    expect(check({ commands })).toEqual([]);
    expect(check({ commands, resources: { protocols: ['http'] } })).toEqual([]);
    const refused = ['The protocol postgres speaks no HTTP, so the rule would match nothing on it.'];
    expect(check({ commands, resources: { protocols: ['postgres'] } })).toEqual(refused);
    expect(check({ when: 'command.http.method == "GET"', resources: { protocols: ['postgres'] } })).toEqual(refused);
  });

  it('is tried by its examples, whose verb is the method', () => {
    const match = { commands: { http: { paths: ['/v1/**'] }, verbs: ['delete'] } };
    const examples = [
      { command: 'DELETE /v1/customers/7', expect: 'block' as const },
      { command: 'GET /v1/customers/7', expect: 'allow' as const },
    ];
    const compiled = compileGuardrails([rule('r', 'block', match, { examples })], { ledger: null });
    const asked: string[] = [];
    const trials = runExamples(compiled, {
      resources: [],
      nowMs,
      protocol: (language) => language,
      verb: () => 'get',
      analyse: (text, { protocol }) => {
        asked.push(protocol);
        const [method, path] = text.split(' ') as [string, string];
        return { language: 'http', http: http({ method, path }) };
      },
    });
    expect(trials.map(({ passed, reason }) => [passed, reason])).toEqual([
      [true, expect.stringContaining('As expected')],
      [true, expect.stringContaining('As expected')],
    ]);
    expect(asked).toEqual(['http', 'http']);
  });
});
