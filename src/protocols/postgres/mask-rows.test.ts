/** Rows of a real server through the gateway: every type, text and binary, simple and extended, whole and in parts. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import type { OutputPlan, ValueMask } from '../../core/masking.ts';
import { detects, judgingBy, listening, nulls, planOf, redacts } from './mask-testing.ts';
import * as m from './messages.ts';
import { outline, type RawMessage, rawClient, readUntilReady } from './raw-testing.ts';
import { connect, startGateway, type TestGateway } from './relay-testing.ts';
import { renderValue } from './values.ts';

let server: PostgresServer;
let gateways: TestGateway[] = [];
beforeAll(async () => {
  server = await startPostgres({
    seed: `create type mood as enum ('sad', 'happy'); create type pair as (a int, b text);
      create domain email as text; create type period as range (subtype = date);
      create table t(id int primary key, card text); alter table t owner to app`,
  });
}, 90_000);
afterAll(async () => server?.stop());
afterEach(async () => {
  for (const one of gateways) await one.close();
  gateways = [];
});

async function gatewayWith(plan: OutputPlan | null): Promise<TestGateway> {
  const gateway = await startGateway({ upstream: server, judging: judgingBy(() => plan) });
  gateways.push(gateway);
  return gateway;
}

const noParameters = { parameterFormats: [], parameters: new Int32Array(0), buffer: Buffer.alloc(0) };

function extended(text: string, format: 0 | 1, describes: 'portal' | 'statement' | null = 'portal'): Buffer {
  return Buffer.concat([
    m.encodeParse({ statement: 's', text, parameterTypes: [] }),
    ...(describes === 'statement' ? [m.encodeDescribe({ target: 'statement', name: 's' })] : []),
    m.encodeBind({ portal: '', statement: 's', resultFormats: [format], ...noParameters }),
    ...(describes === 'portal' ? [m.encodeDescribe({ target: 'portal', name: '' })] : []),
    m.encodeExecute({ portal: '', rowsMax: 0 }),
    m.encodeClose({ target: 'statement', name: 's' }),
    m.encodeSync(),
  ]);
}

async function ask(to: Parameters<typeof rawClient>[0], bytes: Buffer, ready = 1): Promise<RawMessage[]> {
  const peer = await rawClient(to);
  peer.write(bytes);
  const messages = await readUntilReady(peer, ready);
  peer.socket.destroy();
  return messages;
}

const through = (gateway: TestGateway): Parameters<typeof rawClient>[0] => ({ ...gateway.config, database: 'orders' });
const flat = (messages: readonly RawMessage[]): string[] =>
  messages.map(({ type, buffer, start, end }) => type + buffer.toString('latin1', start, end));

/** Cells of the rows, as values.ts spells them by the description before them. */
function rowsOf(messages: readonly RawMessage[]): (string | null)[][] {
  let fields: m.Field[] = [];
  const rows: (string | null)[][] = [];
  for (const message of messages) {
    if (message.type === 'T') fields = m.decodeRowDescription(message);
    if (message.type !== 'D') continue;
    let at = message.start + 7;
    rows.push(
      Array.from({ length: message.buffer.readUInt16BE(message.start + 5) }, (_, index) => {
        const size = message.buffer.readInt32BE(at);
        const cell = message.buffer.subarray(at + 4, at + 4 + Math.max(0, size));
        at += 4 + cell.length;
        const { typeOid = 0, format = 0 } = fields[index] ?? {};
        return size < 0 ? null : renderValue(cell, typeOid, format === 1 ? 'binary' : 'text');
      }),
    );
    expect(at).toBe(message.end);
  }
  return rows;
}

