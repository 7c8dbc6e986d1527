/**
 * kubectl of every age through the gateway, to the stand-in and, where it is built, to a real cluster: what kubectl must be able
 * to do with a pod, whoever is in between.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PendingReview, Reviews } from '../../src/core/review.ts';
import { principal } from '../../src/protocols/http/room-testing.ts';
import { type KubernetesRoom, openKubernetes } from '../../src/protocols/kubernetes/room-testing.ts';
import { freePort } from '../servers/postgres.ts';
import type { ApiServer } from './access.ts';
import { startCluster } from './cluster.ts';
import { kubectl, kubectlOnTerminal, kubectlVersions } from './kubectl.ts';
import { clusterPrograms, missing, nextClusterPrograms } from './programs.ts';
import { startStandIn } from './stand-in.ts';
import { podManifest, prompt, streamsSuite } from './streams-suite.ts';

const noKubectl = missing(kubectlVersions.map((version) => `kubectl-${version}` as const));
const noCluster = noKubectl ?? missing(clusterPrograms);

/** Whom the room signs on, as the cluster knows them. */
const binding = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'engineer' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'engineer' }],
};

/** Approves whatever it is asked, in a while. */
class Slow implements Reviews {
  asked = 0;
  request(_request: unknown, onOutcome: Parameters<Reviews['request']>[1]): PendingReview {
    this.asked++;
    setTimeout(() => onOutcome({ state: 'approved', by: ['dora'] }), 5_000);
    const link = 'https://gateway.example/reviews/rev_1';
    const facts = { id: 'rev_1', link, audience: 'dba', expiresAtMs: Date.UTC(2030, 0, 1) };
    return { ...facts, withdraw: () => undefined, claim: async () => null };
  }
}

const kinds: [string, string | null, () => Promise<ApiServer>][] = [
  ['the stand-in', noKubectl, () => startStandIn()],
  ['a stand-in of before 1.30', noKubectl, () => startStandIn({ abilities: { webSocketV5: false } })],
  ['a real cluster', noCluster, () => startCluster()],
  ['a real cluster of 1.35', noKubectl ?? missing(nextClusterPrograms), () => startCluster({ version: 'next' })],
];

