/**
 * Whether an answer proves a factor of a principal, now. The one place where a factor is judged and its use is noted.
 *
 * Invariants (A-ID-10):
 * - Each code, each step of TOTP, each counter of a passkey counts once on all gateways: noting the use is a
 *   compare-and-set, and who loses it is refused.
 * - Failures are counted per principal and source before they are judged, and codes that can be guessed per principal too.
 * - Whatever was wrong, the answer is `identity.factor-refused`; why stands in `detail`.
 * - A principal that is disabled, gone, or of an identity provider by now proves nothing, whatever is kept for its name.
 */
import { coreErrors } from '../../core/errors.ts';
import { identityErrors } from '../errors.ts';
import type { FactorKind, FactorRecord } from '../records.ts';
import { type AssertionAnswer, readAssertion } from './answer.ts';
import * as limits from './limits.ts';
import { type Caller, type FactorParts, type FactorProof, isLocalAndActive } from './parts.ts';
import type { Passkeys } from './passkeys.ts';
import { passkeyData, passkeyRecordId } from './passkeys.ts';
import { type RecoveryData, recoveryDigest } from './recovery.ts';
import { matchingStep } from './totp.ts';

export interface Attempted {
  readonly owner: string;
  readonly kind: FactorKind;
  /** As it came: an answer of the browser for a passkey, a code otherwise. */
  readonly response: unknown;
  /** What a passkey was asked to sign; null where it was not asked. */
  readonly challenge: string | null;
  readonly caller: Caller;
  /** Whether the password was proven with it. */
  readonly isAfterPassword: boolean;
}

/** What a factor's own check found. */
type Found = { readonly record: FactorRecord; readonly methods: readonly string[] } | string;

export function refused(detail: string): Error {
  return identityErrors('identity.factor-refused', { detail });
}

export class Prover {
  readonly #parts: FactorParts;
  readonly #passkeys: Passkeys;

  constructor(parts: FactorParts, passkeys: Passkeys) {
    this.#parts = parts;
    this.#passkeys = passkeys;
  }

  /** Rejects with `identity.factor-refused`, or `core.throttled` where nothing was judged. */
  async prove(attempted: Attempted): Promise<FactorProof> {
    const { throttle, directory, clock } = this.#parts;
    const { owner, kind, caller } = attempted;
    const attempt = throttle.attempt('factor', owner, caller.source);
    let found: Found;
    try {
      found = await this.#judge(attempted);
    } catch (error) {
      attempt.withdrawn();
      throw error;
    }
    if (typeof found === 'string') throw refused(found);
    if (!isLocalAndActive(directory, owner)) throw refused('no active local account of this name');
    attempt.succeeded();
    const { record, methods } = found;
    const after = attempted.isAfterPassword ? ['pwd'] : [];
    const isMulti = attempted.isAfterPassword || methods.includes('mfa');
    const factors = [...after, ...methods.filter((one) => one !== 'mfa'), ...(isMulti ? ['mfa'] : [])];
    return { owner, provenAtMs: clock.now(), factors, kind, factorId: record.id };
  }

