/**
 * `sallyport login` as a program of its own, against a whole gateway and a real OpenID provider: by the browser on this machine,
 * by device, and by password with the second step.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { type OidcServer, startOidcProvider } from '../servers/oidc.ts';

const program = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const password = 'a long enough password';

let env: TestEnv;
let folder: string;
let base: string;
let admin: Client;
let provider: OidcServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sallyport-login-'));
  env = await createTestEnv({ resources: {}, principals: [{ name: 'outsider', resources: [] }] });
  base = env.gateway.consoleUrl;
  admin = await env.api('admin');
  const redirectUris = [`${base}/sign-on/corp/callback`];
  provider = await startOidcProvider([{ clientId: 'sallyport', clientSecret: 'a secret of the client', redirectUris }]);
  const documents = [
    { kind: 'Principal', metadata: { name: 'lena' }, spec: { kind: 'person', password } },
    {
      kind: 'IdentityProvider',
      metadata: { name: 'corp' },
      spec: {
        type: 'oidc',
        displayName: 'Corp',
        issuer: provider.issuer,
        clientId: 'sallyport',
        clientSecret: { value: 'a secret of the client' },
        scopes: ['profile', 'email', 'groups', 'offline_access'],
        name: { claim: 'preferred_username' },
        private: true,
      },
    },
  ];
  await admin.call('apply', { body: { dryRun: false, documents } });
}, 120_000);

afterAll(async () => {
  await provider?.close();
  await env?.close();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

interface Run {
  readonly child: ChildProcess;
  readonly stderr: () => string;
  /** Resolves with the first match in what was said so far, and later. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>;
}

function run(args: readonly string[], options: { stdin?: string; env?: Record<string, string> } = {}): Run {
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], XDG_CONFIG_HOME: folder, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')));
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  child.stdin!.end(options.stdin ?? '');
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return {
    child,
    stderr: () => stderr,
    ended,
    async until(pattern) {
      const end = Date.now() + 60_000;
      for (;;) {
        const found = pattern.exec(stderr);
        if (found !== null) return found;
        if (Date.now() > end || child.exitCode !== null) throw new Error(`it said: ${stderr}`);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    },
  };
}

const me = async (): Promise<{ name: string; token: Record<string, unknown> }> => {
  const { stdout, stderr, code } = await run(['whoami', '-o', 'json']).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as never;
};

/** What the console's page does once the person allows it. */
async function allow(link: string): Promise<string> {
  const asked = new URLSearchParams(new URL(link).hash.slice(1));
  const headers = { 'content-type': 'application/json', origin: base };
  const body = JSON.stringify({ principal: 'lena', password });
  const signedOn = await fetch(`${base}/api/v1/web-session`, { method: 'POST', headers, body });
  const cookie = signedOn.headers
    .getSetCookie()
    .find((one) => one.startsWith('sallyport='))!
    .split(';')[0]!;
  const order = Object.fromEntries(['redirectUri', 'challenge', 'state'].map((name) => [name, asked.get(name)]));
  const answer = await fetch(`${base}/api/v1/sign-on/terminal`, {
    method: 'POST',
    headers: { ...headers, cookie, 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify(order),
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { url: string }).url;
}

describe('sallyport login', () => {
  test('by the browser on this machine: prints the link, and takes one answer with its own state', async () => {
    const login = run(['login', '--server', base, '--no-browser']);
    const link = (await login.until(/^ {2}(http\S+)$/m))[1]!;
    expect(link.startsWith(`${base}/sign-on.html#redirectUri=http%3A%2F%2F127.0.0.1%3A`)).toBe(true);
    const url = new URL(await allow(link));
    const forged = new URL(url);
    forged.searchParams.set('state', 's'.repeat(32));
    expect((await fetch(forged)).status).toBe(404);
    expect((await fetch(new URL('/', url))).status).toBe(404);
    const done = await fetch(url);
    expect(done.status).toBe(200);
    expect(await done.text()).toContain('go back to the terminal');
    expect(await login.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('as lena') as string });
    expect(await me()).toMatchObject({ name: 'lena', token: { use: 'access', method: 'password', factors: ['pwd'] } });
    // The listener is gone with the command.
    await expect(fetch(url)).rejects.toThrow();
  }, 90_000);

  test('opens the page by the program that BROWSER names, and goes straight to a provider that is named', async () => {
    const [browser, opened] = [join(folder, 'browser'), join(folder, 'opened')];
    await writeFile(browser, `#!/bin/sh\nprintf '%s' "$1" > '${opened}.part' && mv '${opened}.part' '${opened}'\n`, {
      mode: 0o755,
    });
    const login = run(['login', '--server', base, '--browser', '--provider', 'corp'], { env: { BROWSER: browser } });
    const printed = (await login.until(/^ {2}(http\S+)$/m))[1]!;
    expect(printed).toContain('&provider=corp');
    let link = '';
    for (const end = Date.now() + 60_000; link === '' && Date.now() < end; ) {
      link = await readFile(opened, 'utf8').catch(() => '');
      if (link === '') await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect(link).toBe(printed);
    login.child.kill('SIGINT');
    expect((await login.ended).code).toBe(130);
    const unknown = await run(['login', '--server', base, '--no-browser', '--provider', 'nobody']).ended;
    expect(unknown.stderr).toContain('Name one with --provider: corp.');
  }, 90_000);

  test('by device, with the code that is shown', async () => {
    const login = run(['login', '--server', base, '--device']);
    await login.until(/type the code [A-Z0-9-]+/);
    const complete = (await login.until(/^ {2}(http\S+)$/m))[1]!;
    await provider.browser('u-ana').confirmDevice(complete);
    expect(await login.ended).toMatchObject({ code: 0, stderr: expect.stringContaining('as ana') as string });
    const ana = await me();
    expect(ana).toMatchObject({ name: 'ana', token: { provider: 'corp', method: 'oidc' } });
    const shown = await run(['whoami']).ended;
    expect(shown.stdout).toMatch(/Proven by +corp/);
    const out = await run(['logout']).ended;
    expect(out.code).toBe(0);
    const { tokens } = await admin.call('listTokens', { query: { all: true } });
    expect(tokens.some(({ id }) => id === ana.token['id'])).toBe(false);
  }, 90_000);

  test('by password with the second step: asked for, and given by a script', async () => {
    const args = ['login', '--server', base, '--principal', 'lena', '--password-stdin'];
    expect((await run(args, { stdin: password }).ended).code).toBe(0);
    const { token } = await createClient({ baseUrl: base }).call('login', { body: { principal: 'lena', password } });
    const lena = createClient({ baseUrl: base, token });
    const { totpCode, totpStep } = await import('../../src/identity/factors/totp.ts');
    const begun = await lena.call('beginTotp', { body: { label: 'phone' } });
    const bits = [...begun.secret].map((one) =>
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(one).toString(2).padStart(5, '0'),
    );
    const key = Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
    const code = totpCode(key, totpStep(Date.now()));
    const { recoveryCodes } = await lena.call('finishTotp', { body: { id: begun.id, code } });
    const refused = await run(args, { stdin: password }).ended;
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain('--code');
    const [first, second] = recoveryCodes as [string, string];
    expect((await run([...args, '--code', first], { stdin: password }).ended).code).toBe(0);
    expect((await me()).token).toMatchObject({ factors: ['pwd', 'otp', 'mfa'] });
    const used = await run([...args, '--code', first], { stdin: password }).ended;
    expect(used.code).toBe(3);
    const listed = await run(['factors', 'ls']).ended;
    expect(listed.stdout).toMatch(/authenticator +phone/);
    expect(listed.stdout).toContain('9 left');
    const renewed = await run(['factors', 'recovery-codes', '-o', 'json', '--code', second]).ended;
    expect(JSON.parse(renewed.stdout)).toHaveLength(10);
    const [fresh] = JSON.parse(renewed.stdout) as string[];
    const [totp] = (await lena.call('listFactors')).factors;
    const removed = await run(['factors', 'rm', totp!.id, '--code', fresh!]).ended;
    expect(removed).toMatchObject({ code: 0 });
    expect((await lena.call('listFactors')).factors).toEqual([]);
    expect((await run(args, { stdin: password }).ended).code).toBe(0);
  }, 120_000);
});
