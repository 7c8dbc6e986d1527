/** Signing on and off, and tokens. */
import { isGatewayError } from '../../base/errors.ts';
import { escapeLine } from '../../base/escape.ts';
import { type Actor, actorOf, type EventBody } from '../../core/event.ts';
import { loginBytesMax } from '../../core/limits.ts';
import { actingNames } from '../../core/principal.ts';
import { permissionsOf } from '../authorise.ts';
import type { ApiParts, Handlers } from '../context.ts';
import type { TokenView } from '../contract/index.ts';
import { apiErrors } from '../errors.ts';
import type { TokenRecord } from '../ports.ts';

type IdentityRoute = 'login' | 'logout' | 'whoami' | 'listTokens' | 'createToken' | 'revokeToken';

export function identityHandlers({ ports, record }: ApiParts): Pick<Handlers, IdentityRoute> {
  const { identity, tokens, journal } = ports;
  return {
    async login({ input, requestId, source }) {
      const { principal: name, password, lifetimeSeconds } = input.body;
      const principal = await identity.login(name, password, source).catch((error: unknown) => {
        if (!isGatewayError(error) || error.kind !== 'denial') throw error;
        const login = escapeLine(name).slice(0, loginBytesMax);
        journal.append({ type: 'identity.refused', connection: requestId, source, login, code: error.code });
        // Whatever was wrong, the answer is one and the same; only being throttled may be told (A-ID-10).
        throw error.code.endsWith('.throttled') ? error : apiErrors('api.login-failed', { cause: error });
      });
      const issued = await tokens.issue({
        owner: principal.name,
        createdBy: principal.name,
        description: 'sign-on',
        lifetimeSeconds: lifetimeSeconds ?? null,
        isSignOn: true,
      });
      if (issued === null) throw apiErrors('api.login-failed');
      const actor = actorOf(principal);
      await keepIfRecorded(issued.token, [
        { type: 'identity.signed-on', principal: actor, source, method: principal.authentication.method },
        issuedEvent(actor, issued.token),
      ]);
      const { id, issuer, subject, kind, groups, roles } = principal;
      return {
        ...viewOf(issued.token),
        token: issued.secret,
        principal: { id, issuer, subject, name: principal.name, kind, groups: [...groups], roles: [...roles] },
      };
    },

    async logout({ principal, token }) {
      if (token === null) throw apiErrors('api.not-authenticated');
      await tokens.revoke(token.id);
      await record({ type: 'token.revoked', principal: actorOf(principal), token: token.id, owner: principal.name });
      return undefined;
    },

    async whoami({ principal, token }) {
      if (token === null) throw apiErrors('api.not-authenticated');
      const { id, issuer, subject, name, kind, groups, roles } = principal;
      return {
        id,
        issuer,
        subject,
        name,
        kind,
        groups: [...groups],
        roles: [...roles],
        permissions: permissionsOf(roles) as Record<string, 'own' | 'all'>,
        token: { id: token.id, expiresAt: iso(token.expiresAtMs) },
      };
    },

    async listTokens({ principal, scope, input }) {
      if (input.query.all === true && scope !== 'all') throw apiErrors('api.forbidden');
      const records = await tokens.list(input.query.all === true ? null : principal.id);
      return { tokens: records.map(viewOf) };
    },

    async createToken({ principal, scope, input }) {
      const owner = input.body.principal ?? principal.name;
      if (owner !== principal.name && scope !== 'all') throw apiErrors('api.forbidden');
      const issued = await tokens.issue({
        owner,
        createdBy: actingNames(principal),
        description: input.body.description ?? '',
        lifetimeSeconds: input.body.lifetimeSeconds ?? null,
        isSignOn: false,
      });
      if (issued === null) throw apiErrors('api.not-found', { values: { what: 'Principal' } });
      await keepIfRecorded(issued.token, [issuedEvent(actorOf(principal), issued.token)]);
      return { ...viewOf(issued.token), token: issued.secret };
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

  /** A token that could not be recorded must not exist. */
  async function keepIfRecorded(token: TokenRecord, events: readonly EventBody[]): Promise<void> {
    try {
      await record(...events);
    } catch (error) {
      await tokens.revoke(token.id);
      throw error;
    }
  }
}

function issuedEvent(principal: Actor, token: TokenRecord): EventBody {
  return { type: 'token.issued', principal, token: token.id, owner: token.owner, expiresAtMs: token.expiresAtMs };
}

function viewOf(token: TokenRecord): TokenView {
  return {
    id: token.id,
    owner: token.owner,
    description: token.description,
    createdAt: iso(token.createdAtMs),
    expiresAt: iso(token.expiresAtMs),
    lastUsedAt: token.lastUsedAtMs === null ? null : iso(token.lastUsedAtMs),
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
