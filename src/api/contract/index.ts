/** What the CLI, the console and the server share: manifests, routes, shapes, and the client made from them. */

export { accessExportFormats, type ReachView } from './access-routes.ts';
export { type LockManifest, type LockTarget, lockTargets } from './access-times.ts';
export { type Address, formatAddress, parseAddress } from './address.ts';
export {
  type AlertSummaryView,
  type AlertView,
  alertSeverities,
  alertStateNames,
  type EvidenceView,
  type ResponseView,
} from './alert-routes.ts';
export { type CallOptions, type Client, type ClientOptions, createClient, type InputOf } from './client.ts';
export {
  type Credential,
  originLabel,
  originProtocols,
  type SecretSource,
} from './credential.ts';
export type {
  BuiltInDetectorView,
  ConfiguredDetectionView,
  DetectionListing,
  DetectionReplayEntry,
  DetectionTrial,
} from './detection-routes.ts';
export { type DetectionManifest, detectionSpecOf } from './detections.ts';
export {
  type CheckedDocument,
  type Documents,
  formatManifests,
  formatProblem,
  locateProblem,
  type ManifestProblem,
  type Position,
  readDocuments,
  readManifests,
  type SourceDocument,
} from './document.ts';
export { ApiError, clientErrors } from './errors.ts';
export type {
  IdentityProviderManifest,
  IdentityProviderSpec,
  OidcProviderSpec,
  SamlProviderSpec,
  WorkloadProviderSpec,
} from './identity-provider.ts';
export * as contractLimits from './limits.ts';
export { tokenExchange } from './machine-routes.ts';
export {
  type AccessManifest,
  type GroupManifest,
  kindOfWord,
  type Manifest,
  type ManifestKind,
  manifestKinds,
  normaliseManifest,
  type PrincipalManifest,
  type ProtocolDescription,
  type ResourceManifest,
} from './manifest.ts';
export { generatedSecretName, manifestSecrets, withManifestSecrets } from './manifest-secrets.ts';
export { namePattern } from './names.ts';
export { type OpenApiOptions, openApiDocument } from './openapi.ts';
export { type Permission, permissions, type RoutePermission } from './permission.ts';
export type { RecordingProofView } from './proof-routes.ts';
export { reportFormats, reportNames } from './report-routes.ts';
export type { LegalHoldManifest, RetentionManifest } from './retention.ts';
export { type GrantView, type ReviewSummary, type ReviewView, reviewStates } from './review-shapes.ts';
export type { HandlerInput, RouteAnswer, RouteDefinition, RouteEntry, RouteInput } from './route.ts';
export { exportFormats, type RouteName, type Routes, routes } from './routes.ts';
export type { CommandExplanation, ExampleResult, ReplayEntry, SessionEventView } from './rule-shapes.ts';
export type { GuardrailManifest, MaskManifest } from './rules.ts';
export { manifestJsonSchema, manifestSchemaId } from './schema.ts';
export { scimMediaType } from './scim-routes.ts';
export type { SearchManifest } from './search.ts';
export {
  contractFacets,
  type FacetName,
  type HitView,
  type IndexView,
  type SearchCountsView,
  searchExportFormats,
} from './search-routes.ts';
export type {
  Explanation,
  FactorStepView,
  FieldChange,
  ListedTokenView,
  ManifestView,
  ObjectResult,
  OpenableResource,
  PrincipalView,
  Problem,
  RecordedEntryView,
  SessionView,
  StatusView,
  TokenView,
} from './shapes.ts';
export type { SinkManifest } from './sink.ts';
export type { DeadLetterView, SinkStandingView, SinkView } from './sink-routes.ts';
export { durationMs, spellDuration } from './spelling.ts';
export type { RetentionView } from './storage-routes.ts';
export type { AccessChange, ConnectionStep, ConnectionTest, ReachChange } from './trial-routes.ts';
export {
  type Checked,
  checkManifest,
  type FieldPath,
  type FieldProblem,
  formatPath,
  type ManifestSchemas,
  manifestSchemas,
  parsePath,
} from './validate.ts';
