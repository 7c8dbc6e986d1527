/**
 * Captures objects as the real API server writes them, in each encoding it has: JSON, YAML, protobuf and CBOR, single
 * objects, lists, watch streams, tables and errors. `capture.ts objects` runs it.
 *
 * Writes `objects/corpus/NAME.EXTENSION`, bytes of answers as they came (gzip is not asked for), and `objects/index.json`,
 * which says of each what was asked and what kind of answer it is. Names and uids differ from capture to capture; the
 * canary values below do not.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './access.ts';
import { type Cluster, startCluster } from './cluster.ts';

interface Captured {
  readonly name: string;
  readonly file: string;
  readonly method: string;
  readonly url: string;
  readonly accept: string;
  readonly status: number;
  readonly contentType: string;
}

const encodings = {
  json: 'application/json',
  yaml: 'application/yaml',
  pb: 'application/vnd.kubernetes.protobuf',
  cbor: 'application/cbor',
} as const;
type Encoding = keyof typeof encodings;

const all: readonly Encoding[] = ['json', 'yaml', 'pb', 'cbor'];
const streams: readonly Encoding[] = ['json', 'pb', 'cbor'];
const table = ';as=Table;v=v1;g=meta.k8s.io';
const partial = ';as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const partialList = ';as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
const shop = '/api/v1/namespaces/shop';

const manifests: readonly (readonly [string, object])[] = [
  ['/api/v1/namespaces', { metadata: { name: 'shop', labels: { team: 'retail' } } }],
  [
    `${shop}/secrets`,
    {
      metadata: {
        name: 'database',
        labels: { app: 'web' },
        annotations: {
          note: 'canary-annotation',
          'kubectl.kubernetes.io/last-applied-configuration': '{"canary":"applied"}\n',
        },
      },
      type: 'Opaque',
      stringData: { password: 'canary-password', 'url.txt': 'postgres://web:canary-password@db/shop' },
      data: { binary: Buffer.from([0, 1, 2, 0xff, 0xfe, 0x80]).toString('base64'), empty: '' },
    },
  ],
  [
    `${shop}/secrets`,
    { metadata: { name: 'token' }, type: 'Opaque', immutable: true, stringData: { token: 'canary-token' } },
  ],
  [
    `${shop}/configmaps`,
    {
      metadata: { name: 'settings' },
      data: { 'app.yaml': 'mode: canary\nmail: alice@example.com\n', empty: '' },
      binaryData: { blob: Buffer.from([1, 2, 0xff]).toString('base64') },
    },
  ],
  [
    `${shop}/pods`,
    {
      metadata: {
        name: 'web-1',
        labels: { app: 'web', 'pod-template-hash': 'abc' },
        annotations: { note: 'grüße 🐦' },
      },
      spec: {
        terminationGracePeriodSeconds: 0,
        restartPolicy: 'Always',
        securityContext: { runAsUser: 1000, fsGroup: 2000 },
        containers: [
          {
            name: 'main',
            image: 'registry.example/shop/busybox:1.36',
            command: ['sh', '-c', 'echo started; sleep 1000'],
            env: [
              { name: 'PASSWORD', value: 'canary-environment' },
              { name: 'FROM', valueFrom: { secretKeyRef: { name: 'database', key: 'password' } } },
            ],
            ports: [{ containerPort: 8080, name: 'http' }],
            resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
            livenessProbe: { httpGet: { path: '/', port: 'http' } },
            volumeMounts: [{ name: 'config', mountPath: '/config', readOnly: true }],
          },
          { name: 'helper', image: 'busybox', securityContext: { privileged: true }, args: ['sleep', '1000'] },
        ],
        volumes: [
          { name: 'config', configMap: { name: 'settings' } },
          { name: 'host', hostPath: { path: '/var/run' } },
          { name: 'scratch', emptyDir: {} },
        ],
        tolerations: [{ operator: 'Exists' }],
      },
    },
  ],
  [
    '/apis/apps/v1/namespaces/shop/deployments',
    {
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: {
        replicas: 0,
        selector: { matchLabels: { app: 'web-x' } },
        strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } },
        template: {
          metadata: { labels: { app: 'web-x' } },
          spec: { containers: [{ name: 'main', image: 'busybox', env: [{ name: 'KEY', value: 'canary-template' }] }] },
        },
      },
    },
  ],
  [
    `${shop}/events`,
    {
      metadata: { name: 'web-1.1', namespace: 'shop' },
      involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-1' },
      reason: 'Pulled',
      message: 'Container image pulled with canary-message',
      source: { component: 'kubelet', host: 'n1' },
      firstTimestamp: '2026-01-02T03:04:05Z',
      lastTimestamp: '2026-01-02T03:04:06Z',
      count: 3,
      type: 'Normal',
    },
  ],
  [
    `${shop}/services`,
    { metadata: { name: 'web' }, spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 'http' }] } },
  ],
  [
    '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles',
    { metadata: { name: 'reader' }, rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }] },
  ],
  [
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    {
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
            },
            additionalPrinterColumns: [{ name: 'Secret', type: 'string', jsonPath: '.spec.secret' }],
          },
        ],
      },
    },
  ],
];

/** As text: its first number is one that JavaScript's do not hold. */
const widget = `{
  "apiVersion": "example.com/v1",
  "kind": "Widget",
  "metadata": { "name": "one" },
  "spec": { "secret": "canary-widget", "number": 9007199254740993, "fraction": 0.1, "list": [null, true, { "a": [] }] }
}`;

