/**
 * `make run`: a gateway on the embedded store, a PostgreSQL server with a realistic sample, an sshd, an HTTP service and
 * a Kubernetes cluster behind it, three principals, and lines to paste. Ctrl-C stops all of it. Where the machine has no sshd,
 * there is none, and that is said.
 *
 * Everything is set up through the gateway's own front door: the API, with the first administrator's password. The
 * gateway runs as a process of its own, so that it can be killed to see what recovery does; it is then started again.
 * SALLYPORT_CONFIG names a file of settings for it, for webhooks, say.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '../src/api/contract/index.ts';
import { systemClock } from '../src/base/clock.ts';
import { openAuthority } from '../src/gateway/authority.ts';
import { type Cluster, clusterNamespace, clusterPod, startCluster } from './cluster.ts';
import { type DemoTargets, demoObjects, demoPolicies, demoPrincipals, tokenLifetimeSeconds } from './objects.ts';
import { present, step } from './present.ts';
import { type Provider, startProvider } from './provider.ts';
import { fillSample, sampleCounts } from './sample.ts';
import { type Service, startService } from './service.ts';
import { type Sshd, startSshd } from './sshd.ts';
import { connectTo, startTarget, type Target } from './target.ts';

const here = dirname(fileURLToPath(import.meta.url));
const compiled = import.meta.url.endsWith('.js');
const root = resolve(here, compiled ? '../..' : '..');
/** The demonstration's targets listen this far above the port base; the gateway has the ports below. */
const targetPortOffset = 20;
const sshdPortOffset = 21;
const servicePortOffset = 22;
const providerPortOffset = 23;
const portBase = Number(process.env['SALLYPORT_PORT_BASE'] ?? 15_400);
const readyDeadlineMs = 60_000;
const restartDelayMs = 500;
/** A gateway that ends so often in a row has a reason that starting it again does not mend. */
const restartsMax = 5;

interface Ready {
  readonly type: 'ready';
  readonly console: string;
  readonly ca: string;
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
}

class Gateway {
  #child: ChildProcess | null = null;
  #stopping = false;
  #restarts = 0;
  readonly #directory: string;
  /** Called when it was started again. */
  onRestarted: (() => Promise<void>) | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  start(): Promise<Ready> {
    const entry = join(root, 'bin/sallyport.js');
    const config = process.env['SALLYPORT_CONFIG'];
    const settings = config === undefined ? [] : ['--config', resolve(config)];
    const child = spawn(process.execPath, [entry, 'gateway', '--data', this.#directory, ...settings], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        ...process.env,
        SALLYPORT_LOG_LEVEL: process.env['SALLYPORT_LOG_LEVEL'] ?? 'warn',
        // Ctrl-C should not wait long for a psql that someone left open.
        SALLYPORT_DRAIN_SECONDS: process.env['SALLYPORT_DRAIN_SECONDS'] ?? '1',
      },
      detached: true,
    });
    this.#child = child;
    return new Promise((resolveReady, reject) => {
      const timer = setTimeout(() => reject(new Error('the gateway did not become ready')), readyDeadlineMs);
      child.once('message', (message) => {
        clearTimeout(timer);
        resolveReady(message as Ready);
      });
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        reject(new Error(`the gateway ended (${signal ?? code})`));
        if (!this.#stopping) this.#restart(signal ?? String(code));
      });
    });
  }

  #restart(why: string): void {
    if (++this.#restarts > restartsMax) {
      process.stdout.write(`\n  the gateway ended again (${why}); it is left alone now. Ctrl-C ends the rest.\n`);
      return;
    }
    process.stdout.write(`\n  the gateway ended (${why}); starting it again …\n`);
    setTimeout(() => {
      const begun = performance.now();
      this.start().then(
        async () => {
          await this.onRestarted?.();
          const seconds = ((performance.now() - begun) / 1000).toFixed(1);
          process.stdout.write(`  the gateway is back after ${seconds} s, process ${this.pid}\n\n`);
        },
        (error: Error) => process.stdout.write(`  ${error.message}\n`),
      );
    }, restartDelayMs);
  }

  /** Asks for a drain; a second call does not wait. */
  stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((done) => {
      child.once('exit', () => done());
      child.kill('SIGTERM');
    });
  }
}

