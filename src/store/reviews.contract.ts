/**
 * What every engine must do for reviews and grants: part of `store.contract.ts`, which runs it.
 */
import { describe, expect, it } from 'vitest';
import type {
  IdNotice,
  NewGrant,
  NewReview,
  ReviewCursor,
  ReviewFilter,
  ReviewUpdate,
  Store,
  StoredReview,
} from './index.ts';
import { audienceMax, pageRowsMax, reviewDocumentBytesMax } from './limits.ts';
import { codeOf, until } from './store.contract.ts';

let serial = 0;
const unique = (prefix: string): string => `${prefix}-r${String(++serial).padStart(4, '0')}`;
const noWait = async (): Promise<void> => {};

export function review(id: string, change: Partial<NewReview> = {}): NewReview {
  return {
    id,
    kind: 'command',
    state: 'pending',
    requester: 'local:erin',
    resource: 'orders',
    gateway: 'gw-1',
    audience: ['group:dba'],
    createdAtMs: 1_000,
    expiresAtMs: 2_000,
    nextAtMs: 2_000,
    document: { text: 'delete from customers' },
    ...change,
  };
}

function grant(id: string, of: string, change: Partial<NewGrant> = {}): NewGrant {
  return {
    id,
    principalId: 'local:erin',
    principalName: 'erin',
    resource: 'orders',
    access: 'oncall',
    review: of,
    grantedAtMs: 1_000,
    expiresAtMs: 5_000,
    ...change,
  };
}

export function updateOf(stored: StoredReview, change: Partial<ReviewUpdate>): ReviewUpdate {
  const { id, state, audience, expiresAtMs, nextAtMs, document, version } = stored;
  return { id, state, audience, expiresAtMs, nextAtMs, document, expectedVersion: version, ...change };
}

