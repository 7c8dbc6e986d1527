/**
 * An authenticator in software, and the browser before it: makes what `navigator.credentials` would, and what no browser
 * would, for tests of attacks. Real browsers are asked in test/e2e/passkeys.test.ts.
 *
 *     authenticator data: hash of the relying party's id (32), flags (1), counter (4),
 *                         [AAGUID (16), length of id (2), id, COSE key]         WebAuthn section 6.1
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { CreationOptions, RequestOptions } from '../factors/passkeys.ts';

export type Algorithm = 'ES256' | 'EdDSA' | 'RS256' | 'ES384';

/** What a test has different from what is right. */
export interface Twist {
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly clientData?: Readonly<Record<string, unknown>>;
  readonly userVerified?: boolean;
  readonly userPresent?: boolean;
  readonly counter?: number;
  readonly userHandle?: string | null;
  readonly flags?: number;
  readonly format?: string;
  readonly statement?: ReadonlyMap<string, unknown>;
}

export class SoftwareAuthenticator {
  readonly id: string;
  readonly #keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  readonly #algorithm: Algorithm;
  readonly #origin: string;
  counter = 0;
  userHandle: string | null = null;

  constructor(origin: string, algorithm: Algorithm = 'ES256', idBytes = 32) {
    this.#origin = origin;
    this.#algorithm = algorithm;
    this.id = randomBytes(idBytes).toString('base64url');
    this.#keys = makeKeys(algorithm);
  }

  create(options: CreationOptions, twist: Twist = {}): unknown {
    this.userHandle = options.user.id;
    const data = this.#authenticatorData(twist.rpId ?? options.rp.id ?? '', 0x40, twist);
    const id = Buffer.from(this.id, 'base64url');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(id.length);
    const attested = Buffer.concat([data, Buffer.alloc(16), length, id, cbor(this.#coseKey())]);
    const attestationObject = cbor(
      new Map<string, unknown>([
        ['fmt', twist.format ?? 'none'],
        ['attStmt', twist.statement ?? new Map()],
        ['authData', attested],
      ]),
    );
    const response = {
      clientDataJSON: this.#clientData('webauthn.create', options.challenge, twist).toString('base64url'),
      attestationObject: attestationObject.toString('base64url'),
      transports: ['internal'],
    };
    return { id: this.id, rawId: this.id, type: 'public-key', response, clientExtensionResults: {} };
  }

  get(options: RequestOptions, twist: Twist = {}): unknown {
    const authenticatorData = this.#authenticatorData(twist.rpId ?? options.rpId ?? '', 0, twist);
    const clientData = this.#clientData('webauthn.get', options.challenge, twist);
    const signed = Buffer.concat([authenticatorData, createHash('sha256').update(clientData).digest()]);
    const hash = this.#algorithm === 'EdDSA' ? null : this.#algorithm === 'ES384' ? 'sha384' : 'sha256';
    const response = {
      clientDataJSON: clientData.toString('base64url'),
      authenticatorData: authenticatorData.toString('base64url'),
      signature: sign(hash, signed, this.#keys.privateKey).toString('base64url'),
      userHandle: twist.userHandle === undefined ? this.userHandle : twist.userHandle,
    };
    return { id: this.id, rawId: this.id, type: 'public-key', response, clientExtensionResults: {} };
  }

  #clientData(type: string, challenge: string, twist: Twist): Buffer {
    const data = {
      type: twist.type ?? type,
      challenge: twist.challenge ?? challenge,
      origin: twist.origin ?? this.#origin,
      crossOrigin: false,
      ...twist.clientData,
    };
    return Buffer.from(JSON.stringify(data));
  }

  #authenticatorData(rpId: string, more: number, twist: Twist): Buffer {
    const { userPresent = true, userVerified = true } = twist;
    const head = Buffer.alloc(5);
    head[0] = twist.flags ?? (userPresent ? 0x01 : 0) | (userVerified ? 0x04 : 0) | more;
    head.writeUInt32BE(twist.counter ?? this.counter, 1);
    return Buffer.concat([createHash('sha256').update(rpId).digest(), head]);
  }

  #coseKey(): Map<number, unknown> {
    const { x, y, n, e } = this.#keys.publicKey.export({ format: 'jwk' });
    const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');
    switch (this.#algorithm) {
      case 'EdDSA':
        return new Map<number, unknown>([...head(1, -8), [-1, 6], [-2, bytes(x)]]);
      case 'RS256':
        return new Map<number, unknown>([...head(3, -257), [-1, bytes(n)], [-2, bytes(e)]]);
      default: {
        const [algorithm, curve] = this.#algorithm === 'ES256' ? [-7, 1] : [-35, 2];
        return new Map<number, unknown>([...head(2, algorithm), [-1, curve], [-2, bytes(x)], [-3, bytes(y)]]);
      }
    }
  }
}

function head(type: number, algorithm: number): [number, unknown][] {
  return [
    [1, type],
    [3, algorithm],
  ];
}

function makeKeys(algorithm: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (algorithm) {
    case 'EdDSA':
      return generateKeyPairSync('ed25519');
    case 'RS256':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    default:
      return generateKeyPairSync('ec', { namedCurve: algorithm === 'ES256' ? 'P-256' : 'P-384' });
  }
}

/** As much of CBOR (RFC 8949) as attestations need. */
export function cbor(value: unknown): Buffer {
  if (typeof value === 'number') return value >= 0 ? prefix(0, value) : prefix(1, -1 - value);
  if (typeof value === 'string') return Buffer.concat([prefix(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([prefix(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([prefix(4, value.length), ...value.map((one) => cbor(one))]);
  const map = value as ReadonlyMap<unknown, unknown>;
  return Buffer.concat([prefix(5, map.size), ...[...map].flatMap(([key, one]) => [cbor(key), cbor(one)])]);
}

function prefix(major: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(major << 5) | count]);
  if (count < 256) return Buffer.from([(major << 5) | 24, count]);
  return Buffer.from([(major << 5) | 25, count >> 8, count & 255]);
}
