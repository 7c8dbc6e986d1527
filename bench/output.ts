/** What the in-process benchmarks share: options, medians of rounds, and a table printed and kept in `results/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface RunOptions {
  readonly quick: boolean;
  readonly rounds: number;
}

/** `--quick`, `--rounds N`. */
export function runOptions(): RunOptions {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, rounds: { type: 'string' } },
  });
  return { quick: values.quick, rounds: Number(values.rounds ?? (values.quick ? 2 : 8)) };
}

export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Prints the tables and writes `results/<name>.{md,json}`; a quick run writes `results/<name>-quick.*`. */
export async function publish(
  name: string,
  options: RunOptions,
  notes: readonly string[],
  tables: readonly Table[],
  samples: unknown,
): Promise<void> {
  const environment = {
    node: process.versions.node,
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    rounds: options.rounds,
    finishedAt: new Date().toISOString(),
  };
  const { node, processor, cores, rounds, finishedAt } = environment;
  const markdown = `${[
    `# Benchmark: ${name}`,
    '',
    `${rounds} rounds, medians; ${cores} cores (${processor}); Node ${node}; ${finishedAt}.`,
    ...notes,
    ...tables.flatMap(({ title, head, rows }) => [
      '',
      `## ${title}`,
      '',
      `| ${head.join(' | ')} |`,
      `|---|${head
        .slice(1)
        .map(() => '---:')
        .join('|')}|`,
      ...rows.map((row) => `| ${row.join(' | ')} |`),
    ]),
  ].join('\n')}\n`;
  const folder = fileURLToPath(new URL('./results/', import.meta.url));
  const file = options.quick ? `${name}-quick` : name;
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}${file}.md`, markdown);
  await writeFile(`${folder}${file}.json`, `${JSON.stringify({ environment, tables, samples }, null, 1)}\n`);
  console.log(`\n${markdown}\nwritten to bench/results/${file}.json and ${file}.md`);
}

/** The `share` quantile of numbers, 0.5 the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
