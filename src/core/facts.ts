/**
 * What a command touches, in one form for all languages: what stands in its intent beside the text, so that the journal by
 * itself says which tables, columns, paths, hosts and objects were read or written, and the index, detections and sinks
 * need no analysis of their own.
 *
 * Invariants:
 * - Said of the meaning that was judged, never read from the text.
 * - `complete` is false, or `cut` is set, wherever it may touch more than stands here: a search that must be certain asks
 *   for those as well.
 * - Nothing that was taken out of the recorded text stands here (A-REC-05): of a shell text with passwords in it, only words that its
 *   recorded text still has. In other languages a name is never a value.
 * - Bounded: at most `touchesMax` entries of at most `touchNameMax` characters.
 *
 * Deliberately absent: values. Names only; a path or a host is a name.
 */
import { createHash } from 'node:crypto';
import type { CommandDraft, Meaning } from './command.ts';
import type { FileOperation } from './files.ts';
import { fileOperations } from './files.ts';
import { touchesMax, touchNameMax } from './limits.ts';
import type { ColumnOrigin, RelationUse, StatementAnalysis } from './sql.ts';

/**
 * `table`: `schema.name`. `column`: `schema.table.column`. `function`: `schema.name`. `path`: of a file. `program`: its name.
 * `host`: another machine, a container or where a connection ends (`host:port`). `object`: of Kubernetes,
 * `namespace/resource/name` with `-` for what does not apply. `route`: `METHOD /template` of HTTP, or
 * `package.Service/Method`. `operation`: a field of GraphQL, or a method of JSON-RPC: what a tool call is.
 */
export const touchKinds = [
  'table',
  'column',
  'function',
  'path',
  'program',
  'host',
  'object',
  'route',
  'operation',
] as const;
export type TouchKind = (typeof touchKinds)[number];

/**
 * `read`: its content comes back, whole or computed from. `steer`: it decides what comes back, and does not itself. `flow`: its
 * values go elsewhere than into the result. `use`: it is called, run or connected to.
 */
export const touchAccesses = ['read', 'steer', 'flow', 'write', 'delete', 'use', 'unknown'] as const;
export type TouchAccess = (typeof touchAccesses)[number];

export type Touch = readonly [kind: TouchKind, access: TouchAccess, name: string];

export interface CommandFacts {
  /** Commands that differ only in constants share it: 16 hexadecimal digits. */
  readonly fingerprint: string;
  /** Effects in the words of the language (`drop`, `read`, `network`, `delete`), sorted. */
  readonly effects: readonly string[];
  readonly touches: readonly Touch[];
  /** False: it may touch, or do, more than stands here. */
  readonly complete: boolean;
  /** There was more than fits. */
  readonly cut?: true;
}

const kept = new WeakMap<Meaning, CommandFacts>();

/** The facts of a command; null where nothing is known of it but its text. Kept as long as its meaning is. */
export function factsOf(draft: CommandDraft): CommandFacts | null {
  const { meaning } = draft;
  if (meaning === null) return null;
  let facts = kept.get(meaning);
  if (facts === undefined) {
    facts = Object.freeze(gather(meaning, draft));
    kept.set(meaning, facts);
  }
  return facts;
}

class Touches {
  readonly #seen = new Map<string, Touch>();
  isCut = false;

  add(kind: TouchKind, access: TouchAccess, name: string): void {
    if (name === '') return;
    const short = name.length > touchNameMax ? name.slice(0, touchNameMax) : name;
    const key = `${kind} ${access} ${short}`;
    if (short !== name) this.isCut = true;
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= touchesMax) this.isCut = true;
    else this.#seen.set(key, [kind, access, short]);
  }

  get all(): readonly Touch[] {
    return [...this.#seen.values()];
  }
}

function gather(meaning: Meaning, draft: CommandDraft): CommandFacts {
  const touches = new Touches();
  const { effects, complete, shape } = describe(meaning, draft, touches);
  const fingerprint = createHash('sha256').update(`${draft.kind}\0${shape}`).digest('hex').slice(0, 16);
  return {
    fingerprint,
    effects: [...new Set(effects)].sort(),
    touches: touches.all,
    complete,
    ...(touches.isCut ? { cut: true as const } : {}),
  };
}

interface Description {
  readonly effects: readonly string[];
  readonly complete: boolean;
  /** The text without its constants. */
  readonly shape: string;
}

function describe(meaning: Meaning, draft: CommandDraft, touches: Touches): Description {
  const { text, recordedText, verb } = draft;
  const recorded = recordedText === text ? null : recordedText;
  switch (meaning.language) {
    case 'sql': {
      const { sql } = meaning;
      for (const statement of sql.statements) ofStatement(statement, touches);
      return { effects: sql.effects, complete: sql.complete, shape: withoutConstants(recordedText) };
    }
    case 'shell':
      return ofShell(meaning.shell, touches, recorded);
    case 'file':
      for (const operation of meaning.file.operations) ofFile(operation, touches);
      return {
        effects: meaning.file.operations.map(({ operation }) => operation),
        complete: meaning.file.complete,
        shape: `${verb} ${meaning.file.operations.map(({ operation }) => operation).join(' ')}`,
      };
    case 'connection': {
      const { kind, direction, host, port, path } = meaning.connection;
      touches.add('host', 'use', host === null ? (path ?? kind) : `${host}:${port ?? 0}`);
      return { effects: [direction], complete: true, shape: `${kind} ${direction}` };
    }
    case 'http':
      return ofHttp(meaning.http, touches);
    case 'kubernetes': {
      const { verb: asked, namespace, resource, subresource, name, path, isResourceRequest } = meaning.kubernetes;
      const what = subresource === '' ? resource : `${resource}/${subresource}`;
      const object = isResourceRequest ? `${namespace || '-'}/${what}/${name || '-'}` : path;
      touches.add(isResourceRequest ? 'object' : 'route', accessOfVerb(asked), object);
      const shell = meaning.shell === null ? null : ofShell(meaning.shell, touches, recorded);
      return {
        effects: [asked, ...(shell?.effects ?? [])],
        complete: shell?.complete ?? true,
        shape: `${asked} ${what} ${shell?.shape ?? ''}`,
      };
    }
  }
}

