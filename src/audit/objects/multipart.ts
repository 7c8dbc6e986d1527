/**
 * Large objects, in parts.
 *
 * Invariants: each part is sent with its own SHA-256, which the store compares; the whole is put together only from parts
 * whose digests are those computed here; of an upload that was broken off, parts are taken over only where size and digest
 * are the same; a few parts are in memory at a time.
 *
 * Amazon S3: Uploading and copying objects using multipart upload; Checking object integrity.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type * as Sdk from '@aws-sdk/client-s3';
import { auditErrors } from '../errors.ts';
import { base64Of, objectFields } from './forms.ts';
import { objectBytesMax, partBytesMin, partsInFlightMax, partsMax, transferDeadlineMs } from './limits.ts';
import { isObjectProblem } from './problems.ts';
import type { ObjectFacts, ObjectStore, PutOptions, StoredObject } from './store.ts';

/** What the store lends for this. */
export interface MultipartStore extends Pick<ObjectStore, 'put'> {
  readonly sdk: typeof Sdk;
  ask<Output extends object>(
    doing: string,
    request: (client: Sdk.S3Client, call: { abortSignal: AbortSignal }) => Promise<Output>,
    signal?: AbortSignal,
    deadlineMs?: number,
  ): Promise<Output>;
  at(key: string): { readonly Bucket: string; readonly Key: string };
  settle(
    key: string,
    sent: { readonly bytes: number; readonly sha256: string; readonly checksum: NonNullable<ObjectFacts['checksum']> },
    options: PutOptions,
  ): Promise<StoredObject>;
}

/** A part that the store has. */
interface Part {
  readonly number: number;
  readonly etag: string;
  readonly bytes: number;
  /** SHA-256, base64. */
  readonly digest: string;
}

interface Upload {
  readonly id: string;
  readonly parts: ReadonlyMap<number, Part>;
}

/** Bytes of each part of an object of `bytes`: the same for the same, so that an upload can be taken up again. */
export function partBytesOf(bytes: number): number {
  const needed = Math.ceil(bytes / partsMax);
  const mebibyte = 1024 * 1024;
  return Math.max(partBytesMin, Math.ceil(needed / mebibyte) * mebibyte);
}

export async function putFileInParts(
  store: MultipartStore,
  key: string,
  path: string,
  options: PutOptions,
): Promise<StoredObject> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > objectBytesMax) throw auditErrors('audit.object-too-large', { values: { bytes: size } });
    if (size <= partBytesMin) return await store.put(key, await readPart(file, 0, size), options);
    return await putParts(store, key, file, size, options);
  } finally {
    await file.close();
  }
}

async function putParts(
  store: MultipartStore,
  key: string,
  file: FileHandle,
  size: number,
  options: PutOptions,
): Promise<StoredObject> {
  const partBytes = partBytesOf(size);
  const { sha256, digests } = await digestsOf(file, size, partBytes, options.signal);
  const upload =
    (await findUpload(store, key, size, partBytes, digests, options.signal)) ??
    (await beginUpload(store, key, sha256, options));
  const parts = new Map(upload.parts);
  let sent = [...parts.values()].reduce((sum, part) => sum + part.bytes, 0);
  options.onProgress?.(sent);
  const missing = digests
    .map((digest, index) => ({ number: index + 1, digest }))
    .filter(({ number }) => !parts.has(number));
  await inFlight(missing, partsInFlightMax, async ({ number, digest }) => {
    const offset = (number - 1) * partBytes;
    const body = await readPart(file, offset, Math.min(partBytes, size - offset));
    parts.set(number, await putPart(store, key, upload.id, number, body, digest, options.signal));
    sent += body.length;
    options.onProgress?.(sent);
  });
  return complete(store, key, upload.id, parts, { bytes: size, sha256 }, options);
}

