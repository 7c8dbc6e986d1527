/**
 * Searching a million commands (performance.md, P22), in the embedded engine and in PostgreSQL.
 *
 *     node bench/search.ts [--quick] [--rounds N]
 *
 * Each query is what one writes into the search box, answered by one page of fifty hits; beside it the same with counts and facets.
 * The embedded engine holds its data in files of its own; PostgreSQL is one of this machine, with its usual settings.
 *
 * Deliberately absent: goals, and HTTP. A benchmark never fails a test run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readQuery } from '../src/audit/index.ts';
import type { HistoryEntry } from '../src/core/history.ts';
import type { SearchQuery } from '../src/core/search.ts';
import { openStore, type Store, type StoreOptions } from '../src/store/index.ts';
import { type PostgresServer, startPostgres } from '../test/servers/postgres.ts';
import { beginMs, benchGateway, dayMs, days, entriesOf } from './history.ts';
import { publish, quantile, runOptions } from './output.ts';

const options = runOptions();
const commands = options.quick ? 50_000 : 1_000_000;
const batchEntries = 250;
const endMs = beginMs + days * dayMs;

const queries: readonly (readonly [title: string, query: string])[] = [
  ['the newest', ''],
  ['one person', 'who:person-3'],
  ['one person who does little, a month', 'who:person-197 since:30d'],
  ['one resource, a day', 'resource:database-1 since:1d'],
  ['who read customers.ssn', 'reads:customers.ssn'],
  ['who touched a table, a week', 'table:table_7 since:7d'],
  ['what was dropped', 'effect:drop'],
  ['held', 'verdict:held'],
  ['refused by a rule, of production', 'rule:no-destructive-sql label:env=prod'],
  ['a rare word', 'cascade'],
  ['two common words', 'shipped order_id'],
  ['a number within texts', 'text:"rror 4711"'],
  ['many rows', 'rows:>4900'],
  ['not what is usual', '-kind:sql -kind:http effect:execute'],
  ['either of two', '(who:person-5 or who:person-6) effect:update'],
  ['the most rows, a day', 'since:1d sort:rows'],
  ['nothing at all', 'who:nobody-at-all'],
];

interface Timing {
  readonly title: string;
  readonly query: string;
  readonly pageMs: number;
  readonly countMs: number;
  readonly hits: number;
  readonly total: number;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-search-'));
  try {
    const embedded = await measure('embedded', { directory: join(folder, 'store') });
    const server = await startPostgres({ version: 'debian' });
    let postgres: Awaited<ReturnType<typeof measure>>;
    try {
      postgres = await measure('PostgreSQL', { databaseUrl: socketUrl(server) });
    } finally {
      await server.stop();
    }
    const rows = embedded.timings.map((timing, at) => {
      const peer = postgres.timings[at]!;
      return [
        timing.title,
        `\`${timing.query === '' ? ' ' : timing.query}\``,
        timing.total.toLocaleString('en'),
        timing.pageMs.toFixed(1),
        peer.pageMs.toFixed(1),
        timing.countMs.toFixed(1),
        peer.countMs.toFixed(1),
      ];
    });
    await publish(
      'search',
      options,
      [
        `${commands.toLocaleString('en')} commands over ${days} days, written at ${embedded.perSecond} (embedded) and ${postgres.perSecond} (PostgreSQL) a second in batches of ${batchEntries}.`,
        'Milliseconds, medians. Hits are counted up to 10,000.',
      ],
      [
        {
          title: 'A page of fifty hits, and the counts with five facets',
          head: ['', 'query', 'hits', 'page, embedded', 'page, PostgreSQL', 'counts, embedded', 'counts, PostgreSQL'],
          rows,
        },
      ],
      { embedded, postgres },
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Over the socket, as an administrator: the store makes its own schema and extension. */
function socketUrl({ database, unixSocket, port }: PostgresServer): string {
  return `postgres:///${database}?host=${encodeURIComponent(unixSocket)}&port=${port}&user=postgres`;
}

async function measure(name: string, location: StoreOptions) {
  const store = await openStore(location);
  try {
    const perSecond = await fill(store, name);
    const timings: Timing[] = [];
    for (const [title, text] of queries) timings.push(await time(store, title, text));
    return { perSecond: perSecond.toLocaleString('en'), timings };
  } finally {
    await store.close();
  }
}

/** Writes as the indexer does, and answers how many a second. */
async function fill(store: Store, name: string): Promise<number> {
  const began = performance.now();
  let batch: HistoryEntry[] = [];
  let written = 0;
  const write = async (): Promise<void> => {
    const last = batch.at(-1)!;
    await store.history.write({
      gateway: benchGateway,
      upToSequence: last.revision,
      atMs: last.atMs,
      entries: batch,
      ended: [],
    });
    await store.history.maintain();
    written += batch.length;
    batch = [];
    if (written % 10_000 < batchEntries) process.stderr.write(`\r${name}: ${written.toLocaleString('en')} written   `);
  };
  for (const entry of entriesOf(commands)) {
    batch.push(entry);
    if (batch.length === batchEntries) await write();
  }
  if (batch.length > 0) await write();
  process.stderr.write('\n');
  return Math.round(commands / ((performance.now() - began) / 1000));
}

async function time(store: Store, title: string, text: string): Promise<Timing> {
  const query = parsed(text);
  const pages: number[] = [];
  const counts: number[] = [];
  let hits = 0;
  let total = 0;
  for (let round = 0; round < options.rounds; round++) {
    const began = performance.now();
    ({ length: hits } = (await store.history.search(query, 'all', { limit: 50, after: null })).hits);
    pages.push(performance.now() - began);
    const begun = performance.now();
    ({ total } = await store.history.count(query, 'all', ['who', 'resource', 'verdict', 'effect', 'day']));
    counts.push(performance.now() - begun);
  }
  return { title, query: text, pageMs: quantile(pages, 0.5), countMs: quantile(counts, 0.5), hits, total };
}

function parsed(text: string): SearchQuery {
  const { read, problem } = readQuery(text, endMs);
  if (read === null) throw new Error(`${text}: ${problem?.message} at ${problem?.at}`);
  return read.query;
}

await main();