class Capturing {
  readonly #cluster: Cluster;
  readonly #folder: string;
  readonly #index: Captured[] = [];

  constructor(cluster: Cluster, folder: string) {
    this.#cluster = cluster;
    this.#folder = folder;
  }

  /** Asks in each encoding and keeps what is answered. */
  async keep(
    name: string,
    url: string,
    options: {
      readonly encodings?: readonly Encoding[];
      readonly suffix?: string;
      readonly method?: string;
      readonly body?: unknown;
      readonly token?: string;
    } = {},
  ): Promise<void> {
    const { encodings: wanted = all, suffix = '', method = 'GET' } = options;
    for (;;) {
      const before = await this.#version();
      const answers: (() => void)[] = [];
      for (const encoding of wanted) {
        const accept = `${encodings[encoding]}${suffix}`;
        const answer = await this.#cluster.api(method, url, {
          accept,
          ...(options.body === undefined ? {} : { body: options.body }),
          ...(options.token === undefined ? {} : { token: options.token }),
        });
        answers.push(() => this.#write(name, encoding, method, url, accept, answer));
      }
      // Lists carry the version of everything: the API server writes now and then, and encodings are to say the same.
      if (method === 'GET' && before !== (await this.#version())) continue;
      for (const write of answers) write();
      return;
    }
  }

  async #version(): Promise<string> {
    const answer = await this.#cluster.api('GET', '/api/v1/limitranges');
    return (JSON.parse(answer.body.toString()) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
  }

  /** Watches in each encoding while `changes` happen. */
  async watch(
    name: string,
    url: string,
    changes: () => Promise<void>,
    options: { readonly encodings?: readonly Encoding[]; readonly suffix?: string } = {},
  ): Promise<void> {
    for (const encoding of options.encodings ?? streams) {
      const accept = `${encodings[encoding]}${encoding === 'pb' ? ';stream=watch' : ''}${options.suffix ?? ''}`;
      const going = this.#cluster.api('GET', url, { accept });
      await sleep(500);
      await changes();
      this.#write(name, encoding, 'GET', url, accept, await going);
    }
  }

  finish(): number {
    const lines = this.#index.map((one) => JSON.stringify(one));
    writeFileSync(join(this.#folder, 'index.json'), `[\n${lines.join(',\n')}\n]\n`);
    return this.#index.length;
  }

  #write(name: string, encoding: Encoding, method: string, url: string, accept: string, answer: Answer): void {
    const contentType = String(answer.headers['content-type']);
    const file = `corpus/${name}.${encoding}`;
    writeFileSync(join(this.#folder, file), answer.body);
    this.#index.push({ name, file, method, url, accept, status: answer.status, contentType });
    console.log(`${file}: ${answer.status} ${contentType} ${answer.body.length}`);
  }
}

export async function captureObjects(fixtures: string): Promise<void> {
  const folder = join(fixtures, 'objects');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'corpus'), { recursive: true });
  const cluster = await startCluster({
    // Versions of the store are given up at once, for an answer that says so.
    apiServerFlags: ['--feature-gates=CBORServingAndStorage=true', '--etcd-compaction-interval=1s'],
    users: [{ token: 'reader-token', name: 'reader' }],
  });
  try {
    await fill(cluster);
    const capturing = new Capturing(cluster, folder);
    await captureSingles(capturing);
    await captureViews(capturing);
    await captureErrors(capturing);
    await captureWatches(cluster, capturing);
    console.log(`objects: ${capturing.finish()} answers`);
  } finally {
    await cluster.stop();
  }
}

/** Makes the small cluster of these fixtures: the namespace `shop` with some of everything. */
export async function fill(cluster: Cluster): Promise<void> {
  for (const [path, body] of manifests) {
    const { status, body: said } = await cluster.api('POST', path, { body });
    if (status !== 201) throw new Error(`${path}: ${said.toString()}`);
  }
  for (let tries = 0; ; tries++) {
    // The new kind is served a moment after its definition is there.
    const made = await cluster.api('POST', '/apis/example.com/v1/namespaces/shop/widgets', { body: widget });
    if (made.status === 201) break;
    if (tries === 50) throw new Error(made.body.toString());
    await sleep(200);
  }
  for (let tries = 0; ; tries++) {
    const pod = await cluster.api('GET', `${shop}/pods/web-1`);
    if ((JSON.parse(pod.body.toString()) as { status: { phase: string } }).status.phase === 'Running') return;
    if (tries === 50) throw new Error(pod.body.toString());
    await sleep(200);
  }
}

async function captureSingles(capturing: Capturing): Promise<void> {
  await capturing.keep('secret', `${shop}/secrets/database`);
  await capturing.keep('configmap', `${shop}/configmaps/settings`);
  await capturing.keep('pod', `${shop}/pods/web-1`);
  await capturing.keep('deployment', '/apis/apps/v1/namespaces/shop/deployments/web');
  await capturing.keep('deployment-scale', '/apis/apps/v1/namespaces/shop/deployments/web/scale');
  await capturing.keep('event', `${shop}/events/web-1.1`);
  await capturing.keep('event-of-events-group', '/apis/events.k8s.io/v1/namespaces/shop/events/web-1.1');
  await capturing.keep('service', `${shop}/services/web`);
  await capturing.keep('role', '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/reader');
  await capturing.keep('namespace', shop);
  await capturing.keep('node', '/api/v1/nodes/n1');
  await capturing.keep('widget', '/apis/example.com/v1/namespaces/shop/widgets/one');
  await capturing.keep('definition', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com');
  await capturing.keep('secret-list', `${shop}/secrets`);
  await capturing.keep('configmap-list', `${shop}/configmaps`);
  await capturing.keep('pod-list', `${shop}/pods`);
  await capturing.keep('deployment-list', '/apis/apps/v1/namespaces/shop/deployments');
  await capturing.keep('empty-list', `${shop}/limitranges`);
  await capturing.keep('widget-list', '/apis/example.com/v1/namespaces/shop/widgets');
  await capturing.keep('secret-page', `${shop}/secrets?limit=1`);
  await capturing.keep('token-request', `${shop}/serviceaccounts/default/token`, {
    method: 'POST',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } },
  });
  await capturing.keep('access-review', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    method: 'POST',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb: 'delete', resource: 'pods', namespace: 'shop' } },
    },
  });
}

