/** Reports: what they hold, that nothing in them runs or is taken for something else, and that the journal has their digest. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { SearchHit } from '../core/search.ts';
import { searchHit } from './fixtures/fake-search.ts';
import { type Running, start } from './fixtures/fakes.ts';

const open: Running[] = [];
afterAll(() => Promise.all(open.map((running) => running.close())));

let running: Running;
beforeEach(async () => {
  running = await start();
  open.push(running);
});

const day = 86_400_000;
const at = (days: number, ms = 0): number => Date.UTC(2026, 9, 1) + days * day + ms;
const body = { since: '2026-10-01T00:00:00Z', until: '2026-11-01T00:00:00Z', format: 'html' };

async function made(report: string, format = 'html'): Promise<string> {
  const answer = await running.call('POST', `/api/v1/reports/${report}`, 'audrey', { body: { ...body, format } });
  expect(answer.status).toBe(200);
  // To look at one: SALLYPORT_REPORTS=/tmp npx vitest run src/api/reports.test.ts
  const folder = process.env['SALLYPORT_REPORTS'];
  if (folder !== undefined) await writeFile(`${folder}/${report}.${format}`, answer.text);
  return answer.text;
}

async function tableOf(report: string, table: string): Promise<Record<string, unknown>[]> {
  const { tables } = JSON.parse(await made(report, 'json')) as { tables: Record<string, Record<string, unknown>[]> };
  return tables[table] ?? [];
}

let sequence = 100;
function hits(...changes: readonly Partial<SearchHit>[]): void {
  const { world } = running;
  world.search.hits.splice(
    0,
    world.search.hits.length,
    ...changes.map((change) => {
      sequence++;
      return searchHit({ id: `gw_1:${sequence}`, sequence, atMs: at(1), ...change });
    }),
  );
}

const ana = { id: 'pri_ana', name: 'ana', kind: 'person' };
const ben = { id: 'pri_ben', name: 'ben', kind: 'person' };

describe('privileged commands', () => {
  test('are those that change structures, rights or machines, or that a rule restricted', async () => {
    hits(
      { effects: ['drop'], text: 'drop table customers', verdict: 'block', judged: 'block', principal: ana },
      { effects: ['read'], text: 'select 1' },
      { effects: ['delete'], text: 'delete from carts where id = 1' },
      { effects: ['read'], text: 'select * from cards', verdict: 'allow', judged: 'hold', principal: ben },
      { effects: ['delete'], kind: 'kubernetes', text: 'DELETE pods/web-1', agents: ['claude-1'] },
    );
    const rows = await tableOf('privileged', 'commands');
    expect(rows.map(({ text, verdict, who }) => [text, verdict, who])).toEqual([
      ['drop table customers', 'block', 'ana'],
      ['select * from cards', 'hold, then allow', 'ben'],
      ['DELETE pods/web-1', 'allow', 'alice (by claude-1)'],
    ]);
  });
});

describe('reviews and break-glass', () => {
  test('are told with who decided and how long it took', async () => {
    const of = { type: 'review', review: 'rev_1', rule: 'no-drop', command: 7 } as const;
    hits(
      { ...of, verb: 'requested', outcome: 'command', principal: ana, text: 'ticket 7', atMs: at(2) },
      { ...of, verb: 'approve', outcome: 'approved', principal: ben, text: 'fine', atMs: at(2, 754_000) },
      { ...of, verb: 'ended', outcome: 'executed', principal: null, text: '', atMs: at(2, 760_000) },
      { ...of, review: 'rev_2', verb: 'requested', outcome: 'break-glass', principal: ana, atMs: at(3) },
      { ...of, review: 'rev_0', verb: 'deny', outcome: 'denied', principal: ben, atMs: at(1) },
    );
    const rows = await tableOf('reviews', 'reviews');
    expect(rows.map(({ review, kind, after, state }) => [review, kind, after, state])).toEqual([
      ['rev_1', 'command', '12 min 34 s', 'executed'],
      ['rev_2', 'break-glass', null, 'pending'],
      ['rev_0', null, null, 'denied'],
    ]);
    expect(await tableOf('reviews', 'pairs')).toEqual([
      { requester: '(earlier)', reviewer: 'ben', decisions: 1, approved: 0, fastest: null },
      { requester: 'ana', reviewer: 'ben', decisions: 1, approved: 1, fastest: '12 min 34 s' },
    ]);
    expect(await made('reviews')).toMatch(/<b>12 min 34 s<\/b><span>Median time/);
  });
});

describe('changes', () => {
  test('show what stood there before and after, field by field', async () => {
    hits(
      {
        type: 'change',
        verb: 'updated',
        principal: ana,
        text: 'Guardrail/no-drop updated\nspec.verdict: block → allow\nspec.message: (none) → one\ntwo',
      },
      { type: 'change', verb: 'deleted', principal: ben, text: 'Resource/orders deleted' },
      { type: 'change', verb: 'kill', text: 'stop that' },
    );
    expect(
      (await tableOf('changes', 'rules')).map(({ name, field, before, after }) => [name, field, before, after]),
    ).toEqual([
      ['no-drop', 'spec.verdict', 'block', 'allow'],
      ['no-drop', 'spec.message', '(none)', 'one\ntwo'],
    ]);
    expect(await tableOf('changes', 'others')).toMatchObject([{ kind: 'Resource', name: 'orders', action: 'deleted' }]);
  });
});

describe('access', () => {
  test('shows what may be opened beside what was, and what was and may not be any more', async () => {
    const { world } = running;
    world.addSession('ses_gone', 'mallory', false);
    const rows = await tableOf('access', 'access');
    expect(rows).toMatchObject([{ principal: 'alice', resource: 'orders', how: 'standing', sessions: 1 }]);
    expect(await tableOf('access', 'former')).toMatchObject([
      { principal: 'mallory', resource: 'orders', sessions: 2 },
    ]);
  });
});

describe('coverage', () => {
  test('shows each resource with its rules, and what was not recorded', async () => {
    const { world } = running;
    const resource = (name: string, env: string) => ({
      kind: 'Resource',
      metadata: { name, labels: { env } },
      spec: { protocol: 'postgres', address: 'db:5432', database: name },
    });
    const guardrail = {
      kind: 'Guardrail',
      metadata: { name: 'no-drop' },
      spec: {
        match: { resources: { labels: { env: 'prod' } }, commands: { sql: { effects: ['drop'] } } },
        verdict: 'block',
      },
    };
    const applied = await running.call('POST', '/api/v1/apply', 'adam', {
      body: { documents: [resource('orders', 'prod'), resource('toys', 'dev'), guardrail] },
    });
    expect(applied.status).toBe(200);
    const broken = world.sessions.get('ses_mallory')!;
    world.sessions.set('ses_mallory', { ...broken, endReason: 'recording-failed', resource: 'gone' });
    hits({
      type: 'system',
      verb: 'journal.recovered',
      text: 'cutBytes=12 interrupted=3',
      principal: null,
      session: null,
    });
    expect(await tableOf('coverage', 'resources')).toMatchObject([
      { resource: 'orders', recording: 'strict', guardrails: 'no-drop', sessions: 1, live: 1, broken: 0 },
      { resource: 'toys', guardrails: '', sessions: 0 },
      { resource: 'gone', recording: 'not configured any more', broken: 1 },
    ]);
    expect(await tableOf('coverage', 'gaps')).toMatchObject([
      { what: 'journal.recovered', detail: 'cutBytes=12 interrupted=3' },
    ]);
  });
});

describe('the document', () => {
  const nasty = `<script>alert(1)</script>"' onmouseover=x =cmd|'/c calc'!A0 \u001b[2J\u202egnp.exe\r\n--><img src=x>`;

  test('A-API-05: nothing in it runs, leaves the page, or reads as markup', async () => {
    hits({ effects: ['drop'], text: nasty, principal: { ...ana, name: '=HYPERLINK("http://x")' }, rule: nasty });
    const page = await made('privileged');
    expect(page).not.toMatch(/<script|<img|<link|<iframe|onmouseover=x"|\u202e|\u001b/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onmouseover=x');
    expect(page).toContain(
      `content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`,
    );
    expect(page).not.toMatch(/(?:src|href|url\()\s*=?\s*["']?(?:https?:)?\/\//);
    const csv = await made('privileged', 'csv');
    expect(csv.replaceAll('\r\n', '\n').replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    for (const line of csv.split('\r\n')) expect(line).not.toMatch(/(?:^|,)"?[=+\-@]/);
    expect(csv).toContain(`"'=HYPERLINK(""http://x"")"`);
  });

  test('carries its proof, and its digest is durable in the journal before it is sent', async () => {
    const { world } = running;
    hits({ effects: ['drop'] }, { effects: ['drop'], gateway: 'gw_2', id: 'gw_2:4', sequence: 4 });
    const page = await made('privileged');
    expect(page).toContain('BEGIN PUBLIC KEY');
    expect(page).toContain('sallyport\n1\nabc=');
    expect(page).toMatch(/Evidence in gw_1<\/dt><dd>1 events, from sequence \d+ to \d+/);
    expect(page).toMatch(/Evidence in gw_2<\/dt><dd>1 events, from sequence 4 to 4/);
    const digest = createHash('sha256').update(page).digest('hex');
    const span = { sinceMs: at(0), untilMs: at(31) };
    expect(world.eventsOf('report.made')).toMatchObject([
      { report: 'privileged', principal: { name: 'audrey' }, digest, ...span },
    ]);
    world.journalFailure = new Error('disk');
    const refused = await running.call('POST', '/api/v1/reports/privileged', 'audrey', { body });
    expect(refused.status).toBe(500);
    expect(refused.text).not.toContain('Privileged');
  });

  test('a time that ends before it begins is refused', async () => {
    const wrong = { ...body, until: '2026-09-01T00:00:00Z' };
    expect((await running.call('POST', '/api/v1/reports/access', 'audrey', { body: wrong })).status).toBe(400);
    expect((await running.call('POST', '/api/v1/reports/money', 'audrey', { body })).status).toBe(404);
  });
});
