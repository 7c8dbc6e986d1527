/**
 * Detections by figures over a window: how many activities of a group, how many different values, what a number adds up to;
 * when it reaches a least, or is so many times what is usual.
 */
import { Baseline, emptyPast, type Past, pastFrom, pastState, type Usual } from './baseline.ts';
import type { Calendar } from './calendar.ts';
import type { Observation } from './detector.ts';
import type { Field } from './fields.ts';
import { textsOf } from './fields.ts';
import { cutValue, Groups } from './groups.ts';
import type { Json } from './json.ts';
import * as limits from './limits.ts';
import { SlidingDistinct, SlidingSum } from './window.ts';

export interface MeasureTerms {
  readonly of: 'count' | 'distinct' | 'sum';
  readonly field: Field | null;
  /** The finding takes at least this. */
  readonly min: number;
  readonly factor: number | null;
  readonly windowMs: number;
  readonly baseline: {
    readonly against: 'own' | 'peers' | 'both';
    readonly overMs: number;
    readonly least: number;
  } | null;
}

/** What a group came to. */
export interface Reached {
  readonly figure: number;
  readonly isAtLeast: boolean;
  /** Null where nothing was compared. */
  readonly usual: Usual | null;
  readonly beginsAt: number;
  readonly evidence: readonly number[];
  /** Some of the different values. */
  readonly values: readonly string[];
}

interface State {
  readonly window: SlidingSum | SlidingDistinct;
  /** Null without a baseline. */
  readonly past: Past | null;
  lastMs: number;
}

const shownValuesMax = 5;

export class Measure {
  readonly #terms: MeasureTerms;
  readonly #groups: Groups<State>;
  readonly #baseline: Baseline | null;

  constructor(terms: MeasureTerms) {
    this.#terms = terms;
    const { windowMs, baseline } = terms;
    this.#baseline = baseline === null ? null : new Baseline({ windowMs, ...baseline });
    this.#groups = new Groups<State>(
      ({ window, past }) => 1 + window.size + (past?.windows.length ?? 0),
      terms.of === 'distinct' ? limits.distinctTotalMax : limits.windowEntriesTotalMax,
    );
  }

  /** Takes an activity in; null where the group has not reached anything. */
  add(key: string, observation: Observation, calendar: Calendar, nowMs: number): Reached | null {
    return this.#groups.use(
      key,
      () => ({
        window: this.#terms.of === 'distinct' ? new SlidingDistinct() : new SlidingSum(this.#terms.windowMs),
        past: this.#baseline === null ? null : emptyPast(),
        lastMs: nowMs,
      }),
      (state) => this.#change(state, observation, calendar, nowMs),
    );
  }

  #change(state: State, observation: Observation, calendar: Calendar, nowMs: number): Reached | null {
    const { of, field, min, factor, windowMs } = this.#terms;
    const { window, past } = state;
    state.lastMs = nowMs;
    const owner = observation.principal?.name ?? '';
    const groups = observation.principal?.groups ?? [];
    if (past !== null) this.#baseline!.move(past, nowMs, owner, groups);
    window.expire(nowMs - windowMs);
    let figure: number;
    if (window instanceof SlidingDistinct) {
      for (const value of textsOf(field!.read(observation, calendar))) {
        window.add(nowMs, observation.sequence, cutValue(value));
      }
      figure = window.size;
    } else {
      const value = field === null ? 1 : numberOf(field, observation, calendar);
      if (of === 'count' || value > 0) window.add(nowMs, observation.sequence, value);
      figure = of === 'count' ? window.count : window.sum;
    }
    if (past !== null) this.#baseline!.note(past, figure);
    if (figure < min) return null;
    let usual: Usual | null = null;
    if (factor !== null && past !== null) {
      usual = this.#baseline!.usual(past, owner, groups);
      if (!isUnusual(figure, factor, usual)) return null;
    }
    return {
      figure,
      isAtLeast: window instanceof SlidingDistinct && window.isAtLeast,
      usual,
      beginsAt: window.beginsAt,
      evidence: window.evidence(),
      values: window instanceof SlidingDistinct ? window.latest(shownValuesMax) : [],
    };
  }

  /** Forgets groups that were not seen for a window; those with a past stay until there are too many. */
  forget(nowMs: number): void {
    if (this.#baseline === null) this.#groups.drop(({ lastMs }) => lastMs <= nowMs - this.#terms.windowMs);
  }

  state(): Json {
    return [
      this.#baseline?.state() ?? null,
      [...this.#groups.entries()].map(([key, { window, past, lastMs }]) => [
        key,
        lastMs,
        window.state(),
        past === null ? null : pastState(past),
      ]),
    ];
  }

  restore(state: Json): void {
    const [pools, groups] = state as readonly [Json, readonly (readonly [string, number, Json, Json])[]];
    if (this.#baseline !== null && pools !== null) this.#baseline.restore(pools);
    for (const [key, lastMs, window, past] of groups) {
      this.#groups.put(key, {
        window:
          this.#terms.of === 'distinct' ? SlidingDistinct.from(window) : SlidingSum.from(window, this.#terms.windowMs),
        past: past === null ? null : pastFrom(past),
        lastMs,
      });
    }
  }
}

function numberOf(field: Field, observation: Observation, calendar: Calendar): number {
  const value = field.read(observation, calendar);
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function isUnusual(figure: number, factor: number, { own, peers }: Usual): boolean {
  return (own !== null && figure >= factor * own) || (peers !== null && figure >= factor * peers);
}
