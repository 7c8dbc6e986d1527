/**
 * What the suites run on: one real PostgreSQL server, one gateway as a process of its own, and two routes to the same
 * database that differ in nothing but the door.
 *
 * Both routes log in with the same user name and the same password: the role is called `tester+target`, which is also
 * how the principal `tester` names the resource `target`, and its password is the principal's token. So whatever a
 * suite prints about itself is the same on both, and outputs can be compared byte by byte.
 *
 * Invariants: the role is a superuser (the suites create extensions and roles); a database is fresh for every run.
 *
 * TLS is everywhere: from the client, as the tests that look at it expect, and from the gateway to the server.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGatewayProcess } from '../env/process.ts';
import { type Reachable, setUp } from '../env/setup.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { type PostgresServer, startPostgres } from '../servers/postgres.ts';

const principal = 'tester';
const resource = 'target';
const role = `${principal}+${resource}`;
/** Some suites name the database that every server has. It is dropped and made anew through the other such database. */
const database = 'postgres';
const elsewhere = 'template1';

export type RouteName = 'direct' | 'gateway';

/** One way to the database. */
export interface Route {
  readonly name: RouteName;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** PEM file of the authority that signed the certificate behind `port`. */
  readonly caPath: string;
  /** The environment of a libpq program. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Stage {
  readonly server: PostgresServer;
  readonly routes: readonly [direct: Route, gateway: Route];
  /** Drops the database and makes it anew. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-drivers-'));
  const { authority, server: certificate } = await makeCertificates();
  const server = await startPostgres({
    tls: { cert: certificate.cert, key: certificate.key, plaintext: true },
    database,
    settings: { jit: 'off', max_prepared_transactions: '10' },
  });
  try {
    await server.query(`create role "${role}" superuser login password 'replaced below'`);
    const gateway = await startGatewayProcess({
      dataDirectory: join(directory, 'gateway'),
      tls: 'optional',
      logLevel: 'error',
    });
    try {
      const password = await configure(gateway, server, authority.cert);
      const directCa = join(directory, 'direct-ca.pem');
      await writeFile(directCa, authority.cert);
      return {
        server,
        routes: [
          route('direct', server.port, password, directCa),
          route('gateway', gateway.postgresPort, password, gateway.caPath),
        ],
        reset: () => reset(server),
        async stop() {
          await gateway.stop();
          await server.stop();
          await rm(directory, { recursive: true, force: true });
        },
      };
    } catch (error) {
      await gateway.stop();
      throw error;
    }
  } catch (error) {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Makes the token, gives the role the same password, and tells the gateway. */
async function configure(gateway: Reachable, server: PostgresServer, ca: string): Promise<string> {
  const setup = (password: string) => [{ name: resource, server, ca, credential: { username: role, password } }];
  const tokens = await setUp(gateway, setup('replaced below'), [{ name: principal }]);
  const token = tokens.get(principal);
  if (token === undefined) throw new Error('the gateway gave no token');
  await server.query(`alter role "${role}" password '${token}'`);
  await setUp(gateway, setup(token), [{ name: principal }]);
  return token;
}

async function reset(server: PostgresServer): Promise<void> {
  await server.query(`drop database if exists ${database} with (force)`, [], elsewhere);
  await server.query(`create database ${database} owner "${role}"`, [], elsewhere);
}

function route(name: RouteName, port: number, password: string, caPath: string): Route {
  const host = 'localhost';
  return {
    name,
    host,
    port,
    user: role,
    password,
    database,
    caPath,
    environment: {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: role,
      PGPASSWORD: password,
      PGDATABASE: database,
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: caPath,
      PGTZ: 'UTC',
    },
  };
}
