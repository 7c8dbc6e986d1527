/**
 * From a query's tree to a condition on `history.entries e`.
 *
 * Invariants:
 * - Values reach SQL as parameters only; what is spelled here is literal.
 * - Three-valued logic stays inside: what is not known counts as not matching, and `not` of it as matching.
 * - What stands in a dictionary is asked there first: few numbers are put into the query, where the planner sees how many rows each
 *   has; many become a subquery.
 *
 * Deliberately absent: who may see what (search.ts adds the scope), time, order.
 */
import { type RawBuilder, sql } from 'kysely';
import { entryTypes, type SearchNode, type TextField } from '../../core/search.ts';
import * as check from '../check.ts';
import { historyNumbersMax, historyTextBytesMax } from '../limits.ts';
import { gramsOf, partedWords } from './grams.ts';

/** `null` is everything, `false` nothing. */
export type Condition = RawBuilder<boolean> | null | false;

/** Asks a dictionary: numbers as text, at most one more than `historyNumbersMax`. */
export type Asking = (from: RawBuilder<unknown>) => Promise<readonly string[]>;

/** The whole tree as one condition. */
export async function conditionOf(node: SearchNode | null, ask: Asking): Promise<Condition> {
  if (node === null) return null;
  switch (node.node) {
    case 'all':
      return all(await Promise.all(node.of.map((one) => conditionOf(one, ask))));
    case 'any':
      return any(await Promise.all(node.of.map((one) => conditionOf(one, ask))));
    case 'not':
      return not(await conditionOf(node.of, ask));
    case 'text':
      return await textCondition(node.field, node.glob, ask);
    case 'touch':
      return await touchCondition(node, ask);
    case 'number':
      return numberCondition(node);
    case 'words':
      return await dictionary('text', sql`history.texts d where ${wordsMatch(node.text)}`, ask);
    case 'part':
      return await partCondition(node.text, ask);
    case 'uncertain':
      return await dictionary('shape', sql`history.shapes d where not d.complete`, ask);
    case 'live':
      return sql<boolean>`e.live`;
  }
}

export function all(conditions: readonly Condition[]): Condition {
  if (conditions.includes(false)) return false;
  const kept = conditions.filter((one) => one !== null && one !== false);
  return kept.length === 0 ? null : sql<boolean>`(${sql.join(kept, sql` and `)})`;
}

function any(conditions: readonly Condition[]): Condition {
  // One of nothing is nothing.
  if (conditions.includes(null)) return null;
  const kept = conditions.filter((one) => one !== null && one !== false);
  return kept.length === 0 ? false : sql<boolean>`(${sql.join(kept, sql` or `)})`;
}

export function not(condition: Condition): Condition {
  if (condition === null) return false;
  return condition === false ? null : sql<boolean>`(${condition} is not true)`;
}

/** Past and present: `held` is what a person asks for, `hold` what a verdict is called. */
const verdictWords: Readonly<Record<string, readonly string[]>> = {
  allow: ['allow', 'allowed'],
  mask: ['mask', 'masked'],
  hold: ['hold', 'held'],
  block: ['block', 'blocked'],
  terminate: ['terminate', 'terminated'],
};

async function textCondition(field: TextField, glob: string, ask: Asking): Promise<Condition> {
  const like = (column: string): RawBuilder<boolean> => likeGlob(sql.raw(column), glob);
  const some = (column: string): RawBuilder<boolean> =>
    sql<boolean>`exists (select 1 from unnest(${sql.raw(column)}) as one where ${likeGlob(sql.raw('one'), glob)})`;
  switch (field) {
    case 'type': {
      const pattern = inMemory(glob);
      const types = entryTypes.filter((type) => pattern.test(type));
      return types.length === 0 ? false : sql<boolean>`e.type = any(${`{${types.join(',')}}`}::text[])`;
    }
    case 'who':
      return await dictionary('actor', sql`history.actors d where ${like('d.name')} or d.id = ${kept(glob)}`, ask);
    case 'group':
      return await dictionary('actor', sql`history.actors d where ${some('d.groups')}`, ask);
    case 'agent':
      return await dictionary('actor', sql`history.actors d where ${some('d.agents')}`, ask);
    case 'resource':
      return await dictionary('place', sql`history.places d where ${like('d.resource')}`, ask);
    case 'protocol':
      return await dictionary('place', sql`history.places d where ${like('d.protocol')}`, ask);
    case 'label':
      return await dictionary('place', sql`history.places d where ${some('d.labels')}`, ask);
    case 'session':
      return await dictionary('visit', sql`history.visits d where ${exactOr('d.session', glob)}`, ask);
    case 'source':
      return await dictionary('visit', sql`history.visits d where ${like('d.source')}`, ask);
    case 'client':
      return await dictionary('visit', sql`history.visits d where ${some('d.client')}`, ask);
    case 'fingerprint':
      // Hexadecimal in small letters.
      return await dictionary(
        'shape',
        sql`history.shapes d where ${globOn(sql`d.fingerprint`, kept(glob).toLowerCase())}`,
        ask,
      );
    case 'kind':
    case 'verb':
      return await dictionary('shape', sql`history.shapes d where ${like(`d.${field}`)}`, ask);
    case 'effect':
      // Words in small letters: an index knows them whole.
      return await dictionary(
        'shape',
        glob.includes('*')
          ? sql`history.shapes d where ${some('d.effects')}`
          : sql`history.shapes d where d.effects && array[${kept(glob)}, ${kept(glob).toLowerCase()}]::text[]`,
        ask,
      );
    case 'verdict': {
      const pattern = inMemory(glob);
      const names = Object.entries(verdictWords).flatMap(([name, words]) =>
        words.some((word) => pattern.test(word)) ? [name] : [],
      );
      const named = `{${names.join(',')}}`;
      return await dictionary(
        'fate',
        sql`history.fates d where d.verdict = any(${named}::text[]) or d.judged = any(${named}::text[])
          or ${like('d.verdict')}`,
        ask,
      );
    }
    case 'rule':
    case 'outcome':
    case 'error':
      return await dictionary('fate', sql`history.fates d where ${like(`d.${field}`)}`, ask);
    case 'gateway':
      return await dictionary('gateway', sql`history.gateways d where ${like('d.name')}`, ask);
    case 'review':
      return likeGlob(sql`e.review`, glob);
  }
}

