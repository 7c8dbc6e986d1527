/**
 * One request and its answer, as a command: submitted, released or refused, sent on, answered, ended.
 *
 * Invariants:
 * - Nothing of the request reaches the target before its command is released; all of it goes by the exchange's flow.
 * - What goes to the client is masked, counted, recorded, then delivered, in that order (I9).
 * - The command ends exactly once, whoever goes away first. An answer that could not be given whole is torn, never ended.
 * - Either side's pause reaches the other; every wait on either has a deadline (A-HTTP-11).
 *
 * Deliberately absent: conversations that HTTP only begins (websocket.ts), retries but for a token that was refused.
 */
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { CommandResult } from '../../core/commands.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { Door } from '../../core/protocol.ts';
import type { PendingReview } from '../../core/review.ts';
import type { Command, Flow, SessionEnding } from '../../core/session.ts';
import { AnswerBody, isFeed, withLength, withoutLength } from './answer-body.ts';
import { answerContext, masksOf } from './answer-context.ts';
import { type AnswerFieldContext, answerFields } from './answer-fields.ts';
import { give, type Refusal, refusalOf } from './answers.ts';
import type { ClientExchange } from './client.ts';
import type { Conversation } from './conversation.ts';
import type { RequestCredential } from './credentials.ts';
import { httpErrors } from './errors.ts';
import { type Field, type FieldContext, passedFields, shownFields } from './fields.ts';
import { type GrpcRequests, messagesOf } from './grpc-requests.ts';
import * as limits from './limits.ts';
import type { Understood } from './request.ts';
import { RequestBody, type RequestBodyParts } from './request-body.ts';
import { StallWatch } from './stall.ts';
import type { Slot, UpstreamExchange, UpstreamHandler, UpstreamRequest } from './upstream.ts';
import type { Waiting } from './waiting.ts';

export interface ExchangeParts {
  readonly conversation: Conversation;
  readonly client: ClientExchange;
  readonly door: Door;
  readonly context: FieldContext;
  /** What of its head goes on. */
  readonly passed: readonly Field[];
  readonly understood: Understood;
}

/** Whom the exchange waits for; each has its deadline. */
type Phase = 'deciding' | 'connecting' | 'sending' | 'answering' | 'over';

