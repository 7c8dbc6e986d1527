/** What identity is made of, and what it is for the API and the console: see identity.ts. */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ConfirmationRequest, Identification, PublicKey } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Approver, PendingApproval } from './approvals.ts';
import type { DelegationOrder, Exchanged, ExchangeOrder, MachineParts } from './machines.ts';
import type { PasswordHasher } from './password.ts';
import type { PasswordRecords, PrincipalDirectory, TokenListPage, TokenRecords } from './records.ts';
import type { IssuedToken, TokenRequest, TokenSummary } from './tokens.ts';
import type { VisitOrder } from './visits.ts';

export interface IdentityParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: TokenRecords;
  readonly passwords: PasswordRecords;
  readonly directory: PrincipalDirectory;
  /** At least 32 random bytes, kept with the store: the SCRAM keys of all tokens hang on it. */
  readonly serverSecret: Buffer;
  /** node's argon2 unless given. */
  readonly hasher?: PasswordHasher;
  /** The gateway's own authority for user certificates. */
  readonly authority?: PublicKey;
  /** Where a person approves a sign-on. */
  readonly approvalLink?: (id: string) => string;
  /** Second factors: a step-up takes one of who has one. Nobody has any unless given. */
  readonly factors?: { hasFactor(principal: string): Promise<boolean> };
  /** The console's page on which a person signs on for a resource's origin, without the fragment. */
  readonly visitPage?: () => string;
  /** Workloads that bring tokens of their own. None is taken unless given. */
  readonly workloads?: MachineParts['workloads'];
}

export interface Identity extends Identification {
  /** Proof by password, for `sallyport login` and the console. Rejects as `bySecret`, or with `identity.busy`. */
  byPassword(login: string, password: string, source: string): Promise<Principal>;
  /** Proof by the cookie of a browser that signed on at the console; no other token counts there. Rejects as `bySecret`. */
  byWebSession(secret: string, source: string): Promise<Principal>;
  /** Rejects with `identity.*`. Tokens issued before stay; revoke them where the old password was known to others. */
  setPassword(name: string, password: string): Promise<void>;
  clearPassword(name: string): Promise<boolean>;
  /** As `confirm`, of one command: `command` is what people are shown of it. Throws a denial where too many wait. */
  confirmCommand(principal: Principal, resource: string, source: string, command: string): ConfirmationRequest;
  /** Sign-ons that wait for this principal's approval, newest first. */
  approvalsOf(name: string): readonly PendingApproval[];
  /** Whether this approval would do: a step-up takes a proof in person of just now. */
  isApprovalEnough(id: string, name: string, by: Approver): boolean;
  /** `approver` null refuses it. False where there is none such of this principal's, or the approval would not do. */
  decideApproval(id: string, name: string, approver: Approver | null): boolean;
  /** A code by which a browser is handed over to a resource's origin. Rejects as `bySecret` where the token is not live. */
  beginVisit(order: VisitOrder): Promise<{ readonly code: string; readonly expiresAtMs: number }>;
  issueToken(request: TokenRequest): Promise<IssuedToken>;
  findToken(id: string): Promise<TokenSummary | null>;
  /** Of everybody where `owner` is null. */
  listTokens(owner: string | null, page: TokenListPage): Promise<readonly TokenSummary[]>;
  /** A token for a workload's own. Rejects with `identity.*`, throttled; the same for whatever is wrong with the proof. */
  exchangeToken(order: ExchangeOrder, source: string): Promise<Exchanged>;
  /** A token with which an agent acts for somebody, resting on the one that they were proven by. Rejects with `identity.*`. */
  delegateToken(order: DelegationOrder): Promise<IssuedToken>;
  /** A new token in place of one, which ends at once or after `overlapMs`. Rejects with `identity.not-rotatable`. */
  rotateToken(id: string, overlapMs: number, by: string): Promise<IssuedToken>;
  revokeToken(id: string): Promise<TokenSummary | null>;
  revokeTokensOf(owner: string): Promise<readonly string[]>;
  /**
   * Revokes what came of a session at an identity provider (of all its sessions where null), of one owner or of everybody;
   * the ids of all.
   */
  revokeOfProvider(provider: string, session: string | null, owner: string | null): Promise<readonly string[]>;
  /** Those of `ids` that are revoked or unknown. */
  revokedAmong(ids: readonly string[]): Promise<readonly string[]>;
  /** Called with each revoked token's id, by whichever gateway, to end its sessions (I11). Returns what ends this. */
  onRevoked(listener: (tokenId: string) => void): () => void;
  /** Called when revocations may have been missed: check the live sessions with `revokedAmong`. */
  onResync(listener: () => void): () => void;
  /** Stops listening to the store. */
  close(): void;
}
