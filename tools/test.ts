/**
 * Runs every test and ends with one line that says how many passed and failed; a run without tests is a failure.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';

const report = '.cache/tests.json';
await mkdir('.cache', { recursive: true });
const vitest = spawn(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
const code = await new Promise<number>((resolve) => vitest.once('exit', (status) => resolve(status ?? 1)));
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(await readFile(report, 'utf8')) as {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
};
const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
process.stdout.write(`\n${numPassedTests} passed, ${numFailedTests} failed${skipped}\n`);
process.exitCode = code !== 0 || numPassedTests === 0 ? 1 : 0;
