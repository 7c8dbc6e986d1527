/**
 * Peers that break rules, for the tests of attacks: the transport layer with nothing above it, so that any message can be
 * sent at any time, and raw packets of the time before encryption. Nothing of this is reachable from production code.
 */
import { createServer, connect as netConnect, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { SocketWire } from '../../../base/wire.ts';
import { ourSoftware } from './algorithms.ts';
import { SshReader, SshWriter } from './bytes.ts';
import { defaultLimits, type SshLimits } from './limits.ts';
import * as codec from './login-messages.ts';
import { message } from './messages.ts';
import { Transport } from './transport.ts';
import { hostKeys } from './transport-testing.ts';
import type { SshCloseReason } from './types.ts';

/** The transport layer at one end, and all messages that came. */
export class Attacker {
  readonly transport: Transport;
  readonly messages: Buffer[] = [];
  readonly ready: Promise<void>;
  readonly closed: Promise<SshCloseReason>;
  #wake: (() => void)[] = [];
  #isClosed = false;

  constructor(wire: SocketWire, role: 'client' | 'server', more: { limits?: Partial<SshLimits>; clock?: Clock } = {}) {
    const ready = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<SshCloseReason>();
    this.ready = ready.promise;
    this.closed = closed.promise;
    const keys = new Map(hostKeys().flatMap((key) => key.algorithms.map((algorithm) => [algorithm, key] as const)));
    this.transport = new Transport({
      role,
      wire,
      clock: more.clock ?? systemClock,
      software: ourSoftware,
      limits: { ...defaultLimits, ...more.limits },
      hostKeyAlgorithms: [...keys.keys()],
      hostKeys: keys,
      verifyHostKey: () => Promise.resolve(true),
      owner: {
        ready: ready.resolve,
        message: (payload) => {
          this.messages.push(Buffer.from(payload));
          this.#wakeAll();
        },
        drain: () => this.#wakeAll(),
        close: (reason) => {
          this.#isClosed = true;
          closed.resolve(reason);
          this.#wakeAll();
        },
      },
    });
  }

  send(...payloads: Buffer[]): void {
    for (const payload of payloads) this.transport.send(payload);
  }

  /** The first message of that type that was not taken yet. */
  async take(type: number): Promise<Buffer> {
    for (;;) {
      const index = this.messages.findIndex((payload) => payload[0] === type);
      if (index !== -1) return this.messages.splice(index, 1)[0]!;
      if (this.#isClosed) throw new Error(`the connection closed before a message ${type}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  count(type: number): number {
    return this.messages.filter((payload) => payload[0] === type).length;
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  // ----- what an orderly client would do ------------------------------------------------------------------------------

  async askService(): Promise<void> {
    await this.ready;
    this.send(new SshWriter().uint8(message.SERVICE_REQUEST).string(codec.loginService).finish());
    await this.take(message.SERVICE_ACCEPT);
  }

  async logIn(user = 'e'): Promise<void> {
    await this.askService();
    this.send(codec.encodeNone(user));
    await this.take(message.USERAUTH_SUCCESS);
  }

  /** Opens a session and gives the server's number of it. `window` is what the server may send. */
  async openSession(id: number, window = 2 ** 20, packetMax = 32_768): Promise<number> {
    this.send(channelOpen(id, window, packetMax));
    const reader = new SshReader(await this.take(message.CHANNEL_OPEN_CONFIRMATION), 5);
    return reader.uint32();
  }
}

export function channelOpen(id: number, window = 2 ** 20, packetMax = 32_768, type = 'session'): Buffer {
  return new SshWriter().uint8(message.CHANNEL_OPEN).string(type).uint32(id).uint32(window).uint32(packetMax).finish();
}

export function channelData(id: number, data: Buffer): Buffer {
  return new SshWriter(data.length + 16).uint8(message.CHANNEL_DATA).uint32(id).string(data).finish();
}

export function channelRequest(id: number, name: string, wantReply: boolean, data: Buffer = Buffer.alloc(0)): Buffer {
  return new SshWriter().uint8(message.CHANNEL_REQUEST).uint32(id).string(name).boolean(wantReply).raw(data).finish();
}

export async function dialAttacker(
  port: number,
  more?: { limits?: Partial<SshLimits>; clock?: Clock },
): Promise<Attacker> {
  return new Attacker(await SocketWire.dial('127.0.0.1', port, AbortSignal.timeout(5000)), 'client', more);
}

/** A listener whose first connection is an attacker in the server's role. */
export async function attackingServer(): Promise<{ port: number; attacker: Promise<Attacker>; stop(): void }> {
  const { promise, resolve } = Promise.withResolvers<Attacker>();
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    resolve(new Attacker(new SocketWire(socket), 'server'));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  return {
    port,
    attacker: promise,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A socket that says what it likes, and what it heard. */
export class RawPeer {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  heard = Buffer.alloc(0);
  #wake: (() => void)[] = [];

  constructor(port: number) {
    this.socket = netConnect({ port, host: '127.0.0.1', noDelay: true });
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk: Buffer) => {
      this.heard = Buffer.concat([this.heard, chunk]);
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  send(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Sends a packet of the time before encryption. */
  packet(payload: Buffer): void {
    this.send(plainPacket(payload));
  }

  /** The first packet of that type that came unencrypted. */
  async take(type: number): Promise<Buffer> {
    for (;;) {
      const newline = this.heard.indexOf(10);
      for (let at = newline + 1; newline !== -1 && at + 5 < this.heard.length; at += 4 + this.heard.readUInt32BE(at)) {
        const end = at + 4 + this.heard.readUInt32BE(at);
        if (end > this.heard.length) break;
        if (this.heard[at + 5] === type) return this.heard.subarray(at + 5, end - this.heard[at + 4]!);
      }
      if (this.socket.destroyed) throw new Error(`the connection closed before a packet ${type}`);
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        this.socket.once('close', () => resolve());
      });
    }
  }
}

export function plainPacket(payload: Buffer): Buffer {
  const short = 8 - ((payload.length + 5) % 8);
  const padding = short < 4 ? short + 8 : short;
  const packet = Buffer.alloc(5 + payload.length + padding);
  packet.writeUInt32BE(1 + payload.length + padding, 0);
  packet[4] = padding;
  packet.set(payload, 5);
  return packet;
}

/** A KEXINIT with these lists in both directions. */
export function kexInit(lists: {
  kex: string[];
  hostKey?: string[];
  ciphers: string[];
  macs?: string[];
  follows?: boolean;
}): Buffer {
  const writer = new SshWriter(512).uint8(message.KEXINIT).raw(Buffer.alloc(16));
  const { hostKey = ['ssh-ed25519'], macs = ['hmac-sha2-256'] } = lists;
  const { kex, ciphers } = lists;
  for (const list of [kex, hostKey, ciphers, ciphers, macs, macs, ['none'], ['none'], [], []])
    writer.string(list.join(','));
  return writer
    .boolean(lists.follows ?? false)
    .uint32(0)
    .finish();
}
