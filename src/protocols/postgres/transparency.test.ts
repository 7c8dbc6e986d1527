/** The relay changes nothing: what a client receives through the gateway is what it receives from the server. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { detects, judgingBy, planOf } from './mask-testing.ts';
import * as m from './messages.ts';
import { outline, type RawMessage, rawClient, readUntilReady } from './raw-testing.ts';
import { blocking, startGateway, type TestGateway, until } from './relay-testing.ts';

let server: PostgresServer;
let gateways: TestGateway[] = [];

beforeAll(async () => {
  // Descriptions of rows carry the table's OID, so both conversations use one table.
  server = await startPostgres({
    seed: 'create table t(n int primary key, t text); alter table t owner to app',
  });
}, 90_000);
afterAll(async () => server?.stop());
afterEach(async () => {
  for (const one of gateways) await one.close();
  gateways = [];
});

/** Far more than any of these conversations takes. */
const hangAfterMs = 10_000;

const q = m.encodeQuery;
const p = (text: string, statement = '', parameterTypes: number[] = []): Buffer =>
  m.encodeParse({ statement, text, parameterTypes });
const b = (statement = '', portal = '', resultFormats: number[] = []): Buffer =>
  m.encodeBind({
    portal,
    statement,
    parameterFormats: [],
    parameters: new Int32Array(0),
    resultFormats,
    buffer: Buffer.alloc(0),
  });
const d = (name = ''): Buffer => m.encodeDescribe({ target: 'portal', name });
const ds = (name = ''): Buffer => m.encodeDescribe({ target: 'statement', name });
const e = (portal = '', rowsMax = 0): Buffer => m.encodeExecute({ portal, rowsMax });
const cs = (name: string): Buffer => m.encodeClose({ target: 'statement', name });
const cp = (name: string): Buffer => m.encodeClose({ target: 'portal', name });
const cd = (text: string): Buffer => m.encodeCopyData(Buffer.from(text));
const done = m.encodeCopyDone();
const s = m.encodeSync();
const h = m.encodeFlush();

/** Each is a list of chunks; a chunk is sent when as many ReadyForQuery came as the number before it asks for. */
const conversations: Record<string, [chunk: Buffer[], ready: number][]> = {
  'simple queries of every kind of outcome': [
    [
      [
        q('select 1, null, true'),
        q(''),
        q(';'),
        q('-- nothing'),
        q('select 1; select 2'),
        q('select 1; bad; select 2'),
      ],
      6,
    ],
    [[q('truncate t'), q("insert into t values (1, 'a') returning *")], 2],
    [[q("insert into t values (1, 'b')"), q('update t set n = 2'), q('table t'), q('select')], 4],
  ],
  'transactions and savepoints': [
    [[q('begin'), q('select 1'), q('savepoint a'), q('bad'), q('select 2'), q('rollback to a'), q('commit')], 7],
    [[q('begin; select 1/0; commit'), q('rollback'), q('rollback')], 3],
  ],
  'the extended protocol': [
    [[p('select 1::int4, 2::text'), b(), d(), e(), s], 1],
    [[p('select $1::int', 'named'), ds('named'), s], 1],
    [
      [
        p('select generate_series(1, 10)', 'series'),
        b('series', 'portal'),
        d('portal'),
        e('portal', 3),
        e('portal', 3),
        s,
      ],
      1,
    ],
    [
      [
        q('begin'),
        b('series', 'portal'),
        e('portal', 3),
        s,
        e('portal', 3),
        s,
        cp('portal'),
        e('portal'),
        s,
        q('commit'),
      ],
      5,
    ],
    [[p('select 1', 'named'), s, cs('named'), cs('nothing'), s, p('select 1', 'named'), s], 3],
    [[p(''), b(), d(), e(), s, p('select 1'), b('', '', [1]), d(), e(), s], 2],
    [[p('bad'), b(), e(), s, b('unknown'), e(), s, e('unknown'), s, ds('unknown'), s, d('unknown'), s], 5],
    [[p('select 1/0'), b(), d(), e(), p('select 2'), b(), e(), s], 1],
  ],
  'a pipeline with an error in its middle': [
    [
      [
        p('select 1'),
        b(),
        e(),
        p('select 1/0'),
        b(),
        e(),
        p('select 2'),
        b(),
        e(),
        s,
        p('select 3'),
        b(),
        e(),
        s,
        s,
        s,
      ],
      4,
    ],
  ],
  'Flush, and a Query that ends a pipeline': [
    [[p('select 1'), b(), d(), e(), h, p('select 2'), b(), e(), q('select 3')], 1],
    [[s], 1],
  ],
  'COPY out and in': [
    [[q('create temp table c(n int, t text)'), q('copy c from stdin'), cd('1\ta\n2\tb\n'), cd('3\tc\n'), done], 2],
    [[q('copy c to stdout'), q('copy c to stdout (format csv, header)'), q('copy c to stdout (format binary)')], 3],
    [[q('copy c from stdin (format csv)'), cd('7,x\n'), m.encodeCopyFail('enough')], 1],
    [[q('copy c from stdin; select 1; copy c from stdin'), cd('4\td\n'), done, cd('5\te\n'), done], 1],
    [[p('copy c from stdin'), b(), e(), cd('6\tf\n'), done, s, p('copy c to stdout'), b(), e(), s], 2],
    [[p('copy c from stdin'), b(), e(), cd('8\tg\n'), done, cd('stray\n'), done, s], 1],
    [[q('copy c from stdin'), cd('not a number\tx\n'), done, q('select count(*) from c')], 2],
    [[p('copy c from stdin'), b(), e(), cd('bad\n'), done, s], 1],
    [[cd('stray'), done, m.encodeCopyFail('x'), s, q('select 1')], 2],
  ],
  'notices, cursors of SQL, prepared statements of SQL': [
    [[q("do $$ begin raise notice 'one'; raise warning 'two'; end $$"), q('set application_name = x')], 2],
    [[q('begin; declare cur cursor for select generate_series(1, 5)'), e('cur', 2), s, q('fetch all cur; commit')], 3],
    [[q('prepare made as select 1'), b('made'), d(), e(), s, q('execute made; deallocate made'), b('made'), s], 4],
  ],
  'large and many rows': [
    [[q("select n, repeat('x', 200) from generate_series(1, 5000) n")], 1],
    [
      [
        q("select repeat('y', 3000000), 1, repeat('z', 70000)"),
        q("select repeat('w', 65530) from generate_series(1, 4)"),
      ],
      2,
    ],
  ],
  'ParameterStatus and a deferred error at Sync': [
    [[q("set timezone to 'UTC'"), q("set datestyle to 'SQL'"), q('set standard_conforming_strings to off')], 3],
    [[q('create temp table dd(n int primary key deferrable initially deferred)'), q('insert into dd values (1)')], 2],
    [[p('insert into dd values (1)'), b(), e(), s], 1],
  ],
};

