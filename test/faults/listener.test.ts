/**
 * A-GW-02, A-GW-03, A-GW-05 on the real port of a real process: connections that never become sessions, clients of other
 * protocols, and ways into the process itself.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { unauthenticatedConnectionsMax, unauthenticatedPerSourceMax } from '../../src/gateway/limits.ts';
import { startupDeadlineMs } from '../../src/protocols/postgres/limits.ts';
import { connectionsOn, eventsOf, isType, mebibytes, program, residentKiB } from './support/gateway.ts';
import { openRaw, type RawConnection, sslRequest, streamFrom } from './support/raw.ts';
import { createWorld, report, sleep, until, type World } from './support/world.ts';

/** What a busy machine may add to a deadline before it counts as missed. */
const slackMs = 5_000;
/** The loopback network's further addresses are Linux's. */
const manySources = process.platform === 'linux';

let world: World;

beforeAll(async () => {
  world = await createWorld();
});

afterAll(() => world?.close());

function openMany(count: number, source: string): Promise<RawConnection[]> {
  return Promise.all(Array.from({ length: count }, () => openRaw(world.gateway.postgresPort, source)));
}

async function settle(): Promise<void> {
  await until('all connections to be over', startupDeadlineMs + slackMs, async () => {
    return (await connectionsOn(world.gateway.postgresPort)) === 0;
  });
  // The count of connections without a session follows their close by a turn of the event loop.
  await sleep(100);
}

async function loginFrom(source: string): Promise<number> {
  const begun = performance.now();
  const client = new pg.Client({ ...world.client(), stream: () => streamFrom(source) });
  await client.connect();
  const ms = performance.now() - begun;
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await client.end();
  return ms;
}

test.skipIf(!manySources)(
  'A-GW-02 one source has its share of silent connections; the next wait unread, and others come in',
  { timeout: 60_000 },
  async () => {
    // Sessions do not count.
    const session = await world.connect();
    const silent = await openMany(unauthenticatedPerSourceMax, '127.0.0.1');
    await sleep(300);
    expect(silent.filter(({ isClosed }) => isClosed())).toHaveLength(0);
    // Whoever comes then waits: its question is not even read.
    const [beyond] = await openMany(1, '127.0.0.1');
    beyond!.socket.write(sslRequest);
    await sleep(300);
    expect(beyond!.received()).toHaveLength(0);
    expect(beyond!.isClosed()).toBe(false);
    expect(
      silent.filter(({ isClosed }) => isClosed()),
      'those within the limit stay',
    ).toHaveLength(0);
    report(
      'A-GW-02',
      `login from another source beside ${silent.length} silent connections: ${(await loginFrom('127.0.0.2')).toFixed(0)} ms`,
    );
    expect((await session.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    // One leaves, the one that waits is answered.
    silent[0]!.socket.destroy();
    await until('an answer', 5_000, async () => beyond!.received().toString('latin1') === 'S');
    beyond!.socket.destroy();
    await session.end();
    for (const { socket } of silent) socket.destroy();
    await settle();
  },
);

test.skipIf(!manySources)(
  'A-GW-02 the listener has its share of silent connections in all; who comes then takes the place of the oldest',
  { timeout: 60_000 },
  async () => {
    const sources = unauthenticatedConnectionsMax / unauthenticatedPerSourceMax;
    const before = await residentKiB(world.gateway.pid);
    const silent: RawConnection[] = [];
    for (let n = 1; n <= sources; n++) silent.push(...(await openMany(unauthenticatedPerSourceMax, `127.0.1.${n}`)));
    await sleep(300);
    expect(silent.filter(({ isClosed }) => isClosed())).toHaveLength(0);
    report(
      'A-GW-02',
      `${silent.length} silent connections: RSS +${mebibytes((await residentKiB(world.gateway.pid)) - before)}`,
    );
    const [beyond] = await openMany(1, '127.0.2.1');
    await sleep(300);
    expect(beyond!.isClosed()).toBe(false);
    const dropped = silent.filter(({ isClosed }) => isClosed());
    expect(dropped).toHaveLength(1);
    expect(dropped[0]!.received()).toHaveLength(0);
    await loginFrom('127.0.2.1');
    // Nobody needs to clear up: the start-up deadline does.
    const ages = await Promise.all(silent.slice(1).map(({ closed }) => closed));
    report('A-GW-02', `silent connections were closed after ${Math.min(...ages)} to ${Math.max(...ages)} ms`);
    expect(Math.max(...ages)).toBeLessThanOrEqual(startupDeadlineMs + slackMs);
    await settle();
  },
);

test.skipIf(!manySources)(
  'A-GW-02 a TLS handshake that dribbles in is cut at the deadline, and holds nobody up',
  { timeout: 60_000 },
  async () => {
    // The beginning of a ClientHello of 512 bytes.
    const hello = Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), Buffer.alloc(501, 7)]);
    const dribbling = await openMany(unauthenticatedPerSourceMax, '127.0.3.1');
    const asked = await openMany(unauthenticatedPerSourceMax, '127.0.3.2');
    for (const { socket } of asked) socket.write(sslRequest);
    await until('the gateway to agree to TLS', 5_000, () =>
      asked.every(({ received }) => received().toString('latin1') === 'S'),
    );
    let at = 0;
    let slowest = 0;
    while (![...dribbling, ...asked].every(({ isClosed }) => isClosed())) {
      // Direct TLS on one half, behind an SSLRequest on the other.
      for (const { socket, isClosed } of [...dribbling, ...asked])
        if (!isClosed()) socket.write(hello.subarray(at, at + 1));
      at++;
      slowest = Math.max(slowest, await loginFrom('127.0.3.3'));
      await sleep(300);
      if (at > 100) throw new Error('still open');
    }
    const ages = await Promise.all([...dribbling, ...asked].map(({ closed }) => closed));
    report(
      'A-GW-02',
      `${ages.length} dribbling handshakes were cut after ${Math.min(...ages)} to ${Math.max(...ages)} ms; slowest login meanwhile ${slowest.toFixed(0)} ms`,
    );
    expect(Math.max(...ages)).toBeLessThanOrEqual(startupDeadlineMs + slackMs);
    for (const { received } of dribbling) expect(received().includes(hello.subarray(0, 5))).toBe(false);
    await settle();
  },
);

