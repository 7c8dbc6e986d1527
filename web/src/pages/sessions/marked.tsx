/** Text of a hit, with what was asked for marked: always text, whatever stands in it (R8, A-SSH-22). */
import { memo, type ReactNode } from 'react';
import { Safe } from '../../format/safe.tsx';

/** Longest text of a line, and how much of it stands before the first mark. */
const lineMax = 400;
const leadMax = 60;

interface Piece {
  readonly text: string;
  readonly isMark: boolean;
}

/** Cut at marks, without regard to case. */
export function pieces(text: string, marks: readonly string[]): readonly Piece[] {
  const wanted = marks.filter((mark) => mark !== '' && mark !== '*');
  if (wanted.length === 0 || text === '') return [{ text, isMark: false }];
  const lower = text.toLowerCase();
  // Where small letters are longer or shorter, places do not agree: then nothing is marked.
  if (lower.length !== text.length) return [{ text, isMark: false }];
  const found: Piece[] = [];
  let from = 0;
  for (;;) {
    let at = -1;
    let length = 0;
    for (const mark of wanted) {
      const next = lower.indexOf(mark, from);
      if (next >= 0 && (at < 0 || next < at || (next === at && mark.length > length))) {
        at = next;
        length = mark.length;
      }
    }
    if (at < 0) break;
    if (at > from) found.push({ text: text.slice(from, at), isMark: false });
    found.push({ text: text.slice(at, at + length), isMark: true });
    from = at + length;
  }
  if (from < text.length) found.push({ text: text.slice(from), isMark: false });
  return found;
}

function around(text: string, marks: readonly string[]): string {
  const first = pieces(text.slice(0, 20_000), marks);
  const before = first[0]?.isMark === false && first.length > 1 ? first[0].text.length : 0;
  const from = before > leadMax * 2 ? before - leadMax : 0;
  return `${from > 0 ? '… ' : ''}${text.slice(from, from + lineMax)}`;
}

export const Marked = memo(function Marked({
  text,
  marks,
  oneLine = false,
}: {
  readonly text: string;
  readonly marks: readonly string[];
  readonly oneLine?: boolean;
}): ReactNode {
  return pieces(oneLine ? around(text, marks) : text, marks).map((piece, index) =>
    piece.isMark ? (
      <mark
        key={index}
        className="rounded-xs bg-warn-soft text-ink underline decoration-warn decoration-1 underline-offset-2"
      >
        <Safe text={piece.text} oneLine={oneLine} />
      </mark>
    ) : (
      <Safe key={index} text={piece.text} oneLine={oneLine} />
    ),
  );
});