async function converse(to: Parameters<typeof rawClient>[0], steps: [Buffer[], number][]): Promise<string[]> {
  const peer = await rawClient(to);
  const received: string[] = [];
  for (const [messages, ready] of steps) {
    peer.write(Buffer.concat(messages));
    const answers = await readUntilReady(peer, ready);
    received.push(...answers.map(({ type, buffer }) => `${type} ${buffer.toString('latin1', 5)}`));
  }
  peer.write(m.encodeTerminate());
  await peer.rest();
  // The number of a temporary schema is the server process's own.
  return received.map((text) => text.replaceAll(/pg_temp_\d+/g, 'pg_temp_N'));
}

describe('bytes through the gateway equal bytes from the server', () => {
  for (const [name, steps] of Object.entries(conversations)) {
    for (const recording of ['strict', 'best-effort'] as const) {
      test(`${name}, ${recording}`, { timeout: 30_000 }, async () => {
        const gateway = await startGateway({ upstream: server, recording });
        gateways.push(gateway);
        const direct = await converse(server, steps);
        const through = await converse({ ...gateway.config, database: 'orders' }, steps);
        expect(through).toEqual(direct);
        expect(gateway.journal.of('violation')).toEqual([]);
        const intents = gateway.journal.of('command.intent').length;
        expect(gateway.journal.of('command.ended')).toHaveLength(intents);
      });
    }
  }
});

describe('and so they do with detectors in force that find nothing', () => {
  const nothing = detects('d', 'that stands nowhere');
  const plan = planOf({ columns: [], otherwise: nothing, text: nothing });
  for (const [name, steps] of Object.entries(conversations)) {
    test(name, { timeout: 30_000 }, async () => {
      const gateway = await startGateway({ upstream: server, judging: judgingBy(() => plan) });
      gateways.push(gateway);
      const direct = await converse(server, steps);
      expect(await converse({ ...gateway.config, database: 'orders' }, steps)).toEqual(direct);
      expect(gateway.journal.of('command.ended').every(({ masked }) => masked === undefined)).toBe(true);
    });
  }
});

/** More runs, or a seed that was printed, by the environment. */
const parameters = {
  numRuns: Number(process.env['FUZZ_RUNS'] ?? 60),
  ...(process.env['FUZZ_SEED'] === undefined ? {} : { seed: Number(process.env['FUZZ_SEED']) }),
};

