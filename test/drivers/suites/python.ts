/** Python environments for suites, below the cache; one for each driver. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory, executeOk } from '../suite.ts';

/** Makes (once) an environment with exactly these packages and answers the path of its interpreter. */
export async function pythonWith(name: string, packages: readonly string[]): Promise<string> {
  const directory = join(cacheDirectory, name, 'venv');
  const python = join(directory, 'bin/python');
  const mark = join(directory, 'packages');
  const list = packages.join('\n');
  if (existsSync(mark) && (await readFile(mark, 'utf8')) === list) return python;
  await mkdir(directory, { recursive: true });
  await executeOk('python3', ['-m', 'venv', '--clear', directory]);
  await executeOk(python, ['-m', 'pip', 'install', '--quiet', ...packages], { deadlineMs: 300_000 });
  await writeFile(mark, list);
  return python;
}
