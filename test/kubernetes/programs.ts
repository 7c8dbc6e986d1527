/**
 * Where the programs are that `build.ts` builds and that `tools/kubernetes.sh` fetches: `.cache/kubernetes`, or what
 * $SALLYPORT_KUBERNETES names. Tests that need a program say so by `missing`, and skip with that reason.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const folder = process.env['SALLYPORT_KUBERNETES'] ?? resolve(import.meta.dirname, '../../.cache/kubernetes');

/** Where a program comes from: a package, seen from `rig/`, or from a module that is a folder in it. */
export interface Source {
  readonly package: string;
  /** Which versions; `go.mod` unless given. */
  readonly modules?: string;
  /** Of a module of its own. */
  readonly folder?: string;
  /** It stands alone, at this version. */
  readonly version?: string;
}

/** Built from Go modules. */
export const built = {
  etcd: { package: './etcd' },
  'kube-apiserver': { package: './apiserver' },
  'kube-controller-manager': { package: './controllers' },
  node: { package: './node' },
  requestinfo: { package: './requestinfo' },
  schema: { package: './schema' },
  // Kubernetes 1.35, which authorises an exec by WebSocket as `create`.
  'kube-apiserver-next': { package: './apiserver', modules: 'next.mod' },
  'requestinfo-next': { package: './requestinfo', modules: 'next.mod' },
  helm3: { package: 'helm.sh/helm/v3/cmd/helm', version: 'v3.22.0' },
  helm4: { package: 'helm.sh/helm/v4/cmd/helm', version: 'v4.3.1' },
  k9s: { package: 'github.com/derailed/k9s', folder: 'k9s' },
} as const satisfies Readonly<Record<string, Source>>;
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
/** The same with the API server of the next version. */
export const nextClusterPrograms = [...clusterPrograms, 'kube-apiserver-next'] as const;
