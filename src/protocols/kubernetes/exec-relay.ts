/**
 * One exec or attach, joined: the client's end with the target's, for a command that was released; what is recorded of it, and
 * how both learn of the other's end.
 *
 * Invariants:
 * - What goes to the client is masked, then recorded, then delivered, in that order and whole (I9); stdout and stderr alike.
 * - The status follows the last byte of output; the client is told nothing after it.
 * - Either side's pause reaches the other; nothing is queued here.
 * - The command ends exactly once.
 *
 * Deliberately absent: frames and channels (streams/), who may run it, lines of a shell (gated-shell.ts).
 */
import type { Clock } from '../../base/clock.ts';
import { escapeLine } from '../../base/escape.ts';
import type { CommandResult } from '../../core/commands.ts';
import type { OutputLimit } from '../../core/judgement.ts';
import { MaskedStream, maskedCounts } from '../../core/masked-stream.ts';
import type { OutputMask, TerminalMask } from '../../core/masking.ts';
import type { Command, Flow, Session } from '../../core/session.ts';
import type { Leg } from './leg.ts';
import * as limits from './limits.ts';
import {
  type DataChannel,
  type ExecEvents,
  type ExecStatus,
  type ExecStreams,
  exited,
  failed,
  type TerminalSize,
} from './streams/index.ts';

export interface ExecRelayParts {
  readonly session: Session;
  readonly clock: Clock;
  readonly command: Command;
  /** What comes on the input is this command's; absent: it is the exec's. */
  readonly script?: Command | undefined;
  readonly isTerminal: boolean;
  /** What masks output and error stream; null: they pass as they are. */
  readonly masks: readonly [TerminalMask | OutputMask | null, OutputMask | null];
  /** What of the input may be recorded; all of it unless given. */
  readonly recordable?: ((input: Buffer) => Buffer) | undefined;
  /** Sees input and output as they came, before masks. */
  readonly seen?: ((channel: DataChannel, view: Buffer) => void) | undefined;
  readonly resized?: ((size: TerminalSize) => void) | undefined;
  /** The command has ended. */
  readonly over: (result: CommandResult) => void;
  /** The client has been told all there is. */
  readonly closed: () => void;
}

export class ExecRelay {
  readonly #parts: ExecRelayParts;
  readonly #flow: Flow;
  readonly #output: readonly [MaskedStream, MaskedStream];
  #client: Leg<ExecStreams> | null = null;
  #target: Leg<ExecStreams> | null = null;
  #status: ExecStatus | null = null;
  #said: Buffer | null = null;
  #bytesOut = 0;
  #isOver = false;
  #hasSaidGoodbye = false;

