/**
 * A-API-01, A-API-02: every route for every role, against a literal table. A route without a row fails.
 * Over real HTTP, with in-memory fakes behind the ports.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { permissionsOf, rolePermissions } from './authorise.ts';
import { permissions, type RouteDefinition, type RouteName, routes } from './contract/index.ts';
import { reviewRecord } from './fixtures/fake-reviews.ts';
import { type Person, type Running, start } from './fixtures/fakes.ts';

interface Row {
  readonly route: RouteName;
  readonly what?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
  /** In place of `body`: a form as it is, and headers. */
  readonly form?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** anonymous, alice (whose things these are), mallory (another member), auditor, admin. */
  readonly expect: readonly [number, number, number, number, number];
}

const callers: readonly (Person | null)[] = [null, 'alice', 'mallory', 'audrey', 'adam'];
const alices = { id: 'ses_alice' };
const held = { id: 'rev_alice' };
const explained = { resource: 'orders', command: 'select 1' };
const asked = { resource: 'orders', reason: 'incident 7', duration: '2h' };
const visited = { resource: 'orders', domain: 'localhost', nonce: 'n'.repeat(43), returnTo: '/' };
const group = { kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['alice'] } };

const table: readonly Row[] = [
  { route: 'login', body: { principal: 'alice', password: 'alices-password' }, expect: [200, 200, 200, 200, 200] },
  { route: 'logout', expect: [401, 204, 204, 204, 204] },
  { route: 'whoami', expect: [401, 200, 200, 200, 200] },
  { route: 'listTokens', expect: [401, 200, 200, 200, 200] },
  { route: 'listTokens', what: 'everybody’s', query: 'all=true', expect: [401, 403, 403, 200, 200] },
  { route: 'createToken', body: {}, expect: [401, 200, 200, 200, 200] },
  { route: 'createToken', what: 'for alice', body: { principal: 'alice' }, expect: [401, 200, 403, 403, 200] },
  { route: 'createToken', what: 'for a service', body: { principal: 'robot' }, expect: [401, 403, 403, 403, 200] },
  { route: 'listSignOns', expect: [401, 200, 200, 200, 200] },
  // A sign-on waits for alice, and nobody approves for her.
  {
    route: 'decideSignOn',
    params: { id: 'sgn_1' },
    body: { decision: 'approve' },
    expect: [401, 204, 404, 404, 404],
  },
  { route: 'beginVisit', body: visited, expect: [401, 200, 200, 200, 200] },
  {
    route: 'beginVisit',
    what: 'of nothing',
    body: { ...visited, resource: 'vault' },
    expect: [401, 404, 404, 404, 404],
  },
  {
    route: 'beginVisit',
    what: 'elsewhere',
    body: { ...visited, domain: 'evil.example' },
    expect: [401, 404, 404, 404, 404],
  },
  { route: 'sshKeys', expect: [401, 200, 200, 200, 200] },
  { route: 'signSshKey', body: { publicKey: `ssh-ed25519 AAAA${'B'.repeat(64)}` }, expect: [401, 200, 200, 200, 200] },
  { route: 'scanHostKeys', params: { name: 'web-1' }, expect: [401, 403, 403, 403, 200] },
  { route: 'revokeToken', params: { id: 'tok_alice' }, expect: [401, 204, 404, 404, 204] },
  { route: 'listObjects', params: { kind: 'Principal' }, expect: [401, 403, 403, 200, 200] },
  { route: 'getObject', params: { kind: 'Principal', name: 'alice' }, expect: [401, 403, 403, 200, 200] },
  { route: 'apply', body: { documents: [group] }, expect: [401, 403, 403, 403, 200] },
  { route: 'apply', what: 'dry run', body: { documents: [group], dryRun: true }, expect: [401, 403, 403, 403, 200] },
  { route: 'deleteObject', params: { kind: 'Principal', name: 'alice' }, expect: [401, 403, 403, 403, 200] },
  { route: 'listSecrets', expect: [401, 403, 403, 200, 200] },
  { route: 'putSecret', params: { name: 'spare' }, body: { value: 'x' }, expect: [401, 403, 403, 403, 204] },
  { route: 'deleteSecret', params: { name: 'spare' }, expect: [401, 403, 403, 403, 204] },
  { route: 'rotateSecrets', expect: [401, 403, 403, 403, 200] },
  { route: 'listSessions', expect: [401, 200, 200, 200, 200] },
  { route: 'getSession', params: alices, expect: [401, 200, 404, 200, 200] },
  { route: 'killSession', params: alices, body: { reason: 'test' }, expect: [401, 204, 404, 403, 204] },
  { route: 'steerSession', params: alices, body: { action: 'pause' }, expect: [401, 403, 403, 403, 204] },
  { route: 'sessionEvents', params: alices, expect: [401, 200, 404, 200, 200] },
  { route: 'readRecording', params: alices, expect: [401, 200, 404, 200, 200] },
  { route: 'tailSession', params: alices, expect: [401, 200, 404, 200, 200] },
  { route: 'exportSession', params: alices, query: 'format=csv', expect: [401, 200, 404, 200, 200] },
  { route: 'listResources', expect: [401, 200, 200, 200, 200] },
  { route: 'explainAccess', query: 'principal=alice&resource=orders', expect: [401, 200, 403, 200, 200] },
  { route: 'explainCommand', body: explained, expect: [401, 200, 200, 200, 200] },
  {
    route: 'explainCommand',
    what: 'for alice',
    body: { ...explained, principal: 'alice' },
    expect: [401, 200, 403, 200, 200],
  },
  { route: 'listReviews', expect: [401, 200, 200, 200, 200] },
  // Alice asked, mallory is the reviewer; nobody decides their own, and no role decides for itself (A-REV-01).
  { route: 'getReview', params: held, expect: [401, 200, 200, 200, 200] },
  { route: 'getReview', what: 'of adam', params: { id: 'rev_adam' }, expect: [401, 404, 404, 200, 200] },
  { route: 'decideReview', params: held, body: { decision: 'approve' }, expect: [401, 403, 200, 403, 403] },
  {
    route: 'decideReview',
    what: 'of adam',
    params: { id: 'rev_adam' },
    body: { decision: 'approve' },
    expect: [401, 404, 404, 403, 403],
  },
  // Whoever sends it, signed on or not: the signature of the body is the proof, and nothing else is (A-REV-02).
  {
    route: 'decideFromSlack',
    form: 'payload=%7B%7D',
    headers: { 'x-slack-signature': 'v0=good', 'x-slack-request-timestamp': '1' },
    expect: [200, 200, 200, 200, 200],
  },
  {
    route: 'decideFromSlack',
    what: 'forged',
    form: 'payload=%7B%7D',
    headers: { 'x-slack-signature': 'v0=bad', 'x-slack-request-timestamp': '1' },
    expect: [401, 401, 401, 401, 401],
  },
  { route: 'decideFromSlack', what: 'unsigned', form: 'payload=%7B%7D', expect: [401, 401, 401, 401, 401] },
  { route: 'withdrawReview', params: held, expect: [401, 200, 403, 403, 403] },
  { route: 'withdrawReview', what: 'of adam', params: { id: 'rev_adam' }, expect: [401, 404, 404, 403, 200] },
  { route: 'breakGlass', params: held, body: { reason: 'down' }, expect: [401, 200, 403, 403, 403] },
  { route: 'requestAccess', body: asked, expect: [401, 200, 200, 200, 200] },
  {
    route: 'requestAccess',
    what: 'to nothing',
    body: { ...asked, resource: 'vault' },
    expect: [401, 404, 404, 404, 404],
  },
  { route: 'listGrants', expect: [401, 200, 200, 200, 200] },
  { route: 'revokeGrant', params: { id: 'grn_alice' }, expect: [401, 204, 404, 404, 204] },
  { route: 'testPolicy', body: { documents: [group] }, expect: [401, 403, 403, 200, 200] },
  {
    route: 'replayPolicy',
    body: { documents: [group], since: '2026-01-01T00:00:00Z' },
    expect: [401, 403, 403, 200, 200],
  },
  { route: 'checkpoint', expect: [401, 403, 403, 200, 200] },
  { route: 'status', expect: [401, 403, 403, 200, 200] },
  { route: 'manifestSchema', expect: [200, 200, 200, 200, 200] },
  { route: 'openapi', expect: [200, 200, 200, 200, 200] },
  { route: 'health', expect: [200, 200, 200, 200, 200] },
  { route: 'readiness', expect: [200, 200, 200, 200, 200] },
  // From this machine and without a token; the tests below come through a proxy.
  { route: 'metrics', expect: [200, 403, 403, 200, 200] },
];

