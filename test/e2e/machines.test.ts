/**
 * What runs without a person at it, with a whole gateway and stock clients: the ready pipelines with an issuer that stands
 * in for GitHub, GitLab and a cluster; scoped and rotated tokens; agents that act for a person, and agents for those.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Client, createClient, routes } from '../../src/api/contract/index.ts';
import type { Event } from '../../src/core/event.ts';
import { ForgingIssuer, sign, signingKey } from '../../src/identity/testing/issuer.ts';
import { readEvents } from '../../src/recording/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';

const program = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const pipelines = new URL('../../docs/learn/pipelines/', import.meta.url);
const audience = 'https://gateway.example.com:7443';
const query = 'SELECT count(*) AS orders FROM orders';
const key = signingKey('RS256', 'k1');

let env: TestEnv;
let admin: Client;
let issuer: ForgingIssuer;
let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  env = await createTestEnv({
    resources: { orders: {}, vault: {} },
    principals: [
      { name: 'ana', groups: ['people'] },
      { name: 'rita', groups: ['reviewers'], resources: [] },
    ],
  });
  admin = await env.api('admin');
  issuer = await new ForgingIssuer().start();
  issuer.keys = [key.jwk];
  folder = await mkdtemp(join(tmpdir(), 'sallyport-machines-'));
  await psqlDirect(
    'create table orders (id int); insert into orders values (1), (2), (3); grant select on orders to public',
  );
}, 120_000);

afterAll(async () => {
  for (const child of children) child.kill();
  await rm(folder, { recursive: true, force: true });
  await issuer?.close();
  await env?.close();
}, 60_000);

async function psqlDirect(sql: string): Promise<void> {
  const done = await run('psql', ['-XAtc', sql, env.servers['orders']!.superuserUrl], {});
  expect(done.err).toBe('');
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(command: string, args: readonly string[], settings: Record<string, string>, stdin?: string): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { env: { ...process.env, ...settings } }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out: out.trim(), err: err.trim() }),
    );
    if (stdin !== undefined) child.stdin!.end(stdin);
  });
}

/** Stock psql, with a token as its password. */
function settingsOf(user: string, password: string): Record<string, string> {
  return { ...env.libpq('ana', 'orders'), PGUSER: user, PGPASSWORD: password };
}
function psql(user: string, password: string, sql: string, more: Record<string, string> = {}): Promise<Ran> {
  return run('psql', ['-XAtc', sql], { ...settingsOf(user, password), ...more });
}
const shown = { PGOPTIONS: '-c sallyport.authentication=cleartext' };

function sallyport(args: readonly string[], more: Record<string, string> = {}, stdin?: string): Promise<Ran> {
  const { consoleUrl, caPath } = env.gateway;
  const settings = { SALLYPORT_SERVER: consoleUrl, SALLYPORT_CA: caPath, XDG_CONFIG_HOME: folder, SALLYPORT_TOKEN: '' };
  return run(process.execPath, [program, ...args], { ...settings, ...more }, stdin);
}

async function apply(...documents: unknown[]): Promise<void> {
  await admin.call('apply', { body: { documents, dryRun: false } });
}

async function events<T extends Event['type']>(type: T): Promise<Extract<Event, { type: T }>[]> {
  const { durableSequence } = await admin.call('status').then(({ journal }) => journal);
  const found: Extract<Event, { type: T }>[] = [];
  for await (const event of readEvents(env.dataDirectory, { from: 1, to: durableSequence })) {
    if (event.type === type) found.push(event as Extract<Event, { type: T }>);
  }
  return found;
}

async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function jwt(claims: Record<string, unknown>, lifetimeSeconds = 300): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return sign(key, { iss: issuer.issuer, aud: audience, iat: now, exp: now + lifetimeSeconds, ...claims });
}

/** The manifests of a pipeline as they are in the documentation, with the issuer that stands in. */
async function applyPipeline(name: string): Promise<void> {
  const text = await readFile(new URL(`${name}.yaml`, pipelines), 'utf8');
  const documents = parseAllDocuments(text).map((document) => document.toJS() as { kind: string; spec: object });
  const standing = documents.map((document) =>
    document.kind === 'IdentityProvider'
      ? { ...document, spec: { ...document.spec, issuer: issuer.issuer, private: true } }
      : document,
  );
  await apply(...standing);
}