  constructor(parts: ExecRelayParts) {
    this.#parts = parts;
    this.#flow = parts.session.openFlow({
      toUpstream: (view) => this.#target?.end.write('stdin', view) ?? true,
      toClient: (view, lane) => this.#client?.end.write(lane === 0 ? 'stdout' : 'stderr', view) ?? true,
    });
    this.#flow.onForwardable = () => this.#client?.resume();
    this.#flow.onDeliverable = () => {
      if (!this.#output.some(({ isWorking }) => isWorking)) this.#target?.resume();
    };
    const stream = (lane: 0 | 1): MaskedStream =>
      new MaskedStream({
        mask: parts.masks[lane],
        clock: parts.clock,
        deliver: (bytes) => this.#deliver(bytes, lane),
        pause: () => this.#target?.pause(),
        resume: () => this.#flow.deliverable(),
      });
    this.#output = [stream(0), stream(1)];
  }

  /** What the client's end tells; `drained` of its transport goes to `clientDrained`. */
  readonly clientEvents: ExecEvents = {
    ready: () => {
      this.#flow.clientDrained();
      if (this.#isOver) this.#goodbye();
    },
    data: (channel, view) => {
      if (channel === 'stdin') this.#input(view);
    },
    ended: (channel) => {
      if (channel === 'stdin') this.#flow.performHousekeeping('eof', () => this.#target?.end.end('stdin'));
    },
    resized: (size) => this.#resize(size),
    status: () => undefined,
    refused: () => undefined,
    over: () => {
      this.clientGone();
      this.#goodbye();
    },
  };

  readonly targetEvents: ExecEvents = {
    ready: () => this.#flow.upstreamDrained(),
    data: (channel, view) => {
      if (this.#isOver || channel === 'stdin') return;
      this.#parts.seen?.(channel, view);
      this.#output[channel === 'stdout' ? 0 : 1].push(view);
    },
    ended: (channel) => {
      if (this.#isOver || channel === 'stdin') return;
      this.#output[channel === 'stdout' ? 0 : 1].end();
      this.#flow.afterDelivered(() => this.#client?.end.end(channel));
    },
    resized: () => undefined,
    status: (status) => {
      this.#status = status;
      this.#settle();
    },
    refused: () => undefined,
    over: (isClean) => {
      this.#settle();
      if (this.#status === null && !isClean) this.#status = failed('the cluster closed the connection early');
      const finish = (): void => this.#finish(this.#status === null ? 'unfinished' : 'completed');
      this.#flow.afterDelivered(finish);
      // Where the session has ended nothing is delivered any more.
      if (this.#parts.session.ended) finish();
    },
  };

  /** A line of the gateway's own, before what the program says. */
  say(text: string): void {
    this.#said = Buffer.from(`sallyport: ${escapeLine(text)}\r\n`);
  }

  /** Both legs stand; bytes flow. `isStarted`: the client's did before. */
  join(client: Leg<ExecStreams>, target: Leg<ExecStreams>, isStarted = false): void {
    this.#client = client;
    this.#target = target;
    if (!isStarted) client.start();
    if (this.#said !== null) client.end.write(this.#parts.isTerminal ? 'stdout' : 'stderr', this.#said);
    target.start();
  }

  clientDrained(): void {
    this.#flow.clientDrained();
  }

  targetDrained(): void {
    this.#flow.upstreamDrained();
  }

  clientGone(): void {
    this.#finish('unfinished');
  }

  targetBroke(): void {
    this.stop('the cluster broke the protocol of its streams', 255, 'failed', 'kubernetes.channels');
  }

  limited({ reason, rule }: OutputLimit): void {
    this.stop(`${reason} (rule ${rule})`, 124, 'failed', rule);
  }

  /** Says why, and ends the command at both ends. */
  stop(text: string, exitCode: number, outcome: 'failed' | 'unfinished', error: string | null): void {
    if (this.#isOver) return;
    const end = this.#client?.end;
    const said = Buffer.from(`sallyport: ${escapeLine(text)}\r\n`);
    end?.write(this.#parts.isTerminal ? 'stdout' : 'stderr', said);
    this.#status = exited(exitCode);
    this.#finish(outcome, error);
  }

  #input(view: Buffer): void {
    if (this.#isOver) return;
    const { session, isTerminal, recordable, seen, script } = this.#parts;
    const command = script ?? this.#parts.command;
    seen?.('stdin', view);
    const kept = recordable === undefined ? view : recordable(view);
    const type = isTerminal ? 'screen' : 'data';
    if (kept.length > 0) session.observe({ type, command: command.ordinal, direction: 'in', data: kept });
    if (!this.#flow.forward(view, command)) this.#client?.pause();
  }

  #resize(size: TerminalSize): void {
    if (this.#isOver) return;
    const { session, command, resized } = this.#parts;
    const { columns, rows } = size;
    this.#output[0].resize(columns, rows);
    resized?.(size);
    session.observe({ type: 'terminal', command: command.ordinal, columns, rows, term: null });
    this.#flow.performHousekeeping('resize', () => this.#target?.end.resize(size));
  }

  #deliver(view: Buffer, lane: 0 | 1): void {
    if (view.length === 0 || this.#isOver) return;
    const { session, command, script, isTerminal } = this.#parts;
    const limit =
      session.spend(command, 0, view.length) ?? (script === undefined ? null : session.spend(script, 0, view.length));
    if (limit !== null) {
      this.limited(limit);
      return;
    }
    const type = isTerminal ? 'screen' : 'data';
    session.observe({ type, command: command.ordinal, direction: 'out', data: view });
    this.#bytesOut += view.length;
    if (!this.#flow.deliver(view, lane)) this.#target?.pause();
  }

  #settle(): void {
    if (this.#isOver) return;
    for (const stream of this.#output) stream.end();
  }

  #finish(outcome: 'completed' | 'failed' | 'unfinished', error: string | null = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stream of this.#output) stream.drop();
    const status = this.#status;
    this.#target?.close();
    const { session, command } = this.#parts;
    const masked = maskedCounts(this.#output);
    const result: CommandResult = {
      outcome,
      tag: status === null || status.exitCode === null ? null : `exit ${status.exitCode}`,
      error: error ?? (status !== null && !status.succeeded && status.exitCode === null ? 'kubernetes.not-run' : null),
      rows: 0,
      bytes: this.#bytesOut,
      ...(masked === undefined ? {} : { masked }),
    };
    session.complete(command, result);
    session.closeFlow(this.#flow);
    this.#parts.over(result);
    // A client by SPDY opens its channels one by one, and may not have come to the last.
    if (this.#client?.end.isReady === true) this.#goodbye();
    else this.#parts.clock.after(limits.readyDeadlineMs, () => this.#goodbye());
  }

  #goodbye(): void {
    if (this.#hasSaidGoodbye) return;
    this.#hasSaidGoodbye = true;
    if (this.#status !== null) this.#client?.end.writeStatus(this.#status);
    this.#client?.close();
    this.#parts.closed();
  }
}
