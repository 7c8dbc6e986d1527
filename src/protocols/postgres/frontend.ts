/**
 * Messages that a client sends, decoded and encoded.
 *
 * Invariants: as body.ts. Text that is judged (Query, Parse) is exactly one string of valid UTF-8 with exactly one NUL,
 * at its end (A-PG-13); parameters of Bind stay where they are and are given as offsets.
 *
 * Deliberately absent: which message is allowed when (startup.ts, login.ts, relay.ts), meaning of SQL.
 * Source: PostgreSQL documentation, chapter 54.7 "Message Formats".
 */

import { Body, type MessageView, message, packet } from './body.ts';
import { postgresErrors } from './errors.ts';
import * as limits from './limits.ts';

// --- Start-up phase: packets without a type byte -------------------------------------------------------------------

/** Request codes, chosen by the protocol so that they cannot be mistaken for a version. */
const cancelRequestCode = 80877102;
const sslRequestCode = 80877103;
const gssEncRequestCode = 80877104;

/** Protocol versions as the wire writes them: major in the upper 16 bits. */
export function protocolVersion(major: number, minor: number): number {
  return major * 0x10000 + minor;
}

export type StartupPacket =
  | { readonly name: 'SSLRequest' }
  | { readonly name: 'GSSENCRequest' }
  | { readonly name: 'CancelRequest'; readonly processId: number; readonly key: Buffer }
  | {
      readonly name: 'StartupMessage';
      readonly major: number;
      readonly minor: number;
      /** In the order sent; names are not repeated. Empty where `major` is not 3: such a body is not ours to read. */
      readonly parameters: ReadonlyMap<string, string>;
    };

/**
 * | field   | SSLRequest | GSSENCRequest | CancelRequest        | StartupMessage                      |
 * |---------|------------|---------------|----------------------|-------------------------------------|
 * | Int32   | 8          | 8             | 12 + key             | length, counts itself               |
 * | Int32   | 80877103   | 80877104      | 80877102             | version                             |
 * | …       |            |               | Int32 pid, key bytes | (String name, String value)*, Byte1(0) |
 *
 * `packet` is the whole packet with its length field, which must be right.
 */
export function decodeStartupPacket(view: Buffer): StartupPacket {
  const body = new Body('StartupMessage', view, 0, view.length);
  if (body.uint32() !== view.length) throw body.malformed('length does not match');
  const code = body.uint32();
  if (code === sslRequestCode || code === gssEncRequestCode) {
    body.finish();
    return { name: code === sslRequestCode ? 'SSLRequest' : 'GSSENCRequest' };
  }
  if (code === cancelRequestCode) {
    const processId = body.int32();
    if (body.left < 4 || body.left > limits.cancelKeyBytesMax) throw body.malformed('length of the cancel key');
    return { name: 'CancelRequest', processId, key: body.rest() };
  }
  const major = code >>> 16;
  const minor = code & 0xffff;
  const parameters = new Map<string, string>();
  if (major !== 3) return { name: 'StartupMessage', major, minor, parameters };
  for (;;) {
    const name = body.strictString();
    if (name === '') break;
    // A-PG-10: one value per name, and no more names than any driver sends.
    if (parameters.has(name)) throw body.malformed('a parameter is given twice');
    if (parameters.size >= limits.startupParametersMax) throw body.malformed('too many parameters');
    parameters.set(name, body.strictString());
  }
  body.finish();
  return { name: 'StartupMessage', major, minor, parameters };
}

export const encodeSSLRequest = (): Buffer => packet((w) => w.int32(sslRequestCode));
export const encodeGSSENCRequest = (): Buffer => packet((w) => w.int32(gssEncRequestCode));
export const encodeCancelRequest = (processId: number, key: Buffer): Buffer =>
  packet((w) => w.int32(cancelRequestCode).int32(processId).bytes(key));
export function encodeStartupMessage(major: number, minor: number, parameters: ReadonlyMap<string, string>): Buffer {
  return packet((w) => {
    w.uint32(protocolVersion(major, minor));
    for (const [name, value] of parameters) w.cstring(name).cstring(value);
    w.uint8(0);
  });
}

