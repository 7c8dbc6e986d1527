/**
 * Filters and paths of SCIM (RFC 7644, sections 3.4.2.2 and 3.5.2), read once and tried on resources that this room made.
 *
 * Invariants: what is read is bounded in length and nesting, in time linear in it; nothing of a filter names a property of an
 * object but by comparing with its own keys (A-API-03); an attribute that is not there matches nothing.
 *
 * Beyond the standard, because Microsoft Entra writes it: `emails[type eq "work"].value eq "x"`, a complex attribute compared
 * by itself stands for its `value`, and `active eq "True"`.
 */
import { filterDepthMax, filterLengthMax } from '../limits.ts';
import { ScimError } from './error.ts';
import { isCaseExact, ownName } from './schema.ts';

const comparisons = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const;
type Comparison = (typeof comparisons)[number];
type Value = string | number | boolean | null;

export type Filter =
  | { readonly op: 'and' | 'or'; readonly of: readonly Filter[] }
  | { readonly op: 'not'; readonly of: Filter }
  /** Some value of `path` for which `of` holds. */
  | { readonly op: 'some'; readonly path: Path; readonly of: Filter }
  | { readonly op: 'pr'; readonly path: Path }
  | { readonly op: Comparison; readonly path: Path; readonly value: Value };

/** In lower case. */
type Path = readonly string[];

export interface PatchPath {
  /** In lower case; with its schema where that is not one of this room's. */
  readonly attribute: string;
  readonly filter: Filter | null;
  readonly sub: string | null;
}

/** Throws `invalidFilter`. */
export function parseFilter(text: string): Filter {
  const reader = new Reader(text, 'invalidFilter');
  const filter = reader.filter(0);
  reader.end();
  return filter;
}

/** Throws `invalidPath`. */
export function parsePath(text: string): PatchPath {
  const reader = new Reader(text, 'invalidPath');
  const [attribute = '', sub = null, ...more] = pathOf(reader.word());
  if (more.length > 0) throw reader.wrong();
  if (!reader.takes('[')) {
    reader.end();
    return { attribute, filter: null, sub };
  }
  if (sub !== null) throw reader.wrong();
  const filter = reader.filter(1);
  reader.must(']');
  const after = reader.sub();
  reader.end();
  return { attribute, filter, sub: after };
}

