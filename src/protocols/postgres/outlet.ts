/**
 * The queue of a client's requests, and what is done with its head: forward, refuse, drop, or wait.
 *
 * Invariants:
 * - Order is kept: whatever is behind a message that waits, waits too. A Bind waits for its Execute's fate besides.
 * - What is forwarded was a released Command or stands in the list of housekeeping; adjoining messages go out as one
 *   view of the chunk they came in.
 * - CopyData passes only into a COPY that the server has begun; elsewhere it is dropped, as the server would.
 *
 * A refusal leaves the conversation as an error of the server would (A-PG-29). Where the server is quiet, the gateway
 * answers itself. Where earlier answers are owed or a transaction is open, a Describe of a statement that does not exist
 * takes the refused message's place: the server fails it exactly there, skips to Sync, aborts the transaction, and
 * reports its own true status; server-side.ts puts the denial in place of that error.
 *
 * Deliberately absent: reading (client-side.ts), what the server answers (server-side.ts), judging.
 * Source: PostgreSQL documentation, chapters 54.2.3 "Extended Query", 54.2.4 "Pipelining", 54.2.6 "COPY Operations".
 */
import { randomBytes } from 'node:crypto';
import type { Command } from '../../core/session.ts';
import { bodiesOf } from './content.ts';
import type { Conversation } from './conversation.ts';
import { denialOfCancel, denialOfVerdict } from './denial.ts';
import * as limits from './limits.ts';
import {
  encodeClose,
  encodeCopyFail,
  encodeDescribe,
  encodeFlush,
  encodeReadyForQuery,
  encodeSync,
} from './messages.ts';
import { Fifo, housekeepingNames, Request } from './request.ts';

/** What the queue needs from the relay. */
export interface OutletHost {
  /** Sends an answer of the gateway's own; false: no more until `clientReady`. */
  answer(view: Buffer): boolean;
  /** Terminate was forwarded: nothing more will come from this client. */
  departed(): void;
}

type Step = 'forward' | 'deny' | 'drop' | 'wait';

export class Outlet {
  readonly #conversation: Conversation;
  readonly #host: OutletHost;
  readonly #queue = new Fifo<Request>();
  #queuedBytes = 0;
  #draining = false;
  /** `forward` answered false. */
  #upstreamFull = false;
  /** An answer of our own found the client full. */
  #clientFull = false;
  /** A refused message of the extended protocol: everything to Sync is dropped. */
  #discarding = false;
  /** The COPY that the CopyData passing now belongs to, and whether the message that is passing in parts was forwarded. */
  #copying: Request | null = null;
  #partForwarded = false;
  #flushAsked = false;
  readonly #standIn: Buffer;
  readonly #standInAndSync: Buffer;

  // The run of adjoining messages that will be one write.
  #runBuffer: Buffer | null = null;
  #runStart = 0;
  #runEnd = 0;
  #runCommand: Command | null = null;
  #runName = '';

