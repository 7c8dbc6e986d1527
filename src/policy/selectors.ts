/**
 * `match.principals` and `match.resources`: whom and what a Guardrail concerns. Settled once per principal and resource.
 *
 * Invariant: a selector that is absent selects everyone and everything, since Guardrails only restrict; what is given
 * must all hold.
 */
import { agentsOf, type Principal, type PrincipalKind } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import { type Fields, quote } from './fields.ts';
import { explainedEntriesMax } from './limits.ts';

export interface SessionCondition {
  /** As the manifest names it: `match.principals.groups`. */
  readonly name: string;
  readonly holds: (principal: Principal, resource: Resource) => boolean;
  readonly because: (principal: Principal, resource: Resource) => string;
}

const kinds: readonly PrincipalKind[] = ['person', 'service', 'agent'];

export function compilePrincipals(fields: Fields, path: string, value: unknown): SessionCondition[] {
  if (value === undefined) return [];
  const given = fields.object(path, value, ['names', 'groups', 'kinds', 'agents', 'except']);
  const except = fields.object(`${path}.except`, given.except ?? {}, ['names', 'groups']);
  const conditions = [
    byName(fields, `${path}.names`, given.names, true),
    byGroup(fields, `${path}.groups`, given.groups, true),
    byKind(fields, `${path}.kinds`, given.kinds),
    byAgent(fields, `${path}.agents`, given.agents),
    byName(fields, `${path}.except.names`, except.names, false),
    byGroup(fields, `${path}.except.groups`, except.groups, false),
  ].filter((condition) => condition !== null);
  if (conditions.length === 0)
    throw fields.fault(path, 'this selects nobody in particular; leave it out to select everyone');
  return conditions;
}

function byName(fields: Fields, path: string, value: unknown, wanted: boolean): SessionCondition | null {
  const names = principalList(fields, path, value);
  if (names === null) return null;
  return {
    name: path,
    holds: ({ name }) => names.has(name) === wanted,
    because: ({ name }) => `the principal is ${quote(name)}; ${wanted ? 'it lists' : 'left out are'} ${spell(names)}`,
  };
}

function byGroup(fields: Fields, path: string, value: unknown, wanted: boolean): SessionCondition | null {
  const groups = principalList(fields, path, value);
  if (groups === null) return null;
  return {
    name: path,
    holds: (principal) => principal.groups.some((group) => groups.has(group)) === wanted,
    because: (principal) =>
      `the groups of ${quote(principal.name)} are ${spell(principal.groups)}; ${wanted ? 'it lists' : 'left out are'} ${spell(groups)}`,
  };
}

function byKind(fields: Fields, path: string, value: unknown): SessionCondition | null {
  const wanted = fields.choices(path, value, kinds);
  if (wanted === null) return null;
  return {
    name: path,
    holds: ({ kind }) => wanted.includes(kind),
    because: ({ kind }) => `the principal is a ${kind}; it lists ${spell(wanted)}`,
  };
}

/** `true`: any agent, also one that acts for somebody; a list: one of these, anywhere in the chain. */
function byAgent(fields: Fields, path: string, value: unknown): SessionCondition | null {
  const names = value === true ? null : principalList(fields, path, value);
  if (value !== true && names === null) return null;
  return {
    name: path,
    holds: (principal) => agentsOf(principal).some((name) => names === null || names.has(name)),
    because: (principal) =>
      `the agents at it are ${spell(agentsOf(principal))}; it asks for ${names === null ? 'any' : spell(names)}`,
  };
}

function principalList(fields: Fields, path: string, value: unknown): ReadonlySet<string> | null {
  const list = fields.list(path, value);
  if (list === null) return null;
  for (const [index, entry] of list.entries()) {
    if (entry.includes('*'))
      throw fields.fault(`${path}[${index}]`, 'there are no wildcards here; leave the list out to select everyone');
  }
  return new Set(list);
}

/** A condition on the resource alone. */
export interface ResourceCondition extends SessionCondition {
  readonly selects: (resource: Resource) => boolean;
}

function onResource(
  name: string,
  selects: (resource: Resource) => boolean,
  because: (resource: Resource) => string,
): ResourceCondition {
  return {
    name,
    selects,
    holds: (_principal, resource) => selects(resource),
    because: (_principal, resource) => because(resource),
  };
}

export function compileResources(fields: Fields, path: string, value: unknown): ResourceCondition[] {
  if (value === undefined) return [];
  const given = fields.object(path, value, ['names', 'labels', 'protocols']);
  const conditions: ResourceCondition[] = [];
  const names = fields.list(`${path}.names`, given.names);
  if (names !== null) {
    for (const [index, name] of names.entries()) {
      if (name !== '*' && name.includes('*')) {
        throw fields.fault(
          `${path}.names[${index}]`,
          'a name has no wildcards; only * alone stands for every resource',
        );
      }
    }
    const wanted = new Set(names);
    conditions.push(
      onResource(
        `${path}.names`,
        ({ name }) => wanted.has('*') || wanted.has(name),
        ({ name }) => `the resource is ${quote(name)}; it lists ${spell(wanted)}`,
      ),
    );
  }
  const labels = fields.labels(`${path}.labels`, given.labels);
  if (labels !== null) {
    conditions.push(
      onResource(
        `${path}.labels`,
        (resource) =>
          labels.every(([key, text]) => Object.hasOwn(resource.labels, key) && resource.labels[key] === text),
        (resource) =>
          `the labels of ${quote(resource.name)} are ${spellPairs(Object.entries(resource.labels))}; it asks for ${spellPairs(labels)}`,
      ),
    );
  }
  const protocols = fields.list(`${path}.protocols`, given.protocols);
  if (protocols !== null) {
    conditions.push(
      onResource(
        `${path}.protocols`,
        ({ protocol }) => protocols.includes(protocol),
        ({ protocol }) => `the protocol is ${quote(protocol)}; it lists ${spell(protocols)}`,
      ),
    );
  }
  if (conditions.length === 0) {
    throw fields.fault(path, 'this selects nothing in particular; leave it out to select every resource');
  }
  return conditions;
}

/** Spells a list for people, cut where it gets long. */
export function spell(entries: Iterable<string>): string {
  const all = [...entries];
  if (all.length === 0) return '(nothing)';
  const shown = all.slice(0, explainedEntriesMax).map(quote);
  const rest = all.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}

function spellPairs(entries: readonly (readonly [string, string])[]): string {
  return spell(entries.map(([key, text]) => `${key}=${text}`));
}