export async function putStreamInParts(
  store: MultipartStore,
  key: string,
  source: AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<StoredObject> {
  const whole = createHash('sha256');
  let bytes = 0;
  let upload: Upload | null = null;
  const parts = new Map<number, Part>();
  try {
    for await (const { body, isLast } of inParts(source, partBytesMin)) {
      if (upload === null && isLast) return await store.put(key, body, options);
      whole.update(body);
      bytes += body.length;
      if (parts.size >= partsMax) throw auditErrors('audit.object-too-large', { values: { bytes } });
      upload ??= await beginUpload(store, key, null, options);
      const number = parts.size + 1;
      const digest = createHash('sha256').update(body).digest('base64');
      parts.set(number, await putPart(store, key, upload.id, number, body, digest, options.signal));
      options.onProgress?.(bytes);
    }
    if (upload === null) return await store.put(key, new Uint8Array(0), options);
    return await complete(store, key, upload.id, parts, { bytes, sha256: whole.digest('hex') }, options);
  } catch (error) {
    // What cannot be taken up again is not left to be paid for; where that fails too, the bucket's own rules remove it.
    if (upload !== null) await abandon(store, key, upload.id).catch(() => undefined);
    throw error;
  }
}

/** Reads a file once: its own digest, and those of its parts. */
async function digestsOf(
  file: FileHandle,
  size: number,
  partBytes: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly sha256: string; readonly digests: readonly string[] }> {
  const whole = createHash('sha256');
  const digests: string[] = [];
  const readBytes = 1024 * 1024;
  for (let start = 0; start < size; start += partBytes) {
    const part = createHash('sha256');
    const end = Math.min(start + partBytes, size);
    for (let offset = start; offset < end; offset += readBytes) {
      signal?.throwIfAborted();
      const piece = await readPart(file, offset, Math.min(readBytes, end - offset));
      whole.update(piece);
      part.update(piece);
    }
    digests.push(part.digest('base64'));
  }
  return { sha256: whole.digest('hex'), digests };
}

/** An upload of this very content that was broken off; any other of the same key is given up. */
async function findUpload(
  store: MultipartStore,
  key: string,
  size: number,
  partBytes: number,
  digests: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Upload | null> {
  const { Bucket, Key } = store.at(key);
  const command = new store.sdk.ListMultipartUploadsCommand({ Bucket, Prefix: Key });
  let listed: Sdk.ListMultipartUploadsCommandOutput;
  try {
    listed = await store.ask('list uploads', (client, call) => client.send(command, call), signal);
  } catch (error) {
    // Keys without the right to list, or a store that cannot: everything is sent anew.
    if (isObjectProblem(error, 'audit.object-denied') || isObjectProblem(error, 'audit.object-refused')) return null;
    throw error;
  }
  let found: Upload | null = null;
  for (const { Key: of, UploadId: id } of listed.Uploads ?? []) {
    if (of !== Key || id === undefined) continue;
    const parts: readonly Part[] | null = found === null ? await listParts(store, key, id, signal) : null;
    const isOurs = (part: Part): boolean =>
      part.digest === digests[part.number - 1] &&
      part.bytes === Math.min(partBytes, size - (part.number - 1) * partBytes);
    if (parts !== null && parts.length > 0 && parts.every(isOurs)) {
      found = { id, parts: new Map(parts.map((part) => [part.number, part])) };
    } else await abandon(store, key, id, signal);
  }
  return found;
}

async function listParts(
  store: MultipartStore,
  key: string,
  upload: string,
  signal: AbortSignal | undefined,
): Promise<Part[]> {
  const parts: Part[] = [];
  let after: string | undefined;
  do {
    const command = new store.sdk.ListPartsCommand({
      ...store.at(key),
      UploadId: upload,
      ...(after === undefined ? {} : { PartNumberMarker: after }),
    });
    const page = await store.ask('list parts', (client, call) => client.send(command, call), signal);
    for (const { PartNumber: number, ETag: etag, Size: bytes, ChecksumSHA256: digest } of page.Parts ?? []) {
      if (number === undefined || etag === undefined) continue;
      // Without a digest of the store's own, a part is not taken over.
      parts.push({ number, etag, bytes: bytes ?? 0, digest: digest ?? '' });
    }
    after = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  } while (after !== undefined);
  return parts;
}

async function beginUpload(
  store: MultipartStore,
  key: string,
  sha256: string | null,
  options: PutOptions,
): Promise<Upload> {
  const command = new store.sdk.CreateMultipartUploadCommand({
    ...store.at(key),
    ...objectFields(options, sha256),
    ChecksumAlgorithm: 'SHA256',
    ChecksumType: 'COMPOSITE',
  });
  const { UploadId: id } = await store.ask('begin', (client, call) => client.send(command, call), options.signal);
  if (id === undefined) throw auditErrors('audit.object-unreachable', { values: { reason: 'no usable answer' } });
  return { id, parts: new Map() };
}

async function putPart(
  store: MultipartStore,
  key: string,
  upload: string,
  number: number,
  body: Uint8Array,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<Part> {
  const command = new store.sdk.UploadPartCommand({
    ...store.at(key),
    UploadId: upload,
    PartNumber: number,
    Body: body,
    ContentLength: body.length,
    ChecksumSHA256: digest,
  });
  const deadlineMs = transferDeadlineMs * Math.ceil(body.length / partBytesMin);
  const { ETag: etag } = await store.ask('put part', (client, call) => client.send(command, call), signal, deadlineMs);
  if (etag === undefined) throw auditErrors('audit.object-unreachable', { values: { reason: 'no usable answer' } });
  return { number, etag, bytes: body.length, digest };
}

async function complete(
  store: MultipartStore,
  key: string,
  upload: string,
  parts: ReadonlyMap<number, Part>,
  sent: { readonly bytes: number; readonly sha256: string },
  options: PutOptions,
): Promise<StoredObject> {
  const inOrder = [...parts.values()].sort((a, b) => a.number - b.number);
  const command = new store.sdk.CompleteMultipartUploadCommand({
    ...store.at(key),
    UploadId: upload,
    MultipartUpload: {
      Parts: inOrder.map(({ number, etag, digest }) => ({ PartNumber: number, ETag: etag, ChecksumSHA256: digest })),
    },
    ...(options.onlyNew === true ? { IfNoneMatch: '*' } : {}),
  });
  // Putting a terabyte together takes a store minutes.
  await store.ask('complete', (client, call) => client.send(command, call), options.signal, transferDeadlineMs * 5);
  const over = createHash('sha256');
  for (const { digest } of inOrder) over.update(Buffer.from(digest, 'base64'));
  const checksum = { value: base64Of(over.digest('hex')), parts: inOrder.length };
  return store.settle(key, { ...sent, checksum }, options);
}

async function abandon(store: MultipartStore, key: string, upload: string, signal?: AbortSignal): Promise<void> {
  const command = new store.sdk.AbortMultipartUploadCommand({ ...store.at(key), UploadId: upload });
  await store.ask('abandon', (client, call) => client.send(command, call), signal);
}

/** Exactly `bytes` of a file; one that became shorter meanwhile is not what was meant. */
async function readPart(file: FileHandle, offset: number, bytes: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(bytes);
  let filled = 0;
  while (filled < bytes) {
    const { bytesRead } = await file.read(buffer, filled, bytes - filled, offset + filled);
    if (bytesRead === 0)
      throw auditErrors('audit.object-damaged', { detail: 'the file became shorter while it was sent' });
    filled += bytesRead;
  }
  return buffer;
}

/** A source in pieces of `partBytes`, the last shorter or empty. */
async function* inParts(
  source: AsyncIterable<Uint8Array>,
  partBytes: number,
): AsyncGenerator<{ readonly body: Uint8Array; readonly isLast: boolean }> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of source) {
    let rest = piece;
    while (bytes + rest.length > partBytes) {
      const take = partBytes - bytes;
      yield { body: Buffer.concat([...held, rest.subarray(0, take)], partBytes), isLast: false };
      rest = rest.subarray(take);
      held = [];
      bytes = 0;
    }
    // The source may use its memory again.
    held.push(Uint8Array.from(rest));
    bytes += rest.length;
  }
  yield { body: Buffer.concat(held, bytes), isLast: true };
}

/** Runs `work` over `items`, so many at a time; the first failure ends it, once what is on its way has come back. */
async function inFlight<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed) {
      const item = items[next++];
      if (item === undefined) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, lane));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
