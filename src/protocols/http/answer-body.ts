/**
 * The body of an answer between the target and the client: codings undone, secrets and masks applied, codings done again.
 *
 * Invariants:
 * - Where nothing is looked for, bytes pass as they are; where nothing is found without a coding, too.
 * - What cannot be looked into does not pass: an unknown coding, a part of a body under a Mask, a text that is not what its
 *   type says (A-HTTP-12).
 */
import { ownedOf } from '../../base/regions.ts';
import type { BodyMask, BodyType, HttpMasks } from '../../core/masking.ts';
import type { MessageType } from '../../core/messages.ts';
import { type Coding, codingsOf, Recoder } from './codings.ts';
import { httpErrors } from './errors.ts';
import { type Field, firstOf, folded, valuesOf } from './fields.ts';
import { isFoldedOtherwise, isGrpc, messageEncodingOf } from './grpc.ts';
import { GrpcAnswer, messageMaskOf } from './grpc-answers.ts';
import * as limits from './limits.ts';
import { SecretStream, type Secrets } from './secrets.ts';

export interface AnswerBodyParts {
  readonly status: number;
  /** As the target sent them. */
  readonly fields: readonly Field[];
  readonly masks: HttpMasks | null;
  readonly secrets: Secrets;
  /** What the descriptors say of messages in it; absent: nothing. */
  readonly messages?: MessageType | null;
  /** `shown`: what is recorded in place of the view. */
  readonly deliver: (view: Buffer, shown?: Buffer) => void;
  readonly end: () => void;
  readonly failed: (error: Error) => void;
  readonly pause: () => void;
  readonly resume: () => void;
}

export class AnswerBody {
  /** The body may get another length than the head says. */
  readonly changesLength: boolean;
  readonly #parts: AnswerBodyParts;
  readonly #mask: BodyMask | null;
  readonly #secrets: SecretStream;
  readonly #recoder: Recoder | null;
  /** Where the body is looked into message by message. */
  readonly #grpc: GrpcAnswer | null;
  #isOver = false;

  /** Throws what the client is told where the body cannot be looked into. */
  constructor(parts: AnswerBodyParts) {
    this.#parts = parts;
    const { masks, secrets, fields, status } = parts;
    if (masks !== null && status === 206) throw unmaskable('it is a part of a body');
    // Of two types a client might take the other one (A-HTTP-12).
    if (masks !== null && valuesOf(fields, 'content-type').length > 1) throw unmaskable('it names two types');
    if (masks !== null && isFoldedOtherwise(fields)) throw unmaskable('its messages are compressed one by one');
    this.#grpc = grpcAnswerOf(parts);
    this.#mask = this.#grpc === null ? (masks?.body(bodyTypeOf(fields)) ?? null) : null;
    this.#secrets = new SecretStream(secrets);
    this.#assertSound();
    const codings = this.#mask === null && secrets.isEmpty ? [] : codingsOf(valuesOf(fields, 'content-encoding'));
    if (codings === null) throw unmaskable('it has a content coding that the gateway does not know');
    this.#recoder = codings.length === 0 ? null : this.#recode(codings);
    this.changesLength = this.#mask !== null || this.#recoder !== null || this.#grpc !== null;
  }

  /** Something of it may be refused yet. */
  get isMasked(): boolean {
    return this.#mask !== null || this.#recoder !== null || this.#grpc !== null;
  }

