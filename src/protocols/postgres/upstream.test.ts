import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import type { Resource } from '../../core/resource.ts';
import { encodeFatal } from './fatal.ts';
import { Inbox } from './inbox.ts';
import * as limits from './limits.ts';
import * as messages from './messages.ts';
import { readParameters } from './parameters.ts';
import type { Startup } from './startup.ts';
import { certificates, type FakeDoor, fakeDoor, fakeSession, listen, Peer, resource } from './testing.ts';
import { encodeWelcome, openUpstream, type UpstreamReady } from './upstream.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const credential = { username: 'app', password: 'correct horse' };

async function startup(door: FakeDoor, parameters: Record<string, string> = {}): Promise<Startup> {
  const quiet = { handle: () => {} };
  const inbox = new Inbox(quiet, { clock: door.clock, signal: door.signal, bytesMax: limits.earlyBytesMax });
  const sent = new Map(Object.entries({ user: 'engineer+orders', ...parameters }));
  return { inbox, parameters: readParameters(sent), minor: 0, minorRequested: 0, facts: {} };
}

interface Attempt {
  readonly door: FakeDoor;
  readonly sent: Buffer[];
  readonly start: Startup;
  open(): Promise<UpstreamReady>;
}

async function attempt(to: Resource, parameters: Record<string, string> = {}, secret = credential): Promise<Attempt> {
  const door = await fakeDoor();
  const session = fakeSession(to, secret);
  const start = await startup(door, parameters);
  return {
    door,
    sent: session.sent,
    start,
    open: async () => {
      const ready = await openUpstream(session, start, door);
      closers.push(() => ready.upstream.destroy());
      return ready;
    },
  };
}

/** Runs one query over a ready upstream and gives the messages up to ReadyForQuery. */
function query(ready: UpstreamReady, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    ready.handOver({
      read: (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length > 6 && received.at(-6) === 0x5a) resolve(received.toString('latin1'));
      },
      end: () => reject(new Error('end')),
      drain: () => {},
      close: () => reject(new Error('close')),
    });
    ready.upstream.handshake(messages.encodeQuery(text));
  });
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'ready',
    (error: { code: string }) => error.code,
  );

