/** What the overview's panels are made of: numbers that lead to what proves them, and names by how often. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { compact, number } from '../../format/format.ts';
import { Safe } from '../../format/safe.tsx';
import { cx } from '../../ui/controls.tsx';

/** A link to a search of what happened. */
export function Found({
  query,
  children,
  className,
  label,
}: {
  readonly query: string;
  readonly children: ReactNode;
  readonly className?: string;
  readonly label?: string;
}): ReactNode {
  return (
    <Link to="/sessions" search={{ q: query }} className={cx('hover:underline', className)} aria-label={label}>
      {children}
    </Link>
  );
}

/** One figure, its name above and what it is made of below. */
export function Tile({
  title,
  value,
  about,
  tone,
}: {
  readonly title: string;
  readonly value: ReactNode;
  readonly about?: ReactNode;
  readonly tone?: 'bad' | 'warn' | undefined;
}): ReactNode {
  return (
    <div className="min-w-0 bg-sheet px-4 py-3">
      <h2 className="text-xs text-quiet">{title}</h2>
      <p
        className={cx(
          'mt-1 text-2xl leading-8 font-semibold tracking-tight tabular-nums',
          tone === 'bad' && 'text-bad',
          tone === 'warn' && 'text-warn',
        )}
      >
        {value}
      </p>
      <p className="mt-0.5 truncate text-xs text-quiet">{about ?? ' '}</p>
    </div>
  );
}

export interface Named {
  readonly name: string;
  readonly count: number;
  readonly about?: string;
}

/** Names by how often, with bars to compare by; each leads to the search that finds as many. */
export function Ranking({
  of,
  queryOf,
  colour,
  empty,
  label,
  most = 6,
}: {
  readonly of: readonly Named[];
  readonly queryOf: (name: string) => string;
  readonly colour: string;
  readonly empty: string;
  readonly label: string;
  readonly most?: number;
}): ReactNode {
  if (of.length === 0) return <p className="px-4 py-6 text-quiet">{empty}</p>;
  const top = of[0]!.count;
  return (
    <ol aria-label={label} className="py-1.5">
      {of.slice(0, most).map(({ name, count, about }) => (
        <li key={name}>
          <Found
            query={queryOf(name)}
            className="group block px-4 py-1.5 no-underline hover:bg-hover hover:no-underline"
          >
            <span className="flex items-baseline gap-3">
              <span className="mr-auto min-w-0 truncate">
                <Safe text={name} oneLine />
              </span>
              {about === undefined ? null : <span className="shrink-0 text-xs text-faint">{about}</span>}
              <span className="shrink-0 font-medium tabular-nums" title={number(count)}>
                {compact(count)}
              </span>
            </span>
            <span aria-hidden="true" className="mt-1 block h-1 rounded-full bg-raised">
              <span
                className={cx('block h-1 rounded-full', colour)}
                style={{ width: `${Math.max(1.5, (count / top) * 100)}%` }}
              />
            </span>
          </Found>
        </li>
      ))}
    </ol>
  );
}
