/**
 * Conditions over named selections, as Sigma has them (specification 2.x, section "Condition"): `and`, `or`, `not`, brackets,
 * `1 of them`, `all of them`, `1 of drop*`, `all of drop*`. `not` binds closest, then `and`, then `or`.
 *
 * Deliberately absent: `|` aggregations, which Sigma took out itself (`measure` says them), and regular expressions.
 */
import { compileName } from '../base/glob.ts';
import * as limits from './limits.ts';
import { nearest, quote, type Reading } from './reading.ts';

export type Condition =
  | { readonly is: 'selection'; readonly index: number }
  | { readonly is: 'not'; readonly of: Condition }
  | { readonly is: 'and' | 'or'; readonly of: readonly Condition[] };

interface Token {
  readonly text: string;
  /** From 1. */
  readonly column: number;
}

/** Throws with the column at which it cannot be read. Every name must be one of `names`. */
export function parseCondition(reading: Reading, path: string, text: unknown, names: readonly string[]): Condition {
  if (typeof text !== 'string' || text.trim() === '') throw reading.fault(path, 'this is not a condition');
  if (text.length > limits.conditionCharactersMax) {
    throw reading.fault(path, `this has more than ${limits.conditionCharactersMax} characters`);
  }
  return new Parser(reading, path, text, names).parse();
}

class Parser {
  readonly #reading: Reading;
  readonly #path: string;
  readonly #names: readonly string[];
  readonly #tokens: readonly Token[];
  readonly #end: number;
  #at = 0;
  #depth = 0;

  constructor(reading: Reading, path: string, text: string, names: readonly string[]) {
    this.#reading = reading;
    this.#path = path;
    this.#names = names;
    this.#tokens = [...text.matchAll(/[()]|[^\s()]+/g)].map((match) => ({ text: match[0], column: match.index + 1 }));
    this.#end = text.length + 1;
    if (this.#tokens.length > limits.conditionNodesMax) {
      throw reading.fault(path, `this has more than ${limits.conditionNodesMax} words`);
    }
  }

  parse(): Condition {
    const found = this.#or();
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw this.#fault(`expected and, or, or the end, and not ${quote(rest.text)}`);
    return found;
  }

  #fault(what: string): Error {
    const column = this.#tokens[this.#at]?.column ?? this.#end;
    return this.#reading.fault(this.#path, `at column ${column}: ${what}`);
  }

  #is(word: string): boolean {
    return this.#tokens[this.#at]?.text.toLowerCase() === word;
  }

  #take(word: string): boolean {
    if (!this.#is(word)) return false;
    this.#at++;
    return true;
  }

  #or(): Condition {
    const of = [this.#and()];
    while (this.#take('or')) of.push(this.#and());
    return of.length === 1 ? of[0]! : { is: 'or', of };
  }

  #and(): Condition {
    const of = [this.#not()];
    while (this.#take('and')) of.push(this.#not());
    return of.length === 1 ? of[0]! : { is: 'and', of };
  }

  #not(): Condition {
    if (this.#take('not')) {
      this.#deeper();
      const of = this.#not();
      this.#depth--;
      return { is: 'not', of };
    }
    if (this.#take('(')) {
      this.#deeper();
      const found = this.#or();
      if (!this.#take(')')) throw this.#fault('a bracket is not closed');
      this.#depth--;
      return found;
    }
    return this.#name();
  }

  #deeper(): void {
    if (++this.#depth > limits.conditionDepthMax) {
      throw this.#fault(`there are more than ${limits.conditionDepthMax} brackets within each other`);
    }
  }

  #name(): Condition {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw this.#fault('expected the name of a selection');
    const lower = token.text.toLowerCase();
    if (
      (lower === '1' || lower === 'any' || lower === 'all') &&
      this.#tokens[this.#at + 1]?.text.toLowerCase() === 'of'
    ) {
      this.#at += 2;
      return this.#several(lower === 'all');
    }
    const index = this.#names.indexOf(token.text);
    if (index < 0) {
      const near = nearest(token.text, this.#names);
      throw this.#fault(
        `there is no selection ${quote(token.text)}${near === null ? '' : `; did you mean ${near}?`} (known are ${this.#names.join(', ')})`,
      );
    }
    this.#at++;
    return { is: 'selection', index };
  }

  #several(isAll: boolean): Condition {
    const token = this.#tokens[this.#at];
    if (token === undefined || token.text === '(' || token.text === ')') {
      throw this.#fault('expected them, or a name with a star');
    }
    const test = token.text.toLowerCase() === 'them' ? () => true : compileName(token.text);
    const of = this.#names.flatMap((name, index): Condition[] => (test(name) ? [{ is: 'selection', index }] : []));
    if (of.length === 0) throw this.#fault(`no selection is called ${quote(token.text)}`);
    this.#at++;
    return of.length === 1 ? of[0]! : { is: isAll ? 'and' : 'or', of };
  }
}

/** The selections that a condition names. */
export function selectionsOf(condition: Condition): ReadonlySet<number> {
  const found = new Set<number>();
  const visit = (one: Condition): void => {
    if (one.is === 'selection') found.add(one.index);
    else if (one.is === 'not') visit(one.of);
    else for (const each of one.of) visit(each);
  };
  visit(condition);
  return found;
}

/** `holds` is asked of a selection at most once for one activity where nothing names it twice. */
export function isTrue(condition: Condition, holds: (index: number) => boolean): boolean {
  switch (condition.is) {
    case 'selection':
      return holds(condition.index);
    case 'not':
      return !isTrue(condition.of, holds);
    case 'and':
      for (const one of condition.of) if (!isTrue(one, holds)) return false;
      return true;
    case 'or':
      for (const one of condition.of) if (isTrue(one, holds)) return true;
      return false;
  }
}
