/**
 * A recording as a transcript: each command with its header, parameters, results as psql aligns them, messages, and how
 * it ended. Fed entry by entry; answers the lines to show. Used by replay (whole) and tail (live) alike.
 *
 * Invariants: everything from the peer is escaped (I13); memory is bounded by the rows shown of the results that are
 * open at once, whatever the recording holds.
 * Deliberately absent: timing, reading, writing.
 */
import { StringDecoder } from 'node:string_decoder';
import type { RecordedEntryView, SessionEventView, SessionView } from '../../api/contract/index.ts';
import { escapeLine, escapeText } from '../../base/escape.ts';
import { replayRowsMax } from '../limits.ts';
import type { Palette } from '../output/colour.ts';
import { byteSize, count, duration, offset } from '../output/time.ts';
import { cutToWidth } from '../output/width.ts';
import { whoText } from '../sessions.ts';
import { gridLines } from './grid.ts';
import { HttpExchange } from './http.ts';
import { bytesOf } from './player.ts';
import { eventLine, type Masked, maskedText } from './rules.ts';
import { ScreenText } from './screen.ts';

export interface TranscriptOptions {
  readonly palette: Palette;
  /** Columns of the terminal, or null. */
  readonly columns: number | null;
  /** Rows shown of one result; 0 shows none. */
  readonly rowsMax: number;
  /** Lines shown of one terminal; what rows are unless given. */
  readonly screenLinesMax?: number;
  /** How many values were masked, by command; nothing where it is not known. */
  readonly masked?: Masked;
}

type Entry<T extends RecordedEntryView['type']> = Extract<RecordedEntryView, { type: T }>;

/** What is known of a command that has not ended. */
interface OpenCommand {
  readonly verb: string;
  columns: readonly string[] | null;
  rows: (readonly (string | null)[])[];
  rowsSeen: number;
  dataBytes: number;
  dataLinesShown: number;
  /** What a terminal showed, where the command has one. */
  screen: { readonly text: ScreenText; readonly decoder: StringDecoder } | null;
  /** Heads and bodies, where it is an HTTP request. */
  http: HttpExchange | null;
}

/** Commands that may be open at once: a client that pipelines more leaves the oldest without its result. */
const openCommandsMax = 4096;
/** Statements remembered, so that executing a prepared one again does not repeat pages of text; longer ones are repeated. */
const textsMax = 1000;
const textLengthMax = 4096;
/** Longest value of a parameter shown. */
const parameterColumnsMax = 100;

export class Transcript {
  readonly #session: SessionView;
  readonly #options: TranscriptOptions;
  readonly #open = new Map<number, OpenCommand>();
  readonly #texts = new Map<number, string>();
  /** The command whose header or result was written last. */
  #shown: number | null = null;

  constructor(session: SessionView, options: TranscriptOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** The lines above everything. */
  head(): string[] {
    const { palette } = this.#options;
    const session = this.#session;
    const client = Object.entries(session.client)
      .map(([key, value]) => `${key}=${value}`)
      .join(' ');
    const facts = [
      `from ${session.source}`,
      new Date(session.startedAt)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, ' UTC'),
      `access ${session.access}`,
      `recording ${session.recording}`,
    ];
    return [
      `${palette.strong(escapeLine(session.id))}  ${this.#who()}  ${escapeLine(session.protocol)}`,
      palette.faint(escapeLine(facts.join(' · '))),
      ...(client === '' ? [] : [palette.faint(cutToWidth(escapeLine(`client says ${client}`), 160))]),
    ];
  }

  /** The lines below everything. */
  foot(session: SessionView): string[] {
    const { palette } = this.#options;
    if (session.live) return ['', palette.good('● still open')];
    const by = session.endedBy === null ? '' : ` by ${session.endedBy}`;
    const took =
      session.endedAt === null ? '' : ` after ${duration(Date.parse(session.endedAt) - Date.parse(session.startedAt))}`;
    return [
      '',
      palette.faint(
        escapeLine(`ended: ${session.endReason ?? 'unknown'}${by}${took}, ${count(session.commands, 'command')}`),
      ),
    ];
  }

