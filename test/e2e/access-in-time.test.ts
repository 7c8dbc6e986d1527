/**
 * Access in time with two whole gateways on one PostgreSQL store, and stock clients: connecting asks and waits, windows close,
 * grants are extended, locks end what is open on either gateway, and nobody sees what no Access gives them.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { type Gateway, startGateway } from '../../src/gateway/compose.ts';
import type { GatewayConfig } from '../../src/gateway/config.ts';
import {
  makeKey,
  type Sshd,
  type Started,
  startSsh,
  startSshd,
  type WorkFolder,
  workFolder,
} from '../../src/protocols/ssh/testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from '../../src/protocols/ssh/transport/index.ts';
import { PostgresServer as StoreServer } from '../../src/store/testing/server.ts';
import { issueToken, setUp } from '../env/setup.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';

const program = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const keyVariable = 'SALLYPORT_ACCESS_TEST_KEY';
const within = { timeout: 60_000, interval: 50 };

/** The wall clock can be set; time itself passes as it does. */
let aheadMs = 0;
const clock: Clock = { ...systemClock, now: () => Date.now() + aheadMs };

const gateways: Gateway[] = [];
const folders: string[] = [];
let storeServer: StoreServer;
let target: PostgresServer;
let sshd: Sshd;
let web: Server;
let keys: WorkFolder;
let key: ReturnType<typeof makeKey>;
let ca: string;
let admin: Client;
let tokens: Map<string, string>;

beforeAll(async () => {
  process.env[keyVariable] = randomBytes(32).toString('base64');
  storeServer = new StoreServer();
  keys = workFolder();
  key = makeKey(keys, 'erin');
  const own = generateKeyText('ed25519');
  web = createServer((_, response) => response.end('shop\n')).listen(0, '127.0.0.1');
  [target, sshd] = await Promise.all([
    startPostgres(),
    startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(own).publicKey)] }),
    storeServer.start(),
  ]);
  const dataDirectory = await start();
  const [first] = gateways;
  const { consoleUrl, caPath } = first!;
  ca = await readFile(caPath, 'utf8');
  tokens = new Map(
    await setUp(
      { consoleUrl, caPath, dataDirectory },
      [
        { name: 'orders', server: target },
        { name: 'vault', server: target },
      ],
      ['erin', 'dana', 'mona'].map((name) => ({ name, resources: [] })),
    ),
  );
  admin = client('admin');
  await apply(
    { kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dana'] } },
    { kind: 'Principal', metadata: { name: 'erin' }, spec: { kind: 'person', sshKeys: [key.publicLine] } },
    {
      kind: 'Resource',
      metadata: { name: 'web-1' },
      spec: {
        protocol: 'ssh',
        address: `127.0.0.1:${sshd.port}`,
        credential: { username: sshd.user, privateKey: { value: own } },
        host_keys: [...sshd.hostKeys],
      },
    },
    {
      kind: 'Resource',
      metadata: { name: 'shop' },
      spec: { protocol: 'http', address: `127.0.0.1:${(web.address() as AddressInfo).port}`, tls: { mode: 'disable' } },
    },
  );
  await start();
}, 180_000);

afterAll(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop('test', 0)));
  delete process.env[keyVariable];
  web?.closeAllConnections();
  web?.close();
  await sshd?.stop();
  await target?.stop();
  await storeServer?.dispose();
  keys?.remove();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}, 120_000);

async function start(): Promise<string> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'sallyport-access-'));
  folders.push(dataDirectory);
  const listener = (protocol: string, tlsRequired: boolean, domains: readonly string[] = []) => ({
    protocol,
    host: '127.0.0.1',
    port: 0,
    tlsRequired,
    domains,
  });
  const config: GatewayConfig = {
    dataDirectory,
    names: [],
    storeUrl: storeServer.url,
    key: { env: keyVariable },
    console: { host: '127.0.0.1', port: 0, tls: true },
    listeners: [listener('postgres', true), listener('ssh', false), listener('http', false, ['localhost'])],
    recording: { resultBytesPerCommand: undefined, resultBytesPerSession: undefined },
    sessions: { perPrincipal: 20, total: 50 },
    webhooks: [],
    chat: null,
    transport: 'public',
    drainMs: 0,
    log: { level: 'silent', format: 'json' },
  };
  gateways.push(await startGateway({ config, log: silentLog, clock }));
  return dataDirectory;
}

const client = (name: string): Client =>
  createClient({ baseUrl: gateways[0]!.consoleUrl, ca, token: tokens.get(name)! });
