/**
 * Signing on by identity providers, at terminals and in browsers: cookies and pages around what identity proves.
 *
 * Invariants:
 * - A sign-on is finished by the browser that began it: its cookie lives as long as the sign-on, and for nothing else (A-ID-04).
 * - A web session has an id of its own from its sign-on, whatever the browser had before (A-ID-07).
 * - A token that could not be recorded does not exist.
 */
import { randomBytes } from 'node:crypto';
import { isGatewayError } from '../../base/errors.ts';
import { actorOf, providerActor } from '../../core/event.ts';
import type { ApiParts, Handlers, HttpAnswer } from '../context.ts';
import { contractLimits } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import { formPage, page, redirect } from '../pages.ts';
import type { ProviderMessage, ProviderOutcome } from '../ports.ts';
import { publicErrorOf, statusOf } from '../problem.ts';
import { iso, issuedEvent, principalView, SigningOn, tokenView } from '../signing-on.ts';
import { cookieOf, setCookie, webCookie } from '../web-session.ts';

type ProviderRoute =
  | 'signOnOptions'
  | 'beginSignOn'
  | 'finishOidcSignOn'
  | 'finishSamlSignOn'
  | 'samlMetadata'
  | 'samlLogout'
  | 'samlLogoutPosted'
  | 'backChannelLogout'
  | 'frontChannelLogout'
  | 'beginDeviceSignOn'
  | 'pollDeviceSignOn'
  | 'authoriseTerminal'
  | 'redeemTerminal'
  | 'endWebSession';

/** The cookie of a sign-on that is under way: the answer of SAML comes by a form of the provider's, which `Lax` would not take. */
const binding = { own: 'sallyport-sign-on', crossSite: 'sallyport-sign-on-form' } as const;

const again = { href: '/sign-on.html', text: 'Begin again' } as const;

