/**
 * Where one is in a session, and whether it goes on from there: one clock for timeline, player and list.
 *
 * Invariants: nothing moves while it stands; a live session that is followed is at its end, wherever that is; pauses are skipped
 * only where that was asked for.
 */
import { useSyncExternalStore } from 'react';

export const speeds = [0.5, 1, 2, 4, 8, 16] as const;
/** A pause that is longer is skipped, down to so long. Milliseconds. */
const idleMs = 1_000;

export interface Position {
  readonly ms: number;
  readonly isPlaying: boolean;
  readonly isFollowing: boolean;
  readonly speed: number;
  readonly skipsIdle: boolean;
}

export class Playback {
  #position: Position;
  #frame = 0;
  #lastMs = 0;
  readonly #listeners = new Set<() => void>();
  /** The end of what is played, and the next moment at which something happens after one. */
  endMs = 0;
  nextActivity: (ms: number) => number | null = () => null;

  constructor(ms: number, isFollowing: boolean) {
    this.#position = { ms, isPlaying: false, isFollowing, speed: 1, skipsIdle: true };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly get = (): Position => this.#position;

  seek(ms: number): void {
    this.#set({ ms: Math.max(0, Math.min(ms, this.endMs)), isFollowing: false });
  }

  follow(): void {
    this.#set({ isFollowing: true, isPlaying: false, ms: this.endMs });
  }

  unfollow(): void {
    if (this.#position.isFollowing) this.#set({ isFollowing: false, ms: this.endMs });
  }

  /** What was added moves who follows. */
  extend(endMs: number): void {
    this.endMs = endMs;
    if (this.#position.isFollowing && this.#position.ms !== endMs) this.#set({ ms: endMs });
  }

  toggle(): void {
    if (this.#position.isPlaying) this.pause();
    else this.play();
  }

  play(): void {
    const { ms } = this.#position;
    this.#set({ isPlaying: true, isFollowing: false, ms: ms >= this.endMs ? 0 : ms });
    this.#lastMs = performance.now();
    this.#frame ||= requestAnimationFrame(this.#step);
  }

  pause(): void {
    this.#set({ isPlaying: false });
  }

  setSpeed(speed: number): void {
    this.#set({ speed });
  }

  setSkipsIdle(skipsIdle: boolean): void {
    this.#set({ skipsIdle });
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  readonly #step = (nowMs: number): void => {
    this.#frame = 0;
    const { isPlaying, speed, skipsIdle, ms } = this.#position;
    if (!isPlaying) return;
    let next = ms + Math.max(0, nowMs - this.#lastMs) * speed;
    this.#lastMs = nowMs;
    if (skipsIdle) {
      const activity = this.nextActivity(next) ?? this.endMs;
      if (activity - next > idleMs) next = activity - idleMs / 4;
    }
    const isOver = next >= this.endMs;
    this.#set({ ms: Math.min(next, this.endMs), ...(isOver ? { isPlaying: false } : {}) });
    if (!isOver) this.#frame = requestAnimationFrame(this.#step);
  };

  #set(changes: Partial<Position>): void {
    this.#position = { ...this.#position, ...changes };
    for (const listener of this.#listeners) listener();
  }
}

export function usePosition(playback: Playback): Position {
  return useSyncExternalStore(playback.subscribe, playback.get);
}
