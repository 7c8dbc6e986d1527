import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { backendMessages, MessageReader } from './codec.ts';
import { Inbox } from './inbox.ts';
import * as limits from './limits.ts';
import * as messages from './messages.ts';
import { readParameters } from './parameters.ts';
import { fakeDoor, fakeSession, resource } from './testing.ts';
import { openUpstream, type UpstreamReady } from './upstream.ts';
import { arrayTypes, multirangeTypes, rangeTypes, scalarTypes } from './value-types.ts';
import { decodeParameters, renderValue, typeName } from './values.ts';

/** Cells of a DataRow, copied. */
function cells(buffer: Buffer, start: number): (Buffer | null)[] {
  const list: (Buffer | null)[] = [];
  let at = start + 7;
  for (let left = buffer.readUInt16BE(start + 5); left > 0; left--) {
    const size = buffer.readInt32BE(at);
    at += 4;
    list.push(size < 0 ? null : Buffer.from(buffer.subarray(at, at + size)));
    at += Math.max(0, size);
  }
  return list;
}

interface Result {
  readonly types: readonly number[];
  readonly rows: readonly (readonly (Buffer | null)[])[];
}

/** Runs one statement by the extended protocol with the given result formats. */
function run(ready: UpstreamReady, text: string, resultFormats: number[]): Promise<Result> {
  const reader = new MessageReader(backendMessages);
  let types: number[] = [];
  const rows: (Buffer | null)[][] = [];
  return new Promise((resolve, reject) => {
    ready.upstream.handle({
      read: (chunk) => {
        reader.push(chunk);
        while (reader.advance()) {
          const type = String.fromCharCode(reader.type);
          if (type === 'T') types = messages.decodeRowDescription(reader).map(({ typeOid }) => typeOid);
          else if (type === 'D') rows.push(cells(reader.buffer, reader.start));
          else if (type === 'E') reject(new Error(`${messages.decodeErrorResponse(reader)['M']}: ${text}`));
          else if (type === 'Z') resolve({ types, rows });
        }
      },
      end: () => {},
      drain: () => {},
      close: () => reject(new Error('closed')),
    });
    const bind = {
      portal: '',
      statement: '',
      parameterFormats: [],
      parameters: new Int32Array(0),
      resultFormats,
      buffer: Buffer.alloc(0),
    };
    ready.upstream.handshake(
      Buffer.concat([
        messages.encodeParse({ statement: '', text, parameterTypes: [] }),
        messages.encodeBind(bind),
        messages.encodeDescribe({ target: 'portal', name: '' }),
        messages.encodeExecute({ portal: '', rowsMax: 0 }),
        messages.encodeSync(),
      ]),
    );
  });
}

