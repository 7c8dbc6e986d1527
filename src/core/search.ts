/**
 * Searching what happened: the query as a tree, what an index keeps of each thing that happened, and what a search answers. The
 * query language's text is read in `audit`, put to tables in `store`, asked for over the API; they share these types.
 *
 * Deliberately absent: spelling, SQL, who may see what (a scope is handed in, and the index applies it to everything it answers).
 */
import type { CommandKind } from './command.ts';
import type { TouchAccess, TouchKind } from './facts.ts';
import type { HistoryOverview, OverviewOrder } from './overview.ts';

/** What an index keeps an entry of. A command's entry stands at its intent's sequence, and grows until it has ended. */
export const entryTypes = [
  'command',
  'session',
  'sign-on',
  'refusal',
  'review',
  'grant',
  'change',
  'reading',
  'alert',
  'violation',
  'screen',
  'system',
] as const;
export type EntryType = (typeof entryTypes)[number];

/** Fields compared as texts: without regard to case, `*` for any run of characters. */
export const textFields = [
  'type',
  'who',
  'group',
  'agent',
  'resource',
  'label',
  'protocol',
  'kind',
  'verb',
  'verdict',
  'rule',
  'outcome',
  'error',
  'effect',
  'fingerprint',
  'session',
  'source',
  'client',
  'gateway',
  'review',
] as const;
export type TextField = (typeof textFields)[number];

export const numberFields = ['rows', 'bytes', 'duration', 'masked', 'command'] as const;
export type NumberField = (typeof numberFields)[number];

/** All that are given must hold. Within `any`, one is enough. */
export type SearchNode =
  | { readonly node: 'all' | 'any'; readonly of: readonly SearchNode[] }
  | { readonly node: 'not'; readonly of: SearchNode }
  | { readonly node: 'text'; readonly field: TextField; readonly glob: string }
  | {
      /** Touches something: of one of these kinds, in one of these ways. Empty: of any, in any. */
      readonly node: 'touch';
      readonly kinds: readonly TouchKind[];
      readonly accesses: readonly TouchAccess[];
      readonly glob: string;
    }
  | { readonly node: 'number'; readonly field: NumberField; readonly min: number | null; readonly max: number | null }
  | {
      /** Words in any order (stemming none), or a part of the text to the letter, without regard to case. */
      readonly node: 'words' | 'part';
      readonly text: string;
    }
  /** It may touch more than is known. */
  | { readonly node: 'uncertain' }
  | { readonly node: 'live' };

export type SearchSort = 'newest' | 'oldest' | 'rows' | 'bytes' | 'duration';

export interface SearchQuery {
  /** Null: everything. */
  readonly where: SearchNode | null;
  /** Wall clock, milliseconds: from, inclusive; to, exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly sort: SearchSort;
}

/** Over whose doings it reaches. */
export type SearchScope = 'all' | { readonly principalId: string };

export interface SearchHit {
  /** `gateway:sequence`: names the entry for good. */
  readonly id: string;
  readonly gateway: string;
  /** Of the event that it stands for: a command's intent. */
  readonly sequence: number;
  readonly type: EntryType;
  readonly atMs: number;
  readonly session: string | null;
  readonly command: number | null;
  readonly principal: { readonly id: string; readonly name: string; readonly kind: string } | null;
  /** Who acts for the principal, outermost first. */
  readonly agents: readonly string[];
  readonly resource: string | null;
  readonly protocol: string | null;
  readonly source: string | null;
  readonly kind: CommandKind | null;
  readonly verb: string | null;
  /** As journaled, perhaps cut at a limit. */
  readonly text: string;
  /** What stands now: of a held command that was approved, what let it run. */
  readonly verdict: string | null;
  /** What the rules said first: `hold` of a held command, whatever became of it. */
  readonly judged: string | null;
  readonly rule: string | null;
  readonly outcome: string | null;
  readonly error: string | null;
  readonly effects: readonly string[];
  readonly touches: readonly (readonly [kind: string, access: string, name: string])[];
  readonly fingerprint: string | null;
  /** False: it may touch more than stands here. */
  readonly complete: boolean;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly durationMs: number | null;
  /** Values that masks changed. */
  readonly masked: number | null;
  readonly review: string | null;
  /** It goes on. */
  readonly live: boolean;
}

/** What can be counted beside hits. */
export const facetFields = [
  'type',
  'who',
  'resource',
  'protocol',
  'verdict',
  'effect',
  'rule',
  'kind',
  'table',
  'day',
] as const;
export type FacetField = (typeof facetFields)[number];

export interface FacetValue {
  readonly value: string;
  readonly count: number;
}

export interface SearchPage {
  readonly hits: readonly SearchHit[];
  /** Where the next page begins; null at the end. A search that took its time gives fewer hits, and goes on from there. */
  readonly next: string | null;
}

export interface SearchCounts {
  /** Entries that match, counted up to a limit; `isExact` false: there are at least so many. */
  readonly total: number;
  readonly isExact: boolean;
  /** Entries in the same span that may match as well, since what they touch is not all known. Null: the query asks for no touches. */
  readonly uncertain: number | null;
  readonly facets: Readonly<Partial<Record<FacetField, readonly FacetValue[]>>>;
}

/** How far the index of one gateway has come. */
export interface IndexStanding {
  readonly gateway: string;
  /** Everything up to this sequence is in it. */
  readonly sequence: number;
  /** Wall clock of the last event taken in, milliseconds; 0 before the first. */
  readonly atMs: number;
  readonly entries: number;
}

export interface SearchIndex {
  search(
    query: SearchQuery,
    scope: SearchScope,
    page: { readonly limit: number; readonly after: string | null },
  ): Promise<SearchPage>;
  count(query: SearchQuery, scope: SearchScope, facets: readonly FacetField[]): Promise<SearchCounts>;
  /** Of everybody's doings. */
  overview(order: OverviewOrder): Promise<HistoryOverview>;
  standings(): Promise<readonly IndexStanding[]>;
}
