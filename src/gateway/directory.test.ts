import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { lockDirectory, refuseOpenDirectory } from './directory.ts';

const made: string[] = [];
const contender = new URL('./fixtures/contender.ts', import.meta.url);

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sallyport-lock-'));
  made.push(path);
  return path;
}
afterEach(async () => {
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
});

test('one gateway holds a directory until it gives it back, and leaves nothing but its lock', async () => {
  const path = await directory();
  const release = await lockDirectory(path);
  expect(await readdir(path)).toEqual(['gateway.pid']);
  await expect(lockDirectory(path)).rejects.toMatchObject({ code: 'gateway.data-directory' });
  await release();
  await (await lockDirectory(path))();
  expect(await readdir(path)).toEqual([]);
});

test('the lock of a process that is gone is taken over, one whose takeover broke off, too', async () => {
  const path = await directory();
  await writeFile(join(path, 'gateway.pid'), '999999999\n1\n');
  await writeFile(join(path, 'gateway.pid.takeover'), '');
  await expect(lockDirectory(path)).rejects.toMatchObject({ code: 'gateway.data-directory' });
  await utimes(join(path, 'gateway.pid.takeover'), 1, 1);
  await lockDirectory(path);
  expect(await readFile(join(path, 'gateway.pid'), 'utf8')).toMatch(new RegExp(`^${process.pid}\\n`));
});

test.each([
  ['free', null],
  ['left behind', '999999999\n1\n'],
] as const)(
  'F-02: of many that start at once on a directory that is %s, one gets it',
  async (_state, before) => {
    const contenders = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = fork(contender, { stdio: 'ignore' });
        await once(child, 'message');
        return child;
      }),
    );
    for (let round = 0; round < 10; round++) {
      const path = await directory();
      if (before !== null) await writeFile(join(path, 'gateway.pid'), before);
      const answers = contenders.map((child) => once(child, 'message'));
      for (const child of contenders) child.send(path);
      const got = (await Promise.all(answers)).filter(([answer]) => answer === 'got');
      expect(got.length).toBe(1);
    }
    for (const child of contenders) child.disconnect();
  },
  60_000,
);

test('A-REC-01: a directory that everybody may write to is refused', async () => {
  const path = await directory();
  await refuseOpenDirectory(path);
  await chmod(path, 0o1777);
  await expect(refuseOpenDirectory(path)).rejects.toMatchObject({ code: 'gateway.data-directory' });
});
