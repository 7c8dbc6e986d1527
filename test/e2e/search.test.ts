/**
 * Search and reports as people use them: stock psql through a whole gateway, then the command line. Who read a column is answered
 * from lineage; what is found leads to its place in the recording; members find their own doings; reports carry their proof.
 */
import { type ExecFileException, execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestEnv, type TestEnv } from '../env/index.ts';

const program = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const within = { timeout: 60_000, interval: 100 };

let env: TestEnv;

beforeAll(async () => {
  env = await createTestEnv({
    principals: [
      { name: 'ana', resources: ['orders'] },
      { name: 'ben', resources: ['orders'] },
      { name: 'audrey', resources: [] },
    ],
  });
  const admin = await env.api('admin');
  await admin.call('apply', {
    body: {
      documents: [
        { kind: 'Principal', metadata: { name: 'audrey' }, spec: { kind: 'person', roles: ['auditor'] } },
        {
          kind: 'Guardrail',
          metadata: { name: 'no-drop' },
          spec: { match: { commands: { sql: { effects: ['drop'] } } }, verdict: 'block', message: 'Not here.' },
        },
        {
          kind: 'Search',
          metadata: { name: 'ssn-readers' },
          spec: { query: 'reads:customers.ssn', description: 'Who saw social security numbers', facets: ['who'] },
        },
      ],
    },
  });
  await psql('ana', 'create table customers (id int, name text, ssn text)');
  await psql('ana', "insert into customers values (1, 'Ada', '078-05-1120'), (2, 'Bo', '219-09-9999')");
  // Neither says the column's name: lineage knows.
  await psql('ana', 'create view people as select * from customers');
  await psql('ana', 'select md5(p.ssn) from people p');
  await psql('ben', 'select * from people');
  // Steered by the column, and none of it came back.
  await psql('ben', "select name from customers where ssn = '078-05-1120'");
  await psql('ben', 'drop table customers');
  await vi.waitFor(async () => {
    const { lag, working } = await admin.call('indexStatus');
    expect([lag, working]).toEqual([0, true]);
  }, within);
}, 120_000);
afterAll(() => env.close());

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

function ran(error: ExecFileException | null, out: string, said: string): Ran {
  return { code: typeof error?.code === 'number' ? error.code : error === null ? 0 : 1, out, said };
}

function psql(principal: string, statement: string): Promise<Ran> {
  const settings = { ...process.env, ...env.libpq(principal) };
  return new Promise((resolve) => {
    execFile('psql', ['-X', '-c', statement], { env: settings }, (error, out, said) => resolve(ran(error, out, said)));
  });
}

function sallyport(principal: string, ...args: string[]): Promise<Ran> {
  const settings = {
    ...process.env,
    SALLYPORT_SERVER: env.gateway.consoleUrl,
    SALLYPORT_CA: env.gateway.caPath,
    SALLYPORT_TOKEN: env.tokens.get(principal) ?? '',
    XDG_CONFIG_HOME: join(env.dataDirectory, 'cli'),
  };
  return new Promise((resolve) => {
    const options = { env: settings, maxBuffer: 64 * 1024 * 1024, cwd: env.dataDirectory };
    execFile(process.execPath, [program, ...args], options, (error, out, said) => resolve(ran(error, out, said)));
  });
}

/** Over the API, as the command line asks it: each start of that takes a while. */
async function found(principal: string, query: string) {
  const client = await env.api(principal);
  return (await client.call('search', { body: { query } })).hits;
}

