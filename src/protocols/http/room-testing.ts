/**
 * A whole gateway for one HTTP resource in this process, for tests: core's own Doors and Sessions, real sockets, real servers
 * and real clients; journal, recordings and identity in memory, since what is tested is what the room does with them.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type RequestListener } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { type Certificates, makeCertificates } from '../../../test/servers/certificates.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { SocketWire, type Wire } from '../../base/wire.ts';
import type { CommandDraft } from '../../core/command.ts';
import { Doors } from '../../core/door.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Credentials, Identification, Journal, Judge, Recordings, UpstreamCredential } from '../../core/ports.ts';
import type { Principal } from '../../core/principal.ts';
import type { Protocol } from '../../core/protocol.ts';
import type { CredentialReference, Resource, SettingValue } from '../../core/resource.ts';
import type { Reviews } from '../../core/review.ts';
import { judgeBy, noKeys, noReviews, testResource } from '../../core/testing/fakes.ts';
import type { Verdict } from '../../core/verdict.ts';
import { MemoryJournal, MemoryRecording } from '../contract/memory.ts';
import { TapWire } from '../contract/wires.ts';
import { createHttp } from './index.ts';

export const token = 'token-of-the-test';

/** What the gateway presents to the target: nothing of it may come back, or be recorded. */
export const upstreamSecret = 'upstream-key-7f3a9c';

export const principal: Principal = {
  id: 'local:engineer',
  issuer: 'local',
  subject: 'engineer',
  name: 'engineer',
  kind: 'person',
  groups: ['engineering'],
  roles: ['member'],
  authentication: { method: 'token', credentialId: 'tok_1', atMs: 0 },
};

export const domain = 'gateway.test';

export interface RoomOptions {
  /** HTTP unless given; one that is spoken over it. */
  readonly protocol?: Protocol;
  readonly principal?: Principal;
  readonly target: { readonly port: number };
  readonly credential?: Partial<UpstreamCredential> | null;
  /** In place of it: what the resource refers to, and who reveals that. */
  readonly revealing?: { readonly reference: CredentialReference; readonly credentials: Credentials };
  readonly settings?: Readonly<Record<string, SettingValue>>;
  readonly tls?: Resource['tls'];
  readonly judge?: (draft: CommandDraft) => Verdict | null;
  readonly judging?: Judge;
  readonly reviews?: Reviews;
  readonly clock?: Clock;
  readonly recording?: Resource['recording'];
  /** The real ones, instead of those in memory. */
  readonly records?: { readonly journal: Journal; readonly recordings: Recordings };
  readonly identification?: Partial<Identification>;
  readonly grants?: (resource: string) => boolean;
  /** Delivers what both sides read in pieces of this many bytes. */
  readonly cutBytes?: number;
  /** Who issues the client certificates that are asked for, as PEM. */
  readonly issuers?: readonly string[];
  /** Clients must use TLS. */
  readonly tlsRequired?: boolean;
}

export interface Room {
  readonly port: number;
  readonly host: string;
  readonly journal: MemoryJournal;
  readonly recordings: readonly MemoryRecording[];
  readonly doors: Doors;
  readonly resource: Resource;
  readonly upstreamTaps: readonly TapWire[];
  readonly clientTaps: readonly TapWire[];
  readonly certificates: Certificates;
  /** Texts of the commands so far, in order. */
  commands(): string[];
  /** Bytes that went to the target. */
  upstreamBytes(): number;
  curl(path: string, ...args: string[]): Promise<CurlAnswer>;
  raw(): Promise<RawSocket>;
  close(): Promise<void>;
}

/** For whoever looks why a test fails. */
const consoleLog: Log = {
  ...silentLog,
  debug: (message, fields) => console.log(message, fields),
  error: (message, fields) => console.log(message, fields),
  with: () => consoleLog,
};

let certificates: Promise<Certificates> | null = null;

