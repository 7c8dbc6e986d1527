/**
 * Errors as problem documents (RFC 9457).
 *
 * Invariant: only codes and public messages of the errors' own tables go out; anything else is `api.internal`, and its
 * text stays in the log under the request's id.
 */
import { STATUS_CODES } from 'node:http';
import { type GatewayError, isGatewayError } from '../base/errors.ts';
import { escapeLine } from '../base/escape.ts';
import { contractLimits, type FactorStepView, type FieldProblem, formatPath, type Problem } from './contract/index.ts';
import { type ApiErrorCode, apiErrors, statusOfApiError } from './errors.ts';
import type { SearchProblem } from './search-ports.ts';

/** What is wrong with fields of the request, beside the error that says so. */
export interface RequestProblem extends FieldProblem {
  /** Ordinal in `documents`, or null. */
  readonly document: number | null;
  /** Of a text: from which character to before which, and what would be possible there. */
  readonly range?: { readonly at: number; readonly end: number };
  readonly possible?: string[];
}

const listed = new WeakMap<GatewayError, readonly RequestProblem[]>();
const steps = new WeakMap<GatewayError, FactorStepView>();

/** An `api.invalid-manifest` that carries all problems. */
export function invalidManifest(problems: readonly RequestProblem[]): GatewayError {
  return withProblems(apiErrors('api.invalid-manifest', { values: { count: problems.length } }), problems);
}

/** An `api.invalid` that names the first field in its message and carries all. */
export function invalidRequest(problems: readonly FieldProblem[]): GatewayError {
  const first = problems[0];
  const field = first === undefined ? '' : formatPath(first.path);
  const reason = first === undefined ? 'its fields.' : `${field === '' ? 'it' : field}: ${first.message}.`;
  return withProblems(
    apiErrors('api.invalid', { values: { reason } }),
    problems.map((problem) => ({ ...problem, document: null })),
  );
}

/** A query that cannot be read, with the place and what would be possible there. */
export function unreadableSearch({ at, end, message, possible }: SearchProblem): GatewayError {
  const values = { character: at + 1, problem: escapeLine(message) };
  return withProblems(apiErrors('api.unreadable-search', { values }), [
    { document: null, path: ['query'], on: 'value', message, range: { at, end }, possible: [...possible] },
  ]);
}

/** The password was right; what the sign-on still needs goes with the error. */
export function factorNeeded(step: FactorStepView): GatewayError {
  const error = apiErrors('api.factor-needed');
  steps.set(error, step);
  return error;
}

export function problemOf(error: GatewayError, requestId: string, status: number): Problem {
  const problems = listed.get(error);
  const step = steps.get(error);
  return {
    type: `urn:sallyport:error:${error.code}`,
    title: STATUS_CODES[status] ?? 'Error',
    status,
    code: error.code,
    detail: error.publicMessage,
    requestId,
    ...(step === undefined ? {} : { step }),
    ...(problems === undefined
      ? {}
      : {
          problems: problems.slice(0, contractLimits.problemsMax).map((problem) => ({
            document: problem.document,
            path: [...problem.path],
            on: problem.on,
            message: problem.message,
            ...(problem.range === undefined ? {} : { range: problem.range }),
            ...(problem.possible === undefined ? {} : { possible: [...problem.possible] }),
          })),
        }),
  };
}

/** Codes of other rooms that mean something else over HTTP than their kind says. */
const knownStatuses: Readonly<Record<string, number>> = {
  'core.not-authenticated': 401,
  'core.no-access': 403,
  'base.deadline': 503,
  'recording.deleted': 410,
  'gateway.alert-not-found': 404,
  'gateway.response-not-found': 404,
  'gateway.alert-state': 409,
  'gateway.response-over': 409,
  'gateway.alert-assignee': 400,
  'review.not-found': 404,
  'review.grant-not-found': 404,
  'review.bad-signature': 401,
  'review.over': 409,
  'review.expired': 409,
  'review.already-decided': 409,
  'review.conflict': 409,
  'review.reason-required': 400,
  'review.reason-too-long': 400,
  'review.duration': 400,
  'review.not-requestable': 404,
  'review.too-many-pending': 429,
};

export function statusOf(error: GatewayError): number {
  if (error.code in statusOfApiError) return statusOfApiError[error.code as ApiErrorCode];
  const known = knownStatuses[error.code];
  if (known !== undefined) return known;
  if (error.code.endsWith('.throttled')) return 429;
  switch (error.kind) {
    case 'denial':
      return 403;
    case 'protocol':
      return 400;
    case 'operation':
      return 503;
    case 'assertion':
      return 500;
  }
}

/** Any thrown value as an error that may be shown. */
export function publicErrorOf(thrown: unknown, bodyBytesMax: number): GatewayError {
  if (isGatewayError(thrown))
    return thrown.kind === 'assertion' ? apiErrors('api.internal', { cause: thrown }) : thrown;
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : null;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return apiErrors('api.too-large', { values: { limit: bodyBytesMax } });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return apiErrors('api.media-type');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return apiErrors('api.malformed', { values: { reason: 'its length is not what was announced.' } });
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return apiErrors('api.no-route');
    default:
      return apiErrors('api.internal', { cause: thrown });
  }
}

function withProblems(error: GatewayError, problems: readonly RequestProblem[]): GatewayError {
  listed.set(error, problems);
  return error;
}
