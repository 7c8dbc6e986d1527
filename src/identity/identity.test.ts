/** The proofs, over in-memory stand-ins for the store (testing/memory.ts); argon2, SCRAM and the clock's rules are real. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { isGatewayError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { createScramClient } from '../base/scram.ts';
import { coreErrors } from '../core/errors.ts';
import type { Principal } from '../core/principal.ts';
import { createIdentity } from './identity.ts';
import * as limits from './limits.ts';
import type { Identity } from './parts.ts';
import { isTokenSecret, newTokenSecret } from './secret.ts';
import { MemoryDirectory, MemoryPasswords, MemoryTokens } from './testing/memory.ts';

const source = '10.0.0.1';

function make() {
  const clock = new FakeClock();
  const tokens = new MemoryTokens();
  const passwords = new MemoryPasswords();
  const directory = new MemoryDirectory();
  directory.put('anna', { groups: ['engineering'], roles: ['member', 'auditor'] });
  directory.put('bert');
  const serverSecret = Buffer.alloc(32, 3);
  const identity = createIdentity({ clock, log: silentLog, tokens, passwords, directory, serverSecret });
  const issue = async (owner = 'anna', lifetimeMs?: number) => {
    const more = lifetimeMs === undefined ? {} : { lifetimeMs };
    return identity.issueToken({ owner, label: 'laptop', createdBy: owner, source, ...more });
  };
  return { clock, tokens, passwords, directory, identity, issue };
}

/** Code, public message and kind: all that a client can learn of a refusal. */
async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; message: string; kind: string }> {
  try {
    await promise;
  } catch (error) {
    if (isGatewayError(error)) return { code: error.code, message: error.publicMessage, kind: error.kind };
    throw error;
  }
  throw new Error('expected a refusal');
}

const uniform = (() => {
  const { code, publicMessage, kind } = coreErrors('core.not-authenticated');
  return { code, message: publicMessage, kind };
})();

/** Runs SCRAM with `secret`; the principal, or null where the proof was refused. */
async function scram(
  identity: Identity,
  login: string,
  secret: string,
  before?: () => void | Promise<void>,
): Promise<Principal | null> {
  const identification = await identity.byScram(login, source);
  const client = createScramClient({ password: secret, channelBinding: null });
  const final = await client.final(identification.exchange.first(client.first(), null));
  await before?.();
  const answer = identification.exchange.final(final);
  if (answer === null) {
    expect(() => identification.principal()).toThrow('base.assertion');
    return null;
  }
  client.verify(answer);
  return identification.principal();
}

describe('the form of a token', () => {
  test('prefix, 160 bits, checksum', () => {
    const secret = newTokenSecret();
    expect(secret).toMatch(/^sp_[0-9a-hjkmnp-tv-z]{38}$/);
    expect(isTokenSecret(secret)).toBe(true);
    expect(newTokenSecret()).not.toBe(secret);
  });

  test('every change of one character is noticed; so are case, spaces and cuts', () => {
    const secret = newTokenSecret();
    for (let at = 0; at < secret.length; at++) {
      const other = secret[at] === 'a' ? 'b' : 'a';
      expect(isTokenSecret(secret.slice(0, at) + other + secret.slice(at + 1))).toBe(false);
    }
    for (const text of [secret.toUpperCase(), `${secret} `, `${secret}\n`, secret.slice(0, -1), `${secret}a`, '']) {
      expect(isTokenSecret(text)).toBe(false);
    }
  });
});

