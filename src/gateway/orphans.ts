/**
 * Masks that a definition orphans: RENAME, SET SCHEMA and DROP take the name away by which a Mask finds what it covers, and
 * what is called otherwise from then on, or is made again under another name, is not masked.
 *
 * It is an alert and no block: who may change definitions may rename, and the rule has to follow.
 *
 * Honest limit: names as the statement has them. What code of the database renames is not seen.
 *
 * Deliberately absent: what a Mask does to values (masking).
 */
import type { AlertNote, JudgeRequest } from '../core/judgement.ts';
import type { Resource } from '../core/resource.ts';
import type { MaskSpec, RuleObject } from '../core/rules.ts';
import type { Displaced, StatementAnalysis } from '../core/sql.ts';

interface Names {
  readonly schema: string;
  readonly relation: string | null;
  readonly column: string | null;
}

/** One alert for each Mask whose columns are called otherwise once the command has run. */
export function orphanedMasks(
  masks: readonly RuleObject<MaskSpec>[],
  { command, resource }: JudgeRequest,
): AlertNote[] {
  const statements = command.meaning?.language === 'sql' ? command.meaning.sql.statements : [];
  if (statements.every(({ displaced }) => displaced === undefined)) return [];
  return masks.flatMap(({ name, spec }) => {
    if (!mayCover(spec, resource)) return [];
    const pattern = (spec.columns ?? []).find((one) => statements.some((statement) => orphans(one, statement)));
    return pattern === undefined ? [] : [{ rule: name, reason: reasonFor(name, pattern) }];
  });
}

function reasonFor(mask: string, pattern: string): string {
  return `mask-orphaned: a statement takes away a name that the Mask ${mask} covers as ${pattern}. What is called otherwise from then on is not masked by it: change the Mask.`;
}

function mayCover({ match }: MaskSpec, resource: Resource): boolean {
  const { names, labels } = match.resources ?? {};
  if (names !== undefined && !names.includes(resource.name)) return false;
  return Object.entries(labels ?? {}).every(([key, value]) => resource.labels[key] === value);
}

function orphans(pattern: string, statement: StatementAnalysis): boolean {
  return (statement.displaced ?? []).some((displaced) =>
    schemasOf(displaced, statement).some((schema) => {
      const { relation, column, becomes } = displaced;
      const before = { schema, relation, column };
      return (
        covers(pattern, before) &&
        (becomes === null ? isNamed(pattern, before) : !covers(pattern, { ...before, ...becomes }))
      );
    }),
  );
}

/** Where the statement names no schema: those of whatever it may mean. */
function schemasOf({ schema, relation }: Displaced, { relations }: StatementAnalysis): readonly string[] {
  if (schema !== null) return [schema];
  const found = relations.filter(({ name }) => name === relation).flatMap(({ candidates }) => candidates);
  return found.length === 0 ? ['public'] : [...new Set(found.map((candidate) => candidate.schema))];
}

/** `schema.relation.column` with `*` in each part; a part that is null is any. */
function covers(pattern: string, { schema, relation, column }: Names): boolean {
  const parts = pattern.split('.');
  if (parts.length !== 3) return false;
  return [schema, relation, column].every((name, at) => name === null || fits(parts[at]!, name));
}

/** What is gone matters where the pattern names it: a pattern of any relation finds its successor. */
function isNamed(pattern: string, { relation, column }: Names): boolean {
  const [schemaPart = '', relationPart = '', columnPart = ''] = pattern.split('.');
  if (column !== null) return !columnPart.includes('*');
  return relation === null ? !schemaPart.includes('*') : !relationPart.includes('*');
}

function fits(part: string, name: string): boolean {
  const [first = '', ...rest] = part.toLowerCase().split('*');
  const lower = name.toLowerCase();
  if (rest.length === 0) return lower === first;
  if (!lower.startsWith(first)) return false;
  let at = first.length;
  const last = rest.pop()!;
  for (const piece of rest) {
    const found = lower.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return lower.length - last.length >= at && lower.endsWith(last);
}
