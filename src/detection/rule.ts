/**
 * The detector of one manifest: what its selections hold of is a finding by itself, counted over a window (measure.ts), or a
 * step of a sequence (sequence.ts).
 */
import type { Calendar } from './calendar.ts';
import { type Condition, isTrue } from './condition.ts';
import type { Detector, Finding, Observation } from './detector.ts';
import type { Field } from './fields.ts';
import { type GroupValues, groupsOf } from './groups.ts';
import type { Json } from './json.ts';
import * as limits from './limits.ts';
import { Measure, type MeasureTerms, type Reached } from './measure.ts';
import { type Fill, shownValues } from './message.ts';
import { spellMs } from './reading.ts';
import type { CompiledSelection } from './select.ts';
import { Sequences } from './sequence.ts';

export interface RuleTerms {
  readonly name: string;
  readonly selections: readonly CompiledSelection[];
  /** In place of the condition: steps, by index of selection, and the events that each is looked at. */
  readonly steps: readonly { readonly selection: number; readonly events: ReadonlySet<string> }[] | null;
  readonly condition: Condition | null;
  /** Events at which the condition is asked, or any step. */
  readonly events: ReadonlySet<string>;
  readonly by: readonly Field[];
  readonly measure: MeasureTerms | null;
  /** Of `measure` and `steps`. */
  readonly windowMs: number;
  readonly fill: Fill | null;
  readonly calendar: Calendar;
}

/** Bumped when the shape of the state changes. */
const stateVersion = 1;

const nothing: readonly Finding[] = [];

export class RuleDetector implements Detector {
  readonly #terms: RuleTerms;
  #measure: Measure | null = null;
  #sequences: Sequences | null = null;
  /** Time as far as it has come: events are in order of sequence, and their clocks are not always. */
  #nowMs = Number.NEGATIVE_INFINITY;
  #forgottenMs = 0;

  constructor(terms: RuleTerms) {
    this.#terms = terms;
    this.#begin();
  }

