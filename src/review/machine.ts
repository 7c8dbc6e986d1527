/**
 * The life of a review, as pure steps from one Review to the next.
 *
 *     pending ──► approved ──► executed
 *        │           ├───────► refused      (may not run after all)
 *        │           ├───────► denied       (deny wins until it ran)
 *        ├───────────┴───────► denied, expired, withdrawn
 *
 * A review after a break-glass ends with `approved` or `denied`; one of access passes from `approved` to `executed` in
 * the step that approves it, which makes the grant.
 *
 * Invariants (I7, A-REV-01, A-REV-04, A-REV-05): a step is a function of the review, the moment and the directory at
 * that moment; a state without outgoing arrow is never left; `executed` is reached from `approved` only, hence at most
 * once where steps are serialised (the store compares versions); a denial at any time before that ends the review.
 *
 * Deliberately absent: clocks, storage, journaling. A step names the events to be journaled; whoever takes it writes them
 * before anyone sees the new state.
 */
import { type Actor, actorOf, type EventBody } from '../core/event.ts';
import type { Principal } from '../core/principal.ts';
import type { RowEstimate } from '../core/review.ts';
import { canBeDecided, ineligibleNow, mayBreakGlass, personOf, standingApprovals } from './eligibility.ts';
import type { reviewErrors } from './errors.ts';
import * as limits from './limits.ts';
import type { Directory, Review } from './review.ts';

type ReviewErrorCode = keyof typeof reviewErrors.codes;

/** One step that may be taken. */
export interface Step {
  readonly review: Review;
  /** To be durable before the step can be seen. */
  readonly events: readonly EventBody[];
}

/** Why a step may not be taken: a denial, as a value. */
export interface Refusal {
  readonly code: ReviewErrorCode;
  readonly values: Readonly<Record<string, string | number>>;
}

export type StepResult = { readonly step: Step } | { readonly refusal: Refusal };

const refuse = (code: ReviewErrorCode, values: Refusal['values'] = {}): StepResult => ({ refusal: { code, values } });

export function isOver({ state, kind }: Review): boolean {
  return !(state === 'pending' || (state === 'approved' && kind !== 'break-glass'));
}

/** When `advance` has something to do next, or null. */
export function nextAtMs(review: Review): number | null {
  if (isOver(review)) return null;
  const { state, escalatesAtMs, escalatedAtMs, expiresAtMs } = review;
  if (state !== 'pending' || escalatesAtMs === null || escalatedAtMs !== null) return expiresAtMs;
  return Math.min(escalatesAtMs, expiresAtMs);
}

/** The first step. Refused where fewer people than it needs could ever decide it and the glass cannot be broken. */
export function ask(review: Review, directory: Directory): StepResult {
  const { rule, approvals } = review.terms;
  const isAfterwards = review.kind === 'break-glass';
  if (!isAfterwards && !canBeDecided(review, directory) && !mayBreakGlass(review, directory)) {
    return refuse('review.no-reviewers', { rule, approvals });
  }
  return { step: { review, events: [requested(review)] } };
}

export interface DecisionInput {
  readonly principal: Principal;
  readonly decision: 'approve' | 'deny';
  readonly reason: string;
  /** `api`, `slack`, `teams`, … */
  readonly how: string;
  readonly nowMs: number;
  readonly directory: Directory;
  /** For a review of access: the id of the grant that approval makes. */
  readonly grantId: string | null;
  /** For a review of access: whether the requester may still ask for it. */
  readonly isRequestable: boolean;
}

