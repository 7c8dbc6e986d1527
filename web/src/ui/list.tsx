/**
 * A table of any length: only the rows in sight are in the page. Arrow keys, j and k move, Enter opens, Space looks, Home and End jump.
 *
 * Invariants: rows have one height, so that what is not loaded yet has its place and scrolling never jumps; no frame shows a place
 * without its row (rows.ts); nearing the end asks for more, a few screens ahead; a row is a link where it leads somewhere, so that
 * it can be opened in another tab.
 */
import { type KeyboardEvent, type MouseEvent, memo, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { cx } from './controls.tsx';
import { type Place, useRowWindow } from './rows.ts';

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
  /** Enter; a click as well, where there is no `onPeek`. */
  readonly onOpen?: (row: Row) => void;
  /** Space or a click: to look at it without leaving. */
  readonly onPeek?: (row: Row) => void;
  /** A key has moved to a row. */
  readonly onMove?: (row: Row) => void;
  readonly hrefOf?: (row: Row) => string | undefined;
  readonly selected?: string | null;
  /** There is more: called when its place comes near. */
  readonly more?: (() => void) | null;
  readonly rowHeight?: number;
  readonly empty?: ReactNode;
  readonly className?: string;
  /** Kept by the caller, it is where the list stands when it is shown again. */
  readonly place?: Place;
  /** Without the line of titles: where one column says everything. */
  readonly bare?: boolean;
}

const headHeight = 33;
/** More is asked for so many screens before the end. */
const screensAhead = 3;

export function List<Row>(props: ListProps<Row>): ReactNode {
  const {
    label,
    rows,
    keyOf,
    onOpen,
    onPeek,
    onMove,
    hrefOf,
    selected,
    more,
    rowHeight = 36,
    empty,
    bare = false,
  } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const sheet = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [ownPlace] = useState<Place>({ top: 0, at: 0 });
  const place = props.place ?? ownPlace;
  const [, setAt] = useState(place.at);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const all = props.columns;
  const columns = useMemo(
    () => all.filter(({ from }) => from === undefined || width === 0 || width >= from),
    [all, width],
  );
  const template = useMemo(() => columns.map((column) => column.width).join(' '), [columns]);
  const shown = useRowWindow(scroller, sheet, {
    count: rows.length,
    rowHeight,
    headHeight: bare ? 0 : headHeight,
    place,
  });
  const isNearEnd = shown.to >= rows.length - shown.visible * screensAhead;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each answer may still be too short
  useEffect(() => {
    if (more != null && isNearEnd) more();
  }, [more, isNearEnd, rows.length]);

  const rowOf = (target: EventTarget): HTMLElement | null =>
    target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
  const go = (index: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, index));
    if (rows.length === 0) return;
    place.at = next;
    setAt(next);
    shown.show(next);
    sheet.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus({ preventScroll: true });
    onMove?.(rows[next]!);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return;
    // What lies above the list (a menu, a dialog of a row) has keys of its own.
    if (!event.currentTarget.contains(event.target as Node)) return;
    const at = Math.min(place.at, rows.length - 1);
    const element = rowOf(event.target);
    if (element !== null && element === event.target) {
      const act = event.key === 'Enter' ? onOpen : event.key === ' ' ? onPeek : undefined;
      const row = rows[Number(element.dataset['index'])];
      if (act !== undefined && row !== undefined) {
        event.preventDefault();
        act(row);
        return;
      }
    }
    const page = Math.max(1, shown.visible - 2);
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
  const onClick = (event: MouseEvent): void => {
    const act = onPeek ?? onOpen;
    const element = rowOf(event.target);
    const row = element === null ? undefined : rows[Number(element.dataset['index'])];
    if (act === undefined || row === undefined || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const control = (event.target as Element).closest('a, button, input, select, label');
    if (control !== null && control !== element && element!.contains(control)) {
      // A button in a row that is a link: the browser would follow the link.
      if (control.tagName === 'BUTTON') event.preventDefault();
      return;
    }
    event.preventDefault();
    act(row);
  };
  const onFocus = (event: { readonly target: EventTarget }): void => {
    const element = rowOf(event.target);
    if (element === null) return;
    const index = Number(element.dataset['index']);
    if (index === place.at && element !== event.target) return;
    place.at = index;
    setAt(index);
  };

  // What is out of sight cannot be come to by Tab: then it is the first row that is.
  const tabStop = place.at >= shown.from && place.at < shown.to ? place.at : shown.from;
  return (
    <div className={cx('flex min-h-0 min-w-0 flex-1 flex-col', props.className)}>
      <div
        ref={scroller}
        role="table"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        className="min-h-0 flex-1 overflow-auto [overflow-anchor:none]"
        onKeyDown={onKeyDown}
        onClick={onClick}
        onFocus={onFocus}
      >
        <Head columns={columns} template={template} bare={bare} />
        {rows.length === 0 ? (
          <div role="rowgroup">
            <div role="row">
              <div role="cell">{empty}</div>
            </div>
          </div>
        ) : (
          <div style={{ height: shown.spacer }}>
            <div
              className="sticky overflow-y-clip"
              style={{ height: shown.height, top: bare ? 0 : headHeight }}
              data-rows-from={shown.from}
            >
              {/* Nothing here moves in steps of its own, not even within the moment that reduced motion allows. */}
              <div ref={sheet} role="rowgroup" className="relative transition-none will-change-transform">
                {rows.slice(shown.from, shown.to).map((row, offset) => {
                  const index = shown.from + offset;
                  const key = keyOf(row);
                  return (
                    <Line<Row>
                      key={key}
                      row={row}
                      index={index}
                      top={shown.offsetOf(index)}
                      height={rowHeight}
                      columns={columns}
                      template={template}
                      isSelected={key === selected}
                      isTabStop={index === tabStop}
                      href={hrefOf?.(row)}
                    />
                  );
                })}
              </div>
            </div>
          </div>
        )}
      </div>
    </div>
  );
}

