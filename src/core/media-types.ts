/**
 * What a body is, by its media type: one table for what is read of requests and for what is masked in answers.
 *
 * | types                                                                              | kind       |
 * | ---------------------------------------------------------------------------------- | ---------- |
 * | any /json and +json; x-json, json5, json-rpc, jsonrequest, csp-report, x-amz-json-1.x | json    |
 * | x-ndjson, ndjson, jsonl, jsonlines, json-lines, with x- too; stream+json            | json-lines |
 * | json-seq, +json-seq                                                                | json-seq   |
 * | text/event-stream                                                                  | events     |
 * | text/csv, application/csv; text/tab-separated-values                               | csv, tsv   |
 * | application/x-www-form-urlencoded                                                  | form       |
 * | multipart/*, but byteranges                                                        | multipart  |
 * | XML, YAML and TOML by any of their names                                           | markup     |
 * | other text/*, javascript, sql, graphql, svg …                                      | text       |
 * | image/*, video/*, audio/*, font/*, wasm; not image/svg+xml                         | media      |
 * | everything else, no type, multipart/byteranges                                     | unread     |
 *
 * Deliberately absent: parameters (`charset`, `boundary`), what is made of each kind.
 */

export type BodyKind =
  | 'json'
  | 'json-lines'
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

const named: Readonly<Partial<Record<BodyKind, readonly string[]>>> = {
  json: [
    ...['application/json', 'application/x-json', 'text/x-json', 'application/json5', 'application/json-rpc'],
    ...['application/jsonrpc', 'application/jsonrequest', 'application/csp-report', 'application/graphql-response'],
    ...['application/x-amz-json-1.0', 'application/x-amz-json-1.1'],
  ],
  'json-lines': [
    ...['application/x-ndjson', 'application/ndjson', 'application/jsonl', 'application/x-jsonl'],
    ...['application/jsonlines', 'application/x-jsonlines', 'application/json-lines', 'application/stream+json'],
  ],
  'json-seq': ['application/json-seq'],
  events: ['text/event-stream'],
  csv: ['text/csv', 'application/csv'],
  tsv: ['text/tab-separated-values'],
  form: ['application/x-www-form-urlencoded'],
  markup: [
    ...['application/xml', 'text/xml', 'application/xml-dtd', 'text/yaml', 'text/x-yaml', 'text/vnd.yaml'],
    ...['application/yaml', 'application/x-yaml', 'application/toml'],
  ],
  text: [
    ...['application/javascript', 'application/x-javascript', 'application/ecmascript', 'application/typescript'],
    ...['application/sql', 'application/graphql', 'application/x-sh', 'application/x-pem-file'],
    ...['application/xhtml+xml', 'application/jwt', 'application/openmetrics-text', 'image/svg+xml'],
  ],
  media: ['application/wasm'],
  unread: ['multipart/byteranges'],
};

const kinds: ReadonlyMap<string, BodyKind> = new Map(
  Object.entries(named).flatMap(([kind, types]) => types.map((type) => [type, kind as BodyKind] as const)),
);

/** `mediaType` in any case, without parameters; null or empty where none is given. */
export function bodyKindOf(mediaType: string | null): BodyKind {
  const type = mediaType?.trim().toLowerCase() ?? '';
  const known = kinds.get(type);
  if (known !== undefined) return known;
  if (type.endsWith('+json') || type.endsWith('/json')) return 'json';
  if (type.endsWith('+json-seq')) return 'json-seq';
  if (type.endsWith('+xml') || type.endsWith('+yaml')) return 'markup';
  if (type.startsWith('multipart/')) return 'multipart';
  if (type.startsWith('text/')) return 'text';
  return /^(?:image|video|audio|font)\//.test(type) ? 'media' : 'unread';
}