const apply = (...documents: object[]): Promise<unknown> => admin.call('apply', { body: { documents, dryRun: false } });
const remove = (kind: 'Access' | 'Lock', name: string): Promise<unknown> =>
  admin.call('deleteObject', { params: { kind, name }, query: { dryRun: undefined } });
const access = (name: string, resource: string, more: object = {}): object => ({
  kind: 'Access',
  metadata: { name },
  spec: { match: { principals: { names: ['erin'] }, resources: { names: [resource] } }, ...more },
});
const portOf = (protocol: string, at = 0): number =>
  gateways[at]!.listeners.find((one) => one.protocol === protocol)!.port;

/** The command line, as a person has it in a second terminal. */
function sallyport(name: string, ...args: string[]): Promise<{ code: number; out: string; said: string }> {
  const { consoleUrl, caPath } = gateways[0]!;
  const env = {
    PATH: process.env['PATH'],
    HOME: keys.path ?? folders[0],
    SALLYPORT_SERVER: consoleUrl,
    SALLYPORT_TOKEN: tokens.get(name),
    SALLYPORT_CA: caPath,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env }, (error, out, said) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, said }),
    );
  });
}

interface Psql {
  readonly child: ChildProcess;
  /** All that it wrote, on either stream. */
  said(): string;
  type(line: string): void;
  readonly closed: Promise<number | null>;
}

function psql(resource: string, at = 0): Psql {
  const env = { ...process.env, PGPASSWORD: tokens.get('erin'), PGSSLMODE: 'require' };
  const args = [
    '-X',
    '-At',
    '-h',
    '127.0.0.1',
    '-p',
    String(portOf('postgres', at)),
    '-U',
    `erin+${resource}`,
    '-d',
    target.database,
  ];
  const child = spawn('psql', args, { env, stdio: 'pipe' });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  child.stdin.on('error', () => undefined);
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said: () => said, type: (line) => void child.stdin.write(`${line}\n`), closed };
}

function ssh(command: string, at = 0): Started {
  const options = ['LogLevel=INFO', 'BatchMode=no'];
  const started = startSsh({ port: portOf('ssh', at), user: 'erin+web-1', key: key.path, command, options });
  started.child.stdin?.end('');
  return started;
}

const saying = (one: Psql, what: string | RegExp): Promise<unknown> =>
  vi.waitFor(() => expect(one.said()).toMatch(what), within);

async function pendingReview(): Promise<string> {
  return vi.waitFor(async () => {
    const { reviews } = await client('dana').call('listReviews', { query: { state: 'pending', mine: false } });
    expect(reviews).toHaveLength(1);
    return reviews[0]!.id;
  }, within);
}

const approve = (id: string): Promise<unknown> =>
  client('dana').call('decideReview', { params: { id }, body: { decision: 'approve' } });

const onRequest = { reviewers: { groups: ['dba'] }, maxDuration: '4h', reasonRequired: false, onConnect: 'wait' };

describe('connecting asks', () => {
  test('psql waits at one gateway, and opens when it is approved from a second terminal', {
    timeout: 120_000,
  }, async () => {
    await apply(access('asked', 'orders', { request: onRequest }));
    const waiting = psql('orders', 1);
    waiting.type('select 40 + 2;');
    await saying(waiting, /asked for as rev_\w+\. It waits for .*dba.*\/reviews\/rev_/s);
    const id = await pendingReview();
    const review = await client('dana').call('getReview', { params: { id } });
    expect(review).toMatchObject({ reason: 'by connecting with psql', access: { durationSeconds: 3600 } });
    const approved = await sallyport('dana', 'reviews', 'approve', id);
    expect(approved).toMatchObject({ code: 0, said: expect.stringContaining('Approved') as string });
    await saying(waiting, /^42$/m);
    // More of it, while it runs: the session goes on.
    const [grant] = (await client('erin').call('listGrants', { query: {} })).grants;
    const asked = await sallyport(
      'erin',
      'request',
      'orders',
      '--extend',
      grant!.id,
      '--for',
      '1h',
      '--reason',
      'longer',
    );
    expect(asked.code).toBe(0);
    await approve(await pendingReview());
    const [longer] = (await client('erin').call('listGrants', { query: {} })).grants;
    expect([longer!.id, Date.parse(longer!.expiresAt) - Date.parse(grant!.expiresAt)]).toEqual([grant!.id, 3_600_000]);
    waiting.type('select 43;');
    await saying(waiting, /^43$/m);
    await client('dana').call('revokeGrant', { params: { id: grant!.id } });
    waiting.type('select pg_sleep(60);');
    await saying(waiting, /has been revoked/);
    waiting.child.stdin?.end();
    await waiting.closed;
    await remove('Access', 'asked');
  });

  test('where it may not, the client is told the command that asks', { timeout: 60_000 }, async () => {
    await apply(access('asked', 'orders', { request: { ...onRequest, reasonRequired: true } }));
    const refused = psql('orders');
    expect(await refused.closed).toBe(2);
    expect(refused.said()).toContain('given on request. Ask for it: sallyport request orders --for 1h --reason "why"');
    expect(refused.said()).toContain(`${gateways[0]!.consoleUrl}/requests?resource=orders`);
    await remove('Access', 'asked');
  });

  test('ssh shows where it is decided, waits, and goes on', { timeout: 60_000 }, async () => {
    await apply(access('asked', 'web-1', { request: onRequest }));
    const waiting = ssh('echo through');
    await waiting.until(/Access to web-1 was asked for as rev_/);
    await approve(await pendingReview());
    const { code, stdout } = await waiting.finished;
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: 'through\n' });
    await remove('Access', 'asked');
  });

  test('a program of HTTP is told to come again, and the next request after the approval passes', {
    timeout: 60_000,
  }, async () => {
    await apply(access('asked', 'shop', { request: onRequest }));
    const later = await get({ Prefer: 'respond-async' });
    expect(later).toMatchObject({ status: 202, again: '5' });
    expect(later.body).toContain('urn:sallyport:problem:core.access-pending');
    expect(await get({ Prefer: 'wait=0' })).toMatchObject({ status: 503, again: '5' });
    // One that waits natively gets its answer in the end.
    const waiting = get({});
    await approve(await pendingReview());
    expect(await waiting).toMatchObject({ status: 200, body: 'shop\n' });
    await remove('Access', 'asked');
  });
});

