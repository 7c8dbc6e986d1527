import { describe, expect, test } from 'vitest';
import { GatewayError } from '../base/errors.ts';
import type { Principal } from '../core/principal.ts';
import { reviewDigest } from '../core/review.ts';
import { testDraft, testResource } from '../core/testing/fakes.ts';
import * as limits from './limits.ts';
import {
  advance,
  ask,
  breakGlass,
  type ClaimInput,
  claim,
  type DecisionInput,
  decide,
  isOver,
  nextAtMs,
  type StepResult,
  withdraw,
} from './machine.ts';
import type { Review } from './review.ts';
import { reviewOfAccess, reviewOfCommand } from './subject.ts';
import { entry, erin, loggedIn, people, TestDirectory, testRequest, testReview, testTerms } from './testing/reviews.ts';

const directory = new TestDirectory();

function decision(principal: Principal | string, change: Partial<DecisionInput> = {}): DecisionInput {
  return {
    principal: typeof principal === 'string' ? loggedIn(principal) : principal,
    decision: 'approve',
    reason: '',
    how: 'api',
    nowMs: 1_000,
    directory,
    grantId: 'grt_1',
    isRequestable: true,
    ...change,
  };
}

function taken(result: StepResult): Review {
  if ('refusal' in result) throw new Error(`refused: ${result.refusal.code}`);
  return result.step.review;
}

const codeOf = (result: object): string => ('refusal' in result ? (result.refusal as { code: string }).code : 'taken');

const claimInput = (review: Review, change: Partial<ClaimInput> = {}): ClaimInput => ({
  digest: review.digest,
  isGranted: true,
  nowMs: 1_000,
  directory,
  ...change,
});

const approved = (terms = {}): Review => taken(decide(testReview(terms), decision('dana')));

describe('asking', () => {
  test('is refused where fewer people than it needs could ever decide', () => {
    const few = new TestDirectory([
      entry('erin', ['dba']),
      entry('dana', ['dba']),
      entry('pipeline', ['dba'], { kind: 'service' }),
    ]);
    expect(codeOf(ask(testReview({}, few), few))).toBe('taken');
    expect(codeOf(ask(testReview({ approvals: 2 }, few), few))).toBe('review.no-reviewers');
    few.change('dana', { disabled: true });
    expect(codeOf(ask(testReview({}, few), few))).toBe('review.no-reviewers');
    expect(codeOf(ask(testReview({ breakGlass: ['dba'] }, few), few))).toBe('taken');
  });

  test('counts those whom an escalation would ask', () => {
    const terms = { reviewers: { names: ['nobody'], groups: [] } };
    expect(codeOf(ask(testReview(terms), directory))).toBe('review.no-reviewers');
    const escalation = { afterMs: 10, reviewers: { names: [], groups: ['managers'] } };
    expect(codeOf(ask(testReview({ ...terms, escalation }), directory))).toBe('taken');
  });

  test('says what is asked in its event', () => {
    const result = ask(testReview(), directory);
    expect('step' in result && result.step.events).toMatchObject([
      {
        type: 'review.requested',
        review: 'rev_1',
        kind: 'command',
        session: 'ses_1',
        command: 1,
        approvals: 1,
        reason: null,
      },
    ]);
  });

  test('waits shorter inside a transaction, never longer', () => {
    const made = (change: object, terms = {}) =>
      reviewOfCommand(testRequest(terms, undefined, change), { id: 'r', gateway: 'g', nowMs: 5, directory })
        .expiresAtMs;
    expect(made({ inTransaction: false })).toBe(60_005);
    expect(made({ inTransaction: true })).toBe(10_005);
    expect(made({ inTransaction: true }, { inTransactionMs: 90_000 })).toBe(60_005);
  });

  test('takes a text of the longest length and refuses one byte more', () => {
    const made = (bytes: number) => () =>
      reviewOfCommand(testRequest({}, testDraft('x'.repeat(bytes))), { id: 'r', gateway: 'g', nowMs: 0, directory });
    expect(made(limits.textBytesMax)).not.toThrow();
    expect(made(limits.textBytesMax + 1)).toThrow(GatewayError);
  });

  test('keeps the text without passwords, and says so (A-REC-05)', () => {
    const draft = testDraft("alter role x password 'secret'", { recordedText: "alter role x password '***'" });
    const review = reviewOfCommand(testRequest({}, draft), { id: 'r', gateway: 'g', nowMs: 0, directory });
    expect(JSON.stringify(review)).not.toContain('secret');
    expect(review.subject).toMatchObject({ redacted: true });
    expect(review.digest).toBe(reviewDigest(draft, erin, testResource()));
  });
});

