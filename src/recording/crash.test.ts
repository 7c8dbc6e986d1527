/** F-01, this room's half: whatever was acknowledged as durable is there after a kill at any moment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { cleanUp, eventsOf, isFull, keys, open, random, seed, temporary } from './fixtures/kit.ts';
import { verifyJournal } from './verify.ts';

afterEach(cleanUp);
const program = fileURLToPath(new URL('./fixtures/writer-process.ts', import.meta.url));

test('F-01: kill -9 at random moments loses nothing that was acknowledged', async () => {
  const next = random(seed);
  const dir = temporary();
  const pem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const acknowledged = new Map<number, string>();
  for (let round = 0; round < (isFull ? 200 : 5); round++) {
    const child = spawn(process.execPath, [program, dir, pem], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    let limit = 1 + Math.floor(next() * 3000);
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      limit -= chunk.toString('latin1').split('\n').length - 1;
      if (limit <= 0) child.kill('SIGKILL');
    });
    await once(child, 'close');
    expect(child.signalCode).toBe('SIGKILL');
    for (const line of said.slice(0, said.lastIndexOf('\n')).split('\n')) {
      const [sequence, text] = line.split(' ') as [string, string];
      acknowledged.set(Number(sequence), text);
    }
  }
  const journal = await open(dir);
  expect(journal.recovery.interrupted.length).toBeGreaterThan(0);
  await journal.close();
  const events = await eventsOf(dir);
  for (const [sequence, text] of acknowledged) {
    expect(events[sequence - 1], `seed ${seed}`).toMatchObject({ seq: sequence, type: 'command.intent', text });
  }
  // Every session that was opened has ended, every command too, and every recording fits the journal.
  const opens = events.filter((event) => event.type === 'session.opened').length;
  expect(events.filter((event) => event.type === 'session.ended')).toHaveLength(opens);
  const intents = events.filter((event) => event.type === 'command.intent').length;
  expect(events.filter((event) => event.type === 'command.ended')).toHaveLength(intents);
  const report = await verifyJournal({ dir, publicKey: keys.publicKey, checkpoint: journal.lastCheckpoint! });
  expect(report).toMatchObject({ ok: true, problems: [], uncovered: 0, unfinishedRecordings: 0 });
}, 600_000);
