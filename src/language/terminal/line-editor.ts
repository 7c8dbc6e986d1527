/**
 * The *exec-only* level: a line editor of the gateway's own, on a terminal that the target never sees. Each line is handed
 * over whole and becomes one exec; what is approved is byte for byte what runs.
 *
 * Editing: insertion, left, right, home, end, backspace, delete, C-u, C-k, C-w, C-y, C-l, history by up and down, C-c, C-d.
 * While a line runs, input is the running command's.
 *
 * Deliberately absent: a shell. There is no state between lines (`cd` lasts for its own line), no completion, no expansion
 * of history, and no job control. Whoever needs these needs another level.
 */
import { escapeLine } from '../../base/escape.ts';
import { type Key, KeySplitter } from './keys.ts';
import * as limits from './limits.ts';

export type LineAction =
  | { readonly do: 'to-user'; readonly bytes: Buffer }
  /** A line was submitted. Answer with `finished` when it is through, or was refused. */
  | { readonly do: 'run'; readonly text: string }
  /** Input for the command that runs. */
  | { readonly do: 'to-target'; readonly bytes: Buffer }
  /** Ctrl-C while a line runs or waits. */
  | { readonly do: 'interrupt' }
  | { readonly do: 'end' };

export interface LineEditorOptions {
  readonly act: (action: LineAction) => void;
  /** Shown before each line. */
  readonly prompt: string;
  readonly columns: number;
}

type Phase = 'editing' | 'waiting' | 'running' | 'over';

export class LineEditor {
  readonly #options: LineEditorOptions;
  readonly #keys = new KeySplitter();
  readonly #history: string[] = [];
  #phase: Phase = 'editing';
  #before = '';
  #after = '';
  #killed = '';
  /** Index into the history; its length is the line being written. */
  #at = 0;
  #draft = '';
  #queue: Key[] = [];
  #queuedBytes = 0;
  #columns: number;
  #cursorRow = 0;

  constructor(options: LineEditorOptions) {
    this.#options = options;
    this.#columns = Math.max(limits.columnsMin, options.columns);
  }

  get phase(): Phase {
    return this.#phase;
  }

  start(): void {
    this.#draw();
  }

