/**
 * Detections with a whole gateway and stock psql: what is found while it happens, what is done about it by itself, how people
 * handle it, and what a restart and a second gateway know of it.
 */
import { execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../src/api/contract/index.ts';
import type { Event } from '../../src/core/event.ts';
import { readEvents } from '../../src/recording/index.ts';
import { createTestEnv, type TestEnv } from '../env/index.ts';

const run = promisify(execFile);

async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  deadlineMs = 60_000,
): Promise<T> {
  for (const end = Date.now() + deadlineMs; ; await sleep(25)) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`${what} did not come about`);
  }
}

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

let env: TestEnv;
let admin: Client;

/** A stock psql that runs statements one after another. */
function psql(who: string, ...statements: readonly string[]): Promise<Ended> {
  const commands = statements.flatMap((statement) => ['-c', statement]);
  return run('psql', ['-X', '-A', '-t', ...commands], {
    env: { PATH: process.env['PATH'], ...env.libpq(who) },
    maxBuffer: 1 << 28,
  }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}

/** A psql that is typed at. */
function interactive(who: string) {
  const child = spawn('psql', ['-X', '-A', '-t'], { env: { PATH: process.env['PATH'], ...env.libpq(who) } });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const closed = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? -1)));
  return {
    type: (line: string) => void child.stdin.write(`${line}\n`),
    out: () => out,
    err: () => err,
    closed,
    end: () => child.stdin.end(),
  };
}

const apply = (...documents: object[]) => admin.call('apply', { body: { documents, dryRun: false } });

function detection(name: string, spec: object): object {
  return {
    kind: 'Detection',
    metadata: { name },
    spec: {
      severity: 'high',
      select: { big: { type: 'command.ended', rows: { min: 10_000 } } },
      message: '{principal} read {rows} rows of {resource} at once',
      ...spec,
    },
  };
}

async function off(name: string): Promise<void> {
  await admin.call('deleteObject', { params: { kind: 'Detection' as never, name }, query: { dryRun: undefined } });
  for (const { id } of (await responses()).filter(({ detection: of }) => of === name)) {
    await admin.call('endResponse', { params: { id } });
  }
}

const emptyQuery = {
  state: undefined,
  severity: undefined,
  detection: undefined,
  principal: undefined,
  resource: undefined,
  session: undefined,
  assignee: undefined,
  since: undefined,
  until: undefined,
  limit: undefined,
  cursor: undefined,
} as const;
const alertsOf = async (name: string) =>
  (await admin.call('listAlerts', { query: { ...emptyQuery, detection: name } })).alerts;
const responses = async () =>
  (
    await admin.call('listResponses', {
      query: { all: undefined, alert: undefined, limit: undefined, cursor: undefined },
    })
  ).responses;

async function events(from = 1): Promise<Event[]> {
  const found: Event[] = [];
  for await (const event of readEvents(env.dataDirectory, { from, to: env.gateway.journal.durableSequence })) {
    found.push(event);
  }
  return found;
}

const bulk = 'select g, repeat(md5(g::text), 2) from generate_series(1, 20000) g';

beforeAll(async () => {
  env = await createTestEnv({ principals: [{ name: 'engineer' }, { name: 'dana' }] });
  admin = await env.api('admin');
}, 120_000);

afterAll(async () => {
  await env.close();
});

describe('a bulk download in stock psql', () => {
  it('raises an alert, and where the detection says so ends the session', async () => {
    await apply(detection('bulk-download', { respond: [{ do: 'end' }] }));
    const session = interactive('engineer');
    session.type('select 1 as one;');
    await until('the first answer', async () => session.out().includes('1'));
    session.type(`${bulk};`);
    await until('the end of the session', async () => (await events()).some(({ type }) => type === 'session.ended'));
    // psql looks at its connection when it has something to say.
    session.type('select 2;');
    expect(await session.closed).not.toBe(0);
    expect(session.err()).toContain('This session was ended by the detection bulk-download. Ask your administrator');
    const [alert] = await until('the alert', async () => {
      const found = await alertsOf('bulk-download');
      return found.length > 0 && found;
    });
    expect(alert).toMatchObject({
      severity: 'high',
      state: 'open',
      origin: 'detection',
      summary: 'engineer read 20000 rows of orders at once',
      principal: { name: 'engineer' },
      resource: 'orders',
      count: 1,
    });
    // The journal has it in this order: what happened, that it was found, what is done, what came of that.
    const all = await events();
    const at = (type: string, more: (event: never) => boolean = () => true): number =>
      all.findIndex((event) => event.type === type && more(event as never));
    const ended = at('command.ended', (event: { rows: number }) => event.rows === 20_000);
    const raised = at('alert.raised');
    const responded = at('response.changed');
    const over = at('session.ended', (event: { session: string }) => event.session === alert!.session);
    expect([ended, raised, responded, over].every((index) => index >= 0)).toBe(true);
    expect(ended < raised && raised < responded && responded < over).toBe(true);
    expect(all[over]).toMatchObject({ reason: 'verdict', code: 'detection:bulk-download' });
    process.stdout.write(
      `bulk download: alert after ${all[raised]!.at - all[ended]!.at} ms, session over after ${all[over]!.at - all[ended]!.at} ms\n`,
    );
    const shown = await admin.call('getAlert', { params: { id: alert!.id } });
    expect(shown.evidence).toEqual([
      expect.objectContaining({
        text: `${bulk};`,
        rows: 20_000,
        session: alert!.session,
        outcome: 'completed',
        principal: 'engineer',
      }),
    ]);
    expect(shown.responses).toEqual([expect.objectContaining({ kind: 'end', inForce: false })]);
    await off('bulk-download');
  }, 60_000);
});

