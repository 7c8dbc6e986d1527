/**
 * AWS Signature Version 4 in head fields, as AWS's guide "Create a signed AWS API request" has it.
 *
 *     canonical request = method \n path \n query \n name:value\n… \n names \n hash of the body
 *     string to sign    = AWS4-HMAC-SHA256 \n date \n DAY/REGION/SERVICE/aws4_request \n SHA-256 of the canonical request
 *     signature         = HMAC(HMAC(HMAC(HMAC(HMAC("AWS4" key, DAY), REGION), SERVICE), "aws4_request"), string to sign)
 *
 * Invariants: signed are `host`, `content-type` and all `x-amz-` fields; nothing after this changes one of them. The path is
 * signed as it is sent: S3 takes it as it stands, every other service has it normalised and encoded once more.
 *
 * Deliberately absent: presigned queries, bodies signed chunk by chunk, SigV4A.
 */
import { createHash, createHmac } from 'node:crypto';
import type { AwsKeys } from '../../core/ports.ts';
import type { Field } from './fields.ts';

export interface SignedRequest {
  readonly method: string;
  /** Path and query as they are sent. */
  readonly target: string;
  readonly authority: string;
  readonly fields: readonly Field[];
  /** SHA-256 of the body in hexadecimal, or what S3 takes in place of it. */
  readonly payload: string;
}

export interface Signature {
  /** To be set over what stands under their names. */
  readonly fields: readonly Field[];
  /** In hexadecimal: good for this one request, for a quarter of an hour. */
  readonly signature: string;
}

export const unsignedPayload = 'UNSIGNED-PAYLOAD';

/** Services that take paths as they stand and want the hash of the body as a field. */
export function isS3({ service }: Pick<AwsKeys, 'service'>): boolean {
  return service === 's3' || service === 's3-outposts' || service === 's3-object-lambda' || service === 's3express';
}

export function hashOf(chunks: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

/** Signs as of `nowMs`, wall clock. */
export function sign(request: SignedRequest, keys: AwsKeys, nowMs: number): Signature {
  const date = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const own: Field[] = [
    ['X-Amz-Date', date],
    ...(isS3(keys) ? [['X-Amz-Content-Sha256', request.payload] as const] : []),
    ...(keys.sessionToken === null ? [] : [['X-Amz-Security-Token', keys.sessionToken] as const]),
  ];
  const scope = [date.slice(0, 8), keys.region, keys.service, 'aws4_request'];
  const { canonical, names } = canonicalRequest(request, own, isS3(keys));
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), hashOf([Buffer.from(canonical)])].join('\n');
  let key: string | Buffer = `AWS4${keys.secretAccessKey}`;
  for (const part of scope) key = hmac(key, part);
  const signature = hmac(key, text).toString('hex');
  const credential = `${keys.accessKeyId}/${scope.join('/')}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { fields: [...own, ['Authorization', authorization]], signature };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function canonicalRequest(
  { method, target, authority, fields, payload }: SignedRequest,
  own: readonly Field[],
  takesPathAsItIs: boolean,
): { readonly canonical: string; readonly names: string } {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const values = new Map<string, string[]>([['host', [authority]]]);
  for (const [name, value] of [...fields, ...own]) {
    const known = name.toLowerCase();
    if (known !== 'content-type' && !known.startsWith('x-amz-')) continue;
    const trimmed = value.trim().replace(/ +/g, ' ');
    const before = values.get(known);
    if (before === undefined) values.set(known, [trimmed]);
    else before.push(trimmed);
  }
  const names = [...values.keys()].sort();
  const canonical = [
    method,
    takesPathAsItIs ? pathOf(path) : encodedPath(normalised(path)),
    mark < 0 ? '' : canonicalQuery(target.slice(mark + 1)),
    ...names.map((name) => `${name}:${values.get(name)!.join(',')}`),
    '',
    names.join(';'),
    payload,
  ].join('\n');
  return { canonical, names: names.join(';') };
}

/** One spelling of what is sent: each segment encoded exactly once. */
function pathOf(path: string): string {
  return path
    .split('/')
    .map((segment) => encoded(decoded(segment)))
    .join('/');
}

/** Encoded upon what is encoded already, as all services but S3 do. */
function encodedPath(path: string): string {
  return path
    .split('/')
    .map((segment) => encoded(Buffer.from(segment)))
    .join('/');
}

/** Without empty and dot segments (RFC 3986, section 5.2.4), and with the slash at its end, if there was one. */
function normalised(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/');
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const isFolder = ['', '.', '..'].includes(segments.at(-1)!);
  return `/${kept.join('/')}${isFolder && kept.length > 0 ? '/' : ''}`;
}

function canonicalQuery(query: string): string {
  const pairs: (readonly [string, string])[] = [];
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
    pairs.push([encoded(decoded(spaced(name))), encoded(decoded(spaced(value)))]);
  }
  // By code point: what is encoded is ASCII.
  const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  pairs.sort(([a, x], [b, y]) => order(a, b) || order(x, y));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

/** A plus sign in a query is a space, as in a form: servers read it so and sign what they read. */
function spaced(text: string): string {
  return text.replaceAll('+', '%20');
}

/** The bytes that a part of a target stands for. A percent sign that begins nothing is itself. */
function decoded(text: string): Buffer {
  if (!text.includes('%')) return Buffer.from(text);
  const parts = text.split(/%([0-9A-Fa-f]{2})/);
  return Buffer.concat(parts.map((part, at) => Buffer.from(part, at % 2 === 0 ? 'utf8' : 'hex')));
}

const unreserved = /[A-Za-z0-9\-._~]/;

function encoded(bytes: Buffer): string {
  let out = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    out += unreserved.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