describe('A-REV-01: nobody decides their own review', () => {
  const linked = new TestDirectory([
    ...people,
    entry('erin-admin', ['dba', 'administrators'], { belongsTo: 'local:erin' }),
    entry('erin-bot', ['dba'], { kind: 'agent', belongsTo: 'local:erin' }),
  ]);
  linked.change('erin', { groups: ['engineering', 'dba'] });
  const own: readonly (readonly [string, Principal])[] = [
    ['the same login', erin],
    [
      'another token of the same principal',
      loggedIn('erin', { authentication: { method: 'token', credentialId: 'tok_2', atMs: 0 } }),
    ],
    ['the same principal as an administrator', loggedIn('erin', { roles: ['admin'] })],
    ['a second account of the same person', loggedIn('erin-admin', { roles: ['admin'] })],
    ['an agent of the same person', loggedIn('erin-bot', { kind: 'agent' })],
    [
      'another name with the same credential',
      loggedIn('dana', { authentication: { method: 'token', credentialId: 'tok_erin', atMs: 0 } }),
    ],
  ];
  test.each(own)('not by %s', (_, principal) => {
    const review = testReview({}, linked);
    for (const what of ['approve', 'deny'] as const) {
      expect(codeOf(decide(review, decision(principal, { directory: linked, decision: what })))).toBe('review.own');
    }
  });

  test('nor where the link to the person came after the request, or was cut after it', () => {
    const later = new TestDirectory(people);
    later.change('dana', { belongsTo: 'local:erin' });
    expect(codeOf(decide(testReview(), decision('dana', { directory: later })))).toBe('review.own');
    const asked = testReview({}, new TestDirectory([...people, entry('erin', [], { belongsTo: 'local:dana' })]));
    expect(codeOf(decide(asked, decision('dana')))).toBe('review.own');
  });

  test('an administrator who is no reviewer decides nothing', () => {
    expect(codeOf(decide(testReview(), decision(loggedIn('root', { roles: ['admin'] }))))).toBe('review.not-reviewer');
  });

  test('groups count as configured now, not as the login carries them', () => {
    expect(codeOf(decide(testReview(), decision(loggedIn('mona', { groups: ['dba'] }))))).toBe('review.not-reviewer');
    const left = new TestDirectory();
    left.change('dana', { groups: [] });
    expect(codeOf(decide(testReview(), decision('dana', { directory: left })))).toBe('review.not-reviewer');
  });

  test('services and agents do not decide', () => {
    expect(codeOf(decide(testReview(), decision('pipeline')))).toBe('review.not-person');
    expect(codeOf(decide(testReview(), decision('robot')))).toBe('review.not-person');
  });

  test('who is disabled or gone does not decide', () => {
    expect(codeOf(decide(testReview(), decision('stranger')))).toBe('review.disabled');
  });

  test('who became the requester’s other account after approving does not count at execution', () => {
    const later = new TestDirectory();
    const review = taken(decide(testReview(), decision('dana', { directory: later })));
    later.change('dana', { belongsTo: 'local:erin' });
    expect(claim(review, claimInput(review, { directory: later }))).toMatchObject({
      step: { review: { state: 'refused' } },
    });
  });
});

