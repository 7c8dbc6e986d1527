import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { approved, Decisions, until } from './held-testing.ts';
import { openRoom, type Room, token } from './room-testing.ts';
import { type Sshd, startSsh, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from './transport/index.ts';

let sshd: Sshd;
let room: Room;
const reviews = new Decisions();

beforeAll(async () => {
  const text = generateKeyText('ed25519');
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(text).publicKey)] });
  room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: text },
    judge: ({ text }) =>
      text.includes('forbidden')
        ? { name: 'block', rule: 'no-forbidden', reason: 'Forbidden things are forbidden.' }
        : text.includes('hold-this')
          ? { name: 'hold', rule: 'ask-first', reason: 'Somebody has to agree.' }
          : null,
    reviews,
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

  test('who reviews a line sees where the shell says that it is, and the recording has each change', {
    timeout: 60_000,
  }, async () => {
    const shell = startSsh({ port: room.port, user: 'engineer+web-1', password: token, args: ['-tt'] });
    await shell.until(/[#$] /, 15_000);
    shell.child.stdin!.write('cd /usr/lib\r');
    shell.child.stdin!.write('echo hold-this\r');
    await until('the review', () => reviews.asked.length === 1);
    const { draft } = reviews.asked[0]!.request;
    expect(draft).toMatchObject({ text: 'echo hold-this', parameters: null });
    expect(draft.context).toMatchObject({ level: 'line', 'directory-said-by-shell': '"/usr/lib"' });
    reviews.asked[0]!.decide(approved);
    await shell.until(/^hold-this/m, 15_000);
    // What a shell says is text of the target: it cannot pass for another part of the context, nor move a cursor.
    shell.child.stdin!.write('PWD=$\'/x", level="none\\e[2J\\342\\200\\256\'\r');
    shell.child.stdin!.write('echo hold-this again\r');
    await until('the second review', () => reviews.asked.length === 2);
    expect(reviews.asked[1]!.request.draft.context).toMatchObject({
      level: 'line',
      'directory-said-by-shell': '"/x\\", level=\\"none\\u001b[2J\\u202e"',
    });
    shell.child.stdin!.write('\x03');
    shell.child.stdin!.write('exit\r');
    await shell.finished;
    const said = room.recordings
      .at(-1)!
      .entries.flatMap((entry) =>
        entry.type === 'message' && entry.code === 'directory' ? [[entry.command, entry.text] as const] : [],
      );
    const asked = room.journal.of('command.intent').find(({ text }) => text === 'echo hold-this');
    expect(said.map(([, text]) => text)).toEqual([
      expect.stringMatching(/^the shell says that it is in "\//),
      'the shell says that it is in "/usr/lib"',
      expect.stringContaining('u001b[2J'),
    ]);
    expect(said[1]![0]).toBe(asked!.command);
  });
});
