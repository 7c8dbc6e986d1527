/** From samples to the table: medians, ratios to direct and to haproxy. Pure. */
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
  readonly cpuToHaproxy: number | null;
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
      cpuToHaproxy: against('haproxy', (sample) => sample.cpuMicroseconds),
    };
  });
}

export function renderMarkdown(
  rows: readonly Row[],
  workloads: readonly Workload[],
  candidates: readonly { readonly name: string; readonly title: string }[],
  environment: Environment,
): string {
  const { node, postgres, processor, cores, rounds, secondsPerRound, finishedAt } = environment;
  const head = `| | ${candidates.map(({ title }) => title).join(' | ')} |`;
  const rule = `|---|${candidates.map(() => '---:').join('|')}|`;
  const table = (cell: (row: Row, workload: Workload) => string): string[] => [
    head,
    rule,
    ...workloads.map((workload) => {
      const cells = candidates.map(({ name }) => {
        const row = rows.find((each) => each.workload === workload.name && each.candidate === name);
        return row === undefined ? '–' : cell(row, workload);
      });
      return `| ${workload.title} | ${cells.join(' | ')} |`;
    }),
  ];
  return `${[
    '# Benchmark',
    '',
    `All candidates interleaved in one run: ${rounds} rounds of ${secondsPerRound} s, medians of the ratios within a round.`,
    `Load, server and proxy share ${cores} cores (${processor}); Node ${node}, PostgreSQL ${postgres}; ${finishedAt}.`,
    'Only ratios mean something: absolute figures move by a factor of two between runs.',
    '',
    '## Throughput, direct = 1.00',
    '',
    ...table(({ toDirect }) => ratio(toDirect)),
    '',
    '## Throughput, haproxy = 1.00',
    '',
    ...table(({ toHaproxy }) => ratio(toHaproxy)),
    '',
    '## CPU of the proxy, microseconds per transaction (per 1,000 rows for bulk)',
    '',
    ...table(({ cpuMicroseconds }, { rows: perTransaction }) =>
      number(cpuMicroseconds === null ? null : cpuMicroseconds / ((perTransaction ?? 1000) / 1000)),
    ),
    '',
    '## CPU of the proxy, haproxy = 1.00',
    '',
    ...table(({ cpuToHaproxy }) => ratio(cpuToHaproxy)),
    '',
    '## Latency, milliseconds',
    '',
    ...table(({ latencyMs }) => number(latencyMs, 3)),
    '',
    '## Transactions a second (rows a second for bulk)',
    '',
    ...table(({ transactionsPerSecond }, { rows: perTransaction }) =>
      Math.round(transactionsPerSecond * (perTransaction ?? 1)).toLocaleString('en'),
    ),
    '',
    '## Resident memory of the proxy at its largest, MiB',
    '',
    ...table(({ residentBytes }) => number(residentBytes === null ? null : residentBytes / 1024 / 1024, 0)),
  ].join('\n')}\n`;
}

function ratio(value: number | null): string {
  return value === null ? '–' : value.toFixed(2);
}

function number(value: number | null, digits = 1): string {
  return value === null ? '–' : value.toFixed(digits);
}
