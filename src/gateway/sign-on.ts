/**
 * Signing on by identity providers: joins the protocols of identity with principals, tokens and the configuration of now.
 *
 * Invariants:
 * - A proof at a provider makes or updates the principal first, and a token after; groups of that proof count at once.
 * - What a provider ends (a logout, a refused refresh) ends every token that came of that session, and what rests on it.
 * - Where a browser goes afterwards is a path of the console's own (A-ID-09).
 *
 * Deliberately absent: cookies and routes (api), refreshing (refreshing.ts), what a provider's groups mean (principals.ts).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { OidcProviderSpec, SamlProviderSpec } from '../api/contract/index.ts';
import type { ProviderOutcome, ProviderSignOns, TerminalOrder } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { coreErrors } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';
import {
  createOidc,
  createSaml,
  type Identity,
  type Logout,
  type OidcProvider,
  type ProvenSubject,
  type Saml,
  type SamlProvider,
  type SignedOn,
  type SignOnMaterial,
  type SpKeys,
  signOnSource,
  type TokenAttributes,
} from '../identity/index.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import { ownPrefix } from './identity-keys.ts';
import * as limits from './limits.ts';
import type { Provisioning } from './provisioning.ts';
import type { Snapshot } from './snapshot.ts';

export interface SignOnParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'once'>;
  readonly snapshot: Snapshot;
  readonly identity: Identity;
  readonly provisioning: Provisioning;
  /** Where provider's secrets are that manifests name. */
  readonly secrets: Secrets;
  /** Where what is kept of a sign-on is sealed. */
  readonly ownSecrets: Secrets;
  /** Asked for once SAML is spoken: making an RSA key takes a while, and most gateways need none. */
  readonly samlKeys: () => Promise<SpKeys>;
  readonly consoleUrl: () => string;
}

/** What waits while a browser is at a provider. */
interface Carry {
  readonly returnTo: string;
}

/** What a terminal's code stands for. */
interface TerminalCode {
  readonly owner: string;
  readonly challenge: string;
  readonly attributes: TokenAttributes;
  readonly parent: string;
}

export interface SignOns extends ProviderSignOns {
  /** Takes up what a provider says anew of a sign-on that is kept; false where it has ended there. */
  refresh(tokenId: string): Promise<boolean>;
}

/** What is kept of a sign-on, sealed, under this with the token's id. */
export const signOnPrefix = `${ownPrefix}sign-on.`;

export function createSignOns(parts: SignOnParts): SignOns {
  return new GatewaySignOns(parts);
}

class GatewaySignOns implements SignOns {
  readonly #parts: SignOnParts;
  readonly #oidc: ReturnType<typeof createOidc>;
  #samlOpened: Promise<Saml> | null = null;

