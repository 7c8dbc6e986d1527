/**
 * Framing of the PostgreSQL protocol, versions 3.0 and 3.2, after the start-up phase: a cursor over messages.
 *
 * | offset | size | field                                        |
 * |--------|------|----------------------------------------------|
 * | 0      | 1    | type                                         |
 * | 1      | 4    | length, unsigned, counts itself and the body |
 * | 5      | …    | body                                         |
 *
 * Invariants:
 * - A length is checked before anything is gathered for it; what is gathered is only what arrived.
 * - Whole messages are views of the chunk they came in; only a message that spans chunks is copied, once.
 * - After an error the reader is dead.
 * - The result does not depend on where chunks were cut: streamed messages aside, which come in parts, one byte at a
 *   time gives the same messages as one chunk.
 *
 * Deliberately absent: what the bodies mean (messages.ts), sockets, state of the conversation.
 * Source: PostgreSQL documentation, chapter 54.7 "Message Formats".
 */

import type { GatewayError } from '../../base/errors.ts';
import { joinBefore, regionOf } from '../../base/regions.ts';
import { postgresErrors } from './errors.ts';
import * as limits from './limits.ts';

/** What may arrive from one side: for each type byte its longest length field, 0 for a type that does not exist. */
export interface MessageTable {
  readonly lengthMax: Float64Array;
  /** Types that are passed on in parts when long. */
  readonly streamed: Uint8Array;
}

function table(rows: readonly [types: string, lengthMax: number][], streamed: string): MessageTable {
  const lengthMax = new Float64Array(256);
  for (const [types, most] of rows) for (const type of types) lengthMax[type.charCodeAt(0)] = most;
  const streams = new Uint8Array(256);
  for (const type of streamed) streams[type.charCodeAt(0)] = 1;
  return { lengthMax, streamed: streams };
}

/** Messages that a client may send. */
export const frontendMessages = table(
  [
    ['QP', limits.sqlMessageBytesMax],
    ['B', limits.bindMessageBytesMax],
    ['CDEFHSXcfp', limits.smallMessageBytesMax],
    ['d', limits.streamedMessageBytesMax],
  ],
  'd',
);

/** Messages that a server may send. */
export const backendMessages = table(
  [
    ['123CIKRSZcnsvVGHW', limits.smallMessageBytesMax],
    ['t', limits.parameterDescriptionBytesMax],
    ['T', limits.rowDescriptionBytesMax],
    ['AEN', limits.textMessageBytesMax],
    ['Dd', limits.streamedMessageBytesMax],
  ],
  'Dd',
);

/** How much of a message the cursor stands on. */
export type Part = 'whole' | 'first' | 'middle' | 'last';

export class MessageReader {
  readonly #table: MessageTable;
  #buffer: Buffer = empty;
  #position = 0;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  /** Where small chunks go; the last of `gathered` while it is being filled. */
  #tail: Buffer = empty;
  #tailBytes = 0;
  #need = 0;
  #streaming = 0;
  #failure: GatewayError | null = null;

  /** The message under the cursor: its type byte. */
  type = 0;
  /** Where it begins in `buffer`: the type byte, or the continuation of a part. */
  start = 0;
  /** One past its last byte in `buffer`. */
  end = 0;
  part: Part = 'whole';
  /** The length field of the message, for parts too: bytes of the whole message less one. */
  length = 0;

  constructor(messages: MessageTable) {
    this.#table = messages;
  }

  /** The bytes that `start` and `end` refer to. Valid until the next `push`. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** Bytes that wait for the rest of their message. */
  get gatheredBytes(): number {
    return this.#gatheredBytes;
  }

  /** True between the parts of a streamed message. */
  get inMessage(): boolean {
    return this.#streaming > 0;
  }

