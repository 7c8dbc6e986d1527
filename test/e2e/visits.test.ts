/**
 * Signing on in a browser: a whole gateway, its console's page, and a real Chromium that is handed over to a resource's
 * origin. The origin's side is a stand-in of a few lines that asks the Door what protocols/http asks; what becomes of
 * requests is tested there.
 */
import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import type { Wire } from '../../src/base/wire.ts';
import type { Door, Protocol } from '../../src/core/protocol.ts';
import type { Gateway } from '../../src/gateway/index.ts';
import { readEvents as readJournal } from '../../src/recording/index.ts';
import { Chromium, hasChromium } from '../env/chromium.ts';
import { startOrigins } from '../env/origins.ts';

const password = 'a long enough password';
const flags = 'HttpOnly; Secure; SameSite=Lax; Path=/';

let folder: string;
let gateway: Gateway;
let admin: Client;
let chromium: Chromium;
let origin: string;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-visits-'));
  ({ gateway, admin } = await startOrigins({
    dataDirectory: folder,
    people: [{ name: 'outsider' }],
    protocols: [standIn],
  }));
  const spec = { kind: 'person', password };
  const documents = [
    ...['erin', 'mallory'].map((name) => ({ kind: 'Principal', metadata: { name }, spec })),
    ...['shop', 'other', 'secret'].map((name) => ({
      kind: 'Resource',
      metadata: { name },
      spec: { protocol: 'http', address: '127.0.0.1:9', tls: { mode: 'disable' } },
    })),
    {
      kind: 'Access',
      metadata: { name: 'all' },
      spec: { match: { principals: { names: ['erin', 'mallory'] }, resources: { names: ['shop', 'other'] } } },
    },
  ];
  await admin.call('apply', { body: { documents, dryRun: false } });
  port = gateway.listeners[0]!.port;
  origin = `https://shop.localhost:${port}`;
  if (!hasChromium) return;
  const key = createPublicKey(await readFile(join(folder, 'tls/server.key'), 'utf8'));
  const spki = createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  chromium = await Chromium.start([spki]);
}, 120_000);

afterAll(async () => {
  await chromium?.close();
  await gateway?.stop('test', 0);
  await rm(folder, { recursive: true, force: true });
}, 30_000);

const signOn = (principal: string): Promise<void> => chromium.fill('#sign-on', { principal, password });
const visiting = (name: string): string => `document.body?.innerText.startsWith('Hello ${name}')`;

/** Opens an origin as a new browser, and signs on. */
async function visit(principal = 'erin', path = '/orders?id=7&x=%26'): Promise<void> {
  await chromium.newPage();
  await chromium.open(origin + path);
  await chromium.until("document.getElementById('sign-on') && !document.getElementById('wanted').hidden");
  await signOn(principal);
  await chromium.until(visiting(principal));
}

