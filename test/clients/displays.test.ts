/**
 * X11 and agents, with a real X server, a real X client on the target, a real agent, and `ssh` on the target that uses it:
 * refused where the resource does not allow them, working where it does, and each connection in the record.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeKey, type WorkFolder, workFolder } from '../../src/protocols/ssh/testing/testing.ts';
import { openSite, type Site, sshConfigAt } from './site.ts';

let site: Site;
let folder: WorkFolder;
const started: ChildProcess[] = [];

beforeAll(async () => {
  folder = workFolder();
  const onward = makeKey(folder, 'onward');
  writeFileSync(join(folder.path, 'target-authority'), '');
  site = await openSite({
    resources: [
      { name: 'open', spec: { forwards: ['x11', 'agent'] } },
      { name: 'shut', spec: {} },
      { name: 'ruled', spec: { forwards: ['x11', 'agent'] } },
    ],
    documents: [
      {
        kind: 'Guardrail',
        metadata: { name: 'no-lending' },
        spec: {
          match: { resources: { names: ['ruled'] }, commands: { connections: { kinds: ['agent', 'x11'] } } },
          verdict: 'block',
        },
      },
    ],
    // What sshd's own xauth writes stays with the test.
    sshdConfig: [`SetEnv XAUTHORITY=${join(folder.path, 'target-authority')}`],
    authorizedKeys: [onward.publicLine],
  });
}, 90_000);

afterAll(async () => {
  for (const child of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
  await site?.close();
  folder?.remove();
});

/** A server of the test's, which says on standard output that it is up. */
async function serve(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  started.push(child);
  let said = '';
  for await (const chunk of child.stdout) {
    said += String(chunk);
    if (said.includes('\n')) break;
  }
  return said;
}

const ssh = async (resource: string, args: readonly string[], command: string, env: Record<string, string>) =>
  site.run('ssh', ['-F', await sshConfigAt(site, resource), '-o', 'ForwardX11Timeout=60', ...args, resource, command], {
    env,
  });

describe('X11', { timeout: 90_000 }, () => {
  let env: Record<string, string>;

  beforeAll(async () => {
    const authority = join(folder.path, 'authority');
    const cookie = (display: string): void => {
      execFileSync('xauth', ['-f', authority, 'add', display, '.', randomBytes(16).toString('hex')], {
        stdio: 'ignore',
      });
    };
    cookie(':0');
    const fd = ['-displayfd', '1', '-auth', authority, '-nolisten', 'tcp', '-screen', '0', '320x200x24'];
    const number = (await serve('Xvfb', fd)).trim();
    // The server has read the cookie, under whatever number; the client wants it under the one that it got.
    const [, , hex = ''] = execFileSync('xauth', ['-f', authority, 'list'], { encoding: 'utf8' }).trim().split(/\s+/);
    execFileSync('xauth', ['-f', authority, 'add', `:${number}`, '.', hex], { stdio: 'ignore' });
    env = { DISPLAY: `:${number}`, XAUTHORITY: authority };
  }, 60_000);

  test.each(['-X', '-Y'])('A-SSH-10 ssh %s, allowed: an X client of the target shows on our display', async (flag) => {
    const { code, stdout, stderr } = await ssh('open', [flag], 'echo "display=$DISPLAY"; xdpyinfo', env);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/^display=localhost:\d+\.0\n/);
    expect(stdout.toString()).toMatch(/dimensions:\s+320x200 pixels/);
    const texts = await site.commands('open');
    // The request of the client, and the connection that the target opened for it.
    expect(texts.filter((text) => text === 'x11').length).toBeGreaterThanOrEqual(2);
  });

  test.each(['shut', 'ruled'])('A-SSH-10 at %s it is refused, and the target has no display', async (resource) => {
    const { stdout } = await ssh(resource, ['-Y'], 'echo "display=$DISPLAY"', env);
    expect(stdout.toString()).toBe('display=\n');
    if (resource === 'shut') await site.violation('ssh.forward-refused', 'x11');
  });
});

describe('an agent', { timeout: 90_000 }, () => {
  let env: Record<string, string>;

  beforeAll(async () => {
    const socket = join(folder.path, 'agent');
    await serve('ssh-agent', ['-D', '-a', socket]);
    env = { SSH_AUTH_SOCK: socket };
    execFileSync('ssh-add', ['-q', join(folder.path, 'onward')], { env: { ...process.env, ...env }, stdio: 'ignore' });
  }, 60_000);

  test('A-SSH-10 ssh -A, allowed: the target lists its key, and goes on from there with it', async () => {
    const onward = `ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes -p ${site.sshd.port} ${site.sshd.user}@127.0.0.1 echo from-there`;
    const { code, stdout, stderr } = await ssh('open', ['-A'], `ssh-add -l; ${onward}`, env);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout.toString()).toMatch(/ onward \(ED25519\)\nfrom-there\n$/);
    // The request, and one connection for each of the two programs.
    expect((await site.commands('open')).filter((text) => text === 'agent')).toHaveLength(3);
  });

  test.each(['shut', 'ruled'])('A-SSH-10 at %s it is refused, and the target has no agent', async (resource) => {
    const { code, stdout } = await ssh(resource, ['-A'], 'echo "agent=$SSH_AUTH_SOCK"; ssh-add -l', env);
    expect(stdout.toString()).toBe('agent=\n');
    expect(code).toBe(2);
    if (resource === 'shut') await site.violation('ssh.forward-refused', 'agent');
  });
});
