/**
 * Lines of shells without hooks, read from the screen before Enter is passed on; and for every shell, whether Enter moved
 * the cursor at all.
 *
 * Where the prompt ends is known from the marks. A line is read when the screen has settled: every typed character has
 * appeared and nothing came for a moment. What was typed and did not appear cannot be judged: it is denied at the prompt;
 * to a running program it is passed, as a password is.
 */
import type { Key } from './keys.ts';
import * as limits from './limits.ts';
import { TypedLine } from './typed-line.ts';
import type { AskLevel, SelfDenial } from './types.ts';
import type { Anchor, TerminalView } from './view.ts';

export class ScreenLines {
  readonly #view: TerminalView;
  readonly #nowMs: () => number;
  #anchor: Anchor | null = null;
  #right: Anchor | null = null;
  #typedAnchor: Anchor | null = null;
  #hasTyped = false;
  #pending: Key | null = null;
  #isTyping = false;
  #readSinceMs = 0;
  #lastMs = 0;
  #startedMs = Number.NEGATIVE_INFINITY;
  #submitAt: Anchor | null = null;
  /** Prompts that may come without a further line: after Enter, Ctrl-C, end of file. */
  #promptsDue = 1;
  /** Lines that a running program was given, and may have left to the shell. */
  #typedAhead = 0;
  #model = new TypedLine(false);
  #hasEditor = false;

  constructor(view: TerminalView, nowMs: () => number) {
    this.#view = view;
    this.#nowMs = nowMs;
  }

  /** busybox ash edits lines itself, and draws its prompt anew when it likes. */
  useEditor(): void {
    this.#hasEditor = true;
    this.#model = new TypedLine(true);
  }

  /** A prompt has ended: the line begins here. */
  prompt(): void {
    this.#model.clear();
    this.#anchor?.marker.dispose();
    this.#anchor = this.#view.anchor();
    this.#hasTyped = false;
    this.#promptsDue = this.#typedAhead;
    this.#typedAhead = Math.max(0, this.#typedAhead - 1);
    this.#startedMs = Number.NEGATIVE_INFINITY;
  }

  rightPrompt(): void {
    this.#right?.marker.dispose();
    this.#right = this.#view.anchor();
  }

  /** False where a prompt came that nothing called for: a line ran that nobody saw. */
  mayPrompt(): boolean {
    return this.#hasEditor || this.#promptsDue > 0;
  }

  resized(): void {
    this.#promptsDue++;
  }

  interrupted(): void {
    this.#promptsDue++;
    this.#hasTyped = false;
  }

  typed(key: Key, running: boolean): void {
    this.#model.typed(key);
    if (key.key === 'submit' || key.key === 'interrupt' || key.key === 'report') {
      this.#hasTyped = false;
      return;
    }
    if (running && !this.#hasTyped) {
      this.#typedAnchor?.marker.dispose();
      this.#typedAnchor = this.#view.anchor();
    }
    this.#hasTyped = true;
    // Completion and redrawing at the prompt bring prompts of their own.
    if (key.key === 'control') this.#promptsDue++;
  }

  get hasTyped(): boolean {
    return this.#hasTyped;
  }
  /** The line being read goes to a running program. */
  get isTyping(): boolean {
    return this.#isTyping;
  }

  /** Enter was pressed, and waits here. */
  begin(key: Key, running: boolean): void {
    this.#pending = key;
    this.#isTyping = running;
    this.#readSinceMs = 0;
  }

  /** Milliseconds until the line can be read, counted from the last sign of life. */
  settleIn(pendingEcho: number): number {
    const nowMs = this.#nowMs();
    if (this.#readSinceMs === 0) this.#readSinceMs = nowMs;
    this.#lastMs = nowMs;
    const left = Math.max(1, this.#readSinceMs + limits.settleMs - this.#lastMs);
    return pendingEcho > 0 ? left : Math.min(limits.settleQuietMs, left);
  }

  /**
   * The line as the target will read it, and as the screen shows it where that is something else. Both are judged: the
   * keys say what is read while the terminal is as it usually is, the screen what the person believes to submit.
   */
  read(pendingEcho: number): { text: string | null; seen: string | null; level: AskLevel; denied: SelfDenial | null } {
    const level: AskLevel = this.#isTyping ? 'typed' : 'line';
    const anchor = this.#isTyping ? this.#typedAnchor : this.#anchor;
    const shown = anchor === null ? null : this.#view.editedText(anchor, this.#right, true);
    if (this.#isTyping) return { text: pendingEcho > 0 ? null : shown, seen: null, level, denied: null };
    const typed = this.#model.text;
    const isHidden = pendingEcho > 0 && (shown ?? '').trim() === '';
    const isUnseen = this.#hasTyped && (isHidden || (shown === null && typed === null));
    const text = typed ?? shown ?? '';
    const differs = shown !== null && bare(shown) !== bare(text);
    return { text, seen: differs ? shown : null, level, denied: isUnseen ? unseen : null };
  }

  /** The key that waited, to be sent. */
  submit(): Key | null {
    const key = this.#pending;
    this.#pending = null;
    this.#hasTyped = false;
    this.#promptsDue++;
    if (this.#isTyping) this.#typedAhead++;
    else this.#typedAhead = 0;
    return key;
  }

  forget(): void {
    this.#pending = null;
    this.#model.clear();
    this.#hasTyped = false;
  }

  /** A line was passed on: what it starts may read the input, or the shell may prompt at once. */
  started(): void {
    this.#startedMs = this.#nowMs();
  }

  /** Type-ahead waits for a moment, since the shell may be back at once and must then be asked line by line. */
  mustWait(wake: (delayMs: number) => void): boolean {
    const left = this.#startedMs + limits.typeAheadMs - this.#nowMs();
    if (left <= 0) return false;
    wake(left);
    return true;
  }

  /** Enter is being sent: where the cursor stands now. */
  submitted(): void {
    this.#submitAt?.marker.dispose();
    this.#submitAt = this.#view.anchor();
  }

  /** The cursor has left the row on which Enter was pressed. */
  hasMoved(): boolean {
    const at = this.#submitAt;
    return at === null || at.marker.isDisposed || this.#view.cursor.row !== at.marker.line;
  }
}

const bare = (text: string): string => text.replace(/[\s\u0000-\u001f\u007f]/g, '');

const unseen: SelfDenial = {
  code: 'unseen',
  message: 'What was typed is not on the screen, and cannot be judged. Is echo switched off?',
};
