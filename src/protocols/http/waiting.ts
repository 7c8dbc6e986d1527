/**
 * A request that waits for a human, longer than its client does where it must.
 *
 *     held ─► its client waits ─► decided ─► it runs, or is refused
 *               │ patience over (503), or "Prefer: respond-async" (202), both with the review's link
 *               ▼
 *             left ─► the same request comes again: its client waits, or takes what was decided ─► …
 *
 * Invariants:
 * - An approval is used only while a client is there to take the answer (`CommandDraft.present`), once, for exactly the
 *   request that was held: what comes again is compared, and what runs is what was reviewed.
 * - A client that goes away while it waits withdraws its request, unless it was told to come again.
 * - What nobody comes for is given up after `comeAgainWithinMs`.
 *
 * Deliberately absent: reviewing, the exchange itself (exchange.ts).
 * Sources: RFC 7240 (Prefer), sections 4.1 and 4.3; RFC 9110, section 10.2.3 (Retry-After).
 */
import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.ts';
import type { PendingReview } from '../../core/review.ts';
import type { Refusal } from './answers.ts';
import { type Field, valuesOf } from './fields.ts';
import * as limits from './limits.ts';
import type { Understood } from './request.ts';

export interface WaitingParts {
  readonly clock: Clock;
  /** How long a client waits that says nothing of it. */
  readonly holdMs: number;
  /** Tells the client that waits, and lets go of it. */
  readonly dismiss: (refusal: Refusal) => void;
  /** Whoever asks the same again is led here. False: there are too many already. */
  readonly leave: () => boolean;
  /** Nobody comes for it: the command is withdrawn, or was decided already. `refusal`: for the client, where there is one. */
  readonly giveUp: (refusal: Refusal | null) => void;
}

type State =
  /** A client waits for the decision. */
  | { readonly name: 'waits' }
  /** Nobody does. */
  | { readonly name: 'left' }
  /** It was approved, and runs once somebody comes. */
  | { readonly name: 'approved'; readonly run: () => void }
  /** It was refused; who comes is told. */
  | { readonly name: 'refused'; readonly refusal: Refusal }
  | { readonly name: 'over' };

export class Waiting {
  readonly #parts: WaitingParts;
  #state: State = { name: 'waits' };
  #review: PendingReview | null = null;
  #preference: Preference;
  #wasLeft = false;
  #timer: Timer | null = null;

  constructor(parts: WaitingParts, fields: readonly Field[]) {
    this.#parts = parts;
    this.#preference = preferenceOf(fields);
  }

  /** Somebody was asked to decide. Again now and then while it is so. */
  held(review: PendingReview): void {
    const isFirst = this.#review === null;
    this.#review = review;
    if (isFirst && this.#state.name === 'waits') this.#wait();
  }

  /** For `CommandDraft.present`. */
  present(): Promise<void> {
    this.#timer?.cancel();
    if (this.#state.name === 'waits') {
      this.#end();
      return Promise.resolve();
    }
    return new Promise((run) => {
      this.#state = { name: 'approved', run };
      this.#giveUpLater();
    });
  }

  /** It was refused. True: nobody was there to hear it; it is kept for who comes. */
  refused(refusal: Refusal): boolean {
    if (this.#state.name !== 'left' && this.#state.name !== 'approved') {
      this.#end();
      return false;
    }
    this.#state = { name: 'refused', refusal };
    this.#giveUpLater();
    return true;
  }

  /** The client that waited went away. True: it may come again. */
  gone(): boolean {
    if (!this.#wasLeft || this.#state.name !== 'waits') return false;
    this.#timer?.cancel();
    this.#state = { name: 'left' };
    return true;
  }

  get isLeft(): boolean {
    return this.#state.name === 'left' || this.#state.name === 'approved' || this.#state.name === 'refused';
  }

  /** The same request came again. */
  came(fields: readonly Field[]): void {
    const state = this.#state;
    this.#preference = preferenceOf(fields);
    if (state.name === 'approved') {
      this.#end();
      state.run();
    } else if (state.name === 'refused') {
      this.#end();
      this.#parts.giveUp(state.refusal);
    } else if (state.name === 'left') {
      this.#state = { name: 'waits' };
      this.#wait();
    }
  }

  end(): void {
    this.#end();
  }

  #wait(): void {
    const { clock, holdMs } = this.#parts;
    const { isAsync, waitMs } = this.#preference;
    if (isAsync && (waitMs ?? 0) === 0) {
      this.#leave(202);
      return;
    }
    this.#timer?.cancel();
    this.#timer = clock.after(Math.min(waitMs ?? holdMs, holdMs), () => this.#leave(isAsync ? 202 : 503));
  }

  #leave(status: 202 | 503): void {
    const { dismiss, leave, giveUp } = this.#parts;
    const refusal = this.#refusal(status);
    if (!leave()) {
      giveUp({ ...refusal, status: 503, detail: 'Too many of your requests wait for approval. Try again later.' });
      return;
    }
    this.#timer?.cancel();
    this.#wasLeft = true;
    this.#state = { name: 'left' };
    dismiss(refusal);
  }

  #refusal(status: 202 | 503): Refusal {
    const { id, link, audience } = this.#review!;
    return {
      status,
      code: 'held',
      detail: `It waits for approval by ${audience}: ${link} Send the same request again; once it is approved, it runs.`,
      review: { id, link },
      fields: [
        ['Retry-After', String(limits.comeAgainSeconds)],
        ...(status === 202
          ? ([
              ['Location', link],
              ['Preference-Applied', 'respond-async'],
            ] as const)
          : []),
      ],
    };
  }

  #giveUpLater(): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(limits.comeAgainWithinMs, () => {
      this.#end();
      this.#parts.giveUp(null);
    });
  }

  #end(): void {
    this.#timer?.cancel();
    this.#state = { name: 'over' };
  }
}

export interface Preference {
  readonly isAsync: boolean;
  /** How long the client waits, where it says so. */
  readonly waitMs: number | null;
}

/** RFC 7240: whether a client would rather be told to come again, and how long it waits. */
export function preferenceOf(fields: readonly Field[]): Preference {
  const preferences = valuesOf(fields, 'prefer')
    .join(',')
    .split(',')
    .map((one) => one.split(';', 1)[0]!.trim().toLowerCase());
  const wait = preferences
    .map((one) => /^wait\s*=\s*"?([0-9]{1,6})"?$/.exec(one)?.[1])
    .find((one) => one !== undefined);
  return { isAsync: preferences.includes('respond-async'), waitMs: wait === undefined ? null : Number(wait) * 1000 };
}

/** Equal for requests that are the same to the byte, in what goes on of them: `passed` is of their heads. */
export function repeatKey({ draft, target, body }: Understood, passed: readonly Field[]): string {
  const digest = createHash('sha256');
  // Some clients put their fields in another order each time (Go's maps); those of one name keep theirs.
  const sorted = passed
    .map(([name, value]) => [name.toLowerCase(), value])
    .sort(([a], [b]) => (a! < b! ? -1 : a! > b! ? 1 : 0));
  digest.update(JSON.stringify([draft.verb, target, draft.text, sorted]));
  for (const view of body.chunks) digest.update(view);
  return digest.digest('hex');
}
