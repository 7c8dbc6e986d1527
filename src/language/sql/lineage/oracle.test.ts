/**
 * Lineage against real servers: every result is looked through for values, and a column that holds one must be said to
 * carry the column it came from, or to be unresolved (A-MSK-02). The number and the names of columns must be right too.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debianBinaries } from '../../../../test/servers/postgres.ts';
import { openDatabase, type TestDatabase } from '../fixtures/server.ts';
import { type AnalysisContext, analyseSql } from '../index.ts';
import { canarySeed, columnsIn } from './fixtures/database.ts';
import { Generator } from './fixtures/generate.ts';
import { readLineages } from './fixtures/golden.ts';
import { findLeaks } from './fixtures/leaks.ts';

const goldens = await readLineages();
const builds = debianBinaries() === null ? (['npm'] as const) : (['debian', 'npm'] as const);

describe.each(builds)('what a server sends (%s)', (build) => {
  let database: TestDatabase;
  let context: AnalysisContext;
  beforeAll(async () => {
    database = await openDatabase(canarySeed, build);
    context = await database.context();
  });
  afterAll(() => database.stop());

  it('A-MSK-02: comes from where it was said to come from', async () => {
    const lies: string[] = [];
    let compared = 0;
    let cells = 0;
    for (const { sql } of goldens) {
      // The connection of this test cannot take part in COPY, nor be left in another state.
      if (/^(copy .* (stdin|stdout)|begin|set )/.test(sql) || sql.includes(';')) continue;
      const result = await findLeaks(database, context, sql);
      lies.push(...result.lies.map((lie) => `${sql}: ${lie}`));
      if (result.isAccepted) compared++;
      cells += result.cells;
    }
    expect(lies).toEqual([]);
    // The comparison compares something: most of the table runs, and most results hold values of tables.
    expect(compared).toBeGreaterThan(220);
    expect(cells).toBeGreaterThan(1000);
  }, 120_000);
});

describe('random queries', () => {
  let database: TestDatabase;
  let context: AnalysisContext;
  beforeAll(async () => {
    database = await openDatabase(canarySeed);
    context = await database.context();
  });
  afterAll(() => database.stop());

  it('A-MSK-02: give nothing that they were not said to give', async () => {
    const seed = Number(process.env['SALLYPORT_FUZZ_SEED'] ?? Date.now() % 1_000_000);
    const runs = Number(process.env['SALLYPORT_FUZZ_RUNS'] ?? 300);
    const generator = new Generator(seed);
    let accepted = 0;
    let resolved = 0;
    let cells = 0;
    for (let run = 0; run < runs; run++) {
      const sql = generator.query();
      const result = await findLeaks(database, context, sql);
      expect(result.lies, `seed ${seed}: ${sql}`).toEqual([]);
      if (!result.isAccepted) continue;
      accepted++;
      cells += result.cells;
      const { lineage } = analyseSql(sql, context).statements[0]!;
      if (lineage.unresolved === null && lineage.columns?.every((column) => column.unresolved === null)) resolved++;
    }
    // Most are taken by the server, and of those nearly all are followed to their end.
    expect(accepted, `seed ${seed}`).toBeGreaterThan(runs * 0.6);
    expect(resolved, `seed ${seed}`).toBeGreaterThan(accepted * 0.95);
    expect(cells, `seed ${seed}`).toBeGreaterThan(runs);
  }, 600_000);
});

describe('the comparison', () => {
  it('finds values in every form', () => {
    const card = 'kbxrqwzmtplyas1';
    const forms = [
      card,
      card.toUpperCase(),
      [...card].reverse().join(''),
      Buffer.from(card).toString('hex'),
      Buffer.from(card).toString('base64'),
      `{"a": ["${card.slice(3, 9)}"]}`,
      `\\x${Buffer.from(card.slice(1)).toString('hex')}`,
    ];
    for (const form of forms) expect(columnsIn(form), form).toEqual([['public.people.card']]);
    expect(columnsIn(card.slice(0, 5))).toEqual([]);
    expect(columnsIn('37590001')).toEqual([['public.people.salary']]);
  });
});
