import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGatewayError } from '../base/errors.ts';
import type { Principal } from '../core/principal.ts';
import type { Resource } from '../core/resource.ts';
import { type AccessMatch, type AccessObject, compileAccess, explainAccess } from './index.ts';
import * as limits from './limits.ts';

function principal(name: string, groups: readonly string[] = []): Principal {
  return {
    id: `prn_${name}`,
    issuer: 'local',
    subject: name,
    name,
    kind: 'person',
    groups,
    roles: ['member'],
    authentication: { method: 'token', credentialId: 'tok_1', atMs: 0 },
  };
}

function resource(name: string, labels: Readonly<Record<string, string>> = {}): Resource {
  return {
    id: `res_${name}`,
    name,
    labels,
    protocol: 'postgres',
    host: 'db.internal',
    port: 5432,
    tls: { mode: 'verify-full', ca: null, serverName: null },
    credential: null,
    recording: 'strict',
    settings: {},
  };
}

const access = (
  name: string,
  principals: AccessMatch['principals'],
  resources: AccessMatch['resources'],
): AccessObject => ({
  name,
  match: { principals, resources },
});

const denied = { granted: false, rule: 'none' };
const anna = principal('anna', ['engineering', 'on-call']);
const orders = resource('orders', { env: 'prod', team: 'payments' });
const everyone = { groups: ['engineering'] };
const everything = { names: ['*'] };

describe('what matches', () => {
  const cases: [string, AccessMatch['principals'], AccessMatch['resources'], boolean][] = [
    ['a group and every resource', everyone, everything, true],
    ['a name', { names: ['bert', 'anna'] }, everything, true],
    ['another name', { names: ['bert'] }, everything, false],
    ['a name counts case', { names: ['Anna'] }, everything, false],
    ['a name is no pattern', { names: ['*'] }, everything, false],
    ['a group is no pattern', { groups: ['*'] }, everything, false],
    ['one of several groups', { groups: ['dba', 'on-call'] }, everything, true],
    ['name and group, both', { names: ['anna'], groups: ['on-call'] }, everything, true],
    ['name but not group', { names: ['anna'], groups: ['dba'] }, everything, false],
    ['group but not name', { names: ['bert'], groups: ['on-call'] }, everything, false],
    ['a group as a name', { names: ['engineering'] }, everything, false],
    ['left out by name', { ...everyone, except: { names: ['anna'] } }, everything, false],
    ['left out by group', { ...everyone, except: { groups: ['on-call'] } }, everything, false],
    [
      'left out by one of the two',
      { ...everyone, except: { names: ['bert'], groups: ['on-call'] } },
      everything,
      false,
    ],
    ['others left out', { ...everyone, except: { names: ['bert'], groups: ['dba'] } }, everything, true],
    ['nobody left out', { ...everyone, except: {} }, everything, true],
    ['except alone names nobody', { except: { names: ['bert'] } }, everything, false],
    ['no principals', {}, everything, false],
    ['empty names', { names: [] }, everything, false],
    ['empty names beside a group', { names: [], groups: ['engineering'] }, everything, false],
    ['empty groups', { groups: [] }, everything, false],
    ['no resources', everyone, {}, false],
    ['empty resource names', everyone, { names: [] }, false],
    ['empty labels', everyone, { labels: {} }, false],
    ['empty names beside a label', everyone, { names: [], labels: { env: 'prod' } }, false],
    ['a resource by name', everyone, { names: ['shop', 'orders'] }, true],
    ['another resource', everyone, { names: ['shop'] }, false],
    ['a resource name is no pattern', everyone, { names: ['ord*'] }, false],
    ['a label', everyone, { labels: { env: 'prod' } }, true],
    ['all labels', everyone, { labels: { env: 'prod', team: 'payments' } }, true],
    ['one label of two', everyone, { labels: { env: 'prod', team: 'search' } }, false],
    ['a label that is not there', everyone, { labels: { region: 'eu' } }, false],
    ['a label of the prototype', everyone, { labels: { constructor: 'x' } }, false],
    ['name and label, both', everyone, { names: ['orders'], labels: { env: 'prod' } }, true],
    ['name but not label', everyone, { names: ['orders'], labels: { env: 'dev' } }, false],
    ['name and empty labels', everyone, { names: ['orders'], labels: {} }, true],
  ];
  test.each(cases)('%s', (_name, principals, resources, granted) => {
    const compiled = compileAccess([access('a', principals, resources)]);
    expect(compiled.decide(anna, orders)).toEqual(granted ? { granted: true, rule: 'a' } : denied);
    const explained = compiled.explain(anna, orders);
    expect(explained.decision.granted).toBe(granted);
    expect(explained.rules[0]!.matches).toBe(granted);
    expect(explained.rules[0]!.conditions.length).toBeGreaterThan(0);
  });

  test('no Access at all is a denial', () => {
    expect(compileAccess([]).decide(anna, orders)).toEqual(denied);
    expect(compileAccess([]).explain(anna, orders)).toEqual({ decision: denied, rules: [] });
  });

  test('the first by name in byte order is told, whatever order they come in', () => {
    const objects = [access('b', everyone, everything), access('a', { names: ['anna'] }, everything)];
    objects.push(
      access('B', { groups: ['on-call'] }, { labels: { env: 'prod' } }),
      access('0', { names: ['bert'] }, everything),
    );
    fc.assert(
      fc.property(fc.shuffledSubarray(objects, { minLength: objects.length }), (shuffled) => {
        expect(compileAccess(shuffled).decide(anna, orders).rule).toBe('B');
      }),
    );
  });

  test('what was compiled does not change with the objects or its decisions', () => {
    const groups = ['dba'];
    const compiled = compileAccess([access('a', { groups }, everything)]);
    groups.push('engineering');
    expect(compiled.decide(anna, orders)).toEqual(denied);
    expect(() => Object.assign(compiled.decide(anna, orders), { granted: true })).toThrow(TypeError);
  });
});

