/**
 * A browser's sign-on at an origin, over TLS and through a whole gateway: what is sent to the console, what its cookie is
 * taken for, and what other sites can have a browser do with it (A-HTTP-09, A-HTTP-13).
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { coreErrors } from '../../core/errors.ts';
import {
  type CurlAnswer,
  curl,
  openRoom,
  principal,
  type Room,
  type RoomOptions,
  startTarget,
} from './room-testing.ts';

const secret = 'a'.repeat(52);
const code = 'code-of-the-console';
const nonce = 'n'.repeat(43);
const navigation = ['-H', 'Accept: text/html', '-H', 'Sec-Fetch-Mode: navigate', '-H', 'Sec-Fetch-Dest: document'];
const visit = ['-H', `Cookie: __Host-sallyport=${secret}`];

const closing: (() => Promise<void>)[] = [];
let opened: Room;
let seen: string[];
let asked: { resource: string; nonce: string; returnTo: string }[];
let ended: string[];
let visitor = { ...principal, authentication: { ...principal.authentication, method: 'visit' as const } };

async function room(options: Partial<RoomOptions> = {}): Promise<Room> {
  const target = await startTarget((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.cookie ?? ''}`.trimEnd());
    response.end('from the target');
  });
  closing.push(() => target.stop());
  const identification: RoomOptions['identification'] = {
    visitLink: (request) => {
      asked.push(request);
      return `https://console.test/visit.html#resource=${request.resource}`;
    },
    redeemVisit: async (given, held, resource) => {
      if (given !== code || held !== nonce || resource !== 'orders') throw coreErrors('core.not-authenticated');
      return { principal: visitor, secret, expiresAtMs: Date.now() + 3_600_500, returnTo: '/v1?a=b' };
    },
    byVisit: async (given, resource) => {
      if (given !== secret || resource !== 'orders') throw coreErrors('core.not-authenticated');
      return visitor;
    },
    endVisit: async (given) => {
      ended.push(given);
      return visitor;
    },
  };
  const made = await openRoom({ target, tlsRequired: true, identification, ...options });
  closing.push(() => made.close());
  return made;
}

beforeEach(async () => {
  [seen, asked, ended] = [[], [], []];
  visitor = { ...visitor };
  opened = await room();
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Without a token, over TLS. */
function ask(path: string, ...args: string[]): Promise<CurlAnswer> {
  const { host, port } = opened;
  return curl(`https://${host}:${port}${path}`, '--resolve', `${host}:${port}:127.0.0.1`, '-k', '--anonymous', ...args);
}

const own = (): string => `https://${opened.host}:${opened.port}`;
const setCookies = ({ heads }: CurlAnswer): string[] =>
  [...heads.matchAll(/^set-cookie: ([^\r\n]*)/gim)].map(([, value]) => value!);

