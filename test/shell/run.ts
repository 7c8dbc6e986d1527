/**
 * Runs the corpus and writes the table of the room's README: `node test/shell/run.ts [--shell bash,zsh] [--group line]
 * [--id l01,l02] [--level gated,strict] [--parallel 8] [--verbose]`.
 */
import { parseArgs } from 'node:util';
import { corpus } from './corpus/index.ts';
import { playObserved } from './observed.ts';
import { type Outcome, play } from './play.ts';
import { startServer } from './server.ts';

const { values } = parseArgs({
  options: {
    shell: { type: 'string' },
    group: { type: 'string' },
    id: { type: 'string' },
    level: { type: 'string', default: 'gated' },
    parallel: { type: 'string', default: '8' },
    verbose: { type: 'boolean', default: false },
  },
});
const wanted = (list: string | undefined, one: string): boolean => list === undefined || list.split(',').includes(one);

const server = await startServer();
if (server === null) throw new Error('this machine has no sshd: apt-get install openssh-server');
const clients = await Promise.all(Array.from({ length: 4 }, () => server.connect()));
for (const level of values.level.split(',')) {
  const jobs = corpus
    .filter(({ id, group }) => wanted(values.id, id) && wanted(values.group, group))
    .flatMap((scenario) =>
      scenario.shells.filter((shell) => wanted(values.shell, shell)).map((shell) => ({ scenario, shell })),
    );
  const outcomes: Outcome[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: Number(values.parallel) }, async (_, worker) => {
      for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
        const client = clients[worker % clients.length]!;
        outcomes.push(
          level === 'observed'
            ? await playObserved(client, job.scenario, job.shell)
            : await play(client, job.scenario, job.shell, { strict: level === 'strict' }),
        );
      }
    }),
  );
  report(level, outcomes);
}
for (const client of clients) client.end();
await server.stop();
process.exit(0);

function report(level: string, outcomes: readonly Outcome[]): void {
  const groups = [...new Set(outcomes.map(({ scenario }) => scenario.group))];
  const shells = [...new Set(outcomes.map(({ shell }) => shell))];
  process.stdout.write(
    `\n## ${level}\n\n| group | ${shells.join(' | ')} |\n|---|${shells.map(() => '---').join('|')}|\n`,
  );
  for (const group of groups) {
    const cells = shells.map((shell) =>
      cell(
        outcomes.filter((one) => one.scenario.group === group && one.shell === shell),
        level,
      ),
    );
    process.stdout.write(`| ${group} | ${cells.join(' | ')} |\n`);
  }
  process.stdout.write('\n');
  for (const one of [...outcomes].sort((a, b) => order(a).localeCompare(order(b)))) {
    const faults = faultsOf(one, level);
    if (faults.length === 0) continue;
    process.stdout.write(`${one.scenario.id} ${one.shell}: ${one.scenario.title}: ${faults.join(', ')}\n`);
    if (values.verbose) {
      process.stdout.write(
        `   asked ${JSON.stringify(one.asked)}\n   ledger ${JSON.stringify(one.ledger)}\n   output ${JSON.stringify(one.output.slice(-1200))}\n`,
      );
    }
  }
}

function order({ scenario, shell }: Outcome): string {
  return `${scenario.id} ${shell}`;
}

function faultsOf(one: Outcome, level: string): string[] {
  const { scenario } = one;
  const out: string[] = [];
  if (!one.started) out.push(`did not start: ${one.unhooked}`);
  if (one.exact === false) out.push('not exact');
  if (one.ran && level !== 'observed') out.push('RAN');
  if (one.usable === false && level !== 'strict') out.push('unusable afterwards');
  if (one.frozen !== null && scenario.mayFreeze !== true) out.push(`frozen: ${one.frozen}`);
  if (one.leaked) out.push('SECRET RECORDED');
  return out;
}

function cell(outcomes: readonly Outcome[], level: string): string {
  if (outcomes.length === 0) return '';
  const [first] = outcomes;
  const count = (test: (one: Outcome) => boolean): number => outcomes.filter(test).length;
  if (first!.scenario.group === 'benign')
    return `${count((one) => one.usable === true)}/${outcomes.length} undisturbed`;
  if (first!.scenario.group === 'secret') return `${count((one) => one.leaked)}/${outcomes.length} recorded`;
  const exact = outcomes.filter((one) => one.exact !== null);
  const part = exact.length === 0 ? '' : `${exact.filter((one) => one.exact).length}/${exact.length} exact, `;
  if (level === 'observed') return part.replace(', ', '');
  return `${part}${count((one) => one.ran)}/${outcomes.length} ran`;
}
