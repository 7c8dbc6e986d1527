/**
 * What the embedded engine's thread and those that ask it say to each other. Plain data, copied by `postMessage`.
 *
 * The main thread owns the thread, and may hand it ports of others, on which only statements are asked.
 */
import type { MessagePort } from 'node:worker_threads';

export type ToWorker =
  | {
      readonly type: 'query';
      readonly id: number;
      readonly sql: string;
      readonly parameters: readonly (string | null)[];
    }
  | { readonly type: 'share'; readonly port: MessagePort }
  | { readonly type: 'close' };

/** The parts of a server's error that may be told (`failure.ts`). */
export interface WorkerServerError {
  readonly severity: string;
  readonly code: string;
  readonly constraint: string | undefined;
  readonly table: string | undefined;
}

export type FromWorker =
  | { readonly type: 'ready' }
  | {
      readonly type: 'result';
      readonly id: number;
      readonly names: readonly string[];
      /** Object identifiers of the columns' types; cells come as the text that PostgreSQL wrote. */
      readonly types: readonly number[];
      readonly rows: readonly (readonly (string | null)[])[];
      readonly affectedRows: number;
      readonly command: string;
    }
  | { readonly type: 'refused'; readonly id: number; readonly error: WorkerServerError }
  /** The engine cannot go on, or could not start. The thread ends after this. */
  | {
      readonly type: 'fatal';
      readonly code: 'store.in-use' | 'store.cannot-open' | 'store.failed';
      readonly detail: string;
    }
  | { readonly type: 'closed' };
