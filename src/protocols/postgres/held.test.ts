/** A held statement waits on the wire: stock clients, a real server, reviews that the test decides. */
import { type ChildProcess, spawn } from 'node:child_process';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts';
import { FakeClock } from '../../base/clock.ts';
import type { CommandDraft } from '../../core/command.ts';
import { heldNoticeIntervalMs } from '../../core/limits.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews } from '../../core/review.ts';
import type { Verdict } from '../../core/verdict.ts';
import * as m from './messages.ts';
import { outline, rawClient, readUntilReady } from './raw-testing.ts';
import { connect, type GatewayOptions, startGateway, type TestGateway, until } from './relay-testing.ts';
import { Peer } from './testing.ts';

/** Reviews that the test decides. */
class Decisions implements Reviews {
  readonly asked: { request: ReviewRequest; decide: (outcome: ReviewOutcome) => void; withdrawn: boolean }[] = [];
  claims: string[] = [];

  request(request: ReviewRequest, onOutcome: (outcome: ReviewOutcome) => void): PendingReview {
    const entry = { request, decide: onOutcome, withdrawn: false };
    this.asked.push(entry);
    return {
      id: `rev_${this.asked.length}`,
      link: `https://gateway.example/reviews/rev_${this.asked.length}`,
      audience: 'a member of dba',
      expiresAtMs: Date.UTC(2026, 0, 1, 0, 30),
      withdraw: () => {
        entry.withdrawn = true;
      },
      claim: async (digest) => {
        this.claims.push(digest);
        return null;
      },
    };
  }
}

const approved: ReviewOutcome = { state: 'approved', by: ['dora'] };
const denied: ReviewOutcome = { state: 'denied', by: 'dora', reason: 'not on a Friday' };

/** Holds what says so, but no Parse: a statement is asked for when it is to run. */
function holding({ text, verb, parameters }: CommandDraft): Verdict | null {
  const held = text.includes('/* hold */') || parameters?.some(({ value }) => value === 'hold') === true;
  return held && verb !== 'prepare'
    ? { name: 'hold', rule: 'guardrail:ask-first', reason: 'A DBA has to agree.' }
    : null;
}

let server: PostgresServer;
let gateways: TestGateway[] = [];
let reviews: Decisions;

beforeAll(async () => {
  server = await startPostgres({ seed: 'create table done (what text); grant all on done to public' });
}, 90_000);
afterAll(async () => server?.stop());
afterEach(async () => {
  for (const gateway of gateways) await gateway.close();
  gateways = [];
  await server.query('delete from done');
});

async function start(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  reviews = new Decisions();
  const gateway = await startGateway({ upstream: server, judge: holding, reviews, ...options });
  gateways.push(gateway);
  return gateway;
}

const asked = (count = 1): Promise<void> => until(() => reviews.asked.length === count);
const done = async (): Promise<unknown[]> =>
  (await server.query<{ what: string }>('select what from done order by what')).map(({ what }) => what);
const insert = (what: string): string => `insert into done values ('${what}') /* hold */`;

interface Running {
  readonly child: ChildProcess;
  readonly over: Promise<number | null>;
  output: string;
}

function psql(gateway: TestGateway, sql: string): Running {
  const { host, port, user, password } = gateway.config;
  const target = `host=${host} port=${port} user=${user} sslmode=disable`;
  const child = spawn('psql', ['-X', '-d', target, '-c', sql], { env: { ...process.env, PGPASSWORD: password } });
  const over = new Promise<number | null>((resolve) => child.once('close', resolve));
  const running: Running = { child, over, output: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      running.output += chunk.toString();
    });
  }
  return running;
}

