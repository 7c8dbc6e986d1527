/**
 * What the gateway itself says, as `Status` objects (meta/v1): kubectl prints their message and goes by their reason.
 *
 * Invariants: nothing in it comes from the target; it says what happened, by which rule, and what to do next.
 *
 * Source: Kubernetes API conventions, "Response Status Kind".
 */
import { type Answer, type Field, ownAnswerFields, type Refusal } from '../http/index.ts';

/** `reason` of a status, by code (apimachinery, meta/v1 types). Clients decide by it what they do next. */
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  408: 'Timeout',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

export interface Status {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

export function statusOf({ status, detail, rule = null, session = null, command = null }: Refusal): Status {
  const where = session === null ? '' : ` [session ${session}${command === null ? '' : `, command ${command}`}]`;
  const by = rule === null ? '' : ` (rule ${rule})`;
  // What is beyond kubectl's words is ours: a failed upgrade of connections, a gateway's trouble.
  return { code: status, reason: reasons[status] ?? 'ServiceUnavailable', message: `${detail}${by}${where}` };
}

export function statusBody({ code, reason, message }: Status): Buffer {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
  return Buffer.from(`${JSON.stringify(status)}\n`);
}

/** A refusal as every client of Kubernetes reads it: JSON, whatever it asked for. */
export function renderStatus(refusal: Refusal): Answer {
  const body = statusBody(statusOf(refusal));
  const fields: Field[] = [
    ['Content-Type', 'application/json'],
    ['Content-Length', String(body.length)],
    ...ownAnswerFields,
    ...(refusal.fields ?? []),
  ];
  return { status: refusal.status, fields, body, trailers: [] };
}

/** One line for people beside an answer (RFC 7234, section 5.5.1); kubectl prints it as a warning. */
export function warning(text: string): Field {
  const plain = text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, (character) => `\\${character}`);
  return ['Warning', `299 - "${plain}"`];
}

/** What a target answered where it would not do what was asked. Untrusted text. */
export interface TargetStatus {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

/** Reads a `Status`, or what stands in its place. */
export function parseStatus(code: number, body: string): TargetStatus {
  const other = { code, reason: reasons[code] ?? '', message: body.trim() || `the cluster answered ${code}` };
  try {
    const { kind, message, reason } = JSON.parse(body) as Record<string, unknown>;
    if (kind !== 'Status' || typeof message !== 'string') return other;
    return { code, reason: typeof reason === 'string' ? reason : other.reason, message };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return other;
    throw error;
  }
}

/** Passes on what a target said. */
export function renderTargetStatus(status: TargetStatus): Answer {
  const code = status.code >= 400 && status.code < 600 ? status.code : 502;
  const body = statusBody({ ...status, code });
  const fields: Field[] = [
    ['Content-Type', 'application/json'],
    ['Content-Length', String(body.length)],
    ...ownAnswerFields,
  ];
  return { status: code, fields, body, trailers: [] };
}
