/** Names of files: made of ids only, never of what a peer sent (A-REC-03). */
import { recordingErrors } from './errors.ts';
import * as limits from './limits.ts';

const idPattern = new RegExp(`^[a-z0-9][a-z0-9_-]{0,${limits.sessionIdLengthMax - 1}}$`);

export function isSessionId(text: string): boolean {
  return idPattern.test(text);
}

/**
 * What lies beside each other in `recordings/`: `rec` the recording, `key` its wrapped key, `gone` in place of a recording
 * that was deleted or released, what the journal says of that.
 */
export type RecordFile = 'rec' | 'key' | 'gone';

/** File name of a session's recording, or of what lies beside it. Throws `recording.invalid-session`. */
export function recordingName(session: string, file: RecordFile = 'rec'): string {
  if (!isSessionId(session)) throw recordingErrors('recording.invalid-session', { detail: JSON.stringify(session) });
  return `${session}.${file}`;
}

export const recordingNamePattern = /^([a-z0-9][a-z0-9_-]{0,63})\.(rec|key|gone)$/;
