/** What the API needs of the index of what happened, and of the language that it is asked in. */
import type { FacetField, SearchIndex, SearchQuery } from '../core/search.ts';

/** What cannot be read of a query, where, and what would be possible there. */
export interface SearchProblem {
  readonly at: number;
  readonly end: number;
  readonly message: string;
  readonly possible: readonly string[];
}

export type SearchReading =
  | {
      readonly read: { readonly query: SearchQuery; readonly text: string; readonly marks: readonly string[] };
      readonly problem: null;
    }
  | { readonly read: null; readonly problem: SearchProblem };

export interface SearchLanguage {
  read(text: string, nowMs: number): SearchReading;
  /** What may stand at a place; `facet`: whose values, those that begin with `begun`, may too. */
  suggest(
    text: string,
    cursor: number,
  ): {
    readonly from: number;
    readonly to: number;
    readonly begun: string;
    readonly found: readonly { readonly text: string; readonly means: string }[];
    readonly facet: FacetField | null;
  };
  /** A value as it is written in a query. */
  spell(value: string): string;
}

export interface IndexStatus {
  readonly working: boolean;
  readonly durableSequence: number;
  readonly lag: number;
  readonly rebuilding: { readonly sequence: number; readonly of: number; readonly startedAtMs: number } | null;
}

export interface SearchPort extends SearchIndex {
  readonly language: SearchLanguage;
  status(): Promise<IndexStatus>;
  /** Begins; where one is under way already, that goes on. Resolves once the old index is gone. */
  rebuild(): Promise<void>;
}
