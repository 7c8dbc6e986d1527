/**
 * Ansible with the configuration that docs/learn/ssh.md tells people to make: `sallyport connect web-1 --config`, and nothing
 * else. With and without pipelining, since those are two conversations: modules as files by SFTP, or on standard input.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { program } from '../faults/support/gateway.ts';
import { openSite, python, type Site } from './site.ts';

let site: Site;
let sshConfig: string;

beforeAll(async () => {
  site = await openSite({
    resources: [{ name: 'web-1', spec: {} }],
    documents: [
      {
        kind: 'Guardrail',
        metadata: { name: 'services-by-nobody' },
        spec: {
          match: { commands: { text: ['never-restart-this'] } },
          verdict: 'block',
          message: 'Nobody restarts that.',
        },
      },
    ],
  });
  const made = await site.run(process.execPath, [program, 'connect', 'web-1', '--config'], {
    env: {
      SALLYPORT_SERVER: site.reach.consoleUrl,
      SALLYPORT_CA: site.reach.caPath,
      SALLYPORT_TOKEN: site.token,
      HOME: site.folder,
      XDG_CONFIG_HOME: join(site.folder, '.config'),
    },
  });
  expect(made.stderr).toContain('connect web-1 --config');
  expect(made.code).toBe(0);
  sshConfig = join(site.folder, 'ssh_config');
  writeFileSync(sshConfig, made.stdout);
}, 90_000);

afterAll(() => site?.close());

/** Runs tasks at web-1, and gives what each of them came to. */
async function play(name: string, pipelining: boolean, tasks: readonly Readonly<Record<string, unknown>>[]) {
  const folder = join(site.folder, name);
  mkdirSync(folder);
  const results = join(folder, 'results.json');
  const names = tasks.map((_, n) => `result_${n}`);
  const tell = {
    name: 'tell the test',
    copy: { content: `{{ [${names.join(', ')}] | to_json }}`, dest: results },
    delegate_to: 'localhost',
  };
  const told = [...tasks.map((task, n) => ({ ...task, register: names[n] })), tell];
  writeFileSync(join(folder, 'hosts'), `[web]\nweb-1 ansible_python_interpreter=${python}\n`);
  writeFileSync(join(folder, 'ansible.cfg'), '[defaults]\n');
  writeFileSync(join(folder, 'play.yml'), stringify([{ hosts: 'web', gather_facts: false, tasks: told }]));
  const { code, stdout, stderr } = await site.run('ansible-playbook', ['-i', 'hosts', 'play.yml'], {
    cwd: folder,
    env: {
      HOME: folder,
      ANSIBLE_HOME: join(folder, '.ansible'),
      ANSIBLE_CONFIG: join(folder, 'ansible.cfg'),
      ANSIBLE_REMOTE_TEMP: join(folder, 'there'),
      // Where people have it in ~/.ssh/config this is not needed. No connection is left behind.
      ANSIBLE_SSH_ARGS: `-F ${sshConfig} -C -o ControlMaster=auto -o ControlPersist=2s`,
      ANSIBLE_SSH_CONTROL_PATH: join(folder, 'cm'),
      ANSIBLE_PIPELINING: pipelining ? 'True' : 'False',
    },
  });
  if (code !== 0) throw new Error(`${stdout.toString()}\n${stderr}`);
  return JSON.parse(readFileSync(results, 'utf8')) as unknown;
}

describe.each([
  ['without pipelining', false],
  ['with pipelining', true],
] as const)('Ansible %s', { timeout: 120_000 }, (how, pipelining) => {
  test('pings, runs a command and copies a file; what a rule blocks is a task that failed, and why is told', async () => {
    const content = `copied ${how}\n`;
    const dest = join(site.folder, how);
    const results = await play(pipelining ? 'piped' : 'files', pipelining, [
      { name: 'ping', ping: {} },
      { name: 'command', command: 'uname -s' },
      { name: 'copy', copy: { content, dest, mode: '0640' } },
      { name: 'raw', raw: 'echo never-restart-this', ignore_errors: true },
      { name: 'raw again', raw: 'echo go on' },
    ]);
    expect(results).toMatchObject([
      { ping: 'pong' },
      { stdout: 'Linux', rc: 0 },
      { changed: true, mode: '0640', size: content.length },
      { failed: true, rc: 126, stderr: expect.stringContaining('services-by-nobody') as string },
      { stdout_lines: ['go on'], rc: 0 },
    ]);
    expect(readFileSync(dest, 'utf8')).toBe(content);
    expect((await site.commands('web-1')).some((text) => text.includes(python))).toBe(true);
  });
});
