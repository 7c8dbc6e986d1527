/**
 * Heads of HTTP/1.1 as bytes: the one reading of a start line and its fields, both ways, and how heads are written.
 *
 * Invariants:
 * - Strict where two readers could differ: CRLF ends a line and nothing else does, no obsolete folds, no space before a colon,
 *   no control characters, one framing. What Node's own strict parser refuses is refused here (head.test.ts compares the two
 *   on made-up heads); whatever both take, both read alike.
 * - What is written was looked at by the same rules as what is read: no field can end its line.
 * - Work and memory are bounded by the bytes that a head may have, however they arrive.
 *
 * Deliberately absent: sockets, what a field means beyond the framing.
 * Source: RFC 9112, sections 2 to 6.
 */
import { METHODS } from 'node:http';
import type { Field } from './fields.ts';

/** Why bytes are no message. `what` completes "The request is not well-formed: …". */
export class FramingFault extends Error {
  readonly kind: 'malformed' | 'too-large' | 'connect';

  constructor(what: string, kind: FramingFault['kind'] = 'malformed') {
    super(what);
    this.kind = kind;
  }
}

/** How the end of a body is known. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** Of answers only: all until the connection ends. */
  | { readonly kind: 'close' };

export interface ScannedRequest {
  readonly version: '1.0' | '1.1';
  readonly method: string;
  readonly target: string;
  readonly fields: readonly Field[];
  readonly framing: Framing;
  /** Another request may follow on the connection. */
  readonly keepsAlive: boolean;
  readonly expectsContinue: boolean;
  /** What the connection is asked to turn into, in lower case; null: nothing. */
  readonly upgrade: string | null;
}

export interface ScannedAnswer {
  readonly status: number;
  readonly fields: Field[];
  readonly framing: Framing;
  readonly keepsAlive: boolean;
}

/** What of the fields is the framing's business. */
interface Framed {
  readonly fields: Field[];
  readonly contentLength: string | null;
  readonly transferCoding: string | null;
  /** All values of Connection and of Upgrade, in lower case. */
  readonly connection: string;
  readonly upgrade: string | null;
  readonly expect: string | null;
}

const none: Framing = { kind: 'none' };
const chunked: Framing = { kind: 'chunked' };
const untilClose: Framing = { kind: 'close' };

const methods: ReadonlySet<string> = new Set(METHODS);
/** RFC 9110, sections 5.1 and 5.5: a token, and what a value may hold. Both classes leave out CR and LF, so lines cannot merge. */
const fieldLines = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/;
const visible = /^[\x21-\x7e]+$/;
const statusLine = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const printable = /^[\t\x20-\x7e\x80-\xff]+$/;
const lengthForm = /^[0-9]{1,15}$/;
const endOfHead = Buffer.from('\r\n\r\n');

/** Puts the bytes of one head after another together. */
export class HeadBuffer {
  readonly #bytesMax: number;
  #held: Buffer | null = null;
  #heldBytes = 0;
  /** Where the head that `take` answered ends in its chunk. */
  next = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** A head has begun, and is not whole yet. */
  get isBegun(): boolean {
    return this.#heldBytes > 0;
  }

  /** The head that begins or goes on at `at`, up to and with its empty line; null: all was kept, and more is needed. */
  take(chunk: Buffer, at: number): string | null {
    return this.#heldBytes === 0 ? this.#takeFirst(chunk, at) : this.#takeMore(chunk, at);
  }

  #takeFirst(chunk: Buffer, at: number): string | null {
    const end = chunk.indexOf(endOfHead, at);
    if (end < 0) {
      this.#keep(chunk, at, chunk.length);
      this.#assertLines(0);
      return null;
    }
    this.next = end + endOfHead.length;
    if (this.next - at > this.#bytesMax) throw new FramingFault('its head is too large', 'too-large');
    return chunk.toString('latin1', at, this.next);
  }

