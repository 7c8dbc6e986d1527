/**
 * For the tests of the relay: a whole gateway for one resource in this process. Core's own Doors and Sessions, real
 * sockets, real servers; a journal and recordings in memory, whose durability and congestion the test controls.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import pg from 'pg';
import { type Clock, systemClock } from '../../base/clock.ts';
import { type Log, silentLog } from '../../base/log.ts';
import { createScramServer, deriveScramKeys, type ScramKeys } from '../../base/scram.ts';
import { SocketWire, type Wire } from '../../base/wire.ts';
import type { CommandDraft } from '../../core/command.ts';
import { Doors } from '../../core/door.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Event, EventBody, SpaceLevel } from '../../core/event.ts';
import type { Identification, Journal, Judge, Recording, Recordings } from '../../core/ports.ts';
import type { RecordingEntry } from '../../core/recording.ts';
import type { Resource } from '../../core/resource.ts';
import type { Reviews } from '../../core/review.ts';
import { judgeBy, noKeys, noReviews } from '../../core/testing/fakes.ts';
import type { Verdict } from '../../core/verdict.ts';
import { createPostgres, type PostgresOptions } from './index.ts';
import { certificates, listen, principal, resource, token } from './testing.ts';
import { inspectionApplication } from './upstream.ts';

/** A journal in memory. Events become durable a turn of the loop later, unless `hold` is called. */
export class MemoryJournal implements Journal {
  readonly events: Event[] = [];
  durableSequence = 0;
  failure: Error | null = null;
  spaceLevel: SpaceLevel = 'ample';
  #held = false;
  #scheduled = false;
  #waiting: { sequence: number; callback: (error: Error | null) => void }[] = [];

  append(event: EventBody): number {
    if (this.failure !== null) throw coreErrors('core.journal-unavailable');
    const seq = this.events.length + 1;
    this.events.push({ ...event, seq, at: Date.now() } as Event);
    this.#schedule();
    return seq;
  }

  afterDurable(sequence: number, callback: (error: Error | null) => void): void {
    if (sequence <= this.durableSequence) {
      callback(null);
      return;
    }
    this.#waiting.push({ sequence, callback });
    this.#schedule();
  }

  /** From here on nothing becomes durable. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#sync();
  }

  fail(): void {
    this.failure = coreErrors('core.journal-unavailable');
    for (const { callback } of this.#waiting.splice(0)) callback(this.failure);
  }

  of<Type extends Event['type']>(type: Type): Extract<Event, { type: Type }>[] {
    return this.events.filter((event): event is Extract<Event, { type: Type }> => event.type === type);
  }

  #schedule(): void {
    if (this.#scheduled || this.#held) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#sync();
    });
  }

  #sync(): void {
    if (this.#held || this.failure !== null) return;
    this.durableSequence = this.events.length;
    const ready = this.#waiting.filter(({ sequence }) => sequence <= this.durableSequence);
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > this.durableSequence);
    for (const { callback } of ready) callback(null);
  }
}

export class MemoryRecording implements Recording {
  readonly entries: RecordingEntry[] = [];
  /** Rows and data are counted and not kept beyond this. */
  bytesMax = 64 * 1024 * 1024;
  bytes = 0;
  congested = false;
  closed = false;
  onReady: (() => void) | null = null;
  onFailure: ((error: Error) => void) | null = null;