describe('A-REV-05: several people', () => {
  const two = { approvals: 2 };

  test('a person counts once, by whatever group or account', () => {
    const both = { ...two, reviewers: { names: ['dave'], groups: ['dba', 'oncall'] } };
    const once = taken(decide(testReview(both), decision('dave')));
    expect(once.state).toBe('pending');
    expect(codeOf(decide(once, decision('dave')))).toBe('review.already-decided');
    const accounts = new TestDirectory([...people, entry('dave-2', ['dba'], { belongsTo: 'local:dave' })]);
    expect(codeOf(decide(once, decision('dave-2', { directory: accounts })))).toBe('review.already-decided');
    expect(taken(decide(once, decision('dana'))).state).toBe('approved');
  });

  test('two accounts that become one person’s before the end count once', () => {
    const later = new TestDirectory();
    const once = taken(decide(testReview(two), decision('dana', { directory: later })));
    const enough = taken(decide(once, decision('dave', { directory: later })));
    expect(enough.state).toBe('approved');
    later.change('dave', { belongsTo: 'local:dana' });
    expect(claim(enough, claimInput(enough, { directory: later }))).toHaveProperty('obstacle');
  });

  test('deny wins before enough, after enough, and over the denier’s own approval', () => {
    const denial = { decision: 'deny', reason: 'no' } as const;
    const early = taken(decide(testReview(two), decision('dana', denial)));
    expect(codeOf(decide(early, decision('dave')))).toBe('review.over');
    for (const who of ['dana', 'dave']) {
      const late = taken(decide(approved(), decision(who, denial)));
      expect(late.state).toBe('denied');
      expect(claim(late, claimInput(late))).toEqual({ obstacle: `${who} denied it.`, step: null });
    }
  });

  test('approvals beyond what is needed disturb nothing, and do not wind up its clock', () => {
    const more = taken(decide(approved(), decision('dave', { nowMs: 20_000 })));
    expect(more).toMatchObject({ state: 'approved', expiresAtMs: 1_000 + limits.claimWithinMs });
    expect(claim(more, claimInput(more, { nowMs: 20_000 }))).toHaveProperty('execute');
  });

  test('an approval whose giver may no longer give it is not counted towards the others', () => {
    const later = new TestDirectory();
    const once = taken(decide(testReview(two), decision('dana', { directory: later })));
    later.change('dana', { disabled: true });
    const second = taken(decide(once, decision('dave', { directory: later })));
    expect(second.state).toBe('pending');
    expect(taken(decide(second, decision('dora', { directory: later }))).state).toBe('approved');
  });
});

describe('A-REV-03, A-REV-04: execution', () => {
  test('once, and then never again', () => {
    const review = approved();
    const first = claim(review, claimInput(review));
    expect(first).toMatchObject({
      execute: { review: { state: 'executed' }, events: [{ type: 'review.ended', outcome: 'executed' }] },
    });
    const executed = 'execute' in first ? first.execute.review : review;
    expect(claim(executed, claimInput(executed))).toEqual({
      obstacle: 'It has run already. Submit it again for another review.',
      step: null,
    });
  });

  test('not before it is approved', () => {
    expect(claim(testReview(), claimInput(testReview()))).toEqual({ obstacle: 'It is not approved.', step: null });
  });

  const draft = testDraft('delete from customers', {
    context: { database: 'orders', search_path: 'public', role: 'app' },
    parameters: [{ type: 'int4', value: '1', bytes: 4 }],
  });
  const edits: readonly (readonly [string, string])[] = [
    ['command', reviewDigest({ ...draft, text: 'delete from orders' }, erin, testResource())],
    [
      'parameter',
      reviewDigest({ ...draft, parameters: [{ type: 'int4', value: '2', bytes: 4 }] }, erin, testResource()),
    ],
    ['database', reviewDigest({ ...draft, context: { ...draft.context, database: 'x' } }, erin, testResource())],
    [
      'search_path',
      reviewDigest({ ...draft, context: { ...draft.context, search_path: 'evil' } }, erin, testResource()),
    ],
    ['role', reviewDigest({ ...draft, context: { ...draft.context, role: 'postgres' } }, erin, testResource())],
    ['resource address', reviewDigest(draft, erin, testResource({ host: 'elsewhere' }))],
    ['principal', reviewDigest(draft, loggedIn('dana'), testResource())],
  ];
  test.each(edits)('A-REV-03: not with another %s than was approved', (_, digest) => {
    const asked = reviewOfCommand(testRequest({}, draft), { id: 'r', gateway: 'g', nowMs: 0, directory });
    const review = taken(decide(asked, decision('dana')));
    expect(claim(review, claimInput(review))).toHaveProperty('execute');
    expect(claim(review, claimInput(review, { digest }))).toMatchObject({ step: { review: { state: 'refused' } } });
  });

  test('up to the end of its time and not at it', () => {
    const review = approved();
    expect(claim(review, claimInput(review, { nowMs: review.expiresAtMs - 1 }))).toHaveProperty('execute');
    expect(claim(review, claimInput(review, { nowMs: review.expiresAtMs }))).toMatchObject({
      step: { review: { state: 'expired' }, events: [{ outcome: 'expired' }] },
    });
  });

  test('not where the requester or too many of the approvers are disabled, gone or no longer reviewers', () => {
    for (const [name, change] of [
      ['erin', { disabled: true }],
      ['dana', { disabled: true }],
      ['dana', { groups: [] }],
      ['dana', { kind: 'service' }],
    ] as const) {
      const later = new TestDirectory();
      later.change(name, change);
      const review = approved();
      expect(claim(review, claimInput(review, { directory: later }))).toMatchObject({
        step: { review: { state: 'refused' }, events: [{ type: 'review.ended', outcome: 'refused' }] },
      });
    }
    const gone = new TestDirectory();
    gone.entries.delete('local:erin');
    const review = approved();
    expect(claim(review, claimInput(review, { directory: gone }))).toHaveProperty('obstacle');
  });

  test('not where the requester may no longer use the resource', () => {
    const review = approved();
    expect(claim(review, claimInput(review, { isGranted: false }))).toHaveProperty('obstacle');
  });
});

