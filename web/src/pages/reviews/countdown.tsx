/** How long there is to decide: quiet, then not. What broke the glass never expires, it is only raised again. */
import type { ReactNode } from 'react';
import { clockTime, duration, exactTime } from '../../format/format.ts';
import { cx } from '../../ui/controls.tsx';
import { useNow } from '../../ui/time.tsx';
import type { ReviewRow } from './words.ts';

const soonMs = 5 * 60_000;
const nowMs = 60_000;

export function Countdown({ row }: { readonly row: Pick<ReviewRow, 'expiresAt' | 'kind'> }): ReactNode {
  const left = new Date(row.expiresAt).getTime() - useNow();
  if (row.kind === 'break-glass') return <span title="It waits until it is decided">no end</span>;
  return (
    <time
      dateTime={row.expiresAt}
      title={`Expires ${exactTime(row.expiresAt)}`}
      className={cx(
        'whitespace-nowrap tabular-nums',
        left < nowMs ? 'font-semibold text-bad' : left < soonMs && 'text-warn',
      )}
    >
      {left <= 0 ? 'over' : left < 3_600_000 ? clockTime(left) : duration(left)}
    </time>
  );
}
