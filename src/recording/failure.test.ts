/** F-03: what happens when the disk does not do what it was told, and after. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Fault } from './files.ts';
import { cleanUp, ended, eventsOf, intent, isFull, keys, open, opened, temporary, until } from './fixtures/kit.ts';
import { verifyJournal } from './verify.ts';

afterEach(cleanUp);

const faults: readonly Fault[] = [
  { operation: 'write', nth: 4, code: 'ENOSPC', short: 70 },
  { operation: 'write', nth: 4, code: 'ENOSPC', short: 0 },
  { operation: 'write', nth: 6, code: 'EROFS' },
  { operation: 'write', nth: 5, code: 'EIO', short: 33 },
  { operation: 'sync', nth: 5, code: 'EIO' },
  { operation: 'sync', nth: 6, code: 'EIO' },
  { operation: 'sync', nth: 9, code: 'EIO' },
  { operation: 'open', nth: 1, code: 'ENOSPC' },
  { operation: 'open', nth: 2, code: 'EMFILE' },
  { operation: 'crash', nth: 5 },
];

describe.each(faults)('F-03: $operation $nth fails with $code', (fault) => {
  test('acceptance ends, everyone who waits is told, and a reopening goes on without a lost or doubled sequence', async () => {
    const dir = temporary();
    const failures: Error[] = [];
    const journal = await open(dir, {
      faults: [fault],
      segmentBytes: 3000,
      checkpointEvents: 7,
      onFailure: (error) => failures.push(error),
    });
    const given: number[] = [];
    const durable = new Set<number>();
    let told = 0;
    const say = (event: Parameters<typeof journal.append>[0]): void => {
      const sequence = journal.append(event);
      given.push(sequence);
      journal.afterDurable(sequence, (error) => {
        if (error === null) durable.add(sequence);
        else told++;
      });
    };
    try {
      for (let index = 0; index < 200 && journal.failure === null; index++) {
        say(opened(`ses_${index}`));
        say(intent(`ses_${index}`, 1));
        if (index % 2 === 0) await journal.flush();
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'core.journal-unavailable' });
    }
    await until(() => journal.failure !== null);
    expect(failures).toHaveLength(1);
    // Everyone was told one or the other. A checkpoint that fails behind the last acknowledgement leaves nobody waiting.
    expect(durable.size + told).toBe(given.length);
    expect(() => journal.append(intent('ses_0', 2))).toThrow(
      expect.objectContaining({ code: 'core.journal-unavailable' }),
    );
    const highest = given.at(-1)!;
    expect(journal.durableSequence).toBe(durable.size);

    const recovery = await journal.reopen();
    expect(journal.failure).toBeNull();
    expect(recovery.interrupted).toHaveLength(given.filter((_, index) => index % 2 === 0).length);
    // The sequences of before still name the events of before.
    expect(journal.durableSequence).toBeGreaterThan(highest);
    expect(() => journal.append(ended('ses_0'))).toThrow(expect.objectContaining({ code: 'core.journal-unavailable' }));
    journal.append(opened('ses_new'));
    journal.append(ended('ses_new'));
    await journal.close();
    const events = await eventsOf(dir);
    expect(events.slice(0, highest).map((event) => event.type)).toEqual(
      given.map((_, index) => (index % 2 === 0 ? 'session.opened' : 'command.intent')),
    );
    expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({ ok: true, problems: [] });
  });
});

test('F-03: a failing sync is never retried as success: the unacknowledged frame is cut before it is written again', async () => {
  const dir = temporary();
  const journal = await open(dir, { faults: [{ operation: 'sync', nth: 4 }] });
  journal.append(opened('ses_a'));
  await journal.flush();
  journal.append(intent('ses_a', 1));
  await expect(journal.flush()).rejects.toMatchObject({ code: 'core.journal-unavailable' });
  expect(journal.durableSequence).toBe(1);
  const recovery = await journal.reopen();
  expect(recovery.cutBytes).toBeGreaterThan(0);
  await journal.close();
});

test('F-03: reopening while the cause lasts fails and stays failed, and succeeds when it is gone', async () => {
  const dir = temporary();
  const journal = await open(dir, { faults: [{ operation: 'write', nth: 3, code: 'ENOSPC' }] });
  journal.append(opened('ses_a'));
  await journal.flush();
  journal.append(intent('ses_a', 1));
  await expect(journal.flush()).rejects.toThrow();
  const aside = `${dir}/aside`;
  const { renameSync } = await import('node:fs');
  renameSync(join(dir, 'journal'), aside);
  await expect(journal.reopen()).rejects.toThrow();
  expect(journal.failure).not.toBeNull();
  renameSync(aside, join(dir, 'journal'));
  expect((await journal.reopen()).interrupted).toEqual(['ses_a']);
  await journal.close();
});

test.runIf(isFull && process.getuid?.() === 0)('F-03: a full file system, and space that returns', async () => {
  const dir = temporary();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', dir]);
  try {
    mkdirSync(join(dir, 'ballast'));
    writeFileSync(join(dir, 'ballast', 'file'), Buffer.alloc(1024 * 1024));
    const journal = await open(dir);
    journal.append(opened('ses_a'));
    let sequence = 1;
    try {
      for (;;) {
        sequence = journal.append(intent('ses_a', sequence, 'x'.repeat(10_000)));
        await journal.flush();
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'core.journal-unavailable' });
    }
    await expect(journal.reopen()).rejects.toThrow();
    rmSync(join(dir, 'ballast'), { recursive: true });
    expect((await journal.reopen()).interrupted).toEqual(['ses_a']);
    await journal.close();
    expect(await verifyJournal({ dir, publicKey: keys.publicKey })).toMatchObject({ ok: true });
  } finally {
    execFileSync('umount', [dir]);
  }
});
