import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { CancelRegistry } from './cancel.ts';
import * as limits from './limits.ts';

const home = '192.0.2.1';
const away = '192.0.2.2';

describe('CancelRegistry', () => {
  test('A-PG-25: short keys count from the address of their session only, long ones from anywhere', async () => {
    const cancels = new CancelRegistry(new FakeClock());
    const from: string[] = [];
    const cancel = async (source: string): Promise<void> => void from.push(source);
    const short = cancels.register(0, home, cancel);
    const long = cancels.register(2, home, cancel);
    expect(await cancels.request(short.processId, short.key, away)).toBe('unknown');
    expect(await cancels.request(short.processId, short.key, home)).toBe('cancelled');
    expect(await cancels.request(long.processId, long.key, away)).toBe('cancelled');
    expect(from).toEqual([home, away]);
  });

  test('A-PG-25: a replayed key of a session that is over is worthless', async () => {
    const cancels = new CancelRegistry(new FakeClock());
    const { processId, key, release } = cancels.register(2, home, () => Promise.reject(new Error('must not happen')));
    release();
    expect(await cancels.request(processId, key, home)).toBe('unknown');
    expect(cancels.size).toBe(0);
  });

  test('A-PG-26: releasing twice does not take the key of a later session', () => {
    const cancels = new CancelRegistry(new FakeClock());
    const first = cancels.register(2, home, async () => {});
    first.release();
    const others = Array.from({ length: 100 }, () => cancels.register(2, home, async () => {}));
    first.release();
    expect(cancels.size).toBe(others.length);
  });

  test('A-PG-25: an address with too many wrong keys is ignored, even with the right one, until the window is over', async () => {
    const clock = new FakeClock();
    const cancels = new CancelRegistry(clock);
    let cancelled = 0;
    const { processId, key } = cancels.register(2, home, async () => void cancelled++);
    for (let miss = 0; miss < limits.cancelMissesMax; miss++) {
      expect(await cancels.request(processId, Buffer.alloc(32), away)).toBe('unknown');
    }
    expect(await cancels.request(processId, key, away)).toBe('ignored');
    expect(await cancels.request(processId, key, home)).toBe('cancelled');
    clock.advance(limits.cancelWindowMs);
    expect(await cancels.request(processId, key, away)).toBe('cancelled');
    expect(cancelled).toBe(2);
  });

  test('keys and process ids are never the same twice', () => {
    const cancels = new CancelRegistry(new FakeClock());
    const entries = Array.from({ length: 1000 }, () => cancels.register(2, home, async () => {}));
    expect(new Set(entries.map(({ processId }) => processId)).size).toBe(entries.length);
    expect(new Set(entries.map(({ key }) => key.toString('hex'))).size).toBe(entries.length);
    for (const { processId } of entries) expect(processId).toBeGreaterThan(0);
  });
});
