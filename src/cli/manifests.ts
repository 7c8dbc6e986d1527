/**
 * Finding and reading the files that `apply -f` names: files, folders, or `-` for standard input.
 *
 * Invariants: files are read in the order of their names, folders to the bottom; hidden files and links out of a folder
 * are left alone; every problem is reported with file, line and field, and nothing is sent while there is one.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, resolve as resolvePath } from 'node:path';
import {
  ApiError,
  formatProblem,
  locateProblem,
  type ManifestProblem,
  manifestSchemas,
  readManifests,
  type SourceDocument,
} from '../api/contract/index.ts';
import { cliError, reasonOf, usage } from './errors.ts';
import type { CliIo } from './io.ts';
import { manifestBytesMax, manifestFilesMax } from './limits.ts';

/** Reads everything that the paths name. Throws `cli.usage` with all problems found. */
export async function readSources(paths: readonly string[], io: CliIo): Promise<readonly SourceDocument[]> {
  const sources: SourceDocument[] = [];
  const problems: ManifestProblem[] = [];
  // What a protocol's own settings may be is the gateway's to say; the rest is checked here, before anything is sent.
  const schemas = manifestSchemas(null);
  for (const file of await filesOf(paths, io.cwd)) {
    const text = file === '-' ? await readInput(io) : await readText(file);
    const name = file === '-' ? '(standard input)' : relative(io.cwd, file) || file;
    const read = readManifests(text, name, schemas);
    problems.push(...read.problems);
    sources.push(...read.manifests.map((manifest) => manifest.source));
  }
  if (problems.length > 0) throw problemsError(problems);
  if (sources.length === 0)
    throw usage('There is no manifest in what -f names.', 'Name YAML files, or a folder that holds some.');
  return sources;
}

/** All problems as one error, each on its line. */
export function problemsError(
  problems: readonly ManifestProblem[],
  todo = 'Correct it and apply again.',
  cause?: unknown,
): Error {
  const noun = problems.length === 1 ? 'A problem' : `${problems.length} problems`;
  const what = [
    `${noun} in the manifests; nothing was changed.`,
    ...problems.map((problem) => `  ${formatProblem(problem)}`),
  ];
  return cliError('cli.usage', { what: what.join('\n'), todo }, cause);
}

type ServerProblem = ApiError['problems'][number];

/** A problem with its place; of a rule that stands in no file of these, there is none to be shown. */
function located(problem: ServerProblem, sources: readonly SourceDocument[]): ManifestProblem {
  const source = problem.document === null ? undefined : sources[problem.document];
  if (source === undefined) return { file: '(as configured)', line: 1, column: 1, field: '', message: problem.message };
  return locateProblem(source, problem);
}

/**
 * What is wrong with examples that were run: one that fails stands in the table, and its place is answered here, to be shown below.
 * Throws `cli.usage` where something else kept examples from running.
 */
export function exampleProblems(
  problems: readonly ServerProblem[],
  sources: readonly SourceDocument[],
  hasFailed: boolean,
): readonly string[] {
  const isOfExample = ({ path: [spec, examples] }: ServerProblem): boolean =>
    spec === 'spec' && examples === 'examples' && hasFailed;
  const broken = problems.filter((problem) => !isOfExample(problem));
  if (broken.length > 0) {
    throw problemsError(
      broken.map((problem) => located(problem, sources)),
      'Correct it and test again.',
    );
  }
  return problems.map((problem) => formatProblem(located(problem, sources)));
}

/** The gateway's problems with their place in the files, where they have one. */
export function placed(error: unknown, sources: readonly SourceDocument[]): unknown {
  if (!(error instanceof ApiError) || error.problems.length === 0) return error;
  const isElsewhere = error.problems.every(({ document }) => document === null);
  if (isElsewhere) return error;
  return problemsError(
    error.problems.map((problem) => located(problem, sources)),
    undefined,
    error,
  );
}

async function filesOf(paths: readonly string[], cwd: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    if (path === '-') {
      files.push(path);
      continue;
    }
    const full = resolvePath(cwd, path);
    try {
      if ((await stat(full)).isDirectory()) await walk(full, files);
      else files.push(full);
    } catch (error) {
      if (error instanceof Error && 'exit' in error) throw error;
      throw cliError('cli.no-file', { path, why: reasonOf(error) }, error);
    }
  }
  return files;
}

async function walk(directory: string, files: string[]): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await walk(path, files);
    else if (entry.isFile() && /\.(ya?ml|json)$/i.test(entry.name)) files.push(path);
    if (files.length > manifestFilesMax) {
      throw usage(
        `There are more than ${manifestFilesMax} manifest files in ${directory}.`,
        'Apply them folder by folder.',
      );
    }
  }
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > manifestBytesMax) throw cliError('cli.too-large', { what: path, bytes: manifestBytesMax });
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'exit' in error) throw error;
    throw cliError('cli.no-file', { path, why: reasonOf(error) }, error);
  }
}

async function readInput(io: CliIo): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of io.stdin) {
    const part = Buffer.from(chunk as Uint8Array | string);
    length += part.length;
    if (length > manifestBytesMax) throw cliError('cli.too-large', { what: 'Standard input', bytes: manifestBytesMax });
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
