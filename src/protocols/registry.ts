/**
 * Every protocol that this gateway speaks. A literal list: a protocol is one folder and one line here.
 *
 * `tools/new-protocol.ts` adds the line.
 */
import type { Protocol } from '../core/protocol.ts';
import { createHttp } from './http/index.ts';
import { createKubernetes } from './kubernetes/index.ts';
import { createPostgres } from './postgres/index.ts';
import { createSsh } from './ssh/index.ts';

/** Factories, so that each gateway of a process has its own. */
export const protocolFactories: readonly (() => Protocol)[] = [
  createPostgres,
  createSsh,
  createHttp,
  createKubernetes,
  // new-protocol adds here
];

/** Makes one of each, by name. */
export function createProtocols(): ReadonlyMap<string, Protocol> {
  const protocols = protocolFactories.map((create) => create());
  return new Map(protocols.map((protocol) => [protocol.name, protocol]));
}
