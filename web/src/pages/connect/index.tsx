/** What one may open, and how: for each resource the lines to paste for each client. */
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { ArrowLeft, Plug, Search, Send } from 'lucide-react';
import { type ReactNode, useMemo } from 'react';
import { useAsk } from '../../api/query.ts';
import { Safe, safeText } from '../../format/safe.tsx';
import { Badge, cx, Input } from '../../ui/controls.tsx';
import { Page } from '../../ui/page.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import type { Resource } from './clients.ts';
import { Details } from './details.tsx';

export function ConnectPage(): ReactNode {
  const asked = useAsk('listResources', {}, { keep: true });
  return (
    <Page
      full
      title="Connect"
      about="What you may open, with your own clients. Everything goes through the same door, and is recorded."
    >
      <Answered of={asked}>{({ resources }) => <Sides resources={resources} />}</Answered>
    </Page>
  );
}

function isMeant({ name, title, labels }: Resource, wanted: readonly string[]): boolean {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value} ${key}:${value}`);
  const hay = `${name} ${title} ${pairs.join(' ')}`.toLowerCase();
  return wanted.every((word) => hay.includes(word));
}

function Sides({ resources }: { readonly resources: readonly Resource[] }): ReactNode {
  const { resource: chosen, q = '' } = useSearch({ strict: false });
  const asking = useAskable(resources);
  const rows = useMemo(() => {
    const wanted = q
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    return resources.filter((resource) => isMeant(resource, wanted));
  }, [resources, q]);
  const shown = resources.find(({ name }) => name === chosen);
  if (resources.length === 0 && asking.length === 0) {
    return (
      <Empty title="Nothing that you may open yet" icon={<Plug />}>
        An administrator gives you Access to resources. What may be asked for would be listed here too.
      </Empty>
    );
  }
  return (
    <div className="grid min-h-0 flex-1 md:grid-cols-[18rem_minmax(0,1fr)]">
      <div className={cx('min-h-0 flex-col md:flex md:border-r', chosen === undefined ? 'flex' : 'hidden')}>
        <Filter q={q} />
        <nav aria-label="Resources" className="min-h-0 flex-1 overflow-auto pb-4">
          {rows.map((row) => (
            <Row
              key={row.name}
              of={row}
              isChosen={row.name === (shown ?? rows[0])?.name && (chosen !== undefined || row === rows[0])}
              q={q}
            />
          ))}
          {rows.length === 0 && resources.length > 0 ? <p className="px-4 py-3 text-quiet">Nothing fits.</p> : null}
          <Askable of={asking} />
        </nav>
      </div>
      <div className={cx('min-h-0 overflow-auto md:block', chosen === undefined && 'hidden')}>
        {chosen !== undefined ? (
          <Link
            to="/connect"
            search={q === '' ? {} : { q }}
            className="flex h-10 items-center gap-2 border-b px-4 text-quiet md:hidden"
          >
            <ArrowLeft className="size-4" /> All resources
          </Link>
        ) : null}
        <Shown chosen={chosen} shown={shown ?? (chosen === undefined ? rows[0] : undefined)} />
      </div>
    </div>
  );
}

function Shown({
  chosen,
  shown,
}: {
  readonly chosen: string | undefined;
  readonly shown: Resource | undefined;
}): ReactNode {
  if (shown !== undefined) return <Details key={shown.name} resource={shown} />;
  if (chosen === undefined) return null;
  return (
    <Empty
      title={`${safeText(chosen)} is not yours to open`}
      action={
        <Link
          to="/requests"
          search={{ resource: chosen }}
          className="inline-flex h-8 items-center gap-1.5 rounded-md bg-accent px-3 font-medium text-accent-ink"
        >
          <Send className="size-4" /> Ask for access
        </Link>
      }
    >
      No Access lets you in now. Where one may be asked for, somebody decides about it.
    </Empty>
  );
}

function Filter({ q }: { readonly q: string }): ReactNode {
  const navigate = useNavigate();
  return (
    <div className="relative p-3">
      <Search aria-hidden="true" className="pointer-events-none absolute top-5 left-5.5 size-4 text-faint" />
      <Input
        type="search"
        aria-label="Filter resources"
        placeholder="Name, label, protocol…"
        defaultValue={q}
        onChange={(event) => {
          const text = event.target.value.trim();
          void navigate({ to: '/connect', search: text === '' ? {} : { q: text }, replace: true });
        }}
        className="pl-8"
      />
    </div>
  );
}

function Row({
  of,
  isChosen,
  q,
}: {
  readonly of: Resource;
  readonly isChosen: boolean;
  readonly q: string;
}): ReactNode {
  return (
    <Link
      to="/connect"
      search={{ resource: of.name, ...(q === '' ? {} : { q }) }}
      aria-current={isChosen ? 'true' : undefined}
      className="grid gap-0.5 border-b px-4 py-2 hover:bg-hover aria-[current=true]:bg-accent-soft"
    >
      <span className="flex items-center gap-2">
        <span className="mr-auto truncate font-medium">
          <Safe text={of.name} oneLine />
        </span>
        <Badge>{of.title}</Badge>
      </span>
      <span className="truncate text-xs text-quiet">
        <Safe
          text={
            Object.entries(of.labels)
              .map(([key, value]) => `${key}=${value}`)
              .join('  ') || 'no labels'
          }
          oneLine
        />
      </span>
    </Link>
  );
}

/** What one may ask for and not open by now. */
function useAskable(resources: readonly Resource[]): readonly string[] {
  const reach = useAsk('accessWhat', { query: {} }, { keep: true }).data?.reach;
  return useMemo(() => {
    const open = new Set(resources.map(({ name }) => name));
    return [...new Set((reach ?? []).filter(({ how }) => how === 'request').map(({ resource }) => resource))].filter(
      (name) => !open.has(name),
    );
  }, [reach, resources]);
}

function Askable({ of }: { readonly of: readonly string[] }): ReactNode {
  if (of.length === 0) return null;
  return (
    <div>
      <h2 className="px-4 pt-4 pb-1 text-2xs font-medium text-faint">On request</h2>
      {of.map((name) => (
        <Link
          key={name}
          to="/requests"
          search={{ resource: name }}
          className="flex items-center gap-2 border-b px-4 py-2 hover:bg-hover"
        >
          <span className="mr-auto truncate">
            <Safe text={name} oneLine />
          </span>
          <span className="text-xs text-accent">Ask for access</span>
        </Link>
      ))}
    </div>
  );
}