async function main(): Promise<void> {
  const directory = resolve(process.env['SALLYPORT_DATA'] ?? join(root, '.data'));
  const begun = performance.now();
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const gateway = new Gateway(join(directory, 'gateway'));
  let target: Target | null = null;
  let sshd: Sshd | null = null;
  let service: Service | null = null;
  let cluster: Cluster | null = null;
  let provider: Provider | null = null;
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    if (stopping) {
      await gateway.stop();
      return;
    }
    stopping = true;
    if (code === 0) process.stdout.write('\n  stopping …');
    await gateway.stop();
    await Promise.all([target?.stop(), sshd?.stop(), service?.stop(), cluster?.stop(), provider?.stop()]);
    if (code === 0) process.stdout.write(' all of it has ended.\n');
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));

  try {
    const starting = startGatewayStep(gateway);
    target = await startTargetStep(join(directory, 'target'));
    const ready = await starting;
    await step('sample of customers, orders, payments', async () => {
      const client = connectTo(
        { ...target!, host: '127.0.0.1' },
        target!.database,
        await readFile(target!.caPath, 'utf8'),
      );
      await client.connect();
      try {
        const filled = await fillSample(client);
        const rows = Object.values(sampleCounts).reduce((sum, count) => sum + count, 0);
        return filled ? `${rows.toLocaleString('en')} rows` : 'already there';
      } finally {
        await client.end();
      }
    });
    const { database } = target;
    const admin = await openAdmin(directory, ready);
    sshd = await startSshdStep(join(directory, 'web-1'), admin);
    service = await startServiceStep(ready);
    cluster = await startClusterStep(ready);
    provider = await startProviderStep(ready);
    // The first administrator has one already.
    const people = demoPrincipals.filter(({ name }) => name !== 'admin');
    const passwords = new Map(people.map(({ name }) => [name as string, randomBytes(12).toString('base64url')]));
    const targets = { target, ca: await readFile(target.caPath, 'utf8'), sshd, service, cluster, provider, passwords };
    const tokens = await step('principals, groups, Access, resources, rules', () => configure(admin, targets));
    const web = sshd === null ? {} : { 'web-1': { protocol: 'ssh', user: sshd.user, folder: sshd.folder } };
    const shop = service === null ? {} : { 'shop-api': { protocol: 'http', origin: originOf(ready, 'shop-api') } };
    const clusterFacts =
      cluster === null
        ? {}
        : {
            'shop-cluster': {
              protocol: 'kubernetes',
              namespace: clusterNamespace,
              pod: clusterPod,
              isReal: cluster.isReal,
            },
          };
    const path = join(directory, 'demo.json');
    const known = new Map(passwords).set('admin', await adminPassword(directory));
    const factsNow = () => ({
      console: ready.console,
      ca: ready.ca,
      listeners: ready.listeners,
      principals: Object.fromEntries(
        demoPrincipals.map(({ name, groups }) => [
          name,
          { token: tokens.get(name) ?? '', password: known.get(name) ?? null, groups },
        ]),
      ),
      provider: provider === null ? null : { issuer: provider.issuer, page: provider.page },
      resources: { orders: { protocol: 'postgres', database }, ...web, ...shop, ...clusterFacts },
      gateway: { pid: gateway.pid, data: join(directory, 'gateway') },
    });
    const write = async (): Promise<void> => {
      await writeFile(`${path}.new`, `${JSON.stringify(factsNow(), null, 2)}\n`, { mode: 0o600 });
      await rename(`${path}.new`, path);
    };
    await write();
    gateway.onRestarted = write;
    present({ facts: factsNow(), path, root, seconds: (performance.now() - begun) / 1000 });
  } catch (error) {
    process.stdout.write(`\n  ${error instanceof Error ? error.message : String(error)}\n`);
    await stop(1);
  }
}

function startGatewayStep(gateway: Gateway): Promise<Ready> {
  const started = step(
    'gateway',
    async () => gateway.start(),
    () => `process ${gateway.pid}`,
  );
  // Whoever awaits it later sees the rejection; until then it must not count as unhandled.
  started.catch(() => undefined);
  return started;
}

