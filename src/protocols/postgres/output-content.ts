/**
 * Rows and COPY data on their way to the client: attributed, masked, counted against limits, recorded, delivered.
 *
 * Invariants:
 * - Where no rule asks for anything, a run of messages is one view of the chunk it came in, recorded in one entry.
 * - Otherwise each row is masked and counted before any of it is recorded or delivered, one by one, so that it does not
 *   matter how chunks were cut (A-PG-24); what is recorded is what is delivered (I9).
 * - A limit that is passed stops at a row: what stood before it is delivered, nothing of it or behind it.
 * - Rows in parts are gathered up to `maskedRowBytesMax`; beyond, they are masked in the length that they announced.
 *
 * Deliberately absent: what the masks do (mask-row.ts, mask-stream.ts, mask-copy.ts), what follows a stop (server-side.ts).
 */
import type { OutputLimit } from '../../core/judgement.ts';
import type { Column } from '../../core/recording.ts';
import { headerBytes } from './body.ts';
import type { MessageReader } from './codec.ts';
import { bodiesOf } from './content.ts';
import type { Conversation } from './conversation.ts';
import * as limits from './mask-limits.ts';
import type { RunMasker } from './mask-run.ts';
import { RowStream } from './mask-stream.ts';
import { Arena } from './output-arena.ts';
import type { CommandOutput } from './output-command.ts';
import type { OutputViews } from './output-views.ts';
import type { Request } from './request.ts';

export const dataRow = 0x44;
export const copyData = 0x64;

/** What the content needs of the server's side. */
export interface ContentHost {
  /** What is done to what comes back for the request; null: nothing. */
  outputOf(request: Request): CommandOutput | null;
  /** Nothing more of what the server answers is delivered. */
  stops(): boolean;
  /** A limit was passed: from here on the command is being stopped. */
  exceeded(request: Request, limit: OutputLimit): void;
  /** A message that came in parts has ended. What passed so far may be delivered now. */
  partsEnded(): void;
  unexpected(type: number): Error;
}

/** What becomes of the rest of a message that comes in parts. */
type PartMode =
  | { readonly kind: 'pass' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'gather'; readonly bytes: Buffer; length: number }
  | { readonly kind: 'row'; readonly stream: RowStream }
  | { readonly kind: 'copy' };

const pass: PartMode = { kind: 'pass' };
/** What a row says by its length alone cannot be masked piece by piece (A-MSK-04). */
const rowTooLong: OutputLimit = {
  rule: 'gateway:masking',
  verdict: 'block',
  reason:
    'A row with masked values is too long to be masked without telling its length. Select less of it, or leave out ' +
    'what is computed from masked columns.',
  durationMsMax: null,
  spend: () => true,
};
const drop: PartMode = { kind: 'drop' };
const none = Buffer.alloc(0);

export class OutputContent {
  readonly #conversation: Conversation;
  readonly #reader: MessageReader;
  readonly #views: OutputViews;
  readonly #host: ContentHost;
  readonly #arena = new Arena();

  /** Kind of message that is being gathered into one entry of the recording; 0 for none. */
  #type = 0;
  /** The chunk that it lies in: the reader lets go of it at its end. */
  #buffer: Buffer = none;
  #start = 0;
  #end = 0;
  #count = 0;
  /** What is done to these; null: nothing. */
  #output: CommandOutput | null = null;
  /** Through which the whole run goes at its end; null: nothing is done to it, or it goes message by message. */
  #run: RunMasker | null = null;
  /** The run stands in the arena, not in the chunk. */
  #isRewritten = false;
  #part: PartMode = pass;

  constructor(conversation: Conversation, reader: MessageReader, views: OutputViews, host: ContentHost) {
    this.#conversation = conversation;
    this.#reader = reader;
    this.#views = views;
    this.#host = host;
  }

  /** A part of a message was delivered and the rest was not. */
  get midMessage(): boolean {
    return this.#reader.inMessage && (this.#part.kind === 'pass' || this.#part.kind === 'row');
  }

  /** The message under the cursor is DataRow or CopyData. */
  add(): void {
    const reader = this.#reader;
    const { type, start, end, part } = reader;
    if (part === 'middle' || part === 'last') {
      this.#continue(part === 'last');
      return;
    }
    if (this.#type !== type) {
      this.flush();
      if (this.#host.stops()) {
        this.#drop();
        return;
      }
      this.#begin(type, start);
    }
    if (this.#output !== null && (this.#run === null || part === 'first')) {
      this.#carefully(this.#output);
      return;
    }
    this.#end = end;
    // A row in parts counts with its first; the entries that continue it count none.
    if (type === dataRow) this.#count++;
    this.#views.pass(end);
  }

