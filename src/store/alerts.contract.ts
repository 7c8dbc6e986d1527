/**
 * What every engine must do for alerts, responses and the state of detectors: part of `store.contract.ts`, which runs it.
 */
import { describe, expect, it } from 'vitest';
import type { IdNotice, NewAlert, NewResponse, Store, StoredTrailEntry } from './index.ts';
import { alertEvidenceMax, alertTextBytesMax, alertTrailMax, detectorStateBytesMax, pageRowsMax } from './limits.ts';
import { codeOf, until } from './store.contract.ts';

let serial = 0;
const unique = (prefix: string): string => `${prefix}-a${String(++serial).padStart(4, '0')}`;
const noWait = async (): Promise<void> => {};

function alert(id: string, change: Partial<NewAlert> = {}): NewAlert {
  return {
    id,
    gateway: 'gw-1',
    detection: 'bulk-download',
    origin: 'detection',
    severity: 'high',
    summary: 'erin read 50000 rows',
    principal: { id: 'local:erin', name: 'erin' },
    session: 'ses_1',
    command: 3,
    resource: 'orders',
    firstAtMs: 1_000,
    sequence: 10,
    lastSequence: 9,
    evidence: [7, 9],
    facts: { rows: 50_000 },
    isDry: false,
    suppressed: null,
    ...change,
  };
}

function response(id: string, change: Partial<NewResponse> = {}): NewResponse {
  return {
    id,
    gateway: 'gw-1',
    alert: 'alt_1',
    detection: 'bulk-download',
    kind: 'hold',
    severity: 'high',
    owner: { id: 'local:erin', name: 'erin' },
    session: null,
    points: 0,
    reviewers: { names: [], groups: ['dba'] },
    message: 'Ask the DBAs.',
    sinceMs: 1_000,
    untilMs: 5_000,
    ...change,
  };
}

function entry(sequence: number, change: Partial<StoredTrailEntry> = {}): StoredTrailEntry {
  const by = { id: 'local:root', name: 'root' };
  return { gateway: 'gw-1', sequence, atMs: 2_000, by, action: 'comment', to: null, text: 'looking', ...change };
}

