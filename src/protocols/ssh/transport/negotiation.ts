/**
 * KEXINIT: reading the peer's, choosing the algorithms (RFC 4253, 7.1), and refusing what must not be chosen. Pure.
 *
 * Invariants: the client's preference decides, as the RFC says, so both sides come to the same result. Whatever needs
 * strict key exchange is refused without it (A-SSH-07). Compression is none.
 *
 * Wire layout of KEXINIT: byte 20 · cookie[16] · ten name-lists · boolean first_kex_packet_follows · uint32 0
 */
import {
  cipherAlgorithms,
  extensionInfoOf,
  kexAlgorithms,
  macAlgorithms,
  needsStrictKex,
  strictKexOf,
} from './algorithms.ts';
import { SshReader } from './bytes.ts';
import { sshErrors } from './errors.ts';
import { packetBytesMax } from './limits.ts';

export interface KexLists {
  readonly kex: readonly string[];
  readonly hostKey: readonly string[];
  /** Client to server, server to client. */
  readonly ciphers: readonly [readonly string[], readonly string[]];
  readonly macs: readonly [readonly string[], readonly string[]];
  readonly compressions: readonly [readonly string[], readonly string[]];
}

export interface KexInitMessage extends KexLists {
  readonly firstFollows: boolean;
}

export function readKexInit(payload: Buffer): KexInitMessage {
  const reader = new SshReader(payload, 1 + 16);
  const list = (): readonly string[] => reader.nameList(packetBytesMax);
  const kex = list();
  const hostKey = list();
  const ciphers = [list(), list()] as const;
  const macs = [list(), list()] as const;
  const compressions = [list(), list()] as const;
  list();
  list();
  const firstFollows = reader.boolean();
  reader.uint32();
  reader.end();
  return { kex, hostKey, ciphers, macs, compressions, firstFollows };
}

/** What we offer. `plain`: nothing that needs strict key exchange, for a peer that does not know it. */
export function ourLists(role: 'client' | 'server', hostKey: readonly string[], plain: boolean): KexLists {
  const ciphers = plain ? cipherAlgorithms.filter((name) => !needsStrictKex(name)) : cipherAlgorithms;
  const macs = plain ? macAlgorithms.filter((name) => !needsStrictKex(name)) : macAlgorithms;
  const extensions = role === 'client' ? [extensionInfoOf.client] : [];
  return {
    kex: [...kexAlgorithms, ...extensions, strictKexOf[role]],
    hostKey,
    ciphers: [ciphers, ciphers],
    macs: [macs, macs],
    compressions: [['none'], ['none']],
  };
}

export interface Choice {
  readonly kex: string;
  readonly hostKey: string;
  /** Client to server, server to client; the MAC is empty where the cipher authenticates. */
  readonly ciphers: readonly [string, string];
  readonly macs: readonly [string, string];
  /** The packet after the peer's KEXINIT was sent on a wrong guess. */
  readonly skipNext: boolean;
}

export function choose(
  role: 'client' | 'server',
  ours: KexLists,
  theirs: KexInitMessage,
  strict: boolean,
  isAuthenticating: (cipher: string) => boolean,
): Choice {
  const [client, server] = role === 'client' ? [ours, theirs] : [theirs, ours];
  const kex = firstCommon('key exchange', client.kex, server.kex, isRealKex);
  const hostKey = firstCommon('host key', client.hostKey, server.hostKey);
  const chosen = ([0, 1] as const).map((way) => {
    const cipher = firstCommon('cipher', client.ciphers[way], server.ciphers[way]);
    const mac = isAuthenticating(cipher) ? '' : firstCommon('MAC', client.macs[way], server.macs[way]);
    firstCommon('compression', client.compressions[way], server.compressions[way]);
    if (!strict && (needsStrictKex(cipher) || needsStrictKex(mac))) {
      throw sshErrors('ssh.strict-kex-required', { detail: `${cipher} ${mac}` });
    }
    return { cipher, mac };
  });
  return {
    kex,
    hostKey,
    ciphers: [chosen[0]!.cipher, chosen[1]!.cipher],
    macs: [chosen[0]!.mac, chosen[1]!.mac],
    // A guess is right only when both sides prefer the same key exchange and host key.
    skipNext: theirs.firstFollows && (theirs.kex[0] !== ours.kex[0] || theirs.hostKey[0] !== ours.hostKey[0]),
  };
}

function isRealKex(name: string): boolean {
  return (kexAlgorithms as readonly string[]).includes(name);
}

function firstCommon(
  what: string,
  client: readonly string[],
  server: readonly string[],
  admits: (name: string) => boolean = () => true,
): string {
  const known = new Set(server);
  const found = client.find((name) => known.has(name) && admits(name));
  if (found === undefined) {
    throw sshErrors('ssh.no-common-algorithm', {
      values: { what },
      detail: `${client.join(',').slice(0, 500)} | ${server.join(',').slice(0, 500)}`,
    });
  }
  return found;
}
