/**
 * Writes a made-up history into a gateway's data directory, as its journal: something to search, to replay detections over, and to
 * measure with, without waiting for weeks to pass.
 *
 *     node test/population/write.ts --data DIRECTORY [--weeks 1] [--seed 1] [--until now]
 *
 * The directory must not hold a gateway yet. Its times end at the moment of writing. Start a gateway on it afterwards: the index is
 * drawn from the journal. There are no recordings, so nothing of it can be replayed.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import type { EventBody } from '../../src/core/event.ts';
import { startGateway } from '../../src/gateway/compose.ts';
import { readConfig } from '../../src/gateway/config.ts';
import { populate } from './population.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    weeks: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});
if (values.data === undefined) throw new Error('--data names the directory to make');
const dataDirectory = resolve(values.data);
if (existsSync(dataDirectory)) throw new Error(`${dataDirectory} is there already`);

const population = populate({ seed: Number(values.seed), weeks: Number(values.weeks), learningWeeks: 0, repeats: 1 });
/** Events move to end now. */
const shiftMs = Date.now() - population.endMs;
let atMs: number | null = null;
const clock: Clock = {
  now: () => atMs ?? systemClock.now(),
  monotonic: () => systemClock.monotonic(),
  after: (ms, run) => systemClock.after(ms, run),
  every: (ms, run) => systemClock.every(ms, run),
};
const read = await readConfig({ dataDirectory, environment: { SALLYPORT_HISTORY: 'off' } });
const gateway = await startGateway({
  config: { ...read, listeners: [], console: { host: '127.0.0.1', port: 0, tls: false } },
  log: silentLog,
  clock,
});
let written = 0;
for (const { event } of population.events()) {
  const { seq: _seq, at, ...body } = event;
  atMs = Math.min(at + shiftMs, Date.now());
  gateway.journal.append(body as EventBody);
  written++;
  if (written % 1000 !== 0) continue;
  await gateway.journal.flush();
  if (process.stderr.isTTY) process.stderr.write(`\r${written} events`);
}
await gateway.journal.flush();
atMs = null;
await gateway.stop('written', 0);
if (process.stderr.isTTY) process.stderr.write('\r');
console.log(`${written} events of ${population.principals} principals, ${population.incidents.length} incidents.`);
