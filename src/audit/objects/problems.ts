/**
 * What a store's refusals mean here: a closed set of errors with texts of our own.
 *
 * Invariant: no text of a store's answer reaches a public message (it may repeat a key, a host or a header); it goes to
 * `detail`, cut.
 */
import { isGatewayError } from '../../base/errors.ts';
import { auditErrors } from '../errors.ts';

/** Bytes of a store's own words that are kept for the log. */
const detailCharsMax = 300;

interface Answered {
  readonly name: string;
  readonly status: number | null;
  readonly message: string;
}

/** Codes of S3 by what they mean. What is not here is told apart by its status. */
const meanings: Readonly<Record<string, 'no-bucket' | 'absent' | 'denied' | 'damaged' | 'exists' | 'busy'>> = {
  NoSuchBucket: 'no-bucket',
  NoSuchKey: 'absent',
  NotFound: 'absent',
  NoSuchVersion: 'absent',
  AccessDenied: 'denied',
  Forbidden: 'denied',
  InvalidAccessKeyId: 'denied',
  // Versity's, for keys that it does not know.
  XAdminUserNotFound: 'denied',
  SignatureDoesNotMatch: 'denied',
  ExpiredToken: 'denied',
  InvalidToken: 'denied',
  CredentialsProviderError: 'denied',
  RequestTimeTooSkewed: 'denied',
  BadDigest: 'damaged',
  InvalidDigest: 'damaged',
  XAmzContentSHA256Mismatch: 'damaged',
  XAmzContentChecksumMismatch: 'damaged',
  PreconditionFailed: 'exists',
  ConditionalRequestConflict: 'exists',
  SlowDown: 'busy',
  ServiceUnavailable: 'busy',
  InternalError: 'busy',
  RequestTimeout: 'busy',
};

/** As an error of this room. An abort by the caller stays what it is. */
export function problemOf(error: unknown, doing: string, signal?: AbortSignal): unknown {
  if (isGatewayError(error)) return error;
  if (signal?.aborted === true) return signal.reason;
  const { name, status, message } = readAnswer(error);
  const detail = `${doing}: ${name}${status === null ? '' : ` (${status})`}: ${message}`.slice(0, detailCharsMax);
  const context = { detail, cause: error };
  const meaning = meanings[name] ?? (status === null ? 'unreachable' : byStatus(status));
  // A bucket without object lock has no code of its own for that.
  if (meaning === 'refused' && /object ?lock/i.test(`${name} ${message}`))
    return auditErrors('audit.object-unlocked', context);
  switch (meaning) {
    case 'no-bucket':
      return auditErrors('audit.object-bucket-absent', context);
    case 'absent':
      return auditErrors('audit.object-absent', context);
    case 'denied':
      return auditErrors('audit.object-denied', context);
    case 'damaged':
      return auditErrors('audit.object-damaged', context);
    case 'exists':
      return auditErrors('audit.object-exists', context);
    case 'refused':
      return auditErrors('audit.object-refused', { ...context, values: { reason: sayable(name) } });
    default:
      return auditErrors('audit.object-unreachable', { ...context, values: { reason: sayable(name) } });
  }
}

/** Whether `error` is one of this room's with that code. */
export function isObjectProblem(error: unknown, code: keyof (typeof auditErrors)['codes']): boolean {
  return isGatewayError(error) && error.code === code;
}

function byStatus(status: number): 'denied' | 'absent' | 'busy' | 'refused' {
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'absent';
  return status === 408 || status === 429 || status >= 500 ? 'busy' : 'refused';
}

function readAnswer(error: unknown): Answered {
  if (!(error instanceof Error)) return { name: 'Error', status: null, message: String(error) };
  const metadata = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata;
  const code = (error as { readonly code?: unknown }).code;
  const status = metadata?.httpStatusCode ?? null;
  // An error of the socket says which by its code, an answer of S3 by its name.
  const name = status === null && typeof code === 'string' ? code : error.name;
  return { name, status, message: error.message };
}

/** A code, such as `SlowDown` or `ECONNREFUSED`; anything that does not look like one is not repeated. */
function sayable(name: string): string {
  return /^[A-Za-z][A-Za-z0-9_]{0,60}$/.test(name) ? name : 'no usable answer';
}
