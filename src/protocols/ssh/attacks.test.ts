// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are texts for a shell
/**
 * Ways round the gate that a person with a valid login may try, with a stock sshd: transfers outside their gate, terminals
 * that only look like commands, what is typed without being shown, and what runs though it is said not to.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { filesOf, shellOf } from '../../core/command.ts';
import { Decisions, until } from './held-testing.ts';
import { connectRoom, openRoom, type Room, type RoomOptions, token } from './room-testing.ts';
import { runSsh, type Sshd, type SshRun, type Started, startSsh, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText, type SshChannel, SshWriter } from './transport/index.ts';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const key = generateKeyText('ed25519');
const secret = 'content-of-the-secret-file';

let sshd: Sshd;
let folder: string;
let rooms: Room[] = [];
let clients: Started[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-attacks-'));
  mkdirSync(join(folder, 'secret'));
  writeFileSync(join(folder, 'secret', 'file'), secret);
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(key).publicKey)] });
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
  await sshd?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function open(more: Partial<RoomOptions> = {}): Promise<Room> {
  const room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: key },
    // Nothing is read from there, be it by a transfer or by a command.
    judge: ({ meaning, text }) =>
      text.includes('/secret/') ||
      filesOf(meaning)?.operations.some(({ path }) => path.raw.includes('/secret/')) === true
        ? { name: 'block', rule: 'no-secrets', reason: 'Nobody reads there.' }
        : null,
    ...more,
  });
  rooms.push(room);
  return room;
}

const login = { user: 'engineer+web-1', password: token };
const run = (room: Room, more: Partial<SshRun>) => runSsh({ ...login, port: room.port, ...more });

function start(room: Room, more: Partial<SshRun>): Started {
  const client = startSsh({ ...login, port: room.port, ...more });
  clients.push(client);
  return client;
}

/** A channel with what came out of it so far. */
interface Heard {
  readonly channel: SshChannel;
  out(): Buffer;
  readonly closed: Promise<void>;
}

async function openChannel(room: Room): Promise<Heard> {
  const client = await connectRoom(room);
  const channel = await client.open({ kind: 'session' }, 20_000);
  const parts: Buffer[] = [];
  const closed = Promise.withResolvers<void>();
  channel.handle({
    read: (view) => void parts.push(Buffer.from(view)),
    readStderr: (view) => void parts.push(Buffer.from(view)),
    end: () => undefined,
    drain: () => undefined,
    close: () => closed.resolve(),
  });
  return { channel, out: () => Buffer.concat(parts), closed: closed.promise };
}

/** As a terminal that leaves every byte as it is. */
const rawPty = {
  kind: 'pty-req',
  term: 'dumb',
  columns: 80,
  rows: 24,
  widthPixels: 0,
  heightPixels: 0,
  modes: new Map([50, 51, 53, 54, 56, 70, 72, 36, 38, 30, 31, 32, 35].map((opcode) => [opcode, 0])),
} as const;

/** The frames by which an SFTP client reads one file: INIT, OPEN, and READ of the first handle that OpenSSH gives. */
function sftpRead(path: string): Buffer {
  const frame = (body: Buffer): Buffer => new SshWriter().string(body).finish();
  const handle = Buffer.alloc(4);
  return Buffer.concat([
    frame(Buffer.from([1, 0, 0, 0, 3])),
    frame(new SshWriter().uint8(3).uint32(1).string(path).uint32(1).uint32(0).finish()),
    frame(new SshWriter().uint8(5).uint32(2).string(handle).uint32(0).uint32(0).uint32(1000).finish()),
  ]);
}

describe('A-SSH-13 an SFTP server that is started otherwise', () => {
  test('with a terminal has no gate that could follow it, and is refused', { timeout: 60_000 }, async () => {
    const room = await open();
    const { channel, out, closed } = await openChannel(room);
    await channel.request(rawPty);
    await channel.request({ kind: 'exec', command: Buffer.from('/usr/lib/openssh/sftp-server') });
    channel.write(sftpRead(join(folder, 'secret', 'file')));
    await Promise.race([closed, until('the secret', () => out().includes(secret))]);
    expect(out().toString('latin1')).not.toContain(secret);
  });

  test.each([
    'env /usr/lib/openssh/sftp-server',
    'true; /usr/lib/openssh/sftp-server',
    'sh -c /usr/lib/openssh/sftp-server',
  ])('%s is behind the gate, or refused', { timeout: 60_000 }, async (command) => {
    const room = await open({ settings: { login_shell: 'bash' } });
    const { channel, out, closed } = await openChannel(room);
    await channel.request({ kind: 'exec', command: Buffer.from(command) });
    channel.write(sftpRead(join(folder, 'secret', 'file')));
    await Promise.race([
      closed,
      until('an answer to each', () => out().includes(secret) || out().includes('no-secrets')),
    ]);
    expect(out().toString('latin1')).not.toContain(secret);
  });
});