test('A-GW-03 what speaks another protocol is closed at its first chunk, and nothing of it is sent back', {
  timeout: 60_000,
}, async () => {
  const strangers: Readonly<Record<string, Buffer>> = {
    HTTP: Buffer.from('GET /reflected HTTP/1.1\r\nHost: reflected.example\r\n\r\n'),
    'HTTP POST with a start-up packet within': Buffer.from('POST / HTTP/1.1\r\n\r\nreflected\u0000\u0000\u0000\u0008'),
    SSH: Buffer.from('SSH-2.0-reflected\r\n'),
    'MySQL login': Buffer.from('b1000001reflected', 'latin1'),
    SMTP: Buffer.from('EHLO reflected\r\n'),
    RDP: Buffer.concat([Buffer.from('0300002b26e00000000000', 'hex'), Buffer.from('Cookie: mstshash=reflected\r\n')]),
    'zero bytes': Buffer.alloc(64),
    'bytes of 0xff': Buffer.alloc(64, 0xff),
  };
  for (const [name, bytes] of Object.entries(strangers)) {
    const stranger = await openRaw(world.gateway.postgresPort);
    stranger.socket.write(bytes);
    await Promise.race([stranger.closed, sleep(startupDeadlineMs - 2_000)]);
    expect(stranger.isClosed(), `${name}: closed without waiting for the deadline`).toBe(true);
    expect(stranger.received().toString('latin1'), name).not.toMatch(/reflected|HTTP|SSH-/);
    expect(stranger.received().length, name).toBeLessThan(1024);
  }
  // Direct TLS without ALPN, and with another protocol's (A-PG-06).
  for (const alpn of [undefined, ['http/1.1'], ['h2', 'http/1.1']]) {
    const outcome = await new Promise<string>((resolve) => {
      const options = { host: '127.0.0.1', port: world.gateway.postgresPort, rejectUnauthorized: false };
      const socket = connectTls({ ...options, ...(alpn === undefined ? {} : { ALPNProtocols: alpn }) });
      let answer = '';
      socket.on('secureConnect', () => socket.write('GET /reflected HTTP/1.1\r\n\r\n'));
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(answer));
    });
    expect(outcome).not.toMatch(/reflected|HTTP/);
  }
  // What no session waits for is written with the journal's next block.
  await until('each violation in the journal', 5_000, async () => {
    const violations = (await eventsOf(world.dataDirectory)).filter(isType('violation'));
    return violations.length >= Object.keys(strangers).length;
  });
  expect(world.gateway.isRunning).toBe(true);
  // And PostgreSQL's clients at the console's port.
  const port = Number(new URL(world.gateway.consoleUrl).port);
  const lost = await openRaw(port);
  lost.socket.write(sslRequest);
  await Promise.race([lost.closed, sleep(5_000)]);
  expect(lost.received().toString('latin1')).not.toMatch(/^S/);
  lost.socket.destroy();
  expect((await (await world.connect()).query('select 1 as one')).rows).toEqual([{ one: 1 }]);
});

async function runGateway(
  flags: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number | null; err: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-inspect-'));
  try {
    const child = spawn(process.execPath, [...flags, program, 'gateway', '--data', directory], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    const late = setTimeout(() => child.kill('SIGKILL'), 30_000);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    clearTimeout(late);
    return { code, err };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test('A-GW-05 an inspector is refused at start', { timeout: 60_000 }, async () => {
  for (const [flags, environment] of [
    [['--inspect=127.0.0.1:0'], {}],
    [[], { NODE_OPTIONS: '--inspect=127.0.0.1:0' }],
    [['--inspect-port=0', '--inspect'], {}],
  ] as const) {
    const { code, err } = await runGateway(flags, environment);
    expect(code, err).not.toBe(0);
    expect(code, 'it ended by itself').not.toBeNull();
    expect(err).toMatch(/inspect/i);
    expect(err).not.toMatch(/Sallyport is ready/);
  }
});

test.skipIf(process.platform === 'win32')(
  'A-GW-05 SIGUSR1 does not start an inspector',
  { timeout: 30_000 },
  async () => {
    world.gateway.signal('SIGUSR1');
    await sleep(1_500);
    expect(world.gateway.isRunning).toBe(true);
    expect(world.gateway.output()).not.toMatch(/Debugger listening/);
    expect((await (await world.connect()).query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  },
);
