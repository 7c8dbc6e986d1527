/**
 * Second factors of local accounts: passkeys, TOTP, recovery codes. What other rooms are given of this folder.
 *
 * A pure core over interfaces: no routes, no store. Whoever composes turns a proof into a token with its `factors`, and
 * journals enrolments, removals, resets and alarms.
 *
 * Deliberately absent: SMS and e-mail as factors (they prove a number or a mailbox, and are intercepted), push, remembered
 * devices, factors of who proves themself at a provider, of services and of agents.
 */
import { assert } from '../../base/assert.ts';
import type { FactorKind } from '../records.ts';
import { type Enrolled, Enrolment, isFactor, type PasskeyEnrolment, type TotpEnrolment } from './enrolment.ts';
import { Exchanges } from './exchanges.ts';
import {
  type Caller,
  type FactorParts,
  type FactorProof,
  type FactorSummary,
  isLocalAndActive,
  type Proven,
  type RelyingParty,
} from './parts.ts';
import { Passkeys, type RequestOptions } from './passkeys.ts';
import { Prover } from './prover.ts';
import { type ConfirmationStep, SignOn, type SignOnStep } from './sign-on.ts';

export interface Factors {
  /** Whether a sign-on and a step-up of this principal take a factor. */
  hasFactor(owner: string): Promise<boolean>;
  list(owner: string): Promise<readonly FactorSummary[]>;

  beginPasskey(owner: string, label: string, proof: Proven, caller: Caller): Promise<PasskeyEnrolment>;
  finishPasskey(owner: string, response: unknown, caller: Caller): Promise<Enrolled>;
  beginTotp(owner: string, label: string, proof: Proven, caller: Caller): Promise<TotpEnrolment>;
  finishTotp(owner: string, id: string, code: string, caller: Caller): Promise<Enrolled>;
  /** Told this once; voids those before. */
  newRecoveryCodes(owner: string, proof: Proven): Promise<readonly string[]>;
  /** False where there is none such of this principal's. */
  remove(owner: string, id: string, proof: Proven): Promise<boolean>;
  /** For administrators, of somebody else: what was removed. */
  reset(owner: string, by: string): Promise<readonly FactorSummary[]>;

  /** After the right password: what is still needed. */
  challengeFor(owner: string, caller: Caller): Promise<SignOnStep>;
  answer(pendingId: string, kind: FactorKind, response: unknown, caller: Caller): Promise<FactorProof>;
  /** A sign-on with a passkey alone. */
  passkeyOptions(login: string | null, caller: Caller): Promise<RequestOptions>;
  byPasskey(response: unknown, caller: Caller): Promise<FactorProof>;

  /** A step-up, or a proof before a change; `isAfterPassword` where the password is proven in the same request. */
  confirmation(owner: string, caller: Caller, isAfterPassword?: boolean): Promise<ConfirmationStep>;
  confirm(
    owner: string,
    kind: FactorKind,
    response: unknown,
    caller: Caller,
    isAfterPassword?: boolean,
  ): Promise<FactorProof>;
}

/** Makes the second factors. Throws an assertion for a relying party that no browser would take. */
export function createFactors(parts: FactorParts): Factors {
  assert(parts.serverSecret.length >= 32, 'the server secret of second factors is shorter than 32 bytes');
  checkRelyingParty(parts.relyingParty);
  const passkeys = new Passkeys(parts.relyingParty, parts.serverSecret);
  const exchanges = new Exchanges(parts.clock, parts.once);
  const prover = new Prover(parts, passkeys);
  const enrolment = new Enrolment(parts, passkeys, exchanges);
  const signOn = new SignOn(parts, passkeys, prover, exchanges, parts.clock);
  return {
    hasFactor: async (owner) => {
      const own = await parts.records.listByOwner(owner);
      return isLocalAndActive(parts.directory, owner) && own.some(isFactor);
    },
    list: (owner) => enrolment.list(owner),
    beginPasskey: (owner, label, proof, caller) => enrolment.beginPasskey(owner, label, proof, caller),
    finishPasskey: (owner, response, caller) => enrolment.finishPasskey(owner, response, caller),
    beginTotp: (owner, label, proof, caller) => enrolment.beginTotp(owner, label, proof, caller),
    finishTotp: (owner, id, code, caller) => enrolment.finishTotp(owner, id, code, caller),
    newRecoveryCodes: (owner, proof) => enrolment.newRecoveryCodes(owner, proof),
    remove: (owner, id, proof) => enrolment.remove(owner, id, proof),
    reset: (owner, by) => enrolment.reset(owner, by),
    challengeFor: (owner, caller) => signOn.challengeFor(owner, caller),
    answer: (pendingId, kind, response, caller) => signOn.answer(pendingId, kind, response, caller),
    passkeyOptions: (login, caller) => signOn.passkeyOptions(login, caller),
    byPasskey: (response, caller) => signOn.byPasskey(response, caller),
    confirmation: (owner, caller, isAfterPassword = false) => signOn.confirmation(owner, caller, isAfterPassword),
    confirm: (owner, kind, response, caller, isAfterPassword = false) =>
      signOn.confirm(owner, kind, response, caller, isAfterPassword),
  };
}

/** Origins are spelled as browsers do, on HTTPS (localhost aside), at the relying party's domain or below it. */
function checkRelyingParty({ id, origins }: RelyingParty): void {
  assert(origins.length > 0, 'the relying party has no origin');
  for (const origin of origins) {
    const url = URL.parse(origin);
    assert(url !== null && url.origin === origin, 'an origin of the relying party is not spelled as browsers do');
    const isSecure = url.protocol === 'https:' || (url.protocol === 'http:' && url.hostname === 'localhost');
    assert(isSecure, 'an origin of the relying party is not HTTPS');
    assert(url.hostname === id || url.hostname.endsWith(`.${id}`), 'an origin lies outside the relying party');
  }
}
