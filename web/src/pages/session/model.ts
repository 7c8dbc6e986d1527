/**
 * What a session's recording holds, as a page needs it: commands with what came of them, bounded, whatever its length.
 *
 * Fed entry by entry, while it is read or while it happens. Objects are changed in place and count their changes (`version`), so
 * that a page of a million commands is not copied for each entry.
 *
 * Invariants: memory is bounded: rows, bodies and texts beyond the limits are counted and not kept (they can be read again).
 * Deliberately absent: terminals (their bytes go to the emulator), reading, drawing.
 */
import type { RecordedEntryView } from '../../../../src/api/contract/shapes.ts';
import * as limits from './limits.ts';

export type Entry<T extends RecordedEntryView['type']> = Extract<RecordedEntryView, { type: T }>;
export type Row = readonly (string | null)[];

export interface Result {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  rows: Row[];
  /** All that were recorded; more than `rows` where they were not kept. */
  seen: number;
}

export interface Body {
  readonly direction: 'in' | 'out';
  readonly pieces: { readonly data: string; readonly encoding: 'utf8' | 'base64' }[];
  kept: number;
  bytes: number;
}

export interface SessionCommand {
  readonly ordinal: number;
  /** Milliseconds into the session. */
  readonly atMs: number;
  readonly kind: string;
  readonly verb: string;
  readonly text: string;
  readonly parameters: Entry<'command'>['parameters'];
  readonly of: number | null;
  readonly results: Result[];
  readonly messages: { readonly atMs: number; readonly entry: Entry<'message'> }[];
  readonly heads: Entry<'head'>[];
  readonly bodies: Body[];
  readonly omitted: Entry<'omitted'>[];
  /** Output on a screen that is no terminal of the session: a program without one. */
  screen: string;
  screenBytes: number;
  ended: { readonly atMs: number; readonly entry: Entry<'completed'> } | null;
  version: number;
}

export interface SessionTerminal {
  readonly command: number;
  readonly atMs: number;
  endMs: number | null;
  columns: number;
  rows: number;
  /** When something was drawn, in steps of `activityStepMs`. */
  readonly activity: number[];
  bytes: number;
}

export interface TerminalPiece {
  readonly terminal: number;
  readonly ms: number;
  readonly size?: readonly [columns: number, rows: number];
  readonly data?: string;
  readonly encoding?: 'utf8' | 'base64';
}

export class SessionModel {
  readonly startMs: number;
  readonly commands: SessionCommand[] = [];
  readonly terminals: SessionTerminal[] = [];
  /** Messages that belong to no command. */
  readonly messages: { readonly atMs: number; readonly entry: Entry<'message'> }[] = [];
  lastMs = 0;
  entries = 0;
  /** Commands that were not kept any more. */
  beyond = 0;
  version = 0;
  readonly #byOrdinal = new Map<number, SessionCommand>();
  readonly #terminals = new Map<number, SessionTerminal>();
  readonly #onPiece: (piece: TerminalPiece) => void;
  #cellChars = 0;
  #textChars = 0;

  constructor(startMs: number, onPiece: (piece: TerminalPiece) => void) {
    this.startMs = startMs;
    this.#onPiece = onPiece;
  }

  command(ordinal: number): SessionCommand | null {
    return this.#byOrdinal.get(ordinal) ?? null;
  }

  /** Place of the last command at or before a moment; -1 before the first. */
  indexAt(ms: number): number {
    let low = 0;
    let high = this.commands.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.commands[middle]!.atMs <= ms) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  take(entry: RecordedEntryView): void {
    const ms = Math.max(0, Date.parse(entry.at) - this.startMs);
    this.lastMs = Math.max(this.lastMs, ms);
    this.entries++;
    this.version++;
    if (entry.type === 'command') {
      this.#command(entry, ms);
      return;
    }
    if (entry.type === 'terminal') {
      this.#terminal(entry, ms);
      return;
    }
    if (entry.type === 'message' && entry.command === null) {
      if (this.messages.length < limits.messagesMax) this.messages.push({ atMs: ms, entry });
      return;
    }
    const command = entry.command === null ? undefined : this.#byOrdinal.get(entry.command);
    if (command === undefined) return;
    command.version++;
    switch (entry.type) {
      case 'columns':
        command.results.push({ columns: entry.columns, rows: [], seen: 0 });
        return;
      case 'rows':
        this.#rows(command, entry);
        return;
      case 'data':
        this.#data(command, entry);
        return;
      case 'head':
        command.heads.push(entry);
        return;
      case 'screen':
        this.#screen(command, entry, ms);
        return;
      case 'omitted':
        command.omitted.push(entry);
        return;
      case 'message':
        if (command.messages.length < limits.messagesMax) command.messages.push({ atMs: ms, entry });
        return;
      case 'completed': {
        command.ended = { atMs: ms, entry };
        const terminal = this.#terminals.get(command.ordinal);
        if (terminal !== undefined) terminal.endMs = ms;
      }
    }
  }

