/**
 * Frames of an agreed WebSocket conversation, both ways: taken apart, recorded, masked, put together anew.
 *
 * Invariants: frames and messages have limits, fragments too (A-HTTP-13); a text is UTF-8; what waits to be whole waits here
 * and nowhere else; pauses of either side reach the other.
 *
 * Deliberately absent: the handshake, sockets (websocket.ts).
 */
import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { HttpMasks } from '../../core/masking.ts';
import type { Command, Flow, Session } from '../../core/session.ts';
import { unmaskable } from './answer-body.ts';
import { httpErrors } from './errors.ts';
import { encodeFrame, type Frame, FrameReader, isControl, type Opcode, opcodes } from './frames.ts';
import * as limits from './limits.ts';
import { withoutPasswords } from './passwords.ts';
import type { Secrets } from './secrets.ts';

export interface WebSocketRelayParts {
  readonly session: Session;
  readonly command: Command;
  readonly flow: Flow;
  readonly clock: Clock;
  readonly masks: HttpMasks | null;
  readonly secrets: Secrets;
  readonly pauseClient: () => void;
  readonly pauseTarget: () => void;
  readonly end: (outcome: 'completed' | 'failed', error: string | null) => void;
  readonly limited: (limit: OutputLimit) => void;
  readonly broke: (side: 'client' | 'upstream', error: unknown) => void;
  /** The client took nothing for too long. */
  readonly stalled: () => void;
}

export class WebSocketRelay {
  readonly #parts: WebSocketRelayParts;
  readonly #client = new FrameReader(true, limits.webSocketFrameBytesMax);
  readonly #target = new FrameReader(false, limits.webSocketFrameBytesMax);
  readonly #asked: Messages;
  readonly #answered: Messages;
  readonly #hits = new Map<string, number>();
  #bytesOut = 0;
  #stall: Timer | null = null;
  #isOver = false;
  #saidGoodbye = { client: false, target: false };

  constructor(parts: WebSocketRelayParts) {
    this.#parts = parts;
    this.#asked = new Messages(limits.webSocketMessageBytesMax);
    this.#answered = new Messages(limits.webSocketFrameBytesMax);
  }

