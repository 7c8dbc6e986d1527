/** What the journal's thread and the main thread say to each other. */
import type { KeyObject } from 'node:crypto';
import type { Fault } from './files.ts';
import type { Position } from './segment.ts';
import type { OpenSessionState } from './tracker.ts';

export interface WriterStart {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly checkpointEvents: number;
  readonly signingKey: KeyObject;
  /** Where the last acknowledged event ends, when the journal is reopened after a failure. */
  readonly durable: Position | null;
  readonly faults: readonly Fault[];
}

export type ToWriter =
  | {
      readonly type: 'batch';
      /** Laid out as `sealFrame` wants it; shared, so that main still holds it if this thread dies. */
      readonly memory: SharedArrayBuffer;
      readonly bodyEnd: number;
      readonly count: number;
      readonly atMs: number;
    }
  | { readonly type: 'checkpoint'; readonly atMs: number }
  | { readonly type: 'sessions' }
  | { readonly type: 'close'; readonly atMs: number };

export type FromWriter =
  | {
      readonly type: 'opened';
      readonly journalId: string;
      readonly position: Position;
      readonly cutBytes: number;
      readonly isClean: boolean;
      readonly sessions: readonly OpenSessionState[];
    }
  | { readonly type: 'durable'; readonly position: Position }
  | { readonly type: 'checkpoint'; readonly text: string; readonly position: Position }
  | { readonly type: 'sessions'; readonly sessions: readonly OpenSessionState[] }
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly code: string; readonly detail: string };
