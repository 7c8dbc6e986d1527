/**
 * What people run on a cluster besides `get` and `exec`, through a whole gateway to a real one: apply, drain, debug, wait, top,
 * scripts, Helm, k9s; and what Masks and rules make of it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterNamespace as namespace, clusterPod as pod } from '../../demo/cluster.ts';
import { type ClusterGateway, openClusterGateway } from '../env/cluster-gateway.ts';
import { type Cluster, startCluster } from '../kubernetes/cluster.ts';
import { kubectl, missingKubectl } from '../kubernetes/kubectl.ts';
import { startMetrics } from '../kubernetes/metrics.ts';
import { clusterPrograms, missing, program } from '../kubernetes/programs.ts';

const reason = missingKubectl() ?? missing(clusterPrograms);
if (reason !== null) console.log(`programs on a real cluster are not tried: ${reason}`);

const redacted = Buffer.from('[redacted]').toString('base64');

describe.skipIf(reason !== null)('on a real cluster', () => {
  let cluster: Cluster;
  let opened: ClusterGateway;
  const as: ClusterGateway['as'] = (...args) => opened.as(...args);
  /** kubectl with something on its standard input. */
  const give = (principal: string, input: string, ...args: string[]): ReturnType<typeof kubectl> =>
    kubectl('new', opened.kubeconfig, args, { env: opened.environment(principal), cwd: opened.folder, input });

  beforeAll(async () => {
    cluster = await startCluster();
    opened = await openClusterGateway(cluster, 'new');
  }, 120_000);
  afterAll(async () => {
    await opened?.stop();
    await cluster?.stop();
  }, 60_000);

  const settings = (currency: string): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'applied', namespace },
      data: { currency },
    });
  const applied = async (): Promise<unknown> => {
    const { body } = await cluster.api('GET', `/api/v1/namespaces/${namespace}/configmaps/applied`);
    return (JSON.parse(body.toString()) as { data: unknown }).data;
  };

  test('apply, by the client and by the server, and diff', async () => {
    expect(await give('erin', settings('EUR'), 'apply', '-f', '-')).toMatchObject({ code: 0 });
    expect(await give('erin', settings('CHF'), 'apply', '-f', '-')).toMatchObject({ code: 0 });
    expect(await applied()).toEqual({ currency: 'CHF' });
    const server = await give('erin', settings('USD'), 'apply', '--server-side', '--force-conflicts', '-f', '-');
    expect(server).toMatchObject({ code: 0 });
    expect(await applied()).toEqual({ currency: 'USD' });
    const differs = await give('erin', settings('GBP'), 'diff', '-f', '-');
    expect([differs.code, differs.stdout]).toEqual([1, expect.stringContaining('currency: GBP')]);
    expect(await give('erin', settings('GBP'), 'apply', '--dry-run=server', '-f', '-')).toMatchObject({ code: 0 });
    expect(await applied()).toEqual({ currency: 'USD' });
  });

  test('what is created in protobuf is read: a deployment passes, one that would reach its node does not', async () => {
    const made = await as(
      'erin',
      'create',
      'deployment',
      'web',
      '-n',
      namespace,
      '--image=busybox',
      '--',
      'sleep',
      '1000',
    );
    expect(made).toMatchObject({ code: 0 });
    expect(await as('erin', 'rollout', 'status', '-n', namespace, 'deployment/web')).toMatchObject({ code: 0 });
    const available = ['wait', '-n', namespace, '--for=condition=Available', 'deployment/web'];
    expect(await as('erin', ...available)).toMatchObject({ code: 0 });
    const privileged = await as('erin', 'run', 'bad', '-n', namespace, '--image=busybox', '--privileged', '--', 'true');
    expect(privileged.code).toBe(1);
    expect(privileged.stderr).toContain('(rule pods-stay-contained)');
    const gone = ['wait', '-n', namespace, '--for=delete', 'deployment/web'];
    const waiting = as('erin', ...gone);
    expect(await as('erin', 'delete', 'deployment', 'web', '-n', namespace)).toMatchObject({ code: 0 });
    expect(await waiting).toMatchObject({ code: 0 });
  });

  test('what a Mask left is not written back, and what was not masked is', async () => {
    const shown = await as('erin', 'get', 'secret', 'shop-database', '-n', namespace, '-o', 'yaml');
    expect(shown.stdout).toContain(redacted);
    const before = await cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets/shop-database`);
    for (const [...args] of [
      ['replace', '-f', '-'],
      ['apply', '-f', '-'],
      ['apply', '--server-side', '--force-conflicts', '-f', '-'],
    ]) {
      const refused = await give('erin', shown.stdout, ...args);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(
        /What is to be written at \/(?:data|metadata\/annotations)\/\S+ is what a Mask left there.*\(rule cluster-secrets\)/,
      );
    }
    const copying = '[{"op":"copy","from":"/data/password","path":"/metadata/annotations"}]';
    const patched = await as('erin', 'patch', 'secret', 'shop-database', '-n', namespace, '--type=json', '-p', copying);
    expect(patched.stderr).toContain('copies, moves or compares /data/password');
    expect((await cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets/shop-database`)).body).toEqual(
      before.body,
    );
    expect(await as('erin', 'annotate', 'secret', 'shop-database', '-n', namespace, 'seen=yes')).toMatchObject({
      code: 0,
    });
    const own = ['create', 'secret', 'generic', 'own', '-n', namespace, '--from-literal=key=real-value'];
    expect(await as('erin', ...own)).toMatchObject({ code: 0 });
    const [, , , , ...where] = own;
    expect((await as('dba', 'get', 'secret', 'own', ...where.slice(0, 2), '-o', 'yaml')).stdout).toContain(
      Buffer.from('real-value').toString('base64'),
    );
  });

  test('a script on standard input is judged before it runs', async () => {
    const exec = ['exec', '-i', '-n', namespace, pod, '--', 'sh'];
    expect(await give('erin', 'cat releases/42/VERSION\nexit 4\n', ...exec)).toMatchObject({
      code: 4,
      stdout: 'shop 42\n',
    });
    const refused = await give('erin', 'cd .\nrm -rf releases\n', ...exec);
    expect(refused).toMatchObject({ code: 126, stdout: '' });
    expect(refused.stderr).toContain('(rule no-recursive-rm-in-pods)');
    expect((await as('erin', 'exec', '-n', namespace, pod, '--', 'ls', 'releases')).stdout).toBe('41\n42\n');
  });

  test('drain moves pods off a node, and uncordon takes it back', async () => {
    const drained = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'drained', namespace, labels: { part: 'drained' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'main', image: 'busybox', command: ['sleep', '1000'] }],
      },
    };
    expect(await give('erin', JSON.stringify(drained), 'apply', '-f', '-')).toMatchObject({ code: 0 });
    expect(await as('erin', 'wait', '-n', namespace, '--for=condition=Ready', 'pod/drained')).toMatchObject({
      code: 0,
    });
    const { code, stdout } = await as('erin', 'drain', cluster.node, '--force', '--pod-selector=part=drained');
    expect([code, stdout]).toEqual([0, expect.stringContaining('evicting pod payments/drained')]);
    expect((await cluster.api('GET', `/api/v1/namespaces/${namespace}/pods/drained`)).status).toBe(404);
    expect(await as('erin', 'uncordon', cluster.node)).toMatchObject({ code: 0 });
  });

  test('debug adds a container to a pod', async () => {
    const args = ['debug', pod, '-n', namespace, '-c', 'looking', '--image=busybox', '--profile=general'];
    expect(await as('erin', ...args, '--', 'sh', '-c', 'echo looked; sleep 1000')).toMatchObject({ code: 0 });
    let said = '';
    const end = performance.now() + 30_000;
    while (!said.includes('looked') && performance.now() < end) {
      said = (await as('erin', 'logs', '-n', namespace, pod, '-c', 'looking')).stdout;
    }
    expect(said).toBe('looked\n');
  });

  test('top, by an aggregated API', async () => {
    const stop = await startMetrics(cluster);
    try {
      const pods = await as('erin', 'top', 'pods', '-n', namespace);
      expect(pods.stdout).toMatch(/^NAME +CPU\(cores\) +MEMORY\(bytes\) *\nshop-0 +250m +64Mi/);
      expect((await as('erin', 'top', 'nodes')).stdout).toMatch(/n1 +250m/);
    } finally {
      await stop();
    }
  }, 90_000);

  describe.each(['helm3', 'helm4'] as const)('%s', (name) => {
    const absent = missing([name]);
    if (absent !== null) console.log(`${name} is not tried: ${absent}`);

    const helm = (principal: string, env: Readonly<Record<string, string>>, ...args: string[]) =>
      opened.run(principal, [program(name), '-n', namespace, ...args], env);

    beforeAll(() => (absent === null ? writeChart(join(opened.folder, 'chart')) : undefined));

    // To whom Secrets are masked, Helm's own are: its releases in them are not to be read. It keeps them elsewhere, too.
    test.skipIf(absent !== null).each([
      ['dba', {}],
      ['erin', { HELM_DRIVER: 'configmap' }],
    ])(
      'installs, upgrades, rolls back and uninstalls a chart: %s %o',
      async (principal, env) => {
        const run = (...args: string[]) => helm(principal, env, ...args);
        expect(await run('install', 'small', './chart')).toMatchObject({ code: 0 });
        const upgraded = await run('upgrade', 'small', './chart', '--set', 'replicas=2,password=second-password');
        expect(upgraded).toMatchObject({ code: 0 });
        expect((await run('get', 'values', 'small')).stdout).toContain('password: second-password');
        expect((await run('list')).stdout).toMatch(/small\s+payments\s+2\s.*deployed\s+small-0\.1\.0/);
        expect(await run('rollback', 'small', '1')).toMatchObject({ code: 0 });
        const { body } = await cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets/small`);
        const { password } = (JSON.parse(body.toString()) as { data: { password: string } }).data;
        expect(Buffer.from(password, 'base64').toString()).toBe('first-password');
        expect(await run('uninstall', 'small')).toMatchObject({ code: 0 });
        expect((await cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets/small`)).status).toBe(404);
      },
      120_000,
    );

    test.skipIf(absent !== null)(
      'a release that is masked is not read, and none is damaged',
      async () => {
        expect(await helm('dba', {}, 'install', 'small', './chart')).toMatchObject({ code: 0 });
        expect((await helm('erin', {}, 'get', 'values', 'small')).code).toBe(1);
        expect((await helm('erin', {}, 'upgrade', 'small', './chart')).code).toBe(1);
        expect((await helm('dba', {}, 'get', 'manifest', 'small')).stdout).toContain('first-password');
        expect(await helm('dba', {}, 'uninstall', 'small')).toMatchObject({ code: 0 });
      },
      120_000,
    );
  });
});

async function writeChart(folder: string): Promise<void> {
  await mkdir(join(folder, 'templates'), { recursive: true });
  const files: Readonly<Record<string, string>> = {
    'Chart.yaml': 'apiVersion: v2\nname: small\nversion: 0.1.0\n',
    'values.yaml': 'replicas: 1\npassword: first-password\n',
    'templates/secret.yaml': `apiVersion: v1
kind: Secret
metadata: { name: "{{ .Release.Name }}" }
stringData: { password: "{{ .Values.password }}" }
`,
    'templates/deployment.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: "{{ .Release.Name }}", labels: { app: small } }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: small } }
  template:
    metadata: { labels: { app: small } }
    spec: { containers: [{ name: main, image: busybox, command: [sleep, "1000"] }] }
`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}
