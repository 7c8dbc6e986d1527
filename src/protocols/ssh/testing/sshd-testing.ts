/**
 * A real sshd for tests: own configuration, own host keys, a free port, stopped by its process id.
 *
 *   const sshd = await startSshd({ authorizedKeys: [publicLine] });
 *   … connect to 127.0.0.1:sshd.port as sshd.user; sshd.hostKeys are lines as in a .pub file …
 *   await sshd.stop();
 *
 * Options: `openssh` (the machine's by default; `currentSsh` for 10.x), `authorizedKeys`, `userCa` (public line that
 * TrustedUserCAKeys gets), `account` (from `makeAccount`, for passwords; root by default), `config` (further lines, which
 * come first and so win), `hostKeyTypes`. `sshd.log()` gives what it said so far; `sshd.folder` is removed by `stop`.
 * Passwords are checked against the machine's accounts (UsePAM no), so a test makes an account and removes it.
 */
import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { machineSsh, makeKey, type OpenSsh, spawnOf, type WorkFolder, workFolder } from './openssh-testing.ts';

export interface SshdOptions {
  readonly openssh?: OpenSsh;
  readonly authorizedKeys?: readonly string[];
  readonly userCa?: string;
  readonly account?: Account;
  readonly config?: readonly string[];
  readonly hostKeyTypes?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
}

export interface Sshd {
  readonly port: number;
  /** Public lines, in the order of `hostKeyTypes`. */
  readonly hostKeys: readonly string[];
  /** Who may log in. */
  readonly user: string;
  readonly folder: WorkFolder;
  readonly openssh: OpenSsh;
  log(): string;
  stop(): Promise<void>;
}

export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const openssh = options.openssh ?? machineSsh;
  const folder = workFolder(openssh);
  const keys = (options.hostKeyTypes ?? ['ed25519', 'ecdsa', 'rsa']).map((type) =>
    makeKey(folder, `host-${type}`, type),
  );
  writeFileSync(join(folder.path, 'authorized'), `${(options.authorizedKeys ?? []).join('\n')}\n`);
  if (options.userCa !== undefined) writeFileSync(join(folder.path, 'ca.pub'), `${options.userCa}\n`);
  mkdirSync(join(openssh.root ?? '/', 'run/sshd'), { recursive: true });
  // A port may be taken between the look and the start: then the next one is tried.
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const config = [
      ...(options.config ?? []),
      // Tests fail logins on purpose. OpenSSH knows this setting since 9.8.
      ...(openssh.root === null ? [] : ['PerSourcePenalties no']),
      ...baseConfig(
        folder,
        port,
        keys.map(({ inside }) => inside),
      ),
      ...(options.userCa === undefined ? [] : [`TrustedUserCAKeys ${folder.inside('ca.pub')}`]),
    ];
    writeFileSync(join(folder.path, 'config'), `${config.join('\n')}\n`);
    const child = spawnOf(openssh, '/usr/sbin/sshd', ['-D', '-e', '-f', folder.inside('config')]);
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
    if (await isUp(child, port)) {
      return {
        port,
        hostKeys: keys.map(({ publicLine }) => publicLine),
        user: options.account?.name ?? userInfo().username,
        folder,
        openssh,
        log: () => said,
        stop: async () => {
          await ended(child);
          folder.remove();
        },
      };
    }
    await ended(child);
    if (attempt === 5) {
      folder.remove();
      throw new Error(`sshd does not start: ${said}`);
    }
  }
}

function baseConfig(folder: WorkFolder, port: number, hostKeys: readonly string[]): string[] {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...hostKeys.map((path) => `HostKey ${path}`),
    `PidFile ${folder.inside('pid')}`,
    `AuthorizedKeysFile ${folder.inside('authorized')}`,
    'PermitRootLogin yes',
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'MaxStartups 100',
    'MaxSessions 100',
    'PermitUserEnvironment no',
    'AcceptEnv LANG LC_* TERM',
    'X11Forwarding yes',
    'AllowStreamLocalForwarding yes',
    'StreamLocalBindUnlink yes',
    'Subsystem sftp internal-sftp',
    'LogLevel VERBOSE',
  ];
}

/** A port of the range below the ephemeral ones that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + (randomBytes(2).readUInt16BE() % 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return port;
  }
}

async function isUp(child: ChildProcess, port: number): Promise<boolean> {
  for (let attempt = 0; attempt < 200 && child.exitCode === null; attempt++) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.once('data', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (answered) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}

export interface Account {
  readonly name: string;
  readonly password: string;
  remove(): void;
}

/**
 * Makes an account with a password on the machine, for tests of password logins. Needs root. It is removed also while a
 * program of it is just ending.
 */
export function makeAccount(): Account {
  const name = `sp-${randomBytes(4).toString('hex')}`;
  const password = randomBytes(12).toString('base64url');
  execFileSync('/usr/sbin/useradd', ['--no-create-home', '--home-dir', '/tmp', '--shell', '/bin/sh', name]);
  execFileSync('/usr/sbin/chpasswd', { input: `${name}:${password}\n` });
  return { name, password, remove: () => void execFileSync('/usr/sbin/userdel', ['--force', name]) };
}

/** The text of a file in the server's folder. */
export function readIn(folder: WorkFolder, name: string): string {
  return readFileSync(join(folder.path, name), 'utf8');
}
