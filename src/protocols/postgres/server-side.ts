/**
 * The server's side of the relay: output is attributed to the command it answers, masked, recorded, and delivered.
 *
 * Invariants:
 * - What is not to be changed is delivered as views of the chunk it came in, one write for a chunk.
 * - Everything is masked and recorded before it is delivered: rows, COPY data (output-content.ts), messages.
 * - A command that passed a limit is stopped: the server is asked to cancel it, what it still says is swallowed, and an
 *   error stands in its place. The conversation stays as the server has it, and its ReadyForQuery tells the truth.
 * - An answer that nobody asked for is a violation of the upstream and ends the session; so does a flood of what it may
 *   send unasked (A-PG-27).
 * - client_encoding stays UTF8: else what is judged would not be what is run (A-PG-12).
 *
 * Deliberately absent: rows and what is done to them (output-content.ts), what values mean (values.ts).
 * Source: PostgreSQL documentation, chapters 54.2.2 to 54.2.7.
 */
import type { OutputLimit } from '../../core/judgement.ts';
import type { Column } from '../../core/recording.ts';
import type { Command } from '../../core/session.ts';
import type { MessageView } from './body.ts';
import { backendMessages, MessageReader } from './codec.ts';
import { deallocates } from './command.ts';
import type { Conversation } from './conversation.ts';
import { postgresErrors } from './errors.ts';
import * as limits from './limits.ts';
import { MessagePlans, maskMessage } from './mask-message.ts';
import type { OriginOf } from './mask-plan.ts';
import {
  decodeCommandComplete,
  decodeCopyResponse,
  decodeErrorResponse,
  decodeNoticeResponse,
  decodeNotificationResponse,
  decodeParameterDescription,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeRowDescription,
  encodeCopyFail,
  encodeSync,
  type Field,
} from './messages.ts';
import { type CommandOutput, outputOf } from './output-command.ts';
import { type ContentHost, copyData, dataRow, OutputContent } from './output-content.ts';
import { isAnswer, Stop } from './output-stop.ts';
import { OutputViews } from './output-views.ts';
import { Request } from './request.ts';

/** What the server's side needs from the relay. */
export interface ServerSideHost {
  /** Passes output on; false: no more until `resume`. */
  deliver(view: Buffer): boolean;
  /** The server changed client_encoding. */
  encodingChanged(value: string): void;
  /** Cancels what the server is doing for this session. */
  stopRunning(): void;
  /** The base column that a RowDescription points at. Absent: nothing is known of any. */
  originOf?: OriginOf;
}

const rowDescription = 0x54;
const errorResponse = 0x45;
const readyForQuery = 0x5a;

export class ServerSide implements ContentHost {
  readonly #conversation: Conversation;
  readonly #host: ServerSideHost;
  readonly #reader = new MessageReader(backendMessages);
  readonly #views = new OutputViews();
  readonly #content: OutputContent;
  readonly #plans = new MessagePlans();
  readonly #originOf: OriginOf | null;
  /** While a command is being stopped. */
  #stop: Stop | null = null;
  /** Commands that ran out of time before the server answered them. */
  readonly #overdue = new Map<Command, OutputLimit>();

  #noticeBytes = 0;
  #parameterChanges = 0;
  /** A part of a message was delivered and the rest was not: nothing of our own may be written. */
  midMessage = false;
  /** SQLSTATE of the FATAL error that the server took its leave with. */
  fatal: string | null = null;

  constructor(conversation: Conversation, host: ServerSideHost) {
    this.#conversation = conversation;
    this.#host = host;
    this.#originOf = host.originOf?.bind(host) ?? null;
    this.#content = new OutputContent(conversation, this.#reader, this.#views, this);
    conversation.session.onOverdue = (command, limit) => this.#ranOut(command, limit);
  }

  /** No message is half read. */
  get atBoundary(): boolean {
    return !this.#reader.inMessage && this.#reader.gatheredBytes === 0;
  }

