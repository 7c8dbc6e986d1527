/** Forwards with a stock client and a stock sshd: what the settings and the rules let through, and what they do not. */
import { once } from 'node:events';
import { createConnection, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { approved, Decisions, denied, until } from './held-testing.ts';
import * as limits from './limits.ts';
import { connectRoom, openRoom, type Room, token } from './room-testing.ts';
import { freePort, runSsh, type Sshd, startSsh, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from './transport/index.ts';

let sshd: Sshd;
let room: Room;
let echo: Server;
let echoPort = 0;
const key = generateKeyText('ed25519');

/** Says what it hears, after a greeting. */
beforeAll(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('hello ');
    socket.pipe(socket);
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  echoPort = (echo.address() as { port: number }).port;
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(key).publicKey)] });
  room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: key },
    settings: { forwards: [`local 127.0.0.1:${echoPort}`, 'local 127.0.0.1:1', 'local *:22', 'remote *:*'] },
    judge: ({ text: command }) =>
      command === 'tcp 127.0.0.1:1' ? { name: 'block', rule: 'no-tcpmux', reason: 'Not that port.' } : null,
  });
}, 60_000);

afterAll(async () => {
  await room?.close();
  await sshd?.stop();
  echo?.close();
});

const stdio = (target: string) =>
  startSsh({
    port: room.port,
    user: 'engineer+web-1',
    password: token,
    args: ['-W', target],
    options: ['LogLevel=VERBOSE'],
  });

describe('local forwards', () => {
  test('ssh -W to an allowed place carries bytes both ways, as a command of its own', async () => {
    const run = stdio(`127.0.0.1:${echoPort}`);
    run.child.stdin!.write('ping');
    await run.until(/hello ping/);
    run.child.stdin!.end();
    await run.finished;
    expect(room.commands()).toContain(`tcp 127.0.0.1:${echoPort}`);
    const entries = room.recordings.at(-1)!.entries;
    expect(entries.some((entry) => entry.type === 'data' && entry.data.includes('ping'))).toBe(true);
  });

  test.each([
    ['another port', '127.0.0.1:2'],
    ['the target itself, which a wildcard does not mean', 'localhost:22'],
    ['a metadata address', '169.254.169.254:80'],
    ['an address in another base', '0x7f.1:22'],
  ])('A-SSH-10 A-SSH-12 %s is refused, and journaled', async (_what, target) => {
    const before = room.journal.of('violation').length;
    const run = stdio(target);
    run.child.stdin!.end();
    const { code, stderr } = await run.finished;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/administratively prohibited/);
    expect(room.journal.of('violation').length).toBe(before + 1);
  });

  test('a rule refuses, and the client hears which', async () => {
    const run = stdio('127.0.0.1:1');
    run.child.stdin!.end();
    const { stderr } = await run.finished;
    expect(stderr).toContain('no-tcpmux');
  });
});

describe('remote forwards', () => {
  test('the target listens, and each connection is a command', async () => {
    const port = await freePort();
    const run = startSsh({
      port: room.port,
      user: 'engineer+web-1',
      password: token,
      args: ['-N', '-R', `${port}:127.0.0.1:${echoPort}`, '-o', 'ExitOnForwardFailure=yes'],
    });
    const said = await answerOf(port, 'pong');
    expect(said).toBe('hello pong');
    run.child.kill('SIGTERM');
    await run.finished;
    expect(room.commands().filter((text) => text.includes(`:${port}`)).length).toBeGreaterThanOrEqual(2);
  });
});

test('a connection that comes right behind the answer to its listening is one that was asked for', async () => {
  const port = await freePort();
  const key = generateKeyText('ed25519');
  const target = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(key).publicKey)] });
  const at = await openRoom({
    target: { port: target.port, hostKeys: target.hostKeys },
    credential: { username: target.user, privateKey: key },
    settings: { forwards: ['remote *:*', `local 127.0.0.1:${port}`] },
  });
  try {
    const ignore = { end: () => undefined, drain: () => undefined, close: () => undefined };
    const client = await connectRoom(at, {
      handler: {
        open: (_open, answer) => {
          const channel = answer.accept();
          channel.handle({ ...ignore, read: () => undefined });
          channel.write(Buffer.from('reached'));
        },
      },
    });
    // Both are on their way at once: the target listens, and connects to itself before anybody was told.
    const listening = client.globalRequest({ kind: 'tcpip-forward', bind: { host: '127.0.0.1', port } });
    const round = await client.open({
      kind: 'direct-tcpip',
      target: { host: '127.0.0.1', port },
      origin: { host: '127.0.0.1', port: 1 },
    });
    expect(await listening).not.toBeNull();
    let heard = '';
    round.handle({
      ...ignore,
      read: (view) => {
        heard += view.toString();
      },
    });
    await until(
      'the far end',
      () => heard === 'reached',
      () => at.journal.of('violation'),
    );
    client.destroy();
  } finally {
    await at.close();
    await target.stop();
  }
}, 60_000);

