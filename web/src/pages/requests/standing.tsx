/** What one may open without asking, and when. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { exactTime } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge } from '../../ui/controls.tsx';
import { Panel } from '../../ui/page.tsx';
import type { Reach } from './words.ts';

export function Standing({ reach }: { readonly reach: readonly Reach[] }): ReactNode {
  const standing = reach.filter(({ how }) => how === 'standing');
  return (
    <Panel title="Yours without asking" flush>
      {standing.length === 0 ? <p className="p-4 text-quiet">Nothing stands open to you.</p> : null}
      <ul aria-label="What you may open">
        {standing.map(({ resource, access, windows, until, locked, stepUp, counts }) => (
          <li key={`${resource} ${access}`} className="grid gap-1 border-b px-4 py-2.5 last:border-b-0">
            <span className="flex flex-wrap items-center gap-2">
              <Link to="/connect" search={{ resource }} className="min-w-0 truncate font-medium hover:underline">
                <Safe text={resource} />
              </Link>
              {locked === null ? null : (
                <Badge tone="bad">
                  locked by <Safe text={locked} />
                </Badge>
              )}
              {locked === null && !counts ? <Badge tone="warn">closed just now</Badge> : null}
              {stepUp ? <Badge tone="info">takes a confirmation</Badge> : null}
            </span>
            {windows === null ? null : (
              <span className="text-xs text-quiet">
                <Safe text={windows} />
              </span>
            )}
            {until === null ? null : <span className="text-xs text-quiet">until {exactTime(until)}</span>}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
