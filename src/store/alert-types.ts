/**
 * Alerts, responses and the state of detectors, as other rooms know them of the store; see types.ts for what holds of all
 * repositories.
 *
 * Invariant: whatever is done here twice changes nothing the second time, since events come at least once.
 */
import type { AlertState, ResponseKind, Severity } from '../core/alert.ts';
import type { IdNotice } from './review-types.ts';
import type { JsonObject, Unsubscribe } from './types.ts';

/** One thing that was done with an alert. */
export interface StoredTrailEntry {
  /** Where it is journaled: the gateway and the sequence there. */
  readonly gateway: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly by: { readonly id: string; readonly name: string };
  readonly action: string;
  /** To whom it was assigned: a name. */
  readonly to: string | null;
  readonly text: string;
}

export interface StoredAlert {
  readonly id: string;
  /** In whose journal its evidence stands. */
  readonly gateway: string;
  /** The detection; a guardrail's name, or `gateway:…`, where one of them asked for people's attention. */
  readonly detection: string;
  readonly origin: 'detection' | 'guardrail' | 'gateway';
  readonly severity: Severity;
  readonly state: AlertState;
  readonly resolution: 'resolved' | 'false-positive' | null;
  readonly summary: string;
  readonly principal: { readonly id: string; readonly name: string } | null;
  readonly session: string | null;
  readonly command: number | null;
  readonly resource: string | null;
  readonly assignee: { readonly id: string; readonly name: string } | null;
  /** Findings that it stands for. */
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  /** Of the event that raised it. */
  readonly sequence: number;
  /** Of the last finding that was added. */
  readonly lastSequence: number;
  /** Sequences of events, ascending. */
  readonly evidence: readonly number[];
  readonly facts: JsonObject;
  /** The oldest first. */
  readonly trail: readonly StoredTrailEntry[];
  readonly isDry: boolean;
  /** Why nobody is told, or null. */
  readonly suppressed: string | null;
}

export type NewAlert = Omit<StoredAlert, 'state' | 'resolution' | 'assignee' | 'count' | 'trail' | 'lastAtMs'>;

/** More of an alert that is there, in place of what was said of it before. */
export interface AlertUpdate extends Pick<StoredAlert, 'id' | 'summary' | 'count' | 'lastAtMs' | 'evidence' | 'facts'> {
  /** Of its latest finding: what came before it changes nothing. */
  readonly lastSequence: number;
}

export interface AlertFilter {
  readonly states?: readonly AlertState[];
  readonly severities?: readonly Severity[];
  readonly detection?: string;
  readonly principalId?: string;
  /** By name. */
  readonly principal?: string;
  readonly resource?: string;
  readonly session?: string;
  /** The assignee's name. */
  readonly assignee?: string;
  /** By when they were raised: from, inclusive; to, exclusive. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

/** Where a page ended: hand it back to go on. */
export interface AlertCursor {
  readonly atMs: number;
  readonly id: string;
}

export interface AlertPage {
  readonly limit: number;
  readonly after?: AlertCursor | null;
}

export interface Alerts {
  get(id: string): Promise<StoredAlert | null>;
  /** Newest first, by (firstAtMs, id). */
  list(filter: AlertFilter, page: AlertPage): Promise<readonly StoredAlert[]>;
  /**
   * New alerts, then more of those that are there, in one transaction. What is there already stays as it is; text that cannot be
   * kept is made to fit, since one odd event must not stop all that come after it.
   */
  write(alerts: readonly NewAlert[], updates: readonly AlertUpdate[]): Promise<void>;
  /** Adds to the trail, and changes what the action changes. The alert as it is now; null where there is none. */
  act(id: string, entry: StoredTrailEntry, assignee: StoredAlert['assignee']): Promise<StoredAlert | null>;
  /** Open and acknowledged ones by severity. */
  countOpen(): Promise<ReadonlyMap<Severity, number>>;
  /** Deletes those whose last finding was before, and that are resolved or suppressed; at most `purgeRowsMax` per call. */
  purge(beforeMs: number): Promise<number>;
}

export interface StoredResponse {
  readonly id: string;
  /** Whose detection applied it. */
  readonly gateway: string;
  readonly alert: string;
  readonly detection: string;
  readonly kind: ResponseKind;
  readonly severity: Severity;
  readonly owner: { readonly id: string; readonly name: string };
  /** The session alone; null: whatever the owner does. */
  readonly session: string | null;
  /** Of `risk`; zero otherwise. */
  readonly points: number;
  /** Of `hold`; nobody otherwise. */
  readonly reviewers: { readonly names: readonly string[]; readonly groups: readonly string[] };
  /** For the person whom it concerns. */
  readonly message: string;
  readonly sinceMs: number;
  /** Null: until somebody ends it. */
  readonly untilMs: number | null;
  readonly endedAtMs: number | null;
  readonly endedBy: string | null;
}

export type NewResponse = Omit<StoredResponse, 'endedAtMs' | 'endedBy'>;

export interface ResponseFilter {
  /** Neither ended nor over at this time. */
  readonly liveAtMs?: number;
  readonly ownerId?: string;
  readonly alert?: string;
}

export interface Responses {
  get(id: string): Promise<StoredResponse | null>;
  /** Newest first, by (sinceMs, id). */
  list(filter: ResponseFilter, page: AlertPage): Promise<readonly StoredResponse[]>;
  /** Ids of those that were not there yet. One that is there stays as it is: what ended stays ended. */
  apply(responses: readonly NewResponse[]): Promise<readonly string[]>;
  /** As `Reviews.change`. False where it ended already, or is unknown. */
  end(id: string, by: string | null, atMs: number, beforeCommit: () => Promise<void>): Promise<boolean>;
  /** Deletes what ended, or was over, before; at most `purgeRowsMax` per call. */
  purge(beforeMs: number): Promise<number>;
  /** As `Reviews.onChange`. */
  onChange(listener: (notice: IdNotice) => void): Unsubscribe;
}

/** What detectors of one gateway remember, as of one sequence of its journal. */
export interface DetectorStates {
  readonly sequence: number;
  /** JSON texts by name. */
  readonly states: ReadonlyMap<string, string>;
}

export interface Detectors {
  /** Null where nothing was ever saved. */
  load(gateway: string): Promise<DetectorStates | null>;
  /** All of it in one transaction; what is not among `states` is deleted. False where a later sequence is kept already. */
  save(gateway: string, saved: DetectorStates): Promise<boolean>;
  /** Forgets everything. */
  clear(gateway: string): Promise<void>;
}
