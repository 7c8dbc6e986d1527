/**
 * The step-up with a whole gateway: an Access that asks for it, stock ssh and psql waiting, the person confirming through
 * the API and the command line, and what ends a session that rests on a confirmation.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Event } from '../../src/core/event.ts';
import { type Gateway, readConfig, startGateway } from '../../src/gateway/index.ts';
import {
  makeKey,
  type Sshd,
  type SshRun,
  type Started,
  startSsh,
  startSshd,
  type WorkFolder,
  workFolder,
} from '../../src/protocols/ssh/testing/testing.ts';
import { generateKeyText, privateKeyFromText, publicKeyToText } from '../../src/protocols/ssh/transport/index.ts';
import { readEvents as readJournal } from '../../src/recording/index.ts';
import { setUp } from '../env/setup.ts';

const password = 'a long enough password';

let folder: string;
let keys: WorkFolder;
let key: ReturnType<typeof makeKey>;
let sshd: Sshd;
let gateway: Gateway;
let admin: Client;
let ca: string;
let port: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-step-up-'));
  keys = workFolder();
  key = makeKey(keys, 'erin');
  const own = generateKeyText('ed25519');
  sshd = await startSshd({ authorizedKeys: [publicKeyToText(privateKeyFromText(own).publicKey)] });
  const file = join(folder, 'gateway.yaml');
  const dataDirectory = join(folder, 'data');
  const settings = {
    data: dataDirectory,
    console: { host: '127.0.0.1', port: 0 },
    listeners: { ssh: { host: '127.0.0.1', port: 0 } },
    drainSeconds: 0,
    log: { level: 'error', format: 'text' },
  };
  await writeFile(file, stringify(settings));
  gateway = await startGateway({ config: await readConfig({ file, environment: {} }), log: silentLog });
  const { consoleUrl, caPath } = gateway;
  ca = await readFile(caPath, 'utf8');
  const tokens = await setUp({ consoleUrl, caPath, dataDirectory }, [], [{ name: 'outsider' }]);
  admin = createClient({ baseUrl: consoleUrl, ca, token: tokens.get('admin')! });
  await apply(
    { kind: 'Principal', metadata: { name: 'erin' }, spec: { kind: 'person', sshKeys: [key.publicLine], password } },
    {
      kind: 'Resource',
      metadata: { name: 'web-1' },
      spec: {
        protocol: 'ssh',
        address: `127.0.0.1:${sshd.port}`,
        credential: { username: sshd.user, privateKey: { value: own } },
        host_keys: [...sshd.hostKeys],
      },
    },
    access('sensitive', { stepUp: true }),
  );
  port = gateway.listeners.find(({ protocol }) => protocol === 'ssh')!.port;
}, 60_000);

afterAll(async () => {
  await gateway?.stop('test', 0);
  await sshd?.stop();
  keys?.remove();
  await rm(folder, { recursive: true, force: true });
});

const access = (name: string, more: object = {}): object => ({
  kind: 'Access',
  metadata: { name },
  spec: { match: { principals: { names: ['erin'] }, resources: { names: ['web-1'] } }, ...more },
});
const apply = (...documents: object[]): Promise<unknown> => admin.call('apply', { body: { documents, dryRun: false } });

/** A sign-on by password, as the page in the browser makes it. */
async function signOn(): Promise<{ client: Client; token: string }> {
  const open = createClient({ baseUrl: gateway.consoleUrl, ca });
  const { token } = await open.call('login', { body: { principal: 'erin', password } });
  return { client: createClient({ baseUrl: gateway.consoleUrl, ca, token }), token };
}

function ssh(more: Partial<SshRun> = {}): Started {
  const { options = [], ...rest } = more;
  const all = ['LogLevel=INFO', ...options, 'BatchMode=no'];
  const run = { port, user: 'erin+web-1', key: key.path, command: 'echo through', options: all, ...rest };
  const started = startSsh(run);
  started.child.stdin?.end('');
  return started;
}

async function codeOf(started: Started): Promise<string> {
  await started.until(/shows the code/);
  return /shows the code (\S+?)\./.exec(started.stderr())![1]!;
}

async function idOf(client: Client, code: string): Promise<string> {
  const { signOns } = await client.call('listSignOns');
  const found = signOns.find((one) => one.code === code);
  expect(found).toMatchObject({ resource: 'web-1' });
  return found!.id;
}

const approve = async (client: Client, id: string, given?: string): Promise<unknown> =>
  client.call('decideSignOn', {
    params: { id },
    body: { decision: 'approve', ...(given === undefined ? {} : { password: given }) },
  });

