/**
 * A list beside what it lists: rows of a few lines, each a link, one of them shown. Of any length: only rows in sight are in the page.
 *
 * Deliberately absent: keys (the page's, since they go on while the focus is in what is shown), columns (ui/list.tsx).
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';
import { cx } from './controls.tsx';

export interface StackProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly hrefOf: (row: Row) => string;
  readonly onOpen: (row: Row) => void;
  readonly selected: string | null;
  readonly rowHeight: number;
  readonly more: (() => void) | null;
  readonly row: (row: Row) => ReactNode;
}

const overscan = 8;

export function Stack<Row>(props: StackProps<Row>): ReactNode {
  const { label, rows, keyOf, hrefOf, onOpen, selected, rowHeight, more } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (more !== null && last >= rows.length - overscan * 2) more();
  }, [more, last, rows.length]);
  const at = rows.findIndex((row) => keyOf(row) === selected);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at);
  }, [at, virtual]);
  return (
    <div ref={scroller} className="min-h-0 flex-1 overflow-auto">
      <ul aria-label={label} className="relative" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index]!;
          const key = keyOf(row);
          return (
            <li
              key={key}
              aria-posinset={item.index + 1}
              aria-setsize={rows.length}
              className="absolute inset-x-0 top-0 border-b"
              style={{ height: rowHeight, transform: `translateY(${item.start}px)` }}
            >
              <a
                href={hrefOf(row)}
                aria-current={key === selected ? 'true' : undefined}
                onClick={(event) => {
                  if (event.metaKey || event.ctrlKey) return;
                  event.preventDefault();
                  onOpen(row);
                }}
                className={cx(
                  'block h-full px-4 py-2.5 hover:bg-hover focus-visible:-outline-offset-2',
                  key === selected && 'bg-accent-soft hover:bg-accent-soft',
                )}
              >
                {props.row(row)}
              </a>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