describe('real servers', () => {
  let scram: PostgresServer;
  let md5: PostgresServer;
  let clear: PostgresServer;
  let ca: string;
  beforeAll(async () => {
    const { authority, server } = await certificates();
    ca = authority.cert;
    const account = { user: credential.username, password: credential.password, database: 'orders' };
    const tls = { cert: server.cert, key: server.key, plaintext: true };
    [scram, md5, clear] = await Promise.all([
      startPostgres({ ...account, tls, authentication: 'scram-sha-256' }),
      startPostgres({ ...account, authentication: 'md5', settings: { password_encryption: 'md5' } }),
      startPostgres({ ...account, tls, authentication: 'password' }),
    ]);
  }, 120_000);
  afterAll(() => Promise.all([scram, md5, clear].map((server) => server?.stop())));

  test.each(['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const)(
    'SCRAM with TLS mode %s',
    async (mode) => {
      const { open, door } = await attempt(resource(scram.port, { tls: { mode, ca, serverName: null } }));
      const ready = await open();
      expect(ready.upstream.tls?.version ?? 'none').toBe(mode === 'disable' ? 'none' : 'TLSv1.3');
      expect(ready.parameters).toContainEqual({ parameter: 'client_encoding', value: 'UTF8' });
      expect(ready.cancellable).toBe(true);
      expect(await query(ready, 'SELECT current_user || current_database()')).toContain('apporders');
      expect(door.violations).toEqual([]);
    },
  );

  test('A-PG-07: channel binding required and had', async () => {
    const to = resource(scram.port, {
      tls: { mode: 'verify-full', ca, serverName: null },
      settings: { channel_binding: 'require' },
    });
    const { open, sent } = await attempt(to);
    await open();
    expect(Buffer.concat(sent).toString('latin1')).toContain('SCRAM-SHA-256-PLUS');
  });

  test('A-PG-07: channel binding required and not to be had without TLS', async () => {
    const { open, sent } = await attempt(resource(scram.port, { settings: { channel_binding: 'require' } }));
    expect(await codeOf(open())).toBe('postgres.upstream-authentication');
    expect(sent).toHaveLength(1);
  });

  test('a server of before 3.2 says so and is spoken to in its version', async () => {
    const { open } = await attempt(resource(scram.port));
    const ready = await open();
    expect(ready.minor).toBe(scram.versionText.startsWith('15') ? 0 : 2);
    const pinned = await attempt(resource(scram.port, { settings: { protocol_version: '3.0' } }));
    expect((await pinned.open()).minor).toBe(0);
  });

  test('the client’s parameters are set', async () => {
    const { open } = await attempt(resource(scram.port), { TimeZone: 'Asia/Tokyo', application_name: 'psql' });
    const ready = await open();
    expect(ready.parameters).toContainEqual({ parameter: 'TimeZone', value: 'Asia/Tokyo' });
    expect(ready.parameters).toContainEqual({ parameter: 'application_name', value: 'psql' });
  });

  test('md5, which is allowed unless a resource says otherwise', async () => {
    expect(await codeOf((await attempt(resource(md5.port))).open())).toBe('ready');
  });

  test('A-PG-08: md5 where only SCRAM is allowed: nothing is sent', async () => {
    const { open, sent } = await attempt(resource(md5.port, { settings: { allow_authentication: ['scram-sha-256'] } }));
    expect(await codeOf(open())).toBe('postgres.upstream-authentication');
    expect(sent).toHaveLength(1);
  });

  test('A-PG-08: a password in clear needs leave and TLS', async () => {
    const tls = { mode: 'verify-full', ca, serverName: null } as const;
    const settings = { allow_authentication: ['cleartext'] };
    for (const changes of [{ tls }, { settings }]) {
      const { open, sent } = await attempt(resource(clear.port, changes));
      expect(await codeOf(open())).toBe('postgres.upstream-authentication');
      expect(Buffer.concat(sent).includes(credential.password)).toBe(false);
    }
    expect(await codeOf((await attempt(resource(clear.port, { tls, settings }))).open())).toBe('ready');
  });

  test('a wrong credential: the client learns neither its user nor the server’s words', async () => {
    const { open } = await attempt(resource(scram.port), {}, { username: 'app', password: 'wrong' });
    const error = await open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'postgres.upstream-credential-refused' });
    const shown = encodeFatal(error).toString();
    expect(shown).not.toContain('app"');
    expect(shown).not.toContain('password authentication failed');
    expect(shown).toContain('08004');
  });

  test.each([
    ['3D000', { settings: { database: 'nowhere' } }, {}, 'postgres.upstream-no-database'],
    ['22023', {}, { TimeZone: 'Nowhere/Land' }, 'postgres.upstream-parameter'],
  ])('%s of the server', async (state, changes, parameters, code) => {
    const { open } = await attempt(resource(scram.port, changes), parameters as unknown as Record<string, string>);
    const error = await open().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code });
    expect(encodeFatal(error).toString()).toContain(state);
  });

  test('a database that the client did not mean is refused before anything is dialled', async () => {
    const { open, sent } = await attempt(resource(scram.port), { database: 'payroll' });
    expect(await codeOf(open())).toBe('postgres.other-database');
    expect(sent).toHaveLength(0);
  });

  test.each(['wrongName', 'expired', 'stranger'] as const)(
    'a certificate that is wrong (%s) ends it',
    async (which) => {
      const pair = (await certificates())[which];
      const { port, close } = await listen((socket) => {
        const peer = new Peer(socket);
        peer.take(8).then(
          () => {
            socket.removeAllListeners('data');
            peer.write('S');
            const context = createSecureContext({ cert: pair.cert, key: pair.key });
            new TLSSocket(socket, { isServer: true, secureContext: context }).on('error', () => {}).resume();
          },
          () => {},
        );
      });
      closers.push(close);
      const { open } = await attempt(resource(port, { tls: { mode: 'verify-full', ca, serverName: null } }));
      expect(await codeOf(open())).toBe('postgres.upstream-tls');
    },
  );

  test.each(['disable', 'verify-full'] as const)('cancels what runs, over TLS mode %s', async (mode) => {
    const { open } = await attempt(resource(scram.port, { tls: { mode, ca, serverName: null } }));
    const ready = await open();
    let answered = false;
    const result = query(ready, 'SELECT pg_sleep(60)').finally(() => {
      answered = true;
    });
    // The server forgets a cancel that comes before the query does, and nothing says which was first.
    while (!answered) {
      await ready.cancelUpstream();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await result).toContain('57014');
  });

  test('the welcome tells the gateway’s own key, never the upstream’s (A-PG-25)', async () => {
    const { open } = await attempt(resource(scram.port));
    const ready = await open();
    const welcome = encodeWelcome(ready, { processId: 7, key: Buffer.from('abcd'), release: () => {} });
    expect(welcome.includes(messages.encodeBackendKeyData({ processId: 7, key: Buffer.from('abcd') }))).toBe(true);
    expect(welcome.subarray(-6).toString('latin1')).toBe('Z\0\0\0\x05I');
  });
});

