/**
 * An object store that speaks S3, by AWS's own client.
 *
 * Invariants: every object is sent with its SHA-256, which the store compares; connections go only to addresses that the store's
 * configuration allows (A-API-04), and every wait has a deadline; a file of any size takes a few pieces of memory; keys and
 * secrets are read at use and stand in no error. The client is loaded with the first store, so that a gateway without one does
 * not carry it.
 *
 * Deliberately absent: making buckets, their policies and rules; caching.
 *
 * Amazon S3 API Reference (2006-03-01).
 */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type * as Sdk from '@aws-sdk/client-s3';
import { isGatewayError } from '../../base/errors.ts';
import { auditErrors } from '../errors.ts';
import { clientOptions, type S3Options } from './client-options.ts';
import { base64Of, checksumOf, factsOfHead, lockFields, objectFields } from './forms.ts';
import {
  keyBytesMax,
  listPageMax,
  requestDeadlineMs,
  stallDeadlineMs,
  transferDeadlineMs,
  wholeBytesMax,
} from './limits.ts';
import { type MultipartStore, putFileInParts, putStreamInParts } from './multipart.ts';
import { isObjectProblem, problemOf } from './problems.ts';
import type {
  ListedObject,
  ObjectFacts,
  ObjectLock,
  ObjectRange,
  ObjectStore,
  PutOptions,
  StoredObject,
} from './store.ts';

/** Opens nothing yet: connections are made as they are needed. */
export async function openS3(options: S3Options): Promise<ObjectStore> {
  const sdk = await import('@aws-sdk/client-s3');
  return new S3Store(sdk, options);
}

type Request<Output extends object> = (client: Sdk.S3Client, call: { abortSignal: AbortSignal }) => Promise<Output>;

/** A deadline that can be called off, joined with the caller's signal. */
function deadlined(
  deadlineMs: number,
  ...signals: readonly (AbortSignal | undefined)[]
): {
  readonly signal: AbortSignal;
  readonly done: () => void;
} {
  const own = new AbortController();
  const timer = setTimeout(() => {
    own.abort(Object.assign(new Error(`no answer within ${deadlineMs} ms`), { name: 'TimeoutError' }));
  }, deadlineMs);
  timer.unref();
  const joined = AbortSignal.any([own.signal, ...signals.filter((one) => one !== undefined)]);
  return { signal: joined, done: () => clearTimeout(timer) };
}

class S3Store implements ObjectStore, MultipartStore {
  readonly name: string;
  readonly sdk: typeof Sdk;
  readonly #client: Sdk.S3Client;
  readonly #bucket: string;
  readonly #requestDeadlineMs: number;
  readonly #closing = new AbortController();

  constructor(sdk: typeof Sdk, options: S3Options) {
    this.sdk = sdk;
    this.#bucket = options.bucket;
    this.#requestDeadlineMs = options.requestDeadlineMs ?? requestDeadlineMs;
    this.name = `s3://${options.bucket}`;
    this.#client = new sdk.S3Client(clientOptions(options));
  }

