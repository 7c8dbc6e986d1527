/**
 * What the server expects a held statement to touch: the question (EXPLAIN of exactly its text), when it may be asked, and
 * how its answer is read. ADR 0019.
 *
 * Invariants:
 * - Nothing is executed. The question is `EXPLAIN (ANALYZE FALSE, …)` in front of one statement by the extended protocol,
 *   which takes one statement by its nature; the connection's transactions cannot write.
 * - Planning runs code too: it folds what is constant. So only a statement of which everything is known is asked about,
 *   and only where all functions, operators and types in it, and behind its tables, are built in and none is volatile.
 * - The answer is for people. No rule rests on it, and nothing waits for it.
 *
 * Honest limits: rows that triggers or foreign keys reach are not in it; it is asked outside the session's transaction, so
 * what that has changed is not seen; statistics may be old.
 *
 * Deliberately absent: connections (estimate-ask.ts), who is told (the review room).
 * Source: PostgreSQL documentation, "EXPLAIN"; chapter 14.1.
 */
import type { Preview } from '../../core/protocol.ts';
import type { RowEstimate } from '../../core/review.ts';
import type { Analysis, CatalogRow, StatementAnalysis } from '../../language/index.ts';
import * as limits from './limits.ts';
import {
  decodeBind,
  decodeExecute,
  decodeParse,
  encodeBind,
  encodeExecute,
  encodeParse,
  encodeSync,
  type MessageView,
} from './messages.ts';

export const explainPrefix = 'EXPLAIN (ANALYZE FALSE, COSTS TRUE, FORMAT JSON) ';

/** The values that a statement is to run with: none, or those of a Bind. */
export interface EstimateValues {
  readonly parameterTypes: readonly number[];
  readonly bind: MessageView | null;
}

/** The bytes that ask. */
export function estimateQuestion(text: string, { parameterTypes, bind }: EstimateValues): Buffer {
  const none = { parameterFormats: [], parameters: new Int32Array(0), buffer: Buffer.alloc(0) };
  const { parameterFormats, parameters, buffer } = bind === null ? none : decodeBind(bind);
  return Buffer.concat([
    encodeParse({ statement: '', text: explainPrefix + text, parameterTypes }),
    encodeBind({ portal: '', statement: '', parameterFormats, parameters, resultFormats: [], buffer }),
    encodeExecute({ portal: '', rowsMax: 0 }),
    encodeSync(),
  ]);
}

/** Core's check of those bytes: Parse, Bind, Execute, Sync, all without names, and nothing else. */
export const preview: Preview = {
  prefix: explainPrefix,
  bytesMax: limits.estimateQuestionBytesMax,
  textOf: (view) => {
    const messages: MessageView[] = [];
    let types = '';
    for (let at = 0; at < view.length; ) {
      if (view.length - at < 5 || messages.length === 4) return null;
      const end = at + 1 + view.readUInt32BE(at + 1);
      if (end > view.length || end < at + 5) return null;
      types += String.fromCharCode(view[at]!);
      messages.push({ buffer: view, start: at, end });
      at = end;
    }
    if (types !== 'PBES') return null;
    const [parse, bind, execute, sync] = messages as [MessageView, MessageView, MessageView, MessageView];
    const { statement, text } = decodeParse(parse);
    const bound = decodeBind(bind);
    const names = [statement, bound.portal, bound.statement, decodeExecute(execute).portal];
    return names.every((name) => name === '') && sync.end - sync.start === 5 ? text : null;
  },
};

const plannable = ['select', 'values', 'insert', 'update', 'delete', 'merge'];

/** What keeps a statement from being a proven read, and does not matter to a planner. Closed: all else does. */
const harmless: ReadonlySet<string> = new Set([
  ...['statement modifies rows', 'explained statement is no query', 'locking clause'],
  ...['insert', 'update', 'delete', 'merge'].map((kind) => `statement: ${kind}`),
  ...['insert', 'update', 'update-all', 'delete', 'delete-all', 'lock'].map((effect) => `effect: ${effect}`),
]);

