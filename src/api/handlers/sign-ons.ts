/** Approving a sign-on elsewhere, and what SSH needs besides: keys of the gateway, certificates, host keys of targets. */
import { actorOf } from '../../core/event.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { apiErrors } from '../errors.ts';

type SignOnRoute = 'listSignOns' | 'decideSignOn' | 'sshKeys' | 'signSshKey' | 'scanHostKeys';

export function signOnHandlers({ ports, record }: ApiParts): Pick<Handlers, SignOnRoute> {
  const { signOns, ssh } = ports;
  return {
    async listSignOns({ principal }) {
      return {
        signOns: signOns.list(principal.name).map(({ id, code, source, requestedAtMs, expiresAtMs }) => ({
          id,
          code,
          source,
          requestedAt: iso(requestedAtMs),
          expiresAt: iso(expiresAtMs),
        })),
      };
    },

    async decideSignOn({ principal, source, input }) {
      const approve = input.body.decision === 'approve';
      // Who issued a token for another may use it, and would sign on as that other (A-REV-01).
      if (approve && principal.authentication.issuedBy !== undefined) throw apiErrors('api.forbidden');
      if (!signOns.list(principal.name).some(({ id }) => id === input.params.id)) {
        throw apiErrors('api.not-found', { values: { what: 'sign-on' } });
      }
      if (approve) {
        await record({ type: 'identity.signed-on', principal: actorOf(principal), source, method: 'approval' });
      }
      if (!signOns.decide(input.params.id, principal.name, approve, principal.authentication.credentialId)) {
        throw apiErrors('api.not-found', { values: { what: 'sign-on' } });
      }
      return undefined;
    },

    async sshKeys() {
      return { hostKeys: [...ssh.hostKeys], userAuthority: ssh.userAuthority };
    },

    async signSshKey({ principal, token, input }) {
      if (token === null) throw apiErrors('api.not-authenticated');
      const certificate = ssh.sign({
        principal: principal.name,
        tokenId: token.id,
        publicKey: input.body.publicKey,
        validUntilMs: token.expiresAtMs,
      });
      return { certificate, expiresAt: iso(token.expiresAtMs) };
    },

    async scanHostKeys({ input }) {
      const found = await ssh.scan(input.params.name);
      if (found === null) throw apiErrors('api.not-found', { values: { what: 'SSH resource' } });
      return { address: found.address, keys: found.keys.map((key) => ({ ...key })) };
    },
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
