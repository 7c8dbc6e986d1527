/**
 * HTTP through a whole gateway, with stock curl at the demonstration's service: Masks by place, by name of a field and by
 * detector, over either version and coded; what is kept of it; and rules about requests, tried out before they are in force.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Service, startService } from '../../demo/service.ts';
import type { Client } from '../../src/api/contract/index.ts';
import type { Gateway } from '../../src/gateway/index.ts';
import { engineerAndDba, startOrigins } from '../env/origins.ts';

let folder: string;
let service: Service;
let gateway: Gateway;
let admin: Client;
let origin: string;
let tokens: ReadonlyMap<string, string>;

const shop = (spec: Record<string, unknown> = {}) => ({
  kind: 'Resource',
  metadata: { name: 'shop-api', labels: { role: 'api' } },
  spec: {
    protocol: 'http',
    address: `${service.host}:${service.port}`,
    tls: { mode: 'disable' },
    credential: { headers: { 'X-Api-Key': { value: service.key } } },
    routes: ['/v1/customers/{id}'],
    ...spec,
  },
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-http-'));
  service = await startService(await freePort());
  ({ gateway, tokens, admin } = await startOrigins({ dataDirectory: folder, people: engineerAndDba }));
  const policies = await readFile(new URL('../../demo/policies/http.yaml', import.meta.url), 'utf8');
  const documents = [
    shop(),
    {
      kind: 'Access',
      metadata: { name: 'all' },
      spec: { match: { principals: { groups: ['engineering', 'dba'] }, resources: { names: ['shop-api'] } } },
    },
    ...parseAllDocuments(policies).map((document) => document.toJS() as unknown),
  ];
  await admin.call('apply', { body: { documents, dryRun: false } });
  origin = `https://shop-api.localhost:${gateway.listeners[0]!.port}`;
}, 120_000);

afterAll(async () => {
  await gateway?.stop('test', 0);
  await service?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}, 30_000);

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

/** Stock curl, which checks the certificate of the origin by the gateway's authority. */
function curl(principal: string, path: string, ...args: string[]): Promise<Answer> {
  const all = ['-sS', '-i', '--max-time', '20', '--cacert', gateway.caPath, ...args];
  all.push('--oauth2-bearer', tokens.get(principal)!, origin + path);
  return new Promise((resolve, reject) => {
    execFile('curl', all, { encoding: 'buffer', maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      if (error !== null) return reject(new Error(stderr.toString('utf8')));
      const end = stdout.indexOf('\r\n\r\n') + 4;
      const head = stdout.subarray(0, end).toString('latin1');
      resolve({ status: Number(head.split(' ')[1]), head, body: stdout.subarray(end) });
    });
  });
}

const secrets = /078-05-1120|219-09-9999|4111|5555|@customers/;

describe('Masks', () => {
  test.each(['--http1.1', '--http2'])('by JSON pointer and by detector, %s', async (version) => {
    const { status, head, body } = await curl('erin', '/v1/customers?limit=2', version);
    expect(status).toBe(200);
    expect(head).toMatch(/^content-type: application\/json\r$/im);
    const { customers } = JSON.parse(body.toString('utf8')) as { customers: Record<string, unknown>[] };
    expect(customers).toMatchObject([
      { id: 1, name: 'Ada Lovelace', balance: 120.5 },
      { id: 2, name: 'Charles Babbage', balance: 0 },
    ]);
    expect(body.toString('utf8')).not.toMatch(secrets);
    for (const { ssn, email, card } of customers) expect([ssn, email, card]).toEqual(Array(3).fill('[redacted]'));
  });

  test('do not touch what they are not about', async () => {
    const { body } = await curl('dba', '/v1/customers?limit=1');
    expect(JSON.parse(body.toString('utf8'))).toMatchObject({
      customers: [{ ssn: '078-05-1120', email: 'ada.lovelace@customers.example', card: '4111 1111 1111 1111' }],
    });
  });

  test('of what comes compressed, which goes on compressed', async () => {
    const { head, body } = await curl('erin', '/v1/customers', '-H', 'Accept-Encoding: gzip');
    expect(head).toMatch(/^content-encoding: gzip\r$/im);
    const text = gunzipSync(body).toString('utf8');
    expect(text).toContain('"name":"Alan Turing"');
    expect(text).not.toMatch(secrets);
    const plain = await curl('erin', '/v1/customers', '--compressed');
    expect(plain.body.toString('utf8')).toBe(text);
  });

  test('of a field of the head, by its name', async () => {
    const masked = await curl('erin', '/v1/customers/1');
    expect(masked.head).toMatch(/^x-contact: \[redacted\]\r$/im);
    expect(masked.head + masked.body.toString('utf8')).not.toMatch(secrets);
    const { head } = await curl('dba', '/v1/customers/1');
    expect(head).toMatch(/^x-contact: ada\.lovelace@customers\.example\r$/im);
  });

  test('are on what is recorded, too', async () => {
    const { sessions } = await admin.call('listSessions', { query: { resource: 'shop-api' } });
    const erins = sessions.filter(({ principal }) => principal.name === 'erin');
    expect(erins.length).toBeGreaterThan(0);
    for (const { id } of erins) {
      const text = await recordingOf(id);
      expect(text).toContain('Ada Lovelace');
      expect(text).not.toMatch(secrets);
      expect(text).not.toContain(service.key);
    }
  });
});

