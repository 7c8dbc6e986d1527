/**
 * Detectors of the operator's own: patterns and dictionaries.
 *
 * Invariants: patterns run on RE2's algorithm (re2js), in time linear in the text, and only over as much of a cell as the
 * budget allows; what goes beyond that counts as found, so that the cell is masked whole (A-MSK-01). V8's own linear engine
 * was left out: it is experimental, and can only be switched on by a flag that Node calls unsafe after start.
 *
 * Dictionaries are found at the beginnings of words, without regard to case, marks or width, and only as whole words.
 */
import { RE2JS } from 're2js';
import { maskingErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { Place } from './specification.ts';
import { foldText } from './text.ts';
import type { Work } from './work.ts';

export interface CustomDetector {
  readonly name: string;
  /** Patterns want the text as it is, dictionaries want it folded (text.ts). */
  readonly wants: 'plain' | 'folded';
  /** Calls `found` for each. Gives up by exhausting `work`. */
  find(text: string, work: Work, found: (start: number, end: number) => void): void;
}

function badPattern(place: Place, reason: string): Error {
  return maskingErrors('masking.bad-pattern', { values: { name: place.mask, field: place.field, reason } });
}

export function compilePattern(place: Place, name: string, pattern: string): CustomDetector {
  if (pattern.length > limits.patternCharactersMax) {
    throw badPattern(place, `is longer than ${limits.patternCharactersMax} characters`);
  }
  let expression: RE2JS;
  try {
    expression = RE2JS.compile(pattern);
  } catch (error) {
    throw badPattern(place, `is no pattern: ${error instanceof Error ? error.message : 'it cannot be read'}`);
  }
  if (expression.programSize() > limits.patternInstructionsMax) {
    throw badPattern(place, 'compiles to too much; shorten its repetitions');
  }
  if (expression.test('')) throw badPattern(place, 'matches the empty text, so it matches everywhere');
  return {
    name,
    wants: 'plain',
    find: (text, work, found) => {
      const steps = text.length * expression.programSize();
      if (!work.spendPattern(steps)) return;
      if (!expression.test(text)) return;
      // Finding where costs more than finding whether, and one search may run to the end: asked for before.
      if (!work.spendLocate(steps)) return;
      const matcher = expression.matcher(text);
      while (matcher.find()) if (matcher.end() > matcher.start()) found(matcher.start(), matcher.end());
    },
  };
}

/** A trie over UTF-16 code units; `ends` marks the end of a word. */
interface Node {
  readonly next: Map<number, Node>;
  ends: boolean;
}

function isWordCode(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    code === 0x5f ||
    (code > 0x7f && /[\p{L}\p{N}]/u.test(String.fromCharCode(code)))
  );
}

export function compileDictionary(place: Place, name: string, words: readonly string[]): CustomDetector {
  const root: Node = { next: new Map(), ends: false };
  words.forEach((word, index) => {
    if (word.length > limits.dictionaryWordCharactersMax) {
      throw place.at(index).malformed(`is longer than ${limits.dictionaryWordCharactersMax} characters`);
    }
    const folded = foldText(word).trim().toLowerCase();
    if (folded === '') throw place.at(index).malformed('has nothing that could be found');
    let node = root;
    for (let at = 0; at < folded.length; at++) {
      const code = folded.charCodeAt(at);
      let next = node.next.get(code);
      if (next === undefined) {
        next = { next: new Map(), ends: false };
        node.next.set(code, next);
      }
      node = next;
    }
    node.ends = true;
  });
  return { name, wants: 'folded', find: (text, work, found) => findWords(root, text.toLowerCase(), work, found) };
}

function findWords(root: Node, text: string, work: Work, found: (start: number, end: number) => void): void {
  let steps = text.length;
  let before = false;
  for (let start = 0; start < text.length; start++) {
    const inside = isWordCode(text.charCodeAt(start));
    const begins = !before || !inside;
    before = inside;
    if (!begins) continue;
    let node: Node | undefined = root;
    let longest = 0;
    for (let at = start; node !== undefined; at++) {
      const ended = at === text.length || !isWordCode(text.charCodeAt(at)) || !isWordCode(text.charCodeAt(at - 1));
      if (node.ends && ended) longest = at;
      if (at === text.length) break;
      node = node.next.get(text.charCodeAt(at));
      steps++;
    }
    if (steps > 1000) {
      if (!work.spend(steps * 4)) return;
      steps = 0;
    }
    if (longest > start) {
      found(start, longest);
      before = false;
      start = longest - 1;
    }
  }
  work.spend(steps * 4);
}