  /** One request: bounded in time, its failure as one of ours. `fields` begins with the bucket and the key. */
  async ask<Output extends object>(
    doing: string,
    request: Request<Output>,
    signal?: AbortSignal,
    deadlineMs: number = this.#requestDeadlineMs,
  ): Promise<Output> {
    const { signal: abortSignal, done } = deadlined(deadlineMs, signal, this.#closing.signal);
    try {
      return await request(this.#client, { abortSignal });
    } catch (error) {
      throw problemOf(error, doing, signal);
    } finally {
      done();
    }
  }

  at(key: string): { readonly Bucket: string; readonly Key: string } {
    const bytes = Buffer.byteLength(key);
    if (bytes === 0 || bytes > keyBytesMax) {
      throw auditErrors('audit.object-refused', {
        values: { reason: 'KeyTooLong' },
        detail: `a key of ${bytes} bytes`,
      });
    }
    return { Bucket: this.#bucket, Key: key };
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<StoredObject> {
    if (body.length > wholeBytesMax) throw auditErrors('audit.object-too-large', { values: { bytes: body.length } });
    const sha256 = createHash('sha256').update(body).digest('hex');
    const command = new this.sdk.PutObjectCommand({
      ...this.at(key),
      ...objectFields(options, sha256),
      Body: body,
      ContentLength: body.length,
      ChecksumSHA256: base64Of(sha256),
      ...(options.onlyNew === true ? { IfNoneMatch: '*' } : {}),
    });
    const deadlineMs = transferDeadlineMs * Math.max(1, Math.ceil(body.length / (8 * 1024 * 1024)));
    await this.ask('put', (client, call) => client.send(command, call), options.signal, deadlineMs);
    return this.settle(key, { bytes: body.length, sha256, checksum: checksumOf(base64Of(sha256)) }, options);
  }

  putFile(key: string, path: string, options: PutOptions = {}): Promise<StoredObject> {
    return putFileInParts(this, key, path, options);
  }

  putStream(key: string, source: AsyncIterable<Uint8Array>, options: PutOptions = {}): Promise<StoredObject> {
    return putStreamInParts(this, key, source, options);
  }

  /** What was sent is there, whole and locked as asked: the end of every `put`. */
  async settle(
    key: string,
    sent: { readonly bytes: number; readonly sha256: string; readonly checksum: NonNullable<ObjectFacts['checksum']> },
    options: PutOptions,
  ): Promise<StoredObject> {
    const { bytes, sha256 } = sent;
    let facts = await this.#mustHead(key, options.signal);
    const differs = (why: string): Error =>
      auditErrors('audit.object-damaged', { detail: `${key}: ${why}`, values: { bytes } });
    if (facts.bytes !== bytes) throw differs(`${facts.bytes} bytes there, ${bytes} sent`);
    const { checksum } = facts;
    if (checksum !== null && (checksum.value !== sent.checksum.value || checksum.parts !== sent.checksum.parts)) {
      throw differs('another checksum');
    }
    if (checksum === null) await this.#readBack(key, sent, options.signal);
    if (options.lock !== undefined) {
      // An upload that was taken up again may have been begun with an earlier end.
      if (facts.lock !== null && facts.lock.untilMs < wholeSeconds(options.lock.untilMs)) {
        await this.lock(key, options.lock, options.signal);
        facts = await this.#mustHead(key, options.signal);
      }
      if (facts.lock === null || facts.lock.untilMs < wholeSeconds(options.lock.untilMs)) {
        throw auditErrors('audit.object-unlocked', { detail: `${key}: no lock, or a shorter one` });
      }
    }
    const lockedUntilMs = facts.lock?.untilMs ?? null;
    const verified = checksum === null ? 'read-back' : 'checksum';
    return { key, bytes, sha256, version: facts.version, lockedUntilMs, verified };
  }

  async head(key: string, signal?: AbortSignal): Promise<ObjectFacts | null> {
    const command = new this.sdk.HeadObjectCommand({ ...this.at(key), ChecksumMode: 'ENABLED' });
    try {
      const answer = await this.ask('head', (client, call) => client.send(command, call), signal);
      return factsOfHead(key, answer);
    } catch (error) {
      if (isObjectProblem(error, 'audit.object-absent')) return null;
      throw error;
    }
  }

  async #mustHead(key: string, signal?: AbortSignal): Promise<ObjectFacts> {
    const facts = await this.head(key, signal);
    if (facts === null) throw auditErrors('audit.object-absent', { detail: key });
    return facts;
  }

  async get(key: string, range?: ObjectRange, signal?: AbortSignal): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of this.read(key, range, signal)) {
      bytes += piece.length;
      if (bytes > wholeBytesMax) throw auditErrors('audit.object-too-large', { values: { bytes } });
      pieces.push(piece);
    }
    return Buffer.concat(pieces, bytes);
  }

  async *read(key: string, range?: ObjectRange, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    if (range?.length === 0) return;
    const bounds = range === undefined ? {} : { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
    const command = new this.sdk.GetObjectCommand({ ...this.at(key), ...bounds });
    const abort = new AbortController();
    const joined = signal === undefined ? abort.signal : AbortSignal.any([abort.signal, signal]);
    try {
      const answer = await this.ask('get', (client) => this.#first(client, command, joined), signal);
      const body = answer.Body as Readable | undefined;
      if (body === undefined) return;
      yield* unstalled(body, abort);
    } catch (error) {
      if (isOutOfRange(error)) return;
      throw problemOf(error, 'get', signal);
    } finally {
      // Whatever was not read is not waited for.
      abort.abort();
    }
  }

  /** The head of an answer within the deadline of a request; its content takes as long as it flows. */
  async #first(
    client: Sdk.S3Client,
    command: Sdk.GetObjectCommand,
    abortSignal: AbortSignal,
  ): Promise<Sdk.GetObjectCommandOutput> {
    const { signal, done } = deadlined(this.#requestDeadlineMs, this.#closing.signal);
    const sent = client.send(command, { abortSignal });
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    try {
      return await Promise.race([sent, late]);
    } catch (error) {
      // One that answers after all is let go.
      sent.then(({ Body }) => (Body as Readable | undefined)?.destroy()).catch(() => undefined);
      throw error;
    } finally {
      done();
    }
  }

  async *list(prefix: string, after?: string, signal?: AbortSignal): AsyncGenerator<ListedObject> {
    let token: string | undefined;
    do {
      const command = new this.sdk.ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: prefix,
        MaxKeys: listPageMax,
        ...(token === undefined ? {} : { ContinuationToken: token }),
        ...(after === undefined ? {} : { StartAfter: after }),
      });
      const page = await this.ask('list', (client, call) => client.send(command, call), signal);
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, bytes: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0 };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async verify(
    key: string,
    expected: { readonly bytes: number; readonly sha256: string },
    signal?: AbortSignal,
  ): Promise<StoredObject> {
    const facts = await this.#mustHead(key, signal);
    const { bytes, sha256 } = expected;
    if (facts.bytes !== bytes) {
      throw auditErrors('audit.object-damaged', { detail: `${key}: ${facts.bytes} bytes there, ${bytes} expected` });
    }
    const isWhole = facts.checksum !== null && facts.checksum.parts === null;
    if (isWhole && facts.checksum?.value !== base64Of(sha256)) {
      throw auditErrors('audit.object-damaged', { detail: `${key}: another checksum` });
    }
    if (!isWhole) await this.#readBack(key, expected, signal);
    const lockedUntilMs = facts.lock?.untilMs ?? null;
    return { key, bytes, sha256, version: facts.version, lockedUntilMs, verified: isWhole ? 'checksum' : 'read-back' };
  }

  async #readBack(
    key: string,
    expected: { readonly bytes: number; readonly sha256: string },
    signal?: AbortSignal,
  ): Promise<void> {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of this.read(key, undefined, signal)) {
      hash.update(piece);
      bytes += piece.length;
      if (bytes > expected.bytes) break;
    }
    if (bytes !== expected.bytes || hash.digest('hex') !== expected.sha256) {
      throw auditErrors('audit.object-damaged', { detail: `${key}: read back, it differs` });
    }
  }

