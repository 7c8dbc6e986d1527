/** The declarative objects of the demonstration: what `sallyport apply` would be given. The rules are in `policies/`. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from './cluster.ts';
import type { Provider } from './provider.ts';
import type { Service } from './service.ts';
import type { Sshd } from './sshd.ts';
import type { Target } from './target.ts';

export const demoPrincipals = [
  { name: 'engineer', displayName: 'Erin Engineer', roles: ['member'], groups: ['engineering'] },
  { name: 'dba', displayName: 'Dana Dba', roles: ['member'], groups: ['dba', 'engineering'] },
  { name: 'admin', displayName: 'First administrator', roles: ['admin'], groups: [] as string[] },
] as const;

/** A week, so that a demonstration left running over a weekend still answers. */
export const tokenLifetimeSeconds = 7 * 24 * 3600;

/** What stands behind the gateway. What is null is not there, and no resource of the gateway. */
export interface DemoTargets {
  readonly target: Target;
  /** PEM of the authority that signed the target's certificate. */
  readonly ca: string;
  readonly sshd: Sshd | null;
  readonly service: Service | null;
  readonly cluster: Cluster | null;
  readonly provider: Provider | null;
  /** By principal, for signing on in a browser. The first administrator has one already. */
  readonly passwords: ReadonlyMap<string, string>;
}

export function demoObjects({ target, ca, sshd, service, cluster, provider, passwords }: DemoTargets): unknown[] {
  return [
    ...demoPrincipals.map(({ name, displayName, roles }) => ({
      kind: 'Principal',
      metadata: { name },
      spec: {
        kind: 'person',
        displayName,
        roles: [...roles],
        ...(passwords.has(name) ? { password: passwords.get(name) } : {}),
      },
    })),
    ...['engineering', 'dba'].map((group) => ({
      kind: 'Group',
      metadata: { name: group },
      spec: {
        members: demoPrincipals
          .filter(({ groups }) => (groups as readonly string[]).includes(group))
          .map(({ name }) => name),
      },
    })),
    {
      kind: 'Resource',
      metadata: { name: 'orders', labels: { env: 'prod', team: 'payments' } },
      spec: {
        protocol: 'postgres',
        address: `${target.host}:${target.port}`,
        tls: { mode: 'verify-full', ca },
        credential: { username: target.user, password: { value: target.password } },
        recording: 'strict',
        database: target.database,
      },
    },
    ...(sshd === null ? [] : [webServer(sshd)]),
    ...(service === null ? [] : [shop(service)]),
    ...(cluster === null ? [] : [shopCluster(cluster)]),
    ...(provider === null ? [] : [corp(provider)]),
    {
      kind: 'Access',
      metadata: { name: 'engineers-reach-payments' },
      spec: { match: { principals: { groups: ['engineering', 'dba'] }, resources: { labels: { team: 'payments' } } } },
    },
  ];
}

/** The gateway signs a certificate for each session; no password and no key of the target is stored. */
function webServer({ host, port, user, hostKeys }: Sshd): unknown {
  return {
    kind: 'Resource',
    metadata: { name: 'web-1', labels: { role: 'web', team: 'payments' } },
    spec: {
      protocol: 'ssh',
      address: `${host}:${port}`,
      credential: { username: user, certificate: true },
      recording: 'strict',
      host_keys: [...hostKeys],
      shell: 'gated',
    },
  };
}

/** Whose groups count as the ones here by name, and no others. */
function corp({ issuer, clientId, clientSecret }: Provider): unknown {
  return {
    kind: 'IdentityProvider',
    metadata: { name: 'corp' },
    spec: {
      type: 'oidc',
      displayName: 'Corp',
      issuer,
      clientId,
      clientSecret: { value: clientSecret },
      scopes: ['profile', 'email', 'groups', 'offline_access'],
      name: { claim: 'preferred_username' },
      groups: { map: { developers: 'engineering', 'database administrators': 'dba', security: 'security' } },
      roles: { auditor: ['security'] },
      private: true,
    },
  };
}

/** The gateway has the key; who connects has their own token. */
function shop({ host, port, key }: Service): unknown {
  return {
    kind: 'Resource',
    metadata: { name: 'shop-api', labels: { role: 'api', team: 'payments' } },
    spec: {
      protocol: 'http',
      address: `${host}:${port}`,
      tls: { mode: 'disable' },
      credential: { headers: { 'X-Api-Key': { value: key } } },
      recording: 'strict',
      routes: ['/v1/customers/{id}'],
    },
  };
}

/** The gateway may impersonate there and nothing else: the cluster knows each person by name and groups. */
export function shopCluster({ host, port, ca, token }: Pick<Cluster, 'host' | 'port' | 'ca' | 'token'>): unknown {
  return {
    kind: 'Resource',
    metadata: { name: 'shop-cluster', labels: { role: 'cluster', team: 'payments' } },
    spec: {
      protocol: 'kubernetes',
      address: `${host}:${port}`,
      tls: { mode: 'verify-full', ca },
      credential: { token: { value: token } },
      recording: 'strict',
      shell: 'gated',
    },
  };
}

/** Beside this file, or where its source is once it was compiled. */
const policies = ['policies', '../../demo/policies']
  .map((path) => join(import.meta.dirname, path))
  .find((path) => existsSync(path))!;

/** The guardrails, masks and detections of the demonstration, as written in YAML. */
export async function demoPolicies(has: {
  readonly sshd: boolean;
  readonly http: boolean;
  readonly kubernetes: boolean;
}): Promise<unknown[]> {
  const names = [
    'guardrails.yaml',
    'masks.yaml',
    'detections.yaml',
    ...(has.sshd ? ['ssh.yaml'] : []),
    ...(has.http ? ['http.yaml'] : []),
    ...(has.kubernetes ? ['kubernetes.yaml'] : []),
  ];
  const files = await Promise.all(names.map((name) => readFile(join(policies, name), 'utf8')));
  return files.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as unknown));
}
