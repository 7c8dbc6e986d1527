/** A real sshd of its own, and one connection to it, for running real shells behind a real PTY. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ssh2';

export interface TestServer {
  readonly directory: string;
  connect(): Promise<Client>;
  stop(): Promise<void>;
}

/** Null where this machine has no sshd, or may not run it. */
export async function startServer(): Promise<TestServer | null> {
  if (!existsSync('/usr/sbin/sshd')) return null;
  const directory = await mkdtemp(join(tmpdir(), 'terminal-'));
  const file = (name: string): string => join(directory, name);
  for (const name of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  }
  const port = await freePort();
  await writeFile(
    file('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('user.pub')}`,
      `PidFile ${file('pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'MaxSessions 400',
      'LogLevel QUIET',
      '',
    ].join('\n'),
  );
  // Where sshd separates privileges; it wants the directory to exist.
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true });
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config')], { stdio: 'ignore' });
  const privateKey = await readFile(file('user'));
  const connect = async (): Promise<Client> => {
    const client = new Client();
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve).once('error', reject);
      client.connect({ host: '127.0.0.1', port, username: userInfo().username, privateKey });
    });
    client.on('error', () => {});
    return client;
  };
  for (let tries = 0; ; tries++) {
    try {
      (await connect()).end();
      break;
    } catch (error) {
      if (tries > 40) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    directory,
    connect,
    stop: async () => {
      sshd.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