export class Exchange {
  command: Command | null = null;
  readonly #parts: ExchangeParts;
  readonly #flow: Flow;
  #phase: Phase = 'deciding';
  #slot: Slot | null = null;
  #upstream: UpstreamExchange | null = null;
  #answer: AnswerBody | null = null;
  #fields: AnswerFieldContext | null = null;
  #status: number | null = null;
  #bytesOut = 0;
  readonly #stall: StallWatch;
  /** The client takes nothing at the moment. */
  #isStalled = false;
  /** Its events may be as far apart as they like. */
  #isEndless = false;
  /** Of the request; from its release on. */
  #body: RequestBody | null = null;
  /** Its messages, where there may be many that are judged one by one. */
  #messages: GrpcRequests | null = null;
  #credential: RequestCredential | null = null;
  #isRepeated = false;
  /** Who gets the answer: the last that came for it (waiting.ts). Null while nobody waits. */
  #client: ClientExchange | null = null;
  readonly #waiting: Waiting;
  readonly #forget: () => void;
  /** Gives the head of an answer whose first bytes may yet be refused. */
  #begin: (() => void) | null = null;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { conversation, client, door } = parts;
    this.#flow = conversation.session.openFlow({
      toUpstream: (view) => this.#upstream?.write(view) ?? true,
      toClient: (view) => this.#client?.write(view) ?? true,
    });
    this.#stall = new StallWatch(
      door.clock,
      () => this.#patienceMs,
      () => this.#tooSlow(),
    );
    const { waiting, forget } = conversation.waitingOf(this, parts, {
      dismiss: (refusal) => this.#dismiss(refusal),
      giveUp: (refusal) => this.#giveUp(refusal),
    });
    this.#waiting = waiting;
    this.#forget = forget;
    this.#flow.onForwardable = () => client.body.resume();
    this.#flow.onDeliverable = () => {
      this.#isStalled = false;
      this.#answer?.release();
      this.#upstream?.resume();
    };
    this.#take(client);
    conversation.join(this);
  }

  /** Nobody waits for it, and who sends the same again is led here. */
  get isLeft(): boolean {
    return this.#waiting.isLeft;
  }

  held(review: PendingReview): void {
    if (this.#phase === 'deciding') this.#waiting.held(review);
  }

  /** The same request came again. */
  comeAgain(client: ClientExchange): void {
    this.#take(client);
    if (client.isGone) this.#clientGone();
    else this.#waiting.came(client.head.fields);
  }

  #take(client: ClientExchange): void {
    this.#client = client;
    client.onDrain = () => this.#flow.clientDrained();
    const over = client.onOver;
    client.onOver = () => {
      if (this.#client === client) this.#clientGone();
      over?.();
    };
  }

  /** Submits the command. Throws what `Session.submit` throws. */
  start(): void {
    const { conversation, client, understood } = this.#parts;
    try {
      const draft = { ...understood.draft, present: () => this.#waiting.present() };
      const command = conversation.session.submit(draft, (decided) => this.#decided(decided));
      this.command = command;
    } catch (error) {
      this.#leave();
      throw error;
    }
    // It may have gone while its body was read.
    if (client.isGone) this.#clientGone();
  }

  cut({ message, code, reason }: SessionEnding): void {
    const detail = message === '' ? 'The session ended.' : message;
    const isDenied = ['verdict', 'killed', 'locked', 'token-revoked'].includes(reason);
    this.#stop({ status: isDenied ? 403 : 503, code: code ?? reason, detail }, 'unfinished', code);
  }

  limited({ rule, reason }: OutputLimit): void {
    this.#stop({ status: 403, code: 'refused', detail: reason, rule }, 'failed', rule);
  }

  #decided(command: Command): void {
    this.command = command;
    if (this.#phase !== 'deciding') return;
    const { session } = this.#parts.conversation;
    if (command.state === 'released') {
      this.#forget();
      const { denied } = this.#parts.understood;
      if (denied !== undefined) {
        this.#stop({ status: 403, ...denied }, 'refused', denied.code);
        return;
      }
      this.#phase = 'connecting';
      this.#connect(command);
      return;
    }
    const { rule = null, reason = 'The command was refused.' } = command.verdict ?? {};
    const refusal = {
      status: 403,
      code: 'refused',
      detail: reason,
      rule,
      session: session.id,
      command: command.ordinal,
    };
    if (this.#waiting.refused(refusal)) return;
    this.#say(refusal);
    this.#leave();
  }

  #connect(command: Command): void {
    const send = (credential: RequestCredential, slot: Slot): void => {
      if (this.#isOver) slot.release();
      else this.#send(command, credential, slot);
    };
    this.#parts.conversation.ready(send, (error) => this.#failed(error));
  }

  #send(command: Command, credential: RequestCredential, slot: Slot): void {
    const { conversation, client, context, passed, understood } = this.#parts;
    const { dialect, settings } = conversation;
    this.#slot = slot;
    this.#credential = credential;
    const masks = masksOf(command);
    const isExamined = masks !== null || !credential.secrets.isEmpty;
    const asked = isExamined ? dialect.examinedFields(passed, masks !== null) : passed;
    const { sent, shown } = conversation.dress(asked, context, credential);
    const { method } = client.head;
    const { target, body } = understood;
    const { authority } = settings;
    const signed = credential.sign({ method, target, authority, fields: sent, body });
    this.#fields = answerContext(this.#parts, masks, signed.secrets);
    if (!this.#isRepeated) this.#observeHead(command, 'in', null, false, shown);
    const sending = this.#bodyOf(command);
    const { bytes: bodyBytes, expectsContinue } = sending;
    const request: UpstreamRequest = { method, target, authority, fields: signed.fields, bodyBytes, expectsContinue };
    this.#phase = 'sending';
    const handler = this.#handler(command);
    const upstream = this.#flow.perform(command, () => slot.send(request, handler));
    if (upstream === null || this.#isOver) {
      upstream?.abort();
      return;
    }
    this.#upstream = upstream;
    this.#stall.begin();
    sending.send();
  }

  #bodyOf(command: Command): RequestBody {
    const { conversation, client, understood, door } = this.#parts;
    if (this.#body !== null) return this.#body;
    const parts: RequestBodyParts = {
      client,
      understood,
      clock: door.clock,
      record: (data) => {
        if (this.#isOver) return;
        conversation.session.observe({ type: 'data', command: command.ordinal, direction: 'in', data });
      },
      forward: (view, of = command) => {
        if (this.#isOver) return true;
        this.#stall.moved();
        return this.#flow.forward(view, of);
      },
      begin: () => this.#upstream?.begin(),
      end: (trailers) => this.#asked(command, trailers),
      isUnwanted: () => this.#isOver || this.#status !== null,
    };
    this.#messages = messagesOf(parts, conversation.session, command, {
      refused: (refusal) => this.#stop(refusal, 'failed', refusal.code),
      failed: (error) => this.#failed(error),
    });
    this.#body = new RequestBody(this.#messages?.parts ?? parts);
    return this.#body;
  }

  /** The request's body has left. */
  #asked(command: Command, sent: readonly Field[]): void {
    if (this.#isOver) return;
    this.#stall.moved();
    const trailers = sent.length === 0 ? [] : passedFields(sent, this.#parts.context);
    if (trailers.length > 0) this.#observeHead(command, 'in', null, true, shownFields(trailers));
    this.#flow.perform(command, () => this.#upstream?.end(trailers));
  }

  #handler(command: Command): UpstreamHandler {
    return {
      proceed: () => this.#body?.proceed(),
      head: (status, fields, bodyless) => {
        try {
          if (!this.#repeats(command, status)) this.#head(command, status, fields, bodyless);
        } catch (error) {
          this.#failed(error);
        }
      },
      data: (view) => {
        this.#stall.moved();
        this.#answer?.push(view);
      },
      end: (trailers) => this.#ended(command, trailers),
      drain: () => this.#flow.upstreamDrained(),
      failed: (error) => this.#failed(error),
    };
  }

  /** A token that the target no longer takes is had anew, and the request sent again, once, where all of it is still there. */
  #repeats(command: Command, status: number): boolean {
    const isRefused = this.#credential?.refused(status) === true;
    if (!isRefused || this.#isRepeated || !this.#parts.understood.body.isWhole) return false;
    this.#isRepeated = true;
    this.#body?.rewind();
    this.#phase = 'connecting';
    this.#stall.end();
    this.#upstream?.abort();
    this.#upstream = null;
    this.#slot?.release();
    this.#slot = null;
    this.#connect(command);
    return true;
  }

  #head(command: Command, status: number, sent: readonly Field[], bodyless: boolean): void {
    this.#phase = 'answering';
    this.#stall.moved();
    this.#status = status;
    const context = this.#fields!;
    const { delivered, recorded } = answerFields(sent, context);
    if (!bodyless) {
      this.#answer = new AnswerBody({
        status,
        fields: sent,
        masks: context.masks,
        secrets: context.secrets,
        messages: this.#parts.understood.rpc?.method.output ?? null,
        deliver: (view, shown) => this.#deliver(command, view, shown),
        end: () => this.#finish(command),
        failed: (error) => this.#failed(error),
        pause: () => this.#upstream?.pause(),
        resume: () => {
          if (!this.#isStalled) this.#upstream?.resume();
        },
      });
    }
    this.#isEndless = this.#parts.understood.isEndless === true || isFeed(sent);
    const changes = this.#answer?.changesLength === true || (bodyless && context.masks !== null);
    const framed = changes || status === 204 ? delivered : withLength(delivered, sent);
    const noted = this.#parts.conversation.dialect.notedFields(command);
    const fields = [...(changes ? withoutLength(framed, context.masks !== null) : framed), ...noted];
    this.#observeHead(command, 'out', status, false, recorded);
    this.#begin = () => {
      this.#begin = null;
      this.#flow.afterDelivered(() => this.#client?.answer(status, fields, bodyless));
    };
    const { rpc } = this.#parts.understood;
    if (this.#answer?.isMasked !== true || (this.#isEndless && rpc === undefined)) this.#begin();
    else this.#parts.door.clock.after(limits.maskedHeadDelayMs, () => this.#begin?.());
  }

  #deliver(command: Command, view: Buffer, shown = view): void {
    if (this.#isOver) return;
    const { session } = this.#parts.conversation;
    const limit = session.spend(command, 0, view.length);
    if (limit !== null) {
      this.limited(limit);
      return;
    }
    this.#begin?.();
    session.observe({ type: 'data', command: command.ordinal, direction: 'out', data: shown });
    this.#bytesOut += view.length;
    this.#stall.moved();
    if (this.#flow.deliver(view)) return;
    this.#isStalled = true;
    this.#answer?.hold();
    this.#upstream?.pause();
  }

  #trailers: readonly Field[] = [];

  #ended(command: Command, trailers: readonly Field[]): void {
    if (this.#isOver) return;
    this.#isStalled = false;
    this.#trailers = trailers;
    if (this.#answer === null) this.#finish(command);
    else {
      this.#stall.moved();
      this.#answer.release();
      this.#answer.end();
    }
  }

  /** The whole answer has been given to the flow. */
  #finish(command: Command): void {
    if (this.#isOver) return;
    this.#begin?.();
    let trailers: readonly Field[] = [];
    if (this.#trailers.length > 0) {
      const { delivered, recorded } = answerFields(this.#trailers, this.#fields!);
      this.#observeHead(command, 'out', null, true, recorded);
      trailers =
        this.#answer?.changesLength === true ? withoutLength(delivered, this.#fields?.masks !== null) : delivered;
    }
    this.#flow.afterDelivered(() => {
      const status = this.#status ?? 0;
      this.#client?.end(trailers);
      if (this.#body?.isSent !== true) this.#upstream?.abort();
      const error = status >= 400 ? String(status) : null;
      this.#complete({ outcome: error === null ? 'completed' : 'failed', tag: String(status), error });
      this.#leave();
    });
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    const known = isGatewayError(error) ? error : null;
    const values = { resource: this.#parts.conversation.session.resource.name };
    if (known === null || known.kind === 'assertion') {
      this.#parts.door.log.error('an exchange failed', { detail: describeError(error) });
    }
    const shown = known === null || known.kind === 'assertion' ? httpErrors('http.upstream-lost', { values }) : known;
    if (shown.code === 'http.upstream-protocol') {
      this.#parts.door.violation('upstream', shown.code, shown.detail ?? '');
    }
    this.#stop(refusalOf(shown), 'failed', shown.code);
  }

  /** Says it where nothing was said yet, and tears the answer where something was. */
  #stop(refusal: Refusal, outcome: CommandResult['outcome'], error: string | null): void {
    if (this.#isOver) return;
    this.#upstream?.abort();
    this.#complete({ outcome, tag: this.#status === null ? null : String(this.#status), error });
    const { session } = this.#parts.conversation;
    this.#say({ ...refusal, session: session.id, command: this.command?.ordinal ?? null });
    this.#leave();
  }

  #say(refusal: Refusal): void {
    const client = this.#client;
    if (client !== null) give(client, this.#parts.conversation.dialect.render(refusal, client.head.fields));
  }

  /** Tells the client to come again. */
  #dismiss(refusal: Refusal): void {
    const { session } = this.#parts.conversation;
    const rule = this.command?.verdict?.rule ?? null;
    this.#say({ ...refusal, rule, session: session.id, command: this.command?.ordinal ?? null });
    this.#client = null;
  }

  /** Nobody comes for it any more, or too many wait already. */
  #giveUp(refusal: Refusal | null): void {
    if (this.#isOver) return;
    if (refusal !== null) this.#say(refusal);
    this.#complete({ outcome: 'withdrawn', tag: null, error: null });
    this.#leave();
  }

  #clientGone(): void {
    if (this.#isOver) return;
    if (this.#phase === 'deciding' && this.#waiting.gone()) {
      this.#client = null;
      return;
    }
    const isPending = this.command?.state === 'pending';
    this.#upstream?.abort();
    this.#complete({ outcome: isPending ? 'withdrawn' : 'unfinished', tag: null, error: null });
    this.#leave();
  }

  #complete(how: Pick<CommandResult, 'outcome' | 'tag' | 'error'>): void {
    const { command } = this;
    if (command === null) return;
    const hits = this.#answer?.hits;
    const masked = hits === undefined || hits.size === 0 ? undefined : Object.fromEntries(hits);
    this.#parts.conversation.session.complete(command, { ...how, rows: 0, bytes: this.#bytesOut, masked });
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#phase = 'over';
    this.#begin = null;
    this.#forget();
    this.#stall.end();
    this.#answer?.destroy();
    this.#messages?.stop();
    this.#slot?.release();
    const { conversation } = this.#parts;
    conversation.leave(this);
    conversation.session.closeFlow(this.#flow);
  }

  get #isOver(): boolean {
    return this.#phase === 'over';
  }
  get #patienceMs(): number {
    if (this.#isStalled) return limits.clientStallMs;
    if (this.#messages?.isWaiting === true) return Number.POSITIVE_INFINITY;
    if (this.#body?.isSent !== true && this.#status === null) return limits.bodyStallMs;
    if (this.#isEndless) return Number.POSITIVE_INFINITY;
    return this.#parts.conversation.settings.answerMs;
  }

  #tooSlow(): void {
    if (this.#isStalled) {
      this.#client?.tear();
      this.#clientGone();
      return;
    }
    const isClient = this.#body?.isSent !== true && this.#status === null && !this.#parts.client.body.isPaused();
    this.#failed(
      isClient
        ? httpErrors('http.too-slow')
        : httpErrors('http.upstream-slow', { values: { resource: this.#parts.conversation.session.resource.name } }),
    );
  }

  #observeHead(
    command: Command,
    direction: 'in' | 'out',
    status: number | null,
    trailers: boolean,
    fields: readonly Field[],
  ): void {
    const { session } = this.#parts.conversation;
    session.observe({ type: 'head', command: command.ordinal, direction, status, trailers, fields });
  }
}
