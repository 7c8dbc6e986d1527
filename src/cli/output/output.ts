/**
 * Where a command writes: results to standard output, everything about the run (notes, progress, errors) to standard
 * error, so that a pipe sees results only.
 *
 * Invariants: writing waits for a slow reader; a reader that went away (`| head`) ends the command quietly; `flush`
 * resolves when everything was handed over. Text passed to `line` is already safe: tables, fields and the replay escape
 * what they are given, anything else goes through `escapeLine` at its source.
 */
import { escapeLine, escapeText } from '../../base/escape.ts';
import type { CliIo, OutputStream } from '../io.ts';
import { makePalette, type Palette, wantsColour } from './colour.ts';
import { toJson, toYaml } from './structured.ts';
import { type Cell, fieldLines, type TableColumn, tableLines } from './table.ts';

export type OutputFormat = 'table' | 'json' | 'yaml';

/** Thrown by a write when the reader has gone. Not an error: the command ends with success. */
export class ReaderGone extends Error {}

export class Output {
  readonly format: OutputFormat;
  readonly palette: Palette;
  /** The palette of standard error. */
  readonly notePalette: Palette;
  readonly #io: CliIo;
  readonly #quiet: boolean;
  #gone = false;

  constructor(io: CliIo, format: OutputFormat, noColour: boolean, quiet = false) {
    this.#io = io;
    this.format = format;
    this.#quiet = quiet;
    this.palette = makePalette(wantsColour(io.stdout, io.env, noColour));
    this.notePalette = makePalette(wantsColour(io.stderr, io.env, noColour));
    // EPIPE is how a closed pipe announces itself; any other failure of the stream ends the command just the same.
    const onError = (): void => {
      this.#gone = true;
    };
    // Never taken off: the announcement may come after the last write.
    io.stdout.on('error', onError);
    io.stderr.on('error', onError);
  }

  /** True when a person watches standard error, so that progress makes sense. */
  get isInteractive(): boolean {
    return this.#io.stderr.isTTY === true && this.#io.env['TERM'] !== 'dumb' && !this.#quiet;
  }

  /** Columns of the terminal on standard output, or null where it is none. */
  get columns(): number | null {
    return this.#io.stdout.isTTY === true ? (this.#io.stdout.columns ?? null) : null;
  }

  get stderr(): OutputStream {
    return this.#io.stderr;
  }

  /** Writes one line of safe text to standard output. */
  async line(text = ''): Promise<void> {
    await this.write(`${text}\n`);
  }

  async lines(texts: readonly string[]): Promise<void> {
    if (texts.length > 0) await this.write(`${texts.join('\n')}\n`);
  }

  /** Writes safe text or bytes, waiting for the reader. */
  async write(chunk: string | Uint8Array): Promise<void> {
    if (this.#gone) throw new ReaderGone();
    const stream = this.#io.stdout;
    if (stream.write(chunk)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off('drain', done);
        stream.off('error', done);
        stream.off('close', done);
        resolve();
      };
      stream.on('drain', done);
      stream.on('error', done);
      stream.on('close', done);
    });
    if (this.#gone) throw new ReaderGone();
  }

  async table(columns: readonly TableColumn[], rows: readonly (readonly Cell[])[]): Promise<void> {
    await this.lines(tableLines(columns, rows, this.palette, this.columns));
  }

  async fields(fields: readonly (readonly [string, Cell])[]): Promise<void> {
    await this.lines(fieldLines(fields, this.palette, this.columns));
  }

  /** Writes `value` when a script asked for JSON or YAML; otherwise lets `people` write. */
  async result(value: unknown, people: () => Promise<void>): Promise<void> {
    if (this.format === 'json') return await this.line(toJson(value));
    if (this.format === 'yaml') return await this.line(toYaml(value));
    await people();
  }

  /** One line about the run, to standard error; escaped here. */
  note(text: string): void {
    if (!this.#quiet && !this.#gone) this.#io.stderr.write(`${escapeLine(text)}\n`);
  }

  /** Several lines about the run, to standard error; escaped here. Shown even when quiet. */
  warn(text: string): void {
    if (!this.#gone) this.#io.stderr.write(`${this.notePalette.warning('warning:')} ${escapeText(text)}\n`);
  }

  /** What happened and what to do. */
  error(what: string, todo: string): void {
    if (this.#gone) return;
    this.#io.stderr.write(`${this.notePalette.bad('error:')} ${escapeText(what)}\n`);
    if (todo !== '') this.#io.stderr.write(`       ${escapeText(todo)}\n`);
  }

  /** Resolves when both streams have handed over what was written. */
  async flush(): Promise<void> {
    for (const stream of [this.#io.stdout, this.#io.stderr]) {
      if (stream.writableLength === 0 || this.#gone || stream.destroyed) continue;
      await new Promise<void>((resolve) => {
        stream.once('error', () => resolve());
        stream.write('', () => resolve());
      });
    }
  }
}