export function reviewCases(store: () => Store): void {
  const create = async (...reviews: readonly NewReview[]): Promise<void> => {
    expect(await store().reviews.change({ creates: reviews }, noWait)).toBe(true);
  };

  describe('reviews', () => {
    it('keeps a review as it was given, with text that no database keeps by itself', async () => {
      const id = unique('rev');
      const text = 'a\0b \ud800 \u202e \\u0000 👩‍💻 "\'; drop table reviews; --\r\n';
      const given = review(id, {
        document: { text, [text]: [null, 1.5, { deep: true }] },
        audience: [`name:o'brien`, 'group:ä'],
      });
      await create(given);
      expect(await store().reviews.get(id)).toEqual({ ...given, version: 1 });
      expect(await store().reviews.get('absent')).toBeNull();
    });

    it('changes on the version that was read, and on no other', async () => {
      const id = unique('rev');
      await create(review(id));
      const first = (await store().reviews.get(id))!;
      const approve = updateOf(first, { state: 'approved', nextAtMs: null, document: { by: 'dana' }, audience: [] });
      expect(await store().reviews.change({ updates: [approve] }, noWait)).toBe(true);
      const second = (await store().reviews.get(id))!;
      expect(second).toMatchObject({
        state: 'approved',
        nextAtMs: null,
        version: 2,
        document: { by: 'dana' },
        audience: [],
      });
      expect(await store().reviews.change({ updates: [updateOf(first, { state: 'denied' })] }, noWait)).toBe(false);
      expect(await store().reviews.change({ updates: [updateOf({ ...second, id: 'absent' }, {})] }, noWait)).toBe(
        false,
      );
      expect(await store().reviews.get(id)).toEqual(second);
    });

    it('lets exactly one of many claims at the same moment win (A-REV-04)', async () => {
      const id = unique('rev');
      await create(review(id, { state: 'approved' }));
      const read = (await store().reviews.get(id))!;
      let written = 0;
      const claims = Array.from({ length: 12 }, () =>
        store().reviews.change({ updates: [updateOf(read, { state: 'executed' })] }, async () => void written++),
      );
      expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
      expect(written).toBe(1);
      expect(await store().reviews.get(id)).toMatchObject({ state: 'executed', version: 2 });
    });

    it('commits only after what must be written first, and nothing where that fails', async () => {
      const [id, other] = [unique('rev'), unique('rev')];
      await create(review(id));
      const read = (await store().reviews.get(id))!;
      const failing = store().reviews.change(
        {
          updates: [updateOf(read, { state: 'approved' })],
          creates: [review(other)],
          grants: [grant(unique('grt'), id)],
        },
        () => Promise.reject(new Error('the journal failed')),
      );
      await expect(failing).rejects.toThrow('the journal failed');
      expect(await store().reviews.get(id)).toEqual(read);
      expect(await store().reviews.get(other)).toBeNull();
      expect(await store().grants.list({ principalId: 'local:erin', liveAtMs: 4_999 }, { limit: 10 })).toEqual([]);
    });

    it('does all of a change or nothing, where an id is taken too', async () => {
      const [id, other] = [unique('rev'), unique('rev')];
      await create(review(id));
      expect(await store().reviews.change({ creates: [review(other), review(id)] }, noWait)).toBe(false);
      expect(await store().reviews.get(other)).toBeNull();
      expect(await store().reviews.change({}, noWait)).toBe(true);
    });

    it('filters by each of its filters and all of them, newest first, in pages without gap', async () => {
      const who = unique('local');
      const given = Array.from({ length: 9 }, (_, at) =>
        review(unique('rev'), {
          requester: at < 6 ? who : `${who}-2`,
          gateway: at % 2 === 0 ? who : 'other',
          kind: at === 3 ? 'access' : 'command',
          state: at % 3 === 0 ? 'pending' : at % 3 === 1 ? 'approved' : 'denied',
          audience: [`group:${who}`, ...(at === 4 ? [`name:${who}`] : [])],
          createdAtMs: 1_000 + Math.floor(at / 2),
        }),
      );
      await create(...given);
      const expected = (matches: (one: NewReview, at: number) => boolean): string[] =>
        given
          .filter(matches)
          .sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1))
          .map(({ id }) => id);
      const ids = async (filter: ReviewFilter) =>
        (await store().reviews.list(filter, { limit: 100 })).map(({ id }) => id);
      const all = { audience: [`group:${who}`] };
      expect(await ids(all)).toEqual(expected(() => true));
      expect(await ids({ audience: [`name:${who}`, 'group:none'] })).toEqual(expected((_, at) => at === 4));
      expect(await ids({ audience: [] })).toEqual([]);
      expect(await ids({ requester: who })).toEqual(expected((_, at) => at < 6));
      expect(await ids({ ...all, kind: 'access' })).toEqual(expected((_, at) => at === 3));
      expect(await ids({ gateway: who })).toEqual(expected((_, at) => at % 2 === 0));
      expect(await ids({ ...all, states: ['pending', 'denied'] })).toEqual(expected((_, at) => at % 3 !== 1));
      expect(await ids({ ...all, states: [] })).toEqual([]);
      expect(await ids({ ...all, requester: who, gateway: who, states: ['pending'], kind: 'command' })).toEqual(
        expected((_, at) => at === 0),
      );
      const seen: string[] = [];
      for (let after: ReviewCursor | null = null; ; ) {
        const page: readonly StoredReview[] = await store().reviews.list(all, { limit: 2, after });
        seen.push(...page.map(({ id }) => id));
        if (page.length < 2) break;
        after = { atMs: page.at(-1)!.createdAtMs, id: page.at(-1)!.id };
      }
      expect(seen).toEqual(expected(() => true));
      expect(await store().reviews.count(who, ['pending', 'approved'])).toBe(4);
      expect(await store().reviews.count('nobody', ['pending'])).toBe(0);
    });

    it('finds what is due, soonest first, and nothing that is over', async () => {
      const [late, soon, over, later] = [unique('rev'), unique('rev'), unique('rev'), unique('rev')];
      await create(
        review(late, { nextAtMs: -500 }),
        review(soon, { nextAtMs: -501 }),
        review(over, { nextAtMs: null, state: 'denied' }),
        review(later, { nextAtMs: -499 }),
      );
      expect((await store().reviews.due(-500, 10)).map(({ id }) => id)).toEqual([soon, late]);
      expect((await store().reviews.due(-500, 1)).map(({ id }) => id)).toEqual([soon]);
    });

    it('tells of changes after the commit, and of nothing else', async () => {
      const notices: IdNotice[] = [];
      const stop = store().reviews.onChange((notice) => void notices.push(notice));
      const [a, b] = [unique('rev'), unique('rev')];
      await create(review(a), review(b));
      const read = (await store().reviews.get(a))!;
      await store().reviews.change({ updates: [updateOf(read, { state: 'denied' })] }, noWait);
      await store().reviews.change({ updates: [updateOf(read, { state: 'approved' })] }, noWait);
      await store()
        .reviews.change({ creates: [review(unique('rev'))] }, () => Promise.reject(new Error('no')))
        .catch(noWait);
      await until(() => notices.length >= 2);
      stop();
      expect(notices).toEqual([
        { type: 'changed', ids: [a, b] },
        { type: 'changed', ids: [a] },
      ]);
    });

    it('takes limits to their end and not beyond', async () => {
      const put = (change: Partial<NewReview>) =>
        codeOf(store().reviews.change({ creates: [review(unique('rev'), change)] }, noWait));
      const frame = JSON.stringify({ text: '' }).length;
      expect(await put({ document: { text: 'x'.repeat(reviewDocumentBytesMax - frame) } })).toBe('none');
      expect(await put({ document: { text: 'x'.repeat(reviewDocumentBytesMax - frame + 1) } })).toBe('store.too-large');
      const names = (count: number) => Array.from({ length: count }, (_, at) => `name:${at}`);
      expect(await put({ audience: names(audienceMax) })).toBe('none');
      expect(await put({ audience: names(audienceMax + 1) })).toBe('store.batch-too-large');
      expect(await codeOf(store().reviews.list({}, { limit: pageRowsMax + 1 }))).toBe('store.bad-limit');
      expect(await put({ createdAtMs: 1.5 })).toBe('store.bad-number');
    }, 60_000);
  });

  grantCases(store, create);
}

