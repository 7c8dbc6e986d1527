/**
 * How many rows a command is expected to touch: by the planner, where the gateway asked it, else by the sizes of the
 * tables that it changes without restriction.
 *
 * Honest limit: without the planner nothing is known of a statement whose condition restricts, nor of one that reads or
 * inserts. Unknown is null, never zero.
 */
import type { StatementAnalysis } from '../core/sql.ts';

export interface Estimate {
  /** At least so many. */
  readonly atLeast: number;
  /** False where it may well be more. */
  readonly isWhole: boolean;
}

/** Changes whose rows `conditions` speak of; any other effect on rows has no count. */
const uncounted = new Set(['insert', 'copy-in', 'truncate', 'copy-out', 'unknown']);

export function estimateOf(statement: StatementAnalysis): Estimate {
  const { relations, conditions, effects, rowEstimate } = statement;
  // `SHOW` and `BEGIN` touch no rows.
  if (relations.length === 0) return { atLeast: 0, isWhole: !effects.includes('unknown') };
  const isCounted =
    rowEstimate !== null &&
    conditions.every(({ where }) => where === 'missing' || where === 'always-true') &&
    !effects.some((effect) => uncounted.has(effect));
  return { atLeast: rowEstimate ?? 0, isWhole: isCounted };
}

/** Of a whole text; null where it is not known. */
export function estimateAll(statements: readonly StatementAnalysis[]): number | null {
  let rows = 0;
  for (const statement of statements) {
    const { atLeast, isWhole } = estimateOf(statement);
    if (!isWhole) return null;
    rows += atLeast;
  }
  return rows;
}
