/**
 * For the tests of this room: a door that writes down what it was told, connections over real sockets, and upstreams
 * that follow a script. Nothing of this is reachable from production code.
 *
 * The door is a fake: identity, journal and Access are other rooms'. Wires, TLS and SCRAM are real.
 */
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { createSecureContext, connect as tlsConnect } from 'node:tls';
import { type Certificates, makeCertificates } from '../../../test/servers/certificates.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { createScramServer, deriveScramKeys } from '../../base/scram.ts';
import { type ServerTlsOptions, SocketWire } from '../../base/wire.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Principal } from '../../core/principal.ts';
import type { Door } from '../../core/protocol.ts';
import type { Resource } from '../../core/resource.ts';
import type { Session } from '../../core/session.ts';
import { encodeSSLRequest } from './frontend.ts';

let made: Promise<Certificates> | null = null;
export function certificates(): Promise<Certificates> {
  made ??= makeCertificates();
  return made;
}

export const principal: Principal = {
  id: 'p-1',
  issuer: 'local',
  subject: 'engineer',
  name: 'engineer',
  kind: 'person',
  groups: [],
  roles: ['member'],
  authentication: { method: 'token', credentialId: 't-1', atMs: 0 },
};

/** The token that `engineer` has. */
export const token = 'a-token-of-engineer';

export interface FakeDoor extends Door {
  readonly violations: { side: string; code: string; detail: string }[];
  readonly refusals: { login: string; code: string }[];
}

export async function fakeDoor(options: { tlsRequired?: boolean; clock?: Door['clock'] } = {}): Promise<FakeDoor> {
  const { server } = await certificates();
  const salt = Buffer.from('0123456789abcdef');
  const keys = await deriveScramKeys(token, salt, 4096);
  const violations: FakeDoor['violations'] = [];
  const refusals: FakeDoor['refusals'] = [];
  const tls: ServerTlsOptions = {
    secureContext: createSecureContext({ cert: server.cert, key: server.key }),
    certificate: server.der,
  };
  return {
    violations,
    refusals,
    connection: { id: 'c-1', source: '127.0.0.1', tlsRequired: options.tlsRequired ?? true },
    clock: options.clock ?? systemClock,
    log: silentLog,
    signal: new AbortController().signal,
    serverTls: () => tls,
    identifyBySecret: async (login, secret) => {
      if (login === principal.name && secret === token) return principal;
      refusals.push({ login, code: 'core.not-authenticated' });
      throw coreErrors('core.not-authenticated');
    },
    identifyByScram: async (login) => {
      const candidates = login === principal.name ? [{ id: 't-1', ...keys }] : [];
      return { exchange: createScramServer({ salt, iterations: 4096, candidates }), principal: () => principal };
    },
    identifyByToken: () => Promise.reject(coreErrors('core.not-authenticated')),
    domains: [],
    hostKeys: () => [],
    acceptsKey: () => Promise.resolve(false),
    identifyByKey: () => Promise.reject(coreErrors('core.not-authenticated')),
    identifyByCertificate: () => Promise.reject(coreErrors('core.not-authenticated')),
    identifyByTlsCertificate: () => Promise.reject(coreErrors('core.not-authenticated')),
    identifyByApproval: () => Promise.reject(coreErrors('core.not-authenticated')),
    visitLink: () => '',
    redeemVisit: () => Promise.reject(coreErrors('core.not-authenticated')),
    identifyByVisit: () => Promise.reject(coreErrors('core.not-authenticated')),
    endVisit: () => Promise.resolve(false),
    owesStepUp: () => Promise.resolve(false),
    awaitAccess: () => Promise.resolve(null),
    stepUp: () => Promise.reject(coreErrors('core.step-up-refused')),
    refuseIdentity: (login, code) => void refusals.push({ login, code }),
    openSession: () => Promise.reject(new Error('not in these tests')),
    violation: (side, code, detail) => void violations.push({ side, code, detail }),
  };
}

/** A listener whose connections go to `accept`; close it with `close`, which drops them, too. */
export async function listen(accept: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A connected raw socket with everything it received, until it is closed. */
export class Peer {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;
  #wake: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    const wake = (): void => {
      for (const one of this.#wake.splice(0)) one();
    };
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      wake();
    });
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      this.closed = true;
      wake();
    });
    socket.resume();
  }

  static async connect(port: number): Promise<Peer> {
    const socket = netConnect({ host: '127.0.0.1', port, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Peer(socket);
  }

  write(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Waits for `count` bytes and takes them. */
  async take(count: number): Promise<Buffer> {
    while (this.received.length < count) {
      if (this.closed) throw new Error(`closed after ${this.received.length} bytes`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    const taken = this.received.subarray(0, count);
    this.received = this.received.subarray(count);
    return taken;
  }

  /** Waits for one typed message. */
  async message(): Promise<{ type: string; buffer: Buffer; start: number; end: number }> {
    while (this.received.length < 5) {
      if (this.closed) throw new Error(`closed after ${this.received.length} bytes`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    const buffer = await this.take(this.received.readUInt32BE(1) + 1);
    return { type: String.fromCharCode(buffer[0]!), buffer, start: 0, end: buffer.length };
  }

  /** Waits for the end of the connection and answers what came before. */
  async rest(): Promise<Buffer> {
    while (!this.closed) await new Promise<void>((resolve) => this.#wake.push(resolve));
    return this.received;
  }
}

/** A Peer inside TLS: by SSLRequest, or at once. */
export async function secure(port: number, options: { direct?: boolean; alpn?: string[] } = {}): Promise<Peer> {
  const plain = await Peer.connect(port);
  if (!options.direct) {
    plain.write(encodeSSLRequest());
    const answer = (await plain.take(1)).toString();
    if (answer !== 'S') throw new Error(`SSLRequest was answered ${answer}`);
  }
  const { authority } = await certificates();
  plain.socket.removeAllListeners('data');
  const tls = tlsConnect({
    socket: plain.socket,
    ca: authority.cert,
    servername: 'localhost',
    ...(options.alpn === undefined ? {} : { ALPNProtocols: options.alpn }),
  });
  await new Promise<void>((resolve, reject) => tls.once('secureConnect', resolve).once('error', reject));
  return new Peer(tls);
}

export function resource(port: number, changes: Partial<Resource> = {}): Resource {
  return {
    id: 'r-1',
    name: 'orders',
    labels: {},
    protocol: 'postgres',
    host: 'localhost',
    port,
    tls: { mode: 'disable', ca: null, serverName: null },
    credential: null,
    recording: 'strict',
    settings: {},
    ...changes,
  };
}

/** As much of a Session as `openUpstream` uses: real wires to `resource`, a credential that is given. */
export function fakeSession(
  to: Resource,
  credential: { username: string; password: string | null } | null,
): Session & { readonly sent: Buffer[] } {
  const sent: Buffer[] = [];
  const dial = async () => {
    const wire = await SocketWire.dial('127.0.0.1', to.port, AbortSignal.timeout(5000));
    return {
      get tls() {
        return wire.tls;
      },
      handle: wire.handle.bind(wire),
      pause: () => wire.pause(),
      resume: () => wire.resume(),
      handshake: (view: Buffer) => {
        sent.push(view);
        wire.write(view);
      },
      startClientTls: wire.startClientTls.bind(wire),
      end: () => wire.end(),
      destroy: () => wire.destroy(),
    };
  };
  const session = { resource: to, principal, sent, dial, dialAside: dial, credential: async () => credential };
  return session as unknown as Session & { readonly sent: Buffer[] };
}
