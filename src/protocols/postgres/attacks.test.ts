/** Attacks on an established session: the ids of the acceptance list that concern the relay. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { FakeClock } from '../../base/clock.ts';
import * as limits from './limits.ts';
import * as m from './messages.ts';
import { outline, rawClient, readUntilReady, scriptedServer } from './raw-testing.ts';
import { blocking, connect, type GatewayOptions, startGateway, type TestGateway, until } from './relay-testing.ts';
import type { Peer } from './testing.ts';

let server: PostgresServer;
let closing: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  server = await startPostgres({ seed: 'create table kept(n int); grant all on kept to public' });
}, 90_000);
afterAll(async () => server?.stop());
afterEach(async () => {
  for (const one of closing.reverse()) await one.close();
  closing = [];
});

async function start(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const gateway = await startGateway({ upstream: server, ...options });
  closing.push(gateway);
  return gateway;
}

const raw = (gateway: TestGateway): ReturnType<typeof rawClient> =>
  rawClient({ ...gateway.config, database: 'orders' });

const parse = (text: string, statement = ''): Buffer => m.encodeParse({ statement, text, parameterTypes: [] });
const bind = (statement = '', portal = '', values: string[] = []): Buffer => {
  const buffer = Buffer.from(values.join(''));
  const parameters = new Int32Array(
    values.flatMap((value, index) => [values.slice(0, index).join('').length, value.length]),
  );
  return m.encodeBind({ portal, statement, parameterFormats: [], parameters, resultFormats: [], buffer });
};
const execute = (portal = '', rowsMax = 0): Buffer => m.encodeExecute({ portal, rowsMax });
const extended = (text: string): Buffer => Buffer.concat([parse(text), bind(), execute()]);
const sync = m.encodeSync();
const query = m.encodeQuery;
const all = (gateway: TestGateway): Buffer => Buffer.concat(gateway.sent);

async function ask(peer: Peer, bytes: Buffer, ready = 1): Promise<string> {
  peer.write(bytes);
  return outline(await readUntilReady(peer, ready));
}

describe('I1: nothing reaches the upstream before its intent is durable', () => {
  test('neither a Query, nor a Parse, Bind and Execute, nor what is behind them', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    const before = all(gateway).length;
    gateway.journal.hold();
    peer.write(Buffer.concat([query('insert into kept values (1)'), extended('insert into kept values (2)'), sync]));
    await until(() => gateway.journal.of('command.intent').length === 3);
    expect(all(gateway).length).toBe(before);
    gateway.journal.release();
    expect(outline(await readUntilReady(peer, 2))).toBe('C Z:I 1 2 C Z:I');
  });

  test('what is proven to read only runs meanwhile, and nobody sees its result before (P18)', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    gateway.journal.hold();
    peer.write(Buffer.concat([query("select 'seen'"), extended("select 'seen'"), sync]));
    await until(() => all(gateway).toString('latin1').split("select 'seen'").length === 3);
    // Long enough for the server to answer.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(peer.received.length).toBe(0);
    gateway.journal.release();
    expect(outline(await readUntilReady(peer, 2))).toBe('T D C Z:I 1 2 D C Z:I');
    expect(gateway.journal.of('command.intent').map(({ effect }) => effect)).toEqual(['read', 'read', 'read']);
  });

  test('what is released together goes out in one write, as it came', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    const writes = gateway.sent.length;
    const bytes = Buffer.concat([extended('select 2'), sync]);
    await ask(peer, bytes);
    expect(gateway.sent.slice(writes)).toEqual([bytes]);
  });

  test('a journal that fails ends the session with 58030, and nothing was forwarded (F-03)', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    const before = all(gateway).length;
    gateway.journal.hold();
    peer.write(query('insert into kept values (1)'));
    await until(() => gateway.journal.of('command.intent').length === 1);
    gateway.journal.fail();
    expect(outline([{ type: 'E', buffer: await peer.rest(), start: 0, end: peer.received.length }])).toBe('E:58030');
    expect(all(gateway).length).toBe(before);
  });

  test('a client that leaves while its command waits: the command never runs', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    gateway.journal.hold();
    peer.write(query('insert into kept values (666)'));
    await until(() => gateway.journal.of('command.intent').length === 1);
    peer.socket.resetAndDestroy();
    await until(() => gateway.journal.of('session.ended').length === 1);
    gateway.journal.release();
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'withdrawn' }]);
    expect(all(gateway).includes('values (666)')).toBe(false);
  });
});

describe('A-PG-29: a refusal leaves the session in sync', () => {
  const judge = blocking('forbidden');

  for (const recording of ['strict', 'best-effort'] as const) {
    test(`a simple query, ${recording}`, async () => {
      const gateway = await start({ judge, recording });
      const peer = await raw(gateway);
      expect(await ask(peer, query('select 1 /* forbidden */'))).toBe('E:42501 Z:I');
      expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
      expect(all(gateway).includes('forbidden')).toBe(false);
      expect(gateway.journal.of('command.ended').map(({ outcome }) => outcome)).toEqual(['refused', 'completed']);
      expect(gateway.last.of('message')).toMatchObject([{ command: 1, level: 'gateway', code: '42501' }]);
    });

    test(`simple queries in one chunk keep their order, ${recording}`, async () => {
      const gateway = await start({ judge, recording });
      const peer = await raw(gateway);
      const bytes = Buffer.concat([query('select 1'), query('forbidden'), query('select 2'), query('forbidden')]);
      expect(await ask(peer, bytes, 4)).toBe('T D C Z:I E:42501 Z:I T D C Z:I E:42501 Z:I');
      expect(await ask(peer, query('select 3'))).toBe('T D C Z:I');
    });

    test(`in the middle of a pipeline: error, skip to Sync, one ReadyForQuery, ${recording}`, async () => {
      const gateway = await start({ judge, recording });
      const peer = await raw(gateway);
      const bytes = Buffer.concat([
        extended('select 1'),
        extended('select 2 /* forbidden */'),
        extended('select 3'),
        sync,
        extended('select 4'),
        sync,
      ]);
      expect(await ask(peer, bytes, 2)).toBe('1 2 D C E:42501 Z:I 1 2 D C Z:I');
      expect(await ask(peer, query('select 5'))).toBe('T D C Z:I');
      expect(all(gateway).includes('forbidden')).toBe(false);
      expect(all(gateway).includes('select 3')).toBe(false);
      const outcomes = gateway.journal.of('command.ended').sort((a, b) => a.command - b.command);
      expect(outcomes.map(({ outcome }) => outcome)).toEqual([
        'completed',
        'completed',
        'refused',
        'refused',
        'withdrawn',
        'withdrawn',
        'completed',
        'completed',
        'completed',
      ]);
    });

    test(`what a pipeline did before a refusal is rolled back, as after any error, ${recording}`, async () => {
      const gateway = await start({ judge, recording });
      const peer = await raw(gateway);
      await server.query('truncate kept');
      const bytes = Buffer.concat([extended('insert into kept values (1)'), extended('forbidden'), sync]);
      expect(await ask(peer, bytes)).toBe('1 2 C E:42501 Z:I');
      expect(await server.query('select * from kept')).toEqual([]);
    });

    test(`in a transaction: it has failed, truthfully, ${recording}`, async () => {
      const gateway = await start({ judge, recording });
      const peer = await raw(gateway);
      await server.query('truncate kept');
      expect(await ask(peer, query('begin'))).toBe('C Z:T');
      expect(await ask(peer, query('insert into kept values (1)'))).toBe('C Z:T');
      expect(await ask(peer, query('forbidden'))).toBe('E:42501 Z:E');
      expect(await ask(peer, query('select 1'))).toBe('E:25P02 Z:E');
      expect(await ask(peer, query('forbidden'))).toBe('E:42501 Z:E');
      expect(await ask(peer, query('commit'))).toBe('C Z:I');
      expect(await server.query('select * from kept')).toEqual([]);
      expect(await ask(peer, query('begin'))).toBe('C Z:T');
      expect(await ask(peer, Buffer.concat([extended('forbidden'), sync]))).toBe('E:42501 Z:E');
      expect(await ask(peer, query('rollback'))).toBe('C Z:I');
      expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
    });
  }

  test('a refusal behind an error of the server is skipped with the rest', async () => {
    const gateway = await start({ judge });
    const peer = await raw(gateway);
    const bytes = Buffer.concat([extended('select bad'), extended('forbidden'), sync]);
    expect(await ask(peer, bytes)).toBe('E:42703 Z:I');
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
  });

  test('with Flush instead of Sync the error comes at once', async () => {
    const gateway = await start({ judge });
    const peer = await raw(gateway);
    peer.write(Buffer.concat([extended('select 1'), extended('forbidden'), m.encodeFlush()]));
    const types: string[] = [];
    while (types.at(-1) !== 'E') types.push((await peer.message()).type);
    expect(types.join('')).toBe('12DCE');
    peer.write(extended('select 2'));
    expect(await ask(peer, sync)).toBe('Z:I');
  });

  test('parameters are judged: a Bind does not go before its Execute is allowed', async () => {
    const gateway = await start({ judge });
    const peer = await raw(gateway);
    const bytes = Buffer.concat([parse('select $1::text'), bind('', '', ['forbidden']), execute(), sync]);
    expect(await ask(peer, bytes)).toMatch(/^1( 2)? E:42501 Z:I$/);
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
  });

  test('through node-postgres, with the reason and the rule', async () => {
    const gateway = await start({ judge });
    const client = await connect(gateway);
    await expect(client.query('forbidden')).rejects.toMatchObject({
      code: '42501',
      message: 'forbidden is not for you. Ask a DBA.',
      detail: 'Decided by guardrail:no-forbidden.',
    });
    await expect(client.query('select $1::text', ['forbidden'])).rejects.toMatchObject({ code: '42501' });
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await client.end();
  });

  test('a verdict to terminate ends the session natively', async () => {
    const gateway = await start({
      judge: ({ text }) => (text === 'enough' ? { name: 'terminate', rule: 'r', reason: 'That was enough.' } : null),
    });
    const peer = await raw(gateway);
    peer.write(query('enough'));
    const rest = await peer.rest();
    expect(rest.includes('That was enough.')).toBe(true);
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('session.ended')).toMatchObject([{ reason: 'verdict' }]);
  });
});