describe('what a detection does by itself', () => {
  it('holds the next command until a reviewer decides, and says why and by whom', async () => {
    await apply(
      { kind: 'Group', metadata: { name: 'watch' }, spec: { members: ['dana'] } },
      detection('held-after-bulk', { respond: [{ do: 'hold', for: '1h', reviewers: { groups: ['watch'] } }] }),
    );
    const session = interactive('engineer');
    session.type(`${bulk};`);
    const held = await until('the hold', async () => (await responses()).find(({ kind }) => kind === 'hold'));
    expect(held).toMatchObject({
      owner: { name: 'engineer' },
      inForce: true,
      reviewers: { names: [], groups: ['watch'] },
    });
    session.type('select 42 as answer;');
    const dana = await env.api('dana');
    const review = await until('the review', async () => {
      const query = { state: 'pending', mine: false, limit: undefined, cursor: undefined } as const;
      return (await dana.call('listReviews', { query })).reviews[0];
    });
    expect(review).toMatchObject({ rule: 'detection:held-after-bulk', summary: 'select 42 as answer;' });
    expect(session.out()).not.toContain('\n42\n');
    const { message } = await dana.call('getReview', { params: { id: review.id } });
    expect(message).toContain('The detection held-after-bulk holds your commands until');
    expect(message).toContain('members of watch');
    await dana.call('decideReview', { params: { id: review.id }, body: { decision: 'approve' } });
    await until('the answer', async () => session.out().includes('\n42\n'));
    // Ended by a person, it is over at once.
    await off('held-after-bulk');
    session.type('select 43 as answer;');
    await until('the next answer', async () => session.out().includes('\n43\n'));
    session.end();
    expect(await session.closed).toBe(0);
    expect(session.err()).toContain('The detection held-after-bulk holds your commands');
  }, 120_000);

  it('masks whatever comes back, and nothing else of the person changes', async () => {
    await apply(detection('masked-after-bulk', { respond: [{ do: 'mask', for: '1h' }] }));
    expect((await psql('engineer', bulk)).code).toBe(0);
    await until('the mask', async () => (await responses()).find(({ kind }) => kind === 'mask'));
    const masked = await psql('engineer', "select 'plain text' as it");
    expect(masked.out).not.toContain('plain text');
    expect((await psql('dana', "select 'plain text' as it")).out).toContain('plain text');
    const explained = await admin.call('explainCommand', {
      body: { resource: 'orders', principal: 'engineer', command: 'select 1' },
    });
    expect(explained.verdict).toMatchObject({ name: 'mask', rule: 'detection:masked-after-bulk' });
    expect(explained.detections).toEqual([expect.objectContaining({ kind: 'mask', detection: 'masked-after-bulk' })]);
    await off('masked-after-bulk');
    expect((await psql('engineer', "select 'plain text' as it")).out).toContain('plain text');
  }, 120_000);

  it('raises the risk that a guardrail reads', async () => {
    await apply(detection('risky-after-bulk', { respond: [{ do: 'risk', for: '1h', points: 60 }] }), {
      kind: 'Guardrail',
      metadata: { name: 'careful' },
      spec: {
        match: { when: 'session.risk >= 50', commands: { text: ['create temporary'] } },
        verdict: 'block',
        message: 'Not while the risk is this high.',
      },
    });
    const attempt = () => psql('engineer', 'create temporary table t (a int)');
    expect((await attempt()).code).toBe(0);
    expect((await psql('engineer', bulk)).code).toBe(0);
    await until('the risk', async () => (await responses()).find(({ kind }) => kind === 'risk'));
    const blocked = await attempt();
    expect(blocked.code).not.toBe(0);
    expect(blocked.err).toContain('Not while the risk is this high.');
    const explained = await admin.call('explainCommand', {
      body: { resource: 'orders', principal: 'engineer', command: 'create temporary table t (a int)' },
    });
    expect(explained).toMatchObject({ verdict: { name: 'block', rule: 'careful' }, risk: 60 });
    await off('risky-after-bulk');
    expect((await attempt()).code).toBe(0);
    await admin.call('deleteObject', { params: { kind: 'Guardrail', name: 'careful' }, query: { dryRun: undefined } });
  }, 120_000);

  it('only looks in a dry run, and is serious from the next finding on once it is switched on', async () => {
    const respond = [{ do: 'lock', for: '1h' }];
    await apply(detection('tried', { mode: 'dry-run', respond }));
    expect((await psql('dana', bulk)).code).toBe(0);
    const dry = await until('the alert', async () => (await alertsOf('tried'))[0]);
    expect(dry).toMatchObject({ state: 'suppressed', dryRun: true });
    expect(await responses()).toEqual([]);
    expect((await psql('dana', 'select 1')).code).toBe(0);
    await apply(detection('tried', { respond }));
    await psql('dana', bulk);
    await until('the lock', async () => (await psql('dana', 'select 1')).code !== 0);
    const locked = await psql('dana', 'select 1');
    expect(locked.err).toContain('You are locked out by the detection tried');
    expect((await alertsOf('tried')).map(({ state }) => state).sort()).toEqual(['open', 'suppressed']);
    const { objects } = await admin.call('listObjects', { params: { kind: 'Lock' } });
    expect(objects).toEqual([
      expect.objectContaining({ spec: expect.objectContaining({ target: { principal: 'dana' } }) }),
    ]);
    await off('tried');
    await until('the way in', async () => (await psql('dana', 'select 1')).code === 0);
  }, 120_000);

  it('is known after a restart, and what ended stays ended (I15)', async () => {
    const respond = [{ do: 'mask', for: '1h' }];
    await apply(detection('kept', { respond }));
    await psql('engineer', bulk);
    const [inForce] = await until('the mask', async () => {
      const found = await responses();
      return found.length > 0 && found;
    });
    const before = await alertsOf('kept');
    await env.restart();
    admin = await env.api('admin');
    // The first command is masked: what is in force is known before anything may be judged.
    expect((await psql('engineer', "select 'plain text' as it")).out).not.toContain('plain text');
    expect((await alertsOf('kept')).map(({ id, count }) => [id, count])).toEqual(
      before.map(({ id, count }) => [id, count]),
    );
    await admin.call('endResponse', { params: { id: inForce!.id } });
    await expect(admin.call('endResponse', { params: { id: inForce!.id } })).rejects.toMatchObject({
      code: 'gateway.response-over',
    });
    await env.restart();
    admin = await env.api('admin');
    expect((await psql('engineer', "select 'plain text' as it")).out).toContain('plain text');
    expect(await responses()).toEqual([]);
    // The journal has each alert once, whatever was restarted in between.
    const raised = (await events()).filter(({ type }) => type === 'alert.raised') as { alert?: { id: string } }[];
    const ids = raised.flatMap(({ alert }) => (alert === undefined ? [] : [alert.id]));
    expect(new Set(ids).size).toBe(ids.length);
    await off('kept');
  }, 180_000);
});

