import { describe, expect, it } from 'vitest';
import { type HeldCandidate, holdsOn, journalHeldFromMs, keepingOf, leastKeepMs, type NamedHold } from './retention.ts';

const prod = { name: 'orders', labels: { env: 'prod' }, protocol: 'postgres' };
const dev = { name: 'shop', labels: { env: 'dev' }, protocol: 'http' };
const dayMs = 86_400_000;
const rules = [
  { name: 'all', spec: { of: 'recordings', keep: '30d' } },
  { name: 'prod', spec: { of: 'recordings', match: { resources: { labels: { env: 'prod' } } }, keep: '365d' } },
  { name: 'web', spec: { of: 'recordings', match: { resources: { protocols: ['http'] } }, keep: '7d' } },
  { name: 'sql', spec: { of: 'entries', match: { kinds: ['sql'] }, keep: '10d' } },
] as const;

describe('how long something is kept', () => {
  it('is as long as the longest rule that selects it says', () => {
    expect(keepingOf(rules, 'recordings', prod)).toEqual({ rule: 'prod', keepMs: 365 * dayMs });
    expect(keepingOf(rules, 'recordings', dev)).toEqual({ rule: 'all', keepMs: 30 * dayMs });
    expect(leastKeepMs(rules, 'recordings')).toBe(7 * dayMs);
  });

  it('is for ever where no rule selects it', () => {
    expect(keepingOf(rules, 'journal', null)).toBeNull();
    expect(keepingOf(rules, 'entries', prod, 'shell')).toBeNull();
    expect(keepingOf(rules, 'entries', prod, 'sql')?.rule).toBe('sql');
    // What is of no kind, and of no resource, is selected by no rule for kinds and resources.
    expect(keepingOf(rules, 'entries', null, null)).toBeNull();
    expect(keepingOf(rules.slice(1), 'recordings', null)).toBeNull();
    expect(leastKeepMs(rules, 'alerts')).toBeNull();
  });
});

describe('holds', () => {
  const session: HeldCandidate = {
    session: 'ses_1',
    principal: { name: 'ana', kind: 'person', groups: ['dba'] },
    resource: prod,
    startedAtMs: Date.parse('2026-03-01T00:00:00Z'),
    endedAtMs: Date.parse('2026-03-02T00:00:00Z'),
  };
  const hold = (match: NamedHold['spec']['match'], times: Partial<NamedHold['spec']> = {}): NamedHold => ({
    name: 'matter',
    spec: { reason: 'x', match, ...times },
  });
  const holds = (one: NamedHold, candidate = session): boolean => holdsOn([one], candidate).length > 0;

  it('select by principal, resource and session, all that is given', () => {
    expect(holds(hold({}))).toBe(true);
    expect(holds(hold({ principals: { names: ['ana'] } }))).toBe(true);
    expect(holds(hold({ principals: { groups: ['dba'] }, resources: { names: ['shop'] } }))).toBe(false);
    expect(holds(hold({ sessions: ['ses_1'] }))).toBe(true);
    expect(holds(hold({ sessions: ['ses_2'] }))).toBe(false);
    expect(holds(hold({ principals: { names: ['bob'] } }))).toBe(false);
    expect(holds(hold({ principals: { names: ['bob'] } }), { ...session, principal: null })).toBe(true);
  });

  it('select what lay in their time, at the bounds', () => {
    const at = (text: string) => new Date(Date.parse(text)).toISOString();
    expect(holds(hold({}, { since: at('2026-03-02T00:00:00Z') }))).toBe(true);
    expect(holds(hold({}, { since: at('2026-03-02T00:00:00.001Z') }))).toBe(false);
    expect(holds(hold({}, { since: at('2026-04-01T00:00:00Z') }), { ...session, endedAtMs: null })).toBe(true);
    expect(holds(hold({}, { until: at('2026-03-01T00:00:00.001Z') }))).toBe(true);
    expect(holds(hold({}, { until: at('2026-03-01T00:00:00Z') }))).toBe(false);
  });

  it('keep the journal from their beginning on', () => {
    expect(journalHeldFromMs([])).toBe(Number.POSITIVE_INFINITY);
    expect(journalHeldFromMs([hold({}, { since: '2026-01-01T00:00:00Z' })])).toBe(Date.parse('2026-01-01T00:00:00Z'));
    expect(journalHeldFromMs([hold({}, { since: '2026-01-01T00:00:00Z' }), hold({})])).toBe(0);
  });
});