describe('A-REC-05: nothing runs that cannot be recorded', () => {
  test('a mention of a password and much space do not hide what follows', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    const text = `select 'password'${' '.repeat(limits.redactedCharactersMax)}; insert into kept values (5)`;
    expect(await ask(peer, query(text))).toBe('E:54000 Z:I');
    expect(await ask(peer, Buffer.concat([parse(text), bind(), execute(), sync]))).toBe('E:54000 Z:I');
    expect(await ask(peer, query('begin'))).toBe('C Z:T');
    expect(await ask(peer, query(text))).toBe('E:54000 Z:E');
    expect(all(gateway).includes('insert')).toBe(false);
    expect(gateway.journal.of('violation').map(({ code }) => code)).toEqual(
      Array(3).fill('postgres.password-text-too-long'),
    );
    expect(await ask(peer, query('rollback'))).toBe('C Z:I');
    expect(await ask(peer, query(`select ${"'x',".repeat(limits.redactedCharactersMax / 4)} 1`))).toMatch(/Z:I$/);
  });
});

describe('A-PG-15: several statements in one Query', () => {
  test('are judged whole', async () => {
    const gateway = await start({ judge: blocking('drop table') });
    const peer = await raw(gateway);
    expect(await ask(peer, query('select 1; drop table kept'))).toBe('E:42501 Z:I');
    expect(all(gateway).includes('select 1')).toBe(false);
  });
});