describe('a token proves its owner', () => {
  test('in clear, by SCRAM and as a bearer: principal with groups and roles of now', async () => {
    const { identity, issue, directory, tokens, clock } = make();
    const { secret, token } = await issue();
    directory.put('anna', { groups: ['engineering', 'on-call'] });
    const expected = {
      id: 'prn_anna',
      issuer: 'local',
      subject: 'anna',
      name: 'anna',
      kind: 'person',
      groups: ['engineering', 'on-call'],
      roles: ['member'],
      authentication: { method: 'token', credentialId: token.id, atMs: clock.now() },
    };
    expect(await identity.bySecret('anna', secret, source)).toEqual(expected);
    expect(await scram(identity, 'anna', secret)).toEqual(expected);
    expect(await identity.byToken(secret, source)).toEqual(expected);
    expect(tokens.touched).toEqual([token.id, token.id, token.id]);
  });

  test('I4: of several live tokens, SCRAM names the one whose proof succeeded', async () => {
    const { identity, issue } = make();
    const all = [await issue(), await issue(), await issue()];
    for (const { secret, token } of all) {
      expect((await scram(identity, 'anna', secret))?.authentication.credentialId).toBe(token.id);
    }
  });

  test('a principal cannot be changed by who holds it', async () => {
    const { identity, issue } = make();
    const principal = await identity.byToken((await issue()).secret, source);
    expect(() => (principal.groups as string[]).push('dba')).toThrow(TypeError);
    expect(() => Object.assign(principal, { name: 'bert' })).toThrow(TypeError);
  });

  test('the name counts case, and another owner is refused', async () => {
    const { identity, issue } = make();
    const { secret } = await issue();
    for (const login of ['Anna', 'bert', 'anna ', '', 'anna+orders', 'nobody', 'x'.repeat(10_000), 'a\0', 'аnna']) {
      expect(await refusalOf(identity.bySecret(login, secret, `${source}${login.length}`))).toEqual(uniform);
      expect(await scram(identity, login, secret)).toBeNull();
    }
  });
});

