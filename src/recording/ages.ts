/**
 * How old what the journal says is, by whole segments: what retention asks before it has any of it given up. Reads one header of each
 * segment, and nothing else.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeSegmentHeader, segmentHeaderBytes } from './frame.ts';
import { listSegments, segmentFile } from './recover.ts';

/**
 * The last sequence of the last whole segment whose events all happened before `ms` (wall clock, milliseconds), as far as the times at
 * which segments were begun tell; 0 where there is none.
 */
export async function sequenceBefore(dir: string, ms: number): Promise<number> {
  const directory = join(dir, 'journal');
  let before = 0;
  for (const first of listSegments(directory)) {
    const createdAtMs = await createdAt(join(directory, segmentFile(directory, first).name));
    // A clock that was set back may have segments begin out of order: the first that is too young ends it.
    if (createdAtMs === null || createdAtMs >= ms) return before;
    before = first - 1;
  }
  return before;
}

/** The last sequence up to which events were given up; 0 where none was. */
export function prunedUpTo(dir: string): number {
  const directory = join(dir, 'journal');
  const firsts = listSegments(directory);
  const whole = firsts.findIndex((first) => !segmentFile(directory, first).isPruned);
  return whole <= 0 ? 0 : firsts[whole]! - 1;
}

async function createdAt(path: string): Promise<number | null> {
  const file: FileHandle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const header = Buffer.alloc(segmentHeaderBytes);
    const { bytesRead } = await file.read(header, 0, segmentHeaderBytes, 0);
    return decodeSegmentHeader(header.subarray(0, bytesRead))?.createdAtMs ?? null;
  } finally {
    await file.close();
  }
}
