/**
 * One channel of the client joined with one at the target, for a command that was released: bytes both ways, what is
 * recorded of them, and how both ends learn of the other's end.
 *
 * Invariants:
 * - What goes to the client is masked, then recorded, then delivered; in that order and whole (I9).
 * - Exit status, end of output and close follow the last byte of output.
 * - Either side's pause reaches the other; nothing is queued here.
 * - The command ends exactly once.
 *
 * Deliberately absent: what the bytes mean (gates and codecs sit in front of it), who may run it.
 */
import type { Timer } from '../../base/clock.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import type { MaskedOutput, OutputMask, TerminalMask } from '../../core/masking.ts';
import type { Command, Flow } from '../../core/session.ts';
import type { Conversation } from './conversation.ts';
import { line } from './say.ts';
import type { SshChannel, SshChannelRequest } from './transport/index.ts';

export interface ChannelRelayParts {
  readonly conversation: Conversation;
  readonly command: Command;
  readonly client: SshChannel;
  readonly target: SshChannel;
  /** `screen`: a terminal, recorded whole; `data`: within the budget. */
  readonly recorded: 'screen' | 'data';
  /** Input is typed at a terminal that may hide it: what of it may be recorded. All of it unless given. */
  readonly recordable?: (input: Buffer) => Buffer;
  /** What masks output and error stream; null: they pass as they are. */
  readonly masks: readonly [TerminalMask | OutputMask | null, OutputMask | null];
  /** Sees what the target says, before masks. */
  readonly onOutput?: (view: Buffer) => void;
  /** Both ends are gone. */
  readonly onOver: () => void;
}

/** What a program left behind. */
type Leaving =
  | { readonly kind: 'exit-status'; readonly code: number }
  | Extract<SshChannelRequest, { kind: 'exit-signal' }>;

export class ChannelRelay {
  readonly #parts: ChannelRelayParts;
  readonly #flow: Flow;
  readonly #timers: [Timer | null, Timer | null] = [null, null];
  #leaving: Leaving | null = null;
  #bytesOut = 0;
  #isOver = false;
  #isStopped = false;
  /** Masks that have work left. */
  #working = 0;
  #saidLeaving = false;

