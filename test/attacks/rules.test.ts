/**
 * Who has a valid token, and colludes, against Guardrails, reviews and grants: every try by its id, on a whole gateway
 * before a real server. A try succeeds where a statement runs unjudged, unrecorded or unapproved.
 *
 * Deliberately absent: masks by lineage and content (test/leak), the wire itself (protocols/postgres/attacks.test.ts).
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/api/contract/index.ts';
import type { Event } from '../../src/core/event.ts';
import * as m from '../../src/protocols/postgres/messages.ts';
import { outline, type RawMessage, rawClient } from '../../src/protocols/postgres/raw-testing.ts';
import { Peer } from '../../src/protocols/postgres/testing.ts';
import { openStore } from '../../src/store/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';
import { type GatewayProcess, startGatewayProcess } from '../env/process.ts';
import { issueToken, setUp } from '../env/setup.ts';
import { eventsOf, isType, verifyClean } from '../faults/support/gateway.ts';
import { startPostgres } from '../servers/postgres.ts';
import {
  bad,
  begin,
  bind,
  close,
  describe_,
  execute,
  guardrail,
  held,
  parse,
  principals,
  query,
  rules,
  seed,
  sql,
  sync,
  texts,
  tries,
  update,
} from './rules-tries.ts';

let env: TestEnv;
let admin: Client;
const api = new Map<string, Client>();
let peers: Peer[] = [];

beforeAll(async () => {
  env = await createTestEnv({ tls: 'optional', resources: { orders: { seed }, spare: { seed } }, principals });
  admin = await env.api('admin');
  await apply(...rules);
  for (const { name } of principals) api.set(name, await env.api(name));
}, 120_000);
afterAll(async () => {
  verifyClean(env.dataDirectory);
  await env.close();
}, 60_000);
beforeEach(async () => {
  for (const peer of peers) peer.socket.destroy();
  peers = [];
  await env.servers['orders']!.query("update visits set place = 'home'; update vault set place = 'home'");
});

const apply = (...documents: object[]): Promise<unknown> => admin.call('apply', { body: { documents, dryRun: false } });
const as = (name: string): Client => api.get(name)!;

async function raw(principal = 'engineer', token?: string, resource = 'orders'): Promise<Peer & { key: Buffer }> {
  const { port, user, password } = env.client(principal, resource);
  const database = env.servers[resource]!.database;
  const peer = await rawClient({ port, user, password: token ?? password, database });
  peers.push(peer);
  return peer as Peer & { key: Buffer };
}

// --- Messages -----------------------------------------------------------------------------------------------------

/** What came until the last ReadyForQuery that `bytes` ask for, a notice of a hold, or the end. */
async function say(peer: Peer, ...bytes: Buffer[]): Promise<string> {
  let left = bytes.filter(([type]) => type === 0x51 || type === 0x53).length;
  peer.write(Buffer.concat(bytes));
  const messages: RawMessage[] = [];
  while (left > 0) {
    const message = await peer.message().catch(() => null);
    if (message === null) return `${spelled(messages)} closed`;
    messages.push(message);
    if (message.type === 'N' && message.buffer.includes('waits for approval')) return `${spelled(messages)} held`;
    if (message.type === 'Z') left--;
  }
  return spelled(messages);
}

const spelled = (messages: readonly RawMessage[]): string =>
  `${outline(messages)} | ${messages
    .filter(({ type }) => type === 'D')
    .map(({ buffer, start, end }) => buffer.toString('latin1', start + 11, end))
    .join(',')}${messages
    .filter(({ type }) => type === 'E')
    .map((message) => ` ${m.decodeErrorResponse(message)['M']}`)
    .join('')}`;

/** The rest of an answer that a review held up. */
async function rest(peer: Peer, ready = 1): Promise<string> {
  const messages: RawMessage[] = [];
  for (let left = ready; left > 0; ) {
    const message = await peer.message().catch(() => null);
    if (message === null) return `${spelled(messages)} closed`;
    messages.push(message);
    if (message.type === 'Z') left--;
  }
  return spelled(messages);
}

async function until<T>(look: () => Promise<T | null | undefined | false>, what: string): Promise<T> {
  for (let turn = 0; turn < 400; turn++) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    await sleep(25);
  }
  throw new Error(`it did not come to this: ${what}`);
}

