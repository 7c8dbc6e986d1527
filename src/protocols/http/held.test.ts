/** Requests that wait for a human: with their connection open, or told to come again, and what an approval is used for. */
import { connect } from 'node:http2';
import { connect as tcpConnect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import type { PendingReview, ReviewOutcome, ReviewRequest, Reviews } from '../../core/review.ts';
import type { Verdict } from '../../core/verdict.ts';
import * as limits from './limits.ts';
import { answered, startRawTarget } from './raw-target-testing.ts';
import { eventually, openRoom, type RawSocket, type Room, type RoomOptions, token } from './room-testing.ts';

/** Reviews that the test decides. */
class Decisions implements Reviews {
  readonly asked: { request: ReviewRequest; decide: (outcome: ReviewOutcome) => void; withdrawn: boolean }[] = [];
  readonly claims: string[] = [];

  request(request: ReviewRequest, onOutcome: (outcome: ReviewOutcome) => void): PendingReview {
    const entry = { request, decide: onOutcome, withdrawn: false };
    const id = `rev_${this.asked.push(entry)}`;
    return {
      id,
      link: `https://gateway.example/reviews/${id}`,
      audience: 'a member of dba',
      expiresAtMs: 0,
      withdraw: () => {
        entry.withdrawn = true;
      },
      claim: async (digest) => {
        this.claims.push(digest);
        return null;
      },
    };
  }
}

const approved: ReviewOutcome = { state: 'approved', by: ['dora'] };
const denied: ReviewOutcome = { state: 'denied', by: 'dora', reason: 'not on a Friday' };
const hold: Verdict = { name: 'hold', rule: 'ask-first', reason: 'A DBA has to agree.' };

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Setting {
  readonly room: Room;
  readonly reviews: Decisions;
  readonly clock: FakeClock;
  /** Heads that the target got. */
  readonly received: () => string[];
}

async function open(options: Omit<RoomOptions, 'target'> = {}): Promise<Setting> {
  const target = await startRawTarget((head) => answered('', `answer to ${head.split(' ')[1]}`));
  closing.push(() => target.stop());
  const reviews = new Decisions();
  const clock = new FakeClock();
  const judge = ({ verb }: { verb: string }): Verdict | null => (verb === 'get' ? null : hold);
  const room = await openRoom({ target, reviews, clock, judge, ...options });
  closing.push(async () => {
    const passing = setInterval(() => clock.advance(100), 1);
    await room.close();
    clearInterval(passing);
  });
  const received = (): string[] => target.received.join('').match(/[A-Z]+ \S+ HTTP/g) ?? [];
  return { room, reviews, clock, received };
}

const asked = ({ reviews }: Setting, count = 1): Promise<void> =>
  eventually(
    () => reviews.asked.length === count,
    () => `${count} reviews`,
  );
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

function request(room: Room, more = '', body = '{"a":1}', line = 'POST /pay HTTP/1.1'): string {
  return (
    `${line}\r\nHost: ${room.host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n` +
    `${more}Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

interface Got {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** The next answer on a connection; what came before is cut off. */
async function answer(socket: RawSocket, from = 0): Promise<Got & { readonly end: number }> {
  let end = -1;
  await socket.until((text) => {
    const at = text.indexOf('\r\n\r\n', from);
    const length = at < 0 ? null : /content-length: (\d+)/i.exec(text.slice(from, at));
    end = at < 0 || length === null ? -1 : at + 4 + Number(length[1]);
    return end >= 0 && text.length >= end;
  }, 'an answer');
  const at = socket.received.indexOf('\r\n\r\n', from);
  const head = socket.received.slice(from, at);
  return { status: Number(head.split(' ')[1]), head, body: socket.received.slice(at + 4, end), end };
}

async function ask(setting: Setting, more = '', body?: string): Promise<{ socket: RawSocket; got: Promise<Got> }> {
  const socket = await setting.room.raw();
  socket.send(request(setting.room, more, body));
  return { socket, got: answer(socket) };
}

const async = 'Prefer: respond-async\r\n';

describe('a held request', () => {
  test('waits, runs once it is approved, and its connection stays in use', async () => {
    const setting = await open();
    const { socket, got } = await ask(setting);
    await asked(setting);
    socket.send(request(setting.room, '', '', 'GET /behind HTTP/1.1').replace('Content-Length: 0\r\n', ''));
    await settled();
    expect(setting.received()).toEqual([]);
    setting.reviews.asked[0]!.decide(approved);
    const first = await got;
    expect(first).toMatchObject({ status: 200, body: 'answer to /pay' });
    const second = await answer(socket, (await answer(socket)).end);
    expect(second.body).toBe('answer to /behind');
    expect(setting.received()).toEqual(['POST /pay HTTP', 'GET /behind HTTP']);
    expect(setting.reviews.claims).toHaveLength(1);
    expect(setting.reviews.asked[0]!.request.draft.text).toBe('POST /pay\n\n{"a":1}');
  });

  test('says who denied it and why, and its connection stays in use', async () => {
    const setting = await open();
    const { socket, got } = await ask(setting);
    await asked(setting);
    setting.reviews.asked[0]!.decide(denied);
    expect(await got).toMatchObject({ status: 403 });
    expect(JSON.parse((await got).body)).toMatchObject({
      rule: 'ask-first',
      detail: 'dora denied it: not on a Friday',
    });
    socket.send(request(setting.room, '', '', 'GET /next HTTP/1.1').replace('Content-Length: 0\r\n', ''));
    expect((await answer(socket, (await answer(socket)).end)).body).toBe('answer to /next');
    expect(setting.received()).toEqual(['GET /next HTTP']);
  });

  test('is withdrawn when its client goes away', async () => {
    const setting = await open();
    const { socket } = await ask(setting);
    await asked(setting);
    socket.socket.destroy();
    await eventually(
      () => setting.reviews.asked[0]!.withdrawn,
      () => 'the withdrawal',
    );
    expect(setting.room.journal.of('command.ended')[0]).toMatchObject({ outcome: 'withdrawn' });
    expect(setting.received()).toEqual([]);
  });

  test('does not keep other streams of HTTP/2 from going on', async () => {
    const setting = await open();
    const { room } = setting;
    const session = connect(`http://${room.host}`, { createConnection: () => tcpConnect(room.port, '127.0.0.1') });
    session.on('error', () => undefined);
    closing.push(() => session.destroy());
    const send = (method: string, path: string): Promise<string> =>
      new Promise((resolve) => {
        const stream = session.request({ ':method': method, ':path': path, authorization: `Bearer ${token}` });
        let text = '';
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        stream.on('close', () => resolve(text));
        stream.end();
      });
    const waits = send('DELETE', '/all');
    await asked(setting);
    expect(await send('GET', '/beside')).toBe('answer to /beside');
    setting.reviews.asked[0]!.decide(approved);
    expect(await waits).toBe('answer to /all');
  });

  test('whose body nobody read is refused, since nobody could approve it', async () => {
    const setting = await open();
    const got = await setting.room.curl('/pay', '-H', 'Content-Type: application/zip', '--data-binary', 'PK');
    expect(got.status).toBe(403);
    expect(JSON.parse(got.body).detail).toContain('Its body was not read');
    expect(setting.reviews.asked).toEqual([]);
  });

  test('is cut by the end of its session', async () => {
    const setting = await open();
    const { got } = await ask(setting);
    await asked(setting);
    setting.room.doors.sessions.end(() => true, { reason: 'killed', message: 'Enough.', code: null, by: 'admin' });
    expect(await got).toMatchObject({ status: 403 });
    expect(setting.reviews.asked[0]!.withdrawn).toBe(true);
  });
});