  #command(entry: Entry<'command'>, atMs: number): void {
    if (this.commands.length >= limits.commandsMax) {
      this.beyond++;
      return;
    }
    const room = this.#textChars < limits.textCharsMax ? limits.textLengthMax : limits.textLengthLeast;
    const text = entry.text.length > room ? entry.text.slice(0, room) : entry.text;
    this.#textChars += text.length;
    const command: SessionCommand = {
      ordinal: entry.command,
      atMs,
      kind: entry.kind,
      verb: entry.verb,
      text,
      parameters: entry.parameters,
      of: entry.of,
      results: [],
      messages: [],
      heads: [],
      bodies: [],
      omitted: [],
      screen: '',
      screenBytes: 0,
      ended: null,
      version: 0,
    };
    this.commands.push(command);
    this.#byOrdinal.set(entry.command, command);
  }

  #rows(command: SessionCommand, entry: Entry<'rows'>): void {
    const result = command.results.at(-1) ?? { columns: [], rows: [], seen: 0 };
    if (command.results.length === 0) command.results.push(result);
    result.seen += entry.rows.length;
    const isSpent = this.#cellChars > limits.cellCharsMax;
    const room = (isSpent ? limits.rowsLeast : limits.rowsKept) - result.rows.length;
    if (room <= 0) return;
    for (const row of entry.rows.slice(0, room)) {
      for (const cell of row) this.#cellChars += cell?.length ?? 0;
      result.rows.push(row);
    }
  }

  #data(command: SessionCommand, entry: Entry<'data'>): void {
    let body = command.bodies.at(-1);
    if (body === undefined || body.direction !== entry.direction) {
      body = { direction: entry.direction, pieces: [], kept: 0, bytes: 0 };
      command.bodies.push(body);
    }
    body.bytes += entry.bytes;
    if (body.kept >= limits.bodyBytesKept || this.#cellChars > limits.cellCharsMax) return;
    body.pieces.push({ data: entry.data, encoding: entry.encoding });
    body.kept += entry.bytes;
    this.#cellChars += entry.data.length;
  }

  #terminal(entry: Entry<'terminal'>, atMs: number): void {
    const { command, columns, rows } = entry;
    let terminal = this.#terminals.get(command);
    if (terminal === undefined) {
      if (this.terminals.length >= limits.terminalsMax) return;
      terminal = { command, atMs, endMs: null, columns, rows, activity: [], bytes: 0 };
      this.#terminals.set(command, terminal);
      this.terminals.push(terminal);
    }
    terminal.columns = columns;
    terminal.rows = rows;
    this.#onPiece({ terminal: command, ms: atMs, size: [columns, rows] });
  }

  #screen(command: SessionCommand, entry: Entry<'screen'>, ms: number): void {
    // What was typed stands on the screen where it was echoed; where it was not, it is nobody's to read.
    if (entry.direction === 'in') return;
    const terminal = this.#terminals.get(command.ordinal);
    if (terminal === undefined) {
      command.screenBytes += entry.bytes;
      if (command.screen.length < limits.bodyBytesKept && entry.encoding === 'utf8') command.screen += entry.data;
      return;
    }
    terminal.bytes += entry.bytes;
    const last = terminal.activity.at(-1);
    if (last === undefined || ms - last >= limits.activityStepMs) terminal.activity.push(ms);
    this.#onPiece({ terminal: command.ordinal, ms, data: entry.data, encoding: entry.encoding });
  }
}
