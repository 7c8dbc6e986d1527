/**
 * `match.commands.files`: what is done to which files, put to what a transfer command does.
 *
 * Invariants:
 * - The selector is put to each operation by itself; one that matches is enough.
 * - A path that is not canonical may be any, so it is never a certain `no`. An operation on a directory that takes along
 *   what is below it (a rename) may concern what is below.
 * - A size that is not known beforehand may be any.
 * - A transfer without a meaning is `opaque`.
 *
 * Deliberately absent: files that a shell command or SQL names; these have selectors of their own.
 */
import { filesOf } from '../core/command.ts';
import { type FileOperation, type FileOperationName, fileOperations } from '../core/files.ts';
import type { CommandCondition, Facts } from './facts.ts';
import { type Fields, shownSelector } from './fields.ts';
import { both, either, type Finding, no, opaque, perhaps, yes } from './finding.ts';
import * as limits from './limits.ts';
import { compilePathGlob, type PathTest } from './path-glob.ts';

type Part = (operation: FileOperation) => Finding;

const fileFields = ['operations', 'direction', 'paths', 'sizeMin', 'uncertain'] as const;
const operationNames = Object.keys(fileOperations) as FileOperationName[];

export function compileFiles(fields: Fields, path: string, value: unknown): CommandCondition {
  const given = fields.object(path, value, fileFields);
  const parts: Part[] = [];
  const operations = fields.choices(`${path}.operations`, given.operations, operationNames);
  if (operations !== null) {
    const wanted = new Set<string>(operations);
    parts.push(({ operation }) => (wanted.has(operation) ? yes : no));
  }
  if (given.direction !== undefined) {
    const wanted = fields.choice(`${path}.direction`, given.direction, ['upload', 'download']);
    parts.push(({ direction }) => (direction === wanted ? yes : no));
  }
  const sizeMin = fields.number(`${path}.sizeMin`, given.sizeMin, 1);
  if (sizeMin !== null) parts.push(sizePart(sizeMin));
  const globs = pathTests(fields, `${path}.paths`, given.paths);
  if (globs !== null) parts.push(pathsPart(globs));
  if (parts.length === 0) throw fields.fault(path, 'this selects nothing in particular; name operations, paths, …');
  const ignores = fields.ignoresUncertain(path, given.uncertain);
  return {
    name: path,
    isVolatile: true,
    needsStructure: false,
    steps: (globs?.length ?? 0) * limits.wildcardSteps,
    test: (facts) => {
      const found = test(parts, facts);
      return ignores ? found & ~perhaps : found;
    },
    because: (facts) => `${spell(facts)}; it asks for ${shownSelector(value)}`,
  };
}

function test(parts: readonly Part[], { command }: Facts): Finding {
  if (command.kind !== 'transfer') return no;
  const files = filesOf(command.meaning);
  if (files === null) return opaque;
  // What is at the other end of a pipe or a device is not known.
  let found: Finding = files.complete ? no : perhaps;
  for (const operation of files.operations) {
    let one: Finding = yes;
    for (const part of parts) {
      one = both(one, part(operation));
      if (one === no) break;
    }
    found = either(found, one);
    if (found === yes) break;
  }
  return found;
}

function sizePart(sizeMin: number): Part {
  return ({ sizeBytes, direction }) => {
    if (sizeBytes !== null) return sizeBytes >= sizeMin ? yes : no;
    // Only content that passes has a size that could turn out to be large.
    return direction === null ? no : perhaps;
  };
}

function pathsPart(globs: readonly PathTest[]): Part {
  return ({ path, target, canonical, tree }) => {
    let found: Finding = canonical ? no : perhaps;
    for (const one of target === null ? [path] : [path, target]) {
      for (const glob of globs) {
        const { is, mayBeBelow } = glob(one.raw);
        if (is) return yes;
        if (tree && mayBeBelow) found = perhaps;
      }
    }
    return found;
  };
}

function pathTests(fields: Fields, path: string, value: unknown): PathTest[] | null {
  const patterns = fields.list(path, value);
  if (patterns === null) return null;
  return patterns.map((pattern, index) => {
    const glob = compilePathGlob(pattern);
    if (glob === null) throw fields.fault(`${path}[${index}]`, 'this is no pattern of paths');
    return glob;
  });
}

function spell({ command }: Facts): string {
  if (command.kind !== 'transfer') return `the command is of kind ${command.kind}`;
  const files = filesOf(command.meaning);
  if (files === null) return 'what the transfer does is not known';
  const shown = files.operations.slice(0, limits.explainedEntriesMax).map(({ operation, path, target, canonical }) => {
    const to = target === null ? '' : ` to ${target.shown}`;
    return `${operation} ${path.shown}${to}${canonical ? '' : ' (the path may lead somewhere else)'}`;
  });
  const rest = files.operations.length - shown.length;
  return `it does ${shown.join(', ') || 'nothing'}${rest > 0 ? ` and ${rest} more` : ''}`;
}
