/** Reviews, grants, explanations, policy, and what the rules did in a session, against the fake gateway. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ReviewView } from '../api/contract/index.ts';
import { FakeClock } from '../base/clock.ts';
import { makePalette } from './output/colour.ts';
import { displayWidth } from './output/width.ts';
import { Interleaved } from './replay/rules.ts';
import { Transcript } from './replay/transcript.ts';
import { reviewLines } from './reviews.ts';
import {
  command,
  done,
  type FakeGateway,
  goodToken,
  Refusal,
  session,
  sessionId,
  startFakeGateway,
  streamed,
} from './testing/fake-gateway.ts';
import { accessReview, explained, review, reviewId, sessionEvents } from './testing/fake-reviews.ts';
import { type RunOptions, testNowMs, World } from './testing/world.ts';

let gateway: FakeGateway;
let world: World;
let env: Record<string, string>;

beforeAll(async () => {
  gateway = await startFakeGateway({ sessionEvents: () => streamed(sessionEvents) });
  env = { SALLYPORT_SERVER: gateway.url, SALLYPORT_TOKEN: goodToken };
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(async () => {
  world = await World.create();
});
afterEach(() => world[Symbol.asyncDispose]());

const golden = (name: string): string => join(import.meta.dirname, 'testing', 'goldens', name);
const run = (argv: readonly string[], options: RunOptions = {}) =>
  world.run(argv, { ...options, env: { ...env, ...options.env } });
const lastAsked = () => gateway.asked.at(-1)!;

/** Everything that a terminal obeys, and letters that it would reorder. */
const controls =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u0590-\u08ff]/;
// biome-ignore lint/complexity/useRegexLiterals: the escape character is easier to see spelled out
const colours = new RegExp('\\u001b\\[[0-9;]*m', 'g');

describe('goldens', () => {
  it.each([
    ['reviews-ls', ['reviews', 'ls'], 0],
    ['reviews-show', ['reviews', 'show', reviewId], 0],
    ['reviews-show-access', ['reviews', 'show', accessReview.id], 0],
    ['grants-ls', ['grants', 'ls'], 0],
    ['explain-command', ['explain', 'orders', '--as', 'engineer', 'select email, 1 as n from customers'], 0],
    ['explain-request', ['explain', 'shop-api', '--as', 'engineer', 'POST /graphql'], 0],
    ['explain-object', ['explain', 'cluster', '--as', 'engineer', 'kubectl exec'], 0],
    ['explain-shell', ['explain', 'web-1', '--as', 'engineer', 'sudo systemctl restart nginx'], 0],
    ['replay-rules', ['sessions', 'replay', sessionId, '--no-rows'], 0],
    ['sessions-show-rules', ['sessions', 'show', sessionId], 0],
    ['get-guardrails', ['get', 'guardrails'], 0],
    ['get-masks', ['get', 'masks'], 0],
  ])('%s, plain and coloured', async (name, argv, code) => {
    const plain = await run(argv);
    expect({ code: plain.code, stderr: plain.stderr }).toEqual({ code, stderr: '' });
    expect(plain.stdout).not.toMatch(controls);
    await expect(plain.stdout).toMatchFileSnapshot(golden(`${name}.txt`));
    const coloured = await run(argv, { terminal: 200 });
    expect(coloured.stdout).toContain('\u001b[');
    expect(coloured.stdout.replace(colours, '')).toBe(plain.stdout);
    await expect(coloured.stdout.replaceAll('\u001b', '␛')).toMatchFileSnapshot(golden(`${name}.colour.txt`));
  });
});

