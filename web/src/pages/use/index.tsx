/** Working on a resource in the console, through the same door as a stock client. */
import { getRouteApi, Link } from '@tanstack/react-router';
import { Plug } from 'lucide-react';
import { lazy, type ReactNode, Suspense } from 'react';
import { useAsk } from '../../api/query.ts';
import { Safe } from '../../format/safe.tsx';
import { Page } from '../../ui/page.tsx';
import { Answered, Empty, Loading } from '../../ui/states.tsx';

const SqlBench = lazy(async () => ({ default: (await import('./sql.tsx')).SqlBench }));
const TerminalBench = lazy(async () => ({ default: (await import('./terminal.tsx')).TerminalBench }));

const route = getRouteApi('/use/$name');

export function UsePage(): ReactNode {
  const { name } = route.useParams();
  const { text = '' } = route.useSearch();
  const resources = useAsk('listResources');
  const clients = useAsk('workbenchResources');
  return (
    <Page
      full
      title={<Safe text={name} oneLine />}
      about="As you, through the gateway: the same rules, masks and record as a stock client."
      actions={
        <Link to="/connect" search={{ resource: name }} className="flex items-center gap-1.5 text-quiet hover:text-ink">
          <Plug className="size-4" /> Use your own client
        </Link>
      }
    >
      <Suspense fallback={<Loading />}>
        <Answered of={resources}>
          {({ resources }) => (
            <Answered of={clients}>
              {({ protocols }) => {
                const resource = resources.find((one) => one.name === name);
                const takes = protocols.find((one) => one.name === resource?.protocol)?.takes;
                if (resource === undefined) {
                  return (
                    <Empty title="You may not open this">
                      <Link to="/requests" search={{ resource: name }} className="text-accent underline">
                        Ask for access
                      </Link>
                      , with a reason.
                    </Empty>
                  );
                }
                if (takes === 'statements') return <SqlBench key={name} resource={name} first={text} />;
                if (takes === 'keys') return <TerminalBench key={name} resource={name} />;
                return (
                  <Empty title="There is no client for it here yet">
                    <Link to="/connect" search={{ resource: name }} className="text-accent underline">
                      Connect with your own
                    </Link>
                    .
                  </Empty>
                );
              }}
            </Answered>
          )}
        </Answered>
      </Suspense>
    </Page>
  );
}
