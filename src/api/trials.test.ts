/** Trying things out, over real HTTP with in-memory fakes behind the ports: a draft leads no stored secret elsewhere. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Running, start } from './fixtures/fakes.ts';

let api: Running;
beforeEach(async () => {
  api = await start();
});
afterEach(() => api.close());

const resource = (address: string, password: object, more: object = {}): object => ({
  kind: 'Resource',
  metadata: { name: 'vault' },
  spec: { protocol: 'postgres', address, database: 'app', credential: { username: 'app', password }, ...more },
});
const tested = async (document?: object) => {
  const { status, json } = await api.call('POST', '/api/v1/objects/Resource/vault/test', 'adam', {
    body: document === undefined ? {} : { document },
  });
  const [step] = (json['steps'] ?? []) as { outcome: string; says: string }[];
  return [status, step?.outcome];
};

test('A-API-06: a stored secret is shown only to the address and by the settings that it is saved with', async () => {
  const apply = { body: { documents: [resource('db.internal:5432', { value: 'the secret' })] } };
  expect((await api.call('POST', '/api/v1/apply', 'adam', apply)).status).toBe(200);
  const stored = { store: 'resource.vault.password' };
  expect(await tested()).toEqual([200, 'done']);
  expect(await tested(resource('db.internal:5432', stored))).toEqual([200, 'done']);
  expect(await tested(resource('evil.example:5432', stored))).toEqual([200, 'skipped']);
  expect(await tested(resource('db.internal:5432', stored, { tls: { mode: 'disable' } }))).toEqual([200, 'skipped']);
  expect(await tested(resource('evil.example:5432', { file: '/run/secrets/other' }))).toEqual([200, 'skipped']);
  // What is typed in is the caller's own.
  expect(await tested(resource('elsewhere.example:5432', { value: 'typed in' }))).toEqual([200, 'done']);
});

test('what is no such resource is refused, and nothing is saved by trying', async () => {
  expect(await tested()).toEqual([404, undefined]);
  const draft = resource('db.internal:5432', { value: 'typed in' });
  expect(await tested({ ...draft, metadata: { name: 'another' } })).toEqual([400, undefined]);
  expect(await tested(draft)).toEqual([200, 'done']);
  expect((await api.call('GET', '/api/v1/objects/Resource/vault', 'adam')).status).toBe(404);
});
