/**
 * PostgreSQL for `sallyport connect`: psql by environment (libpq environment variables), lines for other tools, and the
 * local port's side of the protocol.
 *
 * PostgreSQL documentation: "Environment Variables", "Connection Strings" of libpq.
 */
import type { ClientAdapter, Invocation, PrintedLine, PrintOptions, Target } from './client.ts';
import { forwardPostgres } from './postgres-forward.ts';
import { libpqValue, shellWord, uriHost, uriPart } from './quote.ts';

export const postgresClient: ClientAdapter = {
  protocol: 'postgres',
  title: 'PostgreSQL',
  programs: ['psql'],
  prepare: async (target, { args }) => psql(target, args),
  printedLines,
  forward: forwardPostgres,
};

function psql(target: Target, args: readonly string[]): Invocation {
  return {
    program: 'psql',
    args,
    env: {
      PGHOST: target.host,
      PGPORT: String(target.port),
      PGUSER: target.login,
      PGPASSWORD: target.token,
      PGDATABASE: databaseOf(target),
      PGSSLMODE: 'verify-full',
      // libpq looks for a root certificate in the person's home unless told to ask the system.
      PGSSLROOTCERT: target.caFile ?? 'system',
    },
  };
}

function databaseOf(target: Target): string {
  return target.database ?? target.resource;
}

function printedLines(target: Target, options: PrintOptions): readonly PrintedLine[] {
  const { local } = options;
  const host = local?.host ?? target.host;
  const port = local?.port ?? target.port;
  const database = databaseOf(target);
  const token = options.isTokenShown ? target.token : null;
  // Where TLS ends at the local port there is no certificate to check on the loopback.
  const root = target.caFile ?? 'system';
  const tls: readonly (readonly [string, string])[] =
    local === null
      ? [
          ['sslmode', 'verify-full'],
          ['sslrootcert', root],
        ]
      : [['sslmode', 'disable']];
  const words = [['host', host], ['port', String(port)], ['user', target.login], ['dbname', database], ...tls].map(
    ([key, value]) => `${key}=${libpqValue(value!)}`,
  );
  const secret = token === null ? [] : [`password=${libpqValue(token)}`];
  const uriQuery = tls.map(([key, value]) => `${key}=${uriPart(value)}`).join('&');
  const jdbc: readonly (readonly [string, string])[] = [
    ['user', target.login],
    ...(token === null ? [] : [['password', token] as const]),
    // The Java driver has no word for the system's authorities: without a file it asks its own trust store.
    ...tls.filter(([key]) => key !== 'sslrootcert' || target.caFile !== null),
  ];
  return [
    {
      title: 'psql',
      line: `${token === null ? '' : `PGPASSWORD=${shellWord(token)} `}psql ${shellWord(words.join(' '))}`,
    },
    {
      title: 'URI',
      line: `postgresql://${uriPart(target.login)}${token === null ? '' : `:${uriPart(token)}`}@${uriHost(host)}:${port}/${uriPart(database)}?${uriQuery}`,
    },
    {
      title: 'JDBC',
      line: `jdbc:postgresql://${uriHost(host)}:${port}/${uriPart(database)}?${jdbc.map(([key, value]) => `${key}=${uriPart(value)}`).join('&')}`,
    },
    { title: 'Python DSN', line: pythonString([...words, ...secret].join(' ')) },
  ];
}

/** A string literal of Python, as `psycopg.connect(…)` takes it. */
function pythonString(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
