/**
 * Sign-ons and step-ups that a person completes elsewhere: a client at a stock protocol waits, and the same person, signed
 * on to the console or the command line, says that it is theirs.
 *
 * Invariants:
 * - Only the principal named at the login may approve, and not by a token that somebody else asked for.
 * - A step-up takes a proof in person of just now (core's step-up.ts), and another credential than the one that the client
 *   had presented, or the password: what may have been stolen does not confirm itself. Of who has a second factor it takes
 *   that one, given with it or at that sign-on; the password alone confirms nothing then.
 * - The code is shown at both ends, so that nobody approves another's login by a link that was sent to them.
 * - What is neither approved nor refused in time is refused; each is decided once; few wait at a time, per login and in all.
 *
 * In memory: the link leads to the gateway whose client waits.
 */
import { randomInt } from 'node:crypto';
import type { Clock, Timer } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import { isProofFresh } from '../core/step-up.ts';
import { provesFactor } from './factors/parts.ts';
import * as limits from './limits.ts';

/** One that waits, as the person sees it. */
export interface PendingApproval {
  readonly id: string;
  readonly principal: string;
  readonly code: string;
  readonly source: string;
  /** What it is the step-up for; null for a sign-on. */
  readonly resource: string | null;
  /** The command that it is the step-up for, as people are shown it; null for the opening of a session. */
  readonly command: string | null;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
}

/** A step-up: what it opens, and what the client had presented. */
export interface StepUpTerms {
  readonly resource: string;
  readonly presented: string | null;
  /** Whether the principal has a second factor. */
  readonly takesFactor: boolean;
  readonly command?: string;
}

/** With what somebody approves. */
export interface Approver {
  /** Whose revocation ends what comes of it. */
  readonly credentialId: string | null;
  /** When they proved themself in person, and whether they did so for this approval; null where that is not known. */
  readonly provenAtMs: number | null;
  readonly proof: 'password' | 'factor' | 'sign-on';
  /** With what, as RFC 8176 names it; absent where nothing but a password is known of. */
  readonly factors?: readonly string[];
}

interface Waiting extends PendingApproval {
  readonly presented: string | null;
  takesFactor: boolean;
  readonly timer: Timer;
  readonly settle: Settle;
}

/** Null: refused, or not in time. */
type Settle = (approver: Approver | null) => void;

/** Without letters and digits that look alike. */
const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

export class Approvals {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Null where too many wait. `settled` is called once, with who approved it. */
  begin(principal: string, source: string, settled: Settle, stepUp: StepUpTerms | null = null): PendingApproval | null {
    const ofPrincipal = [...this.#waiting.values()].filter((one) => one.principal === principal);
    const ofSource = [...this.#waiting.values()].filter((one) => one.source === source);
    if (this.#waiting.size >= limits.approvalsMax || ofPrincipal.length >= limits.approvalsPerPrincipalMax) return null;
    if (ofSource.length >= limits.approvalsPerSourceMax) return null;
    const id = newId('sgn', this.#clock.now());
    const requestedAtMs = this.#clock.now();
    const waiting: Waiting = {
      id,
      principal,
      code: newCode(),
      source,
      resource: stepUp?.resource ?? null,
      command: stepUp?.command ?? null,
      presented: stepUp?.presented ?? null,
      takesFactor: stepUp?.takesFactor ?? false,
      requestedAtMs,
      expiresAtMs: requestedAtMs + limits.approvalLifetimeMs,
      timer: this.#clock.after(limits.approvalLifetimeMs, () => this.#settle(id, null)),
      settle: settled,
    };
    this.#waiting.set(id, waiting);
    return waiting;
  }

  /** Of one principal, newest first. */
  of(principal: string): readonly PendingApproval[] {
    return [...this.#waiting.values()]
      .filter((one) => one.principal === principal)
      .reverse()
      .map(({ timer: _timer, settle: _settle, presented: _presented, takesFactor: _takes, ...shown }) => shown);
  }

  /** Its principal has no second factor, as it turns out. */
  takeNoFactor(id: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) waiting.takesFactor = false;
  }

  /** Whether this approval would do; false for none, and for a step-up with too old a proof, or with the first one's own. */
  isEnough(id: string, principal: string, by: Approver): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting?.principal !== principal) return false;
    if (waiting.resource === null) return true;
    if (!isProofFresh(by.provenAtMs, this.#clock.now())) return false;
    if (waiting.takesFactor && !provesFactor(by.factors ?? [])) return false;
    return by.proof !== 'sign-on' || (by.credentialId !== null && by.credentialId !== waiting.presented);
  }

  /** `approver` null refuses it. False where it is not, or no longer, this principal's to decide so. */
  decide(id: string, principal: string, approver: Approver | null): boolean {
    if (this.#waiting.get(id)?.principal !== principal) return false;
    if (approver !== null && !this.isEnough(id, principal, approver)) return false;
    this.#settle(id, approver);
    return true;
  }

  /** Nobody waits for it any more. */
  withdraw(id: string): void {
    this.#settle(id, null);
  }

  #settle(id: string, approver: Approver | null): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    waiting.settle(approver);
  }
}

function newCode(): string {
  const letters = Array.from({ length: 6 }, () => alphabet[randomInt(alphabet.length)]!).join('');
  return `${letters.slice(0, 3)}-${letters.slice(3)}`;
}
