/** The attacks A-SSH-15, 16, 17 and 20 of the list: channels and their requests, by clients that break the rules. */
import { describe, expect, test } from 'vitest';
import { SocketWire } from '../../../base/wire.ts';
import { Attacker, channelData, channelOpen, channelRequest, dialAttacker } from './attacker-testing.ts';
import { SshReader, SshWriter } from './bytes.ts';
import type { SshChannel } from './index.ts';
import * as limits from './limits.ts';
import { message } from './messages.ts';
import { byAnything, startTestServer, type TestServer, type TestServerOptions } from './transport-testing.ts';

async function withServer(options: TestServerOptions, run: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await startTestServer(options);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

const unexpected = { code: 'ssh.message-unexpected', kind: 'protocol' };
const nothing: Buffer = Buffer.alloc(0);

describe('channels', () => {
  async function session(server: TestServer, window?: number): Promise<{ attacker: Attacker; id: number }> {
    const attacker = await dialAttacker(server.port);
    await attacker.logIn();
    return { attacker, id: await attacker.openSession(5, window) };
  }

  test('A-SSH-15 a hundred thousand variables: the first ones are heard', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const { attacker, id } = await session(server);
      const data = new SshWriter().string('LD_PRELOAD').string('/x').finish();
      for (let n = 0; n < 100_000; n++) attacker.send(channelRequest(id, 'env', false, data));
      attacker.send(channelRequest(id, 'env', true, data));
      await attacker.take(message.CHANNEL_FAILURE);
      expect(server.requests).toHaveLength(limits.environmentRequestsMax);
      attacker.transport.destroy(null);
    }));

  test('A-SSH-16 sizes of a terminal are clamped, and ten thousand changes are only changes', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const { attacker, id } = await session(server);
      const size = (value: number): Buffer =>
        new SshWriter().uint32(value).uint32(value).uint32(value).uint32(value).finish();
      const pty = (value: number): Buffer => new SshWriter().string('xterm').raw(size(value)).string(nothing).finish();
      attacker.send(channelRequest(id, 'pty-req', true, pty(0)));
      attacker.send(channelRequest(id, 'window-change', true, size(0xffff_ffff)));
      for (let n = 0; n < 10_000; n++) attacker.send(channelRequest(id, 'window-change', false, size(n)));
      attacker.send(channelRequest(id, 'window-change', true, size(1000)));
      for (let n = 0; n < 3; n++) await attacker.take(message.CHANNEL_SUCCESS);
      expect(server.requests[0]).toMatchObject({ columns: 80, rows: 24, widthPixels: 0 });
      expect(server.requests[1]).toMatchObject({ columns: 1000, rows: 1000, widthPixels: 65_535 });
      expect(server.requests).toHaveLength(10_003);
      attacker.transport.destroy(null);
    }));

  test('A-SSH-17 ten thousand opens: as many as allowed, the others are refused, and the connection lives', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.logIn();
      for (let id = 0; id < 10_000; id++) attacker.send(channelOpen(id));
      const refused = 10_000 - limits.defaultLimits.channelsMax;
      while (attacker.count(message.CHANNEL_OPEN_FAILURE) < refused) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(attacker.count(message.CHANNEL_OPEN_CONFIRMATION)).toBe(limits.defaultLimits.channelsMax);
      const failure = new SshReader(await attacker.take(message.CHANNEL_OPEN_FAILURE), 5);
      expect(failure.uint32()).toBe(4);
      expect(server.connections[0]!.channelCount).toBe(limits.defaultLimits.channelsMax);
      // One that is closed makes room for one.
      const close = (id: number): Buffer => new SshWriter().uint8(message.CHANNEL_CLOSE).uint32(id).finish();
      attacker.send(close(0));
      await attacker.take(message.CHANNEL_CLOSE);
      attacker.messages.length = 0;
      await attacker.openSession(77_777);
      attacker.transport.destroy(null);
    }));

  test('A-SSH-17 a window that overflows', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const { attacker, id } = await session(server);
      const adjust = (by: number): Buffer => new SshWriter().uint8(93).uint32(id).uint32(by).finish();
      attacker.send(adjust(0xffff_ffff - 2 ** 20));
      await server.connections[0]!.ping(100).catch(() => {});
      expect(server.connections[0]!.closed).toBe(false);
      attacker.send(adjust(1));
      expect(await server.closed()).toMatchObject({ code: 'ssh.flow-violated' });
    }));

  test('A-SSH-17 data beyond the window, exactly at it and one more', () =>
    withServer({ authenticate: byAnything, open: (_open, answer) => void answer.accept() }, async (server) => {
      const { attacker, id } = await session(server);
      const chunk = Buffer.alloc(32_768);
      for (let sent = 0; sent < limits.windowBytes; sent += chunk.length) attacker.send(channelData(id, chunk));
      attacker.send(channelRequest(id, 'shell', false));
      await expect(server.connections[0]!.ping(50)).rejects.toMatchObject({ code: 'ssh.peer-silent' });
      expect(server.connections[0]!.closed).toBe(false);
      attacker.send(channelData(id, Buffer.alloc(1)));
      expect(await server.closed()).toMatchObject({ code: 'ssh.flow-violated' });
    }));

  test('A-SSH-17 a window of nothing for ever: what is written waits, and too much of it ends the connection', () => {
    const opened = Promise.withResolvers<SshChannel>();
    return withServer(
      { authenticate: byAnything, open: (_open, answer) => opened.resolve(answer.accept()) },
      async (server) => {
        await session(server, 0);
        const channel = await opened.promise;
        channel.handle({ read: () => {}, end: () => {}, drain: () => expect.unreachable(), close: () => {} });
        expect(channel.write(Buffer.alloc(1))).toBe(false);
        expect(channel.pendingBytes).toBe(1);
        const chunk = Buffer.alloc(1024 * 1024);
        while (channel.pendingBytes + chunk.length <= limits.heldBytesMax) channel.write(chunk);
        expect(server.connections[0]!.closed).toBe(false);
        channel.write(chunk);
        expect(await server.closed()).toMatchObject({ code: 'ssh.written-without-window' });
      },
    );
  });

  test(
    'A-SSH-17 a peer that asks and never reads the answers stops being read',
    () =>
      withServer({ authenticate: byAnything }, async (server) => {
        const wire = await SocketWire.dial('127.0.0.1', server.port, AbortSignal.timeout(5000));
        const attacker = new Attacker(wire, 'client');
        await attacker.logIn();
        wire.pause();
        const ping = new SshWriter().uint8(message.PING).string(Buffer.alloc(30_000)).finish();
        let read = -1;
        while (read !== server.connections[0]!.bytesRead) {
          read = server.connections[0]!.bytesRead;
          for (let n = 0; n < 100; n++) attacker.send(ping);
          await new Promise((resolve) => setTimeout(resolve, 200));
        }
        const ahead = server.connections[0]!.bytesWritten;
        expect(ahead).toBeLessThan(40 * 1024 * 1024);
        wire.destroy();
      }),
    30_000,
  );

  test('requests that wait are bounded, and answers keep their order', async () => {
    const replies: { accept(): void; reject(): void }[] = [];
    await withServer(
      { authenticate: byAnything, request: (_request, reply) => replies.push(reply) > 0 },
      async (server) => {
        const { attacker, id } = await session(server);
        attacker.messages.length = 0;
        attacker.send(
          channelRequest(id, 'shell', true),
          channelRequest(id, 'shell', true),
          channelRequest(id, 'shell', true),
        );
        while (replies.length < 3) await new Promise((resolve) => setImmediate(resolve));
        replies[2]!.accept();
        replies[1]!.reject();
        expect(attacker.messages).toHaveLength(0);
        replies[0]!.accept();
        await attacker.take(message.CHANNEL_SUCCESS);
        while (attacker.messages.length < 2) await new Promise((resolve) => setImmediate(resolve));
        expect(attacker.messages.map((payload) => payload[0])).toEqual([
          message.CHANNEL_FAILURE,
          message.CHANNEL_SUCCESS,
        ]);
        expect(() => replies[0]!.accept()).toThrow(/base.assertion/);
        for (let n = 0; n <= limits.requestsWaitingMax; n++) attacker.send(channelRequest(id, 'shell', true));
        expect(await server.closed()).toMatchObject({ code: 'ssh.too-much-waiting' });
      },
    );
  });

  test('A-SSH-20 what is for no channel, or after the end', async () => {
    const cases: ((id: number) => Buffer[])[] = [
      () => [channelData(99, Buffer.from('early'))],
      () => [channelOpen(6), channelData(1, Buffer.from('before the confirmation came')), channelData(2, nothing)],
      (id) => [new SshWriter().uint8(96).uint32(id).finish(), channelData(id, Buffer.from('late'))],
      (id) => [new SshWriter().uint8(96).uint32(id).finish(), new SshWriter().uint8(96).uint32(id).finish()],
      (id) => [new SshWriter().uint8(97).uint32(id).finish(), channelData(id, Buffer.from('late'))],
      (id) => [new SshWriter().uint8(99).uint32(id).finish()],
      () => [new SshWriter().uint8(91).uint32(0).uint32(0).uint32(0).uint32(9).finish()],
      () => [Buffer.from([message.REQUEST_SUCCESS])],
      () => [channelOpen(9, 1, 0)],
    ];
    for (const payloads of cases) {
      await withServer({ authenticate: byAnything }, async (server) => {
        const { attacker, id } = await session(server);
        attacker.send(...payloads(id));
        expect(await server.closed()).toMatchObject({ kind: 'protocol' });
      });
    }
  });

  test('A-SSH-20 data, requests, end and close before anybody listens are kept in order', async () => {
    const opened = Promise.withResolvers<SshChannel>();
    await withServer(
      { authenticate: byAnything, open: (_open, answer) => opened.resolve(answer.accept()) },
      async (server) => {
        const { attacker, id } = await session(server);
        const exit = new SshWriter().uint32(3).finish();
        attacker.send(
          channelData(id, Buffer.from('a')),
          channelRequest(id, 'shell', false),
          channelData(id, Buffer.from('b')),
        );
        attacker.send(channelRequest(id, 'exit-status', false, exit), new SshWriter().uint8(96).uint32(id).finish());
        attacker.send(new SshWriter().uint8(97).uint32(id).finish());
        await attacker.take(message.CHANNEL_CLOSE);
        attacker.transport.destroy(null);
        await server.closed();
        const heard: string[] = [];
        const channel = await opened.promise;
        channel.pause();
        const handler = {
          read: (view: Buffer) => void heard.push(view.toString()),
          end: () => void heard.push('end'),
          drain: () => {},
          request: ({ kind }: { kind: string }) => void heard.push(kind),
          close: () => void heard.push('close'),
        };
        channel.handle(handler);
        expect(heard).toEqual([]);
        channel.resume();
        expect(heard).toEqual(['a', 'shell', 'b', 'exit-status', 'end', 'close']);
        channel.resume();
        expect(channel.write(Buffer.from('x'))).toBe(true);
        expect(heard).toHaveLength(6);
      },
    );
  });

  test('A-SSH-20 both sides close at once', () =>
    withServer({ authenticate: byAnything, open: (_open, answer) => answer.accept().close() }, async (server) => {
      const { attacker, id } = await session(server);
      attacker.send(new SshWriter().uint8(97).uint32(id).finish());
      await attacker.take(message.CHANNEL_CLOSE);
      await attacker.openSession(6);
      expect(server.connections[0]!.closed).toBe(false);
      attacker.transport.destroy(null);
    }));

  test('opens that are not known, and those that come from the wrong side', () =>
    withServer({ authenticate: byAnything, open: () => expect.unreachable() }, async (server) => {
      const attacker = await dialAttacker(server.port);
      await attacker.logIn();
      const reasonOf = async (payload: Buffer): Promise<number> => {
        attacker.send(payload);
        return new SshReader(await attacker.take(message.CHANNEL_OPEN_FAILURE), 5).uint32();
      };
      expect(await reasonOf(channelOpen(0, 1, 1, 'tun@openssh.com'))).toBe(3);
      expect(await reasonOf(channelOpen(0, 1, 1, 'auth-agent@openssh.com'))).toBe(1);
      const x11 = Buffer.concat([channelOpen(0, 1, 1, 'x11'), new SshWriter().string('h').uint32(1).finish()]);
      expect(await reasonOf(x11)).toBe(1);
      attacker.send(new SshWriter().uint8(80).string('no-more-sessions@openssh.com').boolean(false).finish());
      attacker.send(channelOpen(1));
      expect(await server.closed()).toMatchObject(unexpected);
    }));

  test('a message that nobody knows is answered so, and forgotten', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const { attacker } = await session(server);
      attacker.send(Buffer.from([200]));
      attacker.send(new SshWriter().uint8(message.PING).string('echo').finish());
      const pong = new SshReader(await attacker.take(message.PONG), 1);
      expect(pong.string(10).toString()).toBe('echo');
      expect(server.connections[0]!.closed).toBe(false);
      attacker.transport.destroy(null);
    }));
});
