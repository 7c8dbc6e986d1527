/** What providers send to change users and groups, as they send it. */
import { describe, expect, test } from 'vitest';
import { emailsMax, membersMax, operationsMax, scimTextLengthMax } from '../limits.ts';
import type { ScimUser } from '../scim-ports.ts';
import { groupOf, projected, projectionOf, userOf, userResource } from './documents.ts';
import { ScimError } from './error.ts';
import { patchedGroup, patchedUser } from './patch.ts';

const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const ana: ScimUser = {
  userName: 'ana@corp.test',
  externalId: 'u-ana',
  displayName: 'Ana Lima',
  name: { givenName: 'Ana', familyName: 'Lima' },
  emails: [{ value: 'ana@corp.test', type: 'work', primary: true }],
  active: true,
};
const operations = (...Operations: object[]) => ({ schemas: [patchOp], Operations });
const user = (...all: object[]) => patchedUser(ana, operations(...all));
const members = (count: number, prefix = 'scu_') => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
const group = (ids: readonly string[], ...all: object[]) =>
  patchedGroup({ displayName: 'dev', members: ids }, operations(...all));
const refusal = (make: () => unknown): unknown => {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(ScimError);
    return (error as ScimError).scimType;
  }
  return null;
};

describe('Microsoft Entra', () => {
  test('deactivates with a capital Replace and a boolean as text', () => {
    expect(user({ op: 'Replace', path: 'active', value: 'False' }).active).toBe(false);
    expect(user({ op: 'replace', path: 'active', value: 'false' }).active).toBe(false);
    expect(user({ op: 'Replace', path: 'active', value: 'True' }).active).toBe(true);
    expect(refusal(() => user({ op: 'Replace', path: 'active', value: 'no' }))).toBe('invalidValue');
  });

  test('changes without a path, with dots, filters and extensions as keys', () => {
    const changed = user({
      op: 'Add',
      value: {
        'name.familyName': 'Souza',
        'emails[type eq "work"].value': 'ana.souza@corp.test',
        displayName: 'Ana Souza',
        active: 'False',
        [`${enterprise}:department`]: 'Retail',
        [enterprise]: { costCenter: '7' },
        'phoneNumbers[type eq "work"].value': '1',
      },
    });
    expect(changed).toEqual({
      ...ana,
      displayName: 'Ana Souza',
      name: { ...ana.name, familyName: 'Souza' },
      emails: [{ value: 'ana.souza@corp.test', type: 'work', primary: true }],
      active: false,
    });
  });

  test('adds an address of a type that is not there yet, by add and by replace', () => {
    for (const op of ['Add', 'Replace']) {
      const { emails } = user({ op, path: 'emails[type eq "home"].value', value: 'ana@home.test' });
      expect(emails).toMatchObject([ana.emails[0], { value: 'ana@home.test', type: 'home' }]);
    }
    // A part of an address without an address is nothing.
    expect(user({ op: 'Replace', path: 'emails[type eq "home"].display', value: 'x' }).emails).toEqual(ana.emails);
  });

  test('sends what is not kept, which changes nothing', () => {
    const changed = user(
      { op: 'Add', path: `${enterprise}:manager`, value: 'scu_boss' },
      { op: 'Replace', path: 'addresses[type eq "work"].formatted', value: '18/2111' },
      { op: 'Add', path: 'roles[primary eq "True"].value', value: '{"id":"1"}' },
      { op: 'Remove', path: 'title' },
    );
    expect(changed).toEqual(ana);
  });

  test('adds members, and removes them by a list as value', () => {
    const added = group(['a'], { op: 'Add', path: 'members', value: [{ $ref: null, value: 'b' }, { value: 'a' }] });
    expect(added.members).toEqual(['a', 'b']);
    const removed = group(['a', 'b', 'c'], { op: 'Remove', path: 'members', value: [{ value: 'a' }, { value: 'x' }] });
    expect(removed.members).toEqual(['b', 'c']);
    // A list of nobody takes nobody away.
    expect(group(['a'], { op: 'Remove', path: 'members', value: [] }).members).toEqual(['a']);
  });
});

