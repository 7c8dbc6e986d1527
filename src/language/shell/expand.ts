/**
 * Words: what the shell makes of them, as far as that is known.
 *
 * Braces, then parameters, command substitutions and arithmetic, then splitting and patterns. Commands within a word are
 * walked here too, since they run while the word is expanded: each word must be expanded exactly once per pass.
 *
 * Deliberately absent: what files a pattern matches, and values that are not in the text.
 */
import { type ParameterExpansionPart, parse, type Word, type WordPart } from 'unbash';
import { evaluateArithmetic, evaluateText } from './arithmetic.ts';
import { expandBraces } from './brace.ts';
import { assigned } from './environment.ts';
import { anyWords, dynamic, type Field, joined, literal, someNumber } from './field.ts';
import { constantOutput } from './fold.ts';
import { wordLengthMax } from './limits.ts';
import { flag, type Scope, within } from './scope.ts';
import type { Value } from './state.ts';
import { walkScript } from './walk.ts';

/** One run of characters of a word under way. */
interface Piece {
  /** Null where dynamic. */
  readonly text: string | null;
  readonly isQuoted: boolean;
  /** It came from an expansion that is not quoted, so it splits and may be a pattern. */
  readonly splits: boolean;
  readonly isNumber?: boolean;
  readonly pattern?: string;
  readonly contents?: string | null;
}

/** A break between words: `"$@"` and arrays give several. */
const between = Symbol('between');
type Item = Piece | typeof between;

/** The words that one word becomes. */
export function expandWord(at: Scope, word: Word): Field[] {
  at.gather.spend(1 + (word.text.length >> 6));
  if (word.text.includes('{')) {
    const raws = expandBraces(word.text);
    if (raws === null) {
      flag(at, 'too-complex', word.text);
      return [anyWords];
    }
    if (raws.length > 1 || raws[0] !== word.text) return raws.flatMap((raw) => expandRaw(at, raw));
  }
  return expandOne(at, word);
}

export function expandWords(at: Scope, words: readonly Word[]): Field[] {
  return words.flatMap((word) => expandWord(at, word));
}

/** As the shell expands the right-hand side of an assignment, a here-string or a redirect: no splitting, one word. */
export function expandSingle(at: Scope, word: Word): Field {
  at.gather.spend(1 + (word.text.length >> 6));
  const pieces = piecesOf(at, word).filter((item) => item !== between);
  if (pieces.some(({ text }) => text === null)) {
    if (pieces.length === 1 && pieces[0]!.isNumber === true) return someNumber;
    const [only] = pieces;
    const contents = pieces.length === 1 && only?.contents !== undefined ? { contents: only.contents } : {};
    const pattern = pieces.every(({ text, pattern }) => text !== null || pattern !== undefined)
      ? pieces.map(({ text, pattern }) => pattern ?? text).join('')
      : null;
    return { ...dynamic(headOf(pieces), true), pattern, ...contents };
  }
  const text = pieces.map((piece) => piece.text).join('');
  return text.length > wordLengthMax ? dynamic('', true) : literal(text);
}

/** Of a word that braces made: read as the argument of a command. */
function expandRaw(at: Scope, raw: string): Field[] {
  if (raw === '') return [];
  const [statement] = parse(`: ${raw}`).commands;
  const command = statement?.command;
  if (command?.type !== 'Command' || command.suffix.length !== 1 || command.suffix[0]!.type !== 'Word') {
    flag(at, 'parse-error', raw);
    return [anyWords];
  }
  return expandOne(at, command.suffix[0]!);
}

function expandOne(at: Scope, word: Word): Field[] {
  if (word.parts === undefined) {
    if (word.value === '' && word.text === '') return [];
    doubtLiteral(at, word.text);
    return [literal(word.value, word.value === word.text)];
  }
  return split(at, piecesOf(at, word));
}

function piecesOf(at: Scope, word: Word): Item[] {
  if (word.parts === undefined) {
    doubtLiteral(at, word.text);
    return [{ text: word.value, isQuoted: false, splits: false }];
  }
  return word.parts.flatMap((part) => partItems(at, part, false));
}

