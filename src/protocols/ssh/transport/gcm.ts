/**
 * AES-GCM packets (RFC 5647, as OpenSSH speaks it: `aes128-gcm@openssh.com`, `aes256-gcm@openssh.com`), in the shape that
 * ssh2's ciphers have. Why not ssh2's own: they allocate five times the bytes of each packet outside the JavaScript heap,
 * whose collection then costs more than all else, and hand node:crypto a key that is parsed anew for each packet.
 *
 * Invariants:
 * - No byte of a packet is given on before its tag was found right; a length, tag or padding that is wrong throws.
 * - The invocation counter is changed after every packet and never comes again under one key: keys are changed long before.
 * - A large payload lies in a region (base/regions.ts): it is the taker's during the call only.
 * - Memory that node:crypto gave for the large ones is given back at once, and nothing refers to it then.
 *
 * Deliberately absent: key exchange, sequence numbers beyond counting, other ciphers.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomFillSync } from 'node:crypto';
import type { Ssh2Cipher, Ssh2Decipher } from 'ssh2/lib/protocol/Protocol.js';
import { freeMemory, Region } from '../../../base/regions.ts';
import { sshErrors } from './errors.ts';
import * as limits from './limits.ts';

export type GcmAlgorithm = 'aes-128-gcm' | 'aes-256-gcm';

/** What a key exchange gives for one direction. */
export interface GcmKeys {
  readonly algorithm: GcmAlgorithm;
  readonly key: Buffer;
  /** 4 bytes that stay and a counter of 8. */
  readonly iv: Buffer;
}

/** Where packets go. */
export interface PacketSink {
  reserve(bytes: number): Buffer;
}

const lengthBytes = 4;
const tagBytes = 16;
const blockBytes = 16;
const paddingMin = 4;
const none = Buffer.alloc(0);

/** Packets are put together here: sealing ends within the call. */
const scratch = Buffer.allocUnsafeSlow(limits.packetBytesMax + 2 * blockBytes);

/** Random bytes for padding, used once each. */
const randomPool = Buffer.allocUnsafeSlow(4096);
let randomAt = randomPool.length;

function padRandomly(packet: Buffer, at: number): void {
  const bytes = packet.length - at;
  if (randomAt + bytes > randomPool.length) {
    randomFillSync(randomPool);
    randomAt = 0;
  }
  packet.set(randomPool.subarray(randomAt, randomAt + bytes), at);
  randomAt += bytes;
}

/** The bytes of a packet before the tag. The length itself is not enciphered, so it does not count for the blocks. */
function packetBytes(payloadBytes: number): number {
  const least = 1 + payloadBytes + paddingMin;
  return lengthBytes + Math.ceil(least / blockBytes) * blockBytes;
}

/** Writes all of a packet but its payload. */
function frame(packet: Buffer, payloadBytes: number): void {
  packet.writeUInt32BE(packet.length - lengthBytes, 0);
  packet[lengthBytes] = packet.length - lengthBytes - 1 - payloadBytes;
  padRandomly(packet, lengthBytes + 1 + payloadBytes);
}

function advance(iv: Buffer): void {
  for (let at = 11; at >= 4; at--) {
    iv[at] = (iv[at]! + 1) & 0xff;
    if (iv[at] !== 0) return;
  }
}

export class GcmCipher implements Ssh2Cipher {
  outSeqno: number;
  readonly #algorithm: GcmAlgorithm;
  readonly #key: KeyObject;
  readonly #iv: Buffer;
  readonly #sink: PacketSink;
  #isDead = false;

  constructor({ algorithm, key, iv }: GcmKeys, sequence: number, sink: PacketSink) {
    this.#algorithm = algorithm;
    this.#key = createSecretKey(key);
    this.#iv = Buffer.from(iv);
    this.outSeqno = sequence;
    this.#sink = sink;
  }

  free(): void {
    this.#isDead = true;
  }

  /** For ssh2: memory for a packet, of which it fills in the payload from the fifth byte on. */
  allocPacket(payloadBytes: number): Buffer {
    const packet = Buffer.allocUnsafe(packetBytes(payloadBytes));
    frame(packet, payloadBytes);
    return packet;
  }