function Head<Row>({
  columns,
  template,
  bare,
}: {
  readonly columns: readonly Column<Row>[];
  readonly template: string;
  readonly bare: boolean;
}): ReactNode {
  return (
    <div role="rowgroup" className={bare ? 'sr-only' : 'sticky top-0 z-10 border-b bg-ground'}>
      <div
        role="row"
        aria-rowindex={1}
        className="grid h-8 items-center gap-3 px-4 md:px-6"
        style={{ gridTemplateColumns: template }}
      >
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
  );
}

interface LineProps<Row> {
  readonly row: Row;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly columns: readonly Column<Row>[];
  readonly template: string;
  readonly isSelected: boolean;
  readonly isTabStop: boolean;
  readonly href: string | undefined;
}

function PlainLine<Row>(props: LineProps<Row>): ReactNode {
  const { row, index, top, height, columns, template, isSelected, isTabStop, href } = props;
  const shared = {
    role: 'row',
    'aria-rowindex': index + 2,
    'data-index': index,
    tabIndex: isTabStop ? 0 : -1,
    'aria-selected': isSelected ? true : undefined,
    className: cx(
      'absolute inset-x-0 top-0 grid transition-none items-center gap-3 border-b px-4 hover:bg-hover md:px-6 focus-visible:-outline-offset-2',
      isSelected && 'bg-accent-soft',
    ),
    style: { gridTemplateColumns: template, height, transform: `translateY(${top}px)` },
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
  return href === undefined ? (
    <div {...shared}>{cells}</div>
  ) : (
    <a href={href} draggable={false} {...shared}>
      {cells}
    </a>
  );
}

/** Drawn anew only where something of it changed: a list that scrolls draws the rows that come. */
const Line = memo(PlainLine) as typeof PlainLine;