function ofStatement(statement: StatementAnalysis, touches: Touches): void {
  // Columns first: of a long statement they are what a search asks for.
  const { lineage } = statement;
  for (const column of lineage.columns ?? []) {
    for (const origin of column.origins) touches.add('column', 'read', columnName(origin));
  }
  for (const { origin } of lineage.flows) touches.add('column', 'flow', columnName(origin));
  for (const { origin } of lineage.steering) touches.add('column', 'steer', columnName(origin));
  for (const use of statement.relations) {
    for (const name of relationNames(use)) {
      touches.add('table', use.access, name);
      if (use.access === 'write') {
        for (const column of use.columns ?? []) touches.add('column', 'write', `${name}.${column}`);
      }
    }
  }
  for (const { schema, name, builtIn } of statement.functions) {
    if (builtIn !== 'yes') touches.add('function', 'use', schema === null ? name : `${schema}.${name}`);
  }
}

function columnName({ schema, relation, column }: ColumnOrigin): string {
  return `${schema}.${relation}.${column}`;
}

function relationNames({ name, schema, candidates }: RelationUse): readonly string[] {
  if (candidates.length > 0) return candidates.map((one) => `${one.schema}.${one.name}`);
  return [schema === null ? name : `${schema}.${name}`];
}

const shellAccesses: Readonly<Record<string, TouchAccess>> = {
  read: 'read',
  write: 'write',
  delete: 'delete',
  execute: 'use',
};

/** `recorded`: what is recorded in place of the text, where passwords were taken out of it; null where it is the text. */
function ofShell(
  shell: Extract<Meaning, { language: 'shell' }>['shell'],
  touches: Touches,
  recorded: string | null,
): Description {
  const words: string[] = [];
  const told = (word: string): string => {
    if (recorded === null || recorded.includes(word)) return word;
    touches.isCut = true;
    return '';
  };
  for (const { program, host, paths, verbs } of shell.commands) {
    touches.add('program', 'use', told(program ?? ''));
    touches.add('host', 'use', told(host ?? ''));
    for (const { path, access } of paths) touches.add('path', shellAccesses[access] ?? 'unknown', told(path));
    words.push(told(verbs[0] ?? program ?? '') || '?');
  }
  for (const { path, host } of shell.redirects) {
    touches.add('host', 'use', told(host ?? ''));
    if (path !== null) touches.add('path', shellAccesses[path.access] ?? 'unknown', told(path.path));
  }
  return { effects: shell.effects, complete: shell.complete, shape: words.join(' | ') };
}

function ofFile({ operation, path, target }: FileOperation, touches: Touches): void {
  const access = operation === 'remove' || operation === 'rmdir' ? 'delete' : fileOperations[operation].effect;
  touches.add('path', access, path.shown);
  if (target !== null) touches.add('path', fileOperations[operation].effect, target.shown);
}

function ofHttp(http: Extract<Meaning, { language: 'http' }>['http'], touches: Touches): Description {
  const { method, path, route, grpc, body } = http;
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  const place = grpc ?? `${method} ${route ?? withoutIds(path)}`;
  touches.add('route', isRead && grpc === null ? 'read' : 'write', place);
  touches.add('path', isRead ? 'read' : 'write', path);
  const inBody = body.kind === 'json' ? body : null;
  const elsewhere = http.graphql === undefined || http.graphql === 'unread' ? [] : http.graphql;
  for (const { operation, fields } of [...(inBody?.graphql ?? []), ...elsewhere]) {
    for (const field of fields) touches.add('operation', operation === 'mutation' ? 'write' : 'read', field);
  }
  for (const call of inBody?.rpc ?? []) touches.add('operation', 'use', call);
  const complete = body.kind !== 'unread' && http.graphql !== 'unread' && inBody?.unknown === undefined;
  return { effects: [isRead ? 'read' : 'write'], complete, shape: place };
}

function accessOfVerb(verb: string): TouchAccess {
  if (verb === 'get' || verb === 'list' || verb === 'watch') return 'read';
  if (verb === 'delete' || verb === 'deletecollection') return 'delete';
  if (verb === 'connect' || verb === 'proxy') return 'use';
  return 'write';
}

/** A path whose changing parts (numbers, UUIDs, long hexadecimal) are left out. */
function withoutIds(path: string): string {
  return path.replace(/\/(?:\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,})(?=\/|$)/gi, '/{}');
}

/** A SQL text without comments, constants and spacing: for a fingerprint, where being wrong costs a finer grain and no more. */
function withoutConstants(text: string): string {
  return text
    .slice(0, 64 * 1024)
    .replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
    .replace(/'(?:[^']|'')*'|\$(\w*)\$[\s\S]*?\$\1\$|\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b|\$\d+/gi, '?')
    .replace(/\s*,\s*\?(?=\s*[,)])/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .toLowerCase();
}
