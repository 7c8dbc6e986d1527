/**
 * Messages that a server sends, decoded and encoded.
 *
 * Invariants: as body.ts. Strings are read loosely (what is not UTF-8 becomes U+FFFD), since before the session's
 * encoding is settled a server may speak another; what decides (type OIDs, SQLSTATE, encodings) is ASCII.
 *
 * Deliberately absent: which message is allowed when (upstream.ts, relay.ts), values of rows (values.ts).
 * Source: PostgreSQL documentation, chapters 54.7 "Message Formats" and 54.8 "Error and Notice Message Fields".
 */
import { Body, type MessageView, message } from './body.ts';
import { formats, protocolVersion } from './frontend.ts';
import * as limits from './limits.ts';

// --- Start-up ------------------------------------------------------------------------------------------------------

export type Authentication =
  | { readonly name: 'AuthenticationOk' }
  | { readonly name: 'AuthenticationCleartextPassword' }
  | { readonly name: 'AuthenticationMD5Password'; readonly salt: Buffer }
  | { readonly name: 'AuthenticationSASL'; readonly mechanisms: readonly string[] }
  | { readonly name: 'AuthenticationSASLContinue'; readonly data: Buffer }
  | { readonly name: 'AuthenticationSASLFinal'; readonly data: Buffer }
  /** Kerberos, GSSAPI, SSPI and whatever comes: not supported. */
  | { readonly name: 'other'; readonly code: number };

/**
 * AuthenticationXxx ('R'): Int32 code, then
 * 0 Ok –, 3 CleartextPassword –, 5 MD5Password Byte4 salt, 10 SASL String* Byte1(0), 11 SASLContinue and 12 SASLFinal bytes.
 */
export function decodeAuthentication(view: MessageView): Authentication {
  const body = Body.of('Authentication', view);
  const code = body.int32();
  switch (code) {
    case 0:
      body.finish();
      return { name: 'AuthenticationOk' };
    case 3:
      body.finish();
      return { name: 'AuthenticationCleartextPassword' };
    case 5: {
      const salt = body.view(4);
      body.finish();
      return { name: 'AuthenticationMD5Password', salt };
    }
    case 10: {
      const mechanisms: string[] = [];
      for (let name = body.looseString(); name !== ''; name = body.looseString()) {
        if (mechanisms.length >= limits.saslMechanismsMax) throw body.malformed('too many mechanisms');
        mechanisms.push(name);
      }
      body.finish();
      return { name: 'AuthenticationSASL', mechanisms };
    }
    case 11:
      return { name: 'AuthenticationSASLContinue', data: body.rest() };
    case 12:
      return { name: 'AuthenticationSASLFinal', data: body.rest() };
    default:
      return { name: 'other', code };
  }
}

export const encodeAuthenticationOk = (): Buffer => message('R', (w) => w.int32(0));
export const encodeAuthenticationCleartextPassword = (): Buffer => message('R', (w) => w.int32(3));
export const encodeAuthenticationMD5Password = (salt: Buffer): Buffer => message('R', (w) => w.int32(5).bytes(salt));
export const encodeAuthenticationSASL = (mechanisms: readonly string[]): Buffer =>
  message('R', (w) => {
    w.int32(10);
    for (const name of mechanisms) w.cstring(name);
    w.uint8(0);
  });
export const encodeAuthenticationSASLContinue = (data: Buffer): Buffer => message('R', (w) => w.int32(11).bytes(data));
export const encodeAuthenticationSASLFinal = (data: Buffer): Buffer => message('R', (w) => w.int32(12).bytes(data));

export interface ParameterStatus {
  readonly parameter: string;
  readonly value: string;
}

/** ParameterStatus ('S'): String name, String value. */
export function decodeParameterStatus(view: MessageView): ParameterStatus {
  const body = Body.of('ParameterStatus', view);
  const parameter = body.looseString();
  const value = body.looseString();
  body.finish();
  return { parameter, value };
}

export const encodeParameterStatus = ({ parameter, value }: ParameterStatus): Buffer =>
  message('S', (w) => w.cstring(parameter).cstring(value));

export interface BackendKeyData {
  readonly processId: number;
  readonly key: Buffer;
}

/** BackendKeyData ('K'): Int32 process id, key: 4 bytes in 3.0, 4 to 256 in 3.2. */
export function decodeBackendKeyData(view: MessageView): BackendKeyData {
  const body = Body.of('BackendKeyData', view);
  const processId = body.int32();
  if (body.left < 4 || body.left > limits.cancelKeyBytesMax) throw body.malformed('length of the cancel key');
  return { processId, key: body.rest() };
}

