/**
 * What waits and what is ended: holds, withdrawals, kills, pauses, messages, and failures of journal and recording, with a
 * stock client and a stock sshd. Nothing of a command that waits is at the target.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CommandDraft } from '../../core/command.ts';
import type { SessionEnding } from '../../core/session.ts';
import type { Verdict } from '../../core/verdict.ts';
import { approved, Decisions, denied, until } from './held-testing.ts';
import { connectRoom, openRoom, type Room, type RoomOptions, token } from './room-testing.ts';
import { runSsh, type Sshd, type SshRun, type Started, startSsh, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from './transport/index.ts';

const key = generateKeyText('ed25519');
const killed: SessionEnding = { reason: 'killed', message: 'Ended by an administrator.', code: null, by: 'admin' };

let sshd: Sshd;
let folder: string;
let echo: Server;
let echoPort = 0;
let count = 0;
let reviews: Decisions;
let rooms: Room[] = [];
let clients: Started[] = [];

/** Holds what says so. */
function holding({ text }: CommandDraft): Verdict | null {
  return text.includes('hold-this') || text.endsWith(`:${echoPort}`)
    ? { name: 'hold', rule: 'guardrail:ask-first', reason: 'A DBA has to agree.' }
    : null;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-held-'));
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(key).publicKey)] });
  echo = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write('hello ');
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  echoPort = (echo.address() as { port: number }).port;
}, 60_000);

afterEach(async () => {
  for (const { child } of clients) child.kill('SIGKILL');
  for (const room of rooms) {
    room.journal.release();
    await room.close();
  }
  rooms = [];
  clients = [];
});

afterAll(async () => {
  echo?.close();
  await sshd?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<RoomOptions> = {}): Promise<Room> {
  reviews = new Decisions();
  const room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: key },
    judge: holding,
    reviews,
    ...options,
    settings: { forwards: [`local 127.0.0.1:${echoPort}`], ...options.settings },
  });
  rooms.push(room);
  return room;
}

function start(room: Room, command: string | null, more: Partial<SshRun> = {}): Started {
  const started = startSsh({
    port: room.port,
    user: 'engineer+web-1',
    password: token,
    options: ['LogLevel=INFO'],
    deadlineMs: 90_000,
    ...(command === null ? {} : { command }),
    ...more,
  });
  clients.push(started);
  return started;
}

const run = (room: Room, command: string): ReturnType<typeof runSsh> =>
  runSsh({ port: room.port, user: 'engineer+web-1', password: token, command, deadlineMs: 90_000 });
const place = (): string => join(folder, `made-${++count}`);
const asked = (many = 1): Promise<void> => until('the review', () => reviews.asked.length === many);
const ended = (room: Room, many = 1): Promise<void> =>
  until('the end of the session', () => room.journal.of('session.ended').length === many);
const lines = (path: string): number => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0);

describe('an exec that is held', { timeout: 60_000 }, () => {
  test('says for whom and where on the error stream, waits, and runs once when it is approved', async () => {
    const room = await open();
    const made = place();
    const held = start(room, `echo ran >> ${made}; echo out; exit 3 # hold-this`);
    await held.until(/held until a member of dba approves it: https:\/\/gateway\.example\/reviews\/rev_1/);
    await asked();
    expect(lines(made)).toBe(0);
    expect(sshd.log()).not.toContain(made);
    reviews.asked[0]!.decide(approved);
    const { code, stdout } = await held.finished;
    expect(code).toBe(3);
    expect(stdout.toString()).toBe('out\n');
    expect(lines(made)).toBe(1);
    expect(reviews.claims).toHaveLength(1);
  });

  test('input that came meanwhile is not lost (A-SSH-20)', async () => {
    const room = await open();
    const held = start(room, 'cat # hold-this');
    held.child.stdin!.end('early bytes\n');
    await asked();
    reviews.asked[0]!.decide(approved);
    expect((await held.finished).stdout.toString()).toBe('early bytes\n');
  });

  test('a denial ends it with 126, and says who denied and why', async () => {
    const room = await open();
    const made = place();
    const held = start(room, `echo ran >> ${made} # hold-this`);
    await asked();
    reviews.asked[0]!.decide(denied);
    const { code, stderr } = await held.finished;
    expect(code).toBe(126);
    expect(stderr).toContain('dora denied it: not on a Friday');
    expect(lines(made)).toBe(0);
  });

  test('one that nobody decides in time is refused', async () => {
    const room = await open();
    const made = place();
    const held = start(room, `echo ran >> ${made} # hold-this`);
    await asked();
    reviews.asked[0]!.decide({ state: 'expired' });
    const { code, stderr } = await held.finished;
    expect(code).toBe(126);
    expect(stderr).toContain('Nobody decided in time');
    expect(lines(made)).toBe(0);
  });

  test.each(['SIGINT', 'SIGKILL'] as const)('A-REV-07 %s of the client withdraws it', async (signal) => {
    const room = await open();
    const made = place();
    const held = start(room, `echo ran >> ${made} # hold-this`);
    await asked();
    held.child.kill(signal);
    await held.finished;
    await until('the withdrawal', () => reviews.asked[0]!.withdrawn);
    await ended(room);
    reviews.asked[0]!.decide(approved);
    const [end] = room.journal.of('command.ended');
    expect(end?.outcome).toBe('withdrawn');
    expect(lines(made)).toBe(0);
  });

  test('a channel that is closed withdraws it, and the session goes on', async () => {
    const room = await open();
    const made = place();
    const client = await connectRoom(room);
    const channel = await client.open({ kind: 'session' });
    channel.handle({ read: () => undefined, end: () => undefined, drain: () => undefined, close: () => undefined });
    const command = Buffer.from(`echo ran >> ${made} # hold-this`);
    channel.request({ kind: 'exec', command }).catch(() => undefined);
    await asked();
    channel.close();
    await until('the withdrawal', () => reviews.asked[0]!.withdrawn);
    expect(room.doors.sessions.size).toBe(1);
    await client.ping();
    client.destroy();
    await ended(room);
    expect(lines(made)).toBe(0);
  });
});

