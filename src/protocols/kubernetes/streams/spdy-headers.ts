/**
 * Header blocks of SPDY/3.1 (draft-mbelshe-httpbis-spdy-00, section 2.6.10): compressed with one zlib stream per direction
 * that lives as long as the connection.
 *
 *     count 32 | (length 32 | name | length 32 | value) × count          all of it deflated
 *
 * How it is done synchronously: every block ends at a full byte with an empty stored block (Z_SYNC_FLUSH), so that all that
 * the next one needs of the past is the last 32 KiB of plain text. Each block is therefore deflated or inflated on its own,
 * raw, with that text as its dictionary. Only the first has the two bytes of zlib's head and the dictionary's checksum; the
 * checksum at the end never comes.
 *
 * Invariants: nothing is inflated beyond the limit; a block ends where its frame ends, with nothing behind it and nothing
 * left out; names are in lower case and unique; after an error the reader is dead, since its text is no longer its peer's.
 */
import { constants, deflateRawSync, type InputType, inflateRawSync } from 'node:zlib';
import { streamErrors } from './errors.ts';
import * as limits from './limits.ts';

export type SpdyHeaders = ReadonlyMap<string, string>;

const words =
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow ' +
  'authorization cache-control connection content-base content-encoding content-language content-length ' +
  'content-location content-md5 content-range content-type date etag expect expires from host if-match ' +
  'if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma ' +
  'proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade ' +
  'user-agent vary via warning www-authenticate method get status';
const moreWords = ['200 OK', 'version', 'HTTP/1.1', 'url', 'public', 'set-cookie', 'keep-alive', 'origin'];
const rest =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized' +
  '403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable' +
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT' +
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,' +
  'text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

/** The dictionary of section 2.6.10.1: words behind their lengths, then a text. */
export const dictionary: Buffer = Buffer.concat([
  ...[...words.split(' '), ...moreWords].flatMap((word) => [uint32(word.length), Buffer.from(word)]),
  Buffer.from(rest),
]);

/** CMF and FLG of zlib (RFC 1950, section 2.2) with a dictionary, and that dictionary's Adler-32. */
const zlibHead = Buffer.from('78bbe3c6a7c2', 'hex');
/** An empty stored block, behind whatever bits fill the byte (RFC 1951, section 3.2.4). */
const flushed = Buffer.from('0000ffff', 'hex');
const finishFlush = constants.Z_SYNC_FLUSH;

export class HeaderReader {
  #window: Buffer = dictionary;
  #isFirst = true;
  #isDead = false;

  /** Takes the compressed block of one frame. Throws `kubernetes.spdy`. */
  read(block: Buffer): SpdyHeaders {
    if (this.#isDead) throw broken('headers behind an error');
    this.#isDead = true;
    const plain = this.#inflate(this.#isFirst ? withoutHead(block) : block);
    const headers = parse(plain);
    this.#window = slide(this.#window, plain);
    this.#isFirst = false;
    this.#isDead = false;
    return headers;
  }

  #inflate(block: Buffer): Buffer {
    if (!block.subarray(-flushed.length).equals(flushed)) throw broken('headers that were not flushed');
    const { buffer, engine } = inflate(block, this.#window);
    // Whatever follows a last block of deflate would be dropped without a word.
    if (engine.bytesWritten !== block.length) throw broken('bytes behind the headers');
    return buffer;
  }
}

export class HeaderWriter {
  #window: Buffer = dictionary;
  #isFirst = true;

  write(headers: SpdyHeaders): Buffer {
    const parts = [uint32(headers.size)];
    for (const [name, value] of headers) {
      for (const text of [Buffer.from(name), Buffer.from(value)]) parts.push(uint32(text.length), text);
    }
    const plain = Buffer.concat(parts);
    const block = deflateRawSync(plain, { dictionary: this.#window, finishFlush });
    this.#window = slide(this.#window, plain);
    const whole = this.#isFirst ? Buffer.concat([zlibHead, block]) : block;
    this.#isFirst = false;
    return whole;
  }
}

/** What `info` adds to the answer is missing in the types of Node. */
type InflateWithInfo = (
  block: InputType,
  options: Parameters<typeof inflateRawSync>[1],
) => { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };

function inflate(block: Buffer, window: Buffer): ReturnType<InflateWithInfo> {
  const maxOutputLength = limits.headerBlockBytesMax;
  try {
    const options = { dictionary: window, finishFlush, maxOutputLength, info: true };
    return (inflateRawSync as unknown as InflateWithInfo)(block, options);
  } catch (error) {
    const isTooLong = (error as { readonly code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    throw broken(isTooLong ? 'headers that are too long' : 'headers that cannot be decompressed', error);
  }
}

function withoutHead(block: Buffer): Buffer {
  const [method, flags] = block;
  const isZlib = block.length >= zlibHead.length && (method! & 0x0f) === 8 && block.readUInt16BE(0) % 31 === 0;
  if (!isZlib || (method! & 0xf0) > 0x70) throw broken('headers that are not compressed');
  // Without the dictionary nothing of it may be referred to, and all who speak this use it.
  if ((flags! & 0x20) === 0 || !block.subarray(2, 6).equals(zlibHead.subarray(2))) {
    throw broken('headers with another dictionary');
  }
  return block.subarray(6);
}

function parse(plain: Buffer): SpdyHeaders {
  let at = 0;
  const number = (): number => {
    if (plain.length - at < 4) throw broken('headers that end early');
    at += 4;
    return plain.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (plain.length - at < length) throw broken('headers that end early');
    at += length;
    return plain.toString('utf8', at - length, at);
  };
  const count = number();
  if (count > limits.headersMax) throw broken('too many headers');
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const name = text();
    if (name === '' || name !== name.toLowerCase()) throw broken('a header whose name is empty or has capitals');
    if (headers.has(name)) throw broken('a header that comes twice');
    headers.set(name, text());
  }
  if (at !== plain.length) throw broken('bytes behind the headers');
  return headers;
}

function slide(window: Buffer, plain: Buffer): Buffer {
  const whole = Buffer.concat([window, plain]);
  return whole.length > limits.windowBytes ? Buffer.from(whole.subarray(-limits.windowBytes)) : whole;
}

function uint32(value: number): Buffer {
  const view = Buffer.alloc(4);
  view.writeUInt32BE(value);
  return view;
}

function broken(what: string, cause?: unknown): Error {
  return streamErrors('kubernetes.spdy', { values: { what }, cause });
}
