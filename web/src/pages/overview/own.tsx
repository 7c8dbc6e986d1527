/** The overview of who sees their own doings only: what they may open, what they asked for, what runs, and how to go on. */
import { Link } from '@tanstack/react-router';
import { Plug, Search, Send } from 'lucide-react';
import type { ReactNode } from 'react';
import type { AnswerOf } from '../../api/client.ts';
import { useAsk } from '../../api/query.ts';
import { useMe } from '../../app/me.tsx';
import { plural } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { Badge, Verdict } from '../../ui/controls.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { Ago, Until } from '../../ui/time.tsx';

export function Own(): ReactNode {
  const me = useMe();
  return (
    <Page title="Overview" about={`What ${me.name} may do here, and what is under way`}>
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1.4fr)_minmax(0,1fr)]">
        <Panel title="What you may open" flush>
          <Reach />
        </Panel>
        <div className="grid gap-4">
          <Panel title="Live sessions" flush>
            <Live />
          </Panel>
          <Panel title="What you asked for" flush>
            <Requests />
          </Panel>
          <Panel title="Access for a while" flush>
            <Grants />
          </Panel>
          <Link
            to="/sessions"
            search={{ q: 'type:command since:7d' }}
            className="flex items-center gap-2 rounded-lg border bg-sheet px-4 py-2.5 hover:bg-hover"
          >
            <Search aria-hidden="true" className="size-4 text-quiet" />
            Everything you ran in the last seven days
          </Link>
        </div>
      </div>
    </Page>
  );
}

const row = 'flex min-h-10 items-center gap-3 border-b px-4 py-2 last:border-b-0';

function Reach(): ReactNode {
  const open = useAsk('listResources');
  const reach = useAsk('accessWhat');
  return (
    <Answered of={open}>
      {({ resources }) => {
        const names = new Set(resources.map(({ name }) => name));
        const askable = [
          ...new Map(
            (reach.data?.reach ?? []).filter(({ how }) => how === 'request').map((one) => [one.resource, one]),
          ),
        ].filter(([name]) => !names.has(name));
        if (resources.length + askable.length === 0) {
          return (
            <Empty title="No resource is yours to open yet">
              An administrator gives Access, to you or to a group that you are in.
            </Empty>
          );
        }
        return (
          <ul>
            {resources.map(({ name, protocol, title }) => (
              <li key={name} className={row}>
                <div className="mr-auto min-w-0">
                  <p className="truncate font-medium">
                    <Safe text={name} oneLine />
                  </p>
                  {title === '' || title === name ? null : (
                    <p className="truncate text-xs text-quiet">
                      <Safe text={title} oneLine />
                    </p>
                  )}
                </div>
                <Badge>{protocol}</Badge>
                <Link
                  to="/connect"
                  search={{ resource: name }}
                  className="inline-flex h-8 items-center gap-1.5 rounded-md border bg-sheet px-3 font-medium hover:bg-hover"
                >
                  <Plug aria-hidden="true" className="size-3.5" />
                  Connect<span className="sr-only"> to {name}</span>
                </Link>
              </li>
            ))}
            {askable.map(([name]) => (
              <li key={name} className={row}>
                <p className="mr-auto truncate font-medium">
                  <Safe text={name} oneLine />
                </p>
                <Badge tone="warn">on request</Badge>
                <Link
                  to="/requests"
                  search={{ resource: name }}
                  className="inline-flex h-8 items-center gap-1.5 rounded-md border bg-sheet px-3 font-medium hover:bg-hover"
                >
                  <Send aria-hidden="true" className="size-3.5" />
                  Ask<span className="sr-only"> for {name}</span>
                </Link>
              </li>
            ))}
          </ul>
        );
      }}
    </Answered>
  );
}

function Live(): ReactNode {
  const asked = useAsk('listSessions', { query: { live: true } }, { keep: true });
  return (
    <Answered of={asked} rows={2}>
      {({ sessions }) =>
        sessions.length === 0 ? (
          <p className="px-4 py-3 text-quiet">Nothing of yours runs just now.</p>
        ) : (
          <ul>
            {sessions.map((session) => (
              <LiveRow key={session.id} session={session} />
            ))}
          </ul>
        )
      }
    </Answered>
  );
}

function LiveRow({ session }: { readonly session: AnswerOf<'listSessions'>['sessions'][number] }): ReactNode {
  return (
    <li>
      <Link to="/sessions/$id" params={{ id: session.id }} className={`${row} hover:bg-hover`}>
        <span className="mr-auto truncate font-medium">
          <Safe text={session.resource} oneLine />
        </span>
        <span className="text-xs text-quiet">{plural(session.commands, 'command')}</span>
        <span className="text-xs text-quiet">
          <Ago at={session.startedAt} />
        </span>
      </Link>
    </li>
  );
}

const requestsMost = 5;

function Requests(): ReactNode {
  const asked = useAsk('listReviews', { query: { mine: true, limit: requestsMost } }, { keep: true });
  return (
    <Answered of={asked} rows={2}>
      {({ reviews }) =>
        reviews.length === 0 ? (
          <p className="px-4 py-3 text-quiet">
            Nothing yet. A command that a rule holds shows here, and so does{' '}
            <Link to="/requests" className="text-accent underline">
              access that you ask for
            </Link>
            .
          </p>
        ) : (
          <ul>
            {reviews.map(({ id, state, resource, summary, createdAt }) => (
              <li key={id}>
                <Link to="/reviews/$id" params={{ id }} className={`${row} hover:bg-hover`}>
                  <span className="mr-auto min-w-0 truncate">
                    <Safe text={summary ?? `Access to ${resource}`} oneLine />
                  </span>
                  <Verdict name={state} />
                  <span className="text-xs text-quiet">
                    <Ago at={createdAt} />
                  </span>
                </Link>
              </li>
            ))}
          </ul>
        )
      }
    </Answered>
  );
}

function Grants(): ReactNode {
  const asked = useAsk('listGrants', { query: { mine: true } }, { keep: true });
  return (
    <Answered of={asked} rows={2}>
      {({ grants }) =>
        grants.length === 0 ? (
          <p className="px-4 py-3 text-quiet">None is in force.</p>
        ) : (
          <ul>
            {grants.map(({ id, resource, expiresAt }) => (
              <li key={id} className={row}>
                <span className="mr-auto truncate font-medium">
                  <Safe text={resource} oneLine />
                </span>
                <span className="text-xs text-quiet">
                  ends <Until at={expiresAt} />
                </span>
              </li>
            ))}
          </ul>
        )
      }
    </Answered>
  );
}
