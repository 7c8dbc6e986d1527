/**
 * Every door of a connection, with stock clients and one that does what those do not, against a stock sshd: whatever way a
 * program is asked for, the same rule says whether it runs; whatever way bytes come, none is lost and none heaps up.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandDraft } from '../../core/command.ts';
import type { Verdict } from '../../core/verdict.ts';
import { until } from './held-testing.ts';
import { connectRoom, openRoom, type Room, token } from './room-testing.ts';
import { runSsh, type Sshd, type SshRun, startSsh, startSshd } from './testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText, type SshChannel } from './transport/index.ts';

let sshd: Sshd;
let room: Room;
let folder: string;
let made: string;

/** The one rule: nobody writes to `made`, by whatever program, and what might is refused as well. */
function rule({ meaning, text }: CommandDraft): Verdict | null {
  const block: Verdict = { name: 'block', rule: 'no-writes', reason: 'Nothing is written there.' };
  if (meaning === null) return block;
  if (meaning.language === 'file') {
    const { operations, complete } = meaning.file;
    return !complete || operations.some(({ path, direction }) => direction === 'upload' || path.raw.includes(made))
      ? block
      : null;
  }
  if (meaning.language !== 'shell') return null;
  const { complete, bounded, redirects, commands } = meaning.shell;
  const isSftp = meaning.shell.transfer?.program === 'sftp';
  if ((!complete || !bounded) && !isSftp) return block;
  return commands.some(({ program }) => program === 'touch') || redirects.length > 0 || text.includes(made)
    ? block
    : null;
}

const state = { isRuled: true };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-doors-'));
  made = join(folder, 'made');
  const key = generateKeyText('ed25519');
  sshd = await startSshd({
    authorizedKeys: [publicKeyToText(privateKeyFromText(key).publicKey)],
    config: [`Subsystem touch /usr/bin/touch ${made}`, 'AcceptEnv *', `SetEnv FROM_SSHD=1`],
  });
  room = await openRoom({
    target: { port: sshd.port, hostKeys: sshd.hostKeys },
    credential: { username: sshd.user, privateKey: key },
    judge: (draft) => (state.isRuled ? rule(draft) : null),
  });
}, 60_000);

afterAll(async () => {
  await room?.close();
  await sshd?.stop();
  await rm(folder, { recursive: true, force: true });
});

const login = { user: 'engineer+web-1', password: token } as const;
const ssh = (more: Partial<SshRun>): ReturnType<typeof runSsh> =>
  runSsh({ port: room.port, ...login, deadlineMs: 90_000, ...more });

