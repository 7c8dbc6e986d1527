/** The attacks A-SSH-01 to 09 of the list, by peers that break the rules. Those on channels: `channel-attacks.test.ts`. */
import { describe, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import { SocketWire } from '../../../base/wire.ts';
import { needsStrictKex } from './algorithms.ts';
import {
  Attacker,
  attackingServer,
  channelOpen,
  channelRequest,
  dialAttacker,
  kexInit,
  RawPeer,
} from './attacker-testing.ts';
import { SshReader, SshWriter } from './bytes.ts';
import {
  connectSsh,
  generateKeyText,
  privateKeyFromText,
  type SshAuthRequest,
  type SshPrivateKey,
  signCertificate,
} from './index.ts';
import * as limits from './limits.ts';
import * as codec from './login-messages.ts';
import { message } from './messages.ts';
import { readKexInit } from './negotiation.ts';
import { byAnything, startTestServer, type TestServer, type TestServerOptions } from './transport-testing.ts';

async function withServer(options: TestServerOptions, run: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startTestServer(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

const unexpected = { code: 'ssh.message-unexpected', kind: 'protocol' };
const nothing: Buffer = Buffer.alloc(0);

/** Reads the reason that the peer was given. */
async function toldReason(attacker: Attacker): Promise<string> {
  const reason = await attacker.closed;
  return reason?.detail ?? '';
}

describe('A-SSH-01 nothing before the login', () => {
  const early: [string, () => Buffer][] = [
    ['channel open', () => channelOpen(0)],
    ['exec', () => channelRequest(0, 'exec', true, new SshWriter().string('id').finish())],
    [
      'global request',
      () => new SshWriter().uint8(80).string('tcpip-forward').boolean(true).string('').uint32(0).finish(),
    ],
    ['USERAUTH_SUCCESS from the client', () => Buffer.from([message.USERAUTH_SUCCESS])],
    ['the service ssh-connection', () => new SshWriter().uint8(5).string('ssh-connection').finish()],
    ['answers to no prompt', () => codec.encodeInfoResponse([])],
    ['ping', () => new SshWriter().uint8(message.PING).string('x').finish()],
    ['an unknown message', () => Buffer.from([250])],
    ['a message of the key exchange', () => Buffer.from([message.NEWKEYS])],
    ['an empty message', () => nothing],
  ];
  test.each(early)('%s, before and after the service is there', async (_name, payload) => {
    for (const isAsked of [false, true]) {
      await withServer({ authenticate: byAnything, open: () => expect.unreachable() }, async (server) => {
        const attacker = await dialAttacker(server.port);
        if (isAsked) await attacker.askService();
        else await attacker.ready;
        attacker.send(payload());
        expect(await server.closed()).toMatchObject({ kind: 'protocol' });
        // Reason 2, protocol error, said to the peer before the end.
        expect(await toldReason(attacker)).toMatch(/^reason 2:/);
        expect(server.connections[0]!.authenticated).toBe(false);
      });
    }
  });

  test('a login that is going on does not open the door for the message behind it', () => {
    const decided = Promise.withResolvers<{ kind: 'accept' }>();
    return withServer({ authenticate: () => decided.promise, open: () => expect.unreachable() }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      attacker.send(codec.encodeNone('e'), channelOpen(0));
      expect(await server.closed()).toMatchObject(unexpected);
      decided.resolve({ kind: 'accept' });
    });
  });

  test('a server that says success before it was asked, or opens a channel early', async () => {
    for (const payload of [
      Buffer.from([message.USERAUTH_SUCCESS]),
      channelOpen(0, 1, 1, 'x11'),
      codec.encodeFailure([], false),
    ]) {
      const evil = await attackingServer();
      try {
        const wire = await SocketWire.dial('127.0.0.1', evil.port, AbortSignal.timeout(5000));
        const connection = connectSsh(wire, {
          user: 'root',
          credentials: [{ method: 'password', password: 'secret' }],
          verifyHostKey: () => true,
          handler: { open: () => expect.unreachable(), close: () => {} },
          clock: systemClock,
          log: silentLog,
        });
        const attacker = await evil.attacker;
        await attacker.ready;
        attacker.send(payload);
        await expect(connection).rejects.toMatchObject(unexpected);
        expect(attacker.count(message.USERAUTH_REQUEST)).toBe(0);
      } finally {
        evil.stop();
      }
    }
  });

  test('after the login, messages of the login end the connection', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.logIn();
      // A late request is to be ignored (RFC 4252, 5.1), anything else is not.
      attacker.send(codec.encodeNone('e'), Buffer.from([message.USERAUTH_SUCCESS]));
      expect(await server.closed()).toMatchObject(unexpected);
    }));
});

