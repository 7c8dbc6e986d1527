/**
 * What changes while one looks, pushed: topics whose lists are to be asked again, and figures of live sessions.
 *
 * Invariants:
 * - A topic is told after what changed can be asked for, at most once in `liveGatherMs`, from whichever gateway it came.
 * - Who sees only what is their own hears of their own sessions only, and never an id of anything else (A-API-02).
 * - What waits for one who reads slowly is bounded: a topic is told once however often it changed, and figures are the latest.
 * - With nobody looking, nothing is read but one number of each session every `liveBucketMs`, for the minutes that are then shown.
 *
 * Deliberately absent: the end of the right to the stream (the API watches it).
 */
import { type ApiPorts, type LiveEntryView, type LiveTopic, permissionsFor, type Scope } from '../api/index.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { LiveSessions } from '../core/door.ts';
import type { Principal } from '../core/principal.ts';
import type { IdNotice, LiveNotice, ObjectNotice, Store } from '../store/index.ts';
import { inBackground } from './background.ts';
import * as limits from './limits.ts';
import { FigureTable } from './live-figures.ts';
import { LiveOrders } from './live-orders.ts';
import { LiveSharing } from './live-sharing.ts';
import type { ResponsesInForce } from './responses-in-force.ts';
import { version } from './version.ts';

export interface LiveParts {
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'grants' | 'live' | 'objects' | 'responses' | 'reviews' | 'sessions'>;
  /** Null until doors are open. */
  readonly sessions: () => Pick<LiveSessions, 'all' | 'get' | 'end'> | null;
  readonly inForce: Pick<ResponsesInForce, 'riskOf'>;
}

export interface OpenLive {
  readonly port: ApiPorts['live'];
  close(): void;
}

/** Which permission makes a topic one's concern. Objects stand behind the resources that one may open, too. */
const concerns = {
  sessions: 'sessions.read',
  reviews: 'reviews.read',
  grants: 'grants.read',
  alerts: 'alerts.read',
  objects: 'resources.read',
} as const satisfies Readonly<Record<LiveTopic, string>>;
const topics = Object.keys(concerns) as LiveTopic[];

/** One who looks. */
class Viewer {
  readonly principalId: string;
  readonly scope: Scope;
  readonly topics: ReadonlySet<LiveTopic>;
  /** Of the figures: up to where they were told. */
  seen = 0;
  wantsFigures = true;
  readonly #due = new Map<LiveTopic, string | null>();
  readonly #clock: Clock;
  #timer: Timer | null = null;
  #wake: (() => void) | null = null;

  constructor(principal: Principal, scope: Scope, clock: Clock) {
    this.principalId = principal.id;
    this.scope = scope;
    this.#clock = clock;
    const may = permissionsFor(principal);
    this.topics = new Set(topics.filter((topic) => may[concerns[topic]] !== undefined));
  }

  tell(topic: LiveTopic, id: string | null): void {
    if (!this.topics.has(topic)) return;
    const told = this.scope === 'all' ? id : null;
    const before = this.#due.get(topic);
    this.#due.set(topic, before === undefined || before === told ? told : null);
    this.#timer ??= this.#clock.after(limits.liveGatherMs, () => this.wake());
  }

  wake(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#wake?.();
  }

