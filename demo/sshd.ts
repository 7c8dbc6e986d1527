/**
 * The demonstration's SSH resource: a real sshd of this machine, on a port of its own, as whoever runs the demonstration.
 * It trusts the gateway's authority and nobody else: no key and no password of anyone opens it.
 *
 * Where the machine has no sshd (Debian: openssh-server), there is none, and that is said.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export interface Sshd {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Public host keys, to be pinned. */
  readonly hostKeys: readonly string[];
  /** A folder with something to look at. */
  readonly folder: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const program = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/opt/homebrew/sbin/sshd'].find((path) => existsSync(path));
const readyDeadlineMs = 10_000;

/** Null where the machine has no sshd. */
export async function startSshd(directory: string, port: number, authority: string): Promise<Sshd | null> {
  if (program === undefined) return null;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = (name: string): string => join(directory, name);
  if (!existsSync(file('host_ed25519'))) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'web-1', '-f', file('host_ed25519')]);
  }
  await writeFile(file('authority.pub'), `${authority}\n`);
  const folder = file('files');
  await fillFolder(folder);
  await writeFile(file('sshd_config'), configOf(directory, port));
  await endLeftover(file('sshd.pid'), file('sshd_config'));
  // As root, sshd wants its empty directory.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true });
  const child = spawn(program, ['-D', '-e', '-f', file('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000);
  });
  await answering(child, port, () => said);
  return {
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    hostKeys: [(await readFile(file('host_ed25519.pub'), 'utf8')).trim()],
    folder,
    pid: child.pid ?? 0,
    stop: () => ended(child),
  };
}

function configOf(directory: string, port: number): string {
  const file = (name: string): string => `"${join(directory, name)}"`;
  return `${[
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host_ed25519')}`,
    `PidFile ${file('sshd.pid')}`,
    `TrustedUserCAKeys ${file('authority.pub')}`,
    'AuthorizedKeysFile none',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'AcceptEnv LANG LC_*',
    'Subsystem sftp internal-sftp',
    'LogLevel ERROR',
  ].join('\n')}\n`;
}

/** Something to look at, to transfer, and to be kept from. */
async function fillFolder(folder: string): Promise<void> {
  await mkdir(join(folder, 'config'), { recursive: true });
  await mkdir(join(folder, 'releases'), { recursive: true });
  const write = (name: string, lines: readonly string[]): Promise<void> =>
    writeFile(join(folder, name), `${lines.join('\n')}\n`);
  await write('README.txt', [
    'web-1: the demonstration’s web server',
    '',
    'config/    settings and keys',
    'releases/  what was rolled out',
  ]);
  await write('config/app.yaml', ['name: shop', 'workers: 4', 'database: orders.internal:5432']);
  // The documentation's own example key of the provider: it opens nothing.
  await write('config/credentials.env', [
    'AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE',
    'AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  ]);
  if (!existsSync(join(folder, 'config/deploy_key'))) {
    const made = ['-q', '-t', 'ed25519', '-N', '', '-C', 'deploy@web-1', '-f', join(folder, 'config/deploy_key')];
    execFileSync('ssh-keygen', made);
  }
  await write('releases/2026-11-01.txt', ['shop 4.2.0', 'shop-worker 4.2.0']);
}

/** A demonstration that was killed leaves its server behind, which holds the port. Only that very one is ended. */
async function endLeftover(pidPath: string, configPath: string): Promise<void> {
  const pid = Number(await readFile(pidPath, 'utf8').catch(() => ''));
  if (!Number.isInteger(pid) || pid <= 1) return;
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (!line.includes(configPath)) return;
  process.kill(pid, 'SIGTERM');
  for (let look = 0; look < 50 && existsSync(`/proc/${pid}`); look++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function answering(child: ChildProcess, port: number, said: () => string): Promise<void> {
  const until = performance.now() + readyDeadlineMs;
  while (performance.now() < until && child.exitCode === null) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('data', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await ended(child);
  throw new Error(`sshd did not start: ${said().trim().split('\n').at(-1) ?? ''}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}
