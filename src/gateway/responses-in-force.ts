/**
 * The responses of detections that are in force, in memory, and the judge that they are joined with.
 *
 * Invariants:
 * - A response only ever adds: a risk that guardrails read, a hold, a confirmation, a mask over everything. What the rules block
 *   stays blocked, and of two holds both count.
 * - What a protocol cannot do for a response (wait, mask) is blocked, as a rule that could not be enforced would be.
 * - A response is in force for its time by the monotonic clock: setting the wall clock forward ends nothing (F-15).
 * - Judging reads memory only, and costs nothing for whom no response concerns.
 *
 * Deliberately absent: who applies and ends responses, the store, the journal (responses.ts).
 */
import type { Clock } from '../base/clock.ts';
import type { HoldTerms, Judgement, JudgeRequest, Risk } from '../core/judgement.ts';
import type { OutputPlan } from '../core/masking.ts';
import type { Judge } from '../core/ports.ts';
import type { Protocol } from '../core/protocol.ts';
import { maskEverything, mergePlans } from '../masking/index.ts';
import { joinHolds } from '../policy/index.ts';
import type { NewResponse } from '../store/index.ts';
import * as limits from './limits.ts';

/** A response as it is in force. */
export interface Standing {
  readonly response: NewResponse;
  /** Monotonic milliseconds; Infinity: until somebody ends it. */
  readonly deadlineMs: number;
}

interface Entry extends Standing {
  /** Made once: a hold is recognised by its terms when the rules are asked again. */
  readonly terms: HoldTerms | null;
}

/** What concerns one session now. */
interface Restrictions {
  readonly risk: Risk;
  /** Holds and confirmations, in order of their rules. */
  readonly terms: readonly HoldTerms[];
  readonly mask: NewResponse | null;
  /** A hold that names nobody to decide. */
  readonly undecidable: NewResponse | null;
}

export interface InForceParts {
  readonly clock: Clock;
  readonly hashKey: Buffer;
  readonly protocols: readonly Pick<Protocol, 'name' | 'capabilities'>[];
}

export const riskMax = 100;

/** As verdicts and holds name what decided. */
export function ruleOf(detection: string): string {
  return `detection:${detection}`;
}

export class ResponsesInForce {
  readonly #parts: InForceParts;
  readonly #byId = new Map<string, Entry>();
  /** By principal's id. */
  readonly #byOwner = new Map<string, Entry[]>();
  readonly #plans = new Map<string, OutputPlan>();

