/**
 * Checking manifests: from any value to a manifest or to a list of problems in plain words.
 *
 * Invariants: all problems are reported, not only the first; a message never repeats a value, which might be a secret
 * (A-API-06), only names of keys.
 */
import { z } from 'zod';
import { lockSchema } from './access-times.ts';
import { detectionSchema } from './detections.ts';
import { identityProviderSchema } from './identity-provider.ts';
import * as limits from './limits.ts';
import {
  accessSchema,
  certificateAuthoritySchema,
  groupSchema,
  looseResourceSchema,
  type Manifest,
  manifestKinds,
  normaliseManifest,
  type ProtocolDescription,
  principalSchema,
  resourceSchemaOf,
} from './manifest.ts';
import { legalHoldSchema, retentionSchema } from './retention.ts';
import { guardrailSchema, maskSchema } from './rules.ts';
import { searchSchema } from './search.ts';
import { sinkSchema } from './sink.ts';

export type FieldPath = readonly (string | number)[];

/** What is wrong with a field. `on` says whether the key itself is wrong or what it holds. */
export interface FieldProblem {
  readonly path: FieldPath;
  readonly on: 'key' | 'value';
  readonly message: string;
}

export interface ManifestSchemas {
  readonly protocols: readonly ProtocolDescription[] | null;
  /** The schema that a value answers to, by its kind and protocol; null where its kind is none. */
  schemaFor(value: unknown): z.ZodType | null;
  /** All kinds as one schema, for publication. */
  readonly all: z.ZodType;
}

/** The schemas of all kinds. Without `protocols` (a tool that has no server) a Resource's own settings stay unchecked. */
export function manifestSchemas(protocols: readonly ProtocolDescription[] | null): ManifestSchemas {
  const byProtocol = new Map((protocols ?? []).map((protocol) => [protocol.name, resourceSchemaOf(protocol)]));
  const loose = looseResourceSchema(protocols === null ? null : protocols.map((protocol) => protocol.name));
  const resources: z.ZodType[] = protocols === null ? [loose] : [...byProtocol.values()];
  return {
    protocols,
    all: z.union([
      ...resources,
      accessSchema,
      guardrailSchema,
      maskSchema,
      groupSchema,
      principalSchema,
      certificateAuthoritySchema,
      identityProviderSchema,
      lockSchema,
      retentionSchema,
      legalHoldSchema,
      searchSchema,
      sinkSchema,
      detectionSchema,
    ]),
    schemaFor(value) {
      switch (field(value, 'kind')) {
        case 'Resource':
          return byProtocol.get(String(field(field(value, 'spec'), 'protocol'))) ?? loose;
        case 'Access':
          return accessSchema;
        case 'Guardrail':
          return guardrailSchema;
        case 'Mask':
          return maskSchema;
        case 'Group':
          return groupSchema;
        case 'Principal':
          return principalSchema;
        case 'CertificateAuthority':
          return certificateAuthoritySchema;
        case 'IdentityProvider':
          return identityProviderSchema;
        case 'Lock':
          return lockSchema;
        case 'Retention':
          return retentionSchema;
        case 'LegalHold':
          return legalHoldSchema;
        case 'Search':
          return searchSchema;
        case 'Sink':
          return sinkSchema;
        case 'Detection':
          return detectionSchema;
        default:
          return null;
      }
    },
  };
}

export type Checked =
  | { readonly manifest: Manifest; readonly problems: readonly [] }
  | { readonly manifest: null; readonly problems: readonly FieldProblem[] };

/** Checks one document and fills in its defaults. */
export function checkManifest(value: unknown, schemas: ManifestSchemas): Checked {
  if (!isRecord(value))
    return refused([{ path: [], on: 'value', message: 'must be an object with kind, metadata and spec' }]);
  const schema = schemas.schemaFor(value);
  if (schema === null) {
    const kind = value['kind'];
    const near = typeof kind === 'string' ? nearest(kind, manifestKinds) : null;
    const message =
      kind === undefined
        ? `is required: one of ${manifestKinds.join(', ')}`
        : `must be one of: ${manifestKinds.join(', ')}${near === null ? '' : `; did you mean ${near}?`}`;
    return refused([{ path: ['kind'], on: 'value', message }]);
  }
  const result = schema.safeParse(value);
  if (!result.success) return refused(explainIssues(result.error.issues, value, schema));
  return { manifest: normaliseManifest(result.data as Manifest, schemas.protocols ?? []), problems: [] };
}

