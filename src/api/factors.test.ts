/** Second factors at the API's edge: what the password alone gives, what is recorded, and with what a step-up is approved. */
import { afterAll, describe, expect, test } from 'vitest';
import { type Running, start } from './fixtures/fakes.ts';
import type { Approver } from './ports.ts';

const open: Running[] = [];
afterAll(() => Promise.all(open.map((running) => running.close())));

async function fresh(): Promise<Running> {
  const running = await start();
  open.push(running);
  return running;
}

const credentials = { principal: 'alice', password: 'alices-password' };
const fromPage = (running: Running, cookie?: string): { headers: Record<string, string> } => ({
  headers: { origin: running.url, 'sec-fetch-site': 'same-origin', ...(cookie === undefined ? {} : { cookie }) },
});

interface Step {
  readonly pendingId: string;
}

describe('the password alone, of who has a second factor', () => {
  for (const path of ['/api/v1/login', '/api/v1/web-session']) {
    test(`gives nothing at ${path} but the step that follows`, async () => {
      const running = await fresh();
      running.world.factors.give('alice', 'totp');
      const answer = await running.call('POST', path, null, { body: credentials });
      expect(answer.status).toBe(403);
      expect(answer.json).toMatchObject({ code: 'api.factor-needed', step: { needed: 'factor', factors: ['totp'] } });
      expect(answer.text).not.toContain('secret-of');
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(running.world.eventsOf('token.issued')).toEqual([]);
      expect(running.world.eventsOf('identity.signed-on')).toEqual([]);
    });
  }

  test('what one browser began no other ends, nor a program', async () => {
    const running = await fresh();
    running.world.factors.give('alice', 'totp');
    const begun = await running.call('POST', '/api/v1/web-session', null, { body: credentials, ...fromPage(running) });
    const [cookie = ''] = begun.headers.getSetCookie();
    const { pendingId } = begun.json['step'] as Step;
    const body = { pendingId, kind: 'totp', response: 'good' };
    const answer = (options: object) => running.call('POST', '/api/v1/web-session/factor', null, { body, ...options });
    expect((await answer({})).status).toBe(401);
    expect((await answer(fromPage(running))).status).toBe(401);
    expect(running.world.eventsOf('identity.refused')).toHaveLength(2);
    const done = await answer(fromPage(running, cookie.split(';')[0]));
    expect(done.status).toBe(200);
    expect(done.headers.getSetCookie().some((one) => one.startsWith('sallyport=secret-of'))).toBe(true);
    expect(running.world.eventsOf('identity.signed-on')).toMatchObject([{ factors: ['pwd', 'otp', 'mfa'] }]);
  });
});

describe('what counts is recorded', () => {
  const proof = { factor: { kind: 'totp', response: 'good' } };

  test('a factor that cannot be recorded is none, and one stays until its removal is', async () => {
    const running = await fresh();
    const { factors } = running.world;
    running.world.journalFailure = new Error('the disk is full');
    const body = { id: 'begun', code: 'good' };
    expect((await running.call('POST', '/api/v1/factors/totp/finish', 'alice', { body })).status).toBe(500);
    expect(await factors.list('alice')).toEqual([]);
    factors.give('alice', 'totp', 'fct_1');
    const removal = { body: { proof } };
    expect((await running.call('POST', '/api/v1/factors/fct_1/remove', 'alice', removal)).status).toBe(500);
    expect(await factors.list('alice')).toHaveLength(1);
    running.world.journalFailure = null;
    expect((await running.call('POST', '/api/v1/factors/fct_1/remove', 'alice', removal)).status).toBe(204);
    expect(running.world.eventsOf('factor.changed')).toMatchObject([{ action: 'removed', owner: 'alice' }]);
  });

  test('the first factor brings recovery codes, told once', async () => {
    const running = await fresh();
    const body = { id: 'begun', code: 'good' };
    const first = await running.call('POST', '/api/v1/factors/totp/finish', 'alice', { body });
    expect(first.json['recoveryCodes']).toEqual(['aaaa-bbbb']);
    const second = await running.call('POST', '/api/v1/factors/totp/finish', 'alice', { body });
    expect(second.json['recoveryCodes']).toBeNull();
    const listed = await running.call('GET', '/api/v1/factors', 'alice');
    expect(listed.text).not.toContain('aaaa');
  });
});

test('a step-up is approved with what was given: the factor where there is one, the password as that', async () => {
  const running = await fresh();
  running.world.factors.give('alice', 'totp');
  const given: (Approver | null)[] = [];
  running.world.ports.signOns.isEnough = (_id: string, _name: string, by: Approver) => given.push(by) > 0;
  const approve = (body: object) =>
    running.call('POST', '/api/v1/sign-ons/sgn_1', 'alice', { body: { decision: 'approve', ...body } });
  await approve({});
  await approve({ password: 'alices-password' });
  await approve({ factor: { kind: 'totp', response: 'good' } });
  expect(given).toMatchObject([
    { proof: 'sign-on', provenAtMs: null },
    { proof: 'password', factors: ['pwd'] },
    { proof: 'factor', factors: ['otp'] },
  ]);
  expect((await approve({ factor: { kind: 'totp', response: 'bad' } })).status).toBe(401);
  expect(given).toHaveLength(3);
});
