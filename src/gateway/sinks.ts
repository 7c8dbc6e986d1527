/**
 * Sinks: manifests become running runners, each over this gateway's own journal; what the API asks of them.
 *
 * Invariants:
 * - Every gateway hands on its own journal, and writes its own standing only; several gateways on one store share the manifests.
 * - A sink begins where its standing in the store says, so that a restart, a change of its manifest or a crash repeats a little and
 *   never skips.
 * - A sink that cannot be opened, or whose reading fails, is tried again, and delays nobody else.
 *
 * Deliberately absent: batches and pauses (audit/sinks/runner.ts), formats, transports, how targets are reached (sink-reach.ts).
 */
import type { SinkRecordView, SinksPort } from '../api/index.ts';
import {
  createTransport,
  fewOf,
  fieldKey,
  formatOf,
  problemOf,
  Runner,
  recordMaker,
  type SinkProgress,
  selectionOf,
  sinkLimits,
  type Transport,
  type TransportParts,
} from '../audit/index.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Activities, type Lookups } from '../core/activity.ts';
import { durable } from '../core/door.ts';
import type { Actor, Event, EventBody } from '../core/event.ts';
import { type SinkSpec, targetOf } from '../core/sink.ts';
import type { RecordingJournal, Subscription } from '../recording/index.ts';
import type { Secrets } from '../secrets/index.ts';
import {
  type DeadLetterChoice,
  type JsonObject,
  pageRowsMax,
  type SinkStanding,
  type Store,
  type StoredObject,
} from '../store/index.ts';
import { inBackground } from './background.ts';
import * as limits from './limits.ts';
import type { Metrics } from './metrics.ts';
import { openSinkMetrics, SinkCounts } from './sink-metrics.ts';
import { sinkReach } from './sink-reach.ts';
import { version } from './version.ts';

export interface SinkParts {
  readonly gateway: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<Store, 'objects' | 'sinks'>;
  readonly journal: RecordingJournal;
  readonly readEvents: (from: number) => AsyncIterable<Event>;
  readonly lookups: Lookups;
  /** Those that configuration refers to. */
  readonly secrets: Pick<Secrets, 'reveal'>;
  readonly hashKey: Buffer;
  readonly metrics: Pick<Metrics, 'gauge'>;
  readonly consoleUrl: () => string;
  /** Between 0 and 1; chance unless given. */
  readonly random?: () => number;
}

export interface Sinks {
  readonly port: SinksPort;
  /** Sequences of this gateway's journal that enabled sinks still need, and which those are: pruning stops before them. */
  needed(): Promise<readonly { readonly by: string; readonly sequence: number }[]>;
  close(): Promise<void>;
}

export async function openSinks(parts: SinkParts): Promise<Sinks> {
  const service = new SinkService(parts);
  await service.open();
  return service;
}

/** A sink that runs here. */
interface Running {
  readonly spec: SinkSpec;
  /** By which a change is told: also of one that was deleted and made again. */
  readonly version: string;
  readonly runner: Runner;
  readonly subscription: Subscription;
}

