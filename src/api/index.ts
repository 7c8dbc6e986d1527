/** The control plane's API. What the CLI and the console share with it is `contract/`. */

export type { AlertFound, AlertRecord, AlertService, EvidenceRecord } from './alert-ports.ts';
export { authorise, permissionsFor, permissionsOf, rolePermissions, type Scope } from './authorise.ts';
export type { Permission } from './contract/index.ts';
export type { LiveEntryView, LiveFigures, LiveTopic } from './contract/live-routes.ts';
export type { WorkbenchEntryView } from './contract/workbench-routes.ts';
export { resourceOf } from './convert.ts';
export type { DetectionLab, DetectionReplayOrder } from './detection-ports.ts';
export { apiErrors } from './errors.ts';
export type {
  EnrolledFactor,
  FactorCaller,
  FactorChoice,
  FactorKind,
  FactorProof,
  FactorRecord,
  FactorStep,
  FactorsPort,
  ProvenNow,
} from './factor-ports.ts';
export { notGranted } from './handlers/rules.ts';
export type { LivePort, SessionOrder } from './live-ports.ts';
export type { MachineOutcome, MachinesPort } from './machine-ports.ts';
export type {
  AccessPort,
  ApiPorts,
  ApiProtocol,
  ConfigurationBatch,
  ConfigurationPort,
  IdentityPort,
  ProviderMessage,
  ProviderOutcome,
  ProviderSignOns,
  Reach,
  SecretsPort,
  SessionQuery,
  SessionRecord,
  SessionsPort,
  SshPort,
  StatusFacts,
  StatusPort,
  StoredManifest,
  TerminalOrder,
  TokenRecord,
  TokensPort,
  VerifiedToken,
} from './ports.ts';
export type { ReportsPort } from './report-ports.ts';
export type {
  DecisionOptions,
  Explainer,
  GrantQuery,
  GrantRecord,
  GrantService,
  HistoryRecord,
  PolicyLab,
  PresentedRow,
  ReplayOrder,
  ReviewDecisionRecord,
  ReviewedCommandRecord,
  ReviewersRecord,
  ReviewFound,
  ReviewKind,
  ReviewQuery,
  ReviewRecord,
  ReviewService,
  ReviewStanding,
  ReviewState,
  ReviewSummaryRecord,
  RuleChecks,
  RuleProblem,
  SessionEventsPort,
} from './review-ports.ts';
export type { ScimGroup, ScimOutcome, ScimProvider, ScimStore, ScimUser, StoredScim } from './scim-ports.ts';
export type { IndexStatus, SearchLanguage, SearchPort, SearchProblem, SearchReading } from './search-ports.ts';
export { type ApiOptions, createApi } from './server.ts';
export type {
  DeadLetterRecord,
  LetterChoice,
  SinkRecordView,
  SinkStandingRecord,
  SinksPort,
} from './sink-ports.ts';
export type { StoragePort, WitnessedRecord } from './storage-ports.ts';
