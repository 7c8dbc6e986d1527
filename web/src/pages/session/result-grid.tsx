/**
 * A result as a grid: columns with their types, null told from empty, masked cells in their colour, what was left out said. Only the
 * rows in sight are in the page.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { ClipboardCopy } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import { csvOf } from '../../format/csv.ts';
import { number, plural } from '../../format/format.ts';
import { safeText } from '../../format/safe.tsx';
import { Button, cx } from '../../ui/controls.tsx';
import { attempt } from '../../ui/overlays.tsx';
import { isNumeric, typeName } from './column-types.ts';
import type { Result, Row } from './model.ts';

const rowHeight = 26;
/** Rows shown before one asks for more. */
const rowsFirst = 10;
const rowsInSight = 16;
const cellLengthMax = 400;
const columnChars = { least: 6, most: 44 } as const;

export interface ResultGridProps {
  readonly protocol: string;
  readonly result: Result;
  /** Columns that were masked, and whether anything was. */
  readonly masked: ReadonlySet<string> | null;
  /** Reads what was not kept; null where all is here. */
  readonly readMore: (() => Promise<readonly Row[]>) | null;
  readonly version: number;
}

export function ResultGrid({ protocol, result, masked, readMore, version }: ResultGridProps): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const [read, setRead] = useState<readonly Row[] | null>(null);
  const [isReading, setReading] = useState(false);
  const rows = read ?? result.rows;
  const shown = isOpen ? rows : rows.slice(0, rowsFirst);
  const more = async (): Promise<void> => {
    setOpen(true);
    if (readMore === null || rows.length >= result.seen) return;
    setReading(true);
    await attempt(async () => setRead(await readMore()));
    setReading(false);
  };
  const hidden = result.seen - shown.length;
  return (
    <div className="border-t">
      <Grid protocol={protocol} columns={result.columns} rows={shown} masked={masked} version={version} />
      <div className="flex items-center gap-2 px-4 py-1.5 text-xs text-quiet">
        <span>
          {hidden > 0 ? `${number(shown.length)} of ${plural(result.seen, 'row')}` : plural(result.seen, 'row')}
          {result.columns.length === 0 ? '' : ` · ${plural(result.columns.length, 'column')}`}
        </span>
        {hidden > 0 ? (
          <Button size="small" tone="ghost" disabled={isReading} onClick={() => void more()}>
            {isReading ? 'Reading…' : 'Show more'}
          </Button>
        ) : null}
        {isOpen && hidden <= 0 && rows.length > rowsFirst ? (
          <Button size="small" tone="ghost" onClick={() => setOpen(false)}>
            Show less
          </Button>
        ) : null}
        <Button
          size="small"
          tone="ghost"
          className="ml-auto"
          icon={<ClipboardCopy className="size-3.5" />}
          onClick={() =>
            void attempt(
              () => navigator.clipboard.writeText(csvOf(result.columns, rows)),
              `${plural(rows.length, 'row')} copied as CSV.`,
            )
          }
        >
          Copy as CSV
        </Button>
      </div>
    </div>
  );
}

function Grid({
  protocol,
  columns,
  rows,
  masked,
}: Omit<ResultGridProps, 'result' | 'readMore'> & {
  readonly columns: Result['columns'];
  readonly rows: readonly Row[];
}): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
  });
  const template = templateOf(protocol, columns, rows);
  return (
    <div
      ref={scroller}
      role="table"
      aria-label="Result"
      aria-rowcount={rows.length + 1}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
      tabIndex={0}
      className="overflow-auto focus-visible:-outline-offset-2"
      style={{ maxHeight: (rowsInSight + 1) * rowHeight + 12 }}
    >
      <div role="rowgroup" className="sticky top-0 z-10 w-max min-w-full bg-raised">
        <div role="row" aria-rowindex={1} className="grid" style={{ gridTemplateColumns: template }}>
          {columns.map(({ name, type }, index) => (
            <div
              key={`${index}-${name}`}
              role="columnheader"
              className={cx(
                'flex min-w-0 items-baseline gap-1.5 px-3 py-1',
                isNumeric(typeName(protocol, type)) && 'justify-end',
              )}
            >
              <span className="truncate font-medium">{safeText(name)}</span>
              <span className="truncate text-2xs text-quiet">{safeText(typeName(protocol, type))}</span>
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative w-max min-w-full" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <div
            key={index}
            role="row"
            aria-rowindex={index + 2}
            className="absolute inset-x-0 top-0 grid items-center border-t border-line/60 hover:bg-hover"
            style={{ gridTemplateColumns: template, height: rowHeight, transform: `translateY(${start}px)` }}
          >
            {columns.map(({ name, type }, column) => (
              <Cell
                key={`${column}-${name}`}
                value={rows[index]?.[column] ?? null}
                isMaskedColumn={masked?.has(name) === true}
                mayBeMasked={masked !== null}
                isNumber={isNumeric(typeName(protocol, type))}
              />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

/** What a mask leaves looks like one of these; only where something was masked. */
const maskedLook = /^\[redacted\]$|\*{3,}|•{3,}|█{2,}/;

function Cell({
  value,
  isMaskedColumn,
  mayBeMasked,
  isNumber,
}: {
  readonly value: string | null;
  readonly isMaskedColumn: boolean;
  readonly mayBeMasked: boolean;
  readonly isNumber: boolean;
}): ReactNode {
  if (value === null) {
    return (
      <div role="cell" className={cx('px-3 text-2xs text-quiet italic', isNumber && 'text-right')}>
        null
      </div>
    );
  }
  const isMasked = isMaskedColumn || (mayBeMasked && maskedLook.test(value));
  const text = value.length > cellLengthMax ? `${value.slice(0, cellLengthMax)}…` : value;
  const shown = safeText(text.replace(/\n/g, '⏎').replace(/\t/g, '⇥'));
  return (
    <div
      role="cell"
      title={isMasked ? `Masked: ${shown}` : shown}
      className={cx('min-w-0 truncate px-3 font-mono text-xs', isNumber && 'text-right tabular-nums')}
    >
      {isMasked ? <bdi className="rounded bg-veil-soft px-1 text-veil">{shown}</bdi> : <bdi>{shown}</bdi>}
      {value === '' ? <span className="text-2xs text-quiet">empty</span> : null}
    </div>
  );
}

/** Widths of columns from what stands in their first rows. */
function templateOf(protocol: string, columns: Result['columns'], rows: readonly Row[]): string {
  const sample = rows.slice(0, 50);
  const chars = columns.map(({ name, type }, index) => {
    const head = name.length + typeName(protocol, type).length + 3;
    const widest = sample.reduce((most, row) => Math.max(most, row[index]?.length ?? 4), head);
    return Math.min(columnChars.most, Math.max(columnChars.least, widest));
  });
  // What is left of the width stays empty, so that a column stands beside its neighbour.
  return `${chars.map((count) => `${count * 0.52 + 1.5}rem`).join(' ')} 1fr`;
}
