/**
 * Turning a driver's error into one of ours.
 *
 * Invariant: what a server says in prose (message, detail, hint, where, the statement) is dropped, because it may quote
 * stored values; the SQLSTATE and the names of constraint and table are kept, which is what finds the cause.
 * PostgreSQL documentation: appendix A, error codes.
 */
import { type GatewayError, isGatewayError } from '../base/errors.ts';
import { storeErrors } from './errors.ts';

const states = new WeakMap<GatewayError, string>();

/** The SQLSTATE behind a `store.*` error, or null. */
export function sqlState(error: unknown): string | null {
  return isGatewayError(error) ? (states.get(error) ?? null) : null;
}

interface ServerError {
  readonly code: string;
  readonly severity: unknown;
  readonly constraint?: unknown;
  readonly table?: unknown;
}

const sqlStatePattern = /^[0-9A-Z]{5}$/;

/** True for an error that a PostgreSQL server (or PGlite) sent, as opposed to one of the transport or of JavaScript. */
export function isServerError(error: unknown): error is ServerError {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    sqlStatePattern.test(error.code) &&
    'severity' in error
  );
}

/** True where the connection must not be used again. */
export function losesConnection(error: unknown): boolean {
  return !isServerError(error) || error.code.startsWith('57P') || error.code.startsWith('08');
}

function nameOf(label: string, value: unknown): string {
  return typeof value === 'string' && /^[\w.]{1,64}$/.test(value) ? `, ${label} ${value}` : '';
}

/** Maps whatever a driver threw. Errors that are ours already pass as they are. */
export function toStoreError(error: unknown): GatewayError {
  if (isGatewayError(error)) return error;
  if (isServerError(error)) {
    const detail = `SQLSTATE ${error.code}${nameOf('constraint', error.constraint)}${nameOf('table', error.table)}`;
    const made = storeErrors(codeOfState(error.code), { detail });
    states.set(made, error.code);
    return made;
  }
  // Transport errors of `pg` and of Node: a system error code (ECONNREFUSED) or a fixed phrase of the driver.
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : null;
  const phrase = error instanceof Error ? error.name : typeof error;
  return storeErrors('store.unavailable', { detail: code ?? driverPhrase(error) ?? phrase });
}

// Phrases that the driver itself composes. They hold nothing of ours and tell an operator far more than `Error`.
const driverPhrases = [
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'timeout expired',
  'Query read timeout',
  'The server does not support SSL connections',
  'self-signed certificate',
  'self-signed certificate in certificate chain',
  'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string',
];

function driverPhrase(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  return driverPhrases.find((phrase) => error.message.startsWith(phrase)) ?? null;
}

function codeOfState(state: string): 'store.deadline' | 'store.busy' | 'store.unavailable' | 'store.query-failed' {
  if (state === '57014' || state === '55P03') return 'store.deadline';
  if (state.startsWith('53')) return 'store.busy';
  if (state.startsWith('57P') || state.startsWith('08') || state.startsWith('28')) return 'store.unavailable';
  if (state === '25006' || state === '3D000') return 'store.unavailable';
  return 'store.query-failed';
}