  takeTopics(): readonly LiveEntryView[] {
    const due = [...this.#due].map(([topic, id]) => ({ type: 'changed' as const, topic, id }));
    this.#due.clear();
    return due;
  }

  /** Resolves when there may be something to tell. */
  async waiting(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.wantsFigures || (this.#due.size > 0 && this.#timer === null)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#wake = null;
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }

  leave(): void {
    this.#timer?.cancel();
  }
}

export function openLive(parts: LiveParts): OpenLive {
  return new LiveHub(parts);
}

class LiveHub implements OpenLive {
  readonly port: ApiPorts['live'];
  readonly #parts: LiveParts;
  readonly #viewers = new Set<Viewer>();
  readonly #table: FigureTable;
  readonly #sharing: LiveSharing;
  readonly #orders: LiveOrders;
  readonly #owners = new Map<string, string>();
  readonly #stops: (() => void)[];
  #beat: Timer | null = null;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    const { clock, store, inForce, sessions } = parts;
    this.#orders = new LiveOrders({ ...parts, live: store.live });
    this.port = {
      follow: (principal, scope, signal) => this.#follow(principal, scope, signal),
      order: (session, order) => this.#orders.send(session, order),
    };
    this.#table = new FigureTable({
      clock,
      sessions: () => sessions()?.all() ?? [],
      riskOf: (principalId, id) => {
        const risk = inForce.riskOf(principalId, id);
        return Math.max(risk.session, risk.principal);
      },
    });
    const isLookedAt = (): boolean => this.#viewers.size > 0;
    this.#sharing = new LiveSharing({ ...parts, store: store.live, table: this.#table, isLookedAt });
    const turning = clock.every(limits.liveBucketMs, () => this.#table.turn());
    this.#stops = [
      () => turning.cancel(),
      store.live.onNotice((notice) => this.#heard(notice)),
      store.reviews.onChange((notice) => this.#changed('reviews', notice)),
      store.grants.onChange((notice) => this.#changed('grants', notice)),
      store.responses.onChange((notice) => this.#changed('alerts', notice)),
      store.objects.onChange((notice) => this.#changedObject(notice)),
    ];
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#sharing.close();
    this.#beat?.cancel();
    for (const viewer of this.#viewers) viewer.leave();
    this.#viewers.clear();
  }

  async *#follow(
    principal: Principal,
    scope: Scope,
    signal: AbortSignal,
  ): AsyncGenerator<LiveEntryView, void, undefined> {
    const { gateway, clock } = this.#parts;
    const viewer = new Viewer(principal, scope, clock);
    this.#enter(viewer);
    try {
      yield { type: 'hello', at: this.#now(), gateway, version };
      while (!signal.aborted) {
        yield* viewer.takeTopics();
        if (viewer.wantsFigures) yield* this.#figuresFor(viewer);
        await viewer.waiting(signal);
      }
    } finally {
      this.#leave(viewer);
    }
  }

  #enter(viewer: Viewer): void {
    this.#viewers.add(viewer);
    this.#table.refresh();
    this.#sharing.look();
    this.#beat ??= this.#parts.clock.every(limits.liveFiguresMs, () => this.#tick());
  }

  #leave(viewer: Viewer): void {
    viewer.leave();
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    this.#beat?.cancel();
    this.#beat = null;
  }

  #tick(): void {
    const before = this.#table.version;
    this.#table.refresh();
    for (const viewer of this.#viewers) {
      if (viewer.seen === this.#table.version && before === this.#table.version) continue;
      viewer.wantsFigures = true;
      viewer.wake();
    }
  }

  /** What is new to a viewer; taken as it is read, so that a slow reader is given what is true then. */
  *#figuresFor(viewer: Viewer): Generator<LiveEntryView, void, undefined> {
    viewer.wantsFigures = false;
    const since = viewer.seen;
    viewer.seen = this.#table.version;
    if (!viewer.topics.has('sessions')) return;
    const own = viewer.scope === 'all' ? null : viewer.principalId;
    const changed = [...this.#table.since(since, own)];
    for (let from = 0; from < changed.length; from += limits.liveSessionsPerEntry) {
      const sessions = changed.slice(from, from + limits.liveSessionsPerEntry).map(({ figures }) => figures);
      yield { type: 'figures', at: this.#now(), sessions };
    }
  }

  #now(): string {
    return new Date(this.#parts.clock.now()).toISOString();
  }

  #heard(notice: LiveNotice): void {
    if (notice.type === 'said') {
      this.#sharing.hear(notice.text);
      this.#orders.hear(notice.text);
    } else if (notice.type === 'changed' && notice.topic === 'session') this.#changedSessions(notice.ids);
    else if (notice.type === 'changed') this.#changed('alerts', notice);
    else for (const topic of ['sessions', 'alerts'] as const) this.#tellEach([null], topic);
  }

  #changedSessions(ids: readonly string[]): void {
    if (this.#viewers.size === 0) return;
    // What another gateway told of it may be of a session that is over: it tells again what is not.
    for (const id of ids) this.#table.drop(id);
    this.#tellEach(ids, 'sessions', ({ scope }) => scope === 'all');
    if ([...this.#viewers].every(({ scope }) => scope === 'all')) return;
    for (const id of ids) inBackground(this.#parts.log, 'whose session changed is not known', this.#tellOwner(id));
  }

  #changed(topic: LiveTopic, notice: IdNotice): void {
    this.#tellEach(notice.type === 'resync' ? [null] : notice.ids, topic);
  }

  #changedObject(notice: ObjectNotice): void {
    this.#tellEach([notice.type === 'resync' ? null : `${notice.kind}/${notice.name}`], 'objects');
  }

  #tellEach(ids: readonly (string | null)[], topic: LiveTopic, which: (viewer: Viewer) => boolean = () => true): void {
    const id = ids.length === 1 ? ids[0]! : null;
    for (const viewer of this.#viewers) if (which(viewer)) viewer.tell(topic, id);
  }

  async #tellOwner(id: string): Promise<void> {
    const { sessions, store } = this.#parts;
    const known = sessions()?.get(id)?.principal.id ?? this.#table.ownerOf(id) ?? this.#owners.get(id);
    const owner = known ?? (await store.sessions.get(id))?.principalId;
    if (owner === undefined) return;
    this.#remember(id, owner);
    this.#tellEach([null], 'sessions', (viewer) => viewer.scope === 'own' && viewer.principalId === owner);
  }

  #remember(id: string, owner: string): void {
    this.#owners.delete(id);
    this.#owners.set(id, owner);
    if (this.#owners.size <= limits.liveOwnersMax) return;
    const [oldest] = this.#owners.keys();
    if (oldest !== undefined) this.#owners.delete(oldest);
  }
}