describe('Okta', () => {
  test('renames a group without a path, with its id beside the name', () => {
    const renamed = group(['a'], { op: 'replace', value: { id: 'scg_1', displayName: 'developers' } });
    expect(renamed).toEqual({ displayName: 'developers', members: ['a'] });
  });

  test('pushes the whole group, empty too', () => {
    const value = { members: [], id: 'scg_1', displayName: 'dev' };
    expect(group(['a', 'b'], { op: 'replace', value }).members).toEqual([]);
    expect(group(['a'], { op: 'replace', path: 'members', value: [{ value: 'z', display: 'Z' }] }).members).toEqual([
      'z',
    ]);
  });

  test('removes a member by a filter, and deactivates without a path', () => {
    expect(group(['a', 'b'], { op: 'remove', path: 'members[value eq "a"]' }).members).toEqual(['b']);
    expect(group(['a', 'b', 'c'], { op: 'remove', path: 'members[value eq "a" or value eq "c"]' }).members).toEqual([
      'b',
    ]);
    expect(user({ op: 'replace', value: { active: false } }).active).toBe(false);
  });

  test('puts a whole user: what is left out is gone, but nobody comes back by it', () => {
    const gone = { ...ana, active: false };
    const put = { schemas: [], id: 'scu_1', userName: 'ana@corp.test', externalId: 'u-ana', groups: [], password: 'x' };
    expect(userOf(put, gone)).toMatchObject({ userName: 'ana@corp.test', emails: [], active: false });
    expect(userOf({ ...put, active: true }, gone).active).toBe(true);
    expect(userOf(put, null).active).toBe(true);
    expect(JSON.stringify(userOf(put, null))).not.toContain('password');
  });
});

describe('RFC 7644', () => {
  test('a name is merged, part by part', () => {
    expect(user({ op: 'replace', path: 'name', value: { givenName: 'Anna' } }).name).toMatchObject({
      givenName: 'Anna',
      familyName: 'Lima',
    });
    expect(user({ op: 'remove', path: 'name.givenName' }).name).toMatchObject({ familyName: 'Lima' });
    expect(user({ op: 'remove', path: 'name' }).name).toBeUndefined();
  });

  test('addresses are added once, exchanged, removed; one is primary', () => {
    const home = { value: 'ana@home.test', type: 'home', primary: true };
    const { emails } = user({ op: 'add', path: 'emails', value: [home, { value: 'ANA@corp.test', type: 'work' }] });
    expect(emails.map(({ value, primary }) => [value, primary ?? null])).toEqual([
      ['ANA@corp.test', null],
      ['ana@home.test', true],
    ]);
    const both = user({ op: 'add', path: 'emails', value: home });
    expect(both.emails.filter(({ primary }) => primary === true)).toMatchObject([{ value: 'ana@home.test' }]);
    expect(user({ op: 'replace', path: 'emails', value: [home] }).emails).toMatchObject([home]);
    expect(user({ op: 'remove', path: 'emails[type eq "work"]' }).emails).toEqual([]);
    expect(user({ op: 'remove', path: 'emails[type eq "home"]' }).emails).toEqual(ana.emails);
    expect(user({ op: 'replace', path: 'emails[type eq "work"].value', value: 'b@corp.test' }).emails).toMatchObject([
      { value: 'b@corp.test', type: 'work', primary: true },
    ]);
  });

  test('what is required stays, what is the gateway’s is refused, and operations are the three', () => {
    expect(refusal(() => user({ op: 'remove', path: 'userName' }))).toBe('invalidValue');
    expect(refusal(() => user({ op: 'replace', path: 'id', value: 'x' }))).toBe('mutability');
    expect(refusal(() => user({ op: 'move', path: 'active', value: true }))).toBe('invalidSyntax');
    expect(refusal(() => user({ op: 'remove' }))).toBe('noTarget');
    expect(refusal(() => user({ op: 'add', path: 'active' }))).toBe('invalidValue');
    expect(refusal(() => user({ op: 'add', path: 7, value: 1 }))).toBe('invalidPath');
    expect(refusal(() => patchedUser(ana, {}))).toBe('invalidSyntax');
    expect(refusal(() => patchedUser(ana, []))).toBe('invalidSyntax');
    expect(refusal(() => group(['a'], { op: 'replace', path: 'members[value eq "z"]', value: { value: 'y' } }))).toBe(
      'noTarget',
    );
    expect(refusal(() => group([], { op: 'add', path: 'members', value: [{ value: 'g', type: 'Group' }] }))).toBe(
      'invalidValue',
    );
  });

  test('remove of members without a value empties the group', () => {
    expect(group(['a', 'b'], { op: 'remove', path: 'members' }).members).toEqual([]);
    expect(group(['a', 'b'], { op: 'remove', path: 'members[value sw "a"]' }).members).toEqual(['b']);
  });
});

