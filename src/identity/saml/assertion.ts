/**
 * What a verified assertion says, and whether it is for us, now (SAML Core section 2, SAML Profiles section 4.1.4.2).
 *
 * Invariants: it is read from signed bytes alone; issuer, audience and recipient are compared as whole strings; times
 * count with a skew of a minute to either side; what is missing or not understood refuses. Names and values are taken
 * as spelled: nothing is trimmed, folded or cut.
 *
 * Deliberately absent: one-time use (`saml.ts`), and what groups mean.
 */
import * as limits from './limits.ts';
import { readInstant } from './metadata.ts';
import { bearer, entityFormat, nameIdFormats, namespaces } from './names.ts';
import type { SamlProviderSpec } from './parts.ts';
import {
  attributeOf,
  childrenOf,
  elementsOf,
  isElement,
  neededChild,
  onlyChild,
  Refusal,
  textOf,
  type XmlElement,
} from './xml.ts';

export interface Expected {
  /** The provider's entity id. */
  readonly issuer: string;
  /** The gateway's. */
  readonly audience: string;
  readonly recipient: string;
  readonly nameIdFormat: SamlProviderSpec['nameIdFormat'];
  /** Of an e-mail address; null where any will do. */
  readonly domain: string | null;
  readonly nowMs: number;
}

export interface AssertionFacts {
  readonly id: string;
  /** Wall clock, milliseconds: afterwards it is not taken any more, whatever its clock. */
  readonly deadAtMs: number;
  readonly nameId: string;
  readonly inResponseTo: string | null;
  readonly provenAtMs: number;
  readonly session: string | null;
  readonly context: string | null;
  /** By name; null for one whose values are not text. */
  readonly attributes: ReadonlyMap<string, readonly string[] | null>;
}

export function readAssertion(assertion: XmlElement, expected: Expected): AssertionFacts {
  if (attributeOf(assertion, 'Version') !== '2.0') throw new Refusal('the assertion is not of SAML 2.0');
  checkIssuer(neededChild(assertion, namespaces.assertion, 'Issuer'), expected.issuer);
  const issuedAtMs = instantOf(assertion, 'IssueInstant') ?? refuseMissing('IssueInstant');
  notAfterNow(issuedAtMs, 'the assertion', expected.nowMs);
  const oldAtMs = issuedAtMs + limits.assertionAgeMaxMs;
  const subject = neededChild(assertion, namespaces.assertion, 'Subject');
  const confirmation = readConfirmation(subject, expected);
  const conditionsEndMs = checkConditions(neededChild(assertion, namespaces.assertion, 'Conditions'), expected);
  const endsAtMs = Math.min(oldAtMs, confirmation.endsAtMs, conditionsEndMs);
  if (expected.nowMs >= endsAtMs + limits.clockSkewMs) throw new Refusal('the assertion is over');
  return {
    id: attributeOf(assertion, 'ID') ?? refuseMissing('ID'),
    deadAtMs: endsAtMs + limits.clockSkewMs,
    nameId: readNameId(neededChild(subject, namespaces.assertion, 'NameID'), expected),
    inResponseTo: confirmation.inResponseTo,
    ...readAuthentication(neededChild(assertion, namespaces.assertion, 'AuthnStatement'), expected.nowMs),
    attributes: readAttributes(childrenOf(assertion, namespaces.assertion, 'AttributeStatement')),
  };
}

function refuseMissing(what: string): never {
  throw new Refusal(`the assertion has no ${what}`);
}

function instantOf(element: XmlElement, local: string): number | null {
  const text = attributeOf(element, local);
  return text === null ? null : readInstant(text);
}

function notAfterNow(atMs: number, what: string, nowMs: number): void {
  if (nowMs < atMs - limits.clockSkewMs) throw new Refusal(`${what} is of the future`);
}

/** An issuer by its entity id, and by nothing else. */
export function checkIssuer(issuer: XmlElement, entityId: string): void {
  const format = attributeOf(issuer, 'Format');
  const isPlain = issuer.attributes.every(
    ({ name, prefix }) => name === 'Format' || name === 'xmlns' || prefix === 'xmlns',
  );
  if (!isPlain || (format !== null && format !== entityFormat) || textOf(issuer) !== entityId) {
    throw new Refusal('the issuer is another than the provider');
  }
}

function readConfirmation(
  subject: XmlElement,
  { recipient, nowMs }: Expected,
): { readonly inResponseTo: string | null; readonly endsAtMs: number } {
  const confirmation = neededChild(subject, namespaces.assertion, 'SubjectConfirmation');
  if (attributeOf(confirmation, 'Method') !== bearer) throw new Refusal('the subject is not confirmed as a bearer');
  const data = neededChild(confirmation, namespaces.assertion, 'SubjectConfirmationData');
  if (attributeOf(data, 'Recipient') !== recipient) throw new Refusal('the assertion is for another recipient');
  const startsAtMs = instantOf(data, 'NotBefore');
  if (startsAtMs !== null) notAfterNow(startsAtMs, 'the confirmation', nowMs);
  const endsAtMs = instantOf(data, 'NotOnOrAfter') ?? refuseMissing('NotOnOrAfter for its bearer');
  return { inResponseTo: attributeOf(data, 'InResponseTo'), endsAtMs };
}

