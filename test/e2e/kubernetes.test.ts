/**
 * Kubernetes through a whole gateway, as an engineer has it: a kubeconfig that `sallyport connect` writes, real kubectl of the
 * age of SPDY and of WebSocket, the demonstration's cluster and rules, a second person who decides, and the replay of it all.
 * The same for the stand-in and, where its programs are built, for a real cluster.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clusterNamespace as namespace, clusterPod as pod } from '../../demo/cluster.ts';
import { type ClusterGateway, openClusterGateway } from '../env/cluster-gateway.ts';
import type { ApiServer } from '../kubernetes/access.ts';
import { startCluster } from '../kubernetes/cluster.ts';
import { type KubectlVersion, missingKubectl, startKubectl } from '../kubernetes/kubectl.ts';
import { clusterPrograms, missing, program } from '../kubernetes/programs.ts';
import { startStandIn } from '../kubernetes/stand-in.ts';
import { podManifest, prompt } from '../kubernetes/streams-suite.ts';
import { Screen, startOnTerminal } from '../kubernetes/terminal.ts';
import { freePort } from '../servers/postgres.ts';

const password = 'correct horse battery staple';
const encoded = Buffer.from(password).toString('base64');
const noKubectl = missingKubectl();
const kinds: [what: string, reason: string | null, start: () => Promise<ApiServer>, versions: KubectlVersion[]][] = [
  ['the stand-in', noKubectl, () => startStandIn(), ['old', 'new']],
  ['a real cluster', noKubectl ?? missing(clusterPrograms), () => startCluster(), ['new']],
];

describe.each(kinds)('with %s', (_what, reason, start, versions) => {
  describe.skipIf(reason !== null).each(versions)('and kubectl %s', (version) => {
    let server: ApiServer;
    let opened: ClusterGateway;
    let folder: string;
    let port: number;
    const sallyport: ClusterGateway['sallyport'] = (...args) => opened.sallyport(...args);
    const as: ClusterGateway['as'] = (...args) => opened.as(...args);

    beforeAll(async () => {
      server = await start();
      port = await freePort();
      const web = [`/api/v1/namespaces/${namespace}/pods`, podManifest('web-0', port)] as const;
      opened = await openClusterGateway(server, version, [web]);
      ({ folder } = opened);
      expect(await readFile(opened.kubeconfig, 'utf8')).not.toContain(opened.tokens.get('erin')!);
    }, 120_000);

    afterAll(async () => {
      await opened?.stop();
      await server?.stop();
    }, 60_000);

    test('opens the cluster with nothing but the command line', async () => {
      const { code, stdout } = await sallyport('erin', 'connect', 'shop-cluster', '--', 'get', 'pods', '-n', namespace);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^NAME +READY +STATUS/);
      expect(stdout).toContain(pod);
    });

    test('shows lists, and Secrets with their values masked, but to a DBA', async () => {
      const table = await as('erin', 'get', 'secrets', '-n', namespace);
      expect(table.stdout).toMatch(/^NAME +TYPE +DATA +AGE\n(?:.*\n)*shop-database +Opaque +2 /);
      const masked = await as('erin', 'get', 'secrets', '-n', namespace, '-o', 'yaml');
      expect(masked.code).toBe(0);
      expect(masked.stdout).toMatch(/kind: Secret/);
      expect(masked.stdout).toContain(`password: ${Buffer.from('[redacted]').toString('base64')}`);
      expect(masked.stdout).not.toContain(encoded);
      const settings = await as('erin', 'get', 'configmap', 'shop-settings', '-n', namespace, '-o', 'yaml');
      expect(settings.stdout).toContain('currency: EUR');
      const seen = await as('dba', 'get', 'secret', 'shop-database', '-n', namespace, '-o', 'yaml');
      expect(seen.stdout).toContain(encoded);
    });

    test('refuses a node’s proxy in words that kubectl prints', async () => {
      const refused = await as('erin', 'get', '--raw', '/api/v1/nodes/n1/proxy/pods');
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(
        /^Error from server \(Forbidden\): Through a node's kubelet anything can be run .*\(rule no-nodes-by-proxy\)/,
      );
    });

    test('runs commands, and refuses rm -r before it runs', async () => {
      expect(await as('erin', 'exec', '-n', namespace, pod, '--', 'cat', 'releases/42/VERSION')).toMatchObject({
        code: 0,
        stdout: 'shop 42\n',
      });
      const refused = await as('erin', 'exec', '-n', namespace, pod, '--', 'rm', '-rf', 'releases');
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/Whole directories are not removed by hand\..*\(rule no-recursive-rm-in-pods\)/);
      const hidden = await as('erin', 'exec', '-n', namespace, pod, '--', 'sh', '-c', 'cd . && rm -fr releases');
      expect(hidden.code).toBe(1);
      const left = await as('erin', 'exec', '-n', namespace, pod, '--', 'ls', 'releases');
      expect(left.stdout.trim().split(/\s+/)).toEqual(['41', '42']);
    });

    test('judges each line of a shell, which goes on after a refusal', async () => {
      const argv = [program(`kubectl-${version}`), 'exec', '-n', namespace, pod, '-it', '--', 'sh'];
      const env = { ...opened.environment('erin'), KUBECONFIG: opened.kubeconfig };
      const screen = new Screen(startOnTerminal(argv, { cwd: folder, env, rows: 31, columns: 120 }));
      let at = await screen.shows(/each command is judged before it runs/);
      at = await screen.shows(prompt, at);
      screen.type('rm -rf releases\r');
      at = await screen.shows(/Whole directories are not removed by hand.*\(rule no-recursive-rm-in-pods\)/, at);
      at = await screen.shows(prompt, at);
      screen.type('cat releases/41/VERSION\r');
      at = await screen.shows(/[\r\n]shop 41/, at);
      screen.type('exit 3\r');
      expect(await screen.process.ended).toBe(3);
    });

    test('holds the deletion of a namespace until somebody else approves it', async () => {
      expect(await as('dba', 'create', 'namespace', 'doomed')).toMatchObject({ code: 0 });
      const deleting = as('erin', 'delete', 'namespace', 'doomed');
      const review = await until(async () => {
        const { stdout } = await sallyport('dba', 'reviews', 'ls', '-o', 'json');
        return (JSON.parse(stdout) as { id: string }[])[0]?.id ?? null;
      });
      expect((await server.api('GET', '/api/v1/namespaces/doomed')).status).toBe(200);
      expect((await sallyport('dba', 'reviews', 'show', review)).stdout).toContain('delete namespaces doomed');
      expect((await sallyport('erin', 'reviews', 'approve', review, '--reason', 'me')).code).not.toBe(0);
      expect(await sallyport('dba', 'reviews', 'approve', review, '--reason', 'ticket 4714')).toMatchObject({
        code: 0,
      });
      const { code, stdout } = await deleting;
      expect(code).toBe(0);
      expect(stdout).toContain('namespace "doomed" deleted');
      await until(async () => ((await server.api('GET', '/api/v1/namespaces/doomed')).status === 404 ? true : null));
    });

    test('copies both ways', async () => {
      expect(await as('erin', 'cp', `${namespace}/${pod}:config/shop.yaml`, 'shop.yaml')).toMatchObject({ code: 0 });
      expect(await readFile(join(folder, 'shop.yaml'), 'utf8')).toBe('currency: EUR\n');
      await writeFile(join(folder, 'new.yaml'), 'currency: CHF\n');
      expect(await as('erin', 'cp', 'new.yaml', `${namespace}/${pod}:config/new.yaml`)).toMatchObject({ code: 0 });
      const there = await as('erin', 'exec', '-n', namespace, pod, '--', 'cat', 'config/new.yaml');
      expect(there.stdout).toBe('currency: CHF\n');
    });

    test('shows logs', async () => {
      const { code, stdout } = await as('erin', 'logs', '-n', namespace, pod, '--tail=1');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^order \d+ paid\n$/);
    });

    test('forwards a port', async () => {
      const args = ['port-forward', '-n', namespace, 'pod/web-0', `:${port}`];
      const forwarding = startKubectl(version, opened.kubeconfig, args, { env: opened.environment('erin') });
      let said = '';
      forwarding.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
      forwarding.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
      try {
        const local = await until(() => {
          if (forwarding.exitCode !== null) throw new Error(said);
          const found = /127\.0\.0\.1:(\d+) ->/.exec(said);
          return found === null ? null : Number(found[1]);
        });
        expect(await fetchText(local)).toBe('hello\n');
      } finally {
        forwarding.kill();
      }
    });

    test('replays all of it, without the Secret and without a token', async () => {
      const { stdout: listed } = await sallyport('admin', 'sessions', 'ls', '-o', 'json');
      const parsed = JSON.parse(listed) as { id: string; principal: { name: string } }[];
      const erins = parsed.filter(({ principal }) => principal.name === 'erin');
      let replayed = '';
      for (const { id } of erins) replayed += (await sallyport('admin', 'sessions', 'replay', id)).stdout;
      const expected = [
        /list secrets -n payments/,
        /masked \d+ by cluster-secrets/,
        /proxy nodes\/proxy n1 -- GET \/pods/,
        /block by no-nodes-by-proxy/,
        /exec shop-0 -n payments .*-- rm -rf releases\n/,
        /line\n {2}rm -rf releases\n§ block by no-recursive-rm-in-pods/,
        /delete namespaces doomed/,
        /approved by dba \(api\): ticket 4714/,
        /§ allow by review:/,
        /tar download config\/shop\.yaml/,
        /config\/shop\.yaml/,
        /new\.yaml/,
        /order \d+ paid/,
        new RegExp(`forward of #\\d+\\n {2}tcp web-0\\.payments:${port}\\n`),
      ];
      // The whole would be a long thing to read.
      expect(expected.filter((line) => !line.test(replayed))).toEqual([]);
      expect(
        [encoded, password, server.impersonatorToken, opened.tokens.get('erin')!].some((one) => replayed.includes(one)),
      ).toBe(false);
    });
  });
});

async function until<T>(look: () => Promise<T | null> | T | null): Promise<T> {
  const end = performance.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > end) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function fetchText(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
