import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SearchNode } from '../../core/search.ts';
import { readQuery } from './compile.ts';
import { fields } from './fields.ts';
import { depthMax, queryLengthMax, termsMax } from './limits.ts';
import { parse, type Term } from './parser.ts';
import { print } from './print.ts';
import { suggest } from './suggest.ts';

const now = Date.parse('2026-11-21T12:00:00Z');
const iso = (ms: number): string => new Date(ms).toISOString();

function whereOf(text: string): SearchNode | null {
  const { read, problem } = readQuery(text, now);
  if (read === null) throw new Error(`${problem.at}: ${problem.message}`);
  return read.query.where;
}

function problemOf(text: string) {
  const { problem } = readQuery(text, now);
  if (problem === null) throw new Error(`${text} was read`);
  return problem;
}

function spanOf(text: string): readonly [string, string] {
  const { read, problem } = readQuery(text, now);
  if (read === null) throw new Error(problem.message);
  return [iso(read.query.fromMs), iso(read.query.toMs)];
}

describe('what a query means', () => {
  it('asks of everything when it is empty', () => {
    expect(whereOf('')).toBeNull();
    expect(whereOf('  sort:rows since:7d ')).toBeNull();
  });

  it('joins terms, with or less binding and minus more', () => {
    expect(whereOf('who:ana or who:ben -kind:sql')).toEqual({
      node: 'any',
      of: [
        { node: 'text', field: 'who', glob: 'ana' },
        {
          node: 'all',
          of: [
            { node: 'text', field: 'who', glob: 'ben' },
            { node: 'not', of: { node: 'text', field: 'kind', glob: 'sql' } },
          ],
        },
      ],
    });
    expect(whereOf('not (who:a and who:b)')).toMatchObject({ node: 'not', of: { node: 'all' } });
    expect(whereOf('--who:a')).toEqual({ node: 'text', field: 'who', glob: 'a' });
  });

  it('takes a list as any of its values, and verdicts as people say them', () => {
    expect(whereOf('verdict:held,blocked,MASKED')).toEqual({
      node: 'any',
      of: ['hold', 'block', 'mask'].map((glob) => ({ node: 'text', field: 'verdict', glob })),
    });
    expect(whereOf('is:held')).toEqual({ node: 'text', field: 'verdict', glob: 'hold' });
    expect(whereOf('is:command')).toEqual({ node: 'text', field: 'type', glob: 'command' });
    expect(whereOf('is:uncertain')).toEqual({ node: 'uncertain' });
    expect(whereOf('is:live')).toEqual({ node: 'live' });
  });

  it('finds names of what is touched from the right', () => {
    expect(whereOf('column:customers.ssn')).toEqual({
      node: 'any',
      of: ['customers.ssn', '*.customers.ssn'].map((glob) => ({
        node: 'touch',
        kinds: ['column'],
        accesses: [],
        glob,
      })),
    });
    const reads = whereOf('reads:customers.ssn') as Extract<SearchNode, { node: 'all' | 'any' }>;
    expect(reads.of).toContainEqual({
      node: 'touch',
      kinds: ['table', 'column'],
      accesses: ['read'],
      glob: '*.customers.ssn',
    });
    expect(whereOf('path:/etc/shadow')).toEqual({ node: 'touch', kinds: ['path'], accesses: [], glob: '/etc/shadow' });
    expect(whereOf('host:db.internal')).toMatchObject({ of: [{ glob: 'db.internal' }, { glob: 'db.internal:*' }] });
    expect(whereOf('pod:shop/web-1')).toMatchObject({
      of: [{ glob: 'shop/pods/web-1' }, { glob: 'shop/pods/*/web-1' }],
    });
    expect(whereOf('route:/v1/refunds')).toMatchObject({ glob: '* /v1/refunds', kinds: ['route'] });
    expect(whereOf('writes:accounts')).toMatchObject({ of: [{ accesses: ['write', 'delete'] }, {}, {}, {}] });
  });

  it.each([
    ['rows:>1000', { min: 1001, max: null }],
    ['rows>1000', { min: 1001, max: null }],
    ['rows:>=1k', { min: 1000, max: null }],
    ['rows:<5', { min: null, max: 4 }],
    ['rows:<=5', { min: null, max: 5 }],
    ['rows:5', { min: 5, max: 5 }],
    ['rows:10..20', { min: 10, max: 20 }],
    ['rows:10..', { min: 10, max: null }],
    ['bytes:>=10MB', { min: 10_000_000, max: null }],
    ['bytes:>1KiB', { min: 1025, max: null }],
    ['duration:>2s', { min: 2001, max: null }],
    ['duration:<=1.5s', { min: null, max: 1500 }],
  ])('%s', (text, bounds) => {
    expect(whereOf(text)).toEqual({ node: 'number', field: text.split(/[:>]/)[0], ...bounds });
  });

  it('keeps words together, and a text in quotes to the letter', () => {
    expect(whereOf('drop who:ana table')).toEqual({
      node: 'all',
      of: [
        { node: 'text', field: 'who', glob: 'ana' },
        { node: 'words', text: 'drop table' },
      ],
    });
    expect(whereOf('"drop \\"table\\""')).toEqual({ node: 'part', text: 'drop "table"' });
    expect(whereOf('text:“drop table”')).toEqual({ node: 'part', text: 'drop table' });
  });

  it.each([
    ['on:2026-10', '2026-10-01T00:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    ['on:october', '2026-10-01T00:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    ['on:dec', '2025-12-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
    ['on:2026', '2026-01-01T00:00:00.000Z', '2026-11-21T13:00:00.000Z'],
    ['on:2026-02-28..2026-03-01', '2026-02-28T00:00:00.000Z', '2026-03-02T00:00:00.000Z'],
    ['on:yesterday', '2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z'],
    ['since:7d', '2026-11-14T12:00:00.000Z', '2026-11-21T13:00:00.000Z'],
    ['since:2026-10-05 until:2026-11', '2026-10-05T00:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    ['since:2026-10-05T10:00:00+02:00 until:1h', '2026-10-05T08:00:00.000Z', '2026-11-21T11:00:00.000Z'],
    ['since:"2026-10-05 10:00" before:today', '2026-10-05T10:00:00.000Z', '2026-11-21T00:00:00.000Z'],
  ])('%s', (text, from, to) => {
    expect(spanOf(text)).toEqual([from, to]);
  });

  it('marks what was asked for, and not what was left out', () => {
    expect(readQuery('drop -truncate reads:customers.ssn text:"a b"', now).read?.marks).toEqual(['drop', 'ssn', 'a b']);
  });
});

describe('what cannot be read is told with its place and what is possible', () => {
  it.each([
    ['who:ana rsource:x', 8, 15, /no field rsource.*resource/],
    ['xyzzy:1', 0, 5, /no field xyzzy/],
    ['verdict:helt', 8, 12, /Did you mean held/],
    ['kind:sqll', 5, 9, /Did you mean sql/],
    ['who:', 4, 5, /needs a value/],
    ['who: ana', 4, 5, /needs a value/],
    ['rows:many', 5, 9, /must be a number/],
    ['duration:>2', 9, 11, /with its unit/],
    ['rows:20..10', 5, 11, /larger/],
    ['since:soon', 6, 10, /no time/],
    ['on:2026-02-30', 3, 13, /no such day/],
    ['on:7d', 3, 5, /since/],
    ['(who:a', 0, 1, /never closed/],
    ['who:a)', 5, 6, /closes nothing/],
    ['who:a or', 8, 9, /missing/],
    ['or who:a', 0, 2, /Before this or/],
    ['who:a and', 6, 9, /Behind this and/],
    ['-', 0, 1, /no word/],
    ['"open', 0, 5, /never closed/],
    ['custom*', 0, 7, /text:custom/],
    ['who:a or since:7d', 9, 17, /whole search/],
    ['-since:7d', 1, 9, /whole search/],
    ['since:1d until:7d', 0, 17, /leave nothing/],
    ['who:>3', 4, 6, /no number/],
    ['sort:who', 5, 8, /cannot be who/],
  ])('%s', (text, at, end, message) => {
    const problem = problemOf(text);
    expect([problem.at, problem.end]).toEqual([at, end]);
    expect(problem.message).toMatch(message);
  });

  it('at its limits, and one past them', () => {
    const many = (count: number): string => Array.from({ length: count }, () => 'a').join(' ');
    expect(parse(many(termsMax)).problem).toBeNull();
    expect(problemOf(many(termsMax + 1)).message).toMatch(/at most 100 terms/);
    expect(problemOf(`who:${many(termsMax + 1).replaceAll(' ', ',')}`).message).toMatch(/at most 100 terms/);
    const deep = (depth: number): string => `${'('.repeat(depth)}a${')'.repeat(depth)}`;
    expect(parse(deep(depthMax)).problem).toBeNull();
    expect(problemOf(deep(depthMax + 1)).message).toMatch(/at most 20 deep/);
    expect(problemOf(deep(1000)).message).toMatch(/at most 20 deep/);
    expect(parse(`"${'a'.repeat(queryLengthMax - 2)}"`).problem).toBeNull();
    expect(problemOf(`"${'a'.repeat(queryLengthMax - 1)}"`).message).toMatch(/longer than/);
  });
});

describe('printing', () => {
  it.each([
    ['WHO:ana   AND (principal:b)', 'who:ana who:b'],
    ['a or (b c) or (d or e)', 'a or b c or d or e'],
    ['-(a b) (a or b)', '-(a b) (a or b)'],
    ['route:"GET /v1" rows>3', 'route:"GET /v1" rows:>3'],
    ['text:"say \\"x\\", \\\\ y"', 'text:"say \\"x\\", \\\\ y"'],
  ])('%s is written %s', (text, printed) => {
    expect(readQuery(text, now).read?.text).toBe(printed);
  });

  const value = fc.oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    fc.constantFrom('“x', '\\"', 'a b', '>3', ','),
  );
  const place = { at: 0, end: 0 };
  const leaf = fc.oneof(
    fc.constantFrom('drop', 'ssn', 'x1', 'größe', 'a-b').map((text): Term => ({ node: 'word', text, ...place })),
    value.map((text): Term => ({ node: 'part', text, ...place })),
    fc
      .tuple(fc.constantFrom(...fields), fc.array(value, { minLength: 1, maxLength: 3 }))
      .map(([field, texts]): Term => {
        const values = texts.map((text) => ({ compare: '' as const, text, isQuoted: false, ...place }));
        return { node: 'field', field, values, ...place };
      }),
  );
  const { term } = fc.letrec<{ term: Term }>((tie) => ({
    term: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc
        .tuple(fc.constantFrom('all' as const, 'any' as const), fc.array(tie('term'), { minLength: 2, maxLength: 3 }))
        // As the parser has it: none directly within its own kind.
        .map(([node, of]): Term => ({ node, of: of.flatMap((one) => (one.node === node ? one.of : [one])), ...place })),
      tie('term').map((of): Term => (of.node === 'not' ? of : { node: 'not', of, ...place })),
    ),
  }));

  const bare = (one: Term): unknown => {
    if ('text' in one) return [one.node, one.text];
    if (one.node === 'not') return ['not', bare(one.of)];
    if (one.node === 'field') return [one.field.name, one.values.map(({ compare, text }) => [compare, text])];
    return [one.node, one.of.map(bare)];
  };

  it('what is printed reads as the same tree', () => {
    fc.assert(
      fc.property(term, (one) => {
        const { term: again, problem } = parse(print(one));
        expect(problem).toBeNull();
        expect(again === null ? null : bare(again)).toEqual(bare(one));
      }),
      { numRuns: 300 },
    );
  });

  it('whatever is typed is read or refused with a place, and what is read prints as what reads the same', () => {
    const piece = fc.constantFrom(
      'who:',
      'a',
      '"',
      '(',
      ')',
      '-',
      ' ',
      'or',
      ',',
      ':',
      '>',
      '*',
      '\\',
      'rows',
      '7d',
      '“',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        const { read, problem } = readQuery(text, now);
        if (read === null) {
          expect(problem.at).toBeGreaterThanOrEqual(0);
          expect(problem.end).toBeGreaterThan(problem.at);
          expect(problem.end).toBeLessThanOrEqual(text.length + 1);
        } else expect(readQuery(read.text, now).read?.query).toEqual(read.query);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('suggestions', () => {
  it('offers fields, operators and values where they may stand', () => {
    const texts = (text: string, cursor = text.length) => suggest(text, cursor).found.map((one) => one.text);
    expect(texts('who:ana tab')).toEqual(['table:']);
    expect(texts('-(prin')).toEqual(['who:']);
    expect(texts('who:a o')).toContain('or');
    expect(texts('verdict:held,b')).toEqual(['block']);
    expect(texts('text:"a verdict:')).toEqual([]);
    expect(suggest('who:ana resource:or', 19)).toMatchObject({ from: 17, to: 19, begun: 'or', facet: 'resource' });
    expect(suggest('is:', 3).found.length).toBeGreaterThan(10);
  });
});

describe('the table of fields', () => {
  it('has one meaning for each name, and examples that can be read', () => {
    const names = fields.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    expect(new Set(names).size).toBe(names.length);
    for (const { example } of fields) expect([example, readQuery(example, now).problem]).toEqual([example, null]);
  });
});
