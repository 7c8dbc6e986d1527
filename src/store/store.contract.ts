/**
 * What every engine of the store must do. Run against each of them by a test file of its own.
 *
 * The cases of one file share a store, because making an embedded one takes seconds: each case uses names of its own.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import { alertCases } from './alerts.contract.ts';
import { historyCases } from './history.contract.ts';
import {
  batchRowsMax,
  type NewToken,
  nameBytesMax,
  type ObjectNotice,
  type ObjectWrite,
  openStore,
  pageRowsMax,
  type SealedSecret,
  type SessionOpened,
  type Store,
  type StoredToken,
  type StoreOptions,
  type TokenCursor,
  type TokenNotice,
  type TokenPage,
} from './index.ts';
import { documentBytesMax } from './limits.ts';
import { proofCases } from './proofs.contract.ts';
import { retentionCases } from './retention.contract.ts';
import { reviewCases } from './reviews.contract.ts';
import { sinkCases } from './sinks.contract.ts';

export type Location = { readonly directory: string } | { readonly databaseUrl: string };

/** Names that break what pastes text into SQL, JSON or a notification. */
const awkwardNames = [
  `o'brien`,
  `"quoted"`,
  `'; drop table objects; --`,
  'back\\slash',
  '$1 $$ %s {0}',
  'Grüße',
  '名前',
  '👩‍💻',
  'a\nb\tc',
  '\u202eevil',
  ' leading and trailing ',
  `{"json":[1]}`,
  'x'.repeat(nameBytesMax),
];

let serial = 0;
export const unique = (prefix: string): string => `${prefix}-${++serial}`;

export function write(kind: string, name: string, change: Partial<ObjectWrite> = {}): ObjectWrite {
  return { kind, name, labels: {}, spec: {}, by: 'tester', expectedGeneration: null, ...change };
}

export function token(id: string, change: Partial<NewToken> = {}): NewToken {
  return {
    id,
    owner: 'engineer',
    hash: `hash-of-${id}`,
    scramStoredKey: Buffer.from([0, 1, 0xff, 0x5c, 0x27]),
    scramServerKey: Buffer.alloc(32, 7),
    label: '',
    createdAtMs: 1_000,
    expiresAtMs: 10_000,
    createdBy: 'engineer',
    source: '127.0.0.1',
    attributes: {},
    ...change,
  };
}

function session(id: string, change: Partial<SessionOpened> = {}): SessionOpened {
  return {
    id,
    principalName: 'engineer',
    principalId: 'prn_1',
    principalKind: 'person',
    groups: ['engineering'],
    resource: 'orders',
    protocol: 'postgres',
    source: '127.0.0.1',
    recording: 'strict',
    access: 'engineers',
    client: { application: 'psql' },
    startedAtMs: 1_000,
    openSeq: 1,
    gateway: 'gw-1',
    ...change,
  };
}

function sealed(name: string, change: Partial<SealedSecret> = {}): SealedSecret {
  return {
    name,
    keyId: 'key_1',
    wrappedKey: randomBytes(60),
    nonce: randomBytes(12),
    ciphertext: randomBytes(100),
    tag: randomBytes(16),
    createdAtMs: 1,
    updatedAtMs: 1,
    ...change,
  };
}

