/**
 * F-04, the space ladder on a real file system: warn, refuse new sessions, end sessions, and all the way back.
 */
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SpaceLevel } from '../../src/core/event.ts';
import { spaceEndBytes, spaceRefuseShare, spaceWarnShare } from '../../src/recording/limits.ts';
import { eventsOf, isType, verifyClean } from './support/gateway.ts';
import { mountSmallDisk, type SmallDisk } from './support/tmpfs.ts';
import { createWorld, isRoot, report, sleep, until, type World } from './support/world.ts';

const mebibyte = 1024 * 1024;
/** Large enough for `refuse` (a share) to begin above `end` (64 MiB). */
const diskMebibytes = 1536;
const rungBytes = {
  warn: spaceWarnShare * diskMebibytes * mebibyte,
  refuse: spaceRefuseShare * diskMebibytes * mebibyte,
};
/** The ladder looks each 3 s. */
const lookMs = 15_000;

let disk: SmallDisk;
let world: World;

beforeAll(async () => {
  if (!isRoot) return;
  disk = mountSmallDisk(diskMebibytes);
  world = await createWorld({ dataDirectory: disk.directory });
});

afterAll(async () => {
  try {
    await world?.close();
  } finally {
    disk?.close();
  }
});

async function levels(): Promise<SpaceLevel[]> {
  return (await eventsOf(world.dataDirectory)).filter(isType('space.changed')).map(({ level }) => level);
}

async function reach(level: SpaceLevel): Promise<void> {
  const { afterMs } = await until(`the level ${level}`, lookMs, async () => (await levels()).at(-1) === level);
  report('F-04', `${level} at ${(disk.freeBytes() / mebibyte).toFixed(0)} MiB free, noticed after ${afterMs} ms`);
}

async function refusal(): Promise<pg.DatabaseError | null> {
  return world.connect().then(
    async (client) => {
      await client.end();
      return null;
    },
    (error: pg.DatabaseError) => error,
  );
}

async function readiness(): Promise<number> {
  const { status } = await fetch(new URL('/readyz', world.gateway.consoleUrl));
  return status;
}

test.skipIf(!isRoot)('F-04 warn, refuse new sessions, end sessions, and back', { timeout: 120_000 }, async () => {
  const client = await world.connect();
  const works = async (): Promise<void> => {
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  };
  expect(await levels()).toEqual([]);
  expect(await readiness()).toBe(200);

  // The exact share is still ample, one page below it is not.
  disk.fillTo(rungBytes.warn + 8 * mebibyte);
  await sleep(4_000);
  expect(await levels()).toEqual([]);
  disk.fillTo(rungBytes.warn - 8 * mebibyte);
  await reach('warn');
  await works();
  expect(await refusal()).toBeNull();
  expect(await readiness()).toBe(200);

  disk.fillTo((rungBytes.refuse + spaceEndBytes) / 2);
  await reach('refuse');
  await works();
  const refused = await refusal();
  expect(refused?.code, refused?.message).toBe('53100');
  expect(refused?.message).toMatch(/no room|space|full/i);
  expect(await readiness()).toBe(503);

  const told = new Promise<{ code: string; message: string }>((resolve) => {
    (client as unknown as { connection: NodeJS.EventEmitter }).connection.on('errorMessage', resolve);
  });
  disk.fillTo(spaceEndBytes - 8 * mebibyte);
  await reach('end');
  expect(await told).toMatchObject({ code: '53100', message: expect.stringMatching(/no room/i) });
  expect((await refusal())?.code).toBe('53100');
  expect(world.gateway.isRunning).toBe(true);

  disk.clear();
  await reach('ample');
  expect(await refusal()).toBeNull();
  expect(await readiness()).toBe(200);
  const events = await eventsOf(world.dataDirectory);
  expect(await levels()).toEqual(['warn', 'refuse', 'end', 'ample']);
  expect(events.filter(isType('session.ended')).filter(({ reason }) => reason === 'space')).toHaveLength(1);
  expect(events.filter(isType('session.refused')).map(({ code }) => code)).toEqual(['core.no-space', 'core.no-space']);
  verifyClean(world.dataDirectory);
});