  constructor(parts: SignOnParts) {
    this.#parts = parts;
    const { clock, log, store } = parts;
    this.#oidc = createOidc({
      clock,
      log,
      once: store.once,
      providers: () => this.#oidcProviders(),
      clientSecret: (name) => this.#clientSecret(name),
    });
  }

  options() {
    return [...this.#parts.snapshot.providers().values()].flatMap(({ metadata, spec }) =>
      spec.type === 'workload'
        ? []
        : [
            {
              name: metadata.name,
              title: spec.displayName ?? metadata.name,
              type: spec.type,
              device: spec.type === 'oidc',
            },
          ],
    );
  }

  async begin({ provider: name, returnTo, isFresh, browser }: Parameters<ProviderSignOns['begin']>[0]) {
    const { clock, store } = this.#parts;
    const carry: Carry = { returnTo: ownPath(returnTo) };
    const expiresAtMs = clock.now() + limits.signOnCarryMs;
    const saml = this.#samlProvider(name);
    if (saml !== null) {
      const outgoing = await (await this.#saml()).begin({
        provider: saml,
        browser,
        forceAuthn: isFresh,
        carry: JSON.stringify(carry),
      });
      return { outgoing, expiresAtMs, isCrossSite: true };
    }
    const { url } = await this.#oidc.begin({
      provider: name,
      redirectUri: this.#endpoint(name, 'callback'),
      browser,
      ...(isFresh ? { prompt: 'login' as const, maxAgeSeconds: 0 } : {}),
      ...(isFresh ? this.#acrOf(name) : {}),
    });
    await store.once.put(carryKey(browser), JSON.stringify(carry), expiresAtMs);
    return { outgoing: { binding: 'redirect' as const, url }, expiresAtMs, isCrossSite: false };
  }

  async finishOidc({
    provider,
    query,
    browser,
  }: Parameters<ProviderSignOns['finishOidc']>[0]): Promise<ProviderOutcome> {
    const { clock, store } = this.#parts;
    const kept = await store.once.take(carryKey(browser), clock.now());
    const callbackUrl = `${this.#endpoint(provider, 'callback')}?${query}`;
    const signedOn = await this.#oidc.complete({ provider, callbackUrl, browser });
    const carry: Carry = kept === null ? { returnTo: '/' } : (JSON.parse(kept) as Carry);
    return this.#signedOn(signedOn.subject, 'oidc', signedOn.material, carry, 'web');
  }

  async finishSaml({
    provider: name,
    fields,
    browser,
  }: Parameters<ProviderSignOns['finishSaml']>[0]): Promise<ProviderOutcome> {
    const provider = this.#mustBeSaml(name);
    const { subject, carry } = await (await this.#saml()).complete({ provider, body: fields, browser });
    return this.#signedOn(
      subject,
      'saml',
      null,
      carry === null ? { returnTo: '/' } : (JSON.parse(carry) as Carry),
      'web',
    );
  }

  async samlMetadata(name: string): Promise<string> {
    const provider = this.#mustBeSaml(name);
    return (await this.#saml()).metadata(provider);
  }

  async samlLogout({ provider: name, message, browser }: Parameters<ProviderSignOns['samlLogout']>[0]) {
    const provider = this.#mustBeSaml(name);
    const saml = await this.#saml();
    const said = await saml.receiveLogout(provider, message, browser);
    if (said.type === 'response') return { outgoing: null, ended: [] };
    const owner = this.#parts.snapshot.principalById(`${said.issuer}:${said.nameId}`)?.name ?? null;
    const ended: string[] = [];
    if (owner !== null) {
      const sessions = said.sessionIndexes.length === 0 ? [null] : said.sessionIndexes;
      for (const session of sessions) {
        ended.push(...(await this.#parts.identity.revokeOfProvider(name, session, owner)));
      }
    }
    const { requestId, relayState } = said;
    return { outgoing: saml.answerLogout({ provider, requestId, relayState, succeeded: true }), ended };
  }

  async backChannelLogout(provider: string, token: string): Promise<readonly string[]> {
    return this.#logout(await this.#oidc.verifyLogoutToken(token, provider));
  }

  async frontChannelLogout(provider: string, iss: string | null, sid: string | null): Promise<readonly string[]> {
    return this.#logout(this.#oidc.verifyFrontChannel({ provider, iss, sid }));
  }

  beginDevice(provider: string) {
    return this.#oidc.beginDevice({ provider });
  }

  async pollDevice(id: string) {
    const polled = await this.#oidc.pollDevice(id);
    if (polled.outcome !== 'proven') return { state: polled.outcome, signedOn: null };
    const { subject, material } = polled;
    return {
      state: 'signed-on' as const,
      signedOn: await this.#signedOn(subject, 'oidc', material, { returnTo: '/' }, 'access'),
    };
  }

  async authoriseTerminal({ tokenId, redirectUri, challenge, state }: TerminalOrder): Promise<string | null> {
    const { identity, store, clock } = this.#parts;
    const token = await identity.findToken(tokenId);
    if (token === null || token.state !== 'live') return null;
    const code = randomBytes(32).toString('base64url');
    const { use: _, ...attributes } = token.attributes;
    const kept: TerminalCode = { owner: token.owner, challenge, attributes, parent: token.id };
    await store.once.put(terminalKey(code), JSON.stringify(kept), clock.now() + limits.terminalCodeMs);
    const url = new URL(redirectUri);
    url.search = new URLSearchParams({ code, state }).toString();
    return url.href;
  }

  async redeemTerminal(code: string, verifier: string): Promise<ProviderOutcome> {
    const { identity, store, clock } = this.#parts;
    const kept = await store.once.take(terminalKey(code), clock.now());
    const order = kept === null ? null : (JSON.parse(kept) as TerminalCode);
    const challenge = createHash('sha256').update(verifier).digest();
    const isRight = order !== null && timingSafeEqual(challenge, Buffer.from(order.challenge, 'base64url'));
    if (order === null || !isRight)
      throw coreErrors('core.not-authenticated', { detail: 'no such code of a terminal' });
    const parent = await identity.findToken(order.parent);
    if (parent?.state !== 'live') throw coreErrors('core.not-authenticated', { detail: 'signed off meanwhile' });
    const token = await identity.issueToken({
      owner: order.owner,
      label: 'sign-on at a terminal',
      createdBy: order.owner,
      source: signOnSource,
      attributes: { ...order.attributes, provenAtMs: order.attributes.provenAtMs ?? parent.createdAtMs },
    });
    return { principal: this.#principal(order.owner, 'token'), issued: token, returnTo: '/' };
  }

  async signOff({ tokenId, browser }: Parameters<ProviderSignOns['signOff']>[0]) {
    const kept = await this.#kept(tokenId);
    if (kept === null) return this.#signOffBySaml(tokenId, browser);
    await this.#parts.ownSecrets.delete(`${signOnPrefix}${tokenId}`);
    const { provider } = kept.subject;
    const url = await this.#oidc
      .endSessionUrl({ provider, idToken: kept.material.idToken, returnTo: `${this.#parts.consoleUrl()}/` })
      .catch(() => null);
    return url === null ? null : { url, expiresAtMs: null };
  }

  /** Null too where the provider takes a logout by form alone: what leads there is a link. */
  async #signOffBySaml(tokenId: string, browser: string) {
    const { identity, snapshot, clock } = this.#parts;
    const token = await identity.findToken(tokenId);
    const provider = this.#samlProvider(token?.attributes.provider ?? '');
    const entry = token === null ? null : snapshot.principal(token.owner);
    if (token === null || provider === null || entry === null) return null;
    const { session = null } = token.attributes;
    const outgoing = await this.#saml()
      .then((saml) => saml.beginLogout({ provider, subject: entry.subject, session, browser }))
      .catch(() => null);
    if (outgoing?.binding !== 'redirect') return null;
    return { url: outgoing.url, expiresAtMs: clock.now() + limits.signOnCarryMs };
  }

  async refresh(tokenId: string): Promise<boolean> {
    const kept = await this.#kept(tokenId);
    if (kept === null) return true;
    const answer = await this.#oidc.refresh(kept);
    if (answer.outcome === 'unknown') return true;
    if (answer.outcome !== 'proven') {
      await this.#parts.identity.revokeToken(tokenId);
      await this.#parts.ownSecrets.delete(`${signOnPrefix}${tokenId}`);
      return false;
    }
    await this.#keep(tokenId, answer);
    const { provider, issuer, subject, displayName, email } = answer.subject;
    const groups = this.#groupsOf(answer.subject);
    await this.#parts.provisioning.update({ provider, issuer, subject }, { displayName, email, groups });
    return true;
  }

  async #signedOn(
    subject: ProvenSubject,
    method: 'oidc' | 'saml',
    material: SignOnMaterial | null,
    { returnTo }: Carry,
    use: 'web' | 'access',
  ): Promise<ProviderOutcome> {
    const { identity, provisioning, snapshot, clock } = this.#parts;
    const { provider, factors, provenAtMs, session } = subject;
    const owner = await provisioning.provide({ ...subject, groups: this.#groupsOf(subject), active: null });
    const entry = snapshot.principal(owner);
    // Who was disabled here, or deactivated by SCIM, is not signed on by a provider that does not know.
    if (entry === null || entry.disabled) throw coreErrors('core.not-authenticated', { detail: 'disabled principal' });
    const { spec } = snapshot.providers().get(provider) ?? {};
    const lifetimeMs = (spec?.type === 'oidc' || spec?.type === 'saml' ? spec.sessionLifetime : 0) * 1000;
    const issued = await identity.issueToken({
      owner,
      label: `sign-on with ${provider}`,
      createdBy: owner,
      source: signOnSource,
      lifetimeMs,
      attributes: {
        ...(use === 'web' ? { use } : {}),
        method,
        provider,
        ...(session === null ? {} : { session }),
        ...(factors.length === 0 ? {} : { factors: factors.slice(0, limits.factorsKeptMax) }),
        // Where the provider does not say, the person may have been there hours ago.
        provenAtMs: provenAtMs === null ? 0 : Math.min(provenAtMs, clock.now()),
      },
    });
    if (material !== null) await this.#keep(issued.token.id, { subject, material });
    return { principal: this.#principal(owner, method), issued, returnTo };
  }

  /** Where SCIM says who is in which group, a sign-on does not: one of both would always be out of date. */
  #groupsOf({ provider, groups }: Pick<ProvenSubject, 'provider' | 'groups'>): readonly string[] | null {
    const spec = this.#parts.snapshot.providers().get(provider)?.spec;
    return spec !== undefined && spec.type !== 'workload' && spec.scim !== undefined ? null : groups;
  }

  async #keep(tokenId: string, signedOn: SignedOn): Promise<void> {
    await this.#parts.ownSecrets.put(`${signOnPrefix}${tokenId}`, JSON.stringify(signedOn));
  }

  async #kept(tokenId: string): Promise<SignedOn | null> {
    const name = `${signOnPrefix}${tokenId}`;
    const text = await this.#parts.ownSecrets.reveal({ provider: 'store', name }).catch(() => null);
    return text === null ? null : (JSON.parse(text) as SignedOn);
  }

  async #logout({ provider, issuer, subject, session }: Logout): Promise<readonly string[]> {
    const { identity, snapshot } = this.#parts;
    // Of a provider whose people are known by another claim than sub, a session is all that tells.
    const owner = subject === null ? null : (snapshot.principalById(`${issuer}:${subject}`)?.name ?? null);
    if (session === null && owner === null) return [];
    return identity.revokeOfProvider(provider, session, session === null ? owner : null);
  }

  #principal(name: string, method: Principal['authentication']['method']): Principal {
    const entry = this.#parts.snapshot.principal(name)!;
    const { id, issuer, subject, kind, groups, roles } = entry;
    const authentication = { method, credentialId: null, atMs: this.#parts.clock.now() };
    return { id, issuer, subject, name, kind, groups, roles, authentication };
  }

  #saml(): Promise<Saml> {
    const { clock, log, store, samlKeys } = this.#parts;
    this.#samlOpened ??= samlKeys().then((keys) => createSaml({ clock, log, once: store.once, keys }));
    // What failed is tried again by whoever comes next.
    this.#samlOpened.catch(() => {
      this.#samlOpened = null;
    });
    return this.#samlOpened;
  }

  #oidcProviders(): readonly OidcProvider[] {
    return [...this.#parts.snapshot.providers().values()].flatMap(({ metadata, spec }) =>
      spec.type === 'oidc' ? [{ name: metadata.name, spec }] : [],
    );
  }

  #acrOf(name: string): { readonly acr?: readonly string[] } {
    const spec = this.#parts.snapshot.providers().get(name)?.spec as OidcProviderSpec | undefined;
    return spec?.acrValues === undefined ? {} : { acr: spec.acrValues };
  }

  async #clientSecret(name: string): Promise<string> {
    const spec = this.#parts.snapshot.providers().get(name)?.spec;
    const source = spec?.type === 'oidc' ? spec.clientSecret : undefined;
    if (source?.env !== undefined) return this.#parts.secrets.reveal({ provider: 'env', name: source.env });
    if (source?.file !== undefined) return this.#parts.secrets.reveal({ provider: 'file', path: source.file });
    return this.#parts.secrets.reveal({ provider: 'store', name: source?.store ?? '' });
  }

  #samlProvider(name: string): SamlProvider | null {
    const spec = this.#parts.snapshot.providers().get(name)?.spec;
    if (spec?.type !== 'saml') return null;
    return {
      name,
      spec: spec satisfies SamlProviderSpec,
      endpoints: {
        metadata: this.#endpoint(name, 'metadata'),
        acs: this.#endpoint(name, 'acs'),
        logout: this.#endpoint(name, 'slo'),
      },
    };
  }

  #mustBeSaml(name: string): SamlProvider {
    const provider = this.#samlProvider(name);
    if (provider === null) throw coreErrors('core.not-authenticated', { detail: 'no SAML provider of that name' });
    return provider;
  }

  #endpoint(provider: string, what: string): string {
    return `${this.#parts.consoleUrl()}/sign-on/${provider}/${what}`;
  }
}

/** A path on the console's own origin, with query and fragment; `/` for whatever could lead elsewhere. */
export function ownPath(path: string): string {
  if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(path) || path.includes('\\')) return '/';
  const url = URL.parse(path, 'http://console.invalid');
  // Written out anew, `/.//host` would become `//host`.
  return url?.origin === 'http://console.invalid' ? path : '/';
}

function carryKey(browser: string): string {
  return `sign-on-carry:${createHash('sha256').update(browser).digest('base64url')}`;
}

function terminalKey(code: string): string {
  return `terminal-code:${createHash('sha256').update(code).digest('base64url')}`;
}