export function decide(review: Review, input: DecisionInput): StepResult {
  const { principal, decision, reason, how, nowMs, directory } = input;
  const actor = actorOf(principal);
  // Eligibility first: who may not decide learns nothing of how far it is.
  const ineligibility = ineligibleNow(review, principal, directory);
  if (ineligibility !== null) return refuse(ineligibility, { rule: review.terms.rule });
  const tooLong = reasonProblem(reason, false);
  if (tooLong !== null) return { refusal: tooLong };
  if (isOver(review)) return refuse('review.over', { state: review.state });
  if (isExpired(review, nowMs)) return refuse('review.expired');
  const person = personOf(directory.find(actor.id)!);
  const isRepeated =
    decision === 'approve' && standingApprovals(review, directory).some((one) => one.person === person);
  if (isRepeated) return refuse('review.already-decided');
  if (review.decisions.length >= limits.decisionsMax && decision === 'approve') return refuse('review.conflict');
  const entry = { principal: actor, person, decision, reason, how, atMs: nowMs };
  const decided: Review = { ...review, decisions: [...review.decisions, entry] };
  if (decision === 'deny') {
    const denied = ended(decided, 'denied', null, nowMs);
    const events = [decidedEvent(denied, actor, decision, reason, how, 'denied')];
    if (review.kind === 'break-glass') events.push(alert(denied, `${actor.name} did not approve a break-glass.`));
    return { step: { review: denied, events } };
  }
  return approve(decided, actor, input);
}

function approve(review: Review, actor: Actor, input: DecisionInput): StepResult {
  const { reason, how, nowMs, directory } = input;
  const { kind, state, terms } = review;
  const isEnough = standingApprovals(review, directory).length >= terms.approvals;
  if (!isEnough || state === 'approved') {
    // More than needed: it stays approved, and its clock is not wound up again.
    const event = decidedEvent(review, actor, 'approve', reason, how, state === 'approved' ? 'approved' : 'pending');
    return { step: { review, events: [event] } };
  }
  const approved: Review = {
    ...review,
    state: 'approved',
    approvedAtMs: nowMs,
    expiresAtMs: nowMs + claimTimeMs(review),
  };
  const event = decidedEvent(approved, actor, 'approve', reason, how, 'approved');
  if (kind === 'break-glass') return { step: { review: { ...approved, endedAtMs: nowMs }, events: [event] } };
  if (kind === 'command') return { step: { review: approved, events: [event] } };
  const obstacle = input.isRequestable
    ? requesterProblem(approved, directory)
    : 'The Access that was asked for has gone.';
  if (obstacle !== null || input.grantId === null) {
    const refused = ended(approved, 'refused', obstacle, nowMs);
    return { step: { review: refused, events: [event, endedEvent(refused, 'refused')] } };
  }
  const executed: Review = { ...ended(approved, 'executed', null, nowMs), grant: input.grantId };
  return { step: { review: executed, events: [event, endedEvent(executed, 'executed')] } };
}

/** What falls due by itself at `nowMs`: escalation, expiry, or a reminder. Null where nothing does. */
export function advance(review: Review, nowMs: number): Step | null {
  const dueMs = nextAtMs(review);
  if (dueMs === null || nowMs < dueMs) return null;
  if (isExpired(review, nowMs)) return expire(review, nowMs);
  if (review.kind === 'break-glass' && nowMs >= review.expiresAtMs) {
    // It never expires: what was done without its reviewers is looked at, however late.
    const next = { ...review, expiresAtMs: nowMs + limits.afterReviewWithinMs };
    return { review: next, events: [alert(next, 'A break-glass still waits for its review.')] };
  }
  return escalate(review, nowMs);
}

function expire(review: Review, nowMs: number): Step {
  const expired = ended(review, 'expired', null, nowMs);
  return { review: expired, events: [endedEvent(expired, 'expired')] };
}

/** Others are asked as well, from now on. */
function escalate(review: Review, nowMs: number): Step {
  const next = { ...review, escalatedAtMs: nowMs };
  return { review: next, events: [alert(next, 'Nobody has decided; those of the escalation are asked as well.')] };
}

/** The target has said what it expects, or why it does not. Nothing rests on it, so nothing is journaled. */
export function estimated(review: Review, estimate: RowEstimate): Step | null {
  const { subject } = review;
  if (isOver(review) || subject.type !== 'command' || subject.estimate !== 'asked') return null;
  return { review: { ...review, subject: { ...subject, estimate } }, events: [] };
}

