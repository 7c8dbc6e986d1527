/** Retention over a register in memory: what goes, what stays, and what keeps the journal. The stores' own parts are tested there. */
import { expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { StoredObject, StoredRecording } from '../store/index.ts';
import * as limits from './limits.ts';
import { openRetention, type RetentionParts } from './retention.ts';

const dayMs = 86_400_000;
const admin = {
  id: 'local:admin',
  issuer: 'local',
  name: 'admin',
  kind: 'person',
  groups: [],
  credentialId: null,
} as const;

function recording(session: string, endedAtMs: number, openSeq: number, env = 'prod'): StoredRecording {
  return {
    session,
    gateway: 'gw_1',
    principal: { name: 'ana', kind: 'person', groups: [], agents: [] },
    resource: { name: 'orders', labels: { env }, protocol: 'postgres' },
    startedAtMs: endedAtMs - 1,
    endedAtMs,
    openSeq,
    state: 'local',
    bytes: 10,
    copy: null,
    deleted: null,
  };
}

function world(recordings: StoredRecording[], documents: Readonly<Record<string, readonly object[]>>) {
  const clock = new FakeClock();
  const destroyed: string[] = [];
  const pruned: number[] = [];
  const deletedEntries: [string | null, string | null, number][] = [];
  let needed: { by: string; sequence: number }[] = [];
  const kept = () => recordings.filter(({ session }) => !destroyed.includes(session));
  const parts: RetentionParts = {
    gateway: 'gw_1',
    clock,
    log: silentLog,
    objects: {
      list: async (kind: string) =>
        (documents[kind] ?? []).map(
          (spec, at) => ({ name: `${kind.toLowerCase()}-${at}`, spec }) as unknown as StoredObject,
        ),
    },
    register: {
      get: async (session: string) => kept().find((one) => one.session === session) ?? null,
      list: async (filter: { endedBeforeMs: number }, page: { after: { session: string } | null }) =>
        page.after === null ? kept().filter(({ endedAtMs }) => endedAtMs! < filter.endedBeforeMs) : [],
      oldestOpen: async () => recordings.find(({ state }) => state === 'open')?.openSeq ?? null,
      totals: async () => [],
    } as unknown as RetentionParts['register'],
    recordings: {
      destroy: async (session) => {
        destroyed.push(session);
        return true;
      },
    },
    journal: {
      durableSequence: 1000,
      prunedTo: () => pruned.at(-1) ?? 0,
      // One event a day.
      before: async (ms) => Math.max(0, Math.floor(ms / dayMs)),
      prune: async (to) => {
        pruned.push(to);
        return to;
      },
    },
    entries: {
      resources: async () => ['orders'],
      deleteEntries: async ({ resource, kind }, beforeMs) => {
        deletedEntries.push([resource, kind ?? null, beforeMs]);
        return 0;
      },
      deleteAlerts: async () => 0,
    },
    archive: () => null,
    resource: () => ({ labels: { env: 'prod' }, protocol: 'postgres' }),
    needed: async () => needed,
  };
  clock.advance(100 * dayMs);
  return {
    clock,
    destroyed,
    pruned,
    deletedEntries,
    retention: openRetention(parts),
    need: (by: string, sequence: number) => {
      needed = [{ by, sequence }];
    },
  };
}

const now = new FakeClock().now() + 100 * dayMs;

it('deletes what is over, at the bound and not before, and nothing without a rule', async () => {
  const young = recording('ses_young', now - 30 * dayMs + 1, 5);
  const over = recording('ses_over', now - 30 * dayMs, 4);
  const held = world([young, over], {});
  expect(await held.retention.run(admin)).toEqual({ recordings: 0, entries: 0, alerts: 0, prunedTo: null });
  await held.retention.close();
  const { retention, destroyed } = world([young, over], { Retention: [{ of: 'recordings', keep: '30d' }] });
  expect((await retention.retention()).due.map(({ session }) => session)).toEqual(['ses_over']);
  expect((await retention.run(admin)).recordings).toBe(1);
  expect(destroyed).toEqual(['ses_over']);
  await retention.close();
});

it('keeps what is held, by any rule and by hand', async () => {
  const { retention, destroyed } = world([recording('ses_1', 0, 4)], {
    Retention: [{ of: 'recordings', keep: '1d' }],
    LegalHold: [{ reason: 'a matter', match: { principals: { names: ['ana'] } } }],
  });
  expect((await retention.run(admin)).recordings).toBe(0);
  expect((await retention.retention()).due).toMatchObject([{ session: 'ses_1', heldBy: ['legalhold-0'] }]);
  await expect(retention.deleteRecording('ses_1', admin, 'please')).rejects.toMatchObject({ code: 'api.held' });
  await expect(retention.deleteRecording('ses_2', admin, 'please')).rejects.toMatchObject({ code: 'api.not-found' });
  expect(destroyed).toEqual([]);
  await retention.close();
});

it('prunes the journal as far as nobody needs it, and says who does', async () => {
  const rules = [{ of: 'journal', keep: '10d' }];
  const whole = world([], { Retention: rules });
  const cut = Math.floor((now - 10 * dayMs) / dayMs);
  expect((await whole.retention.run(admin)).prunedTo).toBe(cut);
  expect((await whole.retention.run(admin)).prunedTo, 'nothing more').toBeNull();
  await whole.retention.close();
  const recorded = world([{ ...recording('ses_1', now, 7), state: 'open' }], { Retention: rules });
  expect((await recorded.retention.retention()).journal).toMatchObject({ prunableTo: 6 });
  recorded.need('the sink soc', 3);
  expect((await recorded.retention.retention()).journal).toEqual({
    events: 1000,
    prunedTo: 0,
    prunableTo: 2,
    because: 'the sink soc has not come further',
  });
  await recorded.retention.close();
  const hold = { reason: 'x', match: {}, since: new Date(20 * dayMs).toISOString() };
  const held = world([], { Retention: rules, LegalHold: [hold] });
  expect((await held.retention.run(admin)).prunedTo).toBe(20);
  await held.retention.close();
});

it('deletes entries by resource and kind, and looks each hour', async () => {
  const { retention, deletedEntries, clock } = world([], {
    Retention: [{ of: 'entries', match: { kinds: ['sql'] }, keep: '10d' }],
  });
  clock.advance(limits.retentionIntervalMs);
  await retention.run(admin);
  expect(new Set(deletedEntries.map(([resource, kind]) => `${resource} ${kind}`))).toEqual(
    new Set(['null sql', 'orders sql']),
  );
  expect(deletedEntries.length).toBe(4);
  await retention.close();
});
