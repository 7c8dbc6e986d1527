/**
 * For the tests of masking in this protocol: masks and plans that are easy to foresee. Fakes, because another room makes
 * the real ones, and because these tests are about the wire: which values go through which mask, and in which encoding
 * they come back.
 */
import type { Judgement, OutputLimit } from '../../core/judgement.ts';
import type { CellContext, MaskStream, OutputPlan, ValueMask, ValueType } from '../../core/masking.ts';
import type { Judge } from '../../core/ports.ts';

/** What `redacts` puts in place of a value. */
export const redacted: Readonly<Record<ValueType, string | null>> = {
  text: '***',
  integer: '0',
  decimal: '0',
  float: '0',
  boolean: 'f',
  date: '2000-01-01',
  time: '00:00:00',
  timestamp: '2000-01-01 00:00:00',
  interval: '00:00:00',
  uuid: '00000000-0000-0000-0000-000000000000',
  json: '"***"',
  bytes: '\\x00',
  address: '0.0.0.0',
  other: null,
};

class Covering implements MaskStream {
  push(piece: Buffer): Buffer {
    return Buffer.alloc(piece.length, '*');
  }
}

/** Masks everything by type. */
export function redacts(rule: string): ValueMask {
  return {
    rule,
    how: 'redact',
    apply: (_, { type, charactersMax }) => {
      const now = redacted[type];
      return now === null
        ? null
        : Buffer.from(type === 'text' && charactersMax !== null ? now.slice(0, charactersMax) : now);
    },
    stream: () => new Covering(),
  };
}

/** Everything becomes NULL. */
export function nulls(rule: string): ValueMask {
  return { rule, how: 'null', apply: () => null, stream: () => new Covering() };
}

/** Stars over each occurrence of a word, which must not be cut across more than its length. */
export function detects(rule: string, word: string): ValueMask {
  const needle = Buffer.from(word);
  const cover = (value: Buffer): Buffer => {
    for (let at = value.indexOf(needle); at >= 0; at = value.indexOf(needle, at)) {
      value.fill('*', at, at + needle.length);
    }
    return value;
  };
  return {
    rule,
    how: 'detect',
    apply: (value) => (value.includes(needle) ? cover(Buffer.from(value)) : value),
    stream: () => {
      let held: Buffer = Buffer.alloc(0);
      return {
        push(piece: Buffer, last: boolean): Buffer {
          held = cover(Buffer.concat([held, piece]));
          const keep = last ? 0 : Math.min(held.length, needle.length - 1);
          const sure = held.subarray(0, held.length - keep);
          held = held.subarray(held.length - keep);
          return sure;
        },
      };
    },
  };
}

/** A mask that writes down what it was given. */
export function listening(mask: ValueMask): ValueMask & { readonly heard: [value: string, cell: CellContext][] } {
  const heard: [string, CellContext][] = [];
  return {
    ...mask,
    heard,
    apply: (value, cell) => {
      heard.push([value.toString(), cell]);
      return mask.apply(value, cell);
    },
  };
}

/** `columns`: one list for each statement. */
export function planOf(plan: {
  readonly columns: readonly ((ValueMask | null)[] | null)[];
  readonly otherwise?: ValueMask;
  readonly base?: Readonly<Record<string, ValueMask>>;
  readonly messages?: OutputPlan['messages'];
  readonly text?: ValueMask;
}): OutputPlan {
  return {
    results: plan.columns.map((columns) => (columns === null ? null : { columns })),
    otherwise: plan.otherwise ?? redacts('otherwise'),
    column: (schema, relation, column) => plan.base?.[`${schema}.${relation}.${column}`] ?? null,
    messages: plan.messages ?? 'pass',
    text: plan.text ?? null,
  };
}

/** A plan for each command by its text; null: none. Limits likewise. */
export function judgingBy(
  output: (text: string) => OutputPlan | null,
  limits: (text: string) => readonly OutputLimit[] = () => [],
): Judge {
  return {
    judge: ({ command: { text } }): Judgement => {
      const plan = output(text);
      const verdict = { name: plan === null ? ('allow' as const) : ('mask' as const), rule: 'test', reason: '' };
      return { verdict, output: plan, limits: limits(text), alerts: [], hold: null };
    },
  };
}

/** At most so many rows. */
export function rowLimit(most: number, verdict: OutputLimit['verdict'] = 'block'): OutputLimit {
  let spent = 0;
  return {
    rule: 'guardrail:rows',
    verdict,
    reason: `More than ${most} rows. Ask for fewer.`,
    durationMsMax: null,
    spend: (rows) => {
      spent += rows;
      return spent > most;
    },
  };
}
