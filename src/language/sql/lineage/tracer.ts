/**
 * What is gathered about one statement while its lineage is followed, and the means to follow it.
 *
 * Invariants: things are only ever added; work is bounded by `lineageStepsMax`, beyond which the whole is unfollowed.
 */
import type { ColumnFlow, ColumnOrigin, SinkKind, StatementLineage, Steering } from '../../../core/sql.ts';
import { lineageEntriesMax, lineageStepsMax } from '../../limits.ts';
import type { AnalysisContext } from '../context.ts';
import type { Json } from '../parser.ts';
import type { Callee } from './functions.ts';
import { combine, type Gap, isEmpty, type Value } from './value.ts';

/** Thrown when the whole cannot be followed; caught at the door. The message is the reason. */
export class Unfollowable extends Error {}

export interface Steered {
  readonly origin: ColumnOrigin;
  readonly how: Steering;
}

/** What stands besides the result columns: of a statement, or of a view, to be added to each statement that reads it. */
export interface Findings {
  readonly steering: ReadonlyMap<ColumnOrigin, ReadonlySet<Steering>>;
  readonly flows: readonly ColumnFlow[];
  readonly gap: Gap | null;
  readonly unread: string | null;
}

export class Tracer {
  readonly context: AnalysisContext;
  /** Values of a type of the database's own take part, so that overloads for such types may be meant. */
  readonly touchesUserTypes: boolean;
  /** How many views and prepared statements deep. */
  readonly depth: number;
  /** Values of parameters, where EXECUTE gives them. */
  parameters: readonly Value[] = [];
  /** What was found out about functions and operators, by their names. */
  readonly callees = new Map<string, Callee>();
  readonly #steering = new Map<ColumnOrigin, Set<Steering>>();
  readonly #flows = new Map<string, ColumnFlow>();
  #gap: Gap | null = null;
  #unread: string | null = null;
  #steps = 0;
  #choosing = 0;
  #entries = 0;

  constructor(context: AnalysisContext, touchesUserTypes: boolean, depth: number) {
    this.context = context;
    this.touchesUserTypes = touchesUserTypes;
    this.depth = depth;
  }

  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > lineageStepsMax) throw new Unfollowable('there is too much to follow');
  }

  /** Something decides which rows come back, in which order, or which are reached. */
  steer(value: Value, how: Steering): void {
    this.miss(value.gap);
    for (const origin of value.origins) {
      const known = this.#steering.get(origin);
      if (known === undefined) this.#steering.set(origin, new Set([how]));
      else known.add(how);
      this.#count();
    }
  }

  /** Something is written or handed over. */
  flow(value: Value, into: SinkKind, target: string): void {
    // What unread code returns may be anything, and here it is kept or sent. Another function that is given it is no worse.
    this.miss(value.gap === null || into === 'function' ? value.gap : { ...value.gap, kind: 'names' });
    for (const origin of value.origins) {
      const { schema, relation, column } = origin;
      this.#flows.set(JSON.stringify([schema, relation, column, into, target]), { origin, into, target });
      this.#count();
    }
  }

  /** These decide whether, or how often, `value` is evaluated: what that does besides tells them. */
  decide(conditions: readonly Value[], value: Value): void {
    if (value.acts.size === 0 || this.#choosing > 0) return;
    this.step(conditions.length);
    const condition = combine(conditions);
    if (isEmpty(condition)) return;
    for (const name of value.acts) this.flow(condition, 'function', name);
  }

  /** Follows a condition that chooses rows. All that decides anything in it steers the statement, which says as much. */
  choose(follow: () => Value): Value {
    this.#choosing++;
    try {
      return follow();
    } finally {
      this.#choosing--;
    }
  }

  /** Something beside the result columns was not followed. */
  miss(gap: Gap | null): void {
    if (gap === null) return;
    if (gap.kind === 'code') this.#unread ??= gap.reason;
    else this.#gap ??= gap;
  }

  /** Code runs that nobody read. */
  unread(reason: string): void {
    this.#unread ??= reason;
  }

  get findings(): Findings {
    return { steering: this.#steering, flows: [...this.#flows.values()], gap: this.#gap, unread: this.#unread };
  }

  /** Adds what was found about a view. */
  include(findings: Findings): void {
    for (const [origin, hows] of findings.steering) {
      const known = this.#steering.get(origin);
      if (known === undefined) this.#steering.set(origin, new Set(hows));
      else for (const how of hows) known.add(how);
      this.#count();
    }
    for (const found of findings.flows) {
      const { origin, into, target } = found;
      this.#flows.set(JSON.stringify([origin.schema, origin.relation, origin.column, into, target]), found);
      this.#count();
    }
    this.miss(findings.gap);
    if (findings.unread !== null) this.unread(findings.unread);
  }

  /** `columns` null: the statement returns no rows. */
  finish(columns: StatementLineage['columns'], gap: Gap | null = null): StatementLineage {
    const steering = [...this.#steering].flatMap(([origin, hows]) => [...hows].map((how) => ({ origin, how })));
    return Object.freeze({
      columns,
      steering,
      flows: [...this.#flows.values()],
      unread: this.#unread,
      unresolved: (gap ?? this.#gap)?.reason ?? null,
    });
  }

  #count(): void {
    if (++this.#entries > lineageEntriesMax * 10) throw new Unfollowable('there is too much to follow');
    if (this.#steering.size > lineageEntriesMax || this.#flows.size > lineageEntriesMax)
      throw new Unfollowable('there is too much to follow');
  }
}

/** A list of nodes, or none. */
export function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