export async function openRoom(options: RoomOptions): Promise<Room> {
  certificates ??= makeCertificates();
  const made = await certificates;
  const clock = options.clock ?? systemClock;
  const journal = new MemoryJournal();
  const recordings: MemoryRecording[] = [];
  const upstreamTaps: TapWire[] = [];
  const clientTaps: TapWire[] = [];
  const protocol = options.protocol ?? createHttp();
  const settings: Record<string, SettingValue> = {};
  for (const [name, { default: value }] of Object.entries(protocol.settings)) settings[name] = value!;
  const hasCredential = options.credential !== null;
  const resource = testResource({
    id: 'orders',
    name: 'orders',
    protocol: protocol.name,
    host: '127.0.0.1',
    port: options.target.port,
    credential: options.revealing?.reference ?? (hasCredential ? { username: '', password: null } : null),
    recording: options.recording ?? 'strict',
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    settings: { ...settings, ...options.settings },
  });
  const allow: Verdict = { name: 'allow', rule: 'access', reason: '' };
  const doors = new Doors({
    clock,
    log: process.env['HTTP_TRACE'] === undefined ? silentLog : consoleLog,
    journal: options.records?.journal ?? journal,
    recordings: options.records?.recordings ?? {
      open: () => {
        const recording = new MemoryRecording();
        recordings.push(recording);
        return recording;
      },
    },
    identification: {
      ...noKeys,
      byToken: async (secret) => {
        if (secret === token) return options.principal ?? principal;
        throw coreErrors('core.not-authenticated');
      },
      bySecret: async (login, secret) => {
        if (login === principal.name && secret === token) return principal;
        throw coreErrors('core.not-authenticated');
      },
      byScram: () => Promise.reject(coreErrors('core.not-authenticated')),
      ...options.identification,
    },
    authorisation: {
      decide: (_principal, { name }) => ({ granted: options.grants?.(name) ?? true, rule: 'everyone' }),
    },
    resources: { find: async (name) => (name === resource.name ? resource : null) },
    credentials: options.revealing?.credentials ?? {
      reveal: async () =>
        hasCredential
          ? {
              username: '',
              password: null,
              privateKey: null,
              authority: null,
              ...(options.credential ?? { token: upstreamSecret }),
            }
          : null,
    },
    dialler: {
      dial: async (to, signal) => {
        const tap = new TapWire(await SocketWire.dial(to.host, to.port, signal), options.cutBytes ?? null);
        upstreamTaps.push(tap);
        return tap;
      },
    },
    judge: options.judging ?? judgeBy((draft) => options.judge?.(draft) ?? allow),
    reviews: options.reviews ?? noReviews,
  });
  const accepting = protocol.createServer({
    clock,
    log: process.env['HTTP_TRACE'] === undefined ? silentLog : consoleLog,
  });
  const { issuers = [] } = options;
  const trusted = issuers.length === 0 ? {} : { ca: [...issuers], sessionIdContext: 'test' };
  const serverTls = {
    secureContext: createSecureContext({ cert: made.server.cert, key: made.server.key, ...trusted }),
    certificate: made.server.der,
    requestCertificate: issuers.length > 0,
  };
  const open = new Set<Wire>();
  let connections = 0;
  const accept = (socket: Socket): void => {
    const client = new TapWire(new SocketWire(socket), options.cutBytes ?? null);
    clientTaps.push(client);
    open.add(client);
    const connection = {
      id: `con_${++connections}`,
      source: client.remoteAddress,
      tlsRequired: options.tlsRequired ?? false,
    };
    const door = doors.open({
      protocol,
      client,
      connection,
      serverTls: () => serverTls,
      hostKeys: () => [],
      domains: [domain, 'localhost'],
    });
    void accepting.accept(client, door).finally(() => open.delete(client));
  };
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, accept);
  const port = await listen(server);
  const host = `orders.${domain}`;
  const sockets: RawSocket[] = [];
  return {
    port,
    host,
    journal,
    recordings,
    doors,
    resource,
    upstreamTaps,
    clientTaps,
    certificates: made,
    commands: () => journal.of('command.intent').map(({ text }) => text),
    upstreamBytes: () => upstreamTaps.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
    curl: (path, ...args) => curl(`http://${host}:${port}${path}`, '--resolve', `${host}:${port}:127.0.0.1`, ...args),
    raw: async () => {
      const socket = await RawSocket.connect(port);
      sockets.push(socket);
      return socket;
    },
    close: async () => {
      for (const socket of sockets) socket.socket.destroy();
      for (const client of open) client.destroy();
      doors.sessions.end(() => true, { reason: 'drained', message: '', code: null, by: null });
      await new Promise((resolve) => server.close(resolve));
      await doors.sessions.whenEmpty();
    },
  };
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as { port: number }).port;
}

