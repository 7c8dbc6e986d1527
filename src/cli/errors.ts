/**
 * Errors of the command line: each says what happened in one line and what to do in another, and fixes the exit code.
 *
 * Unlike the other rooms' errors these are written for the person at the terminal, so they may name local files. They
 * carry neither a token nor a stack.
 */
import { type ErrorDefinition, GatewayError } from '../base/errors.ts';
import { type ExitCode, exitCodes } from './exit.ts';

interface CliErrorDefinition extends ErrorDefinition {
  /** What to do next. `{name}` is filled as in the message. */
  readonly todo: string;
  readonly exit: ExitCode;
}

const definitions = {
  'cli.usage': { kind: 'operation', message: '{what}', todo: '{todo}', exit: exitCodes.usage },
  'cli.no-file': {
    kind: 'operation',
    message: 'The file {path} cannot be read: {why}.',
    todo: 'Check the path and that you may read it.',
    exit: exitCodes.usage,
  },
  'cli.cannot-write': {
    kind: 'operation',
    message: 'The file {path} cannot be written: {why}.',
    todo: 'Choose another place, or make room.',
    exit: exitCodes.usage,
  },
  'cli.no-token': {
    kind: 'operation',
    message: 'There is no token from {server}: {why}',
    todo: 'Compare the claims of the token with the workloads of the Principal. An operator finds more in the log.',
    exit: exitCodes.denied,
  },
  'cli.too-large': {
    kind: 'operation',
    message: '{what} is larger than {bytes} bytes.',
    todo: 'Split it.',
    exit: exitCodes.usage,
  },
  'cli.profiles-damaged': {
    kind: 'operation',
    message: 'The profile file {path} is damaged.',
    todo: 'Remove it and log in again: sallyport login',
    exit: exitCodes.usage,
  },
  'cli.no-profile': {
    kind: 'denial',
    message: 'There is no profile named {name}.',
    todo: 'Log in first: sallyport login --profile {name} --server URL',
    exit: exitCodes.denied,
  },
  'cli.not-logged-in': {
    kind: 'denial',
    message: 'You are not logged in.',
    todo: 'Log in first: sallyport login --server URL',
    exit: exitCodes.denied,
  },
  'cli.token-refused': {
    kind: 'denial',
    message: 'The gateway does not accept your access token: it has expired or was revoked.',
    todo: 'Log in again: sallyport login',
    exit: exitCodes.denied,
  },
  'cli.login-waited': {
    kind: 'operation',
    message: 'The browser did not come back within five minutes.',
    todo: 'Log in again. With the browser on another machine: sallyport login --device',
    exit: exitCodes.denied,
  },
  'cli.denied': { kind: 'denial', message: '{what}', todo: '{todo}', exit: exitCodes.denied },
  'cli.unreachable': {
    kind: 'operation',
    message: 'The gateway at {server} could not be reached: {why}.',
    todo: 'Check that it runs and that the address is right (--server, SALLYPORT_SERVER).',
    exit: exitCodes.unreachable,
  },
  'cli.untrusted': {
    kind: 'operation',
    message: 'The certificate of {server} is not trusted: {why}.',
    todo: "Name the gateway's authority with --ca FILE (or SALLYPORT_CA). Do not go on if you did not expect this.",
    exit: exitCodes.unreachable,
  },
  'cli.server': {
    kind: 'operation',
    message: 'The gateway could not do that: {what}',
    todo: '{todo}',
    exit: exitCodes.server,
  },
  'cli.unexpected-answer': {
    kind: 'operation',
    message: 'The gateway at {server} answered something that this version does not understand.',
    todo: 'Check that the address is that of a Sallyport gateway and that both have the same version (sallyport status).',
    exit: exitCodes.server,
  },
  'cli.no': { kind: 'operation', message: '{what}', todo: '{todo}', exit: exitCodes.no },
  'cli.no-client': {
    kind: 'operation',
    message: '{program} is not installed, or not on the PATH.',
    todo: 'Install it, or take another client: sallyport connect {resource} --print, or --local-port.',
    exit: exitCodes.usage,
  },
  'cli.local-port': {
    kind: 'operation',
    message: 'The local port {port} cannot be opened: {why}.',
    todo: 'Leave the number out and a free one is taken.',
    exit: exitCodes.usage,
  },
  'cli.no-services': {
    kind: 'operation',
    message: 'This installation cannot run {what}: its gateway part is missing.',
    todo: 'Install the whole package: npm install --global sallyport',
    exit: exitCodes.usage,
  },
  'cli.interrupted': { kind: 'operation', message: 'Interrupted.', todo: '', exit: exitCodes.interrupted },
} as const satisfies Readonly<Record<string, CliErrorDefinition>>;

export type CliErrorCode = keyof typeof definitions;

/** An error for the person at the terminal. */
export class CliError extends GatewayError<CliErrorCode> {
  readonly todo: string;
  readonly exit: ExitCode;

  constructor(code: CliErrorCode, message: string, todo: string, exit: ExitCode, cause: unknown) {
    super(code, definitions[code].kind, message, cause === undefined ? {} : { cause });
    this.name = 'CliError';
    this.todo = todo;
    this.exit = exit;
  }
}

type Values = Readonly<Record<string, string | number>>;

/** The one way to make a CliError. `values` may come from elsewhere; whoever prints the error escapes it (I13). */
export function cliError(code: CliErrorCode, values: Values = {}, cause?: unknown): CliError {
  const definition: CliErrorDefinition = definitions[code];
  return new CliError(code, fill(definition.message, values), fill(definition.todo, values), definition.exit, cause);
}

/** Shorthand for what the person asked wrongly. */
export function usage(what: string, todo: string): CliError {
  return cliError('cli.usage', { what, todo });
}

/** The table, for the reference documentation. */
export const cliErrorCodes: Readonly<Record<CliErrorCode, CliErrorDefinition>> = definitions;

function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** A system error's reason in words that need no manual. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  return code === null ? 'unknown reason' : (reasons[code] ?? code);
}

/** The `code` of a system error, looking through `cause` as fetch wraps it. */
export function codeOf(error: unknown): string | null {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string') return at.code;
    if (at instanceof AggregateError && at.errors.length > 0) return codeOf(at.errors[0]);
  }
  return null;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is no folder',
  ENOSPC: 'no space left',
  EADDRINUSE: 'something else listens there',
  EADDRNOTAVAIL: 'no such address here',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was dropped',
  EPIPE: 'the connection was dropped',
  UND_ERR_SOCKET: 'the connection was dropped',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name could not be looked up',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  SELF_SIGNED_CERT_IN_CHAIN: 'it was issued by an authority that this machine does not know',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'it was issued by an authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'it was issued by an authority that this machine does not know',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it was issued for another name',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
};

/** True when a certificate was the reason, as against the network. */
export function isCertificateError(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && /CERT|ISSUER|LEAF_SIGNATURE|ALTNAME/.test(code);
}
