/** Paths, made canonical as text where they can be: against the directory that is known, without looking at any file. */
import type { ShellAccess, ShellPath } from '../../core/shell.ts';
import type { Field } from './field.ts';
import type { Scope } from './scope.ts';

/** Null where the word is dynamic. */
export function pathOf(at: Scope, field: Field, access: ShellAccess, isRecursive: boolean): ShellPath | null {
  const written = field.text ?? field.pattern;
  if (written === null) return null;
  const isPattern = field.text === null;
  const absolute = at.host === null ? resolve(written, at.state.cwd, at.state.home) : resolve(written, null, null);
  return { path: absolute ?? written, access, isCanonical: absolute !== null, isPattern, isRecursive };
}

/** Absolute and without detours, or null where that cannot be told. */
export function resolve(path: string, cwd: string | null, home: string | null): string | null {
  let full = path;
  if (path === '~' || path.startsWith('~/')) {
    if (home === null) return null;
    full = home + path.slice(1);
  } else if (path.startsWith('~')) return null;
  if (!full.startsWith('/')) {
    if (cwd === null || full === '') return null;
    full = `${cwd}/${full}`;
  }
  const parts: string[] = [];
  for (const part of full.split('/')) {
    if (part === '' || part === '.') continue;
    // Where a link stands before it, `..` leads elsewhere: nothing is known then, and the path says so.
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}
