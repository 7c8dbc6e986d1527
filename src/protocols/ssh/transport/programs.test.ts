/**
 * The server end with other programs: PuTTY's plink and psftp, OpenSSH's sftp and scp over a subsystem that is joined to a
 * real sftp-server, agent and X11 channels towards the client, and ssh2's own client.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'ssh2';
import { describe, expect, test } from 'vitest';
import { socketOf } from '../../../base/sockets.ts';
import { SocketWire } from '../../../base/wire.ts';
import { everySsh, makeKey, runProgram, runSsh, spawnOf, startSsh, workFolder } from '../testing/testing.ts';
import type { SshChannel, SshChannelRequest, SshReply } from './index.ts';
import { byAnything, password, startTestServer, type TestServer } from './transport-testing.ts';

const sftpServer = '/usr/lib/openssh/sftp-server';

async function withServer(
  options: Parameters<typeof startTestServer>[0],
  run: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await startTestServer(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

/** Joins the channel to a program, with back-pressure both ways. */
function joinProgram(request: SshChannelRequest, reply: SshReply, channel: SshChannel): boolean {
  const isSftp = request.kind === 'subsystem' && request.name === 'sftp';
  const isScp = request.kind === 'exec' && /^scp /.test(request.command.toString());
  if (!isSftp && !isScp) return false;
  reply.accept();
  const child = isScp ? spawn('sh', ['-c', request.command.toString()]) : spawn(sftpServer);
  channel.handle({
    read: (view) => {
      if (!child.stdin.write(view)) channel.pause();
    },
    end: () => child.stdin.end(),
    drain: () => child.stdout.resume(),
    close: () => child.kill(),
  });
  child.stdin.on('drain', () => channel.resume()).on('error', () => {});
  child.stdout.on('data', (data: Buffer) => {
    if (!channel.write(data)) child.stdout.pause();
  });
  child.on('close', (code) => {
    channel.notify({ kind: 'exit-status', code: code ?? 255 });
    channel.close();
  });
  return true;
}

