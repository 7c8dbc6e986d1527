/**
 * The *observed* level: nothing is held, nothing is placed on the target. What a person submitted is read off the screen for
 * search and alerts, and only what they saw appear is recorded as input.
 *
 * A line is read at the moment in which the shell ends its row, that is before the line feed that follows Enter. Where the
 * line began is known from prompt marks where the shell sends them (OSC 133, as fish 4 and many prompts do), and otherwise
 * learned: it is where the cursor stood when the first key after the last output was typed.
 *
 * Honest limits: history expansion (`!!`), aliases and scripts are not seen as what they run; a line drawn by a full-screen
 * program is none; marks can be forged. A rule that must hold needs another level.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { RedactedInput } from './input.ts';
import { type Key, KeySplitter } from './keys.ts';
import * as limits from './limits.ts';
import type { InputRecord } from './types.ts';
import { type Anchor, TerminalView } from './view.ts';

export type ObserverAction =
  /** A line was submitted. `how`: where its beginning is known from. */
  | { readonly do: 'line'; readonly text: string; readonly how: 'marks' | 'screen' }
  | { readonly do: 'record-input'; readonly record: InputRecord };

export interface ObserverOptions {
  readonly clock: Clock;
  readonly act: (action: ObserverAction) => void;
  readonly columns: number;
  readonly rows: number;
}

export class Observer {
  readonly #options: ObserverOptions;
  readonly #view: TerminalView;
  readonly #keys = new KeySplitter();
  readonly #recorded: RedactedInput;
  #marked: Anchor | null = null;
  #learned: Anchor | null = null;
  /** Keys were typed since the line began. */
  #hasTyped = false;
  #submitted = false;
  #timer: Timer | null = null;
  /** The tail of the last output, in which a mark may have begun. */
  #tail = '';

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#view = new TerminalView(options.columns, options.rows);
    this.#recorded = new RedactedInput(this.#view, (record) => options.act({ do: 'record-input', record }));
  }

  /** Output of the target, as it goes to the person. */
  output(bytes: Buffer): void {
    let from = 0;
    // One line is read per submission, at its line feed; and marks count where they stand.
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] === 0x0a && this.#submitted) {
        this.#view.write(bytes.subarray(from, at));
        from = at;
        this.#read();
      } else if (bytes[at] === 0x07 || (bytes[at] === 0x5c && at > 0 && bytes[at - 1] === 0x1b)) {
        this.#view.write(bytes.subarray(from, at + 1));
        const written = this.#tail + bytes.toString('latin1', from, at + 1);
        from = at + 1;
        this.#tail = '';
        if (/\x1b\]133;B[^\x07\x1b]*(?:\x07|\x1b\\)$/.test(written)) this.#mark();
      }
    }
    this.#view.write(bytes.subarray(from));
    this.#tail = (this.#tail + bytes.toString('latin1', from)).slice(-limits.markBytesMax);
    this.#recorded.seen(this.#nowMs);
  }

  /** Input of the person. The driver passes it on at once. */
  input(bytes: Buffer): void {
    for (const key of this.#keys.push(bytes)) this.#typed(key);
    if (this.#timer !== null) return;
    this.#timer = this.#options.clock.after(limits.echoMs, () => {
      this.#timer = null;
      const rest = this.#keys.flush();
      if (rest !== null) this.#typed(rest);
      this.#recorded.seen(this.#nowMs);
    });
  }

  resize(columns: number, rows: number): void {
    this.#view.resize(columns, rows);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#recorded.close();
    this.#view.dispose();
  }

  #typed(key: Key): void {
    this.#recorded.typed(key, this.#nowMs);
    if (this.#view.isAlternate || key.key === 'report') return;
    if (key.key === 'submit') {
      // Enter alone submits what the line editor shows, if only a recalled entry.
      if (this.#hasTyped || this.#marked !== null) this.#submitted = true;
      return;
    }
    if (key.key === 'interrupt') {
      this.#forget();
      return;
    }
    if (!this.#hasTyped && this.#marked === null) this.#learned = this.#view.anchor();
    this.#hasTyped = true;
  }

  #mark(): void {
    this.#forget();
    this.#marked = this.#view.anchor();
  }

  #read(): void {
    const anchor = this.#marked ?? this.#learned;
    const how = this.#marked === null ? 'screen' : 'marks';
    this.#recorded.seen(this.#nowMs);
    const text = anchor === null || this.#view.isAlternate ? null : this.#view.editedText(anchor);
    this.#forget();
    // A password leaves nothing there, or stars.
    if (text === null || /^[\s*\u2022]*$/.test(text)) return;
    this.#options.act({ do: 'line', text, how });
  }

  #forget(): void {
    this.#marked?.marker.dispose();
    this.#learned?.marker.dispose();
    this.#marked = null;
    this.#learned = null;
    this.#hasTyped = false;
    this.#submitted = false;
  }

  get #nowMs(): number {
    return this.#options.clock.monotonic();
  }
}
