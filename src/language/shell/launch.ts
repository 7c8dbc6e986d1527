/**
 * What a command runs: it is recorded, and where its program is one that runs others, these are launched in turn.
 *
 * `handlers` is the table of all programs of which more is known than their name and effects.
 */
import { builtins } from './builtins.ts';
import { describe } from './describe.ts';
import { baseName, type Field, textsOf } from './field.ts';
import { interpreters } from './interpreters.ts';
import { remotes } from './remote.ts';
import { runners } from './runners.ts';
import { flag, type Scope, within } from './scope.ts';
import { shells } from './shells.ts';
import { steered } from './steered.ts';
import { isKnownProgram } from './tables.ts';
import { wrappers } from './wrappers.ts';

/** A command under way: where it runs, its program and its arguments. */
export interface Call {
  readonly at: Scope;
  readonly program: string;
  readonly fields: readonly Field[];
  readonly args: readonly Field[];
}

export type Handler = (call: Call) => void;

let table: ReadonlyMap<string, Handler> | null = null;

/** Made at the first use: the handlers' files and this one need each other. */
function handlers(): ReadonlyMap<string, Handler> {
  table ??= new Map([builtins, wrappers, shells, remotes, runners, interpreters].flatMap((one) => Object.entries(one)));
  return table;
}

const systemPath =
  /^(?:\/usr(?:\/local)?)?\/s?bin\/[\w.+[-]+$|^\/(?:usr\/lib|usr\/libexec|lib|opt)\/[\w./+-]+$|^\/etc\/init\.d\/[\w.-]+$/;

/** Versions in names: `python3.11`, `vim.tiny`, `gcc-12`. */
function familyOf(program: string): string {
  if (handlers().has(program)) return program;
  const short = program.replace(/[-.]?\d[\d.]*$/, '').replace(/\.(?:tiny|basic|nox|gtk3|exe|traditional|openbsd)$/, '');
  return handlers().has(short) || isKnownProgram(short) ? short : program;
}

export function launch(at: Scope, fields: readonly Field[]): void {
  const [name, ...args] = fields;
  if (name === undefined) return;
  at.gather.spend(1 + (fields.length >> 3));
  const { text } = name;
  if (text === null) {
    flag(at, 'dynamic-name', name.pattern ?? name.head);
    record(at, fields, null);
    return;
  }
  const program = baseName(text);
  if (program === '') return;
  if (text.includes('/') && (!systemPath.test(text) || text.includes('/..'))) {
    flag(at, 'path-exec', text);
    at.gather.filesRun.add(program);
  }
  at.gather.programsMet.add(program);
  if (at.context.dialect === 'zsh' && text.startsWith('=')) flag(at, 'dialect', text);
  const family = familyOf(program);
  record(at, fields, family);
  steered({ at, program: family, fields, args });
  const handler = handlers().get(family);
  if (handler !== undefined) handler({ at, program: family, fields, args });
  else if (!isKnownProgram(family)) unlisted({ at, program, fields, args });
}

function record(at: Scope, fields: readonly Field[], family: string | null): void {
  at.gather.addCommand(describe(at, fields, family));
}

/** A program that nobody has described may run what it is given: where that is a known program, it counts as run. */
function unlisted({ at, program, args }: Call): void {
  flag(at, 'unlisted', program);
  const index = args.findIndex(({ text }) => text !== null && !text.startsWith('-') && isRunnable(baseName(text)));
  if (index < 0 || index > 6) return;
  const inner = within(at, program);
  if (inner !== null) launch(inner, args.slice(index));
}

function isRunnable(name: string): boolean {
  return handlers().has(name) || isKnownProgram(name);
}

/** Starts the rest of a command's words, as wrappers do. `how` goes into `via`. */
export function relaunch({ at }: Call, fields: readonly Field[], how: string, more: Partial<Scope> = {}): void {
  if (fields.length === 0) return;
  const inner = within(at, how, more);
  if (inner === null) return;
  const [first] = fields;
  if (first!.text === null) flag(at, 'dynamic-name', how);
  launch(inner, fields);
}

/** Words as a person would write them, for flags. */
export function spell(fields: readonly Field[]): string {
  return textsOf(fields)
    .map((text) => text ?? '…')
    .join(' ');
}