  constructor(parts: InForceParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Standing | null {
    return this.#byId.get(id) ?? null;
  }

  all(): readonly Standing[] {
    return [...this.#byId.values()];
  }

  /** Takes a response in. One that is there keeps its deadline. False where its time is over. */
  put(response: NewResponse): boolean {
    if (this.#byId.has(response.id)) return true;
    const { clock } = this.#parts;
    const leftMs = response.untilMs === null ? Number.POSITIVE_INFINITY : response.untilMs - clock.now();
    if (leftMs <= 0) return false;
    const entry: Entry = { response, deadlineMs: clock.monotonic() + leftMs, terms: termsOf(response) };
    this.#byId.set(response.id, entry);
    const { id } = response.owner;
    this.#byOwner.set(id, [...(this.#byOwner.get(id) ?? []), entry]);
    return true;
  }

  /** The response that was there, or null. */
  remove(id: string): NewResponse | null {
    const entry = this.#byId.get(id);
    if (entry === undefined) return null;
    this.#byId.delete(id);
    const owner = entry.response.owner.id;
    const left = (this.#byOwner.get(owner) ?? []).filter((one) => one !== entry);
    if (left.length === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, left);
    return entry.response;
  }

  /** Takes out what is over, and answers it. */
  expire(): readonly NewResponse[] {
    const nowMs = this.#parts.clock.monotonic();
    const over = this.all().filter(({ deadlineMs }) => deadlineMs <= nowMs);
    for (const { response } of over) this.remove(response.id);
    return over.map(({ response }) => response);
  }

  /** Those that concern a principal, or one of its sessions. */
  of(principalId: string, session: string | null): readonly NewResponse[] {
    const nowMs = this.#parts.clock.monotonic();
    return (this.#byOwner.get(principalId) ?? [])
      .filter(({ response, deadlineMs }) => deadlineMs > nowMs && concerns(response, session))
      .map(({ response }) => response);
  }

  /** The risk of a principal, and of one of its sessions. */
  riskOf(principalId: string, session: string | null): Risk {
    return this.#restrictions(principalId, session)?.risk ?? noRisk;
  }

  /** The judge with what is in force. */
  judging(judge: Judge): Judge {
    return { judge: (request) => this.join(judge, request) };
  }

  /** What the judge says with what is in force. */
  join(judge: Judge, request: JudgeRequest): Judgement {
    // Nothing is in force for nearly everybody nearly always.
    const restrictions = this.#byId.size === 0 ? null : this.#restrictions(request.principal.id, request.session.id);
    if (restrictions === null) return judge.judge(request);
    const judgement = judge.judge({ ...request, risk: restrictions.risk });
    return this.#restrict(judgement, request, restrictions);
  }

  #restrictions(principalId: string, session: string | null): Restrictions | null {
    const entries = this.#byOwner.get(principalId);
    if (entries === undefined) return null;
    const nowMs = this.#parts.clock.monotonic();
    const terms: HoldTerms[] = [];
    let mask: NewResponse | null = null;
    let undecidable: NewResponse | null = null;
    let ofSession = 0;
    let ofPrincipal = 0;
    let found = false;
    for (const { response, deadlineMs, terms: held } of entries) {
      if (deadlineMs <= nowMs || !concerns(response, session)) continue;
      found = true;
      if (held !== null) terms.push(held);
      if (response.kind === 'hold' && held === null) undecidable ??= response;
      if (response.kind === 'mask') mask ??= response;
      if (response.kind !== 'risk') continue;
      ofSession += response.points;
      if (response.session === null) ofPrincipal += response.points;
    }
    if (!found) return null;
    terms.sort((a, b) => (a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0));
    const risk = { session: Math.min(riskMax, ofSession), principal: Math.min(riskMax, ofPrincipal) };
    return { risk, terms, mask, undecidable };
  }

  #restrict(judgement: Judgement, request: JudgeRequest, { terms, mask, undecidable }: Restrictions): Judgement {
    const { name } = judgement.verdict;
    if (name === 'block' || name === 'terminate') return judgement;
    const can = this.#parts.protocols.find((protocol) => protocol.name === request.resource.protocol)?.capabilities;
    let restricted = judgement;
    if (mask !== null) {
      if (can?.masks !== true)
        return blocked(judgement, mask, `${mask.message} What comes back here cannot be masked.`);
      restricted = this.#masked(restricted, mask);
    }
    // What is prepared runs nothing: it is held when it does (as guardrails have it, decide.ts).
    if (request.command.verb === 'prepare') return restricted;
    if (undecidable !== null)
      return blocked(restricted, undecidable, `${undecidable.message} Nobody is named to decide.`);
    if (terms.length === 0) return restricted;
    if (can?.holds !== true) {
      const reason = `${terms[0]!.message} Commands of the protocol ${request.resource.protocol} cannot wait for that.`;
      return blocked(restricted, { rule: terms[0]!.rule }, reason);
    }
    return held(restricted, terms);
  }

  #masked(judgement: Judgement, response: NewResponse): Judgement {
    const rule = ruleOf(response.detection);
    let whole = this.#plans.get(rule);
    if (whole === undefined) {
      whole = maskEverything(rule, 'redact', this.#parts.hashKey);
      if (this.#plans.size >= limits.responsesInForceMax) this.#plans.clear();
      this.#plans.set(rule, whole);
    }
    const output = judgement.output === null ? whole : mergePlans(judgement.output, whole);
    if (judgement.verdict.name !== 'allow') return { ...judgement, output };
    return { ...judgement, output, verdict: { name: 'mask', rule, reason: response.message } };
  }
}

const noRisk: Risk = Object.freeze({ session: 0, principal: 0 });

function concerns(response: NewResponse, session: string | null): boolean {
  return response.session === null || response.session === session;
}

/** Null for what neither holds nor asks for a confirmation, and for a hold that nobody could decide. */
function termsOf({ kind, detection, reviewers, message }: NewResponse): HoldTerms | null {
  if (kind !== 'hold' && kind !== 'step-up') return null;
  if (kind === 'hold' && reviewers.names.length + reviewers.groups.length === 0) return null;
  return Object.freeze({
    rule: ruleOf(detection),
    reviewers: kind === 'hold' ? reviewers : { names: [], groups: [] },
    ...(kind === 'step-up' ? { stepUp: true as const } : {}),
    approvals: 1,
    withinMs: limits.responseHoldMs,
    inTransactionMs: limits.responseHoldInTransactionMs,
    escalation: null,
    breakGlass: [],
    message,
  });
}

function blocked(judgement: Judgement, by: { rule: string } | NewResponse, reason: string): Judgement {
  const rule = 'rule' in by ? by.rule : ruleOf(by.detection);
  return { ...judgement, verdict: { name: 'block', rule, reason }, hold: null, limits: [], output: null };
}

function held(judgement: Judgement, terms: readonly HoldTerms[]): Judgement {
  const own = judgement.hold;
  const joined = joinHolds(own === null ? terms : [own, ...terms]);
  if (joined === null) {
    const rules = [...new Set([...(own === null ? [] : [own.rule]), ...terms.map(({ rule }) => rule)])];
    const reason = `${terms[0]!.message} It is held by ${rules.join(' and ')} for different reviewers, and no one review satisfies them all.`;
    return blocked(judgement, { rule: terms[0]!.rule }, reason);
  }
  const { verdict } = judgement;
  if (verdict.name === 'hold') return { ...judgement, verdict: { ...verdict, reason: joined.message }, hold: joined };
  return { ...judgement, verdict: { name: 'hold', rule: joined.rule, reason: joined.message }, hold: joined };
}
