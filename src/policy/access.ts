/**
 * Access: who may open a session on what. Compiled once per change of configuration, then evaluated per session.
 *
 * Invariants:
 * - No Access that matches means no (R2: the absence of policy is a denial).
 * - All conditions that an Access gives must hold. One that names no principal or no resource matches nothing; `except`
 *   alone names nobody.
 * - What is not understood is refused when compiled, never ignored: a mistyped `except` must not widen anything.
 * - Of several that match, the first by name in byte order is the one that is told; those that ask for no step-up come
 *   before those that do. Access only ever adds: one that asks for a step-up takes nothing from another.
 * - One with windows or an end (schedule.ts) counts only at its times; asked without a time, it does not count.
 * - `explain` runs the very tests that `decide` runs.
 *
 * Deliberately absent: requests for access and reviewers (they come with reviews); deny rules; locks (locks.ts); a cache
 * of decisions. One is taken per session, costs microseconds through the index by name and group, and a cache would have
 * to be kept true when labels change.
 */
import { escapeLine } from '../base/escape.ts';
import { spellMoment } from '../base/time-zone.ts';
import type { AccessDecision } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import { policyErrors } from './errors.ts';
import * as limits from './limits.ts';
import { type AccessWindow, compileSchedule, type Schedule } from './schedule.ts';

export interface AccessMatch {
  readonly principals: {
    /** The principal's name is one of these, byte by byte. */
    readonly names?: readonly string[];
    /** The principal is in at least one of these. */
    readonly groups?: readonly string[];
    /** Whoever is named here, or is in one of the groups, is left out. */
    readonly except?: { readonly names?: readonly string[]; readonly groups?: readonly string[] };
  };
  readonly resources: {
    /** The resource's name is one of these, or `*` stands among them. */
    readonly names?: readonly string[];
    /** The resource has all of these labels, with these values. */
    readonly labels?: Readonly<Record<string, string>>;
  };
}

export interface AccessObject {
  readonly name: string;
  readonly match: AccessMatch;
  /** Opening a session by it takes a confirmation by the person (core's step-up.ts). */
  readonly stepUp?: boolean;
  /** It counts in these times only. */
  readonly windows?: readonly AccessWindow[];
  /** It counts no more from this moment on (ISO 8601). */
  readonly until?: string;
}

/** One condition of an Access, put to a principal and a resource. */
export interface ConditionTrace {
  /** As the manifest names it: `principals.groups`. */
  readonly condition: string;
  readonly holds: boolean;
  /** For people: what was compared with what. */
  readonly because: string;
}

export interface AccessTrace {
  readonly name: string;
  readonly matches: boolean;
  /** It matches, but for its times. */
  readonly selects: boolean;
  /** It asks for a step-up. */
  readonly stepUp: boolean;
  readonly schedule: Schedule | null;
  readonly conditions: readonly ConditionTrace[];
}

export interface AccessExplanation {
  readonly decision: AccessDecision;
  /** Every Access, by name. */
  readonly rules: readonly AccessTrace[];
}

/** An Access that would match at another time. */
export interface ClosedAccess {
  readonly name: string;
  readonly opensAtMs: number;
  readonly timeZone: string;
}

export interface CompiledAccess {
  /** `atMs` is the wall clock's time; without it, what has a schedule does not count. */
  decide(principal: Principal, resource: Resource, atMs?: number): AccessDecision;
  /** The decision, and how each Access contributed to it: for `sallyport explain`. */
  explain(principal: Principal, resource: Resource, atMs?: number): AccessExplanation;
  /** Of those that select both and do not count now, the one that opens first; null where none ever does. */
  closed(principal: Principal, resource: Resource, atMs: number): ClosedAccess | null;
  /** Names of those that select both, whatever the time, in order of decision. */
  selecting(principal: Principal, resource: Resource): readonly string[];
  /** When any of them may begin or cease to count after this time; null where that is never. */
  changesAt(atMs: number): number | null;
  scheduleOf(name: string): Schedule | null;
}

interface Condition {
  readonly name: string;
  readonly holds: (principal: Principal, resource: Resource) => boolean;
  readonly because: (principal: Principal, resource: Resource) => string;
}

