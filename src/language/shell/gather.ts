/**
 * What an analysis gathers while it walks a text, and the budget it may use.
 *
 * Invariants: a flag is never taken back; what is past a bound is not recorded and flagged instead.
 */
import type { Function as FunctionNode } from 'unbash';
import type { ShellCommand, ShellReason, ShellRedirect } from '../../core/shell.ts';
import { type ShellFlag, shellFlags } from '../../core/shell-effects.ts';
import { reasonLengthMax, reasonsPerFlagMax, shellCommandsMax, shellStepsMax } from './limits.ts';
import type { Scope } from './scope.ts';

/** Ends the walk from wherever it is; caught in one place. */
export class Exhausted extends Error {}

export class Gather {
  readonly commands: ShellCommand[] = [];
  readonly redirects: ShellRedirect[] = [];
  /** Names that the text gives another meaning: aliases, `hash -p`. */
  readonly renamed = new Set<string>();
  /** Bare words in places where an alias would be expanded. */
  readonly bareNames = new Set<string>();
  /** Names that ran as programs, before a function of that name was seen. */
  readonly programsRun = new Set<string>();
  readonly functionNames = new Set<string>();
  /** Last parts of the names of all programs met. */
  readonly programsMet = new Set<string>();
  /** With where each was met. */
  readonly functionsDefined = new Map<FunctionNode, Scope>();
  readonly functionsCalled = new Set<FunctionNode>();
  /** Last parts of the paths that the text writes; null where one is not known. */
  readonly written = new Set<string | null>();
  /** Last parts of the paths of files that it runs; null where one is not known. */
  readonly filesRun = new Set<string | null>();
  /** By what another name a program was put in place: `cp /bin/rm x` gives `x` the name `rm`. */
  readonly copies = new Map<string, string>();
  hasSetPositional = false;
  /** Variables whose values are evaluated as arithmetic when they are assigned. */
  readonly integers = new Set<string>();
  readonly #reasons = new Map<ShellFlag, Set<string>>();
  readonly #seen = new Set<string>();
  #steps = 0;

  flag(code: ShellFlag, about = ''): void {
    const cut = about.length > reasonLengthMax ? `${about.slice(0, reasonLengthMax)}…` : about;
    const list = this.#reasons.get(code) ?? new Set();
    if (list.size < reasonsPerFlagMax) list.add(cut);
    this.#reasons.set(code, list);
  }

  has(code: ShellFlag): boolean {
    return this.#reasons.has(code);
  }

  get flags(): ShellFlag[] {
    return [...this.#reasons.keys()].sort();
  }

  get reasons(): ShellReason[] {
    return this.flags.flatMap((code) => [...(this.#reasons.get(code) ?? [])].map((about) => ({ code, about })));
  }

  hides(what: 'text' | 'beyond'): boolean {
    return this.flags.some((code) => shellFlags[code].hides === what);
  }

  spend(steps = 1): void {
    this.#steps += steps;
    if (this.#steps > shellStepsMax) this.exhaust();
  }

  addCommand(command: ShellCommand): void {
    if (!this.#isNew(command)) return;
    if (this.commands.length >= shellCommandsMax) this.exhaust();
    this.commands.push(command);
  }

  addRedirect(redirect: ShellRedirect): void {
    if (!this.#isNew(redirect)) return;
    if (this.redirects.length >= shellCommandsMax) this.exhaust();
    this.redirects.push(redirect);
  }

  exhaust(): never {
    this.flag('too-complex');
    throw new Exhausted();
  }

  /** Loops are walked until nothing changes, so the same is met again. */
  #isNew(entry: object): boolean {
    const key = JSON.stringify(entry);
    this.spend(1 + (key.length >> 8));
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }
}