  input(bytes: Buffer): void {
    if (this.#phase === 'over') return;
    if (this.#phase === 'running') {
      this.#options.act({ do: 'to-target', bytes });
      return;
    }
    this.#queue.push(...this.#keys.push(bytes));
    this.#drain();
    this.#queuedBytes = this.#queue.reduce((sum, key) => sum + key.bytes.length, 0);
    if (this.#queuedBytes > limits.queuedInputBytesMax) this.#queue = [];
  }

  /** The submitted line was released, and has the terminal. */
  started(): void {
    if (this.#phase !== 'waiting') return;
    this.#phase = 'running';
    const rest = this.#queue.splice(0);
    if (rest.length > 0) this.#options.act({ do: 'to-target', bytes: Buffer.concat(rest.map((key) => key.bytes)) });
  }

  /** The submitted line is through. With a `message`, it was refused: what was typed behind it is dropped. */
  finished(message: string | null = null): void {
    if (this.#phase === 'over') return;
    if (message !== null) {
      this.#queue = [];
      this.#show(`${escapeLine(message)}\r\n`);
    }
    this.#phase = 'editing';
    this.#cursorRow = 0;
    this.#draw();
    this.#drain();
  }

  /** A line for the person while theirs waits. */
  note(text: string): void {
    this.#show(`${escapeLine(text)}\r\n`);
  }

  resize(columns: number): void {
    this.#columns = Math.max(limits.columnsMin, columns);
    if (this.#phase === 'editing') this.#draw();
  }

  #drain(): void {
    while (this.#queue.length > 0) {
      const [key] = this.#queue;
      if (this.#phase === 'editing') {
        this.#queue.shift();
        this.#edit(key!);
      } else if (this.#phase === 'waiting' && this.#queue.some((one) => one.key === 'interrupt')) {
        this.#queue = [];
        this.#options.act({ do: 'interrupt' });
      } else return;
    }
  }

  #edit(key: Key): void {
    const typed = key.bytes.toString('utf8');
    switch (key.key) {
      case 'text':
        this.#insert(typed);
        return;
      case 'pasted':
        // A pasted line feed is text, so that a paste runs nothing by itself.
        this.#insert(typed.replace(/\r\n?|\n/g, ' '));
        return;
      case 'submit':
        this.#submit();
        return;
      case 'interrupt':
        this.#show('^C\r\n');
        this.#cursorRow = 0;
        this.#replace('');
        return;
      case 'end-of-file':
        if (this.#before === '' && this.#after === '') {
          this.#end();
          return;
        }
        this.#command('\x1b[3~');
        return;
      case 'report':
        return;
      case 'control':
        this.#command(typed);
        return;
    }
  }

  #insert(text: string): void {
    const clean = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '');
    if (
      Buffer.byteLength(this.#before) + Buffer.byteLength(this.#after) + Buffer.byteLength(clean) >
      limits.textBytesMax
    )
      return;
    this.#before += clean;
    this.#draw();
  }

  #command(keys: string): void {
    const first = [...this.#after][0] ?? '';
    const last = [...this.#before].at(-1) ?? '';
    switch (keys) {
      case '\x7f':
      case '\b':
        this.#before = this.#before.slice(0, this.#before.length - last.length);
        break;
      case '\x1b[3~':
        this.#after = this.#after.slice(first.length);
        break;
      case '\x1b[D':
      case '\x1bOD':
      case '\x02':
        this.#before = this.#before.slice(0, this.#before.length - last.length);
        this.#after = last + this.#after;
        break;
      case '\x1b[C':
      case '\x1bOC':
      case '\x06':
        this.#before += first;
        this.#after = this.#after.slice(first.length);
        break;
      case '\x01':
      case '\x1b[H':
      case '\x1bOH':
        this.#after = this.#before + this.#after;
        this.#before = '';
        break;
      case '\x05':
      case '\x1b[F':
      case '\x1bOF':
        this.#before += this.#after;
        this.#after = '';
        break;
      case '\x15':
        this.#killed = this.#before;
        this.#before = '';
        break;
      case '\x0b':
        this.#killed = this.#after;
        this.#after = '';
        break;
      case '\x17': {
        const kept = this.#before.replace(/\S+\s*$/, '');
        this.#killed = this.#before.slice(kept.length);
        this.#before = kept;
        break;
      }
      case '\x19':
        this.#insert(this.#killed);
        return;
      case '\x0c':
        this.#cursorRow = 0;
        this.#show('\x1b[H\x1b[2J');
        break;
      case '\x1b[A':
      case '\x1bOA':
      case '\x10':
        this.#recall(-1);
        return;
      case '\x1b[B':
      case '\x1bOB':
      case '\x0e':
        this.#recall(1);
        return;
      default:
        return;
    }
    this.#draw();
  }

  #recall(step: -1 | 1): void {
    const next = this.#at + step;
    if (next < 0 || next > this.#history.length) return;
    if (this.#at === this.#history.length) this.#draft = this.#before + this.#after;
    this.#at = next;
    this.#replace(this.#history[next] ?? this.#draft, false);
  }

  #replace(text: string, forget = true): void {
    this.#before = text;
    this.#after = '';
    if (forget) this.#at = this.#history.length;
    this.#draw();
  }

  #submit(): void {
    const text = this.#before + this.#after;
    this.#command('\x05');
    this.#show('\r\n');
    this.#before = '';
    this.#cursorRow = 0;
    if (text.trim() === '') {
      this.#draw();
      return;
    }
    if (this.#history.at(-1) !== text) this.#history.push(text);
    if (this.#history.length > limits.historyEntriesMax) this.#history.shift();
    this.#at = this.#history.length;
    this.#phase = 'waiting';
    this.#options.act({ do: 'run', text });
  }

  #end(): void {
    this.#show('\r\n');
    this.#phase = 'over';
    this.#options.act({ do: 'end' });
  }

  /** Draws prompt and line anew from the row on which the prompt stands. */
  #draw(): void {
    const up = this.#cursorRow === 0 ? '' : `\x1b[${this.#cursorRow}A`;
    const head = this.#options.prompt + this.#before;
    const whole = head + this.#after;
    const rowOf = (text: string): number => Math.floor(widthOf(text) / this.#columns);
    // A line that fills its row exactly leaves the cursor on it: a space and a return bring it to the next.
    const wrapped = widthOf(whole) % this.#columns === 0 && whole !== '' ? ' \r' : '';
    const [row, column] = [rowOf(head), widthOf(head) % this.#columns];
    const back = rowOf(whole) - row;
    this.#show(
      `${up}\r\x1b[J${whole}${wrapped}${back === 0 ? '' : `\x1b[${back}A`}\r${column === 0 ? '' : `\x1b[${column}C`}`,
    );
    this.#cursorRow = row;
  }

  #show(text: string): void {
    this.#options.act({ do: 'to-user', bytes: Buffer.from(text, 'utf8') });
  }
}

/** Columns that a text takes: two for East Asian wide characters and emoji, none for combining ones. */
function widthOf(text: string): number {
  let width = 0;
  for (const character of text) {
    if (/\p{Mark}|\u200d|[\ufe00-\ufe0f]/u.test(character)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]|[\u{20000}-\u{3fffd}]/u.test(
        character,
      )
        ? 2
        : 1;
  }
  return width;
}