  /** The run is over, or the chunk. */
  flush(): void {
    const type = this.#type;
    if (type === 0) return;
    const buffer = this.#buffer;
    this.#type = 0;
    this.#buffer = none;
    this.#output = null;
    if (this.#run !== null) {
      const run = this.#run;
      this.#run = null;
      this.#isRewritten = this.#end > this.#start && run.mask(buffer, this.#start, this.#end, this.#arena);
    }
    if (!this.#isRewritten) {
      if (this.#end > this.#start) {
        this.#record(type, this.#count, bodiesOf(buffer, this.#start, this.#end));
      }
      return;
    }
    this.#isRewritten = false;
    const view = this.#arena.take();
    if (view.length > 0) this.#record(type, this.#count, bodiesOf(view, 0, view.length));
    this.#views.replace(this.#start, this.#end, view);
  }

  /** What this gave so far has been delivered. */
  delivered(): void {
    this.#arena.release();
  }

  /** CopyDone: what the masks held back goes before it. */
  endCopy(request: Request): void {
    const output = this.#host.outputOf(request);
    const copy = output?.copy ?? null;
    if (output === null || copy === null || this.#host.stops()) return;
    const rest = copy.end();
    output.endCopy();
    if (rest.length === 0) return;
    const limit = this.#limit(request, output, 0, rest.length);
    if (limit !== null) {
      this.#host.exceeded(request, limit);
      return;
    }
    this.#record(copyData, 0, rest);
    this.#views.replace(this.#reader.start, this.#reader.start, copyDataOf(rest));
  }

  #begin(type: number, start: number): void {
    const { head } = this.#conversation;
    if (head === undefined || (head.kind !== 'query' && head.kind !== 'execute')) throw this.#host.unexpected(type);
    if (type === dataRow) this.recordColumns(head);
    const output = this.#host.outputOf(head);
    const masker = type === dataRow ? output?.rows : output?.copy;
    this.#output = output === null || ((masker ?? null) === null && !output.isLimited) ? null : output;
    // What is counted against limits is counted row by row.
    this.#run = type === dataRow && this.#output?.isLimited === false ? (this.#output.rows?.run ?? null) : null;
    this.#type = type;
    this.#buffer = this.#reader.buffer;
    this.#start = this.#end = start;
    this.#count = 0;
  }

