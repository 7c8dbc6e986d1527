/**
 * The stage of one test: a listener that hands connections to the protocol through the real door, and ports whose
 * behaviour the test controls.
 *
 * `close` verifies what must hold after every test, whatever it did.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { createSecureContext } from 'node:tls';
import { expect } from 'vitest';
import { type Certificates, makeCertificates } from '../../../test/servers/certificates.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { Log, LogFields } from '../../base/log.ts';
import { createScramServer, deriveScramKeys } from '../../base/scram.ts';
import { SocketWire } from '../../base/wire.ts';
import type { CommandDraft } from '../../core/command.ts';
import { Doors } from '../../core/door.ts';
import { coreErrors } from '../../core/errors.ts';
import { splitLogin } from '../../core/login.ts';
import type { Identification } from '../../core/ports.ts';
import type { Principal } from '../../core/principal.ts';
import type { RecordingMode, Resource } from '../../core/resource.ts';
import { judgeBy, noKeys, noReviews } from '../../core/testing/fakes.ts';
import type { Verdict } from '../../core/verdict.ts';
import type { HarnessUpstream, LoginAs, ProtocolHarness } from './harness.ts';
import { MemoryJournal, MemoryRecordings } from './memory.ts';
import { RawClient, TapWire, until, Valve } from './wires.ts';

export interface StageOptions {
  readonly clock?: Clock;
  /** Delivers what both sides read in pieces of this many bytes. */
  readonly cutBytes?: number;
  readonly recording?: RecordingMode;
}

export const allow: Verdict = { name: 'allow', rule: 'test', reason: '' };

let certificates: Promise<Certificates> | null = null;

export class Stage {
  readonly harness: ProtocolHarness;
  readonly upstream: HarnessUpstream;
  readonly valve: Valve;
  readonly journal = new MemoryJournal();
  readonly recordings = new MemoryRecordings();
  readonly clientTaps: TapWire[] = [];
  readonly upstreamTaps: TapWire[] = [];
  /** The access token of `engineer`. */
  readonly token = `tok${randomBytes(12).toString('hex')}`;
  readonly logged: string[] = [];
  judge: (draft: CommandDraft) => Verdict = () => allow;
  /** Called before each write to the server. */
  onUpstreamWrite: ((view: Buffer) => void) | null = null;
  readonly doors: Doors;
  readonly clock: Clock;
  readonly #options: StageOptions;
  readonly #clients: RawClient[] = [];
  readonly #accepting: Promise<void>[] = [];
  readonly #failures: unknown[] = [];
  readonly #server: Server;
  #port = 0;

