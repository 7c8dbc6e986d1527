/**
 * F-08: large results, COPY out and COPY in through one session: byte for byte what PostgreSQL says, in constant memory.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import type { Submittable } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventsOf, isType, mebibytes, residentKiB, verifyClean, watchMemory } from './support/gateway.ts';
import { createWorld, isFull, report, sleep, until, type World } from './support/world.ts';

const mebibyte = 1024 * 1024;
const totalMebibytes = isFull ? 10_240 : 512;
/** One row is a number and 1,000 bytes that differ from row to row and compress badly enough. */
const rows = Math.floor((totalMebibytes * mebibyte) / 1_016);
const textOf = (count: number): string =>
  `select g, rpad(md5(g::text), 1000, md5((g + 1)::text)) from generate_series(1, ${count}) g`;
const text = textOf(rows);
/** psql's cursor and a driver in JavaScript are slow themselves: a part of the size, and all of it in full. */
const decodedRows = isFull ? rows : Math.floor(rows / 4);
/** The promise of F-08. */
const growthKiB = 64 * 1024;

let world: World;

beforeAll(async () => {
  world = await createWorld({
    postgres: {
      seed: 'create unlogged table f08 (n int, t text); create unlogged table f08_direct (n int, t text); grant all on f08, f08_direct to app',
      settings: { max_wal_size: '1GB' },
    },
  });
});

afterAll(() => world?.close());

function psql(through: 'gateway' | 'direct', ...args: string[]): ChildProcess {
  const { server } = world;
  const direct = {
    ...process.env,
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
  };
  const env = through === 'gateway' ? world.libpq() : { ...direct, PGDATABASE: server.database };
  return spawn('psql', ['-X', '-q', ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
}

async function finished(child: ChildProcess): Promise<void> {
  let err = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  expect(err).toBe('');
  expect(code).toBe(0);
}

interface Output {
  readonly bytes: number;
  readonly digest: string;
  readonly seconds: number;
}

/** What psql prints, hashed as it comes. */
async function outputOf(through: 'gateway' | 'direct', ...args: string[]): Promise<Output> {
  const begun = performance.now();
  const child = psql(through, ...args);
  child.stdin!.end();
  const hash = createHash('sha256');
  let bytes = 0;
  child.stdout!.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    hash.update(chunk);
  });
  await finished(child);
  return { bytes, digest: hash.digest('hex'), seconds: (performance.now() - begun) / 1000 };
}

/** The most that a result of an eighth of the size took. */
let warmKiB = 0;

/** Runs `work` and asserts what it did to the gateway's memory, beside what the eighth did. */
async function inConstantMemory<T>(what: string, work: () => Promise<T>): Promise<T> {
  await sleep(500);
  const before = Math.max(warmKiB, await residentKiB(world.gateway.pid));
  const memory = watchMemory(world.gateway.pid);
  const result = await work().finally(() => memory.stop());
  const peak = await memory.stop();
  report(
    'F-08',
    `${what}: RSS ${mebibytes(before)} → ${mebibytes(peak)}, +${mebibytes(peak - before)} (bound +${mebibytes(growthKiB)})`,
  );
  expect(peak - before, `growth during ${what}, KiB`).toBeLessThanOrEqual(growthKiB);
  return result;
}

/** A query of `pg` that keeps no row. */
class CountedQuery implements Submittable {
  readonly done: Promise<{ seen: number; digest: string }>;
  readonly #text: string;
  readonly #hash = createHash('sha256');
  #seen = 0;
  #settle: { resolve(value: { seen: number; digest: string }): void; reject(error: Error): void };

  constructor(sql: string) {
    this.#text = sql;
    const { promise, resolve, reject } = Promise.withResolvers<{ seen: number; digest: string }>();
    this.done = promise;
    this.#settle = { resolve, reject };
  }

