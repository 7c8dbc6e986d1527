/** Our words for objects, and S3's: pure. */
import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import type { ObjectFacts, ObjectLock, PutOptions } from './store.ts';

/** Where a whole object's SHA-256 stands beside it: a checksum by the store covers single pieces of a large one. */
const digestName = 'sha256';

/** As S3 writes digests. */
export function base64Of(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

/** `VALUE`, or `VALUE-PARTS` where it is over the digests of the parts. */
export function checksumOf(text: string): NonNullable<ObjectFacts['checksum']> {
  const [, value = text, parts] = /^(.*)-(\d+)$/.exec(text) ?? [];
  return { value, parts: parts === undefined ? null : Number(parts) };
}

export interface LockFields {
  readonly ObjectLockMode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly ObjectLockRetainUntilDate: Date;
}

export function lockFields(lock: ObjectLock): LockFields {
  return {
    ObjectLockMode: lock.mode === 'compliance' ? 'COMPLIANCE' : 'GOVERNANCE',
    ObjectLockRetainUntilDate: new Date(lock.untilMs),
  };
}

interface ObjectFields extends Partial<LockFields> {
  readonly ContentType: string;
  readonly ContentEncoding?: string;
  readonly Metadata: Record<string, string>;
}

/** What goes along with content, however it is sent. `sha256`: of the whole, where it is known before. */
export function objectFields(options: PutOptions, sha256: string | null): ObjectFields {
  return {
    ContentType: options.contentType ?? 'application/octet-stream',
    ...(options.contentEncoding === undefined ? {} : { ContentEncoding: options.contentEncoding }),
    Metadata: { ...options.metadata, ...(sha256 === null ? {} : { [digestName]: sha256 }) },
    ...(options.lock === undefined ? {} : lockFields(options.lock)),
  };
}

export function factsOfHead(key: string, head: HeadObjectCommandOutput): ObjectFacts {
  const { [digestName]: noted, ...metadata } = head.Metadata ?? {};
  const mode = head.ObjectLockMode;
  const until = head.ObjectLockRetainUntilDate;
  return {
    key,
    bytes: head.ContentLength ?? 0,
    // S3 calls the only version of a bucket that keeps none `null`.
    version: head.VersionId === undefined || head.VersionId === 'null' ? null : head.VersionId,
    modifiedMs: head.LastModified?.getTime() ?? 0,
    sha256: noted !== undefined && /^[0-9a-f]{64}$/.test(noted) ? noted : null,
    checksum: head.ChecksumSHA256 === undefined ? null : checksumOf(head.ChecksumSHA256),
    lock:
      mode === undefined || until === undefined
        ? null
        : { mode: mode === 'COMPLIANCE' ? 'compliance' : 'governance', untilMs: until.getTime() },
    isHeld: head.ObjectLockLegalHoldStatus === 'ON',
    metadata,
  };
}