describe('the way to the console and back', () => {
  test('a navigation is sent there, with a nonce of its own, and nothing reaches the target', async () => {
    const answer = await ask('/v1/orders?x=%26', ...navigation);
    expect(answer.status).toBe(303);
    expect(answer.heads).toMatch(/^location: https:\/\/console\.test\/visit\.html#resource=orders\r$/im);
    expect(answer.heads).toMatch(/^cache-control: no-store\r$/im);
    expect(answer.heads).toMatch(/^referrer-policy: no-referrer\r$/im);
    const cookies = setCookies(answer);
    expect(cookies).toHaveLength(1);
    expect(cookies[0]).toMatch(
      /^__Host-sallyport-nonce=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/,
    );
    expect(asked).toMatchObject([
      { resource: 'orders', returnTo: '/v1/orders?x=%26', nonce: /=([^;]*)/.exec(cookies[0]!)![1] },
    ]);
    expect(seen).toEqual([]);
  });

  test('two pages sign on side by side: a nonce that has the form stays, another is replaced', async () => {
    const kept = await ask('/', ...navigation, '-H', `Cookie: __Host-sallyport-nonce=${nonce}`);
    expect(setCookies(kept)[0]).toContain(`__Host-sallyport-nonce=${nonce};`);
    for (const wrong of [nonce.slice(1), `${nonce}n`, `${nonce.slice(1)}+`]) {
      const answer = await ask('/', ...navigation, '-H', `Cookie: __Host-sallyport-nonce=${wrong}`);
      expect(setCookies(answer)[0]).not.toContain(`=${wrong};`);
    }
    expect(asked.map((one) => one.nonce === nonce)).toEqual([true, false, false, false]);
  });

  test('a cookie that stands for nobody is taken back with the redirect', async () => {
    const answer = await ask('/', ...navigation, '-H', 'Cookie: __Host-sallyport=gone');
    expect(answer.status).toBe(303);
    expect(setCookies(answer)).toEqual([
      expect.stringContaining('__Host-sallyport-nonce='),
      '__Host-sallyport=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure',
    ]);
  });

  test.each([
    ['a program', ['-H', 'Accept: */*']],
    ['a script of a page', ['-H', 'Accept: text/html', '-H', 'Sec-Fetch-Mode: cors', '-H', 'Sec-Fetch-Dest: empty']],
    ['a frame', ['-H', 'Accept: text/html', '-H', 'Sec-Fetch-Mode: navigate', '-H', 'Sec-Fetch-Dest: iframe']],
    ['a form', ['-X', 'POST', ...navigation]],
    ['a token that is none', [...navigation, '-H', 'Authorization: Bearer nobody', ...visit]],
  ])('%s hears 401 and is sent nowhere', async (_what, args) => {
    const answer = await ask('/', ...args);
    expect(answer.status).toBe(401);
    expect(answer.heads).toMatch(/^www-authenticate: Bearer realm="Sallyport"\r$/im);
    // A browser would put up its own dialogue.
    expect(/^www-authenticate: Basic/im.test(answer.heads)).toBe(!/Sec-Fetch/.test(args.join()));
    expect(setCookies(answer)).toEqual([]);
    expect(seen).toEqual([]);
  });

  test('a code is taken with its nonce, and the cookie stands for the person from then on', async () => {
    const answer = await ask(`/.sallyport/visit?code=${code}`, '-H', `Cookie: __Host-sallyport-nonce=${nonce}`);
    expect(answer.status).toBe(303);
    expect(answer.heads).toMatch(/^location: \/v1\?a=b\r$/im);
    expect(setCookies(answer)).toEqual([
      `__Host-sallyport=${secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure`,
      '__Host-sallyport-nonce=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure',
    ]);
    expect(opened.journal.of('session.opened')).toEqual([]);
    expect(await ask('/v1', ...visit)).toMatchObject({ status: 200, body: 'from the target' });
    expect(seen).toEqual(['GET /v1']);
    expect(opened.journal.of('session.opened')).toHaveLength(1);
  });

  test.each([
    ['no nonce', `/.sallyport/visit?code=${code}`, []],
    ['another nonce', `/.sallyport/visit?code=${code}`, ['-H', `Cookie: __Host-sallyport-nonce=${'m'.repeat(43)}`]],
    ['another code', '/.sallyport/visit?code=x', ['-H', `Cookie: __Host-sallyport-nonce=${nonce}`]],
    ['no code', '/.sallyport/visit', ['-H', `Cookie: __Host-sallyport-nonce=${nonce}`]],
  ])('login CSRF: %s signs nobody on, and says what to do', async (_what, path, args) => {
    const answer = await ask(path, ...args, ...navigation);
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('This sign-on is no longer valid. Open the page again.');
    expect(answer.body).toContain('<a href="/">');
    expect(setCookies(answer)).toEqual([]);
  });
});

describe('A-HTTP-09: the cookie', () => {
  test('over TLS counts by its prefixed name only, which no other origin can set', async () => {
    const answer = await ask('/v1', '-H', `Cookie: sallyport=${secret}`);
    expect(answer.status).toBe(401);
    const tossed = await ask('/v1', '-H', `Cookie: sallyport=${'b'.repeat(52)}; __Host-sallyport=${secret}`);
    expect(tossed.status).toBe(200);
    const nonceOnly = await ask(`/.sallyport/visit?code=${code}`, '-H', `Cookie: sallyport-nonce=${nonce}`);
    expect(nonceOnly.status).toBe(403);
  });

  test('twice is none', async () => {
    const answer = await ask('/v1', '-H', `Cookie: __Host-sallyport=${secret}; __Host-sallyport=${secret}`);
    expect(answer.status).toBe(401);
  });

  test('does not reach the target, whatever it is called', async () => {
    const cookie = `Cookie: a=1; __Host-sallyport=${secret}; sallyport=x; __Host-sallyport-nonce=${nonce}; b=2`;
    await ask('/v1', '-H', cookie);
    expect(seen).toEqual(['GET /v1 a=1; b=2']);
  });

  const fetched = (value: string, mode: string, dest: string) => [
    ...['-H', `Sec-Fetch-Site: ${value}`],
    ...['-H', `Sec-Fetch-Mode: ${mode}`],
    ...['-H', `Sec-Fetch-Dest: ${dest}`],
  ];

  test.each([
    ['an image of a sibling', fetched('same-site', 'no-cors', 'image')],
    ['a script of a sibling', fetched('same-site', 'cors', 'empty')],
    ['a frame in a sibling', fetched('same-site', 'navigate', 'iframe')],
    ['an image of another site', fetched('cross-site', 'no-cors', 'image')],
    ['a form of a sibling', ['-X', 'POST', ...fetched('same-site', 'navigate', 'document')]],
    ['a form of another site', ['-X', 'POST', ...fetched('cross-site', 'navigate', 'document')]],
    ['what no browser says', fetched('elsewhere', 'cors', 'empty')],
    ['an old browser, POST of elsewhere', ['-X', 'POST', '-H', 'Origin: https://other.gateway.test']],
    ['an old browser, POST of nowhere', ['-X', 'POST', '-H', 'Origin: null']],
    ['an old browser, POST without an origin', ['-X', 'POST']],
    ['an old browser, GET of elsewhere', ['-H', 'Origin: https://other.gateway.test']],
  ])('is no proof for %s', async (_what, args) => {
    const answer = await ask('/v1', ...visit, ...args);
    expect(answer).toMatchObject({ status: 403 });
    expect(answer.body).toContain('http.cross-site');
    expect(seen).toEqual([]);
  });

  test.each([
    ['its own page', fetched('same-origin', 'cors', 'empty')],
    ['its own form', ['-X', 'POST', ...fetched('same-origin', 'navigate', 'document')]],
    // Of a page with Referrer-Policy: no-referrer.
    [
      'its own form without a referrer',
      ['-X', 'POST', '-H', 'Origin: null', ...fetched('same-origin', 'cors', 'empty')],
    ],
    ['a person', fetched('none', 'navigate', 'document')],
    ['a link in another site', fetched('cross-site', 'navigate', 'document')],
    ['an old browser', []],
    ['an old browser’s form', () => ['-X', 'POST', '-H', `Origin: ${own()}`]],
  ])('is one for %s', async (_what, args) => {
    const answer = await ask('/v1', ...visit, ...(typeof args === 'function' ? args() : args));
    expect(answer).toMatchObject({ status: 200, body: 'from the target' });
  });

  test('a token is a proof wherever it comes from', async () => {
    const { host, port } = opened;
    const args = ['--resolve', `${host}:${port}:127.0.0.1`, '-k', ...fetched('cross-site', 'cors', 'empty')];
    expect((await curl(`https://${host}:${port}/v1`, ...args)).status).toBe(200);
  });
});

describe('A-HTTP-13: a WebSocket of another origin', () => {
  const handshake = [
    ...['-H', 'Connection: Upgrade', '-H', 'Upgrade: websocket', '-H', 'Sec-WebSocket-Version: 13'],
    ...['-H', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '--http1.1'],
  ];

  test.each([
    ['none', []],
    ['null', ['-H', 'Origin: null']],
    ['a sibling’s', ['-H', 'Origin: https://other.gateway.test']],
    ['its own without the port', () => ['-H', `Origin: https://${opened.host}`]],
    ['its own without TLS', () => ['-H', `Origin: ${own().replace('https', 'http')}`]],
    ['its own, asked by a sibling', () => ['-H', `Origin: ${own()}`, '-H', 'Sec-Fetch-Site: same-site']],
  ])('is refused before the target hears of it: origin %s', async (_what, args) => {
    const more = typeof args === 'function' ? args() : args;
    const answer = await ask('/socket', ...visit, ...handshake, ...more);
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('http.cross-site');
    expect(opened.upstreamBytes()).toBe(0);
  });

  test('of its own goes on', async () => {
    const answer = await ask('/socket', ...visit, ...handshake, '-H', `Origin: ${own()}`);
    expect(answer.body).not.toContain('http.cross-site');
    expect(seen).toHaveLength(1);
  });
});

describe('signing off', () => {
  const path = '/.sallyport/sign-off';

  test('asks by a form, in which nothing runs', async () => {
    const answer = await ask(path, ...visit);
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('<form method="post">');
    expect(answer.body).not.toContain('<script');
    expect(answer.heads).toMatch(
      /^content-security-policy: default-src 'none';.*form-action 'self'; frame-ancestors 'none'/im,
    );
    expect(ended).toEqual([]);
  });

  test.each([
    ['the form’s own page, which sends no referrer', ['-H', 'Sec-Fetch-Site: same-origin', '-H', 'Origin: null']],
    ['the form’s own page in an old browser', () => ['-H', `Origin: ${own()}`]],
  ])('ends the visit for %s', async (_what, args) => {
    const more = typeof args === 'function' ? args() : args;
    const answer = await ask(path, ...visit, '-X', 'POST', ...more);
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('You are signed off.');
    expect(answer.heads).toMatch(/^clear-site-data: "cache"\r$/im);
    expect(setCookies(answer)).toEqual(['__Host-sallyport=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0; Secure']);
    expect(ended).toEqual([secret]);
  });

  test.each([
    ['a sibling', ['-H', 'Sec-Fetch-Site: same-site', '-H', 'Origin: null']],
    ['another site', ['-H', 'Sec-Fetch-Site: cross-site']],
    ['another site that says our origin', () => ['-H', 'Sec-Fetch-Site: cross-site', '-H', `Origin: ${own()}`]],
    ['nobody knows whom', []],
    ['nobody knows whom, by name', ['-H', 'Origin: null']],
  ])('is not done for %s', async (_what, args) => {
    const more = typeof args === 'function' ? args() : args;
    const answer = await ask(path, ...visit, '-X', 'POST', ...more);
    expect(answer.status).toBe(403);
    expect(ended).toEqual([]);
  });
});

test('paths of the gateway’s own reach no target', async () => {
  for (const path of ['/.sallyport/', '/.sallyport/other', '/.SALLYPORT/visit', '/x/%2e%2e/.sallyport/x']) {
    const answer = await ask(path, ...visit, '--path-as-is');
    expect([path, answer.status]).toEqual([path, expect.toBeOneOf([400, 404]) as number]);
  }
  expect(seen).toEqual([]);
});

test('without TLS the cookie has no prefix, since browsers would not take it', async () => {
  opened = await room({ tlsRequired: false });
  const answer = await opened.curl('/', '--anonymous', ...navigation);
  expect(setCookies(answer)[0]).toMatch(
    /^sallyport-nonce=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/,
  );
  expect((await opened.curl('/v1', '--anonymous', '-H', `Cookie: sallyport=${secret}`)).status).toBe(200);
  expect((await opened.curl('/v1', '--anonymous', '-H', `Cookie: __Host-sallyport=${secret}`)).status).toBe(401);
});
