import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { CommandDraft } from './command.ts';
import type { Judgement, JudgeRequest, OutputLimit } from './judgement.ts';
import { allowed } from './judgement.ts';
import * as limits from './limits.ts';
import type { Protocol } from './protocol.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews, RowEstimate } from './review.ts';
import { reviewDigest } from './review.ts';
import { type Command, Session } from './session.ts';
import {
  FakeJournal,
  FakeRecording,
  FakeWire,
  testDraft,
  testHold,
  testPrincipal,
  testResource,
} from './testing/fakes.ts';

const preview: Protocol['preview'] = { prefix: 'look: ', bytesMax: 100, textOf: (view) => view.toString() };
const protocol = { name: 'echo', housekeeping: ['Sync'], preview } as unknown as Protocol;
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A room of reviews that the test plays: the real one is tested in its own room and end to end. */
class PlayedReviews implements Reviews {
  readonly requests: ReviewRequest[] = [];
  readonly claims: string[] = [];
  readonly estimates: RowEstimate[] = [];
  withdrawn = 0;
  obstacle: string | null = null;
  refusal: Error | null = null;
  decide: (outcome: ReviewOutcome) => void = () => {};

  request(request: ReviewRequest, onOutcome: (outcome: ReviewOutcome) => void): PendingReview {
    if (this.refusal !== null) throw this.refusal;
    this.requests.push(request);
    this.decide = onOutcome;
    return {
      id: 'rev_1',
      link: 'https://gateway/reviews/rev_1',
      audience: 'a member of dba',
      expiresAtMs: 60_000,
      estimated: (estimate) => void this.estimates.push(estimate),
      withdraw: () => {
        this.withdrawn++;
      },
      claim: async (digest) => {
        this.claims.push(digest);
        return this.obstacle;
      },
    };
  }
}

function held(request: JudgeRequest): Judgement {
  const verdict = { name: 'hold', rule: 'no-drops', reason: 'A DBA must see it.' } as const;
  return request.command.text.startsWith('drop')
    ? { ...allowed(verdict), hold: testHold('no-drops', 'A DBA must see it.') }
    : allowed({ name: 'allow', rule: 'access', reason: '' });
}

async function open(judge: (request: JudgeRequest) => Judgement = held) {
  const journal = new FakeJournal(true);
  const client = new FakeWire();
  const upstreamWire = new FakeWire();
  const clock = new FakeClock();
  const reviews = new PlayedReviews();
  const rules = { judge };
  const session = new Session({
    id: 'ses_1',
    source: '127.0.0.1',
    connection: 'con_1',
    hops: [],
    principal: testPrincipal,
    resource: testResource(),
    protocol,
    clock,
    log: silentLog,
    journal,
    recording: new FakeRecording(),
    judge: { judge: (request) => rules.judge(request) },
    reviews,
    credentials: { reveal: async () => null },
    dialler: { dial: async () => upstreamWire },
    client,
    clientFacts: {},
    access: 'engineers',
    onSealed: () => {},
  });
  const upstream = await session.dial();
  upstream.handle({ read() {}, end() {}, drain() {}, close() {} });
  session.establish();
  const decided: Command[] = [];
  const submit = (text: string, inTransaction = false): Command =>
    session.submit(testDraft(text), (command) => void decided.push(command), inTransaction);
  return { session, journal, clock, reviews, rules, upstreamWire, decided, submit };
}