describe('random conversations', () => {
  /** Messages that a client may send in any order; what belongs together stays together. */
  const palette: Record<string, Buffer[]> = {
    query: [q('select 1 as one')],
    empty: [q('')],
    error: [q('select 1/0')],
    several: [q('select 1; select 1/0; select 2')],
    begin: [q('begin')],
    commit: [q('commit')],
    rollback: [q('rollback')],
    parse: [p('select 42 as n')],
    parseNamed: [p("select 'named'", 'named')],
    parseBad: [p('select bad')],
    parseSeries: [p('select generate_series(1, 4)', 'series')],
    bind: [b()],
    bindNamed: [b('named')],
    bindSeries: [b('series', 'portal')],
    describe: [d()],
    describeNamed: [ds('named')],
    execute: [e()],
    executeSome: [e('portal', 3)],
    close: [cs('named')],
    closePortal: [cp('portal')],
    sync: [s],
    flush: [h],
    stray: [cd('stray'), done],
    copyOut: [q('copy (select 7) to stdout')],
    copyIn: [q('copy c2 from stdin'), cd('1\n'), cd('2\n'), done],
    copyInBad: [q('copy c2 from stdin'), cd('x\n'), cd('2\n'), done],
    copyInFail: [q('copy c2 from stdin'), m.encodeCopyFail('no')],
    copyInExtended: [p('copy c2 from stdin'), b(), e(), cd('3\n'), done],
    notice: [q("do $$ begin raise notice 'n'; end $$")],
  };

  async function whole(to: Parameters<typeof rawClient>[0], bytes: Buffer, size: number): Promise<string> {
    const peer = await rawClient(to);
    for (let at = 0; at < bytes.length; at += size) {
      peer.write(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
    // A conversation that hangs is a counterexample like any other, and must be found as one.
    const deadline = setTimeout(() => peer.socket.destroy(new Error('no end')), hangAfterMs);
    try {
      return (await peer.rest()).toString('latin1');
    } finally {
      clearTimeout(deadline);
    }
  }

  test('get the same bytes, however they are cut', { timeout: 120_000 }, async () => {
    await server.query('create table c2(n int); alter table c2 owner to app');
    const gateway = await startGateway({ upstream: server });
    gateways.push(gateway);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...Object.keys(palette)), { minLength: 1, maxLength: 24 }),
        fc.constantFrom(1_000_000, 37),
        async (names, size) => {
          const bytes = Buffer.concat([...names.flatMap((name) => palette[name]!), s, m.encodeTerminate()]);
          const direct = await whole(server, bytes, bytes.length);
          const through = await whole({ ...gateway.config, database: 'orders' }, bytes, size);
          expect(through).toBe(direct);
          await until(() => gateway.journal.of('session.ended').length === gateway.journal.of('session.opened').length);
          const ended = gateway.journal.of('command.ended').length;
          expect(ended).toBe(gateway.journal.of('command.intent').length);
          expect(gateway.journal.of('violation')).toEqual([]);
        },
      ),
      parameters,
    );
  });

  test('A-PG-29: a refusal stands where an error of the server would stand', { timeout: 120_000 }, async () => {
    await server.query('create table if not exists c2(n int); alter table c2 owner to app');
    const gateway = await startGateway({ upstream: server, judge: blocking('forbidden') });
    gateways.push(gateway);
    // To the server this is a syntax error, to the gateway a refusal.
    const refusals = { refusedQuery: [s, q('forbidden')], refusedParse: [p('forbidden', 'refused')] };
    const more: Record<string, Buffer[]> = { ...palette, ...refusals };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...Object.keys(more), ...Object.keys(refusals), 'begin'), {
          minLength: 1,
          maxLength: 16,
        }),
        fc.constantFrom(1_000_000, 37),
        async (names, size) => {
          const bytes = Buffer.concat([...names.flatMap((name) => more[name]!), s, q('select 1'), m.encodeTerminate()]);
          const direct = split(await whole(server, bytes, bytes.length));
          const through = split(await whole({ ...gateway.config, database: 'orders' }, bytes, size));
          expect(outline(through)).toBe(outline(direct).replaceAll('E:42601', 'E:42501'));
        },
      ),
      parameters,
    );
    expect(Buffer.concat(gateway.sent).includes('forbidden')).toBe(false);
  });
});

function split(text: string): RawMessage[] {
  const buffer = Buffer.from(text, 'latin1');
  const messages: RawMessage[] = [];
  for (let start = 0; start < buffer.length; ) {
    const end = start + 1 + buffer.readUInt32BE(start + 1);
    messages.push({ type: String.fromCharCode(buffer[start]!), buffer, start, end });
    start = end;
  }
  return messages;
}
