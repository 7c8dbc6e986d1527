/**
 * Checks of what comes in, before it reaches a database.
 *
 * What people write is refused when it cannot be kept as it is (`text`, `document`); what is only an index of the
 * journal is made to fit (`clean`), because one odd session must not stop the indexer for ever.
 * PostgreSQL keeps neither NUL nor half a surrogate pair (documentation: chapter 8.3, 8.14).
 */
import { storeErrors } from './errors.ts';
import { batchRowsMax, documentBytesMax, nameBytesMax, pageRowsMax } from './limits.ts';

/** Text that people wrote; refused where it cannot be kept. */
export function text(field: string, value: string, bytesMax = nameBytesMax): string {
  if (value.includes('\0') || !value.isWellFormed()) throw storeErrors('store.invalid-text', { values: { field } });
  if (Buffer.byteLength(value) > bytesMax) {
    throw storeErrors('store.too-large', { values: { field, limit: bytesMax } });
  }
  return value;
}

/** As `text`, for what names a row. */
export function name(field: string, value: string): string {
  if (value === '') throw storeErrors('store.empty', { values: { field } });
  return text(field, value);
}

// JSON.stringify escapes NUL and lone surrogates, so they can only stand there as escapes of an odd backslash.
const unkeepable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** JSON text of a document; refused where it cannot be kept. */
export function document(field: string, value: unknown, bytesMax = documentBytesMax): string {
  const json = JSON.stringify(value);
  if (json === undefined || unkeepable.test(json)) throw storeErrors('store.invalid-text', { values: { field } });
  if (Buffer.byteLength(json) > bytesMax) throw storeErrors('store.too-large', { values: { field, limit: bytesMax } });
  return json;
}

/** JSON text of a document that is kept as text: any value, since what a database cannot keep stands there escaped. */
export function escapedDocument(field: string, value: unknown, bytesMax: number): string {
  const json = JSON.stringify(value);
  if (json === undefined) throw storeErrors('store.invalid-text', { values: { field } });
  if (Buffer.byteLength(json) > bytesMax) throw storeErrors('store.too-large', { values: { field, limit: bytesMax } });
  return json;
}

/** A whole number that fits both engines and JavaScript. */
export function whole(field: string, value: number): number {
  if (!Number.isSafeInteger(value)) throw storeErrors('store.bad-number', { values: { field } });
  return value;
}

export function bytes(field: string, value: Buffer, bytesMax: number): Buffer {
  if (value.length > bytesMax) throw storeErrors('store.too-large', { values: { field, limit: bytesMax } });
  return value;
}

/** The limit of a page. */
export function limit(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > pageRowsMax) {
    throw storeErrors('store.bad-limit', { values: { limit: pageRowsMax } });
  }
  return value;
}

export function batch(count: number): void {
  if (count > batchRowsMax) throw storeErrors('store.batch-too-large', { values: { limit: batchRowsMax } });
}

/** Text for an index: unkeepable characters are replaced, what is too long is cut. */
export function clean(value: string, bytesMax = nameBytesMax): string {
  const kept = value.toWellFormed().replaceAll('\0', '\ufffd');
  // No character takes more than three bytes for each of its UTF-16 units.
  if (kept.length * 3 <= bytesMax) return kept;
  if (Buffer.byteLength(kept) <= bytesMax) return kept;
  // Cut between characters: a torn one would decode as U+FFFD.
  return Buffer.from(kept)
    .subarray(0, bytesMax)
    .toString()
    .replace(/\ufffd+$/, '');
}

/** A number for an index. */
export function cleanWhole(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.round(value), Number.MAX_SAFE_INTEGER) : 0;
}
