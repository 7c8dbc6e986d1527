/**
 * The terms of a hold: read from `review`, and joined where several rules hold the same command.
 *
 * Joined terms satisfy each rule: as many approvals as the strictest asks for, as short a wait, break-glass only where
 * all allow it, and only reviewers whom every rule names (the names and groups that stand in all of them). Where there
 * is nobody whom all rules name, there is no single review that would do, and the command is blocked: dropping one
 * rule's reviewers would let another rule take its protection away.
 */
import type { HoldTerms } from '../core/judgement.ts';
import type { ReviewSpec } from '../core/rules.ts';
import type { Fields } from './fields.ts';
import * as limits from './limits.ts';

type Reviewers = HoldTerms['reviewers'];

const reviewFields = [
  'reviewers',
  'stepUp',
  'approvals',
  'within',
  'inTransaction',
  'escalate',
  'breakGlass',
] as const satisfies readonly (keyof ReviewSpec)[];

/** What a review has only where others decide. */
const ofReviewers = ['approvals', 'within', 'inTransaction', 'escalate', 'breakGlass'] as const;

const nobody: Reviewers = Object.freeze({ names: [], groups: [] });

export function compileHold(fields: Fields, path: string, value: unknown, message: string): HoldTerms {
  if (value === undefined)
    throw fields.fault(path, 'a hold needs to know who reviews; name reviewers by group or name');
  const given = fields.object(path, value, reviewFields);
  const withinMs = fields.duration(`${path}.within`, given.within) ?? limits.holdWithinMs;
  const inTransactionMs = fields.duration(`${path}.inTransaction`, given.inTransaction);
  if (inTransactionMs !== null && inTransactionMs > withinMs) {
    throw fields.fault(`${path}.inTransaction`, 'this is longer than within');
  }
  const stepUp = given.stepUp ?? false;
  if (typeof stepUp !== 'boolean') throw fields.fault(`${path}.stepUp`, 'this is neither true nor false');
  const isOwn = stepUp && given.reviewers === undefined;
  for (const field of isOwn ? ([...ofReviewers] as const) : []) {
    if (given[field] !== undefined) throw fields.fault(`${path}.${field}`, 'this is for reviewers, and there are none');
  }
  return Object.freeze({
    rule: fields.name,
    reviewers: isOwn ? nobody : reviewersOf(fields, `${path}.reviewers`, given.reviewers),
    ...(stepUp ? { stepUp } : {}),
    approvals: fields.number(`${path}.approvals`, given.approvals, 1, limits.approvalsMax) ?? 1,
    withinMs,
    inTransactionMs: inTransactionMs ?? Math.min(limits.holdInTransactionMs, withinMs),
    escalation: escalationOf(fields, `${path}.escalate`, given.escalate, withinMs),
    breakGlass: breakGlassOf(fields, `${path}.breakGlass`, given.breakGlass),
    message,
  });
}

function reviewersOf(fields: Fields, path: string, value: unknown): Reviewers {
  if (value === undefined) throw fields.fault(path, 'there are no reviewers; name some by group or name');
  const given = fields.object(path, value, ['names', 'groups']);
  const names = fields.list(`${path}.names`, given.names) ?? [];
  const groups = fields.list(`${path}.groups`, given.groups) ?? [];
  if (names.length + groups.length === 0)
    throw fields.fault(path, 'there are no reviewers; name some by group or name');
  for (const entry of [...names, ...groups]) {
    if (entry.includes('*')) throw fields.fault(path, 'there are no wildcards for reviewers');
  }
  return { names: sorted(names), groups: sorted(groups) };
}

function escalationOf(fields: Fields, path: string, value: unknown, withinMs: number): HoldTerms['escalation'] {
  if (value === undefined) return null;
  const given = fields.object(path, value, ['after', 'reviewers']);
  const afterMs = fields.duration(`${path}.after`, given.after);
  if (afterMs === null) throw fields.fault(`${path}.after`, 'this is missing; say after how long, such as 10m');
  if (afterMs >= withinMs)
    throw fields.fault(`${path}.after`, 'the review expires before that; it must be shorter than within');
  return { afterMs, reviewers: reviewersOf(fields, `${path}.reviewers`, given.reviewers) };
}

function breakGlassOf(fields: Fields, path: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  const groups = fields.list(`${path}.groups`, fields.object(path, value, ['groups']).groups);
  if (groups === null)
    throw fields.fault(`${path}.groups`, 'this is missing; name the groups that may break the glass');
  return sorted(groups);
}

/** Terms that satisfy all of `holds`, which are at least one and in order of their rules; null where nobody could decide. */
export function joinHolds(all: readonly HoldTerms[]): HoldTerms | null {
  if (all.length <= 1) return all[0] ?? null;
  // A step-up asks nothing of reviewers, and reviewers do not take it away.
  const own = all.filter((terms) => isNobody(terms.reviewers));
  const reviewed = joinReviewed(all.filter((terms) => !isNobody(terms.reviewers)));
  if (reviewed === null || own.length === 0) return own.length === all.length ? joinOwn(own) : reviewed;
  const messages = [...new Set(all.map(({ message }) => message))];
  return Object.freeze({ ...reviewed, rule: all[0]!.rule, stepUp: true, message: messages.join(' ') });
}

function isNobody({ names, groups }: Reviewers): boolean {
  return names.length + groups.length === 0;
}

function joinOwn(holds: readonly HoldTerms[]): HoldTerms {
  const messages = [...new Set(holds.map(({ message }) => message))];
  return Object.freeze({ ...holds[0]!, message: messages.join(' ') });
}

function joinReviewed(holds: readonly HoldTerms[]): HoldTerms | null {
  const [first] = holds;
  if (first === undefined || holds.length === 1) return first ?? null;
  const reviewers = inAll(holds.map((terms) => terms.reviewers));
  if (reviewers === null) return null;
  const messages = [...new Set(holds.map(({ message }) => message))];
  return Object.freeze({
    rule: first.rule,
    reviewers,
    ...(holds.some(({ stepUp }) => stepUp === true) ? { stepUp: true as const } : {}),
    approvals: Math.max(...holds.map(({ approvals }) => approvals)),
    withinMs: Math.min(...holds.map(({ withinMs }) => withinMs)),
    inTransactionMs: Math.min(...holds.map(({ inTransactionMs }) => inTransactionMs)),
    escalation: joinEscalations(holds),
    breakGlass: first.breakGlass.filter((group) => holds.every(({ breakGlass }) => breakGlass.includes(group))),
    message: messages.join(' '),
  });
}

function joinEscalations(holds: readonly HoldTerms[]): HoldTerms['escalation'] {
  const all = holds.map(({ escalation }) => escalation);
  const given = all.filter((escalation) => escalation !== null);
  if (given.length < all.length) return null;
  const reviewers = inAll(given.map((escalation) => escalation.reviewers));
  const afterMs = Math.max(...given.map((escalation) => escalation.afterMs));
  const withinMs = Math.min(...holds.map((terms) => terms.withinMs));
  return reviewers === null || afterMs >= withinMs ? null : { afterMs, reviewers };
}

/** The names and groups that stand in each; null where there are none. */
function inAll(all: readonly Reviewers[]): Reviewers | null {
  const [first, ...others] = all;
  if (first === undefined) return null;
  const names = first.names.filter((name) => others.every((other) => other.names.includes(name)));
  const groups = first.groups.filter((group) => others.every((other) => other.groups.includes(group)));
  return names.length + groups.length === 0 ? null : { names, groups };
}

function sorted(entries: readonly string[]): readonly string[] {
  return Object.freeze([...new Set(entries)].sort());
}
