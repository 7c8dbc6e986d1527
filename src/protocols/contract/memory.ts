/** A journal and recordings in memory, whose durability and failures the test controls. */
import { coreErrors } from '../../core/errors.ts';
import type { Event, EventBody, SpaceLevel } from '../../core/event.ts';
import type { Journal, Recording, Recordings } from '../../core/ports.ts';
import type { RecordingEntry } from '../../core/recording.ts';

export class MemoryJournal implements Journal {
  readonly events: Event[] = [];
  durableSequence = 0;
  failure: Error | null = null;
  spaceLevel: SpaceLevel = 'ample';
  #held = false;
  #scheduled = false;
  #waiting: { readonly sequence: number; readonly callback: (error: Error | null) => void }[] = [];

  append(body: EventBody): number {
    if (this.failure !== null) throw coreErrors('core.journal-unavailable', { cause: this.failure });
    const seq = this.events.length + 1;
    this.events.push({ ...body, seq, at: Date.now() });
    this.#schedule();
    return seq;
  }

  afterDurable(sequence: number, callback: (error: Error | null) => void): void {
    if (this.failure !== null) callback(this.failure);
    else if (sequence <= this.durableSequence) callback(null);
    else this.#waiting.push({ sequence, callback });
  }

  /** Nothing becomes durable until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#settle();
  }

  /** The disk fails: nothing more becomes durable, nothing more is accepted. */
  fail(error: Error): void {
    this.failure = error;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { callback } of waiting) callback(error);
  }

  of<Type extends Event['type']>(type: Type): Extract<Event, { type: Type }>[] {
    return this.events.filter((event): event is Extract<Event, { type: Type }> => event.type === type);
  }

  /** Durability comes with the next turn of the loop, as a group commit would. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#held && this.failure === null) this.#settle();
    });
  }

  #settle(): void {
    this.durableSequence = this.events.length;
    const due = this.#waiting.filter(({ sequence }) => sequence <= this.durableSequence);
    this.#waiting = this.#waiting.filter(({ sequence }) => sequence > this.durableSequence);
    for (const { callback } of due) callback(null);
  }
}

/** Content kept per recording; what lies beyond is counted. */
const keptBytesMax = 1024 * 1024;

export class MemoryRecording implements Recording {
  readonly entries: RecordingEntry[] = [];
  congested = false;
  onReady: (() => void) | null = null;
  onFailure: ((error: Error) => void) | null = null;
  closed = false;
  #failure: Error | null = null;
  #keptBytes = 0;

  append(entry: RecordingEntry): void {
    if (this.#failure !== null) throw coreErrors('core.recording-failed', { cause: this.#failure });
    if (!('data' in entry)) {
      this.entries.push(entry);
      return;
    }
    this.#keptBytes += entry.data.length;
    // Views are borrowed for the call: keep a copy.
    if (this.#keptBytes <= keptBytesMax) this.entries.push({ ...entry, data: Buffer.from(entry.data) });
  }

  fail(error: Error): void {
    this.#failure = error;
    this.onFailure?.(error);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** Everything that was kept, as bytes to search in. */
  content(): Buffer {
    const parts = this.entries.map((entry) =>
      'data' in entry
        ? entry.data
        : Buffer.from(
            JSON.stringify(entry, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
          ),
    );
    return Buffer.concat(parts);
  }
}

export class MemoryRecordings implements Recordings {
  readonly opened: MemoryRecording[] = [];

  open(): MemoryRecording {
    const recording = new MemoryRecording();
    this.opened.push(recording);
    return recording;
  }
}
