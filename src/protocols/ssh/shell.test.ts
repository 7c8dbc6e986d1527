import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRoom, type Room, token } from './room-testing.ts';
import { type Sshd, startSsh, startSshd } from './testing/testing.ts';
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

describe('a gated shell through the gateway', () => {
  test('lines run or are denied, each a command', { timeout: 60_000 }, async () => {
    const shell = startSsh({ port: room.port, user: 'engineer+web-1', password: token, args: ['-tt'] });
    await shell.until(/judged before it runs/);
    await shell.until(/[#$] /, 15_000);
    shell.child.stdin!.write('echo one-$((1+1))\r');
    await shell.until(/one-2/, 15_000);
    shell.child.stdin!.write('echo forbidden\r');
    await shell.until(/no-forbidden/, 15_000);
    shell.child.stdin!.write('exit\r');
    await shell.finished;
    expect(room.commands()).toContain('echo one-$((1+1))');
  });
});