export const encodeBackendKeyData = ({ processId, key }: BackendKeyData): Buffer =>
  message('K', (w) => w.int32(processId).bytes(key));

export interface NegotiateProtocolVersion {
  readonly minor: number;
  readonly unknownOptions: readonly string[];
}

/**
 * NegotiateProtocolVersion ('v'): Int32 version, Int32 n, String[n]. The documentation calls the first field the minor
 * version; servers send the whole version, major in the upper bits, and so does libpq expect it. Both are read.
 */
export function decodeNegotiateProtocolVersion(view: MessageView): NegotiateProtocolVersion {
  const body = Body.of('NegotiateProtocolVersion', view);
  const version = body.uint32();
  const major = version >>> 16;
  if (major !== 0 && major !== 3) throw body.malformed('another major version');
  const count = body.uint32();
  if (count > limits.startupParametersMax || count > body.left) throw body.malformed('count of options');
  const unknownOptions: string[] = [];
  for (let index = 0; index < count; index++) unknownOptions.push(body.looseString());
  body.finish();
  return { minor: version & 0xffff, unknownOptions };
}

export const encodeNegotiateProtocolVersion = ({ minor, unknownOptions }: NegotiateProtocolVersion): Buffer =>
  message('v', (w) => {
    w.uint32(protocolVersion(3, minor)).uint32(unknownOptions.length);
    for (const option of unknownOptions) w.cstring(option);
  });

/** `I` idle, `T` in a transaction, `E` in a failed transaction. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** ReadyForQuery ('Z'): Byte1. */
export function decodeReadyForQuery(view: MessageView): TransactionStatus {
  const body = Body.of('ReadyForQuery', view);
  const status = String.fromCharCode(body.uint8());
  if (status !== 'I' && status !== 'T' && status !== 'E') throw body.malformed('transaction status');
  body.finish();
  return status;
}

export const encodeReadyForQuery = (status: TransactionStatus): Buffer => message('Z', (w) => w.utf8(status));

// --- Errors and notices --------------------------------------------------------------------------------------------

/** By field type: S severity, V severity untranslated, C SQLSTATE, M message, D detail, H hint, … (chapter 54.8). */
export type Fields = Readonly<Record<string, string>>;

/** ErrorResponse ('E') and NoticeResponse ('N'): (Byte1 type, String)*, Byte1(0). */
export function decodeErrorResponse(view: MessageView): Fields {
  return fieldsOf(Body.of('ErrorResponse', view));
}

export function decodeNoticeResponse(view: MessageView): Fields {
  return fieldsOf(Body.of('NoticeResponse', view));
}

function fieldsOf(body: Body): Fields {
  const fields: Record<string, string> = Object.create(null);
  let count = 0;
  for (let type = body.uint8(); type !== 0; type = body.uint8()) {
    // A-PG-27: eighteen types are defined; a server that sends hundreds is no server.
    if (++count > limits.errorFieldsMax) throw body.malformed('too many fields');
    const value = body.looseString();
    fields[String.fromCharCode(type)] ??= value;
  }
  body.finish();
  return fields;
}