  append(entry: RecordingEntry): void {
    if (entry.type !== 'rows' && entry.type !== 'data') {
      this.entries.push(structuredClone(entry));
      return;
    }
    this.bytes += entry.data.length;
    const data = this.bytes <= this.bytesMax ? Buffer.from(entry.data) : Buffer.alloc(0);
    this.entries.push({ ...entry, data });
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  of<Type extends RecordingEntry['type']>(type: Type): Extract<RecordingEntry, { type: Type }>[] {
    return this.entries.filter((entry): entry is Extract<RecordingEntry, { type: Type }> => entry.type === type);
  }

  /** The rows recorded for a command, cells as text. */
  rows(command: number): (string | null)[][] {
    const data = Buffer.concat(this.of('rows').flatMap((entry) => (entry.command === command ? [entry.data] : [])));
    const rows: (string | null)[][] = [];
    for (let at = 0; at < data.length; ) {
      const row: (string | null)[] = [];
      const count = data.readInt16BE(at);
      at += 2;
      for (let index = 0; index < count; index++) {
        const size = data.readInt32BE(at);
        at += 4;
        row.push(size < 0 ? null : data.toString('utf8', at, at + size));
        if (size > 0) at += size;
      }
      rows.push(row);
    }
    return rows;
  }
}

export interface GatewayOptions {
  /** Where the resource is, and with which credential. */
  readonly upstream: { port: number; user: string; password: string | null; database: string };
  readonly recording?: Resource['recording'];
  readonly settings?: Resource['settings'];
  readonly judge?: (command: CommandDraft) => Verdict | null;
  readonly reviews?: Reviews;
  /** In place of `judge`: says all that rules say. */
  readonly judging?: Judge;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly tlsRequired?: boolean;
  readonly protocol?: PostgresOptions;
  /** Opening takes a step-up, which this answers. */
  readonly confirm?: Identification['confirm'];
}

export interface TestGateway {
  readonly port: number;
  readonly journal: MemoryJournal;
  readonly recordings: MemoryRecording[];
  readonly doors: Doors;
  /** What was written to the upstream, from its first byte, over all connections of sessions. */
  readonly sent: Buffer[];
  readonly clientWires: Wire[];
  /** What node-postgres takes. */
  readonly config: pg.ClientConfig & { host: string; port: number; user: string; password: string };
  readonly last: MemoryRecording;
  /** Connections whose `accept` has not resolved. */
  readonly open: () => number;
  close(): Promise<void>;
}

const allow: Verdict = { name: 'allow', rule: 'none', reason: '' };

/** Refuses commands whose text or parameters contain a word. */
export function blocking(word: string): (command: CommandDraft) => Verdict | null {
  return ({ text, parameters }) =>
    text.includes(word) || parameters?.some(({ value }) => value?.includes(word))
      ? { name: 'block', rule: 'guardrail:no-forbidden', reason: `${word} is not for you. Ask a DBA.` }
      : null;
}

let keys: Promise<ScramKeys> | null = null;

export async function startGateway(options: GatewayOptions): Promise<TestGateway> {
  const { upstream, clock = systemClock, log = silentLog } = options;
  const journal = new MemoryJournal();
  const recordings: MemoryRecording[] = [];
  const sent: Buffer[] = [];
  const clientWires: Wire[] = [];
  const salt = Buffer.from('0123456789abcdef');
  keys ??= deriveScramKeys(token, salt, 4096);
  const verifier = await keys;
  const target = resource(upstream.port, {
    recording: options.recording ?? 'strict',
    settings: { database: upstream.database, ...options.settings },
    credential: { username: upstream.user, password: { provider: 'env', name: 'unused' } },
  });
  const doors = new Doors({
    clock,
    log,
    journal,
    recordings: {
      open: () => {
        const recording = new MemoryRecording();
        recordings.push(recording);
        return recording;
      },
    } satisfies Recordings,
    identification: {
      ...noKeys,
      bySecret: async (login, secret) => {
        if (login === principal.name && secret === token) return principal;
        throw coreErrors('core.not-authenticated');
      },
      byScram: async (login) => {
        const candidates = login === principal.name ? [{ id: 't-1', ...verifier }] : [];
        return { exchange: createScramServer({ salt, iterations: 4096, candidates }), principal: () => principal };
      },
      ...(options.confirm === undefined ? {} : { confirm: options.confirm }),
    },
    authorisation: {
      decide: () => ({
        granted: true,
        rule: 'everyone',
        ...(options.confirm === undefined ? {} : { stepUp: true }),
      }),
    },
    resources: { find: async (name) => (name === target.name ? target : null) },
    credentials: {
      reveal: async () => ({
        username: upstream.user,
        password: upstream.password,
        privateKey: null,
        authority: null,
      }),
    },
    dialler: {
      dial: async (to, signal) => {
        const wire = await SocketWire.dial('127.0.0.1', to.port, signal);
        const write = wire.write.bind(wire);
        let inspects = false;
        wire.write = (view) => {
          // The connection beside the sessions says who it is in its StartupMessage.
          inspects ||= view.includes(inspectionApplication);
          if (!inspects) sent.push(Buffer.from(view));
          return write(view);
        };
        return wire;
      },
    },
    judge: options.judging ?? judgeBy((command) => options.judge?.(command) ?? allow),
    reviews: options.reviews ?? noReviews,
  });
  const { server } = await certificates();
  const tls = {
    secureContext: createSecureContext({ cert: server.cert, key: server.key }),
    certificate: server.der,
  };
  const protocol = createPostgres(options.protocol);
  const protocolServer = protocol.createServer({ clock, log });
  let open = 0;
  let connections = 0;
  const listener = await listen((socket) => {
    const client = new SocketWire(socket);
    clientWires.push(client);
    const connection = {
      id: `con_${++connections}`,
      source: client.remoteAddress,
      tlsRequired: options.tlsRequired ?? false,
    };
    const door = doors.open({ protocol, client, connection, serverTls: () => tls, hostKeys: () => [] });
    open++;
    void protocolServer.accept(client, door).finally(() => open--);
  });
  return {
    port: listener.port,
    journal,
    recordings,
    doors,
    sent,
    clientWires,
    config: { host: '127.0.0.1', port: listener.port, user: 'engineer+orders', password: token, database: 'orders' },
    get last() {
      return recordings.at(-1)!;
    },
    open: () => open,
    close: async () => {
      doors.sessions.end(() => true, { reason: 'drained', message: 'The gateway stops.', code: null, by: null });
      await listener.close();
    },
  };
}

/** A connected node-postgres client through the gateway. */
export async function connect(gateway: TestGateway, more: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ ...gateway.config, ...more });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Waits until `condition` holds; the test's own time limit ends a wait that is in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}
