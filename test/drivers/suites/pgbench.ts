/**
 * pgbench: initialising (COPY, or on the server), its three ways to send a query, and scripts of our own with pipelines;
 * each to the last transaction. What the tables hold afterwards must be right on both routes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome, Report } from '../outcome.ts';
import type { Route } from '../stage.ts';
import { execute, executeOk, type Suite } from '../suite.ts';

const clients = 4;
const transactions = 50;

/** Scripts of our own; those with pipelines run in the modes that have them. */
const scripts: Readonly<Record<string, { readonly text: string; readonly modes: readonly string[] }>> = {
  pipeline: {
    text: `\\set id random(1, 1000)
\\startpipeline
update pgbench_accounts set abalance = abalance + 1 where aid = :id;
select abalance from pgbench_accounts where aid = :id;
insert into pgbench_history (tid, bid, aid, delta, mtime) values (1, 1, :id, 1, current_timestamp);
\\endpipeline
`,
    modes: ['extended', 'prepared'],
  },
  'transaction in a pipeline': {
    text: `\\startpipeline
begin;
insert into pgbench_history (tid, bid, aid, delta, mtime) values (2, 1, 1, 1, current_timestamp);
insert into pgbench_history (tid, bid, aid, delta, mtime) values (2, 1, 2, 1, current_timestamp);
commit;
\\endpipeline
`,
    modes: ['extended', 'prepared'],
  },
  'results into variables': {
    text: `select count(*) as tellers from pgbench_tellers \\gset
\\if :tellers != 10
select 1/0;
\\endif
`,
    modes: ['simple', 'extended', 'prepared'],
  },
};

/** Sums that must agree after any number of transactions, and the number of rows that these transactions leave. */
const consistency = `
select (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers),
       (select count(*) from pgbench_history), (select count(*) from pgbench_accounts)`;

async function runAll({ environment }: Route): Promise<Report> {
  const report = new Map<string, Outcome>();
  const bench = async (name: string, flags: readonly string[]): Promise<void> => {
    const { code, stdout, stderr } = await execute('pgbench', flags, { environment, deadlineMs: 60_000 });
    const processed = /transactions actually processed: (\S+)/.exec(stdout)?.[1] ?? '';
    const failed = /failed transactions: (\d+)/.exec(stdout)?.[1] ?? '';
    const output = `${processed} done, ${failed} failed`;
    report.set(name, code === 0 ? { status: 'passed', output } : { status: 'failed', detail: stderr.slice(-600) });
  };
  const load = ['-n', '-c', String(clients), '-j', '2', '-t', String(transactions)];
  await bench('initialise by COPY', ['-i', '-q', '-s', '1']);
  await bench('initialise on the server', ['-i', '-q', '-s', '1', '-I', 'dtGvp']);
  for (const mode of ['simple', 'extended', 'prepared']) {
    await bench(`${mode}: select only`, [...load, '-M', mode, '-S']);
    await bench(`${mode}: simple update`, [...load, '-M', mode, '-N']);
    await bench(`${mode}: as TPC-B`, [...load, '-M', mode]);
  }
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-pgbench-'));
  try {
    for (const [name, { text, modes }] of Object.entries(scripts)) {
      const path = join(directory, 'script.sql');
      await writeFile(path, text);
      for (const mode of modes) await bench(`${mode}: ${name}`, [...load, '-M', mode, '-f', path]);
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  const found = await execute('psql', ['-X', '-A', '-t', '-c', consistency], { environment });
  report.set('consistency', { status: found.stdout.startsWith('t|') ? 'passed' : 'failed', output: found.stdout });
  return report;
}

/** pgbench: -i, simple, extended, prepared, pipelines. */
export const pgbench: Suite = {
  name: 'pgbench',
  prepare: async () => void (await executeOk('pgbench', ['--version'])),
  run: runAll,
};