/** What stands in the pipeline's own file, as its shell would run it. */
async function scriptOf(file: string, find: (document: never) => string): Promise<string> {
  const text = await readFile(new URL(file, pipelines), 'utf8');
  const documents = parseAllDocuments(text).map((document) => document.toJS() as never);
  return find(documents.at(-1)!);
}

const pipelineEnvironment = (more: Record<string, string>): Record<string, string> => ({
  ...env.libpq('ana', 'orders'),
  PGUSER: 'nightly-report+orders',
  PGPASSWORD: '',
  ...more,
});

describe('a CI job’s OIDC token runs one query and nothing else', () => {
  const job = {
    sub: 'repo:corp/shop:ref:refs/heads/main',
    job_workflow_ref: 'corp/shop/.github/workflows/report.yaml@refs/heads/main',
  };

  test('of GitHub Actions: the job asks for its token, exchanges it, and psql runs', async () => {
    await applyPipeline('github-actions');
    const asked: string[] = [];
    const runner: Server = createServer((request, response) => {
      asked.push(request.url ?? '');
      const isRight = request.headers.authorization === 'Bearer runner-secret';
      void jwt(job).then((value) => response.writeHead(isRight ? 200 : 403).end(JSON.stringify({ value })));
    }).listen(0, '127.0.0.1');
    await once(runner, 'listening');
    const address = `http://127.0.0.1:${(runner.address() as AddressInfo).port}/token?api-version=2.0`;
    const github = { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-secret' };
    const exchange = ['token', 'exchange', '--subject', 'github', '--audience', audience, '--quiet'];
    const token = await sallyport(exchange, github);
    expect(token).toMatchObject({ code: 0, err: '' });
    expect(token.out).toMatch(/^sp_[0-9a-z]{38}$/);
    expect(asked[0]).toContain(`audience=${encodeURIComponent(audience)}`);
    const script = await scriptOf(
      'github-workflow.yaml',
      ({ jobs }: { jobs: { report: { steps: { run: string }[] } } }) => jobs.report.steps[0]!.run,
    );
    // The program stands in for itself where it is not installed.
    const here = script.replace('sallyport token exchange', `sallyport token exchange --audience ${audience}`);
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin', 'sallyport'), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`, {
      mode: 0o755,
    });
    const settings = pipelineEnvironment({
      ...github,
      PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
      SALLYPORT_SERVER: env.gateway.consoleUrl,
      SALLYPORT_CA: env.gateway.caPath,
      XDG_CONFIG_HOME: folder,
    });
    const ran = await run('sh', ['-ec', here], settings);
    runner.close();
    expect(ran).toEqual({ code: 0, out: '3', err: '' });
    const refused = await psql('nightly-report+orders', token.out, 'SELECT * FROM orders');
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain('runs its one query and nothing else');
  });

  test('of GitLab: the token is psql’s password, as often as the job likes, on this resource alone', async () => {
    await applyPipeline('gitlab');
    const claims = { sub: 'project_path:corp/shop:ref_type:branch:ref:main', project_path: 'corp/shop', ref: 'main' };
    const token = await jwt({ ...claims, ref_type: 'branch', ref_protected: 'true', pipeline_source: 'schedule' });
    const script = await scriptOf(
      'gitlab-ci.yaml',
      ({ report }: { report: { script: string[] } }) => report.script[0]!,
    );
    const settings = pipelineEnvironment({ ...shown, SALLYPORT_ID_TOKEN: token });
    expect(await run('sh', ['-ec', script], settings)).toEqual({ code: 0, out: '3', err: '' });
    expect(await run('sh', ['-ec', script], settings)).toEqual({ code: 0, out: '3', err: '' });
    expect((await psql('nightly-report+orders', token, 'SELECT 1', shown)).err).toContain('one query');
    expect((await psql('nightly-report+vault', token, query, shown)).err).toMatch(/no access|not.*access/i);
    expect((await psql('ana+orders', token, query, shown)).code).not.toBe(0);
    // Taken once, seen in the journal with who it was at the issuer; the token itself stands nowhere.
    const signedOn = (await events('identity.signed-on')).filter(({ workload }) => workload !== undefined);
    expect(signedOn.at(-1)).toMatchObject({
      method: 'workload',
      workload: { provider: 'gitlab', subject: claims.sub },
      principal: { name: 'nightly-report', kind: 'service' },
    });
    expect(JSON.stringify(await events('token.issued'))).not.toContain(token);
  });

  test('of Kubernetes: the token in the pod, until its rule is gone', async () => {
    await applyPipeline('kubernetes');
    const claims = { sub: 'system:serviceaccount:reports:nightly-report', 'kubernetes.io': { namespace: 'reports' } };
    const token = await jwt(claims);
    const script = await scriptOf('kubernetes-cronjob.yaml', ({ spec }: never) => {
      const { containers } = (
        spec as { jobTemplate: { spec: { template: { spec: { containers: { args: string[] }[] } } } } }
      ).jobTemplate.spec.template.spec;
      return containers[0]!.args[0]!;
    });
    const path = join(folder, 'projected');
    await writeFile(path, token);
    const here = script.replace('/var/run/sallyport/token', path);
    expect(await run('sh', ['-ec', here], pipelineEnvironment(shown))).toEqual({ code: 0, out: '3', err: '' });
    const login = await sallyport(['login', '--workload', path]);
    expect(login.err).toContain('as nightly-report');
    expect(`${login.out}${login.err}`).not.toContain('sp_');
    // A session that is open when the rule goes ends, and the token is nobody’s any more.
    const open = spawn('psql', ['-XAt'], {
      env: { ...process.env, ...settingsOf('nightly-report+orders', token), ...shown },
    });
    const ended = endOf(open);
    open.stdin.write(`${query}\\g\n`);
    expect(String((await once(open.stdout, 'data'))[0]).trim()).toBe('3');
    await apply({ kind: 'Principal', metadata: { name: 'nightly-report' }, spec: { kind: 'service' } });
    open.stdin.write(`${query}\\g\n`);
    expect(await ended).toMatch(/no longer accepted|terminat|closed/);
    expect((await psql('nightly-report+orders', token, query, shown)).code).not.toBe(0);
    expect((await sallyport(['whoami'])).code).not.toBe(0);
  });

  test('A-ID-01, A-ID-10: what is no token of the pipeline gives nothing, and says the same of every reason', async () => {
    await applyPipeline('github-actions');
    const other = signingKey('RS256', 'k1');
    const now = Math.floor(Date.now() / 1000);
    const whole = { iss: issuer.issuer, aud: audience, iat: now, exp: now + 300, ...job };
    const said = new Set<string>();
    for (const token of [
      await sign(other, whole),
      await jwt({ ...job, sub: 'repo:corp/shop:ref:refs/heads/feature' }),
      await jwt({ ...job, aud: 'https://elsewhere.example' }),
      await jwt({ ...job, iss: 'https://evil.example' }),
      await jwt(job, -120),
    ]) {
      const answer = await exchange({ subject_token: token });
      expect(answer.status).toBe(400);
      said.add(await answer.text());
      expect((await psql('nightly-report+orders', token, query, shown)).code).not.toBe(0);
    }
    expect([...said].map((text) => JSON.parse(text))).toEqual([
      {
        error: 'invalid_grant',
        error_description: 'The token was not accepted. An operator finds the reason in the log.',
      },
    ]);
  });

  test('a revoked record refuses the token itself, and an exchange may ask for less and never for more', async () => {
    await applyPipeline('github-actions');
    const token = await jwt(job);
    // Guesses of before have whoever comes from here wait a little (A-ID-10).
    await until('the end of the wait', async () => {
      const { out } = await psql('nightly-report+orders', token, query, shown);
      return out === '3' ? out : null;
    });
    const { tokens } = await admin.call('listTokens', { query: { all: true } });
    const record = tokens.find(({ owner, use }) => owner === 'nightly-report' && use === 'foreign')!;
    expect(record).toMatchObject({ provider: 'github', resources: ['orders'] });
    await admin.call('revokeToken', { params: { id: record.id } });
    expect((await psql('nightly-report+orders', token, query, shown)).code).not.toBe(0);
    const beyond = await exchange({ subject_token: await jwt(job), audience: 'vault' });
    expect([beyond.status, ((await beyond.json()) as { error: string }).error]).toEqual([400, 'invalid_target']);
    const given = (await (await exchange({ subject_token: await jwt(job, 120) })).json()) as Record<string, unknown>;
    expect(given).toMatchObject({
      token_type: 'Bearer',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      scope: 'resource:orders',
    });
    // No longer than the job's own token, though the rule gives five minutes.
    expect(given['expires_in']).toBeLessThanOrEqual(120);
  });
});

