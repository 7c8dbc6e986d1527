/**
 * What a command of the command line is: a description as data, and a function. The tree in `commands/index.ts` is a
 * literal list of these; the parser, the help and shell completion are all made from it, so that they cannot disagree.
 */
import type { Api } from './api.ts';
import type { ExitCode } from './exit.ts';
import type { CliIo } from './io.ts';
import type { Output } from './output/output.ts';
import type { Profile, ProfileStore } from './profile.ts';
import type { CliServices } from './services.ts';

/** What a word may be completed with, where the list is not fixed. */
export type CompletionSource =
  | 'kind'
  | 'object'
  | 'resource'
  | 'principal'
  | 'session'
  | 'secret'
  | 'token'
  | 'review'
  | 'grant'
  | 'alert'
  | 'response'
  | 'sink'
  | 'profile'
  | 'query'
  | 'search'
  | 'topic'
  | 'file'
  | 'directory';

export interface ArgumentSpec {
  /** `<name>` is required, `[name]` may be left out, `[names...]` takes the rest. */
  readonly name: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly complete?: CompletionSource;
}

export interface OptionSpec {
  /** As shown in the help: `-f, --file <path>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  readonly complete?: CompletionSource;
  readonly required?: boolean;
  /** May be given more than once; read with `list`. */
  readonly repeat?: boolean;
  readonly hidden?: boolean;
}

export type CommandGroup = 'Connect' | 'Look' | 'Review' | 'Configure' | 'Prove' | 'Run' | 'Help';

export interface CommandSpec {
  /** One word, or two for a command of a family: `sessions kill`. */
  readonly name: string;
  readonly group: CommandGroup;
  readonly summary: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  /** Shown below the help, one example a line. */
  readonly examples?: readonly string[];
  /** Left out of help and completion. */
  readonly hidden?: boolean;
  /** Answers the exit code; nothing means success. Throws CliError. */
  run(context: CommandContext): Promise<ExitCode | number | undefined> | Promise<void>;
}

/** The options of one call, read by name as written in the flags, camel-cased: `dryRun`. */
export interface OptionReader {
  text(name: string): string | null;
  flag(name: string): boolean;
  /** True when `--no-NAME` was given. */
  isRefused(name: string): boolean;
  /** A whole number within bounds, or null where the option was not given. Throws `cli.usage`. */
  integer(name: string, bounds: { readonly minimum: number; readonly maximum: number }): number | null;
  /** A number above zero, or null. Throws `cli.usage`. */
  positive(name: string): number | null;
  /** Every value of an option that may be repeated. */
  list(name: string): readonly string[];
}

export interface CommandContext {
  readonly io: CliIo;
  readonly output: Output;
  /** The arguments in order; a variadic one contributes each of its words. */
  readonly args: readonly string[];
  readonly options: OptionReader;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly signal: AbortSignal;
  /** True when the person asked for `-o` explicitly. */
  readonly isFormatGiven: boolean;
  readonly profiles: ProfileStore;
  /** The profile in force: option, environment, file, in that order. Server and token may be missing. */
  profile(): Promise<Profile>;
  readonly version: string;
  /** The help of a command or family as text; of the whole program for no words; null where there is no such command. */
  helpOf(words: readonly string[]): string | null;
  /** The whole tree, for help and completion. */
  readonly commands: readonly CommandSpec[];
  /** The API with a profile made up on the spot (a login), whose token may be missing. */
  openApi(change: Partial<Profile>, deadlineMs?: number): Promise<Api>;
  /** The API with the token of the profile in force. Throws `cli.not-logged-in`. */
  api(): Promise<Api>;
  services(): Promise<CliServices>;
  /** The profile's name that options and environment ask for, or the current one. */
  profileName(): Promise<string>;
  /** Takes signals away from `signal`, for commands that hand them on themselves. */
  takeSignals(): void;
}