describe('time', () => {
  test('a review expires at its time, and not before', () => {
    const review = testReview();
    expect(nextAtMs(review)).toBe(60_000);
    expect(advance(review, 59_999)).toBeNull();
    expect(taken(decide(review, decision('dana', { nowMs: 59_999 }))).state).toBe('approved');
    expect(codeOf(decide(review, decision('dana', { nowMs: 60_000 })))).toBe('review.expired');
    const expired = advance(review, 60_000)!;
    expect(expired).toMatchObject({
      review: { state: 'expired', endedAtMs: 60_000 },
      events: [{ outcome: 'expired' }],
    });
    expect(advance(expired.review, 99_999)).toBeNull();
    expect(codeOf(decide(expired.review, decision('dana')))).toBe('review.over');
  });

  test('those of an escalation may decide once it came', () => {
    const review = testReview({ escalation: { afterMs: 30_000, reviewers: { names: ['mona'], groups: [] } } });
    expect(codeOf(decide(review, decision('mona', { nowMs: 31_000 })))).toBe('review.not-reviewer');
    expect(nextAtMs(review)).toBe(30_000);
    const escalated = advance(review, 30_000)!;
    expect(escalated.events).toMatchObject([{ type: 'alert.raised', rule: 'destructive', session: 'ses_1' }]);
    expect(nextAtMs(escalated.review)).toBe(60_000);
    expect(taken(decide(escalated.review, decision('mona', { nowMs: 31_000 }))).state).toBe('approved');
    expect(taken(decide(escalated.review, decision('dana', { nowMs: 31_000 }))).state).toBe('approved');
  });

  test('expiry comes before an escalation that is as late', () => {
    const review = testReview({ escalation: { afterMs: 30_000, reviewers: { names: ['mona'], groups: [] } } });
    expect(advance(review, 60_000)).toMatchObject({ review: { state: 'expired' } });
  });

  test('withdrawn while it waits or is approved, not later', () => {
    for (const review of [testReview(), approved()]) {
      const step = withdraw(review, 'gone', 5)!;
      expect(step).toMatchObject({
        review: { state: 'withdrawn' },
        events: [{ outcome: 'withdrawn', reason: 'gone' }],
      });
      expect(isOver(step.review)).toBe(true);
      expect(withdraw(step.review, null, 6)).toBeNull();
      expect(claim(step.review, claimInput(step.review))).toHaveProperty('obstacle');
    }
  });
});

