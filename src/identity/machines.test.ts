/** Tokens of what acts without a person at it: they never reach further, nor last longer, than what they are had with. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import type { Principal } from '../core/principal.ts';
import { createIdentity } from './identity.ts';
import * as limits from './limits.ts';
import type { Identity } from './parts.ts';
import type { PrincipalEntry, TokenRecord } from './records.ts';
import { ForgingIssuer, sign, signingKey } from './testing/issuer.ts';
import { MemoryPasswords, MemoryTokens } from './testing/memory.ts';
import { createWorkloadProver, type TrustedWorkload, trustOf } from './workload/proving.ts';

const source = '10.0.0.7';
const audience = 'https://gateway.test';
const key = signingKey('ES256', 'k');

let clock: FakeClock;
let records: MemoryTokens;
let issuer: ForgingIssuer;
let identity: Identity;
let people: Map<string, PrincipalEntry>;
let rules: TrustedWorkload[];
let taken: { readonly token: TokenRecord; readonly source: string }[];
let journalFails: boolean;

function entry(name: string, change: Partial<PrincipalEntry> = {}): PrincipalEntry {
  const who = { id: `local:${name}`, name, issuer: 'local', subject: name, kind: 'person' } as const;
  return { ...who, groups: [], roles: ['member'], disabled: false, ...change };
}

function rule(
  principal: string,
  claims: TrustedWorkload['claims'],
  more: Partial<TrustedWorkload> = {},
): TrustedWorkload {
  const provider = { name: 'ci', spec: { issuer: issuer.issuer, audience } };
  const whole = { principal, provider: 'ci', claims, lifetimeMs: 300_000, ...more };
  return { ...whole, trust: trustOf(principal, provider, whole) };
}

/** Trusts these rules from now on, and no others. */
function trust(...wanted: TrustedWorkload[]): void {
  rules = wanted;
  for (const [name, one] of people) {
    const trusts = new Set(wanted.filter(({ principal }) => principal === name).map((known) => known.trust));
    people.set(name, { ...one, trusts });
  }
}

function jwt(claims: Record<string, unknown> = {}, seconds = 600): Promise<string> {
  const now = Math.floor(clock.now() / 1000);
  return sign(key, {
    iss: issuer.issuer,
    aud: audience,
    sub: 'repo:corp/shop',
    iat: now,
    exp: now + seconds,
    ...claims,
  });
}

beforeEach(async () => {
  clock = new FakeClock();
  records = new MemoryTokens();
  issuer = await new ForgingIssuer().start();
  issuer.keys = [key.jwk];
  taken = [];
  journalFails = false;
  people = new Map(
    [
      entry('ana'),
      entry('robot', { kind: 'service' }),
      entry('other', { kind: 'service' }),
      ...Array.from({ length: limits.actorsMax + 2 }, (_, index) => entry(`agent-${index}`, { kind: 'agent' })),
    ].map((one) => [one.name, one]),
  );
  trust(rule('robot', { sub: 'repo:corp/shop' }, { resources: ['orders', 'shop'] }));
  const trusts = {
    rules: () => rules,
    providers: () => [{ name: 'ci', spec: { issuer: issuer.issuer, audience, private: true } }],
  };
  identity = createIdentity({
    clock,
    log: silentLog,
    tokens: records,
    passwords: new MemoryPasswords(),
    directory: { find: (name) => people.get(name) ?? null },
    serverSecret: Buffer.alloc(32, 7),
    workloads: {
      prover: createWorkloadProver({ clock, log: silentLog, trusts, random: () => 0 }),
      taken: async (token, _workload, from) => {
        if (journalFails) throw new Error('the journal is full');
        taken.push({ token, source: from });
      },
    },
  });
});
afterEach(async () => {
  identity.close();
  await issuer.close();
});

const order = { principal: null, resources: null, lifetimeMs: null };

/** What the room answers to whatever is wrong with a workload's own token. */
const refused = { code: 'identity.workload-refused' };