describe.runIf(hasChromium)('a browser', () => {
  test('signs on at the console, sees for what, and is back where it wanted to be', async () => {
    await chromium.newPage();
    await chromium.open(`${origin}/orders?id=7&x=%26`);
    await chromium.until("document.title === 'Sign on to shop · Sallyport'");
    expect(await chromium.evaluate('location.origin')).toBe(gateway.consoleUrl);
    expect(await chromium.evaluate("document.getElementById('resource').textContent")).toBe('shop');
    await chromium.until("document.getElementById('sign-on') && !document.getElementById('wanted').hidden");
    await signOn('erin');
    await chromium.until(visiting('erin'));
    expect(await chromium.evaluate('location.href')).toBe(`${origin}/orders?id=7&x=%26`);
    // The page whose link is used up is not gone back to, and told nobody where the browser came from.
    expect(await chromium.evaluate('document.referrer')).toBe('');
    expect(chromium.logged.filter((line) => /Content Security|exception/i.test(line))).toEqual([]);
  });

  test('A-ID-07: the cookie is the host’s alone, unseen by scripts, sent by TLS and not with others’ requests', async () => {
    await visit();
    const cookies = (await chromium.cookies(origin)).filter(({ name }) => name === '__Host-sallyport');
    expect(cookies).toMatchObject([
      { domain: 'shop.localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Lax' },
    ]);
    expect(await chromium.evaluate('document.cookie')).toBe('');
    expect(await chromium.cookies(`https://other.localhost:${port}`)).toEqual([]);
    // Nor does it stand for anybody at another resource that the same person may open.
    const [cookie] = cookies;
    await chromium.setCookie({
      url: `https://other.localhost:${port}/`,
      name: cookie!.name,
      value: cookie!.value,
      path: '/',
      secure: true,
    });
    await chromium.open(`https://other.localhost:${port}/`);
    await chromium.until("document.title === 'Sign on to other · Sallyport'");
  });

  test('a wrong password is told, and the same page takes the right one', async () => {
    await chromium.newPage();
    await chromium.open(origin);
    await chromium.until("document.getElementById('wanted')?.hidden === false");
    await chromium.fill('#sign-on', { principal: 'erin', password: 'not the one at all' });
    await chromium.until("document.querySelector('#said.problem')");
    await signOn('erin');
    await chromium.until(visiting('erin'));
  });

  test('a resource without Access is told from none by nobody, and the sign-on is taken back', async () => {
    for (const name of ['secret', 'nothing']) {
      await chromium.newPage();
      await chromium.open(`https://${name}.localhost:${port}/`);
      await chromium.until("document.getElementById('wanted')?.hidden === false");
      await signOn('mallory');
      await chromium.until("document.querySelector('#said.problem')");
      expect(await chromium.evaluate("document.getElementById('said').textContent")).toBe(
        'There is no such resource with an origin, or you may not see it. Check the name, or ask an administrator.',
      );
    }
    expect(await tokensOf('mallory')).toEqual([]);
  });

  test('login CSRF: a link with a code of somebody else’s sign-on signs nobody on', async () => {
    const theirs = await codeFor('mallory', `${randomBytes(32).toString('base64url')}`);
    await chromium.newPage();
    await chromium.open(origin);
    await chromium.until("document.getElementById('wanted')?.hidden === false");
    await chromium.open(theirs);
    await chromium.until("document.body?.innerText.startsWith('No longer valid')");
    expect((await chromium.cookies(origin)).map(({ name }) => name)).toEqual(['__Host-sallyport-nonce']);
  });

  test('open redirects: what the link says of where to go is a path on the origin or nothing', async () => {
    for (const wanted of ['https://evil.example/', '//evil.example/', '/\\evil.example/']) {
      await chromium.newPage();
      await chromium.open(origin);
      await chromium.until("document.getElementById('wanted')?.hidden === false");
      const link = new URL(await chromium.evaluate<string>('location.href'));
      const told = new URLSearchParams(link.hash.slice(1));
      told.set('return', wanted);
      await chromium.open('about:blank');
      await chromium.open(`${gateway.consoleUrl}/visit.html#${told}`);
      await chromium.until("document.getElementById('wanted')?.hidden === false");
      await signOn('erin');
      await chromium.until(visiting('erin'));
      expect(await chromium.evaluate('location.href')).toBe(`${origin}/`);
    }
  });

  test('open redirects: the domain is the gateway’s own or none', async () => {
    await chromium.newPage();
    const told = new URLSearchParams({ resource: 'shop', domain: 'evil.example', nonce: 'n'.repeat(43), return: '/' });
    await chromium.open(`${gateway.consoleUrl}/visit.html#${told}`);
    await chromium.until("document.getElementById('wanted')?.hidden === false");
    await signOn('erin');
    await chromium.until("document.querySelector('#said.problem')");
    expect(await chromium.evaluate('location.origin')).toBe(gateway.consoleUrl);
  });

  test('what the link says is shown as text', async () => {
    await chromium.newPage();
    const told = new URLSearchParams({ resource: '<img src=x onerror=alert(1)>', nonce: 'n' });
    await chromium.open(`${gateway.consoleUrl}/visit.html#${told}`);
    await chromium.until("document.getElementById('wanted')?.hidden === false");
    expect(await chromium.evaluate("document.getElementById('resource').innerHTML")).toBe(
      '&lt;img src=x onerror=alert(1)&gt;',
    );
  });

  test('A-ID-08: revoking the sign-on, or signing off, ends it', async () => {
    await visit();
    const before = new Set((await tokensOf('erin')).map(({ id }) => id));
    for (const id of before) await admin.call('revokeToken', { params: { id } });
    await chromium.open(`${origin}/again`);
    await chromium.until("document.getElementById('wanted')?.hidden === false");
    await signOn('erin');
    await chromium.until(visiting('erin'));
    expect(await tokensOf('erin')).toHaveLength(1);
    await chromium.open(`${origin}/.sallyport/sign-off`);
    await chromium.until("document.body?.innerText.startsWith('Signed off')");
    expect(await tokensOf('erin')).toEqual([]);
    await chromium.open(origin);
    await chromium.until("document.getElementById('wanted')?.hidden === false");
  });

  test('each is journaled, and no secret with it', async () => {
    const text: string[] = [];
    const events = readJournal(folder, { from: 1, to: gateway.journal.durableSequence });
    for await (const event of events) text.push(JSON.stringify(event));
    expect(text.filter((line) => line.includes('"method":"visit"')).length).toBeGreaterThan(3);
    expect(text.filter((line) => line.includes('"type":"token.revoked"')).length).toBeGreaterThan(0);
    for (const secret of [password, ...secrets]) expect(text.join('\n')).not.toContain(secret);
  });
});

