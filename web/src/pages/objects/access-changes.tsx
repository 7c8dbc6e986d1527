/** Who gains and who loses what by a change, before it is made. */
import { Minus, Plus } from 'lucide-react';
import type { ReactNode } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';

type Change = AnswerOf<'tryAccess'>;

const shown = 8;

export function AccessChanges({ of }: { readonly of: Change }): ReactNode {
  const { gained, lost, gainedCount, lostCount, truncated } = of;
  if (gainedCount + lostCount === 0) return <p className="text-quiet">Nobody gains or loses access.</p>;
  return (
    <div className="grid gap-2">
      <Side
        title={`${plural(lostCount, 'way')} in ${lostCount === 1 ? 'is' : 'are'} lost`}
        list={lost}
        count={lostCount}
        isGain={false}
      />
      <Side
        title={`${plural(gainedCount, 'way')} in ${gainedCount === 1 ? 'is' : 'are'} gained`}
        list={gained}
        count={gainedCount}
        isGain
      />
      {truncated ? <p className="text-xs text-faint">There are too many to look at all; these are the first.</p> : null}
    </div>
  );
}

function Side({
  title,
  list,
  count,
  isGain,
}: {
  readonly title: string;
  readonly list: Change['gained'];
  readonly count: number;
  readonly isGain: boolean;
}): ReactNode {
  if (count === 0) return null;
  const Icon = isGain ? Plus : Minus;
  return (
    <div>
      <p className={isGain ? 'font-medium text-good' : 'font-medium text-bad'}>{title}</p>
      <ul className="mt-1 grid gap-0.5">
        {list.slice(0, shown).map(({ principal, resource, after, before }) => (
          <li key={`${principal}/${resource}`} className="flex items-center gap-1.5">
            <Icon aria-hidden="true" className={isGain ? 'size-3.5 text-good' : 'size-3.5 text-bad'} />
            <span className="truncate">
              <Safe text={principal} oneLine /> → <Safe text={resource} oneLine />
            </span>
            <span className="text-xs text-faint">{wayWords(before, after)}</span>
          </li>
        ))}
      </ul>
      {count > shown ? <p className="text-xs text-faint">and {count - shown} more</p> : null}
    </div>
  );
}

function wayWords(before: string, after: string): string {
  if (after === 'request') return 'only on request';
  return before === 'request' ? 'without asking' : '';
}
