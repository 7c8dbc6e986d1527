import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { SocketWire } from '../../base/wire.ts';
import { CancelRegistry } from './cancel.ts';
import * as limits from './limits.ts';
import * as messages from './messages.ts';
import { receiveStartup, type Startup } from './startup.ts';
import { type FakeDoor, fakeDoor, listen, Peer, secure } from './testing.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Gate {
  readonly port: number;
  readonly door: FakeDoor;
  readonly cancels: CancelRegistry;
  /** What the next connection's start-up came to. */
  outcome(): Promise<Startup | null>;
}

async function gate(options: Parameters<typeof fakeDoor>[0] = {}): Promise<Gate> {
  const door = await fakeDoor(options);
  const cancels = new CancelRegistry(door.clock);
  const outcomes: Promise<Startup | null>[] = [];
  const wake: (() => void)[] = [];
  const { port, close } = await listen((socket) => {
    outcomes.push(receiveStartup(new SocketWire(socket), door, cancels));
    wake.splice(0).forEach((one) => void one());
  });
  closers.push(close);
  return {
    port,
    door,
    cancels,
    outcome: async () => {
      if (outcomes.length === 0) await new Promise<void>((resolve) => wake.push(resolve));
      return outcomes.shift()!;
    },
  };
}

const startup = (parameters: Record<string, string>, minor = 0): Buffer =>
  messages.encodeStartupMessage(3, minor, new Map(Object.entries(parameters)));

const engineer = { user: 'engineer+orders', database: 'orders' };

async function fatal(peer: Peer): Promise<messages.Fields> {
  const message = await peer.message();
  expect(message.type).toBe('E');
  const fields = messages.decodeErrorResponse(message);
  expect((await peer.rest()).length).toBe(0);
  return fields;
}

describe('what is let through', () => {
  test('StartupMessage inside TLS', async () => {
    const { port, outcome, door } = await gate();
    const peer = await secure(port);
    peer.write(startup({ ...engineer, application_name: 'psql', client_encoding: 'UTF8' }));
    const result = await outcome();
    expect(result?.parameters).toMatchObject({ user: 'engineer+orders', database: 'orders', cleartext: false });
    expect(Object.fromEntries(result!.parameters.settings)).toEqual({ application_name: 'psql' });
    expect(result?.facts).toMatchObject({ protocol: '3.0', tls: 'TLSv1.3', application_name: 'psql' });
    expect(door.violations).toEqual([]);
  });

  test('StartupMessage one byte at a time', async () => {
    const { port, outcome } = await gate({ tlsRequired: false });
    const peer = await Peer.connect(port);
    peer.socket.setNoDelay(true);
    for (const byte of startup(engineer)) {
      peer.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await outcome())?.parameters.user).toBe('engineer+orders');
  });

  test('GSSENCRequest is answered N once, SSLRequest may follow', async () => {
    const { port, outcome } = await gate();
    const peer = await Peer.connect(port);
    peer.write(messages.encodeGSSENCRequest());
    expect((await peer.take(1)).toString()).toBe('N');
    peer.write(messages.encodeSSLRequest());
    expect((await peer.take(1)).toString()).toBe('S');
    peer.socket.destroy();
    expect(await outcome()).toBeNull();
  });

  test('direct TLS with ALPN postgresql', async () => {
    const { port, outcome } = await gate();
    const peer = await secure(port, { direct: true, alpn: ['postgresql'] });
    peer.write(startup(engineer));
    expect((await outcome())?.parameters.user).toBe('engineer+orders');
  });

  test.each([
    [0, 0, null],
    [2, 2, null],
    [1, 0, 0],
    [3, 2, 2],
    [9999, 2, 2],
  ])('version 3.%i is spoken as 3.%i', async (asked, spoken, negotiated) => {
    const { port, outcome } = await gate({ tlsRequired: false });
    const peer = await Peer.connect(port);
    peer.write(startup(engineer, asked));
    expect((await outcome())?.minor).toBe(spoken);
    if (negotiated !== null) {
      const message = await peer.message();
      expect(message.type).toBe('v');
      expect(messages.decodeNegotiateProtocolVersion(message)).toEqual({ minor: negotiated, unknownOptions: [] });
    } else {
      expect(peer.received.length).toBe(0);
    }
  });

  test('protocol options that nobody knows are named back (GREASE)', async () => {
    const { port, outcome } = await gate({ tlsRequired: false });
    const peer = await Peer.connect(port);
    peer.write(startup({ ...engineer, '_pq_.test_protocol_negotiation': '' }, 9999));
    expect((await outcome())?.minor).toBe(2);
    expect(messages.decodeNegotiateProtocolVersion(await peer.message())).toEqual({
      minor: 2,
      unknownOptions: ['_pq_.test_protocol_negotiation'],
    });
  });
});

