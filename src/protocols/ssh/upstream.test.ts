/** The way to the target, with stock servers: pins, credentials, certificates of the gateway, hops. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fingerprintOf } from '../../base/fingerprint.ts';
import type { UserAuthority } from '../../core/ports.ts';
import { testResource } from '../../core/testing/fakes.ts';
import { openRoom, type Room, type RoomOptions, token } from './room-testing.ts';
import { type Account, makeAccount, runSsh, type Sshd, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyFromText, publicKeyToText } from './transport/index.ts';

const userKey = generateKeyText('rsa');
const otherKey = generateKeyText('ed25519');
const publicLine = (text: string): string => publicKeyToText(privateKeyFromText(text).publicKey);
let sshd: Sshd;
let authorityKey: string;
let account: Account;
const rooms: Room[] = [];

beforeAll(async () => {
  authorityKey = generateKeyText('ed25519');
  account = makeAccount();
  sshd = await startSshd({ authorizedKeys: [publicLine(userKey)], userCa: publicLine(authorityKey) });
}, 60_000);

afterAll(async () => {
  for (const room of rooms) await room.close();
  await sshd?.stop();
  account?.remove();
});

async function through(
  options: Partial<RoomOptions>,
): Promise<{ room: Room; stdout: string; stderr: string; code: number }> {
  const room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: userKey },
    ...options,
  });
  rooms.push(room);
  const run = await runSsh({
    port: room.port,
    user: 'engineer+web-1',
    password: token,
    command: 'echo through',
    options: ['LogLevel=INFO'],
  });
  return { room, stdout: run.stdout.toString(), stderr: run.stderr, code: run.code };
}

function authority(): UserAuthority {
  const key = createPrivateKey(authorityKey);
  expect(createPublicKey(key).asymmetricKeyType).toBe('ed25519');
  const { type, blob } = privateKeyFromText(authorityKey).publicKey;
  return { key: { type, blob }, sign: (data) => sign(null, data, key) };
}

describe('A-SSH-18 host keys', () => {
  test('a pinned key, as a line or as a fingerprint', async () => {
    expect(await through({})).toMatchObject({ stdout: 'through\n', code: 0 });
    const prints = sshd.hostKeys.map((line) => fingerprintOf(publicKeyFromText(line).blob));
    expect(await through({ target: { port: sshd.port, hostKeys: prints } })).toMatchObject({ code: 0 });
  });

  test('another key ends the attempt before any credential, and says so', async () => {
    const { stdout, stderr, room } = await through({ target: { port: sshd.port, hostKeys: [publicLine(otherKey)] } });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/host key|No host key algorithm|algorithm is known/i);
    expect(room.journal.of('session.ended')[0]).toMatchObject({ reason: 'failed' });
    expect(sshd.log()).not.toMatch(/Failed .* for nobody/);
  });

  test('without a pin nothing is connected to', async () => {
    const { stdout, stderr } = await through({ target: { port: sshd.port, hostKeys: [] } });
    expect(stdout).toBe('');
    expect(stderr).toContain('sallyport trust web-1');
  });
});

describe('credentials', () => {
  test('a certificate of the gateway names principal and session in the target’s log', async () => {
    const { stdout, room } = await through({ credential: { username: sshd.user, authority: authority() } });
    expect(stdout).toBe('through\n');
    const { session } = room.journal.of('session.opened')[0]!;
    expect(sshd.log()).toContain(`ID sallyport engineer ${session}`);
  });

  test('a password', async () => {
    const target = await startSshd({ account });
    try {
      const options = {
        target: { port: target.port, hostKeys: target.hostKeys },
        credential: { username: account.name, password: account.password },
      };
      expect(await through(options)).toMatchObject({ stdout: 'through\n', code: 0 });
    } finally {
      await target.stop();
    }
  });

  test('a wrong one is told as the resource’s, without a word of what it was', async () => {
    const { stdout, stderr } = await through({ credential: { username: sshd.user, privateKey: otherKey } });
    expect(stdout).toBe('');
    expect(stderr).toContain('refused the login');
    expect(stderr).not.toContain(sshd.user);
  });

  test('none at all', async () => {
    const { stderr } = await through({ credential: { username: sshd.user } });
    expect(stderr).toContain('no credential');
  });
});

describe('jump hosts', () => {
  test('each hop has its own pin; the target is reached through it', async () => {
    const target = await startSshd({ authorizedKeys: [publicLine(userKey)] });
    try {
      const hop = (hostKeys: readonly string[]) =>
        testResource({
          name: 'bastion',
          protocol: 'ssh',
          host: '127.0.0.1',
          port: sshd.port,
          settings: { host_keys: hostKeys },
        });
      const options = {
        target: { port: target.port, hostKeys: target.hostKeys },
        settings: { jump_hosts: ['bastion'] },
      };
      expect(await through({ ...options, resources: [hop(sshd.hostKeys)] })).toMatchObject({ stdout: 'through\n' });
      // The target's key is not the hop's.
      const { stdout, stderr } = await through({ ...options, resources: [hop(target.hostKeys)] });
      expect(stdout).toBe('');
      expect(stderr).not.toBe('');
      expect((await through(options)).stderr).toContain('on the way to web-1');
    } finally {
      await target.stop();
    }
  });
});