describe('a held command', () => {
  it('waits, and runs once it was approved and claimed with the digest of what runs (A-REV-03)', async () => {
    const { reviews, decided, submit, journal, session } = await open();
    const command = submit('drop table t');
    expect(command.state).toBe('pending');
    expect(() => session.forward(Buffer.from('x'), command)).toThrow(/core.illegal-forward/);
    reviews.decide({ state: 'approved', by: ['dora'] });
    await settled();
    expect(decided).toEqual([command]);
    expect(command.state).toBe('released');
    expect(reviews.claims).toEqual([reviewDigest(testDraft('drop table t'), testPrincipal, testResource())]);
    expect(reviews.claims[0]).toBe(reviews.requests[0]!.digest);
    expect(journal.events.filter(({ type }) => type === 'command.verdict')).toMatchObject([
      { verdict: { name: 'hold', rule: 'no-drops' } },
      { verdict: { name: 'allow', rule: 'review:rev_1', reason: 'Approved by dora.' } },
    ]);
  });

  it('is released only after the approval is durable', async () => {
    const { reviews, decided, submit, journal } = await open();
    submit('drop table t');
    journal.automatic = false;
    reviews.decide({ state: 'approved', by: ['dora'] });
    await settled();
    expect(decided).toEqual([]);
    journal.sync();
    expect(decided).toHaveLength(1);
  });

  it.each<[ReviewOutcome, RegExp]>([
    [{ state: 'denied', by: 'dora', reason: 'not today' }, /dora denied it: not today/],
    [{ state: 'expired' }, /Nobody decided in time/],
    [{ state: 'unavailable', reason: 'The store does not answer.' }, /store does not answer/],
  ])('is refused when the outcome is %j', async (outcome, reason) => {
    const { reviews, decided, submit } = await open();
    const command = submit('drop table t');
    reviews.decide(outcome);
    await settled();
    expect(decided).toEqual([command]);
    expect(command).toMatchObject({ state: 'refused', verdict: { name: 'block', rule: 'no-drops' } });
    expect(command.verdict!.reason).toMatch(reason);
  });

  it('is refused when the claim finds an obstacle, and a second outcome changes nothing (A-REV-04)', async () => {
    const { reviews, decided, submit } = await open();
    reviews.obstacle = 'dora may no longer decide.';
    const command = submit('drop table t');
    reviews.decide({ state: 'approved', by: ['dora'] });
    reviews.decide({ state: 'approved', by: ['dora'] });
    await settled();
    expect(command.state).toBe('refused');
    expect(decided).toHaveLength(1);
    reviews.decide({ state: 'approved', by: ['dora'] });
    await settled();
    expect(decided).toHaveLength(1);
  });

  it.each(['block', 'terminate'] as const)('is refused when the rules say %s by now (A-REV-04)', async (name) => {
    const { reviews, rules, submit } = await open();
    const command = submit('drop table t');
    rules.judge = () => allowed({ name, rule: 'new', reason: '' });
    reviews.decide({ state: 'approved', by: ['dora'] });
    await settled();
    expect(command.state).toBe('refused');
    expect(reviews.claims).toEqual([]);
    expect(reviews.withdrawn).toBe(1);
  });

  it('is refused when the rule asks for more by now', async () => {
    const { reviews, rules, submit } = await open();
    const command = submit('drop table t');
    rules.judge = (request) => ({
      ...held(request),
      hold: { ...testHold('no-drops', 'A DBA must see it.'), approvals: 2 },
    });
    reviews.decide({ state: 'approved', by: ['dora'] });
    await settled();
    expect(command.state).toBe('refused');
  });

  it('is refused, and the session goes on, when nobody can be asked', async () => {
    const { reviews, submit, session } = await open();
    reviews.refusal = new Error('no reviewers');
    const command = submit('drop table t');
    expect(command.state).toBe('refused');
    expect(session.ended).toBe(false);
    expect(submit('select').state).toBe('released');
  });

  it('is withdrawn when its requester cancels, and when the session ends (A-REV-07)', async () => {
    const { reviews, submit, session, decided } = await open();
    const first = submit('drop a');
    session.complete(first, { outcome: 'withdrawn', tag: null, error: null, rows: 0, bytes: 0 });
    expect(reviews.withdrawn).toBe(1);
    reviews.decide({ state: 'approved', by: ['dora'] });
    submit('drop b');
    session.finish();
    expect(reviews.withdrawn).toBe(2);
    reviews.decide({ state: 'approved', by: ['dora'] });
    await settled();
    expect(decided).toEqual([]);
  });

  it('tells who waits at once, and again at each heartbeat until it is settled', async () => {
    const { reviews, submit, session, clock } = await open();
    const told: number[] = [];
    session.onHeld = (_command, review, waitedMs) => {
      expect(review.id).toBe('rev_1');
      told.push(waitedMs);
    };
    submit('drop table t');
    clock.advance(limits.heldNoticeIntervalMs);
    clock.advance(limits.heldNoticeIntervalMs);
    expect(told).toEqual([0, limits.heldNoticeIntervalMs, 2 * limits.heldNoticeIntervalMs]);
    reviews.decide({ state: 'expired' });
    await settled();
    clock.advance(limits.heldNoticeIntervalMs);
    expect(told).toHaveLength(3);
  });

  it('leaves what comes behind it to the protocol: a later command is decided by itself', async () => {
    const { submit } = await open();
    submit('drop table t');
    expect(submit('select').state).toBe('released');
  });
});