export function providerHandlers(parts: ApiParts, scheme: 'http' | 'https'): Pick<Handlers, ProviderRoute> {
  const { ports, record, clock, log } = parts;
  const { providers, tokens, journal } = ports;
  const signingOn = new SigningOn(parts);
  return {
    async signOnOptions() {
      return {
        providers: providers.options().map((option) => ({ ...option })),
        passkeys: ports.factors.hasPasskeys(),
      };
    },

    async beginSignOn({ input }) {
      const { provider } = input.params;
      const { returnTo = '/', fresh } = input.query;
      return shown(async () => {
        const browser = randomBytes(32).toString('base64url');
        const begun = await providers.begin({ provider, returnTo, isFresh: fresh === 'true', browser });
        const { outgoing, expiresAtMs, isCrossSite } = begun;
        const seconds = (expiresAtMs - clock.now()) / 1000;
        const cookie = setCookie(
          isCrossSite ? binding.crossSite : binding.own,
          browser,
          seconds,
          scheme,
          isCrossSite ? 'None' : 'Lax',
        );
        return sent(outgoing, [cookie]);
      });
    },

    async finishOidcSignOn({ input, rawQuery, source, requestId }) {
      const { provider } = input.params;
      const browser = cookieOf(input.headers.cookie, binding.own) ?? '';
      return finish(source, requestId, provider, [binding.own], () =>
        providers.finishOidc({ provider, query: rawQuery, browser }),
      );
    },

    async finishSamlSignOn({ input, source, requestId }) {
      const { provider } = input.params;
      const browser = cookieOf(input.headers.cookie, binding.crossSite);
      const fields = Object.fromEntries(new URLSearchParams(input.body.toString('utf8')));
      return finish(source, requestId, provider, [binding.crossSite], () =>
        providers.finishSaml({ provider, fields, browser }),
      );
    },

    async samlMetadata({ input }) {
      const body = await providers.samlMetadata(input.params.provider);
      return { status: 200, fields: [['content-type', 'application/samlmetadata+xml']], body };
    },

    async samlLogout({ input, rawQuery }) {
      return logout(input.params.provider, { binding: 'redirect', query: rawQuery }, input.headers.cookie);
    },

    async samlLogoutPosted({ input }) {
      const fields = Object.fromEntries(new URLSearchParams(input.body.toString('utf8')));
      return logout(input.params.provider, { binding: 'post', fields }, input.headers.cookie);
    },

    async backChannelLogout({ input }) {
      const { provider } = input.params;
      const given = new URLSearchParams(input.body.toString('utf8')).get('logout_token') ?? '';
      const answer = (status: number, body: object): HttpAnswer => ({
        status,
        fields: [
          ['content-type', 'application/json'],
          ['cache-control', 'no-store'],
        ],
        body: JSON.stringify(body),
      });
      try {
        await ended(provider, await providers.backChannelLogout(provider, given));
        return answer(200, {});
      } catch (error) {
        // Back-Channel Logout 1.0, section 2.8.
        if (isGatewayError(error) && error.kind === 'denial') return answer(400, { error: 'invalid_request' });
        throw error;
      }
    },

    async frontChannelLogout({ input }) {
      const { provider } = input.params;
      const { iss, sid } = textsOf(input.query);
      return shown(async () => {
        await ended(provider, await providers.frontChannelLogout(provider, iss ?? null, sid ?? null));
        return page(200, 'Signed off', 'You are signed off here too.', { href: '/', text: 'To the console' });
      });
    },

    async beginDeviceSignOn({ input }) {
      const { expiresAtMs, ...begun } = await providers.beginDevice(input.body.provider);
      return { ...begun, expiresAt: iso(expiresAtMs) };
    },

    async pollDeviceSignOn({ input, source }) {
      const { state, signedOn } = await providers.pollDevice(input.body.id);
      return { state, signedOn: signedOn === null ? null : await told(signedOn, source) };
    },

    async authoriseTerminal({ token, input }) {
      if (token === null) throw apiErrors('api.not-authenticated');
      const url = await providers.authoriseTerminal({ tokenId: token.id, ...input.body });
      if (url === null) throw apiErrors('api.not-authenticated');
      return { url };
    },

    async redeemTerminal({ input, source }) {
      return told(await providers.redeemTerminal(input.body.code, input.body.verifier), source);
    },

    async endWebSession({ principal, token }) {
      if (token === null) throw apiErrors('api.not-authenticated');
      const browser = randomBytes(32).toString('base64url');
      const signOff = await providers.signOff({ tokenId: token.id, browser });
      await tokens.revoke(token.id);
      await record({ type: 'token.revoked', principal: actorOf(principal), token: token.id, owner: principal.name });
      return {
        status: 200,
        fields: [
          ['content-type', 'application/json'],
          webCookie(null, 0, scheme),
          ...(signOff === null || signOff.expiresAtMs === null ? [] : [crossSite(browser, signOff.expiresAtMs)]),
        ],
        body: JSON.stringify({ signOff: signOff?.url ?? null }),
      };
    },
  };

  function crossSite(browser: string, expiresAtMs: number): readonly [string, string] {
    return setCookie(binding.crossSite, browser, (expiresAtMs - clock.now()) / 1000, scheme, 'None');
  }

  /** Ends a sign-on of a browser: its web session, or a page that says why there is none. The cookie of the way is gone then. */
  async function finish(
    source: string,
    requestId: string,
    provider: string,
    cookies: readonly string[],
    prove: () => Promise<ProviderOutcome>,
  ): Promise<HttpAnswer> {
    const gone = cookies.map((name) => setCookie(name, null, 0, scheme, name === binding.crossSite ? 'None' : 'Lax'));
    const answer = await shown(async () => {
      const outcome = await prove().catch((error: unknown) => {
        if (isGatewayError(error) && error.kind === 'denial') {
          const { code } = error;
          journal.append({ type: 'identity.refused', connection: requestId, source, login: `${provider}:`, code });
        }
        throw error;
      });
      await keepIfRecorded(outcome, source);
      const { secret, token } = outcome.issued;
      const cookie = webCookie(secret, (token.expiresAtMs - clock.now()) / 1000, scheme);
      return redirect(outcome.returnTo, [cookie]);
    });
    return { ...answer, fields: [...answer.fields, ...gone] };
  }

  async function logout(
    provider: string,
    message: Parameters<typeof providers.samlLogout>[0]['message'],
    cookies: string | undefined,
  ): Promise<HttpAnswer> {
    const browser = cookieOf(cookies, binding.crossSite);
    return shown(async () => {
      const { outgoing, ended: tokenIds } = await providers.samlLogout({ provider, message, browser });
      await ended(provider, tokenIds);
      if (outgoing !== null) return sent(outgoing, []);
      return page(200, 'Signed off', 'You are signed off.', { href: '/', text: 'To the console' });
    });
  }

  /** What a provider ended: journaled as the provider's doing. */
  async function ended(provider: string, tokenIds: readonly string[]): Promise<void> {
    const by = providerActor(provider);
    for (const id of tokenIds) {
      const owner = (await tokens.find(id))?.owner ?? '';
      await record({ type: 'token.revoked', principal: by, token: id, owner });
    }
  }

  async function told(outcome: ProviderOutcome, source: string) {
    await keepIfRecorded(outcome, source);
    const { secret, token } = outcome.issued;
    return {
      ...tokenView({ ...token, description: token.label }),
      token: secret,
      principal: principalView(outcome.principal),
    };
  }

  function keepIfRecorded({ principal, issued: { token } }: ProviderOutcome, source: string): Promise<void> {
    const actor = actorOf(principal);
    const { method } = principal.authentication;
    return signingOn.keepIfRecorded(token, [
      { type: 'identity.signed-on', principal: actor, source, method },
      issuedEvent(actor, token),
    ]);
  }

  /** For a browser, an error is a page: what happened, and where to begin again. */
  async function shown(make: () => Promise<HttpAnswer>): Promise<HttpAnswer> {
    try {
      return await make();
    } catch (thrown) {
      const error = publicErrorOf(thrown, contractLimits.bodyBytesMax);
      const status = statusOf(error);
      if (status >= 500) log.error('a sign-on failed', { code: error.code, detail: error.detail ?? '' });
      return page(status === 401 ? 403 : status, 'Not signed on', error.message, again);
    }
  }
}

function sent(message: ProviderMessage, fields: readonly (readonly [string, string])[]): HttpAnswer {
  return message.binding === 'redirect'
    ? redirect(message.url, fields)
    : formPage(message.action, message.fields, fields);
}

/** A repeated parameter is given as its values in order, which no standard of these allows: none counts. */
function textsOf(query: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