describe('A-PG-17: prepared statements are judged again when they run', () => {
  test('a rule that came after Parse holds at Execute', async () => {
    let strict = false;
    const gateway = await start({
      judge: ({ text }) => (strict && text.includes('kept') ? { name: 'block', rule: 'r', reason: 'no' } : null),
    });
    const peer = await raw(gateway);
    expect(await ask(peer, Buffer.concat([parse('delete from kept', 'del'), sync]))).toBe('1 Z:I');
    strict = true;
    expect(await ask(peer, Buffer.concat([bind('del'), execute(), sync]))).toMatch(/E:42501 Z:I$/);
    expect(await ask(peer, Buffer.concat([bind('del'), sync, execute(), sync]), 2)).toMatch(/E:42501 Z:I$/);
  });

  test('a Parse that fails because its name is taken does not lend its text', async () => {
    const seen: string[] = [];
    const gateway = await start({ judge: watching(seen) });
    const peer = await raw(gateway);
    expect(await ask(peer, Buffer.concat([parse('delete from kept', 's'), sync]))).toBe('1 Z:I');
    expect(await ask(peer, Buffer.concat([parse('select 1', 's'), sync]))).toBe('E:42P05 Z:I');
    expect(await ask(peer, Buffer.concat([bind('s'), execute(), sync]))).toBe('2 C Z:I');
    expect(seen).toEqual(['delete from kept']);
    // Pipelined, before the gateway can know: every text that could run is judged.
    const bytes = Buffer.concat([parse('select 1', 's'), sync, bind('s'), execute(), sync]);
    expect(await ask(peer, bytes, 2)).toBe('E:42P05 Z:I 2 C Z:I');
    expect(seen.at(-1)).toBe('delete from kept;\nselect 1');
  });

  test('a Close that the server skips does not forget the text', async () => {
    const seen: string[] = [];
    const gateway = await start({ judge: watching(seen) });
    const peer = await raw(gateway);
    expect(await ask(peer, Buffer.concat([parse('delete from kept', 's'), sync]))).toBe('1 Z:I');
    const close = m.encodeClose({ target: 'statement', name: 's' });
    expect(await ask(peer, Buffer.concat([parse('bad'), close, sync]))).toBe('E:42601 Z:I');
    expect(await ask(peer, Buffer.concat([bind('s'), execute(), sync]))).toBe('2 C Z:I');
    expect(seen.at(-1)).toBe('delete from kept');
    expect(await ask(peer, Buffer.concat([close, sync]))).toBe('3 Z:I');
    expect(await ask(peer, Buffer.concat([bind('s'), execute(), sync]))).toBe('E:26000 Z:I');
    expect(seen.at(-1)).toBe('EXECUTE "s"');
  });

  test('a cursor of SQL that Execute fetches from is judged as FETCH', async () => {
    const seen: string[] = [];
    const gateway = await start({ judge: watching(seen) });
    const peer = await raw(gateway);
    expect(await ask(peer, query('begin; declare c cursor for select 1'))).toBe('C C Z:T');
    expect(await ask(peer, Buffer.concat([execute('c', 5), sync]))).toBe('D C Z:T');
    expect(seen).toEqual(['FETCH FORWARD 5 FROM "c"']);
  });
});