describe('what cannot be compiled', () => {
  const cases: [string, unknown, string][] = [
    [
      'unknown field of match',
      { principals: everyone, resources: everything, when: 'x' },
      'match has an unknown field "when"',
    ],
    ['a mistyped except', { principals: { ...everyone, excpet: {} }, resources: everything }, 'unknown field "excpet"'],
    [
      'unknown field of except',
      { principals: { except: { emails: [] } }, resources: everything },
      'unknown field "emails"',
    ],
    ['unknown field of resources', { principals: everyone, resources: { label: {} } }, 'unknown field "label"'],
    [
      'text instead of a list',
      { principals: { groups: 'engineering' }, resources: everything },
      'principals.groups is not',
    ],
    ['a number in a list', { principals: { names: [1] }, resources: everything }, 'principals.names is not'],
    ['null for a list', { principals: { names: null }, resources: everything }, 'principals.names is not'],
    ['a list of labels', { principals: everyone, resources: { labels: [] } }, 'resources.labels is not'],
    ['a label that is no text', { principals: everyone, resources: { labels: { a: 1 } } }, 'not text'],
    ['principals as a list', { principals: ['anna'], resources: everything }, 'principals is not an object'],
    ['no match', undefined, 'match is not an object'],
    [
      'one name too many',
      { principals: { names: Array.from({ length: limits.accessListEntriesMax + 1 }, String) }, resources: everything },
      'more than',
    ],
  ];
  test.each(cases)('%s', (_name, match, reason) => {
    try {
      compileAccess([{ name: 'a', match } as AccessObject]);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      expect(error.code).toBe('policy.malformed-access');
      expect(error.publicMessage).toContain(reason);
      return;
    }
    throw new Error('expected policy.malformed-access');
  });

  test('missing parts name nobody and nothing', () => {
    const compiled = compileAccess([{ name: 'a', match: {} } as AccessObject]);
    expect(compiled.decide(anna, orders)).toEqual(denied);
  });

  test('two of one name, and reserved names', () => {
    const one = access('a', everyone, everything);
    expect(() => compileAccess([one, one])).toThrow('two of this name');
    for (const name of ['none', '']) expect(() => compileAccess([{ ...one, name }])).toThrow('reserved');
  });

  test('limits: exact passes, one past is refused', () => {
    const many = Array.from({ length: limits.accessObjectsMax }, (_, i) =>
      access(`a${i}`, { names: [`p${i}`] }, everything),
    );
    const compiled = compileAccess(many);
    expect(compiled.decide(principal('p77'), orders).rule).toBe('a77');
    expect(() => compileAccess([...many, access('z', everyone, everything)])).toThrow('policy.too-many-access');
    const names = Array.from({ length: limits.accessListEntriesMax }, (_, i) => `p${i}`);
    expect(compileAccess([access('a', { names }, everything)]).decide(principal('p999'), orders).granted).toBe(true);
  });
});

