/**
 * Enveloped XML signatures (XML Signature sections 4 and 6.6.4, SAML Core section 5.4): what they cover, as bytes.
 *
 * Invariants (A-ID-06): a signature counts only where it stands directly in the element that it signs, refers to that
 * element by its ID, and is of the one shape below; every identifier in the document is there once. Keys are those of
 * the provider's metadata: whatever certificate stands in KeyInfo is not read. What is given back are the canonical
 * bytes that the digest was taken of, by which alone a caller may read.
 *
 *   Signature: SignedInfo SignatureValue KeyInfo?
 *   SignedInfo: CanonicalizationMethod (exclusive) SignatureMethod (table) Reference
 *   Reference URI="#ID": Transforms (enveloped, exclusive) DigestMethod (table) DigestValue
 *
 * Canonicalisation, digests and the order of the steps are xml-crypto's; the algorithms it may use are given to it here.
 */
import { createHash, type KeyObject, sign, constants as tls, verify } from 'node:crypto';
import { type HashAlgorithm, type SignatureAlgorithm, SignedXml } from 'xml-crypto';
import {
  digests,
  enveloped,
  namespaces,
  ownDigest,
  ownSignature,
  type SignatureMethod,
  signatureMethods,
} from './names.ts';
import {
  attributeOf,
  elementsOf,
  escapeXml,
  everyElement,
  isElement,
  Refusal,
  textOf,
  type XmlElement,
} from './xml.ts';

const base64Pattern = /^[A-Za-z0-9+/]+={0,2}$/;

/** The bytes of Base64 that may be broken into lines; anything else is refused. */
export function decodeBase64(text: string): Buffer {
  const joined = text.replace(/[ \t\r\n]+/g, '');
  if (joined.length % 4 !== 0 || !base64Pattern.test(joined)) throw new Refusal('something is not Base64');
  return Buffer.from(joined, 'base64');
}

/** The signature that stands in an element, or null. */
export function signatureOf(element: XmlElement): XmlElement | null {
  const found = elementsOf(element).filter((child) => child.local === 'Signature');
  if (found.length > 1) throw new Refusal(`${element.local} holds several signatures`);
  return found[0] ?? null;
}

/** Refuses a document in which an identifier could mean two elements, or one that only some readers see. */
export function checkIdentifiers(root: XmlElement): void {
  const seen = new Set<string>();
  for (const element of everyElement(root)) {
    for (const { prefix, local, value } of element.attributes) {
      if (prefix === 'xmlns' || local.toLowerCase() !== 'id') continue;
      if (prefix !== '' || seen.has(value)) throw new Refusal('an identifier is given twice');
      seen.add(value);
    }
  }
}

/**
 * The canonical text of `element`, which one of `keys` signed, without its signature. `text` is the document whose
 * root is `root`. Throws a Refusal.
 */
export function verifiedText(text: string, root: XmlElement, element: XmlElement, keys: readonly KeyObject[]): string {
  checkIdentifiers(root);
  const signature = signatureOf(element);
  if (signature === null) throw new Refusal(`${element.local} is not signed`);
  const method = checkShape(signature, element);
  const fitting = keys.filter((key) => key.asymmetricKeyType === method.key);
  for (const key of fitting) {
    const verified = verifyBy(text, standAlone(text, signature), key);
    if (verified !== null) return verified;
  }
  throw new Refusal(`no key of the provider made the signature of ${element.local}`);
}

function checkShape(signature: XmlElement, element: XmlElement): SignatureMethod {
  const [info, value, keyInfo, ...more] = elementsOf(signature);
  if (
    !isElement(signature, namespaces.signature, 'Signature') ||
    !isElement(info, namespaces.signature, 'SignedInfo') ||
    !isElement(value, namespaces.signature, 'SignatureValue') ||
    (keyInfo !== undefined && !isElement(keyInfo, namespaces.signature, 'KeyInfo')) ||
    more.length > 0
  ) {
    throw new Refusal('a signature is not of the shape that SAML gives it');
  }
  decodeBase64(textOf(value));
  const [canonical, method, reference, ...others] = elementsOf(info);
  if (
    !isElement(canonical, namespaces.signature, 'CanonicalizationMethod') ||
    !isElement(method, namespaces.signature, 'SignatureMethod') ||
    !isElement(reference, namespaces.signature, 'Reference') ||
    others.length > 0 ||
    elementsOf(method).length > 0
  ) {
    throw new Refusal('SignedInfo is not of the shape that SAML gives it');
  }
  checkExclusive(canonical);
  checkReference(reference, element);
  const known = signatureMethods.get(attributeOf(method, 'Algorithm') ?? '');
  if (known === undefined) throw new Refusal('the signature is by an algorithm that is not taken');
  return known;
}

function checkReference(reference: XmlElement, element: XmlElement): void {
  const [transforms, method, value, ...more] = elementsOf(reference);
  if (
    !isElement(transforms, namespaces.signature, 'Transforms') ||
    !isElement(method, namespaces.signature, 'DigestMethod') ||
    !isElement(value, namespaces.signature, 'DigestValue') ||
    more.length > 0 ||
    elementsOf(method).length > 0
  ) {
    throw new Refusal('a reference is not of the shape that SAML gives it');
  }
  decodeBase64(textOf(value));
  if (!digests.has(attributeOf(method, 'Algorithm') ?? '')) {
    throw new Refusal('the digest is by an algorithm that is not taken');
  }
  const [first, second, ...others] = elementsOf(transforms);
  const isEnveloped =
    isElement(first, namespaces.signature, 'Transform') &&
    attributeOf(first, 'Algorithm') === enveloped &&
    elementsOf(first).length === 0;
  if (!isEnveloped || !isElement(second, namespaces.signature, 'Transform') || others.length > 0) {
    throw new Refusal('a reference is transformed otherwise than SAML has it');
  }
  checkExclusive(second);
  const id = attributeOf(element, 'ID') ?? '';
  // Also what makes an identifier safe in an XPath.
  if (!/^[A-Za-z_][A-Za-z0-9._-]*$/.test(id) || attributeOf(reference, 'URI') !== `#${id}`) {
    throw new Refusal('a signature refers to something else than the element it stands in');
  }
}