  get counts(): { readonly bytesOut: number; readonly hits: Readonly<Record<string, number>> | undefined } {
    return { bytesOut: this.#bytesOut, hits: this.#hits.size === 0 ? undefined : Object.fromEntries(this.#hits) };
  }

  fromClient(view: Buffer): void {
    try {
      for (const frame of this.#client.push(view)) this.#ask(frame);
    } catch (error) {
      if (!this.#isOver) this.#parts.broke('client', error);
    }
  }

  fromTarget(view: Buffer): void {
    try {
      for (const frame of this.#target.push(view)) this.#answer(frame);
    } catch (error) {
      if (!this.#isOver) this.#parts.broke('upstream', error);
    }
  }

  /** The client takes again. */
  flowing(): void {
    this.#stall?.cancel();
    this.#stall = null;
  }

  destroy(): void {
    this.#isOver = true;
    this.#stall?.cancel();
  }

  #ask(frame: Frame): void {
    if (this.#isOver || this.#saidGoodbye.client) return;
    if (isControl(frame.opcode)) {
      this.#forward(frame);
      if (frame.opcode === opcodes.close) {
        this.#saidGoodbye.client = true;
        this.#perhapsOver();
      }
      return;
    }
    const { opcode } = this.#asked.begin(frame);
    if (opcode === opcodes.binary) {
      this.#record('in', frame.payload);
      this.#asked.pass(frame);
      this.#forward(frame);
      return;
    }
    const message = this.#asked.add(frame);
    if (message === null) return;
    if (!isUtf8(message)) throw httpErrors('http.websocket', { values: { what: 'a text that is no UTF-8' } });
    const text = message.toString('utf8');
    const kept = withoutPasswords(text);
    this.#record('in', kept === text ? message : Buffer.from(kept));
    this.#forward({ fin: true, opcode: opcodes.text, payload: message });
  }

  #forward(frame: Frame): void {
    const { flow, command, pauseClient } = this.#parts;
    if (!flow.forward(encodeFrame(frame, randomBytes(4)), command)) pauseClient();
  }

  #answer(frame: Frame): void {
    if (this.#isOver || this.#saidGoodbye.target) return;
    if (isControl(frame.opcode)) {
      const { secrets } = this.#parts;
      secrets.inBytes(frame.payload);
      this.#deliver(frame);
      if (frame.opcode === opcodes.close) {
        this.#saidGoodbye.target = true;
        this.#perhapsOver();
      }
      return;
    }
    const { masks, secrets } = this.#parts;
    const { opcode } = this.#answered.begin(frame);
    if (masks === null && secrets.isEmpty) {
      this.#answered.pass(frame);
      this.#record('out', frame.payload);
      this.#deliver(frame);
      return;
    }
    const message = this.#answered.add(frame);
    if (message === null) return;
    const payload = this.#masked(message, opcode);
    this.#record('out', payload);
    this.#deliver({ fin: true, opcode, payload });
  }

  #masked(message: Buffer, opcode: Opcode): Buffer {
    const { masks, secrets } = this.#parts;
    if (secrets.inBytes(message)) this.#hit('gateway:credential', 1);
    if (masks === null) return message;
    const mediaType = opcode === opcodes.text ? 'text/plain' : 'application/octet-stream';
    const mask = masks.body({ mediaType, charset: 'utf-8', boundary: null });
    const parts = mask.fault === null ? [mask.push(message)] : [];
    if (mask.fault === null) parts.push(mask.end());
    if (mask.fault !== null) throw unmaskable(mask.fault);
    for (const [rule, count] of mask.hits) this.#hit(rule, count);
    return Buffer.concat(parts);
  }

  #hit(rule: string, count: number): void {
    this.#hits.set(rule, (this.#hits.get(rule) ?? 0) + count);
  }

  #deliver(frame: Frame): void {
    const { flow, session, command, pauseTarget, clock, limited, stalled } = this.#parts;
    const view = encodeFrame(frame, null);
    const limit = session.spend(command, 0, frame.payload.length);
    if (limit !== null) {
      limited(limit);
      return;
    }
    this.#bytesOut += frame.payload.length;
    if (flow.deliver(view)) return;
    pauseTarget();
    this.#stall ??= clock.after(limits.clientStallMs, stalled);
  }

  #record(direction: 'in' | 'out', data: Buffer): void {
    const { session, command } = this.#parts;
    if (data.length > 0) session.observe({ type: 'data', command: command.ordinal, direction, data });
  }

  /** Both sides have said goodbye. */
  #perhapsOver(): void {
    const { client, target } = this.#saidGoodbye;
    if (client && target) this.#parts.flow.afterDelivered(() => this.#parts.end('completed', null));
  }
}

/** Messages of one direction: which fragment belongs to what. */
class Messages {
  readonly #bytesMax: number;
  #opcode: Opcode | null = null;
  #fragments: Buffer[] = [];
  #bytes = 0;
  #count = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Which message the frame belongs to. Throws where there is none, or one already (section 5.4). */
  begin({ opcode }: Frame): { readonly opcode: Opcode } {
    if ((opcode === opcodes.continuation) !== (this.#opcode !== null)) {
      throw httpErrors('http.websocket', { values: { what: 'a fragment out of place' } });
    }
    this.#opcode ??= opcode;
    return { opcode: this.#opcode };
  }

  /** The frame goes on by itself. */
  pass({ fin }: Frame): void {
    if (fin) this.#reset();
  }

  /** The whole message, once the frame completes it. */
  add({ fin, payload }: Frame): Buffer | null {
    this.#bytes += payload.length;
    if (this.#bytes > this.#bytesMax || ++this.#count > limits.webSocketFragmentsMax) {
      throw httpErrors('http.websocket', { values: { what: 'a message that is too long' } });
    }
    this.#fragments.push(payload);
    if (!fin) return null;
    const message = this.#fragments.length === 1 ? this.#fragments[0]! : Buffer.concat(this.#fragments, this.#bytes);
    this.#reset();
    return message;
  }

  #reset(): void {
    this.#opcode = null;
    this.#fragments = [];
    this.#bytes = 0;
    this.#count = 0;
  }
}