describe('step-up', () => {
  const asking = (name: string): AccessObject => ({ ...access(name, everyone, everything), stepUp: true });

  test('is owed where every Access that matches asks for it', () => {
    const owed = compileAccess([asking('b'), asking('a')]);
    expect(owed.decide(anna, orders)).toEqual({ granted: true, rule: 'a', stepUp: true });
    const free = compileAccess([asking('a'), access('z', everyone, everything)]);
    expect(free.decide(anna, orders)).toEqual({ granted: true, rule: 'z' });
    const other = compileAccess([asking('a'), access('z', { names: ['bert'] }, everything)]);
    expect(other.decide(anna, orders)).toEqual({ granted: true, rule: 'a', stepUp: true });
  });

  test('shows in the trace, and a decision cannot be changed', () => {
    const compiled = compileAccess([asking('a'), access('z', everyone, everything)]);
    expect(compiled.explain(anna, orders).rules.map(({ name, stepUp }) => [name, stepUp])).toEqual([
      ['a', true],
      ['z', false],
    ]);
    const decision = compileAccess([asking('a')]).decide(anna, orders);
    expect(() => Object.assign(decision, { stepUp: undefined })).toThrow(TypeError);
  });

  test('is true or false and nothing else: what is mistyped grants nothing', () => {
    for (const stepUp of ['yes', 1, null, {}]) {
      const object = { ...access('a', everyone, everything), stepUp } as unknown as AccessObject;
      expect(() => compileAccess([object])).toThrow('policy.malformed-access');
    }
  });
});

describe('explain', () => {
  test('tells of each Access which condition held and why', () => {
    const objects = [
      access('engineers', { ...everyone, except: { groups: ['on-call'] } }, { labels: { env: 'prod' } }),
      access('dba', { groups: ['dba'] }, everything),
      access('empty', {}, {}),
    ];
    expect(explainAccess(objects, anna, orders)).toEqual({
      decision: denied,
      rules: [
        {
          name: 'dba',
          matches: false,
          selects: false,
          schedule: null,
          stepUp: false,
          conditions: [
            {
              condition: 'principals.groups',
              holds: false,
              because: 'the groups of anna are "engineering", "on-call"; it lists "dba"',
            },
            { condition: 'resources.names', holds: true, because: 'the resource is "orders"; it lists "*"' },
          ],
        },
        {
          name: 'empty',
          matches: false,
          selects: false,
          schedule: null,
          stepUp: false,
          conditions: [
            {
              condition: 'principals',
              holds: false,
              because: 'it names no principal and no group, which means nobody',
            },
            { condition: 'resources', holds: false, because: 'it names no resource and no label, which means nothing' },
          ],
        },
        {
          name: 'engineers',
          matches: false,
          selects: false,
          schedule: null,
          stepUp: false,
          conditions: [
            {
              condition: 'principals.groups',
              holds: true,
              because: 'the groups of anna are "engineering", "on-call"; it lists "engineering"',
            },
            {
              condition: 'principals.except.groups',
              holds: false,
              because: 'the groups of anna are "engineering", "on-call"; left out are "on-call"',
            },
            {
              condition: 'resources.labels',
              holds: true,
              because: 'the labels of orders are "env=prod", "team=payments"; it asks for "env=prod"',
            },
          ],
        },
      ],
    });
  });

  test('long lists are cut', () => {
    const names = Array.from({ length: limits.explainedEntriesMax + 2 }, (_, i) => `p${i}`);
    const [rule] = explainAccess([access('a', { names }, everything)], anna, orders).rules;
    expect(rule!.conditions[0]!.because).toMatch(/"p9" and 2 more$/);
  });
});

