/**
 * What the two engines have in common: a source of connections that run one statement at a time.
 *
 * Invariants: a connection is used by one caller until it is released; every wait ends by a deadline; a connection
 * whose state is not known (a deadline passed, the peer vanished) is never handed out again; values have the same
 * JavaScript types on both engines (`values.ts`).
 *
 * Deliberately absent: SQL of any kind, pools' settings, notifications.
 */
import type { StoreShare } from './share.ts';
import type { Unsubscribe } from './types.ts';

export interface EngineResult {
  readonly rows: readonly Record<string, unknown>[];
  /** Rows that the statement wrote, or answered. */
  readonly affectedRows: number;
  /** The first word of the server's command tag: `SELECT`, `COMMIT`, … */
  readonly command: string;
}

export interface EngineConnection {
  /** Rejects with a `store.*` error; an SQLSTATE, where there is one, is found by `sqlState`. */
  query(sql: string, parameters: readonly (string | null)[]): Promise<EngineResult>;
  /** Gives the connection back. The connection must not be used afterwards. */
  release(): void;
  /** Gives back a connection whose state is not known, so that nobody uses it again. */
  discard(): void;
}

export interface Engine {
  readonly name: 'embedded' | 'postgres';
  acquire(): Promise<EngineConnection>;
  /** What another thread needs to ask the same database by itself. */
  share(): StoreShare;
  /** Set once the engine died for good. */
  readonly failure: Error | null;
  onFailure(listener: (failure: Error) => void): Unsubscribe;
  close(): Promise<void>;
}
