/**
 * The table of statements against a real server: the analysis is what the table says, and the server changed nothing that
 * the analysis did not announce (A-PG-15, A-PG-18).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeAnalysis, readGoldens } from './fixtures/golden.ts';
import { findLies, takePicture } from './fixtures/oracle.ts';
import { openDatabase, type TestDatabase } from './fixtures/server.ts';
import { type AnalysisContext, analyseSql, isProvenRead } from './index.ts';

const goldens = await readGoldens();
let database: TestDatabase;
let context: AnalysisContext;

beforeAll(async () => {
  database = await openDatabase();
  context = await database.context();
});
afterAll(() => database.stop());

describe('the table', () => {
  it.each(goldens)('$sql', ({ sql, expected }) => {
    expect(describeAnalysis(analyseSql(sql, context)).trim()).toBe(expected);
  });
});

describe('the server agrees', () => {
  /** What ends the transaction that the comparison rests on, or needs the client to send data. */
  const untried =
    /^(begin|start|commit|rollback|savepoint|release|prepare transaction|copy \S+ from stdin|copy .* to stdout|set role|set session authorization)/;

  it('about every statement that it accepts', async () => {
    const lies: string[] = [];
    let compared = 0;
    let proven = 0;
    for (const { sql } of goldens) {
      if (untried.test(sql)) continue;
      const analysis = analyseSql(sql, context);
      await database.run('begin');
      const before = await takePicture(database.ask);
      const isAccepted = await database.run(sql).then(
        () => true,
        () => false,
      );
      if (isAccepted) {
        compared++;
        if (isProvenRead(analysis)) proven++;
        const after = await takePicture(database.ask);
        lies.push(...findLies(analysis, before, after).map((lie) => `${sql}: ${lie}`));
      }
      await database.run('rollback');
      await database.run('deallocate all; reset all; close all; unlisten *; select pg_advisory_unlock_all()');
    }
    expect(lies).toEqual([]);
    // The comparison compares something: most of the table runs.
    expect(compared).toBeGreaterThan(300);
    expect(proven).toBeGreaterThan(80);
  }, 300_000);
});
