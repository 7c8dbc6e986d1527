/** What every engine must do with the index of what happened. */
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../base/clock.ts';
import type { HistoryBatch, HistoryEntry } from '../core/history.ts';
import type { SearchHit, SearchNode, SearchQuery } from '../core/search.ts';
import { openShared, type Store } from './index.ts';
import { historyCountMax } from './limits.ts';
import { codeOf, unique } from './store.contract.ts';

/** A quiet afternoon; nothing here depends on which. */
const noonMs = Date.UTC(2026, 9, 15, 12);

export function historyEntry(sequence: number, change: Partial<HistoryEntry> = {}): HistoryEntry {
  return {
    sequence,
    part: 0,
    revision: sequence,
    type: 'command',
    atMs: noonMs + sequence * 1000,
    session: 'ses_1',
    command: sequence,
    principal: { id: 'prn_ana', name: 'ana', kind: 'person' },
    groups: ['engineering'],
    agents: [],
    resource: 'orders',
    labels: { env: 'prod' },
    protocol: 'postgres',
    source: '192.0.2.1',
    client: ['application_name=psql'],
    kind: 'sql',
    verb: 'select',
    text: 'select 1',
    verdict: 'allow',
    judged: 'allow',
    rule: 'everyone',
    outcome: 'completed',
    error: null,
    effects: ['read'],
    touches: [],
    fingerprint: '00112233aabbccdd',
    complete: true,
    rows: 1,
    bytes: 10,
    durationMs: 5,
    masked: null,
    review: null,
    live: false,
    ...change,
  };
}

const everything: SearchQuery = { where: null, fromMs: 0, toMs: 4e12, sort: 'newest' };

const text = (field: Extract<SearchNode, { node: 'text' }>['field'], glob: string): SearchNode => ({
  node: 'text',
  field,
  glob,
});

