/** The step-up before a session of PostgreSQL opens, with psql and a client that leaves. */
import { spawn } from 'node:child_process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Identification } from '../../core/ports.ts';
import type { Confirmation } from '../../core/step-up.ts';
import { connect, startGateway, type TestGateway, until } from './relay-testing.ts';

let server: PostgresServer;
let gateway: TestGateway | null = null;

interface Asked {
  readonly resource: string;
  isWithdrawn: boolean;
  approve(): void;
  refuse(): void;
}

beforeAll(async () => {
  server = await startPostgres();
});

afterEach(async () => {
  await gateway?.close();
  gateway = null;
});

afterAll(async () => {
  await server.stop();
});

async function open(): Promise<{ gateway: TestGateway; asked: Asked[] }> {
  const asked: Asked[] = [];
  const confirm: Identification['confirm'] = async (_principal, resource) => {
    const { promise, resolve, reject } = Promise.withResolvers<Confirmation>();
    promise.catch(() => undefined);
    const one: Asked = {
      resource,
      isWithdrawn: false,
      approve: () => resolve({ method: 'approval', credentialId: 'tok_9', proof: 'password', atMs: 0 }),
      refuse: () => reject(coreErrors('core.step-up-refused')),
    };
    asked.push(one);
    const withdraw = (): void => {
      one.isWithdrawn = true;
      one.refuse();
    };
    return { link: 'https://gateway/approve.html#x', code: 'ABC-DEF', expiresAtMs: 0, outcome: promise, withdraw };
  };
  gateway = await startGateway({ upstream: server, confirm });
  return { gateway, asked };
}

/** psql, with what it says as it comes. */
function psql({ config }: TestGateway): {
  said(): string;
  kill(): void;
  finished: Promise<{ code: number | null; out: string }>;
} {
  const { host, port, user, password } = config;
  const env = { ...process.env, PGPASSWORD: password, PGSSLMODE: 'require' };
  const args = ['-X', '-At', '-h', host, '-p', String(port), '-U', user, '-d', 'orders', '-c', 'select 40 + 2'];
  const child = spawn('psql', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let out = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
  });
  const finished = new Promise<{ code: number | null; out: string }>((resolve) => {
    child.once('close', (code) => resolve({ code, out }));
  });
  return { said: () => said, kill: () => void child.kill('SIGKILL'), finished };
}

test('psql prints link and code before it is connected, waits, and goes on', async () => {
  const { gateway: at, asked } = await open();
  const client = psql(at);
  await until(() => client.said().includes('ABC-DEF'));
  expect(client.said()).toContain('Opening orders takes a confirmation by you: open https://gateway/approve.html#x');
  expect(client.said()).toContain('sallyport approve ABC-DEF');
  expect(asked).toMatchObject([{ resource: 'orders' }]);
  expect(at.journal.of('session.opened')).toEqual([]);
  expect(at.sent).toEqual([]);
  asked[0]!.approve();
  expect(await client.finished).toEqual({ code: 0, out: '42\n' });
  expect(at.journal.of('session.opened')).toMatchObject([{ stepUp: { credentialId: 'tok_9', proof: 'password' } }]);
});

test('a driver that shows no notice waits as well', async () => {
  const { gateway: at, asked } = await open();
  const connecting = connect(at);
  await until(() => asked.length === 1);
  asked[0]!.approve();
  const client = await connecting;
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await client.end();
});

test('a refusal ends the connection, says so, and nothing was dialled', async () => {
  const { gateway: at, asked } = await open();
  const client = psql(at);
  await until(() => asked.length === 1);
  asked[0]!.refuse();
  expect(await client.finished).toEqual({ code: 2, out: '' });
  expect(client.said()).toContain('FATAL:  The confirmation was refused, or not given in time.');
  expect(at.journal.of('identity.refused')).toMatchObject([{ login: 'engineer', code: 'core.step-up-refused' }]);
  expect(at.journal.of('session.opened')).toEqual([]);
  expect(at.sent).toEqual([]);
});

test('who leaves withdraws it', async () => {
  const { gateway: at, asked } = await open();
  const client = psql(at);
  await until(() => asked.length === 1 && client.said().includes('ABC-DEF'));
  client.kill();
  await client.finished;
  await until(() => asked[0]!.isWithdrawn && at.open() === 0);
  expect(at.journal.of('session.opened')).toEqual([]);
});
