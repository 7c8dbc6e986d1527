/**
 * The server's side of the relay: output is attributed to the command it answers, recorded, and delivered.
 *
 * Invariants:
 * - What is not to be changed is delivered as views of the chunk it came in, one write for a chunk.
 * - Everything is recorded before it is delivered: rows, COPY data, messages; in parts where the server's message came
 *   in parts.
 * - An answer that nobody asked for is a violation of the upstream and ends the session; so does a flood of what it may
 *   send unasked (A-PG-27).
 * - client_encoding stays UTF8: else what is judged would not be what is run (A-PG-12).
 *
 * Deliberately absent: what values mean (values.ts), masking.
 * Source: PostgreSQL documentation, chapters 54.2.2 to 54.2.7.
 */
import type { Column } from '../../core/recording.ts';
import { backendMessages, MessageReader } from './codec.ts';
import { deallocates } from './command.ts';
import { bodiesOf } from './content.ts';
import type { Conversation } from './conversation.ts';
import { postgresErrors } from './errors.ts';
import * as limits from './limits.ts';
import {
  decodeCommandComplete,
  decodeErrorResponse,
  decodeNoticeResponse,
  decodeNotificationResponse,
  decodeParameterDescription,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeRowDescription,
  type Field,
} from './messages.ts';
import type { Request } from './request.ts';

/** What the server's side needs from the relay. */
export interface ServerSideHost {
  /** Passes output on; false: no more until `resume`. */
  deliver(view: Buffer): boolean;
  /** The server changed client_encoding. */
  encodingChanged(value: string): void;
}

const rowDescription = 0x54;
const dataRow = 0x44;
const copyData = 0x64;
const none = Buffer.alloc(0);

export class ServerSide {
  readonly #conversation: Conversation;
  readonly #host: ServerSideHost;
  readonly #reader = new MessageReader(backendMessages);

  /** What is being read: the chunk, or the chunk behind what was gathered. The reader lets go of it at its end. */
  #buffer: Buffer = none;
  // What of it will be delivered: whole views, then the run that is still growing.
  #views: Buffer[] = [];
  #runStart = 0;
  #runEnd = 0;

  /** Kind of message that is being gathered into one entry of the recording; 0 for none. */
  #contentType = 0;
  #contentStart = 0;
  #contentEnd = 0;
  #contentCount = 0;

  #noticeBytes = 0;
  #parameterChanges = 0;
  /** A part of a message was delivered and the rest was not: nothing of our own may be written. */
  midMessage = false;
  /** SQLSTATE of the FATAL error that the server took its leave with. */
  fatal: string | null = null;

  constructor(conversation: Conversation, host: ServerSideHost) {
    this.#conversation = conversation;
    this.#host = host;
  }

  /** Bytes from the server. */
  read(chunk: Buffer): void {
    const reader = this.#reader;
    const { session } = this.#conversation;
    reader.push(chunk);
    this.#buffer = reader.buffer;
    this.#runStart = this.#runEnd = 0;
    while (!session.ended && reader.advance()) {
      const { type } = reader;
      if (type === dataRow || type === copyData) this.#content();
      else {
        this.#flushContent();
        if (reader.part === 'whole') this.#message(type);
      }
      this.#runEnd = reader.end;
    }
    if (session.ended) return;
    this.#flushContent();
    this.#deliver();
    this.#buffer = none;
  }

  #deliver(): void {
    const reader = this.#reader;
    if (this.#runEnd > this.#runStart) this.#views.push(this.#buffer.subarray(this.#runStart, this.#runEnd));
    const views = this.#views;
    if (views.length === 0) return;
    this.#views = [];
    this.midMessage = reader.inMessage;
    this.#host.deliver(views.length === 1 ? views[0]! : Buffer.concat(views));
  }

  // --- Rows and COPY data: many, small, and all alike ---------------------------------------------------------------

