/** Alerts over the API: what is asked of the service, and that nothing of a command does anything to who reads it (A-REC-02). */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, start } from './fixtures/fakes.ts';

let running: Running;

beforeAll(async () => {
  running = await start();
});
afterAll(() => running.close());

describe('alerts', () => {
  test('are asked for by state, severity and up, and time', async () => {
    const { alerts } = running.world;
    await running.call(
      'GET',
      '/api/v1/alerts?state=active&severity=high&principal=alice&since=2026-01-01T00:00:00Z',
      'audrey',
    );
    expect(alerts.queries.at(-1)).toMatchObject({
      states: ['open', 'acknowledged'],
      severities: ['high', 'critical'],
      principal: 'alice',
      sinceMs: Date.parse('2026-01-01T00:00:00Z'),
      cursor: null,
    });
    await running.call('GET', '/api/v1/alerts?state=suppressed', 'audrey');
    expect(alerts.queries.at(-1)).toMatchObject({ states: ['suppressed'], severities: null, detection: null });
    for (const query of ['state=none', 'severity=worst', 'since=yesterday', 'limit=0', 'else=1']) {
      expect((await running.call('GET', `/api/v1/alerts?${query}`, 'audrey')).status).toBe(400);
    }
  });

  test('show what was done with nothing in it that hides or reorders', async () => {
    const { json, text } = await running.call('GET', '/api/v1/alerts/al_1', 'adam');
    expect(text).not.toMatch(/[\u202a-\u202e\u0007]/);
    expect(json).toMatchObject({
      id: 'al_1',
      facts: { rows: 50_000, 'odd\\u202e': 'a\\u0007b' },
      evidence: [
        { text: 'select * from customers\\u202e --\\u0007', rows: 50_000 },
        { sequence: 42, type: null },
      ],
      responses: [{ id: 'res_1', inForce: true }],
      you: { mayHandle: true, mayResolve: true },
    });
    const auditor = await running.call('GET', '/api/v1/alerts/al_1', 'audrey');
    expect(auditor.json['you']).toEqual({ mayHandle: false, mayResolve: false });
  });

  test('are handled with what each action takes, and nothing else', async () => {
    const { alerts } = running.world;
    const handle = (body: object) => running.call('POST', '/api/v1/alerts/al_1', 'adam', { body });
    for (const body of [
      { action: 'assign' },
      { action: 'comment' },
      { action: 'false-positive' },
      { action: 'resolve', to: 'adam' },
      { action: 'delete' },
      { action: 'comment', text: '' },
    ]) {
      expect([body, (await handle(body)).status]).toEqual([body, 400]);
    }
    expect(alerts.acts).toEqual([]);
    expect((await handle({ action: 'assign', to: 'adam' })).json).toMatchObject({ assignee: { name: 'adam' } });
    expect((await handle({ action: 'resolve' })).json).toMatchObject({ state: 'resolved', resolution: 'resolved' });
    expect(alerts.acts).toEqual(['adam assign al_1 adam', 'adam resolve al_1']);
  });

  test('and responses are handled by people: no service, whatever its role, and no agent', async () => {
    const { world } = running;
    const adam = world.principal('adam');
    world.bearers.set('a-services-token', { ...adam, kind: 'service' });
    world.bearers.set('an-agents-token', { ...adam, kind: 'agent' });
    for (const [token, code] of [
      ['a-services-token', 'api.people-only'],
      ['an-agents-token', 'api.people-only'],
    ] as const) {
      const headers = { authorization: `Bearer ${token}` };
      const ended = await running.call('DELETE', '/api/v1/responses/res_1', null, { headers });
      expect([ended.status, ended.json['code']]).toEqual([403, code]);
    }
    expect(world.alerts.live.size).toBe(1);
    expect((await running.call('DELETE', '/api/v1/responses/res_1', 'adam')).status).toBe(204);
    expect(world.alerts.acts.at(-1)).toBe('adam end res_1');
  });
});
