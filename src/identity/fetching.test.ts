/** Requests to providers: where they go, and what comes back (A-API-04). */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../test/servers/certificates.ts';
import { FakeClock, systemClock } from '../base/clock.ts';
import { providerFetch } from './fetching.ts';
import * as limits from './limits.ts';

let url: string;
let seen: { readonly method: string | undefined; readonly headers: IncomingHttpHeaders; readonly body: string }[];
let answer: (response: ServerResponse) => void;
let close: () => Promise<void>;

beforeAll(async () => {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      seen.push({ method: request.method, headers: request.headers, body: Buffer.concat(parts).toString() });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/page`;
  seen = [];
  close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
});
afterAll(() => close());

const inside = providerFetch({ isPrivate: true, clock: systemClock });
const outside = providerFetch({ isPrivate: false, clock: systemClock });

test('carries method, fields and body, and gives status, type and body', async () => {
  answer = (response) => response.writeHead(400, { 'content-type': 'application/json', 'x-other': 'x' }).end('{"a":1}');
  const got = await inside(url, {
    method: 'POST',
    headers: { accept: 'application/json', 'user-agent': 'a library' },
    body: new URLSearchParams({ a: 'b c' }),
  });
  expect([got.status, Object.fromEntries(got.headers), await got.json()]).toEqual([
    400,
    { 'content-type': 'application/json' },
    { a: 1 },
  ]);
  expect(seen.at(-1)).toMatchObject({
    method: 'POST',
    body: 'a=b+c',
    headers: { accept: 'application/json', 'user-agent': 'Sallyport', 'content-length': '5' },
  });
});

describe('A-API-04: nothing goes to', () => {
  test.each([
    'https://127.0.0.1/',
    'https://localhost/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://10.0.0.1/',
    'https://192.168.1.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://0x7f.1/',
    'https://2130706433/',
    'http://1.1.1.1/',
    'file:///etc/passwd',
    'ftp://1.1.1.1/',
    'https://user:secret@1.1.1.1/',
    'not a URL',
  ])('%s, where only public addresses are meant', async (target) => {
    await expect(outside(target)).rejects.toThrow(/not public|not https|holds a login|URL is none/);
  });

  test.each([
    'http://169.254.169.254/',
    'https://169.254.169.254/',
    'https://[fe80::1]/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
  ])('%s, where private ones are', async (target) => {
    await expect(inside(target)).rejects.toThrow(/not public|clear text/);
  });

  test('where a redirection points', async () => {
    answer = (response) => response.writeHead(302, { location: `${url}/evil` }).end();
    const before = seen.length;
    await expect(inside(url)).rejects.toThrow('it answers 302, and nothing is followed');
    expect(seen).toHaveLength(before + 1);
  });

  test('a proxy of the environment', async () => {
    answer = (response) => response.end('direct');
    const before = process.env['http_proxy'];
    process.env['http_proxy'] = 'http://127.0.0.1:1';
    try {
      expect(await (await inside(url)).text()).toBe('direct');
    } finally {
      if (before === undefined) delete process.env['http_proxy'];
      else process.env['http_proxy'] = before;
    }
  });
});

describe('an answer', () => {
  test.each([
    [limits.providerAnswerBytesMax, true],
    [limits.providerAnswerBytesMax + 1, false],
  ])('of %i bytes', async (bytes, isTaken) => {
    answer = (response) => response.end('x'.repeat(bytes));
    const got = inside(url);
    if (isTaken) expect(await (await got).text()).toHaveLength(bytes);
    else await expect(got).rejects.toThrow('its answer is longer than');
  });

  test('that never comes has a deadline', async () => {
    const clock = new FakeClock();
    answer = () => clock.advance(limits.providerDeadlineMs);
    await expect(providerFetch({ isPrivate: true, clock })(url)).rejects.toThrow('took longer than 10000 ms');
  });

  test('that breaks off is none', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('x');
      setImmediate(() => response.destroy());
    };
    await expect(inside(url)).rejects.toThrow(/no answer|broke off/);
  });

  test('without a body', async () => {
    answer = (response) => response.writeHead(204).end();
    expect((await inside(url)).status).toBe(204);
  });
});

describe('TLS', () => {
  test.each([
    ['server', true, 'localhost', true],
    ['server', true, '127.0.0.1', true],
    ['server', false, 'localhost', false],
    ['stranger', true, 'localhost', false],
    ['wrongName', true, 'localhost', false],
    ['expired', true, 'localhost', false],
  ] as const)('of %s, with its authority %s, at %s: %s', async (which, isTrusted, host, isTaken) => {
    const certificates = await makeCertificates();
    const { key, cert } = certificates[which];
    const server = createTlsServer({ key, cert }, (_request, response) => response.end('safe'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const ca = isTrusted ? certificates.authority.cert : undefined;
      const got = providerFetch({ isPrivate: true, ca, clock: systemClock })(
        `https://${host}:${(server.address() as AddressInfo).port}/`,
      );
      if (isTaken) expect(await (await got).text()).toBe('safe');
      else await expect(got).rejects.toThrow('no answer');
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
