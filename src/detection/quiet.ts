/**
 * Findings of one detection and group, joined into one alert for as long as the detection is quiet, from the first one on: what
 * goes on for days is told again each time.
 *
 * A new alert is told at once, and so is one that has come to another session, since responses may concern it; what else is added
 * is told at the next tick. Bounded by `quietAlertsMax`: the oldest is forgotten, and a further finding of it is a new alert.
 */
import { createHash } from 'node:crypto';
import { base32 } from '../base/ids.ts';
import type { CompiledDetection } from './compile.ts';
import type { Finding } from './detector.ts';
import type { Json } from './json.ts';
import * as limits from './limits.ts';

export interface QuietEntry {
  readonly id: string;
  /** Findings joined. */
  readonly findings: number;
  readonly evidence: readonly number[];
  /** The latest. */
  readonly finding: Finding;
  readonly suppressed: string | null;
}

interface Kept {
  readonly id: string;
  readonly untilMs: number;
  readonly compiled: CompiledDetection;
  readonly suppressed: string | null;
  /** The first ten. */
  readonly first: readonly number[];
  /** The latest ten. */
  last: readonly number[];
  findings: number;
  finding: Finding;
  /** Sessions that were told of, the latest last. */
  sessions: string[];
  /** Something was added that was not told. */
  isDirty: boolean;
}

/** Sessions of one alert that are told apart. */
const sessionsMax = 50;

const half = limits.evidenceMax / 2;

export class Quiet {
  readonly #kept = new Map<string, Kept>();
  /** Keys of those to be told of. */
  readonly #dirty = new Set<string>();

  get size(): number {
    return this.#kept.size;
  }

  add(
    compiled: CompiledDetection,
    finding: Finding,
    suppressed: string | null,
  ): { readonly entry: QuietEntry; readonly isNew: boolean; readonly isTold: boolean } {
    const key = JSON.stringify([compiled.name, finding.group, suppressed !== null]);
    const known = this.#kept.get(key);
    if (known !== undefined && finding.atMs < known.untilMs) return this.#join(key, known, finding);
    const made: Kept = {
      id: alertId(compiled.name, finding.group, finding.beginsAt),
      untilMs: finding.atMs + compiled.quietMs,
      compiled,
      suppressed,
      first: finding.evidence.slice(0, half),
      last: finding.evidence.slice(half).slice(-half),
      findings: 1,
      finding,
      sessions: finding.session === null ? [] : [finding.session],
      isDirty: false,
    };
    this.#kept.delete(key);
    this.#dirty.delete(key);
    this.#kept.set(key, made);
    if (this.#kept.size > limits.quietAlertsMax) this.#forget(this.#kept.keys().next().value!);
    return { entry: entryOf(made), isNew: true, isTold: true };
  }

  #join(key: string, known: Kept, finding: Finding): { entry: QuietEntry; isNew: boolean; isTold: boolean } {
    known.findings++;
    known.finding = finding;
    const news = finding.evidence.filter((one) => !known.first.includes(one) && !known.last.includes(one));
    if (news.length > 0) known.last = [...known.last, ...news].sort((a, b) => a - b).slice(-half);
    const isElsewhere = finding.session !== null && !known.sessions.includes(finding.session);
    if (isElsewhere) known.sessions = [...known.sessions, finding.session!].slice(-sessionsMax);
    known.isDirty = !isElsewhere;
    if (known.isDirty) this.#dirty.add(key);
    else this.#dirty.delete(key);
    return { entry: entryOf(known), isNew: false, isTold: isElsewhere };
  }

  /** What was added and not told; forgets what is over. */
  tell(nowMs: number): readonly { readonly entry: QuietEntry; readonly compiled: CompiledDetection }[] {
    const told = [...this.#dirty].map((key) => {
      const kept = this.#kept.get(key)!;
      kept.isDirty = false;
      return { entry: entryOf(kept), compiled: kept.compiled };
    });
    this.#dirty.clear();
    for (const [key, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#forget(key);
    return told;
  }

  #forget(key: string): void {
    this.#kept.delete(key);
    this.#dirty.delete(key);
  }

  state(): Json {
    const entries = [...this.#kept].map(([key, { compiled, ...kept }]) => [key, compiled.name, kept]);
    return [entries, [...this.#dirty]] as unknown as Json;
  }

  /** Those of detections that are no more are forgotten. */
  restore(state: Json, detections: ReadonlyMap<string, CompiledDetection>): void {
    type Stored = readonly [string, string, Omit<Kept, 'compiled'>];
    const [entries, dirty] = state as unknown as readonly [readonly Stored[], readonly string[]];
    this.#kept.clear();
    this.#dirty.clear();
    for (const [key, name, kept] of entries) {
      const compiled = detections.get(name);
      if (compiled !== undefined) this.#kept.set(key, { ...kept, compiled });
    }
    for (const key of dirty) if (this.#kept.has(key)) this.#dirty.add(key);
  }
}

function entryOf({ id, first, last, findings, finding, suppressed }: Kept): QuietEntry {
  return { id, findings, evidence: [...first, ...last].sort((a, b) => a - b), finding, suppressed };
}

/** `al_` and 80 bits: the same finding made again has the same. */
export function alertId(detection: string, group: string, beginsAt: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([detection, group, beginsAt]))
    .digest();
  return `al_${base32(digest.subarray(0, 10))}`;
}
