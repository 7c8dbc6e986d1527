/**
 * Whether what a token rests on still holds, beside its principal: the rule by which a workload had it, and every agent that
 * acts by it.
 */
import type { Authentication } from '../core/principal.ts';
import type { PrincipalDirectory, PrincipalEntry } from './records.ts';

export function stillRests(
  { trust, actors = [] }: Pick<Authentication, 'trust' | 'actors'>,
  entry: PrincipalEntry,
  directory: Pick<PrincipalDirectory, 'find'>,
): boolean {
  if (trust !== undefined && entry.trusts?.has(trust) !== true) return false;
  return actors.every(({ issuer, subject, name }) => {
    const agent = directory.find(name);
    // Names may change hands: it is the same agent by its identity.
    return agent?.disabled === false && agent.kind === 'agent' && agent.issuer === issuer && agent.subject === subject;
  });
}
