/**
 * Where the programs are that `build.ts` builds and that `tools/kubernetes.sh` fetches: `.cache/kubernetes`, or what
 * $SALLYPORT_KUBERNETES names. Tests that need a program say so by `missing`, and skip with that reason.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const folder = process.env['SALLYPORT_KUBERNETES'] ?? resolve(import.meta.dirname, '../../.cache/kubernetes');

/** Built from Go modules, by the folder in `rig/`. */
export const built = {
  etcd: 'etcd',
  'kube-apiserver': 'apiserver',
  'kube-controller-manager': 'controllers',
  node: 'node',
  requestinfo: 'requestinfo',
} as const;
export type Built = keyof typeof built;

/** Debian's. */
export const fetched = ['kubectl-old', 'kubectl-new', 'kubectl-newest'] as const;
export type Fetched = (typeof fetched)[number];

export function programPath(name: Built | Fetched): string {
  return join(folder, 'bin', name);
}

export function program(name: Built | Fetched): string {
  const path = programPath(name);
  const reason = missing([name]);
  if (reason !== null) throw new Error(reason);
  return path;
}

/** Why a test that needs these programs cannot run here, or null. */
export function missing(names: readonly (Built | Fetched)[]): string | null {
  const absent = names.filter((name) => !existsSync(programPath(name)));
  if (absent.length === 0) return null;
  const command = absent.some((name) => name in built) ? 'node test/kubernetes/build.ts' : 'tools/kubernetes.sh';
  return `${absent.join(', ')} not there; ${command} makes what is missing`;
}

/** A whole cluster. */
export const clusterPrograms = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'node'] as const;