describe('what is kept of a token', () => {
  test('A-ID-11: its digest and SCRAM keys; the list has neither', async () => {
    const { identity, issue, tokens } = make();
    const { secret, token } = await issue();
    const row = tokens.rows.get(token.id)!;
    expect(row.hash).toBe(createHash('sha256').update(secret).digest('hex'));
    expect(JSON.stringify(row)).not.toContain(secret.slice(3));
    for (const summary of [
      token,
      ...(await identity.listTokens('anna', { limit: 10 })),
      await identity.findToken(token.id),
    ]) {
      expect(summary).toEqual({
        id: token.id,
        owner: 'anna',
        label: 'laptop',
        createdAtMs: row.createdAtMs,
        expiresAtMs: row.createdAtMs + limits.tokenLifetimeDefaultMs,
        revokedAtMs: null,
        lastUsedAtMs: null,
        createdBy: 'anna',
        source,
        attributes: { principal: row.attributes.principal },
        state: 'live',
      });
    }
    expect(await identity.findToken('tok_none')).toBeNull();
  });

  test('lists of one and of all, with states', async () => {
    const { identity, issue, clock } = make();
    const short = await issue('anna', limits.tokenLifetimeMinMs);
    clock.advance(1);
    const revoked = await issue('anna');
    clock.advance(limits.tokenLifetimeMinMs);
    const live = await issue('bert');
    await identity.revokeToken(revoked.token.id);
    const states = (list: readonly { id: string; state: string }[]) => list.map(({ id, state }) => [id, state]);
    expect(states(await identity.listTokens('anna', { limit: 10 }))).toEqual([
      [revoked.token.id, 'revoked'],
      [short.token.id, 'expired'],
    ]);
    expect(states(await identity.listTokens(null, { limit: 1 }))).toEqual([[live.token.id, 'live']]);
  });

  test('requests at the limits and one past', async () => {
    const { identity, directory } = make();
    const request = { owner: 'anna', label: '', createdBy: 'admin', source };
    const { tokenLifetimeMinMs: least, tokenLifetimeMaxMs: most, tokenLabelBytesMax } = limits;
    for (const lifetimeMs of [least, most]) await identity.issueToken({ ...request, lifetimeMs });
    for (const lifetimeMs of [least - 1, most + 1, Number.NaN, least + 0.5, Number.POSITIVE_INFINITY]) {
      expect((await refusalOf(identity.issueToken({ ...request, lifetimeMs }))).code).toBe('identity.invalid-lifetime');
    }
    await identity.issueToken({ ...request, label: 'x'.repeat(tokenLabelBytesMax) });
    for (const label of [
      'x'.repeat(tokenLabelBytesMax + 1),
      'é'.repeat(tokenLabelBytesMax),
      'a\nb',
      '\u001b[2J',
      '\ud800',
    ]) {
      expect((await refusalOf(identity.issueToken({ ...request, label }))).code).toBe('identity.invalid-label');
    }
    expect((await refusalOf(identity.issueToken({ ...request, owner: 'nobody' }))).code).toBe(
      'identity.unknown-principal',
    );
    directory.put('anna', { disabled: true });
    expect((await refusalOf(identity.issueToken(request))).code).toBe('identity.unknown-principal');
  });

  test('a service’s token may last longer than a person’s or an agent’s, to its own limit', async () => {
    const { identity, directory } = make();
    const request = { owner: 'anna', label: '', createdBy: 'admin', source };
    const { tokenLifetimeMaxMs: most, serviceTokenLifetimeMaxMs: serviceMost } = limits;
    directory.put('anna', { kind: 'service' });
    const { token } = await identity.issueToken({ ...request, lifetimeMs: serviceMost });
    expect(token.expiresAtMs - token.createdAtMs).toBe(serviceMost);
    const past = identity.issueToken({ ...request, lifetimeMs: serviceMost + 1 });
    expect((await refusalOf(past)).code).toBe('identity.invalid-lifetime');
    for (const kind of ['person', 'agent'] as const) {
      directory.put('anna', { kind });
      const long = identity.issueToken({ ...request, lifetimeMs: most + 1 });
      expect((await refusalOf(long)).code).toBe('identity.invalid-lifetime');
    }
  });

  test('who is disabled or removed while a token is being made gets none', async () => {
    const { identity, directory, tokens, issue } = make();
    tokens.afterRead = async () => directory.put('anna', { disabled: true });
    expect((await refusalOf(issue('anna'))).code).toBe('identity.unknown-principal');
    tokens.afterRead = async () => void directory.entries.delete('bert');
    expect((await refusalOf(issue('bert'))).code).toBe('identity.unknown-principal');
    expect(await identity.listTokens(null, { limit: 10 })).toEqual([]);
  });

  test('a principal has so many live tokens at most; all of them work by SCRAM', async () => {
    const { identity, issue, clock } = make();
    const first = await issue('anna', limits.tokenLifetimeMinMs);
    for (let i = 1; i < limits.tokensPerOwnerMax; i++) await issue();
    expect((await refusalOf(issue())).code).toBe('identity.too-many-tokens');
    expect((await scram(identity, 'anna', first.secret))?.authentication.credentialId).toBe(first.token.id);
    clock.advance(limits.tokenLifetimeMinMs);
    await issue();
  });
});

describe('expiry', () => {
  test('is exact', async () => {
    const { identity, issue, clock } = make();
    const { secret } = await issue('anna', limits.tokenLifetimeMinMs);
    clock.advance(limits.tokenLifetimeMinMs - 1);
    await identity.bySecret('anna', secret, source);
    expect(await scram(identity, 'anna', secret)).not.toBeNull();
    clock.advance(1);
    expect(await refusalOf(identity.bySecret('anna', secret, source))).toEqual(uniform);
    expect(await refusalOf(identity.byToken(secret, source))).toEqual(uniform);
    expect(await scram(identity, 'anna', secret)).toBeNull();
  });

  test('during the SCRAM exchange counts', async () => {
    const { identity, issue, clock } = make();
    const { secret } = await issue('anna', limits.tokenLifetimeMinMs);
    clock.advance(limits.tokenLifetimeMinMs - 10);
    expect(await scram(identity, 'anna', secret, () => clock.advance(10))).toBeNull();
  });

  test('A-ID-03, F-15: a token from the future is refused beyond a minute of skew', async () => {
    const { identity, issue, clock } = make();
    const { secret } = await issue();
    clock.stepWall(-limits.clockSkewMs);
    await identity.byToken(secret, source);
    clock.stepWall(-1);
    expect(await refusalOf(identity.byToken(secret, source))).toEqual(uniform);
    expect(await scram(identity, 'anna', secret)).toBeNull();
  });

  test('a SCRAM exchange that lasts too long fails', async () => {
    const { identity, issue, clock } = make();
    const { secret } = await issue();
    expect(await scram(identity, 'anna', secret, () => clock.advance(limits.scramExchangeMaxMs))).not.toBeNull();
    expect(await scram(identity, 'anna', secret, () => clock.advance(limits.scramExchangeMaxMs + 1))).toBeNull();
  });
});

