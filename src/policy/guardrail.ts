/**
 * Guardrails: what may be done in a session. Compiled once per change of configuration, asked once per command.
 *
 * Invariants:
 * - A rule that is not understood never loads; nothing is compiled then (A-POL-01).
 * - No rule means what Access says and nothing more.
 * - The same request gets the same judgement, whatever order the rules came in; another rule never makes it less
 *   restrictive. Limits count, so theirs are made anew for each judgement.
 * - `explain` runs the very tests that `judge` runs.
 *
 * How it is fast: who and what a rule concerns is settled once per principal and resource, by their identity. What rules
 * without volatile conditions find is remembered by the identity of the analysis, which is shared by equal texts.
 *
 * Deliberately absent: masks by column and detector (the room `masking`), the joining of both (`gateway`), and any
 * catching of errors: a judge that throws ends the session (I2).
 */
import { sqlOf } from '../core/command.ts';
import type { AlertNote, HoldTerms, OutputLimit } from '../core/judgement.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import type { GuardrailExample, GuardrailSpec, RuleObject } from '../core/rules.ts';
import type { Analysis } from '../core/sql.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ConditionTrace } from './access.ts';
import { type Decided, decide, nothingRestricts, type Outcome, type WholeMask } from './decide.ts';
import { policyErrors } from './errors.ts';
import { Facts, type GuardrailRequest } from './facts.ts';
import { Fields } from './fields.ts';
import { both, type Finding, type FindingName, no, spellFinding, yes } from './finding.ts';
import * as limits from './limits.ts';
import { compileRule, type Rule } from './rule.ts';
import { makeLimits, type UsageLedger } from './usage.ts';

/** What Guardrails say about one command. The gateway joins it with the masks into core's `Judgement`. */
export interface GuardrailJudgement {
  readonly verdict: Verdict;
  /** Stands with the verdict `hold` and only there. */
  readonly hold: HoldTerms | null;
  readonly limits: readonly OutputLimit[];
  readonly alerts: readonly AlertNote[];
  /** Set where a rule masks everything, also where a stricter verdict won: what a review releases is masked all the same. */
  readonly maskAll: WholeMask | null;
}

export interface GuardrailCondition extends ConditionTrace {
  readonly finding: FindingName;
}

export interface GuardrailTrace {
  readonly name: string;
  readonly verdict: Rule['verdict'];
  readonly finding: FindingName;
  /** It is the rule that the verdict names. */
  readonly decided: boolean;
  readonly conditions: readonly GuardrailCondition[];
}

export interface GuardrailExplanation {
  readonly judgement: GuardrailJudgement;
  /** Every Guardrail, by name. */
  readonly rules: readonly GuardrailTrace[];
}

export interface CompiledGuardrails {
  judge(request: GuardrailRequest): GuardrailJudgement;
  /** The judgement, and how each Guardrail contributed to it: for `sallyport explain`. */
  explain(request: GuardrailRequest): GuardrailExplanation;
  /** The rules that are in force, by name. */
  readonly rules: readonly {
    readonly name: string;
    readonly spec: GuardrailSpec;
    readonly examples: readonly GuardrailExample[];
    /** Whether it concerns the resource at all. */
    readonly selects: (resource: Resource) => boolean;
  }[];
}

export interface GuardrailOptions {
  /** Counts what sessions and days use; it outlives the rules. Null for trying rules out: such limits then count as passed. */
  readonly ledger: UsageLedger | null;
}

/** The rules that concern one principal on one resource, and what is remembered of them. */
interface SessionRules {
  readonly stable: readonly Rule[];
  readonly volatile: readonly Rule[];
  readonly remembered: WeakMap<Analysis, Map<string, Remembered>>;
}

interface Remembered {
  /** Of the stable rules. */
  readonly outcomes: readonly Outcome[];
  readonly decided: Decided;
  /** Shared as it is where nothing in it counts. */
  readonly judgement: GuardrailJudgement | null;
}

/** Verbs told apart per analysis. There are about four; a protocol that makes them up shall not fill the memory. */
const verbsMax = 8;

/**
 * Compiles Guardrails, in any order. Throws `policy.malformed-guardrail` or `policy.too-many-guardrails` where they cannot
 * be used as they stand; nothing is compiled then. What was compiled does not change with the objects.
 */
export function compileGuardrails(
  objects: readonly RuleObject<GuardrailSpec>[],
  options: GuardrailOptions,
): CompiledGuardrails {
  if (objects.length > limits.guardrailsMax) {
    throw policyErrors('policy.too-many-guardrails', { values: { maximum: limits.guardrailsMax } });
  }
  const rules = objects
    .map(compileRule)
    .map((rule) => ({ rule, key: Buffer.from(rule.name) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ rule }) => rule);
  let total = 0;
  for (const [index, { name, steps }] of rules.entries()) {
    if (name === rules[index - 1]?.name) throw new Fields(name).fault('metadata.name', 'there are two of this name');
    total += steps;
    if (total <= limits.stepsMax) continue;
    throw new Fields(name).fault(
      'match',
      'all Guardrails together may take too long for one command; use fewer patterns, texts, wildcards or loops',
    );
  }
  return new Guardrails(rules, options.ledger);
}

