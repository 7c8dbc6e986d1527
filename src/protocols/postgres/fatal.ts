/**
 * How an error that ends a connection is told to the client: FATAL ErrorResponse with a SQLSTATE.
 *
 * Invariant: only `publicMessage` is shown, never detail, cause or upstream text.
 * Source: PostgreSQL documentation, appendix A "PostgreSQL Error Codes".
 */
import { GatewayError } from '../../base/errors.ts';
import { encodeErrorResponse } from './backend.ts';

const sqlStates: Readonly<Record<string, string>> = {
  'postgres.text-invalid': '22021',
  'postgres.too-many-statements': '54000',
  'postgres.password-text-too-long': '54000',
  'postgres.tls-required': '28000',
  'postgres.no-user': '28000',
  'postgres.no-resource': '28000',
  'postgres.protocol-version': '0A000',
  'postgres.client-encoding': '0A000',
  'postgres.replication': '0A000',
  'postgres.startup-parameter': '42501',
  'postgres.other-database': '3D000',
  'postgres.closed': '08006',
  'postgres.upstream-protocol': '08P01',
  'postgres.upstream-tls': '08001',
  'postgres.upstream-authentication': '08004',
  'postgres.upstream-credential-refused': '08004',
  'postgres.upstream-full': '53300',
  'postgres.upstream-no-database': '3D000',
  'postgres.upstream-unavailable': '57P03',
  'postgres.upstream-parameter': '22023',
  'postgres.upstream-refused': '08004',
  'postgres.upstream-encoding': '0A000',
  'base.scram': '28P01',
  'base.deadline': '08006',
  'core.not-authenticated': '28P01',
  'core.throttled': '28000',
  'core.step-up-required': '28000',
  'core.step-up-refused': '28000',
  'core.no-access': '42501',
  'core.wrong-protocol': '42501',
  'core.upstream-unreachable': '08001',
  'core.credential-unavailable': '08004',
  'core.journal-unavailable': '58030',
  'core.recording-failed': '58030',
  'core.no-space': '53100',
  'core.too-many-sessions': '53300',
  'core.gateway-full': '53300',
  'core.shutting-down': '57P01',
};

const hints: Readonly<Record<string, string>> = {
  'postgres.tls-required': 'Set sslmode=require in your client (for psql: "sslmode=require" or PGSSLMODE=require).',
};

/** The SQLSTATE of an error: 08P01 for broken protocol, 42501 for a denial, XX000 for what is our own fault. */
export function sqlStateOf(error: unknown): string {
  if (!(error instanceof GatewayError)) return 'XX000';
  const state = sqlStates[error.code];
  if (state !== undefined) return state;
  return { protocol: '08P01', denial: '42501', operation: '58000', assertion: 'XX000' }[error.kind];
}

/** The whole ErrorResponse. */
export function encodeFatal(error: unknown): Buffer {
  const known = error instanceof GatewayError ? error : null;
  const hint = known === null ? undefined : hints[known.code];
  return encodeErrorResponse({
    severity: 'FATAL',
    code: sqlStateOf(error),
    message: known?.publicMessage ?? 'The gateway could not go on with this connection.',
    ...(hint === undefined ? {} : { hint }),
  });
}
