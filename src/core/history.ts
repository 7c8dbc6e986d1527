/**
 * What is written into the index of what happened: entries, and the store that keeps them. What is asked of it is search.ts.
 *
 * Invariants: an entry has one key (gateway, sequence, part) and one moment for good; writing it again, as it was or as it has
 * grown, changes nothing else. So batches may be repeated after a crash, and a rebuild gives the same rows.
 *
 * Deliberately absent: events (audit makes entries of them), SQL.
 */
import type { CommandKind } from './command.ts';
import type { EntryType, SearchIndex } from './search.ts';

export interface HistoryPrincipal {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
}

export interface HistoryEntry {
  /** Of the event that it stands for: a command's intent. */
  readonly sequence: number;
  /** Where one event makes several: 0 for the first. */
  readonly part: number;
  /** The last event that it says something of: what comes later wins. */
  readonly revision: number;
  readonly type: EntryType;
  /** Wall clock, milliseconds; the same in every revision. */
  readonly atMs: number;
  readonly session: string | null;
  readonly command: number | null;
  readonly principal: HistoryPrincipal | null;
  readonly groups: readonly string[];
  /** Outermost first. */
  readonly agents: readonly string[];
  readonly resource: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: string | null;
  readonly source: string | null;
  /** What the client said of itself, as `name=value`. */
  readonly client: readonly string[];
  readonly kind: CommandKind | null;
  readonly verb: string | null;
  readonly text: string;
  /** What stands now. */
  readonly verdict: string | null;
  /** What the rules said first: a held command that was approved is found by either. */
  readonly judged: string | null;
  readonly rule: string | null;
  readonly outcome: string | null;
  readonly error: string | null;
  readonly effects: readonly string[];
  readonly touches: readonly (readonly [kind: string, access: string, name: string])[];
  readonly fingerprint: string | null;
  readonly complete: boolean;
  readonly rows: number | null;
  readonly bytes: number | null;
  readonly durationMs: number | null;
  readonly masked: number | null;
  readonly review: string | null;
  /** It goes on. */
  readonly live: boolean;
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

/** How parts of texts are found: by a trigram index, or by looking at every text in question. */
export type PartSearch = 'indexed' | 'scanned';

export interface HistoryStore extends SearchIndex {
  readonly partSearch: PartSearch;
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
