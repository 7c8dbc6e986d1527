/**
 * What a detector is: it sees activities one after another, remembers a bounded state, and says what it found. Detectors of
 * manifests (compile) and those built in are both this.
 *
 * Invariants:
 * - Deterministic: the same observations and ticks give the same findings, so that history can be replayed (and events that come
 *   twice after a restart make the same alert again, not another).
 * - Time is the events' own (`atMs`), and that of `tick`; never a clock's.
 * - State is bounded: every map by principals, resources or sessions evicts what was not seen for longest beyond a named limit.
 *   `state` gives it as JSON, `restore` takes it back: after that it goes on as if nothing had been.
 * - No I/O, and no more than some microseconds an observation.
 *
 * Deliberately absent: suppression, merging into one alert, responses (engine.ts and gateway).
 */
import type { Activity } from '../core/activity.ts';
import type { Json } from './json.ts';

/** An activity with what detectors ask for again and again, worked out once. */
export interface Observation {
  readonly activity: Activity;
  readonly sequence: number;
  readonly atMs: number;
  /** Whose doing it is: of the session, or the event's own principal; null where nobody is known. */
  readonly principal: ObservedPrincipal | null;
  readonly resource: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: string | null;
  readonly session: string | null;
  readonly command: number | null;
  /** Without the port. */
  readonly source: string | null;
}

export interface ObservedPrincipal {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly groups: readonly string[];
  /** Names of agents that act for it, outermost first. */
  readonly agents: readonly string[];
}

/** What was found, before it is an alert. */
export interface Finding {
  /** What it is grouped by, spelled: with the detection's name it makes the alert. */
  readonly group: string;
  /** Sequence of the first event that counts: the same finding made again begins at the same. */
  readonly beginsAt: number;
  readonly summary: string;
  readonly evidence: readonly number[];
  readonly facts: Readonly<Record<string, string | number>>;
  readonly principal: ObservedPrincipal | null;
  readonly session: string | null;
  readonly command: number | null;
  readonly resource: string | null;
  readonly atMs: number;
  /** Of the event that completed it; of a tick the last event before. */
  readonly sequence: number;
}

export interface Detector {
  observe(observation: Observation): readonly Finding[];
  /** Time has come this far without more events. Called at least every `tickMs` of event time, before the next observation. */
  tick?(nowMs: number): readonly Finding[];
  state(): Json;
  /** Takes what `state` gave; of another version or shape: begins anew and says false. */
  restore(state: Json): boolean;
}

export type TuningValue = number | string | boolean | readonly string[];

export interface TuningDefinition {
  readonly default: TuningValue;
  /** One sentence, with the unit. */
  readonly meaning: string;
  readonly min?: number;
  readonly max?: number;
}

/** A built-in detector. */
export interface DetectorDefinition {
  readonly name: string;
  readonly title: string;
  /** What it looks for, how, what commonly sets it off wrongly, and what to do then: a paragraph for the reference. */
  readonly explanation: string;
  /** MITRE ATT&CK techniques it is evidence of, where there are such: `T1530`. */
  readonly techniques?: readonly string[];
  readonly tuning: Readonly<Record<string, TuningDefinition>>;
  create(tuning: Readonly<Record<string, TuningValue>>, context: DetectorContext): Detector;
}

/** What a detector may ask of how things are configured now. */
export interface DetectorContext {
  /** The detection's selection of principals and resources; observations outside it are not given to `observe`. */
  readonly name: string;
  /** Office hours and time zone of the installation: minutes from Monday 00:00, as half-open spans; IANA name. */
  readonly hours: { readonly spans: readonly (readonly [from: number, to: number])[]; readonly timeZone: string };
}
