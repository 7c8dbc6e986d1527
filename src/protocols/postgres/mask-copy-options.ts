/**
 * How a COPY … TO STDOUT writes its lines: format, delimiter, NULL, quotes, header, read from the statement itself, since
 * the protocol does not say.
 *
 * Both syntaxes are read: the list in parentheses and the one of before 9.0. Fail closed: an option, a word or a way of
 * writing a string that is not known here gives null, and the COPY is not delivered while masks are in force.
 *
 * Deliberately absent: what is copied (the analysis of SQL), COPY from the client.
 * Source: PostgreSQL documentation, COPY; src/backend/commands/copy.c (ProcessCopyOptions); gram.y (CopyStmt).
 */
import * as limits from './mask-limits.ts';

export type CopyFormat =
  | { readonly format: 'text'; readonly delimiter: number; readonly nullText: Buffer; readonly header: boolean }
  | {
      readonly format: 'csv';
      readonly delimiter: number;
      readonly nullText: Buffer;
      readonly header: boolean;
      readonly quote: number;
      readonly escapeWith: number;
    }
  | { readonly format: 'binary' };

type Token =
  | { readonly kind: 'word' | 'name' | 'number'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'mark'; readonly text: string };

/** The format of one COPY statement to the client, or null where that is not certain. */
export function copyFormatOf(statement: string, standardConformingStrings: boolean): CopyFormat | null {
  if (statement.length > limits.copyStatementCharactersMax) return null;
  const tokens = tokensOf(statement, standardConformingStrings);
  if (tokens === null) return null;
  while (isMark(tokens.at(-1), ';')) tokens.pop();
  if (!isWord(tokens[0], 'copy')) return null;
  const target = targetAt(tokens);
  if (target === null) return null;
  const options = optionsOf(new Cursor(tokens.slice(target + 2)));
  if (options === null) return null;
  // COPY BINARY t TO STDOUT
  if (isWord(tokens[1], 'binary') && target > 2) options.set('format', 'binary');
  return formatOf(options);
}

/** Where TO STDOUT stands, outside of all parentheses: once, or it is not certain. */
function targetAt(tokens: readonly Token[]): number | null {
  let depth = 0;
  let found: number | null = null;
  for (const [index, token] of tokens.entries()) {
    if (isMark(token, '(')) depth++;
    else if (isMark(token, ')')) depth--;
    else if (isMark(token, ';')) return null;
    else if (depth === 0 && isWord(token, 'to')) {
      if (found !== null) return null;
      found = index;
    }
  }
  if (found === null || depth !== 0) return null;
  // The grammar takes STDIN for STDOUT.
  return isWord(tokens[found + 1], 'stdout') || isWord(tokens[found + 1], 'stdin') ? found : null;
}

class Cursor {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  next(): Token | undefined {
    return this.#tokens[this.#at++];
  }

  word(...words: readonly string[]): boolean {
    if (!words.every((word, index) => isWord(this.#tokens[this.#at + index], word))) return false;
    this.#at += words.length;
    return true;
  }

  mark(mark: string): boolean {
    if (!isMark(this.peek, mark)) return false;
    this.#at++;
    return true;
  }

  /** A string, perhaps behind AS. */
  string(): string | null {
    this.word('as');
    const token = this.next();
    return token?.kind === 'string' ? token.text : null;
  }

  /** A list of columns, or `*`. */
  columns(): boolean {
    if (this.mark('*')) return true;
    do {
      const token = this.next();
      if (token?.kind !== 'word' && token?.kind !== 'name') return false;
    } while (this.mark(','));
    return true;
  }
}

/** Values by option. */
type Options = Map<string, string>;

function put(options: Options, name: string, value: string | null): boolean {
  // The server refuses an option that is given twice.
  if (value === null || options.has(name)) return false;
  options.set(name, value);
  return true;
}

function optionsOf(cursor: Cursor): Options | null {
  const options: Options = new Map();
  const using = cursor.word('using');
  if (cursor.word('delimiters')) {
    if (!put(options, 'delimiter', cursor.string())) return null;
  } else if (using) return null;
  cursor.word('with');
  const read = cursor.mark('(') ? listed(cursor, options) : bare(cursor, options);
  return read && cursor.peek === undefined ? options : null;
}

/** `(name value, …)`. */
function listed(cursor: Cursor, options: Options): boolean {
  do {
    const name = cursor.next();
    if (name?.kind !== 'word' || !listedOption(cursor, options, name.text)) return false;
  } while (cursor.mark(','));
  return cursor.mark(')');
}

const valued = new Set(['format', 'delimiter', 'null', 'quote', 'escape', 'encoding']);

function listedOption(cursor: Cursor, options: Options, name: string): boolean {
  if (name === 'force_quote') {
    if (cursor.mark('*')) return true;
    return cursor.mark('(') && cursor.columns() && cursor.mark(')');
  }
  if (name === 'header') {
    const bare = isMark(cursor.peek, ',') || isMark(cursor.peek, ')');
    return put(options, name, bare ? 'true' : (cursor.next()?.text.toLowerCase() ?? null));
  }
  const value = valued.has(name) ? cursor.next() : undefined;
  return (value?.kind === 'string' || value?.kind === 'word') && put(options, name, value.text);
}

/** The syntax without parentheses. */
function bare(cursor: Cursor, options: Options): boolean {
  while (cursor.peek !== undefined) {
    const name = cursor.next()!;
    if (name.kind !== 'word' || !bareOption(cursor, options, name.text)) return false;
  }
  return true;
}

function bareOption(cursor: Cursor, options: Options, name: string): boolean {
  switch (name) {
    case 'binary':
    case 'csv':
      return put(options, 'format', name);
    case 'header':
      return put(options, 'header', 'true');
    case 'delimiter':
    case 'null':
    case 'quote':
    case 'escape':
    case 'encoding':
      return put(options, name, cursor.string());
    case 'force':
      return cursor.word('quote') && cursor.columns();
    default:
      return false;
  }
}

function formatOf(options: Options): CopyFormat | null {
  const format = options.get('format') ?? 'text';
  const encoding = options.get('encoding') ?? 'utf8';
  if (!/^(utf-?8|unicode)$/i.test(encoding)) return null;
  if (format === 'binary') return { format };
  if (format !== 'text' && format !== 'csv') return null;
  const csv = format === 'csv';
  const delimiter = byteOf(options.get('delimiter') ?? (csv ? ',' : '\t'));
  const header = headers.get(options.get('header') ?? 'false');
  const nullText = Buffer.from(options.get('null') ?? (csv ? '' : '\\N'));
  if (delimiter === null || header === undefined) return null;
  if (!csv) return { format, delimiter, nullText, header };
  const quote = byteOf(options.get('quote') ?? '"');
  const escapeWith = byteOf(options.get('escape') ?? options.get('quote') ?? '"');
  if (quote === null || escapeWith === null || quote === delimiter) return null;
  return { format, delimiter, nullText, header, quote, escapeWith };
}

/** `match` is for COPY FROM only. */
const headers: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['off', false],
  ['0', false],
]);

/** The options of one character are of one byte. */
function byteOf(text: string): number | null {
  const bytes = Buffer.from(text);
  return bytes.length === 1 ? bytes[0]! : null;
}

// --- Tokens ---------------------------------------------------------------------------------------------------------

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text === word;
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token?.kind === 'mark' && token.text === mark;
}

