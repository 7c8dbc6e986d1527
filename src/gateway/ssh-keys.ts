/**
 * The gateway's SSH keys: host keys that clients know it by, the authority whose user certificates targets may trust, and the
 * one whose certificates stand for tokens here. Two, since a target that trusts the first would take a person's certificate
 * for an account of the same name, past the gateway. Made at the first start, sealed in the store under the gateway's own names, shared by all gateways on one store.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { PublicKey, UserAuthority } from '../core/ports.ts';
import type { Secrets } from '../secrets/index.ts';
import { getOrCreate, ownPrefix } from './identity-keys.ts';

export interface SshKeys {
  /** Private host keys as PKCS#8 PEM: Ed25519, ECDSA on P-256, RSA. */
  readonly hostKeys: readonly string[];
  readonly userAuthority: UserAuthority;
  readonly signOnAuthority: UserAuthority;
}

/** RSA is for clients of long ago; 3072 bits are what NIST SP 800-57 gives until 2030 and beyond. */
const rsaBits = 3072;

export async function openSshKeys(secrets: Secrets): Promise<SshKeys> {
  const key = (name: string, make: () => KeyObject): Promise<string> =>
    getOrCreate(secrets, `${ownPrefix}ssh-${name}`, () => make().export({ type: 'pkcs8', format: 'pem' }) as string);
  const hostKeys = [
    await key('host-ed25519', () => generateKeyPairSync('ed25519').privateKey),
    await key('host-ecdsa', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    await key('host-rsa', () => generateKeyPairSync('rsa', { modulusLength: rsaBits }).privateKey),
  ];
  const authority = async (name: string): Promise<UserAuthority> => {
    const own = createPrivateKey(await key(name, () => generateKeyPairSync('ed25519').privateKey));
    return { key: ed25519Key(own), sign: (data) => sign(null, data, own) };
  };
  return {
    hostKeys,
    userAuthority: await authority('user-authority'),
    signOnAuthority: await authority('sign-on-authority'),
  };
}

/** The public half of an Ed25519 key as SSH spells it (RFC 8709 section 4). */
function ed25519Key(key: KeyObject): PublicKey {
  const type = 'ssh-ed25519';
  const { x } = createPublicKey(key).export({ format: 'jwk' });
  return { type, blob: Buffer.concat([Buffer.from(type), Buffer.from(x!, 'base64url')].map(sshString)) };
}

function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
