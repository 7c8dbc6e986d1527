/**
 * From what each rule found to one judgement.
 *
 * Invariants:
 * - The most restrictive verdict wins; of several, the first rule by name in byte order is told.
 * - An explicit `allow` takes nothing back: it exists to be read, and to be seen in `explain`.
 * - What stays unknown counts for every rule that restricts, and never for one that allows.
 * - A command that was not understood is blocked by every rule that needs its structure, whatever that rule's verdict,
 *   except one that only alerts or allows.
 * - `prepare` runs nothing: what falls there are blocks and terminations only.
 */
import { httpOf, kubernetesOf, shellOf } from '../core/command.ts';
import type { AlertNote, HoldTerms } from '../core/judgement.ts';
import type { MaskMethod } from '../core/rules.ts';
import type { Verdict } from '../core/verdict.ts';
import { stricter } from '../core/verdict.ts';
import type { Facts } from './facts.ts';
import { type Finding, isMatch, opaque, yes } from './finding.ts';
import { joinHolds } from './hold.ts';
import { spellHttpDoubt } from './http-facts.ts';
import { spellKubernetesDoubt } from './kubernetes.ts';
import type { Rule } from './rule.ts';
import { spell } from './selectors.ts';
import { spellShellDoubt } from './shell.ts';
import { spellDoubt } from './statement.ts';
import type { LimitSpec } from './usage.ts';

export interface Outcome {
  readonly rule: Rule;
  /** Not `no`. */
  readonly finding: Finding;
}

/** A mask over everything that a command returns. */
export interface WholeMask {
  readonly rule: string;
  readonly method: MaskMethod;
}

export interface Decided {
  readonly verdict: Verdict;
  readonly hold: HoldTerms | null;
  readonly limits: readonly LimitSpec[];
  readonly alerts: readonly AlertNote[];
  readonly maskAll: WholeMask | null;
}

export const nothingRestricts: Verdict = Object.freeze({
  name: 'allow',
  rule: 'access',
  reason: 'Access to the resource allows it; no guardrail restricts it.',
});

/** `outcomes` stand in order of the rules' names. */
export function decide(outcomes: readonly Outcome[], facts: Facts): Decided {
  const isPrepare = facts.command.verb === 'prepare';
  let verdict = nothingRestricts;
  const holds: HoldTerms[] = [];
  const limits: LimitSpec[] = [];
  const alerts: AlertNote[] = [];
  const masks: WholeMask[] = [];
  for (const { rule, finding } of outcomes) {
    if (rule.verdict === 'allow') continue;
    if ((finding & opaque) !== 0 && rule.verdict !== 'alert') verdict = stricter(verdict, notUnderstood(rule, facts));
    const counts = rule.verdict === 'alert' ? finding !== 0 : isMatch(finding);
    if (!counts || (isPrepare && !fallsAtPrepare(rule))) continue;
    const reason = reasonOf(rule, finding, facts);
    if (rule.limits !== null) limits.push(rule.limits);
    else if (rule.verdict === 'alert') alerts.push({ rule: rule.name, reason });
    else verdict = stricter(verdict, { name: rule.verdict, rule: rule.name, reason });
    if (rule.hold !== null) holds.push({ ...rule.hold, message: reason });
    if (rule.method !== null) masks.push({ rule: rule.name, method: rule.method });
  }
  let hold: HoldTerms | null = null;
  if (verdict.name === 'hold') {
    hold = joinHolds(holds);
    if (hold === null) verdict = nobodyFor(holds);
    else if (holds.length > 1) verdict = { ...verdict, reason: hold.message };
  }
  return { verdict: Object.freeze(verdict), hold, limits, alerts, maskAll: strictestMask(masks) };
}

function fallsAtPrepare({ verdict, limits }: Rule): boolean {
  return limits === null && (verdict === 'block' || verdict === 'terminate');
}

const acts: Readonly<Record<Exclude<Rule['verdict'], 'allow'>, string>> = {
  mask: 'masks all that this command returns.',
  hold: 'holds this command until somebody approves it.',
  block: 'blocks this command. Change it, or talk to whoever maintains the guardrail.',
  terminate: 'ends the session for this command. Talk to whoever maintains the guardrail.',
  alert: 'watches for commands like this.',
};

function reasonOf(rule: Rule, finding: Finding, facts: Facts): string {
  const said = rule.message ?? (rule.verdict === 'allow' ? '' : `The guardrail ${rule.name} ${acts[rule.verdict]}`);
  if ((finding & yes) !== 0) return said;
  const shell = shellOf(facts.command.meaning);
  const http = httpOf(facts.command.meaning);
  const kubernetes = kubernetesOf(facts.command.meaning);
  const doubt =
    http !== null
      ? spellHttpDoubt(http)
      : kubernetes !== null && spellKubernetesDoubt(kubernetes) !== ''
        ? spellKubernetesDoubt(kubernetes)
        : shell !== null
          ? spellShellDoubt(shell)
          : facts.isSql && facts.sql?.complete !== true
            ? spellDoubt(facts.sql)
            : '';
  // What stands in the way comes first: a person who mistyped a table's name reads what is wrong, not what the rule is for.
  const opening = doubt === '' ? '' : `${doubt} `;
  return `${opening}Since not all of it can be told, it counts as matching the guardrail ${rule.name}${said === '' ? '.' : `: ${said}`}`;
}

/** What cannot be parsed while a rule needs its structure. The parser's own words are left out: they quote the text. */
function notUnderstood(rule: Rule, { sql, isSql }: Facts): Verdict {
  if (!isSql) {
    return {
      name: 'block',
      rule: rule.name,
      reason: `The guardrail ${rule.name} asks what a command does, and this was not analysed. Talk to whoever maintains the guardrail.`,
    };
  }
  const why =
    sql?.unparsed != null
      ? `The server would not understand it either, at character ${sql.unparsed.position}. Correct it.`
      : `${spellDoubt(sql)} Write it as plain statements, or talk to whoever maintains the guardrail.`;
  return {
    name: 'block',
    rule: rule.name,
    reason: `The guardrail ${rule.name} asks what a statement does, and this could not be understood. ${why}`,
  };
}

/** Several rules hold it, and there is nobody whom all of them accept: see hold.ts. */
function nobodyFor(holds: readonly HoldTerms[]): Verdict {
  return {
    name: 'block',
    rule: holds[0]!.rule,
    reason: `The guardrails ${spell(holds.map(({ rule }) => rule))} hold it for different reviewers, and no one review satisfies them all. Ask for a common reviewer to be named in each of them.`,
  };
}

/** From what leaves least to what leaves most of a value. */
const strictness = ['null', 'redact', 'hash', 'format-preserving', 'partial'];

function strictestMask(masks: readonly WholeMask[]): WholeMask | null {
  let found: WholeMask | null = null;
  for (const mask of masks) if (found === null || leaves(mask.method) < leaves(found.method)) found = mask;
  return found;
}

/** How much a method leaves: its rank, and for partial masks the characters shown. */
function leaves(method: MaskMethod): number {
  if (typeof method === 'string') return strictness.indexOf(method);
  return strictness.length - 1 + (method.partial.first ?? 0) + (method.partial.last ?? 0);
}
