/**
 * Rules tried out: before they are saved, against examples, against one command, against what was recorded.
 *
 * Invariants: nothing runs on a resource, nothing is counted and nobody is asked. What is tried is judged by the very code
 * that judges live sessions (`Rules`).
 *
 * Honest limits: names mean what the catalogs that are known now say, and nothing where no session has opened the resource
 * since the gateway started; recorded texts have no passwords in them; limits on output are not replayed.
 */
import type {
  CommandExplanation,
  ExampleResult,
  Manifest,
  ReplayEntry,
  ResourceManifest,
} from '../api/contract/index.ts';
import type { Explainer, PolicyLab, ReplayOrder, RuleChecks, RuleProblem } from '../api/index.ts';
import { notGranted, resourceOf } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import type { CommandDraft } from '../core/command.ts';
import type { Actor, Event } from '../core/event.ts';
import type { JudgeRequest, SessionFacts } from '../core/judgement.ts';
import type { Principal } from '../core/principal.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Resource } from '../core/resource.ts';
import type { GuardrailSpec, MaskSpec, RuleObject } from '../core/rules.ts';
import type { Analysis } from '../core/sql.ts';
import { unknownReasons } from '../core/sql-effects.ts';
import type { Verdict } from '../core/verdict.ts';
import { checkGuardrail, compileGuardrails, type ExampleTrial, runExamples } from '../policy/index.ts';
import * as limits from './limits.ts';
import { Rules } from './rules.ts';
import type { Snapshot } from './snapshot.ts';

export interface PolicyLabParts {
  readonly clock: Clock;
  readonly protocols: readonly Protocol[];
  readonly snapshot: Snapshot;
  readonly hashKey: Buffer;
  /** Durable events of the journal from a sequence on. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
}

/** Everything that tries rules out. */
export function createPolicyLab(parts: PolicyLabParts): RuleChecks & Explainer & PolicyLab {
  return new Laboratory(parts);
}

interface World {
  readonly rules: Rules;
  readonly resources: readonly Resource[];
}

class Laboratory implements RuleChecks, Explainer, PolicyLab {
  readonly #parts: PolicyLabParts;

  constructor(parts: PolicyLabParts) {
    this.#parts = parts;
  }

  async check(objects: readonly Manifest[]): Promise<readonly RuleProblem[]> {
    const problems: RuleProblem[] = [];
    const { guardrails, masks } = rulesAmong(objects);
    const resources = this.#resources(objects);
    const capabilities = Object.fromEntries(
      this.#parts.protocols.map((protocol) => [protocol.name, protocol.capabilities]),
    );
    const attempt = (kind: 'Guardrail' | 'Mask', name: string, compile: () => unknown): void => {
      try {
        compile();
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        problems.push({ kind, name, field: 'spec', reason: error.publicMessage });
      }
    };
    const { hashKey } = this.#parts;
    const makings = { hashKey, ledger: null };
    const usable: typeof guardrails = [];
    for (const guardrail of guardrails) {
      const reasons = checkGuardrail(guardrail, resources, capabilities);
      for (const reason of reasons) problems.push({ kind: 'Guardrail', name: guardrail.name, field: 'spec', reason });
      if (reasons.length === 0) usable.push(guardrail);
    }
    for (const mask of masks) {
      attempt('Mask', mask.name, () => new Rules({ guardrails: [], masks: [mask] }, makings));
      problems.push(...this.#unmaskable(mask, resources));
    }
    // Together: two of a name, too many. Named after the last, since it is one too many.
    if (problems.length === 0) {
      attempt('Guardrail', guardrails.at(-1)?.name ?? '', () => new Rules({ guardrails, masks: [] }, makings));
      attempt('Mask', masks.at(-1)?.name ?? '', () => new Rules({ guardrails: [], masks }, makings));
    }
    // A rule that is broken must not keep the examples of the others from being run.
    for (const { rule, index, reason, passed } of this.#trials(usable, resources)) {
      if (!passed) problems.push({ kind: 'Guardrail', name: rule, field: `spec.examples[${index}]`, reason });
    }
    return problems;
  }

  /** Resources that a Mask selects by name or label and that cannot be masked. */
  #unmaskable({ name, spec }: RuleObject<MaskSpec>, resources: readonly Resource[]): RuleProblem[] {
    const { names, labels } = spec.match.resources ?? {};
    return resources.flatMap((resource) => {
      const named = names?.includes(resource.name) === true;
      const labelled =
        labels !== undefined && Object.entries(labels).every(([key, value]) => resource.labels[key] === value);
      const protocol = this.#protocol(resource);
      if ((!named && !labelled) || protocol === null || protocol.capabilities.masks) return [];
      const reason = `cannot be enforced on ${resource.name}: results of the protocol ${resource.protocol} cannot be masked`;
      return [{ kind: 'Mask' as const, name, field: 'spec.match.resources', reason }];
    });
  }

