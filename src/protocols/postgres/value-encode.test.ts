/** Spelled by values.ts and encoded again, a value is what the server sent. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import * as m from './messages.ts';
import { outline, rawClient, readUntilReady } from './raw-testing.ts';
import { encodeScalar } from './value-encode.ts';
import { renderValue } from './values.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 90_000);
afterAll(async () => server?.stop());

/** Expressions by type; each is asked for in binary. */
const expressions: Record<string, string[]> = {
  bool: ['true', 'false'],
  int2: ['-32768', '32767', '0'],
  int4: ['-2147483648', '2147483647'],
  int8: ['-9223372036854775808', '9223372036854775807'],
  oid: ['4294967295'],
  xid8: ["'18446744073709551615'"],
  float4: ["'NaN'", "'-Infinity'", '1.5e-42', '3.4028235e38', '-0.1', '16777216'],
  float8: ["'Infinity'", '5e-324', '1.7976931348623157e308', '0.1', '-123456.789'],
  numeric: [
    "'NaN'",
    "'Infinity'",
    "'-Infinity'",
    '0',
    '-0.0001',
    '123456789012345678901234567890.123456789',
    '10000',
    '0.00010000',
    '1e100',
    '-9999.9999',
    "'0.000'",
  ],
  money: ['-12.34', '92233720368547758.07'],
  date: [
    "'2024-02-29'",
    "'infinity'",
    "'-infinity'",
    "'4714-11-24 BC'",
    "'5874897-12-31'",
    "'1999-12-31'",
    "'0001-01-01'",
  ],
  time: ["'00:00'", "'24:00'", "'23:59:59.999999'"],
  timetz: ["'12:34:56.7+05:30'", "'00:00:00-11:59:59'", "'01:02:03Z'"],
  timestamp: [
    "'294276-12-31 23:59:59.999999'",
    "'4713-01-01 BC'",
    "'2000-01-01'",
    "'infinity'",
    "'1969-12-31 23:59:59.5'",
  ],
  timestamptz: ["'2024-07-01 12:00:00.25+02'", "'-infinity'"],
  interval: ["'1 year 2 mons -3 days +04:05:06.000007'", "'0'", "'-5 mons'", "'-00:00:01'", "'100000:00:00'"],
  uuid: ["'0f0e0d0c-0b0a-0908-0706-050403020100'"],
  bytea: ["'\\x'", "'\\x00ff10'"],
  inet: ["'10.1.2.3'", "'10.1.2.3/8'", "'::1'", "'::ffff:1.2.3.4'", "'2001:db8::/32'", "'1:2:3:4:5:6:7:8'"],
  cidr: ["'10.0.0.0/8'", "'2001:db8::/32'"],
  macaddr: ["'08:00:2b:01:02:03'"],
  macaddr8: ["'08:00:2b:01:02:03:04:05'"],
  text: ["'Grüße'", "''"],
  varchar: ["'abc'"],
  bpchar: ["'ab '"],
  name: ["'someone'"],
  '"char"': ["'x'", "''"],
  json: [`'{"a": 1}'`],
  jsonb: [`'{"a": [1, null]}'`],
  xml: ["'<a/>'"],
};

describe('back from the spelling', () => {
  test('every type and its extremes', async () => {
    const peer = await rawClient(server);
    const list = Object.entries(expressions).flatMap(([type, values]) =>
      values.map((value) => `'${value.replaceAll("'", '')}'::${type}`),
    );
    peer.write(m.encodeParse({ statement: '', text: `select ${list.join(', ')}`, parameterTypes: [] }));
    const none = { parameterFormats: [], parameters: new Int32Array(0), buffer: Buffer.alloc(0) };
    peer.write(m.encodeBind({ portal: '', statement: '', resultFormats: [1], ...none }));
    peer.write(m.encodeDescribe({ target: 'portal', name: '' }));
    peer.write(m.encodeExecute({ portal: '', rowsMax: 0 }));
    peer.write(m.encodeSync());
    const messages = await readUntilReady(peer);
    expect(outline(messages)).toBe('1 2 T D C Z:I');
    const fields = m.decodeRowDescription(messages.find(({ type }) => type === 'T')!);
    const row = messages.find(({ type }) => type === 'D')!;
    let at = row.start + 7;
    for (const [index, { typeOid }] of fields.entries()) {
      const size = row.buffer.readInt32BE(at);
      const value = row.buffer.subarray(at + 4, at + 4 + size);
      at += 4 + size;
      const spelled = renderValue(value, typeOid, 'binary');
      const back = encodeScalar(typeOid, spelled)!;
      expect([list[index], spelled, back]).not.toContain(null);
      expect([list[index], renderValue(back, typeOid, 'binary')]).toEqual([list[index], spelled]);
      // Infinite numerics carry a scale that means nothing.
      if (!list[index]!.includes("Infinity'::numeric")) {
        expect([list[index], back.toString('hex')]).toEqual([list[index], value.toString('hex')]);
      }
    }
    peer.socket.destroy();
  });

  test.each([
    [21, '32768'],
    [21, '-32769'],
    [23, '2147483648'],
    [23, ''],
    [23, '1.5'],
    [20, '9223372036854775808'],
    [26, '-1'],
    [16, 'maybe'],
    [700, '1e39'],
    [701, '1e309'],
    [701, '0x10'],
    [701, ''],
    [701, 'toString'],
    [1700, '.'],
    [1700, '1e5'],
    [1700, '***'],
    [1700, `1${'0'.repeat(131_072)}`],
    [1082, '2023-02-29'],
    [1082, '0000-01-01'],
    [1082, '5874898-01-01'],
    [1082, '01/02/2003'],
    [1083, '24:00:01'],
    [1083, '25:00'],
    [1266, '00:00+16'],
    [1114, '2000-01-01 00:00:00+00'],
    [1114, '294277-01-01'],
    [1186, '1 fortnight'],
    [1186, ''],
    [1186, 'constructors 1'],
    [2950, '0f0e0d0c'],
    [17, '\\x0'],
    [869, '300.1.1.1'],
    [869, '1.2.3.4/33'],
    [869, '1::2::3'],
    [869, ':::'],
    [829, '08:00:2b'],
    [790, '1.234'],
    [600, '(1,2)'],
  ])('type %i does not take %j', (typeOid, text) => {
    expect(encodeScalar(typeOid, text.slice(0, 200_000))).toBeNull();
  });
});
