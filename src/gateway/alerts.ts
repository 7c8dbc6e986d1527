/**
 * Alerts as people handle them, and everything of detections opened together: the engine over the journal, the writer, the responses.
 *
 * Invariants:
 * - What is done with an alert is durable in the journal before the alert changes; what was journaled and not written when the
 *   gateway stopped is written at the next start.
 * - Nobody resolves an alert about themself, or ends a response that concerns them, while somebody else may.
 *
 * Deliberately absent: who may read and handle alerts at all (the API's table).
 */
import { type AlertFound, type AlertService, type Permission, permissionsFor } from '../api/index.ts';
import type { AlertAction, AlertState } from '../core/alert.ts';
import { durable } from '../core/door.ts';
import { actorOf, type Event } from '../core/event.ts';
import type { Judge } from '../core/ports.ts';
import type { Principal } from '../core/principal.ts';
import { builtInDetectors, ordinaryHours } from '../detection/index.ts';
import { readEvents as readJournal } from '../recording/index.ts';
import type { AlertCursor, StoredAlert, StoredResponse, StoredTrailEntry } from '../store/index.ts';
import { readEvidence } from './alert-evidence.ts';
import { AlertWriter } from './alert-writer.ts';
import { inBackground } from './background.ts';
import { Detecting } from './detecting.ts';
import { gatewayErrors } from './errors.ts';
import { journalLookups } from './journal-lookups.ts';
import * as limits from './limits.ts';
import type { MonitoringParts } from './monitoring.ts';
import { ResponseService } from './responses.ts';
import type { ResponsesInForce } from './responses-in-force.ts';
import type { Snapshot } from './snapshot.ts';

export interface AlertParts
  extends Pick<
    MonitoringParts,
    | 'gateway'
    | 'config'
    | 'clock'
    | 'log'
    | 'protocols'
    | 'store'
    | 'journal'
    | 'snapshot'
    | 'hashKey'
    | 'metrics'
    | 'sessions'
  > {
  readonly readEvents: (from: number) => AsyncIterable<Event>;
}

export interface OpenAlerts {
  readonly port: AlertService;
  readonly inForce: ResponsesInForce;
  judge(judge: Judge): Judge;
  close(): Promise<void>;
}

/** Opens the responses in force first: nothing may be judged before they are known. Then follows the journal. */
export async function openAlerts(parts: AlertParts): Promise<OpenAlerts> {
  const { gateway, clock, log, store, journal, snapshot, config, readEvents } = parts;
  const responses = new ResponseService({
    ...parts,
    mayLock: (id) => [...others(snapshot, id)].some(({ roles }) => roles.includes('admin')),
  });
  await responses.open();
  const counts = openCounts(parts);
  const writer = new AlertWriter({ store, clock, log, onWritten: () => counts.look() });
  const raisedFrom = (from: number): AsyncIterable<Event> =>
    readJournal(config.dataDirectory, { from, to: journal.durableSequence, types: alertTypes });
  const detecting = new Detecting({
    gateway,
    clock,
    log,
    store,
    journal,
    definitions: builtInDetectors,
    hours: config.officeHours ?? ordinaryHours,
    lookups: journalLookups({ gateway, store, readEvents }),
    readEvents,
    raisedFrom,
    writer,
    responses,
    changed: async (event) => {
      const to = event.to === null ? null : snapshot.principal(event.to);
      await store.alerts.act(event.alert, entryOf(gateway, event), to === null ? null : { id: to.id, name: to.name });
    },
    actor: (id) => {
      const entry = snapshot.principalById(id);
      return entry === null ? null : actorOf({ ...entry, authentication: systemAuthentication });
    },
  });
  const service = new Alerts(parts, writer, responses);
  await detecting.open();
  const { metrics } = parts;
  metrics.gauge(
    'sallyport_detection_lag_seconds',
    'How far detections are behind the journal.',
    () => detecting.lagMs / 1000,
  );
  metrics.gauge(
    'sallyport_detections_failed',
    'Detections that failed and are switched off.',
    () => detecting.failed.length,
  );
  metrics.gauge(
    'sallyport_alerts_waiting',
    'Alerts and responses that the store does not have yet.',
    () => writer.waiting + responses.waiting,
  );
  metrics.gauge('sallyport_alerts_open', 'Alerts that nobody resolved, by severity.', () => counts.open(), 'severity');
  metrics.gauge(
    'sallyport_responses_in_force',
    'Responses of detections that are in force.',
    () => responses.inForce.size,
  );
  const purging = clock.every(purgeIntervalMs, () =>
    inBackground(
      log,
      'old responses could not be deleted',
      store.responses.purge(clock.now() - limits.responsesKeptMs),
    ),
  );
  return {
    port: service,
    inForce: responses.inForce,
    judge: (judge) => responses.judging(judge),
    close: async () => {
      purging.cancel();
      await detecting.close();
      await responses.close();
    },
  };
}

