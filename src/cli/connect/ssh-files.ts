/**
 * The files that stock OpenSSH needs: a key, a certificate for it, the gateway's host keys, and a configuration.
 *
 * Invariants:
 * - Private keys are made by ssh-keygen in a folder that only their owner can enter, and are never printed.
 * - The gateway's host keys come through the API, whose certificate was checked; ssh is always told to check them.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Api } from '../api.ts';
import { cliError, codeOf, reasonOf, usage } from '../errors.ts';
import { writeWhole } from '../files.ts';
import { publicKeyBytesMax } from '../limits.ts';
import type { Target } from './client.ts';
import { configWord } from './quote.ts';

/** The name under which known_hosts has the gateway: its address may change, and one key serves all its resources. */
const hostKeyAlias = 'sallyport';

export interface SshFiles {
  readonly directory: string;
  readonly key: string;
  readonly certificate: string;
  readonly knownHosts: string;
  readonly expiresAt: string;
}

/** A folder for one connection, on a file system in memory where there is one for the person. Its owner removes it. */
export async function makeThrowAway(env: Readonly<Record<string, string | undefined>>): Promise<string> {
  for (const base of [env['XDG_RUNTIME_DIR'], tmpdir()]) {
    if (base === undefined || base === '') continue;
    const made = await mkdtemp(join(base, 'sallyport-connect-')).catch(() => null);
    // mkdtemp makes it for its owner alone.
    if (made !== null) return made;
  }
  throw usage('No folder for a key can be made.', 'Make room in the folder for temporary files.');
}

/** Key, certificate and known hosts in a folder; a key that is there is used again. */
export async function prepareSshFiles(api: Api, directory: string): Promise<SshFiles> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  } catch (error) {
    throw cliError('cli.cannot-write', { path: directory, why: reasonOf(error) }, error);
  }
  const key = join(directory, 'key');
  const hasKey = await stat(key).then(
    () => true,
    () => false,
  );
  if (!hasKey) await generateKey(key);
  const { certificatePath, expiresAt } = await certify(api, `${key}.pub`);
  const { hostKeys } = await api.client.call('sshKeys');
  const knownHosts = join(directory, 'known_hosts');
  await writeText(knownHosts, knownHostsLines(hostKeys));
  return { directory, key, certificate: certificatePath, knownHosts, expiresAt };
}

/** Has a public key certified and writes the certificate where ssh looks for it. */
export async function certify(
  api: Api,
  publicKeyPath: string,
): Promise<{ readonly certificatePath: string; readonly expiresAt: string }> {
  const publicKey = await readPublicKey(publicKeyPath);
  const { certificate, expiresAt } = await api.client.call('signSshKey', { body: { publicKey } });
  const certificatePath = publicKeyPath.replace(/\.pub$/, '-cert.pub');
  await writeText(certificatePath, `${oneLine(certificate)}\n`);
  return { certificatePath, expiresAt };
}

/** A configuration of ssh for one resource. The person's own follows, so that everything else stays as they have it. */
export function sshConfig(target: Target, files: SshFiles, includes: readonly string[]): string {
  const word = configWord;
  const lines = [
    `Host ${target.resource}`,
    `  HostName ${word(target.host)}`,
    `  Port ${target.port}`,
    `  User ${word(target.login)}`,
    `  IdentityFile ${word(files.key)}`,
    `  CertificateFile ${word(files.certificate)}`,
    '  IdentitiesOnly yes',
    // The second is for a step-up, which follows the key.
    '  PreferredAuthentications publickey,keyboard-interactive',
    `  HostKeyAlias ${hostKeyAlias}`,
    `  UserKnownHostsFile ${word(files.knownHosts)}`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    ...(includes.length === 0 ? [] : ['Match all', ...includes.map((path) => `  Include ${word(path)}`)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** Writes a text file for its owner alone. */
export async function writeText(path: string, text: string): Promise<void> {
  await writeWhole(path, [Buffer.from(text)]);
}

function knownHostsLines(hostKeys: readonly string[]): string {
  return hostKeys.map((key) => `${hostKeyAlias} ${oneLine(key)}\n`).join('');
}

/** What comes through the API goes into files that ssh reads line by line. */
function oneLine(text: string): string {
  if (/^[\x20-\x7e]+$/.test(text.trim())) return text.trim();
  throw cliError('cli.unexpected-answer', { server: 'the gateway' });
}

async function readPublicKey(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > publicKeyBytesMax) {
      throw cliError('cli.too-large', { what: path, bytes: publicKeyBytesMax });
    }
    const text = (await readFile(path, 'utf8')).trim();
    // A private key named by mistake must not leave this machine.
    if (/^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( [^\r\n]*)?$/.test(text)) return text;
    throw usage(`${path} is no public key of OpenSSH.`, 'Name the .pub file that belongs to your key.');
  } catch (error) {
    if (codeOf(error)?.startsWith('cli.') === true) throw error;
    throw cliError('cli.no-file', { path, why: reasonOf(error) }, error);
  }
}

async function generateKey(path: string): Promise<void> {
  const args = ['-q', '-t', 'ed25519', '-N', '', '-C', 'sallyport', '-f', path];
  const child = spawn('ssh-keygen', args, { stdio: ['ignore', 'ignore', 'ignore'] });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', resolve);
    });
    if (code !== 0) throw usage('ssh-keygen could not make a key.', `Check that ${path} can be written.`);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') {
      throw cliError('cli.no-client', { program: 'ssh-keygen', resource: 'NAME' }, error);
    }
    throw error;
  }
}

/** Removes a folder of one connection. */
export async function removeThrowAway(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}
