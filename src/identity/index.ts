/** What other rooms may import from identity. */
export type { Approver, PendingApproval } from './approvals.ts';
export { identityErrors } from './errors.ts';
export type { Enrolled, PasskeyEnrolment, TotpEnrolment } from './factors/enrolment.ts';
export { createFactors, type Factors } from './factors/factors.ts';
export {
  type Caller,
  type FactorAlarm,
  type FactorParts,
  type FactorProof,
  type FactorSummary,
  type Proven,
  provesFactor,
  type RelyingParty,
} from './factors/parts.ts';
export type { CreationOptions, RequestOptions } from './factors/passkeys.ts';
export type { ConfirmationStep, SignOnStep } from './factors/sign-on.ts';
export { createIdentity } from './identity.ts';
export { ownKeyId } from './keys.ts';
export {
  passwordLengthMin,
  tokenLifetimeDefaultMs,
  tokenLifetimeMaxMs,
  tokenLifetimeMinMs,
  tokensPerOwnerMax,
} from './limits.ts';
export { apiSource, type DelegationOrder, type Exchanged, type ExchangeOrder } from './machines.ts';
export { nameFrom } from './naming.ts';
export type { OidcParts } from './oidc/client.ts';
export type { DeviceBegun, DevicePoll } from './oidc/device.ts';
export type { SignedOn } from './oidc/id-token.ts';
export type { Logout } from './oidc/logout.ts';
export { type BeginOptions, type CompleteOptions, createOidc, type Oidc, type Refreshed } from './oidc/oidc.ts';
export type { OidcProvider, SignOnMaterial } from './oidc/provider.ts';
export type { Identity, IdentityParts } from './parts.ts';
export type { ProvenSubject } from './proven.ts';
export type {
  AuthorityEntry,
  FactorKind,
  FactorRecord,
  FactorRecords,
  NewTokenRecord,
  OnceRecords,
  PasswordRecords,
  PrincipalDirectory,
  PrincipalEntry,
  RevocationNotice,
  TokenAttributes,
  TokenListPage,
  TokenRecord,
  TokenRecords,
} from './records.ts';
export type { Incoming as SamlIncoming, Outgoing as SamlOutgoing, SamlProvider, SpKeys } from './saml/parts.ts';
export { createSaml, type Saml, samlMetadataProblem } from './saml/saml.ts';
export { stillRests } from './standing.ts';
export { sourceOf, Throttle } from './throttle.ts';
export { type IssuedToken, signOnSource, type TokenRequest, type TokenSummary } from './tokens.ts';
export { type Candidate, type Choice, chooseCandidate } from './workload/conditions.ts';
export {
  createWorkloadProver,
  type ProvenWorkload,
  type TrustedWorkload,
  trustOf,
  type WorkloadProver,
  type WorkloadTrusts,
} from './workload/proving.ts';
export {
  createWorkloadTokens,
  type VerifiedWorkload,
  type WorkloadProvider,
  type WorkloadTokens,
} from './workload/workload.ts';
