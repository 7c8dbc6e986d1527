/**
 * The tree as tidy sees it: every text file that could be committed, and each TypeScript file in three readings.
 *
 * Invariant: all three readings have the same line numbers as the file.
 *
 * Deliberately absent: a parser. The readings are enough for rules about imports and names, and a rule that needs more
 * belongs into the type checker or the linter.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** Comments blanked. */
  readonly code: string;
  /** Comments and the contents of strings blanked. */
  readonly bare: string;
  /** Everything but comments blanked. */
  readonly comments: string;
  readonly isTest: boolean;
}

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface Project {
  readonly root: string;
  /** `.ts` and `.tsx`. */
  readonly sources: readonly SourceFile[];
  /** All text files, sources included. */
  readonly texts: readonly TextFile[];
}

export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly what: string;
  readonly why: string;
}

/** Folders that are never committed. */
const skippedFolders = new Set(['.git', 'node_modules', 'dist', '.node', '.cache', '.data', 'coverage']);

/** Files read as text; everything else is data. */
const textEnding =
  /\.(?:ts|tsx|js|mjs|cjs|json|ya?ml|md|sh|sql|css|html|svg|py|go|txt|toml|cfg|conf|http)$|(?:^|\/)(?:Makefile|Dockerfile|LICENSE|\.npmrc|\.gitignore|run)$/;

/** Longest text file that is read; longer ones are data. */
const textBytesMax = 2 * 1024 * 1024;

export function readProject(root: string): Project {
  const texts: TextFile[] = [];
  walk(root, '', texts);
  texts.sort((a, b) => (a.path < b.path ? -1 : 1));
  const sources = texts.filter((file) => /\.tsx?$/.test(file.path)).map((file) => readSource(file.path, file.text));
  return { root, sources, texts };
}

export function readSource(path: string, text: string): SourceFile {
  return { path, text, ...readings(text), isTest: isTestPath(path) };
}

/** Tests, and what only tests use. */
export function isTestPath(path: string): boolean {
  return /\.test\.tsx?$|(?:^|\/)(?:fixtures|corpus)\/|(?:^|[/-])testing\.ts$|\.contract\.ts$|^test\/|^src\/protocols\/contract\//.test(
    path,
  );
}

export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** Calls back for each match with its line. */
export function eachMatch(text: string, pattern: RegExp, found: (match: RegExpMatchArray, line: number) => void): void {
  for (const match of text.matchAll(pattern)) found(match, lineOf(text, match.index));
}

function walk(root: string, folder: string, out: TextFile[]): void {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!skippedFolders.has(entry.name)) walk(root, path, out);
    } else if (entry.isFile() && textEnding.test(path)) {
      const text = readFileSync(join(root, path), 'utf8');
      if (text.length <= textBytesMax) out.push({ path, text });
    }
  }
}

/** What a `/` may follow when it begins a regular expression rather than divides. */
const beforeRegExp = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield))\s*$/;

type Kind = 'code' | 'comment' | 'string';

function readings(text: string): { code: string; bare: string; comments: string } {
  const kinds = classify(text);
  const keep = (wanted: (kind: Kind) => boolean): string => {
    let out = '';
    for (const [kind, start, end] of kinds) {
      const piece = text.slice(start, end);
      out += wanted(kind) ? piece : piece.replace(/[^\n]/g, ' ');
    }
    return out;
  };
  return {
    code: keep((kind) => kind !== 'comment'),
    bare: keep((kind) => kind === 'code'),
    comments: keep((kind) => kind === 'comment'),
  };
}

/** Cuts a text into code, comments and literals. A template's placeholders count as code. */
function classify(text: string): [Kind, number, number][] {
  const out: [Kind, number, number][] = [];
  /** For each open placeholder, how many braces are open in it. */
  const placeholders: number[] = [];
  let codeStart = 0;
  let at = 0;
  const literal = (kind: Kind, end: number): void => {
    if (at > codeStart) out.push(['code', codeStart, at]);
    out.push([kind, at, end]);
    at = codeStart = end;
  };
  while (at < text.length) {
    const character = text[at];
    const next = text[at + 1];
    if (character === '/' && next === '/') literal('comment', endOr(text.indexOf('\n', at), text));
    else if (character === '/' && next === '*') literal('comment', endOr(text.indexOf('*/', at + 2), text, 2));
    else if (character === "'" || character === '"') literal('string', endOfQuoted(text, at));
    else if (character === '`') literal('string', endOfTemplate(text, at + 1, placeholders));
    else if (character === '/' && beforeRegExp.test(text.slice(Math.max(0, at - 40), at))) {
      literal('string', endOfRegExp(text, at));
    } else if (character === '{' && placeholders.length > 0) {
      placeholders[placeholders.length - 1]!++;
      at++;
    } else if (character === '}' && placeholders.length > 0) {
      if (placeholders.at(-1) === 0) {
        placeholders.pop();
        literal('string', endOfTemplate(text, at + 1, placeholders));
      } else {
        placeholders[placeholders.length - 1]!--;
        at++;
      }
    } else at++;
  }
  if (at > codeStart) out.push(['code', codeStart, at]);
  return out;
}

function endOr(found: number, text: string, extra = 0): number {
  return found === -1 ? text.length : found + extra;
}

function endOfQuoted(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === text[start] || text[at] === '\n') return at + 1;
  }
  return text.length;
}

function endOfTemplate(text: string, start: number, placeholders: number[]): number {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '`') return at + 1;
    else if (text[at] === '$' && text[at + 1] === '{') {
      placeholders.push(0);
      return at + 2;
    }
  }
  return text.length;
}

function endOfRegExp(text: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '\n') return at;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
  }
  return text.length;
}