class SinkService implements Sinks {
  readonly port: SinksPort;
  readonly #parts: SinkParts;
  readonly #key: Buffer;
  readonly #running = new Map<string, Running>();
  /** Manifests as last read, also those that are off or could not be opened. */
  #known = new Map<string, StoredObject>();
  readonly #counts = new SinkCounts();
  #timers: Timer[] = [];
  #stopListening: () => void = () => {};
  #syncing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(parts: SinkParts) {
    this.#parts = parts;
    this.#key = fieldKey(parts.hashKey);
    this.port = {
      list: () => this.#list(),
      deadLetters: async (choice, limit, after) => this.#parts.store.sinks.deadLetters(choice, { limit, after }),
      resend: (choice, by) => this.#resend(choice, by),
      discard: (choice, by) => this.#discard(choice, by),
      test: (sink, by) => this.#test(sink, by),
    };
  }

  async open(): Promise<void> {
    const { clock, log, store, metrics } = this.#parts;
    const sync = (): void => inBackground(log, 'sinks could not be read; they are read again', this.#sync());
    this.#stopListening = store.objects.onChange((notice) => {
      if (notice.type === 'resync' || notice.kind === 'Sink') sync();
    });
    await this.#sync();
    openSinkMetrics(metrics, this.#counts, () => this.#standingsHere());
    this.#timers = [
      // What could not be opened is tried again with it.
      clock.every(limits.sinkSyncIntervalMs, sync),
      clock.every(sinkLimits.standingIntervalMs, () => this.#passAll()),
      clock.every(sinkLimits.wantedIntervalMs, () => this.#resendAll()),
    ];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    for (const timer of this.#timers) timer.cancel();
    await this.#syncing.catch(() => undefined);
    await Promise.all([...this.#running.keys()].map((name) => this.#stop(name)));
  }

  async needed(): Promise<readonly { readonly by: string; readonly sequence: number }[]> {
    const { gateway, store } = this.#parts;
    const [standings, letters] = await Promise.all([store.sinks.standings(), store.sinks.oldestDeadLetters(gateway)]);
    return standings
      .filter((standing) => standing.gateway === gateway && isEnabled(this.#known.get(standing.sink)))
      .map(({ sink, sequence }) => ({
        by: `the sink ${sink}`,
        sequence: Math.min(sequence + 1, letters.get(sink) ?? Number.POSITIVE_INFINITY),
      }));
  }

  /** Reads the manifests and starts, restarts and stops what changed. One at a time. */
  #sync(): Promise<void> {
    const next = this.#syncing.catch(() => undefined).then(() => (this.#isClosed ? undefined : this.#syncNow()));
    this.#syncing = next;
    return next;
  }

  async #syncNow(): Promise<void> {
    const { store } = this.#parts;
    const found = await store.objects.list('Sink', { limit: limits.sinksMax });
    const gone = [...this.#known.keys()].filter((name) => !found.some((object) => object.name === name));
    this.#known = new Map(found.map((object) => [object.name, object]));
    for (const name of gone) {
      await this.#stop(name);
      await store.sinks.delete(this.#parts.gateway, name);
    }
    for (const object of found) {
      const running = this.#running.get(object.name);
      if (running?.version === versionOf(object)) continue;
      await this.#stop(object.name);
      await this.#start(object);
    }
  }

  async #start(object: StoredObject): Promise<void> {
    const { log, journal } = this.#parts;
    const { name } = object;
    const spec = object.spec as unknown as SinkSpec;
    const progress = await this.#progressOf(name, spec);
    if (spec.enabled === false) {
      await this.#save(name, progress, 'off');
      return;
    }
    let transport: Transport;
    try {
      transport = await this.#transport(name, spec);
    } catch (error) {
      const problem = problemOf(error);
      log.error('a sink cannot be opened; it is tried again', { sink: name, detail: problem });
      await this.#save(name, { ...progress, standing: 'failing', problem });
      return;
    }
    const selection = selectionOf(spec);
    const runner = new Runner({
      sink: name,
      transport: this.#counts.counting(name, transport),
      selection,
      record: recordMaker(spec, { gateway: this.#parts.gateway, version, key: this.#key }),
      activities: new Activities(this.#parts.lookups),
      clock: this.#parts.clock,
      log,
      random: this.#parts.random ?? Math.random,
      progress,
      save: (now) => this.#save(name, now),
      bury: (letters) =>
        this.#parts.store.sinks.addDeadLetters(
          letters.map((letter) => ({ ...letter, gateway: this.#parts.gateway, sink: name, wanted: null })),
          sinkLimits.deadLettersMax,
        ),
      journal: (event) => this.#append(event),
    });
    const subscription = journal.subscribe(progress.sequence + 1, (events) => runner.take(events), selection.read);
    this.#running.set(name, { spec, version: versionOf(object), runner, subscription });
    subscription.ended.then(undefined, (error: unknown) => {
      log.error('a sink stopped reading; it is begun again', { sink: name, detail: describeError(error) });
      if (this.#running.get(name)?.subscription === subscription) {
        inBackground(log, 'a sink could not be stopped', this.#stop(name));
      }
    });
  }

  async #stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    this.#running.delete(name);
    running.subscription.close();
    await running.runner.close();
    await running.subscription.ended.catch(() => undefined);
  }

  /** Where it goes on: as the store has it, or from where a new one begins. */
  async #progressOf(name: string, spec: SinkSpec): Promise<SinkProgress> {
    const { gateway, store, journal, clock, log } = this.#parts;
    const kept = await store.sinks.get(gateway, name);
    const { durableSequence } = journal;
    if (kept === null) {
      const sequence = spec.from === 'beginning' ? 0 : durableSequence;
      const fresh = { sequence, standing: 'working', sinceMs: clock.now(), problem: '', sent: 0 } as const;
      const progress: SinkProgress = { ...fresh, lastSentAtMs: null, oldestAtMs: null };
      await this.#save(name, progress);
      return progress;
    }
    const { sinceMs, problem, sent, lastSentAtMs, oldestAtMs } = kept;
    const isAhead = kept.sequence > durableSequence;
    if (isAhead) log.warn('a sink is ahead of the journal, which was put back; it sends all of it', { sink: name });
    const standing = kept.standing === 'off' ? 'working' : kept.standing;
    return { sequence: isAhead ? 0 : kept.sequence, standing, sinceMs, problem, sent, lastSentAtMs, oldestAtMs };
  }

  async #transport(name: string, spec: SinkSpec): Promise<Transport> {
    const { gateway, secrets, clock, consoleUrl } = this.#parts;
    const reach = sinkReach(spec.private === true);
    const parts: TransportParts = {
      sink: name,
      gateway,
      version,
      format: formatOf(spec),
      secret: (source) => {
        if ('env' in source) return secrets.reveal({ provider: 'env', name: source.env });
        if ('file' in source) return secrets.reveal({ provider: 'file', path: source.file });
        return secrets.reveal({ provider: 'store', name: source.store });
      },
      fetch: reach.fetch,
      connect: reach.connect,
      allowPrivate: spec.private === true,
      link: (kind, id) => `${consoleUrl().replace(/\/$/, '')}/${kind}s/${encodeURIComponent(id)}`,
      now: () => clock.now(),
    };
    const transport = await createTransport(spec.to, parts);
    if (transport === null) throw new Error('this version sends to no such target');
    return transport;
  }

  #save(sink: string, progress: SinkProgress, standing: SinkStanding['standing'] = progress.standing): Promise<void> {
    return this.#parts.store.sinks.put({ ...this.#standingOf(sink, progress), standing });
  }

  #standingOf(sink: string, progress: SinkProgress): SinkStanding {
    const { gateway, clock, journal } = this.#parts;
    const behind = Math.max(0, journal.durableSequence - progress.sequence);
    return { gateway, sink, ...progress, behind, updatedAtMs: clock.now() };
  }

  /** What runs here as it is now. */
  #standingsHere(): readonly SinkStanding[] {
    return [...this.#running].map(([name, running]) => this.#standingOf(name, progressNow(running)));
  }

  #passAll(): void {
    const { log } = this.#parts;
    for (const { runner, subscription } of this.#running.values()) {
      if (!runner.isBusy)
        inBackground(log, 'a sink could not note how far it came', runner.passed(subscription.next - 1));
    }
  }

  #append(event: EventBody): number | null {
    try {
      return this.#parts.journal.append(event);
    } catch (error) {
      // A journal that takes nothing has worse to tell; what the sink stands at is in the store and in the log.
      this.#parts.log.warn('a change of a sink could not be journaled', { detail: describeError(error) });
      return null;
    }
  }

  async #list(): Promise<readonly SinkRecordView[]> {
    const { gateway, store } = this.#parts;
    const [objects, standings] = await Promise.all([
      store.objects.list('Sink', { limit: limits.sinksMax }),
      store.sinks.standings(),
    ]);
    const here = new Map(this.#standingsHere().map((standing) => [standing.sink, standing]));
    return objects.map(({ name, spec: body }) => {
      const spec = body as unknown as SinkSpec;
      const rows = standings.filter(({ sink }) => sink === name);
      return {
        name,
        target: targetOf(spec.to) ?? 'none',
        format: formatOf(spec),
        enabled: spec.enabled !== false,
        description: spec.description ?? '',
        gateways: rows.map((row) => {
          const now = row.gateway === gateway ? here.get(name) : undefined;
          return { ...row, ...now };
        }),
      };
    });
  }

  /** Sends a dead letter of this gateway's at once; those of others are sent by them, within seconds. */
  async #resend(choice: DeadLetterChoice, by: Actor): Promise<{ readonly wanted: number; readonly left: number }> {
    const { store } = this.#parts;
    const wanted = await store.sinks.wantDeadLetters(choice, by as unknown as JsonObject);
    await this.#resendOf(choice.sink);
    const left = wanted === 0 ? [] : await store.sinks.deadLetters(choice, { limit: sinkLimits.wantedMax });
    return { wanted, left: left.length };
  }

  #resendAll(): void {
    for (const name of this.#running.keys()) {
      inBackground(this.#parts.log, 'dead letters could not be sent again', this.#resendOf(name));
    }
  }

  async #resendOf(sink: string): Promise<void> {
    const running = this.#running.get(sink);
    if (running === undefined) return;
    const { store, gateway, clock, readEvents, lookups } = this.#parts;
    const letters = await store.sinks.wantedDeadLetters(gateway, sink, sinkLimits.wantedMax);
    const sent = new Map<string, { readonly by: Actor; readonly sequences: number[] }>();
    for (const { sequence, wanted } of letters) {
      const event = await eventAt(readEvents, sequence);
      if (event === null) {
        await store.sinks.refuseDeadLetter(gateway, sink, sequence, 'the journal has it no more', clock.now());
        continue;
      }
      // Joined by itself: an event of long ago is none of what the runner follows.
      const { outcome, why } = await running.runner.sendOne(await new Activities(lookups).join(event));
      if (outcome === 'failed') break;
      if (outcome === 'refused') {
        await store.sinks.refuseDeadLetter(gateway, sink, sequence, why, clock.now());
        continue;
      }
      await store.sinks.deleteDeadLetters({ sink, gateway, sequence });
      const by = wanted as unknown as Actor;
      const mine = sent.get(by.id) ?? { by, sequences: [] };
      mine.sequences.push(sequence);
      sent.set(by.id, mine);
    }
    for (const { by, sequences } of sent.values()) {
      const told = { type: 'sink.changed', sink, standing: 'resent', problem: '', principal: by } as const;
      this.#append({ ...told, sequences: fewOf(sequences) });
    }
    // There may be room again for what waits.
    if (sent.size > 0) running.runner.hurry();
  }

  async #discard(choice: DeadLetterChoice, by: Actor): Promise<number> {
    const { store, journal } = this.#parts;
    const letters = await store.sinks.deadLetters(choice, { limit: pageRowsMax });
    if (letters.length === 0) return 0;
    const sequences = fewOf(letters.map(({ sequence }) => sequence));
    // What is given up is on record before it is gone.
    const told = { type: 'sink.changed', sink: choice.sink, standing: 'discarded', problem: '' } as const;
    await durable(journal, journal.append({ ...told, sequences, principal: by }));
    const gone = await store.sinks.deleteDeadLetters(choice);
    this.#running.get(choice.sink)?.runner.hurry();
    return gone.length;
  }

  /** One marked event, through a transport of its own, whatever the sink stands at. */
  async #test(
    sink: string,
    by: Actor,
  ): Promise<{ readonly taken: boolean; readonly problem: string; readonly sequence: number }> {
    const { journal, store, clock, log } = this.#parts;
    const object = await store.objects.get('Sink', sink);
    if (object === null) return { taken: false, problem: 'there is no such sink', sequence: 0 };
    const spec = object.spec as unknown as SinkSpec;
    const body = { type: 'sink.changed', sink, standing: 'tested', sequences: [], problem: '', principal: by } as const;
    const at = clock.now();
    const sequence = journal.append(body);
    await durable(journal, sequence);
    const transport = await this.#transport(sink, spec).catch((error: unknown) => problemOf(error));
    if (typeof transport === 'string') return { taken: false, problem: transport, sequence };
    const runner = new Runner({
      sink,
      transport,
      selection: selectionOf(spec),
      record: recordMaker(spec, { gateway: this.#parts.gateway, version, key: this.#key }),
      activities: new Activities(this.#parts.lookups),
      clock,
      log,
      random: () => 0,
      progress: {
        sequence: 0,
        standing: 'working',
        sinceMs: at,
        problem: '',
        sent: 0,
        lastSentAtMs: null,
        oldestAtMs: null,
      },
      save: async () => {},
      bury: async () => true,
      journal: () => {},
    });
    const { outcome, why } = await runner.sendOne({
      event: { ...body, seq: sequence, at },
      opened: null,
      command: null,
    });
    await runner.close();
    if (outcome === 'taken') this.#running.get(sink)?.runner.hurry();
    return { taken: outcome === 'taken', problem: why, sequence };
  }
}

/** What it has come to, with what was passed over since. */
function progressNow({ runner, subscription }: Running): SinkProgress {
  const { progress } = runner;
  if (runner.isBusy) return progress;
  return { ...progress, sequence: Math.max(progress.sequence, subscription.next - 1) };
}

async function eventAt(readEvents: SinkParts['readEvents'], sequence: number): Promise<Event | null> {
  for await (const event of readEvents(sequence)) return event.seq === sequence ? event : null;
  return null;
}

function versionOf({ createdAtMs, generation }: StoredObject): string {
  return `${createdAtMs}.${generation}`;
}

function isEnabled(object: StoredObject | undefined): boolean {
  return object !== undefined && object.spec['enabled'] !== false;
}
