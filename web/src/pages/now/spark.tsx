/** The pace of the last minutes, as small bars: how busy a session is and was, at a glance. The number beside it says how much. */
import { memo, type ReactNode } from 'react';

const bars = 30;
const barWidth = 2;
const height = 16;
/** What fills the height at least: two commands are not a peak. */
const scaleMin = 6;

function PlainSpark({ counts }: { readonly counts: readonly number[] }): ReactNode {
  const highest = Math.max(scaleMin, ...counts);
  const path = Array.from({ length: bars }, (_, index) => {
    const count = counts.at(index - bars) ?? 0;
    if (count === 0) return '';
    const bar = Math.max(1.5, Math.round((count / highest) * height * 2) / 2);
    return `M${index * barWidth} ${height}v-${bar}h1.5v${bar}z`;
  }).join('');
  return (
    <svg
      aria-hidden="true"
      width={bars * barWidth}
      height={height}
      viewBox={`0 0 ${bars * barWidth} ${height}`}
      className="inline-block shrink-0 align-middle"
    >
      <path d={`M0 ${height - 0.5}h${bars * barWidth}`} className="stroke-line" />
      <path d={path} className="fill-accent" />
    </svg>
  );
}

export const Spark = memo(PlainSpark, ({ counts: a }, { counts: b }) => {
  return a.length === b.length && a.every((count, index) => count === b[index]);
});
