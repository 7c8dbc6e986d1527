/** Locks and who reaches what, over real HTTP with in-memory fakes behind the ports. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Running, start } from './fixtures/fakes.ts';

let api: Running;
beforeEach(async () => {
  api = await start();
});
afterEach(() => api.close());

const lock = (target: object, more: object = {}): object => ({
  kind: 'Lock',
  metadata: { name: 'shut' },
  spec: { target, reason: 'laptop stolen', ...more },
});
const apply = (...documents: readonly object[]) => api.call('POST', '/api/v1/apply', 'adam', { body: { documents } });

describe('a lock', () => {
  test('names exactly one target, and is written, listed and taken away like other objects', async () => {
    for (const target of [{}, { principal: 'alice', token: 'tok_1' }, { ghost: 'x' }]) {
      expect((await apply(lock(target))).status).toBe(422);
    }
    expect((await apply(lock({ principal: 'alice' }, { until: 'tomorrow' }))).status).toBe(422);
    expect((await apply(lock({ principal: 'alice' }, { until: '2026-01-02T00:00:00Z' }))).status).toBe(200);
    const listed = await api.call('GET', '/api/v1/objects/Lock', 'audrey');
    expect(listed.json['objects']).toMatchObject([{ metadata: { name: 'shut' } }]);
    expect((await api.call('DELETE', '/api/v1/objects/Lock/shut', 'adam')).status).toBe(200);
    expect(api.world.eventsOf('configuration.changed').map((event) => 'action' in event && event.action)).toEqual([
      'created',
      'deleted',
    ]);
  });

  test('refuses every call of whoever it locks, and says by which lock and why; before a proof nothing', async () => {
    api.world.locks.set('alice', { name: 'shut', reason: 'laptop stolen' });
    for (const path of ['/api/v1/whoami', '/api/v1/resources', '/api/v1/reviews']) {
      const answer = await api.call('GET', path, 'alice');
      expect([answer.status, answer.json['code']]).toEqual([403, 'api.locked']);
      expect(answer.json['detail']).toContain('shut: laptop stolen');
    }
    expect((await api.call('GET', '/api/v1/whoami', null)).json['code']).toBe('api.not-authenticated');
    expect((await api.call('GET', '/api/v1/whoami', 'mallory')).status).toBe(200);
  });

  test('is never one’s own, nor of the last administrator', async () => {
    for (const target of [{ principal: 'adam' }, { token: 'tok_adam' }]) {
      const answer = await apply(lock(target));
      expect([answer.status, ['api.own-lock', 'api.last-admin'].includes(answer.json['code'] as string)]).toEqual([
        409,
        true,
      ]);
    }
    expect(api.world.objects.has('Lock/shut')).toBe(false);
    // A second administrator, locked for now: the first may not go.
    const eve = { kind: 'Principal', metadata: { name: 'eve' }, spec: { roles: ['admin'] } };
    expect((await apply(eve, lock({ principal: 'eve' }, { until: '2026-01-02T00:00:00Z' }))).status).toBe(200);
    const gone = (): Promise<{ status: number }> => api.call('DELETE', '/api/v1/objects/Principal/adam', 'adam');
    expect((await gone()).status).toBe(409);
  });
});

describe('who reaches what', () => {
  test('is exported as CSV in which nothing is a formula, and as JSON', async () => {
    const [first] = api.world.reach;
    api.world.reach.push({ ...first!, principal: 'zed', groups: ['=cmd|x', 'a,b'], grantedBy: ['+1'] });
    const csv = await api.call('GET', '/api/v1/access/export?format=csv', 'audrey');
    const lines = csv.text.split('\r\n');
    expect(lines[0]).toMatch(/^principal,kind,groups,resource,/);
    expect(lines[1]).toMatch(/^alice,person,engineering,orders,engineers,standing,/);
    // A-API-05
    expect(lines[2]).toContain(`"'=cmd|x a,b"`);
    expect(lines[2]).toContain(`'+1`);
    const json = await api.call('GET', '/api/v1/access/export?format=json', 'adam');
    expect(JSON.parse(json.text)).toHaveLength(2);
    api.world.reach.length = 0;
    expect(JSON.parse((await api.call('GET', '/api/v1/access/export?format=json', 'adam')).text)).toEqual([]);
  });
});
