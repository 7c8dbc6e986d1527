/** kubectl straight to the real cluster: what everything else is compared with, and proof that the node is a fair stand-in. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../servers/postgres.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { kubectl, kubectlOnTerminal, kubectlVersions } from './kubectl.ts';
import { clusterPrograms, missing } from './programs.ts';
import { podManifest, prompt, streamsSuite } from './streams-suite.ts';

const reason = missing([...clusterPrograms, 'kubectl-old', 'kubectl-new', 'kubectl-newest']);
if (reason !== null) console.log(`the real cluster is not tried: ${reason}`);

describe.skipIf(reason !== null)('a real cluster', () => {
  let cluster: Cluster;
  let kubeconfig: string;
  let port: number;

  beforeAll(async () => {
    cluster = await startCluster();
    kubeconfig = await cluster.kubeconfig();
    port = await freePort();
    const made = await cluster.api('POST', '/api/v1/namespaces/default/pods', { body: podManifest('web-1', port) });
    expect(made.status).toBe(201);
    await kubectl('new', kubeconfig, ['wait', '--for=condition=Ready', 'pod/web-1']);
  });
  afterAll(() => cluster?.stop());

  for (const version of kubectlVersions) {
    describe(version, () => {
      streamsSuite(version, () => ({
        kubeconfig,
        namespace: 'default',
        pod: 'web-1',
        container: 'main',
        terminalContainer: 'shell',
        port,
      }));
    });
  }

  test('debug adds a container and attaches to it', async () => {
    const args = ['debug', 'web-1', '-it', '--image=busybox', '--profile=general', '--', 'sh'];
    const screen = kubectlOnTerminal('new', kubeconfig, args);
    const start = await screen.shows(/prompt, try pressing enter/);
    screen.type('\r');
    const at = await screen.shows(prompt, start);
    screen.type('echo $((6*7))\r');
    await screen.shows(/\n42\r?\n/, at);
    screen.type('exit\r');
    expect(await screen.process.ended).toBe(0);
  });

  test('run -it --rm makes a pod, attaches and takes it away', async () => {
    const args = ['run', 'brief', '-it', '--rm', '--restart=Never', '--image=busybox', '--', 'sh'];
    const screen = kubectlOnTerminal('new', kubeconfig, args);
    const start = await screen.shows(/prompt, try pressing enter/);
    screen.type('\r');
    await screen.shows(prompt, start);
    screen.type('exit\r');
    expect(await screen.process.ended).toBe(0);
    expect((await cluster.api('GET', '/api/v1/namespaces/default/pods/brief')).status).toBe(404);
  });

  test('controllers run: a deployment has pods, and a namespace goes with what is in it', async () => {
    const run = (...args: string[]): ReturnType<typeof kubectl> => kubectl('new', kubeconfig, args);
    await run('create', 'namespace', 'brief');
    await run('create', 'deployment', 'web', '-n', 'brief', '--image=busybox', '--', 'sleep', '1000');
    const rolled = await run('rollout', 'status', '-n', 'brief', 'deployment/web');
    expect(rolled.stdout).toContain('successfully rolled out');
    const gone = await run('delete', 'namespace', 'brief');
    expect(gone).toMatchObject({ code: 0, stdout: 'namespace "brief" deleted\n' });
    expect((await cluster.api('GET', '/api/v1/namespaces/brief')).status).toBe(404);
  });

  test('the impersonator may do nothing but impersonate', async () => {
    const token = cluster.impersonatorToken;
    const path = '/api/v1/namespaces/default/pods';
    expect((await cluster.api('GET', path, { token })).status).toBe(403);
    const as = (user: string, group: string): Promise<{ status: number }> =>
      cluster.api('GET', path, { token, headers: { 'impersonate-user': user, 'impersonate-group': group } });
    expect((await as('alice@example.com', 'nobodies')).status).toBe(403);
    expect((await as('alice@example.com', 'system:masters')).status).toBe(200);
  });

  test('the running API server computes the RequestInfo of the fixtures', async () => {
    const path = '../../src/language/kubernetes/fixtures/request-info.json';
    const cases = JSON.parse(await readFile(join(import.meta.dirname, path), 'utf8')) as readonly FixtureCase[];
    // What can be asked without harm and by Node's client: reads, of targets that it sends as they are.
    const askable = cases.filter(
      ({ method, url, info }) =>
        method === 'GET' &&
        info !== undefined &&
        /^\/[\x21-\x7e]*$/.test(url) &&
        !/watch|proxy|follow|profile/i.test(url),
    );
    expect(askable.length).toBeGreaterThan(150);
    const token = cluster.impersonatorToken;
    // Refused for want of rights, each of them, after RequestInfo is known and the audit has begun.
    const marks = new Map<string, FixtureCase>();
    for (const one of askable) {
      const mark = `case-${marks.size}`;
      marks.set(mark, one);
      await cluster.api('GET', one.url, { token, headers: { 'user-agent': mark } });
    }
    await sleep(500);
    const compared = new Set<string>();
    for (const event of await cluster.auditLog()) {
      const mark = event.userAgent ?? '';
      const one = marks.get(mark);
      if (one?.info === undefined) continue;
      const { verb, resource, subresource, namespace, name, apiGroup, apiVersion, isResourceRequest } = one.info;
      expect({ url: one.url, verb: event.verb }).toEqual({ url: one.url, verb });
      const facts = { resource, subresource, namespace, name, apiGroup, apiVersion };
      const set = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== ''));
      if (isResourceRequest) expect({ url: one.url, ...event.objectRef }).toEqual({ url: one.url, ...set });
      compared.add(mark);
    }
    expect(compared.size).toBe(askable.length);
  });
});

interface FixtureCase {
  readonly method: string;
  readonly url: string;
  readonly info?: Readonly<Record<string, string>> & { readonly isResourceRequest: boolean };
}
