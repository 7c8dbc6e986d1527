/**
 * Messages of gRPC as they are framed in bodies (PROTOCOL-HTTP2, "Length-Prefixed-Message"):
 *
 *     Int8 compressed (0, 1), UInt32BE length, length bytes of the message
 *
 * Invariants: a message is no longer than `grpcMessageBytesMax`, compressed or not; what is compressed otherwise than the head
 * says, or in a way that is not known, is none.
 */
import { gunzipSync, inflateSync } from 'node:zlib';
import { httpErrors } from './errors.ts';
import * as limits from './limits.ts';

export const frameHeadBytes = 5;

export interface GrpcFrame {
  /** With its head, as it came. */
  readonly whole: Buffer;
  readonly isCompressed: boolean;
  readonly payload: Buffer;
}

/** Cuts a body into messages, however it comes. */
export class GrpcFrames {
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** Whether bytes wait for the end of their frame. */
  get isWithin(): boolean {
    return this.#heldBytes > 0;
  }

  /** The view is copied. */
  push(view: Buffer): void {
    this.#held.push(Buffer.from(view));
    this.#heldBytes += view.length;
  }

  /** The next frame that is whole; null: more is needed. Throws at what is no frame, or one that is too long. */
  next(): GrpcFrame | null {
    if (this.#heldBytes < frameHeadBytes) return null;
    if (this.#held[0]!.length < frameHeadBytes) this.#held = [Buffer.concat(this.#held)];
    const [head] = this.#held as [Buffer];
    const length = head.readUInt32BE(1);
    if (head[0]! > 1) throw malformed('a message of gRPC is framed in a way that there is not');
    if (length > limits.grpcMessageBytesMax) {
      throw httpErrors('http.grpc-too-long', { values: { limit: limits.grpcMessageBytesMax } });
    }
    if (this.#heldBytes < frameHeadBytes + length) return null;
    const whole = this.#taken(frameHeadBytes + length);
    return { whole, isCompressed: whole[0] === 1, payload: whole.subarray(frameHeadBytes) };
  }

  /** What waits, as it came. */
  take(): Buffer {
    return this.#taken(this.#heldBytes);
  }

  #taken(size: number): Buffer {
    const parts: Buffer[] = [];
    for (let wanted = size; wanted > 0; ) {
      const first = this.#held[0]!;
      const part = first.subarray(0, wanted);
      parts.push(part);
      if (part.length === first.length) this.#held.shift();
      else this.#held[0] = first.subarray(part.length);
      wanted -= part.length;
    }
    this.#heldBytes -= size;
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }
}

export function malformed(what: string): Error {
  return httpErrors('http.grpc', { values: { what } });
}

/** A message as it is meant. `encoding`: what `grpc-encoding` says, or null. */
export function unfold({ isCompressed, payload }: GrpcFrame, encoding: string | null): Buffer {
  if (!isCompressed) return payload;
  const options = { maxOutputLength: limits.grpcMessageBytesMax };
  try {
    if (encoding === 'gzip') return gunzipSync(payload, options);
    if (encoding === 'deflate') return inflateSync(payload, options);
  } catch (cause) {
    throw httpErrors('http.grpc', { cause, values: { what: 'a message of gRPC cannot be unfolded' } });
  }
  throw malformed('a message of gRPC is compressed in a way that the gateway does not know');
}

/** Framed, not compressed. */
export function frameOf(message: Buffer): Buffer {
  const head = Buffer.alloc(frameHeadBytes);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
