/**
 * Clients that speak SFTP only inside SSH (PuTTY's psftp and pscp, rsync-like scripts with `sftp` over ssh), through a real
 * sshd whose sftp subsystem is the gate.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const shim = new URL('./fixtures/shim.ts', import.meta.url).pathname;
const top = mkdtempSync(join(tmpdir(), 'sallyport-sshd-'));
const server = join(top, 'server');
const client = join(top, 'client');
const log = join(top, 'log.json');
const user = userInfo().username;
let hostKey = '';

beforeAll(() => {
  mkdirSync(server);
  mkdirSync(client);
  mkdirSync('/run/sshd', { recursive: true });
  const keygen = (name: string) => execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(top, name)]);
  keygen('host');
  keygen('user');
  execFileSync('puttygen', [join(top, 'user'), '-o', join(top, 'user.ppk')]);
  hostKey = execFileSync('ssh-keygen', ['-lf', join(top, 'host.pub')])
    .toString()
    .split(' ')[1]!;
  const config = `HostKey ${top}/host
AuthorizedKeysFile ${top}/user.pub
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
UsePAM no
LogLevel QUIET
Subsystem sftp ${top}/shim
`;
  writeFileSync(join(top, 'sshd_config'), config);
});

afterAll(() => rmSync(top, { recursive: true, force: true }));

function withRules(rules: object): void {
  const env = `SHIM_LOG='${log}' SHIM_RULES='${JSON.stringify(rules)}'`;
  writeFileSync(join(top, 'shim'), `#!/bin/sh\ncd ${server}\nexec env ${env} ${process.execPath} ${shim}\n`, {
    mode: 0o755,
  });
}

function run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: client, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

const proxy = `/usr/sbin/sshd -i -f ${top}/sshd_config`;

function psftp(commands: readonly string[]): Promise<{ code: number | null; output: string }> {
  writeFileSync(join(top, 'batch'), `${commands.join('\n')}\nquit\n`);
  const options = ['-batch', '-hostkey', hostKey, '-i', join(top, 'user.ppk'), '-proxycmd', proxy];
  return run('psftp', [...options, '-b', join(top, 'batch'), `${user}@host`]);
}

describe.skipIf(!existsSync('/usr/sbin/sshd') || process.getuid?.() !== 0)('inside SSH', () => {
  it('psftp gets, puts, resumes and lists byte by byte', async () => {
    withRules({});
    writeFileSync(join(server, 'big'), randomBytes(5_000_000));
    const first = await psftp([
      'get big got',
      'put got back',
      'mkdir d',
      'mv back d/back',
      'ls d',
      'chmod 600 d/back',
      'del d/back',
      'rmdir d',
    ]);
    expect(first.code, first.output).toBe(0);
    expect(readFileSync(join(client, 'got')).equals(readFileSync(join(server, 'big')))).toBe(true);
    expect(first.output).toContain('back');
    writeFileSync(join(client, 'got'), readFileSync(join(server, 'big')).subarray(0, 1_000_000));
    const again = await psftp(['reget big got']);
    expect(again.code, again.output).toBe(0);
    expect(readFileSync(join(client, 'got')).equals(readFileSync(join(server, 'big')))).toBe(true);
    const written = JSON.parse(readFileSync(log, 'utf8')) as { history: string[]; violations: string[] };
    expect(written.history).toContain(`download ${server}/big (5000000 bytes): completed`);
    expect(written.violations).toEqual([]);
  });

  it('psftp is held to the rules, and shows why', async () => {
    writeFileSync(join(server, 'a.pem'), 'key');
    withRules({ block: ['*.pem'] });
    const { output } = await psftp(['get a.pem stolen']);
    expect(existsSync(join(client, 'stolen'))).toBe(false);
    expect(output).toMatch(/permission denied|Not here/i);
  });

  it('pscp copies both ways', async () => {
    withRules({});
    writeFileSync(join(client, 'up'), randomBytes(300_000));
    const options = ['-sftp', '-batch', '-hostkey', hostKey, '-i', join(top, 'user.ppk'), '-proxycmd', proxy];
    const put = await run('pscp', [...options, 'up', `${user}@host:up`]);
    expect(put.code, put.output).toBe(0);
    const get = await run('pscp', [...options, `${user}@host:up`, 'down']);
    expect(get.code, get.output).toBe(0);
    expect(readFileSync(join(client, 'down')).equals(readFileSync(join(client, 'up')))).toBe(true);
  });
});
