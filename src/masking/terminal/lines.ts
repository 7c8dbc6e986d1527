/**
 * Whole lines of a chunk at once: those that cannot hold a finding are given back as they came, as views; the others are
 * looked at one by one.
 *
 * Invariant: what comes out is what the stream would give back for these lines, one character after the other.
 */
import type { LineFilter } from './filter.ts';
import { none } from './filter.ts';
import type { Finder } from './finder.ts';
import { isKeySpan } from './finder.ts';
import type { Hits } from './hits.ts';
import * as limits from './limits.ts';
import type { Stream } from './stream.ts';
import type { Turn } from './turn.ts';

const newline = 0x0a;
const star = 0x2a;

export interface LineReader {
  readonly finder: Finder;
  readonly filter: LineFilter;
  readonly hits: Hits;
  readonly turn: Turn;
  readonly stream: Stream;
  /** Takes a line the long way, or part of it, and answers how many bytes that was. */
  slow(bytes: Buffer, from: number, to: number): number;
  /** Whether the way of whole lines may go on: no key goes on, no other screen was entered. */
  canPass(): boolean;
}

/** Whether a line is printable ASCII and tabs, but for its end. */
function isPlain(bytes: Buffer, from: number, to: number): boolean {
  for (let index = from; index < to; index++) {
    const byte = bytes[index]!;
    if ((byte < 0x20 && byte !== 0x09) || byte >= 0x7f) return false;
  }
  return true;
}

/** Takes the whole lines of `bytes` from `from` on, as long as it may, and answers where it stopped. */
export function passLines(reader: LineReader, bytes: Buffer, from: number): number {
  const end = bytes.lastIndexOf(newline) + 1;
  reader.filter.forget();
  let at = from;
  let passed = from;
  while (at < end && reader.canPass() && !reader.turn.isLate) {
    const found = reader.filter.next(bytes, at, end);
    if (found === none) {
      at = end;
      break;
    }
    // `lastIndexOf` counts a negative position from the end.
    const start = found === 0 ? at : Math.max(at, bytes.lastIndexOf(newline, found - 1) + 1);
    const after = bytes.indexOf(newline, found) + 1;
    const line = lookAt(reader, bytes, start, after);
    if (line !== bytes) {
      reader.stream.pass(bytes.subarray(passed, start));
      passed = after;
      if (line === null) {
        at = start + reader.slow(bytes, start, after);
        passed = at;
        continue;
      }
      reader.stream.pass(line);
    }
    at = after;
  }
  reader.filter.forget();
  reader.stream.pass(bytes.subarray(passed, at));
  return at;
}

/** The masked line; `bytes` where nothing is found; null where it must be taken the long way. */
function lookAt({ finder, hits, turn }: LineReader, bytes: Buffer, start: number, after: number): Buffer | null {
  const end = bytes[after - 2] === 0x0d && after - 2 >= start ? after - 2 : after - 1;
  if (end - start > limits.lineCharactersMax || !isPlain(bytes, start, end)) return null;
  const spans = finder.find(bytes.toString('latin1', start, end));
  turn.check();
  if (spans.length === 0) return bytes;
  if (spans.some(isKeySpan)) return null;
  const line = Buffer.from(bytes.subarray(start, after));
  for (const span of spans) {
    for (let index = span.start; index < span.end; index++) if (line[index] !== 0x09) line[index] = star;
    hits.count(span.rule);
  }
  return line;
}
