/** What a protocol's test supplies to the contract suite. */
import type { Protocol } from '../../core/protocol.ts';
import type { SettingValue } from '../../core/resource.ts';
import type { RawClient } from './wires.ts';

/** Marks and counts what reaches the server. */
export interface HarnessUpstream {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** What a client names besides its login when it connects directly (a database, say). */
  readonly target: string | null;
  /** How many commands with this marker took effect. */
  effects(marker: string): Promise<number>;
  stop(): Promise<void>;
}

export interface LoginAs {
  readonly login: string;
  readonly secret: string;
  readonly target: string | null;
}

export interface Answer {
  readonly outcome: 'completed' | 'failed';
  /** The protocol's own code of the failure. */
  readonly code: string | null;
}

/** What the bytes after the login say so far. */
export interface Reading {
  /** Complete answers, in order. */
  readonly answers: readonly Answer[];
  /** The protocol's own code with which the other side ended the conversation, or null. */
  readonly goodbye: string | null;
}

export interface ProtocolHarness {
  createProtocol(): Protocol;
  /** The resource's `settings`. */
  readonly settings: Readonly<Record<string, SettingValue>>;
  startUpstream(): Promise<HarnessUpstream>;
  /** Logs in over a fresh connection; rejects with `LoginRefused`. Works against the gateway and directly. */
  logIn(client: RawClient, as: LoginAs): Promise<void>;
  /** Reads what came after the login, from its first byte. Throws on what is not the protocol. */
  read(received: Buffer): Reading;
  /** The protocol's own codes. */
  readonly codes: {
    readonly blocked: string;
    readonly notAuthenticated: string;
    readonly noAccess: string;
    readonly unreachable: string;
    readonly killed: string;
    readonly terminated: string;
  };
  readonly bytes: {
    /** A command that only reads, provably, and whose answer contains the marker. */
    reading(marker: string): Buffer;
    /** A command that takes effect once and carries the marker. */
    effecting(marker: string): Buffer;
    /** A command whose answer has at least `bytes` bytes. */
    flooding(bytes: number): Buffer;
    /** A command that sends at least `bytes` bytes, in pieces; its last piece completes it. */
    uploading(bytes: number): Iterable<Buffer>;
    /** A reading command of exactly the longest length that is accepted. */
    atLimit(): Buffer;
    /** As much of a command one byte past the limit as shows that it is. */
    pastLimit(): Buffer;
    /** The client's goodbye. */
    readonly goodbye: Buffer;
    /** A login within a session. */
    secondIdentity(as: LoginAs): Buffer;
    /** First bytes that are no login of this protocol. */
    readonly garbage: readonly Buffer[];
    /** A login with an effecting command behind it, before anyone has answered. */
    early(as: LoginAs, marker: string): Buffer;
    /** What no server of this protocol sends in a session. */
    readonly upstreamGarbage: Buffer;
  };
}

/** The other side answered the login with a refusal. */
export class LoginRefused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`login refused: ${code}`);
    this.code = code;
  }
}
