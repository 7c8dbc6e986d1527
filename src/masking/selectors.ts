/**
 * For whom and where a Mask is in force.
 *
 * Invariants: a selector that is absent selects everyone or everything, since masks only restrict; all that is given must
 * hold. `explain` runs the very tests that `holds` runs.
 */
import { agentsOf, type Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import * as limits from './limits.ts';
import { fieldsOf, type Place, textsOf } from './specification.ts';

/** One condition of a Mask, put to a principal and a resource. */
export interface SelectorTrace {
  /** As the manifest names it: `principals.groups`. */
  readonly condition: string;
  readonly holds: boolean;
  /** For people: what was compared with what. */
  readonly because: string;
}

interface Condition {
  readonly name: string;
  holds(principal: Principal, resource: Resource): boolean;
  because(principal: Principal, resource: Resource): string;
}

export interface Selector {
  holds(principal: Principal, resource: Resource): boolean;
  explain(principal: Principal, resource: Resource): readonly SelectorTrace[];
}

const kinds = ['person', 'service', 'agent'];

/** Spells a list for people, cut where it gets long. */
export function spellList(entries: Iterable<string>): string {
  const all = [...entries];
  if (all.length === 0) return '(nothing)';
  const shown = all.slice(0, limits.explainedEntriesMax).map((entry) => JSON.stringify(entry));
  const rest = all.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}

function setOf(place: Place, value: unknown): ReadonlySet<string> | null {
  const texts = textsOf(place, value, limits.selectorEntriesMax);
  return texts === null ? null : new Set(texts);
}

const nameIn = (name: string, set: ReadonlySet<string>, wanted: boolean): Condition => ({
  name,
  holds: (principal) => set.has(principal.name) === wanted,
  because: (principal) => `the principal is ${JSON.stringify(principal.name)}; it lists ${spellList(set)}`,
});

const groupIn = (name: string, set: ReadonlySet<string>, wanted: boolean): Condition => ({
  name,
  holds: (principal) => principal.groups.some((group) => set.has(group)) === wanted,
  because: (principal) =>
    `the groups of ${principal.name} are ${spellList(principal.groups)}; it lists ${spellList(set)}`,
});

/** `true`: any agent, also one that acts for somebody; a list: one of these, anywhere in the chain. */
function agentIn(place: Place, value: unknown): Condition {
  const set = value === true ? null : setOf(place, value);
  return {
    name: 'principals.agents',
    holds: (principal) => agentsOf(principal).some((name) => set === null || set.has(name)),
    because: (principal) =>
      `the agents at it are ${spellList(agentsOf(principal))}; it asks for ${set === null ? 'any' : spellList(set)}`,
  };
}

function principalConditions(place: Place, value: unknown): Condition[] {
  const conditions: Condition[] = [];
  const who = fieldsOf(place, value, ['names', 'groups', 'kinds', 'agents', 'except']);
  const names = setOf(place.at('names'), who['names']);
  const groups = setOf(place.at('groups'), who['groups']);
  const kindSet = setOf(place.at('kinds'), who['kinds']);
  if (names !== null) conditions.push(nameIn('principals.names', names, true));
  if (groups !== null) conditions.push(groupIn('principals.groups', groups, true));
  if (kindSet !== null) {
    for (const kind of kindSet) {
      if (!kinds.includes(kind)) throw place.at('kinds').malformed(`has ${JSON.stringify(kind)}, which is no kind`);
    }
    conditions.push({
      name: 'principals.kinds',
      holds: (principal) => kindSet.has(principal.kind),
      because: (principal) => `the principal is a ${principal.kind}; it lists ${spellList(kindSet)}`,
    });
  }
  if (who['agents'] !== undefined) conditions.push(agentIn(place.at('agents'), who['agents']));
  if (who['except'] !== undefined) {
    const exceptPlace = place.at('except');
    const except = fieldsOf(exceptPlace, who['except'], ['names', 'groups']);
    const exceptNames = setOf(exceptPlace.at('names'), except['names']);
    const exceptGroups = setOf(exceptPlace.at('groups'), except['groups']);
    if (exceptNames !== null) conditions.push(nameIn('principals.except.names', exceptNames, false));
    if (exceptGroups !== null) conditions.push(groupIn('principals.except.groups', exceptGroups, false));
  }
  return conditions;
}

function labelsOf(place: Place, value: unknown): readonly (readonly [string, string])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw place.malformed('is not an object');
  const labels = Object.entries(value);
  if (labels.length > limits.selectorEntriesMax) {
    throw place.malformed(`has more than ${limits.selectorEntriesMax} entries`);
  }
  for (const [key, text] of labels) if (typeof text !== 'string') throw place.at(key).malformed('is not text');
  return labels as [string, string][];
}

function resourceConditions(place: Place, value: unknown): Condition[] {
  const conditions: Condition[] = [];
  const what = fieldsOf(place, value, ['names', 'labels', 'protocols']);
  const names = setOf(place.at('names'), what['names']);
  const protocols = setOf(place.at('protocols'), what['protocols']);
  if (names !== null) {
    conditions.push({
      name: 'resources.names',
      holds: (_principal, resource) => names.has('*') || names.has(resource.name),
      because: (_principal, resource) =>
        `the resource is ${JSON.stringify(resource.name)}; it lists ${spellList(names)}`,
    });
  }
  if (what['labels'] !== undefined) {
    const labels = labelsOf(place.at('labels'), what['labels']);
    const spelled = (pairs: readonly (readonly [string, string])[]): string =>
      spellList(pairs.map(([key, text]) => `${key}=${text}`));
    conditions.push({
      name: 'resources.labels',
      holds: (_principal, resource) =>
        labels.every(([key, text]) => Object.hasOwn(resource.labels, key) && resource.labels[key] === text),
      because: (_principal, resource) =>
        `the labels of ${resource.name} are ${spelled(Object.entries(resource.labels))}; it asks for ${spelled(labels)}`,
    });
  }
  if (protocols !== null) {
    conditions.push({
      name: 'resources.protocols',
      holds: (_principal, resource) => protocols.has(resource.protocol),
      because: (_principal, resource) => `the protocol is ${resource.protocol}; it lists ${spellList(protocols)}`,
    });
  }
  return conditions;
}

/** Compiles `match`. What was compiled does not change with the object. */
export function compileSelector(place: Place, value: unknown): Selector {
  const match = fieldsOf(place, value, ['resources', 'principals', 'kubernetes']);
  const conditions = [
    ...(match['principals'] === undefined ? [] : principalConditions(place.at('principals'), match['principals'])),
    ...(match['resources'] === undefined ? [] : resourceConditions(place.at('resources'), match['resources'])),
  ];
  return {
    holds: (principal, resource) => conditions.every((condition) => condition.holds(principal, resource)),
    explain: (principal, resource) =>
      conditions.map((condition) => ({
        condition: condition.name,
        holds: condition.holds(principal, resource),
        because: condition.because(principal, resource),
      })),
  };
}