  #judge(attempted: Attempted): Promise<Found> {
    switch (attempted.kind) {
      case 'passkey':
        return this.#passkey(attempted);
      case 'totp':
        return this.#totp(attempted);
      case 'recovery':
        return this.#recovery(attempted);
      default:
        return Promise.resolve('not a kind of factor');
    }
  }

  async #passkey({ owner, response, challenge, caller, isAfterPassword }: Attempted): Promise<Found> {
    const answer = readAssertion(response);
    if (answer === null || challenge === null) return 'not an answer of a passkey that was asked';
    const record = await this.passkeyOf(answer);
    if (record === null || record.owner !== owner) return 'not a passkey of this principal';
    const { records, clock, alarm } = this.#parts;
    const verified = await this.#passkeys.assert(record, answer, challenge, isAfterPassword ? 'told' : 'required');
    if (verified.outcome === 'refused') return verified.detail;
    if (verified.outcome === 'counter-regressed') {
      const { id: factor, label } = record;
      await alarm({ type: 'passkey-counter-regressed', owner, source: caller.source, factor, label });
      return 'the counter of the passkey went back';
    }
    const { counter, data, userVerified } = verified;
    const isNoted = await records.use(record.id, record.counter, counter, JSON.stringify(data), clock.now());
    if (!isNoted) return 'the passkey was used at the same moment';
    // RFC 8176: a key that may be on several devices is not bound to hardware.
    const methods = [passkeyData(record).isShared ? 'swk' : 'hwk', 'user', ...(userVerified ? ['mfa'] : [])];
    return { record, methods };
  }

  /** Whose passkey an answer is from; null where there is none such. Nothing is proven by that. */
  async passkeyOf({ id }: Pick<AssertionAnswer, 'id'>): Promise<FactorRecord | null> {
    const record = await this.#parts.records.get(passkeyRecordId(id));
    return record?.kind === 'passkey' ? record : null;
  }

  async #totp({ owner, response, caller }: Attempted): Promise<Found> {
    if (typeof response !== 'string' || response.length > limits.codeLengthMax) return 'not a code';
    const claim = await this.#claim(owner, caller.source);
    try {
      const found = await this.#matchTotp(owner, response);
      if (typeof found !== 'string') await claim.release();
      return found;
    } catch (error) {
      // It was not judged.
      await claim.release();
      throw error;
    }
  }

  async #matchTotp(owner: string, code: string): Promise<Found> {
    const { records, clock } = this.#parts;
    const own = (await records.listByOwner(owner)).filter(({ kind }) => kind === 'totp');
    let fitting: { record: FactorRecord; step: number } | null = null;
    for (const record of own) {
      const secret = await this.#parts.open(record.id, (JSON.parse(record.data) as { sealed: string }).sealed);
      const step = matchingStep(secret, code, clock.now(), record.counter);
      if (step !== null) fitting ??= { record, step };
    }
    if (fitting === null) return 'wrong code, or one that was used';
    const { record, step } = fitting;
    if (!(await records.use(record.id, record.counter, step, record.data, clock.now()))) return 'the code was used';
    return { record, methods: ['otp'] };
  }

  /**
   * Takes one of the wrong codes that a principal may send, on all gateways together, and gives it back where the code was
   * right. Only who has the password or a session of theirs gets here, so that nobody else can use them up.
   */
  async #claim(owner: string, source: string): Promise<{ release(): Promise<void> }> {
    const { clock, once, alarm } = this.#parts;
    const nowMs = clock.now();
    const window = Math.floor(nowMs / limits.codeWindowMs);
    const endMs = (window + 1) * limits.codeWindowMs;
    const keyOf = (what: number | 'told'): string => `factor-codes:${JSON.stringify([owner, window, what])}`;
    for (let n = 0; n < limits.wrongCodesMax; n++) {
      const key = keyOf(n);
      if (!(await once.put(key, '', endMs))) continue;
      return { release: async () => void (await once.take(key, clock.now())) };
    }
    if (await once.put(keyOf('told'), '', endMs)) await alarm({ type: 'codes-exhausted', owner, source });
    throw coreErrors('core.throttled', { values: { seconds: Math.max(1, Math.ceil((endMs - nowMs) / 1000)) } });
  }

  async #recovery({ owner, response, caller }: Attempted): Promise<Found> {
    const { records, clock, alarm } = this.#parts;
    if (typeof response !== 'string' || response.length > limits.codeLengthMax) return 'not a code';
    const digest = recoveryDigest(owner, response);
    for (let tried = 0; tried < limits.recoveryTriesMax; tried++) {
      const record = (await records.listByOwner(owner)).find(({ kind }) => kind === 'recovery');
      const { left = [] } = record === undefined ? {} : (JSON.parse(record.data) as RecoveryData);
      if (record === undefined || !left.includes(digest)) return 'wrong code, or one that was used';
      const rest = left.filter((one) => one !== digest);
      const data = JSON.stringify({ left: rest } satisfies RecoveryData);
      if (!(await records.use(record.id, record.counter, record.counter + 1, data, clock.now()))) continue;
      await alarm({ type: 'recovery-code-used', owner, source: caller.source, left: rest.length });
      // RFC 8176 has no name of its own for it; it is a password that counts once.
      return { record, methods: ['otp'] };
    }
    return 'too many recovery codes at the same moment';
  }
}
