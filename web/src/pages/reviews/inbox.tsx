/**
 * The inbox: list and review side by side where there is room, one after the other on a phone. j and k go on and back, a approves,
 * d denies, o opens; after a decision the next comes by itself.
 *
 * Invariant: which review is shown stands in the address, so that a list that changes never changes what is being decided.
 */
import { Link, useNavigate } from '@tanstack/react-router';
import { Inbox as InboxIcon } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { useAskPages } from '../../api/pages.ts';
import { useMay } from '../../app/me.tsx';
import { Badge, cx, Kbd, Select } from '../../ui/controls.tsx';
import { useKeys } from '../../ui/keys.ts';
import { useSideBySide } from '../../ui/media.ts';
import { Page } from '../../ui/page.tsx';
import { Stack } from '../../ui/stack.tsx';
import { Answered, Empty } from '../../ui/states.tsx';
import { Detail } from './detail.tsx';
import { NotifyButton } from './notify.tsx';
import { InboxRow } from './row.tsx';
import { endedViews, inOrder, mainViews, viewOf, views } from './views.ts';
import type { ReviewRow } from './words.ts';

const rowHeight = 76;

export type Deciding = 'approve' | 'deny' | null;

/** What a person is about to do stands with the review, and goes when another is shown. */
function useDeciding(id: string | null): readonly [Deciding, (next: Deciding) => void] {
  const [of, set] = useState<{ id: string | null; deciding: Deciding }>({ id, deciding: null });
  return [of.id === id ? of.deciding : null, (deciding) => set({ id, deciding })];
}

/** What the inbox holds, where in it one is, and its keys. */
function useInbox(id: string | null, wanted: string | undefined) {
  const navigate = useNavigate();
  const { name, view } = viewOf(wanted);
  const isWide = useSideBySide();
  const pages = useAskPages(
    'listReviews',
    { query: view.query },
    ({ reviews }) => reviews,
    ({ next }) => next,
  );
  const rows = useMemo(() => inOrder(pages.data ?? [], view), [pages.data, view]);
  const [deciding, setDeciding] = useDeciding(id);
  const search = name === 'waiting' ? {} : { state: name };
  const at = rows.findIndex((row) => row.id === id);
  const show = (row: ReviewRow | undefined, isReplaced = true): void => {
    if (row !== undefined) void navigate({ to: '/reviews/$id', params: { id: row.id }, search, replace: isReplaced });
  };
  const first = pages.isOld ? undefined : rows[0]?.id;
  useEffect(() => {
    if (isWide && id === null && first !== undefined) {
      void navigate({
        to: '/reviews/$id',
        params: { id: first },
        search: { ...(wanted === undefined ? {} : { state: wanted }) },
        replace: true,
      });
    }
  }, [isWide, id, first, wanted, navigate]);
  const goOn = (): void => {
    const others = rows.filter((row) => row.id !== id);
    const next = others[Math.min(Math.max(at, 0), others.length - 1)];
    if (next === undefined) void navigate({ to: '/reviews', search, replace: true });
    else show(next);
  };
  useKeys({
    j: () => show(id === null ? rows[0] : (rows[at + 1] ?? (at < 0 ? rows[0] : undefined)), id !== null),
    k: () => show(at < 0 ? rows.at(-1) : rows[at - 1], id !== null),
    a: () => id !== null && setDeciding('approve'),
    d: () => id !== null && setDeciding('deny'),
    ...(id === null ? { o: () => show(rows[0], false) } : {}),
  });
  return { name, view, isWide, pages, rows, search, show, goOn, deciding, setDeciding };
}

