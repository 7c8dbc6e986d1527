/**
 * From messages to Commands: what the pipeline is asked to judge, with what is known of its meaning.
 *
 * Invariant: a draft's effect is `read` only where the analysis proves it, and `unknown` wherever it does not understand
 * all of it.
 *
 * Deliberately absent: the analysis and its context (context.ts).
 */
import type { CommandDraft } from '../../core/command.ts';
import { notUnderstood, type SessionContext, type Understood } from './context.ts';
import { postgresErrors } from './errors.ts';
import type { EstimateValues } from './estimate.ts';
import * as limits from './limits.ts';
import { recordable, withoutPasswords } from './redact.ts';
import { type Portal, quoteIdentifier, type Statement } from './statements.ts';

export function queryDraft(text: string, context: SessionContext | null): CommandDraft {
  const recordedText = recorded(text);
  const understood = context?.understand(text) ?? notUnderstood;
  const { effect, meaning, meaningNow, context: record } = understood;
  return {
    kind: 'sql',
    verb: 'query',
    text,
    recordedText,
    parameters: null,
    effect,
    meaning,
    meaningNow,
    estimate: estimateOf(context, understood, () => ({ parameterTypes: [], bind: null })),
    context: record,
    of: null,
  };
}

/** A Parse runs nothing; but values of types of the database's own are read by functions of theirs. */
export function prepareDraft(
  text: string,
  parameterTypes: readonly number[],
  context: SessionContext | null,
): CommandDraft {
  const recordedText = recorded(text);
  const { effect, meaning, meaningNow, context: record } = context?.understand(text, parameterTypes) ?? notUnderstood;
  return {
    kind: 'sql',
    verb: 'prepare',
    text,
    recordedText,
    parameters: null,
    effect,
    meaning,
    meaningNow,
    context: record,
    of: null,
  };
}

/**
 * A Bind that is not followed by its Execute. It may have effects all the same: the server calls input functions and,
 * when it plans, functions that are declared immutable.
 */
export function bindDraft(portal: Portal, bind: WaitingBind, context: SessionContext | null): CommandDraft {
  return portalDraft('bind', portal, bind, context);
}

/** An Execute: judged by the text of its Parse and the parameters of its Bind, as of now (A-PG-17). */
export function executeDraft(
  portalName: string,
  portal: Portal | null,
  bind: WaitingBind | null,
  rowsMax: number,
  context: SessionContext | null,
): CommandDraft {
  if (portal !== null) return portalDraft('execute', portal, bind, context);
  // A portal that Bind did not make is a cursor of DECLARE; executing it is what FETCH does.
  const text = `FETCH FORWARD ${rowsMax > 0 ? rowsMax : 'ALL'} FROM ${quoteIdentifier(portalName)}`;
  return { ...queryDraft(text, context), verb: 'execute' };
}

function portalDraft(
  verb: 'bind' | 'execute',
  portal: Portal,
  bind: WaitingBind | null,
  context: SessionContext | null,
): CommandDraft {
  const understood = context === null ? notUnderstood : understandPortal(portal, context);
  const { effect, meaning, meaningNow, context: record } = understood;
  return {
    kind: 'sql',
    verb,
    text: portal.text,
    recordedText: withoutPasswords(portal.text),
    parameters: portal.parameters,
    effect,
    meaning,
    meaningNow,
    estimate: estimateOf(context, understood, () => valuesOf(portal, bind)),
    context: record,
    of: ordinalOf(portal.statement),
    partOf: portal,
  };
}

/** A Bind that waits as the command does; its bytes are gone once it was forwarded. */
export interface WaitingBind {
  readonly buffer: Buffer | null;
  readonly start: number;
  readonly end: number;
}

/** What a portal's statement is to run with; null where that is on its way to the server already. */
function valuesOf({ statement, parameters }: Portal, bind: WaitingBind | null): EstimateValues | null {
  const parameterTypes = statement?.parameterTypes ?? [];
  if ((parameters ?? []).length === 0) return { parameterTypes, bind: null };
  if (bind === null || bind.buffer === null || bind.end - bind.start > limits.estimateQuestionBytesMax) return null;
  return { parameterTypes, bind: { buffer: bind.buffer, start: bind.start, end: bind.end } };
}

/** `values`: read when it is asked, since few commands are. */
function estimateOf(
  context: SessionContext | null,
  { within }: Understood,
  values: () => EstimateValues | null,
): CommandDraft['estimate'] {
  if (context === null || within === undefined) return undefined;
  return async (command) => {
    const given = values();
    if (given === null) return { rows: null, why: 'its parameters are too long, or with the server already' };
    return context.estimate(command, within, given);
  };
}

function understandPortal(portal: Portal, context: SessionContext): Understood {
  const bound = portal.context === null ? context.now : context.between(portal.context);
  const within = context.asPrepared(portal.statement, bound);
  return context.understand(portal.text, portal.statement?.parameterTypes, within, portal.strings ?? undefined);
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
