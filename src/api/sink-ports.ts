/** What the API needs of sinks; see ports.ts. */
import type { Actor } from '../core/event.ts';

export interface SinkStandingRecord {
  readonly gateway: string;
  /** Every event up to here was taken, is a dead letter, or is not selected. */
  readonly sequence: number;
  readonly standing: 'working' | 'failing' | 'blocked' | 'off';
  readonly sinceMs: number;
  readonly problem: string;
  readonly sent: number;
  readonly lastSentAtMs: number | null;
  /** Events of that gateway's journal behind `sequence`. */
  readonly behind: number;
  /** When the first event that waits was; null where none does. */
  readonly oldestAtMs: number | null;
  readonly updatedAtMs: number;
  readonly deadLetters: number;
}

export interface SinkRecordView {
  readonly name: string;
  /** `syslog`, `webhook`, … */
  readonly target: string;
  readonly format: string | null;
  readonly enabled: boolean;
  readonly description: string;
  readonly gateways: readonly SinkStandingRecord[];
}

export interface DeadLetterRecord {
  readonly gateway: string;
  readonly sequence: number;
  readonly type: string;
  readonly why: string;
  readonly eventAtMs: number;
  readonly atMs: number;
  readonly wanted: object | null;
}

export interface LetterChoice {
  readonly sink: string;
  readonly gateway?: string;
  readonly sequence?: number;
}

export interface SinksPort {
  /** By name. */
  list(): Promise<readonly SinkRecordView[]>;
  /** By gateway and sequence. */
  deadLetters(
    choice: LetterChoice,
    limit: number,
    after: { readonly gateway: string; readonly sequence: number } | null,
  ): Promise<readonly DeadLetterRecord[]>;
  /** Has them sent again: this gateway's at once, others' within seconds. `left` of them are dead letters still. */
  resend(choice: LetterChoice, by: Actor): Promise<{ readonly wanted: number; readonly left: number }>;
  /** Gives them up, at most a page of them; answers how many. */
  discard(choice: LetterChoice, by: Actor): Promise<number>;
  /** Sends one marked event, whatever the sink selects and stands at. */
  test(
    sink: string,
    by: Actor,
  ): Promise<{ readonly taken: boolean; readonly problem: string; readonly sequence: number }>;
}
