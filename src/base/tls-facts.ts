/**
 * What channel bindings and certificate checks need to know about TLS on a wire (RFC 5929, RFC 9266).
 *
 * Deliberately absent: TLS itself (wire.ts).
 */
import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** What the channel bindings of RFC 5929 and RFC 9266 and certificate checks need to know about TLS on a wire. */
export interface TlsFacts {
  readonly version: string;
  readonly cipher: string;
  /** The protocol negotiated by ALPN, or null. */
  readonly alpn: string | null;
  /** `tls-server-end-point` data: hash of the server's certificate, or null where it is not defined. */
  readonly serverEndPoint: Buffer | null;
  /** On the server's side: the name that the client asked for (SNI), or null. Absent on the client's. */
  readonly serverName?: string | null;
  /** On the server's side: the client's certificate in DER, whose key the handshake proved and nothing else; null: none. */
  readonly clientCertificate?: Buffer | null;
}

/** The facts of a connection that is up; `certificate` is the server's, in DER. */
export function factsOf(tls: TLSSocket, certificate: Buffer | null): TlsFacts {
  return {
    version: tls.getProtocol() ?? '',
    cipher: tls.getCipher().name,
    alpn: typeof tls.alpnProtocol === 'string' ? tls.alpnProtocol : null,
    serverEndPoint: certificate === null ? null : serverEndPoint(certificate),
  };
}

/**
 * `tls-server-end-point` (RFC 5929 section 4.1): the certificate hashed by its own signature's hash, MD5 and SHA-1
 * replaced by SHA-256. Null for signatures without a hash of their own (Ed25519).
 */
export function serverEndPoint(certificate: Buffer): Buffer | null {
  const hash = signatureHash(certificate);
  return hash === null ? null : createHash(hash).update(certificate).digest();
}

// Object identifiers of signature algorithms, DER body in hex, and the hash each one names (RFC 4055, 5758).
const signatureHashes: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'sha256',
  '2a864886f70d010105': 'sha256',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d0401': 'sha256',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
};

function signatureHash(der: Buffer): string | null {
  // Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID … } … } (RFC 5280 §4.1).
  const outer = element(der, 0);
  const tbs = outer && element(der, outer.start);
  const algorithm = tbs && element(der, tbs.end);
  const oid = algorithm && element(der, algorithm.start);
  if (!oid || der[algorithm.start] !== 0x06) return null;
  return signatureHashes[der.toString('hex', oid.start, oid.end)] ?? null;
}

function element(der: Buffer, at: number): { start: number; end: number } | null {
  const first = der[at + 1];
  if (first === undefined) return null;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const count = first & 0x7f;
  if (count === 0 || count > 4 || at + 2 + count > der.length) return null;
  const start = at + 2 + count;
  return { start, end: start + der.readUIntBE(at + 2, count) };
}
