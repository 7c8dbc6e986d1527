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
import type { Confirmation } from './step-up.ts';

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

/** A public key as SSH spells it: its blob begins with its type (RFC 4253 section 6.6). */
export interface PublicKey {
  /** `ssh-ed25519`, `ssh-rsa`, … */
  readonly type: string;
  readonly blob: Buffer;
}

/** An OpenSSH user certificate whose signature was verified (PROTOCOL.certkeys); whether to trust its authority is identity's. */
export interface UserCertificate {
  readonly key: PublicKey;
  /** Who signed it. */
  readonly authority: PublicKey;
  readonly keyId: string;
  /** Decimal. */
  readonly serial: string;
  readonly principals: readonly string[];
  /** Wall clock, milliseconds; `validBeforeMs` is exclusive, Infinity for ever. */
  readonly validAfterMs: number;
  readonly validBeforeMs: number;
  /** Critical options and extensions by name. An unknown critical option refuses the certificate. */
  readonly criticalOptions: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<string, string>;
}

/** What a person completes elsewhere: in a browser, or by the command line. */
export interface ApprovalRequest {
  /** Where to do so. */
  readonly link: string;
  /** What the person compares with what the page shows, so that they approve their own and not another's. */
  readonly code: string;
  readonly expiresAtMs: number;
  /** Nobody waits for it any more. */
  withdraw(): void;
}

/** A sign-on that is completed so. */
export interface ApprovalIdentification extends ApprovalRequest {
  /** Rejects with a denial when it is refused, expires or was withdrawn. */
  readonly outcome: Promise<Principal>;
}

/** A step-up that is completed so, by the same person. */
export interface ConfirmationRequest extends ApprovalRequest {
  /** Rejects with `core.step-up-refused` when it is refused, expires or was withdrawn. */
  readonly outcome: Promise<Confirmation>;
}

/** Where a browser signs on for a resource that has an origin of its own. */
export interface VisitRequest {
  readonly resource: string;
  /** The domain of the origin that the browser came to: `RESOURCE.DOMAIN`. */
  readonly domain: string;
  /** Path and query to return to; whatever is not a path of that origin becomes `/` (open redirects). */
  readonly returnTo: string;
  /** What the origin gave this browser in a cookie of its own; the link carries its digest (login CSRF). */
  readonly nonce: string;
}

/** A browser's sign-on at one resource's origin. */
export interface Visit {
  readonly principal: Principal;
  /** What the origin's cookie holds from now on. Told once. */
  readonly secret: string;
  /** Wall clock, milliseconds: not after the console's sign-on that it came from. */
  readonly expiresAtMs: number;
  /** Path and query on the origin. */
  readonly returnTo: string;
}

export interface Identification {
  /** Where a browser goes to sign on. It comes back to the origin with a code, for `redeemVisit`. */
  visitLink(request: VisitRequest): string;
  /** Takes a code that the console gave, once, for the browser that holds `nonce`. Rejects with a denial. */
  redeemVisit(code: string, nonce: string, resource: string, source: string): Promise<Visit>;
  /** Proof by a visit's secret, at the origin of `resource` and nowhere else. Rejects with a denial. */
  byVisit(secret: string, resource: string, source: string): Promise<Principal>;
  /** Ends the visit and revokes the sign-on that it came from. Whose it was, or null where there is none such. */
  endVisit(secret: string, resource: string): Promise<Principal | null>;
  /** Whether a proof with this key may succeed, asked before the proof; never an identification (A-SSH-02). */
  acceptsKey(login: string, key: PublicKey, certificate: UserCertificate | null, source: string): Promise<boolean>;
  /** Proof by a registered key: the protocol verified the signature. Rejects with a denial. */
  byKey(login: string, key: PublicKey, source: string): Promise<Principal>;
  /** Proof by a certificate's key: the protocol verified both signatures. Rejects with a denial. */
  byCertificate(login: string, certificate: UserCertificate, source: string): Promise<Principal>;
  /** Proof by an X.509 client certificate in DER, whose key a TLS handshake proved. Rejects with a denial. */
  byTlsCertificate(certificate: Buffer, source: string): Promise<Principal>;
  /** Asks the person to approve elsewhere. Rejects with a denial where too many wait. */
  byApproval(login: string, source: string): Promise<ApprovalIdentification>;
  /** Asks who was proven to confirm elsewhere that they open `resource` now. Rejects with a denial where too many wait. */
  confirm(principal: Principal, resource: string, source: string): Promise<ConfirmationRequest>;
  /** Checks a token presented in clear inside TLS. Rejects with a denial, the same for every cause. */
  bySecret(login: string, secret: string, source: string): Promise<Principal>;
  /** Checks a token that names its owner by itself (a bearer token, RFC 6750). Rejects as `bySecret`. */
  byToken(secret: string, source: string): Promise<Principal>;
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
  /** Opening by it takes a confirmation by the person (step-up.ts); nothing else that applies does without. */
  readonly stepUp?: true;
  /** Why not, and what to do, where this principal may be told: absent where nothing gives it this resource at all. */
  readonly refusal?: AccessRefusal;
}

export type AccessRefusal =
  /** An Access lets in at other times. */
  | { readonly kind: 'closed'; readonly opensAtMs: number; readonly timeZone: string }
  /** An Access lets ask. `waits`: connecting asks by itself, and waits for the answer. */
  | { readonly kind: 'ask'; readonly durationMs: number; readonly reasonRequired: boolean; readonly waits: boolean }
  | { readonly kind: 'locked'; readonly lock: string; readonly reason: string };

/** A request for access that opening a session waits for. */
export interface AccessWait {
  readonly review: string;
  /** Where it is decided. */
  readonly link: string;
  /** Who may approve it, in words. */
  readonly audience: string;
  /** Resolves once it is approved and the grant is in force here. Rejects with `core.access-refused` or `core.access-pending`. */
  readonly outcome: Promise<void>;
  /** Nobody waits for it any more: the outcome rejects where it had not come. It stays asked for. */
  leave(): void;
}

/** Asks for access on behalf of who connects. */
export interface AccessRequests {
  /**
   * Asks, or joins what the principal asks for already. Null where it cannot be asked for without a reason or at all.
   * Rejects with a denial where it was denied just now.
   */
  ask(principal: Principal, resource: Resource, client: string): Promise<AccessWait | null>;
  /** Where a person asks by themself. */
  link(resource: string): string;
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
  /** PEM or OpenSSH text of a private key, where the resource has one. */
  readonly privateKey: string | null;
  /** A bearer token (RFC 6750), or null. */
  readonly token?: string | null;
  /** Head fields of requests, by name as the target spells it. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Present where `token` comes from an authorisation server and can be had anew. */
  readonly renewal?: TokenRenewal;
  /** Signs each request, or null. */
  readonly aws?: AwsKeys | null;
  /** PEM texts for the TLS handshake with the target, checked to belong together; or null. */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string } | null;
  /** Signs a certificate for this session, where the target trusts the gateway's authority. */
  readonly authority: UserAuthority | null;
}

export interface TokenRenewal {
  /**
   * The target did not take the token: it is not given out again. False where it was had a moment ago, so that another
   * would hardly be taken either; then it stays.
   */
  refused(): boolean;
}

/** Keys of AWS Signature Version 4, and what they sign for. */
export interface AwsKeys {
  readonly region: string;
  readonly service: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | null;
}

/** The gateway's authority for user certificates: its key never leaves the room that keeps it. */
export interface UserAuthority {
  /** Ed25519. */
  readonly key: PublicKey;
  /** The raw Ed25519 signature (64 bytes) over `data`. */
  sign(data: Buffer): Buffer;
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