export interface ErrorText {
  readonly severity: 'ERROR' | 'FATAL' | 'PANIC' | 'WARNING' | 'NOTICE' | 'DEBUG' | 'INFO' | 'LOG';
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

export const encodeErrorResponse = (error: ErrorText): Buffer => errorMessage('E', error);
export const encodeNoticeResponse = (notice: ErrorText): Buffer => errorMessage('N', notice);

function errorMessage(type: 'E' | 'N', { severity, code, message: text, detail, hint }: ErrorText): Buffer {
  return message(type, (w) => {
    const field = (name: string, value: string): void => void w.utf8(name).cstring(value.replaceAll('\0', ' '));
    field('S', severity);
    field('V', severity);
    field('C', code);
    field('M', text);
    if (detail !== undefined) field('D', detail);
    if (hint !== undefined) field('H', hint);
    w.uint8(0);
  });
}

// --- Results -------------------------------------------------------------------------------------------------------

export interface Field {
  readonly name: string;
  /** The table the column is of, or 0. */
  readonly tableOid: number;
  /** Its number there, or 0. */
  readonly attribute: number;
  readonly typeOid: number;
  readonly typeSize: number;
  readonly typeModifier: number;
  readonly format: number;
}

/**
 * RowDescription ('T'): Int16 n, then n ×
 * (String name, Int32 table OID, Int16 attribute, Int32 type OID, Int16 type size, Int32 type modifier, Int16 format).
 */
export function decodeRowDescription(view: MessageView): Field[] {
  const body = Body.of('RowDescription', view);
  const count = body.count16(19);
  const fields: Field[] = [];
  for (let index = 0; index < count; index++) {
    fields.push({
      name: body.looseString(),
      tableOid: body.uint32(),
      attribute: body.int16(),
      typeOid: body.uint32(),
      typeSize: body.int16(),
      typeModifier: body.int32(),
      format: body.int16(),
    });
  }
  body.finish();
  return fields;
}

export function encodeRowDescription(fields: readonly Field[]): Buffer {
  return message('T', (w) => {
    w.uint16(fields.length);
    for (const field of fields) {
      w.cstring(field.name)
        .uint32(field.tableOid)
        .uint16(field.attribute & 0xffff)
        .uint32(field.typeOid);
      w.uint16(field.typeSize & 0xffff)
        .int32(field.typeModifier)
        .uint16(field.format);
    }
  });
}

/** CommandComplete ('C'): String tag. */
export function decodeCommandComplete(view: MessageView): string {
  const body = Body.of('CommandComplete', view);
  const tag = body.looseString();
  body.finish();
  return tag;
}

export const encodeCommandComplete = (tag: string): Buffer => message('C', (w) => w.cstring(tag));
export const encodeEmptyQueryResponse = (): Buffer => message('I');
export const encodeParseComplete = (): Buffer => message('1');
export const encodeBindComplete = (): Buffer => message('2');
export const encodeCloseComplete = (): Buffer => message('3');
export const encodeNoData = (): Buffer => message('n');
export const encodePortalSuspended = (): Buffer => message('s');

/** DataRow ('D') whole: Int16 n, n × (Int32 length, bytes). For what the gateway itself answers; the relay passes rows on as bytes. */
export function encodeDataRow(cells: readonly (string | null)[]): Buffer {
  return message('D', (w) => {
    w.uint16(cells.length);
    for (const cell of cells) {
      if (cell === null) w.int32(-1);
      else w.int32(Buffer.byteLength(cell)).utf8(cell);
    }
  });
}

/** ParameterDescription ('t'): Int16 n, Int32[n] type OIDs. */
export function decodeParameterDescription(view: MessageView): number[] {
  const body = Body.of('ParameterDescription', view);
  const count = body.count16(4);
  const types: number[] = [];
  for (let index = 0; index < count; index++) types.push(body.uint32());
  body.finish();
  return types;
}

export const encodeParameterDescription = (types: readonly number[]): Buffer =>
  message('t', (w) => {
    w.uint16(types.length);
    for (const type of types) w.uint32(type);
  });

export interface CopyResponse {
  readonly format: 'text' | 'binary';
  readonly columnFormats: readonly number[];
}

/** CopyInResponse ('G'), CopyOutResponse ('H'), CopyBothResponse ('W'): Int8 format, Int16 n, Int16[n] formats. */
export function decodeCopyResponse(view: MessageView): CopyResponse {
  const body = Body.of('CopyResponse', view);
  const format = body.uint8();
  if (format > 1) throw body.malformed('format');
  const columnFormats = formats(body);
  body.finish();
  return { format: format === 0 ? 'text' : 'binary', columnFormats };
}

export function encodeCopyResponse(direction: 'in' | 'out' | 'both', response: CopyResponse): Buffer {
  return message({ in: 'G', out: 'H', both: 'W' }[direction], (w) => {
    w.uint8(response.format === 'text' ? 0 : 1).uint16(response.columnFormats.length);
    for (const format of response.columnFormats) w.uint16(format);
  });
}

export interface NotificationResponse {
  readonly processId: number;
  readonly channel: string;
  readonly payload: string;
}

/** NotificationResponse ('A'): Int32 process id, String channel, String payload. */
export function decodeNotificationResponse(view: MessageView): NotificationResponse {
  const body = Body.of('NotificationResponse', view);
  const processId = body.int32();
  const channel = body.looseString();
  const payload = body.looseString();
  body.finish();
  return { processId, channel, payload };
}

export const encodeNotificationResponse = ({ processId, channel, payload }: NotificationResponse): Buffer =>
  message('A', (w) => w.int32(processId).cstring(channel).cstring(payload));