describe('properties', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'd');
  const list = fc.option(fc.array(word, { maxLength: 3 }), { nil: undefined });
  const labels = fc.dictionary(word, word, { maxKeys: 2 });
  const defined = <T extends object>(value: T): T =>
    Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
  const match = fc.record({
    principals: fc
      .record({
        names: list,
        groups: list,
        except: fc.option(fc.record({ names: list, groups: list }).map(defined), { nil: undefined }),
      })
      .map(defined),
    resources: fc
      .record({
        names: fc.option(fc.array(fc.constantFrom('a', 'b', '*'), { maxLength: 2 }), { nil: undefined }),
        labels: fc.option(labels, { nil: undefined }),
      })
      .map(defined),
  }) as fc.Arbitrary<AccessMatch>;
  const names = fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5');
  const object = fc.record({ name: names, match, stepUp: fc.boolean() });
  const objects = fc.uniqueArray(object, { selector: ({ name }) => name });
  const someone = fc
    .record({ name: word, groups: fc.array(word, { maxLength: 3 }) })
    .map(({ name, groups }) => principal(name, groups));
  const something = fc
    .record({ name: fc.constantFrom('a', 'b', 'z'), labels })
    .map(({ name, labels: l }) => resource(name, l));

  /** The rules of the README, read naively. */
  function naive({ principals: who, resources: what }: AccessMatch, p: Principal, r: Resource): boolean {
    if (who.names === undefined && who.groups === undefined) return false;
    if (who.names !== undefined && !who.names.includes(p.name)) return false;
    if (who.groups !== undefined && !p.groups.some((group) => who.groups!.includes(group))) return false;
    if (who.except?.names?.includes(p.name)) return false;
    if (p.groups.some((group) => who.except?.groups?.includes(group))) return false;
    const wanted = Object.entries(what.labels ?? {});
    if (what.names === undefined && wanted.length === 0) return false;
    if (what.names !== undefined && !what.names.includes('*') && !what.names.includes(r.name)) return false;
    return wanted.every(([key, value]) => new Map(Object.entries(r.labels)).get(key) === value);
  }

  test('decide and explain agree with a naive reading of the rules', () => {
    fc.assert(
      fc.property(objects, someone, something, (all, p, r) => {
        const compiled = compileAccess(all);
        const matching = all
          .filter((object) => naive(object.match, p, r))
          .map(({ name }) => name)
          .sort();
        const without = all.filter(({ name, stepUp }) => matching.includes(name) && !stepUp).map(({ name }) => name);
        const [best] = without.length > 0 ? without.sort() : matching;
        const stepUp = without.length === 0 ? { stepUp: true } : {};
        const expected = best === undefined ? denied : { granted: true, rule: best, ...stepUp };
        expect(compiled.decide(p, r)).toEqual(expected);
        const explained = compiled.explain(p, r);
        expect(explained.decision).toEqual(expected);
        expect(explained.rules.filter(({ matches }) => matches).map(({ name }) => name)).toEqual(matching);
      }),
      { numRuns: 2000 },
    );
  });

  test('another Access never takes anything away, and leaving somebody out never gives', () => {
    fc.assert(
      fc.property(objects, match, someone, something, (all, more, p, r) => {
        const before = compileAccess(all).decide(p, r).granted;
        const joined = (stepUp: boolean) => compileAccess([...all, { name: 'r9', match: more, stepUp }]).decide(p, r);
        expect(joined(false).granted || !before).toBe(true);
        // Nor does one that asks for a step-up lay it on whoever was let in without.
        expect(joined(true).granted || !before).toBe(true);
        const isFree = before && compileAccess(all).decide(p, r).stepUp === undefined;
        expect(isFree && joined(true).stepUp === true).toBe(false);
        const narrowed = all.map((object) => ({
          ...object,
          match: { ...object.match, principals: { ...object.match.principals, except: { names: [p.name] } } },
        }));
        expect(compileAccess(narrowed).decide(p, r).granted).toBe(false);
      }),
    );
  });
});
