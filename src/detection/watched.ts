/** Whom and what a detection watches: `match`, compiled. What is not known is not watched. */
import type { Observation } from './detector.ts';
import * as limits from './limits.ts';
import type { Reading } from './reading.ts';

export type Watched = (observation: Observation) => boolean;

const everything: Watched = () => true;

export function compileWatched(reading: Reading, value: unknown): Watched {
  if (value === undefined) return everything;
  const given = reading.object('match', value, ['principals', 'resources']);
  const tests = [...principals(reading, given.principals), ...resources(reading, given.resources)];
  if (tests.length === 0) throw reading.fault('match', 'this selects nothing in particular; leave it out');
  return (observation) => {
    for (const test of tests) if (!test(observation)) return false;
    return true;
  };
}

function setOf(reading: Reading, path: string, value: unknown): ReadonlySet<string> | null {
  if (value === undefined) return null;
  if (!Array.isArray(value)) throw reading.fault(path, 'this is not a list');
  return new Set(reading.texts(path, value, limits.listEntriesMax));
}

function principals(reading: Reading, value: unknown): Watched[] {
  if (value === undefined) return [];
  const path = 'match.principals';
  const given = reading.object(path, value, ['names', 'groups', 'kinds', 'agents', 'except']);
  const tests: Watched[] = [];
  const names = setOf(reading, `${path}.names`, given.names);
  if (names !== null) tests.push(({ principal }) => principal !== null && names.has(principal.name));
  const groups = setOf(reading, `${path}.groups`, given.groups);
  if (groups !== null) tests.push(({ principal }) => principal?.groups.some((one) => groups.has(one)) === true);
  const kinds = setOf(reading, `${path}.kinds`, given.kinds);
  if (kinds !== null) tests.push(({ principal }) => principal !== null && kinds.has(principal.kind));
  if (given.agents === true) tests.push(({ principal }) => principal !== null && principal.agents.length > 0);
  else {
    const agents = setOf(reading, `${path}.agents`, given.agents);
    if (agents !== null) tests.push(({ principal }) => principal?.agents.some((one) => agents.has(one)) === true);
  }
  if (given.except !== undefined) {
    const except = reading.object(`${path}.except`, given.except, ['names', 'groups']);
    const without = setOf(reading, `${path}.except.names`, except.names);
    const withoutGroups = setOf(reading, `${path}.except.groups`, except.groups);
    tests.push(
      ({ principal }) =>
        principal !== null &&
        without?.has(principal.name) !== true &&
        (withoutGroups === null || !principal.groups.some((one) => withoutGroups.has(one))),
    );
  }
  if (tests.length === 0) throw reading.fault(path, 'this selects nothing in particular; leave it out');
  return tests;
}

function resources(reading: Reading, value: unknown): Watched[] {
  if (value === undefined) return [];
  const path = 'match.resources';
  const given = reading.object(path, value, ['names', 'labels', 'protocols']);
  const tests: Watched[] = [];
  const names = setOf(reading, `${path}.names`, given.names);
  if (names !== null) tests.push(({ resource }) => resource !== null && (names.has('*') || names.has(resource)));
  if (given.labels !== undefined) {
    const wanted = Object.entries(reading.object(`${path}.labels`, given.labels, Object.keys(given.labels ?? {})));
    tests.push(({ labels }) => wanted.every(([key, text]) => Object.hasOwn(labels, key) && labels[key] === text));
  }
  const protocols = setOf(reading, `${path}.protocols`, given.protocols);
  if (protocols !== null) tests.push(({ protocol }) => protocol !== null && protocols.has(protocol));
  if (tests.length === 0) throw reading.fault(path, 'this selects nothing in particular; leave it out');
  return tests;
}
