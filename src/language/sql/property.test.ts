/** Properties over generated texts. Failures print their seed. */
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readGoldens } from './fixtures/golden.ts';
import { type Analysis, analyseSql, createContext, isProvenRead, loadSqlParser } from './index.ts';
import { readLineages } from './lineage/fixtures/golden.ts';

const runs = Number(process.env['SALLYPORT_FUZZ_RUNS'] ?? 300);
const context = createContext({ searchPath: ['pg_catalog', 'public'], temporary: 'none' });
const statements = (await readGoldens()).map((golden) => golden.sql);
const lineages = (await readLineages()).map((golden) => golden.sql);
/** Single statements that leave the meaning of names alone. */
let steady: string[] = [];

beforeAll(async () => {
  await loadSqlParser();
  steady = statements.filter((sql) => {
    const { statements: list, effects } = analyseSql(sql, context);
    return list.length === 1 && list[0]!.reasons.every((one) => one.code === 'no-catalog') && !effects.some(isUnsteady);
  });
});
// Hostile texts may have cost a parser; a spare is loaded before the next property, never in the middle of one.
beforeEach(loadSqlParser);
const isUnsteady = (effect: string): boolean =>
  [
    'create',
    'alter',
    'drop',
    'grant',
    'role-change',
    'transaction',
    'session-change',
    'program-execution',
    'unknown',
  ].includes(effect);

/** What of an analysis does not depend on where things stand in the text. */
const meaning = (analysis: Analysis): unknown => [
  analysis.effects,
  analysis.complete,
  analysis.reasons,
  analysis.statements.map(({ start: _start, end: _end, ...rest }) => rest),
];

const fragment = fc.constantFrom(
  ...statements.flatMap((sql) => sql.split(/(?<=\s)|(?=[(),;'])/)),
  ...[
    "'",
    '"',
    '$$',
    '$a$',
    '/*',
    '*/',
    '--',
    '\n',
    '\\',
    ';',
    '(',
    ')',
    '[',
    ']',
    ',',
    '.',
    '::',
    'é',
    '\u2028',
    '$1',
  ],
  ...["E'", "U&'", 'with', 'as', 'select', 'from', 'begin', 'atomic', 'end', 'case', '=', '+', 'not', 'null'],
);

describe('an analysis', () => {
  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 300 }),
          fc.array(fragment, { maxLength: 40 }).map((all) => all.join(' ')),
        ),
        (text) => {
          const analysis = analyseSql(text, context);
          expect(analysis.textBytes).toBe(new TextEncoder().encode(text).length);
          for (const { start, end } of analysis.statements) {
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeLessThanOrEqual(analysis.textBytes);
            expect(end).toBeGreaterThan(start);
          }
        },
      ),
      { numRuns: runs * 3 },
    );
  });

  it('never throws on a statement with something cut, doubled or exchanged', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...statements, ...lineages),
        fc.nat(),
        fc.nat(20),
        fragment,
        (sql, place, length, insert) => {
          const at = place % (sql.length + 1);
          const text = sql.slice(0, at) + insert + sql.slice(at + length);
          const analysis = analyseSql(text, context);
          // Following it did not throw either, which would be caught.
          for (const { lineage } of analysis.statements)
            expect(lineage.unresolved).not.toBe('the statement was not followed');
        },
      ),
      { numRuns: runs * 3 },
    );
  });

  it('does not depend on comments, spaces or the case of words', () => {
    const space = fc.constantFrom(' ', '\n', '\t', ' /* c */ ', ' -- c\n', " /* ; /* drop table x */ ' */ ");
    fc.assert(
      fc.property(fc.nat(), fc.array(space, { minLength: 1, maxLength: 8 }), fc.boolean(), (pick, spaces, isUpper) => {
        const sql = steady[pick % steady.length]!;
        // Only statements without quotes or comments can be changed so simply.
        fc.pre(!/['"$]|--|\/\*/.test(sql));
        let next = 0;
        const spaced = sql.replace(/ /g, () => spaces[next++ % spaces.length]!);
        const text = `${spaces[0]}${isUpper ? spaced.toUpperCase() : spaced}${spaces[0]}`;
        expect(meaning(analyseSql(text, context))).toEqual(meaning(analyseSql(sql, context)));
      }),
      { numRuns: runs },
    );
  });

  it('of several statements is the union of theirs', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 5 }), (picks) => {
        const list = picks.map((pick) => steady[pick % steady.length]!);
        const alone = list.map((sql) => analyseSql(sql, context));
        const together = analyseSql(list.join('\n;'), context);
        const strip = ({ statements: all }: Analysis) => all.map(({ start: _start, end: _end, ...rest }) => rest);
        expect(strip(together)).toEqual(alone.flatMap(strip));
        expect(together.effects).toEqual([...new Set(alone.flatMap((one) => one.effects))].sort());
        expect(together.complete).toBe(alone.every((one) => one.complete));
        expect(isProvenRead(together)).toBe(alone.every((one) => isProvenRead(one)));
      }),
      { numRuns: runs },
    );
  });

  it('never gets better by putting a statement into another', () => {
    const wrappers = [
      (sql: string) => `explain analyze ${sql}`,
      (sql: string) => `prepare p as ${sql}`,
      (sql: string) => `copy (${sql}) to stdout`,
      (sql: string) => `with inner_query as (${sql}) select 1`,
    ];
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...wrappers), (pick, wrap) => {
        const sql = steady[pick % steady.length]!;
        const inner = analyseSql(sql, context);
        const outer = analyseSql(wrap(sql), context);
        fc.pre(outer.unparsed === null);
        for (const effect of inner.effects) expect(outer.effects).toContain(effect);
        if (!isProvenRead(inner)) expect(isProvenRead(outer)).toBe(false);
      }),
      { numRuns: runs },
    );
  });
});