  async delete(key: string, signal?: AbortSignal): Promise<void> {
    const at = this.at(key);
    const versions = await this.#versionsOf(key, signal);
    // Without versions, or where they may not be listed, the object itself.
    const targets = versions.length === 0 ? [undefined] : versions;
    for (const version of targets) {
      const command = new this.sdk.DeleteObjectCommand({
        ...at,
        ...(version === undefined ? {} : { VersionId: version }),
      });
      try {
        await this.ask('delete', (client, call) => client.send(command, call), signal);
      } catch (error) {
        throw (await this.#isLocked(key, version, signal, error))
          ? auditErrors('audit.object-locked', { cause: error })
          : error;
      }
    }
  }

  async #isLocked(
    key: string,
    version: string | undefined,
    signal: AbortSignal | undefined,
    error: unknown,
  ): Promise<boolean> {
    if (!isObjectProblem(error, 'audit.object-denied') && !isObjectProblem(error, 'audit.object-refused')) return false;
    const command = new this.sdk.HeadObjectCommand({
      ...this.at(key),
      ...(version === undefined ? {} : { VersionId: version }),
    });
    try {
      const facts = factsOfHead(key, await this.ask('head', (client, call) => client.send(command, call), signal));
      return facts.isHeld || (facts.lock !== null && facts.lock.untilMs > Date.now());
    } catch (problem) {
      if (isGatewayError(problem)) return false;
      throw problem;
    }
  }

