/** Messages among a later key exchange: what is taken of a peer that does not wait, and what still ends the connection. */
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../base/clock.ts';
import { SocketWire } from '../../../base/wire.ts';
import { Attacker, channelData, channelOpen, channelRequest, kexInit, RawPeer } from './attacker-testing.ts';
import { SshWriter } from './bytes.ts';
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

const init = kexInit({ kex: ['curve25519-sha256'], ciphers: ['aes128-gcm@openssh.com'] });
const unexpected = { code: 'ssh.message-unexpected', kind: 'protocol' };
const ping = (bytes: number): Buffer =>
  new SshWriter(bytes + 5).uint8(message.PING).string(Buffer.alloc(bytes)).finish();

/** One that has signed on and hears nothing any more, so that an exchange that it begins stays open. */
async function beginning(server: TestServer, until: 'keyed' | 'in' = 'in'): Promise<Attacker> {
  const wire = await SocketWire.dial('127.0.0.1', server.port, AbortSignal.timeout(5000));
  const attacker = new Attacker(wire, 'client');
  if (until === 'in') await attacker.logIn();
  else await attacker.ready;
  wire.pause();
  return attacker;
}

describe('in a later exchange', () => {
  test('requests and data that come behind the KEXINIT are taken, in their order', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const exec = (command: string, channel: Parameters<NonNullable<TestServerOptions['exec']>>[1]): boolean => {
      channel.handle({
        read: (view) => resolve(`${command}: ${view.toString()}`),
        end: () => {},
        drain: () => {},
        close: () => {},
      });
      return true;
    };
    await withServer({ authenticate: byAnything, exec }, async (server) => {
      const attacker = await beginning(server);
      attacker.send(
        init,
        channelOpen(0),
        channelRequest(0, 'exec', true, new SshWriter().string('listen').finish()),
        channelData(0, Buffer.from('early')),
      );
      expect(await promise).toBe('listen: early');
      expect(server.connections[0]!.closed).toBe(false);
    });
  });

  test.each([
    ['SERVICE_REQUEST', new SshWriter().uint8(message.SERVICE_REQUEST).string('ssh-userauth').finish()],
    ['EXT_INFO', new SshWriter().uint8(message.EXT_INFO).uint32(0).finish()],
    ['USERAUTH_REQUEST', new SshWriter().uint8(message.USERAUTH_REQUEST).string('e').finish()],
    ['a second KEXINIT', init],
    ['NEWKEYS before the keys', Buffer.from([message.NEWKEYS])],
    ['a number below the connection protocol', Buffer.from([message.GLOBAL_REQUEST - 1])],
  ])('%s ends it', (_name, payload) =>
    withServer({ authenticate: byAnything }, async (server) => {
      const attacker = await beginning(server);
      attacker.send(init, payload);
      expect(await server.closed()).toMatchObject({ code: expect.stringMatching(/message-unexpected|kex-failed/) });
    }),
  );

  test('before the login there is nothing but the login, as ever (A-SSH-01)', () =>
    withServer({ authenticate: byAnything }, async (server) => {
      const attacker = await beginning(server, 'keyed');
      attacker.send(init, channelOpen(0));
      expect(await server.closed()).toMatchObject(unexpected);
    }));

  test('answers that wait for its end are bounded (A-SSH-09)', () =>
    withServer({ authenticate: byAnything, clock: new FakeClock() }, async (server) => {
      const each = 32 * 1024;
      // A PONG has a byte for its type and four for the length.
      const fits = Math.floor(limits.keptBytesMax / (each + 5 + limits.keptPacketBytes));
      const attacker = await beginning(server);
      const connection = server.connections[0]!;
      const opened = (): Promise<void> =>
        new Promise((resolve) => {
          const look = (): void => void (connection.channelCount > 0 ? resolve() : setTimeout(look, 5));
          look();
        });
      attacker.send(init);
      for (let count = 0; count < fits; count++) attacker.send(ping(each));
      // Of the last one too, which costs a little memory itself, it is known that it was taken.
      attacker.send(channelOpen(0));
      await opened();
      expect(connection.closed).toBe(false);
      attacker.send(ping(each));
      expect(await server.closed()).toMatchObject({ code: 'ssh.too-much-waiting' });
    }));

  test('the same for one that we began, and that the peer does not take up', () =>
    withServer({ authenticate: byAnything, clock: new FakeClock() }, async (server) => {
      const attacker = await beginning(server);
      server.connections[0]!.rekey();
      while (!attacker.transport.closed && server.closes.length === 0) {
        for (let count = 0; count < 16; count++) attacker.send(ping(32 * 1024));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await server.closed()).toMatchObject({ code: 'ssh.too-much-waiting' });
    }));
});

describe('in the first exchange', () => {
  const strict = kexInit({ kex: ['curve25519-sha256', 'kex-strict-c-v00@openssh.com'], ciphers: ['aes128-ctr'] });
  test.each([
    ['strict', strict],
    ['not strict', init],
  ])('%s: no message of the connection protocol is taken (A-SSH-07)', async (_name, begin) => {
    const early = [channelOpen(0), channelData(0, Buffer.from('x')), ping(1), Buffer.from([255])];
    for (const payload of early) {
      await withServer({ authenticate: byAnything }, async (server) => {
        const peer = new RawPeer(server.port);
        peer.send('SSH-2.0-x\r\n');
        peer.packet(begin);
        peer.packet(payload);
        expect(await server.closed()).toMatchObject(unexpected);
        await peer.closed;
      });
    }
  });
});
