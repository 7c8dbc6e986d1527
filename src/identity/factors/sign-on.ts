/**
 * Signing on with a second factor after the password, with a passkey by itself, and proving a factor again later.
 *
 * Invariants:
 * - After the right password there is only a sign-on that waits, not a signed-on principal, where any factor is registered.
 *   It ends by time, by `wrongAnswersMax` wrong answers, and by the right one; each of its answers is judged alone, since
 *   it is taken from the store meanwhile.
 * - Where a passkey is the only proof, it must have verified the person: by itself at a sign-on, and at a step-up without
 *   the password.
 * - What a name that nobody has is asked looks, each time, like what a name with passkeys is asked (A-ID-10).
 */
import type { Clock } from '../../base/clock.ts';
import { isGatewayError } from '../../base/errors.ts';
import { isPrincipalName } from '../../core/login.ts';
import { identityErrors } from '../errors.ts';
import type { FactorKind } from '../records.ts';
import { Throttle } from '../throttle.ts';
import { challengeOf, readAssertion } from './answer.ts';
import { isFactor } from './enrolment.ts';
import type { Exchanges, Scope } from './exchanges.ts';
import * as limits from './limits.ts';
import { type Caller, type FactorParts, type FactorProof, isLocalAndActive } from './parts.ts';
import { nameOf, newChallenge, type Passkeys, type RequestOptions } from './passkeys.ts';
import { type Prover, refused } from './prover.ts';

/** What a sign-on still needs after the password. */
export type SignOnStep =
  | { readonly needed: 'none' }
  | {
      readonly needed: 'factor';
      readonly pendingId: string;
      readonly expiresAtMs: number;
      /** The kinds that would do. */
      readonly factors: readonly FactorKind[];
      /** Where a passkey would do: the same for all answers to this sign-on. */
      readonly passkey: RequestOptions | null;
    };

/** What a step-up may be confirmed with; `factors` is empty where there is none. */
export interface ConfirmationStep {
  readonly factors: readonly FactorKind[];
  readonly passkey: RequestOptions | null;
}

interface Pending {
  readonly owner: string;
  readonly challenge: string;
  readonly wrong: number;
}

export class SignOn {
  readonly #parts: FactorParts;
  readonly #passkeys: Passkeys;
  readonly #prover: Prover;
  readonly #exchanges: Exchanges;
  /** Challenges for who is not known, which are kept for minutes: bounded per source, apart from failures. */
  readonly #asked: Throttle;

  constructor(parts: FactorParts, passkeys: Passkeys, prover: Prover, exchanges: Exchanges, clock: Clock) {
    this.#parts = parts;
    this.#passkeys = passkeys;
    this.#prover = prover;
    this.#exchanges = exchanges;
    this.#asked = new Throttle(clock);
  }