const alice = privateKeyFromText(generateKeyText('ed25519'));
const bob = privateKeyFromText(generateKeyText('ecdsa'));
const rsa = privateKeyFromText(generateKeyText('rsa'));

function offer(user: string, key: SshPrivateKey, algorithm = key.algorithms[0]!): Buffer {
  return new SshWriter()
    .uint8(message.USERAUTH_REQUEST)
    .string(user)
    .string(codec.connectionService)
    .string('publickey')
    .boolean(false)
    .string(algorithm)
    .string(key.publicKey.blob)
    .finish();
}

interface Forged {
  readonly sessionId?: Buffer;
  readonly signedUser?: string;
  readonly signedAlgorithm?: string;
  readonly wireAlgorithm?: string;
  readonly signer?: SshPrivateKey;
  readonly blob?: Buffer;
}

function proof(attacker: Attacker, user: string, key: SshPrivateKey, forged: Forged = {}): Buffer {
  const algorithm = key.algorithms[0]!;
  const blob = forged.blob ?? key.publicKey.blob;
  const signed = codec.encodePublicKeyPart(forged.signedUser ?? user, forged.signedAlgorithm ?? algorithm, blob);
  const signer = forged.signer ?? key;
  const data = codec.signedData(forged.sessionId ?? attacker.transport.sessionId, signed);
  const signature = signer.sign(data, signer.algorithms[0]!);
  const part = codec.encodePublicKeyPart(user, forged.wireAlgorithm ?? algorithm, blob);
  return new SshWriter(part.length + 600).raw(part).string(signature).finish();
}

async function byKey(request: SshAuthRequest) {
  return { kind: request.method.startsWith('publickey') ? 'accept' : 'reject' } as const;
}

