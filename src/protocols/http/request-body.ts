/**
 * The body of one request on its way to the target: what was read before judging, then what is still to come.
 *
 * Invariants: what is sent is recorded first, without the passwords that were found in it; a body that the target has not
 * asked for waits, where its client waits, too (RFC 9110, section 10.1.1).
 *
 * Deliberately absent: deadlines (exchange.ts).
 */
import type { Clock } from '../../base/clock.ts';
import type { Command } from '../../core/session.ts';
import type { ClientExchange } from './client.ts';
import type { Field } from './fields.ts';
import * as limits from './limits.ts';
import type { Understood } from './request.ts';

export interface RequestBodyParts {
  readonly client: ClientExchange;
  readonly understood: Understood;
  readonly clock: Clock;
  readonly record: (data: Buffer) => void;
  /** False: no more before `client.body.resume()`. `of`: the command whose bytes they are, where it is not the request's own. */
  readonly forward: (view: Buffer, of?: Command) => boolean;
  /** The head is to leave, though its body is not asked for yet. */
  readonly begin: () => void;
  /** All of it was forwarded. */
  readonly end: (trailers: readonly Field[]) => void;
  /** The exchange is over, or the target has answered already. */
  readonly isUnwanted: () => boolean;
}

export class RequestBody {
  readonly #parts: RequestBodyParts;
  #onProceed: (() => void) | null = null;
  #isRecorded = false;
  isSent = false;

  constructor(parts: RequestBodyParts) {
    this.#parts = parts;
  }

  /** Its bytes as far as they are known, for the framing. */
  get bytes(): number | null {
    const { client, understood } = this.#parts;
    const { isWhole, chunks } = understood.body;
    if (!isWhole) return client.bodyBytes;
    // Trailers need a framing that has room for them.
    if (client.trailers().length > 0) return null;
    return chunks.reduce((sum, { length }) => sum + length, 0);
  }

  /** Whether the target is asked first: where the client waits for it, and nothing of the body was needed before. */
  get expectsContinue(): boolean {
    const { client, understood } = this.#parts;
    return client.expectsContinue && !understood.body.isWhole && understood.body.chunks.length === 0;
  }

  send(): void {
    const { client, understood, clock, begin } = this.#parts;
    if (understood.body.isWhole) {
      this.#sendWhole();
      return;
    }
    for (const view of understood.body.chunks) this.#passOn(view);
    if (!this.expectsContinue) {
      client.proceed();
      this.#follow();
      return;
    }
    begin();
    // A target that says nothing to the expectation gets the body after a moment.
    const timer = clock.after(limits.continueDeadlineMs, () => this.proceed());
    this.#onProceed = () => {
      timer.cancel();
      client.proceed();
      this.#follow();
    };
  }

  /** The target asks for it. */
  proceed(): void {
    const proceed = this.#onProceed;
    this.#onProceed = null;
    if (!this.#parts.isUnwanted()) proceed?.();
  }

  /** It is to be sent again: only where it was read whole. */
  rewind(): void {
    this.isSent = false;
  }

  #sendWhole(): void {
    const { understood, record, forward } = this.#parts;
    const { body, recordedBody } = understood;
    if (!this.#isRecorded) for (const data of recordedBody === null ? body.chunks : [recordedBody]) record(data);
    this.#isRecorded = true;
    for (const view of body.chunks) forward(view);
    this.#end();
  }

  #follow(): void {
    const { body } = this.#parts.client;
    body.on('data', (view: Buffer) => this.#passOn(view));
    body.on('end', () => this.#end());
    body.resume();
    if (body.readableEnded) this.#end();
  }

  #passOn(view: Buffer): void {
    const { client, record, forward } = this.#parts;
    record(view);
    if (!forward(view)) client.body.pause();
  }

  #end(): void {
    if (this.isSent) return;
    this.isSent = true;
    this.#parts.end(this.#parts.client.trailers());
  }
}
