/** What ssh2 wants to be given: lists of algorithms and host keys, in its own shapes. */
import { SshReader } from './bytes.ts';
import type { SshPrivateKey } from './keys.ts';
import type { KexLists } from './negotiation.ts';
import { KexInit, type Ssh2HostKey } from './patch.ts';

export function offerOf(lists: KexLists): InstanceType<typeof KexInit> {
  const direction = (way: 0 | 1) => ({
    cipher: lists.ciphers[way],
    mac: lists.macs[way],
    compress: lists.compressions[way],
    lang: [],
  });
  return new KexInit({ kex: lists.kex, serverHostKey: lists.hostKey, cs: direction(0), sc: direction(1) });
}

/** ssh2 signs with an object of its own: the bare signature is asked for, ECDSA's already in SSH's encoding. */
export function ssh2HostKeys(keys: ReadonlyMap<string, SshPrivateKey>): Record<string, Ssh2HostKey> {
  const out: Record<string, Ssh2HostKey> = {};
  for (const [algorithm, key] of keys) {
    out[algorithm] = {
      type: key.publicKey.type,
      getPublicSSH: () => key.publicKey.blob,
      sign: (data) => {
        const reader = new SshReader(key.sign(data, algorithm));
        reader.string(64);
        return reader.string(4096);
      },
    };
  }
  return out;
}
