/**
 * A request: one message of the client on its way, first waiting in the queue, then waiting for the server's answer.
 *
 * The same object serves both, so that a message costs one allocation. `Fifo` is the queue of either kind.
 *
 * Deliberately absent: decisions; they are client-side.ts's and server-side.ts's.
 */
import type { Command } from '../../core/session.ts';
import type { Denial } from './denial.ts';
import type { Named } from './messages.ts';
import type { CommandOutput } from './output-command.ts';
import type { Portal, Statement } from './statements.ts';

/**
 * What a request is. `stand-in` is the gateway's own Describe of a statement that does not exist: the server answers it
 * with an error at exactly the place where the refused message's error belongs (A-PG-29).
 */
export type RequestKind =
  | 'query'
  | 'parse'
  | 'bind'
  | 'describe'
  | 'execute'
  | 'close'
  | 'sync'
  | 'flush'
  | 'copy'
  | 'copy-end'
  | 'function'
  | 'terminate'
  | 'stand-in';

/** The messages' names as the documentation has them, for `forwardHousekeeping`. */
export const housekeepingNames: Readonly<Record<RequestKind, string>> = {
  query: '',
  parse: '',
  execute: '',
  function: '',
  'stand-in': 'Describe',
  bind: '',
  describe: 'Describe',
  close: 'Close',
  sync: 'Sync',
  flush: 'Flush',
  copy: 'CopyData',
  'copy-end': 'CopyDone',
  terminate: 'Terminate',
};

export class Request {
  readonly kind: RequestKind;
  /** The bytes, while they wait; null once forwarded. */
  buffer: Buffer | null;
  readonly start: number;
  /** Grows while a run of CopyData is joined. */
  end: number;
  command: Command | null = null;
  /** What to answer with instead of forwarding. */
  denial: Denial | null = null;
  statement: Statement | null = null;
  portal: Portal | null = null;
  /**
   * Of a Bind: the Execute of its portal, whose intent holds the parameters and which decides for both. A Bind that no
   * Execute follows has a command of its own.
   */
  coveredBy: Request | null = null;
  /** What a Close is about. */
  closes: Named | null = null;
  /** The gateway's own, whose answer the client does not get. */
  isOwn = false;
  /** Of CopyData: bytes at the start that continue a message that began in an earlier chunk. */
  continued = 0;

  /** Its command was held when it was judged. */
  wasHeld = false;
  /** Its command has ended, as far as the pipeline is concerned. */
  settled = false;

  /** `SessionContext.changes` when it was judged, and where to ask again. */
  changes = 0;
  context: { readonly changes: number } | null = null;

  // What the server answered so far.
  rows = 0;
  bytes = 0;
  tag: string | null = null;
  error: string | null = null;
  columnsSeen = false;
  /** What is done to what comes back; null: nothing. Undefined until something came. */
  output: CommandOutput | null | undefined = undefined;

  constructor(kind: RequestKind, buffer: Buffer | null, start: number, end: number) {
    this.kind = kind;
    this.buffer = buffer;
    this.start = start;
    this.end = end;
  }
}

/** A queue over an array, with the head as an index, so that taking from the front is constant in time. */
export class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  get last(): T | undefined {
    return this.#head < this.#items.length ? this.#items[this.#items.length - 1] : undefined;
  }

  unshift(item: T): void {
    if (this.#head > 0) this.#items[--this.#head] = item;
    else this.#items.unshift(item);
  }

  at(index: number): T | undefined {
    return this.#items[this.#head + index];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const item = this.#items[this.#head++];
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }
}
