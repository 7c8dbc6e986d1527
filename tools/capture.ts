/**
 * Captures golden bytes: real clients speak to a real server through a recording proxy.
 *
 *     node tools/capture.ts postgres
 *
 * writes `src/protocols/postgres/fixtures/conversations.json`. A conversation is a list of runs of bytes in the order
 * they passed, and a list of those that differ each time (`unique`: nonces, keys, process ids, times), by direction and
 * offset within all bytes of that direction. Run it again when the server or the list below changes; the tests read
 * whatever it wrote.
 *
 * Deliberately absent: TLS, whose bytes say nothing.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import * as messages from '../src/protocols/postgres/messages.ts';
import { type PostgresServer, startPostgres } from '../test/servers/postgres.ts';

interface Run {
  readonly from: 'client' | 'server';
  hex: string;
}

interface Unique {
  readonly from: 'client' | 'server';
  readonly offset: number;
  readonly length: number;
  readonly what: string;
}

interface Conversation {
  readonly name: string;
  readonly client: string;
  readonly runs: Run[];
  readonly unique: Unique[];
}

/** A proxy for one connection after another; `next` gives what passed over the oldest one not asked for yet. */
async function startProxy(to: number): Promise<{ port: number; next(): Run[]; close(): void }> {
  const recorded: Run[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const runs: Run[] = [];
    recorded.push(runs);
    const upstream = connect(to, '127.0.0.1');
    const note = (from: Run['from']) => (chunk: Buffer) => {
      const last = runs.at(-1);
      if (last?.from === from) last.hex += chunk.toString('hex');
      else runs.push({ from, hex: chunk.toString('hex') });
    };
    client.on('data', note('client'));
    upstream.on('data', note('server'));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('close', () => other.destroy());
      // A peer that leaves without a goodbye ends its conversation; what passed was noted.
      pipeline(one, other).catch(() => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    next: () => recorded.shift() ?? [],
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** What differs from one session to the next, by message type. */
const uniqueTypes: Readonly<Record<Run['from'], Readonly<Record<string, string>>>> = {
  client: { p: 'nonce or proof' },
  server: { K: 'process id and cancel key', R: 'nonce, salt or signature', A: 'process id of the notifier' },
};

function uniqueOf(runs: readonly Run[]): Unique[] {
  const unique: Unique[] = [];
  for (const from of ['client', 'server'] as const) {
    const bytes = Buffer.from(
      runs.filter((run) => run.from === from).reduce((all, run) => all + run.hex, ''),
      'hex',
    );
    // The client's first packet has no type.
    let at = from === 'client' ? bytes.readUInt32BE() : 0;
    while (at < bytes.length) {
      const length = bytes.readUInt32BE(at + 1) + 1;
      const what = uniqueTypes[from][String.fromCharCode(bytes[at]!)];
      if (what !== undefined && length > 9) unique.push({ from, offset: at + 5, length: length - 5, what });
      at += length;
    }
  }
  return unique;
}

/** Sends raw bytes, and waits until the server has been silent or closed. */
function exchange(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', () => setTimeout(() => socket.destroy(), 100));
    socket.on('error', reject).on('close', () => resolve());
  });
}

function psql(server: PostgresServer, port: number, ...commands: string[]): Promise<void> {
  const target = `host=127.0.0.1 port=${port} user=${server.user} dbname=${server.database} sslmode=disable gssencmode=disable`;
  return new Promise((resolve, reject) => {
    const child = spawn('psql', ['-X', '-q', target, ...commands.flatMap((command) => ['-c', command])], {
      env: { ...process.env, PGPASSWORD: server.password, LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    child.on('error', reject).on('close', () => resolve());
  });
}

type Step = (server: PostgresServer, port: number) => Promise<void>;

/** A conversation held by node-postgres. */
const byPg =
  (talk: (client: pg.Client) => Promise<unknown>): Step =>
  async (server, port) => {
    const { user, password, database } = server;
    const client = new pg.Client({ host: '127.0.0.1', port, user, password, database, ssl: false });
    await client.connect();
    // Statements that are meant to fail do.
    await talk(client).catch(() => undefined);
    await client.end();
  };

const startup = (minor: number, extra: Record<string, string> = {}): Step => {
  const packet = (user: string): Buffer =>
    messages.encodeStartupMessage(3, minor, new Map(Object.entries({ user, ...extra })));
  return (server, port) => exchange(port, packet(server.user));
};

const steps: readonly [name: string, client: string, step: Step][] = [
  ['startup with SCRAM-SHA-256', 'node-postgres', byPg(async () => {})],
  ['simple query', 'node-postgres', byPg((client) => client.query("SELECT 1 AS one, 'x'::text AS x, NULL AS nothing"))],
  ['several statements', 'node-postgres', byPg((client) => client.query('BEGIN; SELECT 1; COMMIT'))],
  ['empty query', 'node-postgres', byPg((client) => client.query(''))],
  ['error', 'node-postgres', byPg((client) => client.query('SELECT * FROM nowhere'))],
  ['error in a transaction', 'node-postgres', byPg((client) => client.query('BEGIN; SELECT 1/0'))],
  [
    'notice',
    'node-postgres',
    byPg((client) => client.query("DO $$ BEGIN RAISE WARNING 'careful' USING HINT = 'hint'; END $$")),
  ],
  [
    'extended query',
    'node-postgres',
    byPg((client) =>
      client.query({
        name: 'named',
        text: 'SELECT $1::int4 + 1, $2::text, $3::bytea',
        values: [41, null, Buffer.from([0, 255])],
      }),
    ),
  ],
  [
    'extended query, binary results',
    'node-postgres',
    byPg((client) =>
      client.query({ text: 'SELECT $1::numeric, now()', values: ['1.50'], binary: true } as pg.QueryConfig),
    ),
  ],
  ['error in an extended query', 'node-postgres', byPg((client) => client.query('SELECT $1::int4', ['none']))],
  ['notification', 'node-postgres', byPg((client) => client.query('LISTEN c; NOTIFY c, $$p$$'))],
  ['parameter change', 'node-postgres', byPg((client) => client.query("SET TimeZone = 'Asia/Tokyo'"))],
  ['copy out', 'psql', (server, port) => psql(server, port, "COPY (SELECT 1, 'x') TO STDOUT")],
  ['copy out binary', 'psql', (server, port) => psql(server, port, 'COPY (SELECT 1) TO STDOUT (FORMAT binary)')],
  ['copy in', 'psql', (server, port) => psql(server, port, 'CREATE TEMP TABLE t (a int)', '\\copy t FROM /dev/null')],
  ['describe tables', 'psql', (server, port) => psql(server, port, '\\d')],
  ['version 3.2', 'raw', startup(2)],
  ['version 3.9999 with an unknown option', 'raw', startup(9999, { '_pq_.test_protocol_negotiation': '' })],
  ['version 2.0', 'raw', (_server, port) => exchange(port, messages.encodeStartupMessage(2, 0, new Map()))],
  ['unknown startup parameter', 'raw', startup(0, { nonsense: 'x' })],
];

async function capturePostgres(): Promise<void> {
  const server = await startPostgres({ user: 'app', password: 'golden', database: 'orders' });
  const proxy = await startProxy(server.port);
  const conversations: Conversation[] = [];
  try {
    for (const [name, client, step] of steps) {
      await step(server, proxy.port);
      const runs = proxy.next();
      conversations.push({ name, client, runs, unique: uniqueOf(runs) });
    }
  } finally {
    proxy.close();
    await server.stop();
  }
  const file = new URL('../src/protocols/postgres/fixtures/conversations.json', import.meta.url);
  await writeFile(file, `${JSON.stringify({ server: `PostgreSQL ${server.versionText}`, conversations }, null, 2)}\n`);
  process.stdout.write(`${conversations.length} conversations in ${fileURLToPath(file)}\n`);
}

if (process.argv[2] !== 'postgres') {
  process.stderr.write('usage: node tools/capture.ts postgres\n');
  process.exit(2);
}
await capturePostgres();