describe('A-SSH-10 agent and X11', () => {
  test('are refused unless the settings name them', async () => {
    const run = await runSsh({
      port: room.port,
      user: 'engineer+web-1',
      password: token,
      args: ['-A'],
      command: 'echo "agent=$SSH_AUTH_SOCK"',
    });
    expect(run.stdout.toString()).toBe('agent=\n');
  });

  test('a program waits until they are decided: what it is judged with is what it gets', async () => {
    const reviews = new Decisions();
    const judged: { text: string; agent: string | undefined }[] = [];
    const at = await openRoom({
      target: { port: sshd.port, hostKeys: sshd.hostKeys },
      credential: { username: sshd.user, privateKey: key },
      settings: { forwards: ['agent'] },
      reviews,
      judge: ({ text, context }) => {
        judged.push({ text, agent: context['agent'] });
        return text === 'agent' ? { name: 'hold', rule: 'ask', reason: 'Somebody has to agree.' } : null;
      },
    });
    try {
      for (const [outcome, agent] of [
        [approved, 'forwarded'],
        [denied, undefined],
      ] as const) {
        const client = await connectRoom(at);
        const channel = await client.open({ kind: 'session' });
        const asked = reviews.asked.length;
        const allowed = channel.request({ kind: 'auth-agent-req@openssh.com' });
        await until('the review', () => reviews.asked.length > asked);
        const ran = channel.request({ kind: 'exec', command: Buffer.from('true') });
        // A second program is refused although the first does not run yet, and so is what would change it.
        const second = channel.request({ kind: 'exec', command: Buffer.from('false') });
        const late = channel.request({ kind: 'env', name: 'LANG', value: Buffer.from('C') });
        expect(judged.filter(({ text }) => text === 'true')).toEqual([]);
        reviews.asked.at(-1)!.decide(outcome);
        expect(await allowed).toBe(outcome === approved);
        expect([await ran, await second, await late]).toEqual([true, false, false]);
        expect(judged.filter(({ text }) => text === 'true')).toEqual([{ text: 'true', agent }]);
        judged.length = 0;
        client.destroy();
      }
    } finally {
      await at.close();
    }
  });

  test.each([
    [limits.undecidedAsksMax, false],
    [limits.undecidedAsksMax + 1, true],
  ])('%i of them may wait to be decided', async (asks, isLastRefused) => {
    const reviews = new Decisions();
    const at = await openRoom({
      target: { port: sshd.port, hostKeys: sshd.hostKeys },
      credential: { username: sshd.user, privateKey: key },
      settings: { forwards: ['agent'] },
      reviews,
      judge: () => ({ name: 'hold', rule: 'ask', reason: 'Somebody has to agree.' }),
    });
    try {
      const client = await connectRoom(at);
      const channel = await client.open({ kind: 'session' });
      const answers = Array.from({ length: asks }, () => channel.request({ kind: 'auth-agent-req@openssh.com' }));
      await until('the reviews', () => reviews.asked.length === Math.min(asks, limits.undecidedAsksMax));
      for (const { decide } of reviews.asked) decide(approved);
      const refused = (await Promise.all(answers)).filter((allowed) => !allowed);
      expect(refused).toHaveLength(isLastRefused ? 1 : 0);
      client.destroy();
    } finally {
      await at.close();
    }
  });
});

/** What a server says to `text`, once it is up. */
async function answerOf(port: number, text: string): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const said = await new Promise<string | null>((resolve) => {
      const socket = createConnection(port, '127.0.0.1');
      let answer = '';
      socket.on('connect', () => socket.write(text));
      socket.on('data', (chunk) => {
        answer += chunk.toString();
        if (answer.includes(text)) socket.end();
      });
      socket.on('close', () => resolve(answer === '' ? null : answer));
      socket.on('error', () => resolve(null));
    });
    if (said !== null) return said;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('nobody answers');
}