describe('revocation', () => {
  test('holds at once, is told once, and is idempotent', async () => {
    const { identity, issue, tokens } = make();
    const told: string[] = [];
    const stop = identity.onRevoked((id) => told.push(id));
    const [one, two, three] = [await issue(), await issue(), await issue('bert')];
    expect((await identity.revokeToken(one.token.id))?.state).toBe('revoked');
    await identity.revokeToken(one.token.id);
    expect(told).toEqual([one.token.id]);
    expect(await refusalOf(identity.bySecret('anna', one.secret, source))).toEqual(uniform);
    expect(await scram(identity, 'anna', one.secret)).toBeNull();
    expect(await identity.revokeTokensOf('anna')).toEqual([two.token.id]);
    expect(await refusalOf(identity.byToken(two.secret, source))).toEqual(uniform);
    await identity.bySecret('bert', three.secret, source);
    expect(await identity.revokeToken('tok_none')).toBeNull();
    expect(await identity.revokedAmong([one.token.id, three.token.id, 'tok_none'])).toEqual([one.token.id, 'tok_none']);
    stop();
    await identity.revokeToken(three.token.id);
    expect(told).toEqual([one.token.id, two.token.id]);
    identity.close();
    expect(tokens.listeners).toBe(0);
  });

  test('in the middle of a SCRAM exchange, here or by another gateway', async () => {
    const { identity, issue, tokens } = make();
    const [one, two, other] = [await issue(), await issue(), await issue()];
    expect(
      await scram(identity, 'anna', one.secret, async () => void (await identity.revokeToken(one.token.id))),
    ).toBeNull();
    const notice = () => tokens.notify({ type: 'revoked', ids: [two.token.id] });
    expect(await scram(identity, 'anna', two.secret, notice)).toBeNull();
    // The revocation of one token is nothing to another.
    const revokeTwo = async () => void (await identity.revokeToken(two.token.id));
    expect(await scram(identity, 'anna', other.secret, revokeTwo)).not.toBeNull();
  });

  test('I11: made here, it does not wait for the store to tell of it', async () => {
    const { identity, issue, tokens } = make();
    const told: string[] = [];
    identity.onRevoked((id) => told.push(id));
    const [one, two] = [await issue(), await issue()];
    tokens.tells = false;
    await identity.revokeToken(one.token.id);
    expect(told).toEqual([one.token.id]);
    await identity.revokeTokensOf('anna');
    expect(told).toEqual([one.token.id, two.token.id]);
  });

  test('between reading a token and answering', async () => {
    const { identity, issue, tokens } = make();
    const { secret, token } = await issue();
    tokens.afterRead = async () => void (await identity.revokeToken(token.id));
    expect(await refusalOf(identity.bySecret('anna', secret, source))).toEqual(uniform);
  });

  test('where notices may have been missed, proofs under way fail and later ones do not', async () => {
    const { identity, issue, tokens } = make();
    const { secret } = await issue();
    let resyncs = 0;
    identity.onResync(() => resyncs++);
    expect(await scram(identity, 'anna', secret, () => tokens.notify({ type: 'resync' }))).toBeNull();
    expect(resyncs).toBe(1);
    expect(await scram(identity, 'anna', secret)).not.toBeNull();
  });

  test('I6: more revocations than are remembered fail the proofs under way instead of passing one', async () => {
    const { identity, issue, tokens } = make();
    const { secret, token } = await issue();
    const flood = () =>
      tokens.notify({
        type: 'revoked',
        ids: [token.id, ...Array.from({ length: limits.recentRevocationsMax }, (_, i) => `tok_${i}`)],
      });
    expect(await scram(identity, 'anna', secret, flood)).toBeNull();
  });
});