describe('keys', () => {
  test('A-SSH-02 an offer is answered by PK_OK with the algorithm that was offered, and opens nothing', () =>
    withServer({ authenticate: byKey, open: () => expect.unreachable() }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      for (const [key, algorithm] of [
        [alice, 'ssh-ed25519'],
        [rsa, 'rsa-sha2-256'],
        [rsa, 'rsa-sha2-512'],
      ] as const) {
        attacker.send(offer('e', key, algorithm));
        const answer = new SshReader(await attacker.take(message.USERAUTH_PK_OK), 1);
        expect(answer.name(64)).toBe(algorithm);
        expect(answer.string(1024).equals(key.publicKey.blob)).toBe(true);
      }
      attacker.send(channelOpen(0));
      expect(await server.closed()).toMatchObject(unexpected);
      expect(server.auths.map(({ method }) => method)).toEqual(Array(3).fill('publickey-offer'));
    }));

  test('A-SSH-03 the key that signed is the key that is named, whatever was offered before', () =>
    withServer({ authenticate: byKey }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      attacker.send(offer('e', alice), offer('e', bob), proof(attacker, 'e', alice));
      await attacker.take(message.USERAUTH_SUCCESS);
      expect(server.auths.at(-1)).toMatchObject({
        method: 'publickey-proof',
        key: { fingerprint: alice.publicKey.fingerprint },
      });
    }));

  const forgeries: [string, Forged][] = [
    ['over another session', { sessionId: Buffer.alloc(32, 1) }],
    ['over another user', { signedUser: 'root' }],
    ['over another algorithm', { signedAlgorithm: 'ssh-rsa' }],
    ['by another key', { signer: privateKeyFromText(generateKeyText('ed25519')) }],
    ['under SHA-1', { wireAlgorithm: 'ssh-rsa' }],
    ['under an algorithm that is not the key’s', { wireAlgorithm: 'rsa-sha2-512' }],
    ['under the name of a certificate', { wireAlgorithm: 'ssh-ed25519-cert-v01@openssh.com' }],
    ['with no algorithm', { wireAlgorithm: '' }],
  ];
  test.each(forgeries)('A-SSH-04 a signature %s is refused', (_name, forged) =>
    withServer({ authenticate: byKey }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      attacker.send(proof(attacker, 'e', alice, forged));
      await attacker.take(message.USERAUTH_FAILURE);
      expect(server.auths).toEqual([]);
      expect(server.failures).toHaveLength(1);
      attacker.transport.destroy(null);
    }),
  );

  test('A-SSH-04 an RSA key of 1024 bits, a curve point that is none, a certificate that nobody signed', () =>
    withServer({ authenticate: byKey, limits: { attemptsMax: 100 } }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      const short = new SshWriter()
        .string('ssh-rsa')
        .mpint(Buffer.from([1, 0, 1]))
        .mpint(Buffer.alloc(128, 0xff))
        .finish();
      const point = new SshWriter()
        .string('ecdsa-sha2-nistp256')
        .string('nistp256')
        .string(Buffer.alloc(65, 4))
        .finish();
      const request = {
        key: alice.publicKey,
        serial: 1n,
        keyId: 'x',
        principals: ['e'],
        validAfter: 0,
        validBefore: 2 ** 32,
      };
      const certificate = signCertificate(request, bob);
      certificate[certificate.length - 3]! ^= 1;
      const cases: [string, Buffer][] = [
        ['rsa-sha2-512', short],
        ['ecdsa-sha2-nistp256', point],
        ['ssh-ed25519-cert-v01@openssh.com', certificate],
        ['ssh-ed25519', nothing],
        ['ssh-ed25519', Buffer.alloc(3)],
      ];
      for (const [algorithm, blob] of cases) {
        const part = codec.encodePublicKeyPart('e', algorithm, blob);
        attacker.send(new SshWriter(part.length + 8).raw(part).string(nothing).finish());
        await attacker.take(message.USERAUTH_FAILURE);
      }
      expect(server.auths).toEqual([]);
      attacker.transport.destroy(null);
    }));

  test('A-SSH-05 another user name ends the connection', () =>
    withServer({}, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      attacker.send(codec.encodePassword('alice', 'x'));
      await attacker.take(message.USERAUTH_FAILURE);
      attacker.send(codec.encodePassword('bob', 'x'));
      expect(await server.closed()).toMatchObject({ code: 'ssh.user-changed' });
    }));
});

describe('A-SSH-06 tries and silence', () => {
  test('ten thousand attempts: six are heard', () =>
    withServer({}, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      for (let n = 0; n < 10_000 && !attacker.transport.closed; n++) {
        attacker.send(codec.encodePassword('e', `guess ${n}`));
        await Promise.race([attacker.take(message.USERAUTH_FAILURE).catch(() => {}), attacker.closed]);
      }
      expect(await server.closed()).toMatchObject({ code: 'ssh.too-many-attempts' });
      expect(server.auths).toHaveLength(limits.defaultLimits.attemptsMax);
    }));

  test('offers without end, though each would do', () =>
    withServer({ authenticate: byKey }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      for (let n = 0; n <= limits.loginRequestsMax && !attacker.transport.closed; n++) {
        attacker.send(offer('e', alice));
        await attacker.take(message.USERAUTH_PK_OK).catch(() => {});
      }
      expect(await server.closed()).toMatchObject({ code: 'ssh.too-many-attempts' });
      expect(server.auths).toHaveLength(limits.loginRequestsMax);
    }));

  test('requests without waiting for answers', () => {
    const forever = new Promise<never>(() => {});
    return withServer({ authenticate: () => forever }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      for (let n = 0; n < 10; n++) attacker.send(codec.encodePassword('e', 'x'));
      expect(await server.closed()).toMatchObject({ code: 'ssh.too-much-waiting' });
      expect(server.auths).toHaveLength(1);
    });
  });

  test('silence after the banner, after the key exchange, and while a browser is waited for', async () => {
    const clock = new FakeClock();
    await withServer({ clock }, async (server) => {
      const peer = new RawPeer(server.port);
      await new Promise((resolve) => peer.socket.once('data', resolve));
      clock.advance(limits.defaultLimits.kexMs);
      expect(await server.closed(0)).toMatchObject({ code: expect.stringMatching(/kex-deadline|grace-over/) });
      await peer.closed;
      const attacker = await dialAttacker(server.port);
      await attacker.ready;
      clock.advance(limits.defaultLimits.graceMs - 1);
      expect(server.connections[1]!.closed).toBe(false);
      clock.advance(1);
      expect(await server.closed(1)).toMatchObject({ code: 'ssh.grace-over' });
    });
    const waiting = Promise.withResolvers<(milliseconds: number) => void>();
    const authenticate: TestServerOptions['authenticate'] = (_request, context) => {
      waiting.resolve((milliseconds) => context.extendGrace(milliseconds));
      return new Promise((_resolve, reject) =>
        context.signal.addEventListener('abort', () => reject(context.signal.reason)),
      );
    };
    await withServer({ clock, authenticate }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      attacker.send(codec.encodeKeyboardInteractive('e'));
      (await waiting.promise)(300_000);
      clock.advance(299_999);
      expect(server.connections[0]!.closed).toBe(false);
      clock.advance(1);
      expect(await server.closed()).toMatchObject({ code: 'ssh.grace-over' });
    });
  });

  test('packets that ask for nothing are few before the login', () =>
    withServer({}, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.ready;
      const ignore = new SshWriter().uint8(message.IGNORE).string('').finish();
      for (let n = 0; n <= limits.idlePacketsMax; n++) attacker.send(ignore);
      expect(await server.closed()).toMatchObject(unexpected);
    }));

  test('a long message before the login', () =>
    withServer({}, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.askService();
      attacker.send(Buffer.concat([codec.encodeNone('e'), Buffer.alloc(limits.unauthenticatedMessageBytesMax)]));
      expect(await server.closed()).toMatchObject({ code: 'ssh.message-malformed' });
    }));
});