describe('A-SSH-11 forwards beside a review', { timeout: 60_000 }, () => {
  test('a forward is held itself, and carries nothing before it is approved', async () => {
    const room = await open();
    const forward = start(room, null, { args: ['-W', `127.0.0.1:${echoPort}`] });
    forward.child.stdin!.write('ping');
    await asked();
    expect(room.recordings[0]!.entries.filter(({ type }) => type === 'data')).toEqual([]);
    expect(forward.stdout().length).toBe(0);
    reviews.asked[0]!.decide(approved);
    await forward.until(/hello ping/);
    const data = room.recordings[0]!.entries.filter((entry) => entry.type === 'data');
    expect(Buffer.concat(data.map((entry) => entry.data)).toString()).toMatch(/hello|ping/);
  });

  test('while an exec waits, a forward of the same connection waits for its own decision', async () => {
    const room = await open();
    const made = place();
    const client = await connectRoom(room);
    const channel = await client.open({ kind: 'session' });
    channel.handle({ read: () => undefined, end: () => undefined, drain: () => undefined, close: () => undefined });
    const exec = channel.request({ kind: 'exec', command: Buffer.from(`echo ran >> ${made} # hold-this`) });
    await asked(1);
    const origin = { host: '127.0.0.1', port: 1 };
    const opened = client.open({ kind: 'direct-tcpip', target: { host: '127.0.0.1', port: echoPort }, origin }, 45_000);
    await asked(2);
    let heard = '';
    reviews.asked[1]!.decide(denied);
    await expect(opened).rejects.toThrow();
    const again = client.open({ kind: 'direct-tcpip', target: { host: '127.0.0.1', port: echoPort }, origin }, 45_000);
    await asked(3);
    reviews.asked[2]!.decide(approved);
    const forward = await again;
    forward.handle({
      read: (view) => {
        heard += view.toString();
      },
      end: () => undefined,
      drain: () => undefined,
      close: () => undefined,
    });
    await until('the greeting', () => heard.startsWith('hello'));
    expect(lines(made)).toBe(0);
    reviews.asked[0]!.decide(approved);
    expect(await exec).toBe(true);
    await until('the effect', () => lines(made) === 1);
    client.destroy();
  });
});

