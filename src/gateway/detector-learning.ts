/**
 * What a detection that is new, or means something new, learns from the past before it counts: the journal is shown to a second
 * engine, and what that remembers goes over into the one that runs.
 *
 * Invariants: nothing that is found in the past is raised; the engine that runs goes on meanwhile; both have seen the same events
 * when what was learnt goes over.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { Activities, type Lookups } from '../core/activity.ts';
import type { DetectionSpec } from '../core/detection.ts';
import type { Event } from '../core/event.ts';
import type { RuleObject } from '../core/rules.ts';
import {
  createEngine,
  type DetectorDefinition,
  type Engine,
  type Hours,
  type Json,
  lookBackMs,
} from '../detection/index.ts';
import * as limits from './limits.ts';

export interface LearningParts {
  readonly clock: Clock;
  readonly definitions: readonly DetectorDefinition[];
  readonly hours: Hours;
  readonly lookups: Lookups;
  /** Durable events of the journal from a sequence on. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
  readonly isStopped: () => boolean;
}

/** Those that ask what is usual; the others count from now on. */
export function learning(detections: readonly RuleObject<DetectionSpec>[], anew: readonly string[]) {
  return detections.filter(
    ({ name, spec }) => anew.includes(name) && (spec.detector !== undefined || spec.baseline !== undefined),
  );
}

export class Pupil {
  readonly engine: Engine;
  readonly #parts: LearningParts;
  readonly #activities: Activities;
  readonly #sinceMs: number;
  #seen: number;

  /** `to`: the last sequence of the past. */
  constructor(parts: LearningParts, detections: readonly RuleObject<DetectionSpec>[], to: number) {
    this.#parts = parts;
    this.#activities = new Activities(parts.lookups);
    this.engine = createEngine({ detections, definitions: parts.definitions, hours: parts.hours });
    this.#sinceMs = parts.clock.now() - Math.max(0, ...detections.map(({ spec }) => lookBackMs(spec)));
    this.#seen = Math.max(0, to - limits.warmEventsMax);
  }

  /** Shows it everything up to a sequence, in slices with rests between: the past has time. False where it was stopped. */
  async learn(to: number): Promise<boolean> {
    const { clock, readEvents, isStopped } = this.#parts;
    let sliceMs = clock.monotonic();
    if (this.#seen >= to) return true;
    for await (const event of readEvents(this.#seen + 1)) {
      if (isStopped()) return false;
      if (event.seq > to) break;
      this.#seen = event.seq;
      if (event.at < this.#sinceMs) continue;
      this.engine.observe(await this.#activities.join(event));
      if (clock.monotonic() - sliceMs < limits.detectorSliceMs) continue;
      await sleep(limits.detectorRestMs);
      sliceMs = clock.monotonic();
    }
    return true;
  }
}

/** The state of an engine with what others learnt in place of its own. */
export function withLearnt(state: Json, learnt: Json): Json {
  const [own, other] = [state, learnt] as unknown as { readonly detections: Readonly<Record<string, Json>> }[];
  return { ...own, detections: { ...own?.detections, ...other?.detections } } as unknown as Json;
}
