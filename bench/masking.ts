/**
 * What masking costs in this process alone: rows as a server sends them, through the server's side of the relay, with no
 * sockets and a recording that keeps nothing. `node bench/masking.ts [--quick] [--rounds N]`.
 *
 * Time is this process's on the processor, its collector's included. Rates are bytes of DataRow messages as they come in, whatever leaves. `none` is what framing and the copy for the
 * recording cost, which the other rows pay as well.
 */
import type { DetectorName } from '../src/masking/detectors/table.ts';
import { kindsOf } from '../src/masking/kinds.ts';
import { markBytes } from '../src/masking/marks.ts';
import { twelveDetectors } from './gateways.ts';
import { dearest } from './masking-adversary.ts';
import { PostgresMaskBench } from './masking-rows.ts';
import { publish, quantile, runOptions } from './output.ts';

const options = runOptions();
const bench = new PostgresMaskBench(50_000);
const samples: { row: string; rounds: number[] }[] = [];
const rows: (string | number)[][] = [];
for (const { name, table, run } of bench.cases) {
  const chunks = bench.chunks[table];
  const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  for (let warm = 0; warm < 3; warm++) run(chunks);
  const rounds = Array.from({ length: options.rounds }, () => {
    const begin = process.cpuUsage();
    run(chunks);
    const { user, system } = process.cpuUsage(begin);
    return (user + system) * 1000;
  });
  const ns = quantile(rounds, 0.5);
  samples.push({ row: `${name} ${table}`, rounds });
  rows.push([`${name}, ${table}`, Math.round((bytes / ns) * 1000), Math.round(ns / bench.rows)]);
}
const adversaries = dearest(options.quick ? 2 : options.rounds).slice(0, 5);
await publish(
  'masking',
  options,
  ['Time on the processor. Rates are of what comes in.'],
  [
    { title: 'Rows of 160 bytes, five columns', head: ['', 'MB/s', 'ns per row'], rows },
    { title: 'The mark pass alone (P8)', head: ['', 'MB/s'], rows: marking() },
    { title: 'The dearest cells of a megabyte', head: ['', 'ms'], rows: adversaries.map((one) => [one.what, one.ms]) },
  ],
  samples,
);

/** How fast a chunk is marked for twelve detectors, whatever is done then. */
function marking(): (string | number)[][] {
  const wanted = kindsOf(new Set<DetectorName>(twelveDetectors));
  return (['clean', 'dense'] as const).map((table) => {
    const chunks = bench.chunks[table];
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    const rounds = Array.from({ length: options.rounds * 4 }, () => {
      const begin = process.cpuUsage();
      for (const chunk of chunks) markBytes(chunk, 0, chunk.length, wanted);
      const { user, system } = process.cpuUsage(begin);
      return (user + system) * 1000;
    });
    return [table, Math.round((bytes / quantile(rounds, 0.5)) * 1000)];
  });
}
