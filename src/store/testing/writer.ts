/**
 * A process that writes to an embedded store and says what was acknowledged, until it is killed.
 * Run as `node writer.ts DIRECTORY PREFIX`; each line of its output is a setting's key that the store acknowledged.
 */
import { writeSync } from 'node:fs';
import { openStore } from '../index.ts';

const [, , directory, prefix] = process.argv;
if (directory === undefined || prefix === undefined) throw new Error('writer.ts DIRECTORY PREFIX');

const store = await openStore({ directory });
writeSync(1, 'open\n');
for (let count = 0; ; count++) {
  const key = `${prefix}-${count}`;
  await store.settings.set(key, { count, filler: 'x'.repeat((count * 97) % 3000) });
  // Synchronous, so that the line is out before the next write begins.
  writeSync(1, `${key}\n`);
}
