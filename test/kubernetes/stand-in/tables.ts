/**
 * Tables as the API server prints them: the columns are captured, the cells of a row are made as the API server makes them.
 * stand-in.test.ts compares them with the captured rows.
 */
import { at, type KubeObject } from './objects.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

const plainColumns: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', priority: 0 },
  { name: 'Created At', type: 'date', format: '', description: 'CreationTimestamp of the object.', priority: 0 },
];

type Cells = (object: KubeObject) => readonly unknown[];
const size = (value: unknown): number => Object.keys((value ?? {}) as object).length;
const list = (value: unknown): readonly Record<string, unknown>[] => (Array.isArray(value) ? value : []);

const cellsByResource: Readonly<Record<string, Cells>> = {
  secrets: (one) => [one.metadata.name, one['type'], size(one['data']), age(one)],
  configmaps: (one) => [one.metadata.name, size(one['data']) + size(one['binaryData']), age(one)],
  namespaces: (one) => [one.metadata.name, at(one, ['status', 'phase']), age(one)],
  serviceaccounts: (one) => [one.metadata.name, list(one['secrets']).length, age(one)],
  pods: podCells,
  deployments: (one) => {
    const count = (name: string): number => Number(at(one, ['status', name]) ?? 0);
    const containers = list(at(one, ['spec', 'template', 'spec', 'containers']));
    return [
      one.metadata.name,
      `${count('readyReplicas')}/${at(one, ['spec', 'replicas']) ?? 1}`,
      count('updatedReplicas'),
      count('availableReplicas'),
      age(one),
      containers.map(({ name }) => name).join(','),
      containers.map(({ image }) => image).join(','),
      selector(at(one, ['spec', 'selector', 'matchLabels'])),
    ];
  },
};

function podCells(one: KubeObject): readonly unknown[] {
  const statuses = list(at(one, ['status', 'containerStatuses']));
  const restarts = statuses.reduce((sum, { restartCount }) => sum + Number(restartCount ?? 0), 0);
  const ready = statuses.filter((status) => status['ready'] === true).length;
  const none = (path: readonly string[]): unknown => at(one, path) ?? '<none>';
  return [
    one.metadata.name,
    `${ready}/${list(at(one, ['spec', 'containers'])).length}`,
    at(one, ['status', 'phase']) === 'Succeeded' ? 'Completed' : at(one, ['status', 'phase']),
    `${restarts}`,
    age(one),
    none(['status', 'podIP']),
    none(['spec', 'nodeName']),
    none(['status', 'nominatedNodeName']),
    '<none>',
  ];
}

function selector(labels: unknown): string {
  return Object.entries((labels ?? {}) as Record<string, string>)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/** As `kubectl get` shows ages: `5s`, `3m`, `2h`, `4d`, coarser than the real one between its steps. */
function age(one: KubeObject): string {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(one.metadata.creationTimestamp ?? '')) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 3 * 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 2 * 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

export function tableOf(
  resource: string,
  columns: readonly Column[] | undefined,
  objects: readonly KubeObject[],
  resourceVersion: string,
  include: string,
): object {
  const cells = columns === undefined ? undefined : cellsByResource[resource];
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion },
    columnDefinitions: cells === undefined ? plainColumns : columns,
    rows: objects.map((one) => ({
      cells: cells?.(one) ?? [one.metadata.name, one.metadata.creationTimestamp],
      object: include === 'None' ? undefined : include === 'Object' ? one : metadataOf(one),
    })),
  };
}

export function metadataOf(one: KubeObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: one.metadata };
}
