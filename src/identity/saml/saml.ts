/**
 * SAML 2.0 service provider: sign-on by the web browser profile and single logout (SAML Profiles section 4).
 *
 * Invariants: every request is answered once, by the browser that began it, and every assertion counts once, on
 * whichever gateway (A-ID-06); both are taken only after the signature and everything else held, so that nobody without
 * the provider's key can use them up. What was wrong goes to the log; people are told three things at most: that it
 * was refused, that it was stale, that the provider said no (A-ID-10). RelayState is the gateway's own and tells nothing.
 *
 * Deliberately absent: routes, cookies, principals and their groups; artifact binding, SOAP, passive requests.
 */
import { createHash, createPrivateKey, randomBytes } from 'node:crypto';
import { identityErrors } from '../errors.ts';
import { type AssertionFacts, readAssertion } from './assertion.ts';
import { receivePost, receiveRedirect, send, wayTo } from './bindings.ts';
import * as limits from './limits.ts';
import { readLogout, signedRoot } from './logout.ts';
import { newIdentifier, writeAuthnRequest, writeLogoutRequest, writeLogoutResponse } from './messages.ts';
import { type IdpMetadata, keysAt, readIdpMetadata, writeSpMetadata } from './metadata.ts';
import type {
  AnswerLogoutRequest,
  BeginLogoutRequest,
  BeginRequest,
  Completed,
  CompleteRequest,
  Incoming,
  LogoutMessage,
  Outgoing,
  SamlParts,
  SamlProvider,
} from './parts.ts';
import { type OpenedResponse, openResponse } from './response.ts';
import { subjectOf } from './subject.ts';
import { Refusal } from './xml.ts';

export interface Saml {
  /** The gateway's metadata for a provider, as XML. */
  metadata(provider: SamlProvider): string;
  /** Where the browser goes to sign on. Rejects with `identity.saml-metadata-unusable`. */
  begin(request: BeginRequest): Promise<Outgoing>;
  /** Who somebody is, by what their browser posted. Rejects with `identity.sign-on-…` or `identity.name-refused`. */
  complete(request: CompleteRequest): Promise<Completed>;
  /** Where the browser goes to sign off at the provider; null where that has no logout. */
  beginLogout(request: BeginLogoutRequest): Promise<Outgoing | null>;
  /** What came to the logout address. Rejects with `identity.logout-refused`. */
  receiveLogout(provider: SamlProvider, message: Incoming, browser: string | null): Promise<LogoutMessage>;
  /** The answer to a logout request; null where the provider says nowhere to send one. */
  answerLogout(request: AnswerLogoutRequest): Outgoing | null;
}

type Attempt = 'sign-on' | 'logout';

/** What waits for an answer, as it is kept. */
interface Waiting {
  readonly browser: string;
  readonly relayState: string;
  readonly askedAtMs: number;
  readonly forceAuthn: boolean;
  readonly carry: string | null;
}