/** Zod's issues in plain words. `schema` serves the hint at what an unknown key was meant to be. */
export function explainIssues(issues: readonly z.core.$ZodIssue[], input: unknown, schema: z.ZodType): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const issue of issues) {
    if (problems.length >= limits.problemsMax) break;
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeys(schema, path);
      for (const key of issue.keys) problems.push({ path: [...path, key], on: 'key', message: unknownKey(key, known) });
    } else if (issue.code === 'invalid_key') {
      problems.push({ path, on: 'key', message: issue.issues[0]?.message ?? 'is not a valid key' });
    } else {
      problems.push({ path, on: 'value', message: explain(issue, valueAt(input, path)) });
    }
  }
  return problems;
}

/** `spec.match.principals.names[2]`. */
export function formatPath(path: FieldPath): string {
  let out = '';
  for (const step of path) {
    if (typeof step === 'number') out += `[${step}]`;
    else if (/^[A-Za-z0-9_-]+$/.test(step)) out += out === '' ? step : `.${step}`;
    else out += `[${JSON.stringify(step)}]`;
  }
  return out;
}

/** The path that `formatPath` wrote. */
export function parsePath(text: string): FieldPath {
  const path: (string | number)[] = [];
  for (const [, name, index, quoted] of text.matchAll(/([A-Za-z0-9_-]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g)) {
    path.push(
      quoted !== undefined ? String(JSON.parse(quoted)) : index !== undefined ? Number(index) : (name as string),
    );
  }
  return path;
}

function explain(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return 'is required';
      return `must be ${article(issue.expected)}, not ${article(typeName(value))}${quoteHint(issue.expected, value)}`;
    case 'invalid_value':
      if (value === undefined) return 'is required';
      return `must be ${issue.values.length === 1 ? '' : 'one of: '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      if (isOwnMessage(issue.message)) return issue.message;
      return issue.origin === 'number' || issue.origin === 'int'
        ? `must be at least ${issue.minimum}`
        : `must have at least ${issue.minimum} ${unit(issue.origin)}`;
    case 'too_big':
      if (isOwnMessage(issue.message)) return issue.message;
      return issue.origin === 'number' || issue.origin === 'int'
        ? `must be at most ${issue.maximum}`
        : `must have at most ${issue.maximum} ${unit(issue.origin)}`;
    case 'invalid_format':
      return issue.format === 'datetime' ? 'must be a moment such as 2026-01-31T12:00:00Z' : issue.message;
    default:
      return isOwnMessage(issue.message) ? issue.message : 'is not valid';
  }
}

/** Messages written in this room begin in lower case; zod's own begin with a capital. */
function isOwnMessage(message: string): boolean {
  return /^[a-z]/.test(message);
}

function quoteHint(expected: string, value: unknown): string {
  return expected === 'string' && (typeof value === 'number' || typeof value === 'boolean') ? '; put it in quotes' : '';
}

function unit(origin: string): string {
  return origin === 'string' ? 'characters' : 'entries';
}

function article(type: string): string {
  const names: Readonly<Record<string, string>> = {
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    null: 'empty',
    int: 'a whole number',
    boolean: 'true or false',
  };
  return names[type] ?? `a ${type}`;
}

function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  if (near !== null) return `unknown field; did you mean ${near}?`;
  return known.length === 0 ? 'unknown field' : `unknown field; known here: ${known.join(', ')}`;
}

/** The keys that an object may have at `path`, read off the schema. */
function knownKeys(schema: z.ZodType, path: FieldPath): readonly string[] {
  let at: z.core.$ZodType | undefined = schema;
  for (const step of path) {
    at = unwrap(at);
    const def = at?._zod.def as
      | {
          type?: string;
          shape?: Record<string, z.core.$ZodType>;
          element?: z.core.$ZodType;
          valueType?: z.core.$ZodType;
        }
      | undefined;
    if (def?.type === 'object') at = def.shape?.[String(step)];
    else if (def?.type === 'array') at = def.element;
    else if (def?.type === 'record') at = def.valueType;
    else return [];
  }
  const def = unwrap(at)?._zod.def as { type?: string; shape?: Record<string, unknown> } | undefined;
  return def?.type === 'object' ? Object.keys(def.shape ?? {}) : [];
}

function unwrap(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let at = schema;
  for (;;) {
    const inner = (at?._zod.def as { innerType?: z.core.$ZodType } | undefined)?.innerType;
    if (inner === undefined) return at;
    at = inner;
  }
}

/** The candidate within two edits (a third of the word's length at most), ignoring case; null where none is. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  if (word.length > limits.nameLengthMax) return null;
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.min(2, Math.floor(word.length / 3))) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Edits with a swap of neighbours counted as one (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, rows[i - 2]![j - 2]! + 1);
      row.push(cost);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

function refused(problems: readonly FieldProblem[]): Checked {
  return { manifest: null, problems };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function field(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function valueAt(value: unknown, path: FieldPath): unknown {
  let at = value;
  for (const step of path) {
    if (Array.isArray(at)) at = at[Number(step)];
    else at = field(at, String(step));
  }
  return at;
}