/** A real server for the target's part. */
export async function startTarget(
  handler: RequestListener,
): Promise<{ readonly port: number; readonly server: ReturnType<typeof createHttpServer>; stop(): Promise<void> }> {
  const server = createHttpServer({ keepAliveTimeout: 60_000 }, handler);
  const port = await listen(server);
  return {
    port,
    server,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A room before a target of its own; `closing` gets what ends them, to be called backwards. */
export async function openRoomBefore(
  handler: RequestListener,
  options: Omit<RoomOptions, 'target'>,
  closing: (() => Promise<void>)[],
): Promise<Room> {
  const target = await startTarget(handler);
  closing.push(() => target.stop());
  const opened = await openRoom({ target, ...options });
  closing.push(() => opened.close());
  return opened;
}

/** The body of a request at the target. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export interface CurlAnswer {
  /** Of curl itself. */
  readonly exit: number;
  readonly status: number;
  readonly body: string;
  readonly version: string;
  /** Heads as they came. */
  readonly heads: string;
}

/** Runs curl with the token as a bearer, unless `args` say otherwise. */
export function curl(url: string, ...args: string[]): Promise<CurlAnswer> {
  const proves = args.some((arg) => /^(?:-u|--oauth2-bearer|--anonymous)$/.test(arg));
  const all = [
    ...['-sS', '--max-time', '30', '-i', '-w', '\n%{http_code} %{http_version}'],
    ...(proves ? [] : ['--oauth2-bearer', token]),
    ...args.filter((arg) => arg !== '--anonymous'),
    url,
  ];
  return new Promise((resolve) => {
    execFile('curl', all, { maxBuffer: 64 * 1024 * 1024, encoding: 'latin1' }, (error, stdout) => {
      const at = stdout.lastIndexOf('\n');
      const [status = '0', version = ''] = stdout.slice(at + 1).split(' ');
      const exit = error === null ? 0 : Number(error.code ?? -1);
      let start = 0;
      while (stdout.startsWith('HTTP/', start)) {
        const end = stdout.indexOf('\r\n\r\n', start);
        if (end < 0) break;
        start = end + 4;
      }
      const [heads, body] = [stdout.slice(0, start), stdout.slice(start, at)];
      resolve({ exit, status: Number(status), body, version, heads });
    });
  });
}

/** Sends what it is told and keeps what comes. */
export class RawSocket {
  readonly socket: Socket;
  #received = '';
  isEnded = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isEnded = true;
    });
  }

  static async connect(port: number): Promise<RawSocket> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawSocket(socket);
  }

  get received(): string {
    return this.#received;
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  async until(matches: (received: string) => boolean, what: string): Promise<string> {
    await eventually(
      () => matches(this.#received) || this.isEnded,
      () => `${what}; got ${JSON.stringify(this.#received)}`,
    );
    return this.#received;
  }

  ended(): Promise<void> {
    return eventually(
      () => this.isEnded,
      () => `the end; got ${JSON.stringify(this.#received)}`,
    );
  }
}

/** Waits until something holds; gives up after ten seconds. */
export async function eventually(holds: () => boolean, what: () => string): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error(`waited in vain for ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