describe('a workload’s own token', () => {
  test('is exchanged for one that lasts as the rule says, and no longer than itself', async () => {
    const first = await identity.exchangeToken({ ...order, token: await jwt() }, source);
    expect(first.issued.token).toMatchObject({
      owner: 'robot',
      attributes: { scope: { resources: ['orders', 'shop'] } },
    });
    expect(first.issued.token.expiresAtMs).toBe(clock.now() + 300_000);
    const second = await identity.exchangeToken({ ...order, token: await jwt({}, 20) }, source);
    expect(second.issued.token.expiresAtMs).toBe(Math.floor(clock.now() / 1000) * 1000 + 20_000);
    const principal = await identity.bySecret('robot', first.issued.secret, source);
    expect(principal.authentication).toMatchObject({ scope: { resources: ['orders', 'shop'] } });
    expect(principal.authentication).not.toHaveProperty('provenAtMs');
  });

  test('with a clock of its issuer’s that is behind, ends by ours', async () => {
    const token = await jwt({}, 30);
    clock.advance(45_000);
    await expect(identity.exchangeToken({ ...order, token }, source)).rejects.toMatchObject(refused);
  });

  test('is asked to be good for less, never for more', async () => {
    const token = await jwt();
    const less = await identity.exchangeToken({ ...order, token, resources: ['shop'] }, source);
    expect(less.issued.token.attributes.scope).toEqual({ resources: ['shop'] });
    const more = identity.exchangeToken({ ...order, token, resources: ['shop', 'vault'] }, source);
    await expect(more).rejects.toMatchObject({ code: 'identity.scope-exceeded' });
  });

  test('that several rules take is nobody’s, unless one is asked for', async () => {
    trust(rule('robot', { sub: 'repo:corp/shop' }), rule('other', { env: 'prod' }));
    const token = await jwt({ env: 'prod' });
    await expect(identity.exchangeToken({ ...order, token }, source)).rejects.toMatchObject(refused);
    const asked = await identity.exchangeToken({ ...order, token, principal: 'other' }, source);
    expect(asked.owner).toBe('other');
    await expect(identity.exchangeToken({ ...order, token, principal: 'ana' }, source)).rejects.toMatchObject(refused);
  });

  test('is a password and a bearer too, until it ends; one record is kept, and journaled once', async () => {
    const token = await jwt();
    const principal = await identity.bySecret('robot', token, source);
    expect(principal).toMatchObject({ name: 'robot', authentication: { scope: { resources: ['orders', 'shop'] } } });
    const again = await identity.bySecret('robot', token, '10.0.0.8');
    expect(again.authentication.credentialId).toBe(principal.authentication.credentialId);
    expect(taken.map((one) => one.source)).toEqual([source]);
    expect((await identity.byToken(token, source)).name).toBe('robot');
    await expect(identity.bySecret('other', token, source)).rejects.toMatchObject({ code: 'core.not-authenticated' });
    expect(JSON.stringify([...records.rows.values()])).not.toContain(token);
    clock.advance(600_000);
    await expect(identity.bySecret('robot', token, source)).rejects.toMatchObject({ code: 'core.not-authenticated' });
  });

  test('is refused once its record is revoked, on every gateway', async () => {
    const token = await jwt();
    const { authentication } = await identity.bySecret('robot', token, source);
    await identity.revokeToken(authentication.credentialId!);
    await expect(identity.bySecret('robot', token, source)).rejects.toMatchObject({ code: 'core.not-authenticated' });
  });

  test('and all that came of it ends with its rule, be it gone or changed', async () => {
    const token = await jwt();
    const { issued } = await identity.exchangeToken({ ...order, token }, source);
    await identity.bySecret('robot', token, source);
    trust(rule('robot', { sub: 'repo:corp/shop' }, { resources: ['orders'] }));
    for (const secret of [token, issued.secret]) {
      await expect(identity.bySecret('robot', secret, source)).rejects.toMatchObject({
        code: 'core.not-authenticated',
      });
    }
  });

  test('that cannot be written down is not taken', async () => {
    journalFails = true;
    const token = await jwt();
    await expect(identity.bySecret('robot', token, source)).rejects.toThrow('the journal is full');
    journalFails = false;
    await expect(identity.bySecret('robot', token, source)).rejects.toMatchObject({ code: 'core.not-authenticated' });
  });

  test('A-ID-10: failures count for who sends them', async () => {
    for (let attempt = 0; attempt <= limits.freeFailures + 1; attempt++) {
      await identity.exchangeToken({ ...order, principal: 'robot', token: 'eyJ.x.y' }, source).catch(() => undefined);
    }
    const late = identity.exchangeToken({ ...order, principal: 'robot', token: await jwt() }, source);
    await expect(late).rejects.toMatchObject({ code: 'core.throttled' });
  });
});

