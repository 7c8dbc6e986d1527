/**
 * The messages of an answer of gRPC, one at a time: unfolded, masked, and spelled for the record.
 *
 * Invariants:
 * - A message passes whole or not at all. One that was looked into goes on uncompressed, its length made anew.
 * - What is shown of a message is what the client gets of it.
 * - Where nothing must be looked into, a message that is too long to be held, or no message, passes as it comes.
 *
 * Deliberately absent: trailers (answer-fields.ts), which masks there are.
 */
import type { BodyType, HttpMasks, MessageMask } from '../../core/masking.ts';
import type { MessageType } from '../../core/messages.ts';
import { readMessage } from '../../language/index.ts';
import { frameOf, type GrpcFrame, GrpcFrames, unfold } from './grpc-frames.ts';
import type { Secrets } from './secrets.ts';

export interface GrpcAnswerParts {
  /** What the descriptors say of its messages; null: nothing. */
  readonly type: MessageType | null;
  readonly encoding: string | null;
  readonly mask: MessageMask | null;
  readonly secrets: Secrets;
  /** Why not, where it cannot pass. */
  readonly unmaskable: (what: string) => Error;
}

export interface GrpcPiece {
  readonly bytes: Buffer;
  /** For the record, in place of the bytes. */
  readonly shown: Buffer;
}

export class GrpcAnswer {
  readonly #parts: GrpcAnswerParts;
  readonly #frames = new GrpcFrames();
  readonly #isExamined: boolean;
  /** What comes is no message any more that could be held. */
  #isPassing = false;
  secretHits = 0;

  constructor(parts: GrpcAnswerParts) {
    this.#parts = parts;
    this.#isExamined = parts.mask !== null || !parts.secrets.isEmpty;
  }

  get hits(): ReadonlyMap<string, number> {
    return this.#parts.mask?.hits ?? new Map();
  }

  /** The view is borrowed. */
  push(view: Buffer): GrpcPiece[] {
    if (this.#isPassing) return [{ bytes: view, shown: view }];
    this.#frames.push(view);
    const pieces: GrpcPiece[] = [];
    for (let frame = this.#next(); frame !== null; frame = this.#next()) pieces.push(this.#piece(frame));
    return this.#isPassing ? [...pieces, ...this.#rest()] : pieces;
  }

  #next(): GrpcFrame | null {
    try {
      return this.#frames.next();
    } catch (error) {
      if (this.#isExamined) throw error;
      this.#isPassing = true;
      return null;
    }
  }

  #rest(): GrpcPiece[] {
    const bytes = this.#frames.take();
    return [{ bytes, shown: bytes }];
  }

  end(): GrpcPiece[] {
    if (!this.#frames.isWithin) return [];
    if (this.#isExamined) throw this.#parts.unmaskable('it ends within a message of gRPC');
    return this.#rest();
  }

  #piece(frame: GrpcFrame): GrpcPiece {
    const { type, encoding, mask, secrets, unmaskable } = this.#parts;
    if (!this.#isExamined) return { bytes: frame.whole, shown: this.#shown(frame, encoding) };
    const message = unfold(frame, encoding);
    if (secrets.inBytes(message)) this.secretHits++;
    const masked = mask?.apply(message) ?? message;
    if (mask !== null && mask.fault !== null) throw unmaskable(mask.fault);
    const bytes = frameOf(masked);
    return { bytes, shown: spell(masked, type) ?? bytes };
  }

  #shown(frame: GrpcFrame, encoding: string | null): Buffer {
    try {
      return spell(unfold(frame, encoding), this.#parts.type) ?? frame.whole;
    } catch {
      // It passes as it is, and so it is kept.
      return frame.whole;
    }
  }
}

/** A line of JSON; null where it cannot be read. */
function spell(message: Buffer, type: MessageType | null): Buffer | null {
  if (type === null) return null;
  const reading = readMessage(message, type, { defaults: false });
  return 'unread' in reading ? null : Buffer.from(`${JSON.stringify(reading.value)}\n`);
}

/** Masks for messages of a type, or for messages of which nothing is known, each as a body of its own. */
export function messageMaskOf(masks: HttpMasks, type: MessageType | null, bodyType: BodyType): MessageMask {
  if (type !== null && masks.messages !== undefined) return masks.messages(type);
  const hits = new Map<string, number>();
  let fault: string | null = null;
  return {
    hits,
    get fault() {
      return fault;
    },
    apply: (message) => {
      const mask = masks.body(bodyType);
      const parts: Buffer[] = mask.fault === null ? [Buffer.from(mask.push(message))] : [];
      if (mask.fault === null) parts.push(mask.end());
      fault ??= mask.fault;
      for (const [rule, count] of mask.hits) hits.set(rule, (hits.get(rule) ?? 0) + count);
      return fault === null ? Buffer.concat(parts) : Buffer.alloc(0);
    },
  };
}
