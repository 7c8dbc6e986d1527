/**
 * What a span of history adds up to, for who looks at all of it at once: made in one go, each thing counted in one way only, so that
 * every number can be had again by a search.
 *
 * Deliberately absent: who may see it (everybody's doings are in it), and what is configured.
 */

/** What became of a command, each in one class: what was held stays held, whatever was decided; then what weighs most. */
export const commandFates = ['hold', 'terminate', 'block', 'mask', 'allow', 'open'] as const;
export type CommandFate = (typeof commandFates)[number];

export interface OverviewOrder {
  /** Wall clock, milliseconds: from, inclusive; to, exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Length of a bar; `fromMs` is a multiple of it. */
  readonly barMs: number;
}

export interface NamedCount {
  readonly name: string;
  readonly count: number;
}

export interface HistoryOverview {
  /** False: there was more than could be counted in the time; the newest is. */
  readonly isWhole: boolean;
  readonly sessions: number;
  readonly refusals: number;
  /** Bars with something in them, oldest first. */
  readonly bars: readonly { readonly atMs: number; readonly fates: Readonly<Partial<Record<CommandFate, number>>> }[];
  /** Of commands that were blocked or ended their session: the most first. */
  readonly deniedRules: readonly NamedCount[];
  readonly deniedPeople: readonly NamedCount[];
  /** By their commands, the most first. */
  readonly resources: readonly (NamedCount & { readonly rows: number; readonly bytes: number })[];
  /** Every name of a rule that decided, granted or alerted. */
  readonly fired: readonly NamedCount[];
  /** Held commands asked for in the span, and what became of them. */
  readonly held: {
    readonly asked: number;
    readonly approved: number;
    readonly denied: number;
    /** Over without a decision: expired, withdrawn, its session gone. */
    readonly lapsed: number;
    /** From asking to the decision; null where none was made. */
    readonly medianMs: number | null;
    readonly longestMs: number | null;
  };
}