async function captureViews(capturing: Capturing): Promise<void> {
  for (const include of ['Metadata', 'Object', 'None']) {
    await capturing.keep(`secret-table-${include.toLowerCase()}`, `${shop}/secrets?includeObject=${include}`, {
      encodings: ['json', 'yaml'],
      suffix: table,
    });
  }
  const asTable: Readonly<Record<string, string>> = {
    'secret-table-single': `${shop}/secrets/database`,
    'configmap-table': `${shop}/configmaps`,
    'pod-table': `${shop}/pods`,
    'deployment-table': '/apis/apps/v1/namespaces/shop/deployments',
    'event-table': `${shop}/events`,
    'widget-table': '/apis/example.com/v1/namespaces/shop/widgets',
    'empty-table': `${shop}/limitranges`,
  };
  for (const [name, url] of Object.entries(asTable)) {
    await capturing.keep(name, url, { encodings: ['json', 'yaml'], suffix: table });
  }
  await capturing.keep('secret-metadata', `${shop}/secrets/database`, { suffix: partial });
  await capturing.keep('secret-metadata-list', `${shop}/secrets`, { suffix: partialList });
  const discovery = ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  await capturing.keep('discovery-core', '/api', { encodings: ['json', 'pb'], suffix: discovery });
  // In CBOR, which is still tried out there, the API server breaks off the connection.
  await capturing.keep('discovery-resources', '/api/v1', { encodings: ['json', 'pb'] });
}

