/**
 * Terms to a query of core: what fields of the language mean in those of the index.
 *
 * Invariants: pure, given the present; whatever compiles means what `fields.ts` says of it; nothing that was written is
 * dropped: what cannot be answered is a problem with its place.
 *
 * Names of what is touched match from the right: `customers.ssn` is found as `public.customers.ssn`, `orders` as `shop.orders`,
 * `secrets/db` in any namespace, `db.internal` at any port. `*` stands for any run of characters.
 */
import type { TouchAccess, TouchKind } from '../../core/facts.ts';
import type { SearchNode, SearchQuery, SearchSort } from '../../core/search.ts';
import { entryTypes } from '../../core/search.ts';
import { type conditions, type FieldDefinition, nearest, verdictWords } from './fields.ts';
import { type QueryProblem, type RawValue, Unreadable, unreadable } from './lexer.ts';
import { candidatesMax } from './limits.ts';
import { parse, type Term } from './parser.ts';
import { print } from './print.ts';
import { readBounds, readMoment, readSpan } from './values.ts';

export interface ReadQuery {
  readonly query: SearchQuery;
  /** The query in its one spelling. */
  readonly text: string;
  /** Words and parts that were asked for, lower-case: what may be marked in a text that was found. */
  readonly marks: readonly string[];
}

export type QueryReading =
  | { readonly read: ReadQuery; readonly problem: null }
  | { readonly read: null; readonly problem: QueryProblem };

/** A query as a person wrote it. */
export function readQuery(text: string, nowMs: number): QueryReading {
  const { term, problem } = parse(text);
  if (problem !== null) return { read: null, problem };
  try {
    const compiler = new Compiler(nowMs);
    const where = term === null ? null : compiler.top(term);
    const query: SearchQuery = { where, fromMs: compiler.fromMs, toMs: compiler.toMs, sort: compiler.sort };
    return { read: { query, text: print(term), marks: compiler.marks }, problem: null };
  } catch (error) {
    if (error instanceof Unreadable) return { read: null, problem: error.problem };
    throw error;
  }
}

/** What other gateways on the same store wrote a moment ago by their clocks is found too. */
const skewMs = 3_600_000;

type FieldTerm = Extract<Term, { node: 'field' }>;