/** Of a session that goes on; what was delivered last is written within moments. */
async function recordingOf(id: string): Promise<string> {
  for (let look = 0; ; look++) {
    const kept: string[] = [];
    try {
      for await (const entry of admin.stream('readRecording', { params: { id } })) {
        kept.push(
          entry.type === 'data' ? Buffer.from(entry.data, entry.encoding).toString('utf8') : JSON.stringify(entry),
        );
      }
    } catch (error) {
      if (look > 100) throw error;
    }
    if (kept.some((one) => one.includes('Ada Lovelace')) || look > 100) return kept.join('\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('rules about requests', () => {
  test('are explained for a request, with the method as its verb', async () => {
    const ask = (command: string) =>
      admin.call('explainCommand', { body: { principal: 'erin', resource: 'shop-api', command } });
    expect(await ask('DELETE /v1/customers/1')).toMatchObject({
      verdict: { name: 'block', rule: 'customers-stay' },
    });
    expect(await ask('POST /v1/refunds\n\norder=1')).toMatchObject({ verdict: { name: 'hold' } });
    const read = await ask('GET /v1/customers');
    expect(read.verdict?.name).toBe('allow');
    expect(read.masks).toMatchObject([{ name: 'shop-pii', applies: true }]);
  });

  test('by verb are about methods, in examples and in force', async () => {
    const rule = {
      kind: 'Guardrail',
      metadata: { name: 'no-puts' },
      spec: {
        match: { resources: { names: ['shop-api'] }, commands: { verbs: ['put'] } },
        verdict: 'block',
        message: 'Nothing is replaced here.',
        examples: [
          { command: 'PUT /v1/echo', resource: 'shop-api', expect: 'block' },
          { command: 'GET /v1/echo', resource: 'shop-api', expect: 'allow' },
        ],
      },
    };
    await admin.call('apply', { body: { documents: [rule], dryRun: false } });
    const refused = await curl('erin', '/v1/echo', '-X', 'PUT', '-d', 'x=1');
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body.toString('utf8'))).toMatchObject({ rule: 'no-puts' });
    expect((await curl('erin', '/v1/echo')).status).toBe(200);
  });

  test('name routes; what is none is refused before it is stored', async () => {
    const rule = {
      kind: 'Guardrail',
      metadata: { name: 'one-customer' },
      spec: {
        match: {
          resources: { names: ['shop-api'] },
          commands: { http: { routes: ['/v1/customers/{id}'], methods: ['PATCH'] } },
        },
        verdict: 'block',
        message: 'Customers stay as they are.',
        examples: [
          { command: 'PATCH /v1/customers/7', resource: 'shop-api', expect: 'block' },
          { command: 'PATCH /v1/customers', resource: 'shop-api', expect: 'allow' },
        ],
      },
    };
    await admin.call('apply', { body: { documents: [rule], dryRun: true } });
    const broken = shop({ routes: ['/v1/customers/{id'] });
    const refusal: unknown = await admin.call('apply', { body: { documents: [broken], dryRun: true } }).catch((e) => e);
    expect(JSON.stringify(refusal)).toContain('is no route such as /v1/customers/{id}');
  });
});

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
