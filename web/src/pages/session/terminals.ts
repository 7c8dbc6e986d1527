/** The page's side of the emulators: hands over what was recorded, in batches, and asks for screens. */

import type { Frame } from '../../ui/terminal/frame.ts';
import type { FromEmulator, ToEmulator } from './emulator-worker.ts';
import type { TerminalPiece } from './model.ts';

/** Longest that a piece waits for others. Milliseconds. */
const gatherMs = 12;
const batchPieces = 4_000;

export interface Found {
  readonly hits: readonly { readonly terminal: number; readonly ms: number; readonly text: string }[];
  readonly isPartial: boolean;
}

export class Terminals {
  #worker: Worker | null = null;
  #pieces: TerminalPiece[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #serial = 0;
  readonly #frames = new Map<
    number,
    { readonly serial: number; readonly take: (frame: Frame, tookMs: number) => void }
  >();
  readonly #searches = new Map<number, (found: Found) => void>();
  readonly #listeners = new Map<number, Set<() => void>>();

  push(piece: TerminalPiece): void {
    this.#pieces.push(piece);
    if (this.#pieces.length >= batchPieces) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), gatherMs);
  }

  /** Asks for the screen at a moment; `take` is not called where another moment is asked for before. */
  seek(terminal: number, ms: number, history: number, take: (frame: Frame, tookMs: number) => void): void {
    const serial = ++this.#serial;
    this.#frames.set(terminal, { serial, take });
    this.#flush();
    this.#send({ type: 'seek', terminal, ms, history, serial });
  }

  search(text: string): Promise<Found> {
    const serial = ++this.#serial;
    this.#send({ type: 'search', text, serial });
    return new Promise((resolve) => this.#searches.set(serial, resolve));
  }

  /** Hears that something was added to a terminal. */
  onAdded(terminal: number, listener: () => void): () => void {
    const all = this.#listeners.get(terminal) ?? new Set();
    this.#listeners.set(terminal, all.add(listener));
    return () => void all.delete(listener);
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = null;
    this.#frames.clear();
    this.#searches.clear();
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#pieces.length === 0) return;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#send({ type: 'push', pieces });
    for (const terminal of new Set(pieces.map((piece) => piece.terminal))) {
      for (const listener of this.#listeners.get(terminal) ?? []) listener();
    }
  }

  #send(message: ToEmulator): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./emulator-worker.ts', import.meta.url), { type: 'module', name: 'terminals' });
    worker.onmessage = ({ data }: MessageEvent<FromEmulator>) => {
      if (data.type === 'found') {
        this.#searches.get(data.serial)?.(data);
        this.#searches.delete(data.serial);
        return;
      }
      const asked = this.#frames.get(data.terminal);
      if (asked?.serial !== data.serial) return;
      this.#frames.delete(data.terminal);
      asked.take(data.frame, data.tookMs);
    };
    return worker;
  }
}