/**
 * Why the server is not asked about a statement, for people; null where it may be. `explained`: what the question itself
 * means, in the same context, which says what planning evaluates.
 */
export function estimateObstacle(analysis: Analysis, explained: Analysis): string | null {
  const [statement] = analysis.statements;
  const [question] = explained.statements;
  if (analysis.statements.length !== 1 || statement === undefined) return 'it is not one statement';
  if (!plannable.includes(statement.kind)) return 'it is no statement that is planned';
  if (explained.statements.length !== 1 || question?.kind !== 'explain') return 'it cannot be explained as it stands';
  if (!analysis.complete || !explained.complete) return 'not all that it runs is known';
  if (analysis.sessionDependent || statement.relations.some(isTemporary)) return 'it rests on objects of its session';
  const functions = [...statement.functions, ...question.functions];
  const volatile = functions.find(({ volatility }) => volatility === 'volatile' || volatility === null);
  if (volatile !== undefined) return 'it calls a volatile function';
  if (functions.some(({ builtIn }) => builtIn !== 'yes')) return 'it calls functions that are not built in';
  const isHarmless = ({ operators, obstacles }: StatementAnalysis): boolean =>
    operators.length === 0 && obstacles.every((obstacle) => harmless.has(obstacle));
  if (!isHarmless(statement) || !isHarmless(question)) return 'planning it may run code that is not built in';
  return null;
}

function isTemporary({ candidates }: StatementAnalysis['relations'][number]): boolean {
  return candidates.some(({ schema }) => schema.startsWith('pg_temp'));
}

interface PlanNode {
  readonly [key: string]: unknown;
}

const isNode = (value: unknown): value is PlanNode =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const childrenOf = (node: PlanNode): PlanNode[] => (Array.isArray(node['Plans']) ? node['Plans'].filter(isNode) : []);
const rowsOf = (node: PlanNode): number => {
  const rows = node['Plan Rows'];
  return typeof rows === 'number' && Number.isFinite(rows) && rows >= 0 ? rows : Number.NaN;
};

/** What the plan says; the server is not trusted to say it well. */
export function readPlan(rows: readonly CatalogRow[], statement: StatementAnalysis): RowEstimate {
  const unreadable: RowEstimate = { rows: null, why: 'the plan could not be read' };
  const root = planOf(rows);
  if (root === null) return unreadable;
  const modified: PlanNode[] = [];
  const waiting = [root];
  for (let seen = 0; waiting.length > 0; seen++) {
    if (seen >= limits.estimateNodesMax) return unreadable;
    const node = waiting.pop()!;
    if (node['Node Type'] === 'ModifyTable') modified.push(node);
    waiting.push(...childrenOf(node));
  }
  // A node that modifies says of itself what it returns; its own input is what it modifies.
  const inputs = modified.flatMap((node) =>
    childrenOf(node).filter(({ 'Parent Relationship': how }) => how === 'Outer' || how === 'Member'),
  );
  const counted = modified.length > 0 ? inputs : [root];
  const sum = counted.reduce((total, node) => total + rowsOf(node), 0);
  if (!Number.isFinite(sum)) return unreadable;
  const access = modified.length > 0 ? 'write' : 'read';
  const names = statement.relations
    .filter((relation) => relation.access === access && relation.via === 'text')
    .flatMap(({ candidates }) => candidates.slice(0, 1).map(({ schema, name }) => `${schema}.${name}`));
  return { rows: Math.ceil(sum), of: [...new Set(names)] };
}

function planOf(rows: readonly CatalogRow[]): PlanNode | null {
  const text = rows[0]?.[0];
  if (rows.length !== 1 || typeof text !== 'string') return null;
  try {
    const plans = JSON.parse(text) as unknown;
    const first: unknown = Array.isArray(plans) ? plans[0] : null;
    return isNode(first) && isNode(first['Plan']) ? first['Plan'] : null;
  } catch {
    return null;
  }
}
