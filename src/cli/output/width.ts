/**
 * How many columns a text takes on a terminal, so that tables stay aligned with any script.
 *
 * Deliberately approximate: ambiguous-width characters count one column, as most terminals draw them. Callers escape
 * first; control characters do not reach this file.
 */

import { isWide } from '../../base/width.ts';

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
const printableAscii = /^[\x20-\x7e]*$/;
const zeroWidth = /^[\p{M}\p{Cf}]+$/u;
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;

/** Columns that one line of escaped text takes. */
export function displayWidth(text: string): number {
  if (printableAscii.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of segmenter.segment(text)) columns += graphemeWidth(segment);
  return columns;
}

/** The text, cut to at most `columns` with an ellipsis where it was longer. Never splits a character. */
export function cutToWidth(text: string, columns: number): string {
  if (text.length <= columns && printableAscii.test(text)) return text;
  // A text of a million characters is not measured to be cut to fifty: a grapheme is one column or more, or joins one.
  if (displayWidth(text.slice(0, columns * 16 + 64)) <= columns && text.length <= columns * 16 + 64) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of segmenter.segment(text.slice(0, columns * 16 + 64))) {
    const width = graphemeWidth(segment);
    if (used + width > columns - 1) break;
    kept += segment;
    used += width;
  }
  return `${kept}…`;
}

export function padTo(text: string, columns: number, align: 'left' | 'right' | 'centre' = 'left'): string {
  const missing = columns - displayWidth(text);
  if (missing <= 0) return text;
  if (align === 'right') return ' '.repeat(missing) + text;
  if (align === 'left') return text + ' '.repeat(missing);
  const before = Math.floor(missing / 2);
  return ' '.repeat(before) + text + ' '.repeat(missing - before);
}

function graphemeWidth(grapheme: string): number {
  if (zeroWidth.test(grapheme)) return 0;
  if (emoji.test(grapheme)) return 2;
  return isWide(grapheme.codePointAt(0) ?? 0) ? 2 : 1;
}
