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
import type { AlertService } from './alert-ports.ts';
import type {
  Explanation,
  Manifest,
  ManifestKind,
  OpenableResource,
  ReachView,
  RecordingProofView,
} from './contract/index.ts';
import type { DetectionLab } from './detection-ports.ts';
import type { FactorProof, FactorsPort } from './factor-ports.ts';
import type { LivePort } from './live-ports.ts';
import type { MachinesPort } from './machine-ports.ts';
import type { ReportsPort } from './report-ports.ts';
import type {
  Explainer,
  GrantService,
  PolicyLab,
  ReviewService,
  RuleChecks,
  SessionEventsPort,
} from './review-ports.ts';
import type { ScimStore } from './scim-ports.ts';
import type { SearchPort } from './search-ports.ts';
import type { SinksPort } from './sink-ports.ts';
import type { StoragePort } from './storage-ports.ts';
import type { TrialsPort } from './trial-ports.ts';
import type { WorkbenchPort } from './workbench-ports.ts';

export interface VerifiedToken {
  readonly principal: Principal;
  readonly tokenId: string;
  readonly expiresAtMs: number;
}

export interface IdentityPort {
  /** Checks a password, throttled and in uniform time. Rejects with a denial, the same for every cause but throttling. */
  login(name: string, password: string, source: string): Promise<Principal>;
  /**
   * Checks a token against the store as it is now: a revoked token or a disabled principal is a denial. One that is a web
   * session's counts as no access token, and the other way round.
   */
  verifyToken(secret: string, use: 'access' | 'web', source: string): Promise<VerifiedToken>;
  /** Who a second factor proves, after the password or (`passkey`) by itself. Rejects with a denial where they are gone. */
  byFactor(proof: FactorProof, method: 'password' | 'passkey'): Promise<Principal>;
}

/** A message to a provider: the browser is redirected, or given a form that sends itself. */
export type ProviderMessage =
  | { readonly binding: 'redirect'; readonly url: string }
  | { readonly binding: 'post'; readonly action: string; readonly fields: Readonly<Record<string, string>> };

/** Somebody who was just proven, with the token that was issued for it. */
export interface ProviderOutcome {
  readonly principal: Principal;
  readonly issued: {
    readonly secret: string;
    readonly token: Omit<TokenRecord, 'ownerId' | 'description'> & { readonly label: string };
  };
  /** A path of the console's own. */
  readonly returnTo: string;
}

export interface TerminalOrder {
  readonly tokenId: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly state: string;
}

/** Signing on by identity providers. Everything rejects with a denial that may be shown, or an operation error. */
export interface ProviderSignOns {
  options(): readonly {
    readonly name: string;
    readonly title: string;
    readonly type: 'oidc' | 'saml';
    readonly device: boolean;
  }[];
  /** `browser`: a secret that its cookie holds; of a cross-site one where the answer comes by a form of the provider's. */
  begin(order: {
    readonly provider: string;
    readonly returnTo: string;
    readonly isFresh: boolean;
    readonly browser: string;
  }): Promise<{ readonly outgoing: ProviderMessage; readonly expiresAtMs: number; readonly isCrossSite: boolean }>;
  finishOidc(order: {
    readonly provider: string;
    readonly query: string;
    readonly browser: string;
  }): Promise<ProviderOutcome>;
  finishSaml(order: {
    readonly provider: string;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly browser: string | null;
  }): Promise<ProviderOutcome>;
  samlMetadata(provider: string): Promise<string>;
  /** The answer to send on, and the ids of tokens that were revoked. */
  samlLogout(order: {
    readonly provider: string;
    readonly message:
      | { readonly binding: 'redirect'; readonly query: string }
      | { readonly binding: 'post'; readonly fields: Readonly<Record<string, unknown>> };
    readonly browser: string | null;
  }): Promise<{ readonly outgoing: ProviderMessage | null; readonly ended: readonly string[] }>;
  backChannelLogout(provider: string, token: string): Promise<readonly string[]>;
  frontChannelLogout(provider: string, iss: string | null, sid: string | null): Promise<readonly string[]>;
  beginDevice(provider: string): Promise<{
    readonly id: string;
    readonly userCode: string;
    readonly verificationUri: string;
    readonly verificationUriComplete: string | null;
    readonly intervalSeconds: number;
    readonly expiresAtMs: number;
  }>;
  pollDevice(id: string): Promise<{
    readonly state: 'pending' | 'slow-down' | 'denied' | 'expired' | 'signed-on';
    readonly signedOn: ProviderOutcome | null;
  }>;
  /** Where the browser brings the code; null where the token is not live any more. */
  authoriseTerminal(order: TerminalOrder): Promise<string | null>;
  redeemTerminal(code: string, verifier: string): Promise<ProviderOutcome>;
  /**
   * The provider's own page to sign off at, where a token came of one that has such a page. Where its answer must find
   * `browser` in a cross-site cookie, `expiresAtMs` says until when.
   */
  signOff(order: {
    readonly tokenId: string;
    readonly browser: string;
  }): Promise<{ readonly url: string; readonly expiresAtMs: number | null } | null>;
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
  /** What it is for and rests on; absent: an access token of which nothing more is known. */
  readonly rests?: {
    readonly use: 'access' | 'web' | 'foreign';
    readonly method: string | null;
    readonly provider: string | null;
    readonly factors: readonly string[];
    readonly provenAtMs: number | null;
    readonly resources: readonly string[] | null;
    readonly agents: readonly string[];
  };
}

