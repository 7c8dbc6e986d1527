/**
 * Who connects: turns a proof into a Principal.
 *
 * Invariants:
 * - A Principal comes only from the proof that succeeded, with the groups and roles of that moment (I4).
 * - Every failed proof is `core.not-authenticated`, whatever was wrong; the reason stands in `detail`, which only the
 *   log sees. The same work is done for known and unknown, active and disabled (A-ID-10).
 * - A token that was revoked, or a principal that was disabled, while its proof was under way is refused.
 *
 * Deliberately absent: Access (policy), what a session may do, web sessions, foreign issuers.
 */
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { createScramServer } from '../base/scram.ts';
import { coreErrors } from '../core/errors.ts';
import { isPrincipalName } from '../core/login.ts';
import type {
  ApprovalIdentification,
  ApprovalRequest,
  ConfirmationRequest,
  Identification,
  PublicKey,
  ScramIdentification,
  UserCertificate,
  Visit,
  VisitRequest,
} from '../core/ports.ts';
import type { Authentication, Principal } from '../core/principal.ts';
import type { Confirmation } from '../core/step-up.ts';
import { Approvals, type Approver, type PendingApproval } from './approvals.ts';
import { identityErrors } from './errors.ts';
import { type KeyProof, Keys } from './keys.ts';
import * as limits from './limits.ts';
import { createPasswordHasher, type PasswordHasher } from './password.ts';
import { Passwords } from './passwords.ts';
import { commonNameOf, ProgramCertificates, readCertificate } from './program-certificates.ts';
import type {
  PasswordRecords,
  PrincipalDirectory,
  PrincipalEntry,
  TokenListPage,
  TokenRecord,
  TokenRecords,
} from './records.ts';
import { Revocations } from './revocations.ts';
import { hashTokenSecret, isTokenSecret, scramSaltOf } from './secret.ts';
import { sourceOf, Throttle } from './throttle.ts';
import { TokenScram } from './token-scram.ts';
import { type IssuedToken, signOnSource, type TokenRequest, type TokenSummary, Tokens, whyNotLive } from './tokens.ts';
import { Visiting } from './visiting.ts';
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
  /** The console's page on which a person signs on for a resource's origin, without the fragment. */
  readonly visitPage?: () => string;
}

export interface Identity extends Identification {
  /** Proof by password, for `sallyport login` and the console. Rejects as `bySecret`, or with `identity.busy`. */
  byPassword(login: string, password: string, source: string): Promise<Principal>;
  /** Rejects with `identity.*`. Tokens issued before stay; revoke them where the old password was known to others. */
  setPassword(name: string, password: string): Promise<void>;
  clearPassword(name: string): Promise<boolean>;
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
  revokeToken(id: string): Promise<TokenSummary | null>;
  revokeTokensOf(owner: string): Promise<readonly string[]>;
  /** Those of `ids` that are revoked or unknown. */
  revokedAmong(ids: readonly string[]): Promise<readonly string[]>;
  /** Called with each revoked token's id, by whichever gateway, to end its sessions (I11). Returns what ends this. */
  onRevoked(listener: (tokenId: string) => void): () => void;
  /** Called when revocations may have been missed: check the live sessions with `revokedAmong`. */
  onResync(listener: () => void): () => void;
  /** Stops listening to the store. */
  close(): void;
}

function denied(detail: string): Error {
  return coreErrors('core.not-authenticated', { detail });
}

function principalOf(entry: PrincipalEntry, authentication: Authentication): Principal {
  const { id, issuer, subject, name, kind } = entry;
  return Object.freeze({
    id,
    issuer,
    subject,
    name,
    kind,
    groups: Object.freeze([...entry.groups]),
    roles: Object.freeze([...entry.roles]),
    authentication: Object.freeze(authentication),
  });
}

class LocalIdentity implements Identity {
  readonly #parts: IdentityParts;
  readonly #throttle: Throttle;
  readonly #revocations: Revocations;
  readonly #tokens: Tokens;
  readonly #passwords: Passwords;
  readonly #keys: Keys;
  readonly #programs: ProgramCertificates;
  readonly #approvals: Approvals;
  readonly #visiting: Visiting;
  readonly #unsubscribe: () => void;

