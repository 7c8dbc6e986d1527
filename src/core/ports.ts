/**
 * The ports: what the pipeline needs from other rooms, as interfaces. `gateway/compose` joins them.
 *
 * No I/O here, and no import of any sibling.
 */
import type { ScramExchange } from '../base/scram.ts';
import type { Wire } from '../base/wire.ts';
import type { EventBody, SpaceLevel } from './event.ts';
import type { Judgement, JudgeRequest } from './judgement.ts';
import type { Principal } from './principal.ts';
import type { RecordingEntry } from './recording.ts';
import type { Resource } from './resource.ts';

/** The durable, append-only log of everything that happened. */
export interface Journal {
  /**
   * Adds an event and returns its sequence number at once; durability follows (`afterDurable`).
   * Throws `core.journal-unavailable` once anything failed, until the journal was reopened from what is on disk.
   */
  append(event: EventBody): number;
  /** Sequence of the last event known to be on stable storage. */
  readonly durableSequence: number;
  /**
   * Calls back once `sequence` is durable, at once where it already is, in order of sequence; with an error when the
   * journal failed first.
   */
  afterDurable(sequence: number, callback: (error: Error | null) => void): void;
  /** Null while it works, else why it does not. */
  readonly failure: Error | null;
  readonly spaceLevel: SpaceLevel;
}

/** The recording of one session: its content, beside the journal and bound into it by digests. */
export interface Recording {
  /**
   * Takes an entry. Buffers inside are copied before this returns. Rows and data beyond the budget are counted and
   * digested instead. Throws `core.recording-failed` once writing failed.
   */
  append(entry: RecordingEntry): void;
  /** True while so much waits for the disk that the source should pause; `onReady` follows. */
  readonly congested: boolean;
  /** Called each time congestion ends. */
  onReady: (() => void) | null;
  /** Called once when writing failed. */
  onFailure: ((error: Error) => void) | null;
  /** Writes what remains and seals the file. */
  close(): Promise<void>;
}

export interface Recordings {
  open(session: string, startedAtMs: number): Recording;
}

export interface Identification {
  /** Checks a token presented in clear inside TLS. Rejects with a denial, the same for every cause. */
  bySecret(login: string, secret: string, source: string): Promise<Principal>;
  /** Begins SCRAM-SHA-256 with the access token as password. Unknown logins get a plausible exchange that fails. */
  byScram(login: string, source: string): Promise<ScramIdentification>;
}

/** A SCRAM exchange in the server's role that ends in a Principal. */
export interface ScramIdentification {
  readonly exchange: ScramExchange;
  /** After `exchange.final` succeeded: whose proof it was. */
  principal(): Principal;
}

/** What Access says about a principal and a resource. */
export interface AccessDecision {
  readonly granted: boolean;
  /** The Access that granted, or `none`. */
  readonly rule: string;
}

export interface Authorisation {
  decide(principal: Principal, resource: Resource): AccessDecision;
}

export interface Resources {
  find(name: string): Promise<Resource | null>;
}

/** A secret in memory: asked for at use, not kept. */
export interface UpstreamCredential {
  readonly username: string;
  readonly password: string | null;
}

export interface Credentials {
  /** Rejects with `core.credential-unavailable`. */
  reveal(resource: Resource): Promise<UpstreamCredential | null>;
}

export interface Dialler {
  /** Connects to the resource's address. Rejects when it cannot. */
  dial(resource: Resource, signal: AbortSignal): Promise<Wire>;
}

/** Judges a command; synchronous, and the same for the same request. Throwing ends the session (I2). */
export interface Judge {
  judge(request: JudgeRequest): Judgement;
}