describe('a disabled or removed principal', () => {
  test('is refused like an unknown one, in the middle of an exchange too', async () => {
    const { identity, issue, directory } = make();
    const { secret } = await issue();
    expect(await scram(identity, 'anna', secret, () => directory.put('anna', { disabled: true }))).toBeNull();
    expect(await refusalOf(identity.bySecret('anna', secret, source))).toEqual(uniform);
    expect(await refusalOf(identity.byToken(secret, source))).toEqual(uniform);
    expect(await scram(identity, 'anna', secret)).toBeNull();
    directory.put('anna');
    expect(await scram(identity, 'anna', secret, () => void directory.entries.delete('anna'))).toBeNull();
    expect(await refusalOf(identity.byToken(secret, source))).toEqual(uniform);
  });

  test('A-ID-10: the exchange of an unknown login looks like any other, and stays the same', async () => {
    const { identity, issue, tokens, directory } = make();
    await issue();
    directory.put('off', { disabled: true });
    const lookOf = async (login: string) => {
      tokens.calls.length = 0;
      const { exchange } = await identity.byScram(login, source);
      const message = exchange.first('n,,n=,r=abc', null);
      expect(tokens.calls).toEqual(['liveByOwner']);
      const [nonce, salt, iterations] = message.split(',');
      return { nonce: nonce!.length, saltLength: salt!.length, salt, iterations };
    };
    const known = await lookOf('anna');
    for (const login of ['nobody', 'off', 'bert', '+', '']) {
      const look = await lookOf(login);
      expect(look).toEqual({ ...known, salt: look.salt });
      expect(look.salt).not.toBe(known.salt);
      expect(await lookOf(login)).toEqual(look);
    }
  });
});

describe('throttling', () => {
  test('A-ID-10: failures by SCRAM and in clear add up; success clears them; unknown logins alike', async () => {
    for (const login of ['anna', 'nobody']) {
      const { identity, clock } = make();
      for (let i = 0; i <= limits.freeFailures; i++) {
        if (i % 2 === 0) expect(await scram(identity, login, newTokenSecret())).toBeNull();
        else expect(await refusalOf(identity.bySecret(login, newTokenSecret(), source))).toEqual(uniform);
      }
      expect(await refusalOf(identity.byScram(login, source))).toMatchObject({
        code: 'core.throttled',
        kind: 'denial',
      });
      expect((await refusalOf(identity.bySecret(login, 'x', source))).message).toContain('Wait 1 seconds');
      clock.advance(1000);
      expect(await refusalOf(identity.bySecret(login, 'x', source))).toEqual(uniform);
    }
  });

  test('a valid token waits like any other, then clears the count', async () => {
    const { identity, issue, clock } = make();
    const { secret } = await issue();
    for (let i = 0; i <= limits.freeFailures; i++) await refusalOf(identity.bySecret('anna', 'x', source));
    expect((await refusalOf(identity.bySecret('anna', secret, source))).code).toBe('core.throttled');
    // From elsewhere nobody is locked out.
    await identity.bySecret('anna', secret, '10.0.0.2');
    clock.advance(1000);
    await identity.bySecret('anna', secret, source);
    for (let i = 0; i < limits.freeFailures; i++) await refusalOf(identity.bySecret('anna', 'x', source));
    await identity.bySecret('anna', secret, source);
  });

  test('a message that breaks the exchange counts', async () => {
    const { identity } = make();
    for (let i = 0; i <= limits.freeFailures; i++) {
      const { exchange } = await identity.byScram('anna', source);
      expect(() => exchange.first('n,a=admin,n=,r=abc', null)).toThrow('base.scram');
    }
    expect((await refusalOf(identity.byScram('anna', source))).code).toBe('core.throttled');
  });

  test('many connections at once with a good token are not slowed', async () => {
    const { identity, issue } = make();
    const { secret } = await issue();
    const all = await Promise.all(Array.from({ length: 150 }, () => identity.bySecret('anna', secret, source)));
    expect(all).toHaveLength(150);
  });

  test('bearers are throttled by source', async () => {
    const { identity, issue, clock } = make();
    const { secret } = await issue();
    for (let i = 0; i < limits.sourceFailuresMax; i++) await refusalOf(identity.byToken('x', source));
    expect((await refusalOf(identity.byToken(secret, source))).code).toBe('core.throttled');
    await identity.byToken(secret, '10.0.0.2');
    clock.advance(limits.sourceRefillMs);
    await identity.byToken(secret, source);
  });

  test('an over-long secret is refused unread', async () => {
    const { identity, tokens } = make();
    tokens.calls.length = 0;
    expect(await refusalOf(identity.byToken('x'.repeat(limits.secretLengthMax + 1), source))).toEqual(uniform);
    expect(tokens.calls).toEqual([]);
  });
});

