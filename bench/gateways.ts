/**
 * The candidates that are Sallyport: one gateway process with a resource for each setting that a resource or its rules
 * decide, and another for the transport, which a process decides.
 *
 * Rules name the resource they are for, so sessions of one candidate never meet those of another. Before anything is
 * measured, each candidate with rules shows that they are in force: a gateway that forgot to mask would be fast.
 *
 * Deliberately absent: TLS, and a process each; the candidates run one after the other, never at the same time.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { createClient } from '../src/api/contract/index.ts';
import { type GatewayProcess, startGatewayProcess } from '../test/env/process.ts';
import { setUp } from '../test/env/setup.ts';
import type { PostgresServer } from '../test/servers/postgres.ts';
import type { Candidate, GatewayName } from './candidates.ts';
import { bulkColumns, maskedColumns } from './tables.ts';

interface Setting {
  readonly name: GatewayName;
  readonly title: string;
  readonly recording: 'strict' | 'best-effort';
  readonly transport: 'public' | 'handles';
}

/** The name of the resource is the candidate's. */
const settings: readonly Setting[] = [
  { name: 'sallyport-strict', title: 'Sallyport, strict', recording: 'strict', transport: 'public' },
  { name: 'sallyport-best-effort', title: 'Sallyport, best-effort', recording: 'best-effort', transport: 'public' },
  {
    name: 'sallyport-handles',
    title: 'Sallyport, best-effort, transport handles',
    recording: 'best-effort',
    transport: 'handles',
  },
  {
    name: 'sallyport-masked',
    title: 'Sallyport, best-effort, a guardrail and two masked columns',
    recording: 'best-effort',
    transport: 'public',
  },
  {
    name: 'sallyport-detect',
    title: 'Sallyport, best-effort, 12 detectors on every value',
    recording: 'best-effort',
    transport: 'public',
  },
];

export const gatewayNames: readonly GatewayName[] = settings.map(({ name }) => name);

/** As many as the throw-away programs looked for (P6). */
export const twelveDetectors = [
  'email',
  'credit_card',
  'iban',
  'phone',
  'ip_address',
  'us_ssn',
  'uk_nino',
  'fr_nir',
  'es_dni_nie',
  'date_of_birth',
  'jwt',
  'aws_key',
] as const;

const rules: Readonly<Partial<Record<GatewayName, readonly unknown[]>>> = {
  'sallyport-masked': [
    {
      kind: 'Guardrail',
      metadata: { name: 'no-destructive-sql' },
      spec: {
        match: { resources: { names: ['sallyport-masked'] }, commands: { sql: { effects: ['drop', 'truncate'] } } },
        verdict: 'block',
      },
    },
    {
      kind: 'Mask',
      metadata: { name: 'two-columns' },
      spec: {
        match: { resources: { names: ['sallyport-masked'] } },
        columns: maskedColumns,
        with: 'redact',
        predicates: 'allow',
      },
    },
  ],
  'sallyport-detect': [
    {
      kind: 'Mask',
      metadata: { name: 'twelve-detectors' },
      spec: { match: { resources: { names: ['sallyport-detect'] } }, detect: twelveDetectors, with: 'redact' },
    },
  ],
};

/** Starts the processes that the wanted candidates need. Each candidate's `stop` ends the process it shares. */
export async function startGateways(
  server: PostgresServer,
  directory: string,
  wanted: (name: GatewayName) => boolean,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  try {
    for (const transport of ['public', 'handles'] as const) {
      const here = settings.filter((setting) => setting.transport === transport && wanted(setting.name));
      if (here.length > 0) {
        candidates.push(...(await startOne(server, join(directory, `sallyport-${transport}`), transport, here)));
      }
    }
    return candidates;
  } catch (error) {
    for (const candidate of candidates) await candidate.stop();
    throw error;
  }
}

async function startOne(
  server: PostgresServer,
  dataDirectory: string,
  transport: Setting['transport'],
  here: readonly Setting[],
): Promise<Candidate[]> {
  await mkdir(dataDirectory, { recursive: true });
  const variables = join(dataDirectory, 'variables');
  await writeFile(variables, `SALLYPORT_TRANSPORT=${transport}\n`);
  const gateway = await startGatewayProcess({
    dataDirectory,
    tls: 'optional',
    logLevel: 'error',
    nodeArguments: [`--env-file=${variables}`],
  });
  try {
    const resources = here.map(({ name, recording }) => ({ name, server, recording }));
    const tokens = await setUp(gateway, resources, [{ name: 'engineer' }]);
    await applyRules(gateway, tokens.get('admin') ?? '', here);
    let stopping: Promise<void> | null = null;
    const candidates = here.map(({ name, title }) => ({
      name,
      title,
      host: '127.0.0.1',
      port: gateway.postgresPort,
      user: `engineer+${name}`,
      password: tokens.get('engineer') ?? '',
      pid: gateway.pid,
      stop: () => {
        stopping ??= gateway.stop();
        return stopping;
      },
    }));
    for (const candidate of candidates) await proveRules(server, candidate);
    return candidates;
  } catch (error) {
    await gateway.stop('SIGKILL');
    throw error;
  }
}

async function applyRules(gateway: GatewayProcess, token: string, here: readonly Setting[]): Promise<void> {
  const documents = here.flatMap(({ name }) => rules[name] ?? []);
  if (documents.length === 0) return;
  const ca = await readFile(gateway.caPath, 'utf8');
  const api = createClient({ baseUrl: gateway.consoleUrl, ca, token });
  await api.call('apply', { body: { documents, dryRun: false } });
}

/** Which columns of `bulk_pii` must come back changed; the others must not. */
const changedColumns: Readonly<Partial<Record<GatewayName, readonly string[]>>> = {
  'sallyport-masked': maskedColumns.map((column) => column.split('.').at(-1) ?? ''),
  'sallyport-detect': ['b', 'c', 'd'],
};

/** Throws where a candidate does not do what its title says. */
async function proveRules(server: PostgresServer, { name, host, port, user, password }: Candidate): Promise<void> {
  const changed = changedColumns[name as GatewayName];
  if (changed === undefined) return;
  const question = `select ${bulkColumns.join(', ')} from bulk_pii where id = 1`;
  const [stored] = await server.query<Record<string, unknown>>(question);
  const client = new pg.Client({ host, port, user, password, database: server.database });
  await client.connect();
  try {
    const [shown] = (await client.query<Record<string, unknown>>(question)).rows;
    const found = bulkColumns.filter((column) => shown?.[column] !== stored?.[column]);
    if (found.join() !== changed.join()) {
      throw new Error(`${name} masks ${found.join(', ') || 'nothing'} of bulk_pii, not ${changed.join(', ')}`);
    }
    if (name !== 'sallyport-masked') return;
    // The server would refuse it as well, in other words: the table is not this user's.
    const refusal = await client.query('truncate bulk_pii').then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    if (!refusal.includes('no-destructive-sql')) throw new Error(`${name} answers TRUNCATE with: ${refusal}`);
  } finally {
    await client.end();
  }
}
