/** Approving a sign-on or step-up elsewhere, and what SSH needs besides: keys of the gateway, certificates, host keys of targets. */
import { actorOf } from '../../core/event.ts';
import type { Principal } from '../../core/principal.ts';
import type { ApiParts, Handlers } from '../context.ts';
import { apiErrors } from '../errors.ts';
import type { Approver } from '../ports.ts';
import { type Asking, type GivenProof, SigningOn } from '../signing-on.ts';

type SignOnRoute = 'listSignOns' | 'decideSignOn' | 'sshKeys' | 'signSshKey' | 'scanHostKeys';

export function signOnHandlers(parts: ApiParts): Pick<Handlers, SignOnRoute> {
  const { ports, record } = parts;
  const { signOns, ssh } = ports;
  const signingOn = new SigningOn(parts);
  return {
    async listSignOns({ principal }) {
      return {
        signOns: signOns
          .list(principal.name)
          .map(({ id, code, source, resource, command, requestedAtMs, expiresAtMs }) => ({
            id,
            code,
            source,
            resource,
            command,
            requestedAt: iso(requestedAtMs),
            expiresAt: iso(expiresAtMs),
          })),
      };
    },

    async decideSignOn(context) {
      const { principal, source, input } = context;
      const { id } = input.params;
      const approve = input.body.decision === 'approve';
      // Who issued a token for another may use it, and would sign on as that other (A-REV-01).
      if (approve && principal.authentication.issuedBy !== undefined) throw apiErrors('api.forbidden');
      const waiting = signOns.list(principal.name).find((one) => one.id === id);
      if (waiting === undefined) throw apiErrors('api.not-found', { values: { what: 'sign-on' } });
      let by: Approver | null = null;
      if (approve) {
        by = await approverOf(principal, input.body, context);
        if (!signOns.isEnough(id, principal.name, by)) throw apiErrors('api.prove-again');
        const method = waiting.resource === null ? 'approval' : 'step-up';
        await record({ type: 'identity.signed-on', principal: actorOf(principal), source, method });
      }
      if (!signOns.decide(id, principal.name, by)) {
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

  /** With what the caller approves: the token of the call, and the password or factor where one is given. */
  async function approverOf(principal: Principal, given: GivenProof, asking: Asking): Promise<Approver> {
    const { credentialId, provenAtMs = null, factors = [] } = principal.authentication;
    if (given.password === undefined && given.factor === undefined) {
      return { credentialId, provenAtMs, proof: 'sign-on', factors };
    }
    const proof = given.factor === undefined ? 'password' : 'factor';
    return { credentialId, proof, ...(await signingOn.proofOf(principal, given, asking)) };
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
