/** What stands in a recording of HTTP, read back from the real thing: heads, bodies up to the budget, digests, no credentials. */
import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { RecordedEntry } from '../../core/recording.ts';
import { cleanUp, open as openJournal, temporary } from '../../recording/fixtures/kit.ts';
import { openRecordings, readRecording } from '../../recording/index.ts';
import {
  eventually,
  openRoom,
  type Room,
  type RoomOptions,
  startTarget,
  token,
  upstreamSecret,
} from './room-testing.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  cleanUp();
});

/** Answers what `curl` was told, and the recording once the session is over. */
async function recorded(
  handler: Parameters<typeof startTarget>[0],
  ask: (room: Room) => Promise<unknown>,
  options: Omit<RoomOptions, 'target'> & { resultBytesPerCommand?: number } = {},
): Promise<RecordedEntry[]> {
  const target = await startTarget(handler);
  closing.push(() => target.stop());
  const journal = await openJournal(temporary());
  const { resultBytesPerCommand, ...more } = options;
  const recordings = openRecordings({
    journal,
    keys: null,
    ...(resultBytesPerCommand === undefined ? {} : { resultBytesPerCommand }),
  });
  let session = '';
  const room = await openRoom({
    target,
    ...more,
    records: {
      journal,
      recordings: {
        open: (id, startedAtMs) => {
          session = id;
          return recordings.open(id, startedAtMs);
        },
      },
    },
  });
  await ask(room);
  await room.close();
  await recordings.close();
  await journal.close();
  const entries: RecordedEntry[] = [];
  for await (const entry of readRecording(recordings.pathOf(session))) entries.push(entry);
  return entries;
}

const of = <Type extends RecordedEntry['type']>(
  entries: readonly RecordedEntry[],
  type: Type,
): Extract<RecordedEntry, { type: Type }>[] =>
  entries.filter((entry): entry is Extract<RecordedEntry, { type: Type }> => entry.type === type);

describe('a recording of HTTP', () => {
  test('holds heads and bodies of both directions, in order', async () => {
    const entries = await recorded(
      (request, response) => {
        request.resume();
        request.on('end', () => response.writeHead(201, { 'X-Made': 'yes' }).end('{"id":7}'));
      },
      (room) => room.curl('/v1/orders', '-H', 'Content-Type: application/json', '-d', '{"n":1}'),
    );
    expect(entries.map(({ type }) => type)).toEqual(['command', 'head', 'data', 'head', 'data', 'completed']);
    const [asked, answered] = of(entries, 'data');
    expect(asked).toMatchObject({ direction: 'in', data: Buffer.from('{"n":1}') });
    expect(answered).toMatchObject({ direction: 'out', data: Buffer.from('{"id":7}') });
    expect(of(entries, 'head')[1]).toMatchObject({ direction: 'out', status: 201, trailers: false });
    expect(of(entries, 'completed')[0]).toMatchObject({ outcome: 'completed', tag: '201', bytes: 8 });
  });

  test.each([0, 1])('each direction has its own budget: %i bytes beyond it', async (beyond) => {
    const budget = 4096;
    const sent = randomBytes(budget + beyond)
      .toString('base64')
      .slice(0, budget + beyond);
    const got = Buffer.alloc(budget + beyond, 'y');
    const entries = await recorded(
      (request, response) => {
        request.resume();
        request.on('end', () => response.end(got));
      },
      (room) => room.curl('/up', '-H', 'Content-Type: application/octet-stream', '--data-binary', sent),
      { resultBytesPerCommand: budget },
    );
    const whole = (direction: 'in' | 'out'): Buffer =>
      Buffer.concat(
        of(entries, 'data')
          .filter((entry) => entry.direction === direction)
          .map(({ data }) => data),
      );
    expect(whole('in').toString()).toBe(sent.slice(0, budget));
    expect(whole('out').equals(got.subarray(0, budget))).toBe(true);
    const digest = (rest: string | Buffer): string => createHash('sha256').update(rest).digest('hex');
    expect(of(entries, 'omitted').map(({ at: _, ...entry }) => entry)).toEqual(
      beyond === 0
        ? []
        : [
            { type: 'omitted', command: 1, direction: 'in', rows: 0, bytes: 1, digest: digest(sent.slice(budget)) },
            { type: 'omitted', command: 1, direction: 'out', rows: 0, bytes: 1, digest: digest('y') },
          ],
    );
  });

  test('A-REC-05: never a credential: of the client, of the target, of the gateway', async () => {
    const entries = await recorded(
      (request, response) => {
        request.resume();
        request.on('end', () => {
          response.setHeader('Set-Cookie', ['theirs=cookie-secret-1; Path=/']);
          response.setHeader('Location', '/next?access_token=token-secret-2&x=1');
          response.setHeader('X-Echo', String(request.headers.authorization));
          response.end('done');
        });
      },
      (room) =>
        room.curl(
          '/login?api_key=key-secret-3&x=1',
          ...['-H', 'Cookie: theirs=cookie-secret-4; __Host-sallyport=visit-secret-5'],
          ...['-H', 'X-Api-Key: key-secret-6', '-H', 'Referer: https://e.test/?token=token-secret-7'],
          ...['-d', 'user=a&password=pass-secret-8'],
        ),
    );
    const all =
      JSON.stringify(entries) +
      of(entries, 'data')
        .map(({ data }) => data.toString())
        .join('');
    expect(all).not.toMatch(/secret-\d/);
    expect(all).not.toContain(upstreamSecret);
    expect(all).not.toContain(token);
    for (const kept of ['/login?api_key=(omitted)&x=1', 'theirs=(omitted)', 'access_token=(omitted)&x=1', 'user=a']) {
      expect(all).toContain(kept);
    }
  });

  test('trailers stand behind the body', async () => {
    const entries = await recorded(
      (_request, response) => {
        response.writeHead(200, { Trailer: 'X-Sum', 'Content-Type': 'text/event-stream' });
        response.write('data: one\n\n');
        response.write('data: two\n\n');
        response.addTrailers({ 'X-Sum': '42' });
        response.end();
      },
      async (room) => {
        const socket = await room.raw();
        socket.send(`GET /events HTTP/1.1\r\nHost: ${room.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
        await eventually(
          () => socket.received.includes('X-Sum: 42'),
          () => 'the trailers',
        );
      },
    );
    const heads = of(entries, 'head');
    expect(heads.map(({ direction, trailers }) => `${direction} ${trailers}`)).toEqual([
      'in false',
      'out false',
      'out true',
    ]);
    expect(heads[2]?.fields).toEqual([['x-sum', '42']]);
    expect(entries.indexOf(heads[2]!)).toBeGreaterThan(entries.findLastIndex(({ type }) => type === 'data'));
  });
});