  constructor(parts: ChannelRelayParts) {
    this.#parts = parts;
    const { conversation, client, target } = parts;
    this.#flow = conversation.session.openFlow({
      toUpstream: (view) => target.write(view),
      toClient: (view, lane) => (lane === 0 ? client.write(view) : client.writeStderr(view)),
    });
    this.#flow.onDeliverable = () => {
      if (this.#working === 0) target.resume();
    };
    this.#flow.onForwardable = () => client.resume();
    target.handle({
      read: (view) => this.#output(view, 0),
      readStderr: (view) => this.#output(view, 1),
      end: () => this.#outputEnded(),
      drain: () => this.#flow.upstreamDrained(),
      request: (request, reply) => {
        if (request.kind === 'exit-status' || request.kind === 'exit-signal') this.#leaving = request;
        reply.reject();
      },
      close: () => this.#targetClosed(),
    });
  }

  /** Takes over the client's channel; requests go to the caller. */
  read(view: Buffer): void {
    const { client, conversation, command, recorded, recordable } = this.#parts;
    if (this.#isStopped) return;
    const kept = recordable === undefined ? view : recordable(view);
    if (kept.length > 0) {
      const { ordinal } = command;
      conversation.session.observe({ type: recorded, command: ordinal, direction: 'in', data: kept });
    }
    if (!this.#flow.forward(view, command)) client.pause();
  }

  /** The client will send no more. */
  end(): void {
    this.#flow.performHousekeeping('eof', () => this.#parts.target.eof());
  }

  drain(): void {
    this.#flow.clientDrained();
  }

  /** What carries no command: a changed window, a signal to the program that runs. */
  notify(
    request: Extract<SshChannelRequest, { kind: 'window-change' | 'signal' | 'break' | 'eow@openssh.com' }>,
  ): void {
    const { target, conversation, command } = this.#parts;
    if (request.kind === 'window-change') {
      const { columns, rows } = request;
      const [mask] = this.#parts.masks;
      if (mask !== null && 'resize' in mask) this.#masked(mask.resize({ columns, rows }, this.#nowMs), 0);
      conversation.session.observe({ type: 'terminal', command: command.ordinal, columns, rows, term: null });
    }
    this.#flow.performHousekeeping(request.kind, () => target.notify(request));
  }

  /** The client's channel is gone: what runs at the target loses its other end. */
  clientClosed(): void {
    this.#parts.target.close();
    this.#finish();
  }

  /** Says why, and ends the command at both ends. */
  stop(text: string, exitCode: number): void {
    if (this.#isOver || this.#isStopped) return;
    this.#isStopped = true;
    const { client, target } = this.#parts;
    target.close();
    client.writeStderr(line(text));
    client.notify({ kind: 'exit-status', code: exitCode });
    client.eof();
    client.close();
    this.#finish('refused');
  }

  #output(view: Buffer, lane: 0 | 1): void {
    if (this.#isStopped) return;
    this.#parts.onOutput?.(view);
    const mask = this.#parts.masks[lane];
    if (mask === null) {
      this.#deliver(view, lane);
      return;
    }
    this.#masked(mask.push(view, this.#nowMs), lane);
  }

  get #nowMs(): number {
    return this.#parts.conversation.door.clock.monotonic();
  }

  /** Delivers what a mask lets go, and looks again when the time of what it holds back is over. */
  #masked({ bytes, holdUntilMs }: MaskedOutput, lane: 0 | 1): void {
    this.#timers[lane]?.cancel();
    this.#timers[lane] = null;
    this.#deliver(bytes, lane);
    const mask = this.#parts.masks[lane];
    if (holdUntilMs === null || mask === null || this.#isOver) return;
    const delayMs = holdUntilMs - this.#nowMs;
    // A mask that has work left wants nothing more before it is done.
    if (delayMs <= 0) {
      this.#working++;
      this.#parts.target.pause();
    }
    this.#timers[lane] = this.#parts.conversation.door.clock.after(Math.max(0, delayMs), () => {
      if (delayMs <= 0) this.#working--;
      this.#masked(mask.flush(this.#nowMs), lane);
      if (delayMs <= 0) this.#flow.deliverable();
    });
  }

  #deliver(view: Buffer, lane: 0 | 1): void {
    if (view.length === 0 || this.#isOver || this.#isStopped) return;
    const { conversation, command, recorded, target } = this.#parts;
    const limit = conversation.session.spend(command, 0, view.length);
    if (limit !== null) return this.limited(limit);
    conversation.session.observe({ type: recorded, command: command.ordinal, direction: 'out', data: view });
    this.#bytesOut += view.length;
    if (!this.#flow.deliver(view, lane)) target.pause();
  }

  /** A limit was passed: nothing more comes out. */
  limited(limit: OutputLimit): void {
    this.stop(`${limit.reason} (rule ${limit.rule})`, 124);
  }

  #outputEnded(): void {
    this.#settleMasks();
    this.#flow.afterDelivered(() => {
      this.#sayLeaving();
      this.#parts.client.eof();
    });
  }

  #targetClosed(): void {
    this.#settleMasks();
    this.#flow.afterDelivered(() => {
      this.#sayLeaving();
      this.#parts.client.close();
      this.#finish();
    });
    // Where the session has ended nothing is delivered any more.
    if (this.#parts.conversation.session.ended) this.#finish();
  }

  #sayLeaving(): void {
    const leaving = this.#leaving;
    if (leaving === null || this.#saidLeaving) return;
    this.#saidLeaving = true;
    this.#parts.client.notify(leaving);
  }

  #settleMasks(): void {
    for (const lane of [0, 1] as const) {
      this.#timers[lane]?.cancel();
      this.#timers[lane] = null;
      const mask = this.#parts.masks[lane];
      if (mask !== null && !this.#isOver && !this.#isStopped) this.#deliver(mask.end(), lane);
    }
  }

  #finish(outcome: 'refused' | null = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) timer?.cancel();
    const { conversation, command, masks } = this.#parts;
    const leaving = this.#leaving;
    const counts = countsOf(masks);
    conversation.complete(command, {
      outcome: outcome === 'refused' ? 'failed' : leaving === null ? 'unfinished' : 'completed',
      tag:
        leaving === null ? null : leaving.kind === 'exit-status' ? `exit ${leaving.code}` : `signal ${leaving.signal}`,
      error: null,
      rows: 0,
      bytes: this.#bytesOut,
      ...(counts === undefined ? {} : { masked: counts }),
    });
    conversation.session.closeFlow(this.#flow);
    this.#parts.onOver();
  }
}

/** How many values each Mask changed, over both streams; undefined where none did. */
function countsOf(masks: ChannelRelayParts['masks']): Readonly<Record<string, number>> | undefined {
  const counts: Record<string, number> = {};
  for (const mask of masks) {
    for (const [rule, count] of mask?.hits ?? []) counts[rule] = (counts[rule] ?? 0) + count;
  }
  return Object.keys(counts).length === 0 ? undefined : counts;
}
