/**
 * PostgreSQL's own regression statements, where they were fetched: the parser takes every statement that the server takes,
 * nothing throws, and with `SALLYPORT_TEST_FULL=1` the server changes nothing that was not announced.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { compareColumns } from './fixtures/columns.ts';
import { hasRegress, readScript, regressScripts, runRegress } from './fixtures/regress.ts';
import { openDatabase } from './fixtures/server.ts';
import { analyseSql, createContext, loadSqlParser } from './index.ts';

beforeAll(loadSqlParser);

/** What lineage says of a statement whose following threw, other than by its own limits. */
const mistake = 'the statement was not followed';

/** In an order in which they work: the first makes what the others use. */
const compared =
  `test_setup select select_into select_distinct subselect union case insert update delete merge with returning
  insert_conflict updatable_views foreign_key sequence privileges rowsecurity prepare portals matview domain rangefuncs
  generated identity inherit namespace temp truncate lock guc largeobject advisory_lock json create_cast create_operator`
    .trim()
    .split(/\s+/);

describe.skipIf(!hasRegress)('PostgreSQL’s regression statements', () => {
  it('are all analysed without a surprise', async () => {
    const context = createContext({ searchPath: ['pg_catalog', 'public'], temporary: 'none' });
    let statements = 0;
    let understood = 0;
    for (const script of await regressScripts()) {
      for (const sql of await readScript(script)) {
        statements++;
        const analysis = analyseSql(sql, context);
        if (analysis.understood) understood++;
        for (const { lineage } of analysis.statements) expect(lineage.unresolved).not.toBe(mistake);
        expect(analysis.reasons.map((reason) => reason.code)).not.toContain('unknown-node');
        if (analysis.unparsed === null)
          expect(analysis.reasons.map((one) => one.code)).not.toContain('parser-unavailable');
      }
    }
    expect(statements).toBeGreaterThan(20_000);
    // What is not understood is what the tests get wrong on purpose, DO, and unknown cursors and prepared statements.
    expect(understood / statements).toBeGreaterThan(0.9);
  }, 600_000);

  it('are all followed without a surprise where the tables are known', async () => {
    const database = await openDatabase('');
    try {
      for (const script of ['test_setup', 'create_view', 'with', 'join', 'rangefuncs', 'matview']) {
        for (const sql of await readScript(script)) {
          if (!/\b(stdin|stdout)\b/i.test(sql)) await database.run(sql).catch(() => undefined);
        }
        await database.run('rollback; reset all');
      }
      const context = await database.context();
      let resolved = 0;
      let columns = 0;
      for (const script of await regressScripts()) {
        for (const sql of await readScript(script)) {
          for (const { lineage } of analyseSql(sql, context).statements) {
            expect(lineage.unresolved, sql).not.toBe(mistake);
            if (lineage.columns === null) continue;
            columns++;
            if (lineage.unresolved === null && lineage.columns.every((one) => one.unresolved === null)) resolved++;
          }
        }
      }
      expect(columns).toBeGreaterThan(8_000);
      expect(resolved / columns).toBeGreaterThan(0.3);
    } finally {
      await database.stop();
    }
  }, 600_000);

  it.skipIf(process.env['SALLYPORT_TEST_FULL'] === undefined)(
    'do what was announced',
    async () => {
      const database = await openDatabase('');
      try {
        const result = await runRegress(database, compared);
        expect(result.rejected).toEqual([]);
        expect(result.lies).toEqual([]);
        expect(result.proven).toBeGreaterThan(500);
      } finally {
        await database.stop();
      }
    },
    3_600_000,
  );

  it.skipIf(process.env['SALLYPORT_TEST_FULL'] === undefined)(
    'give the columns that their lineage names',
    async () => {
      const database = await openDatabase('');
      try {
        const result = await compareColumns(database);
        expect(result.lies).toEqual([]);
        expect(result.resolved).toBeGreaterThan(8_000);
      } finally {
        await database.stop();
      }
    },
    600_000,
  );
});
