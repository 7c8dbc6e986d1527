/**
 * A stand-in for metrics-server, behind the aggregation of a real API server: as much of `metrics.k8s.io` as `kubectl top` asks
 * for, with the same numbers for whatever there is.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from './access.ts';
import { makeAuthority } from './certificates.ts';

const group = 'metrics.k8s.io';
const version = `${group}/v1beta1`;
const base = `/apis/${version}`;
const availableDeadlineMs = 60_000;

/** Answers with what stops it. */
export async function startMetrics(server: ApiServer): Promise<() => Promise<void>> {
  const { cert, key } = await (await makeAuthority()).issue('localhost', { hosts: ['127.0.0.1'] });
  const https = createServer({ cert, key }, (request, response) => {
    const answer = answerTo(new URL(request.url ?? '/', 'https://localhost').pathname);
    response.writeHead(answer === null ? 404 : 200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }));
  });
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  const { port } = https.address() as AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      https.closeAllConnections();
      https.close(() => resolve());
    });
  try {
    await register(server, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

async function register(server: ApiServer, port: number): Promise<void> {
  const service = { namespace: 'kube-system', name: 'metrics-server' };
  const name = `v1beta1.${group}`;
  const objects: readonly (readonly [path: string, body: object])[] = [
    [
      '/api/v1/namespaces/kube-system/services',
      {
        metadata: service,
        spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port, protocol: 'TCP' }] },
      },
    ],
    [
      '/apis/apiregistration.k8s.io/v1/apiservices',
      {
        metadata: { name },
        spec: {
          group,
          version: 'v1beta1',
          service: { ...service, port },
          insecureSkipTLSVerify: true,
          groupPriorityMinimum: 100,
          versionPriority: 100,
        },
      },
    ],
  ];
  for (const [path, body] of objects) {
    const made = await server.api('POST', path, { body });
    if (made.status !== 201) throw new Error(made.body.toString());
  }
  const end = Date.now() + availableDeadlineMs;
  while ((await server.api('GET', `${base}/nodes`)).status !== 200) {
    if (Date.now() > end)
      throw new Error((await server.api('GET', `/apis/apiregistration.k8s.io/v1/apiservices/${name}`)).body.toString());
    await sleep(200);
  }
}

const usage = { cpu: '250m', memory: '64Mi' };
const sampled = { timestamp: '2026-01-01T00:00:00Z', window: '30s' };

function answerTo(path: string): object | null {
  if (path === base) {
    const verbs = ['get', 'list'];
    const resources = [
      { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs },
      { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs },
    ];
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: version, resources };
  }
  const list = (kind: string, items: readonly object[]): object => ({ kind, apiVersion: version, metadata: {}, items });
  if (path === `${base}/nodes`) return list('NodeMetricsList', [{ metadata: { name: 'n1' }, ...sampled, usage }]);
  const namespace = /\/namespaces\/([^/]+)\/pods$/.exec(path)?.[1];
  if (namespace === undefined) return null;
  const containers = [{ name: 'main', usage }];
  return list('PodMetricsList', [{ metadata: { name: 'shop-0', namespace }, ...sampled, containers }]);
}
