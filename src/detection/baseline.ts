/**
 * What is usual: of a group itself, and of principals that share a group with it.
 *
 * The past is cut into windows of the detection's length, side by side. Of each in which something happened the highest figure
 * stays. What is usual is their median: half a month of ordinary days is not moved by one that was not.
 *
 * Invariant: bounded; a window in which nothing happened counts for nothing, so that a holiday makes no Monday unusual.
 */
import type { Json } from './json.ts';
import * as limits from './limits.ts';

/** The windows of one group: the one that runs, and those before. */
export interface Past {
  /** Number of the window that runs; -1 before the first. */
  index: number;
  peak: number;
  windows: { readonly index: number; readonly peak: number }[];
  /** Of `windows`; null where it must be worked out. */
  usual: number | null;
}

function poolOf(windows: Pool['windows']): Pool {
  return { windows, usual: new Map(), usualAt: -1 };
}

export function emptyPast(): Past {
  return { index: -1, peak: 0, windows: [], usual: null };
}

interface Pool {
  /** What is usual for others than somebody, as of a window; nothing after a change. */
  readonly usual: Map<string, number | null>;
  usualAt: number;
  windows: { readonly index: number; readonly peak: number; readonly owner: string }[];
}

export interface Usual {
  readonly own: number | null;
  readonly peers: number | null;
}

export class Baseline {
  readonly #windowMs: number;
  readonly #windowsBack: number;
  readonly #least: number;
  readonly #isOwn: boolean;
  readonly #isPeers: boolean;
  readonly #pools = new Map<string, Pool>();

  constructor(parts: {
    readonly windowMs: number;
    readonly overMs: number;
    readonly least: number;
    readonly against: 'own' | 'peers' | 'both';
  }) {
    this.#windowMs = parts.windowMs;
    this.#windowsBack = Math.floor(parts.overMs / parts.windowMs);
    this.#least = parts.least;
    this.#isOwn = parts.against !== 'peers';
    this.#isPeers = parts.against !== 'own';
  }

  /** Closes the window that ran, where another has begun. */
  move(past: Past, atMs: number, owner: string, groups: readonly string[]): void {
    const index = Math.floor(atMs / this.#windowMs);
    if (index <= past.index) return;
    if (past.index >= 0 && past.peak > 0) {
      const closed = { index: past.index, peak: past.peak };
      past.windows.push(closed);
      if (this.#isPeers) for (const group of groups) this.#pool(group, { ...closed, owner });
    }
    past.windows = past.windows
      .filter((one) => one.index >= index - this.#windowsBack)
      .slice(-limits.baselineWindowsMax);
    past.usual = null;
    past.index = index;
    past.peak = 0;
  }

  note(past: Past, figure: number): void {
    if (figure > past.peak) past.peak = figure;
  }

  #pool(group: string, entry: Pool['windows'][number]): void {
    const pool = this.#pools.get(group) ?? poolOf([]);
    this.#pools.delete(group);
    this.#pools.set(group, pool);
    pool.windows.push(entry);
    pool.usual.clear();
    if (pool.windows.length > limits.peerWindowsMax) pool.windows.shift();
    if (this.#pools.size > limits.peerGroupsMax) this.#pools.delete(this.#pools.keys().next().value!);
  }

  /** What is usual now; null where too little is known. */
  usual(past: Past, owner: string, groups: readonly string[]): Usual {
    let own: number | null = null;
    if (this.#isOwn && past.windows.length >= this.#least) {
      past.usual ??= median(past.windows.map(({ peak }) => peak));
      own = past.usual;
    }
    return { own, peers: this.#isPeers ? this.#ofPeers(past, owner, groups) : null };
  }

  /** Of the groups of which enough is known, the highest: whoever is in two does the work of both. */
  #ofPeers(past: Past, owner: string, groups: readonly string[]): number | null {
    let highest: number | null = null;
    for (const group of groups) {
      const pool = this.#pools.get(group);
      const usual = pool === undefined ? null : this.#ofOthers(pool, past.index, owner);
      if (usual !== null) highest = Math.max(highest ?? 0, usual);
    }
    return highest;
  }

  #ofOthers(pool: Pool, index: number, owner: string): number | null {
    if (pool.usualAt !== index) {
      pool.usual.clear();
      pool.usualAt = index;
    }
    const known = pool.usual.get(owner);
    if (known !== undefined) return known;
    const others = pool.windows.filter((one) => one.owner !== owner && one.index >= index - this.#windowsBack);
    const isEnough = others.length >= this.#least && new Set(others.map((one) => one.owner)).size >= limits.peersLeast;
    const usual = isEnough ? median(others.map(({ peak }) => peak)) : null;
    if (pool.usual.size >= limits.peerWindowsMax) pool.usual.clear();
    pool.usual.set(owner, usual);
    return usual;
  }

  state(): Json {
    return [...this.#pools].map(([group, { windows }]) => [
      group,
      windows.map(({ index, peak, owner }) => [index, peak, owner]),
    ]);
  }

  restore(state: Json): void {
    this.#pools.clear();
    for (const [group, windows] of state as unknown as readonly [string, readonly [number, number, string][]][]) {
      this.#pools.set(group, poolOf(windows.map(([index, peak, owner]) => ({ index, peak, owner }))));
    }
  }
}

export function pastState({ index, peak, windows }: Past): Json {
  return [index, peak, windows.map((one) => [one.index, one.peak])];
}

export function pastFrom(state: Json): Past {
  const [index, peak, windows] = state as unknown as [number, number, readonly (readonly [number, number])[]];
  return { index, peak, windows: windows.map(([at, high]) => ({ index: at, peak: high })), usual: null };
}

/** The middle one; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
