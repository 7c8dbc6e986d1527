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
import type { OutputMask, TerminalMask } from '../../core/masking.ts';
import type { Command, Flow } from '../../core/session.ts';
import type { Conversation } from './conversation.ts';
import * as limits from './limits.ts';
import { MaskedStream, maskedCounts } from './output.ts';
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
  /** False: no program stands behind it that would leave a status, so that the end of output is passed on at once. */
  readonly hasStatus?: boolean;
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
  readonly #streams: readonly [MaskedStream, MaskedStream];
  #leaving: Leaving | null = null;
  #bytesOut = 0;
  #isOver = false;
  #isStopped = false;
  #saidLeaving = false;
  #inputEnded = false;
  /** The output is over, and the client has not been told. */
  #isEndOwed = false;
  /** Set while the end of output waits for what the program leaves behind. */
  #lag: Timer | null = null;

  constructor(parts: ChannelRelayParts) {
    this.#parts = parts;
    const { conversation, client, target } = parts;
    this.#flow = conversation.session.openFlow({
      toUpstream: (view) => target.write(view),
      toClient: (view, lane) => (lane === 0 ? client.write(view) : client.writeStderr(view)),
    });
    this.#flow.onDeliverable = () => {
      if (!this.#streams.some(({ isWorking }) => isWorking)) target.resume();
    };
    this.#flow.onForwardable = () => client.resume();
    const stream = (lane: 0 | 1): MaskedStream =>
      new MaskedStream({
        mask: parts.masks[lane],
        clock: conversation.door.clock,
        deliver: (bytes) => this.#deliver(bytes, lane),
        pause: () => target.pause(),
        resume: () => this.#flow.deliverable(),
      });
    this.#streams = [stream(0), stream(1)];
    // Masks and observers keep views; without them everything is done with when the call is over.
    const [output, errors] = parts.masks;
    target.handle({
      borrows: output === null && errors === null && parts.onOutput === undefined,
      read: (view) => this.#output(view, 0),
      readStderr: (view) => this.#output(view, 1),
      end: () => this.#outputEnded(),
      drain: () => this.#flow.upstreamDrained(),
      request: (request, reply) => {
        if (request.kind === 'exit-status' || request.kind === 'exit-signal') this.#leaves(request);
        reply.reject();
      },
      close: () => this.#targetClosed(),
    });
  }

  /** Takes over the client's channel; requests go to the caller. */
  read(view: Buffer): void {
    const { client, conversation, command, recorded, recordable } = this.#parts;
    // What still comes while the client is being told that it is over has nowhere to go.
    if (this.#isStopped || this.#isOver) return;
    const kept = recordable === undefined ? view : recordable(view);
    if (kept.length > 0) {
      const { ordinal } = command;
      conversation.session.observe({ type: recorded, command: ordinal, direction: 'in', data: kept });
    }
    if (!this.#flow.forward(view, command)) client.pause();
  }

  /** The client will send no more. */
  end(): void {
    this.#inputEnded = true;
    this.#lag?.cancel();
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
      this.#streams[0].resize(columns, rows);
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
    this.#streams[lane].push(view);
  }

  #deliver(view: Buffer, lane: 0 | 1): void {
    if (view.length === 0 || this.#isOver || this.#isStopped) return;
    const { conversation, command, recorded, target } = this.#parts;
    const limit = conversation.session.spend(command, 0, view.length);
    if (limit !== null) {
      this.limited(limit);
      return;
    }
    conversation.session.observe({ type: recorded, command: command.ordinal, direction: 'out', data: view });
    this.#bytesOut += view.length;
    if (!this.#flow.deliver(view, lane)) target.pause();
  }

  /** A limit was passed: nothing more comes out. */
  limited(limit: OutputLimit): void {
    this.stop(`${limit.reason} (rule ${limit.rule})`, 124);
  }

  /**
   * A client whose input has ended closes its channel at the end of output, and takes no exit status afterwards; targets
   * send the status when the program is over, which may outlive its output. So the end waits for it; where input goes on,
   * a moment.
   */
  #outputEnded(): void {
    this.#settleMasks();
    if (this.#leaving !== null || this.#parts.hasStatus === false) {
      this.#sayEnd();
      return;
    }
    this.#isEndOwed = true;
    if (this.#inputEnded) return;
    const { clock } = this.#parts.conversation.door;
    this.#lag = clock.after(limits.statusLagMs, () => this.#sayEnd());
  }

  #leaves(leaving: Leaving): void {
    this.#leaving = leaving;
    if (this.#isEndOwed) this.#sayEnd();
  }

  #sayEnd(): void {
    this.#isEndOwed = false;
    this.#lag?.cancel();
    this.#lag = null;
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
    if (this.#isOver || this.#isStopped) return;
    for (const stream of this.#streams) stream.end();
  }

  #finish(outcome: 'refused' | null = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lag?.cancel();
    for (const stream of this.#streams) stream.drop();
    const { conversation, command } = this.#parts;
    const leaving = this.#leaving;
    const counts = maskedCounts(this.#streams);
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
