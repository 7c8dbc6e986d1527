/**
 * Captures from the real API server what `stand-in.ts` answers with: discovery in both forms that kubectl asks for, of a few
 * groups, and the objects of a small cluster with their tables. `capture.ts stand-in` runs it; it writes `captured/`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startCluster } from './cluster.ts';
import { fill } from './objects.ts';

const groups = new Set([
  'apps',
  'batch',
  'authorization.k8s.io',
  'rbac.authorization.k8s.io',
  'events.k8s.io',
  'policy',
]);
const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';

/** Where the objects of a kind are listed, whatever their namespace. */
export const kinds = [
  '/api/v1/namespaces',
  '/api/v1/nodes',
  '/api/v1/pods',
  '/api/v1/secrets',
  '/api/v1/configmaps',
  '/api/v1/services',
  '/api/v1/serviceaccounts',
  '/api/v1/events',
  '/apis/apps/v1/deployments',
  '/apis/rbac.authorization.k8s.io/v1/roles',
] as const;

interface Group {
  readonly name?: string;
  readonly metadata?: { readonly name?: string };
  readonly versions: readonly { readonly groupVersion?: string }[];
}

export async function captureStandIn(): Promise<void> {
  const folder = join(import.meta.dirname, 'captured');
  mkdirSync(folder, { recursive: true });
  const cluster = await startCluster();
  try {
    await fill(cluster);
    const ask = async (path: string, accept: string): Promise<Record<string, unknown>> =>
      JSON.parse((await cluster.api('GET', path, { accept })).body.toString()) as Record<string, unknown>;
    const write = (name: string, value: unknown): void =>
      writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(value, null, 1)}\n`);

    const plain: Record<string, unknown> = {};
    for (const path of ['/version', '/api', '/apis', '/api/v1']) plain[path] = await ask(path, 'application/json');
    const list = plain['/apis'] as { groups: Group[] };
    list.groups = list.groups.filter(({ name }) => groups.has(name ?? ''));
    for (const { versions } of list.groups) {
      for (const { groupVersion } of versions)
        plain[`/apis/${groupVersion}`] = await ask(`/apis/${groupVersion}`, 'application/json');
    }
    const whole = {
      '/api': await ask('/api', aggregated),
      '/apis': (await ask('/apis', aggregated)) as { items: Group[] },
    };
    whole['/apis'].items = whole['/apis'].items.filter(({ metadata }) => groups.has(metadata?.name ?? ''));
    write('discovery', { plain, aggregated: whole });

    const objects: Record<string, unknown> = {};
    for (const path of kinds) {
      objects[path] = { list: await ask(path, 'application/json'), table: await ask(path, table) };
    }
    write('objects', objects);
  } finally {
    await cluster.stop();
  }
}
