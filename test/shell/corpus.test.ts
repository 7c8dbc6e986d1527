/**
 * A part of the corpus on every run; all of it with `SALLYPORT_TEST_FULL=1`, or as a table with `node test/shell/run.ts`.
 * A-SSH-19: what is typed in any of these ways is asked verbatim before it runs, and a denied program does not run.
 */
import { existsSync } from 'node:fs';
import type { Client } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { corpus, type Scenario } from './corpus/index.ts';
import { type Outcome, play } from './play.ts';
import { startServer, type TestServer } from './server.ts';
import { type ShellKind, shellPaths } from './terminal.ts';

/** One of each kind, and what broke before. */
const chosen = new Set(
  'l01 l07 l15 l18 l22 l28 l30 l38 l40 l42 l48 l49 l53 l71 m01 m02 m10 m13 m15 i01 i05 i13 a01 a06 a07 a11 a12 a20 a22 n01 n03 b04 b06 b11 b13 b14 b31 b33 s02'.split(
    ' ',
  ),
);
const full = process.env['SALLYPORT_TEST_FULL'] === '1';
const has = existsSync('/usr/sbin/sshd');
const jobs = corpus
  .filter(({ id }) => full || chosen.has(id))
  .flatMap((scenario) =>
    scenario.shells.filter((shell) => existsSync(shellPaths[shell])).map((shell) => ({ scenario, shell })),
  )
  // Without FULL, one shell with hooks and one without carry most; the others a few.
  .filter(
    ({ shell, scenario }) =>
      full || shell === 'bash' || shell === 'dash' || /^(?:l01|l15|l28|m02|m15|a01|b13|i01)$/.test(scenario.id),
  );

describe.skipIf(!has)('the corpus, gated', () => {
  let server: TestServer;
  const clients: Client[] = [];
  const outcomes = new Map<string, Outcome>();
  const nameOf = (scenario: Scenario, shell: ShellKind): string => `${scenario.id} ${shell}: ${scenario.title}`;

  beforeAll(
    async () => {
      const started = await startServer();
      expect(started).not.toBeNull();
      server = started!;
      for (let at = 0; at < 2; at++) clients.push(await server.connect());
      let next = 0;
      await Promise.all(
        Array.from({ length: 8 }, async (_, worker) => {
          for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
            const again = (): Promise<Outcome> =>
              play(clients[worker % 2]!, job.scenario, job.shell, { strict: false });
            const first = await again();
            // A machine under load may not open a channel in time, or not read what was typed; neither is what is tested here.
            const isLate = !first.started || (!first.ran && first.asked.length === 0 && first.exact !== null);
            const outcome = isLate ? await again() : first;
            outcomes.set(nameOf(job.scenario, job.shell), outcome);
          }
        }),
      );
    },
    full ? 1_800_000 : 180_000,
  );

  afterAll(async () => {
    for (const client of clients) client.end();
    await server.stop();
  });

  test.each(jobs.map(({ scenario, shell }) => [nameOf(scenario, shell), scenario, shell] as const))(
    '%s',
    (name, scenario, shell) => {
      const outcome = outcomes.get(name)!;
      expect(outcome.started, outcome.unhooked ?? '').toBe(true);
      expect(outcome.leaked).toBe(false);
      if (outcome.exact !== null) expect(outcome.asked).toEqual(expect.arrayContaining([...(scenario.lines ?? [])]));
      if (mustNotRun(scenario, shell)) expect(outcome.ran, JSON.stringify(outcome.asked)).toBe(false);
      if (scenario.mayFreeze !== true) expect(outcome.frozen).toBeNull();
      if (outcome.usable !== null) expect(outcome.usable, outcome.output.slice(-400)).toBe(true);
    },
  );
});

/** What the level promises: nothing of what is typed, and of the indirect kinds what the README's table says is stopped. */
function mustNotRun({ group, id }: Scenario, shell: ShellKind): boolean {
  if (group === 'line' || group === 'multi' || group === 'attack') return true;
  const stopsCommands = shell === 'bash' || shell === 'zsh';
  return stopsCommands && /^(?:i01|i05|i13|n01|n03)$/.test(id);
}