  constructor(parts: IdentityParts) {
    assert(parts.serverSecret.length >= 32, 'the server secret of identity is shorter than 32 bytes');
    const { clock, log, directory, serverSecret, hasher = createPasswordHasher(clock) } = parts;
    this.#parts = parts;
    this.#throttle = new Throttle(clock);
    this.#revocations = new Revocations(clock);
    this.#tokens = new Tokens({
      clock,
      records: parts.tokens,
      directory,
      revocations: this.#revocations,
      serverSecret,
    });
    this.#visiting = new Visiting({
      clock,
      directory,
      records: parts.tokens,
      tokens: this.#tokens,
      revocations: this.#revocations,
      throttle: this.#throttle,
      page: parts.visitPage ?? (() => ''),
      principalOf,
    });
    this.#keys = new Keys(directory, clock, parts.authority ?? null);
    this.#programs = new ProgramCertificates(directory, clock);
    this.#approvals = new Approvals(clock);
    this.#passwords = new Passwords({ records: parts.passwords, directory, hasher, log });
    this.#unsubscribe = parts.tokens.onRevoked((notice) => this.#revocations.notice(notice));
  }

  async bySecret(login: string, secret: string, source: string): Promise<Principal> {
    this.#throttle.check('token', nameOf(login), source);
    return this.#provenByToken(secret, nameOf(login), source);
  }

  async byToken(secret: string, source: string): Promise<Principal> {
    this.#throttle.check('token', null, source);
    return this.#provenByToken(secret, null, source);
  }

  async byScram(login: string, source: string): Promise<ScramIdentification> {
    const { clock, directory, serverSecret, tokens } = this.#parts;
    const name = nameOf(login);
    this.#throttle.check('token', name, source);
    const proof = this.#revocations.begin();
    const nowMs = clock.now();
    // Asked for unknown and disabled principals alike: the same work, the same answer.
    const live = await tokens.liveByOwner(name, nowMs);
    const usable = directory.find(name)?.disabled === false ? live.slice(0, limits.tokensPerOwnerMax) : [];
    const server = createScramServer({
      salt: scramSaltOf(serverSecret, name),
      iterations: limits.scramIterations,
      candidates: usable.map(({ id, scramStoredKey, scramServerKey }) => ({
        id,
        storedKey: scramStoredKey,
        serverKey: scramServerKey,
      })),
    });
    return new TokenScram({
      server,
      accept: (tokenId) => {
        const token = usable.find(({ id }) => id === tokenId);
        if (token === undefined || proof.isVoid(tokenId)) return null;
        return this.#accept(token, name);
      },
      succeeded: () => this.#throttle.succeeded('token', name, source),
      failed: () => this.#throttle.failed('token', name, source),
    });
  }

  async acceptsKey(
    login: string,
    key: PublicKey,
    certificate: UserCertificate | null,
    source: string,
  ): Promise<boolean> {
    const name = nameOf(login);
    this.#throttle.check('token', name, source);
    const proof =
      certificate === null ? this.#keys.byKey(name, key) : this.#keys.byCertificate(name, certificate, source);
    return typeof proof !== 'string';
  }

  async byKey(login: string, key: PublicKey, source: string): Promise<Principal> {
    const name = nameOf(login);
    this.#throttle.check('token', name, source);
    return this.#proven(this.#keys.byKey(name, key), 'key', name, source);
  }

  async byCertificate(login: string, certificate: UserCertificate, source: string): Promise<Principal> {
    const name = nameOf(login);
    this.#throttle.check('token', name, source);
    return this.#proven(this.#keys.byCertificate(name, certificate, source), 'certificate', name, source);
  }

  async byTlsCertificate(der: Buffer, source: string): Promise<Principal> {
    const certificate = readCertificate(der);
    const name = nameOf((certificate === null ? null : commonNameOf(certificate)) ?? '');
    this.#throttle.check('token', name, source);
    const proof = certificate === null ? 'not a certificate' : this.#programs.prove(certificate, name);
    return this.#proven(proof, 'certificate', name, source);
  }

  async byApproval(login: string, source: string): Promise<ApprovalIdentification> {
    const name = nameOf(login);
    this.#throttle.check('token', name, source);
    const { promise, resolve, reject } = Promise.withResolvers<Principal>();
    // Unknown and disabled principals wait like others, and nobody can approve for them (A-ID-10).
    const pending = this.#approvals.begin(name, sourceOf(source), (approver) => {
      const entry = this.#parts.directory.find(name);
      if (approver === null || entry === null || entry.disabled) {
        this.#throttle.failed('token', name, source);
        reject(denied(approver === null ? 'not approved' : 'unknown or disabled principal'));
        return;
      }
      this.#throttle.succeeded('token', name, source);
      const { credentialId, provenAtMs } = approver;
      const proven = provenAtMs === null ? {} : { provenAtMs };
      resolve(principalOf(entry, { method: 'approval', credentialId, atMs: this.#parts.clock.now(), ...proven }));
    });
    return this.#requested(pending, promise);
  }

  async confirm(principal: Principal, resource: string, source: string): Promise<ConfirmationRequest> {
    const { name, authentication } = principal;
    this.#throttle.check('step-up', name, source);
    const { promise, resolve, reject } = Promise.withResolvers<Confirmation>();
    const terms = { resource, presented: authentication.credentialId };
    const settled = (approver: Approver | null): void => {
      const entry = this.#parts.directory.find(name);
      if (approver === null || entry === null || entry.disabled) {
        this.#throttle.failed('step-up', name, source);
        reject(
          coreErrors('core.step-up-refused', { detail: approver === null ? 'not approved' : 'disabled principal' }),
        );
        return;
      }
      this.#throttle.succeeded('step-up', name, source);
      const { credentialId, proof } = approver;
      resolve({ method: 'approval', credentialId, proof, atMs: this.#parts.clock.now() });
    };
    return this.#requested(this.#approvals.begin(name, sourceOf(source), settled, terms), promise);
  }

  /** What the protocol shows, and waits for. */
  #requested<T>(pending: PendingApproval | null, outcome: Promise<T>): ApprovalRequest & { outcome: Promise<T> } {
    if (pending === null) throw identityErrors('identity.approvals-waiting');
    outcome.catch(() => undefined);
    const { id, code, expiresAtMs } = pending;
    const link = this.#parts.approvalLink?.(id) ?? '';
    return { link, code, expiresAtMs, outcome, withdraw: () => this.#approvals.withdraw(id) };
  }

  approvalsOf(name: string): readonly PendingApproval[] {
    return this.#approvals.of(name);
  }
  isApprovalEnough(id: string, name: string, by: Approver): boolean {
    return this.#approvals.isEnough(id, name, by);
  }
  decideApproval(id: string, name: string, approver: Approver | null): boolean {
    return this.#approvals.decide(id, name, approver);
  }

  visitLink(request: VisitRequest): string {
    return this.#visiting.link(request);
  }
  beginVisit(order: VisitOrder): Promise<{ readonly code: string; readonly expiresAtMs: number }> {
    return this.#visiting.begin(order);
  }
  redeemVisit(code: string, nonce: string, resource: string, source: string): Promise<Visit> {
    return this.#visiting.redeem(code, nonce, resource, source);
  }
  byVisit(secret: string, resource: string, source: string): Promise<Principal> {
    return this.#visiting.prove(secret, resource, source);
  }
  endVisit(secret: string, resource: string): Promise<Principal | null> {
    return this.#visiting.end(secret, resource);
  }

  async byPassword(login: string, password: string, source: string): Promise<Principal> {
    const name = nameOf(login);
    const attempt = this.#throttle.attempt('password', name, source);
    let fits: boolean;
    try {
      fits = await this.#passwords.check(name, password);
    } catch (error) {
      attempt.withdrawn();
      throw error;
    }
    const entry = this.#parts.directory.find(name);
    if (!fits || entry === null || entry.disabled) {
      throw denied(entry === null ? 'unknown principal' : entry.disabled ? 'disabled principal' : 'wrong password');
    }
    attempt.succeeded();
    const atMs = this.#parts.clock.now();
    return principalOf(entry, { method: 'password', credentialId: null, atMs, provenAtMs: atMs });
  }

  setPassword(name: string, password: string): Promise<void> {
    return this.#passwords.set(name, password);
  }
  clearPassword(name: string): Promise<boolean> {
    return this.#passwords.clear(name);
  }
  issueToken(request: TokenRequest): Promise<IssuedToken> {
    return this.#tokens.issue(request);
  }
  findToken(id: string): Promise<TokenSummary | null> {
    return this.#tokens.find(id);
  }
  listTokens(owner: string | null, page: TokenListPage): Promise<readonly TokenSummary[]> {
    return this.#tokens.list(owner, page);
  }
  revokeToken(id: string): Promise<TokenSummary | null> {
    return this.#tokens.revoke(id);
  }
  revokeTokensOf(owner: string): Promise<readonly string[]> {
    return this.#tokens.revokeAllOf(owner);
  }
  revokedAmong(ids: readonly string[]): Promise<readonly string[]> {
    return this.#tokens.revokedAmong(ids);
  }
  onRevoked(listener: (tokenId: string) => void): () => void {
    return this.#revocations.onRevoked(listener);
  }
  onResync(listener: () => void): () => void {
    return this.#revocations.onResync(listener);
  }
  close(): void {
    this.#unsubscribe();
  }

  /** The principal of a proof by key, as things stand now. */
  async #proven(
    proof: KeyProof | string,
    method: 'key' | 'certificate',
    name: string,
    source: string,
  ): Promise<Principal> {
    const refuse = (detail: string): Error => {
      this.#throttle.failed('token', name, source);
      return denied(detail);
    };
    if (typeof proof === 'string') throw refuse(proof);
    const { entry, credentialId, tokenId } = proof;
    const nowMs = this.#parts.clock.now();
    let issuedBy: string | undefined;
    if (tokenId !== null) {
      const revocation = this.#revocations.begin();
      const token = await this.#parts.tokens.get(tokenId);
      const isLive = token !== null && token.owner === name && whyNotLive(token, nowMs) === null;
      if (!isLive || revocation.isVoid(tokenId)) throw refuse('the token behind the certificate is not live');
      issuedBy = token.createdBy === name ? undefined : token.createdBy;
    }
    this.#throttle.succeeded('token', name, source);
    return principalOf(entry, {
      method,
      credentialId,
      atMs: nowMs,
      ...(issuedBy === undefined ? {} : { issuedBy }),
    });
  }

  /** `name` null takes whoever owns the token. */
  async #provenByToken(secret: string, name: string | null, source: string): Promise<Principal> {
    const refuse = (detail: string): Error => {
      this.#throttle.failed('token', name, source);
      return denied(detail);
    };
    if (secret.length > limits.secretLengthMax || !isTokenSecret(secret)) throw refuse('not a token');
    const proof = this.#revocations.begin();
    const token = await this.#parts.tokens.findByHash(hashTokenSecret(secret));
    if (token === null) throw refuse('unknown token');
    if (name !== null && token.owner !== name) throw refuse('the token belongs to another principal');
    if (proof.isVoid(token.id)) throw refuse('the token is revoked');
    const principal = this.#accept(token, token.owner);
    if (principal === null) throw refuse(whyNotLive(token, this.#parts.clock.now()) ?? 'disabled or unknown principal');
    if (name !== null) this.#throttle.succeeded('token', name, source);
    return principal;
  }

  /** The principal of a token that was just proven, as things stand now; null where either may not be used. */
  #accept(token: TokenRecord, name: string): Principal | null {
    const { clock, directory, tokens } = this.#parts;
    const nowMs = clock.now();
    const entry = directory.find(name);
    if (entry === null || entry.disabled || token.owner !== name || whyNotLive(token, nowMs) !== null) return null;
    tokens.touch(token.id, nowMs);
    const isOwn = token.createdBy === token.owner;
    const issued = isOwn ? {} : { issuedBy: token.createdBy };
    // Only a sign-on by password proves a person; a token that was asked for with a token proves what that one did.
    const proven = isOwn && token.source === signOnSource ? { provenAtMs: token.createdAtMs } : {};
    return principalOf(entry, { method: 'token', credentialId: token.id, atMs: nowMs, ...issued, ...proven });
  }
}

/** What stands for a login in counters and look-ups; what cannot be a name becomes one that nobody can have. */
function nameOf(login: string): string {
  return isPrincipalName(login) ? login : '-';
}

/** Makes the identity room: the port `Identification`, and what the API and the console need. */
export function createIdentity(parts: IdentityParts): Identity {
  return new LocalIdentity(parts);
}