export function historyCases(store: () => Store): void {
  describe('history', () => {
    const gateway = unique('gw');
    const history = () => store().history;
    const inGateway = (where: SearchNode | null, name = gateway): SearchNode => {
      const own = text('gateway', name);
      return where === null ? own : { node: 'all', of: [own, where] };
    };
    const write = (entries: readonly HistoryEntry[], change: Partial<HistoryBatch> = {}): Promise<void> =>
      history().write({
        gateway,
        upToSequence: Math.max(0, ...entries.map(({ revision }) => revision)),
        atMs: noonMs,
        entries,
        ended: [],
        ...change,
      });
    const find = async (where: SearchNode | null, change: Partial<SearchQuery> = {}): Promise<readonly SearchHit[]> => {
      const query = { ...everything, where: inGateway(where), ...change };
      return (await history().search(query, 'all', { limit: 100, after: null })).hits;
    };
    const sequences = async (where: SearchNode | null, change: Partial<SearchQuery> = {}): Promise<readonly number[]> =>
      (await find(where, change)).map(({ sequence }) => sequence);

    beforeAll(async () => {
      await write([
        historyEntry(1, {
          touches: [
            ['table', 'read', 'public.customers'],
            ['column', 'read', 'public.customers.ssn'],
            ['column', 'steer', 'public.customers.id'],
          ],
          text: "select ssn from public.customers where id = 7 and mail = 'x@y.org'",
          rows: 7,
        }),
        historyEntry(2, {
          touches: [['table', 'write', 'public.orders']],
          effects: ['drop'],
          verdict: 'block',
          judged: 'block',
          rule: 'no-drop',
          outcome: 'refused',
          error: '42501',
          text: 'drop table public.orders',
          rows: 0,
        }),
        historyEntry(3, {
          principal: { id: 'prn_bo', name: 'bo', kind: 'service' },
          groups: ['dba', 'On Call'],
          agents: ['claude', 'planner'],
          resource: 'web-1',
          labels: { env: 'test', team: 'payments' },
          protocol: 'ssh',
          session: 'ses_2',
          kind: 'shell',
          verb: 'cat',
          touches: [['path', 'read', '/etc/passwd']],
          text: 'cat /etc/passwd',
          verdict: 'allow',
          judged: 'hold',
          rule: 'ask-first',
          review: 'rev_1',
          rows: 900,
          durationMs: 70_000,
          complete: false,
          masked: 3,
        }),
        historyEntry(4, { type: 'sign-on', session: null, command: null, resource: null, protocol: null, live: true }),
      ]);
    });

    it('finds by every field, and by the opposite', async () => {
      const cases: readonly (readonly [SearchNode, readonly number[]])[] = [
        [text('who', 'ana'), [4, 2, 1]],
        [text('who', 'A*'), [4, 2, 1]],
        [text('who', 'prn_bo'), [3]],
        [{ node: 'not', of: text('who', 'ana') }, [3]],
        [text('group', 'on call'), [3]],
        [text('agent', 'plan*'), [3]],
        [text('resource', 'ORDERS'), [2, 1]],
        [{ node: 'not', of: text('resource', 'orders') }, [4, 3]],
        [text('label', 'env=prod'), [4, 2, 1].filter((one) => one !== 4)],
        [text('label', 'team=*'), [3]],
        [text('protocol', 'ssh'), [3]],
        [text('kind', 'shell'), [3]],
        [text('verb', 'cat'), [3]],
        [text('verdict', 'held'), [3]],
        [text('verdict', 'hold'), [3]],
        [text('verdict', 'blocked'), [2]],
        [text('rule', 'no-*'), [2]],
        [text('outcome', 'refused'), [2]],
        [text('error', '42501'), [2]],
        [text('effect', 'drop'), [2]],
        [text('fingerprint', '0011*'), [4, 3, 2, 1]],
        [text('session', 'ses_2'), [3]],
        [text('source', '192.0.2.*'), [4, 3, 2, 1]],
        [text('client', '*psql'), [4, 3, 2, 1]],
        [text('type', 'sign-on'), [4]],
        [text('type', 'nothing'), []],
        [text('review', 'rev_1'), [3]],
        [{ node: 'live' }, [4]],
        [{ node: 'uncertain' }, [3]],
        [{ node: 'number', field: 'rows', min: 2, max: null }, [3, 1]],
        [{ node: 'number', field: 'rows', min: null, max: 0 }, [2]],
        [{ node: 'number', field: 'duration', min: 60_000, max: 80_000 }, [3]],
        [{ node: 'number', field: 'masked', min: 1, max: null }, [3]],
        [{ node: 'touch', kinds: ['table'], accesses: [], glob: 'customers' }, [1]],
        [{ node: 'touch', kinds: ['table'], accesses: [], glob: 'Public.Customers' }, [1]],
        [{ node: 'touch', kinds: ['column'], accesses: ['read'], glob: 'customers.ssn' }, [1]],
        [{ node: 'touch', kinds: ['column'], accesses: ['read'], glob: 'customers.id' }, []],
        [{ node: 'touch', kinds: [], accesses: ['write'], glob: '*' }, [2]],
        [{ node: 'touch', kinds: ['path'], accesses: [], glob: '/etc/*' }, [3]],
        [{ node: 'touch', kinds: ['path'], accesses: [], glob: 'passwd' }, []],
        [{ node: 'words', text: 'customers ssn' }, [1]],
        [{ node: 'words', text: 'SSN, y.org!' }, [1]],
        [{ node: 'words', text: 'custom' }, []],
        [{ node: 'part', text: 'CUSTOM' }, [1]],
        [{ node: 'part', text: '/etc/pass' }, [3]],
        [{ node: 'part', text: 'tc/p' }, [3]],
        [{ node: 'part', text: '%' }, []],
        [{ node: 'part', text: 'X@' }, [1]],
        [text('effect', 'DROP'), [2]],
        [text('effect', 'dr*'), [2]],
        [text('session', 'SES_*'), [3, 2, 1]],
        [text('fingerprint', '00112233AABBCCDD'), [4, 3, 2, 1]],
        [{ node: 'any', of: [text('who', 'bo'), text('effect', 'drop')] }, [3, 2]],
        [{ node: 'any', of: [] }, []],
        [{ node: 'all', of: [] }, [4, 3, 2, 1]],
        [{ node: 'not', of: { node: 'any', of: [text('who', 'nobody'), text('who', 'bo')] } }, [4, 2, 1]],
      ];
      for (const [where, expected] of cases) {
        expect({ where, found: await sequences(where) }).toEqual({ where, found: expected });
      }
    });

    it('answers an entry whole', async () => {
      const [hit] = await find(text('who', 'bo'));
      expect(hit).toEqual({
        id: `${gateway}:3`,
        gateway,
        sequence: 3,
        type: 'command',
        atMs: noonMs + 3000,
        session: 'ses_2',
        command: 3,
        principal: { id: 'prn_bo', name: 'bo', kind: 'service' },
        agents: ['claude', 'planner'],
        resource: 'web-1',
        protocol: 'ssh',
        source: '192.0.2.1',
        kind: 'shell',
        verb: 'cat',
        text: 'cat /etc/passwd',
        verdict: 'allow',
        judged: 'hold',
        rule: 'ask-first',
        outcome: 'completed',
        error: null,
        effects: ['read'],
        touches: [['path', 'read', '/etc/passwd']],
        fingerprint: '00112233aabbccdd',
        complete: false,
        rows: 900,
        bytes: 10,
        durationMs: 70_000,
        masked: 3,
        review: 'rev_1',
        live: false,
      });
    });

    it('keeps to the time, and sorts', async () => {
      expect(await sequences(null, { fromMs: noonMs + 2000, toMs: noonMs + 3000 })).toEqual([2]);
      expect(await sequences(null, { fromMs: noonMs + 3000, toMs: noonMs + 3000 })).toEqual([]);
      expect(await sequences(null, { sort: 'oldest' })).toEqual([1, 2, 3, 4]);
      expect(await sequences(null, { sort: 'rows' })).toEqual([3, 1, 4, 2]);
      expect((await sequences(null, { sort: 'duration' }))[0]).toBe(3);
    });

    it('keeps to the scope in hits, counts and facets, whatever is asked', async () => {
      const own = { principalId: 'prn_bo' };
      const asked: readonly (SearchNode | null)[] = [
        null,
        { node: 'not', of: text('who', 'bo') },
        { node: 'any', of: [text('who', 'ana'), text('who', 'bo')] },
        { node: 'not', of: { node: 'words', text: 'nothing' } },
      ];
      for (const where of asked) {
        const query = { ...everything, where: inGateway(where) };
        const { hits } = await history().search(query, own, { limit: 100, after: null });
        expect(hits.every(({ principal }) => principal?.id === 'prn_bo')).toBe(true);
        const counts = await history().count(query, own, ['who', 'resource']);
        expect(counts.total).toBe(hits.length);
        expect(counts.facets.who?.map(({ value }) => value) ?? []).toEqual(hits.length === 0 ? [] : ['bo']);
      }
      const stranger = { principalId: 'prn_nobody' };
      const none = await history().search({ ...everything, where: null }, stranger, { limit: 100, after: null });
      expect(none).toEqual({ hits: [], next: null });
      expect((await history().count({ ...everything, where: null }, stranger, ['type'])).total).toBe(0);
    });

    it('counts, by facet, and tells what may match as well', async () => {
      const all = { ...everything, where: inGateway(null) };
      const fields = [
        'type',
        'who',
        'resource',
        'protocol',
        'verdict',
        'effect',
        'rule',
        'kind',
        'table',
        'day',
      ] as const;
      const counts = await history().count(all, 'all', fields);
      expect(counts).toMatchObject({ total: 4, isExact: true, uncertain: null });
      expect(counts.facets.type).toEqual([
        { value: 'command', count: 3 },
        { value: 'sign-on', count: 1 },
      ]);
      expect(counts.facets.table).toEqual([
        { value: 'public.customers', count: 1 },
        { value: 'public.orders', count: 1 },
      ]);
      expect(counts.facets.day).toEqual([{ value: '2026-10-15', count: 4 }]);
      expect(counts.facets.effect).toEqual([
        { value: 'read', count: 3 },
        { value: 'drop', count: 1 },
      ]);
      const touching: SearchNode = { node: 'touch', kinds: ['table'], accesses: [], glob: 'customers' };
      expect(await history().count({ ...all, where: inGateway(touching) }, 'all', [])).toEqual({
        total: 1,
        isExact: true,
        uncertain: 1,
        facets: {},
      });
      const neverThere: SearchNode = { node: 'touch', kinds: ['table'], accesses: [], glob: 'no-such-table' };
      expect(await history().count({ ...all, where: inGateway(neverThere) }, 'all', ['who'])).toMatchObject({
        total: 0,
        uncertain: 1,
      });
    });

    it('pages without gaps or repeats, in every order', async () => {
      const name = unique('gw-pages');
      const moments = [0, 0, 0, 1, 1, 5_000_000, 86_400_000, 86_400_000, 90 * 86_400_000];
      const entries = moments.map((offset, at) =>
        historyEntry(at + 1, { atMs: noonMs + offset, rows: [5, 5, 5, null, 2, 9, 9, 0, 1][at]! }),
      );
      await history().write({ gateway: name, upToSequence: 9, atMs: noonMs, entries, ended: [] });
      for (const sort of ['newest', 'oldest', 'rows', 'bytes', 'duration'] as const) {
        const query = { ...everything, where: inGateway(null, name), sort };
        const whole = await history().search(query, 'all', { limit: 100, after: null });
        expect(whole.hits).toHaveLength(9);
        expect(whole.next).toBeNull();
        const paged: SearchHit[] = [];
        for (let after: string | null = null, turn = 0; turn === 0 || after !== null; turn++) {
          const page: Awaited<ReturnType<typeof search>> = await search(query, after);
          paged.push(...page.hits);
          after = page.next;
        }
        expect({ sort, paged }).toEqual({ sort, paged: whole.hits });
      }
      function search(query: SearchQuery, after: string | null) {
        return history().search(query, 'all', { limit: 2, after });
      }
      for (const bad of ['', 'x', '1.2.3', `1.2.3.4.5'; drop table objects; --`, '1.2.99999999.4.5', 'NaN.1.1.1.1']) {
        expect(await codeOf(search({ ...everything }, bad))).toBe('store.bad-cursor');
      }
    });

    it('is not changed by a batch that comes again, nor by an older revision', async () => {
      const name = unique('gw-again');
      const begun = historyEntry(10, { outcome: null, rows: null, live: true, text: 'begun' });
      const ended = historyEntry(10, { revision: 12, text: 'ended' });
      const put = (entry: HistoryEntry): Promise<void> =>
        history().write({ gateway: name, upToSequence: entry.revision, atMs: noonMs, entries: [entry], ended: [] });
      await put(begun);
      await put(ended);
      await put(begun);
      await put(ended);
      const found = await find(null, { where: inGateway(null, name) });
      expect(found.map(({ text: kept, rows, live }) => ({ kept, rows, live }))).toEqual([
        { kept: 'ended', rows: 1, live: false },
      ]);
      expect(await history().cursor(name)).toBe(12);
      expect((await history().standings()).find((one) => one.gateway === name)).toEqual({
        gateway: name,
        sequence: 12,
        atMs: noonMs,
        entries: 1,
      });
    });

    it('ends what was under way in a session that is over', async () => {
      const name = unique('gw-ended');
      const session = unique('ses');
      const entries = [
        historyEntry(1, { session, live: true }),
        historyEntry(2, { session: unique('ses'), live: true }),
      ];
      await history().write({ gateway: name, upToSequence: 3, atMs: 1, entries, ended: [{ session, sequence: 3 }] });
      const found = await find(null, { where: inGateway(null, name) });
      expect(found.map(({ sequence, live }) => [sequence, live])).toEqual([
        [2, true],
        [1, false],
      ]);
    });

    it('keeps hostile texts as they are, or made to fit (A-REC-02)', async () => {
      const name = unique('gw-hostile');
      const hostile = [
        `'; drop table history.entries; --`,
        `$1 $$ %s {0} \\ \\\\ \\x00 \\u0000`,
        `"quoted" {a,b,NULL} {"json":["\\"]}`,
        '\u0000NUL\u0001\u001b[2J\u001b]0;title\u0007',
        '\ud800half',
        '\u202eevil\u202c 名前 👩‍💻 Grüße',
        '=cmd|calc!A1\t+1\n-1\r@x',
        'a'.repeat(70_000),
        `' & | ! <-> ( ) :* `,
        '%_\\%',
      ];
      const entries = hostile.map((value, at) =>
        historyEntry(at + 1, {
          text: value,
          principal: { id: value.slice(0, 500), name: value.slice(0, 500), kind: 'person' },
          groups: [value.slice(0, 500)],
          resource: value.slice(0, 500),
          labels: { [value.slice(0, 50)]: value.slice(0, 500) },
          session: value.slice(0, 500),
          client: [value.slice(0, 500)],
          verb: value.slice(0, 500),
          error: value.slice(0, 500),
          review: value.slice(0, 500),
          effects: [value.slice(0, 500)],
          touches: [['table', 'read', value]],
        }),
      );
      await history().write({ gateway: name, upToSequence: 20, atMs: noonMs, entries, ended: [] });
      for (const [at, value] of hostile.entries()) {
        const fits = value.toWellFormed().replaceAll('\0', '\ufffd');
        const short = fits.slice(0, 500);
        const where: SearchNode = {
          node: 'all',
          of: [
            text('who', short),
            text('group', short),
            text('resource', short),
            text('session', short),
            text('client', short),
            text('verb', short),
            text('error', short),
            text('review', short),
            text('effect', short),
            { node: 'part', text: short.slice(0, 100) },
            { node: 'touch', kinds: ['table'], accesses: [], glob: fits.slice(0, 1024) },
          ],
        };
        const found = await find(where, { where: inGateway(where, name) });
        expect({ at, found: found.map(({ sequence }) => sequence) }).toEqual({ at, found: [at + 1] });
        expect(found[0]?.text).toBe(fits.slice(0, 65_536));
        expect(found[0]?.resource).toBe(short);
        await find({ node: 'words', text: value });
        await find(text('who', `*${value.slice(0, 20)}*`));
      }
    });

    it('finds where an entry stands, and what a review was asked for', async () => {
      const name = unique('gw-where');
      const session = unique('ses');
      const review = unique('rev');
      const entries = [
        historyEntry(1, { type: 'session', session, command: null }),
        historyEntry(2, { session, command: 1 }),
        historyEntry(3, { type: 'review', session, command: 1, review, verb: 'requested', rule: 'ask' }),
        historyEntry(4, { type: 'review', session, command: 1, review, verb: 'approve' }),
      ];
      await history().write({ gateway: name, upToSequence: 4, atMs: 1, entries, ended: [] });
      expect(await history().sequenceOf(name, session, null)).toBe(1);
      expect(await history().sequenceOf(name, session, 1)).toBe(2);
      expect(await history().sequenceOf(name, session, 9)).toBeNull();
      expect(await history().sequenceOf('other', session, 1)).toBeNull();
      const request = {
        session,
        command: 1,
        resource: 'orders',
        rule: 'ask',
        labels: { env: 'prod' },
        protocol: 'postgres',
      };
      expect(await history().reviewRequest(review)).toEqual(request);
      expect(await history().reviewRequest('rev_none')).toBeNull();
    });

    it('deletes what is old, by type and label, but nothing under legal hold; texts go with it', async () => {
      const name = unique('gw-delete');
      const held = unique('ses');
      const old = noonMs - 400 * 86_400_000;
      const label = { purpose: unique('deletion') };
      const made = (sequence: number, change: Partial<HistoryEntry>): HistoryEntry =>
        historyEntry(sequence, { atMs: old + sequence, labels: label, text: `secret ${name} ${sequence}`, ...change });
      const entries = [
        made(1, {}),
        made(2, { session: held }),
        made(3, { type: 'reading' }),
        made(4, { labels: {} }),
        made(5, { atMs: noonMs }),
        made(6, {}),
      ];
      await history().write({ gateway: name, upToSequence: 6, atMs: 1, entries, ended: [] });
      const deletion = { types: ['command'], labels: label, beforeMs: noonMs - 1, heldSessions: [held] } as const;
      expect(await history().delete(deletion, 1)).toBe(1);
      expect(await history().delete(deletion, 1)).toBe(1);
      expect(await history().delete(deletion, 1)).toBe(0);
      const left = await find(null, { where: inGateway(null, name), sort: 'oldest' });
      expect(left.map(({ sequence }) => sequence)).toEqual([2, 3, 4, 5]);
      expect((await history().standings()).find((one) => one.gateway === name)?.entries).toBe(4);
      // The same texts may come again.
      await history().write({
        gateway: name,
        upToSequence: 7,
        atMs: 1,
        entries: [made(7, { text: `secret ${name} 1` })],
        ended: [],
      });
      expect(await find({ node: 'words', text: `secret ${name} 1` }, {})).toHaveLength(0);
      const again = await find(null, { where: inGateway({ node: 'part', text: `secret ${name} 1` }, name) });
      expect(again.map(({ sequence }) => sequence)).toEqual([7]);
    });

    it('lists sessions that began before a moment', async () => {
      const name = unique('gw-list');
      const label = { purpose: unique('list') };
      const sessions = [unique('ses-list'), unique('ses-list'), unique('ses-list')].sort();
      const entries = sessions.map((session, at) =>
        historyEntry(at + 1, { type: 'session', session, labels: label, atMs: noonMs + at }),
      );
      await history().write({ gateway: name, upToSequence: 3, atMs: 1, entries, ended: [] });
      const page = (after: string | null, beforeMs = noonMs + 2) =>
        history().sessionsBefore({ labels: label, beforeMs }, { limit: 1, after });
      expect(await page(null)).toEqual([{ session: sessions[0], gateway: name, atMs: noonMs }]);
      expect(await page(sessions[0]!)).toEqual([{ session: sessions[1], gateway: name, atMs: noonMs + 1 }]);
      expect(await page(sessions[1]!)).toEqual([]);
    });

    it('counts no further than its limit', async () => {
      const name = unique('gw-many');
      const entries = Array.from({ length: historyCountMax + 5 }, (_, at) => historyEntry(at + 1));
      for (let at = 0; at < entries.length; at += 2500) {
        await history().write({
          gateway: name,
          upToSequence: at + 2500,
          atMs: 1,
          entries: entries.slice(at, at + 2500),
          ended: [],
        });
      }
      const counts = await history().count({ ...everything, where: inGateway(null, name) }, 'all', ['who']);
      expect(counts.total).toBe(historyCountMax);
      expect(counts.isExact).toBe(false);
      await history().maintain();
    });

    it('forgets a gateway, and leaves the others', async () => {
      const name = unique('gw-drop');
      await history().write({ gateway: name, upToSequence: 9, atMs: 1, entries: [historyEntry(9)], ended: [] });
      await history().drop(name);
      expect(await find(null, { where: inGateway(null, name) })).toEqual([]);
      expect(await history().cursor(name)).toBe(0);
      expect(await sequences(null)).toEqual([4, 3, 2, 1]);
      await history().write({ gateway: name, upToSequence: 9, atMs: 1, entries: [historyEntry(9)], ended: [] });
      expect(await find(null, { where: inGateway(null, name) })).toHaveLength(1);
    });

    describe('for another thread', () => {
      const entry = (sequence: number, value: string): HistoryEntry =>
        historyEntry(sequence, { text: value, labels: { of: value } });

      it('is written there and found here, while both are at work', async () => {
        const name = unique('gw-shared');
        const shared = await openShared(store().share(), systemClock);
        const write = (sequence: number): Promise<void> =>
          shared.history.write({
            gateway: name,
            upToSequence: sequence,
            atMs: noonMs,
            entries: [entry(sequence, `${name} of ${sequence}`)],
            ended: [],
          });
        const here: Promise<unknown>[] = [];
        for (let sequence = 1; sequence <= 20; sequence++) {
          // Transactions, each of several statements: none of them may get the other's.
          here.push(store().settings.getOrCreate(`${name}-${sequence}`, () => sequence));
          await write(sequence);
        }
        expect(await Promise.all(here)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
        expect(await shared.history.cursor(name)).toBe(20);
        expect(await find(null, { where: inGateway(null, name) })).toHaveLength(20);
        await shared.close();
        expect(await codeOf(write(21))).toBe('store.closed');
        expect(await history().cursor(name)).toBe(20);
      });

      it('what is deleted here is written whole there, when it comes again', async () => {
        const name = unique('gw-epoch');
        const value = unique('vanishing');
        const shared = await openShared(store().share(), systemClock);
        const old = noonMs - 500 * 86_400_000;
        const write = (sequence: number, atMs: number): Promise<void> =>
          shared.history.write({
            gateway: name,
            upToSequence: sequence,
            atMs,
            entries: [{ ...entry(sequence, value), atMs }],
            ended: [],
          });
        await write(1, old);
        const deletion = { types: [], labels: { of: value }, beforeMs: old + 1, heldSessions: [] };
        expect(await history().delete(deletion, 10)).toBe(1);
        await write(2, noonMs);
        const where: SearchNode = {
          node: 'all',
          of: [text('label', `of=${value}`), { node: 'part', text: value }, { node: 'words', text: value }],
        };
        const found = await find(null, { where: inGateway(where, name) });
        expect(found.map(({ sequence, text: kept }) => [sequence, kept])).toEqual([[2, value]]);
        await shared.close();
      });

      it('a part is found among many texts that look alike, to the letter', async () => {
        const name = unique('gw-alike');
        const entries = Array.from({ length: 300 }, (_, at) =>
          historyEntry(at + 1, { text: `select state from ${name} where order_id = ${(at + 1) * 7919}` }),
        );
        await history().write({ gateway: name, upToSequence: 300, atMs: noonMs, entries, ended: [] });
        for (const at of [1, 17, 150, 300]) {
          const part: SearchNode = { node: 'part', text: `${name.toUpperCase()} WHERE order_id = ${at * 7919}` };
          const found = await find(null, { where: inGateway(part, name) });
          const wanted = entries.filter(({ text: kept }) => kept.includes(`= ${at * 7919}`));
          expect(found.map(({ sequence }) => sequence).sort()).toEqual(wanted.map(({ sequence }) => sequence).sort());
        }
      });
    });
  });
}
