/**
 * Credentials of HTTP resources: what they may hold, and that no secret of theirs is ever given back (A-API-06,
 * A-HTTP-14), from the manifest to core's Resource and back.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  checkManifest,
  formatManifests,
  manifestSchemas,
  type ResourceManifest,
  readDocuments,
} from './contract/index.ts';
import { resourceOf } from './convert.ts';
import { postgres, type Running, sentinel, start } from './fixtures/fakes.ts';

const http = { name: 'http', defaultPort: 80, settings: {}, renderCell: () => '' };
const schemas = manifestSchemas([postgres, http]);

function shop(credential: unknown, name = 'shop-api', protocol = 'http') {
  return {
    kind: 'Resource',
    metadata: { name },
    spec: { protocol, address: 'shop.internal:8080', tls: { mode: 'disable' }, credential },
  };
}

function problemsOf(credential: unknown, name?: string, protocol?: string): string[] {
  return checkManifest(shop(credential, name, protocol), schemas).problems.map(
    ({ path, message }) => `${path.slice(1).join('.')}: ${message}`,
  );
}

const env = { env: 'KEY' };

describe('what a request may carry', () => {
  test('a token, head fields, a name with a password, and head fields with either', () => {
    const headers = { 'X-Api-Key': env };
    const fine = [
      { token: env },
      { headers },
      { username: 'app', password: env },
      { token: env, headers },
      { headers: { Authorization: env } },
    ];
    for (const credential of fine) expect(problemsOf(credential)).toEqual([]);
  });

  test('something, and only one Authorization', () => {
    expect(problemsOf({})).toEqual(['credential: must hold token, headers, or username and password']);
    expect(problemsOf({ headers: {} })).toHaveLength(1);
    expect(problemsOf({ username: 'app', password: env, token: env })).toEqual([
      'credential.token: cannot stand beside username',
    ]);
    expect(problemsOf({ username: 'app' })).toEqual(['credential.username: needs a password']);
    expect(problemsOf({ password: env, token: env })).toEqual(['credential.password: needs a username']);
    expect(problemsOf({ token: env, headers: { authorization: env } })).toHaveLength(1);
    expect(problemsOf({ username: 'a:b', password: env })).toHaveLength(1);
  });

  test('A-HTTP-01: no field that frames or routes a request, none twice, not too many', () => {
    for (const name of [
      'Host',
      'Content-Length',
      'Transfer-Encoding',
      'Connection',
      'X-Forwarded-For',
      'Cookie',
      'a b',
    ]) {
      expect(problemsOf({ headers: { [name]: env } })).not.toEqual([]);
    }
    expect(problemsOf({ headers: { 'X-Api-Key': env, 'x-api-key': env } })).toHaveLength(1);
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-Key-${index}`, env]));
    expect(problemsOf({ headers: many(16) })).toEqual([]);
    expect(problemsOf({ headers: many(17) })).toHaveLength(1);
    expect(problemsOf({ headers: { [`X-${'k'.repeat(44)}`]: env } })).toEqual([]);
    expect(problemsOf({ headers: { [`X-${'k'.repeat(45)}`]: env } })).toHaveLength(1);
  });

  test('a login is asked for where the protocol has one, and takes no token', () => {
    expect(problemsOf({ token: env }, 'orders', 'postgres').length).toBeGreaterThan(0);
    expect(problemsOf({ privateKey: env, token: env })).toHaveLength(1);
  });

  test('a resource with an origin has a name that is a label of a host name', () => {
    for (const name of ['shop', 's', `a${'b'.repeat(61)}c`]) expect(problemsOf({ token: env }, name)).toEqual([]);
    for (const name of ['shop.api', 'shop_api', 'shop-']) expect(problemsOf({ token: env }, name)).toHaveLength(1);
  });
});

describe('secrets of a request', () => {
  let api: Running;
  beforeEach(async () => {
    api = await start({ protocols: [postgres, http] });
  });
  afterEach(() => api.close());
  const apply = (document: unknown) =>
    api.call('POST', '/api/v1/apply', 'adam', { body: { documents: [document], dryRun: false } });

  test('A-API-06: are sealed under names of their own, never given back, and dropped with the resource', async () => {
    const credential = {
      token: { value: `${sentinel}-1` },
      headers: { 'X-Api-Key': { value: `${sentinel}-2` }, 'X-Tenant': env },
    };
    const applied = await apply(shop(credential));
    expect(applied.status).toBe(200);
    expect(applied.text).not.toContain(sentinel);
    expect(api.world.secrets.get('resource.shop-api.token')).toBe(`${sentinel}-1`);
    expect(api.world.secrets.get('resource.shop-api.headers.x-api-key')).toBe(`${sentinel}-2`);

    const got = await api.call('GET', '/api/v1/objects/Resource/shop-api', 'adam');
    expect(got.text).not.toContain(sentinel);
    expect((got.json['spec'] as ResourceManifest['spec']).credential).toEqual({
      token: { store: 'resource.shop-api.token' },
      headers: { 'X-Api-Key': { store: 'resource.shop-api.headers.x-api-key' }, 'X-Tenant': env },
    });
    // What it gives is taken again, and changes nothing.
    const text = formatManifests([got.json as never]);
    const [document] = readDocuments(text, 'shop.yaml').documents;
    expect((await apply(document!.value)).text).toContain('"unchanged"');
    expect(JSON.stringify(api.world.events)).not.toContain(sentinel);

    await apply(shop({ headers: { 'X-Tenant': env } }));
    expect([...api.world.secrets.keys()].filter((name) => name.startsWith('resource.'))).toEqual([]);
  });

  test('a secret that nothing holds is warned of', async () => {
    const applied = await apply(shop({ headers: { 'X-Api-Key': { store: 'gone' } } }));
    expect(applied.text).toContain('there is no secret gone');
  });
});

test('core’s Resource refers to every secret', () => {
  const { manifest } = checkManifest(
    shop({ token: env, headers: { 'X-Api-Key': { file: '/run/key' }, 'X-Two': { store: 'two' } } }),
    schemas,
  );
  const { credential } = resourceOf('shop-api', manifest as ResourceManifest, http, null);
  expect(credential).toMatchObject({
    username: '',
    password: null,
    token: { provider: 'env', name: 'KEY' },
    headers: { 'X-Api-Key': { provider: 'file', path: '/run/key' }, 'X-Two': { provider: 'store', name: 'two' } },
  });
});