  #drop(): void {
    const { start, end, part } = this.#reader;
    if (part === 'first') this.#part = drop;
    this.#views.replace(start, end, null);
  }

  // --- One by one -----------------------------------------------------------------------------------------------------

  #carefully(output: CommandOutput): void {
    const reader = this.#reader;
    const { buffer, type, start, end } = reader;
    if (reader.part === 'first') {
      this.#firstPart(output);
      return;
    }
    const at =
      type === dataRow ? this.#maskRow(output, buffer, start, end) : this.#maskCopy(output, buffer, start, end);
    const bytes = at < 0 ? end - start - headerBytes : Math.max(0, this.#arena.length - at - headerBytes);
    const head = this.#conversation.head!;
    const limit = this.#limit(head, output, 1, bytes);
    if (limit !== null) {
      if (at >= 0) this.#arena.truncate(at);
      this.#stopHere(head, limit);
      return;
    }
    if (this.#conversation.session.ended) return;
    if (at < 0 && this.#isRewritten) this.#arena.copy(buffer, start, end);
    this.#end = end;
    if (type === dataRow) this.#count++;
    this.#views.pass(end);
  }

  /** Where the masked row begins in the arena, or −1 where it stays as it is. */
  #maskRow(output: CommandOutput, buffer: Buffer, start: number, end: number): number {
    return output.rows?.mask(buffer, start, end, this.#arena, () => this.#rewrite(buffer, start)) ?? -1;
  }

  #maskCopy(output: CommandOutput, buffer: Buffer, start: number, end: number): number {
    if (output.copy === null) return -1;
    const data = buffer.subarray(start + headerBytes, end);
    const now = output.copy.push(data);
    if (now === data) return -1;
    this.#rewrite(buffer, start);
    const at = this.#arena.length;
    if (now.length > 0) {
      this.#arena.uint8(copyData);
      this.#arena.int32(now.length + 4);
      this.#arena.copy(now, 0, now.length);
    }
    return at;
  }

  /** From the message at `start` on the run is put together in the arena, with what stood before it. */
  #rewrite(buffer: Buffer, start: number): void {
    if (this.#isRewritten) return;
    this.#isRewritten = true;
    this.#arena.copy(buffer, this.#start, start);
  }

  /** Counts output before it is delivered; the limit that it passes. */
  #limit(request: Request, output: CommandOutput, rows: number, bytes: number): OutputLimit | null {
    return output.isLimited ? this.#conversation.session.spend(request.command!, rows, bytes) : null;
  }

  /** What came before this message goes, nothing of it or behind it. */
  #stopHere(request: Request, limit: OutputLimit): void {
    this.flush();
    this.#host.exceeded(request, limit);
    this.#drop();
  }

  // --- In parts -------------------------------------------------------------------------------------------------------

  /** A message begins that is too long for one chunk. Whether it passes is decided before any of it does. */
  #firstPart(output: CommandOutput): void {
    const reader = this.#reader;
    const { type, start, end, length, buffer } = reader;
    const head = this.#conversation.head!;
    const masker = type === dataRow ? output.rows : output.copy;
    const isGathered = masker !== null && length <= limits.maskedRowBytesMax;
    // A row that is gathered is counted as it will be.
    const limit = isGathered ? null : this.#limit(head, output, 1, length - 4);
    if (limit !== null) {
      this.#stopHere(head, limit);
      return;
    }
    if (masker === null) {
      if (this.#isRewritten) this.#arena.copy(buffer, start, end);
      this.#end = end;
      if (type === dataRow) this.#count++;
      this.#views.pass(end);
      return;
    }
    this.flush();
    if (isGathered) {
      const bytes = Buffer.allocUnsafeSlow(length + 1);
      this.#part = { kind: 'gather', bytes, length: buffer.copy(bytes, 0, start, end) };
      this.#views.replace(start, end, null);
      return;
    }
    if (type === copyData) {
      this.#part = { kind: 'copy' };
      this.#copyPiece(output, buffer.subarray(start + headerBytes, end));
      return;
    }
    if (output.rows!.mustGather) {
      this.#stopHere(head, rowTooLong);
      return;
    }
    const stream = new RowStream(output.rows!, length);
    this.#part = { kind: 'row', stream };
    const now = stream.push(buffer.subarray(start, end));
    this.#record(dataRow, 1, now.subarray(headerBytes));
    this.#views.replace(start, end, now);
  }

  #continue(isLast: boolean): void {
    const { type, start, end, buffer } = this.#reader;
    const piece = buffer.subarray(start, end);
    const part = this.#part;
    // A stop that came in the middle lets a message end that has begun to be delivered.
    const isDropped = part.kind === 'drop' || (this.#host.stops() && (part.kind === 'gather' || part.kind === 'copy'));
    if (isDropped) {
      this.#part = drop;
      this.#views.replace(start, end, null);
    } else if (part.kind === 'pass') {
      this.#record(type, 0, piece);
      this.#views.pass(end);
    } else if (part.kind === 'row') {
      const now = part.stream.push(piece);
      this.#record(dataRow, 0, now);
      this.#views.replace(start, end, now);
    } else if (part.kind === 'copy') {
      this.#copyPiece(this.#host.outputOf(this.#conversation.head!)!, piece);
    } else {
      part.length += piece.copy(part.bytes, part.length);
      this.#views.replace(start, end, null);
      if (isLast) this.#gathered(part.bytes);
    }
    if (!isLast) return;
    this.#part = pass;
    // A limit that ends the session says goodbye at once: not within a message that was delivered in part.
    const { head } = this.#conversation;
    if (head !== undefined && this.#host.outputOf(head)?.isLimited === true) this.#host.partsEnded();
  }

  /** A message that was gathered from its parts is whole; nothing of it has been delivered. */
  #gathered(message: Buffer): void {
    const { type, end } = this.#reader;
    const head = this.#conversation.head!;
    const output = this.#host.outputOf(head)!;
    const arena = this.#arena;
    // It stands by itself: there is no run before it.
    this.#isRewritten = true;
    const at =
      type === dataRow
        ? this.#maskRow(output, message, 0, message.length)
        : this.#maskCopy(output, message, 0, message.length);
    this.#isRewritten = false;
    const rewritten = arena.take();
    const view = at < 0 ? message : rewritten;
    const limit = this.#limit(head, output, 1, Math.max(0, view.length - headerBytes));
    if (limit !== null) {
      this.#host.exceeded(head, limit);
      return;
    }
    if (this.#conversation.session.ended || view.length === 0) return;
    this.#record(type, type === dataRow ? 1 : 0, view.subarray(headerBytes));
    this.#views.replace(end, end, view);
  }

  /** COPY data may be cut into messages at will: each piece becomes one of its own. */
  #copyPiece(output: CommandOutput, piece: Buffer): void {
    const { start, end } = this.#reader;
    const now = output.copy === null ? none : output.copy.push(piece);
    if (now.length > 0) this.#record(copyData, 0, now);
    this.#views.replace(start, end, now.length === 0 ? null : copyDataOf(now));
  }

  // --- The recording --------------------------------------------------------------------------------------------------

  #record(type: number, count: number, data: Buffer): void {
    const { head, session } = this.#conversation;
    if (head === undefined || head.command === null) throw this.#host.unexpected(type);
    const command = head.command.ordinal;
    head.bytes += data.length;
    head.rows += count;
    if (type === dataRow) session.observe({ type: 'rows', command, count, data });
    else session.observe({ type: 'data', command, direction: 'out', data });
  }

  /** An Execute's columns were described before it ran, by portal or by statement. */
  recordColumns(request: Request): void {
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
}

function copyDataOf(data: Buffer): Buffer {
  const message = Buffer.allocUnsafe(data.length + headerBytes);
  message[0] = copyData;
  message.writeInt32BE(data.length + 4, 1);
  data.copy(message, headerBytes);
  return message;
}
