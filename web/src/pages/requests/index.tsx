/**
 * Requests: what one may ask for, what one has asked for, and what was given for a time. `?resource=` is where the refusal of a
 * client leads: that resource is chosen then, or it is said why it cannot be asked for.
 */
import { useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useAsk } from '../../api/query.ts';
import { useMe } from '../../app/me.tsx';
import { Page } from '../../ui/page.tsx';
import { Answered } from '../../ui/states.tsx';
import { Ask } from './ask.tsx';
import { Grants } from './grants.tsx';
import { Mine } from './mine.tsx';
import { Standing } from './standing.tsx';

export function RequestsPage(): ReactNode {
  const { resource } = useSearch({ from: '/requests' });
  const me = useMe();
  const what = useAsk('accessWhat', { query: { principal: me.name } }, { keep: true });
  return (
    <Page title="Requests" about="Access for a while, given by a person.">
      <div className="@container">
        <div className="grid max-w-6xl items-start gap-4 @4xl:grid-cols-[minmax(0,1fr)_24rem]">
          <div className="grid min-w-0 gap-4">
            <Answered of={what}>{({ reach }) => <Ask reach={reach} resource={resource} />}</Answered>
            <Mine />
          </div>
          <div className="grid min-w-0 gap-4">
            <Grants reach={what.data?.reach ?? []} />
            <Answered of={what} rows={3}>
              {({ reach }) => <Standing reach={reach} />}
            </Answered>
          </div>
        </div>
      </div>
    </Page>
  );
}
