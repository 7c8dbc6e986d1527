/** Messages that the gateway writes: AuthnRequest, LogoutRequest, LogoutResponse (SAML Core sections 3.4 and 3.7). */
import { randomBytes } from 'node:crypto';
import * as limits from './limits.ts';
import { bindings, nameIdFormats, namespaces, statuses } from './names.ts';
import type { SamlProviderSpec } from './parts.ts';
import { escapeXml } from './xml.ts';

/** An identifier that nobody guesses; it begins with a letter or underline, as xs:ID has it. */
export function newIdentifier(): string {
  return `_${randomBytes(limits.identifierBytes).toString('hex')}`;
}

interface Head {
  readonly id: string;
  readonly atMs: number;
  readonly destination: string;
  /** The gateway's entity id. */
  readonly issuer: string;
}

function open(
  name: string,
  { id, atMs, destination, issuer }: Head,
  more: Readonly<Record<string, string>> = {},
): string {
  const attributes = { ID: id, Version: '2.0', IssueInstant: new Date(atMs).toISOString(), Destination: destination };
  const written = Object.entries({ ...attributes, ...more }).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  return (
    `<samlp:${name} xmlns:samlp="${namespaces.protocol}" xmlns:saml="${namespaces.assertion}"${written.join('')}>` +
    `<saml:Issuer>${escapeXml(issuer)}</saml:Issuer>`
  );
}

export function writeAuthnRequest(
  head: Head,
  { acs, format, forceAuthn }: { acs: string; format: SamlProviderSpec['nameIdFormat']; forceAuthn: boolean },
): string {
  const more = { AssertionConsumerServiceURL: acs, ProtocolBinding: bindings.post };
  const policy = format === 'unspecified' ? '' : ` Format="${nameIdFormats[format]}"`;
  return (
    open('AuthnRequest', head, forceAuthn ? { ...more, ForceAuthn: 'true' } : more) +
    `<samlp:NameIDPolicy${policy} AllowCreate="true"/></samlp:AuthnRequest>`
  );
}

export function writeLogoutRequest(
  head: Head,
  { nameId, format, session }: { nameId: string; format: SamlProviderSpec['nameIdFormat']; session: string | null },
): string {
  const index = session === null ? '' : `<samlp:SessionIndex>${escapeXml(session)}</samlp:SessionIndex>`;
  return (
    open('LogoutRequest', head, { NotOnOrAfter: new Date(head.atMs + limits.logoutAgeMaxMs).toISOString() }) +
    `<saml:NameID Format="${nameIdFormats[format]}">${escapeXml(nameId)}</saml:NameID>${index}</samlp:LogoutRequest>`
  );
}

export function writeLogoutResponse(head: Head, inResponseTo: string, succeeded: boolean): string {
  const status = succeeded ? statuses.success : statuses.responder;
  return (
    open('LogoutResponse', head, { InResponseTo: inResponseTo }) +
    `<samlp:Status><samlp:StatusCode Value="${status}"/></samlp:Status></samlp:LogoutResponse>`
  );
}