describe('a limit on output', () => {
  const limited =
    (verdict: OutputLimit['verdict'], rowsMax: number, durationMsMax: number | null = null) =>
    () => {
      let rows = 0;
      const limit: OutputLimit = {
        rule: 'few-rows',
        verdict,
        reason: 'Too many rows.',
        durationMsMax,
        spend: (more) => {
          rows += more;
          return rows > rowsMax;
        },
      };
      return { ...allowed({ name: 'allow', rule: 'access', reason: '' }), limits: [limit] };
    };

  it('is answered one row past it, once, and journaled', async () => {
    const { submit, session, journal } = await open(limited('block', 10));
    const command = submit('select');
    expect(session.spend(command, 10, 100)).toBeNull();
    expect(session.spend(command, 1, 10)?.rule).toBe('few-rows');
    expect(session.spend(command, 1, 10)).toBeNull();
    expect(journal.events.filter(({ type }) => type === 'output.limited')).toMatchObject([
      { rule: 'few-rows', verdict: 'block', command: 1 },
    ]);
  });

  it('that alerts stops nothing and raises one alert', async () => {
    const { submit, session, journal } = await open(limited('alert', 10));
    const command = submit('select');
    expect(session.spend(command, 11, 100)).toBeNull();
    expect(session.spend(command, 11, 100)).toBeNull();
    expect(journal.events.filter(({ type }) => type === 'alert.raised')).toMatchObject([
      { rule: 'few-rows', session: 'ses_1', command: 1, principal: { name: 'erin' } },
    ]);
  });

  it('that terminates ends the session', async () => {
    const { submit, session } = await open(limited('terminate', 10));
    expect(session.spend(submit('select'), 11, 100)?.verdict).toBe('terminate');
    expect(session.ended).toBe(true);
  });

  it('on time is told once the command has run that long, and not when it ended before', async () => {
    const { submit, session, clock } = await open(limited('block', 10, 1000));
    const overdue: Command[] = [];
    session.onOverdue = (command) => void overdue.push(command);
    const slow = submit('slow');
    const quick = submit('quick');
    session.complete(quick, { outcome: 'completed', tag: null, error: null, rows: 0, bytes: 0 });
    clock.advance(999);
    expect(overdue).toEqual([]);
    clock.advance(1);
    expect(overdue).toEqual([slow]);
  });
});

describe('what the target expects of a held command', () => {
  const draft = (text: string, estimate: CommandDraft['estimate']): CommandDraft => ({ ...testDraft(text), estimate });

  it('is asked once it is held, and told to the review whenever it comes; nothing waits for it', async () => {
    const { session, reviews, decided } = await open();
    let tell: (estimate: RowEstimate) => void = () => {};
    const asked: Command[] = [];
    const estimate = (command: Command): Promise<RowEstimate> => {
      asked.push(command);
      return new Promise((resolve) => {
        tell = resolve;
      });
    };
    const command = session.submit(draft('drop table t', estimate), (one) => void decided.push(one));
    session.submit(draft('select 1', estimate), () => {});
    expect(asked).toEqual([command]);
    reviews.decide({ state: 'approved', by: ['dora'] });
    await settled();
    expect(command.state).toBe('released');
    expect(reviews.estimates).toEqual([]);
    tell({ rows: 3, of: [] });
    await settled();
    expect(reviews.estimates).toEqual([{ rows: 3, of: [] }]);
  });

  it('no connection carries a question about a command that is not held', async () => {
    const { session, submit, reviews, upstreamWire } = await open();
    const assertion = expect.objectContaining({ code: 'base.assertion' }) as Error;
    const command = submit('drop table t');
    const connection = await session.dialPreview(command);
    connection.established();
    expect(() => connection.ask(Buffer.from('look: drop table other'))).toThrow(assertion);
    const another = await session.dialPreview(command);
    another.established();
    another.ask(Buffer.from('look: drop table t'));
    expect(upstreamWire.text()).toBe('look: drop table t');
    reviews.decide({ state: 'denied', by: 'dora', reason: '' });
    await settled();
    await expect(session.dialPreview(command)).rejects.toThrow(assertion);
    await expect(session.dialPreview(submit('select 1'))).rejects.toThrow(assertion);
  });
});
