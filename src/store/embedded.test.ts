/** The embedded engine: the contract, and what only it can go through. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { FakeClock, systemClock } from '../base/clock.ts';
import { EmbeddedEngine } from './embedded.ts';
import { openStore } from './index.ts';
import { acquireDeadlineMs, queryDeadlineMs, waitersMax } from './limits.ts';
import { codeOf, describeStore, typesQuery, typesRow, until } from './store.contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'sp-store-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const directory = join(folder, 'contract');

describeStore('the embedded engine', async () => ({ directory }));

/** Lets a process write until it acknowledged `count` rows, kills it, and answers what was acknowledged. */
async function writeAndKill(target: string, prefix: string, count: number): Promise<string[]> {
  const writer = spawn(
    process.execPath,
    [fileURLToPath(new URL('./testing/writer.ts', import.meta.url)), target, prefix],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = new Promise<void>((resolve) => writer.once('exit', () => resolve()));
  const acknowledged: string[] = [];
  for await (const line of createInterface({ input: writer.stdout })) {
    if (line !== 'open') acknowledged.push(line);
    if (acknowledged.length === count) writer.kill('SIGKILL');
  }
  await exited;
  return acknowledged;
}

describe('the embedded engine alone', () => {
  it('loses no acknowledged row when its process is killed (F-01)', async () => {
    const target = join(folder, 'killed');
    const acknowledged: string[] = [];
    for (const [round, count] of [40, 1, 90].entries()) {
      acknowledged.push(...(await writeAndKill(target, `round-${round}`, count)));
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(131);
    const store = await openStore({ directory: target });
    try {
      for (const key of acknowledged) {
        expect(await store.settings.get(key)).toMatchObject({ count: Number(key.split('-').at(-1)) });
      }
    } finally {
      await store.close();
    }
  }, 180_000);

  it('makes a database again whose first creation was interrupted', async () => {
    const target = join(folder, 'half');
    mkdirSync(join(target, 'postgres'), { recursive: true });
    writeFileSync(join(target, 'postgres', 'PG_VERSION'), '18\n');
    const store = await openStore({ directory: target });
    expect(await store.health()).toMatchObject({ answering: true });
    await store.close();
  }, 120_000);

  it('refuses a directory that is in use, and takes it once it is free', async () => {
    const target = join(folder, 'shared');
    const first = await openStore({ directory: target });
    expect(await codeOf(openStore({ directory: target }))).toBe('store.in-use');
    expect(await first.health()).toMatchObject({ answering: true });
    await first.close();
    const second = await openStore({ directory: target });
    await second.close();
  }, 120_000);

  it('says that a directory cannot be used', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(await codeOf(openStore({ directory: join(file, 'below') }))).toBe('store.cannot-open');
  }, 60_000);
});

describe('the embedded engine’s thread', () => {
  const target = join(folder, 'thread');

  it('serialises transactions, and keeps the order of asking', async () => {
    const engine = await EmbeddedEngine.open(target, systemClock);
    const first = await engine.acquire();
    const order: number[] = [];
    const later = [1, 2, 3].map(async (which) => {
      const connection = await engine.acquire();
      order.push(which);
      connection.release();
      connection.release();
    });
    await first.query('select 1', []);
    expect(order).toEqual([]);
    first.release();
    await Promise.all(later);
    expect(order).toEqual([1, 2, 3]);
    await engine.close();
  }, 120_000);

  it('gives values the same JavaScript types as PostgreSQL does', async () => {
    const engine = await EmbeddedEngine.open(target, systemClock);
    const connection = await engine.acquire();
    expect((await connection.query(typesQuery, [])).rows[0]).toEqual(typesRow);
    expect(await codeOf(connection.query('select 9007199254740993::int8', []))).toBe('store.query-failed');
    expect(await codeOf(connection.query('selekt', []))).toBe('store.query-failed');
    expect((await connection.query('select 1 as one', [])).rows).toEqual([{ one: 1 }]);
    connection.release();
    await engine.close();
  }, 120_000);

  it('refuses callers beyond the limit, and those whose turn does not come', async () => {
    const clock = new FakeClock();
    const engine = await EmbeddedEngine.open(target, clock);
    const held = await engine.acquire();
    const waiting = Array.from({ length: waitersMax }, () => codeOf(engine.acquire()));
    expect(await codeOf(engine.acquire())).toBe('store.busy');
    clock.advance(acquireDeadlineMs);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['store.busy']));
    held.release();
    (await engine.acquire()).release();
    await engine.close();
  }, 120_000);

  it('rejects everything once the thread dies, says so once, and never hangs', async () => {
    const engine = await EmbeddedEngine.open(target, systemClock);
    const failures: string[] = [];
    engine.onFailure((failure) => void failures.push(failure.message));
    const connection = await engine.acquire();
    const running = codeOf(connection.query('select count(*) from generate_series(1, 100000000)', []));
    const waiting = codeOf(engine.acquire());
    await engine.worker.terminate();
    expect(await running).toBe('store.failed');
    expect(await waiting).toBe('store.failed');
    expect(await codeOf(engine.acquire())).toBe('store.failed');
    expect(await codeOf(connection.query('select 1', []))).toBe('store.failed');
    connection.release();
    expect(failures).toHaveLength(1);
    expect(engine.failure).not.toBeNull();
    engine.onFailure((failure) => void failures.push(failure.message));
    expect(failures).toHaveLength(2);
    await engine.close();
  }, 120_000);

  it('counts as dead when a statement passes its deadline', async () => {
    const clock = new FakeClock();
    const engine = await EmbeddedEngine.open(target, clock);
    const connection = await engine.acquire();
    const running = codeOf(connection.query('select count(*) from generate_series(1, 1000000000)', []));
    clock.advance(queryDeadlineMs);
    expect(await running).toBe('store.failed');
    await until(() => engine.failure !== null);
    await engine.close();
  }, 120_000);

  it('counts as dead when a transaction cannot be rolled back', async () => {
    const engine = await EmbeddedEngine.open(target, systemClock);
    (await engine.acquire()).discard();
    expect(await codeOf(engine.acquire())).toBe('store.failed');
    await engine.close();
  }, 120_000);

  it('answers what was asked before it closes', async () => {
    const engine = await EmbeddedEngine.open(target, systemClock);
    const connection = await engine.acquire();
    const waiting = codeOf(engine.acquire());
    const running = connection.query('select 1 as one', []);
    const closed = engine.close();
    expect((await running).rows).toEqual([{ one: 1 }]);
    expect(await waiting).toBe('store.closed');
    await closed;
    expect(engine.failure).toBeNull();
  }, 120_000);
});
