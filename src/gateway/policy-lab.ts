/**
 * Rules tried out: before they are saved, against examples, against one command, against what was recorded.
 *
 * Invariants: nothing runs on a resource, nothing is counted and nobody is asked. What is tried is judged by the very code
 * that judges live sessions (`Rules`).
 *
 * Honest limits: names mean what the catalogs that are known now say, and nothing where no session has opened the resource
 * since the gateway started. What a replay cannot know stands in policy-replay.ts.
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
import { type CommandDraft, draftToTry, httpOf, type Meaning, sqlOf } from '../core/command.ts';
import type { Event } from '../core/event.ts';
import type { JudgeRequest, SessionFacts } from '../core/judgement.ts';
import type { Authorisation } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Resource } from '../core/resource.ts';
import type { GuardrailSpec, MaskSpec, RuleObject } from '../core/rules.ts';
import type { Analysis } from '../core/sql.ts';
import { unknownReasons } from '../core/sql-effects.ts';
import { checkGuardrail, compileGuardrails, type ExampleTrial, runExamples } from '../policy/index.ts';
import { askedStepUp } from './api-ports.ts';
import { explainedMeaning } from './explained-meaning.ts';
import { replayCommands } from './policy-replay.ts';
import type { ResponsesInForce } from './responses-in-force.ts';
import { type RuleObjects, Rules } from './rules.ts';
import type { Snapshot } from './snapshot.ts';

export interface PolicyLabParts {
  readonly clock: Clock;
  readonly protocols: readonly Protocol[];
  readonly snapshot: Snapshot;
  /** What lets a session open: standing Access, or a grant. The same that the doors ask. */
  readonly authorisation: Authorisation;
  readonly hashKey: Buffer;
  /** What detections do now; a session's own responses are not seen here. */
  readonly inForce?: ResponsesInForce;
  /** Sequence of the last event of the journal. */
  readonly lastSequence: () => number;
  /** Durable events of the journal from a sequence on. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
}

/** Everything that tries rules out. */
export function createPolicyLab(parts: PolicyLabParts): RuleChecks & Explainer & PolicyLab {
  return new Laboratory(parts);
}

class Laboratory implements RuleChecks, Explainer, PolicyLab {
  readonly #parts: PolicyLabParts;

  constructor(parts: PolicyLabParts) {
    this.#parts = parts;
  }

