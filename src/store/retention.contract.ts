/** What every engine must do with recordings as things that are kept, and with checkpoints that were seen. */
import { describe, expect, it } from 'vitest';
import type { RecordingChange, Store } from './index.ts';
import { batchRowsMax, checkpointBytesMax } from './limits.ts';
import { unique } from './store.contract.ts';

const copy = { store: 'vault', key: 'k', digest: 'ab'.repeat(32), lockedUntilMs: null, storedAtMs: 5 };

function opened(session: string, gateway: string, openSeq: number): RecordingChange {
  return {
    type: 'opened',
    recording: {
      session,
      gateway,
      principal: { name: 'ana', kind: 'person', groups: ['dev'], agents: [] },
      resource: { name: 'orders', labels: { env: 'prod', odd: 'a\0b\ud800' }, protocol: 'postgres' },
      startedAtMs: 1,
      openSeq,
    },
  };
}

export function retentionCases(store: () => Store): void {
  describe('recordings that are kept', () => {
    it('move forwards only, and a batch that comes twice changes nothing', async () => {
      const [gateway, session] = [unique('gw'), unique('ses')];
      const { recordings } = store();
      const state = async () => (await recordings.get(session))?.state;
      const first = [opened(session, gateway, 7), { type: 'sealed', session, bytes: 100 }] as const;
      expect(await recordings.apply(gateway, 10, first)).toBe(true);
      expect(await recordings.apply(gateway, 10, [{ type: 'deleted', session, rule: 'x', atMs: 1 }])).toBe(false);
      expect(await recordings.get(session)).toMatchObject({ state: 'local', bytes: 100, openSeq: 7, endedAtMs: null });
      expect((await recordings.get(session))?.resource.labels).toEqual({ env: 'prod', odd: 'a\ufffdb\ufffd' });
      await recordings.apply(gateway, 11, [{ type: 'ended', session, atMs: 20 }, opened(session, gateway, 7)]);
      expect(await recordings.get(session)).toMatchObject({ state: 'local', endedAtMs: 20 });
      await recordings.apply(gateway, 12, [{ type: 'released', session }]);
      expect(await state(), 'what is nowhere else is not released').toBe('local');
      await recordings.apply(gateway, 13, [
        { type: 'stored', session, copy },
        { type: 'released', session },
      ]);
      expect(await recordings.get(session)).toMatchObject({ state: 'released', copy });
      await recordings.apply(gateway, 14, [{ type: 'deleted', session, rule: 'short', atMs: 30 }]);
      await recordings.apply(gateway, 15, [
        { type: 'stored', session, copy },
        { type: 'sealed', session, bytes: 1 },
      ]);
      expect(await recordings.get(session)).toMatchObject({ state: 'deleted', deleted: { rule: 'short', atMs: 30 } });
      await recordings.copyRemoved(session);
      expect((await recordings.get(session))?.copy).toBeNull();
      expect(await recordings.cursor(gateway)).toBe(15);
    });

    it('are listed by age, with the oldest session that goes on', async () => {
      const gateway = unique('gw');
      const { recordings } = store();
      const ids = [3, 1, 2].map((at) => ({ id: unique(`ses${at}`), at }));
      await recordings.apply(
        gateway,
        1,
        ids.flatMap(({ id, at }): RecordingChange[] => [
          opened(id, gateway, at * 10),
          { type: 'sealed', session: id, bytes: at },
          { type: 'ended', session: id, atMs: at },
        ]),
      );
      const bare = unique('bare');
      await recordings.apply(gateway, 2, [opened(bare, gateway, 1), { type: 'ended', session: bare, atMs: 1 }]);
      const filter = { gateway, states: ['local', 'stored'], endedBeforeMs: 3 } as const;
      const page = await recordings.list(filter, { limit: 1, after: null });
      expect(page.map(({ endedAtMs }) => endedAtMs)).toEqual([1]);
      const after = { endedAtMs: 1, session: page[0]!.session };
      expect((await recordings.list(filter, { limit: 10, after })).map(({ endedAtMs }) => endedAtMs)).toEqual([2]);
      expect(await recordings.oldestOpen(gateway)).toBeNull();
      const live = [unique('live'), unique('live')] as const;
      await recordings.apply(gateway, 3, [
        { type: 'deleted', session: page[0]!.session, rule: null, atMs: 9 },
        opened(live[0], gateway, 40),
        opened(live[1], gateway, 35),
        { type: 'sealed', session: live[1], bytes: 1 },
      ]);
      expect(await recordings.oldestOpen(gateway), 'sealed, and not over').toBe(35);
      await recordings.apply(gateway, 4, [{ type: 'ended', session: live[1], atMs: 50 }]);
      expect(await recordings.oldestOpen(gateway)).toBe(40);
      expect(await recordings.totals(gateway)).toEqual([
        { state: 'deleted', count: 1, bytes: 1 },
        { state: 'local', count: 3, bytes: 6 },
        { state: 'none', count: 1, bytes: 0 },
        { state: 'open', count: 1, bytes: 0 },
      ]);
    });

    it('take batches as large as any, and none larger', async () => {
      const gateway = unique('gw');
      const change: RecordingChange = { type: 'released', session: 'nobody' };
      expect(await store().recordings.apply(gateway, 1, Array(batchRowsMax).fill(change))).toBe(true);
      await expect(store().recordings.apply(gateway, 2, Array(batchRowsMax + 1).fill(change))).rejects.toMatchObject({
        code: 'store.batch-too-large',
      });
    });
  });

  describe('checkpoints that were seen', () => {
    it('are kept as they came, and two roots at one size are both kept', async () => {
      const journal = unique('journal');
      const { witnessed } = store();
      const seen = (size: number, root: string) => ({
        journal,
        size,
        root,
        text: `${size} ${root}`,
        atMs: size,
        source: 'gw',
      });
      expect(await witnessed.put(seen(10, 'a'))).toBe('new');
      expect(await witnessed.put(seen(10, 'a'))).toBe('known');
      expect(await witnessed.put(seen(20, 'b'))).toBe('new');
      expect(await witnessed.put(seen(20, 'c'))).toBe('forked');
      expect(
        (await witnessed.list(journal, { limit: 2, beforeSize: null, source: null })).map(({ root }) => root),
      ).toEqual(['b', 'c']);
      expect(
        (await witnessed.list(journal, { limit: 2, beforeSize: 20, source: null })).map(({ size }) => size),
      ).toEqual([10]);
      expect(await witnessed.list(journal, { limit: 9, beforeSize: null, source: 'other' })).toEqual([]);
      expect(await witnessed.list(unique('none'), { limit: 9, beforeSize: null, source: null })).toEqual([]);
      expect(await witnessed.journals()).toContain(journal);
      expect(await witnessed.put({ ...seen(30, 'd'), text: 'x'.repeat(checkpointBytesMax) })).toBe('new');
      await expect(witnessed.put({ ...seen(31, 'd'), text: 'x'.repeat(checkpointBytesMax + 1) })).rejects.toMatchObject(
        { code: 'store.too-large' },
      );
    });
  });
}
