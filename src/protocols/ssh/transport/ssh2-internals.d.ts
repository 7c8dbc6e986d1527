/**
 * The parts of ssh2 1.17.0 below its public interface that this room uses, as narrow as they are used. `patch.ts` asserts
 * at load that they are what is written here.
 */
declare module 'ssh2/lib/protocol/Protocol.js' {
  export interface Ssh2Cipher {
    outSeqno: number;
    encrypt(packet: Buffer): void;
    allocPacket(payloadBytes: number): Buffer;
    free(): void;
  }
  export interface Ssh2Decipher {
    inSeqno: number;
    _onPayload(payload: Buffer): number | false | undefined;
    decrypt(chunk: Buffer, at: number, end: number): number | undefined;
    free(): void;
  }
  export interface Ssh2Writer {
    allocStart: number;
    allocStartKEX: number;
    alloc(payloadBytes: number, force?: boolean): Buffer;
    finalize(packet: Buffer, force?: boolean): Buffer;
  }
  export interface Ssh2HostKey {
    readonly type: string;
    getPublicSSH(): Buffer;
    sign(data: Buffer, hash?: string): Buffer | Error;
  }
  export interface Ssh2Negotiated {
    kex: string;
    serverHostKey: string;
    cs: { cipher: string; mac: string; compress: string; lang: string };
    sc: { cipher: string; mac: string; compress: string; lang: string };
  }
  export interface Ssh2Exchange {
    sessionID: Buffer | undefined;
    readonly negotiated: Ssh2Negotiated;
    remoteExtInfoEnabled: boolean;
    start(): void;
    parse(payload: Buffer): number | false | undefined;
  }
  export interface Ssh2Offer {
    readonly lists: object;
    readonly totalSize: number;
  }
  export default class Protocol {
    constructor(options: {
      server: boolean;
      offer: Ssh2Offer;
      hostKeys?: Record<string, Ssh2HostKey>;
      hostVerifier?: (blob: Buffer, answer: (permitted: boolean) => void) => boolean | undefined;
      ident: string;
      onWrite: (piece: Buffer) => void;
      onError: (error: Error & { level?: string }) => void;
      onHandshakeComplete: (negotiated: Ssh2Negotiated) => void;
    });
    start(): void;
    rekey(): void;
    disconnect(reason: number): void;
    cleanup(): void;
    _kex: Ssh2Exchange | undefined;
    /** Our KEXINIT, from the moment it was sent to the end of the exchange. */
    _kexinit: Buffer | undefined;
    _strictMode: boolean | undefined;
    _offer: Ssh2Offer;
    _remoteIdentRaw: Buffer | undefined;
    _cipher: Ssh2Cipher;
    _decipher: Ssh2Decipher | undefined;
    _packetRW: { write: Ssh2Writer };
    _onPayload: (payload: Buffer) => number | false | undefined;
    _skipNextInboundPacket: boolean;
    _destruct: ((reason?: string) => void) | undefined;
  }
}

declare module 'ssh2/lib/protocol/kex.js' {
  import type Protocol from 'ssh2/lib/protocol/Protocol.js';
  import type { Ssh2Exchange, Ssh2Offer } from 'ssh2/lib/protocol/Protocol.js';

  export interface Direction {
    cipher: readonly string[];
    mac: readonly string[];
    compress: readonly string[];
    lang: readonly string[];
  }
  const kex: {
    readonly KexInit: new (lists: {
      kex: readonly string[];
      serverHostKey: readonly string[];
      cs: Direction;
      sc: Direction;
    }) => Ssh2Offer;
    /** Sends our KEXINIT. */
    kexinit(protocol: Protocol): void;
    readonly HANDLERS: Readonly<Record<number, (protocol: object, payload: Buffer) => void>>;
  };
  export default kex;
  export type { Ssh2Exchange };
}

declare module 'ssh2/lib/protocol/crypto.js' {
  import type { Ssh2Cipher, Ssh2Decipher } from 'ssh2/lib/protocol/Protocol.js';

  const crypto: {
    readonly CIPHER_INFO: Readonly<Record<string, { readonly authLen: number; readonly sslName: string }>>;
    readonly MAC_INFO: Readonly<Record<string, { readonly isETM: boolean }>>;
    readonly bindingAvailable: boolean;
    createCipher(config: { readonly outbound: object }): Ssh2Cipher;
    createDecipher(config: { readonly inbound: object }): Ssh2Decipher;
    /** Loads Poly1305. */
    readonly init: Promise<void>;
    readonly NullDecipher: new (
      sequence: number,
      onPayload: (payload: Buffer) => number | false | undefined,
    ) => Ssh2Decipher;
  };
  export default crypto;
}

declare module 'ssh2/lib/protocol/utils.js' {
  import type Protocol from 'ssh2/lib/protocol/Protocol.js';

  const utils: {
    /** Sends now, or after the key exchange that is going on. True: now. */
    sendPacket(protocol: Protocol, packet: Buffer, bypass?: boolean): boolean;
  };
  export default utils;
}

declare module 'ssh2/lib/protocol/keyParser.js' {
  const keyParser: {
    parseKey(
      text: string,
      passphrase?: string,
    ): Error | { getPrivatePEM(): string | null } | { getPrivatePEM(): string | null }[];
  };
  export default keyParser;
}

declare module 'ssh2/package.json' {
  const manifest: { readonly version: string };
  export default manifest;
}
