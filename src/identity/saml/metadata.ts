/**
 * Metadata of SAML (SAML Metadata): the provider's, read; the gateway's own, written.
 *
 * Invariants: one EntityDescriptor with one IDPSSODescriptor; of keys only certificates count, never expired ones, and
 * of those that sign all that are announced, so that a provider can change its key. Addresses are https, or http on this
 * machine.
 *
 * The signature of metadata is not verified: who configures it has had it from the provider, and is trusted to.
 *
 * Deliberately absent: fetching it, federations (EntitiesDescriptor), artifact and SOAP bindings.
 */
import { type KeyObject, X509Certificate } from 'node:crypto';
import { encryptionMethods } from './encryption.ts';
import * as limits from './limits.ts';
import { bindings, nameIdFormats, namespaces } from './names.ts';
import type { SamlEndpoints, SamlProviderSpec, SpKeys } from './parts.ts';
import { decodeBase64 } from './signature.ts';
import {
  attributeOf,
  childrenOf,
  escapeXml,
  isElement,
  neededChild,
  normaliseLines,
  onlyChild,
  Refusal,
  readXml,
  textOf,
  type XmlElement,
} from './xml.ts';

export interface IdpCertificate {
  readonly key: KeyObject;
  /** Wall clock, milliseconds. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Where a service of the provider stands, by binding. */
export interface IdpService {
  readonly location: string;
  /** Where answers go, where that is elsewhere. */
  readonly responseLocation: string;
}

export interface IdpServices {
  readonly redirect: IdpService | null;
  readonly post: IdpService | null;
}

export interface IdpMetadata {
  readonly entityId: string;
  readonly certificates: readonly IdpCertificate[];
  readonly signOn: IdpServices;
  readonly logout: IdpServices;
  /** Wall clock, milliseconds; Infinity where it does not say. */
  readonly validUntilMs: number;
}

/** Reads what a provider publishes. Throws a Refusal that says what is wrong with it. */
export function readIdpMetadata(text: string): IdpMetadata {
  if (text.length > limits.metadataLengthMax) throw new Refusal('it is too long');
  const root = readXml(normaliseLines(text.replace(/^\ufeff/, '').trim()), true);
  if (isElement(root, namespaces.metadata, 'EntitiesDescriptor')) {
    throw new Refusal('it describes several entities (EntitiesDescriptor); give the EntityDescriptor of one');
  }
  if (!isElement(root, namespaces.metadata, 'EntityDescriptor')) throw new Refusal('it is no EntityDescriptor');
  const entityId = attributeOf(root, 'entityID') ?? '';
  if (entityId === '' || entityId.length > limits.entityIdLengthMax || /\s/.test(entityId)) {
    throw new Refusal('its entityID is missing or too long');
  }
  const descriptor = onlyChild(root, namespaces.metadata, 'IDPSSODescriptor');
  if (descriptor === null) throw new Refusal('it describes no identity provider (IDPSSODescriptor)');
  if (!(attributeOf(descriptor, 'protocolSupportEnumeration') ?? '').split(' ').includes(namespaces.protocol)) {
    throw new Refusal('its identity provider does not speak SAML 2.0');
  }
  const signOn = servicesOf(descriptor, 'SingleSignOnService');
  if (signOn.redirect === null && signOn.post === null) {
    throw new Refusal('it has no SingleSignOnService with the binding HTTP-Redirect or HTTP-POST');
  }
  return {
    entityId,
    certificates: certificatesOf(descriptor),
    signOn,
    logout: servicesOf(descriptor, 'SingleLogoutService'),
    validUntilMs: Math.min(validUntil(root), validUntil(descriptor)),
  };
}

function validUntil(element: XmlElement): number {
  const text = attributeOf(element, 'validUntil');
  return text === null ? Number.POSITIVE_INFINITY : readInstant(text);
}

function servicesOf(descriptor: XmlElement, local: string): IdpServices {
  const all = childrenOf(descriptor, namespaces.metadata, local);
  const by = (binding: string): IdpService | null => {
    const service = all.find((one) => attributeOf(one, 'Binding') === binding);
    if (service === undefined) return null;
    const location = locationOf(attributeOf(service, 'Location') ?? '');
    return { location, responseLocation: locationOf(attributeOf(service, 'ResponseLocation') ?? location) };
  };
  return { redirect: by(bindings.redirect), post: by(bindings.post) };
}

function locationOf(text: string): string {
  if (!URL.canParse(text)) throw new Refusal('the address of a service is none');
  const { protocol, hostname, username, password, hash } = new URL(text);
  const isLoopback = /^(?:localhost|\[::1\]|127\.\d+\.\d+\.\d+|.+\.localhost)$/.test(hostname);
  if (
    username !== '' ||
    password !== '' ||
    hash !== '' ||
    (protocol !== 'https:' && !(protocol === 'http:' && isLoopback))
  ) {
    throw new Refusal('the address of a service is not https://… without a user and a fragment');
  }
  return text;
}

function certificatesOf(descriptor: XmlElement): readonly IdpCertificate[] {
  const found: IdpCertificate[] = [];
  for (const described of childrenOf(descriptor, namespaces.metadata, 'KeyDescriptor')) {
    // Without a use, a key is for both (SAML Metadata section 2.4.1.1).
    if ((attributeOf(described, 'use') ?? 'signing') !== 'signing') continue;
    const keyInfo = neededChild(described, namespaces.signature, 'KeyInfo');
    for (const data of childrenOf(keyInfo, namespaces.signature, 'X509Data')) {
      // Of a chain, the first is the one that signs.
      const [certificate] = childrenOf(data, namespaces.signature, 'X509Certificate');
      if (certificate !== undefined) found.push(certificateOf(textOf(certificate)));
    }
  }
  if (found.length === 0) throw new Refusal('it has no certificate for signatures');
  if (found.length > limits.signingCertificatesMax) throw new Refusal('it has too many certificates for signatures');
  return found;
}

function certificateOf(base64: string): IdpCertificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(decodeBase64(base64));
  } catch (error) {
    throw new Refusal(`a certificate cannot be read: ${error instanceof Error ? error.message : 'unknown'}`);
  }
  const key = certificate.publicKey;
  const isStrongRsa =
    key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= limits.rsaBitsMin;
  const isStrongCurve =
    key.asymmetricKeyType === 'ec' &&
    ['prime256v1', 'secp384r1', 'secp521r1'].includes(key.asymmetricKeyDetails?.namedCurve ?? '');
  if (!isStrongRsa && !isStrongCurve) {
    throw new Refusal(`a certificate's key is neither RSA of at least ${limits.rsaBitsMin} bits nor on a NIST curve`);
  }
  return { key, fromMs: certificate.validFromDate.getTime(), untilMs: certificate.validToDate.getTime() };
}

