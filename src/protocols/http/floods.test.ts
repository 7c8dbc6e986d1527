/** A-HTTP-03: what one connection of HTTP/2 may cost, at each limit and one past it. */
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { block, endHeaders, endStream, frame, frameTypes, RawHttp2 } from './http2-testing.ts';
import * as limits from './limits.ts';
import { eventually, openRoom, type Room, type RoomOptions, startTarget, token } from './room-testing.ts';

const enhanceYourCalm = 0x0b;
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(options: Partial<RoomOptions> = {}): Promise<{ room: Room; client: RawHttp2 }> {
  const target = await startTarget((request, response) => {
    request.resume();
    request.on('end', () => response.end('reached'));
  });
  closing.push(() => target.stop());
  // Time stands still: what is allowed per second does not grow while a test runs.
  const clock = new FakeClock();
  const room = await openRoom({ target, clock, ...options });
  closing.push(async () => {
    const passing = setInterval(() => clock.advance(100), 1);
    await room.close();
    clearInterval(passing);
  });
  return { room, client: await RawHttp2.open(room) };
}

const head = block([
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/x'],
  [':authority', 'orders.gateway.test'],
  ['authorization', `Bearer ${token}`],
]);
const cancel = Buffer.from([0, 0, 0, 8]);
const ask = (stream: number): Buffer => frame(frameTypes.headers, endHeaders | endStream, stream, head);
const reset = (stream: number): Buffer => frame(frameTypes.reset, 0, stream, cancel);

/** It has ended, or does not answer any more. */
async function ended(client: RawHttp2): Promise<void> {
  await client.raw.ended();
}

