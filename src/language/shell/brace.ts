/**
 * Brace expansion, as bash does it on the raw text of a word, before all other expansions.
 *
 * Quotes, escapes, `${…}`, `$(…)` and backticks are carried over as they are. Deliberately absent: zsh's own ranges.
 */
import { braceStepsMax, braceWordsMax } from './limits.ts';

/** The words that a raw word stands for, or null where there are too many. A word without braces is returned as it is. */
export function expandBraces(raw: string): string[] | null {
  if (!raw.includes('{')) return [raw];
  const budget = { left: braceStepsMax + raw.length * 8 };
  const words = expand(raw, budget, 0);
  return words === null || words.length > braceWordsMax ? null : words;
}

function expand(raw: string, budget: { left: number }, depth: number): string[] | null {
  if (depth > 64) return null;
  let from = 0;
  for (;;) {
    const open = findOpen(raw, from);
    budget.left -= (open < 0 ? raw.length : open) - from + 1;
    if (budget.left < 0) return null;
    if (open < 0) return [raw];
    const group = readGroup(raw, open);
    budget.left -= (group?.end ?? raw.length) - open;
    const alternatives = group === null ? null : alternativesOf(group.parts);
    if (group === null || alternatives === null) {
      from = open + 1;
      continue;
    }
    const tails = expand(raw.slice(group.end), budget, depth + 1);
    if (tails === null) return null;
    const head = raw.slice(0, open);
    const words: string[] = [];
    for (const alternative of alternatives) {
      const inner = group.parts.length > 1 ? expand(alternative, budget, depth + 1) : [alternative];
      if (inner === null) return null;
      for (const middle of inner) {
        for (const tail of tails) words.push(head + middle + tail);
        if (words.length > braceWordsMax) return null;
      }
    }
    return words;
  }
}

/** Past what stands at `at` if it is quoted or an expansion, else `at`. */
function skip(raw: string, at: number): number {
  const char = raw[at];
  if (char === '\\') return at + 2;
  if (char === "'") return endOf(raw.indexOf("'", at + 1), raw);
  if (char === '"') return skipDouble(raw, at);
  if (char === '`') return endOf(closing(raw, at + 1, '`'), raw);
  if (char === '$' && raw[at + 1] === "'") return endOf(closing(raw, at + 2, "'"), raw);
  if (char === '$' && (raw[at + 1] === '{' || raw[at + 1] === '(')) return skipNested(raw, at + 1);
  return at;
}

const endOf = (at: number, raw: string): number => (at < 0 ? raw.length : at + 1);

function closing(raw: string, from: number, char: string): number {
  for (let at = from; at < raw.length; at += 1) {
    if (raw[at] === '\\') at += 1;
    else if (raw[at] === char) return at;
  }
  return -1;
}

function skipDouble(raw: string, from: number): number {
  for (let at = from + 1; at < raw.length; ) {
    if (raw[at] === '"') return at + 1;
    const next = raw[at] === "'" ? at : skip(raw, at);
    at = next === at ? at + 1 : next;
  }
  return raw.length;
}

function skipNested(raw: string, open: number): number {
  const [opening, close] = raw[open] === '{' ? ['{', '}'] : ['(', ')'];
  let depth = 0;
  for (let at = open; at < raw.length; ) {
    if (raw[at] === opening) depth += 1;
    else if (raw[at] === close) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    const next = skip(raw, at);
    at = next === at ? at + 1 : next;
  }
  return raw.length;
}

function findOpen(raw: string, from: number): number {
  for (let at = from; at < raw.length; ) {
    if (raw[at] === '{') return at;
    const next = skip(raw, at);
    at = next === at ? at + 1 : next;
  }
  return -1;
}

function readGroup(raw: string, open: number): { readonly parts: string[]; readonly end: number } | null {
  const parts: string[] = [];
  let depth = 0;
  let start = open + 1;
  for (let at = open; at < raw.length; ) {
    const char = raw[at];
    if (char === '{') depth += 1;
    else if (char === ',' && depth === 1) {
      parts.push(raw.slice(start, at));
      start = at + 1;
    } else if (char === '}') {
      depth -= 1;
      if (depth === 0) return { parts: [...parts, raw.slice(start, at)], end: at + 1 };
    }
    const next = skip(raw, at);
    at = next === at ? at + 1 : next;
  }
  return null;
}

function alternativesOf(parts: readonly string[]): readonly string[] | null {
  return parts.length > 1 ? parts : sequence(parts[0]!);
}

function sequence(text: string): readonly string[] | null {
  const match = /^(?:(-?\d{1,9})\.\.(-?\d{1,9})|([a-zA-Z])\.\.([a-zA-Z]))(?:\.\.(-?\d{1,9}))?$/.exec(text);
  if (match === null) return null;
  const [, first, last, from, to, by] = match;
  const step = Math.abs(Number(by ?? 1)) || 1;
  const [start, end] = first === undefined ? [from!.charCodeAt(0), to!.charCodeAt(0)] : [Number(first), Number(last)];
  const padded = [first, last].some((bound) => bound !== undefined && /^-?0\d/.test(bound));
  const width = padded ? Math.max(first!.length, last!.length) : 0;
  const words: string[] = [];
  const up = start <= end;
  for (let at = start; up ? at <= end : at >= end; at += up ? step : -step) {
    if (words.length > braceWordsMax) return words;
    if (first === undefined) words.push(String.fromCharCode(at));
    else words.push(at < 0 ? `-${String(-at).padStart(width - 1, '0')}` : String(at).padStart(width, '0'));
  }
  return words;
}
