/** From samples to the tables: medians, ratios to direct, to haproxy and, for bulk, to pgbouncer. Pure. */
import type { Workload } from './workloads.ts';

export interface Sample {
  readonly workload: string;
  readonly candidate: string;
  readonly round: number;
  readonly transactionsPerSecond: number;
  readonly latencyMs: number;
  /** CPU of the candidate's process for one transaction, microseconds; null where there is none. */
  readonly cpuMicroseconds: number | null;
  readonly residentBytes: number | null;
}

export interface Row {
  readonly workload: string;
  readonly candidate: string;
  readonly transactionsPerSecond: number;
  readonly latencyMs: number;
  readonly cpuMicroseconds: number | null;
  readonly residentBytes: number | null;
  /** Median over rounds of the ratio within the same round. */
  readonly toDirect: number | null;
  readonly toHaproxy: number | null;
  readonly toPgbouncer: number | null;
  readonly cpuToHaproxy: number | null;
  readonly cpuToPgbouncer: number | null;
}

export interface Environment {
  readonly node: string;
  readonly postgres: string;
  readonly processor: string;
  readonly cores: number;
  readonly rounds: number;
  readonly secondsPerRound: number;
  readonly finishedAt: string;
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function summarise(samples: readonly Sample[]): Row[] {
  const keys = [...new Set(samples.map(({ workload, candidate }) => `${workload}\0${candidate}`))];
  return keys.map((key) => {
    const [workload = '', candidate = ''] = key.split('\0');
    const own = samples.filter((sample) => sample.workload === workload && sample.candidate === candidate);
    const against = (other: string, of: (sample: Sample) => number | null): number | null => {
      const ratios = own.flatMap((sample) => {
        const peer = samples.find(
          (each) => each.workload === workload && each.candidate === other && each.round === sample.round,
        );
        const [mine, theirs] = [of(sample), peer === undefined ? null : of(peer)];
        return mine === null || theirs === null || theirs === 0 ? [] : [mine / theirs];
      });
      return median(ratios);
    };
    return {
      workload,
      candidate,
      transactionsPerSecond: median(own.map((sample) => sample.transactionsPerSecond)) ?? 0,
      latencyMs: median(own.map((sample) => sample.latencyMs)) ?? 0,
      cpuMicroseconds: median(own.flatMap(({ cpuMicroseconds }) => cpuMicroseconds ?? [])),
      residentBytes: own.reduce<number | null>(
        (most, { residentBytes }) => Math.max(most ?? 0, residentBytes ?? 0) || null,
        null,
      ),
      toDirect: against('direct', (sample) => sample.transactionsPerSecond),
      toHaproxy: against('haproxy', (sample) => sample.transactionsPerSecond),
      toPgbouncer: against('pgbouncer', (sample) => sample.transactionsPerSecond),
      cpuToHaproxy: against('haproxy', (sample) => sample.cpuMicroseconds),
      cpuToPgbouncer: against('pgbouncer', (sample) => sample.cpuMicroseconds),
    };
  });
}

interface Column {
  readonly name: string;
  readonly title: string;
}

type Cell = (row: Row, workload: Workload) => string;

/** Everything that was measured. A dash is what was not. */
export function renderMarkdown(
  rows: readonly Row[],
  workloads: readonly Workload[],
  candidates: readonly Column[],
  environment: Environment,
): string {
  const bulk = workloads.filter(({ rows: perTransaction }) => perTransaction !== undefined);
  const section = (title: string, cell: Cell, of = workloads): string[] =>
    of.length === 0 ? [] : ['', `## ${title}`, '', ...table(rows, of, candidates, cell)];
  return `${[
    '# Benchmark',
    '',
    ...preamble(environment),
    'What each row and column is for: [README.md](../README.md). A dash is what was not measured.',
    ...section('Throughput, direct = 1.00', ({ toDirect }) => ratio(toDirect)),
    ...section('Throughput, haproxy = 1.00', ({ toHaproxy }) => ratio(toHaproxy)),
    ...section('Throughput of bulk, pgbouncer = 1.00', ({ toPgbouncer }) => ratio(toPgbouncer), bulk),
    ...section('CPU of the proxy per transaction, haproxy = 1.00', ({ cpuToHaproxy }) => ratio(cpuToHaproxy)),
    ...section('CPU of the proxy for bulk, pgbouncer = 1.00', ({ cpuToPgbouncer }) => ratio(cpuToPgbouncer), bulk),
    ...section(
      'CPU of the proxy, microseconds per transaction (per 1,000 rows for bulk)',
      ({ cpuMicroseconds }, { rows: perTransaction }) =>
        number(cpuMicroseconds === null ? null : cpuMicroseconds / ((perTransaction ?? 1000) / 1000)),
    ),
    ...section('Latency, milliseconds', ({ latencyMs }) => number(latencyMs, 3)),
    ...section(
      'Transactions a second (rows a second for bulk)',
      ({ transactionsPerSecond }, { rows: perTransaction }) =>
        Math.round(transactionsPerSecond * (perTransaction ?? 1)).toLocaleString('en'),
    ),
    ...section('Resident memory of the proxy at its largest, MiB', ({ residentBytes }) =>
      number(residentBytes === null ? null : residentBytes / 1024 / 1024, 0),
    ),
  ].join('\n')}\n`;
}

/** Candidates that have a column in the project's README: what a newcomer compares first. */
const readmeCandidates: ReadonlySet<string> = new Set([
  'direct',
  'tcp-relay',
  'haproxy',
  'pgbouncer',
  'sallyport-strict',
  'sallyport-best-effort',
  'sallyport-handles',
]);

/** The one table of the project's README. */
export function renderReadme(
  rows: readonly Row[],
  workloads: readonly Workload[],
  candidates: readonly Column[],
  environment: Environment,
): string {
  const shown = workloads.filter(({ masksOnly }) => masksOnly !== true);
  const columns = candidates.filter(({ name }) => readmeCandidates.has(name));
  return [
    ...preamble(environment),
    'Throughput, direct = 1.00 (the rest: [bench/results/latest.md](bench/results/latest.md)):',
    '',
    ...table(rows, shown, columns, ({ toDirect }) => ratio(toDirect)),
  ].join('\n');
}

const readmeBegin = '<!-- bench:begin -->';
const readmeEnd = '<!-- bench:end -->';

/**
 * The README with a new table between its markers. What people wrote below the table stays. Throws where the markers are
 * not there, one of each.
 */
export function spliceReadme(readme: string, text: string): string {
  const [before, rest, ...moreBegins] = readme.split(readmeBegin);
  const [inside, after, ...moreEnds] = (rest ?? '').split(readmeEnd);
  if (before === undefined || inside === undefined || after === undefined || moreBegins.length + moreEnds.length > 0) {
    throw new Error(`README.md must hold ${readmeBegin} and ${readmeEnd}, in this order, once each`);
  }
  const lines = inside.split('\n');
  const below = lines
    .slice(lines.findLastIndex((line) => line.startsWith('|')) + 1)
    .join('\n')
    .trim();
  return `${before}${readmeBegin}\n${text}\n${below === '' ? '' : `\n${below}\n`}${readmeEnd}${after}`;
}

function preamble({ node, postgres, processor, cores, rounds, secondsPerRound, finishedAt }: Environment): string[] {
  return [
    `All candidates interleaved in one run: ${rounds} rounds of ${secondsPerRound} s, medians of the ratios within a round.`,
    `Load, server and proxy share ${cores} cores (${processor}); Node ${node}, PostgreSQL ${postgres}; ${finishedAt}.`,
    'Only ratios mean something: absolute figures move by a factor of two between runs.',
  ];
}

function table(
  rows: readonly Row[],
  workloads: readonly Workload[],
  candidates: readonly Column[],
  cell: Cell,
): string[] {
  return [
    `| | ${candidates.map(({ title }) => title).join(' | ')} |`,
    `|---|${candidates.map(() => '---:').join('|')}|`,
    ...workloads.map((workload) => {
      const cells = candidates.map(({ name }) => {
        const row = rows.find((each) => each.workload === workload.name && each.candidate === name);
        return row === undefined ? '–' : cell(row, workload);
      });
      return `| ${workload.title} | ${cells.join(' | ')} |`;
    }),
  ];
}

function ratio(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}

function number(value: number | null, digits = 1): string {
  return value === null ? '–' : value.toFixed(digits);
}
