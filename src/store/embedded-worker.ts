/**
 * The thread in which the embedded engine runs, so that no query of the control plane stalls the data path.
 *
 * Invariants: one process uses a directory at a time (a lock that the kernel releases when the process dies, however it
 * dies); a directory whose first creation was interrupted is made again, for nothing in it was ever acknowledged; any
 * error that is not an SQL error ends the thread.
 *
 * Deliberately absent: more than one connection, transactions of its own (BEGIN and COMMIT arrive as statements), and
 * durability against loss of power: PGlite does not sync its files to the disk. What was acknowledged survives the
 * death of the process (tested with SIGKILL), not always that of the machine. Who needs that uses PostgreSQL.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite, types } from '@electric-sql/pglite';
import { pg_trgm as trigrams } from '@electric-sql/pglite/contrib/pg_trgm';
import type { FromWorker, ToWorker } from './embedded-messages.ts';
import { isServerError } from './failure.ts';
import { valueParsers } from './values.ts';

const port = parentPort!;
const { directory } = workerData as { readonly directory: string };

function say(message: FromWorker): void {
  port.postMessage(message);
}

/**
 * Takes the directory for this process. Node offers no file locks, but SQLite does: an exclusive transaction on an
 * empty database is a POSIX lock that dies with its holder, and that also tells two holders in one process apart.
 */
function lock(): DatabaseSync | null {
  const database = new DatabaseSync(join(directory, 'lock'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch {
    database.close();
    return null;
  }
}

function text(value: string): string {
  return value;
}

// Every type that PGlite would turn into something is passed as text both ways; `values.ts` gives it its meaning on the
// main thread, for both engines alike.
const asText: Readonly<Record<number, (value: string) => string>> = Object.fromEntries(
  [...Object.keys(types.parsers), ...Object.keys(types.serializers), ...Object.keys(valueParsers)].map((type) => [
    Number(type),
    text,
  ]),
);

async function open(): Promise<PGlite> {
  const data = join(directory, 'postgres');
  const created = join(directory, 'created');
  const isNew = !existsSync(created);
  if (isNew) rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const engine = await PGlite.create({ dataDir: data, extensions: { pg_trgm: trigrams } });
  await engine.exec(`set timezone to 'UTC'; set datestyle to 'ISO'; set client_min_messages to error`);
  if (isNew) {
    const marker = openSync(created, 'wx', 0o600);
    fsyncSync(marker);
    closeSync(marker);
  }
  return engine;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

async function answer(engine: PGlite, message: Extract<ToWorker, { type: 'query' }>): Promise<void> {
  try {
    const result = await engine.query<(string | null)[]>(message.sql, [...message.parameters], {
      rowMode: 'array',
      parsers: asText,
      serializers: asText,
    });
    say({
      type: 'result',
      id: message.id,
      names: result.fields.map((field) => field.name),
      types: result.fields.map((field) => field.dataTypeID),
      rows: result.rows,
      affectedRows: result.rowCount ?? result.affectedRows ?? 0,
      command: result.command ?? '',
    });
  } catch (error) {
    if (!isServerError(error)) throw error;
    const { code, severity, constraint, table } = error;
    if (severity === 'FATAL' || severity === 'PANIC') throw error;
    say({
      type: 'refused',
      id: message.id,
      error: { code, severity: textOf(severity) ?? 'ERROR', constraint: textOf(constraint), table: textOf(table) },
    });
  }
}

/** Only the kind of an error is told: its message may quote what is stored. */
function kindOf(error: unknown): string {
  if (isServerError(error)) return `SQLSTATE ${error.code}`;
  if (error instanceof Error) return 'code' in error ? `${error.name} ${String(error.code)}` : error.name;
  return typeof error;
}

function die(code: 'store.in-use' | 'store.cannot-open' | 'store.failed', detail: string): void {
  say({ type: 'fatal', code, detail });
  port.close();
}

async function main(): Promise<void> {
  let held: DatabaseSync | null;
  let engine: PGlite;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    held = lock();
    if (held === null) return die('store.in-use', 'another process, or another store in this one, holds the lock');
    engine = await open();
  } catch (error) {
    return die('store.cannot-open', kindOf(error));
  }
  // Statements arrive one at a time: the main thread has one connection to give. The chain keeps that true here, too.
  let last = Promise.resolve();
  let failed = false;
  const fail = (error: unknown): void => {
    failed = true;
    die('store.failed', kindOf(error));
  };
  port.on('message', (message: ToWorker) => {
    last = last
      .then(async () => {
        if (failed) return;
        if (message.type === 'query') return answer(engine, message);
        await engine.close();
        held.close();
        say({ type: 'closed' });
        port.close();
      })
      .catch(fail);
  });
  say({ type: 'ready' });
}

await main();
