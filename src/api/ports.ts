/**
 * What the API needs from the rest of the gateway, as interfaces; `gateway/compose` fulfils them.
 *
 * No port gives a secret back, except `Tokens.issue`, whose secret exists only in that answer.
 */
import type { SpaceLevel } from '../core/event.ts';
import type { Journal } from '../core/ports.ts';
import type { Principal, PrincipalKind } from '../core/principal.ts';
import type { Protocol } from '../core/protocol.ts';
import type { RecordedEntry } from '../core/recording.ts';
import type { RecordingMode } from '../core/resource.ts';
import type { Explanation, Manifest, ManifestKind, OpenableResource } from './contract/index.ts';
import type {
  Explainer,
  GrantService,
  PolicyLab,
  ReviewService,
  RuleChecks,
  SessionEventsPort,
} from './review-ports.ts';

export interface VerifiedToken {
  readonly principal: Principal;
  readonly tokenId: string;
  readonly expiresAtMs: number;
}

export interface IdentityPort {
  /** Checks a password, throttled and in uniform time. Rejects with a denial, the same for every cause but throttling. */
  login(name: string, password: string, source: string): Promise<Principal>;
  /** Checks a token against the store as it is now: a revoked token or a disabled principal is a denial. */
  verifyToken(secret: string, source: string): Promise<VerifiedToken>;
}

export interface TokenRecord {
  readonly id: string;
  readonly ownerId: string;
  /** The owner's name. */
  readonly owner: string;
  readonly description: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly lastUsedAtMs: number | null;
}

export interface TokensPort {
  /** Null where there is no such principal. The lifetime is the identity room's default where null, and cut to its limit. */
  issue(order: {
    readonly owner: string;
    /** Names of who asks for it (`actingNames`): who may know it, and use it. */
    readonly createdBy: string;
    readonly description: string;
    readonly lifetimeSeconds: number | null;
    /** For a password just given. */
    readonly isSignOn: boolean;
  }): Promise<{ readonly secret: string; readonly token: TokenRecord } | null>;
  /** Of one principal by id, or all where null. */
  list(ownerId: string | null): Promise<readonly TokenRecord[]>;
  find(id: string): Promise<TokenRecord | null>;
  /** At once; live sessions that the token opened end within a second. Idempotent. */
  revoke(id: string): Promise<void>;
}

/** A manifest without write-only fields, and the number that rises with each change of it. */
export interface StoredManifest {
  readonly manifest: Manifest;
  readonly revision: number;
}

/** One change of the configuration: all of it takes effect, or none. */
export interface ConfigurationBatch {
  /** `expectedRevision` null: the object must not exist. Where it does not fit, reject with `api.conflict`. */
  readonly puts: readonly { readonly manifest: Manifest; readonly expectedRevision: number | null }[];
  readonly deletes: readonly {
    readonly kind: ManifestKind;
    readonly name: string;
    readonly expectedRevision: number;
  }[];
  /** To be sealed under these names. */
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
  readonly droppedSecrets: readonly string[];
  /** To be hashed; the principals are among `puts` or exist. */
  readonly passwords: readonly { readonly principal: string; readonly password: string }[];
  /** Names of who changes it (`actingNames`); absent where only secrets change. */
  readonly by?: string;
}

export interface ConfigurationPort {
  /** By name. */
  list(kind: ManifestKind): Promise<readonly StoredManifest[]>;
  get(kind: ManifestKind, name: string): Promise<StoredManifest | null>;
  /**
   * Writes the batch in one transaction. `record` is awaited when everything is written and before the transaction
   * commits; when it rejects, the transaction is rolled back: nothing unrecorded takes effect. After the commit the new
   * configuration holds at once, live sessions included (a deleted or disabled principal's end within a second).
   */
  commit(batch: ConfigurationBatch, record: () => Promise<void>): Promise<void>;
}

export interface SecretsPort {
  /** Names only. */
  list(): Promise<readonly { readonly name: string; readonly updatedAtMs: number }[]>;
  /** Makes a new data key and seals every secret under it. */
  rotate(): Promise<{ readonly key: string; readonly resealed: number }>;
}

