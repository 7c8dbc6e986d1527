import { describe, expect, test } from 'vitest';
import { parseOptions, readParameters } from './parameters.ts';

const read = (parameters: Record<string, string>) =>
  readParameters(new Map(Object.entries({ user: 'engineer+orders', ...parameters })));
const settings = (parameters: Record<string, string>) => Object.fromEntries(read(parameters).settings);

describe('what stock clients send', () => {
  test.each<[string, Record<string, string>]>([
    ['psql', { database: 'orders', application_name: 'psql', client_encoding: 'UTF8' }],
    ['psql in the C locale', { database: 'orders', application_name: 'psql', client_encoding: 'SQL_ASCII' }],
    ['libpq with PGTZ, PGDATESTYLE, PGGEQO', { timezone: 'UTC', datestyle: 'ISO, DMY', geqo: 'off' }],
    ['libpq with PGOPTIONS', { options: '-c statement_timeout=5min -c lock_timeout=1s' }],
    [
      'JDBC',
      {
        database: 'orders',
        client_encoding: 'UTF8',
        DateStyle: 'ISO',
        TimeZone: 'Europe/Zurich',
        extra_float_digits: '2',
        application_name: 'PostgreSQL JDBC Driver',
      },
    ],
    ['Npgsql', { database: 'orders', client_encoding: 'UTF8', application_name: 'api' }],
    ['pgx', { database: 'orders', application_name: 'job', standard_conforming_strings: 'on' }],
    ['asyncpg', { database: 'orders', client_encoding: "'utf-8'", application_name: 'x', jit: 'off' }],
    ['lib/pq', { client_encoding: 'UTF8', datestyle: 'ISO, MDY', extra_float_digits: '2' }],
    ['sqlx', { DateStyle: 'ISO, MDY', client_encoding: 'UTF8', TimeZone: 'UTC', extra_float_digits: '2' }],
    [
      'node-postgres',
      {
        database: 'orders',
        client_encoding: 'UTF8',
        statement_timeout: '1000',
        lock_timeout: '1000',
        idle_in_transaction_session_timeout: '1000',
      },
    ],
    ['postgres.js', { database: 'orders', client_encoding: 'UTF8', application_name: 'postgres.js' }],
    ['a driver that names replication', { replication: 'false' }],
  ])('%s is let through', (_who, parameters) => {
    expect(() => read(parameters)).not.toThrow();
  });

  test('names are given their canonical spelling', () => {
    expect(settings({ datestyle: 'ISO', TIMEZONE: 'UTC' })).toEqual({ DateStyle: 'ISO', TimeZone: 'UTC' });
  });

  test('a parameter of its own has the last word over options', () => {
    expect(settings({ options: '-c lock_timeout=1', lock_timeout: '2' })).toEqual({ lock_timeout: '2' });
  });
});

describe('A-PG-11: what is refused', () => {
  test.each<[string, Record<string, string>]>([
    ['search_path', { search_path: 'evil' }],
    ['options -c search_path', { options: '-c search_path=evil' }],
    ['options -csearch_path', { options: '-csearch_path=evil' }],
    ['options --search-path', { options: '--search-path=evil' }],
    ['options with blanks escaped', { options: '-c\\ search_path=evil' }],
    ['options -c session_authorization', { options: '-c session_authorization=postgres' }],
    ['role', { role: 'postgres' }],
    ['ROLE', { ROLE: 'postgres' }],
    ['USER', { USER: 'postgres' }],
    ['options without a name', { options: '-c =x' }],
    ['options -c= ', { options: '-c=' }],
    ['options -c without more', { options: '-c' }],
    ['another switch', { options: '-d 5' }],
    ['a word', { options: 'search_path=evil' }],
    ['standard_conforming_strings off', { standard_conforming_strings: 'off' }],
    ['read-only off', { default_transaction_read_only: 'off' }],
    ['a name given twice by case', { datestyle: 'ISO', DateStyle: 'SQL' }],
    ['what nobody knows', { constructor: 'x' }],
    ['__proto__', Object.fromEntries([['__proto__', 'x']])],
    ['replication=database', { replication: 'database' }],
    ['replication=true', { replication: 'true' }],
    ['no user', { user: '' }],
  ])('%s', (_what, parameters) => {
    expect(() => read(parameters)).toThrow();
  });

  test('the refusal names the parameter and cannot move a terminal', () => {
    expect(() => read({ 'evil\u001b[2J': 'x' })).toThrow(/evil\\u001b\[2J/);
  });
});

describe('A-PG-12: client_encoding', () => {
  test.each(['UTF8', 'utf8', 'UTF-8', 'utf_8', "'utf-8'", 'UNICODE', 'SQL_ASCII'])('%s is UTF8', (client_encoding) => {
    expect(settings({ client_encoding })).toEqual({});
  });
  test.each(['BIG5', 'SJIS', 'GB18030', 'EUC_TW', 'LATIN1', 'auto', '', 'utf16', 'utf88'])(
    '%s is refused',
    (encoding) => {
      expect(() => read({ client_encoding: encoding })).toThrow(/client encoding must be UTF8/);
      expect(() => read({ options: `-c client_encoding=${encoding}` })).toThrow();
    },
  );
});

test('options are split as the server splits them', () => {
  expect(parseOptions(String.raw` -c  a=b\ c -cd=e\\f  --g-h=i=j `)).toEqual([
    ['a', 'b c'],
    ['d', 'e\\f'],
    ['g_h', 'i=j'],
  ]);
  expect(parseOptions('')).toEqual([]);
});

test('protocol options and the wish for a password in clear are set apart', () => {
  const result = read({ '_pq_.command_tag': 'x', options: '-c sallyport.authentication=cleartext' });
  expect(result.protocolOptions).toEqual(['_pq_.command_tag']);
  expect(result.cleartext).toBe(true);
  expect(result.settings.size).toBe(0);
});
