/**
 * A query cut into tokens: brackets, minus, words, quoted texts, and fields with their values.
 *
 * Invariants: pure; every token says where it stands; the first thing that cannot be read is told with its place.
 *
 * Spelling: a field is a name and a colon (or `>`, `<`, `>=`, `<=`), with its values directly behind it, commas between them.
 * `"…"` holds anything; within it `\"` is a quote and `\\` a backslash. `-` counts where a term begins.
 */
import { queryLengthMax } from './limits.ts';

/** What cannot be read, where, and what would be possible there. */
export interface QueryProblem {
  /** First character concerned, from 0, and the one after the last. */
  readonly at: number;
  readonly end: number;
  /** One sentence for the person. */
  readonly message: string;
  readonly possible: readonly string[];
}

export type Comparison = '' | '>' | '>=' | '<' | '<=';

export interface RawValue {
  readonly compare: Comparison;
  readonly text: string;
  readonly isQuoted: boolean;
  readonly at: number;
  readonly end: number;
}

export type Token =
  | { readonly type: 'open' | 'close' | 'minus'; readonly at: number; readonly end: number }
  | { readonly type: 'word' | 'quoted'; readonly text: string; readonly at: number; readonly end: number }
  | {
      readonly type: 'field';
      readonly name: string;
      readonly values: readonly RawValue[];
      readonly at: number;
      readonly end: number;
    };

export type Lexed =
  | { readonly tokens: readonly Token[]; readonly problem: null }
  | { readonly tokens: readonly Token[]; readonly problem: QueryProblem };

/** Thrown within this folder only, and caught at its edge. */
export class Unreadable extends Error {
  readonly problem: QueryProblem;
  constructor(problem: QueryProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

export function unreadable(at: number, end: number, message: string, possible: readonly string[] = []): Unreadable {
  return new Unreadable({ at, end: Math.max(end, at + 1), message, possible });
}

const space = /\s/;
/** What word processors make of a quote counts as one. */
const quotes = '"“”„';

export function lex(text: string): Lexed {
  const tokens: Token[] = [];
  try {
    if (text.length > queryLengthMax) {
      throw unreadable(queryLengthMax, text.length, `It is longer than ${queryLengthMax} characters.`);
    }
    let at = 0;
    while (at < text.length) {
      const character = text[at]!;
      if (space.test(character)) at++;
      else {
        const token = tokenAt(text, at);
        tokens.push(token);
        at = token.end;
      }
    }
    return { tokens, problem: null };
  } catch (error) {
    if (error instanceof Unreadable) return { tokens, problem: error.problem };
    throw error;
  }
}

function tokenAt(text: string, at: number): Token {
  const character = text[at]!;
  if (character === '(') return { type: 'open', at, end: at + 1 };
  if (character === ')') return { type: 'close', at, end: at + 1 };
  if (character === '-' && at + 1 < text.length && !space.test(text[at + 1]!)) {
    return { type: 'minus', at, end: at + 1 };
  }
  if (quotes.includes(character)) {
    const quoted = quotedAt(text, at);
    return { type: 'quoted', ...quoted };
  }
  const field = /^[A-Za-z][A-Za-z-]*(?=[:<>])/.exec(text.slice(at, at + 40));
  if (field !== null) return fieldAt(text, at, field[0]);
  const end = endOfRun(text, at, /[\s()"“”„]/);
  return { type: 'word', text: text.slice(at, end), at, end };
}

function endOfRun(text: string, from: number, stop: RegExp): number {
  let end = from;
  while (end < text.length && !stop.test(text[end]!)) end++;
  return end;
}

function quotedAt(text: string, at: number): { readonly text: string; readonly at: number; readonly end: number } {
  let content = '';
  for (let end = at + 1; end < text.length; end++) {
    const character = text[end]!;
    if (character === '\\' && end + 1 < text.length) {
      const next = text[++end]!;
      content += quotes.includes(next) || next === '\\' ? next : `\\${next}`;
    } else if (quotes.includes(character)) {
      return { text: content, at, end: end + 1 };
    } else content += character;
  }
  throw unreadable(at, text.length, 'A quote is opened here and never closed.', ['"']);
}

function fieldAt(text: string, at: number, name: string): Token {
  const values: RawValue[] = [];
  let end = at + name.length;
  // `rows>1000` is read as `rows:>1000`.
  if (text[end] === ':') end++;
  for (;;) {
    const value = valueAt(text, end, name);
    values.push(value);
    end = value.end;
    if (text[end] !== ',') return { type: 'field', name, values, at, end };
    end++;
  }
}

function valueAt(text: string, at: number, name: string): RawValue {
  const compare = (/^(?:>=|<=|>|<)/.exec(text.slice(at, at + 2))?.[0] ?? '') as Comparison;
  const from = at + compare.length;
  const first = text[from];
  if (first !== undefined && quotes.includes(first)) {
    const { text: content, end } = quotedAt(text, from);
    return { compare, text: content, isQuoted: true, at, end };
  }
  const end = endOfRun(text, from, /[\s,()"“”„]/);
  if (end === from) {
    const message = `${name}: needs a value directly behind it${first === '(' ? '; a value with brackets goes into quotes' : ''}.`;
    throw unreadable(at, at + 1, message);
  }
  return { compare, text: text.slice(from, end), isQuoted: false, at, end };
}
