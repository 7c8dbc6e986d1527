/** The objects of the stand-in: a version for each change, and whoever watches is told. */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from './objects.ts';

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: string;
  readonly object: KubeObject;
  readonly version: number;
}

export class Store {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #changes: Change[] = [];
  readonly #watchers = new Set<(change: Change) => void>();
  #version: number;

  constructor(version: number) {
    this.#version = version;
  }

  get version(): string {
    return `${this.#version}`;
  }

  /** `resource` is `GROUP/RESOURCE`; objects come in the order of their names. */
  list(resource: string, namespace: string): KubeObject[] {
    const all = [...(this.#objects.get(resource) ?? [])].sort(([one], [other]) => (one < other ? -1 : 1));
    return all
      .map(([, object]) => object)
      .filter(({ metadata }) => namespace === '' || metadata.namespace === namespace);
  }

  get(resource: string, namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(resource)?.get(`${namespace}/${name}`);
  }

  /** Puts an object in as it is: what was captured. */
  seed(resource: string, object: KubeObject): void {
    this.#of(resource).set(keyOf(object), object);
  }

  put(resource: string, object: KubeObject): KubeObject {
    const all = this.#of(resource);
    const key = keyOf(object);
    const before = all.get(key);
    this.#version += 1;
    const metadata = {
      uid: randomUUID(),
      creationTimestamp: `${new Date().toISOString().slice(0, 19)}Z`,
      ...object.metadata,
      resourceVersion: this.version,
    };
    if (before !== undefined) {
      metadata.uid = before.metadata.uid ?? metadata.uid;
      metadata.creationTimestamp = before.metadata.creationTimestamp ?? metadata.creationTimestamp;
    }
    const made = { ...object, metadata };
    all.set(key, made);
    this.#tell({ type: before === undefined ? 'ADDED' : 'MODIFIED', resource, object: made, version: this.#version });
    return made;
  }

  delete(resource: string, object: KubeObject): void {
    if (!this.#of(resource).delete(keyOf(object))) return;
    this.#version += 1;
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: this.version } };
    this.#tell({ type: 'DELETED', resource, object: last, version: this.#version });
  }

  /** Tells of every change after `version`, those of the past at once, until the function that it gives is called. */
  watch(version: number, told: (change: Change) => void): () => void {
    for (const change of this.#changes) if (change.version > version) told(change);
    this.#watchers.add(told);
    return () => this.#watchers.delete(told);
  }

  #of(resource: string): Map<string, KubeObject> {
    const all = this.#objects.get(resource) ?? new Map<string, KubeObject>();
    this.#objects.set(resource, all);
    return all;
  }

  #tell(change: Change): void {
    this.#changes.push(change);
    for (const told of this.#watchers) told(change);
  }
}

const keyOf = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ''}/${metadata.name}`;
