/**
 * How a body is masked, by its kind (`core/media-types.ts`).
 *
 * | types                                                              | kind      | `fields`            | detectors        |
 * | ------------------------------------------------------------------ | --------- | ------------------- | ---------------- |
 * | application/json, text/json, x-json, x-amz-json-1.x, any +json     | json      | by pointer          | strings, numbers, names |
 * | x-ndjson, ndjson, jsonl, x-jsonlines, jsonlines                    | json      | of each text        | the same         |
 * | json-seq, +json-seq                                                | json-seq  | of each text        | the same         |
 * | text/event-stream                                                  | events    | of each event's data | data, other lines |
 * | text/csv, application/csv; text/tab-separated-values               | csv, tsv  | `/name` by column   | by cell          |
 * | application/x-www-form-urlencoded                                  | form      | `/name`             | names, values    |
 * | multipart/*, but byteranges                                        | multipart | `/name` by part; each part by its type | the same |
 * | application/xml, text/xml, +xml, YAML, TOML                        | markup    | fault               | as text          |
 * | other text/*, javascript, sql, graphql, svg …                      | text      | as JSON where it begins so; else fault with `unresolved: block` | as text |
 * | image/*, video/*, audio/*, font/*, wasm; not image/svg+xml         | media     | –                   | a finding: fault |
 * | everything else, no type, multipart/byteranges                     | unread    | fault               | a finding: fault |
 *
 * A text in a character set that is no superset of ASCII, or may hide ASCII in its characters, is a fault.
 */
import type { BodyType } from '../../core/masking.ts';
import { bodyKindOf, type BodyKind as Kind } from '../../core/media-types.ts';

/** Texts of JSON in a row are masked like one. */
export type BodyKind = Exclude<Kind, 'json-lines'>;

export function kindOf(mediaType: string | null): BodyKind {
  const kind = bodyKindOf(mediaType);
  return kind === 'json-lines' ? 'json' : kind;
}

const charsets = /^(?:utf-?8|us-ascii|ascii|latin1|iso-?8859-?\d{1,2}|windows-125\d|cp125\d|koi8-[ru])$/;

/** Whether ASCII stands for itself in it, everywhere. */
export function isReadable({ charset }: BodyType, kind: BodyKind): boolean {
  if (charset === null || charset === '') return true;
  const name = charset
    .trim()
    .toLowerCase()
    .replace(/^["']|["']$/g, '');
  // JSON is UTF-8 whatever is said; who says otherwise may mean it.
  return kind.startsWith('json') ? /^(?:utf-?8|us-ascii|ascii)$/.test(name) : charsets.test(name);
}
