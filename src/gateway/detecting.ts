/**
 * Detections over the live journal: every durable event, in order, through the engine; alerts into the journal, then into the store;
 * responses with them.
 *
 * Invariants:
 * - At least once, and never twice: the state of the engine is kept with the sequence that it stands at, once everything up to there
 *   was journaled and written. After a crash the events since are seen again and make the same alerts, which are known by their ids.
 * - An alert is durable in the journal before anything comes of it. A journal that fails, or a store that does not answer, delays
 *   alerts; the events wait where they are.
 * - Off the data path: work is done in slices, and a reader that is behind reads from files.
 * - A detection that cannot be compiled is left out and said; the others go on.
 *
 * Deliberately absent: what is found (detection), what is kept in the store (alert-writer.ts), what is done (responses.ts).
 */

import { setImmediate as otherWork, setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { describeError, isGatewayError } from '../base/errors.ts';
import { Activities, type Activity, type Lookups } from '../core/activity.ts';
import type { Alert } from '../core/alert.ts';
import type { DetectionSpec } from '../core/detection.ts';
import type { Actor, Event } from '../core/event.ts';
import type { RuleObject } from '../core/rules.ts';
import {
  compileDetection,
  createEngine,
  type DetectorDefinition,
  type Engine,
  type Hours,
  type Raised,
} from '../detection/index.ts';
import type { Subscription } from '../recording/index.ts';
import type { Store } from '../store/index.ts';
import { AlertJournal, type AlertJournalParts, rowOf, rowOfEvent } from './alert-journal.ts';
import type { AlertWriter } from './alert-writer.ts';
import { allObjects } from './all-objects.ts';
import { retry } from './background.ts';
import { learning, Pupil, withLearnt } from './detector-learning.ts';
import { type EngineStore, keepingEngine } from './detector-state.ts';
import * as limits from './limits.ts';
import type { ResponseService } from './responses.ts';
import { RuleAlerts } from './rule-alerts.ts';

export interface DetectingParts extends AlertJournalParts {
  readonly clock: Clock;
  readonly store: Pick<Store, 'detectors' | 'objects'>;
  readonly definitions: readonly DetectorDefinition[];
  /** Office hours of the installation. */
  readonly hours: Hours;
  readonly lookups: Lookups;
  /** Durable events of the journal from a sequence on. */
  readonly readEvents: (from: number) => AsyncIterable<Event>;
  readonly writer: AlertWriter;
  readonly responses: ResponseService;
  /** Something was done with an alert: what was journaled and perhaps not written. */
  readonly changed: (event: Extract<Event, { readonly type: 'alert.changed' }>) => Promise<void>;
}

/** Something that came of events, in order. */
type Outcome =
  | { readonly kind: 'raised'; readonly raised: Raised; readonly actor: Actor | null }
  | { readonly kind: 'rule'; readonly event: Extract<Event, { readonly type: 'alert.raised' }> };

export class Detecting {
  readonly #parts: DetectingParts;
  readonly #activities: Activities;
  readonly #kept: EngineStore;
  #rules: RuleAlerts;
  #engine: Engine;
  /** Those in force, that cannot be used too. */
  #running: readonly RuleObject<DetectionSpec>[] = [];
  /** The last event that the engine was shown, and its time. */
  #seen = 0;
  #seenAtMs = 0;
  /** What was found up to here is the past: it is not raised. */
  #pastUntil = 0;
  readonly #alerts: AlertJournal;
  /** Everything that touches the engine, one after another. */
  #work: Promise<void> = Promise.resolve();
  #subscription: Subscription | null = null;
  #savedAtMs = 0;
  #saveAfterMs: number = limits.detectorSaveMs;
  #isClosed = false;
  /** Stopped in the middle: what is in memory is ahead of what was carried out. */
  #isTorn = false;
  #wake: (() => void) | null = null;
  readonly #stops: (() => void)[] = [];

  constructor(parts: DetectingParts) {
    this.#parts = parts;
    this.#activities = new Activities(parts.lookups);
    this.#alerts = new AlertJournal(parts);
    this.#kept = keepingEngine(parts.store.detectors, parts.gateway, parts.log);
    this.#rules = new RuleAlerts(parts.gateway);
    this.#engine = createEngine({ detections: [], definitions: parts.definitions, hours: parts.hours });
  }

  /** Reads the detections and what they remember, and follows the journal from there. Rejects where the store does not answer. */
  async open(): Promise<void> {
    const { journal, store, clock, log } = this.#parts;
    this.#running = await this.#detections();
    this.#engine = this.#make(this.#running);
    const kept = await this.#kept.load();
    if (kept !== null && kept.sequence <= journal.durableSequence) {
      this.#seen = kept.sequence;
      const pupils = learning(this.#running, this.#engine.restore(kept.engine));
      if (pupils.length > 0) void this.#serial(async () => void this.#learn(pupils));
      this.#rules.restore(kept.rules);
      for (const id of kept.raised) this.#alerts.remember(id);
      for (const [id, sequence] of kept.closed) this.#alerts.close(id, sequence);
    } else {
      if (kept !== null) log.warn('detections are ahead of the journal; they begin anew', { at: kept.sequence });
      // What is usual is learnt from the past, and nothing that was found there is raised.
      this.#pastUntil = journal.durableSequence;
      this.#seen = Math.max(0, journal.durableSequence - limits.warmEventsMax);
      if (kept !== null) await store.detectors.clear(this.#parts.gateway);
    }
    this.#savedAtMs = clock.monotonic();
    void this.#serial(() => this.#remember(kept === null ? 1 : this.#seen + 1));
    this.#follow();
    const tick = clock.every(limits.detectorTickMs, () => void this.#serial(() => this.#tick()));
    this.#stops.push(
      () => tick.cancel(),
      store.objects.onChange((notice) => {
        if (notice.type === 'resync' || notice.kind === 'Detection') void this.#serial(() => this.#reload());
      }),
    );
  }

  /** How far the engine is behind the journal, milliseconds. */
  get lagMs(): number {
    const { clock, journal } = this.#parts;
    if (this.#seen >= journal.durableSequence || this.#seenAtMs === 0) return 0;
    return Math.max(0, clock.now() - this.#seenAtMs);
  }

  /** The last event seen. */
  get sequence(): number {
    return this.#seen;
  }

  /** Detections that threw and are switched off until they are changed. */
  get failed(): readonly string[] {
    return this.#engine.failed;
  }

  /** Resolves once everything that is durable now was seen and carried out. */
  async caughtUp(): Promise<void> {
    const { journal } = this.#parts;
    for (const until = journal.durableSequence; this.#seen < until && !this.#isClosed; ) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await this.#work;
  }

  async close(): Promise<void> {
    const { clock, journal } = this.#parts;
    const untilMs = clock.monotonic() + limits.detectorStopMs;
    while (journal.failure === null && this.#seen < journal.durableSequence && clock.monotonic() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.#isClosed = true;
    for (const stop of this.#stops) stop();
    this.#wake?.();
    this.#subscription?.close();
    await this.#subscription?.ended.catch(() => undefined);
    await this.#serial(() => this.#save());
  }

  // --- following ----------------------------------------------------------------------------------------------------

  #follow(): void {
    const { journal, log, clock } = this.#parts;
    if (this.#isClosed) return;
    const subscription = journal.subscribe(this.#seen + 1, (events) => this.#serial(() => this.#take(events)));
    this.#subscription = subscription;
    subscription.ended.then(undefined, (error: unknown) => {
      log.error('detections stopped; they go on in a moment', { detail: describeError(error) });
      retry(
        clock,
        limits.followerRetryMs,
        () => this.#isClosed,
        async () => this.#follow(),
      );
    });
  }

  #serial(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    // Whoever follows the journal begins anew from where it stands; what comes next does not wait for that.
    this.#work = done.then(undefined, (error: unknown) => {
      this.#parts.log.error('detections met an unexpected error', { detail: describeError(error) });
    });
    return done;
  }

  async #take(events: readonly Event[]): Promise<void> {
    const { clock, writer } = this.#parts;
    const outcomes: Outcome[] = [];
    let sliceMs = clock.monotonic();
    for (const event of events) {
      if (this.#isClosed) break;
      if (event.seq <= this.#seen) continue;
      const joined = this.#activities.join(event);
      const activity = joined instanceof Promise ? await this.#joined(event, joined) : joined;
      if (activity === null) break;
      this.#observe(activity, outcomes);
      this.#seen = event.seq;
      this.#seenAtMs = event.at;
      if (clock.monotonic() - sliceMs < limits.detectorSliceMs) continue;
      if (event.seq <= this.#pastUntil) await sleep(limits.detectorRestMs);
      else await otherWork();
      sliceMs = clock.monotonic();
    }
    await this.#carryOut(outcomes);
    while (writer.isFull && !this.#isClosed) await this.#pause();
    if (clock.monotonic() - this.#savedAtMs >= this.#saveAfterMs) await this.#save();
  }

  /** What the event belongs to is looked up until the store answers. */
  async #joined(event: Event, first: Promise<Activity>): Promise<Activity | null> {
    let joining: Activity | Promise<Activity> = first;
    for (;;) {
      try {
        return await joining;
      } catch (error) {
        this.#parts.log.warn('detections wait: what an event belongs to cannot be read', {
          detail: describeError(error),
        });
        if (!(await this.#pause())) return null;
        joining = this.#activities.join(event);
      }
    }
  }

  #observe(activity: Activity, outcomes: Outcome[]): void {
    const { event } = activity;
    if (event.type === 'alert.raised' && event.alert === undefined) outcomes.push({ kind: 'rule', event });
    if (event.type === 'alert.changed' && event.action === 'reopen') this.#alerts.reopen(event.alert);
    if (event.type === 'alert.changed' && event.action === 'resolve') {
      this.#rules.close(event.alert);
      this.#alerts.close(event.alert, event.seq);
    }
    for (const raised of this.#engine.observe(activity)) {
      outcomes.push({ kind: 'raised', raised, actor: actorAmong(activity, raised.alert.principal?.id ?? null) });
    }
  }

  async #tick(): Promise<void> {
    const { clock, journal } = this.#parts;
    // Events that are still on their way come before the time that is told.
    if (this.#isClosed || this.#seen < journal.durableSequence) return;
    const raised = this.#engine.tick(clock.now() - limits.detectorTickMs);
    if (raised.length > 0) await this.#carryOut(raised.map((one) => ({ kind: 'raised', raised: one, actor: null })));
    if (clock.monotonic() - this.#savedAtMs >= this.#saveAfterMs) await this.#save();
  }

  // --- what comes of it ---------------------------------------------------------------------------------------------

  async #carryOut(outcomes: readonly Outcome[]): Promise<void> {
    if (outcomes.length === 0) return;
    const { writer, responses } = this.#parts;
    const found = outcomes.flatMap((one) => (one.kind === 'raised' && this.#isFresh(one.raised.alert) ? [one] : []));
    const sequences = await this.#alerts.append(found, () => this.#pause());
    if (sequences === null) {
      this.#isTorn = true;
      return;
    }
    for (const outcome of outcomes) {
      if (outcome.kind === 'rule') {
        const taken = this.#rules.take(outcome.event);
        if (taken.isNew) writer.raise(taken.alert);
        else writer.update(taken.update);
        continue;
      }
      const { raised } = outcome;
      const alert = { ...raised.alert, id: this.#alerts.idOf(raised.alert) };
      const sequence = sequences.get(alert.id);
      if (sequence !== undefined) {
        writer.raise(rowOf(this.#parts.gateway, alert, sequence, raised.suppressed));
        sequences.delete(alert.id);
      }
      const isPast = alert.sequence <= this.#pastUntil;
      if (sequence === undefined || raised.findings > 1) {
        writer.update({
          id: alert.id,
          summary: alert.summary,
          count: raised.findings,
          lastAtMs: alert.atMs,
          lastSequence: alert.sequence,
          evidence: alert.evidence,
          facts: alert.facts,
        });
      }
      if (raised.respond.length > 0 && !isPast)
        await this.#respond(alert, raised, sequence !== undefined ? 'new' : raised.isNew ? 'repeated' : 'more');
    }
    responses.write();
  }

  async #respond(alert: Alert, { respond }: Raised, why: 'new' | 'repeated' | 'more'): Promise<void> {
    const { responses, log } = this.#parts;
    for (;;) {
      try {
        await responses.apply(alert, respond, why);
        return;
      } catch (error) {
        log.warn('a response waits', { alert: alert.id, detail: describeError(error) });
        await this.#pause();
        if (this.#isClosed) {
          this.#isTorn = true;
          return;
        }
      }
    }
  }

  /** Alerts that the journal has behind what was kept: they were raised, whether or not they were written. */
  async #remember(from: number): Promise<void> {
    const { writer, gateway, journal } = this.#parts;
    const until = journal.durableSequence;
    for await (const event of this.#parts.raisedFrom(from)) {
      if (event.seq > until || this.#isClosed) return;
      if (event.type === 'response.changed') this.#parts.responses.remember(event);
      if (event.type === 'alert.changed') await this.#change(event);
      if (event.type !== 'alert.raised' || event.alert === undefined) continue;
      this.#alerts.remember(event.alert.id);
      writer.raise(rowOfEvent(gateway, event, event.alert));
      while (writer.isFull && !this.#isClosed) await this.#pause();
    }
  }

  async #change(event: Extract<Event, { readonly type: 'alert.changed' }>): Promise<void> {
    await this.#parts.writer.settled();
    for (;;) {
      try {
        await this.#parts.changed(event);
        return;
      } catch (error) {
        this.#parts.log.warn('the trail of an alert waits', { detail: describeError(error) });
        await this.#pause();
        if (this.#isClosed) return;
      }
    }
  }

  // --- detections ---------------------------------------------------------------------------------------------------

  #make(detections: readonly RuleObject<DetectionSpec>[]): Engine {
    const { definitions, hours, log } = this.#parts;
    const usable = detections.filter((detection) => {
      try {
        compileDetection(detection, { definitions, hours });
        return true;
      } catch (error) {
        if (!isGatewayError(error)) throw error;
        log.error('a detection cannot be used and is left out', {
          detection: detection.name,
          detail: error.publicMessage,
        });
        return false;
      }
    });
    const onFailure = (detection: string, error: unknown): void =>
      log.error('a detection failed and is switched off', { detection, detail: describeError(error) });
    return createEngine({ detections: usable, definitions, hours, onFailure });
  }

  async #detections(): Promise<RuleObject<DetectionSpec>[]> {
    const found = await allObjects(this.#parts.store.objects, 'Detection');
    return found.map(({ name, spec }) => ({ name, spec: spec as unknown as DetectionSpec }));
  }

  /** Those in force from the next event on; what they remember goes over where they mean the same. */
  async #reload(): Promise<void> {
    const { log, clock } = this.#parts;
    if (this.#isClosed) return;
    let detections: RuleObject<DetectionSpec>[];
    try {
      detections = await this.#detections();
    } catch (error) {
      log.warn('detections could not be read; those before stay in force', { detail: describeError(error) });
      clock.after(limits.configurationRetryMs, () => void this.#serial(() => this.#reload()));
      return;
    }
    const engine = this.#make(detections);
    const anew = engine.restore(this.#engine.state());
    this.#engine = engine;
    this.#running = detections;
    const pupils = learning(detections, anew);
    if (pupils.length === 0) return;
    // Nobody waits for what it learns.
    void this.#learn(pupils).catch((error: unknown) =>
      log.warn('detections know nothing of the past', { detail: describeError(error) }),
    );
  }

  /** Shows new detections the past, then takes over what they learnt. */
  async #learn(detections: readonly RuleObject<DetectionSpec>[]): Promise<void> {
    const { clock, definitions, hours, lookups, readEvents, log } = this.#parts;
    const isStopped = (): boolean =>
      this.#isClosed ||
      detections.some(
        (one) => !this.#running.some(({ name, spec }) => name === one.name && isDeepStrictEqual(spec, one.spec)),
      );
    const parts = { clock, definitions, hours, lookups, readEvents, isStopped };
    const pupil = new Pupil(parts, detections, this.#seen);
    if (!(await pupil.learn(this.#seen))) return;
    await this.#serial(async () => {
      if (isStopped() || !(await pupil.learn(this.#seen))) return;
      const engine = this.#make(this.#running);
      engine.restore(withLearnt(this.#engine.state(), pupil.engine.state()));
      this.#engine = engine;
      log.info('detections learnt from the past', { detections: detections.map(({ name }) => name).join(', ') });
    });
  }

  #isFresh(alert: Alert): boolean {
    return alert.sequence > this.#pastUntil && !this.#alerts.has(this.#alerts.idOf(alert));
  }

  // --- what is kept -------------------------------------------------------------------------------------------------

  /** Keeps what detectors remember, where everything up to there is carried out and written. */
  async #save(): Promise<void> {
    const { writer, responses, clock } = this.#parts;
    if (this.#isTorn || this.#seen === 0) return;
    if (!(await writer.settled()) || !(await responses.settled())) return;
    const beganMs = clock.monotonic();
    const isKept = await this.#kept.save({
      sequence: this.#seen,
      engine: this.#engine.state(),
      rules: this.#rules.state(),
      raised: this.#alerts.raised,
      closed: this.#alerts.closed,
    });
    if (!isKept) return;
    this.#savedAtMs = clock.monotonic();
    // What is large is kept less often: no more than a fiftieth of the time goes into it.
    this.#saveAfterMs = Math.max(limits.detectorSaveMs, (this.#savedAtMs - beganMs) * 50);
  }

  /** A moment. False where it is closed. */
  async #pause(): Promise<boolean> {
    await new Promise<void>((resolve) => {
      const timer = this.#parts.clock.after(limits.followerRetryMs, () => {
        this.#wake = null;
        resolve();
      });
      this.#wake = () => {
        timer.cancel();
        this.#wake = null;
        resolve();
      };
    });
    return !this.#isClosed;
  }
}

function actorAmong({ event, opened }: Activity, id: string | null): Actor | null {
  const own = 'principal' in event ? event.principal : null;
  if (own !== null && own.id === id) return own;
  return opened !== null && opened.principal.id === id ? opened.principal : null;
}