function get(headers: Record<string, string>): Promise<{ status: number; again: string | null; body: string }> {
  const port = portOf('http');
  return new Promise((resolve, reject) => {
    const Host = `shop.localhost:${port}`;
    const Authorization = `Bearer ${tokens.get('erin')!}`;
    const asked = request(
      { host: '127.0.0.1', port, headers: { Host, Authorization, ...headers }, agent: false },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            again: answer.headers['retry-after'] ?? null,
            body: Buffer.concat(parts).toString(),
          }),
        );
      },
    );
    asked.once('error', reject);
    asked.end();
  });
}

describe('time', () => {
  test('a window that closes ends psql, says when it opens next, and opens again on time', {
    timeout: 60_000,
  }, async () => {
    const spelled = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
    const now = clock.now();
    const hours = { from: spelled(now - 3_600_000), to: spelled(now + 1_800_000), timeZone: 'UTC' };
    await apply(access('working', 'orders', { windows: [hours] }));
    const live = psql('orders', 1);
    live.type('select 41;');
    await saying(live, /^41$/m);
    aheadMs += 1_860_000;
    try {
      live.type('select pg_sleep(60);');
      await saying(live, new RegExp(`has closed\\. It opens next on .*, ${hours.from} \\(UTC\\)`));
      live.child.stdin?.end();
      await live.closed;
      const refused = psql('orders');
      expect(await refused.closed).toBe(2);
      expect(refused.said()).toMatch(/limited to certain times\. It opens next on/);
    } finally {
      aheadMs -= 1_860_000;
    }
    const again = psql('orders');
    again.type('select 42;');
    await saying(again, /^42$/m);
    again.child.stdin?.end();
    await again.closed;
    await remove('Access', 'working');
  });

  test('a standing Access ends on time, and its psql with it', { timeout: 60_000 }, async () => {
    await apply(access('for-now', 'orders', { until: new Date(clock.now() + 3_600_000).toISOString() }));
    const live = psql('orders', 1);
    live.type('select 44;');
    await saying(live, /^44$/m);
    aheadMs += 3_600_000;
    try {
      live.type('select pg_sleep(60);');
      await saying(live, /Your access to this resource has ended/);
      live.child.stdin?.end();
      await live.closed;
      const refused = psql('orders');
      await refused.closed;
      expect(refused.said()).toContain('No access: the resource orders does not exist, or no Access lets you');
    } finally {
      aheadMs -= 3_600_000;
    }
    await remove('Access', 'for-now');
  });
});