describe.each(everySsh)('files with $version', (openssh) => {
  test.each([
    ['sftp', []],
    ['scp over SFTP', []],
    ['scp, the old protocol', ['-O']],
  ] as const)('%s: there and back', (name, args) =>
    withServer({ authenticate: byAnything, request: joinProgram }, async (server) => {
      const here = workFolder();
      const there = workFolder(openssh);
      try {
        const content = randomBytes(3_000_000);
        const remote = join(here.path, 'remote');
        writeFileSync(join(there.path, 'up'), content);
        const base = { port: server.port, user: 'e', openssh } as const;
        if (name === 'sftp') {
          const input = `put ${there.inside('up')} ${remote}\nget ${remote} ${there.inside('down')}\n`;
          const run = await runSsh({ ...base, program: 'sftp', args: ['-b', '-', 'e@127.0.0.1'], input });
          expect(run).toMatchObject({ code: 0, stderr: '' });
        } else {
          const copy = (from: string, to: string) => runSsh({ ...base, program: 'scp', args: [...args, from, to] });
          expect(await copy(there.inside('up'), `e@127.0.0.1:${remote}`)).toMatchObject({ code: 0, stderr: '' });
          expect(await copy(`e@127.0.0.1:${remote}`, there.inside('down'))).toMatchObject({ code: 0, stderr: '' });
        }
        expect(readFileSync(remote).equals(content)).toBe(true);
        expect(readFileSync(join(there.path, 'down')).equals(content)).toBe(true);
      } finally {
        here.remove();
        there.remove();
      }
    }),
  );

  test('an agent: asked for by the client, opened from here', () =>
    withServer(
      {
        authenticate: byAnything,
        request: (request, reply) => {
          if (request.kind !== 'auth-agent-req@openssh.com') return false;
          reply.accept();
          return true;
        },
        exec: () => true,
      },
      async (server) => {
        const folder = workFolder(openssh);
        const path = join(folder.path, 'agent');
        // It refuses everything, the client's binding of the agent to the session included, and stays.
        const agent = createServer((socket) => {
          socket.on('data', () => socket.write(Buffer.from([0, 0, 0, 1, 5]))).on('error', () => {});
        });
        await new Promise<void>((resolve) => agent.listen(path, resolve));
        const options = ['ForwardAgent=yes', `IdentityAgent=${folder.inside('agent')}`];
        const run = startSsh({ port: server.port, user: 'e', openssh, options, command: 'wait' });
        while (server.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
        expect(server.requests[0]).toEqual({ kind: 'auth-agent-req@openssh.com' });
        const channel = await server.connections[0]!.open({ kind: 'auth-agent@openssh.com' });
        const answer = new Promise<Buffer>((resolve) => {
          channel.handle({ read: resolve, end: () => {}, drain: () => {}, close: () => {} });
        });
        channel.write(Buffer.from([0, 0, 0, 1, 11]));
        expect([...(await answer)]).toEqual([0, 0, 0, 1, 5]);
        run.child.kill();
        await run.finished;
        agent.close();
        folder.remove();
      },
    ));

  test('X11: asked for with a cookie of its own, opened from here', () =>
    withServer(
      {
        authenticate: byAnything,
        request: (request, reply) => {
          if (request.kind !== 'x11-req') return false;
          reply.accept();
          return true;
        },
        exec: () => true,
      },
      async (server) => {
        // No X server is there: the client opens the way, finds nobody, and says so.
        const options = ['ForwardX11=yes', 'ForwardX11Trusted=yes', 'XAuthLocation=/bin/false', 'LogLevel=QUIET'];
        const env = { ...process.env, DISPLAY: 'localhost:77' };
        const child = spawnOf(
          openssh,
          'ssh',
          [
            '-F',
            '/dev/null',
            ...[...options, 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'].flatMap((o) => ['-o', o]),
          ].concat(['-p', String(server.port), 'e@127.0.0.1', 'wait']),
          env,
        );
        while (server.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
        expect(server.requests[0]).toMatchObject({
          kind: 'x11-req',
          protocol: 'MIT-MAGIC-COOKIE-1',
          singleConnection: false,
        });
        const open = server.connections[0]!.open({ kind: 'x11', origin: { host: '127.0.0.1', port: 6 } });
        await expect(open).rejects.toMatchObject({ code: 'ssh.open-refused' });
        child.kill();
      },
    ));
});

const hasPutty = existsSync('/usr/bin/plink');

describe.skipIf(!hasPutty)('PuTTY', () => {
  const hostKeyOf = (server: TestServer): string => server.connections.at(-1)?.remoteSoftware ?? '';

  async function plink(server: TestServer, ...args: string[]) {
    // plink asks for the key on a terminal; with -batch it names it, and takes it by -hostkey.
    const base = ['-batch', '-ssh', '-P', String(server.port), '-l', 'e', '-pw', password];
    const asked = await runProgram('plink', [...base, '127.0.0.1', 'true']);
    const key = /SHA256:[A-Za-z0-9+/=]+/.exec(asked.stderr)?.[0] ?? '';
    return runProgram('plink', [...base, '-hostkey', key, ...args]);
  }

  test('plink: password, command, terminal, status', () =>
    withServer({}, async (server) => {
      expect((await plink(server, '127.0.0.1', 'echo from PuTTY')).stdout.toString()).toBe('from PuTTY\n');
      expect(hostKeyOf(server)).toMatch(/^PuTTY/);
      expect((await plink(server, '127.0.0.1', 'fail 9')).code).toBe(9);
      expect((await plink(server, '-t', '127.0.0.1', 'size')).stdout.toString()).toMatch(/^\d+x\d+$/);
    }));

  test('plink: a large output', () =>
    withServer({}, async (server) => {
      expect((await plink(server, '127.0.0.1', 'flood 5000000')).stdout.length).toBe(5_000_000);
    }));

  test('psftp', () =>
    withServer({ request: joinProgram }, async (server) => {
      const folder = workFolder();
      try {
        const content = randomBytes(500_000);
        writeFileSync(join(folder.path, 'remote'), content);
        const base = ['-batch', '-P', String(server.port), '-l', 'e', '-pw', password];
        const asked = await runProgram('psftp', [...base, '127.0.0.1']);
        const key = /SHA256:[A-Za-z0-9+/=]+/.exec(asked.stderr + asked.stdout.toString())?.[0] ?? '';
        const input = `get ${join(folder.path, 'remote')} ${join(folder.path, 'local')}\nquit\n`;
        await runProgram('psftp', [...base, '-hostkey', key, '127.0.0.1'], { input });
        expect(readFileSync(join(folder.path, 'local')).equals(content)).toBe(true);
      } finally {
        folder.remove();
      }
    }));
});

describe("ssh2's own client", () => {
  async function connect(server: TestServer, more: Parameters<Client['connect']>[0] = {}): Promise<Client> {
    const client = new Client();
    const sock = socketOf(await SocketWire.dial('127.0.0.1', server.port, AbortSignal.timeout(5000)));
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject);
      client.connect({ sock, username: 'e', password, ...more });
    });
    return client;
  }

  test('a command over a wire as a socket', () =>
    withServer({}, async (server) => {
      const client = await connect(server);
      const out = await new Promise<string>((resolve, reject) => {
        client.exec('echo ssh2', (error, stream) => {
          if (error) return reject(error);
          let text = '';
          stream.on('data', (data: Buffer) => {
            text += data.toString();
          });
          stream.on('close', () => resolve(text));
        });
      });
      expect(out).toBe('ssh2\n');
      client.end();
      await server.closed();
    }));

  test('10 MB with pauses', () =>
    withServer({}, async (server) => {
      const client = await connect(server);
      const total = 10 * 1024 * 1024;
      const got = await new Promise<number>((resolve, reject) => {
        client.exec('cat', (error, stream) => {
          if (error) return reject(error);
          let bytes = 0;
          stream.on('data', (data: Buffer) => {
            bytes += data.length;
            stream.pause();
            setImmediate(() => stream.resume());
          });
          stream.on('close', () => resolve(bytes));
          stream.end(Buffer.alloc(total));
        });
      });
      expect(got).toBe(total);
      client.end();
    }));

  test.each(['ed25519', 'ecdsa', 'rsa'] as const)('a key: %s', (type) =>
    withServer(
      { authenticate: async ({ method }) => ({ kind: method.startsWith('publickey') ? 'accept' : 'reject' }) },
      async (server) => {
        const folder = workFolder();
        const privateKey = readFileSync(makeKey(folder, 'key', type).path);
        const client = await connect(server, { privateKey, password: undefined as never });
        expect(server.auths.at(-1)).toMatchObject({ method: 'publickey-proof' });
        client.end();
        folder.remove();
      },
    ),
  );
});
