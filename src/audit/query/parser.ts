/**
 * Tokens to a tree of terms: juxtaposition is "and", `or` binds less, `-` and `not` more, brackets most.
 *
 * Invariants: pure; every term says where it stands; depth and number of terms are bounded; a tree that `print` wrote reads as
 * the same tree.
 */
import { type FieldDefinition, fieldNames, fieldOf, fields, nearest } from './fields.ts';
import { lex, type QueryProblem, type RawValue, type Token, Unreadable, unreadable } from './lexer.ts';
import { candidatesMax, depthMax, termsMax } from './limits.ts';

interface Place {
  readonly at: number;
  readonly end: number;
}

export type Term = Place &
  (
    | { readonly node: 'all' | 'any'; readonly of: readonly Term[] }
    | { readonly node: 'not'; readonly of: Term }
    | { readonly node: 'word' | 'part'; readonly text: string }
    | { readonly node: 'field'; readonly field: FieldDefinition; readonly values: readonly RawValue[] }
  );

export type Parsed =
  | { readonly term: Term | null; readonly problem: null }
  | { readonly term: null; readonly problem: QueryProblem };

/** Null: an empty query, which everything matches. */
export function parse(text: string): Parsed {
  const { tokens, problem } = lex(text);
  if (problem !== null) return { term: null, problem };
  try {
    return { term: new Parser(tokens, text.length).whole(), problem: null };
  } catch (error) {
    if (error instanceof Unreadable) return { term: null, problem: error.problem };
    throw error;
  }
}

/** `or`, `and`, `not`, however they are written. */
export function operatorOf(token: Token | undefined): 'or' | 'and' | 'not' | null {
  if (token?.type !== 'word') return null;
  const word = token.text.toLowerCase();
  return word === 'or' || word === 'and' || word === 'not' ? word : null;
}

const begins = ['who:', 'resource:', 'table:', 'reads:', 'verdict:', '"…"', '('];

class Parser {
  readonly #tokens: readonly Token[];
  readonly #length: number;
  #index = 0;
  #terms = 0;

  constructor(tokens: readonly Token[], length: number) {
    this.#tokens = tokens;
    this.#length = length;
  }

  whole(): Term | null {
    if (this.#tokens.length === 0) return null;
    const term = this.#any(0);
    const rest = this.#tokens[this.#index];
    if (rest !== undefined) throw unreadable(rest.at, rest.end, 'This bracket closes nothing.');
    return term;
  }

  #any(depth: number): Term {
    const of = [this.#all(depth)];
    while (operatorOf(this.#tokens[this.#index]) === 'or') {
      this.#index++;
      of.push(this.#all(depth));
    }
    return joined('any', of);
  }

  #all(depth: number): Term {
    const of: Term[] = [];
    for (;;) {
      const token = this.#tokens[this.#index];
      const operator = operatorOf(token);
      if (token === undefined || token.type === 'close' || operator === 'or') {
        if (of.length > 0) return joined('all', of);
        const what = operator === 'or' ? 'Before this or, something is missing.' : 'Here something is missing.';
        throw unreadable(token?.at ?? this.#length, token?.end ?? this.#length + 1, what, begins);
      }
      if (operator === 'and') {
        if (of.length === 0) throw unreadable(token.at, token.end, 'Before this and, something is missing.', begins);
        this.#index++;
        const after = this.#tokens[this.#index];
        if (after === undefined || after.type === 'close' || ['or', 'and'].includes(operatorOf(after) ?? '')) {
          throw unreadable(token.at, token.end, 'Behind this and, something is missing.', begins);
        }
      }
      of.push(this.#one(depth));
    }
  }

  #one(depth: number): Term {
    const token = this.#tokens[this.#index++];
    if (token === undefined || token.type === 'close') {
      throw unreadable(token?.at ?? this.#length, token?.end ?? this.#length + 1, 'Here something is missing.', begins);
    }
    if (depth > depthMax) throw unreadable(token.at, token.end, `Brackets go at most ${depthMax} deep.`);
    if (token.type === 'minus' || operatorOf(token) === 'not') {
      const next = this.#tokens[this.#index];
      if (next === undefined || ['or', 'and'].includes(operatorOf(next) ?? '')) {
        throw unreadable(token.at, token.end, 'What is left out must stand behind this.', begins);
      }
      const of = this.#one(depth + 1);
      return of.node === 'not' ? of.of : { node: 'not', of, at: token.at, end: of.end };
    }
    if (token.type === 'open') {
      const inner = this.#any(depth + 1);
      const close = this.#tokens[this.#index++];
      if (close?.type !== 'close') throw unreadable(token.at, token.end, 'This bracket is never closed.', [')']);
      return inner;
    }
    const { at, end } = token;
    this.#count(token.type === 'field' ? token.values.length : 1, at, end);
    if (token.type === 'field') return { node: 'field', field: known(token), values: token.values, at, end };
    if (token.type === 'quoted' && token.text === '') throw unreadable(at, end, 'There is nothing in these quotes.');
    if (token.type === 'word') return { node: 'word', text: checkedWord(token.text, at, end), at, end };
    return { node: 'part', text: token.type === 'quoted' ? token.text : '', at, end };
  }

  #count(terms: number, at: number, end: number): void {
    this.#terms += terms;
    if (this.#terms > termsMax) throw unreadable(at, end, `A search has at most ${termsMax} terms.`);
  }
}

/** What is within another of its kind is part of that. */
function joined(node: 'all' | 'any', of: readonly Term[]): Term {
  if (of.length === 1) return of[0]!;
  const flat = of.flatMap((term) => (term.node === node ? term.of : [term]));
  return { node, of: flat, at: flat[0]!.at, end: flat.at(-1)!.end };
}

function known({ name, at }: Extract<Token, { type: 'field' }>): FieldDefinition {
  const field = fieldOf(name);
  if (field !== null) return field;
  const near = nearest(name, fieldNames());
  const meant = near === null ? 'A colon that belongs to a text goes into quotes with it.' : `Did you mean ${near}:?`;
  const possible = near === null ? fields.map((one) => `${one.name}:`) : [`${near}:`];
  throw unreadable(at, at + name.length, `There is no field ${name}. ${meant}`, possible.slice(0, candidatesMax));
}

function checkedWord(word: string, at: number, end: number): string {
  if (word.includes('*')) {
    const part = word.replaceAll('*', '');
    const todo = part === '' ? 'Leave it out to find everything.' : `Write text:${part} for a part of a word.`;
    throw unreadable(at, end, `A word by itself holds no *. ${todo}`, part === '' ? [] : [`text:${part}`]);
  }
  if (!/[\p{L}\p{N}]/u.test(word)) {
    throw unreadable(at, end, `This is no word. Write text:"${word}" for these very characters.`, [`text:"${word}"`]);
  }
  return word;
}
