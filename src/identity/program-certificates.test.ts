/** What an X.509 client certificate proves, with certificates that were really issued. */
import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import type { KeyPair } from '../../test/servers/certificates.ts';
import { type ClientAuthority, makeClientAuthority } from '../../test/servers/client-certificates.ts';
import { FakeClock } from '../base/clock.ts';
import { fingerprintOf } from '../base/fingerprint.ts';
import * as limits from './limits.ts';
import { certificateDigest, commonNameOf, ProgramCertificates, readCertificate } from './program-certificates.ts';
import type { AuthorityEntry, PrincipalEntry } from './records.ts';
import { criticalProblem } from './x509.ts';

const dayMs = 86_400_000;
const nowMs = Date.now();
let authority: ClientAuthority;

beforeAll(async () => {
  authority = await makeClientAuthority();
});

const entry = (name: string, change: Partial<PrincipalEntry> = {}): PrincipalEntry => ({
  id: `local:${name}`,
  name,
  issuer: 'local',
  subject: name,
  kind: 'service',
  groups: ['programs'],
  roles: ['member'],
  disabled: false,
  ...change,
});

const x509 = ({ cert }: Pick<KeyPair, 'cert'>): X509Certificate => new X509Certificate(cert);

function build(change: Partial<AuthorityEntry> = {}, clock = new FakeClock(nowMs)): ProgramCertificates {
  const people = [entry('robot'), entry('other', { groups: [] }), entry('gone', { disabled: true })];
  const directory = {
    find: (name: string) => people.find((one) => one.name === name) ?? null,
    authorities: () => [
      {
        name: 'programs',
        keys: [],
        certificates: [x509(authority)],
        mayVouchFor: ({ groups }: PrincipalEntry) => groups.includes('programs'),
        ...change,
      },
    ],
  };
  return new ProgramCertificates(directory, clock);
}

/** What it comes to for whom the certificate names. */
async function proofOf(
  terms: Partial<Parameters<ClientAuthority['issue']>[0]>,
  programs = build(),
  by = authority,
): Promise<unknown> {
  const certificate = x509(await by.issue({ subject: 'CN=robot', ...terms }));
  return programs.prove(certificate, commonNameOf(certificate) ?? '-');
}

describe('a client certificate', () => {
  test('proves whom it names, and is known by its issuer and its own digest', async () => {
    const own = await authority.issue({ subject: 'CN=robot, O=Shop' });
    const proof = build().prove(x509(own), 'robot');
    const digest = certificateDigest(x509(own));
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(proof).toEqual({
      entry: expect.objectContaining({ name: 'robot' }),
      credentialId: `${fingerprintOf(authority.der)}/${digest}`,
      tokenId: null,
    });
  });

  test.each([
    ['nobody is called so', { subject: 'CN=nobody' }, /unknown or disabled/],
    ['a disabled principal', { subject: 'CN=gone' }, /unknown or disabled/],
    ['for whom its authority may not vouch', { subject: 'CN=other' }, /no authority that may vouch/],
    ['two common names', { subject: 'CN=robot, CN=other' }, /unknown or disabled/],
    ['none', { subject: 'O=robot' }, /unknown or disabled/],
    ['for servers', { usage: '1.3.6.1.5.5.7.3.1' }, /not for clients/],
    ['for everything', { usage: null }, /not for clients/],
    ['of an authority', { isAuthority: true }, /one of an authority/],
  ])('%s: nothing', async (_name, terms, reason) => {
    expect(await proofOf(terms)).toMatch(reason);
  });

  test('holds from its first moment (clocks differ) to its last', async () => {
    const clock = new FakeClock(nowMs);
    const programs = build({}, clock);
    // Certificates count in whole seconds.
    const fromMs = Math.ceil(nowMs / 1000) * 1000 + limits.clockSkewMs;
    const certificate = x509(await authority.issue({ subject: 'CN=robot', fromMs, toMs: fromMs + 60_000 }));
    const at = (ms: number): unknown => {
      clock.stepWall(ms - clock.now());
      return programs.prove(certificate, 'robot');
    };
    expect(at(fromMs - limits.clockSkewMs - 1)).toMatch(/not valid now/);
    expect(at(fromMs - limits.clockSkewMs)).toBeTypeOf('object');
    expect(at(fromMs + 59_999)).toBeTypeOf('object');
    expect(at(fromMs + 60_000)).toMatch(/not valid now/);
  });

  test('of an authority that has expired: nothing', async () => {
    const clock = new FakeClock(nowMs);
    const programs = build({}, clock);
    const toMs = nowMs + 5 * dayMs;
    const certificate = x509(await authority.issue({ subject: 'CN=robot', toMs }));
    expect(programs.prove(certificate, 'robot')).toBeTypeOf('object');
    clock.stepWall(2 * dayMs);
    expect(programs.prove(certificate, 'robot')).toMatch(/no authority/);
  });

  test('of another authority by the same name: nothing', async () => {
    expect(await proofOf({}, build(), await makeClientAuthority())).toMatch(/no authority/);
  });

  test('of one that an authority signed: nothing, until that one is configured itself', async () => {
    const below = await authority.issue({ subject: 'CN=Below', isAuthority: true, usage: null });
    const stranger = await makeClientAuthority('CN=Below');
    expect(await proofOf({}, build(), stranger)).toMatch(/no authority/);
    expect(await proofOf({}, build({ certificates: [x509(below)] }))).toMatch(/no authority/);
    expect(await proofOf({}, build({ certificates: [x509(stranger)] }), stranger)).toBeTypeOf('object');
  });

  test('a certificate that is configured and none of an authority issues nothing', async () => {
    const leaf = await authority.issue({ subject: 'CN=Program Authority' });
    expect(await proofOf({}, build({ certificates: [x509(leaf)] }))).toMatch(/no authority/);
  });

  test('one that was revoked', async () => {
    const certificate = x509(await authority.issue({ subject: 'CN=robot' }));
    const revoked = new Set([certificateDigest(certificate)]);
    expect(build({ revoked }).prove(certificate, 'robot')).toBe('the certificate is revoked');
    expect(await proofOf({}, build({ revoked }))).toBeTypeOf('object');
  });
});

describe('what Node does not tell of a certificate', () => {
  test('a critical extension that nobody knows, and a key that may not sign', async () => {
    const { der } = await authority.issue({ subject: 'CN=robot' });
    expect(criticalProblem(der)).toBeNull();
    // basicConstraints, which is critical, becomes nameConstraints, which nobody here applies.
    const id = Buffer.from('0603551d13', 'hex');
    const changed = Buffer.from(der);
    changed[changed.indexOf(id) + 4] = 0x1e;
    expect(criticalProblem(changed)).toMatch(/not known/);
    // The authority's own key signs certificates only.
    expect(criticalProblem(authority.der)).toMatch(/may not sign/);
  });

  test('what is cut off anywhere is a problem', async () => {
    const { der } = await authority.issue({ subject: 'CN=robot' });
    for (let bytes = 0; bytes < der.length; bytes++) expect(criticalProblem(der.subarray(0, bytes))).not.toBeNull();
    expect(readCertificate(Buffer.from('no certificate'))).toBeNull();
    expect(readCertificate(Buffer.alloc(limits.certificateBytesMax + 1, der))).toBeNull();
  });
});
