/**
 * A real Chromium at an HTTP resource, through a whole gateway: the demonstration's service with its key, signing on at the
 * console, a page with masks, a form that is held until somebody approves it, events, and signing off.
 */
import { createHash, createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Service, startService } from '../../demo/service.ts';
import type { Client } from '../../src/api/contract/index.ts';
import type { Gateway } from '../../src/gateway/index.ts';
import { Chromium, hasChromium } from '../env/chromium.ts';
import { engineerAndDba, startOrigins } from '../env/origins.ts';

const password = 'a long enough password';

let folder: string;
let service: Service;
let gateway: Gateway;
let chromium: Chromium;
let origin: string;
let dba: Client;
let admin: Client;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-browser-'));
  service = await startService(await freePort());
  const origins = await startOrigins({ dataDirectory: folder, people: engineerAndDba });
  ({ gateway, admin } = origins);
  dba = origins.clientOf('dba');
  const policies = await readFile(new URL('../../demo/policies/http.yaml', import.meta.url), 'utf8');
  const documents = [
    { kind: 'Principal', metadata: { name: 'erin' }, spec: { kind: 'person', password } },
    {
      kind: 'Resource',
      metadata: { name: 'shop-api', labels: { role: 'api' } },
      spec: {
        protocol: 'http',
        address: `${service.host}:${service.port}`,
        tls: { mode: 'disable' },
        credential: { headers: { 'X-Api-Key': { value: service.key } } },
      },
    },
    {
      kind: 'Access',
      metadata: { name: 'all' },
      spec: { match: { principals: { groups: ['engineering', 'dba'] }, resources: { names: ['shop-api'] } } },
    },
    ...parseAllDocuments(policies).map((document) => document.toJS() as unknown),
  ];
  await admin.call('apply', { body: { documents, dryRun: false } });
  origin = `https://shop-api.localhost:${gateway.listeners[0]!.port}`;
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
  await service?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

describe.runIf(hasChromium)('a browser at an HTTP resource', () => {
  test('signs on, and sees the page with what engineers may see', async () => {
    await chromium.open(`${origin}/`);
    await chromium.until("document.getElementById('wanted')?.hidden === false");
    await chromium.fill('#sign-on', { principal: 'erin', password });
    await chromium.until("document.title === 'Shop'");
    const seen = await chromium.evaluate<string>('document.body.innerText');
    expect(seen).toContain('Ada Lovelace');
    expect(seen).not.toMatch(/@|4111/);
    expect(await chromium.evaluate('document.cookie')).toBe('');
    const [session] = await liveSessions(1);
    expect(session?.principal.name).toBe('erin');
  }, 60_000);

  test('A-HTTP-14: neither the key nor the cookie is where the page could read it', async () => {
    const echo = await chromium.evaluate<string>("fetch('/v1/echo').then((answer) => answer.text())");
    expect(echo).toContain('"method":"GET"');
    expect(echo).not.toContain(service.key);
    expect(echo).not.toContain('__Host-sallyport');
  });

  test('a script’s request is refused with problem details', async () => {
    const refused = await chromium.evaluate<{ status: number; type: string; text: string }>(
      "fetch('/v1/customers/1', { method: 'DELETE' }).then(async (answer) => ({ status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }))",
    );
    expect(refused).toMatchObject({ status: 403, type: expect.stringContaining('application/problem+json') as string });
    expect(refused.text).toContain('customers-stay');
  });

  test('a form waits for its approval, and the page goes on', async () => {
    await chromium.open(`${origin}/`);
    await chromium.until("document.title === 'Shop'");
    await chromium.fill('form', { order: '1007', amount: '5.00' });
    let review: string | undefined;
    for (let look = 0; look < 200 && review === undefined; look++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      review = (await dba.call('listReviews', { query: {} })).reviews.find(({ state }) => state === 'pending')?.id;
    }
    expect(review).toBeDefined();
    await dba.call('decideReview', { params: { id: review! }, body: { decision: 'approve', reason: 'ticket 1' } });
    await chromium.until("document.body.innerText.includes('order=1007')");
    expect(await chromium.evaluate('location.pathname')).toBe('/v1/refunds');
  }, 60_000);

  test('events come one by one, masked', async () => {
    await chromium.open(`${origin}/`);
    await chromium.until("document.title === 'Shop'");
    const first = await chromium.evaluate<string>(
      "new Promise((resolve) => { const feed = new EventSource('/v1/events'); feed.addEventListener('order', ({ data }) => { feed.close(); resolve(data); }); })",
    );
    expect(first).toMatch(/^\{"order":1000,"email":"[^@]+"\}$/);
  }, 30_000);

  test('signing off ends the session and asks again', async () => {
    await chromium.open(`${origin}/.sallyport/sign-off`);
    await chromium.until("document.querySelector('form[method=post] button')");
    await chromium.evaluate("document.querySelector('form').requestSubmit()");
    // Chromium shows the page when it has cleared the cache, which may take its time.
    await chromium.until('/signed off/i.test(document.body.innerText)', 60_000);
    await chromium.open(`${origin}/`);
    await chromium.until("document.getElementById('wanted')?.hidden === false");
    expect(await liveSessions(0)).toEqual([]);
  }, 120_000);
});

/** The index of sessions follows behind. */
async function liveSessions(count: number): Promise<readonly { principal: { name: string } }[]> {
  for (let look = 0; ; look++) {
    const { sessions } = await admin.call('listSessions', { query: { resource: 'shop-api', live: true } });
    if (sessions.length === count || look > 100) return sessions;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
