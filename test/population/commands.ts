/**
 * Commands as the population runs them: text, what it means, and how much comes back. What each touches is made by the very function
 * that makes it in the gateway (`factsOf`), from a meaning written down here; texts are for people.
 */
import type { CommandKind, Effect, Meaning } from '../../src/core/command.ts';
import { draftToTry } from '../../src/core/command.ts';
import { type CommandFacts, factsOf } from '../../src/core/facts.ts';
import type { ShellEffect } from '../../src/core/shell-effects.ts';
import type { RelationUse } from '../../src/core/sql.ts';
import type { SqlEffect } from '../../src/core/sql-effects.ts';
import { analysis, relation, statement } from '../../src/policy/testing.ts';

export interface Ran {
  readonly kind: CommandKind;
  readonly verb: string;
  readonly text: string;
  readonly facts: CommandFacts;
  readonly effect: Effect;
  /** What comes back, at least and at most. */
  readonly rows: readonly [least: number, most: number];
  readonly bytesPerRow: number;
}

const kept = new Map<string, Ran>();

/** The same command is made once. */
function once(key: string, make: () => Omit<Ran, 'facts'> & { readonly meaning: Meaning }): Ran {
  let ran = kept.get(key);
  if (ran === undefined) {
    const { meaning, ...rest } = make();
    const facts = factsOf({ ...draftToTry(rest.text, rest.verb, meaning), kind: rest.kind });
    if (facts === null) throw new Error(`nothing is known of ${rest.text}`);
    ran = { ...rest, facts };
    kept.set(key, ran);
  }
  return ran;
}

export type Rows = readonly [least: number, most: number];

interface Sql {
  /** `read schema.table` or `write schema.table`. */
  readonly uses: readonly string[];
  readonly effects?: readonly SqlEffect[];
  readonly columns?: readonly string[];
  readonly rows?: Rows;
  readonly bytesPerRow?: number;
}

export function sql(
  text: string,
  { uses, effects = ['read'], columns = [], rows = [1, 20], bytesPerRow = 120 }: Sql,
): Ran {
  return once(`sql ${text} ${rows.join()}`, () => {
    const relations: RelationUse[] = uses.map((use) => relation(use));
    const origins = columns.map((column) => {
      const [schema = 'public', name = '', leaf = ''] = column.split('.');
      return { name: leaf, origins: [{ schema, relation: name, column: leaf }] };
    });
    const lineage = { columns: origins, steering: [], flows: [], unread: null, unresolved: null };
    const meaning: Meaning = {
      language: 'sql',
      sql: analysis(statement({ relations, effects: [...effects], lineage: lineage as never })),
    };
    const isRead = effects.every((one) => one === 'read');
    return { kind: 'sql', verb: 'query', text, meaning, effect: isRead ? 'read' : 'write', rows, bytesPerRow };
  });
}

interface Shell {
  readonly programs: readonly string[];
  readonly effects?: readonly ShellEffect[];
  readonly paths?: readonly (readonly [path: string, access: 'read' | 'write' | 'delete'])[];
  readonly host?: string;
  /** Kilobytes that come back. */
  readonly kilobytes?: Rows;
}

export function shell(
  text: string,
  { programs, effects = ['read'], paths = [], host, kilobytes = [1, 12] }: Shell,
): Ran {
  return once(`shell ${text} ${kilobytes.join()}`, () => {
    const commands = programs.map((program, index) => ({
      program,
      host: host ?? null,
      verbs: [program],
      paths: index === 0 ? paths.map(([path, access]) => ({ path, access })) : [],
    }));
    const meaning = {
      language: 'shell',
      shell: { commands, redirects: [], effects: [...effects].sort(), complete: true },
    };
    return {
      kind: 'shell',
      verb: 'line',
      text,
      meaning: meaning as unknown as Meaning,
      effect: effects.every((one) => one === 'read') ? 'read' : 'write',
      rows: kilobytes,
      bytesPerRow: -1024,
    };
  });
}

export function kubernetes(
  verb: string,
  namespace: string,
  resource: string,
  name = '',
  kilobytes: Rows = [2, 30],
): Ran {
  const text = `${verb} ${namespace}/${resource}${name === '' ? '' : `/${name}`}`;
  return once(`kubernetes ${text} ${kilobytes.join()}`, () => {
    const meaning = {
      language: 'kubernetes',
      kubernetes: { verb, namespace, resource, subresource: '', name, path: '', isResourceRequest: true },
      shell: null,
    };
    const isRead = verb === 'get' || verb === 'list';
    return {
      kind: 'kubernetes',
      verb,
      text,
      meaning: meaning as unknown as Meaning,
      effect: isRead ? 'read' : 'write',
      rows: kilobytes,
      bytesPerRow: -1024,
    };
  });
}

export function http(method: string, route: string, kilobytes: Rows = [2, 40]): Ran {
  return once(`http ${method} ${route} ${kilobytes.join()}`, () => {
    const meaning = {
      language: 'http',
      http: { method, path: route, route, grpc: null, body: { kind: 'none' } },
    };
    return {
      kind: 'http',
      verb: method,
      text: `${method} ${route}`,
      meaning: meaning as unknown as Meaning,
      effect: method === 'GET' ? 'read' : 'write',
      rows: kilobytes,
      bytesPerRow: -1024,
    };
  });
}

/** What psql and graphical clients ask when somebody looks at what there is. */
export const catalogue: readonly Ran[] = [
  ['select relname, relkind from pg_catalog.pg_class where relnamespace = 2200', 'pg_catalog.pg_class'],
  ['select attname, atttypid from pg_catalog.pg_attribute where attrelid = 16402', 'pg_catalog.pg_attribute'],
  ['select nspname from pg_catalog.pg_namespace', 'pg_catalog.pg_namespace'],
  ['select table_name, table_type from information_schema.tables', 'information_schema.tables'],
  ['select column_name, data_type from information_schema.columns', 'information_schema.columns'],
  ['select rolname, rolsuper from pg_catalog.pg_roles', 'pg_catalog.pg_roles'],
  ['select indexrelid from pg_catalog.pg_index', 'pg_catalog.pg_index'],
  ['select datname from pg_catalog.pg_database', 'pg_catalog.pg_database'],
].map(([text = '', table = '']) => sql(text, { uses: [`read ${table}`], rows: [10, 300], bytesPerRow: 60 }));
