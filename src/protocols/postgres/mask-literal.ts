/**
 * Arrays, records, ranges and multiranges in their text form: the elements go through a function, what stands between
 * them stays to the byte.
 *
 * Literals are handled as latin1 strings, one character for each byte: structure is ASCII, and elements stay exact.
 *
 * Invariants: linear in time; a literal that does not follow the type's grammar gives null, never a guess.
 *
 * Deliberately absent: types of elements (mask-value.ts).
 * Source: array_out, record_out, range_out, multirange_out of src/backend/utils/adt.
 */

/** The new spelling of an element, null for NULL, or `text` itself. */
export type Rewrite = (text: string) => string | null;

/** Reads a literal from front to back, copying what is not changed in runs. */
class Scanner {
  readonly text: string;
  position = 0;
  #copied = 0;
  #parts: string[] = [];

  constructor(text: string) {
    this.text = text;
  }

  get char(): string {
    return this.text[this.position] ?? '';
  }

  take(char: string): boolean {
    if (this.char !== char) return false;
    this.position++;
    return true;
  }

  /** What stood from `start` to here reads `now`. */
  replace(start: number, now: string): void {
    this.#parts.push(this.text.slice(this.#copied, start), now);
    this.#copied = this.position;
  }

  /** The whole, or null when something is left. */
  finish(): string | null {
    if (this.position !== this.text.length) return null;
    if (this.#parts.length === 0) return this.text;
    this.#parts.push(this.text.slice(this.#copied));
    return this.#parts.join('');
  }

  /** A quoted item, with backslash escapes and, where `doubles`, doubled quotes. Null where it has no end. */
  quoted(doubles: boolean): string | null {
    this.position++;
    const parts: string[] = [];
    let from = this.position;
    for (;;) {
      const { char } = this;
      if (char === '') return null;
      if (char === '\\') {
        parts.push(this.text.slice(from, this.position), this.text[this.position + 1] ?? '');
        from = this.position += 2;
      } else if (char === '"') {
        parts.push(this.text.slice(from, this.position));
        this.position++;
        if (!doubles || this.char !== '"') return parts.join('');
        from = this.position;
        this.position++;
      } else this.position++;
    }
  }

  /** What stands before any of `stops`, quotes and backslashes excluded. Null where one of these comes first. */
  plain(stops: string): string | null {
    const start = this.position;
    while (this.char !== '' && !stops.includes(this.char)) {
      if (this.char === '"' || this.char === '\\') return null;
      this.position++;
    }
    return this.text.slice(start, this.position);
  }
}

/** `{a,"b c",NULL,{…}}`, perhaps with `[1:2]=` before it. */
export function rewriteArray(text: string, delimiter: string, rewrite: Rewrite): string | null {
  const scanner = new Scanner(text);
  if (scanner.char === '[') {
    const bounds = /^(\[-?\d+:-?\d+\])+=/.exec(text);
    if (bounds === null) return null;
    scanner.position = bounds[0].length;
  }
  if (!arrayLevel(scanner, delimiter, rewrite, 0)) return null;
  return scanner.finish();
}

const dimensionsMax = 6;

function arrayLevel(scanner: Scanner, delimiter: string, rewrite: Rewrite, depth: number): boolean {
  if (depth >= dimensionsMax || !scanner.take('{')) return false;
  if (scanner.take('}')) return true;
  do {
    const start = scanner.position;
    if (scanner.char === '{') {
      if (!arrayLevel(scanner, delimiter, rewrite, depth + 1)) return false;
      continue;
    }
    const isQuoted = scanner.char === '"';
    const item = isQuoted ? scanner.quoted(false) : scanner.plain(`{}${delimiter}`);
    if (item === null || (!isQuoted && item === '')) return false;
    if (!isQuoted && item === 'NULL') continue;
    const now = rewrite(item);
    if (now !== item) scanner.replace(start, now === null ? 'NULL' : quoteArrayItem(now, delimiter));
  } while (scanner.take(delimiter));
  return scanner.take('}');
}

function quoteArrayItem(item: string, delimiter: string): string {
  const quote = item === '' || item.toUpperCase() === 'NULL' || /["\\{}\s]/.test(item) || item.includes(delimiter);
  return quote ? `"${item.replace(/["\\]/g, '\\$&')}"` : item;
}

/** Records and ranges double quotes and backslashes. */
function quoteDoubled(item: string, special: RegExp): string {
  return item === '' || special.test(item) ? `"${item.replace(/["\\]/g, '$&$&')}"` : item;
}

/** `(a,"b c",,d)`; nothing between two commas is NULL. */
export function rewriteRecord(text: string, rewrite: Rewrite): string | null {
  const scanner = new Scanner(text);
  if (!scanner.take('(')) return null;
  if (text === '()') return text;
  do {
    const start = scanner.position;
    const isQuoted = scanner.char === '"';
    const item = isQuoted ? scanner.quoted(true) : scanner.plain('(),');
    if (item === null) return null;
    if (!isQuoted && item === '') continue;
    const now = rewrite(item);
    if (now !== item) scanner.replace(start, now === null ? '' : quoteDoubled(now, /["\\(),\s]/));
  } while (scanner.take(','));
  return scanner.take(')') ? scanner.finish() : null;
}

/** `empty`, `[a,b)`, `(,"b c"]`. A bound that becomes NULL is left out: no bound. */
export function rewriteRange(text: string, rewrite: Rewrite): string | null {
  if (text === 'empty') return text;
  const scanner = new Scanner(text);
  return range(scanner, rewrite) ? scanner.finish() : null;
}

/** `{[a,b),[c,d)}`. */
export function rewriteMultirange(text: string, rewrite: Rewrite): string | null {
  if (text === '{}') return text;
  const scanner = new Scanner(text);
  if (!scanner.take('{')) return null;
  do {
    if (!range(scanner, rewrite)) return null;
  } while (scanner.take(','));
  return scanner.take('}') ? scanner.finish() : null;
}

function range(scanner: Scanner, rewrite: Rewrite): boolean {
  if (!scanner.take('[') && !scanner.take('(')) return false;
  return (
    bound(scanner, rewrite) && scanner.take(',') && bound(scanner, rewrite) && (scanner.take(']') || scanner.take(')'))
  );
}

function bound(scanner: Scanner, rewrite: Rewrite): boolean {
  const start = scanner.position;
  const isQuoted = scanner.char === '"';
  const item = isQuoted ? scanner.quoted(true) : scanner.plain('()[],');
  if (item === null) return false;
  if (!isQuoted && item === '') return true;
  const now = rewrite(item);
  if (now !== item) scanner.replace(start, now === null ? '' : quoteDoubled(now, /["\\()[\],\s]/));
  return true;
}