async function startTargetStep(directory: string): Promise<Target> {
  const authority = await openAuthority(join(directory, 'tls'), join(directory, 'ca.pem'), [], systemClock);
  const read = (name: string): Promise<string> => readFile(join(directory, 'tls', name), 'utf8');
  await authority.renew();
  const certificate = { ca: await read('ca.pem'), cert: await read('server.pem'), key: await read('server.key') };
  return step(
    'PostgreSQL to protect',
    () => startTarget({ directory, port: portBase + targetPortOffset, certificate }),
    (started) => `process ${started.pid}, port ${started.port}`,
  );
}

/** The server trusts the gateway's authority, so the gateway is asked for it first. */
async function startSshdStep(directory: string, admin: Client): Promise<Sshd | null> {
  const { userAuthority } = await admin.call('sshKeys');
  return step(
    'sshd to protect',
    () => startSshd(directory, portBase + sshdPortOffset, userAuthority),
    (started) =>
      started === null
        ? 'none on this machine, so there is no web-1 (Debian: openssh-server)'
        : `process ${started.pid}, port ${started.port}`,
  );
}

/** Where a gateway has no listener for HTTP, there is no shop. */
async function startServiceStep(ready: Ready): Promise<Service | null> {
  if (ready.listeners['http'] === undefined) return null;
  return step(
    'HTTP service to protect',
    () => startService(portBase + servicePortOffset),
    (started) => `port ${started.port}`,
  );
}

/** Where a gateway has no listener for Kubernetes, or there is no checkout, there is no cluster. */
async function startClusterStep(ready: Ready): Promise<Cluster | null> {
  if (ready.listeners['kubernetes'] === undefined) return null;
  return step(
    'Kubernetes cluster to protect',
    () => startCluster(root),
    (started) =>
      started === null
        ? 'none without a checkout, so there is no shop-cluster'
        : `${started.isReal ? 'built from its modules' : 'an API server that stands in for it'}, process ${started.pid}, port ${started.port}`,
  );
}

/** Of an organisation, for people who have no password here. */
async function startProviderStep(ready: Ready): Promise<Provider | null> {
  return step(
    'OpenID provider of an organisation',
    () => startProvider(portBase + providerPortOffset, ready.console),
    (started) => (started === null ? 'none without development packages' : `port ${started.port}`),
  );
}

/** Below localhost, which leads to this machine for browsers and curl. */
function originOf(ready: Ready, resource: string): string {
  return `https://${resource}.localhost:${ready.listeners['http']!.port}`;
}

/** Of the first administrator, as the gateway made it. */
async function adminPassword(directory: string): Promise<string> {
  const path = join(directory, 'gateway', 'initial-admin-password');
  if (!existsSync(path)) throw new Error(`${path} is gone: remove ${directory} to begin anew`);
  return (await readFile(path, 'utf8')).trim();
}

/** The API as the first administrator. */
async function openAdmin(directory: string, ready: Ready): Promise<Client> {
  const password = await adminPassword(directory);
  const ca = await readFile(ready.ca, 'utf8');
  const open = createClient({ baseUrl: ready.console, ca });
  const login = await open.call('login', { body: { principal: 'admin', password } });
  return createClient({ baseUrl: ready.console, ca, token: login.token });
}

/** Applies the demonstration's objects, issues a token for each principal, and signs off. */
async function configure(client: Client, targets: DemoTargets): Promise<Map<string, string>> {
  const has = { sshd: targets.sshd !== null, http: targets.service !== null, kubernetes: targets.cluster !== null };
  const documents = [...demoObjects(targets), ...(await demoPolicies(has))];
  await client.call('apply', { body: { documents, dryRun: false } });
  const old = await client.call('listTokens', { query: { all: true } });
  for (const token of old.tokens) {
    if (token.description === 'demonstration') await client.call('revokeToken', { params: { id: token.id } });
  }
  const tokens = new Map<string, string>();
  for (const { name } of demoPrincipals) {
    const issued = await client.call('createToken', {
      body: { principal: name, description: 'demonstration', lifetimeSeconds: tokenLifetimeSeconds },
    });
    tokens.set(name, issued.token);
  }
  await client.call('logout');
  return tokens;
}

await main();