  /** How often each rule masked something. */
  get hits(): ReadonlyMap<string, number> {
    const hits = new Map(this.#mask?.hits ?? this.#grpc?.hits ?? []);
    const secrets = this.#secrets.hits + (this.#grpc?.secretHits ?? 0);
    if (secrets > 0) hits.set('gateway:credential', secrets);
    return hits;
  }

  push(view: Buffer): void {
    if (this.#isOver) return;
    // Masks and codings keep what they get; secrets copy what they keep.
    if (this.#recoder !== null) this.#recoder.push(ownedOf(view));
    else this.#pass(this.#mask === null ? view : ownedOf(view), false);
  }

  end(): void {
    if (this.#isOver) return;
    if (this.#recoder !== null) this.#recoder.end();
    else if (this.#pass(Buffer.alloc(0), true)) this.#ended();
  }

  hold(): void {
    this.#recoder?.hold();
  }
  release(): void {
    this.#recoder?.release();
  }

  destroy(): void {
    this.#isOver = true;
    this.#recoder?.destroy();
  }

  #ended(): void {
    this.#isOver = true;
    this.#parts.end();
  }

  #pass(view: Buffer, last: boolean): boolean {
    try {
      if (this.#grpc !== null) {
        for (const { bytes, shown } of this.#grpc.push(view)) this.#parts.deliver(bytes, shown);
        if (last) for (const { bytes, shown } of this.#grpc.end()) this.#parts.deliver(bytes, shown);
        return true;
      }
      const out = this.#change(view, last);
      if (out.length > 0) this.#parts.deliver(out);
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #change(view: Buffer, last: boolean): Buffer {
    let out = this.#secrets.push(view);
    if (last) out = joined(out, this.#secrets.end());
    const mask = this.#mask;
    if (mask === null) return out;
    const parts: Buffer[] = [];
    for (let at = 0; at < out.length; at += limits.maskedBytesMax) {
      parts.push(mask.push(out.subarray(at, at + limits.maskedBytesMax)));
      this.#assertSound();
    }
    if (last) {
      parts.push(mask.end());
      this.#assertSound();
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  #assertSound(): void {
    const fault = this.#mask?.fault ?? null;
    if (fault !== null) throw unmaskable(fault);
  }

  #recode(codings: readonly Coding[]): Recoder {
    const { deliver, pause, resume } = this.#parts;
    return new Recoder({
      codings,
      eager: bodyTypeOf(this.#parts.fields).mediaType === 'text/event-stream',
      change: (view, last) => this.#change(view, last),
      deliver,
      pause,
      resume,
      end: () => this.#ended(),
      failed: (error) => this.#fail(error),
    });
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.destroy();
    this.#parts.failed(error instanceof Error ? error : new Error(String(error)));
  }
}

/** Null: it is no gRPC, or nothing of it is known or asked for. */
function grpcAnswerOf({ fields, masks, secrets, messages = null }: AnswerBodyParts): GrpcAnswer | null {
  if (!isGrpc(fields)) return null;
  const encoding = messageEncodingOf(fields);
  const isExamined = masks !== null || !secrets.isEmpty;
  // Compressed by messages, not as a whole: nothing would be found in it.
  if (messages === null && !(isExamined && encoding !== null)) return null;
  const mask = masks === null ? null : messageMaskOf(masks, messages, bodyTypeOf(fields));
  return new GrpcAnswer({ type: messages, encoding, mask, secrets, unmaskable });
}

function joined(one: Buffer, other: Buffer): Buffer {
  return other.length === 0 ? one : one.length === 0 ? other : Buffer.concat([one, other]);
}

export function unmaskable(what: string): Error {
  return httpErrors('http.unmaskable', { values: { what: what.replace(/\.$/, '') } });
}

/** What the head says that the body is. */
export function bodyTypeOf(fields: readonly Field[]): BodyType {
  const value = firstOf(fields, 'content-type');
  if (value === null) return { mediaType: null, charset: null, boundary: null };
  const parameter = (name: string): string | null => {
    const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]+))`, 'i').exec(value);
    return found === null ? null : (found[1]?.replace(/\\(.)/g, '$1') ?? found[2] ?? null);
  };
  return {
    mediaType: value.split(';', 1)[0]!.trim().toLowerCase() || null,
    charset: parameter('charset')?.toLowerCase() ?? null,
    boundary: parameter('boundary'),
  };
}

/** Whether its pieces may be as far apart as they like. */
export function isFeed(fields: readonly Field[]): boolean {
  return /^(?:text\/event-stream|application\/grpc)/i.test(firstOf(fields, 'content-type') ?? '');
}

/** `fields` with the length that the target said. */
export function withLength(fields: readonly Field[], sent: readonly Field[]): Field[] {
  const length = firstOf(sent, 'content-length');
  return length === null ? [...fields] : [...fields, ['Content-Length', length]];
}

/** What of a head is no longer true of a body that was changed. */
const ofTheBody: ReadonlySet<string> = new Set([
  'content-length',
  'content-md5',
  'digest',
  'repr-digest',
  'content-digest',
  'unencoded-digest',
  'x-goog-hash',
  'accept-ranges',
  'content-range',
]);
/** Digests of object stores: one field for each kind. */
const digestPrefix = 'x-amz-checksum-';

/** `masked`: what the target says of the body as it was could tell what was masked in it, so no tag of it passes either. */
export function withoutLength(fields: readonly Field[], masked: boolean): Field[] {
  const kept = fields.filter(([name]) => {
    const known = folded(name);
    return !ofTheBody.has(known) && !known.startsWith(digestPrefix) && !(masked && known === 'etag');
  });
  return kept.map(([name, value]): Field => {
    return folded(name) === 'etag' && !value.startsWith('W/') ? [name, `W/${value}`] : [name, value];
  });
}
