/**
 * Closing what a crash left open: commands end as unfinished, sessions as interrupted, recordings are cut to what the
 * journal vouches for and sealed.
 */
import { closeSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { EventBody } from '../core/event.ts';
import { Disk } from './files.ts';
import { isSessionId, recordingName } from './names.ts';
import type { OpenSessionState } from './tracker.ts';

/** Returns the sessions that were interrupted. */
export function closeInterrupted(
  dir: string,
  sessions: readonly OpenSessionState[],
  append: (event: EventBody) => void,
  clock: Clock,
): string[] {
  const interrupted: string[] = [];
  for (const open of sessions) {
    if (sealRecording(dir, open)) {
      append({ type: 'recording.sealed', session: open.session, chunks: open.chunks, bytes: open.bytes });
    }
    if (open.isEnded) continue;
    interrupted.push(open.session);
    for (const command of open.pending) append(unfinished(open.session, command));
    append({
      type: 'session.ended',
      session: open.session,
      reason: 'interrupted',
      code: null,
      by: null,
      commands: open.commands,
      bytesIn: 0,
      bytesOut: 0,
      durationMs: Math.max(0, Math.trunc(clock.now()) - open.openedAtMs),
    });
  }
  return interrupted;
}

function unfinished(session: string, command: number): EventBody {
  return {
    type: 'command.ended',
    session,
    command,
    outcome: 'unfinished',
    tag: null,
    error: null,
    rows: 0,
    bytes: 0,
    durationMs: 0,
  };
}

/**
 * Cuts a recording to its journaled length. True when there is something to seal. A file that is missing or shorter than
 * the journal says is left as it is: it is for verification to report, not for a start to fail on.
 */
function sealRecording(dir: string, open: OpenSessionState): boolean {
  if (!isSessionId(open.session)) return false;
  const path = join(dir, 'recordings', recordingName(open.session));
  const disk = new Disk();
  try {
    const fd = disk.openExisting(path);
    try {
      if (fstatSync(fd).size > open.bytes) {
        disk.truncate(fd, open.bytes);
        disk.sync(fd);
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  }
  if (open.bytes === 0) {
    // It did not come to be, and neither did its key.
    removeIfThere(disk, path);
    removeIfThere(disk, join(dir, 'recordings', recordingName(open.session, 'key')));
  }
  return open.chunks > 0;
}

function removeIfThere(disk: Disk, path: string): void {
  try {
    disk.remove(path);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error;
  }
}
