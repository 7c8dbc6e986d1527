/** What the API needs for what is kept, where, and who witnesses it; see ports.ts. */
import type { Actor } from '../core/event.ts';
import type { RetentionView } from './contract/storage-routes.ts';

export interface WitnessedRecord {
  readonly journal: string;
  readonly size: number;
  readonly root: string;
  readonly text: string;
  readonly atMs: number;
  readonly source: string;
}

export interface StoragePort {
  retention(): Promise<RetentionView>;
  /** Deletes what is due. */
  run(by: Actor): Promise<{
    readonly recordings: number;
    readonly entries: number;
    readonly alerts: number;
    readonly prunedTo: number | null;
  }>;
  /**
   * Destroys one recording. Resolves once that is done; rejects with `api.held` where a legal hold keeps it, and with `api.not-found`
   * where there is none, or it is gone.
   */
  deleteRecording(session: string, by: Actor, reason: string): Promise<void>;
  /** Null where the text is no checkpoint. */
  witness(text: string, source: string): Promise<'new' | 'known' | 'forked' | null>;
  /** Largest first; of one journal, or of all. `source` null: whoever brought them. */
  checkpoints(journal: string | null, source: string | null, limit: number): Promise<readonly WitnessedRecord[]>;
  witnesses(): readonly {
    readonly name: string;
    readonly kind: 'file' | 's3' | 'webhook' | 'gateway';
    readonly size: number | null;
    readonly atMs: number | null;
    readonly problem: string | null;
  }[];
}
