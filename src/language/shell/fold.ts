/**
 * What a pipeline of simple filters over literal text prints: `echo cm0gLXJm | base64 -d`.
 *
 * Invariant: a result is given only where every part is literal and means the same in all shells; everything else is null.
 * Deliberately absent: anything that reads files, and the dialects of `echo`.
 */
import type { Command, CommandNode, Script } from 'unbash';
import { expandSingle, expandWord } from './expand.ts';
import { textsOf } from './field.ts';
import type { Scope } from './scope.ts';

/** Null where it cannot be told. Commands within are not recorded by this; walk the script as well. */
export function constantOutput(at: Scope, script: Script): string | null {
  const [statement] = script.commands;
  if (statement === undefined || script.commands.length !== 1 || statement.background === true) return null;
  const { command } = statement;
  if (command.type === 'Command') return outputOf(at, command, null);
  if (command.type !== 'Pipeline' || command.prefixes.length > 0) return null;
  if (command.operators.some((operator) => operator !== '|')) return null;
  let text: string | null = null;
  for (const [index, node] of command.commands.entries()) {
    text = outputOf(at, node, text);
    if (text === null) return null;
    if (index > 64) return null;
  }
  return text;
}

export function outputOf(at: Scope, node: CommandNode, input: string | null): string | null {
  if (node.type !== 'Command' || node.name === undefined) return null;
  if (node.prefix.length > 0) return null;
  const quiet: Scope = { ...at, state: at.state.fork() };
  const stdin = inputOf(quiet, node, input);
  if (stdin === undefined) return null;
  const words = node.args.map((word) => (word.type === 'Word' ? word : null));
  if (words.includes(null)) return null;
  const fields = [node.name, ...words.filter((word) => word !== null)].flatMap((word) => expandWord(quiet, word));
  const texts = textsOf(fields);
  if (texts.includes(null)) return null;
  const [name, ...args] = texts.filter((text) => text !== null);
  if (name === undefined || at.state.functions.has(name)) return null;
  return filter(at, name.replace(/^(?:\/usr)?\/bin\//, ''), args, stdin);
}

/** Undefined where redirects make the output something else. */
function inputOf(at: Scope, node: Command, input: string | null): string | null | undefined {
  let stdin = input;
  for (const redirect of node.redirects) {
    if (redirect.descriptor !== undefined) {
      const { descriptor } = redirect;
      if (descriptor.type === 'FileDescriptor' && descriptor.value === 2 && redirect.type === 'Redirect') continue;
      return undefined;
    }
    if (redirect.type === 'HereString' && redirect.target !== undefined) {
      const { text } = expandSingle(at, redirect.target);
      stdin = text === null ? null : `${text}\n`;
    } else if (
      redirect.type === 'HereDoc' &&
      (redirect.delimiter?.quoted === true || redirect.body.parts === undefined)
    ) {
      stdin = redirect.delimiter?.quoted === true ? redirect.body.text : unescapeBody(redirect.body.text);
    } else return undefined;
  }
  return stdin;
}

/** A here-document without quotes and expansions: backslashes before `$`, backtick, backslash and newline go. */
export function unescapeBody(text: string): string {
  return text.replace(/\\([$`\\]|\n)/g, (_, char: string) => (char === '\n' ? '' : char));
}

function filter(at: Scope, name: string, args: readonly string[], stdin: string | null): string | null {
  switch (name) {
    case 'echo':
      return echo(args);
    case 'printf':
      return print(args);
    case 'which':
      return args.length === 1 && /^[\w.+-]+$/.test(args[0]!) && !args[0]!.startsWith('-') ? args[0]! : null;
    case 'command':
      return args.length === 2 && args[0] === '-v' && /^\w[\w.+-]*$/.test(args[1]!) && !at.state.functions.has(args[1]!)
        ? args[1]!
        : null;
    case 'tee':
      return args.every((arg) => arg.startsWith('/dev/null')) ? stdin : null;
  }
  if (stdin === null) return null;
  switch (name) {
    case 'cat':
      return args.length === 0 || (args.length === 1 && args[0] === '-') ? stdin : null;
    case 'base64':
      return args.length === 1 && /^(?:-d|-D|-di|--decode)$/.test(args[0]!) ? decode(stdin, 'base64') : null;
    case 'openssl':
      return /^(?:base64|enc -base64)(?: -A)? -d(?: -A)?$/.test(args.join(' ')) ? decode(stdin, 'base64') : null;
    case 'xxd':
      return /^(?:-r -p|-p -r|-rp|-pr|-r -ps|-ps -r)$/.test(args.join(' '))
        ? decode(stdin.replace(/\s/g, ''), 'hex')
        : null;
    case 'rev':
      return args.length === 0 ? reverse(stdin) : null;
    case 'tac':
      return args.length === 0 && stdin.endsWith('\n')
        ? `${stdin.slice(0, -1).split('\n').reverse().join('\n')}\n`
        : null;
    case 'tr':
      return translate(args, stdin);
    default:
      return null;
  }
}

function echo(args: readonly string[]): string | null {
  // Backslashes and options are where the shells differ.
  if (args.some((arg) => arg.includes('\\'))) return null;
  if (args[0] === '-n') return args[1]?.startsWith('-') === true ? null : args.slice(1).join(' ');
  return args[0]?.startsWith('-') === true && args[0] !== '-' ? null : `${args.join(' ')}\n`;
}

function print([format, ...args]: readonly string[]): string | null {
  if (format === undefined || format.startsWith('-')) return null;
  const plain = decodeEscapes(format);
  if (plain === null) return null;
  if (!plain.includes('%')) return args.length === 0 ? plain : null;
  const match = /^%([sb])(\n?)$/.exec(plain);
  if (match === null || args.length === 0) return null;
  const values = args.map((arg) => (match[1] === 'b' ? decodeEscapes(arg) : arg));
  return values.includes(null) ? null : values.map((value) => `${value}${match[2]}`).join('');
}

/** Escapes that mean the same everywhere; null where there are others. */
function decodeEscapes(text: string): string | null {
  let isPlain = true;
  const result = text.replace(/\\(\\|n|t|r|x[0-9a-fA-F]{2}(?![0-9a-fA-F])|[0-7]{3}|[\s\S])/g, (_, code: string) => {
    if (code === '\\') return '\\';
    if (code === 'n') return '\n';
    if (code === 't') return '\t';
    if (code === 'r') return '\r';
    if (code.length === 3 && code.startsWith('x')) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (code.length === 3 && Number.parseInt(code, 8) < 128) return String.fromCharCode(Number.parseInt(code, 8));
    isPlain = false;
    return '';
  });
  return isPlain && !/\\$/.test(text.replace(/\\\\/g, '')) ? result : null;
}

function decode(text: string, encoding: 'base64' | 'hex'): string | null {
  const stripped = text.replace(/\s/g, '');
  const isPlain = encoding === 'hex' ? /^(?:[0-9a-fA-F]{2})+$/ : /^[A-Za-z0-9+/]+={0,2}$/;
  if (!isPlain.test(stripped)) return null;
  const bytes = Buffer.from(stripped, encoding);
  const decoded = bytes.toString('utf8');
  return Buffer.from(decoded).equals(bytes) && !decoded.includes('\0') ? decoded : null;
}

const reverse = (text: string): string =>
  text
    .split('\n')
    .map((line) => [...line].reverse().join(''))
    .join('\n');

function translate(args: readonly string[], stdin: string): string | null {
  const [first, second] = args;
  if (args.length !== 2 || first === undefined || second === undefined) return null;
  if (!/^[\w .,/+=~@-]+$/.test(first + second) || first.startsWith('-') || /[\x80-\uffff]/.test(stdin)) return null;
  const [from, to] = [rangeOf(first), rangeOf(second)];
  if (to.length === 0) return null;
  return [...stdin]
    .map((char) => {
      const index = from.lastIndexOf(char);
      return index < 0 ? char : to[Math.min(index, to.length - 1)]!;
    })
    .join('');
}

function rangeOf(text: string): string[] {
  const chars: string[] = [];
  for (let at = 0; at < text.length; at += 1) {
    if (text[at + 1] === '-' && at + 2 < text.length) {
      for (let code = text.charCodeAt(at); code <= text.charCodeAt(at + 2); code += 1)
        chars.push(String.fromCharCode(code));
      at += 2;
    } else chars.push(text[at]!);
  }
  return chars;
}
