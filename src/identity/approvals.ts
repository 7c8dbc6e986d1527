/**
 * Sign-ons that a person completes elsewhere: a client at a stock protocol waits, and the same person, signed on to the
 * console or the command line, says that it is theirs.
 *
 * Invariants:
 * - Only the principal named at the login may approve, and not by a token that somebody else asked for.
 * - The code is shown at both ends, so that nobody approves another's login by a link that was sent to them.
 * - What is neither approved nor refused in time is refused; each is decided once; few wait at a time, per login and in all.
 *
 * In memory: the link leads to the gateway whose client waits.
 */
import { randomInt } from 'node:crypto';
import type { Clock, Timer } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import * as limits from './limits.ts';

/** One that waits, as the person sees it. */
export interface PendingApproval {
  readonly id: string;
  readonly principal: string;
  readonly code: string;
  readonly source: string;
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
}

interface Waiting extends PendingApproval {
  readonly timer: Timer;
  readonly settle: Settle;
}

/** `credentialId`: what it was approved with, whose revocation ends what comes of it. */
type Settle = (approved: boolean, credentialId: string | null) => void;

/** Without letters and digits that look alike. */
const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';

export class Approvals {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Null where too many wait. `settled` is called once, with whether it was approved. */
  begin(principal: string, source: string, settled: Settle): PendingApproval | null {
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
      requestedAtMs,
      expiresAtMs: requestedAtMs + limits.approvalLifetimeMs,
      timer: this.#clock.after(limits.approvalLifetimeMs, () => this.#settle(id, false, null)),
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
      .map(({ timer: _timer, settle: _settle, ...shown }) => shown);
  }

  /** False where it is not, or no longer, this principal's to decide. */
  decide(id: string, principal: string, approve: boolean, credentialId: string | null): boolean {
    if (this.#waiting.get(id)?.principal !== principal) return false;
    this.#settle(id, approve, credentialId);
    return true;
  }

  /** Nobody waits for it any more. */
  withdraw(id: string): void {
    this.#settle(id, false, null);
  }

  #settle(id: string, approved: boolean, credentialId: string | null): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    waiting.settle(approved, credentialId);
  }
}

function newCode(): string {
  const letters = Array.from({ length: 6 }, () => alphabet[randomInt(alphabet.length)]!).join('');
  return `${letters.slice(0, 3)}-${letters.slice(3)}`;
}