describe('a client that comes again', () => {
  test('202 for whom asks for it; the same request takes the approval, once', async () => {
    const setting = await open();
    const first = await (await ask(setting, async)).got;
    expect(first.status).toBe(202);
    const link = 'https://gateway.example/reviews/rev_1';
    expect(first.head).toContain(`Location: ${link}`);
    expect(first.head).toContain(`Retry-After: ${limits.comeAgainSeconds}`);
    expect(first.head).toContain('Preference-Applied: respond-async');
    expect(JSON.parse(first.body)).toMatchObject({
      type: 'urn:sallyport:problem:held',
      status: 202,
      rule: 'ask-first',
      review: { id: 'rev_1', link },
    });
    // Asked again while nothing is decided: the same, and no other review.
    expect((await (await ask(setting, async)).got).status).toBe(202);
    expect(setting.reviews.asked).toHaveLength(1);
    setting.reviews.asked[0]!.decide(approved);
    await settled();
    // Nobody is there: the approval is not used.
    expect(setting.reviews.claims).toEqual([]);
    expect(setting.received()).toEqual([]);
    expect(await (await ask(setting, async)).got).toMatchObject({ status: 200, body: 'answer to /pay' });
    expect(setting.reviews.claims).toHaveLength(1);
    expect(setting.received()).toEqual(['POST /pay HTTP']);
    expect(setting.room.journal.of('command.ended')).toMatchObject([{ command: 1, outcome: 'completed' }]);
    // Once: the same request now is another.
    expect((await (await ask(setting, async)).got).status).toBe(202);
    expect(setting.reviews.asked).toHaveLength(2);
  });

  test.each([
    ['another body', async, '{"a":2}'],
    ['another field', `${async}X-Mine: 1\r\n`, undefined],
    ['another key of the client’s own', `${async}X-Api-Key: other\r\n`, undefined],
    ['another cookie', `${async}Cookie: user=other\r\n`, undefined],
  ])('with %s it is another request', async (_name, more, body) => {
    const setting = await open();
    await (await ask(setting, async)).got;
    setting.reviews.asked[0]!.decide(approved);
    await settled();
    expect((await (await ask(setting, more, body)).got).status).toBe(202);
    expect(setting.reviews.asked).toHaveLength(2);
    expect(setting.received()).toEqual([]);
  });

  test('503 when patience is over, with the review; without the preference it waits when it comes again', async () => {
    const setting = await open({ settings: { hold_patience: 30 } });
    const { got } = await ask(setting);
    await asked(setting);
    await settled();
    setting.clock.advance(29_999);
    await settled();
    setting.clock.advance(1);
    const first = await got;
    expect(first.status).toBe(503);
    expect(first.head).toContain('Retry-After: ');
    expect(first.body).toContain('https://gateway.example/reviews/rev_1');
    expect(setting.reviews.asked[0]!.withdrawn).toBe(false);
    const again = await ask(setting);
    await settled();
    setting.reviews.asked[0]!.decide(approved);
    expect(await again.got).toMatchObject({ status: 200, body: 'answer to /pay' });
    expect(setting.reviews.asked).toHaveLength(1);
  });

  test('a client may say how long it waits, and go away and come back once it was told to', async () => {
    const setting = await open();
    const { got } = await ask(setting, 'Prefer: wait=2\r\n');
    await asked(setting);
    await settled();
    setting.clock.advance(2_000);
    expect((await got).status).toBe(503);
    const { socket } = await ask(setting);
    await settled();
    socket.socket.destroy();
    await settled();
    expect(setting.reviews.asked[0]!.withdrawn).toBe(false);
    setting.reviews.asked[0]!.decide(approved);
    await settled();
    expect((await (await ask(setting)).got).status).toBe(200);
    expect(setting.received()).toHaveLength(1);
  });

  test('hears of a denial once', async () => {
    const setting = await open();
    await (await ask(setting, async)).got;
    setting.reviews.asked[0]!.decide(denied);
    await settled();
    const got = await (await ask(setting, async)).got;
    expect(got.status).toBe(403);
    expect(got.body).toContain('not on a Friday');
    expect((await (await ask(setting, async)).got).status).toBe(202);
    expect(setting.reviews.asked).toHaveLength(2);
  });

  test('rules that were changed meanwhile are asked when it comes', async () => {
    let verdict: Verdict = hold;
    const setting = await open({ judge: () => verdict });
    await (await ask(setting, async)).got;
    setting.reviews.asked[0]!.decide(approved);
    await settled();
    verdict = { name: 'block', rule: 'never', reason: 'Not any more.' };
    const got = await (await ask(setting, async)).got;
    expect(got.status).toBe(403);
    expect(got.body).toContain('the rules have changed since');
    expect(setting.reviews.claims).toEqual([]);
    expect(setting.received()).toEqual([]);
  });

  test('who does not come has the approval lapse', async () => {
    const setting = await open();
    await (await ask(setting, async)).got;
    setting.reviews.asked[0]!.decide(approved);
    await settled();
    setting.clock.advance(limits.comeAgainWithinMs);
    await eventually(
      () => setting.room.journal.of('command.ended').length === 1,
      () => 'the end of the command',
    );
    expect(setting.room.journal.of('command.ended')[0]).toMatchObject({ outcome: 'withdrawn' });
    expect(setting.reviews.asked[0]!.withdrawn).toBe(true);
    expect((await (await ask(setting, async)).got).status).toBe(202);
    expect(setting.reviews.asked).toHaveLength(2);
  });

  test(`${limits.leftMax} requests may be left, and not one more`, async () => {
    const setting = await open();
    for (let at = 0; at < limits.leftMax; at++) {
      expect((await (await ask(setting, async, `{"n":${at}}`)).got).status).toBe(202);
    }
    const got = await (await ask(setting, async, '{"n":"one more"}')).got;
    expect(got.status).toBe(503);
    expect(got.body).toContain('Too many of your requests');
    expect(setting.reviews.asked.at(-1)!.withdrawn).toBe(true);
  });

  test('what the preference says to the gateway does not go on, what it says else does', async () => {
    let heads = '';
    const target = await startRawTarget((head) => {
      heads += head;
      return answered('', 'x');
    });
    closing.push(() => target.stop());
    const room = await openRoom({ target });
    closing.push(() => room.close());
    await room.curl('/', '-H', 'Prefer: respond-async, wait=10, return=minimal');
    expect(heads).toContain('Prefer: return=minimal\r\n');
    expect(heads).not.toMatch(/respond-async|wait=/);
  });
});

test('a held WebSocket handshake waits as long as it may, and is withdrawn then', async () => {
  const setting = await open({ judge: () => hold });
  const socket = await setting.room.raw();
  const fields =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
  socket.send(`GET /socket HTTP/1.1\r\nHost: ${setting.room.host}\r\nAuthorization: Bearer ${token}\r\n${fields}\r\n`);
  await asked(setting);
  await settled();
  setting.clock.advance(limits.holdPatienceSecondsDefault * 1000);
  const got = await answer(socket);
  expect(got.status).toBe(503);
  expect(got.body).toContain('https://gateway.example/reviews/rev_1');
  expect(setting.reviews.asked[0]!.withdrawn).toBe(true);
});