const alertTypes = ['alert.raised', 'alert.changed', 'response.changed'] as const;
const systemAuthentication = { method: 'system', credentialId: null, atMs: 0 } as const;
const purgeIntervalMs = 60 * 60_000;
const responsesShown = 100;

function* others(snapshot: Snapshot, id: string) {
  for (const entry of snapshot.principals()) if (entry.id !== id && !entry.disabled) yield entry;
}

/** How many alerts are open, as of a moment ago. */
function openCounts({ store, log }: AlertParts): { look(): void; open(): ReadonlyMap<string, number> } {
  let counted: ReadonlyMap<string, number> = new Map();
  let isCounting = false;
  const look = (): void => {
    if (isCounting) return;
    isCounting = true;
    const work = store.alerts.countOpen().then((counts) => {
      counted = counts;
    });
    inBackground(
      log,
      'open alerts could not be counted',
      work.finally(() => (isCounting = false)),
    );
  };
  look();
  return {
    look,
    open: () => {
      look();
      return counted;
    },
  };
}

/** What may be done in which state. */
const possible: Readonly<Record<AlertAction, readonly AlertState[]>> = {
  acknowledge: ['open'],
  assign: ['open', 'acknowledged', 'suppressed'],
  comment: ['open', 'acknowledged', 'resolved', 'suppressed'],
  resolve: ['open', 'acknowledged', 'suppressed'],
  'false-positive': ['open', 'acknowledged', 'suppressed', 'resolved'],
  reopen: ['resolved', 'suppressed'],
};

const doings: Readonly<Record<AlertAction, string>> = {
  acknowledge: 'acknowledged',
  assign: 'assigned',
  comment: 'commented on',
  resolve: 'resolved',
  'false-positive': 'called a false positive',
  reopen: 'reopened',
};

class Alerts implements AlertService {
  readonly #parts: AlertParts;
  readonly #writer: AlertWriter;
  readonly #responses: ResponseService;

  constructor(parts: AlertParts, writer: AlertWriter, responses: ResponseService) {
    this.#parts = parts;
    this.#writer = writer;
    this.#responses = responses;
  }

  async list(query: Parameters<AlertService['list']>[0]): ReturnType<AlertService['list']> {
    const { limit, cursor, states, severities, detection, principal, resource, session, assignee, sinceMs, untilMs } =
      query;
    const given = { states, severities, detection, principal, resource, session, assignee, sinceMs, untilMs };
    const filter = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
    const alerts = await this.#parts.store.alerts.list(filter, { limit, after: cursorOf(cursor) });
    const last = alerts.length < limit ? undefined : alerts.at(-1);
    return { alerts, next: last === undefined ? null : `${last.firstAtMs}.${last.id}` };
  }

  async get(id: string, viewer: Principal): Promise<AlertFound | null> {
    const alert = await this.#parts.store.alerts.get(id);
    return alert === null ? null : this.#foundOf(alert, viewer);
  }

