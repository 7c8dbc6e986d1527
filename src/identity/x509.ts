/**
 * The two things of an X.509 certificate that Node does not tell: critical extensions that nobody here knows, and whether its
 * key may sign (RFC 5280, section 4.1).
 *
 *     Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature }
 *     TBSCertificate ::= SEQUENCE { [0] version, serial, signature, issuer, validity, subject, key, …, [3] extensions }
 *     Extension ::= SEQUENCE { OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, OCTET STRING }
 *
 * Invariant: what cannot be read is a problem. Node has parsed the certificate before, so lengths are those of DER.
 */

interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

const tags = { boolean: 0x01, bitString: 0x03, octetString: 0x04, extensions: 0xa3 } as const;

/** Bodies of object identifiers in hexadecimal: `id-ce` is 55 1d. */
const keyUsage = '551d0f';
const known: ReadonlySet<string> = new Set([
  keyUsage,
  '551d13', // basicConstraints
  '551d25', // extKeyUsage
  '551d11', // subjectAltName
  '551d0e', // subjectKeyIdentifier
  '551d23', // authorityKeyIdentifier
  '551d20', // certificatePolicies: nothing here asks for one
]);

/** Why a certificate may not prove anything, for the log; null where nothing of this speaks against it. */
export function criticalProblem(der: Buffer): string | null {
  const extensions = extensionsOf(der);
  if (extensions === null) return 'the certificate cannot be read';
  for (const extension of extensions) {
    const [id, second, third] = childrenOf(der, extension);
    const isCritical = second?.tag === tags.boolean && der[second.start] !== 0;
    const value = second?.tag === tags.boolean ? third : second;
    if (id === undefined || value?.tag !== tags.octetString) return 'the certificate cannot be read';
    const name = der.toString('hex', id.start, id.end);
    if (isCritical && !known.has(name)) return 'the certificate has a critical extension that is not known';
    if (name === keyUsage && !maySign(der, value)) return 'the key of the certificate may not sign';
  }
  return null;
}

/** The first bit of the usage is `digitalSignature`, which a TLS client does. */
function maySign(der: Buffer, value: Element): boolean {
  const bits = elementAt(der, value.start, value.end);
  return bits?.tag === tags.bitString && bits.end - bits.start >= 2 && (der[bits.start + 1]! & 0x80) !== 0;
}

function extensionsOf(der: Buffer): readonly Element[] | null {
  const outer = elementAt(der, 0, der.length);
  const body = outer === null ? null : elementAt(der, outer.start, outer.end);
  if (body === null) return null;
  const tagged = childrenOf(der, body).find(({ tag }) => tag === tags.extensions);
  // A certificate of the first version has none; one that is for clients does.
  if (tagged === undefined) return null;
  const list = elementAt(der, tagged.start, tagged.end);
  return list === null ? null : childrenOf(der, list);
}

function childrenOf(der: Buffer, { start, end }: Element): Element[] {
  const children: Element[] = [];
  for (let at = start; at < end; ) {
    const child = elementAt(der, at, end);
    if (child === null) return [];
    children.push(child);
    at = child.end;
  }
  return children;
}

function elementAt(der: Buffer, at: number, limit: number): Element | null {
  const [tag, first] = [der[at], der[at + 1]];
  if (tag === undefined || first === undefined) return null;
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (first >= 0x80 && (count === 0 || count > 3)) return null;
  const start = at + 2 + count;
  if (start > limit) return null;
  const end = start + (count === 0 ? first : der.readUIntBE(at + 2, count));
  return end > limit ? null : { tag, start, end };
}
