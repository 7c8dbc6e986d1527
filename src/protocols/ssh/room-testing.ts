/**
 * A whole gateway for one SSH resource in this process, for tests: core's own Doors and Sessions, real sockets, a real sshd
 * and real clients; journal, recordings and identity in memory, since what is tested is what the room does with them.
 */
import { createServer, type Socket } from 'node:net';
import { type Clock, systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import { SocketWire, type Wire } from '../../base/wire.ts';
import type { CommandDraft } from '../../core/command.ts';
import { Doors } from '../../core/door.ts';
import { coreErrors } from '../../core/errors.ts';
import type { Dialler, Identification, Judge, UpstreamCredential } from '../../core/ports.ts';
import type { Principal } from '../../core/principal.ts';
import type { Resource, SettingValue } from '../../core/resource.ts';
import type { Reviews } from '../../core/review.ts';
import { judgeBy, noKeys, noReviews, testResource } from '../../core/testing/fakes.ts';
import type { Verdict } from '../../core/verdict.ts';
import { MemoryJournal, MemoryRecording } from '../contract/memory.ts';
import { TapWire } from '../contract/wires.ts';
import { createSsh } from './index.ts';
import { settingDefinitions } from './settings.ts';
import {
  connectSsh,
  generateKeyText,
  type SshClientConnection,
  type SshClientHandler,
  type SshLimits,
} from './transport/index.ts';

export const token = 'token-of-the-test';

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

export interface RoomOptions {
  /** Port of the sshd, its host keys as public key lines, and how to log in there. */
  readonly target: { readonly port: number; readonly hostKeys: readonly string[] };
  readonly credential: Partial<UpstreamCredential> & { readonly username: string };
  readonly settings?: Readonly<Record<string, SettingValue>>;
  readonly judge?: (draft: CommandDraft) => Verdict | null;
  readonly judging?: Judge;
  readonly reviews?: Reviews;
  readonly resources?: readonly Resource[];
  /** Blobs of keys that the principal signs on with. */
  readonly keys?: readonly Buffer[];
  readonly clock?: Clock;
  readonly recording?: Resource['recording'];
  /** How the target is reached, where not by its address. */
  readonly dialler?: Dialler;
  /** Private keys that the gateway shows; its own of this process unless given. */
  readonly hostKeys?: () => readonly string[];
  /** Which keys sign the principal on, where they are not known from the start. */
  readonly isKnown?: (blob: Buffer) => boolean;
  /** Resources that the principal may open; all unless given. */
  readonly grants?: (resource: string) => boolean;
  /** Resources whose opening takes a step-up; none unless given. */
  readonly stepUp?: (resource: string) => boolean;
  /** Other ways to sign on, and who confirms. */
  readonly identification?: Partial<Identification>;
  /** Delivers what both sides read in pieces of this many bytes. */
  readonly cutBytes?: number;
  /** The port to listen on; any unless given. */
  readonly port?: number;
}

export interface Room {
  readonly port: number;
  readonly journal: MemoryJournal;
  readonly recordings: readonly MemoryRecording[];
  readonly doors: Doors;
  readonly resource: Resource;
  /** Texts of the commands so far, in order. */
  commands(): string[];
  /** Takes a connection that came some other way. */
  accept(socket: Socket): void;
  close(): Promise<void>;
}

let hostKeys: readonly string[] | null = null;

export async function openRoom(options: RoomOptions): Promise<Room> {
  if (options.hostKeys === undefined) {
    hostKeys ??= [generateKeyText('ed25519'), generateKeyText('ecdsa'), generateKeyText('rsa')];
  }
  const keys = options.hostKeys ?? (() => hostKeys!);
  const clock = options.clock ?? systemClock;
  const cut = (wire: Wire): Wire => (options.cutBytes === undefined ? wire : new TapWire(wire, options.cutBytes));
  const journal = new MemoryJournal();
  const recordings: MemoryRecording[] = [];
  const settings: Record<string, SettingValue> = {};
  for (const [name, { default: value }] of Object.entries(settingDefinitions)) settings[name] = value!;
  const resource = testResource({
    id: 'web-1',
    name: 'web-1',
    protocol: 'ssh',
    host: '127.0.0.1',
    port: options.target.port,
    credential: { username: options.credential.username, password: null },
    recording: options.recording ?? 'strict',
    settings: { ...settings, host_keys: options.target.hostKeys, ...options.settings },
  });
  const allow: Verdict = { name: 'allow', rule: 'access', reason: '' };
  const isKnown = (key: { blob: Buffer }): boolean =>
    options.isKnown?.(key.blob) ?? (options.keys ?? []).some((blob) => blob.equals(key.blob));
  const doors = new Doors({
    clock,
    log: silentLog,
    journal,
    recordings: {
      open: () => {
        const recording = new MemoryRecording();
        recordings.push(recording);
        return recording;
      },
    },
    identification: {
      ...noKeys,
      bySecret: async (login, secret) => {
        if (login === principal.name && secret === token) return principal;
        throw coreErrors('core.not-authenticated');
      },
      byScram: () => Promise.reject(coreErrors('core.not-authenticated')),
      acceptsKey: async (login, key) => login === principal.name && isKnown(key),
      byKey: async (login, key) => {
        if (login === principal.name && isKnown(key)) return principal;
        throw coreErrors('core.not-authenticated');
      },
      ...options.identification,
    },
    authorisation: {
      decide: (_principal, { name }) => ({
        granted: options.grants?.(name) ?? true,
        rule: 'everyone',
        ...(options.stepUp?.(name) === true ? { stepUp: true } : {}),
      }),
    },
    resources: {
      find: async (name) => [resource, ...(options.resources ?? [])].find((one) => one.name === name) ?? null,
    },
    credentials: {
      reveal: async () => ({ password: null, privateKey: null, authority: null, ...options.credential }),
    },
    dialler: options.dialler ?? {
      dial: async (to, signal) => cut(await SocketWire.dial(to.host, to.port, signal)),
    },
    judge: options.judging ?? judgeBy((draft) => options.judge?.(draft) ?? allow),
    reviews: options.reviews ?? noReviews,
  });
  const protocol = createSsh();
  const accepting = protocol.createServer({ clock, log: silentLog });
  let connections = 0;
  const sockets = new Set<Wire>();
  const accept = (socket: Socket): void => {
    const client = cut(new SocketWire(socket));
    sockets.add(client);
    const connection = { id: `con_${++connections}`, source: client.remoteAddress, tlsRequired: true };
    const door = doors.open({
      protocol,
      client,
      connection,
      serverTls: () => {
        throw new Error('SSH has no TLS');
      },
      hostKeys: keys,
    });
    void accepting.accept(client, door).finally(() => sockets.delete(client));
  };
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, accept);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    journal,
    recordings,
    doors,
    resource,
    commands: () => journal.of('command.intent').map(({ text }) => text),
    accept,
    close: async () => {
      for (const client of sockets) client.destroy();
      await new Promise((resolve) => server.close(resolve));
      await doors.sessions.whenEmpty();
    },
  };
}

/** A client of this process that speaks the protocol itself, for what stock clients do not do. */
export function connectRoom(
  room: Room,
  more: { readonly handler?: Partial<SshClientHandler>; readonly limits?: Partial<SshLimits> } = {},
): Promise<SshClientConnection> {
  return SocketWire.dial('127.0.0.1', room.port, AbortSignal.timeout(30_000)).then((wire) =>
    connectSsh(wire, {
      user: `${principal.name}+${room.resource.name}`,
      credentials: [{ method: 'password', password: token }],
      verifyHostKey: () => true,
      handler: { open: (_open, answer) => answer.reject(1, 'not here'), close: () => undefined, ...more.handler },
      clock: systemClock,
      log: silentLog,
      ...(more.limits === undefined ? {} : { limits: more.limits }),
    }),
  );
}
