/** A page's frame: its title, what can be done on it, and its parts. */
import { type ReactNode, useEffect } from 'react';
import { cx } from './controls.tsx';
import { setPlace } from './title.ts';

export function Page({
  title,
  about,
  actions,
  children,
  full = false,
  bare = false,
}: {
  readonly title: ReactNode;
  /** One quiet line below the title. */
  readonly about?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  /** Fills the height: lists that scroll by themselves. */
  readonly full?: boolean;
  /** Without the line of its title: what is shown has one of its own. */
  readonly bare?: boolean;
}): ReactNode {
  useEffect(() => {
    if (typeof title === 'string') setPlace(title);
  }, [title]);
  return (
    <div className={cx('flex min-w-0 flex-col', full && 'h-full min-h-0')}>
      {bare ? (
        <h1 className="sr-only">{title}</h1>
      ) : (
        <header className="flex min-h-14 flex-wrap items-center gap-x-4 gap-y-2 border-b px-4 py-2 md:px-6">
          <div className="mr-auto min-w-0">
            <h1 className="truncate text-base font-semibold tracking-tight">{title}</h1>
            {about === undefined ? null : <p className="text-xs text-quiet">{about}</p>}
          </div>
          {actions === undefined ? null : <div className="flex flex-wrap items-center gap-2">{actions}</div>}
        </header>
      )}
      <div className={cx('min-w-0 flex-1', full ? 'flex min-h-0 flex-col' : 'px-4 py-4 md:px-6')}>{children}</div>
    </div>
  );
}

/** A bordered part of a page. */
export function Panel({
  title,
  actions,
  children,
  flush = false,
  className,
}: {
  readonly title?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  /** Without inner space: tables bring their own. */
  readonly flush?: boolean;
  readonly className?: string;
}): ReactNode {
  return (
    <section className={cx('min-w-0 overflow-hidden rounded-lg border bg-sheet', className)}>
      {title === undefined ? null : (
        <div className="flex min-h-10 items-center justify-between gap-3 border-b px-4 py-1.5">
          <h2 className="text-xs font-semibold text-quiet">{title}</h2>
          {actions}
        </div>
      )}
      <div className={flush ? '' : 'p-4'}>{children}</div>
    </section>
  );
}

/** Names and values, in two columns where there is room. */
export function Facts({ of }: { readonly of: readonly (readonly [name: string, value: ReactNode])[] }): ReactNode {
  return (
    <dl className="grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 gap-y-1.5">
      {of.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-quiet">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
