/**
 * The engine: activities in, alerts out. It asks each detection that watches an activity, joins findings of one group into one
 * alert for as long as its detection is quiet, and says which of them nobody should be told of.
 *
 * Invariants:
 * - Deterministic: the same activities give the same alerts under the same ids, also where it was stopped in between and goes on
 *   with what `state` gave.
 * - A detector that throws is switched off by itself, and an alert says so; the others go on.
 * - Bounded: by the limits of detectors, and `quietAlertsMax`.
 * - What detections themselves raised or did is not given to detections: they cannot set each other off.
 *
 * Deliberately absent: keeping alerts, telling people, responses (gateway); clocks, except the events' own.
 */
import type { Activity } from '../core/activity.ts';
import type { Alert } from '../core/alert.ts';
import type { DetectionResponse, DetectionSpec } from '../core/detection.ts';
import type { RuleObject } from '../core/rules.ts';
import { Calendar, type Hours, ordinaryHours } from './calendar.ts';
import { type CompiledDetection, type CompileParts, compileDetection } from './compile.ts';
import type { Detector, DetectorDefinition, Finding, Observation } from './detector.ts';
import { detectionErrors } from './errors.ts';
import type { Json } from './json.ts';
import * as limits from './limits.ts';
import { observe } from './observe.ts';
import { Quiet, type QuietEntry } from './quiet.ts';

export interface EngineParts {
  /** Those that cannot be compiled make it throw: ask `compileDetection` of each before. */
  readonly detections: readonly RuleObject<DetectionSpec>[];
  readonly definitions: readonly DetectorDefinition[];
  /** Monday to Friday, 07:00 to 20:00 UTC unless given. */
  readonly hours?: Hours;
  /** Told of a detector that threw, for the log. */
  readonly onFailure?: (detection: string, error: unknown) => void;
}

/** An alert, and what is to become of it. */
export interface Raised {
  readonly alert: Alert;
  /** False: more of an alert that was raised before, in place of what was said of it then. */
  readonly isNew: boolean;
  /** Findings that it stands for. */
  readonly findings: number;
  /** What it is grouped by, spelled. */
  readonly group: string;
  /** Why nobody is told and nothing is done; null where people are. Dry runs say so in `alert.isDry` and do nothing either. */
  readonly suppressed: string | null;
  /** What is to be done by itself: where it is in force already it goes on from now, and is not doubled. */
  readonly respond: readonly DetectionResponse[];
}

export interface Engine {
  /** Must be given activities in order of sequence. Alerts as they came to be, in order. */
  observe(activity: Activity): readonly Raised[];
  /** Time has come this far without more events: additions to alerts are told, and what takes time is found. */
  tick(nowMs: number): readonly Raised[];
  /** Plain JSON. */
  state(): Json;
  /** Takes what `state` gave; names of detections that begin anew, since they changed or were not there. */
  restore(state: Json): readonly string[];
  /** Detections that threw and are switched off. */
  readonly failed: readonly string[];
}

/** What raises the alert that a detection failed. */
export const failureDetection = 'gateway:detection-failed';

const nothing: readonly Raised[] = [];

const stateVersion = 1;

interface Running {
  readonly compiled: CompiledDetection;
  detector: Detector;
  isFailed: boolean;
}

/** Throws `detection.malformed` and `detection.too-many`. */
export function createEngine(parts: EngineParts): Engine {
  return new DetectionEngine(parts);
}

class DetectionEngine implements Engine {
  readonly #running: readonly Running[];
  /** Those that look at an event of a type; made as types come. */
  readonly #byType = new Map<string, readonly Running[]>();
  readonly #ticking: readonly Running[];
  readonly #calendar: Calendar;
  readonly #quiet = new Quiet();
  readonly #onFailure: (detection: string, error: unknown) => void;
  /** The last boundary of `tickMs` that was ticked. */
  #tickedMs: number | null = null;
  #lastSequence = 0;

