/**
 * What the start of a program means: its words, quoted as a shell text, read as every name that the program may go by.
 *
 * A program can be called by its path, by what its path leads to, and by its first argument, and some (busybox, git, vim)
 * do something else for each. All readings count: commands, effects and flags are put together, and it is certain only
 * where each of them is.
 *
 * Deliberately absent: what the file contains. A script is its name and its interpreter; what it starts is asked about.
 */
import { isUtf8 } from 'node:buffer';
import type { ShellAnalysis, ShellCommand } from '../../../core/shell.ts';
import { analyseShell } from '../../../language/index.ts';
import type { StartRequest } from './codec.ts';

export interface StartMeaning {
  /** One line of shell text that would start the same; bytes that are no text are escaped. */
  readonly text: string;
  /** Null where something is no text. */
  readonly shell: ShellAnalysis | null;
}

export function meaningOfStart(request: StartRequest): StartMeaning {
  const { arguments: words, variables, interpreters } = request;
  const isText = [request.name, request.file, request.cwd, ...words, ...variables, ...interpreters].every((part) =>
    isUtf8(part),
  );
  const encoding = isText ? 'utf8' : 'latin1';
  const said = (part: Buffer): string => (isText ? part.toString('utf8') : escaped(part.toString(encoding)));
  const program = programOf(request, said);
  const rest = words.slice(1).map(said);
  const assignments = variables.map((variable) => assigned(said(variable)));
  const textOf = (...all: readonly string[]): string => [...assignments, ...all.map(quoted)].join(' ');
  const text = textOf(program, ...rest);
  if (!isText) return { text, shell: null };
  const file = said(request.file);
  const readings = new Set([text]);
  if (baseOf(file) !== baseOf(program)) readings.add(textOf(file, ...rest));
  const called = said(words[0]!).replace(/^-/, '');
  if (![program, file].map(baseOf).includes(baseOf(called)) && called !== '')
    readings.add(textOf(asPath(called), ...rest));
  // The loader takes a program as its argument.
  if (/^ld(?:-[\w.-]+)?\.so(?:\.\d+)*$/.test(baseOf(file))) {
    const at = rest.findIndex((word) => !word.startsWith('-'));
    if (at >= 0) readings.add(textOf(asPath(rest[at]!), ...rest.slice(at + 1)));
  }
  if (interpreters.length > 0) readings.add(textOf(...interpreters.map(said), program, ...rest));
  const cwd = request.cwd.toString('utf8');
  const known = cwd.startsWith('/') ? { cwd } : {};
  return {
    text,
    shell: joined([...readings].map((one) => analyseShell(one, { dialect: 'sh', stdin: 'unknown', ...known }))),
  };
}

/** Whether a command that was judged names exactly this start: the same words, and a program of the system's own. */
export function isNamedBy(request: StartRequest, commands: readonly ShellCommand[], isOwn: boolean): boolean {
  const hidden = request.variables.length > 0 || request.facts.has('memory') || request.facts.has('deleted');
  const file = request.file.toString('utf8');
  const name = programOf(request, (part) => part.toString('utf8'));
  // By its name and by what the name leads to: in a root of its own the one may look like the system's.
  const isSystems = /^\/(?:usr\/(?:local\/)?)?s?bin\/[^/]+$/.test(name) && /^\/(?:usr|s?bin|lib\w*)\//.test(file);
  if (!isOwn && (hidden || !isSystems)) return false;
  const words = request.arguments.slice(1).map((word) => word.toString('utf8'));
  return commands.some(({ argv, program, host, asUser }) => {
    if (host !== null || asUser !== null || program === null) return false;
    if (program !== baseOf(name) && program !== baseOf(file)) return false;
    const isSame = (word: string | null | undefined, at: number): boolean =>
      word === null ? isOwn : word === words[at];
    return argv.length === words.length + 1 && argv.slice(1).every(isSame);
  });
}

function programOf(request: StartRequest, said: (part: Buffer) => string): string {
  const name = said(request.name);
  const isLink = name === '' || /^\/(?:proc\/(?:self|thread-self|\d+)|dev\/fd)\//.test(name);
  return isLink ? said(request.file) : asPath(name);
}

/** A name without a slash is looked up by nobody: it lies in the current directory. */
function asPath(name: string): string {
  return name.includes('/') ? name : `./${name}`;
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function assigned(variable: string): string {
  const at = variable.indexOf('=');
  const name = variable.slice(0, at);
  // An exported function's variable has no name that a text could give it.
  return /^[A-Za-z_]\w*$/.test(name) ? `${name}=${quoted(variable.slice(at + 1))}` : `BASH_ENV=${quoted(variable)}`;
}

function quoted(word: string): string {
  return /^[\w@%+:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function escaped(text: string): string {
  return text.replace(/[\u0000-\u001f\\\u007f-\u00ff]/g, (character) =>
    character === '\\' ? '\\\\' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

function joined(readings: readonly ShellAnalysis[]): ShellAnalysis {
  const [first, ...more] = readings as [ShellAnalysis, ...ShellAnalysis[]];
  if (more.length === 0) return first;
  return {
    ...first,
    commands: distinct(readings.flatMap(({ commands }) => commands)),
    redirects: distinct(readings.flatMap(({ redirects }) => redirects)),
    effects: [...new Set(readings.flatMap(({ effects }) => effects))].sort(),
    flags: [...new Set(readings.flatMap(({ flags }) => flags))].sort(),
    reasons: distinct(readings.flatMap(({ reasons }) => reasons)),
    complete: readings.every(({ complete }) => complete),
    bounded: readings.every(({ bounded }) => bounded),
  };
}

function distinct<T>(all: readonly T[]): T[] {
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}
