/**
 * From messages to Commands: what the pipeline is asked to judge.
 *
 * Nothing here says what a statement may do: without an analysis of SQL every effect is `unknown`, which is treated as
 * a write.
 */
import type { CommandDraft } from '../../core/command.ts';
import { postgresErrors } from './errors.ts';
import * as limits from './limits.ts';
import { recordable, withoutPasswords } from './redact.ts';
import { type Portal, quoteIdentifier, type Statement } from './statements.ts';

export function queryDraft(text: string): CommandDraft {
  return {
    kind: 'sql',
    verb: 'query',
    text,
    recordedText: recorded(text),
    parameters: null,
    effect: 'unknown',
    meaning: null,
    context: {},
    of: null,
  };
}

export function prepareDraft(text: string): CommandDraft {
  return {
    kind: 'sql',
    verb: 'prepare',
    text,
    recordedText: recorded(text),
    parameters: null,
    effect: 'unknown',
    meaning: null,
    context: {},
    of: null,
  };
}

/**
 * A Bind that is not followed by its Execute. It may have effects all the same: the server calls input functions and,
 * when it plans, functions that are declared immutable.
 */
export function bindDraft(portal: Portal): CommandDraft {
  return {
    kind: 'sql',
    verb: 'bind',
    text: portal.text,
    recordedText: withoutPasswords(portal.text),
    parameters: portal.parameters,
    effect: 'unknown',
    meaning: null,
    context: {},
    of: ordinalOf(portal.statement),
  };
}

/** An Execute: judged by the text of its Parse and the parameters of its Bind (A-PG-17). */
export function executeDraft(portalName: string, portal: Portal | null, rowsMax: number): CommandDraft {
  if (portal === null) {
    // A portal that Bind did not make is a cursor of DECLARE; executing it is what FETCH does.
    const text = `FETCH FORWARD ${rowsMax > 0 ? rowsMax : 'ALL'} FROM ${quoteIdentifier(portalName)}`;
    return {
      kind: 'sql',
      verb: 'execute',
      text,
      recordedText: text,
      parameters: null,
      effect: 'unknown',
      meaning: null,
      context: {},
      of: null,
    };
  }
  return {
    kind: 'sql',
    verb: 'execute',
    text: portal.text,
    recordedText: withoutPasswords(portal.text),
    parameters: portal.parameters,
    effect: 'unknown',
    meaning: null,
    context: {},
    of: ordinalOf(portal.statement),
  };
}

/** What cannot be recorded does not run. */
function recorded(text: string): string {
  const whole = recordable(text);
  if (whole === null) {
    throw postgresErrors('postgres.password-text-too-long', { values: { limit: limits.redactedCharactersMax } });
  }
  return whole;
}

function ordinalOf(statement: Statement | null): number | null {
  return statement === null || statement.ordinal === 0 ? null : statement.ordinal;
}

/** The name that a statement deallocates when it is nothing but one plain DEALLOCATE; null otherwise. */
export function deallocates(text: string): string | null {
  const match = /^\s*deallocate\s+(?:prepare\s+)?(?:"((?:[^"]|"")+)"|([a-z_][a-z0-9_$]*))\s*;?\s*$/i.exec(text);
  if (match === null) return null;
  if (match[1] !== undefined) return match[1].replaceAll('""', '"');
  const name = match[2]!.toLowerCase();
  return name === 'all' || name === 'prepare' ? null : name;
}
