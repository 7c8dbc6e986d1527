/** gRPC through a whole gateway with a stock client: a descriptor set in a file, rules about messages, Masks in answers. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Client } from '../../src/api/contract/index.ts';
import type { Gateway } from '../../src/gateway/index.ts';
import { descriptorSet, GrpcClient, type GrpcTarget, startGrpcTarget } from '../../src/protocols/http/grpc-testing.ts';
import { engineerAndDba, startOrigins } from '../env/origins.ts';

const names = ['shop-grpc', 'shop-broken', 'shop-nowhere'];
const code = { ok: 0, denied: 7, unavailable: 14 } as const;
let folder: string;
let target: GrpcTarget;
let gateway: Gateway;
let admin: Client;
let client: GrpcClient;
let connect: (name: string) => Promise<GrpcClient>;

const apply = (...documents: Record<string, unknown>[]) => admin.call('apply', { body: { documents, dryRun: false } });

const resource = (name: string, settings: Record<string, unknown>) => ({
  kind: 'Resource',
  metadata: { name },
  spec: {
    ...{ protocol: 'http', address: `127.0.0.1:${target.port}`, tls: { mode: 'disable' }, version: '2' },
    ...settings,
  },
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-grpc-'));
  target = await startGrpcTarget(({ customerId, note }) => ({
    text: `for ${String(customerId)}, ada@example.com`,
    cardNumber: '4111111111111111',
    items: [{ sku: 'a', count: 1 }],
    ...(note === undefined ? {} : { note }),
  }));
  const path = join(folder, 'shop.binpb');
  await writeFile(path, Buffer.from(descriptorSet(), 'base64'));
  const started = await startOrigins({ dataDirectory: folder, people: engineerAndDba });
  ({ gateway, admin } = started);
  await apply(
    resource('shop-grpc', { grpc_descriptors: `file:${path}` }),
    {
      kind: 'Access',
      metadata: { name: 'all' },
      spec: { match: { principals: { groups: ['engineering'] }, resources: { names } } },
    },
    {
      kind: 'Guardrail',
      metadata: { name: 'no-express' },
      spec: {
        match: { commands: { http: { grpc: ['shop.v1.Shop/*'], body: ['/express=true'] } } },
        verdict: 'block',
        message: 'No express orders.',
      },
    },
    {
      kind: 'Mask',
      metadata: { name: 'cards' },
      spec: {
        match: { resources: { names: ['shop-grpc'] } },
        fields: ['/cardNumber'],
        detect: ['email'],
        with: 'redact',
      },
    },
  );
  connect = async (name) => {
    const { port } = gateway.listeners[0]!;
    const bearer = started.tokens.get('erin')!;
    return new GrpcClient({ port, authority: `${name}.localhost:${port}`, ca: await readFile(gateway.caPath), bearer });
  };
  client = await connect('shop-grpc');
}, 120_000);

afterAll(async () => {
  client?.close();
  await gateway?.stop('test', 0);
  await target?.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}, 30_000);

const masked = { text: 'for c1, [redacted]', cardNumber: '[redacted]', items: [{ sku: 'a', count: 1 }] };

test('answers are masked, however many there are', async () => {
  const one = { customerId: 'c1' };
  expect(await client.call('Buy', [one])).toEqual({ code: code.ok, details: expect.anything(), receipts: [masked] });
  expect(await client.call('Watch', [one])).toMatchObject({ code: code.ok, receipts: [masked, masked, masked] });
  expect(await client.call('Fill', [{ customerId: 'c0' }, one])).toMatchObject({ code: code.ok, receipts: [masked] });
  expect(await client.call('Chat', [one, one])).toMatchObject({ code: code.ok, receipts: [masked, masked] });
});

test('a rule about messages refuses the call that has one, in any of its messages', async () => {
  const before = target.orders.length;
  const express = { customerId: 'c1', express: true };
  const refused = await client.call('Buy', [express]);
  expect(refused).toMatchObject({ code: code.denied, receipts: [] });
  expect(refused.details).toContain('No express orders.');
  expect(refused.details).toContain('no-express');
  expect(await client.call('Fill', [{ customerId: 'c1' }, express])).toMatchObject({ code: code.denied });
  expect(target.orders.slice(before).some(({ express: isExpress }) => isExpress === true)).toBe(false);
});

test('what the descriptors do not know is refused where a rule or a Mask could mean it', async () => {
  const refused = await client.call('Buy', [{ customerId: 'c1', note: 'x' }]);
  expect(refused.code).toBe(code.denied);
  expect(refused.details).toContain('no-express');
});

test('a file that is no descriptor set, or is none at all, leaves the resource unreachable', async () => {
  const path = join(folder, 'broken.binpb');
  await writeFile(path, 'no descriptors');
  for (const [name, bad] of [
    ['shop-broken', path],
    ['shop-nowhere', join(folder, 'nowhere.binpb')],
  ] as const) {
    await apply(resource(name, { grpc_descriptors: `file:${bad}` }));
    const other = await connect(name);
    expect((await other.call('Buy', [{ customerId: 'c9' }])).code).not.toBe(code.ok);
    other.close();
  }
  expect(target.orders.map(({ customerId }) => customerId)).not.toContain('c9');
  await expect(apply(resource('shop-grpc', { grpc_descriptors: 'AAAA' }))).rejects.toThrow();
});
