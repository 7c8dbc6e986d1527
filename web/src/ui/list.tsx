/**
 * A table of any length: only the rows in sight are in the page. Arrow keys, j and k move, Enter opens, Home and End jump.
 *
 * Invariants: rows have one height, so that what is not loaded yet has its place and scrolling never jumps; reaching the end asks
 * for more; a row is a link where it leads somewhere, so that it can be opened in another tab.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { cx } from './controls.tsx';

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** Of CSS grid: `10rem`, `minmax(8rem, 1fr)`. */
  readonly width: string;
  readonly align?: 'right';
  /** Left out where the table is narrower than this many pixels. */
  readonly from?: number;
  readonly cell: (row: Row) => ReactNode;
}

export interface ListProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly onOpen?: (row: Row) => void;
  readonly hrefOf?: (row: Row) => string;
  readonly selected?: string | null;
  /** There is more: called when its place comes into sight. */
  readonly more?: (() => void) | null;
  readonly rowHeight?: number;
  readonly empty?: ReactNode;
  readonly className?: string;
}

const overscan = 12;

export function List<Row>(props: ListProps<Row>): ReactNode {
  const { label, rows, keyOf, onOpen, hrefOf, selected, more, rowHeight = 36, empty } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState(0);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const columns = props.columns.filter(({ from }) => from === undefined || width === 0 || width >= from);
  const template = { gridTemplateColumns: columns.map((column) => column.width).join(' ') };
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (more != null && last >= rows.length - overscan * 2) more();
  }, [more, last, rows.length]);

  const go = (index: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, index));
    setAt(next);
    virtual.scrollToIndex(next);
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus({ preventScroll: true }),
    );
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const page = Math.floor((scroller.current?.clientHeight ?? 400) / rowHeight) - 1;
    const moves: Readonly<Record<string, number>> = {
      ArrowDown: at + 1,
      j: at + 1,
      ArrowUp: at - 1,
      k: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(to);
  };

  return (
    <div className={cx('flex min-h-0 min-w-0 flex-1 flex-col', props.className)}>
      <div
        ref={scroller}
        role="table"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        className="min-h-0 flex-1 overflow-auto"
        onKeyDown={onKeyDown}
      >
        <div role="rowgroup" className="sticky top-0 z-10 border-b bg-ground">
          <div role="row" aria-rowindex={1} className="grid h-8 items-center gap-3 px-4 md:px-6" style={template}>
            {columns.map((column) => (
              <div
                key={column.id}
                role="columnheader"
                className={cx('truncate text-2xs font-medium text-faint', column.align === 'right' && 'text-right')}
              >
                {column.title}
              </div>
            ))}
          </div>
        </div>
        {rows.length === 0 ? (
          <div role="rowgroup">
            <div role="row">
              <div role="cell">{empty}</div>
            </div>
          </div>
        ) : (
          <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = rows[item.index]!;
              const key = keyOf(row);
              const href = hrefOf?.(row);
              const shared = {
                role: 'row',
                'aria-rowindex': item.index + 2,
                'data-index': item.index,
                tabIndex: item.index === at ? 0 : -1,
                'aria-selected': key === selected ? true : undefined,
                onFocus: () => setAt(item.index),
                className: cx(
                  'absolute inset-x-0 top-0 grid items-center gap-3 border-b px-4 hover:bg-hover md:px-6 focus-visible:-outline-offset-2',
                  key === selected && 'bg-accent-soft',
                ),
                style: { ...template, height: rowHeight, transform: `translateY(${item.start}px)` },
              } as const;
              const cells = columns.map((column) => (
                <div
                  key={column.id}
                  role="cell"
                  className={cx('min-w-0 truncate', column.align === 'right' && 'text-right tabular-nums')}
                >
                  {column.cell(row)}
                </div>
              ));
              const opens = (event: { preventDefault(): void; metaKey: boolean; ctrlKey: boolean }): void => {
                if (onOpen === undefined || event.metaKey || event.ctrlKey) return;
                event.preventDefault();
                onOpen(row);
              };
              return href === undefined ? (
                // biome-ignore lint/a11y/noStaticElementInteractions: it is a row, which the table's keys move between
                <div key={key} {...shared} onClick={opens} onKeyUp={(event) => event.key === 'Enter' && onOpen?.(row)}>
                  {cells}
                </div>
              ) : (
                <a key={key} href={href} {...shared} onClick={opens}>
                  {cells}
                </a>
              );
            })}
          </div>
        )}
      </div>
    </div>
  );
}
