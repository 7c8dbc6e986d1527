/**
 * The main thread's end of the journal's thread. It knows messages and the thread's life, nothing of sequences.
 *
 * Plain messages both ways: waking the thread by Atomics.wait instead saves about 10 µs of a round trip whose sync takes
 * twenty times that, and would take away the thread's event loop.
 */
import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { GatewayError } from '../base/errors.ts';
import { coreErrors } from '../core/errors.ts';
import * as limits from './limits.ts';
import type { Position } from './segment.ts';
import type { OpenSessionState } from './tracker.ts';
import type { FromWriter, ToWriter, WriterStart } from './writer-messages.ts';

export type WriterOpened = Extract<FromWriter, { type: 'opened' }>;

export interface WriterHandlers {
  durable(position: Position): void;
  checkpoint(text: string, position: Position): void;
  /** Once, after it had opened. */
  failed(error: Error): void;
}

const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './writer-worker.ts' : './writer-worker.js',
  import.meta.url,
);

type Settle<T> = { resolve: (value: T) => void; reject: (error: Error) => void };

export class WriterThread {
  readonly opened: Promise<WriterOpened>;
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #handlers: WriterHandlers;
  #opening: Settle<WriterOpened> | null = null;
  #asked: Settle<readonly OpenSessionState[]>[] = [];
  #closing: Settle<void> | null = null;
  #isOver = false;
  #error: Error | null = null;
  #batchSentAtMs: number | null = null;

  constructor(start: WriterStart, clock: Clock, handlers: WriterHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.opened = new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
    });
    this.#worker = new Worker(workerUrl, { workerData: start, name: 'journal', execArgv: [] });
    this.#worker.on('message', (message: FromWriter) => this.#take(message));
    this.#worker.on('error', (error) => this.#end(unavailable(`the writer failed: ${error.message}`, error)));
    this.#worker.on('exit', (code) => this.#end(unavailable(`the writer ended with ${code}`)));
  }

  send(message: ToWriter): void {
    if (message.type === 'batch') this.#batchSentAtMs = this.#clock.monotonic();
    this.#worker.postMessage(message);
  }

  /** The sessions open after everything sent before this. */
  askSessions(): Promise<readonly OpenSessionState[]> {
    if (this.#isOver) return Promise.reject(this.#error ?? unavailable('the writer is gone'));
    return new Promise((resolve, reject) => {
      this.#asked.push({ resolve, reject });
      this.send({ type: 'sessions' });
    });
  }

  close(atMs: number): Promise<void> {
    if (this.#isOver) return Promise.reject(this.#error ?? unavailable('the writer is gone'));
    return new Promise((resolve, reject) => {
      this.#closing = { resolve, reject };
      this.send({ type: 'close', atMs });
    });
  }

  async terminate(): Promise<void> {
    this.#isOver = true;
    await this.#worker.terminate();
  }

  /** A disk that does not answer is a disk that failed. */
  checkDeadline(): void {
    if (this.#batchSentAtMs === null || this.#clock.monotonic() - this.#batchSentAtMs < limits.writerDeadlineMs) return;
    this.#end(unavailable('the disk did not answer in time'));
  }

  #take(message: FromWriter): void {
    if (this.#isOver) return;
    switch (message.type) {
      case 'opened':
        this.#opening?.resolve(message);
        this.#opening = null;
        return;
      case 'durable':
        this.#batchSentAtMs = null;
        this.#handlers.durable(message.position);
        return;
      case 'checkpoint':
        this.#handlers.checkpoint(message.text, message.position);
        return;
      case 'sessions':
        this.#asked.shift()?.resolve(message.sessions);
        return;
      case 'closed':
        this.#isOver = true;
        this.#closing?.resolve();
        return;
      case 'failed': {
        const isOurs = message.code.startsWith('recording.');
        const error = isOurs
          ? new GatewayError(message.code, 'operation', message.detail)
          : unavailable(`${message.code}: ${message.detail}`);
        this.#end(error);
        return;
      }
    }
  }

  #end(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    for (const asked of this.#asked.splice(0)) asked.reject(error);
    this.#closing?.reject(error);
    if (this.#opening !== null) this.#opening.reject(error);
    else this.#handlers.failed(error);
    this.#opening = null;
  }
}

function unavailable(detail: string, cause?: unknown): GatewayError {
  return coreErrors('core.journal-unavailable', cause === undefined ? { detail } : { detail, cause });
}
