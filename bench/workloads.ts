/** What pgbench does in each row of the table. */

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
  /** Part of the quick run. */
  readonly quick?: boolean;
}

/** Rows of pgbench_accounts per unit of scale. */
export const rowsPerScale = 100_000;
const bulkRows = 50_000;

const modes = ['simple', 'extended', 'prepared'] as const;

export const workloads: readonly Workload[] = [
  ...modes.flatMap((mode) =>
    [1, 8, 32].map((clients) => ({
      name: `select-${mode}-${clients}`,
      title: `-S ${mode}, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
      clients,
      arguments: ['-S', '-M', mode],
      quick: clients === 8,
    })),
  ),
  {
    name: 'write-8',
    title: 'default (reads and writes), 8 clients',
    clients: 8,
    arguments: ['-M', 'prepared'],
    quick: true,
  },
  {
    name: 'bulk-1',
    title: `bulk SELECT of ${bulkRows.toLocaleString('en')} rows, 1 client`,
    clients: 1,
    arguments: [],
    script: `select * from pgbench_accounts where aid <= ${bulkRows};\n`,
    rows: bulkRows,
    quick: true,
  },
];