  #begin(): void {
    const terms = this.#terms;
    this.#measure = terms.measure === null ? null : new Measure(terms.measure);
    this.#sequences = terms.steps === null ? null : new Sequences(terms.steps.length, terms.windowMs);
  }

  observe(observation: Observation): readonly Finding[] {
    const { event } = observation.activity;
    if (!this.#terms.events.has(event.type)) return nothing;
    this.#move(observation.atMs);
    if (this.#sequences !== null) return this.#step(observation, this.#sequences);
    if (!this.#holds(observation)) return nothing;
    const groups = groupsOf(this.#terms.by, observation, this.#terms.calendar);
    if (this.#measure === null) return groups.map((group) => this.#finding(observation, group, null, null));
    const found: Finding[] = [];
    for (const group of groups) {
      const reached = this.#measure.add(JSON.stringify(group), observation, this.#terms.calendar, this.#nowMs);
      if (reached !== null) found.push(this.#finding(observation, group, reached, null));
    }
    return found;
  }

  #holds(observation: Observation): boolean {
    const { condition, selections, calendar } = this.#terms;
    const { type } = observation.activity.event;
    return isTrue(condition!, (index) => {
      const selection = selections[index]!;
      return selection.types?.has(type) !== false && selection.holds(observation, calendar);
    });
  }

  #step(observation: Observation, sequences: Sequences): readonly Finding[] {
    const { steps, selections, calendar, by } = this.#terms;
    const { type } = observation.activity.event;
    const held: number[] = [];
    for (const [step, { selection, events }] of steps!.entries()) {
      if (events.has(type) && selections[selection]!.holds(observation, calendar)) held.push(step);
    }
    if (held.length === 0) return nothing;
    const found: Finding[] = [];
    for (const group of groupsOf(by, observation, calendar)) {
      const chain = sequences.add(JSON.stringify(group), held, observation.sequence, this.#nowMs);
      if (chain !== null) found.push(this.#finding(observation, group, null, chain.sequences));
    }
    return found;
  }

  #finding(
    observation: Observation,
    group: GroupValues,
    reached: Reached | null,
    chain: readonly number[] | null,
  ): Finding {
    const { by, fill, calendar } = this.#terms;
    const { sequence, atMs, principal, session, command, resource } = observation;
    const facts: Record<string, string | number> = {};
    for (const [index, field] of by.entries()) facts[field.name] = group[index]!;
    if (reached !== null) Object.assign(facts, this.#figures(reached));
    if (chain !== null) facts['steps'] = chain.length;
    return {
      group: JSON.stringify(group),
      beginsAt: reached?.beginsAt ?? chain?.[0] ?? sequence,
      summary: fill === null ? this.#summary(facts, observation) : fill(facts, observation, calendar),
      evidence: reached?.evidence ?? chain ?? [sequence],
      facts,
      principal,
      session,
      command,
      resource,
      atMs,
      sequence,
    };
  }

  #figures({ figure, isAtLeast, usual, values }: Reached): Record<string, string | number> {
    const facts: Record<string, string | number> = { figure, window: spellMs(this.#terms.windowMs) };
    if (isAtLeast) facts['atLeast'] = 1;
    if (values.length > 0) facts['values'] = shownValues(values);
    if (usual?.own != null) facts['usual'] = usual.own;
    if (usual?.peers != null) facts['usualOfPeers'] = usual.peers;
    return facts;
  }

  #summary(facts: Readonly<Record<string, string | number>>, observation: Observation): string {
    const who = observation.principal?.name ?? observation.source ?? 'somebody';
    const where = observation.resource === null ? '' : ` on ${observation.resource}`;
    return shownValues([`${this.#terms.name}: ${who}${where}${this.#what(facts)}`]);
  }

  #what(facts: Readonly<Record<string, string | number>>): string {
    const { measure, steps, windowMs } = this.#terms;
    if (steps !== null) return `: ${steps.length} steps within ${spellMs(windowMs)}`;
    if (measure === null) return '';
    const least = facts['atLeast'] === undefined ? '' : 'at least ';
    const what =
      measure.of === 'count'
        ? 'activities'
        : measure.of === 'sum'
          ? measure.field!.name
          : `different values of ${measure.field!.name}`;
    const usual = [
      ...(facts['usual'] === undefined ? [] : [`${facts['usual']} is usual`]),
      ...(facts['usualOfPeers'] === undefined ? [] : [`${facts['usualOfPeers']} of peers`]),
    ].join(', ');
    return `: ${least}${facts['figure']} ${what} within ${spellMs(windowMs)}${usual === '' ? '' : `, where ${usual}`}`;
  }

  #move(atMs: number): void {
    if (atMs < this.#nowMs - limits.clockBackMs) {
      this.#begin();
      this.#nowMs = atMs;
      this.#forgottenMs = atMs;
    }
    if (atMs > this.#nowMs) this.#nowMs = atMs;
    this.#forget();
  }

  /** Once a window what is over is forgotten; by the time of events, so that it does not hang on who asks when. */
  #forget(): void {
    if (this.#nowMs < this.#forgottenMs + this.#terms.windowMs) return;
    this.#forgottenMs = this.#nowMs;
    this.#measure?.forget(this.#nowMs);
    this.#sequences?.forget(this.#nowMs);
  }

  state(): Json {
    const nowMs = Number.isFinite(this.#nowMs) ? this.#nowMs : null;
    return {
      version: stateVersion,
      nowMs,
      forgottenMs: this.#forgottenMs,
      measure: this.#measure?.state() ?? null,
      sequences: this.#sequences?.state() ?? null,
    };
  }

  restore(state: Json): boolean {
    const given = state as {
      readonly version?: number;
      readonly nowMs: number | null;
      readonly forgottenMs: number;
      readonly measure: Json;
      readonly sequences: Json;
    };
    if (given === null || typeof given !== 'object' || given.version !== stateVersion) return false;
    this.#nowMs = given.nowMs ?? Number.NEGATIVE_INFINITY;
    this.#forgottenMs = given.forgottenMs;
    if (given.measure !== null) this.#measure?.restore(given.measure);
    if (given.sequences !== null) this.#sequences?.restore(given.sequences);
    return true;
  }
}