test('A-SSH-13 in strict, a program of somebody’s own that is named like a transfer does not run', {
  timeout: 60_000,
}, async () => {
  const room = await open({ settings: { shell: 'strict' } });
  const own = join(folder, 'scp');
  writeFileSync(own, `#!/bin/sh\ntouch ${folder}/ran-as-scp\n`, { mode: 0o755 });
  const got = await run(room, { command: `${own} -f /etc/hostname` });
  expect(got.stderr).toContain('strict');
  expect(existsSync(join(folder, 'ran-as-scp'))).toBe(false);
});

test('A-REC-05 a password typed into a command with a terminal is not recorded', { timeout: 60_000 }, async () => {
  const room = await open({ settings: { login_shell: 'bash' } });
  const client = start(room, {
    args: ['-tt'],
    command: 'bash -c \'read -rsp "password: " word; read -rp "shown: " more; echo "got $more"\'',
  });
  await client.until(/password: /);
  client.child.stdin!.write('hunter2\r');
  await client.until(/shown: /);
  client.child.stdin!.write('visible\r');
  await client.until(/got visible/);
  await client.finished;
  const content = Buffer.concat(room.recordings.map((recording) => recording.content())).toString('latin1');
  expect(content).toContain('visible');
  expect(content).not.toContain('hunter2');
});

test('A-REC-05 a password given to sudo on its input is not recorded', { timeout: 60_000 }, async () => {
  const room = await open({ settings: { login_shell: 'bash' } });
  await run(room, { command: 'cat >/dev/null; sudo -S -u root id', input: 'hunter2\n' });
  const content = Buffer.concat(room.recordings.map((recording) => recording.content())).toString('latin1');
  expect(content).not.toContain('hunter2');
});

