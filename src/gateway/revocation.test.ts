import { expect, test } from 'vitest';
import { makeClientAuthority } from '../../test/servers/client-certificates.ts';
import { FakeClock } from '../base/clock.ts';
import { fingerprintOf } from '../base/fingerprint.ts';
import { silentLog } from '../base/log.ts';
import { LiveSessions } from '../core/door.ts';
import type { Principal } from '../core/principal.ts';
import type { Session } from '../core/session.ts';
import type { Identity } from '../identity/index.ts';
import type { StoredObject } from '../store/index.ts';
import { authorisationOf } from './authorisation.ts';
import { endWhatIsRevoked } from './revocation.ts';
import { Snapshot } from './snapshot.ts';

const object = (kind: string, name: string, spec: object, labels: Record<string, string> = {}): StoredObject =>
  ({ kind, name, labels, spec, generation: 1 }) as unknown as StoredObject;

/** One live session of `erin` on `orders`, in a gateway with these objects; `reload` takes others. */
async function start(
  authentication: Principal['authentication'] = { method: 'token', credentialId: 'tok_1', atMs: 0 },
  more: readonly StoredObject[] = [],
) {
  let objects: StoredObject[] = [
    ...more,
    object('Principal', 'erin', { kind: 'person', roles: ['member'], disabled: false }),
    object('Resource', 'orders', { protocol: 'postgres' }, { team: 'payments' }),
    object('Access', 'payments', {
      match: { principals: { names: ['erin'] }, resources: { labels: { team: 'payments' } } },
    }),
  ];
  const list = async (kind: string): Promise<StoredObject[]> => objects.filter((one) => one.kind === kind);
  const clock = new FakeClock();
  const snapshot = new Snapshot({ list }, [], silentLog, { hashKey: Buffer.alloc(32), ledger: null }, clock);
  await snapshot.reload();
  const sessions = new LiveSessions();
  const ended: string[] = [];
  const principal: Principal = {
    ...snapshot.principal('erin')!,
    authentication,
  };
  const resource = { name: 'orders', protocol: 'postgres', labels: { team: 'payments' } };
  const end = ({ reason }: { reason: string }): void => void ended.push(reason);
  sessions.add({ id: 'ses_1', principal, resource, ended: false, end } as unknown as Session);
  const identity = { onRevoked: () => () => {}, onResync: () => () => {} } as unknown as Identity;
  endWhatIsRevoked({
    sessions,
    identity,
    snapshot,
    clock,
    authorisation: authorisationOf({ clock, snapshot, grants: { granted: () => null, live: () => [] } }),
    grants: { revokeOfGone: async () => {} },
    log: silentLog,
  });
  const reload = async (change: (one: StoredObject) => StoredObject | null): Promise<readonly string[]> => {
    objects = objects.flatMap((one) => change(one) ?? []);
    await snapshot.reload();
    return ended;
  };
  return { reload };
}

test('I11: a change that takes nothing away leaves the session alone', async () => {
  const { reload } = await start();
  expect(await reload((one) => one)).toEqual([]);
});

test.each([
  ['the Access', (one: StoredObject) => (one.kind === 'Access' ? null : one)],
  ['the principal', (one: StoredObject) => (one.kind === 'Principal' ? null : one)],
  ['the resource', (one: StoredObject) => (one.kind === 'Resource' ? null : one)],
  [
    'the label that Access asks for',
    (one: StoredObject) => (one.kind === 'Resource' ? { ...one, labels: { team: 'secret' } } : one),
  ],
] as const)('I11: a session ends when %s is gone', async (_what, change) => {
  const { reload } = await start();
  expect(await reload(change)).toEqual(['locked']);
});

test('I11: a session by an X.509 certificate ends when that is revoked, or its authority goes', async () => {
  const { cert, der } = await makeClientAuthority();
  const digest = 'ab'.repeat(32);
  const spec = { certificates: [cert], principals: { names: ['erin'] } };
  const credentialId = `${fingerprintOf(der)}/${digest}`;
  const session = { method: 'certificate', credentialId, atMs: 0 } as const;
  const authority = object('CertificateAuthority', 'programs', spec);
  const { reload } = await start(session, [authority]);
  const revoke = (fingerprint: string) => (one: StoredObject) =>
    one.kind === 'CertificateAuthority' ? { ...one, spec: { ...spec, revoked: [fingerprint] } } : one;
  expect(await reload(revoke('CD'.repeat(32)))).toEqual([]);
  // As openssl prints it.
  expect(await reload(revoke(Array(32).fill('AB').join(':')))).toEqual(['token-revoked']);
  const other = await start(session, [authority]);
  expect(await other.reload((one) => (one.kind === 'CertificateAuthority' ? null : one))).toEqual(['token-revoked']);
});

test('I11: a session by certificate ends with its authority, and with nothing else, however the fingerprint is spelled', async () => {
  // Base64 of a fingerprint has a slash in it about every other time.
  const blob = Array.from({ length: 256 }, (_, byte) => Buffer.from([byte])).find((one) =>
    fingerprintOf(one).includes('/'),
  )!;
  const authority = object('CertificateAuthority', 'corporate', {
    keys: [`ssh-ed25519 ${blob.toString('base64')}`],
    principals: { names: ['erin'] },
  });
  const credentialId = `${fingerprintOf(blob)}/7`;
  const { reload } = await start({ method: 'certificate', credentialId, atMs: 0 }, [authority]);
  expect(await reload((one) => one)).toEqual([]);
  expect(await reload((one) => (one.kind === 'CertificateAuthority' ? null : one))).toEqual(['token-revoked']);
});
