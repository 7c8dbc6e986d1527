/**
 * From the literal list of commands to a parser: builds the tree for commander and reads options back by name.
 *
 * Deliberately absent: any knowledge of a particular command.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { assert } from '../base/assert.ts';
import type { CommandSpec, OptionReader, OptionSpec } from './command.ts';
import { usage } from './errors.ts';
import { families, globalOptions } from './options.ts';

export interface Parsed {
  readonly spec: CommandSpec;
  readonly args: readonly string[];
  readonly options: OptionReader;
}

export interface Sinks {
  out(text: string): void;
  err(text: string): void;
}

/** Builds the parser. `run` is called with the command that the words name. */
export function buildProgram(
  commands: readonly CommandSpec[],
  version: string,
  sinks: Sinks,
  run: (parsed: Parsed) => Promise<void>,
): Command {
  const program = new Command('sallyport')
    .usage('<command> [options]')
    .description('The guarded door to your infrastructure: connect, look, prove.')
    .version(version, '-V, --version', 'Show the version.')
    .helpOption('-h, --help', 'Show this help.')
    .helpCommand(false)
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ writeOut: sinks.out, writeErr: sinks.err, outputError: () => {} })
    .configureHelp({ sortOptions: false, sortSubcommands: false, showGlobalOptions: false })
    .addHelpText('after', '\nMore: sallyport help COMMAND, sallyport help exit-codes');
  for (const option of globalOptions) program.addOption(toOption(option));
  for (const spec of commands) addCommand(program, spec, run);
  return program;
}

/** The help of what the words name, the whole program's for none; null where they name nothing. */
export function helpOf(program: Command, words: readonly string[]): string | null {
  let at: Command = program;
  for (const word of words) {
    const next = at.commands.find((command) => command.name() === word);
    if (next === undefined) return null;
    at = next;
  }
  const parts: string[] = [];
  at.configureOutput({ writeOut: (part) => void parts.push(part) });
  at.outputHelp();
  return parts.join('');
}

function addCommand(program: Command, spec: CommandSpec, run: (parsed: Parsed) => Promise<void>): void {
  const [first, second] = spec.name.split(' ') as [string, string | undefined];
  const parent = second === undefined ? program : familyOf(program, first);
  const command = parent
    .command(second ?? first, { hidden: spec.hidden === true })
    .description(spec.summary)
    .helpGroup(`${second === undefined ? spec.group : 'Commands'}:`);
  if (spec.name === '__complete') command.allowUnknownOption().helpOption(false);
  for (const argument of spec.arguments ?? []) {
    const made = new Argument(argument.name, argument.description);
    if (argument.choices !== undefined) made.choices(argument.choices);
    command.addArgument(made);
  }
  for (const option of spec.options ?? []) command.addOption(toOption(option));
  if (spec.examples !== undefined) {
    command.addHelpText('after', `\nExamples:\n${spec.examples.map((example) => `  ${example}`).join('\n')}`);
  }
  command.addHelpText('after', '\nOptions of every command: sallyport help');
  command.action(async () => {
    await run({
      spec,
      args: command.processedArgs.flat().filter((word) => word !== undefined),
      options: readerOf(command),
    });
  });
}

function familyOf(program: Command, name: string): Command {
  const found = program.commands.find((command) => command.name() === name);
  if (found !== undefined) return found;
  const family = families[name];
  assert(family !== undefined, `the family ${name} stands in options.ts`);
  return program.command(name).description(family.summary).helpGroup(`${family.group}:`).helpCommand(false);
}

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.description);
  if (spec.choices !== undefined) option.choices(spec.choices);
  if (spec.required === true) option.makeOptionMandatory();
  if (spec.hidden === true) option.hideHelp();
  if (spec.repeat === true) {
    option.argParser<string[]>((value, before) => [...(before ?? []), value]);
  } else if (spec.choices === undefined && spec.flags.includes('<')) {
    option.argParser<string>((value) => {
      if (value === '') throw new InvalidArgumentError('It must not be empty.');
      return value;
    });
  }
  return option;
}

function readerOf(command: Command): OptionReader {
  const values: Readonly<Record<string, unknown>> = command.optsWithGlobals();
  const text = (name: string): string | null => {
    const value = values[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    text,
    flag: (name) => values[name] === true,
    isRefused: (name) => values[name] === false,
    list: (name) => {
      const value = values[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    integer(name, { minimum, maximum }) {
      const given = text(name);
      if (given === null) return null;
      const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN;
      if (value >= minimum && value <= maximum) return value;
      throw usage(
        `--${kebab(name)} must be a whole number from ${minimum} to ${maximum}.`,
        'Correct it and run it again.',
      );
    },
    positive(name) {
      const given = text(name);
      if (given === null) return null;
      const value = /^\d{1,9}(\.\d{1,6})?$/.test(given) ? Number(given) : 0;
      if (value > 0) return value;
      throw usage(`--${kebab(name)} must be a number above zero.`, 'Correct it and run it again.');
    },
  };
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
