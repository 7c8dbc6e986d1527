/**
 * A terminal of a session on this terminal: what stood there, with its pauses or as it happens.
 *
 * Invariants:
 * - Only what draws is written (A-SSH-22); what would make this terminal answer, retitle or change a clipboard is not.
 * - The terminal is left as it was found, whatever ends the playing: the end, a key, an error, a signal.
 * - One terminal at a time: a session may have several, which are told by the command that they belong to.
 *
 * Deliberately absent: resizing this terminal; that it is smaller is said.
 */
import { StringDecoder } from 'node:string_decoder';
import type { RecordedEntryView } from '../../api/contract/index.ts';
import type { Clock } from '../../base/clock.ts';
import { TerminalFilter } from '../../base/terminal.ts';
import type { InputStream, OutputStream } from '../io.ts';
import { playerStepMs, terminalsMax } from '../limits.ts';
import type { Output } from '../output/output.ts';
import { sleep } from '../sleep.ts';

type ScreenEntry = Extract<RecordedEntryView, { type: 'screen' | 'data' }>;

export interface PlayerOptions {
  readonly output: Output;
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Aborted when a key ends it; what reads the entries should listen to it too. */
  readonly quit: AbortController;
  /** The command whose terminal is shown; null: the first, or the one that is open when its predecessor ends. */
  readonly command: number | null;
  /** Null: no pauses (live). */
  readonly pace: { readonly speed: number; readonly idleMs: number } | null;
  /** What came before is drawn at once, so that the screen is what it was there. */
  readonly start?: ((entry: RecordedEntryView) => boolean) | null;
}

export interface Played {
  /** The terminal that was shown last; null where there was none. */
  readonly command: number | null;
  /** Terminals of the session that were not shown. */
  readonly others: readonly number[];
  readonly isQuit: boolean;
}

/** Bytes as recorded. */
export function bytesOf({ encoding, data }: ScreenEntry): Buffer {
  return Buffer.from(data, encoding === 'utf8' ? 'utf8' : 'base64');
}

export async function playTerminal(entries: AsyncIterable<RecordedEntryView>, options: PlayerOptions): Promise<Played> {
  const player = new Player(options);
  const keys = new Keys(options.stdin, (key) => player.pressed(key));
  try {
    for await (const entry of entries) {
      if (!(await player.take(entry))) break;
    }
  } catch (error) {
    if (!player.isQuit) throw error;
  } finally {
    keys.release();
    await player.end();
  }
  return player.played();
}

