/** AES-GCM packets against ssh2's own and node:crypto: what is sent, what is taken, and what is refused. */
import { createCipheriv, randomBytes } from 'node:crypto';
import ssh2Crypto from 'ssh2/lib/protocol/crypto.js';
import { describe, expect, test } from 'vitest';
import { auditRegions, regionOf } from '../../../base/regions.ts';
import { type GcmAlgorithm, GcmCipher, GcmDecipher } from './gcm.ts';
import * as limits from './limits.ts';

const seed = 20_261_121;
function seeded(): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
}

const ciphers = [
  ['aes128-gcm@openssh.com', 'aes-128-gcm', 16],
  ['aes256-gcm@openssh.com', 'aes-256-gcm', 32],
] as const;

/** A counter that carries into its fourth byte on the third packet. */
const ivNearCarry = Buffer.from('0102030400000000fffffffe', 'hex');

function keysOf(algorithm: GcmAlgorithm, keyBytes: number, iv: Buffer = ivNearCarry) {
  return { algorithm, key: Buffer.alloc(keyBytes, 7), iv: Buffer.from(iv) };
}

/** Keeps what is sent, as one buffer. */
class Sink {
  readonly packets: Buffer[] = [];
  reserve(bytes: number): Buffer {
    const packet = Buffer.alloc(bytes);
    this.packets.push(packet);
    return packet;
  }
  get bytes(): Buffer {
    return Buffer.concat(this.packets);
  }
}

/** Sizes about each limit: one block more or less of padding, lent or not, the largest data. */
const sizes = [
  ...[0, 1, 10, 11, 12, 13, 26, 27, 28, 1000],
  ...[-40, -22, -21, -20, -6, -5, -4, 0, 1].map((more) => limits.lentBytesMin + more),
  limits.dataBytesMax,
];
const head = Buffer.from('5e0000000000000000', 'hex');
const payloads = sizes.map((size) => Buffer.concat([head, randomBytes(size)]));

function sealed(keys: ReturnType<typeof keysOf>): Buffer {
  const sink = new Sink();
  const cipher = new GcmCipher(keys, 0, sink);
  for (const [index, payload] of payloads.entries()) {
    if (index % 2 === 0) cipher.seal(payload.subarray(0, 9), payload.subarray(9));
    else {
      // As ssh2 uses it.
      const packet = cipher.allocPacket(payload.length);
      packet.set(payload, 5);
      cipher.encrypt(packet);
    }
  }
  expect(cipher.outSeqno).toBe(payloads.length);
  return sink.bytes;
}

/** Everything that a decipher makes of `all`, cut at `cuts`; each chunk is overwritten once it was taken. */
function opened(keys: ReturnType<typeof keysOf>, all: Buffer, cuts: readonly number[]): Buffer[] {
  const seen: Buffer[] = [];
  const decipher = new GcmDecipher(keys, 0, (payload) => {
    seen.push(Buffer.from(payload));
    return undefined;
  });
  const at = [...new Set(cuts)].filter((cut) => cut > 0 && cut < all.length).sort((a, b) => a - b);
  for (const [index, end] of [...at, all.length].entries()) {
    const chunk = Buffer.from(all.subarray(at[index - 1] ?? 0, end));
    expect(decipher.decrypt(chunk, 0, chunk.length)).toBeUndefined();
    chunk.fill(0xee);
  }
  return seen;
}

describe.each(ciphers)('%s', (name, algorithm, keyBytes) => {
  const cipherInfo = ssh2Crypto.CIPHER_INFO[name];

  test('what it sends is what ssh2 takes', () => {
    const all = sealed(keysOf(algorithm, keyBytes));
    const { key, iv } = keysOf(algorithm, keyBytes);
    const seen: Buffer[] = [];
    const onPayload = (payload: Buffer): undefined => void seen.push(Buffer.from(payload));
    const inbound = { seqno: 0, onPayload, decipherInfo: cipherInfo, decipherKey: key, decipherIV: iv };
    ssh2Crypto.createDecipher({ inbound: { ...inbound, forceNative: true } }).decrypt(all, 0, all.length);
    expect(seen).toEqual(payloads);
  });

  test('what ssh2 sends is what it takes', () => {
    const { key, iv } = keysOf(algorithm, keyBytes);
    const pieces: Buffer[] = [];
    const onWrite = (piece: Buffer): void => void pieces.push(Buffer.from(piece));
    const outbound = { seqno: 0, onWrite, cipherInfo, cipherKey: key, cipherIV: iv, forceNative: true };
    const cipher = ssh2Crypto.createCipher({ outbound });
    for (const payload of payloads) {
      const packet = cipher.allocPacket(payload.length);
      packet.set(payload, 5);
      cipher.encrypt(packet);
    }
    expect(opened(keysOf(algorithm, keyBytes), Buffer.concat(pieces), [])).toEqual(payloads);
  });

  test(`however the bytes are cut (seed ${seed})`, () => {
    auditRegions(true);
    const random = seeded();
    const all = sealed(keysOf(algorithm, keyBytes));
    for (let round = 0; round < 20; round++) {
      const cuts = Array.from({ length: 1 + random(40) }, () => random(all.length));
      expect(opened(keysOf(algorithm, keyBytes), all, cuts)).toEqual(payloads);
    }
    const few = all.subarray(0, 4000);
    const whole = opened(keysOf(algorithm, keyBytes), few, []);
    const singles = Array.from({ length: few.length }, (_, at) => at);
    expect(opened(keysOf(algorithm, keyBytes), few, singles)).toEqual(whole);
    auditRegions(false);
  });

  test('A-SSH-08 one bit that is wrong, anywhere: nothing is handed over', () => {
    const sink = new Sink();
    new GcmCipher(keysOf(algorithm, keyBytes), 0, sink).seal(head, Buffer.alloc(5000, 1));
    const packet = sink.bytes;
    // Length, the first and last block, the tag.
    const places = [0, 1, 2, 3, 4, 5, 20, packet.length - 17, packet.length - 16, packet.length - 1];
    for (const place of places) {
      for (const bit of [1, 16, 128]) {
        const changed = Buffer.concat([packet, Buffer.alloc(limits.packetBytesMax)]);
        changed[place]! ^= bit;
        const decipher = new GcmDecipher(keysOf(algorithm, keyBytes), 0, () => expect.unreachable());
        const take = (): unknown => decipher.decrypt(changed, 0, changed.length);
        expect(take, `byte ${place}, bit ${bit}`).toThrow();
      }
    }
    const again = new GcmDecipher(keysOf(algorithm, keyBytes), 0, () => undefined);
    again.decrypt(packet, 0, packet.length);
    // The same packet a second time is another place of the stream.
    expect(() => again.decrypt(packet, 0, packet.length)).toThrow();
  });
});

