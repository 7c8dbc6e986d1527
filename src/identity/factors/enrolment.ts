/**
 * Registering and removing second factors.
 *
 * Invariants:
 * - Every change takes a proof of just now, with a factor where there is one: a stolen sign-on neither adds its own factor
 *   nor takes one away. Only `reset` does without, which is for administrators and never for oneself.
 * - A factor counts from when it proved itself once; until then there is only an exchange that ends by itself.
 * - Secrets are told once, to who enrols them; nobody reads them later, administrators neither.
 * - Recovery codes go with the last other factor: alone they would be a second password.
 */
import { createHash } from 'node:crypto';
import { base32, newId } from '../../base/ids.ts';
import { isProofFresh } from '../../core/step-up.ts';
import { identityErrors } from '../errors.ts';
import type { FactorKind, FactorRecord, PrincipalEntry } from '../records.ts';
import { challengeOf, readRegistration } from './answer.ts';
import type { Exchanges, Scope } from './exchanges.ts';
import * as limits from './limits.ts';
import {
  type Caller,
  type FactorParts,
  type FactorProof,
  type FactorSummary,
  isLocalAndActive,
  type Proven,
  provesFactor,
} from './parts.ts';
import {
  type CreationOptions,
  newChallenge,
  type PasskeyData,
  type Passkeys,
  passkeyData,
  passkeyRecordId,
} from './passkeys.ts';
import { newRecoveryCodes, type RecoveryData, recoveryDigest } from './recovery.ts';
import { matchingStep, newTotpSecret, spellSecret, totpUri } from './totp.ts';

/** What came of an enrolment. Its proof is of just now, so that recovery codes can follow at once. */
export interface Enrolled {
  readonly factor: FactorSummary;
  readonly proof: FactorProof;
}

export interface PasskeyEnrolment {
  readonly options: CreationOptions;
  readonly expiresAtMs: number;
}

export interface TotpEnrolment {
  readonly id: string;
  /** For a QR code; it carries the secret. */
  readonly uri: string;
  /** In base 32, for who cannot scan. */
  readonly secret: string;
  readonly expiresAtMs: number;
}

interface PasskeyBegun {
  readonly label: string;
  readonly methods: readonly string[];
}

interface TotpBegun extends PasskeyBegun {
  readonly factorId: string;
  readonly sealed: string;
  readonly wrong: number;
}

export class Enrolment {
  readonly #parts: FactorParts;
  readonly #passkeys: Passkeys;
  readonly #exchanges: Exchanges;

  constructor(parts: FactorParts, passkeys: Passkeys, exchanges: Exchanges) {
    this.#parts = parts;
    this.#passkeys = passkeys;
    this.#exchanges = exchanges;
  }