function exchange(fields: Record<string, string>): Promise<Response> {
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    ...fields,
  });
  return fetch(new URL(routes.exchangeToken.path, env.gateway.consoleUrl), { method: 'POST', body: form });
}

/** What a client says when it has ended. */
function endOf(child: ChildProcess): Promise<string> {
  children.push(child);
  let said = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  return once(child, 'close').then(() => said);
}

describe('a service account', () => {
  test('has a token for one resource, which is replaced by a new one', async () => {
    await apply(
      { kind: 'Principal', metadata: { name: 'robot' }, spec: { kind: 'service' } },
      {
        kind: 'Access',
        metadata: { name: 'robot-reaches' },
        spec: { match: { principals: { names: ['robot'] }, resources: { names: ['orders', 'vault'] } } },
      },
    );
    const asAdmin = { SALLYPORT_TOKEN: env.tokens.get('admin')! };
    const made = await sallyport(
      ['token', 'create', '--principal', 'robot', '--resource', 'orders', '--for', '7d'],
      asAdmin,
    );
    expect(made.err).toContain('good for orders');
    expect((await psql('robot+orders', made.out, 'SELECT 1')).out).toBe('1');
    expect((await psql('robot+vault', made.out, 'SELECT 1')).code).not.toBe(0);
    const robot = createClient({ baseUrl: env.gateway.consoleUrl, token: made.out });
    const { token } = await robot.call('whoami');
    expect(token.resources).toEqual(['orders']);
    // A-ID-11: what is narrow makes nothing wider, and is listed back to nobody.
    await expect(robot.call('createToken', { body: {} })).rejects.toMatchObject({ status: 403 });
    expect(JSON.stringify(await admin.call('listTokens', { query: { all: true } }))).not.toContain(made.out);
    const next = await sallyport(['token', 'rotate', token.id, '--overlap', '1h'], asAdmin);
    expect(next.out).toMatch(/^sp_/);
    expect((await psql('robot+orders', made.out, 'SELECT 1')).out).toBe('1');
    expect((await psql('robot+vault', next.out, 'SELECT 1')).code).not.toBe(0);
    const { tokens } = await admin.call('listTokens', { query: { all: true } });
    const old = tokens.find(({ id }) => id === token.id)!;
    expect(Date.parse(old.expiresAt)).toBeLessThan(Date.now() + 3_700_000);
    const last = tokens.find(({ owner, id }) => owner === 'robot' && id !== token.id)!;
    expect(last.resources).toEqual(['orders']);
    const final = await sallyport(['token', 'rotate', last.id], asAdmin);
    expect((await psql('robot+orders', next.out, 'SELECT 1')).code).not.toBe(0);
    expect((await psql('robot+orders', final.out, 'SELECT 1')).out).toBe('1');
    const issued = (await events('token.issued')).filter(({ replaces }) => replaces !== undefined);
    expect(issued).toHaveLength(2);
  });
});