/** The code that a promise rejects with, or `none`. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return isGatewayError(error) ? error.code : `not ours: ${String(error)}`;
  }
}

/** Runs `step` until `condition` holds; for notifications that cross processes. */
export async function until(condition: () => boolean): Promise<void> {
  const giveUp = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > giveUp) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function describeStore(engine: string, locate: () => Promise<Location>): void {
  describe(`store on ${engine}`, () => {
    const clock = new FakeClock();
    let location: Location;
    let store: Store;
    // Deadlines run on real time here; only what the store stamps and batches follows the fake clock.
    const options = (): StoreOptions => ({ ...location, clock });

    beforeAll(async () => {
      location = await locate();
      store = await openStore(options());
    }, 180_000);
    afterAll(() => store?.close(), 60_000);

    objectCases(() => store, clock);
    passwordCases(() => store);
    tokenCases(() => store, clock);
    proofCases(() => store, clock);
    retentionCases(() => store);
    sealedCases(() => store);
    sessionCases(() => store);
    settingCases(() => store);
    reviewCases(() => store);
    sinkCases(() => store);
    historyCases(() => store);
    alertCases(() => store);

    it('answers its health', async () => {
      const health = await store.health();
      expect(health).toMatchObject({ answering: true, listening: true });
      expect(store.failure).toBeNull();
    });

    it('keeps everything across close and open, and migrates only once', async () => {
      const kind = unique('Kept');
      await store.objects.put(write(kind, 'one', { spec: { b: 1, a: [true, null, 'x'] } }));
      await store.tokens.create(token(unique('kept')));
      await store.close();
      expect(await codeOf(store.objects.get(kind, 'one'))).toBe('store.closed');
      expect(await store.health()).toMatchObject({ answering: false });
      await store.close();
      store = await openStore(options());
      expect(await store.objects.get(kind, 'one')).toMatchObject({
        spec: { b: 1, a: [true, null, 'x'] },
        generation: 1,
      });
    }, 60_000);
  });
}