/** Who asked no longer wants it, is gone, or the gateway that waited is (A-REV-07). Null where it is over already. */
export function withdraw(review: Review, reason: string | null, nowMs: number): Step | null {
  if (isOver(review) || review.kind === 'break-glass') return null;
  const next = ended(review, 'withdrawn', reason, nowMs);
  return { review: next, events: [endedEvent(next, 'withdrawn')] };
}

export interface ClaimInput {
  /** Of what is about to run. */
  readonly digest: string;
  /** The requester may still open this session. */
  readonly isGranted: boolean;
  readonly nowMs: number;
  readonly directory: Directory;
}

/** The way to execution: either the step to `executed`, or why not, with the step to `refused` where that is final. */
export type ClaimResult = { readonly execute: Step } | { readonly obstacle: string; readonly step: Step | null };

/** I7, A-REV-03, A-REV-04: everything is checked again at the moment of execution. */
export function claim(review: Review, input: ClaimInput): ClaimResult {
  const { digest, isGranted, nowMs, directory } = input;
  if (review.kind !== 'command' || review.state !== 'approved') {
    return { obstacle: stateObstacle(review), step: null };
  }
  if (isExpired(review, nowMs)) {
    return { obstacle: 'The approval has expired. Submit it again.', step: expire(review, nowMs) };
  }
  const obstacle = claimProblem(review, digest, isGranted, directory);
  if (obstacle !== null) {
    const refused = ended(review, 'refused', obstacle, nowMs);
    return { obstacle, step: { review: refused, events: [endedEvent(refused, 'refused')] } };
  }
  const executed = ended(review, 'executed', null, nowMs);
  return { execute: { review: executed, events: [endedEvent(executed, 'executed')] } };
}

function claimProblem(review: Review, digest: string, isGranted: boolean, directory: Directory): string | null {
  if (digest !== review.digest) return 'What would run now is not what was approved. Submit it again.';
  const requester = requesterProblem(review, directory);
  if (requester !== null) return requester;
  if (!isGranted) return 'You may no longer use this resource.';
  if (review.breakGlass !== null) {
    return mayBreakGlass(review, directory) ? null : 'You may no longer break the glass here.';
  }
  const standing = standingApprovals(review, directory).length;
  if (standing >= review.terms.approvals) return null;
  return 'Someone who approved it may no longer decide it. Submit it again.';
}

function requesterProblem({ requester }: Review, directory: Directory): string | null {
  const entry = directory.find(requester.id);
  return entry === null || entry.disabled ? 'Your principal was disabled or is gone.' : null;
}

function stateObstacle({ state, decisions }: Review): string {
  const denial = decisions.find(({ decision }) => decision === 'deny');
  if (state === 'denied') return `${denial?.principal.name ?? 'A reviewer'} denied it.`;
  if (state === 'executed') return 'It has run already. Submit it again for another review.';
  return state === 'pending' ? 'It is not approved.' : `It was ${state}. Submit it again.`;
}

/**
 * The requester runs it without its reviewers. The second step is the review afterwards, which others must decide; both
 * are taken together or not at all.
 */
