/** Conditions on claims: what a star takes, and who answers where several might. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidate, chooseCandidate, matchesClaims, matchesPattern } from './conditions.ts';

describe('a pattern', () => {
  test.each([
    ['main', 'main', true],
    ['main', 'mai', false],
    ['Main', 'main', false],
    ['repo:corp/shop:ref:refs/heads/main', 'repo:corp/*:ref:refs/heads/main', true],
    ['repo:corp/shop:ref:refs/heads/a/b', 'repo:corp/shop:ref:refs/heads/*', false],
    ['repo:corp/shop:ref:refs/heads/a', 'repo:corp/shop:*', false],
    ['repo:corp/x:environment:production/y', 'repo:corp/*', false],
    ['repo:corp-evil/shop', 'repo:corp/*', false],
    ['repo:corp/', 'repo:corp/*', true],
    ['anything', '*', true],
    ['any/thing', '*', false],
    ['', '*', true],
    ['aa', 'a*a', true],
    ['a', 'a*a', false],
    ['abcbd', 'a*b*d', true],
    ['a*c', 'a*c', true],
    ['a.c', 'a.c', true],
    ['abc', 'a.c', false],
  ])('%j is taken by %j: %s', (text, pattern, expected) => {
    expect(matchesPattern(text, pattern)).toBe(expected);
  });

  test('takes what a regular expression would', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '/', ':', '*'), maxLength: 8 });
    fc.assert(
      fc.property(letters, letters, (text, pattern) => {
        const source = pattern
          .split('*')
          .map((part) => part.replace(/[/:]/g, '\\$&'))
          .join('[^/:]*');
        return matchesPattern(text, pattern) === new RegExp(`^${source}$`).test(text);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a condition', () => {
  const claims = JSON.parse(
    '{"sub":"repo:a/b","n":7,"protected":true,"groups":["x","y"],"kubernetes.io":{"namespace":"prod"},"deep":{"er":{"most":"z"}},"null":null,"__proto__":{"polluted":"yes"}}',
  );
  test.each([
    [{ sub: 'repo:a/*' }, true],
    [{ sub: 'repo:a/*', n: '7' }, true],
    [{ sub: 'repo:a/*', n: '8' }, false],
    [{ sub: ['repo:x/*', 'repo:a/b'] }, true],
    [{ protected: 'true' }, true],
    [{ groups: 'y' }, true],
    [{ groups: 'z' }, false],
    [{ 'kubernetes.io.namespace': 'prod' }, true],
    [{ 'deep.er.most': 'z' }, true],
    [{ 'deep.er': '*' }, false],
    [{ missing: '*' }, false],
    [{ null: '*' }, false],
    [{ constructor: '*' }, false],
    [{ 'toString.name': '*' }, false],
    [{ 'groups.length': '2' }, false],
    [{ 'groups.0': 'x' }, false],
    [{ 'sub.length': '*' }, false],
    [{}, false],
  ])('%j: %s', (condition, expected) => {
    expect(matchesClaims(claims, condition as Record<string, string>)).toBe(expected);
  });
});

describe('of several principals', () => {
  const claims = { sub: 'repo:corp/shop:ref:refs/heads/main', environment: 'production', actor: 'ana' };
  const wide = { principal: 'any', claims: { sub: 'repo:corp/*:ref:refs/heads/main' } };
  const narrow = { principal: 'shop', claims: { sub: 'repo:corp/shop:ref:refs/heads/main' } };
  const narrower = { principal: 'deploy', claims: { ...narrow.claims, environment: 'production' } };
  const other = { principal: 'prod', claims: { environment: 'production' } };
  const elsewhere = { principal: 'elsewhere', claims: { sub: 'repo:corp/blog:*' } };

  test.each<[string, readonly Candidate[], unknown]>([
    ['none', [elsewhere], { outcome: 'none' }],
    ['one', [elsewhere, wide], { outcome: 'one', candidate: wide }],
    ['the one with a literal', [wide, narrow], { outcome: 'one', candidate: narrow }],
    ['the one that asks for more', [wide, narrower, narrow], { outcome: 'one', candidate: narrower }],
    ['the one within both', [narrower, other], { outcome: 'one', candidate: narrower }],
    [
      'nobody, where neither is within the other',
      [narrow, other],
      { outcome: 'ambiguous', principals: ['shop', 'prod'] },
    ],
    [
      'nobody, where two ask for the same',
      [narrow, { ...narrow, principal: 'twin' }],
      { outcome: 'ambiguous', principals: ['shop', 'twin'] },
    ],
    ['the same principal by either', [narrow, { ...other, principal: 'shop' }], { outcome: 'one', candidate: narrow }],
    [
      'a list is as wide as the widest in it',
      [narrow, { principal: 'list', claims: { sub: ['repo:corp/*:ref:refs/heads/main', narrow.claims.sub] } }],
      { outcome: 'one', candidate: narrow },
    ],
  ])('%s', (_, candidates, expected) => {
    expect(chooseCandidate(claims, candidates)).toEqual(expected);
    expect(chooseCandidate(claims, [...candidates].reverse()).outcome).toBe((expected as { outcome: string }).outcome);
  });
});
