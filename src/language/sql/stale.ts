/**
 * What may no longer hold after a statement ran: for the owner of the context, who must then load it anew or mark it
 * unknown before the next analysis.
 *
 * Invariant: code that nobody read may have changed anything.
 */

import type { Analysis, StatementAnalysis } from '../../core/sql.ts';
import type { SqlEffect, StatementKind } from '../../core/sql-effects.ts';

export interface Stale {
  /** Settings that names and strings depend on: search path, strings, role. The search path is unknown until asked for. */
  readonly settings: boolean;
  readonly encoding: boolean;
  /** The database's objects; for every session of this database. */
  readonly catalog: boolean;
  /** The same, by what the statement itself says, and not by code that it may run. */
  readonly objects: boolean;
  /** What temporary objects there are, or what they look like. */
  readonly temporary: boolean;
  /** What SQL prepared, and cursors. */
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
const naming: readonly StatementKind[] = ['prepare', 'deallocate', 'declare-cursor', 'close-cursor', 'discard'];
/** Settings that a context holds. A statement that may set any names `*`. */
const heldSettings: readonly string[] = ['search_path', 'role', 'session_authorization', 'standard_conforming_strings'];
const encodingSettings: readonly string[] = ['client_encoding', 'names'];

export function staleAfterStatement(statement: StatementAnalysis): Stale {
  const { kind } = statement;
  const has = (effect: SqlEffect): boolean => statement.effects.includes(effect);
  const names = (some: readonly string[]): boolean =>
    statement.settings.some((name) => name === '*' || some.includes(name));
  const anything = has('unknown');
  const objects = objectEffects.some(has);
  // DISCARD ALL and DISCARD TEMP take back what the session made, and its settings.
  const isDiscard = kind === 'discard';
  return {
    // A schema that is made, dropped or granted is on the path, or no longer.
    settings: anything || objects || isDiscard || has('role-change') || names(heldSettings),
    encoding: anything || isDiscard || names(encodingSettings),
    catalog: anything || objects,
    objects,
    temporary: anything || isDiscard || has('create') || has('alter') || has('drop'),
    prepared: anything || naming.includes(kind),
    transactionEnd: anything || endings.includes(kind),
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
    encoding: some('encoding'),
    catalog: some('catalog'),
    objects: all.some((stale) => stale.objects),
    temporary: some('temporary'),
    prepared: some('prepared'),
    transactionEnd: some('transactionEnd'),
  };
}
