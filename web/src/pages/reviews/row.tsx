/** A review as a row of the inbox: who, on what, the beginning of it, and how long there is. */
import { Flame, KeyRound } from 'lucide-react';
import type { ReactNode } from 'react';
import { Safe } from '../../format/safe.tsx';
import { Badge, Verdict } from '../../ui/controls.tsx';
import { Ago } from '../../ui/time.tsx';
import { Countdown } from './countdown.tsx';
import { type ReviewRow, shownState } from './words.ts';

export function InboxRow({ row }: { readonly row: ReviewRow }): ReactNode {
  const { kind, state, requester, resource, summary, reason, approvals } = row;
  const isPending = state === 'pending';
  return (
    <span className="grid gap-0.5">
      <span className="flex items-center gap-1.5">
        <span className="min-w-0 truncate font-medium">
          <Safe text={requester.name} />
        </span>
        <span className="text-quiet">→</span>
        <span className="min-w-0 truncate">
          <Safe text={resource} />
        </span>
        <span className="ml-auto shrink-0 text-2xs text-quiet">
          {isPending ? <Countdown row={row} /> : <Ago at={row.endedAt ?? row.createdAt} />}
        </span>
      </span>
      <span className="flex min-w-0 items-center gap-1.5 text-xs text-quiet">
        {kind === 'access' ? <KeyRound className="size-3.5 shrink-0" /> : null}
        {kind === 'break-glass' ? <Flame className="size-3.5 shrink-0 text-bad" /> : null}
        <span className={kind === 'access' ? 'truncate' : 'truncate font-mono'}>
          <Safe oneLine text={kind === 'access' ? (reason ?? 'asks for access') : (summary ?? '')} />
        </span>
      </span>
      <span className="flex items-center gap-1.5 text-2xs text-quiet">
        {isPending ? null : <Verdict name={shownState(row)} />}
        {approvals.needed > 1 && isPending ? (
          <Badge tone={approvals.given > 0 ? 'info' : 'plain'}>
            {approvals.given} of {approvals.needed}
          </Badge>
        ) : null}
        {kind === 'break-glass' ? <Badge tone="bad">ran already</Badge> : null}
        <span className="truncate">
          <Safe text={row.rule} />
        </span>
      </span>
    </span>
  );
}