describe('against the server’s own spelling', () => {
  let server: PostgresServer;
  let ready: UpstreamReady;
  beforeAll(async () => {
    server = await startPostgres({ user: 'app', password: 'secret', database: 'orders' });
    const door = await fakeDoor();
    const inbox = new Inbox({ handle: () => {} }, { clock: door.clock, signal: door.signal, bytesMax: 1 });
    const sent = new Map(
      Object.entries({ user: 'engineer', TimeZone: 'UTC', IntervalStyle: 'postgres', DateStyle: 'ISO' }),
    );
    ready = await openUpstream(
      fakeSession(resource(server.port), { username: 'app', password: 'secret' }),
      { inbox, parameters: readParameters(sent), minor: 0, minorRequested: 0, facts: {} },
      door,
    );
  }, 120_000);
  afterAll(async () => {
    ready?.upstream.destroy();
    await server?.stop();
  });

  /** Every row's first column in binary, spelled, must be its second in text. */
  async function compare(query: string): Promise<number> {
    const { types, rows } = await run(ready, query, [1, 0]);
    for (const [binary, text] of rows) {
      if (binary === null || binary === undefined) expect(text).toBeNull();
      else expect(renderValue(binary, types[0]!, 'binary')).toBe(text!.toString());
    }
    return rows.length;
  }

  test.each<[string, string[]]>([
    ['bool', ['true', 'false']],
    ['"char"', ['a', '']],
    ['name', ['pg_class']],
    ['text', ['', 'plain', 'Grüße, 世界 🦆', 'a\tb']],
    ['varchar', ['x']],
    ['char(5)', ['ab']],
    ['bytea', ['\\x', '\\x00ff10']],
    ['int2', ['0', '-32768', '32767']],
    ['int4', ['0', '-2147483648', '2147483647']],
    ['int8', ['0', '-9223372036854775808', '9223372036854775807', '9007199254740993']],
    ['oid', ['0', '4294967295']],
    ['xid', ['4294967295']],
    ['xid8', ['18446744073709551615']],
    ['tid', ['(4294967295,65535)', '(0,1)']],
    ['pg_lsn', ['16/B374D848', 'FFFFFFFF/FFFFFFFF', '0/0']],
    [
      'numeric',
      [
        '0',
        '0.0',
        '0.000',
        '-0.00001',
        '1',
        '-1',
        '9999',
        '10000',
        '10001',
        '123456789.123456789',
        '1e100',
        '-1e-100',
        '0.1',
        '100000000000000000000000000000000000001',
        '1.10',
        '1e16000',
        'NaN',
        'Infinity',
        '-Infinity',
        '5000.5000',
        '0.00010000',
        '12345678901234567890.12345678901234567890',
      ],
    ],
    [
      'float8',
      [
        '0',
        '-0',
        '1',
        '-1.5',
        '0.1',
        '1e15',
        '1e14',
        '999999999999999',
        '123456789012345678',
        '1e-4',
        '1e-5',
        '0.00012345',
        '1e300',
        '5e-324',
        '1.7976931348623157e308',
        'NaN',
        'Infinity',
        '-Infinity',
        '3.141592653589793',
      ],
    ],
    [
      'float4',
      [
        '0',
        '-0',
        '1',
        '0.1',
        '1e6',
        '999999',
        '100000',
        '1234567',
        '1e-4',
        '1e-5',
        '3.4028235e38',
        '1e-45',
        'NaN',
        '-Infinity',
        '16777216',
        '9.999999e-5',
        '1.17549435e-38',
        '0.3',
      ],
    ],
    [
      'date',
      [
        '2000-01-01',
        '1999-12-31',
        '2024-02-29',
        '1900-03-01',
        '0001-01-01',
        '0001-01-01 BC',
        '4713-11-24 BC',
        '5874897-12-31',
        'infinity',
        '-infinity',
      ],
    ],
    ['time', ['00:00:00', '24:00:00', '12:34:56.789', '23:59:59.999999', '00:00:00.000001']],
    ['timetz', ['12:00:00+00', '12:00:00.5-05:30', '00:00:00+15:59:59', '24:00:00-08']],
    [
      'timestamp',
      [
        '2000-01-01 00:00:00',
        '1999-12-31 23:59:59.999999',
        '294276-12-31 23:59:59.999999',
        '4713-11-24 00:00:00 BC',
        'infinity',
        '-infinity',
        '1969-07-20 20:17:40.5',
      ],
    ],
    ['timestamptz', ['2000-01-01 00:00:00+00', '2024-02-29 12:34:56.7+02', '0044-03-15 12:00:00+00 BC', 'infinity']],
    [
      'interval',
      [
        '0',
        '1 day',
        '-1 day',
        '1 mon -1 day',
        '-1 mon +2 days -00:00:01',
        '1 year 2 mons 3 days 04:05:06.789',
        '-1 year -1 mon',
        '100:00:00',
        '-00:00:00.000001',
        '1 day -1 hour',
        '-1 day 1 hour',
        '178000000 years',
        '-13 mons',
        '2562047788:00:54.775807',
      ],
    ],
    ['uuid', ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
    ['json', ['{"a": [1, 2]}']],
    ['jsonb', ['{"a": [1, 2.50]}', 'null']],
    ['jsonpath', ['$.a[*] ? (@ > 1)']],
    ['xml', ['<a>b</a>']],
    [
      'inet',
      [
        '192.168.0.1',
        '192.168.0.1/24',
        '0.0.0.0/0',
        '::',
        '::1',
        '::1/128',
        '2001:db8::1/64',
        '1:0:0:2:0:0:0:3',
        '1:0:2:3:4:5:6:7',
        '::ffff:1.2.3.4',
        '::1.2.3.4',
        '1:2:3:4:5:6:7:8',
        'fe80::',
        '0:0:1::',
        '::2:3:4:5:6:7:8',
      ],
    ],
    ['cidr', ['10.0.0.0/8', '192.168.0.1/32', '::/0', '2001:db8::/32']],
    ['macaddr', ['08:00:2b:01:02:03']],
    ['macaddr8', ['08:00:2b:01:02:03:04:05']],
    ['bit(3)', ['101', '000']],
    ['varbit', ['', '1', '10101010101', '11111111']],
    ['point', ['(1,2)', '(-1.5,1e20)']],
    ['line', ['{1,2,3}']],
    ['lseg', ['[(1,2),(3,4)]']],
    ['box', ['(3,4),(1,2)']],
    ['path', ['((1,2),(3,4))', '[(1,2),(3,4)]']],
    ['polygon', ['((1,2),(3,4),(5,6))']],
    ['circle', ['<(1,2),3>']],
    ['tsvector', ["'a':1A,2 'b c':3C 'd''e'", '']],
    ['int2vector', ['1 2 3', '']],
    ['oidvector', ['1 2 4294967295']],
    ['int4[]', ['{}', '{1,2,NULL}', '{{1,2},{3,4}}', '[0:2]={1,2,3}', '[-1:0][2:3]={{1,2},{3,4}}']],
    ['text[]', ['{"",a,"a b","NULL",NULL,"null","a\\"b","c\\\\d","{x}","e,f"}', '{{{a}}}']],
    ['numeric[]', ['{1.10,NaN}']],
    ['timestamptz[]', ['{2000-01-01 00:00:00+00,NULL}']],
    ['box[]', ['{(3,4),(1,2);(7,8),(5,6)}']],
    ['uuid[]', ['{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}']],
    ['jsonb[]', ['{"{\\"a\\": 1}"}']],
    ['bool[]', ['{t,f}']],
    ['float8[]', ['{0.1,-0,Infinity}']],
    ['inet[]', ['{::1,10.0.0.0/8}']],
    ['bytea[]', ['{"\\\\x00ff"}']],
    ['int4range', ['[1,5)', 'empty', '(,5)', '[1,)', '(,)']],
    ['numrange', ['(1.5,2.5]']],
    ['tsrange', ['[2000-01-01 00:00,2001-01-01 00:00)']],
    ['tstzrange', ['[2000-01-01 00:00+00,)']],
    ['daterange', ['[2000-01-01,2001-01-01)']],
    ['int8range[]', ['{"[1,3)",empty}']],
    ['int4multirange', ['{[1,3),[5,7)}', '{}']],
    ['nummultirange', ['{[1.5,2.5]}']],
    ['tsmultirange', ['{[2000-01-01 00:00,2001-01-01 00:00)}']],
    ['refcursor', ['c']],
  ])('%s', async (type, literals) => {
    const list = literals.map((literal) => `('${literal.replaceAll("'", "''")}'::${type})`).join(',');
    expect(await compare(`SELECT v, v FROM (VALUES ${list}, (NULL)) AS t(v)`)).toBe(literals.length + 1);
  });

  test('records', async () => {
    const row = `ROW(1, 'a b', NULL, '', 'q"u\\o', 2.50::numeric, '{1,2}'::int[], ROW(1,'x y'), '(,)'::int4range)`;
    expect(await compare(`SELECT r, r FROM (SELECT ${row} AS r) t`)).toBe(1);
    expect(await compare(`SELECT r, r FROM (SELECT ARRAY[${row}, ${row}] AS r) t`)).toBe(1);
  });

  test.each([
    ['float8', '(random() - 0.5) * 10 ^ (random() * 600 - 300)'],
    ['float8', 'round(random() * 1e18) / 10 ^ floor(random() * 20)'],
    ['float4', '(random() - 0.5) * 10 ^ (random() * 70 - 35)'],
    ['float4', '2 ^ floor(random() * 200 - 100)'],
    ['numeric', '(random() - 0.5)::numeric * 10::numeric ^ floor(random() * 80 - 40)::int'],
    ['numeric', 'round((random() * 1e9)::numeric, floor(random() * 12)::int)'],
    ['timestamp', "timestamp '2000-01-01' + (random() - 0.5) * interval '9000 years'"],
    ['date', "date '2000-01-01' + floor((random() - 0.5) * 4000000)::int"],
    ['time', "time '00:00' + random() * interval '1 day'"],
    [
      'interval',
      'make_interval(months => floor(random() * 100 - 50)::int, days => floor(random() * 100 - 50)::int, secs => round((random() * 1e6 - 5e5)::numeric, 3)::float8)',
    ],
    ['int8', '((random() - 0.5) * 1.8e19)::numeric::int8'],
    ['uuid', 'gen_random_uuid()'],
  ])('random %s: %s', async (type, expression) => {
    await run(ready, 'SELECT setseed(0.42)', []);
    expect(
      await compare(`SELECT v, v FROM (SELECT (${expression})::${type} AS v FROM generate_series(1, 2000)) t`),
    ).toBe(2000);
  });

  test('money, but for the currency of the locale', async () => {
    const { types, rows } = await run(
      ready,
      `SELECT m, m::numeric FROM (VALUES ('12.34'::money), ('-0.05'), ('0')) t(m)`,
      [1, 0],
    );
    for (const [binary, text] of rows) expect(renderValue(binary!, types[0]!, 'binary')).toBe(text!.toString());
  });

  test('every type that is named here has the server’s name and OID', async () => {
    const { rows } = await run(ready, 'SELECT oid, typname, typelem, typcategory FROM pg_type', [0, 0, 0, 0]);
    const real = new Map(
      rows.map(([oid, name, element, category]) => [
        Number(oid),
        { name: String(name), element: Number(element), category: String(category) },
      ]),
    );
    for (const table of [scalarTypes, rangeTypes, multirangeTypes]) {
      for (const [oid, { name }] of table) expect([oid, real.get(oid)?.name]).toEqual([oid, name]);
    }
    for (const [oid, element] of arrayTypes) expect([oid, real.get(oid)]).toMatchObject([oid, { element }]);
  });

  test('a type that is not built in is shown as hexadecimal', async () => {
    await server.query(`CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE moods AS SELECT 'ok'::mood AS m`);
    await server.query('GRANT SELECT ON moods TO app');
    const { types, rows } = await run(ready, 'SELECT m, ARRAY[m] FROM moods', [1, 1]);
    expect(renderValue(rows[0]![0]!, types[0]!, 'binary')).toBe('\\x6f6b');
    expect(renderValue(rows[0]![1]!, types[1]!, 'binary')).toMatch(/^\\x/);
  });
});

describe('what is not what it says', () => {
  const types = [
    0,
    12345,
    ...scalarTypes.keys(),
    ...arrayTypes.keys(),
    ...rangeTypes.keys(),
    ...multirangeTypes.keys(),
    22,
    30,
    2249,
  ];
  const runs = Number(process.env['SALLYPORT_FUZZ_RUNS'] ?? 300);

  test('any bytes as any type are spelled without an error, within bounds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...types), (bytes, type) => {
        const text = renderValue(Buffer.from(bytes), type, 'binary');
        expect(text.length).toBeLessThanOrEqual(
          3 * (limits.valueExpansionBase + bytes.length * limits.valueExpansionMax),
        );
        expect(typeof typeName(type)).toBe(type === 0 ? 'object' : 'string');
      }),
      { numRuns: runs },
    );
  });

  /** An array of one dimension. */
  const array = (type: number, element: Buffer, count: number): Buffer => {
    const head = Buffer.alloc(20);
    head.writeInt32BE(1, 0);
    head.writeUInt32BE(type, 8);
    head.writeInt32BE(count, 12);
    head.writeInt32BE(1, 16);
    const size = Buffer.alloc(4);
    size.writeInt32BE(element.length);
    return Buffer.concat([head, ...Array.from({ length: count }, () => Buffer.concat([size, element]))]);
  };

  test('an array of eight-byte numerics of 131,072 digits is not spelled out', () => {
    const huge = Buffer.from('00007fff00000000', 'hex');
    expect(renderValue(huge, 1700, 'binary')).toBe('0');
    const large = Buffer.from('00017fff000000000001', 'hex');
    expect(renderValue(large, 1700, 'binary')).toHaveLength(131_069);
    expect(renderValue(array(1700, large, 1000), 1231, 'binary')).toMatch(/^\\x/);
  });

  test('nesting without end is not followed', () => {
    let value = Buffer.alloc(4);
    for (let depth = 0; depth < 1000; depth++) {
      const head = Buffer.alloc(12);
      head.writeInt32BE(1, 0);
      head.writeUInt32BE(2249, 4);
      head.writeInt32BE(value.length, 8);
      value = Buffer.concat([head, value]);
    }
    expect(renderValue(value, 2249, 'binary')).toMatch(/^\\x/);
  });
});