describe('attacks', () => {
  test.each([
    ['a StartupMessage', () => startup(engineer)],
    ['a Query', () => messages.encodeQuery('DROP TABLE t')],
    ['one byte', () => Buffer.from('x')],
  ])('A-PG-01: SSLRequest with %s in the same segment is closed, nothing is parsed', async (_what, extra) => {
    const { port, outcome, door } = await gate();
    const peer = await Peer.connect(port);
    peer.write(Buffer.concat([messages.encodeSSLRequest(), extra()]));
    expect(await outcome()).toBeNull();
    expect((await peer.rest()).length).toBe(0);
    expect(door.violations).toMatchObject([{ side: 'client', code: 'postgres.plaintext-after-ssl-request' }]);
  });

  test('A-PG-01: plaintext after the answer S is no TLS and is closed', async () => {
    const { port, outcome } = await gate();
    const peer = await Peer.connect(port);
    peer.write(messages.encodeSSLRequest());
    await peer.take(1);
    peer.write(startup(engineer));
    expect(await outcome()).toBeNull();
    await peer.rest();
  });

  test('A-PG-03: data behind StartupMessage', async () => {
    const { port, outcome, door } = await gate({ tlsRequired: false });
    const peer = await Peer.connect(port);
    peer.write(Buffer.concat([startup(engineer), startup({ user: 'dba+orders' })]));
    expect((await fatal(peer))['C']).toBe('08P01');
    expect(await outcome()).toBeNull();
    expect(door.violations).toMatchObject([{ code: 'postgres.unexpected-message' }]);
  });

  test('A-PG-04: a second SSLRequest inside TLS', async () => {
    const { port, outcome, door } = await gate();
    const peer = await secure(port);
    peer.write(messages.encodeSSLRequest());
    expect(await outcome()).toBeNull();
    expect((await peer.rest()).length).toBe(0);
    expect(door.violations).toMatchObject([{ code: 'postgres.negotiation-repeated' }]);
  });

  test('A-PG-04: SSLRequest inside direct TLS', async () => {
    const { port, outcome } = await gate();
    const peer = await secure(port, { direct: true, alpn: ['postgresql'] });
    peer.write(messages.encodeSSLRequest());
    expect(await outcome()).toBeNull();
    expect((await peer.rest()).length).toBe(0);
  });

  test('A-PG-04: a million GSSENCRequests end at the second', async () => {
    const { port, outcome, door } = await gate();
    const peer = await Peer.connect(port);
    const many = Buffer.concat(Array.from({ length: 1000 }, () => messages.encodeGSSENCRequest()));
    for (let index = 0; index < 1000; index++) peer.write(many);
    expect(await outcome()).toBeNull();
    expect((await peer.rest()).length).toBeLessThanOrEqual(1);
    expect(door.violations).toHaveLength(1);
  });

  test('A-PG-05: no TLS where it is required is 28000 with a hint, and no password prompt', async () => {
    const { port, outcome, door } = await gate();
    const peer = await Peer.connect(port);
    peer.write(startup(engineer));
    const fields = await fatal(peer);
    expect(fields).toMatchObject({ S: 'FATAL', C: '28000' });
    expect(fields['H']).toContain('sslmode=require');
    expect(await outcome()).toBeNull();
    expect(door.violations).toMatchObject([{ code: 'postgres.tls-required' }]);
  });

  test('A-PG-06: direct TLS without ALPN', async () => {
    const { port, outcome, door } = await gate();
    const peer = await secure(port, { direct: true });
    expect(await outcome()).toBeNull();
    expect((await peer.rest()).length).toBe(0);
    expect(door.violations).toMatchObject([{ code: 'postgres.alpn-missing' }]);
  });

  test.each([{ direct: true }, {}])('A-PG-06: wrong ALPN, %o', async (options) => {
    const { port, outcome } = await gate();
    await expect(secure(port, { ...options, alpn: ['http/1.1', 'h2'] })).rejects.toThrow();
    expect(await outcome()).toBeNull();
  });

  test.each([0, 1, 2, 3, 4, 7, limits.startupBytesMax + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])(
    'A-PG-09: a start-up packet that says %i bytes is closed at its length',
    async (length) => {
      const { port, outcome, door } = await gate({ tlsRequired: false });
      const peer = await Peer.connect(port);
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      peer.write(header);
      expect(await outcome()).toBeNull();
      expect((await peer.rest()).length).toBe(0);
      expect(door.violations).toMatchObject([{ code: 'postgres.not-postgres' }]);
    },
  );

  test('A-PG-10: a start-up packet of exactly the limit is taken', async () => {
    const { port, outcome } = await gate({ tlsRequired: false });
    const short = startup({ ...engineer, application_name: '' }).length;
    const packet = startup({ ...engineer, application_name: 'x'.repeat(limits.startupBytesMax - short) });
    expect(packet.length).toBe(limits.startupBytesMax);
    const peer = await Peer.connect(port);
    peer.write(packet);
    expect(await outcome()).not.toBeNull();
  });

  const body = (text: string): Buffer => {
    const packet = Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 3, 0, 0]), Buffer.from(text, 'latin1')]);
    packet.writeUInt32BE(packet.length);
    return packet;
  };
  const many = (count: number): string =>
    `user\0engineer\0${Array.from({ length: count - 1 }, (_, index) => `_pq_.${index}\0\0`).join('')}\0`;

  test.each([
    ['too many parameters', many(limits.startupParametersMax + 1)],
    ['a duplicate user', 'user\0engineer\0user\0dba\0\0'],
    ['no terminator', 'user\0engineer\0'],
    ['no NUL', 'user\0engineer'],
    ['nothing at all', ''],
    ['a NUL inside', 'user\0engineer\0\0database\0orders\0\0'],
    ['a value missing', 'user\0\0'],
    ['what is not UTF-8', 'user\0engin\xff\xfeeer\0\0'],
  ])('A-PG-10: a start-up packet with %s is closed', async (_what, text) => {
    const { port, outcome, door } = await gate({ tlsRequired: false });
    const peer = await Peer.connect(port);
    peer.write(body(text));
    expect(['08P01', '22021']).toContain((await fatal(peer))['C']);
    expect(await outcome()).toBeNull();
    expect(door.violations).toHaveLength(1);
  });

  test('A-PG-10: as many parameters as allowed are taken', async () => {
    const { port, outcome } = await gate({ tlsRequired: false });
    const peer = await Peer.connect(port);
    peer.write(body(many(limits.startupParametersMax)));
    expect(await outcome()).not.toBeNull();
  });

  test.each([
    ['search_path', { search_path: 'evil' }, '42501'],
    ['role', { role: 'postgres' }, '42501'],
    ['options', { options: '-c session_authorization=postgres' }, '42501'],
    ['replication', { replication: 'database' }, '0A000'],
    ['client_encoding', { client_encoding: 'SJIS' }, '0A000'],
  ])('A-PG-11, A-PG-12: %s is refused with a message that names it', async (name, parameters, state) => {
    const { port, outcome, door } = await gate({ tlsRequired: false });
    const peer = await Peer.connect(port);
    peer.write(startup({ ...engineer, ...parameters } as unknown as Record<string, string>));
    const fields = await fatal(peer);
    expect(fields['C']).toBe(state);
    expect(fields['M']!.toLowerCase()).toContain(name === 'options' ? 'session_authorization' : name.slice(0, 8));
    expect(await outcome()).toBeNull();
    expect(door.violations).toHaveLength(1);
  });

  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: evil\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['SMTP', 'EHLO evil.example\r\n'],
  ])('A-GW-03: %s on the port is closed, and nothing is reflected', async (_what, text) => {
    const { port, outcome, door } = await gate();
    const peer = await Peer.connect(port);
    peer.write(text);
    expect(await outcome()).toBeNull();
    expect((await peer.rest()).length).toBe(0);
    expect(door.violations).toMatchObject([{ code: 'postgres.not-postgres' }]);
    expect(JSON.stringify(door.violations)).not.toContain('evil');
  });

  test.each([
    [2, 0],
    [4, 0],
    [1234, 5690],
  ])('version %i.%i is refused by 0A000', async (major, minor) => {
    const { port, outcome } = await gate({ tlsRequired: false });
    const peer = await Peer.connect(port);
    peer.write(messages.encodeStartupMessage(major, minor, new Map([['user', 'x']])));
    expect((await fatal(peer))['C']).toBe('0A000');
    expect(await outcome()).toBeNull();
  });

  test('a client that says nothing is dropped at the deadline', async () => {
    const clock = new FakeClock();
    const { port, outcome } = await gate({ clock });
    const peer = await Peer.connect(port);
    peer.write(Buffer.from([0, 0]));
    const result = outcome();
    await new Promise((resolve) => setTimeout(resolve, 20));
    clock.advance(limits.startupDeadlineMs);
    expect(await result).toBeNull();
    await peer.rest();
  });
});

