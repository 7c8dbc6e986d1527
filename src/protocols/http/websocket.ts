/**
 * A WebSocket conversation (RFC 6455): one command for the handshake, frames of both sides taken apart and put together anew.
 *
 * Invariants:
 * - Nothing of the client's passes before the target has agreed to switch; where it does not, the client's connection ends
 *   (A-HTTP-08). The handshake's head is made by the same functions as every other (A-HTTP-04).
 * - No extension is offered, so that no frame is compressed and all can be looked into (A-HTTP-13).
 * - A text message of the client is recorded whole before any of it goes on. Where something is masked, a message of the
 *   target passes whole, or not at all.
 *
 * Deliberately absent: WebSocket over HTTP/2 (RFC 8441), judging single messages.
 */
import { randomBytes } from 'node:crypto';
import { request as sendRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Timer } from '../../base/clock.ts';
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { PendingReview } from '../../core/review.ts';
import type { Command, Flow, SessionEnding } from '../../core/session.ts';
import { answerContext, masksOf } from './answer-context.ts';
import { answerFields } from './answer-fields.ts';
import { refusalOf } from './answers.ts';
import type { ClientExchange } from './client.ts';
import { type Admitted, assertFraming, type Connection } from './connection.ts';
import { httpErrors } from './errors.ts';
import { checkFields, type Field, fieldsOf, firstOf, rawOf, valuesOf } from './fields.ts';
import { closePayload, encodeFrame, type Frame, opcodes } from './frames.ts';
import { acceptOf, agreementProblem, Handshake, keyProblem } from './handshake.ts';
import type { ScannedRequest } from './head.ts';
import * as limits from './limits.ts';
import { WebSocketRelay } from './websocket-relay.ts';

export class WebSocketExchange {
  command: Command | null = null;
  readonly #connection: Connection;
  readonly #handshake: Handshake;
  #admitted: Admitted | null = null;
  #flow: Flow | null = null;
  #upstream: Duplex | null = null;
  #relay: WebSocketRelay | null = null;
  #timer: Timer | null = null;
  #isOver = false;