/** What the parser took as it stands must have nothing in it that the shell expands: it has been wrong. */
function doubtLiteral(at: Scope, text: string): void {
  if (!/[$`(]/.test(text)) return;
  const bare = text.replace(/\\[\s\S]/g, '');
  if (/`|\$[({\w@*#?!$-]|[<>=]\(|^\(/.test(bare)) flag(at, 'parse-error', text);
}

function partItems(at: Scope, part: WordPart, isQuoted: boolean): Item[] {
  at.gather.spend();
  switch (part.type) {
    case 'Literal':
      doubtLiteral(at, part.text);
      return [{ text: part.value, isQuoted, splits: false }];
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return [{ text: part.value, isQuoted: true, splits: false }];
    case 'DoubleQuoted':
    case 'LocaleString': {
      const items = part.parts.flatMap((child) => partItems(at, child, true));
      return items.length === 0 && !isEmptyList(at, part.parts) ? [{ text: '', isQuoted: true, splits: false }] : items;
    }
    case 'SimpleExpansion':
      return parameterItems(at, part.text.slice(1), isQuoted);
    case 'ParameterExpansion':
      return operationItems(at, part, isQuoted);
    case 'CommandExpansion':
      return [{ text: substitute(at, part), isQuoted, splits: !isQuoted }];
    case 'ArithmeticExpansion':
      at.state.risk();
      evaluateArithmetic(at, part.expression, part.text);
      return [{ text: null, isQuoted: true, splits: false, isNumber: true }];
    case 'ProcessSubstitution':
      return [{ text: null, isQuoted: true, splits: false, contents: substituteProcess(at, part) }];
    case 'Glob':
    case 'ExtendedGlob':
      for (const child of part.parts ?? []) partItems(at, child, true);
      return [{ text: null, isQuoted: false, splits: true, pattern: part.text }];
    case 'BraceExpansion':
      // What is left of braces after `expandBraces` is literal, but for what stands in it.
      for (const child of part.parts ?? []) partItems(at, child, false);
      return [{ text: /[$`'"\\*?[]/.test(part.text) ? null : part.text, isQuoted: false, splits: true }];
  }
}

function isEmptyList(at: Scope, parts: readonly WordPart[]): boolean {
  const [only] = parts;
  const isAll = parts.length === 1 && only?.type === 'SimpleExpansion' && only.text === '$@';
  return isAll && at.state.positional?.length === 0;
}

/** The output of a command substitution where it is known, after its commands were walked. */
function substitute(at: Scope, part: Extract<WordPart, { type: 'CommandExpansion' }>): string | null {
  const { script } = part;
  at.gather.spend(1 + (part.text.length >> 5));
  if (script === undefined) {
    flag(at, 'parse-error', part.text);
    return null;
  }
  // `${ cmd; }` and `${| cmd; }` run in the shell itself.
  const inShell = part.text[0] === '$' && part.text[1] === '{';
  const inner = within(at, '$()', inShell ? {} : { state: at.state.fork() });
  if (inner === null) return null;
  if (inShell) at.state.forgetAll();
  const output = constantOutput(inner, script);
  walkScript(inner, script);
  return output === null ? null : output.replace(/\n+$/, '');
}

function substituteProcess(at: Scope, part: Extract<WordPart, { type: 'ProcessSubstitution' }>): string | null {
  if (part.script === undefined) {
    flag(at, 'parse-error', part.text);
    return null;
  }
  const reads = part.operator === '>';
  const inner = within(at, `${part.operator}()`, {
    state: at.state.fork(),
    stdin: reads ? { kind: 'unknown' } : at.stdin,
  });
  if (inner === null) return null;
  const output = reads ? null : constantOutput(inner, part.script);
  walkScript(inner, part.script);
  return output;
}

function parameterItems(at: Scope, name: string, isQuoted: boolean): Item[] {
  const { state } = at;
  if (name === '@' || name === '*') {
    const fields = state.positional;
    if (fields === null) return [{ text: null, isQuoted: false, splits: true }];
    if (name === '*' && isQuoted) return [{ text: joined(fields), isQuoted: true, splits: false }];
    return fields.flatMap((field, index) => [
      ...(index > 0 ? [between as Item] : []),
      { text: field.text, isQuoted: isQuoted && field.isSingle, splits: !isQuoted || !field.isSingle },
    ]);
  }
  if (/^\d$/.test(name)) {
    const field = name === '0' ? state.zero : (state.positional?.[Number(name) - 1] ?? null);
    return [{ text: field?.text ?? null, isQuoted, splits: !isQuoted }];
  }
  return [valueItem(state.get(name), isQuoted)];
}

function valueItem(value: Value | null, isQuoted: boolean): Piece {
  if (value === null) return { text: null, isQuoted, splits: !isQuoted };
  if (value.kind === 'number') return { text: null, isQuoted: true, splits: false, isNumber: true };
  if (value.kind === 'text') return { text: value.text, isQuoted, splits: !isQuoted };
  return { text: value.fields[0]?.text ?? null, isQuoted, splits: !isQuoted };
}

const plainName = /^[A-Za-z_]\w*$/;

function operationItems(at: Scope, part: ParameterExpansionPart, isQuoted: boolean): Item[] {
  const { parameter, prefix, index, operation } = part;
  const unknown: Item[] = [{ text: null, isQuoted, splits: !isQuoted }];
  if (index !== undefined) return indexItems(at, part, isQuoted);
  if (prefix === '#') return [{ text: null, isQuoted: true, splits: false, isNumber: true }];
  if (prefix === '!') {
    // `${!name}` takes the value as a name, with a subscript that is evaluated.
    if (operation?.type !== 'Names') {
      at.state.risk();
      const text = at.state.text(parameter);
      if (text === null || !plainName.test(text)) flag(at, 'opaque:expansion', part.text);
    }
    operandItems(at, part);
    return unknown;
  }
  if (operation === undefined) {
    if (/^\d\d+$/.test(parameter)) {
      return [{ text: at.state.positional?.[Number(parameter) - 1]?.text ?? null, isQuoted, splits: !isQuoted }];
    }
    return parameterItems(at, parameter, isQuoted);
  }
  if (operation.type === 'Default') return defaultItems(at, part, isQuoted);
  if (operation.type === 'Transform' && /P/.test(operation.operand.text)) flag(at, 'opaque:expansion', part.text);
  if (operation.type === 'Unknown') {
    at.state.risk();
    flag(at, 'parse-error', part.text);
  }
  operandItems(at, part);
  return unknown;
}

/** Commands within the operand run, whatever comes of it. */
function operandItems(at: Scope, { operation }: ParameterExpansionPart): void {
  if (operation === undefined) return;
  if (operation.type === 'Slice') {
    at.state.risk();
    for (const word of [operation.offset, operation.length]) {
      if (word !== undefined) evaluateText(at, expandSingle(at, word), word.text);
    }
    return;
  }
  if (operation.type === 'Replace') {
    expandSingle(at, operation.pattern);
    expandSingle(at, operation.replacement);
    return;
  }
  if ('operand' in operation && operation.operand !== undefined) expandSingle(at, operation.operand);
}

function defaultItems(at: Scope, part: ParameterExpansionPart, isQuoted: boolean): Item[] {
  const { operation, parameter } = part;
  if (operation?.type !== 'Default') return [];
  const value = at.state.get(parameter);
  const operand = expandSingle(at, operation.operand);
  if (operation.operator.endsWith('?')) at.state.risk();
  if (operation.operator.endsWith('=')) {
    assigned(at, parameter, operand, '');
    at.state.set(parameter, null);
    return [{ text: null, isQuoted, splits: !isQuoted }];
  }
  const known = value?.kind === 'text' && value.text !== '' ? value.text : null;
  if (known === null) return [{ text: null, isQuoted, splits: !isQuoted }];
  const text = operation.operator.endsWith('+') ? operand.text : known;
  return [{ text, isQuoted, splits: !isQuoted }];
}

/** `${array[i]}`: the subscript is arithmetic, in which a value can run commands. */
function indexItems(at: Scope, part: ParameterExpansionPart, isQuoted: boolean): Item[] {
  const { parameter, prefix, index, operation } = part;
  const subscript = index!.text;
  operandItems(at, part);
  if (subscript !== '@' && subscript !== '*') {
    at.state.risk();
    evaluateText(at, expandSingle(at, index!), part.text);
  } else if (prefix === '!' && operation !== undefined) {
    flag(at, 'opaque:expansion', part.text);
  }
  if (prefix === '#') return [{ text: null, isQuoted: true, splits: false, isNumber: true }];
  const value = at.state.get(parameter);
  if (prefix !== undefined || operation !== undefined || value?.kind !== 'fields') {
    if (prefix === '!' && subscript !== '@' && subscript !== '*') flag(at, 'opaque:expansion', part.text);
    return [{ text: null, isQuoted: isQuoted && subscript !== '@', splits: !isQuoted || subscript === '@' }];
  }
  if (subscript === '@' || (subscript === '*' && !isQuoted)) {
    return value.fields.flatMap((field, at) => [
      ...(at > 0 ? [between as Item] : []),
      { text: field.text, isQuoted: isQuoted && field.isSingle, splits: !isQuoted || !field.isSingle },
    ]);
  }
  const element = /^\d+$/.test(subscript) ? value.fields[Number(subscript)] : undefined;
  return [{ text: element?.text ?? null, isQuoted, splits: !isQuoted }];
}

// --- Splitting --------------------------------------------------------------------------------------------------------

interface Growing {
  text: string | null;
  head: string;
  isSingle: boolean;
  isNumber: boolean;
  pattern: string | null;
  /** Something quoted was in it, so that it stays though empty. */
  stays: boolean;
  pieces: number;
  contents: string | null | undefined;
}

const fresh = (): Growing => ({
  text: '',
  head: '',
  isSingle: true,
  isNumber: false,
  pattern: null,
  stays: false,
  pieces: 0,
  contents: undefined,
});

function headOf(pieces: readonly Piece[]): string {
  let head = '';
  for (const { text } of pieces) {
    if (text === null) break;
    head += text;
  }
  return head;
}

function split(at: Scope, items: readonly Item[]): Field[] {
  const fields: Field[] = [];
  let word = fresh();
  const finish = (): void => {
    if (word.text !== '' || word.stays) fields.push(fieldOf(word));
    word = fresh();
  };
  for (const item of items) {
    if (item === between) {
      finish();
      continue;
    }
    if (!item.splits || item.text === null) {
      append(word, item);
      continue;
    }
    const { ifs } = at.state;
    // What is split may be a pattern too, and in zsh neither happens; both are then in doubt.
    if (ifs === null || /[*?[\\]/.test(item.text)) {
      append(word, { ...item, text: null });
      continue;
    }
    const runs = splitAt(item.text, ifs);
    for (const [index, run] of runs.entries()) {
      if (index > 0) finish();
      append(word, { ...item, text: run });
    }
  }
  finish();
  return fields;
}

function splitAt(text: string, ifs: string): string[] {
  const runs: string[] = [];
  let run = '';
  for (const char of text) {
    if (ifs.includes(char)) {
      runs.push(run);
      run = '';
    } else run += char;
  }
  return [...runs, run];
}

function append(word: Growing, piece: Piece): void {
  word.pieces += 1;
  if (piece.isQuoted) word.stays = true;
  if (word.text !== null && word.text.length + (piece.text?.length ?? 0) > wordLengthMax) word.text = null;
  if (piece.text !== null) {
    if (word.text !== null) {
      word.text += piece.text;
      word.head = word.text;
    }
    if (word.pattern !== null) word.pattern += piece.text;
    word.isNumber = false;
    return;
  }
  const before = word.text;
  word.isNumber = piece.isNumber === true && word.pieces === 1;
  word.contents = word.pieces === 1 ? piece.contents : undefined;
  if (piece.pattern === undefined) word.pattern = null;
  else if (before !== null) word.pattern = before + piece.pattern;
  else if (word.pattern !== null) word.pattern += piece.pattern;
  // A pattern gives one word or several, each of which begins as it does.
  if (piece.splits) word.isSingle = false;
  word.text = null;
}

function fieldOf(word: Growing): Field {
  const { text, head, isSingle, pattern, isNumber, contents } = word;
  return {
    text,
    head,
    isSingle: text !== null || isSingle,
    pattern: text === null ? pattern : null,
    isBare: false,
    isNumber: text === null && isNumber,
    ...(contents === undefined ? {} : { contents }),
  };
}
