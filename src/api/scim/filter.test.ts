/** Filters and paths of SCIM: read as RFC 7644 has them, bounded, and tried on what this room shows. */
import { describe, expect, test } from 'vitest';
import { filterDepthMax, filterLengthMax } from '../limits.ts';
import { ScimError } from './error.ts';
import { demanded, matches, mentions, parseFilter, parsePath } from './filter.ts';

const ana = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
  id: 'scu_1',
  externalId: 'U-Ana',
  userName: 'Ana@Corp.test',
  name: { familyName: 'Lima', givenName: 'Ana' },
  active: true,
  emails: [
    { value: 'ana@corp.test', type: 'work', primary: true },
    { value: 'ana@home.test', type: 'home' },
  ],
  meta: { resourceType: 'User', lastModified: '2026-05-13T04:42:34.500Z' },
};

const refusal = (read: () => unknown): unknown => {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(ScimError);
    return (error as ScimError).scimType;
  }
  return null;
};

describe('a filter', () => {
  test.each([
    ['userName eq "ana@corp.TEST"', true],
    ['USERNAME Eq "ana@corp.test"', true],
    ['urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ANA"', true],
    ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"', false],
    ['externalId eq "U-Ana"', true],
    // Case counts in what another made up.
    ['externalId eq "u-ana"', false],
    ['id eq "scu_1" and not (active eq false)', true],
    ['active eq "True"', true],
    ['active ne true', false],
    ['name.familyName co "im" or userName eq "x"', true],
    ['(userName eq "x" or name.givenName ew "a") and active eq true', true],
    ['userName eq "x" or active eq true and id eq "y"', false],
    ['emails eq "ana@home.test"', true],
    ['emails.type eq "other"', false],
    ['emails[type eq "work" and value co "@corp"]', true],
    ['emails[type eq "home" and value co "@corp"]', false],
    ['emails[type eq "work"].value eq "ana@corp.test"', true],
    ['emails[type eq "home"].value eq "ana@corp.test"', false],
    ['displayName pr', false],
    ['displayName eq null', true],
    ['not (displayName pr)', true],
    ['meta.lastModified gt "2026-05-13T04:42:34Z"', true],
    ['meta.lastModified ge "2026-05-14T00:00:00Z"', false],
    ['meta.lastModified lt "2027-01-01T00:00:00Z" and meta.lastModified le "2027-01-01T00:00:00Z"', true],
    ['userName eq 7', false],
    ['constructor pr', false],
    ['__proto__ pr', false],
    ['toString eq "x"', false],
  ])('%s: %s', (text, expected) => {
    expect(matches(parseFilter(text), ana)).toBe(expected);
  });

  test.each([
    '',
    'userName',
    'userName eq',
    'userName eq "x',
    'userName eq x',
    'userName xx "x"',
    'userName eq "\\x"',
    'eq "x"',
    '(userName pr',
    'userName pr)',
    'not userName pr',
    'emails[type eq "x"',
    'userName pr and',
    'userName pr constructor id pr',
    'userName eq "a" ; drop',
    "userName eq 'x'",
  ])('%j is refused', (text) => {
    expect(refusal(() => parseFilter(text))).toBe('invalidFilter');
  });

  test('A-API-03: length and nesting at their limits, and one past', () => {
    const long = (length: number): string => `userName eq "${'x'.repeat(length - 'userName eq ""'.length)}"`;
    expect(matches(parseFilter(long(filterLengthMax)), ana)).toBe(false);
    expect(refusal(() => parseFilter(long(filterLengthMax + 1)))).toBe('invalidFilter');
    const deep = (depth: number): string => `${'('.repeat(depth)}active eq true${')'.repeat(depth)}`;
    expect(matches(parseFilter(deep(filterDepthMax)), ana)).toBe(true);
    expect(refusal(() => parseFilter(deep(filterDepthMax + 1)))).toBe('invalidFilter');
    expect(
      refusal(() => parseFilter(`${'not ('.repeat(filterDepthMax + 1)}id pr${')'.repeat(filterDepthMax + 1)}`)),
    ).toBe('invalidFilter');
  });

  test('A-API-03: a text that never ends is read once, whatever it holds', () => {
    for (const filler of ['\n', '\\', '\\"', ' ', '1', '.', '-', 'a', '"']) {
      const text = `userName eq "${filler.repeat(900)}`;
      refusal(() => parseFilter(text));
      refusal(() => parseFilter(filler.repeat(900)));
    }
  });

  test('says what it is about, so that nothing else is looked at', () => {
    const filter = parseFilter('id eq "g1" and members eq "u1"');
    expect(demanded(filter, 'id')).toBe('g1');
    expect(mentions(filter, 'members')).toBe(true);
    expect(demanded(parseFilter('id eq "g1" or userName pr'), 'id')).toBeNull();
    expect(demanded(parseFilter('not (id eq "g1")'), 'id')).toBeNull();
  });
});

describe('a path', () => {
  test.each([
    ['active', { attribute: 'active', sub: null }],
    ['name.familyName', { attribute: 'name', sub: 'familyname' }],
    ['urn:ietf:params:scim:schemas:core:2.0:User:name.givenName', { attribute: 'name', sub: 'givenname' }],
    ['emails[type eq "work"].value', { attribute: 'emails', sub: 'value' }],
    ['members[value eq "x"]', { attribute: 'members', sub: null }],
    [
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager',
      { attribute: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:manager', sub: null },
    ],
  ])('%s', (text, expected) => {
    expect(parsePath(text)).toMatchObject(expected);
  });

  test.each(['', '.', 'a.b.c', 'name.x[type eq "y"]', 'members[', 'members[]', 'members[value eq "x"', 'a b', 'a]'])(
    '%j is refused',
    (text) => {
      expect(refusal(() => parsePath(text))).toBe('invalidPath');
    },
  );
});