/** The keys whose certificates are valid at `nowMs`. */
export function keysAt(metadata: IdpMetadata, nowMs: number): readonly KeyObject[] {
  return metadata.certificates
    .filter(({ fromMs, untilMs }) => fromMs - limits.clockSkewMs <= nowMs && nowMs < untilMs + limits.clockSkewMs)
    .map(({ key }) => key);
}

const instantPattern = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?Z$/;

/** An instant as SAML spells it (SAML Core section 1.3.3): in UTC, whose fractions count to the millisecond. */
export function readInstant(text: string): number {
  const [, whole, fraction = ''] = instantPattern.exec(text) ?? [];
  const atMs = whole === undefined ? Number.NaN : Date.parse(`${whole}.${fraction.padEnd(3, '0').slice(0, 3)}Z`);
  // `Date` takes the thirty-first of every month.
  if (Number.isNaN(atMs) || !new Date(atMs).toISOString().startsWith(whole!)) throw new Refusal('an instant is none');
  return atMs;
}

/** What the provider is configured with. */
export function writeSpMetadata(
  entityId: string,
  endpoints: SamlEndpoints,
  spec: SamlProviderSpec,
  keys: SpKeys,
): string {
  const certificate = new X509Certificate(keys.certificate).raw.toString('base64');
  const keyInfo =
    `<ds:KeyInfo xmlns:ds="${namespaces.signature}"><ds:X509Data><ds:X509Certificate>${certificate}` +
    '</ds:X509Certificate></ds:X509Data></ds:KeyInfo>';
  const methods = encryptionMethods.map((uri) => `<md:EncryptionMethod Algorithm="${uri}"/>`).join('');
  const acs = escapeXml(endpoints.acs);
  const logout = escapeXml(endpoints.logout);
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<md:EntityDescriptor xmlns:md="${namespaces.metadata}" entityID="${escapeXml(entityId)}">` +
    `<md:SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true"` +
    ` protocolSupportEnumeration="${namespaces.protocol}">` +
    `<md:KeyDescriptor use="signing">${keyInfo}</md:KeyDescriptor>` +
    `<md:KeyDescriptor use="encryption">${keyInfo}${methods}</md:KeyDescriptor>` +
    `<md:SingleLogoutService Binding="${bindings.redirect}" Location="${logout}"/>` +
    `<md:SingleLogoutService Binding="${bindings.post}" Location="${logout}"/>` +
    `<md:NameIDFormat>${nameIdFormats[spec.nameIdFormat]}</md:NameIDFormat>` +
    `<md:AssertionConsumerService Binding="${bindings.post}" Location="${acs}" index="0" isDefault="true"/>` +
    '</md:SPSSODescriptor></md:EntityDescriptor>\n'
  );
}
