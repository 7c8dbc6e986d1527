/**
 * The contract of protocols/contract for a protocol whose legs are enciphered. Its suite drives clients and servers as plain
 * streams and looks for markers in the bytes of both wires; here both are ciphertext, so its cases are made again with a
 * client of this process and a stock sshd, and "reached the server" means "took effect there".
 *
 * | case of the suite | where |
 * |---|---|
 * | block, hold: never reaches the server, the session goes on | here; exec.test.ts, held.test.ts |
 * | block between two others; terminate; a judge that throws | here |
 * | an effect only after its intent is durable; no output before it | held.test.ts (exec, gated line, sftp, forward) |
 * | best-effort does not wait; the recording holds what was asked and came back | here |
 * | journal or recording fails | held.test.ts |
 * | the same bytes as directly | here; test/openssh |
 * | 1 and 7 bytes at a time | here |
 * | an upload arrives; a client that does not read stops the server | doors.test.ts (A-SSH-20, A-SSH-17) |
 * | a server that does not read stops the client; output that waits for the disk is bounded | here |
 * | all departures, kill and revocation | here; held.test.ts |
 * | never says who it is; second identity; commands before the login; garbage | transport/attacks.test.ts (A-SSH-01 to 09) |
 * | wrong token, unknown principal, unknown resource, other protocol, no room | here |
 * | longest command and one more; a violation ends its own session only; goodbye; a server that breaks the protocol | here |
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CommandDraft } from '../../core/command.ts';
import { testResource } from '../../core/testing/fakes.ts';
import type { VerdictName } from '../../core/verdict.ts';
import { Valve } from '../contract/wires.ts';
import { until } from './held-testing.ts';
import * as limits from './limits.ts';
import { connectRoom, openRoom, type Room, type RoomOptions, token } from './room-testing.ts';
import { runSsh, type Sshd, type SshRun, startSsh, startSshd } from './testing/testing.ts';
import { privateKeyFromText, publicKeyToText, type SshChannel, type SshClientConnection } from './transport/index.ts';

const killed = { reason: 'killed', message: 'Ended by an administrator.', code: null, by: 'admin' } as const;

let sshd: Sshd;
/** As OpenSSH writes it, since its own client is to read it, too. */
let key: string;
let valve: Valve;
let folder: string;
let sink: Server;
let sinkPort = 0;
let count = 0;
let rooms: Room[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-contract-'));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
  key = readFileSync(join(folder, 'key'), 'utf8');
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(key).publicKey)] });
  valve = await Valve.open({ host: '127.0.0.1', port: sshd.port });
  // Takes connections, and never reads.
  sink = createServer({ pauseOnConnect: true }, (socket) => void socket.on('error', () => socket.destroy()));
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  sinkPort = (sink.address() as { port: number }).port;
}, 60_000);

afterEach(async () => {
  valve.release();
  const opened = rooms;
  rooms = [];
  for (const room of opened) {
    room.journal.release();
    await room.close();
    verify(room);
  }
  await until('connections to the server to close', () => valve.open === 0);
});

