/**
 * Taking recordings away so that every proof stays: deleted (the key destroyed, the file removed) or released (the file
 * removed, because a verified copy lies elsewhere).
 *
 * Invariants:
 * - The event is durable before anything is touched; what the event says is finished, at the next start if need be. Nothing is
 *   ever removed without it.
 * - First a note that it is about to happen (`pending/`), so that a start knows from which sequence to look for the event,
 *   without reading the journal; then the event; then what stands in place of the recording; then the key, overwritten and
 *   removed; then the file; then the note goes. Each step may be repeated.
 * - A digest in the journal is never touched: whoever holds a copy of the sealed file can still prove it is that recording.
 *
 * Honest limit: overwriting reaches what the file system writes in place. A disk that writes elsewhere (flash, copy on write)
 * keeps the wrapped key until it is reused; it opens only together with the keys of the installation.
 *
 * Deliberately absent: who may ask for it, legal holds, rules of retention, and copies elsewhere: the caller's.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event } from '../core/event.ts';
import { JournalCursor } from './cursor.ts';
import * as limits from './limits.ts';
import { isSessionId, recordingName } from './names.ts';
import type { Gone } from './shelf.ts';

/** Notes of what is about to be removed lie here, by session, or `journal` for its pruning. */
export const pendingDirectory = 'pending';
const recordingPrefix = 'recording.';
const partSuffix = '.part';
export const journalNote = 'journal';

/** Notes that something after `sequence` of the journal may ask for a removal. Durable when it resolves. */
export async function writeNote(dir: string, name: string, sequence: number): Promise<void> {
  await writeWhole(dir, join(dir, pendingDirectory, name), `${JSON.stringify({ after: sequence })}\n`);
}

export function noteOf(session: string): string {
  return `${recordingPrefix}${session}`;
}

export async function dropNote(dir: string, name: string): Promise<void> {
  await removeIfThere(join(dir, pendingDirectory, name));
  await syncDirectory(join(dir, pendingDirectory));
}

/** Does what the event says, as far as it is not done. */
export async function finishRemoval(dir: string, event: Gone): Promise<void> {
  const directory = join(dir, 'recordings');
  const { session } = event;
  await writeWhole(dir, join(directory, recordingName(session, 'gone')), JSON.stringify(event));
  if (event.type === 'recording.deleted') await shred(join(directory, recordingName(session, 'key')));
  await removeIfThere(join(directory, recordingName(session)));
  await syncDirectory(directory);
  await dropNote(dir, noteOf(session));
}

/** What a start found to be finished. */
export interface FoundRemovals {
  /** Recordings whose removal was finished now. */
  readonly finished: readonly string[];
  /** The last pruning that the journal speaks of and that may not be done; null where there is none. */
  readonly pruning: Extract<Event, { type: 'journal.pruned' }> | null;
}

/** Finishes what a crash cut off. `durable` is the last sequence of the journal. */
export async function finishRemovals(dir: string, durable: number): Promise<FoundRemovals> {
  const notes = await readNotes(dir);
  if (notes.size === 0) return { finished: [], pruning: null };
  const gone = new Map<string, Gone>();
  let pruning: FoundRemovals['pruning'] = null;
  const cursor = new JournalCursor(dir, Math.min(...notes.values()) + 1, [
    'recording.deleted',
    'recording.released',
    'journal.pruned',
  ]);
  try {
    for (let events = await next(cursor, durable); events.length > 0; events = await next(cursor, durable)) {
      for (const event of events) {
        if (event.type === 'journal.pruned') pruning = event;
        else if (event.type === 'recording.deleted' || event.type === 'recording.released') {
          gone.set(noteOf(event.session), event);
        }
      }
    }
  } finally {
    await cursor.close();
  }
  const finished: string[] = [];
  for (const note of notes.keys()) {
    if (note === journalNote) {
      if (pruning === null) await dropNote(dir, note);
      continue;
    }
    const event = gone.get(note);
    // Without the event nothing was touched, and nothing is.
    if (event === undefined) await dropNote(dir, note);
    else {
      await finishRemoval(dir, event);
      finished.push(event.session);
    }
  }
  return { finished, pruning: notes.has(journalNote) ? pruning : null };
}

function next(cursor: JournalCursor, durable: number): Promise<Event[]> {
  return cursor.take(limits.subscriptionEventsMax, durable);
}

/** Notes by name, with the sequence after which the event would stand. */
async function readNotes(dir: string): Promise<Map<string, number>> {
  const notes = new Map<string, number>();
  const directory = join(dir, pendingDirectory);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const session = name.startsWith(recordingPrefix) ? name.slice(recordingPrefix.length) : null;
    if (name !== journalNote && (session === null || !isSessionId(session))) {
      // A part of a file that was never given its name.
      if (name.endsWith(partSuffix)) await removeIfThere(path);
      continue;
    }
    const file = await openPlain(path, constants.O_RDONLY);
    try {
      const after = /^\{"after":(\d{1,16})\}\n$/.exec((await file.readFile()).toString('latin1'))?.[1];
      // One that cannot be read says nothing of where to look, so everything is looked through.
      notes.set(name, after === undefined ? 0 : Number(after));
    } finally {
      await file.close();
    }
  }
  return notes;
}

/** A file appears under its name whole and durable, or not at all. */
export async function writeWhole(dir: string, path: string, content: string | Uint8Array): Promise<void> {
  const part = join(dir, pendingDirectory, `${randomBytes(8).toString('hex')}${partSuffix}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(part, flags, 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
  await syncDirectory(join(path, '..'));
}

/** Overwrites a key where it lies, then removes its name. Through a hard link the other name's bytes go too (A-REC-03). */
async function shred(path: string): Promise<void> {
  let file: FileHandle | null = null;
  try {
    // What is no plain file holds no key of ours; its name is removed below, and what it points to is left alone.
    if ((await lstat(path)).isFile()) file = await openPlain(path, constants.O_RDWR);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
    return;
  }
  if (file !== null) {
    try {
      const { size } = await file.stat();
      await file.write(randomBytes(Math.min(size, limits.wrappedKeyBytesMax * 2)), 0, undefined, 0);
      await file.sync();
    } finally {
      await file.close();
    }
  }
  await removeIfThere(path);
  // The key's name is gone for good before the recording is touched.
  await syncDirectory(join(path, '..'));
}

function openPlain(path: string, flags: number): Promise<FileHandle> {
  return open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

export async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
