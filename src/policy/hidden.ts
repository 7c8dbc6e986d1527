/**
 * What an analysis may be silent about: for each statement, whether its effects, relations and functions may be more than
 * it says. Read with `unknownReasons` of core, whose reasons are the input here.
 *
 * Invariants:
 * - The effect `unknown` hides everything: code ran that nobody read (sql.md: unknown is denied).
 * - A reason that nobody has classified here hides everything.
 * - A statement that was not understood hides everything and is `opaque`.
 *
 * Honest limit: where a temporary relation may stand behind a name, triggers on it are not counted: temporary tables are
 * everyday, and the CREATE TRIGGER that it takes is an effect of its own.
 */
import type { StatementAnalysis } from '../core/sql.ts';
import { type UnknownReason, unknownReasons } from '../core/sql-effects.ts';

export interface Hidden {
  /** The statement was not understood. */
  readonly opaque: boolean;
  readonly effects: boolean;
  readonly relations: boolean;
  readonly functions: boolean;
}

const nothing: Hidden = Object.freeze({ opaque: false, effects: false, relations: false, functions: false });
const everything: Hidden = Object.freeze({ opaque: false, effects: true, relations: true, functions: true });
const notUnderstood: Hidden = Object.freeze({ ...everything, opaque: true });

/**
 * What reasons without the effect `unknown` may hide. `unresolved`: only what stands behind relations without candidates
 * and functions that are not known to be built in.
 */
const quiet: Readonly<Partial<Record<UnknownReason, 'nothing' | 'relations' | 'unresolved'>>> = {
  'no-catalog': 'unresolved',
  // What follows from it has reasons of its own: `no-catalog` where anything is named, `relation-ambiguous`.
  'context-changed': 'nothing',
  'relation-missing': 'nothing',
  'relation-ambiguous': 'relations',
  // The operator's C code is part of the extension that the database's owner installed.
  'operator-native': 'nothing',
  dependents: 'relations',
};

const known = new WeakMap<StatementAnalysis, Hidden>();

export function hiddenIn(statement: StatementAnalysis): Hidden {
  if (statement.complete) return nothing;
  let hidden = known.get(statement);
  if (hidden === undefined) {
    hidden = find(statement);
    known.set(statement, hidden);
  }
  return hidden;
}

function find(statement: StatementAnalysis): Hidden {
  const { reasons } = statement;
  if (statement.kind === 'unknown' || reasons.some(({ code }) => unknownReasons[code]?.about !== 'hidden')) {
    return notUnderstood;
  }
  if (reasons.length === 0 || statement.effects.includes('unknown')) return everything;
  let effects = false;
  let relations = false;
  for (const { code } of reasons) {
    const what = quiet[code];
    if (what === undefined) return everything;
    if (what === 'relations') relations = true;
    if (what === 'unresolved' && hasUnresolved(statement)) {
      effects = true;
      relations = true;
    }
  }
  return effects || relations ? { opaque: false, effects, relations, functions: effects } : nothing;
}

/** What is written as of `pg_catalog` cannot be the database's own. */
function hasUnresolved({ relations, functions }: StatementAnalysis): boolean {
  return (
    relations.some(({ candidates, schema }) => candidates.length === 0 && schema !== 'pg_catalog') ||
    functions.some(({ builtIn, schema }) => builtIn === 'no' || (builtIn === 'perhaps' && schema !== 'pg_catalog'))
  );
}
