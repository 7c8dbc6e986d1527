/**
 * An object store, as recordings, sinks and witnesses use it: keys, bytes, digests, and locks that outlast the gateway's own
 * rights. Types only.
 *
 * Invariant: `put*` resolves only once the store has the whole object and has compared it with its SHA-256; what cannot be
 * compared there is read back.
 */

/** How the store itself keeps an object from being deleted. */
export interface ObjectLock {
  /** `governance`: a right of the store's can lift it; `compliance`: nothing can, not even the account's owner. */
  readonly mode: 'governance' | 'compliance';
  /** Wall clock, milliseconds. */
  readonly untilMs: number;
}

export interface PutOptions {
  /** Where the bucket has no lock, `put*` rejects rather than leave the object unlocked. */
  readonly lock?: ObjectLock;
  /** `application/octet-stream` unless given. */
  readonly contentType?: string;
  readonly contentEncoding?: string;
  /** Short and ASCII; names in lower case. Not part of what is compared. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Rejects with `audit.object-exists` where the key is taken. Of `put` alone: a witness never replaces what it said. */
  readonly onlyNew?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes that the store has taken so far, of a file: for progress. */
  readonly onProgress?: (bytes: number) => void;
}

/** What became of a `put`. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  /** SHA-256 over the whole object, hexadecimal, as computed here. */
  readonly sha256: string;
  /** Of buckets that keep versions; null of others. */
  readonly version: string | null;
  /** Until when the store refuses to delete it, as the store says; null where it does not. */
  readonly lockedUntilMs: number | null;
  /** How it was compared: by a checksum that the store computed itself, or by reading all of it back. */
  readonly verified: 'checksum' | 'read-back';
}

/** What the store says of an object. */
export interface ObjectFacts {
  readonly key: string;
  readonly bytes: number;
  readonly version: string | null;
  /** Wall clock of the store, milliseconds. */
  readonly modifiedMs: number;
  /** As `put*` noted it beside the object: what it should be, not what it is. Null where somebody else put it. */
  readonly sha256: string | null;
  /** As the store computed it: of the whole, or over the digests of `parts` parts. Null where it does not say. */
  readonly checksum: { readonly value: string; readonly parts: number | null } | null;
  readonly lock: ObjectLock | null;
  /** A legal hold of the store's own. */
  readonly isHeld: boolean;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** From `offset`, `length` bytes; fewer where the object ends before. */
export interface ObjectRange {
  readonly offset: number;
  readonly length: number;
}

export interface ObjectStore {
  /** For people: `s3://bucket`. */
  readonly name: string;
  /** Up to `wholeBytesMax`, from memory. */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<StoredObject>;
  /**
   * A file that no longer changes, of any size, in pieces of which few are in memory. An upload that was broken off is taken up
   * again: pieces that the store has already are not sent again.
   */
  putFile(key: string, path: string, options?: PutOptions): Promise<StoredObject>;
  /** Of a source that can be read once; begun anew where it was broken off. */
  putStream(key: string, source: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<StoredObject>;
  /** Null where there is none. */
  head(key: string, signal?: AbortSignal): Promise<ObjectFacts | null>;
  /** Up to `wholeBytesMax`; rejects with `audit.object-absent`. */
  get(key: string, range?: ObjectRange, signal?: AbortSignal): Promise<Uint8Array>;
  /** The whole, or a range, piece by piece; rejects with `audit.object-absent`. */
  read(key: string, range?: ObjectRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** In the order of keys; `after`: behind this key. */
  list(prefix: string, after?: string, signal?: AbortSignal): AsyncIterable<ListedObject>;
  /**
   * Compares what the store has with a digest known here: by the store's own checksum where it says one, or by reading it
   * back. Rejects with `audit.object-damaged` where it differs, with `audit.object-absent` where it is gone.
   */
  verify(
    key: string,
    expected: { readonly bytes: number; readonly sha256: string },
    signal?: AbortSignal,
  ): Promise<StoredObject>;
  /** Nothing happens where there is none. With versions, all of them go. Rejects with `audit.object-locked`. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
  /** Only ever later, never shorter, of a lock that is in force. */
  lock(key: string, lock: ObjectLock, signal?: AbortSignal): Promise<void>;
  /** What the bucket can do. Rejects where it does not exist or cannot be reached. */
  describe(signal?: AbortSignal): Promise<{ readonly locks: boolean; readonly versions: boolean }>;
  /** Ends its connections; what is on its way rejects. */
  close(): void;
}