describe('a lock', () => {
  test('ends psql and ssh on both gateways, says why, refuses the API, and is taken away again', {
    timeout: 90_000,
  }, async () => {
    await apply(access('orders', 'orders'), access('web', 'web-1'));
    const first = psql('orders');
    const second = psql('orders', 1);
    const shell = ssh('echo ready; sleep 60', 1);
    for (const one of [first, second]) {
      one.type('select 45;');
      await saying(one, /^45$/m);
    }
    await shell.until(/ready/);
    const locked = await sallyport('admin', 'lock', 'principal', 'erin', '--reason', 'laptop stolen', '--for', '2h');
    expect(locked.code).toBe(0);
    for (const one of [first, second]) {
      one.type('select pg_sleep(60);');
      await saying(one, /Locked by principal-erin: laptop stolen/);
      one.child.stdin?.end();
      await one.closed;
    }
    expect((await shell.finished).code).not.toBe(0);
    const refused = psql('orders', 1);
    await refused.closed;
    expect(refused.said()).toContain('Locked by principal-erin: laptop stolen.');
    await expect(client('erin').call('whoami')).rejects.toThrow('api.locked');
    // A wrong proof hears what everybody hears.
    const wrong = createClient({ baseUrl: gateways[0]!.consoleUrl, ca, token: `${tokens.get('erin')!}x` });
    await expect(wrong.call('whoami')).rejects.toThrow('api.not-authenticated');
    const own = await sallyport('admin', 'lock', 'principal', 'admin', '--reason', 'oops');
    expect(own.code).not.toBe(0);
    expect((await sallyport('admin', 'lock', 'ls')).out).toMatch(/principal-erin\s+principal erin\s+laptop stolen/);
    expect((await sallyport('admin', 'unlock', 'principal-erin')).code).toBe(0);
    const again = psql('orders', 1);
    again.type('select 46;');
    await saying(again, /^46$/m);
    again.child.stdin?.end();
    await again.closed;
    await Promise.all([remove('Access', 'orders'), remove('Access', 'web')]);
  });

  test('of a token ends what it opened, and no other', { timeout: 60_000 }, async () => {
    await apply(access('orders', 'orders'));
    const before = tokens.get('erin')!;
    const kept = psql('orders', 1);
    kept.type('select 47;');
    await saying(kept, /^47$/m);
    tokens.set('erin', await issueToken(admin, 'erin'));
    const { token } = await client('erin').call('whoami');
    const lost = psql('orders', 1);
    lost.type('select 48;');
    await saying(lost, /^48$/m);
    await apply({
      kind: 'Lock',
      metadata: { name: 'leaked' },
      spec: { target: { token: token.id }, reason: 'leaked' },
    });
    lost.type('select pg_sleep(60);');
    await saying(lost, /Locked by leaked: leaked/);
    lost.child.stdin?.end();
    await lost.closed;
    kept.type('select 49;');
    await saying(kept, /^49$/m);
    kept.child.stdin?.end();
    await kept.closed;
    tokens.set('erin', before);
    await Promise.all([remove('Access', 'orders'), remove('Lock', 'leaked')]);
  });
});

describe('nobody sees what no Access gives them', () => {
  test('administrators’ own sessions included: lists, explanations, requests and clients say the same of what is there and what is not', {
    timeout: 60_000,
  }, async () => {
    await apply(access('orders', 'orders'));
    for (const name of ['mona', 'admin']) {
      expect((await client(name).call('listResources')).resources).toEqual([]);
      expect((await client(name).call('accessWhat', { query: { principal: undefined } })).reach).toEqual([]);
    }
    const asked = async (resource: string): Promise<unknown> =>
      client('mona').call('explainAccess', { query: { principal: 'mona', resource } });
    expect({ ...((await asked('vault')) as object), resource: '' }).toEqual({
      ...((await asked('nothing')) as object),
      resource: '',
    });
    const requested = async (resource: string): Promise<string> => {
      const error = await client('mona')
        .call('requestAccess', { body: { resource, duration: '1h', reason: 'x' } })
        .catch((caught: unknown) => caught);
      return String((error as Error).message).replaceAll(resource, 'X');
    };
    expect(await requested('vault')).toBe(await requested('nothing'));
    const connected = async (resource: string): Promise<string> => {
      const one = psql(resource);
      await one.closed;
      return one.said().replaceAll(resource, 'X');
    };
    expect(await connected('vault')).toBe(await connected('nothing'));
    expect(await connected('vault')).toContain('No access');
    const explained = await sallyport('erin', 'explain', 'orders');
    expect(explained.out).toContain('granted by Access orders');
    expect((await sallyport('mona', 'explain', 'vault')).out).toContain('No Access gives it');
    expect((await sallyport('admin', 'access', 'who', 'orders')).out).toMatch(/erin\s+orders\s+standing/);
    expect((await sallyport('mona', 'access', 'who', 'orders')).code).not.toBe(0);
    expect((await sallyport('admin', 'access', 'export', '--format', 'csv')).out).toMatch(
      /^erin,person,,orders,orders,standing,/m,
    );
    await remove('Access', 'orders');
  });
});