describe('limits', () => {
  const keys = keysOf('aes-128-gcm', 16);
  const crafted = (plain: Buffer): Buffer => {
    const cipher = createCipheriv('aes-128-gcm', keys.key, keys.iv);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(plain.length);
    cipher.setAAD(length);
    const body = cipher.update(plain);
    cipher.final();
    return Buffer.concat([length, body, cipher.getAuthTag()]);
  };
  const take = (packet: Buffer): number => {
    let bytes = -1;
    const decipher = new GcmDecipher(keys, 0, (payload) => {
      bytes = payload.length;
      return undefined;
    });
    decipher.decrypt(packet, 0, packet.length);
    return bytes;
  };
  const padded = (bytes: number, padding: number): Buffer => {
    const plain = Buffer.alloc(bytes);
    plain[0] = padding;
    return plain;
  };

  test('a length is refused before its bytes come: too long, too short, no whole blocks', () => {
    const longest = Math.floor((limits.packetBytesMax - 20) / 16) * 16;
    expect(take(crafted(padded(longest, 4)))).toBe(longest - 5);
    for (const length of [longest + 16, 0, 15, 17, 0xffff_fff0]) {
      const field = Buffer.alloc(4);
      field.writeUInt32BE(length);
      expect(() => take(field), String(length)).toThrow('ssh.packet-invalid');
      const decipher = new GcmDecipher(keys, 0, () => undefined);
      decipher.decrypt(field, 0, 3);
      expect(() => decipher.decrypt(field, 3, 4), String(length)).toThrow('ssh.packet-invalid');
    }
  });

  test('padding is four bytes at least and within the packet', () => {
    expect(take(crafted(padded(16, 4)))).toBe(11);
    expect(take(crafted(padded(16, 15)))).toBe(0);
    for (const padding of [0, 3, 16, 255]) {
      expect(() => take(crafted(padded(16, padding))), String(padding)).toThrow('ssh.packet-invalid');
    }
  });

  test('large payloads are lent and overwritten, small ones are kept', () => {
    auditRegions(true);
    const sink = new Sink();
    const cipher = new GcmCipher(keys, 0, sink);
    cipher.seal(head, Buffer.alloc(limits.lentBytesMin, 1));
    cipher.seal(head, Buffer.alloc(100, 2));
    const seen: Buffer[] = [];
    const decipher = new GcmDecipher(keys, 0, (payload) => void seen.push(payload));
    decipher.decrypt(sink.bytes, 0, sink.bytes.length);
    auditRegions(false);
    expect(regionOf(seen[0]!)).not.toBeNull();
    expect(seen[0]!.every((byte) => byte === 0xdd)).toBe(true);
    expect(regionOf(seen[1]!)).toBeNull();
    expect(seen[1]!.subarray(9).every((byte) => byte === 2)).toBe(true);
  });

  test('says where to go on when another decipher follows, and sends nothing once freed', () => {
    const sink = new Sink();
    const cipher = new GcmCipher(keys, 41, sink);
    cipher.seal(head, Buffer.alloc(0));
    const first = sink.bytes.length;
    cipher.seal(head, Buffer.alloc(0));
    expect(cipher.outSeqno).toBe(43);
    cipher.free();
    cipher.seal(head, Buffer.alloc(0));
    expect(sink.packets.length).toBe(2);
    const decipher = new GcmDecipher(keys, 41, () => false);
    expect(decipher.decrypt(sink.bytes, 0, sink.bytes.length)).toBe(first);
    expect(decipher.inSeqno).toBe(42);
  });
});
