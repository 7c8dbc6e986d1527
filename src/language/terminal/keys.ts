/**
 * Cuts input into keys: escape sequences whole, pastes apart, and what submits a line by itself.
 *
 * State (an open paste, a quoted next key, half an escape sequence) lasts across chunks. An escape sequence cut by the
 * chunk's end is passed as it stands: whether ESC was a key of its own cannot be known, and nothing depends on it but the
 * next character's meaning, for which the rest is awaited in `#escape`.
 */

export type Key =
  /** Printable text. */
  | { readonly key: 'text'; readonly bytes: Buffer }
  /** Text inside a bracketed paste: it submits nothing. */
  | { readonly key: 'pasted'; readonly bytes: Buffer }
  /** Enter, LF, C-o: accepts the line in every line editor. */
  | { readonly key: 'submit'; readonly bytes: Buffer }
  | { readonly key: 'end-of-file' | 'interrupt'; readonly bytes: Buffer }
  /** An answer of the person's terminal to a question of the program: no key at all. */
  | { readonly key: 'report'; readonly bytes: Buffer }
  /** Anything else: control characters, function keys. */
  | { readonly key: 'control'; readonly bytes: Buffer };

const pasteBegins = Buffer.from('\x1b[200~', 'latin1');
const pasteEnds = Buffer.from('\x1b[201~', 'latin1');
const escapeBytesMax = 64;

export class KeySplitter {
  #paste = false;
  #quoted = false;
  #escape: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Key[] {
    const view = this.#escape.length === 0 ? chunk : Buffer.concat([this.#escape, chunk]);
    this.#escape = Buffer.alloc(0);
    const keys: Key[] = [];
    let at = 0;
    while (at < view.length) {
      const key = this.#paste ? this.#pasted(view, at) : this.#one(view, at);
      if (key === null) {
        this.#escape = Buffer.from(view.subarray(at));
        break;
      }
      keys.push(key);
      at += key.bytes.length;
    }
    return keys;
  }

  /** A sequence that waits for its end: after a moment it is a key by itself (ESC, say). */
  get isWaiting(): boolean {
    return this.#escape.length > 0;
  }

  flush(): Key | null {
    const bytes = this.#escape;
    this.#escape = Buffer.alloc(0);
    if (bytes.length === 0) return null;
    return { key: this.#paste ? 'pasted' : 'control', bytes };
  }

  #pasted(view: Buffer, at: number): Key | null {
    const end = view.indexOf(pasteEnds, at);
    if (end === at) {
      this.#paste = false;
      return { key: 'control', bytes: view.subarray(at, at + pasteEnds.length) };
    }
    if (end > at) return { key: 'pasted', bytes: view.subarray(at, end) };
    // The end mark may be cut by the chunk.
    for (let kept = Math.min(pasteEnds.length - 1, view.length - at); kept > 0; kept--) {
      if (view.compare(pasteEnds, 0, kept, view.length - kept) !== 0) continue;
      return kept === view.length - at ? null : { key: 'pasted', bytes: view.subarray(at, view.length - kept) };
    }
    return { key: 'pasted', bytes: view.subarray(at) };
  }

  #one(view: Buffer, at: number): Key | null {
    const byte = view[at]!;
    if (this.#quoted) {
      this.#quoted = false;
      return { key: 'control', bytes: view.subarray(at, at + 1) };
    }
    if (byte === 0x1b) return this.#sequence(view, at);
    if (byte === 0x0d || byte === 0x0a || byte === 0x0f) return { key: 'submit', bytes: view.subarray(at, at + 1) };
    if (byte === 0x03) return { key: 'interrupt', bytes: view.subarray(at, at + 1) };
    if (byte === 0x04) return { key: 'end-of-file', bytes: view.subarray(at, at + 1) };
    if (byte < 0x20 || byte === 0x7f) {
      this.#quoted = byte === 0x16;
      return { key: 'control', bytes: view.subarray(at, at + 1) };
    }
    let end = at + 1;
    while (end < view.length && view[end]! >= 0x20 && view[end] !== 0x7f) end++;
    return { key: 'text', bytes: view.subarray(at, end) };
  }

  #sequence(view: Buffer, at: number): Key | null {
    const rest = view.toString('latin1', at, Math.min(view.length, at + escapeBytesMax));
    if (rest.startsWith('\x1b[200~')) {
      this.#paste = true;
      return { key: 'control', bytes: view.subarray(at, at + pasteBegins.length) };
    }
    const whole = /^\x1b(?:\[[0-9;?<=>:]*[ -/]*[@-~]|O[ -~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\))/.exec(rest);
    if (whole !== null) {
      const bytes = view.subarray(at, at + whole[0].length);
      const isReport = /^\x1b(?:\[[?>=]?[0-9;]*[cRnty]|\[[IO]|[\]P])/.test(whole[0]);
      return { key: isReport ? 'report' : 'control', bytes };
    }
    const isCut = /^\x1b(?:\[[0-9;?<=>:]*[ -/]*|O|[\]PX^_][^\x07\x1b]*\x1b?)?$/.test(rest);
    if (isCut && view.length - at < escapeBytesMax) return null;
    // ESC and a character: Meta. Meta-Enter puts a line feed in; where it submits after all (vi), the hooks ask all the same.
    const length = rest.length > 1 && !'[]OPX^_'.includes(rest[1]!) ? 2 : 1;
    return { key: 'control', bytes: view.subarray(at, at + length) };
  }
}