describe('A-SSH-13 every door is judged by the same rule', { timeout: 60_000 }, () => {
  const it = (): string => made;
  const doors: readonly (readonly [what: string, how: () => Partial<SshRun>])[] = [
    ['exec', () => ({ command: `touch ${it()}` })],
    ['exec of sh -c', () => ({ command: `sh -c 'touch ${it()}'` })],
    ['exec of sh -c of sh -c', () => ({ command: `exec sh -c "sh -c 'touch ${it()}'"` })],
    ['exec with a terminal', () => ({ command: `touch ${it()}`, args: ['-tt'] })],
    ['exec behind wrappers', () => ({ command: `nohup env X=1 nice timeout 9 touch ${it()}` })],
    ['exec of a redirection', () => ({ command: `: > ${it()}` })],
    ['exec of eval', () => ({ command: `eval "to""uch ${it()}"` })],
    [
      'exec of base64 | sh',
      () => ({ command: `echo ${Buffer.from(`touch ${it()}`).toString('base64')} | base64 -d | sh` }),
    ],
    ['exec of a name in another spelling', () => ({ command: `/usr/bin/t'ou'ch ${it()}` })],
    ['exec of a variable', () => ({ command: `x=touch; $x ${it()}` })],
    ['exec of an alias', () => ({ command: `shopt -s expand_aliases; alias t=touch\nt ${it()}` })],
    ['exec of a here-document', () => ({ command: `sh <<X\ntouch ${it()}\nX` })],
    ['exec of an interpreter', () => ({ command: `python3 -c "open('${it()}','w')"` })],
    ['exec of perl', () => ({ command: `perl -e 'open F, ">${it()}"'` })],
    ['exec of vi', () => ({ command: `vi -c ':!touch ${it()}' -c ':q'`, args: ['-tt'] })],
    ['exec of find', () => ({ command: `find / -maxdepth 0 -exec touch ${it()} ';'` })],
    ['exec of xargs', () => ({ command: `echo ${it()} | xargs touch` })],
    ['exec of tee', () => ({ command: `tee ${it()}`, input: 'x' })],
    [
      'exec of a shell behind a command, with a terminal',
      () => ({ command: 'true; bash -i', args: ['-tt'], input: `touch ${it()}\nexit\n` }),
    ],
    ['a shell without a terminal, reading standard input', () => ({ args: ['-T'], input: `touch ${it()}\n` })],
    ['bash -s', () => ({ command: 'bash -s', input: `touch ${it()}\n` })],
    ['bash', () => ({ command: 'bash', input: `touch ${it()}\n` })],
    ['bash /dev/stdin', () => ({ command: 'bash /dev/stdin', input: `touch ${it()}\n` })],
    ['. /dev/stdin', () => ({ command: '. /dev/stdin', input: `touch ${it()}\n` })],
    ['cat | sh', () => ({ command: 'cat | sh', input: `touch ${it()}\n` })],
    ['xargs from standard input', () => ({ command: 'xargs -I{} sh -c {}', input: `touch ${it()}\n` })],
    ['env bash -s', () => ({ command: 'env bash -s', input: `touch ${it()}\n` })],
    ['python3 from standard input', () => ({ command: 'python3 -', input: `open('${it()}','w')\n` })],
    ['read and eval', () => ({ command: 'read x; eval "$x"', input: `touch ${it()}\n` })],
    ['a subsystem of another name', () => ({ args: ['-s'], command: 'touch' })],
    ['the subsystem of a command line', () => ({ args: ['-s'], command: `touch ${it()}` })],
    ['scp', () => ({ program: 'scp' as const, args: ['/etc/hostname', `engineer+web-1@127.0.0.1:${it()}`] })],
    [
      'scp of old',
      () => ({ program: 'scp' as const, args: ['-O', '/etc/hostname', `engineer+web-1@127.0.0.1:${it()}`] }),
    ],
    ['scp -t by hand', () => ({ command: `scp -t ${it()}`, input: 'C0644 1 x\nx\0' })],
    [
      'sftp',
      () => ({
        program: 'sftp' as const,
        args: ['engineer+web-1@127.0.0.1'],
        input: `put /etc/hostname ${it()}\n`,
      }),
    ],
    [
      'sftp-server by path',
      () => ({
        program: 'sftp' as const,
        args: ['-s', '/usr/lib/openssh/sftp-server', 'engineer+web-1@127.0.0.1'],
        input: `put /etc/hostname ${it()}\n`,
      }),
    ],
    [
      'sftp-server by path with options',
      () => ({
        program: 'sftp' as const,
        args: ['-s', '/usr/lib/openssh/sftp-server -l INFO', 'engineer+web-1@127.0.0.1'],
        input: `put /etc/hostname ${it()}\n`,
      }),
    ],
    ['sftp mkdir', () => ({ program: 'sftp' as const, args: ['engineer+web-1@127.0.0.1'], input: `mkdir ${it()}\n` })],
    ['rsync', () => ({ command: `rsync --server -logDtpre.iLsfxCIvu . ${it()}` })],
    ['git', () => ({ command: `git init ${it()}` })],
    ['git-receive-pack', () => ({ command: `git-receive-pack '${it()}'` })],
    ['ssh to itself', () => ({ command: `ssh localhost touch ${it()}` })],
    ['a script', () => ({ command: `sh ${folder}/script` })],
    ['a script by its path', () => ({ command: `${folder}/script` })],
  ];

  test.each(doors)('%s', async (_what, how) => {
    writeFileSync(join(folder, 'script'), `#!/bin/sh\ntouch ${made}\n`, { mode: 0o755 });
    const before = room.journal.of('command.ended').length;
    await ssh(how());
    expect(existsSync(made)).toBe(false);
    const after = room.journal.of('command.ended').slice(before);
    expect(after.filter(({ outcome }) => outcome === 'refused').length).toBeGreaterThan(0);
  });

  test.each(['bash -i', 'exec bash -l', 'bash', ''])('a terminal into %j is a gated shell', async (command) => {
    const shell = startSsh({ port: room.port, ...login, command, args: ['-tt'], deadlineMs: 90_000 });
    await shell.until(/judged before it runs|sallyport:/, 45_000);
    if (/judged before it runs/.test(shell.stderr())) {
      await shell.until(/[#$] /, 45_000);
      shell.child.stdin!.write(`touch ${made}\r`);
      await shell.until(/no-writes/, 45_000);
    } else {
      expect(shell.stderr()).toMatch(/no-writes|cannot be judged line by line/);
    }
    shell.child.kill('SIGTERM');
    await shell.finished;
    expect(existsSync(made)).toBe(false);
  });

  test('and what the rule lets through does run by the same doors', async () => {
    expect((await ssh({ command: 'bash -s', input: 'echo from-the-script\n' })).stdout.toString()).toBe(
      'from-the-script\n',
    );
    expect((await ssh({ args: ['-T'], input: 'echo from-the-shell\n' })).stdout.toString()).toBe('from-the-shell\n');
    expect((await ssh({ command: "sh -c 'echo inner'" })).stdout.toString()).toBe('inner\n');
    expect(room.commands()).toContain('bash -s\necho from-the-script\n');
  });
});

describe('A-SSH-10 each kind of channel needs a right of its own', { timeout: 60_000 }, () => {
  const refused = async (kind: string, act: () => Promise<unknown>): Promise<void> => {
    const before = room.journal.of('violation').length;
    await act();
    const after = room.journal.of('violation').slice(before);
    expect(
      after.map(({ code }) => code),
      kind,
    ).toEqual(['ssh.forward-refused']);
  };

  test('direct-tcpip, direct-streamlocal, tcpip-forward, streamlocal-forward, agent and X11', async () => {
    const client = await connectRoom(room);
    const origin = { host: '127.0.0.1', port: 1 };
    const target = { host: '127.0.0.1', port: sshd.port };
    const prohibited = { cause: { reason: 1 } };
    await refused('direct-tcpip', () =>
      expect(client.open({ kind: 'direct-tcpip', target, origin })).rejects.toMatchObject(prohibited),
    );
    await refused('unix', () =>
      expect(
        client.open({ kind: 'direct-streamlocal@openssh.com', path: '/var/run/docker.sock' }),
      ).rejects.toMatchObject(prohibited),
    );
    await refused('listen', async () =>
      expect(await client.globalRequest({ kind: 'tcpip-forward', bind: { host: '127.0.0.1', port: 0 } })).toBeNull(),
    );
    await refused('listen unix', async () =>
      expect(
        await client.globalRequest({ kind: 'streamlocal-forward@openssh.com', path: join(folder, 'sock') }),
      ).toBeNull(),
    );
    const channel = await client.open({ kind: 'session' });
    await refused('agent', async () =>
      expect(await channel.request({ kind: 'auth-agent-req@openssh.com' })).toBe(false),
    );
    const x11 = {
      kind: 'x11-req',
      singleConnection: false,
      protocol: 'MIT-MAGIC-COOKIE-1',
      cookie: 'ab',
      screen: 0,
    } as const;
    await refused('x11', async () => expect(await channel.request(x11)).toBe(false));
    client.destroy();
  });

  test('tun, unknown channels and unknown requests do not exist', async () => {
    const run = await ssh({
      args: ['-w', '0:0', '-N'],
      options: ['Tunnel=point-to-point', 'ExitOnForwardFailure=yes'],
    });
    expect(run.code).not.toBe(0);
  });
});

describe('A-SSH-15 environment', { timeout: 60_000 }, () => {
  test('what is not on the list does not reach the target, what is does', async () => {
    state.isRuled = false;
    try {
      const bad = [
        'LD_PRELOAD',
        'LD_LIBRARY_PATH',
        'DYLD_INSERT_LIBRARIES',
        'BASH_ENV',
        'ENV',
        'PATH',
        'PS4',
        'IFS',
        'LANGX',
        'lang',
      ];
      const set = [...bad.map((name) => `${name}=/nowhere`), 'LC_TEST=kept', 'LANG=C'].join(' ');
      const { stdout } = await ssh({ command: '/usr/bin/env', options: [`SetEnv=${set}`] });
      const names = stdout.toString().split('\n');
      expect(names).toContain('LC_TEST=kept');
      expect(names).toContain('LANG=C');
      expect(names.filter((name) => name.endsWith('=/nowhere'))).toEqual([]);
    } finally {
      state.isRuled = true;
    }
  });

  test('a hundred thousand are not kept', async () => {
    const client = await connectRoom(room);
    const channel = await client.open({ kind: 'session' });
    for (let n = 0; n < 2000; n++) channel.notify({ kind: 'env', name: `LC_${n}`, value: Buffer.from('x') });
    const answers = await channel.request({ kind: 'env', name: 'LC_LAST', value: Buffer.from('x') }).catch(() => false);
    expect(answers).toBe(false);
    client.destroy();
  });
});

/** A channel of a client of this process, and what it says. */
async function session(): Promise<{
  channel: SshChannel;
  heard: { out: number; text: string; closed: boolean; ended: boolean; exit: number | null };
  close(): void;
}> {
  const client = await connectRoom(room);
  const channel = await client.open({ kind: 'session' });
  const heard = { out: 0, text: '', closed: false, ended: false, exit: null as number | null };
  channel.handle({
    read: (view) => {
      heard.out += view.length;
      if (heard.text.length < 100_000) heard.text += view.toString('latin1');
    },
    end: () => {
      heard.ended = true;
    },
    drain: () => undefined,
    request: (request, reply) => {
      if (request.kind === 'exit-status') heard.exit = request.code;
      reply.reject();
    },
    close: () => {
      heard.closed = true;
    },
  });
  return { channel, heard, close: () => client.destroy() };
}

describe('A-SSH-16 terminals', { timeout: 90_000 }, () => {
  test('sizes of nothing and of everything, and ten thousand changes while a program runs', async () => {
    state.isRuled = false;
    const { channel, heard, close } = await session();
    try {
      const size = { columns: 0, rows: 0, widthPixels: 0, heightPixels: 0 };
      expect(await channel.request({ kind: 'pty-req', term: 'xterm', modes: new Map() as never, ...size })).toBe(true);
      expect(
        await channel.request({ kind: 'exec', command: Buffer.from('stty size; read x; stty size; exit 5') }),
      ).toBe(true);
      await until(
        'the first size',
        () => /24 80/.test(heard.text),
        () => heard.text,
      );
      for (let n = 0; n < 10_000; n++) {
        const columns = n % 3 === 0 ? 0xffff_ffff : n % 500;
        channel.notify({ kind: 'window-change', columns, rows: n % 200, widthPixels: 0, heightPixels: 0 });
      }
      channel.notify({ kind: 'window-change', columns: 101, rows: 33, widthPixels: 0, heightPixels: 0 });
      channel.write(Buffer.from('go\n'));
      await until(
        'the last size',
        () => heard.closed,
        () => heard.text,
      );
      expect(heard.text).toMatch(/33 101/);
      expect(heard.exit).toBe(5);
    } finally {
      state.isRuled = true;
      close();
    }
  });
});

describe('A-SSH-17 floods', { timeout: 120_000 }, () => {
  test('a target that floods a client that does not read is paused; memory stays flat', async () => {
    state.isRuled = false;
    const running = startSsh({ port: room.port, ...login, command: 'cat /dev/zero', deadlineMs: 100_000 });
    try {
      await until('some output', () => running.stdout().length > 1_000_000);
      running.child.stdout!.pause();
      let last = -1;
      let still = 0;
      const before = process.memoryUsage().rss;
      await until('the flow to stand still', async () => {
        const passed = passedBytes();
        still = passed === last ? still + 1 : 0;
        last = passed;
        await new Promise((resolve) => setTimeout(resolve, 50));
        return still >= 20;
      });
      const grownMb = (process.memoryUsage().rss - before) / 2 ** 20;
      // Two windows of 2 MiB each and the sockets' buffers; generous for the collector.
      expect(grownMb).toBeLessThan(96);
      running.child.stdout!.resume();
      const was = last;
      await until('the flow to go on', () => passedBytes() > was + 4_000_000);
    } finally {
      state.isRuled = true;
      running.child.kill('SIGKILL');
      await running.finished;
    }
  });

  test('a target that floods the error stream is paused as well', async () => {
    state.isRuled = false;
    const running = startSsh({ port: room.port, ...login, command: 'cat /dev/zero >&2', deadlineMs: 100_000 });
    try {
      await until('some output', () => running.stderr().length > 500_000);
      running.child.stderr!.pause();
      let last = -1;
      let still = 0;
      await until('the flow to stand still', async () => {
        const passed = passedBytes();
        still = passed === last ? still + 1 : 0;
        last = passed;
        await new Promise((resolve) => setTimeout(resolve, 50));
        return still >= 20;
      });
    } finally {
      state.isRuled = true;
      running.child.kill('SIGKILL');
      await running.finished;
    }
  });

  test('ten thousand idle channels: as many as allowed are opened, the others refused, and the session works', async () => {
    const client = await connectRoom(room, { limits: { channelsMax: 20_000 } });
    // Before the session is open fewer wait; here it is.
    (await client.open({ kind: 'session' })).destroy();
    const opens = Array.from({ length: 10_000 }, () =>
      client.open({ kind: 'session' }, 100_000).then(
        (channel) => channel,
        () => null,
      ),
    );
    const opened = (await Promise.all(opens)).filter((channel) => channel !== null);
    expect(opened).toHaveLength(64);
    expect(sshd.log().length).toBeGreaterThan(0);
    // None of them cost the target anything: a channel there is opened with its program.
    opened[0]!.close();
    let text = '';
    const channel = opened[1]!;
    const over = new Promise<void>((resolve) =>
      channel.handle({
        read: (view) => {
          text += view.toString();
        },
        end: () => undefined,
        drain: () => undefined,
        close: resolve,
      }),
    );
    expect(await channel.request({ kind: 'exec', command: Buffer.from('echo still here') })).toBe(true);
    await over;
    expect(text).toBe('still here\n');
    client.destroy();
  });
});

function passedBytes(): number {
  let sum = 0;
  room.doors.sessions.end(
    (session) => {
      sum += session.bytesOut;
      return false;
    },
    { reason: 'killed', message: '', code: null, by: null },
  );
  return sum;
}

describe('A-SSH-19 commands that hide', { timeout: 60_000 }, () => {
  test('what an exec says that is no text has no meaning, and is refused', async () => {
    const { channel, heard, close } = await session();
    await channel.request({ kind: 'exec', command: Buffer.from([0x74, 0x6f, 0xff, 0xfe, 0x20, 0x78]) });
    await until('the end', () => heard.closed);
    expect(heard.exit).toBe(126);
    expect(room.commands().at(-1)).toBe('to\\xff\\xfe x');
    close();
  });

  test('a NUL, a carriage return and escapes are shown for what they are', async () => {
    const { channel, heard, close } = await session();
    await channel.request({ kind: 'exec', command: Buffer.from('echo a\0b') });
    await until('the end', () => heard.closed);
    expect(heard.exit).toBe(126);
    expect(room.commands().at(-1)).toBe('echo a\\x00b');
    close();
  });

  test('a command that is longer than any', async () => {
    const { channel, heard, close } = await session();
    const count = room.commands().length;
    await channel.request({ kind: 'exec', command: Buffer.from(`echo ${'x'.repeat(31_000)}`) });
    await until('the end', () => heard.closed);
    expect(heard.exit).toBe(0);
    expect(room.commands()).toHaveLength(count + 1);
    close();
  });
});

describe('A-SSH-20 order and ends', { timeout: 90_000 }, () => {
  test('cat < bigfile: each byte comes back, then the end', async () => {
    const bytes = randomBytes(5_000_000);
    const { code, stdout } = await ssh({ command: 'cat', input: bytes });
    expect(code).toBe(0);
    expect(stdout.equals(bytes)).toBe(true);
  });

  test('a program that does not read what it is sent', async () => {
    const { code, stdout } = await ssh({ command: 'echo it-ran', input: randomBytes(3_000_000) });
    expect(stdout.toString()).toBe('it-ran\n');
    expect(code).toBe(0);
  });

  test('a program that goes on after the end of its input', async () => {
    state.isRuled = false;
    const { code, stdout, stderr } = await ssh({
      command: 'cat >/dev/null; echo late; echo later >&2; exit 4',
      input: 'x',
    });
    state.isRuled = true;
    expect([code, stdout.toString(), stderr]).toEqual([4, 'late\n', 'later\n']);
  });

  test('output whose last byte comes with the end: the whole of it, many times', async () => {
    const bytes = randomBytes(700_001);
    writeFileSync(join(folder, 'odd'), bytes);
    const digest = createHash('sha256').update(bytes).digest('hex');
    for (let round = 0; round < 6; round++) {
      const { stdout, code } = await ssh({ command: `cat ${folder}/odd` });
      expect(createHash('sha256').update(stdout).digest('hex')).toBe(digest);
      expect(code).toBe(0);
    }
  });

  test('data before the request, the end behind it, in one go', async () => {
    const { channel, heard, close } = await session();
    channel.write(Buffer.from('early '));
    const answer = channel.request({ kind: 'exec', command: Buffer.from('cat') });
    channel.write(Buffer.from('and late'));
    channel.eof();
    expect(await answer).toBe(true);
    await until('the end', () => heard.closed);
    expect(heard).toMatchObject({ text: 'early and late', exit: 0, ended: true });
    close();
  });

  test('a program that outlives its output: its exit status still comes, though the input has ended long before', async () => {
    state.isRuled = false;
    const { channel, heard, close } = await session();
    const answer = channel.request({ kind: 'exec', command: Buffer.from('exec >&- 2>&-; sleep 1.5; exit 6') });
    channel.eof();
    expect(await answer).toBe(true);
    // As OpenSSH does for one program of a shared connection: it closes as soon as both directions are over.
    await until('an end', () => {
      if (heard.ended && !channel.closed) channel.close();
      return heard.ended || heard.closed;
    });
    state.isRuled = true;
    expect(heard.exit).toBe(6);
    close();
  });

  test('a channel that is closed at once, before and after its request', async () => {
    for (const isAsked of [false, true]) {
      const { channel, heard, close } = await session();
      if (isAsked) channel.request({ kind: 'exec', command: Buffer.from('sleep 600') }).catch(() => false);
      channel.close();
      await until('the close', () => heard.closed);
      close();
    }
    await until('every command to end', () => {
      const intents = room.journal.of('command.intent').length;
      return room.journal.of('command.ended').length === intents;
    });
  });

  test('two programs on one channel: the second is refused', async () => {
    const { channel, heard, close } = await session();
    const both = [
      channel.request({ kind: 'exec', command: Buffer.from('echo one') }),
      channel.request({ kind: 'exec', command: Buffer.from('echo two') }).catch(() => false),
    ];
    expect(await Promise.all(both)).toEqual([true, false]);
    await until('the end', () => heard.closed);
    expect(heard.text).toBe('one\n');
    close();
  });
});

test('every command that began has ended, once', async () => {
  const key = ({ session, command }: { session: string; command: number }): string => `${session}/${command}`;
  await until(
    'the ends',
    () => {
      const ends = new Set(room.journal.of('command.ended').map(key));
      return room.journal.of('command.intent').every((intent) => ends.has(key(intent)));
    },
    () => {
      const ends = new Set(room.journal.of('command.ended').map(key));
      return room.journal.of('command.intent').filter((intent) => !ends.has(key(intent)));
    },
  );
  const ends = room.journal.of('command.ended').map(key);
  expect(new Set(ends).size).toBe(ends.length);
  expect(readFileSync(join(folder, 'script'), 'utf8')).toContain('touch');
});
