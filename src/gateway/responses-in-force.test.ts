/** What responses of detections make of judgements, and for how long. */
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { allowed, type HoldTerms, type Judgement, type JudgeRequest } from '../core/judgement.ts';
import type { NewResponse } from '../store/index.ts';
import { ResponsesInForce } from './responses-in-force.ts';

const verbs = ['query', 'prepare', 'execute'];
const can = { assurance: 'exact', languages: ['sql'], verbs, rowEstimates: false, limits: true } as const;
const protocols = [
  { name: 'postgres', capabilities: { ...can, holds: true, masks: true } },
  { name: 'plain', capabilities: { ...can, holds: false, masks: false } },
] as never;

function response(change: Partial<NewResponse> = {}): NewResponse {
  return {
    id: `res_${Math.abs(hash(JSON.stringify(change)))}`,
    gateway: 'gw',
    alert: 'al_1',
    detection: 'bulk',
    kind: 'hold',
    severity: 'high',
    owner: { id: 'local:erin', name: 'erin' },
    session: null,
    points: 0,
    reviewers: { names: [], groups: ['dba'] },
    message: 'The detection bulk did it.',
    sinceMs: 0,
    untilMs: null,
    ...change,
  };
}

function hash(text: string): number {
  let value = 7;
  for (const character of text) value = (value * 31 + character.charCodeAt(0)) | 0;
  return value;
}

function request(
  change: { session?: string; verb?: string; protocol?: string; principal?: string } = {},
): JudgeRequest {
  return {
    command: { kind: 'sql', verb: change.verb ?? 'query', text: 'select 1' },
    principal: { id: change.principal ?? 'local:erin', name: 'erin' },
    resource: { name: 'orders', protocol: change.protocol ?? 'postgres' },
    session: { id: change.session ?? 'ses_1' },
    nowMs: 0,
  } as never;
}

const plain = allowed({ name: 'allow', rule: 'access', reason: '' });
const hold = (rule: string, groups: readonly string[]): HoldTerms => ({
  rule,
  reviewers: { names: [], groups },
  approvals: 1,
  withinMs: 60_000,
  inTransactionMs: 60_000,
  escalation: null,
  breakGlass: [],
  message: `${rule} says so`,
});

function world() {
  const clock = new FakeClock();
  const inForce = new ResponsesInForce({ clock, hashKey: Buffer.alloc(32), protocols });
  const judge = (judgement: Judgement = plain, asked = request()): Judgement =>
    inForce.join({ judge: () => judgement }, asked);
  return { clock, inForce, judge };
}

