/**
 * The client's side of the relay: messages become Commands or housekeeping, and are read no faster than they can go on.
 *
 *     chunk ─► MessageReader ─► Request ─► Outlet (queue ─► head decided? ─► one write for all that is ready)
 *
 * Invariants:
 * - A message is judged by what it holds before it is put into the queue; what does not decode never gets there.
 * - Reading stops at the bounds of the queue and goes on where it stopped, within a chunk if need be (A-PG-28).
 * - A Bind waits for the Execute that it is for, and shares its fate; where something else follows, it is a command of
 *   its own. So parameters never reach the server before they are on record (I1).
 * - Text that is not valid UTF-8 is refused like a command, journaled, and not forwarded (A-PG-13).
 *
 * Deliberately absent: when a request may go on (outlet.ts), what the server answers (server-side.ts), judging.
 * Source: PostgreSQL documentation, chapters 54.2.3 "Extended Query", 54.7 "Message Formats".
 */
import { isGatewayError } from '../../base/errors.ts';
import { frontendMessages, MessageReader } from './codec.ts';
import { bindDraft, executeDraft, prepareDraft, queryDraft } from './command.ts';
import type { Conversation } from './conversation.ts';
import { denialOfError, denialOfFunctionCall } from './denial.ts';
import { postgresErrors } from './errors.ts';
import * as limits from './limits.ts';
import {
  decodeBind,
  decodeClose,
  decodeCopyFail,
  decodeDescribe,
  decodeEmpty,
  decodeExecute,
  decodeParse,
  decodeQuery,
  encodeTerminate,
} from './messages.ts';
import { Outlet, type OutletHost } from './outlet.ts';
import { Request, type RequestKind } from './request.ts';
import { decodeParameters } from './values.ts';

/** What the client's side needs from the relay. */
export interface ClientSideHost extends OutletHost {
  pauseClient(): void;
  resumeClient(): void;
  /** The client sent something that deserves an entry in the journal but not the end of the session. */
  reportClient(code: string, detail: string): void;
  /** The client left within a message. */
  lost(): void;
  /** Runs `pump` soon, once for many requests, and ends the session when it throws. */
  schedule(): void;
}

export class ClientSide {
  readonly #conversation: Conversation;
  readonly #host: ClientSideHost;
  readonly #reader = new MessageReader(frontendMessages);
  readonly #outlet: Outlet;
  #backlog: Buffer[] = [];
  #paused = false;
  /** The client sends no more. */
  #ending = false;
  /** Nothing more is read: Terminate came, or the end. */
  #closed = false;
  #reading = false;
  /** The reader may hold messages that were not taken yet. */
  #unread = false;
  #scheduled = false;
  /** The last Bind, while it is not known whether its Execute follows. */
  #held: Request | null = null;
  /** Messages read behind it. */
  #behindHeld = 0;

  readonly #decided = (): void => {
    if (this.#reading || this.#outlet.draining || this.#scheduled) return;
    this.#scheduled = true;
    this.#host.schedule();
  };

  constructor(conversation: Conversation, host: ClientSideHost) {
    this.#conversation = conversation;
    this.#host = host;
    this.#outlet = new Outlet(conversation, host);
  }

  /** The queue waits for the client to go on behind a Bind. */
  get holding(): boolean {
    return this.#held !== null;
  }

