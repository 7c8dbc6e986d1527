/**
 * Detections tried out: before they are saved, against their examples, and over what was journaled.
 *
 * Invariants: nothing is raised, kept or told; what is tried is asked by the very engine that follows the live journal.
 *
 * Honest limits of a replay: events before intents told what they touch (`facts`) do not match fields of that, and are
 * counted; peers and groups are those of then, labels too. What looks back (baselines, sequences) is led up to over the time
 * before `since` that it looks back over, as far as the journal goes.
 */
import {
  type DetectionListing,
  type DetectionManifest,
  type DetectionReplayEntry,
  type DetectionTrial,
  detectionSpecOf,
  type Manifest,
} from '../api/contract/index.ts';
import type { DetectionLab, DetectionReplayOrder, RuleChecks, RuleProblem } from '../api/index.ts';
import { isGatewayError } from '../base/errors.ts';
import { Activities, type Activity } from '../core/activity.ts';
import type { DetectionSpec } from '../core/detection.ts';
import type { Event } from '../core/event.ts';
import type { RuleObject } from '../core/rules.ts';
import {
  type CompiledDetection,
  compileDetection,
  createEngine,
  type DetectorDefinition,
  detectionsMax,
  fieldFamilies,
  fields,
  type Hours,
  lookBackMs,
  type Raised,
  runExamples,
} from '../detection/index.ts';
import * as limits from './limits.ts';

export interface DetectionLabParts {
  readonly definitions: readonly DetectorDefinition[];
  readonly hours: Hours;
  /** Sequence of the last durable event of the journal. */
  readonly lastSequence: () => number;
  /** Durable events of the journal from a sequence on. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
}

type Named = RuleObject<DetectionSpec>;

export function createDetectionLab(parts: DetectionLabParts): DetectionLab & RuleChecks {
  return new Laboratory(parts);
}

class Laboratory implements DetectionLab, RuleChecks {
  readonly #parts: DetectionLabParts;

  constructor(parts: DetectionLabParts) {
    this.#parts = parts;
  }

  async check(objects: readonly Manifest[]): Promise<readonly RuleProblem[]> {
    const problems: RuleProblem[] = [];
    const detections = detectionsAmong(objects);
    for (const [index, object] of detections.entries()) {
      const { name } = object;
      const told = (field: string, reason: string): void => {
        problems.push({ kind: 'Detection', name, field, reason });
      };
      if (index >= detectionsMax) {
        told('metadata.name', `there are more than ${detectionsMax} Detections`);
        continue;
      }
      const compiled = this.#compile(object);
      if (typeof compiled === 'string') {
        const { field, reason } = partsOf(compiled);
        told(field, reason);
        continue;
      }
      for (const { index: at, passed, expected, reason } of runExamples(object, this.#parts)) {
        if (!passed) told(`spec.examples[${at}]`, `does not come out as ${expected}: ${reason}`);
      }
      await otherWork();
    }
    return problems;
  }

  /** Or what is wrong with it. */
  #compile(object: Named): CompiledDetection | string {
    try {
      return compileDetection(object, this.#parts);
    } catch (error) {
      if (isGatewayError(error)) return error.publicMessage;
      throw error;
    }
  }