/** Names of tables, columns and functions may leave out what stands before a dot: `customers` finds `public.customers`. */
const dotted: ReadonlySet<string> = new Set(['table', 'column', 'function']);

async function touchCondition(
  { kinds, accesses, glob }: Extract<SearchNode, { node: 'touch' }>,
  ask: Asking,
): Promise<Condition> {
  const whole = kept(glob).toLowerCase();
  const matches = [globOn(sql`lower(d.name)`, whole)];
  if (kinds.length === 0 || kinds.some((kind) => dotted.has(kind))) {
    matches.push(sql<boolean>`(d.kind = any('{table,column,function}'::text[])
      and lower(d.name) like ${`%.${pattern(whole)}`})`);
  }
  const conditions = [
    sql`(${sql.join(matches, sql` or `)})`,
    ...(kinds.length === 0 ? [] : [sql`d.kind = any(${`{${kinds.join(',')}}`}::text[])`]),
    ...(accesses.length === 0 ? [] : [sql`d.access = any(${`{${accesses.join(',')}}`}::text[])`]),
  ];
  const from = sql`history.touches d where ${sql.join(conditions, sql` and `)}`;
  const numbers = await ask(from);
  if (numbers.length === 0) return false;
  const touched =
    numbers.length <= historyNumbersMax
      ? sql`d.touches && ${arrayOf(numbers)}::int8[]`
      : sql`exists (select 1 from unnest(d.touches) as one where one in (select d.no from ${from}))`;
  return await dictionary('shape', sql`history.shapes d where ${touched}`, ask);
}

async function dictionary(column: string, from: RawBuilder<unknown>, ask: Asking): Promise<Condition> {
  const numbers = await ask(from);
  if (numbers.length === 0) return false;
  const named = sql.raw(`e.${column}`);
  return numbers.length <= historyNumbersMax
    ? sql<boolean>`${named} = any(${arrayOf(numbers)}::int8[])`
    : sql<boolean>`${named} in (select d.no from ${from})`;
}

const numberColumns = {
  rows: 'rows',
  bytes: 'bytes',
  duration: 'duration_ms',
  masked: 'masked',
  command: 'command',
} as const;

function numberCondition({ field, min, max }: Extract<SearchNode, { node: 'number' }>): Condition {
  const column = sql.raw(`e.${numberColumns[field]}`);
  return all([
    min === null ? null : sql<boolean>`${column} >= ${check.cleanWhole(Math.ceil(min))}::int8`,
    max === null ? null : sql<boolean>`${column} <= ${check.cleanWhole(Math.floor(max))}::int8`,
    min === null && max === null ? sql<boolean>`${column} is not null` : null,
  ]);
}

async function partCondition(text: string, ask: Asking): Promise<Condition> {
  const like = sql<boolean>`d.text ilike ${`%${literal(text)}%`}`;
  const grams = gramsOf(kept(text));
  // An index knows nothing of it, so each text in question is looked at, span by span.
  if (grams.length === 0) return sql<boolean>`exists (select 1 from history.texts d where d.no = e.text and ${like})`;
  return await dictionary(
    'text',
    sql`history.texts d where d.sheet in (select s.no from history.sheets s
      where s.grams @> ${`{${grams.slice(0, gramsAskedMax).join(',')}}`}::int4[]) and ${like}`,
    ask,
  );
}

/** Runs of letters that the index is asked for: what has all of these is looked at anyway. */
const gramsAskedMax = 40;

function wordsMatch(text: string): RawBuilder<boolean> {
  return sql<boolean>`d.words @@ plainto_tsquery('simple'::regconfig, ${partedWords(kept(text))}::text)`;
}

function arrayOf(numbers: readonly string[]): string {
  return `{${numbers.join(',')}}`;
}

function kept(value: string): string {
  return check.clean(value, historyTextBytesMax);
}

/** For LIKE: to the letter. */
function literal(value: string): string {
  return kept(value).replace(/[\\%_]/g, (special) => `\\${special}`);
}

function pattern(glob: string): string {
  return glob.split('*').map(literal).join('%');
}

function likeGlob(column: RawBuilder<unknown>, glob: string): RawBuilder<boolean> {
  return sql<boolean>`${column} ilike ${pattern(kept(glob))}`;
}

/** Equality without regard to case where there is nothing to fill in. */
function exactOr(column: string, glob: string): RawBuilder<boolean> {
  return glob.includes('*')
    ? likeGlob(sql.raw(column), glob)
    : sql<boolean>`lower(${sql.raw(column)}) = lower(${kept(glob)})`;
}

/** Equality where there is nothing to fill in: an index knows it at once. */
function globOn(column: RawBuilder<unknown>, glob: string): RawBuilder<boolean> {
  return glob.includes('*') ? sql<boolean>`${column} like ${pattern(glob)}` : sql<boolean>`${column} = ${glob}`;
}

function inMemory(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'is');
}
