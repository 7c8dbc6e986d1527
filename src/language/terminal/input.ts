/**
 * What of the input may be recorded (`RedactedInput`): characters that the person saw appear, keys that carry no text, and
 * of everything else only how much it was. A password typed at a prompt without echo never becomes text (A-REC-05).
 *
 * Whether a terminal echoes cannot be seen over the wire. So a run of typed characters counts as shown only where exactly
 * these characters stand on the screen from where the cursor stood when the first was typed, and the cursor went past them.
 * What does not appear by the next key without text plus `echoMs` is hidden. Commands of full-screen programs, which answer keys
 * otherwise than by showing them, are therefore recorded by number: too much is hidden rather than too little.
 */
import type { Key } from './keys.ts';
import * as limits from './limits.ts';
import type { InputRecord } from './types.ts';
import type { Anchor, TerminalView } from './view.ts';

type Entry =
  | {
      readonly entry: 'typed';
      text: string;
      readonly anchor: Anchor | null;
      readonly sinceMs: number;
      open: boolean;
      isShown: boolean;
    }
  | { readonly entry: 'keys'; readonly bytes: Buffer };

export class RedactedInput {
  readonly #view: TerminalView;
  readonly #emit: (record: InputRecord) => void;
  readonly #entries: Entry[] = [];

  constructor(view: TerminalView, emit: (record: InputRecord) => void) {
    this.#view = view;
    this.#emit = emit;
  }

  /** One key, as it is sent to the target. */
  typed(key: Key, nowMs: number): void {
    const last = this.#entries.at(-1);
    if (key.key === 'text' || key.key === 'pasted') {
      const text = key.bytes.toString('utf8');
      if (last?.entry === 'typed' && last.open && last.text.length + text.length <= limits.echoPendingMax) {
        last.text += text;
        last.isShown = false;
      } else {
        const anchor = this.#view.anchor();
        this.#entries.push({ entry: 'typed', text, anchor, sinceMs: nowMs, open: true, isShown: false });
      }
    } else if (key.key !== 'report') {
      if (last?.entry === 'typed') last.open = false;
      this.#entries.push({ entry: 'keys', bytes: Buffer.from(key.bytes) });
    }
    this.#settle(nowMs);
  }

  /** Output was written to the view, or time has passed. */
  seen(nowMs: number): void {
    for (const entry of this.#entries) {
      if (entry.entry !== 'typed' || entry.anchor === null || entry.isShown) continue;
      entry.isShown =
        this.#view.isPast(entry.anchor) && this.#view.textFrom(entry.anchor, entry.text.length) === entry.text;
    }
    this.#settle(nowMs);
  }

  /** Characters that have not appeared. */
  get pending(): number {
    let count = 0;
    for (const entry of this.#entries) if (entry.entry === 'typed' && !entry.isShown) count += entry.text.length;
    return count;
  }

  /** The terminal is gone: what was not shown will not be. */
  close(): void {
    this.#settle(Number.POSITIVE_INFINITY);
  }

  #settle(nowMs: number): void {
    for (;;) {
      const [first] = this.#entries;
      if (first === undefined) return;
      if (first.entry === 'keys') {
        this.#emit({ kind: 'shown', bytes: first.bytes });
      } else if (first.isShown) {
        // More of the same run may come: it is kept until something else follows, or it has stood long enough.
        if (first.open && this.#entries.length === 1 && nowMs - first.sinceMs < limits.echoMs) return;
        this.#emit({ kind: 'shown', bytes: Buffer.from(first.text, 'utf8') });
      } else if (nowMs - first.sinceMs >= limits.echoMs || this.#entries.length > 4096) {
        this.#emit({ kind: 'hidden', characters: [...first.text].length });
      } else return;
      if (first.entry === 'typed') first.anchor?.marker.dispose();
      this.#entries.shift();
    }
  }
}
