/**
 * The resource's credential on one request: fields that are the same for each, a signature over this one, and what must not
 * come back of either.
 *
 * Invariants:
 * - What of the client's is, or looks like, a signature of AWS does not go on beside the gateway's: fields are dropped, and a
 *   presigned query or a body signed chunk by chunk is refused, since its signature is not to be had anew.
 * - A signature is masked in its answer as a secret is: whoever reads it could send the request again for a quarter of an hour.
 * - A body is signed by its hash where it was read whole. Where it streams, S3 takes `UNSIGNED-PAYLOAD`, over TLS only.
 *
 * Deliberately absent: where tokens come from (secrets), certificates (upstream.ts).
 */
import type { AwsKeys, UpstreamCredential } from '../../core/ports.ts';
import type { Resource } from '../../core/resource.ts';
import type { RequestHead } from './client.ts';
import type { Dialect } from './dialect.ts';
import { httpErrors } from './errors.ts';
import { type Field, firstOf, folded, withFields } from './fields.ts';
import { Secrets } from './secrets.ts';
import { schemeOf } from './settings.ts';
import { hashOf, isS3, sign, unsignedPayload } from './sigv4.ts';

export interface Unsigned {
  readonly method: string;
  readonly target: string;
  readonly authority: string;
  readonly fields: readonly Field[];
  readonly body: { readonly chunks: readonly Buffer[]; readonly isWhole: boolean };
}

/** What of the client's would stand for another signature than the gateway's. */
const signatureFields: ReadonlySet<string> = new Set([
  'authorization',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
  'x-amz-region-set',
]);

/** Parameters of presigned requests, of this version and the one before (S3 only). */
const signedQuery =
  /(?:^|&)(?:x-amz-(?:signature|credential|algorithm|security-token|signedheaders)|awsaccesskeyid|signature)=/i;

const unsignedChunks = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

export class RequestCredential {
  readonly fields: readonly Field[];
  /** What must not come back, whatever was signed. */
  readonly secrets: Secrets;
  readonly #credential: UpstreamCredential | null;
  readonly #resource: Resource;
  readonly #nowMs: () => number;

  /** `fields`: what the dialect makes of the credential. Throws `http.no-credential` where nothing of it can be presented. */
  constructor(
    credential: UpstreamCredential | null,
    fields: readonly Field[],
    secrets: Secrets,
    resource: Resource,
    nowMs: () => number,
  ) {
    this.fields = fields;
    this.secrets = secrets;
    this.#credential = credential;
    this.#resource = resource;
    this.#nowMs = nowMs;
    const hasCertificate = (credential?.clientCertificate ?? null) !== null;
    const isShown = fields.length > 0 || hasCertificate || (credential?.aws ?? null) !== null;
    // A key or a certificate that was configured, and that HTTP cannot carry, must not become no credential at all.
    if ((!isShown && resource.credential !== null) || (hasCertificate && schemeOf(resource) === 'http')) {
      throw httpErrors('http.no-credential', { values: { resource: resource.name } });
    }
  }

  /** The head with a signature, where the credential is one that signs. Throws `http.unsignable`. */
  sign(request: Unsigned): { readonly fields: readonly Field[]; readonly secrets: Secrets } {
    const aws = this.#credential?.aws ?? null;
    if (aws === null) return { fields: request.fields, secrets: this.secrets };
    const { method, target, authority } = request;
    const query = target.includes('?') ? target.slice(target.indexOf('?') + 1) : '';
    if (signedQuery.test(query)) throw this.#unsignable('its query is signed already; ask without a presigned URL');
    const payload = this.#payloadOf(request, aws);
    const fields = request.fields.filter(([name]) => !signatureFields.has(folded(name)));
    const { fields: own, signature } = sign({ method, target, authority, fields, payload }, aws, this.#nowMs());
    return { fields: withFields(fields, own), secrets: this.secrets.and([signature]) };
  }

  /** Whether a request that was answered so may fare better with the token that the next one gets. */
  refused(status: number): boolean {
    return status === 401 && this.#credential?.renewal?.refused() === true;
  }

  #payloadOf({ fields, body }: Unsigned, aws: AwsKeys): string {
    const given = firstOf(fields, 'x-amz-content-sha256') ?? '';
    const isChunked =
      given.startsWith('STREAMING-') || /\baws-chunked\b/i.test(firstOf(fields, 'content-encoding') ?? '');
    const takesUnsigned = isS3(aws) && schemeOf(this.#resource) === 'https';
    if (isChunked) {
      // Chunks with a checksum behind them and no signature: what SDKs send where they trust TLS.
      if (takesUnsigned && given === unsignedChunks) return given;
      throw this.#unsignable('its body is signed chunk by chunk; turn that off in the client');
    }
    if (body.isWhole) return hashOf(body.chunks);
    if (takesUnsigned) return unsignedPayload;
    throw this.#unsignable('its body is too long, or compressed, and a signature must cover it');
  }

  #unsignable(what: string): Error {
    return httpErrors('http.unsignable', { values: { resource: this.#resource.name, what } });
  }
}

/** How the body of a request is read: whole, whatever it is, where a signature must cover it, or its protocol says so. */
export function readingOf(
  dialect: Pick<Dialect, 'readsBody' | 'readsWhole' | 'bodyBytesMax'>,
  resource: Resource,
  head: RequestHead,
): Pick<Dialect, 'readsBody' | 'bodyBytesMax'> {
  const aws = resource.credential?.aws ?? null;
  const isWhole = (aws !== null && !isS3(aws)) || dialect.readsWhole?.(head, resource) === true;
  return isWhole ? { bodyBytesMax: dialect.bodyBytesMax, readsBody: () => true } : dialect;
}

/** The credential as fields, as far as they are the same for each request. */
export function credentialFields(credential: UpstreamCredential | null): Field[] {
  if (credential === null) return [];
  const fields: Field[] = [];
  const { token, username, password, headers } = credential;
  if (token !== undefined && token !== null) fields.push(['Authorization', `Bearer ${token}`]);
  else if (password !== null) {
    fields.push(['Authorization', `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`]);
  }
  for (const [name, value] of Object.entries(headers ?? {})) fields.push([name, value]);
  return fields;
}

/** What of a credential must not come back. */
export function secretsOf(credential: UpstreamCredential | null): Secrets {
  if (credential === null) return new Secrets([]);
  const { token = null, password, aws = null } = credential;
  const texts: string[] = [];
  for (const [, value] of credentialFields(credential)) {
    texts.push(value);
    const scheme = /^(?:Bearer|Basic) (.+)$/.exec(value)?.[1];
    if (scheme !== undefined) texts.push(scheme);
  }
  for (const text of [token, password, aws?.secretAccessKey ?? null, aws?.sessionToken ?? null]) {
    if (text !== null) texts.push(text);
  }
  return new Secrets(texts);
}
