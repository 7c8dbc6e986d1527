import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Event } from '../core/event.ts';
import * as limits from './limits.ts';
import { indexSessions, type SessionIndexChange } from './sessions.ts';

/** A store in memory that can be made to fail: the real one is tested in its room. */
class FakeStore {
  at = 0;
  rows: SessionIndexChange[] = [];
  batches: number[] = [];
  failing = false;

  async cursor(): Promise<number> {
    return this.at;
  }
  async applyIndexBatch(_name: string, to: number, changes: readonly SessionIndexChange[]): Promise<boolean> {
    if (this.failing) throw new Error('the store is down');
    this.at = to;
    this.rows.push(...changes);
    this.batches.push(changes.length);
    return true;
  }
}

const principal = {
  id: 'local:erin',
  issuer: 'local',
  name: 'erin',
  kind: 'person',
  groups: [],
  credentialId: null,
} as const;

function opened(seq: number): Event {
  return {
    type: 'session.opened',
    seq,
    at: 1000 + seq,
    session: `ses_${seq}`,
    connection: 'con_1',
    source: '127.0.0.1',
    principal,
    resource: 'orders',
    protocol: 'postgres',
    recording: 'strict',
    access: 'engineers',
    client: {},
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function open(store: FakeStore) {
  const clock = new FakeClock();
  const { index, from } = await indexSessions({ store, gateway: 'gw_1', clock, log: silentLog });
  return { index, from, clock };
}

describe('the index of sessions', () => {
  it('begins behind what it has', async () => {
    const store = new FakeStore();
    store.at = 41;
    expect((await open(store)).from).toBe(42);
  });

  it('gathers changes into one batch and moves the cursor with it', async () => {
    const store = new FakeStore();
    const { index, clock } = await open(store);
    index.event(opened(1));
    index.event(opened(2));
    expect(store.rows).toHaveLength(0);
    clock.advance(limits.batchDelayMs);
    await settled();
    expect(store.batches).toEqual([2]);
    expect(store.at).toBe(2);
  });

  it('writes batches of the limit, one past it in the next, and never moves the cursor beyond what is written', async () => {
    const store = new FakeStore();
    const { index, clock } = await open(store);
    for (let seq = 1; seq <= limits.batchChangesMax + 1; seq++) index.event(opened(seq));
    clock.advance(limits.batchDelayMs);
    await settled();
    expect(store.at).toBe(limits.batchChangesMax);
    clock.advance(limits.batchDelayMs);
    await settled();
    expect(store.batches).toEqual([limits.batchChangesMax, 1]);
    expect(store.at).toBe(limits.batchChangesMax + 1);
  });

  it('tries a failed batch again, in order, and loses nothing', async () => {
    const store = new FakeStore();
    store.failing = true;
    const { index, clock } = await open(store);
    index.event(opened(1));
    clock.advance(limits.batchDelayMs);
    await settled();
    store.failing = false;
    index.event(opened(2));
    clock.advance(limits.retryDelayMs);
    await settled();
    expect(store.rows.map(({ session }) => session.id)).toEqual(['ses_1', 'ses_2']);
  });
});
