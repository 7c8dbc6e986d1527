/**
 * What a sink's target is to the runner: something that takes batches, in order, and says what became of them.
 *
 * Invariants: `send` resolves only once the other side has taken the whole batch for good; what was refused for good is named
 * by its place and nothing behind it was taken, unless `taken` says so; everything else that goes wrong is tried again with the
 * whole batch, so that a target gets everything at least once and nothing out of order within a session.
 *
 * `sallyport sinks test` sends a `sink.changed` of standing `tested`, whatever the sink selects: each transport takes it, and
 * shows it to people as the test that it is.
 *
 * Deliberately absent: retries, back-off, cursors, dead letters (runner.ts).
 */
import type { Activity } from '../../core/activity.ts';
import type { SinkFormat } from '../../core/sink.ts';

/** One event as this sink sends it. */
export interface SinkRecord {
  readonly sequence: number;
  readonly activity: Activity;
  /** The document in the sink's format, after its fields were left out, redacted or hashed. JSON, or a line of CEF. */
  readonly text: string;
  /** The same before it was spelled, for targets with a form of their own. Null of CEF. */
  readonly document: Readonly<Record<string, unknown>> | null;
}

export type SendOutcome =
  | { readonly outcome: 'taken' }
  /** These places of the batch will never be taken (too large, malformed); all others were. */
  | { readonly outcome: 'refused'; readonly refused: readonly { readonly at: number; readonly why: string }[] };

export interface Transport {
  /** Records a batch may hold, and bytes of their texts. */
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  /** Rejects where it may work later. `signal` aborts by the runner's deadline. */
  send(batch: readonly SinkRecord[], signal: AbortSignal): Promise<SendOutcome>;
  close(): Promise<void>;
}

/** What transports are handed of the outside. */
export interface TransportParts {
  /** The name of the sink, for records and user agents. */
  readonly sink: string;
  readonly gateway: string;
  readonly version: string;
  /** What `SinkRecord.text` is; null where the target has a form of its own. */
  readonly format: SinkFormat | null;
  /** Reads a secret at each use. */
  secret(source: { readonly env: string } | { readonly file: string } | { readonly store: string }): Promise<string>;
  /**
   * A fetch that goes only where it may (A-API-04): resolved address checked and pinned, no redirects, deadline, bounded
   * answer.
   */
  readonly fetch: (url: string, init: SinkRequest) => Promise<{ readonly status: number; readonly body: string }>;
  /** Connects a TCP or TLS stream with the same checks. */
  readonly connect: (target: SinkConnection) => Promise<import('node:net').Socket>;
  /** The target may lie inside a private network: for transports whose library connects by itself. */
  readonly allowPrivate: boolean;
  /** Where people look at an alert, a review or a session in the console. */
  link(kind: 'alert' | 'review' | 'session', id: string): string;
  readonly now: () => number;
}

export interface SinkRequest {
  readonly method: 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
  /** PEM, or `file:/path` on the gateway, instead of the system's authorities. */
  readonly ca?: string;
}

export interface SinkConnection {
  readonly host: string;
  readonly port: number;
  /** Null: TCP without TLS. */
  readonly tls: {
    readonly ca?: string;
    readonly serverName?: string;
    readonly certificate?: string;
    readonly key?: string;
  } | null;
  readonly signal: AbortSignal;
}
