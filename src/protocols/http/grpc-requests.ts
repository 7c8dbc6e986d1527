/**
 * The messages that a client sends in one call, where there may be many: each is a command of its own, and goes on once it is
 * released, in order.
 *
 * Invariants: a message that is refused ends the call, and nothing behind it goes on; one that waits for a human holds back
 * those behind it; every message that was submitted ends once.
 *
 * Deliberately absent: the call itself (exchange.ts).
 */
import type { CommandDraft } from '../../core/command.ts';
import type { CommandOutcome } from '../../core/event.ts';
import type { Command, Session } from '../../core/session.ts';
import { requestText } from '../../language/index.ts';
import type { Refusal } from './answers.ts';
import { messageEncodingOf, messageMeaning, type RpcCall } from './grpc.ts';
import { type GrpcFrame, GrpcFrames, malformed } from './grpc-frames.ts';
import * as limits from './limits.ts';
import { withoutPasswords } from './passwords.ts';
import type { RequestBodyParts } from './request-body.ts';

/** What ends a call because of its messages. */
export interface GrpcRequestsEnds {
  readonly refused: (refusal: Refusal) => void;
  readonly failed: (error: unknown) => void;
}

/** Null where the request is judged as a whole. `sending`: how its body would go on otherwise. */
export function messagesOf(
  sending: RequestBodyParts,
  session: Session,
  call: Command,
  ends: GrpcRequestsEnds,
): GrpcRequests | null {
  const { rpc } = sending.understood;
  return rpc?.method.clientStreams === true ? new GrpcRequests(sending, session, call, rpc, ends) : null;
}

interface Pending {
  readonly whole: Buffer;
  command: Command | null;
  isDecided: boolean;
}

export class GrpcRequests {
  /** How the body goes on instead. */
  readonly parts: RequestBodyParts;
  readonly #sending: RequestBodyParts;
  readonly #session: Session;
  readonly #call: Command;
  readonly #rpc: RpcCall;
  readonly #ends: GrpcRequestsEnds;
  readonly #frames = new GrpcFrames();
  #pending: Pending[] = [];
  #onEnd: (() => void) | null = null;
  /** The target takes no more for now. */
  #isFull = false;
  #isOver = false;

  constructor(sending: RequestBodyParts, session: Session, call: Command, rpc: RpcCall, ends: GrpcRequestsEnds) {
    this.#sending = sending;
    this.#session = session;
    this.#call = call;
    this.#rpc = rpc;
    this.#ends = ends;
    this.parts = {
      ...sending,
      // Each message is recorded as the command that it is.
      record: () => undefined,
      forward: (view) => this.#push(view),
      end: (trailers) => this.#finish(() => sending.end(trailers)),
    };
  }

  /** Some message is not decided yet: its client owes nothing meanwhile. */
  get isWaiting(): boolean {
    return this.#pending.length > 0;
  }

  #push(view: Buffer): boolean {
    if (this.#isOver) return true;
    try {
      this.#isFull = false;
      this.#frames.push(view);
      return this.#submit() && !this.#isFull;
    } catch (error) {
      this.#fail(error);
      return true;
    }
  }

  /** No more will come; `act` once all have gone on. */
  #finish(act: () => void): void {
    if (this.#isOver) return;
    this.#onEnd = act;
    this.#drain();
  }

  /** The call is over. */
  stop(): void {
    this.#isOver = true;
    this.#onEnd = null;
    const pending = this.#pending;
    this.#pending = [];
    for (const { command } of pending) if (command !== null) this.#complete(command, 'withdrawn');
  }

  #submit(): boolean {
    while (this.#pending.length < limits.grpcPendingMax) {
      if (this.#isOver) return true;
      const frame = this.#frames.next();
      if (frame === null) return true;
      this.#judge(frame);
    }
    return false;
  }

  #judge(frame: GrpcFrame): void {
    const session = this.#session;
    const pending: Pending = { whole: frame.whole, command: null, isDecided: false };
    this.#pending.push(pending);
    const { draft, isRead } = this.#draftOf(frame);
    pending.command = session.submit(draft, (command) => {
      pending.command = command;
      pending.isDecided = true;
      this.#drain();
    });
    if (!isRead) {
      session.observe({ type: 'data', command: pending.command.ordinal, direction: 'in', data: frame.whole });
    }
    this.#drain();
  }

  #draftOf(frame: GrpcFrame): { readonly draft: CommandDraft; readonly isRead: boolean } {
    const { client, understood } = this.#sending;
    const { http, method } = this.#rpc;
    const { target } = understood;
    const encoding = messageEncodingOf(client.head.fields);
    const call = this.#call;
    const { body, text } = messageMeaning(method, frame, encoding);
    const whole = requestText(http.method, target, text);
    const { present: _present, unholdable: _unholdable, ...same } = call.draft;
    const draft: CommandDraft = {
      ...same,
      text: whole,
      recordedText: withoutPasswords(whole),
      meaning: { language: 'http', http: { ...http, body } },
      of: call.ordinal,
      ...(body.kind === 'unread' ? { unholdable: `Its message was not read, since ${body.reason}.` } : {}),
    };
    return { draft, isRead: body.kind !== 'unread' };
  }

  #drain(): void {
    if (this.#isOver) return;
    for (let first = this.#pending[0]; first?.isDecided === true; first = this.#pending[0]) {
      const command = first.command!;
      this.#pending.shift();
      if (command.state !== 'released') {
        this.#refuse(command);
        return;
      }
      if (this.#changesAnswer(command)) {
        this.#complete(command, 'refused');
        const rule = command.verdict?.rule ?? null;
        const detail = 'What comes back of this message would have to be masked, and the answer to the call has begun.';
        this.#end({ status: 403, code: 'refused', detail, rule });
        return;
      }
      this.#isFull = !this.#sending.forward(first.whole, command);
      this.#complete(command, 'completed');
    }
    try {
      if (this.#submit() && !this.#isFull && this.#pending.length === 0 && !this.#isOver)
        this.#sending.client.body.resume();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#pending.length > 0 || this.#onEnd === null || this.#isOver) return;
    if (this.#frames.isWithin) {
      this.#fail(malformed('the call ends within a message'));
      return;
    }
    const act = this.#onEnd;
    this.#onEnd = null;
    act();
  }

  /** The call's own plan was made when it began. */
  #changesAnswer({ verdict }: Command): boolean {
    return verdict?.name === 'mask' && this.#call.verdict?.name !== 'mask';
  }

  #refuse({ verdict, ordinal }: Command): void {
    const { rule = null, reason = 'The message was refused.' } = verdict ?? {};
    this.#end({ status: 403, code: 'refused', detail: reason, rule, session: this.#session.id, command: ordinal });
  }

  #end(refusal: Refusal): void {
    this.stop();
    this.#ends.refused(refusal);
  }

  #fail(error: unknown): void {
    this.stop();
    this.#ends.failed(error);
  }

  #complete(command: Command, outcome: CommandOutcome): void {
    if (command.state === 'refused') return;
    this.#session.complete(command, { outcome, tag: null, error: null, rows: 0, bytes: 0 });
  }
}