describe('reviews', () => {
  it('asks for what is wanted, and gives scripts what the gateway gave', async () => {
    await run(['reviews', 'ls', '--state', 'pending', '--to-decide']);
    expect(Object.fromEntries(lastAsked().query)).toEqual({ state: 'pending', mine: 'false', limit: '50' });
    await run(['reviews', 'ls', '--to-decide']);
    expect(Object.fromEntries(lastAsked().query)).toEqual({ state: 'pending', mine: 'false', limit: '50' });
    await run(['reviews', 'ls', '--to-decide', '--state', 'denied']);
    expect(Object.fromEntries(lastAsked().query)).toEqual({ state: 'denied', mine: 'false', limit: '50' });
    await run(['reviews', 'ls', '--mine', '-n', '3']);
    expect(Object.fromEntries(lastAsked().query)).toEqual({ mine: 'true', limit: '3' });
    expect(JSON.parse((await run(['reviews', 'show', reviewId, '-o', 'json'])).stdout)).toEqual(review());
    expect((await run(['reviews', 'ls', '--state', 'open'])).code).toBe(2);
  });

  it('finds one by a part of its id or as the latest, and refuses what fits several', async () => {
    expect((await run(['reviews', 'show', 'rev_01k9abc'])).stdout).toContain(reviewId);
    expect((await run(['reviews', 'show', 'tvwxyz'])).stdout).toContain(reviewId);
    expect((await run(['reviews', 'show', 'last'])).stdout).toContain(reviewId);
    const several = await run(['reviews', 'show', 'rev_01k9a']);
    expect([several.code, several.stderr]).toEqual([2, expect.stringContaining('fits 2 reviews')]);
    const none = await run(['reviews', 'show', 'nothing']);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('There is no review nothing.')]);
  });

  it('A-REV-03: decides bound to the digest that was read; denies with a reason only', async () => {
    const approved = await run(['reviews', 'approve', reviewId, '--reason', 'incident 7']);
    expect(approved).toMatchObject({ code: 0, stdout: '' });
    expect(approved.stderr).toBe(`✔ Approved ${reviewId} of engineer on orders.\n`);
    expect(lastAsked()).toMatchObject({
      route: 'decideReview',
      params: { id: reviewId },
      body: { decision: 'approve', digest: 'ab'.repeat(32), reason: 'incident 7' },
    });
    await run(['reviews', 'deny', 'rev_01k9abc', '--reason', 'no']);
    expect(lastAsked().body).toEqual({ decision: 'deny', digest: 'ab'.repeat(32), reason: 'no' });
    expect((await run(['reviews', 'deny', reviewId])).code).toBe(2);
    // The latest may be another one by now: what is decided is named.
    for (const word of ['approve', 'break-glass']) {
      const last = await run(['reviews', word, 'last', ...(word === 'approve' ? [] : ['--reason', 'x'])]);
      expect([last.code, last.stderr]).toEqual([2, expect.stringContaining('may be another one by now')]);
    }
  });

  it('tells how many approvals are missing, and which grant came of it', async () => {
    const before = gateway.answers.decideReview!;
    gateway.answers.decideReview = () => review({ approvals: { needed: 3, given: 1 } });
    expect((await run(['reviews', 'approve', reviewId])).stderr).toContain('It needs 2 more.');
    gateway.answers.decideReview = () => accessReview;
    expect((await run(['reviews', 'approve', reviewId])).stderr).toContain('grant grt_1');
    gateway.answers.decideReview = before;
  });

  it.each([
    [403, 'api.own-review', 'Nobody decides their own.', 3],
    [403, 'review.not-reviewer', 'You are not among the reviewers.', 3],
    [409, 'review.over', 'This review is over: it was denied.', 1],
    [409, 'api.review-changed', 'The review is of something else.', 1],
    [400, 'review.reason-required', 'A reason is required.', 2],
  ])('%i %s is told in plain words', async (status, code, detail, exit) => {
    const before = gateway.answers.decideReview!;
    gateway.answers.decideReview = () => new Refusal(status, code, detail);
    const ran = await run(['reviews', 'approve', reviewId]);
    gateway.answers.decideReview = before;
    expect(ran).toMatchObject({ code: exit, stdout: '' });
    expect(ran.stderr).toContain(`error: ${detail}`);
  });

  it('withdraws and breaks the glass', async () => {
    expect((await run(['reviews', 'withdraw', reviewId])).stderr).toBe(`✔ Withdrew ${reviewId}.\n`);
    const broken = await run(['reviews', 'break-glass', reviewId, '--reason', 'payments are down']);
    expect(broken.stderr).toContain('An alert was raised');
    expect(lastAsked()).toMatchObject({ route: 'breakGlass', body: { reason: 'payments are down' } });
  });

  it('watch shows each review once as it comes, the oldest first, until it is interrupted', async () => {
    const clock = new FakeClock(testNowMs);
    const [older, newer] = [review(), review({ id: 'rev_01k9newer00000000000000000' })];
    const pages: ReviewView[][] = [[older], [newer, older], [newer]];
    let asked = 0;
    await using own = await startFakeGateway({
      listReviews: ({ query }) => {
        expect(Object.fromEntries(query)).toMatchObject({ state: 'pending', mine: 'false' });
        if (asked === pages.length - 1) world.signal('SIGINT');
        return { reviews: pages[asked++] ?? [], next: null };
      },
      getReview: ({ params }) => [older, newer].find(({ id }) => id === params['id']),
    });
    const ticking = setInterval(() => clock.advance(1000), 5);
    const ran = await run(['reviews', 'watch', '-o', 'json'], { clock, env: { SALLYPORT_SERVER: own.url } });
    clearInterval(ticking);
    expect(ran.code).toBe(130);
    const shown = ran.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as ReviewView).id);
    expect(shown).toEqual([older.id, newer.id]);
  });

  it('watch --once ends after the first', async () => {
    const ran = await run(['reviews', 'watch', '--once']);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('delete from customers');
    expect(ran.stderr).toContain('Waiting for reviews');
  });

  it('I13: nothing of a review reaches the terminal raw, though the gateway were to send it', () => {
    const hostile = '\u001b]0;owned\u0007\u202egpj\u009b31m\u0000';
    const spoil = (value: unknown): unknown => {
      if (typeof value === 'string') return `${value}${hostile}`;
      if (Array.isArray(value)) return value.map(spoil);
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, spoil(inner)]));
    };
    const decisions = accessReview.decisions;
    const one = review({ decisions, outcome: 'x', reason: 'y', brokeGlass: { reason: 'z', at: review().createdAt } });
    const spoiled = { ...(spoil(one) as ReviewView), kind: one.kind, state: one.state, command: one.command };
    const command = spoil(one.command) as ReviewView['command'];
    const lines = command!.lines.map((line) => ({
      ...line,
      spans: line.spans.map((span) => ({ ...span, kind: 'text' as const })),
    }));
    const shown = reviewLines({ ...spoiled, command: { ...command!, lines } }, testNowMs, makePalette(false), null);
    expect(shown.join('\n').replaceAll('שם', '')).not.toMatch(controls);
  });
});