// --- Authentication: all are type 'p', told apart by the state of the exchange -----------------------------------

/** PasswordMessage: String. The view is of the message; the caller lets go of it soon. */
export function decodePasswordMessage(view: MessageView): string {
  const body = Body.of('PasswordMessage', view);
  const password = body.strictString();
  body.finish();
  return password;
}

export interface SASLInitialResponse {
  readonly mechanism: string;
  /** Null where the client sent none. */
  readonly data: Buffer | null;
}

/** SASLInitialResponse: String mechanism, Int32 length (−1 none), bytes. */
export function decodeSASLInitialResponse(view: MessageView): SASLInitialResponse {
  const body = Body.of('SASLInitialResponse', view);
  const mechanism = body.strictString();
  const size = body.int32();
  if (size < -1) throw body.malformed('negative length');
  const data = size === -1 ? null : body.view(size);
  body.finish();
  return { mechanism, data };
}

/** SASLResponse: bytes. */
export function decodeSASLResponse(view: MessageView): Buffer {
  return Body.of('SASLResponse', view).rest();
}

export const encodePasswordMessage = (password: string): Buffer => message('p', (w) => w.cstring(password));
export const encodeSASLInitialResponse = (mechanism: string, data: Buffer): Buffer =>
  message('p', (w) => w.cstring(mechanism).int32(data.length).bytes(data));
export const encodeSASLResponse = (data: Buffer): Buffer => message('p', (w) => w.bytes(data));

// --- Simple and extended query ------------------------------------------------------------------------------------

/** The text of a Query or Parse: a NUL before the end would hide what follows from whoever reads strings (A-PG-13). */
function statementText(body: Body, last: boolean): string {
  const text = body.strictString();
  if (last && body.left > 0) throw postgresErrors('postgres.text-invalid', { detail: 'NUL within a statement' });
  return text;
}

/** Query ('Q'): String. */
export function decodeQuery(view: MessageView): string {
  return statementText(Body.of('Query', view), true);
}

export interface Parse {
  readonly statement: string;
  readonly text: string;
  /** Type OIDs; 0 leaves the type to the server. May name fewer than the statement has. */
  readonly parameterTypes: readonly number[];
}

/** Parse ('P'): String statement, String text, Int16 n, Int32[n] type OIDs. */
export function decodeParse(view: MessageView): Parse {
  const body = Body.of('Parse', view);
  const statement = body.strictString();
  const text = statementText(body, false);
  const count = body.count16(4);
  // A-PG-13: after a NUL inside the text, what remains is not exactly the array of types.
  if (body.left !== count * 4) throw body.malformed('parameter types');
  const parameterTypes: number[] = [];
  for (let index = 0; index < count; index++) parameterTypes.push(body.uint32());
  return { statement, text, parameterTypes };
}

export interface Bind {
  readonly portal: string;
  readonly statement: string;
  /** None: all text. One: that for all. Else one each. 0 text, 1 binary. */
  readonly parameterFormats: readonly number[];
  /** For parameter i: [2i] where its bytes begin in `buffer`, [2i + 1] how many, −1 for NULL. */
  readonly parameters: Int32Array;
  /** As `parameterFormats`, for the columns of the result. */
  readonly resultFormats: readonly number[];
  /** What `parameters` refers to; borrowed. */
  readonly buffer: Buffer;
}

/**
 * Bind ('B'): String portal, String statement, Int16 f, Int16[f] formats, Int16 n, n × (Int32 length, bytes),
 * Int16 r, Int16[r] result formats.
 */
export function decodeBind(view: MessageView): Bind {
  const body = Body.of('Bind', view);
  const portal = body.strictString();
  const statement = body.strictString();
  const parameterFormats = formats(body);
  const count = body.count16(4);
  if (parameterFormats.length > 1 && parameterFormats.length !== count) throw body.malformed('parameter formats');
  const parameters = new Int32Array(count * 2);
  for (let index = 0; index < count; index++) {
    const size = body.int32();
    if (size < -1) throw body.malformed('negative length');
    parameters[index * 2] = body.take(Math.max(0, size));
    parameters[index * 2 + 1] = size;
  }
  const resultFormats = formats(body);
  body.finish();
  return { portal, statement, parameterFormats, parameters, resultFormats, buffer: view.buffer };
}