describe('from outside', { timeout: 60_000 }, () => {
  test.each([
    ['a running exec', 'echo up; sleep 600'],
    ['a held one', 'sleep 600 # hold-this'],
  ])('I11 kill ends %s with its reason on the error stream', async (_what, command) => {
    const room = await open();
    const running = start(room, command);
    await running.until(/up|held until/);
    expect(room.doors.sessions.end(() => true, killed)).toBe(1);
    const { code, stderr } = await running.finished;
    expect(stderr).toContain('Ended by an administrator.');
    expect(code).not.toBe(0);
    await ended(room);
    expect(room.journal.of('session.ended')[0]).toMatchObject({ reason: 'killed', by: 'admin' });
    await until('the review to be withdrawn', () => reviews.asked.every(({ withdrawn }) => withdrawn));
  });

  test('kill of a terminal shows the reason in it', async () => {
    const room = await open();
    const shell = start(room, null, { args: ['-tt'] });
    await shell.until(/[#$] /, 45_000);
    room.doors.sessions.end(() => true, killed);
    const { stdout, stderr } = await shell.finished;
    expect(stdout.toString() + stderr).toContain('Ended by an administrator.');
  });

  test('a revoked token ends the session', async () => {
    const room = await open();
    const running = start(room, 'echo up; sleep 600');
    await running.until(/up/);
    expect(room.doors.sessions.endByCredential('tok_1', { ...killed, reason: 'token-revoked' })).toBe(1);
    expect((await running.finished).code).not.toBe(0);
    await ended(room);
    expect(room.journal.of('session.ended')[0]!.reason).toBe('token-revoked');
  });

  test('idle_timeout ends a session in which nothing passes, and says so', async () => {
    const room = await open({ settings: { idle_timeout: 1 } });
    const running = start(room, 'echo up; sleep 600');
    const { stderr } = await running.finished;
    expect(stderr).toContain('Nothing happened for 1 seconds');
    await ended(room);
    expect(room.journal.of('session.ended')[0]!.reason).toBe('idle');
  });

  test('a message is shown beside the output', async () => {
    const room = await open();
    const running = start(room, 'echo up; cat');
    await running.until(/up/);
    expect(room.doors.sessions.end(() => false, killed)).toBe(0);
    for (const session of sessionsOf(room)) expect(session.say('dora: the disk is nearly full')).toBe(true);
    await running.until(/dora: the disk is nearly full/);
    running.child.stdin!.end('after\n');
    expect((await running.finished).stdout.toString()).toBe('up\nafter\n');
  });

  test('pause reads nothing more of the client until it goes on', async () => {
    const room = await open();
    const running = start(room, 'echo up; head -n 1; echo done');
    await running.until(/up/);
    for (const session of sessionsOf(room)) expect(session.pause(true)).toBe(true);
    running.child.stdin!.write('typed while paused\n');
    const before = room.recordings[0]!.content().includes('typed while paused');
    expect(before).toBe(false);
    for (const session of sessionsOf(room)) session.pause(false);
    expect((await running.finished).stdout.toString()).toBe('up\ntyped while paused\ndone\n');
  });
});

function sessionsOf(room: Room): { say(text: string): boolean; pause(paused: boolean): boolean }[] {
  const found: { say(text: string): boolean; pause(paused: boolean): boolean }[] = [];
  room.doors.sessions.end((session) => {
    found.push(session);
    return false;
  }, killed);
  return found;
}

describe('I2 evidence fails', { timeout: 60_000 }, () => {
  test('the journal: the session ends, and nothing of the next command passes', async () => {
    const room = await open();
    const made = place();
    const client = await connectRoom(room);
    const channel = await client.open({ kind: 'session' });
    channel.handle({ read: () => undefined, end: () => undefined, drain: () => undefined, close: () => undefined });
    room.journal.fail(new Error('no space left on device'));
    await channel.request({ kind: 'exec', command: Buffer.from(`echo ran >> ${made}`) }).catch(() => false);
    await until('the end', () => client.closed);
    expect(lines(made)).toBe(0);
    expect(room.commands()).toEqual([]);
  });

  test('the journal, while an intent waits to be durable: no effect follows', async () => {
    const room = await open();
    const made = place();
    const first = start(room, 'echo up; cat');
    await first.until(/up/);
    room.journal.hold();
    const second = start(room, `echo ran >> ${made}`);
    // Its session is opened in the journal, and so waits.
    await until('the second session', () => room.journal.of('session.opened').length === 2);
    room.journal.fail(new Error('no space left on device'));
    expect((await second.finished).code).not.toBe(0);
    expect(lines(made)).toBe(0);
  });

  test('the recording: output stops, and the session ends as failed', async () => {
    const room = await open();
    const running = start(room, 'echo up; cat; echo never-shown');
    await running.until(/up/);
    room.recordings[0]!.fail(new Error('no space left on device'));
    running.child.stdin!.end('x\n');
    const { stdout } = await running.finished;
    expect(stdout.toString()).toBe('up\n');
    await ended(room);
    expect(room.journal.of('session.ended')[0]!.reason).toBe('recording-failed');
  });
});

describe('I1 strict: no byte of output before the intent is durable', { timeout: 60_000 }, () => {
  /** What a client of this process hears on a channel. */
  async function hearing(room: Room) {
    const client = await connectRoom(room);
    const channel = await client.open({ kind: 'session' });
    const heard = { out: '', err: '', closed: false };
    channel.handle({
      read: (view) => {
        heard.out += view.toString('latin1');
      },
      readStderr: (view) => {
        heard.err += view.toString('latin1');
      },
      end: () => undefined,
      drain: () => undefined,
      close: () => {
        heard.closed = true;
      },
    });
    return { client, channel, heard };
  }

  test('exec that only reads runs meanwhile, its output and exit status wait', async () => {
    const room = await open();
    const { client, channel, heard } = await hearing(room);
    room.journal.hold();
    channel.request({ kind: 'exec', command: Buffer.from('echo out; echo err >&2') }).catch(() => false);
    await until('the intent', () => room.commands().length === 1);
    await client.ping();
    await client.ping();
    expect(heard).toEqual({ out: '', err: '', closed: false });
    room.journal.release();
    await until('the output', () => heard.closed);
    expect(heard.out).toBe('out\n');
    expect(heard.err).toBe('err\n');
    client.destroy();
  });

  test('exec that writes does not even begin', async () => {
    const room = await open();
    const made = place();
    const { client, channel, heard } = await hearing(room);
    room.journal.hold();
    channel.request({ kind: 'exec', command: Buffer.from(`echo ran >> ${made}; echo out`) }).catch(() => false);
    await until('the intent', () => room.commands().length === 1);
    await client.ping();
    await client.ping();
    expect(lines(made)).toBe(0);
    expect(heard.out).toBe('');
    room.journal.release();
    await until('the output', () => heard.closed);
    expect(lines(made)).toBe(1);
    expect(heard.out).toBe('out\n');
    client.destroy();
  });

  test('a line in a gated shell', async () => {
    const room = await open();
    const made = place();
    const shell = start(room, null, { args: ['-tt'] });
    await shell.until(/[#$] /, 45_000);
    room.journal.hold();
    shell.child.stdin!.write(`echo ran >> ${made}; echo sh''own\r`);
    await until('the intent', () => room.commands().some((text) => text.includes(made)));
    const seen = shell.stdout().toString();
    expect(lines(made)).toBe(0);
    expect(seen).not.toContain('shown');
    room.journal.release();
    await shell.until(/shown/, 45_000);
    expect(lines(made)).toBe(1);
  });

  test('sftp: a file is not given before its intent is durable', async () => {
    const room = await open();
    const made = place();
    expect((await run(room, `echo content-of-the-file > ${made}`)).code).toBe(0);
    room.journal.hold();
    const back = `${made}.back`;
    // The session itself has to become durable first; each release lets one step go on.
    const transfer = start(room, null, {
      program: 'scp',
      args: [`engineer+web-1@127.0.0.1:${made}`, back],
    });
    let isOver = false;
    void transfer.finished.then(() => {
      isOver = true;
    });
    let intents = 0;
    const download = (): boolean => room.commands().some((text) => text.startsWith('download '));
    await until('the download’s intent', () => {
      if (download()) return true;
      if (room.journal.events.length > intents) {
        intents = room.journal.events.length;
        room.journal.release();
        room.journal.hold();
      }
      return isOver;
    });
    expect(isOver).toBe(false);
    expect(existsSync(back) ? readFileSync(back, 'utf8') : '').toBe('');
    room.journal.release();
    expect((await transfer.finished).code).toBe(0);
    expect(readFileSync(back, 'utf8')).toBe('content-of-the-file\n');
  });

  test('a forward: nothing of what the other end says', async () => {
    const room = await open({ judge: () => null });
    const client = await connectRoom(room);
    room.journal.hold();
    const origin = { host: '127.0.0.1', port: 1 };
    const opened = client.open({ kind: 'direct-tcpip', target: { host: '127.0.0.1', port: echoPort }, origin }, 45_000);
    await until('the intent', () => room.commands().length === 1);
    await client.ping();
    let isOpen = false;
    void opened.then(() => {
      isOpen = true;
    });
    await client.ping();
    expect(isOpen).toBe(false);
    room.journal.release();
    const forward = await opened;
    let heard = '';
    forward.handle({
      read: (view) => {
        heard += view.toString();
      },
      end: () => undefined,
      drain: () => undefined,
      close: () => undefined,
    });
    await until('the greeting', () => heard === 'hello ');
    client.destroy();
  });
});
