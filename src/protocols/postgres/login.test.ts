import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, describe, expect, test } from 'vitest';
import { createScramClient } from '../../base/scram.ts';
import { SocketWire } from '../../base/wire.ts';
import { CancelRegistry } from './cancel.ts';
import * as limits from './limits.ts';
import { type Login, type LoginOptions, login } from './login.ts';
import * as messages from './messages.ts';
import { receiveStartup } from './startup.ts';
import { certificates, type FakeDoor, fakeDoor, listen, Peer, secure, token } from './testing.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Gate {
  readonly port: number;
  readonly door: FakeDoor;
  readonly outcomes: Promise<Login | null>[];
}

/** A server that lets in whom login lets in, and answers every query with nothing. */
async function gate(options?: LoginOptions, tlsRequired = false): Promise<Gate> {
  const door = await fakeDoor({ tlsRequired });
  const cancels = new CancelRegistry(door.clock);
  const outcomes: Promise<Login | null>[] = [];
  const accept = async (wire: SocketWire): Promise<Login | null> => {
    const startup = await receiveStartup(wire, door, cancels);
    if (startup === null) return null;
    const result = await login(wire, door, startup, options);
    if (result === null) return null;
    const key = cancels.register(startup.minor, wire.remoteAddress, async () => {});
    wire.write(Buffer.concat([messages.encodeBackendKeyData(key), messages.encodeReadyForQuery('I')]));
    startup.inbox.handOver({
      read: (chunk) => {
        if (chunk[0] === 0x58) return wire.end();
        wire.write(Buffer.concat([messages.encodeEmptyQueryResponse(), messages.encodeReadyForQuery('I')]));
      },
      end: () => wire.end(),
      drain: () => {},
      close: () => {},
    });
    return result;
  };
  const { port, close } = await listen((socket) => void outcomes.push(accept(new SocketWire(socket))));
  closers.push(close);
  return { port, door, outcomes };
}

