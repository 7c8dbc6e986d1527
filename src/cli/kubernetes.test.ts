/** Kubernetes at the command line: kubeconfigs, and the credential plugin that they call. */
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificates } from '../../test/servers/certificates.ts';
import { type FakeGateway, goodToken, startFakeGateway } from './testing/fake-gateway.ts';
import { type Ran, World } from './testing/world.ts';

let gateway: FakeGateway;
let world: World;
let env: Record<string, string>;
let origins: string[];
let issued: { lifetimeSeconds?: number; description?: string }[];
let lifetimeMs: number;

beforeAll(async () => {
  const certificates = await makeCertificates();
  gateway = await startFakeGateway({
    listResources: () => ({
      resources: [
        {
          name: 'shop-cluster',
          protocol: 'kubernetes',
          title: 'Kubernetes',
          labels: {},
          listener: { host: '127.0.0.1', port: 15_404, tls: true },
          origins,
          settings: {},
        },
      ],
    }),
    createToken: ({ body }: { body: { lifetimeSeconds?: number; description?: string } }) => {
      issued.push(body);
      const expiresAt = new Date(Date.now() + lifetimeMs).toISOString();
      const at = new Date().toISOString();
      const view = {
        id: `tok_${issued.length}`,
        owner: 'engineer',
        description: 'kubectl',
        createdAt: at,
        lastUsedAt: null,
      };
      return { ...view, createdBy: 'engineer', token: `short-${issued.length}`, expiresAt };
    },
  } as Parameters<typeof startFakeGateway>[0]);
  world = await World.create();
  await writeFile(join(world.directory, 'authority.pem'), certificates.authority.cert);
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await rm(join(world.directory, '.config'), { recursive: true, force: true });
  origins = ['https://shop-cluster.gateway.example.com:15404'];
  issued = [];
  lifetimeMs = 900_000;
  env = {
    SALLYPORT_SERVER: gateway.url,
    SALLYPORT_TOKEN: goodToken,
    SALLYPORT_CA: join(world.directory, 'authority.pem'),
    HOME: world.directory,
    XDG_CONFIG_HOME: join(world.directory, '.config'),
    XDG_RUNTIME_DIR: world.directory,
    PATH: join(world.directory, 'bin'),
  };
});
afterEach(async () => {
  expect((await readdir(world.directory)).filter((name) => name.startsWith('sallyport-connect-'))).toEqual([]);
});

const run = (...argv: string[]): Promise<Ran> => world.run(argv, { env });

interface Config {
  readonly clusters: { readonly cluster: Record<string, string> }[];
  readonly users: { readonly user: { readonly exec: Record<string, unknown> } }[];
}

describe('connect', () => {
  it('prints a kubeconfig without a secret, with the plugin and the authority', async () => {
    const { code, stdout } = await run('connect', 'shop-cluster', '--config');
    expect(code).toBe(0);
    expect(stdout).not.toContain(goodToken);
    const { clusters, users } = JSON.parse(stdout) as Config;
    expect(clusters[0]!.cluster).toEqual({
      server: 'https://shop-cluster.gateway.example.com:15404',
      'certificate-authority': env['SALLYPORT_CA'],
    });
    expect(users[0]!.user.exec).toMatchObject({
      // The one that every kubectl knows.
      apiVersion: 'client.authentication.k8s.io/v1beta1',
      command: 'sallyport',
      args: ['kubernetes-credential'],
      interactiveMode: 'Never',
    });
  });

  it('names a cluster below localhost by the handshake, since Go resolves no such name', async () => {
    origins = ['https://shop-cluster.localhost:15404'];
    const { clusters } = JSON.parse((await run('connect', 'shop-cluster', '--config')).stdout) as Config;
    expect(clusters[0]!.cluster).toMatchObject({
      server: 'https://127.0.0.1:15404',
      'tls-server-name': 'shop-cluster.localhost',
    });
  });

  it('starts kubectl with a kubeconfig of its own, which ends with it; the token is in a file of the owner’s', async () => {
    const out = join(world.directory, 'seen');
    await mkdir(join(world.directory, 'bin'), { recursive: true });
    const script = `#!/bin/sh\n/bin/cat "$KUBECONFIG" > '${out}'; /bin/cat "\${KUBECONFIG%config}token" > '${out}.token'\necho "$@" > '${out}.args'\nexit 7\n`;
    await writeFile(join(world.directory, 'bin/kubectl'), script);
    await chmod(join(world.directory, 'bin/kubectl'), 0o755);
    const { code } = await run('connect', 'shop-cluster', '--', 'get', 'pods', '-n', 'shop');
    expect(code).toBe(7);
    expect(await readFile(`${out}.args`, 'utf8')).toBe('get pods -n shop\n');
    expect(await readFile(`${out}.token`, 'utf8')).toBe(goodToken);
    expect(await readFile(out, 'utf8')).not.toContain(goodToken);
  });

  it('prints lines, without the token unless asked', async () => {
    const { stdout } = await run('connect', 'shop-cluster', '--print');
    expect(stdout).toContain('sallyport connect shop-cluster --config > ~/.kube/shop-cluster');
    expect(stdout).not.toContain(goodToken);
  });
});

describe('kubernetes-credential', () => {
  const asked = (version: string): void => {
    env['KUBERNETES_EXEC_INFO'] = JSON.stringify({ apiVersion: `client.authentication.k8s.io/${version}`, spec: {} });
  };

  it.each(['v1', 'v1beta1'])('answers in %s with a token of a quarter of an hour', async (version) => {
    asked(version);
    const { code, stdout } = await run('kubernetes-credential');
    expect(code).toBe(0);
    const credential = JSON.parse(stdout) as { apiVersion: string; kind: string; status: { token: string } };
    expect(credential).toMatchObject({
      kind: 'ExecCredential',
      apiVersion: `client.authentication.k8s.io/${version}`,
      status: { token: 'short-1' },
    });
    expect(issued).toEqual([{ lifetimeSeconds: 900, description: 'kubectl' }]);
  });

  it('gives the same one out while it is good, out of a file of the owner’s', async () => {
    asked('v1');
    expect((await run('kubernetes-credential')).stdout).toContain('short-1');
    expect((await run('kubernetes-credential')).stdout).toContain('short-1');
    expect(issued.length).toBe(1);
    const directory = join(world.directory, '.config/sallyport/kubernetes');
    const [file] = await readdir(directory);
    expect((await stat(join(directory, file!))).mode & 0o777).toBe(0o600);
    await writeFile(join(directory, file!), '{"no":"credential"}');
    expect((await run('kubernetes-credential')).stdout).toContain('short-2');
  });

  it('gives out none that is about to end', async () => {
    asked('v1');
    lifetimeMs = -7 * 86_400_000;
    expect((await run('kubernetes-credential')).stdout).toContain('short-1');
    expect((await run('kubernetes-credential')).stdout).toContain('short-2');
  });
});
