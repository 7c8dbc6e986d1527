import { expect, test } from 'vitest';
import { approvalsMax, reviewersMax } from './limits.ts';
import { compileRequest } from './requestable.ts';

const good = { reviewers: { groups: ['dba'] }, maxDuration: '8h' };

test('fills in what is not given', () => {
  expect(compileRequest('oncall', good)).toMatchObject({
    hold: { rule: 'oncall', reviewers: { names: [], groups: ['dba'] }, approvals: 1, escalation: null, breakGlass: [] },
    durationMsMax: 8 * 3_600_000,
    reasonRequired: true,
  });
  expect(compileRequest('oncall', { ...good, approvals: 2, reasonRequired: false })).toMatchObject({
    hold: { approvals: 2 },
    reasonRequired: false,
  });
});

test('takes limits to their end', () => {
  expect(compileRequest('a', { ...good, approvals: approvalsMax }).hold.approvals).toBe(approvalsMax);
  expect(compileRequest('a', { ...good, maxDuration: '7d' }).durationMsMax).toBe(7 * 86_400_000);
  expect(compileRequest('a', { ...good, maxDuration: '60s' }).durationMsMax).toBe(60_000);
});

const names = Array.from({ length: reviewersMax + 1 }, (_, at) => `n${at}`);
test.each([
  ['nothing', null],
  ['a list', []],
  ['an unknown field', { ...good, reviewer: {} }],
  ['an unknown field of the reviewers', { ...good, reviewers: { group: ['dba'] } }],
  ['no reviewers', { maxDuration: '8h' }],
  ['reviewers that name nobody', { ...good, reviewers: {} }],
  ['names that are none', { ...good, reviewers: { names: [1] } }],
  ['too many names', { ...good, reviewers: { names } }],
  ['no approvals at all', { ...good, approvals: 0 }],
  ['half an approval', { ...good, approvals: 1.5 }],
  ['more approvals than are allowed', { ...good, approvals: approvalsMax + 1 }],
  ['no time', { reviewers: good.reviewers }],
  ['a time without unit', { ...good, maxDuration: '8' }],
  ['a time that is too short', { ...good, maxDuration: '59s' }],
  ['a time that is too long', { ...good, maxDuration: '169h' }],
  ['a word for a truth', { ...good, reasonRequired: 'no' }],
])('refuses %s', (_, spec) => {
  expect(() => compileRequest('oncall', spec)).toThrow(/review.bad-terms/);
});
