/**
 * Which mask each column of a result gets: the plan by position, a second look at columns that the wire itself traces to
 * a table, and `otherwise` for everything that does not fit the plan.
 *
 * Invariants:
 * - A result with another number of columns than its plan, one beyond the plan, and one that was never described get
 *   `otherwise` for every column: a client that leaves out Describe gains nothing.
 * - The second look only ever adds: a column that the plan leaves alone or merely searches gets the mask of its base
 *   column, whatever the plan says.
 *
 * Deliberately absent: values (mask-value.ts), where the plan comes from (core/masking.ts).
 */
import type { OutputPlan, ValueMask } from '../../core/masking.ts';
import type { ColumnOrigin } from '../../core/sql.ts';
import { MaskedColumn, type Tally } from './mask-value.ts';
import type { Field } from './messages.ts';

/** The base column that a RowDescription points at, or null where the catalog does not know it. */
export type OriginOf = (tableOid: number, attribute: number) => ColumnOrigin | null;

/** A plan at work for one command, and how many values each rule has changed. */
export class PlanInForce {
  readonly plan: OutputPlan;
  readonly #originOf: OriginOf | null;
  readonly #tallies = new Map<string, Tally>();

  constructor(plan: OutputPlan, originOf: OriginOf | null) {
    this.plan = plan;
    this.#originOf = originOf;
  }

  /** The columns of a described result; null where none of them is masked. `statement` is its place in the text. */
  columns(statement: number | null, fields: readonly Field[]): (MaskedColumn | null)[] | null {
    const masks = this.masks(statement, fields.length);
    let any = false;
    const columns = fields.map((field, index) => {
      const mask = this.#secondLook(masks[index] ?? null, field);
      if (mask === null) return null;
      any = true;
      const { name, typeOid, typeModifier, format } = field;
      return this.column(mask, { name, typeOid, typeModifier, isBinary: format === 1 });
    });
    return any ? columns : null;
  }

  /** The columns of a result of which nothing is known but their formats. */
  unknownColumns(count: number, isBinary: (index: number) => boolean): MaskedColumn[] {
    return Array.from({ length: count }, (_, index) =>
      this.column(this.plan.otherwise, { name: '', typeOid: 0, typeModifier: -1, isBinary: isBinary(index) }),
    );
  }

  /** One mask for each of `count` columns, by the plan alone. */
  masks(statement: number | null, count: number): readonly (ValueMask | null)[] {
    const planned = statement === null ? null : (this.plan.results[statement] ?? null);
    if (planned !== null && planned.columns.length === count) return planned.columns;
    return Array<ValueMask>(count).fill(this.plan.otherwise);
  }

  column(
    mask: ValueMask,
    facts: {
      readonly name: string;
      readonly typeOid: number;
      readonly typeModifier: number;
      readonly isBinary: boolean;
    },
  ): MaskedColumn {
    return new MaskedColumn({ mask, ...facts, tally: this.tally(mask.rule) });
  }

  tally(rule: string): Tally {
    let tally = this.#tallies.get(rule);
    if (tally === undefined) {
      tally = { rule, count: 0 };
      this.#tallies.set(rule, tally);
    }
    return tally;
  }

  /** How many values each rule changed; undefined where none did. */
  get masked(): Readonly<Record<string, number>> | undefined {
    const changed = [...this.#tallies.values()].filter(({ count }) => count > 0);
    return changed.length === 0 ? undefined : Object.fromEntries(changed.map(({ rule, count }) => [rule, count]));
  }

  #secondLook(mask: ValueMask | null, { tableOid, attribute }: Field): ValueMask | null {
    if (this.#originOf === null || tableOid === 0 || attribute === 0) return mask;
    if (mask !== null && mask.how !== 'detect') return mask;
    const origin = this.#originOf(tableOid, attribute);
    if (origin === null) return mask;
    return this.plan.column(origin.schema, origin.relation, origin.column) ?? mask;
  }
}

/** True when a plan masks whole columns: what a session may then be told unasked might carry their values. */
export function hasColumnMasks(plan: OutputPlan): boolean {
  return plan.results.some((result) => result?.columns.some((mask) => mask !== null && mask.how !== 'detect') === true);
}
