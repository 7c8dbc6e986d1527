/** Types of what is known of recordings as things that are kept, and of checkpoints that were seen: part of `types.ts`. */

/**
 * `open`: the session goes on. `none`: it recorded nothing. `local`: sealed, here. `stored`: also in the object store, compared.
 * `released`: there only. `deleted`: gone for good.
 */
export type RecordingState = 'open' | 'none' | 'local' | 'stored' | 'released' | 'deleted';

export interface StoredRecording {
  readonly session: string;
  readonly gateway: string;
  readonly principal: {
    readonly name: string;
    readonly kind: string;
    readonly groups: readonly string[];
    readonly agents: readonly string[];
  };
  readonly resource: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly protocol: string;
  };
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** Sequence of `session.opened`. */
  readonly openSeq: number;
  readonly state: RecordingState;
  readonly bytes: number;
  /** Where the copy lies; null where there is none. */
  readonly copy: {
    readonly store: string;
    readonly key: string;
    /** SHA-256 over the file, hexadecimal. */
    readonly digest: string;
    readonly lockedUntilMs: number | null;
    readonly storedAtMs: number;
  } | null;
  /** By which rule it was deleted, and when; null where it was not. */
  readonly deleted: { readonly rule: string | null; readonly atMs: number } | null;
}

export type RecordingChange =
  | {
      readonly type: 'opened';
      readonly recording: Pick<
        StoredRecording,
        'session' | 'gateway' | 'principal' | 'resource' | 'startedAtMs' | 'openSeq'
      >;
    }
  | { readonly type: 'sealed'; readonly session: string; readonly bytes: number }
  | { readonly type: 'ended'; readonly session: string; readonly atMs: number }
  | { readonly type: 'stored'; readonly session: string; readonly copy: NonNullable<StoredRecording['copy']> }
  | { readonly type: 'released'; readonly session: string }
  | { readonly type: 'deleted'; readonly session: string; readonly rule: string | null; readonly atMs: number };

/** What the journal says of recordings, drawn from it and rebuilt from it at will. */
export interface KeptRecordings {
  cursor(name: string): Promise<number>;
  /** As `Sessions.applyIndexBatch`. Idempotent; nothing goes back to an earlier state. */
  apply(cursorName: string, upToSequence: number, changes: readonly RecordingChange[]): Promise<boolean>;
  get(session: string): Promise<StoredRecording | null>;
  /** Those of a gateway in one of these states that ended before, the oldest first; `after` where the last page ended. */
  list(
    filter: {
      readonly gateway: string;
      readonly states: readonly RecordingState[];
      readonly endedBeforeMs: number;
      /** Those alone of which a copy lies elsewhere. */
      readonly hasCopy?: true;
    },
    page: { readonly limit: number; readonly after: { readonly endedAtMs: number; readonly session: string } | null },
  ): Promise<readonly StoredRecording[]>;
  /** Sequence of the oldest opening of a gateway whose session goes on, as far as is known; null where none does. */
  oldestOpen(gateway: string): Promise<number | null>;
  /** How many of each state a gateway has, and their bytes. */
  totals(
    gateway: string,
  ): Promise<readonly { readonly state: RecordingState; readonly count: number; readonly bytes: number }[]>;
  /** The copy of a deleted recording is gone from the object store too. */
  copyRemoved(session: string): Promise<void>;
}

/** A checkpoint of some journal, as somebody saw it. */
export interface WitnessedCheckpoint {
  /** Journal id: 32 hexadecimal digits. */
  readonly journal: string;
  readonly size: number;
  /** Base64, as the checkpoint spells it. */
  readonly root: string;
  /** The whole signed note. */
  readonly text: string;
  readonly atMs: number;
  /** Who brought it: the name of a principal. */
  readonly source: string;
}

export interface Witnessed {
  /** `known`: it was there, the same. `forked`: another root stands at this size; that one stays, and this one is kept beside it. */
  put(checkpoint: WitnessedCheckpoint): Promise<'new' | 'known' | 'forked'>;
  /** Largest first. */
  list(
    journal: string,
    page: { readonly limit: number; readonly beforeSize: number | null; readonly source: string | null },
  ): Promise<readonly WitnessedCheckpoint[]>;
  journals(): Promise<readonly string[]>;
}