describe('A-API-03: what is hostile', () => {
  test('names of prototypes change nothing, wherever they stand', () => {
    for (const name of ['__proto__', 'constructor', 'prototype', '__proto__.polluted', 'constructor.prototype']) {
      expect(user({ op: 'add', path: name, value: { polluted: 'yes' } })).toEqual(ana);
      expect(user({ op: 'replace', value: { [name]: { polluted: 'yes' } } })).toEqual(ana);
      expect(user({ op: 'replace', value: JSON.parse(`{"name":{"${name}":"yes"}}`) })).toEqual(ana);
    }
    expect(user({ op: 'replace', path: 'emails[type eq "work"].__proto__', value: { polluted: 1 } })).toMatchObject(
      ana,
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('operations, addresses, texts and members at their limits, and one past', () => {
    const change = { op: 'replace', path: 'displayName', value: 'x' };
    const many = (count: number) => Array.from({ length: count }, () => change);
    expect(user(...many(operationsMax)).displayName).toBe('x');
    expect(refusal(() => user(...many(operationsMax + 1)))).toBe('tooMany');
    const emails = (count: number) => members(count, 'e').map((value) => ({ value }));
    const exchanged = (count: number) => user({ op: 'replace', path: 'emails', value: emails(count) }).emails.length;
    expect(exchanged(emailsMax)).toBe(emailsMax);
    expect(refusal(() => exchanged(emailsMax + 1))).toBe('invalidValue');
    expect(refusal(() => user({ op: 'add', path: 'emails', value: emails(emailsMax) }))).toBe('invalidValue');
    const text = (length: number) =>
      user({ op: 'replace', path: 'displayName', value: 'x'.repeat(length) }).displayName;
    expect(text(scimTextLengthMax)).toHaveLength(scimTextLengthMax);
    expect(refusal(() => text(scimTextLengthMax + 1))).toBe('invalidValue');
    expect(refusal(() => user({ op: 'replace', path: 'userName', value: 'a\nb' }))).toBe('invalidValue');
    expect(refusal(() => user({ op: 'replace', path: 'userName', value: { a: 1 } }))).toBe('invalidValue');
  });

  test('ten thousand members are added in pages, exchanged, and removed one by one', () => {
    let ids: readonly string[] = [];
    const all = members(membersMax);
    for (let at = 0; at < all.length; at += 1000) {
      const value = all.slice(at, at + 1000).map((id) => ({ value: id }));
      ids = group(ids, { op: 'add', path: 'members', value }).members;
    }
    expect(ids).toEqual(all);
    const more = { op: 'add', path: 'members', value: [{ value: 'one-more' }] };
    expect(refusal(() => group(ids, more))).toBe('invalidValue');
    expect(group(ids, { op: 'remove', path: 'members[value eq "scu_0"]' }, more).members).toHaveLength(membersMax);
    const others = members(membersMax, 'scx_').map((value) => ({ value }));
    expect(group(ids, { op: 'replace', path: 'members', value: others }).members[0]).toBe('scx_0');
    const one = all.slice(0, operationsMax).map((id) => ({ op: 'remove', path: `members[value eq "${id}"]` }));
    expect(group(ids, ...one).members).toHaveLength(membersMax - operationsMax);
    expect(refusal(() => groupOf({ displayName: 'x', members: [...others, { value: 'one-more' }] }))).toBe(
      'invalidValue',
    );
    expect(groupOf({ displayName: 'x', members: [...others, others[0]] }).members).toHaveLength(membersMax);
  });
});

describe('what of an answer is wanted', () => {
  const stored = { id: 'scu_1', document: ana, version: 3, createdAtMs: 0, updatedAtMs: 0 };
  const shown = (query: object) => projected(userResource(stored, '/scim/v2/corp'), projectionOf(query));

  test('attributes and their parts, by any spelling', () => {
    expect(Object.keys(shown({})).sort()).toEqual(
      ['active', 'displayName', 'emails', 'externalId', 'id', 'meta', 'name', 'schemas', 'userName'].sort(),
    );
    const some = shown({
      attributes: 'username, urn:ietf:params:scim:schemas:core:2.0:User:name.givenName,emails.value',
    });
    expect(some).toEqual({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      id: 'scu_1',
      userName: 'ana@corp.test',
      name: { givenName: 'Ana' },
      emails: [{ value: 'ana@corp.test' }],
    });
    const without = shown({ excludedAttributes: 'emails,name.familyName,meta,id' });
    expect(without).toMatchObject({ id: 'scu_1', name: { givenName: 'Ana' } });
    expect(without).not.toHaveProperty('emails');
    expect(without).not.toHaveProperty('meta');
    expect(without['name']).not.toHaveProperty('familyName');
  });
});