interface Rule {
  readonly name: string;
  /** As decisions prefer it. */
  readonly order: number;
  readonly names: ReadonlySet<string> | null;
  readonly groups: ReadonlySet<string> | null;
  readonly conditions: readonly Condition[];
  readonly schedule: Schedule | null;
  readonly granted: AccessDecision;
}

const noRule: AccessDecision = Object.freeze({ granted: false, rule: 'none' });

function malformed(name: string, reason: string): Error {
  return policyErrors('policy.malformed-access', { values: { name: escapeLine(name), reason } });
}

/** The own fields of a manifest's object; an unknown one is an error. */
function fieldsOf(rule: string, path: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(rule, `${path} is not an object`);
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw malformed(rule, `${path} has an unknown field ${JSON.stringify(key)}`);
  }
  return value as Record<string, unknown>;
}

function listOf(rule: string, path: string, value: unknown): ReadonlySet<string> | null {
  if (value === undefined) return null;
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string')) {
    throw malformed(rule, `${path} is not a list of names`);
  }
  if (value.length > limits.accessListEntriesMax) {
    throw malformed(rule, `${path} has more than ${limits.accessListEntriesMax} entries`);
  }
  return new Set<string>(value);
}

function labelsOf(rule: string, path: string, value: unknown): readonly (readonly [string, string])[] | null {
  if (value === undefined) return null;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed(rule, `${path} is not an object`);
  const labels = Object.entries(value);
  if (!labels.every(([, text]) => typeof text === 'string'))
    throw malformed(rule, `${path} has a value that is not text`);
  if (labels.length > limits.accessListEntriesMax) {
    throw malformed(rule, `${path} has more than ${limits.accessListEntriesMax} entries`);
  }
  return labels as [string, string][];
}

/** Spells a list for people, cut where it gets long. */
function spell(entries: Iterable<string>): string {
  const all = [...entries];
  if (all.length === 0) return '(nothing)';
  const shown = all.slice(0, limits.explainedEntriesMax).map((entry) => JSON.stringify(entry));
  const rest = all.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}

const groupsOf = (principal: Principal): string => `the groups of ${principal.name} are ${spell(principal.groups)}`;

function principalConditions(names: ReadonlySet<string> | null, groups: ReadonlySet<string> | null): Condition[] {
  const conditions: Condition[] = [];
  if (names !== null) {
    conditions.push({
      name: 'principals.names',
      holds: (principal) => names.has(principal.name),
      because: (principal) => `the principal is ${JSON.stringify(principal.name)}; it lists ${spell(names)}`,
    });
  }
  if (groups !== null) {
    conditions.push({
      name: 'principals.groups',
      holds: (principal) => principal.groups.some((group) => groups.has(group)),
      because: (principal) => `${groupsOf(principal)}; it lists ${spell(groups)}`,
    });
  }
  if (names === null && groups === null) {
    conditions.push({
      name: 'principals',
      holds: () => false,
      because: () => 'it names no principal and no group, which means nobody',
    });
  }
  return conditions;
}

function exceptConditions(names: ReadonlySet<string> | null, groups: ReadonlySet<string> | null): Condition[] {
  const conditions: Condition[] = [];
  if (names !== null) {
    conditions.push({
      name: 'principals.except.names',
      holds: (principal) => !names.has(principal.name),
      because: (principal) => `the principal is ${JSON.stringify(principal.name)}; left out are ${spell(names)}`,
    });
  }
  if (groups !== null) {
    conditions.push({
      name: 'principals.except.groups',
      holds: (principal) => !principal.groups.some((group) => groups.has(group)),
      because: (principal) => `${groupsOf(principal)}; left out are ${spell(groups)}`,
    });
  }
  return conditions;
}

