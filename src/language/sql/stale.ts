/**
 * What may no longer hold after a statement ran: for the owner of the context, who must then load it anew or mark it
 * unknown before the next analysis.
 */

import type { Analysis, StatementAnalysis } from '../../core/sql.ts';
import type { SqlEffect, StatementKind } from '../../core/sql-effects.ts';

export interface Stale {
  /** Settings: search path, strings, encoding, role. The search path counts as unknown until it was asked for. */
  readonly settings: boolean;
  /** The database's objects; for every session of this database. */
  readonly catalog: boolean;
  /** Temporary objects may exist from now on. */
  readonly temporary: boolean;
  /** Prepared statements and cursors. */
  readonly prepared: boolean;
  /**
   * A transaction or a part of it ends: whatever was stale since it began is stale once more, since it was either taken
   * back or has become visible to others. Cursors are closed.
   */
  readonly transactionEnd: boolean;
}

const objectEffects: readonly SqlEffect[] = ['create', 'alter', 'drop', 'grant', 'program-execution'];
const endings: readonly StatementKind[] = [
  'commit',
  'rollback',
  'rollback-to',
  'prepare-transaction',
  'commit-prepared',
  'rollback-prepared',
];
/** Settings that neither names nor strings depend on. */
const harmlessSettings: ReadonlySet<string> = new Set([
  'application_name',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'timezone',
  'datestyle',
  'intervalstyle',
  'extra_float_digits',
  'client_min_messages',
  'work_mem',
]);

export function staleAfterStatement(statement: StatementAnalysis): Stale {
  const has = (effect: SqlEffect): boolean => statement.effects.includes(effect);
  const anything = has('unknown');
  const settings = statement.settings.some((name) => !harmlessSettings.has(name));
  const transactionEnd = anything || endings.includes(statement.kind);
  return {
    settings: anything || settings || has('role-change') || objectEffects.some(has),
    catalog: anything || objectEffects.some(has),
    temporary: anything || has('create'),
    prepared: anything || has('session-change') || transactionEnd,
    transactionEnd,
  };
}

/** The same for a whole text. */
export function staleAfter(analysis: Analysis): Stale {
  const all = analysis.statements.map(staleAfterStatement);
  // A text that was not understood may have done anything; an empty one nothing.
  const anything = all.length === 0 && !analysis.complete;
  const some = (key: keyof Stale): boolean => anything || all.some((stale) => stale[key]);
  return {
    settings: some('settings'),
    catalog: some('catalog'),
    temporary: some('temporary'),
    prepared: some('prepared'),
    transactionEnd: some('transactionEnd'),
  };
}