interface Summary {
  readonly id: string;
  readonly state: string;
}
const pending = async (): Promise<Summary[]> =>
  (await as('dba').call('listReviews', { query: { state: 'pending', mine: 'false' } as never })).reviews;
/** The one review that waits. */
const waiting = (): Promise<Summary> =>
  until(async () => (await pending()).find(({ state }) => state === 'pending'), 'a pending review');
const stateOf = async (id: string): Promise<string> => (await as('dba').call('getReview', { params: { id } })).state;
const decide = (who: string | Client, id: string, decision: 'approve' | 'deny' = 'approve', digest?: string) =>
  (typeof who === 'string' ? as(who) : who).call('decideReview', {
    params: { id },
    body: { decision, reason: 'seen', ...(digest === undefined ? {} : { digest }) },
  });
const refused = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: { code?: string }) => error.code ?? String(error),
  );
const changed = async (table = 'visits'): Promise<number> =>
  Number(
    (await env.servers['orders']!.query<{ n: string }>(`select count(*) n from ${table} where place <> 'home'`))[0]!.n,
  );
const events = (): Promise<Event[]> => eventsOf(env.dataDirectory);

/** A denial of the API, whichever it is. */
const denied = /^(api|review)\.[a-z-]+$/;

// --- Names --------------------------------------------------------------------------------------------------------

describe('A-PG-17: a name that comes to mean another statement behind the gateway’s back shows nothing', () => {
  test.each(tries)('%s', async (_name, steps) => {
    const peer = await raw();
    for (const step of steps) {
      const said = await say(peer, ...step);
      expect(said).not.toContain('SECRET');
      if (said.endsWith('closed') || said.endsWith('held')) break;
    }
  });

  test('a harmless statement that is swapped for one that would be held', async () => {
    const peer = await raw();
    await say(peer, query("prepare u as update visits set place = 'home' where id = 1"));
    await say(peer, query('execute u'));
    await say(peer, close('statement', 'u'), parse(update('swapped'), 'u'), sync);
    expect(await say(peer, query('execute u'))).toMatch(/E:42501|held/);
    expect(await changed()).toBe(0);
  });
});

// --- Hidden statements ----------------------------------------------------------------------------------------------

