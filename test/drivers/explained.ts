/**
 * Differences that are right, each with its reason. Everything else fails the run.
 *
 * `test` is a whole name, or the beginning of one followed by `*`.
 */
interface Explained {
  readonly suite: string;
  readonly test: string;
  readonly reason: string;
}

const otherDatabase =
  'connects to a second database; a Resource gives one, and another name is refused instead of being opened silently';
const processId =
  'takes the process id of BackendKeyData for that of the server process; the gateway gives keys of its own (A-PG-25)';
const burst = 'opens 50 connections at once; a source may have 32 that have not logged in yet (A-GW-02)';

const explained: readonly Explained[] = [
  {
    suite: 'psql',
    test: 'large objects by function calls',
    reason: '\\lo_import uses FunctionCall messages, which name functions by number and are refused (A-PG-19)',
  },
  {
    suite: 'psql',
    test: '\\c other user',
    reason: "the refusal is the gateway's, and says what to log in with",
  },
  {
    suite: 'asyncpg',
    test: 'tests.test_cache_invalidation.TestCacheInvalidation.test_type_cache_invalidation_in_pool',
    reason: otherDatabase,
  },
  {
    suite: 'asyncpg',
    test: 'tests.test_introspection.TestIntrospection.test_introspection_loads_basetypes_of_domains',
    reason: otherDatabase,
  },
  {
    suite: 'asyncpg',
    test: 'tests.test_introspection.TestIntrospection.test_introspection_on_large_db',
    reason: otherDatabase,
  },
  {
    suite: 'asyncpg',
    test: 'tests.test_execute.TestExecuteMany.test_executemany_server_failure_during_writes',
    reason:
      'expects the server to refuse row 2 before the client has written 4 MiB more; through the gateway the row waits for its durable intent first, and the socket buffers hold the rest',
  },
  { suite: 'asyncpg', test: 'tests.test_listeners.TestListeners.test_listen_01', reason: processId },
  { suite: 'asyncpg', test: 'tests.test_listeners.TestListeners.test_listen_02', reason: processId },
  { suite: 'asyncpg', test: 'tests.test_listeners.TestListeners.test_listen_notletters', reason: processId },
  { suite: 'pgx', test: 'pgconn/TestConnPing', reason: processId },
  { suite: 'pgx', test: 'pgconn/TestConnCheckConn', reason: processId },
  { suite: 'pgx', test: 'pgx/TestFatalRxError', reason: processId },
  { suite: 'pgx', test: 'pgx/TestFatalTxError', reason: processId },
  { suite: 'pgx', test: 'pgxpool/TestPoolAcquireChecksIdleConns', reason: processId },
  { suite: 'pgx', test: 'stdlib/TestCheckIdleConn', reason: processId },
  { suite: 'pgx', test: 'stdlib/TestConnConcurrency*', reason: burst },
  {
    suite: 'pgx',
    test: 'pgconn/TestConnectWithRuntimeParams',
    reason: 'sets search_path in the StartupMessage, where only an allow-list passes; SET does the same (A-PG-11)',
  },
  {
    suite: 'pgx',
    test: 'pgx/TestConnSimpleProtocolRefusesNonUTF8ClientEncoding',
    reason: 'sets client_encoding to SQL_ASCII; sessions stay in UTF8, or what is judged is not what runs (A-PG-12)',
  },
  {
    suite: 'pgx',
    test: 'pgconn/TestConnExecPreparedTooManyParams',
    reason:
      'prepares 65,536 parameters: the server answers with a count that has overflowed, which is malformed (A-PG-27)',
  },
];

export function explain(suite: string, test: string): string | null {
  const found = explained.find(
    (entry) =>
      entry.suite === suite &&
      (entry.test.endsWith('*') ? test.startsWith(entry.test.slice(0, -1)) : test === entry.test),
  );
  return found?.reason ?? null;
}
