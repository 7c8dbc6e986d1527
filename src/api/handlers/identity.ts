/** Signing on and off, and tokens. */
import { actorOf } from '../../core/event.ts';
import { actingNames, isUndelegated, type Principal } from '../../core/principal.ts';
import { permissionsFor } from '../authorise.ts';
import type { ApiParts, Handlers, HttpAnswer } from '../context.ts';
import type { ListedTokenView } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import { safeJson } from '../json.ts';
import type { TokenRecord } from '../ports.ts';
import { iso, issuedEvent, principalView, type SignedOn, SigningOn, signedOnView, tokenView } from '../signing-on.ts';
import { webCookie } from '../web-session.ts';

type IdentityRoute =
  | 'login'
  | 'answerFactor'
  | 'beginWebSession'
  | 'answerWebFactor'
  | 'passkeyOptions'
  | 'passkeyWebSession'
  | 'logout'
  | 'whoami'
  | 'listTokens'
  | 'createToken'
  | 'revokeToken';

export function identityHandlers(parts: ApiParts, scheme: 'http' | 'https'): Pick<Handlers, IdentityRoute> {
  const { ports, record, clock } = parts;
  const { tokens, factors } = ports;
  const signingOn = new SigningOn(parts);
  return {
    async login(context) {
      const { principal, password, lifetimeSeconds = null } = context.input.body;
      return signedOnView(await signingOn.byPassword(principal, password, context, { lifetimeSeconds }));
    },

    async answerFactor(context) {
      const { pendingId, kind, response, lifetimeSeconds = null } = context.input.body;
      const answer = signingOn.byFactor(
        (caller) => factors.answer(pendingId, kind, response, caller),
        'password',
        context,
        { lifetimeSeconds },
      );
      return signedOnView(await answer);
    },

    async beginWebSession(context) {
      const { principal, password } = context.input.body;
      return inCookie(await signingOn.byPassword(principal, password, context, forBrowser));
    },

    async answerWebFactor(context) {
      const { pendingId, kind, response } = context.input.body;
      const prove = (caller: Parameters<typeof factors.byPasskey>[1]) =>
        factors.answer(pendingId, kind, response, caller);
      return inCookie(await signingOn.byFactor(prove, 'password', context, forBrowser));
    },

    async passkeyOptions({ input, source, browser }) {
      const options = await factors.passkeyOptions(input.body.principal ?? null, { source, browser: browser() });
      return { options: options as Record<string, unknown> };
    },

    async passkeyWebSession(context) {
      const { response } = context.input.body;
      return inCookie(
        await signingOn.byFactor((caller) => factors.byPasskey(response, caller), 'passkey', context, forBrowser),
      );
    },

    async logout({ principal, token }) {
      if (token === null) throw apiErrors('api.not-authenticated');
      await tokens.revoke(token.id);
      await record({ type: 'token.revoked', principal: actorOf(principal), token: token.id, owner: principal.name });
      return undefined;
    },

    async whoami({ principal, token }) {
      const kept = token === null ? null : await tokens.find(token.id);
      if (kept === null) throw apiErrors('api.not-authenticated');
      return {
        ...principalView(principal),
        permissions: withoutSelf(permissionsFor(principal)),
        token: listedView(kept),
      };
    },

    async listTokens({ principal, scope, input }) {
      if (input.query.all === true && scope !== 'all') throw apiErrors('api.forbidden');
      const records = await tokens.list(input.query.all === true ? null : principal.id);
      return { tokens: records.map(listedView) };
    },

    async createToken({ principal, scope, token, input }) {
      const { resources, agent } = input.body;
      if (agent !== undefined) return delegate(principal, agent, input.body);
      const owner = input.body.principal ?? principal.name;
      if (owner !== principal.name && scope !== 'all') throw apiErrors('api.forbidden');
      const issued = await tokens.issue({
        owner,
        createdBy: actingNames(principal),
        description: input.body.description ?? '',
        lifetimeSeconds: input.body.lifetimeSeconds ?? null,
        isSignOn: false,
        ...(resources === undefined ? {} : { resources }),
        // A program that makes itself tokens would never end: its tokens end with the one that it was given.
        ...(principal.kind === 'person' || token === null ? {} : { under: token.id }),
      });
      if (issued === null) throw apiErrors('api.not-found', { values: { what: 'Principal' } });
      await signingOn.keepIfRecorded(issued.token, [issuedEvent(actorOf(principal), issued.token)]);
      return { ...tokenView(issued.token), token: issued.secret };
    },

    async revokeToken({ principal, scope, input }) {
      const token = await tokens.find(input.params.id);
      // Somebody else's token answers as one that is not there (A-API-01).
      if (token === null || (scope === 'own' && token.ownerId !== principal.id)) {
        throw apiErrors('api.not-found', { values: { what: 'token' } });
      }
      // Revoking is the safe direction: it is done even when it then cannot be recorded, and the caller is told.
      await tokens.revoke(token.id);
      await record({ type: 'token.revoked', principal: actorOf(principal), token: token.id, owner: token.owner });
      return undefined;
    },
  };

  /** An agent acts for whoever asks with what is all their own: what others hold too is not theirs to hand on. */
  async function delegate(
    principal: Principal,
    agent: string,
    order: {
      readonly resources?: string[] | undefined;
      readonly lifetimeSeconds?: number | undefined;
      readonly description?: string | undefined;
    },
  ) {
    if (principal.kind !== 'person') throw apiErrors('api.people-only');
    if (!isUndelegated(principal.authentication)) throw apiErrors('api.forbidden');
    const { resources = null, lifetimeSeconds = null, description = `for ${agent}` } = order;
    const given = await ports.machines.delegate({ principal, agent, resources, lifetimeSeconds, description });
    await signingOn.keepIfRecorded(given.token, [issuedEvent(actorOf(principal), given.token)]);
    return { ...tokenView(given.token), token: given.secret };
  }

  /** A web session has an id of its own from its sign-on, whatever the browser had before (A-ID-07). */
  function inCookie({ principal, secret, token }: SignedOn): HttpAnswer {
    const cookie = webCookie(secret, (token.expiresAtMs - clock.now()) / 1000, scheme);
    const answer = { principal: principalView(principal), expiresAt: iso(token.expiresAtMs) };
    return { status: 200, fields: [['content-type', 'application/json'], cookie], body: safeJson(answer) };
  }
}

const forBrowser = { lifetimeSeconds: null, use: 'web' } as const;

function listedView(token: TokenRecord): ListedTokenView {
  const { rests } = token;
  return {
    ...tokenView(token),
    use: rests?.use ?? 'access',
    method: rests?.method ?? null,
    provider: rests?.provider ?? null,
    factors: [...(rests?.factors ?? [])],
    provenAt: rests?.provenAtMs === null || rests?.provenAtMs === undefined ? null : iso(rests.provenAtMs),
    resources: rests?.resources === null || rests?.resources === undefined ? null : [...rests.resources],
    agents: [...(rests?.agents ?? [])],
  };
}

/** What every principal may with itself is not said of any. */
function withoutSelf(permissions: object): Record<string, 'own' | 'all'> {
  return Object.fromEntries(Object.entries(permissions).filter(([name]) => !name.startsWith('self')));
}