  /** Gives the reader the next chunk; everything before must have been taken with `advance`. The chunk is kept, not copied. */
  push(chunk: Buffer): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#gatheredBytes === 0) {
      this.#buffer = chunk;
      this.#position = 0;
      return;
    }
    const only = this.#gathered[0]!;
    if (this.#gathered.length === 1 && only.length + chunk.length >= this.#need) {
      const joined = joinBefore(only, chunk);
      if (joined !== null) {
        this.#buffer = joined;
        this.#position = 0;
        this.#gathered = [];
        this.#gatheredBytes = 0;
        return;
      }
    }
    this.#keep(regionOf(chunk) === null ? chunk : Buffer.from(chunk));
    this.#gatheredBytes += chunk.length;
    if (this.#gatheredBytes < this.#need) return;
    this.#closeTail();
    this.#buffer = Buffer.concat(this.#gathered, this.#gatheredBytes);
    this.#position = 0;
    this.#gathered = [];
    this.#gatheredBytes = 0;
  }

  /** Moves to the next message or part; false when more bytes are needed. Throws a protocol error, then for ever. */
  advance(): boolean {
    if (this.#failure !== null) throw this.#failure;
    if (this.#gatheredBytes > 0) return false;
    const buffer = this.#buffer;
    const available = buffer.length - this.#position;
    if (available === 0) return false;
    if (this.#streaming > 0) return this.#continue(available);
    if (available < 5) return this.#gather(5);
    const at = this.#position;
    const type = buffer[at]!;
    const length = buffer.readUInt32BE(at + 1);
    const most = this.#table.lengthMax[type]!;
    if (most === 0) throw this.#fail(postgresErrors('postgres.message-type', { detail: `type byte ${type}` }));
    if (length < 4) throw this.#fail(postgresErrors('postgres.message-length', { detail: `length ${length}` }));
    if (length > most) {
      throw this.#fail(
        postgresErrors('postgres.message-too-large', {
          values: { bytes: length, limit: most },
          detail: `type ${type}`,
        }),
      );
    }
    this.type = type;
    this.length = length;
    this.start = at;
    if (available > length) {
      this.end = this.#position = at + 1 + length;
      this.part = 'whole';
      return true;
    }
    if (this.#table.streamed[type] === 1 && length > limits.streamThresholdBytes) {
      this.end = this.#position = buffer.length;
      this.#streaming = length + 1 - available;
      this.part = 'first';
      return true;
    }
    return this.#gather(length + 1);
  }

  #continue(available: number): boolean {
    const take = Math.min(available, this.#streaming);
    this.start = this.#position;
    this.end = this.#position = this.#position + take;
    this.#streaming -= take;
    this.part = this.#streaming === 0 ? 'last' : 'middle';
    return true;
  }

  #gather(need: number): boolean {
    const cut = this.#buffer.subarray(this.#position);
    const rest = regionOf(cut) === null ? cut : Buffer.from(cut);
    this.#gathered = [rest];
    this.#gatheredBytes = rest.length;
    this.#need = need;
    this.#buffer = empty;
    this.#position = 0;
    return false;
  }

  /** A buffer of its own for each byte of a peer that sends single bytes would cost a hundred: small chunks share one. */
  #keep(chunk: Buffer): void {
    if (chunk.length >= limits.smallChunkBytes) {
      this.#closeTail();
      this.#gathered.push(chunk);
      return;
    }
    if (this.#tailBytes + chunk.length > this.#tail.length) {
      const size = Math.min(limits.streamThresholdBytes, Math.max(limits.smallChunkBytes, this.#tail.length * 2));
      this.#closeTail();
      this.#tail = Buffer.allocUnsafeSlow(size);
    }
    this.#tailBytes += chunk.copy(this.#tail, this.#tailBytes);
  }

  #closeTail(): void {
    if (this.#tailBytes > 0) this.#gathered.push(this.#tail.subarray(0, this.#tailBytes));
    this.#tail = empty;
    this.#tailBytes = 0;
  }

  #fail(error: GatewayError): GatewayError {
    this.#failure = error;
    this.#buffer = empty;
    this.#gathered = [];
    return error;
  }
}

const empty = Buffer.alloc(0);
