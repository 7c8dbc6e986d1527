/**
 * The thread in which the embedded engine runs, so that no query of the control plane stalls the data path.
 *
 * Invariants: one process uses a directory at a time (a lock that the kernel releases when the process dies, however it
 * dies); a directory whose first creation was interrupted is made again, for nothing in it was ever acknowledged; any
 * error that is not an SQL error ends the thread.
 *
 * Deliberately absent: more than one connection (who asks takes turns, embedded-turns.ts), transactions of its own (BEGIN and COMMIT
 * arrive as statements), and
 * durability against loss of power: PGlite does not sync its files to the disk. What was acknowledged survives the
 * death of the process (tested with SIGKILL), not always that of the machine. Who needs that uses PostgreSQL.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { PGlite, types } from '@electric-sql/pglite';
import type { FromWorker, ToWorker } from './embedded-messages.ts';
import { type Effect, EmbeddedTurns } from './embedded-turns.ts';
import { isServerError } from './failure.ts';
import { valueParsers } from './values.ts';

const port = parentPort!;
const { directory } = workerData as { readonly directory: string };

type Query = Extract<ToWorker, { type: 'query' }>;

function say(message: FromWorker, to: MessagePort = port): void {
  to.postMessage(message);
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
  const engine = await PGlite.create({ dataDir: data });
  // Once for all: given with a statement, they are joined with the engine's own anew for each.
  Object.assign(engine.parsers, asText);
  Object.assign(engine.serializers, asText);
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

/** By the first word of the server's command tag. */
const effects: Readonly<Record<string, Effect>> = { BEGIN: 'begun', COMMIT: 'ended', ROLLBACK: 'ended' };

async function answer(engine: PGlite, message: Query, to: MessagePort): Promise<Effect> {
  try {
    const result = await engine.query<(string | null)[]>(message.sql, [...message.parameters], {
      rowMode: 'array',
    });
    say(
      {
        type: 'result',
        id: message.id,
        names: result.fields.map((field) => field.name),
        types: result.fields.map((field) => field.dataTypeID),
        rows: result.rows,
        affectedRows: result.rowCount ?? result.affectedRows ?? 0,
        command: result.command ?? '',
      },
      to,
    );
    return effects[result.command ?? ''] ?? 'none';
  } catch (error) {
    if (!isServerError(error)) throw error;
    const { code, severity, constraint, table } = error;
    if (severity === 'FATAL' || severity === 'PANIC') throw error;
    const told = { code, severity: textOf(severity) ?? 'ERROR', constraint: textOf(constraint), table: textOf(table) };
    say({ type: 'refused', id: message.id, error: told }, to);
    return 'none';
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
  const guests = new Set<MessagePort>();
  const end = (): void => {
    for (const guest of guests) guest.close();
    port.close();
  };
  const turns = new EmbeddedTurns<Exclude<ToWorker, { type: 'share' }>>((error) => {
    die('store.failed', kindOf(error));
    end();
  });
  const rollBack = async (): Promise<void> => void (await engine.query('rollback'));
  const owner = turns.add({
    handle: async (message) => {
      if (message.type === 'query') return await answer(engine, message, port);
      await engine.close();
      held.close();
      say({ type: 'closed' });
      end();
      return 'none';
    },
    rollBack,
  });
  /** Statements of another thread, on a port of its own. */
  const welcome = (guest: MessagePort): void => {
    guests.add(guest);
    const asker = turns.add({
      handle: async (message) => (message.type === 'query' ? await answer(engine, message, guest) : 'none'),
      rollBack,
    });
    guest.on('message', asker.ask);
    guest.on('close', () => {
      guests.delete(guest);
      asker.leave();
    });
  };
  port.on('message', (message: ToWorker) => {
    if (message.type === 'share') welcome(message.port);
    else owner.ask(message);
  });
  say({ type: 'ready' });
}

await main();
