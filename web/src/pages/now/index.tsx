/** Now: who is connected to what, as it happens. Rows stand still while one reads; figures move in their places. */
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { ArrowUp, Plug, Radio, WifiOff } from 'lucide-react';
import { type ReactNode, useMemo, useRef, useSyncExternalStore } from 'react';
import { useAllFigures, useLiveStatus } from '../../api/live.ts';
import { useMay } from '../../app/me.tsx';
import { compact, number, plural } from '../../format/format.ts';
import { Button, Input } from '../../ui/controls.tsx';
import { useKeys } from '../../ui/keys.ts';
import { Page } from '../../ui/page.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { Cards } from './cards.tsx';
import { sumOf } from './cells.tsx';
import { matcher } from './matching.ts';
import { useOrder } from './order.ts';
import { useReading } from './reading.ts';
import { type LiveList, sessionsMax, useLiveSessions } from './sessions.ts';
import { Table } from './table.tsx';

const narrow = matchMedia('(max-width: 639px)');

function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrow.addEventListener('change', listener);
      return () => narrow.removeEventListener('change', listener);
    },
    () => narrow.matches,
  );
}

export function NowPage(): ReactNode {
  const asked = useLiveSessions();
  const sees = useMay('sessions.read');
  const about = sees === 'all' ? 'Everybody who is connected through Sallyport' : 'Your own sessions';
  return (
    <Page title="Now" about={about} actions={<Filter />} full>
      <Answered of={asked} rows={10}>
        {(list) => <Live list={list} />}
      </Answered>
    </Page>
  );
}

function Filter(): ReactNode {
  const { q = '' } = useSearch({ from: '/now' });
  const navigate = useNavigate();
  const box = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => box.current?.focus() });
  const write = (text: string): void => {
    void navigate({ to: '/now', search: text === '' ? {} : { q: text }, replace: true });
  };
  return (
    <Input
      ref={box}
      type="search"
      aria-label="Filter live sessions"
      placeholder="Filter: who, resource, client…  /"
      title="Words that all must be found, anywhere or in one field: who:ana resource:orders from:10.0 client:psql"
      value={q}
      onChange={(event) => write(event.target.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        write('');
        event.currentTarget.blur();
      }}
      className="max-sm:w-[calc(100vw-2rem)] sm:w-72"
    />
  );
}

function Live({ list }: { readonly list: LiveList }): ReactNode {
  const { q = '' } = useSearch({ from: '/now' });
  const area = useRef<HTMLDivElement>(null);
  const isReading = useReading(area);
  const [order, catchUp] = useOrder(list.sessions, !isReading);
  const matches = useMemo(() => matcher(q), [q]);
  const rows = useMemo(() => order.rows.filter(({ row }) => matches(row)), [order, matches]);
  const waiting = order.waiting.filter(matches).length;
  const over = rows.filter(({ isOver }) => isOver).length;
  const isNarrow = useIsNarrow();
  const empty = q === '' ? <NobodyHere /> : <NothingMatches />;
  const Rows = isNarrow ? Cards : Table;
  return (
    <>
      <Counts list={list} shown={rows.length - over} isFiltered={q !== ''}>
        {waiting + over === 0 ? null : (
          <Button
            size="small"
            tone="primary"
            icon={<ArrowUp className="size-3" />}
            title="Bring the list up to date: it stands still while you read"
            onClick={() => {
              area.current?.querySelector('[role=table], ul')?.scrollTo({ top: 0 });
              catchUp();
            }}
          >
            {[waiting > 0 ? `${number(waiting)} new` : '', over > 0 ? `${number(over)} ended` : '']
              .filter(Boolean)
              .join(', ')}
          </Button>
        )}
      </Counts>
      <div ref={area} className="flex min-h-0 flex-1 flex-col">
        <Rows rows={rows} empty={empty} />
      </div>
    </>
  );
}

function Counts({
  list,
  shown,
  isFiltered,
  children,
}: {
  readonly list: LiveList;
  readonly shown: number;
  readonly isFiltered: boolean;
  readonly children: ReactNode;
}): ReactNode {
  const { perMinute, people } = sumOf(list.sessions, useAllFigures());
  const total = list.sessions.length;
  const isAll = useMay('sessions.read') === 'all';
  return (
    <div className="flex min-h-11 flex-wrap items-center gap-x-6 gap-y-1 border-b px-4 py-1.5 md:px-6">
      <dl className="contents">
        <Count name={total === 1 ? 'live session' : 'live sessions'}>
          {number(total)}
          {list.isCut ? '+' : ''}
        </Count>
        {isAll ? <Count name={people === 1 ? 'person' : 'people'}>{number(people)}</Count> : null}
        <Count name={perMinute === 1 ? 'command a minute' : 'commands a minute'}>{compact(perMinute)}</Count>
      </dl>
      {isFiltered ? <span className="text-xs text-quiet">{plural(shown, 'matches', 'match')}</span> : null}
      {list.isCut ? <span className="text-xs text-quiet">the newest {number(sessionsMax)} are shown</span> : null}
      <span className="ml-auto flex items-center gap-3">
        <Away />
        {children}
      </span>
    </div>
  );
}

function Count({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode {
  return (
    <div className="flex flex-row-reverse items-baseline gap-1.5">
      <dt className="text-xs text-quiet">{name}</dt>
      <dd className="text-base font-semibold tracking-tight tabular-nums">{children}</dd>
    </div>
  );
}

/** Quietly: what is shown may be old. */
function Away(): ReactNode {
  const status = useLiveStatus();
  if (status !== 'away') return null;
  return (
    <span role="status" className="flex items-center gap-1.5 text-xs text-warn">
      <WifiOff className="size-3.5" aria-hidden="true" />
      Not connected, trying again
    </span>
  );
}

function NobodyHere(): ReactNode {
  const isAll = useMay('sessions.read') === 'all';
  const mayConnect = useMay('resources.read') !== null;
  return (
    <Empty icon={<Radio />} title={isAll ? 'Nobody is connected just now' : 'You have no live session'}>
      <p>
        Sessions appear here as they open, with any client: psql, ssh, curl, kubectl. From a terminal:{' '}
        <code className="rounded bg-raised px-1 font-mono text-xs text-ink">sallyport connect RESOURCE</code>
      </p>
      {mayConnect ? (
        <p className="mt-3">
          <Link
            to="/connect"
            search={{}}
            className="inline-flex h-8 items-center gap-1.5 rounded-md border bg-sheet px-3 font-medium text-ink hover:bg-hover"
          >
            <Plug className="size-4" aria-hidden="true" />
            How to connect
          </Link>
        </p>
      ) : null}
    </Empty>
  );
}

function NothingMatches(): ReactNode {
  const navigate = useNavigate();
  return (
    <Empty
      title="No live session matches"
      action={
        <Button onClick={() => void navigate({ to: '/now', search: {}, replace: true })}>Clear the filter</Button>
      }
    >
      Words must all be found: in who, resource, protocol, from, client, or in one of them, as in who:ana.
    </Empty>
  );
}
