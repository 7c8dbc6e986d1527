/**
 * Errors as SCIM has them (RFC 7644, section 3.12).
 *
 * Invariant: a detail says what was wrong in the words of the request or of a public message; nothing of the gateway's inside.
 */
import { publicErrorOf, statusOf } from '../problem.ts';

export const errorSchema = 'urn:ietf:params:scim:api:messages:2.0:Error';

export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidVers';

/** Ends a request with an answer that its sender can read. Never leaves the folder. */
export class ScimError extends Error {
  readonly status: number;
  readonly scimType: ScimType | null;

  constructor(status: number, scimType: ScimType | null, detail: string) {
    super(detail);
    this.name = 'ScimError';
    this.status = status;
    this.scimType = scimType;
  }
}

export function invalidValue(detail: string): ScimError {
  return new ScimError(400, 'invalidValue', detail);
}

export interface ErrorDocument {
  readonly schemas: readonly string[];
  /** A string, as the standard has it. */
  readonly status: string;
  readonly scimType?: ScimType;
  readonly detail: string;
}

export function errorDocument(status: number, scimType: ScimType | null, detail: string): ErrorDocument {
  return { schemas: [errorSchema], status: `${status}`, ...(scimType === null ? {} : { scimType }), detail };
}

/** Whatever was thrown, as its status and what may be told. */
export function scimErrorOf(thrown: unknown, bodyBytesMax: number): ScimError {
  if (thrown instanceof ScimError) return thrown;
  const error = publicErrorOf(thrown, bodyBytesMax);
  // The name that a userName gives is another's: the sender can correct that.
  if (error.code === 'gateway.name-taken') return new ScimError(409, 'uniqueness', error.publicMessage);
  const isTheirs = error.code === 'identity.name-refused' || error.code === 'gateway.too-many-groups';
  if (isTheirs) return invalidValue(error.publicMessage);
  return new ScimError(statusOf(error), error.code === 'api.malformed' ? 'invalidSyntax' : null, error.publicMessage);
}
