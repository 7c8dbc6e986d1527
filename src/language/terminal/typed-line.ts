/**
 * The line as the terminal driver of the target keeps it (canonical mode), followed from the keys alone: what a shell without a
 * line editor reads is exactly that, whatever stands on the screen.
 *
 * With a line editor (busybox ash) it holds for plain keys only; the first key that may mean anything else makes it unknown.
 * Rests on the usual settings of erase, kill, werase and lnext; a change of them is denied at such a prompt (guard.ts).
 */
import type { Key } from './keys.ts';

export class TypedLine {
  readonly #hasEditor: boolean;
  #text: string | null = '';
  #isLiteral = false;

  constructor(hasEditor: boolean) {
    this.#hasEditor = hasEditor;
  }

  /** Null where it is not known. */
  get text(): string | null {
    return this.#text;
  }

  clear(): void {
    this.#text = '';
    this.#isLiteral = false;
  }

  typed(key: Key): void {
    if (this.#text === null || key.key === 'report') return;
    const typed = key.bytes.toString('utf8');
    if (key.key === 'text' || key.key === 'pasted') {
      this.#text += typed;
      return;
    }
    if (this.#isLiteral) {
      this.#isLiteral = false;
      this.#text += typed;
      return;
    }
    switch (typed) {
      case '\x7f':
      case '\b':
        this.#text = [...this.#text].slice(0, -1).join('');
        return;
      case '\x15':
        this.#text = '';
        return;
      case '\x17':
        this.#text = this.#text.replace(/[^\s]*\s*$/, '');
        return;
    }
    if (this.#hasEditor) this.#text = null;
    else if (typed === '\x16') this.#isLiteral = true;
    else if (typed === '\x12') return;
    else if (typed.startsWith('\x1b') || typed === '\t') this.#text += typed;
    else this.#text = null;
  }
}