  /** Bytes from the client. */
  read(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#paused || this.#unread || this.#reading) {
      this.#backlog.push(chunk);
      return;
    }
    this.#push(chunk);
    this.pump();
  }

  /** The client sends no more. What it sent before is still done, as the server would. */
  end(): void {
    if (this.#closed) return;
    // What was read already comes first; `pump` comes back here.
    this.#ending = true;
    if (this.#unread || this.#backlog.length > 0 || this.#reading) return;
    // In the midst of a message nothing can follow but the end of the connection.
    if (this.#reader.inMessage) {
      this.#host.lost();
    } else {
      this.#close(encodeTerminate());
      this.pump();
    }
  }

  /** `forward` may go on. */
  forwardable(): void {
    this.#outlet.upstreamReady();
    this.pump();
  }

  /** `answer` may go on. */
  resumed(): void {
    this.#outlet.clientReady();
    this.pump();
  }

  /** Reads and forwards what is possible now. */
  pump(): void {
    this.#scheduled = false;
    if (this.#reading || this.#outlet.draining) return;
    this.#outlet.drain();
    for (;;) {
      this.#take();
      this.#outlet.drain();
      // Taking stopped at a bound: what was drained may have made room.
      if (this.#unread && !this.#full && !this.#closed && !this.#conversation.session.ended) continue;
      if (this.#unread) break;
      const chunk = this.#backlog.shift();
      if (chunk === undefined) break;
      this.#push(chunk);
    }
    // A Bind cannot wait for what will not be read.
    if (this.#held !== null && this.#full && !this.#conversation.session.ended) this.#releaseHeld();
    this.#regulate();
    if (this.#ending && !this.#unread && !this.#closed && !this.#conversation.session.ended) this.end();
    // A-REV-07: who has said goodbye is not there when it is decided, and nothing runs unattended.
    if (this.#closed && !this.#conversation.session.ended && this.#outlet.waitsForReview) this.#host.lost();
  }

  /** Withdraws the command that waits at the front while the server does nothing. False: nothing waits. */
  cancelWaiting(): boolean {
    const withdrawn = this.#outlet.cancelWaiting();
    if (withdrawn) this.pump();
    return withdrawn;
  }

  /** The client is gone: nothing more is read, and what was not forwarded never will be. */
  abandon(): void {
    this.#closed = true;
    this.#backlog = [];
    this.#held = null;
    this.#outlet.abandon();
  }

  // --- From bytes to requests -----------------------------------------------------------------------------------

  /** Reading must stop. A Bind may fill the queue by itself: its Describe and Execute are still read. */
  get #full(): boolean {
    if (this.#conversation.context?.waiting === true) return true;
    return this.#outlet.full && (this.#held === null || this.#behindHeld >= limits.readBehindBindMax);
  }

  #regulate(): void {
    const full = this.#full && !this.#closed;
    if (full === this.#paused) return;
    this.#paused = full;
    if (full) this.#host.pauseClient();
    else this.#host.resumeClient();
  }

  #push(chunk: Buffer): void {
    this.#reader.push(chunk);
    this.#unread = true;
  }

  /** Turns what was read into requests, until there is no more of it or no room for more. */
  #take(): void {
    const reader = this.#reader;
    this.#reading = true;
    try {
      while (this.#unread && !this.#full && !this.#closed && !this.#conversation.session.ended) {
        if (this.#conversation.context?.waits() === true) break;
        if (!reader.advance()) this.#unread = false;
        else if (reader.type === 0x64) this.#takeCopyData();
        else this.#takeMessage(kindOf(reader.type));
      }
    } finally {
      this.#reading = false;
    }
  }

  #takeMessage(kind: RequestKind): void {
    const reader = this.#reader;
    if (kind !== 'execute' && kind !== 'describe') this.#releaseHeld();
    this.#behindHeld++;
    const request = new Request(kind, reader.buffer, reader.start, reader.end);
    try {
      this.#read(request);
    } catch (error) {
      if (!this.#conversation.session.ended) this.#releaseHeld();
      // A-PG-13: text that is not what it seems is refused like a command; the stream itself is sound.
      if (!isGatewayError(error) || (error.code !== 'postgres.text-invalid' && error.kind !== 'operation')) throw error;
      if (this.#conversation.session.ended) throw error;
      request.denial = denialOfError(error);
      // What was refused is no command, so it is told in this way that it was tried.
      if (error.code === 'postgres.password-text-too-long') this.#host.reportClient(error.code, error.publicMessage);
      if (error.code === 'postgres.text-invalid') {
        const { buffer, start, end } = reader;
        const shown = buffer.toString('hex', start, Math.min(end, start + limits.violationBytesShown));
        this.#host.reportClient(error.code, `${error.detail ?? ''}; ${end - start} bytes: ${shown}`);
      }
    }
    this.#outlet.put(request);
  }

  /** Opens a message: names, texts, Commands. */
  #read(request: Request): void {
    const reader = this.#reader;
    const { statements, context } = this.#conversation;
    switch (request.kind) {
      case 'query': {
        statements.nextSegment();
        this.#submit(request, queryDraft(decodeQuery(reader), context));
        return;
      }
      case 'parse': {
        const { statement, text, parameterTypes } = decodeParse(reader);
        const strings = context?.standardConformingStrings ?? false;
        context?.nameTaken('statement', statement);
        request.statement = statements.propose(statement, text, parameterTypes, strings);
        if (request.statement === null) throw postgresErrors('postgres.too-many-statements');
        context?.parsed(request.statement);
        this.#submit(request, prepareDraft(text, parameterTypes, context));
        request.statement.ordinal = request.command!.ordinal;
        return;
      }
      case 'bind': {
        const bind = decodeBind(reader);
        const types = statements.find(bind.statement)?.parameterTypes ?? [];
        const parameters = decodeParameters(bind, types);
        const { portal, statement, resultFormats } = bind;
        request.portal = statements.bind(portal, statement, parameters, resultFormats, context?.now);
        context?.nameTaken('portal', portal);
        if (request.portal === null) throw postgresErrors('postgres.too-many-statements');
        this.#held = request;
        this.#behindHeld = 0;
        return;
      }
      case 'execute': {
        const { portal: name, rowsMax } = decodeExecute(reader);
        request.portal = statements.portal(name);
        const bind = this.#held !== null && this.#held.portal === request.portal ? this.#held : null;
        if (bind !== null) bind.coveredBy = request;
        else this.#releaseHeld();
        this.#held = null;
        this.#submit(request, executeDraft(name, request.portal, bind, rowsMax, context));
        return;
      }
      case 'describe': {
        const { target, name } = decodeDescribe(reader);
        if (target === 'statement') request.statement = statements.find(name);
        else request.portal = statements.portal(name);
        return;
      }
      case 'close':
        request.closes = decodeClose(reader);
        context?.nameTaken(request.closes.target, request.closes.name);
        if (request.closes.target === 'portal') statements.closePortal(request.closes.name);
        return;
      case 'function':
        statements.nextSegment();
        this.#host.reportClient('postgres.function-call', 'FunctionCall was refused');
        request.denial = denialOfFunctionCall();
        return;
      case 'copy-end':
        if (reader.type === 0x66) decodeCopyFail(reader);
        else decodeEmpty(reader);
        return;
      case 'sync':
        decodeEmpty(reader);
        statements.nextSegment();
        return;
      case 'terminate':
        decodeEmpty(reader);
        this.#closed = true;
        return;
      default:
        decodeEmpty(reader);
    }
  }

  #submit(request: Request, draft: Parameters<Conversation['session']['submit']>[0]): void {
    const { context } = this.#conversation;
    if (context !== null) {
      request.context = context;
      request.changes = context.changes;
    }
    this.#conversation.openCommands++;
    try {
      request.command = this.#conversation.session.submit(draft, this.#decided, this.#conversation.mayHoldLocks);
    } catch (error) {
      this.#conversation.openCommands--;
      throw error;
    }
    if (request.command.judgement?.hold != null) {
      request.wasHeld = true;
      this.#conversation.waitingForReview++;
    }
    if (request.kind !== 'parse') this.#conversation.context?.submitted(draft.meaning, request.portal);
  }

  /** The Bind that waited for its Execute becomes a command of its own. */
  #releaseHeld(): void {
    const held = this.#held;
    this.#held = null;
    if (held?.portal != null) this.#submit(held, bindDraft(held.portal, held, this.#conversation.context));
  }

  /** CopyData: a run of whole messages is one request; parts of a long one are requests of their own. */
  #takeCopyData(): void {
    this.#releaseHeld();
    const { buffer, start, end, part } = this.#reader;
    const last = this.#outlet.last;
    if (part === 'middle' || part === 'last') {
      const request = new Request('copy', buffer, start, end);
      request.continued = end - start;
      this.#outlet.put(request);
    } else if (last?.kind === 'copy' && last.continued === 0 && last.buffer === buffer && last.end === start) {
      this.#outlet.extendLast(last, end);
    } else {
      this.#outlet.put(new Request('copy', buffer, start, end));
    }
  }

  #close(terminate: Buffer): void {
    this.#releaseHeld();
    this.#closed = true;
    this.#outlet.put(new Request('terminate', terminate, 0, terminate.length));
  }
}

/** The kind of a message of the client by its type byte. Throws for those that have no place in a session. */
function kindOf(type: number): RequestKind {
  switch (type) {
    case 0x51:
      return 'query';
    case 0x50:
      return 'parse';
    case 0x42:
      return 'bind';
    case 0x44:
      return 'describe';
    case 0x45:
      return 'execute';
    case 0x43:
      return 'close';
    case 0x53:
      return 'sync';
    case 0x48:
      return 'flush';
    case 0x63:
    case 0x66:
      return 'copy-end';
    case 0x46:
      return 'function';
    case 0x58:
      return 'terminate';
    default:
      // A password message, above all: authentication is over (I5).
      throw postgresErrors('postgres.unexpected-message', { detail: `type byte ${type} in a session` });
  }
}
