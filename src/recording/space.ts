/**
 * The space ladder (F-04): how much room the file system of the records has left, as a level.
 *
 * `warn` tells people, `refuse` takes no new sessions, `end` ends live ones. Levels worsen at once and improve only a
 * little above their threshold, so that nothing flaps at an edge. When the answer itself fails, the level is `refuse`.
 */
import { statfs } from 'node:fs/promises';
import type { Clock, Timer } from '../base/clock.ts';
import type { SpaceLevel } from '../core/event.ts';
import * as limits from './limits.ts';

export interface Space {
  /** Bytes this process may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export type SpaceReader = (directory: string) => Promise<Space>;

export const readSpace: SpaceReader = async (directory) => {
  const facts = await statfs(directory);
  return { freeBytes: facts.bavail * facts.bsize, totalBytes: facts.blocks * facts.bsize };
};

const ladder: readonly SpaceLevel[] = ['ample', 'warn', 'refuse', 'end'];

/** The level for this much space, when it was `current` before. */
export function spaceLevelOf(space: Space, current: SpaceLevel, endBytes = limits.spaceEndBytes): SpaceLevel {
  const worsened = levelWith(space, endBytes, 0);
  if (ladder.indexOf(worsened) >= ladder.indexOf(current)) return worsened;
  const improved = levelWith(space, endBytes, limits.spaceHysteresisShare);
  return ladder.indexOf(improved) < ladder.indexOf(current) ? improved : current;
}

function levelWith(space: Space, endBytes: number, marginShare: number): SpaceLevel {
  const share = space.totalBytes > 0 ? space.freeBytes / space.totalBytes - marginShare : 0;
  if (share < limits.spaceEndShare || space.freeBytes < endBytes * (1 + marginShare)) return 'end';
  if (share < limits.spaceRefuseShare) return 'refuse';
  return share < limits.spaceWarnShare ? 'warn' : 'ample';
}

export class SpaceWatch {
  readonly #read: () => Promise<Space>;
  readonly #endBytes: number;
  readonly #onChange: (level: SpaceLevel, space: Space) => void;
  readonly #timer: Timer;
  #level: SpaceLevel = 'ample';
  #isAsking = false;

  constructor(
    clock: Clock,
    read: () => Promise<Space>,
    endBytes: number,
    onChange: (level: SpaceLevel, space: Space) => void,
  ) {
    this.#read = read;
    this.#endBytes = endBytes;
    this.#onChange = onChange;
    this.#timer = clock.every(limits.spaceIntervalMs, () => void this.look());
  }

  get level(): SpaceLevel {
    return this.#level;
  }

  /** Asks now. Never rejects. */
  async look(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    let space: Space = { freeBytes: 0, totalBytes: 0 };
    let level: SpaceLevel = 'refuse';
    try {
      space = await this.#read();
      level = spaceLevelOf(space, this.#level, this.#endBytes);
    } catch {
      // Not knowing is no reason to end live sessions, but it is one to take no new ones.
      level = this.#level === 'end' ? 'end' : 'refuse';
    } finally {
      this.#isAsking = false;
    }
    if (level === this.#level) return;
    this.#level = level;
    this.#onChange(level, space);
  }

  stop(): void {
    this.#timer.cancel();
  }
}
