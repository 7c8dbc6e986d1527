/**
 * Cells of tables under Masks of fields: a cell whose column shows a masked place is redacted, and so is one of which nobody
 * knows what it shows.
 *
 *     columnDefinitions ─► what each column shows ─► rows/…/cells, each by its column
 *
 * Invariants: until columns are told every cell is redacted; of a watch only the first event tells them. What is left goes
 * through the detectors like any text. Cells that pass are byte for byte what they were.
 *
 * Deliberately absent: a Mask's own method, which would be put to what was computed from a value.
 */
import type { CellContext, MaskStream, ValueMask } from '../../core/masking.ts';
import { JsonBody } from '../http/json.ts';
import { createJsonRules, type JsonRules } from '../http/json-place.ts';
import { redactedJson } from '../http/json-whole.ts';
import { FieldAutomaton, type FieldPattern, type FieldRule } from '../http/pointers.ts';
import type { Values } from '../http/values.ts';
import { redacted } from '../spelling.ts';
import { fillStream } from '../streams.ts';
import { Hits } from '../terminal/hits.ts';
import { columnPlaces, type TableColumn } from './columns.ts';
import { stepsOf } from './patterns.ts';

const redactedText = Buffer.from(redacted);
const tooLong = Buffer.from(JSON.stringify([redacted]));

/** What is done to a column's cells. `perhaps`: it may show an object in which something is masked. */
type Treatment = 'shown' | 'perhaps' | 'hidden';

export interface TableRules {
  /** Those in force for the objects of the rows. Not empty. */
  readonly fields: readonly FieldRule[];
  readonly values: Values | null;
  readonly resource: string;
  readonly group: string;
}

/** Rules for the tables of one answer. `tables`: where a table stands in it. */
export function tableRules(rules: TableRules, tables: readonly (readonly string[])[]): readonly FieldRule[] {
  const table = new Table(rules);
  const at = (...names: readonly string[]): FieldPattern[] =>
    tables.map((place) => ({ steps: stepsOf([...place, ...names]) }));
  return [
    { patterns: at('columnDefinitions'), value: table.definitions },
    { patterns: at('rows', '*', 'cells'), value: table.cells },
  ];
}

class Table {
  readonly #rules: TableRules;
  readonly #rule: string;
  readonly #plain: JsonRules;
  #columns: readonly Treatment[] = [];
  #known: JsonRules | null = null;
  readonly #none: JsonRules;

  constructor(rules: TableRules) {
    this.#rules = rules;
    this.#rule = rules.fields[0]!.value.rule;
    this.#plain = createJsonRules(null, rules.values);
    const everything = { patterns: [{ steps: ['*'] }], value: this.#mask('hidden') } as const;
    this.#none = createJsonRules(new FieldAutomaton([everything]), rules.values);
  }

  get definitions(): ValueMask {
    return this.#whole((value) => {
      this.#learn(value);
      return through(this.#plain, value);
    });
  }

  get cells(): ValueMask {
    return this.#whole((value) => {
      const isKnown = this.#known !== null && countOf(value) === this.#columns.length;
      return through(isKnown ? this.#known! : this.#none, value);
    });
  }

  /** A mask that needs all of an array. Anything else in its place is redacted. */
  #whole(apply: (value: Buffer) => Buffer): ValueMask {
    return Object.freeze({
      rule: this.#rule,
      // Of this one the whole array is kept until it is complete.
      how: 'hash' as const,
      apply: (value: Buffer, { type }: CellContext) =>
        type === 'json' ? apply(value) : type === 'text' ? redactedText : redactedJson,
      stream: (cell: CellContext): MaskStream => fillStream(cell),
      tooLong,
    });
  }

  #learn(value: Buffer): void {
    const given = JSON.parse(value.toString()) as unknown;
    if (!Array.isArray(given) || given.length === 0) return;
    this.#columns = (given as readonly unknown[]).map((one) => this.#treatment(one));
    const of = (wanted: Treatment): FieldPattern[] =>
      this.#columns.flatMap((one, index) => (one === wanted ? [{ steps: [{ name: String(index) }] }] : []));
    this.#known = createJsonRules(
      new FieldAutomaton([
        { patterns: of('hidden'), value: this.#mask('hidden') },
        { patterns: of('perhaps'), value: this.#mask('perhaps') },
      ]),
      this.#rules.values,
    );
  }

  #treatment(given: unknown): Treatment {
    const { name, format, description } = (given ?? {}) as Readonly<Record<string, unknown>>;
    const column: TableColumn = {
      name: typeof name === 'string' ? name : '',
      format: typeof format === 'string' ? format : '',
      description: typeof description === 'string' ? description : '',
    };
    const shown = columnPlaces(this.#rules.resource, this.#rules.group, column);
    if (shown === null) return 'hidden';
    let isBelow = false;
    for (const place of shown.places) {
      for (const { steps } of this.#rules.fields.flatMap(({ patterns }) => patterns)) {
        const reach = reachOf(steps, stepsOf(place));
        if (reach === 'at') return 'hidden';
        isBelow ||= reach === 'below';
      }
    }
    return isBelow && !shown.isLeaf ? 'perhaps' : 'shown';
  }

  /** What a hidden cell becomes, whatever its type; one that may be an object does where it looks like one. */
  #mask(treatment: 'hidden' | 'perhaps'): ValueMask {
    const { values } = this.#rules;
    return Object.freeze({
      rule: this.#rule,
      how: treatment === 'hidden' ? ('redact' as const) : ('detect' as const),
      apply: (value: Buffer, { type }: CellContext) => {
        if (treatment === 'hidden') return type === 'text' ? redactedText : redactedJson;
        if (type === 'json') return redactedJson;
        if (type !== 'text') return value;
        if (/[{[]/.test(value.toString('latin1'))) return redactedText;
        return values === null ? value : values.bytes(value, '', new Hits());
      },
      stream: (cell: CellContext): MaskStream => fillStream(cell),
      tooLong: redactedJson,
    });
  }
}

/** The very same where nothing is masked. */
function through(rules: JsonRules, value: Buffer): Buffer {
  const body = new JsonBody(rules);
  const masked = Buffer.concat([Buffer.from(body.push(value)), body.end()]);
  if (body.fault !== null) return redactedJson;
  return masked.equals(value) ? value : masked;
}

function countOf(value: Buffer): number {
  const given = JSON.parse(value.toString()) as unknown;
  return Array.isArray(given) ? given.length : -1;
}

type Steps = FieldPattern['steps'];

/** Whether a pattern means a place or what it stands in, only what stands below it, or neither. */
function reachOf(pattern: Steps, place: Steps): 'at' | 'below' | 'none' {
  const [wanted, ...rest] = pattern;
  if (wanted === undefined) return 'at';
  const [at, ...further] = place;
  if (at === undefined) return pattern.every((one) => one === '**') ? 'at' : 'below';
  if (wanted === '**') {
    const both = [reachOf(rest, place), reachOf(pattern, further)];
    return both.includes('at') ? 'at' : both.includes('below') ? 'below' : 'none';
  }
  const meets = wanted === '*' || at === '*' || (typeof at === 'object' && wanted.name === at.name);
  return meets ? reachOf(rest, further) : 'none';
}