/** Expressions, and what is left of them when a mask covers everything by type. */
const values: [expression: string, covered: string | null][] = [
  ["'secret'::text", '***'],
  ["'secret'::varchar(2)", '**'],
  ["'secret'::bpchar(10)", '***'],
  ["'secret'::name", '***'],
  ['\'s\'::"char"', '*'],
  ['7::int2', '0'],
  ['7::int4', '0'],
  ['7::int8', '0'],
  ['7::oid', '0'],
  ['1.50::numeric', '0'],
  ['1.5::float4', '0'],
  ['1.5::float8', '0'],
  ['true', 'f'],
  ["'2024-02-29'::date", '2000-01-01'],
  ["'12:00'::time", '00:00:00'],
  ["'12:00+02'::timetz", '00:00:00'],
  ["'2024-02-29 12:00'::timestamp", '2000-01-01 00:00:00'],
  ["'2024-02-29 12:00+00'::timestamptz", '2000-01-01 00:00:00'],
  ["'1 day'::interval", '00:00:00'],
  ["'0f0e0d0c-0b0a-0908-0706-050403020100'::uuid", '00000000-0000-0000-0000-000000000000'],
  ["'\\x0102'::bytea", '\\x00'],
  ["'10.0.0.1'::inet", '0.0.0.0'],
  ['\'{"a": "secret"}\'::json', '"***"'],
  ['\'{"a": "secret"}\'::jsonb', '"***"'],
  ["'<a>secret</a>'::xml", '***'],
  ["array['secret', null, 'x']", '{***,NULL,***}'],
  ['array[[1,2],[3,4]]', '{{0,0},{0,0}}'],
  ["'[2:3]={1,2}'::int[]", '[2:3]={0,0}'],
  ["array['a b', 'c\"d']::varchar(5)[]", '{***,***}'],
  ["'{}'::text[]", '{}'],
  ["'[1,5)'::int4range", '[0,0)'],
  ["'empty'::int4range", 'empty'],
  ["'(,5)'::int8range", '(,0)'],
  ["'{[1,5),[7,9)}'::int4multirange", '{[0,0),[0,0)}'],
  ["'point(1 2)'::text::email", '***'],
  ["'happy'::mood", null],
  ["row(1, 'secret')::pair", null],
  ["'(1,2)'::point", null],
  ["to_tsvector('secret')", null],
  ["array['happy']::mood[]", null],
  ["'[2024-01-01,2024-02-01)'::period", null],
  ["b'101'", null],
  ["'08:00:2b:01:02:03'::macaddr", null],
];

/** Spelled alike in either format. */
const normal = (text: string | null): string | null => text?.replace(/([+]00)$/, '') ?? null;

describe('every type (A-PG-21)', () => {
  const list = `select ${values.map(([expression]) => expression).join(', ')}`;
  const every = (mask: ValueMask | null): (ValueMask | null)[] => values.map(() => mask);
  const asked: [name: string, bytes: Buffer][] = [
    ['simple', m.encodeQuery(list)],
    ['extended text', extended(list, 0)],
    ['extended binary', extended(list, 1)],
    ['extended binary, described before it was bound', extended(list, 1, 'statement')],
  ];

  test.each(asked)('%s: a mask covers each by its type', async (_, bytes) => {
    const gateway = await gatewayWith(planOf({ columns: [every(redacts('m'))] }));
    const direct = await ask(server, bytes);
    const messages = await ask(through(gateway), bytes);
    expect(outline(messages)).toBe(outline(direct));
    // A statement's description tells no formats: what is asked for in binary comes so.
    const shown = messages.map((message) =>
      message.type !== 'T' || !bytes.includes('B') || outline(direct).startsWith('1 2')
        ? message
        : {
            ...message,
            ...whole(m.encodeRowDescription(m.decodeRowDescription(message).map((field) => ({ ...field, format: 1 })))),
          },
    );
    const [row] = rowsOf(shown);
    for (const [index, [expression, covered]] of values.entries()) {
      // macaddr takes no address of IPv4: in text nobody can tell, in binary it becomes NULL.
      const expected = expression.endsWith('macaddr') && !_.includes('binary') ? '0.0.0.0' : covered;
      expect([expression, normal(row![index]!)]).toEqual([expression, expected]);
    }
    expect(gateway.last.rows(1).length + gateway.last.rows(2).length).toBe(1);
    expect(JSON.stringify([gateway.last.rows(1), gateway.last.rows(2)])).not.toContain('secret');
  });

  test.each(asked)('%s: with detectors that find nothing the bytes are the same', async (_, bytes) => {
    const gateway = await gatewayWith(
      planOf({ columns: [every(detects('m', 'nowhere'))], text: detects('m', 'nowhere') }),
    );
    expect(flat(await ask(through(gateway), bytes))).toEqual(flat(await ask(server, bytes)));
    expect(gateway.journal.of('command.ended').every(({ masked }) => masked === undefined)).toBe(true);
  });

  test.each(asked)('%s: what a detector finds goes, the rest stays', async (_, bytes) => {
    const gateway = await gatewayWith(planOf({ columns: [every(detects('m', 'secret'))] }));
    const text = flat(await ask(through(gateway), bytes)).join('');
    expect(text).not.toContain('secret');
    expect(text).toContain('******');
    expect(
      gateway.journal.of('command.ended').at(-1)?.masked ?? gateway.journal.of('command.ended')[1]?.masked,
    ).toEqual({
      m: expect.any(Number),
    });
  });

  test.each(asked)('%s: NULL fits everywhere', async (_, bytes) => {
    const gateway = await gatewayWith(planOf({ columns: [every(nulls('m'))] }));
    const text = flat(await ask(through(gateway), bytes)).join('');
    expect(text).not.toContain('secret');
  });
});

function whole(buffer: Buffer): { buffer: Buffer; start: number; end: number } {
  return { buffer, start: 0, end: buffer.length };
}

