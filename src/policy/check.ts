/**
 * Whether a Guardrail can be enforced on the resources that it selects: asked when it is saved, since a rule that never
 * falls is worse than none.
 *
 * A resource that is selected by name, label or protocol must be able to enforce all of the rule; a rule that selects no
 * resource in particular concerns those that can, and there must be one protocol that does.
 *
 * Deliberately absent: what protocols can do. It is given in, and grows with them.
 */

import { isGatewayError } from '../base/errors.ts';
import type { Meaning } from '../core/command.ts';
import type { Resource } from '../core/resource.ts';
import type { GuardrailSpec, RuleObject } from '../core/rules.ts';
import { quote } from './fields.ts';
import { compileRule, type Rule } from './rule.ts';

/**
 * How sure the gateway is to see a command before it runs. `exact`: each, with its meaning. `gated`: each, though what it
 * does may be hidden (a shell line). `observed`: only as it runs, too late to stop it.
 */
export type Assurance = 'exact' | 'gated' | 'observed';

/** What a protocol can do for rules. */
export interface ProtocolCapability {
  readonly assurance: Assurance;
  /** Languages in which its commands have a meaning. */
  readonly languages: readonly Meaning['language'][];
  /** Every verb that its commands have. */
  readonly verbs: readonly string[];
  /** Something is known of how many rows a command would touch: by statistics, or by asking the target's planner. */
  readonly rowEstimates: boolean;
  /** A command can wait for a human. */
  readonly holds: boolean;
  /** Values in results can be masked. */
  readonly masks: boolean;
  /** Rows and bytes of results are counted, and a command can be stopped. */
  readonly limits: boolean;
}

export type ProtocolCapabilities = Readonly<Record<string, ProtocolCapability>>;

/** Why the rule may not be saved, for people; empty where it may. */
export function checkGuardrail(
  object: RuleObject<GuardrailSpec>,
  resources: readonly Resource[],
  capabilities: ProtocolCapabilities,
  /** How strongly rules in a language hold on a resource; the protocol's where absent. */
  assuranceOf?: (resource: Resource, language: Meaning['language']) => Assurance | null,
): string[] {
  let rule: Rule;
  try {
    rule = compileRule(object);
  } catch (error) {
    if (isGatewayError(error)) return [error.publicMessage];
    throw error;
  }
  const selector = rule.spec.match.resources;
  const named = selector?.protocols ?? [];
  const reasons = named.flatMap((protocol) => problemsOf(rule, protocol, capabilities));
  if (selector?.names?.includes('*') === false || selector?.labels !== undefined || named.length > 0) {
    for (const resource of resources.filter(rule.selects)) {
      const { commands } = rule.spec.match;
      const own = commands?.shell === undefined ? null : (assuranceOf?.(resource, 'shell') ?? null);
      for (const problem of problemsOf(rule, resource.protocol, capabilities, own)) {
        reasons.push(
          `${problem} It selects the resource ${quote(resource.name)}; narrow match.resources, for example by protocols.`,
        );
      }
    }
  } else {
    const all = Object.keys(capabilities).map((protocol) => problemsOf(rule, protocol, capabilities));
    if (all.length > 0 && all.every((problems) => problems.length > 0)) reasons.push(...all.flat());
  }
  return [...new Set(reasons)];
}

function problemsOf(
  rule: Rule,
  protocol: string,
  capabilities: ProtocolCapabilities,
  own: Assurance | null = null,
): string[] {
  const can = Object.hasOwn(capabilities, protocol) ? capabilities[protocol] : undefined;
  if (can === undefined) return [`There is no protocol ${quote(protocol)}.`];
  const { verdict } = rule;
  const problems: string[] = [];
  const { commands } = rule.spec.match;
  if (rule.needsStructure && !can.languages.includes('sql')) {
    problems.push(`The protocol ${protocol} speaks no SQL, so the rule would match nothing on it.`);
  }
  if (commands?.shell !== undefined && !can.languages.includes('shell')) {
    problems.push(`The protocol ${protocol} runs no shell texts, so the rule would match nothing on it.`);
  }
  if (commands?.files !== undefined && !can.languages.includes('file')) {
    problems.push(`The protocol ${protocol} transfers no files, so the rule would match nothing on it.`);
  }
  if (commands?.connections !== undefined && !can.languages.includes('connection')) {
    problems.push(`The protocol ${protocol} carries no connections, so the rule would match nothing on it.`);
  }
  if (rule.needsHttp && !can.languages.includes('http')) {
    problems.push(`The protocol ${protocol} speaks no HTTP, so the rule would match nothing on it.`);
  }
  if (rule.needsKubernetes && !can.languages.includes('kubernetes')) {
    problems.push(`The protocol ${protocol} speaks to no Kubernetes, so the rule would match nothing on it.`);
  }
  if (commands?.sql?.rowsMin !== undefined && !can.rowEstimates) {
    problems.push(
      `The protocol ${protocol} has no row estimates, so rowsMin would count as reached by every statement.`,
    );
  }
  for (const verb of commands?.verbs ?? []) {
    if (can.verbs.includes(verb)) continue;
    problems.push(`The protocol ${protocol} has no verb ${quote(verb)}; it has ${can.verbs.join(', ')}.`);
  }
  const stops = rule.limits === null && (verdict === 'hold' || verdict === 'block' || verdict === 'mask');
  if (stops && (own ?? can.assurance) === 'observed') {
    problems.push(
      own === null
        ? `Commands of the protocol ${protocol} are seen only as they run: ${verdict} would come too late. Use alert or terminate.`
        : `What is typed at a terminal there is only observed: ${verdict} would come too late. Use alert or terminate, or a stronger level.`,
    );
  }
  if (verdict === 'hold' && !can.holds) problems.push(`Commands of the protocol ${protocol} cannot wait for a review.`);
  if (verdict === 'mask' && !can.masks) problems.push(`Results of the protocol ${protocol} cannot be masked.`);
  if (rule.limits !== null && !can.limits)
    problems.push(`Output of the protocol ${protocol} is not counted, so limits cannot fall.`);
  return problems;
}