  /** Bytes from the server. */
  read(chunk: Buffer): void {
    const reader = this.#reader;
    const { session } = this.#conversation;
    reader.push(chunk);
    this.#views.begin(reader.buffer);
    while (!session.ended && reader.advance()) {
      const { type } = reader;
      if (type === dataRow || type === copyData) this.#content.add();
      else {
        this.#content.flush();
        this.#message(type);
      }
    }
    if (session.ended) return;
    this.#content.flush();
    this.#deliver(this.#views.take());
    this.#stop?.cancelOnce(this.#host);
  }

  #deliver(view: Buffer | null): void {
    if (view === null) return;
    this.midMessage = this.#content.midMessage;
    this.#host.deliver(view);
    this.#content.delivered();
  }

  partsEnded(): void {
    if (this.midMessage) this.#deliver(this.#views.takeSoFar());
  }

  // --- Limits: the command is stopped, and what it still says is swallowed ----------------------------------------------

  stops(): boolean {
    if (this.#overdue.size > 0) this.#checkOverdue(this.#conversation.head);
    return this.#stop !== null;
  }

  exceeded(request: Request, limit: OutputLimit): void {
    if (limit.verdict !== 'terminate') this.#begin(Stop.byLimit(request, limit));
  }

  outputOf(request: Request): CommandOutput | null {
    return outputOf(request, this.#originOf);
  }

  #begin(stop: Stop): void {
    if (this.#stop !== null) return;
    this.#stop = stop;
    stop.request.error = stop.code;
    const command = commandOf(stop.request)?.ordinal ?? null;
    const { code, text } = stop;
    this.#conversation.session.observe({ type: 'message', command, level: 'gateway', code, text, fields: {} });
  }

  /** The command has run longer than a rule allows. */
  #ranOut(command: Command, limit: OutputLimit): void {
    const { head, running } = this.#conversation;
    // A Parse whose answer the server keeps back is not what takes the time.
    if (command.draft.verb === 'prepare' || command.draft.verb === 'bind') return;
    if (running === undefined || running.command !== command) this.#overdue.set(command, limit);
    else if (running === head) {
      this.#begin(Stop.byLimit(head, limit));
      this.#stop?.cancelOnce(this.#host);
    } else {
      // The server is at it, and has kept its answers to the Parse and Bind before it.
      this.#overdue.set(command, limit);
      this.#host.stopRunning();
    }
  }

  /** A command that ran out of time while it waited for its turn is stopped when its turn comes. */
  #checkOverdue(head: Request | undefined): void {
    const command = head === undefined ? null : commandOf(head);
    const limit = command === null ? undefined : this.#overdue.get(command);
    if (limit === undefined) return;
    this.#overdue.delete(command!);
    this.#begin(Stop.byLimit(head!.coveredBy ?? head!, limit));
  }

  /** While a command is stopped: what of this message is delivered instead of it. */
  #swallow(type: number, head: Request | undefined): void {
    const stop = this.#stop!;
    const { start, end } = this.#reader;
    if (type === readyForQuery) {
      this.#stop = null;
      if (!stop.isTold) this.#views.replace(start, start, stop.tell());
      this.#views.pass(end);
      return;
    }
    if (!isAnswer(type)) {
      this.#views.pass(end);
      return;
    }
    const isOver = type === errorResponse || (head === stop.request && stop.isOver(type));
    this.#views.replace(start, end, isOver && !stop.isTold ? stop.tell() : null);
    // The server goes on with what is behind an Execute that it finished; the client reads an error, and waits for Sync.
    if (stop.isTold && stop.request.kind !== 'query' && !this.#conversation.syncOwed)
      this.#conversation.skipping = true;
  }

  // --- Everything else ----------------------------------------------------------------------------------------------

  #message(type: number): void {
    const { head } = this.#conversation;
    // A command whose time is up is stopped before anything of it is looked at.
    this.stops();
    const plan = head === undefined ? null : (commandOf(head)?.judgement?.output ?? null);
    if (plan !== null) this.#plans.remember(plan);
    this.#views.pass(this.#reader.end);
    this.#meaning(type, head);
    if (this.#stop !== null) this.#swallow(type, head);
  }

  /** What a message means for the conversation. What is not replaced passes. */
  #meaning(type: number, head: Request | undefined): void {
    const conversation = this.#conversation;
    switch (type) {
      case rowDescription:
        this.#rowDescription(head);
        return;
      case 0x43: // CommandComplete
        this.#commandComplete(head);
        return;
      case readyForQuery:
        this.#readyForQuery(head);
        return;
      case 0x31: // ParseComplete
        this.#expect(type, head?.kind === 'parse');
        if (head!.statement !== null) conversation.statements.accept(head!.statement);
        this.#done(head!);
        return;
      case 0x32: // BindComplete
        this.#expect(type, head?.kind === 'bind');
        if (head!.portal !== null) head!.portal.isBound = true;
        this.#done(head!);
        return;
      case 0x33: // CloseComplete
        this.#expect(type, head?.kind === 'close');
        if (head!.closes?.target === 'statement') conversation.statements.close(head!.closes.name);
        if (head!.isOwn) this.#views.replace(this.#reader.start, this.#reader.end, null);
        this.#done(head!);
        return;
      case 0x74: // ParameterDescription
        this.#expect(type, head?.kind === 'describe' && head.portal === null);
        if (head!.statement !== null) head!.statement.parameterTypes = decodeParameterDescription(this.#reader);
        return;
      case 0x6e: // NoData
        this.#expect(type, head?.kind === 'describe');
        this.#done(head!);
        return;
      case 0x73: // PortalSuspended
        this.#expect(type, head?.kind === 'execute');
        this.#done(head!);
        return;
      case 0x49: // EmptyQueryResponse
        this.#expect(type, head?.kind === 'query' || head?.kind === 'execute');
        if (head!.kind === 'execute') this.#done(head!);
        else this.outputOf(head!)?.next();
        return;
      case errorResponse:
        this.#error(head);
        return;
      case 0x4e:
      case 0x41:
        this.#notice(type, head);
        return;
      case 0x53:
        this.#parameterStatus();
        return;
      case 0x47: // CopyInResponse
        this.#expect(type, head?.kind === 'query' || head?.kind === 'execute');
        this.#copyIn(head!);
        return;
      case 0x48: // CopyOutResponse
        this.#expect(type, head?.kind === 'query' || head?.kind === 'execute');
        this.#copyOut(head!);
        return;
      case 0x63: // CopyDone
        this.#expect(type, head?.kind === 'query' || head?.kind === 'execute');
        this.#content.endCopy(head!);
        return;
      default:
        // Authentication, BackendKeyData, CopyBothResponse, FunctionCallResponse: nothing here asks for them (A-PG-27).
        throw this.unexpected(type);
    }
  }

  #done(head: Request): void {
    this.#conversation.answered();
    this.#conversation.settle(head, head.error === null ? 'completed' : 'failed');
  }

  #rowDescription(head: Request | undefined): void {
    const fields = decodeRowDescription(this.#reader);
    const columns = fields.map(columnOf);
    if (head?.kind === 'query') {
      this.outputOf(head)?.describe(fields);
      this.#conversation.session.observe({ type: 'columns', command: head.command!.ordinal, columns });
      return;
    }
    this.#expect(rowDescription, head?.kind === 'describe');
    const described = head!.portal ?? head!.statement;
    if (described !== null) {
      described.columns = columns;
      described.fields = fields;
    }
    this.#done(head!);
  }

  #commandComplete(head: Request | undefined): void {
    this.#expect(0x43, head?.kind === 'query' || head?.kind === 'execute');
    const conversation = this.#conversation;
    const tag = decodeCommandComplete(this.#reader);
    const request = head!;
    if (request.tag === null) request.tag = tag;
    else if (request.tag.length + tag.length < limits.tagCharactersMax) request.tag += `; ${tag}`;
    if (conversation.copyIn === request) conversation.copyIn = null;
    // What SQL deallocates is gone from the table too, where it is certain which.
    if (tag.startsWith('D')) this.#deallocated(tag, request);
    if (request.kind === 'query') {
      this.outputOf(request)?.next();
      return;
    }
    this.#content.recordColumns(request);
    this.#done(request);
  }

  #deallocated(tag: string, request: Request): void {
    const { statements } = this.#conversation;
    if (tag === 'DISCARD ALL' || tag === 'DEALLOCATE ALL') statements.closeAll();
    else if (tag === 'DEALLOCATE') {
      const name = deallocates(request.command?.draft.text ?? '');
      if (name !== null) statements.close(name);
    }
  }

  #readyForQuery(head: Request | undefined): void {
    const conversation = this.#conversation;
    conversation.status = decodeReadyForQuery(this.#reader);
    this.#noticeBytes = 0;
    this.#parameterChanges = 0;
    if (conversation.status === 'I') this.#plans.transactionEnded();
    if (conversation.owed <= 1) this.#overdue.clear();
    this.#expect(readyForQuery, head?.kind === 'query' || head?.kind === 'sync');
    conversation.answered();
    if (conversation.copyIn === head) conversation.copyIn = null;
    conversation.settle(head!, head!.error === null ? 'completed' : 'failed');
    if (conversation.status === 'I' && conversation.queued === 0 && conversation.owed === 0) {
      if (conversation.unsynced === 0) conversation.statements.closePortals();
    }
  }

  #error(head: Request | undefined): void {
    const conversation = this.#conversation;
    const { start, end } = this.#reader;
    const now = this.#masked('E');
    const fields = decodeErrorResponse(now);
    const severity = fields['V'] ?? fields['S'];
    // What the server says of a command that is being stopped is the gateway's word for it.
    const code = this.#stop !== null && !this.#stop.isTold ? this.#stop.code : (fields['C'] ?? 'XX000');
    const denied = head?.kind === 'stand-in' && severity === 'ERROR' ? head.denial : null;
    if (denied !== null) {
      // A-PG-29: the server fails our stand-in exactly where the refused message stood; the client reads the denial.
      this.#views.replace(start, end, denied.view);
    } else {
      if (now !== this.#reader) this.#views.replace(start, end, now.buffer);
      const { M: text = '', ...rest } = fields;
      const command = head?.command?.ordinal ?? null;
      conversation.session.observe({
        type: 'message',
        command,
        level: 'error',
        code: fields['C'] ?? 'XX000',
        text,
        fields: rest,
      });
    }
    if (severity === 'FATAL' || severity === 'PANIC') {
      this.fatal = code;
      // Its leave is not swallowed with what it was asked to stop.
      this.#stop = null;
      if (head !== undefined) head.error = code;
      return;
    }
    conversation.copyIn = null;
    if (head !== undefined) head.output?.endCopy();
    if (head === undefined) conversation.skipping = conversation.unsynced > 0;
    else if (head.kind === 'query') head.error = code;
    // An error of Sync itself (a deferred constraint, say) is followed by its ReadyForQuery.
    else if (head.kind !== 'sync') conversation.failedUntilSync(code);
  }

  /** The message under the cursor as it may be delivered: the reader itself where it passes as it is. */
  #masked(type: 'E' | 'N'): MessageView {
    const { rule } = this.#plans;
    const now = rule === null ? null : maskMessage(type, this.#reader, rule);
    return now === null ? this.#reader : { buffer: now, start: 0, end: now.length };
  }

  #notice(type: number, head: Request | undefined): void {
    const reader = this.#reader;
    this.#noticeBytes += reader.end - reader.start;
    // A listener that is only notified may be so for days.
    const idleNotification = type === 0x41 && head === undefined;
    if (this.#noticeBytes > limits.noticeBytesMax && !idleNotification) throw this.#flood('notices');
    if (type === 0x41) {
      this.#notification();
      return;
    }
    const now = this.#masked('N');
    if (now !== reader) this.#views.replace(reader.start, reader.end, now.buffer);
    const command = head?.command?.ordinal ?? null;
    const { M: text = '', C: code = null, ...fields } = decodeNoticeResponse(now);
    this.#conversation.session.observe({ type: 'message', command, level: 'notice', code, text, fields });
  }

  #notification(): void {
    const reader = this.#reader;
    const now = this.#plans.notification(reader);
    if (now !== null) this.#views.replace(reader.start, reader.end, now);
    const view = now === null ? reader : { buffer: now, start: 0, end: now.length };
    const { processId, channel, payload } = decodeNotificationResponse(view);
    const fields = { channel, processId: String(processId) };
    const { session } = this.#conversation;
    session.observe({ type: 'message', command: null, level: 'notification', code: null, text: payload, fields });
  }

  #parameterStatus(): void {
    if (++this.#parameterChanges > limits.parameterChangesMax) throw this.#flood('ParameterStatus');
    const { parameter, value } = decodeParameterStatus(this.#reader);
    this.#conversation.parameterChanged(parameter, value);
    if (parameter === 'client_encoding' && value !== 'UTF8') this.#host.encodingChanged(value);
  }

  /** COPY … TO STDOUT begins. One that is to be masked and cannot be read is not delivered (A-PG-20). */
  #copyOut(head: Request): void {
    const output = this.outputOf(head);
    if (output === null || this.#stop !== null) return;
    const { standardConformingStrings } = this.#conversation;
    if (output.beginCopy(decodeCopyResponse(this.#reader), standardConformingStrings)) return;
    this.#begin(Stop.byUnreadableCopy(head));
  }

  /** COPY FROM STDIN begins. Messages that are on their way already reach the server as part of it. */
  #copyIn(head: Request): void {
    const conversation = this.#conversation;
    conversation.copyIn = head;
    let ignored = 0;
    for (let next = conversation.second; next !== undefined; next = conversation.second) {
      conversation.takeSecond();
      if (next.kind === 'sync') {
        // "Sync messages are ignored" while COPY takes data: its ReadyForQuery will never come.
        if (head.kind === 'execute') conversation.unsynced++;
        ignored++;
        continue;
      }
      // Anything else fails the COPY, and is swallowed.
      conversation.settle(next, 'withdrawn');
      conversation.copyIn = null;
      break;
    }
    if (this.#stop !== null && conversation.copyIn !== null) this.#refuseCopyIn(ignored);
  }

  /** The client never learns of this COPY, since what stands before it was stopped; so it waits for each Sync it sent. */
  #refuseCopyIn(syncsIgnored: number): void {
    const conversation = this.#conversation;
    const { session } = conversation;
    conversation.copyIn = null;
    session.forwardHousekeeping(encodeCopyFail('stopped by the gateway'), 'CopyFail');
    for (let left = syncsIgnored; left > 0; left--) {
      session.forwardHousekeeping(encodeSync(), 'Sync');
      conversation.owe(new Request('sync', null, 0, 0));
      conversation.unsynced = 0;
    }
  }

  #expect(type: number, holds: boolean): void {
    if (!holds) throw this.unexpected(type);
  }

  unexpected(type: number): Error {
    const kind = this.#conversation.head?.kind ?? 'nothing';
    return this.#violation(`type byte ${type} while the answer to ${kind} was due`);
  }

  #flood(what: string): Error {
    return this.#violation(`too many ${what}`);
  }

  #violation(detail: string): Error {
    const { resource } = this.#conversation.session;
    return postgresErrors('postgres.upstream-protocol', { detail, values: { resource: resource.name } });
  }
}

/** The command that a request is part of: a Bind's is its Execute's. */
function commandOf(request: Request): Command | null {
  return request.command ?? request.coveredBy?.command ?? null;
}

function columnOf(field: Field): Column {
  return { name: field.name, type: String(field.typeOid), format: field.format === 1 ? 'binary' : 'text' };
}
