import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { isAllowedAddress, resolveAllowed } from '../base/addresses.ts';
import { FakeClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { type CommandSubject, isSignedBy, type Step } from '../review/index.ts';
import { testReview } from '../review/testing/reviews.ts';
import { until } from './fixtures/review-world.ts';
import { createWebhooks, type WebhookEndpoint, type Webhooks } from './webhooks.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** A receiver that answers with these statuses in turn, the last one from then on; 0 answers nothing. */
async function receiver(...statuses: number[]) {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
      const status = statuses[Math.min(received.length, statuses.length) - 1] ?? 200;
      if (status === 0) return;
      response.writeHead(status, { location: 'http://127.0.0.1:1/elsewhere' }).end('x'.repeat(100_000));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
}

function start(url: string, change: Partial<WebhookEndpoint> = {}, allowedHosts = ['127.0.0.1']) {
  const clock = new FakeClock();
  const errors: string[] = [];
  const log = {
    ...silentLog,
    error: (_: string, fields?: { detail?: unknown }) => void errors.push(String(fields?.detail)),
  };
  const secret = async (): Promise<string> => 'whsec';
  const endpoint: WebhookEndpoint = { name: 'hook', url, format: 'json', secret, allowPrivate: true, ...change };
  const link = (id: string): string => `https://console.example/reviews/${id}`;
  const webhooks: Webhooks = createWebhooks({ endpoints: [endpoint], allowedHosts, clock, log, link });
  open.push(() => webhooks.close());
  return { clock, errors, webhooks };
}

const review = testReview();

test('a message is signed, says what happened, and carries the link', async () => {
  const { received, url } = await receiver(200);
  const { webhooks, clock } = start(url);
  webhooks.onStep({ review, events: [{ type: 'review.ended', review: 'rev_1', outcome: 'expired', reason: null }] });
  await until(() => received.length === 1);
  const { headers, body } = received[0]!;
  expect(isSignedBy('whsec', headers['sallyport-signature'] as string, body, clock.now())).toBe(true);
  expect(JSON.parse(body)).toMatchObject({ type: 'review.ended', link: 'https://console.example/reviews/rev_1' });
});

test.each(['slack', 'teams'] as const)('in the form of %s, unsigned where the URL is the secret', async (format) => {
  const { received, url } = await receiver(200);
  start(url, { format, secret: null }).webhooks.send('review.requested', review);
  await until(() => received.length === 1);
  expect(received[0]!.headers['sallyport-signature']).toBeUndefined();
  expect(received[0]!.body).toContain('erin waits to run something on orders');
});

test('what may pass is tried again a few times, and then given up', async () => {
  const { received, url } = await receiver(500);
  const { webhooks, clock, errors } = start(url);
  webhooks.send('review.requested', review);
  await until(() => {
    clock.advance(1_000);
    return errors.length > 0;
  });
  expect(received).toHaveLength(4);
  expect(errors).toEqual(['it answered 500']);
});

test('a later try that succeeds is the last, and the next message follows', async () => {
  const { received, url } = await receiver(503, 200);
  const { webhooks, clock, errors } = start(url);
  webhooks.send('review.requested', review);
  webhooks.send('review.decided', review);
  await until(() => {
    clock.advance(200);
    return received.length === 3;
  });
  expect(received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual([
    'review.requested',
    'review.requested',
    'review.decided',
  ]);
  expect(errors).toEqual([]);
});

describe('a request waits for what the target expects, not for long', () => {
  const subject = review.subject as CommandSubject;
  const asked = { ...review, subject: { ...subject, estimate: 'asked' as const } };
  const known = { ...review, subject: { ...subject, estimate: { rows: 42, of: ['public.orders'] } } };
  const requested = { type: 'review.requested' } as Step['events'][number];
  const sent = (received: readonly Received[]): unknown[] =>
    received.map(({ body }) => {
      const { type, review: of } = JSON.parse(body) as { type: string; review: { subject: CommandSubject } };
      return [type, of.subject.estimate ?? null];
    });

  test('it is in the message when it comes, once', async () => {
    const { received, url } = await receiver(200);
    const { webhooks } = start(url);
    webhooks.onStep({ review: asked, events: [requested] });
    webhooks.onStep({ review: known, events: [] });
    webhooks.onStep({ review: known, events: [{ type: 'review.ended' } as Step['events'][number]] });
    await until(() => received.length === 2);
    expect(sent(received)).toEqual([
      ['review.requested', { rows: 42, of: ['public.orders'] }],
      ['review.ended', { rows: 42, of: ['public.orders'] }],
    ]);
  });

  test('without it, it goes after a while; and before a decision', async () => {
    const { received, url } = await receiver(200);
    const { webhooks, clock } = start(url);
    webhooks.onStep({ review: asked, events: [requested] });
    clock.advance(4_999);
    expect(received).toEqual([]);
    clock.advance(1);
    webhooks.onStep({ review: { ...asked, id: 'rev_2' }, events: [requested] });
    const decided = { type: 'review.decided' } as Step['events'][number];
    webhooks.onStep({ review: { ...asked, id: 'rev_2', state: 'denied' }, events: [decided] });
    await until(() => received.length === 3);
    expect(sent(received).map((entry) => (entry as unknown[])[0])).toEqual([
      'review.requested',
      'review.requested',
      'review.decided',
    ]);
  });

  test('where it is not asked, it goes at once', async () => {
    const { received, url } = await receiver(200);
    start(url).webhooks.onStep({ review, events: [requested] });
    await until(() => received.length === 1);
  });
});

test.each([301, 307, 400, 404])('an answer of %i is not followed or tried again (A-API-04)', async (status) => {
  const { received, url } = await receiver(status);
  const { webhooks, errors } = start(url);
  webhooks.send('review.requested', review);
  await until(() => errors.length > 0);
  expect(received).toHaveLength(1);
});

test('an endpoint that does not answer is given up in time, and closing does not wait for it', async () => {
  const { received, url } = await receiver(0);
  const { webhooks, clock } = start(url);
  webhooks.send('review.requested', review);
  await until(() => received.length === 1);
  clock.advance(10_000);
  await until(() => {
    clock.advance(1_000);
    return received.length === 2;
  });
  const closed = webhooks.close();
  clock.advance(2_000);
  await closed;
});

test('of too many messages the last are dropped', async () => {
  const { url } = await receiver(0);
  const { webhooks, errors, clock } = start(url);
  for (let at = 0; at <= 1001; at++) webhooks.send('review.requested', review);
  expect(errors).toHaveLength(1);
  const closed = webhooks.close();
  clock.advance(2_000);
  await closed;
});

describe('A-API-04: answers to presses', () => {
  const parts = (errors: string[]) => ({
    endpoints: [],
    allowedHosts: ['127.0.0.1'],
    clock: new FakeClock(),
    log: {
      ...silentLog,
      error: (_: string, fields?: { detail?: unknown }) => void errors.push(String(fields?.detail)),
    },
    link: (id: string): string => id,
  });

  test('are sent to the address that each names', async () => {
    const [one, other] = [await receiver(200), await receiver(200)];
    const webhooks = createWebhooks({ ...parts([]), replies: { allowedHosts: ['127.0.0.1'], allowPrivate: true } });
    open.push(() => webhooks.close());
    webhooks.reply(one.url, { text: 'a' });
    webhooks.reply(other.url, { text: 'b' });
    await until(() => other.received.length === 1);
    expect([one, other].map(({ received }) => received.map(({ body }) => body))).toEqual([
      ['{"text":"a"}'],
      ['{"text":"b"}'],
    ]);
  });

  test.each([
    ['http://hooks.slack.com/x', 'not https'],
    ['https://hooks.slack.com@evil.test/', 'holds a login'],
    ['https://hooks.slack.com.evil.test/', 'not among those allowed'],
    ['https://127.0.0.1/', 'not among those allowed'],
    ['', 'none'],
  ])('but not to %j: Slack’s own hosts only, whatever is configured', async (url, why) => {
    const errors: string[] = [];
    const webhooks = createWebhooks(parts(errors));
    open.push(() => webhooks.close());
    webhooks.reply(url, { text: 'a' });
    await until(() => errors.length > 0);
    expect(errors[0]).toContain(why);
  });
});

describe('A-API-04: where a configured URL may lead', () => {
  test.each([
    ['http:', 'http://hooks.example.com/', {}, ['hooks.example.com'], 'not https'],
    ['file:', 'file:///etc/passwd', { allowPrivate: true }, [''], 'not https'],
    ['a host that is not allowed', 'https://evil.example.com/', {}, ['hooks.example.com'], 'not among those allowed'],
    ['a longer host', 'https://hooks.example.com.evil.test/', {}, ['hooks.example.com'], 'not among those allowed'],
    ['a login', 'https://hooks.example.com@evil.test/', {}, ['evil.test'], 'holds a login'],
    ['this machine by name', 'https://localhost/', {}, ['localhost'], 'address that is not allowed'],
    ['this machine', 'https://127.0.0.1/', {}, ['127.0.0.1'], 'address that is not allowed'],
    ['this machine in another spelling', 'https://0x7f.1/', {}, ['127.0.0.1'], 'address that is not allowed'],
    [
      'metadata, even where private is allowed',
      'http://169.254.169.254/',
      { allowPrivate: true },
      ['169.254.169.254'],
      'address that is not allowed',
    ],
    ['no URL', 'hooks', {}, [], 'none'],
  ] as const)('not to %s', async (_, url, change, hosts, why) => {
    const { webhooks, errors } = start(url, { allowPrivate: false, ...change }, [...hosts]);
    webhooks.send('review.requested', review);
    await until(() => errors.length > 0);
    expect(errors[0]).toContain(why);
  });

  const never = [
    '169.254.169.254',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:169.254.169.254',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '::7f00:1',
    'localhost',
    '',
  ];
  const priv = [
    '127.0.0.1',
    '10.0.0.1',
    '100.64.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '::1',
    'fc00::1',
    'fd12::1',
  ];
  const open = ['1.1.1.1', '172.32.0.1', '100.128.0.1', '8.8.8.8', '2606:4700::1111'];
  test.each(never)('never %j', (address) => {
    expect([isAllowedAddress(address, false), isAllowedAddress(address, true)]).toEqual([false, false]);
  });
  test.each(priv)('%s where private is allowed', (address) => {
    expect([isAllowedAddress(address, false), isAllowedAddress(address, true)]).toEqual([false, true]);
  });
  test.each(open)('%s always', (address) => {
    expect([isAllowedAddress(address, false), isAllowedAddress(address, true)]).toEqual([true, true]);
  });

  test('a name is resolved, and each of its addresses looked at', async () => {
    expect(await resolveAllowed('localhost', false)).toBeNull();
    expect(await resolveAllowed('[::1]', true)).toMatchObject({ address: '::1' });
  });
});
