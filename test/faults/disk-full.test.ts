/**
 * F-03 and G8: the disk is full from one moment to the next. Nothing reaches PostgreSQL that the journal does not hold,
 * sessions end within two seconds and are told why, new ones are refused natively, and when space returns the gateway
 * works again without a restart.
 */
import { spawnSync } from 'node:child_process';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventsOf, isType, verifyClean } from './support/gateway.ts';
import { mountSmallDisk, type SmallDisk } from './support/tmpfs.ts';
import { backendsOf, createWorld, isFull, isRoot, report, sleep, until, type World } from './support/world.ts';

/** Ample by the space ladder (at least 64 MiB and 15 %) with the embedded store on it. */
const diskMebibytes = 384;
const writers = isFull ? 50 : 6;
const rounds = isFull ? 50 : 2;
/** G8. */
const endPromiseMs = 2_000;
/** The space ladder looks each 3 s; a failed journal is tried each second. */
const recoveryMs = 30_000;

let disk: SmallDisk;
let world: World;

beforeAll(async () => {
  if (!isRoot) return;
  disk = mountSmallDisk(diskMebibytes);
  world = await createWorld({
    dataDirectory: disk.directory,
    postgres: { seed: 'create table f03 (round int, session int, n int); grant all on f03 to app' },
  });
});

afterAll(async () => {
  try {
    await world?.close();
  } finally {
    disk?.close();
  }
});

interface Ended {
  readonly at: number;
  readonly code: string | undefined;
  readonly message: string;
}

/** Writes rows until told otherwise by an error; resolves with that. */
async function write(client: pg.Client, round: number, session: number): Promise<Ended> {
  const gone = new Promise<void>((resolve) => client.once('end', () => resolve()));
  let ended: Ended | null = null;
  const { connection } = client as unknown as { connection: NodeJS.EventEmitter };
  connection.on('errorMessage', (message: { code: string; message: string }) => {
    ended ??= { at: performance.now(), code: message.code, message: message.message };
  });
  try {
    for (let n = 0; ; n++)
      await client.query(`insert into f03 values (${round}, ${session}, ${n}) -- ${'x'.repeat(2000)}`);
  } catch (error) {
    await gone;
    return ended ?? { at: performance.now(), code: undefined, message: (error as Error).message };
  }
}

/** The API, the store and the index of sessions work again, too: they live on the same disk. */
async function expectIndexed(): Promise<void> {
  const api = await world.administrator();
  const opened = (await eventsOf(world.dataDirectory)).filter(isType('session.opened')).map(({ session }) => session);
  const { afterMs } = await until('the list of sessions to be whole', recoveryMs, async () => {
    const { sessions } = await api.call('listSessions', { query: { limit: 200 } });
    const listed = new Map(sessions.map((session) => [session.id, session]));
    return opened.slice(-100).every((id) => listed.get(id)?.live === false);
  });
  report('F-03', `the list of sessions is whole after ${afterMs} ms`);
}

test.skipIf(!isRoot)(
  `F-03 a full disk ends ${writers} writing sessions, refuses new ones, and is recovered from without a restart`,
  { timeout: isFull ? 3_600_000 : 150_000 },
  async () => {
    for (let round = 0; round < rounds; round++) {
      const clients = await Promise.all(Array.from({ length: writers }, () => world.connect()));
      const idle = await world.connect();
      const idleGone = new Promise<number>((resolve) => idle.once('end', () => resolve(performance.now())));
      const writing = clients.map((client, session) => write(client, round, session));
      await sleep(500);
      disk.fillTo(0);
      const full = performance.now();
      const ends = await Promise.all(writing);
      const idleMs = Math.round((await idleGone) - full);
      const first = Math.min(...ends.map(({ at }) => at));
      const spread = Math.round(Math.max(...ends.map(({ at }) => at)) - first);
      report(
        'F-03',
        `first end ${Math.round(first - full)} ms after the disk was full, the last ${spread} ms later, the idle one after ${idleMs} ms`,
      );
      for (const { code, message } of ends) {
        expect(code, message).toMatch(/^(58030|53100)$/);
        expect(message).not.toMatch(/ENOSPC|\/tmp|journal\/|node:/);
      }
      expect(spread).toBeLessThanOrEqual(endPromiseMs);
      expect(idleMs - Math.round(first - full)).toBeLessThanOrEqual(endPromiseMs);

      // While it lasts: refused natively, and the process lives.
      expect(disk.freeBytes()).toBeLessThan(1024 * 1024);
      const refused = await world.connect().then(
        () => null,
        (error: pg.DatabaseError) => error,
      );
      expect(refused?.code, refused?.message).toMatch(/^(58030|53100)$/);
      const psql = spawnSync('psql', ['-X', '-c', 'select 1'], { env: world.libpq(), encoding: 'utf8' });
      expect(psql.status).toBe(2);
      expect(psql.stderr).toMatch(/FATAL/);
      await sleep(3_500);
      expect(world.gateway.isRunning, world.gateway.output()).toBe(true);
      await until('the backends', 10_000, async () => (await backendsOf(world.server)).length === 0);

      disk.clear();
      const again = await until('a session after space returned', recoveryMs, () => world.connect().catch(() => null));
      report('F-03', `a session again ${again.afterMs} ms after space returned`);
      await again.value.query(`insert into f03 values (${round}, 1000, 0)`);
      await again.value.end();
      expect(world.gateway.isRunning).toBe(true);
      await expectIndexed();

      const events = await eventsOf(world.dataDirectory);
      const texts = new Set(
        events.filter(isType('command.intent')).map(({ text }) => /values \((.*?)\)/.exec(text)?.[1]),
      );
      const rows = await world.server.query<{ row: string }>(
        `select round || ', ' || session || ', ' || n as row from f03 where round = ${round}`,
      );
      expect(rows.length).toBeGreaterThan(writers);
      expect(rows.filter(({ row }) => !texts.has(row)).slice(0, 5), 'executed and not in the journal').toEqual([]);
      const opened = events.filter(isType('session.opened')).map(({ session }) => session);
      const ended = new Set(events.filter(isType('session.ended')).map(({ session }) => session));
      expect(
        opened.filter((session) => !ended.has(session)),
        'sessions whose end is not in the journal',
      ).toEqual([]);
      verifyClean(world.dataDirectory);
    }
    const exit = await world.gateway.stop();
    expect(exit, world.gateway.output()).toEqual({ code: 0, signal: null });
    verifyClean(world.dataDirectory);
    await world.start();
  },
);

test.skipIf(!isRoot)(
  'F-03 SIGTERM while the disk is full ends the process all the same',
  { timeout: 90_000 },
  async () => {
    const client = await world.connect();
    const writing = write(client, 1_000_000, 0);
    await sleep(200);
    disk.fillTo(0);
    await writing;
    const begun = performance.now();
    world.gateway.signal('SIGTERM');
    const exit = await Promise.race([world.gateway.exited, sleep(20_000).then(() => null)]);
    expect(exit, `still running; output: ${world.gateway.output()}`).not.toBeNull();
    report('F-03', `gone ${Math.round(performance.now() - begun)} ms after SIGTERM on a full disk, code ${exit?.code}`);
    disk.clear();
    await world.start();
    const events = await eventsOf(world.dataDirectory);
    const opened = events.filter(isType('session.opened')).map(({ session }) => session);
    const ended = new Set(events.filter(isType('session.ended')).map(({ session }) => session));
    expect(opened.filter((session) => !ended.has(session))).toEqual([]);
    const last = await world.connect();
    expect((await last.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await last.end();
    verifyClean(world.dataDirectory);
  },
);