const plain = { kex: ['curve25519-sha256'], ciphers: ['aes128-gcm@openssh.com'] };

describe('A-SSH-07 strict key exchange', () => {
  test('a peer without it is offered nothing that needs it', () =>
    withServer({}, async (server) => {
      const peer = new RawPeer(server.port);
      peer.send('SSH-2.0-OpenSSH_7.4\r\n');
      peer.packet(
        kexInit({
          ...plain,
          ciphers: ['chacha20-poly1305@openssh.com', 'aes128-ctr'],
          macs: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-256'],
        }),
      );
      const ours = readKexInit(Buffer.from(await peer.take(message.KEXINIT)));
      expect([...ours.ciphers.flat(), ...ours.macs.flat()].filter(needsStrictKex)).toEqual([]);
      expect(ours.ciphers[0]).toContain('aes128-ctr');
      expect(server.connections[0]!.closed).toBe(false);
      peer.socket.destroy();
    }));

  test.each([
    ['chacha20', ['chacha20-poly1305@openssh.com'], ['hmac-sha2-256']],
    ['encrypt-then-MAC', ['aes128-ctr'], ['hmac-sha2-256-etm@openssh.com']],
  ])('a peer without it that has nothing but %s is refused', (_name, ciphers, macs) =>
    withServer({}, async (server) => {
      for (const software of ['OpenSSH_7.4', 'OpenSSH_9.9']) {
        const peer = new RawPeer(server.port);
        peer.send(`SSH-2.0-${software}\r\n`);
        // The latter is known to be strict, got the whole list at once, and is found not to be.
        peer.packet(kexInit({ ...plain, ciphers, macs }));
        await peer.closed;
      }
      expect(server.closes[0]).toMatchObject({ code: 'ssh.no-common-algorithm' });
      expect(server.closes[1]).toMatchObject({ code: 'ssh.strict-kex-required' });
    }),
  );

  const strict = { ...plain, kex: ['curve25519-sha256', 'kex-strict-c-v00@openssh.com'] };
  test('a packet before KEXINIT, or among the key exchange, ends a strict one', async () => {
    const ignore = new SshWriter().uint8(message.IGNORE).string('x').finish();
    const orders: Buffer[][] = [
      [ignore, kexInit(strict)],
      [kexInit(strict), ignore],
      [kexInit(strict), kexInit(strict)],
      [kexInit(strict), new SshWriter().uint8(message.SERVICE_REQUEST).string('ssh-userauth').finish()],
      [new SshWriter().uint8(message.KEXDH_INIT).string(Buffer.alloc(32, 9)).finish()],
      [Buffer.from([message.NEWKEYS])],
      [kexInit(strict), Buffer.from([message.NEWKEYS])],
    ];
    for (const order of orders) {
      await withServer({}, async (server) => {
        const peer = new RawPeer(server.port);
        peer.send('SSH-2.0-x\r\n');
        for (const payload of order) peer.packet(payload);
        expect(await server.closed()).toMatchObject({ code: expect.stringMatching(/message-unexpected|kex-failed/) });
        await peer.closed;
      });
    }
  });

  test('a key of nothing: X25519 with a point of low order, a wrong length', async () => {
    for (const point of [Buffer.alloc(32), Buffer.alloc(31, 9), Buffer.alloc(0), Buffer.alloc(2000, 9)]) {
      for (const kex of [
        'curve25519-sha256',
        'mlkem768x25519-sha256',
        'ecdh-sha2-nistp256',
        'diffie-hellman-group14-sha256',
      ]) {
        await withServer({}, async (server) => {
          const peer = new RawPeer(server.port);
          peer.send('SSH-2.0-x\r\n');
          peer.packet(kexInit({ ...plain, kex: [kex] }));
          // Any number of up to 2048 bits but 0, 1 and p-1 is a key for the group.
          const isGroupKey = kex.startsWith('diffie') && point.length === 31;
          peer.packet(new SshWriter().uint8(message.KEXDH_INIT).string(point).finish());
          if (isGroupKey) await peer.take(message.KEXDH_REPLY);
          else expect(await server.closed()).toMatchObject({ kind: 'protocol' });
          peer.socket.destroy();
        });
      }
    }
  });
});

