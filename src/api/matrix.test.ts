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
const checkpoint = `sallyport.journal/${'ab'.repeat(16)}\n10\n${'A'.repeat(43)}=\n`;
const explained = { resource: 'orders', command: 'select 1' };
const asked = { resource: 'orders', reason: 'incident 7', duration: '2h' };
const visited = { resource: 'orders', domain: 'localhost', nonce: 'n'.repeat(43), returnTo: '/' };
const corp = { provider: 'corp' };
const terminal = { redirectUri: 'http://127.0.0.1:4711/done', challenge: 'c'.repeat(43), state: 's'.repeat(43) };
const good = { kind: 'totp', response: 'good' };
const alicesPassword = { password: 'alices-password' };
const group = { kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['alice'] } };

const drops = {
  kind: 'Detection',
  metadata: { name: 'drops' },
  spec: { severity: 'high', select: { drop: { effect: 'drop' } } },
};

const tried = {
  kind: 'Resource',
  metadata: { name: 'orders' },
  spec: { protocol: 'postgres', address: 'db.internal', database: 'orders' },
};

const tokenTypes = 'urn:ietf:params:oauth:token-type';
const exchanged = (token: string): string =>
  new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: `${tokenTypes}:jwt`,
  }).toString();

const table: readonly Row[] = [
  { route: 'login', body: { principal: 'alice', password: 'alices-password' }, expect: [200, 200, 200, 200, 200] },
  { route: 'logout', expect: [401, 204, 204, 204, 204] },
  { route: 'whoami', expect: [401, 200, 200, 200, 200] },
  { route: 'listTokens', expect: [401, 200, 200, 200, 200] },
  { route: 'listTokens', what: 'everybody’s', query: 'all=true', expect: [401, 403, 403, 200, 200] },
  { route: 'createToken', body: {}, expect: [401, 200, 200, 200, 200] },
  { route: 'createToken', what: 'for alice', body: { principal: 'alice' }, expect: [401, 200, 403, 403, 200] },
  { route: 'createToken', what: 'for a service', body: { principal: 'robot' }, expect: [401, 403, 403, 403, 200] },
  { route: 'createToken', what: 'for an agent', body: { agent: 'claude-1' }, expect: [401, 200, 200, 200, 200] },
  { route: 'rotateToken', params: { id: 'tok_alice' }, body: {}, expect: [401, 200, 404, 404, 200] },
  // Whoever sends it: the workload's own token is the proof.
  { route: 'exchangeToken', form: exchanged('good'), expect: [200, 200, 200, 200, 200] },
  { route: 'exchangeToken', what: 'forged', form: exchanged('bad'), expect: [400, 400, 400, 400, 400] },
  { route: 'exchangeToken', what: 'of nothing', form: 'grant_type=password', expect: [400, 400, 400, 400, 400] },
  { route: 'showRetention', expect: [401, 403, 403, 200, 200] },
  { route: 'runRetention', expect: [401, 403, 403, 403, 200] },
  { route: 'deleteRecording', params: alices, body: { reason: 'asked to' }, expect: [401, 403, 403, 403, 204] },
  { route: 'witnessCheckpoint', body: { checkpoint: 'nothing' }, expect: [401, 400, 400, 400, 400] },
  { route: 'witnessCheckpoint', what: 'a real one', body: { checkpoint }, expect: [401, 200, 200, 200, 200] },
  { route: 'listCheckpoints', expect: [401, 200, 200, 200, 200] },
  { route: 'listWitnesses', expect: [401, 403, 403, 200, 200] },
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
  { route: 'proveRecording', params: alices, expect: [401, 200, 404, 200, 200] },
  // Figures of their own sessions only: live.test.ts of the gateway.
  { route: 'live', expect: [401, 200, 200, 200, 200] },
  { route: 'tailSession', params: alices, expect: [401, 200, 404, 200, 200] },
  { route: 'exportSession', params: alices, query: 'format=csv', expect: [401, 200, 404, 200, 200] },
  { route: 'workbenchResources', expect: [401, 200, 200, 200, 200] },
  // With a token nobody opens one: that takes a browser that signed on.
  { route: 'openWorkbench', body: { resource: 'orders' }, expect: [401, 403, 403, 403, 403] },
  {
    route: 'workbenchInput',
    params: { id: 'wb_1' },
    body: { action: 'cancel' },
    expect: [401, 403, 403, 403, 403],
  },
  { route: 'listResources', expect: [401, 200, 200, 200, 200] },
  { route: 'explainAccess', query: 'principal=alice&resource=orders', expect: [401, 200, 403, 200, 200] },
  {
    route: 'tryCommand',
    body: { documents: [group], principal: 'alice', ...explained },
    expect: [401, 403, 403, 200, 200],
  },
  { route: 'tryAccess', body: { documents: [group] }, expect: [401, 403, 403, 200, 200] },
  { route: 'testResource', params: { name: 'orders' }, body: { document: tried }, expect: [401, 403, 403, 403, 200] },
  { route: 'authority', expect: [401, 200, 200, 200, 200] },
  { route: 'accessWho', query: 'resource=orders', expect: [401, 403, 403, 200, 200] },
  { route: 'accessWhat', expect: [401, 200, 200, 200, 200] },
  { route: 'accessWhat', what: 'of alice', query: 'principal=alice', expect: [401, 200, 403, 200, 200] },
  { route: 'exportAccess', query: 'format=csv', expect: [401, 403, 403, 200, 200] },
  { route: 'listAlerts', expect: [401, 403, 403, 200, 200] },
  { route: 'getAlert', params: { id: 'al_1' }, expect: [401, 403, 403, 200, 200] },
  { route: 'getAlert', what: 'none', params: { id: 'al_none' }, expect: [401, 403, 403, 404, 404] },
  {
    route: 'handleAlert',
    params: { id: 'al_1' },
    body: { action: 'acknowledge' },
    expect: [401, 403, 403, 403, 200],
  },
  {
    route: 'handleAlert',
    what: 'assign to nobody',
    params: { id: 'al_1' },
    body: { action: 'assign' },
    expect: [401, 403, 403, 403, 400],
  },
  { route: 'listResponses', expect: [401, 403, 403, 200, 200] },
  { route: 'endResponse', params: { id: 'res_1' }, expect: [401, 403, 403, 403, 204] },
  // A member finds its own doings only: search.test.ts.
  { route: 'search', body: { query: '' }, expect: [401, 200, 200, 200, 200] },
  { route: 'overview', query: 'since=24h', expect: [401, 403, 403, 200, 200] },
  { route: 'exportSearch', body: { query: '', format: 'csv' }, expect: [401, 200, 200, 200, 200] },
  { route: 'suggestSearch', body: { query: '', cursor: 0 }, expect: [401, 200, 200, 200, 200] },
  { route: 'listSearches', expect: [401, 200, 200, 200, 200] },
  { route: 'getSearch', params: { name: 'nothing' }, expect: [401, 404, 404, 404, 404] },
  { route: 'indexStatus', expect: [401, 403, 403, 200, 200] },
  {
    route: 'makeReport',
    params: { report: 'coverage' },
    body: { since: '2026-01-01T00:00:00Z', format: 'json' },
    expect: [401, 403, 403, 200, 200],
  },
  { route: 'listSinks', expect: [401, 403, 403, 200, 200] },
  { route: 'getSink', params: { name: 'siem' }, expect: [401, 403, 403, 200, 200] },
  { route: 'testSink', params: { name: 'siem' }, expect: [401, 403, 403, 403, 200] },
  { route: 'listDeadLetters', params: { name: 'siem' }, expect: [401, 403, 403, 200, 200] },
  { route: 'resendDeadLetters', params: { name: 'siem' }, body: {}, expect: [401, 403, 403, 403, 200] },
  { route: 'discardDeadLetters', params: { name: 'siem' }, body: {}, expect: [401, 403, 403, 403, 200] },
  { route: 'rebuildIndex', expect: [401, 403, 403, 403, 200] },
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
  { route: 'listGrants', what: 'mine', query: 'mine=true', expect: [401, 200, 200, 200, 200] },
  { route: 'revokeGrant', params: { id: 'grn_alice' }, expect: [401, 204, 404, 404, 204] },
  { route: 'testPolicy', body: { documents: [group] }, expect: [401, 403, 403, 200, 200] },
  {
    route: 'replayPolicy',
    body: { documents: [group], since: '2026-01-01T00:00:00Z' },
    expect: [401, 403, 403, 200, 200],
  },
  { route: 'listDetections', expect: [401, 403, 403, 200, 200] },
  { route: 'testDetections', body: { documents: [drops] }, expect: [401, 403, 403, 200, 200] },
  {
    route: 'replayDetections',
    body: { documents: [drops], since: '2026-01-01T00:00:00Z' },
    expect: [401, 403, 403, 200, 200],
  },
  { route: 'signOnOptions', expect: [200, 200, 200, 200, 200] },
  { route: 'beginSignOn', params: corp, expect: [303, 303, 303, 303, 303] },
  { route: 'beginSignOn', what: 'by a form', params: { provider: 'forms' }, expect: [200, 200, 200, 200, 200] },
  // Whoever brings it: the provider's signature, and the cookie of the browser that began, are the proof.
  { route: 'finishOidcSignOn', params: corp, query: 'code=good', expect: [303, 303, 303, 303, 303] },
  { route: 'finishOidcSignOn', what: 'forged', params: corp, query: 'code=bad', expect: [403, 403, 403, 403, 403] },
  { route: 'finishSamlSignOn', params: corp, form: 'SAMLResponse=good', expect: [303, 303, 303, 303, 303] },
  {
    route: 'finishSamlSignOn',
    what: 'forged',
    params: corp,
    form: 'SAMLResponse=bad',
    expect: [403, 403, 403, 403, 403],
  },
  { route: 'samlMetadata', params: corp, expect: [200, 200, 200, 200, 200] },
  { route: 'samlLogout', params: corp, expect: [200, 200, 200, 200, 200] },
  { route: 'samlLogoutPosted', params: corp, form: 'SAMLRequest=x', expect: [200, 200, 200, 200, 200] },
  { route: 'backChannelLogout', params: corp, form: 'logout_token=good', expect: [200, 200, 200, 200, 200] },
  {
    route: 'backChannelLogout',
    what: 'forged',
    params: corp,
    form: 'logout_token=x',
    expect: [400, 400, 400, 400, 400],
  },
  { route: 'frontChannelLogout', params: corp, query: 'iss=x&sid=y', expect: [200, 200, 200, 200, 200] },
  { route: 'beginDeviceSignOn', body: { provider: 'corp' }, expect: [200, 200, 200, 200, 200] },
  { route: 'pollDeviceSignOn', body: { id: 'good' }, expect: [200, 200, 200, 200, 200] },
  { route: 'pollDeviceSignOn', what: 'of nobody', body: { id: 'bad' }, expect: [200, 200, 200, 200, 200] },
  { route: 'authoriseTerminal', body: terminal, expect: [401, 200, 200, 200, 200] },
  { route: 'redeemTerminal', body: { code: 'good', verifier: 'v'.repeat(43) }, expect: [200, 200, 200, 200, 200] },
  {
    route: 'redeemTerminal',
    what: 'forged',
    body: { code: 'bad', verifier: 'v'.repeat(43) },
    expect: [401, 401, 401, 401, 401],
  },
  {
    route: 'beginWebSession',
    body: { principal: 'alice', password: 'alices-password' },
    expect: [200, 200, 200, 200, 200],
  },
  {
    route: 'beginWebSession',
    what: 'wrong',
    body: { principal: 'alice', password: 'x' },
    expect: [401, 401, 401, 401, 401],
  },
  { route: 'endWebSession', expect: [401, 200, 200, 200, 200] },
  { route: 'answerFactor', body: { pendingId: 'none', ...good }, expect: [401, 401, 401, 401, 401] },
  { route: 'answerWebFactor', body: { pendingId: 'none', ...good }, expect: [401, 401, 401, 401, 401] },
  { route: 'passkeyOptions', body: {}, expect: [200, 200, 200, 200, 200] },
  { route: 'passkeyWebSession', body: { response: { id: 'good' } }, expect: [200, 200, 200, 200, 200] },
  { route: 'passkeyWebSession', what: 'forged', body: { response: {} }, expect: [401, 401, 401, 401, 401] },
  { route: 'listFactors', expect: [401, 200, 200, 200, 200] },
  { route: 'confirmation', body: {}, expect: [401, 200, 200, 200, 200] },
  // With alice’s password, which proves nobody else.
  { route: 'beginTotp', body: { label: 'phone', proof: alicesPassword }, expect: [401, 200, 401, 401, 401] },
  { route: 'beginTotp', what: 'unproven', body: { label: 'phone' }, expect: [401, 401, 401, 401, 401] },
  { route: 'finishTotp', body: { id: 'begun', code: 'good' }, expect: [401, 200, 200, 200, 200] },
  { route: 'finishTotp', what: 'wrong', body: { id: 'begun', code: 'bad' }, expect: [401, 401, 401, 401, 401] },
  { route: 'beginPasskey', body: { label: 'key', proof: alicesPassword }, expect: [401, 200, 401, 401, 401] },
  { route: 'finishPasskey', body: { response: { id: 'good' } }, expect: [401, 200, 200, 200, 200] },
  { route: 'newRecoveryCodes', body: { proof: alicesPassword }, expect: [401, 200, 401, 401, 401] },
  { route: 'removeFactor', params: { id: 'fct_spare' }, body: {}, expect: [401, 403, 404, 404, 404] },
  // Nobody resets their own, and adam only with a proof of his own.
  { route: 'resetFactors', params: { name: 'alice' }, body: {}, expect: [401, 403, 403, 403, 403] },
  { route: 'resetFactors', what: 'of adam', params: { name: 'adam' }, body: {}, expect: [401, 403, 403, 403, 403] },
  // Only the service that the IdentityProvider names: scim.test.ts.
  ...(
    [
      'scimConfiguration',
      'scimResourceTypes',
      'scimSchemas',
      'scimListUsers',
      'scimCreateUser',
      'scimGetUser',
      'scimReplaceUser',
      'scimPatchUser',
      'scimDeleteUser',
      'scimListGroups',
      'scimCreateGroup',
      'scimGetGroup',
      'scimReplaceGroup',
      'scimPatchGroup',
      'scimDeleteGroup',
    ] as const
  ).map((route): Row => ({ route, params: { ...corp, id: 'scu_1' }, expect: [401, 404, 404, 404, 404] })),
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
  running.world.factors.give('alice', 'recovery', 'fct_spare');
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
          const isPage = routes[row.route].response.kind === 'http';
          expect(answer.headers.get('content-type')).toMatch(isPage ? /json|html/ : /^application\/problem\+json/);
          expect(running.world.eventsOf('configuration.changed')).toEqual([]);
          expect(running.world.eventsOf('recording.read')).toEqual([]);
          expect(running.world.killed).toEqual([]);
          expect(running.world.rules.acts).toEqual([]);
        }
      }
      expect(got).toEqual(row.expect);
    });
  }

  /** What an agent reaches that acts for alice: it looks, asks and goes. Everything else is 403. */
  const openToAgents: readonly RouteName[] = [
    'logout',
    'whoami',
    'sshKeys',
    'authority',
    'signSshKey',
    'listResources',
    'explainAccess',
    'explainCommand',
    'accessWhat',
    'getReview',
    'withdrawReview',
    'requestAccess',
    'endWebSession',
  ];

  test.each([
    ['acts for alice', { kind: 'person', roles: ['member'], actors: ['claude-1'], resources: null }],
    ['acts for an administrator', { kind: 'person', roles: ['admin'], actors: ['claude-1'], resources: null }],
    [
      'has an administrator’s token for one resource',
      { kind: 'person', roles: ['admin'], actors: [], resources: ['orders'] },
    ],
  ] as const)('A-ID-11: whoever %s gets 403 of every route but those to look and to ask', async (_, as) => {
    const running = await fresh();
    const { world } = running;
    const actors = as.actors.map((name) => ({ issuer: 'local', subject: name, name }));
    const alice = world.principal('alice');
    const authentication = {
      ...alice.authentication,
      ...(actors.length === 0 ? {} : { actors }),
      ...(as.resources === null ? {} : { scope: { resources: as.resources } }),
    };
    world.bearers.set('an-agents-token', { ...alice, kind: as.kind, roles: [...as.roles], authentication });
    const headers = { authorization: 'Bearer an-agents-token' };
    const answers: string[] = [];
    for (const row of table) {
      const route: RouteDefinition = routes[row.route];
      // SCIM has a secret of its own, which is nobody's token.
      if (route.permission === 'public' || row.route.startsWith('scim')) continue;
      const before = world.rules.acts.length;
      const { status } = await running.call(route.method, pathOf(row), null, { body: row.body, headers });
      const isOpen = openToAgents.includes(row.route);
      // The review is not the agent's: it is not there.
      const refused = row.route === 'breakGlass' ? [403, 404] : [403];
      if (isOpen ? status === 500 : !refused.includes(status))
        answers.push(`${row.route} ${row.what ?? ''}: ${status}`);
      if (!isOpen) expect(world.rules.acts).toHaveLength(before);
    }
    expect(answers).toEqual([]);
  });

  test.each([
    [
      'agent',
      [
        'decideReview',
        'revokeGrant',
        'decideSignOn',
        'apply',
        'deleteObject',
        'putSecret',
        'killSession',
        'steerSession',
        'rotateToken',
        'replayPolicy',
        'replayDetections',
        'exportAccess',
        'breakGlass',
      ],
    ],
    ['service', ['decideReview', 'revokeGrant', 'decideSignOn', 'rotateToken', 'breakGlass']],
  ] as const)('an %s with all roles decides nothing', async (kind, refused) => {
    for (const row of table.filter(({ route }) => (refused as readonly string[]).includes(route))) {
      const running = await fresh();
      running.world.bearers.set('a-machines-token', {
        ...running.world.principal('alice'),
        kind,
        roles: ['admin', 'member'],
      });
      const headers = { authorization: 'Bearer a-machines-token' };
      const { status } = await running.call(routes[row.route].method, pathOf(row), null, { body: row.body, headers });
      expect([row.route, row.what, [403, 404].includes(status)]).toEqual([row.route, row.what, true]);
      expect(running.world.rules.acts).toEqual([]);
    }
  });

  test('a service that configures, locks nobody', async () => {
    const running = await fresh();
    running.world.bearers.set('a-machines-token', { ...running.world.principal('adam'), kind: 'service' });
    const lock = { kind: 'Lock', metadata: { name: 'out' }, spec: { target: { principal: 'alice' }, reason: 'x' } };
    const answer = await running.call('POST', '/api/v1/apply', null, {
      body: { documents: [lock] },
      headers: { authorization: 'Bearer a-machines-token' },
    });
    expect(answer.json['code']).toBe('api.people-only');
  });

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
      publicUrl: null,
      consoleDirectory: null,
    };
    const app = createApi(world.ports, options);
    expect(() => app.get('/second-door', async () => 'open')).toThrow('does not allow');
    await app.close();
  });

  test('every permission is given to some role, and what no role has is refused', () => {
    const given = new Set(Object.values(rolePermissions).flatMap((table) => Object.keys(table)));
    expect(permissions.filter((permission) => !permission.startsWith('self') && !given.has(permission))).toEqual([]);
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
    const nothing = { granted: false, stepUp: false, rule: 'none', trace: [], next: [] };
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