describe('psql waits', () => {
  test('it says for whom and where, and runs the statement once when it is approved', async () => {
    const gateway = await start();
    const running = psql(gateway, insert('approved'));
    await until(() => running.output.includes('HINT'));
    expect(running.output).toContain('waits for approval by a member of dba');
    expect(running.output).toContain('https://gateway.example/reviews/rev_1');
    expect(running.output).toContain('guardrail:ask-first');
    expect(await done()).toEqual([]);
    expect(reviews.asked[0]!.request.inTransaction).toBe(false);
    reviews.asked[0]!.decide(approved);
    expect(await running.over).toBe(0);
    expect(running.output).toContain('INSERT 0 1');
    expect(await done()).toEqual(['approved']);
    expect(reviews.claims).toHaveLength(1);
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'completed', tag: 'INSERT 0 1' }]);
  });

  test('a denial names who denied, and the session goes on', async () => {
    const gateway = await start();
    const client = await connect(gateway);
    const answer = client.query(insert('denied'));
    await asked();
    reviews.asked[0]!.decide(denied);
    await expect(answer).rejects.toMatchObject({
      code: '42501',
      message: 'dora denied it: not on a Friday',
      detail: expect.stringContaining('guardrail:ask-first') as string,
      hint: expect.stringContaining('Nothing of it has run') as string,
    });
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    expect(await done()).toEqual([]);
    await client.end();
  });

  test('Ctrl-C withdraws', async () => {
    const gateway = await start();
    const running = psql(gateway, insert('cancelled'));
    await asked();
    running.child.kill('SIGINT');
    expect(await running.over).not.toBe(0);
    expect(running.output).toContain('canceling statement due to user request');
    expect(reviews.asked[0]!.withdrawn).toBe(true);
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'withdrawn' }]);
    expect(await done()).toEqual([]);
  });

  test('A-REV-07: a client that is gone leaves nothing that could run', async () => {
    const gateway = await start();
    const running = psql(gateway, insert('gone'));
    await asked();
    running.child.kill('SIGKILL');
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(reviews.asked[0]!.withdrawn).toBe(true);
    // An approval that comes too late finds nobody.
    reviews.asked[0]!.decide(approved);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(reviews.claims).toEqual([]);
    expect(await done()).toEqual([]);
    expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'withdrawn' }]);
  });

  for (const goodbye of ['end of stream', 'Terminate'] as const) {
    test(`A-REV-07: ${goodbye} behind a statement that waits, before it was held or after`, async () => {
      for (const late of [false, true]) {
        const gateway = await start();
        const peer = await rawClient({ ...gateway.config, database: 'orders' });
        const last = goodbye === 'Terminate' ? m.encodeTerminate() : Buffer.alloc(0);
        const query = m.encodeQuery(insert('unattended'));
        if (late) {
          peer.write(query);
          await asked();
          peer.write(last);
        } else peer.write(Buffer.concat([query, last]));
        if (goodbye === 'end of stream') peer.socket.end();
        await until(() => gateway.journal.of('session.ended').length === 1);
        expect(reviews.asked.every(({ withdrawn }) => withdrawn)).toBe(true);
        expect(gateway.journal.of('command.ended')).toMatchObject([{ outcome: 'withdrawn' }]);
        expect(await done()).toEqual([]);
      }
    });
  }

  test('a session that is killed while it waits ends at once, and nothing runs', async () => {
    const gateway = await start();
    const running = psql(gateway, insert('killed'));
    await asked();
    gateway.doors.sessions.end(() => true, {
      reason: 'killed',
      message: 'Ended by an administrator.',
      code: null,
      by: 'ada',
    });
    expect(await running.over).not.toBe(0);
    expect(running.output).toContain('Ended by an administrator.');
    await until(() => gateway.journal.of('session.ended').length === 1);
    expect(reviews.asked[0]!.withdrawn).toBe(true);
    expect(await done()).toEqual([]);
  });
});

