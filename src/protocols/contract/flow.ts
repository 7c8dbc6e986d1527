/** Cases: bytes in flight: how they are cut, who is slow, who goes away. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import type { Cases } from './index.ts';
import { turns, until } from './wires.ts';

/** More than what the kernel's buffers hold on both legs together. */
const floodBytes = 48 * 1024 * 1024;

/** What one session may hold of a flood: half a megabyte of a wire's buffer, what one read brings, held output. */
const heldBytesMax = 4 * 1024 * 1024;

export function describeFlow({ harness, stage: open, marker: newMarker }: Cases): void {
  const { bytes, codes } = harness;

  const script = (): Buffer =>
    Buffer.concat([bytes.reading('first-of-three'), bytes.flooding(20_000), bytes.reading('third-of-three')]);

  describe('bytes', () => {
    test('through the gateway and directly, a client gets the same bytes', async () => {
      const stage = await open();
      const [through, direct] = [await stage.session(), await stage.direct()];
      for (const client of [through, direct]) {
        await client.write(script());
        await stage.answers(client, 3);
      }
      await turns();
      expect(through.received.equals(direct.received)).toBe(true);
    });

    test.each([1, 7])('%i byte at a time, both ways: the same answers as in one chunk', async (cutBytes) => {
      const [whole, cut] = [await open(), await open({ cutBytes })];
      const [a, b] = [await whole.session(), await cut.session()];
      await a.write(script());
      await b.write(script());
      await whole.answers(a, 3);
      await cut.answers(b, 3);
      expect(b.received.equals(a.received)).toBe(true);
      expect(cut.upstreamTaps[0]!.sent.includes('third-of-three')).toBe(true);
      const drafts = [whole, cut].map((stage) =>
        stage.journal.of('command.intent').map(({ text, verb, effect }) => ({ text, verb, effect })),
      );
      expect(drafts[1]).toEqual(drafts[0]);
    });

    test('an upload arrives', async () => {
      const stage = await open();
      const client = await stage.session();
      for (const piece of bytes.uploading(3_000_000)) await client.write(piece);
      const { answers } = await stage.answers(client, 1);
      expect(answers[0]?.outcome).toBe('completed');
      expect(stage.upstreamTaps[0]!.sentBytes).toBeGreaterThan(3_000_000);
    });
  });

  describe('memory', () => {
    test('a client that does not read stops the server (F-07)', async () => {
      const stage = await open();
      const client = await stage.session();
      client.pause();
      await client.write(bytes.flooding(floodBytes));
      await until(() => stage.upstreamTaps[0]?.paused === true, 'the server to be paused');
      await turns();
      expect(stage.clientTaps[0]!.sentBytes).toBeLessThan(floodBytes);
      client.resume();
      await until(() => client.receivedBytes > floodBytes, 'the rest');
      await stage.answers(client, 1);
      expect(stage.clientTaps[0]!.pendingBytesMax).toBeLessThan(heldBytesMax);
    });

    test('a server that does not read stops the client', async () => {
      const stage = await open();
      const client = await stage.session();
      stage.valve.hold();
      const sending = (async () => {
        for (const piece of bytes.uploading(floodBytes)) await client.write(piece);
      })();
      await until(() => stage.clientTaps[0]?.paused === true, 'the client to be paused');
      await turns();
      expect(stage.upstreamTaps[0]!.sentBytes).toBeLessThan(floodBytes);
      expect(stage.upstreamTaps[0]!.pendingBytesMax).toBeLessThan(heldBytesMax);
      stage.valve.release();
      await sending;
      expect((await stage.answers(client, 1)).answers[0]?.outcome).toBe('completed');
      expect(stage.upstreamTaps[0]!.pendingBytesMax).toBeLessThan(heldBytesMax);
    });

    test('output that waits for the disk is bounded, too', async () => {
      const stage = await open();
      const client = await stage.session();
      let held = false;
      // The effect's own wait is over when the disk stops: what comes back must wait.
      stage.onUpstreamWrite = () => {
        if (!held) stage.journal.hold();
        held = true;
      };
      await client.write(bytes.flooding(floodBytes));
      await until(() => held, 'the command to be forwarded');
      await turns(50);
      stage.journal.release();
      await until(() => client.receivedBytes > floodBytes, 'the rest');
      expect(stage.clientTaps[0]!.pendingBytesMax).toBeLessThan(heldBytesMax);
    });
  });

  describe('departures', () => {
    test('a client that goes properly', async () => {
      const stage = await open();
      const client = await stage.session();
      await client.write(bytes.goodbye);
      client.halfClose();
      await until(() => stage.doors.sessions.size === 0, 'the end');
      expect(stage.journal.of('session.ended')[0]?.reason).toBe('client-closed');
      expect(stage.journal.of('violation')).toEqual([]);
    });

    test('a client that asks and goes at once: its answer comes first, however late the disk is', async () => {
      const stage = await open();
      const client = await stage.session();
      const server = stage.upstreamTaps[0]!;
      const readBefore = server.bytesRead;
      stage.journal.hold();
      await client.write(Buffer.concat([bytes.reading('asked'), bytes.goodbye]));
      await until(() => server.bytesRead > readBefore, 'the answer of the server');
      await turns(50);
      expect(client.ended || client.closed).toBe(false);
      stage.journal.release();
      expect((await stage.answers(client, 1)).answers[0]?.outcome).toBe('completed');
      await until(() => stage.doors.sessions.size === 0, 'the end');
      expect(stage.journal.of('session.ended')[0]?.reason).toBe('client-closed');
    });

    test('a client that closes its direction only', async () => {
      const stage = await open();
      const client = await stage.session();
      const marker = newMarker();
      await client.write(bytes.effecting(marker));
      await stage.answers(client, 1);
      client.halfClose();
      await until(
        () => client.ended || client.closed,
        () => `the other direction to close; ${stage.story()}`,
      );
      await until(() => stage.doors.sessions.size === 0, 'the end');
      expect(stage.journal.of('session.ended')[0]?.reason).toBe('client-closed');
      await until(() => stage.valve.open === 0, 'the connection to the server to close');
    });

    test('a client that vanishes in the middle of an answer', async () => {
      const stage = await open();
      const client = await stage.session();
      await client.write(bytes.flooding(floodBytes));
      await until(() => client.receivedBytes > 100_000, 'some output');
      client.vanish();
      await until(
        () => stage.doors.sessions.size === 0,
        () => `the end; ${stage.story()}`,
      );
      await until(() => stage.valve.open === 0, 'the connection to the server to close');
      expect(stage.journal.of('command.ended')[0]?.outcome).toBe('unfinished');
    });

    test('a client that leaves before it has said who it is', async () => {
      const stage = await open();
      const client = await stage.connect();
      client.halfClose();
      await until(() => client.ended || client.closed, 'the gateway to close');
      expect(stage.journal.of('session.opened')).toEqual([]);
      expect(stage.upstreamTaps).toEqual([]);
    });

    test('a client that never says who it is is dropped at the deadline', async () => {
      const clock = new FakeClock();
      const stage = await open({ clock });
      const client = await stage.connect();
      await until(() => stage.clientTaps.length === 1, 'the connection');
      await turns();
      clock.advance(60_000);
      await turns();
      clock.advance(10_000);
      await until(() => client.ended || client.closed, 'the gateway to close');
    });

    test('a server that vanishes in the middle of an answer', async () => {
      const stage = await open();
      const client = await stage.session();
      await client.write(bytes.flooding(floodBytes));
      await until(() => client.receivedBytes > 100_000, 'some output');
      stage.valve.cut();
      await until(
        () => client.ended || client.closed,
        () => `the gateway to close; ${stage.story()}`,
      );
      await until(() => stage.journal.of('session.ended').length === 1, 'the end');
      expect(stage.journal.of('session.ended')[0]?.reason).toBe('upstream-closed');
    });

    test('a server that vanishes while nothing is under way: the client is told', async () => {
      const stage = await open();
      const client = await stage.session();
      stage.valve.cut();
      expect(await stage.goodbye(client)).not.toBeNull();
    });

    test('a server that cannot be reached: the client is told natively', async () => {
      const stage = await open();
      const client = await stage.connect();
      await expect(harness.logIn(client, stage.as('closed'))).rejects.toMatchObject({ code: codes.unreachable });
      await until(
        () => stage.journal.of('session.ended').length === 1,
        () => `the end; ${stage.story()}`,
      );
    });
  });

  describe('kill', () => {
    const killed = { reason: 'killed', message: 'Ended by an administrator.', code: null, by: 'admin' } as const;

    test('a session that is idle gets a native goodbye (I11)', async () => {
      const stage = await open();
      const client = await stage.session();
      expect(stage.doors.sessions.end(() => true, killed)).toBe(1);
      expect(await stage.goodbye(client)).toBe(codes.killed);
      await until(() => stage.journal.of('session.ended').length === 1, 'the end');
      expect(stage.journal.of('session.ended')[0]).toMatchObject({ reason: 'killed', by: 'admin' });
    });

    test('a session whose client does not read is over within a second of the clock (I11)', async () => {
      const clock = new FakeClock();
      const stage = await open({ clock });
      const client = await stage.session();
      client.pause();
      await client.write(bytes.flooding(floodBytes));
      await until(() => stage.upstreamTaps[0]?.paused === true, 'the server to be paused');
      stage.doors.sessions.end(() => true, killed);
      await turns();
      clock.advance(500);
      await turns();
      clock.advance(500);
      await until(
        () => stage.doors.sessions.size === 0,
        () => `the end; ${stage.story()}`,
      );
      await until(() => stage.clientTaps[0]!.closed, 'the connection of the client to close');
      await until(() => stage.valve.open === 0, 'the connection to the server to close');
    });

    test('a session whose credential was revoked', async () => {
      const stage = await open();
      const client = await stage.session();
      const ending = { ...killed, reason: 'token-revoked' } as const;
      expect(stage.doors.sessions.endByCredential('tok_1', ending)).toBe(1);
      await stage.goodbye(client);
      await until(() => stage.journal.of('session.ended').length === 1, 'the end');
      const dialled = stage.upstreamTaps.length;
      const next = await stage.connect();
      // The token still proves who it is here: what is tested is a revocation that overtakes an opening.
      await expect(harness.logIn(next, stage.as())).rejects.toMatchObject({ code: codes.notAuthenticated });
      expect(stage.upstreamTaps).toHaveLength(dialled);
    });

    test('what was sent behind a kill goes nowhere', async () => {
      const stage = await open();
      const client = await stage.session();
      const marker = newMarker();
      stage.doors.sessions.end(() => true, killed);
      await client.write(bytes.effecting(marker));
      await stage.goodbye(client);
      expect(stage.reached(marker)).toBe(false);
    });
  });
}
