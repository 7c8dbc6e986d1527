/**
 * A manifest as text, and the same as values: one source of truth, the text. Edits by the form change the text where they must and
 * leave comments, order and spelling elsewhere alone.
 *
 * Invariant: what does not parse is never written over; the form waits until it does.
 */
import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  stringify,
} from 'yaml';
import type { CodeProblem } from '../../ui/editor.tsx';

export type Path = readonly (string | number)[];

export interface Parsed {
  readonly text: string;
  readonly document: Document.Parsed;
  /** Null while the text does not parse to a mapping. */
  readonly value: Readonly<Record<string, unknown>> | null;
  readonly problems: readonly CodeProblem[];
}

export function parse(text: string): Parsed {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, version: '1.2' });
  const problems: CodeProblem[] = document.errors.map(({ pos: [from, to], message }) => ({
    from,
    to: Math.max(from + 1, to),
    message: `No YAML: ${message.split('\n')[0]!.replace(/ at line \d+.*$/, '')}`,
  }));
  let value: Parsed['value'] = null;
  if (problems.length === 0) {
    try {
      const read: unknown = document.toJS({ maxAliasCount: 50 });
      if (typeof read === 'object' && read !== null && !Array.isArray(read)) value = read as Record<string, unknown>;
      else problems.push({ from: 0, to: text.length, message: 'A manifest is a mapping: kind, metadata, spec.' });
    } catch (error) {
      problems.push({
        from: 0,
        to: text.length,
        message: error instanceof Error ? error.message : 'It cannot be read.',
      });
    }
  }
  return { text, document, value, problems };
}

/** The text with one value set, or taken out where it is undefined. */
export function withValue({ text }: Parsed, path: Path, value: unknown): string {
  // Parsed anew: what the page keeps of a text must not change below it.
  const { document } = parse(text);
  if (value === undefined) {
    document.deleteIn(path);
  } else {
    openWay(document, path);
    document.setIn(
      path,
      isPlain(value) && keepScalar(document, path, value) ? document.getIn(path, true) : document.createNode(value),
    );
  }
  return document.toString({ lineWidth: 0 });
}

function isPlain(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

/** A scalar that is there keeps its comment and its way of being quoted. */
function keepScalar(document: Document, path: Path, value: string | number | boolean): boolean {
  const node = document.getIn(path, true);
  if (!isScalar(node) || typeof node.value !== typeof value) return false;
  node.value = value;
  if (typeof value === 'string' && value.includes('\n')) delete node.type;
  delete node.source;
  return true;
}

/** What lies on the way and is empty, or no collection, makes place for one. */
function openWay(document: Document, path: Path): void {
  for (let depth = 1; depth < path.length; depth++) {
    const way = path.slice(0, depth);
    const node = document.getIn(way, true);
    if (node === undefined) return;
    if (isCollection(node)) continue;
    document.setIn(way, document.createNode(typeof path[depth] === 'number' ? [] : {}));
  }
}

export function valueAt(value: unknown, path: Path): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}

/** Where a value, or the key of one, stands in the text; the nearest that is there where it is not. */
export function placeOf(
  { document, text }: Parsed,
  path: Path,
  on: 'key' | 'value' = 'value',
): { from: number; to: number } {
  for (let depth = path.length; depth > 0; depth--) {
    const key = keyRange(document, path.slice(0, depth));
    const node = document.getIn(path.slice(0, depth), true);
    const isWhole = depth === path.length;
    if (key !== null && (on === 'key' || !isWhole || isCollection(node) || !isNode(node))) return key;
    if (isNode(node) && node.range != null) return trimmed(text, node.range[0], node.range[1]);
    if (key !== null) return key;
  }
  return { from: 0, to: Math.max(0, text.indexOf('\n')) };
}

function keyRange(document: Document, path: Path): { from: number; to: number } | null {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return null;
  const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1));
  const range = pair !== undefined && isScalar(pair.key) ? pair.key.range : null;
  return range == null ? null : { from: range[0], to: range[1] };
}

function trimmed(text: string, from: number, to: number): { from: number; to: number } {
  const end = from + text.slice(from, to).trimEnd().length;
  return { from, to: Math.max(from + 1, end) };
}

/** An object as it is given back, as text to begin with. */
export function spell(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
