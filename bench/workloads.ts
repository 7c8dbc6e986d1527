/**
 * What pgbench does in each row of the table, and which candidates take part in it by default.
 *
 * A candidate that has nothing to do with a row is left out of it, so that a default run ends in eight minutes; `--all`
 * runs everything with everything. `direct` and `haproxy` are in every row: ratios need them.
 */
import type { CandidateName } from './candidates.ts';
import { bulkColumns } from './tables.ts';

export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly clients: number;
  /** Arguments of pgbench besides clients and time. */
  readonly arguments: readonly string[];
  /** A script of pgbench, where the workload is none of its own. */
  readonly script?: string;
  /** Rows per transaction, where rows are what counts. */
  readonly rows?: number;
  /** Who takes part by default; empty where only `--all` or `--workloads` runs it. */
  readonly candidates: readonly CandidateName[];
  /** Part of the quick run. */
  readonly quick?: boolean;
  /** Says something only of candidates that the README's table does not show. */
  readonly masksOnly?: boolean;
}

/** Rows of a bulk SELECT, in each of the three tables. */
export const bulkRows = 50_000;

const bulkTitle = bulkRows.toLocaleString('en');
const modes = ['simple', 'extended', 'prepared'] as const;
const peers = ['direct', 'haproxy', 'pgbouncer'] as const;

/** Who takes part in the selects by default, where not everyone of `peers` and best-effort does. */
const selects: Readonly<Record<string, readonly CandidateName[]>> = {
  'simple-8': [...peers, 'sallyport-best-effort', 'sallyport-handles', 'sallyport-masked'],
  'extended-8': [...peers, 'sallyport-best-effort', 'sallyport-handles', 'sallyport-masked'],
  'prepared-8': [
    ...peers,
    'tcp-relay',
    'sallyport-strict',
    'sallyport-best-effort',
    'sallyport-handles',
    'sallyport-masked',
  ],
  'prepared-32': [...peers, 'sallyport-strict', 'sallyport-best-effort', 'sallyport-handles'],
  'prepared-1': ['direct', 'haproxy', 'sallyport-strict', 'sallyport-best-effort'],
};

export const workloads: readonly Workload[] = [
  ...modes.flatMap((mode) =>
    [1, 8, 32].map((clients) => ({
      name: `select-${mode}-${clients}`,
      title: `-S ${mode}, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
      clients,
      arguments: ['-S', '-M', mode],
      candidates: selects[`${mode}-${clients}`] ?? [],
      quick: clients === 8,
    })),
  ),
  {
    name: 'write-8',
    title: 'default (reads and writes), 8 clients',
    clients: 8,
    arguments: ['-M', 'prepared'],
    candidates: ['direct', 'haproxy', 'sallyport-strict', 'sallyport-best-effort', 'sallyport-handles'],
    quick: true,
  },
  {
    name: 'bulk-1',
    title: `bulk SELECT of ${bulkTitle} rows, 1 client`,
    clients: 1,
    arguments: [],
    script: `select * from pgbench_accounts where aid <= ${bulkRows};\n`,
    rows: bulkRows,
    candidates: [...peers, 'tcp-relay', 'sallyport-best-effort', 'sallyport-handles'],
    quick: true,
  },
  {
    name: 'bulk-pii',
    title: `bulk SELECT of ${bulkTitle} rows dense in personal data, 1 client`,
    clients: 1,
    arguments: [],
    script: `select ${bulkColumns.join(', ')} from bulk_pii;\n`,
    rows: bulkRows,
    candidates: [...peers, 'sallyport-best-effort', 'sallyport-masked', 'sallyport-detect'],
    quick: true,
    masksOnly: true,
  },
  {
    name: 'bulk-clean',
    title: `bulk SELECT of ${bulkTitle} rows without any, 1 client`,
    clients: 1,
    arguments: [],
    script: `select ${bulkColumns.join(', ')} from bulk_clean;\n`,
    rows: bulkRows,
    candidates: [...peers, 'sallyport-best-effort', 'sallyport-detect'],
    quick: true,
    masksOnly: true,
  },
];
