/**
 * A whole gateway with one cluster behind it, as engineers have it: the demonstration's resource and rules, a kubeconfig that
 * `sallyport connect` wrote, and people who run programs with it. `erin` is an engineer, to whom Secrets are masked; `dba` is not
 * masked anything.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterObjects, clusterNamespace as namespace } from '../../demo/cluster.ts';
import { demoPolicies, shopCluster } from '../../demo/objects.ts';
import type { Gateway } from '../../src/gateway/index.ts';
import type { ApiServer } from '../kubernetes/access.ts';
import { type KubectlResult, type KubectlVersion, kubectl } from '../kubernetes/kubectl.ts';
import { program } from '../kubernetes/programs.ts';
import { engineerAndDba, startOrigins } from './origins.ts';

const root = join(import.meta.dirname, '../..');

export interface ClusterGateway {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly gateway: Gateway;
  readonly tokens: ReadonlyMap<string, string>;
  /** What a person has in their shell: the plugin that the kubeconfig names asks for nothing else. */
  environment(principal: string): Record<string, string>;
  /** `sallyport ARGS`. */
  sallyport(principal: string, ...args: string[]): Promise<KubectlResult>;
  /** `kubectl ARGS`, through the gateway. */
  as(principal: string, ...args: string[]): Promise<KubectlResult>;
  /** Another program with the same kubeconfig. */
  run(principal: string, argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<KubectlResult>;
  stop(): Promise<void>;
}

/** `server` has the demonstration's objects and `more` then. It stays the caller's. */
export async function openClusterGateway(
  server: ApiServer,
  version: KubectlVersion,
  more: readonly (readonly [path: string, object: object])[] = [],
): Promise<ClusterGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-kubernetes-e2e-'));
  for (const [path, body] of [...clusterObjects, ...more]) {
    const made = await server.api('POST', path, { body });
    if (made.status !== 201) throw new Error(`${path}: ${made.body.toString()}`);
  }
  const { gateway, tokens, admin } = await startOrigins({
    dataDirectory: folder,
    protocol: 'kubernetes',
    people: engineerAndDba,
  });
  const { port, ca, impersonatorToken } = server;
  const documents = [
    shopCluster({ host: '127.0.0.1', port, ca, token: impersonatorToken }),
    {
      kind: 'Access',
      metadata: { name: 'all' },
      spec: { match: { principals: { groups: ['engineering', 'dba'] }, resources: { names: ['shop-cluster'] } } },
    },
    ...(await demoPolicies({ sshd: false, http: false, kubernetes: true })),
  ];
  await admin.call('apply', { body: { documents, dryRun: false } });
  await mkdir(join(folder, 'bin'));
  await symlink(program(`kubectl-${version}`), join(folder, 'bin/kubectl'));
  const script = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/sallyport.js')}' "$@"\n`;
  await writeFile(join(folder, 'bin/sallyport'), script);
  await chmod(join(folder, 'bin/sallyport'), 0o755);

  const environment = (principal: string): Record<string, string> => ({
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    HOME: join(folder, principal),
    XDG_CONFIG_HOME: join(folder, principal, 'config'),
    SALLYPORT_SERVER: gateway.consoleUrl,
    SALLYPORT_CA: gateway.caPath,
    SALLYPORT_TOKEN: tokens.get(principal)!,
    TERM: 'xterm',
  });
  const sallyport = (principal: string, ...args: string[]): Promise<KubectlResult> =>
    runToEnd([process.execPath, join(root, 'bin/sallyport.js'), ...args], folder, environment(principal));
  const written = await sallyport('erin', 'connect', 'shop-cluster', '--config');
  if (written.code !== 0) throw new Error(written.stderr);
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, written.stdout);
  const pods = [...clusterObjects, ...more].flatMap(([path, object]) =>
    path.endsWith(`/namespaces/${namespace}/pods`) ? [(object as { metadata: { name: string } }).metadata.name] : [],
  );
  for (const name of pods) {
    const wait = ['wait', '-n', namespace, '--for=condition=Ready', `pod/${name}`];
    const ready = await kubectl(version, await server.kubeconfig(), wait);
    if (ready.code !== 0) throw new Error(ready.stderr);
  }
  return {
    folder,
    kubeconfig,
    gateway,
    tokens,
    environment,
    sallyport,
    as: (principal, ...args) => kubectl(version, kubeconfig, args, { env: environment(principal), cwd: folder }),
    run: (principal, argv, env = {}) =>
      runToEnd(argv, folder, { ...environment(principal), KUBECONFIG: kubeconfig, ...env }),
    stop: async () => {
      await gateway.stop('test', 0);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function runToEnd(argv: readonly string[], cwd: string, env: Record<string, string>): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0]!, argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
    const output: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      const all = Buffer.concat(output);
      resolve({ code, stdout: all.toString(), stderr, output: all });
    });
  });
}
