/** The catalog's queries and decoder against real servers, and the literal tables against what the servers have. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { debianBinaries } from '../../../test/servers/postgres.ts';
import { catalogNamesMax, catalogTextsMax } from '../limits.ts';
import { handlers } from './analyse.ts';
import { openDatabase, type TestDatabase } from './fixtures/server.ts';
import { convertingFunctions, dynamicFunctions, functionEffects, harmlessFunctions } from './functions.ts';
import { grammar } from './grammar.ts';
import {
  BuiltIns,
  builtInFunctionsQuery,
  type CatalogResults,
  type CatalogRow,
  catalogQueries,
  catalogVersionQuery,
  decodeCatalog,
  loadCatalog,
  statementKinds,
} from './index.ts';

const builds = debianBinaries() === null ? (['npm'] as const) : (['debian', 'npm'] as const);

describe.each(builds)('on a server (%s)', (build) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openDatabase(undefined, build);
  });
  afterAll(() => database.stop());

  it('the facts have what the database has', async () => {
    const { catalog } = await database.context();
    const relation = (name: string) => catalog!.named.get(name)!.find((one) => one.schema === 'public')!;
    expect(relation('customers').columns.map((column) => column.name)).toEqual(['id', 'name', 'email', 'card', 'born']);
    expect(relation('customers').columns[0]).toEqual({
      name: 'id',
      attnum: 1,
      type: 'safe',
      isArray: false,
      notNull: true,
      isVirtual: false,
      generation: null,
    });
    expect(relation('customers').referencedBy).toEqual([{ oid: relation('orders').oid, onDelete: 'c', onUpdate: 'c' }]);
    expect(relation('parts')).toMatchObject({
      kind: 'p',
      children: [relation('parts_eu').oid, relation('parts_us').oid],
    });
    expect(relation('watched').hasTriggers).toBe(true);
    expect(relation('orders').hasTriggers).toBe(false);
    expect(relation('ruled').hasRules).toBe(true);
    expect(relation('secured').hasRowSecurity).toBe(true);
    expect(relation('simple').viewDefinition).toContain('FROM public.customers');
    expect(relation('typed').columns.map((column) => column.type)).toEqual([
      ...['safe', 'safe', 'domain', 'other', 'safe', 'safe'],
    ]);
    expect(relation('orders').defaults.join()).toContain("nextval('public.orders_id_seq'");
    expect(relation('plain').expressions.join()).toContain('lower');
    expect(relation('generated').expressions.join()).toContain('a * 2');
    expect(relation('notes').sequences).toEqual([relation('notes_id_seq').oid]);
    expect(catalog!.userFunctions.get('writes')).toEqual([
      { schema: 'public', volatility: 'volatile', takesBuiltIn: true, isUnary: true, code: 'other', outputs: [] },
    ]);
    expect(relation('generated').columns[1]!.generation).toBe('(a * 2)');
    expect(catalog!.builtInOutputs.get('lower')).toEqual(null);
    expect(catalog!.builtInOutputs.get('generate_series')).toEqual([]);
    expect(catalog!.builtInOutputs.get('jsonb_each')).toEqual(['key', 'value']);
    expect(catalog!.builtInOutputs.get('jsonb_array_elements')).toEqual(['value']);
    expect(catalog!.builtInOutputs.get('unnest')).toBeNull();
    expect(catalog!.userFunctions.get('attr')?.[0]).toMatchObject({ takesBuiltIn: false });
    expect(catalog!.userOperators.get('=')).toEqual([
      { schema: 'other', takesBuiltIn: true, isNative: false, isComputing: false },
    ]);
    expect(catalog!.userTypes.get('mood')).toEqual([{ schema: 'public', kind: 'enum' }]);
    expect(catalog!.userTypes.get('short')).toEqual([{ schema: 'public', kind: 'domain' }]);
    expect(catalog!.builtInFunctions.get('lower')).toBe('immutable');
    expect(catalog!.builtInFunctions.get('now')).toBe('stable');
    expect(catalog!.builtInFunctions.get('random')).toBe('volatile');
    expect(catalog).toMatchObject({
      hasUserCasts: false,
      hasCastsToUserTypes: false,
      hasEventTriggers: false,
      hasDomains: true,
    });
  });

  it('every volatile built-in function is classified', async () => {
    const rows = await database.ask(`select distinct proname from pg_proc where oid < 16384 and provolatile = 'v'
      and pronamespace = 'pg_catalog'::regnamespace and prokind <> 'p' and not 'internal'::regtype = any (proargtypes)
      and prorettype::regtype::text not in ('trigger', 'event_trigger', 'language_handler', 'fdw_handler', 'index_am_handler', 'table_am_handler', 'tsm_handler')`);
    const missing = rows
      .map(([name]) => name!)
      .filter((name) => !functionEffects.has(name) && !dynamicFunctions.has(name) && !harmlessFunctions.has(name));
    expect(missing).toEqual([]);
    for (const name of convertingFunctions) expect(harmlessFunctions.has(name)).toBe(false);
  });

  it.each([
    ['create table fresh (id int)', true],
    ['alter table plain add column extra int', true],
    ['create or replace function pure(x int) returns int language sql immutable as $$ select 2 $$', true],
    ['alter function pure(int) volatile', true],
    ['create or replace view simple as select id, name from customers where id > 1', true],
    ['create operator public.=== (leftarg = int, rightarg = int, function = writes2)', true],
    ['create cast (int as mood) with inout as implicit', true],
    ['create trigger extra after insert on plain for each row execute function logged()', true],
    ['alter table plain enable row level security', true],
    ['create policy extra on plain using (true)', true],
    ['create rule extra as on insert to plain do nothing', true],
    ['alter table plain alter column v set default 5', true],
    ['alter table plain add check (v < 1000)', true],
    ['create index on plain ((v + 1))', true],
    ['create schema extra', true],
    ['create statistics extra on (v + 1), (v + 2) from plain', true],
    ['alter type mood rename to feeling', true],
    ['create domain extra as int', true],
    ['alter table parts detach partition parts_eu', true],
    ['create event trigger extra on ddl_command_end execute function extra_event()', true],
    ['insert into plain values (77, 7)', false],
    ['create temp table mine (id int)', false],
    ['create temp view mine as select 1', false],
    ['create temp table mine (id serial primary key check (id > 0), v int default 1)', false],
    ['set search_path = other', false],
    ["select nextval('loose')", false],
    ['analyze customers', false],
  ])('the version tells: %s', async (sql, changes) => {
    const version = async () => (await database.ask(catalogVersionQuery))[0]![0];
    await database.run(
      "create or replace function extra_event() returns event_trigger language plpgsql as 'begin end'",
    );
    const before = await version();
    await database.run('begin');
    let after: string | null | undefined;
    try {
      await database.run(sql);
      after = await version();
    } finally {
      await database.run('rollback');
    }
    expect(after !== before).toBe(changes);
    expect(await version()).toBe(before);
  });

  it('what is built in is loaded once, and anew when it has changed', async () => {
    const builtIns = new BuiltIns();
    const asked: string[] = [];
    const load = async (): Promise<unknown> => {
      const { facts } = await loadCatalog((sql) => {
        if (sql === builtInFunctionsQuery) asked.push(sql);
        // Within the transaction that makes the change.
        return /^(BEGIN|ROLLBACK)/.test(sql) ? Promise.resolve([]) : database.ask(sql);
      }, builtIns);
      return facts?.builtInFunctions.get('lower');
    };
    expect(await load()).toBe('immutable');
    expect(await load()).toBe('immutable');
    expect(asked.length).toBe(1);
    await database.run('begin; alter function pg_catalog.lower(text) volatile');
    try {
      expect(await load()).toBe('volatile');
    } finally {
      await database.run('rollback');
    }
    expect(await load()).toBe('immutable');
    expect(asked.length).toBe(3);
    await database.run('set search_path to default');
  });

  it('a transaction is left as it was found: none', async () => {
    await loadCatalog(database.ask);
    expect((await database.ask('show search_path'))[0]![0]).toContain('public');
    expect((await database.ask('show transaction_isolation'))[0]![0]).toBe('read committed');
  });
});

describe('the decoder', () => {
  const base = (): Record<keyof CatalogResults, readonly CatalogRow[]> => ({
    version: [['v1']],
    relations: [],
    columns: [],
    expressions: [],
    children: [],
    foreignKeys: [],
    sequences: [],
    functions: [['pg_catalog', 'lower', 't', '1', 't', 't', '2', '[]']],
    operators: [['pg_catalog', '=', 't', '1', 't', 't', 't']],
    types: [['pg_catalog', 'int4', 't', 'e']],
    flags: [['f', 'f', 'f', 'f', 'f']],
  });

  it('takes what is whole', () => {
    expect(decodeCatalog(base()).facts?.version).toBe('v1');
  });

  it('refuses what is not, rather than knowing less', () => {
    for (const name of Object.keys(catalogQueries) as (keyof CatalogResults)[]) {
      expect(
        decodeCatalog({ ...base(), [name]: [['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11']] }).refused,
      ).toContain(name);
    }
    for (const name of ['version', 'functions', 'operators', 'types', 'flags'] as const) {
      expect(decodeCatalog({ ...base(), [name]: [] }).facts).toBeNull();
    }
  });

  it('refuses more than the limits, and takes as much', () => {
    const types = (count: number): CatalogRow[] =>
      Array.from({ length: count }, (_, at) => ['public', `t${at}`, 'f', 'o']);
    expect(decodeCatalog({ ...base(), types: types(catalogNamesMax) }).facts).not.toBeNull();
    expect(decodeCatalog({ ...base(), types: types(catalogNamesMax + 1) }).refused).toContain('types');
    const view = ['1', 's', 'v', 'v', 'f', 'f', 'f', 'f', 'x'.repeat(1024 * 1024), '-1'];
    const many = catalogTextsMax / (1024 * 1024);
    expect(decodeCatalog({ ...base(), relations: Array(many).fill(view) as CatalogRow[] }).facts).not.toBeNull();
    expect(decodeCatalog({ ...base(), relations: Array(many + 1).fill(view) as CatalogRow[] }).refused).toContain(
      'relations',
    );
  });

  it('takes anything but a clear no for an obstacle', () => {
    const { facts } = decodeCatalog({ ...base(), flags: [[null, '', 'x', 't', null]] });
    expect(facts).toMatchObject({
      hasUserCasts: true,
      hasCastsToUserTypes: true,
      hasEventTriggers: true,
      hasDomains: true,
      hasUnreadCasts: true,
    });
    const relations = [['1', 's', 'r', 'r', null, null, null, null, null, null]];
    expect(decodeCatalog({ ...base(), relations }).facts?.relations.get(1)).toMatchObject({
      hasRules: true,
      hasRowSecurity: true,
      hasTriggers: true,
      hasForeignStorage: true,
    });
  });
});

describe('the grammar', () => {
  it('is the one of the parser: every field of every node in the table is a field there', async () => {
    const text = await readFile(new URL(import.meta.resolve('@pgsql/types').replace(/[^/]+$/, 'types.d.ts')), 'utf8');
    const declared = new Map(
      [...text.matchAll(/export interface (\w+) \{([^}]*)\}/g)].map(([, name, body]) => [
        name!,
        [...body!.matchAll(/(\w+)\?:/g)].map((field) => field[1]!),
      ]),
    );
    for (const [type, fields] of grammar) {
      for (const field of fields.keys()) expect(declared.get(type), `${type}.${field}`).toContain(field);
    }
    // Every statement that the parser can produce is mapped.
    const unmapped = [...declared.keys()].filter((name) => name.endsWith('Stmt') && !handlers.has(name));
    expect(unmapped.sort()).toEqual([
      'PLAssignStmt',
      'RawStmt',
      'ReplicaIdentityStmt',
      'ReturnStmt',
      'SetOperationStmt',
    ]);
  });

  it('names every handler', () => {
    for (const type of handlers.keys()) expect(grammar.has(type), type).toBe(true);
    expect(new Set(statementKinds).size).toBe(statementKinds.length);
  });
});
