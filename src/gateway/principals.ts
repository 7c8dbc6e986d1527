/**
 * Everyone who may be somebody here: local principals, and those of identity providers with what their provider says.
 *
 * Invariants:
 * - Identity is (issuer, subject): of two principals with one identity none counts, and a name is nobody's proof (A-ID-05).
 * - A group of a provider counts only where a rule of that provider maps it; a provider that is not configured any more
 *   leaves its principals disabled.
 * - What is derived here is derived anew with each load, so that a changed rule, group or claim counts at once.
 *
 * Deliberately absent: proofs (identity), and making principals (provisioning.ts).
 */
import { type IdentityProviderManifest, namePattern, type PrincipalManifest } from '../api/contract/index.ts';
import type { PrincipalKind, Role } from '../core/principal.ts';
import { type PrincipalEntry, type TrustedWorkload, trustOf, type WorkloadProvider } from '../identity/index.ts';
import type { StoredObject } from '../store/index.ts';

/** The issuer of principals that are configured here. */
export const localIssuer = 'local';

/** A principal with who wrote it last (`actingNames`), and when. */
export interface ConfiguredPrincipal extends PrincipalEntry {
  readonly changedBy: string;
  readonly changedAtMs: number;
  /** Workloads that may be it, by tokens of their own. */
  readonly workloads: readonly TrustedWorkload[];
}

type SignOnProvider = IdentityProviderManifest & { readonly spec: { readonly type: 'oidc' | 'saml' } };
type Provided = NonNullable<PrincipalManifest['spec']['provided']>;

/** The name of an identity in every event, review and grant. */
export function principalId(issuer: string, subject: string): string {
  return `${issuer}:${subject}`;
}

/** The issuer under which a provider's people are known: of SAML its entityID. */
export function issuerOf({ spec }: IdentityProviderManifest): string {
  return spec.type === 'saml'
    ? (/\bentityID\s*=\s*(?:"([^"]*)"|'([^']*)')/.exec(spec.metadata)?.slice(1).find(Boolean) ?? '')
    : spec.issuer;
}

export function principalsOf(
  principals: readonly StoredObject[],
  groups: readonly StoredObject[],
  providers: readonly IdentityProviderManifest[],
): Map<string, ConfiguredPrincipal> {
  const groupsOf = new Map<string, string[]>();
  for (const group of groups) {
    for (const member of group.spec['members'] as readonly string[]) {
      const list = groupsOf.get(member);
      if (list === undefined) groupsOf.set(member, [group.name]);
      else list.push(group.name);
    }
  }
  const byIssuer = new Map<string, IdentityProviderManifest[]>();
  for (const provider of providers) {
    if (provider.spec.type === 'workload') continue;
    byIssuer.set(issuerOf(provider), [...(byIssuer.get(issuerOf(provider)) ?? []), provider]);
  }
  const issuing = new Map(
    providers.flatMap((provider) => workloadProviderOf(provider) ?? []).map((one) => [one.name, one]),
  );
  const taken = new Map<string, number>();
  for (const { spec } of principals) {
    const id = identityOf(spec);
    if (id !== null)
      taken.set(principalId(id.issuer, id.subject), (taken.get(principalId(id.issuer, id.subject)) ?? 0) + 1);
  }
  return new Map(
    principals.map((object) => {
      const { name, spec, updatedBy, updatedAtMs } = object;
      const identity = identityOf(spec);
      const issuer = identity?.issuer ?? localIssuer;
      const subject = identity?.subject ?? name;
      const id = principalId(issuer, subject);
      const provided = spec['provided'] as Provided | undefined;
      // Two providers of one issuer: which rules count is not known, so none does.
      const [provider, second] = byIssuer.get(issuer) ?? [];
      const isKnown = identity === null || (provider !== undefined && second === undefined && taken.get(id) === 1);
      const mapped =
        identity !== null && isKnown ? mappedGroups(provider as SignOnProvider, provided?.groups ?? []) : [];
      const all = [...new Set([...(groupsOf.get(name) ?? []), ...mapped])].sort();
      const roles = new Set(spec['roles'] as readonly Role[]);
      if (identity !== null && isKnown) {
        for (const role of mappedRoles(provider as SignOnProvider, mapped)) roles.add(role);
      }
      const workloads = workloadsOf(name, spec['workloads'] as Workloads, issuing);
      return [
        name,
        {
          // Of two with one identity the first by name must not be found by it either.
          id: isKnown ? id : `${id}#${name}`,
          name,
          issuer,
          subject,
          kind: spec['kind'] as PrincipalKind,
          groups: all,
          roles: [...roles],
          disabled: spec['disabled'] === true || provided?.active === false || !isKnown,
          keys: keysOf(spec['sshKeys']),
          workloads,
          trusts: new Set(workloads.map(({ trust }) => trust)),
          changedBy: updatedBy,
          changedAtMs: updatedAtMs,
        },
      ];
    }),
  );
}

type Workloads = PrincipalManifest['spec']['workloads'];

/** A provider whose tokens workloads may bring; null for one that signs people on only. */
export function workloadProviderOf({ metadata, spec }: IdentityProviderManifest): WorkloadProvider | null {
  const { name } = metadata;
  if (spec.type === 'saml') return null;
  if (spec.type === 'workload') return { name, spec };
  const { issuer, clientId, ca } = spec;
  return { name, spec: { issuer, audience: clientId, private: spec.private, ca } };
}

/** Rules of providers that are not there, or are of SAML, let nobody in. */
function workloadsOf(
  principal: string,
  rules: Workloads,
  providers: ReadonlyMap<string, WorkloadProvider>,
): TrustedWorkload[] {
  return (rules ?? []).flatMap(({ provider: named, claims, lifetime, resources }) => {
    const provider = providers.get(named);
    if (provider === undefined) return [];
    const trust = trustOf(principal, provider, { claims, resources });
    const narrowing = resources === undefined ? {} : { resources };
    return [{ principal, provider: named, claims, lifetimeMs: lifetime * 1000, trust, ...narrowing }];
  });
}

function identityOf(spec: StoredObject['spec']): { readonly issuer: string; readonly subject: string } | null {
  return (spec['identity'] ?? null) as { issuer: string; subject: string } | null;
}

/** The groups here that a provider's groups are, by its own rules. */
export function mappedGroups({ spec }: SignOnProvider, provided: readonly string[]): readonly string[] {
  const { map, prefix } = spec.groups;
  return [
    ...new Set(
      provided.flatMap((value) => {
        if (Object.hasOwn(map, value)) return map[value]!;
        if (prefix === undefined) return [];
        const name = `${prefix}${value}`;
        return namePattern.test(name) ? [name] : [];
      }),
    ),
  ];
}

function mappedRoles({ spec }: SignOnProvider, groups: readonly string[]): readonly Role[] {
  const { admin = [], auditor = [] } = spec.roles ?? {};
  const holds = (wanted: readonly string[]): boolean => wanted.some((group) => groups.includes(group));
  return [...(holds(admin) ? (['admin'] as const) : []), ...(holds(auditor) ? (['auditor'] as const) : [])];
}

/** The blobs of public keys as OpenSSH writes them; their form was checked when they were written. */
export function keysOf(lines: unknown): readonly Buffer[] {
  return ((lines ?? []) as readonly string[]).map((line) => Buffer.from(line.split(' ')[1] ?? '', 'base64'));
}
