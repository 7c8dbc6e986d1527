/** A result as a grid: only the rows in sight are in the page, however many there are. Values are shown as the target spelled them. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useMemo, useRef } from 'react';
import { Safe, safeText } from '../../format/safe.tsx';
import type { Result } from './bench.ts';

const rowHeight = 26;
const characterWidth = 7.3;
const columnWidthMin = 72;
const columnWidthMax = 360;
/** Rows whose lengths decide how wide a column is. */
const rowsMeasured = 100;

export function Grid({ result, label }: { readonly result: Result; readonly label: string }): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const { columns, rows } = result;
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are added to one list; the first hundred decide
  const widths = useMemo(
    () =>
      columns.map(({ name, type }, index) => {
        let longest = Math.max(name.length, type.length);
        for (const row of rows.slice(0, rowsMeasured)) longest = Math.max(longest, row[index]?.length ?? 4);
        return Math.min(columnWidthMax, Math.max(columnWidthMin, Math.ceil(longest * characterWidth) + 24));
      }),
    [columns, Math.min(rows.length, rowsMeasured)],
  );
  const numberWidth = 24 + String(rows.length).length * characterWidth;
  const template = { gridTemplateColumns: `${numberWidth}px ${widths.map((width) => `${width}px`).join(' ')}` };
  const width = numberWidth + widths.reduce((sum, one) => sum + one, 0);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 20,
  });
  return (
    <div
      ref={scroller}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must be reached by keyboard
      tabIndex={0}
      className="min-h-0 flex-1 overflow-auto font-mono text-xs"
    >
      <div role="rowgroup" className="sticky top-0 z-10 border-b bg-raised" style={{ width }}>
        <div role="row" className="grid h-10 items-center" style={template}>
          <div role="columnheader" aria-label="Row" />
          {columns.map(({ name, type }, index) => (
            <div key={index} role="columnheader" className="truncate border-l px-2 leading-4">
              <span className="block truncate font-semibold">
                <Safe text={name} oneLine />
              </span>
              <span className="block truncate text-2xs text-quiet">{safeText(type)}</span>
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize(), width }}>
        {virtual.getVirtualItems().map((item) => (
          <div
            key={item.index}
            role="row"
            aria-rowindex={item.index + 2}
            className="absolute top-0 left-0 grid items-center border-b hover:bg-hover"
            style={{ ...template, width, height: rowHeight, transform: `translateY(${item.start}px)` }}
          >
            <div role="rowheader" className="px-2 text-right text-2xs text-faint">
              {item.index + 1}
            </div>
            {columns.map((_, index) => (
              <Cell key={index} value={rows[item.index]?.[index] ?? null} />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

function Cell({ value }: { readonly value: string | null }): ReactNode {
  return (
    <div
      role="cell"
      className="truncate border-l px-2 leading-[25px]"
      title={value === null ? 'NULL' : safeText(value.slice(0, 500))}
    >
      {value === null ? <span className="text-faint italic">null</span> : <Safe text={value.slice(0, 2_000)} oneLine />}
    </div>
  );
}
