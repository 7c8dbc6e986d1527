/**
 * The identification lines (RFC 4253, 4.2), byte by byte and bounded (A-SSH-08).
 *
 * Invariants: a client's first line is its identification; a server may say up to 64 KiB of other lines first. A line of
 * identification has at most 255 bytes, all printable ASCII. Bytes after the line are given back.
 *
 * Deliberately absent: what to think of the software named.
 */
import { sshErrors } from './errors.ts';
import { identBytesMax, preambleBytesMax } from './limits.ts';

export interface Ident {
  /** The line without its end: it goes into the exchange hash as it is. */
  readonly raw: Buffer;
  /** What follows `SSH-2.0-`: software and comments. */
  readonly software: string;
}

export class IdentReader {
  readonly #allowsPreamble: boolean;
  #line = Buffer.alloc(0);
  #bytes = 0;
  /** A line that is too long to be the identification is skipped without being kept. */
  #skipping = false;

  constructor(allowsPreamble: boolean) {
    this.#allowsPreamble = allowsPreamble;
  }

  /** The identification and what came after it, once it is whole; null as long as it is not. */
  read(chunk: Buffer): { readonly ident: Ident; readonly rest: Buffer } | null {
    let at = 0;
    while (at < chunk.length) {
      const newline = chunk.indexOf(10, at);
      const end = newline === -1 ? chunk.length : newline;
      this.#bytes += (newline === -1 ? end : end + 1) - at;
      this.#take(chunk.subarray(at, end));
      if (newline === -1) return null;
      at = newline + 1;
      const line = this.#line;
      const skipped = this.#skipping;
      this.#line = Buffer.alloc(0);
      this.#skipping = false;
      if (!skipped && line.subarray(0, 4).toString('latin1') === 'SSH-') {
        return { ident: identOf(line), rest: chunk.subarray(at) };
      }
      if (!this.#allowsPreamble) throw sshErrors('ssh.not-ssh', { detail: 'the first line is no identification' });
    }
    return null;
  }

  #take(part: Buffer): void {
    if (this.#bytes > (this.#allowsPreamble ? preambleBytesMax : identBytesMax)) {
      throw sshErrors('ssh.not-ssh', { detail: 'too many bytes before the identification' });
    }
    if (this.#skipping) return;
    // One byte less than the bound: the newline is not kept.
    if (this.#line.length + part.length > identBytesMax - 1) {
      if (!this.#allowsPreamble) throw sshErrors('ssh.not-ssh', { detail: 'the identification is too long' });
      this.#skipping = true;
      this.#line = Buffer.alloc(0);
      return;
    }
    this.#line = Buffer.concat([this.#line, part]);
  }
}

function identOf(line: Buffer): Ident {
  const raw = line.at(-1) === 13 ? line.subarray(0, -1) : line;
  for (const byte of raw) {
    if (byte < 0x20 || byte > 0x7e) throw sshErrors('ssh.not-ssh', { detail: 'the identification is not printable' });
  }
  const match = /^SSH-(?:2\.0|1\.99)-([^ ].*)$/.exec(raw.toString('latin1'));
  if (match === null) throw sshErrors('ssh.not-ssh', { detail: 'another version of SSH' });
  return { raw: Buffer.from(raw), software: match[1]! };
}
