/**
 * The part of the driver suites that is quick and needs nothing but what `make test` installs: psql, pgbench,
 * node-postgres and postgres.js, direct and through the gateway, with equal outcomes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explain } from './explained.ts';
import { compare, count, type Report, describe as render } from './outcome.ts';
import { openStage, type Stage } from './stage.ts';
import type { Suite } from './suite.ts';
import { node } from './suites/node.ts';
import { pgbench } from './suites/pgbench.ts';
import { psqlQuick } from './suites/psql.ts';

const deadlineMs = 180_000;
let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
}, deadlineMs);
afterAll(() => stage?.stop());

/** The least number of cases: a suite that silently runs nothing has not passed. */
const suites: readonly (readonly [suite: Suite, casesMin: number])[] = [
  [psqlQuick, 70],
  [pgbench, 12],
  [node, 100],
];

describe('existing clients see no difference', () => {
  test.each(suites.map(([suite, casesMin]) => ({ name: suite.name, suite, casesMin })))(
    '$name',
    async ({ suite, casesMin }) => {
      await suite.prepare();
      const reports: Report[] = [];
      for (const route of stage.routes) {
        await stage.reset();
        reports.push(await suite.run(route));
      }
      const [direct, gateway] = reports as [Report, Report];
      expect(count(direct, 'passed')).toBeGreaterThanOrEqual(casesMin);
      expect(count(direct, 'skipped') + count(direct, 'failed')).toBe(0);
      const differences = compare(direct, gateway, (name) => explain(suite.name, name));
      expect(differences.filter(({ explanation }) => explanation === null).map(render)).toEqual([]);
    },
    deadlineMs,
  );
});