const nobody = { names: [], groups: [] };

const open: Running[] = [];
afterAll(() => Promise.all(open.map((running) => running.close())));

async function fresh(): Promise<Running> {
  const running = await start();
  open.push(running);
  const adam = { id: 'pri_adam', name: 'adam', kind: 'person' } as const;
  running.world.rules.reviews.set('rev_adam', reviewRecord({ id: 'rev_adam', requester: adam, reviewers: nobody }));
  return running;
}

function pathOf(row: Row): string {
  const route: RouteDefinition = routes[row.route];
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => row.params?.[name] ?? `missing-${name}`);
  return row.query === undefined ? path : `${path}?${row.query}`;
}

describe('A-API-01: every route × every role', () => {
  test('every route has a row', () => {
    const named = new Set(table.map((row) => row.route));
    expect(Object.keys(routes).filter((name) => !named.has(name as RouteName))).toEqual([]);
  });

  for (const row of table) {
    test(`${row.route}${row.what === undefined ? '' : ` ${row.what}`}`, async () => {
      const got: number[] = [];
      for (const caller of callers) {
        const running = await fresh();
        const { body, form, headers } = row;
        const formHeaders = { 'content-type': 'application/x-www-form-urlencoded', ...headers };
        const content = form === undefined ? { body } : { raw: form, headers: formHeaders };
        const answer = await running.call(routes[row.route].method, pathOf(row), caller, content);
        got.push(answer.status);
        if (answer.status >= 400) {
          expect(answer.headers.get('content-type')).toContain('application/problem+json');
          expect(running.world.eventsOf('configuration.changed')).toEqual([]);
          expect(running.world.eventsOf('recording.read')).toEqual([]);
          expect(running.world.killed).toEqual([]);
          expect(running.world.rules.acts).toEqual([]);
        }
      }
      expect(got).toEqual(row.expect);
    });
  }

  test('a route without a permission does not start', async () => {
    const { createApi } = await import('./server.ts');
    const { World, postgres } = await import('./fixtures/fakes.ts');
    const { silentLog } = await import('../base/log.ts');
    const world = new World();
    const options = {
      version: '1',
      clock: world.clock,
      log: silentLog,
      protocols: [postgres],
      tls: null,
      consoleDirectory: null,
    };
    const app = createApi(world.ports, options);
    expect(() => app.get('/second-door', async () => 'open')).toThrow('does not allow');
    await app.close();
  });

  test('every permission is given to some role, and what no role has is refused', () => {
    const given = new Set(Object.values(rolePermissions).flatMap((table) => Object.keys(table)));
    expect(permissions.filter((permission) => permission !== 'self' && !given.has(permission))).toEqual([]);
    expect(permissionsOf([])).toEqual({});
    expect(permissionsOf(['member', 'auditor'])['sessions.read']).toBe('all');
    expect(permissionsOf(['auditor', 'member'])['sessions.read']).toBe('all');
  });

  test('a member lists its own sessions, also when it asks for others’', async () => {
    const running = await fresh();
    const own = await running.call('GET', '/api/v1/sessions', 'alice');
    expect((own.json['sessions'] as { id: string }[]).map(({ id }) => id)).toEqual(['ses_alice']);
    const others = await running.call('GET', '/api/v1/sessions?principal=mallory', 'alice');
    expect(others.json['sessions']).toEqual([]);
    const all = await running.call('GET', '/api/v1/sessions', 'audrey');
    expect(all.json['sessions']).toHaveLength(2);
  });

  test('another’s session answers as one that does not exist', async () => {
    const running = await fresh();
    const others = await running.call('GET', '/api/v1/sessions/ses_alice', 'mallory');
    const none = await running.call('GET', '/api/v1/sessions/ses_none', 'mallory');
    const without = (answer: typeof others) => ({ ...answer.json, requestId: '' });
    expect(without(others)).toEqual(without(none));
  });

  test('a member learns nothing of a resource that is not its own', async () => {
    const running = await fresh();
    const own = await running.call('GET', '/api/v1/explain?principal=alice&resource=vault', 'alice');
    const nothing = { granted: false, stepUp: false, rule: 'none', trace: [] };
    expect(own.json).toEqual({ principal: 'alice', resource: 'vault', ...nothing });
    const auditor = await running.call('GET', '/api/v1/explain?principal=alice&resource=vault', 'audrey');
    expect(auditor.json['trace']).toHaveLength(1);
  });

  test('metrics without a token only straight from this machine', async () => {
    const running = await fresh();
    for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']) {
      const answer = await running.call('GET', '/metrics', null, { headers: { [header]: '10.0.0.1' } });
      expect(answer.status).toBe(401);
    }
  });
});

