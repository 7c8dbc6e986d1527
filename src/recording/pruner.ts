/**
 * Pruning of a live journal: one at a time, never past a session that is open, the event first.
 *
 * Deliberately absent: how a segment is pruned (prune.ts), and what a start finds unfinished (removal.ts).
 */
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Actor, EventBody } from '../core/event.ts';
import { recordingErrors } from './errors.ts';
import { finishPruning, type PrunedRange, planPruning } from './prune.ts';
import { dropNote, journalNote, writeNote } from './removal.ts';
import type { OpenSessionState } from './tracker.ts';

/** Who asked for it, and by which rule of retention. */
export interface PrunedBy {
  readonly principal: Actor;
  readonly rule: string | null;
}

/** What a pruning gave up: all events from `from` to `to`, save those that prove other things. */
export interface Pruning extends PrunedRange {
  readonly freedBytes: number;
}

/** What it needs of the journal. */
export interface PrunerHost {
  readonly dir: string;
  readonly durableSequence: number;
  append(event: EventBody): number;
  /** Everything appended is durable and covered by a signature when it resolves. */
  checkpoint(): Promise<string | null>;
  openSessions(): Promise<readonly OpenSessionState[]>;
}

export class Pruner {
  readonly #host: PrunerHost;
  #latest: Promise<Pruning | null> = Promise.resolve(null);

  constructor(host: PrunerHost) {
    this.#host = host;
  }

  prune(upTo: number, by: PrunedBy): Promise<Pruning | null> {
    const pruning = this.settled().then(() => this.#prune(upTo, by));
    this.#latest = pruning;
    return pruning;
  }

  /** Finishes in the background what an earlier process began: readers take a segment as it lies there. */
  resume(range: PrunedRange, log: Log): void {
    this.#latest = this.#finish(range);
    // Its note stays, so that the next start tries again; nothing else depends on it.
    this.#latest.catch((error: unknown) => log.error('pruning the journal failed', { detail: describeError(error) }));
  }

  /** Resolves when none is under way, however the last one ended: whoever asked for it was told. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#latest]);
  }

  async #prune(upTo: number, by: PrunedBy): Promise<Pruning | null> {
    const host = this.#host;
    for (const { session, openedSequence = 0 } of await host.openSessions()) {
      if (openedSequence > upTo) continue;
      throw recordingErrors('recording.prune-open', { values: { to: upTo, session, from: openedSequence } });
    }
    // What is given up is covered by a signature first.
    await host.checkpoint();
    const range = await planPruning(host.dir, Math.min(upTo, host.durableSequence));
    if (range === null) return null;
    await writeNote(host.dir, journalNote, host.durableSequence);
    host.append({ type: 'journal.pruned', ...by, ...range });
    await host.checkpoint();
    return this.#finish(range);
  }

  async #finish(range: PrunedRange): Promise<Pruning> {
    const { from, to } = range;
    const freedBytes = await finishPruning(this.#host.dir, range);
    await dropNote(this.#host.dir, journalNote);
    return { from, to, freedBytes };
  }
}