/** Exclusive canonicalisation without comments, perhaps with prefixes to keep. */
function checkExclusive(element: XmlElement): void {
  const [list, ...more] = elementsOf(element);
  const isPlain = list === undefined || isElement(list, namespaces.exclusive, 'InclusiveNamespaces');
  if (attributeOf(element, 'Algorithm') !== namespaces.exclusive || !isPlain || more.length > 0) {
    throw new Refusal('a signature is canonicalised by a method that is not taken');
  }
}

/** An element as a text of its own: with the namespaces that it had from around it. */
export function standAlone(text: string, element: XmlElement): string {
  const own = new Set(element.attributes.map((one) => one.name));
  const inherited = [...element.scope]
    .filter(([prefix]) => prefix !== 'xml' && !own.has(prefix === '' ? 'xmlns' : `xmlns:${prefix}`))
    .map(([prefix, value]) => ` xmlns${prefix === '' ? '' : `:${prefix}`}="${escapeXml(value)}"`)
    .join('');
  const nameEnd = element.start + 1 + element.name.length;
  return text.slice(element.start, nameEnd) + inherited + text.slice(nameEnd, element.end);
}

function verifyBy(text: string, signature: string, key: KeyObject): string | null {
  const checker = signedXml();
  checker.publicCert = key;
  try {
    checker.loadSignature(signature);
    if (!checker.checkSignature(text)) return null;
  } catch (error) {
    // xml-crypto throws for a signature of another key as for one that is broken: the next key may be the one.
    if (error instanceof Error) return null;
    throw error;
  }
  const [verified, ...more] = checker.getSignedReferences();
  return verified === undefined || more.length > 0 ? null : verified;
}

/** xml-crypto with the algorithms of the tables and no others. */
function signedXml(): SignedXml {
  const signed = new SignedXml();
  const { CanonicalizationAlgorithms: known } = signed;
  signed.CanonicalizationAlgorithms = {
    [namespaces.exclusive]: known[namespaces.exclusive]!,
    [enveloped]: known[enveloped]!,
  };
  signed.HashAlgorithms = Object.fromEntries([...digests].map(([uri, hash]) => [uri, hashAlgorithm(uri, hash)]));
  signed.SignatureAlgorithms = Object.fromEntries(
    [...signatureMethods].map(([uri, method]) => [uri, signatureAlgorithm(uri, method)]),
  );
  signed.getCertFromKeyInfo = () => null;
  return signed;
}

function hashAlgorithm(uri: string, hash: string): new () => HashAlgorithm {
  return class {
    getAlgorithmName(): string {
      return uri;
    }

    getHash(xml: string): string {
      return createHash(hash).update(xml, 'utf8').digest('base64');
    }
  };
}

function signatureAlgorithm(uri: string, method: SignatureMethod): new () => SignatureAlgorithm {
  class Algorithm {
    getAlgorithmName(): string {
      return uri;
    }

    getSignature(info: string, key: KeyObject): string {
      return signBytes(Buffer.from(info, 'utf8'), key, method).toString('base64');
    }

    verifySignature(info: string, key: KeyObject, value: string): boolean {
      return verifyBytes(Buffer.from(info, 'utf8'), key, method, decodeBase64(value));
    }
  }
  // The package's interface also has forms with callbacks, which it never calls.
  return Algorithm as unknown as new () => SignatureAlgorithm;
}

function keyFor(key: KeyObject, { key: kind, pss }: SignatureMethod): Parameters<typeof verify>[2] {
  if (kind === 'ec') return { key, dsaEncoding: 'ieee-p1363' };
  if (!pss) return { key, padding: tls.RSA_PKCS1_PADDING };
  return { key, padding: tls.RSA_PKCS1_PSS_PADDING, saltLength: tls.RSA_PSS_SALTLEN_DIGEST };
}

export function verifyBytes(data: Buffer, key: KeyObject, method: SignatureMethod, value: Buffer): boolean {
  return key.asymmetricKeyType === method.key && verify(method.hash, data, keyFor(key, method), value);
}

export function signBytes(data: Buffer, key: KeyObject, method = signatureMethods.get(ownSignature)!): Buffer {
  return sign(method.hash, data, keyFor(key, method) as Parameters<typeof sign>[2]);
}

/** Signs the root of `xml`; the signature stands behind its Issuer (SAML Core section 5.4, and the schema). */
export function signRoot(xml: string, key: KeyObject): string {
  const signer = signedXml();
  signer.privateKey = key;
  signer.signatureAlgorithm = ownSignature;
  signer.canonicalizationAlgorithm = namespaces.exclusive;
  signer.addReference({ xpath: '/*', transforms: [enveloped, namespaces.exclusive], digestAlgorithm: ownDigest });
  const reference = `/*/*[local-name(.)='Issuer' and namespace-uri(.)='${namespaces.assertion}']`;
  signer.computeSignature(xml, { prefix: 'ds', location: { reference, action: 'after' } });
  return signer.getSignedXml();
}