describe('messages without a place', () => {
  test('A-PG-19: FunctionCall is refused with 0A000, in sync', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    const call = Buffer.from('4600000012000008790000000000000000', 'hex');
    call.writeUInt32BE(call.length - 1, 1);
    expect(await ask(peer, call)).toBe('E:0A000 Z:I');
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
    expect(gateway.journal.of('violation')).toMatchObject([{ code: 'postgres.function-call' }]);
  });

  test('A-PG-03: a password message after authentication ends the session', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    peer.write(m.encodePasswordMessage('x'));
    expect((await peer.rest()).includes('08P01')).toBe(true);
    expect(gateway.journal.of('violation')).toMatchObject([{ side: 'client', code: 'postgres.unexpected-message' }]);
    await until(() => gateway.open() === 0);
  });

  for (const [name, bytes] of [
    ['length 3', Buffer.from([0x51, 0, 0, 0, 3])],
    ['length 2^32 - 1', Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])],
    ['one more than the limit', Buffer.concat([Buffer.from('Q'), u32(limits.sqlMessageBytesMax + 1)])],
    ['an unknown type', Buffer.from([0x7a, 0, 0, 0, 4])],
  ] as const) {
    test(`A-PG-09: ${name} ends the session before anything is gathered`, async () => {
      const gateway = await start();
      const peer = await raw(gateway);
      peer.write(bytes);
      expect((await peer.rest()).includes('08P01')).toBe(true);
      expect(gateway.journal.of('violation')).toHaveLength(1);
    });
  }

  test('A-PG-13: a Query that is not UTF-8 or holds a NUL is refused, journaled, and not forwarded', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    const bad = Buffer.from('Q____select \xff\xfe marker\0', 'latin1');
    bad.writeUInt32BE(bad.length - 1, 1);
    const nul = Buffer.from('Q____select 1\0 marker\0', 'latin1');
    nul.writeUInt32BE(nul.length - 1, 1);
    expect(await ask(peer, Buffer.concat([bad, nul]), 2)).toBe('E:22021 Z:I E:22021 Z:I');
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
    expect(all(gateway).includes('marker')).toBe(false);
    expect(gateway.journal.of('violation')).toHaveLength(2);
  });
});