function objectCases(store: () => Store, clock: FakeClock): void {
  describe('objects', () => {
    it('creates, updates, recognises what did not change, deletes', async () => {
      const kind = unique('Resource');
      const spec = { zebra: 1, apple: { deep: [1, 2.5, null, 'x'] } };
      const created = await store().objects.put(write(kind, 'orders', { spec, labels: { env: 'prod' } }));
      expect(created).toMatchObject({ outcome: 'created', object: { generation: 1, updatedBy: 'tester', spec } });
      clock.advance(5);
      const reordered = { apple: { deep: [1, 2.5, null, 'x'] }, zebra: 1 };
      const same = await store().objects.put(
        write(kind, 'orders', { spec: reordered, labels: { env: 'prod' }, by: 'b' }),
      );
      expect(same).toMatchObject({ outcome: 'unchanged', object: { generation: 1, updatedBy: 'tester' } });
      const changed = await store().objects.put(write(kind, 'orders', { spec: { zebra: 2 }, by: 'b' }));
      expect(changed).toMatchObject({ outcome: 'updated', object: { generation: 2, updatedBy: 'b', labels: {} } });
      const read = await store().objects.get(kind, 'orders');
      expect(read!.updatedAtMs - read!.createdAtMs).toBe(5);
      expect(await store().objects.delete(kind, 'orders', null)).toMatchObject({ outcome: 'deleted' });
      expect(await store().objects.delete(kind, 'orders', null)).toEqual({ outcome: 'absent' });
      expect(await store().objects.get(kind, 'orders')).toBeNull();
    });

    it('keeps the order in which a spec was written', async () => {
      const kind = unique('Order');
      await store().objects.put(write(kind, 'one', { spec: { zebra: 1, ape: 2, m: 3 } }));
      expect(Object.keys((await store().objects.get(kind, 'one'))!.spec)).toEqual(['zebra', 'ape', 'm']);
    });

    it('answers a conflict where the generation is not the expected one, and writes nothing', async () => {
      const kind = unique('Conflict');
      expect(await store().objects.put(write(kind, 'a', { expectedGeneration: 1 }))).toEqual({
        outcome: 'conflict',
        current: null,
      });
      expect(await store().objects.put(write(kind, 'a', { expectedGeneration: 0 }))).toMatchObject({
        outcome: 'created',
      });
      expect(await store().objects.put(write(kind, 'a', { expectedGeneration: 0, spec: { x: 1 } }))).toMatchObject({
        outcome: 'conflict',
        current: { generation: 1, spec: {} },
      });
      expect(await store().objects.put(write(kind, 'a', { expectedGeneration: 1, spec: { x: 1 } }))).toMatchObject({
        outcome: 'updated',
      });
      expect(await store().objects.delete(kind, 'a', 1)).toMatchObject({
        outcome: 'conflict',
        current: { generation: 2 },
      });
      expect(await store().objects.delete(kind, 'a', 2)).toMatchObject({ outcome: 'deleted' });
    });

    it('lets exactly one of many simultaneous writers win a generation', async () => {
      const kind = unique('Race');
      const writers = Array.from({ length: 12 }, (_, at) =>
        store().objects.put(write(kind, 'a', { expectedGeneration: 0, spec: { at } })),
      );
      const outcomes = (await Promise.all(writers)).map((result) => result.outcome);
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(11);
    });

    it('applies a batch whole or not at all', async () => {
      const kind = unique('Batch');
      await store().objects.put(write(kind, 'b'));
      const failed = await store().objects.putAll([
        write(kind, 'a'),
        write(kind, 'b', { spec: { x: 1 } }),
        write(kind, 'c', { expectedGeneration: 7 }),
      ]);
      expect(failed).toEqual({ outcome: 'conflict', index: 2, current: null });
      expect(await store().objects.get(kind, 'a')).toBeNull();
      expect(await store().objects.get(kind, 'b')).toMatchObject({ generation: 1 });
      const applied = await store().objects.putAll([
        write(kind, 'a'),
        write(kind, 'b', { spec: { x: 1 } }),
        write(kind, 'b', { spec: { x: 1 } }),
      ]);
      expect(applied.outcome === 'applied' && applied.results.map((result) => result.outcome)).toEqual([
        'created',
        'updated',
        'unchanged',
      ]);
      expect(await store().objects.putAll([])).toEqual({ outcome: 'applied', results: [] });
    });

    it.each(awkwardNames)('keeps the name %j as it is', async (name) => {
      const kind = unique(name.slice(0, 100));
      const result = await store().objects.put(
        write(kind, name, { labels: { [name]: name }, spec: { [name]: name }, by: name }),
      );
      expect(result).toMatchObject({ outcome: 'created' });
      const read = await store().objects.get(kind, name);
      expect(read).toMatchObject({ kind, name, labels: { [name]: name }, spec: { [name]: name }, updatedBy: name });
      expect(await store().objects.list(kind, { limit: 10 })).toEqual([read]);
    });

    it('keeps keys that JavaScript objects treat specially', async () => {
      const kind = unique('Proto');
      const spec = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}') as Record<string, never>;
      await store().objects.put(write(kind, 'a', { spec }));
      const read = await store().objects.get(kind, 'a');
      expect(JSON.stringify(read!.spec)).toBe(JSON.stringify(spec));
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    });

    it('pages in byte order, whatever the locale, without gap or repeat', async () => {
      const kind = unique('Page');
      const names = ['a', 'B', 'ä', 'Z', 'z', '_', '10', '9', 'é', 'É', 'b-1', 'b_1', '👩', '\uffee'];
      await store().objects.putAll(names.map((name) => write(kind, name)));
      const seen: string[] = [];
      for (let after: string | null = null; ; ) {
        const page = await store().objects.list(kind, { limit: 3, after });
        seen.push(...page.map((object) => object.name));
        if (page.length < 3) break;
        after = page.at(-1)!.name;
      }
      expect(seen).toEqual([...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    });

    it('takes limits to their end and not beyond', async () => {
      const kind = unique('Limit');
      const list = (limit: number) => codeOf(store().objects.list(kind, { limit }));
      expect(await list(1)).toBe('none');
      expect(await list(pageRowsMax)).toBe('none');
      for (const bad of [0, -1, pageRowsMax + 1, 1.5, Number.NaN]) expect(await list(bad)).toBe('store.bad-limit');
      const put = (change: Partial<ObjectWrite>) => codeOf(store().objects.put(write(kind, 'a', change)));
      expect(await put({ name: 'x'.repeat(nameBytesMax) })).toBe('none');
      expect(await put({ name: 'x'.repeat(nameBytesMax + 1) })).toBe('store.too-large');
      expect(await put({ name: 'ä'.repeat(nameBytesMax / 2) })).toBe('none');
      expect(await put({ name: `ä${'x'.repeat(nameBytesMax - 1)}` })).toBe('store.too-large');
      expect(await put({ name: '' })).toBe('store.empty');
      const frame = JSON.stringify({ text: '' }).length;
      expect(await put({ spec: { text: 'x'.repeat(documentBytesMax - frame) } })).toBe('none');
      expect(await put({ spec: { text: 'x'.repeat(documentBytesMax - frame + 1) } })).toBe('store.too-large');
      const many = Array.from({ length: batchRowsMax + 1 }, () => write(kind, 'a'));
      expect(await codeOf(store().objects.putAll(many))).toBe('store.batch-too-large');
    });

    it('refuses text that a database cannot keep, and keeps what only looks like it', async () => {
      const kind = unique('Text');
      const put = (change: Partial<ObjectWrite>) => codeOf(store().objects.put(write(kind, 'a', change)));
      expect(await put({ name: 'a\0b' })).toBe('store.invalid-text');
      expect(await put({ name: 'a\ud800' })).toBe('store.invalid-text');
      expect(await put({ spec: { a: ['\0'] } })).toBe('store.invalid-text');
      expect(await put({ spec: { '\udfff': 1 } })).toBe('store.invalid-text');
      expect(await put({ labels: { a: '\\\0' } })).toBe('store.invalid-text');
      expect(await put({ spec: { a: '\\u0000', b: '\\\\u0000', c: 'C:\\ud800' } })).toBe('none');
      expect(await store().objects.get(kind, 'a')).toMatchObject({
        spec: { a: '\\u0000', b: '\\\\u0000', c: 'C:\\ud800' },
      });
    });

    it('tells of changes after they are committed, and of nothing else', async () => {
      const kind = unique('Notice');
      const notices: ObjectNotice[] = [];
      const stop = store().objects.onChange((notice) => void notices.push(notice));
      await store().objects.put(write(kind, `o'ne "two"`));
      await store().objects.put(write(kind, `o'ne "two"`));
      await store().objects.put(write(kind, 'b', { expectedGeneration: 4 }));
      await store().objects.putAll([write(kind, 'a'), write(kind, 'c'), write(kind, 'd', { expectedGeneration: 4 })]);
      await store().objects.delete(kind, `o'ne "two"`, null);
      await store().objects.delete(kind, 'absent', null);
      await until(() => notices.length >= 2);
      stop();
      await store().objects.put(write(kind, 'unheard'));
      expect(notices).toEqual([
        { type: 'changed', kind, name: `o'ne "two"` },
        { type: 'changed', kind, name: `o'ne "two"` },
      ]);
    });
  });
}

function passwordCases(store: () => Store): void {
  it('keeps password verifiers', async () => {
    const name = unique(`pass'word`);
    expect(await store().passwords.get(name)).toBeNull();
    await store().passwords.set(name, '$argon2id$1');
    await store().passwords.set(name, '$argon2id$2');
    expect(await store().passwords.get(name)).toBe('$argon2id$2');
    expect(await store().passwords.delete(name)).toBe(true);
    expect(await store().passwords.delete(name)).toBe(false);
    expect(await store().passwords.get(name)).toBeNull();
  });
}

function tokenCases(store: () => Store, clock: FakeClock): void {
  describe('tokens', () => {
    it('keeps a token as it was given, bytes included, and finds it by its hash', async () => {
      const id = unique('tok');
      const given = token(id, {
        label: `o'b\n"x"`,
        scramStoredKey: randomBytes(32),
        expiresAtMs: Number.MAX_SAFE_INTEGER,
      });
      expect(await store().tokens.create(given)).toBe(true);
      const kept = { ...given, revokedAtMs: null, lastUsedAtMs: null };
      const found = await store().tokens.findByHash(given.hash);
      expect(found).toEqual(kept);
      expect(Buffer.isBuffer(found!.scramStoredKey)).toBe(true);
      expect(await store().tokens.get(id)).toEqual(kept);
      expect(await store().tokens.findByHash('unknown')).toBeNull();
    });

    it('never overwrites: a taken id or hash is refused', async () => {
      const id = unique('tok');
      expect(await store().tokens.create(token(id))).toBe(true);
      expect(await store().tokens.create(token(id, { hash: unique('other') }))).toBe(false);
      expect(await store().tokens.create(token(unique('tok'), { hash: `hash-of-${id}` }))).toBe(false);
    });

    it('lists the live ones of an owner: not revoked, not expired, to the millisecond', async () => {
      const owner = unique('owner');
      const [a, b, c] = [unique('tok'), unique('tok'), unique('tok')];
      await store().tokens.create(token(a, { owner, expiresAtMs: 100 }));
      await store().tokens.create(token(b, { owner, expiresAtMs: 101 }));
      await store().tokens.create(token(c, { owner, expiresAtMs: 999 }));
      await store().tokens.revoke(c, 50);
      const live = async (nowMs: number) => (await store().tokens.liveByOwner(owner, nowMs)).map((one) => one.id);
      expect(await live(99)).toEqual([b, a]);
      expect(await live(100)).toEqual([b]);
      expect(await live(101)).toEqual([]);
      // Asked at once, which is one statement or two: each is answered by its own time.
      expect(await Promise.all([live(99), live(100), live(101)])).toEqual([[b, a], [b], []]);
      expect((await store().tokens.listByOwner(owner, { limit: 10 })).map((one) => one.id)).toEqual([c, b, a]);
    });

    it('never answers who asks after a revocation with what was live before it', async () => {
      const owner = unique('owner');
      const id = unique('tok');
      await store().tokens.create(token(id, { owner, expiresAtMs: 999 }));
      const live = async () => (await store().tokens.liveByOwner(owner, 1)).map((one) => one.id);
      const under = [live(), live(), live()];
      await store().tokens.revoke(id, 50);
      expect(await live()).toEqual([]);
      await Promise.all(under);
      expect(await live()).toEqual([]);
    });

    it('revokes once, keeps the first time, and tells of it', async () => {
      const notices: TokenNotice[] = [];
      const stop = store().tokens.onRevoked((notice) => void notices.push(notice));
      const owner = unique('owner');
      const ids = [unique('tok'), unique('tok'), unique('tok')];
      for (const id of ids) await store().tokens.create(token(id, { owner }));
      expect(await store().tokens.revoke(ids[0]!, 7)).toMatchObject({ revokedAtMs: 7 });
      expect(await store().tokens.revoke(ids[0]!, 9)).toMatchObject({ revokedAtMs: 7 });
      expect(await store().tokens.revoke('unknown', 9)).toBeNull();
      expect([...(await store().tokens.revokeAllOf(owner, 11))].sort()).toEqual(ids.slice(1).sort());
      expect(await store().tokens.revokeAllOf(owner, 12)).toEqual([]);
      await until(() => notices.length >= 2);
      stop();
      const told = notices.flatMap((notice) => (notice.type === 'revoked' ? notice.ids : []));
      expect([...told].sort()).toEqual([...ids].sort());
    });

    it('pages all tokens newest first, also where many share a time', async () => {
      const owner = unique('owner');
      const made = Array.from({ length: 7 }, (_, at) =>
        token(unique('page'), { owner, createdAtMs: 5_000 + (at % 2) }),
      );
      for (const one of made) await store().tokens.create(one);
      const walk = async (list: (page: TokenPage) => Promise<readonly StoredToken[]>) => {
        const seen: string[] = [];
        for (let after: TokenCursor | null = null; ; ) {
          const page: readonly StoredToken[] = await list({ limit: 2, after });
          seen.push(...page.map((one) => one.id));
          if (page.length < 2) return seen;
          after = page.at(-1)!;
        }
      };
      const expected = [...made]
        .sort((a, b) => b.createdAtMs - a.createdAtMs || Buffer.compare(Buffer.from(b.id), Buffer.from(a.id)))
        .map((one) => one.id);
      expect(await walk((page) => store().tokens.listByOwner(owner, page))).toEqual(expected);
      const all = await walk((page) => store().tokens.listAll(page));
      expect(all.filter((id) => expected.includes(id))).toEqual(expected);
      expect(new Set(all).size).toBe(all.length);
    });

    it('notes uses a little later, the latest time winning', async () => {
      const id = unique('tok');
      await store().tokens.create(token(id));
      store().tokens.touch(id, 50);
      store().tokens.touch(id, 40);
      store().tokens.touch(`unknown\0'`, 60);
      expect((await store().tokens.get(id))!.lastUsedAtMs).toBeNull();
      clock.advance(2_000);
      let used: number | null = null;
      while (used === null) used = (await store().tokens.get(id))!.lastUsedAtMs;
      expect(used).toBe(50);
    });

    it('purges what expired before a time', async () => {
      const [a, b] = [unique('tok'), unique('tok')];
      await store().tokens.create(token(a, { expiresAtMs: -5 }));
      await store().tokens.create(token(b, { expiresAtMs: -4 }));
      expect(await store().tokens.purgeExpired(-4)).toBe(1);
      expect(await store().tokens.get(a)).toBeNull();
      expect(await store().tokens.get(b)).not.toBeNull();
    });
  });
}

function sealedCases(store: () => Store): void {
  describe('sealed secrets', () => {
    it('keeps bytes as they are, and the first time of creation', async () => {
      const first = sealed(unique(`sec'ret`), { createdAtMs: 10, updatedAtMs: 10 });
      await store().sealed.put(first);
      expect(await store().sealed.get(first.name)).toEqual(first);
      const second = sealed(first.name, { createdAtMs: 20, updatedAtMs: 20, ciphertext: Buffer.alloc(0) });
      await store().sealed.put(second);
      expect(await store().sealed.get(first.name)).toEqual({ ...second, createdAtMs: 10 });
      expect((await store().sealed.list({ limit: pageRowsMax })).find((one) => one.name === first.name)).toEqual({
        name: first.name,
        keyId: 'key_1',
        createdAtMs: 10,
        updatedAtMs: 20,
      });
      expect(await store().sealed.delete(first.name)).toBe(true);
      expect(await store().sealed.delete(first.name)).toBe(false);
      expect(await store().sealed.get(first.name)).toBeNull();
    });

    it('replaces in a rotation only what still is as it was read', async () => {
      const [a, b, c] = [sealed(unique('rot')), sealed(unique('rot')), sealed(unique('rot'))];
      for (const one of [a, b, c]) await store().sealed.put(one);
      const next = (one: SealedSecret) => ({
        previousWrappedKey: one.wrappedKey,
        next: { ...one, keyId: 'key_2', wrappedKey: randomBytes(60) },
      });
      const replacements = [next(c), next(b), next(a)];
      const overwritten = sealed(b.name);
      await store().sealed.put(overwritten);
      await store().sealed.delete(c.name);
      expect(await store().sealed.replaceAll(replacements)).toBe(1);
      expect(await store().sealed.get(a.name)).toMatchObject({ keyId: 'key_2' });
      expect(await store().sealed.get(b.name)).toEqual(overwritten);
      expect(await store().sealed.get(c.name)).toBeNull();
    });
  });
}

function sessionCases(store: () => Store): void {
  describe('sessions', () => {
    it('keeps opening and end apart, so that a repeated opening loses nothing', async () => {
      const id = unique('ses');
      const opened = session(id, { groups: [`a'b`, 'ç'], client: { application: `psql "x"` } });
      await store().sessions.upsertOpened(opened);
      const live = { ...opened, endedAtMs: null, reason: null, endedBy: null, commands: 0, bytesIn: 0, bytesOut: 0 };
      expect(await store().sessions.get(id)).toEqual(live);
      const ended = {
        id,
        endedAtMs: 5_000,
        reason: 'client-closed',
        by: 'admin',
        commands: 3,
        bytesIn: 1,
        bytesOut: 2 ** 40,
      };
      expect(await store().sessions.setEnded(ended)).toBe(true);
      await store().sessions.upsertOpened(opened);
      const { by: endedBy, ...rest } = ended;
      expect(await store().sessions.get(id)).toEqual({ ...opened, ...rest, endedBy });
      expect(await store().sessions.setEnded({ ...ended, id: 'unknown' })).toBe(false);
      expect(await store().sessions.get('unknown')).toBeNull();
    });

    it('tells when a principal last opened each resource', async () => {
      const principalName = unique('who');
      const opened = (resource: string, startedAtMs: number) =>
        store().sessions.upsertOpened(session(unique('ses'), { principalName, resource, startedAtMs }));
      await opened('orders', 100);
      await opened('orders', 300);
      await opened('vault', 200);
      const uses = await store().sessions.lastUses(principalName);
      expect([...uses].sort()).toEqual([
        ['orders', 300],
        ['vault', 200],
      ]);
      expect((await store().sessions.lastUses('nobody')).size).toBe(0);
    });

    it('filters by each criterion, and pages by (start, id) without gap or repeat', async () => {
      const gateway = unique('gw');
      const made = Array.from({ length: 20 }, (_, at) =>
        session(unique('ses'), {
          gateway,
          startedAtMs: 100 + Math.floor(at / 4),
          principalName: at % 2 === 0 ? 'even' : `o'dd`,
          resource: at % 3 === 0 ? 'orders' : 'shop',
          protocol: at % 5 === 0 ? 'mysql' : 'postgres',
        }),
      );
      await store().sessions.applyIndexBatch(
        unique('cursor'),
        1,
        made.map((one) => ({ type: 'opened', session: one })),
      );
      for (const one of made.slice(0, 6)) {
        await store().sessions.setEnded({
          id: one.id,
          endedAtMs: 900,
          reason: 'idle',
          by: null,
          commands: 0,
          bytesIn: 0,
          bytesOut: 0,
        });
      }
      const ids = async (filter: Parameters<Store['sessions']['list']>[0]) =>
        (await store().sessions.list({ gateway, ...filter }, { limit: 100 })).map((one) => one.id);
      const expected = (keep: (one: SessionOpened, at: number) => boolean) =>
        made
          .filter(keep)
          .sort((a, b) => b.startedAtMs - a.startedAtMs || Buffer.compare(Buffer.from(b.id), Buffer.from(a.id)))
          .map((one) => one.id);
      expect(await ids({})).toEqual(expected(() => true));
      expect(await ids({ principal: `o'dd` })).toEqual(expected((_, at) => at % 2 === 1));
      expect(await ids({ resource: 'orders' })).toEqual(expected((_, at) => at % 3 === 0));
      expect(await ids({ protocol: 'mysql' })).toEqual(expected((_, at) => at % 5 === 0));
      expect(await ids({ live: true })).toEqual(expected((_, at) => at >= 6));
      expect(await ids({ live: false })).toEqual(expected((_, at) => at < 6));
      expect(await ids({ sinceMs: 102, untilMs: 104 })).toEqual(
        expected((one) => one.startedAtMs >= 102 && one.startedAtMs < 104),
      );
      expect(await ids({ principal: 'even', resource: 'shop', live: true })).toEqual(
        expected((_, at) => at % 2 === 0 && at % 3 !== 0 && at >= 6),
      );
      const seen: string[] = [];
      for (let after: { startedAtMs: number; id: string } | null = null; ; ) {
        const page = await store().sessions.list({ gateway }, { limit: 3, after });
        seen.push(...page.map((one) => one.id));
        if (page.length < 3) break;
        after = page.at(-1)!;
      }
      expect(seen).toEqual(expected(() => true));
    });

    it('moves a batch and its cursor together, and repeats nothing', async () => {
      const cursor = unique('cursor');
      const gateway = unique('gw');
      const [a, b] = [unique('ses'), unique('ses')];
      expect(await store().sessions.cursor(cursor)).toBe(0);
      const ended = { endedAtMs: 9, reason: 'idle', by: null, commands: 1, bytesIn: 2, bytesOut: 3 };
      expect(
        await store().sessions.applyIndexBatch(cursor, 10, [
          { type: 'ended', session: { id: a, ...ended } },
          { type: 'opened', session: session(a, { gateway }) },
          { type: 'opened', session: session(a, { gateway, resource: 'last' }) },
          { type: 'opened', session: session(b, { gateway }) },
        ]),
      ).toBe(true);
      expect(await store().sessions.cursor(cursor)).toBe(10);
      const { by: endedBy, ...rest } = ended;
      expect(await store().sessions.get(a)).toMatchObject({ ...rest, endedBy, resource: 'last' });
      for (const again of [9, 10]) {
        const change = { type: 'opened', session: session(unique('ses'), { gateway }) } as const;
        expect(await store().sessions.applyIndexBatch(cursor, again, [change])).toBe(false);
        expect(await store().sessions.get(change.session.id)).toBeNull();
      }
      expect(await store().sessions.applyIndexBatch(cursor, 11, [])).toBe(true);
      expect(await store().sessions.cursor(cursor)).toBe(11);
      await store().sessions.clearIndex(cursor, gateway);
      expect(await store().sessions.cursor(cursor)).toBe(0);
      expect(await store().sessions.list({ gateway }, { limit: 10 })).toEqual([]);
    });

    it('takes a batch larger than one statement', async () => {
      const gateway = unique('gw');
      const changes = Array.from({ length: 2_500 }, (_, at) => ({
        type: 'opened' as const,
        session: session(unique('bulk'), { gateway, startedAtMs: at }),
      }));
      expect(await store().sessions.applyIndexBatch(unique('cursor'), 1, changes)).toBe(true);
      const page = await store().sessions.list({ gateway }, { limit: pageRowsMax });
      expect(page).toHaveLength(pageRowsMax);
      expect(page[0]!.startedAtMs).toBe(2_499);
    }, 60_000);

    it('is not stopped by a session whose text cannot be kept', async () => {
      const id = unique('ses');
      const odd = session(id, {
        principalName: 'a\0b',
        client: { ['k\0']: '\ud800', long: 'ä'.repeat(nameBytesMax) },
        groups: ['\0'],
        startedAtMs: 5.4,
      });
      expect(await store().sessions.applyIndexBatch(unique('cursor'), 1, [{ type: 'opened', session: odd }])).toBe(
        true,
      );
      expect(await store().sessions.get(id)).toMatchObject({
        principalName: 'a\ufffdb',
        client: { ['k\ufffd']: '\ufffd', long: 'ä'.repeat(nameBytesMax / 2) },
        groups: ['\ufffd'],
        startedAtMs: 5,
      });
    });
  });
}

function settingCases(store: () => Store): void {
  describe('settings', () => {
    const values = [null, true, 0, -1.5, 2 ** 53 - 1, '', `o'x`, [], [1, [2]], {}, { a: { b: null } }];
    it.each(values.map((value) => ({ value })))('keeps $value', async ({ value }) => {
      const key = unique('key');
      expect(await store().settings.get(key)).toBeUndefined();
      await store().settings.set(key, value);
      expect(await store().settings.get(key)).toEqual(value);
      await store().settings.set(key, 'other');
      expect(await store().settings.get(key)).toBe('other');
    });

    it('makes a value once, whoever asks at the same time', async () => {
      const key = unique('key');
      const values = await Promise.all(
        Array.from({ length: 10 }, (_, at) => store().settings.getOrCreate(key, async () => ({ at }))),
      );
      expect(new Set(values.map((value) => JSON.stringify(value))).size).toBe(1);
      const again = await store().settings.getOrCreate(key, () => {
        throw new Error('must not be called');
      });
      expect(again).toEqual(values[0]);
    });
  });
}

/** One of each type, and what both engines must make of it. */
export const typesQuery = `select true as bool, '\\x00ff27'::bytea as bytea, 9007199254740991::int8 as int8, 1::int2 as int2,
  2::int4 as int4, 'x' as text, 1.5::float8 as float8, 1.10::numeric as numeric, '{"b":1,"a":[null]}'::json as json,
  '{"a":1}'::jsonb as jsonb, timestamptz '2026-01-02 03:04:05.678+02' as timestamptz,
  timestamp '2026-01-02 03:04:05' as timestamp, date '2026-01-02' as date, null::int8 as nothing`;

export const typesRow = {
  bool: true,
  bytea: Buffer.from([0, 255, 39]),
  int8: 9007199254740991,
  int2: 1,
  int4: 2,
  text: 'x',
  float8: 1.5,
  numeric: '1.10',
  json: { b: 1, a: [null] },
  jsonb: { a: 1 },
  timestamptz: new Date('2026-01-02T01:04:05.678Z'),
  timestamp: '2026-01-02 03:04:05',
  date: '2026-01-02',
  nothing: null,
};