function grantCases(store: () => Store, create: (...reviews: readonly NewReview[]) => Promise<void>): void {
  /** A review that was just approved, with its grant. */
  const make = async (change: Partial<NewGrant> = {}): Promise<NewGrant> => {
    const id = unique('rev');
    await create(review(id, { kind: 'access' }));
    const given = grant(unique('grt'), id, change);
    const read = (await store().reviews.get(id))!;
    const approval = { updates: [updateOf(read, { state: 'executed' })], grants: [given] };
    expect(await store().reviews.change(approval, noWait)).toBe(true);
    return given;
  };

  describe('grants', () => {
    it('are made with the review that approves them, once', async () => {
      const given = await make();
      expect(await store().grants.get(given.id)).toEqual({ ...given, revokedAtMs: null, revokedBy: null });
      const again = { grants: [grant(unique('grt'), given.review)] };
      expect(await store().reviews.change(again, noWait)).toBe(false);
      expect(await store().grants.get('absent')).toBeNull();
    });

    it('are listed while they live, and page', async () => {
      const principalId = unique('local');
      const given: NewGrant[] = [];
      for (let at = 0; at < 5; at++)
        given.push(await make({ principalId, expiresAtMs: 5_000 + at, grantedAtMs: 10 + at }));
      await store().grants.revoke(given[4]!.id, 'root', 2_000, noWait);
      const ids = async (liveAtMs?: number) =>
        (await store().grants.list({ principalId, ...(liveAtMs === undefined ? {} : { liveAtMs }) }, { limit: 9 })).map(
          ({ id }) => id,
        );
      expect(await ids()).toEqual([4, 3, 2, 1, 0].map((at) => given[at]!.id));
      expect(await ids(5_001)).toEqual([3, 2].map((at) => given[at]!.id));
      const after = { atMs: given[3]!.grantedAtMs, id: given[3]!.id };
      expect((await store().grants.list({ principalId }, { limit: 2, after })).map(({ id }) => id)).toEqual(
        [2, 1].map((at) => given[at]!.id),
      );
    });

    it('are purged once their time is long over, and their reviews with them; nothing that waits is', async () => {
      const past = { createdAtMs: -9_000, expiresAtMs: -8_000 };
      const [over, waiting] = [unique('rev'), unique('rev')];
      await create(review(over, { ...past, nextAtMs: null }), review(waiting, { ...past, nextAtMs: 9_999_999 }));
      const make = async (expiresAtMs: number): Promise<NewGrant> => {
        const id = unique('rev');
        const given = grant(unique('grt'), id, { grantedAtMs: -9_000, expiresAtMs });
        await store().reviews.change({ creates: [review(id, { ...past, nextAtMs: null })], grants: [given] }, noWait);
        return given;
      };
      const [ended, edge] = [await make(-5_001), await make(-5_000)];
      expect(await store().reviews.purge(-5_000)).toBe(3);
      const left = [over, waiting, ended.review, edge.review].map(
        async (id) => (await store().reviews.get(id)) !== null,
      );
      expect(await Promise.all(left)).toEqual([false, true, false, true]);
      expect(await store().grants.get(ended.id)).toBeNull();
      expect(await store().grants.get(edge.id)).not.toBeNull();
      expect(await store().reviews.purge(-5_000)).toBe(0);
    });

    it('are revoked once, before their end, after what must be written first (I15)', async () => {
      const given = await make();
      await expect(
        store().grants.revoke(given.id, 'root', 3_000, () => Promise.reject(new Error('the journal failed'))),
      ).rejects.toThrow('the journal failed');
      expect(await store().grants.get(given.id)).toMatchObject({ revokedAtMs: null });
      let written = 0;
      const revoke = (atMs: number) => store().grants.revoke(given.id, 'root', atMs, async () => void written++);
      expect(await revoke(given.expiresAtMs)).toBe(false);
      expect(await revoke(3_000)).toBe(true);
      expect(await revoke(3_001)).toBe(false);
      expect(written).toBe(1);
      expect(await store().grants.get(given.id)).toMatchObject({ revokedAtMs: 3_000, revokedBy: 'root' });
    });

    it('are made longer from the end that was read, and never once they are revoked (I15)', async () => {
      const of = unique('rev');
      const given = grant(unique('grt'), of);
      expect(await store().reviews.change({ creates: [review(of)], grants: [given] }, noWait)).toBe(true);
      const told: string[] = [];
      const stop = store().grants.onChange((notice) => void (notice.type === 'changed' && told.push(...notice.ids)));
      const extend = (fromMs: number, expiresAtMs: number) =>
        store().reviews.change({ extensions: [{ id: given.id, fromMs, expiresAtMs }] }, noWait);
      expect(await extend(5_000, 9_000)).toBe(true);
      expect(await extend(5_000, 10_000)).toBe(false);
      expect(await store().grants.get(given.id)).toMatchObject({ expiresAtMs: 9_000 });
      await until(() => told.includes(given.id));
      stop();
      expect(await store().grants.revoke(given.id, 'root', 6_000, noWait)).toBe(true);
      expect(await extend(9_000, 12_000)).toBe(false);
      expect(await store().grants.get(given.id)).toMatchObject({ expiresAtMs: 9_000, revokedAtMs: 6_000 });
    });

    it('tell when they are made and revoked', async () => {
      const notices: IdNotice[] = [];
      const stop = store().grants.onChange((notice) => void notices.push(notice));
      const given = await make();
      await store().grants.revoke(given.id, 'root', 3_000, noWait);
      await store().grants.revoke(given.id, 'root', 3_000, noWait);
      await until(() => notices.length >= 2);
      stop();
      expect(notices).toEqual([
        { type: 'changed', ids: [given.id] },
        { type: 'changed', ids: [given.id] },
      ]);
    });
  });
}