describe('A-PG-12: the encoding stays UTF8', () => {
  for (const text of [
    "set client_encoding to 'SJIS'",
    "set names 'BIG5'",
    "select set_config('client_encoding', 'LATIN1', false)",
  ]) {
    test(text, async () => {
      const gateway = await start();
      const peer = await raw(gateway);
      peer.write(query(text));
      expect((await peer.rest()).includes('client_encoding must stay UTF8')).toBe(true);
      await until(() => gateway.journal.of('session.ended').length === 1);
      expect(gateway.journal.of('session.ended')).toMatchObject([{ code: 'postgres.encoding-changed' }]);
    });
  }
});

describe('COPY', () => {
  const data = (text: string): Buffer => m.encodeCopyData(Buffer.from(text));

  test('A-PG-28: CopyData outside of COPY is dropped, as by a server, and never forwarded', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    expect(await ask(peer, Buffer.concat([data('stray\n'), m.encodeCopyDone(), query('select 1')]))).toBe('T D C Z:I');
    expect(await ask(peer, Buffer.concat([extended('select 1'), data('stray\n'), sync]))).toBe('1 2 D C Z:I');
    expect(all(gateway).includes('stray')).toBe(false);
  });

  test('data that follows at once, in simple and in extended protocol', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    const rows = Buffer.concat([data('1\n'), data('2\n'), m.encodeCopyDone()]);
    expect(await ask(peer, Buffer.concat([query('copy kept from stdin'), rows, query('select 1')]), 2)).toBe(
      'G C Z:I T D C Z:I',
    );
    // libpq sends Sync with the Execute, which the server ignores, and once more at the end.
    expect(await ask(peer, Buffer.concat([extended('copy kept from stdin'), sync, rows, sync]))).toBe('1 2 G C Z:I');
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
    expect(gateway.last.of('data')).toHaveLength(2);
    expect(gateway.journal.of('command.ended').filter(({ tag }) => tag === 'COPY 2')).toHaveLength(2);
  });

  test('a COPY that the server fails, and data that goes on', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    peer.write(Buffer.concat([query('copy kept from stdin'), data('no number\n')]));
    expect((await peer.message()).type).toBe('G');
    await until(() => all(gateway).includes('no number'));
    peer.write(Buffer.concat([...Array.from({ length: 100 }, () => data('7\n')), m.encodeCopyDone()]));
    expect(outline(await readUntilReady(peer))).toBe('E:22P02 Z:I');
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
  });

  test('CopyFail, and a Query within COPY', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    expect(await ask(peer, Buffer.concat([query('copy kept from stdin'), data('1\n'), m.encodeCopyFail('no')]))).toBe(
      'G E:57014 Z:I',
    );
    peer.write(query('copy kept from stdin'));
    expect((await peer.message()).type).toBe('G');
    expect(await ask(peer, query('select 1'))).toBe('E:57014 Z:I');
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
  });

  test('a long CopyData in parts is recorded and forwarded whole (A-PG-24)', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    await ask(peer, query('create temp table big(t text)'));
    const line = `${'z'.repeat(3_000_000)}\n`;
    const bytes = Buffer.concat([query('copy big from stdin'), data(line), m.encodeCopyDone()]);
    expect(await ask(peer, bytes)).toBe('G C Z:I');
    expect(await ask(peer, query('copy big to stdout'))).toBe('H d c C Z:I');
    for (const direction of ['in', 'out']) {
      const entries = gateway.last.of('data').filter((entry) => entry.direction === direction);
      expect(Buffer.concat(entries.map((entry) => entry.data)).toString()).toBe(line);
    }
  });
});

