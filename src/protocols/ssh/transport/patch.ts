/**
 * The one door to ssh2: what this room takes from its inside, and what it adds there.
 *
 * Taken: the packet ciphers but AES-GCM, the key exchanges, the sending of packets with their queue during a key exchange,
 * the decoding of private keys. Replaced by this room: AES-GCM where ssh2's own is the one without native code (gcm.ts),
 * identification lines (ssh2 loses bytes of one that comes in more than two parts), negotiation (strict key exchange was not
 * required), EXT_INFO (ssh2 sends a list with a missing comma and SHA-1 in it), login, channels. Added: the post-quantum key exchange `mlkem768x25519-sha256`.
 *
 * Invariants: the version and the shapes used are asserted when this file is loaded, so that another ssh2 cannot be
 * loaded without whoever changes it looking here. Nothing of ssh2 is changed for others who import it.
 *
 * Deliberately absent: ssh2's Client, Server, Channel and SFTP classes. Specification: RFC 4253, RFC 8731,
 * draft-ietf-sshm-mlkem-hybrid-kex. Decision: docs/adr/0007.
 */
import {
  createHash,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import ssh2Crypto from 'ssh2/lib/protocol/crypto.js';
import ssh2Kex from 'ssh2/lib/protocol/kex.js';
import ssh2KeyParser from 'ssh2/lib/protocol/keyParser.js';
import Protocol, {
  type Ssh2Cipher,
  type Ssh2Decipher,
  type Ssh2Exchange,
  type Ssh2HostKey,
  type Ssh2Negotiated,
} from 'ssh2/lib/protocol/Protocol.js';
import ssh2Utils from 'ssh2/lib/protocol/utils.js';
import ssh2Manifest from 'ssh2/package.json' with { type: 'json' };
import { assert } from '../../../base/assert.ts';
import { cipherAlgorithms, type kexAlgorithms, macAlgorithms } from './algorithms.ts';
import { type GcmAlgorithm, GcmCipher, GcmDecipher, type PacketSink } from './gcm.ts';
import { message } from './messages.ts';

export type { Ssh2Exchange, Ssh2HostKey, Ssh2Negotiated };
export { Protocol };
export const { KexInit, kexinit: sendKexInit } = ssh2Kex;
const { sendPacket } = ssh2Utils;
export const { NullDecipher } = ssh2Crypto;

/** True where the optional native ciphers are installed. */
export const nativeCiphers: boolean = ssh2Crypto.bindingAvailable;

assert(ssh2Manifest.version === '1.17.0', `ssh2 ${ssh2Manifest.version} is not the version this room was written for`);
assert(typeof Protocol === 'function' && typeof sendPacket === 'function', 'ssh2 has changed its inside');
for (const cipher of cipherAlgorithms) {
  assert(ssh2Crypto.CIPHER_INFO[cipher] !== undefined, `ssh2 lacks the cipher ${cipher}`);
}
for (const mac of macAlgorithms) assert(ssh2Crypto.MAC_INFO[mac] !== undefined, `ssh2 lacks the MAC ${mac}`);

// Poly1305 is WebAssembly, and chacha20-poly1305 cannot be spoken before it is there.
await ssh2Crypto.init;

/** True where `cipher` authenticates by itself and needs no MAC. */
export function isAuthenticating(cipher: string): boolean {
  return (ssh2Crypto.CIPHER_INFO[cipher]?.authLen ?? 0) > 0;
}

/** Sends `head` and `data` as one message. False: it waits for the end of a key exchange, as it does unless forced. */
export function sendBySsh2(protocol: Protocol, head: Buffer, data: Buffer, force: boolean): boolean {
  const writer = protocol._packetRW.write;
  const at = force ? writer.allocStartKEX : writer.allocStart;
  const packet = writer.alloc(head.length + data.length, force);
  packet.set(head, at);
  packet.set(data, at + head.length);
  return sendPacket(protocol, writer.finalize(packet, force), force);
}

// ----- AES-GCM --------------------------------------------------------------------------------------------------------

/** What ssh2's AES-GCM without native code holds, under its own names. */
interface Ssh2GcmCipher extends Ssh2Cipher {
  readonly _encSSLName: GcmAlgorithm;
  readonly _encKey: Buffer;
  readonly _encIV: Buffer;
}
interface Ssh2GcmDecipher extends Ssh2Decipher {
  readonly _decipherSSLName: GcmAlgorithm;
  readonly _decipherKey: Buffer;
  readonly _decipherIV: Buffer;
}

const gcmClasses = (() => {
  const info = ssh2Crypto.CIPHER_INFO['aes128-gcm@openssh.com'];
  const [key, iv] = [Buffer.alloc(16), Buffer.alloc(12)];
  const nothing = (): undefined => undefined;
  const outbound = { seqno: 0, onWrite: nothing, cipherInfo: info, cipherKey: key, cipherIV: iv, forceNative: true };
  const inbound = { seqno: 0, onPayload: nothing, decipherInfo: info, decipherKey: key, decipherIV: iv };
  const cipher = ssh2Crypto.createCipher({ outbound }) as Ssh2GcmCipher;
  const decipher = ssh2Crypto.createDecipher({ inbound: { ...inbound, forceNative: true } }) as Ssh2GcmDecipher;
  assert(
    cipher._encSSLName === 'aes-128-gcm' && cipher._encKey === key && cipher._encIV === iv,
    'ssh2 ciphers otherwise',
  );
  assert(decipher._decipherSSLName === 'aes-128-gcm', 'ssh2 deciphers otherwise');
  assert(decipher._decipherKey === key && decipher._decipherIV === iv, 'ssh2 deciphers otherwise');
  return { cipher: cipher.constructor, decipher: decipher.constructor };
})();

/** From its next key exchange on `protocol` has AES-GCM of this room; its packets go to `sink`. */
export function useOwnGcm(protocol: Protocol, sink: PacketSink): void {
  let cipher: Ssh2Cipher = protocol._cipher;
  let decipher: Ssh2Decipher | undefined = protocol._decipher;
  Object.defineProperty(protocol, '_cipher', {
    get: () => cipher,
    set: (made: Ssh2Cipher) => {
      cipher = made;
      if (made.constructor !== gcmClasses.cipher) return;
      const { _encSSLName: algorithm, _encKey: key, _encIV: iv } = made as Ssh2GcmCipher;
      cipher = new GcmCipher({ algorithm, key, iv }, made.outSeqno, sink);
    },
  });
  Object.defineProperty(protocol, '_decipher', {
    get: () => decipher,
    set: (made: Ssh2Decipher | undefined) => {
      decipher = made;
      if (made?.constructor !== gcmClasses.decipher) return;
      const { _decipherSSLName: algorithm, _decipherKey: key, _decipherIV: iv } = made as Ssh2GcmDecipher;
      decipher = new GcmDecipher({ algorithm, key, iv }, made.inSeqno, made._onPayload);
    },
  });
}

// ----- key exchanges --------------------------------------------------------------------------------------------------

interface ExchangeBase extends Ssh2Exchange {
  generateKeys(): void;
  getPublicKey(): Buffer;
  convertPublicKey(key: Buffer): Buffer;
  computeSecret(theirs: Buffer): Buffer | Error;
}

type Arguments = [negotiated: Ssh2Negotiated, protocol: Protocol, remoteKexInit: Buffer];
type CurveExchange = new (hash: string, ...rest: Arguments) => ExchangeBase;
type GroupExchange = new (group: string, hash: string, ...rest: Arguments) => ExchangeBase;

/** ssh2 keeps its key exchange classes in a closure: they are had from an exchange that it makes for a made-up protocol. */
function classOf(kex: string): unknown {
  const direction = { cipher: ['aes128-gcm@openssh.com'], mac: ['hmac-sha2-256'], compress: ['none'], lang: [] };
  const offer = new KexInit({ kex: [kex], serverHostKey: ['ssh-ed25519'], cs: direction, sc: direction });
  const payload = Buffer.alloc(1 + 16 + offer.totalSize + 5);
  (offer as unknown as { copyAllTo(target: Buffer, at: number): void }).copyAllTo(payload, 17);
  const protocol: Record<string, unknown> = { _server: true, _offer: offer, _strictMode: false, _compatFlags: 0 };
  ssh2Kex.HANDLERS[message.KEXINIT]!(protocol, payload);
  const made = protocol['_kex'];
  assert(typeof made === 'object' && made !== null, `ssh2 made no key exchange for ${kex}`);
  for (const method of ['generateKeys', 'getPublicKey', 'convertPublicKey', 'computeSecret', 'parse', 'start']) {
    assert(typeof (made as Record<string, unknown>)[method] === 'function', `ssh2's key exchange lacks ${method}`);
  }
  return made.constructor;
}

const Curve25519Exchange = classOf('curve25519-sha256') as CurveExchange;
const EcdhExchange = classOf('ecdh-sha2-nistp256') as GroupExchange;
const DhExchange = classOf('diffie-hellman-group14-sha256') as GroupExchange;

const kemPublicBytes = 1184;
const kemCiphertextBytes = 1088;
const curveBytes = 32;
/** The header of a SubjectPublicKeyInfo around a raw key: id-alg-ml-kem-768, id-X25519. */
const kemHeader = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');
const curveHeader = Buffer.from('302a300506032b656e032100', 'hex');

function importRaw(header: Buffer, raw: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([header, raw]), format: 'der', type: 'spki' });
}

