/**
 * Reading manifests from YAML: several documents per file, each with a map from field to line and column.
 *
 * Invariants:
 * - Size and depth are bounded before anything recursive runs; aliases, anchors and tags of its own are refused, so
 *   that a small file cannot become a large value.
 * - All problems of a file are reported, each with file, line, column and field.
 *
 * Deliberately absent: reading files, and sending anything. YAML 1.2 core schema; JSON is a subset.
 */
import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Parser,
  stringify,
} from 'yaml';
import * as limits from './limits.ts';
import type { Manifest } from './manifest.ts';
import { utf8Length } from './names.ts';
import { checkManifest, type FieldPath, type FieldProblem, formatPath, type ManifestSchemas } from './validate.ts';

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
}

/** A problem as a person can find it. */
export interface ManifestProblem extends Position {
  readonly file: string;
  /** `spec.tls.mode`, or empty where it concerns the whole document. */
  readonly field: string;
  readonly message: string;
}

/** One document of a file: its value, and where its fields stand. */
export interface SourceDocument {
  readonly file: string;
  readonly value: unknown;
  /** Where a field stands; the nearest field around it where it is missing. */
  locate(path: FieldPath, on: 'key' | 'value'): Position;
}

export interface Documents {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly ManifestProblem[];
}

/** Takes a file apart. Documents with problems of syntax are left out of `documents`; empty ones are skipped. */
export function readDocuments(text: string, file: string): Documents {
  const lines = new LineCounter();
  const problems: ManifestProblem[] = [];
  const report = (offset: number, field: string, message: string): void => {
    if (problems.length < limits.problemsMax) problems.push({ file, ...positionOf(lines, offset), field, message });
  };
  if (utf8Length(text) > limits.manifestBytesMax) {
    report(0, '', `the file is longer than ${limits.manifestBytesMax} bytes; split it`);
    return { documents: [], problems };
  }
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const deep = tooDeep(tokens);
  if (deep !== null) {
    report(deep, '', `nested deeper than ${limits.documentDepthMax} levels`);
    return { documents: [], problems };
  }
  const documents: SourceDocument[] = [];
  let count = 0;
  for (const document of new Composer({ uniqueKeys: true, prettyErrors: false }).compose(tokens)) {
    count++;
    if (count > limits.documentsMax) {
      report(document.range[0], '', `more than ${limits.documentsMax} documents in one file`);
      break;
    }
    const before = problems.length;
    for (const error of [...document.errors, ...document.warnings])
      report(error.pos[0], '', plainSyntax(error.code, error.message));
    if (document.contents === null) continue;
    const value = build(document.contents, [], report);
    if (problems.length > before || value === null) continue;
    documents.push({ file, value, locate: (path, on) => positionOf(lines, offsetOf(document, path, on)) });
  }
  return { documents, problems };
}

export interface CheckedDocument {
  readonly source: SourceDocument;
  readonly manifest: Manifest;
}

/** Reads and checks a file. `schemas` without protocols leaves the settings of resources to the server. */
export function readManifests(
  text: string,
  file: string,
  schemas: ManifestSchemas,
): { readonly manifests: readonly CheckedDocument[]; readonly problems: readonly ManifestProblem[] } {
  const { documents, problems: syntax } = readDocuments(text, file);
  const problems = [...syntax];
  const manifests: CheckedDocument[] = [];
  for (const source of documents) {
    const checked = checkManifest(source.value, schemas);
    if (checked.manifest !== null) manifests.push({ source, manifest: checked.manifest });
    problems.push(...checked.problems.map((problem) => locateProblem(source, problem)));
  }
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  return { manifests, problems: problems.slice(0, limits.problemsMax) };
}

/** Gives a field problem (the server's, say) its place in the file. */
export function locateProblem(source: SourceDocument, problem: FieldProblem): ManifestProblem {
  return {
    file: source.file,
    ...source.locate(problem.path, problem.on),
    field: formatPath(problem.path),
    message: problem.message,
  };
}

