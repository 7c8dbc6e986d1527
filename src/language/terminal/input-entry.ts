/** What of a terminal's input goes into the record (A-REC-05). */
import type { RecordingEntry } from '../../core/recording.ts';
import type { InputRecord } from './types.ts';

/** What was typed at a terminal, as the record takes it. */
export function inputEntry(command: number, record: InputRecord): RecordingEntry {
  if (record.kind === 'shown') return { type: 'screen', command, direction: 'in', data: record.bytes };
  const text = `${record.characters} characters that the screen did not show`;
  return { type: 'message', command, level: 'gateway', code: 'hidden-input', text, fields: {} };
}
