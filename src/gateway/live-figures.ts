/**
 * Figures of live sessions, as people look at them: those of this gateway are read from the sessions themselves, those of others are
 * put in by `live-sharing.ts`.
 *
 * Invariants: reading costs a session nothing (plain numbers that it counts anyway); each figure has the version at which it last
 * changed, so that everybody is told only what is new to them; what is kept is bounded by the sessions that live.
 *
 * Deliberately absent: who may see which (live.ts), any store, exactness beyond the moment.
 */
import type { LiveFigures } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Session } from '../core/session.ts';
import * as limits from './limits.ts';

/** What of a session is read. */
export type Counted = Pick<Session, 'id' | 'commands' | 'rows' | 'bytesIn' | 'bytesOut' | 'isPaused' | 'ended'> & {
  readonly principal: { readonly id: string };
};

export interface FigureParts {
  readonly clock: Clock;
  readonly sessions: () => readonly Counted[];
  readonly riskOf: (principalId: string, session: string) => number;
}

export interface Figured {
  readonly principalId: string;
  readonly figures: LiveFigures;
  /** Of the table, when it last changed. */
  readonly version: number;
}

interface Kept extends Figured {
  /** Of another gateway: monotonic milliseconds when it was last told. */
  readonly toldMs: number | null;
}

/** Commands of a session in the parts of the last minutes. */
class Pace {
  readonly #buckets = new Uint32Array(limits.liveBuckets);
  #next = 0;
  #seen = 0;
  /** When it has been quiet for as long as it remembers, there is nothing to tell. */
  #busy = 0;
  /** As it was last told: the same until a command comes or a part is over. */
  #recent: number[] | null = null;
  #recentNow = 0;

  /** A part is over. */
  turn(commands: number): void {
    const count = commands - this.#seen;
    this.#seen = commands;
    this.#recent = null;
    this.#buckets[this.#next] = count;
    this.#next = (this.#next + 1) % limits.liveBuckets;
    this.#busy = count > 0 ? limits.liveBuckets : Math.max(0, this.#busy - 1);
  }

  recent(commands: number): number[] {
    const now = commands - this.#seen;
    if (this.#recent !== null && this.#recentNow === now) return this.#recent;
    const isQuiet = this.#busy === 0 && now === 0;
    const all = isQuiet ? [] : [...this.#buckets.subarray(this.#next), ...this.#buckets.subarray(0, this.#next)];
    this.#recent = isQuiet ? [] : [...all.slice(1), now];
    this.#recentNow = now;
    return this.#recent;
  }

  /** Of the last minute: the part that has begun, those before it, and of the oldest as much as still belongs to it. */
  perMinute(commands: number, begunMs: number): number {
    const parts = Math.round(60_000 / limits.liveBucketMs);
    let sum = commands - this.#seen;
    for (let back = 1; back <= parts; back++) {
      const count = this.#buckets[(this.#next - back + limits.liveBuckets) % limits.liveBuckets]!;
      sum += back < parts ? count : count * Math.max(0, 1 - begunMs / limits.liveBucketMs);
    }
    return Math.round(sum);
  }
}

export class FigureTable {
  readonly #parts: FigureParts;
  readonly #paces = new Map<string, Pace>();
  readonly #kept = new Map<string, Kept>();
  #turnedMs: number;
  #version = 0;

  constructor(parts: FigureParts) {
    this.#parts = parts;
    this.#turnedMs = parts.clock.monotonic();
  }

  get version(): number {
    return this.#version;
  }

  /** A part of the minute is over: called every `liveBucketMs`, whether somebody looks or not. */
  turn(): void {
    const { clock, sessions } = this.#parts;
    this.#turnedMs = clock.monotonic();
    const alive = new Set<string>();
    for (const session of sessions()) {
      alive.add(session.id);
      this.#paceOf(session.id).turn(session.commands);
    }
    for (const id of this.#paces.keys()) if (!alive.has(id)) this.#paces.delete(id);
  }

  /** Reads all sessions of this gateway: called while somebody looks. */
  refresh(): void {
    const { clock, sessions, riskOf } = this.#parts;
    const begunMs = clock.monotonic() - this.#turnedMs;
    const alive = new Set<string>();
    for (const session of sessions()) {
      if (session.ended) continue;
      const { id, commands, rows, bytesIn, bytesOut, isPaused, principal } = session;
      const pace = this.#paceOf(id);
      alive.add(id);
      this.#put(principal.id, null, {
        id,
        commands,
        perMinute: pace.perMinute(commands, begunMs),
        recent: pace.recent(commands),
        rows,
        bytesIn,
        bytesOut,
        risk: riskOf(principal.id, id),
        paused: isPaused,
      });
    }
    const nowMs = clock.monotonic();
    for (const [id, { toldMs, principalId, figures }] of this.#kept) {
      if (toldMs === null ? !alive.has(id) : nowMs - toldMs > limits.liveSharedKeptMs) this.#kept.delete(id);
      else if (toldMs !== null) this.#put(principalId, toldMs, { ...figures, risk: riskOf(principalId, id) });
    }
  }

  /** What another gateway told. Its risk is found here: responses in force are the same everywhere. */
  putForeign(principalId: string, figures: LiveFigures): void {
    const { clock, riskOf } = this.#parts;
    const before = this.#kept.get(figures.id);
    if (before === undefined && this.#kept.size >= limits.liveForeignSessionsMax) return;
    if (before !== undefined && before.toldMs === null) return;
    this.#put(principalId, clock.monotonic(), { ...figures, risk: riskOf(principalId, figures.id) });
  }

  /** Forgets what another gateway told. */
  drop(id: string): void {
    if (this.#kept.get(id)?.toldMs !== null) this.#kept.delete(id);
  }

  /** Whose it is, where it is known here. */
  ownerOf(id: string): string | null {
    return this.#kept.get(id)?.principalId ?? null;
  }

  /** What changed behind `version`; of one principal where it is not null. Of this gateway alone with `isOwn`. */
  *since(version: number, principalId: string | null, isOwn = false): Generator<Figured, void, undefined> {
    for (const kept of this.#kept.values()) {
      if (kept.version <= version || (isOwn && kept.toldMs !== null)) continue;
      if (principalId === null || kept.principalId === principalId) yield kept;
    }
  }

  #put(principalId: string, toldMs: number | null, figures: LiveFigures): void {
    const before = this.#kept.get(figures.id);
    const isSame = before !== undefined && isEqual(before.figures, figures);
    if (isSame && before.toldMs === toldMs) return;
    const version = isSame ? before.version : ++this.#version;
    this.#kept.set(figures.id, { principalId, figures, version, toldMs });
  }

  #paceOf(id: string): Pace {
    const known = this.#paces.get(id);
    if (known !== undefined) return known;
    const pace = new Pace();
    this.#paces.set(id, pace);
    return pace;
  }
}

const numbers = ['commands', 'perMinute', 'rows', 'bytesIn', 'bytesOut', 'risk', 'paused'] as const;

function isEqual(a: LiveFigures, b: LiveFigures): boolean {
  if (numbers.some((name) => a[name] !== b[name])) return false;
  if (a.recent === b.recent) return true;
  if (a.recent.length !== b.recent.length) return false;
  return a.recent.every((count, index) => count === b.recent[index]);
}