describe('A-SSH-08 lengths', () => {
  test('an identification without an end: 8 KiB, 1024 times', () =>
    withServer({}, async (server) => {
      const peer = new RawPeer(server.port);
      for (let n = 0; n < 1024 && !peer.socket.destroyed; n++) {
        peer.send(Buffer.alloc(8192, 0x41));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await server.closed()).toMatchObject({ code: 'ssh.not-ssh' });
      expect(server.connections[0]!.bytesRead).toBeLessThan(1024 * 1024);
      await peer.closed;
    }));

  test('an identification byte by byte is read; 255 bytes are, 256 are not', async () => {
    for (const [length, fits] of [
      [255, true],
      [256, false],
    ] as const) {
      await withServer({}, async (server) => {
        const peer = new RawPeer(server.port);
        const line = `SSH-2.0-${'x'.repeat(length - 10)}\r\n`;
        expect(line).toHaveLength(length);
        for (const byte of Buffer.from(line)) {
          peer.send(Buffer.from([byte]));
          await new Promise((resolve) => setImmediate(resolve));
        }
        peer.packet(kexInit(plain));
        if (fits) await peer.take(message.KEXINIT);
        else expect(await server.closed()).toMatchObject({ code: 'ssh.not-ssh' });
        peer.socket.destroy();
      });
    }
  });

  test.each(['HTTP/1.1 GET /\r\n', 'SSH-1.5-old\r\n', 'SSH-2.0-\r\n', 'SSH-2.0-a\0b\r\n', '\r\n', 'SSH-2.0-ä\r\n'])(
    'what is no identification: %j',
    (line) =>
      withServer({}, async (server) => {
        const peer = new RawPeer(server.port);
        peer.send(Buffer.from(line));
        expect(await server.closed()).toMatchObject({ code: 'ssh.not-ssh' });
      }),
  );

  const packets: [string, Buffer][] = [
    ['35001', Buffer.from([0, 0, 0x88, 0xb9, 4])],
    ['2^32-1', Buffer.from([255, 255, 255, 255, 4])],
    ['0', Buffer.from([0, 0, 0, 0, 4])],
    ['padding beyond the packet', Buffer.from([0, 0, 0, 12, 200, ...Array(11).fill(0)])],
    ['not a multiple of the block', Buffer.from([0, 0, 0, 13, 4, ...Array(12).fill(0)])],
    ['an empty payload', Buffer.from([0, 0, 0, 12, 11, ...Array(11).fill(0)])],
  ];
  test.each(packets)('a packet of length %s', (_name, bytes) =>
    withServer({}, async (server) => {
      const peer = new RawPeer(server.port);
      peer.send('SSH-2.0-x\r\n');
      peer.send(bytes);
      expect(await server.closed()).toMatchObject({ kind: 'protocol' });
      await peer.closed;
    }),
  );

  test('a KEXINIT that is cut off anywhere, or goes on', () =>
    withServer({}, async (server) => {
      const whole = kexInit(plain);
      const cuts = [17, 20, 40, whole.length - 6, whole.length - 1];
      for (const payload of [...cuts.map((at) => whole.subarray(0, at)), Buffer.concat([whole, Buffer.alloc(9)])]) {
        const peer = new RawPeer(server.port);
        peer.send('SSH-2.0-x\r\n');
        peer.packet(payload);
        await peer.closed;
        expect(server.closes.at(-1)).toMatchObject({ kind: 'protocol' });
      }
    }));

  test('noise after the key exchange', () =>
    withServer({}, async (server) => {
      const wire = await SocketWire.dial('127.0.0.1', server.port, AbortSignal.timeout(5000));
      const attacker = new Attacker(wire, 'client');
      await attacker.askService();
      wire.write(Buffer.alloc(64, 7));
      expect(await server.closed()).toMatchObject({ code: 'ssh.packet-invalid' });
    }));

  test('random mutations of an orderly start never do anything but end the connection (seeded)', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      let state = 20_261_121;
      const random = (below: number): number => {
        state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
        return state % below;
      };
      for (let round = 0; round < 60; round++) {
        const peer = new RawPeer(server.port);
        const bytes = Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), Buffer.from(kexInit(plain)), Buffer.alloc(64)]);
        for (let n = 0; n < 4; n++) bytes[random(bytes.length)] = random(256);
        peer.send(bytes);
        peer.socket.end();
        await peer.closed;
      }
      expect(server.closes.every((reason) => reason !== null && reason.kind !== 'assertion')).toBe(true);
    }));
});

