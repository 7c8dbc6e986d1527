/**
 * Where Keycloak is that `build.ts` fetches: `.cache/keycloak`, or what $SALLYPORT_KEYCLOAK names. Tests that need it say so
 * by `missing`, and skip with that reason.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Runs on Java 17 and newer. */
export const version = '26.5.5';
/** Of the published archive. */
export const sha256 = '38beab474f1d69dcbe537c9cc81d1fe49aa28d4e3b9dd99308d17910e218d734';

export const folder = process.env['SALLYPORT_KEYCLOAK'] ?? resolve(import.meta.dirname, '../../.cache/keycloak');
export const home = join(folder, `keycloak-${version}`);
/** Written when everything is there: a build that was broken off leaves none. */
export const mark = join(home, 'built');

/** Java's own, and what Keycloak's `kc.sh` gives it. */
export const javaFlags: readonly string[] = [
  '-Xms64m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-Dfile.encoding=UTF-8',
  '-Duser.language=en',
  '-Duser.country=US',
  '--add-opens=java.base/java.util=ALL-UNNAMED',
  '--add-opens=java.base/java.util.concurrent=ALL-UNNAMED',
  '--add-opens=java.base/java.security=ALL-UNNAMED',
  '-Djava.util.logging.manager=org.jboss.logmanager.LogManager',
  '-Djava.util.concurrent.ForkJoinPool.common.threadFactory=io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory',
  '-Dpicocli.disable.closures=true',
];

/** Flags of a program whose data and settings are in `place`. */
export function programFlags(place: string): readonly string[] {
  return [
    `-Dkc.home.dir=${place}`,
    `-Djboss.server.config.dir=${join(place, 'conf')}`,
    ...['-cp', join(home, 'lib/quarkus-run.jar')],
    'io.quarkus.bootstrap.runner.QuarkusEntryPoint',
    '--profile=dev',
    'start-dev',
  ];
}

/** Why tests with Keycloak cannot run here, or null. */
export function missing(): string | null {
  if (!existsSync(mark)) return `Keycloak ${version} is not there; node test/keycloak/build.ts fetches it`;
  return hasJava() ? null : 'there is no Java';
}

function hasJava(): boolean {
  try {
    execFileSync('java', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