  async test(objects: readonly Manifest[]): Promise<readonly ExampleResult[]> {
    const guardrails = rulesAmong(objects).guardrails.filter(isUsable);
    return this.#trials(guardrails, this.#resources(objects)).map(
      ({ rule, index, command, expect, verdict, reason, passed, groups, resource }) => ({
        kind: 'Guardrail' as const,
        name: rule,
        example: index,
        command,
        expected: expect,
        got: verdict ?? { name: 'block', rule: 'gateway:lab', reason },
        passed,
        groups: [...groups],
        resource,
      }),
    );
  }

  #trials(guardrails: readonly RuleObject<GuardrailSpec>[], resources: readonly Resource[]): readonly ExampleTrial[] {
    return runExamples(compileGuardrails(guardrails, { ledger: null }), {
      analyse: (text, resource) => {
        const sql = this.#analyse(text, resource);
        return sql === null ? null : withOrdinaryCatalog(sql);
      },
      resources,
      protocol: this.#parts.protocols[0]?.name ?? '',
      nowMs: this.#parts.clock.now(),
    });
  }

  async explain(request: { principal: string; resource: string; command: string }): Promise<CommandExplanation> {
    const { snapshot } = this.#parts;
    const entry = snapshot.principal(request.principal);
    const resource = await snapshot.resource(request.resource);
    const nothing = notGranted(request.principal, request.resource);
    if (entry === null || entry.disabled || resource === null) return nothing;
    const principal: Principal = {
      ...entry,
      authentication: { method: 'system', credentialId: null, atMs: this.#parts.clock.now() },
    };
    const access = snapshot.explain(principal, resource);
    const base = {
      ...nothing,
      granted: access.decision.granted,
      rule: access.decision.rule,
      access: access.rules.map(({ name, matches, conditions }) => ({
        access: name,
        matched: matches,
        why: conditions.map(({ because }) => because).join('; '),
      })),
    };
    const { rules } = snapshot;
    if (!access.decision.granted) return base;
    const draft = this.#draft(request.command, resource, 'query');
    const session = factsOf(access.decision.rule, this.#parts.clock.now());
    const asked: JudgeRequest = { command: draft, principal, resource, session, nowMs: this.#parts.clock.now() };
    const judgement = rules.judge(asked);
    if (!(rules instanceof Rules)) return { ...base, verdict: judgement.verdict };
    const outcome = rules.plan(asked);
    const { sql } = draft.meaning ?? { sql: null };
    return {
      ...base,
      verdict: judgement.verdict,
      meaning: sql === null ? null : meaningOf(sql),
      guardrails: rules.guardrails.explain(asked).rules.map(({ name, finding, verdict, conditions }) => ({
        name,
        matched: finding !== 'no',
        verdict,
        conditions: conditions.map(({ condition, holds, because }) => ({ condition, holds, because })),
      })),
      masks: rules.masks.explain(principal, resource).map(({ name, inForce, conditions }) => ({
        name,
        applies: inForce,
        conditions: [
          ...conditions.map(({ condition, holds, because }) => ({ condition, holds, because })),
          ...(outcome?.trace ?? [])
            .filter(({ rule }) => rule === name)
            .map(({ what, because }) => ({ condition: what, holds: true, because })),
        ],
      })),
      columns: sql === null ? [] : columnsOf(sql, judgement.output),
      hold:
        judgement.hold === null
          ? null
          : {
              reviewers: {
                names: [...judgement.hold.reviewers.names],
                groups: [...judgement.hold.reviewers.groups],
              },
              approvals: judgement.hold.approvals,
              withinSeconds: judgement.hold.withinMs / 1000,
            },
      limits: judgement.limits.map(({ rule, verdict, reason }) => ({ rule, verdict, reason })),
      alerts: judgement.alerts.map(({ rule, reason }) => ({ rule, reason })),
    };
  }

  async *replay(order: ReplayOrder): AsyncGenerator<ReplayEntry, void, undefined> {
    const { rules, resources } = this.#world(order.objects);
    const known = new Map(resources.map((resource) => [resource.name, resource]));
    const inRange = ({ at }: Event): boolean => at >= order.sinceMs && at <= order.untilMs;
    let intents = 0;
    for await (const event of this.#parts.readEvents(1)) {
      if (order.signal.aborted) return;
      if (event.type === 'command.intent' && inRange(event)) intents++;
    }
    let ahead = Math.max(0, intents - order.limit);
    const truncated = ahead > 0;
    const sessions = new Map<string, Opened>();
    const open = new Map<string, Recorded>();
    const skipped: Record<string, number> = {};
    let commands = 0;
    let different = 0;
    const settle = (recorded: Recorded): ReplayEntry | null => {
      const { intent, before } = recorded;
      const opened = sessions.get(intent.session);
      const resource = opened === undefined ? undefined : known.get(opened.resource);
      const obstacle =
        opened === undefined
          ? 'its session’s opening is not in the journal'
          : resource === undefined
            ? 'its resource is gone'
            : intent.textDigest !== undefined
              ? 'its text was cut'
              : null;
      if (obstacle !== null || opened === undefined || resource === undefined) {
        skipped[obstacle ?? ''] = (skipped[obstacle ?? ''] ?? 0) + 1;
        return null;
      }
      commands++;
      const after = rules.judge({
        command: { ...this.#draft(intent.text, resource, intent.verb), parameters: intent.parameters },
        principal: opened.principal,
        resource,
        session: opened.facts,
        nowMs: intent.at,
      }).verdict;
      if (after.name === before.name && (after.name === 'allow' || after.rule === before.rule)) return null;
      different++;
      return {
        type: 'difference',
        at: new Date(intent.at).toISOString(),
        session: intent.session,
        command: intent.command,
        principal: opened.principal.name,
        resource: resource.name,
        text: intent.text.slice(0, limits.replayTextCharactersMax),
        before: { name: before.name, rule: before.rule },
        after,
      };
    };
    for await (const event of this.#parts.readEvents(1)) {
      if (order.signal.aborted) return;
      if (event.type === 'session.opened') sessions.set(event.session, openedOf(event));
      else if (event.type === 'session.ended') sessions.delete(event.session);
      else if (event.type === 'command.intent' && inRange(event)) {
        if (ahead > 0) ahead--;
        else open.set(`${event.session} ${event.command}`, { intent: event, before: allowedBefore });
      } else if (event.type === 'command.verdict') {
        const recorded = open.get(`${event.session} ${event.command}`);
        // The first verdict is the rules'; what a review said follows it.
        if (recorded?.before === allowedBefore) recorded.before = event.verdict;
      } else if (event.type === 'command.ended') {
        const key = `${event.session} ${event.command}`;
        const recorded = open.get(key);
        open.delete(key);
        if (commands % limits.replayBatch === 0) await new Promise((resolve) => setImmediate(resolve));
        const entry = recorded === undefined ? null : settle(recorded);
        if (entry !== null) yield entry;
      }
    }
    for (const recorded of open.values()) {
      const entry = settle(recorded);
      if (entry !== null) yield entry;
    }
    yield {
      type: 'summary',
      since: new Date(order.sinceMs).toISOString(),
      until: new Date(order.untilMs).toISOString(),
      commands,
      different,
      skipped,
      truncated,
    };
  }

  #world(objects: readonly Manifest[]): World {
    const rules = new Rules(rulesAmong(objects), { hashKey: this.#parts.hashKey, ledger: null });
    return { rules, resources: this.#resources(objects) };
  }

  #resources(objects: readonly Manifest[]): Resource[] {
    return objects.flatMap((manifest) => {
      if (manifest.kind !== 'Resource') return [];
      const protocol = this.#parts.protocols.find(({ name }) => name === manifest.spec.protocol);
      const { name } = manifest.metadata;
      return protocol === undefined ? [] : [resourceOf(name, manifest as ResourceManifest, protocol, null)];
    });
  }

  #protocol(resource: Resource): Protocol | null {
    return this.#parts.protocols.find(({ name }) => name === resource.protocol) ?? null;
  }

  #analyse(text: string, resource: Resource): Analysis | null {
    return this.#protocol(resource)?.analyse?.(text, resource)?.sql ?? null;
  }

  #draft(text: string, resource: Resource, verb: string): CommandDraft {
    const sql = this.#analyse(text, resource);
    return {
      kind: 'sql',
      verb,
      text,
      recordedText: text,
      parameters: null,
      effect: 'unknown',
      meaning: sql === null ? null : { language: 'sql', sql },
      context: {},
      of: null,
    };
  }
}

interface Opened {
  readonly principal: Principal;
  readonly resource: string;
  readonly facts: SessionFacts;
}

interface Recorded {
  readonly intent: Extract<Event, { type: 'command.intent' }>;
  before: Verdict;
}

const allowedBefore: Verdict = { name: 'allow', rule: 'access', reason: '' };

function openedOf(event: Extract<Event, { type: 'session.opened' }>): Opened {
  return {
    principal: principalOf(event.principal),
    resource: event.resource,
    facts: {
      id: event.session,
      source: event.source,
      client: event.client,
      startedAtMs: event.at,
      commands: 0,
      access: event.access,
    },
  };
}

/** As it was when it was recorded; roles are not recorded. */
function principalOf(actor: Actor): Principal {
  const { id, issuer, name, kind, groups, credentialId } = actor;
  return {
    id,
    issuer,
    subject: name,
    name,
    kind,
    groups,
    roles: [],
    authentication: { method: 'system', credentialId, atMs: 0 },
  };
}

/** It compiles by itself; what is wrong with one that does not is `check`'s to say. */
function isUsable(guardrail: RuleObject<GuardrailSpec>): boolean {
  try {
    compileGuardrails([guardrail], { ledger: null });
    return true;
  } catch (error) {
    if (isGatewayError(error)) return false;
    throw error;
  }
}

/**
 * An example says what a rule makes of a text. Where no session has opened a resource yet, its catalog is not known, and
 * what might stand behind a name (a trigger, say) would count as matching; for an example it is taken that nothing does.
 */
function withOrdinaryCatalog(sql: Analysis): Analysis {
  if (!sql.reasons.some(({ code }) => code === 'no-catalog')) return sql;
  const ordinary = <T extends Pick<Analysis, 'reasons' | 'effects' | 'complete'>>(known: T): T => {
    const reasons = known.reasons.filter(({ code }) => unknownReasons[code].about === 'text');
    const opaque = reasons.some(({ code }) => unknownReasons[code].opaque);
    const effects = known.effects.filter((effect) => effect !== 'unknown' || opaque);
    return { ...known, reasons, effects, complete: reasons.length === 0 };
  };
  return { ...ordinary(sql), statements: sql.statements.map(ordinary) };
}

function factsOf(access: string, nowMs: number): SessionFacts {
  return { id: 'explain', source: '', client: {}, startedAtMs: nowMs, commands: 1, access };
}

function rulesAmong(objects: readonly Manifest[]): {
  guardrails: RuleObject<GuardrailSpec>[];
  masks: RuleObject<MaskSpec>[];
} {
  const of = <Spec>(kind: Manifest['kind']): RuleObject<Spec>[] =>
    objects
      .filter((manifest) => manifest.kind === kind)
      .map(({ metadata, spec }) => ({ name: metadata.name, spec: spec as unknown as Spec }));
  return { guardrails: of('Guardrail'), masks: of('Mask') };
}

function meaningOf(sql: Analysis): CommandExplanation['meaning'] {
  return {
    statements: sql.statements.map(({ kind, effects, relations, functions }) => ({
      kind,
      effects: [...effects],
      relations: relations.map(({ name, schema, access, candidates }) => ({
        name:
          candidates[0] === undefined
            ? schema === null
              ? name
              : `${schema}.${name}`
            : `${candidates[0].schema}.${candidates[0].name}`,
        access,
      })),
      functions: functions.map(({ name, schema }) => (schema === null ? name : `${schema}.${name}`)),
    })),
    complete: sql.complete,
    unknown: sql.reasons.map(({ code, about }) => (about === '' ? code : `${code}: ${about}`)),
    catalog: !sql.reasons.some(({ code }) => code === 'no-catalog'),
  };
}

function columnsOf(sql: Analysis, output: ReturnType<Rules['judge']>['output']): CommandExplanation['columns'] {
  return sql.statements.flatMap(({ lineage }, index) =>
    (lineage.columns ?? []).map((column, at) => {
      const masks = output?.results[index] ?? null;
      const mask = output === null ? null : masks === null ? output.otherwise : (masks.columns[at] ?? null);
      return {
        statement: index + 1,
        name: column.name,
        origins: column.origins.map(({ schema, relation, column: name }) => `${schema}.${relation}.${name}`),
        unresolved: column.unresolved ?? lineage.unresolved,
        mask: mask?.rule ?? null,
        how: mask?.how ?? null,
      };
    }),
  );
}
