/**
 * What follows the journal: the index of sessions, history, detections, sinks, retention, opened in this order and closed in reverse.
 *
 * Invariant: off the data path. What is slow or fails here delays itself, never a session; the responses of detections are the
 * one exception, and the judge reads those from memory.
 *
 * Deliberately absent: logic of any of them. Each has a file of its own, opened by one block below.
 */
import type { ApiPorts, RuleChecks } from '../api/index.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { Event } from '../core/event.ts';
import type { Judge } from '../core/ports.ts';
import type { Protocol } from '../core/protocol.ts';
import { builtInDetectors, ordinaryHours } from '../detection/index.ts';
import type { Identity } from '../identity/index.ts';
import { type RecordingJournal, readEvents as readJournal, type SessionRecordings } from '../recording/index.ts';
import type { Secrets } from '../secrets/index.ts';
import type { Store } from '../store/index.ts';
import { openAlerts } from './alerts.ts';
import type { GatewayConfig } from './config.ts';
import { createDetectionLab, withDetectionChecks } from './detection-lab.ts';
import type { GrantService } from './grants.ts';
import { openHistory } from './history.ts';
import { journalLookups } from './journal-lookups.ts';
import { openLive } from './live.ts';
import type { Metrics } from './metrics.ts';
import type { ResponsesInForce } from './responses-in-force.ts';
import type { ReviewService } from './reviews.ts';
import { reportsPort, withSearchChecks } from './searching.ts';
import { followSessions } from './session-index.ts';
import { withSinkChecks } from './sink-checks.ts';
import { openSinks } from './sinks.ts';
import type { Snapshot } from './snapshot.ts';
import { openStoring } from './storing.ts';

export interface MonitoringParts {
  /** Id of this gateway. */
  readonly gateway: string;
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly log: Log;
  readonly protocols: readonly Protocol[];
  readonly store: Store;
  readonly journal: RecordingJournal;
  readonly recordings: SessionRecordings;
  readonly snapshot: Snapshot;
  readonly identity: Identity;
  /** Those that configuration refers to. */
  readonly secrets: Secrets;
  /** The gateway's own. */
  readonly ownSecrets: Secrets;
  /** The key of keyed hashes, shared by all gateways on one store. */
  readonly hashKey: Buffer;
  readonly metrics: Metrics;
  readonly reviews: ReviewService;
  readonly grants: GrantService;
  /** Null until doors are open. */
  readonly sessions: () => LiveSessions | null;
  /** Read when a link is made: the console opens later. */
  readonly consoleUrl: () => string;
}

/** What the API asks of monitoring; each block below adds its names. */
export type MonitoringPorts = Pick<
  ApiPorts,
  'alerts' | 'detections' | 'live' | 'reports' | 'search' | 'sinks' | 'storage'
>;

export interface Monitoring {
  readonly ports: MonitoringPorts;
  /** Durable events of the journal from a sequence on, in order; ends where the journal does now. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
  /** With those of what watches and searches. */
  checks(checks: RuleChecks): RuleChecks;
  /** What detections do now. */
  readonly inForce: ResponsesInForce;
  /** The judge with the responses in force. Reads from memory. */
  judge(judge: Judge): Judge;
  close(): Promise<void>;
}

/** Opens everything that follows the journal. Rejects where one cannot be opened; those before are closed then. */
export async function openMonitoring(parts: MonitoringParts): Promise<Monitoring> {
  const { gateway, store, journal, clock, log } = parts;
  const closers: (readonly [name: string, close: () => Promise<void> | void])[] = [];
  const close = async (): Promise<void> => {
    for (const [name, closeOne] of closers.splice(0).reverse()) {
      // One that cannot close must not keep the others open: all of them go on from their cursor at the next start.
      await Promise.resolve()
        .then(closeOne)
        .catch((error: unknown) => log.error('closing failed', { detail: `${name}: ${describeError(error)}` }));
    }
  };
  const readEvents = (from: number): AsyncIterable<Event> =>
    readJournal(parts.config.dataDirectory, { from, to: journal.durableSequence });
  try {
    // --- the index of sessions
    closers.push(['index of sessions', await followSessions({ gateway, store, journal, clock, log })]);

    // --- history: the index that searches ask
    const history = await openHistory({ ...parts, isOff: parts.config.history === 'off' });
    closers.push(['history', () => history.close()]);

    const reports = await reportsPort(gateway, parts.ownSecrets);

    // --- detections, alerts and responses
    const alerts = await openAlerts({ ...parts, readEvents });
    closers.push(['detections', () => alerts.close()]);
    const lab = createDetectionLab({
      definitions: builtInDetectors,
      hours: parts.config.officeHours ?? ordinaryHours,
      lastSequence: () => journal.durableSequence,
      readEvents,
    });

    // --- sinks
    const lookups = journalLookups({ gateway, store, readEvents });
    const sinks = await openSinks({ ...parts, lookups, readEvents });
    closers.push(['sinks', () => sinks.close()]);

    // --- retention and storage
    const storing = await openStoring({
      gateway,
      config: parts.config,
      clock,
      log,
      store,
      journal,
      recordings: parts.recordings,
      resource: (name) => parts.snapshot.resourceFacts(name),
      needed: async () => [...(await sinks.needed()), ...(await consumersOf(store, gateway))],
      environment: process.env,
    });
    closers.push(['storage', () => storing.close()]);

    // --- what is pushed while one looks
    const live = openLive({ ...parts, inForce: alerts.inForce });
    closers.push(['the push stream', () => live.close()]);

    const ports: MonitoringPorts = {
      alerts: alerts.port,
      detections: lab,
      search: history.port,
      live: live.port,
      reports,
      storage: storing.port,
      sinks: sinks.port,
    };
    const checks = (rules: RuleChecks): RuleChecks =>
      withDetectionChecks(
        withSearchChecks(withSinkChecks(rules), () => clock.now()),
        lab,
      );
    return { ports, readEvents, checks, inForce: alerts.inForce, judge: (judge) => alerts.judge(judge), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Where the consumers that every gateway has stand: what lies behind them, nobody reads again but to build anew. */
async function consumersOf(
  { history, detectors, sessions, recordings }: Store,
  gateway: string,
): Promise<readonly { readonly by: string; readonly sequence: number }[]> {
  const detecting = await detectors.load(gateway);
  const [index, listed, register] = await Promise.all([
    history.cursor(gateway),
    sessions.cursor(`sessions:${gateway}`),
    recordings.cursor(`recordings:${gateway}`),
  ]);
  return [
    { by: 'the index', sequence: index + 1 },
    { by: 'the list of sessions', sequence: listed + 1 },
    { by: 'the register of recordings', sequence: register + 1 },
    ...(detecting === null ? [] : [{ by: 'the detections', sequence: detecting.sequence + 1 }]),
  ];
}
