/**
 * What a body is, by its media type, and so how it is masked.
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

export type BodyKind =
  | 'json'
  | 'json-seq'
  | 'events'
  | 'csv'
  | 'tsv'
  | 'form'
  | 'multipart'
  | 'markup'
  | 'text'
  | 'media'
  | 'unread';

const kinds: ReadonlyMap<string, BodyKind> = new Map([
  ...[
    'application/json',
    'text/json',
    'text/x-json',
    'application/x-json',
    'application/x-ndjson',
    'application/ndjson',
    'application/jsonl',
    'application/x-jsonl',
    'application/jsonlines',
    'application/x-jsonlines',
    'application/json-lines',
    'application/graphql-response',
    'application/x-amz-json-1.0',
    'application/x-amz-json-1.1',
  ].map((type) => [type, 'json'] as const),
  ['application/json-seq', 'json-seq'],
  ['text/event-stream', 'events'],
  ['text/csv', 'csv'],
  ['application/csv', 'csv'],
  ['text/tab-separated-values', 'tsv'],
  ['application/x-www-form-urlencoded', 'form'],
  ...['application/xml', 'text/xml', 'application/xml-dtd', 'text/yaml', 'text/x-yaml', 'text/vnd.yaml'].map(
    (type) => [type, 'markup'] as const,
  ),
  ...['application/yaml', 'application/x-yaml', 'application/toml'].map((type) => [type, 'markup'] as const),
  ...[
    'application/javascript',
    'application/x-javascript',
    'application/ecmascript',
    'application/typescript',
    'application/sql',
    'application/graphql',
    'application/x-sh',
    'application/x-pem-file',
    'application/xhtml+xml',
    'application/jwt',
    'application/openmetrics-text',
    'image/svg+xml',
  ].map((type) => [type, 'text'] as const),
  ['application/wasm', 'media'],
  ['multipart/byteranges', 'unread'],
]);

export function kindOf(mediaType: string | null): BodyKind {
  const type = mediaType?.trim().toLowerCase() ?? '';
  const known = kinds.get(type);
  if (known !== undefined) return known;
  if (type.endsWith('+json')) return 'json';
  if (type.endsWith('+json-seq')) return 'json-seq';
  if (type.endsWith('+xml') || type.endsWith('+yaml')) return 'markup';
  if (type.startsWith('multipart/')) return 'multipart';
  if (type.startsWith('text/')) return 'text';
  return /^(?:image|video|audio|font)\//.test(type) ? 'media' : 'unread';
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