  constructor({ detections, definitions, hours = ordinaryHours, onFailure = () => undefined }: EngineParts) {
    if (detections.length > limits.detectionsMax) {
      throw detectionErrors('detection.too-many', { values: { maximum: limits.detectionsMax } });
    }
    const makings: CompileParts = { definitions, hours };
    const compiled = detections.map((one) => compileDetection(one, makings));
    const names = new Set<string>();
    for (const { name } of compiled) {
      if (names.has(name)) {
        throw detectionErrors('detection.malformed', {
          values: { name, field: 'metadata.name', reason: 'there are two of this name' },
        });
      }
      names.add(name);
    }
    // In order of name, so that alerts of one activity come in the same order however the detections were listed.
    this.#running = compiled
      .filter(({ mode }) => mode !== 'off')
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((one) => ({ compiled: one, detector: one.create(), isFailed: false }));
    this.#ticking = this.#running.filter(({ detector }) => detector.tick !== undefined);
    this.#calendar = new Calendar(hours);
    this.#onFailure = onFailure;
  }

  get failed(): readonly string[] {
    return this.#running.filter(({ isFailed }) => isFailed).map(({ compiled }) => compiled.name);
  }

  observe(activity: Activity): readonly Raised[] {
    const { event } = activity;
    const raised = this.#pass(event.at);
    this.#lastSequence = event.seq;
    if (isOwn(activity)) return raised;
    const running = this.#of(event.type);
    if (running.length === 0) return raised;
    const observation = observe(activity);
    let found: Raised[] | null = null;
    for (const one of running) {
      if (one.isFailed || !one.compiled.watches(observation)) continue;
      const findings = this.#ask(one, () => one.detector.observe(observation), event.at);
      if (findings.length === 0) continue;
      found ??= [...raised];
      this.#raise(one.compiled, findings, observation, found);
    }
    return found ?? raised;
  }

  tick(nowMs: number): readonly Raised[] {
    return this.#tickedMs === null ? nothing : this.#pass(nowMs);
  }

  /** Only at boundaries of `tickMs`, so that what comes of it does not hang on when somebody asked. */
  #pass(nowMs: number): readonly Raised[] {
    const boundary = Math.floor(nowMs / limits.tickMs) * limits.tickMs;
    // A clock that was set back: ticks go on from there.
    if (this.#tickedMs === null || nowMs < this.#tickedMs - limits.clockBackMs) this.#tickedMs = boundary;
    if (boundary <= this.#tickedMs) return nothing;
    const steps = (boundary - this.#tickedMs) / limits.tickMs;
    const stride = Math.ceil(steps / limits.ticksPerGapMax) * limits.tickMs;
    const raised: Raised[] = [];
    while (this.#tickedMs < boundary) {
      const atMs: number = Math.min(this.#tickedMs + stride, boundary);
      this.#tickedMs = atMs;
      for (const one of this.#ticking) {
        if (one.isFailed) continue;
        const findings = this.#ask(one, () => one.detector.tick!(atMs), atMs);
        if (findings.length > 0) this.#raise(one.compiled, findings, null, raised);
      }
      for (const { entry, compiled } of this.#quiet.tell(atMs)) raised.push(raisedOf(entry, compiled, false));
    }
    return raised.length === 0 ? nothing : raised;
  }

  #of(type: string): readonly Running[] {
    let found = this.#byType.get(type);
    if (found === undefined) {
      found = this.#running.filter(({ compiled }) => compiled.events?.has(type) !== false);
      this.#byType.set(type, found);
    }
    return found;
  }

  /** What the detector says; where it throws, that it failed. */
  #ask(one: Running, ask: () => readonly Finding[], atMs: number): readonly Finding[] {
    try {
      return ask();
    } catch (error) {
      one.isFailed = true;
      this.#onFailure(one.compiled.name, error);
      return [failureOf(one.compiled.name, this.#lastSequence, atMs)];
    }
  }

  #raise(
    compiled: CompiledDetection,
    findings: readonly Finding[],
    observation: Observation | null,
    into: Raised[],
  ): void {
    for (const finding of findings) {
      const isFailure = finding.group === failureDetection;
      const suppressed = isFailure ? null : this.#suppressed(compiled, finding, observation);
      const made = this.#quiet.add(isFailure ? failing(compiled) : compiled, finding, suppressed);
      if (made.isTold) into.push(raisedOf(made.entry, isFailure ? failing(compiled) : compiled, made.isNew));
    }
  }

  #suppressed(compiled: CompiledDetection, finding: Finding, observation: Observation | null): string | null {
    if (compiled.suppressions.length === 0) return null;
    const about = observation ?? observationOf(finding);
    for (const { reason, untilMs, holds } of compiled.suppressions) {
      if ((untilMs === null || finding.atMs < untilMs) && holds(about, this.#calendar)) return reason;
    }
    return null;
  }

  state(): Json {
    return {
      version: stateVersion,
      tickedMs: this.#tickedMs,
      lastSequence: this.#lastSequence,
      quiet: this.#quiet.state(),
      detections: Object.fromEntries(
        this.#running.map(({ compiled, detector, isFailed }) => [
          compiled.name,
          { key: compiled.key, isFailed, state: isFailed ? null : detector.state() },
        ]),
      ),
    };
  }

  restore(state: Json): readonly string[] {
    const given = state as unknown as {
      readonly version: number;
      readonly tickedMs: number | null;
      readonly lastSequence: number;
      readonly quiet: Json;
      readonly detections: Readonly<Record<string, { key: string; isFailed: boolean; state: Json }>>;
    } | null;
    if (given === null || given.version !== stateVersion) return this.#running.map(({ compiled }) => compiled.name);
    this.#tickedMs = given.tickedMs;
    this.#lastSequence = given.lastSequence;
    this.#quiet.restore(
      given.quiet,
      new Map(
        this.#running.flatMap(({ compiled }) => [
          [compiled.name, compiled] as const,
          [`${failureDetection} ${compiled.name}`, failing(compiled)] as const,
        ]),
      ),
    );
    const anew: string[] = [];
    for (const one of this.#running) {
      const { name, key } = one.compiled;
      const kept = Object.hasOwn(given.detections, name) ? given.detections[name]! : null;
      if (kept === null || kept.key !== key) anew.push(name);
      else if (kept.isFailed) one.isFailed = true;
      else if (!this.#restoreOne(one, kept.state)) anew.push(name);
    }
    return anew;
  }

