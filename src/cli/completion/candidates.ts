/**
 * What the word under the cursor may become: walks the literal tree of commands, as the parser would.
 *
 * Pure but for `look`, which asks the gateway for names and may answer nothing.
 */
import { manifestKinds } from '../../api/contract/index.ts';
import type { ArgumentSpec, CommandSpec, CompletionSource, OptionSpec } from '../command.ts';
import { families, globalOptions } from '../options.ts';

export interface Candidate {
  readonly word: string;
  readonly description: string;
}

export interface Candidates {
  readonly words: readonly Candidate[];
  /** The shell completes paths itself. */
  readonly paths: 'file' | 'directory' | null;
}

/** Finds names: `before` are the positional words already written (an object's kind, say), `current` the one being written. */
export type Look = (
  source: CompletionSource,
  before: readonly string[],
  current: string,
) => Promise<readonly Candidate[]>;

const nothing: Candidates = { words: [], paths: null };

/** `words` are what stands before the cursor after the program's name; the last one is being written. */
export async function completeWords(
  words: readonly string[],
  commands: readonly CommandSpec[],
  look: Look,
): Promise<Candidates> {
  const current = words.at(-1) ?? '';
  const before = joinAssignments(words.slice(0, -1));
  const walked = walk(before, commands);
  const found = await candidatesFor(walked, current, commands, look);
  // `--option=` is one word to bash and two to others; the part behind the sign is what is completed.
  return {
    words: found.words.filter((candidate) => candidate.word.startsWith(/^[=:]$/.test(current) ? '' : current)),
    paths: found.paths,
  };
}

interface Walked {
  /** The command found so far, or null. */
  readonly spec: CommandSpec | null;
  /** The words that named it, or began to. */
  readonly path: readonly string[];
  readonly positionals: readonly string[];
  /** The option whose value is being written, or null. */
  readonly pending: OptionSpec | null;
  /** After `--`: everything belongs to the client. */
  readonly isOver: boolean;
}

function walk(words: readonly string[], commands: readonly CommandSpec[]): Walked {
  let spec: CommandSpec | null = null;
  let pending: OptionSpec | null = null;
  let isOver = false;
  const path: string[] = [];
  const positionals: string[] = [];
  for (const word of words) {
    if (isOver) continue;
    if (pending !== null) {
      pending = null;
    } else if (word === '--') {
      isOver = true;
    } else if (word.startsWith('-')) {
      const option = optionsOf(spec).find((candidate) => namesOf(candidate).includes(word));
      pending = option !== undefined && /[<]/.test(option.flags) ? option : null;
    } else if (spec === null || (positionals.length === 0 && named([...path, word], commands) !== null)) {
      path.push(word);
      spec = named(path, commands);
    } else {
      positionals.push(word);
    }
  }
  return { spec, path, positionals, pending, isOver };
}

/** The command that words name; one may be the family of others as well. */
function named(path: readonly string[], commands: readonly CommandSpec[]): CommandSpec | null {
  return commands.find((candidate) => candidate.name === path.join(' ')) ?? null;
}

async function candidatesFor(
  walked: Walked,
  current: string,
  commands: readonly CommandSpec[],
  look: Look,
): Promise<Candidates> {
  const { spec, path, positionals, pending, isOver } = walked;
  if (isOver) return { words: [], paths: 'file' };
  if (pending !== null) return await valuesOf(pending, positionals, current, look);
  if (current.startsWith('-')) {
    const words = optionsOf(spec)
      .filter((option) => option.hidden !== true)
      .map((option) => ({ word: namesOf(option).at(-1)!, description: option.description }));
    return { words: [...words, { word: '--help', description: 'Show help.' }], paths: null };
  }
  if (spec === null) return { words: nextWords(path, commands), paths: null };
  const last = spec.arguments?.at(-1);
  const argument = spec.arguments?.[positionals.length] ?? (last?.name.includes('...') === true ? last : undefined);
  const found = argument === undefined ? nothing : await valuesOf(argument, positionals, current, look);
  const more = positionals.length === 0 ? nextWords(path, commands) : [];
  return more.length === 0 ? found : { ...found, words: [...more, ...found.words] };
}

async function valuesOf(
  spec: ArgumentSpec | OptionSpec,
  before: readonly string[],
  current: string,
  look: Look,
): Promise<Candidates> {
  if (spec.choices !== undefined)
    return { words: spec.choices.map((word) => ({ word, description: '' })), paths: null };
  switch (spec.complete) {
    case undefined:
      return nothing;
    case 'file':
    case 'directory':
      return { words: [], paths: spec.complete };
    case 'kind':
      return { words: [...manifestKinds, 'all'].map((word) => ({ word, description: 'kind' })), paths: null };
    default:
      return { words: await look(spec.complete, before, current), paths: null };
  }
}

/** The words that may follow `path` on the way to a command. */
function nextWords(path: readonly string[], commands: readonly CommandSpec[]): readonly Candidate[] {
  const found = new Map<string, string>();
  for (const command of commands) {
    if (command.hidden === true) continue;
    const words = command.name.split(' ');
    if (words.length <= path.length || path.some((word, index) => words[index] !== word)) continue;
    const word = words[path.length]!;
    const isLeaf = words.length === path.length + 1;
    found.set(word, isLeaf ? command.summary : (families[word]?.summary ?? ''));
  }
  return [...found].map(([word, description]) => ({ word, description }));
}

function optionsOf(spec: CommandSpec | null): readonly OptionSpec[] {
  return [...(spec?.options ?? []), ...globalOptions];
}

/** `-f, --file <path>` → `-f`, `--file`. */
function namesOf(option: OptionSpec): readonly string[] {
  return option.flags.split(/[ ,]+/).filter((part) => part.startsWith('-'));
}

/** bash cuts `--format=csv` into `--format`, `=`, `csv`. */
function joinAssignments(words: readonly string[]): readonly string[] {
  return words.filter((word) => word !== '=');
}