const blanks = /[ \t\n\r\f\v]+|--[^\n\r]*/y;
const identifier = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y;
const number = /\d[\w.]*/y;
const plainString = /'([^']*(?:''[^']*)*)'/y;
const escapeString = /[eE]'([^'\\]*(?:(?:''|\\[\s\S])[^'\\]*)*)'/y;
const quotedName = /"([^"]*(?:""[^"]*)*)"/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y;

/** The statement's words, strings and marks; null where something is not certain. */
function tokensOf(text: string, standardConformingStrings: boolean): Token[] | null {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const blank = matchAt(blanks, text, at);
    if (blank !== null) {
      at += blank[0].length;
      continue;
    }
    if (text.startsWith('/*', at)) {
      const end = commentEnd(text, at);
      if (end === null) return null;
      at = end;
      continue;
    }
    const found = tokenAt(text, at, standardConformingStrings);
    if (found === null) return null;
    tokens.push(found.token);
    at = found.end;
  }
  return tokens;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** The token that begins here. U&'…', B'…', X'…' and N'…' are a word and a string: no option is read from them. */
function tokenAt(text: string, at: number, strings: boolean): { readonly token: Token; readonly end: number } | null {
  const escaped = matchAt(escapeString, text, at);
  if (escaped !== null) {
    const value = unescaped(escaped[1]!);
    // What an escape means matters in options only, and there a name is no value.
    const token: Token = value === null ? { kind: 'name', text: '' } : { kind: 'string', text: value };
    return { token, end: at + escaped[0].length };
  }
  const plain = matchAt(plainString, text, at);
  if (plain !== null) {
    if (!strings && plain[1]!.includes('\\')) return null;
    return { token: { kind: 'string', text: plain[1]!.replaceAll("''", "'") }, end: at + plain[0].length };
  }
  const tag = matchAt(dollarTag, text, at);
  if (tag !== null) {
    const start = at + tag[0].length;
    const end = text.indexOf(tag[0], start);
    return end < 0 ? null : { token: { kind: 'string', text: text.slice(start, end) }, end: end + tag[0].length };
  }
  for (const [kind, pattern] of simpleTokens) {
    const found = matchAt(pattern, text, at);
    if (found !== null) return { token: { kind, text: found[0].toLowerCase() }, end: at + found[0].length };
  }
  const mark = text[at]!;
  return mark === "'" || mark === '"' ? null : { token: { kind: 'mark', text: mark }, end: at + 1 };
}

const simpleTokens = [
  ['name', quotedName],
  ['word', identifier],
  ['number', number],
] as const;

/** Comments nest. */
function commentEnd(text: string, start: number): number | null {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    if (text.startsWith('/*', at)) {
      depth++;
      at += 2;
    } else if (text.startsWith('*/', at)) {
      at += 2;
      if (--depth === 0) return at;
    } else at++;
  }
  return null;
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'" };

/** The value of E'…'; null for an escape that options do not need. */
function unescaped(text: string): string | null {
  let known = true;
  const value = text.replace(/''|\\([\s\S])/g, (_, char: string | undefined) => {
    const meant = char === undefined ? "'" : escapes[char];
    if (meant === undefined) known = false;
    return meant ?? '';
  });
  return known ? value : null;
}
