/**
 * Plans from elsewhere than a Mask's columns: all of a command's output (the verdict `mask` of a guardrail), and two plans
 * at once.
 *
 * Invariant: what either plan masks is masked; per column the stricter counts.
 */
import type { CellContext, MaskStream, OutputPlan, OutputStreams, ResultMasks, ValueMask } from '../core/masking.ts';
import type { MaskMethod } from '../core/rules.ts';
import { joinHttp, maskHttpWholly } from './http/index.ts';
import { Keyed } from './keyed.ts';
import { createMethodMask, strictness } from './methods.ts';
import { joinStreams, maskStreamsWholly } from './terminal/index.ts';

/** Masks every value of every result by `method`; errors and notices keep their codes only. */
export function maskEverything(rule: string, method: MaskMethod, hashKey: Buffer): OutputPlan {
  const mask = createMethodMask(rule, method, new Keyed(hashKey, rule));
  return Object.freeze({
    results: [],
    otherwise: mask,
    column: () => mask,
    messages: 'withhold',
    text: null,
    streams: maskStreamsWholly(rule, maskHttpWholly(mask)),
  });
}

/** First one, then the other over what is left. Both only look for findings. */
function inTurn(first: ValueMask, second: ValueMask): ValueMask {
  return Object.freeze({
    rule: first.rule === second.rule ? first.rule : `${first.rule}, ${second.rule}`,
    how: 'detect' as const,
    apply: (value: Buffer, cell: CellContext): Buffer | null => {
      const once = first.apply(value, cell);
      return once === null ? null : second.apply(once, cell);
    },
    stream: (cell: CellContext): MaskStream => {
      const [one, other] = [first.stream(cell), second.stream(cell)];
      return { push: (piece, last) => other.push(one.push(piece, last), last) };
    },
  });
}

/** The stricter of two; the first of equals. */
function stricter(first: ValueMask | null, second: ValueMask | null): ValueMask | null {
  if (first === null || second === null || first === second) return first ?? second;
  if (first.how === 'detect' && second.how === 'detect') return inTurn(first, second);
  return strictness(second.how) > strictness(first.how) ? second : first;
}

function mergeResults(first: OutputPlan, second: OutputPlan, index: number): ResultMasks | null {
  const [one, other] = [first.results[index] ?? null, second.results[index] ?? null];
  const known = one ?? other;
  if (known === null) return null;
  // Where one plan does not know the statement, or has another number of columns, its `otherwise` covers all of them.
  const columnsOf = (masks: ResultMasks | null, plan: OutputPlan, at: number): ValueMask | null =>
    masks === null || masks.columns.length !== known.columns.length ? plan.otherwise : (masks.columns[at] ?? null);
  return {
    columns: known.columns.map((_, at) => stricter(columnsOf(one, first, at), columnsOf(other, second, at))),
  };
}

/** A plan of whole streams stands for both, and has its own masks for HTTP. */
function mergeStreams(first: OutputStreams | null, second: OutputStreams | null): OutputStreams | null {
  const joined = joinStreams(first, second);
  if (joined === null || joined === first || joined === second) return joined;
  const http = joinHttp(first?.http, second?.http);
  return http === undefined ? joined : { ...joined, http };
}

/** What both plans ask for. */
export function mergePlans(first: OutputPlan, second: OutputPlan): OutputPlan {
  const statements = Math.max(first.results.length, second.results.length);
  return {
    results: Array.from({ length: statements }, (_, index) => mergeResults(first, second, index)),
    otherwise: stricter(first.otherwise, second.otherwise)!,
    column: (schema, relation, column) =>
      stricter(first.column(schema, relation, column), second.column(schema, relation, column)),
    messages: first.messages === 'withhold' || second.messages === 'withhold' ? 'withhold' : 'pass',
    text: stricter(first.text, second.text),
    streams: mergeStreams(first.streams ?? null, second.streams ?? null),
  };
}
