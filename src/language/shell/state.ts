/**
 * What one shell process is known to hold at a point of the text: variables, functions, positional parameters, directory.
 *
 * Invariants:
 * - What is not in `#values` is not known: the environment may have given it any value, or none.
 * - A variable that is ever given two different values in one process is not known any more, for good: an aborted line, a
 *   `break`, a trap or a loop may leave either. Hence nothing has to be known about the order in which lines run.
 * - `join` keeps only what both branches agree on.
 */
import type { Function as FunctionNode } from 'unbash';
import type { Field } from './field.ts';

/** The value of a variable: its text, or elements of an array. */
export type Value =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number' }
  | { readonly kind: 'fields'; readonly fields: readonly Field[] };

export interface FunctionEntry {
  readonly bodies: readonly FunctionNode[];
  /** False where it may not have been defined, or was taken away again. */
  readonly isCertain: boolean;
}

/** Names that the shell sets itself, or that cannot be set: what is assigned to them does not stay. */
const ownNames =
  /^(?:_|\d+|[@*#?$!-]|BASH.*|COMP_.*|DIRSTACK|EPOCH.*|E?UID|E?GID|FUNCNAME|FUNCNEST|GROUPS|HISTCMD|HOSTNAME|HOSTTYPE|LINENO|MACHTYPE|MAPFILE|OLDPWD|OPTARG|OPTIND|OSTYPE|PIPESTATUS|PPID|PWD|RANDOM|READLINE_.*|REPLY|SECONDS|SHELLOPTS|SHLVL|SRANDOM|USERNAME|LOGNAME|TTY|TTYIDLE|argv|status|pipestatus|path|commands|aliases|functions|options|parameters|[a-z]?match|mbegin|mend|signals|funcstack|jobstates|jobtexts|jobdirs|history|historywords|ZSH_.*|zsh_.*)$/;

const numberNames =
  /^(?:[#?$!]|RANDOM|SRANDOM|SECONDS|LINENO|UID|EUID|PPID|BASHPID|SHLVL|EPOCHSECONDS|COLUMNS|LINES|OPTIND|HISTCMD)$/;

const isNumeric = (value: Value): boolean =>
  value.kind === 'number' || (value.kind === 'text' && /^-?\d{1,18}$/.test(value.text));

/** What holds of both; null where nothing does. */
function merge(a: Value, b: Value): Value | null {
  if (a === b || JSON.stringify(a) === JSON.stringify(b)) return a;
  return isNumeric(a) && isNumeric(b) ? { kind: 'number' } : null;
}

export class State {
  #values = new Map<string, Value>();
  /** All that was ever assigned in this process; null: different values. Shared by the branches of one process. */
  #ever: Map<string, Value | null> = new Map();
  #volatile = { all: false, risky: false };
  #exported = new Set<string>();
  functions = new Map<string, FunctionEntry>();
  /** Null where not known. */
  positional: readonly Field[] | null = null;
  zero: Field | null = null;
  /** Absolute and canonical; null where not known. */
  cwd: string | null = null;
  home: string | null = null;
  /** Characters at which unquoted expansions split; null where not known. */
  ifs: string | null = ' \t\n';

  get(name: string): Value | null {
    if (this.#volatile.all) return numberNames.test(name) ? { kind: 'number' } : null;
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    return numberNames.test(name) ? { kind: 'number' } : null;
  }

  text(name: string): string | null {
    const value = this.get(name);
    return value?.kind === 'text' ? value.text : null;
  }

  /** Null: any value. */
  set(name: string, value: Value | null): void {
    const canStay = value !== null && !ownNames.test(name) && !this.#volatile.risky;
    const before = this.#ever.get(name);
    const kept = !canStay || before === null ? null : before === undefined ? value : merge(before, value);
    if (name === 'IFS') this.ifs = kept?.kind === 'text' ? kept.text : null;
    if (name === 'HOME') this.home = null;
    this.#ever.set(name, kept);
    if (kept === null) this.#values.delete(name);
    else this.#values.set(name, kept);
  }

  /** For the word of a loop, which is known in each round and unknown after. */
  bind(name: string, value: Value): void {
    if (!ownNames.test(name)) this.#values.set(name, value);
  }

  export(name: string): void {
    this.#exported.add(name);
  }

  exportAll(): void {
    for (const name of this.#values.keys()) this.#exported.add(name);
  }

  /** From here on no variable is known: names or values were set that cannot be told. */
  forgetAll(): void {
    this.#volatile.all = true;
    this.ifs = null;
  }

  /** An expansion may fail and take the rest of its line with it: what is assigned from here on may not be. */
  risk(): void {
    this.#volatile.risky = true;
  }

  define(name: string, node: FunctionNode): void {
    const before = this.functions.get(name)?.bodies ?? [];
    const bodies = before.includes(node) ? before : [...before, node];
    this.functions.set(name, { bodies, isCertain: !this.#volatile.risky });
  }

  doubtFunction(name: string): void {
    const entry = this.functions.get(name);
    if (entry !== undefined) this.functions.set(name, { ...entry, isCertain: false });
  }

  doubtFunctions(): void {
    for (const name of this.functions.keys()) this.doubtFunction(name);
  }

  /** Another branch of the same process. */
  branch(): State {
    const other = this.#copy();
    other.#ever = this.#ever;
    other.#volatile = this.#volatile;
    return other;
  }

  /** A child that begins as a copy of this process: `( … )`, `$(…)`, a part of a pipeline. */
  fork(): State {
    const other = this.#copy();
    other.#ever = new Map(this.#ever);
    other.#volatile = { ...this.#volatile };
    return other;
  }

  /** A shell that is started as a program: what was exported, and perhaps functions. */
  spawn(): State {
    const other = new State();
    for (const [name, value] of this.#values) {
      if (this.#exported.has(name) && value.kind !== 'fields') other.#values.set(name, value);
    }
    other.#ever = new Map(other.#values);
    other.#volatile = { ...this.#volatile };
    other.functions = new Map(this.functions);
    other.doubtFunctions();
    other.cwd = this.cwd;
    other.home = this.home;
    return other;
  }

  /** Somewhere of which nothing is known: another machine, another user's shell. */
  static unknown(): State {
    return new State();
  }

  /** What is known afterwards where either this or the other branch ran. */
  join(other: State): void {
    for (const [name, value] of this.#values) {
      const theirs = other.#values.get(name);
      const both = theirs === undefined ? null : merge(value, theirs);
      if (both === null) this.#values.delete(name);
      else this.#values.set(name, both);
    }
    for (const [name, entry] of other.functions) {
      const mine = this.functions.get(name);
      const bodies = [...new Set([...(mine?.bodies ?? []), ...entry.bodies])];
      this.functions.set(name, { bodies, isCertain: (mine?.isCertain ?? false) && entry.isCertain });
    }
    for (const name of this.functions.keys()) if (!other.functions.has(name)) this.doubtFunction(name);
    if (this.cwd !== other.cwd) this.cwd = null;
    if (this.home !== other.home) this.home = null;
    if (this.ifs !== other.ifs) this.ifs = null;
    if (this.positional !== other.positional && JSON.stringify(this.positional) !== JSON.stringify(other.positional)) {
      this.positional = null;
    }
    if (other.#volatile.all) this.#volatile.all = true;
    if (other.#volatile.risky) this.#volatile.risky = true;
    for (const name of other.#exported) this.#exported.add(name);
  }

  /** What a copy of it costs, in entries. */
  get weight(): number {
    return this.#values.size + this.functions.size;
  }

  /** For finding out whether a round of a loop changed anything. */
  get fingerprint(): string {
    const functions = [...this.functions].map(([name, { bodies, isCertain }]) => [name, bodies.length, isCertain]);
    return JSON.stringify([
      [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)),
      functions,
      this.positional,
      this.cwd,
      this.ifs,
      this.#volatile,
    ]);
  }

  #copy(): State {
    const other = new State();
    other.#values = new Map(this.#values);
    other.#exported = new Set(this.#exported);
    other.functions = new Map(this.functions);
    other.positional = this.positional;
    other.zero = this.zero;
    other.cwd = this.cwd;
    other.home = this.home;
    other.ifs = this.ifs;
    return other;
  }
}