describe('A-PG-24: where bytes are cut makes no difference', () => {
  const conversation = Buffer.concat([
    query("select n, repeat('x', n) from generate_series(1, 50) n"),
    extended('select 1'),
    sync,
    query('select bad'),
    extended('forbidden'),
    sync,
    query('copy (select 1) to stdout'),
  ]);

  test('one byte at a time gives what one chunk gives, in answers, events and records', {
    timeout: 30_000,
  }, async () => {
    const judge = blocking('forbidden');
    const results: unknown[] = [];
    for (const size of [conversation.length, 1]) {
      const gateway = await start({ judge });
      const peer = await raw(gateway);
      for (let at = 0; at < conversation.length; at += size) {
        peer.write(conversation.subarray(at, at + size));
        if (size === 1) await new Promise((resolve) => setImmediate(resolve));
      }
      const messages = await readUntilReady(peer, 5);
      results.push({
        messages: Buffer.concat(messages.map(({ buffer }) => buffer)).toString('latin1'),
        events: gateway.journal.events
          .map((event) => ('command' in event ? [event.type, event.command] : event.type))
          .sort(),
        rows: gateway.last.rows(1),
      });
    }
    expect(results[1]).toEqual(results[0]);
  });
});

describe('a hostile or broken server', () => {
  async function against(script: (peer: Peer) => Promise<void> | void): Promise<{ gateway: TestGateway; peer: Peer }> {
    const hostile = await scriptedServer(script);
    closing.push(hostile);
    const gateway = await start({ upstream: { port: hostile.port, user: 'u', password: null, database: 'd' } });
    return { gateway, peer: await raw(gateway) };
  }

  for (const [name, bytes] of [
    ['BackendKeyData in a session', m.encodeBackendKeyData({ processId: 1, key: Buffer.alloc(4) })],
    ['a second AuthenticationOk', m.encodeAuthenticationOk()],
    ['CommandComplete that nobody asked for', Buffer.from('430000000a4f4b20310000', 'hex').subarray(0, 11)],
    ['DataRow that nobody asked for', m.encodeDataRow(['1'])],
    ['a field name of 10 MB', Buffer.concat([Buffer.from('T'), u32(10_000_000)])],
    ['a flood of ParameterStatus', flood(m.encodeParameterStatus({ parameter: 'x', value: 'y' }))],
    ['length 0', Buffer.from([0x5a, 0, 0, 0, 0])],
  ] as const) {
    test(`A-PG-27: ${name} ends the session as a violation of the upstream`, async () => {
      const { gateway, peer } = await against((upstream) => upstream.write(bytes));
      expect((await peer.rest()).includes('08P01')).toBe(true);
      await until(() => gateway.journal.of('session.ended').length === 1);
      expect(gateway.journal.of('session.ended')).toMatchObject([{ reason: 'upstream-violation' }]);
      expect(gateway.journal.of('violation')).toMatchObject([
        { side: 'upstream', session: gateway.doors.sessions.all()[0]?.id ?? expect.any(String) },
      ]);
    });
  }

  test('A-PG-27: ErrorResponse without SQLSTATE passes and is counted as a failure', async () => {
    const { gateway, peer } = await against(async (upstream) => {
      await upstream.message();
      upstream.write(Buffer.concat([errorWithoutState(), m.encodeReadyForQuery('I')]));
    });
    expect(await ask(peer, query('select 1'))).toBe('E:undefined Z:I');
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'failed', error: 'XX000' }]);
  });

  test('a server that closes in the middle of a query: 08006, and the command is unfinished', async () => {
    const { gateway, peer } = await against(async (upstream) => {
      await upstream.message();
      upstream.socket.destroy();
    });
    peer.write(query('select 1'));
    expect((await peer.rest()).includes('08006')).toBe(true);
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'unfinished' }]);
    expect(gateway.journal.of('session.ended')).toMatchObject([{ reason: 'upstream-closed' }]);
  });

  test('a server that says its own goodbye: it reaches the client', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    const [row] = await server.query<{ pid: number }>(
      "select pid from pg_stat_activity where usename = 'app' and backend_type = 'client backend'",
    );
    await server.query('select pg_terminate_backend($1)', [row!.pid]);
    expect((await peer.rest()).includes('57P01')).toBe(true);
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('session.ended')).toMatchObject([{ reason: 'upstream-closed', code: '57P01' }]);
  });
});

