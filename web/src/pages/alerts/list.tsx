/** The list of alerts, the latest first, with its filters in the address. */
import { useNavigate } from '@tanstack/react-router';
import { BellOff } from 'lucide-react';
import type { ReactNode } from 'react';
import { useAskPages } from '../../api/pages.ts';
import type { AlertsSearch } from '../../app/router.tsx';
import { number } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, type BadgeTone, Severity } from '../../ui/controls.tsx';
import { useKeys } from '../../ui/keys.ts';
import { type Column, List } from '../../ui/list.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { Ago } from '../../ui/time.tsx';
import { Filters } from './filters.tsx';
import { type AlertRow, queryOf } from './words.ts';

const rowHeight = 52;

export function useAlerts(search: AlertsSearch): ReturnType<typeof useAskPages<'listAlerts', AlertRow>> {
  return useAskPages(
    'listAlerts',
    { query: queryOf(search) },
    ({ alerts }) => alerts,
    ({ next }) => next,
  );
}

/** The address of an alert, in the list that it was found in. */
export function hrefOf({ id }: AlertRow, search: AlertsSearch): string {
  const kept = new URLSearchParams(Object.entries(search) as [string, string][]).toString();
  return `/alerts/${encodeURIComponent(id)}${kept === '' ? '' : `?${kept}`}`;
}

export function Alerts({ search }: { readonly search: AlertsSearch }): ReactNode {
  const navigate = useNavigate();
  const pages = useAlerts(search);
  // The table has keys of its own once the focus is in it.
  const enter = (): void => document.querySelector<HTMLElement>('[role=table] [data-index="0"]')?.focus();
  useKeys({ j: enter, k: enter });
  const isFiltered = Object.keys(search).length > 0;
  return (
    <>
      <Filters search={search} />
      <Answered of={pages}>
        {(rows) => (
          <List
            label="Alerts"
            columns={columns}
            rows={rows}
            keyOf={({ id }) => id}
            hrefOf={(row) => hrefOf(row, search)}
            onOpen={({ id }) => void navigate({ to: '/alerts/$id', params: { id }, search })}
            more={pages.more}
            rowHeight={rowHeight}
            empty={
              <Empty title={isFiltered ? 'No alert is like that' : 'No alert is open'} icon={<BellOff />}>
                {isFiltered
                  ? 'Take a filter away to see more.'
                  : 'What detections, guardrails and the gateway itself find appears here by itself.'}
              </Empty>
            }
          />
        )}
      </Answered>
    </>
  );
}

const stateTones: Readonly<Record<AlertRow['state'], BadgeTone>> = {
  open: 'warn',
  acknowledged: 'info',
  resolved: 'good',
  suppressed: 'plain',
};

export function StateBadge({
  of: { state, resolution },
}: {
  readonly of: Pick<AlertRow, 'state' | 'resolution'>;
}): ReactNode {
  return <Badge tone={stateTones[state]}>{resolution === 'false-positive' ? 'false positive' : state}</Badge>;
}

const nobody = <span className="text-faint">–</span>;

const columns: readonly Column<AlertRow>[] = [
  {
    id: 'severity',
    title: 'Severity',
    width: '5.5rem',
    from: 560,
    cell: ({ severity }) => <Severity name={severity} />,
  },
  {
    id: 'summary',
    title: 'What was found',
    width: 'minmax(10rem, 1fr)',
    cell: ({ summary, severity, detection, dryRun, principal, resource }) => (
      <span className="block min-w-0 leading-5">
        <span className="block truncate" title={summary}>
          <Safe oneLine text={summary} />
        </span>
        <span className="flex items-center gap-1.5 truncate text-2xs text-quiet">
          <span className="sm:hidden">
            <Severity name={severity} />
          </span>
          <Safe text={detection} />
          <span className="lg:hidden">
            {principal === null ? null : (
              <>
                · <Safe text={principal.name} />
              </>
            )}
            {resource === null ? null : (
              <>
                {' '}
                → <Safe text={resource} />
              </>
            )}
          </span>
          {dryRun ? <span className="text-info">only looks</span> : null}
        </span>
      </span>
    ),
  },
  { id: 'state', title: 'State', width: '7rem', from: 560, cell: (row) => <StateBadge of={row} /> },
  {
    id: 'count',
    title: 'Findings',
    width: '4rem',
    align: 'right',
    from: 700,
    cell: ({ count }) => number(count),
  },
  {
    id: 'principal',
    title: 'Who',
    width: '7rem',
    from: 900,
    cell: ({ principal }) => (principal === null ? nobody : <Safe text={principal.name} />),
  },
  {
    id: 'resource',
    title: 'Resource',
    width: '7rem',
    from: 900,
    cell: ({ resource }) => (resource === null ? nobody : <Safe text={resource} />),
  },
  {
    id: 'assignee',
    title: 'Assigned to',
    width: '7rem',
    from: 1020,
    cell: ({ assignee }) => (assignee === null ? nobody : <Safe text={assignee.name} />),
  },
  { id: 'last', title: 'Last', width: '5.5rem', align: 'right', cell: ({ lastAt }) => <Ago at={lastAt} /> },
];
