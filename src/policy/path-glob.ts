/**
 * Globs over paths: `/etc/**`, `*.pem`, `/srv/{a,b}/[a-z]*`. Paths are bytes (one character each, `FilePath.raw`), compared
 * with regard to case; a pattern is taken as UTF-8.
 *
 * - `*` any run of bytes within a name, `?` one character of UTF-8, `[abc]`, `[a-z]`, `[!a]` one byte of a set.
 * - `**` as a whole name: any number of directories, also none, so `/x/**` means `/x` as well.
 * - `{a,b}` either. `\` before a character takes it as it is.
 * - A pattern without a slash is put to the last name; one that does not begin with a slash may begin anywhere.
 *
 * Invariants: time is bounded by the length of the path times the length of the pattern, for every path. A hidden name is
 * a name like others, for these rules restrict.
 */

/** What a pattern says of a path: it means the path itself, and it may mean something below it. */
export interface PathMatch {
  readonly is: boolean;
  readonly mayBeBelow: boolean;
}

export type PathTest = (raw: string) => PathMatch;

/** Alternatives that one pattern may spell out to. */
const alternativesMax = 64;

/** `**` as a name of a pattern. */
const anyNames = Symbol('**');
type Part = typeof anyNames | ((name: string) => boolean);

/** Null where the pattern is none: braces or brackets that do not close, too many alternatives, `.` or `..` as a name. */
export function compilePathGlob(pattern: string): PathTest | null {
  const bytes = Buffer.from(pattern, 'utf8').toString('latin1');
  const spelled = spellOut(bytes);
  if (spelled === null) return null;
  const lists: Part[][] = [];
  for (const one of spelled) {
    const parts = partsOf(one);
    if (parts === null) return null;
    lists.push(parts);
  }
  return (raw) => {
    const names = raw.split('/').filter((name) => name !== '');
    let is = false;
    let mayBeBelow = false;
    for (const parts of lists) {
      const found = match(parts, names);
      is ||= found.is;
      mayBeBelow ||= found.mayBeBelow;
    }
    return { is, mayBeBelow };
  };
}

/** Positions in the pattern that are alive after each name, as a set: linear in names times parts. */
function match(parts: readonly Part[], names: readonly string[]): PathMatch {
  let alive = closed(parts, [0]);
  for (const name of names) {
    const next: number[] = [];
    for (const at of alive) {
      const part = parts[at];
      if (part === undefined) continue;
      if (part === anyNames) next.push(at);
      else if (part(name)) next.push(at + 1);
    }
    alive = closed(parts, next);
    if (alive.length === 0) break;
  }
  return { is: alive.includes(parts.length), mayBeBelow: alive.some((at) => at < parts.length) };
}

/** `**` may stand for nothing. */
function closed(parts: readonly Part[], positions: readonly number[]): number[] {
  const all = new Set(positions);
  for (const at of all) if (parts[at] === anyNames) all.add(at + 1);
  return [...all];
}

function partsOf(pattern: string): Part[] | null {
  const names = pattern.split('/').filter((name) => name !== '');
  if (names.length === 0 || names.includes('.') || names.includes('..')) {
    return pattern === '/' ? [] : null;
  }
  const parts: Part[] = pattern.startsWith('/') ? [] : [anyNames];
  for (const name of names) {
    const part = name === '**' ? anyNames : compileName(name);
    if (part === null) return null;
    parts.push(part);
  }
  return parts;
}

/** One element of a name: matches one character at a position and says where it ends, or −1; null is `*`. */
type Element = ((name: string, at: number) => number) | null;

function compileName(pattern: string): ((name: string) => boolean) | null {
  const elements: Element[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at]!;
    if (character === '*') {
      if (elements.at(-1) !== null || elements.length === 0) elements.push(null);
    } else if (character === '?') {
      elements.push(endOfCharacter);
    } else if (character === '[') {
      const end = pattern.indexOf(']', pattern[at + 1] === '!' ? at + 3 : at + 2);
      if (end < 0) return null;
      elements.push(setOf(pattern.slice(at + 1, end)));
      at = end;
    } else {
      if (character === '\\' && ++at === pattern.length) return null;
      const wanted = pattern[at]!;
      elements.push((name, from) => (name[from] === wanted ? from + 1 : -1));
    }
  }
  return (name) => matchName(elements, name);
}

/** One character of UTF-8: a byte, and those that continue it. */
function endOfCharacter(name: string, from: number): number {
  if (from >= name.length) return -1;
  let at = from + 1;
  if (name.charCodeAt(from) >= 0xc0) while (at < name.length && (name.charCodeAt(at) & 0xc0) === 0x80) at++;
  return at;
}

function setOf(text: string): Element {
  const isNegated = text.startsWith('!');
  const members = isNegated ? text.slice(1) : text;
  const has = (byte: string): boolean => {
    for (let at = 0; at < members.length; at++) {
      const last = members[at + 2];
      if (members[at + 1] === '-' && last !== undefined) {
        if (byte >= members[at]! && byte <= last) return true;
        at += 2;
      } else if (byte === members[at]) return true;
    }
    return false;
  };
  return (name, from) => (from < name.length && has(name[from]!) !== isNegated ? from + 1 : -1);
}

/** Of several stars only the last is gone back to: quadratic at worst, in names of 255 bytes. */
function matchName(elements: readonly Element[], name: string): boolean {
  let [element, at, star, from] = [0, 0, -1, 0];
  while (at < name.length || element < elements.length) {
    const wanted = elements[element];
    if (wanted === null) {
      star = element++;
      from = at;
      continue;
    }
    const end = wanted === undefined ? -1 : wanted(name, at);
    if (end >= 0) {
      element++;
      at = end;
    } else {
      if (star < 0 || from >= name.length) return false;
      element = star + 1;
      at = ++from;
    }
  }
  return true;
}

/** The patterns without braces that a pattern with braces stands for. */
function spellOut(pattern: string): string[] | null {
  const open = unescaped(pattern, '{', 0);
  if (open < 0) return unescaped(pattern, '}', 0) < 0 ? [pattern] : null;
  let depth = 0;
  const alternatives: string[] = [];
  let from = open + 1;
  for (let at = open; at < pattern.length; at++) {
    if (pattern[at] === '\\') at++;
    else if (pattern[at] === '{') depth++;
    else if (pattern[at] === ',' && depth === 1) {
      alternatives.push(pattern.slice(from, at));
      from = at + 1;
    } else if (pattern[at] === '}' && --depth === 0) {
      alternatives.push(pattern.slice(from, at));
      const [before, after] = [pattern.slice(0, open), pattern.slice(at + 1)];
      const all: string[] = [];
      for (const one of alternatives) {
        const more = spellOut(`${before}${one}${after}`);
        if (more === null || all.length + more.length > alternativesMax) return null;
        all.push(...more);
      }
      return all;
    }
  }
  return null;
}

function unescaped(text: string, wanted: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === wanted) return at;
  }
  return -1;
}
