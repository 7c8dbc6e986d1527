/**
 * What can be said against IdentityProviders before they are saved: metadata that could not be used, and two providers of one
 * issuer, whose people would all be disabled (principals.ts).
 */
import type { Manifest } from '../api/contract/index.ts';
import type { RuleChecks, RuleProblem } from '../api/index.ts';
import { samlMetadataProblem } from '../identity/index.ts';
import { issuerOf } from './principals.ts';

/** The same checks, and those of providers. */
export function withProviderChecks(checks: RuleChecks): RuleChecks {
  return { check: async (objects) => [...providerProblems(objects), ...(await checks.check(objects))] };
}

function providerProblems(objects: readonly Manifest[]): readonly RuleProblem[] {
  const owners = new Map<string, string>();
  return objects.flatMap((manifest): RuleProblem[] => {
    if (manifest.kind !== 'IdentityProvider' || manifest.spec.type === 'workload') return [];
    const { name } = manifest.metadata;
    const problem = (field: string, reason: string): RuleProblem => ({ kind: 'IdentityProvider', name, field, reason });
    const why = manifest.spec.type === 'saml' ? samlMetadataProblem(manifest.spec.metadata) : null;
    if (why !== null) return [problem('spec.metadata', `cannot be used: ${why}`)];
    const issuer = issuerOf(manifest);
    const owner = owners.get(issuer);
    if (owner === undefined) owners.set(issuer, name);
    const field = manifest.spec.type === 'saml' ? 'spec.metadata' : 'spec.issuer';
    return owner === undefined ? [] : [problem(field, `is the issuer of the IdentityProvider ${owner} too`)];
  });
}