/** What is wrong with a provider's metadata, for whoever configures it; null where it can be used. */
export function samlMetadataProblem(text: string): string | null {
  try {
    readIdpMetadata(text);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
}

export function createSaml({ clock, log, once, keys }: SamlParts): Saml {
  const ownKey = createPrivateKey(keys.privateKey);
  if (ownKey.asymmetricKeyType !== 'rsa') throw identityErrors('identity.saml-key-unusable');
  const read = new WeakMap<SamlProvider['spec'], IdpMetadata>();

  const entityIdOf = ({ spec, endpoints }: SamlProvider): string => spec.entityId ?? endpoints.metadata;

  /** The provider's metadata and the keys of it that count now. */
  const known = ({ name, spec }: SamlProvider) => {
    try {
      const metadata = read.get(spec) ?? readIdpMetadata(spec.metadata);
      read.set(spec, metadata);
      const signing = keysAt(metadata, clock.now());
      if (signing.length === 0) throw new Refusal('none of its certificates is valid today');
      if (clock.now() >= metadata.validUntilMs) throw new Refusal('it says itself that it is over (validUntil)');
      return { metadata, signing };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const why = error.message;
      throw identityErrors('identity.saml-metadata-unusable', { values: { provider: name, why }, detail: why });
    }
  };

  const refusing = async <T>(provider: SamlProvider, what: Attempt, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      log.warn(`a ${what} by SAML was refused`, { provider: provider.name, reason: error.message });
      const context = { values: { provider: provider.name }, detail: `SAML ${provider.name}: ${error.message}` };
      if (what === 'logout') throw identityErrors('identity.logout-refused', context);
      if (error.kind === 'stale') throw identityErrors('identity.sign-on-stale', context);
      if (error.kind === 'denied') throw identityErrors('identity.sign-on-denied', context);
      throw identityErrors('identity.sign-on-refused', context);
    }
  };

  /** Takes what waits for an answer with this id. The browser must be the one that asked. */
  const takeWaiting = async (key: string, browser: string | null, relayState: string | null): Promise<Waiting> => {
    const kept = await once.take(key, clock.now());
    if (kept === null) throw new Refusal('nothing waits for this answer, or it was answered already', 'stale');
    const waiting = JSON.parse(kept) as Waiting;
    if (browser === null || waiting.browser !== digestOf(browser))
      throw new Refusal('another browser had asked', 'stale');
    if (waiting.relayState !== relayState) throw new Refusal('RelayState is not what was sent');
    return waiting;
  };

  const keepWaiting = async (key: string, waiting: Omit<Waiting, 'askedAtMs'>): Promise<void> => {
    const kept = JSON.stringify({ ...waiting, askedAtMs: clock.now() } satisfies Waiting);
    if (!(await once.put(key, kept, clock.now() + limits.requestLifetimeMs))) {
      throw new Refusal('an identifier was made twice');
    }
  };

  const checkResponse = (opened: OpenedResponse, facts: AssertionFacts, provider: SamlProvider, issuer: string) => {
    if ((opened.issuer ?? issuer) !== issuer) throw new Refusal('the response is of another issuer');
    // Without a destination a signed response could be one for elsewhere (SAML Bindings section 3.5.5.2).
    if (opened.destination === null ? opened.isSigned : opened.destination !== provider.endpoints.acs) {
      throw new Refusal('the response is for another address');
    }
    if (opened.inResponseTo !== facts.inResponseTo) throw new Refusal('the assertion answers something else');
  };

  const verify = ({ provider, body }: CompleteRequest) => {
    const { metadata, signing } = known(provider);
    const received = receivePost(body);
    if (received.kind !== 'SAMLResponse') throw new Refusal('the message is no response');
    const opened = openResponse(received.text, {
      signing,
      decryption: ownKey,
      encryptedOnly: provider.spec.encrypted,
    });
    const facts = readAssertion(opened.assertion, {
      issuer: metadata.entityId,
      audience: entityIdOf(provider),
      recipient: provider.endpoints.acs,
      nameIdFormat: provider.spec.nameIdFormat,
      domain: provider.spec.name?.domain ?? null,
      nowMs: clock.now(),
    });
    checkResponse(opened, facts, provider, metadata.entityId);
    if (facts.inResponseTo === null && !provider.spec.idpInitiated) throw new Refusal('nobody asked for the response');
    return { facts, issuer: metadata.entityId, relayState: received.relayState };
  };

  const complete = async (request: CompleteRequest): Promise<Completed> => {
    const { provider, browser } = request;
    const { facts, issuer, relayState } = verify(request);
    const used = `saml:assertion:${provider.name}:${digestOf(facts.id)}`;
    if (!(await once.put(used, '', facts.deadAtMs))) throw new Refusal('the assertion was used before');
    let carry: string | null = null;
    if (facts.inResponseTo !== null) {
      const waiting = await takeWaiting(requestKey(provider, facts.inResponseTo), browser, relayState);
      if (waiting.forceAuthn && facts.provenAtMs < waiting.askedAtMs - limits.clockSkewMs) {
        throw new Refusal('the person did not prove themself anew');
      }
      ({ carry } = waiting);
    }
    return { subject: subjectOf(provider, issuer, facts), carry };
  };

  const begin = async ({ provider, browser, forceAuthn = false, carry }: BeginRequest): Promise<Outgoing> => {
    const { metadata } = known(provider);
    const way = wayTo(metadata.signOn, 'SAMLRequest')!;
    const { id, relayState } = newNames();
    const head = { id, atMs: clock.now(), destination: way.location, issuer: entityIdOf(provider) };
    const { acs } = provider.endpoints;
    const xml = writeAuthnRequest(head, { acs, format: provider.spec.nameIdFormat, forceAuthn });
    const waiting = { browser: digestOf(browser), relayState, forceAuthn, carry: carry ?? null };
    await keepWaiting(requestKey(provider, id), waiting);
    return send(way.binding, { kind: 'SAMLRequest', xml, relayState, location: way.location }, keys);
  };

  const beginLogout = async ({ provider, subject, session, browser }: BeginLogoutRequest): Promise<Outgoing | null> => {
    const way = wayTo(known(provider).metadata.logout, 'SAMLRequest');
    if (way === null) return null;
    const { id, relayState } = newNames();
    const head = { id, atMs: clock.now(), destination: way.location, issuer: entityIdOf(provider) };
    const xml = writeLogoutRequest(head, { nameId: subject, format: provider.spec.nameIdFormat, session });
    const waiting = { browser: digestOf(browser), relayState, forceAuthn: false, carry: null };
    await keepWaiting(logoutKey(provider, id), waiting);
    return send(way.binding, { kind: 'SAMLRequest', xml, relayState, location: way.location }, keys);
  };

  const receiveLogout = async (
    provider: SamlProvider,
    message: Incoming,
    browser: string | null,
  ): Promise<LogoutMessage> => {
    const { metadata, signing } = known(provider);
    const isRedirect = message.binding === 'redirect';
    const received = isRedirect ? receiveRedirect(message.query, signing) : receivePost(message.fields);
    const found = readLogout(received.kind, signedRoot(received.text, isRedirect ? null : signing), {
      issuer: metadata.entityId,
      audience: entityIdOf(provider),
      destination: provider.endpoints.logout,
      nameIdFormat: provider.spec.nameIdFormat,
      domain: null,
      nowMs: clock.now(),
    });
    if (found.type === 'response') {
      await takeWaiting(logoutKey(provider, found.inResponseTo), browser, received.relayState);
      return { type: 'response', isComplete: found.isComplete };
    }
    const used = `saml:logout-request:${provider.name}:${digestOf(found.id)}`;
    if (!(await once.put(used, '', found.deadAtMs))) throw new Refusal('the logout request was used before');
    const { nameId, sessionIndexes } = found;
    const { relayState } = received;
    return { type: 'request', issuer: metadata.entityId, nameId, sessionIndexes, requestId: found.id, relayState };
  };

  const answerLogout = ({ provider, requestId, relayState, succeeded }: AnswerLogoutRequest): Outgoing | null => {
    const way = wayTo(known(provider).metadata.logout, 'SAMLResponse');
    if (way === null) return null;
    const issuer = entityIdOf(provider);
    const head = { id: newIdentifier(), atMs: clock.now(), destination: way.location, issuer };
    const xml = writeLogoutResponse(head, requestId, succeeded);
    return send(way.binding, { kind: 'SAMLResponse', xml, relayState, location: way.location }, keys);
  };

  return {
    metadata: (provider) => writeSpMetadata(entityIdOf(provider), provider.endpoints, provider.spec, keys),
    begin,
    complete: (request) => refusing(request.provider, 'sign-on', () => complete(request)),
    beginLogout,
    receiveLogout: (provider, message, browser) =>
      refusing(provider, 'logout', () => receiveLogout(provider, message, browser)),
    answerLogout,
  };
}

function newNames(): { readonly id: string; readonly relayState: string } {
  return { id: newIdentifier(), relayState: randomBytes(limits.identifierBytes).toString('hex') };
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('base64url');
}

function requestKey({ name }: SamlProvider, id: string): string {
  return `saml:request:${name}:${digestOf(id)}`;
}

function logoutKey({ name }: SamlProvider, id: string): string {
  return `saml:logout:${name}:${digestOf(id)}`;
}