// Every alternative begins with another character, and none can be read in two ways: one pass, whatever the text.
const token =
  /\s*(?:([()[\]])|("(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])|(\.[A-Za-z_$][\w$-]*)|([A-Za-z_$][\w$:.-]*))/uy;

interface Token {
  readonly kind: 'bracket' | 'text' | 'number' | 'sub' | 'word';
  readonly text: string;
}

class Reader {
  readonly #tokens: readonly Token[];
  readonly #type: 'invalidFilter' | 'invalidPath';
  #at = 0;

  constructor(text: string, type: 'invalidFilter' | 'invalidPath') {
    this.#type = type;
    if (text.length > filterLengthMax) {
      throw new ScimError(400, type, `It is longer than ${filterLengthMax} characters.`);
    }
    this.#tokens = tokensOf(text.trim(), () => this.wrong());
  }

  filter(depth: number): Filter {
    if (depth > filterDepthMax) {
      throw new ScimError(400, this.#type, `It nests deeper than ${filterDepthMax} levels.`);
    }
    const either = [this.#all(depth)];
    while (this.#takesWord('or')) either.push(this.#all(depth));
    return either.length === 1 ? either[0]! : { op: 'or', of: either };
  }

  #all(depth: number): Filter {
    const all = [this.#one(depth)];
    while (this.#takesWord('and')) all.push(this.#one(depth));
    return all.length === 1 ? all[0]! : { op: 'and', of: all };
  }

  #one(depth: number): Filter {
    if (this.takes('(')) return this.#inside(depth);
    if (this.#next()?.text.toLowerCase() === 'not' && this.#tokens[this.#at + 1]?.text === '(') {
      this.#at += 2;
      return { op: 'not', of: this.#inside(depth) };
    }
    const path = pathOf(this.word());
    if (!this.takes('[')) return this.#compared(path);
    const of = this.filter(depth + 1);
    this.must(']');
    const sub = this.sub();
    if (sub === null) return { op: 'some', path, of };
    return { op: 'some', path, of: { op: 'and', of: [of, this.#compared([sub])] } };
  }

  #inside(depth: number): Filter {
    const filter = this.filter(depth + 1);
    this.must(')');
    return filter;
  }

  #compared(path: Path): Filter {
    const operator = this.word().toLowerCase();
    if (operator === 'pr') return { op: 'pr', path };
    const op = comparisons.find((one) => one === operator);
    if (op === undefined) throw this.wrong();
    return { op, path, value: this.#value() };
  }

  #value(): Value {
    const next = this.#next();
    this.#at++;
    if (next?.kind === 'text' || next?.kind === 'number') return this.#json(next.text);
    switch (next?.text.toLowerCase()) {
      case 'true':
        return true;
      case 'false':
        return false;
      case 'null':
        return null;
      default:
        throw this.wrong();
    }
  }

  #json(text: string): Value {
    try {
      return JSON.parse(text) as Value;
    } catch (error) {
      // A backslash that JSON does not know.
      if (error instanceof SyntaxError) throw this.wrong();
      throw error;
    }
  }

  word(): string {
    const next = this.#next();
    if (next?.kind !== 'word') throw this.wrong();
    this.#at++;
    return next.text;
  }

  /** A sub-attribute right behind a bracket, in lower case. */
  sub(): string | null {
    const next = this.#next();
    if (next?.kind !== 'sub') return null;
    this.#at++;
    return next.text.slice(1).toLowerCase();
  }

  takes(bracket: string): boolean {
    const next = this.#next();
    if (next?.kind !== 'bracket' || next.text !== bracket) return false;
    this.#at++;
    return true;
  }

  must(bracket: string): void {
    if (!this.takes(bracket)) throw this.wrong();
  }

  end(): void {
    if (this.#at !== this.#tokens.length) throw this.wrong();
  }

  wrong(): ScimError {
    const what = this.#type === 'invalidFilter' ? 'The filter' : 'A path';
    return new ScimError(400, this.#type, `${what} is not as RFC 7644 has it.`);
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #takesWord(word: string): boolean {
    const next = this.#next();
    if (next?.kind !== 'word' || next.text.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }
}

const kinds = ['bracket', 'text', 'number', 'sub', 'word'] as const;

function tokensOf(text: string, wrong: () => Error): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; at = token.lastIndex) {
    token.lastIndex = at;
    const found = token.exec(text)?.slice(1) ?? [];
    const index = found.findIndex((part) => part !== undefined);
    const kind = kinds[index];
    if (kind === undefined) throw wrong();
    tokens.push({ kind, text: found[index]! });
  }
  return tokens;
}

/** Of one of this room's schemas without it; of another the whole, which names nothing here. */
function pathOf(word: string): Path {
  const own = ownName(word);
  return own.includes(':') ? [own.toLowerCase()] : own.toLowerCase().split('.');
}

/** Whether a filter says something of this attribute. */
export function mentions(filter: Filter, attribute: string): boolean {
  switch (filter.op) {
    case 'and':
    case 'or':
      return filter.of.some((one) => mentions(one, attribute));
    case 'not':
      return mentions(filter.of, attribute);
    default:
      return filter.path[0] === attribute;
  }
}

/** What the attribute must equal for the whole filter to hold; null where it does not say so. */
export function demanded(filter: Filter, attribute: string): string | null {
  if (filter.op === 'and') return filter.of.map((one) => demanded(one, attribute)).find((one) => one !== null) ?? null;
  const isAsked = filter.op === 'eq' && filter.path.length === 1 && filter.path[0] === attribute;
  return isAsked && typeof filter.value === 'string' ? filter.value : null;
}

/** Whether a resource, or a value of a complex attribute `within` one, is one that the filter asks for. */
export function matches(filter: Filter, resource: unknown, within: readonly string[] = []): boolean {
  switch (filter.op) {
    case 'and':
      return filter.of.every((one) => matches(one, resource, within));
    case 'or':
      return filter.of.some((one) => matches(one, resource, within));
    case 'not':
      return !matches(filter.of, resource, within);
    case 'some':
      return valuesAt(resource, filter.path).some((value) => matches(filter.of, value, [...within, ...filter.path]));
    case 'pr':
      return valuesAt(resource, filter.path).length > 0;
    case 'ne':
      return !holds('eq', filter.path, filter.value, resource, within);
    default:
      return holds(filter.op, filter.path, filter.value, resource, within);
  }
}

function holds(
  op: Exclude<Comparison, 'ne'>,
  path: Path,
  wanted: Value,
  resource: unknown,
  within: readonly string[],
): boolean {
  const isExact = isCaseExact([...within, ...path]);
  const found = valuesAt(resource, path);
  if (wanted === null) return op === 'eq' && found.length === 0;
  return found.some((value) => compares(op, plain(value), wanted, isExact));
}

/** A complex value stands for its `value`. */
function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? ownValue(value, 'value') : value;
}

function compares(op: Exclude<Comparison, 'ne'>, found: unknown, wanted: Value, isExact: boolean): boolean {
  if (typeof found === 'boolean') return op === 'eq' && `${found}` === `${wanted}`.toLowerCase();
  if (typeof found !== 'string' || typeof wanted !== 'string') return false;
  const [left, right] = isExact ? [found, wanted] : [found.toLowerCase(), wanted.toLowerCase()];
  switch (op) {
    case 'eq':
      return left === right;
    case 'co':
      return left.includes(right);
    case 'sw':
      return left.startsWith(right);
    case 'ew':
      return left.endsWith(right);
    case 'gt':
      return ordered(left, right) > 0;
    case 'ge':
      return ordered(left, right) >= 0;
    case 'lt':
      return ordered(left, right) < 0;
    case 'le':
      return ordered(left, right) <= 0;
  }
}

const moment = /^\d{4}-\d\d-\d\dt\d\d:\d\d/i;

function ordered(left: string, right: string): number {
  // Moments may be spelled with parts of seconds or without.
  const [a, b] = moment.test(left) && moment.test(right) ? [Date.parse(left), Date.parse(right)] : [left, right];
  return a < b ? -1 : a > b ? 1 : 0;
}

function valuesAt(resource: unknown, path: Path): readonly unknown[] {
  const [name, ...rest] = path;
  if (name === undefined) return resource === undefined || resource === null ? [] : [resource].flat();
  return [resource].flat().flatMap((one) => {
    const value = typeof one === 'object' && one !== null ? ownValue(one, name) : undefined;
    return valuesAt(value, rest);
  });
}

function ownValue(object: object, name: string): unknown {
  return Object.entries(object).find(([key]) => key.toLowerCase() === name)?.[1];
}