  constructor(conversation: Conversation, host: OutletHost) {
    this.#conversation = conversation;
    this.#host = host;
    // The name cannot be guessed, so no client has prepared it; the server's log shows what it means.
    const name = `refused_by_gateway_${randomBytes(12).toString('hex')}`;
    this.#standIn = encodeDescribe({ target: 'statement', name });
    this.#standInAndSync = Buffer.concat([this.#standIn, encodeSync()]);
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** The request that was put in last, if it still waits. */
  get last(): Request | undefined {
    return this.#queue.last;
  }

  /** No more may be put in: something is at its bound (A-PG-28). */
  get full(): boolean {
    const { owed, openCommands } = this.#conversation;
    return (
      this.#upstreamFull ||
      this.#clientFull ||
      this.#queuedBytes >= limits.queuedBytesMax ||
      this.#queue.length >= limits.queuedMessagesMax ||
      openCommands >= limits.openCommandsMax ||
      owed + this.#queue.length >= limits.openMessagesMax
    );
  }

  put(request: Request): void {
    this.#queue.push(request);
    if (request.kind === 'query' || request.kind === 'execute') this.#conversation.queuedCommands++;
    this.#queuedBytes += request.end - request.start;
    this.#conversation.queued = this.#queue.length;
  }

  /** The last request, a run of CopyData, goes on to `end`. */
  extendLast(last: Request, end: number): void {
    this.#queuedBytes += end - last.end;
    last.end = end;
  }

  /** `forward` may go on. */
  upstreamReady(): void {
    this.#upstreamFull = false;
  }

  /** `answer` may go on. */
  clientReady(): void {
    this.#clientFull = false;
  }

  /** Withdraws the command that waits at the front while the server does nothing. False: nothing waits. */
  cancelWaiting(): boolean {
    if (this.#conversation.executing > 0) return false;
    for (let index = 0; index < this.#queue.length; index++) {
      const request = this.#queue.at(index)!;
      if (request.command?.state !== 'pending') continue;
      request.denial = denialOfCancel();
      this.#conversation.settle(request, 'withdrawn');
      return true;
    }
    return false;
  }

  /** What was not forwarded never will be. */
  abandon(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      this.#conversation.settle(next, 'withdrawn');
    }
    this.#conversation.queued = 0;
    this.#conversation.queuedCommands = 0;
    this.#queuedBytes = 0;
  }

  /** Deals with the requests at the front until one must wait. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let request = this.#queue.first; request !== undefined; request = this.#queue.first) {
        if (this.#upstreamFull || this.#clientFull || this.#conversation.session.ended) break;
        const step = this.#step(request);
        if (step === 'wait') break;
        this.#queue.shift();
        if (request.kind === 'query' || request.kind === 'execute') this.#conversation.queuedCommands--;
        this.#queuedBytes -= request.end - request.start;
        this.#conversation.queued = this.#queue.length;
        if (step === 'forward') this.#forward(request);
        else if (step === 'deny') this.#deny(request);
        else this.#conversation.settle(request, 'withdrawn');
      }
      this.#flushRun();
    } finally {
      this.#draining = false;
    }
  }

  /** What to do with the request at the front. */
  #step(request: Request): Step {
    const conversation = this.#conversation;
    const { kind } = request;
    if (kind === 'copy' || kind === 'copy-end') return this.#stepCopy(request);
    if (kind === 'terminate') return 'forward';
    if (conversation.copyIn !== null) {
      if (kind === 'sync' || kind === 'flush') {
        // The server ignores these within COPY. At the very end it may have failed the COPY already, and then Sync
        // counts: so it waits until either more of the COPY follows or the server has spoken.
        return this.#queue.length > 1 ? 'drop' : 'wait';
      }
      this.#failCopy();
      return 'drop';
    }
    if (this.#discarding || conversation.skipping) return kind === 'sync' ? 'forward' : 'drop';
    if (request.denial !== null) return 'deny';
    const command = commandOf(request);
    // A Bind waits until it is known what it is for.
    if (command === null) return kind === 'bind' ? 'wait' : 'forward';
    if (command.state === 'pending') return 'wait';
    // A Parse locks the relations it names until Sync: it goes no sooner than the held Execute it may be for.
    if (kind === 'parse' && command.state === 'released' && this.#leadsToHeld()) return 'wait';
    if (command.state === 'released') return 'forward';
    const decided = command.verdict === null ? denialOfCancel() : denialOfVerdict(command.verdict);
    request.denial = request.coveredBy?.denial ?? decided;
    return 'deny';
  }

  /** A command in the queue waits for a human. */
  get waitsForReview(): boolean {
    if (this.#conversation.waitingForReview === 0) return false;
    for (let index = 0; index < this.#queue.length; index++) {
      if (isHeld(this.#queue.at(index)!)) return true;
    }
    return false;
  }

  /** An Execute of the same segment waits for a human, and nothing of the segment has been sent. */
  #leadsToHeld(): boolean {
    if (this.#conversation.waitingForReview === 0 || this.#conversation.unsynced > 0) return false;
    for (let index = 1; index < this.#queue.length; index++) {
      const request = this.#queue.at(index)!;
      if (request.kind === 'sync' || request.kind === 'query') return false;
      if (request.kind === 'execute' && isHeld(request)) return true;
    }
    return false;
  }

  #stepCopy(request: Request): Step {
    // The parts of one message share one fate, whatever the server does meanwhile: else the stream would be torn.
    if (request.continued > 0) return this.#partForwarded ? 'forward' : 'drop';
    if (this.#conversation.copyIn !== null) return 'forward';
    this.#partForwarded = false;
    if (this.#conversation.executing === 0) return 'drop';
    // Whether a COPY begins shows in an answer that the server may still be keeping.
    if (this.#conversation.unsynced > 0 && !this.#flushAsked) {
      this.#flushAsked = true;
      this.#flushRun();
      this.#conversation.session.forwardHousekeeping(encodeFlush(), 'Flush');
    }
    return 'wait';
  }

  /** A message that has no place within COPY: the server would fail the COPY and swallow the message, and so it does. */
  #failCopy(): void {
    this.#flushRun();
    this.#conversation.copyIn = null;
    const view = encodeCopyFail('unexpected message during COPY from stdin');
    this.#hold(this.#conversation.session.forwardHousekeeping(view, 'CopyFail'));
  }

  #forward(request: Request): void {
    const conversation = this.#conversation;
    const { buffer, start, end, kind } = request;
    request.buffer = null;
    let command = commandOf(request);
    switch (kind) {
      case 'copy':
        command = this.#passCopyData(request, buffer!);
        break;
      case 'copy-end':
        // The end of a COPY is part of its command.
        command = conversation.copyIn?.command ?? null;
        conversation.copyIn = null;
        // A Flush before it was read as part of the COPY, and ignored.
        this.#flushAsked = false;
        break;
      case 'sync':
        this.#discarding = false;
        conversation.skipping = false;
        conversation.unsynced = 0;
        conversation.owe(request);
        break;
      case 'query':
        conversation.unsynced = 0;
        conversation.owe(request);
        break;
      case 'flush':
      case 'terminate':
        break;
      default:
        this.#flushAsked = false;
        conversation.unsynced++;
        conversation.owe(request);
    }
    this.#extendRun(buffer!, start, end, command, housekeepingNames[kind]);
    if (kind !== 'terminate') return;
    this.#flushRun();
    this.#host.departed();
  }

  #passCopyData(request: Request, buffer: Buffer): Command | null {
    const { start, end, continued } = request;
    if (continued === 0) this.#copying = this.#conversation.copyIn;
    this.#partForwarded = true;
    const copying = this.#copying;
    const command = copying?.command ?? null;
    // A part that ends a message of a COPY that has failed meanwhile: the server drops it, and it has no command.
    if (copying === null || command === null || copying.settled) return null;
    this.#conversation.session.observe({
      type: 'data',
      command: command.ordinal,
      direction: 'in',
      data: continued > 0 ? buffer.subarray(start, end) : bodiesOf(buffer, start, end),
    });
    return command;
  }

  #extendRun(buffer: Buffer, start: number, end: number, command: Command | null, name: string): void {
    if (this.#runBuffer !== buffer || this.#runEnd !== start) {
      this.#flushRun();
      this.#runBuffer = buffer;
      this.#runStart = start;
      this.#runName = name;
    }
    this.#runEnd = end;
    if (command !== null) this.#runCommand = command;
  }