describe('CancelRequest', () => {
  test.each([0, 2])(
    'A-PG-25, A-PG-26: the right key cancels once over plaintext and TLS, and nothing is answered (3.%i)',
    async (minor) => {
      const { port, outcome, cancels, door } = await gate();
      let cancelled = 0;
      const entry = cancels.register(minor, '127.0.0.1', async () => void cancelled++);
      expect(entry.key.length).toBe(minor === 0 ? 4 : limits.cancelSecretBytes);
      const plain = await Peer.connect(port);
      plain.write(messages.encodeCancelRequest(entry.processId, entry.key));
      expect(await outcome()).toBeNull();
      expect((await plain.rest()).length).toBe(0);
      expect(cancelled).toBe(1);
      const tls = await secure(port);
      tls.write(messages.encodeCancelRequest(entry.processId, entry.key));
      expect(await outcome()).toBeNull();
      expect((await tls.rest()).length).toBe(0);
      expect(cancelled).toBe(2);
      expect(door.violations).toEqual([]);
    },
  );

  test('A-PG-25: a wrong key, a key of another length, an unknown process: closed without an answer', async () => {
    const { port, outcome, cancels, door } = await gate();
    const entry = cancels.register(2, '127.0.0.1', () => Promise.reject(new Error('must not happen')));
    const guesses: [number, Buffer][] = [
      [entry.processId, Buffer.alloc(32)],
      [entry.processId, entry.key.subarray(0, 4)],
      [entry.processId ^ 1, entry.key],
    ];
    for (const [processId, key] of guesses) {
      const peer = await Peer.connect(port);
      peer.write(messages.encodeCancelRequest(processId, key));
      expect(await outcome()).toBeNull();
      expect((await peer.rest()).length).toBe(0);
    }
    expect(door.violations.map(({ code }) => code)).toEqual(guesses.map(() => 'postgres.cancel-unknown'));
  });
});
