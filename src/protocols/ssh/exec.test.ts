import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRoom, type Room, token } from './room-testing.ts';
import { runSsh, type Sshd, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from './transport/index.ts';

let sshd: Sshd;
let room: Room;

beforeAll(async () => {
  const text = generateKeyText('ed25519');
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(text).publicKey)] });
  room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: text },
    judge: ({ text }) =>
      text.includes('forbidden')
        ? { name: 'block', rule: 'no-forbidden', reason: 'Forbidden things are forbidden.' }
        : null,
  });
}, 60_000);

afterAll(async () => {
  await room?.close();
  await sshd?.stop();
});

const ssh = (command: string, more: Partial<Parameters<typeof runSsh>[0]> = {}) =>
  runSsh({ port: room.port, user: 'engineer+web-1', password: token, command, ...more });

describe('exec through the gateway', () => {
  test('output, error stream and exit status are the target’s', async () => {
    const run = await ssh('echo out; echo err >&2; exit 7');
    expect(run.stdout.toString()).toBe('out\n');
    expect(run.stderr).toContain('err\n');
    expect(run.code).toBe(7);
    expect(room.commands()).toContain('echo out; echo err >&2; exit 7');
  });

  test('a denied command never reaches the target, and says which rule', async () => {
    const run = await ssh('touch /tmp/forbidden-thing');
    expect(run.code).toBe(126);
    expect(run.stderr).toContain('no-forbidden');
  });
});