describe('break-glass', () => {
  const terms = { breakGlass: ['engineering'], escalation: { afterMs: 9, reviewers: { names: ['mona'], groups: [] } } };
  const input = {
    principal: erin,
    reason: 'production is down',
    how: 'api',
    nowMs: 1_000,
    directory,
    afterId: 'rev_2',
  };

  test('runs at once, raises an alert, and leaves a review that others must decide', () => {
    const result = breakGlass(testReview(terms), input);
    if ('refusal' in result) throw new Error(result.refusal.code);
    expect(result.step.events).toMatchObject([
      { type: 'review.decided', principal: { name: 'erin' }, state: 'approved', how: 'break-glass' },
      { type: 'alert.raised', reason: expect.stringContaining('production is down') },
    ]);
    expect(claim(result.step.review, claimInput(result.step.review))).toHaveProperty('execute');
    const { review: after, events } = result.after;
    expect(events).toMatchObject([{ type: 'review.requested', kind: 'break-glass', reason: 'production is down' }]);
    expect(codeOf(decide(after, decision(erin)))).toBe('review.own');
    expect(withdraw(after, null, 5)).toBeNull();
    const later = advance(after, after.expiresAtMs)!;
    expect(later).toMatchObject({ review: { state: 'pending' }, events: [{ type: 'alert.raised' }] });
    const fine = taken(decide(later.review, decision('mona', { nowMs: later.review.createdAtMs + 1 })));
    expect([fine.state, isOver(fine), nextAtMs(fine)]).toEqual(['approved', true, null]);
    expect(codeOf(decide(fine, decision('dana', { decision: 'deny' })))).toBe('review.over');
    const bad = decide(after, decision('dana', { decision: 'deny' }));
    expect('step' in bad && bad.step.events.map(({ type }) => type)).toEqual(['review.decided', 'alert.raised']);
  });

  test('not by others, not without being named for it, not without a reason, not twice', () => {
    const review = testReview(terms);
    expect(codeOf(breakGlass(review, { ...input, principal: loggedIn('dana') }))).toBe('review.not-requester');
    expect(codeOf(breakGlass(testReview(), input))).toBe('review.no-break-glass');
    expect(codeOf(breakGlass(review, { ...input, reason: ' \n' }))).toBe('review.reason-required');
    expect(codeOf(breakGlass(review, { ...input, reason: 'x'.repeat(limits.reasonBytesMax) }))).toBe('taken');
    expect(codeOf(breakGlass(review, { ...input, reason: 'x'.repeat(limits.reasonBytesMax + 1) }))).toBe(
      'review.reason-too-long',
    );
    expect(codeOf(breakGlass(review, { ...input, nowMs: 60_000 }))).toBe('review.expired');
    const denied = taken(decide(review, decision('dana', { decision: 'deny' })));
    expect(codeOf(breakGlass(denied, input))).toBe('review.over');
    for (const change of [{ groups: [] }, { kind: 'service' }, { disabled: true }] as const) {
      const left = new TestDirectory();
      left.change('erin', change);
      expect(codeOf(breakGlass(review, { ...input, directory: left }))).toBe('review.no-break-glass');
    }
  });

  test('a denial still wins before it runs, and leaving the group stops it', () => {
    const result = breakGlass(testReview(terms), input);
    if ('refusal' in result) throw new Error(result.refusal.code);
    const broken = result.step.review;
    expect(taken(decide(broken, decision('dana', { decision: 'deny' }))).state).toBe('denied');
    const left = new TestDirectory();
    left.change('erin', { groups: [] });
    expect(claim(broken, claimInput(broken, { directory: left }))).toHaveProperty('obstacle');
  });
});

describe('access on request', () => {
  const asked = reviewOfAccess({
    id: 'rev_3',
    gateway: 'gw_1',
    nowMs: 0,
    directory,
    principal: erin,
    resource: testResource(),
    access: 'oncall-orders',
    terms: { ...testTerms, approvals: 2, withinMs: 60_000 },
    durationMs: 3_600_000,
    reason: 'ticket 7',
  });

  test('the last approval makes the grant', () => {
    const once = taken(decide(asked, decision('dana')));
    expect(once).toMatchObject({ state: 'pending', grant: null });
    const result = decide(once, decision('dave'));
    expect(result).toMatchObject({
      step: {
        review: { state: 'executed', grant: 'grt_1' },
        events: [
          { type: 'review.decided', state: 'approved' },
          { type: 'review.ended', outcome: 'executed' },
        ],
      },
    });
  });

  test('none where the Access or the requester has gone meanwhile', () => {
    const once = taken(decide(asked, decision('dana')));
    expect(taken(decide(once, decision('dave', { isRequestable: false })))).toMatchObject({
      state: 'refused',
      grant: null,
    });
    const later = new TestDirectory();
    later.change('erin', { disabled: true });
    expect(taken(decide(once, decision('dave', { directory: later })))).toMatchObject({
      state: 'refused',
      grant: null,
    });
  });
});