describe('sign-in by password', () => {
  const password = 'correct horse battery';

  test('gives a principal without a credential id', async () => {
    const { identity, clock } = make();
    await identity.setPassword('anna', password);
    const principal = await identity.byPassword('anna', password, source);
    expect(principal.authentication).toEqual({
      method: 'password',
      credentialId: null,
      atMs: clock.now(),
      provenAtMs: clock.now(),
    });
    expect(principal.groups).toEqual(['engineering']);
    expect(await identity.clearPassword('anna')).toBe(true);
    expect(await refusalOf(identity.byPassword('anna', password, source))).toEqual(uniform);
  });

  test('A-ID-10: unknown, disabled, without password and wrong are one answer', async () => {
    const { identity, directory } = make();
    await identity.setPassword('anna', password);
    directory.put('off');
    await identity.setPassword('off', password);
    directory.put('off', { disabled: true });
    for (const [login, guess] of [
      ['anna', 'wrong'],
      ['nobody', password],
      ['off', password],
      ['bert', password],
      ['ANNA', password],
      ['anna+orders', password],
    ] as const) {
      expect(await refusalOf(identity.byPassword(login, guess, source))).toEqual(uniform);
    }
  });

  test('a token is not a password, nor a password a token', async () => {
    const { identity, issue } = make();
    await identity.setPassword('anna', password);
    const { secret } = await issue();
    expect(await refusalOf(identity.byPassword('anna', secret, source))).toEqual(uniform);
    expect(await refusalOf(identity.bySecret('anna', password, source))).toEqual(uniform);
    expect(await scram(identity, 'anna', password)).toBeNull();
  });

  test('guesses in parallel are throttled; a store that fails is not a guess', async () => {
    const { identity, passwords } = make();
    passwords.failure = new Error('down');
    for (let i = 0; i < 3 * limits.freeFailures; i++) {
      await expect(identity.byPassword('anna', 'x', source)).rejects.toThrow('down');
    }
    passwords.failure = null;
    const codes = await Promise.all(
      Array.from({ length: 20 }, async () => (await refusalOf(identity.byPassword('anna', 'x', source))).code),
    );
    expect(codes.filter((code) => code === 'core.not-authenticated')).toHaveLength(limits.freeFailures + 1);
    expect(codes.filter((code) => code === 'core.throttled')).toHaveLength(20 - limits.freeFailures - 1);
  });
});

test('a short server secret is refused at start', () => {
  const parts = {
    clock: new FakeClock(),
    log: silentLog,
    tokens: new MemoryTokens(),
    passwords: new MemoryPasswords(),
    directory: new MemoryDirectory(),
  };
  expect(() => createIdentity({ ...parts, serverSecret: Buffer.alloc(31) })).toThrow('base.assertion');
});
