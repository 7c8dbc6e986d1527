/** What the tests of this room share: principals, resources, and lineage written short. */
import type { CellContext, ValueMask } from '../core/masking.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { MaskSpec } from '../core/rules.ts';
import type {
  Analysis,
  ColumnOrigin,
  RelationUse,
  ResultColumn,
  StatementAnalysis,
  StatementLineage,
} from '../core/sql.ts';
import { compileMasks } from './masks.ts';
import type { MaskSet } from './plan.ts';

export const hashKey = Buffer.alloc(32, 7);

export function principal(name = 'engineer', groups: readonly string[] = ['engineering']): Principal {
  return {
    id: `id-${name}`,
    issuer: 'local',
    subject: name,
    name,
    kind: 'person',
    groups,
    roles: ['member'],
    authentication: { method: 'token', credentialId: null, atMs: 0 },
  };
}

export function resource(name = 'orders', labels: Readonly<Record<string, string>> = { env: 'prod' }): Resource {
  return {
    id: `id-${name}`,
    name,
    labels,
    protocol: 'postgres',
    host: 'db.internal',
    port: 5432,
    tls: { mode: 'disable', ca: null, serverName: null },
    credential: null,
    recording: 'strict',
    settings: {},
  };
}

/** The set of masks in force with these specs, named `a`, `b`, … */
export function maskSet(...specs: readonly Partial<MaskSpec>[]): MaskSet {
  const objects = specs.map((spec, index) => ({ name: String.fromCharCode(97 + index), spec: { match: {}, ...spec } }));
  const set = compileMasks(objects, { hashKey }).for(principal(), resource());
  if (set === null) throw new Error('no mask is in force');
  return set;
}

/** The mask for values of unknown origin: that of the detectors, or redact. */
export function valueMask(spec: Partial<MaskSpec>): ValueMask {
  const { output } = maskSet(spec).plan(null);
  if (output === null) throw new Error('blocked');
  return output.otherwise;
}

/** The mask of a column by `with`. */
export function columnMask(method: MaskSpec['with']): ValueMask {
  const spec: Partial<MaskSpec> = { columns: ['s.t.c'], ...(method === undefined ? {} : { with: method }) };
  return maskSet(spec).column('s', 't', 'c')!;
}

export function cell(
  type: CellContext['type'] = 'text',
  column = 'note',
  charactersMax: number | null = null,
): CellContext {
  return { type, column, charactersMax };
}

export function apply(mask: ValueMask, value: string, context: CellContext = cell()): string | null {
  return mask.apply(Buffer.from(value), context)?.toString() ?? null;
}

/** Puts `value` through a stream in pieces of `size` bytes. */
export function stream(mask: ValueMask, value: Buffer, context: CellContext, size: number): Buffer {
  const masker = mask.stream(context);
  const out: Buffer[] = [];
  for (let at = 0; at < value.length; at += size) {
    out.push(Buffer.from(masker.push(Buffer.from(value.subarray(at, at + size)), false)));
  }
  out.push(Buffer.from(masker.push(Buffer.alloc(0), true)));
  return Buffer.concat(out);
}

export function origin(text: string): ColumnOrigin {
  const [schema, relation, column] = text.split('.') as [string, string, string];
  return { schema, relation, column };
}

/** A result column: `direct` where it has one origin, unless said otherwise. */
export function column(name: string, origins: readonly string[], more: Partial<ResultColumn> = {}): ResultColumn {
  return { name, origins: origins.map(origin), direct: origins.length === 1, unresolved: null, ...more };
}

export function statement(
  lineage: Partial<StatementLineage>,
  more: Partial<StatementAnalysis> = {},
): StatementAnalysis {
  return {
    start: 0,
    end: 10,
    kind: 'select',
    effects: ['read'],
    relations: [],
    functions: [],
    operators: [],
    conditions: [],
    lineage: { columns: null, steering: [], flows: [], unread: null, unresolved: null, ...lineage },
    parameters: [],
    settings: [],
    complete: true,
    reasons: [],
    obstacles: [],
    rowEstimate: null,
    ...more,
  };
}

export function analysis(...statements: readonly StatementAnalysis[]): Analysis {
  return {
    textBytes: 10,
    statements,
    effects: [...new Set(statements.flatMap(({ effects }) => effects))].sort(),
    complete: true,
    understood: true,
    reasons: [],
    unparsed: null,
    sessionDependent: false,
  };
}

export function use(
  text: string,
  access: 'read' | 'write' = 'read',
  columns: readonly string[] | null = null,
): RelationUse {
  const [schema, name] = text.split('.') as [string, string];
  return { name, schema: null, access, via: 'text', candidates: [{ schema, name, oid: 1, kind: 'r' }], columns };
}
