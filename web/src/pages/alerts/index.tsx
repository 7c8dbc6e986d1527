/** Alerts: what was found, what is in force because of it, and what people do with it. */
import { useParams, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Page } from '../../ui/page.tsx';
import { Detail } from './detail.tsx';
import { Alerts } from './list.tsx';
import { Responses } from './responses.tsx';
import { Tabs } from './tabs.tsx';

export function AlertsPage(): ReactNode {
  const search = useSearch({ from: '/alerts' });
  return (
    <Page title="Alerts" full actions={<Tabs search={search} />}>
      {search.tab === 'responses' ? <Responses search={search} /> : <Alerts search={search} />}
    </Page>
  );
}

export function AlertPage(): ReactNode {
  const { id } = useParams({ from: '/alerts/$id' });
  const search = useSearch({ from: '/alerts/$id' });
  return (
    <Page title="Alert" full bare>
      <Detail key={id} id={id} search={search} />
    </Page>
  );
}