  /** The lines for what the rules did, between the entries. */
  rule(event: SessionEventView): string[] {
    const line = eventLine(event, this.#options.palette);
    if (event.command === null) return ['', `${this.#options.palette.accent(this.#offset(event.at))} ${line}`];
    // A result that is still being gathered is shown whole, below.
    return [...this.#under(event.command), line];
  }

  /** Takes the next entry; answers what to show for it, often nothing yet. */
  add(entry: RecordedEntryView): string[] {
    switch (entry.type) {
      case 'command':
        return this.#command(entry);
      case 'columns': {
        const command = this.#of(entry.command);
        // A second list of columns begins a second result of the same command.
        const before = command.columns === null ? [] : this.#result(entry.command, command);
        command.columns = entry.columns.map((column) => column.name);
        return before;
      }
      case 'rows': {
        const command = this.#of(entry.command);
        command.rowsSeen += entry.rows.length;
        const room = Math.min(this.#options.rowsMax, replayRowsMax) - command.rows.length;
        if (room > 0) command.rows.push(...entry.rows.slice(0, room));
        return [];
      }
      case 'terminal':
        return [];
      case 'head':
        return this.#head(entry);
      case 'data':
        return this.#data(entry);
      case 'screen':
        return this.#screen(entry);
      case 'omitted': {
        const command = this.#of(entry.command);
        const amount = entry.rows > 0 ? `${count(entry.rows, 'more row')}, ` : '';
        const what = entry.direction === undefined ? '' : entry.direction === 'in' ? ' sent' : ' received';
        const text = `… ${amount}${byteSize(entry.bytes)}${what} beyond the recording's budget, sha256 ${entry.digest}`;
        const before = this.#result(entry.command, command);
        return [...before, ...this.#under(entry.command), this.#options.palette.warning(escapeLine(text))];
      }
      case 'message':
        return this.#message(entry);
      case 'completed':
        return this.#completed(entry);
    }
  }

  #command(entry: Entry<'command'>): string[] {
    const { palette } = this.#options;
    const prompt = `${palette.accent(this.#offset(entry.at))} ${palette.strong(`#${entry.command}`)} ${this.#who()}`;
    const of = entry.of === null ? '' : ` of #${entry.of}`;
    this.#open.set(entry.command, {
      verb: entry.verb,
      columns: null,
      rows: [],
      rowsSeen: 0,
      dataBytes: 0,
      dataLinesShown: 0,
      screen: null,
      http: entry.kind === 'http' ? new HttpExchange(entry.text, palette, this.#options.rowsMax) : null,
    });
    if (this.#open.size > openCommandsMax) {
      const oldest = this.#open.keys().next();
      if (!oldest.done) this.#open.delete(oldest.value);
    }
    this.#shown = entry.command;
    return [
      '',
      `${prompt} ${palette.faint(escapeLine(entry.verb) + of)}`,
      ...this.#text(entry),
      ...(entry.parameters ?? []).map((parameter, index) =>
        entry.kind === 'http'
          ? HttpExchange.field(parameter.type ?? '', parameter.value ?? '', palette)
          : this.#parameter(parameter, index),
      ),
    ];
  }

  /** The statement, indented; its first line only where it was shown when it was prepared. */
  #text(entry: Entry<'command'>): string[] {
    if (entry.text === '') return [];
    const lines = escapeText(entry.text).replace(/\n+$/, '').split('\n');
    if (entry.of !== null && this.#texts.get(entry.of) === entry.text && lines.length > 1) {
      return [`  ${cutToWidth(lines[0]!, parameterColumnsMax)} ${this.#options.palette.faint(`… as in #${entry.of}`)}`];
    }
    if (entry.text.length <= textLengthMax) this.#texts.set(entry.command, entry.text);
    const oldest = this.#texts.size > textsMax ? this.#texts.keys().next().value : undefined;
    if (oldest !== undefined) this.#texts.delete(oldest);
    return lines.map((line) => `  ${line}`);
  }

  #parameter(parameter: NonNullable<Entry<'command'>['parameters']>[number], index: number): string {
    const { palette } = this.#options;
    const type = parameter.type === null ? '' : ` ${escapeLine(parameter.type)}`;
    const value =
      parameter.value === null ? 'NULL' : `'${cutToWidth(escapeLine(parameter.value), parameterColumnsMax)}'`;
    const cut =
      parameter.digest === undefined
        ? ''
        : palette.faint(` (${byteSize(parameter.bytes)}, sha256 ${escapeLine(parameter.digest)})`);
    return `  ${palette.name(`$${index + 1}`)}${palette.faint(type)} = ${value}${cut}`;
  }

  #head(entry: Entry<'head'>): string[] {
    const command = this.#of(entry.command);
    command.http ??= new HttpExchange('', this.#options.palette, this.#options.rowsMax);
    return this.#below(entry.command, command.http.head(entry));
  }

  #below(ordinal: number, lines: readonly string[]): string[] {
    return lines.length === 0 ? [] : [...this.#under(ordinal), ...lines];
  }

  #screen(entry: Entry<'screen'>): string[] {
    // What was typed stands on the screen where it was echoed; where it was not, it is nobody's to read.
    if (entry.direction === 'in') return [];
    const command = this.#of(entry.command);
    command.dataBytes += entry.bytes;
    command.screen ??= { text: new ScreenText(), decoder: new StringDecoder('utf8') };
    return this.#screenLines(
      entry.command,
      command,
      command.screen.text.push(command.screen.decoder.write(bytesOf(entry))),
    );
  }

  #screenLines(ordinal: number, command: OpenCommand, lines: readonly string[]): string[] {
    const room = (this.#options.screenLinesMax ?? this.#options.rowsMax) - command.dataLinesShown;
    const kept = room > 0 ? lines.slice(0, room) : [];
    command.dataLinesShown += kept.length;
    return kept.length === 0 ? [] : [...this.#under(ordinal), ...kept.map((line) => `  ${line}`)];
  }

  #data(entry: Entry<'data'>): string[] {
    const command = this.#of(entry.command);
    const isFirst = command.dataBytes === 0;
    command.dataBytes += entry.bytes;
    if (command.http !== null) return this.#below(entry.command, command.http.data(entry));
    const { palette, rowsMax } = this.#options;
    const lines = isFirst
      ? [palette.faint(entry.direction === 'in' ? 'data from the client:' : 'data to the client:')]
      : [];
    const room = rowsMax - command.dataLinesShown;
    if (room > 0) {
      const text = entry.encoding === 'utf8' ? entry.data.replace(/\n$/, '').split('\n') : ['(binary)'];
      const kept = text.slice(0, room).map((line) => `  ${cutToWidth(escapeLine(line), 160)}`);
      command.dataLinesShown += kept.length;
      lines.push(...kept);
    }
    return lines.length === 0 ? [] : [...this.#under(entry.command), ...lines];
  }

  #message(entry: Entry<'message'>): string[] {
    const { palette } = this.#options;
    const code = entry.code === null ? '' : ` ${escapeLine(entry.code)}`;
    const first = { error: palette.bad, notice: palette.warning, notification: palette.accent, gateway: palette.name }[
      entry.level
    ];
    const label = entry.level === 'gateway' ? 'SALLYPORT' : entry.level.toUpperCase();
    const lines = [first(`${label}${code}: ${escapeLine(entry.text)}`)];
    for (const name of ['detail', 'hint', 'position', 'where']) {
      const value = entry.fields[name];
      if (value !== undefined && value !== '') lines.push(`  ${palette.faint(`${name}:`)} ${escapeLine(value)}`);
    }
    if (entry.command === null)
      return ['', `${palette.accent(this.#offset(entry.at))} ${lines[0]!}`, ...lines.slice(1)];
    const command = this.#open.get(entry.command);
    const before = command === undefined ? [] : this.#result(entry.command, command);
    return [...before, ...this.#under(entry.command), ...lines];
  }

  #completed(entry: Entry<'completed'>): string[] {
    const command = this.#of(entry.command);
    this.#open.delete(entry.command);
    const { palette } = this.#options;
    // That a statement was prepared as asked is no news behind the header of the command that executes it.
    const isQuiet = command.verb === 'prepare' && entry.outcome === 'completed' && this.#shown !== entry.command;
    if (isQuiet) return [];
    const rest = command.screen?.text.rest() ?? [];
    const lines = [
      ...this.#screenLines(entry.command, command, rest),
      ...this.#below(entry.command, command.http?.rest() ?? []),
      ...this.#result(entry.command, command),
    ];
    const parts: string[] = [];
    if (entry.tag !== null) parts.push(escapeLine(entry.tag));
    if (command.dataBytes > 0) parts.push(byteSize(command.dataBytes));
    parts.push(duration(entry.durationMs));
    const masked = this.#options.masked?.get(entry.command);
    if (masked !== undefined) parts.push(maskedText(masked));
    const facts = palette.faint(parts.join(' · '));
    const marks: Readonly<Record<string, string>> = {
      completed: palette.good('✔'),
      failed: palette.bad('✘ failed'),
      refused: palette.bad('⛔ refused, nothing of it reached the resource'),
      withdrawn: palette.warning('– withdrawn'),
      unfinished: palette.warning('… unfinished'),
    };
    const mark = marks[entry.outcome] ?? palette.warning(escapeLine(entry.outcome));
    const gap = entry.outcome === 'completed' ? ' ' : palette.faint(' · ');
    return [...lines, ...this.#under(entry.command), `${mark}${gap}${facts}`];
  }

  /** The rows gathered so far as a grid, and what was left out; forgets them. */
  #result(ordinal: number, command: OpenCommand): string[] {
    const { palette, columns, rowsMax } = this.#options;
    if (command.columns === null) return [];
    const names = command.columns;
    const { rows, rowsSeen } = command;
    command.columns = null;
    command.rows = [];
    command.rowsSeen = 0;
    const under = this.#under(ordinal);
    if (rowsMax === 0) return [...under, palette.faint(`(${count(rowsSeen, 'row')} recorded, not shown)`)];
    const rest = rowsSeen - rows.length;
    return [
      ...under,
      ...gridLines(names, rows, palette, columns),
      palette.faint(
        rest === 0 ? `(${count(rowsSeen, 'row')})` : `… ${count(rest, 'more row')} recorded (--rows shows more)`,
      ),
    ];
  }

  /** A line that says whose result follows, where another command was shown in between (pipelining). */
  #under(ordinal: number): string[] {
    if (this.#shown === ordinal) return [];
    this.#shown = ordinal;
    return ['', this.#options.palette.faint(`↳ #${ordinal}`)];
  }

  #of(ordinal: number): OpenCommand {
    const found = this.#open.get(ordinal);
    if (found !== undefined) return found;
    const made: OpenCommand = {
      verb: '',
      columns: null,
      rows: [],
      rowsSeen: 0,
      dataBytes: 0,
      dataLinesShown: 0,
      screen: null,
      http: null,
    };
    this.#open.set(ordinal, made);
    return made;
  }

  #who(): string {
    return `${escapeLine(whoText(this.#session.principal))}→${escapeLine(this.#session.resource)}`;
  }

  #offset(at: string): string {
    return offset(Date.parse(at) - Date.parse(this.#session.startedAt));
  }
}