export interface SessionRecord {
  readonly id: string;
  readonly principal: { readonly id: string; readonly name: string; readonly kind: PrincipalKind };
  readonly resource: string;
  readonly protocol: string;
  readonly source: string;
  readonly access: string;
  readonly recording: RecordingMode;
  readonly client: Readonly<Record<string, string>>;
  readonly live: boolean;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly endReason: string | null;
  readonly endedBy: string | null;
  readonly commands: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface SessionQuery {
  /** Set where the caller may see its own sessions only. */
  readonly principalId: string | null;
  readonly principalName: string | null;
  readonly resource: string | null;
  readonly protocol: string | null;
  readonly live: boolean | null;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface SessionsPort extends SessionEventsPort {
  /** Latest first. `next` matches [A-Za-z0-9._~-]+ and is null on the last page. */
  list(query: SessionQuery): Promise<{ readonly sessions: readonly SessionRecord[]; readonly next: string | null }>;
  get(id: string): Promise<SessionRecord | null>;
  /** False where the session is not live any more. */
  kill(id: string, by: string, reason: string): Promise<boolean>;
  /** False where the session is not live any more, or its protocol cannot. */
  steer(id: string, action: 'message' | 'pause' | 'resume', text: string): Promise<boolean>;
  /** What was recorded, from the beginning; rejects where the recording is gone. Stops when `signal` aborts. */
  readRecording(id: string, signal: AbortSignal): Promise<AsyncIterable<RecordedEntry>>;
  /** What is recorded from now on, until the session ends or `signal` aborts; null where it is not live. */
  tail(id: string, signal: AbortSignal): Promise<AsyncIterable<RecordedEntry> | null>;
}

export interface AccessPort {
  /** The resources that the principal may open now. */
  openable(principal: Principal): Promise<readonly OpenableResource[]>;
  /** By names; unknown ones are explained as not granted. */
  explain(principal: string, resource: string): Promise<Explanation>;
}

export interface StatusFacts {
  readonly startedAtMs: number;
  readonly draining: boolean;
  readonly space: { readonly level: SpaceLevel; readonly freeBytes: number | null; readonly totalBytes: number | null };
  readonly journal: { readonly durableSequence: number; readonly working: boolean };
  readonly recording: { readonly working: boolean };
  readonly diskSync: { readonly p50Ms: number; readonly p99Ms: number } | null;
  readonly listeners: readonly {
    readonly protocol: string;
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
  }[];
  readonly liveSessions: number;
}

export interface StatusPort {
  facts(): Promise<StatusFacts>;
  /** Null while new sessions are taken, else why not, in a few public words. */
  notReady(): string | null;
  /** The latest signed checkpoint as it is published; null before the first. */
  checkpoint(): Promise<string | null>;
  /** Prometheus text format 0.0.4. */
  metrics(): Promise<string>;
}

/** A request from Slack as it came: its signature covers the very bytes. */
export interface SlackRequest {
  readonly timestamp: string;
  readonly signature: string;
  readonly body: Buffer;
}

export interface ChatPort {
  /**
   * Checks the signature (denied with `review.bad-signature`), decides what was pressed, and says what came of it, in
   * plain words for who pressed: also why it was refused. Never a secret.
   */
  slack(request: SlackRequest): Promise<string>;
}

/** A sign-on elsewhere that waits for its principal. */
export interface SignOn {
  readonly id: string;
  readonly code: string;
  readonly source: string;
  /** What it is the step-up for; null for a sign-on. */
  readonly resource: string | null;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
}

/** With what somebody approves. */
export interface Approver {
  readonly credentialId: string | null;
  /** When they last proved themself in person, where that is known; and how. */
  readonly provenAtMs: number | null;
  readonly proof: 'password' | 'sign-on';
}

export interface SignOnsPort {
  /** Newest first. */
  list(principal: string): readonly SignOn[];
  /** Whether this approval would do: a step-up takes a proof in person of just now. */
  isEnough(id: string, principal: string, by: Approver): boolean;
  /** `by` null refuses it. False where there is none such of this principal's, or the approval would not do. */
  decide(id: string, principal: string, by: Approver | null): boolean;
}

export interface VisitsPort {
  /** Null where the resource has no origin below that domain. Rejects with a denial where the token is not live. */
  begin(order: {
    readonly tokenId: string;
    readonly resource: OpenableResource;
    readonly domain: string;
    /** Digest of what the origin gave the browser. */
    readonly nonce: string;
    readonly returnTo: string;
  }): Promise<{ readonly url: string; readonly expiresAtMs: number } | null>;
}

export interface SshPort {
  /** Public keys as OpenSSH writes them. */
  readonly hostKeys: readonly string[];
  readonly userAuthority: string;
  /** Signs a user certificate that stands for a token. Throws `api.invalid-request` for a key that cannot be used. */
  sign(order: {
    readonly principal: string;
    readonly tokenId: string;
    readonly publicKey: string;
    readonly validUntilMs: number;
  }): string;
  /** Null where there is no such SSH resource. Rejects where its target does not answer. */
  scan(resource: string): Promise<{
    readonly address: string;
    readonly keys: readonly { readonly publicKey: string; readonly fingerprint: string; readonly pinned: boolean }[];
  } | null>;
}

export interface ApiPorts {
  readonly signOns: SignOnsPort;
  readonly visits: VisitsPort;
  readonly ssh: SshPort;
  readonly identity: IdentityPort;
  readonly tokens: TokensPort;
  readonly configuration: ConfigurationPort;
  readonly secrets: SecretsPort;
  readonly sessions: SessionsPort;
  readonly access: AccessPort;
  readonly reviews: ReviewService;
  readonly grants: GrantService;
  /** Null where decisions from a chat are not configured. */
  readonly chat: ChatPort | null;
  readonly checks: RuleChecks;
  readonly explainer: Explainer;
  readonly lab: PolicyLab;
  readonly journal: Pick<Journal, 'append' | 'afterDurable'>;
  readonly status: StatusPort;
}

/** The part of a protocol that the API depends on. */
export type ApiProtocol = Pick<Protocol, 'name' | 'defaultPort' | 'settings' | 'renderCell'>;
