/**
 * Looks through content that is not rewritten, chunk by chunk in order, for the first thing that a detector finds.
 *
 * Invariants: the answer depends on the content alone, not on how it was cut: windows begin at positions that only count;
 * memory is bounded by a window. What spends the budget counts as a finding (A-MSK-01): it cannot be looked through.
 *
 * Deliberately absent: what is compressed, encrypted or encoded within the content; UTF-16.
 */
import type { ContentHit, ContentScan } from '../../core/masking.ts';
import { none } from './filter.ts';
import type { Finder, Span } from './finder.ts';
import * as limits from './limits.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function createContentScan(finder: Finder): ContentScan {
  /** What is not certain yet: from `offset` on. */
  const window = Buffer.alloc(limits.contentWindowBytes);
  let length = 0;
  let offset = 0;
  /** Bytes at the beginning of the window that were looked at for beginnings of findings. */
  let seen = 0;
  let hit: ContentHit | null = null;

  const look = (last: boolean): void => {
    const certain = last ? length : length - limits.contentOverlapBytes;
    const first = firstSpan(finder, window.subarray(0, length), limits.contentPieceBytes, seen, certain);
    if (first !== null) {
      hit = { rule: first.rule, detector: first.detector, offset: offset + first.start };
      return;
    }
    // What stands before the window's certain end is kept as context.
    const keep = Math.min(length, length - certain + limits.contentPieceOverlapBytes);
    window.copyWithin(0, length - keep, length);
    offset += length - keep;
    seen = keep - (length - certain);
    length = keep;
  };
  return {
    get clearBytes() {
      return hit === null ? offset + seen : Math.min(hit.offset, offset + seen);
    },
    push(view) {
      for (let at = 0; at < view.length && hit === null; ) {
        const taken = view.copy(window, length, at);
        at += taken;
        length += taken;
        if (length === window.length) look(false);
      }
      return hit;
    },
    end() {
      if (hit === null && length > seen) look(true);
      if (hit === null) offset += length;
      length = 0;
      seen = 0;
      return hit;
    },
  };
}

/** The first finding that begins between two positions. */
function firstSpan(finder: Finder, bytes: Buffer, pieceBytes: number, from: number, to: number): Span | null {
  if (finder.plainLines.next(bytes, 0, bytes.length) === none) return null;
  const spans = spansIn(finder, bytes);
  if (!spans.some(({ detector }) => detector === 'budget') || bytes.length <= pieceBytes) {
    return spans.find(({ start }) => start >= from && start < to) ?? null;
  }
  const step = pieceBytes - limits.contentPieceOverlapBytes;
  for (let piece = 0; piece < bytes.length; piece += step) {
    const part = bytes.subarray(piece, piece + pieceBytes);
    for (const span of spansIn(finder, part)) {
      const start = span.start + piece;
      if (start >= from && start < to) return { ...span, start, end: span.end + piece };
    }
  }
  return null;
}

/** Findings by byte. A character that the window cuts is no text; then every byte is one. */
function spansIn(finder: Finder, bytes: Buffer): readonly Span[] {
  const from = boundary(bytes);
  let end = bytes.length;
  while (end > bytes.length - 4 && end > from && (bytes[end - 1]! & 0xc0) === 0x80) end--;
  if (end > from && bytes[end - 1]! >= 0xc0) end--;
  else end = bytes.length;
  const part = bytes.subarray(from, end);
  let text: string;
  let wide = true;
  try {
    text = decoder.decode(part);
  } catch {
    text = part.toString('latin1');
    wide = false;
  }
  return finder.find(text).map((span) => ({
    ...span,
    start: from + (wide ? Buffer.byteLength(text.slice(0, span.start)) : span.start),
    end: from + (wide ? Buffer.byteLength(text.slice(0, span.end)) : span.end),
  }));
}

/** The first byte that begins a character. */
function boundary(bytes: Buffer): number {
  let at = 0;
  while (at < 3 && at < bytes.length && (bytes[at]! & 0xc0) === 0x80) at++;
  return at;
}
