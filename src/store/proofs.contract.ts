/** What every engine must do with what proofs rest on: attributes of tokens, what is used once, second factors. */
import { describe, expect, it } from 'vitest';
import type { FakeClock } from '../base/clock.ts';
import type { Store, StoredFactor } from './index.ts';
import { factorDataBytesMax, onceValueBytesMax, tokenAttributesBytesMax } from './limits.ts';
import { token, unique } from './store.contract.ts';

export function proofCases(store: () => Store, clock: FakeClock): void {
  describe('tokens and what they rest on', () => {
    it('finds live ones by the session at a provider, and by the token they were had with', async () => {
      const provider = unique('corp');
      const expiresAtMs = clock.now() + 1_000;
      const [a, b, c, d] = [unique('tok'), unique('tok'), unique('tok'), unique('tok')];
      await store().tokens.create(token(a, { expiresAtMs, attributes: { provider, session: 's1' } }));
      await store().tokens.create(token(b, { expiresAtMs, attributes: { provider, session: 's2' } }));
      await store().tokens.create(token(c, { expiresAtMs, attributes: { parent: a } }));
      await store().tokens.create(token(d, { expiresAtMs: clock.now(), attributes: { provider, session: 's1' } }));
      const ids = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id).sort();
      expect(ids(await store().tokens.liveByProvider(provider, 's1'))).toEqual([a]);
      expect(ids(await store().tokens.liveByProvider(provider, null))).toEqual([a, b].sort());
      expect(ids(await store().tokens.liveByParent(a))).toEqual([c]);
      expect((await store().tokens.get(a))?.attributes).toEqual({ provider, session: 's1' });
      await store().tokens.revoke(a, 1);
      expect(ids(await store().tokens.liveByProvider(provider, null))).toEqual([b]);
      await expect(
        store().tokens.create(token(unique('tok'), { attributes: { session: 'x'.repeat(tokenAttributesBytesMax) } })),
      ).rejects.toMatchObject({ code: 'store.too-large' });
    });
  });

  describe('what may be used once', () => {
    it('is given to one taker', async () => {
      const key = unique('state');
      expect(await store().once.put(key, 'value', clock.now() + 10)).toBe(true);
      expect(await store().once.put(key, 'other', clock.now() + 10)).toBe(false);
      const taken = await Promise.all([1, 2, 3].map(() => store().once.take(key, clock.now())));
      expect(taken.filter((value) => value === 'value')).toHaveLength(1);
      expect(taken.filter((value) => value === null)).toHaveLength(2);
    });

    it('is nothing once it has expired, and its key is free again', async () => {
      const key = unique('state');
      await store().once.put(key, 'old', clock.now());
      expect(await store().once.put(key, 'new', clock.now() + 1)).toBe(true);
      expect(await store().once.take(key, clock.now() + 1)).toBeNull();
      expect(await store().once.take(key, clock.now())).toBeNull();
    });

    it('holds as much as it may, and is purged', async () => {
      const key = unique('state');
      const value = 'x'.repeat(onceValueBytesMax);
      expect(await store().once.put(key, value, 5)).toBe(true);
      await expect(store().once.put(unique('state'), `${value}x`, 5)).rejects.toMatchObject({
        code: 'store.too-large',
      });
      expect(await store().once.purge(6)).toBe(1);
    });
  });

  describe('second factors', () => {
    const factor = (owner: string, change: Partial<StoredFactor> = {}): StoredFactor => ({
      id: unique('fac'),
      owner,
      kind: 'totp',
      label: 'phone',
      data: '{"sealed":"…"}',
      counter: 0,
      createdAtMs: 1,
      lastUsedAtMs: null,
      ...change,
    });

    it('counts a use once', async () => {
      const owner = unique('owner');
      const one = factor(owner);
      expect(await store().factors.create(one)).toBe(true);
      expect(await store().factors.create(one)).toBe(false);
      const uses = await Promise.all([1, 2, 3].map(() => store().factors.use(one.id, 0, 7, 'data', 9)));
      expect(uses.filter(Boolean)).toHaveLength(1);
      expect(await store().factors.listByOwner(owner)).toEqual([{ ...one, counter: 7, data: 'data', lastUsedAtMs: 9 }]);
    });

    it('is taken away by its owner alone', async () => {
      const owner = unique('owner');
      const one = factor(owner, { createdAtMs: 2 });
      const earlier = factor(owner, { kind: 'passkey' });
      await store().factors.create(one);
      await store().factors.create(earlier);
      expect((await store().factors.listByOwner(owner)).map(({ id }) => id)).toEqual([earlier.id, one.id]);
      expect(await store().factors.get(one.id)).toEqual(one);
      expect(await store().factors.delete(unique('owner'), one.id)).toBe(false);
      expect(await store().factors.delete(owner, one.id)).toBe(true);
      expect(await store().factors.get(one.id)).toBeNull();
      expect(await store().factors.delete(owner, one.id)).toBe(false);
    });

    it('holds as much as it may', async () => {
      const owner = unique('owner');
      const data = 'x'.repeat(factorDataBytesMax);
      expect(await store().factors.create(factor(owner, { data }))).toBe(true);
      await expect(store().factors.create(factor(owner, { data: `${data}x` }))).rejects.toMatchObject({
        code: 'store.too-large',
      });
    });
  });
}