describe('which mask a column gets', () => {
  test('by place and statement; a result that does not fit its plan gets otherwise', async () => {
    const a = redacts('a');
    const plan = planOf({ columns: [[null, a], null, [a]], otherwise: redacts('otherwise') });
    const gateway = await gatewayWith(plan);
    const text = "select 'one', 'two'; select 'three'; select 'four', 'five'; select 'six'";
    const rows = rowsOf(await ask(through(gateway), m.encodeQuery(text)));
    expect(rows).toEqual([['one', '***'], ['***'], ['***', '***'], ['***']]);
    expect(gateway.journal.of('command.ended')[0]!.masked).toEqual({ a: 1, otherwise: 4 });
  });

  test('statements without rows count too', async () => {
    const gateway = await gatewayWith(planOf({ columns: [null, [null]] }));
    const rows = rowsOf(await ask(through(gateway), m.encodeQuery("set application_name = 'x'; select 'kept'")));
    expect(rows).toEqual([['kept']]);
  });

  test('NULL stays NULL, and a row of nothing stays', async () => {
    const gateway = await gatewayWith(planOf({ columns: [[redacts('a')], []] }));
    const messages = await ask(through(gateway), m.encodeQuery('select null::text; select'));
    expect(rowsOf(messages)).toEqual([[null], []]);
  });

  test('an Execute that nobody described gets otherwise', async () => {
    const gateway = await gatewayWith(planOf({ columns: [[null]] }));
    expect(rowsOf(await ask(through(gateway), extended("select 'open'", 0, null)))).toEqual([['***']]);
    const binary = await ask(through(gateway), extended("select 'open'", 1, null));
    expect(rowsOf(binary)).toEqual([[null]]);
  });

  test('the mask is told type, name and bound', async () => {
    const mask = listening(detects('a', 'nowhere'));
    const gateway = await gatewayWith(planOf({ columns: [[mask, mask]] }));
    await ask(through(gateway), extended('select \'x\'::varchar(7) as "Card", array[1]', 1));
    expect(mask.heard).toEqual([
      ['x', { type: 'text', column: 'Card', charactersMax: 7 }],
      ['1', { type: 'integer', column: 'array', charactersMax: null }],
    ]);
  });

  test('records are followed by what they say of themselves', async () => {
    const gateway = await gatewayWith(planOf({ columns: [[redacts('a'), redacts('a')]] }));
    const sql = "select row(1, 'secret', null, array['secret']), array[row(2, 'secret')]";
    expect(rowsOf(await ask(through(gateway), extended(sql, 1)))).toEqual([['(0,***,,{***})', '{"(0,***)"}']]);
    expect(rowsOf(await ask(through(gateway), m.encodeQuery(sql)))).toEqual([['(***,***,,***)', '{"(***,***)"}']]);
  });

  test('a value beyond its type’s range becomes NULL', async () => {
    const large: ValueMask = { ...redacts('a'), apply: () => Buffer.from('99999') };
    const gateway = await gatewayWith(planOf({ columns: [[large, large]] }));
    for (const bytes of [extended('select 1::int2, 1::int4', 1), m.encodeQuery('select 1::int2, 1::int4')]) {
      expect(rowsOf(await ask(through(gateway), bytes))).toEqual([[null, '99999']]);
    }
  });
});

describe('large values', () => {
  const sizes = [70_000, 1024 * 1024 + 1, 3_000_000, 5_000_000];
  test.each(sizes)(
    'of %i bytes are masked, in text and binary',
    async (size) => {
      const plan = planOf({ columns: [[redacts('a'), null, detects('d', 'secret'), redacts('a'), redacts('a')]] });
      const gateway = await gatewayWith(plan);
      const sql = `select repeat('secret ', ${Math.ceil(size / 7)}), repeat('open ', ${Math.ceil(size / 5)}),
      repeat('x', ${size} - 100003) || 'secret' || repeat('y', 100000), 12345, convert_to(repeat('secret', 20000), 'UTF8')`;
      for (const bytes of [m.encodeQuery(sql), extended(sql, 1)]) {
        const messages = await ask(through(gateway), bytes);
        const row = messages.find(({ type }) => type === 'D')!;
        expect(row.buffer.includes('secret', row.start, 'latin1')).toBe(false);
        expect(row.buffer.includes('736563726574', row.start, 'latin1')).toBe(false);
        expect(row.buffer.includes('12345', row.start, 'latin1')).toBe(false);
        const [cells] = rowsOf(messages);
        expect(cells![1]).toBe('open '.repeat(Math.ceil(size / 5)));
        expect(cells![2]!.replaceAll('******', 'secret').length).toBe(cells![2]!.length);
      }
    },
    30_000,
  );

  test('of 50 MB pass in bounded memory, masked and recorded as delivered', async () => {
    const gateway = await gatewayWith(planOf({ columns: [[detects('d', 'secret')]] }));
    const client = await connect(gateway);
    const { rows } = await client.query<{ value: string }>("select repeat('secret x', 6250000) as value");
    const { value } = rows[0]!;
    expect(value.length).toBe(50_000_000);
    expect(value.includes('secret')).toBe(false);
    expect(value.slice(-8)).toBe('****** x');
    await client.end();
    const recorded = gateway.last.of('rows').filter(({ command }) => command === 1);
    expect(recorded.some(({ data }) => data.includes('secret'))).toBe(false);
    expect(recorded.reduce((sum, { data }) => sum + data.length, 0)).toBe(50_000_006);
  }, 60_000);
});

