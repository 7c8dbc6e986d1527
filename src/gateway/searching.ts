/**
 * What the API asks of the index, joined from where it stands (store), how it is written (history), and the language that it is
 * asked in (audit).
 *
 * Deliberately absent: who may see what (the API hands in a scope), and the journal's own record of searches (the API's).
 */
import { createPublicKey } from 'node:crypto';
import type { Manifest } from '../api/contract/index.ts';
import type { IndexStatus, ReportsPort, RuleChecks, RuleProblem, SearchLanguage, SearchPort } from '../api/index.ts';
import { readQuery, suggest, suggested } from '../audit/index.ts';
import type { SearchIndex } from '../core/search.ts';
import type { Secrets } from '../secrets/index.ts';
import { signingKey } from './identity-keys.ts';

export const searchLanguage: SearchLanguage = {
  read: readQuery,
  suggest,
  spell: (value) => suggested(value, '').text,
};

/** What follows the journal and writes the index. */
export interface IndexWriting {
  status(): IndexStatus;
  rebuild(): Promise<void>;
}

export function searchPort(index: SearchIndex, writing: IndexWriting): SearchPort {
  return {
    language: searchLanguage,
    search: (query, scope, page) => index.search(query, scope, page),
    count: (query, scope, facets) => index.count(query, scope, facets),
    overview: (order) => index.overview(order),
    standings: () => index.standings(),
    status: async () => writing.status(),
    rebuild: () => writing.rebuild(),
  };
}

/** What stands in a report of the gateway that made it. */
export async function reportsPort(gateway: string, ownSecrets: Secrets): Promise<ReportsPort> {
  const key = createPublicKey(await signingKey(ownSecrets, gateway));
  return { gateway, publicKey: key.export({ type: 'spki', format: 'pem' }) as string };
}

/** The same checks, and those of saved searches: one that cannot be read is told when it is saved. */
export function withSearchChecks(checks: RuleChecks, now: () => number): RuleChecks {
  return { check: async (objects) => [...searchProblems(objects, now()), ...(await checks.check(objects))] };
}

function searchProblems(objects: readonly Manifest[], nowMs: number): readonly RuleProblem[] {
  return objects.flatMap((manifest): RuleProblem[] => {
    if (manifest.kind !== 'Search') return [];
    const { problem } = readQuery(manifest.spec.query, nowMs);
    if (problem === null) return [];
    const { name } = manifest.metadata;
    const reason = `cannot be read at character ${problem.at + 1}: ${problem.message}`;
    return [{ kind: 'Search', name, field: 'spec.query', reason }];
  });
}