/** Int16 n, Int16[n], each 0 or 1. */
export function formats(body: Body): number[] {
  const count = body.count16(2);
  const list: number[] = [];
  for (let index = 0; index < count; index++) {
    const format = body.int16();
    if (format !== 0 && format !== 1) throw body.malformed('format code');
    list.push(format);
  }
  return list;
}

export interface Named {
  readonly target: 'statement' | 'portal';
  readonly name: string;
}

/** Describe ('D') and Close ('C'): Byte1 'S' or 'P', String. */
export function decodeDescribe(view: MessageView): Named {
  return named(Body.of('Describe', view));
}

export function decodeClose(view: MessageView): Named {
  return named(Body.of('Close', view));
}

function named(body: Body): Named {
  const kind = body.uint8();
  if (kind !== 0x53 && kind !== 0x50) throw body.malformed('neither statement nor portal');
  const name = body.strictString();
  body.finish();
  return { target: kind === 0x53 ? 'statement' : 'portal', name };
}

export interface Execute {
  readonly portal: string;
  /** 0 is all. */
  readonly rowsMax: number;
}

/** Execute ('E'): String portal, Int32 rows. */
export function decodeExecute(view: MessageView): Execute {
  const body = Body.of('Execute', view);
  const portal = body.strictString();
  const rowsMax = body.int32();
  body.finish();
  return { portal, rowsMax };
}

/** CopyFail ('f'): String. */
export function decodeCopyFail(view: MessageView): string {
  const body = Body.of('CopyFail', view);
  const reason = body.strictString();
  body.finish();
  return reason;
}

/** Sync ('S'), Flush ('H'), Terminate ('X'), CopyDone ('c'), and of the server '1', '2', '3', 'n', 's', 'I': no body. */
export function decodeEmpty(view: MessageView): void {
  Body.of('a message without body', view).finish();
}

export const encodeQuery = (text: string): Buffer => message('Q', (w) => w.cstring(text));
export const encodeSync = (): Buffer => message('S');
export const encodeFlush = (): Buffer => message('H');
export const encodeTerminate = (): Buffer => message('X');
export const encodeCopyDone = (): Buffer => message('c');
export const encodeCopyFail = (reason: string): Buffer => message('f', (w) => w.cstring(reason));
export const encodeCopyData = (data: Buffer): Buffer => message('d', (w) => w.bytes(data));
export const encodeDescribe = (named: Named): Buffer =>
  message('D', (w) => w.utf8(named.target === 'statement' ? 'S' : 'P').cstring(named.name));
export const encodeClose = (named: Named): Buffer =>
  message('C', (w) => w.utf8(named.target === 'statement' ? 'S' : 'P').cstring(named.name));
export const encodeExecute = ({ portal, rowsMax }: Execute): Buffer =>
  message('E', (w) => w.cstring(portal).int32(rowsMax));
export function encodeParse({ statement, text, parameterTypes }: Parse): Buffer {
  return message('P', (w) => {
    w.cstring(statement).cstring(text).uint16(parameterTypes.length);
    for (const type of parameterTypes) w.uint32(type);
  });
}
export function encodeBind(bind: Bind): Buffer {
  return message('B', (w) => {
    w.cstring(bind.portal).cstring(bind.statement).uint16(bind.parameterFormats.length);
    for (const format of bind.parameterFormats) w.uint16(format);
    w.uint16(bind.parameters.length / 2);
    for (let index = 0; index < bind.parameters.length; index += 2) {
      const at = bind.parameters[index]!;
      const size = bind.parameters[index + 1]!;
      w.int32(size);
      if (size > 0) w.bytes(bind.buffer.subarray(at, at + size));
    }
    w.uint16(bind.resultFormats.length);
    for (const format of bind.resultFormats) w.uint16(format);
  });
}