describe('what hides a statement: refused or held, never run', () => {
  test.each(texts)('%s: %s', async (_id, text, ...before) => {
    const peer = await raw();
    // A colleague whom no rule binds lays the trap.
    const colleague = await raw('dora');
    for (const one of before) {
      expect(await say(one.startsWith('create') ? colleague : peer, query(one))).not.toContain('E:');
    }
    expect(await say(peer, query(text))).toMatch(/E:42501|held$|closed$/);
    const [left] = await env.servers['orders']!.query<{ all: string }>(
      `select (select count(*) from visits where place = 'home') || ' ' || (select count(*) from diary) || ' ' ||
        (select count(*) from people) as all`,
    );
    expect(left!.all).toBe('50 5 5');
  });

  test.each([
    ['A-PG-12', ["set client_encoding = 'SJIS'"]],
    ['A-PG-12', ["set names 'BIG5'"]],
    ['A-PG-12', ["select set_config('client_encoding', 'GB18030', false)"]],
    ['A-PG-12', ["begin; set local client_encoding = 'EUC_TW'"]],
  ])('%s: %s ends the session, and what is behind it does not run', async (_id, texts) => {
    const peer = await raw();
    const said = await say(peer, ...texts.map(query), query("select '\u0095\\'; drop table diary; --'"));
    expect(said).toMatch(/closed$/);
  });

  test('A-PG-13: bytes that are no text, in Query, Parse and a name', async () => {
    const peer = await raw();
    const evil = Buffer.from([0x64, 0x72, 0x6f, 0x70, 0xc0, 0xa0, 0x74]);
    const message = (type: string, body: Buffer): Buffer => {
      const head = Buffer.alloc(5, type);
      head.writeInt32BE(body.length + 4, 1);
      return Buffer.concat([head, body]);
    };
    const nul = Buffer.alloc(1);
    expect(await say(peer, message('Q', Buffer.concat([evil, nul])))).toContain('E:22021');
    expect(await say(peer, message('P', Buffer.concat([nul, evil, nul, Buffer.alloc(2)])), sync)).toContain('E:22021');
  });

  test('A-PG-19: FunctionCall', async () => {
    const peer = await raw();
    const call = Buffer.from([0x46, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    peer.write(call);
    expect(await rest(peer)).toMatch(/E:/);
  });
});

// --- Holds ------------------------------------------------------------------------------------------------------------

describe('A-REV-03, A-REV-04: an approval runs what was approved, once', () => {
  test('two Executes of one Bind are two reviews; so is the rest of a portal that paused', async () => {
    const peer = await raw();
    await say(peer, query('begin'));
    const bytes = [parse(`${update('once')} returning id`), bind(), execute('', 1), execute('', 1), sync];
    expect(await say(peer, ...bytes)).toMatch(/held$/);
    const first = await until(async () => ((await pending()).length === 2 ? await pending() : null), 'two reviews');
    expect(new Set(first.map(({ id }) => id)).size).toBe(2);
    await decide('dba', first.at(-1)!.id);
    await until(async () => (await stateOf(first.at(-1)!.id)) === 'executed', 'the first to run');
    expect(await stateOf(first[0]!.id)).toBe('pending');
    expect(await refused(decide('dora', first.at(-1)!.id))).toMatch(denied);
    await decide('dora', first[0]!.id, 'deny');
    expect(await rest(peer)).toContain('E:42501');
  });

  test('the approval of other parameters is none', async () => {
    const text = "update visits set place = $1 where $2 = 'all'";
    const one = await raw();
    const other = await raw('carol');
    await say(one, parse(text), bind('', '', ['a', 'all']), execute(), sync);
    const first = await waiting();
    await say(other, parse(text), bind('', '', ['b', 'all']), execute(), sync);
    const second = await until(async () => (await pending()).find(({ id }) => id !== first.id), 'the second review');
    const shown = await as('dba').call('getReview', { params: { id: first.id } });
    const other2 = await as('dba').call('getReview', { params: { id: second.id } });
    expect(shown.digest).not.toBe(other2.digest);
    expect(await refused(decide('dba', second.id, 'approve', shown.digest))).toBe('api.review-changed');
    await decide('dba', first.id, 'approve', shown.digest);
    await rest(one);
    expect(await stateOf(second.id)).toBe('pending');
    expect(
      (await env.servers['orders']!.query('select distinct place from visits')).map((row) => row['place']),
    ).toEqual(['a']);
  });

  test('a trigger that another session makes meanwhile: what was approved is not what would run', async () => {
    const peer = await raw();
    expect(await say(peer, query(update('triggered')))).toMatch(/held$/);
    const review = await waiting();
    const other = await raw('dora');
    await say(
      other,
      query("create function tr9() returns trigger language plpgsql as 'begin delete from diary; return new; end'"),
    );
    expect(
      await say(other, query('create trigger t9 before update on visits for each row execute function tr9()')),
    ).toMatch(/^C Z/);
    await decide('dba', review.id);
    expect(await rest(peer)).toContain('E:42501');
    expect(await changed()).toBe(0);
    await say(other, query('drop trigger t9 on visits'));
  });

  test('the same, made past the gateway', async () => {
    const peer = await raw();
    expect(await say(peer, query(update('triggered')))).toMatch(/held$/);
    const review = await waiting();
    await env.servers['orders']!.query('create rule r9 as on update to visits do also delete from diary');
    await decide('dba', review.id);
    expect(await rest(peer)).toContain('E:42501');
    expect(await changed()).toBe(0);
    await say(await raw('dora'), query('drop rule r9 on visits'));
  });

  test('a search path that changes before it, in a pipeline: the review does not say otherwise', async () => {
    const peer = await raw();
    expect(await say(peer, query('set search_path = other'), query(update('elsewhere')))).toMatch(/held$|E:42501/);
    for (const { id } of await pending()) {
      const { command } = await as('dba').call('getReview', { params: { id } });
      expect(command?.context['search_path'] ?? '"other"').toContain('other');
    }
  });

  test('nothing behind a held statement runs before it, and nothing of a Query of which one part is held', async () => {
    const peer = await raw();
    const bytes = [
      query(`insert into diary (note) values ('part'); ${update('part')}`),
      query("insert into diary (note) values ('behind')"),
    ];
    expect(await say(peer, ...bytes)).toMatch(/held$/);
    const review = await waiting();
    const notes = async (): Promise<unknown[]> =>
      env.servers['orders']!.query("select 1 from diary where note <> 'kept'");
    expect(await notes()).toEqual([]);
    await decide('dba', review.id, 'deny');
    expect(await rest(peer, 2)).toMatch(/E:42501 Z:I C Z:I/);
    await env.servers['orders']!.query("delete from diary where note <> 'kept'");
  });

  test('Flush, Describe and COPY data behind it bring nothing out', async () => {
    const peer = await raw();
    await say(peer, query('begin'));
    peer.write(
      Buffer.concat([
        parse(`${update('flushed')} returning place`),
        bind(),
        describe_('portal', ''),
        m.encodeFlush(),
        execute(),
        m.encodeFlush(),
      ]),
    );
    await waiting();
    peer.write(Buffer.concat([sync, m.encodeFlush(), Buffer.from([0x63, 0, 0, 0, 4])]));
    await sleep(100);
    expect(await changed()).toBe(0);
  });

  test('a cancel at the moment of approval: it ran if and only if it was executed', async () => {
    for (let turn = 0; turn < 4; turn++) {
      await env.servers['orders']!.query("update visits set place = 'home'");
      const peer = await raw();
      await say(peer, query(update(`race ${turn}`)));
      const { id } = await waiting();
      const { port } = env.client('engineer');
      const canceller = await Peer.connect(port);
      peers.push(canceller);
      const work = decide('dba', id).catch(() => null);
      await sleep(turn * 3);
      canceller.write(m.encodeCancelRequest(peer.key.readInt32BE(0), peer.key.subarray(4)));
      await work;
      const said = await rest(peer);
      await until(async () => !['pending', 'approved'].includes(await stateOf(id)), 'an end of the review');
      const state = await stateOf(id);
      expect(said).toMatch(/^C Z:I|E:57014/);
      if ((await changed()) > 0) expect(state).toBe('executed');
      if (said.startsWith('C ')) expect(state).toBe('executed');
    }
  });

  test('A-REV-05: approve and deny at once', async () => {
    const peer = await raw();
    await say(peer, query(update('both')));
    const { id } = await waiting();
    await Promise.allSettled([decide('dba', id), decide('dora', id, 'deny')]);
    const said = await rest(peer);
    expect(await stateOf(id)).toBe(said.startsWith('C ') ? 'executed' : 'denied');
    expect((await changed()) > 0).toBe(said.startsWith('C '));
  });

  test('A-REV-05: the quorum of two is two people, both of whom still may', async () => {
    const peer = await raw();
    expect(await say(peer, query("update vault set place = 'two'"))).toMatch(/held$/);
    const { id } = await waiting();
    await decide('dora', id);
    expect(await refused(decide('dora', id))).toMatch(denied);
    const token = await issueToken(admin, 'dora');
    expect(await refused(decide(await client(token), id))).toMatch(denied);
    await apply({ kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dba'] } });
    await decide('dba', id);
    await sleep(150);
    expect(await changed('vault')).toBe(0);
    await apply({ kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dba', 'dora'] } });
    expect(await changed('vault')).toBe(0);
  });
});

async function client(token: string): Promise<Client> {
  return createClient({ baseUrl: env.gateway.consoleUrl, ca: await readFile(env.gateway.caPath, 'utf8'), token });
}

describe('A-REV-04, I11: what changes while it waits', () => {
  const carol = (disabled: boolean) => ({
    kind: 'Principal',
    metadata: { name: 'carol' },
    spec: { kind: 'person', displayName: 'carol', roles: ['member'], disabled },
  });
  const strict = guardrail('stricter', { match: sql({ effects: ['update-all'] }), verdict: 'block' });
  const spare = async (address: string) => {
    const found = await admin.call('getObject', { params: { kind: 'Resource', name: 'spare' } });
    const spec = (found as { spec: Record<string, unknown> }).spec;
    return { ...found, spec: { ...spec, address } } as object;
  };

  test('the requester is disabled: the session is over, and the approval finds nobody', async () => {
    const peer = await raw('carol');
    await say(peer, query(update('disabled')));
    const { id } = await waiting();
    await apply(carol(true));
    await refused(decide('dba', id));
    expect(await rest(peer)).toMatch(/closed$/);
    expect(await changed()).toBe(0);
    expect(await stateOf(id)).not.toBe('executed');
    await apply(carol(false));
  });

  test('the token is revoked', async () => {
    const { id: tokenId, token } = await admin.call('createToken', {
      body: { principal: 'carol', description: 'x', lifetimeSeconds: 600 },
    });
    const peer = await raw('carol', token);
    await say(peer, query(update('revoked')));
    const { id } = await waiting();
    await admin.call('revokeToken', { params: { id: tokenId } });
    expect(await rest(peer)).toMatch(/closed$/);
    await refused(decide('dba', id));
    expect(await changed()).toBe(0);
    expect(await stateOf(id)).toBe('withdrawn');
  });

  test('a rule is tightened: it needs to be submitted again', async () => {
    const peer = await raw();
    await say(peer, query(update('tightened')));
    const { id } = await waiting();
    await apply(strict);
    await decide('dba', id);
    expect(await rest(peer)).toContain('E:42501');
    await admin.call('deleteObject', { params: { kind: 'Guardrail', name: 'stricter' }, query: {} });
    expect(await changed()).toBe(0);
    expect(await stateOf(id)).not.toBe('executed');
  });

  test('its rule asks for more: the approval of one is not enough', async () => {
    const peer = await raw();
    await say(peer, query(update('more')));
    const { id } = await waiting();
    const review = { ...held.spec, review: { reviewers: { groups: ['dba'] }, approvals: 2 } };
    await apply({ ...held, spec: review });
    await decide('dba', id);
    expect(await rest(peer)).toContain('E:42501');
    await apply(held);
    expect(await changed()).toBe(0);
  });

  test('the only reviewer leaves the group: the approval that was given does not count', async () => {
    const peer = await raw();
    await say(peer, query(update('left')));
    const { id } = await waiting();
    await apply({ kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dora'] } });
    expect(await refused(decide('dba', id))).toBe('api.not-found');
    await apply({ kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dba', 'dora'] } });
    expect(await changed()).toBe(0);
  });

  test('the address of the resource changes: what runs, runs where the review says', async () => {
    const before = await env.servers['spare']!.query("select count(*) n from visits where place <> 'home'");
    const peer = await raw('engineer', undefined, 'spare');
    await say(peer, query(update('moved')));
    const { id } = await waiting();
    const { host, port } = env.servers['orders']!;
    await apply(await spare(`${host}:${port}`));
    await refused(decide('dba', id));
    await rest(peer);
    expect(await changed()).toBe(0);
    expect(before).toHaveLength(1);
    await apply(await spare(`${env.servers['spare']!.host}:${env.servers['spare']!.port}`));
  });
});

describe('A-REV-01: nobody decides their own', () => {
  test('not by another token, the admin role, a group joined meanwhile, a service; nor who is none of its reviewers', async () => {
    const peer = await raw('boss');
    await say(peer, query(update('own')));
    const { id } = await waiting();
    expect(await refused(decide('boss', id))).toBe('api.own-review');
    expect(await refused(decide(await client(await issueToken(admin, 'boss')), id))).toBe('api.own-review');
    // As the administrator that he is, he makes himself a reviewer.
    await as('boss').call('apply', {
      body: {
        documents: [{ kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dba', 'dora', 'boss'] } }],
        dryRun: false,
      },
    });
    expect(await refused(decide('boss', id))).toBe('api.own-review');
    await apply(
      { kind: 'Principal', metadata: { name: 'robot' }, spec: { kind: 'service', roles: ['member'] } },
      { kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dba', 'dora', 'robot'] } },
    );
    expect(await refused(decide(await client(await issueToken(admin, 'robot')), id))).toBe('api.people-only');
    expect(await refused(decide(admin, id))).toMatch(denied);
    expect(await refused(decide('outsider', id))).toBe('api.not-found');
    expect(await refused(decide('engineer', id))).toBe('api.not-found');
    expect(await refused(as('engineer').call('breakGlass', { params: { id }, body: { reason: 'mine' } }))).toBe(
      'api.not-found',
    );
    expect(await refused(as('boss').call('breakGlass', { params: { id }, body: { reason: 'mine' } }))).toMatch(denied);
    expect(await refused(as('dba').call('withdrawReview', { params: { id } }))).toMatch(denied);
    expect(await changed()).toBe(0);
    await apply({ kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dba', 'dora'] } });
  });

  test('break-glass runs once, alerts, and its review afterwards is not one’s own either', async () => {
    const peer = await raw('owen');
    await say(peer, query(update('glass')));
    const { id } = await waiting();
    expect(await refused(as('owen').call('breakGlass', { params: { id }, body: { reason: '  ' } }))).not.toBe('done');
    await as('owen').call('breakGlass', { params: { id }, body: { reason: 'fire' } });
    expect(await rest(peer)).toMatch(/^C Z:I/);
    expect(await refused(as('owen').call('breakGlass', { params: { id }, body: { reason: 'fire' } }))).toMatch(denied);
    const after = await until(
      async () => (await pending()).find((one) => (one as { kind?: string }).kind === 'break-glass'),
      'the review afterwards',
    );
    expect(await refused(decide('owen', after.id))).toBe('api.own-review');
    expect(
      (await events()).filter(isType('alert.raised')).some(({ reason }) => reason.includes('broke the glass')),
    ).toBe(true);
    await decide('dba', after.id, 'deny');
  });
});

// --- Limits -----------------------------------------------------------------------------------------------------------

describe('limits of rows', () => {
  const limited = (limits: object, verdict = 'block') =>
    guardrail('few-rows', { match: { principals: { groups: ['limited'] } }, verdict, limits });
  const rowsOf = (said: string): number => said.split(' ').filter((word) => word === 'D').length;
  const all = 'select id from visits';
  afterAll(() => admin.call('deleteObject', { params: { kind: 'Guardrail', name: 'few-rows' }, query: {} }));

  test.each<[string, object, Buffer[][], number]>([
    ['one Query', { statement: { rows: 10 } }, [[query(all)]], 10],
    ['a Query of several statements', { statement: { rows: 10 } }, [[query(`${all} limit 8; ${all} limit 8`)]], 10],
    [
      'a portal taken in pieces',
      { statement: { rows: 10 } },
      [[begin], [parse(all), bind(), ...Array.from({ length: 8 }, () => execute('', 5)), sync]],
      10,
    ],
    [
      'a portal in pieces, a Sync each',
      { statement: { rows: 10 } },
      [[begin], [parse(all), bind('', 'p'), sync], ...Array.from({ length: 8 }, () => [execute('p', 5), sync])],
      10,
    ],
    ['COPY', { statement: { bytes: 50 } }, [[query(`copy (${all}) to stdout`)]], 50],
    [
      'cursors, by session',
      { session: { rows: 20 } },
      [[begin], [query(`declare c cursor for ${all}`)], ...Array.from({ length: 8 }, () => [query('fetch 5 from c')])],
      20,
    ],
    [
      'many statements, by session',
      { session: { rows: 20 } },
      Array.from({ length: 8 }, () => [query(`${all} limit 5`)]),
      20,
    ],
  ])('%s', async (_name, limits, steps, most) => {
    await apply(limited(limits));
    const peer = await raw('lena');
    let got = 0;
    let bytes = 0;
    for (const step of steps) {
      const said = await say(peer, ...step);
      got += rowsOf(said);
      const copied = said.split(' ').filter((word) => word === 'd').length;
      bytes += Array.from({ length: copied }, (_, n) => `${n + 1}\n`.length).reduce((sum, size) => sum + size, 0);
      if (said.endsWith('closed')) break;
    }
    expect(got + bytes).toBeLessThanOrEqual(most);
  });

  test('a day’s limit counts over sessions at once, and errors give nothing back', async () => {
    await apply(limited({ day: { rows: 400 } }));
    const many = await Promise.all(Array.from({ length: 4 }, () => raw('lena')));
    const said = await Promise.all(
      many.map(async (peer) => {
        let got = 0;
        for (let turn = 0; turn < 6; turn++) got += rowsOf(await say(peer, query(`${all}; select 1 / 0`)));
        return got;
      }),
    );
    expect(said.reduce((sum, got) => sum + got, 0)).toBeLessThanOrEqual(400);
    expect(rowsOf(await say(await raw('lena'), query(all)))).toBe(0);
  });
});

// --- Grants -----------------------------------------------------------------------------------------------------------

describe('access on request', () => {
  const access = (more: object = {}) => ({
    kind: 'Access',
    metadata: { name: 'on-request' },
    spec: {
      match: { principals: { names: ['outsider'] }, resources: { names: ['spare'] } },
      request: { reviewers: { groups: ['dba'] }, maxDuration: '30m' },
      ...more,
    },
  });
  const ask = (who: string, resource: string, duration: string, reason: string | undefined = 'work') =>
    as(who).call('requestAccess', { body: { resource, duration, ...(reason === undefined ? {} : { reason }) } });

  test('asking gives nothing; too long, without Access, without reason, or one’s own word neither', async () => {
    await apply(access());
    await expect(raw('outsider', undefined, 'spare')).rejects.toThrow();
    expect(await refused(ask('outsider', 'spare', '31m'))).toMatch(denied);
    expect(await refused(ask('outsider', 'orders', '5m'))).toMatch(denied);
    expect(await refused(ask('outsider', 'nothing', '5m'))).toMatch(denied);
    expect(
      await refused(as('outsider').call('requestAccess', { body: { resource: 'spare', duration: '5m' } })),
    ).not.toBe('done');
    const { id } = await ask('outsider', 'spare', '5m');
    expect(await refused(decide('outsider', id))).toBe('api.own-review');
    expect(await refused(decide(admin, id))).toMatch(denied);
    await expect(raw('outsider', undefined, 'spare')).rejects.toThrow();
    await decide('dba', id, 'deny');
    expect(await refused(decide('dora', id))).toMatch(denied);
    await expect(raw('outsider', undefined, 'spare')).rejects.toThrow();
  });

  test('I11, I15: a grant ends when it is revoked, sessions too, and does not come back', async () => {
    await apply(access());
    const { id } = await ask('outsider', 'spare', '5m');
    const { access: given } = await decide('dba', id);
    const peer = await raw('outsider', undefined, 'spare');
    expect(await say(peer, query('select 1'))).toMatch(/^T D C Z/);
    await expect(raw('outsider', undefined, 'orders')).rejects.toThrow();
    expect(await refused(as('engineer').call('revokeGrant', { params: { id: given!.grant! } }))).toMatch(denied);
    const over = peer.rest();
    await as('dba').call('revokeGrant', { params: { id: given!.grant! } });
    await over;
    await expect(raw('outsider', undefined, 'spare')).rejects.toThrow();
    expect(await refused(decide('dora', id))).toMatch(denied);
  });

  test('the Access goes while a grant lives, and while one is asked for', async () => {
    await apply(access());
    const first = await ask('outsider', 'spare', '5m');
    await decide('dba', first.id);
    const peer = await raw('outsider', undefined, 'spare');
    const second = await ask('outsider', 'spare', '5m');
    const over = peer.rest();
    await admin.call('deleteObject', { params: { kind: 'Access', name: 'on-request' }, query: {} });
    await over;
    await decide('dba', second.id).catch(() => null);
    await expect(raw('outsider', undefined, 'spare')).rejects.toThrow();
  });
});

// --- Rules ------------------------------------------------------------------------------------------------------------

describe('A-POL-01: rules that cannot be enforced', () => {
  test.each(bad)('%s is not saved', async (_name, document) => {
    expect(await refused(apply(document))).not.toBe('done');
    expect(
      await refused(admin.call('getObject', { params: { kind: (document as { kind: 'Mask' }).kind, name: 'bad' } })),
    ).not.toBe('done');
  });

  test('the group that holds its reviewers goes: held statements are refused, not run', async () => {
    const gone = await refused(admin.call('deleteObject', { params: { kind: 'Group', name: 'dba' }, query: {} }));
    const peer = await raw();
    const said = await say(peer, query(update('without')));
    expect(said).toMatch(gone === 'done' ? /E:42501/ : /held$/);
    expect(await changed()).toBe(0);
    await apply({ kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['dba', 'dora'] } });
  });

  test('the group that a rule selects goes: whoever deletes it is told, and a dry run tells before', async () => {
    const result = await admin.call('deleteObject', {
      params: { kind: 'Group', name: 'engineering' },
      query: { dryRun: true },
    });
    await apply({
      kind: 'Group',
      metadata: { name: 'engineering' },
      spec: { members: ['engineer', 'carol', 'owen', 'boss'] },
    });
    expect(JSON.stringify(result)).toContain('no-drop');
  });
});

describe('A-REV-07, I15: a restart, and a broken rule in the store', () => {
  test('what was held is withdrawn; a rule that cannot be read blocks everything', async () => {
    const peer = await raw();
    await say(peer, query(update('restart')));
    const { id } = await waiting();
    await env.gateway.stop('test', 0);
    expect(await rest(peer)).toMatch(/closed$/);
    const store = await openStore({ directory: join(env.dataDirectory, 'store') } as never);
    await store.objects.change(
      {
        puts: [
          {
            kind: 'Guardrail',
            name: 'broken',
            labels: {},
            spec: { match: { when: '((' }, verdict: 'maybe' },
            by: 'attacker',
            expectedGeneration: 0,
          },
        ],
        deletes: [],
      },
      async () => {},
    );
    await store.close();
    await env.restart();
    for (const { name } of principals) api.set(name, await env.api(name));
    admin = await env.api('admin');
    expect(await stateOf(id)).toBe('withdrawn');
    expect(await refused(decide('dba', id))).toMatch(denied);
    const after = await raw('dba');
    expect(await say(after, query('select 1'))).toContain('E:42501');
    expect(await say(after, parse('select 1'), bind(), execute(), sync)).toContain('E:42501');
    await admin.call('deleteObject', { params: { kind: 'Guardrail', name: 'broken' }, query: {} });
    expect(await say(after, query('select 1'))).toMatch(/^T D C/);
    expect(await changed()).toBe(0);
  });
});

test('I1, I7: what ran is in the journal, in order, and verify holds', async () => {
  const all = await events();
  const executed = all.filter(isType('review.ended')).filter(({ outcome }) => outcome === 'executed');
  expect(executed.length).toBeGreaterThan(0);
  for (const { review } of executed) {
    const requested = all.filter(isType('review.requested')).find((one) => one.review === review)!;
    if (requested.kind !== 'command') continue;
    const decided = all
      .filter(isType('review.decided'))
      .filter((one) => one.review === review && one.decision === 'approve');
    expect(decided.length).toBeGreaterThan(0);
    const intent = all
      .filter(isType('command.intent'))
      .find((one) => one.session === requested.session && one.command === requested.command);
    expect(intent).toBeDefined();
  }
  const intents = all.filter(isType('command.intent'));
  const ends = new Set(all.filter(isType('command.ended')).map(({ session, command }) => `${session} ${command}`));
  const open = intents.filter(({ session, command }) => !ends.has(`${session} ${command}`));
  expect(open.length).toBeLessThanOrEqual(5);
  verifyClean(env.dataDirectory);
});

describe('A-REV-07: kill -9', () => {
  test('of a gateway that just approved: it ran only if the review says so, and no restart runs it', async () => {
    const server = await startPostgres({ seed });
    const dataDirectory = join(env.dataDirectory, '..', `sallyport-kill-${process.pid}`);
    let gateway: GatewayProcess | null = null;
    try {
      gateway = await startGatewayProcess({ dataDirectory, tls: 'optional' });
      const tokens = await setUp(gateway, [{ name: 'orders', server }], principals);
      const open = async (name: string): Promise<Client> =>
        createClient({
          baseUrl: gateway!.consoleUrl,
          ca: await readFile(gateway!.caPath, 'utf8'),
          token: tokens.get(name),
        });
      await (await open('admin')).call('apply', { body: { documents: rules, dryRun: false } });
      for (const waitMs of [0, 15]) {
        await server.query("update visits set place = 'home'");
        const peer = await rawClient({
          port: gateway.postgresPort,
          user: 'engineer+orders',
          password: tokens.get('engineer')!,
          database: server.database,
        });
        await say(peer, query(update('killed')));
        const dba = await open('dba');
        const id = await until(
          async () => (await dba.call('listReviews', { query: { state: 'pending' } })).reviews[0]?.id,
          'a review',
        );
        const decision = decide(dba, id).catch(() => null);
        await sleep(waitMs);
        await gateway.stop('SIGKILL');
        await decision;
        peer.socket.destroy();
        gateway = await startGatewayProcess({ dataDirectory, tls: 'optional' });
        const { state } = await (await open('dba')).call('getReview', { params: { id } });
        expect(['executed', 'withdrawn']).toContain(state);
        const [row] = await server.query<{ n: string }>("select count(*) n from visits where place <> 'home'");
        if (Number(row!.n) > 0) expect(state).toBe('executed');
        verifyClean(dataDirectory);
      }
    } finally {
      await gateway?.stop();
      await server.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    }
  }, 120_000);
});
