/**
 * Reading the JSON Schema of manifests: which part of it answers for a value, what may stand at a place, how a field is called.
 *
 * Deliberately absent: validation. The gateway's dry run says what is wrong, by paths.
 */
import type { Path } from './document.ts';

export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly (string | number | boolean)[];
  readonly default?: unknown;
  readonly description?: string;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly writeOnly?: boolean;
}

export function variantsOf({ anyOf, oneOf }: Schema): readonly Schema[] | null {
  return anyOf ?? oneOf ?? null;
}

function constOf(schema: Schema | undefined): unknown {
  return schema?.const;
}

/** The schema of a manifest of this kind: of a Resource, the one of its protocol. */
export function schemaOf(all: Schema, kind: string, value: unknown): Schema | null {
  const variants = (all.anyOf ?? []).filter((one) => constOf(one.properties?.['kind']) === kind);
  if (variants.length < 2) return variants[0] ?? null;
  const protocol = read(read(value, 'spec'), 'protocol');
  const chosen = variants.find((one) => constOf(one.properties?.['spec']?.properties?.['protocol']) === protocol);
  const names = variants.map((one) => String(constOf(one.properties?.['spec']?.properties?.['protocol'])));
  return withProtocols(chosen ?? variants[0]!, names);
}

/** `protocol` as a choice of all, since it is by it that the schema is chosen. */
function withProtocols(schema: Schema, names: readonly string[]): Schema {
  const spec = schema.properties!['spec']!;
  const protocol: Schema = { type: 'string', enum: names, description: 'What the target speaks.' };
  return {
    ...schema,
    properties: { ...schema.properties, spec: { ...spec, properties: { ...spec.properties, protocol } } },
  };
}

function read(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

export function typeOf(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' && Number.isInteger(value) ? 'integer' : typeof value;
}

/** Which of several shapes a value has, as far as one can tell by looking; the first where it has none yet. */
export function indexOfVariant(variants: readonly Schema[], value: unknown): number {
  const scores = variants.map((variant) => scoreOf(variant, value));
  const best = Math.max(...scores);
  return best < 0 ? -1 : scores.indexOf(best);
}

function scoreOf(schema: Schema, value: unknown): number {
  if (schema.const !== undefined) return schema.const === value ? 3 : -1;
  if (schema.enum !== undefined) return schema.enum.includes(value as string) ? 3 : -1;
  const type = typeOf(value);
  if (schema.type !== undefined && schema.type !== type && !(schema.type === 'number' && type === 'integer')) return -1;
  if (schema.type !== 'object') return 1;
  const entries = Object.entries(value as object);
  let score = 1;
  for (const [key, inner] of entries) {
    const property = schema.properties?.[key];
    if (property === undefined) score -= 1;
    else if (property.const !== undefined) score += property.const === inner ? 5 : -5;
    else score += 1;
  }
  return score;
}

/** The schema at a path, by the values that are there. */
export function schemaAt(schema: Schema, value: unknown, path: Path): Schema | null {
  let at: Schema | undefined = schema;
  let inner = value;
  for (const step of path) {
    at = resolved(at, inner);
    if (at === undefined) return null;
    if (typeof step === 'number') at = at.items;
    else
      at = at.properties?.[step] ?? (typeof at.additionalProperties === 'object' ? at.additionalProperties : undefined);
    inner = typeof inner === 'object' && inner !== null ? (inner as Record<string | number, unknown>)[step] : undefined;
    if (at === undefined) return null;
  }
  return resolved(at, inner) ?? null;
}

function resolved(schema: Schema | undefined, value: unknown): Schema | undefined {
  if (schema === undefined) return undefined;
  const variants = variantsOf(schema);
  if (variants === null) return schema;
  const index = indexOfVariant(variants, value);
  return variants[Math.max(0, index)];
}

const spelled: Readonly<Record<string, string>> = {
  tls: 'TLS',
  ca: 'CA',
  sql: 'SQL',
  http: 'HTTP',
  ip: 'IP',
  url: 'URL',
  oauth: 'OAuth',
  aws: 'AWS',
  grpc: 'gRPC',
  graphql: 'GraphQL',
  rpc: 'RPC',
  scim: 'SCIM',
  id: 'ID',
  s3: 'S3',
  otlp: 'OTLP',
  ssh: 'SSH',
};

/** `idle_timeout`, `idleTimeout`: Idle timeout. */
export function titleOf(name: string): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[_\s-]+/)
    .map((word) => spelled[word.toLowerCase()] ?? word.toLowerCase());
  const text = words.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What a field holds when it is added. */
export function blankOf(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return structuredClone(schema.default);
  if (schema.enum !== undefined) return schema.enum[0];
  const variants = variantsOf(schema);
  if (variants !== null) return blankOf(variants[0]!);
  switch (schema.type) {
    case 'object': {
      const required = (schema.required ?? []).map((name) => [name, blankOf(schema.properties?.[name] ?? {})] as const);
      return Object.fromEntries(required);
    }
    case 'array':
      return [];
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    default:
      return '';
  }
}

export const durationPattern = /^(\d{1,6})([smhd])$/;

const spans = new Set([
  ...[
    'within',
    'after',
    'inTransaction',
    'maxDuration',
    'defaultDuration',
    'keep',
    'duration',
    'window',
    'for',
    'quiet',
  ],
  ...['lifetime', 'sessionLifetime', 'every', 'over', 'against'],
]);

/** A span of time, by its pattern or by its name. */
export function isDuration({ type, pattern = '' }: Schema, name: string): boolean {
  return type === 'string' && (pattern.endsWith('[smhd]$') || (pattern === '' && spans.has(name)));
}

export function isSecretSource({ type, properties }: Schema): boolean {
  return type === 'object' && properties?.['value']?.writeOnly === true && properties['store'] !== undefined;
}

export function isLongText({ type, maxLength, description = '' }: Schema): boolean {
  return type === 'string' && ((maxLength ?? 0) > 4_096 || /\bPEM\b/.test(description));
}
