/**
 * The resource's credential, looked for in what comes back: a service that echoes its request must not tell the client what
 * the gateway put into it (A-HTTP-14, I8).
 *
 * Invariants: what is found becomes as many asterisks, so lengths stay; a find does not depend on how the bytes were cut; at
 * most the longest secret less one byte is held back, and given out at the end.
 *
 * Looked for are the secret itself, what stands for it in a head field (Basic's base 64), and both as JSON and URLs spell
 * them. A service that tells it in yet another form (hashed, reversed, cut into ranges) is not found out.
 */
import { secretBytesMin } from './limits.ts';

export class Secrets {
  readonly #given: readonly string[];
  readonly #needles: readonly Buffer[];
  readonly #texts: readonly string[];

  constructor(texts: Iterable<string>) {
    this.#given = [...texts];
    const spellings = new Set<string>();
    for (const text of this.#given) {
      if (Buffer.byteLength(text) < secretBytesMin) continue;
      spellings.add(text);
      spellings.add(JSON.stringify(text).slice(1, -1));
      spellings.add(encodeURIComponent(text));
      spellings.add(Buffer.from(text).toString('base64').replace(/=+$/, ''));
    }
    // Longest first: a secret may stand within another's spelling.
    this.#texts = [...spellings].sort((a, b) => b.length - a.length);
    const bytes = this.#texts.map((text) => Buffer.from(text));
    // A text in UTF-16, either way round (A-HTTP-12).
    const wide = this.#texts.map((text) => Buffer.from(text, 'utf16le'));
    this.#needles = [...bytes, ...wide, ...wide.map((needle) => Buffer.from(needle).swap16())];
  }

  /** These and more. */
  and(texts: Iterable<string>): Secrets {
    return new Secrets([...this.#given, ...texts]);
  }

  get isEmpty(): boolean {
    return this.#needles.length === 0;
  }

  /** Bytes that must be held back so that a secret cut in two is found. */
  get overlapBytes(): number {
    return this.isEmpty ? 0 : Math.max(...this.#needles.map(({ length }) => length)) - 1;
  }

  inText(text: string): string {
    let out = text;
    for (const secret of this.#texts) {
      if (out.includes(secret)) out = out.replaceAll(secret, '*'.repeat(secret.length));
    }
    return out;
  }

  /** Masks in place; whether anything was found. */
  inBytes(view: Buffer): boolean {
    let found = false;
    for (const needle of this.#needles) {
      for (let at = view.indexOf(needle); at >= 0; at = view.indexOf(needle, at + needle.length)) {
        view.fill(0x2a, at, at + needle.length);
        found = true;
      }
    }
    return found;
  }

  /** Whether `view` ends with the beginning of a secret: how many of its bytes that are, at most. */
  pendingIn(view: Buffer): number {
    let pending = 0;
    for (const needle of this.#needles) {
      const longest = Math.min(needle.length - 1, view.length);
      for (let size = longest; size > pending; size--) {
        // The first byte rules nearly all of them out.
        if (view[view.length - size] !== needle[0]) continue;
        if (view.compare(needle, 0, size, view.length - size) === 0) pending = size;
      }
    }
    return pending;
  }
}

/** One body on its way to the client. */
export class SecretStream {
  readonly #secrets: Secrets;
  #held: Buffer = Buffer.alloc(0);
  hits = 0;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** What may pass. The view is the stream's to change. */
  push(view: Buffer): Buffer {
    if (this.#secrets.isEmpty) return view;
    const all = this.#held.length === 0 ? view : Buffer.concat([this.#held, view]);
    if (this.#secrets.inBytes(all)) this.hits++;
    const pending = this.#secrets.pendingIn(all);
    this.#held = pending === 0 ? empty : Buffer.from(all.subarray(all.length - pending));
    return pending === 0 ? all : all.subarray(0, all.length - pending);
  }

  end(): Buffer {
    const held = this.#held;
    this.#held = empty;
    return held;
  }
}

const empty = Buffer.alloc(0);