describe('an agent', () => {
  async function person(): Promise<Principal> {
    const { secret } = await identity.issueToken({ owner: 'ana', label: '', createdBy: 'ana', source: 'sign-on' });
    return identity.byToken(secret, source);
  }
  const asked = { resources: null, lifetimeMs: null, label: '' };
  const acting = async (principal: Principal, agent: string | Principal, more: object = {}): Promise<Principal> =>
    identity.byToken((await identity.delegateToken({ ...asked, principal, agent, ...more })).secret, source);

  test('acts for a person, and others for it; resources only narrow, and nothing outlives what it rests on', async () => {
    const ana = await person();
    const first = await acting(ana, 'agent-0', { resources: ['orders', 'shop'], lifetimeMs: 3_600_000 });
    expect(first.authentication.actors?.map(({ name }) => name)).toEqual(['agent-0']);
    const second = await acting(first, 'agent-1', { resources: ['orders'], lifetimeMs: 7_200_000 });
    expect(second).toMatchObject({ name: 'ana', authentication: { scope: { resources: ['orders'] } } });
    expect(second.authentication.actors?.map(({ name }) => name)).toEqual(['agent-1', 'agent-0']);
    const [a, b] = await Promise.all(
      [first, second].map((one) => identity.findToken(one.authentication.credentialId!)),
    );
    expect(b!.expiresAtMs).toBe(a!.expiresAtMs);
    const beyond = identity.delegateToken({ ...asked, principal: second, agent: 'agent-2', resources: ['shop'] });
    await expect(beyond).rejects.toMatchObject({ code: 'identity.scope-exceeded' });
    // Whoever asks by SCRAM or by certificate is no other than who asks in clear.
    expect(first.authentication).not.toHaveProperty('provenAtMs');
  });

  test('acts once in a chain, and a chain has an end', async () => {
    let last = await person();
    for (let index = 0; index < limits.actorsMax; index++) last = await acting(last, `agent-${index}`);
    const more = identity.delegateToken({ ...asked, principal: last, agent: `agent-${limits.actorsMax}` });
    await expect(more).rejects.toMatchObject({ code: 'identity.chain-refused' });
    const twice = identity.delegateToken({
      ...asked,
      principal: await acting(await person(), 'agent-0'),
      agent: 'agent-0',
    });
    await expect(twice).rejects.toMatchObject({ code: 'identity.chain-refused' });
  });

  test('ends with the token that it rests on, and those that act for it', async () => {
    const ana = await person();
    const first = await acting(ana, 'agent-0');
    const second = await acting(first, 'agent-1');
    const gone: string[] = [];
    identity.onRevoked((id) => gone.push(id));
    await identity.revokeToken(ana.authentication.credentialId!);
    expect(gone.sort()).toEqual([ana, first, second].map((one) => one.authentication.credentialId!).sort());
  });

  test.each([
    ['that is disabled', () => people.set('agent-0', entry('agent-0', { kind: 'agent', disabled: true }))],
    ['that is gone', () => people.delete('agent-0')],
    ['that another has become', () => people.set('agent-0', entry('agent-0', { kind: 'agent', subject: 'else' }))],
    ['that is none any more', () => people.set('agent-0', entry('agent-0', { kind: 'service' }))],
  ])('%s acts no more', async (_, change) => {
    const { secret } = await identity.delegateToken({ ...asked, principal: await person(), agent: 'agent-0' });
    await identity.byToken(secret, source);
    change();
    await expect(identity.byToken(secret, source)).rejects.toMatchObject({ code: 'core.not-authenticated' });
  });

  test('is a principal of that kind', async () => {
    const ana = await person();
    for (const agent of ['robot', 'ana', 'nobody']) {
      const one = identity.delegateToken({ ...asked, principal: ana, agent });
      await expect(one).rejects.toMatchObject({ code: 'identity.not-an-agent' });
    }
  });
});

describe('a token in the place of another', () => {
  async function robots(more: object = {}): Promise<{ readonly id: string; readonly secret: string }> {
    const { token, secret } = await identity.issueToken({
      owner: 'robot',
      label: 'nightly',
      createdBy: 'admin',
      source: 'api',
      lifetimeMs: 7 * 86_400_000,
      attributes: { scope: { resources: ['orders'] } },
      ...more,
    });
    return { id: token.id, secret };
  }

  test('is as long and as narrow; the old one ends at once, sessions too', async () => {
    const old = await robots();
    clock.advance(86_400_000);
    const gone: string[] = [];
    identity.onRevoked((id) => gone.push(id));
    const { token, secret } = await identity.rotateToken(old.id, 0, 'admin');
    expect(gone).toEqual([old.id]);
    expect(token).toMatchObject({ label: 'nightly', createdBy: 'admin', expiresAtMs: clock.now() + 7 * 86_400_000 });
    const { authentication } = await identity.bySecret('robot', secret, source);
    expect(authentication).toMatchObject({ scope: { resources: ['orders'] }, issuedBy: 'admin' });
    await expect(identity.bySecret('robot', old.secret, source)).rejects.toMatchObject({
      code: 'core.not-authenticated',
    });
  });

  test('stands beside the old one for the overlap, to the millisecond', async () => {
    const old = await robots();
    await identity.rotateToken(old.id, 600_000, 'admin');
    clock.advance(599_999);
    await identity.bySecret('robot', old.secret, source);
    const gone: string[] = [];
    identity.onRevoked((id) => gone.push(id));
    clock.advance(1);
    await vi.waitFor(() => expect(gone).toEqual([old.id]));
    await expect(identity.bySecret('robot', old.secret, source)).rejects.toMatchObject({
      code: 'core.not-authenticated',
    });
  });

  test('is not had of a sign-on, an exchange, a delegation, or what has ended', async () => {
    const ended = await robots();
    await identity.revokeToken(ended.id);
    const { issued } = await identity.exchangeToken({ ...order, token: await jwt() }, source);
    const signOn = await robots({ owner: 'ana', createdBy: 'ana', source: 'sign-on' });
    for (const id of [ended.id, issued.token.id, signOn.id, 'tok_none']) {
      await expect(identity.rotateToken(id, 0, 'admin')).rejects.toMatchObject({ code: 'identity.not-rotatable' });
    }
  });
});
