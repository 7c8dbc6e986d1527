/**
 * The leak suite (I9, A-PG-20 to A-PG-23, A-MSK-04): a client under a Mask tries a few hundred statements, in the simple and
 * the extended protocol, in text and in binary, to see a value that is masked. Not one byte of one may arrive.
 *
 * The same statements run on the server directly first, where they do show canaries: so this suite can fail.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { findLeak, maskedColumns, plant } from './canaries.ts';
import { inferences, type LeakStatement, leakStatements, maskedAnswers } from './statements.ts';

const { canaries, seed } = plant();
let env: TestEnv;

const mask = {
  kind: 'Mask',
  metadata: { name: 'people-secrets' },
  spec: {
    match: { principals: { groups: ['engineering'], except: { groups: ['dba'] } } },
    columns: maskedColumns.map((column) => `public.people.${column}`),
    detect: ['email'],
    with: 'redact',
  },
};

beforeAll(async () => {
  env = await createTestEnv({ resources: { orders: { seed } } });
  const api = await env.api('admin');
  await api.call('apply', { body: { documents: [mask], dryRun: false } });
}, 120_000);

afterAll(() => env?.close());

type Mode = 'simple' | 'extended' | 'binary';

interface Outcome {
  readonly received: Buffer;
  /** SQLSTATE, or null where it ran. */
  readonly error: string | null;
}

/** A client that keeps every byte the server's side sends. */
class Listener {
  #client: pg.Client | null = null;
  #chunks: Buffer[] = [];
  readonly #config: pg.ClientConfig;

  constructor(config: pg.ClientConfig) {
    this.#config = config;
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client !== null) return this.#client;
    const client = new pg.Client(this.#config);
    client.on('error', () => {
      this.#client = null;
    });
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
    stream.on('data', (chunk: Buffer) => void this.#chunks.push(chunk));
    this.#client = client;
    return client;
  }

  async run(sql: string, mode: Mode): Promise<Outcome> {
    const client = await this.#connected();
    this.#chunks = [];
    let error: string | null = null;
    try {
      if (mode === 'simple') await client.query(sql);
      else await client.query({ text: sql, queryMode: 'extended', binary: mode === 'binary' } as pg.QueryConfig);
    } catch (cause) {
      error = (cause as { code?: string }).code ?? 'closed';
    }
    const received = Buffer.concat(this.#chunks);
    await client.query('rollback').catch(() => {
      this.#client = null;
    });
    await this.#client?.query('deallocate all').catch(() => undefined);
    return { received, error };
  }

  async close(): Promise<void> {
    await this.#client?.end();
  }
}

const isOneStatement = ({ sql }: LeakStatement): boolean => !/;/.test(sql.replace(/\$\$[\s\S]*?\$\$/g, ''));

describe.each<Mode>(['simple', 'extended', 'binary'])('%s', (mode) => {
  const statements = leakStatements().filter((statement) => mode === 'simple' || isOneStatement(statement));

  test('on the server itself the statements show what is looked for', async () => {
    const direct = new Listener({ connectionString: env.servers['orders']!.url });
    const silent: string[] = [];
    for (const statement of statements.filter(({ leaks }) => leaks)) {
      const { received, error } = await direct.run(statement.sql, mode);
      if (findLeak(received, canaries) === null) silent.push(`${error ?? 'ran'}: ${statement.sql}`);
    }
    await direct.close();
    expect(silent).toEqual([]);
  }, 120_000);

  test('through the gateway not one of them does (A-PG-20, A-PG-21, A-PG-22, A-PG-23)', async () => {
    const client = new Listener(env.client('engineer'));
    const leaks: string[] = [];
    let ran = 0;
    for (const { sql } of statements) {
      const { received, error } = await client.run(sql, mode);
      if (error === null) ran++;
      const leak = findLeak(received, canaries);
      if (leak !== null) leaks.push(`${leak.canary.column} ${leak.how}: ${sql}`);
    }
    await client.close();
    expect(leaks).toEqual([]);
    // A gateway that refuses everything would pass as well: most of what only reads must have run, masked.
    expect(ran / statements.length).toBeGreaterThan(0.6);
  }, 300_000);
});

test('questions that would give a value away bit by bit are refused (A-PG-22)', async () => {
  const client = new Listener(env.client('engineer'));
  const answered: string[] = [];
  for (const sql of inferences) {
    const { error, received } = await client.run(sql, 'simple');
    if (error === null) answered.push(`${sql} → ${received.length} bytes`);
    else expect([sql, error]).toEqual([sql, '42501']);
  }
  await client.close();
  expect(answered).toEqual([]);
}, 60_000);

test('questions about a value that are answered have the same answer for every value', async () => {
  const client = new pg.Client(env.client('engineer'));
  await client.connect();
  for (const sql of maskedAnswers) {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    expect([sql, new Set(rows.map((row: unknown[]) => JSON.stringify(row.at(-1)))).size]).toEqual([sql, 1]);
    expect(['0', 0, null, false]).toContain((rows[0] as unknown[]).at(-1));
  }
  await client.end();
});

test('a principal whom the Mask leaves out sees the values', async () => {
  const client = new Listener(env.client('dba'));
  const { received, error } = await client.run('select ssn, salary, doc from people', 'simple');
  await client.close();
  expect(error).toBeNull();
  expect(findLeak(received, canaries)).not.toBeNull();
});

test('what is recorded and journaled carries no canary either (I9)', async () => {
  const api = await env.api('admin');
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.call('listSessions', { query: { principal: 'engineer', ...(cursor ? { cursor } : {}) } });
    for (const { id } of page.sessions) {
      const text = Buffer.from(await api.text('exportSession', { params: { id }, query: { format: 'text' } }));
      const leak = canaries.find(({ needles }) => needles.some((needle) => text.includes(needle)));
      if (leak !== undefined) found.push(`${id}: ${leak.column} ${leak.row}`);
    }
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  const journal = join(env.dataDirectory, 'journal');
  for (const name of await readdir(journal)) {
    const bytes = await readFile(join(journal, name));
    const leak = canaries.find(({ needles }) => needles.some((needle) => bytes.includes(needle)));
    if (leak !== undefined) found.push(`${name}: ${leak.column} ${leak.row}`);
  }
  expect(found).toEqual([]);
});
