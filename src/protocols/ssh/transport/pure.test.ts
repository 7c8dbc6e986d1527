/** The parts without I/O: encodings, keys, certificates, requests, negotiation, identification. */
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../base/clock.ts';
import { signatureAlgorithms } from './algorithms.ts';
import { SshReader, SshWriter } from './bytes.ts';
import { IdentReader } from './ident.ts';
import {
  certificateFault,
  echoes,
  generateKeyText,
  privateKeyFrom,
  privateKeyFromText,
  publicKeyFrom,
  publicKeyFromText,
  publicKeyToText,
  readCertificate,
  type SshChannelRequest,
  type SshGlobalRequest,
  signCertificate,
  terminalMode,
} from './index.ts';
import { KexPace } from './kex-pace.ts';
import { verifySignature } from './keys.ts';
import * as limits from './limits.ts';
import { choose, type KexInitMessage, ourLists } from './negotiation.ts';
import { isAuthenticating } from './patch.ts';
import { AskedReplies, OwedReplies } from './replies.ts';
import {
  decodeChannelOpen,
  decodeChannelRequest,
  decodeGlobalRequest,
  encodeChannelOpen,
  encodeChannelRequest,
  encodeGlobalRequest,
} from './requests.ts';
import { decodeTerminalModes, encodeTerminalModes } from './terminal-modes.ts';