describe('A-HTTP-03: floods of HTTP/2', () => {
  test(`rapid reset: ${limits.resetsBurst} streams, and one more`, async () => {
    const { room, client } = await open();
    let stream = 1;
    for (let at = 0; at < limits.resetsBurst; at++, stream += 2) client.send(ask(stream), reset(stream));
    expect(await client.isAlive()).toBe(true);
    client.send(ask(stream), reset(stream));
    await ended(client);
    expect(client.goaway).toBe(enhanceYourCalm);
    expect(room.journal.of('violation').map(({ code }) => code)).toContain('http.too-many');
    // Whatever was begun has ended.
    await eventually(
      () => room.journal.of('command.ended').length === room.journal.of('command.intent').length,
      () => 'the ends of all commands',
    );
  });

  test('resets that the client has the server do count as well (CVE-2025-8671)', async () => {
    const { client } = await open();
    let stream = 1;
    // A window update by nothing is an error of the stream (RFC 9113, section 6.9).
    const nothing = Buffer.alloc(4);
    for (let at = 0; at <= limits.resetsBurst && !client.raw.isEnded; at++, stream += 2) {
      client.send(
        frame(frameTypes.headers, endHeaders, stream, head),
        frame(frameTypes.windowUpdate, 0, stream, nothing),
      );
    }
    await ended(client);
    expect(client.goaway).not.toBe(0);
  });

  test(`PING: ${limits.controlFramesMax} frames, and one more`, async () => {
    const { room, client } = await open();
    const ping = frame(frameTypes.ping, 0, 0, Buffer.alloc(8));
    // The settings that every connection begins with, and the one that `isAlive` sends, count.
    for (let at = 0; at < limits.controlFramesMax - 2; at++) client.send(ping);
    expect(await client.isAlive()).toBe(true);
    client.send(ping);
    await ended(client);
    expect(client.goaway).toBe(enhanceYourCalm);
    expect(room.journal.of('violation')).toHaveLength(1);
  });

  test(`SETTINGS: ${limits.controlFramesMax} frames, and one more`, async () => {
    const { client } = await open();
    const settings = frame(frameTypes.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff]));
    for (let at = 0; at < limits.controlFramesMax - 2; at++) client.send(settings);
    expect(await client.isAlive()).toBe(true);
    client.send(settings);
    await ended(client);
    expect(client.goaway).toBe(enhanceYourCalm);
  });

  test(`SETTINGS of ${limits.settingsPerFrameMax} entries, and one more`, async () => {
    const { client } = await open();
    const entry = Buffer.from([0, 4, 0, 0, 0xff, 0xff]);
    const settings = (count: number): Buffer =>
      frame(frameTypes.settings, 0, 0, Buffer.concat(Array.from({ length: count }, () => entry)));
    client.send(settings(limits.settingsPerFrameMax));
    expect(await client.isAlive()).toBe(true);
    client.send(settings(limits.settingsPerFrameMax + 1));
    await ended(client);
  });

  test('CONTINUATION without an end: heads beyond the limit go nowhere', async () => {
    const { room, client } = await open();
    const piece = Buffer.concat([block([['x', 'y'.repeat(16_000)]])]);
    client.send(frame(frameTypes.headers, 0, 1, head));
    for (let at = 0; at < 100 && !client.raw.isEnded; at++) {
      client.send(frame(frameTypes.continuation, 0, 1, piece));
      await new Promise(setImmediate);
    }
    await eventually(
      () =>
        client.raw.isEnded || client.frames.some(({ type }) => type === frameTypes.goaway || type === frameTypes.reset),
      () => 'a refusal',
    );
    expect(room.upstreamBytes()).toBe(0);
    expect(room.journal.of('command.intent')).toEqual([]);
  });

  test('empty CONTINUATION frames without an end (CVE-2024-27983)', async () => {
    const { room, client } = await open();
    client.send(frame(frameTypes.headers, 0, 1, head));
    for (let at = 0; at < 5_000 && !client.raw.isEnded; at++) client.send(frame(frameTypes.continuation, 0, 1));
    await ended(client);
    expect(room.upstreamBytes()).toBe(0);
  });

  test('a head of a megabyte, and one of many small fields, are refused', async () => {
    const { room, client } = await open();
    const fields = Array.from({ length: limits.fieldsMax + 1 }, (_, at) => [`x-${at}`, 'y'] as const);
    client.send(frame(frameTypes.headers, endHeaders | endStream, 1, Buffer.concat([head, block(fields)])));
    const answer = await client.until(
      ({ type, stream }) => stream === 1 && (type === frameTypes.headers || type === frameTypes.reset),
      'a refusal',
    );
    expect(answer?.payload[0]).not.toBe(0x88);
    const second = await RawHttp2.open(room);
    const long = Buffer.concat([head, block([['x', 'y'.repeat(1_000_000)]])]);
    second.send(frame(frameTypes.headers, endStream, 1, long.subarray(0, 16_384)));
    for (let at = 16_384; at < long.length; at += 16_384) {
      const isLast = at + 16_384 >= long.length;
      second.send(frame(frameTypes.continuation, isLast ? endHeaders : 0, 1, long.subarray(at, at + 16_384)));
    }
    const refusal = await second.until(
      ({ type }) => type === frameTypes.headers || type === frameTypes.reset || type === frameTypes.goaway,
      'a refusal',
    );
    if (refusal?.type === frameTypes.headers) expect(refusal.payload[0]).not.toBe(0x88);
    expect(room.upstreamBytes()).toBe(0);
    expect(room.journal.of('command.intent')).toEqual([]);
  });

  test(`streams: ${limits.streamsMax} at a time, and one more`, async () => {
    const { room, client } = await open({
      judge: () => ({ name: 'hold', rule: 'ask', reason: 'Ask first.' }),
      reviews: {
        request: () => ({
          id: 'rev_1',
          link: 'https://gateway.example/reviews/rev_1',
          audience: 'a member of dba',
          expiresAtMs: 0,
          withdraw: () => undefined,
          claim: async () => null,
        }),
      },
    });
    for (let at = 0; at < limits.streamsMax; at++) client.send(ask(at * 2 + 1));
    expect(await client.isAlive()).toBe(true);
    await eventually(
      () => room.journal.of('command.intent').length === limits.streamsMax,
      () => 'all commands',
    );
    client.send(ask(limits.streamsMax * 2 + 1));
    const refusal = await client.until(
      ({ type }) => type === frameTypes.reset || type === frameTypes.goaway,
      'a refusal',
    );
    expect(refusal).not.toBeNull();
    expect(room.journal.of('command.intent')).toHaveLength(limits.streamsMax);
  });
});