describe('while a statement waits', () => {
  test('its owner hears so again and again, and the session does not count as idle', async () => {
    const clock = new FakeClock();
    const gateway = await start({ clock, settings: { idle_timeout: 60 } });
    const client = await connect(gateway);
    const notices: string[] = [];
    client.on('notice', ({ message }) => void notices.push(message ?? ''));
    const answer = client.query(insert('slow'));
    await asked();
    for (let beat = 1; beat <= 5; beat++) {
      clock.advance(heldNoticeIntervalMs);
      await until(() => notices.length === beat + 1);
    }
    expect(notices[0]).toBe('The statement waits for approval by a member of dba.');
    expect(notices[5]).toBe('The statement still waits for approval by a member of dba, for 3 min now.');
    reviews.asked[0]!.decide(approved);
    expect((await answer).rowCount).toBe(1);
    await client.end();
  });

  test('in a transaction: it is asked as such, and runs within it', async () => {
    const gateway = await start();
    const client = await connect(gateway);
    await client.query('begin');
    await client.query("insert into done values ('before')");
    const answer = client.query(insert('within'));
    await asked();
    expect(reviews.asked[0]!.request.inTransaction).toBe(true);
    reviews.asked[0]!.decide(approved);
    await answer;
    await client.query('rollback');
    expect(await done()).toEqual([]);
    await client.query('begin');
    const refused = client.query(insert('refused'));
    await asked(2);
    reviews.asked[1]!.decide(denied);
    await expect(refused).rejects.toMatchObject({ code: '42501' });
    await expect(client.query('select 1')).rejects.toMatchObject({ code: '25P02' });
    await client.query('rollback');
    await client.end();
  });

  test('in the extended protocol not even the Parse is sent, so no lock is held', async () => {
    const gateway = await start();
    const client = await connect(gateway);
    const answer = client.query('insert into done values ($1)', ['hold']);
    await asked();
    const { request } = reviews.asked[0]!;
    expect(request.inTransaction).toBe(false);
    expect(request.draft.parameters).toMatchObject([{ value: 'hold' }]);
    expect(Buffer.concat(gateway.sent).includes('insert into done')).toBe(false);
    reviews.asked[0]!.decide(approved);
    expect((await answer).rowCount).toBe(1);
    expect(await done()).toEqual(['hold']);
    await client.end();
  });

  test('in a pipeline everything behind it waits, and the answers keep their order', async () => {
    const gateway = await start();
    const peer = await rawClient({ ...gateway.config, database: 'orders' });
    peer.write(Buffer.concat([m.encodeQuery('select 1'), m.encodeQuery(insert('middle')), m.encodeQuery('select 2')]));
    await asked();
    expect(reviews.asked[0]!.request.inTransaction).toBe(true);
    await until(() => gateway.journal.of('command.ended').length === 1);
    reviews.asked[0]!.decide(approved);
    const said = outline(await readUntilReady(peer, 3));
    expect(said.replace('N ', '')).toBe('T D C Z:I C Z:I T D C Z:I');
    peer.write(Buffer.concat([m.encodeQuery(insert('no')), m.encodeQuery('select 2')]));
    await asked(2);
    reviews.asked[1]!.decide(denied);
    expect(outline(await readUntilReady(peer, 2))).toBe('N E:42501 Z:I T D C Z:I');
    peer.socket.destroy();
  });

  test('the notice never stands within a message of the server', async () => {
    const gateway = await start();
    const peer = await rawClient({ ...gateway.config, database: 'orders' });
    const rows = "select repeat('x', 3000000) from generate_series(1, 3)";
    peer.write(Buffer.concat([m.encodeQuery(rows), m.encodeQuery(insert('behind rows'))]));
    await asked();
    reviews.asked[0]!.decide(denied);
    // Framing would break if it stood anywhere else.
    expect(outline(await readUntilReady(peer, 2)).replace('N ', '')).toBe('T D D D C Z:I E:42501 Z:I');
    peer.socket.destroy();
  });

  test('a cancel by the key of the session withdraws it', async () => {
    const gateway = await start();
    const client = await connect(gateway);
    const answer = client.query(insert('by key'));
    await asked();
    const { processID, secretKey } = client as pg.Client & { processID: number; secretKey: number };
    const key = Buffer.alloc(4);
    key.writeInt32BE(secretKey);
    const canceller = await Peer.connect(gateway.port);
    canceller.write(m.encodeCancelRequest(processID, key));
    await expect(answer).rejects.toMatchObject({ code: '57014' });
    expect(reviews.asked[0]!.withdrawn).toBe(true);
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    await client.end();
    canceller.socket.destroy();
  });
});
