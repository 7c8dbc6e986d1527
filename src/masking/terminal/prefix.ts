/**
 * From an expression to the expression of its beginnings: what a text may end with that could still become a match.
 *
 * Derived from the source of the detectors' own expressions, so that the two cannot come apart: for every match, each of
 * its beginnings matches what is derived here, up to the end of the text (property test: viable.test.ts).
 *
 * Reads the part of the language that bounded detectors are written in: characters, classes, groups, alternatives,
 * repetitions, look-around. Deliberately absent: back-references, which no detector may have.
 */

type Node =
  | { readonly kind: 'one'; readonly source: string }
  | { readonly kind: 'behind'; readonly source: string }
  | { readonly kind: 'ahead'; readonly source: string; readonly body: Node; readonly negative: boolean }
  | { readonly kind: 'all'; readonly items: readonly Node[] }
  | { readonly kind: 'any'; readonly options: readonly Node[] }
  | { readonly kind: 'many'; readonly body: Node; readonly repeat: string; readonly most: number }
  | { readonly kind: 'group'; readonly body: Node; readonly number: number };

class Reader {
  #at = 0;
  #groups = 0;
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  get groups(): number {
    return this.#groups;
  }

  read(): Node {
    const node = this.#options();
    if (this.#at < this.#source.length) throw new Error(`unexpected ${this.#source.slice(this.#at, this.#at + 10)}`);
    return node;
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #options(): Node {
    const options = [this.#items()];
    while (this.#take('|')) options.push(this.#items());
    return options.length === 1 ? options[0]! : { kind: 'any', options };
  }

  #items(): Node {
    const items: Node[] = [];
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!)) items.push(this.#repeated());
    return items.length === 1 ? items[0]! : { kind: 'all', items };
  }

  #repeated(): Node {
    const body = this.#atom();
    const repeat = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#source.slice(this.#at));
    if (repeat === null) return body;
    this.#at += repeat[0].length;
    let most = Number.POSITIVE_INFINITY;
    if (repeat[0][0] === '?') most = 1;
    else if (repeat[1] !== undefined) {
      if (repeat[2] === '') most = Number(repeat[1]);
      else if (repeat[3] !== '') most = Number(repeat[3]);
    }
    return { kind: 'many', body, repeat: repeat[0], most };
  }

  #atom(): Node {
    const from = this.#at;
    const character = this.#source[this.#at]!;
    if (character === '(') return this.#group(from);
    if (character === '^') {
      this.#at++;
      return { kind: 'behind', source: '^' };
    }
    if (character === '[') {
      this.#at++;
      while (this.#source[this.#at] !== ']') this.#at += this.#source[this.#at] === '\\' ? 2 : 1;
      this.#at++;
    } else if (character === '\\') {
      const escaped = /^\\(?:[pP]\{[^}]*\}|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[^1-9])/.exec(this.#source.slice(this.#at));
      if (escaped === null) throw new Error('a back-reference');
      this.#at += escaped[0].length;
      if (/^\\[bB]$/.test(escaped[0])) return { kind: 'behind', source: escaped[0] };
    } else this.#at++;
    return { kind: 'one', source: this.#source.slice(from, this.#at) };
  }

  #group(from: number): Node {
    if (this.#take('(?:')) {
      const body = this.#options();
      this.#take(')');
      return { kind: 'group', body, number: 0 };
    }
    const negative = this.#take('(?!');
    if (negative || this.#take('(?=')) {
      const body = this.#options();
      this.#take(')');
      return { kind: 'ahead', source: this.#source.slice(from, this.#at), body, negative };
    }
    if (this.#take('(?<!') || this.#take('(?<=')) {
      this.#options();
      this.#take(')');
      return { kind: 'behind', source: this.#source.slice(from, this.#at) };
    }
    this.#take('(');
    const number = ++this.#groups;
    const body = this.#options();
    this.#take(')');
    return { kind: 'group', body, number };
  }
}

/** The group that holds what is found is named; the others are none. */
const open = (number: number, found: number): string => (number !== 0 && number === found ? '(?<found>' : '(?:');

function whole(node: Node, found: number): string {
  switch (node.kind) {
    case 'one':
    case 'behind':
    case 'ahead':
      return node.source;
    case 'all':
      return node.items.map((item) => whole(item, found)).join('');
    case 'any':
      return `(?:${node.options.map((option) => whole(option, found)).join('|')})`;
    case 'many':
      return whole(node.body, found) + node.repeat;
    case 'group':
      return `${open(node.number, found)}${whole(node.body, found)})`;
  }
}

function begun(node: Node, found: number): string {
  switch (node.kind) {
    case 'one':
      return `${node.source}?$`;
    case 'behind':
      return `${node.source}$`;
    case 'ahead':
      return node.negative ? begunShort(node.body, found) : begun(node.body, found);
    case 'all':
      return begunItems(node.items, found);
    case 'any':
      return `(?:${node.options.map((option) => begun(option, found)).join('|')})`;
    case 'many': {
      const most = Number.isFinite(node.most) ? String(node.most) : '';
      if (node.body.kind === 'one') return `${node.body.source}{0,${most}}$`;
      const before = Number.isFinite(node.most) ? String(Math.max(0, node.most - 1)) : '';
      return `${whole(node.body, found)}{0,${before}}${begun(node.body, found)}`;
    }
    case 'group':
      return `${open(node.number, found)}${begun(node.body, found)})`;
  }
}

/** What must not follow has not quite come yet. */
function begunShort(node: Node, found: number): string {
  switch (node.kind) {
    case 'all':
      return begunItems(node.items.slice(0, -1), found);
    case 'any':
      return `(?:${node.options.map((option) => begunShort(option, found)).join('|')})`;
    case 'group':
      return begunShort(node.body, found);
    default:
      return '$';
  }
}

function begunItems(items: readonly Node[], found: number): string {
  const [first, ...rest] = items;
  if (first === undefined) return '$';
  // What can only be looked at, not taken, decides where the rest begins.
  if (first.kind === 'behind') return first.source + begunItems(rest, found);
  if (rest.length === 0) return begun(first, found);
  return `(?:${whole(first, found)}${begunItems(rest, found)}|${begun(first, found)})`;
}

export interface BeginningOptions {
  /** What is found is the last group; else the whole match. */
  readonly group?: boolean;
  /** Characters behind a whole match that may still decide about it. */
  readonly horizon?: number;
}

/**
 * An expression that matches where `expression` may have begun, to the end of the text. The group `found`, where there is
 * one, is where what would be found begins; while it is undefined, nothing of what would be found is there yet.
 */
export function beginningOf(expression: RegExp, options: BeginningOptions = {}): RegExp {
  const reader = new Reader(expression.source);
  const node = reader.read();
  const found = options.group === true ? reader.groups : 0;
  const { horizon = 0 } = options;
  const behind = horizon === 0 ? '' : `|${whole(node, 0)}[^]{0,${horizon}}$`;
  return new RegExp(`(?:${begun(node, found)}${behind})`, expression.flags.replace(/[gy]/g, ''));
}
