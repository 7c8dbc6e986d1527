/** Which resources there are, by the captured discovery, and what a path asks for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubeObject } from './objects.ts';
import type { Store } from './store.ts';
import type { Column } from './tables.ts';

interface DiscoveredResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface Resource extends DiscoveredResource {
  /** `GROUP/RESOURCE`, with nothing before the slash for the core group. */
  readonly key: string;
  readonly apiVersion: string;
  readonly columns: readonly Column[] | undefined;
}

export interface Asked {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

interface Captured {
  readonly list: { readonly items: readonly KubeObject[]; readonly metadata: { readonly resourceVersion: string } };
  readonly table: {
    readonly columnDefinitions: readonly Column[];
    readonly rows: readonly { readonly cells: readonly unknown[] }[];
  };
}

const captured = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../captured/${name}.json`), 'utf8'));

export const discovery = captured('discovery') as {
  readonly plain: Readonly<Record<string, unknown>>;
  readonly aggregated: Readonly<Record<string, unknown>>;
};
export const capturedObjects = captured('objects') as Readonly<Record<string, Captured>>;

const resources = new Map<string, Resource>();
for (const [path, answer] of Object.entries(discovery.plain)) {
  const { groupVersion, resources: found } = answer as {
    groupVersion?: string;
    resources?: readonly DiscoveredResource[];
  };
  for (const one of found ?? []) {
    if (one.name.includes('/')) continue;
    const group = path.startsWith('/apis/') ? path.split('/')[2]! : '';
    const columns = capturedObjects[`${path}/${one.name}`]?.table.columnDefinitions;
    resources.set(`${path}/${one.name}`, { ...one, key: `${group}/${one.name}`, apiVersion: groupVersion!, columns });
  }
}

/** What a path asks for, or null where it is no resource's. */
export function parsePath(path: string): Asked | null {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const prefix = parts[0] === 'api' ? parts.splice(0, 2) : parts.splice(0, 3);
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 2 && parts[2] !== 'status' && parts[2] !== 'finalize') {
    namespace = parts[1]!;
    parts.splice(0, 2);
  }
  const resource = resources.get(`/${prefix.join('/')}/${parts[0]}`);
  if (resource === undefined) return null;
  return { resource, namespace, name: parts[1] ?? '', subresource: parts.slice(2).join('/') };
}

/** Fills a store with what was captured, without the pods: theirs are processes, which are not there. */
export function seed(store: Store): void {
  for (const [path, { list }] of Object.entries(capturedObjects)) {
    const resource = resources.get(path);
    if (resource === undefined || resource.name === 'pods') continue;
    for (const one of list.items) store.seed(resource.key, one);
  }
}