async function tokensOf(owner: string): Promise<readonly { id: string }[]> {
  const { tokens } = await admin.call('listTokens', { query: { all: true } });
  return tokens.filter((token) => token.owner === owner);
}

/** The link back, as whoever signs on with a nonce of their own gets it. */
async function codeFor(principal: string, nonce: string): Promise<string> {
  const open = createClient({ baseUrl: gateway.consoleUrl, ca: '' });
  const { token } = await open.call('login', { body: { principal, password } });
  const own = createClient({ baseUrl: gateway.consoleUrl, ca: '', token });
  const digest = createHash('sha256').update(`sallyport visit ${nonce}`).digest('base64url');
  const body = { resource: 'shop', domain: 'localhost', nonce: digest, returnTo: '/' };
  return (await own.call('beginVisit', { body })).url;
}

/** Cookies' values that were given. */
const secrets: string[] = [];

const standIn: Protocol = {
  name: 'http',
  title: 'HTTP',
  defaultPort: 80,
  settings: {},
  housekeeping: [],
  capabilities: {
    assurance: 'exact',
    languages: [],
    verbs: ['get'],
    rowEstimates: false,
    holds: false,
    masks: false,
    limits: false,
  },
  createServer: () => ({ accept }),
  renderCell: (cell) => cell.toString('utf8'),
};

/** One request a connection. */
async function accept(wire: Wire, door: Door): Promise<void> {
  await wire.startServerTls({ ...door.serverTls(), alpn: ['http/1.1'] });
  const head = await new Promise<string>((resolve) => {
    let text = '';
    const read = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (text.includes('\r\n\r\n')) resolve(text);
    };
    wire.handle({ read, end: () => undefined, drain: () => undefined, close: () => resolve('') });
  });
  const lines = await answer(head, door);
  wire.end(Buffer.from(lines));
}

async function answer(head: string, door: Door): Promise<string> {
  const [, target = '/'] = /^GET (\S+)/.exec(head) ?? [];
  const [, resource = ''] = /^host: ([a-z0-9-]+)\.localhost:/im.exec(head) ?? [];
  const [, cookies = ''] = /^cookie: (.*)$/im.exec(head) ?? [];
  const given = new Map(cookies.split(/; ?/).map((pair) => pair.trim().split('=') as [string, string]));
  const secret = given.get('__Host-sallyport') ?? '';
  const held = given.get('__Host-sallyport-nonce') ?? '';
  const say = (status: number, text: string, ...fields: string[]): string =>
    [`HTTP/1.1 ${status} X`, 'Content-Type: text/plain', 'Connection: close', ...fields, '', text].join('\r\n');
  const code = /^\/\.sallyport\/visit\?code=(\w+)$/.exec(target)?.[1];
  if (code !== undefined) {
    const redeemed = await door.redeemVisit(code, held, resource).catch(() => null);
    if (redeemed === null) return say(403, 'No longer valid');
    secrets.push(redeemed.secret, code);
    return say(303, '', `Location: ${redeemed.returnTo}`, `Set-Cookie: __Host-sallyport=${redeemed.secret}; ${flags}`);
  }
  if (target === '/.sallyport/sign-off') {
    return say(200, (await door.endVisit(secret, resource)) ? 'Signed off' : 'Nobody was signed on');
  }
  const principal = await door.identifyByVisit(secret, resource).catch(() => null);
  if (principal !== null) return say(200, `Hello ${principal.name}`);
  const nonce = held === '' ? randomBytes(32).toString('base64url') : held;
  const link = door.visitLink({ resource, domain: 'localhost', returnTo: target, nonce });
  return say(303, '', `Location: ${link}`, `Set-Cookie: __Host-sallyport-nonce=${nonce}; ${flags}; Max-Age=600`);
}
