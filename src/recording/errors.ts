/** Errors of the recording room. Failing to write is `core.journal-unavailable` and `core.recording-failed`. */
import { defineErrors } from '../base/errors.ts';

export const recordingErrors = defineErrors({
  'recording.journal-damaged': {
    kind: 'operation',
    message:
      'The journal is damaged at {segment}, byte {offset}: {problem}. Nothing was changed. Run sallyport verify, then restore the journal from a copy.',
  },
  'recording.unsafe-directory': {
    kind: 'operation',
    message: 'The recording directory is not safe to use: {problem}. Correct it and start again.',
  },
  'recording.event-too-large': {
    kind: 'operation',
    message: 'An event is larger than the journal takes ({bytes} bytes), so what caused it was not allowed.',
  },
  'recording.absent': { kind: 'operation', message: 'There is no recording of this session.' },
  'recording.deleted': {
    kind: 'operation',
    message:
      'The recording of this session was deleted at {at} by {by}. That it was, and its digests, stand in the journal.',
  },
  'recording.elsewhere': {
    kind: 'operation',
    message: 'The recording of this session lies in the store {store}, which cannot be read from here.',
  },
  'recording.prune-open': {
    kind: 'operation',
    message:
      'The journal cannot be pruned up to event {to}: session {session}, which began with event {from}, is still open.',
  },
  'recording.live': { kind: 'operation', message: 'The session is still being recorded. End it first.' },
  'recording.unreadable': { kind: 'operation', message: 'The recording cannot be read: {problem}.' },
  'recording.bad-checkpoint': { kind: 'operation', message: 'This is not a checkpoint of a journal: {problem}.' },
  'recording.invalid-session': { kind: 'assertion', message: 'The gateway met a session id that cannot name a file.' },
});