async function events<T extends Event['type']>(type: T): Promise<Extract<Event, { type: T }>[]> {
  const found: Extract<Event, { type: T }>[] = [];
  const { durableSequence } = gateway.journal;
  for await (const event of readJournal(join(folder, 'data'), { from: 1, to: durableSequence })) {
    if (event.type === type) found.push(event as Extract<Event, { type: T }>);
  }
  return found;
}

const through = { code: 0, stdout: Buffer.from('through\n') };

describe('a step-up', () => {
  test('after a key: approved by a sign-on of just now, journaled with it, and ended with it', async () => {
    const started = ssh({ command: 'echo ready; sleep 60' });
    const code = await codeOf(started);
    expect(started.stderr()).toContain(`${gateway.consoleUrl}/approve.html#sgn_`);
    const { client } = await signOn();
    await approve(client, await idOf(client, code));
    await started.until(/ready/);
    const { token } = await client.call('whoami');
    const [opened] = (await events('session.opened')).slice(-1);
    expect(opened).toMatchObject({
      access: 'sensitive',
      principal: { credentialId: expect.stringMatching(/^SHA256:/) as string },
      stepUp: { method: 'approval', credentialId: token.id, proof: 'sign-on' },
    });
    expect((await events('identity.signed-on')).at(-1)).toMatchObject({ method: 'step-up' });
    await client.call('logout');
    expect((await started.finished).code).not.toBe(0);
    const last = async () => (await events('session.ended')).at(-1)?.reason;
    await expect.poll(last, { timeout: 30_000 }).toBe('token-revoked');
  });

  test('not by a token that a token was asked for with, but with the password; a wrong one is refused', async () => {
    const { client } = await signOn();
    const { token } = await client.call('createToken', { body: { description: 'for scripts' } });
    const script = createClient({ baseUrl: gateway.consoleUrl, ca, token });
    const started = ssh();
    const id = await idOf(script, await codeOf(started));
    await expect(approve(script, id)).rejects.toMatchObject({ code: 'api.prove-again', status: 403 });
    await expect(approve(script, id, 'not the password')).rejects.toMatchObject({ code: 'api.login-failed' });
    await approve(script, id, password);
    expect(await started.finished).toMatchObject(through);
    expect((await events('session.opened')).at(-1)).toMatchObject({ stepUp: { proof: 'password' } });
  });

  test('nor by the very token that was typed, be it fresh', async () => {
    const { client, token } = await signOn();
    const started = ssh({ password: token, options: ['PreferredAuthentications=keyboard-interactive'] });
    const id = await idOf(client, await codeOf(started));
    await expect(approve(client, id)).rejects.toMatchObject({ code: 'api.prove-again' });
    await approve((await signOn()).client, id);
    expect(await started.finished).toMatchObject(through);
  });

  test('nor by another principal, nor twice', async () => {
    const started = ssh();
    const { client } = await signOn();
    const id = await idOf(client, await codeOf(started));
    await expect(approve(admin, id)).rejects.toMatchObject({ code: 'api.not-found' });
    await client.call('decideSignOn', { params: { id }, body: { decision: 'refuse' } });
    await expect(approve(client, id)).rejects.toMatchObject({ code: 'api.not-found' });
    expect(await started.finished).toMatchObject({ code: 255 });
    // A refusal is journaled and waits for nobody.
    const last = async () => (await events('identity.refused')).at(-1)?.code;
    await expect.poll(last, { timeout: 30_000 }).toBe('core.step-up-refused');
  });

  test('by the command line, with the password where the login is not of just now', async () => {
    const { client } = await signOn();
    const { token } = await client.call('createToken', { body: { description: 'a login of this morning' } });
    const started = ssh();
    const code = await codeOf(started);
    const env = { SALLYPORT_SERVER: gateway.consoleUrl, SALLYPORT_CA: gateway.caPath, SALLYPORT_TOKEN: token };
    expect((await sallyport(['approve', '--list'], env)).out).toMatch(/opening web-1/);
    expect((await sallyport(['approve', code], env)).err).toContain('--password-stdin');
    const done = await sallyport(['approve', code, '--password-stdin'], env, password);
    expect(done.err).toContain('Approved; the other terminal goes on (opening web-1');
    expect(await started.finished).toMatchObject(through);
  });
});