describe('agents act for a person', () => {
  const agents = ['claude-1', 'claude-2'].map((name) => ({
    kind: 'Principal',
    metadata: { name },
    spec: { kind: 'agent' },
  }));

  async function signOn(): Promise<{ readonly token: string; readonly id: string }> {
    const spec = { kind: 'person', password: 'a long enough password' };
    await apply({ kind: 'Principal', metadata: { name: 'ana' }, spec });
    const open = createClient({ baseUrl: env.gateway.consoleUrl });
    return open.call('login', { body: { principal: 'ana', password: 'a long enough password' } });
  }

  test('request, and never decide; the chain is shown everywhere, and ends with what it rests on', async () => {
    await apply(...agents, {
      kind: 'Guardrail',
      metadata: { name: 'agents-ask-before-they-write' },
      spec: {
        match: { principals: { agents: true }, commands: { sql: { effects: ['create'] } } },
        verdict: 'hold',
        review: { reviewers: { names: ['rita'] } },
      },
    });
    // A sign-on of their own, that everything rests on.
    const own = await signOn();
    const ana = createClient({ baseUrl: env.gateway.consoleUrl, token: own.token });
    const asAna = { SALLYPORT_TOKEN: own.token };
    const made = await sallyport(
      ['token', 'create', '--for-agent', 'claude-1', '--resource', 'orders', '--for', '1h'],
      asAna,
    );
    expect(made.err).toContain('with which claude-1 acts');
    expect((await psql('ana+orders', made.out, 'SELECT 1')).out).toBe('1');
    expect((await psql('ana+vault', made.out, 'SELECT 1')).code).not.toBe(0);

    const secondOwn = await admin.call('createToken', { body: { principal: 'claude-2' } });
    const chained = await sallyport(
      ['token', 'exchange', '--subject', 'env:SUBJECT', '--actor', 'env:ACTOR', '--for', '10m'],
      {
        SUBJECT: made.out,
        ACTOR: secondOwn.token,
      },
    );
    expect(chained).toMatchObject({ code: 0 });
    const agent = createClient({ baseUrl: env.gateway.consoleUrl, token: chained.out });
    expect(await agent.call('whoami')).toMatchObject({
      name: 'ana',
      token: { agents: ['claude-2', 'claude-1'], resources: ['orders'] },
    });

    const open = spawn('psql', ['-XAt'], { env: { ...process.env, ...settingsOf('ana+orders', chained.out) } });
    const ended = endOf(open);
    open.stdin.write('SELECT 7;\n');
    expect(String((await once(open.stdout, 'data'))[0]).trim()).toBe('7');
    const session = await until('the session', async () => {
      const { sessions } = await ana.call('listSessions', { query: { live: true } as never });
      return sessions.find(({ principal }) => principal.agents?.[0] === 'claude-2') ?? null;
    });
    expect(session.principal).toMatchObject({ name: 'ana', agents: ['claude-2', 'claude-1'] });
    expect((await sallyport(['sessions', 'ls', '--live'], asAna)).out).toContain('ana by claude-2 for claude-1');
    const opened = (await events('session.opened')).find(({ session: id }) => id === session.id);
    expect(opened).toMatchObject({ principal: { name: 'ana', actors: [{ name: 'claude-2' }, { name: 'claude-1' }] } });

    // What it writes waits for a person, who sees whose doing it is; neither the agent nor who it acts for decides.
    open.stdin.write('CREATE TABLE made_by_agent (id int);\n');
    const rita = await env.api('rita');
    const review = await until('the review', async () => {
      const { reviews } = await rita.call('listReviews', { query: { state: 'pending' } as never });
      return reviews.find(({ requester }) => requester.agents !== undefined) ?? null;
    });
    expect(review.requester).toMatchObject({ name: 'ana', agents: ['claude-2', 'claude-1'] });
    expect((await sallyport(['reviews', 'show', review.id], { SALLYPORT_TOKEN: env.tokens.get('rita')! })).out).toMatch(
      /claude-2, for claude-1/,
    );
    const approve = { params: { id: review.id }, body: { decision: 'approve' as const } };
    await expect(agent.call('decideReview', approve)).rejects.toMatchObject({ status: 403 });
    await expect(ana.call('decideReview', approve)).rejects.toMatchObject({ status: 403 });
    // It may look how its own request stands.
    expect((await agent.call('getReview', { params: { id: review.id } })).state).toBe('pending');

    const atMs = Date.now();
    await ana.call('revokeToken', { params: { id: own.id } });
    open.stdin.write('SELECT 8;\n');
    await ended;
    const over = await until('the end', async () => {
      const found = await admin.call('getSession', { params: { id: session.id } });
      return found.endedAt === null ? null : found;
    });
    expect(over.endReason).toBe('token-revoked');
    expect(Date.parse(over.endedAt!) - atMs).toBeLessThan(60_000);
    for (const token of [made.out, chained.out]) expect((await psql('ana+orders', token, 'SELECT 1')).code).not.toBe(0);
    const issued = (await events('token.issued')).filter(({ agents: by }) => by !== undefined);
    expect(issued.map(({ agents: by }) => by)).toEqual([['claude-1'], ['claude-2', 'claude-1']]);
  }, 120_000);

  test('an agent that is disabled acts for nobody', async () => {
    await apply(...agents);
    const ana = createClient({ baseUrl: env.gateway.consoleUrl, token: (await signOn()).token });
    const { token } = await ana.call('createToken', { body: { agent: 'claude-1' } });
    expect((await psql('ana+orders', token, 'SELECT 1')).out).toBe('1');
    await apply({ kind: 'Principal', metadata: { name: 'claude-1' }, spec: { kind: 'agent', disabled: true } });
    expect((await psql('ana+orders', token, 'SELECT 1')).code).not.toBe(0);
    await expect(ana.call('createToken', { body: { agent: 'claude-1' } })).rejects.toMatchObject({ status: 403 });
    await expect(ana.call('createToken', { body: { agent: 'rita' } })).rejects.toMatchObject({ status: 403 });
  });
});