describe('responses in force', () => {
  it('change nothing for whom they do not concern', () => {
    const { inForce, judge } = world();
    expect(judge()).toBe(plain);
    inForce.put(response({ session: 'ses_1' }));
    expect(judge(plain, request({ session: 'ses_2' }))).toBe(plain);
    expect(judge(plain, request({ principal: 'local:dana' }))).toBe(plain);
    expect(judge().verdict.name).toBe('hold');
  });

  it('hold with the reviewers of the detection, and what is prepared when it runs', () => {
    const { inForce, judge } = world();
    inForce.put(response());
    const { verdict, hold: terms } = judge();
    expect(verdict).toEqual({ name: 'hold', rule: 'detection:bulk', reason: 'The detection bulk did it.' });
    expect(terms).toMatchObject({ reviewers: { groups: ['dba'] }, approvals: 1, rule: 'detection:bulk' });
    // Asked again, it is the same hold to the letter: an approval counts for it.
    expect(JSON.stringify(judge().hold)).toBe(JSON.stringify(terms));
    expect(judge(plain, request({ verb: 'prepare' })).verdict.name).toBe('allow');
    expect(judge(plain, request({ verb: 'execute' })).verdict.name).toBe('hold');
  });

  it('never make anything less strict: what the rules block or end stays so, and of two holds both count', () => {
    const { inForce, judge } = world();
    inForce.put(response());
    inForce.put(response({ kind: 'step-up' }));
    inForce.put(response({ kind: 'mask' }));
    for (const name of ['block', 'terminate'] as const) {
      const strict = allowed({ name, rule: 'r', reason: 'no' });
      expect(judge(strict)).toBe(strict);
    }
    const rule = {
      ...plain,
      verdict: { name: 'hold', rule: 'r', reason: 'r says so' },
      hold: hold('r', ['dba', 'sre']),
    } as const;
    expect(judge(rule)).toMatchObject({
      verdict: { name: 'hold', rule: 'r' },
      hold: { stepUp: true, reviewers: { groups: ['dba'] } },
    });
    expect(judge(rule).output).not.toBeNull();
    // There is nobody whom both accept: no one review would satisfy them.
    const other = { ...rule, hold: hold('r', ['sre']) };
    expect(judge(other).verdict).toMatchObject({
      name: 'block',
      reason: expect.stringContaining('different reviewers'),
    });
    expect(judge(other)).toMatchObject({ hold: null, output: null });
  });

  it('ask for a confirmation, which reviewers do not take away', () => {
    const { inForce, judge } = world();
    inForce.put(response({ kind: 'step-up' }));
    expect(judge()).toMatchObject({
      verdict: { name: 'hold', rule: 'detection:bulk' },
      hold: { stepUp: true, reviewers: { names: [], groups: [] } },
    });
  });

  it('mask everything that comes back', () => {
    const { inForce, judge } = world();
    inForce.put(response({ kind: 'mask' }));
    const judgement = judge();
    expect(judgement.verdict).toMatchObject({ name: 'mask', rule: 'detection:bulk' });
    expect(judgement.output?.otherwise).toMatchObject({ rule: 'detection:bulk' });
    // The same plan each time.
    expect(judge().output).toBe(judgement.output);
  });

  it('block where a protocol can neither wait nor mask, and where nobody could decide', () => {
    const { inForce, judge } = world();
    inForce.put(response());
    const asked = request({ protocol: 'plain' });
    expect(judge(plain, asked).verdict).toMatchObject({
      name: 'block',
      reason: expect.stringContaining('cannot wait'),
    });
    inForce.remove(inForce.all()[0]!.response.id);
    inForce.put(response({ kind: 'mask' }));
    expect(judge(plain, asked).verdict).toMatchObject({
      name: 'block',
      reason: expect.stringContaining('cannot be masked'),
    });
    inForce.put(response({ reviewers: { names: [], groups: [] } }));
    expect(judge().verdict).toMatchObject({ name: 'block', reason: expect.stringContaining('Nobody is named') });
  });

  it('add up as risk, to a hundred; the session’s own is not the principal’s', () => {
    const { inForce } = world();
    inForce.put(response({ kind: 'risk', points: 40 }));
    inForce.put(response({ kind: 'risk', points: 30, session: 'ses_1' }));
    expect(inForce.riskOf('local:erin', 'ses_1')).toEqual({ session: 70, principal: 40 });
    expect(inForce.riskOf('local:erin', 'ses_2')).toEqual({ session: 40, principal: 40 });
    expect(inForce.riskOf('local:erin', null)).toEqual({ session: 40, principal: 40 });
    inForce.put(response({ kind: 'risk', points: 90 }));
    expect(inForce.riskOf('local:erin', 'ses_1')).toEqual({ session: 100, principal: 100 });
    expect(inForce.riskOf('local:dana', null)).toEqual({ session: 0, principal: 0 });
    const seen: unknown[] = [];
    const judge = (asked: JudgeRequest): Judgement => {
      seen.push(asked.risk);
      return plain;
    };
    inForce.join({ judge }, request());
    expect(seen).toEqual([{ session: 100, principal: 100 }]);
  });

  it('last for their time by the monotonic clock, whatever the wall clock does (F-15)', () => {
    const { clock, inForce, judge } = world();
    const nowMs = clock.now();
    expect(inForce.put(response({ sinceMs: nowMs, untilMs: nowMs }))).toBe(false);
    expect(inForce.put(response({ sinceMs: nowMs, untilMs: nowMs + 60_000 }))).toBe(true);
    clock.stepWall(3_600_000);
    expect(judge().verdict.name).toBe('hold');
    clock.advance(59_999);
    expect(judge().verdict.name).toBe('hold');
    clock.advance(1);
    expect(judge()).toBe(plain);
    expect(inForce.expire()).toHaveLength(1);
    expect(inForce.size).toBe(0);
    expect(inForce.expire()).toEqual([]);
  });

  it('are found and let go of one by one', () => {
    const { inForce } = world();
    const [one, two] = [response(), response({ kind: 'risk', points: 5 })];
    inForce.put(one);
    inForce.put(one);
    inForce.put(two);
    expect(inForce.of('local:erin', 'ses_9').map(({ kind }) => kind)).toEqual(['hold', 'risk']);
    expect(inForce.remove(one.id)).toBe(one);
    expect(inForce.remove(one.id)).toBeNull();
    expect(inForce.of('local:erin', null)).toEqual([two]);
    inForce.remove(two.id);
    expect(inForce.of('local:erin', null)).toEqual([]);
  });
});
