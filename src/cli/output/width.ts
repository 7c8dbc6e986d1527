/**
 * How many columns a text takes on a terminal, so that tables stay aligned with any script.
 *
 * Deliberately approximate: ambiguous-width characters count one column, as most terminals draw them. Callers escape
 * first; control characters do not reach this file.
 */

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
const printableAscii = /^[\x20-\x7e]*$/;
const zeroWidth = /^[\p{M}\p{Cf}]+$/u;
const emoji = /\p{Emoji_Presentation}|\ufe0f/u;

// East Asian Wide and Fullwidth, in blocks (Unicode Standard Annex 11); reserved code points inside count as wide.
const wideRanges: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x1b000, 0x1b2ff],
  [0x20000, 0x3fffd],
];

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
  const point = grapheme.codePointAt(0) ?? 0;
  if (point < 0x1100) return 1;
  for (const [from, to] of wideRanges) if (point >= from && point <= to) return 2;
  return 1;
}
