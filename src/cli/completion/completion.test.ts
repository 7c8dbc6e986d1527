import { execFileSync, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeGateway, goodToken, sessionId, startFakeGateway } from '../testing/fake-gateway.ts';
import { reviewId } from '../testing/fake-reviews.ts';
import { World } from '../testing/world.ts';
import { shells } from './scripts.ts';

let gateway: FakeGateway;
let world: World;

beforeAll(async () => {
  gateway = await startFakeGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const has = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined;

async function complete(...words: string[]): Promise<string[]> {
  const env = { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken };
  const ran = await world.run(['__complete', '--', ...words], { env });
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  return ran.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0]!);
}

describe('candidates', () => {
  it.each([
    [[''], ['login', 'connect', 'sessions', 'verify', 'help']],
    [['se'], ['sessions', 'secret']],
    [
      ['sessions', ''],
      ['ls', 'show', 'replay', 'tail', 'kill', 'export'],
    ],
    [
      ['sessions', 'ls', '--li'],
      ['--live', '--limit'],
    ],
    [
      ['sessions', 'export', '--format', ''],
      ['ndjson', 'csv', 'text'],
    ],
    [['sessions', 'export', '--format', '=', 'c'], ['csv']],
    [['sessions', 'replay', 'ses_01k9a'], [sessionId]],
    [['connect', ''], ['orders']],
    [['-o', 'json', 'connect', 'or'], ['orders']],
    [['get', 'R'], ['Resource']],
    [['get', 'Resource', ''], ['orders']],
    [['explain', ''], ['orders']],
    [['reviews', 'approve', ''], [reviewId]],
    [
      ['reviews', ''],
      ['ls', 'show', 'watch', 'approve', 'deny', 'withdraw', 'break-glass'],
    ],
    [['grants', 'revoke', ''], ['grt_1']],
    [['request', ''], ['orders']],
    [
      ['policy', ''],
      ['test', 'replay'],
    ],
    [
      ['detection', ''],
      ['ls', 'show', 'fields', 'test', 'replay'],
    ],
    [['get', 'M'], ['Mask']],
    [
      ['get', 'Guardrail', ''],
      ['no-destructive-sql', 'bulk'],
    ],
    [['explain', '--resource', ''], ['orders']],
    [['secret', 'rm', ''], ['orders-password']],
    [['token', 'revoke', 'tok_1', ''], ['tok_1']],
    [['help', 'exit'], ['exit-codes']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['verify', '--data', ''], [':directory']],
    [['apply', '-f', ''], [':file']],
    [['connect', 'orders', '--', ''], [':file']],
    [['get', 'Nothing', ''], []],
    [['nonsense', ''], []],
  ])('%j', async (words, expected) => {
    const found = await complete(...words);
    expect(found).toEqual(expected.length === 0 ? [] : expect.arrayContaining(expected));
    if (words.at(-1) !== '')
      expect(found.every((word) => word.startsWith(':') || word.startsWith(words.at(-1)!))).toBe(true);
  });

  it('never offers what is hidden, and is silent when the gateway is not there', async () => {
    expect(await complete('')).not.toContain('__complete');
    const ran = await world.run(['__complete', '--', 'connect', ''], {
      env: { SALLYPORT_SERVER: 'http://127.0.0.1:9', SALLYPORT_TOKEN: 'x' },
    });
    expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('scripts', () => {
  it.each(shells)('%s is accepted by its shell', async (shell) => {
    const { stdout } = await world.run(['completion', shell]);
    expect(stdout).toContain('__complete');
    if (!has(shell)) return;
    const path = join(world.directory, 'script');
    await writeFile(path, stdout);
    execFileSync(shell, ['-n', path]);
  });

  it.runIf(has('bash'))(
    'bash really completes',
    async () => {
      const program = join(import.meta.dirname, '../../../bin/sallyport.js');
      const path = join(world.directory, 'script');
      await writeFile(path, (await world.run(['completion', 'bash'])).stdout);
      await writeFile(join(world.directory, 'a file.yaml'), '');
      const tab = (...words: string[]): string[] => {
        const list = ['sallyport', ...words].map((word) => `'${word}'`).join(' ');
        const script = `sallyport() { '${process.execPath}' '${program}' "$@"; }; source '${path}'; cd '${world.directory}'
        COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _sallyport; printf '%s\\n' "\${COMPREPLY[@]}"`;
        return execFileSync('bash', ['--norc', '-c', script], {
          encoding: 'utf8',
          env: { PATH: process.env['PATH'], XDG_CONFIG_HOME: world.directory },
        })
          .split('\n')
          .filter((line) => line !== '');
      };
      expect(tab('sess')).toEqual(['sessions']);
      expect(tab('sessions', 'rep')).toEqual(['replay']);
      expect(tab('sessions', 'export', '--format', '')).toEqual(['ndjson', 'csv', 'text', 'asciicast']);
      expect(tab('apply', '-f', 'a')).toEqual(['a file.yaml']);
    },
    30_000,
  );
});