test('a line of an exec-only terminal that would be a shell is refused', { timeout: 60_000 }, async () => {
  const room = await open({ settings: { shell: 'exec-only' } });
  const client = start(room, { args: ['-tt'] });
  await client.until(/web-1> /);
  client.child.stdin!.write('bash\r');
  await client.until(/interactive shell|\$ |# /);
  client.child.stdin!.write(`touch ${folder}/ran-in-bash\r`);
  await client.until(/ran-in-bash[\s\S]*(?:web-1> |[$#] )/);
  client.child.stdin!.write('exit\r');
  client.child.stdin!.end();
  await client.finished;
  expect(client.stdout().toString()).toContain('cannot be judged');
  expect(room.commands()).toContain(`touch ${folder}/ran-in-bash`);
});

test('what the target was asked to run is not said to be withdrawn', { timeout: 60_000 }, async () => {
  const room = await open();
  const { channel } = await openChannel(room);
  const path = join(folder, 'ran-though-gone');
  channel.notify({ kind: 'exec', command: Buffer.from(`sleep 0.1; touch ${path}`) });
  await until('its release', () => room.journal.of('command.intent').length === 1);
  // The journal's next turn releases it; the channel goes while the target is asked.
  await new Promise((resolve) => setImmediate(resolve));
  channel.destroy();
  await until('the end of the command', () => room.journal.of('command.ended').length === 1);
  await until('the file, or none', () => existsSync(path) || room.journal.of('command.ended').length === 1);
  const [ended] = room.journal.of('command.ended');
  const ran = await until('the file', () => existsSync(path)).then(() => true);
  expect([ran, ended?.outcome]).toEqual([true, 'unfinished']);
});

test('A-PG-12 for shells: a locale in which a backslash may be half a character is not passed on', {
  timeout: 60_000,
}, async () => {
  const room = await open();
  const { channel } = await openChannel(room);
  const env = (name: string, value: string) => channel.request({ kind: 'env', name, value: Buffer.from(value) });
  expect(await env('LC_ALL', 'zh_CN.GBK')).toBe(false);
  expect(await env('LANG', 'ja_JP.SJIS')).toBe(false);
  expect(await env('LC_CTYPE', 'zh_TW')).toBe(false);
  expect(await env('LANG', 'en_US.UTF-8')).toBe(true);
  expect(await env('LC_ALL', 'C')).toBe(true);
  expect(await env('LC_TIME', 'de_DE.utf8')).toBe(true);
  expect(await env('LC_TICKET', 'anything at all')).toBe(true);
  channel.destroy();
});

test('what a transfer program says on its error stream passes the record like its output', {
  timeout: 60_000,
}, async () => {
  const room = await open();
  const got = await run(room, { command: '/usr/lib/openssh/sftp-server -e -l DEBUG3' });
  const content = Buffer.concat(room.recordings.map((recording) => recording.content())).toString('latin1');
  expect(got.stderr).toContain('session opened');
  expect(content).toContain('session opened');
});

describe('A-SSH-19 at a gated terminal with bash, what a line makes run later', () => {
  const rule: RoomOptions['judge'] = ({ meaning }) =>
    shellOf(meaning)?.commands.some(({ program }) => program === 'forbidden') === true
      ? { name: 'block', rule: 'no-forbidden', reason: 'Not here.' }
      : null;

  test.each([
    ['a trap by a signal at the prompt', ['trap later WINCH', '(sleep 0.3; kill -WINCH $$) &']],
    ['a trap while a question is open', ['trap later CHLD', 'sleep 0.1 &', 'true']],
    ['a trap at each return', ['trap later RETURN', 'true']],
    ['a prompt with a function in it', ["PS1='$(later)# '", 'true']],
    ['a prompt in pieces', ["a='$(for'; b='bidden)# '", 'PS1=$a$b', 'true']],
    ['a prompt by printf', ["printf -v PS1 '%s' '$(forbidden)# '", 'true']],
    ['a prompt from a file', ['read -r PS1 < prompt', 'true']],
    ['the prompt of a trace', ["PS4='$(later)+ '", 'set -x', 'true']],
    ['a completion', ['complete -F later some', 'some x\t\t\x15true']],
    ['the words of a completion', ["complete -W '$(forbidden)' some", 'some \t\t\x15true']],
    ['a key', ['a=-x b=\'"\\C-t": forbidden\'', 'bind $a "$b"', '\x14true']],
    ['a function named like the hooks', ['. ./named', 'true']],
  ])('is judged too: %s', { timeout: 60_000 }, async (_how, lines) => {
    const home = await mkdtemp(join(folder, 'home-'));
    const ran = join(home, 'ran');
    writeFileSync(join(home, 'forbidden'), `#!/bin/sh\ntouch ${ran}\n`, { mode: 0o755 });
    writeFileSync(join(home, 'definition'), 'later() { forbidden "$@"; }\n');
    writeFileSync(join(home, 'prompt'), '$(forbidden)# \n');
    writeFileSync(
      join(home, 'named'),
      'for f in $(compgen -A function __); do case $f in *ask) p=${f%ask}; esac; done\n' +
        'eval "${p}lines() { later; }; ${p}lines"\n',
    );
    const room = await open({ judge: rule });
    const client = start(room, { args: ['-tt'] });
    await client.until(/[#$%>] /);
    for (const line of [`cd ${home}; PATH=$PATH:${home}; . ./definition`, ...lines, 'true', 'true']) {
      await pause(250);
      client.child.stdin!.write(`${line}\r`);
      await pause(250);
    }
    await pause(600);
    // Alone, since what is denied at the prompt drops what was typed behind it.
    client.child.stdin!.write('\x03');
    for (let tries = 0, seen = false; !seen; tries++) {
      await pause(300);
      client.child.stdin!.write('echo still-${HOME:0:1}here\r');
      seen = await client.until(/still-\/here|frozen/, 4_000).then(
        () => true,
        (error: unknown) => {
          // On a busy host the prompt is not through with what was denied, and the line went the same way.
          if (tries === 5) throw error;
          return false;
        },
      );
    }
    expect(existsSync(ran)).toBe(false);
  });
});

test.each([
  ['no text', Buffer.from('bash # \xff', 'latin1'), []],
  ['a variable', Buffer.from('$LC_SHELL'), ['LC_SHELL']],
  ['a variable that is evaluated', Buffer.from('eval "$LC_SHELL"'), ['LC_SHELL']],
])('a terminal into what may be a shell is none: %s', { timeout: 60_000 }, async (_how, command, names) => {
  const room = await open({ settings: { login_shell: 'bash' } });
  const { channel, out, closed } = await openChannel(room);
  for (const name of names) channel.notify({ kind: 'env', name, value: Buffer.from('bash') });
  await channel.request(rawPty);
  await channel.request({ kind: 'exec', command });
  channel.write(Buffer.from(`touch ${folder}/ran-in-shell; exit\n`));
  await closed;
  expect(out().toString()).toContain('cannot be judged');
  expect(existsSync(join(folder, 'ran-in-shell'))).toBe(false);
});

describe('A-SSH-12 the target itself behind a wildcard', () => {
  let echo: Server;
  beforeAll(async () => {
    echo = createServer((socket) => socket.end('reached'));
    await new Promise<void>((resolve) => echo.listen(0, '::', resolve));
  });
  afterAll(() => new Promise((resolve) => echo.close(resolve)));

  test.each([
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '2130706433',
    'localhost',
    'LOCALHOST.',
    '0',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::1%lo',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:127.0.0.1',
    '0000:0000:0000:0000:0000:ffff:7f00:0001',
    'ip6-localhost',
    'ip6-loopback',
    'localhost.localdomain',
  ])('is not reached as %s', async (host) => {
    const room = await open({ settings: { forwards: ['local *:*'] } });
    const client = await connectRoom(room);
    const target = { host, port: (echo.address() as AddressInfo).port };
    const opening = client.open({ kind: 'direct-tcpip', target, origin: { host: '127.0.0.1', port: 1 } }, 20_000);
    await expect(opening).rejects.toThrow();
    expect(room.journal.of('violation')).toHaveLength(1);
  });
});

describe('A-SSH-13 a transfer program whose words are not certain', () => {
  /** As a rule about paths judges: what is not known may be there. */
  const rule: RoomOptions['judge'] = ({ meaning }) => {
    const files = filesOf(meaning);
    const isThere =
      files !== null && (!files.complete || files.operations.some(({ path }) => path.raw.includes('/secret')));
    return isThere ? { name: 'block', rule: 'no-secrets', reason: 'Nobody reads there.' } : null;
  };

  test.each([
    ['bash', 'rsync --server --sender -vr --link-dest=/x . FOLDER'],
    ['bash', 'rsync --server --sender -vr --files-from=/etc/shadow . FOLDER'],
    ['unknown', 'rsync --server --sender --log-format=%i -vr . FOLDER/secret/'],
    ['unknown', 'env rsync --server --sender -vr . FOLDER/secret/'],
    ['unknown', 'env scp -f FOLDER/secret/file'],
    ['unknown', 'true; scp -f FOLDER/secret/file'],
    ['unknown', 'nice git upload-pack FOLDER/secret'],
  ])('with the login shell %s: %s', { timeout: 60_000 }, async (login_shell, command) => {
    const room = await open({ settings: { login_shell }, judge: rule });
    const got = await run(room, { command: command.replace('FOLDER', folder) });
    expect(got.stderr).toContain('no-secrets');
    expect(got.stdout.toString('latin1')).not.toContain(secret);
  });
});

test('A-REC-05 a password before a script for sudo is not in the journal', { timeout: 60_000 }, async () => {
  const room = await open({ settings: { login_shell: 'bash' } });
  await run(room, { command: 'sudo -S bash -s', input: 'hunter2\necho after\n' });
  expect(JSON.stringify(room.journal.events)).not.toContain('hunter2');
  expect(room.commands().join()).toContain('echo after');
});

test('a transfer that waits is withdrawn when its client goes, with the command that it belongs to', {
  timeout: 60_000,
}, async () => {
  const reviews = new Decisions();
  const room = await open({
    reviews,
    judge: ({ kind }) => (kind === 'transfer' ? { name: 'hold', rule: 'ask-first', reason: 'Ask.' } : null),
  });
  const { channel } = await openChannel(room);
  channel.notify({ kind: 'exec', command: Buffer.from(`rsync --server --sender -r . ${folder}`) });
  await until('the review', () => reviews.asked.length === 1);
  channel.close();
  await until('the end of both', () => room.journal.of('command.ended').length === 2);
  expect(reviews.asked[0]!.withdrawn).toBe(true);
  expect(room.journal.of('command.ended').map(({ outcome }) => outcome)).toEqual(['withdrawn', 'withdrawn']);
});
