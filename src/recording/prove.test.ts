/** One recording against the journal: a byte that was changed, a key that was swapped, a file that is gone (A-REC-01). */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { actor, cleanUp, ended, open, opened, temporary, testKeys } from './fixtures/kit.ts';
import { proveRecording, type RecordingProof } from './prove.ts';
import { readEvents } from './reader.ts';
import { openRecordings } from './recordings.ts';

afterEach(cleanUp);

const one = 'ses_one';
const other = 'ses_other';

/** A journal with two recordings that are mixed with each other, and what proves one of them. */
async function recorded(): Promise<{
  readonly file: (kind: 'rec' | 'key', session?: string) => string;
  readonly prove: () => Promise<RecordingProof>;
  readonly destroy: () => Promise<void>;
}> {
  const dir = temporary();
  const journal = await open(dir);
  const recordings = openRecordings({ journal, keys: testKeys });
  const both = [one, other].map((session) => {
    journal.append(opened(session));
    return recordings.open(session, 1_767_225_600_000);
  });
  for (let command = 1; command <= 3; command++) {
    for (const recording of both) {
      recording.append({ type: 'data', command, direction: 'out', data: Buffer.from(`row ${command}`) });
      recording.handOver();
      await journal.flush();
    }
  }
  for (const recording of both) await recording.close();
  journal.append(ended(one));
  await journal.flush();
  return {
    file: (kind, session = one) => join(dir, 'recordings', `${session}.${kind}`),
    prove: () => proveRecording(join(dir, 'recordings'), one, readEvents(dir)),
    destroy: async () => {
      await recordings.destroy(one, { principal: actor, rule: null, reason: 'asked to' });
    },
  };
}

test('as it was written', async () => {
  const { prove } = await recorded();
  const proof = await prove();
  expect(proof).toMatchObject({ state: 'intact', chunks: 3, problem: null });
  expect(proof.last).toBeGreaterThan(proof.first!);
});

test.each([
  [
    'a byte in it was changed',
    /bytes of part/,
    (file: string) => {
      const bytes = readFileSync(file);
      bytes[bytes.length - 3]! ^= 1;
      writeFileSync(file, bytes);
    },
  ],
  [
    'its end was cut off',
    /ends before the end of part 3/,
    (file: string) => truncateSync(file, readFileSync(file).length - 1),
  ],
  [
    'something was added',
    /another length/,
    (file: string) => writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(1)])),
  ],
  ['it is gone without a word', /missing/, (file: string) => rmSync(file)],
] as const)('%s', async (_what, problem, change) => {
  const { prove, file } = await recorded();
  change(file('rec'));
  expect(await prove()).toMatchObject({ state: 'damaged', problem: expect.stringMatching(problem) });
});

test('its key is another one’s', async () => {
  const { prove, file } = await recorded();
  writeFileSync(file('key'), readFileSync(file('key', other)));
  expect(await prove()).toMatchObject({ state: 'damaged', problem: expect.stringMatching(/key/) });
});

test('deleted, as the journal says', async () => {
  const { prove, destroy } = await recorded();
  await destroy();
  expect(await prove()).toMatchObject({ state: 'deleted', chunks: 3, problem: null });
});