  async #versionsOf(key: string, signal?: AbortSignal): Promise<string[]> {
    const found: string[] = [];
    let markers: { readonly KeyMarker?: string; readonly VersionIdMarker?: string } = {};
    for (;;) {
      const command = new this.sdk.ListObjectVersionsCommand({ Bucket: this.#bucket, Prefix: key, ...markers });
      let page: Sdk.ListObjectVersionsCommandOutput;
      try {
        page = await this.ask('list versions', (client, call) => client.send(command, call), signal);
      } catch (error) {
        // A store without versions, or keys that may not see them.
        if (isObjectProblem(error, 'audit.object-refused') || isObjectProblem(error, 'audit.object-denied')) return [];
        throw error;
      }
      const entries = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
      for (const entry of entries) if (entry.Key === key && entry.VersionId !== undefined) found.push(entry.VersionId);
      const { NextKeyMarker: next, NextVersionIdMarker: version } = page;
      // Keys come in order: behind this one nothing is of it.
      if (page.IsTruncated !== true || next === undefined || next > key) return found;
      markers = { KeyMarker: next, ...(version === undefined ? {} : { VersionIdMarker: version }) };
    }
  }

  async lock(key: string, lock: ObjectLock, signal?: AbortSignal): Promise<void> {
    const { ObjectLockMode, ObjectLockRetainUntilDate } = lockFields(lock);
    const command = new this.sdk.PutObjectRetentionCommand({
      ...this.at(key),
      Retention: { Mode: ObjectLockMode, RetainUntilDate: ObjectLockRetainUntilDate },
    });
    await this.ask('lock', (client, call) => client.send(command, call), signal);
  }

  async describe(signal?: AbortSignal): Promise<{ readonly locks: boolean; readonly versions: boolean }> {
    const bucket = { Bucket: this.#bucket };
    const head = new this.sdk.HeadBucketCommand(bucket);
    await this.ask('head bucket', (client, call) => client.send(head, call), signal).catch((error: unknown) => {
      throw isObjectProblem(error, 'audit.object-absent')
        ? auditErrors('audit.object-bucket-absent', { detail: this.name })
        : error;
    });
    const lock = new this.sdk.GetObjectLockConfigurationCommand(bucket);
    const locks = await this.#offered(async () => {
      const found = await this.ask('read the lock', (client, call) => client.send(lock, call), signal);
      return found.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled';
    });
    const version = new this.sdk.GetBucketVersioningCommand(bucket);
    const versions = await this.#offered(async () => {
      const found = await this.ask('read versioning', (client, call) => client.send(version, call), signal);
      return found.Status === 'Enabled';
    });
    return { locks, versions };
  }

  /** False where the store does not have it; what does not answer, or is denied, is said. */
  async #offered(look: () => Promise<boolean>): Promise<boolean> {
    try {
      return await look();
    } catch (error) {
      if (isObjectProblem(error, 'audit.object-absent') || isObjectProblem(error, 'audit.object-refused')) return false;
      if (isObjectProblem(error, 'audit.object-unlocked')) return false;
      throw error;
    }
  }

  close(): void {
    this.#closing.abort(auditErrors('audit.object-unreachable', { values: { reason: 'closed' } }));
    this.#client.destroy();
  }
}

/** Pieces as they come; a peer that stops sending is given up, a reader that is slow is waited for. */
async function* unstalled(body: Readable, abort: AbortController): AsyncGenerator<Uint8Array> {
  const pieces = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const timer = setTimeout(() => {
        body.destroy(Object.assign(new Error('the answer stopped'), { name: 'TimeoutError' }));
        abort.abort();
      }, stallDeadlineMs);
      try {
        const { done, value } = await pieces.next();
        if (done === true) return;
        yield value;
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    body.destroy();
  }
}

function isOutOfRange(error: unknown): boolean {
  const cause = isGatewayError(error) ? error.cause : error;
  return cause instanceof Error && cause.name === 'InvalidRange';
}

/** Stores keep the end of a lock in whole seconds. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