async function captureErrors(capturing: Capturing): Promise<void> {
  await capturing.keep('status-not-found', `${shop}/secrets/nothing`);
  await capturing.keep('status-forbidden', `${shop}/secrets/database`, { token: 'reader-token' });
  await capturing.keep('status-unauthorized', `${shop}/secrets/database`, { token: 'nobody' });
  await capturing.keep('status-invalid', `${shop}/configmaps`, {
    method: 'POST',
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'BAD NAME' }, data: { 'a b': 'canary-invalid' } },
  });
  await capturing.keep('status-conflict', `${shop}/secrets`, {
    method: 'POST',
    body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'token' } },
  });
  await capturing.keep('status-bad-continue', `${shop}/secrets?limit=1&continue=broken`);
  await capturing.keep('status-dry-run-delete', `${shop}/secrets/token?dryRun=All`, { method: 'DELETE' });
  await capturing.keep('status-not-acceptable', '/apis/example.com/v1/namespaces/shop/widgets', {
    encodings: ['pb'],
    suffix: table,
  });
}

async function captureWatches(cluster: Cluster, capturing: Capturing): Promise<void> {
  const changes = async (): Promise<void> => {
    const secrets = `${shop}/secrets`;
    await cluster.api('POST', secrets, { body: { metadata: { name: 'brief' }, stringData: { key: 'canary-brief' } } });
    const patch = { stringData: { key: 'canary-changed' }, metadata: { labels: { changed: 'yes' } } };
    await cluster.api('PATCH', `${secrets}/brief`, { body: patch, contentType: 'application/merge-patch+json' });
    await cluster.api('DELETE', `${secrets}/brief`);
  };
  const query = 'watch=true&timeoutSeconds=2';
  await capturing.watch('secret-watch', `${shop}/secrets?${query}`, changes);
  await capturing.watch(
    'secret-watch-bookmarks',
    `${shop}/secrets?${query}&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`,
    changes,
  );
  await capturing.watch('secret-watch-table', `${shop}/secrets?${query}`, changes, {
    encodings: ['json'],
    suffix: table,
  });
  await capturing.watch('secret-watch-metadata', `${shop}/secrets?${query}`, changes, { suffix: partial });
  await capturing.watch('pod-watch', `${shop}/pods?${query}`, () => Promise.resolve());
  await capturing.watch('widget-watch', `/apis/example.com/v1/namespaces/shop/widgets?${query}`, () =>
    Promise.resolve(),
  );
  // Events are not kept in the API server's cache, so that an old version of them is one that the store gave up.
  await capturing.watch('watch-expired', `${shop}/events?${query}&resourceVersion=2`, () => Promise.resolve());
  await capturing.keep('status-expired', `${shop}/events?resourceVersion=2&resourceVersionMatch=Exact`);
}