  list(objects: readonly Manifest[]): DetectionListing {
    const configured = detectionsAmong(objects);
    return {
      detections: configured.map((object) => {
        const { name, spec } = object;
        const compiled = this.#compile(object);
        const isBroken = typeof compiled === 'string';
        return {
          name,
          description: spec.description ?? null,
          severity: spec.severity,
          mode: spec.mode ?? 'on',
          detector: spec.detector ?? null,
          events: isBroken || compiled.events === null ? null : [...compiled.events].sort(),
          responses: (spec.respond ?? []).map((one) => one.do),
          problem: isBroken ? partsOf(compiled).reason : null,
        };
      }),
      builtIn: this.#parts.definitions.map(({ name, title, explanation, techniques, tuning }) => ({
        name,
        title,
        explanation,
        techniques: [...(techniques ?? [])],
        tuning: Object.entries(tuning).map(([key, { meaning, default: ordinary, min, max }]) => ({
          name: key,
          meaning,
          default: typeof ordinary === 'object' ? [...ordinary] : ordinary,
          min: min ?? null,
          max: max ?? null,
        })),
        detections: configured.filter(({ spec }) => spec.detector === name).map((one) => one.name),
      })),
      fields: [
        ...fields.map(({ name, type, meaning, on }) => ({ name, type, meaning, events: on === null ? null : [...on] })),
        ...fieldFamilies.map(({ name, meaning }) => ({ name, type: 'text' as const, meaning, events: null })),
      ],
    };
  }

  test(objects: readonly Manifest[]): readonly DetectionTrial[] {
    return detectionsAmong(objects).flatMap((object) => {
      if (typeof this.#compile(object) === 'string') return [];
      return runExamples(object, this.#parts).map(({ index, expected, got, passed, reason }) => ({
        name: object.name,
        example: index,
        expected,
        got,
        passed,
        reason,
      }));
    });
  }

  async *replay(order: DetectionReplayOrder): AsyncGenerator<DetectionReplayEntry, void, undefined> {
    const { definitions, hours, readEvents, lastSequence } = this.#parts;
    const chosen = detectionsAmong(order.objects).filter(({ name, spec }) =>
      order.names === null ? spec.mode !== 'off' : order.names.includes(name),
    );
    // As if each were on: whether it runs dry, or not yet, is what is being found out.
    const detections = chosen.map(({ name, spec }): Named => ({ name, spec: { ...spec, mode: 'on' } }));
    const engine = createEngine({ detections, definitions, hours });
    const warmFromMs = order.sinceMs - Math.max(0, ...chosen.map(({ spec }) => lookBackMs(spec)));
    const activities = new Activities({ opened: async () => null, command: async () => null });
    const of = lastSequence();
    const tally = { events: 0, alerts: 0, suppressed: 0, withoutFacts: 0, truncated: false };
    const known = new Set<string>();
    let read = 0;
    for await (const event of readEvents(1)) {
      if (order.signal.aborted) return;
      if (++read % limits.detectionReplayBatch === 0) {
        await otherWork();
        if (read % limits.detectionReplayProgress === 0) {
          yield { type: 'progress', events: event.seq, of, at: new Date(event.at).toISOString() };
        }
      }
      const joined = activities.join(event);
      const activity: Activity = joined instanceof Promise ? await joined : joined;
      if (event.at < warmFromMs || event.at > order.untilMs) continue;
      const isWithin = event.at >= order.sinceMs;
      if (isWithin) {
        tally.events++;
        if (event.type === 'command.intent' && event.facts === undefined) tally.withoutFacts++;
      }
      for (const raised of engine.observe(activity)) {
        if (!isWithin || !raised.isNew) continue;
        if (raised.suppressed === null) tally.alerts++;
        else tally.suppressed++;
        if (known.size >= limits.detectionReplayAlertsMax) tally.truncated = true;
        else if (!known.has(raised.alert.id)) {
          known.add(raised.alert.id);
          yield entryOf(raised);
        }
      }
    }
    yield {
      type: 'summary',
      since: new Date(order.sinceMs).toISOString(),
      until: new Date(order.untilMs).toISOString(),
      ...tally,
      failed: [...engine.failed],
      warmedUpFrom: new Date(Math.max(0, warmFromMs)).toISOString(),
    };
  }
}

function entryOf({ alert, suppressed }: Raised): DetectionReplayEntry {
  return {
    type: 'alert',
    at: new Date(alert.atMs).toISOString(),
    id: alert.id,
    detection: alert.detection,
    severity: alert.severity,
    principal: alert.principal?.name ?? null,
    resource: alert.resource,
    session: alert.session,
    command: alert.command,
    summary: alert.summary,
    suppressed,
  };
}

/** Both checks: those of other rules, and those of detections. */
export function withDetectionChecks(checks: RuleChecks, lab: RuleChecks): RuleChecks {
  return { check: async (objects) => [...(await checks.check(objects)), ...(await lab.check(objects))] };
}

function detectionsAmong(objects: readonly Manifest[]): readonly Named[] {
  return objects
    .filter((manifest): manifest is DetectionManifest => manifest.kind === 'Detection')
    .map((manifest) => ({ name: manifest.metadata.name, spec: detectionSpecOf(manifest) }));
}

/** `The Detection x cannot be used: FIELD: REASON. Correct …` */
function partsOf(message: string): { readonly field: string; readonly reason: string } {
  const match = /cannot be used: ([^:]+): (.*)\. Correct its manifest and apply it again\.$/s.exec(message);
  return match === null ? { field: 'spec', reason: message } : { field: `spec.${match[1]!}`, reason: match[2]! };
}

function otherWork(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
