/** The pods of the stand-in: their containers run as soon as there is a pod, and its status says so. */
import { join } from 'node:path';
import { Container, type ContainerSpec } from './containers.ts';
import { at, type KubeObject } from './objects.ts';
import type { Store } from './store.ts';

const resource = '/pods';

export class Pods {
  readonly #store: Store;
  readonly #folder: string;
  readonly #containers = new Map<string, Map<string, Container>>();

  constructor(store: Store, folder: string) {
    this.#store = store;
    this.#folder = folder;
  }

  container(namespace: string, pod: string, name: string | null): Container | undefined {
    const all = this.#containers.get(`${namespace}/${pod}`);
    return name === null ? all?.values().next().value : all?.get(name);
  }

  /** Starts what the pod has and does not run yet, ephemeral containers included, and tells of it. */
  async start(pod: KubeObject): Promise<KubeObject> {
    const key = keyOf(pod);
    const all = this.#containers.get(key) ?? new Map<string, Container>();
    this.#containers.set(key, all);
    for (const spec of [...specs(pod, 'containers'), ...specs(pod, 'ephemeralContainers')]) {
      if (all.has(spec.name)) continue;
      const container = new Container(
        spec,
        join(this.#folder, String(pod.metadata.uid ?? key.replace('/', '-')), spec.name),
      );
      all.set(spec.name, container);
      await container.start(() => this.#report(key));
    }
    return this.#report(key, pod) ?? pod;
  }

  async stop(pod: KubeObject): Promise<void> {
    const all = this.#containers.get(keyOf(pod));
    this.#containers.delete(keyOf(pod));
    await Promise.all([...(all?.values() ?? [])].map((one) => one.stop()));
  }

  /** At once, for a process that is ending. */
  killAll(): void {
    for (const all of this.#containers.values()) for (const one of all.values()) one.kill();
  }

  async stopAll(): Promise<void> {
    const all = [...this.#containers.values()].flatMap((one) => [...one.values()]);
    this.#containers.clear();
    await Promise.all(all.map((one) => one.stop()));
  }

  #report(key: string, pod = this.#store.get(resource, ...splitKey(key))): KubeObject | undefined {
    const all = this.#containers.get(key);
    if (pod === undefined || all === undefined) return undefined;
    const own = specs(pod, 'containers').map(({ name }) => all.get(name)!);
    const isRunning = own.some(({ exitCode }) => exitCode === null);
    const hasFailed = own.some(({ exitCode }) => exitCode !== null && exitCode !== 0);
    const isReady = own.every(({ exitCode }) => exitCode === null);
    const condition = (type: string, is: boolean): object => ({ type, status: is ? 'True' : 'False' });
    const status = {
      ...((pod['status'] ?? {}) as object),
      phase: isRunning ? 'Running' : hasFailed ? 'Failed' : 'Succeeded',
      conditions: [
        condition('Initialized', true),
        condition('Ready', isReady),
        condition('ContainersReady', isReady),
        condition('PodScheduled', true),
      ],
      hostIP: '127.0.0.1',
      podIP: '127.0.0.1',
      podIPs: [{ ip: '127.0.0.1' }],
      containerStatuses: own.map(statusOf),
      ...(specs(pod, 'ephemeralContainers').length === 0
        ? {}
        : {
            ephemeralContainerStatuses: specs(pod, 'ephemeralContainers').map(({ name }) => statusOf(all.get(name)!)),
          }),
    };
    return this.#store.put(resource, { ...pod, spec: { nodeName: 'n1', ...(pod['spec'] as object) }, status });
  }
}

function statusOf({ spec, exitCode, startedAt }: Container): object {
  const isRunning = exitCode === null;
  const times = {
    startedAt: startedAt.toISOString().replace(/\.\d+/, ''),
    finishedAt: startedAt.toISOString().replace(/\.\d+/, ''),
  };
  return {
    name: spec.name,
    image: spec.image ?? '',
    imageID: '',
    containerID: `processes://${spec.name}`,
    restartCount: 0,
    ready: isRunning,
    started: isRunning,
    state: isRunning
      ? { running: { startedAt: times.startedAt } }
      : { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', ...times } },
  };
}

const specs = (pod: KubeObject, field: string): readonly ContainerSpec[] =>
  (at(pod, ['spec', field]) ?? []) as readonly ContainerSpec[];
const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
const splitKey = (key: string): [string, string] => [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)];