describe('A-ID-11: where a token may stand', () => {
  test('not in the address, not in a cookie, not under another scheme', async () => {
    const running = await fresh();
    const path = '/api/v1/whoami';
    expect((await running.call('GET', `${path}?token=token-of-adam`, null)).status).toBe(401);
    expect((await running.call('GET', path, null, { headers: { cookie: 'token=token-of-adam' } })).status).toBe(401);
    const headers = [
      'Basic dG9rZW4tb2YtYWRhbTo=',
      'token-of-adam',
      'Bearer ',
      'Bearer token-of-adam x',
      `Bearer ${'x'.repeat(5000)}`,
    ];
    for (const authorization of headers) {
      expect((await running.call('GET', path, null, { headers: { authorization } })).status).toBe(401);
    }
  });

  test('a token ends at its time and when it is revoked', async () => {
    const running = await fresh();
    expect((await running.call('GET', '/api/v1/whoami', 'alice')).status).toBe(200);
    expect((await running.call('POST', '/api/v1/logout', 'alice')).status).toBe(204);
    expect((await running.call('GET', '/api/v1/whoami', 'alice')).status).toBe(401);
    running.world.clock.advance(3_600_000);
    expect((await running.call('GET', '/api/v1/whoami', 'mallory')).status).toBe(401);
  });
});