describe('A-PG-28: bounds and back-pressure', () => {
  test('what comes after Terminate is not read', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    peer.write(Buffer.concat([query('select 1'), m.encodeTerminate(), query('insert into kept values (99)')]));
    await peer.rest();
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(all(gateway).includes('(99)')).toBe(false);
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'completed' }]);
  });

  test('a client that half-closes behind a query gets its answer, and the query is finished', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    peer.socket.end(query('insert into kept values (5)'));
    await peer.rest();
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'completed', tag: 'INSERT 0 1' }]);
  });

  test('commands that wait are bounded, and the client is paused', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    gateway.journal.hold();
    const one = extended('insert into kept values (28)');
    peer.write(Buffer.concat([...Array.from({ length: 20_000 }, () => one), sync]));
    await until(() => gateway.journal.of('command.intent').length >= limits.queuedMessagesMax / 2);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
    const intents = gateway.journal.of('command.intent').length;
    expect(intents).toBeLessThanOrEqual(limits.openCommandsMax);
    gateway.journal.release();
    let rows = 0;
    for (const { type } of await readUntilReady(peer)) if (type === 'C') rows++;
    expect(rows).toBe(20_000);
  }, 60_000);

  test('a flood of Sync is answered one by one', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    peer.write(Buffer.concat(Array.from({ length: 100_000 }, () => sync)));
    expect(await readUntilReady(peer, 100_000)).toHaveLength(100_000);
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
  }, 60_000);

  test('F-07: a client that does not read bounds what is held for it, and gets everything in the end', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    gateway.last.bytesMax = 0;
    peer.socket.pause();
    peer.write(query("select repeat('x', 1000) from generate_series(1, 100000)"));
    const wire = gateway.clientWires.at(-1)!;
    await until(() => wire.pendingBytes > 0);
    let most = 0;
    for (let turn = 0; turn < 100; turn++) {
      most = Math.max(most, wire.pendingBytes);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    expect(most).toBeLessThan(1024 * 1024);
    const recorded = gateway.last.bytes;
    expect(recorded).toBeLessThan(60_000_000);
    // Only counted from here on: the helper that gathers messages would be the slow part.
    let received = 0;
    let tail = Buffer.alloc(0);
    peer.socket.removeAllListeners('data');
    peer.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      tail = Buffer.concat([tail, chunk]).subarray(-6);
    });
    peer.socket.resume();
    await until(() => tail.equals(m.encodeReadyForQuery('I')));
    expect(received).toBeGreaterThan(100_000 * 1000);
    await until(() => gateway.journal.of('command.ended').length === 1);
    expect(gateway.journal.of('command.ended')).toMatchObject([{ rows: 100_000, outcome: 'completed' }]);
  }, 60_000);

  test('a recording that cannot keep up pauses the server', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    gateway.last.congested = true;
    peer.write(query("select repeat('x', 1000) from generate_series(1, 20000)"));
    await until(() => gateway.last.bytes > 0);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(gateway.last.bytes).toBeLessThan(2_000_000);
    gateway.last.congested = false;
    gateway.last.onReady!();
    expect((await readUntilReady(peer)).filter(({ type }) => type === 'D')).toHaveLength(20_000);
  }, 30_000);
});

