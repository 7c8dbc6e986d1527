/**
 * The Event: one record of the journal. A closed union; adding a type is a change of the journal's documented format.
 *
 * Invariant: no event carries a password, a token, a key or an unmasked masked value (I8, I9).
 */
import type { Alert, AlertAction, ResponseKind, Severity } from './alert.ts';
import type { CommandKind, Effect, Parameter } from './command.ts';
import type { CommandFacts } from './facts.ts';
import type { ActingAgent, Principal, PrincipalKind } from './principal.ts';
import type { RecordingMode } from './resource.ts';
import type { Confirmation } from './step-up.ts';
import type { Verdict } from './verdict.ts';

/** Who acted, as events name them. */
export interface Actor {
  readonly id: string;
  readonly issuer: string;
  readonly name: string;
  readonly kind: PrincipalKind;
  readonly groups: readonly string[];
  readonly credentialId: string | null;
  /** Who acts for it, outermost first; absent where nobody does. */
  readonly actors?: readonly ActingAgent[];
}

/** How events name an identity provider that changed something by itself. */
export function providerActor(provider: string): Actor {
  const name = `provider:${provider}`;
  return { id: name, issuer: 'gateway', name, kind: 'service', groups: [], credentialId: null };
}

/** How events name a principal. */
export function actorOf(principal: Principal): Actor {
  const { id, issuer, name, kind, groups, authentication } = principal;
  const { credentialId, actors } = authentication;
  return { id, issuer, name, kind, groups, credentialId, ...(actors === undefined ? {} : { actors }) };
}

export type SessionEndReason =
  | 'client-closed'
  | 'upstream-closed'
  | 'killed'
  | 'locked'
  | 'token-revoked'
  | 'idle'
  | 'drained'
  | 'violation'
  | 'verdict'
  | 'recording-failed'
  | 'space'
  | 'upstream-violation'
  | 'interrupted'
  | 'failed';

/** `tested`: somebody had a test sent; all others are as they say. */
export type SinkStandingChange = 'failing' | 'working' | 'dead-lettered' | 'resent' | 'discarded' | 'tested';

export type CommandOutcome = 'completed' | 'failed' | 'refused' | 'withdrawn' | 'unfinished';

/** Of an alert as it is journaled. What only looks (`isDry`), and what is `suppressed`, is told to nobody. */
export interface RaisedAlert extends Pick<Alert, 'id' | 'detection' | 'severity' | 'evidence' | 'facts'> {
  readonly isDry?: true;
  /** Why. */
  readonly suppressed?: string;
}

