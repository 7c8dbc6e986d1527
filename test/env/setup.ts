/**
 * What tests, benchmarks and driver suites configure in a fresh gateway, through its front door: the API, with the first
 * administrator's password.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import type { PostgresServer } from '../servers/postgres.ts';

export interface ResourceSetup {
  /** As clients name it. */
  readonly name: string;
  readonly server: PostgresServer;
  readonly recording?: 'strict' | 'best-effort';
  /** PEM of the authority to verify the server against; without it the gateway speaks to the server in clear. */
  readonly ca?: string;
  /** The database to open; the server's own unless given. */
  readonly database?: string;
  /** Who the gateway says it is; the server's own user unless given. */
  readonly credential?: { readonly username: string; readonly password: string };
}

export interface PrincipalSetup {
  readonly name: string;
  readonly roles?: readonly ('admin' | 'auditor' | 'member')[];
  readonly groups?: readonly string[];
  /** Resources this principal may open; all unless given. */
  readonly resources?: readonly string[];
}

/** A gateway that listens, in this process or another. */
export interface Reachable {
  readonly consoleUrl: string;
  readonly caPath: string;
  readonly dataDirectory: string;
}

export const tokenLifetimeSeconds = 24 * 3600;

export const defaultPrincipals: readonly PrincipalSetup[] = [
  { name: 'engineer', groups: ['engineering'] },
  { name: 'dba', groups: ['engineering', 'dba'] },
  { name: 'outsider', resources: [] },
];

/** Applies everything and returns a token for each principal, `admin` included. */
export async function setUp(
  gateway: Reachable,
  resources: readonly ResourceSetup[],
  principals: readonly PrincipalSetup[] = defaultPrincipals,
): Promise<ReadonlyMap<string, string>> {
  const ca = await readFile(gateway.caPath, 'utf8');
  const password = (await readFile(join(gateway.dataDirectory, 'initial-admin-password'), 'utf8')).trim();
  const open = createClient({ baseUrl: gateway.consoleUrl, ca });
  const { token } = await open.call('login', { body: { principal: 'admin', password } });
  const client = createClient({ baseUrl: gateway.consoleUrl, ca, token });
  await client.call('apply', { body: { documents: objects(resources, principals), dryRun: false } });
  const tokens = new Map([['admin', token]]);
  for (const { name } of principals) tokens.set(name, await issueToken(client, name));
  return tokens;
}

export async function issueToken(administrator: Client, principal: string): Promise<string> {
  const issued = await administrator.call('createToken', {
    body: { principal, description: 'test', lifetimeSeconds: tokenLifetimeSeconds },
  });
  return issued.token;
}

function objects(resources: readonly ResourceSetup[], principals: readonly PrincipalSetup[]): unknown[] {
  const groups = new Set(principals.flatMap(({ groups: of = [] }) => of));
  const names = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);
  return [
    ...principals.map(({ name, roles = ['member'] }) => ({
      kind: 'Principal',
      metadata: { name },
      spec: { kind: 'person', displayName: name, roles },
    })),
    ...[...groups].map((group) => ({
      kind: 'Group',
      metadata: { name: group },
      spec: { members: names(principals.filter(({ groups: of = [] }) => of.includes(group))) },
    })),
    ...resources.map(resourceObject),
    ...principals.flatMap(({ name, resources: reach = names(resources) }) =>
      reach.length === 0
        ? []
        : [
            {
              kind: 'Access',
              metadata: { name: `${name}-reaches` },
              spec: { match: { principals: { names: [name] }, resources: { names: reach } } },
            },
          ],
    ),
  ];
}

function resourceObject({ name, server, recording = 'strict', ca, database, credential }: ResourceSetup): unknown {
  const { username, password } = credential ?? { username: server.user, password: server.password };
  return {
    kind: 'Resource',
    metadata: { name, labels: { env: 'test' } },
    spec: {
      protocol: 'postgres',
      address: `${server.host}:${server.port}`,
      tls: ca === undefined ? { mode: 'disable' } : { mode: 'verify-full', ca },
      credential: { username, password: { value: password } },
      recording,
      database: database ?? server.database,
    },
  };
}
