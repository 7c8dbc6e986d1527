/**
 * The rules in force, compiled: Guardrails and Masks as of one snapshot, and the Judge that joins them.
 *
 * Invariants:
 * - A rule that cannot be compiled is never left out: then every command is blocked until it can be (A-POL-01).
 * - A command is judged with the groups that its principal has now and the labels that its resource has now.
 * - A mask that refuses a statement blocks it; a review that releases one releases it masked all the same.
 *
 * Deliberately absent: matching (policy), plans (masking), meaning (the protocol).
 */
import { isGatewayError } from '../base/errors.ts';
import { kubernetesOf, sqlOf } from '../core/command.ts';
import { allowed, type Judgement, type JudgeRequest } from '../core/judgement.ts';
import type { OutputPlan } from '../core/masking.ts';
import type { Judge } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { GuardrailSpec, MaskSpec, RuleObject } from '../core/rules.ts';
import type { Verdict } from '../core/verdict.ts';
import { type CompiledMasks, compileMasks, type MaskOutcome, maskEverything, mergePlans } from '../masking/index.ts';
import { type CompiledGuardrails, compileGuardrails, type UsageLedger } from '../policy/index.ts';
import { orphanedMasks } from './orphans.ts';

/** What the rules are compiled with; the same for as long as the gateway runs. */
export interface RuleMakings {
  /** For keyed hashes; shared by all gateways on one store. */
  readonly hashKey: Buffer;
  /** Null for trying rules out. */
  readonly ledger: UsageLedger | null;
}

export interface RuleObjects {
  readonly guardrails: readonly RuleObject<GuardrailSpec>[];
  readonly masks: readonly RuleObject<MaskSpec>[];
}

/** Verbs that run nothing yet. */
const notYet: ReadonlySet<string> = new Set(['prepare', 'bind']);

/** Compiled rules; throws what `policy` and `masking` throw where one cannot be used. */
export class Rules {
  readonly guardrails: CompiledGuardrails;
  readonly masks: CompiledMasks;
  readonly #maskObjects: RuleObjects['masks'];
  readonly #hashKey: Buffer;
  readonly #whole = new Map<string, OutputPlan>();

  constructor(objects: RuleObjects, { hashKey, ledger }: RuleMakings) {
    this.guardrails = compileGuardrails(objects.guardrails, { ledger });
    this.masks = compileMasks(objects.masks, { hashKey });
    this.#maskObjects = objects.masks;
    this.#hashKey = hashKey;
  }

  judge(request: JudgeRequest): Judgement {
    const judgement = this.#judge(request);
    const { name } = judgement.verdict;
    // What is prepared or bound is told when it runs.
    if (name === 'block' || name === 'terminate' || notYet.has(request.command.verb)) return judgement;
    const orphaned = orphanedMasks(this.#maskObjects, request);
    return orphaned.length === 0 ? judgement : { ...judgement, alerts: [...judgement.alerts, ...orphaned] };
  }

  #judge(request: JudgeRequest): Judgement {
    const ruled = this.guardrails.judge(request);
    const { verdict } = ruled;
    if (verdict.name === 'block' || verdict.name === 'terminate') return { ...ruled, output: null };
    const outcome = this.plan(request);
    if (outcome?.blocked != null) {
      const { rule, reason } = outcome.blocked;
      return { ...ruled, verdict: { name: 'block', rule, reason }, hold: null, limits: [], output: null };
    }
    const output = this.#joined(outcome?.output ?? null, ruled.maskAll);
    if (output === null && verdict.name === 'allow') return { ...ruled, output };
    return { ...ruled, verdict: verdict.name === 'allow' ? masked(verdict, outcome) : verdict, output };
  }

  /** What the masks in force do to a command; null where there are none. */
  plan({ command, principal, resource }: JudgeRequest): MaskOutcome | null {
    const set = this.masks.for(principal, resource);
    if (set === null) return null;
    if (command.kind === 'kubernetes') return set.planStreams('kubernetes', kubernetesOf(command.meaning));
    return command.kind === 'sql' ? set.plan(sqlOf(command.meaning)) : set.planStreams(command.kind);
  }

  /** Joins a plan with a guardrail's mask over everything. */
  #joined(output: OutputPlan | null, all: { rule: string; method: GuardrailSpec['with'] } | null): OutputPlan | null {
    if (all === null) return output;
    const key = JSON.stringify([all.rule, all.method]);
    let whole = this.#whole.get(key);
    if (whole === undefined) {
      whole = maskEverything(all.rule, all.method ?? 'redact', this.#hashKey);
      this.#whole.set(key, whole);
    }
    return output === null ? whole : mergePlans(output, whole);
  }
}

/** The verdict of a command whose results are masked by where they come from; looking for findings alone is none. */
function masked(verdict: Verdict, outcome: MaskOutcome | null): Verdict {
  const traces = outcome?.trace.filter(({ what }) => what !== 'messages' && what !== 'steering') ?? [];
  const [first] = traces;
  if (first === undefined) return verdict;
  return {
    name: 'mask',
    rule: first.rule,
    reason: traces
      .map(({ because }) => because)
      .join('; ')
      .slice(0, reasonMax),
  };
}

/** Longest reason of a mask verdict, in characters: a statement may have a thousand columns. */
const reasonMax = 1000;

/** Rules that cannot be loaded: everything is refused, and why is told. */
export class BrokenRules {
  readonly reason: string;

  constructor(error: unknown) {
    this.reason = isGatewayError(error) ? error.publicMessage : 'The rules of this gateway could not be loaded.';
  }

  judge(): Judgement {
    return allowed({
      name: 'block',
      rule: 'gateway:rules',
      reason: `No command is let through, since the rules cannot be enforced. ${this.reason}`,
    });
  }
}

/** What is in force now: the rules, and what they look at that may change while a session lives. */
export interface InForce {
  readonly rules: Rules | BrokenRules;
  /** Null where the principal is gone or disabled. */
  groupsOf(principal: Principal): readonly string[] | null;
  labelsOf(resource: Resource): Resource['labels'] | null;
}

/** The Judge of live sessions: always the rules, groups and labels of now. */
export function createJudge(inForce: InForce): Judge {
  const principals = new WeakMap<Principal, Principal>();
  const resources = new WeakMap<Resource, Resource>();
  const gone = allowed({
    name: 'terminate',
    rule: 'gateway:standing',
    reason: 'Your account or this resource is no longer there, so nothing more may run.',
  });
  return {
    judge: (request) => {
      const groups = inForce.groupsOf(request.principal);
      const labels = inForce.labelsOf(request.resource);
      if (groups === null || labels === null) return gone;
      // The same objects as long as nothing changed: the rules remember by identity.
      let principal = principals.get(request.principal);
      if (principal === undefined || principal.groups !== groups) {
        principal = { ...request.principal, groups };
        principals.set(request.principal, principal);
      }
      let resource = resources.get(request.resource);
      if (resource === undefined || resource.labels !== labels) {
        resource = { ...request.resource, labels };
        resources.set(request.resource, resource);
      }
      return inForce.rules.judge({ ...request, principal, resource });
    },
  };
}
