/** What other rooms may import from identity. */
export type { Approver, PendingApproval } from './approvals.ts';
export { identityErrors } from './errors.ts';
export { createIdentity, type Identity, type IdentityParts } from './identity.ts';
export { ownKeyId } from './keys.ts';
export {
  passwordLengthMin,
  tokenLifetimeDefaultMs,
  tokenLifetimeMaxMs,
  tokenLifetimeMinMs,
  tokensPerOwnerMax,
} from './limits.ts';
export type {
  AuthorityEntry,
  NewTokenRecord,
  PasswordRecords,
  PrincipalDirectory,
  PrincipalEntry,
  RevocationNotice,
  TokenListPage,
  TokenRecord,
  TokenRecords,
} from './records.ts';
export { sourceOf } from './throttle.ts';
export { type IssuedToken, signOnSource, type TokenRequest, type TokenSummary } from './tokens.ts';
