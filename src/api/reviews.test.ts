/** Reviews, grants and rules, over real HTTP with in-memory fakes behind the ports. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReviewView } from './contract/index.ts';
import { displayBeginning, displayLine, displayText } from './display.ts';
import { digest, reviewRecord } from './fixtures/fake-reviews.ts';
import { type Running, start } from './fixtures/fakes.ts';

let api: Running;
beforeEach(async () => {
  api = await start();
});
afterEach(() => api.close());

const review = async (id: string, as: 'alice' | 'mallory' | 'audrey' | 'adam'): Promise<ReviewView> =>
  (await api.call('GET', `/api/v1/reviews/${id}`, as)).json as unknown as ReviewView;
const decide = (body: unknown, as: 'alice' | 'mallory' | 'audrey' | 'adam' = 'mallory', id = 'rev_alice') =>
  api.call('POST', `/api/v1/reviews/${id}/decision`, as, { body });

describe('what a reviewer sees', () => {
  test('everything on one screen, and what it may do', async () => {
    const seen = await review('rev_alice', 'mallory');
    expect(seen).toMatchObject({
      requester: { name: 'alice' },
      requesterGroups: ['engineering'],
      source: '10.0.0.7',
      rule: 'no-destructive-sql',
      digest,
      expiresAt: '1970-01-01T00:30:00.000Z',
      command: {
        lines: [
          { number: 1, continued: false, spans: [{ kind: 'text', text: 'delete from orders' }] },
          { number: 2, continued: false, spans: [{ kind: 'text', text: 'where true;' }] },
        ],
        notes: [],
        length: 30,
        parameters: [{ number: 1, type: 'int4', value: '42', bytes: 4 }],
        effects: ['delete-all'],
        relations: [{ name: 'public.orders', access: 'write' }],
        complete: false,
        estimatedRows: 12_000,
        estimate: 'about 12,000 rows of public.orders (planner)',
        inTransaction: true,
      },
      history: [{ about: 'select * from orders', outcome: 'completed' }],
      you: { requester: false, mayDecide: true, mayBreakGlass: false },
    });
    expect((await review('rev_alice', 'alice')).you).toEqual({
      requester: true,
      mayDecide: false,
      mayBreakGlass: true,
    });
    expect((await review('rev_alice', 'adam')).you.mayDecide).toBe(false);
  });

  test('A-REV-06: nothing that reorders or hides gets through, in rows, values, names, reasons and lists', async () => {
    const hostile = 'a;\u202e\u200b\u00ad\u00a0\u3164\u{e0041}\u001b[2J\r\ud800z';
    const spelled = 'a;\\u202e\\u200b\\u00ad\\u00a0\\u3164\\u{e0041}\\u001b[2J\\r\\ud800z';
    const command = {
      ...reviewRecord().command!,
      rows: [{ number: 1, continued: false, spans: [{ kind: 'text' as const, text: hostile }] }],
      notes: [hostile],
      parameters: [{ type: 'text', value: hostile, bytes: 5 }],
      relations: [{ name: hostile, access: 'write' as const }],
      functions: [hostile],
      conditions: [hostile],
      unknown: [hostile],
      context: { [hostile]: hostile },
    };
    const history = [{ atMs: 0, resource: 'orders', text: hostile, outcome: 'completed' }];
    const client = { [hostile]: hostile };
    const fooling = reviewRecord({ text: hostile, command, reason: hostile, message: hostile, history, client });
    api.world.rules.reviews.set('rev_alice', fooling);
    const answer = await api.call('GET', '/api/v1/reviews/rev_alice', 'mallory');
    expect(answer.text.match(/\\\\u202e/g)).toHaveLength(15);
    // safeJson would hide from this test what came through raw: so it is looked at after parsing.
    expect(JSON.stringify(answer.json)).not.toMatch(/[\u202e\u200b\u00ad\u00a0\u3164]/);
    const seen = answer.json as unknown as ReviewView;
    expect(seen.command?.lines[0]?.spans[0]?.text).toBe(spelled);
    expect(seen.summary).toBe(spelled);
  });

  test('A-REV-06: for any text no inkless character is left, and plain text stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(displayText(text)).not.toMatch(/[\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}\u00a0\u2800]/u);
        expect(displayLine(text)).not.toMatch(/[\n\r\t]/);
        expect(displayBeginning(text, 10).length).toBeLessThanOrEqual(11);
        if (/^[\x20-\x7e\n]*$/.test(text)) expect(displayText(text)).toBe(text);
      }),
    );
  });

  test('lists: mine, others’, by state; an agent sees that it may not decide', async () => {
    const ids = async (query: string, as: 'alice' | 'mallory' | 'audrey'): Promise<string[]> =>
      ((await api.call('GET', `/api/v1/reviews${query}`, as)).json['reviews'] as { id: string }[]).map(({ id }) => id);
    expect(await ids('', 'alice')).toEqual(['rev_alice']);
    expect(await ids('?mine=true', 'alice')).toEqual(['rev_alice']);
    expect(await ids('?mine=false', 'alice')).toEqual([]);
    expect(await ids('?mine=false&state=pending', 'mallory')).toEqual(['rev_alice']);
    expect(await ids('?state=denied', 'audrey')).toEqual([]);
    expect((await api.call('GET', '/api/v1/reviews?state=open', 'audrey')).status).toBe(400);
  });
});

describe('A-REV-01: who decides', () => {
  test('a reviewer, once; the service is told who and how', async () => {
    const approved = await decide({ decision: 'approve', digest });
    expect(approved.json).toMatchObject({ state: 'approved', decisions: [{ by: { name: 'mallory' }, how: 'api' }] });
    expect(api.world.rules.acts).toEqual(['decide rev_alice mallory approve api']);
    const again = await decide({ decision: 'approve' });
    expect([again.status, again.json['code']]).toEqual([409, 'review.over']);
  });

  test('nobody decides their own, not as administrator, not by another token of theirs', async () => {
    const own = await decide({ decision: 'approve' }, 'alice');
    expect([own.status, own.json['code']]).toEqual([403, 'api.own-review']);
    const adams = { id: 'pri_adam', name: 'adam', kind: 'person' } as const;
    // Even a rule that names the requester does not let it.
    const named = { names: ['adam'], groups: [] };
    api.world.rules.reviews.set('rev_adam', reviewRecord({ id: 'rev_adam', requester: adams, reviewers: named }));
    expect((await decide({ decision: 'approve' }, 'adam', 'rev_adam')).json['code']).toBe('api.own-review');
    api.world.issue('adam', 'tok_second', 'second-token');
    const second = await api.call('POST', '/api/v1/reviews/rev_adam/decision', null, {
      body: { decision: 'approve' },
      headers: { authorization: 'Bearer second-token' },
    });
    expect(second.json['code']).toBe('api.own-review');
    expect(api.world.rules.acts).toEqual([]);
  });

  test('an administrator decides only where the rule names it', async () => {
    const refused = await decide({ decision: 'approve' }, 'adam');
    expect([refused.status, refused.json['code']]).toEqual([403, 'review.not-reviewer']);
    api.world.rules.reviews.set('rev_alice', reviewRecord({ reviewers: { names: ['adam'], groups: [] } }));
    expect((await decide({ decision: 'deny', reason: 'no' }, 'adam')).status).toBe(200);
  });

  test('services and agents decide nothing and break no glass, whatever the rule says', async () => {
    api.world.issue('robot', 'tok_robot', 'token-of-robot');
    const headers = { authorization: 'Bearer token-of-robot' };
    api.world.rules.reviews.set('rev_alice', reviewRecord({ reviewers: { names: ['robot'], groups: [] } }));
    const robots = { id: 'pri_robot', name: 'robot', kind: 'service' } as const;
    api.world.rules.reviews.set('rev_robot', reviewRecord({ id: 'rev_robot', requester: robots }));
    const decided = await api.call('POST', '/api/v1/reviews/rev_alice/decision', null, {
      body: { decision: 'approve' },
      headers,
    });
    expect([decided.status, decided.json['code']]).toEqual([403, 'api.people-only']);
    const broken = await api.call('POST', '/api/v1/reviews/rev_robot/break-glass', null, {
      body: { reason: 'down' },
      headers,
    });
    expect(broken.json['code']).toBe('api.people-only');
    const seen = await api.call('GET', '/api/v1/reviews/rev_alice', null, { headers });
    expect((seen.json as unknown as ReviewView).you.mayDecide).toBe(false);
    expect(api.world.rules.acts).toEqual([]);
  });

  test('A-REV-03: a decision about something else than what was shown counts nothing', async () => {
    const answer = await decide({ decision: 'approve', digest: 'cd'.repeat(32) });
    expect([answer.status, answer.json['code']]).toEqual([409, 'api.review-changed']);
    expect(api.world.rules.acts).toEqual([]);
  });

  test('a denial says why; a reason hides nothing and is no longer than its limit', async () => {
    expect((await decide({ decision: 'deny' })).json['detail']).toContain('reason: is required to deny');
    expect((await decide({ decision: 'deny', reason: ' \n ' })).status).toBe(400);
    expect((await decide({ decision: 'deny', reason: 'a\u202eb' })).status).toBe(400);
    expect((await decide({ decision: 'deny', reason: 'x'.repeat(1001) })).status).toBe(400);
    expect((await decide({ decision: 'maybe', reason: 'x' })).status).toBe(400);
    expect((await decide({ decision: 'deny', reason: 'x'.repeat(1000) })).status).toBe(200);
  });

  test('another’s review answers as one that does not exist', async () => {
    const adam = { id: 'pri_adam', name: 'adam', kind: 'person' } as const;
    const theirs = reviewRecord({ id: 'rev_theirs', requester: adam, reviewers: { names: [], groups: [] } });
    api.world.rules.reviews.set('rev_theirs', theirs);
    const without = async (path: string) => ({ ...(await api.call('GET', path, 'mallory')).json, requestId: '' });
    expect(await without('/api/v1/reviews/rev_theirs')).toEqual(await without('/api/v1/reviews/rev_none'));
  });
});

describe('access on request and grants', () => {
  test('asks with a length of time within the limits', async () => {
    const ask = (duration: string) =>
      api.call('POST', '/api/v1/access-requests', 'alice', { body: { resource: 'orders', reason: 'x', duration } });
    expect((await ask('2h')).json).toMatchObject({ kind: 'access', command: null, access: { durationSeconds: 7200 } });
    expect((await ask('8d')).json['detail']).toContain('duration: must be from 1m to 7d');
    expect((await ask('2 hours')).status).toBe(400);
    expect(api.world.rules.acts).toEqual(['request orders alice 7200000']);
  });

  test('a grant is revoked by its owner or an administrator, who are named to the service', async () => {
    // Who sees everybody's may ask for their own alone.
    const idsOf = async (query: string): Promise<unknown[]> => {
      const { json } = await api.call('GET', `/api/v1/grants${query}`, 'adam');
      return (json['grants'] as { id: string }[]).map(({ id }) => id);
    };
    expect([await idsOf(''), await idsOf('?mine=true')]).toEqual([['grn_alice'], []]);
    expect((await api.call('DELETE', '/api/v1/grants/grn_alice', 'adam')).status).toBe(204);
    expect(api.world.rules.acts).toEqual(['revoke grn_alice adam']);
    expect((await api.call('DELETE', '/api/v1/grants/grn_alice', 'adam')).status).toBe(404);
  });
});

describe('A-POL-01: saving rules', () => {
  const block = { kind: 'Guardrail', metadata: { name: 'g' }, spec: { match: {}, verdict: 'block' } };
  const group = { kind: 'Group', metadata: { name: 'dba' }, spec: { members: ['alice'] } };
  const apply = (documents: readonly unknown[], dryRun = false) =>
    api.call('POST', '/api/v1/apply', 'adam', { body: { documents, dryRun } });

  test('a rule that cannot be enforced refuses the whole apply, with each reason in its place; a dry run too', async () => {
    api.world.rules.problems = () => [
      { kind: 'Guardrail', name: 'g', field: 'spec.match.when', reason: 'does not compile: unknown variable nwo' },
      { kind: 'Guardrail', name: 'g', field: 'spec.examples[1]', reason: 'is allowed, not blocked' },
    ];
    for (const dryRun of [true, false]) {
      const answer = await apply([group, block], dryRun);
      expect([answer.status, answer.json['code']]).toEqual([422, 'api.invalid-manifest']);
      expect(answer.json['problems']).toEqual([
        {
          document: 1,
          path: ['spec', 'match', 'when'],
          on: 'value',
          message: 'does not compile: unknown variable nwo',
        },
        { document: 1, path: ['spec', 'examples', 1], on: 'value', message: 'is allowed, not blocked' },
      ]);
    }
    expect(api.world.objects.has('Group/dba')).toBe(false);
    expect(api.world.events).toEqual([]);
  });

  test('checks all objects as they would stand, and asks nobody where there is no rule', async () => {
    await apply([group]);
    expect(api.world.rules.checked).toBe(0);
    let seen: string[] = [];
    api.world.rules.problems = (objects) => {
      seen = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      return [];
    };
    expect((await apply([block])).status).toBe(200);
    expect(seen).toEqual(expect.arrayContaining(['Guardrail/g', 'Group/dba', 'Principal/alice']));
  });

  test('a change that breaks a rule elsewhere is refused; a rule that was broken before is no obstacle', async () => {
    await apply([block, group]);
    const broken = { kind: 'Guardrail', name: 'g', field: 'spec.match', reason: 'cannot be enforced' } as const;
    api.world.rules.problems = (objects) =>
      objects.some(({ kind, metadata }) => kind === 'Group' && metadata.name === 'dba') ? [] : [broken];
    const refused = await api.call('DELETE', '/api/v1/objects/Group/dba', 'adam');
    expect(refused.status).toBe(422);
    expect(refused.text).toContain('this change breaks the Guardrail g: spec.match: cannot be enforced');
    api.world.rules.problems = () => [broken];
    expect((await api.call('DELETE', '/api/v1/objects/Group/dba', 'adam')).status).toBe(200);
    // The broken rule itself cannot be saved again, and can be deleted.
    expect((await apply([{ ...block, spec: { match: {}, verdict: 'terminate' } }])).status).toBe(422);
    api.world.rules.problems = () => [];
    expect((await api.call('DELETE', '/api/v1/objects/Guardrail/g', 'adam')).status).toBe(200);
  });

  test('a changed example stands in the difference with what it holds', async () => {
    const example = { command: 'drop table x', expect: 'block' };
    await apply([block]);
    const withExample = { ...block, spec: { ...block.spec, examples: [example], limits: { day: { bytes: '10MiB' } } } };
    const results = (await apply([withExample])).json['results'] as { changes: unknown }[];
    expect(results[0]?.changes).toEqual([
      { path: 'spec.examples', before: null, after: '[{"command":"drop table x","expect":"block"}]' },
      { path: 'spec.limits.day.bytes', before: null, after: '10485760' },
    ]);
    expect((await apply([withExample])).json['results']).toMatchObject([{ action: 'unchanged' }]);
  });

  test('names that nothing is called by are warned of, and what a deleted group still stands in', async () => {
    const hold = {
      kind: 'Guardrail',
      metadata: { name: 'h' },
      spec: {
        match: { principals: { except: { groups: ['dba'] } }, resources: { names: ['orders'] } },
        verdict: 'hold',
        review: { reviewers: { groups: ['dba'] }, escalate: { after: '5m', reviewers: { names: ['carol'] } } },
      },
    };
    const mask = { kind: 'Mask', metadata: { name: 'm' }, spec: { match: {}, detect: ['email'] } };
    const results = (await apply([hold, mask])).json['results'] as { warnings: string[] }[];
    expect(results.map(({ warnings }) => warnings)).toEqual([
      ['there is no Group dba', 'there is no Resource orders', 'there is no Principal carol'],
      [],
    ]);
    await apply([group]);
    const deleted = await api.call('DELETE', '/api/v1/objects/Group/dba?dryRun=true', 'adam');
    expect(deleted.json['warnings']).toEqual(['the Guardrail h still names it']);
    const got = await api.call('GET', '/api/v1/objects/Guardrail/h', 'adam');
    expect(got.json).toEqual(hold);
  });
});

describe('policy laboratory', () => {
  const block = { kind: 'Guardrail', metadata: { name: 'g' }, spec: { match: {}, verdict: 'block' } };

  test('test gives problems and the results of the rules given, and changes nothing', async () => {
    const got = { name: 'allow', rule: 'none', reason: '' } as const;
    const result = {
      example: 0,
      command: 'x',
      expected: 'block' as const,
      got,
      passed: false,
      groups: [],
      resource: 'o',
    };
    api.world.rules.examples = [
      { kind: 'Guardrail', name: 'g', ...result },
      { kind: 'Guardrail', name: 'other', ...result },
    ];
    api.world.rules.problems = () => [{ kind: 'Guardrail', name: 'g', field: 'spec', reason: 'no' }];
    const answer = await api.call('POST', '/api/v1/policy/test', 'audrey', { body: { documents: [block] } });
    expect(answer.json).toMatchObject({
      problems: [{ document: 0, path: ['spec'] }],
      results: [{ name: 'g', passed: false }],
    });
    expect((answer.json['results'] as unknown[]).length).toBe(1);
    expect(api.world.objects.has('Guardrail/g')).toBe(false);
  });

  test('replay streams what differs; each session shown is journaled as read, before it is sent', async () => {
    const difference = {
      type: 'difference',
      at: '2026-01-02T00:00:00.000Z',
      session: 'ses_alice',
      command: 1,
      principal: 'alice',
      resource: 'orders',
      text: 'drop\u202e table x',
      before: { name: 'allow', rule: 'none' },
      after: { name: 'block', rule: 'g', reason: 'no' },
    } as const;
    api.world.rules.replayed = [
      difference,
      { ...difference, command: 2 },
      { ...difference, session: 'ses_mallory' },
      {
        type: 'summary',
        since: '2026-01-01T00:00:00.000Z',
        until: '2026-01-31T00:00:00.000Z',
        commands: 9,
        different: 3,
        skipped: {},
        truncated: false,
      },
    ];
    const answer = await api.call('POST', '/api/v1/policy/replay', 'audrey', {
      body: { documents: [block], since: '2026-01-01T00:00:00Z', limit: 5 },
    });
    const lines = answer.text.split('\n').filter((line) => line !== '');
    expect(lines).toHaveLength(4);
    expect(JSON.parse(lines[0]!)).toMatchObject({ text: 'drop\\u202e table x', after: { rule: 'g' } });
    expect(api.world.eventsOf('recording.read')).toMatchObject([
      { session: 'ses_alice', principal: { name: 'audrey' }, how: 'policy replay' },
      { session: 'ses_mallory' },
    ]);
    expect(api.world.rules.order).toMatchObject({ sinceMs: Date.UTC(2026, 0, 1), limit: 5 });
    expect(api.world.rules.order?.objects.some(({ metadata }) => metadata.name === 'g')).toBe(true);
  });
});

test('who explains a resource that is not theirs learns nothing of it; what the rules did in a session is told', async () => {
  const explain = (resource: string, as: 'alice' | 'audrey') =>
    api.call('POST', '/api/v1/explain', as, { body: { resource, command: 'drop table x', principal: 'alice' } });
  expect((await explain('orders', 'alice')).json['verdict']).toMatchObject({ name: 'hold' });
  expect((await explain('vault', 'alice')).json).toMatchObject({ granted: false, access: [], rule: 'none' });
  expect((await explain('vault', 'audrey')).json['access']).toHaveLength(1);

  const at = 1000;
  const actor = { id: 'p', issuer: 'local', name: 'mallory', kind: 'person', groups: [], credentialId: null } as const;
  const base = { session: 'ses_alice', command: 1 };
  const verdict = { name: 'hold', rule: 'g', reason: 'r' } as const;
  api.world.rules.sessionEvents.push(
    {
      type: 'session.opened',
      session: 'ses_alice',
      connection: 'con_1',
      source: '127.0.0.1',
      principal: actor,
      resource: 'orders',
      protocol: 'postgres',
      recording: 'strict',
      access: 'team',
      stepUp: { method: 'approval', credentialId: 'tok_1', proof: 'password', atMs: at },
      client: {},
      seq: 0,
      at,
    },
    { type: 'command.verdict', ...base, verdict, seq: 1, at },
    {
      type: 'review.requested',
      ...base,
      review: 'rev_1',
      kind: 'command',
      principal: actor,
      resource: 'orders',
      rule: 'g',
      digest,
      approvals: 1,
      expiresAtMs: 2000,
      reason: null,
      seq: 2,
      at,
    },
    {
      type: 'review.decided',
      review: 'rev_1',
      decision: 'approve',
      principal: actor,
      reason: 'ok',
      state: 'approved',
      how: 'slack',
      seq: 3,
      at,
    },
    { type: 'review.ended', review: 'rev_1', outcome: 'executed', reason: null, seq: 4, at },
    { type: 'alert.raised', ...base, rule: 'bulk', reason: 'many', principal: actor, resource: 'orders', seq: 5, at },
    { type: 'output.limited', ...base, rule: 'bulk', verdict: 'block', seq: 6, at },
    { type: 'command.cancel', session: 'ses_alice', source: 'not told', seq: 7, at },
    {
      type: 'command.ended',
      ...base,
      outcome: 'completed',
      tag: null,
      error: null,
      rows: 1,
      bytes: 1,
      durationMs: 1,
      masked: { pii: 3 },
      seq: 8,
      at,
    },
  );
  const events = await api.call('GET', '/api/v1/sessions/ses_alice/events', 'alice');
  const told = events.text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { type: string; command: number });
  expect(told.map(({ type, command }) => `${type} ${command}`)).toEqual([
    'confirmed null',
    'verdict 1',
    'review.requested 1',
    'review.decided 1',
    'review.ended 1',
    'alert 1',
    'limited 1',
    'masked 1',
  ]);
});
