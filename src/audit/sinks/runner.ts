/**
 * One sink at one gateway: takes the journal's durable events in order, sends them in batches, and remembers how far it has come.
 *
 * Invariants:
 * - The cursor moves only behind what was taken, is a dead letter, or is not selected: what was sent and not yet noted is sent
 *   again (at least once). One batch at a time, so that the order is the journal's.
 * - What fails is tried again for ever, with growing pauses; what is refused for good becomes a dead letter, and nothing else does.
 *   Where the list is full the sink waits, and loses nothing.
 * - Nothing waits for it: it is handed events from the journal's files, and holds one batch.
 * - What it says of itself cannot keep itself going: a dead letter of a `sink.changed` makes no further event, and failing is said
 *   once, after it has lasted.
 *
 * Deliberately absent: files, sockets, the store's tables; parts that the gateway hands in.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, Timer } from '../../base/clock.ts';
import { withDeadline } from '../../base/deadline.ts';
import { describeError, isGatewayError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Activities, Activity } from '../../core/activity.ts';
import type { Event, EventBody } from '../../core/event.ts';
import * as limits from './limits.ts';
import { pauseFor } from './pause.ts';
import type { MakeRecord } from './records.ts';
import type { Selection } from './select.ts';
import type { SendOutcome, SinkRecord, Transport } from './transport.ts';

export interface SinkProgress {
  readonly sequence: number;
  readonly standing: 'working' | 'failing' | 'blocked';
  readonly sinceMs: number;
  readonly problem: string;
  readonly sent: number;
  readonly lastSentAtMs: number | null;
  /** When the first event that waits was; null where none does. */
  readonly oldestAtMs: number | null;
}

export interface SentOne {
  /** `failed`: it may be taken later. */
  readonly outcome: 'taken' | 'refused' | 'failed';
  readonly why: string;
}

export interface NewDeadLetter {
  readonly sequence: number;
  readonly type: string;
  readonly why: string;
  readonly eventAtMs: number;
  readonly atMs: number;
}

export interface RunnerParts {
  readonly sink: string;
  readonly transport: Transport;
  readonly selection: Selection;
  readonly record: MakeRecord;
  readonly activities: Activities;
  readonly clock: Clock;
  readonly log: Log;
  /** Between 0 and 1: chance, for pauses. */
  readonly random: () => number;
  /** Where it goes on from. */
  readonly progress: SinkProgress;
  /** Keeps the progress. Rejects where the store does not answer. */
  save(progress: SinkProgress): Promise<void>;
  /** False, and nothing kept, where there is no room. */
  bury(letters: readonly NewDeadLetter[]): Promise<boolean>;
  journal(event: EventBody): void;
}

