/** The smallest unit a rule judges, and what is known about it. */

import type { ConnectionMeaning } from './connections.ts';
import type { FileMeaning } from './files.ts';
import type { HttpMeaning } from './http.ts';
import type { KubernetesMeaning } from './kubernetes.ts';
import type { RowEstimate } from './review.ts';
import type { Command } from './run.ts';
import type { ShellAnalysis } from './shell.ts';
import type { Analysis } from './sql.ts';

export type CommandKind = 'sql' | 'shell' | 'http' | 'kubernetes' | 'transfer' | 'tool' | 'connection';

/**
 * What a command may do, as far as analysis can prove. `read` is a proof that nothing can change; everything short of
 * a proof is `unknown`, which is treated as `write`.
 */
export type Effect = 'read' | 'write' | 'unknown';

/** A parameter as a reviewer and an auditor read it. */
export interface Parameter {
  /** The protocol's name of the type, or null where the client named none. */
  readonly type: string | null;
  /** Text form; null is SQL NULL. Longer values are cut and `bytes` tells the true length. */
  readonly value: string | null;
  readonly bytes: number;
  /** Lower-case hexadecimal SHA-256 of the whole value as sent, where `value` was cut. */
  readonly digest?: string;
}

/** What a command means, by the analysis of its language. A closed union that grows with the languages. */
export type Meaning =
  | { readonly language: 'sql'; readonly sql: Analysis }
  | { readonly language: 'shell'; readonly shell: ShellAnalysis }
  | { readonly language: 'file'; readonly file: FileMeaning }
  | { readonly language: 'connection'; readonly connection: ConnectionMeaning }
  | { readonly language: 'http'; readonly http: HttpMeaning }
  /** `shell`: what the program that an exec starts will run; null where there is none. */
  | { readonly language: 'kubernetes'; readonly kubernetes: KubernetesMeaning; readonly shell: ShellAnalysis | null };

/** The analysis of a command of SQL; null for what has none, or speaks another language. */
export function sqlOf(meaning: Meaning | null | undefined): Analysis | null {
  return meaning?.language === 'sql' ? meaning.sql : null;
}

/** The analysis of a shell text, or of what is run in a container; null for what has none, or speaks another language. */
export function shellOf(meaning: Meaning | null | undefined): ShellAnalysis | null {
  return meaning?.language === 'shell' || meaning?.language === 'kubernetes' ? meaning.shell : null;
}

/** What a command does to files; null for what speaks another language. */
export function filesOf(meaning: Meaning | null | undefined): FileMeaning | null {
  return meaning?.language === 'file' ? meaning.file : null;
}

/** What a request asks for; null for what speaks another language. */
export function httpOf(meaning: Meaning | null | undefined): HttpMeaning | null {
  return meaning?.language === 'http' ? meaning.http : null;
}

/** What a request to a Kubernetes API server asks for; null for what speaks another language. */
export function kubernetesOf(meaning: Meaning | null | undefined): KubernetesMeaning | null {
  return meaning?.language === 'kubernetes' ? meaning.kubernetes : null;
}

const kinds: Readonly<Record<Meaning['language'], CommandKind>> = {
  sql: 'sql',
  shell: 'shell',
  file: 'transfer',
  connection: 'connection',
  http: 'http',
  kubernetes: 'kubernetes',
};

/** A command that nobody submitted: for explaining and trying out rules. Without a meaning it counts as SQL. */
export function draftToTry(text: string, verb: string, meaning: Meaning | null): CommandDraft {
  return {
    kind: meaning === null ? 'sql' : kinds[meaning.language],
    verb,
    text,
    recordedText: text,
    parameters: null,
    effect: 'unknown',
    meaning,
    context: {},
    of: null,
  };
}

/** What a protocol submits. */
export interface CommandDraft {
  readonly kind: CommandKind;
  /** What is done with the text in the protocol's own words: `query`, `prepare`, `execute`, `copy-data`, … */
  readonly verb: string;
  /** The command as the person wrote it: what is judged. */
  readonly text: string;
  /** What is recorded instead, without the passwords that stand in it (A-REC-05); `text` itself where none do. */
  readonly recordedText: string;
  readonly parameters: readonly Parameter[] | null;
  readonly effect: Effect;
  /** Null where the protocol could not say: rules that match on meaning then block. */
  readonly meaning: Meaning | null;
  /**
   * What it means by now, in the context that it came in, by facts gathered since the call: for a command that waited
   * for a human while others may have changed what stands behind its names. Never rejects; absent: what it meant.
   */
  readonly meaningNow?: (() => Promise<Meaning | null>) | undefined;
  /**
   * Resolves once whoever asked is there to take what comes of it; asked where a held command was approved, before the rules
   * are asked again and the approval is used. For requesters who come back for it; absent: they wait. Never rejects.
   */
  readonly present?: (() => Promise<void>) | undefined;
  /**
   * Asks the target how many rows it expects the command to touch, without running any of it; called at most once, and
   * only where the command is held. Never rejects, and ends by a deadline of its own.
   */
  readonly estimate?: ((command: Command) => Promise<RowEstimate>) | undefined;
  /**
   * The settings of the session on which the meaning rests (`database`, `role`, `search_path`, …), as far as they are
   * known: part of what a reviewer approves.
   */
  readonly context: Readonly<Record<string, string>>;
  /** Ordinal of the command this one executes (an Execute's Parse), or null. */
  readonly of: number | null;
  /**
   * It was seen as it ran, so nothing can stop it: what a rule would hold or block becomes an alert, and only `terminate` does
   * what it says.
   */
  readonly observed?: true | undefined;
  /**
   * Why nobody can approve it: part of it is not known yet (a body that is still to come, say). What would hold it blocks
   * it then, with this reason.
   */
  readonly unholdable?: string | undefined;
  /**
   * The same object for commands that bring out parts of one result (Executes of one portal): what limits count of a
   * statement goes on from one to the next. Absent: the command stands by itself.
   */
  readonly partOf?: object | undefined;
}

/** Whether two analyses of one text say the same of what a reviewer decides about; estimates may differ. */
export function meansTheSame(before: Meaning | null, now: Meaning | null): boolean {
  return before === now || JSON.stringify(reviewedOf(before)) === JSON.stringify(reviewedOf(now));
}

function reviewedOf(meaning: Meaning | null): unknown {
  if (meaning === null) return null;
  // Of a shell everything counts: its analysis rests on the text and the session's own facts, and estimates nothing.
  if (meaning.language === 'shell') return meaning.shell;
  if (meaning.language === 'connection') return meaning.connection;
  if (meaning.language === 'http') return meaning.http;
  if (meaning.language === 'kubernetes') return [meaning.kubernetes, meaning.shell];
  // Files grow while somebody thinks; which files they are, and what is done to them, is what was approved.
  if (meaning.language === 'file') {
    const { operations, complete } = meaning.file;
    return [complete, operations.map((one) => ({ ...one, sizeBytes: null }))];
  }
  return meaning.sql.statements.map(({ kind, effects, relations, functions, conditions, complete, reasons }) => {
    return [kind, effects, relations, functions, conditions, complete, reasons];
  });
}
