/** Questions about what happened, answered by indexes that are built from the journal. See README.md. */

export { contextOf, historyTypes } from './history-entries.ts';
export { HistoryIndexer, type HistoryIndexerParts } from './history-indexer.ts';
export { type ScreenView, screenEntries } from './history-screens.ts';

export {
  isObjectProblem,
  type ListedObject,
  type ObjectFacts,
  type ObjectLock,
  type ObjectRange,
  type ObjectStore,
  openS3,
  type PutOptions,
  type S3Options,
  type StoredObject,
} from './objects/index.ts';
export {
  type FieldDefinition,
  fields as searchFields,
  type QueryProblem,
  type QueryReading,
  queryLengthMax,
  readQuery,
  type Suggestions,
  suggest,
  suggested,
} from './query/index.ts';
export {
  type HeldCandidate,
  holdsOn,
  journalHeldFromMs,
  type Keeping,
  keepingOf,
  leastKeepMs,
  type NamedHold,
  type NamedRetention,
} from './retention.ts';
export {
  indexedTypes,
  indexSessions,
  type SessionIndex,
  type SessionIndexChange,
  type SessionIndexStore,
} from './sessions.ts';
export {
  createTransport,
  fewOf,
  fieldKey,
  formatOf,
  problemOf,
  Runner,
  type RunnerParts,
  recordMaker,
  type SendOutcome,
  type SinkConnection,
  type SinkProgress,
  type SinkRecord,
  type SinkRequest,
  selectionOf,
  sinkLimits,
  sinkProblem,
  type Transport,
  type TransportParts,
} from './sinks/index.ts';
