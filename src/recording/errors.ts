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
  'recording.unreadable': { kind: 'operation', message: 'The recording cannot be read: {problem}.' },
  'recording.bad-checkpoint': { kind: 'operation', message: 'This is not a checkpoint of a journal: {problem}.' },
  'recording.invalid-session': { kind: 'assertion', message: 'The gateway met a session id that cannot name a file.' },
});
