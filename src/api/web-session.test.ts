/** A-ID-07, A-ID-08: what the cookie of a web session is good for, and what it is not. */
import { afterAll, describe, expect, test } from 'vitest';
import { type Running, start } from './fixtures/fakes.ts';
import { cookieOf, setCookie, webCookie, webSecretOf } from './web-session.ts';

const open: Running[] = [];
afterAll(() => Promise.all(open.map((running) => running.close())));

async function fresh(): Promise<Running> {
  const running = await start();
  open.push(running);
  return running;
}

const cookie = 'sallyport=web-of-alice';

describe('A-ID-08: the cookie', () => {
  test('its flags', () => {
    expect(webCookie('s', 60.9, 'https')).toEqual([
      'Set-Cookie',
      '__Host-sallyport=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure',
    ]);
    expect(webCookie(null, 60, 'http')[1]).toBe('sallyport=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0');
    expect(setCookie('x', 'y', 1, 'http', 'None')[1]).toBe('x=y; Path=/; HttpOnly; SameSite=None; Max-Age=1; Secure');
  });

  test.each([
    ['a=1; sallyport=x; b=2', 'x'],
    ['sallyport=x; sallyport=y', null],
    ['sallyport=', null],
    ['sallyport=a b', null],
    ['notsallyport=x', null],
    [undefined, null],
  ])('%s is read as %s', (cookies, value) => {
    expect(cookieOf(cookies, 'sallyport')).toBe(value);
    expect(webSecretOf(cookies, 'http')).toBe(value);
    expect(webSecretOf(cookies, 'https')).toBeNull();
  });

  const cases: readonly [string, string, Record<string, string>, number][] = [
    ['GET', 'of no browser of today', {}, 200],
    ['GET', 'of the console’s own page', { 'sec-fetch-site': 'same-origin' }, 200],
    ['GET', 'of a person', { 'sec-fetch-site': 'none' }, 200],
    ['GET', 'of a sibling', { 'sec-fetch-site': 'same-site' }, 401],
    ['GET', 'of another site', { 'sec-fetch-site': 'cross-site' }, 401],
    ['POST', 'without a word of where from', {}, 401],
    ['POST', 'of a person, as no browser does', { 'sec-fetch-site': 'none' }, 401],
    ['POST', 'of the console’s own page', { 'sec-fetch-site': 'same-origin', origin: 'own' }, 204],
    ['POST', 'of an older browser’s own page', { origin: 'own' }, 204],
    ['POST', 'of another origin', { origin: 'https://evil.example' }, 403],
    ['POST', 'of an opaque origin', { origin: 'null' }, 403],
    ['POST', 'of a sibling, its origin forged', { 'sec-fetch-site': 'same-site', origin: 'own' }, 401],
  ];
  for (const [method, what, headers, status] of cases) {
    test(`${method} ${what}`, async () => {
      const running = await fresh();
      const own = { ...headers, ...(headers['origin'] === 'own' ? { origin: running.url } : {}) };
      const path = method === 'GET' ? '/api/v1/whoami' : '/api/v1/logout';
      expect((await running.call(method, path, null, { headers: { cookie, ...own } })).status).toBe(status);
    });
  }

  test('behind something that ends TLS it is that one’s origin that counts', async () => {
    const running = await start({ publicUrl: 'https://gate.example' });
    open.push(running);
    const call = (origin: string, name: string): Promise<{ status: number }> =>
      running.call('POST', '/api/v1/logout', null, { headers: { cookie: `${name}=web-of-alice`, origin } });
    expect((await call('https://gate.example', 'sallyport')).status).toBe(401);
    expect((await call('https://other.example', '__Host-sallyport')).status).toBe(403);
    expect((await call('https://gate.example', '__Host-sallyport')).status).toBe(204);
  });

  test('counts as no token, and a token as no cookie', async () => {
    const running = await fresh();
    const asToken = await running.call('GET', '/api/v1/whoami', null, {
      headers: { authorization: 'Bearer web-of-alice' },
    });
    expect(asToken.status).toBe(401);
    const asCookie = await running.call('GET', '/api/v1/whoami', null, {
      headers: { cookie: 'sallyport=token-of-alice' },
    });
    expect(asCookie.status).toBe(401);
  });
});

describe('A-ID-07: sessions of browsers', () => {
  test('a sign-on has a cookie of its own, whatever the browser had, and signing off takes it away', async () => {
    const running = await fresh();
    const before = { cookie: 'sallyport=fixed-by-somebody' };
    const answer = await running.call('POST', '/api/v1/web-session', null, {
      body: { principal: 'alice', password: 'alices-password' },
      headers: before,
    });
    expect(answer.headers.get('set-cookie')).toMatch(
      /^sallyport=secret-of-tok_new\d+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=3600$/,
    );
    expect(answer.text).not.toContain('secret-of');
    const off = await running.call('DELETE', '/api/v1/web-session', null, { headers: { cookie, origin: running.url } });
    expect(off.headers.get('set-cookie')).toMatch(/^sallyport=; .*Max-Age=0/);
    expect((await running.call('GET', '/api/v1/whoami', null, { headers: { cookie } })).status).toBe(401);
  });

  test('by a provider: the cookie of the way goes, that of the session comes', async () => {
    const running = await fresh();
    const begun = await running.call('GET', '/sign-on/corp', null);
    expect(begun.headers.get('location')).toBe('https://idp.example/authorize?state=s');
    expect(begun.headers.get('set-cookie')).toMatch(/^sallyport-sign-on=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax/);
    const done = await running.call('GET', '/sign-on/corp/callback?code=good', null);
    expect(done.headers.get('location')).toBe('/');
    const cookies = done.headers.getSetCookie();
    expect(cookies[0]).toMatch(/^sallyport=secret-of-tok_new/);
    expect(cookies[1]).toMatch(/^sallyport-sign-on=; .*Max-Age=0/);
    expect(running.world.eventsOf('identity.signed-on')).toMatchObject([{ method: 'oidc' }]);
  });

  test('A-ID-09: what a provider is sent stands escaped, and goes nowhere else', async () => {
    const running = await fresh();
    const begun = await running.call('GET', '/sign-on/forms', null);
    expect(begun.text).not.toContain('x"><script>');
    expect(begun.headers.get('content-security-policy')).toContain('form-action https://idp.example');
    expect(begun.headers.get('set-cookie')).toMatch(/SameSite=None.*Secure/);
    const failed = await running.call('GET', '/sign-on/corp/callback?code=bad', null);
    expect(failed.status).toBe(403);
    expect(failed.text).toContain('Not signed on');
    expect(running.world.eventsOf('identity.refused')).toMatchObject([{ login: 'corp:' }]);
  });
});
