/**
 * Verifies a workload's token: of a CI system, a cluster, a cloud, or any issuer that an operator trusts (RFC 7519, RFC 8725).
 *
 * Invariants:
 * - A token counts for exactly the configured audience and for no other beside it (A-ID-02), for a day at most, with 60 s for
 *   its issuer's clock (A-ID-03); its signature is looked at as `oidc/jwt.ts` says (A-ID-01).
 * - What is told outside is the same for every reason; the reason goes to the log.
 *
 * Deliberately absent: who the workload is here (`conditions.ts`), and that a token counts once: workloads use theirs again
 * until it expires, and a token of ours is given for each.
 */
import type { Clock } from '../../base/clock.ts';
import { isGatewayError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Claims } from '../claim-path.ts';
import { identityErrors } from '../errors.ts';
import * as limits from '../limits.ts';
import { givenKeys, Issuers, IssuerUnreachable, type KeySource } from '../oidc/issuer.ts';
import { isForOnly, TokenRefused, verifyJwt } from '../oidc/jwt.ts';

/** An IdentityProvider of type workload, as far as it is read here. */
export interface WorkloadProvider {
  readonly name: string;
  readonly spec: {
    readonly issuer: string;
    readonly audience: string;
    /** The issuer's keys, where they are not discovered. */
    readonly jwks?: string | undefined;
    readonly private: boolean;
    readonly ca?: string | undefined;
  };
}

export interface VerifiedWorkload {
  readonly issuer: string;
  readonly subject: string;
  readonly claims: Claims;
  /** As the token says; with a clock of its issuer's that is behind, up to a minute ago. */
  readonly expiresAtMs: number;
}

export interface WorkloadTokens {
  /** Rejects with `identity.workload-refused`, or `identity.provider-unreachable` where its keys cannot be had. */
  verifyWorkloadToken(token: string, provider: WorkloadProvider): Promise<VerifiedWorkload>;
}

export interface WorkloadParts {
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1, for pauses; by chance unless given. */
  readonly random?: () => number;
}

export function createWorkloadTokens(parts: WorkloadParts): WorkloadTokens {
  const issuers = new Issuers(parts);
  return {
    verifyWorkloadToken: async (token, provider) => {
      try {
        return await verified(token, provider, issuers, parts.clock.now());
      } catch (error) {
        throw outward(error, provider.name, parts.log);
      }
    },
  };
}

async function verified(
  token: string,
  { spec }: WorkloadProvider,
  issuers: Issuers,
  nowMs: number,
): Promise<VerifiedWorkload> {
  const issuer = issuers.of(spec);
  const keys: KeySource = spec.jwks === undefined ? issuer : givenKeys(spec.jwks);
  const algorithms =
    spec.jwks === undefined ? (await issuer.metadata()).id_token_signing_alg_values_supported : undefined;
  const { claims, expiresAtMs } = await verifyJwt(token, {
    issuer: spec.issuer,
    keys,
    nowMs,
    algorithms,
    types: ['jwt', 'at+jwt'],
    lifetimeSecondsMax: limits.workloadTokenLifetimeSecondsMax,
  });
  const { sub } = claims;
  if (!isForOnly(claims, spec.audience)) throw new TokenRefused('its aud is not exactly the configured audience');
  if (typeof sub !== 'string' || sub === '' || sub.length > limits.claimLengthMax) {
    throw new TokenRefused('its sub is no text');
  }
  return { issuer: spec.issuer, subject: sub, claims, expiresAtMs };
}

function outward(error: unknown, provider: string, log: Log): unknown {
  if (isGatewayError(error) || !(error instanceof TokenRefused || error instanceof IssuerUnreachable)) return error;
  const detail = error.message;
  log.warn('a token of a workload was not accepted', { provider, detail });
  if (error instanceof TokenRefused) return identityErrors('identity.workload-refused', { detail });
  return identityErrors('identity.provider-unreachable', { values: { provider }, detail });
}