class Guardrails implements CompiledGuardrails {
  readonly rules: readonly Rule[];
  readonly #ledger: UsageLedger | null;
  readonly #order: ReadonlyMap<Rule, number>;
  readonly #sessions = new WeakMap<Principal, WeakMap<Resource, SessionRules>>();

  constructor(rules: readonly Rule[], ledger: UsageLedger | null) {
    this.rules = rules;
    this.#ledger = ledger;
    this.#order = new Map(rules.map((rule, index) => [rule, index]));
  }

  judge(request: GuardrailRequest): GuardrailJudgement {
    return this.#judge(request, this.#ledger);
  }

  #judge(request: GuardrailRequest, ledger: UsageLedger | null): GuardrailJudgement {
    const rules = this.#rulesFor(request.principal, request.resource);
    if (rules.stable.length + rules.volatile.length === 0) return unrestricted;
    const { command } = request;
    const analysis = command.kind === 'sql' ? sqlOf(command.meaning) : null;
    const remembered = analysis === null ? undefined : rules.remembered.get(analysis)?.get(command.verb);
    if (remembered !== undefined && rules.volatile.length === 0) return judgementOf(remembered, request, ledger);
    const facts = new Facts(request);
    const stable = remembered ?? this.#remember(rules, analysis, facts);
    const more = outcomesOf(rules.volatile, facts);
    if (more.length === 0) return judgementOf(stable, request, ledger);
    const outcomes = [...stable.outcomes, ...more].sort((a, b) => this.#orderOf(a) - this.#orderOf(b));
    return counted(decide(outcomes, facts), request, ledger);
  }

  explain(request: GuardrailRequest): GuardrailExplanation {
    // Nothing is counted for it.
    const judgement = this.#judge(request, null);
    const facts = new Facts(request);
    return { judgement, rules: this.rules.map((rule) => traceOf(rule, facts, judgement.verdict)) };
  }

  /** Which rules concern them is settled once, by identity: neither changes while a session lives. */
  #rulesFor(principal: Principal, resource: Resource): SessionRules {
    let byResource = this.#sessions.get(principal);
    if (byResource === undefined) {
      byResource = new WeakMap();
      this.#sessions.set(principal, byResource);
    }
    let rules = byResource.get(resource);
    if (rules === undefined) {
      const selected = this.rules.filter(({ session }) => session.every(({ holds }) => holds(principal, resource)));
      rules = {
        stable: selected.filter(({ isVolatile }) => !isVolatile),
        volatile: selected.filter(({ isVolatile }) => isVolatile),
        remembered: new WeakMap(),
      };
      byResource.set(resource, rules);
    }
    return rules;
  }

  #remember(rules: SessionRules, analysis: Analysis | null, facts: Facts): Remembered {
    const outcomes = outcomesOf(rules.stable, facts);
    const decided = decide(outcomes, facts);
    const judgement = decided.limits.length === 0 ? Object.freeze({ ...decided, limits: [] }) : null;
    const found: Remembered = { outcomes, decided, judgement };
    if (analysis === null) return found;
    let byVerb = rules.remembered.get(analysis);
    if (byVerb === undefined) {
      byVerb = new Map();
      rules.remembered.set(analysis, byVerb);
    }
    if (byVerb.size < verbsMax) byVerb.set(facts.command.verb, found);
    return found;
  }

  #orderOf({ rule }: Outcome): number {
    return this.#order.get(rule) ?? 0;
  }
}

function judgementOf(
  { decided, judgement }: Remembered,
  request: GuardrailRequest,
  ledger: UsageLedger | null,
): GuardrailJudgement {
  return judgement ?? counted(decided, request, ledger);
}

function counted(decided: Decided, request: GuardrailRequest, ledger: UsageLedger | null): GuardrailJudgement {
  return { ...decided, limits: decided.limits.flatMap((spec) => makeLimits(spec, request, ledger)) };
}

const unrestricted: GuardrailJudgement = Object.freeze({
  verdict: nothingRestricts,
  hold: null,
  limits: [],
  alerts: [],
  maskAll: null,
});

function outcomesOf(rules: readonly Rule[], facts: Facts): Outcome[] {
  const outcomes: Outcome[] = [];
  for (const rule of rules) {
    let finding: Finding = yes;
    for (const condition of rule.command) {
      finding = both(finding, condition.test(facts));
      if (finding === no) break;
    }
    if (finding !== no) outcomes.push({ rule, finding });
  }
  return outcomes;
}

function traceOf(rule: Rule, facts: Facts, verdict: Verdict): GuardrailTrace {
  const { principal, resource } = facts.request;
  const conditions: GuardrailCondition[] = [];
  let finding: Finding = yes;
  const add = (condition: string, found: Finding, because: string): void => {
    finding = both(finding, found);
    conditions.push({ condition, holds: found !== no, finding: spellFinding(found), because });
  };
  for (const { name, holds, because } of rule.session) {
    add(name, holds(principal, resource) ? yes : no, because(principal, resource));
  }
  for (const condition of rule.command) add(condition.name, condition.test(facts), condition.because(facts));
  return {
    name: rule.name,
    verdict: rule.verdict,
    finding: spellFinding(finding),
    decided: verdict.rule === rule.name,
    conditions,
  };
}