describe('endings', () => {
  test('I11: a kill says 57P01, cancels what runs, and closes', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    peer.write(query('select pg_sleep(60)'));
    await until(() => all(gateway).includes('pg_sleep'));
    gateway.doors.sessions.end(() => true, {
      reason: 'killed',
      message: 'Ended by an operator.',
      code: null,
      by: 'admin',
    });
    const rest = await peer.rest();
    expect(rest.includes('57P01')).toBe(true);
    expect(rest.includes('Ended by admin.')).toBe(true);
    await until(() => gateway.open() === 0);
    for (;;) {
      const running = await server.query(
        "select 1 from pg_stat_activity where query like '%sleep(60)' and state = 'active'",
      );
      if (running.length === 0) break;
    }
    expect(gateway.journal.of('session.ended')).toMatchObject([{ reason: 'killed', by: 'admin' }]);
  });

  test('F-09: a client that vanishes has its query cancelled', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    peer.write(query('select pg_sleep(61)'));
    await until(() => all(gateway).includes('pg_sleep'));
    peer.socket.resetAndDestroy();
    await until(() => gateway.journal.of('session.ended').length === 1);
    for (;;) {
      const running = await server.query(
        "select 1 from pg_stat_activity where query like '%sleep(61)' and state = 'active'",
      );
      if (running.length === 0) break;
    }
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'unfinished' }]);
  });

  test('an idle session ends with 57P05, one that works does not', async () => {
    const clock = new FakeClock();
    const gateway = await start({ clock, settings: { database: server.database, idle_timeout: 60 } });
    const peer = await raw(gateway);
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
    clock.advance(45_000);
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
    clock.advance(45_000);
    peer.write(query('select pg_sleep(0.2)'));
    await until(() => all(gateway).includes('pg_sleep'));
    clock.advance(200_000);
    expect(outline(await readUntilReady(peer))).toBe('T D C Z:I');
    clock.advance(90_000);
    expect((await peer.rest()).includes('57P05')).toBe(true);
    clock.advance(1_000);
  });

  test('A-PG-25, A-PG-26: a cancel withdraws what waits; a key is worthless after its session', async () => {
    const gateway = await start();
    const peer = await raw(gateway);
    gateway.journal.hold();
    peer.write(query('insert into kept values (77)'));
    await until(() => gateway.journal.of('command.intent').length === 1);
    await cancel(gateway, peer.key);
    expect(outline(await readUntilReady(peer))).toBe('E:57014 Z:I');
    gateway.journal.release();
    expect(all(gateway).includes('(77)')).toBe(false);
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'withdrawn' }]);
    expect(await ask(peer, query('select 1'))).toBe('T D C Z:I');
    peer.write(m.encodeTerminate());
    await peer.rest();
    await until(() => gateway.open() === 0);
    const later = await raw(gateway);
    later.write(query('select pg_sleep(0.3)'));
    await until(() => all(gateway).includes('pg_sleep(0.3)'));
    await cancel(gateway, peer.key);
    expect(outline(await readUntilReady(later))).toBe('T D C Z:I');
    expect(gateway.journal.of('command.cancel')).toHaveLength(1);
  });
});

async function cancel(gateway: TestGateway, key: Buffer): Promise<void> {
  const { Peer } = await import('./testing.ts');
  const peer = await Peer.connect(gateway.port);
  peer.write(m.encodeCancelRequest(key.readInt32BE(0), key.subarray(4)));
  await peer.rest();
}

/** A judge that allows everything and notes the texts of what is executed. */
function watching(seen: string[]): NonNullable<GatewayOptions['judge']> {
  return ({ verb, text }) => {
    if (verb === 'execute') seen.push(text);
    return null;
  };
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function flood(one: Buffer): Buffer {
  return Buffer.concat(Array.from({ length: limits.parameterChangesMax + 1 }, () => one));
}

function errorWithoutState(): Buffer {
  const body = Buffer.from('SERROR\0Mwhat\0\0');
  return Buffer.concat([Buffer.from('E'), u32(body.length + 4), body]);
}