export class Runner {
  readonly #parts: RunnerParts;
  readonly #abort = new AbortController();
  #progress: SinkProgress;
  /** The cursor as it stands in memory; `#progress` is what was or will be written. */
  #sequence: number;
  #savedAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #isTold = false;
  #wake: (() => void) | null = null;
  #last: Promise<void> = Promise.resolve();
  #isBusy = false;
  #isClosing = false;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#progress = parts.progress;
    this.#sequence = parts.progress.sequence;
    // A failure of before the restart was told already.
    this.#isTold = parts.progress.standing !== 'working';
  }

  /** As it stands now, which may be ahead of what was written. */
  get progress(): SinkProgress {
    return { ...this.#progress, sequence: this.#sequence };
  }

  /** Takes events in order, for the journal's subscription: resolves when all of them were handed on. */
  async take(events: readonly Event[]): Promise<void> {
    // Only the noting of what passed can be under way, and it ends by itself.
    while (this.#isBusy) await this.#idle();
    this.#isBusy = true;
    try {
      await this.#takeAll(events);
    } finally {
      this.#isBusy = false;
    }
  }

  async #takeAll(events: readonly Event[]): Promise<void> {
    let batch: SinkRecord[] = [];
    let bytes = 0;
    const { transport, selection, activities } = this.#parts;
    for (const event of events) {
      if (this.#isClosing) return;
      const joined = activities.join(event);
      const activity = joined instanceof Promise ? await joined : joined;
      if (!selection.selects(activity)) continue;
      const record = await this.#spell(activity);
      if (record === null) continue;
      const size = Buffer.byteLength(record.text);
      if (batch.length > 0 && (batch.length >= transport.batchRecordsMax || bytes + size > transport.batchBytesMax)) {
        if (!(await this.#send(batch))) return;
        batch = [];
        bytes = 0;
      }
      batch.push(record);
      bytes += size;
    }
    if (batch.length > 0 && !(await this.#send(batch))) return;
    await this.#passed(events.at(-1)!.seq);
  }

  /** Sends one event by itself, whatever the sink selects: a test, or a dead letter. Waits for a batch that is on its way. */
  async sendOne(activity: Activity): Promise<SentOne> {
    try {
      const outcome = await this.#attempt([this.#parts.record(activity)]);
      if (outcome.outcome === 'taken') return { outcome: 'taken', why: '' };
      return { outcome: 'refused', why: outcome.refused[0]?.why ?? 'it was refused' };
    } catch (error) {
      return { outcome: 'failed', why: problemOf(error) };
    }
  }

  /** Told by who reads the journal: nothing up to here is to be sent, as far as it is not in hand already. */
  async passed(sequence: number): Promise<void> {
    if (this.#isBusy || sequence <= this.#sequence) return;
    this.#isBusy = true;
    try {
      await this.#passed(sequence);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Events are in hand. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Tries at once what waits for its pause to end. */
  hurry(): void {
    this.#wake?.();
  }

  /** Gives what is on its way a moment, and lets go of it then: it is sent again by whoever goes on from here. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake?.();
    await this.#untilIdle();
    this.#abort.abort(new Error('the sink is being closed'));
    await this.#save().catch(() => undefined);
    await this.#parts.transport.close();
  }

  /** Until nothing is in hand any more, or the moment has passed. */
  async #untilIdle(): Promise<void> {
    let isLate = false;
    const late = this.#parts.clock.after(limits.closeDeadlineMs, () => {
      isLate = true;
    });
    for (let turns = 0; this.#isBusy && !isLate; turns++) {
      // A few turns of the loop are enough for what is merely being noted; what waits for a target is looked at less often.
      if (turns < 20) await this.#idle();
      else await sleep(limits.closeLookMs, undefined, { ref: false });
    }
    late.cancel();
  }

  /** The record of an event; null where it cannot be spelled, which is nobody's fault but ours, and a dead letter. */
  async #spell(activity: Activity): Promise<SinkRecord | null> {
    try {
      return this.#parts.record(activity);
    } catch (error) {
      await this.#bury([{ event: activity.event, why: `it cannot be spelled: ${describeError(error)}` }]);
      return null;
    }
  }

  /** False where the sink was closed before it was taken. */
  async #send(batch: readonly SinkRecord[]): Promise<boolean> {
    const first = batch[0]!.activity.event;
    this.#progress = { ...this.#progress, oldestAtMs: first.at };
    for (;;) {
      if (this.#isClosing) return false;
      let refused: readonly { readonly at: number; readonly why: string }[];
      try {
        const outcome = await this.#attempt(batch);
        refused = outcome.outcome === 'taken' ? [] : outcome.refused;
      } catch (error) {
        if (this.#isClosing) return false;
        await this.#failed(problemOf(error), 'failing');
        continue;
      }
      const letters = refused.flatMap(({ at, why }) => {
        const event = batch[at]?.activity.event;
        return event === undefined ? [] : [{ event, why }];
      });
      if (letters.length > 0 && !(await this.#bury(letters))) return false;
      await this.#taken(batch, batch.length - letters.length);
      return true;
    }
  }

  /** One at a time: a test or a dead letter waits for a batch that is on its way, and the other way round. */
  #attempt(batch: readonly SinkRecord[]): Promise<SendOutcome> {
    const attempt = this.#last.then(() => this.#attemptNow(batch));
    this.#last = attempt.then(
      () => undefined,
      () => undefined,
    );
    return attempt;
  }

  async #attemptNow(batch: readonly SinkRecord[]): Promise<SendOutcome> {
    this.#abort.signal.throwIfAborted();
    const { transport, clock } = this.#parts;
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#abort.signal]);
    try {
      const work = transport.send(batch, signal);
      return await withDeadline(work, limits.sendDeadlineMs, 'a sink', clock, this.#abort.signal);
    } finally {
      stop.abort(new Error('the deadline of the batch has passed'));
    }
  }

  async #taken(batch: readonly SinkRecord[], count: number): Promise<void> {
    const { clock } = this.#parts;
    this.#sequence = batch.at(-1)!.sequence;
    this.#progress = {
      ...this.#progress,
      sent: this.#progress.sent + count,
      lastSentAtMs: count > 0 ? clock.now() : this.#progress.lastSentAtMs,
      oldestAtMs: null,
    };
    this.#works();
    await this.#saveUntilSaved();
  }

  /** Keeps dead letters, waiting where there is no room for them. False where the sink was closed meanwhile. */
  async #bury(letters: readonly { readonly event: Event; readonly why: string }[]): Promise<boolean> {
    const { clock, bury, sink, log } = this.#parts;
    const rows = letters.map(({ event, why }) => ({
      sequence: event.seq,
      type: event.type,
      why,
      eventAtMs: event.at,
      atMs: clock.now(),
    }));
    for (;;) {
      if (this.#isClosing) return false;
      try {
        if (await bury(rows)) break;
        await this.#failed('its list of dead letters is full: resend or discard some', 'blocked');
      } catch (error) {
        await this.#failed(`the store does not answer: ${describeError(error)}`, 'failing');
      }
    }
    log.warn('a sink does not take some events', { sink, events: letters.length, detail: rows[0]?.why });
    // What a sink says of sinks would otherwise go round for ever where that is what it refuses.
    const told = letters.filter(({ event }) => event.type !== 'sink.changed').map(({ event }) => event.seq);
    if (told.length > 0) this.#say('dead-lettered', fewOf(told), rows[0]!.why);
    return true;
  }

  /** Notes what is wrong, says it where it lasts, and waits. */
  async #failed(problem: string, standing: 'failing' | 'blocked'): Promise<void> {
    const { clock, log, sink, random } = this.#parts;
    const now = clock.now();
    const isNew = this.#progress.standing !== standing;
    this.#progress = { ...this.#progress, standing, problem, sinceMs: isNew ? now : this.#progress.sinceMs };
    if (isNew) log.warn('a sink does not take events; it is tried again', { sink, detail: problem });
    if (!this.#isTold && (standing === 'blocked' || now - this.#progress.sinceMs >= limits.failingAfterMs)) {
      this.#isTold = true;
      this.#say('failing', [this.#sequence + 1], problem);
    }
    await this.#save().catch(() => undefined);
    this.#failures++;
    await this.#pause(pauseFor(this.#failures, random()));
  }

  #works(): void {
    const { clock, log, sink } = this.#parts;
    this.#failures = 0;
    if (this.#progress.standing === 'working') return;
    this.#progress = { ...this.#progress, standing: 'working', problem: '', sinceMs: clock.now() };
    log.info('a sink takes events again', { sink });
    if (this.#isTold) this.#say('working', [this.#sequence], '');
    this.#isTold = false;
  }

  /** All up to here was handed on or is not selected: written now and then, and with every batch. */
  async #passed(sequence: number): Promise<void> {
    this.#sequence = Math.max(this.#sequence, sequence);
    this.#progress = { ...this.#progress, oldestAtMs: null };
    if (this.#parts.clock.monotonic() - this.#savedAtMs >= limits.standingIntervalMs) await this.#saveUntilSaved();
  }

  async #saveUntilSaved(): Promise<void> {
    for (;;) {
      try {
        await this.#save();
        if (this.#progress.standing === 'working') return;
        // It was the store that failed, and no longer does.
        this.#works();
      } catch (error) {
        if (this.#isClosing) return;
        await this.#failed(`the store does not answer: ${describeError(error)}`, 'failing');
      }
    }
  }

  async #save(): Promise<void> {
    await this.#parts.save(this.progress);
    this.#savedAtMs = this.#parts.clock.monotonic();
  }

  #say(
    standing: Extract<EventBody, { type: 'sink.changed' }>['standing'],
    sequences: readonly number[],
    problem: string,
  ) {
    const { journal, sink } = this.#parts;
    journal({ type: 'sink.changed', sink, standing, sequences, problem, principal: null });
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  #pause(milliseconds: number): Promise<void> {
    if (this.#isClosing) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#wake = null;
        resolve();
      };
      const timer: Timer = this.#parts.clock.after(milliseconds, done);
      this.#wake = done;
    });
  }
}

/** The sequences where they are few; the first and the last otherwise. */
export function fewOf(sequences: readonly number[]): readonly number[] {
  return sequences.length <= limits.sequencesSaidMax ? sequences : [sequences[0]!, sequences.at(-1)!];
}

/** What is wrong, in words that may be shown to whoever operates the sink. */
export function problemOf(error: unknown): string {
  if (isGatewayError(error) && error.code === 'audit.sink-failed') {
    return error.publicMessage.replace(/^.*?: /, '').replace(/\.$/, '');
  }
  return describeError(error);
}
