/** Finds what a file imports: static, type-only, side-effect and dynamic imports, re-exports, and worker URLs. */
import { posix } from 'node:path';
import { eachMatch, type SourceFile } from './project.ts';

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

const forms: readonly RegExp[] = [
  /\b(?:import|export)\s+(?:type\s+)?(?:[\w$*\s{},]+?)\s*from\s*(['"])([^'"]+)\1/g,
  /\bimport\s*(['"])([^'"]+)\1/g,
  /\bimport\s*\(\s*(['"`])([^'"`]+)\1/g,
  /\bnew\s+URL\s*\(\s*(['"`])(\.{1,2}\/[^'"`]+\.[jt]s)\1/g,
  /\brequire(?:\.resolve)?\s*\(\s*(['"])([^'"]+)\1/g,
];

export function importsOf(source: SourceFile): Import[] {
  const found = new Map<string, Import>();
  for (const form of forms) {
    eachMatch(source.code, form, (match, line) => {
      // A match inside a string is text about imports, not an import.
      if (source.bare[match.index!] !== source.code[match.index!]) return;
      const specifier = match[2]!;
      found.set(`${line}:${specifier}`, { specifier, line });
    });
  }
  return [...found.values()].sort((a, b) => a.line - b.line);
}

/** The file that a relative specifier names, relative to the root. */
export function resolveImport(from: string, specifier: string): string {
  return posix.normalize(posix.join(posix.dirname(from), specifier)).replace(/\.js$/, '.ts');
}

/** `@scope/name/deep` → `@scope/name`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
}