  submit(connection: pg.Connection): void {
    (connection as unknown as { query(sql: string): void }).query(this.#text);
  }
  handleRowDescription(): void {}
  handleDataRow({ fields }: { fields: readonly string[] }): void {
    this.#seen++;
    this.#hash.update(`${fields[0]}|${fields[1]}\n`);
  }
  handleCommandComplete(): void {}
  handleReadyForQuery(): void {
    this.#settle.resolve({ seen: this.#seen, digest: this.#hash.digest('hex') });
  }
  handleError(error: Error): void {
    this.#settle.reject(error);
  }
}

const rate = ({ bytes, seconds }: Output): string => `${(bytes / mebibyte / seconds).toFixed(0)} MiB/s`;

test(`F-08 ${totalMebibytes} MiB out and in, byte for byte, in constant memory`, {
  timeout: isFull ? 3_600_000 : 150_000,
}, async () => {
  // Warm: what a process takes once it has seen traffic (heaps that V8 lets grow under load, pools, the recorder's buffers) is
  // not growth with the size of a result. An eighth of the whole is enough for that and too little to hide a leak.
  const eighth = ['-c', `copy (${textOf(Math.floor(rows / 8))}) to stdout`];
  // The first is not looked at: what the start of the process took is still being given back.
  await outputOf('gateway', ...eighth);
  await sleep(500);
  const warming = watchMemory(world.gateway.pid);
  await outputOf('gateway', ...eighth);
  warmKiB = await warming.stop();

  // COPY out.
  const copy = ['-c', `copy (${text}) to stdout`];
  const direct = await outputOf('direct', ...copy);
  expect(direct.bytes).toBeGreaterThan(totalMebibytes * mebibyte * 0.95);
  const through = await inConstantMemory('COPY out', () => outputOf('gateway', ...copy));
  report('F-08', `COPY out ${rate(direct)} direct, ${rate(through)} through`);
  expect(through.bytes).toBe(direct.bytes);
  expect(through.digest).toBe(direct.digest);

  // A plain result: psql reads it by a cursor so that it need not hold it whole.
  const select = ['-A', '-t', '-v', 'FETCH_COUNT=20000', '-c', textOf(decodedRows)];
  const directRows = await outputOf('direct', ...select);
  const throughRows = await inConstantMemory('SELECT by cursor', () => outputOf('gateway', ...select));
  report('F-08', `SELECT ${rate(directRows)} direct, ${rate(throughRows)} through`);
  expect(throughRows).toMatchObject({ bytes: directRows.bytes, digest: directRows.digest });

  // One plain result, read as fast as it comes and never held: rows are counted and hashed as they are decoded.
  const one = await inConstantMemory('SELECT in one', async () => {
    const client = await world.connect();
    const counted = new CountedQuery(textOf(decodedRows));
    client.query(counted);
    const result = await counted.done;
    await client.end();
    return result;
  });
  expect(one).toEqual({ seen: decodedRows, digest: directRows.digest });

  // COPY in, from COPY out of the server itself.
  const source = psql('direct', ...copy);
  source.stdin!.end();
  const sink = psql('gateway', '-c', 'copy f08 from stdin');
  const begun = performance.now();
  await inConstantMemory('COPY in', async () => {
    await Promise.all([pipeline(source.stdout!, sink.stdin!), finished(sink)]);
  });
  report(
    'F-08',
    `COPY in ${(direct.bytes / mebibyte / ((performance.now() - begun) / 1000)).toFixed(0)} MiB/s through`,
  );
  const stored = await outputOf('direct', '-c', 'copy f08 to stdout');
  expect(stored).toMatchObject({ bytes: direct.bytes, digest: direct.digest });

  await until('the sessions to be sealed', 20_000, async () => {
    const events = await eventsOf(world.dataDirectory);
    return events.filter(isType('session.opened')).length === events.filter(isType('recording.sealed')).length;
  });
  const commands = (await eventsOf(world.dataDirectory)).filter(isType('command.ended'));
  expect(commands.filter(({ tag }) => tag === `COPY ${rows}`)).toHaveLength(2);
  verifyClean(world.dataDirectory);
});