describe('errors, notices, notifications (A-PG-23)', () => {
  const duplicate =
    "insert into t values (1, '4111111111111111') on conflict do nothing; insert into t values (1, 'x')";

  test('withheld: severity and SQLSTATE stay, and the names of constraints', async () => {
    const gateway = await gatewayWith(planOf({ columns: [null, null], messages: 'withhold' }));
    const messages = await ask(through(gateway), m.encodeQuery(duplicate));
    const fields = m.decodeErrorResponse(messages.find(({ type }) => type === 'E')!);
    expect(fields).toMatchObject({ S: 'ERROR', C: '23505', n: 't_pkey', t: 't' });
    expect(fields['M']).toBe('unique_violation (withheld by the gateway: the message may quote masked values)');
    expect(Object.keys(fields).filter((name) => 'DHWqp'.includes(name))).toEqual([]);
    const [recorded] = gateway.last.of('message');
    expect(recorded).toMatchObject({ code: '23505', text: fields['M'] });
    expect(recorded!.fields['D']).toBeUndefined();
  });

  test('passed through the text mask', async () => {
    const gateway = await gatewayWith(planOf({ columns: [null], text: detects('d', '(1)') }));
    const messages = await ask(
      through(gateway),
      m.encodeQuery("insert into t values (1, 'x') ; insert into t values (1, 'x')"),
    );
    const fields = m.decodeErrorResponse(messages.find(({ type }) => type === 'E')!);
    expect(fields['D']).toBe('Key (id)=*** already exists.');
  });

  test('notices too, and errors that come with Sync or COMMIT', async () => {
    const withheld = planOf({ columns: [null], messages: 'withhold' });
    const gateway = await startGateway({
      upstream: server,
      judging: judgingBy((text) => (text.startsWith('do') || text.startsWith('insert') ? withheld : null)),
    });
    gateways.push(gateway);
    const sql = [
      "do $$ begin raise notice 'secret'; end $$",
      'create temp table d(card text unique deferrable initially deferred)',
      'begin',
      "insert into d values ('secret'), ('secret')",
      'commit',
      "do $$ begin raise warning 'secret'; end $$; select pg_notify('c', '')",
      'select 1/0',
    ];
    const messages = await ask(through(gateway), Buffer.concat(sql.map((text) => m.encodeQuery(text))), sql.length);
    expect(outline(messages)).toContain('E:23505');
    expect(flat(messages).join('')).not.toContain('secret');
    // What follows the transaction is nobody's secret.
    expect(m.decodeErrorResponse(messages.findLast(({ type }) => type === 'E')!)['M']).toBe('division by zero');
  });

  test('the server’s words that drivers wait for stay', async () => {
    const gateway = await gatewayWith(planOf({ columns: [null], messages: 'withhold' }));
    const sql = ['begin', 'bad', 'select 1', 'rollback', 'set statement_timeout = 10', 'select pg_sleep(5)'];
    const messages = await ask(through(gateway), Buffer.concat(sql.map((text) => m.encodeQuery(text))), sql.length);
    const texts = messages.filter(({ type }) => type === 'E').map((message) => m.decodeErrorResponse(message)['M']);
    expect(texts).toEqual([
      'syntax_error (withheld by the gateway: the message may quote masked values)',
      'current transaction is aborted, commands ignored until end of transaction block',
      'canceling statement due to statement timeout',
    ]);
  });

  test('payloads of notifications are withheld where columns are masked', async () => {
    const gateway = await gatewayWith(planOf({ columns: [[redacts('a')]] }));
    const messages = await ask(through(gateway), m.encodeQuery("listen c; select pg_notify('c', 'secret')"));
    const notification = m.decodeNotificationResponse(messages.find(({ type }) => type === 'A')!);
    expect(notification).toMatchObject({ channel: 'c', payload: '(withheld by the gateway)' });
    expect(JSON.stringify(gateway.last.entries)).not.toContain('"text":"secret"');
  });
});