describe('servers that misbehave', () => {
  /** A server that runs `script` for each connection. */
  async function scripted(script: (peer: Peer) => Promise<void>): Promise<number> {
    const { port, close } = await listen((socket) => {
      script(new Peer(socket)).catch(() => socket.destroy());
    });
    closers.push(close);
    return port;
  }

  /** Reads the StartupMessage, then says `answer`. */
  const answering = (...answer: Buffer[]): Promise<number> =>
    scripted(async (peer) => {
      await peer.take((await peer.take(4)).readUInt32BE() - 4);
      peer.write(Buffer.concat(answer));
    });

  const ok = messages.encodeAuthenticationOk();
  const utf8 = messages.encodeParameterStatus({ parameter: 'client_encoding', value: 'UTF8' });
  const key = messages.encodeBackendKeyData({ processId: 1, key: Buffer.from('abcd') });
  const ready = messages.encodeReadyForQuery('I');

  test('trust is accepted, a server without cancel keys, too, and bytes behind ReadyForQuery are handed over', async () => {
    const notice = messages.encodeNoticeResponse({ severity: 'WARNING', code: '01000', message: 'collation' });
    const later = messages.encodeNotificationResponse({ processId: 1, channel: 'c', payload: 'p' });
    const { open } = await attempt(resource(await answering(notice, ok, utf8, ready, later)));
    const result = await open();
    expect(result.cancellable).toBe(false);
    expect(result.notices).toEqual([notice]);
    await result.cancelUpstream();
    const rest = await new Promise<Buffer>((resolve) =>
      result.handOver({ read: resolve, end: () => {}, drain: () => {}, close: () => {} }),
    );
    expect(rest).toEqual(later);
  });

  test('A-PG-02: S with bytes behind it destroys the connection', async () => {
    let gone = false;
    const port = await scripted(async (peer) => {
      await peer.take(8);
      peer.write(Buffer.concat([Buffer.from('S'), ok, utf8, ready]));
      await peer.rest();
      gone = true;
    });
    const { open, door, sent } = await attempt(
      resource(port, { tls: { mode: 'require', ca: null, serverName: null } }),
    );
    expect(await codeOf(open())).toBe('postgres.upstream-protocol');
    expect(sent).toHaveLength(1);
    expect(door.violations).toMatchObject([{ side: 'upstream' }]);
    await expect.poll(() => gone).toBe(true);
  });

  test.each([
    ['N', 'require', 'postgres.upstream-tls'],
    ['E', 'prefer', 'postgres.upstream-tls'],
    ['x', 'verify-full', 'postgres.upstream-tls'],
  ] as const)('SSLRequest answered %s in mode %s: no StartupMessage follows', async (answer, mode, code) => {
    const port = await scripted(async (peer) => {
      await peer.take(8);
      peer.write(answer);
      await peer.rest();
    });
    const { open, sent } = await attempt(resource(port, { tls: { mode, ca: null, serverName: null } }));
    expect(await codeOf(open())).toBe(code);
    expect(sent).toHaveLength(1);
  });

  const sasl = messages.encodeAuthenticationSASL(['SCRAM-SHA-256']);
  const error = (code: string): Buffer =>
    messages.encodeErrorResponse({ severity: 'FATAL', code, message: 'secret words' });
  const negotiate = (minor: number, unknownOptions: string[] = []): Buffer =>
    messages.encodeNegotiateProtocolVersion({ minor, unknownOptions });

  test.each<[string, Buffer[], string]>([
    ['A-PG-08: demands GSSAPI', [Buffer.from('R\0\0\0\x08\0\0\0\x07', 'latin1')], 'postgres.upstream-authentication'],
    [
      'A-PG-08: demands cleartext',
      [messages.encodeAuthenticationCleartextPassword()],
      'postgres.upstream-authentication',
    ],
    [
      'offers unknown mechanisms only',
      [messages.encodeAuthenticationSASL(['OAUTHBEARER'])],
      'postgres.upstream-authentication',
    ],
    ['skips its proof', [sasl, ok], 'postgres.upstream-protocol'],
    [
      'sends a proof that is none',
      [sasl, messages.encodeAuthenticationSASLContinue(Buffer.from('x'))],
      'postgres.upstream-protocol',
    ],
    ['authenticates twice', [ok, ok], 'postgres.upstream-protocol'],
    ['A-PG-27: sends a DataRow', [ok, messages.encodeDataRow(['x'])], 'postgres.upstream-protocol'],
    ['A-PG-27: sends BackendKeyData twice', [ok, utf8, key, key, ready], 'postgres.upstream-protocol'],
    [
      'A-PG-27: sends too many ParameterStatus',
      [ok, ...Array.from({ length: limits.startParameterStatusMax + 1 }, () => utf8)],
      'postgres.upstream-protocol',
    ],
    [
      'A-PG-27: sends notices without end',
      [
        ok,
        ...Array.from({ length: 40 }, () =>
          messages.encodeNoticeResponse({ severity: 'NOTICE', code: '00000', message: 'x'.repeat(60_000) }),
        ),
      ],
      'postgres.upstream-protocol',
    ],
    ['A-PG-27: sends an error without SQLSTATE', [Buffer.from('E\0\0\0\x05\0', 'latin1')], 'postgres.upstream-refused'],
    [
      'A-PG-27: sends an error that lies about its fields',
      [Buffer.from('E\0\0\0\x07Cxx', 'latin1')],
      'postgres.upstream-protocol',
    ],
    ['A-PG-09: sends a length of 2 GiB', [Buffer.from('S\x7f\xff\xff\xff', 'latin1')], 'postgres.upstream-protocol'],
    ['A-PG-09: sends a length of 3', [Buffer.from('S\0\0\0\x03', 'latin1')], 'postgres.upstream-protocol'],
    ['speaks HTTP', [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'postgres.upstream-protocol'],
    ['negotiates upwards', [negotiate(3), ok, utf8, ready], 'postgres.upstream-protocol'],
    ['negotiates twice', [negotiate(0), negotiate(0), ok, utf8, ready], 'postgres.upstream-protocol'],
    [
      'negotiates options that nobody asked for',
      [negotiate(0, ['_pq_.x']), ok, utf8, ready],
      'postgres.upstream-protocol',
    ],
    [
      'A-PG-12: has another encoding',
      [ok, messages.encodeParameterStatus({ parameter: 'client_encoding', value: 'SJIS' }), ready],
      'postgres.upstream-encoding',
    ],
    ['A-PG-12: does not say its encoding', [ok, ready], 'postgres.upstream-encoding'],
    ['is in a transaction already', [ok, utf8, messages.encodeReadyForQuery('T')], 'postgres.upstream-protocol'],
    ['53300', [error('53300')], 'postgres.upstream-full'],
    ['57P03', [error('57P03')], 'postgres.upstream-unavailable'],
    ['28000', [error('28000')], 'postgres.upstream-credential-refused'],
    ['XX000', [ok, error('XX000')], 'postgres.upstream-refused'],
  ])('%s', async (_what, answer, code) => {
    const { open, sent, start } = await attempt(resource(await answering(...answer)));
    const failure = await open().catch((reason: unknown) => reason);
    expect(failure).toMatchObject({ code });
    expect(encodeFatal(failure).toString()).not.toContain('secret words');
    expect(Buffer.concat(sent).includes(credential.password)).toBe(false);
    expect(start.inbox.failure).toBeNull();
  });

  test('A-PG-27: a server that agrees to TLS and then says nothing is given up when the client leaves', async () => {
    let hello = 0;
    let gone = false;
    const port = await scripted(async (peer) => {
      await peer.take(8);
      peer.write('S');
      hello = (await peer.take(1)).length;
      await peer.rest();
      gone = true;
    });
    const { open, start } = await attempt(resource(port, { tls: { mode: 'require', ca: null, serverName: null } }));
    const opening = codeOf(open());
    await expect.poll(() => hello).toBe(1);
    start.inbox.close(null);
    expect(await opening).toBe('postgres.upstream-tls');
    await expect.poll(() => gone).toBe(true);
  });

  test('a server that never answers is given up when the client leaves', async () => {
    const { open, start } = await attempt(resource(await scripted(async (peer) => void (await peer.rest()))));
    const result = codeOf(open());
    await new Promise((resolve) => setTimeout(resolve, 20));
    start.inbox.close(null);
    expect(await result).toBe('core.upstream-unreachable');
  });

  test('a server that closes at once', async () => {
    const { open } = await attempt(resource(await scripted(async (peer) => void peer.socket.destroy())));
    expect(await codeOf(open())).toBe('core.upstream-unreachable');
  });

  test('a credential that is not there', async () => {
    const door = await fakeDoor();
    const session = fakeSession(resource(await answering(ok, utf8, ready)), null);
    expect(await codeOf(openUpstream(session, await startup(door), door))).toBe('core.credential-unavailable');
  });
});