export interface TokensPort {
  /** Null where there is no such principal. The lifetime is the identity room's default where null, and cut to its limit. */
  issue(order: {
    readonly owner: string;
    /** Names of who asks for it (`actingNames`): who may know it, and use it. */
    readonly createdBy: string;
    readonly description: string;
    readonly lifetimeSeconds: number | null;
    /** For a proof in person just given; `proof` says which. */
    readonly isSignOn: boolean;
    readonly proof?: {
      readonly method: 'password' | 'passkey';
      readonly factors: readonly string[];
      readonly provenAtMs: number;
    };
    /** `web`: for a browser's cookie. */
    readonly use?: 'web';
    /** The only resources it is to be good for; all where left out. */
    readonly resources?: readonly string[];
    /** The token that it is asked for with, where it ends with that one. */
    readonly under?: string;
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
  readonly principal: {
    readonly id: string;
    readonly name: string;
    readonly kind: PrincipalKind;
    /** Names of the agents that act for it, the last first; absent where none does. */
    readonly agents?: readonly string[];
  };
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
  /** Compares one recording with what the journal says of it. */
  prove(id: string): Promise<RecordingProofView>;
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
  /** The lock on a principal, or on the token that it shows, or null. */
  lockOf(principal: Principal, tokenId: string): { readonly name: string; readonly reason: string } | null;
  /** Who may open a resource, by name of the principal, those after `after`; unknown resources are opened by nobody. */
  who(
    resource: string,
    page: { readonly limit: number; readonly after: string | null },
  ): Promise<{
    readonly reach: readonly Reach[];
    /** The principal that the page ends with, or null at the end. */
    readonly next: string | null;
  }>;
  /** What a principal may open or ask for; unknown and disabled ones nothing. */
  what(principal: string): Promise<readonly Reach[]>;
  /** Everything, by principal. Ends when `signal` aborts. */
  all(signal: AbortSignal): AsyncIterable<Reach>;
}

/** One way by which one principal may open one resource. */
export type Reach = ReachView;

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
  /** Those that the gateway has ordered for itself, by ACME. */
  readonly certificates?: readonly {
    readonly names: string[];
    /** Null while there is none. */
    readonly expiresAt: string | null;
    /** Why the last order failed, where it did. */
    readonly problem: string | null;
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
  /** The command that it is the step-up for; null for the opening of a session. */
  readonly command: string | null;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
}

/** With what somebody approves. */
export interface Approver {
  readonly credentialId: string | null;
  /** When they last proved themself in person, where that is known; and how. */
  readonly provenAtMs: number | null;
  readonly proof: 'password' | 'factor' | 'sign-on';
  /** With what, as RFC 8176 names it; absent where nothing but a password is known of. */
  readonly factors?: readonly string[];
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
  readonly providers: ProviderSignOns;
  readonly scim: ScimStore;
  readonly signOns: SignOnsPort;
  readonly visits: VisitsPort;
  readonly ssh: SshPort;
  readonly identity: IdentityPort;
  readonly factors: FactorsPort;
  readonly tokens: TokensPort;
  readonly machines: MachinesPort;
  readonly configuration: ConfigurationPort;
  readonly secrets: SecretsPort;
  readonly sessions: SessionsPort;
  readonly access: AccessPort;
  readonly storage: StoragePort;
  readonly trials: TrialsPort;
  readonly sinks: SinksPort;
  readonly reviews: ReviewService;
  readonly grants: GrantService;
  /** Null where decisions from a chat are not configured. */
  readonly chat: ChatPort | null;
  readonly checks: RuleChecks;
  readonly explainer: Explainer;
  readonly lab: PolicyLab;
  readonly detections: DetectionLab;
  readonly search: SearchPort;
  readonly reports: ReportsPort;
  readonly alerts: AlertService;
  readonly live: LivePort;
  readonly workbench: WorkbenchPort;
  readonly journal: Pick<Journal, 'append' | 'afterDurable'>;
  readonly status: StatusPort;
}

/** The part of a protocol that the API depends on. */
export type ApiProtocol = Pick<Protocol, 'name' | 'defaultPort' | 'settings' | 'renderCell'>;
