/**
 * Proving and giving up (security.md, G11): how fast `verify` reads a journal with sealed recordings and witnesses, the same
 * once its first half was pruned and half of its recordings deleted, and how fast the pruning is.
 *
 *     node bench/verify.ts [--quick] [--rounds N]
 *
 * Files are read warm, so that the disk is not what is measured.
 *
 * Deliberately absent: goals. A benchmark never fails a test run.
 */
import { createCipheriv, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Actor, EventBody } from '../src/core/event.ts';
import { openJournal, openRecordings, type RecordingKeys, verifyJournal } from '../src/recording/index.ts';
import { publish, quantile, runOptions } from './output.ts';

const options = runOptions();
const sessions = options.quick ? 20 : 200;
const commandsEach = 2_000;
const contentEach = 1024 * 1024;

const actor: Actor = { id: 'pri_1', issuer: 'local', name: 'bench', kind: 'person', groups: [], credentialId: null };
const wrapping = randomBytes(32);
const sessionKeys: RecordingKeys = {
  create: () => {
    const key = randomBytes(32);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', wrapping, nonce);
    return { key, wrapped: Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]) };
  },
  open: () => Promise.reject(new Error('not read here')),
};

function intent(session: string, command: number): EventBody {
  const text = `SELECT abalance FROM pgbench_accounts WHERE aid = ${command};`;
  const facts = {
    fingerprint: '0123456789abcdef',
    effects: ['read'],
    touches: [['column', 'read', 'public.pgbench_accounts.abalance'] as const],
    complete: true,
  };
  const fixed = { kind: 'sql', verb: 'query', parameters: null, effect: 'read', of: null, facts } as const;
  return { type: 'command.intent', session, command, text, textBytes: text.length, ...fixed };
}

function ended(session: string, command: number): EventBody {
  const result = { outcome: 'completed', tag: 'SELECT 1', error: null, rows: 1, bytes: 20, durationMs: 0.2 } as const;
  return { type: 'command.ended', session, command, ...result };
}

const idOf = (index: number): string => `ses_${String(index).padStart(26, '0')}`;

async function main(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'sallyport-bench-verify-'));
  const { privateKey: signingKey } = generateKeyPairSync('ed25519');
  const witnesses: { name: string; text: string }[] = [];
  try {
    const journal = await openJournal({
      dir,
      signingKey,
      segmentBytes: 8 * 1024 * 1024,
      onCheckpoint: (text) => witnesses.push({ name: `witness ${witnesses.length + 1}`, text }),
    });
    const recordings = openRecordings({ journal, keys: sessionKeys });
    for (let index = 0; index < sessions; index++) {
      const session = idOf(index);
      const recording = recordings.open(session, Date.now());
      for (let command = 1; command <= commandsEach; command++) {
        journal.append(intent(session, command));
        journal.append(ended(session, command));
      }
      // Content that nothing compresses: what is verified is what lies on the disk.
      for (let at = 0; at < contentEach; at += 65_536) {
        recording.append({ type: 'screen', command: 1, direction: 'out', data: randomBytes(65_536) });
      }
      await recording.close();
      await journal.flush();
    }
    const read = async (): Promise<{ seconds: number; cpuSeconds: number; bytes: number; events: number }> => {
      const seconds: number[] = [];
      const cpuSeconds: number[] = [];
      let bytes = 0;
      let events = 0;
      for (let round = 0; round < options.rounds; round++) {
        const began = performance.now();
        const used = process.threadCpuUsage();
        const report = await verifyJournal({ dir, publicKey: createPublicKey(signingKey), witnesses });
        seconds.push((performance.now() - began) / 1000);
        const { user, system } = process.threadCpuUsage(used);
        cpuSeconds.push((user + system) / 1e6);
        if (!report.ok) throw new Error(`verify found ${JSON.stringify(report.problems[0])}`);
        ({ bytes, events } = report);
      }
      return { seconds: quantile(seconds, 0.5), cpuSeconds: quantile(cpuSeconds, 0.5), bytes, events };
    };
    const whole = await read();
    const began = performance.now();
    for (let index = 0; index < sessions / 2; index++) {
      await recordings.destroy(idOf(index), { principal: actor, rule: 'bench', reason: 'measured' });
    }
    const destroyMs = (performance.now() - began) / (sessions / 2);
    const since = performance.now();
    const cpu = process.threadCpuUsage();
    const pruned = await journal.prune(journal.durableSequence / 2, { principal: actor, rule: 'bench' });
    const pruneSeconds = (performance.now() - since) / 1000;
    const own = process.threadCpuUsage(cpu);
    const half = await read();
    await recordings.close();
    await journal.close();
    const row = (name: string, { seconds, cpuSeconds, bytes, events }: typeof whole): string[] => [
      name,
      events.toLocaleString('en'),
      (bytes / 1e6).toFixed(0),
      (bytes / 1e6 / seconds).toFixed(0),
      (bytes / 1e6 / cpuSeconds).toFixed(0),
      Math.round(events / seconds).toLocaleString('en'),
    ];
    const freed = (pruned?.freedBytes ?? 0) / 1e6;
    await publish(
      'verify',
      options,
      [
        `${sessions} sessions, each with ${commandsEach} commands and a sealed recording; ${witnesses.length} witnesses.`,
        `Pruning gave up ${freed.toFixed(0)} MB in ${pruneSeconds.toFixed(2)} s (${((own.user + own.system) / 1e6).toFixed(2)} s of the main thread); deleting a recording took ${destroyMs.toFixed(1)} ms.`,
      ],
      [
        {
          title: 'verify',
          head: ['', 'events', 'MB read', 'MB/s', 'MB per second of CPU', 'events/s'],
          rows: [row('whole', whole), row('half pruned, half of the recordings deleted', half)],
        },
      ],
      { whole, half, freed, pruneSeconds, destroyMs },
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

await main();
