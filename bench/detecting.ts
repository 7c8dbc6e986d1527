/**
 * How far detections are behind the journal at a rate of commands, and what they cost the event loop: every built-in detector and a
 * rule of manifests each over the live journal, with the embedded store.
 *
 *   node bench/detecting.ts [commands a second] [seconds]
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import type { Event } from '../src/core/event.ts';
import { builtInDetectors, ordinaryHours } from '../src/detection/index.ts';
import { AlertWriter } from '../src/gateway/alert-writer.ts';
import { Detecting } from '../src/gateway/detecting.ts';
import { journalLookups } from '../src/gateway/journal-lookups.ts';
import { ResponseService } from '../src/gateway/responses.ts';
import { openJournal, readEvents } from '../src/recording/index.ts';
import { openStore } from '../src/store/index.ts';

const rate = Number(process.argv[2] ?? 5000);
const seconds = Number(process.argv[3] ?? 10);
const tickMs = 20;
const principals = 50;

const dir = mkdtempSync(join(tmpdir(), 'sallyport-bench-detecting-'));
const store = await openStore({ directory: join(dir, 'store') });
const journal = await openJournal({
  dir,
  signingKey: generateKeyPairSync('ed25519').privateKey,
  clock: systemClock,
});
const put = (name: string, spec: object): Promise<unknown> =>
  store.objects.put({ kind: 'Detection', name, labels: {}, spec: spec as never, by: 'bench', expectedGeneration: 0 });
for (const { name } of builtInDetectors) await put(name, { severity: 'medium', detector: name });
await put('rows', {
  severity: 'high',
  select: { read: { type: 'command.ended', rows: { min: 1 } } },
  window: '10m',
  measure: { of: 'sum', field: 'rows', min: 1_000_000_000 },
});
const shared = { gateway: 'bench', clock: systemClock, log: silentLog, store, journal };
const responses = new ResponseService({
  ...shared,
  hashKey: Buffer.alloc(32),
  protocols: [],
  sessions: () => null,
  mayLock: () => true,
});
const events = (from: number): AsyncIterable<Event> => readEvents(dir, { from, to: journal.durableSequence });
const detecting = new Detecting({
  ...shared,
  definitions: builtInDetectors,
  hours: ordinaryHours,
  lookups: journalLookups({ gateway: 'bench', store, readEvents: events }),
  readEvents: events,
  raisedFrom: events,
  writer: new AlertWriter(shared),
  responses,
  changed: async () => undefined,
  actor: () => null,
});
await responses.open();
await detecting.open();

const actor = (at: number) => {
  const name = `person-${at}`;
  return { id: `local:${name}`, issuer: 'local', name, kind: 'person', groups: ['dev'], credentialId: null } as const;
};
for (let at = 0; at < principals; at++) {
  journal.append({
    type: 'session.opened',
    session: `ses_${at}`,
    connection: `con_${at}`,
    source: `10.0.0.${at}:5000`,
    principal: actor(at),
    resource: `db-${at % 7}`,
    labels: { env: 'prod' },
    protocol: 'postgres',
    recording: 'strict',
    access: 'devs',
    client: { application_name: 'psql' },
  });
}
const lags: number[] = [];
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
let sent = 0;
const beganMs = performance.now();
while (performance.now() - beganMs < seconds * 1000) {
  const due = Math.floor(((performance.now() - beganMs) / 1000) * rate);
  for (; sent < due; sent++) {
    const session = `ses_${sent % principals}`;
    const command = Math.floor(sent / principals) + 1;
    journal.append({
      type: 'command.intent',
      session,
      command,
      kind: 'sql',
      verb: 'query',
      text: `select * from orders where id = ${sent}`,
      textBytes: 40,
      parameters: null,
      effect: 'read',
      of: null,
      facts: {
        fingerprint: `00000000000000${(sent % 90) + 10}`,
        effects: ['read'],
        touches: [['table', 'read', 'public.orders']],
        complete: true,
      },
    });
    const outcome = { outcome: 'completed', tag: 'SELECT 1', error: null, rows: 1, bytes: 80, durationMs: 1 } as const;
    journal.append({ type: 'command.ended', session, command, ...outcome });
  }
  await sleep(tickMs);
  lags.push(detecting.lagMs);
}
const tailMs = performance.now();
await journal.flush();
while (detecting.sequence < journal.durableSequence) await sleep(5);
const sorted = lags.sort((a, b) => a - b);
const figure = (share: number): number => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
process.stdout.write(
  `${JSON.stringify({
    detectors: builtInDetectors.length + 1,
    commandsPerSecond: Math.round(sent / seconds),
    lagMs: { p50: figure(0.5), p99: figure(0.99), max: figure(1) },
    drainMs: Math.round(performance.now() - tailMs),
    eventLoopMs: { p99: Math.round(delay.percentile(99) / 1e6), max: Math.round(delay.max / 1e6) },
  })}\n`,
);
await detecting.close();
await responses.close();
await journal.close();
await store.close();
rmSync(dir, { recursive: true, force: true });
