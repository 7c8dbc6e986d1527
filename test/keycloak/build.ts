/**
 * Fetches Keycloak as it is published, and has it build itself once, so that it starts in seconds:
 *
 *     node test/keycloak/build.ts
 *
 * needs Java 17 or newer and Maven, which knows its registry by its own settings; 150 MB to fetch, 400 MB of disk, two
 * minutes. What was fetched must have the checksum of `distribution.ts`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, home, javaFlags, mark, programFlags, sha256, version } from './distribution.ts';

const artifact = 'keycloak-quarkus-dist';
const archive = join(folder, `${artifact}-${version}.tar.gz`);

function run(program: string, args: readonly string[]): void {
  execFileSync('nice', ['-n', '10', program, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
}

function fetchArchive(): void {
  console.log(`fetching Keycloak ${version}`);
  const what = `org.keycloak:${artifact}:${version}:tar.gz`;
  run('mvn', ['-q', '-B', 'dependency:copy', `-Dartifact=${what}`, `-DoutputDirectory=${folder}`]);
  const sum = createHash('sha256').update(readFileSync(archive)).digest('hex');
  if (sum === sha256) return;
  rmSync(archive);
  throw new Error(`${artifact} ${version} has the checksum ${sum}, not ${sha256}`);
}

/** What `kc.sh` takes as: built, and to be started again. */
const builtStatus = 10;

function build(): void {
  rmSync(home, { recursive: true, force: true });
  run('tar', ['xzf', archive, '-C', folder]);
  console.log('building it for its development mode');
  const { status } = spawnSync('java', [...javaFlags, ...programFlags(home)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== builtStatus) throw new Error(`it ends with ${status}`);
  writeFileSync(mark, '');
  rmSync(archive);
}

mkdirSync(folder, { recursive: true });
if (!existsSync(mark)) {
  fetchArchive();
  build();
}
console.log(`Keycloak ${version} is there: npx vitest run test/keycloak`);
