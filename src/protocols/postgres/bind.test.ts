/** A Bind may have effects: the server calls functions when it reads parameters and when it plans. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { FakeClock } from '../../base/clock.ts';
import * as m from './messages.ts';
import { outline, rawClient, readUntilReady } from './raw-testing.ts';
import { blocking, type GatewayOptions, startGateway, type TestGateway, until } from './relay-testing.ts';
import type { Peer } from './testing.ts';

let server: PostgresServer;
let gateway: TestGateway | null = null;

// `run` is declared immutable, so that the planner calls it at Bind; what it calls runs any statement.
const seed = `
  create table kept(n int);
  grant all on kept to public;
  create function run_volatile(statement text) returns int volatile language plpgsql
    as $$ begin execute statement; return 1; end $$;
  create function run(statement text) returns int immutable language plpgsql
    as $$ begin return run_volatile(statement); end $$`;

beforeAll(async () => {
  server = await startPostgres({ seed });
}, 90_000);
afterAll(async () => server?.stop());
afterEach(async () => {
  await gateway?.close();
  gateway = null;
});

async function start(options: Partial<GatewayOptions> = {}): Promise<{ gateway: TestGateway; peer: Peer }> {
  gateway = await startGateway({ upstream: server, ...options });
  return { gateway, peer: await rawClient({ ...gateway.config, database: 'orders' }) };
}

const parse = (text: string): Buffer => m.encodeParse({ statement: '', text, parameterTypes: [] });
const bind = (value: string, portal = ''): Buffer =>
  m.encodeBind({
    portal,
    statement: '',
    parameterFormats: [],
    parameters: new Int32Array([0, value.length]),
    resultFormats: [],
    buffer: Buffer.from(value),
  });
const execute = (portal = ''): Buffer => m.encodeExecute({ portal, rowsMax: 0 });
const describePortal = m.encodeDescribe({ target: 'portal', name: '' });
const sync = m.encodeSync();
const evil = 'insert into kept values (7)';

async function ask(peer: Peer, bytes: Buffer, ready = 1): Promise<string> {
  peer.write(bytes);
  return outline(await readUntilReady(peer, ready));
}

const intents = (of: TestGateway): (readonly [string, string | null])[] =>
  of.journal.of('command.intent').map(({ verb, parameters }) => [verb, parameters?.[0]?.value ?? null] as const);

test('A-PG-17: a Bind without its Execute is on record, with its parameters, before it reaches the server', async () => {
  const { gateway, peer } = await start();
  expect(await ask(peer, Buffer.concat([parse('select run($1)'), sync]))).toBe('1 Z:I');
  gateway.journal.hold();
  const before = Buffer.concat(gateway.sent).length;
  peer.write(Buffer.concat([bind(evil), sync]));
  await until(() => gateway.journal.of('command.intent').length === 2);
  expect(Buffer.concat(gateway.sent).length).toBe(before);
  gateway.journal.release();
  expect(outline(await readUntilReady(peer))).toBe('2 Z:I');
  expect(await ask(peer, m.encodeQuery('select n from kept'))).toBe('T D C Z:I');
  expect(intents(gateway)).toEqual([
    ['prepare', null],
    ['bind', evil],
    ['query', null],
  ]);
  expect(gateway.journal.of('command.ended').map(({ outcome }) => outcome)).toEqual([
    'completed',
    'completed',
    'completed',
  ]);
});

test('A-PG-17: a Bind that is refused, or whose Execute is, does not reach the server', async () => {
  const { gateway, peer } = await start({ judge: blocking('insert') });
  for (const behind of [sync, Buffer.concat([execute(), sync]), Buffer.concat([describePortal, execute(), sync])]) {
    expect(await ask(peer, Buffer.concat([parse('select run($1)'), bind(evil), behind]))).toMatch(/^1 E:42501 Z:I$/);
  }
  expect(Buffer.concat(gateway.sent).includes(evil)).toBe(false);
});

test('a Bind with its Execute is one command, whatever the chunks; the Execute of another portal is not its own', async () => {
  const { gateway, peer } = await start();
  const usual = Buffer.concat([parse('select $1::text'), bind('x'), describePortal, execute(), sync]);
  for (const byte of usual) peer.write(Buffer.from([byte]));
  expect(outline(await readUntilReady(peer))).toBe('1 2 T D C Z:I');
  expect(await ask(peer, usual)).toBe('1 2 T D C Z:I');
  const twice = Buffer.concat([parse('select $1::text'), bind('a', 'a'), bind('b', 'b'), execute('a'), execute('b')]);
  expect(await ask(peer, Buffer.concat([twice, sync]))).toBe('1 2 2 D C D C Z:I');
  expect(intents(gateway)).toEqual([
    ['prepare', null],
    ['execute', 'x'],
    ['prepare', null],
    ['execute', 'x'],
    ['prepare', null],
    ['bind', 'a'],
    ['bind', 'b'],
    ['execute', 'a'],
    ['execute', 'b'],
  ]);
});

test('a Bind larger than the queue goes on without and with an Execute behind it', async () => {
  const { gateway, peer } = await start();
  const large = 'x'.repeat(3 * 1024 * 1024);
  const begun = Buffer.concat([parse('select length($1)'), bind(large)]);
  expect(await ask(peer, Buffer.concat([begun, sync]))).toBe('1 2 Z:I');
  expect(await ask(peer, Buffer.concat([begun, describePortal, execute(), sync]))).toBe('1 2 T D C Z:I');
  // More than is read behind it: it is given up as the Execute's, and nothing stands still.
  const describes = Buffer.concat(Array.from({ length: 10 }, () => describePortal));
  expect(await ask(peer, Buffer.concat([begun, describes, execute(), sync]))).toMatch(/^1 2 (T ){10}D C Z:I$/);
  expect(gateway.journal.of('command.intent').map(({ verb }) => verb)).toEqual([
    ...['prepare', 'bind'],
    ...['prepare', 'execute'],
    ...['prepare', 'bind', 'execute'],
  ]);
});

test('A-GW-02: a client that goes silent behind a Bind is idle', async () => {
  const clock = new FakeClock();
  const { gateway, peer } = await start({ clock, settings: { idle_timeout: 10 } });
  peer.write(Buffer.concat([parse('select $1::text'), bind('x'), m.encodeFlush(), bind('y', 'y')]));
  await until(() => gateway.journal.of('command.ended').length === 2);
  clock.advance(15_000);
  await until(() => gateway.journal.of('session.ended').length === 1);
  expect(gateway.journal.of('session.ended')).toMatchObject([{ reason: 'idle' }]);
});