describe('a command that a guardrail wants confirmed', () => {
  test('waits for the person, is shown to them, and runs once it is confirmed; refused, it does not', async () => {
    await apply(access('plain'), {
      kind: 'Guardrail',
      metadata: { name: 'confirm-removal' },
      spec: { match: { commands: { shell: { programs: ['rm'] } } }, verdict: 'hold', review: { stepUp: true } },
    });
    const confirmed = async (client: Client): Promise<string> => {
      const found = async () => (await client.call('listSignOns')).signOns.find(({ command }) => command !== null);
      await expect
        .poll(found, { timeout: 30_000 })
        .toMatchObject({ resource: 'web-1', command: 'rm -f /nowhere/at-all && echo removed' });
      return (await found())!.id;
    };
    const command = 'rm -f /nowhere/at-all && echo removed';
    const started = ssh({ command });
    const { client } = await signOn();
    const id = await confirmed(client);
    expect(started.stderr()).toContain('your own confirmation (code ');
    await approve(client, id, password);
    expect(await started.finished).toMatchObject({ code: 0, stdout: Buffer.from('removed\n') });
    const verdicts = await events('command.verdict');
    expect(verdicts.slice(-2)).toMatchObject([
      { verdict: { name: 'hold', rule: 'confirm-removal' } },
      { verdict: { name: 'allow', rule: `review:${id}`, reason: 'Approved by erin, by a step-up.' } },
    ]);
    const refused = ssh({ command });
    const second = await confirmed(client);
    await client.call('decideSignOn', { params: { id: second }, body: { decision: 'refuse' } });
    const { code, stderr } = await refused.finished;
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining('not confirmed in time, or refused')]);
    await admin.call('deleteObject', { params: { kind: 'Guardrail', name: 'confirm-removal' }, query: {} });
    await admin.call('deleteObject', { params: { kind: 'Access', name: 'plain' }, query: {} });
  });
});

describe('sallyport connect', () => {
  test('runs stock ssh, which prints link and code; its certificate stands for the login, which confirms nothing by itself', async () => {
    const { client, token } = await signOn();
    const env = { SALLYPORT_SERVER: gateway.consoleUrl, SALLYPORT_CA: gateway.caPath, SALLYPORT_TOKEN: token };
    const connecting = sallyport(['connect', 'web-1', '--', 'echo through'], env);
    const waiting = async () => (await client.call('listSignOns')).signOns.map(({ id }) => id);
    await expect.poll(waiting, { timeout: 30_000 }).toHaveLength(1);
    const [id] = await waiting();
    await expect(approve(client, id!)).rejects.toMatchObject({ code: 'api.prove-again' });
    await approve((await signOn()).client, id!);
    const { out, err } = await connecting;
    expect(out).toBe('through\n');
    expect(err).toContain('Opening web-1 takes a confirmation by you.');
    expect(err).toMatch(/approve\.html#sgn_\S+\s+and approve if it shows the code \S+\. Waiting/);
  });
});

describe('of several Access', () => {
  const explained = () => admin.call('explainAccess', { query: { principal: 'erin', resource: 'web-1' } });

  test('one without lets in without; when it goes, so does what was opened by it', async () => {
    expect(await explained()).toMatchObject({ granted: true, rule: 'sensitive', stepUp: true });
    await apply(access('usual'));
    const now = await explained();
    expect(now).toMatchObject({ granted: true, rule: 'usual', stepUp: false });
    const why = now.trace.map(({ access: name, why: text }) => [name, text.includes('takes a step-up')]);
    expect(why).toEqual([
      ['sensitive', true],
      ['usual', false],
    ]);
    const started = ssh({ command: 'echo ready; sleep 60' });
    await started.until(/ready/);
    expect((await events('session.opened')).at(-1)).not.toHaveProperty('stepUp');
    await admin.call('deleteObject', { params: { kind: 'Access', name: 'usual' }, query: {} });
    const { code, stderr } = await started.finished;
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining('now takes a confirmation by you')]);
  });

  test('groups of now decide: who loses access while they think it over gets none', async () => {
    const started = ssh();
    const { client } = await signOn();
    const id = await idOf(client, await codeOf(started));
    await admin.call('deleteObject', { params: { kind: 'Access', name: 'sensitive' }, query: {} });
    await approve(client, id);
    const { stderr, code } = await started.finished;
    expect([code, stderr]).toEqual([255, expect.stringContaining('No access')]);
  });
});

function sallyport(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  input = '',
): Promise<{ out: string; err: string }> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, XDG_CONFIG_HOME: folder, ...env }, timeout: 30_000 };
    const child = execFile('bin/sallyport', args, options, (_error, out, err) => resolve({ out, err }));
    child.stdin?.end(input);
  });
}
