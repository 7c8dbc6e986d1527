/** Below the box: which list, when, in which order, how many. Each is a term of the query, put in and taken out. */
import { SlidersHorizontal } from 'lucide-react';
import type { ReactNode } from 'react';
import { cx, IconButton, Select } from '../../ui/controls.tsx';
import { givenOf, timeOf, type View, viewOf, withOnly, withTime, withView } from './terms.ts';

export interface ToolbarProps {
  readonly query: string;
  readonly onQuery: (query: string) => void;
  readonly onFacets: () => void;
  readonly isNarrow: boolean;
}

const views: readonly (readonly [View, string])[] = [
  ['sessions', 'Sessions'],
  ['commands', 'Commands'],
  ['all', 'Everything'],
];

const spans = ['1h', '24h', '7d', '30d'] as const;
const spanWords: Readonly<Record<(typeof spans)[number], string>> = {
  '1h': 'The last hour',
  '24h': 'The last 24 hours',
  '7d': 'The last 7 days',
  '30d': 'The last 30 days',
};

const orders = [
  ['newest', 'Newest first'],
  ['oldest', 'Oldest first'],
  ['rows', 'Most rows'],
  ['bytes', 'Most bytes'],
  ['duration', 'Longest'],
] as const;

export function Toolbar({ query, onQuery, onFacets, isNarrow }: ToolbarProps): ReactNode {
  return (
    <div className="flex shrink-0 items-center gap-3 overflow-x-auto border-b px-4 pb-2.5 md:px-6">
      {isNarrow ? (
        <IconButton label="Narrow what was found" className="border bg-sheet" onClick={onFacets}>
          <SlidersHorizontal />
        </IconButton>
      ) : null}
      <Segments label="What to list">
        {views.map(([view, title]) => (
          <Segment key={view} isOn={viewOf(query) === view} onClick={() => onQuery(withView(query, view))}>
            {title}
          </Segment>
        ))}
      </Segments>
      <Times query={query} onQuery={onQuery} />
      <Select
        aria-label="Order"
        className="h-7! w-36! shrink-0 text-xs md:ml-auto"
        value={givenOf(query, 'sort') ?? 'newest'}
        onChange={({ currentTarget: { value } }) => onQuery(ordered(query, value))}
      >
        {orders.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </Select>
    </div>
  );
}

/** An order alone asks for nothing: then it is of the sessions that an empty box shows. */
function ordered(query: string, value: string): string {
  const of = query.trim() === '' ? 'type:session' : query;
  return withOnly(of, 'sort', value === 'newest' ? null : value);
}

function Times({ query, onQuery }: Pick<ToolbarProps, 'query' | 'onQuery'>): ReactNode {
  const time = timeOf(query);
  const day = /^on:(\d{4}-\d{2}-\d{2})$/.exec(time)?.[1] ?? '';
  const isOther = time !== '' && day === '' && !spans.some((span) => time === `since:${span}`);
  const put = (next: string | null): void => {
    const rest = withTime(query, next);
    // A time alone is of the sessions that an empty box shows.
    onQuery(query.trim() === '' && next !== null ? `type:session ${next}` : rest);
  };
  return (
    <>
      <Segments label="When">
        {spans.map((span) => {
          const isOn = time === `since:${span}`;
          return (
            <Segment key={span} isOn={isOn} title={spanWords[span]} onClick={() => put(isOn ? null : `since:${span}`)}>
              {span}
            </Segment>
          );
        })}
        <Segment isOn={time === ''} title="Whenever it was" onClick={() => put(null)}>
          Any time
        </Segment>
      </Segments>
      {isOther ? <span className="shrink-0 font-mono text-xs text-quiet">{time}</span> : null}
      <Day day={day} onDay={(value) => put(value === '' ? null : `on:${value}`)} />
    </>
  );
}

/** A day of the calendar. Empty it says what it is for; with the keyboard in it, it is the browser's own field. */
function Day({ day, onDay }: { readonly day: string; readonly onDay: (day: string) => void }): ReactNode {
  return (
    <span className="relative flex h-7 shrink-0">
      <input
        type="date"
        aria-label="On a day (UTC)"
        title="On a day (UTC)"
        value={day}
        max={new Date().toISOString().slice(0, 10)}
        onClick={({ currentTarget }) => currentTarget.showPicker()}
        onChange={({ currentTarget: { value } }) => onDay(value)}
        className={cx(
          'peer h-7 w-32 rounded-md border bg-sheet px-2 text-xs',
          day === '' ? 'text-transparent focus:text-ink' : 'border-accent text-ink',
        )}
      />
      {day === '' ? (
        <span
          aria-hidden
          className="pointer-events-none absolute left-2.5 leading-7 text-xs text-quiet peer-focus:hidden"
        >
          On a day
        </span>
      ) : null}
    </span>
  );
}

function Segments({ label, children }: { readonly label: string; readonly children: ReactNode }): ReactNode {
  return (
    <div role="group" aria-label={label} className="flex h-7 shrink-0 rounded-md border bg-raised p-0.5">
      {children}
    </div>
  );
}

function Segment({
  isOn,
  title,
  onClick,
  children,
}: {
  readonly isOn: boolean;
  readonly title?: string;
  readonly onClick: () => void;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <button
      type="button"
      aria-pressed={isOn}
      title={title}
      onClick={onClick}
      className={cx(
        'rounded px-2 text-xs whitespace-nowrap focus-visible:-outline-offset-1',
        isOn ? 'bg-sheet font-medium text-ink shadow-xs' : 'text-quiet hover:text-ink',
      )}
    >
      {children}
    </button>
  );
}