/** When they end, Infinity where they do not. */
function checkConditions(conditions: XmlElement, { audience, nowMs }: Expected): number {
  const startsAtMs = instantOf(conditions, 'NotBefore');
  if (startsAtMs !== null) notAfterNow(startsAtMs, 'the assertion', nowMs);
  let restrictions = 0;
  for (const condition of elementsOf(conditions)) {
    if (isElement(condition, namespaces.assertion, 'AudienceRestriction')) {
      restrictions += 1;
      const audiences = childrenOf(condition, namespaces.assertion, 'Audience');
      if (audiences.length === 0 || audiences.some((one) => textOf(one) !== audience)) {
        throw new Refusal('the assertion is for another audience');
      }
    } else if (
      // Every assertion is used once here, and nobody is given one in turn.
      !isElement(condition, namespaces.assertion, 'OneTimeUse') &&
      !isElement(condition, namespaces.assertion, 'ProxyRestriction')
    ) {
      throw new Refusal('the assertion has a condition that is unknown');
    }
  }
  if (restrictions === 0) throw new Refusal('the assertion names no audience');
  return instantOf(conditions, 'NotOnOrAfter') ?? Number.POSITIVE_INFINITY;
}

/** A name as the provider spells it: text that stands for one person. */
export function readNameId(
  nameId: XmlElement,
  expected: Pick<Expected, 'nameIdFormat' | 'domain' | 'issuer' | 'audience'>,
): string {
  const format = attributeOf(nameId, 'Format') ?? nameIdFormats.unspecified;
  if (format !== nameIdFormats[expected.nameIdFormat]) throw new Refusal('the NameID is of another format');
  // Of another qualifier it would be a name of another space of names.
  const qualifier = attributeOf(nameId, 'NameQualifier');
  const spQualifier = attributeOf(nameId, 'SPNameQualifier');
  if ((qualifier ?? expected.issuer) !== expected.issuer || (spQualifier ?? expected.audience) !== expected.audience) {
    throw new Refusal('the NameID is qualified for somebody else');
  }
  const value = textOf(nameId);
  if (!isPlainValue(value)) throw new Refusal('the NameID is empty, too long, or has blanks at its ends or controls');
  if (expected.nameIdFormat === 'emailAddress') checkAddress(value, expected.domain);
  return value;
}

function checkAddress(value: string, domain: string | null): void {
  const [, found, ...more] = value.split('@');
  const isAddress = /^[\x21-\x7e]+@[A-Za-z0-9.-]+$/.test(value) && found !== undefined && more.length === 0;
  if (!isAddress || (domain !== null && found.toLowerCase() !== domain)) {
    throw new Refusal('the NameID is no address of the domain');
  }
}

function isPlainValue(value: string): boolean {
  return value !== '' && value.length <= limits.valueLengthMax && value.trim() === value && !/\p{Cc}/u.test(value);
}

function readAuthentication(
  statement: XmlElement,
  nowMs: number,
): Pick<AssertionFacts, 'provenAtMs' | 'session' | 'context'> {
  const provenAtMs = instantOf(statement, 'AuthnInstant') ?? refuseMissing('AuthnInstant');
  notAfterNow(provenAtMs, 'the proof', nowMs);
  const sessionEndsMs = instantOf(statement, 'SessionNotOnOrAfter');
  if (sessionEndsMs !== null && nowMs >= sessionEndsMs + limits.clockSkewMs) {
    throw new Refusal('the session at the provider is over');
  }
  const context = neededChild(statement, namespaces.assertion, 'AuthnContext');
  const reference = onlyChild(context, namespaces.assertion, 'AuthnContextClassRef');
  const session = attributeOf(statement, 'SessionIndex');
  if (session !== null && !isPlainValue(session)) throw new Refusal('the SessionIndex is empty or too long');
  const contextClass = reference === null ? null : textOf(reference);
  if (contextClass !== null && !isPlainValue(contextClass)) throw new Refusal('the AuthnContextClassRef is none');
  return { provenAtMs, session, context: contextClass };
}

function readAttributes(statements: readonly XmlElement[]): ReadonlyMap<string, readonly string[] | null> {
  const found = new Map<string, readonly string[] | null>();
  let values = 0;
  for (const attribute of statements.flatMap((statement) => elementsOf(statement))) {
    if (!isElement(attribute, namespaces.assertion, 'Attribute')) {
      throw new Refusal('an attribute is encrypted, which is not taken');
    }
    const name = attributeOf(attribute, 'Name') ?? refuseMissing('name for an attribute');
    const own = valuesOf(attribute);
    values += own?.length ?? 0;
    if (values > limits.valuesMax) throw new Refusal('the assertion has too many values');
    const before = found.get(name);
    // Given twice, its values are all of them; where one part is not text, none is.
    found.set(name, before === null || own === null ? null : [...(before ?? []), ...own]);
  }
  return found;
}

function valuesOf(attribute: XmlElement): readonly string[] | null {
  const values: string[] = [];
  for (const value of childrenOf(attribute, namespaces.assertion, 'AttributeValue')) {
    if (value.children.some((child) => typeof child !== 'string')) return null;
    values.push(textOf(value));
  }
  return values;
}
