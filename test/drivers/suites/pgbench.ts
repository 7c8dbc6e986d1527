/** pgbench: initialising (COPY), and its three ways to send a query, each to the last transaction. */

import type { Route } from '../stage.ts';
import { execute, executeOk, outcomesOf, type Report, type Suite } from '../suite.ts';

async function runAll({ environment }: Route): Promise<Report> {
  const outcomes = new Map<string, string>();
  const made = await execute('pgbench', ['-i', '-q', '-s', '1'], { environment });
  outcomes.set('initialise', made.code === 0 ? 'pass' : `fail: ${made.stderr.slice(-300)}`);
  const server = await execute('pgbench', ['-i', '-q', '-s', '1', '-I', 'dtGvp'], { environment });
  outcomes.set('initialise on the server', server.code === 0 ? 'pass' : `fail: ${server.stderr.slice(-300)}`);
  for (const mode of ['simple', 'extended', 'prepared']) {
    for (const kind of [['-S'], ['-N'], []]) {
      const flags = ['-n', '-M', mode, ...kind, '-c', '4', '-j', '2', '-t', '200'];
      const { code, stdout, stderr } = await execute('pgbench', flags, { environment });
      const done = /transactions actually processed: (\S+)/.exec(stdout)?.[1];
      const failed = /failed transactions: (\d+)/.exec(stdout)?.[1];
      outcomes.set(
        `${mode} ${kind.join(' ')}`,
        code === 0 ? `${done}, ${failed} failed` : `fail: ${stderr.slice(-300)}`,
      );
    }
  }
  return outcomesOf(outcomes);
}

/** pgbench: -i, simple, extended, prepared. */
export const pgbench: Suite = {
  name: 'pgbench',
  prepare: async () => void (await executeOk('pgbench', ['--version'])),
  run: runAll,
};
