/** Certificates with their keys, as they are revealed for the TLS connection to a target; and the other kinds beside them. */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { KeyPair } from '../../test/servers/certificates.ts';
import { type ClientAuthority, makeClientAuthority } from '../../test/servers/client-certificates.ts';
import { FakeClock } from '../base/clock.ts';
import { testResource } from '../core/testing/fakes.ts';
import { checkedPair } from './certificates.ts';
import { createCredentials } from './credentials.ts';
import * as limits from './limits.ts';

let authority: ClientAuthority;
let own: KeyPair;
const clock = new FakeClock(Date.now());

beforeAll(async () => {
  authority = await makeClientAuthority();
  own = await authority.issue({ subject: 'CN=gateway' });
});

const reference = (name: string) => ({ provider: 'env', name }) as const;

describe('a certificate with its key', () => {
  test('is given on as it was, the chain behind it', () => {
    const { certificate, key } = checkedPair(`# gateway\n${own.cert}\n${authority.cert}`, own.key, clock);
    expect(certificate.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(certificate.startsWith('-----BEGIN')).toBe(true);
    expect(createPrivateKey(key).asymmetricKeyType).toBe('ec');
  });

  test('what is wrong is said, and nothing of it', async () => {
    const other = await authority.issue({ subject: 'CN=other' });
    const early = await authority.issue({ subject: 'CN=gateway', fromMs: clock.now() + 3_600_000 });
    const late = await authority.issue({ subject: 'CN=gateway', toMs: clock.now() - 3_600_000 });
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const locked = String(privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }));
    const spoilt = own.cert.replace(/M/g, 'N');
    const wrong: readonly (readonly [string, string, RegExp])[] = [
      ['no certificate', own.key, /not PEM/],
      [spoilt, own.key, /cannot be read/],
      [own.cert, other.key, /key is not that of/],
      [authority.cert + own.cert, own.key, /must be the first/],
      [own.cert, locked, /passphrase/],
      [own.cert, 'no key', /no private key/],
      [early.cert, early.key, /holds from/],
      [late.cert, late.key, /expired .*: put a new one/],
      [own.cert.repeat(limits.certificatesMax + 1), own.key, /more than/],
    ];
    for (const [certificate, key, message] of wrong) {
      expect(() => checkedPair(certificate, key, clock)).toThrow(message);
      expect(() => checkedPair(certificate, key, clock)).not.toThrow(/-----|[A-Za-z0-9+/]{40}/);
    }
    expect(checkedPair(own.cert.repeat(limits.certificatesMax), own.key, clock).key).toContain('PRIVATE KEY');
  });
});

describe('for the core', () => {
  const reveal = (values: Readonly<Record<string, string>>, credential: object) =>
    createCredentials({ reveal: async (secret) => values[(secret as { name: string }).name]! }, null, clock).reveal(
      testResource({ credential: { username: '', password: null, ...credential } }),
    );

  test('pairs and keys are revealed together', async () => {
    const clientCertificate = { certificate: reference('CERT'), key: reference('KEY') };
    const values = { CERT: own.cert, KEY: own.key, ID: 'AKID', SECRET: 'secret', SESSION: 'session' };
    const keys = { accessKeyId: reference('ID'), secretAccessKey: reference('SECRET') };
    const aws = { region: 'r', service: 's3', ...keys, sessionToken: reference('SESSION') };
    expect(await reveal(values, { clientCertificate, aws })).toMatchObject({
      clientCertificate: { certificate: own.cert },
      aws: { region: 'r', service: 's3', accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'session' },
    });
  });

  test('what is wrong stays in the gateway', async () => {
    const clientCertificate = { certificate: reference('CERT'), key: reference('KEY') };
    const unfit = reveal({ CERT: own.cert, KEY: 'no key' }, { clientCertificate });
    await expect(unfit).rejects.toMatchObject({
      code: 'core.credential-unavailable',
      detail: expect.stringContaining('no private key'),
    });
    const keys = { accessKeyId: reference('ID'), secretAccessKey: reference('ID'), sessionToken: null };
    const broken = reveal({ ID: 'a\r\nX-Other: b' }, { aws: { region: 'r', service: 's3', ...keys } });
    await expect(broken).rejects.toMatchObject({ code: 'core.credential-unavailable' });
  });
});
