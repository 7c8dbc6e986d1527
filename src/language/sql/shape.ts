/**
 * How deep and how large the parse of a text may become, estimated in one pass before the parser sees it.
 *
 * The parser recurses on WebAssembly's stack, and its dump repeats the right side of a multiple assignment
 * (`(a, b) = (SELECT …)`) for every column, so that nesting multiplies. Both are bounded here.
 *
 * Invariant: this decides only whether to parse. No meaning is taken from it, so a difference from the server's lexer
 * can make a text too deep or too large, or let the parser run into its own limits, which it survives.
 */
import { sqlNestingMax, sqlNodesMax } from '../limits.ts';

export type Shape = 'ordinary' | 'too-deep' | 'too-complex';

/** Words whose repetition nests without parentheses. */
const nesting = new Set(
  'union except intersect join not when then else collate at is isnull notnull like ilike similar in between operator atomic select'.split(
    ' ',
  ),
);
/** Those that a comma does not end. */
const lasting = new Set(['union', 'except', 'intersect', 'join', 'atomic']);

interface Level {
  /** Nesting tokens since the last comma, AND or OR. */
  run: number;
  /** Nesting tokens that only the end of the level ends. */
  held: number;
  commas: number;
  /** Opened by CASE, closed by END. */
  readonly isCase: boolean;
}

interface Assignment {
  readonly depth: number;
  readonly factor: number;
}

const isWord = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || (code >= 48 && code <= 57) || code > 127;
const isOperator = (character: string): boolean => '+-*/<>=~!@#%^&|`?:'.includes(character);

export function measureShape(text: string): Shape {
  const levels: Level[] = [{ run: 0, held: 0, commas: 0, isCase: false }];
  const assignments: Assignment[] = [];
  let level = levels[0]!;
  let depth = 0;
  let factor = 1;
  let nodes = 0;
  /** Columns in the parenthesis that has just been closed, or zero. */
  let closed = 0;
  const leave = (at: number): void => {
    while (assignments.length > 0 && assignments.at(-1)!.depth >= at) factor /= assignments.pop()!.factor;
  };
  const close = (): void => {
    if (levels.length === 1) return;
    leave(levels.length);
    depth -= level.run + level.held;
    levels.pop();
    level = levels.at(-1)!;
  };
  for (let at = 0; at < text.length; ) {
    const character = text[at]!;
    const skipped = skipOpaque(text, at);
    if (skipped > at) {
      // A comment may stand between `)` and `=`; a string may not.
      if (character === "'" || character === '"' || character === '$') closed = 0;
      at = skipped;
      continue;
    }
    if (character <= ' ') {
      at++;
      continue;
    }
    nodes += factor;
    if (nodes > sqlNodesMax || factor > sqlNodesMax) return 'too-complex';
    const wasClosed = closed;
    closed = 0;
    if (character === '(' || character === '[') {
      level = open(levels, false);
      depth++;
      at++;
    } else if (character === ')' || character === ']') {
      closed = level.commas + 1;
      close();
      at++;
    } else if (character === ',' || character === ';') {
      leave(levels.length);
      depth -= level.run;
      level.run = 0;
      level.commas++;
      if (character === ';') {
        depth -= level.held;
        level.held = 0;
      }
      at++;
    } else if (isWord(character.charCodeAt(0))) {
      let end = at + 1;
      while (end < text.length && isWord(text.charCodeAt(end))) end++;
      if (end - at <= 9) {
        const word = text.slice(at, end).toLowerCase();
        if (word === 'case') {
          level = open(levels, true);
          depth++;
        } else if (word === 'end' && level.isCase) {
          close();
        } else if (lasting.has(word)) {
          level.held++;
          depth++;
        } else if (nesting.has(word)) {
          level.run++;
          depth++;
        } else if ((word === 'and' || word === 'or') && level.run > 0) {
          depth -= level.run;
          level.run = 0;
        }
      }
      at = end;
    } else if (isOperator(character)) {
      let end = at + 1;
      while (
        end < text.length &&
        isOperator(text[end]!) &&
        !text.startsWith('--', end) &&
        !text.startsWith('/*', end)
      ) {
        end++;
      }
      if (wasClosed > 1 && end === at + 1 && character === '=') {
        assignments.push({ depth: levels.length, factor: wasClosed });
        factor *= wasClosed;
      }
      level.run++;
      depth++;
      at = end;
    } else {
      at++;
    }
    if (depth > sqlNestingMax) return 'too-deep';
  }
  return 'ordinary';
}

function open(levels: Level[], isCase: boolean): Level {
  const level: Level = { run: 0, held: 1, commas: 0, isCase };
  levels.push(level);
  return level;
}

/** Where the string, quoted name, dollar quote or comment that begins here ends; `at` itself where none does. */
function skipOpaque(text: string, at: number): number {
  const end = (found: number, length: number): number => (found === -1 ? text.length : found + length);
  switch (text[at]) {
    case "'": {
      const escapes = at > 0 && (text[at - 1] === 'e' || text[at - 1] === 'E');
      for (let next = at + 1; next < text.length; next++) {
        if (escapes && text[next] === '\\') next++;
        else if (text[next] === "'") return next + 1;
      }
      return text.length;
    }
    case '"':
      return end(text.indexOf('"', at + 1), 1);
    case '-':
      return text[at + 1] === '-' ? end(text.indexOf('\n', at), 1) : at;
    case '/':
      return text[at + 1] === '*' ? skipComment(text, at) : at;
    case '$': {
      const tag = /^\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/.exec(text.slice(at, at + 80))?.[0];
      return tag === undefined ? at : end(text.indexOf(tag, at + tag.length), tag.length);
    }
    default:
      return at;
  }
}

function skipComment(text: string, at: number): number {
  let depth = 0;
  for (let next = at; next < text.length; next++) {
    if (text[next] === '/' && text[next + 1] === '*') {
      depth++;
      next++;
    } else if (text[next] === '*' && text[next + 1] === '/') {
      next++;
      if (--depth === 0) return next + 1;
    }
  }
  return text.length;
}
