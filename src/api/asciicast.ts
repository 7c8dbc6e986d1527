/**
 * A terminal of a recording as asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): a header and one event a
 * line, each with the seconds since the one before it.
 *
 * Invariants:
 * - Only what draws is in it (A-SSH-22): a player writes output events to a terminal as they are.
 * - One terminal: the one asked for, or the first. What was typed is in it as recorded, so nothing typed without echo.
 * - A recording without a terminal gives a header alone, of a terminal on which nothing happened.
 *
 * Commands that ran in the terminal are markers. Deliberately absent: other commands of the session.
 */
import { StringDecoder } from 'node:string_decoder';
import { TerminalFilter } from '../base/terminal.ts';
import type { RecordedEntryView } from './contract/index.ts';
import { safeJson } from './json.ts';

export interface CastOptions {
  readonly title: string;
  /** Whose terminal, by the number of its command; null: the first. */
  readonly command: number | null;
}

type Entry<T extends RecordedEntryView['type']> = Extract<RecordedEntryView, { type: T }>;
type Code = 'o' | 'i' | 'r' | 'm' | 'x';

/** What a player assumes where nothing is known. */
const unknownTerminal = { columns: 80, rows: 24, term: null } as const;

/** Longest marker: a line in a player's list. */
const markerLengthMax = 200;

export async function* writeCast(
  entries: AsyncIterable<RecordedEntryView>,
  options: CastOptions,
): AsyncGenerator<string, void, undefined> {
  const cast = new Cast(options);
  for await (const entry of entries) {
    yield* cast.take(entry);
    if (cast.isOver) break;
  }
  yield* cast.end();
}

class Cast {
  readonly #options: CastOptions;
  readonly #filter = new TerminalFilter();
  readonly #out = new StringDecoder('utf8');
  readonly #in = new StringDecoder('utf8');
  #command: number | null;
  #isBegun = false;
  #isOver = false;
  #lastMs = 0;

  constructor(options: CastOptions) {
    this.#options = options;
    this.#command = options.command;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  *take(entry: RecordedEntryView): Generator<string> {
    if (entry.type === 'terminal') return yield* this.#terminal(entry);
    if (!this.#isBegun) return;
    const atMs = Date.parse(entry.at);
    if (entry.type === 'command') {
      // What is submitted at a prompt, and not what it runs in turn.
      const isSubmitted = entry.kind === 'shell' && entry.verb === 'line';
      if (isSubmitted) yield this.#event(atMs, 'm', entry.text.slice(0, markerLengthMax));
      return;
    }
    if (entry.command !== this.#command) return;
    if (entry.type === 'screen') return yield* this.#screen(entry, atMs);
    if (entry.type !== 'completed') return;
    yield* this.#rest(atMs);
    const status = /^exit (\d+)$/.exec(entry.tag ?? '')?.[1];
    if (status !== undefined) yield this.#event(atMs, 'x', status);
    this.#isOver = true;
  }

  *end(): Generator<string> {
    if (!this.#isBegun) yield this.#header(unknownTerminal, null);
    else if (!this.#isOver) yield* this.#rest(this.#lastMs);
  }

  *#terminal(entry: Entry<'terminal'>): Generator<string> {
    this.#command ??= entry.command;
    if (entry.command !== this.#command) return;
    const atMs = Date.parse(entry.at);
    if (this.#isBegun) {
      yield this.#event(atMs, 'r', `${entry.columns}x${entry.rows}`);
      return;
    }
    this.#isBegun = true;
    this.#lastMs = atMs;
    yield this.#header(entry, atMs);
  }

  *#screen(entry: Entry<'screen'>, atMs: number): Generator<string> {
    const bytes = Buffer.from(entry.data, entry.encoding === 'utf8' ? 'utf8' : 'base64');
    if (entry.direction === 'in') {
      const typed = this.#in.write(bytes);
      if (typed !== '') yield this.#event(atMs, 'i', typed);
      return;
    }
    const shown = this.#filter.push(this.#out.write(bytes));
    if (shown !== '') yield this.#event(atMs, 'o', shown);
  }

  /** What sets the player's terminal right again. */
  *#rest(atMs: number): Generator<string> {
    const rest = this.#filter.push(this.#out.end()) + this.#filter.end();
    if (rest !== '') yield this.#event(atMs, 'o', rest);
  }

  #header(terminal: Pick<Entry<'terminal'>, 'columns' | 'rows' | 'term'>, atMs: number | null): string {
    const { columns, rows, term } = terminal;
    return line({
      version: 3,
      term: { cols: columns, rows, ...(term === null ? {} : { type: term }) },
      ...(atMs === null ? {} : { timestamp: Math.floor(atMs / 1000) }),
      title: this.#options.title,
    });
  }

  #event(atMs: number, code: Code, data: string): string {
    // A clock that was set back makes no negative interval.
    const intervalMs = Math.max(0, atMs - this.#lastMs);
    this.#lastMs = Math.max(atMs, this.#lastMs);
    return line([intervalMs / 1000, code, data]);
  }
}

function line(value: unknown): string {
  return `${safeJson(value)}\n`;
}
