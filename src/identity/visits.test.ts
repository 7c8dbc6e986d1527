/** Visits: browsers handed over from the console to a resource's origin, from the link to the sign-off. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { createIdentity } from './identity.ts';
import * as limits from './limits.ts';
import { MemoryDirectory, MemoryPasswords, MemoryTokens } from './testing/memory.ts';
import { signOnSource } from './tokens.ts';
import { nonceDigest, returnPath, Visits, visitQuery } from './visits.ts';

const source = '10.0.0.1';
const nonce = 'n'.repeat(43);

function make(factors?: { hasFactor(owner: string): Promise<boolean> }) {
  const clock = new FakeClock();
  const tokens = new MemoryTokens();
  const directory = new MemoryDirectory();
  directory.put('anna', { groups: ['engineering'] });
  const identity = createIdentity({
    clock,
    log: silentLog,
    tokens,
    passwords: new MemoryPasswords(),
    directory,
    serverSecret: Buffer.alloc(32, 3),
    visitPage: () => 'https://gateway:15400/visit.html',
    ...(factors === undefined ? {} : { factors }),
  });
  const signOn = async (createdBy = 'anna', lifetimeMs = 8 * 3_600_000): Promise<string> => {
    const how = createdBy === 'anna' ? signOnSource : 'api';
    const { token } = await identity.issueToken({ owner: 'anna', label: '', createdBy, source: how, lifetimeMs });
    return token.id;
  };
  const begin = (tokenId: string, returnTo = '/') =>
    identity.beginVisit({ tokenId, resource: 'shop', nonce: nonceDigest(nonce), returnTo });
  const visit = async (tokenId: string) => {
    const { code } = await begin(tokenId);
    return identity.redeemVisit(code, nonce, 'shop', source);
  };
  const prove = (secret: string, resource = 'shop') => identity.byVisit(secret, resource, source);
  return { clock, tokens, directory, identity, signOn, begin, visit, prove };
}

const refused = { code: 'core.not-authenticated' };

describe('what a visit takes over of the sign-on before it', () => {
  const signedOn = async (made: ReturnType<typeof make>, provenAtMs: number, factors: readonly string[]) => {
    const attributes = { provenAtMs, factors };
    const order = { owner: 'anna', label: '', createdBy: 'anna', source: signOnSource, attributes };
    const { token } = await made.identity.issueToken(order);
    return (await made.visit(token.id)).principal.authentication;
  };

  test('is when the person proved themself, not when the token was made: a provider may say hours ago', async () => {
    const made = make();
    made.clock.advance(3_600_000);
    expect(await signedOn(made, 0, ['pwd'])).toMatchObject({ provenAtMs: 0 });
  });

  test('is no proof of now without the factor of who has one', async () => {
    const made = make({ hasFactor: async () => true });
    expect(await signedOn(made, made.clock.now(), ['pwd'])).not.toHaveProperty('provenAtMs');
    expect(await signedOn(made, made.clock.now(), ['pwd', 'otp', 'mfa'])).toHaveProperty('provenAtMs');
  });
});

describe('the link to the console', () => {
  test('names resource, domain and path, and carries the digest of the nonce only', () => {
    const { identity } = make();
    const link = new URL(
      identity.visitLink({ resource: 'shop', domain: 'localhost', returnTo: '/orders?id=7&x=%26', nonce }),
    );
    expect(link.href.startsWith('https://gateway:15400/visit.html#')).toBe(true);
    const told = new URLSearchParams(link.hash.slice(1));
    expect(Object.fromEntries(told)).toEqual({
      resource: 'shop',
      domain: 'localhost',
      nonce: nonceDigest(nonce),
      return: '/orders?id=7&x=%26',
    });
    expect(link.href).not.toContain(nonce);
    expect(nonceDigest(nonce)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test('open redirects: only a path of the origin is returned to', () => {
    const hostile = [
      'https://evil.example/',
      '//evil.example/',
      '/\\evil.example/',
      '/\t/evil.example/',
      '/a\\b',
      '\\/evil.example',
      'evil.example',
      'javascript:alert(1)',
      '/a b',
      '/a\r\nSet-Cookie: x=1',
      '/#fragment',
      '/.sallyport/sign-off',
      '/é',
      '',
      `/${'a'.repeat(limits.returnPathLengthMax)}`,
    ];
    for (const text of hostile) expect([text, returnPath(text)]).toEqual([text, '/']);
    const fine = ['/', '/a', '/a/b?c=d&e=%2F%2Fevil', '/a//b', `/${'a'.repeat(limits.returnPathLengthMax - 1)}`];
    for (const text of fine) {
      expect(returnPath(text)).toBe(text);
      expect(new URL(text, 'https://shop.localhost').host).toBe('shop.localhost');
    }
    expect(
      new URLSearchParams(visitQuery({ resource: 'shop', domain: 'd', returnTo: '//x', nonce })).get('return'),
    ).toBe('/');
  });
});

describe('the hand-over', () => {
  test('gives a visit that stands for the person with the groups of now, and the sign-on that it came from', async () => {
    const { clock, directory, identity, signOn, begin, prove } = make();
    const tokenId = await signOn();
    const provenAtMs = clock.now();
    clock.advance(1000);
    const { code } = await begin(tokenId, '/orders');
    const redeemed = await identity.redeemVisit(code, nonce, 'shop', source);
    expect(redeemed).toMatchObject({ returnTo: '/orders', principal: { name: 'anna', groups: ['engineering'] } });
    directory.put('anna', { groups: ['on-call'] });
    expect(await prove(redeemed.secret)).toMatchObject({
      name: 'anna',
      groups: ['on-call'],
      authentication: { method: 'visit', credentialId: tokenId, atMs: clock.now(), provenAtMs },
    });
    expect(redeemed.secret).toMatch(/^[0-9a-z]{52}$/);
  });

  test('is good once', async () => {
    const { identity, signOn, begin } = make();
    const { code } = await begin(await signOn());
    await identity.redeemVisit(code, nonce, 'shop', source);
    await expect(identity.redeemVisit(code, nonce, 'shop', source)).rejects.toMatchObject(refused);
  });

  test('login CSRF: is good for the browser that asked, and is used up by another that tries', async () => {
    const { identity, signOn, begin } = make();
    const { code } = await begin(await signOn());
    for (const other of ['m'.repeat(43), '', nonceDigest(nonce)]) {
      await expect(identity.redeemVisit(code, other, 'shop', source)).rejects.toMatchObject(refused);
    }
    await expect(identity.redeemVisit(code, nonce, 'shop', source)).rejects.toMatchObject(refused);
  });

  test('is good for one resource', async () => {
    const { identity, signOn, begin } = make();
    const { code } = await begin(await signOn());
    await expect(identity.redeemVisit(code, nonce, 'other', source)).rejects.toMatchObject(refused);
    await expect(identity.redeemVisit(code, nonce, 'shop', source)).rejects.toMatchObject(refused);
  });

  test('is good for a minute, to the millisecond', async () => {
    const { clock, identity, signOn, begin } = make();
    const tokenId = await signOn();
    const first = await begin(tokenId);
    clock.advance(limits.visitCodeLifetimeMs - 1);
    await identity.redeemVisit(first.code, nonce, 'shop', source);
    const second = await begin(tokenId);
    expect(second.expiresAtMs).toBe(clock.now() + limits.visitCodeLifetimeMs);
    clock.advance(limits.visitCodeLifetimeMs);
    await expect(identity.redeemVisit(second.code, nonce, 'shop', source)).rejects.toMatchObject(refused);
  });

  test('takes a token that is live, at both ends', async () => {
    const { clock, identity, signOn, begin } = make();
    const gone = await signOn();
    await identity.revokeToken(gone);
    await expect(begin(gone)).rejects.toMatchObject(refused);
    await expect(begin('tok_none')).rejects.toMatchObject(refused);
    const soon = await signOn();
    const { code } = await begin(soon);
    await identity.revokeToken(soon);
    await expect(identity.redeemVisit(code, nonce, 'shop', source)).rejects.toMatchObject(refused);
    const short = await signOn('anna', limits.tokenLifetimeMinMs);
    clock.advance(limits.tokenLifetimeMinMs);
    await expect(begin(short)).rejects.toMatchObject(refused);
  });

  test('A-REV-01: who issued the token may have it, and is named; such a token proves no person', async () => {
    const { signOn, visit } = make();
    const { principal } = await visit(await signOn('root'));
    expect(principal.authentication).toMatchObject({ method: 'visit', issuedBy: 'root' });
    expect(principal.authentication).not.toHaveProperty('provenAtMs');
  });

  test('guesses count for their source', async () => {
    const { identity, prove } = make();
    for (let i = 0; i < limits.sourceFailuresMax; i++) await expect(prove('x')).rejects.toMatchObject(refused);
    await expect(prove('x')).rejects.toMatchObject({ code: 'core.throttled' });
    await expect(identity.redeemVisit('x', nonce, 'shop', source)).rejects.toMatchObject({ code: 'core.throttled' });
  });
});

describe('a visit ends', () => {
  test('A-ID-07: it is another resource’s nowhere, and longer than the sign-on never', async () => {
    const { clock, signOn, visit, prove } = make();
    const { secret, expiresAtMs } = await visit(await signOn('anna', 3_600_000));
    await expect(prove(secret, 'other')).rejects.toMatchObject(refused);
    expect(expiresAtMs).toBe(clock.now() + 3_600_000);
    clock.advance(3_600_000 - 1);
    await prove(secret);
    clock.advance(1);
    await expect(prove(secret)).rejects.toMatchObject(refused);
  });

  test('after a working day at the latest', async () => {
    const { clock, signOn, visit } = make();
    const { expiresAtMs } = await visit(await signOn('anna', limits.tokenLifetimeMaxMs));
    expect(expiresAtMs).toBe(clock.now() + limits.visitLifetimeMaxMs);
  });

  test('A-ID-08: with the sign-on that it came from, here or at another gateway', async () => {
    const { identity, signOn, tokens, visit, prove } = make();
    const tokenId = await signOn();
    const [one, two] = [await visit(tokenId), await visit(tokenId)];
    const other = await visit(await signOn());
    await identity.revokeToken(tokenId);
    await expect(prove(one.secret)).rejects.toMatchObject(refused);
    await expect(prove(two.secret)).rejects.toMatchObject(refused);
    expect((await prove(other.secret)).name).toBe('anna');
    tokens.notify({ type: 'revoked', ids: [(await prove(other.secret)).authentication.credentialId ?? ''] });
    await expect(prove(other.secret)).rejects.toMatchObject(refused);
  });

  test('where a revocation was missed: every token is looked at again', async () => {
    const { clock, signOn, tokens, visit, prove } = make();
    const [kept, gone] = [await signOn(), await signOn()];
    const [one, two] = [await visit(kept), await visit(gone)];
    tokens.tells = false;
    await tokens.revoke(gone, clock.now());
    tokens.notify({ type: 'resync' });
    expect((await prove(one.secret)).name).toBe('anna');
    await expect(prove(two.secret)).rejects.toMatchObject(refused);
  });

  test('with its principal', async () => {
    const { directory, signOn, visit, prove } = make();
    const { secret } = await visit(await signOn());
    directory.put('anna', { disabled: true });
    await expect(prove(secret)).rejects.toMatchObject(refused);
    directory.entries.delete('anna');
    await expect(prove(secret)).rejects.toMatchObject(refused);
  });

  test('by signing off, and with it the sign-on and whatever else came from it', async () => {
    const { identity, signOn, visit, prove } = make();
    const tokenId = await signOn();
    const [one, two] = [await visit(tokenId), await visit(tokenId)];
    const revoked: string[] = [];
    identity.onRevoked((id) => revoked.push(id));
    expect(await identity.endVisit(one.secret, 'other')).toBeNull();
    expect(await identity.endVisit(one.secret, 'shop')).toMatchObject({ name: 'anna' });
    expect(revoked).toEqual([tokenId]);
    await expect(prove(one.secret)).rejects.toMatchObject(refused);
    await expect(prove(two.secret)).rejects.toMatchObject(refused);
    expect(await identity.endVisit(one.secret, 'shop')).toBeNull();
  });
});

describe('I6: nothing grows without a bound', () => {
  const order = { tokenId: 'tok_1', resource: 'shop', nonce: nonceDigest(nonce), returnTo: '/' };
  const token = { owner: 'anna', expiresAtMs: Number.MAX_SAFE_INTEGER, issuedBy: null, provenAtMs: null };

  test('codes: the oldest goes', () => {
    const visits = new Visits(new FakeClock());
    const codes = Array.from({ length: limits.visitCodesMax + 1 }, () => visits.begin(order, token).code);
    expect(visits.take(codes[0]!, nonce, 'shop')).toBeNull();
    expect(visits.take(codes[1]!, nonce, 'shop')).not.toBeNull();
  });

  test('visits of one principal: the oldest ends for the newest', () => {
    const visits = new Visits(new FakeClock());
    const open = (owner = 'anna'): string => {
      const { code } = visits.begin(order, { ...token, owner });
      return visits.open(visits.take(code, nonce, 'shop')!).secret;
    };
    const others = open('bert');
    const secrets = Array.from({ length: limits.visitsPerPrincipalMax + 1 }, () => open());
    expect(visits.find(secrets[0]!, 'shop')).toBeNull();
    expect(visits.find(secrets[1]!, 'shop')).not.toBeNull();
    expect(visits.find(others, 'shop')).not.toBeNull();
  });

  test('what is too long is not hashed', () => {
    const visits = new Visits(new FakeClock());
    const long = 'x'.repeat(limits.secretLengthMax + 1);
    expect(visits.take(long, nonce, 'shop')).toBeNull();
    expect(visits.take('x', long, 'shop')).toBeNull();
    expect(visits.find(long, 'shop')).toBeNull();
  });
});