export function alertCases(store: () => Store): void {
  describe('alerts', () => {
    it('keep what was given, and stay as they are when it is given again', async () => {
      const id = unique('alt');
      await store().alerts.write([alert(id)], []);
      await store().alerts.act(id, entry(20, { action: 'acknowledge' }), null);
      await store().alerts.write([alert(id, { summary: 'otherwise' }), alert(id)], []);
      expect(await store().alerts.get(id)).toEqual({
        ...alert(id),
        state: 'acknowledged',
        resolution: null,
        assignee: null,
        count: 1,
        lastAtMs: 1_000,
        trail: [entry(20, { action: 'acknowledge' })],
      });
      expect(await store().alerts.get('absent')).toBeNull();
    });

    it('take odd text as it fits, since nothing may stop all that comes after', async () => {
      const id = unique('alt');
      const odd = `a\0b\ud800 ${'ü'.repeat(alertTextBytesMax)}`;
      await store().alerts.write([alert(id, { summary: odd, resource: odd, facts: { [odd]: odd } })], []);
      const kept = (await store().alerts.get(id))!;
      expect(kept.summary.startsWith('a\ufffdb\ufffd ü')).toBe(true);
      expect(Buffer.byteLength(kept.summary)).toBeLessThanOrEqual(alertTextBytesMax);
    });

    it('become what was said of them last, and never what was said before', async () => {
      const id = unique('alt');
      const update = (count: number, lastSequence: number) => ({
        id,
        summary: `${count} times`,
        count,
        lastSequence,
        lastAtMs: lastSequence * 100,
        evidence: [7, lastSequence],
        facts: { rows: count },
      });
      await store().alerts.write([alert(id)], [update(2, 12), update(3, 15)]);
      await store().alerts.write([alert(id)], [update(2, 12)]);
      expect(await store().alerts.get(id)).toMatchObject({
        summary: '3 times',
        count: 3,
        firstAtMs: 1_000,
        lastAtMs: 1_500,
        lastSequence: 15,
        evidence: [7, 15],
        facts: { rows: 3 },
      });
      // Of an alert that is not there nothing comes.
      await store().alerts.write([], [{ ...update(9, 99), id: 'absent' }]);
    });

    it('bound their evidence and their trail', async () => {
      const id = unique('alt');
      const evidence = Array.from({ length: alertEvidenceMax + 1 }, (_, at) => at + 1);
      await store().alerts.write([alert(id, { evidence })], []);
      expect((await store().alerts.get(id))!.evidence).toEqual(evidence.slice(0, alertEvidenceMax));
      for (let at = 0; at < alertTrailMax + 1; at++) await store().alerts.act(id, entry(1_000 + at), null);
      expect((await store().alerts.get(id))!.trail).toHaveLength(alertTrailMax);
    }, 60_000);

    it('change by what people do, once for each event of the journal', async () => {
      const id = unique('alt');
      await store().alerts.write([alert(id)], []);
      const act = (sequence: number, change: Partial<StoredTrailEntry>, to: string | null = null) =>
        store().alerts.act(id, entry(sequence, change), to === null ? null : { id: `local:${to}`, name: to });
      expect(await act(1, { action: 'assign', to: 'dana' }, 'dana')).toMatchObject({
        state: 'open',
        assignee: { id: 'local:dana', name: 'dana' },
      });
      expect(await act(2, { action: 'comment' })).toMatchObject({ state: 'open', assignee: { name: 'dana' } });
      expect(await act(3, { action: 'resolve' })).toMatchObject({ state: 'resolved', resolution: 'resolved' });
      expect(await act(4, { action: 'false-positive' })).toMatchObject({ resolution: 'false-positive' });
      expect(await act(5, { action: 'reopen' })).toMatchObject({ state: 'open', resolution: null });
      // Again, and the same sequence of another gateway, which is another event.
      expect(await act(3, { action: 'resolve' })).toMatchObject({ state: 'open' });
      expect(await act(3, { action: 'resolve', gateway: 'gw-2' })).toMatchObject({ state: 'resolved' });
      expect((await store().alerts.get(id))!.trail.map(({ action }) => action)).toEqual([
        'assign',
        'comment',
        'resolve',
        'false-positive',
        'reopen',
        'resolve',
      ]);
      expect(await store().alerts.act('absent', entry(1), null)).toBeNull();
    });

    it('are listed newest first, by filter and page, and counted while they are open', async () => {
      const detection = unique('listed');
      const ids = Array.from({ length: 7 }, (_, at) => `${detection}-${at}`);
      const before = (await store().alerts.countOpen()).get('critical') ?? 0;
      await store().alerts.write(
        ids.map((id, at) =>
          alert(id, {
            detection,
            firstAtMs: 100 + at,
            severity: at < 3 ? 'critical' : 'low',
            principal: at === 0 ? null : { id: `local:p${at % 2}`, name: `p${at % 2}` },
            isDry: at === 1,
            suppressed: at === 2 ? 'known' : null,
          }),
        ),
        [],
      );
      expect(((await store().alerts.countOpen()).get('critical') ?? 0) - before).toBe(1);
      const list = async (filter: object, limit = 50) =>
        (await store().alerts.list({ detection, ...filter }, { limit })).map(({ id }) => id.slice(-1)).join('');
      expect(await list({})).toBe('6543210');
      expect(await list({ states: ['suppressed'] })).toBe('21');
      expect(await list({ severities: ['critical', 'high'] })).toBe('210');
      expect(await list({ principalId: 'local:p1' })).toBe('531');
      expect(await list({ principal: 'p0' })).toBe('642');
      expect(await list({ resource: 'other' })).toBe('');
      expect(await list({ session: 'ses_1', sinceMs: 101, untilMs: 103 })).toBe('21');
      const first = await store().alerts.list({ detection }, { limit: 3 });
      const after = { atMs: first.at(-1)!.firstAtMs, id: first.at(-1)!.id };
      expect((await store().alerts.list({ detection }, { limit: 9, after })).map(({ id }) => id.slice(-1))).toEqual([
        '3',
        '2',
        '1',
        '0',
      ]);
      expect(await codeOf(store().alerts.list({}, { limit: pageRowsMax + 1 }))).toBe('store.bad-limit');
    });

    it('are deleted when they are old and over, and kept while somebody has to look', async () => {
      const [over, open] = [unique('alt'), unique('alt')];
      const old = { firstAtMs: -90_000 };
      await store().alerts.write([alert(over, { ...old, isDry: true }), alert(open, old)], []);
      expect(await store().alerts.purge(-80_000)).toBe(1);
      expect(await store().alerts.get(over)).toBeNull();
      expect(await store().alerts.get(open)).not.toBeNull();
    });
  });

  describe('responses', () => {
    it('are applied once, tell so, and never come back once they ended (I15)', async () => {
      const [id, other] = [unique('res'), unique('res')];
      const told: IdNotice[] = [];
      const stop = store().responses.onChange((notice) => void told.push(notice));
      expect(
        await store().responses.apply([response(id), response(other, { session: 'ses_1', untilMs: null })]),
      ).toEqual(expect.arrayContaining([id, other]));
      expect(await store().responses.get(id)).toEqual({ ...response(id), endedAtMs: null, endedBy: null });
      let written = 0;
      const end = () => store().responses.end(id, 'root', 2_000, async () => void written++);
      await expect(
        store().responses.end(id, 'root', 2_000, () => Promise.reject(new Error('the journal failed'))),
      ).rejects.toThrow('the journal failed');
      expect(await store().responses.get(id)).toMatchObject({ endedAtMs: null });
      expect([await end(), await end(), written]).toEqual([true, false, 1]);
      expect(await store().responses.apply([response(id)])).toEqual([]);
      expect(await store().responses.get(id)).toMatchObject({ endedAtMs: 2_000, endedBy: 'root' });
      await until(() => told.length >= 2);
      stop();
      expect(told).toEqual([
        { type: 'changed', ids: expect.arrayContaining([id, other]) as string[] },
        { type: 'changed', ids: [id] },
      ]);
      expect(await store().responses.apply([])).toEqual([]);
      expect(await codeOf(store().responses.apply([response('')]))).toBe('store.empty');
    });

    it('are listed while they are in force, and deleted when they are long over', async () => {
      const [owner, alertId] = [unique('owner'), unique('alt')];
      const of = { owner: { id: owner, name: 'x' }, alert: alertId };
      const ids = [1, 2, 3].map((at) => `${alertId}-${at}`);
      await store().responses.apply([
        response(ids[0]!, { ...of, sinceMs: -9_000, untilMs: -5_000 }),
        response(ids[1]!, { ...of, sinceMs: -8_000, untilMs: null }),
        response(ids[2]!, { ...of, sinceMs: -7_000, untilMs: -1_000 }),
      ]);
      const list = async (filter: object) =>
        (await store().responses.list({ ownerId: owner, ...filter }, { limit: 9 }))
          .map(({ id }) => id.slice(-1))
          .join('');
      expect([await list({}), await list({ liveAtMs: -5_000 }), await list({ liveAtMs: -5_001 })]).toEqual([
        '321',
        '32',
        '321',
      ]);
      await store().responses.end(ids[1]!, null, -6_000, noWait);
      expect([await list({ liveAtMs: -5_000 }), await list({ alert: 'other' })]).toEqual(['3', '']);
      const page = await store().responses.list({ alert: alertId }, { limit: 9, after: { atMs: -7_000, id: ids[2]! } });
      expect(page.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
      expect(await store().responses.purge(-4_999)).toBe(2);
      expect(await list({})).toBe('3');
    });
  });

  describe('the state of detectors', () => {
    it('moves with its cursor, whole, and never back', async () => {
      const gateway = unique('gw');
      const save = (sequence: number, states: Record<string, string>) =>
        store().detectors.save(gateway, { sequence, states: new Map(Object.entries(states)) });
      expect(await store().detectors.load(gateway)).toBeNull();
      expect(await save(5, { one: '{"a":1}', two: '"\\u0000"' })).toBe(true);
      expect(await save(5, { one: '{"a":2}', three: '[]' })).toBe(true);
      expect(await save(4, { one: '{"a":3}' })).toBe(false);
      expect(await store().detectors.load(gateway)).toEqual({
        sequence: 5,
        states: new Map([
          ['one', '{"a":2}'],
          ['three', '[]'],
        ]),
      });
      expect(await store().detectors.load(unique('gw'))).toBeNull();
      await store().detectors.clear(gateway);
      expect(await store().detectors.load(gateway)).toBeNull();
    });

    it('is refused where it is too large, and what was there stays', async () => {
      const gateway = unique('gw');
      const save = (sequence: number, state: string) =>
        store().detectors.save(gateway, { sequence, states: new Map([['one', state]]) });
      expect(await save(1, 'x'.repeat(1024 * 1024))).toBe(true);
      expect(await codeOf(save(2, 'x'.repeat(detectorStateBytesMax + 1)))).toBe('store.too-large');
      expect((await store().detectors.load(gateway))!.sequence).toBe(1);
    }, 60_000);
  });
}