/** `orders.yaml:7:5: spec.tls.mod: unknown field; did you mean mode?` */
export function formatProblem(problem: ManifestProblem): string {
  const field = problem.field === '' ? '' : `${problem.field}: `;
  return `${problem.file}:${problem.line}:${problem.column}: ${field}${problem.message}`;
}

/** Manifests as YAML, several documents where there are several. */
export function formatManifests(manifests: readonly unknown[]): string {
  return manifests.map((manifest) => stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
}

type Report = (offset: number, field: string, message: string) => void;

/** The plain value of a node. Depth was bounded before. */
function build(node: Node, path: FieldPath, report: Report): unknown {
  const at = node.range?.[0] ?? 0;
  if (isAlias(node)) {
    report(at, formatPath(path), 'aliases are not supported; write the value out');
    return null;
  }
  if (node.anchor !== undefined) report(at, formatPath(path), 'anchors are not supported; write the value out');
  if (isScalar(node)) {
    if (node.tag !== undefined && !plainTags.has(node.tag)) report(at, formatPath(path), 'tags are not supported');
    return node.value;
  }
  if (isSeq(node)) return node.items.map((item, index) => build(item as Node, [...path, index], report));
  if (!isMap(node)) {
    report(at, formatPath(path), 'is not a value');
    return null;
  }
  const out: Record<string, unknown> = {};
  for (const pair of node.items) {
    const key = isScalar(pair.key) ? pair.key.value : null;
    const keyAt = (pair.key as Node | null)?.range?.[0] ?? at;
    if (typeof key !== 'string') {
      report(keyAt, formatPath(path), 'a key must be text; put it in quotes');
    } else if (key === '__proto__') {
      report(keyAt, formatPath([...path, key]), 'unknown field');
    } else {
      out[key] = pair.value === null ? null : build(pair.value as Node, [...path, key], report);
    }
  }
  return out;
}

const plainTags = new Set(['str', 'int', 'float', 'bool', 'null'].map((name) => `tag:yaml.org,2002:${name}`));

/** Offset of the first token nested too deep, or null. Walks with a stack of its own, never by recursion. */
function tooDeep(tokens: readonly CST.Token[]): number | null {
  const stack: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { token, depth } = entry;
    if (depth > limits.documentDepthMax) return token.offset;
    if (token.type === 'document') {
      if (token.value) stack.push({ token: token.value, depth });
    } else if (token.type === 'block-map' || token.type === 'block-seq' || token.type === 'flow-collection') {
      for (const item of token.items) {
        if (item.key) stack.push({ token: item.key, depth: depth + 1 });
        if (item.value) stack.push({ token: item.value, depth: depth + 1 });
      }
    }
  }
  return null;
}

function offsetOf(document: Document.Parsed, path: FieldPath, on: 'key' | 'value'): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const isLast = depth === path.length - 1;
    if (isSeq(node)) {
      const item = node.items[Number(step)] as Node | undefined;
      if (item === undefined) return offset;
      node = item;
      offset = item.range?.[0] ?? offset;
      continue;
    }
    if (!isMap(node)) return offset;
    const pair = node.items.find((candidate) => isScalar(candidate.key) && candidate.key.value === String(step));
    if (pair === undefined) return offset;
    const keyAt = (pair.key as Node).range?.[0] ?? offset;
    const value = pair.value as Node | null;
    offset = isLast && on === 'value' ? (value?.range?.[0] ?? keyAt) : keyAt;
    node = value;
  }
  return offset;
}

function positionOf(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function plainSyntax(code: string, message: string): string {
  const plain: Readonly<Record<string, string>> = {
    DUPLICATE_KEY: 'this field is given twice',
    TAB_AS_INDENT: 'a tab cannot indent; use spaces',
    TAG_RESOLVE_FAILED: 'tags are not supported',
  };
  return plain[code] ?? `not valid YAML: ${message.split('\n')[0]}`;
}
