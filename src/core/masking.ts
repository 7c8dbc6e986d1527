/**
 * Masking as the pipeline sees it: what must happen to the values of a result before anyone sees or records them.
 *
 * The rooms divide the work: `language` says which base columns a result column can carry, `policy` and `masking` decide
 * what is done to it (`OutputPlan`), the protocol finds the values in its own encodings and puts the masked ones back.
 *
 * Invariants: a plan covers every column of every result; what a plan does not know is masked by `otherwise`. No plan
 * means that the bytes pass as the server sent them.
 */

/** What a value is, as far as a mask must know to stay type-correct. `other`: none of these; it becomes NULL. */
export const valueTypes = [
  'text',
  'integer',
  'decimal',
  'float',
  'boolean',
  'date',
  'time',
  'timestamp',
  'interval',
  'uuid',
  'json',
  'bytes',
  'address',
  'other',
] as const;
export type ValueType = (typeof valueTypes)[number];

/** What is known about where a value stands: context for detectors, bounds for types. */
export interface CellContext {
  readonly type: ValueType;
  /** Name of the result column; empty where there is none. */
  readonly column: string;
  /** Longest text the column's type takes, in characters, or null: `varchar(19)` has 19. */
  readonly charactersMax: number | null;
}

/** What is done to one column of a result. Immutable; made once per plan. */
export interface ValueMask {
  /** The Mask that asked for it, or `gateway:…`. */
  readonly rule: string;
  /**
   * Set where even NULL, the number of elements and the length would tell something, since what is masked was computed:
   * then every value, NULL included, becomes one and the same (A-MSK-04).
   */
  readonly constant?: true;
  /** `detect` looks for what is sensitive in the value; the others mask all of it. */
  readonly how: 'redact' | 'null' | 'partial' | 'hash' | 'format-preserving' | 'detect';
  /**
   * The masked spelling of a whole value (UTF-8, the type's text form), null for SQL NULL, or `value` itself when nothing
   * in it is masked. What comes back is always valid text of the type. Never throws; linear in time. Does not keep `value`.
   */
  apply(value: Buffer, cell: CellContext): Buffer | null;
  /** For a value that is too long to be held: see `MaskStream`. */
  stream(cell: CellContext): MaskStream;
}

/** Masks a value piece by piece without changing its length, for values longer than `maskedValueBytesMax`. */
export interface MaskStream {
  /**
   * Takes the next piece and gives back what is certain: all that comes back, together, is as long as all that was
   * given. `last` closes the value. Ownership of `piece` passes to the stream; what is returned is the caller's.
   */
  push(piece: Buffer, last: boolean): Buffer;
}

/** What is done to the results of one statement. */
export interface ResultMasks {
  /** One per column, null where the value passes as it is. A result with another number of columns gets `otherwise`. */
  readonly columns: readonly (ValueMask | null)[];
}

/** What is done to all that comes back for one command. */
export interface OutputPlan {
  /** One per statement of the text, in order; null where it returns no rows, and then rows get `otherwise`. */
  readonly results: readonly (ResultMasks | null)[];
  /** For every value that nothing else covers. */
  readonly otherwise: ValueMask;
  /**
   * The mask of a base column, or null: a second look at columns that the wire itself traces to a table, whatever the
   * plan says.
   */
  column(schema: string, relation: string, column: string): ValueMask | null;
  /** Errors and notices: `withhold` leaves nothing but the code, for the text may quote values. */
  readonly messages: 'pass' | 'withhold';
  /** Runs over the texts of messages and notifications that pass; null: they pass as they are. */
  readonly text: ValueMask | null;
}
