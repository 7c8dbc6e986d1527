/**
 * The list of SASL mechanisms on its way to a client whose TLS ends at the local port.
 *
 * A pure function of bytes, fed in any chunks. PostgreSQL documentation: "Message Formats", AuthenticationSASL.
 */
import { localStartBytesMax } from '../limits.ts';

/**
 * Takes channel-binding mechanisms out of the first AuthenticationSASL and then lets everything pass untouched.
 *
 *   'R' Int32 length, Int32 10, then names, each ended by a zero byte, the list ended by another zero byte
 */
export class MechanismFilter {
  #held: Buffer | null = Buffer.alloc(0);

  pass(chunk: Buffer): Buffer {
    if (this.#held === null) return chunk;
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    const passed: Buffer[] = [];
    while (bytes.length - at >= 5) {
      const type = bytes[at];
      const size = bytes.readInt32BE(at + 1);
      // Only NegotiateProtocolVersion (`v`) may stand before the authentication request. Anything else, an error or a
      // message too long to be a list of mechanisms, ends the looking.
      if ((type !== 0x52 && type !== 0x76) || size < 4 || size > localStartBytesMax)
        return this.#done(passed, bytes, at);
      if (bytes.length - at < size + 1) break;
      const message = bytes.subarray(at, at + 1 + size);
      at += 1 + size;
      if (type === 0x52) {
        passed.push(withoutChannelBinding(message));
        return this.#done(passed, bytes, at);
      }
      passed.push(message);
    }
    this.#held = Buffer.from(bytes.subarray(at));
    return Buffer.concat(passed);
  }

  /** What was held back because its message never became whole; afterwards everything passes. */
  flush(): Buffer {
    const held = this.#held ?? Buffer.alloc(0);
    this.#held = null;
    return held;
  }

  #done(passed: readonly Buffer[], bytes: Buffer, at: number): Buffer {
    this.#held = null;
    return Buffer.concat([...passed, bytes.subarray(at)]);
  }
}

function withoutChannelBinding(message: Buffer): Buffer {
  if (message.length < 9 || message.readInt32BE(5) !== 10) return message;
  const names = message
    .subarray(9)
    .toString('latin1')
    .split('\0')
    .filter((name) => name !== '');
  const kept = names.filter((name) => !name.endsWith('-PLUS'));
  if (kept.length === 0) return message;
  const list = Buffer.from(`${kept.join('\0')}\0\0`, 'latin1');
  const head = Buffer.alloc(9);
  head[0] = 0x52;
  head.writeInt32BE(8 + list.length, 1);
  head.writeInt32BE(10, 5);
  return Buffer.concat([head, list]);
}
