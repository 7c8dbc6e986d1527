/** People, terms and reviews for tests: `erin` asks, `dana`, `dave` and `dora` are of `dba`, `mona` is asked later. */
import type { CommandDraft } from '../../core/command.ts';
import type { HoldTerms } from '../../core/judgement.ts';
import type { Principal } from '../../core/principal.ts';
import { type ReviewRequest, reviewDigest } from '../../core/review.ts';
import { testDraft, testPrincipal, testResource } from '../../core/testing/fakes.ts';
import type { Directory, DirectoryEntry, Review } from '../review.ts';
import { reviewOfCommand } from '../subject.ts';

export class TestDirectory implements Directory {
  readonly entries = new Map<string, DirectoryEntry>();

  constructor(entries: readonly DirectoryEntry[] = people) {
    for (const entry of entries) this.entries.set(entry.id, entry);
  }

  find(id: string): DirectoryEntry | null {
    return this.entries.get(id) ?? null;
  }

  all(): Iterable<DirectoryEntry> {
    return this.entries.values();
  }

  change(name: string, change: Partial<DirectoryEntry>): void {
    this.entries.set(`local:${name}`, { ...this.entries.get(`local:${name}`)!, ...change });
  }
}

export function entry(name: string, groups: readonly string[], change: Partial<DirectoryEntry> = {}): DirectoryEntry {
  return { id: `local:${name}`, name, kind: 'person', groups, disabled: false, ...change };
}

export const people: readonly DirectoryEntry[] = [
  entry('erin', ['engineering']),
  entry('dana', ['dba']),
  entry('dave', ['dba', 'oncall']),
  entry('dora', ['dba']),
  entry('mona', ['managers']),
  entry('root', ['administrators']),
  entry('robot', ['dba'], { kind: 'agent', belongsTo: 'local:dana' }),
  entry('pipeline', ['dba'], { kind: 'service' }),
];

/** Logged in, with a credential of their own. */
export function loggedIn(name: string, change: Partial<Principal> = {}): Principal {
  return {
    ...testPrincipal,
    id: `local:${name}`,
    subject: name,
    name,
    groups: [],
    authentication: { method: 'token', credentialId: `tok_${name}`, atMs: 0 },
    ...change,
  };
}

export const erin = loggedIn('erin', { groups: ['engineering'] });

export const testTerms: HoldTerms = {
  rule: 'destructive',
  reviewers: { names: [], groups: ['dba'] },
  approvals: 1,
  withinMs: 60_000,
  inTransactionMs: 10_000,
  escalation: null,
  breakGlass: [],
  message: 'Destructive statements need a DBA.',
};

export function testRequest(
  terms: Partial<HoldTerms> = {},
  draft: CommandDraft = testDraft('delete from customers'),
  change: Partial<ReviewRequest> = {},
): ReviewRequest {
  const resource = testResource();
  const session = {
    id: 'ses_1',
    source: '127.0.0.1',
    client: {},
    startedAtMs: 0,
    commands: 1,
    access: 'engineers',
  };
  const principal = change.principal ?? erin;
  return {
    session,
    command: 1,
    principal,
    resource,
    draft,
    terms: { ...testTerms, ...terms },
    inTransaction: false,
    digest: reviewDigest(draft, principal, resource),
    ...change,
  };
}

export function testReview(terms: Partial<HoldTerms> = {}, directory: Directory = new TestDirectory()): Review {
  return reviewOfCommand(testRequest(terms), { id: 'rev_1', gateway: 'gw_1', nowMs: 0, directory });
}