  #flushRun(): void {
    const buffer = this.#runBuffer;
    if (buffer === null) return;
    const command = this.#runCommand;
    this.#runBuffer = null;
    this.#runCommand = null;
    const view = buffer.subarray(this.#runStart, this.#runEnd);
    const { session } = this.#conversation;
    this.#hold(command === null ? session.forwardHousekeeping(view, this.#runName) : session.forward(view, command));
  }

  #hold(flowing: boolean): void {
    if (!flowing) this.#upstreamFull = true;
  }

  // --- Denials --------------------------------------------------------------------------------------------------

  #deny(request: Request): void {
    const conversation = this.#conversation;
    const denial = request.denial!;
    conversation.settle(request, 'withdrawn');
    conversation.session.observe({
      type: 'message',
      command: commandOf(request)?.ordinal ?? null,
      level: 'gateway',
      code: denial.code,
      text: denial.message,
      fields: {},
    });
    const simple = request.kind === 'query' || request.kind === 'function';
    if (!simple) this.#discarding = true;
    this.#flushRun();
    // A Query ends the unnamed statement before anybody looks at its text; so does one that was refused.
    const endsUnnamed = request.kind === 'query' && !conversation.skipping && conversation.statements.has('');
    if (conversation.quiescent && !endsUnnamed) {
      const view = simple ? Buffer.concat([denial.view, encodeReadyForQuery(conversation.status)]) : denial.view;
      if (!this.#host.answer(view)) this.#clientFull = true;
      return;
    }
    if (endsUnnamed) {
      const close = new Request('close', null, 0, 0);
      close.closes = unnamed;
      close.isOwn = true;
      conversation.owe(close);
      this.#hold(conversation.session.forwardHousekeeping(encodeClose(unnamed), 'Close'));
    }
    const standIn = new Request('stand-in', null, 0, 0);
    standIn.denial = denial;
    conversation.owe(standIn);
    if (simple) {
      conversation.owe(new Request('sync', null, 0, 0));
      conversation.unsynced = 0;
    } else {
      conversation.unsynced++;
    }
    const view = simple ? this.#standInAndSync : this.#standIn;
    this.#hold(conversation.session.forwardHousekeeping(view, 'Describe'));
  }
}

const unnamed = { target: 'statement', name: '' } as const;

function isHeld({ command }: Request): boolean {
  return command?.state === 'pending' && command.verdict?.name === 'hold';
}

/** The command that decides whether a request goes on. */
function commandOf(request: Request): Command | null {
  return request.command ?? request.coveredBy?.command ?? null;
}