class Player {
  readonly #options: PlayerOptions;
  readonly #filter = new TerminalFilter();
  readonly #signal: AbortSignal;
  readonly #seen = new Set<number>();
  readonly #open = new Map<number, string>();
  readonly #shown = new Set<number>();
  #decoder = new StringDecoder('utf8');
  #wanted: number | null;
  #last: number | null = null;
  #beforeMs: number | null = null;
  #speed: number;
  #isPaused = false;
  #isBegun: boolean;
  #isFresh = true;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.#wanted = options.command;
    this.#speed = options.pace?.speed ?? 1;
    this.#isBegun = (options.start ?? null) === null;
    this.#signal = AbortSignal.any([options.signal, options.quit.signal]);
  }

  get isQuit(): boolean {
    return this.#options.quit.signal.aborted;
  }

  /** False where nothing more of interest comes. */
  async take(entry: RecordedEntryView): Promise<boolean> {
    if (this.isQuit) return false;
    this.#isBegun ||= this.#options.start?.(entry) === true;
    if (entry.type === 'terminal') this.#terminal(entry);
    if (entry.command === null || entry.command !== this.#wanted) {
      if (entry.type === 'completed') this.#open.delete(entry.command);
      return true;
    }
    await this.#wait(Date.parse(entry.at));
    if (entry.type === 'screen' && entry.direction === 'out') await this.#write(bytesOf(entry));
    if (entry.type !== 'completed') return true;
    this.#open.delete(entry.command);
    return this.#next();
  }

  /** A key: space stops and goes on, `+` and `-` change the speed, `q` and Ctrl-C end it. */
  pressed(key: string): void {
    if (key === 'q' || key === '\u0003') this.#options.quit.abort();
    else if (key === ' ') this.#isPaused = !this.#isPaused;
    else if (key === '+') this.#speed = Math.min(64, this.#speed * 2);
    else if (key === '-') this.#speed = Math.max(1 / 16, this.#speed / 2);
  }

  async end(): Promise<void> {
    const rest = this.#filter.push(this.#decoder.end()) + this.#filter.end();
    await this.#options.output.write(this.#isFresh ? rest : `${rest}\r\n`);
  }

  played(): Played {
    const others = [...this.#seen].filter((command) => !this.#shown.has(command)).sort((a, b) => a - b);
    return { command: this.#last, others, isQuit: this.isQuit };
  }

  #terminal({ command, columns, rows }: Extract<RecordedEntryView, { type: 'terminal' }>): void {
    if (this.#seen.size < terminalsMax) this.#seen.add(command);
    this.#open.set(command, `${columns}×${rows}`);
    if (this.#wanted === null) this.#wanted = command;
    if (this.#wanted !== command) return;
    this.#last = command;
    this.#shown.add(command);
    const { output, stdout } = this.#options;
    const here = stdout.rows === undefined ? null : { columns: output.columns ?? columns, rows: stdout.rows };
    if (here !== null && (here.columns < columns || here.rows < rows)) {
      output.note(`The terminal of #${command} has ${columns}×${rows}; this one has ${here.columns}×${here.rows}.`);
    }
  }

  /** The terminal that was shown has ended: another one that is open, where none was asked for. */
  #next(): boolean {
    if (this.#options.command !== null) return false;
    // A recording is played one terminal at a time; what is live goes on with the next.
    if (this.#options.pace !== null) {
      this.#wanted = -1;
      return true;
    }
    this.#decoder = new StringDecoder('utf8');
    this.#wanted = null;
    const [command] = [...this.#open.keys()].slice(-1);
    if (command === undefined) return true;
    this.#wanted = command;
    this.#last = command;
    this.#shown.add(command);
    this.#options.output.note(`Goes on with the terminal of #${command}, from here.`);
    return true;
  }

  async #write(bytes: Buffer): Promise<void> {
    const text = this.#filter.push(this.#decoder.write(bytes));
    if (text === '') return;
    this.#isFresh = false;
    await this.#options.output.write(text);
  }

  /** In small steps, so that a key acts at once. */
  async #wait(atMs: number): Promise<void> {
    const { pace, clock } = this.#options;
    const before = this.#beforeMs;
    this.#beforeMs = Math.max(atMs, before ?? atMs);
    if (pace === null || before === null || !this.#isBegun) return;
    let restMs = Math.min(atMs - before, pace.idleMs);
    while (restMs > 0 || this.#isPaused) {
      const stepMs = this.#isPaused ? playerStepMs : Math.min(playerStepMs, restMs / this.#speed);
      await sleep(stepMs, clock, this.#signal);
      if (!this.#isPaused) restMs -= stepMs * this.#speed;
      // What is left after a division is no time.
      if (restMs < 0.01) restMs = 0;
    }
  }
}

/** Single keys, where there is a terminal to press them at. */
class Keys {
  readonly #stdin: InputStream;
  readonly #onData: (data: Buffer | string) => void;
  readonly #isRaw: boolean;

  constructor(stdin: InputStream, pressed: (key: string) => void) {
    this.#stdin = stdin;
    this.#isRaw = stdin.isTTY === true && stdin.setRawMode !== undefined;
    this.#onData = (data) => {
      for (const key of data.toString('utf8')) pressed(key);
    };
    if (!this.#isRaw) return;
    stdin.setRawMode?.(true);
    stdin.on('data', this.#onData);
    stdin.resume();
  }

  release(): void {
    if (!this.#isRaw) return;
    this.#stdin.off('data', this.#onData);
    this.#stdin.setRawMode?.(false);
    this.#stdin.pause();
  }
}
