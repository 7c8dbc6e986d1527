/**
 * Code that stands in the database against a rule about relations: who is bound by the rule makes a trigger, a rule, a
 * view or an operator that does what the rule forbids, and has it fire, before the gateway could know of it.
 *
 * Deliberately absent: code that was there before (rules.test.ts).
 */
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rawClient, readUntilReady } from '../../src/protocols/postgres/raw-testing.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { bind, execute, guardrail, parse, query, sync } from './rules-tries.ts';

const seed = `
  create table vault (id int primary key, place text);
  create table visits (id int, place text);
  create table parent (id int, place text);
  create table keys (id int primary key);
  create function sneak() returns trigger language plpgsql as
    $$ begin insert into vault values (1 + (select count(*) from vault), 'sneaked'); return new; end $$;
  alter table vault owner to app; alter table visits owner to app; alter table parent owner to app;
  alter table keys owner to app; alter function sneak() owner to app; grant create on schema public to app;`;

let env: TestEnv;
let clients: pg.Client[] = [];

beforeAll(async () => {
  env = await createTestEnv({
    tls: 'optional',
    resources: { orders: { seed } },
    principals: [{ name: 'engineer', groups: ['engineering'] }],
  });
  const sealed = guardrail('sealed', {
    match: { commands: { sql: { relations: ['vault'], effects: ['insert', 'update', 'delete'] } } },
    verdict: 'block',
    message: 'The vault is sealed.',
  });
  await (await env.api('admin')).call('apply', { body: { documents: [sealed], dryRun: false } });
}, 120_000);
afterAll(() => env.close(), 60_000);
beforeEach(() =>
  admin(
    `truncate vault, visits, parent, keys cascade; insert into vault values (0, 'home'); insert into keys values (0)`,
  ),
);
afterEach(async () => {
  for (const client of clients) await client.end();
  clients = [];
  await admin(`drop trigger if exists t on visits; drop rule if exists r on visits; drop view if exists v cascade;
    alter table vault drop constraint if exists k; alter table vault no inherit parent`).catch(() => undefined);
  await admin(`drop trigger if exists t on visits; drop rule if exists r on visits; drop view if exists v cascade;
    alter table vault drop constraint if exists k`);
});

const admin = (sql: string): Promise<unknown> => env.servers['orders']!.query(sql);
const touched = async (): Promise<number> =>
  (
    await env.servers['orders']!.query<{ n: number }>(
      "select count(*)::int n from vault where id <> 0 or place <> 'home'",
    )
  )[0]!.n +
  (await env.servers['orders']!.query<{ n: number }>('select (1 - count(*))::int n from vault where id = 0'))[0]!.n;

async function connect(): Promise<pg.Client> {
  const { host, port, user, password } = env.client('engineer');
  const client = new pg.Client({ host, port, user, password, database: 'orders' });
  client.on('error', () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

/** What is made, and what then fires it. */
const ways: readonly (readonly [name: string, make: string, fire: string])[] = [
  [
    'a trigger',
    'create trigger t after insert on visits for each row execute function sneak()',
    "insert into visits values (1, 'x')",
  ],
  [
    'a rule',
    "create rule r as on insert to visits do also insert into vault values (7, 'ruled')",
    "insert into visits values (1, 'x')",
  ],
  ['a view that is written through', 'create view v as select * from vault', "update v set place = 'viewed'"],
  ['an heir', 'alter table vault inherit parent', "update parent set place = 'inherited'"],
  [
    'a foreign key',
    'alter table vault add constraint k foreign key (id) references keys (id) on delete cascade',
    'delete from keys',
  ],
];

const refusal = (error: { code?: string }): string => error.code ?? String(error);

describe('A-PG-18: what is made in one statement and fired in the next does nothing', () => {
  test.each(ways)('%s, in the same session', async (_name, make, fire) => {
    const client = await connect();
    await client.query(make);
    expect(await client.query(fire).catch(refusal)).toBe('42501');
    expect(await touched()).toBe(0);
  });

  test.each(ways)('%s, in one text', async (_name, make, fire) => {
    const client = await connect();
    await client.query(`${make}; ${fire}`).catch(refusal);
    expect(await touched()).toBe(0);
  });

  test.each(ways)('%s, in one transaction', async (_name, make, fire) => {
    const client = await connect();
    await client.query('begin');
    await client.query(make);
    await client.query(fire).catch(refusal);
    await client.query('commit').catch(refusal);
    expect(await touched()).toBe(0);
  });

  test.each(ways)('%s, in another session, at once', async (_name, make, fire) => {
    const [one, other] = [await connect(), await connect()];
    await other.query(fire.replace(/^delete from keys/, 'delete from keys where id = 99')).catch(refusal);
    await admin('delete from visits');
    await one.query(make);
    expect(await other.query(fire).catch(refusal)).toBe('42501');
    expect(await touched()).toBe(0);
  });

  test.each(ways)('%s, in one pipeline', async (_name, make, fire) => {
    const { port, user, password } = env.client('engineer');
    const peer = await rawClient({ port, user, password, database: 'orders' });
    peer.write(Buffer.concat([query(make), query(fire)]));
    await readUntilReady(peer);
    await readUntilReady(peer);
    peer.write(Buffer.concat([parse(fire), bind(), execute(), sync]));
    await readUntilReady(peer);
    peer.socket.destroy();
    expect(await touched()).toBe(0);
  });

  test.each(ways)('%s, fired by what was prepared before', async (_name, make, fire) => {
    const { port, user, password } = env.client('engineer');
    const peer = await rawClient({ port, user, password, database: 'orders' });
    if (!fire.includes('update v')) {
      peer.write(Buffer.concat([parse(fire, 'p'), sync]));
      await readUntilReady(peer);
    }
    const other = await connect();
    await other.query(make);
    if (fire.includes('update v')) peer.write(parse(fire, 'p'));
    peer.write(Buffer.concat([bind('p'), execute(), sync]));
    await readUntilReady(peer);
    peer.socket.destroy();
    expect(await touched()).toBe(0);
  });

  test.each(ways)('%s, made in a transaction that another session’s statement waits for', async (_name, make, fire) => {
    if (fire.includes('update v')) return;
    const [one, other] = [await connect(), await connect()];
    await other.query('select 1');
    await one.query('begin');
    await one.query(make);
    const waits = other.query(fire).catch(refusal);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await one.query('commit');
    await waits;
    expect(await touched()).toBe(0);
  });
});