export function Inbox({
  id,
  view: wanted,
}: {
  readonly id: string | null;
  readonly view: string | undefined;
}): ReactNode {
  const { name, view, isWide, pages, rows, search, show, goOn, deciding, setDeciding } = useInbox(id, wanted);
  return (
    <Page title="Reviews" full actions={<NotifyButton />} bare={id !== null && !isWide}>
      <div className="flex min-h-0 flex-1">
        <section
          aria-label="List of reviews"
          className={cx(
            'min-h-0 w-full flex-col lg:flex lg:w-88 lg:shrink-0 lg:border-r',
            id === null ? 'flex' : 'hidden',
          )}
        >
          <Filters name={name} count={pages.data === undefined || pages.more !== null ? null : rows.length} />
          <Answered of={pages}>
            {() =>
              rows.length === 0 && pages.more === null ? (
                <Empty title={view.empty[0]} icon={<InboxIcon />}>
                  {view.empty[1]}
                </Empty>
              ) : (
                <Stack
                  label="Reviews"
                  rows={rows}
                  keyOf={(row) => row.id}
                  hrefOf={(row) => `/reviews/${row.id}${name === 'waiting' ? '' : `?state=${name}`}`}
                  onOpen={(row) => show(row, isWide)}
                  selected={id}
                  rowHeight={rowHeight}
                  more={pages.more}
                  row={(row) => <InboxRow row={row} />}
                />
              )
            }
          </Answered>
          <KeyHints />
        </section>
        <section
          aria-label="The review"
          className={cx('min-h-0 min-w-0 flex-1 flex-col', id === null ? 'hidden lg:flex' : 'flex')}
        >
          {id === null ? (
            pages.data === undefined ? null : (
              <Cleared />
            )
          ) : (
            <Detail
              key={id}
              id={id}
              deciding={deciding}
              setDeciding={setDeciding}
              goOn={goOn}
              back={{ to: '/reviews', search }}
              others={rows.filter((row) => row.id !== id).length}
            />
          )}
        </section>
      </div>
    </Page>
  );
}

function Filters({ name, count }: { readonly name: string; readonly count: number | null }): ReactNode {
  const navigate = useNavigate();
  const mayDecide = useMay('reviews.decide') !== null;
  const shown = mainViews.filter((view) => view !== 'waiting' || mayDecide);
  const isEnded = !(mainViews as readonly string[]).includes(name);
  return (
    <div className="grid gap-2 border-b px-3 py-2">
      <nav aria-label="Which reviews" className="flex items-center gap-1 overflow-x-auto">
        {shown.map((view) => (
          <Link
            key={view}
            to="/reviews"
            search={view === 'waiting' ? {} : { state: view }}
            aria-current={view === name || (view === 'decided' && isEnded) ? 'page' : undefined}
            activeOptions={{ exact: true }}
            className="inline-flex h-8 shrink-0 items-center gap-1.5 rounded-md px-2 text-quiet hover:bg-hover hover:text-ink aria-[current=page]:bg-hover aria-[current=page]:font-medium aria-[current=page]:text-ink"
          >
            {views[view]!.title}
            {view === name && count !== null && view !== 'decided' && count > 0 ? <Badge>{count}</Badge> : null}
          </Link>
        ))}
      </nav>
      {name === 'decided' || isEnded ? (
        <Select
          aria-label="How it ended"
          value={name}
          onChange={(event) => void navigate({ to: '/reviews', search: { state: event.target.value } })}
        >
          <option value="decided">However it ended</option>
          {endedViews.map((view) => (
            <option key={view} value={view}>
              {views[view]!.title}
            </option>
          ))}
        </Select>
      ) : null}
    </div>
  );
}

function KeyHints(): ReactNode {
  return (
    <p className="mt-auto hidden h-9 shrink-0 items-center gap-1.5 border-t px-3 text-2xs text-faint lg:flex">
      <Kbd>j</Kbd>
      <Kbd>k</Kbd> move
      <Kbd>a</Kbd> approve
      <Kbd>d</Kbd> deny
      <Kbd>o</Kbd> open
    </p>
  );
}

function Cleared(): ReactNode {
  return (
    <div className="m-auto">
      <Empty title="No review to show">What is held, and who asks for access, is shown here once there is some.</Empty>
    </div>
  );
}
