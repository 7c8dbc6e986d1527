/** Bodies as they are read: text where they are text, bytes in hexadecimal where not, JSON with line breaks and nothing else changed. */
import { fromBase64 } from '../../format/base64.ts';
import type { Body } from './model.ts';

const hexBytesMax = 4_096;
const hexColumns = 16;

export function bytesOfBody(body: Body, most = Number.POSITIVE_INFINITY): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const { data, encoding } of body.pieces) {
    const part = encoding === 'utf8' ? new TextEncoder().encode(data) : fromBase64(data);
    parts.push(part);
    length += part.length;
    if (length >= most) break;
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.subarray(0, Math.min(length, most));
}

/** Null where it is no text. */
export function bodyText(body: Body): string | null {
  if (body.pieces.every(({ encoding }) => encoding === 'utf8')) return body.pieces.map(({ data }) => data).join('');
  try {
    const text = new TextDecoder('utf-8', { fatal: body.kept >= body.bytes }).decode(bytesOfBody(body));
    return /[\u0000-\u0008\u000e-\u001a]/.test(text) ? null : text;
  } catch {
    // It is in no encoding that reads as text.
    return null;
  }
}

export function hexOf(body: Body): string[] {
  const all = bytesOfBody(body, hexBytesMax);
  const lines: string[] = [];
  for (let at = 0; at < all.length; at += hexColumns) {
    const part = [...all.subarray(at, at + hexColumns)];
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(hexColumns * 3)} ${text}`);
  }
  return lines;
}

/** JSON with line breaks: every value is spelled as it was, since reading some numbers would change them. */
export function indentedJson(text: string): string {
  if (!/^\s*[{[]/.test(text) || text.trim().includes('\n')) return text;
  try {
    JSON.parse(text);
  } catch {
    // Not JSON: shown as it is.
    return text;
  }
  let depth = 0;
  let out = '';
  const line = (): string => `\n${'  '.repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '{' || token === '[') {
      depth++;
      out += token + line();
    } else if (token === '}' || token === ']') {
      depth--;
      out = /[{[]\n *$/.test(out) ? out.trimEnd() + token : out + line() + token;
    } else out += token === ',' ? `,${line()}` : token === ':' ? ': ' : token;
  }
  return out;
}