  #takeMore(chunk: Buffer, at: number): string | null {
    const before = this.#heldBytes;
    this.#keep(chunk, at, Math.min(chunk.length, at + this.#bytesMax + 1 - before));
    const held = this.#held!;
    const end = held.subarray(0, this.#heldBytes).indexOf(endOfHead, Math.max(0, before - endOfHead.length + 1));
    if (end < 0) {
      if (this.#heldBytes > this.#bytesMax) throw new FramingFault('its head is too large', 'too-large');
      this.#assertLines(before);
      return null;
    }
    const bytes = end + endOfHead.length;
    if (bytes > this.#bytesMax) throw new FramingFault('its head is too large', 'too-large');
    this.next = at + bytes - before;
    this.#held = null;
    this.#heldBytes = 0;
    return held.toString('latin1', 0, bytes);
  }

  #keep(chunk: Buffer, at: number, end: number): void {
    const bytes = this.#heldBytes + end - at;
    if (this.#heldBytes === 0 && bytes > this.#bytesMax) throw new FramingFault('its head is too large', 'too-large');
    if (this.#held === null || bytes > this.#held.length) {
      const room = Buffer.allocUnsafe(Math.min(this.#bytesMax + 1, Math.max(bytes, 2 * this.#heldBytes, 256)));
      this.#held?.copy(room, 0, 0, this.#heldBytes);
      this.#held = room;
    }
    chunk.copy(this.#held, this.#heldBytes, at, end);
    this.#heldBytes = bytes;
  }

  /** Who ends lines otherwise would wait for an end that cannot come. */
  #assertLines(from: number): void {
    const held = this.#held!.subarray(0, this.#heldBytes);
    for (let at = held.indexOf(0x0a, from); at >= 0; at = held.indexOf(0x0a, at + 1)) {
      if (at === 0 || held[at - 1] !== 0x0d) throw new FramingFault('a line of it ends without CR');
    }
  }

  /** The first line of what was kept, once it is whole and no empty one: what is no HTTP need not be waited for. */
  startLine(): string | null {
    if (this.#held === null) return null;
    const end = this.#held.subarray(0, this.#heldBytes).indexOf('\r\n', 2);
    return end < 0 ? null : this.#held.toString('latin1', this.#held[0] === 0x0d ? 2 : 0, end);
  }
}

/** Reads the head of a request. Throws `FramingFault`. */
export function scanRequest(text: string): ScannedRequest {
  // One empty line before it: what some clients send behind a body (RFC 9112, section 2.2).
  const start = text.startsWith('\r\n') ? 2 : 0;
  const end = text.indexOf('\r\n', start);
  const { method, target, version } = scanRequestLine(text.slice(start, end));
  const framed = scanFields(text, end + 2);
  const { fields, contentLength, transferCoding, connection, upgrade, expect } = framed;
  if (transferCoding !== null && version === '1.0') throw new FramingFault('it frames its body in two ways');
  const asksToSwitch = upgrade !== null && version === '1.1' && hasToken(connection, 'upgrade');
  return {
    version,
    method,
    target,
    fields,
    framing: framingOf(contentLength, transferCoding) ?? none,
    keepsAlive: version === '1.1' ? !hasToken(connection, 'close') : isKeptAlive(connection),
    expectsContinue: expect !== null && version === '1.1' && isContinue(expect),
    upgrade: asksToSwitch ? upgrade : null,
  };
}

/** Throws `FramingFault`. */
export function scanRequestLine(line: string): Pick<ScannedRequest, 'method' | 'target' | 'version'> {
  const afterMethod = line.indexOf(' ');
  const method = line.slice(0, Math.max(0, afterMethod));
  if (!methods.has(method)) throw new FramingFault('it is no HTTP');
  // What an authority would be, does not matter: nobody here connects.
  if (method === 'CONNECT') throw new FramingFault('it asks for a tunnel', 'connect');
  const afterTarget = line.indexOf(' ', afterMethod + 1);
  const version = line.slice(afterTarget + 1);
  if (afterTarget < 0 || (version !== 'HTTP/1.1' && version !== 'HTTP/1.0')) {
    throw new FramingFault('it names no version of HTTP that is spoken here');
  }
  const target = line.slice(afterMethod + 1, afterTarget);
  if (!target.startsWith('/') && target !== '*') {
    throw new FramingFault('its target must begin with a slash: the origin is named by the Host field alone');
  }
  if (!visible.test(target)) throw new FramingFault('its target has a character that must be percent-encoded');
  return { method, target, version: version === 'HTTP/1.1' ? '1.1' : '1.0' };
}

/** Reads the head of an answer to a request of this method. Throws `FramingFault`. */
export function scanAnswer(text: string, method: string): ScannedAnswer {
  const end = text.indexOf('\r\n');
  const line = statusLine.exec(text.slice(0, end));
  if (line === null) throw new FramingFault('its first line is none of an answer');
  const status = Number(line[2]);
  const { fields, contentLength, transferCoding, connection } = scanFields(text, end + 2);
  const isNew = line[1] === '1';
  if (transferCoding !== null && !isNew)
    throw new FramingFault('it has a transfer coding that its version does not know');
  const framing = framingOf(contentLength, transferCoding) ?? untilClose;
  // RFC 9112, section 6.3: these have none, whatever their fields say.
  const isBodyless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  if (isBodyless && status !== 304 && method !== 'HEAD' && framing.kind === 'chunked') {
    throw new FramingFault('it frames a body that it cannot have');
  }
  return {
    status,
    fields,
    framing: isBodyless ? none : framing,
    keepsAlive: isNew && !hasToken(connection, 'close') && (isBodyless || framing.kind !== 'close'),
  };
}

/** Fields behind a body, with their empty line. Throws `FramingFault`. */
export function scanTrailers(text: string): Field[] {
  const { fields } = scanFields(text, 0);
  for (const [name] of fields) {
    // RFC 9110, section 6.5.1: what framed the message cannot come behind it.
    if (notBehind.has(name.toLowerCase())) throw new FramingFault('it names its framing behind its body');
  }
  return fields;
}

const notBehind: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'host',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function scanFields(text: string, from: number): Framed {
  // Up to the empty line, which is not looked at.
  const lines = text.slice(from, -2);
  if (!fieldLines.test(lines)) throw new FramingFault('a field of it is none');
  const fields: Field[] = [];
  let contentLength: string | null = null;
  let transferCoding: string | null = null;
  let connection = '';
  let upgrade: string | null = null;
  let expect: string | null = null;
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r\n', colon);
    const name = lines.slice(at, colon);
    const value = trimmed(lines, colon + 1, end);
    fields.push([name, value]);
    at = end + 2;
    switch (name.length) {
      case 14:
        if (name.toLowerCase() !== 'content-length') break;
        if (contentLength !== null) throw new FramingFault('it has more than one Content-Length');
        contentLength = value;
        break;
      case 17:
        if (name.toLowerCase() !== 'transfer-encoding') break;
        if (transferCoding !== null) throw new FramingFault('it has more than one Transfer-Encoding');
        // Whatever stands around it, tabs above all, is a coding of another name to some.
        transferCoding = lines.slice(colon + 1, end).replace(/^ +/, '');
        break;
      case 10:
        if (name.toLowerCase() === 'connection') connection = joined(connection, value.toLowerCase());
        break;
      case 16:
        // Some take it for Connection, Node among them: what it ends, ends here, too.
        if (name.toLowerCase() === 'proxy-connection' && hasToken(value.toLowerCase(), 'close')) {
          connection = joined(connection, 'close');
        }
        break;
      case 7:
        if (name.toLowerCase() === 'upgrade') upgrade = joined(upgrade, value.toLowerCase());
        break;
      case 6:
        if (name.toLowerCase() !== 'expect') break;
        expect = joined(expect, value.toLowerCase());
        break;
    }
  }
  return { fields, contentLength, transferCoding, connection, upgrade, expect };
}

/** Null where no field says anything. */
function framingOf(contentLength: string | null, transferCoding: string | null): Framing | null {
  if (transferCoding !== null) {
    if (contentLength !== null) throw new FramingFault('it frames its body in two ways');
    if (transferCoding.toLowerCase() !== 'chunked')
      throw new FramingFault('its Transfer-Encoding is other than chunked');
    return chunked;
  }
  if (contentLength === null) return null;
  if (!lengthForm.test(contentLength)) throw new FramingFault('its Content-Length is none');
  const bytes = Number(contentLength);
  return bytes === 0 ? none : { kind: 'length', bytes };
}

/** Without the spaces and tabs around it; other white space is the value's own. */
function trimmed(text: string, from: number, to: number): string {
  let [start, end] = [from, to];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function joined(before: string | null, value: string): string {
  return before === null || before === '' ? value : `${before},${value}`;
}

function hasToken(list: string, token: string): boolean {
  if (!list.includes(token)) return false;
  return list.split(',').some((one) => one.replace(/^[ \t]+|[ \t]+$/g, '') === token);
}

function isKeptAlive(connection: string): boolean {
  return hasToken(connection, 'keep-alive') && !hasToken(connection, 'close');
}

function isContinue(expect: string): boolean {
  if (expect === '100-continue') return true;
  throw new FramingFault('it expects what is not done here');
}

/** A head as it is written. Throws where a field could not be one: it would be another line, or another message. */
export function headText(startLine: string, fields: readonly Field[]): string {
  let lines = '';
  for (const [name, value] of fields) lines += `${name}: ${value}\r\n`;
  if (!fieldLines.test(lines) || countLines(lines) !== fields.length || !printable.test(startLine)) {
    throw new UnwritableHead();
  }
  return `${startLine}\r\n${lines}\r\n`;
}

function countLines(lines: string): number {
  let count = 0;
  for (let at = lines.indexOf('\n'); at >= 0; at = lines.indexOf('\n', at + 1)) count++;
  return count;
}

/** A field that no field can be was to be written. */
export class UnwritableHead extends Error {
  readonly code = 'ERR_HTTP_INVALID_HEADER_VALUE';

  constructor() {
    super('a field cannot be written as one');
  }
}
