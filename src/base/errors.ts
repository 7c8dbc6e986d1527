/**
 * The error model that every room shares.
 *
 * Four kinds, told apart by `kind`: a *protocol* error (the peer sent something illegal: close that connection), an
 * *operation* error (I/O, time-out, limit, dependency down: retry or fail closed), a *denial* that had to travel as an
 * exception because it crossed an API boundary, and an *assertion* (our own bug: end the session).
 *
 * Invariant: `publicMessage` is built from the table of a room's `errors.ts` and never carries upstream text, secrets,
 * SQL or file paths. What helps an operator goes to `detail`, which only the log sees.
 *
 * Deliberately absent: stack traces towards a client, numeric codes, inheritance per error.
 */

export type ErrorKind = 'denial' | 'protocol' | 'operation' | 'assertion';

export interface ErrorDefinition {
  readonly kind: ErrorKind;
  /** What the person is told: what happened and what to do next. `{name}` is filled from `values`. */
  readonly message: string;
}

export interface ErrorContext {
  /** For the log only. Escaped there. */
  readonly detail?: string;
  readonly cause?: unknown;
  /** Fill-ins for `{name}` in the message. Must be safe to show to the client. */
  readonly values?: Readonly<Record<string, string | number>>;
}

/** An error with a stable code from a closed union. */
export class GatewayError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly kind: ErrorKind;
  readonly publicMessage: string;
  readonly detail: string | undefined;

  constructor(code: Code, kind: ErrorKind, publicMessage: string, context: ErrorContext = {}) {
    super(`${code}: ${publicMessage}`, context.cause === undefined ? undefined : { cause: context.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.kind = kind;
    this.publicMessage = publicMessage;
    this.detail = context.detail;
  }
}

export interface ErrorTable<Code extends string> {
  readonly codes: Readonly<Record<Code, ErrorDefinition>>;
  (code: Code, context?: ErrorContext): GatewayError<Code>;
}

/**
 * Declares a room's errors: a closed table from code to kind and message, and the one way to make them.
 * Codes are written `room.what-happened`.
 */
export function defineErrors<Code extends string>(codes: Readonly<Record<Code, ErrorDefinition>>): ErrorTable<Code> {
  const make = (code: Code, context: ErrorContext = {}): GatewayError<Code> => {
    const definition = codes[code];
    const values = context.values ?? {};
    const message = definition.message.replace(/\{(\w+)\}/g, (whole, name: string) =>
      name in values ? String(values[name]) : whole,
    );
    return new GatewayError(code, definition.kind, message, context);
  };
  return Object.assign(make, { codes });
}

/** True when `error` is a GatewayError, whichever room made it. */
export function isGatewayError(error: unknown): error is GatewayError {
  return error instanceof GatewayError;
}

/** The text of any thrown value, for `detail` and the log; never for a client. */
export function describeError(error: unknown): string {
  if (isGatewayError(error)) {
    return error.detail === undefined ? error.message : `${error.message} (${error.detail})`;
  }
  return error instanceof Error ? error.message : String(error);
}