  /** For a principal whose password was right just now. */
  async challengeFor(owner: string, caller: Caller): Promise<SignOnStep> {
    const challenge = newChallenge();
    const { factors, passkey } = await this.#askFor(owner, challenge, false);
    if (factors.length === 0) return { needed: 'none' };
    const state: Pending = { owner, challenge, wrong: 0 };
    const { id: pendingId, expiresAtMs } = await this.#exchanges.begin(
      pendingOf(caller),
      state,
      limits.pendingLifetimeMs,
    );
    return { needed: 'factor', pendingId, expiresAtMs, factors, passkey };
  }

  /**
   * Rejects with `identity.factor-refused` where another answer may follow, with `identity.sign-on-over` where none may, with
   * `core.throttled` where nothing was judged.
   */
  async answer(pendingId: string, kind: FactorKind, response: unknown, caller: Caller): Promise<FactorProof> {
    const { throttle, alarm } = this.#parts;
    throttle.check('factor', null, caller.source);
    const scope = pendingOf(caller);
    const pending = await this.#exchanges.take<Pending>(scope, pendingId);
    if (pending === null) {
      throttle.failed('factor', null, caller.source);
      throw identityErrors('identity.sign-on-over', { detail: 'no such sign-on of this browser waits' });
    }
    const { owner, challenge, wrong } = pending.state;
    try {
      return await this.#prover.prove({ owner, kind, response, challenge, caller, isAfterPassword: true });
    } catch (error) {
      const isWrong = isGatewayError(error) && error.code === 'identity.factor-refused';
      if (isWrong && wrong + 1 >= limits.wrongAnswersMax) {
        await alarm({ type: 'answers-exhausted', owner, source: caller.source });
        throw identityErrors('identity.sign-on-over', { cause: error, detail: 'too many wrong answers' });
      }
      const state: Pending = { ...pending.state, wrong: wrong + (isWrong ? 1 : 0) };
      await this.#exchanges.putBack(scope, pendingId, { ...pending, state });
      throw error;
    }
  }

  /** What the browser is asked for a sign-on with a passkey alone; `login` null takes whichever it has for this gateway. */
  async passkeyOptions(login: string | null, caller: Caller): Promise<RequestOptions> {
    this.#asked.check('factor', null, caller.source);
    this.#asked.failed('factor', null, caller.source);
    const challenge = newChallenge();
    const name = login === null || isPrincipalName(login) ? login : '-';
    const scope: Scope = { purpose: 'passkey-sign-on', owner: null, caller };
    await this.#exchanges.begin(scope, { login: name }, limits.challengeLifetimeMs, challenge);
    if (name === null) return this.#passkeys.requestOptions(null, challenge, true);
    const own = (await this.#parts.records.listByOwner(name)).filter(({ kind }) => kind === 'passkey');
    return this.#passkeys.namedOptions(name, own, challenge);
  }

  /** Rejects with `identity.factor-refused`, whatever was wrong: ask anew then. */
  async byPasskey(response: unknown, caller: Caller): Promise<FactorProof> {
    const { throttle } = this.#parts;
    throttle.check('factor', null, caller.source);
    const refuse = (detail: string): Error => {
      throttle.failed('factor', null, caller.source);
      return refused(detail);
    };
    const answer = readAssertion(response);
    const challenge = answer === null ? null : challengeOf(answer);
    if (answer === null || challenge === null) throw refuse('not an answer of a passkey');
    const scope: Scope = { purpose: 'passkey-sign-on', owner: null, caller };
    const asked = await this.#exchanges.take<{ login: string | null }>(scope, challenge);
    if (asked === null) throw refuse('no such challenge of this browser');
    const owner = (await this.#prover.passkeyOf(answer))?.owner;
    if (owner === undefined) throw refuse('no such passkey');
    if (asked.state.login !== null && asked.state.login !== owner) throw refuse("another principal's passkey");
    return this.#prover.prove({ owner, kind: 'passkey', response, challenge, caller, isAfterPassword: false });
  }

  /** What somebody who is signed on confirms with. */
  async confirmation(owner: string, caller: Caller, isAfterPassword: boolean): Promise<ConfirmationStep> {
    const challenge = newChallenge();
    const step = await this.#askFor(owner, challenge, !isAfterPassword);
    if (step.passkey !== null) {
      const scope: Scope = { purpose: 'confirm', owner, caller };
      await this.#exchanges.begin(scope, {}, limits.challengeLifetimeMs, challenge);
    }
    return step;
  }

  /** Rejects with `identity.factor-refused` or `core.throttled`. */
  async confirm(
    owner: string,
    kind: FactorKind,
    response: unknown,
    caller: Caller,
    isAfterPassword: boolean,
  ): Promise<FactorProof> {
    const challenge = kind === 'passkey' ? await this.#confirmChallenge(owner, response, caller) : null;
    return this.#prover.prove({ owner, kind, response, challenge, caller, isAfterPassword });
  }

  /** The challenge that an answer is to, where it was asked of this principal and browser; it is used up by that. */
  async #confirmChallenge(owner: string, response: unknown, caller: Caller): Promise<string | null> {
    const answer = readAssertion(response);
    const challenge = answer === null ? null : challengeOf(answer);
    if (challenge === null) return null;
    const asked = await this.#exchanges.take<object>({ purpose: 'confirm', owner, caller }, challenge);
    return asked === null ? null : challenge;
  }

  async #askFor(owner: string, challenge: string, isAlone: boolean): Promise<ConfirmationStep> {
    const isLocal = isLocalAndActive(this.#parts.directory, owner);
    const own = await this.#parts.records.listByOwner(owner);
    if (!isLocal || !own.some(isFactor)) return { factors: [], passkey: null };
    const passkeys = own.filter(({ kind }) => kind === 'passkey').map((record) => nameOf(record));
    const factors = (['passkey', 'totp', 'recovery'] as const).filter((kind) => own.some((one) => one.kind === kind));
    const passkey = passkeys.length === 0 ? null : await this.#passkeys.requestOptions(passkeys, challenge, isAlone);
    return { factors, passkey };
  }
}

function pendingOf(caller: Caller): Scope {
  return { purpose: 'sign-on', owner: null, caller };
}