describe('search', () => {
  test('who read a column is one line, and answered from lineage', async () => {
    const hits = await found('audrey', 'reads:customers.ssn since:1d is:command');
    expect(hits.map(({ principal, text }) => [principal?.name, text])).toEqual([
      ['ben', 'select * from people'],
      ['ana', 'select md5(p.ssn) from people p'],
    ]);
    const steered = await found('audrey', 'steers:customers.ssn');
    expect(steered.map(({ text }) => text)).toEqual(["select name from customers where ssn = '078-05-1120'"]);
    const shown = await sallyport('audrey', 'search', 'reads:customers.ssn', 'since:1d', '--facets', 'who');
    expect(shown.out).toMatch(/WHO +COUNT[\s\S]*ana +1[\s\S]*2 found/);
    const saved = await sallyport('audrey', 'searches', 'run', 'ssn-readers', 'who:ben');
    expect(saved.out).toMatch(/ben[\s\S]*select \* from people[\s\S]*1 found/);
  });

  test('what the rules stopped is found by its verdict, its effect and its words', async () => {
    for (const query of [
      'verdict:blocked',
      'effect:drop',
      'text:"drop table"',
      'drop customers',
      'rule:no-drop is:command',
    ]) {
      const hits = await found('audrey', `${query} -who:admin`);
      expect([query, hits.map(({ text, verdict }) => [text, verdict])]).toEqual([
        query,
        [['drop table customers', 'block']],
      ]);
    }
  });

  test('what is found leads to its place in the recording', async () => {
    const [hit] = await found('audrey', 'select who:ben reads:people');
    const replayed = await sallyport('audrey', 'sessions', 'replay', hit!.session ?? '', '--at', String(hit!.command));
    expect(replayed.out).toMatch(/select \* from people[\s\S]*078-05-1120/);
  });

  test('A-API-01: members find what they did themselves, and nobody else', async () => {
    const hits = await found('ben', 'is:command');
    expect(new Set(hits.map(({ principal }) => principal?.name))).toEqual(new Set(['ben']));
    expect(await found('ben', 'who:ana')).toEqual([]);
    const facets = await sallyport('ben', 'search', '', '-n', '0', '--facets', 'who', '-o', 'json');
    expect(JSON.parse(facets.out)).toMatchObject({ counts: { facets: { who: [{ value: 'ben' }] } } });
    expect((await sallyport('ben', 'search', 'export', '', '--format', 'ndjson')).out).not.toContain('"ana"');
    expect((await sallyport('ben', 'report', 'access', '--since', '1d')).code).toBe(3);
    expect((await sallyport('ben', 'index', 'rebuild')).code).toBe(3);
  });

  test('searching is itself found', async () => {
    await found('audrey', 'who:ana reads:salaries');
    await vi.waitFor(async () => {
      const hits = await found('audrey', 'type:reading verb:search who:audrey text:"reads:salaries"');
      expect(hits.some(({ text }) => text === 'who:ana reads:salaries')).toBe(true);
    }, within);
  });

  test('what cannot be read is shown with its place', async () => {
    const { code, said } = await sallyport('audrey', 'search', 'who:ana verdict:helt');
    expect(code).toBe(2);
    expect(said).toContain('       who:ana verdict:helt\n                       ^^^^\n');
    const refused = await sallyport('admin', 'apply', '-f', await manifest());
    expect(refused.said).toMatch(/spec\.query[\s\S]*cannot be read at character 5/);
  });

  test('the index is built anew from the journal, and finds the same', async () => {
    const before = await found('audrey', 'is:command sort:oldest');
    const rebuilt = await sallyport('admin', 'index', 'rebuild');
    expect([rebuilt.code, rebuilt.out]).toEqual([0, expect.stringMatching(/Index +works/)]);
    expect(await found('audrey', 'is:command sort:oldest')).toEqual(before);
    await vi.waitFor(async () => {
      expect(await found('audrey', 'type:system verb:index.rebuilt who:admin')).toHaveLength(1);
    }, within);
  });
});

async function manifest(): Promise<string> {
  const path = join(env.dataDirectory, 'wrong.yaml');
  await writeFile(path, 'kind: Search\nmetadata: { name: wrong }\nspec: { query: "who:" }\n');
  return path;
}

describe('reports', () => {
  test.each([
    ['access', /ana[\s\S]*orders/],
    ['privileged', /drop table customers[\s\S]*block/],
    ['reviews', /There was none in this time/],
    ['changes', /no-drop[\s\S]*created/],
    ['coverage', /orders[\s\S]*strict[\s\S]*no-drop/],
  ])('%s: whole in one page, with its proof, and its digest in the journal', async (name, holds) => {
    const made = await sallyport('audrey', 'report', name, '--since', '1d', '-O', `${name}.html`);
    expect([made.code, made.said]).toEqual([0, expect.stringContaining('SHA-256')]);
    const page = await readFile(join(env.dataDirectory, `${name}.html`), 'utf8');
    expect(page).toMatch(holds);
    expect(page).toContain(env.gateway.id);
    expect(page).toContain('BEGIN PUBLIC KEY');
    expect(page).not.toMatch(/<script|javascript:|https?:\/\//i);
    const digest = createHash('sha256').update(page).digest('hex');
    expect(made.said).toContain(digest);
    let journaled: unknown = null;
    for await (const event of env.gateway.journal.read(1)) {
      if (event.type === 'report.made' && event.digest === digest) journaled = event;
    }
    expect(journaled).toMatchObject({ type: 'report.made', report: name, principal: { name: 'audrey' } });
  });

  test('as JSON and CSV too', async () => {
    const json = await sallyport('audrey', 'report', 'access', '--since', '1d', '--format', 'json');
    const { tables, proof } = JSON.parse(json.out) as {
      tables: { access: { principal: string; resource: string; sessions: number }[] };
      proof: { gateway: string };
    };
    expect(tables.access).toContainEqual(
      expect.objectContaining({ principal: 'ana', resource: 'orders', sessions: 4, how: 'standing' }),
    );
    expect(proof.gateway).toBe(env.gateway.id);
    const csv = await sallyport('audrey', 'report', 'changes', '--since', '1d', '--format', 'csv');
    expect(csv.out).toMatch(/^report,Changes of rules/);
  });
});
