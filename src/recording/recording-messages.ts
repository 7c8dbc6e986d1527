/** What the recordings' thread and the main thread say to each other. */
import type { Fault } from './files.ts';

export interface RecorderStart {
  readonly directory: string;
  readonly faults: readonly Fault[];
}

export interface BlockMessage {
  readonly type: 'block';
  readonly session: string;
  readonly startedAtMs: number;
  readonly chunk: number;
  readonly memory: ArrayBuffer;
  readonly length: number;
  readonly entries: number;
  readonly baseAtMs: number;
  /** With the first block: what seals the recording; null for one that is not sealed, and with all later blocks. */
  readonly seal: { readonly key: Uint8Array; readonly wrapped: Uint8Array } | null;
}

export type ToRecorder =
  | BlockMessage
  /** No more blocks come for this session. */
  | { readonly type: 'done'; readonly session: string };

/** A chunk that is on stable storage. */
export interface WrittenChunk {
  readonly session: string;
  readonly chunk: number;
  readonly offset: number;
  readonly bytes: number;
  readonly digest: string;
  /** With the first chunk: SHA-256 of the file that holds the wrapped key; null where there is none. */
  readonly keyDigest: string | null;
  /** The block's memory, for reuse. */
  readonly memory: ArrayBuffer;
  readonly length: number;
}

export type FromRecorder =
  | { readonly type: 'written'; readonly chunks: readonly WrittenChunk[] }
  | { readonly type: 'failed'; readonly code: string; readonly detail: string };
