/**
 * Captures what the real API server says, as fixtures for `src/language/kubernetes`:
 *
 *     node test/kubernetes/capture.ts request-info     # RequestInfo of the requests of requests.ts
 *     node test/kubernetes/capture.ts objects          # objects in every encoding
 *     node test/kubernetes/capture.ts stand-in         # what stand-in.ts answers with (not a fixture: captured/)
 *
 * needs what `node test/kubernetes/build.ts` builds.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { captureStandIn } from './capture-stand-in.ts';
import { captureObjects } from './objects.ts';
import { program } from './programs.ts';
import { requests } from './requests.ts';

const fixtures = resolve(import.meta.dirname, '../../src/language/kubernetes/fixtures');

function requestInfo(): void {
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join('');
  const output = execFileSync(program('requestinfo'), { input, maxBuffer: 1 << 26, stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = [...new Set(output.toString().trimEnd().split('\n'))];
  mkdirSync(fixtures, { recursive: true });
  writeFileSync(join(fixtures, 'request-info.json'), `[\n${lines.join(',\n')}\n]\n`);
  console.log(`request-info: ${lines.length} requests`);
}

const parts: Readonly<Record<string, () => void | Promise<void>>> = {
  'request-info': requestInfo,
  objects: () => captureObjects(fixtures),
  'stand-in': captureStandIn,
};

for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(parts)) {
  const part = parts[name];
  if (part === undefined) throw new Error(`nothing is called ${name}; there is ${Object.keys(parts).join(', ')}`);
  await part();
}
// As everything that is JSON in this repository; what is kept byte for byte stands in folders called `corpus`.
const biome = resolve(import.meta.dirname, '../../node_modules/.bin/biome');
execFileSync(biome, ['format', '--write', fixtures, join(import.meta.dirname, 'captured')], { stdio: 'inherit' });