function exportRaw(key: KeyObject, bytes: number): Buffer {
  return key.export({ format: 'der', type: 'spki' }).subarray(-bytes);
}

/**
 * `mlkem768x25519-sha256`: the client sends an ML-KEM key and an X25519 key, the server a ciphertext and an X25519 key;
 * the secret is the hash of both secrets, and is hashed on as a string, not as a number.
 */
class HybridExchange extends Curve25519Exchange {
  readonly #curve = generateKeyPairSync('x25519');
  readonly #kem: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } | null;
  #mine: Buffer | null = null;
  readonly #isServer: boolean;

  constructor(isServer: boolean, ...rest: Arguments) {
    super('sha256', ...rest);
    this.#isServer = isServer;
    this.#kem = isServer ? null : generateKeyPairSync('ml-kem-768');
    if (this.#kem !== null) {
      this.#mine = Buffer.concat([exportRaw(this.#kem.publicKey, kemPublicBytes), this.#curvePublic()]);
    }
  }

  override generateKeys(): void {}

  override getPublicKey(): Buffer {
    assert(this.#mine !== null, 'the answer of a server depends on what the client sent');
    return this.#mine;
  }

  override convertPublicKey(key: Buffer): Buffer {
    return key;
  }

  /** ssh2 wants a failure as a value; its message goes to the log only. */
  override computeSecret(theirs: Buffer): Buffer | Error {
    const kemBytes = this.#isServer ? kemPublicBytes : kemCiphertextBytes;
    if (theirs.length !== kemBytes + curveBytes) return new Error('wrong length of the public part');
    try {
      const kemSecret = this.#kemSecret(theirs.subarray(0, kemBytes));
      const curveSecret = diffieHellman({
        privateKey: this.#curve.privateKey,
        publicKey: importRaw(curveHeader, theirs.subarray(kemBytes)),
      });
      return createHash('sha256').update(kemSecret).update(curveSecret).digest();
    } catch (error) {
      return error instanceof Error ? error : new Error('key exchange failed');
    }
  }

  #kemSecret(theirs: Buffer): Buffer {
    if (this.#kem !== null) return decapsulate(this.#kem.privateKey, theirs);
    const { sharedKey, ciphertext } = encapsulate(importRaw(kemHeader, theirs));
    this.#mine = Buffer.concat([ciphertext, this.#curvePublic()]);
    return sharedKey;
  }

  #curvePublic(): Buffer {
    return exportRaw(this.#curve.publicKey, curveBytes);
  }
}

/** The exchange that was negotiated. The names are those of `kexAlgorithms`. */
export function createExchange(isServer: boolean, ...rest: Arguments): Ssh2Exchange {
  switch (rest[0].kex as (typeof kexAlgorithms)[number]) {
    case 'mlkem768x25519-sha256':
      return new HybridExchange(isServer, ...rest);
    case 'curve25519-sha256':
    case 'curve25519-sha256@libssh.org':
      return new Curve25519Exchange('sha256', ...rest);
    case 'ecdh-sha2-nistp256':
      return new EcdhExchange('prime256v1', 'sha256', ...rest);
    case 'ecdh-sha2-nistp384':
      return new EcdhExchange('secp384r1', 'sha384', ...rest);
    case 'ecdh-sha2-nistp521':
      return new EcdhExchange('secp521r1', 'sha512', ...rest);
    case 'diffie-hellman-group16-sha512':
      return new DhExchange('modp16', 'sha512', ...rest);
    case 'diffie-hellman-group14-sha256':
      return new DhExchange('modp14', 'sha256', ...rest);
  }
}

// ----- private keys ---------------------------------------------------------------------------------------------------

/** OpenSSH's format of private keys as PEM, which node:crypto reads. */
export function privateKeyToPem(text: string, passphrase?: string): string {
  const parsed = ssh2KeyParser.parseKey(text, passphrase);
  if (parsed instanceof Error) throw parsed;
  const pem = (Array.isArray(parsed) ? parsed[0] : parsed)?.getPrivatePEM() ?? null;
  if (pem === null) throw new Error('there is no private key in it');
  return pem;
}