async function connect(port: number, config: pg.ClientConfig): Promise<pg.Client> {
  const { authority } = await certificates();
  const client = new pg.Client({
    host: 'localhost',
    port,
    user: 'engineer+orders',
    password: token,
    database: 'orders',
    ssl: { ca: authority.cert },
    ...config,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** A raw client that has sent its StartupMessage and read the request for authentication. */
async function started(port: number, parameters: Record<string, string> = {}) {
  const peer = await Peer.connect(port);
  const all = new Map(Object.entries({ user: 'engineer+orders', ...parameters }));
  peer.write(messages.encodeStartupMessage(3, 0, all));
  const message = await peer.message();
  expect(message.type).toBe('R');
  return { peer, request: messages.decodeAuthentication(message) };
}

async function fatal(peer: Peer): Promise<messages.Fields> {
  const message = await peer.message();
  expect(message.type).toBe('E');
  expect((await peer.rest()).length).toBe(0);
  return messages.decodeErrorResponse(message);
}

const sasl = (text: string): Buffer => messages.encodeSASLInitialResponse('SCRAM-SHA-256', Buffer.from(text));

describe('what is let in', () => {
  test.each([
    ['SCRAM-SHA-256 inside TLS', {}],
    ['SCRAM-SHA-256-PLUS inside TLS', { enableChannelBinding: true }],
    ['SCRAM-SHA-256 without TLS, where the listener allows that', { ssl: false }],
  ])('%s, by node-postgres', async (_what, config) => {
    const { port, outcomes, door } = await gate();
    const client = await connect(port, config);
    await client.query('');
    await client.end();
    expect(await outcomes[0]).toMatchObject({
      principal: { name: 'engineer' },
      resource: 'orders',
      facts: { authentication: 'scram', database: 'orders' },
    });
    expect(door.violations).toEqual([]);
    expect(door.refusals).toEqual([]);
  });

  const hasPsql = (process.env['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, 'psql')));
  test.skipIf(!hasPsql).each([
    ['with channel binding', 'sslmode=verify-full channel_binding=require'],
    ['without channel binding', 'sslmode=verify-full channel_binding=disable'],
    ['after asking for GSSAPI', 'sslmode=require gssencmode=prefer'],
    ['without TLS', 'sslmode=disable'],
    ['by a password in clear', 'sslmode=require channel_binding=disable options=-csallyport.authentication=cleartext'],
  ])('psql, %s', async (_what, how) => {
    const { port, outcomes, door } = await gate();
    const { authority } = await certificates();
    const directory = await mkdtemp(join(tmpdir(), 'sallyport-login-'));
    const rootFile = join(directory, 'ca.pem');
    await writeFile(rootFile, authority.cert);
    try {
      const target = `host=localhost port=${port} user=engineer+orders dbname=orders sslrootcert=${rootFile} ${how}`;
      await promisify(execFile)('psql', ['-X', '-w', target, '-c', ''], { env: { ...process.env, PGPASSWORD: token } });
    } finally {
      await rm(directory, { recursive: true });
    }
    expect(await outcomes[0]).toMatchObject({ principal: { name: 'engineer' }, facts: { application_name: 'psql' } });
    expect(door.violations).toEqual([]);
  });

  test('the resource may be the database', async () => {
    const { port, outcomes } = await gate();
    const client = await connect(port, { user: 'engineer', database: 'billing' });
    await client.end();
    expect((await outcomes[0])?.resource).toBe('billing');
  });

  test.each([
    ['the listener', { authentication: 'cleartext' } as const, {}],
    ['the client', undefined, { options: '-c sallyport.authentication=cleartext' }],
  ])('a password in clear inside TLS, by choice of %s', async (_who, options, config) => {
    const { port, outcomes } = await gate(options);
    const client = await connect(port, config);
    await client.end();
    expect(await outcomes[0]).toMatchObject({
      principal: { name: 'engineer' },
      facts: { authentication: 'cleartext' },
    });
  });
});

describe('what is refused', () => {
  const same = 'Authentication failed. Log in with principal+resource and a valid access token (sallyport login).';

  test.each([
    ['a wrong token', { password: 'wrong' }],
    ['an unknown principal', { user: 'nobody+orders' }],
    ['a login that cannot be one', { user: 'a+b+c' }],
    ['a wrong token in clear', { password: 'wrong', options: '-c sallyport.authentication=cleartext' }],
    ['an unknown principal in clear', { user: 'nobody+orders', options: '-c sallyport.authentication=cleartext' }],
  ])('A-ID-10: %s gives the same 28P01 as any other', async (_what, config) => {
    const { port, outcomes, door } = await gate();
    await expect(connect(port, config)).rejects.toMatchObject({ code: '28P01', severity: 'FATAL', message: same });
    expect(await outcomes[0]).toBeNull();
    expect(door.refusals).toMatchObject([{ code: 'core.not-authenticated' }]);
    expect(door.violations).toEqual([]);
  });

  test('no resource anywhere', async () => {
    const { port, outcomes } = await gate();
    const { peer } = await started(port, { user: 'engineer' });
    await scram(peer);
    expect(await fatal(peer)).toMatchObject({ C: '28000' });
    expect(await outcomes[0]).toBeNull();
  });

  test('A-PG-05: a password in clear without TLS is not even asked for', async () => {
    const { port, door } = await gate({ authentication: 'cleartext' });
    const peer = await Peer.connect(port);
    peer.write(messages.encodeStartupMessage(3, 0, new Map([['user', 'engineer+orders']])));
    expect(await fatal(peer)).toMatchObject({ C: '28000' });
    expect(door.violations).toMatchObject([{ code: 'postgres.tls-required' }]);
  });

  const startup = messages.encodeStartupMessage(3, 0, new Map([['user', 'dba+orders']]));
  test.each([
    ['a second StartupMessage', startup],
    ['SSLRequest', messages.encodeSSLRequest()],
    ['Query', messages.encodeQuery('SELECT 1')],
    ['Terminate', messages.encodeTerminate()],
  ])('A-PG-03: %s during authentication', async (_what, bytes) => {
    const { port, outcomes, door } = await gate();
    const { peer } = await started(port);
    peer.write(bytes);
    expect(await fatal(peer)).toMatchObject({ C: '08P01' });
    expect(await outcomes[0]).toBeNull();
    expect(door.violations).toMatchObject([{ code: 'postgres.unexpected-message' }]);
  });

  test.each([
    ['Query', messages.encodeQuery('DROP TABLE t')],
    ['a second StartupMessage', startup],
  ])('A-PG-03: %s behind the last SASLResponse, before AuthenticationOk', async (_what, bytes) => {
    const { port, outcomes, door } = await gate();
    const { peer } = await started(port);
    const client = createScramClient({ password: token, channelBinding: null });
    peer.write(sasl(client.first()));
    const challenge = messages.decodeAuthentication(await peer.message());
    if (challenge.name !== 'AuthenticationSASLContinue') throw new Error(challenge.name);
    const response = messages.encodeSASLResponse(Buffer.from(await client.final(challenge.data.toString())));
    peer.write(Buffer.concat([response, bytes]));
    expect(await fatal(peer)).toMatchObject({ C: '08P01' });
    expect(await outcomes[0]).toBeNull();
    expect(door.violations).toMatchObject([{ code: 'postgres.unexpected-message' }]);
  });

  test.each([
    ['a mechanism that was not offered', messages.encodeSASLInitialResponse('SCRAM-SHA-256-PLUS', Buffer.from('x'))],
    ['an unknown mechanism', messages.encodeSASLInitialResponse('PLAIN', Buffer.from('x'))],
    ['no client-first-message', Buffer.from('7000000016534352414d2d5348412d32353600ffffffff', 'hex')],
    ['client-first-message that is none', sasl('hello')],
    ['channel binding that was not offered', sasl('p=tls-server-end-point,,n=,r=abcdef')],
    ['a length that lies', Buffer.from('7000000016534352414d2d5348412d32353600000000ff', 'hex')],
    ['what is not UTF-8', messages.encodeSASLInitialResponse('SCRAM-SHA-256', Buffer.from([0xff, 0xfe]))],
  ])('%s', async (_what, bytes) => {
    const { port, outcomes, door } = await gate();
    const { peer } = await started(port);
    peer.write(bytes);
    await fatal(peer);
    expect(await outcomes[0]).toBeNull();
    expect(door.violations).toHaveLength(1);
  });

  test('A-PG-07: a client that believes channel binding was not offered, inside TLS, was lied to', async () => {
    const { port, outcomes, door } = await gate();
    const peer = await secure(port);
    peer.write(messages.encodeStartupMessage(3, 0, new Map([['user', 'engineer+orders']])));
    expect(messages.decodeAuthentication(await peer.message())).toEqual({
      name: 'AuthenticationSASL',
      mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'],
    });
    peer.write(sasl('y,,n=,r=abcdefabcdef'));
    await fatal(peer);
    expect(await outcomes[0]).toBeNull();
    expect(door.violations).toMatchObject([{ code: 'base.scram' }]);
  });

  test.each([
    [limits.authenticationMessageBytesMax, /28P01|08P01/],
    [limits.authenticationMessageBytesMax + 1, /08P01/],
    [0xffff_ffff, /08P01/],
    [3, /08P01/],
  ])('A-PG-09: an authentication message that says %i bytes', async (length, state) => {
    const { port, outcomes, door } = await gate();
    const { peer } = await started(port);
    const header = Buffer.from('p\0\0\0\0');
    header.writeUInt32BE(length, 1);
    peer.write(header);
    if (length === limits.authenticationMessageBytesMax) peer.write(Buffer.alloc(length - 4, 'x'));
    expect((await fatal(peer))['C']).toMatch(state);
    expect(await outcomes[0]).toBeNull();
    expect(door.violations).toMatchObject([
      {
        code:
          length === limits.authenticationMessageBytesMax
            ? 'postgres.message-malformed'
            : expect.stringMatching(/length|large/),
      },
    ]);
  });

  test('a client that leaves half-way counts as a failed attempt', async () => {
    const { port, outcomes, door } = await gate();
    const { peer } = await started(port);
    peer.write(sasl('n,,n=,r=abcdefabcdef'));
    await peer.message();
    peer.socket.destroy();
    expect(await outcomes[0]).toBeNull();
    expect(door.refusals).toMatchObject([{ login: 'engineer', code: 'postgres.closed' }]);
  });
});

/** Goes through the exchange with the right token. */
async function scram(peer: Peer): Promise<void> {
  const client = createScramClient({ password: token, channelBinding: null });
  peer.write(sasl(client.first()));
  const challenge = messages.decodeAuthentication(await peer.message());
  if (challenge.name !== 'AuthenticationSASLContinue') throw new Error(challenge.name);
  peer.write(messages.encodeSASLResponse(Buffer.from(await client.final(challenge.data.toString()))));
  const final = messages.decodeAuthentication(await peer.message());
  if (final.name !== 'AuthenticationSASLFinal') throw new Error(final.name);
  client.verify(final.data.toString());
  expect(messages.decodeAuthentication(await peer.message()).name).toBe('AuthenticationOk');
}
