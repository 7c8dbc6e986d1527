/**
 * A real cluster for tests: etcd, kube-apiserver, kube-controller-manager and the node of `rig/node`, each a process of its
 * own on loopback ports that the system chose, in a folder of its own.
 *
 * Real: everything a client sees of the API (authentication, RBAC, impersonation, admission, storage, watches, audit) and
 * the way of exec, attach, port-forward and logs through the API server to the node. Stands in: the node (see its
 * package comment).
 *
 * Invariants: nothing listens but on 127.0.0.1; `stop` ends every process by its pid and removes the folder; so does the
 * exit of this process.
 *
 * Deliberately absent: the ServiceAccount admission plugin (pods get no token), `nodes/proxy` and `pods/proxy` that reach
 * anything (the API server refuses loopback addresses there), metrics, aggregated API servers.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort } from '../servers/postgres.ts';
import { type Answer, type ApiOptions, type ApiServer, callApi, writeKubeconfig } from './access.ts';
import { makeAuthority, makeSigningKey } from './certificates.ts';
import { type Built, type Fetched, program } from './programs.ts';

/** How long the API server may take to be ready; about five seconds on an idle machine. */
const readyDeadlineMs = 90_000;
/** How long a process may take to end before it is killed. */
const stopDeadlineMs = 10_000;

export interface ClusterOptions {
  /** Of the API server: the one that everything else here is of (default), or the one after it. */
  readonly version?: 'usual' | 'next';
  /** kube-controller-manager, without which deployments, deleted namespaces and service accounts stay as they are. */
  readonly controllers?: boolean;
  /** What the audit log keeps: default `Request`. */
  readonly auditLevel?: 'Metadata' | 'Request' | 'RequestResponse';
  /** More tokens: user by token, with groups. */
  readonly users?: readonly { readonly token: string; readonly name: string; readonly groups?: readonly string[] }[];
  /** More options of kube-apiserver. */
  readonly apiServerFlags?: readonly string[];
}

export interface AuditEvent {
  readonly stage: string;
  readonly requestURI: string;
  readonly verb: string;
  readonly userAgent?: string;
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly impersonatedUser?: { readonly username: string; readonly groups?: readonly string[] };
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: { readonly code?: number };
  readonly requestObject?: unknown;
}

export interface Cluster extends ApiServer {
  /** Name of the one node. */
  readonly node: string;
  /** Where containers have their folders: `POD-UID/CONTAINER/root`. */
  readonly containers: string;
  /** What the API server has written to its audit log so far. */
  auditLog(): Promise<readonly AuditEvent[]>;
}

const controllers = [
  'namespace-controller',
  'serviceaccount-controller',
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'daemonset-controller',
  'job-controller',
  'cronjob-controller',
  'garbage-collector-controller',
  'clusterrole-aggregation-controller',
  'root-ca-certificate-publisher-controller',
  'endpointslice-controller',
  'disruption-controller',
];

