/** Errors of the client; the server's problems arrive as ApiError with the server's own code. */
import { defineErrors, type ErrorKind, GatewayError } from '../../base/errors.ts';
import type { Problem } from './shapes.ts';

export const clientErrors = defineErrors({
  'client.unreachable': {
    kind: 'operation',
    message: 'The gateway at {address} cannot be reached. Check the address, and that the gateway runs.',
  },
  'client.untrusted': {
    kind: 'operation',
    message:
      'The certificate of the gateway at {address} is not trusted ({reason}). Give its authority with --ca, or check that the address is right.',
  },
  'client.timeout': { kind: 'operation', message: 'The gateway at {address} did not answer in time. Try again.' },
  'client.interrupted': { kind: 'operation', message: 'The answer of the gateway at {address} broke off. Try again.' },
  'client.not-sallyport': {
    kind: 'protocol',
    message: 'What answers at {address} is not this gateway’s API, or is another version of it.',
  },
  'client.bad-address': { kind: 'denial', message: 'The gateway’s address must be https://host:port.' },
});

/** What the server refused or could not do: its code, its public message, and its field problems where there are any. */
export class ApiError extends GatewayError {
  readonly status: number;
  readonly requestId: string;
  readonly problems: NonNullable<Problem['problems']>;
  /** Of `api.factor-needed`: the second step of the sign-on. */
  readonly step: Problem['step'] | null;

  constructor(problem: Problem) {
    super(problem.code, kindOf(problem.status), problem.detail, { detail: `${problem.status} ${problem.requestId}` });
    this.name = 'ApiError';
    this.status = problem.status;
    this.requestId = problem.requestId;
    this.problems = problem.problems ?? [];
    this.step = problem.step ?? null;
  }
}

function kindOf(status: number): ErrorKind {
  return status >= 500 ? 'operation' : 'denial';
}