  async list(owner: string): Promise<readonly FactorSummary[]> {
    return (await this.#parts.records.listByOwner(owner)).map((record) => summaryOf(record));
  }

  async beginPasskey(owner: string, label: string, proof: Proven, caller: Caller): Promise<PasskeyEnrolment> {
    const { entry, own } = await this.#mayAdd(owner, label, proof);
    const challenge = newChallenge();
    const passkeys = own.filter(({ kind }) => kind === 'passkey');
    const options = await this.#passkeys.creationOptions(entry, passkeys, challenge);
    const state: PasskeyBegun = { label, methods: proof.factors };
    const scope: Scope = { purpose: 'enrol-passkey', owner, caller };
    const { expiresAtMs } = await this.#exchanges.begin(scope, state, limits.challengeLifetimeMs, challenge);
    return { options, expiresAtMs };
  }

  /** Rejects with `identity.enrolment-refused`: begin again then. */
  async finishPasskey(owner: string, response: unknown, caller: Caller): Promise<Enrolled> {
    const answer = readRegistration(response);
    const challenge = answer === null ? null : challengeOf(answer);
    if (answer === null || challenge === null) throw notEnrolled('not an answer of a passkey');
    const begun = await this.#exchanges.take<PasskeyBegun>({ purpose: 'enrol-passkey', owner, caller }, challenge);
    if (begun === null) throw notEnrolled('no such challenge of this principal and browser');
    const made = await this.#passkeys.register(owner, answer, challenge);
    if (made === null) throw notEnrolled('the answer does not prove the passkey');
    const { data, counter } = made;
    const { label, methods } = begun.state;
    const record = this.#newRecord(passkeyRecordId(data.credentialId), owner, 'passkey', label, data, counter);
    return this.#add(record, methods, [data.isShared ? 'swk' : 'hwk', 'user']);
  }

  async beginTotp(owner: string, label: string, proof: Proven, caller: Caller): Promise<TotpEnrolment> {
    await this.#mayAdd(owner, label, proof);
    const factorId = newId('fct', this.#parts.clock.now());
    const secret = newTotpSecret();
    const sealed = await this.#parts.seal(factorId, secret);
    const state: TotpBegun = { label, factorId, sealed, wrong: 0, methods: proof.factors };
    const scope: Scope = { purpose: 'enrol-totp', owner, caller };
    const { id, expiresAtMs } = await this.#exchanges.begin(scope, state, limits.challengeLifetimeMs);
    const uri = totpUri(secret, this.#parts.relyingParty.name, owner);
    return { id, uri, secret: spellSecret(secret), expiresAtMs };
  }

  /**
   * Rejects with `identity.factor-refused` for a wrong code that may be tried again, with `identity.enrolment-refused` where
   * the enrolment is over.
   */
  async finishTotp(owner: string, id: string, code: string, caller: Caller): Promise<Enrolled> {
    const scope: Scope = { purpose: 'enrol-totp', owner, caller };
    const begun = await this.#exchanges.take<TotpBegun>(scope, id);
    if (begun === null) throw notEnrolled('no such enrolment of this principal and browser');
    const { factorId, sealed, label, methods, wrong } = begun.state;
    const secret = await this.#parts.open(factorId, sealed);
    const typed = code.slice(0, limits.codeLengthMax);
    const step = matchingStep(secret, typed, this.#parts.clock.now(), -1);
    if (step === null) {
      if (wrong + 1 >= limits.wrongAnswersMax) throw notEnrolled('too many wrong codes');
      await this.#exchanges.putBack(scope, id, { ...begun, state: { ...begun.state, wrong: wrong + 1 } });
      throw identityErrors('identity.factor-refused', { detail: 'wrong code of an enrolment' });
    }
    // The step counts as used: the code that enrols does not sign on.
    return this.#add(this.#newRecord(factorId, owner, 'totp', label, { sealed }, step), methods, ['otp']);
  }

  /** New codes, told this once; those before count no more. */
  async newRecoveryCodes(owner: string, proof: Proven): Promise<readonly string[]> {
    const { records, clock } = this.#parts;
    const own = await this.#proven(owner, proof);
    if (!own.some(isFactor)) throw identityErrors('identity.no-factor-yet');
    const codes = newRecoveryCodes();
    const data = { left: codes.map((code) => recoveryDigest(owner, code)) } satisfies RecoveryData;
    const before = own.find(({ kind }) => kind === 'recovery');
    const isKept =
      before === undefined
        ? // Counters start where no earlier set can have come to: a use that was judged by one never fits another.
          await records.create(
            this.#newRecord(recoveryId(owner), owner, 'recovery', 'recovery codes', data, clock.now()),
          )
        : await records.use(before.id, before.counter, before.counter + 1, JSON.stringify(data), clock.now());
    if (!isKept) throw notEnrolled('recovery codes were made or used at the same moment');
    return codes;
  }

  /** False where there is none such of this principal's. */
  async remove(owner: string, id: string, proof: Proven): Promise<boolean> {
    const own = await this.#proven(owner, proof);
    const one = own.find((record) => record.id === id);
    if (one === undefined) return false;
    const isLast = isFactor(one) && own.filter(isFactor).length === 1;
    if (isLast) await this.#removeRecovery(own);
    return this.#parts.records.delete(owner, id);
  }

  /** Removes all of another's factors, and says which those were. Whoever calls has checked that `by` may, and journals it. */
  async reset(owner: string, by: string): Promise<readonly FactorSummary[]> {
    if (owner === by) throw identityErrors('identity.proof-needed');
    const own = await this.#parts.records.listByOwner(owner);
    await this.#removeRecovery(own);
    for (const { id } of own.filter(isFactor)) await this.#parts.records.delete(owner, id);
    return own.map((record) => summaryOf(record));
  }

  async #mayAdd(
    owner: string,
    label: string,
    proof: Proven,
  ): Promise<{ entry: PrincipalEntry; own: readonly FactorRecord[] }> {
    const entry = this.#parts.directory.find(owner);
    if (entry?.kind !== 'person' || !isLocalAndActive(this.#parts.directory, owner)) {
      throw identityErrors('identity.factors-not-here');
    }
    checkLabel(label);
    const own = await this.#proven(owner, proof);
    if (own.filter(isFactor).length >= limits.factorsPerPrincipalMax) {
      throw identityErrors('identity.too-many-factors', { values: { maximum: limits.factorsPerPrincipalMax } });
    }
    return { entry, own };
  }

  /** The factors of who proved themself just now, with one of them where there are any. */
  async #proven(owner: string, proof: Proven): Promise<readonly FactorRecord[]> {
    const own = await this.#parts.records.listByOwner(owner);
    const isEnough = !own.some(isFactor) || provesFactor(proof.factors);
    if (isEnough && isProofFresh(proof.provenAtMs, this.#parts.clock.now())) return own;
    throw identityErrors('identity.proof-needed');
  }

  async #add(record: FactorRecord, before: readonly string[], own: readonly string[]): Promise<Enrolled> {
    const { records, clock } = this.#parts;
    const { owner, id, kind } = record;
    const existing = await records.listByOwner(owner);
    const factors = existing.filter(isFactor);
    // Enrolments that were begun at the same time.
    if (factors.length >= limits.factorsPerPrincipalMax) {
      throw identityErrors('identity.too-many-factors', { values: { maximum: limits.factorsPerPrincipalMax } });
    }
    // Whatever was registered since this was begun, it was begun with no proof by it.
    if (factors.length > 0 && !provesFactor(before)) throw notEnrolled('begun before there was another factor');
    if (factors.length === 0) await this.#removeRecovery(existing);
    if (!(await records.create(record))) throw notEnrolled('this passkey is registered already');
    const methods = [...new Set([...before, ...own])];
    const proof: FactorProof = { owner, provenAtMs: clock.now(), factors: methods, kind, factorId: id };
    return { factor: summaryOf(record), proof };
  }

  async #removeRecovery(own: readonly FactorRecord[]): Promise<void> {
    for (const { owner, id, kind } of own) if (kind === 'recovery') await this.#parts.records.delete(owner, id);
  }

  #newRecord(
    id: string,
    owner: string,
    kind: FactorKind,
    label: string,
    data: PasskeyData | RecoveryData | { readonly sealed: string },
    counter: number,
  ): FactorRecord {
    const createdAtMs = this.#parts.clock.now();
    return { id, owner, kind, label, data: JSON.stringify(data), counter, createdAtMs, lastUsedAtMs: null };
  }
}

/** Recovery codes stand in for a factor and are none. */
export function isFactor({ kind }: Pick<FactorRecord, 'kind'>): boolean {
  return kind !== 'recovery';
}

function recoveryId(owner: string): string {
  return `fct_${base32(createHash('sha256').update(`recovery codes\n${owner}`).digest().subarray(0, 20))}`;
}

function notEnrolled(detail: string): Error {
  return identityErrors('identity.enrolment-refused', { detail });
}

function checkLabel(label: string): void {
  const bytes = Buffer.byteLength(label);
  if (bytes < 1 || bytes > limits.factorLabelBytesMax || /[\p{Cc}\u2028\u2029]/u.test(label) || !label.isWellFormed()) {
    throw identityErrors('identity.invalid-factor-label', { values: { maximum: limits.factorLabelBytesMax } });
  }
}

function summaryOf(record: FactorRecord): FactorSummary {
  const { id, kind, label, createdAtMs, lastUsedAtMs } = record;
  const shown = { id, kind, label, createdAtMs, lastUsedAtMs };
  if (kind === 'recovery') return { ...shown, codesLeft: (JSON.parse(record.data) as RecoveryData).left.length };
  if (kind === 'totp') return shown;
  const { isShared, isBackedUp, verifiesUser } = passkeyData(record);
  return { ...shown, passkey: { isShared, isBackedUp, verifiesUser } };
}