  /** A state that cannot be read is no reason to be without the detection: it begins anew. */
  #restoreOne(one: Running, state: Json): boolean {
    try {
      if (one.detector.restore(state)) return true;
    } catch (error) {
      this.#onFailure(one.compiled.name, error);
    }
    one.detector = one.compiled.create();
    return false;
  }
}

/** What a detection raised, changed or answered with. */
function isOwn({ event }: Activity): boolean {
  return (
    (event.type === 'alert.raised' && event.alert !== undefined) ||
    // What a person does about one (ends it) is not the detections' own.
    (event.type === 'response.changed' && event.principal === null) ||
    event.type === 'recording.chunk'
  );
}

function failureOf(name: string, sequence: number, atMs: number): Finding {
  return {
    group: failureDetection,
    beginsAt: sequence,
    summary: `The detection ${name} failed and is switched off until it is changed. The others go on.`,
    evidence: [sequence],
    facts: { detection: name },
    principal: null,
    session: null,
    command: null,
    resource: null,
    atMs,
    sequence,
  };
}

/** As what the failure of a detection is raised: severe, told, and without any response. */
function failing(compiled: CompiledDetection): CompiledDetection {
  return {
    ...compiled,
    name: `${failureDetection} ${compiled.name}`,
    severity: 'high',
    mode: 'on',
    respond: [],
    quietMs: 1,
  };
}

function raisedOf(entry: QuietEntry, compiled: CompiledDetection, isNew: boolean): Raised {
  const isDry = compiled.mode === 'dry-run';
  const { finding } = entry;
  return {
    alert: {
      id: entry.id,
      detection: compiled.name.startsWith(failureDetection) ? failureDetection : compiled.name,
      severity: compiled.severity,
      summary: finding.summary,
      evidence: entry.evidence,
      facts: finding.facts,
      principal: finding.principal === null ? null : { id: finding.principal.id, name: finding.principal.name },
      session: finding.session,
      command: finding.command,
      resource: finding.resource,
      atMs: finding.atMs,
      sequence: finding.sequence,
      isDry,
    },
    isNew,
    findings: entry.findings,
    group: finding.group,
    suppressed: entry.suppressed,
    respond: isDry || entry.suppressed !== null ? [] : compiled.respond,
  };
}

/** What a finding that time alone made is about, for suppressions: who and where. */
function observationOf(finding: Finding): Observation {
  const { sequence, atMs, principal, resource, session, command } = finding;
  const event = { type: 'gateway.started', version: '', seq: sequence, at: atMs } as const;
  return {
    activity: { event, opened: null, command: null },
    sequence,
    atMs,
    principal,
    resource,
    labels: {},
    protocol: null,
    session,
    command,
    source: null,
  };
}
