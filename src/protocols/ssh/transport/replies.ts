/**
 * Answers in the order of their questions, in both directions: RFC 4254 identifies neither, so the order is all there is.
 *
 * Invariants: an answer that is given early waits for those before it; the number that wait is bounded; what is never
 * answered by us is a fault of the room above, what is never answered by the peer runs into its deadline and still keeps
 * its place, so that later answers are not taken for it.
 */
import { assert } from '../../../base/assert.ts';
import type { Clock, Timer } from '../../../base/clock.ts';
import { sshErrors } from './errors.ts';
import type { SshReply } from './types.ts';

interface Owed {
  answer: { readonly accepted: boolean; readonly data: Buffer | undefined } | null;
}

/** What we owe the peer. */
export class OwedReplies {
  readonly #send: (accepted: boolean, data: Buffer | undefined) => void;
  readonly #max: number;
  readonly #queue: Owed[] = [];
  #isClosed = false;

  constructor(max: number, send: (accepted: boolean, data: Buffer | undefined) => void) {
    this.#max = max;
    this.#send = send;
  }

  /** The reply to one request. Throws when too many wait. */
  next(wanted: boolean): SshReply {
    const owed: Owed = { answer: null };
    let answered = false;
    if (wanted) {
      if (this.#queue.length >= this.#max) throw sshErrors('ssh.too-much-waiting');
      this.#queue.push(owed);
    }
    const answer = (accepted: boolean, data?: Buffer): void => {
      assert(!answered, 'a request answered twice');
      answered = true;
      if (!wanted || this.#isClosed) return;
      owed.answer = { accepted, data };
      this.#flush();
    };
    return { wanted, accept: (data) => answer(true, data), reject: () => answer(false) };
  }

  close(): void {
    this.#isClosed = true;
    this.#queue.length = 0;
  }

  #flush(): void {
    for (let first = this.#queue[0]; first?.answer != null; first = this.#queue[0]) {
      this.#queue.shift();
      this.#send(first.answer.accepted, first.answer.data);
    }
  }
}

interface Asked {
  readonly resolve: (answer: Buffer | null) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/** What the peer owes us. */
export class AskedReplies {
  readonly #clock: Clock;
  readonly #queue: Asked[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The answer to what is being sent now: its data, or null for a refusal. */
  next(deadlineMs: number): Promise<Buffer | null> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(deadlineMs, () => reject(sshErrors('ssh.peer-silent')));
      this.#queue.push({ resolve, reject, timer });
    });
  }

  /** Throws when nothing was asked. */
  answered(answer: Buffer | null): void {
    const asked = this.#queue.shift();
    if (asked === undefined) throw sshErrors('ssh.message-unexpected', { detail: 'an answer to nothing' });
    asked.timer.cancel();
    asked.resolve(answer);
  }

  close(error: Error): void {
    for (const asked of this.#queue.splice(0)) {
      asked.timer.cancel();
      asked.reject(error);
    }
  }
}