  #content(): void {
    const reader = this.#reader;
    const { type, start, end, part } = reader;
    if (part === 'middle' || part === 'last') {
      this.#record(type, 0, reader.buffer.subarray(start, end));
      return;
    }
    if (this.#contentType !== type) {
      this.#flushContent();
      const kind = this.#conversation.head?.kind;
      if (kind !== 'query' && kind !== 'execute') throw this.#unexpected(type);
      if (type === dataRow) this.#recordColumns(this.#conversation.head!);
      this.#contentType = type;
      this.#contentStart = start;
      this.#contentCount = 0;
    }
    this.#contentEnd = end;
    // A row in parts counts with its first; the entries that continue it count none.
    if (type === dataRow) this.#contentCount++;
  }

  #flushContent(): void {
    const type = this.#contentType;
    if (type === 0) return;
    this.#contentType = 0;
    this.#record(type, this.#contentCount, bodiesOf(this.#buffer, this.#contentStart, this.#contentEnd));
  }

  #record(type: number, count: number, data: Buffer): void {
    const { head, session } = this.#conversation;
    if (head === undefined || head.command === null) throw this.#unexpected(type);
    const command = head.command.ordinal;
    head.bytes += data.length;
    head.rows += count;
    if (type === dataRow) session.observe({ type: 'rows', command, count, data });
    else session.observe({ type: 'data', command, direction: 'out', data });
  }

  /** An Execute's columns were described before it ran, by portal or by statement. */
  #recordColumns(request: Request): void {
    const { portal, command } = request;
    if (request.columnsSeen || command === null || request.kind !== 'execute') return;
    request.columnsSeen = true;
    const described = portal?.columns ?? portal?.statement?.columns ?? null;
    if (portal === null || described === null) return;
    const { resultFormats } = portal;
    const columns = described.map((column, index) => {
      const format = (resultFormats.length === 1 ? resultFormats[0] : resultFormats[index]) === 1 ? 'binary' : 'text';
      return column.format === format ? column : { ...column, format: format as Column['format'] };
    });
    this.#conversation.session.observe({ type: 'columns', command: command.ordinal, columns });
  }

  // --- Everything else ----------------------------------------------------------------------------------------------

  #message(type: number): void {
    const conversation = this.#conversation;
    const head = conversation.head;
    switch (type) {
      case rowDescription:
        this.#rowDescription(head);
        return;
      case 0x43: // CommandComplete
        this.#commandComplete(head);
        return;
      case 0x5a: // ReadyForQuery
        this.#readyForQuery(head);
        return;
      case 0x31: // ParseComplete
        this.#expect(type, head?.kind === 'parse');
        if (head!.statement !== null) conversation.statements.accept(head!.statement);
        this.#done(head!);
        return;
      case 0x32: // BindComplete
        this.#expect(type, head?.kind === 'bind');
        this.#done(head!);
        return;
      case 0x33: // CloseComplete
        this.#expect(type, head?.kind === 'close');
        if (head!.closes?.target === 'statement') conversation.statements.close(head!.closes.name);
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
        return;
      case 0x45:
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
      case 0x63: // CopyDone
        this.#expect(type, head?.kind === 'query' || head?.kind === 'execute');
        return;
      default:
        // Authentication, BackendKeyData, CopyBothResponse, FunctionCallResponse: nothing here asks for them (A-PG-27).
        throw this.#unexpected(type);
    }
  }

  #done(head: Request): void {
    this.#conversation.answered();
    this.#conversation.settle(head, 'completed');
  }

  #rowDescription(head: Request | undefined): void {
    const columns = decodeRowDescription(this.#reader).map(columnOf);
    if (head?.kind === 'query') {
      this.#conversation.session.observe({ type: 'columns', command: head.command!.ordinal, columns });
      return;
    }
    this.#expect(rowDescription, head?.kind === 'describe');
    if (head!.portal !== null) head!.portal.columns = columns;
    else if (head!.statement !== null) head!.statement.columns = columns;
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
    if (request.kind === 'query') return;
    this.#recordColumns(request);
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
    this.#expect(0x5a, head?.kind === 'query' || head?.kind === 'sync');
    conversation.answered();
    if (conversation.copyIn === head) conversation.copyIn = null;
    conversation.settle(head!, head!.error === null ? 'completed' : 'failed');
    if (conversation.status === 'I' && conversation.queued === 0 && conversation.owed === 0) {
      if (conversation.unsynced === 0) conversation.statements.closePortals();
    }
  }

  #error(head: Request | undefined): void {
    const conversation = this.#conversation;
    const { buffer, start, end } = this.#reader;
    const fields = decodeErrorResponse(this.#reader);
    const code = fields['C'] ?? 'XX000';
    const severity = fields['V'] ?? fields['S'];
    const denied = head?.kind === 'stand-in' && severity === 'ERROR' ? head.denial : null;
    if (denied !== null) {
      // A-PG-29: the server fails our stand-in exactly where the refused message stood; the client reads the denial.
      if (start > this.#runStart) this.#views.push(buffer.subarray(this.#runStart, start));
      this.#views.push(denied.view);
      this.#runStart = end;
    } else {
      const { M: text = '', ...rest } = fields;
      const command = head?.command?.ordinal ?? null;
      conversation.session.observe({ type: 'message', command, level: 'error', code, text, fields: rest });
    }
    if (severity === 'FATAL' || severity === 'PANIC') {
      this.fatal = code;
      if (head !== undefined) head.error = code;
      return;
    }
    conversation.copyIn = null;
    if (head === undefined) conversation.skipping = conversation.unsynced > 0;
    else if (head.kind === 'query') head.error = code;
    // An error of Sync itself (a deferred constraint, say) is followed by its ReadyForQuery.
    else if (head.kind !== 'sync') conversation.failedUntilSync(code);
  }

  #notice(type: number, head: Request | undefined): void {
    const reader = this.#reader;
    this.#noticeBytes += reader.end - reader.start;
    // A listener that is only notified may be so for days.
    const idleNotification = type === 0x41 && head === undefined;
    if (this.#noticeBytes > limits.noticeBytesMax && !idleNotification) throw this.#flood('notices');
    const { session } = this.#conversation;
    const command = head?.command?.ordinal ?? null;
    if (type === 0x41) {
      const { processId, channel, payload } = decodeNotificationResponse(reader);
      const fields = { channel, processId: String(processId) };
      session.observe({ type: 'message', command: null, level: 'notification', code: null, text: payload, fields });
      return;
    }
    const { M: text = '', C: code = null, ...fields } = decodeNoticeResponse(reader);
    session.observe({ type: 'message', command, level: 'notice', code, text, fields });
  }

  #parameterStatus(): void {
    if (++this.#parameterChanges > limits.parameterChangesMax) throw this.#flood('ParameterStatus');
    const { parameter, value } = decodeParameterStatus(this.#reader);
    if (parameter === 'standard_conforming_strings') this.#conversation.standardConformingStrings = value === 'on';
    if (parameter === 'client_encoding' && value !== 'UTF8') this.#host.encodingChanged(value);
  }

  /** COPY FROM STDIN begins. Messages that are on their way already reach the server as part of it. */
  #copyIn(head: Request): void {
    const conversation = this.#conversation;
    conversation.copyIn = head;
    for (let next = conversation.second; next !== undefined; next = conversation.second) {
      conversation.takeSecond();
      if (next.kind === 'sync') {
        // "Sync messages are ignored" while COPY takes data: its ReadyForQuery will never come.
        if (head.kind === 'execute') conversation.unsynced++;
        continue;
      }
      // Anything else fails the COPY, and is swallowed.
      conversation.settle(next, 'withdrawn');
      conversation.copyIn = null;
      return;
    }
  }

  #expect(type: number, holds: boolean): void {
    if (!holds) throw this.#unexpected(type);
  }

  #unexpected(type: number): Error {
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

function columnOf(field: Field): Column {
  return { name: field.name, type: String(field.typeOid), format: field.format === 1 ? 'binary' : 'text' };
}
