/**
 * SCIM as an identity provider speaks it, with two whole gateways on one PostgreSQL store: who it provisions may work, what it
 * says of groups counts at once, and who leaves is out on both gateways, without anybody signing on. The provider that the
 * same people sign on with is oidc-provider, really running.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { silentLog } from '../../src/base/log.ts';
import { type Gateway, startGateway } from '../../src/gateway/compose.ts';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import { PostgresServer as StoreServer } from '../../src/store/testing/server.ts';
import { issueToken, setUp } from '../env/setup.ts';
import { type OidcServer, startOidcProvider } from '../servers/oidc.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';

const keyVariable = 'SALLYPORT_SCIM_TEST_KEY';
const within = { timeout: 60_000, interval: 50 };
const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

const gateways: Gateway[] = [];
const folders: string[] = [];
let storeServer: StoreServer;
let target: PostgresServer;
let provider: OidcServer;
let admin: Client;
let ca: string;
let provisioner: string;

beforeAll(async () => {
  process.env[keyVariable] = randomBytes(32).toString('base64');
  storeServer = new StoreServer();
  [target] = await Promise.all([startPostgres(), storeServer.start()]);
  const dataDirectory = await start();
  const { consoleUrl, caPath } = gateways[0]!;
  ca = await readFile(caPath, 'utf8');
  provider = await startOidcProvider([
    { clientId: 'sallyport', clientSecret: 'a secret', redirectUris: [`${consoleUrl}/sign-on/corp/callback`] },
  ]);
  const orders = [{ name: 'orders', server: target }];
  const tokens = await setUp({ consoleUrl, caPath, dataDirectory }, orders, [{ name: 'other', resources: [] }]);
  admin = createClient({ baseUrl: consoleUrl, ca, token: tokens.get('admin')! });
  const documents = [
    { kind: 'Principal', metadata: { name: 'corp-scim' }, spec: { kind: 'service' } },
    {
      kind: 'IdentityProvider',
      metadata: { name: 'corp' },
      spec: {
        type: 'oidc',
        issuer: provider.issuer,
        clientId: 'sallyport',
        clientSecret: { value: 'a secret' },
        scopes: ['profile', 'email', 'groups'],
        groups: { claim: 'groups', map: { 'Order Desk': 'order-desk', developers: 'order-desk' } },
        scim: { principal: 'corp-scim', subject: 'externalId', groups: 'displayName' },
        private: true,
      },
    },
    {
      kind: 'Access',
      metadata: { name: 'desk' },
      spec: { match: { principals: { groups: ['order-desk'] }, resources: { names: ['orders'] } } },
    },
  ];
  await admin.call('apply', { body: { documents, dryRun: false } });
  const year = { principal: 'corp-scim', description: 'SCIM', lifetimeSeconds: 366 * 24 * 3600 };
  provisioner = (await admin.call('createToken', { body: year })).token;
  await start();
}, 180_000);

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop('test', 0)));
  delete process.env[keyVariable];
  await provider?.close();
  await target?.stop();
  await storeServer?.dispose();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}, 120_000);

async function start(): Promise<string> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'sallyport-scim-'));
  folders.push(dataDirectory);
  const config: GatewayConfig = {
    dataDirectory,
    names: [],
    storeUrl: storeServer.url,
    key: { env: keyVariable },
    console: { host: '127.0.0.1', port: 0, tls: false },
    listeners: [{ protocol: 'postgres', host: '127.0.0.1', port: 0, tlsRequired: true }],
    recording: { resultBytesPerCommand: undefined, resultBytesPerSession: undefined },
    sessions: { perPrincipal: 20, total: 50 },
    webhooks: [],
    chat: null,
    transport: 'public',
    drainMs: 0,
    log: { level: 'silent', format: 'json' },
  };
  gateways.push(await startGateway({ config, log: silentLog }));
  return dataDirectory;
}

interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** Says something to the first gateway, as the provider does. */
async function scim(method: string, path: string, body?: object, token = provisioner): Promise<Answer> {
  const answer = await fetch(`${gateways[0]!.consoleUrl}/scim/v2/corp${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

async function made(path: string, body: object): Promise<string> {
  const { status, json } = await scim('POST', path, body);
  expect([status, json['detail']]).toEqual([201, undefined]);
  return json['id'] as string;
}

const patch = (...Operations: object[]) => ({ schemas: [patchOp], Operations });

function psql(user: string, token: string, at: number): pg.Client {
  const { port } = gateways[at]!.listeners[0]!;
  const client = new pg.Client({
    host: 'localhost',
    port,
    // Each gateway has an authority of its own.
    ssl: { rejectUnauthorized: false },
    user: `${user}+orders`,
    password: token,
    database: target.database,
  });
  client.on('error', () => undefined);
  return client;
}

/** A session that is open on each of the gateways. */
async function opened(user: string): Promise<readonly pg.Client[]> {
  const token = await issueToken(admin, user);
  const clients = [psql(user, token, 0), psql(user, token, 1)];
  for (const client of clients) {
    // The second gateway hears of it by a notification.
    await client.connect();
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  }
  return clients;
}

const ended = (client: pg.Client): Promise<unknown> =>
  vi.waitFor(() => expect(client.query('SELECT 1')).rejects.toThrow(), within);

const principal = async (name: string) =>
  (await admin.call('getObject', { params: { kind: 'Principal', name } })).spec as Record<string, object>;

describe('who is provisioned', () => {
  test('works by a group, and is out by it: sessions on both gateways end', async () => {
    const id = await made('/Users', { userName: 'dora', externalId: 'u-dora', displayName: 'Dora', active: true });
    const group = await made('/Groups', { displayName: 'Order Desk', members: [{ value: id }] });
    await vi.waitFor(async () => expect((await opened('dora')).length).toBe(2), within);
    const clients = await opened('dora');
    const remove = patch({ op: 'remove', path: `members[value eq "${id}"]` });
    expect((await scim('PATCH', `/Groups/${group}`, remove)).status).toBe(204);
    await Promise.all(clients.map(ended));
    await expect(psql('dora', await issueToken(admin, 'dora'), 1).connect()).rejects.toThrow();
    expect(await principal('dora')).toMatchObject({ provided: { groups: [], active: true } });
    await scim('DELETE', `/Groups/${group}`);
  }, 120_000);

  test('is out on leaving: an open psql on the other gateway ends, tokens are gone, nobody signs on again', async () => {
    const id = await made('/Users', { userName: 'leo', externalId: 'u-leo', active: true });
    await made('/Groups', { displayName: 'Order Desk', members: [{ value: id }] });
    const token = await issueToken(admin, 'leo');
    await vi.waitFor(async () => void (await opened('leo')), within);
    const { port } = gateways[1]!.listeners[0]!;
    const child: ChildProcess = spawn(
      'psql',
      ['-X', '-At', '-h', '127.0.0.1', '-p', `${port}`, '-U', 'leo+orders', '-d', target.database],
      { env: { ...process.env, PGPASSWORD: token, PGSSLMODE: 'require' }, stdio: 'pipe' },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
    }
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.stdin?.write("SELECT 'open';\n");
    await vi.waitFor(() => expect(said).toContain('open'), within);
    // As Microsoft Entra says it.
    const left = await scim('PATCH', `/Users/${id}`, patch({ op: 'Replace', path: 'active', value: 'False' }));
    expect([left.status, left.json['active']]).toEqual([200, false]);
    const who = createClient({ baseUrl: gateways[0]!.consoleUrl, ca, token });
    await expect(who.call('whoami')).rejects.toMatchObject({ status: 401 });
    // psql notices by its next statement.
    const typing = setInterval(() => child.stdin?.write('SELECT 1;\n'), 200);
    child.stdin?.on('error', () => undefined);
    await vi.waitFor(() => expect(said).toMatch(/terminat|closed the connection|revoked|FATAL/i), within);
    clearInterval(typing);
    child.stdin?.end();
    await closed;
    await expect(psql('leo', token, 1).connect()).rejects.toThrow();
    await expect(issueToken(admin, 'leo')).rejects.toThrow();
    // The document goes, the principal stays, as history does.
    expect((await scim('DELETE', `/Users/${id}`)).status).toBe(204);
    expect((await scim('GET', `/Users/${id}`)).status).toBe(404);
    expect(await principal('leo')).toMatchObject({ provided: { active: false, groups: [] } });
    const groups = await scim('GET', '/Groups');
    for (const { id: group } of groups.json['Resources'] as { id: string }[]) await scim('DELETE', `/Groups/${group}`);
  }, 120_000);

  test('is the same principal as by OpenID Connect, whose groups do not count beside SCIM’s', async () => {
    const id = await made('/Users', { userName: 'ana', externalId: 'u-ana' });
    const browser = new Map<string, string>();
    const go = async (path: string): Promise<Response> => {
      const cookie = [...browser].map(([name, value]) => `${name}=${value}`).join('; ');
      const headers = { cookie, 'sec-fetch-site': 'same-origin' };
      const answer = await fetch(new URL(path, gateways[0]!.consoleUrl), { redirect: 'manual', headers });
      for (const line of answer.headers.getSetCookie()) {
        const [name = '', value = ''] = line.split(';')[0]!.split(/=(.*)/s);
        browser.set(name, value);
      }
      return answer;
    };
    const begun = await go('/sign-on/corp');
    const callback = `${gateways[0]!.consoleUrl}/sign-on/corp/callback`;
    const back = await provider.browser('u-ana').signOn(begun.headers.get('location')!, callback);
    expect((await go(back)).status).toBe(303);
    const whoami = async () =>
      (await (await go('/api/v1/whoami')).json()) as { name: string; id: string; groups: string[] };
    // Of `developers`, as the claims have it, nothing.
    expect(await whoami()).toMatchObject({ name: 'ana', id: `${provider.issuer}:u-ana`, groups: [] });
    await made('/Groups', { displayName: 'Order Desk', members: [{ value: id }] });
    expect((await whoami()).groups).toEqual(['order-desk']);
    const leave = await scim('PATCH', `/Users/${id}`, patch({ op: 'replace', value: { active: false } }));
    expect(leave.status).toBe(200);
    expect((await go('/api/v1/whoami')).status).toBe(401);
    const again = await go('/sign-on/corp');
    const second = await provider.browser('u-ana').signOn(again.headers.get('location')!, callback);
    expect((await go(second)).status).not.toBe(303);
  }, 120_000);
});

describe('A-API-01: who provisions', () => {
  test('is the service that is named, not an administrator, not another, not without a token', async () => {
    const other = await issueToken(admin, 'other');
    for (const token of [admin, other]) {
      const secret = typeof token === 'string' ? token : await issueToken(admin, 'admin');
      expect((await scim('GET', '/Users', undefined, secret)).status).toBe(404);
      expect((await scim('POST', '/Users', { userName: 'x', externalId: 'x' }, secret)).status).toBe(404);
    }
    expect((await scim('GET', '/Users', undefined, 'nonsense')).status).toBe(401);
    expect((await scim('GET', '/Users')).status).toBe(200);
  });

  test('A-ID-05: gets no name that another has', async () => {
    const taken = await scim('POST', '/Users', { userName: 'other', externalId: 'u-other' });
    expect([taken.status, taken.json['scimType']]).toEqual([409, 'uniqueness']);
    expect(await principal('other')).not.toHaveProperty('identity');
  });

  test('what it keeps is no configuration: nothing lists or applies it', async () => {
    const get = (kind: string) => admin.call('listObjects', { params: { kind: kind as 'Principal' } });
    await expect(get('ScimUser')).rejects.toMatchObject({ status: 404 });
    const documents = [{ kind: 'ScimUser', metadata: { name: 'x' }, spec: {} }];
    await expect(admin.call('apply', { body: { documents, dryRun: false } })).rejects.toMatchObject({ status: 422 });
  });
});