function resourceConditions(
  names: ReadonlySet<string> | null,
  labels: readonly (readonly [string, string])[] | null,
): Condition[] {
  const conditions: Condition[] = [];
  if (names !== null) {
    conditions.push({
      name: 'resources.names',
      holds: (_principal, resource) => names.has('*') || names.has(resource.name),
      because: (_principal, resource) => `the resource is ${JSON.stringify(resource.name)}; it lists ${spell(names)}`,
    });
  }
  if (labels !== null && labels.length > 0) {
    const pairs = (entries: readonly (readonly [string, string])[]): string =>
      spell(entries.map(([k, v]) => `${k}=${v}`));
    conditions.push({
      name: 'resources.labels',
      holds: (_principal, resource) => labels.every(([key, text]) => resource.labels[key] === text),
      because: (_principal, resource) =>
        `the labels of ${resource.name} are ${pairs(Object.entries(resource.labels))}; it asks for ${pairs(labels)}`,
    });
  }
  if (conditions.length === 0) {
    conditions.push({
      name: 'resources',
      holds: () => false,
      because: () => 'it names no resource and no label, which means nothing',
    });
  }
  return conditions;
}

/** Rules by the name or group that a principal must have for them to match at all. */
class RuleIndex {
  readonly #byName = new Map<string, Rule[]>();
  readonly #byGroup = new Map<string, Rule[]>();

  /** In order. */
  add(rule: Rule): void {
    const { names, groups } = rule;
    const index = names === null ? this.#byGroup : this.#byName;
    for (const key of names ?? groups ?? []) {
      const rules = index.get(key);
      if (rules === undefined) index.set(key, [rule]);
      else rules.push(rule);
    }
  }

