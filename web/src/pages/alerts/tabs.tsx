/** Alerts, or what is in force because of them. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import type { AlertsSearch } from '../../app/router.tsx';
import { Badge } from '../../ui/controls.tsx';

const look =
  'inline-flex h-8 items-center gap-1.5 rounded-md px-2.5 text-quiet hover:bg-hover hover:text-ink aria-[current=page]:bg-hover aria-[current=page]:font-medium aria-[current=page]:text-ink';

export function Tabs({ search }: { readonly search: AlertsSearch }): ReactNode {
  const inForce = useAsk('listResponses', { query: {} }, { keep: true });
  const isResponses = search.tab === 'responses';
  const count = inForce.data?.responses.length ?? 0;
  return (
    <nav aria-label="Alerts and responses" className="flex gap-1">
      <Link
        to="/alerts"
        search={{}}
        activeOptions={{ exact: true }}
        aria-current={isResponses ? undefined : 'page'}
        className={look}
      >
        Alerts
      </Link>
      <Link
        to="/alerts"
        search={{ tab: 'responses' }}
        activeOptions={{ exact: true }}
        aria-current={isResponses ? 'page' : undefined}
        className={look}
      >
        In force
        {count === 0 ? null : <Badge tone="warn">{count}</Badge>}
      </Link>
    </nav>
  );
}
