/**
 * Who a workload is here, by its own token: verified at an issuer that is trusted, and matched with the rules of principals.
 *
 * Invariants:
 * - A token is only ever verified as one of a provider that some rule names; what it says of itself before chooses among
 *   those and proves nothing.
 * - Where a principal is asked for, only its own rules count; else the narrowest rule of all answers, and of several that
 *   are none within another, nobody (`conditions.ts`).
 * - Whatever is wrong, the answer is one and the same; the reason goes to the log.
 *
 * Deliberately absent: tokens of ours (machines.ts).
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Claims } from '../claim-path.ts';
import { identityErrors } from '../errors.ts';
import * as limits from '../limits.ts';
import { type Candidate, type Condition, chooseCandidate } from './conditions.ts';
import { createWorkloadTokens, type VerifiedWorkload, type WorkloadProvider } from './workload.ts';

/** A rule of a principal: which workloads may be it. */
export interface TrustedWorkload extends Candidate {
  /** Name of the IdentityProvider. */
  readonly provider: string;
  readonly lifetimeMs: number;
  /** What a token is good for that is given by it; everything that the principal may where absent. */
  readonly resources?: readonly string[];
  /** As `trustOf` names it. */
  readonly trust: string;
}

/** What is configured, as of now. */
export interface WorkloadTrusts {
  /** Providers that some rule names. */
  providers(): readonly WorkloadProvider[];
  /** Rules of principals that may sign on. */
  rules(): readonly TrustedWorkload[];
}

export interface ProvenWorkload {
  readonly rule: TrustedWorkload;
  readonly issuer: string;
  /** The workload's own name at its issuer. */
  readonly subject: string;
  readonly expiresAtMs: number;
}

export interface WorkloadProver {
  /** Rejects with `identity.workload-refused`, or `identity.provider-unreachable` where the issuer's keys cannot be had. */
  prove(token: string, principal: string | null): Promise<ProvenWorkload>;
}

export interface WorkloadProverParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly trusts: WorkloadTrusts;
  /** From 0 to 1, for pauses; by chance unless given. */
  readonly random?: () => number;
}

/** Whether a text has the form of a signed JWT (RFC 7515, 7.1), and none of ours. */
export function isForeignToken(text: string): boolean {
  return text.length <= limits.shownTokenLengthMax && /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** Names a rule by everything that it lets in: a changed one is another. Its lifetime is of tokens, not of trust. */
export function trustOf(
  principal: string,
  provider: Pick<WorkloadProvider, 'name'> & { readonly spec: Pick<WorkloadProvider['spec'], 'issuer' | 'audience'> },
  rule: { readonly claims: Condition; readonly resources?: readonly string[] | undefined },
): string {
  const claims = Object.entries(rule.claims).sort(([a], [b]) => (a < b ? -1 : 1));
  const { issuer, audience } = provider.spec;
  const whole = [principal, provider.name, issuer, audience, claims, rule.resources ?? null];
  return createHash('sha256').update(JSON.stringify(whole)).digest('base64url');
}

export function createWorkloadProver({ clock, log, trusts, random }: WorkloadProverParts): WorkloadProver {
  const tokens = createWorkloadTokens({ clock, log, ...(random === undefined ? {} : { random }) });
  const refused = (detail: string): Error => {
    log.warn('a token of a workload was not accepted', { detail });
    return identityErrors('identity.workload-refused', { detail });
  };
  return {
    prove: async (token, principal) => {
      const claimed = isForeignToken(token) ? claimsOf(token) : {};
      const audiences: readonly unknown[] = [claimed['aud']].flat();
      // Of several providers of one issuer the one whose audience it has; a token without it is refused by none of them.
      const providers = trusts
        .providers()
        .filter(({ spec }) => spec.issuer === claimed['iss'] && audiences.includes(spec.audience))
        .slice(0, limits.providersTriedMax);
      const verified = new Map<string, VerifiedWorkload>();
      let failure: unknown = null;
      for (const provider of providers) {
        try {
          verified.set(provider.name, await tokens.verifyWorkloadToken(token, provider));
        } catch (error) {
          failure = error;
        }
      }
      const [known] = verified.values();
      if (known === undefined) throw failure ?? refused('no provider of its issuer and audience is trusted');
      const rules = trusts
        .rules()
        .filter((rule) => verified.has(rule.provider) && (principal === null || rule.principal === principal));
      const choice = chooseCandidate(known.claims, rules);
      if (choice.outcome === 'none') throw refused(`no rule takes the subject ${JSON.stringify(known.subject)}`);
      if (choice.outcome === 'ambiguous') {
        throw refused(`several principals may be meant, and none is asked for: ${choice.principals.join(', ')}`);
      }
      const { issuer, subject, expiresAtMs } = verified.get(choice.candidate.provider)!;
      // The issuer's clock may be behind by a minute; what has ended by ours gives nothing.
      if (expiresAtMs <= clock.now()) throw refused('it has expired');
      return { rule: choice.candidate, issuer, subject, expiresAtMs };
    },
  };
}

/** What a token says before anything of it is proven: good for choosing whom to ask. */
function claimsOf(token: string): Claims {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Claims) : {};
  } catch {
    return {};
  }
}