  async check(objects: readonly Manifest[]): Promise<readonly RuleProblem[]> {
    const problems: RuleProblem[] = [];
    const { guardrails, masks } = rulesAmong(objects);
    const resources = await this.#resources(objects);
    const capabilities = Object.fromEntries(
      this.#parts.protocols.map((protocol) => [protocol.name, protocol.capabilities]),
    );
    const assuranceOf = (resource: Resource, language: Meaning['language']) =>
      this.#protocol(resource)?.assuranceOf?.(resource, language) ?? null;
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
      const reasons = checkGuardrail(guardrail, resources, capabilities, assuranceOf);
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
    for (const { rule, index, reason, passed } of this.#trials({ guardrails: usable, masks }, resources)) {
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
    const { guardrails, masks } = rulesAmong(objects);
    const usable = { guardrails: guardrails.filter(isUsable), masks };
    return this.#trials(usable, await this.#resources(objects)).map(
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

  /** A-POL-02: masks count as they do in a session, where the catalog is known; without one they would take everything. */
  #trials({ guardrails, masks }: RuleObjects, resources: readonly Resource[]): readonly ExampleTrial[] {
    const makings = { hashKey: this.#parts.hashKey, ledger: null };
    const compiled = compileGuardrails(guardrails, makings);
    const usable = masks.filter((mask) => isCompiling(() => new Rules({ guardrails: [], masks: [mask] }, makings)));
    const isWhole = isCompiling(() => new Rules({ guardrails, masks: usable }, makings));
    const joined = isWhole ? new Rules({ guardrails, masks: usable }, makings) : compiled;
    const ordinary = new WeakSet<Analysis>();
    return runExamples(compiled, {
      analyse: (text, resource) => {
        const meaning = this.#protocol(resource)?.analyse?.(text, resource) ?? null;
        if (meaning?.language !== 'sql') return meaning;
        const known = withOrdinaryCatalog(meaning.sql);
        if (known !== meaning.sql) ordinary.add(known);
        return { language: 'sql', sql: known };
      },
      judge: {
        judge: (request) => {
          const sql = sqlOf(request.command.meaning);
          return (sql !== null && ordinary.has(sql) ? compiled : joined).judge(request);
        },
      },
      resources,
      protocol: (language) =>
        this.#parts.protocols.find(({ capabilities }) => capabilities.languages.includes(language))?.name ?? '',
      verb: (resource) => this.#firstVerb(resource),
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
    const decision = this.#parts.authorisation.decide(principal, resource);
    const base = {
      ...nothing,
      granted: decision.granted,
      stepUp: decision.stepUp === true,
      rule: decision.rule,
      access: snapshot.explain(principal, resource).rules.map(({ name, matches, conditions, stepUp }) => ({
        access: name,
        matched: matches,
        why: [...conditions.map(({ because }) => because), ...(stepUp ? [askedStepUp] : [])].join('; '),
      })),
    };
    const { rules } = snapshot;
    if (!decision.granted) return base;
    const draft = this.#draft(request.command, resource, this.#firstVerb(resource));
    const session = factsOf(decision.rule, this.#parts.clock.now());
    const { inForce } = this.#parts;
    const risk = inForce?.riskOf(principal.id, null) ?? { session: 0, principal: 0 };
    const asked: JudgeRequest = { command: draft, principal, resource, session, nowMs: this.#parts.clock.now(), risk };
    const judgement = inForce?.join(rules, asked) ?? rules.judge(asked);
    if (!(rules instanceof Rules)) return { ...base, verdict: judgement.verdict };
    const outcome = rules.plan(asked);
    const sql = sqlOf(draft.meaning);
    return {
      ...base,
      verdict: judgement.verdict,
      meaning: explainedMeaning(draft.meaning),
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
              stepUp: judgement.hold.stepUp === true,
              approvals: judgement.hold.approvals,
              withinSeconds: judgement.hold.withinMs / 1000,
            },
      limits: judgement.limits.map(({ rule, verdict, reason }) => ({ rule, verdict, reason })),
      alerts: judgement.alerts.map(({ rule, reason }) => ({ rule, reason })),
      risk: risk.principal,
      detections: (inForce?.of(principal.id, null) ?? []).map((response) => ({
        response: response.id,
        kind: response.kind,
        detection: response.detection,
        alert: response.alert,
        until: response.untilMs === null ? null : new Date(response.untilMs).toISOString(),
        message: response.message,
      })),
    };
  }

  async *replay(order: ReplayOrder): AsyncGenerator<ReplayEntry, void, undefined> {
    const { hashKey, lastSequence, readEvents } = this.#parts;
    yield* replayCommands(order, {
      rules: new Rules(rulesAmong(order.objects), { hashKey, ledger: null }),
      resources: await this.#resources(order.objects),
      lastSequence,
      readEvents,
      draft: (text, resource, verb) => this.#draft(text, resource, verb),
    });
  }

  /** With the authority that the live resource has: what is known of a database is known under all of its address. */
  async #resources(objects: readonly Manifest[]): Promise<Resource[]> {
    const found: Resource[] = [];
    for (const manifest of objects) {
      const protocol = this.#parts.protocols.find(
        ({ name }) => manifest.kind === 'Resource' && name === manifest.spec.protocol,
      );
      if (protocol === undefined) continue;
      const { name } = manifest.metadata;
      const live = await this.#parts.snapshot.resource(name).catch((error: unknown) => {
        // Its authority cannot be read, so nobody could open it and nothing is known of it.
        if (isGatewayError(error)) return null;
        throw error;
      });
      found.push(resourceOf(name, manifest as ResourceManifest, protocol, live?.tls.ca ?? null));
    }
    return found;
  }

  #protocol(resource: Resource): Protocol | null {
    return this.#parts.protocols.find(({ name }) => name === resource.protocol) ?? null;
  }

  /** What a text is done by where nobody says. */
  #firstVerb(resource: Resource): string {
    return this.#protocol(resource)?.capabilities.verbs[0] ?? 'query';
  }

  #draft(text: string, resource: Resource, verb: string): CommandDraft {
    const meaning = this.#protocol(resource)?.analyse?.(text, resource, verb) ?? null;
    // A request says itself what it is done by.
    return draftToTry(text, httpOf(meaning)?.method.toLowerCase() ?? verb, meaning);
  }
}

/** It compiles by itself; what is wrong with one that does not is `check`'s to say. */
function isUsable(guardrail: RuleObject<GuardrailSpec>): boolean {
  return isCompiling(() => compileGuardrails([guardrail], { ledger: null }));
}

function isCompiling(compile: () => unknown): boolean {
  try {
    compile();
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
