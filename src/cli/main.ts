/**
 * The command line's one entry: parses, runs one command, tells of failure, flushes, and answers the exit code.
 *
 * Invariants: `runCli` never throws and never ends the process; standard output carries results only; what was written
 * has been handed over when it resolves. Reading start: `commands/index.ts` (the tree), then any command.
 */
import { CommanderError } from 'commander';
import { type Api, openApi } from './api.ts';
import type { CommandContext } from './command.ts';
import { commands } from './commands/index.ts';
import { type CliError, cliError, usage } from './errors.ts';
import { exitCodes } from './exit.ts';
import { explainFailure, type Said } from './failure.ts';
import type { CliIo, InterruptSignal } from './io.ts';
import { Output, type OutputFormat, ReaderGone } from './output/output.ts';
import { emptyProfile, type Profile, ProfileStore } from './profile.ts';
import { buildProgram, helpOf, type Parsed } from './program.ts';
import { resolveProfile, wantedProfileName } from './resolve.ts';
import type { CliServices } from './services.ts';

/** What the composition root hands to the command line. */
export interface CliHost {
  readonly version: string;
  /** Loaded only by the commands that need it, so that the others start fast. */
  services(): Promise<CliServices>;
}

/** Runs one command line (without the program's own name) and answers its exit code. */
export async function runCli(argv: readonly string[], io: CliIo, host: CliHost): Promise<number> {
  const signals = watchSignals(io);
  const run = new Run(io, host, signals.signal, signals.release);
  try {
    // A command that does not stop when asked is left behind at the second Ctrl-C.
    return await Promise.race([run.execute(argv), signals.insisted]);
  } finally {
    signals.release();
  }
}

class Run {
  readonly #io: CliIo;
  readonly #host: CliHost;
  readonly #signal: AbortSignal;
  readonly #takeSignals: () => void;
  #output: Output;
  #server: string | null = null;
  #argv: readonly string[] = [];
  #said: Said = { command: '', args: [] };

  constructor(io: CliIo, host: CliHost, signal: AbortSignal, takeSignals: () => void) {
    this.#io = io;
    this.#host = host;
    this.#signal = signal;
    this.#takeSignals = takeSignals;
    this.#output = new Output(io, 'table', false);
  }

  async execute(argv: readonly string[]): Promise<number> {
    this.#argv = argv;
    const shown: string[] = [];
    let code: number = exitCodes.ok;
    try {
      const program = buildProgram(
        commands,
        this.#host.version,
        { out: (text) => void shown.push(text), err: (text) => void this.#io.stderr.write(text) },
        async (parsed) => {
          code = await this.#run(parsed, (words) => helpOf(program, words));
        },
      );
      await program.parseAsync([...argv], { from: 'user' });
    } catch (error) {
      code = this.#fail(error);
    }
    try {
      for (const text of shown) await this.#output.write(text);
    } catch (error) {
      code = this.#fail(error);
    }
    await this.#output.flush();
    return code;
  }

  async #run(parsed: Parsed, help: CommandContext['helpOf']): Promise<number> {
    const { spec, args, options } = parsed;
    this.#said = { command: spec.name, args };
    const format = options.text('output');
    this.#output = new Output(
      this.#io,
      (format ?? 'table') as OutputFormat,
      options.isRefused('color'),
      options.flag('quiet'),
    );
    const profiles = new ProfileStore(this.#io.env);
    const profile = once(() => resolveProfile(profiles, options, this.#io, this.#output));
    const context: CommandContext = {
      io: this.#io,
      output: this.#output,
      args,
      options,
      signal: this.#signal,
      isFormatGiven: format !== null,
      version: this.#host.version,
      helpOf: help,
      commands,
      profiles,
      profile: async () => this.#remember(await profile()),
      profileName: () => wantedProfileName(profiles, options, this.#io),
      api: async () => {
        const found = this.#remember(await profile());
        if (found.server === null || found.token === null) throw cliError('cli.not-logged-in');
        return await openApi(found, this.#signal);
      },
      openApi: async (change: Partial<Profile>, deadlineMs?: number): Promise<Api> => {
        const found = this.#remember({ ...emptyProfile, name: '', ...change });
        return await openApi(found, this.#signal, deadlineMs);
      },
      services: () => this.#services(spec.name),
      takeSignals: this.#takeSignals,
    };
    return (await spec.run(context)) ?? exitCodes.ok;
  }

  async #services(what: string): Promise<CliServices> {
    try {
      return await this.#host.services();
    } catch (error) {
      throw cliError('cli.no-services', { what: `sallyport ${what}` }, error);
    }
  }

  #remember(profile: Profile): Profile {
    this.#server = profile.server;
    return profile;
  }

  #fail(error: unknown): number {
    if (error instanceof ReaderGone) return exitCodes.ok;
    if (error instanceof CommanderError) {
      // Help and version were asked for; help shown because a word is missing is a usage error.
      if (error.exitCode === 0) return exitCodes.ok;
      if (error.code !== 'commander.help') this.#tell(usageOf(error, helpFor(this.#argv)));
      return exitCodes.usage;
    }
    const failure = explainFailure(error, this.#server, this.#signal.aborted, this.#said);
    this.#tell(failure);
    if (this.#io.env['SALLYPORT_DEBUG'] === '1') this.#debug(error);
    return failure.exit;
  }

  #tell(failure: CliError): void {
    if (failure.code === 'cli.interrupted') return;
    this.#output.error(failure.publicMessage, failure.todo);
  }

  #debug(error: unknown): void {
    for (let at: unknown = error; at instanceof Error; at = at.cause) this.#output.warn(at.stack ?? at.message);
  }
}

/** The help of the command that was meant, as far as it can be told from its words. */
function helpFor(argv: readonly string[]): string {
  const known = (words: readonly string[]): boolean =>
    commands.some(({ name }) => name === words.join(' ') || name.startsWith(`${words.join(' ')} `));
  const words: string[] = [];
  for (const word of argv) {
    if (!known([...words, word])) break;
    words.push(word);
  }
  return ['sallyport', 'help', ...words].join(' ');
}

function usageOf(error: CommanderError, help: string): CliError {
  const [what, hint] = error.message.replace(/^error: /, '').split('\n');
  const text = `${what!.charAt(0).toUpperCase()}${what!.slice(1)}${/[.?!)]$/.test(what!) ? '' : '.'}`;
  const near = /Did you mean (.*)\?/.exec(hint ?? '')?.[1];
  return usage(text, near === undefined ? `See: ${help}` : `Did you mean ${near}? See: ${help}`);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

interface Signals {
  readonly signal: AbortSignal;
  /** Resolves to the exit code at the second signal. */
  readonly insisted: Promise<number>;
  release(): void;
}

function watchSignals(io: CliIo): Signals {
  const controller = new AbortController();
  const insisted = Promise.withResolvers<number>();
  const names: readonly InterruptSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const releases = names.map((name) =>
    io.onSignal(name, () => {
      if (controller.signal.aborted) insisted.resolve(exitCodes.interrupted);
      else controller.abort(cliError('cli.interrupted'));
    }),
  );
  return {
    signal: controller.signal,
    insisted: insisted.promise,
    release: () => {
      for (const release of releases) release();
    },
  };
}
