/**
 * Builds what the real cluster of `cluster.ts` is made of, and fetches what Debian has of it:
 *
 *     node test/kubernetes/build.ts              # all that is missing
 *     node test/kubernetes/build.ts node         # these, again
 *
 * needs Go of the version that `rig/go.mod` names, its module proxy as this machine has it set up, about 6 GB of disk for
 * modules and build cache, 3 GB of memory, and on two cores about twenty minutes the first time. What is built stays in
 * `.cache/kubernetes/bin`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Built, built, folder, programPath, type Source } from './programs.ts';

const rig = join(import.meta.dirname, 'rig');

/** The version that the programs are to say they are; a build from a module does not know it by itself. */
function versionFlags(modules: string): string {
  const version = /k8s\.io\/kubernetes v(\d+)\.(\d+)\.\d+/.exec(readFileSync(join(rig, modules), 'utf8'));
  if (version === null) throw new Error(`rig/${modules} requires no k8s.io/kubernetes`);
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

// Less memory for a little more time.
const env = { ...process.env, CGO_ENABLED: '0', GOGC: '50' };

function go(args: readonly string[], cwd: string, more: Readonly<Record<string, string>> = {}): void {
  execFileSync('nice', ['-n', '10', 'go', ...args], { cwd, stdio: 'inherit', env: { ...env, ...more } });
}

function build(name: Built): void {
  console.log(`building ${name}`);
  const source: Source = built[name];
  const target = programPath(name);
  mkdirSync(dirname(target), { recursive: true });
  const common = ['-trimpath', '-buildvcs=false', '-p', '2', '-ldflags'];
  if (source.version !== undefined) {
    // What stands alone has a module of its own, with the versions that it was released with.
    const place = mkdtempSync(join(folder, 'install-'));
    go(['install', ...common, '-s -w', `${source.package}@${source.version}`], place, { GOBIN: place });
    renameSync(join(place, basename(source.package)), target);
    rmSync(place, { recursive: true });
  } else if (source.folder !== undefined) {
    go(['build', ...common, '-s -w', '-o', target, source.package], join(rig, source.folder));
  } else {
    const modules = source.modules ?? 'go.mod';
    const chosen = modules === 'go.mod' ? [] : [`-modfile=${modules}`];
    go(['build', ...chosen, ...common, `-s -w ${versionFlags(modules)}`, '-o', target, source.package], rig);
  }
}

const asked = process.argv.slice(2);
for (const name of asked) if (!(name in built)) throw new Error(`there is ${Object.keys(built).join(', ')}`);
for (const name of Object.keys(built) as Built[]) {
  if (asked.length === 0 ? !existsSync(programPath(name)) : asked.includes(name)) build(name);
}
if (asked.length === 0) {
  execFileSync(resolve(import.meta.dirname, '../../tools/kubernetes.sh'), [folder], { stdio: 'inherit' });
}
