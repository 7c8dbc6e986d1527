/**
 * A Response, from its bytes to the assertion in it (SAML Core section 3.3.3, SAML Profiles section 4.1.4).
 *
 * Invariants (A-ID-06): a response has one assertion, as its child, and no other element of that name at any depth and
 * in any namespace; the assertion is signed itself, whatever else is; where the response has a signature, that must
 * hold too. What is given back was read from the canonical bytes that the signatures cover: the document that came is
 * never read again. Where the response itself is not signed, what it says can only refuse.
 *
 * Deliberately absent: what the assertion says (`assertion.ts`), and whether anybody asked for it (`saml.ts`).
 */
import type { KeyObject } from 'node:crypto';
import { decryptAssertion } from './encryption.ts';
import { namespaces, statuses } from './names.ts';
import { checkIdentifiers, signatureOf, verifiedText } from './signature.ts';
import {
  attributeOf,
  elementsOf,
  everyElement,
  isElement,
  neededChild,
  normaliseLines,
  onlyChild,
  Refusal,
  readXml,
  textOf,
  type XmlElement,
} from './xml.ts';

export interface OpenedResponse {
  /** Of the response; null where it does not say. */
  readonly issuer: string | null;
  readonly destination: string | null;
  readonly inResponseTo: string | null;
  readonly isSigned: boolean;
  /** Read from the bytes that its signature covers. */
  readonly assertion: XmlElement;
}

export interface OpeningKeys {
  /** The provider's, that sign. */
  readonly signing: readonly KeyObject[];
  /** The gateway's, that decrypts. */
  readonly decryption: KeyObject;
  /** Refuses an assertion that came in clear. */
  readonly encryptedOnly: boolean;
}

const order: readonly (readonly [namespace: string, local: string])[] = [
  [namespaces.assertion, 'Issuer'],
  [namespaces.signature, 'Signature'],
  [namespaces.protocol, 'Extensions'],
  [namespaces.protocol, 'Status'],
  [namespaces.assertion, 'Assertion'],
  [namespaces.assertion, 'EncryptedAssertion'],
];

export function openResponse(text: string, keys: OpeningKeys): OpenedResponse {
  const root = readXml(text);
  if (!isElement(root, namespaces.protocol, 'Response')) throw new Refusal('the message is no Response');
  checkIdentifiers(root);
  checkOrder(root);
  const isSigned = signatureOf(root) !== null;
  // Beside the response's own signature, what it covers is all that is read of it.
  const response = isSigned ? readXml(verifiedText(text, root, root, keys.signing)) : root;
  checkStatus(response);
  const assertion = soleAssertion(root, isSigned);
  const issuer = onlyChild(response, namespaces.assertion, 'Issuer');
  return {
    issuer: issuer === null ? null : textOf(issuer),
    destination: attributeOf(response, 'Destination'),
    inResponseTo: attributeOf(response, 'InResponseTo'),
    isSigned,
    assertion: openAssertion(text, root, assertion, keys),
  };
}

/** Children in the order of the schema, each once: whatever wraps has to stand somewhere. */
function checkOrder(root: XmlElement): void {
  if (attributeOf(root, 'Version') !== '2.0') throw new Refusal('the message is not of SAML 2.0');
  let last = -1;
  for (const child of elementsOf(root)) {
    const at = order.findIndex(([namespace, local]) => isElement(child, namespace, local));
    if (at <= last) throw new Refusal(`the response holds ${child.local} where it may not`);
    last = at;
  }
}

function checkStatus(response: XmlElement): void {
  const status = neededChild(response, namespaces.protocol, 'Status');
  const code = attributeOf(neededChild(status, namespaces.protocol, 'StatusCode'), 'Value');
  if (code !== statuses.success) throw new Refusal('the provider says that it did not succeed', 'denied');
}

function soleAssertion(root: XmlElement, isSigned: boolean): XmlElement {
  const named = (local: string): XmlElement[] => [...everyElement(root)].filter((one) => one.local === local);
  const found = [...named('Assertion'), ...named('EncryptedAssertion')];
  const [assertion, ...more] = found;
  if (assertion === undefined || more.length > 0 || !root.children.includes(assertion)) {
    throw new Refusal('the response does not hold just one assertion');
  }
  // Which signatures there may be at all: of the response, and of the assertion.
  const own = assertion.local === 'Assertion' ? signatureOf(assertion) : null;
  const signatures = (isSigned ? 1 : 0) + (own === null ? 0 : 1);
  if (named('Signature').length !== signatures || named('SignedInfo').length !== signatures) {
    throw new Refusal('the response holds a signature where none may be');
  }
  if (named('Response').length !== 1) throw new Refusal('the response holds another one');
  return assertion;
}

function openAssertion(text: string, root: XmlElement, found: XmlElement, keys: OpeningKeys): XmlElement {
  if (isElement(found, namespaces.assertion, 'Assertion')) {
    if (keys.encryptedOnly) throw new Refusal('the assertion is not encrypted');
    return readVerified(verifiedText(text, root, found, keys.signing));
  }
  const clearText = normaliseLines(decryptAssertion(found, keys.decryption));
  const clear = readXml(clearText);
  const all = [...everyElement(clear)];
  const isSole =
    all.filter(({ local }) => local === 'Assertion' || local === 'EncryptedAssertion').length === 1 &&
    all.filter(({ local }) => local === 'Signature').length === 1;
  if (!isElement(clear, namespaces.assertion, 'Assertion') || !isSole) {
    throw new Refusal('what was encrypted is not just one signed assertion');
  }
  return readVerified(verifiedText(clearText, clear, clear, keys.signing));
}

function readVerified(canonical: string): XmlElement {
  const assertion = readXml(canonical);
  // Canonical bytes of anything else would be a fault of who canonicalised them.
  if (!isElement(assertion, namespaces.assertion, 'Assertion')) throw new Refusal('what was signed is no assertion');
  return assertion;
}
