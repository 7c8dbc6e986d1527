/**
 * Fields of `multipart/form-data` (RFC 7578; RFC 2046, section 5.1): names and values, and what the files are called.
 *
 *     --BOUNDARY CRLF  head lines CRLF CRLF  content  CRLF --BOUNDARY …  CRLF --BOUNDARY-- [CRLF]
 *
 * Invariants:
 * - Strict: no preamble, no epilogue, no padding, CRLF only, and the boundary nowhere else; whatever two parsers could read
 *   differently is unread.
 * - Linear in the body; parts and heads are bounded.
 *
 * Deliberately absent: the contents of files, nested multipart, transfer encodings, `_charset_`, `filename*`.
 */
import { createHash } from 'node:crypto';
import * as limits from './limits.ts';
import { mediaTypeOf } from './media-type.ts';

export interface MultipartForm {
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly files: readonly MultipartFile[];
}

export interface MultipartFile {
  readonly name: string;
  readonly filename: string;
  readonly bytes: number;
  /** Lower-case hexadecimal SHA-256 of the content. */
  readonly digest: string;
}

type Unread = { readonly unread: string };

const malformed: Unread = { unread: 'its multipart form is not built as it must be' };
const boundaryForm = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/;
const disposition = /^form-data;[ \t]*name="((?:[^"\\\r\n])*)"(?:;[ \t]*filename="((?:[^"\\\r\n])*)")?$/i;
/** Values that a part's transfer encoding may have: those that encode nothing. */
const identityEncodings = ['7bit', '8bit', 'binary'];

export function readMultipart(body: Buffer, boundary: string | undefined): MultipartForm | Unread {
  if (boundary === undefined || !boundaryForm.test(boundary)) return malformed;
  const fields: (readonly [string, string])[] = [];
  const files: MultipartFile[] = [];
  // The first delimiter has no line before it.
  const mark = Buffer.from(`--${boundary}`, 'latin1');
  if (body.indexOf(mark) !== 0) return malformed;
  let at = mark.length;
  for (let parts = 0; ; parts++) {
    const after = body.toString('latin1', at, at + 2);
    if (after === '--') break;
    if (after !== '\r\n') return malformed;
    if (parts === limits.formFieldsMax) return { unread: `its form has more than ${limits.formFieldsMax} parts` };
    at += 2;
    const next = body.indexOf(mark, at);
    // Wherever the boundary stands, a line must begin: for some parsers it ends the part all the same.
    if (next < 0 || body.toString('latin1', next - 2, next) !== '\r\n' || next - 2 < at) return malformed;
    const part = partOf(body.subarray(at, next - 2));
    if ('unread' in part) return part;
    if (part.file === null) fields.push([part.name, part.value]);
    else files.push(part.file);
    at = next + mark.length;
  }
  const end = body.toString('latin1', at + 2, at + 5);
  return end === '' || end === '\r\n' ? { fields, files } : malformed;
}

type Part = { readonly name: string; readonly value: string; readonly file: MultipartFile | null };

function partOf(part: Buffer): Part | Unread {
  const headEnd = part.subarray(0, limits.partHeadBytesMax + 4).indexOf('\r\n\r\n');
  if (headEnd < 0) return malformed;
  const head = textOf(part.subarray(0, headEnd));
  if (head === null) return malformed;
  const lines = new Map<string, string>();
  for (const line of head.split('\r\n')) {
    const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)$/.exec(line);
    if (found === null || lines.has(found[1]!.toLowerCase())) return malformed;
    lines.set(found[1]!.toLowerCase(), found[2]!.trimEnd());
  }
  const named = disposition.exec(lines.get('content-disposition') ?? '');
  if (named === null) return malformed;
  const [name, filename] = [named[1]!, named[2]];
  const encoding = lines.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!identityEncodings.includes(encoding) || name === '_charset_') {
    return { unread: 'a part of its form is encoded in a way that is not read' };
  }
  const content = part.subarray(headEnd + 4);
  if (filename !== undefined) {
    const digest = createHash('sha256').update(content).digest('hex');
    return { name, value: '', file: { name, filename, bytes: content.length, digest } };
  }
  const type = lines.get('content-type');
  const value = isPlain(type) ? textOf(content) : null;
  return value === null ? { unread: 'a part of its form is no text' } : { name, value, file: null };
}

function isPlain(type: string | undefined): boolean {
  if (type === undefined) return true;
  const media = mediaTypeOf(type);
  const charset = media?.parameters.get('charset')?.toLowerCase() ?? 'utf-8';
  return media !== null && !media.type.startsWith('multipart/') && ['utf-8', 'us-ascii'].includes(charset);
}

/** Null where it is no UTF-8. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}