describe.each(kinds)('through the gateway to %s', (what, reason, start) => {
  describe.skipIf(reason !== null)('kubectl', () => {
    let server: ApiServer;
    let observed: KubernetesRoom;
    let gated: KubernetesRoom;
    let port: number;

    const open = (shell: string): Promise<KubernetesRoom> =>
      openKubernetes({
        target: server,
        tls: { mode: 'verify-full', ca: server.ca, serverName: 'localhost' },
        credential: { token: server.impersonatorToken },
        settings: { shell },
        judge: ({ text }) =>
          /^danger\b/.test(text) || text.startsWith('delete namespaces')
            ? { name: 'block', rule: 'no-danger', reason: 'Too dangerous. Ask dora.' }
            : null,
      });

    beforeAll(async () => {
      server = await start();
      port = await freePort();
      if (what.startsWith('a real cluster')) {
        const path = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';
        expect((await server.api('POST', path, { body: binding })).status).toBe(201);
        await server.api('POST', '/api/v1/namespaces', { body: { metadata: { name: 'shop' } } });
      }
      const made = await server.api('POST', '/api/v1/namespaces/shop/pods', { body: podManifest('web-1', port) });
      expect(made.status).toBe(201);
      observed = await open('observed');
      gated = await open('gated');
      await kubectl('new', await server.kubeconfig(), ['wait', '-n', 'shop', '--for=condition=Ready', 'pod/web-1']);
    }, 120_000);
    afterAll(async () => {
      await observed?.close();
      await gated?.close();
      await server?.stop();
    });

    test('what is held for longer than a request may wait is asked for again by kubectl itself, and reviewed once', async () => {
      const reviews = new Slow();
      const room = await openKubernetes({
        target: server,
        tls: { mode: 'verify-full', ca: server.ca, serverName: 'localhost' },
        credential: { token: server.impersonatorToken },
        settings: { shell: 'observed', hold_patience: 1 },
        reviews,
        judge: ({ verb }) =>
          ['create', 'connect'].includes(verb) ? { name: 'hold', rule: 'two', reason: 'Two look.' } : null,
      });
      try {
        const runs = kubectlVersions.flatMap((version) => [
          kubectl(version, room.kubeconfig, [
            'create',
            'configmap',
            `held-${version}`,
            '-n',
            'shop',
            '--validate=false',
          ]),
          kubectl(version, room.kubeconfig, ['exec', '-n', 'shop', 'web-1', '-c', 'main', '--', 'echo', version]),
        ]);
        const done = await Promise.all(runs);
        expect(done.map(({ code, stderr }) => [code, code === 0 ? '' : stderr])).toEqual(done.map(() => [0, '']));
        expect(done[0]!.stderr).toMatch(/^Warning: a reviewer approved this/);
        expect(reviews.asked).toBe(runs.length);
      } finally {
        await room.close();
      }
    }, 60_000);

    test.skipIf(!what.startsWith('a real cluster'))(
      'an exec needs no right but to create it, by either transport',
      async () => {
        const group = 'rbac.authorization.k8s.io';
        const metadata = { name: 'runs-commands', namespace: 'shop' };
        const rules = [
          { apiGroups: [''], resources: ['pods'], verbs: ['get'] },
          { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] },
        ];
        const subjects = [{ kind: 'User', apiGroup: group, name: 'runner' }];
        const roleRef = { apiGroup: group, kind: 'Role', name: metadata.name };
        const path = `/apis/${group}/v1/namespaces/shop`;
        expect((await server.api('POST', `${path}/roles`, { body: { metadata, rules } })).status).toBe(201);
        expect(
          (await server.api('POST', `${path}/rolebindings`, { body: { metadata, subjects, roleRef } })).status,
        ).toBe(201);
        const room = await openKubernetes({
          target: server,
          tls: { mode: 'verify-full', ca: server.ca, serverName: 'localhost' },
          credential: { token: server.impersonatorToken },
          settings: { shell: 'observed' },
          principal: { ...principal, id: 'local:runner', subject: 'runner', name: 'runner', groups: [] },
        });
        try {
          for (const version of kubectlVersions) {
            const args = ['exec', '-n', 'shop', 'web-1', '-c', 'main', '--', 'echo', version];
            expect(await kubectl(version, room.kubeconfig, args)).toMatchObject({ code: 0, stdout: `${version}\n` });
          }
          const denied = await kubectl('new', room.kubeconfig, ['delete', 'pod', 'web-1', '-n', 'shop']);
          expect(denied.stderr).toContain('User "runner" cannot delete resource "pods"');
        } finally {
          await room.close();
        }
      },
    );

    for (const version of kubectlVersions) {
      streamsSuite(version, () => ({
        kubeconfig: observed.kubeconfig,
        namespace: 'shop',
        pod: 'web-1',
        container: 'main',
        terminalContainer: 'shell',
        port,
      }));

      test(`${version}: a refusal says rule and reason, and nothing reaches the cluster`, async () => {
        const deleted = await kubectl(version, observed.kubeconfig, ['delete', 'namespace', 'shop', '--wait=false']);
        expect(deleted.code).toBe(1);
        expect(deleted.stderr).toMatch(
          /^Error from server \(Forbidden\): .*Too dangerous\. Ask dora\. \(rule no-danger\)/,
        );
        const ran = await kubectl(version, observed.kubeconfig, [
          'exec',
          '-n',
          'shop',
          'web-1',
          '-c',
          'main',
          '--',
          'no',
          'danger',
        ]);
        expect(ran.stderr).not.toContain('Too dangerous');
        expect((await server.api('GET', '/api/v1/namespaces/shop')).status).toBe(200);
      });

      test(`${version}: a shell whose lines are judged before they run`, async () => {
        const args = ['exec', '-n', 'shop', 'web-1', '-c', 'main', '-it', '--', 'sh'];
        const screen = kubectlOnTerminal(version, gated.kubeconfig, args, { rows: 31, columns: 97 });
        let at = await screen.shows(/each command is judged before it runs/);
        at = await screen.shows(prompt, at);
        screen.type('danger zone\r');
        at = await screen.shows(/Too dangerous\. Ask dora\. \(rule no-danger\)/, at);
        at = await screen.shows(prompt, at);
        screen.type('echo al"low"ed\r');
        at = await screen.shows(/[\r\n]allowed/, at);
        screen.type('exit 3\r');
        expect(await screen.process.ended).toBe(3);
        const lines = gated.journal.of('command.intent').filter(({ verb }) => verb === 'line');
        expect(lines.slice(-3).map(({ text }) => text)).toEqual(['danger zone', 'echo al"low"ed', 'exit 3']);
      });
    }
  });
});
