/** The smallest unit a rule judges, and what is known about it. */
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
export type Meaning = { readonly language: 'sql'; readonly sql: Analysis };

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
   * The settings of the session on which the meaning rests (`database`, `role`, `search_path`, …), as far as they are
   * known: part of what a reviewer approves.
   */
  readonly context: Readonly<Record<string, string>>;
  /** Ordinal of the command this one executes (an Execute's Parse), or null. */
  readonly of: number | null;
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
  return meaning?.sql.statements.map(({ kind, effects, relations, functions, conditions, complete, reasons }) => {
    return [kind, effects, relations, functions, conditions, complete, reasons];
  });
}
