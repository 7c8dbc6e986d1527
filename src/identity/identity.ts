/**
 * Who connects: turns a proof into a Principal.
 *
 * Invariants:
 * - A Principal comes only from the proof that succeeded, with the groups and roles of that moment (I4).
 * - Every failed proof is `core.not-authenticated`, whatever was wrong; the reason stands in `detail`, which only the
 *   log sees. The same work is done for known and unknown, active and disabled (A-ID-10).
 * - A token that was revoked, or a principal that was disabled, while its proof was under way is refused.
 *
 * Deliberately absent: Access (policy), what a session may do; what foreign issuers say (oidc, saml, workload).
 */
import { assert } from '../base/assert.ts';
import { describeError } from '../base/errors.ts';
import { createScramServer } from '../base/scram.ts';
import { coreErrors } from '../core/errors.ts';
import { isPrincipalName } from '../core/login.ts';
import type {
  ApprovalIdentification,
  ApprovalRequest,
  ConfirmationRequest,
  PublicKey,
  ScramIdentification,
  UserCertificate,
  Visit,
  VisitRequest,
} from '../core/ports.ts';
import type { Authentication, Principal } from '../core/principal.ts';
import type { Confirmation } from '../core/step-up.ts';
import { Approvals, type Approver, type PendingApproval, type StepUpTerms } from './approvals.ts';
import { identityErrors } from './errors.ts';
import { provesFactor } from './factors/parts.ts';
import { type KeyProof, Keys } from './keys.ts';
import * as limits from './limits.ts';
import { type DelegationOrder, type Exchanged, type ExchangeOrder, isProofRefused, Machines } from './machines.ts';
import type { Identity, IdentityParts } from './parts.ts';
import { createPasswordHasher } from './password.ts';
import { Passwords } from './passwords.ts';
import { commonNameOf, ProgramCertificates, readCertificate } from './program-certificates.ts';
import type { PrincipalEntry, TokenListPage, TokenRecord } from './records.ts';
import { Revocations } from './revocations.ts';
import { hashTokenSecret, isTokenSecret, scramSaltOf } from './secret.ts';
import { stillRests } from './standing.ts';
import { sourceOf, Throttle } from './throttle.ts';
import { TokenScram } from './token-scram.ts';
import { type IssuedToken, proofOf, type TokenRequest, type TokenSummary, Tokens, whyNotLive } from './tokens.ts';
import { Visiting } from './visiting.ts';
import type { VisitOrder } from './visits.ts';
import { isForeignToken } from './workload/proving.ts';

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
  readonly #machines: Machines;
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
      takesFactor: (owner) => this.#takesFactor(owner),
      principalOf,
    });
    const { workloads = null } = parts;
    this.#machines = new Machines({ clock, log, directory, records: parts.tokens, tokens: this.#tokens, workloads });
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

  async byWebSession(secret: string, source: string): Promise<Principal> {
    this.#throttle.check('token', null, source);
    return this.#provenByToken(secret, null, source, 'web');
  }

  async byScram(login: string, source: string): Promise<ScramIdentification> {
    const { clock, directory, serverSecret, tokens } = this.#parts;
    const name = nameOf(login);
    this.#throttle.check('token', name, source);
    const proof = this.#revocations.begin();
    const nowMs = clock.now();
    // Asked for unknown and disabled principals alike: the same work, the same answer.
    const live = await tokens.liveByOwner(name, nowMs);
    const programs = live.filter(({ attributes }) => attributes.use === undefined);
    const usable = directory.find(name)?.disabled === false ? programs.slice(0, limits.tokensPerOwnerMax) : [];
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
    const takesFactor = await this.#takesFactor(name);
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
      const { credentialId, provenAtMs, factors = [] } = approver;
      // Signing on so is a step-up too where it was proven just now: of who has a factor, with that.
      const isProven = provenAtMs !== null && (!takesFactor || provesFactor(factors));
      const proven = isProven ? { provenAtMs } : {};
      resolve(principalOf(entry, { method: 'approval', credentialId, atMs: this.#parts.clock.now(), ...proven }));
    });
    return this.#requested(pending, promise);
  }

  async confirm(principal: Principal, resource: string, source: string): Promise<ConfirmationRequest> {
    this.#throttle.check('step-up', principal.name, source);
    const takesFactor = await this.#takesFactor(principal.name);
    return this.#confirmation(principal, source, { resource, takesFactor });
  }

  confirmCommand(principal: Principal, resource: string, source: string, command: string): ConfirmationRequest {
    this.#throttle.check('step-up', principal.name, source);
    // It takes one until it is known that there is none.
    const request = this.#confirmation(principal, source, { resource, command, takesFactor: true });
    this.#takesFactor(principal.name).then(
      (takesFactor) => {
        if (!takesFactor) this.#approvals.takeNoFactor(request.id);
      },
      (error: unknown) => this.#parts.log.warn('factors could not be read', { detail: describeError(error) }),
    );
    return request;
  }

  #confirmation(
    principal: Principal,
    source: string,
    what: Omit<StepUpTerms, 'presented'>,
  ): ConfirmationRequest & { readonly id: string } {
    const { name, authentication } = principal;
    const { promise, resolve, reject } = Promise.withResolvers<Confirmation>();
    const terms = { presented: authentication.credentialId, ...what };
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

  async #takesFactor(name: string): Promise<boolean> {
    return (await this.#parts.factors?.hasFactor(name)) ?? false;
  }

  /** What the protocol shows, and waits for. */
  #requested<T>(
    pending: PendingApproval | null,
    outcome: Promise<T>,
  ): ApprovalRequest & { outcome: Promise<T>; id: string } {
    if (pending === null) throw identityErrors('identity.approvals-waiting');
    outcome.catch(() => undefined);
    const { id, code, expiresAtMs } = pending;
    const link = this.#parts.approvalLink?.(id) ?? '';
    return { id, link, code, expiresAtMs, outcome, withdraw: () => this.#approvals.withdraw(id) };
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
  async exchangeToken(order: ExchangeOrder, source: string): Promise<Exchanged> {
    const name = order.principal === null ? null : nameOf(order.principal);
    this.#throttle.check('token', name, source);
    try {
      return await this.#machines.exchange(order);
    } catch (error) {
      if (isProofRefused(error)) this.#throttle.failed('token', name, source);
      throw error;
    }
  }
  delegateToken(order: DelegationOrder): Promise<IssuedToken> {
    return this.#machines.delegate(order);
  }
  rotateToken(id: string, overlapMs: number, by: string): Promise<IssuedToken> {
    return this.#machines.rotate(id, overlapMs, by);
  }
  revokeToken(id: string): Promise<TokenSummary | null> {
    return this.#tokens.revoke(id);
  }
  revokeTokensOf(owner: string): Promise<readonly string[]> {
    return this.#tokens.revokeAllOf(owner);
  }
  revokeOfProvider(provider: string, session: string | null, owner: string | null): Promise<readonly string[]> {
    return this.#tokens.revokeOfProvider(provider, session, owner);
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
    let rests: Partial<Authentication> = {};
    if (tokenId !== null) {
      const revocation = this.#revocations.begin();
      const token = await this.#parts.tokens.get(tokenId);
      const isLive =
        token !== null &&
        isOf(token, entry) &&
        whyNotLive(token, nowMs) === null &&
        stillRests(token.attributes, entry, this.#parts.directory);
      if (!isLive || revocation.isVoid(tokenId)) throw refuse('the token behind the certificate is not live');
      // A certificate may lie about for hours: it proves nobody in person.
      const { provenAtMs: _, ...proof } = proofOf(token);
      rests = proof;
    }
    this.#throttle.succeeded('token', name, source);
    return principalOf(entry, {
      method,
      credentialId,
      atMs: nowMs,
      ...rests,
    });
  }

  /** `name` null takes whoever owns the token. */
  async #provenByToken(secret: string, name: string | null, source: string, use?: 'web'): Promise<Principal> {
    const refuse = (detail: string): Error => {
      this.#throttle.failed('token', name, source);
      return denied(detail);
    };
    const isForeign = use === undefined && isForeignToken(secret);
    if (!isForeign && (secret.length > limits.secretLengthMax || !isTokenSecret(secret))) throw refuse('not a token');
    const proof = this.#revocations.begin();
    const token = await (isForeign
      ? this.#machines.shown(secret, name, source).catch((error: unknown) => {
          throw isProofRefused(error) ? refuse('a token of a workload that is not accepted') : error;
        })
      : this.#parts.tokens.findByHash(hashTokenSecret(secret)));
    if (token === null) throw refuse('unknown token');
    if (name !== null && token.owner !== name) throw refuse('the token belongs to another principal');
    if (proof.isVoid(token.id)) throw refuse('the token is revoked');
    const principal = this.#accept(token, token.owner, isForeign ? 'foreign' : use);
    if (principal === null) throw refuse(whyNotLive(token, this.#parts.clock.now()) ?? 'disabled or unknown principal');
    if (name !== null) this.#throttle.succeeded('token', name, source);
    return principal;
  }

  /** The principal of a token that was just proven, as things stand now; null where either may not be used. */
  #accept(token: TokenRecord, name: string, use?: TokenRecord['attributes']['use']): Principal | null {
    const { clock, directory, tokens } = this.#parts;
    const nowMs = clock.now();
    const entry = directory.find(name);
    if (entry === null || entry.disabled || token.owner !== name || whyNotLive(token, nowMs) !== null) return null;
    if (!isOf(token, entry) || token.attributes.use !== use) return null;
    if (!stillRests(token.attributes, entry, directory)) return null;
    tokens.touch(token.id, nowMs);
    return principalOf(entry, { method: 'token', credentialId: token.id, atMs: nowMs, ...proofOf(token) });
  }
}

/** Whether a token was issued to this very identity: names may change hands. */
function isOf({ owner, attributes }: TokenRecord, entry: PrincipalEntry): boolean {
  return owner === entry.name && (attributes.principal ?? localIdentityOf(entry.name)) === entry.id;
}

/** Whose a token is that was issued before there were identity providers. */
function localIdentityOf(name: string): string {
  return `local:${name}`;
}

/** What stands for a login in counters and look-ups; what cannot be a name becomes one that nobody can have. */
function nameOf(login: string): string {
  return isPrincipalName(login) ? login : '-';
}

/** Makes the identity room: the port `Identification`, and what the API and the console need. */
export function createIdentity(parts: IdentityParts): Identity {
  return new LocalIdentity(parts);
}