/** Runs a program until it ends or standard input does. */
const tied =
  'exec 3<&0; "$@" </dev/null 3<&- & program=$!; { cat <&3; kill -9 $program; } >/dev/null 2>&1 & exec 3<&-; wait $program';

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-kubernetes-'));
  const cluster = new RealCluster(folder, options);
  try {
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class RealCluster implements Cluster {
  readonly folder: string;
  readonly containers: string;
  readonly adminToken = randomBytes(16).toString('hex');
  readonly impersonatorToken = randomBytes(16).toString('hex');
  readonly node = 'n1';
  address = '';
  port = 0;
  ca = '';
  readonly #options: ClusterOptions;
  readonly #processes: { readonly name: string; readonly child: ChildProcess; readonly exited: Promise<unknown> }[] =
    [];
  readonly #onExit = (): void => {
    // Their standard inputs end with this process.
    rmSync(this.folder, { recursive: true, force: true });
  };

  constructor(folder: string, options: ClusterOptions) {
    this.folder = folder;
    this.containers = join(folder, 'containers');
    this.#options = options;
  }

  async start(): Promise<void> {
    process.once('exit', this.#onExit);
    await mkdir(this.containers);
    await this.#writeFiles();
    const etcdPort = await freePort();
    const peerPort = await freePort();
    const local = (port: number): string => `http://127.0.0.1:${port}`;
    this.#spawn('etcd', [
      `--data-dir=${join(this.folder, 'etcd')}`,
      `--listen-client-urls=${local(etcdPort)}`,
      `--advertise-client-urls=${local(etcdPort)}`,
      `--listen-peer-urls=${local(peerPort)}`,
      `--initial-advertise-peer-urls=${local(peerPort)}`,
      `--initial-cluster=default=${local(peerPort)}`,
      '--unsafe-no-fsync',
    ]);
    this.port = await freePort();
    this.address = `https://127.0.0.1:${this.port}`;
    const apiServer = this.#options.version === 'next' ? 'kube-apiserver-next' : 'kube-apiserver';
    this.#spawn(apiServer, this.#apiServerFlags(local(etcdPort)));
    await this.#ready();
    await this.#allowImpersonation();
    const kubeconfig = await this.kubeconfig();
    if (this.#options.controllers !== false) {
      this.#spawn('kube-controller-manager', [
        `--kubeconfig=${kubeconfig}`,
        '--leader-elect=false',
        '--secure-port=0',
        `--service-account-private-key-file=${this.#file('signing.key')}`,
        `--root-ca-file=${this.#file('ca.crt')}`,
        `--controllers=${controllers.join(',')}`,
      ]);
    }
    await this.#startNode(kubeconfig);
  }

  kubeconfig(token?: string, name?: string): Promise<string> {
    return writeKubeconfig(this, token, name);
  }

  api(method: string, path: string, options?: ApiOptions): Promise<Answer> {
    return callApi(this, method, path, options);
  }

  async auditLog(): Promise<readonly AuditEvent[]> {
    const text = await readFile(this.#file('audit.log'), 'utf8');
    // The last line may be in the middle of being written.
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditEvent);
  }

  async stop(): Promise<void> {
    // The node is given time to end its containers. The others are killed: the API server would take a minute to see its
    // clients off, and what is stored goes with the folder.
    for (const { name, child, exited } of this.#processes.splice(0).reverse()) {
      if (name === 'node') child.kill('SIGTERM');
      else child.stdin?.end();
      const late = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
      await exited;
      clearTimeout(late);
    }
    process.removeListener('exit', this.#onExit);
    await rm(this.folder, { recursive: true, force: true });
  }

  #file(name: string): string {
    return join(this.folder, name);
  }

  async #writeFiles(): Promise<void> {
    const authority = await makeAuthority();
    this.ca = authority.cert;
    const hosts = ['127.0.0.1', 'localhost', '10.96.0.1', 'kubernetes.default.svc'];
    const pairs = {
      apiserver: await authority.issue('kube-apiserver', { hosts }),
      client: await authority.issue('kube-apiserver-kubelet-client', { organization: 'system:masters' }),
      node: await authority.issue(this.node, { hosts: ['127.0.0.1'] }),
    };
    const signing = await makeSigningKey();
    const users = [
      { token: this.adminToken, name: 'admin', groups: ['system:masters'] },
      { token: this.impersonatorToken, name: 'gateway', groups: [] },
      ...(this.#options.users ?? []),
    ];
    const files: Record<string, string> = {
      'ca.crt': authority.cert,
      'signing.key': signing.key,
      'signing.pub': signing.publicKey,
      'tokens.csv': users
        .map(({ token, name, groups = [] }) => `${token},${name},${name},"${groups.join(',')}"\n`)
        .join(''),
      'audit.yaml': stringify({
        apiVersion: 'audit.k8s.io/v1',
        kind: 'Policy',
        omitStages: ['RequestReceived'],
        rules: [{ level: this.#options.auditLevel ?? 'Request' }],
      }),
    };
    for (const [name, { cert, key }] of Object.entries(pairs)) {
      files[`${name}.crt`] = cert;
      files[`${name}.key`] = key;
    }
    for (const [name, text] of Object.entries(files)) await writeFile(this.#file(name), text, { mode: 0o600 });
  }

  #apiServerFlags(etcd: string): string[] {
    return [
      `--etcd-servers=${etcd}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${this.port}`,
      // Otherwise it would publish an address of its own, and there is none but loopback.
      '--endpoint-reconciler-type=none',
      '--service-cluster-ip-range=10.96.0.0/16',
      `--tls-cert-file=${this.#file('apiserver.crt')}`,
      `--tls-private-key-file=${this.#file('apiserver.key')}`,
      `--client-ca-file=${this.#file('ca.crt')}`,
      `--service-account-key-file=${this.#file('signing.pub')}`,
      `--service-account-signing-key-file=${this.#file('signing.key')}`,
      '--service-account-issuer=https://cluster.test',
      '--authorization-mode=RBAC',
      `--token-auth-file=${this.#file('tokens.csv')}`,
      `--kubelet-client-certificate=${this.#file('client.crt')}`,
      `--kubelet-client-key=${this.#file('client.key')}`,
      `--kubelet-certificate-authority=${this.#file('ca.crt')}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--disable-admission-plugins=ServiceAccount',
      '--allow-privileged=true',
      `--audit-log-path=${this.#file('audit.log')}`,
      `--audit-policy-file=${this.#file('audit.yaml')}`,
      ...(this.#options.apiServerFlags ?? []),
    ];
  }

  async #ready(): Promise<void> {
    const deadline = Date.now() + readyDeadlineMs;
    for (;;) {
      const answer = await this.api('GET', '/readyz').catch(() => null);
      if (answer?.status === 200) return;
      const dead = this.#processes.find(({ child }) => child.exitCode !== null || child.signalCode !== null);
      if (dead !== undefined || Date.now() > deadline) {
        const name = dead?.name ?? 'kube-apiserver';
        throw new Error(`${name} does not run:\n${await this.#endOfLog(name)}`);
      }
      await sleep(100);
    }
  }

  async #allowImpersonation(): Promise<void> {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const metadata = { name: 'gateway-impersonation' };
    const made = [
      await this.api('POST', `${rbac}/clusterroles`, {
        body: {
          metadata,
          rules: [{ apiGroups: [''], resources: ['users', 'groups', 'serviceaccounts'], verbs: ['impersonate'] }],
        },
      }),
      await this.api('POST', `${rbac}/clusterrolebindings`, {
        body: {
          metadata,
          subjects: [{ kind: 'User', name: 'gateway', apiGroup: 'rbac.authorization.k8s.io' }],
          roleRef: { kind: 'ClusterRole', name: metadata.name, apiGroup: 'rbac.authorization.k8s.io' },
        },
      }),
    ];
    for (const { status, body } of made) if (status !== 201) throw new Error(body.toString());
  }

  async #startNode(kubeconfig: string): Promise<void> {
    const child = this.#spawn('node', [
      `--name=${this.node}`,
      `--kubeconfig=${kubeconfig}`,
      `--folder=${this.containers}`,
      `--certificate=${this.#file('node.crt')}`,
      `--key=${this.#file('node.key')}`,
      `--client-authority=${this.#file('ca.crt')}`,
    ]);
    const said = once(child.stdout as NodeJS.ReadableStream, 'data');
    const ended = once(child, 'exit').then(async () => {
      throw new Error(`the node does not run:\n${await this.#endOfLog('node')}`);
    });
    await Promise.race([said, ended]);
    ended.catch(() => undefined);
    if (this.#options.controllers !== false) await this.#defaultServiceAccount();
  }

  /** Waits until the controllers have come as far as the default service account, which many a test asks a token of. */
  async #defaultServiceAccount(): Promise<void> {
    const deadline = Date.now() + readyDeadlineMs;
    while ((await this.api('GET', '/api/v1/namespaces/default/serviceaccounts/default')).status !== 200) {
      if (Date.now() > deadline) throw new Error(await this.#endOfLog('kube-controller-manager'));
      await sleep(100);
    }
  }

  #spawn(name: Built | Fetched, flags: readonly string[]): ChildProcess {
    const log = createWriteStream(this.#file(`${name}.log`), { flags: 'a' });
    // All end when their standard input does: the node by itself, the others by a shell that waits for it. So they do not
    // outlive this process when it is killed and can tell them nothing.
    const argv = name === 'node' ? [program(name)] : ['/bin/sh', '-c', tied, 'sh', program(name)];
    const child = spawn(argv[0] ?? '', [...argv.slice(1), ...flags], { cwd: this.folder, stdio: 'pipe' });
    child.stdin.on('error', () => undefined);
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const exited = once(child, 'exit').then(() => log.end());
    this.#processes.push({ name, child, exited });
    return child;
  }

  async #endOfLog(name: string): Promise<string> {
    return (await readFile(this.#file(`${name}.log`), 'utf8')).slice(-4000);
  }
}
