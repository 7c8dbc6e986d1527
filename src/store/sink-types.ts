/** Types of how far sinks have come, and of what their targets would not take: part of `types.ts`. */
import type { JsonObject } from './types.ts';

/** `off`: the sink is switched off. `blocked`: its dead-letter list is full. */
export type SinkStandingName = 'working' | 'failing' | 'blocked' | 'off';

/** Of one sink at one gateway; each gateway hands on its own journal, and writes its own row only. */
export interface SinkStanding {
  readonly gateway: string;
  readonly sink: string;
  /** Every event up to this sequence was taken, is a dead letter, or is not selected. */
  readonly sequence: number;
  readonly standing: SinkStandingName;
  /** Since when it stands so. */
  readonly sinceMs: number;
  /** What is wrong; empty where nothing is. */
  readonly problem: string;
  /** Events that were taken so far. */
  readonly sent: number;
  readonly lastSentAtMs: number | null;
  /** Events of the journal behind `sequence`, and when the first of them was; as of `updatedAtMs`. */
  readonly behind: number;
  readonly oldestAtMs: number | null;
  readonly updatedAtMs: number;
}

export interface StoredDeadLetter {
  readonly gateway: string;
  readonly sink: string;
  readonly sequence: number;
  /** Of the event. */
  readonly type: string;
  readonly why: string;
  readonly eventAtMs: number;
  readonly atMs: number;
  /** Who wants it sent again; null where nobody does. */
  readonly wanted: JsonObject | null;
}

/** Which dead letters of a sink: all, or those of one gateway, or one. */
export interface DeadLetterChoice {
  readonly sink: string;
  readonly gateway?: string;
  readonly sequence?: number;
}

/** Where a page of dead letters ended: hand it back to go on. */
export interface DeadLetterCursor {
  readonly gateway: string;
  readonly sequence: number;
}

export interface Sinks {
  /** All of them, by sink and gateway; `deadLetters` counts each one's. */
  standings(): Promise<readonly (SinkStanding & { readonly deadLetters: number })[]>;
  get(gateway: string, sink: string): Promise<SinkStanding | null>;
  /** Creates or overwrites. */
  put(standing: SinkStanding): Promise<void>;
  /** With its dead letters. */
  delete(gateway: string, sink: string): Promise<void>;
  /** One already there is left as it is. False, and nothing written, where one gateway's of a sink would be more than `most`. */
  addDeadLetters(letters: readonly StoredDeadLetter[], most: number): Promise<boolean>;
  /** By gateway and sequence. */
  deadLetters(
    choice: DeadLetterChoice,
    page: { readonly limit: number; readonly after?: DeadLetterCursor | null },
  ): Promise<readonly StoredDeadLetter[]>;
  /** Notes who wants them sent again; answers how many those are. */
  wantDeadLetters(choice: DeadLetterChoice, by: JsonObject): Promise<number>;
  /** Those of one gateway that somebody wants sent again, the oldest first. */
  wantedDeadLetters(gateway: string, sink: string, limit: number): Promise<readonly StoredDeadLetter[]>;
  /** Not wanted any more: it was refused again, for this reason. */
  refuseDeadLetter(gateway: string, sink: string, sequence: number, why: string, atMs: number): Promise<void>;
  /** Deletes; answers the sequences, at most `pageRowsMax` of them a call. */
  deleteDeadLetters(
    choice: DeadLetterChoice,
  ): Promise<readonly { readonly gateway: string; readonly sequence: number }[]>;
  /** The oldest dead letter of each sink of a gateway. */
  oldestDeadLetters(gateway: string): Promise<ReadonlyMap<string, number>>;
}