  private constructor(harness: ProtocolHarness, upstream: HarnessUpstream, valve: Valve, options: StageOptions) {
    this.harness = harness;
    this.upstream = upstream;
    this.valve = valve;
    this.#options = options;
    this.clock = options.clock ?? systemClock;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    this.doors = new Doors({
      clock: this.clock,
      log: this.#log({}),
      journal: this.journal,
      recordings: this.recordings,
      identification: this.#identification(),
      authorisation: {
        decide: (_principal, resource) => ({ granted: resource.name !== 'forbidden', rule: 'access-of-the-test' }),
      },
      resources: { find: (name) => Promise.resolve(this.#resource(name)) },
      credentials: {
        reveal: () =>
          Promise.resolve({
            username: upstream.username,
            password: upstream.password,
            privateKey: null,
            authority: null,
          }),
      },
      dialler: {
        dial: async (resource, signal) => {
          const tap = new TapWire(await SocketWire.dial(resource.host, resource.port, signal), this.#cutBytes);
          tap.onWrite = (view) => this.onUpstreamWrite?.(view);
          this.upstreamTaps.push(tap);
          return tap;
        },
      },
      judge: judgeBy((draft) => this.judge(draft)),
      reviews: noReviews,
    });
  }

  static async open(harness: ProtocolHarness, upstream: HarnessUpstream, options: StageOptions = {}): Promise<Stage> {
    certificates ??= makeCertificates();
    const { server: identity } = await certificates;
    const stage = new Stage(harness, upstream, await Valve.open(upstream), options);
    const protocol = harness.createProtocol();
    const accepting = protocol.createServer({ clock: stage.clock, log: stage.#log({}) });
    const serverTls = {
      secureContext: createSecureContext({ cert: identity.cert, key: identity.key }),
      certificate: identity.der,
    };
    stage.#server.on('connection', (socket) => {
      const client = new TapWire(new SocketWire(socket), stage.#cutBytes);
      stage.clientTaps.push(client);
      const connection = { id: `con_${stage.clientTaps.length}`, source: client.remoteAddress, tlsRequired: false };
      const door = stage.doors.open({
        protocol,
        client,
        connection,
        serverTls: () => serverTls,
        hostKeys: () => [],
      });
      stage.#accepting.push(accepting.accept(client, door).catch((error: unknown) => void stage.#failures.push(error)));
    });
    stage.#server.listen(0, '127.0.0.1');
    await once(stage.#server, 'listening');
    const address = stage.#server.address();
    stage.#port = typeof address === 'object' && address !== null ? address.port : 0;
    return stage;
  }

  async connect(): Promise<RawClient> {
    const client = await RawClient.connect('127.0.0.1', this.#port);
    this.#clients.push(client);
    return client;
  }

  /** Who a client says it is, and where to. */
  as(resource = 'target', secret = this.token): LoginAs {
    return { login: `engineer+${resource}`, secret, target: null };
  }

  /** A client with a session. */
  async session(): Promise<RawClient> {
    const client = await this.connect();
    await this.harness.logIn(client, this.as());
    return client;
  }

  /** A client of the server itself, with the credential that the gateway would present. */
  async direct(): Promise<RawClient> {
    const client = await RawClient.connect(this.upstream.host, this.upstream.port);
    this.#clients.push(client);
    const { username: login, password: secret, target } = this.upstream;
    await this.harness.logIn(client, { login, secret, target });
    return client;
  }

  /** Waits for `count` complete answers. */
  async answers(client: RawClient, count: number): Promise<ReturnType<ProtocolHarness['read']>> {
    let reading = this.harness.read(client.received);
    let seen = client.receivedBytes;
    await until(
      () => {
        if (client.receivedBytes !== seen) {
          seen = client.receivedBytes;
          reading = this.harness.read(client.received);
        }
        // Whoever has been told goodbye gets no further answer.
        return reading.answers.length >= count || client.ended || client.closed;
      },
      () => `${count} answers; got ${JSON.stringify(reading)}, ${this.story()}`,
    );
    reading = this.harness.read(client.received);
    if (reading.answers.length < count) {
      throw new Error(`${count} answers expected; got ${JSON.stringify(reading)}, ${this.story()}`);
    }
    return reading;
  }

  /** Waits until the gateway has ended the conversation, and returns how it said so. */
  async goodbye(client: RawClient): Promise<string | null> {
    await until(
      () => client.ended || client.closed,
      () => `the gateway to close; ${this.story()}`,
    );
    return this.harness.read(client.received).goodbye;
  }

  /** True when any byte sequence that went to the server contains `marker`. */
  reached(marker: string): boolean {
    return this.upstreamTaps.some((tap) => tap.sent.includes(marker));
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.socket.destroy();
    this.valve.release();
    this.journal.release();
    if (this.clock !== systemClock && 'advance' in this.clock)
      (this.clock as { advance(ms: number): void }).advance(120_000);
    await until(
      () => this.doors.sessions.size === 0,
      () => `sessions to end; ${this.story()}`,
    );
    await Promise.race([
      Promise.all(this.#accepting),
      until(() => false, 'accept to resolve').catch((error: unknown) => {
        throw error;
      }),
    ]);
    await until(() => this.valve.open === 0, 'connections to the server to close');
    await until(() => this.clientTaps.every((tap) => tap.closed), 'connections of clients to close');
    this.#server.close();
    await this.valve.close();
    this.#verify();
  }

  /** What happened, for the message of a test that fails. */
  story(): string {
    const events = this.journal.events.map((event) => {
      const { seq: _seq, at: _at, type, ...rest } = event;
      return `${type} ${JSON.stringify(rest).slice(0, 200)}`;
    });
    return `journal:\n${events.join('\n')}\nlog:\n${this.logged.join('\n')}`;
  }

  #verify(): void {
    expect(this.#failures, 'accept rejected').toEqual([]);
    this.#verifyJournal();
    for (const recording of this.recordings.opened) expect(recording.closed, 'recording not closed').toBe(true);
    const places: [string, Buffer][] = [
      ['the journal', Buffer.from(JSON.stringify(this.journal.events))],
      ['the log', Buffer.from(this.logged.join('\n'))],
      ...this.recordings.opened.map((recording): [string, Buffer] => ['a recording', recording.content()]),
      ...this.clientTaps.map((tap): [string, Buffer] => ['what the client got', tap.sent]),
    ];
    for (const [place, bytes] of places) {
      expect(bytes.includes(this.upstream.password), `the credential is in ${place}`).toBe(false);
      expect(bytes.includes(this.token), `the access token is in ${place}`).toBe(false);
    }
    for (const tap of this.upstreamTaps) {
      expect(tap.sent.includes(this.token), 'the access token went to the server').toBe(false);
    }
  }

  #verifyJournal(): void {
    const ended = new Map<string, number>();
    for (const { session, seq } of this.journal.of('session.ended')) {
      expect(ended.has(session), `${session} ended twice`).toBe(false);
      ended.set(session, seq);
    }
    const commands = new Map<string, number>();
    for (const { session, command, seq } of this.journal.of('command.ended')) {
      const key = `${session}/${command}`;
      expect(commands.has(key), `command ${key} ended twice`).toBe(false);
      commands.set(key, seq);
    }
    // A journal that failed cannot hold the ends of what it had begun.
    if (this.journal.failure !== null) return;
    for (const { session } of this.journal.of('session.opened')) {
      expect(ended.has(session), `${session} did not end`).toBe(true);
    }
    for (const { session, command, seq } of this.journal.of('command.intent')) {
      const end = commands.get(`${session}/${command}`);
      expect(end, `command ${command} did not end`).toBeDefined();
      expect(end).toBeGreaterThan(seq);
      expect(end).toBeLessThan(ended.get(session)!);
    }
  }

  get #cutBytes(): number | null {
    return this.#options.cutBytes ?? null;
  }

  #resource(name: string): Resource | null {
    if (!['target', 'forbidden', 'other', 'closed'].includes(name)) return null;
    return {
      id: `res_${name}`,
      name,
      labels: {},
      protocol: name === 'other' ? 'another-protocol' : this.harness.createProtocol().name,
      host: this.valve.host,
      // Port 1 is nobody's: dialling it fails at once.
      port: name === 'closed' ? 1 : this.valve.port,
      tls: { mode: 'disable', ca: null, serverName: null },
      credential: { username: this.upstream.username, password: { provider: 'store', name: 'test' } },
      recording: this.#options.recording ?? 'strict',
      settings: this.harness.settings,
    };
  }

  #identification(): Identification {
    const principal: Principal = {
      id: 'pri_engineer',
      issuer: 'local',
      subject: 'engineer',
      name: 'engineer',
      kind: 'person',
      groups: ['engineering'],
      roles: ['member'],
      authentication: { method: 'token', credentialId: 'tok_1', atMs: 0 },
    };
    const isKnown = (login: string): boolean => splitLogin(login)?.principal === 'engineer';
    return {
      ...noKeys,
      bySecret: (login, secret) =>
        isKnown(login) && secret === this.token
          ? Promise.resolve(principal)
          : Promise.reject(coreErrors('core.not-authenticated')),
      byScram: async (login) => {
        const salt = Buffer.from('salt of the test');
        const iterations = 4096;
        const keys = await deriveScramKeys(this.token, salt, iterations);
        const candidates = isKnown(login) ? [{ id: 'tok_1', ...keys }] : [];
        const exchange = createScramServer({ salt, iterations, candidates });
        return {
          exchange,
          principal: () => {
            if (exchange.matched === null) throw coreErrors('core.not-authenticated');
            return principal;
          },
        };
      },
    };
  }

  #log(fields: LogFields): Log {
    const line =
      (level: string) =>
      (message: string, more: LogFields = {}): void => {
        try {
          this.logged.push(`${level} ${message} ${JSON.stringify({ ...fields, ...more })}`);
        } catch (error) {
          this.#failures.push(`not loggable: ${describeError(error)}`);
        }
      };
    return {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      with: (more) => this.#log({ ...fields, ...more }),
    };
  }
}