class Compiler {
  readonly #nowMs: number;
  fromMs = 0;
  toMs: number;
  sort: SearchSort = 'newest';
  readonly marks: string[] = [];

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
    this.toMs = nowMs + skewMs;
  }

  /** The whole: time and order hold for it, and stand nowhere else. */
  top(term: Term): SearchNode | null {
    const of = (term.node === 'all' ? term.of : [term]).flatMap((one) => {
      if (one.node === 'field' && (one.field.kind === 'time' || one.field.kind === 'sort')) {
        this.#whole(one);
        return [];
      }
      return [this.#node(one, true)];
    });
    if (this.fromMs >= this.toMs) {
      throw unreadable(term.at, term.end, 'The times leave nothing: it ends before it begins.');
    }
    return of.length === 0 ? null : all(withWords(of));
  }

  #whole(term: FieldTerm): void {
    const { field, values, at, end } = term;
    const [value] = values;
    if (value === undefined || values.length > 1) throw unreadable(at, end, `${field.name}: takes one value.`);
    if (field.kind === 'sort') {
      this.sort = closed(field, value) as SearchSort;
      return;
    }
    if (field.kind !== 'time') return;
    if (value.compare !== '') throw unreadable(value.at, value.end, `${field.name}: takes a time as it is.`);
    if (field.bound === 'on') {
      const { fromMs, toMs } = readSpan(value, this.#nowMs);
      this.fromMs = Math.max(this.fromMs, fromMs);
      this.toMs = Math.min(this.toMs, toMs);
    } else if (field.bound === 'since') this.fromMs = Math.max(this.fromMs, readMoment(value, this.#nowMs));
    else this.toMs = Math.min(this.toMs, readMoment(value, this.#nowMs));
  }

  #node(term: Term, isAsked: boolean): SearchNode {
    switch (term.node) {
      case 'all':
        return all(withWords(term.of.map((one) => this.#node(one, isAsked))));
      case 'any':
        return any(term.of.map((one) => this.#node(one, isAsked)));
      case 'not':
        return { node: 'not', of: this.#node(term.of, false) };
      case 'word':
        if (isAsked) this.marks.push(term.text.toLowerCase());
        return { node: 'words', text: term.text };
      case 'part':
        if (isAsked) this.marks.push(term.text.toLowerCase());
        return { node: 'part', text: term.text };
      case 'field':
        return any(term.values.map((value) => this.#field(term, value, isAsked)));
    }
  }

  #field({ field, at, end }: FieldTerm, value: RawValue, isAsked: boolean): SearchNode {
    if (field.kind === 'number') return { node: 'number', field: field.field, ...readBounds(value, field.unit) };
    if (field.kind === 'time' || field.kind === 'sort') {
      const message = `${field.name}: holds for the whole search: it stands outside brackets, or and -.`;
      throw unreadable(at, end, message);
    }
    if (value.compare !== '') {
      throw unreadable(value.at, value.end, `${field.name}: is no number: it takes no ${value.compare}.`, [
        field.example,
      ]);
    }
    if (value.text === '') throw unreadable(value.at, value.end, `${field.name}: needs a value.`, [field.example]);
    switch (field.kind) {
      case 'text':
        return any(textGlobs(field, value).map((glob) => ({ node: 'text', field: field.field, glob })));
      case 'touch': {
        if (isAsked) this.marks.push(lastPart(value.text).toLowerCase());
        return any(touched(field, value.text));
      }
      case 'part':
        if (isAsked) this.marks.push(value.text.toLowerCase());
        return { node: 'part', text: value.text };
      case 'is':
        return conditionOf(closed(field, value));
    }
  }
}

function all(of: readonly SearchNode[]): SearchNode {
  return of.length === 1 ? of[0]! : { node: 'all', of };
}

function any(of: readonly SearchNode[]): SearchNode {
  return of.length === 1 ? of[0]! : { node: 'any', of };
}

/** Words that must all be there are one question. */
function withWords(of: readonly SearchNode[]): readonly SearchNode[] {
  const words = of.flatMap((node) => (node.node === 'words' ? [node.text] : []));
  if (words.length < 2) return of;
  return [...of.filter(({ node }) => node !== 'words'), { node: 'words', text: words.join(' ') }];
}

function textGlobs(field: Extract<FieldDefinition, { kind: 'text' }>, value: RawValue): readonly string[] {
  if (field.field === 'label') {
    return [value.text.includes('=') ? value.text : `${value.text}=*`];
  }
  // Kept as `name=value`; what people know is the value.
  if (field.field === 'client' && !value.text.includes('=')) return [`*=${value.text}`];
  if (field.isClosed === true && !value.text.includes('*')) return [closed(field, value)];
  return [field.words?.[value.text.toLowerCase()] ?? value.text];
}

/** A value of a field that has no others, in its one spelling. */
function closed(field: FieldDefinition, value: RawValue): string {
  const word = value.text.toLowerCase();
  const spelled = (field.kind === 'text' ? field.words?.[word] : undefined) ?? word;
  const known = field.values ?? [];
  if (known.includes(spelled)) return spelled;
  const near = nearest(word, [...known, ...Object.keys(field.kind === 'text' ? (field.words ?? {}) : {})]);
  const message = `${field.name}: cannot be ${value.text}.${near === null ? '' : ` Did you mean ${near}?`}`;
  throw unreadable(value.at, value.end, message, known.slice(0, candidatesMax));
}

function conditionOf(word: string): SearchNode {
  if ((entryTypes as readonly string[]).includes(word)) return { node: 'text', field: 'type', glob: word };
  switch (word as (typeof conditions)[number]) {
    case 'live':
      return { node: 'live' };
    case 'uncertain':
      return { node: 'uncertain' };
    case 'failed':
      return { node: 'text', field: 'outcome', glob: 'failed' };
    case 'masked':
      return { node: 'number', field: 'masked', min: 1, max: null };
    default:
      return { node: 'text', field: 'verdict', glob: verdictWords[word] ?? word };
  }
}

/** How names of one kind end: with what the shorter name is joined to what stands before it. */
type Ending = 'dot' | 'slash' | 'port' | 'method' | 'whole';

const endings: Readonly<Record<TouchKind, Ending>> = {
  table: 'dot',
  column: 'dot',
  function: 'dot',
  path: 'slash',
  program: 'slash',
  object: 'slash',
  host: 'port',
  route: 'method',
  operation: 'whole',
};

function touched(field: Extract<FieldDefinition, { kind: 'touch' }>, name: string): SearchNode[] {
  const { accesses } = field;
  if (field.name === 'pod') return podGlobs(name).map((glob) => touch(['object'], accesses, glob));
  const kinds = field.kinds.length > 0 ? field.kinds : kindsOf(name);
  const byGlob = new Map<string, TouchKind[]>();
  for (const kind of kinds) {
    for (const glob of globsOf(endings[kind], name)) {
      const same = byGlob.get(glob);
      if (same === undefined) byGlob.set(glob, [kind]);
      else same.push(kind);
    }
  }
  return [...byGlob].map(([glob, of]) => touch(of, accesses, glob));
}

function touch(kinds: readonly TouchKind[], accesses: readonly TouchAccess[], glob: string): SearchNode {
  return { node: 'touch', kinds, accesses, glob };
}

/** Which kinds a name can be of, by how it is written, where the field does not say. */
function kindsOf(name: string): readonly TouchKind[] {
  if (/\s/.test(name)) return ['table', 'column', 'path', 'route'];
  if (name.startsWith('/')) return ['path', 'route'];
  if (name.includes('/')) return ['path', 'object', 'route'];
  return ['table', 'column', 'path', 'object', 'operation', 'host'];
}

function globsOf(ending: Ending, name: string): readonly string[] {
  if (name.startsWith('*')) return ending === 'port' && !name.includes(':') ? [name, `${name}:*`] : [name];
  switch (ending) {
    case 'dot':
      return [name, `*.${name}`];
    case 'slash':
      return name.startsWith('/') ? [name] : [name, `*/${name}`];
    case 'port':
      return name.includes(':') ? [name] : [name, `${name}:*`];
    case 'method':
      return name.startsWith('/') ? [`* ${name}`] : [name, `*/${name}`];
    case 'whole':
      return [name];
  }
}

/** With whatever was asked of the pod: `default/pods/exec/web-1` is of the pod `web-1`. */
function podGlobs(name: string): readonly string[] {
  const [namespace, pod] = name.includes('/') ? (name.split('/', 2) as [string, string]) : ['*', name];
  return [`${namespace}/pods/${pod}`, `${namespace}/pods/*/${pod}`];
}

/** What of a name is likely to stand in a text. */
function lastPart(name: string): string {
  return (
    name
      .replaceAll('*', '')
      .split(/[./ ]/)
      .findLast((part) => part !== '') ?? name
  );
}