const bytes = (max = 64) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array));
const port = fc.integer({ min: 0, max: 65_535 });
const endpoint = fc.record({ host: fc.string({ maxLength: 60 }), port });
const cell = fc.integer({ min: 1, max: limits.ptyCellsMax });
const pixels = fc.integer({ min: 0, max: limits.ptyPixelsMax });
const size = fc.record({ columns: cell, rows: cell, widthPixels: pixels, heightPixels: pixels });
const word = fc.string({ maxLength: 40 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const kind = <K extends string>(name: K) => fc.constant(name);

describe('requests there and back', () => {
  const modes = fc
    .array(fc.tuple(fc.integer({ min: 1, max: 159 }), uint32), { maxLength: 20 })
    .map((entries) => new Map(entries));
  const request: fc.Arbitrary<SshChannelRequest> = fc.oneof(
    fc.tuple(size, word, modes).map(([s, term, m]) => ({ kind: 'pty-req' as const, ...s, term, modes: m })),
    size.map((s) => ({ kind: 'window-change' as const, ...s })),
    fc.record({ kind: kind('env'), name: word, value: bytes() }),
    fc.record({ kind: kind('exec'), command: bytes() }),
    fc.record({ kind: kind('subsystem'), name: word }),
    fc.record({ kind: kind('signal'), name: word }),
    fc.record({ kind: kind('break'), lengthMs: uint32 }),
    fc.record({ kind: kind('x11-req'), singleConnection: fc.boolean(), protocol: word, cookie: word, screen: uint32 }),
    fc.record({ kind: kind('xon-xoff'), clientCanDo: fc.boolean() }),
    fc.record({ kind: kind('exit-status'), code: uint32 }),
    fc.record({ kind: kind('exit-signal'), signal: word, coreDumped: fc.boolean(), message: word }),
    fc.record({ kind: kind('unknown'), name: kind('something@example.com'), data: bytes() }),
    fc.constantFrom<SshChannelRequest>(
      { kind: 'shell' },
      { kind: 'auth-agent-req@openssh.com' },
      { kind: 'eow@openssh.com' },
      { kind: 'keepalive@openssh.com' },
    ),
  );
  test('channel requests', () => {
    fc.assert(
      fc.property(request, (value) => {
        const { name, data } = encodeChannelRequest(value);
        expect(decodeChannelRequest(name, data)).toEqual(value);
      }),
    );
  });

  test('what is cut off, or goes on, is malformed', () => {
    fc.assert(
      fc.property(request, fc.nat(), (value, cut) => {
        const { name, data } = encodeChannelRequest(value);
        if (value.kind === 'unknown') return;
        expect(() => decodeChannelRequest(name, Buffer.concat([data, Buffer.from([0])]))).toThrow(/message-malformed/);
        if (data.length === 0) return;
        expect(() => decodeChannelRequest(name, data.subarray(0, cut % data.length))).toThrow(/message-malformed/);
      }),
    );
  });

  test('channel opens and global requests', () => {
    const open = fc.oneof(
      fc.record({ kind: kind('direct-tcpip'), target: endpoint, origin: endpoint }),
      fc.record({ kind: kind('forwarded-tcpip'), bound: endpoint, origin: endpoint }),
      fc.record({ kind: kind('direct-streamlocal@openssh.com'), path: word }),
      fc.record({ kind: kind('forwarded-streamlocal@openssh.com'), path: word }),
      fc.record({ kind: kind('x11'), origin: endpoint }),
      fc.record({ kind: kind('session') }),
      fc.record({ kind: kind('auth-agent@openssh.com') }),
    );
    fc.assert(
      fc.property(open, (value) => {
        expect(decodeChannelOpen(value.kind, encodeChannelOpen(value))).toEqual(value);
      }),
    );
    const global: fc.Arbitrary<SshGlobalRequest> = fc.oneof(
      fc.record({ kind: kind('tcpip-forward'), bind: endpoint }),
      fc.record({ kind: kind('cancel-tcpip-forward'), bind: endpoint }),
      fc.record({ kind: kind('streamlocal-forward@openssh.com'), path: word }),
      fc.record({ kind: kind('hostkeys-00@openssh.com'), keys: fc.array(bytes()) }),
      fc.record({ kind: kind('unknown'), name: kind('x@example.com'), data: bytes() }),
    );
    fc.assert(
      fc.property(global, (value) => {
        const { name, data } = encodeGlobalRequest(value);
        expect(decodeGlobalRequest(name, data)).toEqual(value);
      }),
    );
  });

  test('A-SSH-16 sizes at the limits and one past them; a command that is no text keeps its bytes', () => {
    const encoded = (columns: number): Buffer => new SshWriter().uint32(columns).uint32(0).uint32(0).uint32(0).finish();
    for (const [given, taken] of [
      [0, 80],
      [1, 1],
      [1000, 1000],
      [1001, 1000],
      [0xffff_ffff, 1000],
    ] as const) {
      expect(decodeChannelRequest('window-change', encoded(given))).toMatchObject({ columns: taken, rows: 24 });
    }
    const command = Buffer.from([0xff, 0xfe, 0, 0x80]);
    const { data } = encodeChannelRequest({ kind: 'exec', command });
    expect(decodeChannelRequest('exec', data)).toEqual({ kind: 'exec', command });
  });

  test('terminal modes: echo, the end, opcodes that end the list', () => {
    expect(echoes(decodeTerminalModes(Buffer.from([53, 0, 0, 0, 0, 0])))).toBe(false);
    expect(echoes(decodeTerminalModes(Buffer.from([53, 0, 0, 0, 1, 0])))).toBe(true);
    expect(echoes(decodeTerminalModes(Buffer.from([0])))).toBe(true);
    expect(decodeTerminalModes(Buffer.from([160, 1, 2])).size).toBe(0);
    expect(() => decodeTerminalModes(Buffer.from([53, 0, 0]))).toThrow(/message-malformed/);
    const all = new Map(Array.from({ length: 159 }, (_unused, index) => [index + 1, index] as const));
    expect(decodeTerminalModes(encodeTerminalModes(all))).toEqual(all);
    expect(all.get(terminalMode.ECHO)).toBe(52);
    // One that is repeated counts once, however often.
    const repeated = Buffer.concat(Array.from({ length: 500 }, () => Buffer.from([53, 0, 0, 0, 0])));
    expect(decodeTerminalModes(repeated).size).toBe(1);
  });
});

describe('keys and certificates', () => {
  const keys = [
    privateKeyFromText(generateKeyText('ed25519')),
    ...(['P-256', 'P-384', 'P-521'] as const).map((namedCurve) =>
      privateKeyFrom(generateKeyPairSync('ec', { namedCurve }).privateKey),
    ),
    privateKeyFrom(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
  ];
  const data = Buffer.from('what is signed');

  test('each algorithm signs and verifies; a changed byte, other data, another name do not', () => {
    const used = new Set<string>();
    for (const key of keys) {
      for (const algorithm of key.algorithms) {
        used.add(algorithm);
        const signature = key.sign(data, algorithm);
        expect(verifySignature(key.publicKey, algorithm, data, signature)).toBe(true);
        expect(verifySignature(key.publicKey, algorithm, Buffer.from('other'), signature)).toBe(false);
        const broken = Buffer.from(signature);
        broken[broken.length - 2]! ^= 1;
        expect(verifySignature(key.publicKey, algorithm, data, broken)).toBe(false);
        expect(verifySignature(key.publicKey, 'ssh-rsa', data, signature)).toBe(false);
        expect(() => key.sign(data, 'ssh-rsa')).toThrow(/key-invalid/);
      }
    }
    expect([...used].sort()).toEqual([...signatureAlgorithms].sort());
  });

  test('ECDSA signatures whose halves are short or begin with a set bit are verified, many times', () => {
    for (let round = 0; round < 200; round++) {
      const message = Buffer.from(`round ${round}`);
      const key = keys[1]!;
      expect(
        verifySignature(key.publicKey, 'ecdsa-sha2-nistp256', message, key.sign(message, 'ecdsa-sha2-nistp256')),
      ).toBe(true);
    }
  });

  test('public keys there and back; what is no key is refused', () => {
    for (const { publicKey } of keys) {
      expect(publicKeyFromText(`${publicKeyToText(publicKey)} a comment`).blob.equals(publicKey.blob)).toBe(true);
      for (let cut = 0; cut < publicKey.blob.length; cut += 7) {
        expect(() => publicKeyFrom(publicKey.blob.subarray(0, cut))).toThrow(/ssh\./);
      }
      expect(() => publicKeyFrom(Buffer.concat([publicKey.blob, Buffer.alloc(1)]))).toThrow(/message-malformed/);
    }
    expect(() => publicKeyFromText('ssh-dss AAAAB3NzaC1kc3M=')).toThrow(/ssh\./);
    const small = new SshWriter()
      .string('ssh-rsa')
      .mpint(Buffer.from([3]))
      .mpint(Buffer.alloc(255, 0xff))
      .finish();
    expect(() => publicKeyFrom(small)).toThrow(/key-invalid/);
  });

  test('a FIDO key: application, flags and counter are signed; without presence it does not count', () => {
    const token = generateKeyPairSync('ed25519').privateKey;
    const point = Buffer.from(token.export({ format: 'jwk' }).x!, 'base64url');
    const type = 'sk-ssh-ed25519@openssh.com';
    const publicKey = publicKeyFrom(new SshWriter().string(type).string(point).string('ssh:').finish());
    const signer = privateKeyFrom(token);
    const { createHash } = process.getBuiltinModule('node:crypto');
    const hash = (input: Buffer | string): Buffer => createHash('sha256').update(input).digest();
    const sign = (flags: number): Buffer => {
      const signed = new SshWriter().raw(hash('ssh:')).uint8(flags).uint32(9).raw(hash(data)).finish();
      const reader = new SshReader(signer.sign(Buffer.from(signed), 'ssh-ed25519'));
      reader.string(64);
      return new SshWriter().string(type).string(reader.string(64)).uint8(flags).uint32(9).finish();
    };
    expect(verifySignature(publicKey, type, data, sign(1))).toBe(true);
    expect(verifySignature(publicKey, type, data, sign(0))).toBe(false);
    expect(verifySignature(publicKey, type, Buffer.from('other'), sign(1))).toBe(false);
  });

  test('certificates: every bit is covered by the signature, and what is wrong for any CA is said', () => {
    const request = {
      key: keys[0]!.publicKey,
      serial: 2n ** 63n,
      keyId: 'ä',
      principals: ['a', 'b'],
      validAfter: 1000,
      validBefore: 2000,
      criticalOptions: { 'source-address': '10.0.0.0/8', 'force-command': 'id' },
      extensions: { 'permit-pty': '', 'login@example.com': 'x' },
    };
    for (const ca of keys) {
      const blob = signCertificate(request, ca);
      const read = readCertificate(blob);
      expect(read).toMatchObject({ serial: 2n ** 63n, keyId: 'ä', principals: ['a', 'b'], kind: 'user' });
      expect(read.key.blob.equals(keys[0]!.publicKey.blob)).toBe(true);
      for (let at = 0; at < blob.length; at += 11) {
        const broken = Buffer.from(blob);
        broken[at]! ^= 1;
        expect(() => readCertificate(broken)).toThrow(/ssh\.|base\./);
      }
      expect(certificateFault(read, 999_999)).toBe('not-yet-valid');
      expect(certificateFault(read, 1_000_000)).toBeNull();
      expect(certificateFault(read, 1_999_999)).toBeNull();
      expect(certificateFault(read, 2_000_000)).toBe('expired');
    }
    const host = readCertificate(signCertificate({ ...request, kind: 'host' }, keys[0]!));
    expect(certificateFault(host, 1_500_000)).toBe('not-a-user-certificate');
    const strange = readCertificate(signCertificate({ ...request, criticalOptions: { 'x@y': '1' } }, keys[0]!));
    expect(certificateFault(strange, 1_500_000)).toBe('unknown-critical-option');
  });
});

describe('negotiation', () => {
  const theirs = (more: Partial<KexInitMessage>): KexInitMessage => ({
    ...ourLists('client', signatureAlgorithms, false),
    firstFollows: false,
    ...more,
  });
  const ours = ourLists('server', ['ssh-ed25519'], false);
  const chosen = (strict: boolean, more: Partial<KexInitMessage>) =>
    choose('server', ours, theirs(more), strict, isAuthenticating);

  test('the client decides; what needs strict key exchange is refused without it (A-SSH-07)', () => {
    const ctr = ['aes128-ctr'] as const;
    const etm = ['hmac-sha2-256-etm@openssh.com'] as const;
    const chacha = ['chacha20-poly1305@openssh.com', 'aes128-ctr'] as const;
    expect(chosen(true, { ciphers: [chacha, ctr], macs: [etm, etm] })).toMatchObject({
      ciphers: ['chacha20-poly1305@openssh.com', 'aes128-ctr'],
      macs: ['', etm[0]],
    });
    expect(() => chosen(false, { ciphers: [chacha, ctr] })).toThrow(/strict-kex-required/);
    expect(() => chosen(false, { ciphers: [ctr, ctr], macs: [etm, etm] })).toThrow(/strict-kex-required/);
    expect(chosen(false, { ciphers: [['aes128-gcm@openssh.com'], ctr], macs: [etm, ['hmac-sha2-256']] }).macs).toEqual([
      '',
      'hmac-sha2-256',
    ]);
  });

  test('markers are no algorithms, and what is not common is named', () => {
    const markers = ['kex-strict-s-v00@openssh.com', 'kex-strict-c-v00@openssh.com', 'ext-info-c'];
    expect(() => chosen(true, { kex: markers })).toThrow(/No key exchange algorithm/);
    expect(() => chosen(true, { hostKey: ['ssh-rsa', 'ssh-dss'] })).toThrow(/No host key algorithm/);
    expect(() => chosen(true, { ciphers: [['aes128-cbc'], ['aes128-cbc']] })).toThrow(/No cipher algorithm/);
    expect(() => chosen(true, { compressions: [['zlib'], ['zlib']] })).toThrow(/No compression algorithm/);
  });

  test('a guess is right only with the same first choices', () => {
    expect(chosen(true, { firstFollows: true, hostKey: ['ssh-ed25519'] }).skipNext).toBe(false);
    expect(chosen(true, { firstFollows: true, hostKey: ['rsa-sha2-512', 'ssh-ed25519'] }).skipNext).toBe(true);
    expect(chosen(true, { firstFollows: true, kex: ['curve25519-sha256'] }).skipNext).toBe(true);
    expect(chosen(true, { firstFollows: false, kex: ['curve25519-sha256'] }).skipNext).toBe(false);
  });
});

test('identification: however it is cut, the same (A-SSH-08)', () => {
  const text = Buffer.from('welcome\r\nnot yet\nSSH-1.99-OpenSSH_9.2p1 Debian\r\nrest');
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (steps) => {
      const reader = new IdentReader(true);
      for (let at = 0, step = 0; at < text.length; step++) {
        const end = at + steps[step % steps.length]!;
        const found = reader.read(text.subarray(at, end));
        if (found === null) {
          at = end;
          continue;
        }
        expect(found.ident.software).toBe('OpenSSH_9.2p1 Debian');
        expect(found.ident.raw.toString()).toBe('SSH-1.99-OpenSSH_9.2p1 Debian');
        expect('rest'.startsWith(found.rest.toString())).toBe(true);
        return;
      }
      expect.unreachable();
    }),
  );
  expect(() => new IdentReader(false).read(Buffer.from('welcome\r\n'))).toThrow(/not-ssh/);
  const long = new IdentReader(true);
  expect(long.read(Buffer.alloc(limits.preambleBytesMax, 65))).toBeNull();
  expect(() => long.read(Buffer.from('A'))).toThrow(/not-ssh/);
});

test('answers in the order of the questions, both ways', async () => {
  const sent: boolean[] = [];
  const owed = new OwedReplies(2, (accepted) => void sent.push(accepted));
  const [first, unwanted, second] = [owed.next(true), owed.next(false), owed.next(true)];
  expect(() => owed.next(true)).toThrow(/too-much-waiting/);
  unwanted.accept();
  second.accept();
  expect(sent).toEqual([]);
  first.reject();
  expect(sent).toEqual([false, true]);
  const clock = new FakeClock();
  const asked = new AskedReplies(clock);
  const late = asked.next(1000);
  const next = asked.next(5000);
  clock.advance(1000);
  await expect(late).rejects.toMatchObject({ code: 'ssh.peer-silent' });
  // The late answer is not taken for the next one.
  asked.answered(Buffer.from('late'));
  asked.answered(Buffer.from('next'));
  expect((await next)?.toString()).toBe('next');
  expect(() => asked.answered(null)).toThrow(/message-unexpected/);
});

test('the pace of key exchanges: at each limit and one past it (A-SSH-09)', () => {
  const clock = new FakeClock();
  const pace = new KexPace(clock, { ...limits.defaultLimits, rekeyBytes: 100, rekeyMs: 1000 });
  for (let n = 0; n < limits.kexBurstMax; n++) pace.count();
  expect(() => pace.count()).toThrow(/kex-storm/);
  clock.advance(3000);
  expect(() => pace.count()).not.toThrow();
  pace.keyed(50, 60);
  expect(pace.isDue(149, 159)).toBe(false);
  expect(pace.isDue(150, 159)).toBe(true);
  expect(pace.isDue(149, 160)).toBe(true);
  clock.advance(999);
  expect(pace.isDue(50, 60)).toBe(false);
  clock.advance(1);
  expect(pace.isDue(50, 60)).toBe(true);
});
