/** Settings: strict, what is wrong names its field and never a secret, and what is left out has a default. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConfigSources, readConfig } from './config.ts';
import { chatAccountsMax } from './limits.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sallyport-config-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const environment = { SLACK_SIGNING: 'S3NTINEL' };

async function read(text: string, variables: ConfigSources['environment'] = environment) {
  const file = join(directory, 'settings.yaml');
  await writeFile(file, text);
  return readConfig({ file, dataDirectory: directory, environment: variables });
}

async function problemOf(text: string, variables?: ConfigSources['environment']): Promise<string> {
  const error: unknown = await read(text, variables).then(
    () => 'none',
    (thrown: unknown) => thrown,
  );
  const { code, publicMessage } = error as { code?: string; publicMessage?: string };
  expect(code).toBe('gateway.configuration');
  expect(publicMessage).not.toContain('S3NTINEL');
  return publicMessage ?? '';
}

const slack = (accounts: string, rest = ''): string =>
  `chat: { slack: { signingSecret: { env: SLACK_SIGNING }, accounts: ${accounts}${rest} } }`;

describe('decisions from Slack', () => {
  test('are not taken unless configured', async () => {
    expect((await read('')).chat).toBeNull();
  });

  test('name where the secret is, and whom each account stands for', async () => {
    const { chat } = await read(slack('{ T0123/U0456: dana, E1/W2: dave }'));
    expect(chat?.slack.secretVariable).toBe('SLACK_SIGNING');
    expect([...(chat?.slack.accounts ?? [])]).toEqual([
      ['T0123/U0456', 'dana'],
      ['E1/W2', 'dave'],
    ]);
  });

  test.each([
    ['chat: {}', 'chat.slack: '],
    ['chat: { teams: {} }', 'chat'],
    ['chat: { slack: { accounts: { T1/U1: dana } } }', 'chat.slack.signingSecret: '],
    [
      'chat: { slack: { signingSecret: S3NTINEL, accounts: { T1/U1: dana } } }',
      'chat.slack.signingSecret: Invalid input: expected object',
    ],
    [slack('{}'), 'chat.slack.accounts: must map at least one account'],
    [slack('{ U0456: dana }'), 'chat.slack.accounts.U0456: must be TEAM/USER, as in T0123/U0456'],
    [slack('{ T1/U1: "local:dana" }'), 'chat.slack.accounts.T1/U1: must be the name of a principal'],
    [slack('{ T1/U1: dana }', ', teams: x'), 'chat.slack: Unrecognized key: "teams"'],
  ])('%s is refused', async (text, problem) => {
    expect(await problemOf(text)).toContain(problem);
  });

  test.each([{}, { SLACK_SIGNING: '' }])('a secret that is not there is refused: %j', async (variables) => {
    expect(await problemOf(slack('{ T1/U1: dana }'), variables)).toContain(
      'chat.slack.signingSecret names the variable SLACK_SIGNING, which is not set',
    );
  });

  test('so many accounts, and not one more', async () => {
    const accounts = (count: number): string =>
      slack(`{ ${Array.from({ length: count }, (_, at) => `T1/U${at}: dana`).join(', ')} }`);
    expect((await read(accounts(chatAccountsMax))).chat?.slack.accounts.size).toBe(chatAccountsMax);
    expect(await problemOf(accounts(chatAccountsMax + 1))).toContain('chat.slack.accounts: must map at most');
  });
});

describe('listeners', () => {
  test('there is one for each protocol that is spoken, each at its port', async () => {
    const { listeners } = await read('names: [gw.example.com, 10.0.0.1]', { SALLYPORT_PORT_BASE: '20000' });
    expect(listeners.map(({ protocol, port }) => [protocol, port])).toEqual([
      ['postgres', 20_001],
      ['ssh', 20_002],
      ['http', 20_003],
      ['kubernetes', 20_004],
    ]);
    const origins = ['gw.example.com', 'localhost'];
    expect(listeners.map(({ domains }) => domains)).toEqual([[], [], origins, origins]);
  });

  test('where some are named, there are these', async () => {
    const { listeners } = await read('listeners: { http: { port: 8443 } }');
    expect(listeners).toEqual([
      { protocol: 'http', host: '127.0.0.1', port: 8443, tlsRequired: true, domains: ['localhost'] },
    ]);
  });
});
