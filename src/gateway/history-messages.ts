/**
 * What the main thread and the thread of the index say to each other, and the memory in which the latter keeps how far it is.
 *
 * The main thread answers for what only it can read: recordings, whose keys stay with it.
 */
import type { LogFields } from '../base/log.ts';
import type { RecordedEntry } from '../core/recording.ts';
import type { StoreShare } from '../store/index.ts';

export interface HistoryStart {
  readonly gateway: string;
  /** Of all records; the journal lies below. */
  readonly directory: string;
  /** First sequence to take in. */
  readonly from: number;
  readonly share: StoreShare;
  /** `DurableMark` of the journal. */
  readonly durable: SharedArrayBuffer;
  /** `HistoryProgress`. */
  readonly progress: SharedArrayBuffer;
}

/** What stood on terminals, of all that a recording holds. */
export type TerminalEntry = Extract<RecordedEntry, { readonly type: 'terminal' | 'screen' }>;

export type ToHistory =
  | { readonly type: 'stop' }
  /** The next entries of the recording that was asked for; null where it cannot be read. */
  | {
      readonly type: 'terminals';
      readonly id: number;
      readonly entries: readonly TerminalEntry[] | null;
      readonly isEnd: boolean;
    };

export type FromHistory =
  /** The next entries of a session's recording; the first, where `id` is new. Without `session` nobody wants more. */
  | { readonly type: 'terminals'; readonly id: number; readonly session: string | null }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: LogFields;
    };

const places = { reached: 0, pendingAtMs: 1, hasProblem: 2 } as const;

/** How far the index is: written by its thread, read by the main thread whenever somebody asks. */
export class HistoryProgress {
  readonly memory: SharedArrayBuffer;
  readonly #view: BigInt64Array<SharedArrayBuffer>;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(8 * Object.keys(places).length)) {
    this.memory = memory;
    this.#view = new BigInt64Array(memory);
  }

  /** The sequence up to which everything is in the index. */
  get reached(): number {
    return this.#get('reached');
  }
  set reached(sequence: number) {
    this.#set('reached', sequence);
  }

  /** When the oldest event happened that was read and is not in the index; 0 where there is none. */
  get pendingAtMs(): number {
    return this.#get('pendingAtMs');
  }
  set pendingAtMs(atMs: number) {
    this.#set('pendingAtMs', atMs);
  }

  /** The store does not take what it is given. */
  get hasProblem(): boolean {
    return this.#get('hasProblem') !== 0;
  }
  set hasProblem(has: boolean) {
    this.#set('hasProblem', has ? 1 : 0);
  }

  #get(place: keyof typeof places): number {
    return Number(Atomics.load(this.#view, places[place]));
  }

  #set(place: keyof typeof places, value: number): void {
    Atomics.store(this.#view, places[place], BigInt(Math.trunc(value)));
  }
}