describe('people', () => {
  it('acknowledge, assign, comment, resolve and reopen; each is in the trail and in the journal', async () => {
    const [alert] = await alertsOf('bulk-download');
    const { id } = alert!;
    const handle = (body: Parameters<Client['call']>[1]) =>
      admin.call('handleAlert', { params: { id }, body } as never);
    await handle({ action: 'acknowledge' } as never);
    await expect(handle({ action: 'acknowledge' } as never)).rejects.toMatchObject({ code: 'gateway.alert-state' });
    await expect(handle({ action: 'assign', to: 'engineer' } as never)).rejects.toMatchObject({
      code: 'gateway.alert-assignee',
    });
    await handle({ action: 'assign', to: 'admin' } as never);
    await handle({ action: 'comment', text: 'asked engineer' } as never);
    await handle({ action: 'false-positive', text: 'a migration' } as never);
    const reopened = (await handle({ action: 'reopen', text: 'it was none' } as never)) as never as {
      state: string;
      trail: { action: string; by: { name: string }; to: string | null }[];
    };
    expect(reopened.state).toBe('open');
    expect(reopened.trail.map(({ action, by, to }) => `${by.name} ${action} ${to ?? ''}`.trim())).toEqual([
      'admin acknowledge',
      'admin assign admin',
      'admin comment',
      'admin false-positive',
      'admin reopen',
    ]);
    const changed = (await events()).filter((event) => event.type === 'alert.changed' && event.alert === id);
    expect(changed).toHaveLength(5);
    await expect((await env.api('engineer')).call('listAlerts', { query: emptyQuery })).rejects.toMatchObject({
      code: 'api.forbidden',
    });
  }, 60_000);

  it('see what guardrails raise as alerts too, those of one rule and principal as one', async () => {
    await apply({
      kind: 'Guardrail',
      metadata: { name: 'watched' },
      spec: { match: { commands: { text: ['create temporary'] } }, verdict: 'alert', message: 'A table is made.' },
    });
    await psql('engineer', 'create temporary table a (a int)', 'create temporary table b (b int)');
    const alert = await until('both', async () => (await alertsOf('watched')).find(({ count }) => count === 2));
    expect(alert).toMatchObject({ origin: 'guardrail', severity: 'medium', principal: { name: 'engineer' } });
    const { evidence } = await admin.call('getAlert', { params: { id: alert.id } });
    expect(evidence.map(({ text }) => text)).toEqual([
      'create temporary table a (a int)',
      'create temporary table b (b int)',
    ]);
  }, 60_000);
});
