/**
 * The composition root: opens every room in order, joins them, and closes them in reverse.
 *
 * Order of start: data directory, keys, store, journal (recovery first), configuration, identity, doors, API, listeners.
 * Nothing listens before the journal works. Order of stop: listeners, sessions, API, index, journal, store.
 *
 * Deliberately absent: logic of any room. What is decided here is only who is handed to whom, and what ends sessions.
 */
import { join } from 'node:path';
import type { ApiPorts } from '../api/index.ts';
import { type Clock, systemClock, type Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { proveHandles } from '../base/handles-proof.ts';
import type { Log } from '../base/log.ts';
import { Doors, durable } from '../core/door.ts';
import type { EventBody } from '../core/event.ts';
import type { Authorisation } from '../core/ports.ts';
import type { Protocol } from '../core/protocol.ts';
import type { Identity } from '../identity/index.ts';
import { createProtocols } from '../protocols/registry.ts';
import { openJournal, openRecordings, type RecordingJournal, type SessionRecordings } from '../recording/index.ts';
import { createCredentials, createSecrets, openKeyRing, type Secrets } from '../secrets/index.ts';
import { openStore, type Store } from '../store/index.ts';
import { type AccessReport, accessReport } from './access-report.ts';
import { type ApiPortParts, apiPorts } from './api-ports.ts';
import { apiReviews } from './api-reviews.ts';
import { inBackground, retry } from './background.ts';
import { createFirstAdministrator } from './bootstrap.ts';
import type { GatewayConfig } from './config.ts';
import { type Console, openConsole } from './console.ts';
import { createDialler } from './dialler.ts';
import { openDirectory } from './directory.ts';
import { measureSync, type SyncLatency } from './doctor.ts';
import { gatewayId, maskKey, signingKey, withoutOwnSecrets, withRotation } from './identity-keys.ts';
import * as limits from './limits.ts';
import { type Listener, listenerOf } from './listener.ts';
import { openListeners } from './listeners.ts';
import { counted, type Metrics, openMetrics } from './metrics.ts';
import { type Monitoring, openMonitoring } from './monitoring.ts';
import { openIdentity } from './open-identity.ts';
import { openReviews } from './open-reviews.ts';
import { createPolicyLab } from './policy-lab.ts';
import { withProviderChecks } from './provider-checks.ts';
import { openRecordingKeys, type RecordingKeyRing } from './recording-keys.ts';
import { recordingProofs } from './recording-proofs.ts';
import { ending, endWhatIsRevoked, isStillVouchedFor } from './revocation.ts';
import { createJudge, type RuleMakings } from './rules.ts';
import { onConfigured, Snapshot } from './snapshot.ts';
import { openSshKeys } from './ssh-keys.ts';
import { sshServices } from './ssh-services.ts';
import { gatewayStatus } from './status.ts';
import { withStepUps } from './step-up-reviews.ts';
import { untilAborted } from './stream.ts';
import { openTls, type Tls } from './tls.ts';
import { openUsage } from './usage.ts';
import { VanishedPeers } from './vanished.ts';
import { version } from './version.ts';
import { workbenchPort } from './workbench.ts';

export interface GatewayParts {
  readonly config: GatewayConfig;
  readonly log: Log;
  readonly clock?: Clock;
  /** The protocols to speak; all that are registered unless given. */
  readonly protocols?: readonly Protocol[];
}

export interface Gateway {
  readonly id: string;
  readonly consoleUrl: string;
  readonly caPath: string;
  readonly listeners: readonly Listener[];
  readonly doors: Doors;
  readonly journal: RecordingJournal;
  readonly store: Store;
  /** Path of the first administrator's password, where this start made it. */
  readonly firstPasswordPath: string | null;
  /**
   * Drains and closes: sessions may go on for `drainMs`, then end with a native goodbye. A later call with a shorter
   * time shortens the wait. Resolves when everything is closed.
   */
  stop(reason: string, drainMs: number): Promise<void>;
  /** Rejects when the gateway cannot go on by itself (the embedded store died). */
  readonly failed: Promise<never>;
}

/** Starts a gateway. Rejects with what stood in the way; nothing is left open then. */
export async function startGateway(parts: GatewayParts): Promise<Gateway> {
  const composition = new Composition(parts);
  try {
    await composition.start();
    return composition;
  } catch (error) {
    await composition.stop('failed to start', 0);
    throw error;
  }
}

type Closer = readonly [name: string, close: () => Promise<void> | void];

class Composition implements Gateway {
  readonly #config: GatewayConfig;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #protocols: readonly Protocol[];
  readonly #closers: Closer[] = [];
  readonly #startedAtMs: number;
  #timers: Timer[] = [];
  #draining = false;
  #stopping: Promise<void> | null = null;
  #hurry: (() => void) | null = null;
  #console: Console | null = null;
  #syncLatency: SyncLatency | null = null;
  #fail: (error: Error) => void = () => {};
  readonly failed: Promise<never>;
  id = '';
  consoleUrl = '';
  caPath = '';
  firstPasswordPath: string | null = null;
  listeners: readonly Listener[] = [];
  doors!: Doors;
  journal!: RecordingJournal;
  store!: Store;

  constructor(parts: GatewayParts) {
    this.#config = parts.config;
    this.#log = parts.log;
    this.#clock = parts.clock ?? systemClock;
    this.#protocols = parts.protocols ?? [...createProtocols().values()];
    this.#startedAtMs = this.#clock.now();
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined);
  }

  async start(): Promise<void> {
    const { dataDirectory } = this.#config;
    this.#closers.push(['directory', await openDirectory(dataDirectory)]);
    this.id = await gatewayId(dataDirectory);
    const tls = await openTls(this.#config, this.#clock, this.#log);
    this.#closers.push(['certificates', () => tls.close()]);
    this.caPath = tls.authority.caPath;
    const { store, ownSecrets, keys, secrets } = await this.#openStore();
    const { journal, recordings } = await this.#openJournal(ownSecrets, keys);
    for (const protocol of this.#protocols) await protocol.load?.();
    if (this.#config.transport === 'handles') this.#log.info('transport', { transport: await proveHandles() });
    const hashKey = await maskKey(ownSecrets);
    const sshKeys = await openSshKeys(ownSecrets);
    const usage = await openUsage({ store, clock: this.#clock, log: this.#log, gateway: this.id });
    this.#closers.push(['usage', () => usage.close()]);
    const { ledger } = usage;
    const snapshot = await this.#openSnapshot(store, { hashKey, ledger });
    const origins = (): readonly string[] => snapshot.originNames();
    await tls.openAcme({ gateway: this.id, store, secrets: ownSecrets, origins });
    this.#closers.push(['certificates by ACME', () => tls.closeAcme()]);
    const { identity, signOns, factors, ...opened } = await openIdentity({
      clock: this.#clock,
      log: this.#log,
      store,
      journal,
      snapshot,
      secrets,
      ownSecrets,
      sshKeys,
      consoleUrl: () => this.consoleUrl,
      sessions: () => this.doors?.sessions ?? null,
    });
    this.#closers.push(['identity', () => opened.close()]);
    this.firstPasswordPath = await createFirstAdministrator({ store, identity, snapshot, journal, dataDirectory });
    const metrics = openMetrics({
      liveSessions: () => this.doors.sessions.size,
      durableSequence: () => journal.durableSequence,
      spaceLevel: () => journal.spaceLevel,
      certificates: () => tls.standings(),
    });
    const vanished = new VanishedPeers({ clock: this.#clock, log: this.#log });
    this.#closers.push(['vanished peers', () => vanished.stop()]);
    const { reviews, grants, authorisation, requests, directory, chat, close } = await openReviews({
      store,
      snapshot,
      journal,
      clock: this.#clock,
      log: this.#log,
      gateway: this.id,
      consoleUrl: () => this.consoleUrl,
      config: this.#config,
      identity,
      ownSecrets,
      sessions: () => this.doors?.sessions ?? null,
    });
    this.#closers.push(['reviews', close]);
    const monitoring = await openMonitoring({
      gateway: this.id,
      config: this.#config,
      clock: this.#clock,
      log: this.#log,
      protocols: this.#protocols,
      store,
      journal,
      recordings,
      snapshot,
      identity,
      secrets,
      ownSecrets,
      hashKey,
      metrics,
      reviews,
      grants,
      sessions: () => this.doors?.sessions ?? null,
      consoleUrl: () => this.consoleUrl,
    });
    this.#closers.push(['monitoring', () => monitoring.close()]);
    const credentials = createCredentials(secrets, sshKeys.userAuthority, this.#clock);
    const means = { dialler: createDialler(vanished), credentials };
    this.doors = new Doors({
      clock: this.#clock,
      log: this.#log,
      journal: counted(journal, metrics, ledger),
      recordings,
      identification: identity,
      authorisation,
      resources: { find: (name) => snapshot.resource(name) },
      ...means,
      sessions: this.#config.sessions,
      isVouchedFor: (principal) => isStillVouchedFor(principal, snapshot),
      judge: monitoring.judge(createJudge(snapshot)),
      reviews: withStepUps(reviews, { clock: this.#clock, identity }),
      requests,
    });
    const stopEnding = endWhatIsRevoked({
      clock: this.#clock,
      sessions: this.doors.sessions,
      identity,
      snapshot,
      authorisation,
      grants,
      log: this.#log,
    });
    this.#closers.push(['revocation', stopEnding]);
    this.#syncLatency = await measureSync(dataDirectory).catch(() => null);
    await this.#openApi({
      store,
      identity,
      identities: { providers: signOns, scim: opened.scim },
      factors,
      secrets,
      snapshot,
      authorisation,
      recordings,
      metrics,
      monitoring,
      tls,
      hashKey,
      ssh: sshServices({ keys: sshKeys, snapshot, dialler: means.dialler, clock: this.#clock, log: this.#log }),
      hostKeys: () => sshKeys.hostKeys,
      trials: means,
      reviewing: { ...apiReviews({ reviews, grants, directory }), chat },
      accessReport: accessReport({ clock: this.#clock, snapshot, store, grants, authorisation }),
    });
    this.listeners = await openListeners(this.#config.listeners, {
      ...{ protocols: this.#protocols, authority: tls.authority, sshKeys, metrics, vanished, snapshot },
      ...{ doors: this.doors, clock: this.#clock, log: this.#log },
    });
    this.#timers.push(...tls.begin(async () => this.#console?.renew()));
    await this.#record({ type: 'gateway.started', version });
    this.#log.info('gateway started', { gateway: this.id, console: this.consoleUrl, version });
  }

  async stop(reason: string, drainMs: number): Promise<void> {
    if (this.#stopping !== null) {
      this.#hurry?.();
      return this.#stopping;
    }
    this.#stopping = this.#stop(reason, drainMs);
    return this.#stopping;
  }

  async #stop(reason: string, drainMs: number): Promise<void> {
    this.#draining = true;
    for (const timer of this.#timers) timer.cancel();
    if (this.doors !== undefined) {
      this.doors.close();
      await Promise.all(this.listeners.map((listener) => listener.close()));
      await this.#drain(drainMs);
      this.doors.abort();
    }
    const unclosed: string[] = [];
    for (const [name, close] of [...this.#closers].reverse()) {
      // One room that cannot close must not keep the others open; what it held is recovered at the next start.
      const closed = name === 'journal' ? this.#record({ type: 'gateway.stopped', reason }).finally(close) : close();
      await Promise.resolve(closed).catch((error: unknown) => unclosed.push(`${name}: ${describeError(error)}`));
    }
    for (const detail of unclosed) this.#log.error('closing failed', { detail });
    this.#log.info('gateway stopped', { gateway: this.id, reason });
  }

  async #drain(drainMs: number): Promise<void> {
    const { sessions } = this.doors;
    const wait = (milliseconds: number): Promise<void> =>
      new Promise((resolve) => {
        this.#hurry = resolve;
        setTimeout(resolve, milliseconds);
      });
    if (sessions.size > 0 && drainMs > 0) await Promise.race([sessions.whenEmpty(), wait(drainMs)]);
    sessions.end(() => true, ending('drained', 'The gateway is shutting down. Connect again in a moment.'));
    await Promise.race([sessions.whenEmpty(), wait(limits.stopDeadlineMs)]);
  }

  async #openStore(): Promise<{ store: Store; ownSecrets: Secrets; keys: RecordingKeyRing; secrets: Secrets }> {
    const { dataDirectory, storeUrl, key } = this.#config;
    const keyRing = await openKeyRing(
      'env' in key ? { keys: process.env[key.env] ?? '' } : { file: key.file, create: true },
    );
    const store = await openStore(
      storeUrl === null ? { directory: join(dataDirectory, 'store') } : { databaseUrl: storeUrl },
    );
    this.store = store;
    this.#closers.push(['store', () => store.close()]);
    store.onFailure((error) => this.#fail(error));
    const ownSecrets = createSecrets({ keyRing, sealedStore: store.sealed, clock: this.#clock });
    const secrets = createSecrets({
      keyRing,
      sealedStore: withoutOwnSecrets(store.sealed),
      clock: this.#clock,
      forbiddenFolders: [dataDirectory],
    });
    const keys = await openRecordingKeys({ keyRing, ownSecrets, dataDirectory, gateway: this.id, clock: this.#clock });
    // Rotation wraps every data key anew, the gateway's own among them.
    return { store, ownSecrets, keys, secrets: withRotation(secrets, () => keys.rotate()) };
  }

  async #openJournal(secrets: Secrets, keys: RecordingKeyRing) {
    const { dataDirectory, recording } = this.#config;
    const journal = await openJournal({
      dir: dataDirectory,
      signingKey: await signingKey(secrets, this.id),
      clock: this.#clock,
      log: this.#log,
      onFailure: () => this.#journalFailed(),
      onSpaceChange: (level) => {
        if (level !== 'end') return;
        this.doors?.sessions.end(() => true, ending('space', 'The gateway has no room left to record.'));
      },
    });
    this.journal = journal;
    this.#closers.push(['journal', () => journal.close()]);
    const recordings = openRecordings({
      journal,
      keys,
      clock: this.#clock,
      ...recording,
    });
    this.#closers.push(['recordings', () => recordings.close()]);
    return { journal, recordings };
  }

  /** Everything that was being recorded ends; the journal is tried again until the disk works (F-03). */
  #journalFailed(): void {
    this.doors?.sessions.end(
      () => true,
      ending('recording-failed', 'The gateway cannot record at the moment, so the session was ended.'),
    );
    retry(
      this.#clock,
      limits.journalReopenMs,
      () => this.#draining,
      async () => {
        await this.journal.reopen();
        this.#log.warn('the journal works again');
      },
    );
  }

  async #openSnapshot(store: Store, makings: RuleMakings): Promise<Snapshot> {
    const snapshot = new Snapshot(store.objects, this.#protocols, this.#log, makings, this.#clock);
    await snapshot.reload();
    const reload = (): void =>
      inBackground(
        this.#log,
        'configuration could not be read; the one before stays in force until it can',
        snapshot.reload(),
        () =>
          retry(
            this.#clock,
            limits.configurationRetryMs,
            () => this.#draining,
            () => snapshot.reload(),
          ),
      );
    const stop = onConfigured(store.objects, reload);
    this.#closers.push(['configuration', stop]);
    return snapshot;
  }

  async #openApi(rooms: {
    store: Store;
    identity: Identity;
    identities: Pick<ApiPorts, 'providers' | 'scim'>;
    factors: ApiPorts['factors'];
    secrets: Secrets;
    snapshot: Snapshot;
    authorisation: Authorisation;
    recordings: SessionRecordings;
    metrics: Metrics;
    monitoring: Monitoring;
    tls: Tls;
    hashKey: Buffer;
    ssh: ApiPorts['ssh'];
    hostKeys: () => readonly string[];
    trials: ApiPortParts['trials'];
    reviewing: Pick<ApiPorts, 'reviews' | 'grants' | 'chat'>;
    accessReport: AccessReport;
  }): Promise<void> {
    const { journal } = this;
    const { readEvents, ports: monitoring } = rooms.monitoring;
    const lab = createPolicyLab({
      clock: this.#clock,
      protocols: this.#protocols,
      snapshot: rooms.snapshot,
      authorisation: rooms.authorisation,
      hashKey: rooms.hashKey,
      inForce: rooms.monitoring.inForce,
      lastSequence: () => journal.durableSequence,
      readEvents,
    });
    const ports = apiPorts({
      ...rooms,
      monitoring,
      clock: this.#clock,
      sessions: this.doors.sessions,
      protocols: this.#protocols,
      listenerOf: (protocol) => listenerOf(this.listeners, protocol),
      workbench: workbenchPort({
        ...{ protocols: this.#protocols, snapshot: rooms.snapshot, identity: rooms.identity, doors: this.doors },
        ...{ authority: rooms.tls.authority, hostKeys: rooms.hostKeys, clock: this.#clock, log: this.#log },
        ...{ journal, isClosed: () => this.#stopping !== null },
      }),
      proveRecording: recordingProofs({
        gateway: this.id,
        dataDirectory: this.#config.dataDirectory,
        directory: rooms.recordings.directory,
        store: this.store,
        journal,
      }),
      readRecording: async (session, signal) => untilAborted(rooms.recordings.read(session), signal),
      followRecording: (session, signal) =>
        this.doors.sessions.get(session) === null ? null : untilAborted(rooms.recordings.follow(session), signal),
      journal,
      readEvents,
      ...rooms.reviewing,
      checks: rooms.monitoring.checks(withProviderChecks(lab)),
      explainer: lab,
      lab,
      status: gatewayStatus({
        startedAtMs: this.#startedAtMs,
        dataDirectory: this.#config.dataDirectory,
        journal,
        recordings: rooms.recordings,
        store: this.store,
        metrics: rooms.metrics,
        syncLatency: () => this.#syncLatency,
        draining: () => this.#draining,
        listeners: () => this.listeners,
        certificates: () => rooms.tls.standings(),
        liveSessions: () => this.doors.sessions.size,
      }),
    });
    const console = await openConsole({
      config: this.#config.console,
      ports,
      protocols: this.#protocols,
      authority: rooms.tls.authority,
      clock: this.#clock,
      log: this.#log,
    });
    this.#closers.push(['api', () => console.close()]);
    this.#console = console;
    this.consoleUrl = console.url;
  }

  async #record(event: EventBody): Promise<void> {
    await durable(this.journal, this.journal.append(event));
  }
}
