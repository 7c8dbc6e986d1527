/**
 * Masks output that is no terminal's: what a command without PTY writes, logs, text of files. Lines end with LF; every other
 * byte is text. Nothing is known of a width, so nothing is overwritten and nothing wraps.
 */
import type { MaskedOutput, OutputMask } from '../../core/masking.ts';
import type { Finder } from './finder.ts';
import { Hits } from './hits.ts';
import * as limits from './limits.ts';
import { type LineReader, passLines } from './lines.ts';
import { Stream } from './stream.ts';
import { Turn } from './turn.ts';

const newline = 0x0a;
const lineEnd = Buffer.of(newline);
const nothing = Buffer.alloc(0);

export function createPlainMask(finder: Finder): OutputMask {
  const hits = new Hits();
  const turn = new Turn();
  const stream = new Stream(finder, hits, turn, 0);
  /** What no turn took yet. */
  let backlog: Buffer = nothing;
  const slow = (bytes: Buffer, from: number, to: number): number => {
    let start = from;
    while (start < to && !turn.isLate) {
      const found = bytes.indexOf(newline, start);
      const end = found < 0 || found >= to ? to : found;
      // A line without end is taken in pieces, so that a turn can end within it.
      const piece = Math.min(end, start + limits.lineCharactersMax);
      stream.print(bytes, start, piece);
      if (piece === end && end < to) stream.close(lineEnd);
      start = piece === end && end < to ? end + 1 : piece;
    }
    return Math.min(start, to) - from;
  };
  const reader: LineReader = {
    finder,
    filter: finder.plainLines,
    hits,
    turn,
    stream,
    slow,
    canPass: () => stream.idle,
  };
  const take = (bytes: Buffer): void => {
    let at = 0;
    while (at < bytes.length && !turn.isLate) {
      if (stream.idle) at = passLines(reader, bytes, at);
      if (at === bytes.length) break;
      const end = bytes.indexOf(newline, at) + 1;
      at += slow(bytes, at, end === 0 ? bytes.length : end);
    }
    backlog = at < bytes.length ? Buffer.from(bytes.subarray(at)) : nothing;
  };
  const answer = (bytes: Buffer, nowMs: number): MaskedOutput => ({
    bytes,
    holdUntilMs: backlog.length > 0 ? nowMs : stream.holdUntilMs,
  });
  return {
    hits: hits.counts,
    push(view, nowMs) {
      turn.begin();
      take(backlog.length === 0 ? view : Buffer.concat([backlog, view]));
      return answer(stream.settle(nowMs), nowMs);
    },
    flush(nowMs) {
      turn.begin();
      if (backlog.length === 0) return answer(stream.flush(nowMs), nowMs);
      take(backlog);
      return answer(stream.settle(nowMs), nowMs);
    },
    end() {
      turn.beginWithoutEnd();
      take(backlog);
      return stream.end();
    },
  };
}