export type EventBody =
  | { readonly type: 'gateway.started'; readonly version: string }
  | { readonly type: 'gateway.stopped'; readonly reason: string }
  | {
      readonly type: 'journal.recovered';
      /** Bytes cut from the torn tail. */
      readonly cutBytes: number;
      /** Sessions that were open when the gateway stopped. */
      readonly interrupted: number;
    }
  | {
      readonly type: 'space.changed';
      readonly level: SpaceLevel;
      readonly freeBytes: number;
      readonly totalBytes: number;
    }
  | {
      readonly type: 'identity.refused';
      readonly connection: string;
      readonly source: string;
      readonly login: string;
      readonly code: string;
    }
  | {
      readonly type: 'session.refused';
      readonly connection: string;
      readonly source: string;
      readonly principal: Actor;
      readonly resource: string;
      readonly code: string;
      readonly rule: string;
    }
  | {
      readonly type: 'session.opened';
      readonly session: string;
      readonly connection: string;
      readonly source: string;
      readonly principal: Actor;
      readonly resource: string;
      /** Of the resource, as of then; absent where it has none. */
      readonly labels?: Readonly<Record<string, string>>;
      readonly protocol: string;
      readonly recording: RecordingMode;
      readonly access: string;
      /** Where the person confirmed the opening: how, with which credential, and when. Absent where nothing asked for it. */
      readonly stepUp?: Confirmation;
      /** What the client says of itself: application name, driver, version. Not trusted. */
      readonly client: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'session.ended';
      readonly session: string;
      readonly reason: SessionEndReason;
      /** The error code behind it, or null. */
      readonly code: string | null;
      /** Who ended it, where a person did. */
      readonly by: string | null;
      readonly commands: number;
      readonly bytesIn: number;
      readonly bytesOut: number;
      readonly durationMs: number;
    }
  | {
      readonly type: 'command.intent';
      readonly session: string;
      readonly command: number;
      readonly kind: CommandKind;
      readonly verb: string;
      readonly text: string;
      /** Length of the whole text in UTF-8 bytes; more than `text` holds where it was cut. */
      readonly textBytes: number;
      /** SHA-256 of the whole text, hexadecimal, where it was cut. */
      readonly textDigest?: string;
      /** Passwords were taken out of the text: what ran is not to the letter what stands here. */
      readonly redacted?: true;
      readonly parameters: readonly Parameter[] | null;
      readonly effect: Effect;
      readonly of: number | null;
      /** What it touches; absent where nothing is known of it but its text. */
      readonly facts?: CommandFacts;
    }
  | { readonly type: 'command.verdict'; readonly session: string; readonly command: number; readonly verdict: Verdict }
  | {
      readonly type: 'command.ended';
      readonly session: string;
      readonly command: number;
      readonly outcome: CommandOutcome;
      /** The server's own word for what happened, such as `SELECT 3`. */
      readonly tag: string | null;
      /** The protocol's error code, such as a SQLSTATE. */
      readonly error: string | null;
      readonly rows: number;
      /** Bytes of output delivered. */
      readonly bytes: number;
      readonly durationMs: number;
      /** How many values each Mask changed, by its name; absent where none did. Never which value. */
      readonly masked?: Readonly<Record<string, number>>;
    }
  | {
      readonly type: 'alert.raised';
      /** The guardrail that asked for it, or `gateway:…`. */
      readonly rule: string;
      readonly reason: string;
      readonly session: string | null;
      readonly command: number | null;
      readonly principal: Actor | null;
      readonly resource: string | null;
      /** Of a detection: what it found. Absent where a guardrail or the gateway itself asks for people's attention. */
      readonly alert?: RaisedAlert;
    }
  | {
      /** Somebody, or the gateway by itself, did something with an alert. */
      readonly type: 'alert.changed';
      readonly alert: string;
      readonly principal: Actor;
      readonly action: AlertAction;
      /** To whom it is assigned; null otherwise. */
      readonly to: string | null;
      readonly text: string;
    }
  | {
      /** What a detection does about what it found, or the end of that. */
      readonly type: 'response.changed';
      readonly response: string;
      readonly alert: string;
      readonly action: 'applied' | 'ended';
      readonly kind: ResponseKind;
      readonly severity: Severity;
      /** Whom it concerns: a principal's id, and the session where it is one alone. */
      readonly owner: string;
      readonly session: string | null;
      /** Wall clock, milliseconds; null: until somebody ends it. */
      readonly untilMs: number | null;
      /** Who ended it, where a person did. */
      readonly principal: Actor | null;
    }
  | {
      readonly type: 'search.run';
      readonly principal: Actor;
      readonly query: string;
      readonly hits: number;
      /** The format, where the hits were taken away as a file. */
      readonly export: string | null;
    }
  | {
      readonly type: 'report.made';
      readonly principal: Actor;
      readonly report: string;
      readonly sinceMs: number;
      readonly untilMs: number;
      /** SHA-256 of the document, hexadecimal. */
      readonly digest: string;
    }
  | {
      /** The index of what happened was built anew from the journal. */
      readonly type: 'index.rebuilt';
      readonly principal: Actor;
      readonly fromSequence: number;
    }
  | {
      /** A recording lies in an object store, compared there with what was written here. */
      readonly type: 'recording.stored';
      readonly session: string;
      /** The store's name in the configuration. */
      readonly store: string;
      readonly key: string;
      readonly bytes: number;
      /** SHA-256 over the whole file, hexadecimal. */
      readonly digest: string;
      /** Until when the store itself refuses to delete it; null where it has no object lock. */
      readonly lockedUntilMs: number | null;
    }
  | {
      /** The file here was removed, because a verified copy lies in the store. */
      readonly type: 'recording.released';
      readonly session: string;
      readonly store: string;
    }
  | {
      /** The content is gone for good: its key was destroyed, and the file removed. Its digests stay, in this journal. */
      readonly type: 'recording.deleted';
      readonly session: string;
      /** Who asked for it: an administrator, or the retention rule by which the gateway did. */
      readonly principal: Actor;
      readonly rule: string | null;
      readonly reason: string;
      readonly bytes: number;
    }
  | {
      /** What events up to `to` said is gone; their digests, and so every proof over the journal, stay. */
      readonly type: 'journal.pruned';
      readonly principal: Actor;
      readonly rule: string | null;
      readonly from: number;
      readonly to: number;
    }
  | {
      /** What stands of a sink: it fails since then, works again, or gave something up. */
      readonly type: 'sink.changed';
      readonly sink: string;
      readonly standing: SinkStandingChange;
      /** Sequences concerned, where they are few; the first and the last otherwise. */
      readonly sequences: readonly number[];
      readonly problem: string;
      readonly principal: Actor | null;
    }
  | {
      /** A limit on output was passed; what follows was not delivered. */
      readonly type: 'output.limited';
      readonly session: string;
      readonly command: number;
      readonly rule: string;
      readonly verdict: 'block' | 'terminate';
    }
  | {
      readonly type: 'review.requested';
      readonly review: string;
      readonly kind: 'command' | 'access' | 'break-glass';
      /** Null for a review of access, which no session waits for. */
      readonly session: string | null;
      readonly command: number | null;
      readonly principal: Actor;
      readonly resource: string;
      readonly rule: string;
      readonly digest: string;
      readonly approvals: number;
      readonly expiresAtMs: number;
      readonly reason: string | null;
    }
  | {
      readonly type: 'review.decided';
      readonly review: string;
      readonly decision: 'approve' | 'deny';
      readonly principal: Actor;
      readonly reason: string;
      /** The state of the review after this decision. */
      readonly state: 'pending' | 'approved' | 'denied';
      /** How it was given: `api`, `slack`, `teams`, … */
      readonly how: string;
    }
  | {
      /** A review came to its end other than by a decision. */
      readonly type: 'review.ended';
      readonly review: string;
      readonly outcome: 'executed' | 'expired' | 'withdrawn' | 'refused';
      /** Why an approved command was not run after all, or null. */
      readonly reason: string | null;
    }
  | {
      readonly type: 'grant.changed';
      readonly grant: string;
      readonly action: 'granted' | 'extended' | 'revoked' | 'expired';
      /** Who revoked it; null where time or approval did. */
      readonly principal: Actor | null;
      readonly owner: string;
      readonly resource: string;
      readonly access: string;
      readonly expiresAtMs: number;
    }
  | {
      readonly type: 'recording.chunk';
      readonly session: string;
      readonly chunk: number;
      /** Where the chunk begins in the recording's file. */
      readonly offset: number;
      readonly bytes: number;
      /** SHA-256 over the chunk as it lies in the file, hexadecimal. */
      readonly digest: string;
      /** Of the first chunk of a recording that is sealed: SHA-256 over the file with its wrapped key, hexadecimal. */
      readonly key?: string;
    }
  | { readonly type: 'recording.sealed'; readonly session: string; readonly chunks: number; readonly bytes: number }
  | { readonly type: 'recording.read'; readonly session: string; readonly principal: Actor; readonly how: string }
  | {
      readonly type: 'violation';
      readonly connection: string;
      readonly session: string | null;
      readonly source: string;
      readonly side: 'client' | 'upstream';
      readonly code: string;
      readonly detail: string;
    }
  | { readonly type: 'command.cancel'; readonly session: string; readonly source: string }
  | {
      /** Somebody acted on a live session from outside. */
      readonly type: 'session.steered';
      readonly session: string;
      readonly principal: Actor;
      readonly action: 'message' | 'pause' | 'resume';
      /** The message; empty otherwise. */
      readonly text: string;
    }
  | { readonly type: 'session.kill'; readonly session: string; readonly principal: Actor; readonly reason: string }
  | {
      readonly type: 'configuration.changed';
      readonly principal: Actor;
      readonly action: 'created' | 'updated' | 'deleted';
      readonly kind: string;
      readonly name: string;
      /** The changed fields as `path: before → after`, secrets as `(secret)`. */
      readonly changes: readonly string[];
    }
  | {
      readonly type: 'identity.signed-on';
      readonly principal: Actor;
      readonly source: string;
      readonly method: string;
      /** With what, as RFC 8176 names it; absent where it is not known. */
      readonly factors?: readonly string[];
      /** Who came with a token of its own: as its issuer calls it. */
      readonly workload?: { readonly provider: string; readonly subject: string };
    }
  | {
      readonly type: 'token.issued';
      readonly principal: Actor;
      readonly token: string;
      readonly owner: string;
      readonly expiresAtMs: number;
      /** The only resources it is good for; absent for all. */
      readonly resources?: readonly string[];
      /** Names of the agents that act by it, the last first. */
      readonly agents?: readonly string[];
      /** The token in whose place it is, and when that ends. */
      readonly replaces?: { readonly token: string; readonly endsAtMs: number };
    }
  | {
      /** A second factor of a local account; `reset`: by an administrator, `recovery-codes`: new ones, which void those before. */
      readonly type: 'factor.changed';
      readonly principal: Actor;
      readonly owner: string;
      readonly action: 'enrolled' | 'removed' | 'reset' | 'recovery-codes';
      readonly kind: 'passkey' | 'totp' | 'recovery';
      readonly factor: string | null;
      readonly label: string;
    }
  | { readonly type: 'token.revoked'; readonly principal: Actor; readonly token: string; readonly owner: string }
  | { readonly type: 'key.rotated'; readonly principal: Actor; readonly key: string };

/** How much room the disk has left: the ladder of F-04. */
export type SpaceLevel = 'ample' | 'warn' | 'refuse' | 'end';

/** An event as it stands in the journal. */
export type Event = EventBody & {
  /** Gap-free, from 1. */
  readonly seq: number;
  /** Wall clock, milliseconds. Order is by `seq`, never by this. */
  readonly at: number;
};

export type EventType = EventBody['type'];
