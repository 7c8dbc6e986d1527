/**
 * What stood on the terminals of a session, as plain text in pieces that a search leads back to: by command, and by the moment.
 *
 * Invariants: of a recording, so masked as that is, and never what was typed without echo; the same recording gives the same pieces;
 * the work is bounded (`screenBytesMax`), and given up in turns, so that nothing waits long for it.
 *
 * A piece holds the lines that came since the one before; of a full-screen program, what stood on the screen when the piece ended.
 * Deliberately absent: the emulator (handed in), colours, what was typed (the commands have it).
 */
import type { SessionOpened } from '../core/activity.ts';
import type { HistoryEntry } from '../core/history.ts';
import type { RecordedEntry } from '../core/recording.ts';
import { blank, contextOf } from './history-entries.ts';
import * as limits from './limits.ts';

/** The emulator of one terminal. */
export interface ScreenView {
  write(bytes: Uint8Array): void;
  resize(columns: number, rows: number): void;
  /** The text since it was asked last: whole lines, and at the end of a piece also the one under way. */
  take(isEnd: boolean): string;
  dispose(): void;
}

/** Entries of a recording that was sealed by the event `sealed`. */
export async function screenEntries(
  entries: AsyncIterable<RecordedEntry>,
  sealed: { readonly seq: number; readonly at: number; readonly session: string },
  opened: SessionOpened | null,
  makeView: (columns: number, rows: number) => ScreenView,
): Promise<readonly HistoryEntry[]> {
  const found: HistoryEntry[] = [];
  const context = contextOf(opened);
  const put = (command: number, atMs: number, text: string): void => {
    if (text.trim() === '') return;
    const entry = {
      ...blank(sealed, 'screen'),
      ...context,
      session: sealed.session,
      command,
      atMs,
      verb: 'screen',
      text,
    };
    found.push({ ...entry, part: found.length + 1 });
  };
  const terminals = new Map<number, Terminal>();
  let left = limits.screenBytesMax;
  try {
    for await (const entry of entries) {
      if (entry.type === 'terminal') {
        const { command, columns, rows } = entry;
        const terminal = terminals.get(command);
        if (terminal === undefined) terminals.set(command, new Terminal(command, makeView(columns, rows), put));
        else terminal.resize(columns, rows);
      } else if (entry.type === 'screen' && entry.direction === 'out' && left > 0) {
        const { command, data, at } = entry;
        let terminal = terminals.get(command);
        if (terminal === undefined) {
          terminal = new Terminal(command, makeView(80, 24), put);
          terminals.set(command, terminal);
        }
        const taken = data.subarray(0, left);
        left -= taken.length;
        terminal.write(taken, at);
        // An emulator works in one go: others get their turn between pieces.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    for (const terminal of terminals.values()) terminal.end();
  } finally {
    for (const terminal of terminals.values()) terminal.dispose();
  }
  return found;
}

/** Bytes written to an emulator at once: far fewer lines than it keeps, so that none is lost between two looks. */
const stepBytes = 384;

class Terminal {
  readonly #command: number;
  readonly #view: ScreenView;
  readonly #put: (command: number, atMs: number, text: string) => void;
  #text = '';
  /** When the piece under way began; null where nothing came since the last. */
  #begunMs: number | null = null;

  constructor(command: number, view: ScreenView, put: (command: number, atMs: number, text: string) => void) {
    this.#command = command;
    this.#view = view;
    this.#put = put;
  }

  resize(columns: number, rows: number): void {
    this.#flush();
    this.#view.resize(columns, rows);
  }

  write(data: Buffer, atMs: number): void {
    if (this.#begunMs !== null && atMs - this.#begunMs > limits.screenSpanMs) this.#flush();
    this.#begunMs ??= atMs;
    for (let at = 0; at < data.length; at += stepBytes) {
      this.#view.write(data.subarray(at, at + stepBytes));
      this.#text += this.#view.take(false);
      if (this.#text.length >= limits.screenTextMax) {
        this.#cut();
        this.#begunMs = atMs;
      }
    }
  }

  end(): void {
    this.#flush();
  }

  dispose(): void {
    this.#view.dispose();
  }

  #flush(): void {
    this.#text += this.#view.take(true);
    this.#cut();
    this.#begunMs = null;
  }

  #cut(): void {
    const text = this.#text;
    this.#text = '';
    for (let at = 0; at < text.length; at += limits.screenTextMax) {
      this.#put(this.#command, this.#begunMs ?? 0, text.slice(at, at + limits.screenTextMax));
    }
  }
}
