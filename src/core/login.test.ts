import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loginBytesMax } from './limits.ts';
import { isPrincipalName, principalNameBytesMax, splitLogin } from './login.ts';

test.each([
  ['engineer+orders', { principal: 'engineer', resource: 'orders' }],
  ['engineer', { principal: 'engineer', resource: null }],
  ['anna.b@corp-x.example+orders', { principal: 'anna.b@corp-x.example', resource: 'orders' }],
  ['Engineer+orders', { principal: 'Engineer', resource: 'orders' }],
  ['engineer+Bestellungen für EU', { principal: 'engineer', resource: 'Bestellungen für EU' }],
  ['', null],
  ['+orders', null],
  ['engineer+', null],
  ['engineer++orders', null],
  ['engineer+orders+eu', null],
  ['.engineer+orders', null],
  ['engi neer+orders', null],
  ['engineer\0+orders', null],
  ['engineer\n', null],
  // A-ID-05: a Cyrillic letter that looks like a Latin one.
  ['еngineer+orders', null],
])('%j', (login, expected) => {
  expect(splitLogin(login)).toEqual(expected);
});

test('limits are in bytes: exact passes, one more is refused', () => {
  const long = 'r'.repeat(loginBytesMax - 2);
  expect(splitLogin(`e+${long}`)).toEqual({ principal: 'e', resource: long });
  expect(splitLogin(`e+${long}r`)).toBeNull();
  expect(splitLogin(`e+${'é'.repeat(loginBytesMax / 2)}`)).toBeNull();
  expect(isPrincipalName('p'.repeat(principalNameBytesMax))).toBe(true);
  expect(isPrincipalName('p'.repeat(principalNameBytesMax + 1))).toBe(false);
});

test('what is split joins to the same login', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (login) => {
      const split = splitLogin(login);
      if (split === null) return;
      expect(split.resource === null ? split.principal : `${split.principal}+${split.resource}`).toBe(login);
      expect(isPrincipalName(split.principal)).toBe(true);
    }),
  );
});
