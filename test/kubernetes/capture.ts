/**
 * Captures what the real API server says, as fixtures for `src/language/kubernetes`:
 *
 *     node test/kubernetes/capture.ts request-info     # RequestInfo of the requests of requests.ts
 *     node test/kubernetes/capture.ts objects          # objects in every encoding
 *     node test/kubernetes/capture.ts protobuf         # how kinds are encoded: src/language/kubernetes/protobuf-table.ts
 *     node test/kubernetes/capture.ts stand-in         # what stand-in.ts answers with (not a fixture: captured/)
 *
 * needs what `node test/kubernetes/build.ts` builds.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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

/** Lines of some messages each, so that the file can be looked at. */
const tableLineLength = 200;

function protobufTable(): void {
  const output = execFileSync(program('schema'), { maxBuffer: 1 << 26 })
    .toString()
    .trimEnd()
    .split('\n');
  const packed = (entries: readonly string[]): string => {
    const lines: string[] = [];
    for (const entry of entries) {
      const last = lines.at(-1);
      if (last !== undefined && last.length + entry.length < tableLineLength)
        lines[lines.length - 1] = `${last};${entry}`;
      else lines.push(entry);
    }
    return lines.join('\n');
  };
  const kinds = output.filter((line) => line.startsWith('= ')).map((line) => line.slice(2));
  const messages = output.filter((line) => !line.startsWith('= '));
  const modules = readFileSync(join(import.meta.dirname, 'rig/go.mod'), 'utf8');
  const [, version] = /k8s\.io\/api (v\S+)/.exec(modules) ?? [];
  const text = `/**
 * How the kinds of Kubernetes (k8s.io/api ${version}) are encoded in protobuf. Made by \`node test/kubernetes/capture.ts protobuf\`;
 * what it means stands in test/kubernetes/rig/schema.
 */

/** APIVERSION KIND MESSAGE */
export const protobufKinds = \`
${packed(kinds)}
\`;

/** MESSAGE NAME:NUMBER:TYPE … */
export const protobufMessages = \`
${packed(messages)}
\`;
`;
  writeFileSync(join(fixtures, '../protobuf-table.ts'), text);
  console.log(`protobuf: ${kinds.length} kinds, ${messages.length} messages`);
}

const parts: Readonly<Record<string, () => void | Promise<void>>> = {
  'request-info': requestInfo,
  objects: () => captureObjects(fixtures),
  protobuf: protobufTable,
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