  /** Enciphers what `allocPacket` gave and sends it. */
  encrypt(packet: Buffer): void {
    if (this.#isDead) return;
    const cipher = createCipheriv(this.#algorithm, this.#key, this.#iv, { authTagLength: tagBytes });
    const length = packet.subarray(0, lengthBytes);
    cipher.setAAD(length);
    const sealed = cipher.update(packet.subarray(lengthBytes));
    cipher.final();
    const room = this.#sink.reserve(packet.length + tagBytes);
    room.set(length);
    room.set(sealed, lengthBytes);
    room.set(cipher.getAuthTag(), packet.length);
    if (sealed.length >= limits.lentBytesMin) freeMemory(sealed);
    advance(this.#iv);
    this.outSeqno = (this.outSeqno + 1) >>> 0;
  }

  /** Sends a message of two parts, of which nothing is kept. */
  seal(head: Buffer, data: Buffer): void {
    const payloadBytes = head.length + data.length;
    const bytes = packetBytes(payloadBytes);
    const packet = bytes <= scratch.length ? scratch.subarray(0, bytes) : Buffer.allocUnsafe(bytes);
    packet.set(head, lengthBytes + 1);
    packet.set(data, lengthBytes + 1 + head.length);
    frame(packet, payloadBytes);
    this.encrypt(packet);
  }
}

export class GcmDecipher implements Ssh2Decipher {
  inSeqno: number;
  _onPayload: Ssh2Decipher['_onPayload'];
  readonly #algorithm: GcmAlgorithm;
  readonly #key: KeyObject;
  readonly #iv: Buffer;
  /** The length field of a packet that is cut, as far as it is there. */
  readonly #length = Buffer.alloc(lengthBytes);
  /** A cut packet, its length and tag included; null while there is none, or not even its length. */
  #cut: Buffer | null = null;
  #cutRegion: Region | null = null;
  #gathered = 0;

  constructor({ algorithm, key, iv }: GcmKeys, sequence: number, onPayload: Ssh2Decipher['_onPayload']) {
    this.#algorithm = algorithm;
    this.#key = createSecretKey(key);
    this.#iv = Buffer.from(iv);
    this.inSeqno = sequence;
    this._onPayload = onPayload;
  }

  free(): void {
    this.#forget();
  }

  /**
   * Takes a chunk from `at` on and hands over each payload. As ssh2's: the answer is where to go on with another decipher
   * (`_onPayload` answered false), what else `_onPayload` answered, or undefined at the end of the chunk. The chunk is
   * borrowed.
   */
  decrypt(chunk: Buffer, at: number, end: number): number | undefined {
    let from = at;
    while (from < end) {
      let packet: Buffer;
      const isWhole = this.#gathered === 0 && end - from >= lengthBytes;
      const whole = isWhole ? packetTotal(chunk.readUInt32BE(from)) : 0;
      if (isWhole && end - from >= whole) {
        packet = chunk.subarray(from, from + whole);
        from += whole;
      } else {
        from += this.#gather(chunk, from, end);
        if (this.#cut === null || this.#gathered < this.#cut.length) continue;
        packet = this.#cut;
      }
      const result = this.#open(packet);
      if (result !== undefined) return result === false ? from : result;
    }
    return undefined;
  }

  #gather(chunk: Buffer, from: number, end: number): number {
    let at = from;
    if (this.#cut === null) {
      while (this.#gathered < lengthBytes && at < end) this.#length[this.#gathered++] = chunk[at++]!;
      if (this.#gathered < lengthBytes) return at - from;
      const bytes = packetTotal(this.#length.readUInt32BE(0));
      this.#cutRegion = bytes >= limits.lentBytesMin ? Region.take() : null;
      this.#cut = this.#cutRegion?.room.subarray(0, bytes) ?? Buffer.allocUnsafe(bytes);
      this.#cut.set(this.#length);
    }
    const copied = chunk.copy(this.#cut, this.#gathered, at, Math.min(end, at + this.#cut.length - this.#gathered));
    this.#gathered += copied;
    return at - from + copied;
  }

  #open(packet: Buffer): number | false | undefined {
    const decipher = createDecipheriv(this.#algorithm, this.#key, this.#iv, { authTagLength: tagBytes });
    const tagAt = packet.length - tagBytes;
    decipher.setAAD(packet.subarray(0, lengthBytes));
    const plain = decipher.update(packet.subarray(lengthBytes, tagAt));
    decipher.setAuthTag(packet.subarray(tagAt));
    decipher.final();
    this.#forget();
    const padding = plain[0]!;
    if (padding < paddingMin || padding >= plain.length) throw sshErrors('ssh.packet-invalid', { detail: 'padding' });
    advance(this.#iv);
    this.inSeqno = (this.inSeqno + 1) >>> 0;
    const payloadEnd = plain.length - padding;
    if (plain.length < limits.lentBytesMin) {
      return this._onPayload(payloadEnd === 1 ? none : plain.subarray(1, payloadEnd));
    }
    const region = Region.take();
    try {
      region.room.set(plain);
      freeMemory(plain);
      return this._onPayload(region.room.subarray(1, payloadEnd));
    } finally {
      region.leave();
    }
  }

  #forget(): void {
    this.#cutRegion?.leave();
    this.#cutRegion = null;
    this.#cut = null;
    this.#gathered = 0;
  }
}

/** How long a packet is, its length and tag included. */
function packetTotal(length: number): number {
  const total = lengthBytes + length + tagBytes;
  if (total > limits.packetBytesMax || length < blockBytes || length % blockBytes !== 0) {
    throw sshErrors('ssh.packet-invalid', { detail: `length ${length}` });
  }
  return total;
}