describe('decodeParameters', () => {
  const bind = (values: (Buffer | null)[], parameterFormats: number[]): messages.Bind => {
    const message = messages.encodeBind({
      portal: '',
      statement: '',
      parameterFormats,
      parameters: Int32Array.from(
        values.flatMap((value, index) => [
          values.slice(0, index).reduce((sum, one) => sum + (one?.length ?? 0), 0),
          value?.length ?? -1,
        ]),
      ),
      resultFormats: [],
      buffer: Buffer.concat(values.map((value) => value ?? Buffer.alloc(0))),
    });
    return messages.decodeBind({ buffer: message, start: 0, end: message.length });
  };
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

  test('text and binary, NULL, and types that nobody named', () => {
    const values = [Buffer.from('a'), Buffer.from([0, 0, 0, 7]), null, Buffer.from([1, 2])];
    expect(decodeParameters(bind(values, [0, 1, 0, 1]), [25, 23, 20])).toEqual([
      { type: 'text', value: 'a', bytes: 1 },
      { type: 'int4', value: '7', bytes: 4 },
      { type: 'int8', value: null, bytes: 0 },
      { type: null, value: '\\x0102', bytes: 2 },
    ]);
  });

  test('one format stands for all', () => {
    expect(decodeParameters(bind([Buffer.from([1]), Buffer.from([0])], [1]), [16, 16])).toMatchObject([
      { value: 't' },
      { value: 'f' },
    ]);
  });

  test('a value at the limit is whole, one past it is cut and digested', () => {
    const most = limits.parameterTextBytesMax;
    const [whole, cut] = decodeParameters(bind([Buffer.alloc(most, 'x'), Buffer.alloc(most + 1, 'y')], []), [25, 25]);
    expect(whole).toEqual({ type: 'text', value: 'x'.repeat(most), bytes: most });
    expect(cut).toEqual({
      type: 'text',
      value: 'y'.repeat(most),
      bytes: most + 1,
      digest: digest(Buffer.alloc(most + 1, 'y')),
    });
  });

  test('values are cut at whole characters', () => {
    const text = `x${'ü'.repeat(limits.parameterTextBytesMax)}`;
    const [parameter] = decodeParameters(bind([Buffer.from(text)], []), [25]);
    expect(text.startsWith(parameter!.value!)).toBe(true);
    expect(Buffer.byteLength(parameter!.value!)).toBeGreaterThan(limits.parameterTextBytesMax - 4);
  });

  test('all parameters together keep within their budget, and each keeps its digest', () => {
    const values = Array.from({ length: 100 }, (_, index) =>
      Buffer.alloc(limits.parameterTextBytesMax, 97 + (index % 26)),
    );
    const list = decodeParameters(bind(values, []), []);
    const kept = list.reduce((sum, { value }) => sum + Buffer.byteLength(value!), 0);
    expect(kept).toBe(limits.parametersTextBytesMax);
    expect(list.at(-1)).toEqual({ type: null, value: '', bytes: values[99]!.length, digest: digest(values[99]!) });
  });
});
