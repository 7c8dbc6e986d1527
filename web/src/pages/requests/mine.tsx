/** What one has asked for, and what is held of one: live, with what can be done about it. */
import { Link } from '@tanstack/react-router';
import { Flame, KeyRound, SquareTerminal } from 'lucide-react';
import type { ReactNode } from 'react';
import { useAskPages } from '../../api/pages.ts';
import { useAsk } from '../../api/query.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Button, Verdict } from '../../ui/controls.tsx';
import { Panel } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { Countdown } from '../reviews/countdown.tsx';
import { OwnActs } from '../reviews/own.tsx';
import { type ReviewRow, reviewersWords, shownState, spanWords } from '../reviews/words.ts';

export function Mine(): ReactNode {
  const pages = useAskPages(
    'listReviews',
    { query: { mine: true, limit: 50 } },
    ({ reviews }) => reviews,
    ({ next }) => next,
  );
  return (
    <Panel title="What you asked for" flush>
      <Answered of={pages} rows={3}>
        {(rows) =>
          rows.length === 0 ? (
            <p className="p-4 text-quiet">Nothing so far. What is held of yours stands here too.</p>
          ) : (
            <ul aria-label="Your requests">
              {rows.map((row) => (
                <li key={row.id} className="border-b px-4 py-3 last:border-b-0">
                  <Row row={row} />
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      {pages.more === null ? null : (
        <div className="border-t p-3 text-center">
          <Button onClick={pages.more}>Show more</Button>
        </div>
      )}
    </Panel>
  );
}

const icons = { access: KeyRound, command: SquareTerminal, 'break-glass': Flame } as const;

function Row({ row }: { readonly row: ReviewRow }): ReactNode {
  const Icon = icons[row.kind];
  const isPending = row.state === 'pending';
  return (
    <div className="grid gap-1">
      <div className="flex items-center gap-2">
        <Icon className="size-4 shrink-0 text-quiet" />
        <Link
          to="/reviews/$id"
          params={{ id: row.id }}
          search={{ state: 'mine' }}
          className="min-w-0 truncate font-medium hover:underline"
        >
          <Safe text={row.resource} />
        </Link>
        <span className="ml-auto flex shrink-0 items-center gap-2 text-xs text-quiet">
          {isPending ? <Countdown row={row} /> : <Ago at={row.endedAt ?? row.createdAt} />}
          {row.approvals.needed > 1 && isPending ? (
            <Badge>
              {row.approvals.given} of {row.approvals.needed}
            </Badge>
          ) : null}
          <Verdict name={shownState(row)} />
        </span>
      </div>
      <p className={row.kind === 'access' ? 'truncate text-quiet' : 'truncate font-mono text-xs text-quiet'}>
        <Safe oneLine text={row.kind === 'access' ? (row.reason ?? 'without a reason') : (row.summary ?? '')} />
      </p>
      {isPending ? <Waiting id={row.id} /> : <Ended row={row} />}
    </div>
  );
}

/** While it waits: for whom, and what to do about it. */
function Waiting({ id }: { readonly id: string }): ReactNode {
  const { data } = useAsk('getReview', { params: { id } }, { keep: true });
  if (data === undefined) return null;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <p className="mr-auto text-xs text-quiet">
        {data.access === null ? '' : `${spanWords(data.access.durationSeconds)}. `}
        Waits for {reviewersWords(data.reviewers)}.
      </p>
      <OwnActs review={data} />
    </div>
  );
}

/** What was said to it, where somebody denied. */
function Ended({ row }: { readonly row: ReviewRow }): ReactNode {
  const { data } = useAsk('getReview', { params: { id: row.id } }, { enabled: row.state === 'denied', keep: true });
  const last = data?.decisions.findLast(({ decision }) => decision === 'deny');
  if (last === undefined) return null;
  return (
    <p className="text-xs">
      <Safe text={last.by.name} />: “<Safe oneLine text={last.reason} />”
    </p>
  );
}
