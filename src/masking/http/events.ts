/**
 * Masks event streams (HTML standard, section 9.2, `text/event-stream`): the data of each event as JSON where it is JSON,
 * else as text; every other line as text.
 *
 * Invariants: an event is given back when its empty line has come, and nothing is held beyond; a longer event is a fault.
 * Data that begins like an object or array of JSON but is none is a fault where a Mask names fields.
 */
import type { Hits } from '../terminal/hits.ts';
import { Body, Held } from './body.ts';
import { JsonBody } from './json.ts';
import type { JsonRules } from './json-place.ts';
import * as limits from './limits.ts';
import { maskText } from './lines.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** One line of an event: where it begins, where its end begins, and where that ends. */
interface Line {
  readonly from: number;
  readonly to: number;
  readonly next: number;
}

/** `[DONE]` begins no array; `[{`, `["` and `[[` do. */
export const looksLikeJson = /^[\s\ufeff]*(?:\{\s*["}]|\[\s*[{["\]])/;

export class EventsBody extends Body {
  readonly #rules: JsonRules;
  /** All of the data is replaced (the verdict `mask`). */
  readonly #everything: ((hits: Hits) => string) | null;
  readonly #held = new Held();
  /** The line that goes on is empty so far, and the last byte was a carriage return. */
  #isLineEmpty = true;
  #wasReturn = false;

  constructor(rules: JsonRules, everything: ((hits: Hits) => string) | null = null) {
    super();
    this.#rules = rules;
    this.#everything = everything;
  }

  override get retainedBytes(): number {
    return this.#held.length;
  }

  protected take(view: Buffer): void {
    if (view.includes(0)) {
      this.refuse('it is said to be text, but has NULs in it, as UTF-16 has');
      return;
    }
    let from = 0;
    for (let at = 0; at < view.length; at++) {
      const byte = view[at]!;
      if (byte !== lineFeed && byte !== carriageReturn) {
        this.#isLineEmpty = false;
        this.#wasReturn = false;
        continue;
      }
      // The second half of an end of line.
      const isSecond = byte === lineFeed && this.#wasReturn;
      this.#wasReturn = byte === carriageReturn;
      if (isSecond) continue;
      if (!this.#isLineEmpty) {
        this.#isLineEmpty = true;
        continue;
      }
      this.#hold(view, from, at + 1);
      from = at + 1;
      if (this.fault !== null) return;
      this.#event(this.#held.take());
    }
    this.#hold(view, from, view.length);
  }

  protected finish(): void {
    if (this.#held.length > 0) this.#event(this.#held.take());
  }

  #hold(view: Buffer, from: number, to: number): void {
    if (this.#held.length + to - from > limits.recordBytesMax) {
      this.refuse(`an event of the stream has more than ${limits.recordBytesMax} bytes`);
      return;
    }
    this.#held.add(view, from, to);
  }

  #event(event: Buffer): void {
    const lines = linesOf(event);
    const isData = (line: Line): boolean => {
      const name = event.toString('latin1', line.from, Math.min(line.to, line.from + 5));
      return name === 'data' || name === 'data:';
    };
    const data = lines.filter((line) => line.to > line.from && isData(line));
    const first = data[0];
    if (this.#everything !== null) {
      if (first !== undefined) this.out.push(Buffer.from(`data: ${this.#everything(this.counts)}\n\n`));
      return;
    }
    const said = Buffer.concat(data.flatMap((line, index) => [...(index === 0 ? [] : [newline]), dataOf(event, line)]));
    const masked = said.length === 0 ? said : this.#data(said);
    if (this.fault !== null) return;
    for (const line of lines) {
      if (!data.includes(line)) this.#line(event, line);
      else if (masked === said) this.out.push(event.subarray(line.from, line.next));
      else if (line === first) this.#write(masked, event.subarray(line.to, line.next));
    }
  }

  /** Everything but data: names, identifiers, comments. */
  #line(event: Buffer, { from, to, next }: Line): void {
    const { values } = this.#rules;
    const text = event.subarray(from, to);
    const masked = values === null || to === from ? text : values.bytes(text, '', this.counts);
    this.out.push(masked, event.subarray(to, next));
  }

  #write(data: Buffer, end: Buffer): void {
    const lineEnd = end.length === 0 ? newline : end;
    for (let from = 0; from <= data.length; ) {
      const found = data.indexOf(lineFeed, from);
      const to = found < 0 ? data.length : found;
      this.out.push(dataPrefix, data.subarray(from, to), lineEnd);
      from = to + 1;
    }
  }

  /** `said` itself where nothing in it is masked. */
  #data(said: Buffer): Buffer {
    const { fields, values } = this.#rules;
    const json = new JsonBody(this.#rules);
    const parts = [Buffer.from(json.push(said)), json.end()];
    if (json.fault === null) {
      for (const [rule, count] of json.hits) for (let times = 0; times < count; times++) this.counts.count(rule);
      return json.hits.size === 0 ? said : Buffer.concat(parts);
    }
    if (fields !== null && looksLikeJson.test(said.toString('latin1', 0, limits.sniffedBlanksMax))) {
      this.refuse(`the data of an event cannot be read: ${json.fault}`);
    }
    return values === null || this.fault !== null ? said : maskText(values, said, this.counts);
  }
}

const newline = Buffer.of(lineFeed);
const dataPrefix = Buffer.from('data: ');

/** What stands behind the colon, without the one blank that belongs to it. */
function dataOf(event: Buffer, { from, to }: Line): Buffer {
  const at = Math.min(to, from + 5);
  return event.subarray(event[at] === 0x20 && at < to ? at + 1 : at, to);
}

/** A mark of UTF-8 at the beginning of the stream is a line's part to nobody but us: it goes by itself. */
function linesOf(event: Buffer): readonly Line[] {
  const lines: Line[] = [];
  let from = 0;
  if (event[0] === 0xef && event[1] === 0xbb && event[2] === 0xbf) {
    lines.push({ from: 0, to: 0, next: 3 });
    from = 3;
  }
  while (from < event.length) {
    let to = from;
    while (to < event.length && event[to] !== lineFeed && event[to] !== carriageReturn) to++;
    const next = event[to] === carriageReturn && event[to + 1] === lineFeed ? to + 2 : Math.min(to + 1, event.length);
    lines.push({ from, to, next });
    from = next;
  }
  return lines;
}
