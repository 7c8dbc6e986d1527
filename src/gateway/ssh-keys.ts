/**
 * The gateway's SSH keys: host keys that clients know it by, the authority whose user certificates targets may trust, and the
 * one whose certificates stand for tokens here. Two, since a target that trusts the first would take a person's certificate
 * for an account of the same name, past the gateway. Made at the first start, sealed in the store under the gateway's own
 * names, shared by all gateways on one store.
 */
import { createPrivateKey, sign } from 'node:crypto';
import type { UserAuthority } from '../core/ports.ts';
import { type GeneratedKey, generateKeyText, privateKeyFromText } from '../protocols/ssh/transport/keys.ts';
import type { Secrets } from '../secrets/index.ts';
import { getOrCreate, ownPrefix } from './identity-keys.ts';

export interface SshKeys {
  /** Private host keys as PKCS#8 PEM: Ed25519, ECDSA on P-256, RSA. */
  readonly hostKeys: readonly string[];
  readonly userAuthority: UserAuthority;
  readonly signOnAuthority: UserAuthority;
}

export async function openSshKeys(secrets: Secrets): Promise<SshKeys> {
  const key = (name: string, type: GeneratedKey): Promise<string> =>
    getOrCreate(secrets, `${ownPrefix}ssh-${name}`, () => generateKeyText(type));
  const authority = async (name: string): Promise<UserAuthority> => {
    const text = await key(name, 'ed25519');
    const own = createPrivateKey(text);
    return { key: privateKeyFromText(text).publicKey, sign: (data) => sign(null, data, own) };
  };
  return {
    hostKeys: [await key('host-ed25519', 'ed25519'), await key('host-ecdsa', 'ecdsa'), await key('host-rsa', 'rsa')],
    userAuthority: await authority('user-authority'),
    signOnAuthority: await authority('sign-on-authority'),
  };
}
