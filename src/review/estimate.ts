/**
 * What a reviewer reads of the rows that a command would touch, from whoever knows it best: the target's planner, else the
 * counts of whole tables that its catalog has.
 *
 * Deliberately absent: asking (the protocols').
 */
import type { CommandSubject } from './review.ts';

export interface ShownEstimate {
  /** Null where nobody could say. */
  readonly rows: number | null;
  /** In plain words; names are unescaped. */
  readonly text: string;
}

export function estimateOf({ meaning, estimate }: CommandSubject): ShownEstimate {
  const counted = meaning?.rowEstimate ?? null;
  if (estimate !== undefined && estimate !== 'asked' && estimate.rows !== null) {
    const { rows, of } = estimate;
    return { rows, text: `about ${rowsText(rows)}${of.length === 0 ? '' : ` of ${of.join(', ')}`} (planner)` };
  }
  const why = estimate === undefined ? '' : estimate === 'asked' ? 'the planner is being asked' : estimate.why;
  if (counted !== null) {
    return { rows: counted, text: `about ${rowsText(counted)} (statistics)${why === '' ? '' : `; ${why}`}` };
  }
  return { rows: null, text: why === '' ? 'not estimated' : `not estimated: ${why}` };
}

function rowsText(rows: number): string {
  return `${Math.round(rows).toLocaleString('en-US')} ${rows === 1 ? 'row' : 'rows'}`;
}
