/**
 * Text of a command as a reviewer must see it: all of it, in numbered lines, with nothing hidden (A-REV-06).
 *
 * Invariants:
 * - Reversible: what is spelled stands between `⟦` and `⟧`, which are themselves spelled where the text has them; so no
 *   text looks like another one's spelling.
 * - Only characters that a reader sees are shown as they are. Controls, characters without width, those that reorder, odd
 *   spaces, unassigned and private ones, and marks piled on one another are spelled by their code point.
 * - Nothing is pushed out of sight: a long run of spaces or empty lines is shown as its count, and no line is longer than
 *   `presentedColumns`.
 *
 * Letters written from right to left are shown by pages that isolate each span, and spelled in plain text, where they
 * would reorder what stands beside them. A word that mixes alphabets is shown and reported: `notes`.
 *
 * Unicode Standard Annex 9 (bidirectional text); Unicode Technical Standard 39 (confusables), of which only mixed
 * scripts are looked for.
 */
import * as limits from './limits.ts';

/** `rtl` is to be isolated (`<bdi>`); all others are safe to write as they are. */
export type SpanKind = 'text' | 'escape' | 'padding' | 'rtl';

export interface Span {
  readonly kind: SpanKind;
  readonly text: string;
}

/** One row to show. */
export interface PresentedLine {
  /** Of the line in the text, from 1. */
  readonly number: number;
  /** It goes on the row before. */
  readonly continued: boolean;
  readonly spans: readonly Span[];
}

export interface Presentation {
  readonly lines: readonly PresentedLine[];
  /** What a reader should be told before reading: how much is spelled, folded, or written in mixed alphabets. */
  readonly notes: readonly string[];
}

const shown = /^[\p{L}\p{N}\p{P}\p{S}\p{M} ]$/u;
const hiddenThough = /^[\p{Default_Ignorable_Code_Point}\u2800\u27e6\u27e7\u2192]$/u;
const mark = /^\p{M}$/u;
const rightToLeft = /^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]$/u;
const wide =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;

/** The text in rows. `\n`, `\r\n` end a line; a lone `\r` is spelled, since terminals go back on it. */
export function presentText(text: string): Presentation {
  const lines: PresentedLine[] = [];
  const counts = { escaped: 0, padded: 0 };
  const mixed: number[] = [];
  const raw = text.split(/\r?\n/);
  for (let at = 0; at < raw.length; at++) {
    let empty = at;
    while (empty < raw.length && /^ *$/.test(raw[empty]!)) empty++;
    if (empty - at > limits.presentedEmptyLinesMax) {
      counts.padded++;
      const what = `⟦${empty - at} empty lines⟧`;
      lines.push({ number: at + 1, continued: false, spans: [{ kind: 'padding', text: what }] });
      at = empty - 1;
      continue;
    }
    if (hasMixedWord(raw[at]!)) mixed.push(at + 1);
    for (const [row, spans] of rowsOf(piecesOf(raw[at]!, counts)).entries()) {
      lines.push({ number: at + 1, continued: row > 0, spans });
    }
  }
  const notes: string[] = [];
  if (counts.escaped > 0) notes.push(`${counts.escaped} characters that would not be seen are spelled as ⟦…⟧.`);
  if (counts.padded > 0) notes.push(`${counts.padded} long runs of blanks are shown as their count.`);
  if (mixed.length > 0) {
    const some = mixed.slice(0, 10).join(', ');
    notes.push(
      `Words that mix alphabets, which may look like others, in lines ${some}${mixed.length > 10 ? ', …' : ''}.`,
    );
  }
  return { lines, notes };
}

/** As `presentText`, as plain rows with line numbers: for terminals and chat. */
export function presentPlain(text: string): readonly string[] {
  const { lines } = presentText(text);
  const width = String(lines.at(-1)?.number ?? 1).length;
  return lines.map(({ number, continued, spans }) => {
    const margin = continued ? '…'.padStart(width) : String(number).padStart(width);
    return `${margin} │ ${spans.map(plainSpan).join('')}`;
  });
}

/** A short value (a name, a reason, a label) in one piece, spelled alike. */
export function presentValue(text: string): string {
  const counts = { escaped: 0, padded: 0 };
  return text
    .split('\n')
    .map((line) => piecesOf(line, counts).map(plainSpan).join(''))
    .join('⟦U+000A⟧');
}

function plainSpan({ kind, text }: Span): string {
  return kind === 'rtl' ? Array.from(text, spell).join('') : text;
}

function spell(character: string): string {
  return `⟦U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟧`;
}

/** One line's characters, each or each run as the span that shows it. */
function piecesOf(line: string, counts: { escaped: number; padded: number }): Span[] {
  const pieces: Span[] = [];
  let marks = 0;
  let spaces = 0;
  const flush = (): void => {
    if (spaces === 0) return;
    const isLong = spaces > limits.presentedSpacesMax;
    if (isLong) counts.padded++;
    pieces.push(isLong ? { kind: 'padding', text: `⟦${spaces} spaces⟧` } : { kind: 'text', text: ' '.repeat(spaces) });
    spaces = 0;
  };
  for (const character of line) {
    if (character === ' ') {
      spaces++;
      marks = 0;
      continue;
    }
    const isAfterNothing = pieces.length === 0 || spaces > 0;
    flush();
    marks = mark.test(character) ? marks + 1 : 0;
    if (character === '\t') pieces.push({ kind: 'escape', text: '→   ' });
    else if (!isSeen(character) || marks > limits.presentedMarksMax || (marks > 0 && isAfterNothing)) {
      counts.escaped++;
      pieces.push({ kind: 'escape', text: spell(character) });
    } else pieces.push({ kind: rightToLeft.test(character) ? 'rtl' : 'text', text: character });
  }
  flush();
  return pieces;
}

function isSeen(character: string): boolean {
  return shown.test(character) && !hiddenThough.test(character);
}

/** Breaks a line where it gets longer than a screen, and joins neighbours of a kind. */
function rowsOf(pieces: readonly Span[]): Span[][] {
  const rows: Span[][] = [[]];
  let columns = 0;
  for (const piece of pieces) {
    const width = widthOf(piece);
    const isMark = mark.test(piece.text);
    if (columns + width > limits.presentedColumns && columns > 0 && !isMark) {
      rows.push([]);
      columns = 0;
    }
    columns += width;
    const row = rows.at(-1)!;
    const last = row.at(-1);
    if (last !== undefined && last.kind === piece.kind)
      row[row.length - 1] = { kind: last.kind, text: last.text + piece.text };
    else row.push(piece);
  }
  return rows;
}

function widthOf({ kind, text }: Span): number {
  // Spelled in plain text, such a letter is as wide as its code point.
  if (kind === 'rtl') return spell(text).length;
  if (kind === 'text' && wide.test(text)) return 2;
  return text.length;
}

const scripts = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Armenian}/u,
  /\p{Script=Cherokee}/u,
  /\p{Script=Georgian}/u,
];

/** The alphabets whose letters are taken for each other, in one word. */
function hasMixedWord(line: string): boolean {
  // Plain ASCII, which nearly all is, has one alphabet.
  if (!/[^\x00-\x7f]/.test(line)) return false;
  for (const [word] of line.matchAll(/[\p{L}\p{N}\p{M}_]+/gu)) {
    if (scripts.filter((script) => script.test(word)).length > 1) return true;
  }
  return false;
}
