/**
 * What a protocol's own client says and is told, where a person works in the console instead of in a stock client. It stands outside
 * the door like any client: it logs in with a token, and what it sends is judged, masked and recorded like everybody's.
 *
 * Deliberately absent: how it reaches the browser (api), who may (the door).
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Wire } from '../base/wire.ts';

export type WorkbenchEntry =
  | { readonly type: 'ready' }
  /** A result of run `run` begins. */
  | { readonly type: 'columns'; readonly run: number; readonly columns: readonly { name: string; type: string }[] }
  | { readonly type: 'rows'; readonly run: number; readonly rows: readonly (readonly (string | null)[])[] }
  /** A result is over; `cut`: there were more rows than are shown. */
  | {
      readonly type: 'result';
      readonly run: number;
      readonly tag: string;
      readonly rows: number;
      readonly cut: boolean;
    }
  | {
      readonly type: 'message';
      /** Null: not of a run. */
      readonly run: number | null;
      readonly level: 'error' | 'notice';
      readonly code: string | null;
      readonly text: string;
      readonly detail: string | null;
      readonly hint: string | null;
      /** Character in the text, from 1, where the target points to one. */
      readonly position: number | null;
    }
  /** A run is over. */
  | {
      readonly type: 'done';
      readonly run: number;
      readonly durationMs: number;
      readonly transaction: 'none' | 'open' | 'failed';
    }
  /** Bytes of a terminal. */
  | { readonly type: 'output'; readonly data: Buffer }
  | { readonly type: 'exit'; readonly status: number | null; readonly signal: string | null }
  /** Nothing follows. */
  | { readonly type: 'closed'; readonly text: string };

export interface WorkbenchOpening {
  /** Another connection to the same door; the first is the one to work on. */
  readonly dial: () => Wire;
  /** `principal+resource`. */
  readonly login: string;
  /** The access token to log in with. */
  readonly secret: string;
  readonly resource: string;
  /** For a terminal. */
  readonly columns: number;
  readonly rows: number;
  /** False: feed no more until `Workbench.resume`. */
  readonly give: (entry: WorkbenchEntry) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** A client at work. What has no meaning for its protocol does nothing. */
export interface Workbench {
  /** What it takes: statements one by one, or keys of a terminal. */
  readonly takes: 'statements' | 'keys';
  /** Runs a text as the `run`th; one at a time, what comes meanwhile waits. */
  run(run: number, text: string): void;
  /** Keys of a terminal. */
  type(data: Buffer): void;
  resize(columns: number, rows: number): void;
  /** Stops what runs. */
  cancel(): void;
  /** `give` may be fed again. */
  resume(): void;
  /** Says goodbye. */
  close(): void;
}
