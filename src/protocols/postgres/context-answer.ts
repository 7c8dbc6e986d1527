/**
 * The server's answer to the gateway's question about a session, taken out of what the server sends.
 *
 * Invariant: every byte is either of the answer or handed back, in order; what the server says at any time (notices,
 * notifications, parameters, its leave) is not lost.
 *
 * Deliberately absent: the question (inspection.ts), what follows from the answer (context.ts).
 */
import { postgresErrors } from './errors.ts';
import { AnswerReader } from './inspection.ts';
import * as limits from './limits.ts';

export class ContextAnswer {
  readonly answer = new AnswerReader();
  #bytes: Buffer = Buffer.alloc(0);

  /** Takes a chunk; gives back what is not of the answer, in order: messages that came between, and what follows it. */
  take(chunk: Buffer): Buffer[] {
    const { answer } = this;
    const others: Buffer[] = [];
    const buffer = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    let at = 0;
    while (!answer.done && buffer.length - at >= 5) {
      const length = buffer.readUInt32BE(at + 1);
      // A-PG-27: no more is gathered than an answer can need.
      if (length < 4 || length > limits.inspectionRowBytesMax) {
        throw postgresErrors('postgres.upstream-protocol', {
          values: { resource: 'the resource' },
          detail: `a message of length ${length} in the answer to a question of the gateway`,
        });
      }
      const end = at + 1 + length;
      if (end > buffer.length) break;
      if (!answer.take({ type: String.fromCharCode(buffer[at]!), buffer, start: at, end })) {
        others.push(buffer.subarray(at, end));
      }
      at = end;
    }
    // The chunk is borrowed: what waits for its rest is copied.
    this.#bytes = answer.done ? Buffer.alloc(0) : Buffer.from(buffer.subarray(at));
    if (answer.done && at < buffer.length) others.push(buffer.subarray(at));
    return others;
  }
}
