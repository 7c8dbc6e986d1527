/**
 * Where the recording of a session lies, or what became of it: here, in an archive, deleted, nowhere.
 *
 * What is no longer here left a file in its place that holds the event of the journal which says so, byte for byte
 * (`gone`). The journal is the truth; that file answers without a search through it, and `verify` compares the two.
 */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { isGatewayError } from '../base/errors.ts';
import type { Event } from '../core/event.ts';
import { recordingErrors } from './errors.ts';
import * as limits from './limits.ts';
import { recordingName } from './names.ts';
import { RecordingFile } from './recording-reader.ts';
import type { RecordingKeys } from './sealing.ts';
import { archiveSource, fileSource, type RecordingArchive, readSmall } from './source.ts';

export type Gone = Extract<Event, { type: 'recording.deleted' | 'recording.released' }>;

/** What stands of a recording. `here` may also be still being written. */
export type Standing =
  | { readonly state: 'absent' }
  | { readonly state: 'here'; readonly bytes: number; readonly sealed: boolean }
  | { readonly state: 'released'; readonly atMs: number; readonly store: string }
  | {
      readonly state: 'deleted';
      readonly atMs: number;
      readonly by: string;
      readonly rule: string | null;
      readonly reason: string;
    };

/** What stands in place of a recording that is gone; null where nothing does. Throws `recording.unreadable`. */
export async function readGone(directory: string, session: string): Promise<Gone | null> {
  let text: string;
  try {
    text = (await readSmall(join(directory, recordingName(session, 'gone')), limits.goneBytesMax)).toString('utf8');
  } catch (error) {
    if (isGatewayError(error) && error.code === 'recording.absent') return null;
    throw error;
  }
  try {
    const event = JSON.parse(text) as Gone;
    if (event.session === session && (event.type === 'recording.deleted' || event.type === 'recording.released')) {
      return event;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  throw recordingErrors('recording.unreadable', { values: { problem: 'what stands in its place is damaged' } });
}

export async function standingOf(directory: string, session: string): Promise<Standing> {
  const gone = await readGone(directory, session);
  if (gone?.type === 'recording.deleted') {
    const { at, principal, rule, reason } = gone;
    return { state: 'deleted', atMs: at, by: principal.name, rule, reason };
  }
  const bytes = await sizeOf(join(directory, recordingName(session)));
  if (bytes !== null) {
    const sealed = (await sizeOf(join(directory, recordingName(session, 'key')))) !== null;
    return { state: 'here', bytes, sealed };
  }
  return gone === null ? { state: 'absent' } : { state: 'released', atMs: gone.at, store: gone.store };
}

/**
 * Opens the recording where it lies. Throws `recording.deleted` with when and by which rule, `recording.elsewhere`,
 * `recording.absent`, `recording.unreadable`.
 */
export async function openRecorded(
  directory: string,
  session: string,
  keys: RecordingKeys | null,
  archive: RecordingArchive | null,
): Promise<RecordingFile> {
  const standing = await standingOf(directory, session);
  const keyPath = join(directory, recordingName(session, 'key'));
  if (standing.state === 'deleted') throw deleted(standing);
  if (standing.state !== 'released') {
    return checked(
      await RecordingFile.open(await fileSource(join(directory, recordingName(session))), keyPath, keys),
      session,
    );
  }
  const { store } = standing;
  if (archive === null) throw recordingErrors('recording.elsewhere', { values: { store } });
  return checked(await RecordingFile.open(archiveSource(archive, session, store), keyPath, keys), session);
}

/** A file under another session's name is not that session's recording. */
async function checked(file: RecordingFile, session: string): Promise<RecordingFile> {
  if (file.header.session === session) return file;
  await file.close();
  throw recordingErrors('recording.unreadable', { values: { problem: 'it is that of another session' } });
}

function deleted(standing: Extract<Standing, { state: 'deleted' }>): Error {
  const by = standing.rule === null ? standing.by : `the rule ${standing.rule}`;
  return recordingErrors('recording.deleted', { values: { at: new Date(standing.atMs).toISOString(), by } });
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}
