/**
 * What is written into the index of what happened: entries, and the store that keeps them. What is asked of it is search.ts.
 *
 * Invariants: an entry has one key (gateway, sequence, part) and one moment for good; writing it again, as it was or as it has
 * grown, changes nothing else. So batches may be repeated after a crash, and a rebuild gives the same rows.
 *
 * Deliberately absent: events (audit makes entries of them), SQL.
 */
import type { EntryType, SearchHit, SearchIndex } from './search.ts';

export interface HistoryPrincipal {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
}

/** What a search answers of an entry, and what it is found and counted by besides. */
export interface HistoryEntry extends Omit<SearchHit, 'id' | 'gateway'> {
  /** Where one event makes several: 0 for the first. */
  readonly part: number;
  /** The last event that it says something of: what comes later wins. */
  readonly revision: number;
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** What the client said of itself, as `name=value`. */
  readonly client: readonly string[];
}

/** What one batch does, whole or not at all. Entries first, then the ends. */
export interface HistoryBatch {
  readonly gateway: string;
  /** The cursor afterwards; a batch that ends before the cursor changes nothing of it. */
  readonly upToSequence: number;
  /** Wall clock of that event, milliseconds. */
  readonly atMs: number;
  readonly entries: readonly HistoryEntry[];
  /** Sessions that are over, by the sequence that says so: what still counts as live in them did not finish. */
  readonly ended: readonly { readonly session: string; readonly sequence: number }[];
}

/** What is to go: entries of these types, of resources with all of these labels, older than a moment. */
export interface HistoryDeletion {
  /** Empty: of every type. */
  readonly types: readonly EntryType[];
  /** All must match; empty: whatever the labels. */
  readonly labels: Readonly<Record<string, string>>;
  readonly beforeMs: number;
  /** Of this resource; null: of none. Whatever it is, where absent. */
  readonly resource?: string | null;
  /** Of this kind of command; null: of none. Whatever it is, where absent. */
  readonly kind?: string | null;
  /** Sessions under legal hold: nothing of them goes. */
  readonly heldSessions: readonly string[];
}

export interface HistoryStore extends SearchIndex {
  /** The last sequence of this gateway that is in it; 0 before the first. */
  cursor(gateway: string): Promise<number>;
  write(batch: HistoryBatch): Promise<void>;
  /** Where the entry of a command, or of a session (`command` null), stands in its gateway's journal; null where it is not known. */
  sequenceOf(gateway: string, session: string, command: number | null): Promise<number | null>;
  /** What was asked for, by whom and of what: the entry of a review's request; null where it is not known. */
  reviewRequest(
    review: string,
  ): Promise<Pick<HistoryEntry, 'session' | 'command' | 'resource' | 'rule' | 'labels' | 'protocol'> | null>;
  /** Forgets everything of a gateway, its cursor too. */
  drop(gateway: string): Promise<void>;
  /** Names of the resources that there are entries of. */
  resources(): Promise<readonly string[]>;
  /** Deletes up to `limit` entries; answers how many went. Fewer than `limit`: all of them are gone. */
  delete(deletion: HistoryDeletion, limit: number): Promise<number>;
  /** Sessions that have entries matching, oldest first, from after `after`: what retention and legal holds go through. */
  sessionsBefore(
    deletion: Pick<HistoryDeletion, 'labels' | 'beforeMs'>,
    page: { readonly limit: number; readonly after: string | null },
  ): Promise<readonly { readonly session: string; readonly gateway: string; readonly atMs: number }[]>;
  /** What keeps an engine without autovacuum quick; harmless on others. */
  maintain(): Promise<void>;
}