afterAll(async () => {
  sink?.close();
  await valve?.close();
  await sshd?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What must hold after every test: see `Stage.close` of the suite. */
function verify(room: Room): void {
  const { journal, recordings } = room;
  for (const recording of recordings) expect(recording.closed, 'recording not closed').toBe(true);
  const places = [Buffer.from(JSON.stringify(journal.events)), ...recordings.map((recording) => recording.content())];
  for (const place of places) {
    expect(place.includes(token), 'the access token is kept').toBe(false);
    expect(place.includes('PRIVATE KEY'), 'the credential is kept').toBe(false);
  }
  const ended = journal.of('session.ended').map(({ session }) => session);
  expect(new Set(ended).size).toBe(ended.length);
  const name = ({ session, command }: { session: string; command: number }): string => `${session}/${command}`;
  const ends = journal.of('command.ended').map(name);
  expect(new Set(ends).size).toBe(ends.length);
  if (journal.failure !== null) return;
  expect(ended.toSorted()).toEqual(
    journal
      .of('session.opened')
      .map(({ session }) => session)
      .toSorted(),
  );
  expect(ends.toSorted()).toEqual(journal.of('command.intent').map(name).toSorted());
}

async function open(options: Partial<RoomOptions> = {}): Promise<Room> {
  const room = await openRoom({
    target: { port: valve.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: key },
    ...options,
  });
  rooms.push(room);
  return room;
}

const ssh = (room: Room, more: Partial<SshRun>): ReturnType<typeof runSsh> =>
  runSsh({
    port: room.port,
    user: 'engineer+web-1',
    password: token,
    deadlineMs: 90_000,
    options: ['LogLevel=INFO'],
    ...more,
  });

interface Heard {
  readonly channel: SshChannel;
  out: string;
  err: string;
  exit: number | null;
  closed: boolean;
}

async function exec(client: SshClientConnection, command: string): Promise<Heard> {
  const channel = await client.open({ kind: 'session' });
  const heard: Heard = { channel, out: '', err: '', exit: null, closed: false };
  channel.handle({
    read: (view) => {
      heard.out += view.toString('latin1');
    },
    readStderr: (view) => {
      heard.err += view.toString('latin1');
    },
    end: () => undefined,
    drain: () => undefined,
    request: (request, reply) => {
      if (request.kind === 'exit-status') heard.exit = request.code;
      reply.reject();
    },
    close: () => {
      heard.closed = true;
    },
  });
  channel.request({ kind: 'exec', command: Buffer.from(command) }).catch(() => false);
  return heard;
}

const over = (heard: Heard): Promise<void> =>
  until(
    'the end of the command',
    () => heard.closed,
    () => heard.err,
  );
const ended = (room: Room): Promise<void> => until('the end', () => room.journal.of('session.ended').length > 0);
const place = (): string => join(folder, `made-${++count}`);
const ruling =
  (name: VerdictName) =>
  ({ text }: CommandDraft) =>
    text.includes('not-this') ? { name, rule: 'rule-of-the-test', reason: 'Not this one.' } : null;

describe('judged', { timeout: 60_000 }, () => {
  test.each(['block', 'hold'] as const)('%s: it never takes effect, and the session goes on', async (name) => {
    const room = await open({ judge: ruling(name) });
    const made = place();
    const client = await connectRoom(room);
    const denied = await exec(client, `touch ${made} # not-this`);
    await over(denied);
    expect(denied.exit).toBe(126);
    expect(existsSync(made)).toBe(false);
    expect(sshd.log()).not.toContain(made);
    const after = await exec(client, 'echo after');
    await over(after);
    expect(after).toMatchObject({ out: 'after\n', exit: 0 });
    client.destroy();
  });

  test('block between two others at the same time', async () => {
    const room = await open({ judge: ruling('block') });
    const client = await connectRoom(room);
    const all = await Promise.all(['echo one', 'echo not-this', 'echo three'].map((command) => exec(client, command)));
    for (const one of all) await over(one);
    expect(all.map(({ out, exit }) => [out, exit])).toEqual([
      ['one\n', 0],
      ['', 126],
      ['three\n', 0],
    ]);
    client.destroy();
  });

  test('terminate: the session ends, and says why', async () => {
    const room = await open({ judge: ruling('terminate') });
    const { code, stderr, stdout } = await ssh(room, { command: 'echo not-this' });
    expect(code).not.toBe(0);
    expect(stdout.toString()).toBe('');
    expect(stderr).toContain('Not this one.');
    await ended(room);
  });

  test('I2 a judge that throws ends the session', async () => {
    const room = await open({
      judging: {
        judge: () => {
          throw new Error('rules are broken');
        },
      },
    });
    const made = place();
    const { code } = await ssh(room, { command: `touch ${made}` });
    expect(code).not.toBe(0);
    expect(existsSync(made)).toBe(false);
    await ended(room);
  });
});

describe('recorded', { timeout: 60_000 }, () => {
  test('best-effort does not wait for the disk', async () => {
    const room = await open({ recording: 'best-effort' });
    const client = await connectRoom(room);
    room.journal.hold();
    const heard = await exec(client, 'echo at-once');
    await over(heard);
    expect(heard.out).toBe('at-once\n');
    client.destroy();
  });

  test('the recording holds what was sent, what came back, and on which stream', async () => {
    const room = await open();
    await ssh(room, { command: 'cat; echo beside >&2', input: 'sent-and-back\n' });
    const data = room.recordings[0]!.entries.filter((entry) => entry.type === 'data');
    const of = (direction: string): string =>
      Buffer.concat(data.filter((entry) => entry.direction === direction).map((entry) => entry.data)).toString();
    expect(of('in')).toBe('sent-and-back\n');
    expect(of('out')).toContain('sent-and-back\n');
    expect(of('out')).toContain('beside\n');
  });
});

describe('bytes', { timeout: 90_000 }, () => {
  const command = 'head -c 300000 /dev/zero | od; echo err >&2; exit 9';

  test('through the gateway and directly, a client gets the same', async () => {
    const room = await open();
    const run = await ssh(room, { command });
    const direct = await runSsh({ port: sshd.port, user: sshd.user, key: join(folder, 'key'), command });
    expect(run.code).toBe(direct.code);
    expect(run.stdout.equals(direct.stdout)).toBe(true);
    expect(run.stderr).toContain(direct.stderr);
  });

  test.each([1, 7])('%i byte at a time, both ways', async (cutBytes) => {
    const room = await open({ cutBytes });
    const bytes = randomBytes(20_000);
    const run = await ssh(room, { command: 'cat; echo err >&2; exit 9', input: bytes });
    expect([run.code, run.stdout.equals(bytes)]).toEqual([9, true]);
    expect(run.stderr).toContain('err\n');
  });
});

describe('memory', { timeout: 90_000 }, () => {
  test('a server that does not read stops the client', async () => {
    const room = await open();
    const client = await connectRoom(room);
    const heard = await exec(client, 'echo up; sleep 600');
    await until('the start', () => heard.out === 'up\n');
    // Two windows and the pipes between: nothing more is taken.
    let sent = 0;
    let refusals = 0;
    while (sent < 64 * 2 ** 20 && refusals < 1) {
      if (!heard.channel.write(Buffer.alloc(32_768))) {
        if (heard.channel.pendingBytes > 4 * 2 ** 20) refusals++;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      sent += 32_768;
    }
    expect(sent - heard.channel.pendingBytes).toBeLessThan(16 * 2 ** 20);
    client.destroy();
  });

  test('a forward whose other end does not read, likewise', async () => {
    const room = await open({ settings: { forwards: [`local 127.0.0.1:${sinkPort}`] } });
    const client = await connectRoom(room);
    const channel = await client.open({
      kind: 'direct-tcpip',
      target: { host: '127.0.0.1', port: sinkPort },
      origin: { host: '127.0.0.1', port: 1 },
    });
    channel.handle({ read: () => undefined, end: () => undefined, drain: () => undefined, close: () => undefined });
    let sent = 0;
    while (sent < 64 * 2 ** 20 && channel.pendingBytes < 4 * 2 ** 20) {
      if (!channel.write(Buffer.alloc(32_768))) await new Promise((resolve) => setTimeout(resolve, 5));
      sent += 32_768;
    }
    expect(sent).toBeLessThan(48 * 2 ** 20);
    client.destroy();
  });

  test('output that waits for the disk is bounded, too', async () => {
    const room = await open();
    const client = await connectRoom(room);
    const counted = await exec(client, `echo up; cat`);
    await until('the start', () => counted.out === 'up\n');
    room.journal.hold();
    const before = process.memoryUsage().rss;
    const heard = await exec(client, 'cat /dev/zero | head -c 400000000');
    await until('the intent', () => room.commands().length === 2);
    let last = -1;
    let still = 0;
    await until('the flow to stand still', async () => {
      const now = process.memoryUsage().rss;
      still = Math.abs(now - last) < 2 ** 20 ? still + 1 : 0;
      last = now;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return still >= 10;
    });
    expect((last - before) / 2 ** 20).toBeLessThan(128);
    expect(heard.out).toBe('');
    client.destroy();
  });
});

describe('departures', { timeout: 60_000 }, () => {
  test('a client that goes properly', async () => {
    const room = await open();
    expect((await ssh(room, { command: 'true' })).code).toBe(0);
    await ended(room);
    expect(room.journal.of('session.ended')[0]!.reason).toBe('client-closed');
  });

  test('a client that vanishes in the middle of an answer', async () => {
    const room = await open();
    const running = startSsh({ port: room.port, user: 'engineer+web-1', password: token, command: 'cat /dev/zero' });
    await until('some output', () => running.stdout().length > 100_000);
    running.child.kill('SIGKILL');
    await running.finished;
    await ended(room);
    expect(room.journal.of('command.ended')[0]!.outcome).toBe('unfinished');
  });

  test('a server that vanishes in the middle of an answer: the client is told', async () => {
    const room = await open();
    const running = startSsh({
      port: room.port,
      user: 'engineer+web-1',
      password: token,
      command: 'cat /dev/zero',
      options: ['LogLevel=INFO'],
    });
    await until('some output', () => running.stdout().length > 100_000);
    valve.cut();
    const { code, stderr } = await running.finished;
    expect(code).not.toBe(0);
    expect(stderr).toContain('The target closed the connection.');
    await ended(room);
    expect(room.journal.of('session.ended')[0]!.reason).toBe('upstream-closed');
  });

  test('a server that vanishes while nothing is under way', async () => {
    const room = await open();
    const client = await connectRoom(room);
    await client.open({ kind: 'session' });
    valve.cut();
    await until('the goodbye', () => client.closed);
    await ended(room);
  });

  test('a server that cannot be reached', async () => {
    const room = await open({ target: { port: 1, hostKeys: sshd.hostKeys } });
    const { code, stderr } = await ssh(room, { command: 'true' });
    expect(code).not.toBe(0);
    expect(stderr).toContain('web-1');
    await ended(room);
    expect(stderr).not.toContain('ECONNREFUSED');
  });

  test('a server that does not answer the key exchange: a client that leaves is not waited for', async () => {
    const silent = createServer((socket) => void socket.resume().on('error', () => socket.destroy()));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const room = await open({ target: { port: (silent.address() as { port: number }).port, hostKeys: sshd.hostKeys } });
    const client = await connectRoom(room);
    await until('the session', () => room.journal.of('session.opened').length === 1);
    client.destroy();
    await ended(room);
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('kill', { timeout: 60_000 }, () => {
  test('an idle session gets its goodbye, and what was sent behind it goes nowhere', async () => {
    const room = await open();
    const made = place();
    const client = await connectRoom(room);
    const channel = await client.open({ kind: 'session' });
    room.doors.sessions.end(() => true, killed);
    channel.request({ kind: 'exec', command: Buffer.from(`touch ${made}`) }).catch(() => false);
    await until('the goodbye', () => client.closed);
    await ended(room);
    expect(existsSync(made)).toBe(false);
  });

  test('a session whose client does not read ends all the same', async () => {
    const room = await open();
    const running = startSsh({ port: room.port, user: 'engineer+web-1', password: token, command: 'cat /dev/zero' });
    await until('some output', () => running.stdout().length > 100_000);
    running.child.kill('SIGSTOP');
    expect(room.doors.sessions.end(() => true, killed)).toBe(1);
    await ended(room);
    await until('the connection to the server to close', () => valve.open === 0);
    running.child.kill('SIGKILL');
    await running.finished;
  });
});

describe('identity', { timeout: 60_000 }, () => {
  test('a wrong token is refused and journaled, and an unknown principal gets the same answer', async () => {
    const room = await open();
    const dialled = valve.connections;
    const wrong = await ssh(room, { command: 'true', password: 'wrong' });
    const nobody = await ssh(room, { command: 'true', user: 'nobody01+web-1' });
    expect(wrong.code).toBe(255);
    expect(nobody.stderr.replaceAll('nobody01', 'engineer').replaceAll('127.0.0.1', '')).toBe(
      wrong.stderr.replaceAll('127.0.0.1', ''),
    );
    expect(room.journal.of('identity.refused').length).toBeGreaterThanOrEqual(2);
    expect(room.journal.of('session.opened')).toEqual([]);
    expect(valve.connections).toBe(dialled);
  });

  test('an unknown resource and one without Access get the same answer', async () => {
    const other = testResource({ name: 'forbidden', protocol: 'ssh', host: '127.0.0.1', port: 1 });
    const room = await open({ resources: [other], grants: (name) => name !== 'forbidden' });
    const said: string[] = [];
    for (const name of ['no-such-', 'forbidden']) {
      const { stderr, code } = await ssh(room, { command: 'true', user: `engineer+${name}` });
      expect(code).toBe(255);
      said.push(stderr.replaceAll(name, '<resource>').replaceAll(/port \d+/g, ''));
    }
    expect(said[1]).toBe(said[0]);
    expect(room.journal.of('session.refused')).toHaveLength(2);
  });

  test('no resource, and one of another protocol', async () => {
    const room = await open({ resources: [testResource({ name: 'orders', protocol: 'postgres' })] });
    const none = await ssh(room, { command: 'true', user: 'engineer' });
    expect(none.stderr).toContain('ssh engineer+web-1@gateway');
    const other = await ssh(room, { command: 'true', user: 'engineer+orders' });
    expect(other.code).toBe(255);
    expect(room.journal.of('session.refused')[0]?.code).toBe('core.wrong-protocol');
  });

  test('F-04 no new session without room to record', async () => {
    const room = await open();
    room.journal.spaceLevel = 'refuse';
    const dialled = valve.connections;
    expect((await ssh(room, { command: 'true' })).code).toBe(255);
    expect(valve.connections).toBe(dialled);
  });
});

describe('hostile', { timeout: 60_000 }, () => {
  test('the longest packet’s worth of a command runs; what cannot be one ends its own session and no other', async () => {
    const room = await open();
    const [good, bad] = [await connectRoom(room), await connectRoom(room)];
    const longest = await exec(good, `: ${'x'.repeat(30_000)}; echo ran`);
    await over(longest);
    expect(longest.out).toBe('ran\n');
    expect(30_000).toBeLessThan(limits.execBytesMax);
    await exec(bad, `: ${'x'.repeat(200_000)}`).catch(() => undefined);
    await until('the end of the one', () => bad.closed);
    const after = await exec(good, 'echo still-here');
    await over(after);
    expect(after.out).toBe('still-here\n');
    good.destroy();
  });

  test('what follows a goodbye goes nowhere', async () => {
    const room = await open();
    const made = place();
    const client = await connectRoom(room);
    await client.open({ kind: 'session' });
    client.disconnect('bye');
    await exec(client, `touch ${made}`).catch(() => undefined);
    await ended(room);
    expect(existsSync(made)).toBe(false);
  });

  test('a server that breaks the protocol ends the session, and is named', async () => {
    const room = await open();
    const client = await connectRoom(room);
    const heard = await exec(client, 'echo up; cat');
    await until('the start', () => heard.out === 'up\n');
    valve.speak(Buffer.alloc(64, 0x41));
    await until('the goodbye', () => client.closed);
    await ended(room);
    expect(room.journal.of('session.ended')[0]!.reason).toBe('upstream-violation');
    expect(room.journal.of('violation').map(({ side }) => side)).toEqual(['upstream']);
  });
});
