/**
 * Checkpoints that were kept elsewhere, read for a verification: files that hold one or more of them, and folders of such
 * files, in which those of several journals may lie.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Witness } from '../recording/index.ts';

export interface Witnessed {
  readonly witnesses: readonly Witness[];
  /** Files of folders that hold no checkpoint; names are relative to where they were looked for. */
  readonly others: readonly string[];
}

/** Rejects where a path cannot be read. */
export async function readWitnesses(paths: readonly string[]): Promise<Witnessed> {
  const witnesses: Witness[] = [];
  const others: string[] = [];
  for (const path of paths) {
    if (!(await stat(path)).isDirectory()) {
      witnesses.push({ name: `the witness ${path}`, text: await readFile(path, 'utf8') });
      continue;
    }
    const entries = await readdir(path, { withFileTypes: true, recursive: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    for (const file of files.sort()) {
      const text = await readFile(file, 'utf8');
      if (text.startsWith('sallyport.journal/')) witnesses.push({ name: `the witness ${file}`, text, isShared: true });
      else others.push(file);
    }
  }
  return { witnesses, others };
}