describe('A-SSH-09 key exchanges', () => {
  test('one that is begun and never finished, at the start and later', async () => {
    const clock = new FakeClock();
    await withServer({ clock, authenticate: byAnything }, async (server) => {
      const peer = new RawPeer(server.port);
      peer.send('SSH-2.0-x\r\n');
      peer.packet(kexInit(plain));
      await peer.take(message.KEXINIT);
      clock.advance(limits.defaultLimits.kexMs);
      await peer.closed;
      expect(server.closes[0]).toMatchObject({ code: expect.stringMatching(/kex-deadline|grace-over/) });
      const wire = await SocketWire.dial('127.0.0.1', server.port, AbortSignal.timeout(5000));
      const attacker = new Attacker(wire, 'client');
      await attacker.logIn();
      // It sends its KEXINIT and then nothing, whatever comes.
      wire.pause();
      attacker.send(Buffer.from(kexInit({ ...plain, kex: ['curve25519-sha256', 'kex-strict-c-v00@openssh.com'] })));
      await new Promise((resolve) => setTimeout(resolve, 50));
      clock.advance(limits.defaultLimits.kexMs);
      expect(await server.closed(1)).toMatchObject({ code: 'ssh.kex-deadline' });
    });
  });

  test('a storm of them', () =>
    withServer({ authenticate: byAnything, clock: new FakeClock() }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.logIn();
      while (!attacker.transport.closed) {
        attacker.transport.rekey();
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await server.closed()).toMatchObject({ code: 'ssh.kex-storm' });
    }));

  test('keys are changed after an hour, by us; a peer that does not take it up is left after ten minutes', async () => {
    const clock = new FakeClock();
    await withServer({ clock, authenticate: byAnything }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.logIn();
      const id = attacker.transport.sessionId;
      clock.advance(limits.defaultLimits.rekeyMs);
      void server.connections[0]!.ping().catch(() => {});
      expect(await attacker.openSession(0)).toBe(0);
      expect(attacker.transport.exchanges).toBe(2);
      expect(attacker.transport.sessionId.equals(id)).toBe(true);
      const wire = await SocketWire.dial('127.0.0.1', server.port, AbortSignal.timeout(5000));
      const deaf = new Attacker(wire, 'client');
      await deaf.logIn();
      wire.pause();
      server.connections[1]!.rekey();
      clock.advance(limits.defaultLimits.kexAnswerMs);
      expect(await server.closed(1)).toMatchObject({ code: 'ssh.kex-deadline' });
      wire.destroy();
    });
  });
});
