/**
 * Builds what the real cluster of `cluster.ts` is made of, and fetches what Debian has of it:
 *
 *     node test/kubernetes/build.ts              # all that is missing
 *     node test/kubernetes/build.ts node         # these, again
 *
 * needs Go of the version that `rig/go.mod` names, its module proxy as this machine has it set up, about 6 GB of disk for
 * modules and build cache, 3 GB of memory, and on two cores about ten minutes the first time. What is built stays in
 * `.cache/kubernetes/bin`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Built, built, folder, programPath } from './programs.ts';

const rig = join(import.meta.dirname, 'rig');

/** The version that the programs are to say they are; a build from a module does not know it by itself. */
function versionFlags(): string {
  const version = /k8s\.io\/kubernetes v(\d+)\.(\d+)\.\d+/.exec(readFileSync(join(rig, 'go.mod'), 'utf8'));
  if (version === null) throw new Error('rig/go.mod requires no k8s.io/kubernetes');
  const values = {
    gitVersion: version[0].split(' ')[1],
    gitMajor: version[1],
    gitMinor: version[2],
    gitTreeState: 'clean',
    gitCommit: '0'.repeat(40),
    buildDate: '1970-01-01T00:00:00Z',
  };
  return Object.entries(values)
    .flatMap(([name, value]) =>
      ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].map((place) => `-X ${place}.${name}=${value}`),
    )
    .join(' ');
}

function build(name: Built): void {
  console.log(`building ${name}`);
  const target = programPath(name);
  mkdirSync(dirname(target), { recursive: true });
  const flags = ['-trimpath', '-buildvcs=false', '-p', '2', '-ldflags', `-s -w ${versionFlags()}`, '-o', target];
  execFileSync('nice', ['-n', '10', 'go', 'build', ...flags, `./${built[name]}`], {
    cwd: rig,
    stdio: 'inherit',
    // Less memory for a little more time.
    env: { ...process.env, CGO_ENABLED: '0', GOGC: '50' },
  });
}

const asked = process.argv.slice(2);
for (const name of asked) if (!(name in built)) throw new Error(`there is ${Object.keys(built).join(', ')}`);
for (const name of Object.keys(built) as Built[]) {
  if (asked.length === 0 ? !existsSync(programPath(name)) : asked.includes(name)) build(name);
}
if (asked.length === 0) {
  execFileSync(resolve(import.meta.dirname, '../../tools/kubernetes.sh'), [folder], { stdio: 'inherit' });
}
