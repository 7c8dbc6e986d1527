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
const oauth = { tokenUrl: 'https://sso.example/token', clientId: 'app', clientSecret: env };
const aws = { region: 'eu-central-1', service: 's3', accessKeyId: env, secretAccessKey: env };
const clientCertificate = { certificate: env, key: env };

describe('what a request may carry', () => {
  test('a token, head fields, a name with a password, and head fields with either', () => {
    const headers = { 'X-Api-Key': env };
    const fine = [
      { token: env },
      { headers },
      { username: 'app', password: env },
      { token: env, headers },
      { headers: { Authorization: env } },
      { oauth },
      { oauth: { ...oauth, scopes: ['a', 'b:c'], audience: 'x', authentication: 'body' }, headers },
      { aws },
      { aws: { ...aws, sessionToken: env } },
    ];
    for (const credential of fine) expect(problemsOf(credential)).toEqual([]);
  });

  test('something, and only one Authorization', () => {
    expect(problemsOf({})).toEqual([
      'credential: must hold token, oauth, aws, clientCertificate, headers, or username and password',
    ]);
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

  test('one thing that makes Authorization', () => {
    expect(problemsOf({ token: env, oauth })).toEqual(['credential.oauth: cannot stand beside token']);
    expect(problemsOf({ oauth, aws })).toEqual(['credential.aws: cannot stand beside oauth']);
    expect(problemsOf({ aws, headers: { authorization: env } })).toHaveLength(1);
    expect(problemsOf({ aws, headers: { 'X-Amz-Date': env } })).toHaveLength(1);
  });

  test('a token endpoint by https, and in clear on this machine only', () => {
    const at = (tokenUrl: string) => problemsOf({ oauth: { ...oauth, tokenUrl } });
    for (const url of [
      'https://sso.example:8443/t?x=1',
      'http://127.0.0.1:8080/t',
      'http://localhost/t',
      'http://[::1]/t',
    ]) {
      expect(at(url)).toEqual([]);
    }
    for (const url of [
      'http://sso.example/token',
      'http://127.0.0.1.example/t',
      'https://user:pw@sso.example/t',
      'https://sso.example/t#x',
      'file:///etc/passwd',
      '/token',
    ]) {
      expect(at(url)).toHaveLength(1);
    }
  });

  test('a certificate goes with each, stands alone, and needs TLS to the target', () => {
    const at = (mode: string, credential: unknown) => {
      const manifest = shop(credential);
      return checkManifest({ ...manifest, spec: { ...manifest.spec, tls: { mode } } }, schemas).problems;
    };
    expect(at('verify-full', { clientCertificate })).toEqual([]);
    expect(at('require', { clientCertificate, oauth })).toEqual([]);
    expect(at('disable', { clientCertificate })).toMatchObject([
      { path: ['spec', 'credential', 'clientCertificate'], message: expect.stringContaining('needs TLS') },
    ]);
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

  test('A-API-06: so are those that stand deeper', async () => {
    const secrets = {
      'aws.accessKeyId': 1,
      'aws.secretAccessKey': 2,
      'aws.sessionToken': 3,
      'clientCertificate.certificate': 4,
      'clientCertificate.key': 5,
    };
    const value = (count: number) => ({ value: `${sentinel}-${count}` });
    const keys = { accessKeyId: value(1), secretAccessKey: value(2), sessionToken: value(3) };
    const pair = { certificate: value(4), key: value(5) };
    const manifest = shop({ aws: { region: 'r', service: 's3', ...keys }, clientCertificate: pair });
    const applied = await apply({ ...manifest, spec: { ...manifest.spec, tls: { mode: 'verify-full' } } });
    expect(applied.status).toBe(200);
    expect(applied.text).not.toContain(sentinel);
    for (const [path, count] of Object.entries(secrets)) {
      expect(api.world.secrets.get(`resource.shop-api.${path.toLowerCase()}`)).toBe(`${sentinel}-${count}`);
    }
    const got = await api.call('GET', '/api/v1/objects/Resource/shop-api', 'adam');
    expect(got.text).not.toContain(sentinel);
    expect((got.json['spec'] as ResourceManifest['spec']).credential?.aws).toEqual({
      region: 'r',
      service: 's3',
      accessKeyId: { store: 'resource.shop-api.aws.accesskeyid' },
      secretAccessKey: { store: 'resource.shop-api.aws.secretaccesskey' },
      sessionToken: { store: 'resource.shop-api.aws.sessiontoken' },
    });
    expect((await apply(shop({ oauth: { ...oauth, clientSecret: value(6) } }))).text).not.toContain(sentinel);
    expect([...api.world.secrets.keys()].filter((name) => name.startsWith('resource.'))).toEqual([
      'resource.shop-api.oauth.clientsecret',
    ]);
  });

  test('a secret that nothing holds is warned of', async () => {
    const applied = await apply(shop({ headers: { 'X-Api-Key': { store: 'gone' } } }));
    expect(applied.text).toContain('there is no secret gone');
  });
});

test('an authority has keys of SSH, X.509 certificates, or both', () => {
  const problems = (spec: object) =>
    checkManifest(
      { kind: 'CertificateAuthority', metadata: { name: 'ca' }, spec: { principals: { names: ['a'] }, ...spec } },
      schemas,
    ).problems.map(({ message }) => message);
  const certificate = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const print = Array(32).fill('AB').join(':');
  expect(problems({ certificates: [certificate], revoked: [print, 'ab'.repeat(32)] })).toEqual([]);
  expect(problems({})).toEqual(['must hold keys, certificates, or both']);
  expect(problems({ certificates: [`${certificate}${certificate}`] })).toEqual(['must be one certificate in PEM']);
  expect(problems({ certificates: [certificate], revoked: [`${print}:AB`] })).toHaveLength(1);
  expect(problems({ certificates: [certificate], revoked: Array(1001).fill(print) })).toHaveLength(1);
  expect(problems({ certificates: Array(17).fill(certificate) })).toHaveLength(1);
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

test('core’s Resource refers to what stands deeper', () => {
  const of = (credential: unknown) => {
    const manifest = shop(credential);
    const tls = { mode: 'verify-full' };
    const checked = checkManifest({ ...manifest, spec: { ...manifest.spec, tls } }, schemas).manifest;
    return resourceOf('shop-api', checked as ResourceManifest, http, null).credential;
  };
  const key = { provider: 'env', name: 'KEY' };
  expect(of({ oauth: { ...oauth, scopes: ['a'] }, clientCertificate })).toMatchObject({
    oauth: {
      ...oauth,
      clientSecret: key,
      scopes: ['a'],
      audience: null,
      resource: null,
      authentication: 'basic',
      ca: null,
    },
    clientCertificate: { certificate: key, key },
  });
  expect(of({ aws })).toMatchObject({ aws: { accessKeyId: key, secretAccessKey: key, sessionToken: null } });
});
