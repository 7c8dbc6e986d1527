/** Settings of ACME: what is taken, and what is refused with what to do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AcmeConfig } from './acme-config.ts';
import { readConfig } from './config.ts';
import { examine, type Finding } from './doctor.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-acme-config-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const settings = {
  directory: 'https://acme.example.com/dir',
  email: 'ops@example.com',
  termsAgreed: true,
  domains: ['gw.example.com'],
};
const hook = { command: ['/usr/local/sbin/dns-hook', '--zone', 'example.com'] };

async function read(acme: unknown, rest: Record<string, unknown> = {}): Promise<AcmeConfig> {
  const file = join(folder, 'settings.yaml');
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ acme, ...rest }));
  const config = await readConfig({ file, dataDirectory: folder, environment: { EAB: 'c2VjcmV0', EMPTY: '' } });
  return config.acme!;
}

describe('taken', () => {
  test('little: the rest has a default', async () => {
    expect(await read({ ...settings, domains: ['GW.example.com.', 'gw.example.com', 'www.example.com'] })).toEqual({
      directory: settings.directory,
      email: 'ops@example.com',
      names: ['gw.example.com', 'www.example.com'],
      domains: [],
      challenge: 'tls-alpn-01',
      http: { host: '0.0.0.0', port: 80 },
      hook: null,
      externalAccountBinding: null,
      ca: null,
    });
    expect((await readConfig({ dataDirectory: folder, environment: {} })).acme).toBeUndefined();
  });

  test('a wildcard, proved by DNS', async () => {
    const read1 = await read({
      ...settings,
      challenge: 'dns-01',
      hook,
      domains: ['*.gw.example.com', 'gw.example.com'],
    });
    expect(read1).toMatchObject({
      names: ['*.gw.example.com', 'gw.example.com'],
      hook: { ...hook, environment: [], deadlineMs: 120_000, waitMs: 30_000 },
    });
  });

  test('origins, an account that is bound, an authority of its own', async () => {
    const externalAccountBinding = { keyId: 'kid-1', key: { env: 'EAB' } };
    const acme = { ...settings, domains: 'origins', externalAccountBinding, ca: '/etc/acme.pem' };
    expect(await read(acme, { names: ['gw.example.com', '10.0.0.1', 'localhost', 'gateway'] })).toMatchObject({
      names: null,
      domains: ['gw.example.com'],
      externalAccountBinding: { keyId: 'kid-1', variable: 'EAB' },
      ca: '/etc/acme.pem',
    });
  });
});

describe('refused', () => {
  test.each<[Record<string, unknown>, string]>([
    [
      { domains: ['*.gw.example.com'] },
      'acme.domains: *.gw.example.com is a wildcard, which no server gives for tls-alpn-01: set challenge: dns-01',
    ],
    [{ domains: ['*.gw.example.com'], challenge: 'http-01' }, 'for http-01: set challenge: dns-01'],
    [{ domains: ['localhost'] }, 'localhost is no full DNS name'],
    [{ domains: ['x.localhost'] }, 'x.localhost is no full DNS name'],
    [{ domains: ['192.168.1.1'] }, '192.168.1.1 is no full DNS name'],
    [{ domains: ['a.*.example.com'] }, 'a.*.example.com is no full DNS name'],
    [{ domains: ['*.*.example.com'], challenge: 'dns-01', hook }, '*.*.example.com is no full DNS name'],
    [{ domains: ['-a.example.com'] }, '-a.example.com is no full DNS name'],
    [{ domains: [`${'a.'.repeat(120)}example.com`] }, 'is no full DNS name'],
    [{ domains: [] }, 'acme.domains'],
    [{ domains: 'all' }, 'acme.domains: must be a list of names, or origins'],
    [{ domains: 'origins' }, 'acme.domains: origins stand below the DNS names in names, and there is none'],
    [{ directory: 'http://acme.example.com/dir' }, 'acme.directory: must be the https URL'],
    [{ termsAgreed: false }, 'acme.termsAgreed: must be true: read the terms'],
    [{ termsAgreed: undefined }, 'acme.termsAgreed: must be true: read the terms'],
    [{ email: 'mailto:x' }, 'acme.email: must be one address'],
    [{ challenge: 'dns-01' }, 'acme.hook: is missing: dns-01 takes a program'],
    [{ hook }, 'acme.hook: is for dns-01, not tls-alpn-01'],
    [{ challenge: 'dns-01', hook: { command: ['dns-hook'] } }, 'acme.hook.command: must begin with an absolute path'],
    [{ challenge: 'dns-01', hook: { ...hook, deadlineSeconds: 601 } }, 'acme.hook.deadlineSeconds'],
    [{ http: {} }, 'acme.http: is for http-01, not tls-alpn-01'],
    [{ externalAccountBinding: { keyId: 'k', key: { env: 'EMPTY' } } }, 'names the variable EMPTY, which is not set'],
    [{ colour: 'red' }, 'Unrecognized key'],
  ])('%j', async (changes, problem) => {
    await expect(read({ ...settings, ...changes })).rejects.toThrow(problem);
  });

  test('TLS-ALPN-01 where nothing begins with TLS', async () => {
    await expect(read(settings, { listeners: { postgres: { port: 1 } } })).rejects.toThrow(
      'acme.challenge: tls-alpn-01 is answered by a listener of http or kubernetes, and there is none',
    );
  });
});

test('doctor says what would keep an order from being filled, and what was ordered', async () => {
  const findings = async (acme: unknown): Promise<Finding[]> => {
    const file = join(folder, 'settings.yaml');
    await writeFile(file, JSON.stringify({ acme }));
    const found: Finding[] = [];
    const config = await readConfig({ file, dataDirectory: join(folder, 'data'), environment: {} });
    for await (const finding of examine(config)) if (finding.check === 'ACME') found.push(finding);
    return found;
  };
  const [obstacle, ok] = await findings({ ...settings, challenge: 'dns-01', hook });
  expect(obstacle).toMatchObject({ level: 'fail', message: '/usr/local/sbin/dns-hook cannot be run' });
  expect(ok).toMatchObject({
    level: 'ok',
    message: `certificates are ordered at ${settings.directory} once a gateway runs`,
  });
  expect(await findings(undefined)).toEqual([]);
});
