/**
 * Transparency, measured by other people's tests: each suite runs directly and through the gateway, and its outcomes must
 * be equal. What fails directly, too, is compared like the rest.
 *
 *     node test/drivers/run.ts [SUITE…]
 *
 * Prints a table and every difference; ends with 1 when one is not explained. Reports go to `.cache/drivers/results/`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '../../src/base/errors.ts';
import { explain } from './explained.ts';
import { type Comparison, compare, count, describe, type Report, table } from './outcome.ts';
import { openStage, type Stage } from './stage.ts';
import { cacheDirectory, type Suite } from './suite.ts';
import { suites } from './suites/index.ts';

const results = join(cacheDirectory, 'results');

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0)
    throw new Error(`no suite ${unknown.join(', ')}; there are ${suites.map(({ name }) => name).join(', ')}`);
  await mkdir(results, { recursive: true });
  const comparisons: Comparison[] = [];
  const left: string[] = [];
  const stage = await openStage();
  try {
    for (const suite of suites) {
      if (names.length > 0 && !names.includes(suite.name)) continue;
      try {
        await suite.prepare();
      } catch (error) {
        left.push(`${suite.name} is left out: ${describeError(error)}`);
        continue;
      }
      comparisons.push(await runBoth(stage, suite));
    }
  } finally {
    await stage.stop();
  }
  for (const { suite, differences } of comparisons) {
    if (differences.length > 0) console.log(`\n${suite}\n${differences.map(describe).join('\n')}`);
  }
  console.log(`\n${table(comparisons)}`);
  for (const line of left) console.log(line);
  await writeFile(join(results, 'table.md'), `${table(comparisons)}\n`);
  const faults = comparisons
    .flatMap(({ differences }) => differences)
    .filter(({ explanation }) => explanation === null);
  // A suite that could not run has not shown anything.
  process.exitCode = faults.length > 0 || left.length > 0 ? 1 : 0;
}

async function runBoth(stage: Stage, suite: Suite): Promise<Comparison> {
  const reports: Report[] = [];
  const seconds: number[] = [];
  for (const route of stage.routes) {
    console.error(`${suite.name}: ${route.name} …`);
    await stage.reset();
    if (suite.seed !== undefined) await stage.server.query(suite.seed);
    const begun = performance.now();
    const report = await suite.run(route);
    seconds.push((performance.now() - begun) / 1000);
    reports.push(report);
    const path = join(results, `${suite.name}.${route.name}.json`);
    await writeFile(path, `${JSON.stringify(Object.fromEntries(report), null, 1)}\n`);
  }
  const [direct, gateway] = reports as [Report, Report];
  return {
    suite: suite.name,
    tests: new Set([...direct.keys(), ...gateway.keys()]).size,
    passed: { direct: count(direct, 'passed'), gateway: count(gateway, 'passed') },
    failed: { direct: count(direct, 'failed'), gateway: count(gateway, 'failed') },
    skipped: count(direct, 'skipped'),
    seconds: { direct: seconds[0] ?? 0, gateway: seconds[1] ?? 0 },
    differences: compare(direct, gateway, (test) => explain(suite.name, test)),
  };
}

await main(process.argv.slice(2));