  /** Takes over a connection whose client asks to switch. */
  static begin(connection: Connection, request: ScannedRequest, socket: Duplex): void {
    const exchange = new WebSocketExchange(connection, new Handshake(connection, request, socket));
    exchange.#start().catch((error: unknown) => {
      connection.refuse(exchange.#handshake.client, error);
      exchange.#leave();
    });
  }

  private constructor(connection: Connection, handshake: Handshake) {
    this.#connection = connection;
    this.#handshake = handshake;
    handshake.onClosed = () => this.#end('unfinished', null);
  }

  async #start(): Promise<void> {
    const { client } = this.#handshake;
    const { head } = client;
    checkFields(head.fields);
    assertFraming(client);
    assertHandshake(client);
    const admitted = await this.#connection.admit(head);
    if (!('conversation' in admitted)) return this.#handshake.say(admitted);
    if (this.#handshake.isGone) return;
    this.#admitted = admitted;
    const { conversation, passed } = admitted;
    const body = { chunks: [], isWhole: true, reason: null };
    const { session } = conversation;
    const asked = { client, passed, body, resource: session.resource, upgrade: 'websocket' };
    const { draft, target } = conversation.dialect.understand(asked);
    this.#flow = session.openFlow({
      toUpstream: (view) => this.#upstream?.write(view) ?? true,
      toClient: (view) => this.#handshake.socket.write(view),
    });
    conversation.join(this);
    try {
      this.command = session.submit(draft, (command) => this.#decided(command, target));
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  cut({ message, code, reason }: SessionEnding): void {
    this.#refuse(503, code ?? reason, message === '' ? 'The session ended.' : message, null, 'unfinished');
  }

  limited({ rule, reason }: OutputLimit): void {
    this.#refuse(403, 'refused', reason, rule, 'failed');
  }

  /** A handshake is nothing to be repeated byte by byte: it waits as long as it may, and is withdrawn then. */
  held({ link, audience }: PendingReview): void {
    if (this.#isOver || this.#timer !== null) return;
    const { settings } = this.#admitted!.conversation;
    this.#timer = this.#connection.door.clock.after(settings.holdMs, () => {
      const rule = this.command?.verdict?.rule ?? null;
      this.#refuse(503, 'held', `It waited for approval by ${audience} (${link}) for too long.`, rule, 'unfinished');
    });
  }

  #decided(command: Command, target: string): void {
    this.command = command;
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#isOver) return;
    if (command.state === 'released') {
      this.#connect(command, target).catch((error: unknown) => this.#failed(error));
      return;
    }
    const { rule = null, reason = 'The command was refused.' } = command.verdict ?? {};
    this.#refuse(403, 'refused', reason, rule, 'refused');
  }

  async #connect(command: Command, target: string): Promise<void> {
    const { conversation, context, passed } = this.#admitted!;
    const { session, settings, upstreams } = conversation;
    const masks = masksOf(command);
    const credential = await conversation.credential();
    const upstream = await upstreams.connection();
    if (this.#isOver) {
      upstream.destroy();
      return;
    }
    this.#upstream = upstream;
    const { sent, shown } = conversation.dress(passed, context, credential);
    const body = { chunks: [], isWhole: true };
    const { authority } = settings;
    const signed = credential.sign({ method: 'GET', target, authority, fields: sent, body });
    const key = randomBytes(16).toString('base64');
    const fields: Field[] = [
      ['Host', authority],
      ...signed.fields,
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
      ['Sec-WebSocket-Key', key],
    ];
    const { ordinal } = command;
    session.observe({ type: 'head', command: ordinal, direction: 'in', status: null, trailers: false, fields: shown });
    const fieldContext = answerContext({ conversation, context }, masks, signed.secrets);
    const asked = this.#flow!.perform(command, () =>
      sendRequest({
        createConnection: () => upstream,
        method: 'GET',
        path: target,
        headers: rawOf(fields),
        setHost: false,
        setDefaultHeaders: false,
        insecureHTTPParser: false,
        maxHeaderSize: limits.answerHeadBytesMax,
      }),
    );
    if (asked === null) return;
    this.#timer = this.#connection.door.clock.after(settings.answerMs, () => {
      this.#failed(httpErrors('http.upstream-slow', { values: { resource: session.resource.name } }));
    });
    asked.on('error', (error) => this.#failed(error));
    asked.on('response', (response) => {
      const status = response.statusCode ?? 502;
      const { recorded } = answerFields(fieldsOf(response.rawHeaders), fieldContext);
      session.observe({ type: 'head', command: ordinal, direction: 'out', status, trailers: false, fields: recorded });
      response.destroy();
      // The handshake is not repeated; the next one has another token.
      credential.refused(status);
      const detail = `The target did not switch to WebSocket: it answered ${status}.`;
      this.#refuse(status < 400 ? 502 : status, 'http.upstream-protocol', detail, null, 'failed');
    });
    asked.on('upgrade', (response, _socket, first) => {
      const answered = fieldsOf(response.rawHeaders);
      const problem = agreementProblem(answered, key, valuesOf(passed, 'sec-websocket-protocol'));
      if (problem !== null)
        return this.#failed(
          httpErrors('http.upstream-protocol', { detail: problem, values: { resource: session.resource.name } }),
        );
      const { delivered, recorded } = answerFields(answered, fieldContext);
      session.observe({
        type: 'head',
        command: ordinal,
        direction: 'out',
        status: 101,
        trailers: false,
        fields: recorded,
      });
      this.#switch(command, delivered, firstOf(answered, 'sec-websocket-protocol'), first, {
        masks,
        secrets: signed.secrets,
      });
    });
    asked.end();
  }

  #switch(
    command: Command,
    fields: readonly Field[],
    subprotocol: string | null,
    first: Buffer,
    looks: Pick<ConstructorParameters<typeof WebSocketRelay>[0], 'masks' | 'secrets'>,
  ): void {
    if (this.#isOver) return;
    this.#timer?.cancel();
    const upstream = this.#upstream!;
    const flow = this.#flow!;
    const { socket, client } = this.#handshake;
    this.#handshake.switch([
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Accept', acceptOf(firstOf(client.head.fields, 'sec-websocket-key') ?? '')],
      ...(subprotocol === null ? [] : [['Sec-WebSocket-Protocol', subprotocol] as const]),
      ...fields,
    ]);
    const { conversation } = this.#admitted!;
    const relay = new WebSocketRelay({
      ...looks,
      session: conversation.session,
      command,
      flow,
      clock: this.#connection.door.clock,
      pauseClient: () => socket.pause(),
      pauseTarget: () => upstream.pause(),
      end: (outcome, error) => this.#end(outcome, error),
      limited: (limit) => this.limited(limit),
      broke: (side, error) => this.#broke(side, error),
      stalled: () => socket.destroy(),
    });
    this.#relay = relay;
    flow.onForwardable = () => socket.resume();
    flow.onDeliverable = () => {
      relay.flowing();
      upstream.resume();
    };
    socket.on('data', (view: Buffer) => {
      if (!this.#isOver) relay.fromClient(view);
    });
    socket.on('drain', () => flow.clientDrained());
    upstream.on('drain', () => flow.upstreamDrained());
    upstream.on('data', (view: Buffer) => relay.fromTarget(view));
    upstream.on('close', () => {
      // What it said last is on its way.
      flow.afterDelivered(() => this.#end('completed', null));
      this.#end('unfinished', null);
    });
    upstream.on('end', () => upstream.end());
    socket.on('end', () => socket.end());
    if (first.length > 0) relay.fromTarget(first);
    upstream.resume();
  }

  #broke(side: 'client' | 'upstream', error: unknown): void {
    const { door } = this.#connection;
    // A message that may not pass is nobody's breach.
    if (isGatewayError(error) && error.kind === 'denial') {
      this.#refuse(502, error.code, error.publicMessage, null, 'failed');
      return;
    }
    door.violation(side, 'http.websocket', describeError(error));
    this.#goodbye(1002, 'protocol error');
    this.#end('failed', 'http.websocket');
  }

  #failed(error: unknown): void {
    if (this.#isOver) return;
    const values = { resource: this.#admitted?.conversation.session.resource.name ?? '' };
    const known =
      isGatewayError(error) && error.kind !== 'assertion' ? error : httpErrors('http.upstream-lost', { values });
    const { status, code, detail } = refusalOf(known);
    if (known.kind === 'protocol') this.#connection.door.violation('upstream', known.code, known.detail ?? '');
    this.#refuse(status, code, detail, null, 'failed');
  }

  /** Says why not, in the form that the conversation has by now. */
  #refuse(
    status: number,
    code: string,
    detail: string,
    rule: string | null,
    outcome: 'failed' | 'refused' | 'unfinished',
  ): void {
    if (this.#isOver) return;
    if (this.#relay !== null) this.#goodbye(1008, rule === null ? detail : `${detail} (rule ${rule})`);
    else {
      const session = this.#admitted?.conversation.session.id ?? null;
      const command = this.command?.ordinal ?? null;
      const refusal = { status, code, detail, rule, session, command };
      const { fields } = this.#handshake.client.head;
      this.#handshake.say(this.#connection.dialect.render(refusal, fields));
    }
    this.#end(outcome, rule ?? code, false);
  }

  #goodbye(code: number, reason: string): void {
    const frame: Frame = { fin: true, opcode: opcodes.close, payload: closePayload(code, reason) };
    this.#handshake.socket.write(encodeFrame(frame, null));
  }

  /** The command is over; both connections end. `isSilent`: the client has not been told anything. */
  #end(outcome: 'completed' | 'failed' | 'refused' | 'unfinished', error: string | null, isSilent = true): void {
    if (this.#isOver) return;
    const { command, bytesOut, hits } = { command: this.command, bytesOut: 0, hits: undefined, ...this.#relay?.counts };
    const isPending = command?.state === 'pending';
    if (command !== null) {
      this.#admitted!.conversation.session.complete(command, {
        outcome: isPending ? 'withdrawn' : outcome,
        tag: this.#relay === null ? null : '101',
        error,
        rows: 0,
        bytes: bytesOut,
        masked: hits,
      });
    }
    this.#leave();
    const { socket } = this.#handshake;
    if (this.#relay !== null || isSilent) socket.end();
    this.#connection.door.clock.after(limits.goodbyeLingerMs, () => socket.destroy());
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#relay?.destroy();
    this.#upstream?.destroy();
    const conversation = this.#admitted?.conversation;
    conversation?.leave(this);
    if (this.#flow !== null) conversation?.session.closeFlow(this.#flow);
  }
}

function assertHandshake({ head, hasBody }: ClientExchange): void {
  const { method, version, fields } = head;
  const what =
    method !== 'GET' || version !== '1.1'
      ? 'a WebSocket begins with GET of HTTP/1.1'
      : hasBody || firstOf(fields, 'content-length') !== null
        ? 'a WebSocket handshake has no body'
        : keyProblem(fields);
  if (what !== null) throw httpErrors('http.malformed', { values: { what } });
}
