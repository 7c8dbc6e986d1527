/**
 * The demonstration's Kubernetes cluster: an API server of the tests (`test/kubernetes`) in a process of its own. Where the
 * programs of a real cluster were built there, it is one; otherwise a stand-in, and that is said. Its pods' processes are
 * processes of this machine, as whoever runs the demonstration.
 *
 * Where there is no checkout, there is no cluster, and that is said.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Cluster {
  readonly host: string;
  readonly port: number;
  /** PEM of the authority that signed its certificate. */
  readonly ca: string;
  /** Of the service account that may impersonate people and groups, and nothing else. */
  readonly token: string;
  /** Whether it is Kubernetes itself, or what stands in for it. */
  readonly isReal: boolean;
  readonly pid: number;
  stop(): Promise<void>;
}

interface Served {
  readonly port: number;
  readonly ca: string;
  readonly adminToken: string;
  readonly impersonatorToken: string;
  readonly isReal: boolean;
}

export const clusterNamespace = 'payments';
export const clusterPod = 'shop-0';

const host = '127.0.0.1';
const readyDeadlineMs = 120_000;
const rbac = 'rbac.authorization.k8s.io';

/** What the container does: some files to look at, and a line to its log every few seconds. */
const script = `
mkdir -p releases/41 releases/42 config
echo 'shop 41' > releases/41/VERSION
echo 'shop 42' > releases/42/VERSION
echo 'currency: EUR' > config/shop.yaml
n=1000
while :; do n=$((n+1)); echo "order $n paid"; sleep 2; done
`;

/** What is in it at first, in the order in which it is made: path and object. Everything is made up. */
export const clusterObjects: readonly (readonly [path: string, object: object])[] = [
  [
    `/apis/${rbac}/v1/clusterrolebindings`,
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'engineering' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: ['engineering', 'dba'].map((name) => ({ apiGroup: rbac, kind: 'Group', name })),
    },
  ],
  ['/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: clusterNamespace } }],
  [
    `/api/v1/namespaces/${clusterNamespace}/secrets`,
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'Opaque',
      metadata: { name: 'shop-database' },
      data: {
        username: Buffer.from('shop').toString('base64'),
        password: Buffer.from('correct horse battery staple').toString('base64'),
      },
    },
  ],
  [
    `/api/v1/namespaces/${clusterNamespace}/configmaps`,
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'shop-settings' },
      data: { currency: 'EUR', 'database-host': 'orders.payments.svc' },
    },
  ],
  [
    `/api/v1/namespaces/${clusterNamespace}/pods`,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: clusterPod, labels: { app: 'shop' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'shop', image: 'busybox', command: ['sh', '-c', script] }],
      },
    },
  ],
];

/** Null where there is no checkout to run one from. */
export async function startCluster(root: string): Promise<Cluster | null> {
  const program = join(root, 'test/kubernetes/serve.ts');
  if (!existsSync(program)) return null;
  // In a group of its own, so that Ctrl-C reaches the demonstration first, which ends it.
  const child = spawn(process.execPath, [program], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], detached: true });
  try {
    const served = await ready(child);
    for (const [path, object] of clusterObjects) {
      const { status, text } = await ask(served, 'POST', path, object);
      if (status !== 201) throw new Error(`the cluster refused ${path}: ${text}`);
    }
    await running(served);
    const { port, ca, impersonatorToken: token, isReal } = served;
    return { host, port, ca, token, isReal, pid: child.pid ?? 0, stop: () => ended(child) };
  } catch (error) {
    await ended(child);
    throw error;
  }
}

function ready(child: ChildProcess): Promise<Served> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-2000);
    });
    const timer = setTimeout(() => reject(new Error('the cluster did not become ready')), readyDeadlineMs);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(message as Served);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`the cluster ended (${signal ?? code}): ${said}`));
    });
  });
}

async function running(served: Served): Promise<void> {
  const deadline = performance.now() + readyDeadlineMs;
  for (;;) {
    const { text } = await ask(served, 'GET', `/api/v1/namespaces/${clusterNamespace}/pods/${clusterPod}`);
    const { status } = JSON.parse(text) as { status?: { phase?: string } };
    if (status?.phase === 'Running') return;
    if (performance.now() > deadline) throw new Error(`the pod ${clusterPod} did not start: ${text}`);
    await sleep(100);
  }
}

/** As the cluster's own administrator, past the gateway. */
function ask(
  { port, ca, adminToken }: Served,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; text: string }> {
  const headers = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request({ host, port, ca, method, path, headers, timeout: readyDeadlineMs }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('timeout', () => asked.destroy(new Error('the cluster does not answer')));
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