  async handle(id: string, by: Principal, what: Parameters<AlertService['handle']>[2]): Promise<AlertFound> {
    const { store, journal, gateway, clock } = this.#parts;
    const { action, text } = what;
    await this.#writer.settled();
    const alert = await store.alerts.get(id);
    if (alert === null) throw gatewayErrors('gateway.alert-not-found');
    if (!possible[action].includes(alert.state)) {
      throw gatewayErrors('gateway.alert-state', { values: { state: alert.state, action: doings[action] } });
    }
    const closes = action === 'resolve' || action === 'false-positive';
    if (closes && !this.#mayClose(alert, by)) throw gatewayErrors('gateway.alert-own');
    const assignee = what.to === null ? null : this.#assignee(what.to);
    const to = assignee?.name ?? null;
    const atMs = clock.now();
    const principal = actorOf(by);
    const sequence = journal.append({ type: 'alert.changed', alert: id, principal, action, to, text });
    await durable(journal, sequence);
    const entry: StoredTrailEntry = { gateway, sequence, atMs, by: { id: by.id, name: by.name }, action, to, text };
    const changed = await store.alerts.act(id, entry, assignee);
    if (changed === null) throw gatewayErrors('gateway.alert-not-found');
    return this.#foundOf(changed, by);
  }

  async responses(query: Parameters<AlertService['responses']>[0]): ReturnType<AlertService['responses']> {
    const { isLive, alert, limit, cursor } = query;
    await this.#responses.settled();
    const responses = await this.#responses.list(
      { isLive, ...(alert === null ? {} : { alert }) },
      { limit, after: cursorOf(cursor) },
    );
    const last = responses.length < limit ? undefined : responses.at(-1);
    return { responses, next: last === undefined ? null : `${last.sinceMs}.${last.id}` };
  }

  async endResponse(id: string, by: Principal): Promise<void> {
    const found = await this.#parts.store.responses.get(id);
    if (found !== null && found.owner.id === by.id && this.#isAnotherLeft(by))
      throw gatewayErrors('gateway.response-own');
    await this.#responses.end(id, by);
  }

  #mayClose(alert: StoredAlert, by: Principal): boolean {
    return alert.principal?.id !== by.id || !this.#isAnotherLeft(by);
  }

  /** Whether somebody else may handle alerts. */
  #isAnotherLeft(by: Principal): boolean {
    return [...others(this.#parts.snapshot, by.id)].some((entry) => mayHandle(entry));
  }

  #assignee(name: string): { readonly id: string; readonly name: string } {
    const entry = this.#parts.snapshot.principal(name);
    if (entry === null || entry.disabled || !mayHandle(entry)) {
      throw gatewayErrors('gateway.alert-assignee', { values: { name } });
    }
    return { id: entry.id, name: entry.name };
  }

  async #foundOf(alert: StoredAlert, viewer: Principal): Promise<AlertFound> {
    const { store } = this.#parts;
    const responses: readonly StoredResponse[] = await store.responses.list(
      { alert: alert.id },
      { limit: responsesShown },
    );
    return {
      alert,
      facts: alert.facts as AlertFound['facts'],
      evidence: await readEvidence(this.#parts, alert),
      trail: alert.trail,
      responses,
      mayResolve: this.#mayClose(alert, viewer),
    };
  }
}

function entryOf(gateway: string, event: Extract<Event, { readonly type: 'alert.changed' }>): StoredTrailEntry {
  const { seq, at, principal, action, to, text } = event;
  return { gateway, sequence: seq, atMs: at, by: { id: principal.id, name: principal.name }, action, to, text };
}

/** A person who may: services and agents handle nothing. */
function mayHandle(entry: Parameters<typeof permissionsOfEntry>[0]): boolean {
  return permissionsOfEntry(entry)['alerts.handle'] === 'all';
}

function permissionsOfEntry(entry: Omit<Principal, 'authentication'>): Partial<Record<Permission, 'own' | 'all'>> {
  return permissionsFor({ ...entry, authentication: systemAuthentication });
}

function cursorOf(text: string | null): AlertCursor | null {
  if (text === null) return null;
  const dot = text.indexOf('.');
  const atMs = Number(text.slice(0, dot));
  return { atMs: Number.isSafeInteger(atMs) ? atMs : 0, id: text.slice(dot + 1) };
}