  /** The first in order that matches at a time. */
  first(principal: Principal, resource: Resource, atMs: number | undefined): Rule | null {
    const test = (rule: Rule): boolean => selects(rule, principal, resource) && isOpen(rule, atMs);
    let best = firstOf(this.#byName.get(principal.name), null, test);
    for (const group of principal.groups) best = firstOf(this.#byGroup.get(group), best, test);
    return best;
  }

  /** All that select both, at whatever time. */
  all(principal: Principal, resource: Resource): readonly Rule[] {
    const found = new Set(this.#byName.get(principal.name));
    for (const group of principal.groups) for (const rule of this.#byGroup.get(group) ?? []) found.add(rule);
    return [...found].filter((rule) => selects(rule, principal, resource)).sort((a, b) => a.order - b.order);
  }
}

function selects(rule: Rule, principal: Principal, resource: Resource): boolean {
  return rule.conditions.every((condition) => condition.holds(principal, resource));
}

function isOpen({ schedule }: Rule, atMs: number | undefined): boolean {
  return schedule === null || (atMs !== undefined && schedule.isOpen(atMs));
}

/** The first of `rules`, which stand in order, that comes before `best` and passes; else `best`. */
function firstOf(rules: readonly Rule[] | undefined, best: Rule | null, test: (rule: Rule) => boolean): Rule | null {
  for (const rule of rules ?? []) {
    if (best !== null && rule.order >= best.order) return best;
    if (test(rule)) return rule;
  }
  return best;
}

/**
 * Compiles Access objects, in any order. Throws `policy.malformed-access` or `policy.too-many-access` where they cannot
 * be used as they stand; nothing is compiled then. What was compiled does not change with the objects.
 */
export function compileAccess(objects: readonly AccessObject[]): CompiledAccess {
  if (objects.length > limits.accessObjectsMax) {
    throw policyErrors('policy.too-many-access', { values: { maximum: limits.accessObjectsMax } });
  }
  const sorted = objects
    .map((object) => ({ object, key: Buffer.from(object.name) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ object }) => object);
  const index = new RuleIndex();
  const rules = sorted.map((object, order): Rule => {
    const { name } = object;
    if (name === sorted[order - 1]?.name) throw malformed(name, 'there are two of this name');
    if (name === '' || name === noRule.rule) throw malformed(name, 'this name is reserved');
    const match = fieldsOf(name, 'match', object.match, ['principals', 'resources']);
    const who = fieldsOf(name, 'principals', match['principals'] ?? {}, ['names', 'groups', 'except']);
    const except = fieldsOf(name, 'principals.except', who['except'] ?? {}, ['names', 'groups']);
    const what = fieldsOf(name, 'resources', match['resources'] ?? {}, ['names', 'labels']);
    const names = listOf(name, 'principals.names', who['names']);
    const groups = listOf(name, 'principals.groups', who['groups']);
    const { stepUp = false } = object;
    if (typeof stepUp !== 'boolean') throw malformed(name, 'stepUp is neither true nor false');
    return {
      name,
      order: stepUp ? sorted.length + order : order,
      names,
      groups,
      schedule: compileSchedule(object.windows, object.until, (reason) => malformed(name, reason)),
      granted: Object.freeze({ granted: true, rule: name, ...(stepUp ? { stepUp } : {}) }),
      conditions: [
        ...principalConditions(names, groups),
        ...exceptConditions(
          listOf(name, 'principals.except.names', except['names']),
          listOf(name, 'principals.except.groups', except['groups']),
        ),
        ...resourceConditions(
          listOf(name, 'resources.names', what['names']),
          labelsOf(name, 'resources.labels', what['labels']),
        ),
      ],
    };
  });
  for (const rule of [...rules].sort((a, b) => a.order - b.order)) index.add(rule);
  return new IndexedAccess(index, rules);
}

class IndexedAccess implements CompiledAccess {
  readonly #index: RuleIndex;
  readonly #rules: readonly Rule[];
  readonly #scheduled: readonly Schedule[];

  constructor(index: RuleIndex, rules: readonly Rule[]) {
    this.#index = index;
    this.#rules = rules;
    this.#scheduled = rules.flatMap(({ schedule }) => schedule ?? []);
  }

  decide(principal: Principal, resource: Resource, atMs?: number): AccessDecision {
    return this.#index.first(principal, resource, atMs)?.granted ?? noRule;
  }

  explain(principal: Principal, resource: Resource, atMs?: number): AccessExplanation {
    return {
      decision: this.decide(principal, resource, atMs),
      rules: this.#rules.map((rule) => traceOf(rule, principal, resource, atMs)),
    };
  }

  closed(principal: Principal, resource: Resource, atMs: number): ClosedAccess | null {
    const waiting = this.#index.all(principal, resource).flatMap(({ name, schedule }): ClosedAccess[] => {
      const opensAtMs = schedule?.opensAt(atMs) ?? null;
      return schedule === null || opensAtMs === null ? [] : [{ name, opensAtMs, timeZone: schedule.timeZone }];
    });
    return waiting.sort((a, b) => a.opensAtMs - b.opensAtMs)[0] ?? null;
  }

  selecting(principal: Principal, resource: Resource): readonly string[] {
    return this.#index.all(principal, resource).map(({ name }) => name);
  }

  changesAt(atMs: number): number | null {
    let next: number | null = null;
    for (const schedule of this.#scheduled) {
      const one = schedule.changesAt(atMs);
      if (one !== null && (next === null || one < next)) next = one;
    }
    return next;
  }

  scheduleOf(name: string): Schedule | null {
    return this.#rules.find((rule) => rule.name === name)?.schedule ?? null;
  }
}

function traceOf(rule: Rule, principal: Principal, resource: Resource, atMs: number | undefined): AccessTrace {
  const { name, schedule, granted } = rule;
  const traces = rule.conditions.map((condition) => ({
    condition: condition.name,
    holds: condition.holds(principal, resource),
    because: condition.because(principal, resource),
  }));
  const times = schedule === null ? [] : [scheduleTrace(schedule, atMs)];
  return {
    name,
    matches: [...traces, ...times].every(({ holds }) => holds),
    selects: traces.every(({ holds }) => holds),
    stepUp: granted.stepUp === true,
    schedule,
    conditions: [...traces, ...times],
  };
}

function scheduleTrace(schedule: Schedule, atMs: number | undefined): ConditionTrace {
  const { spelled, hasWindows, timeZone } = schedule;
  const condition = hasWindows ? 'windows' : 'until';
  const holds = atMs !== undefined && schedule.isOpen(atMs);
  const says = `it counts ${spelled}`;
  if (holds || atMs === undefined) return { condition, holds, because: says };
  if (schedule.isOver(atMs)) return { condition: 'until', holds, because: `${says}, and is over` };
  const opensAtMs = schedule.opensAt(atMs);
  const next = opensAtMs === null ? 'never again' : spellMoment(opensAtMs, timeZone);
  return { condition, holds, because: `${says}; it counts next from ${next}` };
}

/** Compiles and explains at once, for trying out Access objects that are not in force. */
export function explainAccess(
  objects: readonly AccessObject[],
  principal: Principal,
  resource: Resource,
  atMs?: number,
): AccessExplanation {
  return compileAccess(objects).explain(principal, resource, atMs);
}