describe('what to do next', () => {
  it('names the review, the listing and the help that were meant', async () => {
    const refuse = (status: number, code: string, detail: string) => () => new Refusal(status, code, detail);
    await using own = await startFakeGateway({
      decideReview: refuse(403, 'review.own', 'Nobody decides their own.'),
      revokeGrant: refuse(404, 'review.grant-not-found', 'None.'),
      requestAccess: refuse(404, 'review.not-requestable', 'None.'),
    });
    const told = async (...argv: string[]): Promise<string> =>
      (await run(argv, { env: { SALLYPORT_SERVER: own.url } })).stderr.trimEnd().split('\n').at(-1)!.trim();
    expect(await told('reviews', 'approve', reviewId)).toBe(`Look at it again: sallyport reviews show ${reviewId}`);
    expect(await told('grants', 'revoke', 'grt_1')).toBe('List them: sallyport grants ls');
    expect(await told('request', 'x', '--for', '1h')).toBe('See what you may open already: sallyport connect');
    expect(await told('reviews', 'deny', reviewId)).toBe('See: sallyport help reviews deny');
    expect(await told('sessions', 'foo')).toBe('See: sallyport help sessions');
    expect(await told('foo')).toBe('See: sallyport help');
  });
});

describe('narrow terminals', () => {
  it.each([[['reviews', 'ls']], [['sessions', 'ls']], [['grants', 'ls']]])('%j fits 80 columns', async (argv) => {
    const { stdout } = await run(argv, { terminal: 80 });
    for (const line of stdout.replace(colours, '').split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(80);
  });

  it('fields go on below where they began', async () => {
    const { stdout } = await run(['sessions', 'show', sessionId], { terminal: 60 });
    const lines = stdout.replace(colours, '').split('\n');
    const began = lines.findIndex((line) => line.startsWith('Reviews'));
    expect(lines[began + 1]).toMatch(/^ {8,}\S/);
    for (const line of lines) if (!/\S{40}/.test(line)) expect(displayWidth(line)).toBeLessThanOrEqual(60);
  });
});

describe('access for a while', () => {
  it('asks, and exits 0 at once', async () => {
    const ran = await run(['request', 'orders', '--for', '2h', '--reason', 'incident 7']);
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    expect(ran.stderr).toContain(`✔ Asked for orders as ${accessReview.id}. It waits for a member of dba, and expires`);
    expect(lastAsked().body).toEqual({ resource: 'orders', duration: '2h', reason: 'incident 7' });
  });

  it.each([
    ['executed', 0, 'Approved for 2 h 00 min. Connect: sallyport connect orders'],
    ['denied', 1, 'It was denied.'],
    ['expired', 1, 'It was expired.'],
  ] as const)('--wait until it is %s', async (state, code, told) => {
    const clock = new FakeClock(testNowMs);
    const decisions = state === 'executed' ? accessReview.decisions : [];
    await using own = await startFakeGateway({ getReview: () => ({ ...accessReview, state, decisions }) });
    const ticking = setInterval(() => clock.advance(1000), 5);
    const options = { clock, env: { SALLYPORT_SERVER: own.url } };
    const ran = await run(['request', 'orders', '--for', '2h', '--wait'], options);
    clearInterval(ticking);
    expect(ran.code).toBe(code);
    expect(ran.stderr).toContain(told);
  });

  it('revokes grants', async () => {
    expect((await run(['grants', 'revoke', 'grt_1', 'grt_2'])).stderr).toBe('✔ Revoked grt_1.\n✔ Revoked grt_2.\n');
    expect(lastAsked()).toMatchObject({ route: 'revokeGrant', params: { id: 'grt_2' } });
  });
});

describe('explain a command', () => {
  it('exits 0 where it would run and 1 where it would wait or be refused', async () => {
    const before = gateway.answers.explainCommand!;
    const codes: number[] = [];
    for (const name of ['allow', 'mask', 'hold', 'block', 'terminate'] as const) {
      gateway.answers.explainCommand = () => ({ ...explained, verdict: { name, rule: 'g', reason: 'r' } });
      codes.push((await run(['explain', 'orders', 'drop table x'])).code);
    }
    gateway.answers.explainCommand = () => ({ ...explained, granted: false, verdict: null, access: [] });
    codes.push((await run(['explain', 'orders', 'drop table x'])).code);
    expect(codes).toEqual([0, 0, 1, 1, 1, 1]);
    expect(lastAsked().body).toEqual({ principal: 'engineer', resource: 'orders', command: 'drop table x' });
    gateway.answers.explainCommand = () => ({
      ...explained,
      verdict: { name: 'hold', rule: 'g', reason: 'r' },
      hold: { reviewers: { names: ['carol'], groups: ['dba'] }, stepUp: false, approvals: 1, withinSeconds: 1800 },
      meaning: { language: 'sql', statements: [], complete: false, unknown: ['triggers: x'], catalog: false },
    });
    const held = await run(['explain', 'orders', '--as', 'engineer', 'drop table x']);
    gateway.answers.explainCommand = before;
    expect(held.stdout).toContain('1 of carol, members of dba must approve within 30 min 00 s.');
    expect(held.stdout).toContain('Stays unknown: triggers: x');
    expect(held.stdout).toContain('without the resource’s catalog');
  });
});

describe('policy', () => {
  const manifest = `kind: Guardrail\nmetadata: { name: no-drop }\nspec:\n  match: {}\n  verdict: block\n`;
  const got = { name: 'block', rule: 'no-drop', reason: '' };
  const result = { kind: 'Guardrail', name: 'no-drop', groups: [], resource: 'orders' };

  beforeEach(() => writeFile(join(world.directory, 'rules.yaml'), manifest));

  it('test runs the examples: 0 when all pass, 1 when one fails, plain and coloured', async () => {
    const before = gateway.answers.testPolicy!;
    const results = [{ ...result, example: 0, command: 'drop table x', expected: 'block', got, passed: true }];
    gateway.answers.testPolicy = () => ({ problems: [], results });
    expect((await run(['policy', 'test', '-f', 'rules.yaml'])).code).toBe(0);
    expect(lastAsked().body).toEqual({
      documents: [{ kind: 'Guardrail', metadata: { name: 'no-drop' }, spec: { match: {}, verdict: 'block' } }],
    });
    const failing = { ...result, example: 1, command: 'select 1\u001b[2J', expected: 'allow', got, passed: false };
    gateway.answers.testPolicy = () => ({ problems: [], results: [...results, failing] });
    const plain = await run(['policy', 'test', '-f', 'rules.yaml']);
    expect(plain.code).toBe(1);
    await expect(plain.stdout).toMatchFileSnapshot(golden('policy-test.txt'));
    // The gateway tells of it as of a rule that it would not save: it is told once, and is no broken manifest.
    const told = {
      document: 0,
      path: ['spec', 'examples', 1],
      on: 'value',
      message: 'Expected allow, but it is block.',
    };
    gateway.answers.testPolicy = () => ({ problems: [told], results: [...results, failing] });
    const both = await run(['policy', 'test', '-f', 'rules.yaml']);
    expect([both.code, both.stdout]).toEqual([1, plain.stdout]);
    expect(both.stderr).toMatch(/^rules\.yaml:\d+:\d+: spec\.examples\[1\]: Expected allow, but it is block\.\n$/);
    gateway.answers.testPolicy = before;
    expect((await run(['policy', 'test', '-f', 'rules.yaml'])).stdout).toBe(
      'There is no example in these manifests.\n',
    );
  });

  it('test tells why a rule could not be saved, with its place: 2', async () => {
    const before = gateway.answers.testPolicy!;
    const problem = { document: 0, path: ['spec', 'verdict'], on: 'value', message: 'cannot be enforced on web' };
    const elsewhere = { document: null, path: [], on: 'value', message: 'this change breaks the Mask m: no' };
    gateway.answers.testPolicy = () => ({ problems: [problem, elsewhere], results: [] });
    const ran = await run(['policy', 'test', '-f', 'rules.yaml']);
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain('rules.yaml:5:12: spec.verdict: cannot be enforced on web');
    expect(ran.stderr).toContain('this change breaks the Mask m: no');
    gateway.answers.testPolicy = before;
    // An apply that is refused for both tells both.
    gateway.answers.apply = () =>
      new Refusal(422, 'api.invalid-manifest', 'Nothing was applied.', [problem, elsewhere]);
    const applied = await run(['apply', '-f', 'rules.yaml']);
    expect(applied.stderr).toContain('rules.yaml:5:12');
    expect(applied.stderr).toContain('this change breaks the Mask m: no');
  });

  it('replay counts what would differ by rule, principal and resource, and shows the first', async () => {
    const argv = ['policy', 'replay', '--since', '30d', '-f', 'rules.yaml', '--limit', '9'];
    const plain = await run(argv);
    expect(plain).toMatchObject({ code: 0, stderr: '' });
    expect(lastAsked()).toMatchObject({ route: 'replayPolicy', body: { since: '2026-10-22T12:00:00.000Z', limit: 9 } });
    await expect(plain.stdout).toMatchFileSnapshot(golden('policy-replay.txt'));
    const coloured = await run(argv, { terminal: 200 });
    expect(coloured.stdout.replace(colours, '')).toBe(plain.stdout);
    const value = JSON.parse((await run([...argv, '-o', 'json'])).stdout) as Record<string, unknown>;
    expect(value['byRule']).toEqual([
      { key: 'no-destructive-sql', before: 'hold', after: 'allow', amount: 1 },
      { key: 'no-drop', before: 'allow', after: 'block', amount: 1 },
    ]);
    expect(value['summary']).toMatchObject({ commands: 12_345, different: 2 });
  });
});

describe('what the rules did, between what was recorded', () => {
  it('an event about a command follows the command and precedes its end, whatever the milliseconds say', () => {
    const verdict = { name: 'hold', rule: 'g', reason: '' } as const;
    const at = (ms: number): string => new Date(Date.parse('2026-11-21T11:50:00Z') + ms).toISOString();
    const between = new Interleaved([
      { type: 'verdict', at: at(0), command: 1, verdict },
      { type: 'alert', at: at(5), command: 1, rule: 'g', reason: '' },
      { type: 'alert', at: at(20), command: null, rule: 'g', reason: 'later' },
    ]);
    const entry = { ...command(1, 'query', 'x', '00.000'), at: at(0) };
    expect(between.before(entry)).toEqual([]);
    const columns = { type: 'columns' as const, at: at(0), command: 1, columns: [] };
    expect(between.before(columns).map(({ type }) => type)).toEqual(['verdict']);
    const end = { ...done(1, 'completed', null, '00.000', 1), at: at(5) };
    expect(between.before(end).map(({ type }) => type)).toEqual(['alert']);
    expect(between.rest()).toHaveLength(1);
    expect(between.rest()).toEqual([]);
  });

  it('a result that is being gathered is shown whole, below what the rules say meanwhile', () => {
    const options = { palette: makePalette(false), columns: null, rowsMax: 10 };
    const transcript = new Transcript(session(), options);
    transcript.add(command(1, 'query', 'x', '00.000'));
    transcript.add({ type: 'columns', at: '2026-11-21T11:50:00Z', command: 1, columns: [{ name: 'id', type: '23' }] });
    const said = transcript.rule({ type: 'alert', at: '2026-11-21T11:50:00Z', command: 1, rule: 'g', reason: 'r' });
    expect(said).toEqual(['▲ alert by g: r']);
    transcript.add({ type: 'rows', at: '2026-11-21T11:50:00Z', command: 1, rows: [['7']] });
    expect(transcript.add(done(1, 'completed', 'SELECT 1', '00.001', 1))).toEqual([
      ' id',
      '----',
      '  7',
      '(1 row)',
      '✔ SELECT 1 · 1 ms',
    ]);
  });

  it('a command that the recording does not have holds nothing back for long', () => {
    const between = new Interleaved([
      { type: 'alert', at: '2026-11-21T11:50:00.000Z', command: 9, rule: 'g', reason: '' },
      { type: 'alert', at: '2026-11-21T11:50:00.001Z', command: null, rule: 'g', reason: '' },
    ]);
    expect(between.before({ ...command(10, 'query', 'x', '00.500') })).toEqual([]);
    expect(between.before({ ...command(11, 'query', 'x', '01.500') })).toHaveLength(2);
  });
});
