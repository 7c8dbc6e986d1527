/** The risk that detections give a session and its principal, as conditions read it. */
import { describe, expect, test } from 'vitest';
import type { Risk } from '../core/judgement.ts';
import { compileGuardrails } from './index.ts';
import { anna, orders, request, rule } from './testing.ts';

function judging(when: string): (risk?: Risk) => string {
  const rules = compileGuardrails([rule('r', 'block', { when })], { ledger: null });
  // The same objects each time, as in a session: what the rules remember by them must not be the risk.
  const asked = request({ principal: anna, resource: orders });
  return (risk) => rules.judge({ ...asked, ...(risk === undefined ? {} : { risk }) }).verdict.name;
}

describe('risk', () => {
  test.each([
    'session.risk >= 50',
    'principal.risk >= 50',
    'principal.risk + session.risk > 99 && principal.name == "anna"',
  ])('%s follows the risk of the moment', (when) => {
    const judge = judging(when);
    expect(judge()).toBe('allow');
    expect(judge({ session: 49, principal: 49 })).toBe('allow');
    expect(judge({ session: 50, principal: 50 })).toBe('block');
    expect(judge()).toBe('allow');
    expect(judge({ session: 100, principal: 100 })).toBe('block');
  });

  test('of the session alone is not of the principal', () => {
    expect(judging('principal.risk > 0')({ session: 80, principal: 0 })).toBe('allow');
    expect(judging('session.risk > 0')({ session: 80, principal: 0 })).toBe('block');
  });

  test('is a whole number', () => {
    expect(() => compileGuardrails([rule('r', 'block', { when: 'session.risk > "50"' })], { ledger: null })).toThrow(
      'well-typed',
    );
  });
});
