/**
 * Messages of single logout that came (SAML Core section 3.7, SAML Profiles section 4.4).
 *
 * Invariants: only what is signed is read: a redirect's whole message, whose signature the binding has checked, or the
 * canonical bytes of a posted one. Whoever could forge one could end anybody's work.
 *
 * Deliberately absent: EncryptedID, and ending anything: the caller does.
 */
import type { KeyObject } from 'node:crypto';
import { checkIssuer, type Expected, readNameId } from './assertion.ts';
import type { Received } from './bindings.ts';
import * as limits from './limits.ts';
import { readInstant } from './metadata.ts';
import { namespaces, statuses } from './names.ts';
import { checkIdentifiers, verifiedText } from './signature.ts';
import { attributeOf, childrenOf, isElement, neededChild, Refusal, readXml, textOf, type XmlElement } from './xml.ts';

export interface ExpectedLogout extends Omit<Expected, 'recipient'> {
  /** The gateway's logout address. */
  readonly destination: string;
}

export type ReadLogout =
  | {
      readonly type: 'request';
      readonly id: string;
      /** Wall clock, milliseconds: afterwards it is not taken any more. */
      readonly deadAtMs: number;
      readonly nameId: string;
      readonly sessionIndexes: readonly string[];
    }
  | { readonly type: 'response'; readonly inResponseTo: string; readonly isComplete: boolean };

/** The root of a message, by its signed bytes. `keys` is null where the binding has verified them all. */
export function signedRoot(text: string, keys: readonly KeyObject[] | null): XmlElement {
  const root = readXml(text);
  checkIdentifiers(root);
  return keys === null ? root : readXml(verifiedText(text, root, root, keys));
}

export function readLogout(kind: Received['kind'], root: XmlElement, expected: ExpectedLogout): ReadLogout {
  const local = kind === 'SAMLRequest' ? 'LogoutRequest' : 'LogoutResponse';
  if (!isElement(root, namespaces.protocol, local) || attributeOf(root, 'Version') !== '2.0') {
    throw new Refusal(`the message is no ${local} of SAML 2.0`);
  }
  checkIssuer(neededChild(root, namespaces.assertion, 'Issuer'), expected.issuer);
  if (attributeOf(root, 'Destination') !== expected.destination)
    throw new Refusal('the message is for another address');
  const issuedAtMs = readInstant(attributeOf(root, 'IssueInstant') ?? '');
  const ending = attributeOf(root, 'NotOnOrAfter');
  const endsAtMs = Math.min(
    issuedAtMs + limits.logoutAgeMaxMs,
    ending === null ? Number.POSITIVE_INFINITY : readInstant(ending),
  );
  if (expected.nowMs < issuedAtMs - limits.clockSkewMs || expected.nowMs >= endsAtMs + limits.clockSkewMs) {
    throw new Refusal('the message is over, or of the future');
  }
  return kind === 'SAMLRequest' ? readRequest(root, expected, endsAtMs + limits.clockSkewMs) : readResponse(root);
}

function readRequest(root: XmlElement, expected: ExpectedLogout, deadAtMs: number): ReadLogout {
  const id = attributeOf(root, 'ID') ?? '';
  if (id === '' || id.length > limits.valueLengthMax) throw new Refusal('the message has no identifier');
  const sessionIndexes = childrenOf(root, namespaces.protocol, 'SessionIndex').map(textOf);
  if (sessionIndexes.length > limits.sessionIndexesMax) throw new Refusal('the message names too many sessions');
  const nameId = readNameId(neededChild(root, namespaces.assertion, 'NameID'), expected);
  return { type: 'request', id, deadAtMs, nameId, sessionIndexes };
}

function readResponse(root: XmlElement): ReadLogout {
  const status = neededChild(root, namespaces.protocol, 'Status');
  const code = neededChild(status, namespaces.protocol, 'StatusCode');
  const isPartial = childrenOf(code, namespaces.protocol, 'StatusCode').length > 0;
  const inResponseTo = attributeOf(root, 'InResponseTo') ?? '';
  return { type: 'response', inResponseTo, isComplete: attributeOf(code, 'Value') === statuses.success && !isPartial };
}
