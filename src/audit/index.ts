/** Questions about what happened: today the index of sessions, built from the journal. See README.md. */
export {
  indexedTypes,
  indexSessions,
  type SessionIndex,
  type SessionIndexChange,
  type SessionIndexStore,
} from './sessions.ts';
