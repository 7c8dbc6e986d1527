/** What others may use of the recording room. */
export { prunedUpTo, sequenceBefore } from './ages.ts';
export { type Checkpoint, checkpointText, isSignedBy, type ParsedCheckpoint, parseCheckpoint } from './checkpoint.ts';
export { recordingErrors } from './errors.ts';
export { type JournalOptions, openJournal, type RecordingJournal, type Recovery } from './journal.ts';
export type { PrunedBy, Pruning } from './pruner.ts';
export { type EventRange, readEvents } from './reader.ts';
export type { SessionRecording } from './recording.ts';
export type { RecordingHeader } from './recording-format.ts';
export { type RecordingReader, readRecording } from './recording-reader.ts';
export { type Deletion, openRecordings, type RecordingsOptions, type SessionRecordings } from './recordings.ts';
export type { RecordingKeys, SessionKey } from './sealing.ts';
export type { Standing } from './shelf.ts';
export type { RecordingArchive } from './source.ts';
export { readSpace, type Space, type SpaceReader, spaceLevelOf } from './space.ts';
export type { Subscription } from './subscription.ts';
export { type VerifyOptions, type VerifyProgress, verifyJournal } from './verify.ts';
export type { Problem, ProblemCode, VerifyReport } from './verify-report.ts';
export type { Witness, WitnessReport, WitnessStanding } from './witnesses.ts';
