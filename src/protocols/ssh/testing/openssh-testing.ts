/**
 * Which OpenSSH programs the tests run: the machine's own, and those of a newer system in a folder of its own where
 * `tools/openssh10.sh` has made one. Programs of the latter run in that folder as their root (needs root), so that their
 * files have to lie in it: `workFolder` makes one at the right place and says how each side names it.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface OpenSsh {
  /** `OpenSSH_9.2p1 Debian-2+deb12u10`. */
  readonly version: string;
  /** Null: the machine's own. */
  readonly root: string | null;
}

const sidRoot = process.env['SALLYPORT_OPENSSH10'] ?? resolve(import.meta.dirname, '../../../../.cache/openssh10');

/** The machine's OpenSSH. Throws where there is none. */
export const machineSsh: OpenSsh = { version: versionOf(null), root: null };

/** OpenSSH 10 or later, or null where `tools/openssh10.sh` was not run or the tests do not run as root. */
export const currentSsh: OpenSsh | null =
  existsSync(join(sidRoot, '.complete')) && process.getuid?.() === 0
    ? { version: versionOf(sidRoot), root: sidRoot }
    : null;

/** All that are there, for `describe.each`. */
export const everySsh: readonly OpenSsh[] = currentSsh === null ? [machineSsh] : [machineSsh, currentSsh];

function versionOf(root: string | null): string {
  const command = root === null ? ['ssh', '-V'] : ['chroot', root, '/usr/bin/ssh', '-V'];
  // OpenSSH prints its version to stderr.
  const out = execFileSync('/bin/sh', ['-c', `${command.join(' ')} 2>&1`], { encoding: 'utf8' });
  return out.split(',')[0]!.trim();
}

export interface WorkFolder {
  /** As this process names it. */
  readonly path: string;
  /** As the program names a file in it. */
  inside(name: string): string;
  remove(): void;
}

export function workFolder(openssh: OpenSsh = machineSsh): WorkFolder {
  const parent = openssh.root === null ? tmpdir() : join(openssh.root, 'tmp');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'sallyport-ssh-'));
  const shown = openssh.root === null ? path : path.slice(openssh.root.length);
  return { path, inside: (name) => join(shown, name), remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a program of that OpenSSH, found on the usual path of its system. */
export function spawnOf(openssh: OpenSsh, program: string, args: readonly string[], env = process.env): ChildProcess {
  const path = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
  const [file, ...rest] = openssh.root === null ? [program, ...args] : ['chroot', openssh.root, program, ...args];
  return spawn(file!, rest, { env: { ...env, ...path }, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Makes a key with that OpenSSH's ssh-keygen; gives the private key's path and the public line. */
export function makeKey(
  folder: WorkFolder,
  name: string,
  type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519',
  passphrase = '',
): { readonly path: string; readonly inside: string; readonly publicLine: string } {
  const path = join(folder.path, name);
  const bits = type === 'rsa' ? ['-b', '2048'] : [];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...bits, '-N', passphrase, '-C', name, '-f', path]);
  const publicLine = execFileSync('cat', [`${path}.pub`], { encoding: 'utf8' }).trim();
  return { path, inside: folder.inside(name), publicLine };
}