export function breakGlass(
  review: Review,
  input: {
    readonly principal: Principal;
    readonly reason: string;
    readonly how: string;
    readonly nowMs: number;
    readonly directory: Directory;
    /** Id of the review afterwards. */
    readonly afterId: string;
  },
): { readonly step: Step; readonly after: Step } | { readonly refusal: Refusal } {
  const { principal, reason, how, nowMs, directory, afterId } = input;
  const denial = (code: ReviewErrorCode, values = {}): { readonly refusal: Refusal } => ({ refusal: { code, values } });
  if (principal.id !== review.requester.id) return denial('review.not-requester');
  if (review.kind !== 'command' || review.subject.type !== 'command' || !mayBreakGlass(review, directory)) {
    return denial('review.no-break-glass', { rule: review.terms.rule });
  }
  const problem = reasonProblem(reason, true);
  if (problem !== null) return { refusal: problem };
  if (review.state !== 'pending') return denial('review.over', { state: review.state });
  if (isExpired(review, nowMs)) return denial('review.expired');
  const actor = actorOf(principal);
  const broken: Review = {
    ...review,
    state: 'approved',
    approvedAtMs: nowMs,
    expiresAtMs: nowMs + claimTimeMs(review),
    breakGlass: { reason, atMs: nowMs },
  };
  const after: Review = {
    ...review,
    id: afterId,
    kind: 'break-glass',
    subject: { type: 'break-glass', review: review.id, command: review.subject },
    reason,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + limits.afterReviewWithinMs,
    // Whoever might have been asked later may look at it now.
    escalatesAtMs: null,
    escalatedAtMs: review.terms.escalation === null ? null : nowMs,
    decisions: [],
  };
  const event = decidedEvent(
    broken,
    actor,
    'approve',
    reason,
    how === 'api' ? 'break-glass' : `break-glass, ${how}`,
    'approved',
  );
  return {
    step: { review: broken, events: [event, alert(broken, `${actor.name} broke the glass: ${reason}`)] },
    after: { review: after, events: [requested(after)] },
  };
}

/** How long an approval may wait for its command. Over HTTP nobody waits for long: who asked repeats the request. */
function claimTimeMs({ subject }: Review): number {
  const returns = subject.type === 'command' && (subject.kind === 'http' || subject.kind === 'kubernetes');
  return returns ? limits.claimOnReturnWithinMs : limits.claimWithinMs;
}

/** What is wrong with a reason, or null. */
export function reasonProblem(reason: string, isRequired: boolean): Refusal | null {
  if (isRequired && reason.trim() === '') return { code: 'review.reason-required', values: {} };
  if (Buffer.byteLength(reason) <= limits.reasonBytesMax) return null;
  return { code: 'review.reason-too-long', values: { limit: limits.reasonBytesMax } };
}

function isExpired(review: Review, nowMs: number): boolean {
  return review.kind !== 'break-glass' && nowMs >= review.expiresAtMs;
}

function ended(review: Review, state: Review['state'], ending: string | null, nowMs: number): Review {
  return { ...review, state, ending, endedAtMs: nowMs };
}

function requested(review: Review): EventBody {
  const { id, kind, subject, terms, digest, expiresAtMs, reason } = review;
  const command = commandOf(review);
  const resource = subject.type === 'break-glass' ? subject.command.resource : subject.resource;
  return {
    type: 'review.requested',
    review: id,
    kind,
    session: command?.session.id ?? null,
    command: command?.command ?? null,
    principal: requesterActor(review),
    resource: resource.name,
    rule: terms.rule,
    digest,
    approvals: terms.approvals,
    expiresAtMs,
    reason: reason === '' ? null : reason,
  };
}

function commandOf({ subject }: Review) {
  if (subject.type === 'access') return null;
  return subject.type === 'command' ? subject : subject.command;
}

function requesterActor({ requester }: Review): Actor {
  const { belongsTo: _belongsTo, ...actor } = requester;
  return actor;
}

function decidedEvent(
  review: Review,
  principal: Actor,
  decision: 'approve' | 'deny',
  reason: string,
  how: string,
  state: 'pending' | 'approved' | 'denied',
): EventBody {
  return { type: 'review.decided', review: review.id, decision, principal, reason, state, how };
}

function endedEvent(review: Review, outcome: 'executed' | 'expired' | 'withdrawn' | 'refused'): EventBody {
  return { type: 'review.ended', review: review.id, outcome, reason: review.ending };
}

function alert(review: Review, what: string): EventBody {
  const command = commandOf(review);
  const { subject } = review;
  return {
    type: 'alert.raised',
    rule: review.terms.rule,
    reason: `Review ${review.id}: ${what}`,
    session: command?.session.id ?? null,
    command: command?.command ?? null,
    principal: requesterActor(review),
    resource: (subject.type === 'break-glass' ? subject.command : subject).resource.name,
  };
}
